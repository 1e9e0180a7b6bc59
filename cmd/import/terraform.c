/* Reads the output of `terraform show -json` and builds the stack. */
#include "cmd/import/terraform.h"
#include "stacks/stack.h"

struct str group_address(struct arena *arena, const struct group *group)
{
    return arena_printf(arena, "%.*s%s%s%.*s.%.*s", STR_ARG(group->module), group->module.n ? "." : "",
        group->data ? "data." : "", STR_ARG(group->type), STR_ARG(group->name));
}

enum { WAITS_MAX = 8 /* resources in a row that are not imported */ };

/* ---- the configuration ---- */

struct str terraform_step(struct str *address, struct str *key)
{
    struct str text = *address;
    bool quoted = false;
    size_t end = 0;
    for (; end < text.n && (quoted || text.p[end] != '.'); end++)
        if (quoted && text.p[end] == '\\')
            end++;
        else
            quoted ^= text.p[end] == '"';
    struct str step = str_slice(text, 0, end);
    *address = end < text.n ? str_slice(text, end + 1, text.n) : STR_EMPTY;
    *key = STR_EMPTY;
    ptrdiff_t open = str_find_char(step, '[', 0);
    if (open < 0)
        return step;
    struct str rest = str_slice(step, (size_t)open + 1, step.n);
    ptrdiff_t close = str_find(rest, str_starts(rest, STR("\"")) ? STR("\"]") : STR("]"), 0);
    if (close >= 0)
        *key = str_slice(rest, 0, (size_t)close + (rest.p[close] == '"'));
    return str_slice(step, 0, (size_t)open);
}

const struct value *terraform_module(const struct terraform *t, struct str module)
{
    const struct value *at = value_getz(t->configuration, "root_module");
    struct str key;
    while (at && module.n) {
        terraform_step(&module, &key); /* the word "module" */
        at = value_getz(value_get(value_getz(at, "module_calls"), terraform_step(&module, &key)), "module");
    }
    return at;
}

static const struct value *config_of(const struct terraform *t, const struct group *group)
{
    const struct value *list = value_getz(terraform_module(t, group->module), "resources");
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct value *r = list->items[i];
        if (str_eq(value_gets(r, "type"), group->type) && str_eq(value_gets(r, "name"), group->name) &&
            str_eqz(value_gets(r, "mode"), "data") == group->data)
            return r;
    }
    return NULL;
}

/* ---- instances ---- */

static struct group *find_group(struct terraform *t, struct str module, const struct value *r)
{
    struct group one = {.module = module,
        .type = value_gets(r, "type"),
        .name = value_gets(r, "name"),
        .data = str_eqz(value_gets(r, "mode"), "data")};
    struct str address = group_address(t->arena, &one);
    struct group *group = map_get(&t->groups, address);
    if (group)
        return group;
    group = ARENA_NEW(t->arena, struct group);
    *group = one;
    group->why = group->asked = group->provider = STR_EMPTY;
    group->config = config_of(t, group);
    map_set(&t->groups, address, group);
    return group;
}

static void add_instance(struct terraform *t, struct str module, const struct value *r)
{
    struct group *group = find_group(t, module, r);
    struct tf_instance *instance = ARENA_NEW(t->arena, struct tf_instance);
    const struct value *index = value_getz(r, "index");
    *instance = (struct tf_instance){.group = group,
        .address = value_gets(r, "address"),
        .has_key = !value_is_null(index),
        .key = value_is_null(index) ? STR_EMPTY : value_scalar_text(t->arena, index),
        .id = STR_EMPTY,
        .values = value_as_map(value_getz(r, "values")),
        .sensitive = value_getz(r, "sensitive_values")};
    ARENA_GROW(t->arena, group->instances, group->n, group->cap);
    group->instances[group->n++] = instance;
}

static void read_module(struct terraform *t, const struct value *module, int depth)
{
    const struct value *resources = value_getz(module, "resources"),
                       *children = value_getz(module, "child_modules");
    for (uint32_t i = 0; resources && resources->kind == VALUE_LIST && i < resources->count; i++)
        add_instance(t, value_gets(module, "address"), resources->items[i]);
    for (uint32_t i = 0; depth < 32 && children && children->kind == VALUE_LIST && i < children->count; i++)
        read_module(t, children->items[i], depth + 1);
}

/* ---- inputs and outputs ---- */

static const char *type_of(const struct value *v)
{
    static const char *const names[] = {[VALUE_NULL] = "any",
        [VALUE_BOOL] = "boolean",
        [VALUE_INT] = "integer",
        [VALUE_FLOAT] = "number",
        [VALUE_STRING] = "string",
        [VALUE_LIST] = "list(any)",
        [VALUE_MAP] = "map(any)"};
    return value_is_null(v) ? "any" : names[v->kind];
}

