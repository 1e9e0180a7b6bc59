/*
 * Published versions. The control plane has the current function; PublishVersion's copies are in a note
 * beside it: {last, versions: [{version, attrs, shown}]}. `last` is the highest number used, since numbers
 * are not reused.
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/clock.h"
#include "base/json.h"

enum { MAX_SHOWN = 50 };

/* ---- the note of one function ---- */

struct versions {
    const struct value *list;
    int64_t last;
};

static struct versions read_versions(const struct service_call *call, const struct control_record *record)
{
    const struct value *note = service_note_read(call, "versions", record);
    return (struct versions){value_as_list(value_getz(note, "versions")), service_int(note, "last", 0)};
}

static int write_versions(const struct service_call *call, const struct control_record *record,
    struct versions versions, struct err *err)
{
    const struct value_entry entries[] = {
        {STR("last"), value_int(call->arena, versions.last)}, {STR("versions"), versions.list}};
    return service_note_write(call, "versions", record, value_map(call->arena, entries, 2), err);
}

bool lambda_version_find(const struct service_call *call, const struct control_record *record,
    struct str version, struct control_record *out)
{
    const struct value *entry = value_list_find(read_versions(call, record).list, "version", version);
    if (!entry)
        return false;
    *out = *record;
    out->attrs = value_getz(entry, "attrs");
    return out->attrs != NULL;
}

int64_t lambda_versions_size(const struct service_call *call, const struct control_record *record)
{
    int64_t sum = 0;
    const struct value *list = read_versions(call, record).list;
    for (uint32_t i = 0; i < list->count; i++)
        sum += service_int(value_getz(list->items[i], "attrs"), "code_size", 0);
    return sum;
}

/* ---- published attributes ---- */

static const char *const frozen[] = {"code", "code_sha256", "code_size", "runtime", "handler", "role",
    "package_type", "architectures", "memory_size", "timeout", "environment", "layers", "ephemeral_storage",
    "vpc_config", "dead_letter_queue", "tracing", "kms_key", "description", "logging", "file_systems"};

/* Returns the attributes as they are read back from JSON, so that they compare equal. */
static const struct value *freeze(struct arena *arena, const struct value *attrs)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *made, *read;
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) {
        const struct value *v = value_getz(attrs, frozen[i]);
        if (!value_is_null(v))
            value_builder_set(&b, str_z(frozen[i]), v);
    }
    made = value_builder_map(&b);
    json_write(&text, made, JSON_PLAIN);
    return json_parse(arena, buf_str(&text), &read, ERR_IGNORED) ? made : read;
}

/* Reads the function's configuration from the control plane. */
static int lambda_versions_describe(const struct service_call *call, const struct control_record *record,
    const struct value **out, struct err *err)
{
    struct wire_message answer;
    struct wire_operation wire;
    struct wire_message request = {.method = STR("GET"),
        .path = arena_printf(call->arena, "/2015-03-31/functions/%.*s/configuration", STR_ARG(record->id)),
        .query = STR_EMPTY};
    if (!control_protocol(services_control(call->services), STR("lambda"), &wire) ||
        !control_handle(services_control(call->services), call->arena, STR("lambda"), call->region, &request,
            STR("inside"), &answer))
        return service_refuse(err, 500, "ServiceException", "the sandbox does not know Lambda");
    if (!wire_is_error(&answer))
        return json_parse(call->arena, answer.body, out, err);
    wire_decode_error(&wire, &answer, err);
    return -1;
}

