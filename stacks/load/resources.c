/* The sections `resources` and `data`, and the short sections: locals, connections, providers, outputs. */
#include "base/clock.h"
#include "provider/kind.h"
#include "provider/ssh/connection_settings.h"
#include "stacks/load/load.h"

/* ---- short sections: locals, connections, providers, outputs ---- */

void load_locals(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        struct decl *decl = declare(unit, DECL_LOCAL, &section->entries[i]);
        struct tally before = load_tally(unit->loader);
        decl->expr = expr_compile(unit->loader->arena, section->entries[i].value, unit->loader->diags);
        decl->mistaken.any = load_ignore_errors(unit->loader, before);
    }
}

/* Reads the provider type of `retail: {type: postgres, …}`, needed if the name does not begin with it. The
 * other keys are the settings. */
static const struct node *cut_type(struct loader *loader, const struct node *body, struct decl *decl)
{
    const struct node *type = body->kind == NODE_MAP ? node_get(body, "type") : NULL;
    if (!type || !expect_text(loader, type, "the type of a provider", &decl->provider_name))
        return body;
    return nodes_without(loader->arena, body, "type");
}

static struct str name_below(struct loader *loader, const struct unit *unit, struct str name)
{
    struct str path = unit->module->path;
    return path.n ? arena_printf(loader->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(name)) : name;
}

/* Returns the name for the state, always with provider and name, since the file may not have the provider
 * later. */
static struct str full_name(struct loader *loader, const struct unit *unit, const struct decl *decl)
{
    struct str rest, name = decl->name;
    if (!str_eq(str_cut(name, '.', &rest), decl->provider_name))
        name = arena_printf(loader->arena, "%.*s.%.*s", STR_ARG(decl->provider_name), STR_ARG(name));
    return name_below(loader, unit, name);
}

/* Loads settings: a map, or an expression that gives one. */
static void load_config(struct unit *unit, struct decl *decl, const char *what, const struct attr *settings,
    const struct node *node)
{
    struct loader *loader = unit->loader;
    if (node->kind != NODE_STRING || !has_expression(node))
        expect_map(loader, node, what);
    decl->config = expr_compile(loader->arena, node, loader->diags);
    if (node->kind != NODE_MAP)
        return;
    info_of(loader, decl)->via = node_get(node, "via");
    if (settings)
        check_literal(loader, decl->kind == DECL_PROVIDER ? "provider" : "connection", settings, node);
}

void load_connections(struct unit *unit, const struct node *section)
{
    struct loader *loader = unit->loader;
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        struct decl *decl = declare(unit, DECL_CONNECTION, entry);
        decl->full_name = name_below(loader, unit, decl->name);
        struct attr settings = connection_settings;
        settings.name = decl->name;
        load_config(unit, decl, "a connection", &settings, entry->value);
    }
}

void load_providers(struct unit *unit, const struct node *section)
{
    struct loader *loader = unit->loader;
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        struct decl *decl = declare(unit, DECL_PROVIDER, entry);
        struct str rest;
        decl->provider_name = str_cut(decl->name, '.', &rest);
        const struct node *settings = cut_type(loader, entry->value, decl);
        decl->full_name = full_name(loader, unit, decl);
        if (settings->kind == NODE_NULL)
            continue;
        const struct provider_kind *kind =
            kind_find(catalog_kinds(loader->options->catalog), decl->provider_name);
        load_config(unit, decl, "the settings of a provider", kind ? kind->settings : NULL, settings);
    }
}

static void load_output(struct unit *unit, const struct node_entry *entry)
{
    static const struct str known[] = {STR_INIT("value"), STR_INIT("description"), STR_INIT("sensitive")};
    struct loader *loader = unit->loader;
    struct decl *decl = declare(unit, DECL_OUTPUT, entry);
    const struct node *spec = entry->value, *value = spec, *node;
    decl->description = STR_EMPTY;
    if (spec->kind == NODE_NULL) {
        value = NULL;
    } else if (spec->kind == NODE_MAP) {
        check_keys(loader, spec, "an output", known, sizeof known / sizeof *known);
        value = node_get(spec, "value");
        if ((node = node_get(spec, "description")))
            expect_text(loader, node, "a description", &decl->description);
        if ((node = node_get(spec, "sensitive")))
            expect_bool(loader, node, "\"sensitive\"", &decl->sensitive);
    }
    if (!value) {
        struct diag *d =
            diag_error(loader->diags, decl->span, "the output \"%.*s\" has no value", STR_ARG(decl->name));
        diag_hint(loader->diags, d, "%.*s: {value: …}", STR_ARG(decl->name));
        value = spec;
    }
    decl->expr = expr_compile(loader->arena, value, loader->diags);
}

