/* Versions of secrets (see versions.h), and rotation. */
#include "sandbox/services/secretsmanager/versions.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/engine/view.h"

#include <stdio.h>
#include <stdlib.h>

#define NOTE "secrets"

enum { MAX_VERSIONS = 100 };
pthread_mutex_t secret_versions_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- finding the secret ---- */

/* Returns the part after :secret: of an ARN, which in a partial ARN is the name. */
static struct str name_in_arn(struct str id)
{
    ptrdiff_t at = str_starts(id, STR("arn:")) ? str_find(id, STR(":secret:"), 0) : -1;
    return at < 0 ? STR_EMPTY : str_slice(id, (size_t)at + 8, id.n);
}

static bool lookup_secret(struct service_call *call, struct str id, struct control_record *out)
{
    return id.n && service_find(call, STR("aws.secretsmanager.secret"), id, out);
}

int secret_find(struct service_call *call, struct control_record *out, struct err *err)
{
    struct str id;
    if (service_required(call, "SecretId", &id, err))
        return -1;
    if (lookup_secret(call, id, out))
        return 0;
    if (lookup_secret(call, name_in_arn(id), out) && str_starts(value_gets(out->attrs, "arn"), id))
        return 0;
    return service_refuse(
        err, 400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
}

/* ---- versions ---- */

struct str secret_version_id(const struct value *version)
{
    return value_gets(version, "id");
}

bool secret_version_has(const struct value *version, const char *stage)
{
    return value_list_has(value_getz(version, "stages"), str_z(stage));
}

const struct value *secret_version_find(const struct value *versions, struct str id, struct str stage)
{
    for (uint32_t i = 0; i < versions->count; i++)
        if ((!id.n || str_eq(id, secret_version_id(versions->items[i]))) &&
            (!stage.n || value_list_has(value_getz(versions->items[i], "stages"), stage)))
            return versions->items[i];
    return NULL;
}

static const struct value *without_stage(struct arena *arena, const struct value *version, struct str stage)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *stages = value_as_list(value_getz(version, "stages"));
    for (uint32_t i = 0; i < stages->count; i++)
        if (!str_eq(value_text(stages->items[i], STR_EMPTY), stage))
            value_builder_add(&b, stages->items[i]);
    return value_with(arena, version, STR("stages"), value_builder_list(&b));
}

static const struct value *with_stage(struct arena *arena, const struct value *version, struct str stage)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *stages = value_as_list(value_getz(version, "stages"));
    for (uint32_t i = 0; i < stages->count; i++)
        value_builder_add(&b, stages->items[i]);
    value_builder_add(&b, value_string(arena, stage));
    return value_with(arena, version, STR("stages"), value_builder_list(&b));
}

const struct value *secret_versions_moved(
    struct arena *arena, const struct value *versions, struct str stage, struct str to)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *holder = secret_version_find(versions, STR_EMPTY, stage);
    struct str from = holder ? secret_version_id(holder) : STR_EMPTY;
    if (str_eq(from, to))
        return versions;
    bool replaced = str_eqz(stage, SECRET_CURRENT) && from.n;
    if (replaced)
        versions = secret_versions_moved(arena, versions, STR(SECRET_PREVIOUS), from);
    if (replaced && secret_version_has(holder, SECRET_PENDING))
        versions = secret_versions_moved(arena, versions, STR(SECRET_PENDING), STR_EMPTY);
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct value *one = versions->items[i];
        if (str_eq(secret_version_id(one), from))
            one = without_stage(arena, one, stage);
        if (to.n && str_eq(secret_version_id(one), to))
            one = with_stage(arena, one, stage);
        value_builder_add(&b, one);
    }
    return value_builder_list(&b);
}

