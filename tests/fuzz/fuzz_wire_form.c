/* A server's input: the bytes are a form, and also path, query string and header of a REST request. */
#include "provider/wire/internal.h"
#include "tests/fuzz/fuzz_wire.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str bytes = arena_str(&arena, str_n((const char *)data, n));
    struct wire_header headers[] = {{STR("x-amz-meta-a"), bytes}, {STR("List"), bytes}};
    struct wire_message request = {.method = STR("PUT"),
        .path = bytes,
        .query = bytes,
        .body = bytes,
        .headers = headers,
        .header_count = 2};
    const struct value *doc;
    struct err err = ERR_INIT;
    struct wire_operation form = {.name = STR_INIT("Op"), .protocol = WIRE_QUERY};
    wire_match(&form, &request);
    if (!wire_decode_request(&arena, &form, fuzz_shape(), &request, &doc, &err)) {
        assert(doc->kind == VALUE_MAP);
        wire_coerce(&arena, fuzz_shape(), doc);
    }
    struct wire_operation rest = {.name = STR_INIT("Op"),
        .protocol = WIRE_REST_XML,
        .method = STR_INIT("PUT"),
        .path = STR_INIT("/{Bucket}/{Key+}")};
    if (wire_match(&rest, &request) >= 0 &&
        !wire_decode_request(&arena, &rest, fuzz_shape(), &request, &doc, &err))
        wire_coerce(&arena, fuzz_shape(), doc);
    return 0;
}