void load_outputs(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++)
        load_output(unit, &section->entries[i]);
}

/* ---- weir's own keys ---- */

static struct lifecycle *own_lifecycle(struct loader *loader, struct decl *decl)
{
    if (!decl->lifecycle)
        decl->lifecycle = ARENA_NEW(loader->arena, struct lifecycle);
    return decl->lifecycle;
}

static void read_ignore_changes(struct loader *loader, struct decl *decl, const struct node *node)
{
    struct lifecycle *lifecycle = decl->lifecycle;
    bool all = node->kind == NODE_STRING && (str_eqz(node->string, "*") || str_eqz(node->string, "all"));
    if (!all && !expect_list(loader, node, "\"ignore_changes\""))
        return;
    struct str *names = ARENA_ARRAY(loader->arena, struct str, all ? 1 : node->count);
    size_t n = 0;
    if (all)
        names[n++] = STR("*");
    for (size_t i = 0; !all && i < node->count; i++)
        if (expect_text(loader, node->items[i], "an attribute to ignore", &names[n]))
            check_ignored(loader, decl, node->items[i], names[n++]);
    lifecycle->ignore_changes = names;
    lifecycle->ignore_count = n;
}

static void read_triggers(struct loader *loader, struct decl *decl, const struct node *node)
{
    if (!expect_list(loader, node, "\"replace_triggered_by\""))
        return;
    struct expr **triggers = ARENA_ARRAY(loader->arena, struct expr *, node->count);
    for (size_t i = 0; i < node->count; i++) {
        triggers[i] = expr_compile(loader->arena, node->items[i], loader->diags);
        if (has_expression(node->items[i]))
            continue;
        struct diag *d = diag_error(loader->diags, node_span(node->items[i]),
            "this never changes, so it never triggers a replacement");
        if (node->items[i]->kind == NODE_STRING)
            diag_label(loader->diags, d, "did you mean \"${%.*s}\"?", STR_ARG(node->items[i]->string));
    }
    decl->lifecycle->replace_triggered_by = triggers;
    decl->lifecycle->trigger_count = node->count;
}

static void read_lifecycle(struct loader *loader, struct decl *decl, const struct node *node)
{
    static const struct str known[] = {STR_INIT("prevent_destroy"), STR_INIT("create_before_destroy"),
        STR_INIT("ignore_changes"), STR_INIT("replace_triggered_by"), STR_INIT("precondition"),
        STR_INIT("postcondition")};
    if (!expect_map(loader, node, "\"lifecycle\""))
        return;
    check_keys(loader, node, "\"lifecycle\"", known, sizeof known / sizeof *known);
    const struct node *value;
    struct lifecycle *lifecycle = own_lifecycle(loader, decl);
    if ((value = node_get(node, "prevent_destroy")))
        expect_bool(loader, value, "\"prevent_destroy\"", &lifecycle->prevent_destroy);
    if ((value = node_get(node, "create_before_destroy")))
        expect_bool(loader, value, "\"create_before_destroy\"", &lifecycle->create_before_destroy);
    if ((value = node_get(node, "ignore_changes")))
        read_ignore_changes(loader, decl, value);
    if ((value = node_get(node, "replace_triggered_by")))
        read_triggers(loader, decl, value);
    read_conditions(loader, decl, node);
}

static void read_timeouts(struct loader *loader, struct decl *decl, const struct node *node)
{
    static const struct str known[] = {STR_INIT("create"), STR_INIT("update"), STR_INIT("delete")};
    struct lifecycle *l = own_lifecycle(loader, decl);
    int64_t *const values[] = {&l->timeout_create_ms, &l->timeout_update_ms, &l->timeout_delete_ms};
    if (!expect_map(loader, node, "\"timeouts\""))
        return;
    check_keys(loader, node, "\"timeouts\"", known, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct node *value = node_get(node, known[i].p);
        if (!value || (value->kind == NODE_STRING && duration_read(value->string, values[i])))
            continue;
        struct str raw = node_raw(value);
        struct diag *d =
            diag_error(loader->diags, node_span(value), "\"%.*s\" is not a duration", STR_ARG(raw));
        diag_label(loader->diags, d, "such as 90s, 40m or 1h30m");
    }
}

