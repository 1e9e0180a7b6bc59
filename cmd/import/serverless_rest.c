/*
 * SAM's REST and HTTP APIs (authorizers, keys, CORS in their documents), and the events of functions.
 */
#include "cmd/import/serverless.h"

/* ---- authorization of HTTP APIs in their documents ---- */

/* Returns [$request.header.A, $request.querystring.b]; NULL: not configured. */
static const struct node *http_identity_sources(struct form *form, const struct node *identity)
{
    static const char *const parts[][2] = {{"Headers", "$request.header."},
        {"QueryStrings", "$request.querystring."}, {"StageVariables", "$stageVariables."},
        {"Context", "$context."}};
    struct node *sources = identity ? nodes_new(form->arena, NODE_LIST, identity) : NULL;
    for (size_t i = 0; identity && i < sizeof parts / sizeof *parts; i++) {
        const struct node *list = node_get(identity, parts[i][0]);
        for (uint32_t k = 0; list && list->kind == NODE_LIST && k < list->count; k++)
            nodes_add(form->arena, sources,
                nodes_text(form->arena,
                    arena_printf(form->arena, "%s%.*s", parts[i][1], STR_ARG(nodes_literal(list->items[k]))),
                    list->items[k]));
    }
    return sources;
}

/* Returns whether it is configured and true. */
static bool is_yes(const struct node *node)
{
    return node && (node->kind == NODE_BOOL ? node->boolean : str_eqz(nodes_literal(node), "true"));
}

/* ---- the document ---- */

/* Returns the form for this kind of authorizer. */
static const struct node *form_of_kind(const struct macro *macro, const char *kind)
{
    return node_get(node_get(node_find(macro->sam->types, macro->type)->value, "<authorizer>"), kind);
}

/* Returns a form with the authorizer's settings. */
static struct form authorizer_form(struct form *form, struct node *settings, struct str name)
{
    struct macro *macro = form->ctx;
    struct form inner = {
        .arena = form->arena, .in = settings, .at = settings, .make = form->make, .ctx = macro};
    form_text(&inner, "id", macro->id);
    form_text(&inner, "api", macro->id);
    form_text(&inner, "name", name);
    return inner;
}

static void add_http_authorizer(struct form *form, struct node *schemes, const struct node_entry *entry)
{
    struct macro *macro = form->ctx;
    bool token = node_get(entry->value, "JwtConfiguration");
    struct node *settings = nodes_copy(form->arena, entry->value);
    const struct node *sources = http_identity_sources(form, node_get(settings, "Identity"));
    if (sources)
        nodes_set(form->arena, settings, STR("sources"), sources);
    struct form inner = authorizer_form(form, settings, entry->key);
    nodes_set(
        form->arena, schemes, entry->key, form_fill(&inner, form_of_kind(macro, token ? "jwt" : "request")));
    if (!token && is_yes(node_get(settings, "EnableFunctionDefaultPermissions")))
        serverless_put_all(macro, &inner, form_of_kind(macro, "permission"));
    form_release(&inner);
}

void serverless_http_auth(struct form *form, struct node *body)
{
    struct macro *macro = form->ctx;
    const struct node *all = form_in(form, STR("Auth.Authorizers"));
    bool some = all && all->kind == NODE_MAP, iam = is_yes(form_in(form, STR("Auth.EnableIamAuthorizer")));
    if (!some && !iam)
        return;
    struct node *schemes = serverless_body_part(
        form, serverless_body_part(form, body, STR("components")), STR("securitySchemes"));
    for (uint32_t i = 0; some && i < all->count; i++)
        if (all->entries[i].value->kind == NODE_MAP)
            add_http_authorizer(form, schemes, &all->entries[i]);
    if (iam)
        nodes_set(form->arena, schemes, STR("AWS_IAM"), form_fill(form, form_of_kind(macro, "iam")));
}

/* ---- events of SAM's functions and state machines: each event has a form ---- */

static void add_notices(struct macro *macro, struct form *form, const struct node *event_form)
{
    struct serverless *sam = macro->sam;
    const struct node *bucket = form_fill(form, node_get(event_form, "bucket"));
    const struct node *events = form_in(form, STR("Events"));
    struct str name = bucket ? nodes_referred(bucket) : STR_EMPTY;
    if (!name.n || !node_find(node_get(sam->root, "Resources"), name) || !events) {
        diag_error(sam->diags, node_span(macro->event),
            "an event of S3 has the `Events` of a `Bucket` of this template");
        return;
    }
    for (uint32_t i = 0; i < (events->kind == NODE_LIST ? events->count : 1); i++) {
        struct node *one = nodes_copy(sam->arena, form_fill(form, node_get(event_form, "notice")));
        nodes_set(sam->arena, one, STR("Event"), events->kind == NODE_LIST ? events->items[i] : events);
        ARENA_GROW(sam->arena, sam->notices, sam->notice_count, sam->notice_cap);
        struct str id =
            nodes_literal(form_fill(form, nodes_text(sam->arena, STR("<id>Permission"), form->at)));
        sam->notices[sam->notice_count++] = (struct serverless_notice){name, id, one};
    }
}

