/* JSONata expressions in definitions: {% $states.input.n + 1 %}. They are not parsed; what cannot be closed
 * or opened is found all the same. */
#include "provider/notation/asl_check.h"

enum { MAX_OPEN = 256 };

bool asl_is_jsonata(const struct value *v)
{
    return v->kind == VALUE_STRING && v->string.n >= 4 && str_starts(v->string, STR("{%")) &&
           str_ends(v->string, STR("%}"));
}

/* Behind the quote that closes; the text's end where none does. */
static size_t after_quote(struct str text, size_t at)
{
    char quote = text.p[at];
    for (at++; at < text.n && text.p[at] != quote; at++)
        at += text.p[at] == '\\' && quote != '`';
    return at < text.n ? at + 1 : text.n + 1;
}

/* A slash may begin a regular expression, in which brackets mean nothing. */
static const char *brackets_wrong(struct str text)
{
    static const char opening[] = "([{", closing[] = ")]}";
    char open[MAX_OPEN];
    size_t depth = 0;
    for (size_t at = 0; at < text.n;) {
        char c = text.p[at];
        if (c == '/')
            return NULL;
        if (char_is_among(c, "'\"`")) {
            at = after_quote(text, at);
            if (at > text.n)
                return "a quote is not closed";
            continue;
        }
        const char *begins = c ? strchr(opening, c) : NULL, *ends = c ? strchr(closing, c) : NULL;
        if (begins && depth == MAX_OPEN)
            return NULL;
        if (begins)
            open[depth++] = closing[begins - opening];
        if (ends && (!depth || open[--depth] != c))
            return "brackets do not match";
        at++;
    }
    return depth ? "brackets do not match" : NULL;
}

const char *asl_jsonata_wrong(struct str text)
{
    struct str inside = str_trim(str_slice(text, 2, text.n - 2));
    return inside.n ? brackets_wrong(inside) : "there is nothing in it";
}
