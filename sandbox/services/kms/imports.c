/* Imported key material, and rotation on demand: see kms.h. */
#include "sandbox/services/kms/kms.h"

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/engine/view.h"

enum { MAX_ROTATIONS = 10, TOKEN = 256, AES_BITS = 256 };

static const int64_t VALID_MS = INT64_C(86400000);

/* ---- parameters ---- */

static int find_external(struct service_call *call, struct control_record *key, struct err *err)
{
    struct str id;
    if (service_required(call, "KeyId", &id, err) || kms_find(call, id, key, err))
        return -1;
    struct str origin = value_text(value_getz(key->attrs, "origin"), STR("AWS_KMS"));
    if (!str_eqz(origin, "EXTERNAL"))
        return service_refuse(err, 400, "UnsupportedOperationException",
            "%.*s origin is %.*s which is not valid for this operation.", STR_ARG(kms_arn(key)),
            STR_ARG(origin));
    return value_is_null(value_getz(key->attrs, "deletion_date")) ? 0 : kms_check_state(key, err);
}

static int change_note(struct service_call *call, const struct control_record *key, const char *member,
    const struct value *v, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&kms_lock);
    return kms_note_write(call, key, value_with(call->arena, kms_note(call, key), str_z(member), v), err);
}

static int import_parameters(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str der, algorithm = value_gets(call->input, "WrappingAlgorithm");
    unsigned char bytes[TOKEN];
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    if (find_external(call, &key, err) ||
        kms_generate(call->arena, value_gets(call->input, "WrappingKeySpec"), &der, err))
        return -1;
    hash_random(bytes, sizeof bytes);
    struct str token = base64_encode(call->arena, str_n((const char *)bytes, sizeof bytes));
    int64_t until = clock_wall_ms() + VALID_MS;
    view_text(&kept, "token", token);
    view_text(&kept, "key", base64_encode(call->arena, der));
    view_text(&kept, "algorithm", algorithm);
    view_int(&kept, "until", until);
    if (change_note(call, &key, "import", value_builder_map(&kept), err))
        return -1;
    EVP_PKEY *pair = kms_read_private(der);
    view_text(&b, "KeyId", kms_arn(&key));
    view_text(&b, "ImportToken", token);
    view_text(&b, "PublicKey", base64_encode(call->arena, kms_public_der(call->arena, pair)));
    view_time(&b, "ParametersValidTo", until);
    EVP_PKEY_free(pair);
    call->output = value_builder_map(&b);
    return 0;
}

/* ---- unwrapping ---- */

