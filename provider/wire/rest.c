/*
 * Members of the REST protocols outside the body: labels in the path, query parameters, headers.
 */
#include "base/hash.h"
#include "provider/wire/internal.h"

static const struct shape_member *label_member(const struct shape *shape, struct str label)
{
    for (size_t i = 0; i < shape->member_count; i++)
        if (shape->members[i].location == WIRE_PATH && str_eq(shape->members[i].wire, label))
            return &shape->members[i];
    return NULL;
}

static int bind_label(const struct wire_encoder *e, const struct shape *shape, const struct value *input,
    struct str label, struct buf *out)
{
    bool greedy = str_ends(label, STR("+"));
    if (greedy)
        label.n--;
    const struct shape_member *m = label_member(shape, label);
    const struct value *v = m ? value_get(input, m->name) : NULL;
    struct str text;
    if (value_is_null(v))
        return err_set(e->err, ERR_INVALID, "%.*s is missing, which is part of the path", STR_ARG(label));
    if (wire_scalar_text(e, m->shape, v, WIRE_TIME_ISO, &text))
        return err_context(e->err, "%.*s", STR_ARG(label));
    if (!text.n)
        return err_set(e->err, ERR_INVALID, "%.*s is empty, which is part of the path", STR_ARG(label));
    url_encode(out, text, greedy);
    return 0;
}

static int bind_path(const struct wire_encoder *e, struct str template, const struct shape *shape,
    const struct value *input, struct buf *out)
{
    if (!template.n)
        buf_add_char(out, '/');
    struct str before, name;
    while (str_take_name(&template, "{", &before, &name)) {
        buf_add_str(out, before);
        if (bind_label(e, shape, input, name, out))
            return -1;
    }
    buf_add_str(out, template);
    return 0;
}

/* A list repeats the parameter; a map adds a parameter for each key. */
static int add_query(const struct wire_encoder *e, struct str name, const struct shape *shape,
    const struct value *v, struct buf *out)
{
    struct str text;
    if (value_is_null(v))
        return 0;
    if (!wire_is_collection(v) || !shape->elem) {
        if (wire_scalar_text(e, shape, v, WIRE_TIME_ISO, &text))
            return err_context(e->err, "%.*s", STR_ARG(name));
        url_add_parameter(out, name, text);
        return 0;
    }
    bool map = v->kind == VALUE_MAP;
    for (uint32_t i = 0; i < v->count; i++)
        if (add_query(
                e, map ? v->entries[i].key : name, shape->elem, map ? v->entries[i].value : v->items[i], out))
            return -1;
    return 0;
}

static bool is_header_text(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] == '\r' || text.p[i] == '\n' || text.p[i] == '\0')
            return false;
    return true;
}

static bool is_header_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || (unsigned char)name.p[i] >= 0x7f ||
            strchr("\"(),/:;<=>?@[\\]{}", name.p[i]))
            return false;
    return name.n > 0;
}

static int add_checked(
    const struct wire_encoder *e, struct wire_message *out, struct str name, struct str text)
{
    if (!is_header_name(name))
        return err_set(e->err, ERR_INVALID, "\"%.*s\" is not a name for a header", STR_ARG(name));
    if (!is_header_text(text))
        return err_set(e->err, ERR_INVALID, "%.*s: a header cannot hold a line break", STR_ARG(name));
    wire_header_add(e->arena, out, name, text);
    return 0;
}

/* Items with a comma or a quote are quoted. */
static void add_list_item(struct buf *out, struct str text)
{
    if (out->n)
        buf_add_char(out, ',');
    if (str_find_char(text, ',', 0) < 0 && str_find_char(text, '"', 0) < 0) {
        buf_add_str(out, text);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_add_char(out, '\\');
        buf_add_char(out, text.p[i]);
    }
    buf_add_char(out, '"');
}

static int header_text(
    const struct wire_encoder *e, const struct shape *shape, const struct value *v, struct str *out)
{
    if (v->kind != VALUE_LIST || !shape->elem)
        return wire_scalar_text(e, shape, v, WIRE_TIME_HTTP, out);
    AUTO_BUF struct buf joined = BUF_INIT;
    for (uint32_t i = 0; i < v->count; i++) {
        struct str text;
        if (wire_scalar_text(e, shape->elem, v->items[i], WIRE_TIME_HTTP, &text))
            return -1;
        if (shape->elem->kind == SHAPE_TIMESTAMP) /* has a comma and is not quoted */
            buf_addf(&joined, "%s%.*s", joined.n ? "," : "", STR_ARG(text));
        else
            add_list_item(&joined, text);
    }
    *out = arena_str(e->arena, buf_str(&joined));
    return 0;
}

static int add_header_map(const struct wire_encoder *e, const struct shape_member *m, const struct value *v,
    struct wire_message *out)
{
    if (v->kind != VALUE_MAP)
        return err_set(e->err, ERR_INVALID, "%.*s: expected a map, got a %s", STR_ARG(m->name),
            value_kind_name(v->kind));
    for (uint32_t i = 0; i < v->count; i++) {
        struct str text, parts[] = {m->wire, v->entries[i].key};
        if (!wire_plain_text(e->arena, v->entries[i].value, &text))
            return err_set(e->err, ERR_INVALID, "%.*s: expected a string", STR_ARG(v->entries[i].key));
        if (add_checked(e, out, arena_concat(e->arena, parts, 2), text))
            return -1;
    }
    return 0;
}

int wire_rest_headers(const struct wire_encoder *e, const struct shape *shape, const struct value *output,
    struct wire_message *out)
{
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        const struct value *v = value_get(output, m->name);
        if (value_is_null(v))
            continue;
        if (m->location == WIRE_HEADER_MAP && add_header_map(e, m, v, out))
            return -1;
        if (m->location != WIRE_HEADER || (v->kind == VALUE_LIST && !v->count))
            continue;
        struct str text;
        if (header_text(e, m->shape, v, &text))
            return err_context(e->err, "%.*s", STR_ARG(m->wire));
        if (add_checked(e, out, m->wire, text))
            return -1;
    }
    return 0;
}

int wire_rest_bind(const struct wire_encoder *e, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct wire_message *out)
{
    AUTO_BUF struct buf path = BUF_INIT;
    AUTO_BUF struct buf query = BUF_INIT;
    if (bind_path(e, op->path, shape, input, &path))
        return -1;
    buf_add_str(&query, op->query);
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        if (m->location == WIRE_QUERY_STRING &&
            add_query(e, m->wire, m->shape, value_get(input, m->name), &query))
            return -1;
    }
    out->path = arena_str(e->arena, buf_str(&path));
    out->query = arena_str(e->arena, buf_str(&query));
    return wire_rest_headers(e, shape, input, out);
}

const struct value *wire_split_header(struct arena *arena, struct str text)
{
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(arena);
    AUTO_BUF struct buf item = BUF_INIT;
    for (size_t i = 0; i < text.n;) {
        buf_clear(&item);
        while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t'))
            i++;
        bool quoted = i < text.n && text.p[i] == '"';
        if (quoted) {
            for (i++; i < text.n && text.p[i] != '"'; i++) {
                if (text.p[i] == '\\' && i + 1 < text.n)
                    i++;
                buf_add_char(&item, text.p[i]);
            }
        }
        for (; i < text.n && text.p[i] != ','; i++)
            if (!quoted)
                buf_add_char(&item, text.p[i]);
        i++;
        value_builder_add(&items, value_string(arena, quoted ? buf_str(&item) : str_trim(buf_str(&item))));
    }
    return value_builder_list(&items);
}
