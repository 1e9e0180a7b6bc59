/* The OpenAPI documents of SAM's APIs. */
#include "cmd/import/serverless.h"

struct str serverless_route_arn(struct arena *arena, struct str method, struct str path)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool any = !method.n || str_ieq(method, STR("any"));
    if (!path.n)
        return STR("$default");
    for (size_t i = 0; i < method.n && !any; i++)
        buf_add_char(&out, (char)(method.p[i] >= 'a' && method.p[i] <= 'z' ? method.p[i] - 32 : method.p[i]));
    if (any)
        buf_add_char(&out, '*');
    for (size_t i = 0; i < path.n; i++) { /* {id} becomes * */
        ptrdiff_t close = path.p[i] == '{' ? str_find_char(path, '}', i) : -1;
        buf_add_char(&out, close < 0 ? path.p[i] : '*');
        i = close < 0 ? i : (size_t)close;
    }
    return arena_str(arena, buf_str(&out));
}

struct str serverless_api_of(struct macro *macro, const struct node *event, bool http)
{
    const struct node *properties = node_get(event, "Properties");
    const struct node *named = properties ? node_get(properties, http ? "ApiId" : "RestApiId") : NULL;
    const struct node *resources = node_get(macro->sam->root, "Resources");
    struct str id = named ? nodes_referred(named) : STR_EMPTY;
    const struct node_entry *api = id.n ? node_find(resources, id) : NULL;
    macro->stage = STR("Prod");
    if (!named)
        return http ? STR("ServerlessHttpApi") : STR("ServerlessRestApi");
    if (!api)
        return STR_EMPTY;
    struct str type = nodes_literal(node_get(api->value, "Type"));
    const struct node *stage = nodes_at(api->value, STR("Properties.StageName"));
    macro->stage = nodes_literal(stage).n ? nodes_literal(stage) : STR("Stage");
    return str_eqz(type, http ? "AWS::Serverless::HttpApi" : "AWS::Serverless::Api") ? id : STR_EMPTY;
}

void serverless_route(struct form *form, const struct node *operation)
{
    struct macro *macro = form->ctx;
    struct serverless *sam = macro->sam;
    bool http = str_eqz(nodes_literal(node_get(macro->event, "Type")), "HttpApi");
    struct str api = serverless_api_of(macro, macro->event, http);
    struct str path = nodes_literal(form_in(form, STR("Path"))),
               method = nodes_literal(form_in(form, STR("Method")));
    if (!api.n) {
        diag_warning(sam->diags, node_span(macro->event),
            "the API that answers this is not in the template: its route is left out");
        return;
    }
    ARENA_GROW(sam->arena, sam->routes, sam->route_count, sam->route_cap);
    struct node *made = nodes_copy(sam->arena, operation);
    if (!path.n)
        nodes_set(sam->arena, made, STR("isDefaultRoute"), nodes_bool(sam->arena, true, form->at));
    sam->routes[sam->route_count++] = (struct serverless_route){.api = api,
        .path = path.n ? path : STR("$default"),
        .method = method,
        .operation = made,
        .condition = node_get(macro->node, "Condition")};
}

/* Returns the parameters in braces of the path. */
const struct node *serverless_parameters(struct form *form)
{
    struct str path = nodes_literal(form_in(form, STR("Path")));
    struct node *list = nodes_new(form->arena, NODE_LIST, form->at);
    for (size_t i = 0; i < path.n; i++) {
        ptrdiff_t close = path.p[i] == '{' ? str_find_char(path, '}', i) : -1;
        if (close < 0)
            continue;
        struct str name = str_slice(path, i + 1, (size_t)close);
        nodes_add(form->arena, list,
            NODES_MAP(form->arena, form->at, {"name", nodes_text(form->arena, name, form->at)},
                {"in", nodes_text(form->arena, STR("path"), form->at)},
                {"required", nodes_bool(form->arena, true, form->at)}));
    }
    return list->count ? list : NULL;
}

