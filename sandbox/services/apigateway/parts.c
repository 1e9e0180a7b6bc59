/* Documents that are read, put and patched: a method's integration, the responses of both, and gateway
 * responses, which exist without being put. The control plane stores them; this file adds defaults, applies
 * patch operations and shows them. */
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/services/apigateway/apigateway.h"

/* ---- existence checks, from the API down; the error names the part that is missing ---- */

static int no_such(const char *what, struct err *err)
{
    return service_refuse(err, 404, "NotFoundException", "Invalid %s specified", what);
}

int gateway_check_api(const struct service_call *call, struct str api, struct err *err)
{
    struct control_record record;
    if (service_find(call, STR("aws.apigateway.rest_api"), api, &record) && str_eq(record.id, api))
        return 0;
    return service_refuse(err, 404, "NotFoundException", "Invalid API identifier specified %.*s:%.*s",
        STR_ARG(services_account(call->services)), STR_ARG(api));
}

/* Checks that the method's integration or response exists. */
static int check_part(const struct gateway_place *place, const struct value *method, struct err *err)
{
    bool put = str_eqz(place->http, "PUT");
    const char *responses = place->integration ? "integration_responses" : "responses";
    if (place->integration && (place->status.n || !put) && !value_getz(method, "integration"))
        return no_such("Integration identifier", err);
    if (place->status.n && !put && !value_get(value_getz(method, responses), place->status))
        return no_such("Response status code", err);
    return 0;
}

int gateway_check_place(const struct service_call *call, const struct gateway_place *place, struct err *err)
{
    struct control_record found;
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(place->api), STR_ARG(place->resource));
    if (!service_find(call, STR("aws.apigateway.resource"), id, &found))
        return no_such("Resource identifier", err);
    bool part = place->integration || place->status.n;
    if (!place->method.n || (str_eqz(place->http, "PUT") && !part))
        return 0;
    id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(id), STR_ARG(place->method));
    if (!service_find(call, STR("aws.apigateway.method"), id, &found))
        return no_such(place->integration && str_eqz(place->http, "DELETE") ? "Integration identifier"
                                                                            : "Method identifier",
            err);
    return part ? check_part(place, found.attrs, err) : 0;
}

enum { MAX_SEGMENTS = 10 };

static size_t split_path(struct arena *arena, struct str path, struct str segments[MAX_SEGMENTS])
{
    size_t n = 0;
    for (path = str_slice(path, 1, path.n); path.n && n < MAX_SEGMENTS; n++) {
        struct str segment = str_cut(path, '/', &path);
        if (!url_decode(arena, segment, false, &segments[n]))
            segments[n] = segment;
    }
    return n;
}

/* Checks the API of requests below it. Requests for the API itself are left to the control plane. */
static int check_within_api(const struct service_call *call, const struct wire_message *request,
    const struct str *segments, size_t n, struct err *err)
{
    bool made = str_eqz(request->method, "POST"), deleted = str_eqz(request->method, "DELETE");
    bool documentation = n > 3 && str_eqz(segments[2], "documentation");
    if (n == 2 && str_eqz(request->method, "PUT")) /* the document is checked first */
        return 0;
    bool all = documentation ? n == 4 || deleted : n <= 3 || str_eqz(segments[2], "gatewayresponses");
    if (!all || !gateway_check_api(call, segments[1], err))
        return 0;
    if (made && n == 3 && str_eqz(segments[2], "requestvalidators"))
        return bad_request(err, "Invalid REST API identifier specified");
    if (made && n == 3 && str_eqz(segments[2], "authorizers"))
        return service_refuse(err, 409, "ConflictException",
            "Unable to complete operation due to concurrent modification. Please try again later.");
    return -1;
}

int gateway_read(struct services *services, struct exchange *x, struct err *err)
{
    struct service_call call = {.services = services, .arena = &x->arena, .region = x->auth.region};
    struct str operation, segments[MAX_SEGMENTS];
    const struct value *input;
    const struct control *control = services_control(services);
    if (!control_reads(control, &x->arena, x->auth.service, &x->request, &operation, &input))
        return 0;
    if (control_constraints(control, &x->arena, x->auth.service, operation, input, err))
        return -1;
    size_t n = split_path(&x->arena, x->request.path, segments);
    if (n < 2 || !str_eqz(segments[0], "restapis"))
        return 0;
    if (n < 4 || !str_eqz(segments[2], "resources"))
        return check_within_api(&call, &x->request, segments, n, err);
    struct gateway_place place = {.http = x->request.method,
        .api = segments[1],
        .resource = segments[3],
        .method = n > 5 ? segments[5] : STR_EMPTY,
        .status = n > 7 ? segments[n - 1] : STR_EMPTY,
        .integration = n > 6 && str_eqz(segments[6], "integration")};
    return gateway_check_place(&call, &place, err);
}

