/* Instances by for_each and when, or as recorded. */
#include "plan/evaluate/evaluate.h"

#include "plan/objects/recorded.h"

/* ---- whether a module takes part: its `when` is evaluated once ---- */

/* Reports a `when` that is neither true nor false. */
static void report_when(struct planner *p, const struct decl *decl, const struct value *v)
{
    struct diag *d = diag_error(p->diags, expr_span(decl->when), "when of %.*s must be true or false, not %s",
        STR_ARG(decl->address),
        value_is_unknown(v) ? "a value known only after apply" : value_kind_name(v->kind));
    if (value_is_unknown(v))
        diag_hint(p->diags, d, "decide by an input or a local, or apply what it depends on first (--target)");
}

/* For each_resource_dep(): sets *(bool *)ctx if a dependency is a data source. */
static void note_data(void *ctx, const struct decl *dep)
{
    bool *data = ctx;
    *data = *data || dep->kind == DECL_DATA;
}

static bool asks_data(struct planner *p, const struct decl *call)
{
    bool data = false;
    for (size_t i = 0; i < call->when_dep_count; i++) {
        note_data(&data, call->deps[i]);
        each_resource_dep(p, call->deps[i], note_data, &data);
    }
    return data;
}

static enum entry ask_when(struct planner *p, const struct decl *call)
{
    struct scope scope = planner_scope(p, call, NULL);
    scope.each_key = call->target->each_key;
    scope.each_value = call->target->each_value;
    const struct value *v = expr_eval(call->when, &scope, p->arena);
    if (!v)
        return ENTRY_FAILED;
    if (v->kind == VALUE_BOOL)
        return v->boolean ? ENTRY_IN : ENTRY_OUT;
    if (value_is_unknown(v) && p->offline && asks_data(p, call))
        return ENTRY_OPEN;
    report_when(p, call, v);
    return ENTRY_FAILED;
}

enum entry module_entry(struct planner *p, const struct module *module)
{
    if (!module->call)
        return ENTRY_IN;
    enum entry around = module_entry(p, module->parent);
    if (around != ENTRY_IN || !module->call->when)
        return around;
    uint8_t *entry = &p->evaluated.module_entries[module->call->index];
    if (*entry == ENTRY_UNASKED)
        *entry = (uint8_t)ask_when(p, module->call);
    return (enum entry) * entry;
}

/* ---- as declared ---- */

/* True if the value is unknown only because data sources are not read offline. Then the instances are
 * unknown. */
static bool left_open(struct planner *p, const struct decl *decl, const struct value *v)
{
    bool data = false;
    if (p->offline && value_is_unknown(v))
        each_resource_dep(p, decl, note_data, &data);
    p->evaluated.instances[decl->index].unread = data;
    return data;
}

static bool evaluate_when(struct planner *p, const struct decl *decl, bool *included)
{
    enum entry entry = module_entry(p, decl->module);
    *included = entry == ENTRY_IN;
    p->evaluated.instances[decl->index].unread = entry == ENTRY_OPEN;
    if (!*included || !decl->when)
        return entry != ENTRY_FAILED;
    struct scope scope = planner_scope(p, decl, NULL);
    const struct value *v = expr_eval(decl->when, &scope, p->arena);
    if (!v)
        return false;
    if (v->kind == VALUE_BOOL) {
        *included = v->boolean;
        return true;
    }
    *included = false;
    if (left_open(p, decl, v))
        return true;
    report_when(p, decl, v);
    return false;
}

static bool report_for_each(struct planner *p, const struct decl *decl, const char *problem, const char *hint)
{
    struct diag *d = diag_error(
        p->diags, expr_span(decl->for_each), "for_each of %.*s %s", STR_ARG(decl->address), problem);
    if (hint)
        diag_hint(p->diags, d, "%s", hint);
    return false;
}