static void read_adopt(struct loader *loader, struct decl *decl, const struct node *node)
{
    static const struct str modes[] = {STR_INIT("owned"), STR_INIT("never"), STR_INIT("existing")};
    static const enum adopt_mode values[] = {ADOPT_OWNED, ADOPT_NEVER, ADOPT_EXISTING};
    struct str mode;
    if (!expect_text(loader, node, "\"adopt\"", &mode))
        return;
    for (size_t i = 0; i < 3; i++)
        if (str_eq(mode, modes[i])) {
            own_lifecycle(loader, decl)->adopt = values[i];
            return;
        }
    struct diag *d = diag_error(loader->diags, node_span(node), "\"adopt\" is owned, never or existing");
    diag_did_you_mean(loader->diags, d, mode, modes, 3);
}

static void report_same_item(struct loader *loader, const struct node *node, const struct node *first)
{
    struct diag *d =
        diag_error(loader->diags, node_span(node), "for_each holds \"%.*s\" twice", STR_ARG(node->string));
    diag_related(loader->diags, d, node_span(first), "first here");
}

/* Checks a literal for_each. An expression is checked when it is evaluated. */
static void check_for_each(struct loader *loader, const struct node *node)
{
    if (node->kind == NODE_MAP || (node->kind == NODE_STRING && has_expression(node)))
        return;
    if (node->kind != NODE_LIST) {
        diag_error(loader->diags, node_span(node), "for_each takes a list of strings or a map, not %s",
            node_kind_name(node));
        return;
    }
    AUTO_MAP struct map seen = MAP_INIT;
    for (size_t i = 0; i < node->count; i++) {
        struct node *item = node->items[i];
        if (item->kind != NODE_STRING) {
            struct diag *d = diag_error(loader->diags, node_span(item),
                "for_each takes a list of strings, this is %s", node_kind_name(item));
            if (item->kind != NODE_LIST && item->kind != NODE_MAP)
                diag_label(loader->diags, d, "quote it");
            continue;
        }
        const struct node *first = has_expression(item) ? NULL : map_set(&seen, item->string, item);
        if (first)
            report_same_item(loader, item, first);
    }
}

static void read_for_each(struct loader *loader, struct decl *decl, const struct node *node)
{
    check_for_each(loader, node);
    decl->for_each = expr_compile(loader->arena, node, loader->diags);
}

struct expr *compile_when(struct loader *loader, const struct node *node)
{
    if (node->kind != NODE_BOOL && !(node->kind == NODE_STRING && has_expression(node))) {
        struct diag *d = diag_error(loader->diags, node_span(node),
            "\"when\" takes true, false or an expression, not %s", node_kind_name(node));
        label_boolean(loader, d, node);
    }
    return expr_compile(loader->arena, node, loader->diags);
}

static void read_when(struct loader *loader, struct decl *decl, const struct node *node)
{
    decl->when = compile_when(loader, node);
}

static void read_depends_on(struct loader *loader, struct decl *decl, const struct node *node)
{
    info_of(loader, decl)->depends_on = node;
}

static void read_provider(struct loader *loader, struct decl *decl, const struct node *node)
{
    info_of(loader, decl)->provider = node;
}

static void read_type(struct loader *loader, struct decl *decl, const struct node *node)
{
    (void)loader, (void)decl, (void)node; /* read before all other keys */
}

static const struct own_key {
    struct str name;
    bool on_data;
    void (*read)(struct loader *loader, struct decl *decl, const struct node *node);
} own_keys[] = {
    {STR_INIT("type"), true, read_type},
    {STR_INIT("for_each"), true, read_for_each},
    {STR_INIT("when"), true, read_when},
    {STR_INIT("depends_on"), true, read_depends_on},
    {STR_INIT("provider"), true, read_provider},
    {STR_INIT("lifecycle"), false, read_lifecycle},
    {STR_INIT("timeouts"), false, read_timeouts},
    {STR_INIT("adopt"), false, read_adopt},
};

static const struct own_key *find_own_key(struct str name)
{
    for (size_t i = 0; i < sizeof own_keys / sizeof *own_keys; i++)
        if (str_eq(own_keys[i].name, name))
            return &own_keys[i];
    return NULL;
}

/* ---- attributes ---- */

