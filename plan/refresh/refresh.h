/*
 * Refresh: what the live services say about the resources in the state. Many threads read; each fills in its
 * own struct seen.
 */
#pragma once

#include "plan/planner.h"

/* ---- unreachable.c: Services that do not answer, and that the stack itself makes: an Airflow whose web
 * server has died, a database in a container that is gone. What is in such a service can be neither looked
 * at nor deleted; but it comes to be seen again when the same plan makes the service anew, and goes when the
 * service does.
 *
 * Whose a service is follows from the settings that say where it is (the attributes of a provider's settings
 * that `identify` it): the resources behind these in which a service may be (schema.serves) make it. Where
 * that is the very machine at the end of the provider's connection, so do those that make the machine. Of
 * anything else nobody can say what became of it, and its silence is an error.
 *
 * Order of calls: unreachable_note() when a service did not answer, by whoever holds the lock of the
 * planner's arena; unreachable_check() when all is decided (plan and apply); of a destroy unreachable_goes()
 * before something is left to go with its service, unreachable_is_over() when that went. */
struct unreachable {
    struct unreachable *next;
    struct str provider;
    struct err err;             /* the first that was heard of it */
    const struct decl **makers; /* resources of the stack, in its order */
    size_t maker_count;
    struct str why; /* for people, once that is known: unreachable_check() */
    bool orphaned;  /* what made it had gone before */
};

/* Is this what is heard of a service that is not there, or that broke with what it had stood on? */
bool unreachable_is(const struct err *err);
/* May a service be in this resource, as the stack says it? */
bool unreachable_serves(const struct decl *decl);
/* NULL: it answered so far. */
struct unreachable *unreachable_find(const struct planner *p, struct str provider);
/* NULL: that error is not silence, or the service is none of the stack's. */
struct unreachable *unreachable_note(struct planner *p, struct str provider, const struct err *err);
/* The same of a record of which the service went already, in a run that was cut off: it is not even known any
 * more where it was. */
struct unreachable *unreachable_note_of(
    struct planner *p, const struct record *record, const struct err *err);
/* Whether one may be left open: whoever made it knows no more, and nothing is lost by asking later. */
bool unreachable_leaves(struct planner *p, struct str provider, const struct err *err);

/* Address of what makes it, for people: of what is recorded, if anything is. */
struct str unreachable_maker(const struct planner *p, const struct unreachable *unreachable);
/* Destroy: do all that make it go in this very plan, or are they gone? And have they gone by now? */
bool unreachable_goes(const struct planner *p, const struct unreachable *unreachable);
bool unreachable_is_over(const struct planner *p, const struct unreachable *unreachable);

/* What could not be looked at stays as it was recorded where the plan makes its service anew, which is why
 * (unreachable.why); else it is an error. */
int unreachable_check(struct planner *p, struct err *err);
/* After that: finds p->plan->unread, of what is targeted. No plan may claim that it is as the stack says. */
void unreachable_list_unread(struct planner *p);

/* ---- refresh.c ---- */

/* After recorded_claim() and evaluate_fixed(). -1 with err where something could not be asked. */
int refresh_records(struct planner *p, struct err *err);
/* Only of those whose secrets providers and connections are configured with: a destroy looks at nothing else.
 */
int refresh_routes(struct planner *p, struct err *err);

/* ---- refresh_list.c: the tags of what a refresh looks at, asked for beforehand: services show them of one
 * thing at a time, but one that knows all of them takes a hundred names in a call.
 *
 * Order of calls: refresh_tags_want() for each resource, from one thread; refresh_tags_ask(); then
 * refresh_tags_of() from any; refresh_tags_release(). */
struct provider_tags;
struct refresh_tags {
    struct planner *p;
    struct provider_tags *providers; /* one for each provider */
    size_t provider_count, provider_cap;
};

/* `group`: one of those that are listed, whose tags cost a call together; NULL: this one's cost one alone. */
void refresh_tags_want(struct refresh_tags *tags, struct provider *provider, const struct schema *schema,
    const struct value *prior, const void *group);
/* Where it saves calls. What cannot be had so is left to who reads the resources. */
void refresh_tags_ask(struct refresh_tags *tags);
/* For op_ctx.known_tags; NULL: nothing is known. */
const struct map *refresh_tags_of(const struct refresh_tags *tags, const struct provider *provider);
void refresh_tags_release(struct refresh_tags *tags);

/* ---- Shared by refresh.c, refresh_list.c and refresh_read.c; nobody else uses it.
 *
 * Records of one type and provider make a group. Where the type has a bulk listing and the group is not
 * tiny, pages refresh it (refresh_list.c); what the listing does not cover, and what it shows as different (a
 * listing may lag behind), is read one at a time, many at a time (refresh_read.c). Only attributes that the
 * file or the record manages are asked for (refresh_read.c). */
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
    } * singles; /* to be read one at a time */
    size_t single_count, single_cap;
    struct refresh_tags tags;
    pthread_mutex_t lock; /* the planner's arena, and failure */
    atomic_bool failed;
    struct err err;
    const bool *routes; /* by declaration: only these are looked at; NULL: all */
};

/* From every thread. The first failure is the one that is reported. */
void refresh_fail(struct refresh *r, const struct err *err);
/* A service of the stack's own that does not answer: what to think of that is known when all is decided.
 * False: it is none of those. From every thread. */
bool refresh_note_unreachable(struct refresh *r, struct str provider, const struct err *err);
void refresh_note_ownership(struct refresh *r, struct seen *seen, const struct value *owner_tags);
/* It is taken to be as recorded; `unread`: because nobody could be asked. */
void refresh_leave(struct seen *seen, bool unread);

/* ---- refresh_read.c: what is asked for ---- */

bool refresh_is_readable(const struct schema *schema, struct str name);
/* Does the service keep it, and the record a hash of it at most? */
bool refresh_is_kept_secret(const struct schema *schema, const struct seen *seen, struct str name);
/* Names of attributes: what the file gives now, and what the last apply set. */
const struct value *refresh_wanted(
    struct planner *p, struct arena *arena, const struct schema *schema, const struct seen *seen);
/* The same of a whole group. */
const struct value *refresh_wanted_by(struct refresh *r, struct arena *arena, const struct group *group);

/* ---- refresh_list.c: in bulk ---- */

/* Is it worth a listing? With others that share it all of theirs count. */
void refresh_choose_bulk(struct refresh *r, struct group *group);
/* Lists r->groups[i], if that was chosen: for pool_run(). */
void refresh_list_group(void *refresh, size_t i);
/* Does the listing agree with the record wherever it has a say? */
bool refresh_listing_agrees(const struct group *group, const struct seen *seen);

/* ---- refresh_read.c: one at a time ---- */

/* What the listings have left, as r->singles. */
void refresh_collect_singles(struct refresh *r);
/* Reads r->singles[i]: for pool_run(). */
void refresh_read_single(void *refresh, size_t i);
