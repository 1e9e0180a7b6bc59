/*
 * What a command printed as the result of a tool. Lines of JSON become items of `data`, where whatever a file
 * or a service says is within quotes and cannot pass for anything else; weir's own pages are `text`. Of both
 * there are only so many lines at a time: `next` is where the following answer begins.
 */
#include "cmd/mcp/mcp.h"

#include "base/json.h"

#include <string.h>

enum {
    ANSWER_MAX = 48 * 1024,
    LINE_MAX_BYTES = 256 * 1024, /* of one, which an answer has at least */
    ASIDE_MAX = 8 * 1024,
};

void answer_begin(const struct call *call, struct buf *out)
{
    buf_addz(out, call->modern ? "{\"resultType\":\"complete\"," : "{");
}

void answer_begin_kept(const struct call *call, struct buf *out)
{
    answer_begin(call, out);
    buf_addz(out, call->modern ? "\"ttlMs\":0,\"cacheScope\":\"private\"," : "");
}

/* As much of it as there is room for, in whole characters. */
static struct str answer_shortened(struct str text, size_t max)
{
    size_t n = text.n < max ? text.n : max;
    while (n && n < text.n && (text.p[n] & 0xc0) == 0x80)
        n--;
    return str_slice(text, 0, n);
}

/* ---- pages ---- */

struct page {
    size_t from, next, total; /* lines */
    struct str text;
};

/* As many lines as there is room for, and at least one. */
static struct page page_of(struct str all, size_t from)
{
    struct page page = {.from = from};
    size_t begin = 0, end = 0;
    for (size_t at = 0; at < all.n; page.total++) {
        ptrdiff_t line = str_find_char(all, '\n', at);
        size_t after = line < 0 ? all.n : (size_t)line + 1;
        if (page.total == from)
            begin = end = at;
        if (page.total == from ||
            (page.total == page.next && page.next > from && after - begin <= ANSWER_MAX)) {
            page.next = page.total + 1;
            end = after;
        }
        at = after;
    }
    page.text = str_slice(all, begin, end);
    return page;
}

/* Where the last lines begin that there is room for: how something ended. */
static size_t from_end(struct str all)
{
    size_t from = 0;
    for (; all.n > ANSWER_MAX; from++)
        str_cut(all, '\n', &all);
    return from;
}

/* Those that are JSON; one that is too long is named only. */
static void add_events(struct arena *arena, struct str lines, struct buf *out)
{
    const char *separator = "";
    buf_addz(out, ",\"data\":[");
    for (struct str line; lines.n;) {
        const struct value *event;
        line = str_cut(lines, '\n', &lines);
        if (json_parse(arena, line, &event, NULL) || event->kind != VALUE_MAP)
            continue;
        buf_addz(out, separator);
        separator = ",";
        if (line.n <= LINE_MAX_BYTES) {
            buf_add_str(out, line);
            continue;
        }
        buf_addz(out, "{\"event\":\"too_long\"");
        json_write_member(out, "was", value_gets(event, "event"));
        json_write_member(out, "address", value_gets(event, "address"));
        buf_addf(out, ",\"bytes\":%zu}", line.n);
    }
    buf_addz(out, "]");
}

static void add_page(struct call *call, const struct page *page, bool json, struct buf *out)
{
    if (json)
        add_events(call->arena, page->text, out);
    else
        json_write_member(out, "text", answer_shortened(page->text, ANSWER_MAX));
    buf_addf(out, ",\"from\":%zu,\"total\":%zu", page->from, page->total);
    if (page->next && page->next < page->total)
        buf_addf(out, ",\"next\":%zu", page->next);
}

/* ---- results ---- */

/* Both as JSON and, for clients that know nothing of that, as text. */
static void answer_send(struct call *call, struct str content, bool failed)
{
    AUTO_BUF struct buf out = BUF_INIT;
    answer_begin(call, &out);
    buf_addz(&out, "\"content\":[{\"type\":\"text\",\"text\":");
    json_write_string(&out, content);
    buf_addf(
        &out, "}],\"structuredContent\":%.*s,\"isError\":%s}", STR_ARG(content), failed ? "true" : "false");
    rpc_result(&call->mcp->rpc, call->id, buf_str(&out));
}

static void answer_head(const struct run *run, struct buf *out)
{
    const char *status = run->status == EXIT_DONE      ? "done"
                         : run->status == EXIT_CHANGES ? "differs"
                                                       : "failed";
    buf_addf(out, "{\"status\":\"%s\",\"exit_status\":%d", status, run->status);
}

static void answer_end(struct call *call, const struct run *run, struct buf *out)
{
    json_write_member_if_any(out, "messages", answer_shortened(buf_str(&run->err), ASIDE_MAX));
    buf_add_char(out, '}');
    answer_send(call, buf_str(out), run->status != EXIT_DONE && run->status != EXIT_CHANGES);
}

void answer_tool(struct call *call, const struct run *run, bool json, size_t from)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str all = buf_str(&run->out);
    struct page page = page_of(all, from == ANSWER_END ? from_end(all) : from);
    answer_head(run, &out);
    add_page(call, &page, json, &out);
    answer_end(call, run, &out);
}

void answer_plan(struct call *call, const struct run *run, size_t from)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct plan_kept *plan = &call->mcp->plan;
    struct page page = page_of(buf_str(&plan->events), from);
    if (from <= plan->shown && page.next > plan->shown && page.text.n <= LINE_MAX_BYTES)
        plan->shown = page.next;
    answer_head(run, &out);
    if (plan->saved.n)
        json_write_member(&out, "plan", str_z(plan->hash));
    add_page(call, &page, true, &out);
    answer_end(call, run, &out);
}

void answer_refusal(struct call *call, const char *format, ...)
{
    AUTO_BUF struct buf out = BUF_INIT, why = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_addvf(&why, format, args);
    va_end(args);
    buf_addz(&out, "{\"status\":\"failed\"");
    json_write_member(&out, "messages", buf_str(&why));
    buf_add_char(&out, '}');
    answer_send(call, buf_str(&out), true);
}
