/*
 * Renders a resource of a plan: its line and attributes. The compact form of a created resource has only
 * configured attributes, in the order of the type's page, one per line; further instances show only
 * differences.
 */
#include "cmd/output/render.h"

#include "base/mem.h"
#include "cmd/terminal/term.h"

#include <stdlib.h>

enum {
    SIGN_WIDTH = 3,
    VERB_WIDTH = 7,
    ATTR_INDENT = 6,
    NAME_WIDTH_MAX = 32,
    ALIKE_LINES = 3, /* instances of a declaration that are shown with values; others by name */
};

static void add_remark(
    const struct render_options *o, bool *first, const char *lead, struct str text, struct buf *out)
{
    buf_addz(out, *first ? "  " : ", ");
    *first = false;
    style_addf(out, o->color, STYLE_DIM, "%s%.*s", lead, STR_ARG(text));
}

static void remarks(const struct change *c, const struct render_options *o, struct buf *out)
{
    bool first = true;
    if (c->decision.action == ACTION_REPLACE)
        add_remark(o, &first, "# ",
            c->decision.create_first ? STR("create, then delete") : STR("delete, then create"), out);
    if (c->reason.n)
        add_remark(o, &first, first ? "# " : "", c->reason, out);
    if (c->moved_from.n)
        add_remark(o, &first, first ? "# moved from " : "moved from ", c->moved_from, out);
    if (c->decision.action == ACTION_ADOPT)
        add_remark(o, &first, first ? "# id " : "id ", c->subject.id, out);
    if (c->decision.action == ACTION_ADOPT && c->attr_count)
        add_remark(o, &first, first ? "# " : "", STR("then updated"), out);
}

void section_header(const struct change *c, struct sign sign, const struct render_options *o, struct buf *out)
{
    static const char blanks[VERB_WIDTH + 1] = "       ";
    size_t verb = strlen(sign.verb);
    buf_add(out, blanks, SIGN_WIDTH - strlen(sign.text));
    if (o->marked)
        buf_add_char(out, RENDER_MARK);
    style_add(out, o->color, (enum style)sign.style, sign.text);
    buf_add_char(out, ' ');
    buf_add(out, sign.verb, verb);
    buf_add(out, blanks, verb < VERB_WIDTH ? VERB_WIDTH - verb : 0);
    buf_add_char(out, ' ');
    style_addf(out, o->color, STYLE_BOLD, "%.*s", STR_ARG(c->subject.address));
    buf_addz(out, "  ");
    style_addf(out, o->color, STYLE_DIM, "%.*s", STR_ARG(c->subject.type));
}

/* Returns whether the service sets the attribute, so that its value is known after apply. */
static bool is_awaited(const struct attr_change *a)
{
    return !a->before && value_is_unknown(a->after) && a->attr && a->attr->computed;
}

/* Returns whether a replacement keeps the attribute's value; such attributes are not listed. */
static bool stays(const struct attr_change *a)
{
    return a->unchanged && !a->replaces;
}

static int widest_name(const struct attr_change *attrs, size_t n, bool without_awaited)
{
    int width = 0;
    for (size_t i = 0; i < n; i++) {
        bool hidden = stays(&attrs[i]) || (without_awaited && is_awaited(&attrs[i]));
        int w = hidden ? 0 : (int)cells_width(attrs[i].name);
        width = w > width ? w : width;
    }
    return width > NAME_WIDTH_MAX ? NAME_WIDTH_MAX : width;
}

static void attr_line(
    const struct attr_change *a, int width, bool brief, const struct render_options *o, struct buf *out)
{
    bool removed = a->before && !a->after;
    const struct value *standard = a->attr ? a->attr->default_value : NULL;
    struct render_change change = {.name = a->name,
        .name_width = width,
        .indent = ATTR_INDENT,
        .type = a->attr ? a->attr->type : NULL,
        .before = a->before,
        .after = a->after,
        .hidden = a->attr && a->attr->sensitive,
        .brief = brief,
        .suffix = a->replaces           ? "# forces replacement"
                  : removed && standard ? "# back to the default"
                                        : NULL};
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (attr_change_names_open(a)) {
        change.hidden = false;
        change.before = render_names(&scratch, a->before);
        change.after = render_names(&scratch, a->after);
    }
    if (a->before || a->after)
        render_change(&change, o, out);
}

/* Writes one line for all attributes that are known after apply. */
static void awaited_line(
    const struct attr_change *attrs, size_t n, const struct render_options *o, struct buf *out)
{
    const char *separator = ": ";
    buf_addf(out, "%*s", ATTR_INDENT, "");
    if (o->marked)
        buf_add_char(out, RENDER_MARK);
    style_add(out, o->color, STYLE_GREEN, "+");
    style_on(out, o->color, STYLE_DIM);
    buf_addz(out, " (known after apply)");
    for (size_t i = 0; i < n; i++)
        if (is_awaited(&attrs[i])) {
            buf_addf(out, "%s%.*s", separator, STR_ARG(attrs[i].name));
            separator = ", ";
        }
    style_off(out, o->color, STYLE_DIM);
    buf_add_char(out, '\n');
}

void section_attrs(const struct attr_change *attrs, size_t n, const struct render_options *o, struct buf *out)
{
    size_t awaited = 0;
    for (size_t i = 0; i < n; i++)
        awaited += is_awaited(&attrs[i]);
    bool together = awaited > 1 && !o->everything;
    int width = widest_name(attrs, n, together);
    for (size_t i = 0; i < n; i++)
        if (!stays(&attrs[i]) && (!together || !is_awaited(&attrs[i])))
            attr_line(&attrs[i], width, false, o, out);
    if (together)
        awaited_line(attrs, n, o, out);
}

