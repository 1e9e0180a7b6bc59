/* Regular expressions: PCRE2, with bounds on backtracking so that no pattern hangs. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "stacks/func.h"

#include "base/mem.h"

#include <pcre2.h>
#include <stdlib.h>

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

/* Compiles argument i; false after an error. */
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
    call_fail(call, call->n, "the match was given up: %s", (const char *)why);
}

/* 1: found, 0: not, -1 after an error. */
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

/* The whole match; a list of the groups where there are some; a map where they have names. */
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

const struct value *func_regexall(struct call *call)
{
    struct str text = arg_text(call, 1);
    AUTO_REGEX struct regex regex;
    if (!regex_init(&regex, call, 0))
        return NULL;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    size_t from = 0;
    uint32_t options = 0, checked = 0; /* that the text is UTF-8 is looked at once */
    while (from <= text.n) {
        int found = regex_next(&regex, call, text, from, options | checked);
        checked = PCRE2_NO_UTF_CHECK;
        if (found < 0)
            return NULL;
        if (!found) {
            if (!options)
                break;
            /* Nothing but the empty match here: one character on. */
            options = 0;
            from++;
            while (from < text.n && ((unsigned char)text.p[from] & 0xc0) == 0x80)
                from++;
            continue;
        }
        if (!call_take_items(call, 1))
            return NULL;
        value_builder_add(&all, match_value(&regex, call->arena, text));
        const size_t *ends = pcre2_get_ovector_pointer(regex.match);
        options = ends[0] >= ends[1] ? PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED : 0;
        from = ends[1];
    }
    return value_builder_list(&all);
}

const struct value *func_regexreplace(struct call *call)
{
    struct str text = arg_text(call, 0), by = arg_text(call, 2);
    AUTO_REGEX struct regex regex;
    if (!regex_init(&regex, call, 1))
        return NULL;
    const uint32_t options =
        PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH;
    size_t room = text.n * 2 + 64, limit = call_bytes_left(call);
    for (int attempt = 0; attempt < 2; attempt++) {
        size_t n = room;
        AUTO_FREE char *out = mem_alloc(room);
        int status = pcre2_substitute(regex.code, (PCRE2_SPTR)text.p, text.n, 0, options, regex.match,
            regex.context, (PCRE2_SPTR)by.p, by.n, (PCRE2_UCHAR *)out, &n);
        if (status >= 0)
            return value_string(call->arena, str_n(out, n));
        if (status == PCRE2_ERROR_NOMEMORY && n < limit) { /* n is now what it needs */
            room = n + 1;
            continue;
        }
        if (status == PCRE2_ERROR_NOMEMORY)
            call_text(call, &(struct buf){.overflow = true});
        else if (status == PCRE2_ERROR_BADREPLACEMENT || status == PCRE2_ERROR_NOSUBSTRING ||
                 status == PCRE2_ERROR_BADREPESCAPE || status == PCRE2_ERROR_REPMISSINGBRACE)
            call_fail(call, 2, "the replacement names a group that is not there; a $ itself is $$");
        else
            fail_match(call, status);
        return NULL;
    }
    return NULL;
}
