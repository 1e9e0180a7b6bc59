/*
 * JSONPath of the Amazon States Language: .name, ['name', 'other'], [0], [-1, 2], [1:3:1], [*], .*, ..name
 * and [?(@.a == 'x' && !(@.b > 1))]. A path is evaluated step by step while it is parsed; checking a path
 * evaluates it without values.
 */
#include "provider/notation/asl_check.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdlib.h>

char path_peek(const struct path_reader *r)
{
    return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

void path_spaces(struct path_reader *r)
{
    while (path_peek(r) == ' ' || path_peek(r) == '\t')
        r->at++;
}

bool path_take(struct path_reader *r, const char *token)
{
    path_spaces(r);
    if (!str_starts(str_slice(r->text, r->at, r->text.n), str_z(token)))
        return false;
    r->at += strlen(token);
    return true;
}

void path_wrong(struct path_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

/* ---- values found by a step ---- */

bool path_spend(struct path_reader *r, uint64_t work)
{
    r->work += work < PATH_MAX_WORK ? (size_t)work : PATH_MAX_WORK;
    if (r->work > PATH_MAX_WORK)
        path_wrong(r, "it finds too much");
    return !r->why;
}

void path_keep(struct path_search *p, struct path_nodes *to, const struct value *v)
{
    if (!path_spend(p->r, 1))
        return;
    MEM_GROW(to->items, to->cap, to->n + 1);
    to->items[to->n++] = v;
}

const struct value *path_child(const struct value *v, uint32_t i)
{
    return v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value;
}

bool path_has_children(const struct value *v)
{
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP;
}

static void keep_deep(struct path_search *p, struct path_nodes *to, const struct value *v)
{
    path_keep(p, to, v);
    for (uint32_t i = 0; path_has_children(v) && i < v->count && !p->r->why; i++)
        keep_deep(p, to, path_child(v, i));
}

void path_replace_found(struct path_search *p, struct path_nodes *by)
{
    /* As long as only one value can match, it has to exist. */
    p->missing = p->missing || (!p->several && !by->n);
    free(p->found.items);
    p->found = *by;
}

static void step_deep(struct path_search *p)
{
    struct path_nodes next = {0};
    for (size_t i = 0; i < p->found.n; i++)
        keep_deep(p, &next, p->found.items[i]);
    path_replace_found(p, &next);
    p->several = true;
}

static void step_all(struct path_search *p)
{
    struct path_nodes next = {0};
    p->several = true;
    for (size_t i = 0; i < p->found.n; i++)
        for (uint32_t k = 0; path_has_children(p->found.items[i]) && k < p->found.items[i]->count; k++)
            path_keep(p, &next, path_child(p->found.items[i], k));
    path_replace_found(p, &next);
}

static void step_names(struct path_search *p, const struct str *names, size_t n)
{
    struct path_nodes next = {0};
    p->several = p->several || n > 1;
    for (size_t i = 0; i < p->found.n; i++)
        for (size_t k = 0; k < n; k++) {
            const struct value *v = value_get(p->found.items[i], names[k]);
            if (v)
                path_keep(p, &next, v);
        }
    path_replace_found(p, &next);
}

static void step_indexes(struct path_search *p, const int64_t *indexes, size_t n)
{
    struct path_nodes next = {0};
    p->several = p->several || n > 1;
    for (size_t i = 0; i < p->found.n; i++)
        for (size_t k = 0; k < n; k++) {
            const struct value *list = p->found.items[i];
            int64_t index =
                indexes[k] < 0 && list->kind == VALUE_LIST ? indexes[k] + list->count : indexes[k];
            if (list->kind == VALUE_LIST && index >= 0 && index < list->count)
                path_keep(p, &next, list->items[index]);
        }
    path_replace_found(p, &next);
}

static int64_t bounded(int64_t at, int64_t count)
{
    at = at < 0 ? at + count : at;
    return at < 0 ? 0 : at > count ? count : at;
}

static void step_slice(struct path_search *p, int64_t from, int64_t to, int64_t step)
{
    struct path_nodes next = {0};
    p->several = true;
    for (size_t i = 0; i < p->found.n; i++) {
        const struct value *list = p->found.items[i];
        if (list->kind != VALUE_LIST)
            continue;
        int64_t end = bounded(to, list->count);
        for (int64_t k = bounded(from, list->count); k < end; k += step)
            path_keep(p, &next, list->items[k]);
    }
    path_replace_found(p, &next);
}

/* ---- parsing literals ---- */

bool path_quoted(struct path_reader *r, struct str *out)
{
    char quote = path_peek(r);
    if (quote != '\'' && quote != '"')
        return false;
    AUTO_BUF struct buf text = BUF_INIT;
    for (r->at++; r->at < r->text.n && path_peek(r) != quote; r->at++) {
        if (path_peek(r) == '\\' && r->at + 1 < r->text.n)
            r->at++;
        buf_add_char(&text, path_peek(r));
    }
    if (r->at >= r->text.n) {
        path_wrong(r, "a quote is not closed");
        return false;
    }
    r->at++;
    *out = arena_str(r->arena, buf_str(&text));
    return true;
}

bool path_int(struct path_reader *r, int64_t *out)
{
    path_spaces(r);
    size_t start = r->at;
    if (path_peek(r) == '-')
        r->at++;
    while (path_peek(r) >= '0' && path_peek(r) <= '9')
        r->at++;
    if (r->at - start > 10 || !str_to_int(str_slice(r->text, start, r->at), out)) {
        r->at = start;
        return false;
    }
    return true;
}

bool path_name(struct path_reader *r, struct str *out)
{
    const char *ends = r->inside ? ".[]() =<>!&|," : ".[]( ";
    size_t start = r->at;
    while (r->at < r->text.n && !strchr(ends, path_peek(r)))
        r->at++;
    *out = str_slice(r->text, start, r->at);
    return out->n > 0;
}

/* ---- variables ---- */

/* Letters of other alphabets are letters, too. */
static bool is_name_char(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80 ||
           (!first && c >= '0' && c <= '9');
}

bool asl_is_variable(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (!is_name_char(name.p[i], !i))
            return false;
    return name.n && str_is_utf8(name) && str_code_points(name) <= 80 && !str_eqz(name, "states");
}

bool path_names_variable(const struct path_reader *r)
{
    return r->at + 1 < r->text.n && is_name_char(r->text.p[r->at + 1], true);
}

const struct value *path_variable(struct path_reader *r)
{
    size_t start = ++r->at;
    while (r->at < r->text.n && is_name_char(path_peek(r), r->at == start))
        r->at++;
    const struct value *v = value_get(r->variables, str_slice(r->text, start, r->at));
    r->unknown = r->unknown || !v;
    return v ? v : &value_null;
}

/* ---- steps ---- */

enum { MAX_UNION = 64 };

static void step_union(struct path_search *p)
{
    struct path_reader *r = p->r;
    struct str names[MAX_UNION];
    int64_t indexes[MAX_UNION];
    size_t name_count = 0, index_count = 0;
    do {
        path_spaces(r);
        bool room = name_count + index_count < MAX_UNION;
        if (room && path_quoted(r, &names[name_count]))
            name_count++;
        else if (room && path_int(r, &indexes[index_count]))
            index_count++;
        else
            path_wrong(r, "brackets hold names in quotes, numbers, a slice, * or a filter");
    } while (!r->why && path_take(r, ","));
    if (name_count && index_count)
        path_wrong(r, "brackets hold names or numbers, not both");
    else if (name_count)
        step_names(p, names, name_count);
    else
        step_indexes(p, indexes, index_count);
}

/* Parses [from:to:step]; returns false if it is not a slice. */
static bool read_slice(struct path_search *p)
{
    struct path_reader *r = p->r;
    size_t start = r->at;
    int64_t from = 0, to = INT32_MAX, step = 1;
    path_int(r, &from);
    if (!path_take(r, ":")) {
        r->at = start;
        return false;
    }
    path_int(r, &to);
    if (path_take(r, ":") && (!path_int(r, &step) || step < 1))
        path_wrong(r, "a slice's step is a positive number");
    else
        step_slice(p, from, to, step);
    return true;
}

static void read_brackets(struct path_search *p)
{
    struct path_reader *r = p->r;
    if (path_take(r, "*")) {
        step_all(p);
    } else if (path_take(r, "?")) {
        path_filter(p);
    } else if (!read_slice(p)) {
        step_union(p);
    }
    if (!path_take(r, "]"))
        path_wrong(r, "a bracket is not closed");
}

static void read_step(struct path_search *p)
{
    struct path_reader *r = p->r;
    struct str name;
    if (path_peek(r) == '.') {
        r->at++;
        if (path_peek(r) == '.') {
            r->at++;
            step_deep(p);
        }
        if (path_peek(r) == '*') {
            r->at++;
            step_all(p);
            return;
        }
        if (path_peek(r) != '[') {
            if (path_name(r, &name))
                step_names(p, &name, 1);
            else
                path_wrong(r, "a name is missing after a dot");
            return;
        }
    }
    r->at++;
    read_brackets(p);
}

const struct value *path_steps(struct path_reader *r, const struct value *root)
{
    struct path_search p = {.r = r};
    path_keep(&p, &p.found, root);
    while (!r->why && (path_peek(r) == '.' || path_peek(r) == '['))
        read_step(&p);
    const struct value *result = NULL;
    if (!r->why && p.several && !p.missing)
        result = value_list(r->arena, p.found.items, p.found.n);
    else if (!r->why && p.found.n)
        result = p.found.items[0];
    free(p.found.items);
    return result;
}

const struct value *path_root(struct path_reader *r)
{
    if (path_peek(r) != '$') {
        path_wrong(r, "a path begins with $");
        return &value_null;
    }
    if (path_names_variable(r))
        return path_variable(r);
    r->at++;
    if (path_peek(r) != '$')
        return r->document;
    r->at++;
    r->document = r->context ? r->context : &value_null;
    return r->document;
}

const struct value *asl_path_find(struct arena *arena, struct str path, const struct value *document,
    const struct asl_names *names, const char **why)
{
    struct path_reader r = {.arena = arena,
        .text = path,
        .document = document,
        .context = names ? names->context : NULL,
        .variables = names ? names->variables : NULL};
    const struct value *found = path_steps(&r, path_root(&r));
    if (r.at < path.n)
        path_wrong(&r, "it goes on with something that is not a step");
    if (r.unknown)
        path_wrong(&r, "it names a variable that is not set");
    *why = r.why ? r.why : "it leads to nothing";
    return r.why ? NULL : found;
}

bool asl_path_is_variable(struct str path)
{
    const struct path_reader r = {.text = path};
    return path.n && path.p[0] == '$' && path_names_variable(&r);
}