static struct gateway_place place_of(const struct service_call *call, const char *http)
{
    return (struct gateway_place){.http = str_z(http),
        .api = value_gets(call->input, "restapi_id"),
        .resource = value_gets(call->input, "resource_id"),
        .method = value_gets(call->input, "http_method"),
        .status = value_gets(call->input, "status_code"),
        .integration = strstr(call->operation->name, "Integration") != NULL};
}

/* Returns the document with only the address parameters of the request added. */
static const struct value *with_address(const struct service_call *call, const struct value *document)
{
    static const char *const names[] = {
        "restapi_id", "resource_id", "http_method", "status_code", "response_type"};
    const struct value *out = document;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        out = value_with(call->arena, out, str_z(names[i]), value_getz(call->input, names[i]));
    return out;
}

/* Replaces empty templates by `as`: they are stored as "" and shown as null. */
static const struct value *with_empty(
    const struct service_call *call, const struct value *document, const struct value *as)
{
    const struct value *templates = value_as_map(value_getz(document, "responseTemplates")), *out = templates;
    for (uint32_t i = 0; i < templates->count; i++)
        if (value_is_empty(templates->entries[i].value))
            out = value_with(call->arena, out, templates->entries[i].key, as);
    return out == templates ? document : value_with(call->arena, document, STR("responseTemplates"), out);
}

static int read_part(const struct service_call *call, const struct value **out, struct err *err)
{
    const struct gateway_place place = place_of(call, "GET");
    const struct value *method, *address = with_address(call, &value_empty_map);
    address = value_with(call->arena, address, STR("status_code"), NULL);
    if (gateway_check_place(call, &place, err) || service_control(call, "GetMethod", address, &method, err))
        return -1;
    const struct value *integration = value_getz(method, "methodIntegration");
    const struct value *responses = place.integration ? value_getz(integration, "integrationResponses")
                                                      : value_getz(method, "methodResponses");
    *out = place.status.n ? value_get(responses, place.status) : integration;
    return 0;
}

static int get_part(struct service_call *call, struct err *err)
{
    const struct value *part;
    if (read_part(call, &part, err))
        return -1;
    call->output = with_empty(call, part, &value_null);
    return 0;
}

static const char *put_name(const struct service_call *call)
{
    const char *name = call->operation->name;
    return strstr(name, "IntegrationResponse") ? "PutIntegrationResponse"
           : strstr(name, "MethodResponse")    ? "PutMethodResponse"
           : strstr(name, "GatewayResponse")   ? "PutGatewayResponse"
                                               : "PutIntegration";
}

/* ---- integrations ---- */

/* Checks the URI: arn:aws:apigateway:REGION:SERVICE:path/… or action/… for AWS, an address for HTTP. */
static int check_uri(struct str type, struct str uri, struct err *err)
{
    bool aws = str_starts(type, STR("AWS"));
    if (!aws && !str_starts(uri, STR("http://")) && !str_starts(uri, STR("https://")) &&
        !str_starts(uri, STR("${")))
        return bad_request(err, "Invalid HTTP endpoint specified for URI");
    if (!aws)
        return 0;
    struct str target = str_part(uri, ':', 5), service = str_part(uri, ':', 4);
    if (!str_starts(uri, STR("arn:")) || !target.n)
        return bad_request(err, "Invalid ARN specified in the request");
    if (!str_starts(target, STR("path/")) && !str_starts(target, STR("action/")))
        return bad_request(err, "AWS ARN for integration must contain path or action");
    bool invokes = str_eqz(service, "lambda")
                       ? str_starts(target, STR("path/2015-03-31/functions/"))
                       : str_eqz(service, "firehose") && str_starts(target, STR("action/"));
    if (str_eqz(type, "AWS_PROXY") && !invokes)
        return bad_request(err, "Integrations of type 'AWS_PROXY' currently only supports Lambda "
                                "function and Firehose stream invocations.");
    return 0;
}

