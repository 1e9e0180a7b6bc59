/*
 * The page of a plan, with costs: see page.h. Values are shown as in the text of a plan, with secrets hidden.
 */
#include "cmd/page/page.h"

#include "base/embed.h"

#include <math.h>

/* ---- costs: the total in the head, the cost of each changed resource beside its change, and unchanged
 * resources with costs after all changes ---- */

struct page_cost {
    const struct cost_change *cost;
    struct map now, after; /* struct estimate_item, by address */
    struct map shown;      /* addresses passed to page_cost_of() */
};

static void page_cost_init(struct page_cost *page, const struct cost_change *cost)
{
    *page = (struct page_cost){.cost = cost};
    estimate_index(&cost->now, &page->now);
    estimate_index(&cost->after, &page->after);
}

static void page_cost_release(struct page_cost *page)
{
    map_release(&page->now);
    map_release(&page->after);
    map_release(&page->shown);
}

/* ---- the total ---- */

static void add_signed(double usd, struct buf *out)
{
    buf_addz(out, usd < 0 ? "" : "+");
    estimate_add_money(out, usd);
}

/* Writes how many resources have usage costs that are not included, and how many have an unknown price. */
static void add_uncounted(const struct estimate *estimate, struct buf *out)
{
    size_t used = 0;
    for (size_t i = 0; i < estimate->n; i++) {
        const struct estimate_item *item = &estimate->items[i];
        bool open = false;
        for (size_t k = 0; k < item->charge_count; k++)
            open |= item->charges[k].kind == CHARGE_USED && !item->charges[k].configured;
        used += open;
    }
    if (used)
        buf_addf(out, "; not counted: what depends on use (%zu resource%s)", used, used == 1 ? "" : "s");
    if (estimate->unknown)
        buf_addf(out, "%s what has no known price (%zu)", used ? "," : "; not counted:", estimate->unknown);
}

/* Writes "48.29 USD a month after this" for the head, with what is not included. */
static void page_cost_total(const struct page_cost *page, struct buf *out)
{
    const struct estimate *now = &page->cost->now, *after = &page->cost->after;
    buf_addz(out, "<p class=\"total\"><b>");
    estimate_add_money(out, after->hourly * HOURS_A_MONTH);
    buf_addz(out, " USD a month</b> after this (");
    add_signed((after->hourly - now->hourly) * HOURS_A_MONTH, out);
    text_addf_xml(out, ") <small>prices of %.*s of %.*s", STR_ARG(prices_region(page->cost->prices)),
        STR_ARG(prices_date(page->cost->prices)));
    add_uncounted(after, out);
    buf_addz(out, "</small></p>\n");
}

/* ---- one resource ---- */

static void add_amount(double hourly, struct buf *out)
{
    buf_addf(out, "<td>%.4f</td><td>", hourly);
    estimate_add_money(out, hourly * HOURS_A_MONTH);
    buf_addz(out, "</td></tr>\n");
}

static void add_charge(const struct charge *charge, struct buf *out)
{
    text_addf_xml(out, "<tr><td>%.*s</td>", STR_ARG(charge->what));
    if (charge->kind == CHARGE_FIXED || charge->configured) {
        add_amount(charge->hourly, out);
        return;
    }
    buf_addz(out, "<td colspan=\"2\">");
    if (charge->kind == CHARGE_USED) {
        text_addf_xml(out, "depends on use: %.10g per %.*s", charge->unit_price, STR_ARG(charge->unit));
    } else {
        text_add_xml(out, charge->why);
    }
    buf_addz(out, "</td></tr>\n");
}

static void add_sum(const char *what, double hourly, struct buf *out)
{
    buf_addf(out, "<tr class=\"sum\"><td>%s</td>", what);
    add_amount(hourly, out);
}

static bool pays(const struct estimate_item *item)
{
    return item && item->charge_count;
}

/* Writes a table of the resource's costs before and after; nothing if there are none. */
static void page_cost_of(struct page_cost *page, struct str address, struct buf *out)
{
    const struct estimate_item *now = map_get(&page->now, address), *after = map_get(&page->after, address);
    map_set(&page->shown, address, page);
    if (!pays(now) && !pays(after))
        return;
    double before = now ? now->hourly : 0, later = after ? after->hourly : 0;
    buf_addz(out, "<table class=\"cost\">\n<tr><th>cost in USD</th><th>an hour</th><th>a month</th></tr>\n");
    for (size_t i = 0; after && i < after->charge_count; i++)
        add_charge(&after->charges[i], out);
    if (fabs(before - later) * HOURS_A_MONTH >= 0.00005) {
        add_sum("now", before, out);
        add_sum("after this", later, out);
    } else if (after && after->charge_count > 1) {
        add_sum("as before", later, out);
    }
    buf_addz(out, "</table>\n");
}

/* ---- unchanged resources ---- */

