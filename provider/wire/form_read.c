/*
 * Forms as generic documents: "Tags.member.2.Key=a" nests as {Tags: {member: [{…}, {Key: a}]}}, which is what
 * XML readers make of the same thing, so that one wire_coerce() does for both.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "provider/wire/internal.h"

#include <stdlib.h>

enum { MAX_DEPTH = 32, MAX_FIELDS = 100 * 1000 };

struct field {
    struct str rest; /* of the name, from the level that is being built */
    struct str text;
    size_t order;
};

static struct str strip_zeros(struct str s)
{
    while (s.n > 1 && s.p[0] == '0')
        s = str_slice(s, 1, s.n);
    return s;
}

/* Numbers by value and before everything else. */
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

/* Fields that share their first component, which is taken off. */
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
    size_t leaves = 0; /* sorted to the front; the last one counts where nothing lies deeper */
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
