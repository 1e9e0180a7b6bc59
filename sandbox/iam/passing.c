/* iam:PassRole: who hands a role to a service has to be allowed to. */
#include "sandbox/iam/internal.h"

#include <ctype.h>

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

/* Members that are called a role, at any depth; keys of lists are their members' own. */
static void look(struct looking *l, struct str name, const struct value *v)
{
    if (v->kind == VALUE_STRING && has_role(name))
        add_role(l, v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        look(l, name, v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        look(l, v->entries[i].key, v->entries[i].value);
}

/* Only what makes, changes or starts something hands a role over; STS takes one on, and IAM is about them. */
static bool passes(const struct gate_request *request)
{
    static const char *const starts[] = {"Create", "Update", "Put", "Start", "Run", "Register", "Modify",
        "Submit", "Associate", "Restore", "Add"};
    if (str_eqz(request->service, "iam"))
        return str_eqz(request->operation, "AddRoleToInstanceProfile");
    bool found = false;
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        found |= str_starts(request->operation, str_z(starts[i]));
    return found && !str_eqz(request->service, "sts") && !str_eqz(request->service, "secretsmanager") &&
           !str_eqz(request->operation, "PutResourcePolicy") && !str_eqz(request->operation, "AddPermission");
}

/* Whom roles are for, where that is not SERVICE.amazonaws.com. */
static struct str passed_to(struct arena *arena, const struct gate_request *request)
{
    static const char *const others[][2] = {{"ecs", "ecs-tasks.amazonaws.com"},
        {"airflow", "airflow-env.amazonaws.com"}, {"iam", "ec2.amazonaws.com"},
        {"monitoring", "cloudwatch.amazonaws.com"}, {"kafka", "kafka.amazonaws.com"},
        {"redshift-serverless", "redshift-serverless.amazonaws.com"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eqz(request->service, others[i][0]))
            return str_z(others[i][1]);
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
    if (passes(request))
        look(&l, STR_EMPTY, request->input);
    *to = passed_to(arena, request);
    *n = l.n;
    return l.roles;
}
