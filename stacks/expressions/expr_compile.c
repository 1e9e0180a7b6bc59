/*
 * Compiles YAML nodes to expressions; most scalars are constants, which need one node and no copy. Also JSON
 * documents that an expression gives as a string: their content around unknown parts, and source locations in
 * them.
 */
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "stacks/expressions/func.h"
#include "stacks/stack.h"

#include <stdlib.h>

/* ---- JSON documents that an expression gives as a string: their content around unknown parts, and source
 * locations in them */

/* Two pairs of private-use characters, which do not occur in strings by chance. */
const struct str unknown_spelt = STR_INIT("\xef\xa3\xbf\xef\xa3\xbfunknown\xef\xa3\xbf");
enum { MAX_HOPS = 20 };

/* ---- unknown values ---- */

static const struct value *each_mapped(struct arena *arena, const struct value *v,
    const struct value *(*map)(struct arena *arena, const struct value *v))
{
    AUTO_BUILDER struct value_builder made = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *inner = map(arena, v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value);
        if (!inner)
            return NULL;
        if (v->kind == VALUE_LIST)
            value_builder_add(&made, inner);
        else
            value_builder_set(&made, v->entries[i].key, inner);
    }
    return v->kind == VALUE_LIST ? value_builder_list(&made) : value_builder_map(&made);
}

const struct value *unknown_spell(struct arena *arena, const struct value *v)
{
    if (v->kind == VALUE_UNKNOWN)
        return value_string_ref(arena, unknown_spelt);
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP ? each_mapped(arena, v, unknown_spell) : v;
}

/* The reverse of unknown_spell(). A string with an unknown part is unknown. Returns NULL if a key is
 * unknown. */
static const struct value *spelt_unknown(struct arena *arena, const struct value *v)
{
    if (v->kind == VALUE_STRING && str_find(v->string, unknown_spelt, 0) >= 0)
        return &value_unknown;
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        if (str_find(v->entries[i].key, unknown_spelt, 0) >= 0)
            return NULL;
    return v->kind == VALUE_LIST || v->kind == VALUE_MAP ? each_mapped(arena, v, spelt_unknown) : v;
}

/* Quotes the placeholder outside of quotes, where it stands for a number or an object. */
static void quote_unknown(struct buf *out, struct str text)
{
    bool quoted = false;
    for (size_t at = 0; at < text.n;) {
        char c = text.p[at];
        struct str rest = str_slice(text, at, text.n);
        if (!quoted && str_starts(rest, unknown_spelt)) {
            buf_addf(out, "\"%.*s\"", STR_ARG(unknown_spelt));
            at += unknown_spelt.n;
            continue;
        }
        buf_add_char(out, c);
        if (quoted && c == '\\' && at + 1 < text.n)
            buf_add_char(out, text.p[++at]);
        else if (c == '"')
            quoted = !quoted;
        at++;
    }
}

const struct value *expr_eval_document(
    const struct expr *expr, const struct scope *scope, struct arena *arena)
{
    AUTO_DIAGS struct diags unseen = DIAGS_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct scope spelling = *scope;
    struct err err;
    const struct value *document;
    spelling.diags = &unseen;
    spelling.spells_unknown = true;
    const struct value *v = expr_eval(expr, &spelling, arena);
    if (!v || v->kind != VALUE_STRING || value_is_sensitive(v) || str_find(v->string, unknown_spelt, 0) < 0)
        return NULL;
    quote_unknown(&text, v->string);
    return json_parse(arena, arena_str(arena, buf_str(&text)), &document, &err)
               ? NULL
               : spelt_unknown(arena, document);
}

/* ---- source locations of parts ---- */

/* Replaces what YAML cannot parse, tabs and expressions, by characters of the same length. */
static struct str plain_copy(struct arena *arena, struct str text)
{
    char *copy = arena_strz(arena, text);
    size_t open = 0;
    for (size_t at = 0; at < text.n; at++) {
        if (text.p[at] == '$' && at + 1 < text.n && text.p[at + 1] == '{' && !open)
            open = 1, copy[at] = 'x', copy[++at] = 'x';
        else if (open) {
            open += text.p[at] == '{';
            open -= text.p[at] == '}';
            copy[at] = text.p[at] == '\n' ? '\n' : 'x';
        } else if (text.p[at] == '\t')
            copy[at] = ' ';
    }
    return str_n(copy, text.n);
}

struct place {
    uint32_t offset, length;
};

