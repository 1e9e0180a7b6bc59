/*
 * `generate_password`: a password that nobody has seen, made up here, so that no answer has to be trusted to
 * bring it. Each character is drawn by itself, without preferring any; there is one of each class that is not
 * excluded, as databases with rules of their own want it.
 */
#include "provider/aws/types/native.h"

#include "base/hash.h"
#include "base/mask.h"

enum { LENGTH = 32, LENGTH_MAX = 512, DRAWS_MAX = 1000, LEAST_DIFFERENT = 10 };

static const char usually_excluded[] = "'\"@/\\ ";
static const char *const classes[] = {"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789", "!#$%&()*+,-.:;<=>?[]^_{|}~'\"@/\\`"};

/* What is left of all characters; how many of each class. */
static struct str allowed(struct arena *arena, struct str excluded, bool wanted[4])
{
    AUTO_BUF struct buf all = BUF_INIT;
    for (size_t c = 0; c < 4; c++) {
        wanted[c] = false;
        for (const char *at = classes[c]; *at; at++)
            if (str_find_char(excluded, *at, 0) < 0) {
                buf_add_char(&all, *at);
                wanted[c] = true;
            }
    }
    return arena_str(arena, buf_str(&all));
}

static char draw(struct str alphabet)
{
    unsigned char byte, limit = (unsigned char)(256 - 256 % alphabet.n);
    do
        hash_random(&byte, 1);
    while (limit && byte >= limit);
    return alphabet.p[byte % alphabet.n];
}

static bool has_one_of_each(struct str password, const bool wanted[4])
{
    for (size_t c = 0; c < 4; c++) {
        bool any = !wanted[c];
        for (size_t i = 0; i < password.n && !any; i++)
            any = strchr(classes[c], password.p[i]) != NULL;
        if (!any)
            return false;
    }
    return true;
}

int generate_password(
    struct op_ctx *ctx, const struct value *object, const struct value **result, struct err *err)
{
    const struct value *how = value_getz(object, "generate"), *exclude = value_getz(how, "exclude");
    int64_t length = value_geti(how, "length", LENGTH);
    bool wanted[4];
    char text[LENGTH_MAX];
    struct str alphabet = allowed(ctx->arena, value_text(exclude, str_z(usually_excluded)), wanted);
    if (alphabet.n < LEAST_DIFFERENT || length < 1 || length > LENGTH_MAX)
        return err_set(
            err, ERR_INVALID, "generate: %zu characters are left to make a password of", alphabet.n);
    struct str password = str_n(text, (size_t)length);
    for (int tries = 0; tries == 0 || (tries < DRAWS_MAX && !has_one_of_each(password, wanted)); tries++)
        for (int64_t i = 0; i < length; i++)
            text[i] = draw(alphabet);
    struct value_entry entry = {STR("Password"), value_string(ctx->arena, password)};
    mask_add(entry.value->string, MASK_GIVEN);
    explicit_bzero(text, sizeof text);
    *result = value_map(ctx->arena, &entry, 1);
    return 0;
}
