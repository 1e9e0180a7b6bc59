/* Evaluation: the walk, constructors, templates and names. Operators are in expr_ops.c. */
#include "base/map.h"
#include "base/mask.h"
#include "stacks/expressions/expr_internal.h"

#include <assert.h>

/* ---- Comprehensions: [for v in list : …] and {for k, v in map : … => …} ---- */

struct loop {
    struct eval *ev;
    const struct expr *e;
    const struct comprehension *c;
    struct value_builder results;
    struct map seen; /* keys of the result */
    unsigned marks;  /* marks of the values that decide which items the result has */
    bool unknown;    /* it is unknown which items the result has */
};

/* Evaluates one iteration with its variables bound. Returns false after an error. */
static bool loop_round(struct loop *loop)
{
    struct eval *ev = loop->ev;
    const struct comprehension *c = loop->c;
    if (!eval_take_items(ev, loop->e, 1))
        return false;
    if (c->condition) {
        const struct value *condition = eval(ev, c->condition);
        if (!condition || !eval_is_bool(ev, c->condition, condition, "the condition"))
            return false;
        loop->marks |= condition->marks;
        loop->unknown |= condition->kind == VALUE_UNKNOWN;
        if (condition->kind == VALUE_UNKNOWN || !condition->boolean)
            return true;
    }
    struct str key = STR_EMPTY;
    if (c->key) {
        const struct value *v = eval(ev, c->key);
        if (!v || !(v = eval_as_text(ev, c->key, v)))
            return false;
        loop->marks |= v->marks;
        loop->unknown |= v->kind == VALUE_UNKNOWN;
        key = value_text(v, STR_EMPTY);
        if (v->kind == VALUE_STRING && map_set(&loop->seen, key, loop)) {
            if (v->marks & VALUE_SENSITIVE)
                eval_error(ev, c->key, "a sensitive key occurs twice");
            else
                eval_error(ev, c->key, "the key \"%.*s\" occurs twice", STR_ARG(key));
            return false;
        }
    }
    const struct value *item = eval(ev, c->value);
    if (item)
        value_builder_set(&loop->results, key, item);
    return item != NULL;
}

static bool loop_rounds(struct loop *loop, const struct value *over)
{
    struct eval *ev = loop->ev;
    struct binding binding = {.up = ev->binding};
    bool ok = true;
    unsigned marks =
        over->marks & VALUE_SENSITIVE; /* error messages in an iteration may show the bound values */
    ev->binding = &binding;
    for (uint32_t i = 0; ok && i < over->count; i++) {
        bool list = over->kind == VALUE_LIST;
        binding.value = eval_marked(ev, list ? over->items[i] : over->entries[i].value, marks);
        if (loop->c->key_name.n)
            binding.key = list ? value_int(ev->arena, i)
                               : eval_marked(ev, value_string_ref(ev->arena, over->entries[i].key), marks);
        ok = loop_round(loop);
    }
    ev->binding = binding.up;
    return ok;
}

static const struct value *eval_for(struct eval *ev, const struct expr *e)
{
    const struct comprehension *c = e->comprehension;
    const struct value *over = eval(ev, c->source);
    if (!over)
        return NULL;
    if (over->kind == VALUE_UNKNOWN)
        return over;
    if (over->kind != VALUE_LIST && over->kind != VALUE_MAP) {
        eval_error(ev, c->source, "\"for\" goes through a list or a map, not %s", value_with_article(over));
        return NULL;
    }
    struct loop loop = {.ev = ev,
        .e = e,
        .c = c,
        .results = VALUE_BUILDER(ev->arena),
        .marks = over->marks & VALUE_SENSITIVE};
    const struct value *result = NULL;
    if (loop_rounds(&loop, over)) {
        if (loop.unknown)
            result = &value_unknown;
        else
            result = c->key ? value_builder_map(&loop.results) : value_builder_list(&loop.results);
        result = eval_marked(ev, eval_checked(ev, e, result), loop.marks);
    }
    value_builder_release(&loop.results);
    map_release(&loop.seen);
    return result;
}

const struct value *expr_eval(const struct expr *expr, const struct scope *scope, struct arena *arena)
{
    struct budget budget = {.items = BUDGET_ITEMS, .bytes = BUDGET_BYTES};
    struct eval ev = {.scope = scope, .arena = arena, .budget = &budget};
    return eval(&ev, expr);
}

/* ---- errors and bounds ---- */

struct diag *eval_error(struct eval *ev, const struct expr *e, const char *format, ...)
{
    struct diags *diags = ev->scope->diags;
    if (ev->quiet) /* only the failure matters; labels and hints go to the spare diagnostic, which is not
                      shown */
        return &diags->spare;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(&scratch, format, args);
    va_end(args);
    return diag_error(diags, expr_span(e), "%s", message.p);
}

