/*
 * Rules of .gitignore and patterns: a path, an end of line, then the rules. What they say must not depend on
 * rules that are given for another folder, and a pattern without wildcards means its own text.
 */
#include "base/match.h"

#include "base/arena.h"

#include <assert.h>

enum { RULES_MAX = 64 };

static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (memchr("*?[]\\!", s.p[i], 6) || !s.p[i])
            return false;
    return s.n > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct glob_rule rules[RULES_MAX + 1];
    struct str rest, path = str_cut(str_n((const char *)data, n), '\n', &rest);
    size_t count = 0;
    if (is_plain(path))
        assert(glob_match(path, path, 0));
    while (rest.p && count < RULES_MAX) {
        struct str line = str_cut(rest, '\n', &rest);
        assert(!glob_match(line, path, GLOB_PERIOD) || glob_match(line, path, 0));
        count += glob_rule_parse(line, STR_EMPTY, count % 4 != 3, &rules[count]);
    }
    for (int folder = 0; folder < 2; folder++) {
        int said = glob_rules_say(rules, count, path, folder);
        assert(glob_rule_parse(STR("*"), STR("an/other"), true, &rules[count]));
        if (!str_starts(path, STR("an/other/")))
            assert(glob_rules_say(rules, count + 1, path, folder) == said);
    }
    return 0;
}
