/* Calls of a spec: operations, what a step sends and where its answer lies. */
#include "provider/spec/load.h"

#include "base/mem.h"
#include "provider/aws/verb.h"

#include <stdlib.h>

#define STEP_KEYS                                                                                            \
    "call send with parse at match newest skip answers covers token when if unless for full partial alone "  \
    "each "                                                                                                  \
    "ignore warn absent retry retry_for failed wait native page must look idempotent body answers_in "       \
    "users meanwhile retry_unless"

/* ---- operations ---- */

static const struct spec_place *load_places(struct loader *l, const struct node *operation, const char *key,
    enum wire_location location, struct spec_place *places, size_t *n)
{
    const struct node *map = node_get(operation, key);
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
        if (map->entries[i].value->kind == NODE_STRING)
            places[(*n)++] =
                (struct spec_place){map->entries[i].key, map->entries[i].value->string, location};
        else
            load_error(l, map->entries[i].value, "expected a name");
    if (map && map->kind != NODE_MAP)
        load_error(l, map, "\"%s\" has to be a map from members to names", key);
    return places;
}

static size_t map_count(const struct node *node, const char *key)
{
    const struct node *map = node_get(node, key);
    return map ? map->count : 0;
}

/* "PUT /{Bucket}?versioning" */
static void load_http(
    struct loader *l, const struct node *where, struct str text, struct wire_operation *wire)
{
    struct str rest;
    wire->method = str_cut(text, ' ', &rest);
    if (!rest.p || !str_starts(rest, STR("/"))) {
        load_error(l, where, "expected METHOD /path, such as \"GET /jobs/{Name}\"");
        return;
    }
    wire->path = str_cut(rest, '?', &rest);
    wire->query = rest.p ? rest : STR_EMPTY;
}

static struct spec_operation *new_operation(struct loader *l, struct str name)
{
    struct spec_operation *op = ARENA_NEW(l->arena, struct spec_operation);
    op->wire = l->service->operation;
    op->wire.name = name;
    map_set(&l->operations, name, op);
    return op;
}

static const struct shape *load_answer_headers(struct loader *l, const struct node *node)
{
    if (!node)
        return NULL;
    static const struct shape text = {.kind = SHAPE_STRING};
    struct spec_names names = load_names(l, node);
    struct shape_member *members = ARENA_ARRAY(l->arena, struct shape_member, names.count);
    for (size_t i = 0; i < names.count; i++)
        members[i] = (struct shape_member){
            .name = names.items[i], .wire = names.items[i], .shape = &text, .location = WIRE_HEADER};
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    *shape = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = names.count};
    return shape;
}

static void load_one_operation(struct loader *l, struct str name, const struct node *node)
{
    struct spec_operation *op = new_operation(l, name);
    if (node->kind == NODE_STRING) {
        load_http(l, node, node->string, &op->wire);
        return;
    }
    if (!load_keys(
            l, node, "an operation", "http body xmlns raw query headers answer host_prefix md5 result base"))
        return;
    const struct node *http = node_get(node, "http");
    if (http && http->kind == NODE_STRING)
        load_http(l, http, http->string, &op->wire);
    op->wire.body = load_text(l, node, "body");
    op->wire.body_xmlns = load_text(l, node, "xmlns");
    op->wire.result = load_text(l, node, "result");
    op->wire.md5 = load_flag(l, node, "md5");
    op->wire.raw = load_text(l, node, "raw");
    op->host_prefix = load_text(l, node, "host_prefix");
    op->base = load_text(l, node, "base");
    struct spec_place *places =
        ARENA_ARRAY(l->arena, struct spec_place, map_count(node, "query") + map_count(node, "headers"));
    load_places(l, node, "query", WIRE_QUERY_STRING, places, &op->place_count);
    op->places = load_places(l, node, "headers", WIRE_HEADER, places, &op->place_count);
    op->answer = load_answer_headers(l, node_get(node, "answer"));
}

void load_operations(struct loader *l, const struct node *node)
{
    if (node && node->kind != NODE_MAP)
        load_error(l, node, "operations has to be a map");
    for (uint32_t i = 0; node && node->kind == NODE_MAP && i < node->count; i++)
        load_one_operation(l, node->entries[i].key, node->entries[i].value);
}

