/* Secrets Manager: values with versions and stages, and operations that need no secret. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/random.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/secretsmanager/versions.h"

enum { MAX_PAGE = 100 };

/* ---- finding secrets ---- */

/* Finds a secret that is not marked for deletion. */
static int find_secret(struct service_call *call, struct control_record *out, struct err *err)
{
    if (secret_find(call, out, err))
        return -1;
    if (!value_is_null(value_getz(out->attrs, "deleted_date")))
        return service_refuse(err, 400, "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.");
    return 0;
}

/* Forwards the request to the control plane with the secret's full ARN. */
static void forward_about(struct service_call *call, const struct control_record *record)
{
    call->forward = value_with(call->arena, call->input, STR("SecretId"),
        value_string(call->arena, value_gets(record->attrs, "arn")));
}

static int on_live_secret(struct service_call *call, struct err *err)
{
    struct control_record record;
    if (find_secret(call, &record, err))
        return -1;
    forward_about(call, &record);
    return 0;
}

static int on_secret(struct service_call *call, struct err *err)
{
    struct control_record record;
    if (secret_find(call, &record, err))
        return -1;
    forward_about(call, &record);
    return 0;
}

static int call_control(struct service_call *call, const struct control_record *record, const char *operation,
    const struct value *input, struct err *err)
{
    return service_control(call, operation,
        value_with(
            call->arena, input, STR("SecretId"), value_string(call->arena, value_gets(record->attrs, "arn"))),
        &call->output, err);
}

/* CreateSecret without a value creates no version. */
static int create_secret(struct service_call *call, struct err *err)
{
    struct control_record record;
    if (service_find(call, STR("aws.secretsmanager.secret"), value_gets(call->input, "Name"), &record) &&
        !value_is_null(value_getz(record.attrs, "deleted_date")))
        return service_refuse(err, 400, "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for "
            "deletion.");
    call->declined = true;
    return 0;
}

/* ---- values ---- */

static bool has_value(const struct value *input)
{
    return value_getz(input, "SecretString") || value_getz(input, "SecretBinary");
}

static const struct value *version_made(
    struct service_call *call, struct str id, const struct value *input, const struct value *stages)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "id", id);
    view_set(&b, "stages", stages);
    view_members(&b, input, "string=SecretString binary=SecretBinary");
    view_int(&b, "created", clock_wall_ms());
    return value_builder_map(&b);
}

static void answer_version(
    struct service_call *call, const struct control_record *record, const struct value *version)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_members(&b, record->attrs, "ARN=arn Name=name");
    view_text(&b, "VersionId", secret_version_id(version));
    view_set(&b, "VersionStages", value_getz(version, "stages"));
    call->output = value_builder_map(&b);
}

/* A token is a version's id: the same request again is idempotent, another value is refused. A pending
 * version of a rotation has no value yet. */
static int check_token(struct service_call *call, const struct value *version, bool *again, struct err *err)
{
    *again = version && (value_getz(version, "string") || value_getz(version, "binary"));
    if (!*again || (str_eq(value_gets(version, "string"), value_gets(call->input, "SecretString")) &&
                       str_eq(value_gets(version, "binary"), value_gets(call->input, "SecretBinary"))))
        return 0;
    return service_refuse(err, 400, "ResourceExistsException",
        "You can't modify an existing version, you can only create a new version.");
}

/* Stores a value with stages. With AWSCURRENT, which the first version always has, it becomes the record's
 * value. */
static int put_version(struct service_call *call, const struct control_record *record, const char *operation,
    const struct value *stages, struct err *err)
{
    const struct value *versions = secret_versions(call, record),
                       *current = value_stringz(call->arena, SECRET_CURRENT);
    struct str token = value_gets(call->input, "ClientRequestToken");
    struct str id = token.n ? token : uuid_random(call->arena);
    const struct value *there = secret_version_find(versions, id, STR_EMPTY), *input = call->input;
    bool again, first = !secret_version_find(versions, STR_EMPTY, STR(SECRET_CURRENT));
    if (check_token(call, there, &again, err))
        return -1;
    if (again) {
        answer_version(call, record, there);
        return 0;
    }
    if (!stages || first)
        stages = value_list(call->arena, &current, 1);
    const struct value *made = version_made(call, id, input, stages);
    if (value_list_has(stages, STR(SECRET_CURRENT))) {
        input = value_with(call->arena, value_with(call->arena, input, STR("VersionStages"), NULL),
            STR("ClientRequestToken"), value_string(call->arena, id));
        if (call_control(call, record, operation, input, err))
            return -1;
    }
    if (strcmp(operation, "UpdateSecret") != 0)
        answer_version(call, record, made);
    return secret_versions_keep(call, record, secret_versions_with(call->arena, versions, made), err);
}