/* Returns a version's configuration as active, with a revision of its own. */
static const struct value *as_published(struct arena *arena, const struct value *shown)
{
    static const char *const passing[] = {
        "StateReason", "StateReasonCode", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        shown = value_with(arena, shown, str_z(passing[i]), NULL);
    shown = value_with(arena, shown, STR("State"), value_stringz(arena, "Active"));
    shown = value_with(arena, shown, STR("LastUpdateStatus"), value_stringz(arena, "Successful"));
    return value_with(arena, shown, STR("RevisionId"), value_string(arena, uuid_random(arena)));
}

static const struct value *as_version(struct arena *arena, const struct value *shown, struct str version)
{
    struct str arn = value_gets(shown, "FunctionArn");
    arn = arena_printf(arena, "%.*s:%.*s", STR_ARG(arn), STR_ARG(version));
    shown = value_with(arena, shown, STR("FunctionArn"), value_string(arena, arn));
    return value_with(arena, shown, STR("Version"), value_string(arena, version));
}

/* ---- operations ---- */

static int publish_new(struct service_call *call, const struct control_record *record,
    struct versions versions, const struct value *attrs, struct err *err)
{
    struct arena *arena = call->arena;
    struct str version = arena_printf(arena, "%lld", (long long)++versions.last);
    const struct value *shown, *own = value_getz(call->input, "Description");
    if (lambda_versions_describe(call, record, &shown, err))
        return -1;
    if (own && own->kind == VALUE_STRING && own->string.n)
        shown = value_with(arena, shown, STR("Description"), own);
    shown = as_published(arena, as_version(arena, shown, version));
    const struct value_entry entry[] = {
        {STR("version"), value_string(arena, version)}, {STR("attrs"), attrs}, {STR("shown"), shown}};
    versions.list = value_list_with(arena, versions.list, value_map(arena, entry, 3));
    call->output = shown;
    const struct value *revision =
        value_string(arena, uuid_random(arena)); /* publishing changes the function's revision */
    return write_versions(call, record, versions, err) ||
                   !control_note(services_control(call->services), STR("aws.lambda.function"), record,
                       "revision_id", revision)
               ? -1
               : 0;
}

int lambda_refuse_revision(struct err *err)
{
    return service_refuse(err, 412, "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API "
        "to "
        "retrieve the latest Revision Id");
}

int lambda_check_revision(struct service_call *call, const struct control_record *record, struct err *err)
{
    const struct value *shown;
    struct str asked = value_gets(call->input, "RevisionId");
    call->input = value_with(call->arena, call->input, STR("RevisionId"), NULL);
    if (!asked.n)
        return 0;
    if (lambda_versions_describe(call, record, &shown, err))
        return -1;
    return str_eq(asked, value_gets(shown, "RevisionId")) ? 0 : lambda_refuse_revision(err);
}

int lambda_check_settled(
    const struct service_call *call, const struct control_record *record, struct err *err)
{
    const struct value *shown;
    if (lambda_versions_describe(call, record, &shown, err))
        return -1;
    if (str_eqz(value_gets(shown, "LastUpdateStatus"), "InProgress"))
        return service_refuse(err, 409, "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: %.*s",
            STR_ARG(value_gets(shown, "FunctionArn")));
    if (str_eqz(value_gets(shown, "State"), "Pending"))
        return service_refuse(err, 409, "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the following "
            "state: Pending");
    return 0;
}

int lambda_update_configuration(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    if (lambda_find_record(call, &qualifier, &record, err) || lambda_check_revision(call, &record, err) ||
        lambda_check_settled(call, &record, err) || lambda_check_new(call, err))
        return -1;
    call->forward = call->input;
    return 0;
}

/* If nothing changed since the last version, that version is reported. */
int lambda_publish_version(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier, sha256 = value_gets(call->input, "CodeSha256");
    if (lambda_find_record(call, &qualifier, &record, err) || lambda_check_revision(call, &record, err))
        return -1;
    if (sha256.n && !str_eq(sha256, value_gets(record.attrs, "code_sha256")))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "CodeSHA256 (%.*s) is different from current CodeSHA256 in $LATEST (%.*s). Please try again with "
            "the CodeSHA256 in $LATEST.",
            STR_ARG(sha256), STR_ARG(value_gets(record.attrs, "code_sha256")));
    struct versions versions = read_versions(call, &record);
    const struct value *attrs = freeze(call->arena, record.attrs);
    uint32_t n = versions.list->count;
    const struct value *last = n ? versions.list->items[n - 1] : NULL;
    if (!last || !value_equal(value_getz(last, "attrs"), attrs))
        return publish_new(call, &record, versions, attrs, err);
    call->output = value_getz(last, "shown");
    return 0;
}

int lambda_publish_with(struct service_call *call, struct err *err)
{
    bool wanted = value_equal(value_getz(call->forward, "Publish"), &value_true);
    const struct value *input = value_with(call->arena, call->forward, STR("Publish"), NULL);
    call->forward = wanted ? NULL : input;
    if (!wanted)
        return 0;
    if (service_control(call, call->operation->name, input, &call->output, err))
        return -1;
    const struct value *made = !strcmp(call->operation->name, "CreateFunction") ? call->output : NULL;
    call->input = value_with(call->arena, NULL, STR("FunctionName"), value_getz(input, "FunctionName"));
    if (lambda_publish_version(call, err))
        return -1;
    if (made) /* the response describes the new function, with the version's number */
        call->output = value_with(call->arena, made, STR("Version"), value_getz(call->output, "Version"));
    return 0;
}

int lambda_describe(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    if (lambda_find_record(call, &qualifier, &record, err))
        return -1;
    return lambda_versions_describe(call, &record, &call->output, err);
}

/* Lists omit states and runtime versions. */
static const struct value *as_listed(struct arena *arena, const struct value *shown)
{
    static const char *const left_out[] = {"State", "StateReason", "StateReasonCode", "LastUpdateStatus",
        "LastUpdateStatusReason", "LastUpdateStatusReasonCode", "RuntimeVersionConfig"};
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        shown = value_with(arena, shown, str_z(left_out[i]), NULL);
    return shown;
}

