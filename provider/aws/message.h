/*
 * Wire messages to HTTP requests and back: the codecs and the engine know nothing of each other.
 */
#pragma once

#include "provider/aws/endpoint.h"
#include "provider/http/http.h"
#include "provider/wire/wire.h"

/* Method, URL, headers and body of a request; the caller adds limits and the like. */
struct http_request message_to_http(struct arena *arena, const struct endpoint *endpoint, struct str host,
    const struct wire_message *message);
struct wire_message message_from_http(struct arena *arena, const struct http_response *response);
