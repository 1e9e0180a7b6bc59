/*
 * Converts live resources to a stack: all with a tag, all of a type, all with another stack's ownership tags.
 * Each resource is read completely; values that equal the type's defaults are left out, and ARNs, ids and
 * names of other resources become references.
 */
#pragma once

#include "cmd/import/draft.h"

/* ---- live.c: reads one resource by id, or lists all of a type or with a tag ---- */

struct lookup {
    struct provider *provider;
    struct arena *arena;
};

/* Data in responses besides the attributes. */
struct lookup_responses {
    struct arena *arena;
    const struct value *documents; /* a list of responses; NULL: none */
    bool made_by_aws;
};

/* Reads all attributes of a resource. *live NULL: it does not exist. `answers` may be NULL. */
int lookup_read(struct lookup *lookup, const struct schema *schema, struct str id, const struct value **live,
    struct lookup_responses *answers, struct err *err);
/* Returns the context for the type's other operations. */
struct op_ctx lookup_context(struct lookup *lookup, const struct schema *schema);
/* Finds a resource by an attribute's value with a listing; *object NULL: none, or the type has no listing. */
int lookup_find(struct lookup *lookup, const struct schema *schema, struct str attr, struct str text,
    const struct value **object, struct err *err);
/* Calls `found` for each listed resource, not concurrently. `priors`: the parents, if the type is listed for
 * each parent. */
int lookup_list(struct lookup *lookup, const struct schema *schema, const struct value *const *priors,
    size_t n, resource_found *found, void *found_ctx, struct err *err);

struct live_wanted {
    struct str tag_key, tag_value; /* "": no tag */
    const struct str *types;
    size_t type_count;
    /* The folder for downloaded files; NULL: none are downloaded. `force`: overwrites files. */
    struct http_engine *http;
    const char *folder;
    bool force;
};

int live_read(struct draft *draft, struct lookup *lookup, const struct live_wanted *wanted, struct err *err);

/*
 * The following is for live*.c only: live_find.c finds resources and downloads files beside the responses;
 * live_parents.c finds parts of other resources and account settings; live_settings.c converts reported
 * values to attributes; live.c writes the draft.
 */
struct live_resource {
    const struct schema *schema;
    struct str id, arn, address; /* address: the address in its ownership tag; "": none */
    bool unlisted;               /* not listed: only reading it tells whether it exists */
    const struct value *found;   /* attributes from a listing or its ARN; NULL: only the id is known */
    const struct value *live;
    struct draft_resource *resource; /* NULL: left out */
    struct draft_needs needs;
};

struct live {
    struct arena *arena;
    struct draft *draft;
    struct lookup *lookup;
    const struct live_wanted *wanted;
    struct live_resource **items;
    size_t n, cap;
    struct map known;       /* "type id" */
    struct map by_text;     /* ARNs, ids, names -> struct owned * */
    struct map made_by_aws; /* type -> struct value *, the number */
    const struct schema *listed;
    struct str account, region; /* of the environment; account "": unknown */
    struct str address;         /* address and perhaps apply to the resource that is being added */
    bool perhaps;
    unsigned walks; /* number of walks along `needs` */
};

/* ---- live_find.c ---- */

/* Finds all wanted resources and adds them to l->items. */
int live_find(struct live *l, const struct live_wanted *wanted, struct err *err);

/*
 * Returns an attribute that is not in the responses as such: composed of their fields, or a downloaded file
 * as an artifact. NULL: not available. Adds a line to the comment about the file.
 */
struct tree *live_composed(struct live *l, const struct live_resource *one, const struct attr *attr,
    const struct value *documents, struct buf *comment);

/* ---- live_parents.c ---- */

/* Returns NULL if the type is not in a spec. */
const struct spec_type *live_spec(const struct schema *schema);
/* Returns 0 if all resources of the type can be found, otherwise -1 with the reason. */
int live_check_listed(struct live *l, const struct schema *schema, struct err *err);
/* Returns whether the service lists the type. Otherwise each possible resource has to be read. */
bool live_is_listed(struct live *l, const struct schema *schema);
/* Calls `found` for each existing or possible resource of a type, with the attributes that identify it. */
int live_list(
    struct live *l, const struct schema *schema, resource_found *found, void *found_ctx, struct err *err);

/* ---- live_settings.c ---- */

/* Adds a line above a resource, safe for text from services. */
void live_comment(struct buf *comment, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Returns the attributes for the draft: all settable attributes that the service reports, without defaults.
 * Unsupported settings are listed in *comment. NULL with *why if a required value is missing.
 */
struct tree *live_settings(struct live *l, const struct live_resource *one, const struct value *answers,
    struct str *comment, struct str *why);
