/*
 * Parameter Store: reading (a SecureString is ciphertext without decryption; secrets of Secrets Manager can
 * be read by path), versions, labels, and listings by path.
 */
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/tables.h"

#include <stdlib.h>

/* ---- Earlier versions, their labels, and listings by path ---- */

enum { MAX_PAGE = 10 };

/* ---- paths ---- */

static int by_name(const void *left, const void *right)
{
    const struct control_record *a = left, *b = right;
    return str_cmp(a->id, b->id);
}

/* True if the name is in the folder: /lake has /lake/url, and with `deep` /lake/a/b. A name without a path is
 * in /. */
static bool lies_below(struct str name, struct str folder, bool deep)
{
    if (str_ends(folder, STR("/")))
        folder.n--;
    if (!folder.n && !str_starts(name, STR("/")))
        return true;
    return name.n > folder.n + 1 && name.p[folder.n] == '/' && str_starts(name, folder) &&
           (deep || str_find_char(name, '/', folder.n + 1) < 0);
}

/* ---- earlier versions: a note, {versions: [as GetParameterHistory shows them], labels: {label: version}}
 * ---- */

#define NOTE "parameters"

enum { MAX_VERSIONS = 100, MAX_LABELS = 10 };

static struct str ssm_attribute(const struct control_record *record, const char *name)
{
    return value_gets(record->attrs, name);
}

static const struct value *view_version(struct service_call *call, const struct control_record *record)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str account = services_account(call->services);
    view_text(&b, "Name", ssm_attribute(record, "name"));
    view_text(&b, "Type", ssm_attribute(record, "parameter_type"));
    view_text(&b, "KeyId", ssm_attribute(record, "kms_key"));
    view_set(&b, "LastModifiedDate", service_time(call, record->changed_ms));
    view_text(&b, "LastModifiedUser",
        arena_printf(call->arena, "arn:aws:iam::%.*s:user/sandbox", STR_ARG(account)));
    view_text(&b, "Description", ssm_attribute(record, "description"));
    view_text(&b, "Value", ssm_attribute(record, "value"));
    view_text(&b, "AllowedPattern", ssm_attribute(record, "allowed_pattern"));
    view_set(&b, "Version", value_getz(record->attrs, "version"));
    view_text(&b, "Tier", value_text(value_getz(record->attrs, "tier"), STR("Standard")));
    view_set(&b, "Policies", &value_empty_list);
    view_text(
        &b, "DataType", value_text(value_getz(value_getz(record->attrs, "=kept"), "DataType"), STR("text")));
    return value_builder_map(&b);
}

static const struct value *earlier_versions(struct service_call *call, const struct control_record *record)
{
    return value_as_list(value_getz(service_note_read(call, NOTE, record), "versions"));
}

/* ---- labels of versions ---- */

static const struct value *labels_of(struct service_call *call, const struct control_record *record)
{
    return value_getz(service_note_read(call, NOTE, record), "labels");
}

/* Returns a ciphertext as KMS would produce, always the same for the same value. */
static struct str ssm_ciphertext(struct arena *arena, struct str value)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(value, digest);
    struct str text = base64_encode(arena, str_n((const char *)digest, sizeof digest));
    return arena_printf(arena, "AQICAHh%.*s", STR_ARG(text));
}

/* Returns the value; of a SecureString without WithDecryption, the ciphertext. */
static struct str shown_value(const struct service_call *call, struct str type, struct str value)
{
    bool secure = str_eqz(type, "SecureString") && !value_getb(call->input, "WithDecryption");
    return secure ? ssm_ciphertext(call->arena, value) : value;
}

/* Returns a parameter as GetParameter shows it. */
static const struct value *ssm_view(struct service_call *call, const struct control_record *record)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str type = ssm_attribute(record, "parameter_type");
    view_text(&b, "Name", ssm_attribute(record, "name"));
    view_text(&b, "Type", type);
    view_text(&b, "Value", shown_value(call, type, ssm_attribute(record, "value")));
    view_set(&b, "Version", value_getz(record->attrs, "version"));
    view_set(&b, "LastModifiedDate", service_time(call, record->changed_ms));
    view_text(&b, "ARN", ssm_attribute(record, "arn"));
    view_text(
        &b, "DataType", value_text(value_getz(value_getz(record->attrs, "=kept"), "DataType"), STR("text")));
    return value_builder_map(&b);
}

/* Returns an earlier version with its value as shown_value() returns it. */
static const struct value *with_shown_value(struct service_call *call, const struct value *version)
{
    struct str value = shown_value(call, value_gets(version, "Type"), value_gets(version, "Value"));
    return value_with(call->arena, version, STR("Value"), value_string(call->arena, value));
}

