/*
 * JSONPath as the Amazon States Language has it: .name, ['name', 'other'], [0], [-1, 2], [1:3:1], [*], .*,
 * ..name and [?(@.a == 'x' && !(@.b > 1))]. A path is worked off step by step while it is read; checking one
 * reads it over nothing.
 */
#include "provider/sandbox/jobs/asl_internal.h"

#include "base/json.h"
#include "base/mem.h"

#include <stdlib.h>

enum { MAX_WORK = 1000000, MAX_NESTED = 32 };

struct nodes {
    const struct value **items;
    size_t n, cap;
};

struct reader {
    struct arena *arena;
    struct str text;
    size_t at;
    const struct value *document, *context;
    bool inside; /* of a filter: names end at operators too */
    int depth;
    size_t work; /* what all steps found together: a filter may scan everything for each of everything */
    const char *why;
};

struct path {
    struct reader *r;
    struct nodes found;
    bool several; /* it may find more than one */
    bool missing;
};

static char peek(const struct reader *r)
{
    return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static void spaces(struct reader *r)
{
    while (peek(r) == ' ' || peek(r) == '\t')
        r->at++;
}

static bool take(struct reader *r, const char *token)
{
    spaces(r);
    if (!str_starts(str_slice(r->text, r->at, r->text.n), str_z(token)))
        return false;
    r->at += strlen(token);
    return true;
}

static void wrong(struct reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

/* ---- what a step finds ---- */

static void keep(struct path *p, struct nodes *to, const struct value *v)
{
    if (++p->r->work > MAX_WORK) {
        wrong(p->r, "it finds too much");
        return;
    }
    MEM_GROW(to->items, to->cap, to->n + 1);
    to->items[to->n++] = v;
}

static const struct value *child(const struct value *v, uint32_t i)
{
    return v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value;
}

static bool has_children(const struct value *v)
{
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP;
}

static void keep_deep(struct path *p, struct nodes *to, const struct value *v)
{
    keep(p, to, v);
    for (uint32_t i = 0; has_children(v) && i < v->count && !p->r->why; i++)
        keep_deep(p, to, child(v, i));
}

static void replace_found(struct path *p, struct nodes *by)
{
    /* While it can only find one thing, that one has to be there. */
    p->missing = p->missing || (!p->several && !by->n);
    free(p->found.items);
    p->found = *by;
}

static void step_deep(struct path *p)
{
    struct nodes next = {0};
    for (size_t i = 0; i < p->found.n; i++)
        keep_deep(p, &next, p->found.items[i]);
    replace_found(p, &next);
    p->several = true;
}

static void step_all(struct path *p)
{
    struct nodes next = {0};
    p->several = true;
    for (size_t i = 0; i < p->found.n; i++)
        for (uint32_t k = 0; has_children(p->found.items[i]) && k < p->found.items[i]->count; k++)
            keep(p, &next, child(p->found.items[i], k));
    replace_found(p, &next);
}

static void step_names(struct path *p, const struct str *names, size_t n)
{
    struct nodes next = {0};
    p->several = p->several || n > 1;
    for (size_t i = 0; i < p->found.n; i++)
        for (size_t k = 0; k < n; k++) {
            const struct value *v = value_get(p->found.items[i], names[k]);
            if (v)
                keep(p, &next, v);
        }
    replace_found(p, &next);
}

static void step_indexes(struct path *p, const int64_t *indexes, size_t n)
{
    struct nodes next = {0};
    p->several = p->several || n > 1;
    for (size_t i = 0; i < p->found.n; i++)
        for (size_t k = 0; k < n; k++) {
            const struct value *list = p->found.items[i];
            int64_t index =
                indexes[k] < 0 && list->kind == VALUE_LIST ? indexes[k] + list->count : indexes[k];
            if (list->kind == VALUE_LIST && index >= 0 && index < list->count)
                keep(p, &next, list->items[index]);
        }
    replace_found(p, &next);
}

static int64_t bounded(int64_t at, int64_t count)
{
    at = at < 0 ? at + count : at;
    return at < 0 ? 0 : at > count ? count : at;
}

static void step_slice(struct path *p, int64_t from, int64_t to, int64_t step)
{
    struct nodes next = {0};
    p->several = true;
    for (size_t i = 0; i < p->found.n; i++) {
        const struct value *list = p->found.items[i];
        if (list->kind != VALUE_LIST)
            continue;
        int64_t end = bounded(to, list->count);
        for (int64_t k = bounded(from, list->count); k < end; k += step)
            keep(p, &next, list->items[k]);
    }
    replace_found(p, &next);
}

/* ---- reading literals ---- */

/* In single or double quotes; \ takes the next character as it is. */
static bool read_quoted(struct reader *r, struct str *out)
{
    char quote = peek(r);
    if (quote != '\'' && quote != '"')
        return false;
    AUTO_BUF struct buf text = BUF_INIT;
    for (r->at++; r->at < r->text.n && peek(r) != quote; r->at++) {
        if (peek(r) == '\\' && r->at + 1 < r->text.n)
            r->at++;
        buf_add_char(&text, peek(r));
    }
    if (r->at >= r->text.n) {
        wrong(r, "a quote is not closed");
        return false;
    }
    r->at++;
    *out = arena_str(r->arena, buf_str(&text));
    return true;
}

static bool read_int(struct reader *r, int64_t *out)
{
    spaces(r);
    size_t start = r->at;
    if (peek(r) == '-')
        r->at++;
    while (peek(r) >= '0' && peek(r) <= '9')
        r->at++;
    if (r->at - start > 10 || !str_to_int(str_slice(r->text, start, r->at), out)) {
        r->at = start;
        return false;
    }
    return true;
}

static bool read_name(struct reader *r, struct str *out)
{
    const char *ends = r->inside ? ".[]() =<>!&|," : ".[]( ";
    size_t start = r->at;
    while (r->at < r->text.n && !strchr(ends, peek(r)))
        r->at++;
    *out = str_slice(r->text, start, r->at);
    return out->n > 0;
}

/* ---- filters ---- */

static bool read_or(struct reader *r, const struct value *current);
static const struct value *read_path(struct reader *r, const struct value *root);

static bool is_number(const struct value *v)
{
    return v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
}

/* NULL: nothing is there (or the filter is wrong). */
static const struct value *read_operand(struct reader *r, const struct value *current)
{
    static const struct {
        const char *text;
        const struct value *value;
    } words[] = {{"true", &value_true}, {"false", &value_false}, {"null", &value_null}};
    struct str text;
    spaces(r);
    if (peek(r) == '@' || peek(r) == '$') {
        bool own = peek(r) == '@';
        r->at++;
        return read_path(r, own ? current : r->document);
    }
    if (peek(r) == '\'' || peek(r) == '"')
        return read_quoted(r, &text) ? value_string_ref(r->arena, text) : NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (take(r, words[i].text))
            return words[i].value;
    const struct value *number;
    struct err err;
    size_t start = r->at;
    while (r->at < r->text.n && strchr("+-.0123456789eE", peek(r)))
        r->at++;
    if (r->at > start && !json_parse(r->arena, str_slice(r->text, start, r->at), &number, &err))
        return number;
    wrong(r, "a filter compares something that is neither a path nor a literal");
    return NULL;
}

static bool holds(const struct value *a, const char *order, const struct value *b)
{
    bool equal = a && b && value_equal(a, b);
    if (order[0] == '=' || order[0] == '!')
        return (order[0] == '=') == equal;
    bool same = a && b && ((is_number(a) && is_number(b)) || (a->kind == VALUE_STRING && b->kind == a->kind));
    if (!same)
        return false;
    int found = value_compare(a, b);
    bool strict = !order[1];
    return order[0] == '<' ? found < 0 || (equal && !strict) : found > 0 || (equal && !strict);
}

static bool read_comparison(struct reader *r, const struct value *current)
{
    static const char *const operators[] = {"==", "!=", "<=", ">=", "<", ">"};
    if (++r->depth > MAX_NESTED)
        wrong(r, "it is nested too deep");
    bool result = false;
    if (r->why) {
    } else if (take(r, "!") && peek(r) != '=') {
        result = !read_comparison(r, current);
    } else if (take(r, "(")) {
        result = read_or(r, current);
        if (!take(r, ")"))
            wrong(r, "a parenthesis is not closed");
    } else {
        const struct value *a = read_operand(r, current);
        const char *order = NULL;
        for (size_t i = 0; i < sizeof operators / sizeof *operators && !order; i++)
            order = take(r, operators[i]) ? operators[i] : NULL;
        result = order ? holds(a, order, read_operand(r, current)) : a != NULL;
    }
    r->depth--;
    return result;
}

static bool read_and(struct reader *r, const struct value *current)
{
    bool result = read_comparison(r, current);
    while (!r->why && take(r, "&&"))
        result = read_comparison(r, current) && result;
    return result;
}

static bool read_or(struct reader *r, const struct value *current)
{
    bool result = read_and(r, current);
    while (!r->why && take(r, "||"))
        result = read_and(r, current) || result;
    return result;
}

/* After "?(" or "?": everything among the children for which it holds. */
static void step_filter(struct path *p)
{
    struct reader *r = p->r;
    struct nodes next = {0};
    bool inside = r->inside;
    size_t start = r->at;
    r->inside = true;
    p->several = true;
    read_or(r, &value_null); /* also where there are no children: it has to be right */
    size_t end = r->at;
    for (size_t i = 0; i < p->found.n; i++) {
        const struct value *v = p->found.items[i];
        for (uint32_t k = 0; has_children(v) && k < v->count && !r->why; k++) {
            r->at = start;
            if (read_or(r, child(v, k)))
                keep(p, &next, child(v, k));
        }
    }
    r->at = end;
    r->inside = inside;
    replace_found(p, &next);
}

/* ---- steps ---- */

enum { MAX_UNION = 64 };

static void step_union(struct path *p)
{
    struct reader *r = p->r;
    struct str names[MAX_UNION];
    int64_t indexes[MAX_UNION];
    size_t name_count = 0, index_count = 0;
    do {
        spaces(r);
        bool room = name_count + index_count < MAX_UNION;
        if (room && read_quoted(r, &names[name_count]))
            name_count++;
        else if (room && read_int(r, &indexes[index_count]))
            index_count++;
        else
            wrong(r, "brackets hold names in quotes, numbers, a slice, * or a filter");
    } while (!r->why && take(r, ","));
    if (name_count && index_count)
        wrong(r, "brackets hold names or numbers, not both");
    else if (name_count)
        step_names(p, names, name_count);
    else
        step_indexes(p, indexes, index_count);
}

/* [from:to:step]; false: it is none. */
static bool read_slice(struct path *p)
{
    struct reader *r = p->r;
    size_t start = r->at;
    int64_t from = 0, to = INT32_MAX, step = 1;
    read_int(r, &from);
    if (!take(r, ":")) {
        r->at = start;
        return false;
    }
    read_int(r, &to);
    if (take(r, ":") && (!read_int(r, &step) || step < 1))
        wrong(r, "a slice's step is a positive number");
    else
        step_slice(p, from, to, step);
    return true;
}

static void read_brackets(struct path *p)
{
    struct reader *r = p->r;
    if (take(r, "*")) {
        step_all(p);
    } else if (take(r, "?")) {
        step_filter(p);
    } else if (!read_slice(p)) {
        step_union(p);
    }
    if (!take(r, "]"))
        wrong(r, "a bracket is not closed");
}

static void read_step(struct path *p)
{
    struct reader *r = p->r;
    struct str name;
    if (peek(r) == '.') {
        r->at++;
        if (peek(r) == '.') {
            r->at++;
            step_deep(p);
        }
        if (peek(r) == '*') {
            r->at++;
            step_all(p);
            return;
        }
        if (peek(r) != '[') {
            if (read_name(r, &name))
                step_names(p, &name, 1);
            else
                wrong(r, "a name is missing after a dot");
            return;
        }
    }
    r->at++;
    read_brackets(p);
}

/* What the steps from here find below root; NULL: one thing that is not there, or r->why. */
static const struct value *read_path(struct reader *r, const struct value *root)
{
    struct path p = {.r = r};
    keep(&p, &p.found, root);
    while (!r->why && (peek(r) == '.' || peek(r) == '['))
        read_step(&p);
    const struct value *result = NULL;
    if (!r->why && p.several && !p.missing)
        result = value_list(r->arena, p.found.items, p.found.n);
    else if (!r->why && p.found.n)
        result = p.found.items[0];
    free(p.found.items);
    return result;
}

/* "$" or "$$" at the beginning; the document that it stands for. */
static const struct value *read_root(struct reader *r)
{
    if (peek(r) != '$') {
        wrong(r, "a path begins with $");
        return &value_null;
    }
    r->at++;
    if (peek(r) != '$')
        return r->document;
    r->at++;
    r->document = r->context ? r->context : &value_null;
    return r->document;
}

const struct value *asl_path_find(struct arena *arena, struct str path, const struct value *document,
    const struct value *context, const char **why)
{
    struct reader r = {.arena = arena, .text = path, .document = document, .context = context};
    const struct value *found = read_path(&r, read_root(&r));
    if (r.at < path.n)
        wrong(&r, "it goes on with something that is no step");
    *why = r.why ? r.why : "it leads to nothing";
    return r.why ? NULL : found;
}

/* ---- reference paths ---- */

struct place {
    struct str name; /* p NULL: an index */
    int64_t index;
};

static size_t read_places(struct reader *r, struct place *places, size_t max)
{
    size_t n = 0;
    read_root(r);
    while (!r->why && r->at < r->text.n && n < max) {
        places[n] = (struct place){0};
        if (peek(r) == '.') {
            r->at++;
            if (!read_name(r, &places[n].name) || str_eqz(places[n].name, "*"))
                wrong(r, "a reference path has names and numbers only");
        } else if (take(r, "[")) {
            spaces(r);
            if (!read_quoted(r, &places[n].name) && (!read_int(r, &places[n].index) || places[n].index < 0))
                wrong(r, "a reference path has names and numbers only");
            if (!take(r, "]"))
                wrong(r, "a reference path has names and numbers only");
        } else {
            wrong(r, "it goes on with something that is no step");
        }
        n++;
    }
    if (r->at < r->text.n)
        wrong(r, "it is too long");
    return n;
}

enum { MAX_PLACES = 100 };

const char *asl_path_wrong(struct str path, bool reference)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct place places[MAX_PLACES];
    struct reader r = {.arena = &arena, .text = path, .document = &value_null, .context = &value_null};
    if (reference) {
        read_places(&r, places, MAX_PLACES);
        return r.why;
    }
    const char *why;
    read_path(&r, read_root(&r));
    why = r.why;
    return !why && r.at < path.n ? "it goes on with something that is no step" : why;
}

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
    struct reader r = {.arena = arena, .text = path};
    size_t n = read_places(&r, places, MAX_PLACES);
    return r.why ? NULL : set_at(arena, places, n, document, v);
}