static int check_integration(const struct value *integration, struct err *err)
{
    struct str type = value_gets(integration, "type");
    if (str_eqz(type, "MOCK"))
        return 0;
    if (!value_gets(integration, "httpMethod").n)
        return bad_request(err, "Enumeration value for HttpMethod must be non-empty");
    return check_uri(type, value_gets(integration, "uri"), err);
}

const struct value *gateway_integration(const struct service_call *call, const struct value *integration)
{
    const struct value_entry defaults[] = {{STR("cacheKeyParameters"), &value_empty_list},
        {STR("cacheNamespace"), value_getz(integration, "resource_id")},
        {STR("passthroughBehavior"), value_stringz(call->arena, "WHEN_NO_MATCH")},
        {STR("timeoutInMillis"), value_int(call->arena, 29000)}};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (value_is_null(value_get(integration, defaults[i].key)))
            integration = value_with(call->arena, integration, defaults[i].key, defaults[i].value);
    struct str type = value_gets(integration, "type");
    if (str_eqz(type, "MOCK"))
        integration = value_with(
            call->arena, value_with(call->arena, integration, STR("uri"), NULL), STR("httpMethod"), NULL);
    if (str_starts(type, STR("HTTP")) && value_is_null(value_getz(integration, "connectionType")))
        integration = value_with(
            call->arena, integration, STR("connectionType"), value_stringz(call->arena, "INTERNET"));
    return integration;
}

static int put_document(struct service_call *call, const struct value *document, struct err *err)
{
    const struct value *ignored;
    return service_control(call, put_name(call), with_address(call, document), &ignored, err);
}

/* Puts the integration's responses again: an update keeps them, a replacement does not. */
static int keep_responses(struct service_call *call, const struct value *responses, struct err *err)
{
    for (uint32_t i = 0; responses && i < responses->count; i++) {
        const struct value *ignored, *one = with_address(call, responses->entries[i].value);
        one = value_with(call->arena, one, STR("statusCode"), NULL);
        one = value_with(
            call->arena, one, STR("status_code"), value_string(call->arena, responses->entries[i].key));
        if (service_control(call, "PutIntegrationResponse", one, &ignored, err))
            return -1;
    }
    return 0;
}

static int put_integration(struct service_call *call, struct err *err)
{
    const struct gateway_place place = place_of(call, "PUT");
    const struct value *integration = gateway_integration(call, call->input);
    if (!value_is_null(value_getz(call->input, "integrationTarget")))
        return bad_request(err, "PutIntegration: the sandbox does not know integrationTarget");
    if (gateway_check_place(call, &place, err) || check_integration(integration, err) ||
        put_document(call, integration, err))
        return -1;
    return get_part(call, err);
}

/* ---- responses ---- */

/* Checks that each content type has a slash. */
static int check_types(const struct value *templates, struct err *err)
{
    for (uint32_t i = 0; templates && templates->kind == VALUE_MAP && i < templates->count; i++)
        if (str_find_char(templates->entries[i].key, '/', 0) < 0)
            return bad_request(err,
                "Validation Result: warnings : [], errors : [Invalid content type specified: %.*s]",
                STR_ARG(templates->entries[i].key));
    return 0;
}

static int put_response(struct service_call *call, struct err *err)
{
    const struct gateway_place place = place_of(call, "PUT");
    const struct value *document = with_empty(call, call->input, &value_empty_string);
    if (gateway_check_place(call, &place, err) ||
        check_types(value_getz(document, "responseTemplates"), err) || put_document(call, document, err))
        return -1;
    return get_part(call, err);
}

/* ---- changes ---- */

static int no_entry(struct str member, struct err *err)
{
    return service_refuse(err, 404, "NotFoundException", "%s",
        str_ends(member, STR("Parameters")) ? "Invalid parameter name specified"
                                            : "Content-Type specified was not found");
}

/* Converts the value of a patch operation, always a string, to the member's type. */
static const struct value *typed_value(
    const struct service_call *call, struct str member, const struct value *v)
{
    int64_t number;
    struct str text = value_text(v, STR_EMPTY);
    if (str_eqz(member, "responseParameters") && strstr(call->operation->name, "MethodResponse"))
        return value_bool(str_eqz(text, "true"));
    return str_eqz(member, "timeoutInMillis") && str_to_int(text, &number) ? value_int(call->arena, number)
                                                                           : v;
}

