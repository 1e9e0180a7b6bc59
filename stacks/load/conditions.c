/* Conditions of a resource, `lifecycle: {precondition: …, postcondition: …}`: rules of it alone. */
#include "stacks/load/rules.h"

static bool condition_lacks(struct loader *loader, const struct node *body, const char *key)
{
    const struct node *node = node_get(body, key);
    if (node && node->kind != NODE_NULL)
        return false;
    struct diag *d = diag_error(loader->diags, node_span(body), "this condition has no `%s`", key);
    diag_hint(loader->diags, d, "- {require: \"${inputs.days > 0}\", message: what is wrong}");
    return true;
}

static void check_condition_level(struct loader *loader, const struct rule *rule, const struct node *level)
{
    if (rule->after && rule->level == RULE_APPROVAL)
        diag_error(loader->diags, node_span(level),
            "nobody can agree to it before it is asked: the level is error or warning");
}

static void read_condition(
    struct loader *loader, struct decl *decl, const struct node *body, struct str name, bool after)
{
    static const struct str known[] = {STR_INIT("require"), STR_INIT("message"), STR_INIT("level")};
    if (!expect_map(loader, body, "a condition"))
        return;
    check_keys(loader, body, "a condition", known, sizeof known / sizeof *known);
    if (condition_lacks(loader, body, "require") | condition_lacks(loader, body, "message"))
        return;
    struct unit *unit = info_of(loader, decl)->unit;
    struct rule *rule = ARENA_NEW(loader->arena, struct rule);
    *rule = (struct rule){.name = name,
        .set = STR_EMPTY,
        .doc = STR_EMPTY,
        .control = STR_EMPTY,
        .link = STR_EMPTY,
        .span = node_span(body),
        .module = unit->module->path.n ? unit->module : NULL,
        .decl = decl,
        .after = after};
    if (decl->schema) {
        struct str *type = ARENA_NEW(loader->arena, struct str);
        *type = decl->schema->name;
        rule->types = type;
        rule->type_count = 1;
    }
    rule_add(unit, rule, body);
    check_condition_level(loader, rule, node_get(body, "level"));
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
            read_condition(loader, decl, body, name, after);
        }
    }
    decl->lifecycle.rule_count = loader->rule_count - decl->lifecycle.first_rule;
}
