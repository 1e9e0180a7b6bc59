/*
 * Path patterns with git's rules. `*`, `?` and `[…]` match within one path component, `**` matches any number
 * of components. Bytes are compared, independent of the locale; the time is proportional to the product of
 * both lengths.
 *
 * glob_match() matches a whole path. Rules are the patterns of .gitignore: a pattern without a slash (except
 * at its end) matches a name at any depth, any other matches the path relative to the rule's folder. A slash
 * at the end means folders only, `!` cancels an earlier rule. The last matching rule counts.
 */
#pragma once

#include "base/arena.h"

enum { GLOB_PERIOD = 1 /* a wildcard does not match a dot at the start of a name */ };

/* Both are slices without a leading slash. */
bool glob_match(struct str pattern, struct str path, int flags);

enum {
    WILDCARD_ANY_CASE = 1,
    WILDCARD_ESCAPES = 2 /* a backslash before a character: the character itself */
};

/* Matches a whole text, of any characters: `many` matches any number of them, `one` a single one (0: no such
 * wildcard). Takes at most pattern.n * text.n steps. */
bool wildcard_match(struct str pattern, struct str text, char many, char one, int flags);

struct glob_rule {
    struct str pattern;
    struct str base; /* the folder that the rule belongs to, "" or "a/b"; paths outside of it do not match */
    bool negated, folders_only, anchored;
};

/*
 * Parses one line of a .gitignore, or one pattern of a list (`comments` is false: `#` and `!` are ordinary
 * characters). False: no pattern. The slices are kept by reference.
 */
bool glob_rule_parse(struct str line, struct str base, bool comments, struct glob_rule *out);
bool glob_rule_fits(const struct glob_rule *rule, struct str path, bool folder);
/* A growing list of rules, on the heap. */
struct glob_rules {
    struct glob_rule *items;
    size_t n, cap;
};
void glob_rules_add(struct glob_rules *rules, const struct glob_rule *rule);
/* Returns 1 if the last matching rule includes the path, -1 if it is a `!` rule, 0 if none matches. */
int glob_rules_say(const struct glob_rule *rules, size_t n, struct str path, bool folder);

/*
 * Regular expressions, compiled once and used often. A compiled one lives in the arena and is never changed,
 * so any thread may use it. Backtracking is limited: a match that would take too long fails.
 */

struct regex_code;

/* Compiles for matching the whole text or any part of it. NULL: invalid, with the reason in *why (which may
 * be NULL). */
const struct regex_code *regex_compile(struct arena *arena, struct str pattern, bool whole, struct str *why);
bool regex_matches(const struct regex_code *regex, struct str text);
