/*
 * Imports APIs from OpenAPI documents (Swagger 2 or OpenAPI 3, JSON or YAML) with the calls that create each
 * part. x-amazon-apigateway-… extensions have what OpenAPI cannot express.
 */
#include "sandbox/services/apigateway/apigateway.h"

#include "base/json.h"
#include "base/yaml.h"
#include "sandbox/services/shared/tables.h"

#include <ctype.h>

#define EXTENSION "x-amazon-apigateway-"

struct import {
    struct service_call *call;
    struct arena *arena;
    const struct value *document, *api; /* api: the value restapi_id */
    struct str root, base;              /* root: id of the resource /; base: prefix of all paths, "": none */
    bool split;                         /* drop the first segment of paths (basepath=split) */
    const struct value *authorizers;    /* {name: {id, type}} */
    const struct value *validators;     /* {name: id} */
};

static int import_call(const struct import *im, const char *operation, const struct value *input,
    const struct value **output, struct err *err)
{
    const struct value *ignored;
    return service_control(im->call, operation, value_with(im->arena, input, STR("restapi_id"), im->api),
        output ? output : &ignored, err);
}

static int read_document(struct arena *arena, struct str text, const struct value **out, struct err *err)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    const struct source source = {.path = STR("body"), .text = text};
    const struct node *node = yaml_parse(arena, &source, &diags);
    *out = node && node->kind == NODE_MAP ? node_value(arena, node) : NULL;
    return value_getz(*out, "swagger") || value_getz(*out, "openapi")
               ? 0
               : bad_request(err, "Invalid OpenAPI input.");
}

/* Returns components.<now>, or <before> at the top level (Swagger 2). */
static const struct value *components(const struct import *im, const char *now, const char *before)
{
    const struct value *all = value_getz(value_getz(im->document, "components"), now);
    return value_as_map(all ? all : value_getz(im->document, before));
}

static const struct value *text_of(const struct import *im, const struct value *v)
{
    return value_is_null(v) ? NULL : value_string(im->arena, value_scalar_text(im->arena, v));
}

static const struct value *upper_case(const struct import *im, const struct value *v)
{
    char *text = arena_strz(im->arena, value_text(v, STR_EMPTY));
    for (char *c = text; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return v ? value_stringz(im->arena, text) : NULL;
}

/* ---- removing what the API had ---- */

static int clear_parts(const struct import *im, struct err *err)
{
    const struct value *all;
    if (import_call(im, "GetDocumentationParts", &value_empty_map, &all, err))
        return -1;
    const struct value *items = value_as_list(value_getz(all, "item"));
    for (uint32_t i = 0; i < items->count; i++)
        if (import_call(im, "DeleteDocumentationPart",
                VALUE_MAP(im->arena, {STR("part_id"), value_getz(items->items[i], "id")}), NULL, err))
            return -1;
    return 0;
}

static int clear_api(const struct import *im, struct err *err)
{
    static const struct {
        const char *list, *remove, *member, *id;
    } parts[] = {{"GetAuthorizers", "DeleteAuthorizer", "authorizer_id", "id"},
        {"GetRequestValidators", "DeleteRequestValidator", "requestvalidator_id", "id"},
        {"GetModels", "DeleteModel", "model_name", "name"}};
    const struct value *all;
    if (import_call(im, "GetResources", &value_empty_map, &all, err))
        return -1;
    const struct value *items = value_as_list(value_getz(all, "item"));
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *id = value_getz(items->items[i], "id");
        const struct value *methods = value_as_map(value_getz(items->items[i], "resourceMethods"));
        bool root = str_eq(value_text(id, STR_EMPTY), im->root);
        for (uint32_t k = 0; root && k < methods->count; k++)
            if (import_call(im, "DeleteMethod",
                    VALUE_MAP(im->arena, {STR("resource_id"), id},
                        {STR("http_method"), value_string(im->arena, methods->entries[k].key)}),
                    NULL, err))
                return -1;
        if (str_eq(value_gets(items->items[i], "parentId"), im->root) &&
            import_call(im, "DeleteResource", VALUE_MAP(im->arena, {STR("resource_id"), id}), NULL, err))
            return -1;
    }
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        if (import_call(im, parts[p].list, &value_empty_map, &all, err))
            return -1;
        items = value_as_list(value_getz(all, "item"));
        for (uint32_t i = 0; i < items->count; i++)
            if (import_call(im, parts[p].remove,
                    VALUE_MAP(im->arena, {str_z(parts[p].member), value_getz(items->items[i], parts[p].id)}),
                    NULL, err))
                return -1;
    }
    return clear_parts(im, err);
}

