/* Marks: how an address is spelt in one, and the refusal to touch what bears those of others. */
#include "provider/mark.h"

#include "base/buf.h"
#include "provider/provider.h"

#include <ctype.h>
#include <string.h>

struct str mark_text(struct arena *arena, struct str s, size_t max)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < s.n && out.n < max; i++) {
        char c = s.p[i];
        if (c == '[')
            buf_add_char(&out, '/');
        else if (c != '"' && c != ']')
            buf_add_char(&out, isalnum((unsigned char)c) || char_is_among(c, " +-=._:/@") ? c : '_');
    }
    return arena_str(arena, buf_str(&out));
}

const struct value *mark_all(struct arena *arena, const struct owner *owner, struct str address)
{
    AUTO_BUILDER struct value_builder marks = VALUE_BUILDER(arena);
    value_builder_set(&marks, STR("weir:address"), value_string(arena, address));
    value_builder_set(&marks, STR("weir:intent"), value_string(arena, owner->token));
    if (owner->lease.n)
        value_builder_set(&marks, STR("weir:lease"), value_string(arena, owner->lease));
    value_builder_set(&marks, STR("weir:stack"), value_string(arena, owner->stack));
    if (owner->lineage.n)
        value_builder_set(&marks, STR("weir:state"), value_string(arena, owner->lineage));
    return value_builder_map(&marks);
}

const struct value *mark_among(struct arena *arena, const struct value *tags)
{
    struct str prefix = STR("weir:");
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(arena);
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        if (str_starts(tags->entries[i].key, prefix))
            value_builder_set(&own, str_slice(tags->entries[i].key, prefix.n, tags->entries[i].key.n),
                tags->entries[i].value);
    return value_builder_map(&own);
}

int mark_refuse(struct str stack, const char *done, struct err *err)
{
    if (stack.n)
        err_set(
            err, ERR_FAILED, "it bears the marks of the stack \"%.*s\", and is not %s", STR_ARG(stack), done);
    else
        err_set(
            err, ERR_FAILED, "it bears none of the marks that this stack made it with, and is not %s", done);
    return err_hint(err,
        "`weir state rm` lets go of it as it is; should it be this stack's all the same, import "
        "it after that");
}
