/* The tagging API of a region: what bears which tags, of one type or of all that it knows. */
#pragma once

#include "provider/aws/client.h"

extern const struct aws_service aws_tagging_service;

struct aws_tagged {
    struct str type;             /* "glue:job"; "" of every type */
    const struct value *filters; /* aws_tag_filter(); NULL: whatever its tags are */
    const atomic_bool *cancel;   /* may be NULL */
};

/* Of one thread; tags is a map, in the arena. */
typedef void aws_tagged_found(void *ctx, struct str arn, const struct value *tags);

enum { AWS_TAGGED_AT_ONCE = 100 }; /* so many can be asked about by name in one call */

/* Every page. */
int aws_tagged(struct aws_client *client, struct arena *arena, const struct aws_tagged *wanted,
    aws_tagged_found *found, void *found_ctx, struct err *err);
/* The same of these alone, however many others there are; what never had a tag is passed over. Of a server
 * that cannot be asked so it is all of the type, or, without one, -1. */
int aws_tagged_of(struct aws_client *client, struct arena *arena, const struct str *arns, size_t n,
    const struct aws_tagged *wanted, aws_tagged_found *found, void *found_ctx, struct err *err);
/* That the tag `key` is `text`; that there is one, where that is empty. */
const struct value *aws_tag_filter(struct arena *arena, const char *key, struct str text);