/* ---- parts of the whole API ---- */

/* Replaces references such as #/definitions/Pet by the URL of the API's model Pet. */
static const struct value *with_models(const struct import *im, const struct value *schema)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(im->arena);
    if (schema->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < schema->count; i++)
            value_builder_add(&b, with_models(im, schema->items[i]));
        return value_builder_list(&b);
    }
    for (uint32_t i = 0; schema->kind == VALUE_MAP && i < schema->count; i++) {
        const struct value *v = with_models(im, schema->entries[i].value);
        if (str_eqz(schema->entries[i].key, "$ref"))
            v = value_string(im->arena,
                arena_printf(im->arena, "https://apigateway.amazonaws.com/restapis/%.*s/models/%.*s",
                    STR_ARG(im->api->string), STR_ARG(str_last_part(value_text(v, STR_EMPTY), "/"))));
        value_builder_set(&b, schema->entries[i].key, v);
    }
    return schema->kind == VALUE_MAP ? value_builder_map(&b) : schema;
}

/* Creates the models, replacing those of the same name. */
static int import_models(const struct import *im, struct err *err)
{
    const struct value *schemas = components(im, "schemas", "definitions");
    for (uint32_t i = 0; i < schemas->count; i++) {
        const struct value *name = value_string(im->arena, schemas->entries[i].key);
        import_call(im, "DeleteModel", VALUE_MAP(im->arena, {STR("model_name"), name}), NULL, ERR_IGNORED);
        if (import_call(im, "CreateModel",
                VALUE_MAP(im->arena, {STR("name"), name},
                    {STR("contentType"), value_stringz(im->arena, "application/json")},
                    {STR("description"), value_getz(schemas->entries[i].value, "description")},
                    {STR("schema"), json_as_text(im->arena, with_models(im, schemas->entries[i].value))}),
                NULL, err))
            return -1;
    }
    return 0;
}

/* Updates the item of this name, since methods refer to its id, or creates it. */
static int import_named(const struct import *im, const char *what, const char *id, const struct value *input,
    const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(im->arena);
    const struct value *all;
    if (import_call(im, arena_printf(im->arena, "Get%ss", what).p, &value_empty_map, &all, err))
        return -1;
    *out = value_list_find(value_getz(all, "item"), "name", value_gets(input, "name"));
    if (!*out)
        return import_call(im, arena_printf(im->arena, "Create%s", what).p, input, out, err);
    for (uint32_t i = 0; i < input->count; i++) {
        const struct value *v = input->entries[i].value;
        const char *path = arena_printf(im->arena, "/%.*s", STR_ARG(input->entries[i].key)).p;
        for (uint32_t k = 0; v->kind == VALUE_LIST && k < v->count; k++)
            value_builder_add(&changes, gateway_change(im->call, path, v->items[k]));
        if (v->kind != VALUE_LIST && !value_is_null(v))
            value_builder_add(&changes, gateway_change(im->call, path, v));
    }
    return import_call(im, arena_printf(im->arena, "Update%s", what).p,
        VALUE_MAP(im->arena, {str_z(id), value_getz(*out, "id")},
            {STR("patchOperations"), value_builder_list(&changes)}),
        NULL, err);
}

