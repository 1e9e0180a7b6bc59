/* `budget: 20 USD/day` and `usage: {lake: {gb: 500}}`: what the stack may cost, and what it uses a month. */
#include "stacks/load/rules.h"

#include <math.h>

static const char knows[] = "a budget and what is used know inputs, stack and path only";

static const struct node_entry *find_section(const struct unit *root, const char *name)
{
    const struct node_entry *entry = node_find(root->parts[0].root, str_z(name));
    return entry && entry->value->kind != NODE_NULL ? entry : NULL;
}

/* ---- the budget ---- */

/* "day" of "20 USD/day": an hour's share of it. */
struct period {
    const char *name;
    double hours;
};

/* "20 USD/day", "0.5 USD / hour" */
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

/* What it stands for, in the language: a rule about the plan. */
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

/* Not strict: what has no known price counts as nothing. */
static struct str rule_of_budget(
    struct arena *arena, const struct stack *stack, const struct period *period, bool strict)
{
    const char *sum = strict ? "hour" : "known_hour", *article = period->hours > 1 ? "a" : "an";
    return arena_printf(arena, rule_text, strict ? "length(plan.cost.unpriced) == 0 && " : "",
        stack->budget_hourly, sum, strict ? "" : "false && ", STR_ARG(stack->budget), article, period->name,
        STR_ARG(stack->budget), sum, period->hours, period->hours, period->hours);
}

static void add_rule(struct unit *root, const struct node *node, struct str text, const struct node *level)
{
    struct loader *loader = root->loader;
    struct source *source = ARENA_NEW(loader->arena, struct source);
    *source = (struct source){.path = STR("budget"), .text = text};
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

/* A text, or `{limit: 20 USD/day, level: warning, strict: false}`. */
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

/* ---- what is used ---- */

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT || v->kind == VALUE_UNKNOWN;
}

static void load_usage(struct unit *root, const struct node *node)
{
    struct diags *diags = root->loader->diags;
    const struct value *usage =
        expect_map(root->loader, node, "\"usage\"") ? resolve_early(root, node, false, knows) : NULL;
    for (uint32_t i = 0; usage && i < usage->count; i++) {
        const struct value_entry *entry = &usage->entries[i];
        bool good = entry->value->kind == VALUE_MAP;
        for (uint32_t k = 0; good && k < entry->value->count; k++)
            good = is_number(entry->value->entries[k].value);
        if (good)
            continue;
        struct diag *d = diag_error(diags, node_key_span(node_find(node, entry->key)),
            "what is used of \"%.*s\" is a map of numbers", STR_ARG(entry->key));
        diag_hint(
            diags, d, "%.*s: {gb: 500}; \"weir cost\" says what there is to be said", STR_ARG(entry->key));
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
