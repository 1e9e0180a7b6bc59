/* Building an image: what is sent, and what came of it. */
#include "provider/docker/image.h"

#include "base/confined.h"
#include "base/file.h"
#include "base/json.h"
#include "provider/docker/stream.h"
#include "provider/docker/tar.h"

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

/* What besides the files makes the image what it is. */
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
    struct op_ctx *ctx, const struct value *desired, struct context *context, struct err *err)
{
    struct str folder = path_join(ctx->arena, ctx->dir, value_gets(desired, "context"));
    context->cancel = ctx->cancel;
    return context_scan(context, folder, dockerfile_of(desired), err);
}

/* ---- what it is built from ---- */

static int digest(struct op_ctx *ctx, const struct value *desired, struct str *out, struct err *err)
{
    for (int tries = 1;; tries++) {
        struct context context;
        context_init(&context, ctx->arena);
        int status =
            image_scan(ctx, desired, &context, err) || context_hash(&context, ctx->digests, err) ? -1 : 0;
        if (!status)
            *out = context_digest(&context, recipe(ctx, desired));
        bool again = status && context.changed && tries < TRIES;
        context_release(&context);
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

/* Without the intent's mark: the same content gives the same image. */
static const struct value *labels(struct op_ctx *ctx, const struct value *desired)
{
    const struct value *all = marks_added(ctx, value_getz(desired, "labels"));
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

/* What the label says is what was planned, so the image has to be made of that; nothing is read twice for it.
 */
static int check_content(
    struct op_ctx *ctx, const struct value *desired, struct context *context, struct err *err)
{
    if (context_hash(context, ctx->digests, err))
        return -1;
    if (str_eq(context_digest(context, recipe(ctx, desired)), value_gets(desired, "content")))
        return 0;
    err_set(err, ERR_STALE, "what is in \"%.*s\" has changed since this was planned; nothing is built",
        STR_ARG(value_gets(desired, "context")));
    return err_hint(err, "plan again");
}

static int send_once(
    struct op_ctx *ctx, const struct value *desired, struct context *context, struct err *err)
{
    struct tar *tar;
    struct stream stream;
    if (image_scan(ctx, desired, context, err) || check_content(ctx, desired, context, err) ||
        tar_open(context, &tar, err))
        return -1;
    stream_init(&stream, ctx);
    struct engine_call call = {.method = "POST",
        .path = build_path(ctx, desired),
        .type = "application/x-tar",
        .source = tar_read,
        .source_ctx = tar,
        .label = "build"};
    int status = stream_ask(&stream, &call, err);
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
        struct context context;
        struct err failure = ERR_INIT;
        context_init(&context, ctx->arena);
        int status = send_once(ctx, desired, &context, &failure);
        bool again = status && context.changed && tries < TRIES;
        context_release(&context);
        if (again)
            continue;
        if (status)
            *err = failure;
        return status;
    }
}