/* ---- the compact form ---- */

static bool is_compact(const struct change *c, const struct render_options *o)
{
    return o->compact && (c->decision.action == ACTION_CREATE || c->decision.action == ACTION_READ);
}

static bool is_tags(const struct attr_change *a)
{
    return a->attr && a->attr->type->kind == TYPE_TAGS;
}

/* Returns whether the attribute is configured. Without a declaration: whether the value differs from the
 * default. */
static bool is_given(const struct attr_change *a, const struct decl *decl)
{
    if (!a->after || is_awaited(a))
        return false;
    for (size_t i = 0; decl && i < decl->attr_count; i++)
        if (decl->attrs[i].attr == a->attr)
            return true;
    if (decl || !a->attr)
        return !a->attr || is_tags(a);
    bool standard = a->attr->default_value && attr_equal(a->attr, a->after, a->attr->default_value);
    return (a->attr->settable || !a->attr->computed) && !a->attr->prepared && !standard;
}

static const struct value *own_tags(struct arena *arena, const struct value *tags, const struct value *common)
{
    struct value_builder own = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < tags->count; i++)
        if (!value_get(common, tags->entries[i].key))
            value_builder_set(&own, tags->entries[i].key, tags->entries[i].value);
    return value_builder_map(&own);
}

/* Sorts by the order of the type's page, tags last. */
static int by_weight(const void *a, const void *b)
{
    const struct attr_change *x = a, *y = b;
    if (is_tags(x) != is_tags(y))
        return is_tags(x) ? 1 : -1;
    return x->attr != y->attr ? (x->attr < y->attr ? -1 : 1) : 0;
}

static const struct attr_change *find_attr(const struct change *c, struct str name)
{
    for (size_t i = 0; i < c->attr_count; i++)
        if (str_eq(c->attrs[i].name, name))
            return &c->attrs[i];
    return NULL;
}

static bool as_in(const struct change *like, const struct attr_change *a)
{
    const struct attr_change *other = find_attr(like, a->name);
    return other && other->after && value_is_known(a->after) && value_equal(a->after, other->after);
}

/* Lists the attributes that the compact form shows of a created resource. The list is on the heap, since an
 * arena would take a chunk for each resource. */
static size_t brief_attrs(
    const struct change *c, const struct brief *brief, struct arena *arena, struct attr_change **out)
{
    struct attr_change *list = mem_realloc_array(NULL, c->attr_count + 1, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < c->attr_count; i++) {
        struct attr_change a = c->attrs[i];
        if (!is_given(&a, brief->decl) || (brief->like && as_in(brief->like, &a)))
            continue;
        if (brief->tags && is_tags(&a) && a.after->kind == VALUE_MAP)
            a.after = own_tags(arena, a.after, brief->tags);
        if (is_tags(&a) && a.after->kind == VALUE_MAP && !a.after->count)
            continue;
        list[n++] = a;
    }
    qsort(list, n, sizeof *list, by_weight);
    *out = list;
    return n;
}

static bool tells_names(const struct brief *brief)
{
    return brief->like && brief->nth >= ALIKE_LINES;
}

/* Appends the attributes of the first instance that this one does not have. */
static void add_missing(const struct change *c, const struct brief *brief, struct buf *out)
{
    const char *separator = ", without ";
    for (size_t i = 0; i < brief->like->attr_count; i++) {
        const struct attr_change *a = &brief->like->attrs[i], *own = find_attr(c, a->name);
        if (!is_given(a, brief->decl) || is_tags(a) || (own && own->after))
            continue;
        buf_addf(out, "%s%.*s", separator, STR_ARG(a->name));
        separator = ", ";
    }
}

static void add_alike(const struct change *c, const struct brief *brief, const struct attr_change *attrs,
    size_t n, const struct render_options *o, struct buf *out)
{
    bool names = tells_names(brief);
    style_on(out, o->color, STYLE_DIM);
    buf_addz(out, !n      ? "  # like the first"
                  : names ? "  # like the first but for "
                          : "  # otherwise like the first");
    for (size_t i = 0; i < n && names; i++)
        buf_addf(out, "%s%.*s", i ? ", " : "", STR_ARG(attrs[i].name));
    add_missing(c, brief, out);
    style_off(out, o->color, STYLE_DIM);
}

static void brief_lines(
    const struct change *c, const struct brief *brief, const struct render_options *o, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_FREE struct attr_change *attrs = NULL;
    size_t n = brief_attrs(c, brief, &arena, &attrs);
    if (brief->like)
        add_alike(c, brief, attrs, n, o, out);
    buf_add_char(out, '\n');
    int width = widest_name(attrs, n, false);
    for (size_t i = 0; i < n && !tells_names(brief); i++)
        attr_line(&attrs[i], width, true, o, out);
}

/* ---- a section ---- */

bool section_has_block(const struct change *c, const struct brief *brief, const struct render_options *o)
{
    bool shown = c->attr_count && c->decision.action != ACTION_DELETE && c->decision.action != ACTION_FORGET;
    return shown && !(is_compact(c, o) && tells_names(brief));
}

void section_change(
    const struct change *c, const struct brief *brief, const struct render_options *o, struct buf *out)
{
    section_header(c, action_sign(c), o, out);
    remarks(c, o, out);
    if (is_compact(c, o)) {
        brief_lines(c, brief, o, out);
        return;
    }
    buf_add_char(out, '\n');
    if (section_has_block(c, brief, o))
        section_attrs(c->attrs, c->attr_count, o, out);
}