/* Imports the authorizers, and keeps {id, type} of each. */
static int import_authorizers(struct import *im, struct err *err)
{
    const struct value *schemes = components(im, "securitySchemes", "securityDefinitions"), *made;
    for (uint32_t i = 0; i < schemes->count; i++) {
        const struct value *scheme = schemes->entries[i].value,
                           *own = value_getz(scheme, EXTENSION "authorizer");
        const struct value *name = value_string(im->arena, schemes->entries[i].key);
        struct str source = value_gets(scheme, "name");
        if (!own)
            continue;
        struct str type = value_text(upper_case(im, value_getz(own, "type")), STR_EMPTY);
        const struct value *input = value_with(im->arena, own, STR("name"), name);
        input = value_with(im->arena, input, STR("type"), value_string(im->arena, type));
        input = value_with(im->arena, input, STR("authType"), value_getz(scheme, EXTENSION "authtype"));
        if (!value_getz(own, "identitySource") && source.n)
            input = value_with(im->arena, input, STR("identitySource"),
                value_string(
                    im->arena, arena_printf(im->arena, "method.request.header.%.*s", STR_ARG(source))));
        if (import_named(im, "Authorizer", "authorizer_id", input, &made, err))
            return -1;
        bool pools = str_eqz(type, "COGNITO_USER_POOLS");
        im->authorizers = value_with(im->arena, im->authorizers, name->string,
            VALUE_MAP(im->arena, {STR("id"), value_getz(made, "id")},
                {STR("type"), value_stringz(im->arena, pools ? "COGNITO_USER_POOLS" : "CUSTOM")}));
    }
    return 0;
}

static int import_validators(struct import *im, struct err *err)
{
    const struct value *all = value_as_map(value_getz(im->document, EXTENSION "request-validators")), *made;
    for (uint32_t i = 0; i < all->count; i++) {
        const struct value *name = value_string(im->arena, all->entries[i].key);
        if (import_named(im, "RequestValidator", "requestvalidator_id",
                value_with(im->arena, all->entries[i].value, STR("name"), name), &made, err))
            return -1;
        im->validators = value_with(im->arena, im->validators, name->string, value_getz(made, "id"));
    }
    return 0;
}

static int import_responses(const struct import *im, struct err *err)
{
    const struct value *all = value_as_map(value_getz(im->document, EXTENSION "gateway-responses"));
    for (uint32_t i = 0; i < all->count; i++) {
        const struct value *one = all->entries[i].value;
        one = value_with(im->arena, one, STR("statusCode"), text_of(im, value_getz(one, "statusCode")));
        one = value_with(im->arena, one, STR("response_type"), value_string(im->arena, all->entries[i].key));
        if (import_call(im, "PutGatewayResponse", one, NULL, err))
            return -1;
    }
    return 0;
}

