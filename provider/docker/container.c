/* docker.container: made, started and waited for; changed in place where the Engine can. */
#include "provider/docker/docker.h"

#include "base/file.h"

const struct resource docker_container = {.what = "container",
    .path = "/containers/%s/json",
    .remove = "/containers/%s?force=true&v=true",
    .listing = "/containers/json?all=true",
    .labels = "Config.Labels",
    .inherits = true,
    .decode = container_decode};

/* ---- what is wanted ---- */

/* A container is there to run, unless the file says otherwise. */
static int container_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err UNUSED)
{
    bool configured = !value_is_null(value_getz(desired, "running"));
    *prepared = configured ? desired : value_with(ctx->arena, desired, STR("running"), &value_true);
    return 0;
}

/* ---- making ---- */

static int connect_others(struct op_ctx *ctx, struct str id, const struct value *desired, struct err *err)
{
    const struct value *list = value_getz(desired, "networks");
    for (uint32_t i = 1; list && list->kind == VALUE_LIST && i < list->count; i++)
        if (container_connect(ctx, id, list->items[i], err))
            return -1;
    return 0;
}

static bool is_to_run(const struct value *desired)
{
    const struct value *running = value_getz(desired, "running");
    return value_is_null(running) || running->boolean;
}

static int make(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    AUTO_BUF struct buf path = BUF_INIT;
    buf_addz(&path, "/containers/create");
    engine_query(&path, "name", resource_name(desired));
    if (value_gets(desired, "platform").n)
        engine_query(&path, "platform", value_gets(desired, "platform"));
    if (!resource_create(ctx, buf_str(&path), container_body(ctx, desired), resource_name(desired), err))
        return 0;
    if (err->class == ERR_ABSENT) { /* not the container: what it is to be made of */
        err->class = ERR_SERVICE;
        if (strstr(err->message, "No such image"))
            err_hint(err, "a resource `docker.image` pulls or builds it; `image: ${NAME.id}` waits for that");
    }
    return -1;
}

static int container_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *document;
    *live = NULL;
    if (confined_program("the container", err) || make(ctx, desired, err) ||
        resource_look(ctx, desired, &document, err))
        return -1;
    if (!document)
        return err_set(err, ERR_PROTOCOL, "the Engine does not show the container");
    struct str id = value_gets(document, "Id");
    int status = connect_others(ctx, id, desired, err);
    if (!status && is_to_run(desired))
        status = container_start(ctx, id, desired, err);
    struct err later = ERR_INIT;
    return resource_read(ctx, desired, NULL, live, status ? &later : err) || status ? -1 : 0;
}

/* ---- reading ---- */

/* Listings do not tell these; they can be changed by hand. */
static const char *const unlisted[] = {"restart", "memory", "memory_reservation", "cpus", "pids_limit"};

static const struct value *reported(struct arena *arena, const struct value *wanted)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; wanted && i < wanted->count; i++)
        if (!STR_IS_ONE_OF(value_text(wanted->items[i], STR_EMPTY), unlisted))
            value_builder_add(&out, wanted->items[i]);
    return value_builder_list(&out);
}

/* "Exited (0) 5 minutes ago" */
static int64_t listed_code(struct str status)
{
    struct str rest, number;
    str_cut(status, '(', &rest);
    int64_t code = -1;
    number = str_cut(rest, ')', &rest);
    return number.p && str_to_int(number, &code) ? code : -1;
}

/* The same names, in any order? Then aliases and addresses are as they were made. */
static bool same_networks(const struct value *there, const struct value *recorded)
{
    uint32_t n = recorded && recorded->kind == VALUE_LIST ? recorded->count : 0;
    for (uint32_t i = 0; i < n; i++)
        if (!value_get(there, value_gets(recorded->items[i], "name")))
            return false;
    return there && there->kind == VALUE_MAP && there->count == n;
}

/*
 * What a container is made of never changes; so one with the id that was recorded is as it was recorded, but
 * for what a listing says of its state.
 */
static const struct value *from_listing(
    struct op_ctx *ctx, const struct value *item, const struct value *prior)
{
    struct arena *arena = ctx->arena;
    const struct value *live = prior, *there = resource_at(item, "NetworkSettings.Networks");
    const struct value *recorded = value_getz(prior, "networks");
    for (size_t i = 0; i < sizeof unlisted / sizeof *unlisted; i++)
        live = value_with(arena, live, str_z(unlisted[i]), NULL);
    bool up = container_is_up(value_gets(item, "State"), listed_code(value_gets(item, "Status")), prior);
    live = value_with(arena, live, STR("running"), value_bool(up));
    live = value_with(arena, live, STR("labels"),
        resource_given(ctx, labels_without_ownership(arena, value_getz(item, "Labels")), prior, "labels"));
    if (!value_is_null(recorded) && !same_networks(there, recorded))
        live = value_with(arena, live, STR("networks"), part_networks_in(ctx, item, recorded));
    return live;
}