/* Returns a version as GetParameter shows it. */
static const struct value *view_numbered(
    struct service_call *call, const struct control_record *record, int64_t version)
{
    static const char *const members[] = {"Type", "Value", "Version", "LastModifiedDate"};
    const struct value *earlier = earlier_versions(call, record), *out = ssm_view(call, record);
    for (uint32_t i = 0; i < earlier->count; i++) {
        if (service_int(earlier->items[i], "Version", 0) != version)
            continue;
        const struct value *one = with_shown_value(call, earlier->items[i]);
        for (size_t k = 0; k < sizeof members / sizeof *members; k++)
            out = value_with(call->arena, out, str_z(members[k]), value_getz(one, members[k]));
    }
    return out;
}

static bool is_label(struct str text)
{
    return str_is_word(text, CHARS_LETTERS "._-", CHARS_ALNUM "._-") && !str_starts(text, STR("aws")) &&
           !str_starts(text, STR("ssm"));
}

/* Adds labels, each of which is on one version only. Invalid names are added to `invalid`. */
static const struct value *labels_with(struct service_call *call, const struct value *labels,
    const struct value *given, int64_t version, struct value_builder *invalid)
{
    for (uint32_t i = 0; i < given->count; i++)
        if (is_label(value_text(given->items[i], STR_EMPTY)))
            labels =
                value_with(call->arena, labels, given->items[i]->string, value_int(call->arena, version));
        else
            value_builder_add(invalid, given->items[i]);
    return labels;
}

static const struct value *labels_at(struct arena *arena, const struct value *labels, int64_t version)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; labels && i < labels->count; i++)
        if (labels->entries[i].value->integer == version)
            value_builder_add(&b, value_string(arena, labels->entries[i].key));
    return value_builder_list(&b);
}

static bool ssm_find(const struct service_call *call, struct str name, struct control_record *out)
{
    return service_find(call, STR("aws.ssm.parameter"), name, out);
}

/* Checks that the caller may use the parameter's KMS key, if the value is shown decrypted. */
static int may_show(struct service_call *call, const struct control_record *record, struct err *err)
{
    struct str arn;
    const struct gate_key_use use = {.who = {.session = call->caller},
        .action = "kms:Decrypt",
        .via = "ssm",
        .key = ssm_attribute(record, "kms_key"),
        .region = call->region,
        .context_key = "PARAMETER_ARN",
        .context_value = ssm_attribute(record, "arn")};
    if (!call->caller || !use.key.n || !value_getb(call->input, "WithDecryption"))
        return 0;
    return gate_check_key(sandbox_gate(services_sandbox(call->services)), call->arena, &use, &arn, err);
}

static int no_version(struct err *err, struct str version, struct str name)
{
    return service_refuse(err, 400, "ParameterVersionNotFound",
        "Systems Manager could not find version %.*s of %.*s. Verify the version and try again.",
        STR_ARG(version), STR_ARG(name));
}

static int label_version(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str name = value_gets(call->input, "Name");
    if (!ssm_find(call, name, &record))
        return service_refuse(err, 400, "ParameterNotFound", "Parameter %.*s not found.", STR_ARG(name));
    int64_t current = service_int(record.attrs, "version", 1),
            version = service_int(call->input, "ParameterVersion", current);
    if (version < 1 || version > current)
        return no_version(err, arena_printf(call->arena, "%lld", (long long)version), name);
    struct value_builder invalid = VALUE_BUILDER(call->arena);
    const struct value *note = service_note_read(call, NOTE, &record),
                       *labels = labels_with(call, value_getz(note, "labels"),
                           value_as_list(value_getz(call->input, "Labels")), version, &invalid);
    if (labels_at(call->arena, labels, version)->count > MAX_LABELS)
        return service_refuse(err, 400, "ParameterVersionLabelLimitExceeded",
            "A parameter version can have maximum %d labels. Move one or more labels to another version and "
            "try again.",
            MAX_LABELS);
    if (service_note_write(call, NOTE, &record, value_with(call->arena, note, STR("labels"), labels), err))
        return -1;
    call->output = &value_empty_map;
    service_answer(call, "InvalidLabels", value_builder_list(&invalid));
    service_answer(call, "ParameterVersion", value_int(call->arena, version));
    return 0;
}

/* ---- listing by path, with filters ---- */

