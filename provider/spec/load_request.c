/* Builds the request of a call. */
#include "provider/spec/load.h"

#include "base/mem.h"

#include <stdlib.h>

struct request_builder {
    struct type_loader *t;
    const struct node *renamed; /* of the step; may be NULL */
    struct shape_member *members;
    size_t n, cap;
    struct spec_extra *extras;
    size_t extra_n, extra_cap;
    struct str *attrs;
    size_t attr_n, attr_cap;
    struct spec_kept *kept;
    size_t kept_n, kept_cap;
};

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

/* Adds an attribute with its own paths, below a prefix. */
static void add_placed(struct request_builder *b, struct str prefix, const struct spec_attr *attr)
{
    struct loader *l = b->t->l;
    if (!attr->along.count)
        add_attr(b, step_joined_name(l, prefix, attr->wire), attr);
    for (size_t i = 0; i < attr->along.count; i++) {
        add_attr(b, step_joined_name(l, prefix, attr->along.items[i]), attr);
        b->members[b->n - 1].along = true;
    }
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

/* Returns the name in "${name}", which alone stands for the attribute itself, with its type. */
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

static const struct shape any_shape = {.kind = SHAPE_ANY}; /* shape of an empty list's items */

const struct shape *load_constant_shape(struct type_loader *t, const struct node *node, bool *dynamic)
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
        shape->elem = node->count ? load_constant_shape(t, node->items[0], dynamic) : &any_shape;
        for (uint32_t i = 1; i < node->count; i++)
            shape->elem =
                wire_shape_union(l->arena, shape->elem, load_constant_shape(t, node->items[i], dynamic));
        break;
    case NODE_MAP: {
        struct shape_member *members = ARENA_ARRAY(l->arena, struct shape_member, node->count);
        for (uint32_t i = 0; i < node->count; i++)
            members[i] = (struct shape_member){.name = node->entries[i].key,
                .wire = node->entries[i].key,
                .shape = load_constant_shape(t, node->entries[i].value, dynamic)};
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
    const struct shape *shape = load_constant_shape(b->t, node, &dynamic);
    add_extra(b, wire, shape, node_value(b->t->l->arena, node))->dynamic = dynamic;
}

static void add_constants(struct request_builder *b, const struct node *with)
{
    uint32_t n = load_size(b->t->l, with, NODE_MAP, "expected {Member: value}");
    for (uint32_t i = 0; i < n; i++)
        add_constant(b, with->entries[i].key, with->entries[i].value);
}

/* Adds every settable attribute without its own calls. */
static void add_all(struct request_builder *b, struct str prefix)
{
    for (size_t i = 0; i < b->t->type->attr_count; i++) {
        const struct spec_attr *attr = &b->t->attrs[i];
        if (attr->attr->settable && !attr->weir_only && attr->owner == OWNER_BASE)
            add_placed(b, prefix, attr);
    }
}

static void add_send(struct request_builder *b, struct str prefix, const struct node *node);

/* Parses ".Path" of the current item; "." is the item itself. */
static struct spec_extra *add_item_path(struct request_builder *b, struct str wire, struct str text)
{
    struct arena *arena = b->t->l->arena;
    struct str path = text.n > 1 ? str_slice(text, 1, text.n) : STR("@");
    struct spec_extra *extra = add_extra(b, wire, &shape_any, value_string(arena, path));
    extra->from_item = true;
    return extra;
}

/* Parses attribute[.Path].field: a field of the map attribute's entry whose key is in the item. */
static bool add_entry_field(struct request_builder *b, struct str wire, const struct node *node)
{
    struct str path, field, name = str_cut(node->string, '[', &path);
    if (!path.p || !str_starts(path, STR(".")))
        return false;
    path = str_cut(path, ']', &field);
    field = str_starts(field, STR(".")) ? str_slice(field, 1, field.n) : STR_EMPTY;
    const struct spec_attr *attr = load_attr_named(b->t, node, name);
    const struct type *type = attr ? attr->attr->type : NULL;
    if (type && (type->kind != TYPE_MAP || !type_field(type->elem, field)))
        load_error(b->t->l, node, "\"%.*s\" is not a map whose entries have \"%.*s\"", STR_ARG(name),
            STR_ARG(field));
    struct spec_extra *extra = add_item_path(b, wire, path);
    extra->entry_of = name;
    extra->field = field;
    return true;
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
    } else if (!add_entry_field(b, wire, node)) {
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
                    add_placed(b, prefix, attr);
            }
        }
    } else if (node->kind == NODE_MAP) {
        for (uint32_t i = 0; i < node->count; i++)
            add_renamed(b, step_joined_name(l, prefix, node->entries[i].key), node->entries[i].value);
    } else {
        load_error(l, node, "send is all, a list of attributes or {Member: attribute}");
    }
}