static void add_input(
    struct terraform *t, struct str name, const struct value *config, const struct value *value)
{
    struct tree *input = tree_new(t->arena, TREE_MAP, NULL);
    struct str *own = ARENA_NEW(t->arena, struct str), words = value_gets(config, "description");
    bool secret = value_getb(config, "sensitive") || (!value_is_null(value) && value->kind == VALUE_STRING &&
                                                         draft_is_secret(name, value->string));
    *own = draft_input_name(t->draft, name);
    map_set(&t->inputs, name, own);
    const struct value *known = value ? value : value_getz(config, "default");
    tree_set(t->arena, input, STR("type"), tree_string(t->arena, str_z(type_of(known)), NULL));
    if (secret)
        tree_set(t->arena, input, STR("sensitive"), tree_value(t->arena, &value_true, NULL));
    else if (known && (!value_is_null(known) || value_getz(config, "default")))
        tree_set(t->arena, input, STR("default"), tree_of(t->arena, known));
    if (words.n)
        tree_set(t->arena, input, STR("description"), tree_string(t->arena, words, NULL));
    tree_set(t->arena, t->draft->inputs, *own, input);
}

static void read_variables(struct terraform *t)
{
    const struct value *config = value_getz(terraform_module(t, STR_EMPTY), "variables");
    for (uint32_t i = 0; config && config->kind == VALUE_MAP && i < config->count; i++) {
        const struct value *given = value_get(t->variables, config->entries[i].key);
        add_input(t, config->entries[i].key, config->entries[i].value, value_getz(given, "value"));
    }
}

static void read_outputs(struct terraform *t, const struct value *outputs)
{
    const struct value *config = value_getz(terraform_module(t, STR_EMPTY), "outputs");
    for (uint32_t i = 0; outputs && outputs->kind == VALUE_MAP && i < outputs->count; i++) {
        const struct value *one = outputs->entries[i].value,
                           *configured = value_get(config, outputs->entries[i].key);
        struct str name = draft_snake(t->arena, outputs->entries[i].key);
        if (value_getb(one, "sensitive") || value_is_null(value_getz(one, "value"))) {
            draft_row(t->draft, arena_printf(t->arena, "output %.*s", STR_ARG(outputs->entries[i].key)),
                STR("-"), STR("left out: it is sensitive, or has no value"));
            continue;
        }
        struct tree *value =
            terraform_related(t, value_getz(one, "value"), value_getz(configured, "expression"));
        draft_output(t->draft, name, value, value_gets(configured, "description"));
    }
}

/* Returns whether the code contains the name as a whole word. */
static bool code_names(struct str code, struct str name)
{
    for (ptrdiff_t at = 0; (at = str_find(code, name, (size_t)at)) >= 0; at++) {
        size_t end = (size_t)at + name.n;
        if (end == code.n || !str_is_made_of(str_slice(code, end, end + 1), CHARS_ALNUM "_"))
            return true;
    }
    return false;
}

static bool tree_names(const struct tree *s, struct str name)
{
    if (s && s->kind == TREE_CODE)
        return code_names(s->code, name);
    for (size_t i = 0; s && i < s->n; i++)
        if (tree_names(s->kind == TREE_MAP ? s->entries[i].value : s->items[i], name))
            return true;
    return false;
}

static bool draft_names(const struct draft *d, struct str name)
{
    const struct tree *const sections[] = {d->providers, d->locals, d->data, d->outputs};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (tree_names(sections[i], name))
            return true;
    for (size_t i = 0; i < d->n; i++)
        if (d->resources[i]->schema && tree_names(d->resources[i]->attrs, name))
            return true;
    return false;
}

static void drop_entry(struct tree *map, struct str key)
{
    for (size_t i = 0; i < map->n; i++)
        if (str_eq(map->entries[i].key, key)) {
            tree_drop(map, i);
            return;
        }
}

/* Removes data sources that nothing refers to, and inputs, whose values were written literally. */
static void drop_unused(struct terraform *t)
{
    struct tree *data = t->draft->data;
    for (size_t i = data->n; i-- > 0;)
        if (!draft_names(t->draft, data->entries[i].key))
            tree_drop(data, i);
    for (size_t i = 0; i < t->inputs.n; i++) {
        const struct str *name = t->inputs.items[i].ptr;
        if (draft_names(t->draft, arena_printf(t->arena, "inputs.%.*s", STR_ARG(*name))))
            continue;
        drop_entry(t->draft->inputs, *name);
        draft_row(t->draft, arena_printf(t->arena, "var.%.*s", STR_ARG(t->inputs.items[i].key)), STR("-"),
            STR("its value is written where it is used"));
    }
}

/* ---- the whole stack ---- */

