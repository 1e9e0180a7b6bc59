/*
 * What a plan could not look at, by number and name: nobody is to take it for unchanged.
 */
#include "cmd/output/render.h"
#include "cmd/terminal/term.h"

/* The first one behind `at` that has another reason. */
static size_t end_of(const struct plan *plan, size_t at)
{
    size_t end = at;
    while (end < plan->unread_count && str_eq(plan->unread[end].why, plan->unread[at].why))
        end++;
    return end;
}

/* "2 recorded resources could not be looked at and count as recorded: the service does not answer" */
static void add_lead(const struct plan *plan, size_t at, size_t end, const char *mark, struct buf *out)
{
    size_t n = end - at;
    buf_addf(out, "%s%zu%s recorded resource%s could not be looked at and %s as recorded: ", mark, n, mark,
        n == 1 ? "" : "s", n == 1 ? "counts" : "count");
    text_add_safe(out, plan->unread[at].why, false);
}

void render_unread(const struct plan *plan, struct buf *out)
{
    for (size_t at = 0, end; at < plan->unread_count; at = end) {
        end = end_of(plan, at);
        add_lead(plan, at, end, "", out);
        buf_addz(out, ":\n");
        for (size_t i = at; i < end; i++) {
            buf_addz(out, "  ");
            text_add_safe(out, plan->unread[i].address, false);
            buf_add_char(out, '\n');
        }
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
