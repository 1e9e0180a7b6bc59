/* What a destroy erases besides the resources: contents, protections, what services left. */
#include "cmd/render.h"
#include "cmd/term.h"

#include "base/cells.h"

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
};

static int64_t number(const struct value *counts, const char *key)
{
    const struct value *v = value_getz(counts, key);
    return v && v->kind == VALUE_INT ? v->integer : 0;
}

/* "1,234 objects, 2,500 versions, 1.2 GiB"; of a bucket without earlier versions these are the objects. */
static void add_counts(struct buf *out, const struct value *counts)
{
    const char *separator = ": ";
    bool single = number(counts, "objects") && number(counts, "objects") == number(counts, "versions");
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++) {
        int64_t n = number(counts, nouns[i].key);
        if (!n || (single && str_eqz(STR("versions"), nouns[i].key)))
            continue;
        buf_addz(out, separator);
        text_add_count(out, n);
        buf_addf(out, " %s", n == 1 ? nouns[i].one : nouns[i].many);
        separator = ", ";
    }
    if (value_getz(counts, "bytes")) {
        buf_addz(out, separator);
        text_add_bytes(out, number(counts, "bytes"));
    }
}

static struct str option_of(struct arena *arena, const struct value *what)
{
    struct str flag = value_text(value_getz(what, "flag"), STR_EMPTY);
    char *text = arena_strz(arena, flag);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '_' ? '-' : *c);
    return str_z(text);
}

static void add_what(struct buf *out, const struct value *what)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str id = value_text(value_getz(what, "id"), STR_EMPTY), option = option_of(&arena, what);
    struct str error = value_text(value_getz(what, "error"), STR_EMPTY);
    bool kept = value_equal(value_getz(what, "kept"), &value_true);
    text_add_safe(out, value_text(value_getz(what, "says"), STR_EMPTY), false);
    if (id.n) {
        buf_addz(out, kept ? " stays: " : " is deleted: ");
        text_add_safe(out, value_text(value_getz(what, "type"), STR_EMPTY), false);
        buf_add_char(out, ' ');
        text_add_safe(out, id, false);
    }
    if (value_getz(what, "counts"))
        add_counts(out, value_getz(what, "counts"));
    if (error.n) {
        buf_addz(out, ", which could not be counted: ");
        text_add_safe(out, error, false);
    }
    if (option.n)
        buf_addf(out, " (--%.*s)", STR_ARG(option));
}

void render_erases(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    int width = 0;
    for (size_t i = 0; i < plan->change_count; i++) {
        int w = plan->changes[i].erases ? (int)cells_width(plan->changes[i].address) : 0;
        width = w > width ? w : width;
    }
    if (!width)
        return;
    width = width > ADDRESS_WIDTH_MAX ? ADDRESS_WIDTH_MAX : width;
    style_add(out, o->color, STYLE_BOLD, "With them:");
    buf_addz(out, "\n\n");
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = &plan->changes[i];
        for (uint32_t k = 0; c->erases && k < c->erases->count; k++) {
            int blanks = width - (int)cells_width(c->address);
            buf_addz(out, "  ");
            style_add(out, o->color, STYLE_RED, "!");
            buf_add_char(out, ' ');
            text_add_safe(out, c->address, false);
            buf_addf(out, "%*s  ", blanks > 0 ? blanks : 0, "");
            add_what(out, c->erases->items[k]);
            buf_add_char(out, '\n');
        }
    }
    buf_add_char(out, '\n');
}

void render_erases_markdown(const struct plan *plan, struct buf *out)
{
    bool any = false;
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = &plan->changes[i];
        for (uint32_t k = 0; c->erases && k < c->erases->count; k++) {
            if (!any)
                buf_addz(out, "\n**With them:**\n\n");
            any = true;
            buf_addz(out, "- `");
            text_add_safe(out, c->address, false);
            buf_addz(out, "`: ");
            add_what(out, c->erases->items[k]);
            buf_add_char(out, '\n');
        }
    }
}
