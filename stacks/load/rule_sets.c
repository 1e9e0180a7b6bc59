/*
 * Rule sets (of weir, modules and the organisation), waivers, and the names in rules.
 */
#include "base/clock.h"
#include "base/match.h"
#include "base/mem.h"
#include "stacks/load/files.h"
#include "stacks/load/load.h"

#include <stdlib.h>

/* ---- the names in rules: the rules' own constants, and declarations of the rule's file ---- */

/* A rule whose expressions are being resolved. */
struct resolving_rule {
    struct resolving shared; /* must be first: the resolver's functions get a pointer to it */
    struct rule *rule;
};

/* ---- the rules' own constants ---- */

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

/* Returns the attribute of a type that the rule applies to, or NULL. *seen becomes the first type without it,
 * for a hint. */
static const struct attr *attr_of(const struct schema *schema, struct str name, const struct schema **seen)
{
    const struct attr *attr = schema ? schema_attr(schema, name) : NULL;
    *seen = schema && !attr && !*seen ? schema : *seen;
    return attr;
}

/* Returns the attribute of any type that matches the pattern, first among the types of the stack, so that not
 * all specs are read. */
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

/* Rule sets cannot name declarations of the stack that uses them. */
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
    resolver.extra_names = rule_constants(r->rule);
    resolver.typed = STR("self");
    resolver.member = self_member;
    if (!expr)
        return;
    expr_resolve(expr, &resolver, r->shared.loader->diags);
    note_names(r->rule, expr);
}

/* Reports a rule whose types match no existing type: it could never be evaluated. */
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

