/* Records: in memory, and as a JSON file each, written as a whole and renamed. The file is written first, so
 * that a failure leaves memory unchanged. Also records for the rest of the sandbox. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/names/names.h"
#include "sandbox/control/control_internal.h"

#include <stdlib.h>
#include <unistd.h>

enum { MAX_RECORD = 16 * 1024 * 1024 };

/* Returns the id, or another computed attribute if the id is absent: a VPC's main route table has no
 * subnet. */
static struct str id_of(const struct spec_type *type, const struct value *attrs)
{
    struct str id = value_text(value_get(attrs, type->schema.id), STR_EMPTY);
    for (size_t i = 0; !id.n && i < type->attr_count; i++)
        if (!type->attrs[i].attr->settable)
            id = value_text(value_get(attrs, type->attrs[i].attr->name), STR_EMPTY);
    return id;
}

/* The file name has a digest, since type, region and id may contain any character. */
static struct str file_of(struct control *control, struct arena *arena, const struct resource *resource)
{
    if (!control->options.dir)
        return STR_EMPTY;
    struct str whole = arena_printf(arena, "%.*s\n%.*s\n%.*s", STR_ARG(resource->type->schema.name),
        STR_ARG(resource->region), STR_ARG(resource->id));
    return arena_printf(arena, "%s/%.*s-%.20s.json", control->options.dir,
        STR_ARG(resource->type->schema.name), sha256_hex(arena, whole).p);
}

/* Binary data that is no text is written as {"=base64": …}. */
static const struct str base64_key = STR_INIT("=base64");

/* Returns the attributes with their binary data as written, or as read from a file. */
static const struct value *with_binary(
    struct arena *arena, const struct spec_type *type, const struct value *attrs, bool written)
{
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct attr *attr = type->attrs[i].attr;
        const struct value *v = attr->type->kind == TYPE_BLOB ? value_get(attrs, attr->name) : NULL;
        struct str bytes = value_text(v, STR_EMPTY);
        if (written && v && v->kind == VALUE_STRING && !value_is_json(v))
            attrs = value_with(arena, attrs, attr->name,
                VALUE_MAP(arena, {base64_key, value_string(arena, base64_encode(arena, bytes))}));
        else if (!written && base64_decode(arena, value_text(value_get(v, base64_key), STR_EMPTY), &bytes) &&
                 bytes.n)
            attrs = value_with(arena, attrs, attr->name, value_string(arena, bytes));
    }
    return attrs;
}

/* ERR_INVALID: the attributes are not valid JSON. */
static int write_record(struct control *control, const struct resource *resource, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *attrs = with_binary(&arena, resource->type, resource->attrs, true);
    if (!value_is_json(attrs))
        return err_set(err, ERR_INVALID, "The sandbox keeps no binary data here, only text in UTF-8.");
    if (!control->options.dir)
        return 0;
    struct value_entry entries[] = {
        {STR("type"), value_string(&arena, resource->type->schema.name)},
        {STR("region"), value_string(&arena, resource->region)},
        {STR("created"), value_int(&arena, resource->created_ms)},
        {STR("serial"), value_int(&arena, resource->serial)},
        {STR("changed"), value_int(&arena, resource->changed_ms)},
        {STR("deleted"), value_int(&arena, resource->deleted_ms)},
        {STR("revision"), value_int(&arena, resource->revision)},
        {STR("attrs"), attrs},
    };
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, value_map(&arena, entries, sizeof entries / sizeof *entries), JSON_PLAIN);
    control->unsynced = true;
    return file_replace(resource->file.p, buf_str(&text), 0600, err);
}

int store_leave(struct control *control, struct err *err)
{
    bool unsynced = control->unsynced;
    control->unsynced = false;
    pthread_mutex_unlock(&control->lock);
    return unsynced ? dir_sync(control->options.dir, err) : 0;
}

/* Removes a resource from the index. A default resource is looked for again. */
static void unindex_resource(struct control *control, struct resource *resource)
{
    words_drop(&control->words, resource);
    for (size_t i = 0; i < control->with_defaults.n && value_getz(resource->type->sandbox, "standing"); i++)
        *(bool *)control->with_defaults.items[i].ptr = false;
}

static void set_attrs(struct control *control, struct resource *resource, const struct value *attrs)
{
    struct arena before = resource->arena;
    unindex_resource(control, resource);
    MEM_GROW(control->retired, control->retired_cap, control->retired_count + 1);
    resource->arena = (struct arena)ARENA_INIT;
    resource->attrs = value_copy(&resource->arena, attrs);
    resource->region = arena_str(&resource->arena, resource->region);
    resource->id = arena_str(&resource->arena, id_of(resource->type, resource->attrs));
    resource->file = file_of(control, &resource->arena, resource);
    control->retired[control->retired_count++] = before;
    words_take(&control->words, resource);
    index_note_change(control, resource->type->service);
}

void store_free_retired(struct control *control)
{
    while (control->retired_count)
        arena_release(&control->retired[--control->retired_count]);
}

