/* SAM's HTTP APIs: who may call them, as their documents say it. */
#include "cmd/import/serverless.h"

/* [$request.header.A, $request.querystring.b]; NULL: nothing is said of it. */
static const struct node *identity_sources(struct form *form, const struct node *identity)
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

static void add_authorizer(struct form *form, struct node *schemes, const struct node_entry *entry)
{
    struct macro *macro = form->ctx;
    bool token = node_get(entry->value, "JwtConfiguration");
    struct node *said = nodes_copy(form->arena, entry->value);
    const struct node *sources = identity_sources(form, node_get(said, "Identity"));
    if (sources)
        nodes_set(form->arena, said, STR("sources"), sources);
    struct form inner = {.arena = form->arena, .in = said, .at = said, .make = form->make, .ctx = macro};
    form_text(&inner, "id", macro->id);
    form_text(&inner, "api", macro->id);
    form_text(&inner, "name", entry->key);
    nodes_set(form->arena, schemes, entry->key,
        form_fill(&inner, serverless_form_of_kind(macro, token ? "jwt" : "request")));
    if (!token && serverless_is_yes(node_get(said, "EnableFunctionDefaultPermissions")))
        serverless_put_all(macro, &inner, serverless_form_of_kind(macro, "permission"));
    form_release(&inner);
}

void serverless_http_auth(struct form *form, struct node *body)
{
    struct macro *macro = form->ctx;
    const struct node *all = form_in(form, STR("Auth.Authorizers"));
    bool some = all && all->kind == NODE_MAP,
         iam = serverless_is_yes(form_in(form, STR("Auth.EnableIamAuthorizer")));
    if (!some && !iam)
        return;
    struct node *schemes = serverless_body_part(
        form, serverless_body_part(form, body, STR("components")), STR("securitySchemes"));
    for (uint32_t i = 0; some && i < all->count; i++)
        if (all->entries[i].value->kind == NODE_MAP)
            add_authorizer(form, schemes, &all->entries[i]);
    if (iam)
        nodes_set(
            form->arena, schemes, STR("AWS_IAM"), form_fill(form, serverless_form_of_kind(macro, "iam")));
}