/* Returns the `Auth` of the event's API. */
static const struct node *auth_of(struct macro *macro, bool http)
{
    struct str api = serverless_api_of(macro, macro->event, http);
    const struct node_entry *found = api.n ? node_find(node_get(macro->sam->root, "Resources"), api) : NULL;
    const struct node *auth = found ? nodes_at(found->value, STR("Properties.Auth")) : NULL;
    if (auth || !macro->sam->globals)
        return auth;
    return nodes_at(macro->sam->globals, http ? STR("HttpApi.Auth") : STR("Api.Auth"));
}

const struct node *serverless_caller(struct form *form)
{
    return serverless_rest_caller(form, auth_of(form->ctx, false));
}

/* Returns the security of the event, or of the API. */
const struct node *serverless_security(struct form *form)
{
    struct macro *macro = form->ctx;
    bool http = str_eqz(nodes_literal(node_get(macro->event, "Type")), "HttpApi");
    const struct node *auth = auth_of(macro, http);
    if (!http)
        return serverless_rest_security(form, auth);
    struct str name = nodes_literal(form_in(form, STR("Auth.Authorizer")));
    const struct node *scopes = form_in(form, STR("Auth.AuthorizationScopes"));
    name = name.n || !auth ? name : nodes_literal(node_get(auth, "DefaultAuthorizer"));
    if (!name.n)
        return NULL;
    if (!scopes && auth && !str_eqz(name, "NONE") && node_get(auth, "Authorizers"))
        scopes = nodes_at(node_get(auth, "Authorizers"),
            arena_printf(form->arena, "%.*s.AuthorizationScopes", STR_ARG(name)));
    return NODES_LIST(form->arena, form->at, serverless_requirement(form, name, scopes));
}

/* ---- the document ---- */

static void set_text(struct form *form, struct node *map, const char *key, const char *text)
{
    nodes_set(form->arena, map, str_z(key), nodes_text(form->arena, str_z(text), form->at));
}

struct node *serverless_body_part(struct form *form, struct node *map, struct str key)
{
    const struct node_entry *existing = node_find(map, key);
    struct node *below = existing && existing->value->kind == NODE_MAP
                             ? nodes_copy(form->arena, existing->value)
                             : nodes_new(form->arena, NODE_MAP, form->at);
    nodes_set(form->arena, map, key, below);
    return below;
}

/* Returns the route's key in its path. */
static struct str route_key(struct form *form, const struct serverless_route *route)
{
    struct str method = arena_lower(form->arena, route->method);
    return !method.n || str_eqz(method, "any") ? STR("x-amazon-apigateway-any-method") : method;
}

static void add_routes(struct form *form, struct node *body)
{
    const struct macro *macro = form->ctx;
    struct node *paths = serverless_body_part(form, body, STR("paths"));
    for (size_t i = 0; i < macro->sam->route_count; i++) {
        const struct serverless_route *route = &macro->sam->routes[i];
        if (!str_eq(route->api, macro->id))
            continue;
        struct node *path = serverless_body_part(form, paths, route->path);
        nodes_set(form->arena, path, route_key(form, route), route->operation);
    }
}

/* Returns whether the operation is of a resource with this condition; preflight requests are of any. */
static bool is_conditional(struct form *form, const struct serverless_route *like, struct str key)
{
    const struct serverless *sam = ((const struct macro *)form->ctx)->sam;
    for (size_t i = 0; i < sam->route_count; i++) {
        const struct serverless_route *route = &sam->routes[i];
        if (str_eq(route->api, like->api) && str_eq(route->path, like->path) &&
            str_eq(route_key(form, route), key))
            return route->condition && nodes_same(route->condition, like->condition);
    }
    return str_eqz(key, "options");
}

static const struct node *only_if(struct form *form, const struct node *condition, const struct node *value)
{
    const struct node *nothing = nodes_call(form->arena, "Ref", STR("AWS::NoValue"), form->at);
    return NODES_MAP(
        form->arena, form->at, {"Fn::If", NODES_LIST(form->arena, form->at, condition, value, nothing)});
}

