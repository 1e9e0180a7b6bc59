/* Every stage of signing against what botocore's signers make of the same requests
 * (tests/tools/sigv4_vectors.py writes them). */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/aws/client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_same(const struct value *vector, const char *stage, struct str have)
{
    struct str want = value_gets(vector, stage);
    if (!str_eq(have, want))
        fail_msg("%.*s: %s\n--- have\n%.*s\n--- want\n%.*s", STR_ARG(value_gets(vector, "name")), stage,
            STR_ARG(have), STR_ARG(want));
}

static struct wire_message message_of(struct arena *arena, const struct value *vector)
{
    struct wire_message message = {.method = value_gets(vector, "method"),
        .path = value_gets(vector, "path"),
        .query = value_gets(vector, "query"),
        .body = value_gets(vector, "body")};
    const struct value *headers = value_getz(vector, "headers");
    for (uint32_t i = 0; i < headers->count; i++)
        wire_header_add(
            arena, &message, headers->items[i]->items[0]->string, headers->items[i]->items[1]->string);
    return message;
}

static void check_stages(struct arena *arena, const struct value *vector, const struct sigv4_params *params,
    const struct wire_message *message)
{
    struct str signed_headers;
    struct str canonical = sigv4_canonical_request(arena, params, message, &signed_headers);
    assert_same(vector, "canonical_request", canonical);
    struct str string_to_sign = sigv4_string_to_sign(arena, params, canonical);
    assert_same(vector, "string_to_sign", string_to_sign);
    assert_same(vector, "signature", sigv4_signature(arena, params, string_to_sign));
    unsigned char key[32];
    sigv4_signing_key(params, key);
    struct sigv4_params with_key = *params;
    with_key.key = key;
    with_key.secret_key = STR_EMPTY;
    assert_same(vector, "signature", sigv4_signature(arena, &with_key, string_to_sign));
}

static void check_header_form(
    struct arena *arena, const struct value *vector, struct sigv4_params params, struct wire_message message)
{
    sigv4_sign_headers(arena, &params, &message);
    sigv4_sign_headers(arena, &params, &message); /* a retry signs anew and leaves nothing behind */
    assert_same(vector, "authorization", wire_header_get(&message, STR("Authorization")));
    check_stages(arena, vector, &params, &message);
    /* As a server sees it: the list of headers comes from the request. */
    struct str ignored, authorization = wire_header_get(&message, STR("Authorization"));
    struct str list = str_slice(
        authorization, (size_t)str_find(authorization, STR("SignedHeaders="), 0) + 14, authorization.n);
    params.signed_headers = str_cut(list, ',', &ignored);
    wire_header_add(arena, &message, STR("X-Added-By-Proxy"), STR("1"));
    check_stages(arena, vector, &params, &message);
}

/* As a server sees a link that botocore signed. */
static void check_query_form(
    struct arena *arena, const struct value *vector, struct sigv4_params params, struct wire_message message)
{
    const struct value *pairs = value_getz(vector, "signed_query");
    AUTO_BUF struct buf query = BUF_INIT;
    for (uint32_t i = 0; i < pairs->count; i++) {
        struct str name = pairs->items[i]->items[0]->string, value = pairs->items[i]->items[1]->string;
        if (str_eqz(name, "X-Amz-SignedHeaders"))
            params.signed_headers = value;
        if (str_eqz(name, "X-Amz-Signature"))
            continue;
        buf_addf(&query, "%s", query.n ? "&" : "");
        url_encode(&query, name, false);
        buf_add_char(&query, '=');
        url_encode(&query, value, false);
    }
    message.query = buf_str(&query);
    if (params.s3)
        params.payload_hash = STR("UNSIGNED-PAYLOAD");
    check_stages(arena, vector, &params, &message);
}

static void botocore_signs_the_same(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str file;
    const struct value *all = NULL;
    struct err err = ERR_INIT;
    if (file_read(&arena, "tests/unit/provider/aws/vectors/sigv4.json", 0, &file, &err) ||
        json_parse(&arena, file, &all, &err))
        fail_msg("%s", err.message);
    const struct value *vectors = value_getz(all, "vectors");
    assert_true(vectors->count >= 70);
    int64_t wall_ms;
    assert_true(time_parse_rfc3339(value_gets(all, "wall"), &wall_ms));
    for (uint32_t i = 0; i < vectors->count; i++) {
        const struct value *vector = vectors->items[i];
        struct sigv4_params params = {.access_key = value_gets(all, "access_key"),
            .secret_key = value_gets(all, "secret_key"),
            .session_token = value_gets(vector, "token"),
            .region = value_gets(vector, "region"),
            .service = value_gets(vector, "service"),
            .payload_hash = value_gets(vector, "payload_hash"),
            .wall_ms = wall_ms,
            .s3 = str_eqz(value_gets(vector, "service"), "s3")};
        if (str_eqz(value_gets(vector, "form"), "query"))
            check_query_form(&arena, vector, params, message_of(&arena, vector));
        else
            check_header_form(&arena, vector, params, message_of(&arena, vector));
    }
}

/* A server may meet clients that leave reserved characters bare; the service's own rule decides. */
static void bare_reserved_characters_count_as_escaped(void **state)
{
    (void)state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct sigv4_params params = {.s3 = true};
    struct wire_message bare = {
        .method = STR("GET"), .path = STR("/b"), .query = STR("prefix=a/b:c&delimiter=/")};
    struct wire_message escaped = bare;
    escaped.query = STR("delimiter=%2F&prefix=a%2Fb%3Ac");
    struct str names;
    assert_string_equal(sigv4_canonical_request(&arena, &params, &bare, &names).p,
        sigv4_canonical_request(&arena, &params, &escaped, &names).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(botocore_signs_the_same),
        cmocka_unit_test(bare_reserved_characters_count_as_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
