/* YAML files as trees of nodes with positions: see yaml.h. */
#include "base/yaml_internal.h"

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>

/* A node and its size, for the limits on aliases. */
struct built {
    struct node *node;
    size_t weight; /* number of nodes, with aliases expanded */
    uint32_t height;
    bool open; /* its end has not been read: an alias to it would be a cycle */
};

/* A list or map whose end has not been read. Its children are on the parser's stacks. */
struct frame {
    struct node *node;
    size_t first; /* index on the stack of items or entries */
    size_t weight;
    uint32_t height;
    bool has_key; /* of a map: the last entry on the stack has no value yet */
    bool is_merge;
    struct node *merge;   /* the value of `<<` */
    struct built *anchor; /* NULL: none */
    struct node *tagged;  /* the map with one entry for the tag and this node; NULL: no such tag */
};

enum { KEYS_KNOWN = 128 };

struct parser {
    struct yaml_input in;
    struct arena *arena;
    struct node *root;
    struct frame frames[YAML_MAX_DEPTH];
    size_t depth;
    struct node **items;
    size_t item_count, item_cap;
    struct node_entry *entries;
    size_t entry_count, entry_cap;
    struct map anchors;          /* name -> struct built */
    struct str keys[KEYS_KNOWN]; /* by hash: keys of before, so that equal ones share their text */
    size_t nodes, aliased, documents;
    bool failed;       /* parsing cannot continue */
    bool tags_as_keys; /* yaml_parse_tagged() */
};

/* ---- places ---- */

size_t yaml_offset(struct cursor *c, const yaml_mark_t *mark)
{
    if (c->ascii)
        return c->base + mark->index;
    const char *p = c->text.p;
    while (c->index < mark->index && c->offset < c->text.n) {
        c->offset++;
        while (c->offset < c->text.n && ((unsigned char)p[c->offset] & 0xc0) == 0x80)
            c->offset++;
        c->index++;
    }
    while (c->index > mark->index && c->offset > c->base) {
        c->offset--;
        while (c->offset > c->base && ((unsigned char)p[c->offset] & 0xc0) == 0x80)
            c->offset--;
        c->index--;
    }
    return c->offset;
}

struct span yaml_span(const struct source *source, size_t offset, size_t length)
{
    if (!length && source)
        return span_at(source, offset, length);
    return (struct span){.source = source, .offset = (uint32_t)offset, .length = (uint32_t)length};
}

static size_t event_start(struct parser *p, const yaml_event_t *event, size_t *length)
{
    size_t start = yaml_offset(&p->in.cursor, &event->start_mark);
    *length = yaml_offset(&p->in.cursor, &event->end_mark) - start;
    return start;
}

static struct span event_span(struct parser *p, const yaml_event_t *event)
{
    size_t length, start = event_start(p, event, &length);
    return yaml_span(p->in.source, start, length);
}

size_t yaml_rest_of_line(struct str text, size_t offset)
{
    const char *newline = memchr(text.p + offset, '\n', text.n - offset);
    size_t end = newline ? (size_t)(newline - text.p) : text.n;
    return str_trim(str_slice(text, offset, end)).n;
}

/* ---- tags ---- */

static const char *const tag_names[] = {[NODE_NULL] = "null",
    [NODE_BOOL] = "bool",
    [NODE_INT] = "int",
    [NODE_FLOAT] = "float",
    [NODE_STRING] = "str",
    [NODE_LIST] = "seq",
    [NODE_MAP] = "map"};

/* Returns the kind that a tag requires, or -1 after reporting an unknown tag. */
static int tag_kind(struct parser *p, const yaml_event_t *event, const char *tag, int non_specific)
{
    static const char prefix[] = YAML_MAP_TAG;
    size_t n = sizeof prefix - 1 - strlen("map");
    if (!strcmp(tag, "!"))
        return non_specific;
    if (!strncmp(tag, prefix, n))
        for (int kind = NODE_NULL; kind <= NODE_MAP; kind++)
            if (!strcmp(tag + n, tag_names[kind]))
                return kind;
    bool standard = !strncmp(tag, prefix, n);
    struct span span = event_span(p, event);
    struct str text = p->in.source->text;
    span.length = 0;
    while (span.offset + span.length < text.n && !strchr(" \t\r\n,]}", text.p[span.offset + span.length]))
        span.length++;
    struct diag *d = span_is_hidden(span) ? diag_error(p->in.diags, span, "unknown tag")
                                          : diag_error(p->in.diags, span, "unknown tag \"%s%s\"",
                                                standard ? "!!" : "", tag + (standard ? n : 0));
    if (!standard)
        diag_hint(p->in.diags, d, "computed values are written as expressions: ${name.attribute}");
    else
        diag_hint(p->in.diags, d, "the tags are !!str, !!int, !!float, !!bool, !!null, !!seq and !!map");
    return -1;
}