static int put_value(struct service_call *call, struct err *err)
{
    struct control_record record;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&secret_versions_lock);
    int status = find_secret(call, &record, err);
    if (!status && !has_value(call->input))
        status = service_refuse(
            err, 400, "InvalidRequestException", "You must provide either SecretString or SecretBinary.");
    if (!status)
        status = put_version(call, &record, "PutSecretValue", value_getz(call->input, "VersionStages"), err);
    return status;
}

/* UpdateSecret without a value creates no version. */
static int update_secret(struct service_call *call, struct err *err)
{
    struct control_record record;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&secret_versions_lock);
    int status = find_secret(call, &record, err);
    if (!status && has_value(call->input))
        status = put_version(call, &record, "UpdateSecret", NULL, err);
    else if (!status && !(status = call_control(call, &record, "UpdateSecret", call->input, err)))
        call->output = value_with(call->arena, call->output, STR("VersionId"), NULL);
    return status;
}

static int refuse_value(struct str id, struct str stage, bool known, struct err *err)
{
    if (id.n && stage.n && known)
        return service_refuse(err, 400, "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.");
    return service_refuse(err, 400, "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for %s: %.*s",
        id.n ? "VersionId" : "staging label", STR_ARG(id.n ? id : stage));
}

/* Records the day of the last access. */
static int note_access(struct service_call *call, const struct control_record *record,
    const struct value *versions, const struct value *version, struct err *err)
{
    enum { DAY_MS = 86400000 };
    int64_t day = clock_wall_ms() / DAY_MS * DAY_MS;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (service_int(version, "accessed", 0) == day)
        return 0;
    for (uint32_t i = 0; i < versions->count; i++)
        value_builder_add(
            &b, versions->items[i] == version
                    ? value_with(call->arena, version, STR("accessed"), value_int(call->arena, day))
                    : versions->items[i]);
    return secret_versions_keep(call, record, value_builder_list(&b), err);
}

static int get_value_alone(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str id = value_gets(call->input, "VersionId"), stage = value_gets(call->input, "VersionStage");
    if (find_secret(call, &record, err))
        return -1;
    if (!id.n && !stage.n)
        stage = STR(SECRET_CURRENT);
    const struct value *versions = secret_versions(call, &record),
                       *version = secret_version_find(versions, id, stage);
    if (!version || (!value_getz(version, "string") && !value_getz(version, "binary")))
        return refuse_value(id, stage, !version && secret_version_find(versions, id, STR_EMPTY), err);
    answer_version(call, &record, version);
    service_answer(call, "SecretString", value_getz(version, "string"));
    service_answer(call, "SecretBinary", value_getz(version, "binary"));
    service_answer(call, "CreatedDate", service_time(call, service_int(version, "created", 0)));
    return note_access(call, &record, versions, version, err);
}

static int get_value(struct service_call *call, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&secret_versions_lock);
    return get_value_alone(call, err);
}

/* ---- describing ---- */

/* Returns {id: stages} of all versions with stages, or NULL. */
static const struct value *staged(struct service_call *call, const struct value *versions)
{
    const struct value *out = NULL;
    for (uint32_t i = 0; i < versions->count; i++)
        if (value_as_list(value_getz(versions->items[i], "stages"))->count)
            out = value_with(call->arena, out, secret_version_id(versions->items[i]),
                value_getz(versions->items[i], "stages"));
    return out;
}

static int64_t accessed_of(const struct value *versions)
{
    int64_t last = 0;
    for (uint32_t i = 0; i < versions->count; i++)
        if (service_int(versions->items[i], "accessed", 0) > last)
            last = service_int(versions->items[i], "accessed", 0);
    return last;
}

/* Returns the next rotation's time; 0: rotation is off or not scheduled in days. */
static int64_t next_rotation(const struct control_record *record, int64_t rotated_ms)
{
    int64_t days = service_int(value_getz(record->attrs, "rotation_rules"), "days", 0);
    bool on = value_equal(value_getz(record->attrs, "rotation"), &value_true);
    return on && days ? (rotated_ms ? rotated_ms : record->changed_ms) + days * 86400000 : 0;
}