static bool check_for_each(struct planner *p, const struct decl *decl, const struct value *v)
{
    if (value_is_unknown(v))
        return report_for_each(p, decl, "depends on values known only after apply",
            "the keys must be known at plan time: use a map whose keys are fixed, or apply what it depends "
            "on first (--target)");
    bool secret = v->marks & VALUE_SENSITIVE; /* only the keys of a map show */
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        secret = secret || value_is_sensitive(v->items[i]);
    if (secret)
        return report_for_each(
            p, decl, "is sensitive: its keys would show in addresses", "use nonsensitive() on the keys");
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return report_for_each(p, decl, "must be a list of texts or a map", NULL);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        if (value_is_unknown(v->items[i]))
            return report_for_each(p, decl, "has a key known only after apply", "use a map with fixed keys");
        if (v->items[i]->kind != VALUE_STRING)
            return report_for_each(
                p, decl, "must be a list of texts or a map", "turn numbers into text with tostring()");
    }
    return true;
}

static void note_key(struct planner *p, const struct decl *decl, struct str address, struct map *keys)
{
    struct str declared, key;
    if (address_split(p->arena, address, &declared, &key) && key.p && str_eq(declared, decl->address))
        map_set(keys, key, keys);
}

/* With a part of the state: collects the keys of targets and records. False: all instances are needed. */
static bool find_useful(struct planner *p, const struct decl *decl, struct map *keys)
{
    size_t i = decl->index;
    if (!p->needed || decl->kind != DECL_RESOURCE || !p->targets.targeted[i] || p->targets.whole[i])
        return false;
    for (size_t t = 0; t < p->options->target_count; t++)
        note_key(p, decl, p->options->targets[t], keys);
    for (struct recorded_resource *recorded = map_get(p->recorded.by_declared, decl->address); recorded;
         recorded = recorded->next_by_new)
        note_key(p, decl, recorded->address, keys);
    return true;
}

/* Turns a list of keys into a map, with the `useful` ones only (NULL: all). NULL if a key occurs twice. */
static const struct value *map_of_keys(struct planner *p, const struct value *list, const struct map *useful)
{
    AUTO_BUILDER struct value_builder keys = VALUE_BUILDER(p->arena);
    uint32_t given = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        if (useful && !map_get(useful, list->items[i]->string))
            continue;
        value_builder_set(&keys, list->items[i]->string, list->items[i]);
        given++;
    }
    const struct value *map = value_builder_map(&keys);
    return map->count == given ? map : NULL;
}

/* Creates one instance per key, in order. A duplicate key in a list is an error. */
static bool make_keyed(struct planner *p, const struct decl *decl, const struct value *v)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    AUTO_MAP struct map useful = MAP_INIT;
    bool some = find_useful(p, decl, &useful);
    if (v->kind == VALUE_LIST)
        v = map_of_keys(p, v, some ? &useful : NULL);
    if (!v)
        return report_for_each(p, decl, "has the same key twice", "use distinct()");
    list->items = ARENA_ARRAY(p->arena, struct instance, (some ? useful.n : v->count) + 1);
    list->n = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        if (some && !map_get(&useful, v->entries[i].key))
            continue;
        const struct value *key = value_string_ref(p->arena, v->entries[i].key);
        list->items[list->n++] = (struct instance){
            .decl = decl,
            .key = key,
            .each_value = v->entries[i].value,
            .address = address_instance(p->arena, decl->address, key),
        };
    }
    return true;
}

bool evaluate_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    list->keyed = decl->for_each != NULL;
    bool included;
    if (!evaluate_when(p, decl, &included))
        return false;
    if (!included) {
        list->n = 0;
        return true;
    }
    if (!decl->for_each) {
        list->items = ARENA_NEW(p->arena, struct instance);
        list->n = 1;
        list->items[0] = (struct instance){.decl = decl, .address = decl->address};
        return true;
    }
    struct scope scope = planner_scope(p, decl, NULL);
    const struct value *v = expr_eval(decl->for_each, &scope, p->arena);
    return v && (left_open(p, decl, v) || (check_for_each(p, decl, v) && make_keyed(p, decl, v)));
}

