/* Builds an image from a context (a tar archive generated while it is sent), pulls and pushes it, and shows
 * the engine's progress. */
#include "base/archive.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/docker/docker.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- A context as a tar archive, generated while it is sent ---- */

/* 1980-01-02: ZIP has no time before 1980, and wheels built in an image are ZIP files. */
enum { ENTRY_TIME = 315619200 };

struct tar {
    const struct archive_api *api;
    struct package *package;
    struct archive *archive;
    struct archive_entry *entry;
    locale_t utf8;    /* libarchive takes the encoding of names from the thread's locale */
    struct buf ready; /* generated and not yet read, from `taken` on */
    size_t taken;
    const char *passing; /* file data that is already in the caller's buffer; NULL: none */
    size_t next;         /* index of the next entry */
    int fd;              /* of the current entry; -1: none */
    int64_t left;        /* bytes left of the current entry */
    bool ended;
    atomic_int_fast64_t sent;
    struct err err;
};

static la_ssize_t tar_collect(struct archive *archive UNUSED, void *ctx, const void *bytes, size_t n)
{
    struct tar *tar = ctx;
    if (bytes == tar->passing) /* unchanged, since there are no blocks to fill up */
        tar->passing += n;
    else
        buf_add(&tar->ready, bytes, n);
    return (la_ssize_t)n;
}

static int failed(struct tar *tar)
{
    const char *why = tar->api->error_string(tar->archive);
    return err_set(&tar->err, ERR_FAILED, "packing: %s", why ? why : "libarchive gives no reason");
}

int tar_open(struct package *package, struct tar **out, struct err *err)
{
    const struct archive_api *api = archive_api(err);
    if (!api)
        return -1;
    locale_t utf8 = archive_utf8(err);
    if (!utf8)
        return -1;
    struct tar *tar = mem_zalloc(sizeof *tar);
    tar->api = api;
    tar->package = package;
    tar->utf8 = utf8;
    tar->fd = -1;
    tar->archive = api->write_new();
    tar->entry = api->entry_new();
    locale_t before =
        uselocale(utf8); /* without iconv, as in the static program, only names in UTF-8 can be converted */
    bool ready = api->write_set_format_pax_restricted(tar->archive) == ARCHIVE_OK &&
                 api->write_set_options(tar->archive, "pax:hdrcharset=UTF-8") == ARCHIVE_OK &&
                 api->write_set_bytes_per_block(tar->archive, 0) == ARCHIVE_OK &&
                 api->write_set_bytes_in_last_block(tar->archive, 1) == ARCHIVE_OK &&
                 api->write_open(tar->archive, tar, NULL, tar_collect, NULL) == ARCHIVE_OK;
    uselocale(before);
    if (!ready) {
        failed(tar);
        *err = tar->err;
        tar_close(tar);
        return -1;
    }
    *out = tar;
    return 0;
}

void tar_close(struct tar *tar)
{
    fd_close_ptr(&tar->fd);
    tar->api->entry_free(tar->entry);
    tar->api->write_free(tar->archive);
    buf_release(&tar->ready);
    free(tar);
}

const struct err *tar_failure(const struct tar *tar)
{
    return tar->err.class == ERR_NONE ? NULL : &tar->err;
}

int64_t tar_sent(const struct tar *tar)
{
    return tar->sent;
}

/* ---- generating ---- */

static int begin_entry(struct tar *tar, const struct package_file *entry)
{
    static const unsigned kinds[] = {
        [PACKAGE_REGULAR] = AE_IFREG, [PACKAGE_FOLDER] = AE_IFDIR, [PACKAGE_LINK] = AE_IFLNK};
    const struct archive_api *api = tar->api;
    bool wide = entry->executable || entry->kind != PACKAGE_REGULAR;
    api->entry_clear(tar->entry);
    api->entry_copy_pathname(tar->entry, entry->path.p);
    api->entry_set_filetype(tar->entry, kinds[entry->kind]);
    api->entry_set_perm(tar->entry, (__LA_MODE_T)(entry->mode ? entry->mode : wide ? 0755 : 0644));
    api->entry_set_size(tar->entry, entry->kind == PACKAGE_REGULAR ? entry->size : 0);
    api->entry_set_mtime(tar->entry, ENTRY_TIME, 0);
    api->entry_set_uid(tar->entry, 0);
    api->entry_set_gid(tar->entry, 0);
    if (entry->kind == PACKAGE_LINK)
        api->entry_copy_symlink(tar->entry, entry->text.p);
    if (api->write_header(tar->archive, tar->entry) != ARCHIVE_OK)
        return failed(tar);
    tar->left = entry->kind == PACKAGE_REGULAR ? entry->size : 0;
    if (entry->kind == PACKAGE_REGULAR && entry->source.n)
        return package_open(tar->package, entry, &tar->fd, &tar->err);
    if (tar->left && tar->api->write_data(tar->archive, entry->text.p, entry->text.n) < 0)
        return failed(tar);
    tar->left = 0;
    return 0;
}

