/*
 * What resources cost, within the page of a plan (page.h): the total in the head, what each pays for where
 * its change is shown, and those that pay without being changed after all changes.
 */
#pragma once

#include "cmd/cost/budget.h"

struct page_cost {
    const struct cost_change *cost;
    struct map now, after; /* struct bill_item, by address */
    struct map shown;      /* addresses that page_cost_of() was asked about */
};

void page_cost_init(struct page_cost *page, const struct cost_change *cost);
void page_cost_release(struct page_cost *page);

/* "48.29 USD a month after this": for the head, with what it does not count. */
void page_cost_total(const struct page_cost *page, struct buf *out);
/* A table of what the resource pays for, and paid before; nothing where nothing is paid. */
void page_cost_of(struct page_cost *page, struct str address, struct buf *out);
/* What was not asked about, and pays. */
void page_cost_others(struct page_cost *page, struct buf *out);
