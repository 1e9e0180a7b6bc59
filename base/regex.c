/* Regular expressions by PCRE2: see regex.h. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "base/regex.h"

#include <pcre2.h>

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