/* AES key wrap with padding (RFC 5649). */
static bool unwrap_aes(struct arena *arena, struct str key, struct str in, struct str *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *bytes = arena_alloc(arena, in.n + 16);
    int n = 0;
    const EVP_CIPHER *cipher = key.n * 8 == AES_BITS ? EVP_aes_256_wrap_pad() : EVP_aes_128_wrap_pad();
    bool done = ctx && key.n == (size_t)EVP_CIPHER_get_key_length(cipher);
    if (done)
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    done = done && EVP_DecryptInit_ex(ctx, cipher, NULL, (const unsigned char *)key.p, NULL) == 1 &&
           EVP_DecryptUpdate(ctx, bytes, &n, (const unsigned char *)in.p, (int)in.n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    *out = str_n((const char *)bytes, n > 0 ? (size_t)n : 0);
    return done;
}

/* RSA_AES_KEY_WRAP_…: an AES key encrypted with RSA, then the material wrapped with the AES key. */
static bool unwrap(struct arena *arena, EVP_PKEY *pair, struct str algorithm, struct str in, struct str *out)
{
    struct str aes;
    size_t half = (size_t)EVP_PKEY_get_size(pair);
    if (!str_starts(algorithm, STR("RSA_AES_")))
        return kms_oaep(arena, pair, false, algorithm, in, out);
    return in.n > half && kms_oaep(arena, pair, false, algorithm, str_slice(in, 0, half), &aes) &&
           unwrap_aes(arena, aes, str_slice(in, half, in.n), out);
}

static bool fits_spec(struct str material, struct str spec)
{
    size_t size = kms_secret_size(spec);
    if (size)
        return material.n == size;
    EVP_PKEY *key = kms_read_private(material);
    bool fits = key && kms_is_of_spec(key, spec);
    EVP_PKEY_free(key);
    return fits;
}

static int read_material(struct service_call *call, const struct control_record *key,
    const struct value *note, struct str *material, struct err *err)
{
    const struct value *import = value_getz(note, "import");
    struct str wrapped, der;
    if (!str_eq(value_gets(import, "token"), value_gets(call->input, "ImportToken")) || !import ||
        !base64_decode(call->arena, value_gets(import, "key"), &der))
        return service_refuse(err, 400, "InvalidImportTokenException", "%s", "");
    if (service_int(import, "until", 0) < clock_wall_ms())
        return service_refuse(err, 400, "ExpiredImportTokenException", "%s", "");
    if (kms_bytes(call, "EncryptedKeyMaterial", &wrapped, err))
        return -1;
    EVP_PKEY *pair = kms_read_private(der);
    bool read = pair && unwrap(call->arena, pair, value_gets(import, "algorithm"), wrapped, material);
    EVP_PKEY_free(pair);
    if (!read)
        return service_refuse(err, 400, "InvalidCiphertextException", "%s", "");
    return fits_spec(*material, value_gets(key->attrs, "key_spec"))
               ? 0
               : service_refuse(err, 400, "IncorrectKeyMaterialException", "%s", "");
}

/* ---- importing ---- */

static bool is_symmetric(const struct control_record *key)
{
    return str_eqz(value_gets(key->attrs, "key_spec"), "SYMMETRIC_DEFAULT");
}

static int set_attribute(struct service_call *call, const struct control_record *key, const char *name,
    const struct value *v, struct err *err)
{
    return control_set(services_control(call->services), STR("aws.kms.key"), key, name, v)
               ? 0
               : service_refuse(err, 500, "KMSInternalException", "The key cannot be changed.");
}

/* Checks that material of this id may be imported. New material of a key that has some waits for a
 * rotation. */
static int check_import(struct service_call *call, const struct control_record *key, const struct value *note,
    struct str id, struct err *err)
{
    struct str pending = value_gets(note, "pending"), type = value_gets(call->input, "ImportType");
    const struct value *known = value_getz(note, "known");
    bool new = type.n ? str_eqz(type, "NEW_KEY_MATERIAL") : !known || !known->count;
    if (value_list_has(known, id))
        return 0;
    if (!new || (!is_symmetric(key) && known && known->count))
        return service_refuse(err, 400, "IncorrectKeyMaterialException", "%s", "");
    return !pending.n ? 0
                      : service_refuse(err, 400, "KMSInvalidStateException",
                            "New key material (id: %.*s) cannot be imported into KMS key %.*s, because "
                            "another key material (id: %.*s) is pending rotation.",
                            STR_ARG(id), STR_ARG(kms_arn(key)), STR_ARG(pending));
}

/* Stores the material under its id, or under "" for keys that are not symmetric. */
static int keep_import(struct service_call *call, const struct control_record *key, const struct value *note,
    struct str id, struct str material, struct err *err)
{
    struct arena *arena = call->arena;
    const struct value *all = value_getz(note, "materials"), *known = value_getz(note, "known");
    bool first = !known || !known->count, seen = value_list_has(known, id);
    all = value_with(arena, all ? all : &value_empty_map, is_symmetric(key) ? id : STR_EMPTY,
        value_string(arena, base64_encode(arena, material)));
    note = value_with(arena, note, STR("materials"), all);
    if (!seen)
        note = value_with(arena, note, STR("known"), value_list_with(arena, known, value_string(arena, id)));
    if (!first && !seen)
        note = value_with(arena, note, STR("pending"), value_string(arena, id));
    if (kms_note_write(call, key, note, err))
        return -1;
    return first && is_symmetric(key) ? set_attribute(call, key, "material_id", value_string(arena, id), err)
                                      : 0;
}

static int import_locked(
    struct service_call *call, const struct control_record *key, struct str *id, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&kms_lock);
    const struct value *note = kms_note(call, key);
    struct str material;
    if (read_material(call, key, note, &material, err))
        return -1;
    *id = sha256_hex(call->arena, arena_printf(call->arena, "%.*s\n%.*s", STR_ARG(key->id),
                                      STR_ARG(base64_encode(call->arena, material))));
    return check_import(call, key, note, *id, err) || keep_import(call, key, note, *id, material, err) ? -1
                                                                                                       : 0;
}

