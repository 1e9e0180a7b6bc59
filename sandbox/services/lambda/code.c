/*
 * Code packages, from the request (ZipFile) or S3, stored as DIR/jobs/code/SHA256.zip. The request is
 * forwarded as if the code were in the bucket ":code", an impossible bucket name, with the hash as key.
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/archive.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "provider/aws/client.h"

#include <stdio.h>
#include <unistd.h>

/* Later changes of the object in S3 do not affect the function, as in AWS. */

enum {
    VALID_S = 600,   /* ten minutes, as in AWS */
    SWEEP_FROM = 32, /* with more files, unused ones are removed */
    MAX_VERSIONS = 64 * 1024 * 1024
};
static const struct str bucket = STR_INIT(":code");

/* Checks archive type and size; deletes an invalid file. */
static int check_kept(struct str path, struct err *err)
{
    int64_t size = unpack_archive_size(path.p, ERR_IGNORED);
    if (size < 0)
        service_refuse(err, 400, "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file, then try to upload again.");
    else if (size >= LAMBDA_MAX_UNZIPPED)
        service_refuse(err, 400, "InvalidParameterValueException",
            "Unzipped size must be smaller than %d bytes", LAMBDA_MAX_UNZIPPED);
    else
        return 0;
    unlink(path.p);
    return -1;
}

static int lambda_code_keep(const struct service_call *call, struct str zip, struct str *key, struct err *err)
{
    struct str dir;
    struct err why = ERR_INIT;
    *key = sha256_hex(call->arena, zip);
    if (services_dir(call->services, call->arena, "code", &dir, &why))
        return service_cannot_store(call, &why, err);
    struct str path = arena_printf(call->arena, "%s/%.*s.zip", dir.p, STR_ARG(*key));
    if (path_exists(path.p))
        return 0;
    if (file_write_atomic(path.p, zip, 0600, &why))
        return service_cannot_store(call, &why, err);
    return check_kept(path, err);
}

/* Stores an object of S3. False: it does not exist, and the control plane reports that; or err is set. */
static bool keep_object(
    const struct service_call *call, const struct value *code, struct str *key, struct err *err)
{
    struct s3_store *store = sandbox_store(services_sandbox(call->services));
    struct object_location location = {
        value_gets(code, "S3Bucket"), value_gets(code, "S3Key"), value_gets(code, "S3ObjectVersion")};
    unsigned char digest[SHA256_SIZE];
    struct str dir;
    if (!location.bucket.n || !location.key.n || unpack_sha256(store, &location, digest, ERR_IGNORED) ||
        services_dir(call->services, call->arena, "code", &dir, ERR_IGNORED))
        return false;
    *key = hex_encode(call->arena, digest, sizeof digest);
    struct str path = arena_printf(call->arena, "%s/%.*s.zip", dir.p, STR_ARG(*key));
    struct str part = arena_printf(call->arena, "%s.%s", path.p, uuid_random(call->arena).p);
    if (path_exists(path.p))
        return true;
    bool kept = !unpack_fetch(store, &location, part.p, ERR_IGNORED) && !rename(part.p, path.p);
    if (!kept)
        unlink(part.p);
    return kept && !check_kept(path, err);
}

/* Returns the code with {S3Bucket, S3Key} of the stored file. */
static int lambda_code_replace(
    const struct service_call *call, const struct value *code, const struct value **out, struct err *err)
{
    struct str zip, key, text = value_gets(code, "ZipFile");
    *out = code;
    if (!text.n && !keep_object(call, code, &key, err))
        return err->code[0] ? -1 : 0;
    if (text.n && !base64_decode(call->arena, text, &zip))
        return service_refuse(err, 400, "InvalidParameterValueException", "ZipFile is not base64");
    if (text.n && zip.n > LAMBDA_MAX_ZIPPED)
        return service_refuse(err, 413, "RequestEntityTooLargeException",
            "Zipped size must be smaller than %d bytes", LAMBDA_MAX_ZIPPED);
    if (text.n && lambda_code_keep(call, zip, &key, err))
        return -1;
    const struct value *location = value_with(call->arena, code, STR("ZipFile"), NULL);
    location = value_with(call->arena, location, STR("S3ObjectVersion"), NULL);
    location = value_with(call->arena, location, STR("S3Bucket"), value_string(call->arena, bucket));
    *out = value_with(call->arena, location, STR("S3Key"), value_string(call->arena, key));
    return 0;
}

