/* Estimates as text and as events: see estimate.h. */
#include "cmd/cost/estimate.h"

#include "base/json.h"

#include <math.h>

void estimate_add_money(struct buf *out, double usd)
{
    buf_addf(out, "%.*f", usd != 0 && fabs(usd) < 0.005 ? 4 : 2, usd);
}

static const struct value *hourly_text(struct arena *arena, double usd)
{
    return value_string(arena, arena_printf(arena, "%.4f", usd));
}

static const struct value *monthly_text(struct arena *arena, double usd)
{
    AUTO_BUF struct buf text = BUF_INIT;
    estimate_add_money(&text, usd * HOURS_A_MONTH);
    return value_string(arena, buf_str(&text));
}

/* ---- fixed costs ---- */

static void add_charges(const struct estimate_item *item, struct arena *arena, struct value_builder *rows)
{
    const struct value *name = value_string(arena, item->address);
    for (size_t i = 0; i < item->charge_count; i++) {
        const struct charge *charge = &item->charges[i];
        if (charge->kind == CHARGE_USED && !charge->configured)
            continue;
        bool known = charge->kind != CHARGE_UNKNOWN;
        const struct value *row[] = {name, value_string(arena, charge->what),
            known ? hourly_text(arena, charge->hourly) : value_string(arena, charge->why),
            known ? monthly_text(arena, charge->hourly) : value_stringz(arena, "")};
        value_builder_add(rows, value_list(arena, row, 4));
        name = value_stringz(arena, "");
    }
}

static void add_total(const char *what, double hourly, struct arena *arena, struct value_builder *rows)
{
    const struct value *row[] = {value_stringz(arena, what), value_stringz(arena, ""),
        hourly_text(arena, hourly), monthly_text(arena, hourly)};
    value_builder_add(rows, value_list(arena, row, 4));
}

static void show_paid(
    const struct estimate *estimate, size_t members, bool color, struct arena *arena, struct buf *out)
{
    static const char *const heads[] = {"resource", "pays for", "an hour", "a month"};
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(arena);
    for (size_t i = 0; i < estimate->n; i++)
        add_charges(&estimate->items[i], arena, &rows);
    if (!rows.n)
        return;
    add_total(estimate->unknown ? "all that is known" : "all of it", estimate->hourly, arena, &rows);
    if (members != 1)
        add_total(
            arena_printf(arena, "%zu members", members).p, estimate->hourly * (double)members, arena, &rows);
    table_add_text(
        table_columns(arena, heads, 4), value_builder_list(&rows), &(struct term){.color = color}, out);
}

/* Returns the cost of the usage in `usage:`. */
static double used_hourly(const struct estimate *estimate)
{
    double sum = 0;
    for (size_t i = 0; i < estimate->n; i++)
        for (size_t k = 0; k < estimate->items[i].charge_count; k++)
            if (estimate->items[i].charges[k].kind == CHARGE_USED)
                sum += estimate->items[i].charges[k].hourly;
    return sum;
}

static void show_idle(const struct estimate *estimate, struct buf *out)
{
    double idle = estimate->hourly - used_hourly(estimate);
    if (used_hourly(estimate) == 0) {
        buf_addz(out, "All of that is charged even while nobody uses it.\n");
        return;
    }
    buf_addf(out, "Of that %.4f an hour, ", idle);
    estimate_add_money(out, idle * HOURS_A_MONTH);
    buf_addz(out, " a month, are charged even while nobody uses them.\n");
}

static void show_budget(
    const struct estimate *estimate, const struct stack *stack, size_t members, struct buf *out)
{
    buf_addf(out, "\nIts budget is %.*s", STR_ARG(stack->budget));
    if (estimate->unknown)
        buf_addz(out,
            ": resources without a known price cannot be checked against it, so plan and apply refuse them");
    else if (estimate->hourly > stack->budget_hourly)
        buf_addz(out, ": it goes beyond that");
    else if (estimate->hourly * (double)members > stack->budget_hourly)
        buf_addf(out, ": %zu members together exceed it", members);
    buf_addz(out, ".\n");
}

/* ---- costs by usage ---- */

/* Returns whether the same price of the same type was already shown. */
static bool is_shown(const struct estimate *estimate, size_t item, const struct charge *charge)
{
    for (size_t i = 0; i < item; i++)
        for (size_t k = 0; k < estimate->items[i].charge_count; k++) {
            const struct charge *other = &estimate->items[i].charges[k];
            if (str_eq(estimate->items[i].type, estimate->items[item].type) && other->kind == CHARGE_USED &&
                !other->configured && str_eq(other->use, charge->use))
                return true;
        }
    return false;
}

