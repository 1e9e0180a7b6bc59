/* Things as the rest of the sandbox sees them: copies, made under the lock. */
#include "sandbox/control/control_internal.h"

bool control_protocol(const struct control *control, struct str service, struct wire_operation *out)
{
    for (size_t i = 0; i < control->service_count; i++) {
        const struct spec_service *spec = control->services[i].spec;
        if (!str_eq(spec->aws.signing_name, service))
            continue;
        *out = spec->operation;
        return true;
    }
    return false;
}

uint64_t control_changes(const struct control *control, struct str service)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < control->service_count; i++)
        if (str_eq(control->services[i].spec->aws.signing_name, service))
            sum += atomic_load(&control->services[i].changes);
    return sum;
}

static bool lies_in(const struct thing *thing, struct str region)
{
    return !region.n || !thing->region.n || str_eq(thing->region, region);
}

static bool is_called(const struct thing *thing, struct str reference)
{
    return str_eq(thing->id, reference) || str_eq(value_gets(thing->attrs, "arn"), reference) ||
           str_eq(value_gets(thing->attrs, "name"), reference);
}

static struct control_record record_of(
    struct control *control, struct arena *arena, const struct thing *thing)
{
    struct err ignored = ERR_INIT;
    struct call call = {.control = control, .arena = arena, .region = thing->region, .err = &ignored};
    call.subject = thing;
    return (struct control_record){.region = arena_str(arena, thing->region),
        .id = arena_str(arena, thing->id),
        .attrs = value_copy(arena, fill_now(&call, thing)),
        .created_ms = thing->created_ms,
        .changed_ms = thing->changed_ms,
        .revision = thing->revision};
}

void control_watch(struct control *control, control_watcher *watcher, void *ctx)
{
    control->watcher = watcher;
    control->watcher_ctx = ctx;
}

bool control_set(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err ignored = ERR_INIT;
    bool kept = false;
    pthread_mutex_lock(&control->lock);
    const struct things known = words_find(control, &arena, &record->id, 1);
    for (size_t i = 0; i < known.n; i++) {
        struct thing *thing = known.items[i];
        if (!str_eq(thing->type->schema.name, type) || thing->deleted_ms || !lies_in(thing, record->region) ||
            !str_eq(thing->id, record->id))
            continue;
        kept = !store_change(control, thing, value_with(&arena, thing->attrs, str_z(attribute), v), &ignored);
        store_settle(control);
        break;
    }
    return !store_leave(control, &ignored) && kept;
}

const struct thing *record_thing(
    const struct control *control, struct str type, struct str region, struct str reference)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct things known = words_find(control, &arena, &reference, 1);
    for (size_t i = 0; i < known.n && reference.n; i++) {
        const struct thing *thing = known.items[i];
        if ((!type.n || str_eq(thing->type->schema.name, type)) && !thing->deleted_ms &&
            lies_in(thing, region) && is_called(thing, reference))
            return thing;
    }
    return NULL;
}

bool control_find(struct control *control, struct arena *arena, struct str type, struct str region,
    struct str reference, struct control_record *out)
{
    pthread_mutex_lock(&control->lock);
    const struct thing *thing = record_thing(control, type, region, reference);
    if (thing)
        *out = record_of(control, arena, thing);
    pthread_mutex_unlock(&control->lock);
    return thing != NULL;
}

static bool is_one_of(const struct thing *thing, struct str type, struct str region)
{
    return str_eq(thing->type->schema.name, type) && !thing->deleted_ms && lies_in(thing, region);
}

struct control_record *control_list(
    struct control *control, struct arena *arena, struct str type, struct str region, size_t *n)
{
    size_t count = 0;
    pthread_mutex_lock(&control->lock);
    for (size_t i = 0; i < control->thing_count; i++)
        count += is_one_of(control->things[i], type, region);
    struct control_record *records = ARENA_ARRAY(arena, struct control_record, count + 1);
    *n = 0;
    for (size_t i = 0; i < control->thing_count && *n < count; i++)
        if (is_one_of(control->things[i], type, region))
            records[(*n)++] = record_of(control, arena, control->things[i]);
    pthread_mutex_unlock(&control->lock);
    return records;
}

const struct control_type *type_own(const struct control *control, const struct spec_type *type)
{
    static const struct control_type none;
    for (size_t t = 0; control->options.types && control->options.types[t]; t++)
        for (const struct control_type *own = control->options.types[t]; own->name; own++)
            if (str_eqz(type->schema.name, own->name))
                return own;
    return &none;
}

const struct value *control_seen(const struct control *control, struct str type, struct str id)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct things known = words_find(control, &arena, &id, 1);
    for (size_t i = 0; i < known.n; i++) {
        const struct thing *thing = known.items[i];
        if ((!type.n || str_eq(thing->type->schema.name, type)) && !thing->deleted_ms &&
            str_eq(thing->id, id))
            return thing->attrs;
    }
    return NULL;
}

const struct value *control_next(const struct control *control, struct str type, size_t *at)
{
    while (*at < control->thing_count) {
        const struct thing *thing = control->things[(*at)++];
        if (str_eq(thing->type->schema.name, type) && !thing->deleted_ms)
            return thing->attrs;
    }
    return NULL;
}

/* ---- what can be taken back for a while: soft_delete ---- */

const struct value *soft_rule(const struct thing *thing, const char *key)
{
    return value_getz(value_getz(thing->type->sandbox, "soft_delete"), key);
}

struct str soft_mark(const struct thing *thing)
{
    return value_text(soft_rule(thing, "sets"), STR_EMPTY);
}

bool soft_is_waiting(const struct thing *thing)
{
    return soft_mark(thing).n && !value_is_null(value_get(thing->attrs, soft_mark(thing)));
}

int soft_refuse(struct call *call, const struct thing *thing)
{
    return refuse(call, refuse_status(call, 409),
        value_text(soft_rule(thing, "code"), STR("InvalidRequestException")),
        "%.*s %.*s was already scheduled for deletion", STR_ARG(thing->type->schema.name),
        STR_ARG(thing->id));
}

int soft_wake(struct call *call, struct thing *thing, const struct value **attrs)
{
    if (!soft_is_waiting(thing))
        return 0;
    if (!str_eq(call->served->op->wire.name, value_text(soft_rule(thing, "undo"), STR_EMPTY)))
        return soft_refuse(call, thing);
    *attrs = value_with(call->arena, *attrs, soft_mark(thing), NULL);
    return 0;
}
