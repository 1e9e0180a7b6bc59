/* Adding up what resources cost: see bill.h. */
#include "cmd/cost/bill.h"

#include "base/file.h"

struct str cost_kept(const struct workspace *workspace, struct arena *arena)
{
    return path_join(arena, workspace->work_dir, STR("prices.json"));
}

int cost_open(const struct workspace *workspace, struct arena *arena, struct prices **out, struct err *err)
{
    struct str kept = cost_kept(workspace, arena);
    return prices_load(arena, path_exists(kept.p) ? kept.p : NULL, out, err);
}

/* What is used of it: said for the instance, or for all of its declaration. */
static const struct value *usage_of(const struct stack *stack, struct str address, struct arena *arena)
{
    struct str declared, key;
    const struct value *own = value_get(stack->usage, address);
    if (own || !address_split(arena, address, &declared, &key))
        return own;
    return value_get(stack->usage, declared);
}

static void bill_add(struct bill *bill, const struct workspace *workspace, struct prices *prices,
    struct str address, const struct schema *schema, const struct value *object, struct arena *arena)
{
    struct bill_item *item = &bill->items[bill->n++];
    *item = (struct bill_item){.address = address, .type = schema->name};
    item->priced = prices_of(prices, schema, object, usage_of(workspace->stack, address, arena), arena,
        &item->charges, &item->charge_count);
    for (size_t i = 0; i < item->charge_count; i++) {
        item->hourly += item->charges[i].hourly;
        item->unknown |= item->charges[i].kind == CHARGE_UNKNOWN;
    }
    bill->hourly += item->hourly;
    bill->unknown += item->unknown;
}

/* What is not known yet stays as it is. */
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

/* Which instances there are is not known: whether that matters depends on the type. */
static void bill_add_open(
    struct bill *bill, struct prices *prices, const struct declared *declared, struct arena *arena)
{
    struct bill_item *item = &bill->items[bill->n++];
    const struct charge *ignored;
    struct charge *open = ARENA_NEW(arena, struct charge);
    size_t n;
    *item = (struct bill_item){.address = declared->address, .type = declared->decl->schema->name};
    item->priced = prices_of(prices, declared->decl->schema, &value_empty_map, NULL, arena, &ignored, &n);
    *open = (struct charge){
        .kind = CHARGE_UNKNOWN, .what = STR("each of them"), .why = STR("how many is known when planned")};
    if (item->priced != PRICED)
        return;
    item->charges = open;
    item->charge_count = 1;
    item->unknown = true;
    bill->unknown++;
}

/* The resources that a declaration refers to, by their types; of several of a type the first. */
static const struct value *with_behind(struct arena *arena, const struct value *object,
    const struct decl *decl, const struct value *const *objects)
{
    const struct value *behind = &value_empty_map;
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        const struct value *one = objects[dep->index];
        if (one && dep->kind == DECL_RESOURCE && !value_get(behind, dep->schema->name))
            behind = value_with(arena, behind, dep->schema->name, one);
    }
    return behind->count ? value_with(arena, object, STR(PRICES_BEHIND), behind) : object;
}

static void bill_list(struct workspace *workspace, const struct declared *declared, size_t n,
    struct prices *prices, struct arena *arena, struct bill *out)
{
    const struct value **objects = ARENA_ARRAY(arena, const struct value *, workspace->stack->decl_count + 1);
    *out = (struct bill){.items = ARENA_ARRAY(arena, struct bill_item, n + 1)};
    memset(objects, 0, (workspace->stack->decl_count + 1) * sizeof *objects);
    for (size_t i = 0; i < n; i++) {
        const struct declared *d = &declared[i];
        if (d->decl->kind != DECL_RESOURCE)
            continue;
        if (d->object && !objects[d->decl->index])
            objects[d->decl->index] = d->object;
        if (d->object)
            bill_add(out, workspace, prices, d->address, d->decl->schema,
                with_behind(arena, with_recorded(workspace, d->address, d->object, arena), d->decl, objects),
                arena);
        else
            bill_add_open(out, prices, d, arena);
    }
}

void bill_declared(struct workspace *workspace, struct prices *prices, struct arena *arena, struct bill *out)
{
    size_t n;
    const struct declared *declared = plan_declared(workspace, arena, &n);
    bill_list(workspace, declared, n, prices, arena, out);
}

void bill_planned(const struct plan *plan, struct prices *prices, struct arena *arena, struct bill *out)
{
    size_t n;
    const struct declared *planned = plan_planned(plan, arena, &n);
    bill_list(plan->workspace, planned, n, prices, arena, out);
}

static const struct value *with_recorded_behind(
    const struct workspace *workspace, const struct record *record, struct arena *arena)
{
    const struct value *deps = record->deps, *behind = &value_empty_map;
    for (uint32_t i = 0; deps && i < deps->count; i++) {
        const struct record *dep = state_get(workspace->state, value_text(deps->items[i], STR_EMPTY));
        if (dep && !value_get(behind, dep->subject.type))
            behind = value_with(arena, behind, dep->subject.type, dep->attrs);
    }
    return behind->count ? value_with(arena, record->attrs, STR(PRICES_BEHIND), behind) : record->attrs;
}

void bill_recorded(
    const struct workspace *workspace, struct prices *prices, struct arena *arena, struct bill *out)
{
    size_t n = 0;
    const struct record *const *records = workspace->state ? state_records(workspace->state, &n) : NULL;
    *out = (struct bill){.items = ARENA_ARRAY(arena, struct bill_item, n + 1)};
    for (size_t i = 0; i < n; i++) {
        struct err ignored = ERR_INIT;
        const struct subject *subject = &records[i]->subject;
        const struct schema *schema = catalog_find(workspace->catalog, subject->type, false, &ignored);
        if (schema)
            bill_add(out, workspace, prices, subject->address, schema,
                with_recorded_behind(workspace, records[i], arena), arena);
    }
}

void bill_index(const struct bill *bill, struct map *out)
{
    for (size_t i = 0; i < bill->n; i++)
        map_set(out, bill->items[i].address, &bill->items[i]);
}
