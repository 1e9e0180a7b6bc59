/* `budget: 20 USD/day` and `usage: {lake: {gb: 500}}`: what the stack may cost, and what it uses a month. */
#include "stacks/load/load.h"

#include <math.h>

static const char knows[] = "a budget and what is used know inputs, stack and path only";

static const struct node_entry *find_section(const struct unit *root, const char *name)
{
    const struct node_entry *entry = node_find(root->parts[0].root, str_z(name));
    return entry && entry->value->kind != NODE_NULL ? entry : NULL;
}

/* "20 USD/day", "0.5 USD / hour" */
static bool budget_parse(struct str text, double *hourly)
{
    static const struct {
        const char *name;
        double hours;
    } periods[] = {{"hour", 1}, {"day", 24}, {"week", 168}, {"month", 730}, {"year", 8760}};
    struct str period, unit, amount = str_trim(str_cut(text, '/', &period));
    ptrdiff_t blank = str_find_char(amount, ' ', 0);
    double usd;
    unit = blank < 0 ? STR_EMPTY : str_trim(str_slice(amount, (size_t)blank, amount.n));
    amount = blank < 0 ? amount : str_slice(amount, 0, (size_t)blank);
    if (!str_eqz(unit, "USD") || !str_to_double(amount, &usd) || !(usd >= 0) || !isfinite(usd))
        return false;
    for (size_t i = 0; i < sizeof periods / sizeof *periods; i++)
        if (str_eqz(str_trim(period), periods[i].name)) {
            *hourly = usd / periods[i].hours;
            return true;
        }
    return false;
}

static void load_budget(struct unit *root, const struct node *node)
{
    struct stack *stack = root->loader->stack;
    struct diags *diags = root->loader->diags;
    const struct value *v = resolve_early(root, node, false, knows);
    if (!v || value_is_unknown(v))
        return;
    stack->budget = value_text(v, STR_EMPTY);
    if (budget_parse(stack->budget, &stack->budget_hourly))
        return;
    struct diag *d = diag_error(diags, node_span(node), "this is not a budget");
    diag_hint(diags, d, "an amount and a time: 20 USD/day; times are hour, day, week, month and year");
    stack->budget = STR_EMPTY;
}

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
