/* What a known value has to be besides of its type: one of the choices, as the pattern says, within the
 * range. */
#include "provider/schema_internal.h"

#include "base/buf.h"

/* The value for a message, or nothing where it may not be shown or is long. */
static struct str schema_quoted(struct convert *c, const struct value *v)
{
    struct str text = value_scalar_text(c->arena, v);
    if (c->sensitive || value_is_sensitive(v) || !text.p || text.n > 80)
        return STR("the value");
    return v->kind == VALUE_STRING ? arena_printf(c->arena, "\"%s\"", text.p) : text;
}

/* The choice that the value is; one that is spelt the same goes before one in other case. NULL: none. */
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

/* Pattern and choices hold for the items where the attribute is a collection. */
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
