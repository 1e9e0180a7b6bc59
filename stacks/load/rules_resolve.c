/* The names in rules: those that only rules have, and those of the file that a rule stands in. */
#include "stacks/load/rules.h"

#include "base/glob.h"
#include "base/mem.h"
#include "stacks/load/resolve_internal.h"

/* One rule whose expressions are being resolved. */
struct resolving_rule {
    struct resolving shared; /* first: the resolver's functions for all expressions get it */
    struct rule *rule;
};

/* ---- names that only rules have ---- */

static const struct value *rule_constants(const struct rule *rule)
{
    static const struct value_entry of_resource[] = {{STR_INIT("action"), &value_null},
        {STR_INIT("address"), &value_null}, {STR_INIT("before"), &value_null},
        {STR_INIT("dependencies"), &value_null}, {STR_INIT("dependents"), &value_null},
        {STR_INIT("self"), &value_null}, {STR_INIT("type"), &value_null}};
    static const struct value_entry of_plan[] = {{STR_INIT("plan"), &value_null}},
                                    of_check[] = {{STR_INIT("outputs"), &value_null}};
    static const struct value resource = {
        .kind = VALUE_MAP, .count = sizeof of_resource / sizeof *of_resource, .entries = of_resource};
    static const struct value plan = {.kind = VALUE_MAP, .count = 1, .entries = of_plan};
    static const struct value check = {.kind = VALUE_MAP, .count = 1, .entries = of_check};
    return rule->check ? &check : rule->of_plan ? &plan : &resource;
}

static void note_attribute(struct resolving_rule *r, struct str name)
{
    struct rule *rule = r->rule;
    for (size_t i = 0; i < rule->attribute_count; i++)
        if (str_eq(rule->attributes[i], name))
            return;
    struct str *more = ARENA_ARRAY(r->shared.loader->arena, struct str, rule->attribute_count + 1);
    for (size_t i = 0; i < rule->attribute_count; i++)
        more[i] = rule->attributes[i];
    more[rule->attribute_count++] = name;
    rule->attributes = more;
}

/* ---- attributes of self ---- */

/* Of a type that the rule is for; NULL: it has no such attribute. Then *seen is one for a hint. */
static const struct attr *attr_of(const struct schema *schema, struct str name, const struct schema **seen)
{
    const struct attr *attr = schema ? schema_attr(schema, name) : NULL;
    *seen = schema && !attr && !*seen ? schema : *seen;
    return attr;
}

/* Of any type that the pattern fits: first of those in the stack, so that not all specs are read. */
static const struct attr *pattern_attr(
    struct loader *loader, struct str pattern, struct str name, const struct schema **seen)
{
    const struct attr *attr = NULL;
    for (size_t i = 0; i < loader->resource_types.n && !attr; i++) {
        const struct schema *schema = loader->resource_types.items[i].ptr;
        if (schema && glob_match(pattern, schema->name, 0))
            attr = attr_of(schema, name, seen);
    }
    size_t n = 0;
    const struct str *names = attr ? NULL : catalog_names(loader->options->catalog, false, &n);
    for (size_t i = 0; i < n && !attr; i++)
        if (glob_match(pattern, names[i], 0))
            attr = attr_of(catalog_seek(loader->options->catalog, names[i], false, NULL), name, seen);
    return attr;
}

static const struct attr *self_member(
    void *ctx, UNUSED struct str constant, struct str member, const struct str **candidates, size_t *n)
{
    struct resolving_rule *r = ctx;
    struct loader *loader = r->shared.loader;
    const struct attr *attr = NULL;
    const struct schema *seen = NULL;
    for (size_t i = 0; i < r->rule->type_count && !attr; i++) {
        struct str type = r->rule->types[i];
        attr = rule_type_is_pattern(type)
                   ? pattern_attr(loader, type, member, &seen)
                   : attr_of(catalog_seek(loader->options->catalog, type, false, NULL), member, &seen);
    }
    if (attr)
        note_attribute(r, member);
    else if (seen)
        *n = resolve_attr_names(loader, seen, candidates);
    return attr;
}

/* ---- rules ---- */

static void note_other(void *ctx, UNUSED const struct decl *decl)
{
    struct rule *rule = ctx;
    rule->names |= RULE_NAMES_OTHERS;
}

