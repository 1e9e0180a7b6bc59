/*
 * Loads `rules:`, `budget:`, `usage:` and the conditions of a stack or module: stacks/stack.h describes them.
 */
#include "base/clock.h"
#include "stacks/load/load.h"

#include "base/match.h"
#include "base/mem.h"

#include <math.h>

/* ---- `budget: 20 USD/day` and `usage: {lake: {gb: 500}}`: the maximum cost, and the monthly usage ---- */

static const char knows[] = "a budget and what is used know inputs, stack and path only";

static const struct node_entry *find_section(const struct unit *root, const char *name)
{
    const struct node_entry *entry = node_find(root->parts[0].root, str_z(name));
    return entry && entry->value->kind != NODE_NULL ? entry : NULL;
}

/* ---- the budget ---- */

/* The period of a budget: "day" of "20 USD/day". */
struct period {
    const char *name;
    double hours;
};

/* Parses "20 USD/day", "0.5 USD / hour". */
static const struct period *budget_parse(struct str text, double *usd)
{
    static const struct period periods[] = {
        {"hour", 1}, {"day", 24}, {"week", 168}, {"month", 730}, {"year", 8760}};
    struct str period, unit, amount = str_trim(str_cut(text, '/', &period));
    ptrdiff_t blank = str_find_char(amount, ' ', 0);
    unit = blank < 0 ? STR_EMPTY : str_trim(str_slice(amount, (size_t)blank, amount.n));
    amount = blank < 0 ? amount : str_slice(amount, 0, (size_t)blank);
    if (!str_eqz(unit, "USD") || !str_to_double(amount, usd) || !(*usd >= 0) || !isfinite(*usd))
        return NULL;
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
        if (str_eqz(str_trim(period), periods[i].name))
            return &periods[i];
    return NULL;
}

/* The rule about the plan that a budget stands for. */
static const char rule_text[] =
    "budget:\n"
    "  for: plan\n"
    "  where: ${plan.changes > 0}\n"
    "  require: ${%smax(%.12f, plan.cost.hour_now) >= plan.cost.%s}\n"
    "  message: >-\n"
    "    ${%slength(plan.cost.unpriced) > 0 ? format('the budget of %%s, %.*s, cannot be kept to: nobody "
    "knows "
    "what %%s cost%%s; \"weir cost update\" fetches prices of today, or say it in the stack, "
    "`usage: {ADDRESS: {usd_per_hour: 1.25}}`', stack.name, join(', ', plan.cost.unpriced), "
    "length(plan.cost.unpriced) == 1 ? 's' : '') : format('this would cost %%.2f USD %s %s (%%.2f now), and "
    "the "
    "budget of %%s is %.*s; the dearest is %%s at %%.2f', plan.cost.%s * %g, plan.cost.hour_now * %g, "
    "stack.name, "
    "plan.cost.dearest.address, plan.cost.dearest.hour * %g)}\n"
    "  doc: what the stack may cost\n";

/* Not strict: resources without a known price count as 0. */
static struct str rule_of_budget(
    struct arena *arena, const struct stack *stack, const struct period *period, bool strict)
{
    const char *sum = strict ? "hour" : "known_hour", *article = period->hours > 1 ? "a" : "an";
    return arena_printf(arena, rule_text, strict ? "length(plan.cost.unpriced) == 0 && " : "",
        stack->budget_hourly, sum, strict ? "" : "false && ", STR_ARG(stack->budget), article, period->name,
        STR_ARG(stack->budget), sum, period->hours, period->hours, period->hours);
}

static const char *const levels[RULE_LEVELS] = {"error", "warning", "approval"};

/* ---- the level of a rule ---- */

/* "error" … */
static void rule_read_level(struct loader *loader, const struct node *node, struct rule *rule)
{
    struct str text, known[RULE_LEVELS];
    if (!expect_text(loader, node, "the level of a rule", &text))
        return;
    for (int i = 0; i < RULE_LEVELS; i++) {
        known[i] = str_z(levels[i]);
        if (!str_eq(text, known[i]))
            continue;
        rule->level = (enum rule_level)i;
        return;
    }
    struct diag *d = diag_error(loader->diags, node_span(node), "there is no level \"%.*s\"", STR_ARG(text));
    diag_did_you_mean(loader->diags, d, text, known, RULE_LEVELS);
    diag_hint(loader->diags, d, "levels are error, warning and approval");
}