static int check_path_filters(const struct value *filters, struct err *err)
{
    for (uint32_t i = 0; i < filters->count; i++) {
        struct str key = value_gets(filters->items[i], "Key");
        if (!str_eqz(key, "Label") && !str_eqz(key, "Type") && !str_eqz(key, "KeyId"))
            return service_refuse(err, 400, "InvalidFilterKey",
                "The following filter key is not valid: %.*s. Valid filter keys include: [Type, KeyId, "
                "Label].",
                STR_ARG(key));
    }
    return 0;
}

/* Returns the parameter as shown with these filters (Label selects a version), or NULL if it does not
 * match. */
static const struct value *view_filtered(
    struct service_call *call, const struct control_record *record, const struct value *filters)
{
    const struct value *labels = filters->count ? labels_of(call, record) : NULL, *version = NULL;
    for (uint32_t i = 0; i < filters->count; i++) {
        const struct value *values = value_as_list(value_getz(filters->items[i], "Values"));
        struct str key = value_gets(filters->items[i], "Key");
        bool label = str_eqz(key, "Label"), passes_one = false;
        struct str own = ssm_attribute(record, str_eqz(key, "Type") ? "parameter_type" : "kms_key");
        for (uint32_t k = 0; k < values->count; k++) {
            struct str wanted = value_text(values->items[k], STR_EMPTY);
            const struct value *labelled = label ? value_get(labels, wanted) : NULL;
            version = labelled ? labelled : version;
            passes_one = passes_one || (label ? labelled != NULL : str_eq(own, wanted));
        }
        if (!passes_one)
            return NULL;
    }
    return version ? view_numbered(call, record, version->integer) : ssm_view(call, record);
}

static int get_by_path(struct service_call *call, struct err *err)
{
    struct str folder = value_gets(call->input, "Path");
    size_t n;
    const struct value *filters = value_as_list(value_getz(call->input, "ParameterFilters")), *next;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (check_path_filters(filters, err))
        return -1;
    if (folder.p[0] != '/')
        return service_refuse(err, 400, "ValidationException",
            "The parameter doesn't meet the parameter name requirements: a path begins with /");
    bool deep = value_equal(value_getz(call->input, "Recursive"), &value_true);
    struct control_record *all = service_list(call, STR("aws.ssm.parameter"), &n);
    size_t kept = 0, first, end;
    for (size_t i = 0; i < n; i++)
        if (lies_below(all[i].id, folder, deep) && (!filters->count || view_filtered(call, &all[i], filters)))
            all[kept++] = all[i];
    if (kept)
        qsort(all, kept, sizeof *all, by_name);
    if (service_page(call, "NextToken", "MaxResults", MAX_PAGE, kept, &first, &end, &next, err))
        return -1;
    for (size_t i = first; i < end; i++) {
        if (may_show(call, &all[i], err))
            return -1;
        value_builder_add(&list, view_filtered(call, &all[i], filters));
    }
    service_answer(call, "Parameters", value_builder_list(&list));
    service_answer(call, "NextToken", next);
    return 0;
}

/* ---- PutParameter ---- */

/* Stores the previous version in the note after the control plane has stored the new one. */
static int put_parameter(struct service_call *call, struct err *err)
{
    struct control_record before, after;
    struct value_builder all = VALUE_BUILDER(call->arena);
    if (value_equal(value_getz(call->input, "Overwrite"), &value_true) && value_getz(call->input, "Tags"))
        return service_refuse(err, 400, "ValidationException",
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, "
            "please remove overwrite flag.");
    bool known = ssm_find(call, value_gets(call->input, "Name"), &before);
    const struct value *was = known ? view_version(call, &before) : NULL;
    if (service_control(call, "PutParameter", call->input, &call->output, err))
        return -1;
    if (!known || !ssm_find(call, before.id, &after))
        return 0;
    const struct value *earlier = earlier_versions(call, &before);
    for (uint32_t i = earlier->count >= MAX_VERSIONS; i < earlier->count; i++)
        value_builder_add(&all, earlier->items[i]);
    value_builder_add(&all, was);
    const struct value *note = value_with(
        call->arena, service_note_read(call, NOTE, &after), STR("versions"), value_builder_list(&all));
    return service_note_write(call, NOTE, &after, note, err);
}

static int get_history(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str name = value_gets(call->input, "Name");
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (!ssm_find(call, name, &record))
        return service_refuse(err, 400, "ParameterNotFound", "Parameter %.*s not found.", STR_ARG(name));
    if (may_show(call, &record, err))
        return -1;
    const struct value *earlier = earlier_versions(call, &record), *labels = labels_of(call, &record);
    for (uint32_t i = 0; i <= earlier->count; i++) {
        const struct value *one = i < earlier->count ? earlier->items[i] : view_version(call, &record);
        one = value_with(
            call->arena, one, STR("Labels"), labels_at(call->arena, labels, service_int(one, "Version", 0)));
        value_builder_add(&list, with_shown_value(call, one));
    }
    return service_answer_page(call, "Parameters", value_builder_list(&list), 50, err);
}