/* Adds the function, or $LATEST and all published versions. */
static int add_versions(const struct service_call *call, const struct control_record *record, bool published,
    struct value_builder *all, struct err *err)
{
    const struct value *current, *versions = read_versions(call, record).list;
    if (lambda_versions_describe(call, record, &current, err))
        return -1;
    if (!published)
        versions = &value_empty_list;
    else
        current = as_version(call->arena, current, STR("$LATEST"));
    value_builder_add(all, as_listed(call->arena, current));
    for (uint32_t i = 0; i < versions->count; i++)
        value_builder_add(all, as_listed(call->arena, value_getz(versions->items[i], "shown")));
    return 0;
}

int lambda_list_versions(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    struct value_builder all = VALUE_BUILDER(call->arena);
    return lambda_find_record(call, &qualifier, &record, err) || add_versions(call, &record, true, &all, err)
               ? -1
               : service_answer_page(call, "Versions", value_builder_list(&all), MAX_SHOWN, err);
}

/* Without versions, only the functions on the page are described. */
int lambda_list_functions(struct service_call *call, struct err *err)
{
    size_t n, first = 0, end;
    const struct value *next = NULL;
    struct value_builder all = VALUE_BUILDER(call->arena);
    bool published = value_getz(call->input, "FunctionVersion"); /* ALL */
    const struct control_record *functions = service_list(call, STR("aws.lambda.function"), &n);
    end = n;
    if (!published && service_page(call, "Marker", "MaxItems", MAX_SHOWN, n, &first, &end, &next, err))
        return -1;
    for (size_t i = first; i < end; i++)
        if (add_versions(call, &functions[i], published, &all, err))
            return -1;
    if (published)
        return service_answer_page(call, "Functions", value_builder_list(&all), MAX_SHOWN, err);
    service_answer(call, "Functions", value_builder_list(&all));
    service_answer(call, "NextMarker", next);
    return 0;
}

/* Finds the requested version and its attributes. *out NULL: no qualifier, the control plane answers. */
static int shown_version(
    struct service_call *call, const struct value **out, struct control_record *of, struct err *err)
{
    struct control_record record, alias;
    struct str qualifier, version;
    *out = NULL;
    if (lambda_find_record(call, &qualifier, &record, err))
        return -1;
    *of = record;
    if (!qualifier.n)
        return 0;
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(record.id), STR_ARG(qualifier));
    bool aliased = service_find(call, STR("aws.lambda.alias"), id, &alias);
    if (lambda_find_version(call, &record, aliased ? value_gets(alias.attrs, "function_version") : qualifier,
            &version, of, err))
        return -1;
    const struct value *entry = value_list_find(read_versions(call, &record).list, "version", version);
    if (entry)
        *out = value_getz(entry, "shown");
    else if (!lambda_versions_describe(call, &record, out, err))
        *out = as_version(call->arena, *out, version);
    if (*out && aliased)
        *out = value_with(call->arena, *out, STR("FunctionArn"),
            value_string(call->arena, arena_printf(call->arena, "%.*s:%.*s",
                                          STR_ARG(value_gets(record.attrs, "arn")), STR_ARG(qualifier))));
    return *out ? 0 : -1;
}

int lambda_get_configuration(struct service_call *call, struct err *err)
{
    struct control_record of;
    if (shown_version(call, &call->output, &of, err))
        return -1;
    call->declined = !call->output;
    return 0;
}

int lambda_get_function(struct service_call *call, struct err *err)
{
    const struct value *shown;
    struct control_record of;
    if (shown_version(call, &shown, &of, err))
        return -1;
    const struct value_entry name = {STR("FunctionName"), value_string(call->arena, of.id)},
                             configuration = {STR("Configuration"), shown};
    if (shown)
        shown = value_map(call->arena, &configuration, 1);
    else if (service_control(call, "GetFunction", value_map(call->arena, &name, 1), &shown, err))
        return -1;
    call->output = lambda_with_location(call, shown, of.attrs, "Code");
    return 0;
}

/* Only published versions can be deleted separately. */
static int check_deletion(struct str qualifier, struct err *err)
{
    int64_t number;
    if (str_eqz(qualifier, "$LATEST"))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "$LATEST version cannot be deleted without deleting the function.");
    if (qualifier.n && !str_to_int(qualifier, &number) && qualifier.p[0] != '$')
        return service_refuse(
            err, 400, "InvalidParameterValueException", "Deletion of aliases is not currently supported.");
    return 0;
}

/* Deletes one version. The control plane deletes functions; the note is bound to the record's creation
 * time. */
int lambda_delete_function(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    if (check_deletion(value_gets(call->input, "Qualifier"), err) ||
        lambda_find_record(call, &qualifier, &record, err))
        return -1;
    call->declined = !qualifier.n;
    if (call->declined)
        return 0;
    struct versions versions = read_versions(call, &record);
    versions.list =
        value_list_except(call->arena, versions.list, value_list_find(versions.list, "version", qualifier));
    int status = write_versions(call, &record, versions, err);
    call->output = &value_empty_map;
    return status;
}