static int end_entry(struct tar *tar, const struct package_file *entry)
{
    if (tar->fd >= 0 && package_check(tar->package, entry, tar->fd, &tar->err))
        return -1;
    fd_close_ptr(&tar->fd);
    tar->fd = -1;
    return tar->api->write_finish_entry(tar->archive) == ARCHIVE_OK ? 0 : failed(tar);
}

/*
 * Reads file data directly into the caller's buffer; libarchive counts it and passes it on unchanged. *got:
 * number of bytes in the buffer; what libarchive stores is in `ready`.
 */
static int pass_piece(struct tar *tar, char *bytes, size_t room, size_t *got)
{
    const struct package_file *entry = &tar->package->files[tar->next - 1];
    ssize_t n = read(tar->fd, bytes, tar->left < (int64_t)room ? (size_t)tar->left : room);
    *got = 0;
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        return err_errno(&tar->err, ERR_FAILED, "\"%.*s\" cannot be read", STR_ARG(entry->source));
    tar->left = n ? tar->left - n : 0; /* the file became shorter */
    tar->passing = bytes;
    for (ssize_t taken, i = 0; i < n; i += taken) {
        taken = tar->api->write_data(tar->archive, bytes + i, (size_t)(n - i));
        if (taken <= 0)
            return failed(tar);
    }
    *got = (size_t)(tar->passing - bytes);
    tar->passing = NULL;
    return 0;
}

static int advance(struct tar *tar)
{
    struct package *package = tar->package;
    if (tar->next && end_entry(tar, &package->files[tar->next - 1]))
        return -1;
    if (tar->next < package->n)
        return begin_entry(tar, &package->files[tar->next++]);
    tar->ended = true;
    return tar->api->write_close(tar->archive) == ARCHIVE_OK ? 0 : failed(tar);
}

/* Returns generated data first: headers, and the padding of a file's last block. */
static size_t take_ready(struct tar *tar, void *bytes, size_t room)
{
    size_t there = tar->ready.n - tar->taken, n = room < there ? room : there;
    if (n)
        memcpy(bytes, tar->ready.p + tar->taken, n);
    tar->taken += n;
    if (tar->taken == tar->ready.n) {
        buf_clear(&tar->ready);
        tar->taken = 0;
    }
    return n;
}

int64_t tar_read(void *ctx, void *bytes, size_t room)
{
    struct tar *tar = ctx;
    locale_t before = uselocale(tar->utf8);
    int status = tar_failure(tar) ? -1 : 0;
    size_t got = 0;
    while (!status && !got && !(got = take_ready(tar, bytes, room)) && !tar->ended)
        status = tar->fd >= 0 && tar->left > 0 ? pass_piece(tar, bytes, room, &got) : advance(tar);
    uselocale(before);
    tar->sent += (int64_t)got;
    return status ? -1 : (int64_t)got;
}

/* ---- The Engine's messages during a build, pull or push ---- */

enum { ARRIVED_MAX = 16 << 20, UNREACHABLE_MS = 60 * 60 * 1000, END_SHOWN = 700 };

static void stream_init(struct stream *s, struct op_ctx *ctx)
{
    *s = (struct stream){.ctx = ctx, .lock = PTHREAD_MUTEX_INITIALIZER, .arrived = {.max = ARRIVED_MAX}};
    command_output_init(&s->output);
    s->output.show = op_has_printed(ctx) ? op_printed : NULL;
    s->output.show_ctx = ctx;
}

static void stream_release(struct stream *s)
{
    buf_release(&s->arrived);
    command_output_release(&s->output);
    pthread_mutex_destroy(&s->lock);
}

