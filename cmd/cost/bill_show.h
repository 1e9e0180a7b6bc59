/*
 * Bills (cmd/cost/bill.h) for people and for programs.
 */
#ifndef WEIR_CMD_COST_BILL_SHOW_H
#define WEIR_CMD_COST_BILL_SHOW_H

#include "base/buf.h"
#include "cmd/cost/bill.h"

/* The bill of a stack as text, or as an event of --json. `members` of a fleet: how many times; 1 otherwise.
 */
void bill_show(const struct bill *bill, const struct prices *prices, const struct stack *stack,
    size_t members, bool color, struct buf *out);
void bill_event(const struct bill *bill, const struct prices *prices, const struct stack *stack,
    size_t members, struct buf *out);
/* "Cost: 12.40 USD a month now, 48.29 after this (+35.89)." with what makes the difference. */
void bill_show_change(const struct bill *now, const struct bill *after, const struct prices *prices,
    bool color, struct buf *out);
/* "12.40"; what is less than a cent shows as such. */
void bill_add_money(struct buf *out, double usd);
void bill_change_event(
    const struct bill *now, const struct bill *after, const struct prices *prices, struct buf *out);

#endif
