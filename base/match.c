/* Path patterns with git's rules, and regular expressions by PCRE2: see match.h. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/match.h"

#include "base/mem.h"

#include <ctype.h>
#include <pcre2.h>

/* ---- matching ---- */

static bool class_has(struct str name, unsigned char c, bool *known)
{
    static const struct {
        struct str name;
        int (*has)(int c);
    } classes[] = {{STR_INIT("alnum"), isalnum}, {STR_INIT("alpha"), isalpha}, {STR_INIT("blank"), isblank},
        {STR_INIT("cntrl"), iscntrl}, {STR_INIT("digit"), isdigit}, {STR_INIT("graph"), isgraph},
        {STR_INIT("lower"), islower}, {STR_INIT("print"), isprint}, {STR_INIT("punct"), ispunct},
        {STR_INIT("space"), isspace}, {STR_INIT("upper"), isupper}, {STR_INIT("xdigit"), isxdigit}};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (str_eq(classes[i].name, name))
            return c < 0x80 && classes[i].has(c);
    *known = false;
    return false;
}

/* Reads a member of a set, after a backslash if there is one. 0 at the end of the pattern. */
static unsigned char member(struct str p, size_t *at)
{
    if (*at < p.n && p.p[*at] == '\\')
        ++*at;
    return *at < p.n ? (unsigned char)p.p[(*at)++] : 0;
}

/* Returns the name in "[:alpha:]" at this position; n 0: none. */
static struct str class_name(struct str p, size_t at)
{
    if (!str_starts(str_slice(p, at, p.n), STR("[:")))
        return STR_EMPTY;
    ptrdiff_t end = str_find_char(p, ']', at);
    return end > (ptrdiff_t)at + 2 && p.p[end - 1] == ':' ? str_slice(p, at + 2, (size_t)end - 1) : STR_EMPTY;
}

/* True if the set whose '[' is at *at contains c. Moves past its ']'; a set without one is empty. */
static bool set_has(struct str p, size_t *at, unsigned char c)
{
    size_t i = *at + 1;
    bool known = true, has = false, negated = i < p.n && (p.p[i] == '!' || p.p[i] == '^');
    i += negated;
    for (bool first = true; known && (first || (i < p.n && p.p[i] != ']')); first = false) {
        struct str name = class_name(p, i);
        if (name.n) {
            has |= class_has(name, c, &known);
            i += name.n + 4;
            continue;
        }
        unsigned char from = member(p, &i), to = from;
        if (i + 1 < p.n && p.p[i] == '-' && p.p[i + 1] != ']') {
            i++;
            to = member(p, &i);
        }
        has |= c == from || (c >= from && c <= to); /* git: also for a reversed range */
        known &= to != 0;
    }
    *at = i + 1;
    return known && i < p.n && has != negated && c != '/';
}

/* True if the pattern at this position matches the byte. Moves past it. */
static bool glob_takes(struct str p, size_t *at, unsigned char c)
{
    if (p.p[*at] == '[')
        return set_has(p, at, c);
    bool any = p.p[*at] == '?';
    if (p.p[*at] == '\\')
        ++*at;
    unsigned char wanted = *at < p.n ? (unsigned char)p.p[(*at)++] : 0;
    return any ? c != '/' : wanted == c && wanted;
}

/* Returns the number of stars at this position. */
static size_t stars(struct str p, size_t at)
{
    size_t n = 0;
    while (at + n < p.n && p.p[at + n] == '*')
        n++;
    return n;
}

enum { NONE = -1 };

/*
 * Only the last star and the last "**" need backtracking: another match of an earlier one would not change
 * what can match after it.
 */
struct matching {
    struct str p, t;
    bool period;                     /* GLOB_PERIOD */
    size_t at, from;                 /* in the pattern, in the text */
    ptrdiff_t star, star_from;       /* in the pattern after the star, in the text after its match */
    ptrdiff_t any_depth, depth_from; /* the same for "**" and its slash */
};

