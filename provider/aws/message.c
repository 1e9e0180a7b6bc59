/* Wire messages to HTTP requests and back: see message.h. */
#include "provider/aws/message.h"

struct http_request message_to_http(
    struct arena *arena, const struct endpoint *endpoint, struct str host, const struct wire_message *message)
{
    struct http_header *headers = ARENA_ARRAY(arena, struct http_header, message->header_count + 1);
    for (size_t i = 0; i < message->header_count; i++)
        headers[i] = (struct http_header){message->headers[i].name, message->headers[i].value};
    return (struct http_request){.method = message->method,
        .url = arena_printf(arena, "%s://%.*s%.*s%s%.*s", endpoint->tls ? "https" : "http", STR_ARG(host),
            STR_ARG(message->path), message->query.n ? "?" : "", STR_ARG(message->query)),
        .headers = headers,
        .header_count = message->header_count,
        .body = message->body};
}

struct wire_message message_from_http(struct arena *arena, const struct http_response *response)
{
    struct wire_message message = {.status = response->status,
        .headers = ARENA_ARRAY(arena, struct wire_header, response->header_count + 1),
        .header_count = response->header_count,
        .header_cap = response->header_count + 1,
        .body = response->body};
    for (size_t i = 0; i < response->header_count; i++)
        message.headers[i] = (struct wire_header){response->headers[i].name, response->headers[i].value};
    return message;
}
