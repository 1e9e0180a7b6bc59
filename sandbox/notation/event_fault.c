/*
 * Where in its text a pattern is wrong: see event_fault.h. The services' parser stands behind the token that
 * it has read last, but for texts, of which it has read the quote that begins them.
 */
#include "sandbox/notation/event_fault.h"

#include "base/buf.h"
#include "provider/notation/event_pattern.h"

#include <ctype.h>

static size_t after_space(struct str text, size_t at)
{
    while (at < text.n && (isspace((unsigned char)text.p[at]) || text.p[at] == ',' || text.p[at] == ':'))
        at++;
    return at;
}

/* Behind the text that begins here. */
static size_t after_text(struct str text, size_t at)
{
    for (at++; at < text.n && text.p[at] != '"'; at++)
        at += text.p[at] == '\\';
    return at + 1;
}

/* Behind a number or a word. */
static size_t after_word(struct str text, size_t at)
{
    while (at < text.n && !isspace((unsigned char)text.p[at]) && !strchr(",]}", text.p[at]))
        at++;
    return at;
}

/* Behind the value that begins here, whatever is in it. */
static size_t after_value(struct str text, size_t at)
{
    size_t depth = 0;
    do {
        at = after_space(text, at);
        char c = at < text.n ? text.p[at] : '\0';
        depth += c == '{' || c == '[';
        depth -= (c == '}' || c == ']') && depth;
        at = c == '"' ? after_text(text, at) : strchr("{}[]", c) ? at + 1 : after_word(text, at);
    } while (depth && at < text.n);
    return at;
}

/* Where the value of this key, or of this index, begins; or the end of what has none. */
static size_t step_into(struct str text, size_t at, const struct value *step)
{
    bool list = step->kind == VALUE_INT;
    at = after_space(text, at + 1);
    for (int64_t i = 0; at < text.n && text.p[at] != ']' && text.p[at] != '}'; i++) {
        size_t key = at;
        at = list ? at : after_space(text, after_text(text, at));
        struct str name = list ? STR_EMPTY : str_slice(text, key + 1, after_text(text, key) - 1);
        if (list ? i == step->integer : str_eq(name, step->string))
            return at;
        at = after_space(text, after_value(text, at));
    }
    return at;
}

static size_t place_of_fault(struct str text, const struct event_pattern_fault *fault)
{
    size_t at = after_space(text, 0);
    for (uint32_t i = 0; i < fault->path->count && at < text.n && (text.p[at] == '{' || text.p[at] == '[');
         i++)
        at = step_into(text, at, fault->path->items[i]);
    if (at >= text.n)
        return text.n;
    return text.p[at] == '"'            ? (fault->read ? after_text(text, at) : at + 1)
           : strchr("{}[]", text.p[at]) ? at + 1
                                        : after_word(text, at);
}

struct str event_fault_said(struct arena *arena, const struct value *pattern, struct str text)
{
    struct event_pattern_fault fault;
    AUTO_BUF struct buf said = BUF_INIT;
    if (!event_pattern_fault(arena, pattern, &fault))
        return STR_EMPTY;
    struct str before = str_slice(text, 0, place_of_fault(text, &fault));
    size_t line = 1, begin = 0;
    for (size_t i = 0; i < before.n; i++)
        if (before.p[i] == '\n') {
            line++;
            begin = i + 1;
        }
    buf_addz(&said, fault.why);
    for (int times = fault.nowhere || !text.n ? 0 : fault.twice ? 2 : 1; times > 0; times--)
        buf_addf(&said, "\n at [Source: (String)\"%.*s\"; line: %zu, column: %zu]", STR_ARG(text), line,
            str_code_points(str_slice(before, begin, before.n)) + 1);
    return arena_str(arena, buf_str(&said));
}
