/* Looking at what is there: one thing by its id, everything of a type, all that bears a tag. */
#pragma once

#include "provider/provider.h"

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