static void add_attr(struct loader *loader, struct decl *decl, const struct node_entry *entry)
{
    struct tally before = load_tally(loader);
    const struct attr *attr = check_attr_name(loader, decl, entry);
    struct expr *expr = expr_compile(loader->arena, entry->value, loader->diags);
    bool wrong = load_ignore_errors(loader, before);
    decl->attrs[decl->attr_count++] =
        (struct attr_expr){attr ? attr->name : entry->key, attr, expr, entry, wrong};
}

static void add_nothing(struct loader *loader, struct decl *decl, const struct node_entry *entry)
{
    struct tally before = load_tally(loader);
    check_attr_name(loader, decl, entry);
    decl->mistaken.all |= load_ignore_errors(loader, before);
}

static void read_body(struct loader *loader, struct decl *decl, const struct node *body)
{
    size_t most = body->count - (decl->schema != NULL); /* without `type` */
    decl->attrs = arena_alloc(loader->arena, most * sizeof *decl->attrs);
    for (size_t i = 0; i < body->count; i++) {
        const struct node_entry *entry = &body->entries[i];
        const struct own_key *own = find_own_key(entry->key);
        if (own && decl->kind == DECL_DATA && !own->on_data)
            diag_error(loader->diags, node_key_span(entry), "data has no \"%.*s\"", STR_ARG(entry->key));
        else if (own && (entry->value->kind != NODE_NULL || own->read == read_type))
            own->read(loader, decl, entry->value);
        else if (!own && entry->value->kind != NODE_NULL)
            add_attr(loader, decl, entry);
        else if (!own)
            add_nothing(loader, decl, entry);
    }
}

/* Reports a body that is not a map; the usual cause is missing indentation. */
static void report_body(struct loader *loader, const struct node_entry *entry, bool is_data)
{
    const struct node *body = entry->value;
    struct diag *d = diag_error(loader->diags, node_span(body), "%s must be a map, not %s",
        is_data ? "a data source" : "a resource", node_kind_name(body));
    struct str rest = STR_EMPTY, before = STR_EMPTY;
    if (body->kind == NODE_STRING)
        before = str_cut(body->string, ':', &rest);
    if (body->kind == NODE_NULL)
        diag_hint(
            loader->diags, d, "what belongs to %.*s is below it, indented further", STR_ARG(entry->key));
    else if (find_own_key(entry->key) || str_eqz(entry->key, "name"))
        diag_hint(loader->diags, d, "if %.*s belongs to the resource above it, it is indented further",
            STR_ARG(entry->key));
    else if (rest.n && stack_is_name(before))
        diag_hint(loader->diags, d, "a blank follows the colon of a key: \"%.*s: …\"", STR_ARG(before));
    else
        diag_hint(loader->diags, d, "%.*s: {type: …}", STR_ARG(entry->key));
}

static const struct schema *read_schema(
    struct loader *loader, const struct decl *decl, const struct node *body)
{
    bool is_data = decl->kind == DECL_DATA;
    const struct node *type = node_get(body, "type");
    if (type)
        return find_schema(loader, type, is_data);
    struct diag *d = diag_error(loader->diags, decl->span, "\"%.*s\" has no type", STR_ARG(decl->name));
    diag_hint(loader->diags, d, "add for example `type: %s`",
        is_data ? "aws.sts.caller_identity" : "aws.s3.bucket");
    return NULL;
}

static void load_resource(struct unit *unit, const struct node_entry *entry, bool is_data)
{
    struct loader *loader = unit->loader;
    const struct node *body = entry->value;
    struct decl *decl = declare(unit, is_data ? DECL_DATA : DECL_RESOURCE, entry);
    decl->provider_name = STR_EMPTY;
    struct tally before = load_tally(loader);
    if (body->kind == NODE_MAP)
        decl->schema = read_schema(loader, decl, body);
    else
        report_body(loader, entry, is_data);
    decl->mistaken.any = load_ignore_errors(loader, before);
    if (body->kind != NODE_MAP)
        return;
    if (decl->schema) {
        struct str rest;
        struct str provider = decl->schema->provider;
        decl->provider_name = provider.n ? provider : str_cut(decl->schema->name, '.', &rest);
    }
    read_body(loader, decl, body);
    if (decl->schema)
        check_resource(loader, decl, body);
}

void load_resources(struct unit *unit, const struct node *section)
{
    declare_reserve(unit, section->count);
    map_reserve(&unit->module->names, section->count);
    for (size_t i = 0; i < section->count; i++)
        load_resource(unit, &section->entries[i], false);
}

void load_data(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++)
        load_resource(unit, &section->entries[i], true);
}
