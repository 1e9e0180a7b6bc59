#include "tests/unit/support/wire_vectors.h"

#include "base/file.h"
#include "base/json.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static bool flag(const struct value *map, const char *key)
{
    const struct value *v = value_getz(map, key);
    return v && v->boolean;
}

static int index_of(struct str name, const char *const *names, int fallback)
{
    for (int i = 0; names[i]; i++)
        if (str_eqz(name, names[i]))
            return i;
    assert(!name.n);
    return fallback;
}

static const struct shape *make_shape(struct arena *arena, const struct value *doc)
{
    static const char *const kinds[] = {"any", "string", "int", "float", "bool", "timestamp", "blob",
        "json_text", "list", "map", "pairs", "struct", NULL};
    static const char *const locations[] = {
        "body", "path", "query", "header", "header_map", "raw", "status", NULL};
    static const char *const times[] = {"default", "iso", "epoch", "http", NULL};
    struct shape *shape = ARENA_NEW(arena, struct shape);
    shape->kind = (enum shape_kind)index_of(value_gets(doc, "kind"), kinds, 0);
    shape->time = (enum wire_time)index_of(value_gets(doc, "time"), times, WIRE_TIME_DEFAULT);
    shape->item = value_gets(doc, "item");
    shape->key_name = value_gets(doc, "key");
    shape->value_name = value_gets(doc, "value");
    shape->xmlns = value_gets(doc, "xmlns");
    shape->flat = flag(doc, "flat");
    if (value_getz(doc, "elem"))
        shape->elem = make_shape(arena, value_getz(doc, "elem"));
    const struct value *members = value_getz(doc, "members");
    size_t n = members ? members->count : 0;
    struct shape_member *out = ARENA_ARRAY(arena, struct shape_member, n);
    for (size_t i = 0; i < n; i++) {
        const struct value *m = members->items[i];
        out[i] = (struct shape_member){.name = value_gets(m, "name"),
            .wire = value_gets(m, "wire"),
            .shape = make_shape(arena, value_getz(m, "shape")),
            .location = (enum wire_location)index_of(value_gets(m, "location"), locations, WIRE_BODY),
            .spread = flag(m, "spread"),
            .xml_attribute = flag(m, "xml_attribute")};
    }
    shape->members = out;
    shape->member_count = n;
    return shape;
}

static struct wire_message make_message(struct arena *arena, const struct value *doc)
{
    struct wire_message m = {.method = value_gets(doc, "method"),
        .path = value_gets(doc, "path"),
        .query = value_gets(doc, "query"),
        .body = value_gets(doc, "body")};
    const struct value *headers = value_getz(doc, "headers"), *status = value_getz(doc, "status");
    for (uint32_t i = 0; i < headers->count; i++)
        wire_header_add(arena, &m, headers->entries[i].key, headers->entries[i].value->string);
    m.status = status ? (int)status->integer : 0;
    return m;
}

static struct vector make_vector(struct arena *arena, const struct value *doc)
{
    const struct value *op = value_getz(doc, "op");
    struct vector v = {.op = {.name = value_gets(op, "name"),
                           .version = value_gets(op, "version"),
                           .target_prefix = value_gets(op, "target_prefix"),
                           .method = value_gets(op, "method"),
                           .path = value_gets(op, "path"),
                           .query = value_gets(op, "query"),
                           .body = value_gets(op, "body"),
                           .body_xmlns = value_gets(op, "xmlns"),
                           .raw = value_gets(op, "raw"),
                           .result = value_gets(op, "result")},
        .input_shape = make_shape(arena, value_getz(doc, "input_shape")),
        .output_shape = make_shape(arena, value_getz(doc, "output_shape")),
        .input = value_getz(doc, "input"),
        .output = value_getz(doc, "output"),
        .request = make_message(arena, value_getz(doc, "request")),
        .response = make_message(arena, value_getz(doc, "response"))};
    bool known = wire_protocol_find(value_gets(op, "protocol"), &v.op.protocol);
    assert(known);
    (void)known;
    return v;
}

static size_t each_in_file(const char *path, vector_fn *fn)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str content;
    const struct value *doc;
    if (file_read(&arena, path, 0, &content, &err) || json_parse(&arena, content, &doc, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.message);
        abort();
    }
    for (uint32_t i = 0; i < doc->count; i++) {
        struct vector v = make_vector(&arena, doc->items[i]);
        fn(&arena, &v);
    }
    return doc->count;
}

size_t vectors_each(vector_fn *fn)
{
    const char *folder = getenv("WEIR_WIRE_VECTORS");
    folder = folder ? folder : "tests/unit/provider/wire/vectors";
    struct dirent **names;
    int n = scandir(folder, &names, NULL, alphasort);
    size_t count = 0;
    for (int i = 0; i < n; i++) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        if (str_ends(str_z(names[i]->d_name), STR(".json")))
            count += each_in_file(path_join(&arena, str_z(folder), str_z(names[i]->d_name)).p, fn);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return count;
}

const char *vector_json(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_PLAIN);
    return arena_strz(arena, buf_str(&out));
}
