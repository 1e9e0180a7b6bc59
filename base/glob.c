#include "base/glob.h"

#include <fnmatch.h>
#include <limits.h>

/* One step of a path against one of a pattern; what is longer than a file name can be matches nothing. */
static bool step_matches(struct str pattern, struct str name, int flags)
{
    char p[NAME_MAX + 1], n[NAME_MAX + 1];
    if (pattern.n >= sizeof p || name.n >= sizeof n)
        return false;
    memcpy(p, pattern.p, pattern.n);
    memcpy(n, name.p, name.n);
    p[pattern.n] = n[name.n] = '\0';
    return fnmatch(p, n, flags & GLOB_PERIOD ? FNM_PERIOD : 0) == 0;
}

bool glob_match(struct str pattern, struct str path, int flags)
{
    struct str more_pattern, more_path;
    struct str step = str_cut(pattern, '/', &more_pattern);
    if (str_eqz(step, "**")) {
        while (more_pattern.p && (str_eqz(more_pattern, "**") || str_starts(more_pattern, STR("**/"))))
            str_cut(more_pattern, '/', &more_pattern); /* several in a row say no more than one */
        if (!more_pattern.p)
            return true;
        if (glob_match(more_pattern, path, flags))
            return true;
        str_cut(path, '/', &more_path);
        return more_path.p && glob_match(pattern, more_path, flags);
    }
    struct str name = str_cut(path, '/', &more_path);
    if (!step_matches(step, name, flags))
        return false;
    if (!more_pattern.p || !more_path.p)
        return more_pattern.p == more_path.p;
    return glob_match(more_pattern, more_path, flags);
}

/* Blanks at the end do not count, unless a backslash stands before them. */
static struct str without_blanks(struct str line)
{
    while (line.n && (line.p[line.n - 1] == '\r' || line.p[line.n - 1] == '\n'))
        line.n--;
    while (line.n && line.p[line.n - 1] == ' ' && !(line.n > 1 && line.p[line.n - 2] == '\\'))
        line.n--;
    return line;
}

bool glob_rule_parse(struct str line, struct str base, bool comments, struct glob_rule *out)
{
    struct glob_rule rule = {.base = base};
    line = comments ? without_blanks(line) : line;
    if (comments && line.n && line.p[0] == '#')
        return false;
    if (comments && line.n && line.p[0] == '!') {
        rule.negated = true;
        line = str_slice(line, 1, line.n);
    }
    if (line.n && line.p[line.n - 1] == '/') {
        rule.folders_only = true;
        line.n--;
    }
    rule.anchored = str_find_char(line, '/', 0) >= 0;
    if (line.n && line.p[0] == '/')
        line = str_slice(line, 1, line.n);
    if (str_starts(line, STR("./")))
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
    if (rule->anchored)
        return glob_match(rule->pattern, path, 0);
    for (ptrdiff_t at; (at = str_find_char(path, '/', 0)) >= 0;)
        path = str_slice(path, (size_t)at + 1, path.n);
    return glob_match(rule->pattern, path, 0);
}

int glob_rules_say(const struct glob_rule *rules, size_t n, struct str path, bool folder)
{
    for (size_t i = n; i > 0; i--)
        if (glob_rule_fits(&rules[i - 1], path, folder))
            return rules[i - 1].negated ? -1 : 1;
    return 0;
}