/* Operations of a resource with a condition are there if it is, and so is a path that has no others. */
static void add_conditions(struct form *form, struct node *body)
{
    const struct macro *macro = form->ctx;
    const struct node *own = node_get(macro->node, "Condition");
    struct node *paths = serverless_body_part(form, body, STR("paths"));
    for (size_t i = 0; i < macro->sam->route_count; i++) {
        const struct serverless_route *route = &macro->sam->routes[i];
        bool conditional = route->condition && !(own && nodes_same(own, route->condition));
        if (!conditional || !str_eq(route->api, macro->id) ||
            nodes_is_function(node_find(paths, route->path)->value))
            continue;
        struct node *path = serverless_body_part(form, paths, route->path);
        bool all = true;
        for (uint32_t k = 0; k < path->count; k++)
            all = all && is_conditional(form, route, path->entries[k].key);
        if (all)
            nodes_set(form->arena, paths, route->path, only_if(form, route->condition, path));
        else
            nodes_set(form->arena, path, route_key(form, route),
                only_if(form, route->condition, node_get(path, route_key(form, route).p)));
    }
}

struct node *serverless_small_keys(struct form *form, const struct node *given)
{
    struct node *made = nodes_new(form->arena, NODE_MAP, given ? given : form->at);
    for (uint32_t i = 0; given && given->kind == NODE_MAP && i < given->count; i++) {
        char *key = arena_strz(form->arena, given->entries[i].key);
        *key = (char)(*key >= 'A' && *key <= 'Z' ? *key + 32 : *key);
        nodes_set(form->arena, made, str_z(key), given->entries[i].value);
    }
    return made;
}

/* Adds {AllowOrigins: […]} in the document's form; `true` and a string are origins. */
static void add_cors(struct form *form, struct node *body)
{
    const struct node *cors = form_in(form, STR("CorsConfiguration"));
    if (!cors || (cors->kind == NODE_BOOL && !cors->boolean))
        return;
    struct node *made = serverless_small_keys(form, cors);
    if (cors->kind != NODE_MAP) {
        const struct node *origin =
            cors->kind == NODE_STRING ? cors : nodes_text(form->arena, STR("*"), cors);
        nodes_set(form->arena, made, STR("allowOrigins"), NODES_LIST(form->arena, cors, origin));
    }
    nodes_set(form->arena, body, STR("x-amazon-apigateway-cors"), made);
}

static void add_info(struct form *form, struct node *body, bool http)
{
    const struct node *name = http ? form_in(form, STR("Name")) : NULL,
                      *words = http ? form_in(form, STR("Description")) : NULL;
    struct node *info = serverless_body_part(form, body, STR("info"));
    set_text(form, info, "version", "1.0");
    nodes_set(form->arena, info, STR("title"),
        name ? name : nodes_call(form->arena, "Ref", STR("AWS::StackName"), form->at));
    if (words)
        nodes_set(form->arena, info, STR("description"), words);
}

const struct node *serverless_body(struct form *form)
{
    struct macro *macro = form->ctx;
    const struct node *given = form_in(form, STR("DefinitionBody")),
                      *place = form_in(form, STR("DefinitionUri"));
    bool http = str_ends(macro->type, STR("HttpApi"));
    struct str version = nodes_literal(form_in(form, STR("OpenApiVersion")));
    if (place)
        diag_error(macro->sam->diags, node_span(place),
            "an API's document that is stored elsewhere is not supported; `DefinitionBody` can");
    if (given && (given->kind != NODE_MAP || nodes_is_function(given)))
        return given;
    struct node *body = given ? nodes_copy(form->arena, given) : nodes_new(form->arena, NODE_MAP, form->at);
    if (!given) {
        set_text(form, body, http || version.n ? "openapi" : "swagger",
            version.n ? arena_strz(form->arena, version)
            : http    ? "3.0.1"
                      : "2.0");
        add_info(form, body, http);
    }
    add_routes(form, body);
    if (http) {
        add_cors(form, body);
        serverless_http_auth(form, body);
    } else {
        serverless_rest_auth(form, body);
        serverless_rest_cors(form, body);
    }
    add_conditions(form, body);
    return body;
}
