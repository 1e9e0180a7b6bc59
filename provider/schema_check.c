/*
 * Checks of a converted value: choices, pattern, range, length; which attributes belong together; and the
 * walk along a path of attributes.
 */
#include "base/buf.h"
#include "provider/schema_internal.h"

/* ---- Length of a value as JSON without white space ---- */

/* Counts the characters of a string in JSON quotes; in policies white space is not counted at all. */
static int64_t text_length(struct str text, bool blanks)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r', follows = (c & 0xc0) == 0x80;
        n += follows || (blank && !blanks) ? 0 : c == '"' || c == '\\' ? 2 : 1;
    }
    return n;
}

static int64_t json_length(struct arena *arena, const struct value *v, bool blanks)
{
    int64_t n = 1; /* two brackets, and one comma less than items */
    switch ((enum value_kind)v->kind) {
    case VALUE_UNKNOWN: return 0;
    case VALUE_STRING: return 2 + text_length(v->string, blanks);
    case VALUE_LIST:
        for (uint32_t i = 0; i < v->count; i++)
            n += 1 + json_length(arena, v->items[i], blanks);
        return v->count ? n : 2;
    case VALUE_MAP:
        for (uint32_t i = 0; i < v->count; i++)
            n += 4 + text_length(v->entries[i].key, blanks) + json_length(arena, v->entries[i].value, blanks);
        return v->count ? n : 2;
    default: return value_is_null(v) ? 4 : (int64_t)value_scalar_text(arena, v).n;
    }
}

/* A document given as a string is already serialised. */
static int64_t policy_length(struct arena *arena, const struct value *v)
{
    int64_t n = 0;
    for (size_t i = 0; v->kind == VALUE_STRING && i < v->string.n; i++) {
        unsigned char c = (unsigned char)v->string.p[i];
        n += c != ' ' && c != '\t' && c != '\n' && c != '\r' && (c & 0xc0) != 0x80;
    }
    return v->kind == VALUE_STRING ? n : json_length(arena, v, false);
}

int64_t schema_length(struct arena *arena, const struct type *type, const struct value *v)
{
    int64_t n = 0;
    if (type && type->kind == TYPE_POLICY)
        return policy_length(arena, v);
    if (!type || type->kind != TYPE_MAP || type->elem->kind != TYPE_POLICY)
        return v->kind == VALUE_STRING ? (int64_t)str_code_points(v->string) : json_length(arena, v, true);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        n += policy_length(arena, v->entries[i].value);
    return n;
}

/* ---- Which attributes belong together, and the messages if they do not ---- */

/* Formats "A" or "A and B". */
static void add_group(struct buf *out, const struct name_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        buf_addf(out, "%s\"%.*s\"",
            !i                     ? ""
            : i + 1 < group->count ? ", "
                                   : " and ",
            STR_ARG(group->names[i]));
}

/* Returns the least certain answer of the group's names. */
static enum given_how group_given(const struct name_group *group, given_asked *given, const void *ctx)
{
    enum given_how least = GIVEN_SURELY;
    for (size_t i = 0; i < group->count; i++) {
        enum given_how one = given(ctx, group->names[i]);
        least = one < least ? one : least;
    }
    return least;
}

static struct str choice_broken(
    struct arena *arena, const struct attr_rule *rule, given_asked *given, const void *ctx)
{
    const struct name_group *first = NULL;
    bool some = false;
    AUTO_BUF struct buf all = BUF_INIT;
    for (size_t i = 0; i < rule->count; i++) {
        const struct name_group *group = &rule->groups[i];
        enum given_how is = group_given(group, given, ctx);
        some |= is != GIVEN_NOT;
        if (is == GIVEN_SURELY && first && rule->kind == RULE_ONE) {
            AUTO_BUF struct buf text = BUF_INIT;
            add_group(&text, first);
            buf_addz(&text, " excludes ");
            add_group(&text, group);
            return arena_str(arena, buf_str(&text));
        }
        first = is == GIVEN_SURELY && !first ? group : first;
        buf_addz(&all, !i ? "" : i + 1 < rule->count ? ", " : " or ");
        add_group(&all, group);
    }
    return some ? STR_EMPTY : arena_printf(arena, "%s is missing", all.p);
}