static int secrets_describe(struct service_call *call, struct err *err)
{
    struct control_record record;
    if (secret_find(call, &record, err) || call_control(call, &record, "DescribeSecret", call->input, err))
        return -1;
    const struct value *versions = secret_versions(call, &record), *out = call->output;
    int64_t rotated = secret_rotated_ms(call, &record);
    bool never = value_is_null(value_getz(record.attrs, "rotation_rules")) &&
                 value_is_null(value_getz(record.attrs, "rotation_function"));
    if (never && !value_getb(out, "RotationEnabled"))
        out = value_with(call->arena, out, STR("RotationEnabled"), NULL);
    if (!value_gets(out, "Description").n)
        out = value_with(call->arena, out, STR("Description"), NULL);
    call->output = value_with(call->arena, out, STR("VersionIdsToStages"), staged(call, versions));
    service_answer(call, "LastChangedDate", service_time(call, record.changed_ms));
    service_answer(call, "LastAccessedDate", service_time(call, accessed_of(versions)));
    service_answer(call, "LastRotatedDate", service_time(call, rotated));
    service_answer(call, "NextRotationDate", service_time(call, next_rotation(&record, rotated)));
    return 0;
}

static const struct value *view_version(
    struct service_call *call, const struct value *version, const struct value *keys)
{
    struct value_builder one = VALUE_BUILDER(call->arena);
    const struct value *stages = value_as_list(value_getz(version, "stages"));
    view_text(&one, "VersionId", secret_version_id(version));
    view_set(&one, "VersionStages", stages->count ? stages : NULL);
    view_set(&one, "KmsKeyIds", keys);
    view_set(&one, "CreatedDate", service_time(call, service_int(version, "created", 0)));
    view_set(&one, "LastAccessedDate", service_time(call, service_int(version, "accessed", 0)));
    return value_builder_map(&one);
}

static int list_versions(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct value_builder list = VALUE_BUILDER(call->arena);
    bool all = value_equal(value_getz(call->input, "IncludeDeprecated"), &value_true);
    if (find_secret(call, &record, err))
        return -1;
    const struct value *versions = secret_versions(call, &record),
                       *key = value_string(call->arena,
                           value_text(value_getz(record.attrs, "kms_key"), STR("DefaultEncryptionKey"))),
                       *keys = value_list(call->arena, &key, 1);
    for (uint32_t i = 0; i < versions->count; i++)
        if (all || value_as_list(value_getz(versions->items[i], "stages"))->count)
            value_builder_add(&list, view_version(call, versions->items[i], keys));
    service_answer(call, "ARN", value_getz(record.attrs, "arn"));
    service_answer(call, "Name", value_getz(record.attrs, "name"));
    return service_answer_page(call, "Versions", value_builder_list(&list), MAX_PAGE, err);
}

/* ---- moving stages ---- */

/* Makes a stored version current: its value becomes the record's, with the same version id. */
static int make_current(struct service_call *call, const struct control_record *record,
    const struct value *version, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_members(&b, version, "SecretString=string SecretBinary=binary");
    view_text(&b, "ClientRequestToken", secret_version_id(version));
    return call_control(call, record, "PutSecretValue", value_builder_map(&b), err);
}

/* RemoveFromVersionId must name the version that has the stage. */
static int check_holder(
    struct service_call *call, const struct value *versions, struct str stage, struct err *err)
{
    const struct value *holder = secret_version_find(versions, STR_EMPTY, stage);
    struct str has = holder ? secret_version_id(holder) : STR_EMPTY;
    if (str_eq(value_gets(call->input, "RemoveFromVersionId"), has))
        return 0;
    return service_refuse(err, 400, "InvalidParameterException",
        "The parameter RemoveFromVersionId can't be empty. Staging label %.*s is currently attached to "
        "version "
        "%.*s, so you must explicitly reference that version in RemoveFromVersionId.",
        STR_ARG(stage), STR_ARG(has));
}

static int move_stage_alone(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str stage, to = value_gets(call->input, "MoveToVersionId");
    if (service_required(call, "VersionStage", &stage, err) || find_secret(call, &record, err))
        return -1;
    const struct value *versions = secret_versions(call, &record),
                       *version = to.n ? secret_version_find(versions, to, STR_EMPTY) : NULL;
    if (to.n && !version)
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Secrets Manager can't find the version.");
    if (str_eqz(stage, SECRET_CURRENT) && !to.n)
        return service_refuse(err, 400, "InvalidParameterException",
            "You can only move staging label AWSCURRENT to a different secret version. It can't be "
            "completely removed.");
    if (!(version && value_list_has(value_getz(version, "stages"), stage)) &&
        check_holder(call, versions, stage, err))
        return -1;
    if (str_eqz(stage, SECRET_CURRENT) && !secret_version_has(version, SECRET_CURRENT) &&
        make_current(call, &record, version, err))
        return -1;
    answer_version(call, &record, &value_empty_map);
    call->output = value_with(call->arena, call->output, STR("VersionId"), NULL);
    return secret_versions_keep(call, &record, secret_versions_moved(call->arena, versions, stage, to), err);
}

static int move_stage(struct service_call *call, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&secret_versions_lock);
    return move_stage_alone(call, err);
}

