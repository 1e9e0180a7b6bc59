/*
 * The client side against botocore: every vector's request is encoded to what botocore sends, every answer
 * read as botocore reads it.
 */
#include "base/hash.h"
#include "base/json.h"
#include "provider/wire/internal.h"
#include "tests/unit/support/wire_vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static bool failed;

static void complain(const struct vector *v, const char *what, const char *wanted, const char *got)
{
    fprintf(stderr, "%.*s: %s\n  wanted %s\n  got    %s\n", STR_ARG(v->op.name), what, wanted, got);
    failed = true;
}

static void check_text(
    struct arena *arena, const struct vector *v, const char *what, struct str wanted, struct str got)
{
    if (!str_eq(wanted, got))
        complain(v, what, arena_strz(arena, wanted), arena_strz(arena, got));
}

/* Decoded and sorted: the order of parameters says nothing. Only botocore writes a space as '+'. */
static struct str sorted_form(struct arena *arena, struct str form, bool plus)
{
    AUTO_BUILDER struct value_builder pairs = VALUE_BUILDER(arena);
    while (form.n) {
        struct str decoded, pair = str_cut(form, '&', &form);
        assert_true(url_decode(arena, pair, plus, &decoded));
        if (str_find_char(decoded, '=', 0) < 0) /* a flag; "versioning" and "versioning=" are the same */
            decoded = arena_printf(arena, "%.*s=", STR_ARG(decoded));
        size_t at = pairs.n; /* insertion into order; lists keep duplicates */
        value_builder_add(&pairs, value_string(arena, decoded));
        for (; at && value_compare(pairs.entries[at - 1].value, pairs.entries[at].value) > 0; at--) {
            struct value_entry swap = pairs.entries[at];
            pairs.entries[at] = pairs.entries[at - 1];
            pairs.entries[at - 1] = swap;
        }
    }
    return str_z(vector_json(arena, value_builder_list(&pairs)));
}

static struct str sorted_json(struct arena *arena, struct str text)
{
    struct err err = ERR_INIT;
    const struct value *doc;
    if (!text.n)
        return text;
    assert_int_equal(json_parse(arena, text, &doc, &err), 0);
    return str_z(vector_json(arena, doc));
}

static void check_headers(struct arena *arena, const struct vector *v, const struct wire_message *got)
{
    for (size_t i = 0; i < v->request.header_count; i++) {
        struct wire_header header = v->request.headers[i];
        check_text(arena, v, header.name.p, header.value, wire_header_get(got, header.name));
    }
    for (size_t i = 0; i < got->header_count; i++) {
        struct wire_header header = got->headers[i];
        /* botocore leaves rest-xml's to the transport */
        bool extra = v->op.protocol == WIRE_REST_XML && str_eq(header.name, STR("Content-Type"));
        if (!extra && !wire_header_get(&v->request, header.name).n && header.value.n)
            complain(v, "a header too many", "", header.name.p);
    }
}

static void check_body(struct arena *arena, const struct vector *v, struct str got)
{
    struct str wanted = v->request.body;
    switch (v->op.protocol) {
    case WIRE_QUERY:
    case WIRE_EC2:
        check_text(arena, v, "form", sorted_form(arena, wanted, true), sorted_form(arena, got, false));
        break;
    case WIRE_JSON10:
    case WIRE_JSON11:
        check_text(arena, v, "json", sorted_json(arena, wanted), sorted_json(arena, got));
        break;
    case WIRE_REST_JSON:
        if (wanted.n && wanted.p[0] == '{')
            check_text(arena, v, "json", sorted_json(arena, wanted), sorted_json(arena, got));
        else
            check_text(arena, v, "body", wanted, got);
        break;
    case WIRE_REST_XML: check_text(arena, v, "xml", wanted, got); break;
    case WIRE_PROTOCOL_COUNT: break;
    }
}

static void check_request(struct arena *arena, const struct vector *v)
{
    struct err err = ERR_INIT;
    struct wire_message got;
    if (wire_encode_request(arena, &v->op, v->input_shape, v->input, &got, &err)) {
        complain(v, "request", "success", arena_strz(arena, str_z(err.message)));
        return;
    }
    check_text(arena, v, "method", v->request.method, got.method);
    check_text(arena, v, "path", v->request.path, got.path);
    check_text(
        arena, v, "query", sorted_form(arena, v->request.query, true), sorted_form(arena, got.query, false));
    check_headers(arena, v, &got);
    check_body(arena, v, got.body);
}

static void check_response(struct arena *arena, const struct vector *v)
{
    struct err err = ERR_INIT;
    const struct value *doc;
    assert_false(wire_is_error(&v->response));
    if (wire_decode_response(arena, &v->op, &v->response, &doc, &err)) {
        complain(v, "response", "success", arena_strz(arena, str_z(err.message)));
        return;
    }
    if (wire_is_rest(v->op.protocol))
        doc = wire_add_headers(arena, v->output_shape, &v->response, doc);
    const struct value *got = wire_coerce(arena, v->output_shape, doc);
    if (!value_equal(got, v->output))
        complain(v, "output", vector_json(arena, v->output), vector_json(arena, got));
}

/* The server reads what botocore sends as the input that botocore was given. */
static void check_server_request(struct arena *arena, const struct vector *v)
{
    struct err err = ERR_INIT;
    const struct value *doc;
    if (wire_match(&v->op, &v->request) < 0)
        complain(v, "server", "a match", "none");
    if (wire_decode_request(arena, &v->op, v->input_shape, &v->request, &doc, &err)) {
        complain(v, "server request", "success", arena_strz(arena, str_z(err.message)));
        return;
    }
    const struct value *got = wire_coerce(arena, v->input_shape, doc);
    if (!value_equal(got, v->input))
        complain(v, "server input", vector_json(arena, v->input), vector_json(arena, got));
}

/* What the server answers, the client reads as what was meant. (The end-to-end tests have botocore read it.)
 */
static void check_server_response(struct arena *arena, const struct vector *v)
{
    struct err err = ERR_INIT;
    struct wire_message out;
    const struct value *doc;
    if (wire_encode_response(arena, &v->op, v->output_shape, v->output, STR("id"), &out, &err) ||
        wire_decode_response(arena, &v->op, &out, &doc, &err)) {
        complain(v, "server response", "success", arena_strz(arena, str_z(err.message)));
        return;
    }
    if (wire_is_rest(v->op.protocol))
        doc = wire_add_headers(arena, v->output_shape, &out, doc);
    const struct value *got = wire_coerce(arena, v->output_shape, doc);
    if (!value_equal(got, v->output))
        complain(v, "server output", vector_json(arena, v->output), vector_json(arena, got));
}

static void test_server(void **state)
{
    (void)state;
    failed = false;
    vectors_each(check_server_request);
    vectors_each(check_server_response);
    assert_false(failed);
}

static void test_requests(void **state)
{
    (void)state;
    failed = false;
    assert_true(vectors_each(check_request) >= 60);
    assert_false(failed);
}

static void test_responses(void **state)
{
    (void)state;
    failed = false;
    assert_true(vectors_each(check_response) >= 60);
    assert_false(failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
