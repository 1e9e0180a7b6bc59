/* Layers: each with its newest matching version, and single versions. */
#include "sandbox/services/lambda/lambda.h"

#include "base/clock.h"
#include "sandbox/engine/view.h"

#include <stdlib.h>

enum { MAX_LAYERS = 50 };

/* Orders by name, newest version first. */
static int by_name_and_age(const void *left, const void *right)
{
    const struct control_record *a = left, *b = right;
    int names = str_cmp(value_gets(a->attrs, "name"), value_gets(b->attrs, "name"));
    int64_t of_a = value_geti(a->attrs, "version", 0), of_b = value_geti(b->attrs, "version", 0);
    return names ? names : (of_a < of_b) - (of_a > of_b);
}

/* True if the version supports what the request asks for, or it asks for nothing. A version without the
 * attribute supports nothing. */
static bool suits(const struct service_call *call, const struct control_record *version, const char *member,
    const char *attribute)
{
    const struct value *wanted = value_getz(call->input, member),
                       *have = value_getz(version->attrs, attribute);
    for (uint32_t i = 0; wanted && have && have->kind == VALUE_LIST && i < have->count; i++)
        if (value_equal(have->items[i], wanted))
            return true;
    return !wanted;
}

static void add_version(
    const struct service_call *call, const struct control_record *version, struct value_builder *to)
{
    view_text(to, "LayerVersionArn", version->id);
    view_members(to, version->attrs, "Version=version Description=description");
    view_text(to, "CreatedDate", time_rfc3339(call->arena, version->created_ms, true));
    view_members(to, version->attrs,
        "CompatibleRuntimes=compatible_runtimes CompatibleArchitectures=compatible_architectures "
        "LicenseInfo=license");
}

static const struct value *view_layer(const struct service_call *call, const struct control_record *version)
{
    struct value_builder latest = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    add_version(call, version, &latest);
    view_members(&b, version->attrs, "LayerName=name LayerArn=layer_arn");
    view_set(&b, "LatestMatchingVersion", value_builder_map(&latest));
    return value_builder_map(&b);
}

int lambda_list_layers(struct service_call *call, struct err *err)
{
    size_t n, kept = 0;
    struct value_builder layers = VALUE_BUILDER(call->arena);
    struct control_record *all = service_list(call, STR("aws.lambda.layer_version"), &n);
    if (n)
        qsort(all, n, sizeof *all, by_name_and_age);
    for (size_t i = 0; i < n; i++) {
        bool known =
            kept && str_eq(value_gets(all[kept - 1].attrs, "name"), value_gets(all[i].attrs, "name"));
        if (!known && suits(call, &all[i], "CompatibleRuntime", "compatible_runtimes") &&
            suits(call, &all[i], "CompatibleArchitecture", "compatible_architectures"))
            all[kept++] = all[i];
    }
    for (size_t i = 0; i < kept; i++)
        value_builder_add(&layers, view_layer(call, &all[i]));
    return service_answer_page(call, "Layers", value_builder_list(&layers), MAX_LAYERS, err);
}

/* ---- one version ---- */

/* Answers as the control plane does, with the content's download location. */
static int show_version(
    struct service_call *call, const char *operation, const struct value *input, struct err *err)
{
    struct control_record version;
    if (service_control(call, operation, input, &call->output, err))
        return -1;
    if (service_find(
            call, STR("aws.lambda.layer_version"), value_gets(call->output, "LayerVersionArn"), &version))
        call->output = lambda_with_location(call, call->output, version.attrs, "Content");
    return 0;
}

int lambda_publish_layer(struct service_call *call, struct err *err)
{
    if (lambda_code_forward(call, "Content", err))
        return -1;
    const struct value *input = call->forward;
    call->forward = NULL;
    return show_version(call, "PublishLayerVersion", input, err);
}

int lambda_get_layer(struct service_call *call, struct err *err)
{
    return show_version(call, "GetLayerVersion", call->input, err);
}

int lambda_get_layer_by_arn(struct service_call *call, struct err *err)
{
    struct control_record version = {0};
    service_find(call, STR("aws.lambda.layer_version"), value_gets(call->input, "Arn"), &version);
    const struct value_entry entries[] = {
        {STR("LayerName"), value_string(call->arena, value_gets(version.attrs, "name"))},
        {STR("VersionNumber"), value_getz(version.attrs, "version")}};
    return version.attrs ? show_version(call, "GetLayerVersion", value_map(call->arena, entries, 2), err)
                         : service_refuse(err, 404, "ResourceNotFoundException",
                               "The resource you requested does not exist.");
}

/* ---- the layers of a function ---- */

int lambda_check_layers(const struct service_call *call, struct err *err)
{
    const struct value *layers = value_as_list(value_getz(call->input, "Layers"));
    struct control_record version;
    for (uint32_t i = 0; i < layers->count; i++) {
        struct str arn = value_text(layers->items[i], STR_EMPTY);
        bool own = str_eq(str_part(arn, ':', 4), services_account(call->services));
        if (own && !str_eq(str_part(arn, ':', 3), call->region))
            return service_refuse(err, 400, "InvalidParameterValueException",
                "Layers are not in the same region as the function. Layers are expected to be in region "
                "%.*s.",
                STR_ARG(call->region));
        if (own && !service_find(call, STR("aws.lambda.layer_version"), arn, &version))
            return service_refuse(err, 400, "InvalidParameterValueException",
                "Layer version %.*s does not exist.", STR_ARG(arn));
        for (uint32_t k = 0; k < i; k++) {
            struct str other = value_text(layers->items[k], STR_EMPTY);
            if (str_eq(str_part(arn, ':', 6), str_part(other, ':', 6)))
                return service_refuse(err, 400, "InvalidParameterValueException",
                    "Two different versions of the same layer are not allowed to be referenced in the same "
                    "function. %.*s and %.*s are versions of the same layer.",
                    STR_ARG(other), STR_ARG(arn));
        }
    }
    return layers->count <= 5 ? 0
                              : service_refuse(err, 400, "InvalidParameterValueException",
                                    "Cannot reference more than 5 layers.");
}
