/* Images to and from registries, and their names. */
#include "provider/docker/image.h"

#include "provider/docker/stream.h"

static int image_follow(struct op_ctx *ctx, struct engine_call *call, struct err *err)
{
    struct stream stream;
    stream_init(&stream, ctx);
    int status = stream_ask(&stream, call, err);
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
            err, "`registries` under `providers: docker:` says who weir is to %.*s", STR_ARG(name.registry));
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
    if (!engine_ask(ctx, &call, NULL, &failure) || failure.class == ERR_ABSENT)
        return 0;
    *err = failure;
    if (err->class == ERR_EXISTS) /* a conflict: a container is made of it */
        err->class = ERR_SERVICE;
    return -1;
}
