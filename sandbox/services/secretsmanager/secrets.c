/* Secrets Manager: values under versions and stages, and what needs no secret. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/random.h"
#include "sandbox/calls/services.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/secretsmanager/versions.h"

#include <pthread.h>

#define CURRENT SECRET_CURRENT

/* What becomes of a secret follows from its versions, so whoever changes one is alone from reading them to
 * keeping them. */
static pthread_mutex_t versions_lock = PTHREAD_MUTEX_INITIALIZER;

static int find_secret(struct service_call *call, struct control_record *out, struct err *err)
{
    struct str id;
    if (service_required(call, "SecretId", &id, err))
        return -1;
    if (!control_find(services_control(call->services), call->arena, STR("aws.secretsmanager.secret"),
            call->region, id, out))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    if (!value_is_null(value_getz(out->attrs, "deleted_date")))
        return service_refuse(err, 400, "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.");
    return 0;
}

static bool has_value(const struct value *input)
{
    return value_getz(input, "SecretString") || value_getz(input, "SecretBinary");
}

/* A call that makes a value current: the control plane's, and what it takes the place of is kept. */
static int replace_current(struct service_call *call, const struct control_record *record,
    const char *operation, const struct value *input, struct err *err)
{
    const struct service_request request = {.service = STR("secretsmanager"),
        .operation = str_z(operation),
        .region = call->region,
        .input = input};
    bool had = value_getz(record->attrs, "secret_string") || value_getz(record->attrs, "secret_binary");
    if (services_call_control(call->services, call->arena, &request, &call->output, err))
        return -1;
    return had ? secret_versions_keep(call, record,
                     secret_versions_with(call->arena, secret_versions(call, record),
                         secret_version_previous(call->arena, record)),
                     err)
               : 0;
}

/* A token is a version's id: the same again is one call, another value under it is refused. */
static int check_token(struct service_call *call, const struct control_record *record, struct str token,
    bool *again, struct err *err)
{
    const struct value *kept = secret_version_find(call, record, token, STR_EMPTY);
    bool current = token.n && secret_version_is_current(record, token);
    *again = token.n && (current || kept);
    if (!*again)
        return 0;
    const struct value *text =
        current ? value_getz(record->attrs, "secret_string") : value_getz(kept, "string");
    const struct value *given = value_getz(call->input, "SecretString");
    if (!given || value_equal(text, given))
        return 0;
    return service_refuse(err, 400, "ResourceExistsException",
        "A resource with the ID you requested already exists: the version has another value.");
}

static void answer_version(
    struct service_call *call, const struct control_record *record, struct str id, const struct value *stages)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_set(&b, "ARN", value_getz(record->attrs, "arn"));
    view_set(&b, "Name", value_getz(record->attrs, "name"));
    view_text(&b, "VersionId", id);
    view_set(&b, "VersionStages", stages);
    call->output = value_builder_map(&b);
}

static int put_aside(struct service_call *call, const struct control_record *record, struct str token,
    const struct value *stages, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str binary = value_gets(call->input, "SecretBinary");
    struct str id = token.n ? token : uuid_random(call->arena);
    view_text(&b, "id", id);
    view_set(&b, "stages", stages);
    view_set(&b, "string", value_getz(call->input, "SecretString"));
    view_text(&b, "binary", binary);
    view_int(&b, "created", clock_wall_ms());
    answer_version(call, record, id, stages);
    return secret_versions_keep(call, record,
        secret_versions_with(call->arena, secret_versions(call, record), value_builder_map(&b)), err);
}

static int put_value_alone(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str token = value_gets(call->input, "ClientRequestToken");
    const struct value *stages = value_getz(call->input, "VersionStages");
    bool again;
    if (find_secret(call, &record, err))
        return -1;
    if (!has_value(call->input))
        return service_refuse(
            err, 400, "InvalidRequestException", "You must provide either SecretString or SecretBinary.");
    if (check_token(call, &record, token, &again, err))
        return -1;
    if (again) {
        const struct value *kept = secret_version_find(call, &record, token, STR_EMPTY);
        answer_version(
            call, &record, token, kept ? value_getz(kept, "stages") : secret_stage(call->arena, CURRENT));
        return 0;
    }
    if (stages && !value_list_has(stages, STR(CURRENT)))
        return put_aside(call, &record, token, stages, err);
    return replace_current(call, &record, "PutSecretValue",
        value_with(call->arena, call->input, STR("VersionStages"), NULL), err);
}

