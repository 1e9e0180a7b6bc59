/* Estimates the cost of resources (see estimate.h), and how a plan changes it. */
#include "cmd/cost/estimate.h"

#include "base/file.h"

struct str cost_price_file(const struct workspace *workspace, struct arena *arena)
{
    return path_join(arena, workspace->work_dir, STR("prices.json"));
}

int cost_open(const struct workspace *workspace, struct arena *arena, struct prices **out, struct err *err)
{
    struct str kept = cost_price_file(workspace, arena);
    return prices_load(arena, path_exists(kept.p) ? kept.p : NULL, out, err);
}

/* Returns the usage of the instance, or of its declaration. */
static const struct value *usage_of(const struct stack *stack, struct str address, struct arena *arena)
{
    struct str declared, key;
    const struct value *own = value_get(stack->usage, address);
    if (own || !address_split(arena, address, &declared, &key))
        return own;
    return value_get(stack->usage, declared);
}

/* A resource as in the price table: a CloudFormation type is converted to weir's own type. */
struct cost_resource {
    const struct schema *schema;
    const struct value *object;
};

static struct cost_resource as_own(const struct workspace *workspace, struct prices *prices,
    const struct schema *schema, const struct value *object, struct arena *arena)
{
    bool theirs = str_find(schema->name, STR("::"), 0) >= 0;
    const struct schema *own = theirs ? catalog_own(workspace->catalog, schema->name) : NULL;
    if (!own)
        return (struct cost_resource){schema, object};
    return (struct cost_resource){own, prices_as_own(prices, own, schema, object, arena)};
}

struct str estimate_unknown(const struct estimate_item *item, struct arena *arena)
{
    if (item->priced == PRICED_NOT)
        return arena_printf(arena, "no price of %.*s", STR_ARG(item->type));
    for (size_t i = 0; i < item->charge_count; i++)
        if (item->charges[i].kind == CHARGE_UNKNOWN)
            return arena_printf(
                arena, "%.*s: %.*s", STR_ARG(item->charges[i].what), STR_ARG(item->charges[i].why));
    return STR_EMPTY;
}

/* Adds the price that the stack gives for a resource without a known price. */
static void estimate_own_price(struct estimate_item *item, const struct value *usage, struct arena *arena)
{
    const struct value *usd = value_getz(usage, ESTIMATE_OWN_PRICE);
    if (!usd || (usd->kind != VALUE_INT && usd->kind != VALUE_FLOAT))
        return;
    struct charge *charge = ARENA_MAKE(arena, struct charge, .what = STR("what `usage:` says"),
        .use = STR(ESTIMATE_OWN_PRICE), .hourly = value_number(usd));
    item->priced = PRICED;
    item->charges = charge;
    item->charge_count = 1;
}

static void estimate_add(struct estimate *estimate, const struct workspace *workspace, struct prices *prices,
    struct str address, struct str type, struct cost_resource resource, struct arena *arena)
{
    struct estimate_item *item = &estimate->items[estimate->n++];
    const struct value *usage = usage_of(workspace->stack, address, arena);
    *item = (struct estimate_item){.address = address, .type = type};
    item->priced = prices_of(
        prices, resource.schema, resource.object, usage, arena, &item->charges, &item->charge_count);
    if (estimate_unknown(item, arena).n)
        estimate_own_price(item, usage, arena);
    for (size_t i = 0; i < item->charge_count; i++)
        item->hourly += item->charges[i].hourly;
    item->unknown = estimate_unknown(item, arena).n > 0;
    estimate->hourly += item->hourly;
    estimate->unknown += item->unknown;
}

/* Replaces unknown values by the recorded ones. */
static const struct value *with_recorded(
    const struct workspace *workspace, struct str address, const struct value *object, struct arena *arena)
{
    const struct record *record = workspace->state ? state_get(workspace->state, address) : NULL;
    for (uint32_t i = 0; record && i < object->count; i++) {
        const struct value_entry *entry = &object->entries[i];
        const struct value *before = value_get(record->attrs, entry->key);
        if (!value_is_known(entry->value) && before)
            return with_recorded(workspace, address, value_with(arena, object, entry->key, before), arena);
    }
    return object;
}

