/* The actions and resources that an operation needs: sandbox/names/operations.txt (written by
 * tools/iam-operations). */
#include "sandbox/iam/internal.h"

#include "base/embed.h"

#include <stdio.h>

struct line {
    struct str actions, arns;
    bool passes; /* the operation passes roles */
    const struct head *head;
    const struct line *next; /* same operation and signing name, another service; or NULL */
};

/* The line of a service: the prefixes of its actions and ARNs. */
struct head {
    struct str prefix, start;
};

static struct map lines, heads; /* lines: "glue GetTable" -> struct line; heads: service -> struct head */
static struct arena texts;
static pthread_once_t read_once = PTHREAD_ONCE_INIT;

static struct str without_null(struct str s)
{
    return s.p ? s : STR_EMPTY;
}

static void read_lines(void)
{
    const struct embedded_file *file = embedded_find(STR("sandbox/names/operations.txt"));
    struct str text = file ? embedded_text(file) : STR_EMPTY, service = STR_EMPTY;
    struct head *head = NULL;
    while (text.n) {
        struct str rest, row = str_cut(text, '\n', &text);
        if (row.n && row.p[0] != ' ') {
            head = ARENA_NEW(&texts, struct head);
            service = str_cut(row, ' ', &rest);
            head->prefix = str_cut(without_null(rest), ' ', &rest);
            head->start = without_null(rest);
            map_set(&heads, service, head);
        } else if (row.n) {
            struct line *line = ARENA_NEW(&texts, struct line);
            struct str name = str_cut(str_trim(row), ' ', &rest);
            line->passes = str_ends(name, STR("+"));
            name = line->passes ? str_slice(name, 0, name.n - 1) : name;
            line->actions = str_cut(without_null(rest), ' ', &rest);
            line->arns = without_null(rest);
            line->head = head;
            struct str key = arena_printf(&texts, "%.*s %.*s", STR_ARG(service), STR_ARG(name));
            line->next = map_get(&lines, key);
            map_set(&lines, key, line);
        }
    }
}

/* Returns the IAM prefix of a service's actions: cloudwatch for monitoring. */
static struct str needs_prefix(struct str service)
{
    pthread_once(&read_once, read_lines);
    const struct head *head = map_get(&heads, service);
    return head ? head->prefix : service;
}

/* ---- ARNs ---- */

struct filling {
    struct gate *gate;
    struct arena *arena;
    const struct gate_request *request;
    struct str region, account;
    bool unknown;     /* a member is missing */
    struct str whole; /* ARN given by the last member */
};

/* Returns the first member of A|B.C|D[].E=default that the request has; `turn` is the index in a list. */
static struct str member_text(const struct filling *f, struct str spec, uint32_t turn, uint32_t *batch)
{
    struct str fallback, names = str_cut(spec, '=', &fallback);
    while (names.n) {
        const struct value *v = wire_path(f->arena, f->request->input, str_cut(names, '|', &names));
        if (v && v->kind == VALUE_LIST) {
            *batch = v->count > *batch ? v->count : *batch;
            v = v->count ? v->items[turn < v->count ? turn : v->count - 1] : NULL;
        }
        struct str text = v ? value_scalar_text(f->arena, v) : STR_EMPTY;
        if (text.n)
            return text;
    }
    return without_null(fallback);
}

/* Returns the last part of a URL or an ARN, for templates that need a name. */
static struct str last_part(struct str text)
{
    bool arn = str_starts(text, STR("arn:"));
    if (!arn && str_find(text, STR("://"), 0) < 0)
        return text;
    return str_slice(text, str_after_last(text, arn ? "/:" : "/"), text.n);
}

static void fill_one(
    struct filling *f, struct buf *out, struct str name, bool last, uint32_t turn, uint32_t *batch)
{
    if (str_eqz(name, "@region")) {
        buf_add_str(out, f->region);
        return;
    }
    if (str_eqz(name, "@account")) {
        buf_add_str(out, f->account);
        return;
    }
    struct str text = member_text(f, name, turn, batch);
    f->unknown |= !text.n;
    if (last && str_starts(text, STR("arn:")))
        f->whole = text;
    text = last_part(text);
    if (text.n && text.p[0] == '/' && out->n && buf_str(out).p[out->n - 1] == '/') /* /parameter */
        text = str_slice(text, 1, text.n);
    buf_add_str(out, text.n ? text : STR("*"));
}

static struct str needs_filled(struct filling *f, struct str template, uint32_t turn, uint32_t *batch)
{
    AUTO_BUF struct buf out = BUF_INIT;
    f->unknown = false;
    f->whole = STR_EMPTY;
    struct str before, name;
    while (str_take_name(&template, "{", &before, &name)) {
        buf_add_str(&out, before);
        fill_one(f, &out, name, str_find_char(template, '{', 0) < 0, turn, batch);
    }
    buf_add_str(&out, template);
    return f->whole.n ? f->whole : arena_str(f->arena, buf_str(&out));
}

/* Replaces an ARN made from another name of a resource by its real ARN: a key alias, a secret's name, a role
 * without its path. */
