/* Which actions there are: AWS's own list, made by tools/iam-actions. */
#include "provider/iam/internal.h"

#include "base/embed.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

static int compare_ignoring_case(struct str a, struct str b)
{
    int order = strncasecmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Where the section begins that `at` lies in: at the last line up to there that is not indented. */
static size_t section_start(struct str all, size_t at)
{
    while (at && (all.p[at - 1] != '\n' || all.p[at] == ' '))
        at--;
    return at;
}

/* What stands below the service's prefix; false: there is no such service. They are in the order of their
 * names. */
static bool find_section(struct str all, struct str prefix, struct str *section)
{
    size_t low = 0, high = all.n;
    while (low < high) {
        size_t start = section_start(all, low + (high - low) / 2);
        struct str rest, line = str_cut(str_slice(all, start, all.n), '\n', &rest);
        size_t n = 0;
        while (n < rest.n && rest.p[n] == ' ')
            n = (size_t)str_find_char(rest, '\n', n) + 1;
        *section = str_slice(rest, 0, n);
        int order = compare_ignoring_case(line, prefix);
        if (!order)
            return true;
        if (order < 0)
            low = start + line.n + 1 + n;
        else
            high = start;
    }
    return false;
}

static struct str word_half(struct str word)
{
    return str_eqz(word, "-") ? STR_EMPTY : word;
}

/* Calls `visit` for each action of the section until it gives true. */
static bool any_action(
    struct str section, bool (*visit)(void *ctx, struct str verb, struct str noun), void *ctx)
{
    struct str line, verbs, nouns, left, noun;
    while (section.n) {
        line = str_trim(str_cut(section, '\n', &section));
        verbs = str_cut(line, ':', &nouns);
        for (nouns = str_trim(nouns); nouns.n;) {
            noun = word_half(str_cut(nouns, ' ', &nouns));
            for (left = verbs; left.n;) {
                struct str verb = word_half(str_cut(left, ' ', &left));
                if (visit(ctx, verb, noun))
                    return true;
            }
        }
    }
    return false;
}

/* Without stars: does one of the verbs begin the name, and one of the nouns end it? */
static bool has_action(struct str section, struct str name)
{
    struct str line, verbs, nouns, left;
    while (section.n) {
        line = str_trim(str_cut(section, '\n', &section));
        verbs = str_cut(line, ':', &nouns);
        while (verbs.n) {
            struct str verb = word_half(str_cut(verbs, ' ', &verbs));
            if (verb.n > name.n || !str_ieq(verb, str_slice(name, 0, verb.n)))
                continue;
            for (left = str_trim(nouns); left.n;)
                if (str_ieq(word_half(str_cut(left, ' ', &left)), str_slice(name, verb.n, name.n)))
                    return true;
        }
    }
    return false;
}

struct wanted {
    struct arena *arena;
    const struct iam_pattern *pattern;
    struct str prefix;
    struct str *names; /* those that were looked at; NULL: not kept */
    size_t n, cap;
};

static bool action_fits(void *ctx, struct str verb, struct str noun)
{
    struct wanted *w = ctx;
    char name[256];
    size_t n = verb.n + noun.n;
    if (n > sizeof name)
        return false;
    for (size_t i = 0; i < n; i++)
        name[i] = (char)tolower((unsigned char)(i < verb.n ? verb.p[i] : noun.p[i - verb.n]));
    return pattern_is(w->pattern, str_n(name, n), NULL);
}

static bool keep_action(void *ctx, struct str verb, struct str noun)
{
    struct wanted *w = ctx;
    MEM_GROW(w->names, w->cap, w->n + 1);
    w->names[w->n++] =
        arena_printf(w->arena, "%.*s:%.*s%.*s", STR_ARG(w->prefix), STR_ARG(verb), STR_ARG(noun));
    return false;
}

static struct str nearest_service(struct arena *arena, struct str all, struct str prefix)
{
    size_t n = 0, cap = 0;
    struct str *names = NULL, rest, line;
    for (; all.n; all = rest) {
        line = str_cut(all, '\n', &rest);
        if (str_starts(line, STR(" ")))
            continue;
        MEM_GROW(names, cap, n + 1);
        names[n++] = line;
    }
    struct str found = arena_str(arena, str_nearest(arena_lower(arena, prefix), names, n));
    free(names);
    return found;
}

bool iam_action_is_known(struct arena *arena, struct str action, struct str *nearest)
{
    const struct embedded_file *file = embedded_find(STR("provider/iam/actions.txt"));
    struct str name, prefix = str_cut(action, ':', &name), all = file ? embedded_text(file) : STR_EMPTY,
                     section;
    bool wild = str_find_char(name, '*', 0) >= 0 || str_find_char(name, '?', 0) >= 0;
    *nearest = STR_EMPTY;
    if (!file || !name.n || str_find_char(prefix, '*', 0) >= 0 || str_find_char(prefix, '?', 0) >= 0)
        return true;
    if (!find_section(all, prefix, &section)) {
        struct str service = nearest_service(arena, all, prefix), closer,
                   meant = arena_printf(arena, "%.*s:%.*s", STR_ARG(service), STR_ARG(name));
        if (service.n)
            *nearest = iam_action_is_known(arena, meant, &closer) ? meant : closer;
        return false;
    }
    const struct iam_pattern pattern = pattern_make(arena, arena_lower(arena, name), true, false);
    struct wanted wanted = {.arena = arena, .pattern = &pattern, .prefix = prefix};
    if (wild ? any_action(section, action_fits, &wanted) : has_action(section, name))
        return true;
    if (!wild) {
        any_action(section, keep_action, &wanted);
        *nearest = str_nearest(action, wanted.names, wanted.n);
        free(wanted.names);
    }
    return false;
}
