/* The head of a spec file. */
#include "provider/spec/load.h"

#include "base/mem.h"

#include <stdlib.h>

#define HEAD_KEYS                                                                                            \
    "kind service doc reference protocol target api_version endpoint_prefix signing_name global "            \
    "signing_region case "                                                                                   \
    "words "                                                                                                 \
    "model iam errors shapes operations success requests tags page types data provider"

static void load_endpoint(struct loader *l, const struct node *head)
{
    struct spec_service *service = l->service;
    struct str prefix = load_text(l, head, "endpoint_prefix"), signing = load_text(l, head, "signing_name");
    service->aws = (struct aws_service){.id = service->name,
        .endpoint_prefix = prefix.n ? prefix : service->name,
        .signing_name = signing.n ? signing : service->name,
        .global = load_flag(l, head, "global"),
        .signing_region = load_text(l, head, "signing_region"),
        .s3 = str_eqz(service->name, "s3")};
    if (node_get(head, "iam") && load_keys(l, node_get(head, "iam"), "iam", "prefix actions passes"))
        service->iam = node_value(l->arena, node_get(head, "iam"));
    struct str model = load_text(l, head, "model");
    service->model = model.n ? model : service->name;
    service->reference = load_text(l, head, "reference");
    if (service->reference.n && str_find(service->reference, STR("${operation}"), 0) < 0)
        load_error(l, node_get(head, "reference"), "reference is an address with ${operation} in it");
}

static void load_protocol(struct loader *l, const struct node *head)
{
    struct spec_service *service = l->service;
    struct str protocol = load_text(l, head, "protocol");
    l->calls = protocol.n || !service->kind->natives;
    if (l->calls && !wire_protocol_find(protocol, &service->protocol))
        load_error(l, node_get(head, "protocol") ? node_get(head, "protocol") : head,
            "protocol has to be query, ec2, json-1.0, json-1.1, rest-json or rest-xml");
    service->operation = (struct wire_operation){.protocol = service->protocol,
        .version = load_text(l, head, "api_version"),
        .target_prefix = load_text(l, head, "target"),
        .method = STR("POST"),
        .path = STR("/")};
    struct str spelling = load_text(l, head, "case");
    l->camel = str_eqz(spelling, "camel");
    l->snake = str_eqz(spelling, "snake");
    if (spelling.n && !l->camel && !l->snake && !str_eqz(spelling, "pascal"))
        load_error(l, node_get(head, "case"), "case is pascal, camel or snake");
}

/* Whose types these are: as the file says, where it is not given. */
static void load_kind(struct loader *l, const struct node *head, const struct provider_kinds *kinds,
    const struct provider_kind *kind)
{
    struct str said = load_text(l, head, "kind");
    l->service->kind = kind ? kind : kinds->items[0];
    if (!said.n || str_eqz(said, l->service->kind->name))
        return;
    const struct node *node = node_get(head, "kind");
    if (kind) {
        load_error(l, node, "this file belongs to the provider type \"%s\"", kind->name);
        return;
    }
    const struct provider_kind *found = kind_find(kinds, said);
    if (found) {
        l->service->kind = found;
        return;
    }
    const struct str *names;
    size_t n = kind_names(kinds, l->arena, &names);
    struct diag *diag =
        diag_error(l->diags, node_span(node), "there is no provider type \"%.*s\"", STR_ARG(said));
    diag_did_you_mean(l->diags, diag, said, names, n);
}

#define API_KEYS "base token headers login"

/* One way to the service: `provider:` itself, or one of its `apis`. */
static void load_api(struct loader *l, const struct node *node, const char *keys)
{
    if (!load_keys(l, node, "an api", keys))
        return;
    const struct node *login = node_get(node, "login");
    if (login && load_keys(l, login, "login", "call send at header") &&
        (!load_text(l, login, "call").n || !node_get(login, "send") || !load_text(l, login, "at").n))
        load_error(l, login, "login needs \"call\", \"send\" and \"at\"");
}