/* Called on the network thread. */
static int arrive(void *ctx, const void *bytes, size_t n)
{
    struct stream *s = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->lock);
    buf_add(&s->arrived, bytes, n);
    bool whole = !s->arrived.overflow;
    return whole ? 0 : -1;
}

static void stream_tell(struct stream *s, struct str what)
{
    struct op_ctx *ctx = s->ctx;
    if (!what.n || str_eq(what, s->status) || !op_has_progress(ctx))
        return;
    s->status = command_output_hide(ctx->arena, what);
    op_progress(ctx, arena_strz(ctx->arena, s->status));
}

/* Handles "Step 2/5 : RUN make\n", " ---> 1f2e…", or the output of a command. */
static void take_output(struct stream *s, struct str text)
{
    struct str rest, line = str_trim(str_cut(text, '\n', &rest));
    if (str_starts(text, STR("Step ")) && str_find(line, STR(" : "), 0) > 0) {
        s->step = arena_str(s->ctx->arena, line);
        stream_tell(s, line);
    } else if (!str_starts(line, STR("--->")) && !str_starts(line, STR("Removing intermediate"))) {
        command_output_add(&s->output, text.p, text.n);
    }
}

static void stream_take(struct stream *s, struct str line)
{
    struct arena *arena = s->ctx->arena;
    const struct value *item, *aux;
    if (!str_trim(line).n || json_parse(arena, line, &item, NULL) || item->kind != VALUE_MAP)
        return;
    if (value_gets(item, "error").n)
        s->failed = value_gets(item, "error");
    if (value_gets(item, "stream").n)
        take_output(s, value_gets(item, "stream"));
    else if (value_gets(item, "status").n && !value_gets(item, "id").n)
        stream_tell(s, value_gets(item, "status"));
    if (!(aux = value_getz(item, "aux")))
        return;
    if (value_gets(aux, "ID").n)
        s->image = value_gets(aux, "ID");
    if (value_gets(aux, "Digest").n)
        s->digest = value_gets(aux, "Digest");
}

/* Called on the waiting thread: handles all complete lines. */
static void stream_follow(void *ctx)
{
    struct stream *s = ctx;
    AUTO_BUF struct buf lines = BUF_INIT;
    pthread_mutex_lock(&s->lock);
    size_t end = str_after_last(buf_str(&s->arrived), "\n");
    if (end) {
        buf_add(&lines, s->arrived.p, end);
        AUTO_BUF struct buf left = BUF_INIT;
        buf_add(&left, s->arrived.p + end, s->arrived.n - end);
        buf_clear(&s->arrived);
        buf_add_str(&s->arrived, buf_str(&left));
    }
    pthread_mutex_unlock(&s->lock);
    for (struct str rest = buf_str(&lines); rest.p && rest.n;)
        stream_take(s, str_cut(rest, '\n', &rest));
}

static int stream_explain(struct stream *s, struct err *err)
{
    struct arena *arena = s->ctx->arena;
    struct str end = command_output_end(&s->output, arena, END_SHOWN);
    struct str why = str_trim(command_output_hide(arena, s->failed));
    struct str step = command_output_hide(arena, s->step);
    err_set(err, ERR_SERVICE, "%.*s%s%.*s%s%.*s", STR_ARG(step), step.n ? ": " : "", STR_ARG(why),
        end.n ? "; what it printed last:\n" : "", STR_ARG(end));
    return -1;
}

/* Sends the call and follows its messages. Fails with ERR_SERVICE if they end with an error. */
static int stream_send(struct stream *s, struct engine_call *call, struct err *err)
{
    call->sink = arrive;
    call->sink_ctx = s;
    call->tick = stream_follow;
    call->tick_ctx = s;
    call->timeout_ms = UNREACHABLE_MS; /* a step may run for long without output */
    if (engine_call(s->ctx, call, NULL, err))
        return -1;
    return s->failed.n ? stream_explain(s, err) : 0;
}

enum { TRIES = 3 };

bool image_is_built(const struct value *object)
{
    return !value_is_null(value_getz(object, "context"));
}

static struct str dockerfile_of(const struct value *desired)
{
    struct str name = value_gets(desired, "dockerfile");
    return name.n ? name : STR("Dockerfile");
}