const struct spec_operation *load_operation(struct loader *l, const struct node *node, struct str name)
{
    struct spec_operation *op = map_get(&l->operations, name);
    if (op)
        return op;
    enum wire_protocol protocol = l->service->protocol;
    if (protocol == WIRE_REST_JSON || protocol == WIRE_REST_XML)
        load_error(l, node, "operation \"%.*s\" has no method and path under \"operations\"", STR_ARG(name));
    return new_operation(l, name);
}

static bool in_path(struct str path, struct str member)
{
    for (ptrdiff_t at = str_find_char(path, '{', 0); at >= 0; at = str_find_char(path, '{', (size_t)at + 1)) {
        struct str rest = str_slice(path, (size_t)at + 1, path.n);
        if (str_starts(rest, member) && rest.n > member.n &&
            (rest.p[member.n] == '}' || rest.p[member.n] == '+'))
            return true;
    }
    return false;
}

/* Where a member of this operation's request lies. */
static void place_member(const struct spec_operation *op, struct shape_member *member)
{
    if (in_path(op->wire.path, member->wire))
        member->location = WIRE_PATH;
    else if (op->wire.raw.n && str_eq(op->wire.raw, member->wire))
        member->location = WIRE_RAW_BODY;
    for (size_t i = 0; i < op->place_count; i++)
        if (str_eq(op->places[i].member, member->wire)) {
            member->location = op->places[i].location;
            member->wire = op->places[i].name;
            return;
        }
}

/* ---- requests ---- */

struct request_builder {
    struct type_loader *t;
    struct shape_member *members;
    size_t n, cap;
    struct spec_extra *extras;
    size_t extra_n, extra_cap;
    struct str *attrs;
    size_t attr_n, attr_cap;
};

