/* Regular expressions with PCRE2, with limits on backtracking so that no pattern hangs. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "stacks/expressions/func.h"

#include <pcre2.h>

enum { MATCH_LIMIT = 1000 * 1000, HEAP_LIMIT_KIB = 16 * 1024 };

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
};

static void regex_release(struct regex *regex)
{
    pcre2_match_data_free(regex->match);
    pcre2_match_context_free(regex->context);
    pcre2_code_free(regex->code);
}
#define AUTO_REGEX __attribute__((cleanup(regex_release)))

/* Compiles argument i. Returns false after an error. */
static bool regex_init(struct regex *regex, struct call *call, size_t i)
{
    struct str pattern = arg_text(call, i);
    int code;
    size_t at;
    *regex = (struct regex){0};
    regex->code = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_UTF, &code, &at, NULL);
    if (!regex->code) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof why);
        call_fail(call, i, "not a regular expression: %s at character %zu", (const char *)why, at + 1);
        return false;
    }
    regex->match = pcre2_match_data_create_from_pattern(regex->code, NULL);
    regex->context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(regex->context, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
    return true;
}

static void fail_match(struct call *call, int code)
{
    PCRE2_UCHAR why[128];
    pcre2_get_error_message(code, why, sizeof why);
    call_fail(call, call->n, "the match was stopped: %s", (const char *)why);
}

/* Returns 1 if found, 0 if not, -1 after an error. */
static int regex_next(struct regex *regex, struct call *call, struct str text, size_t from, uint32_t options)
{
    int n = pcre2_match(regex->code, (PCRE2_SPTR)text.p, text.n, from, options, regex->match, regex->context);
    if (n == PCRE2_ERROR_NOMATCH)
        return 0;
    if (n < 0)
        fail_match(call, n);
    return n < 0 ? -1 : 1;
}

static const struct value *group(const struct regex *regex, struct arena *arena, struct str text, uint32_t i)
{
    const size_t *ends = pcre2_get_ovector_pointer(regex->match);
    uint32_t groups = pcre2_get_ovector_count(regex->match);
    if (i >= groups || ends[2 * i] == PCRE2_UNSET || ends[2 * i] > ends[2 * i + 1])
        return &value_null;
    return value_string(arena, str_slice(text, ends[2 * i], ends[2 * i + 1]));
}

/* Returns the whole match, a list of the groups if there are any, or a map if they have names. */
static const struct value *match_value(const struct regex *regex, struct arena *arena, struct str text)
{
    uint32_t groups = 0, named = 0, entry_size = 0;
    PCRE2_SPTR table = NULL;
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &named);
    if (!groups)
        return group(regex, arena, text, 0);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (!named) {
        for (uint32_t i = 1; i <= groups; i++)
            value_builder_add(&b, group(regex, arena, text, i));
        return value_builder_list(&b);
    }
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);
    for (uint32_t i = 0; i < named; i++, table += entry_size) {
        uint32_t number = (uint32_t)(table[0] << 8 | table[1]);
        struct str name = arena_str(arena, str_z((const char *)table + 2));
        value_builder_set(&b, name, group(regex, arena, text, number));
    }
    return value_builder_map(&b);
}

const struct value *func_regex(struct call *call)
{
    struct str text = arg_text(call, 1);
    AUTO_REGEX struct regex regex;
    if (!regex_init(&regex, call, 0))
        return NULL;
    int found = regex_next(&regex, call, text, 0, 0);
    if (found == 0)
        call_fail(call, 1, "%s does not match", call_quote(call, 1).p);
    return found > 0 ? match_value(&regex, call->arena, text) : NULL;
}

/* ---- all matches ---- */

struct matches {
    struct regex *regex;
    struct call *call;
    struct str text;
    size_t from;
    uint32_t options;
    size_t start, end; /* of the last match */
};

/* Returns 1 for the next match, 0 at the end, -1 after an error. */
static int matches_next(struct matches *m)
{
    while (m->from <= m->text.n) {
        int found = regex_next(m->regex, m->call, m->text, m->from, m->options);
        if (found > 0) {
            const size_t *ends = pcre2_get_ovector_pointer(m->regex->match);
            m->start = ends[0];
            m->end = ends[1] > ends[0] ? ends[1] : ends[0]; /* \K may set the start behind the end */
            m->from = m->end;
            /* UTF-8 is checked once. After an empty match the next match must not be empty. */
            m->options = PCRE2_NO_UTF_CHECK;
            if (m->end == m->start)
                m->options |= PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED;
        }
        if (found || !(m->options & PCRE2_ANCHORED))
            return found;
        m->options = PCRE2_NO_UTF_CHECK;
        m->from++;
        while (m->from < m->text.n && ((unsigned char)m->text.p[m->from] & 0xc0) == 0x80)
            m->from++;
    }
    return 0;
}

