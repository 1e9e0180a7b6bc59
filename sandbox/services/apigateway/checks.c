/*
 * Checks of API Gateway that involve other resources: siblings of a resource, what a method refers to, stages
 * of a usage plan. The control plane does the rest.
 */
#include "sandbox/services/apigateway/apigateway.h"

#include "sandbox/services/shared/tables.h"

static const struct value *changes_of(const struct service_call *call)
{
    return value_as_list(value_getz(call->input, "patchOperations"));
}

const struct value *gateway_change(const struct service_call *call, const char *path, const struct value *v)
{
    return VALUE_MAP(call->arena, {STR("op"), value_stringz(call->arena, "replace")},
        {STR("path"), value_stringz(call->arena, path)}, {STR("value"), v});
}

void gateway_forward(struct service_call *call, struct value_builder *changes)
{
    call->forward = value_with(call->arena, NULL, STR("patchOperations"), value_builder_list(changes));
}

static int check_changes(const struct service_call *call, struct err *err)
{
    return control_patch_check(services_control(call->services), call->arena, STR("apigateway"),
        str_z(call->operation->name), changes_of(call), err);
}

bool gateway_find(
    const struct service_call *call, const char *type, struct str id, struct control_record *out)
{
    return service_find(call, str_z(type),
        arena_printf(call->arena, "%.*s/%.*s", STR_ARG(value_gets(call->input, "restapi_id")), STR_ARG(id)),
        out);
}

int gateway_answer_page(struct service_call *call, const struct value *items, struct err *err)
{
    size_t most = value_is_null(value_getz(call->input, "limit")) ? 25 : 500;
    return service_answer_page(call, "item", items, most, err);
}

/* ---- APIs ---- */

static int check_endpoint(struct str type, struct str ip, struct err *err)
{
    return str_eqz(type, "PRIVATE") && str_eqz(ip, "ipv4")
               ? bad_request(err, "Only dualstack ipAddressType is supported for Private APIs.")
               : 0;
}

static const struct value *whole_endpoint(struct arena *arena, struct str type, const struct value *given)
{
    const struct value *types = value_string(arena, type);
    given = value_with(arena, given, STR("types"), value_list(arena, &types, 1));
    if (value_is_null(value_getz(given, "ipAddressType")))
        given = value_with(arena, given, STR("ipAddressType"),
            value_stringz(arena, str_eqz(type, "PRIVATE") ? "dualstack" : "ipv4"));
    return given;
}

static int create_rest_api(struct service_call *call, struct err *err)
{
    const struct value *endpoint = value_getz(call->input, "endpointConfiguration");
    const struct value *types = value_as_list(value_getz(endpoint, "types"));
    struct str type = types->count ? value_text(types->items[0], STR_EMPTY) : STR("EDGE");
    if (types->count > 1)
        return bad_request(err, "Cannot create an api with multiple Endpoint Types.");
    if (check_endpoint(type, value_gets(endpoint, "ipAddressType"), err))
        return -1;
    call->forward = value_with(
        call->arena, call->input, STR("endpointConfiguration"), whole_endpoint(call->arena, type, endpoint));
    return 0;
}

/* Only the last change of the endpoint type counts, whatever type its path names. A private API becomes
 * dualstack. */
static int update_rest_api(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(call->arena);
    struct control_record api;
    const struct value *list = changes_of(call);
    if (gateway_check_api(call, value_gets(call->input, "restapi_id"), err) || check_changes(call, err) ||
        !service_find(call, STR("aws.apigateway.rest_api"), value_gets(call->input, "restapi_id"), &api))
        return -1;
    const struct value *endpoint = value_getz(api.attrs, "endpoint");
    const struct value *types = value_as_list(value_getz(endpoint, "types"));
    struct str was = types->count ? value_text(types->items[0], STR_EMPTY) : STR("EDGE"), type = was;
    struct str ip = value_gets(endpoint, "ip_address_type");
    for (uint32_t i = 0; i < list->count; i++) {
        struct str path = value_gets(list->items[i], "path"), op = value_gets(list->items[i], "op");
        if (str_eqz(path, "/endpointConfiguration/ipAddressType"))
            ip = value_gets(list->items[i], "value");
        bool none = str_eqz(path, "/minimumCompressionSize") && !value_gets(list->items[i], "value").n;
        if (!str_starts(path, STR("/endpointConfiguration/types/"))) {
            value_builder_add(&changes,
                none ? value_with(call->arena, list->items[i], STR("value"), NULL) : list->items[i]);
            continue;
        }
        if (str_eqz(op, "remove"))
            return bad_request(err, "Invalid patch operation specified. Must be 'add'|'remove'|'replace'");
        type = value_gets(list->items[i], "value");
        ip = str_eqz(type, "PRIVATE") ? STR("dualstack") : ip;
    }
    if (check_endpoint(type, ip, err))
        return -1;
    if (!str_eq(type, was))
        value_builder_add(
            &changes, gateway_change(call,
                          arena_printf(call->arena, "/endpointConfiguration/types/%.*s", STR_ARG(was)).p,
                          value_string(call->arena, type)));
    if (!str_eq(ip, value_gets(endpoint, "ip_address_type")))
        value_builder_add(&changes,
            gateway_change(call, "/endpointConfiguration/ipAddressType", value_string(call->arena, ip)));
    gateway_forward(call, &changes);
    return 0;
}