static int import_material(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str id,
        model = value_text(value_getz(call->input, "ExpirationModel"), STR("KEY_MATERIAL_EXPIRES"));
    int64_t until = service_int(call->input, "ValidTo", 0);
    bool expires = str_eqz(model, "KEY_MATERIAL_EXPIRES");
    if (find_external(call, &key, err))
        return -1;
    if (expires && !until)
        return service_refuse(err, 400, "ValidationException",
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES");
    if (import_locked(call, &key, &id, err))
        return -1;
    const struct value *valid_to =
        expires ? value_string(call->arena, time_rfc3339(call->arena, until * 1000, true)) : NULL;
    if (set_attribute(call, &key, "valid_to", valid_to, err) ||
        set_attribute(call, &key, "expiration_model", value_string(call->arena, model), err))
        return -1;
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer_text(call, "KeyMaterialId", is_symmetric(&key) ? id : STR_EMPTY);
    return 0;
}

static int delete_locked(
    struct service_call *call, const struct control_record *key, struct str id, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&kms_lock);
    const struct value *note = kms_note(call, key), *all = value_getz(note, "materials");
    return !all ? 0
                : kms_note_write(call, key,
                      value_with(call->arena, note, STR("materials"), value_with(call->arena, all, id, NULL)),
                      err);
}

static int delete_material(struct service_call *call, struct err *err)
{
    struct control_record key;
    if (find_external(call, &key, err))
        return -1;
    struct str current = kms_material_id(&key),
               id = value_text(value_getz(call->input, "KeyMaterialId"), current);
    if (delete_locked(call, &key, id, err))
        return -1;
    if (str_eq(id, current) && (set_attribute(call, &key, "expiration_model", NULL, err) ||
                                   set_attribute(call, &key, "valid_to", NULL, err)))
        return -1;
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer_text(call, "KeyMaterialId", id);
    return 0;
}

/* ---- rotation ---- */

static int rotate_locked(struct service_call *call, const struct control_record *key, struct err *err)
{
    struct arena *arena = call->arena;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&kms_lock);
    const struct value *note = kms_note(call, key), *rotations = value_getz(note, "rotations");
    struct str pending = value_gets(note, "pending");
    unsigned char bytes[SHA256_SIZE];
    if (rotations && rotations->count >= MAX_ROTATIONS)
        return service_refuse(err, 400, "LimitExceededException",
            "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations "
            "can be performed for this key: %.*s",
            STR_ARG(kms_arn(key)));
    if (!pending.n && str_eqz(value_gets(key->attrs, "origin"), "EXTERNAL"))
        return service_refuse(err, 400, "KMSInvalidStateException",
            "No available key material pending rotation for the key: %.*s.", STR_ARG(kms_arn(key)));
    hash_random(bytes, sizeof bytes);
    struct str id = pending.n ? pending : hex_encode(arena, bytes, sizeof bytes);
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "KeyId", kms_arn(key));
    view_text(&b, "KeyMaterialId", id);
    view_text(&b, "RotationType", STR("ON_DEMAND"));
    view_time(&b, "RotationDate", clock_wall_ms());
    note =
        value_with(arena, note, STR("rotations"), value_list_with(arena, rotations, value_builder_map(&b)));
    return kms_note_write(call, key, value_with(arena, note, STR("pending"), NULL), err)
               ? -1
               : set_attribute(call, key, "material_id", value_string(arena, id), err);
}

static int rotate(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str id = value_gets(call->input, "KeyId");
    if (kms_find(call, id, &key, err) || kms_check_state(&key, err))
        return -1;
    if (!is_symmetric(&key))
        return service_refuse(err, 400, "UnsupportedOperationException", "%s", "");
    service_answer_text(call, "KeyId", kms_arn(&key));
    return rotate_locked(call, &key, err);
}

static int list_rotations(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str id = value_gets(call->input, "KeyId");
    if (kms_find(call, id, &key, err))
        return -1;
    const struct value *rotations = value_getz(kms_note(call, &key), "rotations");
    (void)value_getz(call->input, "Limit"); /* a key has at most ten */
    service_answer(call, "Rotations", rotations ? rotations : &value_empty_list);
    service_answer(call, "Truncated", &value_false);
    return 0;
}

const struct service_operation import_operations[] = {
    {"kms", "GetParametersForImport", import_parameters},
    {"kms", "ImportKeyMaterial", import_material},
    {"kms", "DeleteImportedKeyMaterial", delete_material},
    {"kms", "RotateKeyOnDemand", rotate},
    {"kms", "ListKeyRotations", list_rotations},
    {0},
};
