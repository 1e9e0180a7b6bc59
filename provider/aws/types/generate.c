/*
 * `generate_password`: a password that nobody has seen, made up here, so that no answer has to be trusted to
 * bring it.
 */
#include "provider/aws/types/native.h"

#include "base/random.h"

int generate_password(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    const struct value *how = value_getz(object, "generate"), *exclude = value_getz(how, "exclude");
    int64_t length = value_geti(how, "length", PASSWORD_LENGTH);
    struct str password;
    if (random_password(ctx->arena, value_text(exclude, PASSWORD_USUALLY_EXCLUDED),
            length < 0 ? 0 : (size_t)length, &password, err))
        return err_context(err, "generate");
    struct value_entry entry = {STR("Password"), value_string_ref(ctx->arena, password)};
    *result = value_map(ctx->arena, &entry, 1);
    return 0;
}
