/* JSONPath filters, reference paths, which identify exactly one value ($.a.b[0]), and checks of paths. */
#include "base/json.h"
#include "provider/notation/asl_check.h"

/* ---- Filters of JSONPath: [?(@.a == 'x' && !(@.b > 1))] ---- */

static bool read_or(struct path_reader *r, const struct value *current);

/* Returns NULL if there is no value (or the filter is invalid). */
static const struct value *read_operand(struct path_reader *r, const struct value *current)
{
    static const struct {
        const char *text;
        const struct value *value;
    } words[] = {{"true", &value_true}, {"false", &value_false}, {"null", &value_null}};
    struct str text;
    path_spaces(r);
    if (path_peek(r) == '$' && path_names_variable(r))
        return path_steps(r, path_variable(r));
    if (path_peek(r) == '@' || path_peek(r) == '$') {
        bool own = path_peek(r) == '@';
        r->at++;
        return path_steps(r, own ? current : r->document);
    }
    if (path_peek(r) == '\'' || path_peek(r) == '"')
        return path_quoted(r, &text) ? value_string_ref(r->arena, text) : NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (path_take(r, words[i].text))
            return words[i].value;
    const struct value *number;
    struct err err;
    size_t start = r->at;
    while (r->at < r->text.n && strchr("+-.0123456789eE", path_peek(r)))
        r->at++;
    if (r->at > start && !json_parse(r->arena, str_slice(r->text, start, r->at), &number, &err))
        return number;
    path_wrong(r, "a filter compares something that is neither a path nor a literal");
    return NULL;
}

static bool asl_path_filter_holds(const struct value *a, const char *order, const struct value *b)
{
    bool equal = a && b && value_equal(a, b);
    if (order[0] == '=' || order[0] == '!')
        return (order[0] == '=') == equal;
    bool same =
        a && b &&
        ((value_is_number(a) && value_is_number(b)) || (a->kind == VALUE_STRING && b->kind == a->kind));
    if (!same)
        return false;
    int found = value_compare(a, b);
    bool strict = !order[1];
    return order[0] == '<' ? found < 0 || (equal && !strict) : found > 0 || (equal && !strict);
}

static bool read_comparison(struct path_reader *r, const struct value *current)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<", ">"};
    if (++r->depth > PATH_MAX_NESTED)
        path_wrong(r, "it is nested too deep");
    bool result = false;
    if (r->why) {
    } else if (path_take(r, "!") && path_peek(r) != '=') {
        result = !read_comparison(r, current);
    } else if (path_take(r, "(")) {
        result = read_or(r, current);
        if (!path_take(r, ")"))
            path_wrong(r, "a parenthesis is not closed");
    } else {
        const struct value *a = read_operand(r, current);
        const char *order = NULL;
        for (size_t i = 0; i < sizeof operators / sizeof *operators && !order; i++)
            order = path_take(r, operators[i]) ? operators[i] : NULL;
        const struct value *b = order ? read_operand(r, current) : NULL;
        if (a && b) /* the cost of a comparison grows with the smaller value */
            path_spend(r, (value_size(a) < value_size(b) ? value_size(a) : value_size(b)) / 8);
        result = order ? !r->why && asl_path_filter_holds(a, order, b) : a != NULL;
    }
    r->depth--;
    return result;
}

static bool read_and(struct path_reader *r, const struct value *current)
{
    bool result = read_comparison(r, current);
    while (!r->why && path_take(r, "&&"))
        result = read_comparison(r, current) && result;
    return result;
}

static bool read_or(struct path_reader *r, const struct value *current)
{
    bool result = read_and(r, current);
    while (!r->why && path_take(r, "||"))
        result = read_and(r, current) || result;
    return result;
}

void path_filter(struct path_search *p)
{
    struct path_reader *r = p->r;
    struct path_nodes next = {0};
    bool inside = r->inside;
    size_t start = r->at;
    r->inside = true;
    p->several = true;
    read_or(r, &value_null); /* parsed even without children, to report errors */
    size_t end = r->at;
    for (size_t i = 0; i < p->found.n; i++) {
        const struct value *v = p->found.items[i];
        for (uint32_t k = 0; path_has_children(v) && k < v->count && !r->why; k++) {
            r->at = start;
            path_spend(r, 1); /* every evaluation counts, whatever its result */
            if (read_or(r, path_child(v, k)))
                path_keep(p, &next, path_child(v, k));
        }
    }
    r->at = end;
    r->inside = inside;
    path_replace_found(p, &next);
}

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
    path_steps(&r, path_root(&r));
    return !r.why && r.at < path.n ? "it goes on with something that is not a step" : r.why;
}

/* ---- what the service accepts ---- */

/* Returns the index after the closing bracket; the text's length + 1 if there is none. */
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