void serverless_add_needs(struct macro *macro, struct form *form, const struct node *from)
{
    struct node *into[] = {macro->managed, macro->role_policies};
    static const char *const names[] = {"managed", "policies"};
    for (size_t k = 0; k < 2; k++) {
        const struct node *list = from ? node_get(from, names[k]) : NULL;
        const struct node *filled = list ? form_fill(form, list) : NULL;
        for (uint32_t i = 0; filled && i < filled->count; i++) {
            bool found = false;
            for (uint32_t j = 0; j < into[k]->count; j++)
                found = found || nodes_same(into[k]->items[j], filled->items[i]);
            if (!found)
                nodes_add(macro->sam->arena, into[k], filled->items[i]);
        }
    }
}

static void texts_of_event(struct macro *macro, struct form *form, const struct node_entry *event, bool http)
{
    struct serverless *sam = macro->sam;
    struct str id = arena_printf(sam->arena, "%.*s%.*s", STR_ARG(macro->id), STR_ARG(event->key));
    struct str queue = nodes_literal(form_in(form, STR("DeadLetterConfig.QueueLogicalId")));
    struct str method = nodes_literal(form_in(form, STR("Method"))),
               path = nodes_literal(form_in(form, STR("Path")));
    struct str api = serverless_api_of(macro, event->value, http);
    form_text(form, "id", id);
    form_text(form, "queue", queue.n ? queue : arena_printf(sam->arena, "%.*sQueue", STR_ARG(id)));
    form_text(form, "group",
        str_eqz(nodes_literal(node_get(event->value, "Type")), "MSK")
            ? STR("AmazonManagedKafkaEventSourceConfig")
            : STR("SelfManagedKafkaEventSourceConfig"));
    form_text(form, "api", api.n ? api : STR("ApiId"));
    form_text(form, "stage", macro->stage);
    form_text(form, "route", serverless_route_arn(sam->arena, method, path));
    form_text(form, "invoked",
        macro->alias.n ? macro->alias : arena_printf(sam->arena, "%.*s.Arn", STR_ARG(macro->id)));
}

static void tell_event(struct macro *macro, const struct node *type, const struct node *known)
{
    struct str *names = ARENA_ARRAY(macro->sam->arena, struct str, known ? known->count + 1 : 1);
    for (uint32_t i = 0; known && i < known->count; i++)
        names[i] = known->entries[i].key;
    struct diag *d = diag_warning(macro->sam->diags, node_span(type ? type : macro->node),
        "events of type \"%.*s\" have no equivalent, and are left out", STR_ARG(nodes_literal(type)));
    diag_did_you_mean(macro->sam->diags, d, nodes_literal(type), names, known ? known->count : 0);
}

void serverless_event(struct macro *macro, const struct node_entry *event)
{
    static const char *const known[] = {"Method", "Path", "ApiId", "RestApiId", "Events", "Auth", "Enabled",
        "Cluster", "Queue", "Stream", "Broker", "PayloadFormatVersion", "TimeoutInMillis", "Target",
        "DeadLetterConfig", "OmitName", "Name", "PermissionsBoundary", NULL};
    const struct node *type = node_get(event->value, "Type");
    const struct node_entry *of = node_find(macro->sam->events, macro->type);
    const struct node_entry *found = of ? node_find(of->value, nodes_literal(type)) : NULL;
    struct form form;
    if (!found) {
        tell_event(macro, type, of ? of->value : NULL);
        return;
    }
    const struct node *properties = node_get(event->value, "Properties");
    macro->event = event->value;
    serverless_form(macro, properties, type, &form);
    bool http = str_eqz(type->string, "HttpApi");
    serverless_mark_used(&form, known);
    texts_of_event(macro, &form, event, http);
    serverless_put_all(macro, &form, node_get(found->value, "resources"));
    serverless_add_needs(macro, &form, found->value);
    if (node_get(found->value, "bucket"))
        add_notices(macro, &form, found->value);
    if (node_get(found->value, "route"))
        serverless_route(&form, form_fill(&form, node_get(found->value, "route")));
    serverless_warn_unused(macro, &form, properties);
    form_release(&form);
    macro->event = NULL;
}