static void show_used(const struct estimate *estimate, bool color, struct arena *arena, struct buf *out)
{
    static const char *const heads[] = {"type", "pays for", "price", "name of what is used"};
    AUTO_BUILDER struct value_builder rows = VALUE_BUILDER(arena);
    for (size_t i = 0; i < estimate->n; i++)
        for (size_t k = 0; k < estimate->items[i].charge_count; k++) {
            const struct charge *charge = &estimate->items[i].charges[k];
            if (charge->kind != CHARGE_USED || charge->configured || is_shown(estimate, i, charge))
                continue;
            struct str price =
                arena_printf(arena, "%.10g per %.*s", charge->unit_price, STR_ARG(charge->unit));
            const struct value *row[] = {value_string(arena, estimate->items[i].type),
                value_string(arena, charge->what), value_string(arena, price),
                value_string(arena, charge->use)};
            value_builder_add(&rows, value_list(arena, row, 4));
        }
    if (!rows.n)
        return;
    buf_addz(out, "\n"
                  "Charges by use are not included. Configure the use in a month, such as usage: {ADDRESS: "
                  "{NAME: 100}}\n");
    table_add_text(
        table_columns(arena, heads, 4), value_builder_list(&rows), &(struct term){.color = color}, out);
}

static void show_unpriced(const struct estimate *estimate, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < estimate->n; i++) {
        if (estimate->items[i].priced != PRICED_NOT)
            continue;
        buf_addz(out, any ? ", " : "\nNo price is known of ");
        text_addf(out, "%.*s (%.*s)", STR_ARG(estimate->items[i].address), STR_ARG(estimate->items[i].type));
        any = true;
    }
    buf_addz(out, any ? ".\n" : "");
}

/* Returns whether the address and usage name in `usage:` exist. `name` "": the resource itself. */
static bool is_used(const struct estimate *estimate, struct str address, struct str name)
{
    for (size_t i = 0; i < estimate->n; i++) {
        const struct estimate_item *item = &estimate->items[i];
        ptrdiff_t key = address_key_at(item->address);
        bool same = str_eq(item->address, address) ||
                    (key > 0 && str_eq(str_slice(item->address, 0, (size_t)key), address));
        for (size_t k = 0; same && name.n && k < item->charge_count; k++)
            if (str_eq(item->charges[k].use, name))
                return true;
        if (same && !name.n)
            return true;
    }
    return false;
}

/* Reports usage that matches no price, which is an error in the file. */
static void show_unused(const struct estimate *estimate, const struct value *usage, struct buf *out)
{
    for (uint32_t i = 0; usage && i < usage->count; i++) {
        struct str address = usage->entries[i].key;
        const struct value *names = usage->entries[i].value;
        if (!is_used(estimate, address, STR_EMPTY)) {
            buf_addf(
                out, "\nUsage of \"%.*s\" is not counted: there is no such resource.\n", STR_ARG(address));
            continue;
        }
        for (uint32_t k = 0; k < names->count; k++)
            if (!is_used(estimate, address, names->entries[k].key))
                buf_addf(out,
                    "\n"
                    "Usage of \"%.*s\" is not counted: it has no charge for \"%.*s\".\n",
                    STR_ARG(address), STR_ARG(names->entries[k].key));
    }
}

void estimate_show(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, bool color, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    buf_addf(out, "%.*s at the prices of %.*s of %.*s, in US dollars:\n", STR_ARG(stack->name),
        STR_ARG(prices_region(prices)), STR_ARG(prices_date(prices)));
    show_paid(estimate, members, color, &arena, out);
    if (estimate->hourly == 0)
        buf_addz(out, estimate->unknown ? "Its cost is not known.\n" : "Nothing in it has a fixed cost.\n");
    else
        show_idle(estimate, out);
    show_used(estimate, color, &arena, out);
    show_unpriced(estimate, out);
    show_unused(estimate, stack->usage, out);
    if (stack->budget.n)
        show_budget(estimate, stack, members, out);
}

/* ---- events ---- */

static void add_charge(struct buf *out, const struct charge *charge)
{
    static const char *const kinds[] = {"there", "use", "unknown"};
    buf_addz(out, "{\"what\":");
    json_write_string(out, charge->what);
    buf_addf(out, ",\"kind\":\"%s\"", kinds[charge->kind]);
    if (charge->kind == CHARGE_UNKNOWN)
        json_write_member(out, "why", charge->why);
    else
        buf_addf(out, ",\"hour\":%.10g", charge->hourly);
    if (charge->kind == CHARGE_USED) {
        buf_addf(out, ",\"price\":%.10g", charge->unit_price);
        json_write_member(out, "per", charge->unit);
        json_write_member(out, "usage", charge->use);
        buf_addf(out, ",\"configured\":%s", charge->configured ? "true" : "false");
    }
    buf_addz(out, "}");
}

static void add_head(struct buf *out, const struct prices *prices)
{
    buf_addz(out, "{\"event\":\"cost\",\"currency\":\"USD\"");
    json_write_member(out, "region", prices_region(prices));
    json_write_member(out, "date", prices_date(prices));
}