/* Reports a data source, whose value is written where it is used. */
static void report_data(struct terraform *t, const struct group *group, struct str origin)
{
    static const char *const known[] = {
        "aws_caller_identity", "aws_region", "aws_partition", "aws_iam_policy_document"};
    struct str note = STR("what it said is written where it is used");
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eqz(group->type, known[i]))
            return;
    if (str_eqz(group->type, "terraform_remote_state"))
        note = STR(
            "what it said is written where it is used; of a stack of weir's, data: {type: weir.stack} asks");
    draft_row(t->draft, origin, STR("-"), note);
}

static void tell_provisioners(struct group *group, struct terraform *t)
{
    const struct value *all = value_getz(group->config, "provisioners");
    if (!all || all->kind != VALUE_LIST || !all->count || !group->schema ||
        str_eqz(group->schema->name, "weir.command"))
        return;
    group->why = arena_printf(t->arena,
        "%.*s%swithout its provisioners: weir.command runs commands here, host.* changes machines",
        STR_ARG(group->why), group->why.n ? "; " : "");
    diag_warning(t->draft->diags, (struct span){0}, "%.*s: %.*s", STR_ARG(group_address(t->arena, group)),
        STR_ARG(group->why));
}

static void report(struct terraform *t, struct group *group)
{
    struct str origin = group_address(t->arena, group);
    struct str became = STR("-");
    if (group->data) {
        report_data(t, group, origin);
        return;
    }
    if (group->n > 1)
        origin = arena_printf(t->arena, "%.*s (%zu)", STR_ARG(origin), group->n);
    tell_provisioners(group, t);
    if (group->schema)
        became = arena_printf(
            t->arena, "%.*s (%.*s)", STR_ARG(group->resource->name), STR_ARG(group->schema->name));
    else if (group->n && group->instances[0]->target)
        became =
            arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(group->instances[0]->target->group->resource->name),
                STR_ARG(group->instances[0]->target->group->schema->name));
    bool part = !group->schema && group->n && group->instances[0]->target;
    const struct names_type *names = terraform_names(t, group);
    bool asked = names && names->asked, written = names && names->written.n;
    if (group->asked.n &&
        !draft_names(t->draft, arena_printf(t->arena, "inputs.%.*s", STR_ARG(group->asked)))) {
        drop_entry(t->draft->inputs, group->asked); /* a part of a secret, all of which is an input */
        group->asked = STR_EMPTY;
    }
    if (asked)
        became = group->asked.n ? arena_printf(t->arena, "inputs.%.*s", STR_ARG(group->asked))
                                : STR("nothing secret of it is used");
    draft_row(t->draft, origin, became,
        part      ? group->why.n ? group->why : STR("a part of it")
             : asked ? STR("its current value has to be given")
        : written ? names->written
                  : group->why);
    t->draft->ours += group->schema && group->names;
    t->draft->theirs += group->schema && !group->names;
    t->draft->left_out += !group->schema && !part && !asked && !written;
}

static void import_group(struct terraform *t, const struct group *group)
{
    for (size_t i = 0; i < group->n; i++) {
        const struct tf_instance *one = group->instances[i];
        const struct value *key = group->folded ? value_string(t->arena, one->key) : NULL;
        struct str address = address_instance(t->arena, group->resource->name, key);
        if (one->id.n)
            draft_import(t->draft, address, tree_string(t->arena, one->id, NULL));
        else
            diag_warning(t->draft->diags, (struct span){0},
                "%.*s cannot be imported by the id that it has: `weir state import %.*s ID` can",
                STR_ARG(one->address), STR_ARG(address));
    }
}

static void add_all_waited(
    struct terraform *t, struct group *group, const struct group *of, struct tree *list, int depth);

/* Adds dependencies of `of` for aws_x.y or module.z: the imported resources, unless a reference implies them;
 * for others what these depend on. */
static void add_waited(struct terraform *t, struct group *group, const struct group *of, struct str text,
    struct tree *list, int depth)
{
    struct str path =
        of->module.n ? arena_printf(t->arena, "%.*s.%.*s", STR_ARG(of->module), STR_ARG(text)) : text;
    for (size_t i = 0; i < t->groups.n; i++) {
        struct group *other = t->groups.items[i].ptr;
        bool meant = str_eq(t->groups.items[i].key, path) ||
                     (str_starts(text, STR("module.")) && str_starts(other->module, path) &&
                         (other->module.n == path.n || strchr(".[", other->module.p[path.n])));
        bool absent = !other->schema && !(other->n && other->instances[0]->target);
        if (meant && !other->data && absent)
            add_all_waited(t, group, other, list, depth + 1);
        else if (meant && !other->data && terraform_waits(t, group, &other))
            tree_add(t->arena, list, tree_string(t->arena, other->resource->name, NULL));
    }
}