static int container_list(struct op_ctx *ctx, const struct sought *sought, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    const struct value *items;
    *covered = reported(ctx->arena, sought->wanted);
    if (resource_list(ctx, STR_EMPTY, &items, err))
        return -1;
    for (size_t k = 0; k < sought->count; k++) {
        struct str id = value_gets(sought->priors[k], "id"), name = resource_name(sought->priors[k]);
        struct str listed = arena_printf(ctx->arena, "/%.*s", STR_ARG(name));
        for (uint32_t i = 0; i < items->count; i++) {
            const struct value *item = items->items[i], *names = value_getz(item, "Names");
            bool same = id.n && str_eq(value_gets(item, "Id"), id) && names && names->kind == VALUE_LIST &&
                        names->count && str_eq(value_text(names->items[0], STR_EMPTY), listed);
            if (!same)
                continue; /* another one of that name is read by itself */
            labels_report(ctx, name, value_getz(item, "Labels"));
            found(found_ctx, from_listing(ctx, item, sought->priors[k]));
        }
    }
    return 0;
}

/* ---- changing ---- */

static int change_limits(struct op_ctx *ctx, struct str id, const struct value *desired,
    const struct value *changed, struct err *err)
{
    const struct value *body = container_changes(ctx, desired, changed, err);
    if (!body)
        return -1;
    return body->count ? engine_post(ctx, engine_path(ctx->arena, "/containers/%s/update", id), body, err)
                       : 0;
}

static int container_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    const struct value *document;
    *live = NULL;
    if (resource_look(ctx, prior, &document, err))
        return -1;
    if (!document)
        return err_set(err, ERR_SERVICE, "the container is gone");
    if (labels_check(ctx, resource_at(document, "Config.Labels"), "changed", err))
        return -1;
    struct str id = value_gets(document, "Id");
    if (change_limits(ctx, id, desired, changed, err))
        return -1;
    const struct value *there = part_networks_in(ctx, document, value_getz(prior, "networks"));
    if (value_list_has(changed, STR("networks")) &&
        container_rewire(ctx, id, there, value_getz(desired, "networks"), err))
        return -1;
    bool up = value_getb(value_getz(document, "State"), "Running");
    if (value_list_has(changed, STR("running")) && is_to_run(desired) &&
        container_start(ctx, id, desired, err))
        return -1;
    if (value_list_has(changed, STR("running")) && !is_to_run(desired) && up &&
        container_stop(ctx, id, desired, err))
        return -1;
    return resource_read(ctx, desired, NULL, live, err);
}

/* An earlier build of this stack's that has lost its name goes with the last container that was made of it.
 * Should that fail, the next build or deletion of the image takes it away. */
static void drop_image(struct op_ctx *ctx, struct str id)
{
    const struct value *image = NULL, *names;
    struct engine_call call = {.method = "DELETE", .path = engine_path(ctx->arena, "/images/%s", id)};
    if (!id.n || engine_get(ctx, engine_path(ctx->arena, "/images/%s/json", id), &image, ERR_IGNORED) ||
        !image)
        return;
    names = value_getz(image, "RepoTags");
    bool named = names && names->kind == VALUE_LIST && names->count;
    if (!named && labels_are_of_stack(ctx, resource_at(image, "Config.Labels")))
        engine_ask(ctx, &call, NULL, ERR_IGNORED);
}

static int delete_container(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    const struct value *document;
    if (resource_look(ctx, prior, &document, err))
        return -1;
    if (!document)
        return 0;
    if (labels_check(ctx, resource_at(document, "Config.Labels"), "deleted", err))
        return -1;
    if (value_getb(value_getz(document, "State"), "Running") &&
        container_stop(ctx, value_gets(document, "Id"), prior, err))
        return -1;
    if (resource_delete(ctx, 0, prior, err))
        return -1;
    drop_image(ctx, value_gets(document, "Image"));
    return 0;
}

const struct resource_ops docker_container_ops = {.prepare = container_prepare,
    .create = container_create,
    .read = resource_read,
    .list = container_list,
    .update = container_update,
    .delete = delete_container,
    .find = resource_find,
    .ownership_tags = resource_ownership_tags,
    .list_owned = resource_list_owned};
