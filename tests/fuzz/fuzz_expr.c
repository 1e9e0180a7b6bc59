/* Expressions: compiled from any text, resolved against a handful of names, evaluated. */
#include "stacks/expr.h"
#include "stacks/stack.h"

#include <assert.h>

static struct decl known = {.kind = DECL_LOCAL, .name = STR_INIT("known")};
static struct decl later = {.kind = DECL_LOCAL, .name = STR_INIT("later")};

static struct decl *lookup(void *ctx, struct str name, struct str next, bool *consumed)
{
    (void)ctx;
    (void)next;
    (void)consumed;
    return str_eqz(name, "later") ? &later : str_eqz(name, "known") ? &known : NULL;
}

static const struct value *value_of(void *ctx, const struct decl *decl)
{
    return decl == &later ? &value_unknown : ctx;
}

/* Every place that is reported lies within the text. */
static void check_diags(struct diags *diags, const struct source *source)
{
    for (size_t i = 0; i < diags->n; i++) {
        const struct span *span = &diags->items[i].span;
        assert(span->source == source);
        assert(span->offset <= source->text.n && span->length <= source->text.n - span->offset);
    }
    AUTO_BUF struct buf out = BUF_INIT;
    diags_render(diags, true, &out);
    assert(str_is_utf8(buf_str(&out)));
}

static void run(struct arena *arena, struct expr *e, const struct source *source, struct diags *diags)
{
    const struct value *constants = value_map(arena, NULL, 0);
    const struct value *secret = value_mark(arena, value_stringz(arena, "hunter2"), VALUE_SENSITIVE);
    struct value_entry entries[] = {{STR("a"), value_int(arena, 1)}, {STR("b"), secret}};
    struct resolver resolver = {.lookup = lookup, .each_allowed = true};
    struct scope scope = {.value_of = value_of,
        .ctx = (void *)(uintptr_t)value_map(arena, entries, 2),
        .constants = constants,
        .each_key = value_stringz(arena, "k"),
        .each_value = secret,
        .dir = STR("/nonexistent"),
        .diags = diags};
    if (e)
        expr_resolve(e, &resolver, diags);
    if (e && !diags->errors) {
        const struct value *v = expr_eval(e, &scope, arena);
        assert(!v == (diags->errors > 0));
        if (v) /* marks are consistent all the way down */
            assert(value_is_sensitive(v) == value_is_sensitive(value_copy(arena, v)));
    }
    check_diags(diags, source);
    for (size_t i = 0; i < diags->n; i++)
        assert(str_find(source->text, STR("hunter2"), 0) >= 0 ||
               str_find(diags->items[i].message, STR("hunter2"), 0) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = {(const char *)data, n};
    /* Not the functions that read files: what they find is not of the fuzzer's making. */
    if (!str_is_utf8(text) || str_find(text, STR("file"), 0) >= 0)
        return 0;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct source source = {.path = STR("fuzz"), .text = arena_str(&arena, text)};
    AUTO_DIAGS struct diags diags = DIAGS_INIT, more = DIAGS_INIT;
    run(&arena, expr_parse(&arena, &source, &diags), &source, &diags);
    struct node node = {
        .kind = NODE_STRING, .plain = true, .length = (uint32_t)n, .string = source.text, .source = &source};
    run(&arena, expr_compile(&arena, &node, &more), &source, &more);
    return 0;
}
