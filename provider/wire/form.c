/*
 * Form bodies of the query and ec2 protocols: Action=…&Version=…&Tags.member.1.Key=… A space is encoded as
 * %20, because some S3-compatible servers do not decode '+'.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "provider/wire/internal.h"

#include <stdlib.h>

/* ---- Forms as generic documents: "Tags.member.2.Key=a" becomes {Tags: {member: [{…}, {Key: a}]}}, the same
 * as from XML, so that wire_coerce() handles both. */

enum { MAX_DEPTH = 32, MAX_FIELDS = 100 * 1000 };

struct field {
    struct str rest; /* rest of the name, from the current level on */
    struct str text;
    size_t order;
};

static struct str strip_zeros(struct str s)
{
    while (s.n > 1 && s.p[0] == '0')
        s = str_slice(s, 1, s.n);
    return s;
}

/* Numbers are compared by value and come first. */
static int component_order(struct str a, struct str b)
{
    bool x = str_is_digits(a), y = str_is_digits(b);
    if (x != y)
        return x ? -1 : 1;
    if (!x)
        return str_cmp(a, b);
    a = strip_zeros(a);
    b = strip_zeros(b);
    return a.n != b.n ? (a.n < b.n ? -1 : 1) : str_cmp(a, b);
}

static int field_order(const void *left, const void *right)
{
    const struct field *x = left, *y = right;
    struct str a = x->rest, b = y->rest;
    while (a.n && b.n) {
        int order = component_order(str_cut(a, '.', &a), str_cut(b, '.', &b));
        if (order)
            return order;
    }
    if (a.n || b.n)
        return a.n ? 1 : -1;
    return x->order < y->order ? -1 : 1;
}

static const struct value *build(struct arena *arena, struct field *fields, size_t n, int depth);

/* Returns the number of fields with the same first component, which is removed from their names. */
static size_t take_group(struct field *fields, size_t n, struct str *name)
{
    struct str rest;
    *name = str_cut(fields[0].rest, '.', &rest);
    size_t end = 0;
    while (end < n) {
        struct str first = str_cut(fields[end].rest, '.', &rest);
        if (component_order(first, *name) != 0)
            break;
        fields[end++].rest = rest;
    }
    return end;
}

static const struct value *build_level(struct arena *arena, struct field *fields, size_t n, int depth)
{
    AUTO_BUILDER struct value_builder entries = VALUE_BUILDER(arena);
    bool list = true;
    for (size_t i = 0; i < n;) {
        struct str name;
        size_t count = take_group(fields + i, n - i, &name);
        list = list && str_is_digits(name);
        value_builder_set(&entries, arena_str(arena, name), build(arena, fields + i, count, depth + 1));
        i += count;
    }
    return list ? value_builder_list(&entries) : value_builder_map(&entries);
}

static const struct value *build(struct arena *arena, struct field *fields, size_t n, int depth)
{
    size_t leaves = 0; /* sorted to the front; without deeper fields the last one counts */
    while (leaves < n && !fields[leaves].rest.n)
        leaves++;
    if (leaves == n || depth == MAX_DEPTH)
        return value_string(arena, fields[leaves ? leaves - 1 : 0].text);
    return build_level(arena, fields + leaves, n - leaves, depth);
}

int wire_form_read(struct arena *arena, struct str text, const struct value **document, struct err *err)
{
    AUTO_FREE struct field *fields = NULL;
    size_t n = 0, cap = 0;
    while (text.n) {
        struct str value, pair = str_cut(text, '&', &text), name = str_cut(pair, '=', &value);
        struct field field = {.order = n};
        if (!pair.n)
            continue;
        if (n == MAX_FIELDS)
            return err_set(err, ERR_INVALID, "the form has more than %d fields", MAX_FIELDS);
        if (!url_decode(arena, name, true, &field.rest) || !url_decode(arena, value, true, &field.text))
            return err_set(err, ERR_INVALID, "the form has a broken %%-escape");
        if (!field.rest.n)
            continue;
        MEM_GROW(fields, cap, n + 1);
        fields[n++] = field;
    }
    if (n)
        qsort(fields, n, sizeof *fields, field_order);
    *document = n ? build_level(arena, fields, n, 0) : &value_empty_map;
    if ((*document)->kind != VALUE_MAP)
        return err_set(err, ERR_INVALID, "the form has numbers for names");
    return 0;
}

struct form {
    const struct wire_encoder *e;
    struct buf out;
    struct buf prefix; /* "Tags.member.1" */
};

static int write_value(struct form *form, const struct shape *shape, const struct value *v);

static size_t form_push(struct form *form, struct str name)
{
    size_t before = form->prefix.n;
    if (before)
        buf_add_char(&form->prefix, '.');
    buf_add_str(&form->prefix, name);
    return before;
}

static size_t push_index(struct form *form, size_t index)
{
    size_t before = form->prefix.n;
    buf_addf(&form->prefix, ".%zu", index);
    return before;
}

static void form_pop(struct form *form, size_t before)
{
    form->prefix.n = before;
}

static int write_member(void *ctx, const struct shape_member *member, struct str name, const struct value *v)
{
    struct form *form = ctx;
    size_t before = form_push(form, name);
    int rc = write_value(form, member->shape, v);
    form_pop(form, before);
    return rc ? err_context(form->e->err, "%.*s", STR_ARG(name)) : 0;
}