/* True at a dot that no wildcard matches. */
static bool is_hidden(const struct matching *m, size_t from)
{
    return m->period && from < m->t.n && m->t.p[from] == '.' && (!from || m->t.p[from - 1] == '/');
}

/* Called at stars. True: the rest of the text matches. */
static bool take_stars(struct matching *m, size_t n)
{
    size_t end = m->at + n;
    bool starts = !m->at || m->p.p[m->at - 1] == '/', last = end == m->p.n;
    if (n > 1 && starts && (last || m->p.p[end] == '/')) {
        m->any_depth = (ptrdiff_t)end + 1;
        m->depth_from = (ptrdiff_t)m->from;
        m->star = NONE;
        m->at = end + 1;
        return last;
    }
    m->star = (ptrdiff_t)end;
    m->star_from = (ptrdiff_t)m->from;
    m->at = end;
    return false;
}

/* Backtracks to where a star matches more of the text. False: none can. */
static bool go_back(struct matching *m)
{
    if (m->star >= 0 && (size_t)m->star_from < m->t.n && m->t.p[m->star_from] != '/' &&
        !is_hidden(m, (size_t)m->star_from)) {
        m->at = (size_t)m->star;
        m->from = (size_t)++m->star_from;
        return true;
    }
    ptrdiff_t slash = m->any_depth >= 0 ? str_find_char(m->t, '/', (size_t)m->depth_from) : NONE;
    if (slash < 0)
        return false;
    m->star = NONE;
    m->at = (size_t)m->any_depth;
    m->from = (size_t)slash + 1;
    m->depth_from = slash + 1;
    return true;
}

/* True if the next pattern item matches the next byte of the text. */
static bool take_one(struct matching *m)
{
    if (m->at >= m->p.n || m->from >= m->t.n)
        return false;
    bool wild = m->p.p[m->at] == '?' || m->p.p[m->at] == '[';
    if ((wild && is_hidden(m, m->from)) || !glob_takes(m->p, &m->at, (unsigned char)m->t.p[m->from]))
        return false;
    m->from++;
    return true;
}

/* Compares bytes, since names need not be UTF-8. */
bool glob_match(struct str pattern, struct str path, int flags)
{
    struct matching m = {.p = pattern, .t = path, .star = NONE, .any_depth = NONE};
    m.period = flags & GLOB_PERIOD;
    for (;;) {
        size_t n = stars(m.p, m.at);
        if (n > 1 || (n && !is_hidden(&m, m.from))) {
            if (take_stars(&m, n))
                return true;
        } else if (m.at >= m.p.n && m.from >= m.t.n) {
            return true;
        } else if (!take_one(&m) && !go_back(&m)) {
            return false;
        }
    }
}

/* Backtracks to the last `many` only, so that the text is scanned at most once for each. */
bool wildcard_match(struct str pattern, struct str text, char many, char one, int flags)
{
    size_t p = 0, t = 0, last = SIZE_MAX, from = 0;
    while (t < text.n) {
        bool escaped = (flags & WILDCARD_ESCAPES) && p + 1 < pattern.n && pattern.p[p] == '\\';
        struct str wanted = p < pattern.n ? str_n(pattern.p + p + escaped, 1) : STR_EMPTY,
                   given = str_n(text.p + t, 1);
        if (p < pattern.n && pattern.p[p] == many) {
            last = p++;
            from = t;
        } else if (wanted.n && ((one && *wanted.p == one) || *wanted.p == *given.p ||
                                   ((flags & WILDCARD_ANY_CASE) && str_ieq(wanted, given)))) {
            p += 1 + escaped;
            t++;
        } else if (last != SIZE_MAX) {
            p = last + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == many)
        p++;
    return p == pattern.n;
}

/* ---- rules, as git reads them ---- */

/* Compares the part before the first wildcard separately, so that "a**" followed by "/b" matches at any depth
 * below names that begin with a. */
static bool pattern_fits(struct str pattern, struct str path)
{
    size_t plain = 0;
    while (plain < pattern.n && !strchr("*?[\\", pattern.p[plain]))
        plain++;
    return str_starts(path, str_slice(pattern, 0, plain)) &&
           glob_match(str_slice(pattern, plain, pattern.n), str_slice(path, plain, path.n), 0);
}

/* Removes blanks at the end, unless they are after a backslash. */
static struct str without_blanks(struct str line)
{
    size_t kept = 0;
    if (str_ends(line, STR("\r")))
        line.n--;
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '\\')
            i++;
        else if (line.p[i] == ' ')
            continue;
        kept = i + 1 < line.n ? i + 1 : line.n;
    }
    return str_slice(line, 0, kept);
}

