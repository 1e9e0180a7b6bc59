/*
 * Conditions of a resource, `lifecycle: {precondition: …, postcondition: …}`, and checks of the stack: rules
 * of one resource, and of what there is after an apply.
 */
#include "stacks/load/rules.h"

static bool condition_lacks(struct loader *loader, const struct node *body, const char *what, const char *key)
{
    const struct node *node = node_get(body, key);
    if (node && node->kind != NODE_NULL)
        return false;
    struct diag *d = diag_error(loader->diags, node_span(body), "this %s has no `%s`", what, key);
    diag_hint(loader->diags, d, "{require: \"${inputs.days > 0}\", message: what is wrong}");
    return true;
}

/* With what `like` says of it already; NULL after an error. */
static struct rule *read_condition(
    struct unit *unit, const struct rule *like, const struct node *body, const char *what)
{
    struct loader *loader = unit->loader;
    const struct node *level = node_get(body, "level");
    if (condition_lacks(loader, body, what, "require") | condition_lacks(loader, body, what, "message"))
        return NULL;
    struct rule *rule = ARENA_NEW(loader->arena, struct rule);
    *rule = *like;
    rule->set = rule->doc = rule->control = rule->link = STR_EMPTY;
    rule->module = unit->module->path.n ? unit->module : NULL;
    rule_add(unit, rule, body);
    if (rule->after && rule->level == RULE_APPROVAL)
        diag_error(loader->diags, node_span(level),
            "nobody can agree to it before it is asked: the level is error or warning");
    return rule;
}

/* ---- of a resource ---- */

static void read_own(
    struct loader *loader, struct decl *decl, const struct node *body, struct str name, bool after)
{
    static const struct str known[] = {STR_INIT("require"), STR_INIT("message"), STR_INIT("level")};
    if (!expect_map(loader, body, "a condition"))
        return;
    check_keys(loader, body, "a condition", known, sizeof known / sizeof *known);
    struct rule rule = {.name = name, .span = node_span(body), .decl = decl, .after = after};
    struct str *type = ARENA_NEW(loader->arena, struct str);
    if (decl->schema) {
        *type = decl->schema->name;
        rule.types = type;
        rule.type_count = 1;
    }
    read_condition(info_of(loader, decl)->unit, &rule, body, "condition");
}

void read_conditions(struct loader *loader, struct decl *decl, const struct node *lifecycle)
{
    static const char *const keys[] = {"precondition", "postcondition"};
    decl->lifecycle.first_rule = loader->rule_count;
    for (int after = 0; after <= 1; after++) {
        const struct node *node = node_get(lifecycle, keys[after]);
        size_t n = !node || node->kind == NODE_NULL ? 0 : node->kind == NODE_LIST ? node->count : 1;
        for (size_t i = 0; i < n; i++) {
            const struct node *body = node->kind == NODE_LIST ? node->items[i] : node;
            struct str name = arena_printf(loader->arena, "%.*s/%s", STR_ARG(decl->address), keys[after]);
            if (i)
                name = arena_printf(loader->arena, "%.*s-%zu", STR_ARG(name), i + 1);
            read_own(loader, decl, body, name, after);
        }
    }
    decl->lifecycle.rule_count = loader->rule_count - decl->lifecycle.first_rule;
}

/* ---- checks ---- */

/* They are declared like others, and only the check sees them. */
static void read_check_data(struct unit *unit, struct rule *rule, const struct node *node)
{
    struct loader *loader = unit->loader;
    size_t before = loader->decl_count;
    if (!expect_map(loader, node, "the data of a check"))
        return;
    load_data(unit, node);
    rule->data_count = loader->decl_count - before;
    struct decl **data = ARENA_ARRAY(loader->arena, struct decl *, rule->data_count + 1);
    for (size_t i = 0; i < rule->data_count; i++) {
        data[i] = loader->decls[before + i];
        data[i]->check = rule;
    }
    rule->data = data;
}

static void read_within(struct loader *loader, struct rule *rule, const struct node *node)
{
    if (node->kind == NODE_STRING && duration_read(node->string, &rule->within_ms))
        return;
    struct diag *d =
        diag_error(loader->diags, node_span(node), "\"%.*s\" is not a duration", STR_ARG(node_raw(node)));
    diag_label(loader->diags, d, "such as 90s or 5m");
}

static void read_check(struct unit *unit, const struct node_entry *entry)
{
    static const struct str known[] = {
        STR_INIT("data"), STR_INIT("require"), STR_INIT("message"), STR_INIT("level"), STR_INIT("within")};
    struct loader *loader = unit->loader;
    struct str path = unit->module->path;
    const struct node *body = entry->value, *data = node_get(body, "data"),
                      *within = node_get(body, "within");
    if (!stack_is_name(entry->key))
        diag_error(loader->diags, node_key_span(entry), "\"%.*s\" is not a name", STR_ARG(entry->key));
    if (!expect_map(loader, body, "a check"))
        return;
    check_keys(loader, body, "a check", known, sizeof known / sizeof *known);
    struct rule like = {.name = arena_printf(loader->arena, "%.*s%schecks.%.*s", STR_ARG(path),
                            path.n ? "/" : "", STR_ARG(entry->key)),
        .span = node_key_span(entry),
        .after = true,
        .check = true,
        .level = RULE_WARNING};
    struct rule *rule = read_condition(unit, &like, body, "check");
    if (rule && data && data->kind != NODE_NULL)
        read_check_data(unit, rule, data);
    if (rule && within && within->kind != NODE_NULL)
        read_within(loader, rule, within);
}

void load_checks(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++)
        read_check(unit, &section->entries[i]);
}
