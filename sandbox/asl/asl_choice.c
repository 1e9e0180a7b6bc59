/* The comparisons of a Choice state. */
#include "sandbox/asl/asl_internal.h"

#include "base/clock.h"

/* Goes back to the last star only, so it takes no more than n * m. */
bool asl_glob(struct str pattern, struct str text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
    while (t < text.n) {
        bool escaped = p + 1 < pattern.n && pattern.p[p] == '\\';
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.n && pattern.p[p + escaped] == text.p[t]) {
            p += 1 + escaped;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static bool is_time(const struct value *v, int64_t *ms)
{
    return v->kind == VALUE_STRING && time_parse_rfc3339(v->string, ms);
}

static bool test(const char *type, const struct value *v)
{
    int64_t ms;
    switch (type[2]) {
    case 'P': return v != NULL;
    case 'S': return v && v->kind == VALUE_STRING;
    case 'B': return v && v->kind == VALUE_BOOL;
    case 'T': return v && is_time(v, &ms);
    default: return v && (str_eqz(str_z(type), "IsNull") ? v->kind == VALUE_NULL : value_is_number(v));
    }
}

/* False where the two are not both of the type. */
static bool order_of(const char *type, const struct value *a, const struct value *b, int *order)
{
    int64_t x, y;
    switch (type[0]) {
    case 'S':
        if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
            return false;
        break;
    case 'N':
        if (!value_is_number(a) || !value_is_number(b))
            return false;
        break;
    case 'B':
        if (a->kind != VALUE_BOOL || b->kind != VALUE_BOOL)
            return false;
        break;
    default:
        if (!is_time(a, &x) || !is_time(b, &y))
            return false;
        *order = (x > y) - (x < y);
        return true;
    }
    *order = value_compare(a, b);
    return true;
}

static bool compare_values(
    const char *type, enum asl_compare compare, const struct value *a, const struct value *b)
{
    int order;
    if (compare == ASL_MATCHES)
        return a->kind == VALUE_STRING && b->kind == VALUE_STRING && asl_glob(b->string, a->string);
    if (!order_of(type, a, b, &order))
        return false;
    switch (compare) {
    case ASL_EQUALS: return order == 0;
    case ASL_LESS: return order < 0;
    case ASL_LESS_EQUALS: return order <= 0;
    case ASL_GREATER: return order > 0;
    case ASL_GREATER_EQUALS: return order >= 0;
    case ASL_MATCHES:
    case ASL_IS: break;
    }
    return false;
}

static const struct value *asl_choice_look(struct asl_eval *eval, struct str path, const struct value *input)
{
    const char *why;
    const struct value *found = asl_look(eval, path, input, &why);
    if (!found)
        asl_fail(eval, "States.Runtime",
            "Invalid path '%.*s': The choice state's condition path references an invalid value.",
            STR_ARG(path));
    return found;
}

static bool holds_comparison(struct asl_eval *eval, const struct value *rule, const struct value *input)
{
    struct str variable = value_gets(rule, "Variable");
    const char *type = NULL, *why;
    enum asl_compare compare = ASL_IS;
    bool path = false;
    const struct value *wanted = NULL;
    for (uint32_t i = 0; i < rule->count && !wanted; i++)
        if (asl_operator(rule->entries[i].key, &type, &compare, &path))
            wanted = rule->entries[i].value;
    if (!wanted) {
        asl_fail(eval, "States.Runtime", "A choice rule has no comparison.");
        return false;
    }
    if (compare == ASL_IS) {
        const struct value *v = asl_look(eval, variable, input, &why);
        if (!v && !str_eqz(str_z(type), "IsPresent"))
            asl_choice_look(eval, variable, input);
        return wanted->kind == VALUE_BOOL && test(type, v) == wanted->boolean;
    }
    const struct value *v = asl_choice_look(eval, variable, input);
    if (v && path)
        wanted = asl_choice_look(eval, value_text(wanted, STR_EMPTY), input);
    return v && wanted && compare_values(type, compare, v, wanted);
}

bool asl_choice_holds(struct asl_eval *eval, const struct value *rule, const struct value *input)
{
    const struct value *all = value_getz(rule, "And"), *any = value_getz(rule, "Or"),
                       *not = value_getz(rule, "Not");
    const struct value *list = all ? all : any;
    if (not )
        return !asl_choice_holds(eval, not, input) && !eval->error.name.n;
    if (!list || list->kind != VALUE_LIST)
        return rule->kind == VALUE_MAP && holds_comparison(eval, rule, input);
    for (uint32_t i = 0; i < list->count; i++) {
        bool one = asl_choice_holds(eval, list->items[i], input);
        if (eval->error.name.n)
            return false;
        if (one == !all)
            return one;
    }
    return all != NULL;
}
