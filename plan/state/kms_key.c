/* The two calls of KMS that a state's key takes: a new data key, and one opened again. */
#include "plan/state/kms_key.h"

#include "base/hash.h"
#include "provider/cloud.h"

#include <openssl/crypto.h>

/* What the client understands of the state's settings. */
static const struct value *client_settings(struct arena *arena, const struct value *config)
{
    static const char *const known[] = {"region", "profile", "endpoint", "endpoints", "access_key",
        "secret_key", "session_token", "insecure", "assume_role", "max_attempts"};
    struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (value_getz(config, known[i]))
            value_builder_set(&b, str_z(known[i]), value_getz(config, known[i]));
    return value_builder_map(&b);
}

static int call_kms(struct arena *arena, const struct value *config, struct str name,
    const struct value *input, const struct value **answer, struct err *err)
{
    struct cloud_client *client;
    if (plan_cloud.open(STR("state key"), client_settings(arena, config), NULL, &client, err))
        return -1;
    int status = plan_cloud.ask_key(client, name, input, arena, answer, err);
    plan_cloud.close(client);
    return status;
}

int kms_key_open(
    const struct value *config, struct str blob, unsigned char key[KMS_KEY_SIZE], struct err *err)
{
    AUTO_WIPED_ARENA struct arena arena = ARENA_INIT;
    struct value_entry input = {STR("CiphertextBlob"), value_string(&arena, blob)};
    const struct value *answer;
    struct str plain;
    if (call_kms(&arena, config, STR("Decrypt"), value_map(&arena, &input, 1), &answer, err))
        return err_context(err, "opening the state key");
    if (!base64_decode(&arena, value_gets(answer, "Plaintext"), &plain) || plain.n != KMS_KEY_SIZE)
        return err_set(err, ERR_INVALID, "the state key is not a data key of %d bytes", KMS_KEY_SIZE);
    memcpy(key, plain.p, KMS_KEY_SIZE);
    return 0;
}

int kms_key_new(
    const struct value *config, struct str kms_key, struct arena *arena, struct str *blob, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct value_entry input[] = {{STR("KeyId"), value_string(&scratch, kms_key)},
        {STR("KeySpec"), value_stringz(&scratch, "AES_256")}};
    const struct value *answer;
    if (call_kms(&scratch, config, STR("GenerateDataKeyWithoutPlaintext"), value_map(&scratch, input, 2),
            &answer, err))
        return err_context(err, "making a state key under %.*s", STR_ARG(kms_key));
    *blob = arena_str(arena, value_gets(answer, "CiphertextBlob"));
    return blob->n ? 0 : err_set(err, ERR_PROTOCOL, "KMS answered without a data key");
}
