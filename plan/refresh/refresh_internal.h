/*
 * Shared by refresh.c, refresh_wanted.c, refresh_list.c and refresh_read.c; nobody else includes it.
 *
 * Records of one type and provider make a group. Where the type has a bulk listing and the group is not
 * tiny, pages refresh it (refresh_list.c); what the listing does not cover, and what it shows as different (a
 * listing may lag behind), is read one by one, many at a time (refresh_read.c). Only attributes that the file
 * or the record manages are asked for (refresh_wanted.c).
 */
#pragma once

#include "base/lock.h"
#include "plan/refresh/refresh.h"
#include "plan/refresh/refresh_tags.h"

struct group {
    const struct schema *schema;
    struct provider *provider;
    struct seen **items;
    size_t n, cap;
    struct map by_id;            /* id -> struct seen * */
    const struct value *wanted;  /* union over the group */
    const struct value *covered; /* by the listing; NULL: not listed */
    bool bulk;                   /* to be listed */
    size_t page_limit;           /* 0: however many pages that are */
    bool listed, unreachable;
};

struct refresh {
    struct planner *p;
    struct group *groups;
    size_t group_count, group_cap;
    struct {
        struct group *group;
        struct seen *seen;
    } * singles; /* to be read one by one */
    size_t single_count, single_cap;
    struct refresh_tags tags;
    pthread_mutex_t lock; /* the planner's arena, and failure */
    atomic_bool failed;
    struct err err;
    const bool *ways; /* by declaration: only these are looked at; NULL: all */
};

/* From every thread. The first failure is the one that is told. */
void refresh_fail(struct refresh *r, const struct err *err);
/* A service of the stack's own that does not answer: what to think of that is known when all is decided.
 * False: it is none of those. From every thread. */
bool refresh_note_unreachable(struct refresh *r, struct str provider, const struct err *err);
void refresh_note_marks(struct refresh *r, struct seen *seen, const struct value *marks);
/* It is taken to be as recorded; `unread`: because nobody could be asked. */
void refresh_leave(struct seen *seen, bool unread);

/* ---- refresh_wanted.c: what is asked for ---- */

bool refresh_is_readable(const struct schema *schema, struct str name);
/* Does the service keep it, and the record a hash of it at most? */
bool refresh_is_kept_secret(const struct schema *schema, const struct seen *seen, struct str name);
/* Names of attributes: what the file gives now, and what the last apply set. */
const struct value *refresh_wanted(
    struct planner *p, struct arena *arena, const struct schema *schema, const struct seen *seen);
/* The same of a whole group. */
const struct value *refresh_wanted_by(struct refresh *r, struct arena *arena, const struct group *group);
/* Names in `wanted` that `covered` lacks. */
const struct value *refresh_left(
    struct arena *arena, const struct value *wanted, const struct value *covered);

/* ---- refresh_list.c: in bulk ---- */

/* Is it worth a listing? With others that share it all of theirs count. */
void refresh_choose_bulk(struct refresh *r, struct group *group);
/* Lists r->groups[i], if that was chosen: for pool_run(). */
void refresh_list_group(void *refresh, size_t i);
/* Does the listing agree with the record wherever it has a say? */
bool refresh_listing_agrees(const struct group *group, const struct seen *seen);

/* ---- refresh_read.c: one by one ---- */

/* What the listings have left, as r->singles. */
void refresh_collect_singles(struct refresh *r);
/* Reads r->singles[i]: for pool_run(). */
void refresh_read_single(void *refresh, size_t i);