static void add_item(struct buf *out, const struct estimate_item *item, double hourly_now, bool change)
{
    static const char *const priced[] = {"unknown", "free", "priced"};
    buf_addz(out, "{\"address\":");
    json_write_string(out, item->address);
    json_write_member(out, "type", item->type);
    buf_addf(out, ",\"price\":\"%s\"", priced[item->priced]);
    if (change)
        buf_addf(out, ",\"hour_now\":%.10g,\"hour_after\":%.10g", hourly_now, item->hourly);
    else
        buf_addf(out, ",\"hour\":%.10g", item->hourly);
    buf_addz(out, ",\"charges\":[");
    for (size_t k = 0; k < item->charge_count; k++) {
        buf_addz(out, k ? "," : "");
        add_charge(out, &item->charges[k]);
    }
    buf_addz(out, "]}");
}

void estimate_event(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, struct buf *out)
{
    add_head(out, prices);
    buf_addf(out, ",\"hour\":%.10g,\"month\":%.10g,\"idle_hour\":%.10g,\"members\":%zu", estimate->hourly,
        estimate->hourly * HOURS_A_MONTH, estimate->hourly - used_hourly(estimate), members);
    if (stack->budget.n)
        buf_addf(out, ",\"budget_hour\":%.10g", stack->budget_hourly);
    buf_addz(out, ",\"resources\":[");
    for (size_t i = 0; i < estimate->n; i++) {
        buf_addz(out, i ? "," : "");
        add_item(out, &estimate->items[i], 0, false);
    }
    buf_addz(out, "]}\n");
}

/* ---- cost changes ---- */

static double hourly_of(const struct map *items, struct str address)
{
    const struct estimate_item *item = map_get(items, address);
    return item ? item->hourly : 0;
}

static void add_difference(struct buf *out, double monthly)
{
    buf_addz(out, monthly < 0 ? "" : "+");
    estimate_add_money(out, monthly);
}

static void add_change(struct buf *out, struct str address, double hourly)
{
    if (fabs(hourly) * HOURS_A_MONTH < 0.00005)
        return;
    buf_addz(out, "  ");
    add_difference(out, hourly * HOURS_A_MONTH);
    text_addf(out, "  %.*s\n", STR_ARG(address));
}

static void add_unknown(struct buf *out, const struct estimate_item *item)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str why = estimate_unknown(item, &scratch);
    if (!why.n)
        return;
    text_addf(out, "  not counted  %.*s, %.*s\n", STR_ARG(item->address), STR_ARG(why));
}

void estimate_show_change(const struct estimate *now, const struct estimate *after,
    const struct prices *prices, bool color, struct buf *out)
{
    style_add(out, color, STYLE_BOLD, "Cost: ");
    estimate_add_money(out, now->hourly * HOURS_A_MONTH);
    buf_addz(out, " USD a month now, ");
    estimate_add_money(out, after->hourly * HOURS_A_MONTH);
    buf_addz(out, " after this (");
    add_difference(out, (after->hourly - now->hourly) * HOURS_A_MONTH);
    buf_addf(out, "), at the prices of %.*s of %.*s, %s%s.\n", STR_ARG(prices_region(prices)),
        STR_ARG(prices_date(prices)),
        used_hourly(now) + used_hourly(after) > 0 ? "with the use in `usage:`" : "without charges by use",
        after->unknown ? " and what is not known" : "");
    AUTO_MAP struct map before = MAP_INIT, later = MAP_INIT;
    estimate_index(now, &before);
    estimate_index(after, &later);
    for (size_t i = 0; i < after->n; i++) {
        add_change(out, after->items[i].address,
            after->items[i].hourly - hourly_of(&before, after->items[i].address));
        add_unknown(out, &after->items[i]);
    }
    for (size_t i = 0; i < now->n; i++)
        if (!map_get(&later, now->items[i].address))
            add_change(out, now->items[i].address, -now->items[i].hourly);
}

/* Lists each resource that exists after the plan, and removed ones with a cost of 0. */
void estimate_change_event(
    const struct estimate *now, const struct estimate *after, const struct prices *prices, struct buf *out)
{
    AUTO_MAP struct map before = MAP_INIT, later = MAP_INIT;
    const char *comma = "";
    estimate_index(now, &before);
    estimate_index(after, &later);
    add_head(out, prices);
    buf_addf(out, ",\"hour_now\":%.10g,\"hour_after\":%.10g,\"unknown\":%zu,\"resources\":[", now->hourly,
        after->hourly, after->unknown);
    for (size_t i = 0; i < after->n; i++, comma = ",") {
        buf_addz(out, comma);
        add_item(out, &after->items[i], hourly_of(&before, after->items[i].address), true);
    }
    for (size_t i = 0; i < now->n; i++) {
        struct estimate_item gone = {
            .address = now->items[i].address, .type = now->items[i].type, .priced = now->items[i].priced};
        if (map_get(&later, gone.address))
            continue;
        buf_addz(out, comma);
        add_item(out, &gone, now->items[i].hourly, true);
        comma = ",";
    }
    buf_addz(out, "]}\n");
}