/* ---- members sent back as read ---- */

/* Returns the shape with a further member of unknown shape at the path; NULL if the path leads nowhere. */
static const struct shape *shape_with(
    struct arena *arena, const struct shape *shape, struct str path, struct str name)
{
    struct str rest, first = str_cut(path, '.', &rest);
    struct shape *more = ARENA_NEW(arena, struct shape);
    *more = *shape;
    if (shape->kind != SHAPE_STRUCT) {
        more->elem = shape->elem ? shape_with(arena, shape->elem, path, name) : NULL;
        return more->elem ? more : NULL;
    }
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, shape->member_count + 1);
    memcpy(members, shape->members, shape->member_count * sizeof *members);
    more->members = members;
    for (size_t i = 0; rest.n && i < shape->member_count; i++)
        if (str_eq(members[i].wire, first)) {
            members[i].shape = shape_with(arena, members[i].shape, rest, name);
            return members[i].shape ? more : NULL;
        }
    members[more->member_count++] = (struct shape_member){.name = name, .wire = first, .shape = &any_shape};
    return rest.n ? NULL : more;
}

static struct spec_kept *kept_of(struct request_builder *b, struct str name)
{
    for (size_t i = 0; i < b->kept_n; i++)
        if (str_eq(b->kept[i].name, name))
            return &b->kept[i];
    MEM_GROW(b->kept, b->kept_cap, b->kept_n + 1);
    b->kept[b->kept_n] = (struct spec_kept){.name = name};
    return &b->kept[b->kept_n++];
}

/* Returns the member with the attribute whose structure contains the path; NULL: none. */
static struct shape_member *kept_within(
    struct request_builder *b, struct str wire, const struct spec_attr **attr, struct str *rest)
{
    for (size_t i = 0; i < b->n; i++) {
        struct str around = b->members[i].wire;
        *attr = spec_attr_find(b->t->type, b->members[i].name);
        if (!*attr || !str_starts(wire, around) || wire.n <= around.n || wire.p[around.n] != '.')
            continue;
        *rest = str_slice(wire, around.n + 1, wire.n);
        return &b->members[i];
    }
    return NULL;
}

static void keep_member(struct request_builder *b, struct str prefix, const struct node *node)
{
    struct arena *arena = b->t->l->arena;
    struct str path = node_text(node), rest;
    struct str name = arena_printf(arena, "@%.*s", STR_ARG(path)),
               wire = step_joined_name(b->t->l, prefix, path);
    const struct spec_attr *attr;
    struct shape_member *around = kept_within(b, wire, &attr, &rest);
    struct spec_kept *kept = kept_of(b, around ? attr->attr->name : name);
    if (!around) {
        *kept = (struct spec_kept){name, path, &any_shape};
        add_member(b, name, wire, &any_shape);
        return;
    }
    kept->path = attr->read;
    kept->answer = shape_with(arena, kept->answer ? kept->answer : attr->answer, rest, name);
    around->shape = shape_with(arena, around->shape, rest, name);
    if (!kept->answer || !around->shape)
        load_error(b->t->l, node, "nothing is at \"%.*s\"", STR_ARG(wire));
}

/* keeps: [Member, Structure.Member] | {Around: [Member]} */
static void add_keeps(struct request_builder *b, struct str prefix, const struct node *node)
{
    for (uint32_t i = 0; node && node->kind == NODE_LIST && i < node->count; i++)
        keep_member(b, prefix, node->items[i]);
    for (uint32_t i = 0; node && node->kind == NODE_MAP && i < node->count; i++)
        add_keeps(b, step_joined_name(b->t->l, prefix, node->entries[i].key), node->entries[i].value);
    if (node && node->kind != NODE_LIST && node->kind != NODE_MAP)
        load_error(b->t->l, node, "keeps is a list of members, or {Structure: [members]}");
}

static void add_with_create(struct request_builder *b, const struct node *with_create)
{
    const struct spec_owned *tags = b->t->type->tags;
    if (with_create->kind == NODE_STRING)
        add_member(b, tags->attr->attr->name, with_create->string, tags->shape);
    else
        add_constants(b, with_create);
}

/* ---- other member names in other operations ---- */

/* Returns the shape with the member at the path renamed, or without it if `as` is empty. NULL: there is
 * none. */
