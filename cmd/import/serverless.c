/* Expands SAM's resource types, by filling in forms: see serverless.h. */
#include "cmd/import/serverless.h"

#include "base/embed.h"

/* ---- filling in forms ---- */

void form_release(struct form *form)
{
    map_release(&form->texts);
    map_release(&form->used);
}

void form_text(struct form *form, const char *name, struct str text)
{
    struct str *boxed = arena_boxed(form->arena, arena_str(form->arena, text));
    map_set(&form->texts, str_z(name), boxed);
}

static const struct node_entry *entry_of(struct form *form, struct str path)
{
    struct str rest, name = str_cut(path, '.', &rest);
    const struct node_entry *entry = form->in ? node_find(form->in, name) : NULL;
    map_set(&form->used, name, form);
    while (entry && rest.p && rest.n)
        entry = node_find(entry->value, str_cut(rest, '.', &rest));
    return entry;
}

const struct node *form_in(struct form *form, struct str path)
{
    const struct node_entry *entry = entry_of(form, path);
    return entry ? entry->value : NULL;
}

/* Replaces names such as <id> in "<id>Role" by the caller's texts. */
static struct str with_texts(struct form *form, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < text.n; i++) {
        ptrdiff_t close = text.p[i] == '<' ? str_find_char(text, '>', i) : -1;
        const struct str *known =
            close < 0 ? NULL : map_get(&form->texts, str_slice(text, i + 1, (size_t)close));
        if (!known) {
            buf_add_char(&out, text.p[i]);
            continue;
        }
        buf_add_str(&out, *known);
        i = (size_t)close;
    }
    return arena_str(form->arena, buf_str(&out));
}

/* ---- tags of forms ---- */

static const struct node *given_at(struct form *form, const struct node *argument)
{
    return form_in(form, with_texts(form, argument->string));
}

static const struct node *item_of(struct form *form, const struct node *list, uint32_t i)
{
    return i < list->count ? form_fill(form, list->items[i]) : NULL;
}

static const struct node *first_there(struct form *form, const struct node *argument)
{
    const struct node *found = NULL;
    for (uint32_t i = 0; !found && i < argument->count; i++)
        found = form_fill(form, argument->items[i]);
    return found;
}

static const struct node *where_there(struct form *form, const struct node *argument)
{
    const struct node *given = given_at(form, argument->items[0]);
    bool no = !given || (given->kind == NODE_BOOL && !given->boolean) || given->kind == NODE_NULL;
    return item_of(form, argument, no ? 2 : 1);
}

static bool is_so(struct form *form, const struct node *given, struct str text)
{
    const struct value *v = given ? node_value(form->arena, given) : NULL;
    return v && v->kind != VALUE_MAP && v->kind != VALUE_LIST &&
           str_ieq(value_scalar_text(form->arena, v), text);
}

static const struct node *where_so(struct form *form, const struct node *argument)
{
    bool is = is_so(form, given_at(form, argument->items[0]), argument->items[1]->string);
    return item_of(form, argument, is ? 2 : 3);
}

/* Converts !sub to Fn::Sub with a map of the names that are properties. */
static const struct node *substitution(struct form *form, const struct node *argument)
{
    struct str text = with_texts(form, argument->string);
    struct node *known = nodes_new(form->arena, NODE_MAP, form->at);
    for (ptrdiff_t open = str_find(text, STR("${"), 0); open >= 0;
         open = str_find(text, STR("${"), (size_t)open + 2)) {
        ptrdiff_t close = str_find_char(text, '}', (size_t)open);
        struct str name = str_slice(text, (size_t)open + 2, (size_t)close);
        const struct node *value = form->in && node_find(form->in, name) ? form_in(form, name) : NULL;
        if (value)
            nodes_set(form->arena, known, name, value);
    }
    const struct node *plain = nodes_text(form->arena, text, form->at);
    return NODES_MAP(form->arena, form->at,
        {"Fn::Sub", known->count ? NODES_LIST(form->arena, form->at, plain, known) : plain});
}

static const struct node *fill_gap(struct form *form, struct str which, const struct node *argument, bool *is)
{
    *is = true;
    if (str_eqz(which, "!in"))
        return given_at(form, argument);
    if (str_eqz(which, "!first"))
        return first_there(form, argument);
    if (str_eqz(which, "!if"))
        return where_there(form, argument);
    if (str_eqz(which, "!is"))
        return where_so(form, argument);
    if (str_eqz(which, "!sub"))
        return substitution(form, argument);
    if (str_eqz(which, "!made"))
        return form->make(form, argument->string);
    *is = false;
    return NULL;
}

