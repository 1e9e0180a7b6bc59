/* Marks: how an address is spelt in one, and the refusal to touch what bears those of others. */
#include "provider/ownership_tag.h"

#include "base/buf.h"
#include "base/clock.h"
#include "provider/provider.h"

#include <ctype.h>

enum { SAME_WITHIN_MS = 1000 };

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

static struct ownership nobody_knows(void)
{
    return (struct ownership){.whose = WHOSE_NOBODY_KNOWS,
        .says =
            STR("it has no ownership tags, and nothing else shows that it is still what this stack made")};
}

struct ownership mark_whose(struct arena *arena, const struct owner *owner, const struct value *marks)
{
    struct str stack = value_gets(marks, "stack"), state = value_gets(marks, "state");
    bool renamed = state.n && str_eq(state, owner->lineage);
    if (str_eq(stack, owner->stack) || renamed || (!stack.n && owner->unmarked))
        return (struct ownership){.whose = WHOSE_OURS};
    if (stack.n)
        return (struct ownership){.whose = WHOSE_OTHERS,
            .says = arena_printf(arena, "it has the ownership tags of the stack \"%.*s\"", STR_ARG(stack))};
    return nobody_knows();
}

/* Services round times, and not always alike. */
static bool is_same(const struct value *a, const struct value *b)
{
    int64_t a_ms, b_ms;
    if (time_parse_rfc3339(value_text(a, STR_EMPTY), &a_ms) &&
        time_parse_rfc3339(value_text(b, STR_EMPTY), &b_ms))
        return a_ms - b_ms < SAME_WITHIN_MS && b_ms - a_ms < SAME_WITHIN_MS;
    return value_equal(a, b);
}

struct ownership mark_compare(struct arena *arena, const struct value *recorded, const struct value *live,
    const struct str *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct value *was = value_get(recorded, names[i]), *is = value_get(live, names[i]);
        if (value_is_null(was) || value_is_null(is))
            continue;
        if (is_same(was, is))
            return (struct ownership){.whose = WHOSE_OURS};
        return (struct ownership){.whose = WHOSE_OTHERS,
            .says = arena_printf(arena,
                "it has no ownership tags, and its %.*s is not the recorded one: it was made anew by "
                "somebody",
                STR_ARG(names[i]))};
    }
    return nobody_knows();
}

int mark_refuse(const struct ownership *ownership, const char *done, struct err *err)
{
    err_set(err, ERR_FAILED, "%.*s, so it is not %s", STR_ARG(ownership->says), done);
    if (ownership->whose == WHOSE_NOBODY_KNOWS)
        return err_hint(err, "--delete-adopted agrees to it all the same; `weir state rm` forgets it");
    return err_hint(err,
        "`weir state rm` forgets it as it is; should it be this stack's all the same, import "
        "it after that");
}