/* ---- resources ---- */

struct siblings {
    struct control_record *items;
    size_t n;
};

static struct siblings resources_of(const struct service_call *call)
{
    struct siblings all = {.n = 0};
    size_t n;
    all.items = service_list(call, STR("aws.apigateway.resource"), &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(value_gets(all.items[i].attrs, "rest_api"), value_gets(call->input, "restapi_id")))
            all.items[all.n++] = all.items[i];
    return all;
}

/* Checks that a resource may have this path part below `parent`. `moved`: the resource itself if it exists
 * already. */
static int check_placed(const struct service_call *call, const struct control_record *parent, struct str part,
    const struct control_record *moved, struct err *err)
{
    const struct siblings all = resources_of(call);
    struct str above = value_gets(parent->attrs, "path_part");
    if (str_ends(above, STR("+}")))
        return bad_request(
            err, "Cannot create a child of a resource with a greedy path variable: %.*s", STR_ARG(above));
    for (size_t i = 0; i < all.n; i++) {
        struct str other = value_gets(all.items[i].attrs, "path_part");
        if (!str_eq(value_gets(all.items[i].attrs, "parent"), value_gets(parent->attrs, "resource_id")) ||
            (moved && str_eq(all.items[i].id, moved->id)))
            continue;
        if (str_eq(other, part))
            return service_refuse(err, 409, "ConflictException",
                "Another resource with the same parent already has this name: %.*s", STR_ARG(part));
        if (str_starts(other, STR("{")) && str_starts(part, STR("{")))
            return bad_request(err,
                "A sibling (%.*s) of this resource already has a variable path part -- only one is allowed",
                STR_ARG(other));
    }
    return 0;
}

static int create_resource(struct service_call *call, struct err *err)
{
    struct control_record parent;
    call->declined = true;
    return gateway_find(call, "aws.apigateway.resource", value_gets(call->input, "parent_id"), &parent)
               ? check_placed(call, &parent, value_gets(call->input, "pathPart"), NULL, err)
               : 0;
}

/* Returns the resource with empty methods: they are shown only if `embed` asks for them. */
static const struct value *with_names(struct arena *arena, const struct value *resource)
{
    const struct value *methods = value_getz(resource, "resourceMethods"), *named = methods;
    for (uint32_t i = 0; methods && i < methods->count; i++)
        named = value_with(arena, named, methods->entries[i].key, &value_empty_map);
    return methods ? value_with(arena, resource, STR("resourceMethods"), named) : resource;
}

static int get_resources(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *embed = value_getz(call->input, "embed");
    if (service_control_same(call, err))
        return -1;
    if (str_eqz(value_text(embed, STR_EMPTY), "methods") || value_list_has(embed, STR("methods")))
        return 0;
    const struct value *items = value_as_list(value_getz(call->output, "item"));
    for (uint32_t i = 0; i < items->count; i++)
        value_builder_add(&b, with_names(call->arena, items->items[i]));
    service_answer(call, "item", value_builder_list(&b));
    return 0;
}

static bool is_within(struct str path, struct str above)
{
    return str_starts(path, above) && (path.n == above.n || path.p[above.n] == '/');
}