/* Reports changes of resources with a real server. */
static void store_report(
    const struct control *control, enum control_event event, const struct resource *resource)
{
    const struct control_record record = {resource->region, resource->id, resource->attrs,
        resource->created_ms, resource->changed_ms, resource->revision};
    if (control->watcher && value_getz(resource->type->sandbox, "server"))
        control->watcher(control->watcher_ctx, event, resource->type->schema.name, &record);
}

static struct resource *store_append(
    struct control *control, const struct spec_type *type, struct str region, const struct value *attrs)
{
    struct resource *resource = mem_zalloc(sizeof *resource);
    resource->type = type;
    resource->serial = ++control->serials;
    resource->region = region;
    set_attrs(control, resource, attrs);
    MEM_GROW(control->resources, control->resource_cap, control->resource_count + 1);
    control->resources[control->resource_count++] = resource;
    return resource;
}

struct resource *store_add(struct control *control, const struct spec_type *type, struct str region,
    const struct value *attrs, struct err *err)
{
    struct resource *resource = store_append(control, type, region, attrs);
    resource->created_ms = resource->changed_ms = clock_wall_ms();
    resource->revision = 1;
    if (!write_record(control, resource, err)) {
        store_report(control, CONTROL_MADE, resource);
        return resource;
    }
    store_remove(control, resource);
    return NULL;
}

/* True if another resource has taken the name, and so the file, of a lingering one. */
static bool name_is_reused(const struct control *control, const struct resource *resource)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct resources namesakes = words_find_rarest(control, &arena, &resource->id, 1);
    for (size_t i = 0; i < namesakes.n; i++)
        if (namesakes.items[i] != resource && str_eq(namesakes.items[i]->file, resource->file))
            return true;
    return false;
}

int store_change(struct control *control, struct resource *resource, const struct value *attrs, bool beside,
    struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct resource changed = *resource;
    changed.attrs = attrs;
    changed.changed_ms = beside ? resource->changed_ms : clock_wall_ms();
    changed.revision++;
    changed.id = id_of(resource->type, attrs);
    changed.file = file_of(control, &arena, &changed);
    if (write_record(control, &changed, err))
        return -1;
    if (!str_eq(changed.file, resource->file) && !name_is_reused(control, resource))
        unlink(resource->file.p);
    set_attrs(control, resource, attrs);
    resource->changed_ms = changed.changed_ms;
    resource->revision = changed.revision;
    store_report(control, CONTROL_CHANGED, resource);
    return 0;
}

static void begin_deleting(struct control *control, struct resource *resource)
{
    resource->gone_ms = fill_gone_ms(control, resource);
    MEM_GROW(control->deleting, control->deleting_cap, control->deleting_count + 1);
    control->deleting[control->deleting_count++] = resource;
}

int store_delete(struct control *control, struct resource *resource, int64_t deleted_ms, struct err *err)
{
    struct resource deleted = *resource;
    deleted.deleted_ms = deleted_ms;
    if (write_record(control, &deleted, err))
        return -1;
    resource->deleted_ms = deleted_ms;
    begin_deleting(control, resource);
    store_report(control, CONTROL_GONE, resource);
    index_note_change(control, resource->type->service);
    return 0;
}

static void resource_free(struct resource *resource)
{
    arena_release(&resource->arena);
    free(resource);
}

static void remove_at(struct resource **resources, size_t *n, size_t at)
{
    memmove(&resources[at], &resources[at + 1], (--*n - at) * sizeof(struct resource *));
}

int resource_order(const void *a, const void *b)
{
    const struct resource *first = *(struct resource *const *)a, *other = *(struct resource *const *)b;
    return (first->serial > other->serial) - (first->serial < other->serial);
}

static void remove_from_all(struct control *control, struct resource *resource)
{
    struct resource **at = bsearch(
        &resource, control->resources, control->resource_count, sizeof(struct resource *), resource_order);
    remove_at(control->resources, &control->resource_count, (size_t)(at - control->resources));
    for (size_t i = control->deleting_count; resource->deleted_ms && i-- > 0;)
        if (control->deleting[i] == resource)
            remove_at(control->deleting, &control->deleting_count, i);
}

void store_remove(struct control *control, struct resource *resource)
{
    if (resource->file.n && !name_is_reused(control, resource))
        unlink(resource->file.p);
    if (!resource->deleted_ms)
        store_report(control, CONTROL_GONE, resource);
    remove_from_all(control, resource);
    unindex_resource(control, resource);
    index_note_change(control, resource->type->service);
    resource_free(resource);
}

void store_release(struct control *control)
{
    for (size_t i = 0; i < control->resource_count; i++)
        resource_free(control->resources[i]);
    free(control->resources);
    free(control->deleting);
    free(control->words.slots);
    store_free_retired(control);
    free(control->retired);
}

