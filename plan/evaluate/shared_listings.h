/*
 * Shared by similar workspaces of one process, such as the members of a fleet: the network thread with its
 * connections, results of bulk listings, and data sources. Twenty states with one bucket each are refreshed
 * by one listing instead of twenty reads.
 *
 * Order of calls: shared_new(); workspace_open() with it in the options and shared_learn() for each;
 * plan_make() of each, from any thread; shared_free() when all workspaces are closed. Listings are cached
 * until then: make one plan of each.
 */
#pragma once

#include "plan/planner.h"

/* ---- data.c: cache of data sources. The same request with the same settings is sent once in a plan, and
 * once by all sharing workspaces. During an apply data sources are always read again. */
struct shared_data;

struct shared_data *shared_data_new(void);
void shared_data_free(struct shared_data *data);

/* ---- shared_listings.c ---- */

struct shared;
struct shared_data;

int shared_new(const struct http_options *options, struct shared **out, struct err *err);
void shared_free(struct shared *shared);
struct http_engine *shared_http(const struct shared *shared);
struct shared_data *shared_data(const struct shared *shared); /* its cache of data sources */

/* Adds the records of an open workspace to what each listing of their type looks for. */
void shared_learn(struct shared *shared, const struct workspace *workspace);

/* Returns how many recorded resources of the record's type and location all workspaces have; 0: nothing is
 * shared. */
size_t shared_count(struct shared *shared, const struct record *record);

/*
 * resource_ops.list for the location of `record`: the first caller makes the requests for all, concurrent
 * callers wait, and each gets all results. Without sharing (`shared` NULL, too) it just lists.
 */
int shared_list(struct shared *shared, const struct record *record, struct op_ctx *ctx,
    const struct list_filter *filter, resource_found *found, void *found_ctx, const struct value **covered,
    struct err *err);
