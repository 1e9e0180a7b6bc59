/* Stores resources and requests of the Cloud Control API: see cloudcontrol.h. */
#include "sandbox/services/cloudcontrol/cloudcontrol.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

enum { MAX_FILE = 4 * 1024 * 1024, REQUESTS_KEPT = 5000 };

/* One resource with its own memory. */
struct kept {
    struct arena arena;
    struct cloud_resource resource;
};

struct kept_request {
    struct arena arena;
    struct cloud_request request;
};

struct cloud_resources {
    pthread_mutex_t lock; /* guards all members */
    struct services *services;
    struct map by_key; /* file name -> struct kept; NULL: deleted */
    struct arena names;
    bool loaded;
    struct kept_request *requests;
    size_t request_count, request_cap;
};

struct cloud_resources *cloud_resources_new(struct services *services)
{
    struct cloud_resources *resources = mem_zalloc(sizeof *resources);
    pthread_mutex_init(&resources->lock, NULL);
    resources->services = services;
    return resources;
}

static void free_kept(struct kept *kept)
{
    if (kept)
        arena_release(&kept->arena);
    free(kept);
}

void cloud_resources_free(struct cloud_resources *resources)
{
    if (!resources)
        return;
    for (size_t i = 0; i < resources->by_key.n; i++)
        free_kept(resources->by_key.items[i].ptr);
    for (size_t i = 0; i < resources->request_count; i++)
        arena_release(&resources->requests[i].arena);
    free(resources->requests);
    map_release(&resources->by_key);
    arena_release(&resources->names);
    pthread_mutex_destroy(&resources->lock);
    free(resources);
}

/* ---- files ---- */

static struct str key_of(struct arena *arena, const struct cloud_resource *resource)
{
    return sha256_hex(arena, arena_printf(arena, "%.*s\n%.*s\n%.*s", STR_ARG(resource->region),
                                 STR_ARG(resource->type), STR_ARG(resource->id)));
}

static struct kept *cloud_resources_keep(const struct cloud_resource *resource)
{
    struct kept *kept = mem_zalloc(sizeof *kept);
    kept->resource = (struct cloud_resource){arena_str(&kept->arena, resource->region),
        arena_str(&kept->arena, resource->type), arena_str(&kept->arena, resource->id),
        value_copy(&kept->arena, resource->properties)};
    return kept;
}

static void set_kept(struct cloud_resources *resources, struct str key, struct kept *kept)
{
    bool known = map_get(&resources->by_key, key) != NULL;
    free_kept(map_set(&resources->by_key, known ? key : arena_str(&resources->names, key), kept));
}

static void load_file(struct cloud_resources *resources, struct str path)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text;
    const struct value *doc;
    if (file_read(&arena, path.p, MAX_FILE, &text, ERR_IGNORED) ||
        json_parse(&arena, text, &doc, ERR_IGNORED))
        return;
    struct cloud_resource resource = {value_gets(doc, "region"), value_gets(doc, "type"),
        value_gets(doc, "id"), value_getz(doc, "properties")};
    if (resource.id.n && resource.properties)
        set_kept(resources, key_of(&arena, &resource), cloud_resources_keep(&resource));
}

static int folder(struct cloud_resources *resources, struct arena *arena, struct str *dir, struct err *err)
{
    return services_dir(resources->services, arena, "cloudcontrol", dir, err);
}

/* Loads all files once. The lock must be held. */
static void cloud_resources_load(struct cloud_resources *resources)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str path;
    if (resources->loaded || folder(resources, &arena, &path, ERR_IGNORED))
        return;
    resources->loaded = true;
    AUTO_DIR DIR *dir = opendir(path.p);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (str_ends(str_z(entry->d_name), STR(".json")))
            load_file(resources, path_join(&arena, path, str_z(entry->d_name)));
}

