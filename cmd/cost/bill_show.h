/*
 * Bills (cmd/cost/bill.h) for people and for programs.
 */
#pragma once

#include "base/buf.h"
#include "cmd/cost/bill.h"

/* The bill of a stack as text, or as an event of --json. `members` of a fleet: how many times; 1 otherwise.
 */
void estimate_show(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, bool color, struct buf *out);
void estimate_event(const struct estimate *estimate, const struct prices *prices, const struct stack *stack,
    size_t members, struct buf *out);
/* "Cost: 12.40 USD a month now, 48.29 after this (+35.89)." with what makes the difference. */
void estimate_show_change(const struct estimate *now, const struct estimate *after,
    const struct prices *prices, bool color, struct buf *out);
/* "12.40"; what is less than a cent shows as such. */
void estimate_add_money(struct buf *out, double usd);
void estimate_change_event(
    const struct estimate *now, const struct estimate *after, const struct prices *prices, struct buf *out);
