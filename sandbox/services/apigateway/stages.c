/*
 * Stages and deployments. Patch operations of stages have rules of their own: paths of method settings, and
 * canaries, which the first change creates and a copy promotes.
 */
#include "sandbox/services/apigateway/apigateway.h"

#include "sandbox/services/shared/tables.h"

#define OF_METHOD(begin, comma)                                                                              \
    begin "/metrics/enabled, " begin "/logging/dataTrace, " begin "/logging/loglevel, " begin                \
          "/throttling/burstLimit" comma begin "/throttling/rateLimit" comma begin                           \
          "/caching/ttlInSeconds, " begin "/caching/enabled, " begin "/caching/dataEncrypted, " begin        \
          "/caching/requireAuthorizationForCacheControl, " begin                                             \
          "/caching/unauthorizedCacheControlHeaderStrategy, "

static const char settings[] =
    "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, "
    "/accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, " OF_METHOD(
        "/{resourcePath}/{httpMethod}", "") OF_METHOD("/*/*", " ") "/variables/{variable_name}, "
                                                                   "/tracingEnabled";

/* Default settings of a method. */
static const struct {
    const char *path, *member, *usual;
} method_settings[] = {{"metrics/enabled", "metrics_enabled", "false"},
    {"logging/dataTrace", "data_trace_enabled", "false"}, {"logging/loglevel", "logging_level", NULL},
    {"throttling/burstLimit", "throttling_burst_limit", "5000"},
    {"throttling/rateLimit", "throttling_rate_limit", "10000"},
    {"caching/enabled", "caching_enabled", "false"}, {"caching/ttlInSeconds", "cache_ttl_in_seconds", "300"},
    {"caching/dataEncrypted", "cache_data_encrypted", "false"},
    {"caching/requireAuthorizationForCacheControl", "require_authorization_for_cache_control", "true"},
    {"caching/unauthorizedCacheControlHeaderStrategy", "unauthorized_cache_control_header_strategy",
        "SUCCEED_WITH_RESPONSE_HEADER"}};
enum { METHOD_SETTINGS = sizeof method_settings / sizeof *method_settings };

struct stage {
    struct service_call *call;
    struct value_builder changes;
    const struct value *methods; /* method settings so far, by method */
    const struct value *canary;  /* by wire names; NULL: none */
    const struct value *deployment;
};

static int check_deployment(const struct service_call *call, struct str id, struct err *err)
{
    struct control_record found;
    return gateway_find(call, "aws.apigateway.deployment", id, &found)
               ? 0
               : bad_request(err, "Deployment id does not exist");
}

static void put_change(struct stage *stage, struct str path, const struct value *v)
{
    value_builder_add(&stage->changes, gateway_change(stage->call, path.p, v));
}

/* ---- canary ---- */