/* Imports title, version and settings as changes of the API. */
static int import_settings(const struct import *im, const struct value *had, bool overwrite, struct err *err)
{
    AUTO_BUILDER struct value_builder changes = VALUE_BUILDER(im->arena);
    const struct value *info = value_getz(im->document, "info"),
                       *types = value_getz(im->document, EXTENSION "binary-media-types"),
                       *old = value_as_list(value_getz(had, "binaryMediaTypes"));
    const struct value_entry settings[] = {{STR("/name"), value_getz(info, "title")},
        {STR("/version"), text_of(im, value_getz(info, "version"))},
        {STR("/description"), value_getz(info, "description")},
        {STR("/apiKeySource"), value_getz(im->document, EXTENSION "api-key-source")},
        {STR("/minimumCompressionSize"),
            text_of(im, value_getz(im->document, EXTENSION "minimum-compression-size"))}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (!value_is_null(settings[i].value))
            value_builder_add(&changes, gateway_change(im->call, settings[i].key.p, settings[i].value));
    for (uint32_t k = 0; k < 2; k++) {
        const struct value *list = k ? value_as_list(types) : overwrite ? old : &value_empty_list;
        for (uint32_t i = 0; i < list->count; i++)
            value_builder_add(&changes,
                VALUE_MAP(im->arena, {STR("op"), value_stringz(im->arena, k ? "add" : "remove")},
                    {STR("path"),
                        value_string(im->arena, arena_printf(im->arena, "/binaryMediaTypes/%.*s",
                                                    STR_ARG(json_pointer_escaped(im->arena,
                                                        value_text(list->items[i], STR_EMPTY)))))}));
    }
    return import_call(im, "UpdateRestApi",
        VALUE_MAP(im->arena, {STR("patchOperations"), value_builder_list(&changes)}), NULL, err);
}

/* ---- paths ---- */

/* Returns the id of a path's resource, created if it is missing. `known`: ids by path. */
static int import_resource(
    const struct import *im, struct map *known, struct str path, const struct value **id, struct err *err)
{
    const struct value *made;
    struct str at = STR_EMPTY;
    *id = value_string(im->arena, im->root);
    for (struct str rest = path; rest.n;) {
        struct str part = str_cut(rest, '/', &rest);
        if (!part.n)
            continue;
        at = arena_printf(im->arena, "%.*s/%.*s", STR_ARG(at), STR_ARG(part));
        const struct value *next = map_get(known, at);
        if (!next) {
            if (import_call(im, "CreateResource",
                    VALUE_MAP(
                        im->arena, {STR("parent_id"), *id}, {STR("pathPart"), value_string(im->arena, part)}),
                    &made, err))
                return -1;
            next = value_getz(made, "id");
            map_set(known, at, (void *)next);
        }
        *id = next;
    }
    return 0;
}

/* Returns the name of the model that the schema refers to, or NULL if it is an inline schema. */
static const struct value *model_of(const struct import *im, const struct value *schema)
{
    struct str reference = value_gets(schema, "$ref");
    return reference.n ? value_string(im->arena, str_last_part(reference, "/")) : NULL;
}

/* Returns {content type: model} of `content` (OpenAPI 3) or `schema` (Swagger 2). */
static const struct value *models_of(const struct import *im, const struct value *of)
{
    const struct value *content = value_as_map(value_getz(of, "content")), *out = NULL;
    for (uint32_t i = 0; i < content->count; i++) {
        const struct value *model = model_of(im, value_getz(content->entries[i].value, "schema"));
        if (model)
            out = value_with(im->arena, out, content->entries[i].key, model);
    }
    const struct value *model = model_of(im, value_getz(of, "schema"));
    return model ? value_with(im->arena, out, STR("application/json"), model) : out;
}

static const struct value *request_parameters(
    const struct import *im, const struct value *list, const struct value *out)
{
    list = value_as_list(list);
    for (uint32_t i = 0; i < list->count; i++) {
        struct str in = value_gets(list->items[i], "in");
        const char *place = str_eqz(in, "query") ? "querystring" : str_eqz(in, "header") ? "header" : "path";
        if (str_eqz(in, "body") || str_eqz(in, "formData") || str_eqz(in, "cookie"))
            continue;
        out = value_with(im->arena, out,
            arena_printf(
                im->arena, "method.request.%s.%.*s", place, STR_ARG(value_gets(list->items[i], "name"))),
            value_bool(value_getb(list->items[i], "required")));
    }
    return out;
}

static const struct value *body_models(
    const struct import *im, const struct value *parameters, const struct value *out)
{
    parameters = value_as_list(parameters);
    for (uint32_t i = 0; i < parameters->count; i++)
        if (str_eqz(value_gets(parameters->items[i], "in"), "body"))
            out = value_merge(im->arena, out, models_of(im, parameters->items[i]));
    return out;
}

/* Sets the method's authorization: an authorizer, an API key, or IAM. */
static const struct value *with_security(
    const struct import *im, const struct value *operation, const struct value *method)
{
    const struct value *own = value_getz(operation, "security");
    const struct value *list = value_as_list(own ? own : value_getz(im->document, "security"));
    const struct value *schemes = components(im, "securitySchemes", "securityDefinitions");
    struct str type = STR("NONE");
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t k = 0; k < value_as_map(list->items[i])->count; k++) {
            struct str name = list->items[i]->entries[k].key;
            const struct value *authorizer = value_get(im->authorizers, name),
                               *scheme = value_get(schemes, name),
                               *scopes = value_as_list(list->items[i]->entries[k].value);
            if (authorizer) {
                type = value_gets(authorizer, "type");
                method = value_with(im->arena, method, STR("authorizerId"), value_getz(authorizer, "id"));
                if (scopes->count)
                    method = value_with(im->arena, method, STR("authorizationScopes"), scopes);
            } else if (str_eqz(value_gets(scheme, EXTENSION "authtype"), "awsSigv4")) {
                type = STR("AWS_IAM");
            } else if (str_eqz(value_gets(scheme, "type"), "apiKey")) {
                method = value_with(im->arena, method, STR("apiKeyRequired"), &value_true);
            }
        }
    return value_with(im->arena, method, STR("authorizationType"), value_string(im->arena, type));
}