/* ---- maps and lists of forms ---- */

static void take_all(struct form *form, struct node *map, const struct node *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        const struct node_entry *entry = entry_of(form, names->items[i]->string);
        if (entry)
            nodes_set_entry(form->arena, map, entry);
    }
}

/* Keeps the comment of a property that is only renamed. */
static void set_filled(
    struct form *form, struct node *map, struct str key, const struct node *data, const struct node *value)
{
    const struct node *path = node_get(data, "!in");
    const struct node_entry *entry = path ? entry_of(form, path->string) : NULL;
    if (!entry) {
        nodes_set(form->arena, map, key, value);
        return;
    }
    struct node_entry renamed = *entry;
    renamed.key = key;
    nodes_set_entry(form->arena, map, &renamed);
}

static const struct node *fill_map(struct form *form, const struct node *data)
{
    struct node *map = nodes_new(form->arena, NODE_MAP, form->at);
    for (uint32_t i = 0; i < data->count; i++) {
        if (str_eqz(data->entries[i].key, "<take>")) {
            take_all(form, map, data->entries[i].value);
            continue;
        }
        const struct node *value = form_fill(form, data->entries[i].value);
        if (value)
            set_filled(form, map, with_texts(form, data->entries[i].key), data->entries[i].value, value);
    }
    return map;
}

const struct node *form_fill(struct form *form, const struct node *data)
{
    bool is = false;
    const struct node *filled = data->kind == NODE_MAP && data->count == 1
                                    ? fill_gap(form, data->entries[0].key, data->entries[0].value, &is)
                                    : NULL;
    if (is)
        return filled;
    if (data->kind == NODE_MAP)
        return fill_map(form, data);
    if (data->kind == NODE_STRING)
        return nodes_text(form->arena, with_texts(form, data->string), form->at);
    struct node *copy = nodes_new(form->arena, (enum node_kind)data->kind, form->at);
    if (data->kind == NODE_BOOL)
        copy->boolean = data->boolean;
    else if (data->kind == NODE_INT)
        copy->integer = data->integer;
    else if (data->kind == NODE_FLOAT)
        copy->number = data->number;
    for (uint32_t i = 0; data->kind == NODE_LIST && i < data->count; i++) {
        const struct node *item = form_fill(form, data->items[i]);
        if (item)
            nodes_add(form->arena, copy, item);
    }
    return copy;
}

static const char TRANSFORM[] = "AWS::Serverless-2016-10-31";

bool serverless_is(const struct node *root)
{
    const struct node *macros = node_get(root, "Transform");
    for (uint32_t i = 0; macros && macros->kind == NODE_LIST && i < macros->count; i++)
        if (str_eqz(nodes_literal(macros->items[i]), TRANSFORM))
            return true;
    return macros && str_eqz(nodes_literal(macros), TRANSFORM);
}

/* ---- the forms ---- */

static const struct node *read_forms(struct serverless *sam, const char *name)
{
    struct str path = arena_printf(sam->arena, "cmd/import/serverless/%s.yaml", name);
    struct source *source =
        ARENA_MAKE(sam->arena, struct source, .path = path, .text = embedded_text(embedded_find(path)));
    return yaml_parse_tagged(sam->arena, source, sam->diags);
}

void serverless_form(struct macro *macro, const struct node *in, const struct node *at, struct form *form)
{
    *form =
        (struct form){.arena = macro->sam->arena, .in = in, .at = at, .make = serverless_make, .ctx = macro};
    form_text(form, "alias", macro->alias);
}

/* Reports properties that no form used. */
void serverless_warn_unused(struct macro *macro, struct form *form, const struct node *properties)
{
    for (uint32_t i = 0; properties && properties->kind == NODE_MAP && i < properties->count; i++)
        if (!map_get(&form->used, properties->entries[i].key))
            diag_warning(macro->sam->diags, node_key_span(&properties->entries[i]),
                "`%.*s` of %.*s has no equivalent in a stack, and is left out",
                STR_ARG(properties->entries[i].key), STR_ARG(macro->event ? macro->id : macro->type));
}

void serverless_mark_used(struct form *form, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        form_in(form, str_z(names[i]));
}

/* ---- globals ---- */

