/*
 * Renders data that is lost with deleted resources, what is kept and what blocks a deletion (contents,
 * snapshots, protections), and the resources that a plan could not read.
 */
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"
#include "plan/destroy/teardown.h"

/* ---- the report that nothing is left ---- */

void leftovers_add_claim(struct buf *out, const char *of, size_t asked, bool tags_searched)
{
    if (asked && tags_searched)
        buf_addf(
            out, "\nNothing is left%s: neither by its id or name, nor by the stack's ownership tags.\n", of);
    else if (asked)
        buf_addf(out, "\nNothing is left%s by its id or name.\n", of);
    else if (tags_searched)
        buf_addf(out, "\nNothing is left%s with the stack's ownership tags.\n", of);
    else
        buf_addf(out,
            "\nNothing was looked for%s: neither the state nor the stack names anything that a service could "
            "still have.\n",
            of);
}

void leftovers_add_limits(struct buf *out, size_t asked, bool tags_searched)
{
    if (tags_searched)
        buf_addz(out,
            "Not looked for: what has none of weir's ownership tags, such as what somebody made there "
            "by hand.\n");
    else if (asked)
        buf_addz(
            out, "Not looked for: what has another id or name, such as what somebody made there by hand.\n");
}

void leftovers_add_unverified(struct buf *out, size_t n)
{
    buf_addf(out,
        "%zu resource%s could not be looked up: %s service is deleted with the stack and was unreachable: ",
        n, n == 1 ? "" : "s", n == 1 ? "its" : "their");
}

void leftovers_add_not_looked_up(struct buf *out, size_t n)
{
    buf_addf(out,
        "%zu resource%s could not be looked up after the deletion: %s service was deleted, too: ", n,
        n == 1 ? "" : "s", n == 1 ? "its" : "their");
}

void leftovers_add_addresses(struct buf *out, const struct str *addresses, size_t n)
{
    enum { SHOWN = 8 };
    for (size_t i = 0; i < n && i < SHOWN; i++)
        text_addf(out, "%s%.*s", i ? ", " : "", STR_ARG(addresses[i]));
    buf_addz(out, n > SHOWN ? ", …\n" : ".\n");
}

/* ---- resources that a plan could not read: their number and names, so that they are not taken for unchanged
 * ---- */

/* Returns the index of the first resource after `at` with another reason. */
static size_t end_of(const struct plan *plan, size_t at)
{
    size_t end = at;
    while (end < plan->unread_count && str_eq(plan->unread[end].why, plan->unread[at].why))
        end++;
    return end;
}

/* Writes "2 recorded resources could not be looked at and count as recorded: the service does not answer". */
static void add_lead(const struct plan *plan, size_t at, size_t end, const char *mark, struct buf *out)
{
    size_t n = end - at;
    text_addf(out, "%s%zu%s recorded resource%s could not be read and %s as recorded: %.*s", mark, n, mark,
        n == 1 ? "" : "s", n == 1 ? "counts" : "count", STR_ARG(plan->unread[at].why));
}

void render_unread(const struct plan *plan, struct buf *out)
{
    for (size_t at = 0, end; at < plan->unread_count; at = end) {
        end = end_of(plan, at);
        add_lead(plan, at, end, "", out);
        buf_addz(out, ":\n");
        for (size_t i = at; i < end; i++)
            text_addf(out, "  %.*s\n", STR_ARG(plan->unread[i].address));
    }
}

void render_unread_markdown(const struct plan *plan, struct buf *out)
{
    for (size_t at = 0, end; at < plan->unread_count; at = end) {
        end = end_of(plan, at);
        buf_addz(out, "\n> ");
        add_lead(plan, at, end, "**", out);
        buf_addz(out, ":");
        for (size_t i = at; i < end; i++) {
            buf_addz(out, i > at ? ", " : " ");
            render_code(out, plan->unread[i].address);
        }
        buf_addz(out, ".\n");
    }
}

/* ---- data lost with deleted resources, data that is kept, and blocked deletions ---- */

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

/* Writes "1,234 objects, 2,500 versions, 1.2 GiB". In a bucket without earlier versions, the versions are the
 * objects. */
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