static int put_value(struct service_call *call, struct err *err)
{
    pthread_mutex_lock(&versions_lock);
    int status = put_value_alone(call, err);
    pthread_mutex_unlock(&versions_lock);
    return status;
}

static int update_secret(struct service_call *call, struct err *err)
{
    struct control_record record;
    if (!has_value(call->input)) {
        call->declined = true;
        return 0;
    }
    pthread_mutex_lock(&versions_lock);
    int status =
        find_secret(call, &record, err) || replace_current(call, &record, "UpdateSecret", call->input, err)
            ? -1
            : 0;
    pthread_mutex_unlock(&versions_lock);
    return status;
}

static int get_value(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str id = value_gets(call->input, "VersionId"), stage = value_gets(call->input, "VersionStage");
    if (find_secret(call, &record, err))
        return -1;
    bool none = !value_getz(record.attrs, "secret_string") && !value_getz(record.attrs, "secret_binary");
    bool current = (!id.n || secret_version_is_current(&record, id)) && (str_eqz(stage, CURRENT) || !stage.n);
    const struct value *version = current ? NULL : secret_version_find(call, &record, id, stage);
    if ((current && none) || (!current && !version))
        return service_refuse(err, 400, "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret value for %s: %.*s",
            id.n ? "VersionId" : "staging label",
            STR_ARG(id.n      ? id
                    : stage.n ? stage
                              : STR(CURRENT)));
    if (current) {
        call->forward = value_with(call->arena, value_with(call->arena, call->input, STR("VersionId"), NULL),
            STR("VersionStage"), NULL);
        return 0;
    }
    answer_version(call, &record, secret_version_id(version), value_getz(version, "stages"));
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_set(&b, "SecretString", value_getz(version, "string"));
    view_set(&b, "SecretBinary", value_getz(version, "binary"));
    view_set(&b, "CreatedDate", service_time(call, service_int(version, "created", 0)));
    call->output = value_merge(call->arena, call->output, value_builder_map(&b));
    return 0;
}

/* ---- which there are ---- */

/* {id: stages} of all that have some. */
static const struct value *staged(struct service_call *call, const struct control_record *record)
{
    const struct value *versions = secret_versions(call, record), *out = &value_empty_map;
    struct str current = value_gets(record->attrs, "version_id");
    for (uint32_t i = 0; i < versions->count; i++)
        if (value_getz(versions->items[i], "stages")->count)
            out = value_with(call->arena, out, secret_version_id(versions->items[i]),
                value_getz(versions->items[i], "stages"));
    return current.n ? value_with(call->arena, out, current, secret_stage(call->arena, CURRENT)) : out;
}

static int secrets_describe(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct err ignored = ERR_INIT;
    const struct service_request request = {.service = STR("secretsmanager"),
        .operation = STR("DescribeSecret"),
        .region = call->region,
        .input = call->input};
    if (services_call_control(call->services, call->arena, &request, &call->output, err))
        return -1;
    if (!find_secret(call, &record, &ignored))
        call->output =
            value_with(call->arena, call->output, STR("VersionIdsToStages"), staged(call, &record));
    return 0;
}

static int list_versions(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct value_builder list = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    bool all = value_equal(value_getz(call->input, "IncludeDeprecated"), &value_true);
    if (find_secret(call, &record, err))
        return -1;
    const struct value *versions = secret_versions_with(call->arena, secret_versions(call, &record),
        value_with(call->arena, secret_version_previous(call->arena, &record), STR("stages"),
            secret_stage(call->arena, CURRENT)));
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct value *stages = value_getz(versions->items[i], "stages");
        struct value_builder one = VALUE_BUILDER(call->arena);
        if (!stages->count && !all)
            continue;
        view_text(&one, "VersionId", secret_version_id(versions->items[i]));
        view_set(&one, "VersionStages", stages);
        view_set(&one, "CreatedDate", service_time(call, service_int(versions->items[i], "created", 0)));
        value_builder_add(&list, value_builder_map(&one));
    }
    view_set(&b, "Versions", value_builder_list(&list));
    view_set(&b, "ARN", value_getz(record.attrs, "arn"));
    view_set(&b, "Name", value_getz(record.attrs, "name"));
    call->output = value_builder_map(&b);
    return 0;
}

/* ---- moving stages ---- */