struct node *serverless_requirement(struct form *form, struct str name, const struct node *scopes)
{
    struct node *one = nodes_new(form->arena, NODE_MAP, form->at);
    nodes_set(form->arena, one, name, scopes ? scopes : nodes_new(form->arena, NODE_LIST, form->at));
    return one;
}

const struct node *serverless_rest_security(struct form *form, const struct node *auth)
{
    struct node *list = nodes_new(form->arena, NODE_LIST, form->at);
    const struct node *scopes = form_in(form, STR("Auth.AuthorizationScopes")),
                      *key = form_in(form, STR("Auth.ApiKeyRequired"));
    struct str name = nodes_literal(form_in(form, STR("Auth.Authorizer")));
    name = name.n || !auth ? name : nodes_literal(node_get(auth, "DefaultAuthorizer"));
    key = key || !auth ? key : node_get(auth, "ApiKeyRequired");
    if (is_yes(key))
        nodes_add(form->arena, list, serverless_requirement(form, STR("api_key"), NULL));
    if (name.n)
        nodes_add(form->arena, list, serverless_requirement(form, name, scopes));
    return list->count ? list : NULL;
}

const struct node *serverless_rest_caller(struct form *form, const struct node *auth)
{
    const struct node *role = form_in(form, STR("Auth.InvokeRole"));
    struct str name = nodes_literal(form_in(form, STR("Auth.Authorizer"))), credentials;
    name = name.n || !auth ? name : nodes_literal(node_get(auth, "DefaultAuthorizer"));
    role = role || !auth ? role : node_get(auth, "InvokeRole");
    credentials = role ? nodes_literal(role) : STR("CALLER_CREDENTIALS");
    if (!str_eqz(name, "AWS_IAM") || str_eqz(credentials, "NONE"))
        return NULL;
    return str_eqz(credentials, "CALLER_CREDENTIALS")
               ? nodes_text(form->arena, STR("arn:aws:iam::*:user/*"), form->at)
               : role;
}

/* Returns whether a route of this API uses the security scheme. */
static bool is_demanded(const struct macro *macro, const char *name)
{
    for (size_t i = 0; i < macro->sam->route_count; i++) {
        const struct serverless_route *route = &macro->sam->routes[i];
        const struct node *list =
            str_eq(route->api, macro->id) ? node_get(route->operation, "security") : NULL;
        for (uint32_t k = 0; list && list->kind == NODE_LIST && k < list->count; k++)
            if (node_get(list->items[k], name))
                return true;
    }
    return false;
}

/* Returns method.request.header.A, method.request.querystring.b. */
static const struct node *identity_sources(struct form *form, const struct node *authorizer)
{
    static const char *const parts[][2] = {{"Headers", "header"}, {"QueryStrings", "querystring"},
        {"StageVariables", "stageVariables"}, {"Context", "context"}};
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct node *identity = node_get(authorizer, "Identity"),
                          *list = identity ? node_get(identity, parts[i][0]) : NULL;
        for (uint32_t k = 0; list && list->kind == NODE_LIST && k < list->count; k++)
            buf_addf(&out, "%s%s%s.%.*s", out.n ? ", " : "", i < 2 ? "method.request." : "", parts[i][1],
                STR_ARG(nodes_literal(list->items[k])));
    }
    return out.n ? nodes_text(form->arena, arena_str(form->arena, buf_str(&out)), authorizer) : NULL;
}

static const struct node *as_list(struct form *form, const struct node *node)
{
    if (!node || (node->kind == NODE_LIST && !nodes_is_function(node)))
        return node;
    return NODES_LIST(form->arena, node, node);
}

static void add_authorizer(struct form *form, struct node *schemes, const struct node_entry *entry)
{
    struct macro *macro = form->ctx;
    const struct node *pool = node_get(entry->value, "UserPoolArn"), *kind;
    bool request = str_eqz(nodes_literal(node_get(entry->value, "FunctionPayloadType")), "REQUEST");
    struct node *settings = nodes_copy(form->arena, entry->value);
    if (pool)
        nodes_set(form->arena, settings, STR("pools"), as_list(form, pool));
    if (identity_sources(form, settings))
        nodes_set(form->arena, settings, STR("sources"), identity_sources(form, settings));
    struct form inner = authorizer_form(form, settings, entry->key);
    kind = form_of_kind(macro, pool ? "pool" : request ? "request" : "token");
    nodes_set(form->arena, schemes, entry->key, form_fill(&inner, kind));
    if (!pool && !node_get(settings, "FunctionInvokeRole"))
        serverless_put_all(macro, &inner, form_of_kind(macro, "permission"));
    form_release(&inner);
}

