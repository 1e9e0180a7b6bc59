/*
 * Path patterns, as git matches them. `*`, `?` and `[…]` stay within one step of a path, `**` stands for any
 * number of steps. Bytes are compared, in any locale; the time is that of the text's length times the
 * pattern's.
 *
 * glob_match() compares a whole path with a pattern. Rules are patterns as .gitignore has them: one without a
 * slash (but at its end) means a name at any depth, any other means the path below the folder it is given
 * for; a slash at the end means folders only; `!` takes back what an earlier rule says. Of several rules that
 * fit, the last one counts.
 */
#pragma once

#include "base/arena.h"

enum { GLOB_PERIOD = 1 /* a wildcard does not match a dot at the start of a name */ };

/* Both as slices without a leading slash. */
bool glob_match(struct str pattern, struct str path, int flags);

struct glob_rule {
    struct str pattern;
    struct str base; /* the folder it is given for, "" or "a/b"; it says nothing of paths elsewhere */
    bool negated, folders_only, anchored;
};

/*
 * Reads one line of a .gitignore, or one pattern of a list (then `comments` is false: `#` and `!` are
 * characters like others). False where it says nothing. Keeps the slices.
 */
bool glob_rule_parse(struct str line, struct str base, bool comments, struct glob_rule *out);
bool glob_rule_fits(const struct glob_rule *rule, struct str path, bool folder);
/* 1: the last rule that fits takes the path, -1: it takes it back, 0: none fits. */
int glob_rules_say(const struct glob_rule *rules, size_t n, struct str path, bool folder);

/*
 * Regular expressions that are compiled once and asked often. A compiled one lives in the arena and is never
 * changed: any thread may ask it. Backtracking is bounded: what would take too long does not match.
 */

struct regex_code;

/* Of the whole text, or of any part of it. NULL: it is none; *why (or NULL) says what is wrong with it. */
const struct regex_code *regex_compile(struct arena *arena, struct str pattern, bool whole, struct str *why);
bool regex_matches(const struct regex_code *regex, struct str text);