bool glob_rule_parse(struct str line, struct str base, bool comments, struct glob_rule *out)
{
    struct glob_rule rule = {.base = base};
    if (comments && str_starts(line, STR("#")))
        return false;
    line = comments ? without_blanks(line) : line;
    if (comments && str_starts(line, STR("!"))) {
        rule.negated = true;
        line = str_slice(line, 1, line.n);
    }
    if (str_ends(line, STR("/"))) {
        rule.folders_only = true;
        line.n--;
    }
    rule.anchored = str_find_char(line, '/', 0) >= 0;
    if (str_starts(line, STR("/")))
        line = str_slice(line, 1, line.n);
    if (!comments && str_starts(line, STR("./")))
        line = str_slice(line, 2, line.n);
    rule.pattern = line;
    *out = rule;
    return line.n > 0;
}

bool glob_rule_fits(const struct glob_rule *rule, struct str path, bool folder)
{
    if (rule->folders_only && !folder)
        return false;
    if (rule->base.n) {
        if (!str_starts(path, rule->base) || path.n <= rule->base.n || path.p[rule->base.n] != '/')
            return false;
        path = str_slice(path, rule->base.n + 1, path.n);
    }
    for (ptrdiff_t at; !rule->anchored && (at = str_find_char(path, '/', 0)) >= 0;)
        path = str_slice(path, (size_t)at + 1, path.n);
    return pattern_fits(rule->pattern, path);
}

void glob_rules_add(struct glob_rules *rules, const struct glob_rule *rule)
{
    MEM_GROW(rules->items, rules->cap, rules->n + 1);
    rules->items[rules->n++] = *rule;
}

int glob_rules_say(const struct glob_rule *rules, size_t n, struct str path, bool folder)
{
    for (size_t i = n; i > 0; i--)
        if (glob_rule_fits(&rules[i - 1], path, folder))
            return rules[i - 1].negated ? -1 : 1;
    return 0;
}

/* ---- regular expressions ---- */

enum { MATCH_LIMIT = 1000 * 1000, HEAP_LIMIT_KIB = 16 * 1024 };

static void *arena_malloc(size_t size, void *arena)
{
    return arena_alloc(arena, size);
}

static void arena_no_free(void *ptr UNUSED, void *arena UNUSED)
{
}

const struct regex_code *regex_compile(struct arena *arena, struct str pattern, bool whole, struct str *why)
{
    pcre2_general_context *general = pcre2_general_context_create(arena_malloc, arena_no_free, arena);
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    int code = 0;
    size_t at = 0;
    const uint32_t options =
        PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | (whole ? PCRE2_ANCHORED | PCRE2_ENDANCHORED : 0);
    const pcre2_code *regex = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &code, &at, context);
    if (!regex && why) {
        PCRE2_UCHAR text[128];
        pcre2_get_error_message(code, text, sizeof text);
        *why = arena_printf(arena, "%s at character %zu", (const char *)text, at + 1);
    }
    return (const struct regex_code *)regex;
}

bool regex_matches(const struct regex_code *regex, struct str text)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(context, MATCH_LIMIT);
    pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
    int result = pcre2_match((const pcre2_code *)regex, (PCRE2_SPTR)text.p, text.n, 0, 0, match, context);
    pcre2_match_context_free(context);
    pcre2_match_data_free(match);
    return result >= 0;
}