/* Merges maps, concatenates lists; otherwise the resource's own value applies. */
static const struct node *globals_merged(
    struct arena *arena, const struct node *global, const struct node *own)
{
    bool functions = nodes_is_function(global) || nodes_is_function(own);
    if (global->kind != own->kind || functions || (own->kind != NODE_MAP && own->kind != NODE_LIST))
        return own;
    struct node *both = nodes_copy(arena, global);
    for (uint32_t i = 0; own->kind == NODE_LIST && i < own->count; i++)
        nodes_add(arena, both, own->items[i]);
    for (uint32_t i = 0; own->kind == NODE_MAP && i < own->count; i++) {
        const struct node_entry *entry = &own->entries[i], *given = node_find(global, entry->key);
        nodes_put(
            arena, both, entry, given ? globals_merged(arena, given->value, entry->value) : entry->value);
    }
    return both;
}

/* Returns the resource's properties merged with the globals of its type. */
static const struct node *with_globals(struct serverless *sam, const struct node *node, struct str type)
{
    struct str kind = str_slice(type, strlen("AWS::Serverless::"), type.n);
    const struct node *own = node_get(node, "Properties");
    const struct node_entry *global = sam->globals ? node_find(sam->globals, kind) : NULL;
    own = own && own->kind == NODE_MAP ? own : nodes_new(sam->arena, NODE_MAP, node);
    return global && global->value->kind == NODE_MAP ? globals_merged(sam->arena, global->value, own) : own;
}

static void tell_globals(struct serverless *sam)
{
    for (uint32_t i = 0; sam->globals && sam->globals->kind == NODE_MAP && i < sam->globals->count; i++) {
        const struct node_entry *entry = &sam->globals->entries[i];
        struct str type = arena_printf(sam->arena, "AWS::Serverless::%.*s", STR_ARG(entry->key));
        if (!node_find(sam->types, type))
            diag_warning(sam->diags, node_key_span(entry),
                "there is no AWS::Serverless::%.*s, or it is not known here", STR_ARG(entry->key));
    }
}

/* ---- resources ---- */

/* Attributes of the SAM resource apply to all resources made from it. */
static void put_made(struct macro *macro, struct str logical, const struct node *resource)
{
    static const char *const passed[] = {"Condition", "DeletionPolicy", "UpdateReplacePolicy"};
    struct serverless *sam = macro->sam;
    struct node *made = nodes_copy(sam->arena, resource);
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++) {
        const struct node_entry *entry = node_find(macro->node, str_z(passed[i]));
        if (entry)
            nodes_set_entry(sam->arena, made, entry);
    }
    const struct node_entry *after = node_find(macro->node, STR("DependsOn"));
    bool itself = str_eq(logical, macro->id) && !macro->event;
    if (itself && after)
        nodes_set_entry(sam->arena, made, after);
    const struct node_entry *whole = itself ? node_find(node_get(sam->root, "Resources"), logical) : NULL;
    if (whole)
        nodes_put(sam->arena, sam->resources, whole, made);
    else
        nodes_set(sam->arena, sam->resources, logical, made);
}

void serverless_put_all(struct macro *macro, struct form *form, const struct node *resources)
{
    for (uint32_t i = 0; i < resources->count; i++) {
        struct str key = resources->entries[i].key;
        if (str_eqz(key, "<role>") || str_eqz(key, "<authorizer>"))
            continue;
        const struct node *resource = form_fill(form, resources->entries[i].value);
        if (resource)
            put_made(macro, nodes_literal(form_fill(form, nodes_text(form->arena, key, form->at))), resource);
    }
}

/* ---- a SAM resource ---- */

/* Returns the alias's name for its logical id, if it is known. */
static struct str alias_id(struct macro *macro)
{
    struct arena *arena = macro->sam->arena;
    const struct node *given = node_get(macro->properties, "AutoPublishAlias");
    struct str name = given ? nodes_referred(given) : STR_EMPTY;
    const struct node *parameters = node_get(macro->sam->root, "Parameters");
    const struct node_entry *parameter = name.n && parameters ? node_find(parameters, name) : NULL;
    if (!given)
        return STR_EMPTY;
    name = parameter ? nodes_literal(node_get(parameter->value, "Default")) : nodes_literal(given);
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addf(&out, "%.*sAlias", STR_ARG(macro->id));
    for (size_t i = 0; name.p && i < name.n; i++)
        buf_add_char(&out, name.p[i] == '-' ? 'D' : name.p[i] == '_' ? 'U' : name.p[i]);
    return arena_str(arena, buf_str(&out));
}

static void stage_texts(struct macro *macro, struct form *form)
{
    struct str name = nodes_literal(form_in(form, STR("StageName")));
    bool fallback = !name.n || str_eqz(name, "$default");
    AUTO_BUF struct buf plain = BUF_INIT;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] != '-' && name.p[i] != '_' && name.p[i] != '$')
            buf_add_char(&plain, name.p[i]);
    bool http = str_ends(macro->type, STR("HttpApi"));
    form_text(form, "stageid",
        fallback && http ? arena_printf(form->arena, "%.*sApiGatewayDefaultStage", STR_ARG(macro->id))
                         : arena_printf(form->arena, "%.*s%.*sStage", STR_ARG(macro->id), (int)plain.n,
                               plain.n ? plain.p : ""));
}

