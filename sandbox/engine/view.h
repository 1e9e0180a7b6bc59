/* Helpers for building responses: members without a value are omitted. */
#pragma once

#include "base/value.h"

static inline void view_set(struct value_builder *b, const char *name, const struct value *v)
{
    if (!value_is_null(v))
        value_builder_set(b, str_z(name), v);
}

/* Copies members by name; "A=b" copies member b as A. */
static inline void view_members(struct value_builder *b, const struct value *from, const char *names)
{
    for (struct str other, rest = str_z(names); rest.p;) {
        struct str name = str_cut(str_cut(rest, ' ', &rest), '=', &other);
        const struct value *v = value_get(from, other.p ? other : name);
        if (!value_is_null(v))
            value_builder_set(b, arena_str(b->arena, name), v);
    }
}

static inline void view_text(struct value_builder *b, const char *name, struct str text)
{
    if (text.n)
        value_builder_set(b, str_z(name), value_string(b->arena, text));
}

static inline void view_int(struct value_builder *b, const char *name, int64_t n)
{
    value_builder_set(b, str_z(name), value_int(b->arena, n));
}

/* A time in seconds since 1970, as in JSON protocols; 0: omitted. */
static inline void view_time(struct value_builder *b, const char *name, int64_t wall_ms)
{
    if (wall_ms)
        value_builder_set(b, str_z(name), value_float(b->arena, (double)wall_ms / 1000));
}