/* Moves a resource: sets its path and parent, and the paths of all resources below it. */
static void move_resource(const struct service_call *call, const struct control_record *resource,
    const struct control_record *parent, struct str part)
{
    struct control *control = services_control(call->services);
    const struct siblings all = resources_of(call);
    struct str was = value_gets(resource->attrs, "path"), above = value_gets(parent->attrs, "path");
    struct str path = arena_printf(
        call->arena, "%.*s/%.*s", STR_ARG(str_eqz(above, "/") ? STR_EMPTY : above), STR_ARG(part));
    const struct value_entry own[] = {{STR("path_part"), value_string(call->arena, part)},
        {STR("parent"), value_getz(parent->attrs, "resource_id")},
        {STR("within"), value_string(call->arena, parent->id)}};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        control_set(control, STR("aws.apigateway.resource"), resource, own[i].key.p, own[i].value);
    for (size_t i = 0; i < all.n; i++) {
        struct str have = value_gets(all.items[i].attrs, "path");
        if (is_within(have, was))
            control_set(control, STR("aws.apigateway.resource"), &all.items[i], "path",
                value_string(call->arena, arena_printf(call->arena, "%.*s%.*s", STR_ARG(path),
                                              STR_ARG(str_slice(have, was.n, have.n)))));
    }
}

static int update_resource(struct service_call *call, struct err *err)
{
    const struct gateway_place place = {.http = STR("PATCH"),
        .api = value_gets(call->input, "restapi_id"),
        .resource = value_gets(call->input, "resource_id")};
    struct control_record resource, parent;
    if (gateway_check_place(call, &place, err) || check_changes(call, err) ||
        !gateway_find(call, "aws.apigateway.resource", place.resource, &resource))
        return -1;
    struct str part = value_gets(resource.attrs, "path_part"), above = value_gets(resource.attrs, "parent");
    const struct value *list = changes_of(call);
    for (uint32_t i = 0; i < list->count; i++) {
        bool moves = str_eqz(value_gets(list->items[i], "path"), "/parentId");
        if (str_eqz(value_gets(resource.attrs, "path"), "/"))
            return bad_request(err, moves ? "Root resource cannot update its parentId."
                                          : "Root resource cannot update its pathPart.");
        *(moves ? &above : &part) = value_gets(list->items[i], "value");
    }
    if (!gateway_find(call, "aws.apigateway.resource", above, &parent))
        return service_refuse(err, 404, "NotFoundException", "Invalid Resource identifier specified");
    if (is_within(value_gets(parent.attrs, "path"), value_gets(resource.attrs, "path")))
        return bad_request(err, "Resources cannot be cyclical.");
    if (check_placed(call, &parent, part, &resource, err))
        return -1;
    move_resource(call, &resource, &parent, part);
    return service_control(call, "GetResource",
        VALUE_MAP(call->arena, {STR("restapi_id"), value_getz(call->input, "restapi_id")},
            {STR("resource_id"), value_getz(call->input, "resource_id")}),
        &call->output, err);
}

/* ---- methods ---- */

static int check_authorizer(const struct service_call *call, struct str type, struct str id, struct err *err)
{
    struct control_record found;
    bool needed = str_eqz(type, "CUSTOM") || str_eqz(type, "COGNITO_USER_POOLS");
    return !needed || (id.n && gateway_find(call, "aws.apigateway.authorizer", id, &found))
               ? 0
               : bad_request(err, "Invalid authorizer ID specified. Setting the authorization type to CUSTOM "
                                  "or COGNITO_USER_POOLS requires a valid authorizer.");
}

static int check_validator(const struct service_call *call, struct str id, struct err *err)
{
    struct control_record found;
    return !id.n || gateway_find(call, "aws.apigateway.request_validator", id, &found)
               ? 0
               : bad_request(err, "Invalid Request Validator identifier specified");
}

static int check_models(const struct service_call *call, const struct value *models, struct err *err)
{
    struct control_record found;
    for (uint32_t i = 0; models && models->kind == VALUE_MAP && i < models->count; i++) {
        struct str name = value_text(models->entries[i].value, STR_EMPTY);
        if (!gateway_find(call, "aws.apigateway.model", name, &found))
            return bad_request(err, "Invalid model identifier specified: %.*s", STR_ARG(name));
    }
    return 0;
}

