/*
 * What the types of postgres.* have in common. Their attributes are in specs/postgres.yaml, how the catalog
 * shows them in catalog/<type>.sql; here is how SQL makes, changes and removes them.
 *
 * A function that writes adds statements to `work->sql`, which go to the server as one message, and so as one
 * transaction. A type that has to do more runs that itself and leaves the text empty.
 */
#pragma once

#include "provider/postgres/server.h"

/* One change on its way. */
struct pg_work {
    struct op_ctx *ctx;
    struct session *session;
    bool again;                /* create: see struct attempt */
    unsigned teardown;         /* delete: what may go with it, see enum teardown */
    const struct value *prior; /* update, delete: what is there, as far as it was looked at; otherwise NULL */
    const struct value *desired; /* create, update */
    const struct value
        *changed;             /* update: names of attributes; create: NULL, which means all that is given */
    const struct value *live; /* set by those that know it without reading the catalog */
    struct buf sql;
};

typedef int pg_work_fn(struct pg_work *work, struct err *err);

struct pg_type {
    const char *name; /* "role" of postgres.role */
    const char *keys; /* what identifies it besides the database, with blanks between: its id, with slashes */
    const char *catalog; /* file with the query that shows it; NULL: `read` does */
    bool server_wide;    /* lies in no database */
    pg_work_fn *create, *update, *remove;
    /* What the catalog shows, as the file would say it. `prior` identifies it and may be the record; `fresh`:
     * it was just made from that. NULL: as it is. */
    const struct value *(*shape)(
        struct arena *arena, const struct value *prior, const struct value *live, bool fresh);
    /* What `as_stored` would be, for something that the record does not have: what the server makes of
     * work->desired. NULL: nothing of the kind. */
    int (*remember)(struct pg_work *work, const struct value **memory, struct err *err);
    /* Types that no query alone shows: *live NULL where it is not there. */
    int (*read)(struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err);
    /* The rest of resource_ops' functions, where there is something to do. */
    int (*prepare)(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
        const struct value **prepared, struct err *err);
    /* Adds to what is planned, or refuses it. `prior` NULL: it is made. */
    int (*plan)(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
        const struct value **planned, struct err *err);
    /* How much goes when it is deleted: writes a query of two numbers, of what is called `counted` and of
     * bytes. NULL: nothing but itself. */
    void (*count)(struct pg_work *work);
    const char *counted, *says;
    /* Whatever is there after an interrupted creation is what it would have made. */
    bool always_made;
    /* An interrupted creation: is what is there what it would have made? NULL: where nothing given differs.
     */
    int (*is_made)(struct op_ctx *ctx, const struct value *desired, const struct value *live, bool *made,
        struct err *err);
};

extern const struct pg_type pg_database, pg_role, pg_schema, pg_extension, pg_grant, pg_default_privileges,
    pg_table, pg_view, pg_migrations, pg_load, pg_statement, pg_query;

/* The operations of all of them. */
extern const struct resource_ops postgres_ops;

/* ---- ops.c ---- */

/* An attribute as it is given, or else its default. */
struct str text_of(const struct op_ctx *ctx, const struct value *object, const char *name);
bool flag_of(const struct op_ctx *ctx, const struct value *object, const char *name);
/* What the statement is about: as it is wanted, or as it was where it goes; and text_of() that. */
const struct value *pg_work_object(const struct pg_work *work);
struct str pg_work_text(const struct pg_work *work, const char *name);
/* Was it given, or does it change? */
bool pg_work_has(const struct pg_work *work, const char *name);
/* "schema"."name", for %s. */
struct str pg_work_name(struct pg_work *work, const char *schema, const char *name);
/* The session of the object's database. */
int object_session(struct op_ctx *ctx, const struct value *object, struct session **out, struct err *err);

/* ---- temporary_grant.c ---- */

struct borrowed {
    struct rows roles, between; /* between: the role that stands for them; none: who may not make any */
};

/*
 * After a refusal for want of privileges: makes the user a member of the roles that own what `work` is about,
 * as far as it may do that. False: there is none. Otherwise it is given back with temporary_grant_end(). What
 * a kill in between has left is taken back by temporary_grant_take_back(), which each new session of a user
 * that is no superuser begins with; only one that may not make roles keeps it, and can then do no more than
 * it can allow itself.
 */
bool temporary_grant_begin(struct pg_work *work, struct borrowed *borrowed);
void temporary_grant_end(struct pg_work *work, const struct borrowed *borrowed);
void temporary_grant_take_back(struct session *session);
#define AUTO_BORROWED __attribute__((cleanup(temporary_grant_clear)))
void temporary_grant_clear(struct borrowed *borrowed);

/* ---- catalog.c ---- */

/* One resource of that type, by its keys; *live NULL where it is not there. */
int catalog_look(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *prior, bool fresh, const struct value **live, struct err *err);
/* All of a list at once; `found` is called with what is there, complete with its id. */
int catalog_look_all(struct session *session, struct op_ctx *ctx, const struct pg_type *type,
    const struct value *const *priors, size_t n, resource_found *found, void *found_ctx, struct err *err);
/* The object in the first row of such a query; NULL where there is none. */
int catalog_row(struct op_ctx *ctx, const struct rows *rows, const struct value **live, struct err *err);
/* The query for these resources, as text; `wanted` a list of {key, …}. */
struct str catalog_query(
    struct session *session, struct arena *arena, const char *file, const struct value *wanted);
/* Both names with the database, where that is given, and slashes between. */
const struct value *catalog_id(struct op_ctx *ctx, const struct pg_type *type, const struct value *object);