int lambda_code_forward(struct service_call *call, const char *member, struct err *err)
{
    const struct value *code = value_getz(call->input, member), *location;
    if (code && lambda_code_replace(call, code, &location, err))
        return -1;
    call->forward = code ? value_with(call->arena, call->input, str_z(member), location) : call->input;
    return 0;
}

/* Checks the size of the variables as they were sent. */
static int check_environment(struct service_call *call, struct err *err)
{
    enum { MAX_VARIABLES = 4096 };
    const struct value *variables = value_getz(value_getz(call->input, "Environment"), "Variables");
    struct str text = variables ? json_as_text(call->arena, variables)->string : STR_EMPTY;
    if (text.n <= MAX_VARIABLES)
        return 0;
    text = arena_printf(call->arena,
        "Lambda was unable to configure your environment variables because the environment variables you "
        "have "
        "provided exceeded the 4KB limit. String measured: %.*s",
        STR_ARG(text));
    const struct value_entry body[] = {
        {STR("Type"), value_stringz(call->arena, "User")}, {STR("message"), value_string(call->arena, text)}};
    call->refusal = value_map(call->arena, body, 2);
    return service_refuse(err, 400, "InvalidParameterValueException", "the variables are too long");
}

int lambda_check_new(struct service_call *call, struct err *err)
{
    return check_environment(call, err) || lambda_check_layers(call, err) ? -1 : 0;
}

int lambda_create_function(struct service_call *call, struct err *err)
{
    return lambda_new_name(call, err) || lambda_check_new(call, err) ||
                   lambda_code_forward(call, "Code", err) || lambda_publish_with(call, err)
               ? -1
               : 0;
}

int64_t lambda_code_size(const struct service_call *call, size_t *functions)
{
    size_t layers;
    int64_t sum = 0;
    const struct control_record *all = service_list(call, STR("aws.lambda.function"), functions);
    for (size_t i = 0; i < *functions; i++)
        sum += service_int(all[i].attrs, "code_size", 0) + lambda_versions_size(call, &all[i]);
    all = service_list(call, STR("aws.lambda.layer_version"), &layers);
    for (size_t i = 0; i < layers; i++)
        sum += service_int(all[i].attrs, "code_size", 0);
    return sum;
}

/* UpdateFunctionCode has the code's members at the top level. */
int lambda_update_code(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    if (lambda_find_record(call, &qualifier, &record, err) || lambda_check_revision(call, &record, err))
        return -1;
    if (value_equal(value_getz(call->input, "DryRun"), &value_true))
        return lambda_describe(call, err);
    const struct value *kept;
    if (lambda_check_settled(call, &record, err) || lambda_code_replace(call, call->input, &kept, err))
        return -1;
    call->forward = kept;
    return lambda_publish_with(call, err);
}

bool lambda_code_file(
    struct services *services, struct arena *arena, const struct object_location *location, struct str *path)
{
    struct str dir;
    unsigned char digest[SHA256_SIZE];
    if (!lambda_code_sha256(location->bucket, location->key, digest) ||
        services_dir(services, arena, "code", &dir, ERR_IGNORED))
        return false;
    *path = arena_printf(arena, "%s/%.*s.zip", dir.p, STR_ARG(location->key));
    return true;
}

bool lambda_code_sha256(struct str named, struct str key, unsigned char out[SHA256_SIZE])
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str digest;
    if (!str_eq(named, bucket) || !hex_decode(&arena, key, &digest) || digest.n != SHA256_SIZE)
        return false;
    memcpy(out, digest.p, SHA256_SIZE);
    return true;
}

/* ---- Download locations: presigned S3 URLs, as AWS reports them. S3 finds the file by the hash at the end
 * (s3srv_object.c). ---- */

