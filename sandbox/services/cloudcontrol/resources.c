/* What the Cloud Control API's sandbox keeps: see resources.h. */
#include "sandbox/services/cloudcontrol/resources.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_FILE = 4 * 1024 * 1024, REQUESTS_KEPT = 5000 };

/* One resource, in memory of its own. */
struct kept {
    struct arena arena;
    struct cloud_thing thing;
};

struct kept_request {
    struct arena arena;
    struct cloud_request request;
};

struct cloud_things {
    pthread_mutex_t lock; /* all of this */
    struct services *services;
    struct map by_key; /* its file's name -> struct kept; NULL: deleted */
    struct arena names;
    bool loaded;
    struct kept_request *requests;
    size_t request_count, request_cap;
};

struct cloud_things *cloud_things_new(struct services *services)
{
    struct cloud_things *things = mem_zalloc(sizeof *things);
    pthread_mutex_init(&things->lock, NULL);
    things->services = services;
    return things;
}

static void free_kept(struct kept *kept)
{
    if (kept)
        arena_release(&kept->arena);
    free(kept);
}

void cloud_things_free(struct cloud_things *things)
{
    if (!things)
        return;
    for (size_t i = 0; i < things->by_key.n; i++)
        free_kept(things->by_key.items[i].ptr);
    for (size_t i = 0; i < things->request_count; i++)
        arena_release(&things->requests[i].arena);
    free(things->requests);
    map_release(&things->by_key);
    arena_release(&things->names);
    pthread_mutex_destroy(&things->lock);
    free(things);
}

/* ---- files ---- */

static struct str key_of(struct arena *arena, const struct cloud_thing *thing)
{
    return sha256_hex(arena, arena_printf(arena, "%.*s\n%.*s\n%.*s", STR_ARG(thing->region),
                                 STR_ARG(thing->type), STR_ARG(thing->id)));
}

static struct kept *cloud_things_keep(const struct cloud_thing *thing)
{
    struct kept *kept = mem_zalloc(sizeof *kept);
    kept->thing =
        (struct cloud_thing){arena_str(&kept->arena, thing->region), arena_str(&kept->arena, thing->type),
            arena_str(&kept->arena, thing->id), value_copy(&kept->arena, thing->properties)};
    return kept;
}

static void set_kept(struct cloud_things *things, struct str key, struct kept *kept)
{
    bool known = map_get(&things->by_key, key) != NULL;
    free_kept(map_set(&things->by_key, known ? key : arena_str(&things->names, key), kept));
}

static void load_file(struct cloud_things *things, struct str path)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text;
    const struct value *doc;
    struct err ignored = ERR_INIT;
    if (file_read(&arena, path.p, MAX_FILE, &text, &ignored) || json_parse(&arena, text, &doc, &ignored))
        return;
    struct cloud_thing thing = {value_gets(doc, "region"), value_gets(doc, "type"), value_gets(doc, "id"),
        value_getz(doc, "properties")};
    if (thing.id.n && thing.properties)
        set_kept(things, key_of(&arena, &thing), cloud_things_keep(&thing));
}

static int folder(struct cloud_things *things, struct arena *arena, struct str *dir, struct err *err)
{
    return services_dir(things->services, arena, "cloudcontrol", dir, err);
}

/* With the lock held. */
static void cloud_things_load(struct cloud_things *things)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str path;
    struct err ignored = ERR_INIT;
    if (things->loaded || folder(things, &arena, &path, &ignored))
        return;
    things->loaded = true;
    DIR *dir = opendir(path.p);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (str_ends(str_z(entry->d_name), STR(".json")))
            load_file(things, path_join(&arena, path, str_z(entry->d_name)));
    if (dir)
        closedir(dir);
}

static int write_file(
    struct cloud_things *things, struct str key, const struct cloud_thing *thing, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    if (folder(things, &arena, &dir, err))
        return -1;
    const char *path = arena_printf(&arena, "%.*s/%.*s.json", STR_ARG(dir), STR_ARG(key)).p;
    if (!thing->properties) {
        unlink(path);
        return 0;
    }
    struct value_entry doc[] = {{STR("id"), value_string(&arena, thing->id)},
        {STR("properties"), thing->properties}, {STR("region"), value_string(&arena, thing->region)},
        {STR("type"), value_string(&arena, thing->type)}};
    return file_write_atomic(
        path, value_text(json_as_text(&arena, value_map(&arena, doc, 4)), STR_EMPTY), 0600, err);
}