static const struct value *whole_canary(
    struct arena *arena, const struct value *given, const struct value *deployment)
{
    const struct value_entry usual[] = {{STR("deploymentId"), deployment},
        {STR("percentTraffic"), value_float(arena, 0)}, {STR("useStageCache"), &value_false}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (value_is_null(value_get(given, usual[i].key)))
            given = value_with(arena, given, usual[i].key, usual[i].value);
    return given;
}

static void begin_canary(struct stage *stage)
{
    struct arena *arena = stage->call->arena;
    if (stage->canary)
        return;
    stage->canary = whole_canary(arena, NULL, stage->deployment);
    put_change(stage, STR("/canarySettings/deploymentId"), stage->deployment);
    put_change(stage, STR("/canarySettings/percentTraffic"), value_stringz(arena, "0.0"));
    put_change(stage, STR("/canarySettings/useStageCache"), value_stringz(arena, "false"));
}

static int change_canary(struct stage *stage, const struct value *change, struct err *err)
{
    static const char *const members[] = {
        "/canarySettings/deploymentId", "/canarySettings/percentTraffic", "/canarySettings/useStageCache"};
    struct str path = value_gets(change, "path"), text = value_gets(change, "value");
    struct str overrides = STR("/canarySettings/stageVariableOverrides/");
    bool variable = str_starts(path, overrides);
    if (!variable && !STR_IS_ONE_OF(path, members))
        return 1;
    if (!str_eqz(value_gets(change, "op"), "replace"))
        return bad_request(err, "Invalid add operation with path: %.*s", STR_ARG(path));
    if (str_eqz(path, members[0]) && check_deployment(stage->call, text, err))
        return -1;
    begin_canary(stage);
    value_builder_add(&stage->changes, change);
    return 0;
}

/* Copies deployment or variables of the canary to the stage (promotion). */
static int promote(struct stage *stage, const struct value *change, struct err *err)
{
    struct arena *arena = stage->call->arena;
    struct str path = value_gets(change, "path"), from = value_gets(change, "from");
    bool deployment = str_eqz(path, "/deploymentId") && str_eqz(from, "/canarySettings/deploymentId");
    bool variables = str_eqz(path, "/variables") && str_eqz(from, "/canarySettings/stageVariableOverrides");
    if (!deployment && !variables)
        return bad_request(err,
            "Invalid copy operation with path: %.*s and from %.*s. Valid copy:path are [/deploymentId, "
            "/variables] and valid copy:from are [/canarySettings/deploymentId, "
            "/canarySettings/stageVariableOverrides]",
            STR_ARG(path), STR_ARG(from));
    if (!stage->canary)
        return bad_request(err, "Promotion not available. Canary does not exist.");
    const struct value *overrides = value_getz(stage->canary, "stageVariableOverrides");
    for (uint32_t i = 0; variables && overrides && i < overrides->count; i++)
        put_change(stage, arena_printf(arena, "/variables/%.*s", STR_ARG(overrides->entries[i].key)),
            overrides->entries[i].value);
    if (deployment)
        put_change(stage, STR("/deploymentId"), value_getz(stage->canary, "deploymentId"));
    return 0;
}

/* ---- method settings ---- */

/* Finds the method in /PATH/METHOD/throttling/burstLimit. 1: the path is not a method setting. */
static int method_of(struct str path, struct str *method)
{
    for (size_t i = 0; i < METHOD_SETTINGS; i++) {
        struct str end = str_z(method_settings[i].path);
        if (path.n <= end.n + 2 || !str_ends(path, end))
            continue;
        *method = str_slice(path, 1, path.n - end.n - 1);
        return 0;
    }
    return 1;
}

/* The first change of a method also sets its other settings: those set for all methods, or the defaults. */
static int change_method(struct stage *stage, const struct value *change)
{
    struct arena *arena = stage->call->arena;
    struct str method;
    if (method_of(value_gets(change, "path"), &method))
        return 1;
    const struct value *all = value_getz(stage->methods, "*/*"), *own = value_get(stage->methods, method);
    for (size_t i = 0; !own && i < METHOD_SETTINGS; i++) {
        const struct value *v = value_getz(all, method_settings[i].member);
        if (!v && method_settings[i].usual)
            v = value_stringz(arena, method_settings[i].usual);
        if (v)
            put_change(stage, arena_printf(arena, "/%.*s/%s", STR_ARG(method), method_settings[i].path),
                value_string(arena, value_scalar_text(arena, v)));
    }
    for (size_t i = 0; i < METHOD_SETTINGS; i++)
        if (str_ends(value_gets(change, "path"), str_z(method_settings[i].path)))
            own = value_with(arena, own, str_z(method_settings[i].member), value_getz(change, "value"));
    stage->methods = value_with(arena, stage->methods, method, own);
    value_builder_add(&stage->changes, change);
    return 0;
}

/* ---- changes ---- */

static int remove_setting(struct stage *stage, const struct value *change, struct err *err)
{
    struct str path = value_gets(change, "path"), name = str_slice(path, 1, path.n);
    bool known = str_eqz(name, "accessLogSettings") || str_eqz(name, "canarySettings") ||
                 str_eqz(name, "description") || str_eqz(name, "documentationVersion") ||
                 str_eqz(name, "clientCertificateId") || str_eqz(name, "cacheClusterSize") ||
                 str_starts(name, STR("variables/")) ||
                 str_starts(name, STR("canarySettings/stageVariableOverrides/")) ||
                 value_get(stage->methods, name);
    if (!known)
        return bad_request(err,
            "Cannot remove method setting %.*s because there is no method setting for this method ",
            STR_ARG(name));
    if (str_eqz(name, "canarySettings"))
        stage->canary = NULL;
    value_builder_add(&stage->changes, change);
    return 0;
}

static int change_log(struct stage *stage, const struct value *change, struct err *err)
{
    static const char *const members[] = {"/accessLogSettings/destinationArn", "/accessLogSettings/format"};
    struct str path = value_gets(change, "path");
    if (!STR_IS_ONE_OF(path, members))
        return bad_request(err, "Invalid accessLogSettings path. Must be one of : "
                                "[/accessLogSettings/destinationArn, /accessLogSettings/format]");
    if (!value_gets(change, "value").n)
        return bad_request(err, "Access Log value must not be empty");
    value_builder_add(&stage->changes, change);
    return 0;
}

static int change_stage(struct stage *stage, const struct value *change, struct err *err)
{
    static const char *const members[] = {"/deploymentId", "/description", "/cacheClusterEnabled",
        "/cacheClusterSize", "/clientCertificateId", "/documentationVersion", "/tracingEnabled"};
    struct str path = value_gets(change, "path"), op = value_gets(change, "op");
    if (str_eqz(op, "copy"))
        return promote(stage, change, err);
    if (str_eqz(op, "remove"))
        return remove_setting(stage, change, err);
    if (str_starts(path, STR("/accessLogSettings")))
        return change_log(stage, change, err);
    int status = str_starts(path, STR("/canarySettings")) ? change_canary(stage, change, err)
                                                          : change_method(stage, change);
    if (status <= 0)
        return status;
    if (!STR_IS_ONE_OF(path, members) && !str_starts(path, STR("/variables/")))
        return bad_request(
            err, "Invalid method setting path: %.*s. Must be one of: [%s]", STR_ARG(path), settings);
    if (str_eqz(path, "/deploymentId") && check_deployment(stage->call, value_gets(change, "value"), err))
        return -1;
    value_builder_add(&stage->changes, change);
    return 0;
}

static int update_stage(struct service_call *call, struct err *err)
{
    struct control_record record;
    const struct value *list = value_as_list(value_getz(call->input, "patchOperations")), *known;
    call->declined =
        !gateway_find(call, "aws.apigateway.stage", value_gets(call->input, "stage_name"), &record);
    if (call->declined)
        return 0;
    if (service_control(call, "GetStage",
            VALUE_MAP(call->arena, {STR("restapi_id"), value_getz(call->input, "restapi_id")},
                {STR("stage_name"), value_getz(call->input, "stage_name")}),
            &known, err))
        return -1;
    struct stage stage = {.call = call,
        .changes = VALUE_BUILDER(call->arena),
        .methods = value_getz(record.attrs, "method_settings"),
        .canary = value_getz(known, "canarySettings"),
        .deployment = value_getz(known, "deploymentId")};
    for (uint32_t i = 0; i < list->count; i++)
        if (change_stage(&stage, list->items[i], err)) {
            value_builder_release(&stage.changes);
            return -1;
        }
    gateway_forward(call, &stage.changes);
    return 0;
}

static int create_stage(struct service_call *call, struct err *err)
{
    const struct value *canary = value_getz(call->input, "canarySettings");
    call->forward = call->input;
    if (!canary)
        return 0;
    canary = whole_canary(call->arena, canary, value_getz(call->input, "deploymentId"));
    call->forward = value_with(call->arena, call->input, STR("canarySettings"), canary);
    return check_deployment(call, value_gets(canary, "deploymentId"), err);
}

/* ---- deployments ---- */

static int check_canary(const struct service_call *call, struct err *err)
{
    struct control_record found;
    const struct value *name = value_getz(call->input, "stageName");
    struct str text = value_text(name, STR_EMPTY);
    if (!text.n)
        return bad_request(err,
            "Invalid deployment content specified.Non null and non empty stageName must be provided for "
            "canary "
            "deployment. Provided value is %s",
            value_is_null(name) ? "null" : "");
    if (gateway_find(call, "aws.apigateway.stage", text, &found))
        return 0;
    return bad_request(err,
        "Invalid deployment content specified.Stage %.*s must already be created before making a canary "
        "release deployment",
        STR_ARG(text));
}

/* Adds the stage settings in the request as changes of the stage. */
static void stage_changes(const struct service_call *call, struct value_builder *changes)
{
    static const struct {
        const char *member, *path;
    } members[] = {{"stageDescription", "/description"}, {"cacheClusterEnabled", "/cacheClusterEnabled"},
        {"cacheClusterSize", "/cacheClusterSize"}, {"tracingEnabled", "/tracingEnabled"}};
    const struct value *variables = value_as_map(value_getz(call->input, "variables"));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct value *v = value_getz(call->input, members[i].member);
        if (!value_is_null(v))
            value_builder_add(changes, gateway_change(call, members[i].path,
                                           value_string(call->arena, value_scalar_text(call->arena, v))));
    }
    for (uint32_t i = 0; i < variables->count; i++)
        value_builder_add(
            changes, gateway_change(call,
                         arena_printf(call->arena, "/variables/%.*s", STR_ARG(variables->entries[i].key)).p,
                         variables->entries[i].value));
}

