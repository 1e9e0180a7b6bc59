/* From YAML nodes to expressions. Most scalars are constants, and those cost one node and no copy. */
#include "stacks/expressions/expr_internal.h"

#include "base/mem.h"

#include <stdlib.h>

static void compile(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags);

static bool has_expression(struct str text)
{
    return text.n >= 2 && memmem(text.p, text.n, "${", 2);
}

static const struct value *constant_of(const struct expr *e)
{
    switch (e->op) {
    case EXPR_CONST: return &e->constant;
    case EXPR_LIST: return e->list.folded;
    case EXPR_MAP: return e->map.folded;
    default: return NULL;
    }
}

static void fold_list(struct arena *arena, struct expr *e)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (!constant_of(&e->list.items[i]))
            return;
    struct value *v = ARENA_NEW(arena, struct value);
    v->kind = VALUE_LIST;
    v->count = e->count;
    v->items = ARENA_ARRAY(arena, const struct value *, e->count);
    for (uint32_t i = 0; i < e->count; i++) {
        v->items[i] = constant_of(&e->list.items[i]);
        value_adopt(v, v->items[i]);
    }
    e->list.folded = v;
}

static void fold_map(struct arena *arena, struct expr *e)
{
    for (uint32_t i = 0; i < e->count; i++)
        if (e->map.entries[i].key_expr || !constant_of(&e->map.entries[i].value))
            return;
    struct value_entry few[16] = {0};
    struct value_entry *entries = few;
    if (e->count > 16)
        entries = mem_realloc_array(NULL, e->count, sizeof *entries);
    for (uint32_t i = 0; i < e->count; i++)
        entries[i] = (struct value_entry){e->map.entries[i].key, constant_of(&e->map.entries[i].value)};
    e->map.folded = value_map(arena, entries, e->count);
    if (entries != few)
        free(entries);
}

static void compile_list(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags)
{
    out->op = EXPR_LIST;
    out->count = node->count;
    out->list.items = ARENA_ARRAY(arena, struct expr, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        compile(arena, node->items[i], &out->list.items[i], diags);
        out->flags &= (uint8_t)(out->list.items[i].flags | ~EXPR_IS_CONST);
    }
    fold_list(arena, out);
}

/* A key with ${…} in it. */
static struct expr *compile_key(struct arena *arena, const struct node_entry *entry, struct diags *diags)
{
    struct node *node = ARENA_NEW(arena, struct node);
    *node = (struct node){.kind = NODE_STRING,
        .offset = entry->key_offset,
        .length = entry->key_length,
        .line = entry->key_line,
        .column = entry->key_column,
        .string = entry->key,
        .source = entry->source};
    struct expr *e = ARENA_NEW(arena, struct expr);
    template_compile(arena, node, e, diags);
    return e;
}

static void compile_map(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags)
{
    out->op = EXPR_MAP;
    out->count = node->count;
    out->map.entries = ARENA_ARRAY(arena, struct expr_entry, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        struct expr_entry *entry = &out->map.entries[i];
        entry->key = node->entries[i].key;
        entry->origin = &node->entries[i];
        if (has_expression(entry->key)) {
            entry->key_expr = compile_key(arena, entry->origin, diags);
            out->flags &= (uint8_t)(entry->key_expr->flags | ~EXPR_IS_CONST);
        }
        compile(arena, node->entries[i].value, &entry->value, diags);
        out->flags &= (uint8_t)(entry->value.flags | ~EXPR_IS_CONST);
    }
    fold_map(arena, out);
}

static struct value scalar_value(const struct node *node)
{
    switch ((enum node_kind)node->kind) {
    case NODE_BOOL: return (struct value){.kind = VALUE_BOOL, .boolean = node->boolean};
    case NODE_INT: return (struct value){.kind = VALUE_INT, .integer = node->integer};
    case NODE_FLOAT: return (struct value){.kind = VALUE_FLOAT, .number = node->number};
    case NODE_STRING: return (struct value){.kind = VALUE_STRING, .string = node->string};
    default: return value_null;
    }
}

static void compile(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags)
{
    if (node->kind == NODE_STRING && has_expression(node->string)) {
        template_compile(arena, node, out, diags);
        return;
    }
    *out = (struct expr){.flags = EXPR_IS_CONST | EXPR_WHOLE_NODE, .node = node};
    if (node->kind == NODE_LIST)
        compile_list(arena, node, out, diags);
    else if (node->kind == NODE_MAP)
        compile_map(arena, node, out, diags);
    else
        out->constant = scalar_value(node);
}

struct expr *expr_compile(struct arena *arena, const struct node *node, struct diags *diags)
{
    struct expr *e = ARENA_NEW(arena, struct expr);
    compile(arena, node, e, diags);
    return e;
}

const struct node *source_node(struct arena *arena, const struct source *source)
{
    struct node *node = ARENA_NEW(arena, struct node);
    *node = (struct node){.kind = NODE_STRING,
        .plain = true,
        .length = (uint32_t)source->text.n,
        .line = 1,
        .column = 1,
        .string = source->text,
        .source = source};
    return node;
}

struct expr *expr_parse(struct arena *arena, const struct source *source, struct diags *diags)
{
    struct expr *e = ARENA_NEW(arena, struct expr);
    bare_compile(arena, source_node(arena, source), e, diags);
    return e->op == EXPR_BROKEN ? NULL : e;
}