static bool is_own_tag(const struct parser *p, const yaml_char_t *tag)
{
    return p->tags_as_keys && tag && tag[0] == '!' && tag[1];
}

static void check_tag(struct parser *p, const yaml_event_t *event, const yaml_char_t *tag, struct node *node)
{
    if (!tag || is_own_tag(p, tag))
        return;
    int kind = tag_kind(p, event, (const char *)tag, node->kind);
    if (kind == NODE_FLOAT && node->kind == NODE_INT) {
        node->kind = NODE_FLOAT;
        node->number = (double)node->integer;
    }
    if (kind >= 0 && kind != node->kind)
        diag_error(p->in.diags, event_span(p, event), "the tag !!%s does not go with %s", tag_names[kind],
            node_kind_name(node));
}

static bool is_text_tag(const yaml_char_t *tag)
{
    return tag && (!strcmp((const char *)tag, "!") || !strcmp((const char *)tag, YAML_STR_TAG));
}

/* ---- building ---- */

static struct node *node_new(struct parser *p, enum node_kind kind, size_t offset, size_t length)
{
    struct node *node = ARENA_NEW(p->arena, struct node);
    node->kind = (uint8_t)kind;
    node->source = p->in.source;
    node->offset = (uint32_t)offset;
    node->length = (uint32_t)length;
    return node;
}

/* Returns {"!Ref": node} for the tag !Ref; without such a tag, the node itself. */
static struct node *with_tag(struct parser *p, const yaml_char_t *tag, struct node *node)
{
    if (!is_own_tag(p, tag))
        return node;
    struct node *map = ARENA_NEW(p->arena, struct node);
    *map = *node;
    map->kind = NODE_MAP;
    map->plain = 0;
    map->count = 1;
    map->entries = ARENA_NEW(p->arena, struct node_entry);
    map->entries[0] = (struct node_entry){.key = arena_str(p->arena, str_z((const char *)tag)),
        .key_offset = node->offset,
        .key_length = node->length,
        .value = node};
    return map;
}

static struct frame *yaml_top(struct parser *p)
{
    return p->depth ? &p->frames[p->depth - 1] : NULL;
}

static void fail_at(struct parser *p, const yaml_event_t *event, const char *message)
{
    diag_error(p->in.diags, event_span(p, event), "%s", message);
    p->failed = true;
}

/* Adds a complete node to the open list or map, or makes it the root. */
static void yaml_attach(struct parser *p, struct built built)
{
    struct frame *frame = yaml_top(p);
    if (!frame) {
        p->root = built.node;
        return;
    }
    frame->weight += built.weight;
    if (frame->height < built.height + 1)
        frame->height = built.height + 1;
    if (frame->node->kind == NODE_LIST) {
        MEM_GROW(p->items, p->item_cap, p->item_count + 1);
        p->items[p->item_count++] = built.node;
        return;
    }
    frame->has_key = false;
    struct node_entry *entry = &p->entries[p->entry_count - 1];
    entry->value = built.node;
    if (built.node->kind == NODE_NULL && !built.node->length) {
        built.node->offset = entry->key_offset;
        built.node->length = entry->key_length;
    }
    if (frame->is_merge) {
        frame->is_merge = false;
        frame->merge = built.node;
        p->entry_count--;
    }
}

static struct built *remember_anchor(struct parser *p, const yaml_char_t *name, struct built built)
{
    if (!name)
        return NULL;
    struct built *anchor = ARENA_NEW(p->arena, struct built);
    *anchor = built;
    map_set(&p->anchors, arena_str(p->arena, str_z((const char *)name)), anchor);
    return anchor;
}

/* Returns a copy, or the copy of an equal key before. */
static struct str copy_key(struct parser *p, struct str text)
{
    struct str *known = &p->keys[str_hash(text) % KEYS_KNOWN];
    if (!known->p || !str_eq(*known, text))
        *known = arena_str(p->arena, text);
    return *known;
}