static void note_names(struct rule *rule, const struct expr *expr)
{
    static const struct {
        struct str name;
        enum rule_names flag;
    } names[] = {{STR_INIT("action"), RULE_NAMES_ACTION}, {STR_INIT("before"), RULE_NAMES_BEFORE},
        {STR_INIT("dependencies"), RULE_NAMES_LINKS}, {STR_INIT("dependents"), RULE_NAMES_LINKS}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (expr && expr_count_constant(expr, names[i].name))
            rule->names |= names[i].flag;
    if (expr_names_member(expr, STR("plan"), STR("cost")))
        rule->names |= RULE_NAMES_COST;
    if (expr)
        expr_each_decl(expr, STR_EMPTY, note_other, rule);
}

/* Sets know nothing of the stack that uses them. */
static struct decl *no_declaration_of_set(
    UNUSED void *ctx, UNUSED struct str name, UNUSED struct str next, UNUSED bool *consumed)
{
    return NULL;
}

static void resolve_in_rule(struct resolving_rule *r, struct expr *expr)
{
    struct resolver resolver = r->rule->set.n
                                   ? (struct resolver){.lookup = no_declaration_of_set, .ctx = &r->shared}
                                   : resolve_resolver(&r->shared);
    resolver.each_allowed = r->rule->decl && r->rule->decl->for_each;
    resolver.further = rule_constants(r->rule);
    resolver.typed = STR("self");
    resolver.member = self_member;
    if (!expr)
        return;
    expr_resolve(expr, &resolver, r->shared.loader->diags);
    note_names(r->rule, expr);
}

/* Nothing of it could be asked: then it is a mistake and not a rule that all keep. */
static void check_types(struct loader *loader, const struct rule *rule)
{
    size_t n = 0;
    const struct str *names = NULL;
    for (size_t i = 0; i < rule->type_count && !rule->of_plan && !rule->attribute_count; i++) {
        struct str pattern = rule->types[i];
        bool any = !rule_type_is_pattern(pattern);
        for (size_t k = 0; k < loader->resource_types.n && !any; k++)
            any = glob_match(pattern, loader->resource_types.items[k].key, 0);
        if (!any && !names)
            names = catalog_known_names(loader->options->catalog, false, &n);
        for (size_t k = 0; k < n && !any; k++)
            any = glob_match(pattern, names[k], 0);
        if (!any)
            diag_error(loader->diags, rule->span, "no resource type is called \"%.*s\"", STR_ARG(pattern));
    }
}

/* Of a set that comes with weir: is there anything to be asked in this stack? Otherwise the specs of its
 * types are not read. What is deleted may have any type. */
static bool can_be_asked(const struct loader *loader, const struct rule *rule)
{
    bool any = !rule->builtin || rule->of_plan || (rule->names & RULE_NAMES_ACTION);
    for (size_t i = 0; i < rule->type_count && !any; i++)
        for (size_t k = 0; k < loader->resource_types.n && !any; k++)
            any = glob_match(rule->types[i], loader->resource_types.items[k].key, 0);
    return any;
}

static void resolve_rule(struct resolving_rule *r)
{
    resolve_in_rule(r, r->rule->where);
    resolve_in_rule(r, r->rule->require);
    resolve_in_rule(r, r->rule->message);
    check_types(r->shared.loader, r->rule);
}

void resolve_conditions_of(struct resolving *shared, const struct decl *decl)
{
    for (size_t i = 0; i < decl->lifecycle.rule_count; i++) {
        struct rule *rule = shared->loader->rules[decl->lifecycle.first_rule + i].rule;
        struct resolving_rule r = {.shared = *shared, .rule = rule};
        rule->idle = !decl->schema;
        if (!rule->idle) {
            resolve_in_rule(&r, rule->require);
            resolve_in_rule(&r, rule->message);
        }
        *shared = r.shared; /* what they refer to comes before the resource */
    }
}

void resolve_rules(struct loader *loader)
{
    struct stack *stack = loader->stack;
    struct rule *rules = ARENA_ARRAY(loader->arena, struct rule, loader->rule_count + 1);
    for (size_t i = 0; i < loader->rule_count; i++) {
        struct resolving_rule r = {
            .shared = {.loader = loader, .unit = loader->rules[i].unit}, .rule = loader->rules[i].rule};
        r.shared.check = r.rule;
        rules[i] = *r.rule;
        if (r.rule->decl)
            continue;
        note_names(r.rule, r.rule->where);
        r.rule->idle = !can_be_asked(loader, r.rule);
        if (!r.rule->idle)
            resolve_rule(&r);
        rules[i] = *r.rule;
    }
    stack->rules = rules;
    stack->rule_count = loader->rule_count;
}