/* Returns whether a built-in rule applies to any type of this stack. Otherwise the specs of its types are not
 * read. A deleted resource may have any type. */
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
    const struct lifecycle *lifecycle = decl_lifecycle(decl);
    for (size_t i = 0; i < lifecycle->rule_count; i++) {
        struct rule *rule = shared->loader->rules[lifecycle->first_rule + i].rule;
        struct resolving_rule r = {.shared = *shared, .rule = rule};
        rule->idle = !decl->schema;
        if (!rule->idle) {
            resolve_in_rule(&r, rule->require);
            resolve_in_rule(&r, rule->message);
        }
        *shared = r.shared; /* the references of conditions are dependencies of the resource */
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

/* ---- `waive:` under `rules:` of a stack: exemptions from rules, with reason and end date ---- */

enum { DAY_MS = 24 * 3600 * 1000 };

static bool waiver_lacks(struct loader *loader, const struct node *body, const char *key)
{
    const struct node *node = node_get(body, key);
    if (node && node->kind != NODE_NULL)
        return false;
    struct diag *d = diag_error(loader->diags, node_span(body), "this waiver has no `%s`", key);
    diag_hint(loader->diags, d, "{rule: NAME, for: ADDRESS, reason: …, until: 2027-01-31}");
    return true;
}

static void read_until(struct loader *loader, const struct node *node, struct waiver *waiver)
{
    if (!expect_text(loader, node, "the end of a waiver", &waiver->until))
        return;
    struct str text = arena_printf(loader->arena, "%.*sT00:00:00Z", STR_ARG(waiver->until));
    if (time_parse_rfc3339(text, &waiver->until_ms)) {
        waiver->until_ms += DAY_MS;
        return;
    }
    struct diag *d =
        diag_error(loader->diags, node_span(node), "\"%.*s\" is not a date", STR_ARG(waiver->until));
    diag_label(loader->diags, d, "such as 2027-01-31");
}

static void read_addresses(struct loader *loader, const struct node *node, struct waiver *waiver)
{
    size_t n = node->kind == NODE_LIST ? node->count : 1;
    struct str *all = ARENA_ARRAY(loader->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        if (expect_text(loader, node->kind == NODE_LIST ? node->items[i] : node, "what a waiver is for",
                &all[waiver->address_count]))
            waiver->address_count++;
    waiver->addresses = all;
}

void read_waivers(struct loader *loader, const struct node *list)
{
    static const struct str known[] = {
        STR_INIT("rule"), STR_INIT("for"), STR_INIT("reason"), STR_INIT("until")};
    for (size_t i = 0; i < list->count; i++) {
        const struct node *body = list->items[i];
        struct waiver waiver = {.span = node_span(body), .rule = STR_EMPTY};
        if (!expect_map(loader, body, "a waiver"))
            continue;
        check_keys(loader, body, "a waiver", known, sizeof known / sizeof *known);
        bool lacks = waiver_lacks(loader, body, "rule");
        lacks |= waiver_lacks(loader, body, "for");
        lacks |= waiver_lacks(loader, body, "reason");
        lacks |= waiver_lacks(loader, body, "until");
        if (lacks)
            continue;
        const struct node *rule = node_get(body, "rule");
        waiver.span = node_span(rule);
        expect_text(loader, rule, "the rule of a waiver", &waiver.rule);
        expect_text(loader, node_get(body, "reason"), "the reason of a waiver", &waiver.reason);
        read_addresses(loader, node_get(body, "for"), &waiver);
        read_until(loader, node_get(body, "until"), &waiver);
        MEM_GROW(loader->waivers, loader->waiver_cap, loader->waiver_count + 1);
        loader->waivers[loader->waiver_count++] = waiver;
    }
}

static void check_waiver(struct loader *loader, const struct waiver *waiver)
{
    const struct stack *stack = loader->stack;
    struct str *names = ARENA_ARRAY(loader->arena, struct str, stack->rule_count + 1);
    bool found = false;
    for (size_t i = 0; i < stack->rule_count; i++) {
        names[i] = stack->rules[i].name;
        if (!rule_is_called(&stack->rules[i], waiver->rule))
            continue;
        found = true;
        if (!stack->rules[i].waivable)
            diag_error(loader->diags, waiver->span, "the rule \"%.*s\" cannot be waived by a stack",
                STR_ARG(stack->rules[i].name));
    }
    if (found)
        return;
    struct diag *d =
        diag_error(loader->diags, waiver->span, "there is no rule \"%.*s\" to waive", STR_ARG(waiver->rule));
    diag_did_you_mean(loader->diags, d, waiver->rule, names, stack->rule_count);
    diag_hint(loader->diags, d, "`weir rules` lists them");
}

void check_waivers(struct loader *loader)
{
    struct stack *stack = loader->stack;
    struct waiver *waivers = ARENA_ARRAY(loader->arena, struct waiver, loader->waiver_count + 1);
    for (size_t i = 0; i < loader->waiver_count; i++) {
        waivers[i] = loader->waivers[i];
        check_waiver(loader, &waivers[i]);
    }
    stack->waivers = waivers;
    stack->waiver_count = loader->waiver_count;
}

/* ---- use ---- */

/* Returns whether the set is already in use. Sets of the stack itself or its organisation apply to all
 * modules and are loaded once. */
static bool is_used(struct unit *unit, struct str name)
{
    struct loader *loader = unit->loader;
    return unit->module->path.n ? map_get(&loader->rule_sets, name) != NULL
                                : map_set(&loader->rule_sets, name, loader) != NULL;
}

static const struct embedded_file *find_set(struct loader *loader, struct str name)
{
    struct str set, begin = str_cut(name, '.', &set);
    return str_eqz(begin, "weir") && stack_is_name(set)
               ? embedded_find(arena_printf(loader->arena, "provider/aws/rules/%.*s.yaml", STR_ARG(set)))
               : NULL;
}

static void load_builtin_set(
    struct unit *unit, const struct rule_set *by, struct str name, const struct embedded_file *file)
{
    struct loader *loader = unit->loader;
    struct source *source =
        ARENA_MAKE(loader->arena, struct source, .path = name, .text = embedded_text(file));
    const struct node *root = yaml_parse(loader->arena, source, loader->diags);
    struct rule_set set = {.name = name, .builtin = true, .waivable = by->waivable};
    if (root && expect_map(loader, node_get(root, "rules"), "\"rules\""))
        read_rules(unit, &set, node_get(root, "rules"));
}

/* Loads the section `rules` of a module; its other sections are ignored. */
static void load_module_set(struct unit *unit, const struct rule_set *by, const struct node *node)
{
    struct loader *loader = unit->loader;
    struct module *module = ARENA_NEW(loader->arena, struct module);
    struct unit probe = {.loader = loader, .parent = unit, .module = module, .tree = unit->tree};
    *module = (struct module){.path = STR("rules"), .source = STR_EMPTY, .dir = STR_EMPTY};
    if (!module_find_source(&probe, node) || !unit_identify(&probe, node))
        return;
    const struct node *root = file_tree(&probe, probe.ident, probe.file, node),
                      *rules = root ? node_get(root, "rules") : NULL;
    if (!rules || rules->kind != NODE_MAP) {
        if (root)
            diag_error(loader->diags, node_span(node), "%.*s has no rules", STR_ARG(probe.file));
        return;
    }
    struct rule_set set = {
        .name = arena_str(loader->arena, path_base(module->dir)), .waivable = by->waivable};
    read_rules(unit, &set, rules);
}

void use_rule_sets(struct unit *unit, const struct rule_set *by, const struct node *list)
{
    struct loader *loader = unit->loader;
    for (size_t i = 0; i < list->count; i++) {
        const struct node *node = list->items[i];
        struct str name;
        if (!expect_text(loader, node, "a set of rules", &name) || is_used(unit, name))
            continue;
        const struct embedded_file *file = find_set(loader, name);
        if (file) {
            load_builtin_set(unit, by, name, file);
        } else if (str_find_char(name, '/', 0) >= 0 && by->name.n) {
            diag_error(loader->diags, node_span(node), "a set uses only sets of weir, such as weir.baseline");
        } else if (str_find_char(name, '/', 0) >= 0) {
            load_module_set(unit, by, node);
        } else {
            struct diag *d = diag_error(
                loader->diags, node_span(node), "there is no set of rules \"%.*s\"", STR_ARG(name));
            diag_did_you_mean(loader->diags, d, name, &(struct str)STR_INIT("weir.baseline"), 1);
            diag_hint(loader->diags, d, "weir.baseline, or a module with rules: ./FOLDER, git::https://…");
        }
    }
}

/* ---- of an organisation ---- */

static void load_file(struct unit *root, struct str path)
{
    static const struct str known[] = {STR_INIT("description"), STR_INIT("waivable"), STR_INIT("rules")};
    struct loader *loader = root->loader;
    struct str ext, stem = str_cut(path_base(path), '.', &ext);
    struct rule_set set = {.name = arena_str(loader->arena, stem)};
    struct node *file = yaml_load(loader->arena, arena_strz(loader->arena, path), path, loader->diags);
    if (!file || !expect_map(loader, file, "a file of rules"))
        return;
    check_keys(loader, file, "a file of rules", known, sizeof known / sizeof *known);
    const struct node *waivable = node_get(file, "waivable"), *rules = node_get(file, "rules");
    if (waivable)
        expect_bool(loader, waivable, "\"waivable\"", &set.waivable);
    if (rules && expect_map(loader, rules, "\"rules\""))
        read_rules(root, &set, rules);
    else if (!rules)
        diag_error(loader->diags, node_span(file), "%.*s has no `rules`", STR_ARG(path));
}

static struct str nearest_file(struct loader *loader)
{
    char real[PATH_MAX];
    if (!realpath(arena_strz(loader->arena, loader->stack->dir), real))
        return STR_EMPTY;
    struct str folder = arena_str(loader->arena, str_z(real));
    while ((folder = sandbox_folder_above(loader->arena, folder)).n) {
        struct str path = path_join(loader->arena, folder, STR("weir-rules.yaml"));
        if (!path_exists(path.p))
            continue;
        confine_allow(path.p); /* it is above the stack's folder */
        return path;
    }
    return STR_EMPTY;
}

void load_organisation_rules(struct unit *root)
{
    struct loader *loader = root->loader;
    const char *given = getenv("WEIR_RULES");
    struct str nearest = nearest_file(loader);
    for (struct str rest = str_z(given ? given : ""), path; rest.p && rest.n;) {
        path = str_cut(rest, ':', &rest);
        if (!path.n)
            continue;
        path = arena_str(loader->arena, path);
        confine_allow(path.p);
        load_file(root, path);
    }
    if (nearest.n)
        load_file(root, nearest);
}