void evaluate_each(struct planner *p, struct instance *instance)
{
    const struct decl *decl = instance->decl;
    if (!decl->for_each || value_is_known(instance->each_value))
        return;
    struct scope scope = planner_scope(p, decl, NULL);
    const struct value *v = expr_eval(decl->for_each, &scope, p->arena);
    const struct value *now = v && v->kind == VALUE_MAP ? value_get(v, instance->key->string) : NULL;
    if (now)
        instance->each_value = now;
}

/* ---- as recorded ---- */

void freeze_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    struct recorded_resource *first = map_get(p->recorded.by_declared, decl->address);
    size_t n = 0;
    for (const struct recorded_resource *recorded = first; recorded; recorded = recorded->next_by_new)
        n++;
    list->keyed = decl->for_each != NULL;
    list->n = 0;
    list->items = ARENA_ARRAY(p->arena, struct instance, n + 1);
    for (struct recorded_resource *recorded = first; recorded; recorded = recorded->next_by_new) {
        struct str declared, key;
        if (!address_split(p->arena, recorded->address, &declared, &key) || (key.p != NULL) != list->keyed)
            continue; /* recorded before for_each was added or removed */
        recorded->claimed = true;
        list->items[list->n++] = (struct instance){.decl = decl,
            .address = recorded->address,
            .key = key.p ? value_string_ref(p->arena, key) : NULL,
            .recorded = recorded,
            .planned = recorded->live};
    }
}

void freeze_others(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        struct instance *instance = &list->items[i];
        if (!targets_have(p, decl, instance->address)) {
            instance->recorded = recorded_find(&p->recorded, instance->address);
            if (!instance->recorded)
                continue;
            instance->recorded->claimed = true;
            instance->planned = instance->recorded->live;
        }
        list->items[n++] = *instance;
    }
    list->n = n;
}

/* ---- values for other expressions ---- */

const struct value *evaluate_resource_value(struct planner *p, const struct decl *decl)
{
    const struct instances *list = &p->evaluated.instances[decl->index];
    if (list->unread)
        return &value_unknown;
    if (!list->keyed)
        return !list->n ? &value_null : list->items[0].planned ? list->items[0].planned : &value_unknown;
    struct value_builder b = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < list->n; i++) {
        const struct instance *instance = &list->items[i];
        value_builder_set(&b, instance->key->string, instance->planned ? instance->planned : &value_unknown);
    }
    return value_builder_map(&b);
}

const struct import *import_of(const struct planner *p, struct str address)
{
    for (size_t i = 0; i < p->stack->import_count; i++)
        if (str_eq(p->stack->imports[i].address, address))
            return &p->stack->imports[i];
    return NULL;
}

struct change *change_new(struct planner *p, struct subject subject, const struct schema *schema,
    struct recorded_resource *recorded)
{
    struct change *change = ARENA_NEW(p->arena, struct change);
    change->subject = subject;
    change->schema = schema;
    change->recorded = recorded;
    return change;
}

struct change *instance_change(struct planner *p, struct instance *instance)
{
    const struct decl *decl = instance->decl;
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    if (instance->change)
        return instance->change;
    struct subject subject = {.address = instance->address,
        .type = decl->schema->name,
        .provider = decl->provider ? decl->provider->full_name : decl->provider_name,
        .id = record ? record->subject.id : STR_EMPTY};
    struct change *change = instance->change = change_new(p, subject, decl->schema, instance->recorded);
    change->instance = instance;
    change->decl = decl;
    if (record && !str_eq(record->subject.address, instance->address))
        change->moved_from = record->subject.address;
    return change;
}

enum action instance_action(const struct instance *instance)
{
    return instance->change ? instance->change->decision.action : ACTION_NOOP;
}