static void add_other(struct page_cost *page, const struct estimate_item *item, struct buf *out)
{
    ptrdiff_t key = address_key_at(item->address);
    text_addf_xml(out,
        "<details class=\"change noop\" data-of=\"%.*s\"><summary><code>%.*s</code> "
        "<small>%.*s</small></summary>\n",
        STR_ARG(key > 0 ? str_slice(item->address, 0, (size_t)key) : item->address), STR_ARG(item->address),
        STR_ARG(item->type));
    page_cost_of(page, item->address, out);
    buf_addz(out, "</details>\n");
}

/* Writes the remaining resources with costs. */
static void page_cost_others(struct page_cost *page, struct buf *out)
{
    const struct estimate *after = &page->cost->after;
    bool any = false;
    for (size_t i = 0; i < after->n; i++) {
        const struct estimate_item *item = &after->items[i];
        if (!pays(item) || map_get(&page->shown, item->address))
            continue;
        if (!any)
            buf_addz(out, "<details class=\"module\"><summary>Unchanged resources with costs</summary>\n");
        any = true;
        add_other(page, item, out);
    }
    buf_addz(out, any ? "</details>\n" : "");
}

static void add_file(const char *path, struct buf *out)
{
    const struct embedded_file *file = embedded_find(str_z(path));
    buf_add_str(out, file ? embedded_text(file) : STR_EMPTY);
}

/* The Content-Security-Policy allows only this script and the page's own content. */
static void add_policy(struct str script, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    unsigned char digest[SHA256_SIZE];
    hash_sha256(script, digest);
    struct str sum = base64_encode(&arena, str_n((char *)digest, sizeof digest));
    buf_addf(out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; "
        "script-src 'sha256-%.*s'\">\n",
        STR_ARG(sum));
}

/* ---- one change ---- */

/* Writes lines with marked signs, each in the colour of its sign. */
static void add_lines(struct str text, struct buf *out)
{
    for (struct str rest = text; rest.n;) {
        struct str line = str_cut(rest, '\n', &rest);
        ptrdiff_t mark = str_find_char(line, RENDER_MARK, 0);
        char sign = mark >= 0 && (size_t)mark + 1 < line.n ? line.p[mark + 1] : ' ';
        const char *kind = sign == '+' ? "new" : sign == '-' ? "old" : sign == '~' ? "changed" : NULL;
        if (kind)
            buf_addf(out, "<span class=\"%s\">", kind);
        text_add_xml(out, str_slice(line, 0, mark >= 0 ? (size_t)mark : line.n));
        if (mark >= 0)
            text_add_xml(out, str_slice(line, (size_t)mark + 1, line.n));
        buf_addz(out, kind ? "</span>\n" : "\n");
    }
}

static const char *change_class(const struct change *change)
{
    return change->decision.action == ACTION_NOOP ? "move" : action_name(change->decision.action);
}

static void add_change(const struct section *section, struct page_cost *cost, struct buf *out)
{
    const struct change *change = section->change;
    const struct render_options options = {.everything = true, .marked = true};
    AUTO_BUF struct buf text = BUF_INIT;
    section_attrs(change->attrs, change->attr_count, &options, &text);
    text_addf_xml(out,
        "<details class=\"change %s\" data-of=\"%.*s\"><summary><b>%s</b> <code>%.*s</code> "
        "<small>%.*s</small></summary>\n",
        change_class(change), STR_ARG(section->declared), action_verb(change->decision.action),
        STR_ARG(change->subject.address), STR_ARG(change->subject.type));
    if (change->reason.n)
        text_addf_xml(out, "<p>%.*s</p>\n", STR_ARG(change->reason));
    buf_addz(out, "<pre>");
    add_lines(buf_str(&text), out);
    buf_addz(out, "</pre>\n");
    if (cost)
        page_cost_of(cost, change->subject.address, out);
    buf_addz(out, "</details>\n");
}

/* ---- all changes ---- */

/* Writes the recorded and live values. */
static void add_drifted(const struct change *change, struct buf *out)
{
    const struct render_options options = {.everything = true, .marked = true};
    struct str address = change->subject.address;
    ptrdiff_t key = address_key_at(address);
    AUTO_BUF struct buf text = BUF_INIT;
    section_attrs(change->drift, change->drift_count, &options, &text);
    text_addf_xml(out,
        "<details class=\"change drifted\" data-of=\"%.*s\"><summary><code>%.*s</code> "
        "<small>%s</small></summary>\n<pre>",
        STR_ARG(key > 0 ? str_slice(address, 0, (size_t)key) : address), STR_ARG(address),
        change->deleted ? "is deleted" : "");
    add_lines(buf_str(&text), out);
    buf_addz(out, "</pre>\n</details>\n");
}

static void add_drift(const struct plan *plan, struct buf *out)
{
    if (!plan->drifted)
        return;
    buf_addz(out, "<details class=\"drift module\" open><summary>Changed outside weir</summary>\n");
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i]->deleted || plan->changes[i]->drift_count)
            add_drifted(plan->changes[i], out);
    buf_addz(out, "</details>\n");
}

static void add_alert(struct buf *out, const char *class, const struct buf *text)
{
    if (!text->n)
        return;
    text_addf_xml(out, "<section class=\"%s\" role=\"alert\"><pre>%.*s</pre></section>\n", class,
        STR_ARG(buf_str(text)));
}