/* Foo.member.1, Foo.Item.1 or flat Foo.1; the item name of a flat list replaces the list's own: Item.1 */
static void push_list(struct form *form, const struct shape *shape)
{
    if (form->e->protocol == WIRE_EC2)
        return;
    if (!shape->flat) {
        form_push(form, wire_or(shape->item, STR("member")));
    } else if (shape->item.n) {
        while (form->prefix.n && form->prefix.p[form->prefix.n - 1] != '.')
            form->prefix.n--;
        buf_add_str(&form->prefix, shape->item);
    }
}

/* The caller restores the prefix afterwards. */
static int write_list(struct form *form, const struct shape *shape, const struct value *v)
{
    if (!v->count) {
        if (form->e->protocol == WIRE_QUERY)
            url_add_parameter(&form->out, buf_str(&form->prefix), STR_EMPTY);
        return 0;
    }
    push_list(form, shape);
    for (uint32_t i = 0; i < v->count; i++) {
        size_t before = push_index(form, i + 1);
        if (write_value(form, shape->elem ? shape->elem : &shape_any, v->items[i]))
            return err_context(form->e->err, "item %u", i + 1);
        form_pop(form, before);
    }
    return 0;
}

static int write_map(struct form *form, const struct shape *shape, const struct value *v)
{
    if (!shape->flat)
        form_push(form, wire_or(shape->entry, STR("entry")));
    for (uint32_t i = 0; i < v->count; i++) {
        size_t entry = push_index(form, i + 1);
        size_t inner = form_push(form, wire_or(shape->key_name, STR("key")));
        url_add_parameter(&form->out, buf_str(&form->prefix), v->entries[i].key);
        form_pop(form, inner);
        form_push(form, wire_or(shape->value_name, STR("value")));
        if (write_value(form, shape->elem ? shape->elem : &shape_any, v->entries[i].value))
            return err_context(form->e->err, "%.*s", STR_ARG(v->entries[i].key));
        form_pop(form, entry);
    }
    return 0;
}

struct entries {
    struct form *form;
    size_t n; /* number of entries written */
};

static int write_entry(void *ctx, const struct shape_member *member, struct str name, const struct value *v)
{
    struct entries *entries = ctx;
    struct form *form = entries->form;
    size_t before = push_index(form, ++entries->n), entry = form_push(form, STR("key"));
    url_add_parameter(&form->out, buf_str(&form->prefix), name);
    form_pop(form, entry);
    form_push(form, STR("value"));
    int rc = write_value(form, member->shape, v);
    form_pop(form, before);
    return rc ? err_context(form->e->err, "%.*s", STR_ARG(name)) : 0;
}

static int write_keyed(struct form *form, const struct shape *shape, const struct value *v)
{
    struct entries entries = {form, 0};
    form_push(form, STR("entry"));
    return wire_each_member(shape, v, false, write_entry, &entries);
}

/* A structure without a shape: keys are written unchanged. */
static int write_any(struct form *form, const struct value *v)
{
    static const struct shape list = {.kind = SHAPE_LIST};
    static const struct shape entries = {.kind = SHAPE_LIST, .item = STR_INIT("entry")};
    struct str only = v->kind == VALUE_MAP && v->count == 1 ? v->entries[0].key : STR_EMPTY;
    if (str_eqz(only, "entry")) { /* a map in XML's form */
        v = v->entries[0].value;
        return write_list(form, &entries, v->kind == VALUE_LIST ? v : value_list(form->e->arena, &v, 1));
    }
    if (str_eqz(only, "member")) /* a list in XML's form */
        v = value_as_list(wire_path(form->e->arena, v, STR("[]")));
    if (v->kind == VALUE_LIST)
        return write_list(form, &list, v);
    for (uint32_t i = 0; i < v->count; i++) {
        size_t before = form_push(form, v->entries[i].key);
        if (write_value(form, &shape_any, v->entries[i].value))
            return -1;
        form_pop(form, before);
    }
    return 0;
}

static int write_value(struct form *form, const struct shape *shape, const struct value *v)
{
    bool list = v->kind == VALUE_LIST, map = v->kind == VALUE_MAP;
    if (value_is_null(v))
        return 0;
    if (shape->kind == SHAPE_LIST && list)
        return write_list(form, shape, v);
    if (shape->kind == SHAPE_MAP && map)
        return write_map(form, shape, v);
    if (shape->kind == SHAPE_STRUCT && map && shape->keyed)
        return write_keyed(form, shape, v);
    if (shape->kind == SHAPE_STRUCT && map)
        return wire_each_member(shape, v, false, write_member, form);
    if (shape->kind == SHAPE_ANY && (list || map))
        return write_any(form, v);
    if (shape->kind == SHAPE_PAIRS && map) {
        const struct shape *list_shape;
        v = wire_pairs_to_list(form->e->arena, shape, v, &list_shape);
        return write_list(form, list_shape, v);
    }
    struct str text;
    if (wire_scalar_text(form->e, shape, v, WIRE_TIME_ISO, &text))
        return -1;
    url_add_parameter(&form->out, buf_str(&form->prefix), text);
    return 0;
}

int wire_form_write(const struct wire_encoder *e, const struct wire_operation *op, const struct shape *shape,
    const struct value *v, struct str *out)
{
    struct form form = {.e = e};
    url_add_parameter(&form.out, STR("Action"), op->name);
    url_add_parameter(&form.out, STR("Version"), op->version);
    int rc = write_value(&form, shape, v);
    if (!rc)
        *out = arena_str(e->arena, buf_str(&form.out));
    buf_release(&form.out);
    buf_release(&form.prefix);
    return rc;
}
