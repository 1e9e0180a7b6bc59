/* Shared by networks, volumes and containers: see docker.h. */
#include "provider/docker/docker.h"

#include "base/json.h"

/* ---- Ownership labels ---- */

#define PREFIX STR("weir:")

const struct value *labels_with_ownership(const struct op_ctx *ctx, const struct value *labels)
{
    return value_merge(ctx->arena, labels, ownership_tags_make(ctx->arena, &ctx->owner, ctx->address));
}

const struct value *labels_without_ownership(struct arena *arena, const struct value *labels)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; labels && labels->kind == VALUE_MAP && i < labels->count; i++)
        if (!str_starts(labels->entries[i].key, PREFIX))
            value_builder_set(&out, labels->entries[i].key, labels->entries[i].value);
    return value_builder_map(&out);
}

void labels_report(struct op_ctx *ctx, struct str id, const struct value *labels)
{
    if (op_wants_ownership_tags(ctx))
        op_ownership_tags(ctx, id, ownership_tags_among(ctx->arena, labels));
}

bool labels_are_of_intent(const struct op_ctx *ctx, const struct value *labels)
{
    return ctx->owner.token.n && str_eq(value_gets(labels, "weir:intent"), ctx->owner.token);
}

bool labels_are_of_stack(const struct op_ctx *ctx, const struct value *labels)
{
    struct str state = value_gets(labels, "weir:state");
    return (ctx->owner.stack.n && str_eq(value_gets(labels, "weir:stack"), ctx->owner.stack)) ||
           (state.n && str_eq(state, ctx->owner.lineage)); /* the stack was renamed */
}

int labels_check(const struct op_ctx *ctx, const struct value *labels, const char *done, struct err *err)
{
    struct ownership ownership =
        ownership_by_tags(ctx->arena, &ctx->owner, ownership_tags_among(ctx->arena, labels));
    return !ctx->owner.stack.n || ownership.kind == OWNERSHIP_OURS ? 0
                                                                   : ownership_refuse(&ownership, done, err);
}

struct str labels_filter(struct arena *arena, struct str stack)
{
    const struct value *label = value_string(arena, arena_printf(arena, "weir:stack=%.*s", STR_ARG(stack)));
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, value_with(arena, NULL, STR("label"), value_list(arena, &label, 1)), JSON_PLAIN);
    return arena_str(arena, buf_str(&out));
}

enum { GONE_PAUSE_MS = 200, GONE_TRIES = 50 };

static const struct resource *resource_of(const struct op_ctx *ctx)
{
    static const struct resource *const all[] = {
        &docker_network, &docker_volume, &docker_image, &docker_container};
    struct str name;
    str_cut(ctx->schema->name, '.', &name);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (str_eqz(name, all[i]->what))
            return all[i];
    return NULL; /* a test creates one of each type */
}

struct str resource_name(const struct value *object)
{
    return value_gets(object, "name");
}

const struct value *resource_at(const struct value *document, const char *path)
{
    for (struct str step, rest = str_z(path); rest.p && document;) {
        step = str_cut(rest, '.', &rest);
        document = value_get(document, step);
    }
    return value_is_null(document) ? NULL : document;
}

/* Names of containers begin with a slash. */
static struct str resource_named(struct str name)
{
    return str_starts(name, STR("/")) ? str_slice(name, 1, name.n) : name;
}

/* Checks the name, since the Engine also matches "db" with the beginning of an id. */
int resource_look(
    struct op_ctx *ctx, const struct value *object, const struct value **document, struct err *err)
{
    *document = NULL;
    struct str name = resource_name(object);
    if (name.n && engine_get(ctx, engine_path(ctx->arena, resource_of(ctx)->path, name), document, err))
        return -1;
    if (*document && !str_eq(resource_named(value_gets(*document, "Name")), name))
        *document = NULL;
    return 0;
}

const struct value *resource_given(
    struct op_ctx *ctx, const struct value *map, const struct value *prior, const char *attr)
{
    const struct value *given = value_getz(prior, attr);
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(ctx->arena);
    if (!value_getz(prior, "image"))
        return map;
    for (uint32_t i = 0; map && map->kind == VALUE_MAP && i < map->count; i++)
        if (value_get(given, map->entries[i].key))
            value_builder_set(&out, map->entries[i].key, map->entries[i].value);
    return value_builder_map(&out);
}

static const struct value *labels_of(const struct op_ctx *ctx, const struct value *document)
{
    return resource_at(document, resource_of(ctx)->labels);
}

/* Removes ownership labels from what users see. */
static const struct value *resource_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior)
{
    const struct resource *resource = resource_of(ctx);
    const struct value *live = resource->decode(ctx, document, prior);
    const struct value *labels = labels_without_ownership(ctx->arena, labels_of(ctx, document));
    if (resource->inherits)
        labels = resource_given(ctx, labels, prior, "labels");
    return value_with(ctx->arena, live, STR("labels"), labels);
}

int resource_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    const struct value *document;
    *live = NULL;
    if (resource_look(ctx, prior, &document, err))
        return -1;
    if (!document)
        return 0;
    labels_report(ctx, resource_name(prior), labels_of(ctx, document));
    *live = resource_decode(ctx, document, prior);
    return 0;
}

int resource_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired UNUSED,
    const struct value *changed UNUSED, const struct value **live, struct err *err)
{
    return resource_read(ctx, prior, NULL, live, err);
}

