/*
 * Refresh: reads the live objects of recorded resources. Many threads read; each fills in its own struct
 * recorded_resource.
 */
#pragma once

#include "plan/planner.h"

/* ---- unreachable.c: unreachable services that the stack itself creates: an Airflow whose web server has
 * crashed, a database in a deleted container. Resources in such a service can be neither read nor deleted.
 * They become visible again if the same plan creates the service anew, and are deleted together with it.
 *
 * The settings that locate a service (attributes of the provider's settings with `identify`) tell its makers:
 * the resources that these settings depend on and that can contain a service (schema.serves). If the service
 * is on the host at the end of the provider's connection, the makers of that host count, too. Any other
 * unreachable service is an error, since its state is unknown.
 *
 * Order of calls: unreachable_note() when a service was unreachable, with the lock of the planner's arena;
 * unreachable_check() when all is decided (plan and apply). In a destroy: unreachable_is_deleted() before a
 * resource is left to be deleted with its service, unreachable_is_over() after the service was deleted. */
struct unreachable {
    struct unreachable *next;
    struct str provider;
    struct err err;             /* the first error */
    const struct decl **makers; /* resources of the stack that create it, in the stack's order */
    size_t maker_count;
    struct str why; /* for messages, set by unreachable_check() */
    bool orphaned;  /* its makers had been deleted before */
};

/* True if the error may mean an unreachable or broken service. */
bool unreachable_is(const struct err *err);
/* True if a service can be in this resource, as the stack configures it. */
bool unreachable_serves(const struct decl *decl);
/* NULL: it was reachable so far. */
struct unreachable *unreachable_find(const struct planner *p, struct str provider);
/* NULL: the error means something else, or the stack does not create the service. */
struct unreachable *unreachable_note(struct planner *p, struct str provider, const struct err *err);
/* The same for a record whose service was deleted by an interrupted run, so that its location is unknown. */
struct unreachable *unreachable_note_of(
    struct planner *p, const struct record *record, const struct err *err);
/* True if an intent may stay open: the stack creates the service, and a later lookup loses nothing. */
bool unreachable_stays_open(struct planner *p, struct str provider, const struct err *err);

/* Address of its maker, for messages: a recorded one, if any. */
struct str unreachable_maker(const struct planner *p, const struct unreachable *unreachable);
/* Destroy: unreachable_is_deleted() is true if this plan deletes all its makers or they are deleted already;
 * unreachable_is_over() if they are deleted now. */
bool unreachable_is_deleted(const struct planner *p, const struct unreachable *unreachable);
bool unreachable_is_over(const struct planner *p, const struct unreachable *unreachable);

/* Resources that could not be read stay as recorded if the plan changes the service's makers, with the reason
 * in unreachable.why. Otherwise returns the error. */
int unreachable_check(struct planner *p, struct err *err);
/* Fills p->plan->unread after that, with targeted resources. No plan may claim that these are unchanged. */
void unreachable_list_unread(struct planner *p);

/* ---- refresh.c ---- */

/* After recorded_claim() and evaluate_fixed(). Returns -1 with err if a resource could not be read. */
int refresh_records(struct planner *p, struct err *err);
/* The same for resources whose secrets configure providers and connections: a destroy reads no others. */
int refresh_routes(struct planner *p, struct err *err);

/* ---- refresh_list.c: tags of the refreshed resources. Services return the tags of one resource per call;
 * the tagging API returns those of a hundred.
 *
 * Order of calls: refresh_tags_want() for each resource, from one thread; refresh_tags_ask();
 * refresh_tags_of() from any thread; refresh_tags_release(). */
struct provider_tags;
struct refresh_tags {
    struct planner *p;
    struct provider_tags *providers; /* one for each provider */
    size_t provider_count, provider_cap;
};

/* `group`: a listing that would read its tags in one call for all its members; NULL: one call for this
 * resource alone. */
void refresh_tags_want(struct refresh_tags *tags, struct provider *provider, const struct schema *schema,
    const struct value *prior, const void *group);
/* Reads tags if that saves calls. Missing tags are read with the resources. */
void refresh_tags_ask(struct refresh_tags *tags);
/* For op_ctx.known_tags; NULL: nothing is known. */
const struct map *refresh_tags_of(const struct refresh_tags *tags, const struct provider *provider);
void refresh_tags_release(struct refresh_tags *tags);

/* ---- Shared by refresh.c, refresh_list.c and refresh_read.c only.
 *
 * A group has the records of one type and provider. If the type has a bulk listing and the group is large
 * enough, pages refresh it (refresh_list.c). Resources that the listing does not cover or shows as changed
 * (listings may lag behind) are read one at a time, in parallel (refresh_read.c). Only attributes that the
 * file or the record manages are read. */
struct group {
    const struct schema *schema;
    struct provider *provider;
    struct recorded_resource **items;
    size_t n, cap;
    struct map by_id;            /* id -> struct recorded_resource * */
    const struct value *wanted;  /* names of wanted attributes of all its members */
    const struct value *covered; /* attributes that the listing returned; NULL: not listed */
    bool bulk;                   /* it will be listed */
    size_t page_limit;           /* 0: no limit */
    bool listed, unreachable;
};

struct refresh {
    struct planner *p;
    struct group *groups;
    size_t group_count, group_cap;
    struct {
        struct group *group;
        struct recorded_resource *recorded;
    } * singles; /* to be read one at a time */
    size_t single_count, single_cap;
    struct refresh_tags tags;
    pthread_mutex_t lock; /* guards the planner's arena, failed and err */
    atomic_bool failed;
    struct err err;
    const bool *routes; /* by declaration: only these are read; NULL: all */
};

/* From any thread. The first failure is reported. */
void refresh_fail(struct refresh *r, const struct err *err);
/* Notes an unreachable service; it is handled when all is decided. False: the stack does not create the
 * service. From any thread. */
bool refresh_note_unreachable(struct refresh *r, struct str provider, const struct err *err);
void refresh_note_ownership(
    struct refresh *r, struct recorded_resource *recorded, const struct value *owner_tags);
/* Uses the recorded attributes as live ones; `unread`: because the service is unreachable. */
void refresh_leave(struct recorded_resource *recorded, bool unread);

/* ---- refresh_read.c: attributes to read ---- */

bool refresh_is_readable(const struct schema *schema, struct str name);
/* True if the service keeps the attribute's secret, of which the record may have only a hash. */
bool refresh_is_kept_secret(
    const struct schema *schema, const struct recorded_resource *recorded, struct str name);
/* Names of attributes that the file configures now or the last apply set. */
const struct value *refresh_wanted(struct planner *p, struct arena *arena, const struct schema *schema,
    const struct recorded_resource *recorded);
/* The same for a whole group. */
const struct value *refresh_wanted_by(struct refresh *r, struct arena *arena, const struct group *group);

/* ---- refresh_list.c: in bulk ---- */

/* Decides whether to list the group. Resources of workspaces that share listings count, too. */
void refresh_choose_bulk(struct refresh *r, struct group *group);
/* Lists r->groups[i] if that was decided; for pool_run(). */
void refresh_list_group(void *refresh, size_t i);
/* True if the listing equals the record in all covered attributes. */
bool refresh_listing_agrees(const struct group *group, const struct recorded_resource *recorded);

/* ---- refresh_read.c: one at a time ---- */

/* Collects in r->singles what the listings did not cover. */
void refresh_collect_singles(struct refresh *r);
/* Reads r->singles[i]; for pool_run(). */
void refresh_read_single(void *refresh, size_t i);