/* AWSCURRENT goes to a kept version: its value becomes the secret's, under the id that it has. */
static int make_current(struct service_call *call, const struct control_record *record,
    const struct value *version, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_set(&b, "SecretId", value_getz(record->attrs, "arn"));
    view_set(&b, "SecretString", value_getz(version, "string"));
    view_set(&b, "SecretBinary", value_getz(version, "binary"));
    view_text(&b, "ClientRequestToken", secret_version_id(version));
    return replace_current(call, record, "PutSecretValue", value_builder_map(&b), err);
}

/* A stage is only taken from the version that the request names. */
static int check_holder(
    struct service_call *call, const struct control_record *record, struct str stage, struct err *err)
{
    struct str from = value_gets(call->input, "RemoveFromVersionId");
    const struct value *version = secret_version_find(call, record, STR_EMPTY, stage);
    struct str holder =
        str_eqz(stage, CURRENT) ? value_gets(record->attrs, "version_id") : secret_version_id(version);
    if (str_eq(from, holder))
        return 0;
    return service_refuse(err, 400, "InvalidParameterException",
        "The staging label %.*s is attached to version %.*s, which RemoveFromVersionId has to name",
        STR_ARG(stage), STR_ARG(holder));
}

static int move_stage_alone(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str stage, to = value_gets(call->input, "MoveToVersionId");
    struct arena *arena = call->arena;
    if (service_required(call, "VersionStage", &stage, err) || find_secret(call, &record, err))
        return -1;
    const struct value *version = secret_version_find(call, &record, to, STR_EMPTY),
                       *versions = secret_versions(call, &record);
    if (to.n && !version && !secret_version_is_current(&record, to))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Secrets Manager can't find the version.");
    if (str_eqz(stage, CURRENT) && !to.n)
        return service_refuse(err, 400, "InvalidParameterException",
            "You can only move staging label AWSCURRENT to a different secret version.");
    if (check_holder(call, &record, stage, err))
        return -1;
    if (str_eqz(stage, CURRENT) && version && make_current(call, &record, version, err))
        return -1;
    struct value_builder b = VALUE_BUILDER(arena);
    versions = str_eqz(stage, CURRENT) ? secret_versions(call, &record) : versions;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct value *one = secret_version_without(arena, versions->items[i], stage),
                           *name = value_string(arena, stage);
        if (str_eqz(stage, CURRENT) && str_eq(secret_version_id(one), to))
            continue; /* it is in no note now */
        if (to.n && str_eq(secret_version_id(one), to)) {
            struct value_builder stages = VALUE_BUILDER(arena);
            const struct value *had = value_getz(one, "stages");
            for (uint32_t k = 0; k < had->count; k++)
                value_builder_add(&stages, had->items[k]);
            value_builder_add(&stages, name);
            one = value_with(arena, one, STR("stages"), value_builder_list(&stages));
        }
        value_builder_add(&b, one);
    }
    answer_version(call, &record, STR_EMPTY, NULL);
    call->output = value_with(arena, call->output, STR("VersionId"), NULL);
    return secret_versions_keep(call, &record, value_builder_list(&b), err);
}

static int move_stage(struct service_call *call, struct err *err)
{
    pthread_mutex_lock(&versions_lock);
    int status = move_stage_alone(call, err);
    pthread_mutex_unlock(&versions_lock);
    return status;
}

/* ---- the secret itself, and what needs none ---- */

/* Deleting for good what is not there is success; all else is the control plane's. */
static int delete_secret(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str id;
    if (service_required(call, "SecretId", &id, err))
        return -1;
    int64_t days = service_int(call->input, "RecoveryWindowInDays", 30);
    if (days < 7 || days > 30)
        return service_refuse(err, 400, "InvalidParameterException",
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
    bool there = control_find(services_control(call->services), call->arena, STR("aws.secretsmanager.secret"),
        call->region, id, &record);
    call->declined =
        there || !value_equal(value_getz(call->input, "ForceDeleteWithoutRecovery"), &value_true);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "Name", id);
    view_set(&b, "DeletionDate", service_time(call, clock_wall_ms()));
    call->output = value_builder_map(&b);
    return 0;
}

/* A filter as a pattern for what begins so; elsewhere a filter's stars and the like have their meaning. */
static const struct value *filter_beginning(struct arena *arena, const struct value *wanted)
{
    AUTO_BUF struct buf pattern = BUF_INIT;
    struct str text = value_text(wanted, STR_EMPTY);
    for (size_t i = 0; i < text.n; i++)
        buf_addf(&pattern, strchr("*?[\\", text.p[i]) ? "\\%c" : "%c", text.p[i]);
    buf_add_str(&pattern, STR("*"));
    return value_string(arena, arena_str(arena, buf_str(&pattern)));
}

