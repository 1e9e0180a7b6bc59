/*
 * The few S3 calls that C code makes by itself (objects, emptying a bucket). Everything else about S3 is in
 * specs/s3.yaml.
 */
#pragma once

#include "provider/aws/client.h"
#include "provider/provider.h"

#define S3_HASH_HEADER "weir-sha256" /* in an object's metadata */

extern const struct aws_service aws_s3_service;
/* bucket and key in the path, and what headers say of an object, under the names of aws.s3.object's
 * attributes. */
extern const struct shape aws_s3_object_shape;
/* With the checksum that goes with an upload. */
extern const struct shape aws_s3_put_shape;
/* bucket and key alone. */
extern const struct shape aws_s3_name_shape;

#define S3_OPERATION(name_, method_, query_) S3_ANSWERED(name_, method_, query_, "")
/* One that answers with this element. */
#define S3_ANSWERED(name_, method_, query_, root_)                                                           \
    {                                                                                                        \
        .name = STR_INIT(name_), .protocol = WIRE_REST_XML, .method = STR_INIT(method_),                     \
        .path = STR_INIT("/{Bucket}/{Key+}"), .query = STR_INIT(query_), .root = STR_INIT(root_)             \
    }

/* A call to S3 with a member each for these entries of `input`; *call may carry a body already. */
int aws_s3_prepare(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct err *err);
/* … and sent. */
/* For what is asked; as aws_ask(). */
int aws_s3_ask(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, const char *needs, const struct value **document, struct err *err);
int aws_s3_call(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct wire_message *response, struct err *err);

/* An entity tag without the quotes around it. */
struct str aws_s3_unquoted(struct str etag);

/* Of the types that put content into buckets; see struct resource_ops. */
void aws_s3_content_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out);
/* On what one of these is needed (resource_ops.scope); `keys` may end with a star, "" is not known. */
const struct value *aws_s3_content_scope(
    struct arena *arena, struct str action, struct str bucket, struct str keys);