/* Returns the parameters in the path itself, such as {pet} of /pets/{pet}. */
static const struct value *path_parameters(const struct import *im, struct str path)
{
    const struct value *out = NULL;
    while (path.n) {
        struct str part = str_cut(path, '/', &path);
        size_t end = str_ends(part, STR("+}")) ? 2 : 1;
        if (str_starts(part, STR("{")))
            out = value_with(im->arena, out,
                arena_printf(
                    im->arena, "method.request.path.%.*s", STR_ARG(str_slice(part, 1, part.n - end))),
                &value_true);
    }
    return out;
}

static const struct value *method_of_operation(const struct import *im, struct str path,
    const struct value *item, const struct value *operation, const struct value *address)
{
    const struct value *own = value_getz(operation, "parameters"),
                       *validator = value_getz(operation, EXTENSION "request-validator"), *method = address;
    const struct value *parameters =
        request_parameters(im, value_getz(item, "parameters"), path_parameters(im, path));
    const struct value *models = body_models(im, own, models_of(im, value_getz(operation, "requestBody")));
    validator = validator ? validator : value_getz(im->document, EXTENSION "request-validator");
    method = value_with(im->arena, method, STR("operationName"), value_getz(operation, "operationId"));
    method = value_with(im->arena, method, STR("requestParameters"), request_parameters(im, own, parameters));
    method = value_with(im->arena, method, STR("requestModels"), models);
    method = value_with(im->arena, method, STR("requestValidatorId"),
        value_get(im->validators, value_text(validator, STR_EMPTY)));
    return with_security(im, operation, method);
}

static int import_method_responses(
    const struct import *im, const struct value *operation, const struct value *address, struct err *err)
{
    const struct value *responses = value_as_map(value_getz(operation, "responses"));
    for (uint32_t i = 0; i < responses->count; i++) {
        const struct value *headers = value_as_map(value_getz(responses->entries[i].value, "headers")),
                           *parameters = NULL;
        for (uint32_t k = 0; k < headers->count; k++)
            parameters = value_with(im->arena, parameters,
                arena_printf(im->arena, "method.response.header.%.*s", STR_ARG(headers->entries[k].key)),
                &value_false);
        const struct value *one = value_with(
            im->arena, address, STR("status_code"), value_string(im->arena, responses->entries[i].key));
        one = value_with(im->arena, one, STR("responseParameters"), parameters);
        one = value_with(im->arena, one, STR("responseModels"), models_of(im, responses->entries[i].value));
        if (!str_eqz(responses->entries[i].key, "default") &&
            import_call(im, "PutMethodResponse", one, NULL, err))
            return -1;
    }
    return 0;
}

static int import_integration(
    const struct import *im, const struct value *operation, const struct value *address, struct err *err)
{
    static const char *const kept[] = {"httpMethod", "uri", "credentials", "requestParameters",
        "requestTemplates", "contentHandling", "timeoutInMillis", "cacheNamespace", "cacheKeyParameters",
        "connectionType", "connectionId", "tlsConfig", "responseTransferMode"};
    const struct value *own = value_getz(operation, EXTENSION "integration");
    const struct value *responses = value_as_map(value_getz(own, "responses"));
    if (!own)
        return 0;
    const struct value *integration = address;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        integration = value_with(im->arena, integration, str_z(kept[i]), value_getz(own, kept[i]));
    integration = value_with(im->arena, integration, STR("type"), upper_case(im, value_getz(own, "type")));
    integration = value_with(im->arena, integration, STR("passthroughBehavior"),
        upper_case(im, value_getz(own, "passthroughBehavior")));
    integration = gateway_integration(im->call, integration);
    if (import_call(im, "PutIntegration", integration, NULL, err))
        return -1;
    for (uint32_t i = 0; i < responses->count; i++) {
        const struct value *one = value_as_map(responses->entries[i].value);
        struct str pattern = responses->entries[i].key;
        const struct value *status = text_of(im, value_getz(one, "statusCode"));
        one = value_with(im->arena, value_merge(im->arena, one, address), STR("statusCode"), NULL);
        one = value_with(im->arena, one, STR("status_code"), status);
        one = value_with(im->arena, one, STR("selectionPattern"),
            str_eqz(pattern, "default") ? NULL : value_string(im->arena, pattern));
        if (import_call(im, "PutIntegrationResponse", one, NULL, err))
            return -1;
    }
    return 0;
}