/* Returns what determines the image besides the files. */
static struct str recipe(struct op_ctx *ctx, const struct value *desired)
{
    static const char *const names[] = {"args", "dockerfile", "labels", "platform", "target"};
    AUTO_BUILDER struct value_builder parts = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!value_is_null(value_getz(desired, names[i])))
            value_builder_set(&parts, str_z(names[i]), value_getz(desired, names[i]));
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, value_builder_map(&parts), JSON_PLAIN);
    return arena_str(ctx->arena, buf_str(&out));
}

static int image_scan(
    struct op_ctx *ctx, const struct value *desired, struct package *package, struct err *err)
{
    struct str folder = path_join(ctx->arena, ctx->dir, value_gets(desired, "context"));
    package->cancel = ctx->cancel;
    return context_scan(package, folder, dockerfile_of(desired), err);
}

/* ---- the context ---- */

static int digest(struct op_ctx *ctx, const struct value *desired, struct str *out, struct err *err)
{
    for (int tries = 1;; tries++) {
        struct package package;
        package_init(&package, ctx->arena);
        int status =
            image_scan(ctx, desired, &package, err) || package_hash(&package, ctx->digests, err) ? -1 : 0;
        if (!status)
            *out = package_digest_context(&package, recipe(ctx, desired));
        bool again = status && package.changed && tries < TRIES;
        package_release(&package);
        if (!again)
            return status;
    }
}

int image_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    const struct value *content = value_getz(desired, "content");
    struct str hash;
    *prepared = desired;
    if (!image_is_built(desired) || (content && value_is_known(content)))
        return 0;
    if (!value_is_known(desired) || how->offline) {
        *prepared = value_with(ctx->arena, desired, STR("content"), &value_unknown);
        struct str folder = value_gets(desired, "context");
        bool missing = value_is_known(desired) && !path_is_dir(path_join(ctx->arena, ctx->dir, folder).p);
        return missing
                   ? err_set(err, ERR_INVALID, "there is no folder \"%.*s\" to build from", STR_ARG(folder))
                   : 0;
    }
    if (digest(ctx, desired, &hash, err))
        return -1;
    *prepared = value_with(ctx->arena, desired, STR("content"), value_string(ctx->arena, hash));
    return 0;
}

/* ---- building ---- */

static void add_json(struct buf *path, const char *key, const struct value *v)
{
    AUTO_BUF struct buf json = BUF_INIT;
    if (value_is_null(v))
        return;
    json_write(&json, v, JSON_PLAIN);
    engine_query(path, key, buf_str(&json));
}

/* Without the intent's label: the same content gives the same image. */
static const struct value *labels(struct op_ctx *ctx, const struct value *desired)
{
    const struct value *all = labels_with_ownership(ctx, value_getz(desired, "labels"));
    all = value_with(ctx->arena, all, STR("weir:intent"), NULL);
    return value_with(ctx->arena, all, STR("weir:content"), value_getz(desired, "content"));
}

static struct str build_path(struct op_ctx *ctx, const struct value *desired)
{
    AUTO_BUF struct buf path = BUF_INIT;
    buf_addz(&path, "/build?rm=true&forcerm=true");
    engine_query(&path, "t", image_name_parse(ctx->arena, value_gets(desired, "name")).whole);
    engine_query(&path, "dockerfile", dockerfile_of(desired));
    if (value_gets(desired, "target").n)
        engine_query(&path, "target", value_gets(desired, "target"));
    if (value_gets(desired, "platform").n)
        engine_query(&path, "platform", value_gets(desired, "platform"));
    if (value_getb(desired, "refresh_base"))
        engine_query(&path, "pull", STR("true"));
    add_json(&path, "buildargs", value_getz(desired, "args"));
    add_json(&path, "labels", labels(ctx, desired));
    return arena_str(ctx->arena, buf_str(&path));
}

/* The label contains the planned content hash, so the files have to be unchanged; cached digests avoid
 * reading them twice. */
static int check_content(
    struct op_ctx *ctx, const struct value *desired, struct package *package, struct err *err)
{
    if (package_hash(package, ctx->digests, err))
        return -1;
    if (str_eq(package_digest_context(package, recipe(ctx, desired)), value_gets(desired, "content")))
        return 0;
    err_set(err, ERR_STALE, "what is in \"%.*s\" has changed since this was planned; nothing is built",
        STR_ARG(value_gets(desired, "context")));
    return err_hint(err, "plan again");
}

