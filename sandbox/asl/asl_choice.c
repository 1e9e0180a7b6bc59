/* The comparisons of a Choice state. */
#include "sandbox/asl/asl_internal.h"

#include "base/clock.h"

enum compare { EQUALS, LESS, LESS_EQUALS, GREATER, GREATER_EQUALS, MATCHES, IS };

static const struct {
    const char *suffix;
    enum compare compare;
} compares[] = {{"GreaterThanEquals", GREATER_EQUALS}, {"LessThanEquals", LESS_EQUALS},
    {"GreaterThan", GREATER}, {"LessThan", LESS}, {"Equals", EQUALS}, {"Matches", MATCHES}};

static const char *const types[] = {"String", "Numeric", "Timestamp", "Boolean"};
static const char *const tests[] = {
    "IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"};

/* StringLessThanEqualsPath: String, LESS_EQUALS, and that it takes a path. */
static bool parse_operator(struct str name, const char **type, enum compare *compare, bool *path)
{
    *path = false;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (str_eqz(name, tests[i])) {
            *type = tests[i];
            *compare = IS;
            return true;
        }
    if (str_ends(name, STR("Path"))) {
        name = str_slice(name, 0, name.n - 4);
        *path = true;
    }
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t c = 0; c < sizeof compares / sizeof *compares; c++) {
            struct str suffix = str_z(compares[c].suffix);
            if (name.n != strlen(types[t]) + suffix.n || !str_starts(name, str_z(types[t])) ||
                !str_ends(name, suffix))
                continue;
            *type = types[t];
            *compare = compares[c].compare;
            bool matches = *compare == MATCHES;
            return (!matches || (t == 0 && !*path)) && (t != 3 || *compare == EQUALS);
        }
    return false;
}

bool asl_choice_operator(struct str name, const char **type, bool *path)
{
    enum compare compare;
    return parse_operator(name, type, &compare, path);
}

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
    const char *type, enum compare compare, const struct value *a, const struct value *b)
{
    int order;
    if (compare == MATCHES)
        return a->kind == VALUE_STRING && b->kind == VALUE_STRING && asl_glob(b->string, a->string);
    if (!order_of(type, a, b, &order))
        return false;
    switch (compare) {
    case EQUALS: return order == 0;
    case LESS: return order < 0;
    case LESS_EQUALS: return order <= 0;
    case GREATER: return order > 0;
    case GREATER_EQUALS: return order >= 0;
    case MATCHES:
    case IS: break;
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
    enum compare compare = IS;
    bool path = false;
    const struct value *wanted = NULL;
    for (uint32_t i = 0; i < rule->count && !wanted; i++)
        if (parse_operator(rule->entries[i].key, &type, &compare, &path))
            wanted = rule->entries[i].value;
    if (!wanted) {
        asl_fail(eval, "States.Runtime", "A choice rule has no comparison.");
        return false;
    }
    if (compare == IS) {
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
