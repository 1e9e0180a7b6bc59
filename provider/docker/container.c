/* docker.container: created, started, waited for; updated in place where the Engine allows it. */
#include "base/clock.h"
#include "base/file.h"
#include "provider/docker/docker.h"

#include <inttypes.h>

/* ---- running a container ---- */

enum {
    WATCH_MS = 1000, /* how long a container without a health check has to run */
    PAUSE_MS = 250,
    WAIT_MS = 5 * 60 * 1000,
    STOP_MS = 60 * 1000, /* in addition to the container's own stop timeout */
    LOG_MAX = 4 << 20,
    LOG_SHOWN = 800,
    FILE_MODE = 0444,
};

/* ---- files ---- */

static void add_files(struct op_ctx *ctx, struct package *package, const struct value *files)
{
    for (uint32_t i = 0; files && files->kind == VALUE_MAP && i < files->count; i++) {
        struct str path = files->entries[i].key;
        path = str_starts(path, STR("/")) ? str_slice(path, 1, path.n) : path;
        package_add_text(
            package, arena_str(ctx->arena, path), value_scalar_text(ctx->arena, files->entries[i].value))
            ->mode = FILE_MODE;
    }
}

static int put_files(struct op_ctx *ctx, struct str id, const struct value *desired, struct err *err)
{
    struct package package;
    struct tar *tar;
    package_init(&package, ctx->arena);
    add_files(ctx, &package, value_getz(desired, "files"));
    add_files(ctx, &package, value_getz(desired, "secrets"));
    int status = 0;
    if (package.n && !(status = tar_open(&package, &tar, err))) {
        struct engine_call call = {.method = "PUT",
            .path = engine_path(ctx->arena, "/containers/%s/archive?path=/", id),
            .type = "application/x-tar",
            .source = tar_read,
            .source_ctx = tar,
            .sensitive = true,
            .label = "containers.archive"};
        status = engine_call(ctx, &call, NULL, err);
        tar_close(tar);
    }
    package_release(&package);
    return status ? err_context(err, "putting files into it") : 0;
}

/* ---- the log ---- */

/* Without a terminal each piece has a header: stream, and length in four bytes. */
static void add_log(struct command_output *output, struct str raw, bool tty)
{
    while (!tty && raw.n >= 8) {
        const unsigned char *head = (const unsigned char *)raw.p;
        size_t n = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
        n = n < raw.n - 8 ? n : raw.n - 8;
        command_output_add(output, raw.p + 8, n);
        raw = str_slice(raw, 8 + n, raw.n);
    }
    if (tty)
        command_output_add(output, raw.p, raw.n);
    command_output_add(output, "\n", 1);
}

static struct str end_of_log(struct op_ctx *ctx, struct str id, bool tty)
{
    AUTO_BUF struct buf raw = {.max = LOG_MAX};
    struct engine_call call = {.method = "GET",
        .path = engine_path(ctx->arena, "/containers/%s/logs?stdout=true&stderr=true&tail=25", id),
        .raw = &raw};
    if (engine_call(ctx, &call, NULL, ERR_IGNORED))
        return STR_EMPTY;
    struct command_output output;
    command_output_init(&output);
    add_log(&output, buf_str(&raw), tty);
    struct str end = str_trim(command_output_end(&output, ctx->arena, LOG_SHOWN));
    command_output_release(&output);
    return end;
}

static int fail_ended(
    struct op_ctx *ctx, struct str id, const struct value *document, const char *how, struct err *err)
{
    struct str end = end_of_log(ctx, id, value_getb(value_getz(document, "Config"), "Tty"));
    struct str reason = value_gets(value_getz(document, "State"), "Error");
    err_set(err, ERR_SERVICE, "it %s%s%.*s%s%.*s", how, reason.n ? ": " : "", STR_ARG(reason),
        end.n ? "; its log ends with:\n" : "; its log is empty", STR_ARG(end));
    return -1;
}

/* ---- waiting ---- */

struct waiting {
    struct op_ctx *ctx;
    struct str id;
    bool health; /* until it is healthy, if it has a health check */
    bool end;    /* until it has ended */
    int64_t since_ms, until_ms;
    struct str last; /* last progress message */
};

static void container_run_tell(struct waiting *w, const char *what)
{
    if (!str_eqz(w->last, what))
        op_progress(w->ctx, what);
    w->last = str_z(what);
}

