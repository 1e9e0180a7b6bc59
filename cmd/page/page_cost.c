/* What resources cost, within the page of a plan: see page_cost.h. */
#include "cmd/page/page_cost.h"

#include "cmd/cost/bill_show.h"
#include "cmd/graph/picture.h"

#include <math.h>

void page_cost_init(struct page_cost *page, const struct cost_change *cost)
{
    *page = (struct page_cost){.cost = cost};
    estimate_index(&cost->now, &page->now);
    estimate_index(&cost->after, &page->after);
}

void page_cost_release(struct page_cost *page)
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

/* How many pay more with use than is counted, and of how many no price is known. */
static void add_uncounted(const struct estimate *estimate, struct buf *out)
{
    size_t used = 0;
    for (size_t i = 0; i < estimate->n; i++) {
        const struct estimate_item *item = &estimate->items[i];
        bool open = false;
        for (size_t k = 0; k < item->charge_count; k++)
            open |= item->charges[k].kind == CHARGE_USED && !item->charges[k].said;
        used += open;
    }
    if (used)
        buf_addf(out, "; not counted: what depends on use (%zu resource%s)", used, used == 1 ? "" : "s");
    if (estimate->unknown)
        buf_addf(out, "%s what has no known price (%zu)", used ? "," : "; not counted:", estimate->unknown);
}

void page_cost_total(const struct page_cost *page, struct buf *out)
{
    const struct estimate *now = &page->cost->now, *after = &page->cost->after;
    buf_addz(out, "<p class=\"total\"><b>");
    estimate_add_money(out, after->hourly * HOURS_A_MONTH);
    buf_addz(out, " USD a month</b> after this (");
    add_signed((after->hourly - now->hourly) * HOURS_A_MONTH, out);
    buf_addz(out, ") <small>prices of ");
    picture_add_xml(out, prices_region(page->cost->prices));
    buf_addz(out, " of ");
    picture_add_xml(out, prices_date(page->cost->prices));
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
    buf_addz(out, "<tr><td>");
    picture_add_xml(out, charge->what);
    buf_addz(out, "</td>");
    if (charge->kind == CHARGE_THERE || charge->said) {
        add_amount(charge->hourly, out);
        return;
    }
    buf_addz(out, "<td colspan=\"2\">");
    if (charge->kind == CHARGE_USED) {
        buf_addf(out, "depends on use: %.10g per ", charge->unit_price);
        picture_add_xml(out, charge->unit);
    } else {
        picture_add_xml(out, charge->why);
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

void page_cost_of(struct page_cost *page, struct str address, struct buf *out)
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

/* ---- what does not change ---- */

static void add_other(struct page_cost *page, const struct estimate_item *item, struct buf *out)
{
    ptrdiff_t key = address_key_at(item->address);
    buf_addz(out, "<details class=\"change noop\" data-of=\"");
    picture_add_xml(out, key > 0 ? str_slice(item->address, 0, (size_t)key) : item->address);
    buf_addz(out, "\"><summary><code>");
    picture_add_xml(out, item->address);
    buf_addz(out, "</code> <small>");
    picture_add_xml(out, item->type);
    buf_addz(out, "</small></summary>\n");
    page_cost_of(page, item->address, out);
    buf_addz(out, "</details>\n");
}

void page_cost_others(struct page_cost *page, struct buf *out)
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