struct str attr_rule_broken(
    struct arena *arena, const struct attr_rule *rule, given_asked *given, const void *ctx)
{
    if (rule->kind == RULE_SOME || rule->kind == RULE_ONE)
        return choice_broken(arena, rule, given, ctx);
    const struct name_group *who = &rule->groups[0], *what = &rule->groups[1];
    if (group_given(who, given, ctx) != GIVEN_SURELY)
        return STR_EMPTY;
    for (size_t i = 0; i < what->count; i++) {
        enum given_how is = given(ctx, what->names[i]);
        if (rule->kind == RULE_WITH ? is == GIVEN_NOT : is == GIVEN_SURELY)
            return arena_printf(arena,
                rule->kind == RULE_WITH ? "\"%.*s\" needs \"%.*s\" as well"
                                        : "\"%.*s\" and \"%.*s\" exclude each other",
                STR_ARG(who->names[0]), STR_ARG(what->names[i]));
    }
    return STR_EMPTY;
}

/* ---- Walking along a path of attributes and fields, through lists and maps ---- */

static bool into(struct schema_walk *walk, const struct value *step, const struct type *type,
    const struct value *v, struct str path)
{
    struct schema_walk inner = *walk;
    if (inner.depth < sizeof inner.steps / sizeof *inner.steps)
        inner.steps[inner.depth++] = step;
    return schema_walk_path(&inner, type, v, path);
}

static bool into_items(
    struct schema_walk *walk, const struct type *type, const struct value *v, struct str path)
{
    const struct type *elem = type ? type->elem : NULL;
    bool set = type && type->kind == TYPE_SET; /* sorted, unlike the list in the stack file */
    struct schema_walk inner = *walk;
    inner.many = true;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        if (set ? !schema_walk_path(&inner, elem, v->items[i], path)
                : !into(&inner, value_int(walk->arena, i), elem, v->items[i], path))
            return false;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        if (!into(&inner, value_string_ref(walk->arena, v->entries[i].key), elem, v->entries[i].value, path))
            return false;
    return true;
}

/* True if the path enters each item, false for fields. A map of plain values is indexed by its keys. */
static bool is_container(const struct type *type, const struct value *v)
{
    static const bool plain[TYPE_OBJECT + 1] = {[TYPE_STRING] = true,
        [TYPE_INT] = true,
        [TYPE_FLOAT] = true,
        [TYPE_BOOL] = true,
        [TYPE_JSON] = true,
        [TYPE_POLICY] = true};
    return v->kind == VALUE_LIST ||
           (v->kind == VALUE_MAP && type && type->kind == TYPE_MAP && !plain[type->elem->kind]);
}

/* Parses a document given as a string. An invalid document counts as unknown. */
static const struct value *parsed_document(
    struct arena *arena, const struct type *type, const struct value *v)
{
    if (v->kind != VALUE_STRING || !type || (type->kind != TYPE_JSON && type->kind != TYPE_POLICY))
        return v;
    const struct value *parsed = schema_parsed(arena, v);
    return value_is_null(parsed) || parsed->kind == VALUE_STRING ? &value_unknown : parsed;
}

bool schema_walk_path(
    struct schema_walk *walk, const struct type *type, const struct value *v, struct str path)
{
    if (value_is_null(v))
        return true;
    if (path.n)
        v = parsed_document(walk->arena, type, v);
    if (!path.n || v->kind == VALUE_UNKNOWN)
        return walk->visit(walk->ctx, walk, type, v);
    if (is_container(type, v))
        return into_items(walk, type, v, path);
    struct str rest, name = str_cut(path, '.', &rest);
    const struct attr *field = type ? type_field(type, name) : NULL;
    const struct type *below = field ? field->type : type && type->kind == TYPE_MAP ? type->elem : NULL;
    const struct value *given = value_get(v, name);
    if (value_is_null(given) && field)
        given = field->default_value;
    return into(walk, value_string(walk->arena, name), below, given, rest);
}

bool schema_walk_items(struct schema_walk *walk, const struct type *type, const struct value *v)
{
    return v->kind == VALUE_UNKNOWN || into_items(walk, type, v, STR_EMPTY);
}

/* Returns the value for a message, or "the value" if it is sensitive or long. */
static struct str schema_quoted(struct convert *c, const struct value *v)
{
    struct str text = value_scalar_text(c->arena, v);
    if (c->sensitive || value_is_sensitive(v) || !text.p || text.n > 80)
        return STR("the value");
    return v->kind == VALUE_STRING ? arena_printf(c->arena, "\"%s\"", text.p) : text;
}

/* Returns the choice that equals the value; an exact match precedes one in different case. NULL: none. */
static const struct value *choice_of(const struct attr *attr, const struct value *v, bool any_case)
{
    const struct value *found = NULL;
    for (uint32_t i = 0; i < attr->choices->count; i++) {
        const struct value *choice = attr->choices->items[i];
        if (value_equal(choice, v))
            return choice;
        if (any_case && choice->kind == VALUE_STRING && v->kind == VALUE_STRING &&
            str_ieq(choice->string, v->string))
            found = choice;
    }
    return found;
}