static void add_alerts(const struct plan *plan, struct buf *out)
{
    const struct render_options options = {.everything = true};
    AUTO_BUF struct buf losses = BUF_INIT, unread = BUF_INIT, rules = BUF_INIT;
    render_data_loss(plan, &options, &losses);
    render_unread(plan, &unread);
    render_rules(plan, &options, true, &rules);
    add_alert(out, "data_loss", &losses);
    add_alert(out, "unread", &unread);
    add_alert(out, "unread rules", &rules);
}

static void add_changes(const struct plan *plan, struct page_cost *cost, struct buf *out)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct section *sections;
    size_t n = sections_list(plan, &arena, &sections);
    bool modules = sections_in_modules(sections, n);
    for (size_t i = 0; i < n; i++) {
        bool first = !i || !str_eq(sections[i].module, sections[i - 1].module);
        bool last = i + 1 == n || !str_eq(sections[i].module, sections[i + 1].module);
        if (modules && first)
            text_addf_xml(out,
                "<details class=\"module\" data-module=\"%.*s\" open><summary>%.*s</summary>\n",
                STR_ARG(sections[i].module),
                STR_ARG(sections[i].module.n ? sections[i].module : STR("the stack itself")));
        add_change(&sections[i], cost, out);
        if (modules && last)
            buf_addz(out, "</details>\n");
    }
    if (!n)
        buf_addf(
            out, "<p>Nothing is to be done%s.</p>\n", plan->unread_count ? " where weir could read" : "");
}

/* Writes check boxes such as "3 to create" that filter the changes. */
static void add_filters(const struct plan *plan, struct buf *out)
{
    static const enum action shown[] = {ACTION_CREATE, ACTION_UPDATE, ACTION_REPLACE, ACTION_DELETE,
        ACTION_ADOPT, ACTION_READ, ACTION_FORGET};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        size_t n = plan ? plan_count(plan, shown[i]) : 0;
        if (n)
            buf_addf(out,
                "<label class=\"%s\"><input type=\"checkbox\" value=\"%s\" checked> %zu to %s</label>\n",
                action_name(shown[i]), action_name(shown[i]), n, action_verb(shown[i]));
    }
}

void page_begin(const struct stack *stack, const char *title, const char *script, struct buf *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    add_file(script, &text);
    buf_addz(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    add_policy(buf_str(&text), out);
    text_addf_xml(out,
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>%.*s: "
        "%s</title>\n<style>\n",
        STR_ARG(stack->name), title);
    add_file("cmd/page/page.css", out);
    text_addf_xml(out, "</style>\n</head>\n<body>\n<header>\n<h1>%.*s", STR_ARG(stack->name));
    if (stack->env.n)
        text_addf_xml(out, " <small>%.*s</small>", STR_ARG(stack->env));
    buf_addz(out, "</h1>\n");
}

void page_end(const char *script, struct buf *out)
{
    buf_addz(out, "<script>");
    add_file(script, out);
    buf_addz(out, "</script>\n</body>\n</html>\n");
}

static void add_head(
    const struct stack *stack, const struct plan *plan, const struct page_cost *cost, struct buf *out)
{
    page_begin(stack, !plan ? "resources" : plan->destroy ? "destroy" : "plan", "cmd/page/page.js", out);
    buf_addz(out, "<div class=\"filters\" role=\"group\" aria-label=\"Filters\">\n");
    add_filters(plan, out);
    buf_addz(out, "</div>\n<input id=\"search\" type=\"search\" placeholder=\"Search ( / )\" "
                  "aria-label=\"Search addresses and types\">\n");
    if (cost)
        page_cost_total(cost, out);
    buf_addz(out, "</header>\n");
}

static void add_picture(struct picture *p, struct buf *out)
{
    layout_run(&p->layout);
    buf_addz(out, "<section id=\"picture\" aria-label=\"Dependencies\">\n<div class=\"tools\">"
                  "<button id=\"in\" aria-label=\"larger\">+</button>"
                  "<button id=\"out\" aria-label=\"smaller\">&minus;</button>"
                  "<button id=\"fit\">fit</button></div>\n");
    picture_svg(p, true, out);
    buf_addz(out, "</section>\n");
}

static void add_list(const struct plan *plan, struct page_cost *cost, struct buf *out)
{
    buf_addz(out, "<section id=\"changes\" aria-label=\"Changes\">\n");
    add_alerts(plan, out);
    add_drift(plan, out);
    add_changes(plan, cost, out);
    if (cost)
        page_cost_others(cost, out);
    buf_addz(out, "</section>\n");
}

void page_write(struct picture *p, const struct plan *plan, const struct cost_change *cost, struct buf *out)
{
    struct page_cost priced = {0};
    if (cost)
        page_cost_init(&priced, cost);
    add_head(p->stack, plan, cost ? &priced : NULL, out);
    buf_addf(out, "<main%s>\n", plan ? "" : " class=\"alone\"");
    if (plan)
        add_list(plan, cost ? &priced : NULL, out);
    add_picture(p, out);
    buf_addz(out, "</main>\n");
    page_end("cmd/page/page.js", out);
    page_cost_release(&priced);
}
