/* Resources as the rest of the sandbox sees them: copies, made under the lock. */
#include "sandbox/control/control_internal.h"

bool control_protocol(const struct control *control, struct str service, struct wire_operation *out)
{
    const struct served_service *first = index_services(control, service);
    if (first)
        *out = first->spec->operation;
    return first != NULL;
}

uint64_t control_changes(const struct control *control, struct str service)
{
    const struct served_service *first = index_services(control, service);
    return first ? atomic_load(&first->changes) : 0;
}

static bool lies_in(const struct resource *resource, struct str region)
{
    return !region.n || !resource->region.n || str_eq(resource->region, region);
}

static bool is_called(const struct resource *resource, struct str reference)
{
    return str_eq(resource->id, reference) || str_eq(value_gets(resource->attrs, "arn"), reference) ||
           str_eq(value_gets(resource->attrs, "name"), reference);
}

static struct control_record record_of(
    struct control *control, struct arena *arena, const struct resource *resource)
{
    struct err ignored = ERR_INIT;
    struct call call = {.control = control, .arena = arena, .region = resource->region, .err = &ignored};
    call.subject = resource;
    return (struct control_record){.region = arena_str(arena, resource->region),
        .id = arena_str(arena, resource->id),
        .attrs = value_copy(arena, fill_now(&call, resource)),
        .created_ms = resource->created_ms,
        .changed_ms = resource->changed_ms,
        .revision = resource->revision};
}

void control_watch(struct control *control, control_watcher *watcher, void *ctx)
{
    control->watcher = watcher;
    control->watcher_ctx = ctx;
}

static bool set_attribute(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v, bool beside)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    bool kept = false;
    pthread_mutex_lock(&control->lock);
    const struct resources known = words_find(control, &arena, &record->id, 1);
    for (size_t i = 0; i < known.n; i++) {
        struct resource *resource = known.items[i];
        if (!str_eq(resource->type->schema.name, type) || resource->deleted_ms ||
            !lies_in(resource, record->region) || !str_eq(resource->id, record->id))
            continue;
        kept = !store_change(
            control, resource, value_with(&arena, resource->attrs, str_z(attribute), v), beside, ERR_IGNORED);
        store_free_retired(control);
        break;
    }
    return !store_leave(control, ERR_IGNORED) && kept;
}

bool control_set(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v)
{
    return set_attribute(control, type, record, attribute, v, false);
}

bool control_note(struct control *control, struct str type, const struct control_record *record,
    const char *attribute, const struct value *v)
{
    return set_attribute(control, type, record, attribute, v, true);
}

const struct resource *record_resource(
    const struct control *control, struct str type, struct str region, struct str reference)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct resources known = words_find(control, &arena, &reference, 1);
    for (size_t i = 0; i < known.n && reference.n; i++) {
        const struct resource *resource = known.items[i];
        if ((!type.n || str_eq(resource->type->schema.name, type)) && !resource->deleted_ms &&
            lies_in(resource, region) && is_called(resource, reference))
            return resource;
    }
    return NULL;
}

bool control_find(struct control *control, struct arena *arena, struct str type, struct str region,
    struct str reference, struct control_record *out)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&control->lock);
    const struct resource *resource = record_resource(control, type, region, reference);
    if (resource)
        *out = record_of(control, arena, resource);
    return resource != NULL;
}

static bool is_one_of(const struct resource *resource, struct str type, struct str region)
{
    return str_eq(resource->type->schema.name, type) && !resource->deleted_ms && lies_in(resource, region);
}

struct control_record *control_list(
    struct control *control, struct arena *arena, struct str type, struct str region, size_t *n)
{
    size_t count = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&control->lock);
    for (size_t i = 0; i < control->resource_count; i++)
        count += is_one_of(control->resources[i], type, region);
    struct control_record *records = ARENA_ARRAY(arena, struct control_record, count + 1);
    *n = 0;
    for (size_t i = 0; i < control->resource_count && *n < count; i++)
        if (is_one_of(control->resources[i], type, region))
            records[(*n)++] = record_of(control, arena, control->resources[i]);
    return records;
}

struct control_record *control_list_having(struct control *control, struct arena *arena, struct str type,
    struct str region, struct str text, size_t *n)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&control->lock);
    const struct resources found = words_find(control, &scratch, &text, 1);
    struct control_record *records = ARENA_ARRAY(arena, struct control_record, found.n + 1);
    *n = 0;
    for (size_t i = 0; i < found.n; i++)
        if (is_one_of(found.items[i], type, region))
            records[(*n)++] = record_of(control, arena, found.items[i]);
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
    const struct resources known = words_find(control, &arena, &id, 1);
    for (size_t i = 0; i < known.n; i++) {
        const struct resource *resource = known.items[i];
        if ((!type.n || str_eq(resource->type->schema.name, type)) && !resource->deleted_ms &&
            str_eq(resource->id, id))
            return resource->attrs;
    }
    return NULL;
}

const struct value *control_next(const struct control *control, struct str type, size_t *at)
{
    while (*at < control->resource_count) {
        const struct resource *resource = control->resources[(*at)++];
        if (str_eq(resource->type->schema.name, type) && !resource->deleted_ms)
            return resource->attrs;
    }
    return NULL;
}

/* ---- what can be taken back for a while: soft_delete ---- */

const struct value *soft_rule(const struct resource *resource, const char *key)
{
    return value_getz(value_getz(resource->type->sandbox, "soft_delete"), key);
}

struct str soft_mark(const struct resource *resource)
{
    return value_text(soft_rule(resource, "sets"), STR_EMPTY);
}

bool soft_is_waiting(const struct resource *resource)
{
    return soft_mark(resource).n && !value_is_null(value_get(resource->attrs, soft_mark(resource)));
}

int soft_refuse(struct call *call, const struct resource *resource)
{
    return refuse(call, refuse_status(call, 409),
        value_text(soft_rule(resource, "code"), STR("InvalidRequestException")),
        "%.*s %.*s was already scheduled for deletion", STR_ARG(resource->type->schema.name),
        STR_ARG(resource->id));
}

int soft_wake(struct call *call, struct resource *resource, const struct value **attrs)
{
    if (!soft_is_waiting(resource))
        return 0;
    if (!str_eq(call->served->op->wire.name, value_text(soft_rule(resource, "undo"), STR_EMPTY)))
        return soft_refuse(call, resource);
    *attrs = value_with(call->arena, *attrs, soft_mark(resource), NULL);
    return 0;
}
