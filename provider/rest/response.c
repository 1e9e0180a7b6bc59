/* The data source http.response: what a server answers to a GET, also where that is a refusal. */
#include "provider/rest/resource.h"

#include "base/json.h"
#include "provider/repeats.h"
#include "provider/rest/rest.h"

static const struct value *headers_of(struct arena *arena, const struct wire_message *response)
{
    AUTO_BUILDER struct value_builder headers = VALUE_BUILDER(arena);
    for (size_t i = 0; i < response->header_count; i++)
        value_builder_set(&headers, arena_lower(arena, response->headers[i].name),
            value_string(arena, response->headers[i].value));
    return value_builder_map(&headers);
}

static const struct value *json_of(struct arena *arena, struct str body)
{
    const struct value *document = NULL;
    return str_trim(body).n && !json_parse(arena, body, &document, ERR_IGNORED) ? document : &value_null;
}

static const struct value *response_of(
    struct arena *arena, const struct value *prior, const struct wire_message *response)
{
    struct value_entry entries[] = {{STR("status"), value_int(arena, response->status)},
        {STR("text"), value_string(arena, response->body)}, {STR("json"), json_of(arena, response->body)},
        {STR("response_headers"), headers_of(arena, response)}};
    return value_merge(arena, prior, value_map(arena, entries, sizeof entries / sizeof *entries));
}

/* A server that says that it is busy is asked again, like everywhere; then that is the response. */
static int response_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    const struct value *headers = value_getz(prior, "headers");
    struct wire_operation op = {.name = STR("read")};
    struct wire_message request = {.method = STR("GET")}, response = {0};
    struct repeats repeats = {.op = ctx, .what = op.name};
    struct kind_call call = {.op = &op,
        .request = &request,
        .idempotent = true,
        .cancel = ctx->cancel,
        .repeats = repeats_tell,
        .repeats_ctx = &repeats};
    struct str path = value_gets(prior, "path");
    request.path = str_cut(path.n ? path : STR("/"), '?', &request.query);
    for (uint32_t i = 0; headers && headers->kind == VALUE_MAP && i < headers->count; i++)
        wire_header_add(ctx->arena, &request, headers->entries[i].key,
            value_scalar_text(ctx->arena, headers->entries[i].value));
    struct err why = ERR_INIT;
    if (rest_send(provider_self(ctx->provider), &call, ctx->arena, &response, &why) &&
        (!why.http_status || why.http_status != response.status))
        return err_raise(err, &why);
    repeats_done(&repeats);
    *live = response_of(ctx->arena, prior, &response);
    return 0;
}

const struct resource_ops rest_response_ops = {.read = response_read};