/* Resolves !Ref Function.Alias and similar references. */
static void name_parts(struct macro *macro, struct form *form)
{
    static const struct {
        const char *part, *id;
    } parts[] = {{"Alias", "<alias>"}, {"Version", "<id>Version"}, {"Stage", "<stageid>"},
        {"Deployment", "<id>Deployment"}, {"DestinationTopic", "<id>EventInvokeConfigOnSuccessTopic"},
        {"DestinationQueue", "<id>EventInvokeConfigOnFailureQueue"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct str *id = arena_boxed(form->arena,
            nodes_literal(form_fill(form, nodes_text(form->arena, str_z(parts[i].id), form->at))));
        if (node_find(macro->sam->resources, *id))
            map_set(&macro->sam->t->parts,
                arena_printf(form->arena, "%.*s.%s", STR_ARG(macro->id), parts[i].part), id);
    }
}

static void write_resource(struct serverless *sam, struct str id, const struct node *node, struct str type)
{
    static const char *const known[] = {"Role", "Policies", "PropagateTags", "Tags", "Events", "CodeUri",
        "AutoPublishCodeSha256", "AutoPublishAliasAllProperties", "StageName", "VersionDeletionPolicy",
        "ProvisionedConcurrencyConfig", "VersionDescription", "RolePath", "PermissionsBoundary",
        "AssumeRolePolicyDocument", "RetentionPolicy", "DefinitionBody", "OpenApiVersion",
        "PublishLambdaVersion", NULL};
    const struct node *form_of = node_find(sam->types, type)->value;
    struct macro macro = {.sam = sam, .id = id, .type = type, .alias = STR_EMPTY, .node = node};
    macro.properties = with_globals(sam, node, type);
    macro.alias = alias_id(&macro);
    macro.managed = nodes_new(sam->arena, NODE_LIST, node);
    macro.role_policies = nodes_new(sam->arena, NODE_LIST, node);
    struct form form;
    const struct node *at = node_get(node, "Type");
    serverless_form(&macro, macro.properties, at, &form);
    form_text(&form, "id", id);
    stage_texts(&macro, &form);
    serverless_add_needs(&macro, &form, node_get(form_of, "<role>"));
    /* The resource itself precedes those of its events, but the role needs to know the events. */
    const struct node *events = form_in(&form, STR("Events"));
    struct node *all = sam->resources;
    sam->resources = nodes_new(sam->arena, NODE_MAP, node);
    for (uint32_t i = 0; events && events->kind == NODE_MAP && i < events->count; i++)
        serverless_event(&macro, &events->entries[i]);
    struct node *of_events = sam->resources;
    sam->resources = all;
    serverless_put_all(&macro, &form, form_of);
    for (uint32_t i = 0; i < of_events->count; i++)
        nodes_set_entry(sam->arena, sam->resources, &of_events->entries[i]);
    serverless_mark_used(&form, known);
    serverless_warn_unused(&macro, &form, macro.properties);
    name_parts(&macro, &form);
    form_release(&form);
}

/* ---- the whole template ---- */

static bool is_known(struct serverless *sam, const struct node *node, struct str *type)
{
    *type = node->kind == NODE_MAP ? nodes_literal(node_get(node, "Type")) : STR_EMPTY;
    if (!type->p || !str_starts(*type, STR("AWS::Serverless::")))
        return false;
    return node_find(sam->types, *type) != NULL;
}

/* Reports connectors, which would be policies of the source's role. */
static void tell_connectors(struct serverless *sam, const struct node *resource)
{
    const struct node_entry *all = resource->kind == NODE_MAP ? node_find(resource, STR("Connectors")) : NULL;
    if (!all)
        return;
    struct diag *d = diag_warning(sam->diags, node_key_span(all),
        "`Connectors` have no equivalent in a stack, and are left out: what they allow has to be allowed");
    diag_hint(sam->diags, d, "`Policies` of the function say the same, or `policies` of its role");
}

/* APIs are written last, since their documents need all functions. */
static void write_all(struct serverless *sam, bool apis)
{
    const struct node *resources = node_get(sam->root, "Resources");
    for (uint32_t i = 0; i < resources->count; i++) {
        const struct node_entry *entry = &resources->entries[i];
        struct str type;
        if (!apis)
            tell_connectors(sam, entry->value);
        if (!is_known(sam, entry->value, &type)) {
            if (!apis)
                nodes_set_entry(sam->arena, sam->resources, entry);
        } else if (str_is_any(type, "AWS::Serverless::HttpApi AWS::Serverless::Api") == apis) {
            write_resource(sam, entry->key, entry->value, type);
        }
    }
}

/* Adds the API of events that name none; if all functions have one condition, it has that, too. */
static void write_implicit(struct serverless *sam, const char *id, const char *type, const char *stage)
{
    const struct node *at = NULL, *condition = NULL;
    for (size_t i = 0; i < sam->route_count; i++) {
        const struct serverless_route *route = &sam->routes[i];
        if (!str_eqz(route->api, id))
            continue;
        bool same = !at || (condition && route->condition && nodes_same(condition, route->condition));
        condition = same ? route->condition : NULL;
        at = at ? at : route->operation;
    }
    if (!at || node_find(node_get(sam->root, "Resources"), str_z(id)))
        return;
    write_resource(sam, str_z(id),
        NODES_MAP(sam->arena, at, {"Type", nodes_text(sam->arena, str_z(type), at)}, {"Condition", condition},
            {"Properties", nodes_call(sam->arena, "StageName", str_z(stage), at)}),
        str_z(type));
}

/* Adds the notification to a bucket, and its dependency on the permission. */
static void tell_bucket(struct serverless *sam, const struct serverless_notice *notice)
{
    static const char *const keys[] = {"Properties", "NotificationConfiguration", "LambdaConfigurations"};
    struct arena *arena = sam->arena;
    struct node *bucket = nodes_copy(arena, node_find(sam->resources, notice->bucket)->value), *into = bucket;
    nodes_set(arena, sam->resources, notice->bucket, bucket);
    for (size_t i = 0; i < 3; i++) {
        const struct node *given = node_get(into, keys[i]);
        if (given && (given->kind != (i == 2 ? NODE_LIST : NODE_MAP) || nodes_is_function(given))) {
            diag_error(sam->diags, node_span(given), "`%s` of a bucket whose events start functions is a %s",
                keys[i], i == 2 ? "list" : "map");
            return;
        }
        struct node *below = given ? nodes_copy(arena, given)
                                   : nodes_new(arena, i == 2 ? NODE_LIST : NODE_MAP, notice->configuration);
        nodes_set(arena, into, str_z(keys[i]), below);
        into = below;
    }
    nodes_add(arena, into, notice->configuration);
    const struct node *after = node_get(bucket, "DependsOn");
    struct node *list = nodes_new(arena, NODE_LIST, after ? after : notice->configuration);
    if (after && after->kind == NODE_STRING)
        nodes_add(arena, list, after);
    for (uint32_t i = 0; after && after->kind == NODE_LIST && i < after->count; i++)
        nodes_add(arena, list, after->items[i]);
    nodes_add(arena, list, nodes_text(arena, notice->permission, notice->configuration));
    nodes_set(arena, bucket, STR("DependsOn"), list);
}

static struct node *with_resources(struct serverless *sam)
{
    struct node *root = nodes_without(sam->arena, sam->root, "Globals");
    nodes_set(sam->arena, root, STR("Resources"), sam->resources);
    if (sam->asks_for_bucket)
        nodes_set(sam->arena, root, STR("Parameters"), sam->parameters);
    return root;
}

const struct node *serverless_expand(struct template *t, const struct node *root)
{
    struct serverless sam = {
        .t = t, .arena = t->arena, .diags = t->diags, .root = root, .globals = node_get(root, "Globals")};
    const struct node *parameters = node_get(root, "Parameters");
    sam.types = read_forms(&sam, "types");
    sam.events = read_forms(&sam, "events");
    sam.policies = read_forms(&sam, "policies");
    sam.resources = nodes_new(t->arena, NODE_MAP, node_get(root, "Resources"));
    sam.parameters = parameters && parameters->kind == NODE_MAP ? nodes_copy(t->arena, parameters)
                                                                : nodes_new(t->arena, NODE_MAP, root);
    tell_globals(&sam);
    write_all(&sam, false);
    write_all(&sam, true);
    write_implicit(&sam, "ServerlessHttpApi", "AWS::Serverless::HttpApi", "$default");
    write_implicit(&sam, "ServerlessRestApi", "AWS::Serverless::Api", "Prod");
    for (size_t i = 0; i < sam.notice_count; i++)
        tell_bucket(&sam, &sam.notices[i]);
    map_release(&sam.packages);
    return with_resources(&sam);
}
