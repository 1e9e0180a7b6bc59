/*
 * Prices: the charges of a resource by type. The table is provider/aws/prices.yaml; prices that `weir cost
 * update` has stored replace those in the table.
 *
 *     prices:
 *       db: {per: hour, usd: {db.t3.micro: 0.018}}       # by a key; or one number for all
 *     types:
 *       aws.rds.instance:
 *         - {what: "${instance_class}", price: db, key: "${instance_class}",
 *            times: "${multi_az == true ? 2 : 1}"}
 *
 * With `each`, an expression that gives a list, a line applies to each item, which expressions use as `each`.
 * `per: hour` and `per: month` are fixed costs; all other prices are by usage, and `use` is the name under
 * which `usage:` of a stack gives the monthly amount. Expressions can use the resource's attributes and,
 * under `behind`, those of the resources that it refers to, by type: the cost of an Auto Scaling group
 * depends on its launch template.
 *
 * CloudFormation types cost the same as weir's own types: `cloudformation` maps properties to the attributes
 * that the expressions use.
 *
 * `usd_per_hour` in `usage:` applies to resources without a price (estimate.c).
 *
 * US dollars; a month has 730 hours. One thread.
 */
#pragma once

#include "provider/aws/client.h"

#define HOURS_A_MONTH 730.0
#define PRICES_BEHIND "behind"

enum charge_kind {
    CHARGE_FIXED,   /* a fixed cost */
    CHARGE_USED,    /* by usage */
    CHARGE_UNKNOWN, /* a value is known after apply, or there is no price: see `why` */
};

struct charge {
    enum charge_kind kind;
    struct str what;   /* "db.t3.micro" */
    double hourly;     /* THERE: the cost per hour; USED: the cost of the configured usage, averaged over the
                          month */
    struct str unit;   /* USED: "GB" */
    struct str use;    /* USED: the name under `usage:` */
    double unit_price; /* USED: price of one unit */
    bool configured;   /* USED: `usage:` has the amount */
    struct str why;    /* UNKNOWN: "no price of db.x1.large" */
};

enum priced {
    PRICED_NOT,  /* the type is not in the table */
    PRICED_FREE, /* it has no cost of its own */
    PRICED,
};

struct prices;

/* Loads the table. `kept`: the file that `weir cost update` wrote; NULL: none. The arena has to outlive the
 * prices. */
int prices_load(struct arena *arena, const char *kept, struct prices **out, struct err *err);
void prices_free(struct prices *prices);
struct str prices_date(const struct prices *prices);   /* "2025-06-01" */
struct str prices_region(const struct prices *prices); /* "us-east-1" */

/* Converts an object of a CloudFormation type to the attributes that the expressions of `own` use. */
const struct value *prices_as_own(struct prices *prices, const struct schema *own,
    const struct schema *theirs, const struct value *object, struct arena *arena);

/*
 * Returns the charges of a resource, allocated in the arena. `object`: its known attributes; `usage`: a map
 * of monthly usage, or NULL.
 */
enum priced prices_of(struct prices *prices, const struct schema *schema, const struct value *object,
    const struct value *usage, struct arena *arena, const struct charge **charges, size_t *n);

/* ---- prices.c: fetches all prices of the table with an `of` (the service's product attributes) for one
 * region (pricing:GetProducts, AWS Price List;
 * https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/). */
/*
 * Returns the table as JSON with the region's prices. `found` of `asked` prices exist. Returns -1 with err.
 */
int prices_update(const struct prices *prices, struct aws_client *client, struct str region,
    struct arena *arena, struct buf *out, size_t *found, size_t *asked, struct err *err);