static struct str known_arn(struct filling *f, struct str arn)
{
    static const struct {
        const char *service, *mark, *type;
    } kinds[] = {
        {"secretsmanager", ":secret:", "aws.secretsmanager.secret"},
        {"kms", ":key/", "aws.kms.key"},
        {"iam", ":role/", "aws.iam.role"},
        {"iam", ":user/", "aws.iam.user"},
        {"iam", ":group/", "aws.iam.group"},
        {"iam", ":instance-profile/", "aws.iam.instance_profile"},
        {"ecs", ":task-definition/", "aws.ecs.task_definition"},
        {"redshift-serverless", ":workgroup/", "aws.redshiftserverless.workgroup"},
        {"redshift-serverless", ":namespace/", "aws.redshiftserverless.namespace"},
        {"redshift-data", ":workgroup/", "aws.redshiftserverless.workgroup"},
    };
    struct control_record found, alias;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        ptrdiff_t at =
            str_eqz(f->request->service, kinds[i].service) ? str_find(arn, str_z(kinds[i].mark), 0) : -1;
        if (at < 0)
            continue;
        struct str name = str_slice(arn, (size_t)at + strlen(kinds[i].mark), arn.n);
        if (str_starts(name, STR("alias/")) &&
            control_find(f->gate->control, f->arena, STR("aws.kms.alias"), f->region, name, &alias))
            name = value_gets(alias.attrs, "key");
        if (!control_find(f->gate->control, f->arena, str_z(kinds[i].type), f->region, name, &found))
            return arn;
        struct str known = value_gets(found.attrs, "arn");
        return known.n ? known : arn;
    }
    return arn;
}

/* Removes the version or alias from a function's ARN (except for Invoke, since each qualifier has a policy of
 * its own), and the version or label from a parameter's. */
static struct str without_version(struct filling *f, struct str arn)
{
    bool call = str_starts(f->request->operation, STR("Invoke")) && !str_ends(arn, STR(":$LATEST")),
         parameter = str_eqz(f->request->service, "ssm");
    struct str mark = parameter ? STR(":parameter/") : STR(":function:");
    ptrdiff_t at = parameter || str_eqz(f->request->service, "lambda") ? str_find(arn, mark, 0) : -1;
    if (at < 0 || call)
        return arn;
    ptrdiff_t end = str_find_char(arn, ':', (size_t)at + mark.n);
    return end < 0 ? arn : str_slice(arn, 0, (size_t)end);
}

struct growing {
    struct need *items;
    size_t n, cap;
};

static void add_need(
    struct filling *f, struct growing *g, struct str prefix, struct str actions, struct str arn)
{
    while (actions.n) {
        struct str name = str_cut(actions, ',', &actions);
        if (g->n == g->cap) {
            struct need *more = ARENA_ARRAY(f->arena, struct need, g->cap * 2 + 4);
            if (g->n)
                memcpy(more, g->items, g->n * sizeof *more);
            g->items = more;
            g->cap = g->cap * 2 + 4;
        }
        g->items[g->n++] =
            (struct need){arena_printf(f->arena, "%.*s:%.*s", STR_ARG(prefix), STR_ARG(name)), arn};
    }
}

static void add_template(struct filling *f, struct growing *g, const struct line *line, struct str template)
{
    bool optional = template.p[0] == '?';
    uint32_t batch = 1;
    if (optional)
        template = str_slice(template, 1, template.n);
    bool own = str_starts(template, STR("arn:"));
    if (!own)
        template = arena_printf(f->arena, "%.*s%.*s", STR_ARG(line->head->start), STR_ARG(template));
    for (uint32_t turn = 0; turn < batch; turn++) {
        struct str arn = needs_filled(f, template, turn, &batch);
        if (!optional || !f->unknown)
            add_need(f, g, line->head->prefix, line->actions, without_version(f, known_arn(f, arn)));
    }
}

static const struct line *line_of(const struct gate_request *request)
{
    char key[256];
    pthread_once(&read_once, read_lines);
    int length =
        snprintf(key, sizeof key, "%.*s %.*s", STR_ARG(request->service), STR_ARG(request->operation));
    return length < (int)sizeof key ? map_get(&lines, str_n(key, (size_t)length)) : NULL;
}

bool needs_passing(const struct gate_request *request)
{
    const struct line *line = line_of(request);
    return line && line->passes;
}

/* True if the request has all members of the line's ARNs. */
static bool is_reported(struct filling *f, const struct line *line)
{
    struct str arns = line->arns;
    bool reported = true;
    while (arns.n && reported) {
        uint32_t batch = 1;
        needs_filled(f, str_cut(arns, ' ', &arns), 0, &batch);
        reported = !f->unknown;
    }
    return reported;
}

struct need *needs_of(struct gate *gate, struct arena *arena, const struct gate_request *request, size_t *n)
{
    const struct line *line = line_of(request);
    struct filling f = {.gate = gate,
        .arena = arena,
        .request = request,
        .region = request->region,
        .account = sandbox_account(gate->sandbox)};
    struct growing found = {0};
    while (line && line->next && !is_reported(&f, line))
        line = line->next;
    if (line && str_eqz(line->actions, "-")) { /* the handler checks each resource */
        *n = 0;
        return NULL;
    }
    struct str arns = line ? line->arns : STR_EMPTY;
    while (arns.n)
        add_template(&f, &found, line, str_cut(arns, ' ', &arns));
    if (!found.n)
        add_need(
            &f, &found, needs_prefix(request->service), line ? line->actions : request->operation, STR("*"));
    *n = found.n;
    return found.items;
}
