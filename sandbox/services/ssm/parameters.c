/* SSM's parameters as they are read: a SecureString is ciphertext to who does not ask for its decryption, and
 * secrets of Secrets Manager have paths among them. */
#include "sandbox/services/ssm/parameters.h"

#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"

enum { MAX_NAMES = 10 };

bool ssm_find(const struct service_call *call, struct str name, struct control_record *out)
{
    return service_find(call, STR("aws.ssm.parameter"), name, out);
}

struct str ssm_attribute(const struct control_record *record, const char *name)
{
    return value_gets(record->attrs, name);
}

/* What KMS would have made of it: the same each time for the same value. */
struct str ssm_ciphertext(struct arena *arena, struct str value)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(value, digest);
    struct str text = base64_encode(arena, str_n((const char *)digest, sizeof digest));
    return arena_printf(arena, "AQICAHh%.*s", STR_ARG(text));
}

const struct value *ssm_view(struct service_call *call, const struct control_record *record)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str type = ssm_attribute(record, "parameter_type"), value = ssm_attribute(record, "value");
    bool plain = value_equal(value_getz(call->input, "WithDecryption"), &value_true);
    if (str_eqz(type, "SecureString") && !plain)
        value = ssm_ciphertext(call->arena, value);
    view_text(&b, "Name", ssm_attribute(record, "name"));
    view_text(&b, "Type", type);
    view_text(&b, "Value", value);
    view_set(&b, "Version", value_getz(record->attrs, "version"));
    view_set(&b, "LastModifiedDate", service_time(call, record->changed_ms));
    view_text(&b, "ARN", ssm_attribute(record, "arn"));
    view_text(
        &b, "DataType", value_text(value_getz(value_getz(record->attrs, "=kept"), "DataType"), STR("text")));
    return value_builder_map(&b);
}

/* ---- what AWS itself publishes: the images that aws.ec2.image knows ---- */

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

/* NULL: there is none, not even of AWS's own. A name without a path may have a slash before it. */
static const struct value *view_named(struct service_call *call, struct str name)
{
    struct control_record record;
    if (ssm_find(call, name, &record))
        return ssm_view(call, &record);
    struct str plain = str_slice(name, str_starts(name, STR("/")), name.n);
    if (plain.n < name.n && str_find_char(plain, '/', 0) < 0 && ssm_find(call, plain, &record))
        return value_with(call->arena, ssm_view(call, &record), STR("Name"), value_string(call->arena, name));
    return view_published(call, name);
}

/* ---- secrets of Secrets Manager, by a path ---- */

#define SECRETS "/aws/reference/secretsmanager/"

/* The one that the path names, as who asks for it. */
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
    struct str name;
    const struct value *parameter = NULL;
    if (service_required(call, "Name", &name, err) || check_parameter_name(name, err))
        return -1;
    if (str_starts(name, STR(SECRETS)) && view_secret(call, name, &parameter, err))
        return -1;
    parameter = parameter ? parameter : view_named(call, name);
    call->declined = !parameter; /* the control plane says in the service's words that there is none */
    if (call->declined)
        return 0;
    service_answer(call, "Parameter", parameter);
    return 0;
}

static int get_parameters(struct service_call *call, struct err *err)
{
    const struct value *names = value_getz(call->input, "Names");
    struct value_builder found = VALUE_BUILDER(call->arena), invalid = VALUE_BUILDER(call->arena);
    if (!names || names->kind != VALUE_LIST || !names->count || names->count > MAX_NAMES)
        return service_refuse(err, 400, "ValidationException", "Names has one to ten names");
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        const struct value *parameter = NULL;
        if (check_parameter_name(name, err))
            return -1;
        if (!str_starts(name, STR(SECRETS)))
            parameter = view_named(call, name);
        else if (view_secret(call, name, &parameter, ERR_IGNORED))
            parameter = NULL;
        if (parameter)
            value_builder_add(&found, parameter);
        else
            value_builder_add(&invalid, names->items[i]);
    }
    service_answer(call, "Parameters", value_builder_list(&found));
    service_answer(call, "InvalidParameters", value_builder_list(&invalid));
    return 0;
}

/* Nobody can make one here. */
static int get_window(struct service_call *call, struct err *err)
{
    struct str id;
    if (service_required(call, "WindowId", &id, err))
        return -1;
    return service_refuse(
        err, 400, "DoesNotExistException", "Maintenance window %.*s does not exist", STR_ARG(id));
}

const struct service_operation ssm_operations[] = {
    {"ssm", "GetMaintenanceWindow", get_window, NULL, NULL},
    {"ssm", "GetParameter", get_parameter, NULL, NULL},
    {"ssm", "GetParameters", get_parameters, NULL, NULL},
    {0},
};