static void canary_changes(
    const struct service_call *call, const struct value *canary, struct value_builder *changes)
{
    struct arena *arena = call->arena;
    for (uint32_t i = 0; i < canary->count; i++) {
        struct str key = canary->entries[i].key;
        const struct value *v = canary->entries[i].value;
        for (uint32_t k = 0; v->kind == VALUE_MAP && k < v->count; k++)
            value_builder_add(changes,
                gateway_change(call,
                    arena_printf(arena, "/canarySettings/%.*s/%.*s", STR_ARG(key), STR_ARG(v->entries[k].key))
                        .p,
                    v->entries[k].value));
        if (v->kind != VALUE_MAP)
            value_builder_add(
                changes, gateway_change(call, arena_printf(arena, "/canarySettings/%.*s", STR_ARG(key)).p,
                             value_string(arena, value_scalar_text(arena, v))));
    }
}

static int create_deployment(struct service_call *call, struct err *err)
{
    static const char *const of_stage[] = {"stageDescription", "cacheClusterEnabled", "cacheClusterSize",
        "tracingEnabled", "variables", "canarySettings"};
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(call->arena);
    const struct value *canary = value_getz(call->input, "canarySettings"), *input = call->input, *ignored;
    if (canary && check_canary(call, err))
        return -1;
    for (size_t i = 0; i < sizeof of_stage / sizeof *of_stage; i++)
        input = value_with(call->arena, input, str_z(of_stage[i]), NULL);
    if (canary || !value_gets(input, "stageName").n)
        input = value_with(call->arena, input, STR("stageName"), NULL);
    if (service_control(call, "CreateDeployment", input, &call->output, err))
        return -1;
    stage_changes(call, &changes);
    if (canary)
        canary_changes(call, whole_canary(call->arena, canary, value_getz(call->output, "id")), &changes);
    if (!changes.n || !value_gets(call->input, "stageName").n)
        return 0;
    return service_control(call, "UpdateStage",
        VALUE_MAP(call->arena, {STR("restapi_id"), value_getz(call->input, "restapi_id")},
            {STR("stage_name"), value_getz(call->input, "stageName")},
            {STR("patchOperations"), value_builder_list(&changes)}),
        &ignored, err);
}

const struct service_operation apigateway_stage_operations[] = {
    {"apigateway", "CreateStage", create_stage},
    {"apigateway", "UpdateStage", update_stage},
    {"apigateway", "CreateDeployment", create_deployment},
    {0},
};
