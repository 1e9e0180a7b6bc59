/* Parses the head of a spec file; its types are parsed when they are used. */
#include "provider/spec/load.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- Types parsed when they are used: a stack needs few of the many types of a service. */

struct spec_later {
    struct loader loader;
    struct source head;
    struct map blocks[2]; /* name -> struct source: the lines of that type; [1]: of data sources */
};

struct line_cut {
    struct spec_later *later;
    struct arena *arena;
    struct buf *head;
    int section; /* index in blocks of the current section; -1: the head */
    struct source *block;
    uint32_t above; /* lines so far */
};

/* A line without indentation begins a section, one with two spaces a type. */
static void cut_line(struct line_cut *cut, const struct source *source, struct str line)
{
    char first = line.p[0];
    if (!strchr(" #\n", first)) {
        cut->section = str_eqz(line, "types:\n") ? 0 : str_eqz(line, "data:\n") ? 1 : -1;
        cut->block = NULL;
    }
    /* Removed lines become empty, so that line numbers stay the same. */
    buf_add_str(cut->head, cut->section < 0 ? line : STR("\n"));
    if (cut->section < 0)
        return;
    if (first == ' ' && line.n > 2 && line.p[1] == ' ' && !strchr(" #\n", line.p[2])) {
        struct str rest, name = str_cut(str_slice(line, 2, line.n), ':', &rest);
        cut->block = ARENA_NEW(cut->arena, struct source);
        *cut->block = (struct source){.path = source->path, .text = line, .above = cut->above};
        map_set(&cut->later->blocks[cut->section], name, cut->block);
    } else if (cut->block && first != '#') {
        cut->block->text.n = (size_t)(line.p + line.n - cut->block->text.p);
    }
}

static void cut_types(struct spec_service *service, const struct source *source)
{
    AUTO_BUF struct buf head = BUF_INIT;
    struct line_cut cut = {.later = service->later, .arena = &service->arena, .head = &head, .section = -1};
    struct str text = source->text;
    for (size_t at = 0, end; at < text.n; at = end) {
        ptrdiff_t newline = str_find_char(text, '\n', at);
        end = newline < 0 ? text.n : (size_t)newline + 1;
        cut_line(&cut, source, str_slice(text, at, end));
        cut.above++;
    }
    service->later->head =
        (struct source){.path = source->path, .text = arena_str(&service->arena, buf_str(&head))};
    for (int is_data = 0; is_data < 2; is_data++)
        for (size_t i = 0; i < service->later->blocks[is_data].n; i++)
            map_set(is_data ? &service->data : &service->types, service->later->blocks[is_data].items[i].key,
                NULL);
}

static const struct source *block_at(const struct spec_later *later, const char *p)
{
    for (int is_data = 0; is_data < 2; is_data++)
        for (size_t i = 0; i < later->blocks[is_data].n; i++) {
            const struct source *block = later->blocks[is_data].items[i].ptr;
            if (p >= block->text.p && p < block->text.p + block->text.n)
                return block;
        }
    return NULL;
}

/* True if a type uses an anchor defined in another type. */
static bool types_share_nodes(const struct spec_later *later, struct str text)
{
    static const struct str sign = STR_INIT(" &");
    for (ptrdiff_t at = str_find(text, sign, 0); at >= 0; at = str_find(text, sign, (size_t)at + sign.n)) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        size_t from = (size_t)at + sign.n, end = from;
        while (end < text.n && (isalnum((unsigned char)text.p[end]) || text.p[end] == '_'))
            end++;
        struct str alias = arena_printf(&scratch, "*%.*s", STR_ARG(str_slice(text, from, end)));
        const struct source *block = block_at(later, text.p + at);
        for (ptrdiff_t use = str_find(text, alias, 0); end > from && use >= 0;
             use = str_find(text, alias, (size_t)use + 1))
            if (block_at(later, text.p + use) != block)
                return true;
    }
    return false;
}

static void load_types(struct loader *l, const struct node *map, bool is_data, struct map *types)
{
    uint32_t n = load_size(l, map, NODE_MAP, "expected a map of types");
    for (uint32_t i = 0; i < n; i++) {
        struct spec_type *type = load_type(l, map->entries[i].key, map->entries[i].value, is_data);
        if (type)
            map_set(types, map->entries[i].key, type);
    }
}

#define HEAD_KEYS                                                                                            \
    "kind service doc reference protocol target api_version endpoint_prefix signing_name global "            \
    "case "                                                                                                  \
    "words "                                                                                                 \
    "model iam errors shapes operations success requests tags page types data provider"