const struct value *secret_versions_with(
    struct arena *arena, const struct value *versions, const struct value *version)
{
    const struct value *stages = value_as_list(value_getz(version, "stages"));
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct value *one = versions->items[i];
        bool old = versions->count - i >= MAX_VERSIONS && !value_as_list(value_getz(one, "stages"))->count;
        if (!str_eq(secret_version_id(one), secret_version_id(version)) && !old)
            value_builder_add(&b, one);
    }
    value_builder_add(&b, value_with(arena, version, STR("stages"), &value_empty_list));
    versions = value_builder_list(&b);
    for (uint32_t i = 0; i < stages->count; i++)
        versions = secret_versions_moved(
            arena, versions, value_text(stages->items[i], STR_EMPTY), secret_version_id(version));
    return versions;
}

/* Returns the record's value as a version. */
static const struct value *current_of(struct arena *arena, const struct control_record *record)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *stage = value_stringz(arena, SECRET_CURRENT),
                       *binary = value_getz(record->attrs, "secret_binary");
    view_set(&b, "id", value_getz(record->attrs, "version_id"));
    view_set(&b, "stages", value_list(arena, &stage, 1));
    view_set(&b, "string", value_getz(record->attrs, "secret_string"));
    if (!value_is_null(binary))
        view_text(&b, "binary", base64_encode(arena, value_text(binary, STR_EMPTY)));
    view_int(&b, "created", record->changed_ms);
    return value_builder_map(&b);
}

const struct value *secret_versions(const struct service_call *call, const struct control_record *record)
{
    const struct value *versions =
        value_as_list(value_getz(service_note_read(call, NOTE, record), "versions"));
    bool has_value = !value_is_null(value_getz(record->attrs, "secret_string")) ||
                     !value_is_null(value_getz(record->attrs, "secret_binary"));
    const struct value *known =
        secret_version_find(versions, value_gets(record->attrs, "version_id"), STR(SECRET_CURRENT));
    return known || !has_value ? versions
                               : secret_versions_with(call->arena, versions, current_of(call->arena, record));
}

static int note_write(const struct service_call *call, const struct control_record *record,
    const struct value *note, const struct value *versions, struct err *err)
{
    note = value_with(call->arena, note, STR("versions"), versions);
    return service_note_write(call, NOTE, record, note, err);
}

int secret_versions_keep(const struct service_call *call, const struct control_record *record,
    const struct value *versions, struct err *err)
{
    return note_write(call, record, service_note_read(call, NOTE, record), versions, err);
}

static int secret_rotated(const struct service_call *call, const struct control_record *record,
    const struct value *versions, struct err *err)
{
    const struct value *note = service_note_read(call, NOTE, record);
    note = value_with(call->arena, note, STR("rotated"), value_int(call->arena, clock_wall_ms()));
    return note_write(call, record, note, versions, err);
}

int64_t secret_rotated_ms(const struct service_call *call, const struct control_record *record)
{
    return service_int(service_note_read(call, NOTE, record), "rotated", 0);
}

/* ---- Rotation: the secret's function sets the new value in four steps. Before the first step the version is
 * created with the stage AWSPENDING and no value. The last step moves AWSCURRENT to it, and AWSPENDING is
 * removed. */

struct rotation {
    struct services *services;
    struct arena arena;
    struct str region, secret, function, version;
};

static int run_step(const struct rotation *rotation, struct arena *arena, const char *step)
{
    AUTO_BUF struct buf payload = BUF_INIT;
    struct value_builder event = VALUE_BUILDER(arena), b = VALUE_BUILDER(arena);
    const struct gate_caller caller = {
        .service = STR("secretsmanager.amazonaws.com"), .source_arn = rotation->secret};
    const struct value *output;
    struct err err = ERR_INIT;
    view_text(&event, "Step", str_z(step));
    view_text(&event, "SecretId", rotation->secret);
    view_text(&event, "ClientRequestToken", rotation->version);
    json_write(&payload, value_builder_map(&event), JSON_PLAIN);
    view_text(&b, "FunctionName", rotation->function);
    view_text(&b, "Payload", buf_str(&payload));
    const struct service_request request = {.service = STR("lambda"),
        .operation = STR("Invoke"),
        .region = rotation->region,
        .input = value_builder_map(&b),
        .as = &caller};
    if (services_call(rotation->services, arena, &request, &output, &err)) {
        fprintf(stderr, "sandbox: rotation of %.*s: %s: %s\n", STR_ARG(rotation->secret), step, err.message);
        return -1;
    }
    return value_gets(output, "FunctionError").n ? -1 : 0; /* the function's log has the reason */
}

