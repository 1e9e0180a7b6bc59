/* Which function a call means: by name or ARN, as it is now or as a version of it was published. */
#include "sandbox/services/lambda/lambda.h"

#include "base/hash.h"

struct str lambda_split_name(struct str name, struct str *qualifier)
{
    static const struct str mark = STR_INIT("function:");
    struct str rest;
    ptrdiff_t at = str_find(name, mark, 0);
    if (at >= 0)
        name = str_slice(name, (size_t)at + mark.n, name.n);
    name = str_cut(name, ':', &rest);
    if (rest.p)
        *qualifier = rest;
    return name;
}

int lambda_no_such(const struct service_call *call, struct str name, struct str qualifier, struct err *err)
{
    return service_refuse(err, 404, "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:%.*s:%.*s:function:%.*s%s%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), STR_ARG(name), qualifier.n ? ":" : "", STR_ARG(qualifier));
}

/* An alias may give a share of the calls to another version. */
static struct str routed(const struct control_record *alias)
{
    const struct value *routing = value_getz(alias->attrs, "routing");
    uint32_t dice;
    hash_random(&dice, sizeof dice);
    double left = dice / 4294967296.0;
    for (uint32_t i = 0; routing && routing->kind == VALUE_MAP && i < routing->count; i++) {
        const struct value *v = routing->entries[i].value;
        left -= v->kind == VALUE_FLOAT ? v->number : v->kind == VALUE_INT ? (double)v->integer : 0;
        if (left < 0)
            return routing->entries[i].key;
    }
    return value_text(value_getz(alias->attrs, "function_version"), STR("$LATEST"));
}

int lambda_find_version(const struct service_call *call, const struct control_record *record,
    struct str qualifier, struct str *version, struct control_record *out, struct err *err)
{
    struct control_record alias;
    int64_t number;
    *out = *record;
    *version = qualifier.n ? qualifier : STR("$LATEST");
    if (!str_eqz(*version, "$LATEST") && !str_to_int(qualifier, &number)) {
        struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(record->id), STR_ARG(qualifier));
        if (!service_find(call, STR("aws.lambda.alias"), id, &alias))
            return lambda_no_such(call, record->id, qualifier, err);
        *version = routed(&alias);
    }
    if (str_eqz(*version, "$LATEST") || lambda_version_find(call, record, *version, out))
        return 0;
    return lambda_no_such(call, record->id, *version, err);
}

static int find_layers(
    const struct service_call *call, const struct value *arns, const struct value **out, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; arns && arns->kind == VALUE_LIST && i < arns->count; i++) {
        struct control_record layer;
        struct str arn = value_text(arns->items[i], STR_EMPTY);
        if (!service_find(call, STR("aws.lambda.layer_version"), arn, &layer)) {
            value_builder_release(&b);
            return service_refuse(
                err, 502, "InvalidZipFileException", "the layer %.*s is not there", STR_ARG(arn));
        }
        const struct value *content = value_getz(layer.attrs, "content");
        value_builder_add(&b, content ? content : &value_empty_map);
    }
    *out = value_builder_list(&b);
    return 0;
}

/* Tells instances of an old code or configuration from those of the present one; a version never changes. */
static struct str key_of(struct arena *arena, const struct control_record *record, struct str version)
{
    if (!str_eqz(version, "$LATEST"))
        return arena_printf(arena, "%.*s %.*s %.*s %lld", STR_ARG(record->region), STR_ARG(record->id),
            STR_ARG(version), (long long)record->created_ms);
    return arena_printf(arena, "%.*s %.*s %lld %lld", STR_ARG(record->region), STR_ARG(record->id),
        (long long)record->changed_ms, (long long)record->revision);
}

static int check_runnable(const struct control_record *record, struct str runtime, struct err *err)
{
    if (str_eqz(value_gets(record->attrs, "package_type"), "Image"))
        return service_refuse(err, 502, "InvalidRuntimeException", "the sandbox runs no container images");
    if (!str_starts(runtime, STR("python")) && !str_starts(runtime, STR("provided")))
        return service_refuse(err, 502, "InvalidRuntimeException",
            "the sandbox runs functions for python3.x and provided.*, not for %.*s", STR_ARG(runtime));
    return 0;
}

int lambda_find_record(
    const struct service_call *call, struct str *qualifier, struct control_record *out, struct err *err)
{
    struct str name;
    *qualifier = value_gets(call->input, "Qualifier");
    if (service_required(call, "FunctionName", &name, err))
        return -1;
    name = lambda_split_name(name, qualifier);
    if (service_find(call, STR("aws.lambda.function"), name, out))
        return 0;
    const char *operation = call->operation ? call->operation->name : "";
    if ((!strcmp(operation, "Invoke") || !strcmp(operation, "PutFunctionConcurrency")) && !qualifier->n)
        *qualifier = STR("$LATEST");
    return lambda_no_such(call, name, strcmp(operation, "DeleteFunction") != 0 ? *qualifier : STR_EMPTY, err);
}

int lambda_find(const struct service_call *call, struct lambda_function *out, struct err *err)
{
    struct control_record record, of;
    struct str qualifier, version, arn;
    if (lambda_find_record(call, &qualifier, &record, err) ||
        lambda_find_version(call, &record, qualifier, &version, &of, err))
        return -1;
    arn = arena_printf(call->arena, "arn:aws:lambda:%.*s:%.*s:function:%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), STR_ARG(record.id));
    *out = (struct lambda_function){.name = record.id,
        .arn = arn,
        .invoked_arn = qualifier.n ? arena_printf(call->arena, "%s:%.*s", arn.p, STR_ARG(qualifier)) : arn,
        .region = call->region,
        .runtime = value_gets(of.attrs, "runtime"),
        .handler = value_gets(of.attrs, "handler"),
        .version = version,
        .role = value_gets(of.attrs, "role"),
        .dead_letter_queue = value_gets(of.attrs, "dead_letter_queue"),
        .key = key_of(call->arena, &of, version),
        .code = value_getz(of.attrs, "code"),
        .environment = value_getz(of.attrs, "environment"),
        .timeout_s = service_int(of.attrs, "timeout", 3),
        .memory_mib = service_int_within(of.attrs, "memory_size", 128, 0, INT32_MAX),
        .at_once = service_int(record.attrs, "reserved_concurrency", -1),
        .may_loop = str_eqz(value_gets(record.attrs, "recursive_loop"), "Allow")};
    return check_runnable(&of, out->runtime, err) ||
                   find_layers(call, value_getz(of.attrs, "layers"), &out->layers, err)
               ? -1
               : 0;
}

struct lambda_function lambda_copy(struct arena *arena, const struct lambda_function *function)
{
    struct lambda_function copy = *function;
    struct str *texts[] = {&copy.name, &copy.arn, &copy.region, &copy.runtime, &copy.handler, &copy.version,
        &copy.role, &copy.dead_letter_queue, &copy.invoked_arn, &copy.key};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    copy.code = function->code ? value_copy(arena, function->code) : NULL;
    copy.environment = function->environment ? value_copy(arena, function->environment) : NULL;
    copy.layers = value_copy(arena, function->layers);
    return copy;
}