/* Determines the provider type: as given, or else as the file says. */
static void load_kind(struct loader *l, const struct node *head, const struct provider_kinds *kinds,
    const struct provider_kind *kind)
{
    struct str name = load_text(l, head, "kind");
    l->service->kind = kind ? kind : kinds->items[0];
    if (!name.n || str_eqz(name, l->service->kind->name))
        return;
    const struct node *node = node_get(head, "kind");
    if (kind) {
        load_error(l, node, "this file belongs to the provider type \"%s\"", kind->name);
        return;
    }
    const struct provider_kind *found = kind_find(kinds, name);
    if (found) {
        l->service->kind = found;
        return;
    }
    const struct str *names;
    size_t n = kind_names(kinds, l->arena, &names);
    struct diag *diag =
        diag_error(l->diags, node_span(node), "there is no provider type \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(l->diags, diag, name, names, n);
}

static void load_endpoint(struct loader *l, const struct node *head)
{
    struct spec_service *service = l->service;
    struct str prefix = load_text(l, head, "endpoint_prefix"), signing = load_text(l, head, "signing_name");
    service->aws = (struct aws_service){.id = service->name,
        .endpoint_prefix = prefix.n ? prefix : service->name,
        .signing_name = signing.n ? signing : service->name,
        .global = load_flag(l, head, "global"),
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
    static const char *const spellings[] = {"pascal", "camel", "snake", NULL};
    int spelling = load_word(l, head, "case", spellings);
    l->camel = spelling == 2;
    l->snake = spelling == 3;
}

#define API_KEYS "base token headers login"

/* Checks the connection to the service: `provider:` itself, or one of its `apis`. */
static void load_api(struct loader *l, const struct node *node, const char *keys)
{
    if (!load_keys(l, node, "an api", keys))
        return;
    const struct node *login = node_get(node, "login");
    if (login && load_keys(l, login, "login", "call send at header") &&
        (!load_text(l, login, "call").n || !node_get(login, "send") || !load_text(l, login, "at").n))
        load_error(l, login, "login needs \"call\", \"send\" and \"at\"");
}

/* Reads the connection to a service that is not AWS's (docs/rest.md). */
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
    uint32_t n = load_size(l, apis, NODE_LIST, "apis is a list");
    for (uint32_t i = 0; i < n; i++)
        load_api(l, apis->items[i], API_KEYS " api probe");
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
        service->statuses = load_map(l, errors, "status", "status is a map of codes");
        service->operation.error_text = load_text(l, errors, "text");
        service->operation.typed_errors = load_flag(l, errors, "typed");
    }
    l->words = node_get(head, "words");
    l->shapes = node_get(head, "shapes");
    l->tags = node_get(head, "tags");
    l->page = node_get(head, "page");
    load_operations(l, node_get(head, "operations"));
    load_success(l, node_get(head, "success"));
    service->requests = load_map(l, head, "requests", "requests is a map of operations");
}

/* Returns NULL, with everything freed, if anything is wrong. */
static struct spec_service *load_service(
    struct loader *l, const struct provider_kinds *kinds, const struct provider_kind *kind)
{
    size_t errors = l->diags->errors;
    const struct node *head = yaml_parse(l->arena, l->source, l->diags);
    if (head && load_keys(l, head, "a spec", HEAD_KEYS)) {
        load_kind(l, head, kinds, kind);
        load_head(l, head);
        load_types(l, node_get(head, "types"), false, &l->service->types);
        load_types(l, node_get(head, "data"), true, &l->service->data);
    }
    if (head && l->diags->errors == errors)
        return l->service;
    spec_free(l->service);
    return NULL;
}

struct spec_service *spec_open(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    struct spec_service *service = mem_zalloc(sizeof *service);
    struct spec_later *later = service->later = ARENA_NEW(&service->arena, struct spec_later);
    cut_types(service, source);
    if (types_share_nodes(later, source->text)) {
        spec_free(service);
        return spec_load(source, kinds, kind, diags);
    }
    later->loader =
        (struct loader){.arena = &service->arena, .diags = diags, .service = service, .source = &later->head};
    return load_service(&later->loader, kinds, kind);
}

struct spec_type *spec_read_type(
    struct spec_service *service, struct str name, bool is_data, struct diags *diags)
{
    struct map *types = is_data ? &service->data : &service->types;
    struct spec_type *type = map_get(types, name);
    const struct source *block =
        type || !service->later ? NULL : map_get(&service->later->blocks[is_data], name);
    if (!block)
        return type;
    size_t errors = diags->errors;
    struct loader *l = &service->later->loader;
    l->diags = diags;
    l->source = block;
    load_types(l, yaml_parse(&service->arena, block, diags), is_data, types);
    return diags->errors > errors ? NULL : map_get(types, name);
}

static void later_release(struct spec_later *later)
{
    if (!later)
        return;
    map_release(&later->blocks[0]);
    map_release(&later->blocks[1]);
}

struct spec_service *spec_load(const struct source *source, const struct provider_kinds *kinds,
    const struct provider_kind *kind, struct diags *diags)
{
    struct spec_service *service = mem_zalloc(sizeof *service);
    struct loader l = {.arena = &service->arena, .diags = diags, .service = service, .source = source};
    return load_service(&l, kinds, kind);
}

void spec_free(struct spec_service *service)
{
    if (!service)
        return;
    later_release(service->later);
    map_release(&service->operations);
    map_release(&service->types);
    map_release(&service->data);
    arena_release(&service->arena);
    free(service);
}
