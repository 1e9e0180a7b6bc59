/* What deletions erase besides the resources, and what stands in their way: contents, protections, what
 * services left. */
#include "cmd/render.h"
#include "cmd/term.h"

#include "base/terminal_cells.h"

enum { ADDRESS_WIDTH_MAX = 40 };

static const struct {
    const char *key, *one, *many;
} nouns[] = {
    {"objects", "object", "objects"},
    {"versions", "version", "versions"},
    {"delete_markers", "delete marker", "delete markers"},
    {"uploads", "unfinished upload", "unfinished uploads"},
    {"images", "image", "images"},
    {"queries", "query", "queries"},
    {"tables", "table", "tables"},
    {"rows", "row", "rows"},
    {"records", "record", "records"},
};

/* "1,234 objects, 2,500 versions, 1.2 GiB"; of a bucket without earlier versions these are the objects. */
static void add_counts(struct buf *out, const struct value *counts)
{
    const char *separator = ": ";
    bool single = value_geti(counts, "objects", 0) &&
                  value_geti(counts, "objects", 0) == value_geti(counts, "versions", 0);
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
        int64_t n = value_geti(counts, nouns[i].key, 0);
        if (!n || (single && str_eqz(STR("versions"), nouns[i].key)))
            continue;
        buf_addz(out, separator);
        text_add_count(out, n);
        buf_addf(out, " %s", n == 1 ? nouns[i].one : nouns[i].many);
        separator = ", ";
    }
    if (value_getz(counts, "bytes")) {
        buf_addz(out, separator);
        text_add_bytes(out, value_geti(counts, "bytes", 0));
    }
}

static struct str option_of(struct arena *arena, const struct value *what)
{
    struct str flag = value_text(value_getz(what, "flag"), value_gets(what, "lifts"));
    char *text = arena_strz(arena, flag);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '_' ? '-' : *c);
    return str_z(text);
}

/* What a user does about what stands in the way: nobody takes all of it down for one that is replaced. */
static void add_way(struct buf *out, const struct plan *plan, const struct change *c,
    const struct value *what, struct str option)
{
    struct str set = value_gets(what, "set");
    bool before = value_getb(what, "live"), replaced = c->decision.action == ACTION_REPLACE;
    if (replaced && !before)
        buf_addf(out, " (what goes: `%.*s` in the stack)", STR_ARG(set));
    else if (replaced)
        buf_addf(out, " (what goes: apply `%.*s` before)", STR_ARG(set));
    else if (plan->destroy)
        buf_addf(out, " (what goes: `weir destroy --%.*s`, or apply `%.*s` before)", STR_ARG(option),
            STR_ARG(set));
    else
        buf_addf(out, " (what goes: `weir destroy --target '%.*s' --%.*s`, or apply `%.*s` before)",
            STR_ARG(c->subject.address), STR_ARG(option), STR_ARG(set));
}

static void add_what(
    struct buf *out, const struct plan *plan, const struct change *c, const struct value *what)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str id = value_gets(what, "id"), option = option_of(&arena, what);
    struct str error = value_gets(what, "error");
    bool kept = value_equal(value_getz(what, "kept"), &value_true);
    text_add_safe(out, value_gets(what, "says"), false);
    if (id.n) {
        buf_addz(out, kept ? " stays: " : " is deleted: ");
        text_add_safe(out, value_gets(what, "type"), false);
        buf_add_char(out, ' ');
        text_add_safe(out, id, false);
    }
    if (value_getz(what, "counts"))
        add_counts(out, value_getz(what, "counts"));
    if (error.n) {
        buf_addz(out, ", which could not be counted: ");
        text_add_safe(out, error, false);
    }
    if (value_getz(what, "set"))
        add_way(out, plan, c, what, option);
    else if (option.n)
        buf_addf(out, " (--%.*s)", STR_ARG(option));
}

static bool stops(const struct value *what)
{
    return value_getz(what, "stops") != NULL;
}

static bool any_of(const struct plan *plan, bool stopping)
{
    for (size_t i = 0; i < plan->change_count; i++)
        for (uint32_t k = 0; plan->changes[i].erases && k < plan->changes[i].erases->count; k++)
            if (stops(plan->changes[i].erases->items[k]) == stopping)
                return true;
    return false;
}

bool render_erases_any(const struct plan *plan)
{
    return any_of(plan, false);
}

static const char *const leads[] = {"With them:", "In the way of their deletion:"};

static void add_list(
    const struct plan *plan, const struct render_options *o, bool stopping, int width, struct buf *out)
{
    if (!any_of(plan, stopping))
        return;
    style_add(out, o->color, STYLE_BOLD, leads[stopping]);
    buf_addz(out, "\n\n");
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = &plan->changes[i];
        for (uint32_t k = 0; c->erases && k < c->erases->count; k++) {
            int blanks = width - (int)cells_width(c->subject.address);
            if (stops(c->erases->items[k]) != stopping)
                continue;
            buf_addz(out, "  ");
            style_add(out, o->color, STYLE_RED, "!");
            buf_add_char(out, ' ');
            text_add_safe(out, c->subject.address, false);
            buf_addf(out, "%*s  ", blanks > 0 ? blanks : 0, "");
            add_what(out, plan, c, c->erases->items[k]);
            buf_add_char(out, '\n');
        }
    }
    buf_add_char(out, '\n');
}

void render_erases(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    int width = 0;
    for (size_t i = 0; i < plan->change_count; i++) {
        int w = plan->changes[i].erases ? (int)cells_width(plan->changes[i].subject.address) : 0;
        width = w > width ? w : width;
    }
    if (!width)
        return;
    width = width > ADDRESS_WIDTH_MAX ? ADDRESS_WIDTH_MAX : width;
    add_list(plan, o, false, width, out);
    add_list(plan, o, true, width, out);
}

static void add_markdown_list(const struct plan *plan, bool stopping, struct buf *out)
{
    if (any_of(plan, stopping))
        buf_addf(out, "\n**%s**\n\n", leads[stopping]);
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = &plan->changes[i];
        for (uint32_t k = 0; c->erases && k < c->erases->count; k++) {
            if (stops(c->erases->items[k]) != stopping)
                continue;
            buf_addz(out, "- `");
            text_add_safe(out, c->subject.address, false);
            buf_addz(out, "`: ");
            add_what(out, plan, c, c->erases->items[k]);
            buf_add_char(out, '\n');
        }
    }
}

void render_erases_markdown(const struct plan *plan, struct buf *out)
{
    add_markdown_list(plan, false, out);
    add_markdown_list(plan, true, out);
}