static const struct shape *shape_renamed(
    struct arena *arena, const struct shape *shape, struct str path, struct str as)
{
    struct str rest, first = str_cut(path, '.', &rest);
    struct shape *made = ARENA_NEW(arena, struct shape);
    *made = *shape;
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, shape->member_count + 1);
    made->members = members;
    made->member_count = 0;
    bool found = false;
    for (size_t i = 0; i < shape->member_count; i++) {
        struct shape_member member = shape->members[i];
        bool here = str_eq(member.wire, first);
        found = found || here;
        if (here && rest.n && !(member.shape = shape_renamed(arena, member.shape, rest, as)))
            return NULL;
        if (here && !rest.n)
            member.wire = as;
        if (member.wire.n)
            members[made->member_count++] = member;
    }
    return found ? made : NULL;
}

/* renamed: {Structure.Member: Name}; null leaves it out */
static void rename_members(struct request_builder *b, struct shape *out)
{
    struct loader *l = b->t->l;
    const struct node *renamed = b->renamed;
    uint32_t n = load_size(l, renamed, NODE_MAP, "renamed is {Structure.Member: Name or null}");
    for (uint32_t i = 0; i < n; i++) {
        const struct node *as = renamed->entries[i].value;
        const struct shape *made = shape_renamed(l->arena, out, renamed->entries[i].key, node_text(as));
        if (made && (as->kind == NODE_STRING || as->kind == NODE_NULL))
            *out = *made;
        else
            load_error(l, as, "nothing is sent at \"%.*s\"", STR_ARG(renamed->entries[i].key));
    }
}

static void load_members(struct request_builder *b, const struct spec_operation *op, struct shape *out)
{
    load_struct(b->t->l, b->members, b->n, out);
    rename_members(b, out);
    struct shape_member *members = (struct shape_member *)out->members;
    for (size_t i = 0; i < out->member_count; i++)
        spec_place_member(op, &members[i]);
}

static void build_request(struct request_builder *b, const struct node *node, const struct step_rules *rules,
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
    struct str token = load_text(t->l, node, "token");
    if (token.n)
        add_extra(b, token, &shape_text, value_stringz(t->l->arena, "${token}"))->dynamic = true;
    for (size_t i = 0; i < rules->item_count; i++)
        add_extra(
            b, rules->items[i].as, rules->items[i].shape, value_string(t->l->arena, rules->items[i].path))
            ->from_item = true;
    if (rules->with_create)
        add_with_create(b, rules->with_create);
    load_members(b, op, &out->shape);
    struct spec_extra *extras = ARENA_ARRAY(t->l->arena, struct spec_extra, b->extra_n);
    struct str *attrs = ARENA_ARRAY(t->l->arena, struct str, b->attr_n);
    if (b->extra_n)
        memcpy(extras, b->extras, b->extra_n * sizeof *extras);
    if (b->attr_n)
        memcpy(attrs, b->attrs, b->attr_n * sizeof *attrs);
    *out = (struct spec_request){
        .shape = out->shape, .extras = extras, .extra_count = b->extra_n, .attrs = {attrs, b->attr_n}};
    if (op && op->patch)
        load_patched(t->l, op, out);
}

static void load_keeps(struct request_builder *b, const struct node *node, const struct step_rules *rules,
    struct spec_step *step)
{
    struct loader *l = b->t->l;
    step->call.whole = step->call.request.shape;
    if (!node)
        return;
    add_keeps(b, STR_EMPTY, node);
    load_members(b, step->call.op, &step->call.whole);
    struct spec_kept *kept = ARENA_ARRAY(l->arena, struct spec_kept, b->kept_n + 1);
    memcpy(kept, b->kept, b->kept_n * sizeof *kept);
    step->call.kept = kept;
    step->call.kept_count = b->kept_n;
    if (!rules->subject && (!rules->change || rules->all))
        load_error(l, node, "only an update and what puts a setting read what they keep");
    bool parts =
        !step->call.full && !rules->subject; /* nothing else of the structure may be sent beside it */
    for (size_t i = 0; parts && i < b->kept_n; i++)
        if (attr_is_unnamed(b->kept[i].name))
            load_error(l, node, "\"%.*s\" is in no attribute: only a step that is \"full\" keeps it",
                STR_ARG(b->kept[i].name));
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
    add_member(b, out->in_key, wire, &shape_text);
}

void load_request(
    struct type_loader *t, const struct node *node, const struct step_rules *rules, struct spec_step *step)
{
    struct request_builder b = {.t = t, .renamed = node_get(node, "renamed")};
    if (rules->pages || step->reply.match_count)
        load_page(&b, node, &step->list.page);
    build_request(&b, node, rules, step->call.op, &step->call.request);
    load_keeps(&b, node_get(node, "keeps"), rules, step);
    free(b.kept);
    free(b.members);
    free(b.extras);
    free(b.attrs);
}
