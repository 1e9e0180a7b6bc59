/*
 * A rotation: the secret's function makes the new value, in four steps. Before the first the version is there
 * with the stage AWSPENDING and without a value; after the last, which moves AWSCURRENT to it, it has that
 * stage no more.
 */
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/calls/services.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/secretsmanager/versions.h"

#include <stdio.h>
#include <stdlib.h>

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
    return value_gets(output, "FunctionError").n ? -1 : 0; /* its log says why */
}

/* All four steps have succeeded. */
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

/* The version that the function is to fill. */
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
    service_answer(call, "VersionId", value_string(call->arena, version));
    pthread_mutex_lock(&secret_versions_lock);
    int status = add_pending(call, &record, version, err);
    pthread_mutex_unlock(&secret_versions_lock);
    return status ? -1 : rotation_start(call, &record, version, err);
}