const struct service_operation ssm_version_operations[] = {
    {"ssm", "PutParameter", put_parameter},
    {"ssm", "LabelParameterVersion", label_version},
    {"ssm", "GetParameterHistory", get_history},
    {"ssm", "GetParametersByPath", get_by_path},
    {0},
};

enum { MAX_NAMES = 10 };

/* ---- public parameters of AWS: the images that aws.ec2.image knows ---- */

#define IMAGES "/aws/service/ami-amazon-linux-latest/"

static struct str published_value(struct str name)
{
    static const struct {
        const char *begin, *end, *image;
    } published[] = {
        {IMAGES "al2023-ami-kernel-default-", "arm64", "ami-0a1b2c3d4e5f60718"},
        {IMAGES "al2023-ami-kernel-6.1-", "arm64", "ami-0a1b2c3d4e5f60718"},
        {IMAGES "al2023-ami-kernel-default-", "", "ami-01b2c3d4e5f607182"},
        {IMAGES "al2023-ami-kernel-6.1-", "", "ami-01b2c3d4e5f607182"},
        {IMAGES "amzn2-ami-kernel-5.10-hvm-x86_64-gp2", "", "ami-02c7d8e9f0a1b2c3d"},
        {IMAGES "amzn2-ami-kernel-5.10-hvm-arm64-gp2", "", "ami-03d8e9f0a1b2c3d4e"},
    };
    for (size_t i = 0; i < sizeof published / sizeof *published; i++)
        if (str_starts(name, str_z(published[i].begin)) && str_ends(name, str_z(published[i].end)))
            return str_z(published[i].image);
    return STR_EMPTY;
}

static const struct value *view_published(const struct service_call *call, struct str name)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str value = published_value(name);
    if (!value.n)
        return NULL;
    view_text(&b, "Name", name);
    view_text(&b, "Type", STR("String"));
    view_text(&b, "Value", value);
    view_int(&b, "Version", 1);
    view_text(&b, "ARN",
        arena_printf(call->arena, "arn:aws:ssm:%.*s::parameter%.*s", STR_ARG(call->region), STR_ARG(name)));
    view_text(&b, "DataType", STR("text"));
    return value_builder_map(&b);
}

/* Finds NAME:VERSION or NAME:LABEL. NULL: not found, or refused if err->code is set. */
static const struct value *view_selected(struct service_call *call, struct str name, struct err *err)
{
    struct control_record record;
    struct str selector = str_last_part(name, ":"), plain = str_slice(name, 0, name.n - selector.n);
    int64_t version = 0;
    if (plain.n < 2 || !ssm_find(call, str_slice(plain, 0, plain.n - 1), &record) ||
        may_show(call, &record, err))
        return NULL;
    const struct value *label = value_get(labels_of(call, &record), selector);
    if (!label && !str_to_int(selector, &version))
        return NULL;
    const struct value *found = view_numbered(call, &record, label ? label->integer : version);
    if (!label && service_int(found, "Version", 0) != version) {
        no_version(err, selector, record.id);
        return NULL;
    }
    return value_with(call->arena, found, STR("Selector"),
        value_string(call->arena, arena_printf(call->arena, ":%.*s", STR_ARG(selector))));
}

/* Finds a parameter by name, also a public one. A name without a path may have a leading slash. NULL: not
 * found. */
static const struct value *view_named(struct service_call *call, struct str name, struct err *err)
{
    struct control_record record;
    if (ssm_find(call, name, &record))
        return may_show(call, &record, err) ? NULL : ssm_view(call, &record);
    if (str_find_char(name, ':', 0) >= 0)
        return view_selected(call, name, err);
    struct str plain = str_slice(name, str_starts(name, STR("/")), name.n);
    if (plain.n < name.n && str_find_char(plain, '/', 0) < 0 && ssm_find(call, plain, &record))
        return may_show(call, &record, err) ? NULL
                                            : value_with(call->arena, ssm_view(call, &record), STR("Name"),
                                                  value_string(call->arena, name));
    return view_published(call, name);
}

/* ---- secrets of Secrets Manager by path ---- */

#define SECRETS "/aws/reference/secretsmanager/"

