/* iam:PassRole: who hands a role to a service has to be allowed to. */
#include "sandbox/iam/internal.h"

struct looking {
    struct gate *gate;
    struct arena *arena;
    struct str *roles;
    size_t n, cap;
    bool names; /* a bare name is a role's too */
};

static bool has_role(struct str name)
{
    for (size_t i = 0; i + 4 <= name.n; i++)
        if (str_ieq(str_slice(name, i, i + 4), STR("role")))
            return true;
    return false;
}

static void add_role(struct looking *l, struct str text)
{
    bool arn = str_starts(text, STR("arn:aws:iam:")) && str_find(text, STR(":role/"), 0) > 0;
    struct control_record role;
    struct str known = text;
    if (!arn && (!l->names || !text.n || str_find_char(text, ':', 0) >= 0))
        return;
    if (!arn &&
        !control_find(l->gate->control, l->arena, STR("aws.iam.role"), STR_EMPTY, role_name(text), &role))
        return;
    if (!arn)
        known = value_gets(role.attrs, "arn");
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->roles[i], known))
            return;
    if (l->n < l->cap)
        l->roles[l->n++] = known;
}

/* An instance profile hands over the role in it. */
static void add_profile(struct looking *l, const struct value *profile)
{
    struct control_record found;
    struct str arn = value_gets(profile, "Arn"), name = value_gets(profile, "Name");
    struct str id = name.n ? name : role_name(arn);
    if (id.n &&
        control_find(l->gate->control, l->arena, STR("aws.iam.instance_profile"), STR_EMPTY, id, &found)) {
        const struct value *roles = value_getz(found.attrs, "roles");
        bool names = l->names;
        l->names = true;
        for (uint32_t i = 0; roles && roles->kind == VALUE_LIST && i < roles->count; i++)
            add_role(l, value_text(roles->items[i], STR_EMPTY));
        l->names = names;
    }
}

/* Members that are called a role, at any depth; keys of lists are their members' own. */
static void passing_look(struct looking *l, struct str name, const struct value *v)
{
    if (v->kind == VALUE_MAP && str_eqz(name, "IamInstanceProfile"))
        add_profile(l, v);
    if (v->kind == VALUE_STRING && has_role(name))
        add_role(l, v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        passing_look(l, name, v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        passing_look(l, v->entries[i].key, v->entries[i].value);
}

/* What AWS's reference names, and else what makes, changes or starts something: of Glue, Events, Redshift and
 * others it does not say. STS takes a role on, and IAM is about them. */
static bool passing_passes(const struct gate_request *request)
{
    static const char *const starts[] = {"Create", "Update", "Put", "Start", "Run", "Register", "Modify",
        "Submit", "Associate", "Restore", "Add"};
    if (str_eqz(request->service, "iam"))
        return str_eqz(request->operation, "AddRoleToInstanceProfile");
    bool found = needs_passing(request);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        found |= str_starts(request->operation, str_z(starts[i]));
    return found && !str_eqz(request->service, "sts") && !str_eqz(request->service, "secretsmanager") &&
           !str_eqz(request->operation, "PutResourcePolicy") && !str_eqz(request->operation, "AddPermission");
}

/* Whom roles are for, where that is not SERVICE.amazonaws.com; no operation: all of the service's. */
static struct str passed_to(struct arena *arena, const struct gate_request *request)
{
    static const struct {
        const char *service, *operation, *to;
    } others[] = {
        {"ecs", NULL, "ecs-tasks.amazonaws.com"},
        {"batch", "RegisterJobDefinition", "ecs-tasks.amazonaws.com"},
        {"airflow", NULL, "airflow-env.amazonaws.com"},
        {"iam", NULL, "ec2.amazonaws.com"},
        {"monitoring", NULL, "cloudwatch.amazonaws.com"},
        {"ec2", "CreateFlowLogs", "vpc-flow-logs.amazonaws.com"},
        {"rds", "CreateDBInstance", "monitoring.rds.amazonaws.com"},
        {"rds", "ModifyDBInstance", "monitoring.rds.amazonaws.com"},
        {"rds", "RestoreDBInstanceFromDBSnapshot", "monitoring.rds.amazonaws.com"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eqz(request->service, others[i].service) &&
            (!others[i].operation || str_eqz(request->operation, others[i].operation)))
            return str_z(others[i].to);
    return arena_printf(arena, "%.*s.amazonaws.com", STR_ARG(request->service));
}

const struct str *passed_roles(
    struct gate *gate, struct arena *arena, const struct gate_request *request, size_t *n, struct str *to)
{
    enum { MOST = 64 };
    struct looking l = {.gate = gate,
        .arena = arena,
        .roles = ARENA_ARRAY(arena, struct str, MOST),
        .cap = MOST,
        .names = str_eqz(request->service, "glue") || str_eqz(request->service, "iam")};
    if (passing_passes(request))
        passing_look(&l, STR_EMPTY, request->input);
    *to = passed_to(arena, request);
    *n = l.n;
    return l.roles;
}