static void add_all_waited(
    struct terraform *t, struct group *group, const struct group *of, struct tree *list, int depth)
{
    const struct value *waits = value_getz(of->config, "depends_on");
    for (uint32_t i = 0; depth < WAITS_MAX && waits && waits->kind == VALUE_LIST && i < waits->count; i++)
        add_waited(t, group, of, value_text(waits->items[i], STR_EMPTY), list, depth);
}

/* Converts explicit dependencies. */
static void add_order(struct terraform *t, struct group *group)
{
    struct tree *list = tree_new(t->arena, TREE_LIST, NULL);
    if (group->schema)
        add_all_waited(t, group, group, list, 0);
    if (list->n)
        tree_set(t->arena, group->resource->attrs, STR("depends_on"), list);
}

static void write_group(struct terraform *t, struct group *group)
{
    if (!group->schema)
        return;
    terraform_each(t, group);
    if (group->provider.n)
        tree_set(
            t->arena, group->resource->attrs, STR("provider"), tree_string(t->arena, group->provider, NULL));
    if (t->imports && terraform_is_imported(group))
        import_group(t, group);
    group->resource->type = group->schema->name;
    group->resource->schema = group->schema;
}

static const char apply_first[] =
    "`terraform apply` first; the sandbox will do: eval \"$(weir sandbox env)\"";

/* Reports resources that a plan would create: their ids and references are unknown. */
static int check_created(
    struct draft *draft, const struct value *document, const struct value *values, struct err *err)
{
    const struct value *changes = value_as_list(value_getz(document, "resource_changes"));
    size_t created = 0, others = 0;
    for (uint32_t i = 0; i < changes->count; i++) {
        const struct value *actions =
            value_as_list(value_getz(value_getz(changes->items[i], "change"), "actions"));
        bool managed = str_eqz(value_gets(changes->items[i], "mode"), "managed");
        bool create = actions->count == 1 && str_eqz(value_text(actions->items[0], STR_EMPTY), "create");
        created += managed && create;
        others += managed && !create;
    }
    if (!created || values != value_getz(value_getz(document, "prior_state"), "values"))
        return 0;
    if (!others) {
        err_set(err, ERR_INVALID, "none of its resources exists yet: only existing resources are imported");
        return err_hint(err, "%s", apply_first);
    }
    diag_hint(draft->diags,
        diag_warning(draft->diags, (struct span){0},
            "%zu of the plan's resources do not exist yet, and are left out", created),
        "%s", apply_first);
    return 0;
}

int terraform_read(struct draft *draft, struct names *names, const struct value *document, struct err *err)
{
    struct terraform *t = ARENA_MAKE(draft->arena, struct terraform, .arena = draft->arena, .draft = draft,
        .names = names, .document = document);
    const struct value *prior = value_getz(value_getz(document, "prior_state"), "values"),
                       *state = value_getz(document, "values");
    const struct value *planned = value_getz(document, "planned_values");
    const struct value *values = !value_is_null(prior) ? prior : !value_is_null(state) ? state : planned;
    if (value_is_null(values) || !value_getz(values, "root_module")) {
        bool raw = value_getz(document, "terraform_version") && value_getz(document, "resources");
        if (value_getz(document, "format_version")) {
            err_set(
                err, ERR_INVALID, "none of its resources exists yet: only existing resources are imported");
            return err_hint(err, "%s", apply_first);
        }
        err_set(err, ERR_INVALID,
            raw ? "this is the state's own file: give the output of `terraform show -json`"
                : "this is not a state or plan as `terraform show -json` has it");
        return err_hint(err, "the folder of the configuration does as well; or terraform plan -out=plan && "
                             "terraform show -json plan > plan.json; then import plan.json");
    }
    if (check_created(draft, document, values, err))
        return -1;
    t->imports = values != planned;
    t->configuration = value_getz(document, "configuration");
    t->variables = value_as_map(value_getz(document, "variables"));
    draft->resolve = terraform_resolve_reference;
    draft->resolve_ctx = t;
    read_variables(t);
    read_module(t, value_getz(values, "root_module"), 0);
    terraform_mapping(t);
    terraform_refer(t);
    terraform_providers(t);
    for (size_t i = 0; i < t->groups.n; i++)
        write_group(t, t->groups.items[i].ptr);
    for (size_t i = 0; i < t->groups.n; i++)
        add_order(t, t->groups.items[i].ptr);
    for (size_t i = 0; i < t->groups.n; i++)
        report(t, t->groups.items[i].ptr);
    read_outputs(t, value_getz(values, "outputs"));
    drop_unused(t);
    map_release(&t->inputs);
    map_release(&t->by_text);
    map_release(&t->by_name);
    for (size_t i = 0; i < t->groups.n; i++)
        map_release(&((struct group *)t->groups.items[i].ptr)->needs.all);
    map_release(&t->groups);
    return 0;
}