/* Adds a declaration with unknown instances, whose cost may be unknown depending on the type. */
static void estimate_add_open(struct estimate *estimate, const struct workspace *workspace,
    struct prices *prices, const struct declared *declared, struct arena *arena)
{
    const struct cost_resource resource =
        as_own(workspace, prices, declared->decl->schema, &value_empty_map, arena);
    struct estimate_item *item = &estimate->items[estimate->n++];
    const struct charge *ignored;
    struct charge *open = ARENA_NEW(arena, struct charge);
    size_t n;
    *item = (struct estimate_item){.address = declared->address, .type = declared->decl->schema->name};
    item->priced = prices_of(prices, resource.schema, resource.object, NULL, arena, &ignored, &n);
    *open = (struct charge){
        .kind = CHARGE_UNKNOWN, .what = STR("each of them"), .why = STR("how many is known when planned")};
    if (item->priced != PRICED)
        return;
    item->charges = open;
    item->charge_count = 1;
    item->unknown = true;
    estimate->unknown++;
}

/* Adds the resources that a declaration refers to, by type; the first one of each type. */
static struct cost_resource with_dependencies(struct arena *arena, struct cost_resource resource,
    const struct decl *decl, const struct cost_resource *resources)
{
    const struct value *behind = &value_empty_map;
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct cost_resource *one = &resources[decl->deps[i]->index];
        if (one->object && !value_get(behind, one->schema->name))
            behind = value_with(arena, behind, one->schema->name, one->object);
    }
    if (behind->count)
        resource.object = value_with(arena, resource.object, STR(PRICES_BEHIND), behind);
    return resource;
}

static void estimate_list(struct workspace *workspace, const struct declared *declared, size_t n,
    struct prices *prices, struct arena *arena, struct estimate *out)
{
    struct cost_resource *resources =
        ARENA_ARRAY(arena, struct cost_resource, workspace->stack->decl_count + 1);
    *out = (struct estimate){.items = ARENA_ARRAY(arena, struct estimate_item, n + 1)};
    for (size_t i = 0; i < n; i++) {
        const struct declared *d = &declared[i];
        if (d->decl->kind != DECL_RESOURCE)
            continue;
        if (!d->object) {
            estimate_add_open(out, workspace, prices, d, arena);
            continue;
        }
        struct cost_resource resource = as_own(workspace, prices, d->decl->schema,
            with_recorded(workspace, d->address, d->object, arena), arena);
        if (!resources[d->decl->index].object)
            resources[d->decl->index] = resource;
        estimate_add(out, workspace, prices, d->address, d->decl->schema->name,
            with_dependencies(arena, resource, d->decl, resources), arena);
    }
}

void estimate_declared(struct workspace *workspace, struct prices *prices, struct arena *arena,
    struct diags *diags, struct estimate *out)
{
    size_t n;
    const struct declared *declared = plan_declared(workspace, arena, diags, &n);
    estimate_list(workspace, declared, n, prices, arena, out);
}

void estimate_planned(
    const struct plan *plan, struct prices *prices, struct arena *arena, struct estimate *out)
{
    size_t n;
    const struct declared *planned = plan_planned(plan, arena, &n);
    estimate_list(plan->workspace, planned, n, prices, arena, out);
}

static bool resource_recorded(const struct workspace *workspace, struct prices *prices,
    const struct record *record, struct arena *arena, struct cost_resource *out)
{
    const struct schema *schema =
        record ? catalog_find(workspace->catalog, record->subject.type, false, ERR_IGNORED) : NULL;
    if (schema)
        *out = as_own(workspace, prices, schema, record->attrs, arena);
    return schema;
}

static struct cost_resource with_recorded_behind(const struct workspace *workspace, struct prices *prices,
    struct cost_resource resource, const struct value *deps, struct arena *arena)
{
    const struct value *behind = &value_empty_map;
    for (uint32_t i = 0; deps && i < deps->count; i++) {
        struct cost_resource one;
        const struct record *dep = state_get(workspace->state, value_text(deps->items[i], STR_EMPTY));
        if (resource_recorded(workspace, prices, dep, arena, &one) && !value_get(behind, one.schema->name))
            behind = value_with(arena, behind, one.schema->name, one.object);
    }
    if (behind->count)
        resource.object = value_with(arena, resource.object, STR(PRICES_BEHIND), behind);
    return resource;
}