/* Ends a rotation after all four steps have succeeded. */
static void rotation_end(const struct rotation *rotation, struct arena *arena)
{
    struct control_record record;
    struct err err = ERR_INIT;
    const struct service_call call = {
        .services = rotation->services, .arena = arena, .region = rotation->region};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&secret_versions_lock);
    if (control_find(services_control(rotation->services), arena, STR("aws.secretsmanager.secret"),
            rotation->region, rotation->secret, &record)) {
        const struct value *versions =
            secret_versions_moved(arena, secret_versions(&call, &record), STR(SECRET_PENDING), STR_EMPTY);
        if (secret_rotated(&call, &record, versions, &err))
            fprintf(stderr, "sandbox: rotation of %.*s: %s\n", STR_ARG(rotation->secret), err.message);
    }
}

static void rotation_run(void *ctx)
{
    static const char *const steps[] = {"createSecret", "setSecret", "testSecret", "finishSecret"};
    struct rotation *rotation = ctx;
    size_t done = 0, count = sizeof steps / sizeof *steps;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    while (done < count && !services_stopping(rotation->services) && !run_step(rotation, &arena, steps[done]))
        done++;
    if (done == count)
        rotation_end(rotation, &arena);
    arena_release(&rotation->arena);
    free(rotation);
}

/* Creates the pending version. */
static int add_pending(
    struct service_call *call, const struct control_record *record, struct str version, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *pending = value_stringz(call->arena, SECRET_PENDING),
                       *versions = secret_versions(call, record);
    if (secret_version_find(versions, version, STR_EMPTY))
        return 0;
    view_text(&b, "id", version);
    view_set(&b, "stages", value_list(call->arena, &pending, 1));
    view_int(&b, "created", record->changed_ms);
    return secret_versions_keep(
        call, record, secret_versions_with(call->arena, versions, value_builder_map(&b)), err);
}

static int rotation_start(
    struct service_call *call, const struct control_record *record, struct str version, struct err *err)
{
    struct rotation *rotation = mem_zalloc(sizeof *rotation);
    rotation->services = call->services;
    rotation->region = arena_str(&rotation->arena, call->region);
    rotation->secret = arena_str(&rotation->arena, value_gets(record->attrs, "arn"));
    rotation->function = arena_str(&rotation->arena, value_gets(record->attrs, "rotation_function"));
    rotation->version = arena_str(&rotation->arena, version);
    if (!services_thread(call->services, rotation_run, rotation))
        return 0;
    arena_release(&rotation->arena);
    free(rotation);
    return service_refuse(err, 500, "InternalServiceError", "the sandbox can start no more threads");
}

int secret_rotate(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str token = value_gets(call->input, "ClientRequestToken");
    struct str version = token.n ? token : uuid_random(call->arena);
    if (secret_find(call, &record, err))
        return -1;
    if (!value_gets(call->input, "RotationLambdaARN").n && !value_gets(record.attrs, "rotation_function").n)
        return service_refuse(err, 400, "InvalidRequestException",
            "No Lambda rotation function ARN is associated with this secret.");
    if (service_control(call, "RotateSecret",
            value_with(call->arena, call->input, STR("SecretId"),
                value_string(call->arena, value_gets(record.attrs, "arn"))),
            &call->output, err) ||
        secret_find(call, &record, err))
        return -1;
    if (value_equal(value_getz(call->input, "RotateImmediately"), &value_false)) {
        call->output = value_with(call->arena, call->output, STR("VersionId"), NULL);
        return 0;
    }
    service_answer_text(call, "VersionId", version);
    pthread_mutex_lock(&secret_versions_lock);
    int status = add_pending(call, &record, version, err);
    pthread_mutex_unlock(&secret_versions_lock);
    return status ? -1 : rotation_start(call, &record, version, err);
}