void serverless_rest_auth(struct form *form, struct node *body)
{
    struct macro *macro = form->ctx;
    const struct node *all = form_in(form, STR("Auth.Authorizers"));
    bool iam = is_demanded(macro, "AWS_IAM"), key = is_demanded(macro, "api_key");
    if ((!all || all->kind != NODE_MAP) && !iam && !key)
        return;
    struct node *around =
        node_get(body, "swagger") ? body : serverless_body_part(form, body, STR("components"));
    struct node *schemes = serverless_body_part(
        form, around, node_get(body, "swagger") ? STR("securityDefinitions") : STR("securitySchemes"));
    for (uint32_t i = 0; all && all->kind == NODE_MAP && i < all->count; i++)
        if (all->entries[i].value->kind == NODE_MAP)
            add_authorizer(form, schemes, &all->entries[i]);
    if (iam)
        nodes_set(form->arena, schemes, STR("AWS_IAM"), form_fill(form, form_of_kind(macro, "iam")));
    if (key)
        nodes_set(form->arena, schemes, STR("api_key"), form_fill(form, form_of_kind(macro, "key")));
}

/* ---- CORS preflight ---- */

/* Returns 'GET,OPTIONS,POST': the methods of the path, and OPTIONS. */
static const struct node *path_methods(struct form *form, const struct node *path)
{
    static const char *const methods[] = {"delete", "get", "head", "options", "patch", "post", "put"};
    AUTO_BUF struct buf out = BUF_INIT;
    bool any = node_get(path, "x-amazon-apigateway-any-method");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (!any && strcmp(methods[i], "options") != 0 && !node_get(path, methods[i]))
            continue;
        buf_add_str(&out, out.n ? STR(",") : STR("'"));
        for (const char *p = methods[i]; *p; p++)
            buf_add_char(&out, (char)(*p - 32));
    }
    buf_add_char(&out, '\'');
    return nodes_text(form->arena, arena_str(form->arena, buf_str(&out)), path);
}

/* Returns the security of preflight requests: the API's default, unless it excludes them. */
static const struct node *first_security(struct form *form)
{
    const struct node *keyless = form_in(form, STR("Auth.AddApiKeyRequiredToCorsPreflight")),
                      *open = form_in(form, STR("Auth.AddDefaultAuthorizerToCorsPreflight"));
    struct str name = nodes_literal(form_in(form, STR("Auth.DefaultAuthorizer")));
    struct node *list = nodes_new(form->arena, NODE_LIST, form->at);
    if (is_yes(form_in(form, STR("Auth.ApiKeyRequired"))) && (!keyless || is_yes(keyless)))
        nodes_add(form->arena, list, serverless_requirement(form, STR("api_key"), NULL));
    if (name.n && (!open || is_yes(open)))
        nodes_add(form->arena, list, serverless_requirement(form, name, NULL));
    return list->count ? list : NULL;
}

void serverless_rest_cors(struct form *form, struct node *body)
{
    struct macro *macro = form->ctx;
    const struct node *cors = form_in(form, STR("Cors")), *security = first_security(form),
                      *paths = node_get(body, "paths");
    if (!cors || !paths || paths->kind != NODE_MAP)
        return;
    struct node *answered = serverless_body_part(form, body, STR("paths"));
    for (uint32_t i = 0; i < paths->count; i++) {
        struct node *path = serverless_body_part(form, answered, paths->entries[i].key);
        bool plain = cors->kind != NODE_MAP || nodes_is_function(cors);
        struct node *settings =
            plain ? nodes_new(form->arena, NODE_MAP, cors) : nodes_copy(form->arena, cors);
        if (node_get(path, "options"))
            continue;
        if (plain)
            nodes_set(form->arena, settings, STR("AllowOrigin"), cors);
        if (!node_get(settings, "AllowMethods"))
            nodes_set(form->arena, settings, STR("AllowMethods"), path_methods(form, path));
        if (security)
            nodes_set(form->arena, settings, STR("security"), security);
        struct form inner = {
            .arena = form->arena, .in = settings, .at = cors, .make = form->make, .ctx = macro};
        nodes_set(form->arena, path, STR("options"), form_fill(&inner, form_of_kind(macro, "cors")));
        form_release(&inner);
    }
}