static struct str last_probe(const struct value *health)
{
    const struct value *log = value_getz(health, "Log");
    bool any = log && log->kind == VALUE_LIST && log->count;
    return any ? str_trim(value_gets(log->items[log->count - 1], "Output")) : STR_EMPTY;
}

static int fail_unhealthy(struct waiting *w, const struct value *document, struct err *err)
{
    struct str probe = command_output_hide(w->ctx->arena, last_probe(resource_at(document, "State.Health")));
    probe = str_slice(probe, 0, probe.n < 200 ? probe.n : 200);
    return fail_ended(w->ctx, w->id, document,
        arena_printf(w->ctx->arena, "runs, but is unhealthy%s%.*s", probe.n ? ": " : "", STR_ARG(probe)).p,
        err);
}

/* Returns 1 if the container is ready, 0 if not yet. */
static int look_running(struct waiting *w, const struct value *document, struct err *err)
{
    const struct value *health = resource_at(document, "State.Health");
    struct str status = value_gets(health, "Status");
    if (str_eqz(status, "unhealthy"))
        return fail_unhealthy(w, document, err);
    if (w->health && health && !str_eqz(status, "none")) {
        if (str_eqz(status, "healthy"))
            return 1;
        container_run_tell(w, "waiting until it is healthy");
        return 0;
    }
    return clock_mono_ms() - w->since_ms >= WATCH_MS;
}

static int look_once(struct waiting *w, struct err *err)
{
    const struct value *document;
    struct arena *arena = w->ctx->arena;
    if (engine_get(w->ctx, engine_path(arena, "/containers/%s/json", w->id), &document, err))
        return -1;
    if (!document)
        return err_set(err, ERR_SERVICE, "it was removed while weir waited for it");
    const struct value *state = value_getz(document, "State");
    struct str status = value_gets(state, "Status");
    int64_t code = value_geti(state, "ExitCode", -1), restarts = value_geti(document, "RestartCount", 0);
    if (w->end && str_eqz(status, "exited") && !code)
        return 1;
    if (str_eqz(status, "exited") || str_eqz(status, "dead"))
        return fail_ended(w->ctx, w->id, document,
            arena_printf(arena, "%s with status %" PRId64 "%s", w->end ? "ended" : "died at its start", code,
                value_getb(state, "OOMKilled") ? " (out of memory)" : "")
                .p,
            err);
    if (restarts > 0 || str_eqz(status, "restarting"))
        return fail_ended(w->ctx, w->id, document, "repeatedly exits and is restarted", err);
    if (!w->end && str_eqz(status, "running"))
        return look_running(w, document, err);
    if (w->end)
        container_run_tell(w, "waiting until it has ended");
    return 0;
}

static int wait_for(struct waiting *w, struct err *err)
{
    for (;;) {
        int state = look_once(w, err);
        if (state)
            return state > 0 ? 0 : -1;
        if (clock_mono_ms() >= w->until_ms) {
            err_set(err, ERR_TIMEOUT, "it is not %s yet", w->end ? "finished" : "healthy");
            return err_hint(err, "`timeouts: {create: 20m}` waits longer; `docker logs` shows what it does");
        }
        if (cancel_sleep_ms(w->ctx->cancel, PAUSE_MS, err))
            return -1;
    }
}

/* ---- starting and stopping ---- */

/* Copies `files` and `secrets` into a container that has not run yet, starts it and waits as `wait` says. */
static int container_start(struct op_ctx *ctx, struct str id, const struct value *desired, struct err *err)
{
    const struct value *document;
    struct str wait = value_gets(desired, "wait");
    if (engine_get(ctx, engine_path(ctx->arena, "/containers/%s/json", id), &document, err))
        return -1;
    bool fresh = str_eqz(value_gets(value_getz(document, "State"), "Status"), "created");
    if (fresh && put_files(ctx, id, desired, err))
        return -1;
    int64_t now = clock_mono_ms();
    struct waiting w = {.ctx = ctx,
        .id = id,
        .health = !wait.n || str_eqz(wait, "healthy"),
        .end = str_eqz(wait, "exited"),
        .since_ms = now,
        .until_ms = now + (ctx->timeout_ms ? ctx->timeout_ms : WAIT_MS)};
    if (engine_post(ctx, engine_path(ctx->arena, "/containers/%s/start", id), NULL, err)) {
        if (err->class == ERR_ABSENT || err->class == ERR_EXISTS)
            err->class = ERR_SERVICE; /* about its network or its command, not the container */
        return err_context(err, "starting it");
    }
    return str_eqz(wait, "none") ? 0 : wait_for(&w, err);
}