const struct value *func_regexall(struct call *call)
{
    AUTO_REGEX struct regex regex;
    if (!regex_init(&regex, call, 0))
        return NULL;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    struct matches matches = {.regex = &regex, .call = call, .text = arg_text(call, 1)};
    int found;
    while ((found = matches_next(&matches)) > 0) {
        if (!call_take_items(call, 1))
            return NULL;
        value_builder_add(&all, match_value(&regex, call->arena, matches.text));
    }
    return found < 0 ? NULL : value_builder_list(&all);
}

/* ---- replacing ---- */

enum { PIECES_MAX = 64 };

/* A part of a replacement: literal text, or a group if text.p is NULL. */
struct piece {
    struct str text;
    int group;
};

/* Parses the group after a `$`: 1, {1} or {name}. Returns -1 if there is no such group. */
static int read_group(const struct regex *regex, struct arena *arena, struct str by, size_t *at)
{
    bool braces = *at < by.n && by.p[*at] == '{';
    size_t start = *at + braces, end = start;
    while (
        end < by.n && (braces ? by.p[end] != '}' : end - start < 2 && by.p[end] >= '0' && by.p[end] <= '9'))
        end++;
    struct str name = str_slice(by, start, end);
    int64_t number;
    *at = end + braces;
    if (!name.n || (braces && end == by.n))
        return -1;
    if (!str_to_int(name, &number))
        number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)arena_strz(arena, name));
    uint32_t groups = 0;
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &groups);
    return number >= 0 && number <= groups ? (int)number : -1;
}

/* Returns the number of pieces, or -1 after an error. */
static int read_replacement(const struct regex *regex, struct call *call, struct str by, struct piece *pieces)
{
    int n = 0;
    for (size_t at = 0; at < by.n;) {
        if (n == PIECES_MAX) {
            call_fail(call, 2, "the replacement has more than %d pieces", PIECES_MAX);
            return -1;
        }
        struct piece *piece = &pieces[n++];
        ptrdiff_t dollar = str_find_char(by, '$', at);
        if (dollar != (ptrdiff_t)at) {
            size_t end = dollar < 0 ? by.n : (size_t)dollar;
            *piece = (struct piece){.text = str_slice(by, at, end)};
            at = end;
        } else if (++at < by.n && by.p[at] == '$') {
            *piece = (struct piece){.text = STR("$")};
            at++;
        } else {
            *piece = (struct piece){.group = read_group(regex, call->arena, by, &at)};
            if (piece->group < 0) {
                call_fail(call, 2, "the replacement names a group that is not there; a $ itself is $$");
                return -1;
            }
        }
    }
    return n;
}

static void add_replacement(struct buf *out, const struct matches *m, const struct piece *pieces, int n)
{
    const size_t *ends = pcre2_get_ovector_pointer(m->regex->match);
    for (int i = 0; i < n; i++) {
        struct str text = pieces[i].text;
        size_t from = ends[2 * pieces[i].group], to = ends[2 * pieces[i].group + 1];
        if (!text.p && from != PCRE2_UNSET)
            text = str_slice(m->text, from, to);
        buf_add_str(out, text);
    }
}

/* Does not use pcre2_substitute(), which continues to compute the needed length long after the limit is
 * exceeded. */
const struct value *func_regexreplace(struct call *call)
{
    AUTO_REGEX struct regex regex;
    if (!regex_init(&regex, call, 1))
        return NULL;
    struct piece pieces[PIECES_MAX];
    int n = read_replacement(&regex, call, arg_text(call, 2), pieces), found;
    if (n < 0)
        return NULL;
    AUTO_BUF struct buf out = {.max = call_bytes_left(call)};
    struct matches matches = {.regex = &regex, .call = call, .text = arg_text(call, 0)};
    size_t copied = 0;
    while ((found = matches_next(&matches)) > 0 && !out.overflow) {
        if (matches.start > copied)
            buf_add_str(&out, str_slice(matches.text, copied, matches.start));
        add_replacement(&out, &matches, pieces, n);
        copied = matches.end;
    }
    buf_add_str(&out, str_slice(matches.text, copied, matches.text.n));
    return found < 0 ? NULL : call_text(call, &out);
}