static int import_operation(const struct import *im, const struct value_entry *path, struct str name,
    const struct value *resource, struct err *err)
{
    static const char *const methods[] = {"get", "put", "post", "delete", "options", "head", "patch"};
    const struct value *operation = value_get(path->value, name);
    bool any = str_eqz(name, EXTENSION "any-method");
    if (!any && !STR_IS_ONE_OF(name, methods))
        return 0;
    const struct value *method = value_string(im->arena, name);
    const struct value *address = VALUE_MAP(im->arena, {STR("resource_id"), resource},
        {STR("http_method"), any ? value_stringz(im->arena, "ANY") : upper_case(im, method)});
    import_call(im, "DeleteMethod", address, NULL, ERR_IGNORED); /* the document's method replaces it */
    return import_call(im, "PutMethod", method_of_operation(im, path->key, path->value, operation, address),
               NULL, err) ||
                   import_method_responses(im, operation, address, err) ||
                   import_integration(im, operation, address, err)
               ? -1
               : 0;
}

static int import_paths(const struct import *im, struct err *err)
{
    AUTO_MAP struct map known = MAP_INIT;
    const struct value *paths = value_as_map(value_getz(im->document, "paths")), *all;
    if (import_call(im, "GetResources", &value_empty_map, &all, err))
        return -1;
    all = value_as_list(value_getz(all, "item"));
    for (uint32_t i = 0; i < all->count; i++)
        map_set(&known, value_gets(all->items[i], "path"), (void *)value_getz(all->items[i], "id"));
    for (uint32_t i = 0; i < paths->count; i++) {
        const struct value *item = value_as_map(paths->entries[i].value), *resource;
        struct str path =
            arena_printf(im->arena, "%.*s%.*s", STR_ARG(im->base), STR_ARG(paths->entries[i].key));
        ptrdiff_t second = im->split && im->base.n ? str_find_char(path, '/', 1) : -1;
        if (second > 0) /* the first segment belongs to the base path mapping */
            path = str_slice(path, (size_t)second, path.n);
        if (import_resource(im, &known, path, &resource, err))
            return -1;
        for (uint32_t k = 0; k < item->count; k++)
            if (import_operation(im, &paths->entries[i], item->entries[k].key, resource, err))
                return -1;
    }
    return 0;
}

/* ---- documentation ---- */

static int import_parts(
    const struct import *im, const struct value *document, struct value_builder *ids, struct err *err)
{
    static const char *const whole[] = {"API", "MODEL", "AUTHORIZER"};
    const struct value *parts = value_as_list(value_getz(document, "documentationParts")), *made, *had;
    if (import_call(im, "GetDocumentationParts", &value_empty_map, &had, err))
        return -1;
    had = value_as_list(value_getz(had, "item"));
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct value *properties = value_getz(parts->items[i], "properties");
        const struct value *part = value_with(im->arena, parts->items[i], STR("properties"),
            properties && properties->kind == VALUE_MAP ? json_as_text(im->arena, properties) : properties);
        const struct value *location = value_getz(part, "location");
        struct str type = value_gets(location, "type");
        if (!STR_IS_ONE_OF(type, whole) && !value_gets(location, "path").n) /* the path defaults to / */
            part = value_with(im->arena, part, STR("location"),
                value_with(im->arena, location, STR("path"), value_stringz(im->arena, "/")));
        location = value_getz(part, "location");
        for (uint32_t k = 0; k < had->count; k++)
            if (value_equal(value_getz(had->items[k], "location"), location) &&
                import_call(im, "DeleteDocumentationPart",
                    VALUE_MAP(im->arena, {STR("part_id"), value_getz(had->items[k], "id")}), NULL, err))
                return -1;
        if (import_call(im, "CreateDocumentationPart", part, &made, err))
            return -1;
        if (ids)
            value_builder_add(ids, value_getz(made, "id"));
    }
    return 0;
}

