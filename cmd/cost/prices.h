/*
 * Prices: what a resource of a type pays for, and how much. The table is provider/aws/prices.yaml; prices in
 * it are replaced by those that `weir cost update` has kept.
 *
 *     prices:
 *       db: {per: hour, usd: {db.t3.micro: 0.018}}       # by a key; or one number for all
 *     types:
 *       aws.rds.instance:
 *         - {what: "${instance_class}", price: db, key: "${instance_class}", times: "${multi_az == true ? 2 :
 * 1}"}
 *
 * With `each`, an expression that gives a list, a line is one for each item, which expressions know as
 * `each`. `per: hour` and `per: month` are paid for being there, everything else by use: then `use` is the
 * name under which `usage:` of a stack says how many a month. Expressions know the resource's attributes, and
 * under `behind` those of the resources that it refers to, by their types: a group of instances pays for what
 * its launch template says.
 *
 * Types of CloudFormation cost what weir's own types for the same things do: `cloudformation` says which
 * properties the attributes are that the expressions ask for.
 *
 * What `usage:` says as `usd_per_hour` counts where that gives no price (estimate.c).
 *
 * US dollars; a month has 730 hours. One thread.
 */
#pragma once

#include "provider/aws/client.h"

#define HOURS_A_MONTH 730.0
#define PRICES_BEHIND "behind"

enum charge_kind {
    CHARGE_THERE,   /* paid for being there */
    CHARGE_USED,    /* paid by use */
    CHARGE_UNKNOWN, /* what it depends on is known after apply, or there is no such price: see `why` */
};

struct charge {
    enum charge_kind kind;
    struct str what;   /* "db.t3.micro" */
    double hourly;     /* THERE: all of it, an hour; USED: the use that is given, spread over the month */
    struct str unit;   /* USED: "GB" */
    struct str use;    /* USED: its name under `usage:` */
    double unit_price; /* USED: of one */
    bool configured;   /* USED: `usage:` says how many */
    struct str why;    /* UNKNOWN: "no price of db.x1.large" */
};

enum priced {
    PRICED_NOT,  /* nothing is known of the type */
    PRICED_FREE, /* it costs nothing by itself */
    PRICED,
};

struct prices;

/* `kept`: the file that `weir cost update` wrote, where there is one; NULL: none. The arena has to outlive
 * it. */
int prices_load(struct arena *arena, const char *kept, struct prices **out, struct err *err);
void prices_free(struct prices *prices);
struct str prices_date(const struct prices *prices);   /* "2025-06-01" */
struct str prices_region(const struct prices *prices); /* "us-east-1" */

/* The attributes that `own` asks for, out of an object of CloudFormation's type for the same thing. */
const struct value *prices_as_own(struct prices *prices, const struct schema *own,
    const struct schema *theirs, const struct value *object, struct arena *arena);

/*
 * What a resource pays for. `object`: its attributes as far as they are known; `usage`: a map of what is used
 * a month, or NULL. Charges are in the arena.
 */
enum priced prices_of(struct prices *prices, const struct schema *schema, const struct value *object,
    const struct value *usage, struct arena *arena, const struct charge **charges, size_t *n);

/* ---- prices.c: Fetching prices: every price of the table that says under `of` where the service has it
 * is asked for (pricing:GetProducts, AWS Price List; https://docs.aws.amazon.com/aws-cost-
 * management/latest/APIReference/) for one region. */
/*
 * The table to keep, as JSON, with the prices of `region` where the service has them. `found` of `asked`
 * prices were there. -1: err.
 */
int prices_update(const struct prices *prices, struct aws_client *client, struct str region,
    struct arena *arena, struct buf *out, size_t *found, size_t *asked, struct err *err);