/* Reads the secret that the path names, with the caller's permissions. */
static int view_secret(struct service_call *call, struct str name, const struct value **out, struct err *err)
{
    const struct gate_caller caller = {.session = call->caller};
    const struct value_entry id = {
        STR("SecretId"), value_string(call->arena, str_slice(name, strlen(SECRETS), name.n))};
    const struct service_request request = {.service = STR("secretsmanager"),
        .operation = STR("GetSecretValue"),
        .region = call->region,
        .input = value_map(call->arena, &id, 1),
        .as = call->caller ? &caller : NULL};
    const struct value *secret;
    struct value_builder b = VALUE_BUILDER(call->arena), source = VALUE_BUILDER(call->arena);
    if (!value_equal(value_getz(call->input, "WithDecryption"), &value_true))
        return service_refuse(err, 400, "ValidationException",
            "WithDecryption flag must be True for retrieving a Secret Manager secret.");
    if (services_call(call->services, call->arena, &request, &secret, err))
        return str_eqz(str_z(err->code), "ResourceNotFoundException")
                   ? service_refuse(err, 400, "ParameterNotFound", "Secret %.*s not found.", STR_ARG(name))
                   : -1;
    view_members(&source, secret,
        "ARN name=Name versionId=VersionId secretString=SecretString versionStages=VersionStages");
    view_text(&b, "Name", name);
    view_text(&b, "Type", STR("SecureString"));
    view_set(&b, "Value", value_getz(secret, "SecretString"));
    view_int(&b, "Version", 0);
    view_set(&b, "SourceResult", json_as_text(call->arena, value_builder_map(&source)));
    view_set(&b, "LastModifiedDate", value_getz(secret, "CreatedDate"));
    view_text(&b, "ARN",
        arena_printf(call->arena, "arn:aws:ssm:%.*s:%.*s:parameter%.*s", STR_ARG(call->region),
            STR_ARG(services_account(call->services)), STR_ARG(name)));
    view_text(&b, "DataType", STR("text"));
    *out = value_builder_map(&b);
    return 0;
}

static int check_parameter_name(struct str name, struct err *err)
{
    bool path = str_find_char(name, '/', 0) >= 0 && !str_starts(name, STR("arn:"));
    if (!path || (str_starts(name, STR("/")) && str_find(name, STR("//"), 0) < 0))
        return 0;
    return service_refuse(err, 400, "ValidationException",
        "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can "
        "consist "
        "of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and "
        "the "
        "following 3 symbols .-_");
}

static int get_parameter(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "Name");
    const struct value *parameter = NULL;
    if (check_parameter_name(name, err))
        return -1;
    if (str_starts(name, STR(SECRETS)) && view_secret(call, name, &parameter, err))
        return -1;
    parameter = parameter ? parameter : view_named(call, name, err);
    if (err->code[0])
        return -1;
    call->declined = !parameter; /* the control plane returns the service's error */
    if (call->declined)
        return 0;
    service_answer(call, "Parameter", parameter);
    return 0;
}

static int get_parameters(struct service_call *call, struct err *err)
{
    const struct value *names;
    struct value_builder found = VALUE_BUILDER(call->arena), invalid = VALUE_BUILDER(call->arena);
    if (service_list_within(call, "Names", 1, MAX_NAMES, &names, err))
        return -1;
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        const struct value *parameter = NULL;
        struct err why = ERR_INIT;
        if (check_parameter_name(name, err))
            return -1;
        if (!str_starts(name, STR(SECRETS)))
            parameter = view_named(call, name, &why);
        else if (view_secret(call, name, &parameter, ERR_IGNORED))
            parameter = NULL;
        if (why.code[0] && !str_eqz(str_z(why.code), "ParameterVersionNotFound"))
            return service_refuse(err, why.http_status, why.code, "%s", why.message);
        if (parameter)
            value_builder_add(&found, parameter);
        else
            value_builder_add(&invalid, names->items[i]);
    }
    service_answer(call, "Parameters", value_builder_list(&found));
    service_answer(call, "InvalidParameters", value_builder_list(&invalid));
    return 0;
}

/* The sandbox cannot create maintenance windows. */
static int get_window(struct service_call *call, struct err *err)
{
    struct str id = value_gets(call->input, "WindowId");
    return service_refuse(
        err, 400, "DoesNotExistException", "Maintenance window %.*s does not exist", STR_ARG(id));
}

const struct service_operation ssm_operations[] = {
    {"ssm", "GetMaintenanceWindow", get_window},
    {"ssm", "GetParameter", get_parameter},
    {"ssm", "GetParameters", get_parameters},
    {0},
};