/* Stops the container; succeeds if it does not exist. */
static int container_stop(struct op_ctx *ctx, struct str id, const struct value *object, struct err *err)
{
    int64_t patience = value_geti(object, "stop_timeout", 0);
    struct err failure = ERR_INIT;
    struct engine_call call = {.method = "POST",
        .path = engine_path(ctx->arena, "/containers/%s/stop", id),
        .timeout_ms = STOP_MS + patience * 1000,
        .label = "containers.stop"};
    if (!engine_call(ctx, &call, NULL, &failure) || failure.class == ERR_ABSENT)
        return 0;
    *err = failure;
    return err_context(err, "stopping it");
}

const struct resource docker_container = {.what = "container",
    .path = "/containers/%s/json",
    .remove = "/containers/%s?force=true&v=true",
    .listing = "/containers/json?all=true",
    .labels = "Config.Labels",
    .inherits = true,
    .decode = container_decode};

/* ---- desired object ---- */

/* `running` is true by default. */
static int container_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err UNUSED)
{
    bool configured = !value_is_null(value_getz(desired, "running"));
    *prepared = configured ? desired : value_with(ctx->arena, desired, STR("running"), &value_true);
    return 0;
}

/* ---- creation ---- */

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
    if (err->class == ERR_ABSENT) { /* not the container is missing, but its image or network */
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

/* Attributes that listings do not contain and that can be changed by hand. */
static const char *const unlisted[] = {"restart", "memory", "memory_reservation", "cpus", "pids_limit"};

static const struct value *reported(struct arena *arena, const struct value *wanted)
{
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; wanted && i < wanted->count; i++)
        if (!STR_IS_ONE_OF(value_text(wanted->items[i], STR_EMPTY), unlisted))
            value_builder_add(&out, wanted->items[i]);
    return value_builder_list(&out);
}

/* Parses the exit code of "Exited (0) 5 minutes ago". */
static int64_t listed_code(struct str status)
{
    struct str rest, number;
    str_cut(status, '(', &rest);
    int64_t code = -1;
    number = str_cut(rest, ')', &rest);
    return number.p && str_to_int(number, &code) ? code : -1;
}

/* True if the names are the same, in any order; aliases and addresses cannot have changed then. */
static bool same_networks(const struct value *there, const struct value *recorded)
{
    uint32_t n = recorded && recorded->kind == VALUE_LIST ? recorded->count : 0;
    for (uint32_t i = 0; i < n; i++)
        if (!value_get(there, value_gets(recorded->items[i], "name")))
            return false;
    return there && there->kind == VALUE_MAP && there->count == n;
}

/*
 * A container's creation parameters never change: a container with the recorded id has the recorded
 * attributes, except for those in the listing.
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

static int container_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    const struct value *items;
    *covered = reported(ctx->arena, filter->wanted);
    if (resource_list(ctx, STR_EMPTY, &items, err))
        return -1;
    for (size_t k = 0; k < filter->count; k++) {
        struct str id = value_gets(filter->priors[k], "id"), name = resource_name(filter->priors[k]);
        struct str listed = arena_printf(ctx->arena, "/%.*s", STR_ARG(name));
        for (uint32_t i = 0; i < items->count; i++) {
            const struct value *item = items->items[i], *names = value_getz(item, "Names");
            bool same = id.n && str_eq(value_gets(item, "Id"), id) && names && names->kind == VALUE_LIST &&
                        names->count && str_eq(value_text(names->items[0], STR_EMPTY), listed);
            if (!same)
                continue; /* another container of that name is read by itself */
            labels_report(ctx, name, value_getz(item, "Labels"));
            found(found_ctx, from_listing(ctx, item, filter->priors[k]));
        }
    }
    return 0;
}

/* ---- updating ---- */

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

/* Deletes an earlier, untagged build of this stack together with its last container. If that fails, the next
 * build or deletion of the image does it. */
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
        engine_call(ctx, &call, NULL, ERR_IGNORED);
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
