/*
 * What the workspaces of one process share when they are many of one kind, as the members of a fleet: the
 * network thread with its connections, what bulk listings say, and data sources. Twenty states that each know
 * one bucket are refreshed by one listing, not by twenty reads.
 *
 * Order of calls: shared_new(); workspace_open() with it in the options and shared_learn() for each of them;
 * then plan_make() of each, from any thread; shared_free() when all workspaces are closed. What was listed
 * holds as long as it: one plan of each.
 */
#pragma once

#include "plan/planner.h"

/* ---- data.c: what data sources say: the same question, asked by the same settings, is asked once in a
 * plan, and once by workspaces that share (plan/evaluate/shared_listings.h), as the members of a fleet do.
 * What is asked while a plan is applied is always asked anew. */
struct shared_data;

struct shared_data *shared_data_new(void);
void shared_data_free(struct shared_data *data);

/* ---- shared_listings.c ---- */

struct shared;
struct shared_data;

int shared_new(const struct http_options *options, struct shared **out, struct err *err);
void shared_free(struct shared *shared);
struct http_engine *shared_http(const struct shared *shared);
struct shared_data *shared_data(const struct shared *shared); /* plan/evaluate/shared_listings.h */

/* What the state of an open workspace knows is asked for by every listing of its type. */
void shared_learn(struct shared *shared, const struct workspace *workspace);

/* How many recorded resources all of them have of the record's type, where that one is; 0: nothing is shared.
 */
size_t shared_count(struct shared *shared, const struct record *record);

/*
 * resource_ops.list for the location of `record`, for all at once: the first that asks makes the calls, those
 * that come meanwhile wait, and everybody hears of everything. Where nothing is shared (`shared` NULL, too)
 * it is just that.
 */
int shared_list(struct shared *shared, const struct record *record, struct op_ctx *ctx,
    const struct list_filter *filter, resource_found *found, void *found_ctx, const struct value **covered,
    struct err *err);