/* Finds the resource by name; only one that this intent created counts. */
int resource_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct value *document;
    *live = NULL;
    if (resource_look(ctx, desired, &document, err))
        return -1;
    if (document && labels_are_of_intent(ctx, labels_of(ctx, document)))
        *live = resource_decode(ctx, document, desired);
    return 0;
}

int resource_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err)
{
    const struct value *document;
    if (resource_look(ctx, object, &document, err))
        return -1;
    *owner_tags = document ? ownership_tags_among(ctx->arena, labels_of(ctx, document)) : NULL;
    return 0;
}

int resource_list(struct op_ctx *ctx, struct str filter, const struct value **items, struct err *err)
{
    const struct resource *resource = resource_of(ctx);
    AUTO_BUF struct buf path = BUF_INIT;
    buf_addz(&path, resource->listing);
    if (filter.n)
        engine_query(&path, "filters", filter);
    struct engine_call call = {
        .method = "GET", .path = arena_str(ctx->arena, buf_str(&path)), .repeatable = true};
    const struct value *answer;
    if (engine_call(ctx, &call, &answer, err))
        return -1;
    *items = resource->items ? value_getz(answer, resource->items) : answer;
    if (value_is_null(*items))
        *items = &value_empty_list;
    return (*items)->kind == VALUE_LIST ? 0
                                        : err_set(err, ERR_PROTOCOL, "%s is not a list", resource->listing);
}

static struct str listed_name(const struct value *item)
{
    const struct value *names = value_getz(item, "Names");
    struct str name = value_gets(item, "Name");
    if (names && names->kind == VALUE_LIST && names->count)
        name = value_text(names->items[0], STR_EMPTY);
    return resource_named(name);
}

int resource_list_owned(
    struct op_ctx *ctx, bool unreported UNUSED, resource_found *found, void *found_ctx, struct err *err)
{
    const struct value *items;
    if (resource_list(ctx, labels_filter(ctx->arena, ctx->owner.stack), &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *item = items->items[i];
        found(found_ctx, VALUE_MAP(ctx->arena, {STR("name"), value_string(ctx->arena, listed_name(item))},
                             {STR("tags"), value_getz(item, "Labels")}));
    }
    return 0;
}

/* Returns the recorded attributes of the expected resource with this name; NULL: none. */
static const struct value *resource_prior(const struct list_filter *filter, struct str name)
{
    for (size_t i = 0; i < filter->count; i++)
        if (str_eq(resource_name(filter->priors[i]), name))
            return filter->priors[i];
    return NULL;
}

int resource_list_all(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    const struct value *items;
    *covered = filter->wanted;
    if (resource_list(ctx, STR_EMPTY, &items, err))
        return -1;
    for (uint32_t i = 0; i < items->count; i++) {
        struct str name = listed_name(items->items[i]);
        const struct value *prior = resource_prior(filter, name);
        if (!prior)
            continue; /* not managed */
        labels_report(ctx, name, labels_of(ctx, items->items[i]));
        found(found_ctx, resource_decode(ctx, items->items[i], prior));
    }
    return 0;
}

int resource_create(
    struct op_ctx *ctx, struct str path, const struct value *body, struct str name, struct err *err)
{
    struct engine_call call = {.method = "POST", .path = path, .body = body, .label = resource_of(ctx)->what};
    struct err failure = ERR_INIT;
    struct value_entry entry = {STR("name"), value_string(ctx->arena, name)};
    const struct value *document, *object = value_map(ctx->arena, &entry, 1);
    if (!engine_call(ctx, &call, NULL, &failure))
        return 0;
    *err = failure;
    bool taken = failure.class == ERR_EXISTS && strstr(failure.message, "lready");
    if ((!taken && !failure.lost) || resource_look(ctx, object, &document, &failure) || !document)
        return -1;
    if (!labels_are_of_intent(ctx, labels_of(ctx, document)))
        return -1;
    *err = (struct err)ERR_INIT;
    return 0;
}

/* A deletion may take a while; until then a second request gets a conflict. */
static int wait_deleted(struct op_ctx *ctx, const struct value *prior, struct err *err)
{
    const struct value *document;
    for (int tries = 0; tries < GONE_TRIES; tries++) {
        if (resource_look(ctx, prior, &document, err))
            return -1;
        if (!document)
            return 0;
        if (cancel_sleep_ms(ctx->cancel, GONE_PAUSE_MS, err))
            return -1;
    }
    return err_set(err, ERR_TIMEOUT, "the %s is still there", resource_of(ctx)->what);
}

int resource_delete(struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    const struct value *document;
    if (resource_look(ctx, prior, &document, err))
        return -1;
    if (!document)
        return 0;
    if (labels_check(ctx, labels_of(ctx, document), "deleted", err))
        return -1;
    struct str id = value_gets(document, "Id");
    struct err failure = ERR_INIT;
    struct engine_call call = {.method = "DELETE",
        .path = engine_path(ctx->arena, resource_of(ctx)->remove, id.n ? id : resource_name(prior))};
    if (!engine_call(ctx, &call, NULL, &failure) || failure.class == ERR_ABSENT)
        return 0;
    bool under_way = failure.class == ERR_EXISTS && strstr(failure.message, "already in progress");
    if (!under_way) {
        *err = failure;
        if (err->class == ERR_EXISTS)
            err->class = ERR_SERVICE;
        return -1;
    }
    return wait_deleted(ctx, prior, err);
}