static void add_rule(struct unit *root, const struct node *node, struct str text, const struct node *level)
{
    struct loader *loader = root->loader;
    struct source *source = ARENA_MAKE(loader->arena, struct source, .path = STR("budget"), .text = text);
    const struct node *rules = yaml_parse(loader->arena, source, loader->diags);
    size_t before = loader->rule_count;
    if (rules)
        read_rules(root, &(struct rule_set){.name = STR_EMPTY, .waivable = true}, rules);
    if (loader->rule_count == before)
        return;
    struct rule *rule = loader->rules[before].rule;
    rule->budget = true;
    rule->span = node_span(node);
    if (level)
        rule_read_level(loader, level, rule);
}

static void load_limit(struct unit *root, const struct node *node, bool strict, const struct node *level)
{
    struct stack *stack = root->loader->stack;
    struct diags *diags = root->loader->diags;
    const struct value *v = resolve_early(root, node, false, knows);
    double usd;
    if (!v || value_is_unknown(v))
        return;
    stack->budget = value_text(v, STR_EMPTY);
    const struct period *period = budget_parse(stack->budget, &usd);
    if (!period) {
        struct diag *d = diag_error(diags, node_span(node), "this is not a budget");
        diag_hint(diags, d, "an amount and a time: 20 USD/day; times are hour, day, week, month and year");
        stack->budget = STR_EMPTY;
        return;
    }
    stack->budget_hourly = usd / period->hours;
    add_rule(root, node, rule_of_budget(root->loader->arena, stack, period, strict), level);
}

/* Loads a string, or `{limit: 20 USD/day, level: warning, strict: false}`. */
static void load_budget(struct unit *root, const struct node *node)
{
    static const struct str known[] = {STR_INIT("limit"), STR_INIT("level"), STR_INIT("strict")};
    struct loader *loader = root->loader;
    bool strict = true;
    if (node->kind != NODE_MAP) {
        load_limit(root, node, strict, NULL);
        return;
    }
    const struct node *limit = node_get(node, "limit"), *given = node_get(node, "strict");
    check_keys(loader, node, "a budget", known, sizeof known / sizeof *known);
    if (given)
        expect_bool(loader, given, "\"strict\"", &strict);
    if (limit && limit->kind != NODE_NULL)
        load_limit(root, limit, strict, node_get(node, "level"));
    else
        diag_error(loader->diags, node_span(node), "this budget has no `limit`");
}

/* ---- usage ---- */

static void load_usage(struct unit *root, const struct node *node)
{
    struct diags *diags = root->loader->diags;
    const struct value *usage =
        expect_map(root->loader, node, "\"usage\"") ? resolve_early(root, node, false, knows) : NULL;
    for (uint32_t i = 0; usage && i < usage->count; i++) {
        const struct value_entry *entry = &usage->entries[i];
        bool good = entry->value->kind == VALUE_MAP;
        for (uint32_t k = 0; good && k < entry->value->count; k++)
            good = value_is_number(entry->value->entries[k].value) ||
                   value_is_unknown(entry->value->entries[k].value);
        if (good)
            continue;
        struct diag *d = diag_error(diags, node_key_span(node_find(node, entry->key)),
            "what is used of \"%.*s\" is a map of numbers", STR_ARG(entry->key));
        diag_hint(diags, d, "%.*s: {gb: 500}; \"weir cost\" lists what can be given", STR_ARG(entry->key));
    }
    root->loader->stack->usage = usage;
}

void budget_load(struct unit *root)
{
    const struct node_entry *budget = find_section(root, "budget"), *usage = find_section(root, "usage");
    if (budget)
        load_budget(root, budget->value);
    if (usage)
        load_usage(root, usage->value);
}

/* ---- Conditions of a resource, `lifecycle: {precondition: …, postcondition: …}`, and checks of the stack,
 * which are evaluated after an apply ---- */

static bool condition_lacks(struct loader *loader, const struct node *body, const char *what, const char *key)
{
    const struct node *node = node_get(body, key);
    if (node && node->kind != NODE_NULL)
        return false;
    struct diag *d = diag_error(loader->diags, node_span(body), "this %s has no `%s`", what, key);
    diag_hint(loader->diags, d, "{require: \"${inputs.days > 0}\", message: what is wrong}");
    return true;
}