/* Applies one patch operation to a member, a map entry or a list item. */
static int apply_change(const struct service_call *call, const struct value *change,
    const struct value **document, struct err *err)
{
    struct str key, path = value_gets(change, "path"), op = value_gets(change, "op");
    struct str member = str_cut(str_slice(path, 1, path.n), '/', &key);
    const struct value *v = value_getz(change, "value"), *have = value_get(*document, member);
    bool removes = str_eqz(op, "remove");
    key = json_pointer_unescaped(call->arena, key);
    if (!key.n) {
        *document = value_with(call->arena, *document, member, removes ? NULL : typed_value(call, member, v));
        return 0;
    }
    if (str_eqz(member, "cacheKeyParameters")) {
        have = value_list_without(call->arena, have, key);
        if (!removes)
            have = value_list_with(call->arena, have, value_string(call->arena, key));
        *document = value_with(call->arena, *document, member, have);
        return 0;
    }
    if (!str_eqz(op, "add") && !value_get(have, key))
        return no_entry(member, err);
    if (!removes && value_is_empty(v) && strstr(call->operation->name, "GatewayResponse"))
        return bad_request(err, "Invalid null or empty value in %.*s", STR_ARG(member));
    have = value_with(call->arena, value_as_map(have), key, removes ? NULL : typed_value(call, member, v));
    *document = value_with(call->arena, *document, member, have->count ? have : NULL);
    return 0;
}

static int apply_changes(const struct service_call *call, const struct value **document, struct err *err)
{
    const struct value *list = value_as_list(value_getz(call->input, "patchOperations"));
    if (control_patch_check(services_control(call->services), call->arena, str_z(call->operation->service),
            str_z(call->operation->name), list, err))
        return -1;
    for (uint32_t i = 0; i < list->count; i++)
        if (apply_change(call, list->items[i], document, err))
            return -1;
    return 0;
}

static int update_part(struct service_call *call, struct err *err)
{
    const struct value *document;
    if (read_part(call, &document, err) || apply_changes(call, &document, err))
        return -1;
    const struct value *responses = value_getz(document, "integrationResponses");
    document = value_with(call->arena, document, STR("integrationResponses"), NULL);
    document = value_with(call->arena, document, STR("statusCode"), NULL);
    if (put_document(call, document, err) || keep_responses(call, responses, err))
        return -1;
    return get_part(call, err);
}

/* ---- gateway responses ---- */

static const struct {
    const char *type, *status; /* NULL: the status of the response that it is the default for */
} gateway_responses[] = {{"ACCESS_DENIED", "403"}, {"API_CONFIGURATION_ERROR", "500"},
    {"AUTHORIZER_CONFIGURATION_ERROR", "500"}, {"AUTHORIZER_FAILURE", "500"}, {"BAD_REQUEST_BODY", "400"},
    {"BAD_REQUEST_PARAMETERS", "400"}, {"DEFAULT_4XX", NULL}, {"DEFAULT_5XX", NULL}, {"EXPIRED_TOKEN", "403"},
    {"INTEGRATION_FAILURE", "504"}, {"INTEGRATION_TIMEOUT", "504"}, {"INVALID_API_KEY", "403"},
    {"INVALID_SIGNATURE", "403"}, {"MISSING_AUTHENTICATION_TOKEN", "403"}, {"QUOTA_EXCEEDED", "429"},
    {"REQUEST_TOO_LARGE", "413"}, {"RESOURCE_NOT_FOUND", "404"}, {"THROTTLED", "429"},
    {"UNAUTHORIZED", "401"}, {"UNSUPPORTED_MEDIA_TYPE", "415"}, {"WAF_FILTERED", "403"}};
enum { GATEWAY_RESPONSES = sizeof gateway_responses / sizeof *gateway_responses };

static const char *usual_status(struct str type)
{
    for (size_t i = 0; i < GATEWAY_RESPONSES; i++)
        if (str_eqz(type, gateway_responses[i].type))
            return gateway_responses[i].status;
    return NULL;
}

/* Fills in the default status, parameters and template. */
static const struct value *whole_response(
    const struct service_call *call, struct str type, const struct value *given)
{
    const struct value *template = VALUE_MAP(call->arena,
        {STR("application/json"), value_stringz(call->arena, "{\"message\":$context.error.messageString}")});
    const char *status = usual_status(type);
    const struct value_entry defaults[] = {
        {STR("statusCode"), status ? value_stringz(call->arena, status) : NULL},
        {STR("responseParameters"), &value_empty_map}, {STR("responseTemplates"), template}};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        if (value_is_empty(value_get(given, defaults[i].key)))
            given = value_with(call->arena, given, defaults[i].key, defaults[i].value);
    return given;
}