static int load_one(struct control *control, const char *path, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text;
    const struct value *record;
    if (file_read(&arena, path, MAX_RECORD, &text, err))
        return -1;
    if (json_parse(&arena, text, &record, err))
        return err_context(err, "%s", path);
    struct str name = type_renamed(&arena, value_gets(record, "type"));
    const struct schema *schema = catalog_find(control->options.catalog, name, false, err);
    const struct value *attrs = value_getz(record, "attrs");
    if (!schema || !attrs)
        return err_context(err, "%s", path);
    const struct spec_type *type = schema->impl;
    struct resource *resource =
        store_append(control, type, value_gets(record, "region"), with_binary(&arena, type, attrs, false));
    resource->created_ms = value_geti(record, "created", 0);
    resource->serial = value_geti(record, "serial", 0);
    resource->changed_ms = value_geti(record, "changed", 0);
    resource->deleted_ms = value_geti(record, "deleted", 0);
    resource->revision = value_geti(record, "revision", 0);
    if (resource->deleted_ms)
        begin_deleting(control, resource);
    if (str_eqz(resource->file, path))
        return 0;
    unlink(path); /* its type was renamed */
    return write_record(control, resource, err);
}

static bool default_exists(const struct call *call, const struct spec_type *type, const struct value *attrs)
{
    const struct value *name = value_getz(attrs, "name");
    struct str text = value_text(name, STR_EMPTY);
    const struct resources namesakes = words_find_rarest(call->control, call->arena, &text, 1);
    for (size_t i = 0; i < namesakes.n; i++) {
        const struct resource *resource = namesakes.items[i];
        if (resource->type == type && str_eq(resource->region, find_region(call, type)) &&
            value_equal(value_getz(resource->attrs, "name"), name))
            return true;
    }
    return false;
}

/* Creates a default resource in memory only; it is stored once it changes. */
static void make_default(struct call *call, const struct spec_type *type, const struct value *attrs)
{
    struct resource *resource =
        store_append(call->control, type, find_region(call, type), fill_new(call, type, attrs));
    resource->created_ms = resource->changed_ms = clock_wall_ms();
    resource->revision = 1;
}

/* Returns the flag that default resources exist, since searching for them (`default`) is slow. */
static bool *defaults_flag(struct call *call, const struct served_service *service)
{
    struct control *control = call->control;
    struct str key =
        arena_printf(call->arena, "%.*s/%.*s", STR_ARG(service->spec->name), STR_ARG(call->region));
    bool *stood = map_get(&control->with_defaults, key);
    if (!stood)
        map_set(&control->with_defaults, arena_str(&control->arena, key),
            stood = ARENA_NEW(&control->arena, bool));
    return stood;
}

void store_make_defaults(struct call *call, const struct served_service *service)
{
    bool *stood = defaults_flag(call, service);
    for (size_t i = 0; i < service->type_count && !*stood; i++) {
        const struct spec_type *type = service->types[i];
        const struct value *list = value_getz(type->sandbox, "standing");
        for (uint32_t k = 0; list && k < list->count; k++) {
            const struct value *attrs = fill_value(call, type, list->items[k], &value_empty_map);
            if (!default_exists(call, type, attrs))
                make_default(call, type, attrs);
        }
    }
    *stood = true;
}

/* Orders by creation: folders are read in any order, and serials break ties. */
static int by_age(const void *a, const void *b)
{
    const struct resource *first = *(struct resource *const *)a, *other = *(struct resource *const *)b;
    bool same = first->created_ms == other->created_ms;
    int64_t left = same ? first->serial : first->created_ms, right = same ? other->serial : other->created_ms;
    return (left > right) - (left < right);
}

static int load_all(struct control *control, DIR *dir, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (str_ends(str_z(entry->d_name), STR(".json")) &&
            load_one(control, path_join(&arena, str_z(control->options.dir), str_z(entry->d_name)).p, err))
            return -1;
    if (control->resource_count)
        qsort(control->resources, control->resource_count, sizeof(struct resource *), by_age);
    for (size_t i = 0; i < control->resource_count; i++)
        control->resources[i]->serial = (int64_t)i + 1;
    control->serials = (int64_t)control->resource_count;
    return number_load(control, err);
}

int store_load(struct control *control, struct err *err)
{
    if (!control->options.dir)
        return 0;
    if (dir_make(control->options.dir, err))
        return -1;
    AUTO_DIR DIR *dir = opendir(control->options.dir);
    if (!dir)
        return err_errno(err, ERR_IO, "cannot read %s", control->options.dir);
    return load_all(control, dir, err);
}

/* ---- records for the rest of the sandbox: copies, made with the lock held ---- */

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

static bool is_in_region(const struct resource *resource, struct str region)
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
            !is_in_region(resource, record->region) || !str_eq(resource->id, record->id))
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
            is_in_region(resource, region) && is_called(resource, reference))
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
    return str_eq(resource->type->schema.name, type) && !resource->deleted_ms &&
           is_in_region(resource, region);
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

/* ---- soft deletion: soft_delete ---- */

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

int soft_restore(struct call *call, struct resource *resource, const struct value **attrs)
{
    if (!soft_is_waiting(resource))
        return 0;
    if (!str_eq(call->served->op->wire.name, value_text(soft_rule(resource, "undo"), STR_EMPTY)))
        return soft_refuse(call, resource);
    *attrs = value_with(call->arena, *attrs, soft_mark(resource), NULL);
    return 0;
}