/* Follows the path from step `from` as far as it leads. */
static bool place_in(struct arena *arena, struct str text, const struct value *path, uint32_t from,
    bool at_key, struct place *out)
{
    AUTO_DIAGS struct diags unseen = DIAGS_INIT;
    struct source *source =
        ARENA_MAKE(arena, struct source, .path = STR_EMPTY, .text = plain_copy(arena, text));
    const struct node *node = yaml_parse(arena, source, &unseen);
    const struct node_entry *entry = NULL;
    if (!node || unseen.errors || (node->kind != NODE_MAP && node->kind != NODE_LIST))
        return false;
    for (uint32_t i = from; i < path->count; i++) {
        const struct value *step = path->items[i];
        const struct node *inner = NULL;
        if (step->kind == VALUE_STRING && (entry = node_find(node, step->string)))
            inner = entry->value;
        else if (step->kind == VALUE_INT && node->kind == NODE_LIST && step->integer >= 0 &&
                 step->integer < node->count)
            inner = node->items[step->integer];
        if (!inner)
            break;
        entry = step->kind == VALUE_STRING ? entry : NULL;
        node = inner;
    }
    bool key = entry && (at_key || node->kind == NODE_MAP || node->kind == NODE_LIST);
    *out = key ? (struct place){entry->key_offset, entry->key_length}
               : (struct place){node->offset, node->length};
    return true;
}

static bool is_call(const struct expr *e, const struct value *(*run)(struct call *call))
{
    return e->op == EXPR_CALL && e->call.function && e->call.function->run == run && e->count;
}

/* Returns the file that the expression reads. It was read before, so errors are not reported again. */
static struct source *file_of(const struct expr *e, const struct scope *scope)
{
    AUTO_DIAGS struct diags unseen = DIAGS_INIT;
    struct arena *arena = &scope->diags->arena;
    struct scope quiet = *scope;
    quiet.diags = &unseen;
    if (!is_call(e, func_file) && !is_call(e, func_templatefile))
        return NULL;
    const struct value *name = expr_eval(e->call.args[0], &quiet, arena);
    if (!name || name->kind != VALUE_STRING || value_is_sensitive(name))
        return NULL;
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = path_join(arena, scope->dir, name->string);
    bool open = scope->open && scope->open->find(scope->open->ctx, source->path, &source->text);
    return open || !file_read(arena, source->path.p, YAML_MAX_SIZE, &source->text, ERR_IGNORED) ? source
                                                                                                : NULL;
}

/* Returns the expression that contains the document: follows local values and the encoding functions. */
static const struct expr *document_source(const struct expr *e)
{
    for (int hops = 0; hops < MAX_HOPS; hops++) {
        if (e->op == EXPR_DECL && e->decl->kind == DECL_LOCAL && e->decl->expr)
            e = e->decl->expr;
        else if (is_call(e, func_jsonencode) || is_call(e, func_jsondecode) || is_call(e, func_yamldecode))
            e = e->call.args[0];
        else
            break;
    }
    return e;
}

struct span expr_span_within(
    const struct expr *expr, const struct scope *scope, const struct value *path, bool at_key)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct expr_entry *entry;
    uint32_t rest;
    struct place place;
    const struct expr *start = document_source(expr), *found = expr_follow(start, path, &entry, &rest);
    if (found == start)
        found = document_source(found);
    bool text = found->node && found->node->source && found->node->kind == NODE_STRING &&
                (found->op == EXPR_CONST || found->op == EXPR_TEMPLATE);
    const struct source *file = file_of(found, scope);
    if (file && place_in(&arena, file->text, path, path->count - rest, at_key, &place))
        return span_at(file, place.offset, place.length);
    if (text && rest && place_in(&arena, found->node->string, path, path->count - rest, at_key, &place)) {
        size_t from = node_raw_offset(found->node, place.offset);
        return (struct span){.source = found->node->source, .offset = (uint32_t)from, .length = place.length};
    }
    return start == expr || rest < path->count ? expr_span_at(start, path, at_key) : expr_span(expr);
}

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

/* Compiles a key with ${…} in it. */
static struct expr *compile_key(struct arena *arena, const struct node_entry *entry, struct diags *diags)
{
    struct node *node = ARENA_MAKE(arena, struct node, .kind = NODE_STRING, .offset = entry->key_offset,
        .length = entry->key_length, .string = entry->key, .source = entry->value->source);
    return template_compile(arena, node, diags);
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

static bool is_template(const struct node *node)
{
    return node->kind == NODE_STRING && has_expression(node->string);
}

static void compile(struct arena *arena, const struct node *node, struct expr *out, struct diags *diags)
{
    if (is_template(node)) {
        *out = *template_compile(arena, node, diags);
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
    if (is_template(node))
        return template_compile(arena, node, diags);
    struct expr *e = ARENA_NEW(arena, struct expr);
    compile(arena, node, e, diags);
    return e;
}

const struct node *source_node(struct arena *arena, const struct source *source)
{
    return ARENA_MAKE(arena, struct node, .kind = NODE_STRING, .plain = true,
        .length = (uint32_t)source->text.n, .string = source->text, .source = source);
}

struct expr *expr_parse(struct arena *arena, const struct source *source, struct diags *diags)
{
    struct expr *e = bare_compile(arena, source_node(arena, source), diags);
    return e->op == EXPR_BROKEN ? NULL : e;
}
