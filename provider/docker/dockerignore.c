/*
 * .dockerignore: each pattern is a path below the context (not a name at any depth, as with git), `**` stands
 * for any number of folders, and a pattern that fits a folder fits all that lies in it, unless a later one
 * with `!` takes some of it back.
 */
#include "provider/docker/context.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>

enum { RULES_MAX = 1 << 20 };

/* Go's filepath.Clean, as far as patterns go: no "./", "//", no slash at the ends. */
static struct str clean(struct arena *arena, struct str pattern)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (struct str rest = pattern, step; rest.p;) {
        step = str_cut(rest, '/', &rest);
        if (!step.n || str_eqz(step, "."))
            continue;
        if (str_eqz(step, "..")) { /* a/../b */
            while (out.n && out.p[out.n - 1] != '/')
                out.n--;
            out.n -= out.n != 0;
            continue;
        }
        if (out.n)
            buf_add_char(&out, '/');
        buf_add_str(&out, step);
    }
    return arena_str(arena, buf_str(&out));
}

void dockerignore_add(struct dockerignore *rules, struct arena *arena, struct str line)
{
    bool comment = str_starts(line, STR("#"));
    line = str_trim(line);
    bool negated = str_starts(line, STR("!"));
    struct str pattern = clean(arena, negated ? str_trim(str_slice(line, 1, line.n)) : line);
    if (comment || !pattern.n)
        return;
    MEM_GROW(rules->items, rules->cap, rules->n + 1);
    rules->items[rules->n++] =
        (struct glob_rule){.pattern = pattern, .base = STR_EMPTY, .negated = negated, .anchored = true};
    rules->takes_back = rules->takes_back || negated;
}

int dockerignore_read(struct dockerignore *rules, struct arena *arena, struct str folder,
    struct str dockerfile, struct err *err)
{
    struct str text,
        own = path_join(arena, folder, arena_printf(arena, "%.*s.dockerignore", STR_ARG(dockerfile)));
    *rules = (struct dockerignore){0};
    if (!path_exists(own.p))
        own = path_join(arena, folder, STR(".dockerignore"));
    if (!path_exists(own.p))
        return 0;
    if (file_read(arena, own.p, RULES_MAX, &text, err)) {
        err->class = ERR_INVALID; /* it may keep a secret out */
        return -1;
    }
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_slice(text, 3, text.n);
    while (text.p && text.n)
        dockerignore_add(rules, arena, str_cut(text, '\n', &text));
    return 0;
}

/* Does it fit the path, or a folder that it lies in? */
static bool dockerignore_fits(const struct glob_rule *rule, struct str path)
{
    for (size_t end = path.n; end > 0; end--)
        if ((end == path.n || path.p[end] == '/') && glob_rule_fits(rule, str_slice(path, 0, end), true))
            return true;
    return false;
}

bool dockerignore_says(const struct dockerignore *rules, struct str path)
{
    bool out = false;
    for (size_t i = 0; i < rules->n; i++)
        if (rules->items[i].negated == out && dockerignore_fits(&rules->items[i], path))
            out = !out;
    return out;
}

void dockerignore_release(struct dockerignore *rules)
{
    free(rules->items);
    *rules = (struct dockerignore){0};
}
