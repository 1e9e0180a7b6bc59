#include "provider/aws/s3.h"

const struct aws_service aws_s3_service = {
    .id = STR_INIT("s3"), .endpoint_prefix = STR_INIT("s3"), .signing_name = STR_INIT("s3"), .s3 = true};

int aws_s3_call(struct op_ctx *ctx, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct aws_call *call, struct wire_message *response, struct err *err)
{
    struct str body = call->request.body;
    if (wire_encode_request(ctx->arena, op, shape, input, &call->request, err))
        return -1;
    if (body.n)
        call->request.body = body;
    call->service = &aws_s3_service;
    call->op = op;
    call->idempotent = true; /* puts, deletes and reads of named things */
    call->cancel = ctx->cancel;
    *response = (struct wire_message){0};
    return aws_send(provider_aws(ctx->provider), call, ctx->arena, response, err);
}