static int write_file(
    struct cloud_resources *resources, struct str key, const struct cloud_resource *resource, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    if (folder(resources, &arena, &dir, err))
        return -1;
    const char *path = arena_printf(&arena, "%.*s/%.*s.json", STR_ARG(dir), STR_ARG(key)).p;
    if (!resource->properties) {
        unlink(path);
        return 0;
    }
    const struct value *doc = VALUE_MAP(&arena, {STR("id"), value_string(&arena, resource->id)},
        {STR("properties"), resource->properties}, {STR("region"), value_string(&arena, resource->region)},
        {STR("type"), value_string(&arena, resource->type)});
    return file_write_atomic(path, json_as_text(&arena, doc)->string, 0600, err);
}

/* ---- resources ---- */

static struct cloud_resource cloud_resources_copied(struct arena *arena, const struct kept *kept)
{
    return (struct cloud_resource){arena_str(arena, kept->resource.region),
        arena_str(arena, kept->resource.type), arena_str(arena, kept->resource.id),
        value_copy(arena, kept->resource.properties)};
}

static struct cloud_resources *resources_of(const struct service_call *call)
{
    return services_parts(call->services)->cloud;
}

bool cloud_resources_get(
    const struct service_call *call, const struct cloud_resource *key, struct cloud_resource *out)
{
    struct cloud_resources *resources = resources_of(call);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&resources->lock);
    cloud_resources_load(resources);
    const struct kept *kept = map_get(&resources->by_key, key_of(call->arena, key));
    if (kept)
        *out = cloud_resources_copied(call->arena, kept);
    return kept != NULL;
}

int cloud_resources_put(
    const struct service_call *call, const struct cloud_resource *resource, struct err *err)
{
    struct cloud_resources *resources = resources_of(call);
    struct str key = key_of(call->arena, resource);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&resources->lock);
    cloud_resources_load(resources);
    int status = write_file(resources, key, resource, err);
    if (!status)
        set_kept(resources, key, resource->properties ? cloud_resources_keep(resource) : NULL);
    return status;
}

static int id_order(const void *a, const void *b)
{
    return str_cmp(((const struct cloud_resource *)a)->id, ((const struct cloud_resource *)b)->id);
}

struct cloud_resource *cloud_resources_list(const struct service_call *call, struct str type, size_t *n)
{
    struct cloud_resources *resources = resources_of(call);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&resources->lock);
    cloud_resources_load(resources);
    struct cloud_resource *list = ARENA_ARRAY(call->arena, struct cloud_resource, resources->by_key.n + 1);
    *n = 0;
    for (size_t i = 0; i < resources->by_key.n; i++) {
        const struct kept *kept = resources->by_key.items[i].ptr;
        if (kept && str_eq(kept->resource.region, call->region) && str_eq(kept->resource.type, type))
            list[(*n)++] = cloud_resources_copied(call->arena, kept);
    }
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

void cloud_requests_add(const struct service_call *call, const struct cloud_request *request)
{
    struct cloud_resources *resources = resources_of(call);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&resources->lock);
    if (resources->request_count == REQUESTS_KEPT) {
        arena_release(&resources->requests[0].arena);
        memmove(
            resources->requests, resources->requests + 1, (REQUESTS_KEPT - 1) * sizeof *resources->requests);
        resources->request_count--;
    }
    MEM_GROW(resources->requests, resources->request_cap, resources->request_count + 1);
    struct kept_request *kept = &resources->requests[resources->request_count++];
    *kept = (struct kept_request){0};
    kept->request = copied_request(&kept->arena, request);
}

struct cloud_request *cloud_requests_find(
    const struct service_call *call, cloud_request_fits *fits, const void *ctx, size_t *n)
{
    struct cloud_resources *resources = resources_of(call);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&resources->lock);
    struct cloud_request *list = ARENA_ARRAY(call->arena, struct cloud_request, resources->request_count + 1);
    *n = 0;
    for (size_t i = resources->request_count; i-- > 0;)
        if (fits(&resources->requests[i].request, ctx))
            list[(*n)++] = copied_request(call->arena, &resources->requests[i].request);
    return list;
}

bool cloud_requests_cancel(const struct service_call *call, struct str token)
{
    struct cloud_resources *resources = resources_of(call);
    bool found = false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&resources->lock);
    for (size_t i = 0; i < resources->request_count && !found; i++)
        if (str_eq(resources->requests[i].request.token, token))
            found = resources->requests[i].request.cancelled = true;
    return found;
}