static bool is_choice(const struct convert *c, const struct attr *attr, const struct value *v)
{
    bool any_case = attr->compare == COMPARE_NOCASE || (attr->compare == COMPARE_CHOICE && !c->exact);
    return choice_of(attr, v, any_case);
}

const struct value *schema_spelt(struct arena *arena, const struct attr *attr, const struct value *v)
{
    if (!attr->choices || attr->compare != COMPARE_CHOICE)
        return v;
    if (v->kind == VALUE_STRING) {
        const struct value *choice = choice_of(attr, v, true);
        return choice ? value_mark(arena, choice, v->marks) : v;
    }
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        value_builder_add(&b, schema_spelt(arena, attr, v->items[i]));
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        value_builder_set(&b, v->entries[i].key, schema_spelt(arena, attr, v->entries[i].value));
    if (v->kind == VALUE_LIST)
        return value_mark(arena, value_builder_list(&b), v->marks);
    return v->kind == VALUE_MAP ? value_mark(arena, value_builder_map(&b), v->marks) : v;
}

static bool check_choice(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v)
{
    if (!attr->choices || is_choice(c, attr, v))
        return true;
    uint32_t n = attr->choices->count;
    struct str *names = arena_alloc(c->arena, (n + 1) * sizeof *names);
    AUTO_BUF struct buf list = BUF_INIT;
    for (uint32_t i = 0; i < n; i++) {
        names[i] = value_scalar_text(c->arena, attr->choices->items[i]);
        if (i < 12)
            buf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
    }
    if (n > 12)
        buf_addf(&list, " … (%u in all)", n);
    schema_fail(c, place, "%.*s is not one of %s", STR_ARG(schema_quoted(c, v)), list.n ? list.p : "(none)");
    if (v->kind == VALUE_STRING && !c->sensitive)
        schema_suggest(c, v->string, names, n);
    return false;
}

/* Checks pattern and choices of each item if the attribute is a collection. */
static bool check_items(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v)
{
    if (v->kind == VALUE_UNKNOWN || v->kind == VALUE_NULL)
        return true;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        struct place inside = {.up = place, .index = i};
        if (!check_items(c, &inside, attr, v->items[i]))
            return false;
    }
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        struct place inside = {.up = place, .key = v->entries[i].key};
        if (!check_items(c, &inside, attr, v->entries[i].value))
            return false;
    }
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
        return true;
    if (!check_choice(c, place, attr, v))
        return false;
    if (!attr->pattern.n || v->kind != VALUE_STRING || attr_matches_pattern(c->arena, attr, v->string))
        return true;
    schema_fail(c, place, "%.*s does not match %.*s", STR_ARG(schema_quoted(c, v)), STR_ARG(attr->pattern));
    if (str_ends(v->string, STR("\n")) &&
        attr_matches_pattern(c->arena, attr, str_slice(v->string, 0, v->string.n - 1)))
        c->issue->label = STR("chomp() removes the line break at its end");
    return false;
}

static const char *range_text(struct arena *arena, const struct attr *attr)
{
    long long min = attr->min, max = attr->max;
    if (attr->has_min && attr->has_max)
        return min == max ? arena_printf(arena, "%lld", min).p
                          : arena_printf(arena, "%lld to %lld", min, max).p;
    return attr->has_min ? arena_printf(arena, "at least %lld", min).p
                         : arena_printf(arena, "at most %lld", max).p;
}

static bool outside(const struct attr *attr, double size)
{
    return (attr->has_min && size < (double)attr->min) || (attr->has_max && size > (double)attr->max);
}

static bool check_range(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v)
{
    if (!attr->has_min && !attr->has_max)
        return true;
    double size = v->count;
    const char *unit = v->kind == VALUE_LIST ? "items" : "entries";
    switch ((enum value_kind)v->kind) {
    case VALUE_INT: size = (double)v->integer; break;
    case VALUE_FLOAT: size = v->number; break;
    case VALUE_STRING:
        size = (double)str_code_points(v->string);
        unit = "characters";
        break;
    case VALUE_LIST:
    case VALUE_MAP: break;
    default: return true;
    }
    if (!outside(attr, size))
        return true;
    if (value_is_number(v))
        schema_fail(
            c, place, "%.*s is out of range: %s", STR_ARG(schema_quoted(c, v)), range_text(c->arena, attr));
    else if (c->sensitive)
        schema_fail(c, place, "wanted %s %s", range_text(c->arena, attr), unit);
    else
        schema_fail(c, place, "wanted %s %s, got %.0f", range_text(c->arena, attr), unit, size);
    return false;
}

bool schema_check(
    struct convert *c, const struct place *place, const struct attr *attr, const struct value *v)
{
    return check_items(c, place, attr, v) && check_range(c, place, attr, v);
}