struct str eval_source(const struct expr *e, struct str fallback)
{
    if (!e->node || (e->flags & EXPR_WHOLE_NODE))
        return fallback;
    struct str text = str_slice(e->node->string, e->offset, (size_t)e->offset + e->length);
    bool usable = text.n && text.n <= 60 && str_find_char(text, '\n', 0) < 0;
    return usable ? text : fallback;
}

static bool overspent(struct eval *ev, const struct expr *e, const char *what)
{
    if (!ev->budget->spent) {
        ev->budget->spent = true;
        ev->quiet = false; /* try() must not hide this error */
        eval_error(ev, e, "%s", what);
    }
    return false;
}

bool eval_take_items(struct eval *ev, const struct expr *e, size_t n)
{
    if (n > ev->budget->items || ev->budget->spent)
        return overspent(ev, e, "this gives more than a million items");
    ev->budget->items -= n;
    return true;
}

bool eval_take_bytes(struct eval *ev, const struct expr *e, size_t n)
{
    if (n > ev->budget->bytes || ev->budget->spent)
        return overspent(ev, e, "this gives more than 64 MiB of text");
    ev->budget->bytes -= n;
    return true;
}

const struct value *eval_marked(struct eval *ev, const struct value *v, unsigned marks)
{
    bool sensitive = marks & (VALUE_SENSITIVE | VALUE_DEEP_SENSITIVE);
    if (!v || !sensitive || (v->marks & VALUE_SENSITIVE))
        return v;
    mask_add_value(v, MASK_LIKELY);
    return value_mark(ev->arena, v, VALUE_SENSITIVE);
}

const struct value *eval_checked(struct eval *ev, const struct expr *e, const struct value *v)
{
    if (value_size(v) > EXPR_VALUE_SIZE) {
        eval_error(ev, e, "written out, this takes more than 256 MiB");
        return NULL;
    }
    if (v->depth <= EXPR_VALUE_DEPTH)
        return v;
    eval_error(ev, e, "lists and maps are nested deeper than %d levels", EXPR_VALUE_DEPTH);
    return NULL;
}

/* ---- constructors ---- */

static const struct value *eval_list(struct eval *ev, const struct expr *e)
{
    if (e->list.folded)
        return e->list.folded;
    if (ev->binding && !eval_take_items(ev, e, e->count))
        return NULL;
    struct value *list = ARENA_NEW(ev->arena, struct value);
    list->kind = VALUE_LIST;
    list->count = e->count;
    list->items = ARENA_ARRAY(ev->arena, const struct value *, e->count);
    bool failed = false;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct value *item = eval(ev, &e->list.items[i]);
        list->items[i] = item;
        failed |= !item;
        if (item)
            value_adopt(list, item);
    }
    return failed ? NULL : eval_checked(ev, e, list);
}

/* Reports that two keys of the constructor are equal: one entry replaced another, or both have the same
 * value. */
static const struct value *report_twice(struct eval *ev, const struct expr *e,
    const struct value_entry *entries, const struct value *map, bool sensitive)
{
    struct str key = STR_EMPTY;
    AUTO_MAP struct map seen = MAP_INIT;
    for (uint32_t i = 0; i < e->count && map->count < e->count; i++)
        if (map_set(&seen, entries[i].key, ev))
            key = entries[i].key;
    if (sensitive)
        eval_error(ev, e, "a sensitive key is given twice");
    else
        eval_error(ev, e, "the key \"%.*s\" is given twice", STR_ARG(key));
    return NULL;
}

static bool eval_key(struct eval *ev, const struct expr_entry *entry, struct str *key, unsigned *marks)
{
    *key = entry->key;
    if (!entry->key_expr)
        return true;
    const struct value *v = eval(ev, entry->key_expr);
    if (!v || !(v = eval_as_text(ev, entry->key_expr, v)))
        return false;
    *marks |= v->marks;
    *key = value_text(v, STR_EMPTY);
    return true;
}

static const struct value *eval_map(struct eval *ev, const struct expr *e)
{
    if (e->map.folded)
        return e->map.folded;
    if (ev->binding && !eval_take_items(ev, e, e->count))
        return NULL;
    struct value_entry *entries = ARENA_ARRAY(ev->arena, struct value_entry, e->count);
    bool failed = false;
    unsigned key_marks = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        failed |= !eval_key(ev, &e->map.entries[i], &entries[i].key, &key_marks);
        entries[i].value = eval(ev, &e->map.entries[i].value);
        failed |= !entries[i].value;
    }
    if (failed)
        return NULL;
    if (key_marks & VALUE_DEEP_UNKNOWN)
        return eval_marked(ev, &value_unknown, key_marks);
    const struct value *map = value_map(ev->arena, entries, e->count);
    if (map->count < e->count)
        return report_twice(ev, e, entries, map, key_marks & VALUE_SENSITIVE);
    return eval_marked(ev, eval_checked(ev, e, map), key_marks);
}

const char lost_secret_hint[] =
    "give the state a key (`weir state key`) before the secret is made; one that is there already is made "
    "anew with --replace";

