/* Listings that several workspaces share. */
#include "plan/evaluate/shared_listings.h"

#include "base/json.h"
#include "base/mem.h"
#include "plan/objects/objects.h"

#include <stdlib.h>

/* A type at one location. */
struct listed {
    pthread_mutex_t lock;    /* held while it is listed, and by callers that wait for it */
    pthread_mutex_t keeping; /* guards results, which several threads add */
    struct arena arena;      /* of the results */
    bool known;
    const struct schema *schema; /* only while it is listed */
    const struct value *wanted, *covered, **objects;
    size_t object_count, object_cap;
    struct {
        struct str id;
        const struct value *owner_tags;
    } * owner_tags;
    size_t tag_count, tag_cap;

    /* recorded objects of all states, in the arena of `shared` */
    const struct value **priors;
    size_t prior_count, prior_cap;
    struct map ids; /* ids of these; other listed resources are dropped */
};

struct shared {
    struct http_engine *http;
    struct shared_data *data;
    pthread_mutex_t lock; /* guards the fields below */
    struct arena arena;
    struct map listed; /* "aws.s3.bucket {\"region\":…}" -> struct listed * */
};

int shared_new(const struct http_options *options, struct shared **out, struct err *err)
{
    struct http_engine *http;
    if (http_engine_new(options, &http, err))
        return -1;
    struct shared *shared = mem_zalloc(sizeof *shared);
    shared->http = http;
    shared->data = shared_data_new();
    pthread_mutex_init(&shared->lock, NULL);
    *out = shared;
    return 0;
}

static void listed_forget(struct listed *listed)
{
    free(listed->objects);
    free(listed->owner_tags);
    listed->objects = NULL;
    listed->owner_tags = NULL;
    listed->object_count = listed->object_cap = listed->tag_count = listed->tag_cap = 0;
    listed->known = false;
    arena_release(&listed->arena);
    listed->arena = (struct arena)ARENA_INIT;
}

void shared_free(struct shared *shared)
{
    if (!shared)
        return;
    for (size_t i = 0; i < shared->listed.n; i++) {
        struct listed *listed = shared->listed.items[i].ptr;
        listed_forget(listed);
        free(listed->priors);
        map_release(&listed->ids);
        pthread_mutex_destroy(&listed->keeping);
        pthread_mutex_destroy(&listed->lock);
        free(listed);
    }
    shared_data_free(shared->data);
    map_release(&shared->listed);
    pthread_mutex_destroy(&shared->lock);
    arena_release(&shared->arena);
    http_engine_free(shared->http);
    free(shared);
}

struct shared_data *shared_data(const struct shared *shared)
{
    return shared->data;
}

struct http_engine *shared_http(const struct shared *shared)
{
    return shared->http;
}

/* With the lock held. NULL for records without a location, which are not shared. */
static struct listed *listed_of(struct shared *shared, const struct record *record, bool make)
{
    AUTO_BUF struct buf key = BUF_INIT;
    if (value_is_null(record->location))
        return NULL;
    buf_add_str(&key, record->subject.type);
    json_write(&key, record->location, JSON_PLAIN);
    struct listed *listed = map_get(&shared->listed, buf_str(&key));
    if (listed || !make)
        return listed;
    listed = mem_zalloc(sizeof *listed);
    pthread_mutex_init(&listed->lock, NULL);
    pthread_mutex_init(&listed->keeping, NULL);
    map_set(&shared->listed, arena_str(&shared->arena, buf_str(&key)), listed);
    return listed;
}

static void learn_record(struct shared *shared, const struct record *record)
{
    struct listed *listed = listed_of(shared, record, true);
    if (!listed)
        return;
    MEM_GROW(listed->priors, listed->prior_cap, listed->prior_count + 1);
    const struct value *prior = value_copy(&shared->arena, record->attrs);
    listed->priors[listed->prior_count++] = prior;
    map_set(&listed->ids, arena_str(&shared->arena, record->subject.id), (void *)prior);
}

void shared_learn(struct shared *shared, const struct workspace *workspace)
{
    size_t n;
    const struct record *const *records = state_records(workspace->state, &n);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&shared->lock);
    for (size_t i = 0; i < n; i++)
        learn_record(shared, records[i]);
}

