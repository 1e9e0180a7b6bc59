/* Paths as they are checked, and reference paths: they name exactly one place, $.a.b[0]. */
#include "provider/notation/asl_path.h"

struct place {
    struct str name; /* p NULL: an index */
    int64_t index;
};

static size_t read_places(struct path_reader *r, struct place *places, size_t max)
{
    size_t n = 0;
    path_root(r);
    while (!r->why && r->at < r->text.n && n < max) {
        places[n] = (struct place){0};
        if (path_peek(r) == '.') {
            r->at++;
            if (!path_name(r, &places[n].name) || str_eqz(places[n].name, "*"))
                path_wrong(r, "a reference path has names and numbers only");
        } else if (path_take(r, "[")) {
            path_spaces(r);
            if (!path_quoted(r, &places[n].name) && (!path_int(r, &places[n].index) || places[n].index < 0))
                path_wrong(r, "a reference path has names and numbers only");
            if (!path_take(r, "]"))
                path_wrong(r, "a reference path has names and numbers only");
        } else {
            path_wrong(r, "it goes on with something that is not a step");
        }
        n++;
    }
    if (r->at < r->text.n)
        path_wrong(r, "it is too long");
    return n;
}

enum { MAX_PLACES = 100 };

const char *asl_path_wrong(struct str path, bool reference)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct place places[MAX_PLACES];
    struct path_reader r = {.arena = &arena, .text = path, .document = &value_null, .context = &value_null};
    if (reference) {
        read_places(&r, places, MAX_PLACES);
        return r.why;
    }
    const char *why;
    path_steps(&r, path_root(&r));
    why = r.why;
    return !why && r.at < path.n ? "it goes on with something that is not a step" : why;
}

/* ---- what the service takes ---- */

/* Behind what closes these brackets; the text's end where nothing does. */
static size_t path_behind(struct str path, size_t at)
{
    size_t open = 0;
    char quote = '\0';
    for (; at < path.n; at++) {
        char c = path.p[at];
        if (quote) {
            at += c == '\\';
            quote = c == quote ? '\0' : quote;
        } else if (c == '\'' || c == '"') {
            quote = c;
        } else {
            open += c == '[' || c == '(';
            open -= (c == ']' || c == ')') && open;
            if (!open)
                return at + 1;
        }
    }
    return path.n + 1;
}

const char *asl_path_refused(struct str path)
{
    const char *why = asl_path_wrong(path, false);
    bool inside = str_find(path, STR("[?"), 0) >= 0 || str_find_char(path, '(', 0) >= 0;
    if (!why || !inside || !str_starts(path, STR("$")))
        return why;
    for (size_t at = 0; at < path.n;) {
        bool opens = path.p[at] == '[' || path.p[at] == '(';
        at = opens ? path_behind(path, at) : at + 1;
        if (at > path.n)
            return "a bracket is not closed";
    }
    return NULL;
}

/* ---- setting ---- */

static const struct value *with_item(
    struct arena *arena, const struct value *list, int64_t index, const struct value *v)
{
    const struct value **items = arena_alloc(arena, (list->count + 1) * sizeof *items);
    memcpy(items, list->items, list->count * sizeof *items);
    items[index] = v;
    return value_list(arena, items, list->count);
}

static const struct value *set_at(struct arena *arena, const struct place *places, size_t n,
    const struct value *document, const struct value *v)
{
    if (!n)
        return v;
    if (!places->name.p) {
        if (!document || document->kind != VALUE_LIST || places->index >= document->count)
            return NULL;
        v = set_at(arena, places + 1, n - 1, document->items[places->index], v);
        return v ? with_item(arena, document, places->index, v) : NULL;
    }
    if (document && document->kind != VALUE_MAP && !value_is_null(document))
        return NULL;
    v = set_at(arena, places + 1, n - 1, value_get(document, places->name), v);
    return v ? value_with(arena, document, arena_str(arena, places->name), v) : NULL;
}

const struct value *asl_path_set(
    struct arena *arena, struct str path, const struct value *document, const struct value *v)
{
    struct place places[MAX_PLACES];
    struct path_reader r = {.arena = arena, .text = path};
    size_t n = read_places(&r, places, MAX_PLACES);
    return r.why ? NULL : set_at(arena, places, n, document, v);
}
