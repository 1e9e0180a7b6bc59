/* The notes on an attribute: see reference.h. */
#include "cmd/reference/reference.h"

#include "base/json.h"

static void add_word(struct buf *out, const char *word)
{
    buf_addz(out, out->n ? ", " : "");
    buf_addz(out, word);
}

static void add_words(struct buf *out, const struct attr *a, enum attr_heading heading)
{
    bool argument = heading == HEADING_ARGUMENTS;
    if (a->required)
        add_word(out, "required");
    if (a->computed && a->settable)
        add_word(out, argument ? "reported if not configured" : "computed by the service if not configured");
    else if (!a->settable && heading != HEADING_READ_ONLY)
        add_word(out, "read-only");
    if (a->replace)
        add_word(out, "a change replaces the resource");
    if (a->replace_whole)
        add_word(out, "adding or removing it replaces the resource");
    if (a->sensitive)
        add_word(out, "sensitive");
    if (a->write_only)
        add_word(out, "cannot be read back");
    if (a->deprecated)
        add_word(out, "deprecated by the service");
    if (a->local && !argument)
        add_word(out, "not compared with the live resource");
    if (a->compare == COMPARE_NOCASE)
        add_word(out, "case does not matter");
    if (a->compare == COMPARE_PREFIX)
        add_word(out, "may be the beginning of the live value");
    if (a->compare == COMPARE_ARN)
        add_word(out, "a name or its ARN");
}

/* What `min` and `max` count. */
static const char *unit_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_LIST:
    case TYPE_SET: return " items";
    case TYPE_MAP:
    case TYPE_TAGS: return " entries";
    case TYPE_INT:
    case TYPE_FLOAT: return "";
    default: return " characters";
    }
}

static void add_range(struct buf *out, const struct attr *a)
{
    if (!a->has_min && !a->has_max)
        return;
    add_word(out, "");
    if (a->has_min && a->has_max)
        buf_addf(out, "%lld to %lld", (long long)a->min, (long long)a->max);
    else
        buf_addf(
            out, "%s %lld", a->has_min ? "at least" : "at most", (long long)(a->has_min ? a->min : a->max));
    buf_addz(out, unit_of(a->type));
}

static void add_limits(struct buf *out, const struct attr *a)
{
    if (a->default_value) {
        add_word(out, "default ");
        json_write(out, a->default_value, JSON_REDACT);
    }
    if (a->choices) {
        add_word(out, "one of ");
        for (uint32_t i = 0; i < a->choices->count; i++) {
            buf_addz(out, i ? " " : "");
            json_write(out, a->choices->items[i], JSON_PLAIN);
        }
    }
    add_range(out, a);
    if (a->assumed_by) {
        add_word(out, "a role that trusts ");
        for (uint32_t i = 0; i < a->assumed_by->count; i++)
            buf_addf(out, "%s%.*s", i ? " or " : "", STR_ARG(value_text(a->assumed_by->items[i], STR_EMPTY)));
    }
    if (a->conflicts.n) {
        add_word(out, "not together with ");
        buf_add_str(out, a->conflicts);
    }
    if (a->pattern.n && a->pattern.n < 60) {
        add_word(out, "matches ");
        buf_add_str(out, a->pattern);
    }
    if (a->member.n) {
        add_word(out, "API name ");
        buf_add_str(out, a->member);
    }
}

void attr_notes(const struct attr *attr, enum attr_heading heading, struct buf *out)
{
    add_words(out, attr, heading);
    add_limits(out, attr);
}