/* How a service that is none of AWS's is reached (docs/rest.md). */
static void load_provider(struct loader *l, const struct node *node)
{
    if (!node)
        return;
    if (!l->service->kind->send) {
        load_error(l, node, "the provider type \"%s\" takes no \"provider\"", l->service->kind->name);
        return;
    }
    const struct node *apis = node_get(node, "apis");
    load_api(l, node, apis ? "apis" : API_KEYS);
    for (uint32_t i = 0; apis && apis->kind == NODE_LIST && i < apis->count; i++)
        load_api(l, apis->items[i], API_KEYS " api probe");
    if (apis && apis->kind != NODE_LIST)
        load_error(l, apis, "apis is a list");
    l->service->head = node_value(l->arena, node);
}

static void load_head(struct loader *l, const struct node *head)
{
    struct spec_service *service = l->service;
    service->name = load_text(l, head, "service");
    if (!service->name.n)
        load_error(l, head, "a spec needs \"service\"");
    load_protocol(l, head);
    load_endpoint(l, head);
    load_provider(l, node_get(head, "provider"));
    const struct node *errors = node_get(head, "errors");
    if (errors && load_keys(l, errors, "errors", "absent exists retry hints status text typed")) {
        service->absent = load_errors(l, node_get(errors, "absent"));
        service->exists = load_errors(l, node_get(errors, "exists"));
        service->retry = load_errors(l, node_get(errors, "retry"));
        service->hints = load_errors(l, node_get(errors, "hints"));
        const struct node *statuses = node_get(errors, "status");
        if (statuses && statuses->kind != NODE_MAP)
            load_error(l, statuses, "status is a map of codes");
        service->statuses = statuses ? node_value(l->arena, statuses) : NULL;
        service->operation.error_text = load_text(l, errors, "text");
        service->operation.typed_errors = load_flag(l, errors, "typed");
    }
    l->words = node_get(head, "words");
    l->shapes = node_get(head, "shapes");
    l->tags = node_get(head, "tags");
    l->page = node_get(head, "page");
    load_operations(l, node_get(head, "operations"));
    load_success(l, node_get(head, "success"));
    const struct node *requests = node_get(head, "requests");
    if (requests && requests->kind != NODE_MAP)
        load_error(l, requests, "requests is a map of operations");
    service->requests = requests ? node_value(l->arena, requests) : NULL;
}

void load_types(struct loader *l, const struct node *map, bool is_data, struct map *types)
{
    if (map && map->kind != NODE_MAP) {
        load_error(l, map, "expected a map of types, not %s", node_kind_name(map));
        return;
    }
    for (uint32_t i = 0; map && i < map->count; i++) {
        struct spec_type *type = load_type(l, map->entries[i].key, map->entries[i].value, is_data);
        if (type)
            map_set(types, map->entries[i].key, type);
    }
}

bool load_service(struct loader *l, const struct node *head, const struct provider_kinds *kinds,
    const struct provider_kind *kind)
{
    if (!head || !load_keys(l, head, "a spec", HEAD_KEYS))
        return false;
    load_kind(l, head, kinds, kind);
    load_head(l, head);
    return true;
}

struct spec_service *spec_load(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    struct spec_service *service = mem_zalloc(sizeof *service);
    struct loader l = {.arena = &service->arena, .diags = diags, .service = service, .source = source};
    size_t errors = diags->errors;
    const struct node *head = yaml_parse(&service->arena, source, diags);
    if (load_service(&l, head, kinds, kind)) {
        load_types(&l, node_get(head, "types"), false, &service->types);
        load_types(&l, node_get(head, "data"), true, &service->data);
    }
    map_release(&l.operations);
    if (!head || diags->errors > errors) {
        spec_free(service);
        return NULL;
    }
    return service;
}

void spec_free(struct spec_service *service)
{
    if (!service)
        return;
    later_release(service->later);
    map_release(&service->types);
    map_release(&service->data);
    arena_release(&service->arena);
    free(service);
}