static int rotate_secret(struct service_call *call, struct err *err)
{
    struct control_record record;
    return find_secret(call, &record, err) ? -1 : secret_rotate(call, err);
}

/* ---- deleting; operations without a secret ---- */

/* Force-deleting an absent secret succeeds; the control plane does the rest. */
static int delete_secret(struct service_call *call, struct err *err UNUSED)
{
    struct control_record record;
    struct str id = value_gets(call->input, "SecretId");
    if (!secret_find(call, &record, ERR_IGNORED)) {
        forward_about(call, &record);
        return 0;
    }
    call->declined = !value_equal(value_getz(call->input, "ForceDeleteWithoutRecovery"), &value_true);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "Name", id);
    view_text(&b, "ARN",
        arena_printf(call->arena, "arn:aws:secretsmanager:%.*s:%.*s:secret:%.*s-%.6s", STR_ARG(call->region),
            STR_ARG(services_account(call->services)), STR_ARG(id), uuid_random(call->arena).p));
    view_set(&b, "DeletionDate", service_time(call, clock_wall_ms()));
    call->output = value_builder_map(&b);
    return 0;
}

/* Returns the characters that the request excludes from a password. */
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

enum { MAX_PASSWORD = 4096, PART_OF_PASSWORD = 256 };

/* The password has a character of each class that is not excluded, and no spaces. */
static int random_secret(struct service_call *call, struct err *err)
{
    int64_t length = value_geti(call->input, "PasswordLength", PASSWORD_LENGTH);
    struct err why = ERR_INIT;
    AUTO_BUF struct buf all = BUF_INIT;
    if (value_getb(call->input, "IncludeSpace"))
        return service_refuse(err, 400, "InvalidParameterException",
            "the sandbox does not know IncludeSpace: it makes passwords without spaces");
    if (length < 4 || length > MAX_PASSWORD)
        return service_refuse(
            err, 400, "InvalidParameterException", "PasswordLength is 4 to %d.", MAX_PASSWORD);
    while (all.n < (size_t)length) { /* in parts; the last one is long enough for all classes */
        size_t left = (size_t)length - all.n;
        struct str part;
        left = left > 2 * (size_t)PART_OF_PASSWORD ? PART_OF_PASSWORD : left;
        if (random_password(call->arena, excluded_of(call), left, &part, &why))
            return service_refuse(err, 400, "InvalidParameterException", "%s", why.message);
        buf_add_str(&all, part);
    }
    (void)value_getz(call->input, "RequireEachIncludedType"); /* always the case */
    service_answer_text(call, "RandomPassword", arena_str(call->arena, buf_str(&all)));
    return 0;
}

/* Checks only that the document is JSON with statements, not whom it allows. */
static int validate_policy(struct service_call *call, struct err *err)
{
    struct str text;
    const struct value *document, *statements = NULL;
    if (service_required(call, "ResourcePolicy", &text, err))
        return -1; /* the secret need not exist */
    if (json_parse(call->arena, text, &document, ERR_IGNORED))
        return service_refuse(
            err, 400, "MalformedPolicyDocumentException", "This resource policy contains invalid Json");
    statements = value_getz(document, "Statement");
    if (!statements)
        return service_refuse(err, 400, "MalformedPolicyDocumentException",
            "This resource policy contains a syntax error: no Statement");
    service_answer(call, "PolicyValidationPassed", &value_true);
    service_answer(call, "ValidationErrors", &value_empty_list);
    return 0;
}

const struct service_operation secretsmanager_operations[] = {
    {"secretsmanager", "ValidateResourcePolicy", validate_policy},
    {"secretsmanager", "GetRandomPassword", random_secret},
    {"secretsmanager", "CreateSecret", create_secret},
    {"secretsmanager", "TagResource", on_live_secret},
    {"secretsmanager", "UntagResource", on_live_secret},
    {"secretsmanager", "PutResourcePolicy", on_live_secret},
    {"secretsmanager", "GetResourcePolicy", on_live_secret},
    {"secretsmanager", "DeleteResourcePolicy", on_live_secret},
    {"secretsmanager", "CancelRotateSecret", on_live_secret},
    {"secretsmanager", "RestoreSecret", on_secret},
    {"secretsmanager", "RotateSecret", rotate_secret},
    {"secretsmanager", "DeleteSecret", delete_secret},
    {"secretsmanager", "GetSecretValue", get_value},
    {"secretsmanager", "PutSecretValue", put_value},
    {"secretsmanager", "UpdateSecret", update_secret},
    {"secretsmanager", "DescribeSecret", secrets_describe},
    {"secretsmanager", "ListSecretVersionIds", list_versions},
    {"secretsmanager", "UpdateSecretVersionStage", move_stage},
    {0},
};