void estimate_recorded(
    const struct workspace *workspace, struct prices *prices, struct arena *arena, struct estimate *out)
{
    size_t n = 0;
    const struct record *const *records = workspace->state ? state_records(workspace->state, &n) : NULL;
    *out = (struct estimate){.items = ARENA_ARRAY(arena, struct estimate_item, n + 1)};
    for (size_t i = 0; i < n; i++) {
        struct cost_resource resource;
        const struct subject *subject = &records[i]->subject;
        if (resource_recorded(workspace, prices, records[i], arena, &resource))
            estimate_add(out, workspace, prices, subject->address, subject->type,
                with_recorded_behind(workspace, prices, resource, records[i]->deps, arena), arena);
    }
}

void estimate_index(const struct estimate *estimate, struct map *out)
{
    for (size_t i = 0; i < estimate->n; i++)
        map_set(out, estimate->items[i].address, &estimate->items[i]);
}

/* ---- cost change of a plan ---- */

int cost_estimate_change(struct invocation *inv, const struct plan *plan, struct cost_change *out)
{
    struct err err = ERR_INIT;
    struct workspace *workspace = plan->workspace;
    *out = (struct cost_change){0};
    if (cost_open(workspace, &inv->arena, &out->prices, &err))
        return invocation_fail(inv, &err);
    estimate_recorded(workspace, out->prices, &inv->arena, &out->now);
    if (!plan->destroy)
        estimate_planned(plan, out->prices, &inv->arena, &out->after);
    return EXIT_DONE;
}

int cost_show(struct invocation *inv, const struct plan *plan, bool json, bool color, struct buf *out)
{
    struct cost_change c;
    int status = cost_estimate_change(inv, plan, &c);
    if (status != EXIT_DONE)
        return status;
    if (json)
        estimate_change_event(&c.now, &c.after, c.prices, out);
    else
        estimate_show_change(&c.now, &c.after, c.prices, color, out);
    prices_free(c.prices);
    return EXIT_DONE;
}

/* ---- for rules ---- */

static const struct value *dearest(const struct estimate *estimate, struct arena *arena)
{
    const struct estimate_item *most = NULL;
    for (size_t i = 0; i < estimate->n; i++)
        if (!most || estimate->items[i].hourly > most->hourly)
            most = &estimate->items[i];
    return VALUE_MAP(arena, {STR("address"), value_string(arena, most ? most->address : STR_EMPTY)},
        {STR("hour"), value_float(arena, most ? most->hourly : 0)});
}

/* Returns "db (no price of db.x9.large)" for the first ones. */
static const struct value *unpriced(const struct estimate *estimate, struct arena *arena)
{
    enum { SHOWN = 3 };
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < estimate->n && list.n <= SHOWN; i++) {
        const struct estimate_item *item = &estimate->items[i];
        struct str why = estimate_unknown(item, arena);
        if (why.n && list.n == SHOWN)
            value_builder_add(&list, value_string(arena, STR("…")));
        else if (why.n)
            value_builder_add(&list, value_string_ref(arena, arena_printf(arena, "%.*s (%.*s)",
                                                                 STR_ARG(item->address), STR_ARG(why))));
    }
    return value_builder_list(&list);
}

const struct value *cost_value(const struct estimate *now, const struct estimate *after, struct arena *arena)
{
    enum { DAY = 24 };
    const struct value *unknown = unpriced(after, arena);
    bool known = !unknown->count;
    return VALUE_MAP(arena, {STR("hour"), known ? value_float(arena, after->hourly) : &value_unknown},
        {STR("day"), known ? value_float(arena, after->hourly * DAY) : &value_unknown},
        {STR("month"), known ? value_float(arena, after->hourly * HOURS_A_MONTH) : &value_unknown},
        {STR("hour_now"), value_float(arena, now->hourly)},
        {STR("month_now"), value_float(arena, now->hourly * HOURS_A_MONTH)},
        {STR("known_hour"), value_float(arena, after->hourly)},
        {STR("known_month"), value_float(arena, after->hourly * HOURS_A_MONTH)},
        {STR("dearest"), dearest(after, arena)}, {STR("unpriced"), unknown});
}

const struct value *cost_of_plan(void *ctx UNUSED, const struct plan *plan, struct arena *arena)
{
    struct estimate now, after = {0};
    struct prices *prices;
    struct err ignored = ERR_INIT; /* then the cost is unknown */
    if (cost_open(plan->workspace, arena, &prices, &ignored))
        return &value_unknown;
    estimate_recorded(plan->workspace, prices, arena, &now);
    if (!plan->destroy)
        estimate_planned(plan, prices, arena, &after);
    const struct value *cost = cost_value(&now, &after, arena);
    prices_free(prices);
    return cost;
}