static struct expr *read_condition(struct loader *loader, const struct node *body, const char *key)
{
    const struct node *node = node_get(body, key);
    if (!node || node->kind == NODE_NULL)
        return NULL;
    struct expr *expr = expr_compile(loader->arena, node, loader->diags);
    if (node->kind == NODE_STRING && !has_expression(node)) {
        struct diag *d =
            diag_error(loader->diags, node_span(node), "\"%s\" of a rule is true or false, not a text", key);
        diag_hint(loader->diags, d, "write it as an expression: ${…}");
    }
    return expr;
}

/* Reads require, message and level, which exist, and adds the rule to the loader. */
static void rule_add(struct unit *unit, struct rule *rule, const struct node *body)
{
    struct loader *loader = unit->loader;
    const struct node *level = node_get(body, "level");
    rule->require = read_condition(loader, body, "require");
    rule->message = expr_compile(loader->arena, node_get(body, "message"), loader->diags);
    if (level)
        rule_read_level(loader, level, rule);
    MEM_GROW(loader->rules, loader->rule_cap, loader->rule_count + 1);
    loader->rules[loader->rule_count++] = (struct loaded_rule){rule, unit};
}

/* Creates a condition with the fields of `like`. Returns NULL after an error. */
static struct rule *conditions_read_condition(
    struct unit *unit, const struct rule *like, const struct node *body, const char *what)
{
    struct loader *loader = unit->loader;
    const struct node *level = node_get(body, "level");
    bool lacks = condition_lacks(loader, body, what, "require");
    lacks |= condition_lacks(loader, body, what, "message");
    if (lacks)
        return NULL;
    struct rule *rule = ARENA_NEW(loader->arena, struct rule);
    *rule = *like;
    rule->set = rule->doc = rule->control = rule->link = STR_EMPTY;
    rule->module = unit->module->path.n ? unit->module : NULL;
    rule_add(unit, rule, body);
    if (rule->after && rule->level == RULE_APPROVAL)
        diag_error(loader->diags, node_span(level),
            "it cannot be approved before it is evaluated: the level is error or warning");
    return rule;
}

/* ---- conditions of a resource ---- */

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
    conditions_read_condition(info_of(loader, decl)->unit, &rule, body, "condition");
}

void read_conditions(struct loader *loader, struct decl *decl, const struct node *lifecycle)
{
    static const char *const keys[] = {"precondition", "postcondition"};
    decl->lifecycle->first_rule = loader->rule_count;
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
    decl->lifecycle->rule_count = loader->rule_count - decl->lifecycle->first_rule;
}

/* ---- checks ---- */

/* Declares the data sources of a check, which only the check can refer to. */
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
    struct rule *rule = conditions_read_condition(unit, &like, body, "check");
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

const char *rule_level_name(enum rule_level level)
{
    return levels[level];
}

/* ---- the types of a rule ---- */

bool rule_type_is_pattern(struct str type)
{
    return str_find_char(type, '*', 0) >= 0 || str_find_char(type, '?', 0) >= 0;
}

/* Returns whether the type has all attributes that the rule names. */
static bool rule_has_all(const struct rule *rule, const struct schema *schema)
{
    for (size_t i = 0; i < rule->attribute_count; i++)
        if (!schema_attr(schema, rule->attributes[i]))
            return false;
    return true;
}

bool rule_is_called(const struct rule *rule, struct str name)
{
    bool ends = !rule->decl && name.n && str_ends(rule->name, name) && rule->name.n > name.n;
    return str_eq(rule->name, name) || (ends && rule->name.p[rule->name.n - name.n - 1] == '/');
}

bool rule_is_for(const struct rule *rule, const struct schema *schema)
{
    for (size_t i = 0; i < rule->type_count && !rule->idle; i++) {
        bool pattern = rule_type_is_pattern(rule->types[i]);
        if (pattern ? glob_match(rule->types[i], schema->name, 0) && rule_has_all(rule, schema)
                    : str_eq(rule->types[i], schema->name))
            return true;
    }
    return false;
}

/* Checks that a type name exists. Built-in rule sets are not checked, so that specs are not read
 * needlessly. */
static void check_type(struct loader *loader, const struct rule *rule, const struct node *node)
{
    if (!rule->builtin && !rule_type_is_pattern(node->string) && !str_eqz(node->string, "plan"))
        find_schema(loader, node, false);
}