static void add_what(
    struct buf *out, const struct plan *plan, const struct change *c, const struct value *loss)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str id = value_gets(loss, "id"), remedy = obstacle_remedy(&arena, plan, c, loss);
    struct str error = value_gets(loss, "error"), flag = value_gets(loss, "flag");
    text_add_safe(out, value_gets(loss, "message"), false);
    if (id.n)
        text_addf(out, "%s%.*s %.*s",
            value_getb(loss, "kept") ? ": " : " are deleted: ", STR_ARG(value_gets(loss, "type")),
            STR_ARG(id));
    if (value_getz(loss, "counts"))
        add_counts(out, value_getz(loss, "counts"));
    if (error.n)
        text_addf(out, ", which could not be counted: %.*s", STR_ARG(error));
    if (obstacle_is(loss) && remedy.n) {
        text_addf(out, " (to allow it: %.*s)", STR_ARG(remedy));
    } else if (flag.n) {
        buf_addf(out, " (%.*s)", STR_ARG(obstacle_option(&arena, flag)));
    }
}

enum part { GOES, STAYS, STOPS, PARTS };

static enum part part_of(const struct value *loss)
{
    return obstacle_is(loss) ? STOPS : value_getb(loss, "kept") ? STAYS : GOES;
}

static bool any_of(const struct plan *plan, enum part part)
{
    for (size_t i = 0; i < plan->change_count; i++)
        for (uint32_t k = 0; plan->changes[i]->data_loss && k < plan->changes[i]->data_loss->count; k++)
            if (part_of(plan->changes[i]->data_loss->items[k]) == part)
                return true;
    return false;
}

bool render_loses_data(const struct plan *plan)
{
    return any_of(plan, GOES);
}

static const char *const leads[] = {"With them:", "What stays of them:", "Blocking their deletion:"};

static void add_list(
    const struct plan *plan, const struct render_options *o, enum part part, int width, struct buf *out)
{
    if (!any_of(plan, part))
        return;
    style_add(out, o->color, STYLE_BOLD, leads[part]);
    buf_addz(out, "\n\n");
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = plan->changes[i];
        for (uint32_t k = 0; c->data_loss && k < c->data_loss->count; k++) {
            int blanks = width - (int)cells_width(c->subject.address);
            if (part_of(c->data_loss->items[k]) != part)
                continue;
            buf_addz(out, "  ");
            style_add(out, o->color, part == STAYS ? STYLE_GREEN : STYLE_RED, part == STAYS ? "+" : "!");
            text_addf(out, " %.*s", STR_ARG(c->subject.address));
            buf_addf(out, "%*s  ", blanks > 0 ? blanks : 0, "");
            add_what(out, plan, c, c->data_loss->items[k]);
            buf_add_char(out, '\n');
        }
    }
    buf_add_char(out, '\n');
}

void render_data_loss(const struct plan *plan, const struct render_options *o, struct buf *out)
{
    int width = 0;
    for (size_t i = 0; i < plan->change_count; i++) {
        int w = plan->changes[i]->data_loss ? (int)cells_width(plan->changes[i]->subject.address) : 0;
        width = w > width ? w : width;
    }
    if (!width)
        return;
    width = width > ADDRESS_WIDTH_MAX ? ADDRESS_WIDTH_MAX : width;
    for (enum part part = 0; part < PARTS; part++)
        add_list(plan, o, part, width, out);
}

static void add_markdown_list(const struct plan *plan, enum part part, struct buf *out)
{
    if (any_of(plan, part))
        buf_addf(out, "\n**%s**\n\n", leads[part]);
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = plan->changes[i];
        for (uint32_t k = 0; c->data_loss && k < c->data_loss->count; k++) {
            if (part_of(c->data_loss->items[k]) != part)
                continue;
            buf_addz(out, "- ");
            render_code(out, c->subject.address);
            buf_addz(out, ": ");
            add_what(out, plan, c, c->data_loss->items[k]);
            buf_add_char(out, '\n');
        }
    }
}

void render_erases_markdown(const struct plan *plan, struct buf *out)
{
    for (enum part part = 0; part < PARTS; part++)
        add_markdown_list(plan, part, out);
}