static struct str location_of(const struct service_call *call, const struct value *attrs, bool layer)
{
    const struct value *code = value_getz(attrs, layer ? "content" : "code");
    struct str key = value_gets(code, "s3_key");
    unsigned char digest[SHA256_SIZE];
    if (!call->host.n || !lambda_code_sha256(value_gets(code, "s3_bucket"), key, digest))
        return STR_EMPTY;
    struct sandbox_key own = sandbox_first_key(services_sandbox(call->services));
    const struct sigv4_params params = {.access_key = own.access_key,
        .secret_key = own.secret_key,
        .session_token = STR_EMPTY,
        .region = call->region,
        .service = STR("s3"),
        .wall_ms = clock_wall_ms(),
        .payload_hash = STR("UNSIGNED-PAYLOAD"),
        .signed_headers = STR("host"),
        .s3 = true};
    const struct presign what = {.service = STR("s3"),
        .host = call->host,
        .path = arena_printf(call->arena, "/awslambda-%.*s-%s/snapshots/%.*s/%.*s-%.*s",
            STR_ARG(call->region), layer ? "layers" : "tasks", STR_ARG(services_account(call->services)),
            STR_ARG(value_gets(attrs, "name")), STR_ARG(key)),
        .query = STR_EMPTY,
        .plain = true,
        .seconds = VALID_S};
    return presign_with(call->arena, &params, &what);
}

const struct value *lambda_with_location(
    const struct service_call *call, const struct value *shown, const struct value *attrs, const char *member)
{
    bool layer = str_eqz(STR("Content"), member);
    struct str location = location_of(call, attrs, layer);
    const struct value *code = value_getz(shown, member);
    if (!code && !layer)
        code = value_with(call->arena, NULL, STR("RepositoryType"), value_stringz(call->arena, "S3"));
    if (location.n)
        code = value_with(call->arena, code, STR("Location"), value_string(call->arena, location));
    return value_with(call->arena, shown, str_z(member), code);
}

/* ---- removing unused code ---- */

struct sweep {
    struct services *services;
    struct arena arena;
    struct buf used; /* keys of functions and layers, and the text of version notes, which has keys */
};

static void add_used(struct sweep *s, const char *type, const char *attribute)
{
    size_t n;
    const struct control_record *all =
        control_list(services_control(s->services), &s->arena, str_z(type), STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++) {
        struct str key = value_gets(value_getz(all[i].attrs, attribute), "s3_key");
        buf_addf(&s->used, "%.*s\n", STR_ARG(key));
    }
}

static void add_versions(struct sweep *s, struct str dir)
{
    AUTO_DIR DIR *files = opendir(dir.p);
    for (struct dirent *entry; files && (entry = readdir(files));) {
        struct str text;
        if (str_ends(str_z(entry->d_name), STR(".json")) &&
            !file_read(&s->arena, path_join(&s->arena, dir, str_z(entry->d_name)).p, MAX_VERSIONS, &text,
                ERR_IGNORED))
            buf_add_str(&s->used, text);
    }
}

static size_t count_or_remove(struct sweep *s, struct str dir, bool remove)
{
    AUTO_DIR DIR *files = opendir(dir.p);
    size_t n = 0;
    for (struct dirent *entry; files && (entry = readdir(files));) {
        struct str name = str_z(entry->d_name);
        if (name.n < 2 * SHA256_SIZE)
            continue;
        n++;
        if (remove && str_find(buf_str(&s->used), str_slice(name, 0, (size_t)2 * SHA256_SIZE), 0) < 0)
            unlink(path_join(&s->arena, dir, name).p);
    }
    return n;
}

void lambda_code_sweep(struct services *services)
{
    struct sweep s = {.services = services};
    struct str code, versions;
    if (!services_dir(services, &s.arena, "code", &code, ERR_IGNORED) &&
        !services_dir(services, &s.arena, "versions", &versions, ERR_IGNORED) &&
        count_or_remove(&s, code, false) > SWEEP_FROM) {
        add_used(&s, "aws.lambda.function", "code");
        add_used(&s, "aws.lambda.layer_version", "content");
        add_versions(&s, versions);
        count_or_remove(&s, code, true);
    }
    buf_release(&s.used);
    arena_release(&s.arena);
}
