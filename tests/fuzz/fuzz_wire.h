/*
 * Shared by the fuzzers of the codecs: a shape with everything in it, and the way of an answer through the
 * client.
 */
#pragma once

#include "provider/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static inline const struct shape *fuzz_shape(void)
{
    static const struct shape any = {.kind = SHAPE_ANY}, text = {.kind = SHAPE_STRING},
                              number = {.kind = SHAPE_INT}, real = {.kind = SHAPE_FLOAT},
                              time = {.kind = SHAPE_TIMESTAMP}, blob = {.kind = SHAPE_BLOB},
                              policy = {.kind = SHAPE_JSON_TEXT},
                              pairs = {.kind = SHAPE_PAIRS, .elem = &text},
                              map = {.kind = SHAPE_MAP, .elem = &policy},
                              flat_map = {.kind = SHAPE_MAP, .elem = &text, .flat = true},
                              list = {.kind = SHAPE_LIST, .elem = &number},
                              flat = {.kind = SHAPE_LIST, .elem = &time, .flat = true};
    static const struct shape_member members[] = {
        {.name = STR_INIT("a"), .wire = STR_INIT("A"), .shape = &any},
        {.name = STR_INIT("b"), .wire = STR_INIT("B"), .shape = &text},
        {.name = STR_INIT("c"), .wire = STR_INIT("C"), .shape = &number},
        {.name = STR_INIT("d"), .wire = STR_INIT("D"), .shape = &real},
        {.name = STR_INIT("t"), .wire = STR_INIT("T"), .shape = &time},
        {.name = STR_INIT("x"), .wire = STR_INIT("X"), .shape = &blob},
        {.name = STR_INIT("p"), .wire = STR_INIT("P"), .shape = &policy},
        {.name = STR_INIT("tags"), .wire = STR_INIT("Tags"), .shape = &pairs},
        {.name = STR_INIT("map"), .wire = STR_INIT("Map"), .shape = &map},
        {.name = STR_INIT("flat_map"), .wire = STR_INIT("FlatMap"), .shape = &flat_map},
        {.name = STR_INIT("list"), .wire = STR_INIT("List"), .shape = &list},
        {.name = STR_INIT("flat"), .wire = STR_INIT("Flat"), .shape = &flat},
        {.name = STR_INIT("key"), .wire = STR_INIT("Key"), .shape = &text, .location = WIRE_PATH},
        {.name = STR_INIT("q"), .wire = STR_INIT("q"), .shape = &list, .location = WIRE_QUERY_STRING},
        {.name = STR_INIT("h"), .wire = STR_INIT("List"), .shape = &list, .location = WIRE_HEADER},
        {.name = STR_INIT("m"), .wire = STR_INIT("x-amz-meta-"), .shape = &map, .location = WIRE_HEADER_MAP},
    };
    static const struct shape shape = {
        .kind = SHAPE_STRUCT, .members = members, .member_count = sizeof members / sizeof members[0]};
    return &shape;
}

static inline void fuzz_answer(struct arena *arena, const struct wire_operation *op, struct str body)
{
    struct wire_message answer = {.status = 400, .body = body};
    const struct value *doc;
    struct err err = ERR_INIT;
    wire_is_error(&answer);
    wire_decode_error(op, &answer, &err);
    if (wire_decode_response(arena, op, &answer, &doc, &err))
        return;
    wire_path(arena, doc, STR("A[].B.C[]"));
    wire_path(arena, doc, STR("Map.A"));
    wire_coerce(arena, fuzz_shape(), wire_add_headers(arena, fuzz_shape(), &answer, doc));
}
