/* Wildcards and policy variables. */
#include "provider/iam/internal.h"

#include "base/buf.h"

#include <ctype.h>

/* Bytes that no text in a document has; wildcards are turned into them, so that ${*} can be a star. */
enum { STAR = '\1', ANY = '\2' };

/* ---- making ---- */

/* What ${*}, ${?} and ${$} stand for. */
static bool special(struct str name, char *out)
{
    if (name.n != 1 || !strchr("*?$", name.p[0]))
        return false;
    *out = name.p[0];
    return true;
}

/* At a "${": the name up to its brace; *next is behind it. */
static bool read_variable(struct str text, size_t at, struct str *name, size_t *next)
{
    ptrdiff_t end = str_starts(str_slice(text, at, text.n), STR("${")) ? str_find_char(text, '}', at) : -1;
    if (end < 0)
        return false;
    *name = str_trim(str_slice(text, at + 2, (size_t)end));
    *next = (size_t)end + 1;
    return true;
}

struct iam_pattern pattern_make(struct arena *arena, struct str written, bool wild, bool variables)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct iam_pattern made = {.written = written};
    for (size_t i = 0; i < written.n; i++) {
        char c = written.p[i];
        size_t next;
        struct str name;
        if (variables && read_variable(written, i, &name, &next)) {
            if (special(name, &c)) {
                buf_add_char(&out, c);
            } else {
                buf_add_str(&out, str_slice(written, i, next));
                made.variables = true;
            }
            i = next - 1;
            continue;
        }
        buf_add_char(&out, (char)(wild && c == '*' ? STAR : wild && c == '?' ? ANY : c));
    }
    made.text = arena_str(arena, buf_str(&out));
    return made;
}

/* ---- variables ---- */

static struct str pattern_lowered(char *out, size_t size, struct str text)
{
    size_t n = text.n < size ? text.n : size;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)tolower((unsigned char)text.p[i]);
    return str_n(out, n);
}

/* aws:username, or aws:PrincipalTag/team, 'none': what stands there where the request has nothing. */
static bool variable_value(struct str name, const struct value *context, struct str *out)
{
    char small[256];
    struct str fallback, key = str_trim(str_cut(name, ',', &fallback));
    const struct value *v = value_get(context, pattern_lowered(small, sizeof small, key));
    if (v && v->kind == VALUE_LIST) /* one text cannot be several */
        v = v->count == 1 ? v->items[0] : NULL;
    if (v && v->kind == VALUE_STRING) {
        *out = v->string;
        return true;
    }
    if (!fallback.p)
        return false;
    fallback = str_trim(fallback);
    bool quoted = fallback.n >= 2 && fallback.p[0] == '\'' && fallback.p[fallback.n - 1] == '\'';
    *out = quoted ? str_slice(fallback, 1, fallback.n - 1) : fallback;
    return true;
}

/* The text with its variables filled in; false: one of them has no value. Lives in the arena. */
static bool pattern_text(
    struct arena *arena, const struct iam_pattern *pattern, const struct value *context, struct str *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    *out = pattern->text;
    for (size_t i = 0; pattern->variables && i < pattern->text.n; i++) {
        struct str name, v;
        size_t next;
        if (!read_variable(pattern->text, i, &name, &next)) {
            buf_add_char(&text, pattern->text.p[i]);
            continue;
        }
        if (!variable_value(name, context, &v))
            return false;
        buf_add_str(&text, v);
        i = next - 1;
    }
    if (pattern->variables)
        *out = arena_str(arena, buf_str(&text));
    return true;
}

/* ---- matching ---- */

static bool pattern_same(char a, char b, bool any_case)
{
    return a == b || (any_case && tolower((unsigned char)a) == tolower((unsigned char)b));
}

/* Goes back to the last star only: each text is passed over once for each star at most. */
static bool text_matches(struct str pattern, struct str text, bool any_case)
{
    size_t p = 0, t = 0, star = SIZE_MAX, again = 0;
    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == STAR) {
            star = p++;
            again = t;
        } else if (p < pattern.n &&
                   (pattern.p[p] == ANY || pattern_same(pattern.p[p], text.p[t], any_case))) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++again;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == STAR)
        p++;
    return p == pattern.n;
}

static bool pattern_matches(
    const struct iam_pattern *pattern, struct str text, const struct value *context, bool any_case)
{
    if (!pattern->variables)
        return text_matches(pattern->text, text, any_case);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str filled;
    return pattern_text(&arena, pattern, context, &filled) && text_matches(filled, text, any_case);
}

bool pattern_is(const struct iam_pattern *pattern, struct str text, const struct value *context)
{
    return pattern_matches(pattern, text, context, false);
}

bool pattern_is_like_case(const struct iam_pattern *pattern, struct str text, const struct value *context)
{
    return pattern_matches(pattern, text, context, true);
}

/* Row by row of the pattern: which beginnings of the other can both be so far. What is open is one part of an
 * ARN. */
static bool meets(struct str pattern, struct str open, bool *now, bool *next)
{
    now[0] = true;
    for (size_t k = 0; k < open.n; k++)
        now[k + 1] = now[k] && open.p[k] == '*';
    for (size_t p = 0; p < pattern.n; p++) {
        bool star = pattern.p[p] == STAR;
        next[0] = now[0] && star;
        for (size_t k = 0; k < open.n; k++) {
            char c = open.p[k];
            bool one = c != '*' && now[k] && (pattern.p[p] == ANY || pattern.p[p] == c);
            next[k + 1] = star ? now[k + 1] || next[k]
                               : one || (c == '*' && ((now[k + 1] && pattern.p[p] != ':') || next[k]));
        }
        bool *swap = now;
        now = next;
        next = swap;
    }
    return now[open.n];
}

bool pattern_meets(const struct iam_pattern *pattern, struct str open, const struct value *context)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str filled;
    if (!pattern_text(&arena, pattern, context, &filled))
        return false;
    return meets(filled, open, ARENA_ARRAY(&arena, bool, open.n + 1), ARENA_ARRAY(&arena, bool, open.n + 1));
}

bool pattern_is_arn(const struct iam_pattern *pattern, struct str text, const struct value *context)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str filled, wanted, given;
    if (!pattern_text(&arena, pattern, context, &filled))
        return false;
    wanted = filled;
    given = text;
    if (wanted.n == 1 && wanted.p[0] == STAR)
        return true;
    for (int i = 0; i < 5; i++) {
        struct str rest_wanted, rest_given;
        if (!text_matches(str_cut(wanted, ':', &rest_wanted), str_cut(given, ':', &rest_given), false))
            return false;
        if (!rest_wanted.p || !rest_given.p)
            return !rest_wanted.p && !rest_given.p;
        wanted = rest_wanted;
        given = rest_given;
    }
    return text_matches(wanted, given, false);
}
