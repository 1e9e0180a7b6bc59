/* What no spec of AWS can express, by the name that a step's `native:` gives: see native.h. */
#include "provider/aws/types/native.h"

#include "base/random.h"
#include "provider/aws/s3/s3_empty.h"

/* A password that nobody has seen, made up here, so that no answer has to be trusted to bring it. */
static int generate_password(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    const struct value *how = value_getz(object, "generate"), *exclude = value_getz(how, "exclude");
    int64_t length = value_geti(how, "length", PASSWORD_LENGTH);
    struct str password;
    if (random_password(ctx->arena, value_text(exclude, PASSWORD_USUALLY_EXCLUDED),
            length < 0 ? 0 : (size_t)length, &password, err))
        return err_context(err, "generate");
    *result = value_with(ctx->arena, NULL, STR("Password"), value_string_ref(ctx->arena, password));
    return 0;
}

const struct native aws_natives[] = {
    {.name = "empty_bucket", .step = s3_empty_bucket},
    {.name = "count_bucket", .step = s3_count_bucket},
    {.name = "generate_password", .step = generate_password},
    {0},
};