/* Returns the gateway response that was put, or NULL. */
static const struct value *put_one(const struct service_call *call, struct str type)
{
    const struct value *out;
    if (service_control(call, "GetGatewayResponse",
            VALUE_MAP(call->arena, {STR("restapi_id"), value_getz(call->input, "restapi_id")},
                {STR("response_type"), value_string(call->arena, type)}),
            &out, ERR_IGNORED))
        return NULL;
    return whole_response(call, type, out);
}

/* A response that was not put is that of DEFAULT_4XX or DEFAULT_5XX. */
static const struct value *gateway_response(const struct service_call *call, struct str type)
{
    const struct value *own = put_one(call, type);
    if (own)
        return own;
    const char *status = usual_status(type);
    const struct value *common =
        status ? put_one(call, *status == '4' ? STR("DEFAULT_4XX") : STR("DEFAULT_5XX")) : NULL;
    common = value_with(call->arena, common, STR("responseType"), value_string(call->arena, type));
    common = value_with(call->arena, common, STR("defaultResponse"), &value_true);
    return whole_response(call, type, common);
}

static int get_response(struct service_call *call, struct err *err UNUSED)
{
    call->output = gateway_response(call, value_gets(call->input, "response_type"));
    return 0;
}

static int get_responses(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < GATEWAY_RESPONSES; i++)
        value_builder_add(&b, gateway_response(call, str_z(gateway_responses[i].type)));
    return gateway_answer_page(call, value_builder_list(&b), err);
}

static int put_gateway_response(struct service_call *call, struct err *err)
{
    struct str type = value_gets(call->input, "response_type");
    return put_document(call, whole_response(call, type, call->input), err) ? -1 : get_response(call, err);
}

static int update_gateway_response(struct service_call *call, struct err *err)
{
    if (gateway_check_api(call, value_gets(call->input, "restapi_id"), err) || get_response(call, err))
        return -1;
    const struct value *document = call->output;
    if (apply_changes(call, &document, err))
        return -1;
    document = value_with(call->arena, document, STR("responseType"), NULL);
    document = value_with(call->arena, document, STR("defaultResponse"), NULL);
    return put_document(call, document, err) ? -1 : get_response(call, err);
}

/* ---- documentation ---- */

/* Lists the parts that match all given filter parameters. */
static int get_documentation(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    static const char *const names[] = {"type", "path", "name"};
    const struct value *all;
    if (str_eqz(value_gets(call->input, "locationStatus"), "UNDOCUMENTED"))
        return bad_request(err, "GetDocumentationParts: the sandbox does not know what is UNDOCUMENTED");
    if (service_control(call, "GetDocumentationParts",
            value_with(call->arena, NULL, STR("restapi_id"), value_getz(call->input, "restapi_id")), &all,
            err))
        return -1;
    const struct value *items = value_as_list(value_getz(all, "item"));
    for (uint32_t i = 0; i < items->count; i++) {
        const struct value *location = value_getz(items->items[i], "location");
        bool meant = true;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            struct str wanted = value_gets(call->input, names[k]);
            meant = meant && (!wanted.n || str_eq(value_gets(location, names[k]), wanted));
        }
        if (meant)
            value_builder_add(&b, items->items[i]);
    }
    return gateway_answer_page(call, value_builder_list(&b), err);
}

const struct service_operation apigateway_operations[] = {
    {"apigateway", "GetDocumentationParts", get_documentation},
    {"apigateway", "PutIntegration", put_integration},
    {"apigateway", "GetIntegration", get_part},
    {"apigateway", "UpdateIntegration", update_part},
    {"apigateway", "PutIntegrationResponse", put_response},
    {"apigateway", "GetIntegrationResponse", get_part},
    {"apigateway", "UpdateIntegrationResponse", update_part},
    {"apigateway", "PutMethodResponse", put_response},
    {"apigateway", "GetMethodResponse", get_part},
    {"apigateway", "UpdateMethodResponse", update_part},
    {"apigateway", "GetGatewayResponse", get_response},
    {"apigateway", "GetGatewayResponses", get_responses},
    {"apigateway", "PutGatewayResponse", put_gateway_response},
    {"apigateway", "UpdateGatewayResponse", update_gateway_response},
    {0},
};
