/*
 * The few S3 calls that C code makes by itself (objects, emptying a bucket). Everything else about S3 is in
 * specs/s3.yaml.
 */
#ifndef WEIR_PROVIDER_AWS_S3_H
#define WEIR_PROVIDER_AWS_S3_H

#include "provider/aws/client.h"
#include "provider/provider.h"

extern const struct aws_service aws_s3_service;

/* A call to S3 with a member each for these entries of `input`; *call may carry a body already. */
int aws_s3_call(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct wire_message *response, struct err *err);

#endif