/* Checks parameters method.request.header.X, …querystring.X, …path.X: the name X must be unique. */
static int check_parameters(const struct value *parameters, struct err *err)
{
    for (uint32_t i = 0; parameters && parameters->kind == VALUE_MAP && i < parameters->count; i++) {
        struct str key = parameters->entries[i].key, name = str_part(key, '.', 3);
        if (!str_starts(key, STR("method.request.")) || !name.n)
            return bad_request(err,
                "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid "
                "mapping expression specified: %.*s]",
                STR_ARG(key));
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(str_part(parameters->entries[k].key, '.', 3), name))
                return bad_request(err, "Parameter names must be unique across querystring, header and path");
    }
    return 0;
}

static int put_method(struct service_call *call, struct err *err)
{
    static const char *const types[] = {"NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"};
    static const char *const methods[] = {"GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY"};
    struct str method = value_gets(call->input, "http_method");
    struct str type = value_gets(call->input, "authorizationType");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        type = str_ieq(type, str_z(types[i])) ? str_z(types[i]) : type;
    if (!STR_IS_ONE_OF(method, methods))
        return bad_request(err,
            "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY");
    call->forward =
        value_with(call->arena, call->input, STR("authorizationType"), value_string(call->arena, type));
    return check_authorizer(call, type, value_gets(call->input, "authorizerId"), err) ||
                   check_validator(call, value_gets(call->input, "requestValidatorId"), err) ||
                   check_models(call, value_getz(call->input, "requestModels"), err) ||
                   check_parameters(value_getz(call->input, "requestParameters"), err)
               ? -1
               : 0;
}

/* An authorizer is ignored for a method whose authorization type uses none. */
static int update_method(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(call->arena);
    const struct value *list = changes_of(call);
    struct control_record method;
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(value_gets(call->input, "resource_id")),
        STR_ARG(value_gets(call->input, "http_method")));
    if (!gateway_find(call, "aws.apigateway.method", id, &method)) {
        call->declined = true;
        return 0;
    }
    if (check_changes(call, err))
        return -1;
    struct str type = value_gets(method.attrs, "authorization_type"),
               authorizer = value_gets(method.attrs, "authorizer"), validator = STR_EMPTY;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str path = value_gets(list->items[i], "path"), v = value_gets(list->items[i], "value");
        *(str_eqz(path, "/authorizationType")      ? &type
            : str_eqz(path, "/authorizerId")       ? &authorizer
            : str_eqz(path, "/requestValidatorId") ? &validator
                                                   : &id) = v;
    }
    if (check_authorizer(call, type, authorizer, err) || check_validator(call, validator, err))
        return -1;
    bool asks = str_eqz(type, "CUSTOM") || str_eqz(type, "COGNITO_USER_POOLS");
    for (uint32_t i = 0; i < list->count; i++)
        if (asks || !str_eqz(value_gets(list->items[i], "path"), "/authorizerId"))
            value_builder_add(&changes, list->items[i]);
    gateway_forward(call, &changes);
    return 0;
}

static int delete_model(struct service_call *call, struct err *err)
{
    size_t n;
    const struct control_record *methods = service_list(call, STR("aws.apigateway.method"), &n);
    struct str api = value_gets(call->input, "restapi_id"), model = value_gets(call->input, "model_name");
    struct control_record resource;
    call->declined = true;
    for (size_t i = n; i-- > 0;) {
        const struct value *models = value_getz(methods[i].attrs, "request_models");
        bool uses = false;
        for (uint32_t k = 0; models && k < models->count; k++)
            uses = uses || str_eq(value_text(models->entries[k].value, STR_EMPTY), model);
        if (!uses || !str_eq(value_gets(methods[i].attrs, "rest_api"), api) ||
            !gateway_find(
                call, "aws.apigateway.resource", value_gets(methods[i].attrs, "resource"), &resource))
            continue;
        return service_refuse(err, 409, "ConflictException",
            "Cannot delete model '%.*s', is referenced in method request: %.*s/%.*s", STR_ARG(model),
            STR_ARG(value_gets(resource.attrs, "path")),
            STR_ARG(value_gets(methods[i].attrs, "http_method")));
    }
    return 0;
}

/* ---- API keys and usage plans ---- */

/* Returns the key without its value unless the request has includeValue(s). */
static const struct value *shown_key(const struct service_call *call, const struct value *key)
{
    bool asked = service_flag(call->input, "includeValue") || service_flag(call->input, "includeValues");
    return asked ? key : value_with(call->arena, key, STR("value"), NULL);
}