static int import_documentation(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder ids = VALUE_BUILDER(call->arena);
    struct err unread = ERR_INIT;
    const struct import im = {
        .call = call, .arena = call->arena, .api = value_getz(call->input, "restapi_id")};
    const struct value *document;
    if (gateway_check_api(call, value_text(im.api, STR_EMPTY), err))
        return -1;
    if (read_document(call->arena, value_gets(call->input, "body"), &document, &unread))
        return bad_request(err, "Unable to build importer with provided input.");
    if ((str_eqz(value_gets(call->input, "mode"), "overwrite") && clear_parts(&im, err)) ||
        import_parts(&im, value_getz(document, EXTENSION "documentation"), &ids, err))
        return -1;
    service_answer(call, "ids", value_builder_list(&ids));
    return 0;
}

/* Returns basePath, or the path of the first server with its variable `basePath` filled in. */
static struct str base_path(const struct import *im)
{
    struct str path = value_gets(im->document, "basePath");
    const struct value *servers = value_as_list(value_getz(im->document, "servers"));
    if (servers->count) {
        const struct value *variable = value_getz(value_getz(servers->items[0], "variables"), "basePath");
        struct str url = value_gets(servers->items[0], "url");
        ptrdiff_t host = str_find(url, STR("//"), 0);
        ptrdiff_t slash = str_find_char(url, '/', host < 0 ? 0 : (size_t)host + 2);
        path = slash < 0 ? STR_EMPTY : str_slice(url, (size_t)slash, url.n);
        if (variable && str_find(path, STR("{basePath}"), 0) >= 0)
            path = value_gets(variable, "default");
    }
    path = path.n && path.p[0] != '/' ? arena_printf(im->arena, "/%.*s", STR_ARG(path)) : path;
    while (str_ends(path, STR("/")))
        path = str_slice(path, 0, path.n - 1);
    return path;
}

static int import_into(struct service_call *call, const struct value *document, const struct value *api,
    bool overwrite, struct err *err)
{
    struct str mode = value_gets(call->input, "basepath");
    struct import im = {.call = call,
        .arena = call->arena,
        .document = document,
        .api = value_getz(api, "id"),
        .root = value_gets(api, "rootResourceId"),
        .split = str_eqz(mode, "split")};
    if (im.split || str_eqz(mode, "prepend"))
        im.base = base_path(&im);
    return (overwrite && clear_api(&im, err)) || import_settings(&im, api, overwrite, err) ||
                   import_models(&im, err) || import_authorizers(&im, err) || import_validators(&im, err) ||
                   import_responses(&im, err) || import_paths(&im, err) ||
                   import_parts(&im, value_getz(document, EXTENSION "documentation"), NULL, err)
               ? -1
               : 0;
}

static int put_rest_api(struct service_call *call, struct err *err)
{
    const struct value *document, *api, *id = value_getz(call->input, "restapi_id");
    const struct value *address = VALUE_MAP(call->arena, {STR("restapi_id"), id});
    if (read_document(call->arena, value_gets(call->input, "body"), &document, err) ||
        service_control(call, "GetRestApi", address, &api, err) ||
        import_into(call, document, api, str_eqz(value_gets(call->input, "mode"), "overwrite"), err))
        return -1;
    return service_control(call, "GetRestApi", address, &call->output, err);
}

/* Deletes the API again if the import fails. */
static int import_rest_api(struct service_call *call, struct err *err)
{
    const struct value *document, *api, *ignored;
    struct err unmade = ERR_INIT;
    if (read_document(call->arena, value_gets(call->input, "body"), &document, err))
        return -1;
    struct str title = value_gets(value_getz(document, "info"), "title");
    if (service_control(call, "CreateRestApi",
            VALUE_MAP(call->arena, {STR("name"), value_string(call->arena,
                                                     title.n ? title : STR("Created by AWS API Gateway"))}),
            &api, err))
        return -1;
    const struct value *address = VALUE_MAP(call->arena, {STR("restapi_id"), value_getz(api, "id")});
    if (import_into(call, document, api, true, err)) {
        service_control(call, "DeleteRestApi", address, &ignored, &unmade);
        return -1;
    }
    if (service_control(call, "GetRestApi", address, &call->output, err))
        return -1;
    call->output = value_with(call->arena, call->output, STR("tags"), NULL);
    return 0;
}

const struct service_operation apigateway_import_operations[] = {
    {"apigateway", "ImportDocumentationParts", import_documentation},
    {"apigateway", "PutRestApi", put_rest_api},
    {"apigateway", "ImportRestApi", import_rest_api},
    {0},
};