/* ---- resources ---- */

static struct cloud_thing cloud_things_copied(struct arena *arena, const struct kept *kept)
{
    return (struct cloud_thing){arena_str(arena, kept->thing.region), arena_str(arena, kept->thing.type),
        arena_str(arena, kept->thing.id), value_copy(arena, kept->thing.properties)};
}

bool cloud_things_get(
    struct cloud_things *things, struct arena *arena, const struct cloud_thing *key, struct cloud_thing *out)
{
    pthread_mutex_lock(&things->lock);
    cloud_things_load(things);
    const struct kept *kept = map_get(&things->by_key, key_of(arena, key));
    if (kept)
        *out = cloud_things_copied(arena, kept);
    pthread_mutex_unlock(&things->lock);
    return kept != NULL;
}

int cloud_things_put(struct cloud_things *things, const struct cloud_thing *thing, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str key = key_of(&arena, thing);
    pthread_mutex_lock(&things->lock);
    cloud_things_load(things);
    int status = write_file(things, key, thing, err);
    if (!status)
        set_kept(things, key, thing->properties ? cloud_things_keep(thing) : NULL);
    pthread_mutex_unlock(&things->lock);
    return status;
}

static int id_order(const void *a, const void *b)
{
    return str_cmp(((const struct cloud_thing *)a)->id, ((const struct cloud_thing *)b)->id);
}

struct cloud_thing *cloud_things_list(
    struct cloud_things *things, struct arena *arena, struct str region, struct str type, size_t *n)
{
    pthread_mutex_lock(&things->lock);
    cloud_things_load(things);
    struct cloud_thing *list = ARENA_ARRAY(arena, struct cloud_thing, things->by_key.n + 1);
    *n = 0;
    for (size_t i = 0; i < things->by_key.n; i++) {
        const struct kept *kept = things->by_key.items[i].ptr;
        if (kept && str_eq(kept->thing.region, region) && str_eq(kept->thing.type, type))
            list[(*n)++] = cloud_things_copied(arena, kept);
    }
    pthread_mutex_unlock(&things->lock);
    qsort(list, *n, sizeof *list, id_order);
    return list;
}

/* ---- requests ---- */

static struct cloud_request copied_request(struct arena *arena, const struct cloud_request *r)
{
    struct cloud_request copy = *r;
    struct str *texts[] = {&copy.token, &copy.client_token, &copy.digest, &copy.region, &copy.type,
        &copy.operation, &copy.id, &copy.code, &copy.message};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    return copy;
}

void cloud_requests_add(struct cloud_things *things, const struct cloud_request *request)
{
    pthread_mutex_lock(&things->lock);
    if (things->request_count == REQUESTS_KEPT) {
        arena_release(&things->requests[0].arena);
        memmove(things->requests, things->requests + 1, (REQUESTS_KEPT - 1) * sizeof *things->requests);
        things->request_count--;
    }
    MEM_GROW(things->requests, things->request_cap, things->request_count + 1);
    struct kept_request *kept = &things->requests[things->request_count++];
    *kept = (struct kept_request){0};
    kept->request = copied_request(&kept->arena, request);
    pthread_mutex_unlock(&things->lock);
}

struct cloud_request *cloud_requests_find(
    struct cloud_things *things, struct arena *arena, cloud_request_fits *fits, const void *ctx, size_t *n)
{
    pthread_mutex_lock(&things->lock);
    struct cloud_request *list = ARENA_ARRAY(arena, struct cloud_request, things->request_count + 1);
    *n = 0;
    for (size_t i = things->request_count; i-- > 0;)
        if (fits(&things->requests[i].request, ctx))
            list[(*n)++] = copied_request(arena, &things->requests[i].request);
    pthread_mutex_unlock(&things->lock);
    return list;
}

bool cloud_requests_cancel(struct cloud_things *things, struct str token)
{
    bool found = false;
    pthread_mutex_lock(&things->lock);
    for (size_t i = 0; i < things->request_count && !found; i++)
        if (str_eq(things->requests[i].request.token, token))
            found = things->requests[i].request.cancelled = true;
    pthread_mutex_unlock(&things->lock);
    return found;
}