static const struct value *with_beginnings(struct arena *arena, const struct value *filter)
{
    const struct value *values = value_getz(filter, "Values");
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; values && values->kind == VALUE_LIST && i < values->count; i++)
        value_builder_add(&b, filter_beginning(arena, values->items[i]));
    return value_with(arena, filter, STR("Values"), value_builder_list(&b));
}

/* Filters of a listing are the beginnings of what they look for. */
static int list_secrets(struct service_call *call, struct err *err)
{
    const struct value *filters = value_getz(call->input, "Filters");
    struct value_builder b = VALUE_BUILDER(call->arena);
    (void)err;
    if (!filters || filters->kind != VALUE_LIST) {
        call->declined = true;
        return 0;
    }
    for (uint32_t i = 0; i < filters->count; i++)
        value_builder_add(&b, with_beginnings(call->arena, filters->items[i]));
    call->forward = value_with(call->arena, call->input, STR("Filters"), value_builder_list(&b));
    return 0;
}

/* What the request leaves out of a password, as characters. */
static struct str excluded_of(const struct service_call *call)
{
    static const struct {
        const char *member, *characters;
    } classes[] = {
        {"ExcludeNumbers", "0123456789"},
        {"ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"},
        {"ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
        {"ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
    };
    AUTO_BUF struct buf all = BUF_INIT;
    buf_add_str(&all, value_gets(call->input, "ExcludeCharacters"));
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (value_getb(call->input, classes[i].member))
            buf_addz(&all, classes[i].characters);
    return arena_str(call->arena, buf_str(&all));
}

/* One of each class that is not excluded is always in it; none has a space. */
static int random_secret(struct service_call *call, struct err *err)
{
    int64_t length = value_geti(call->input, "PasswordLength", PASSWORD_LENGTH);
    struct err why = ERR_INIT;
    struct str password;
    if (value_getb(call->input, "IncludeSpace"))
        return service_refuse(err, 400, "InvalidParameterException",
            "the sandbox does not know IncludeSpace: it makes passwords without spaces");
    if (length < 4)
        return service_refuse(err, 400, "InvalidParameterException", "PasswordLength is at least 4.");
    if (random_password(call->arena, excluded_of(call), (size_t)length, &password, &why))
        return service_refuse(err, 400, "InvalidParameterException", "%s", why.message);
    const struct value_entry entry = {STR("RandomPassword"), value_string(call->arena, password)};
    (void)value_getz(call->input, "RequireEachIncludedType"); /* it always is so */
    call->output = value_map(call->arena, &entry, 1);
    return 0;
}

/* Only whether it is a document of JSON with statements; who would be let in is not looked at. */
static int validate_policy(struct service_call *call, struct err *err)
{
    struct str text;
    const struct value *document, *statements = NULL;
    struct err why = ERR_INIT;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (service_required(call, "ResourcePolicy", &text, err))
        return -1;
    if (json_parse(call->arena, text, &document, &why))
        return service_refuse(
            err, 400, "MalformedPolicyDocumentException", "This resource policy contains invalid Json");
    statements = value_getz(document, "Statement");
    if (!statements)
        return service_refuse(err, 400, "MalformedPolicyDocumentException",
            "This resource policy contains a syntax error: no Statement");
    (void)value_getz(call->input, "SecretId"); /* it need not be there */
    value_builder_set(&b, STR("PolicyValidationPassed"), &value_true);
    view_set(&b, "ValidationErrors", &value_empty_list);
    call->output = value_builder_map(&b);
    return 0;
}

const struct service_operation secretsmanager_operations[] = {
    {"secretsmanager", "ValidateResourcePolicy", validate_policy, NULL, NULL},
    {"secretsmanager", "GetRandomPassword", random_secret, NULL, NULL},
    {"secretsmanager", "ListSecrets", list_secrets, NULL, NULL},
    {"secretsmanager", "DeleteSecret", delete_secret, NULL, NULL},
    {"secretsmanager", "GetSecretValue", get_value, NULL, NULL},
    {"secretsmanager", "PutSecretValue", put_value, NULL, NULL},
    {"secretsmanager", "UpdateSecret", update_secret, NULL, NULL},
    {"secretsmanager", "DescribeSecret", secrets_describe, NULL, NULL},
    {"secretsmanager", "ListSecretVersionIds", list_versions, NULL, NULL},
    {"secretsmanager", "UpdateSecretVersionStage", move_stage, NULL, NULL},
    {0},
};