static void read_for(struct loader *loader, const struct node *node, struct rule *rule)
{
    size_t n = node->kind == NODE_LIST ? node->count : 1;
    struct str *types = ARENA_ARRAY(loader->arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++) {
        const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
        if (!expect_text(loader, item, "what a rule is for", &types[rule->type_count]))
            continue;
        check_type(loader, rule, item);
        rule->of_plan |= str_eqz(item->string, "plan");
        rule->type_count++;
    }
    rule->types = types;
    if (node->kind == NODE_LIST && !n)
        diag_error(loader->diags, node_span(node), "this is a rule for nothing");
    if (rule->of_plan && n > 1)
        diag_error(loader->diags, node_span(node), "a rule is for types or for the plan, not for both");
}

static bool rule_lacks(struct loader *loader, const struct node_entry *entry, const char *key)
{
    const struct node *node = node_get(entry->value, key);
    if (node && node->kind != NODE_NULL)
        return false;
    struct diag *d = diag_error(
        loader->diags, node_key_span(entry), "the rule \"%.*s\" has no `%s`", STR_ARG(entry->key), key);
    diag_hint(loader->diags, d, "%.*s: {for: aws.s3.bucket, require: \"${self.versioning}\", message: …}",
        STR_ARG(entry->key));
    return true;
}

/* Reads the reasons of a rule. */
static void read_reasons(struct loader *loader, const struct node *body, struct rule *rule)
{
    const struct {
        const char *key;
        struct str *out;
    } texts[] = {{"doc", &rule->doc}, {"control", &rule->control}, {"link", &rule->link}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const struct node *node = node_get(body, texts[i].key);
        *texts[i].out = STR_EMPTY;
        if (node && node->kind != NODE_NULL)
            expect_text(loader, node, "why there is a rule", texts[i].out);
    }
}

static void read_rule(struct unit *unit, const struct rule_set *set, const struct node_entry *entry)
{
    static const struct str known[] = {STR_INIT("for"), STR_INIT("where"), STR_INIT("require"),
        STR_INIT("message"), STR_INIT("level"), STR_INIT("doc"), STR_INIT("control"), STR_INIT("link"),
        STR_INIT("waivable")};
    struct loader *loader = unit->loader;
    const struct node *body = entry->value, *node;
    struct rule *rule = ARENA_MAKE(loader->arena, struct rule, .name = entry->key, .set = set->name,
        .builtin = set->builtin, .waivable = set->waivable, .span = node_key_span(entry));
    if (set->name.n)
        rule->name = arena_printf(loader->arena, "%.*s/%.*s", STR_ARG(set->name), STR_ARG(entry->key));
    rule->module = unit->module->path.n ? unit->module : NULL;
    if (!stack_is_name(entry->key))
        diag_error(loader->diags, rule->span, "\"%.*s\" is not a name", STR_ARG(entry->key));
    if (!expect_map(loader, body, "a rule"))
        return;
    check_keys(loader, body, "a rule", known, sizeof known / sizeof *known);
    bool lacks = rule_lacks(loader, entry, "for");
    lacks |= rule_lacks(loader, entry, "require");
    lacks |= rule_lacks(loader, entry, "message");
    if (lacks)
        return;
    read_reasons(loader, body, rule);
    read_for(loader, node_get(body, "for"), rule);
    rule->where = read_condition(loader, body, "where");
    if ((node = node_get(body, "waivable")))
        expect_bool(loader, node, "\"waivable\"", &rule->waivable);
    rule_add(unit, rule, body);
}

/* ---- the section ---- */

void read_rules(struct unit *unit, const struct rule_set *set, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        bool use = str_eqz(entry->key, "use"), waive = str_eqz(entry->key, "waive");
        if (!use && !waive)
            read_rule(unit, set, entry);
        else if (entry->value->kind == NODE_NULL)
            continue;
        else if (use && expect_list(unit->loader, entry->value, "\"use\""))
            use_rule_sets(unit, set, entry->value);
        else if (waive && (set->name.n || unit->module->path.n))
            diag_error(
                unit->loader->diags, node_key_span(entry), "only a stack waives rules, in its own file");
        else if (waive && expect_list(unit->loader, entry->value, "\"waive\""))
            read_waivers(unit->loader, entry->value);
    }
}

void load_rules(struct unit *unit, const struct node *section)
{
    read_rules(unit, &(struct rule_set){.name = STR_EMPTY, .waivable = true}, section);
}