static struct listed *shared_find(struct shared *shared, const struct record *record)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&shared->lock);
    return listed_of(shared, record, false);
}

size_t shared_count(struct shared *shared, const struct record *record)
{
    const struct listed *listed = shared ? shared_find(shared, record) : NULL;
    return listed ? listed->prior_count : 0;
}

/* ---- listing ---- */

static void keep_object(void *ctx, const struct value *live)
{
    struct listed *listed = ctx;
    if (!map_get(&listed->ids, value_text(value_get(live, listed->schema->id), STR_EMPTY)))
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listed->keeping);
    MEM_GROW(listed->objects, listed->object_cap, listed->object_count + 1);
    listed->objects[listed->object_count++] = value_copy(&listed->arena, live);
}

static void keep_ownership_tags(void *ctx, struct str id, const struct value *owner_tags)
{
    struct listed *listed = ctx;
    if (!map_get(&listed->ids, id))
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listed->keeping);
    MEM_GROW(listed->owner_tags, listed->tag_cap, listed->tag_count + 1);
    listed->owner_tags[listed->tag_count].id = arena_str(&listed->arena, id);
    listed->owner_tags[listed->tag_count++].owner_tags = value_copy(&listed->arena, owner_tags);
}

static bool has_all(const struct value *names, const struct value *wanted)
{
    for (uint32_t i = 0; i < wanted->count; i++)
        if (!value_list_has(names, wanted->items[i]->string))
            return false;
    return true;
}

static const struct value *names_of_both(
    struct arena *arena, const struct value *names, const struct value *wanted)
{
    struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < names->count; i++)
        value_builder_add(&all, names->items[i]);
    for (uint32_t i = 0; i < wanted->count; i++)
        if (!value_list_has(names, wanted->items[i]->string))
            value_builder_add(&all, wanted->items[i]);
    return value_builder_list(&all);
}

/* Lists all that the workspaces need. */
static int listed_make(
    struct listed *listed, const struct op_ctx *asker, const struct list_filter *filter, struct err *err)
{
    const struct value *before = listed->known ? value_copy(asker->arena, listed->wanted) : &value_empty_list;
    const struct value *covered = NULL;
    struct op_observer observer = {.ctx = listed, .ownership_tags = keep_ownership_tags};
    struct op_ctx ctx = *asker;
    listed_forget(listed);
    listed->schema = ctx.schema;
    ctx.observer = &observer;
    for (size_t i = 0; i < listed->prior_count; i++)
        ctx.sensitive |= object_reports_secrets(ctx.schema, listed->priors[i]);
    listed->wanted = value_copy(&listed->arena, names_of_both(asker->arena, before, filter->wanted));
    struct list_filter all = {listed->wanted, listed->priors, listed->prior_count, filter->page_limit};
    if (ctx.schema->ops->list(&ctx, &all, keep_object, listed, &covered, err))
        return -1;
    listed->covered = value_copy(&listed->arena, covered ? covered : &value_empty_list);
    listed->known = true;
    return 0;
}

static void listed_tell(
    const struct listed *listed, const struct op_ctx *asker, resource_found *found, void *found_ctx)
{
    for (size_t i = 0; i < listed->object_count; i++)
        found(found_ctx, listed->objects[i]);
    for (size_t i = 0; i < listed->tag_count; i++)
        op_ownership_tags(asker, listed->owner_tags[i].id, listed->owner_tags[i].owner_tags);
}

int shared_list(struct shared *shared, const struct record *record, struct op_ctx *ctx,
    const struct list_filter *filter, resource_found *found, void *found_ctx, const struct value **covered,
    struct err *err)
{
    struct listed *listed = shared ? shared_find(shared, record) : NULL;
    int status = 0;
    if (!listed)
        return ctx->schema->ops->list(ctx, filter, found, found_ctx, covered, err);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&listed->lock);
    if (!listed->known || !has_all(listed->wanted, filter->wanted))
        status = listed_make(listed, ctx, filter, err);
    if (!status) {
        listed_tell(listed, ctx, found, found_ctx);
        *covered = value_copy(ctx->arena, listed->covered);
    }
    return status;
}