static void add_key(struct parser *p, const yaml_event_t *event)
{
    struct frame *frame = yaml_top(p);
    struct str text = str_n((const char *)event->data.scalar.value, event->data.scalar.length);
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    size_t length, start = event_start(p, event, &length);
    if (event->data.scalar.tag && !is_text_tag(event->data.scalar.tag))
        tag_kind(p, event, (const char *)event->data.scalar.tag, NODE_STRING);
    if (plain && !text.n)
        fail_at(p, event, "a key is missing here");
    frame->has_key = true;
    frame->is_merge = plain && str_eq(text, STR("<<"));
    if (frame->is_merge && frame->merge) {
        struct diag *d = diag_error(p->in.diags, event_span(p, event), "\"<<\" is given twice");
        diag_hint(p->in.diags, d, "several maps are merged with a list: <<: [*a, *b]");
    }
    MEM_GROW(p->entries, p->entry_cap, p->entry_count + 1);
    p->entries[p->entry_count++] = (struct node_entry){
        .key = copy_key(p, text), .key_offset = (uint32_t)start, .key_length = (uint32_t)length};
    if (event->data.scalar.anchor) {
        struct node *node = node_new(p, NODE_STRING, start, length);
        node->string = p->entries[p->entry_count - 1].key;
        remember_anchor(p, event->data.scalar.anchor, (struct built){node, 1, 0, false});
    }
}

static void count_nodes(struct parser *p, const yaml_event_t *event)
{
    if (++p->nodes == YAML_MAX_NODES)
        fail_at(p, event, "the file holds too many values");
}

static void on_scalar(struct parser *p, const yaml_event_t *event)
{
    struct frame *frame = yaml_top(p);
    if (frame && frame->node->kind == NODE_MAP && !frame->has_key) {
        add_key(p, event);
        return;
    }
    count_nodes(p, event);
    size_t length, start = event_start(p, event, &length);
    struct node *node = node_new(p, NODE_STRING, start, length);
    struct str text = str_n((const char *)event->data.scalar.value, event->data.scalar.length);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (node->plain && !is_text_tag(event->data.scalar.tag))
        yaml_set_plain(node, text);
    else
        node->string = text;
    if (node->kind == NODE_STRING)
        node->string = arena_str(p->arena, text);
    check_tag(p, event, event->data.scalar.tag, node);
    struct built built = {with_tag(p, event->data.scalar.tag, node), 1, 0, false};
    remember_anchor(p, event->data.scalar.anchor, built);
    yaml_attach(p, built);
}

static void on_alias(struct parser *p, const yaml_event_t *event)
{
    struct str name = str_z((const char *)event->data.alias.anchor);
    struct frame *frame = yaml_top(p);
    const struct built *anchor = map_get(&p->anchors, name);
    if (!anchor && span_is_hidden(event_span(p, event))) {
        fail_at(p, event, "there is no anchor of that name before this");
        return;
    }
    if (!anchor) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct str *names = ARENA_ARRAY(&scratch, struct str, p->anchors.n + 1);
        for (size_t i = 0; i < p->anchors.n; i++)
            names[i] = p->anchors.items[i].key;
        struct diag *d = diag_error(
            p->in.diags, event_span(p, event), "there is no anchor \"&%.*s\" before this", STR_ARG(name));
        diag_did_you_mean(p->in.diags, d, name, names, p->anchors.n);
        p->failed = true;
        return;
    }
    struct built built = *anchor;
    if (frame && frame->node->kind == NODE_MAP && !frame->has_key) {
        fail_at(p, event, "an alias cannot be a key");
        return;
    }
    if (built.open) {
        fail_at(p, event, "this alias stands for a value that holds itself");
        return;
    }
    p->aliased += built.weight;
    if (p->aliased > YAML_MAX_ALIASED)
        fail_at(p, event, "aliases make this file too large (over 1,000,000 values)");
    else if (p->depth + built.height > YAML_MAX_DEPTH)
        fail_at(p, event, "with this alias the nesting gets too deep (over 64 levels)");
    else
        yaml_attach(p, built);
}

/* A map's place is its first line; a JSON document may be one long line. */
enum { SHOWN_MAX = 4096 };

static void open_frame(struct parser *p, const yaml_event_t *event, enum node_kind kind,
    const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct frame *parent = yaml_top(p);
    if (parent && parent->node->kind == NODE_MAP && !parent->has_key) {
        fail_at(p, event, "a key must be a word or a text");
        return;
    }
    if (p->depth == YAML_MAX_DEPTH) {
        fail_at(p, event, "the nesting is too deep (over 64 levels)");
        return;
    }
    count_nodes(p, event);
    size_t start = yaml_offset(&p->in.cursor, &event->start_mark);
    struct str text = p->in.source->text;
    text.n = text.n - start < SHOWN_MAX ? text.n : start + SHOWN_MAX;
    struct node *node = node_new(p, kind, start, yaml_rest_of_line(text, start));
    check_tag(p, event, tag, node);
    size_t first = kind == NODE_LIST ? p->item_count : p->entry_count;
    struct built *remembered = remember_anchor(p, anchor, (struct built){node, 1, 0, true});
    p->frames[p->depth++] = (struct frame){.node = node, .first = first, .weight = 1, .anchor = remembered};
    if (is_own_tag(p, tag))
        yaml_top(p)->tagged = with_tag(p, tag, node);
}

