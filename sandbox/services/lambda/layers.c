/* ListLayers: a line for each layer, with the latest of its versions that fits. One version by its ARN. */
#include "sandbox/services/lambda/lambda.h"

#include "base/clock.h"
#include "sandbox/engine/view.h"

#include <stdlib.h>

enum { MAX_LAYERS = 50 };

/* By name, the latest version first. */
static int by_name_and_age(const void *left, const void *right)
{
    const struct control_record *a = left, *b = right;
    int names = str_cmp(value_gets(a->attrs, "name"), value_gets(b->attrs, "name"));
    int64_t of_a = value_geti(a->attrs, "version", 0), of_b = value_geti(b->attrs, "version", 0);
    return names ? names : (of_a < of_b) - (of_a > of_b);
}

/* Is it for what the request asks for, if that asks for anything? A version that says nothing is for none. */
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
    view_set(to, "Version", value_getz(version->attrs, "version"));
    view_set(to, "Description", value_getz(version->attrs, "description"));
    view_text(to, "CreatedDate", time_rfc3339(call->arena, version->created_ms, true));
    view_set(to, "CompatibleRuntimes", value_getz(version->attrs, "compatible_runtimes"));
    view_set(to, "CompatibleArchitectures", value_getz(version->attrs, "compatible_architectures"));
    view_set(to, "LicenseInfo", value_getz(version->attrs, "license"));
}

static const struct value *view_layer(const struct service_call *call, const struct control_record *version)
{
    struct value_builder latest = VALUE_BUILDER(call->arena), b = VALUE_BUILDER(call->arena);
    add_version(call, version, &latest);
    view_set(&b, "LayerName", value_getz(version->attrs, "name"));
    view_set(&b, "LayerArn", value_getz(version->attrs, "layer_arn"));
    view_set(&b, "LatestMatchingVersion", value_builder_map(&latest));
    return value_builder_map(&b);
}

int lambda_list_layers(struct service_call *call, struct err *err)
{
    size_t n, kept = 0, first, end;
    const struct value *next;
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
    if (service_page(call, "Marker", "MaxItems", MAX_LAYERS, kept, &first, &end, &next, err))
        return -1;
    for (size_t i = first; i < end; i++)
        value_builder_add(&layers, view_layer(call, &all[i]));
    service_answer(call, "Layers", value_builder_list(&layers));
    service_answer(call, "NextMarker", next);
    return 0;
}

/* ---- how much there may be ---- */

int lambda_account_settings(struct service_call *call, struct err *err)
{
    enum { CONCURRENT = 1000 };
    size_t n;
    int64_t bytes = 0, reserved = 0;
    struct value_builder limit = VALUE_BUILDER(call->arena), usage = VALUE_BUILDER(call->arena);
    (void)err;
    const struct control_record *all = service_list(call, STR("aws.lambda.function"), &n);
    for (size_t i = 0; i < n; i++) {
        bytes += 1024; /* as CodeSize says of each */
        reserved += service_int(all[i].attrs, "reserved_concurrency", 0);
    }
    view_int(&limit, "TotalCodeSize", INT64_C(80530636800));
    view_int(&limit, "CodeSizeUnzipped", 262144000);
    view_int(&limit, "CodeSizeZipped", 52428800);
    view_int(&limit, "ConcurrentExecutions", CONCURRENT);
    view_int(&limit, "UnreservedConcurrentExecutions", CONCURRENT - reserved);
    view_int(&usage, "TotalCodeSize", bytes);
    view_int(&usage, "FunctionCount", (int64_t)n);
    service_answer(call, "AccountLimit", value_builder_map(&limit));
    service_answer(call, "AccountUsage", value_builder_map(&usage));
    return 0;
}

int lambda_get_layer_by_arn(struct service_call *call, struct err *err)
{
    struct control_record version;
    struct str arn = value_gets(call->input, "Arn");
    struct value_builder b = VALUE_BUILDER(call->arena), content = VALUE_BUILDER(call->arena);
    if (!service_find(call, STR("aws.lambda.layer_version"), arn, &version))
        return service_refuse(err, 404, "ResourceNotFoundException",
            "The resource you requested does not exist: %.*s", STR_ARG(arn));
    view_set(&content, "CodeSha256", value_getz(version.attrs, "sha256"));
    view_set(&b, "Content", value_builder_map(&content));
    view_set(&b, "LayerArn", value_getz(version.attrs, "layer_arn"));
    add_version(call, &version, &b);
    call->output = value_builder_map(&b);
    return 0;
}
