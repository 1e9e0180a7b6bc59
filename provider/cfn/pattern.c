/*
 * Patterns of JSON schemas, which are searched for and written for JavaScript or Java, as PCRE that the whole
 * text has to match.
 */
#include "provider/cfn/pattern.h"

#include "base/buf.h"

struct translation {
    struct str in;
    size_t at;
    struct buf out;
    bool in_class;
    bool after_set; /* within a class, behind \\w and the like: no range begins there */
    int depth;
    bool alternatives; /* outside all parentheses */
};

/* \p{Alpha} and its like, in PCRE's words. */
static struct str posix_class(struct str name)
{
    static const char *const names[][2] = {{"Alpha", "alpha"}, {"Digit", "digit"}, {"Alnum", "alnum"},
        {"Upper", "upper"}, {"Lower", "lower"}, {"Punct", "punct"}, {"Graph", "graph"}, {"Print", "print"},
        {"Blank", "blank"}, {"Space", "space"}, {"XDigit", "xdigit"}, {"Cntrl", "cntrl"}, {"ASCII", "ascii"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eqz(name, names[i][0]))
            return str_z(names[i][1]);
    return STR_EMPTY;
}

/* \uD800 to \uDFFF: half a character, as those count who have UTF-16. */
static bool is_half(struct str rest)
{
    return rest.n >= 6 && rest.p[0] == '\\' && rest.p[1] == 'u' && strchr("dD", rest.p[2]) &&
           strchr("89abcdefABCDEF", rest.p[3]);
}

/* However they are put together: all characters that have halves. */
static void add_halves(struct translation *t)
{
    while (t->at < t->in.n) {
        struct str rest = str_slice(t->in, t->at, t->in.n);
        size_t dash = rest.p[0] == '-';
        if (!is_half(str_slice(rest, dash, rest.n)))
            break;
        t->at += 6 + dash;
    }
    buf_addz(&t->out, "\\x{10000}-\\x{10FFFF}");
}

/* \uXXXX, \p{…}; what PCRE understands stays. */
static void add_escape(struct translation *t)
{
    struct str rest = str_slice(t->in, t->at, t->in.n);
    if (is_half(rest)) {
        add_halves(t);
        return;
    }
    t->after_set = t->in_class && rest.n > 1 && strchr("wWsSdDpP", rest.p[1]);
    ptrdiff_t end = str_find_char(rest, '}', 0);
    bool property = (str_starts(rest, STR("\\p{")) || str_starts(rest, STR("\\P{"))) && end > 0;
    struct str name = property ? str_slice(rest, 3, (size_t)end) : STR_EMPTY, posix = posix_class(name);
    if (rest.n >= 6 && rest.p[1] == 'u' && rest.p[2] != '{') {
        buf_addf(&t->out, "\\x{%.4s}", rest.p + 2);
        t->at += 6;
    } else if (posix.n) {
        const char *not = rest.p[1] == 'P' ? "^" : "";
        buf_addf(&t->out, t->in_class ? "[:%s%.*s:]" : "[[:%s%.*s:]]", not, STR_ARG(posix));
        t->at += (size_t)end + 1;
    } else if (str_starts(name, STR("Is"))) {
        buf_addf(&t->out, "\\%c{%.*s}", rest.p[1], (int)name.n - 2, name.p + 2);
        t->at += (size_t)end + 1;
    } else {
        size_t n = property ? (size_t)end + 1 : 2;
        buf_add_str(&t->out, str_slice(rest, 0, n));
        t->at += n;
    }
}

static void add_character(struct translation *t)
{
    char c = t->in.p[t->at++];
    bool after_set = t->after_set;
    t->after_set = false;
    if (t->in_class && c == '-' && after_set) {
        buf_addz(&t->out, "\\-");
        return;
    }
    if (c == '[' && t->in_class) { /* a character like any other, but PCRE looks for [: behind it */
        buf_addz(&t->out, "\\[");
        return;
    }
    t->in_class = c == '[' || (t->in_class && c != ']');
    if (!t->in_class)
        t->depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    t->alternatives |= c == '|' && !t->in_class && t->depth == 0;
    buf_add_char(&t->out, c);
}

struct str cfn_pattern(struct arena *arena, struct str pattern)
{
    struct translation t = {.in = pattern, .out = BUF_INIT};
    while (t.at < pattern.n)
        if (pattern.p[t.at] == '\\')
            add_escape(&t);
        else
            add_character(&t);
    struct str text = arena_str(arena, buf_str(&t.out));
    buf_release(&t.out);
    bool begins = str_starts(text, STR("^")) && !t.alternatives,
         ends = str_ends(text, STR("$")) && !t.alternatives;
    if (begins && ends)
        return text;
    return arena_printf(arena, "%s(?:%s)%s", begins ? "" : "[\\s\\S]*?", text.p, ends ? "" : "[\\s\\S]*");
}