static void close_frame(struct parser *p, struct frame frame)
{
    struct node *node = frame.tagged ? frame.tagged : frame.node;
    struct built built = {node, frame.weight, frame.height, false};
    if (frame.anchor)
        *frame.anchor = built;
    yaml_attach(p, built);
}

static void close_list(struct parser *p)
{
    struct frame frame = p->frames[--p->depth];
    size_t n = p->item_count - frame.first;
    frame.node->count = (uint32_t)n;
    frame.node->items = arena_alloc(p->arena, n * sizeof *p->items);
    if (n)
        memcpy(frame.node->items, p->items + frame.first, n * sizeof *p->items);
    p->item_count = frame.first;
    close_frame(p, frame);
}

static void close_map(struct parser *p)
{
    struct frame frame = p->frames[--p->depth];
    size_t n = p->entry_count - frame.first;
    yaml_fill_map(p->in.diags, p->arena, frame.node, n ? p->entries + frame.first : NULL, n, frame.merge);
    p->entry_count = frame.first;
    close_frame(p, frame);
}

/* ---- reading ---- */

static void on_event(struct parser *p, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (p->documents++) {
            struct diag *d = diag_error(p->in.diags, event_span(p, event), "a second document begins here");
            diag_hint(
                p->in.diags, d, "one file holds one document; further files are named under `include:`");
            p->failed = true;
        }
        break;
    case YAML_SCALAR_EVENT: on_scalar(p, event); break;
    case YAML_ALIAS_EVENT: on_alias(p, event); break;
    case YAML_SEQUENCE_START_EVENT:
        open_frame(p, event, NODE_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        open_frame(p, event, NODE_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_END_EVENT: close_list(p); break;
    case YAML_MAPPING_END_EVENT: close_map(p); break;
    default: break;
    }
}

static void parse_events(struct parser *p)
{
    bool done = false;
    while (!done && !p->failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&p->in.yaml, &event)) {
            yaml_report_problem(&p->in);
            p->failed = true;
            return;
        }
        on_event(p, &event);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
}

static bool check_encoding(const struct source *source, struct diags *diags)
{
    size_t valid = str_utf8_prefix(source->text);
    if (valid == source->text.n)
        return true;
    struct span span = span_at(source, valid, 1);
    struct diag *d = span_is_hidden(span) ? diag_error(diags, span, "not UTF-8")
                                          : diag_error(diags, span, "not UTF-8: the byte 0x%02X",
                                                (unsigned char)source->text.p[valid]);
    diag_hint(diags, d, "save the file as UTF-8");
    return false;
}

static struct node *parse_all(
    struct arena *arena, const struct source *source, bool tags_as_keys, struct diags *diags)
{
    struct str text = source->text;
    if (text.n > YAML_MAX_SIZE) {
        diag_error(diags, (struct span){.source = source}, "the file is larger than 256 MiB");
        return NULL;
    }
    if (!check_encoding(source, diags))
        return NULL;
    size_t bom = str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0;
    struct parser *p = mem_zalloc(sizeof *p);
    p->arena = arena;
    p->tags_as_keys = tags_as_keys;
    p->in.source = source;
    p->in.diags = diags;
    p->in.cursor = (struct cursor){
        .text = text, .base = bom, .ascii = str_is_ascii(str_slice(text, bom, text.n)), .offset = bom};
    if (!yaml_parser_initialize(&p->in.yaml))
        mem_exhausted(); /* the only reason for a failure */
    yaml_parser_set_encoding(&p->in.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&p->in.yaml, (const unsigned char *)text.p + bom, text.n - bom);
    parse_events(p);
    yaml_parser_delete(&p->in.yaml);
    struct node *root = p->failed ? NULL : p->root;
    if (!p->failed && (!root || (root->kind == NODE_NULL && !root->length)))
        root = node_new(p, NODE_MAP, bom, 0);
    free(p->items);
    free(p->entries);
    map_release(&p->anchors);
    free(p);
    return root;
}

struct node *yaml_parse(struct arena *arena, const struct source *source, struct diags *diags)
{
    return parse_all(arena, source, false, diags);
}

struct node *yaml_parse_tagged(struct arena *arena, const struct source *source, struct diags *diags)
{
    return parse_all(arena, source, true, diags);
}

struct node *yaml_load(struct arena *arena, const char *path, struct str shown_path, struct diags *diags)
{
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = arena_str(arena, shown_path);
    struct err err = ERR_INIT;
    if (file_read(arena, path, YAML_MAX_SIZE, &source->text, &err)) {
        diag_error(diags, (struct span){0}, "%s", err.message);
        return NULL;
    }
    return yaml_parse(arena, source, diags);
}