static int get_key(struct service_call *call, struct err *err)
{
    if (check_changes(call, err) || service_control_same(call, err))
        return -1;
    call->output = shown_key(call, call->output);
    return 0;
}

/* Lists keys, newest first. */
static int list_latest(struct service_call *call, struct err *err)
{
    static const struct str page[] = {STR_INIT("position"), STR_INIT("limit")};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *input = value_without(call->arena, call->input, page, 2), *all;
    bool keys = service_is(call, "GetApiKeys");
    if (service_control(call, call->operation->name, input, &all, err))
        return -1;
    const struct value *list = value_as_list(value_getz(all, "item"));
    for (uint32_t i = list->count; i-- > 0;)
        value_builder_add(&b, keys ? shown_key(call, list->items[i]) : list->items[i]);
    return gateway_answer_page(call, value_builder_list(&b), err);
}

/* An empty name or value counts as not given. */
static int create_key(struct service_call *call, struct err *err UNUSED)
{
    call->forward = call->input;
    if (!value_gets(call->input, "name").n)
        call->forward = value_with(call->arena, call->forward, STR("name"), &value_empty_string);
    if (!value_gets(call->input, "value").n)
        call->forward = value_with(call->arena, call->forward, STR("value"), NULL);
    if (value_is_null(value_getz(call->input, "enabled")))
        call->forward = value_with(call->arena, call->forward, STR("enabled"), &value_false);
    return 0;
}

static int create_plan(struct service_call *call, struct err *err UNUSED)
{
    const struct value *quota = value_getz(call->input, "quota");
    call->forward = call->input;
    if (quota && value_is_null(value_getz(quota, "offset")))
        call->forward = value_with(call->arena, call->input, STR("quota"),
            value_with(call->arena, quota, STR("offset"), value_int(call->arena, 0)));
    return 0;
}

/* Checks API:STAGE of a usage plan: the stage must exist. */
static int check_stage_of_plan(const struct service_call *call, const struct value *change, struct err *err)
{
    struct control_record found;
    struct str stage, text = value_gets(change, "value"), api = str_cut(text, ':', &stage);
    if (!api.n || !stage.n)
        return bad_request(err, "Invalid API Stage specified");
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(api), STR_ARG(stage));
    if (service_find(call, STR("aws.apigateway.stage"), id, &found))
        return 0;
    return service_refuse(err, 404, "NotFoundException",
        "Invalid API Stage {api: %.*s, stage: %.*s} specified for usageplan %.*s", STR_ARG(api),
        STR_ARG(stage), STR_ARG(value_gets(call->input, "usageplanId")));
}

static int update_plan(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(call->arena);
    const struct value *list = changes_of(call);
    struct control_record plan;
    if (!service_find(
            call, STR("aws.apigateway.usage_plan"), value_gets(call->input, "usageplanId"), &plan)) {
        call->declined = true;
        return 0;
    }
    bool offset = value_getz(plan.attrs, "quota") != NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str path = value_gets(list->items[i], "path");
        if (str_eqz(path, "/apiStages") && check_stage_of_plan(call, list->items[i], err))
            return -1;
        if (str_starts(path, STR("/quota/")) && !offset) {
            value_builder_add(
                &changes, gateway_change(call, "/quota/offset", value_stringz(call->arena, "0")));
            offset = true;
        }
        value_builder_add(&changes, list->items[i]);
    }
    gateway_forward(call, &changes);
    return 0;
}

const struct service_operation apigateway_check_operations[] = {
    {"apigateway", "CreateRestApi", create_rest_api},
    {"apigateway", "UpdateRestApi", update_rest_api},
    {"apigateway", "GetResources", get_resources},
    {"apigateway", "CreateResource", create_resource},
    {"apigateway", "UpdateResource", update_resource},
    {"apigateway", "PutMethod", put_method},
    {"apigateway", "UpdateMethod", update_method},
    {"apigateway", "DeleteModel", delete_model},
    {"apigateway", "GetApiKey", get_key},
    {"apigateway", "GetApiKeys", list_latest},
    {"apigateway", "UpdateApiKey", get_key},
    {"apigateway", "GetUsagePlanKeys", list_latest},
    {"apigateway", "CreateApiKey", create_key},
    {"apigateway", "CreateUsagePlan", create_plan},
    {"apigateway", "UpdateUsagePlan", update_plan},
    {0},
};