struct spec_attr *load_attr_named(struct type_loader *t, const struct node *where, struct str name)
{
    struct str names[256];
    size_t n = 0;
    for (size_t i = 0; i < t->type->attr_count; i++) {
        if (str_eq(t->attrs[i].attr->name, name))
            return &t->attrs[i];
        if (n < sizeof names / sizeof *names)
            names[n++] = t->attrs[i].attr->name;
    }
    struct diag *diag =
        diag_error(t->l->diags, node_span(where), "the type has no attribute \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(t->l->diags, diag, name, names, n);
    return NULL;
}

static struct str step_joined_name(struct loader *l, struct str prefix, struct str name)
{
    return prefix.n ? arena_printf(l->arena, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(name)) : name;
}

static void add_member(struct request_builder *b, struct str name, struct str wire, const struct shape *shape)
{
    MEM_GROW(b->members, b->cap, b->n + 1);
    b->members[b->n++] = (struct shape_member){.name = name, .wire = wire, .shape = shape};
}

static void add_attr(struct request_builder *b, struct str wire, const struct spec_attr *attr)
{
    MEM_GROW(b->attrs, b->attr_cap, b->attr_n + 1);
    b->attrs[b->attr_n++] = attr->attr->name;
    add_member(b, attr->attr->name, wire, attr->shape);
}

static struct spec_extra *add_extra(
    struct request_builder *b, struct str wire, const struct shape *shape, const struct value *v)
{
    MEM_GROW(b->extras, b->extra_cap, b->extra_n + 1);
    struct spec_extra *extra = &b->extras[b->extra_n++];
    *extra = (struct spec_extra){.key = arena_printf(b->t->l->arena, "=%.*s", STR_ARG(wire)), .value = v};
    add_member(b, extra->key, wire, shape);
    return extra;
}

/* "${name}" alone stands for the attribute itself, with its type. */
static struct str template_whole(struct str text)
{
    if (str_starts(text, STR("${")) && str_ends(text, STR("}")) &&
        str_find_char(text, '}', 0) == (ptrdiff_t)text.n - 1 && str_find_char(text, '|', 0) < 0)
        return str_slice(text, 2, text.n - 1);
    return STR_EMPTY;
}

static const struct spec_attr *template_attr(struct type_loader *t, struct str text)
{
    struct str name = template_whole(text);
    return name.n ? spec_attr_find(t->type, name) : NULL;
}

static const struct shape any_shape = {.kind = SHAPE_ANY}; /* of what an empty list would have */

/* Structures in a list may differ in what they have: its items' shape has the members of both. */
static const struct shape *either_shape(
    struct loader *l, const struct shape *known, const struct shape *other)
{
    if (known->kind != SHAPE_STRUCT || other->kind != SHAPE_STRUCT)
        return known;
    struct shape_member *members =
        ARENA_ARRAY(l->arena, struct shape_member, known->member_count + other->member_count);
    size_t count = known->member_count;
    if (count)
        memcpy(members, known->members, count * sizeof *members);
    for (size_t i = 0; i < other->member_count; i++) {
        size_t k = 0;
        while (k < count && !str_eq(members[k].name, other->members[i].name))
            k++;
        if (k == count)
            members[count++] = other->members[i];
    }
    struct shape *both = ARENA_NEW(l->arena, struct shape);
    load_struct(l, members, count, both);
    return both;
}

/* The shape of a constant, and whether a template is in it. Maps in it are structures with the names as
 * given. */
static const struct shape *constant_shape(struct type_loader *t, const struct node *node, bool *dynamic)
{
    struct loader *l = t->l;
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    switch ((enum node_kind)node->kind) {
    case NODE_BOOL: shape->kind = SHAPE_BOOL; break;
    case NODE_INT: shape->kind = SHAPE_INT; break;
    case NODE_FLOAT: shape->kind = SHAPE_FLOAT; break;
    case NODE_STRING: {
        shape->kind = SHAPE_STRING;
        *dynamic = *dynamic || str_find(node->string, STR("${"), 0) >= 0;
        const struct spec_attr *attr = template_attr(t, node->string);
        if (attr)
            return attr->shape;
        break;
    }
    case NODE_LIST:
        shape->kind = SHAPE_LIST;
        shape->elem = node->count ? constant_shape(t, node->items[0], dynamic) : &any_shape;
        for (uint32_t i = 1; i < node->count; i++)
            shape->elem = either_shape(l, shape->elem, constant_shape(t, node->items[i], dynamic));
        break;
    case NODE_MAP: {
        struct shape_member *members = ARENA_ARRAY(l->arena, struct shape_member, node->count);
        for (uint32_t i = 0; i < node->count; i++)
            members[i] = (struct shape_member){.name = node->entries[i].key,
                .wire = node->entries[i].key,
                .shape = constant_shape(t, node->entries[i].value, dynamic)};
        load_struct(l, members, node->count, shape);
        break;
    }
    case NODE_NULL: load_error(l, node, "a constant has to have a value"); break;
    }
    return shape;
}

static void add_constant(struct request_builder *b, struct str wire, const struct node *node)
{
    bool dynamic = false;
    const struct shape *shape = constant_shape(b->t, node, &dynamic);
    add_extra(b, wire, shape, node_value(b->t->l->arena, node))->dynamic = dynamic;
}

static void add_constants(struct request_builder *b, const struct node *with)
{
    struct loader *l = b->t->l;
    if (with && with->kind != NODE_MAP) {
        load_error(l, with, "expected {Member: value}, not %s", node_kind_name(with));
        return;
    }
    for (uint32_t i = 0; with && i < with->count; i++)
        add_constant(b, with->entries[i].key, with->entries[i].value);
}

/* Every settable attribute that has no call of its own. */
static void add_all(struct request_builder *b, struct str prefix)
{
    for (size_t i = 0; i < b->t->type->attr_count; i++) {
        const struct spec_attr *attr = &b->t->attrs[i];
        if (attr->attr->settable && !attr->steers && attr->owner == OWNER_BASE)
            add_attr(b, step_joined_name(b->t->l, prefix, attr->wire), attr);
    }
}

static void add_send(struct request_builder *b, struct str prefix, const struct node *node);

/* ".Path" of the item at hand; "." is the item itself. */
static struct spec_extra *add_item_path(struct request_builder *b, struct str wire, struct str text)
{
    static const struct shape any = {.kind = SHAPE_ANY};
    struct arena *arena = b->t->l->arena;
    struct str path = text.n > 1 ? str_slice(text, 1, text.n) : STR("@");
    struct spec_extra *extra = add_extra(b, wire, &any, value_string(arena, path));
    extra->from_item = true;
    return extra;
}

static bool is_template(const struct node *node)
{
    return node->kind == NODE_STRING && str_starts(node->string, STR("${"));
}

static bool is_item_path(const struct node *node)
{
    return node->kind == NODE_STRING && str_starts(node->string, STR("."));
}

/* Member: attribute | all | . | .Path | [attributes] | {Member: …} */
static void add_renamed(struct request_builder *b, struct str wire, const struct node *node)
{
    if (node->kind == NODE_LIST && node->count == 1 && is_item_path(node->items[0])) {
        add_item_path(b, wire, node->items[0]->string)->listed = true;
    } else if (node->kind == NODE_LIST && node->count == 1 && is_template(node->items[0])) {
        add_constant(b, wire, node);
    } else if (node->kind != NODE_STRING) {
        add_send(b, wire, node);
    } else if (str_eqz(node->string, "all")) {
        add_all(b, wire);
    } else if (is_item_path(node)) {
        add_item_path(b, wire, node->string);
    } else {
        const struct spec_attr *attr = load_attr_named(b->t, node, node->string);
        if (attr)
            add_attr(b, wire, attr);
    }
}

static void add_send(struct request_builder *b, struct str prefix, const struct node *node)
{
    struct loader *l = b->t->l;
    if (node->kind == NODE_STRING && str_eqz(node->string, "all")) {
        add_all(b, prefix);
    } else if (node->kind == NODE_LIST) {
        for (uint32_t i = 0; i < node->count; i++) {
            const struct node *item = node->items[i];
            if (item->kind != NODE_STRING) {
                add_send(b, prefix, item);
            } else if (str_eqz(item->string, "all")) {
                add_all(b, prefix);
            } else {
                const struct spec_attr *attr = load_attr_named(b->t, item, item->string);
                if (attr)
                    add_attr(b, step_joined_name(l, prefix, attr->wire), attr);
            }
        }
    } else if (node->kind == NODE_MAP) {
        for (uint32_t i = 0; i < node->count; i++)
            add_renamed(b, step_joined_name(l, prefix, node->entries[i].key), node->entries[i].value);
    } else {
        load_error(l, node, "send is all, a list of attributes or {Member: attribute}");
    }
}

static void add_with_create(struct request_builder *b, const struct node *with_create)
{
    const struct spec_tags *tags = b->t->type->tags;
    if (with_create->kind == NODE_STRING)
        add_member(b, tags->attr->attr->name, with_create->string, tags->shape);
    else
        add_constants(b, with_create);
}

static void load_request(struct request_builder *b, const struct node *node, const struct step_rules *rules,
    const struct spec_operation *op, struct spec_request *out)
{
    struct type_loader *t = b->t;
    const struct node *send = node_get(node, "send");
    const struct spec_attr *id = spec_attr_find(t->type, t->type->schema.id);
    if (send)
        add_send(b, STR_EMPTY, send);
    else if (rules->all)
        add_all(b, STR_EMPTY);
    else if (rules->ident)
        add_send(b, STR_EMPTY, rules->ident);
    else if (id && !rules->nothing)
        add_attr(b, id->wire, id);
    if (!send && rules->subject)
        add_attr(b, rules->subject->wire, rules->subject);
    add_constants(b, node_get(node, "with"));
    static const struct shape text = {.kind = SHAPE_STRING};
    struct str token = load_text(t->l, node, "token");
    if (token.n)
        add_extra(b, token, &text, value_stringz(t->l->arena, "${token}"))->dynamic = true;
    for (size_t i = 0; i < rules->item_count; i++)
        add_extra(
            b, rules->items[i].as, rules->items[i].shape, value_string(t->l->arena, rules->items[i].path))
            ->from_item = true;
    if (rules->with_create)
        add_with_create(b, rules->with_create);
    load_struct(t->l, b->members, b->n, &out->shape);
    struct shape_member *members = (struct shape_member *)out->shape.members;
    for (size_t i = 0; i < out->shape.member_count; i++)
        place_member(op, &members[i]);
    struct spec_extra *extras = ARENA_ARRAY(t->l->arena, struct spec_extra, b->extra_n);
    struct str *attrs = ARENA_ARRAY(t->l->arena, struct str, b->attr_n);
    if (b->extra_n)
        memcpy(extras, b->extras, b->extra_n * sizeof *extras);
    if (b->attr_n)
        memcpy(attrs, b->attrs, b->attr_n * sizeof *attrs);
    *out = (struct spec_request){out->shape, extras, b->extra_n, attrs, b->attr_n};
}

/* ---- steps ---- */

/* `body: none`: the operation without the element around its body, where none of its members is sent. */
static const struct spec_operation *step_without_body(
    struct loader *l, const struct node *node, const struct spec_operation *op)
{
    struct str body = load_text(l, node, "body");
    if (!body.n)
        return op;
    if (!str_eqz(body, "none"))
        load_error(l, node_get(node, "body"), "body is none, or left out");
    struct spec_operation *bare = ARENA_NEW(l->arena, struct spec_operation);
    *bare = *op;
    bare->wire.body = bare->wire.body_xmlns = STR_EMPTY;
    return bare;
}

/* May it be sent twice? By its verb, by the token that it carries, or because the spec says so. */
static bool step_repeats(struct loader *l, const struct node *node, struct str call)
{
    if (node_get(node, "idempotent"))
        return load_flag(l, node, "idempotent");
    return verb_repeats(call) || node_get(node, "token");
}

static void load_page(struct request_builder *b, const struct node *node, struct spec_page *out)
{
    struct loader *l = b->t->l;
    const struct node *page = node_get(node, "page");
    if (page && page->kind == NODE_STRING && str_eqz(page->string, "none"))
        return;
    page = page ? page : l->page;
    if (!page || !load_keys(l, page, "page", "in out last more by total first"))
        return;
    static const struct shape text = {.kind = SHAPE_STRING};
    struct str wire = load_text(l, page, "in"), by = load_text(l, page, "by");
    *out = (struct spec_page){.in_key = STR("=page"),
        .out = load_text(l, page, "out"),
        .last = load_text(l, page, "last"),
        .more = load_text(l, page, "more"),
        .total = load_text(l, page, "total"),
        .first = load_int(l, page, "first", str_eqz(by, "number") ? 1 : 0)};
    out->by = out->last.n             ? PAGE_LAST_ITEM
              : str_eqz(by, "items")  ? PAGE_ITEM_COUNT
              : str_eqz(by, "number") ? PAGE_NUMBER
                                      : PAGE_TOKEN;
    bool counts = out->by == PAGE_ITEM_COUNT || out->by == PAGE_NUMBER;
    if (!wire.n || counts + (out->out.n > 0) + (out->last.n > 0 && out->more.n > 0) != 1)
        load_error(l, page, "page is {in, out}, {in, last, more}, {in, by: items} or {in, by: number}");
    add_member(b, out->in_key, wire, &text);
}

static void load_each(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    struct loader *l = t->l;
    struct step_rules rules = {.what = "each", .extra = "keep", .pages = true};
    step->list.each = load_step(t, node, &rules);
    step->list.newest = load_text(l, node, "newest");
    step->list.keep = load_int(l, node, "keep", 0);
}

static void load_match(struct type_loader *t, const struct node *match, struct spec_step *step)
{
    if (match && match->kind == NODE_MAP && match->count == 1 &&
        match->entries[0].value->kind == NODE_STRING) {
        step->match_path = match->entries[0].key;
        step->match_attr = match->entries[0].value->string;
        if (!str_eqz(step->match_attr, "token"))
            load_attr_named(t, match->entries[0].value, step->match_attr);
    } else if (match) {
        load_error(t->l, match, "match is one {Path: attribute}");
    }
}

static void load_answers(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    if (!node)
        return;
    if (node->kind != NODE_MAP) {
        load_error(t->l, node, "answers has to be {attribute: path}");
        return;
    }
    struct spec_answer *answers = ARENA_ARRAY(t->l->arena, struct spec_answer, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        load_attr_named(t, node->entries[i].value, node->entries[i].key);
        answers[i] = (struct spec_answer){
            node->entries[i].key, value_text(node_value(t->l->arena, node->entries[i].value), STR_EMPTY)};
    }
    step->answers = answers;
    step->answer_count = node->count;
}

struct spec_names load_attr_names(struct type_loader *t, const struct node *node)
{
    struct spec_names names = load_names(t->l, node);
    for (size_t i = 0; i < names.count; i++)
        if (names.items[i].n)
            load_attr_named(t, node->kind == NODE_LIST ? node->items[i] : node, names.items[i]);
    return names;
}

/* What the map around several calls says for all of them. */
static void load_shared(struct loader *l, const struct node *shared, bool reads, struct spec_step *step)
{
    if (!shared)
        return;
    if (!step->at.n && reads)
        step->at = load_text(l, shared, "at");
    if (!step->failed.n && !reads)
        step->failed = load_text(l, shared, "failed");
    if (!step->absent.count)
        step->absent = load_errors(l, node_get(shared, "absent"));
    if (!step->again.retry.count)
        step->again.retry = load_errors(l, node_get(shared, "retry"));
}

static void load_rules_of(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    struct loader *l = t->l;
    step->at = load_text(l, node, "at");
    step->parse = load_text(l, node, "parse");
    load_match(t, node_get(node, "match"), step);
    step->newest = load_text(l, node, "newest");
    step->list.skip = load_skip(l, node_get(node, "skip"));
    load_answers(t, node_get(node, "answers"), step);
    step->when = load_attr_names(t, node_get(node, "when"));
    step->list.covers = load_attr_names(t, node_get(node, "covers"));
    step->wanted = load_attr_names(t, node_get(node, "for"));
    step->list.per = load_attr_names(t, node_get(node, "per"));
    step->list.of = load_int(l, node, "of", 0);
    step->list.gather = load_text(l, node, "gather");
    if (step->list.gather.n)
        load_attr_named(t, node_get(node, "gather"), step->list.gather);
    step->only = load_conditions(t, node_get(node, "if"));
    step->unless = load_conditions(t, node_get(node, "unless"));
    step->full = load_flag(l, node, "full");
    step->partial = load_flag(l, node, "partial");
    step->alone = load_flag(l, node, "alone");
    step->wait = load_flag(l, node, "wait");
    step->look = load_flag(l, node, "look");
    step->ignore = load_errors(l, node_get(node, "ignore"));
    step->warn = load_errors(l, node_get(node, "warn"));
    step->absent = load_errors(l, node_get(node, "absent"));
    step->again.retry = load_errors(l, node_get(node, "retry"));
    step->again.for_ms = load_ms(l, node, "retry_for", 0);
    step->answers_in_ms = load_ms(l, node, "answers_in", 0);
    step->failed = load_text(l, node, "failed");
    struct str must = load_text(l, node, "must");
    step->must_be_absent = str_eqz(must, "be absent");
    if (must.n && !step->must_be_absent)
        load_error(l, node_get(node, "must"), "must is \"be absent\"");
}

/* What is done while a refused call is waited with. */
static void load_meanwhile(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    const struct node *users = node_get(node, "users"), *meanwhile = node_get(node, "meanwhile"),
                      *probe = node_get(node, "retry_unless");
    struct step_rules listing = {
        .what = "users", .extra = "tells", .nothing = true, .pages = true, .reads = true};
    struct step_rules plain = {.what = "meanwhile"};
    if (users) {
        step->again.users = load_step(t, users, &listing);
        step->again.tells = load_text(t->l, users, "tells");
    }
    if (meanwhile)
        step->again.meanwhile = load_step(t, meanwhile, &plain);
    plain.what = "retry_unless";
    if (probe)
        step->again.final_if = load_step(t, probe, &plain);
}

static void load_native(struct type_loader *t, const struct node *node, struct spec_step *step)
{
    step->native_name = load_text(t->l, node, "native");
    const struct native *native = kind_native(t->l->service->kind, step->native_name);
    step->native = native ? native->step : NULL;
    if (!step->native)
        load_error(t->l, node_get(node, "native"), "no native function is called \"%.*s\"",
            STR_ARG(step->native_name));
}

static bool compares_with_prior(const struct spec_step *step)
{
    bool prior = false;
    for (size_t i = 0; i < step->only.count; i++)
        prior |= step->only.items[i].prior;
    for (size_t i = 0; i < step->unless.count; i++)
        prior |= step->unless.items[i].prior;
    return prior;
}

const struct spec_step *load_step(
    struct type_loader *t, const struct node *node, const struct step_rules *rules)
{
    struct loader *l = t->l;
    struct spec_step *step = ARENA_NEW(l->arena, struct spec_step);
    static const struct node nothing = {.kind = NODE_MAP};
    const struct node *where = node;
    struct str call = node->kind == NODE_STRING ? node->string : load_text(l, node, "call");
    struct str keys = arena_printf(l->arena, "%s %s", STEP_KEYS, rules->extra ? rules->extra : "");
    if (node->kind == NODE_STRING)
        node = &nothing; /* `get: GetBucketPolicy` is short for {call: GetBucketPolicy} */
    else if (!load_keys(l, node, rules->what, keys.p))
        return step;
    load_rules_of(t, node, step);
    if (!str_eqz(str_z(rules->what), "update") && compares_with_prior(step))
        load_error(l, node_get(node, "if") ? node_get(node, "if") : node_get(node, "unless"),
            "only a step of \"update\" can ask for what was prior to it");
    load_shared(l, rules->shared, rules->reads, step);
    step->sparse = rules->change && !step->at.n;
    if (node_get(node, "each"))
        load_each(t, node_get(node, "each"), step);
    load_meanwhile(t, node, step);
    if (node_get(node, "native")) {
        load_native(t, node, step);
        return step;
    }
    if (!call.n) {
        load_error(l, where, "%s needs \"call\"", rules->what);
        return step;
    }
    if (!l->calls) {
        load_error(l, where, "calls need the file's \"protocol\"; without one there is only \"native\"");
        return step;
    }
    /* Settings and tags that a thing does not have may be left out of an answer, the thing itself not. */
    step->demands = step->at.n && !str_eqz(step->at, "@") && !rules->shared;
    step->op = step_without_body(l, node, load_operation(l, where, call));
    step->idempotent = step_repeats(l, node, call);
    step->by_token = !verb_repeats(call) && !load_flag(l, node, "idempotent") && node_get(node, "token");
    struct request_builder b = {.t = t};
    if (rules->pages || step->match_path.n)
        load_page(&b, node, &step->list.page);
    load_request(&b, node, rules, step->op, &step->request);
    free(b.members);
    free(b.extras);
    free(b.attrs);
    return step;
}

struct spec_steps load_steps(struct type_loader *t, const struct node *node, const struct step_rules *rules)
{
    if (!node)
        return (struct spec_steps){0};
    size_t n = node->kind == NODE_LIST ? node->count : 1;
    struct spec_step *steps = ARENA_ARRAY(t->l->arena, struct spec_step, n);
    struct str maker = STR_EMPTY; /* the call that makes the thing also takes its tags */
    for (size_t i = 0; i < n; i++) {
        const struct node *item = node->kind == NODE_LIST ? node->items[i] : node;
        bool probe = node_get(item, "must") || node_get(item, "look");
        struct str call = item->kind == NODE_MAP && !probe ? load_text(t->l, item, "call") : STR_EMPTY;
        if (!maker.n)
            maker = call;
        struct step_rules own = *rules;
        if (!call.n || !str_eq(call, maker))
            own.with_create = NULL;
        if (probe)
            own.all = false;
        steps[i] = *load_step(t, item, &own);
    }
    return (struct spec_steps){steps, n};
}
