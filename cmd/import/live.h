/*
 * Stacks from what is there: everything with a tag, everything of a type, everything with another
 * stack's ownership tags. Each resource is read whole; what its type's defaults say is left out, and what is
 * another resource's ARN, id or name becomes a reference.
 */
#pragma once

#include "cmd/import/draft.h"

/* ---- live.c: one resource by its id, all of a type, all that have a tag ---- */

struct look {
    struct provider *provider;
    struct arena *arena;
};

/* What the service's answers say of a resource besides its attributes. */
struct look_answers {
    struct arena *arena;
    const struct value *documents; /* a list; NULL: none */
    bool made_by_aws;
};

/* *live NULL: there is none. With all that can be read of it. `answers` may be NULL. */
int look_at(struct look *look, const struct schema *schema, struct str id, const struct value **live,
    struct look_answers *answers, struct err *err);
/* What an ARN says of a resource of that type; *object NULL: it is not of that type. */
int look_by_arn(struct look *look, const struct schema *schema, struct str arn, const struct value **object,
    struct err *err);
/* The object with what follows from it, such as its id. */
int look_predict(struct look *look, const struct schema *schema, const struct value *object,
    const struct value **whole, struct err *err);
/* What has the name that `named` has; *object NULL: nothing. */
int look_namesake(struct look *look, const struct schema *schema, const struct value *named,
    const struct value **object, struct err *err);
/* The one whose attribute has that value, by a listing; *object NULL: there is none, or no listing. */
int look_find(struct look *look, const struct schema *schema, struct str attr, struct str text,
    const struct value **object, struct err *err);
/* Calls `found` for each that is listed, one after the other. `priors`: what resources of the type can be in,
 * where they are listed for each of another. */
int look_list(struct look *look, const struct schema *schema, const struct value *const *priors, size_t n,
    resource_found *found, void *found_ctx, struct err *err);

struct live_wanted {
    struct str tag_key, tag_value; /* "" no tag */
    const struct str *types;
    size_t type_count;
    /* Where files are fetched into; NULL: none are. `force`: over what is there. */
    struct http_engine *http;
    const char *folder;
    bool force;
};

int live_read(struct draft *draft, struct look *look, const struct live_wanted *wanted, struct err *err);

/*
 * The rest is for live*.c only: live_find.c finds what there is, and fetches what the service has only beside
 * its answers; live_parents.c finds what is part of another resource or of the account; live_settings.c makes
 * attributes of what the service reports; live.c puts all into the draft.
 */
struct live_resource {
    const struct schema *schema;
    struct str id, arn, address; /* address: the address that its ownership tag names; "" none */
    bool perhaps;                /* nothing lists it: whether it is there only a look tells */
    const struct value *found;   /* what a listing or its ARN says of it; NULL: nothing but the id */
    const struct value *live;
    struct draft_resource *resource; /* NULL: left out */
    struct map needs;                /* names of those that it refers to -> struct live_resource */
    unsigned walk;                   /* along `needs`, that came here last */
};

struct live {
    struct arena *arena;
    struct draft *draft;
    struct look *look;
    const struct live_wanted *wanted;
    struct live_resource **items;
    size_t n, cap;
    struct map known;       /* "type id" */
    struct map by_text;     /* ARNs, ids, names -> struct owned */
    struct map made_by_aws; /* type -> struct value, how many */
    const struct schema *listed;
    struct str address; /* these two: of what is being added */
    bool perhaps;
    unsigned walks; /* along `needs` */
};

/* ---- live_find.c ---- */

/* Everything that is wanted, into l->items. */
int live_find(struct live *l, const struct live_wanted *wanted, struct err *err);

/*
 * What the answers have of an attribute that none has as such: fields of it, or a file that is fetched, and
 * becomes an artifact. NULL: nothing of it. The comment gets a line where there is a file, or none came.
 */
struct tree *live_elsewhere(struct live *l, const struct live_resource *one, const struct attr *attr,
    const struct value *documents, struct buf *comment);

/* ---- live_parents.c ---- */

/* NULL: it is not a type of a spec. */
const struct spec_type *live_spec(const struct schema *schema);
/* Why not everything of a type can be found; 0: it can. */
int live_check_listed(struct live *l, const struct schema *schema, struct err *err);
/* Does the service list what there is of the type? False: only a look tells, at each that could be there. */
bool live_is_listed(struct live *l, const struct schema *schema);
/* Calls `found` for each of a type that is there, or could be, with little more than what identifies it. */
int live_list(
    struct live *l, const struct schema *schema, resource_found *found, void *found_ctx, struct err *err);

/* ---- live_settings.c ---- */

/* A line above a resource, whatever texts of a service are in it. */
void live_comment(struct buf *comment, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The attributes of one as a draft gives them: all that the service reports and the file may set, but for
 * defaults. What it reports and weir cannot give is named in *comment. NULL, with *why, where something is
 * missing without which there is no such resource.
 */
struct tree *live_settings(struct live *l, const struct live_resource *one, const struct value *answers,
    struct str *comment, struct str *why);