static bool holds_lost(const struct scope *scope, const struct value *v)
{
    if (!value_is_sensitive(v) || (v->kind != VALUE_LIST && v->kind != VALUE_MAP))
        return false;
    bool found = scope->is_lost(v);
    for (uint32_t i = 0; !found && i < v->count; i++)
        found = holds_lost(scope, v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value);
    return found;
}

bool eval_has(struct eval *ev, const struct expr *e, const struct value *v, bool deep)
{
    const struct scope *scope = ev->scope;
    if (!scope->is_lost || !(deep ? holds_lost(scope, v) : scope->is_lost(v)))
        return true;
    struct diag *d = eval_error(ev, e, "this is a secret of which the state keeps only a hash");
    diag_hint(ev->scope->diags, d, "%s", lost_secret_hint);
    return false;
}

/* ---- text ---- */

const struct value *eval_as_text(struct eval *ev, const struct expr *e, const struct value *v)
{
    if (v->kind == VALUE_UNKNOWN && ev->scope->spells_unknown)
        return value_string_ref(ev->arena, unknown_spelt);
    if (v->kind == VALUE_STRING || v->kind == VALUE_UNKNOWN)
        return v;
    if (!eval_has(ev, e, v, false))
        return NULL;
    struct str text = value_scalar_text(ev->arena, v);
    if (text.p)
        return eval_marked(ev, value_string_ref(ev->arena, text), v->marks);
    struct diag *d = eval_error(ev, e, "%s cannot stand in text", value_with_article(v));
    if (v->kind == VALUE_NULL)
        diag_hint(ev->scope->diags, d, "coalesce(value, \"…\") gives something for null");
    else if (!expr_hint_whole(e, ev->scope->diags, d))
        diag_hint(ev->scope->diags, d, "jsonencode(…) or join(\", \", …) make it text");
    return NULL;
}

static const struct value *eval_template(struct eval *ev, const struct expr *e)
{
    struct str few[16];
    struct str *texts = e->count <= 16 ? few : ARENA_ARRAY(ev->arena, struct str, e->count);
    unsigned marks = 0;
    bool failed = false, unknown = false;
    size_t size = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct value *v = eval(ev, e->parts[i]);
        if (v)
            v = eval_as_text(ev, e->parts[i], v);
        failed |= !v;
        marks |= v ? v->marks : 0u;
        unknown |= value_is_unknown(v);
        texts[i] = value_text(v, STR_EMPTY);
        size += texts[i].n;
    }
    if (failed || !eval_take_bytes(ev, e, size))
        return NULL;
    if (unknown)
        return eval_marked(ev, &value_unknown, marks);
    return eval_marked(ev, value_string_ref(ev->arena, arena_concat(ev->arena, texts, e->count)), marks);
}

/* ---- names ---- */

static const struct value *eval_variable(const struct eval *ev, const struct expr *e)
{
    const struct binding *binding = ev->binding;
    for (uint32_t i = 0; i < e->variable.depth; i++)
        binding = binding ? binding->up : NULL;
    assert(binding); /* expr_resolve() counted the bindings */
    return e->variable.is_key ? binding->key : binding->value;
}

static const struct value *eval_each(struct eval *ev, const struct expr *e, const struct value *v)
{
    if (!v)
        eval_error(ev, e, "\"each\" means nothing here");
    return v;
}

static const struct value *eval_constant_name(struct eval *ev, const struct expr *e)
{
    const struct value *v = value_get(ev->scope->constants, e->name);
    if (!v)
        eval_error(ev, e, "\"%.*s\" has no value here", STR_ARG(e->name));
    return v ? eval_marked(ev, v, ev->scope->constants->marks & VALUE_SENSITIVE) : NULL;
}

const struct value *eval(struct eval *ev, const struct expr *e)
{
    switch ((enum expr_op)e->op) {
    case EXPR_CONST: return &e->constant;
    case EXPR_BROKEN:
    case EXPR_NAME: return NULL;
    case EXPR_LIST: return eval_list(ev, e);
    case EXPR_MAP: return eval_map(ev, e);
    case EXPR_TEMPLATE: return eval_template(ev, e);
    case EXPR_DECL: return ev->scope->value_of(ev->scope->ctx, e->decl);
    case EXPR_CONSTANT_NAME: return eval_constant_name(ev, e);
    case EXPR_VARIABLE: return eval_variable(ev, e);
    case EXPR_EACH_KEY: return eval_each(ev, e, ev->scope->each_key);
    case EXPR_EACH_VALUE: return eval_each(ev, e, ev->scope->each_value);
    case EXPR_ATTR: return eval_attr(ev, e);
    case EXPR_INDEX: return eval_index(ev, e);
    case EXPR_CALL: return eval_call(ev, e);
    case EXPR_FOR: return eval_for(ev, e);
    default: return eval_operator(ev, e);
    }
}