static int send_once(
    struct op_ctx *ctx, const struct value *desired, struct package *package, struct err *err)
{
    struct tar *tar;
    struct stream stream;
    if (image_scan(ctx, desired, package, err) || check_content(ctx, desired, package, err) ||
        tar_open(package, &tar, err))
        return -1;
    stream_init(&stream, ctx);
    struct engine_call call = {.method = "POST",
        .path = build_path(ctx, desired),
        .type = "application/x-tar",
        .source = tar_read,
        .source_ctx = tar,
        .label = "build"};
    int status = stream_send(&stream, &call, err);
    if (status && tar_failure(tar))
        *err = *tar_failure(tar);
    stream_release(&stream);
    tar_close(tar);
    return status;
}

int image_build(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    if (confined_program("the image's build", err))
        return -1;
    for (int tries = 1;; tries++) {
        struct package package;
        struct err failure = ERR_INIT;
        package_init(&package, ctx->arena);
        int status = send_once(ctx, desired, &package, &failure);
        bool again = status && package.changed && tries < TRIES;
        package_release(&package);
        if (again)
            continue;
        if (status)
            *err = failure;
        return status;
    }
}

/* ---- Registries and names ---- */

static int image_follow(struct op_ctx *ctx, struct engine_call *call, struct err *err)
{
    struct stream stream;
    stream_init(&stream, ctx);
    int status = stream_send(&stream, call, err);
    stream_release(&stream);
    return status;
}

int image_pull(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    AUTO_BUF struct buf path = BUF_INIT;
    struct image_name name = image_name_parse(ctx->arena, value_gets(desired, "name"));
    struct engine_call call = {.method = "POST", .label = "pull"};
    buf_addz(&path, "/images/create");
    engine_query(&path, "fromImage", name.repository);
    engine_query(&path, "tag", name.tag);
    if (value_gets(desired, "platform").n)
        engine_query(&path, "platform", value_gets(desired, "platform"));
    call.path = buf_str(&path);
    if (registry_auth(ctx, &name, &call.registry_auth, err))
        return -1;
    return image_follow(ctx, &call, err) ? err_context(err, "pulling %.*s", STR_ARG(name.whole)) : 0;
}

static int push(struct op_ctx *ctx, struct str text, struct err *err)
{
    AUTO_BUF struct buf path = BUF_INIT;
    struct image_name name = image_name_parse(ctx->arena, text);
    struct engine_call call = {.method = "POST", .label = "push"};
    buf_add_str(&path, engine_path(ctx->arena, "/images/%s/push", name.repository));
    engine_query(&path, "tag", name.tag);
    call.path = buf_str(&path);
    if (registry_auth(ctx, &name, &call.registry_auth, err))
        return -1;
    if (!image_follow(ctx, &call, err))
        return 0;
    err_context(err, "pushing %.*s", STR_ARG(name.whole));
    if (strstr(err->message, "denied") || strstr(err->message, "unauthorized") ||
        strstr(err->message, "no basic auth"))
        err_hint(
            err, "`registries` under `providers: docker:` has the login for %.*s", STR_ARG(name.registry));
    return -1;
}

int image_push(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    const struct value *tags = value_getz(desired, "tags");
    if (push(ctx, value_gets(desired, "name"), err))
        return -1;
    for (uint32_t i = 0; tags && tags->kind == VALUE_LIST && i < tags->count; i++)
        if (push(ctx, value_text(tags->items[i], STR_EMPTY), err))
            return -1;
    return 0;
}

int image_tag(struct op_ctx *ctx, struct str image, struct str text, struct err *err)
{
    AUTO_BUF struct buf path = BUF_INIT;
    struct image_name name = image_name_parse(ctx->arena, text);
    buf_add_str(&path, engine_path(ctx->arena, "/images/%s/tag", image));
    engine_query(&path, "repo", name.repository);
    engine_query(&path, "tag", name.tag);
    return engine_post(ctx, buf_str(&path), NULL, err) ? err_context(err, "tagging %.*s", STR_ARG(text)) : 0;
}

int image_untag(struct op_ctx *ctx, struct str name, struct err *err)
{
    struct err failure = ERR_INIT;
    struct engine_call call = {.method = "DELETE", .path = engine_path(ctx->arena, "/images/%s", name)};
    if (!engine_call(ctx, &call, NULL, &failure) || failure.class == ERR_ABSENT)
        return 0;
    *err = failure;
    if (err->class == ERR_EXISTS) /* a conflict: a container uses it */
        err->class = ERR_SERVICE;
    return -1;
}
