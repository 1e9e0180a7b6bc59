/* Filters of JSONPath: [?(@.a == 'x' && !(@.b > 1))]. */
#include "provider/notation/asl_path.h"

#include "base/json.h"

static bool read_or(struct path_reader *r, const struct value *current);

/* NULL: nothing is there (or the filter is wrong). */
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
        if (a && b) /* comparing takes as long as the smaller one is large */
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

/* After "?(" or "?": everything among the children for which it holds. */
void path_filter(struct path_search *p)
{
    struct path_reader *r = p->r;
    struct path_nodes next = {0};
    bool inside = r->inside;
    size_t start = r->at;
    r->inside = true;
    p->several = true;
    read_or(r, &value_null); /* also where there are no children: it has to be right */
    size_t end = r->at;
    for (size_t i = 0; i < p->found.n; i++) {
        const struct value *v = p->found.items[i];
        for (uint32_t k = 0; path_has_children(v) && k < v->count && !r->why; k++) {
            r->at = start;
            path_spend(r, 1); /* what it is tried for costs, whether it holds or not */
            if (read_or(r, path_child(v, k)))
                path_keep(p, &next, path_child(v, k));
        }
    }
    r->at = end;
    r->inside = inside;
    path_replace_found(p, &next);
}
