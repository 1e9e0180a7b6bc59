/* What a test says it needs: without that it is skipped, not failed. */
#include "cmd/testing/test_internal.h"

#include "sandbox/sandbox.h"

/* An engine of the sandbox by its name; NULL: there is none. */
static const struct sandbox_engine *test_needs_find(
    const struct sandbox_engine *engines, size_t n, const struct node *node)
{
    for (size_t i = 0; node->kind == NODE_STRING && i < n; i++)
        if (str_eqz(node->string, engines[i].name))
            return &engines[i];
    return NULL;
}

const char *test_missing(const struct node *root, struct arena *arena)
{
    const struct node *list = node_get(root, "needs");
    size_t n = 0;
    const struct sandbox_engine *engines = list && list->count ? sandbox_engines(arena, &n) : NULL;
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct sandbox_engine *engine = test_needs_find(engines, n, list->items[i]);
        if (engine && !engine->is_here)
            return engine->name;
    }
    return NULL;
}

void test_check_needs(const struct node *root, struct diags *diags)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct node *list = node_get(root, "needs");
    if (list && list->kind != NODE_LIST)
        diag_error(diags, node_span(list), "\"needs\" is a list of names, not %s", node_kind_name(list));
    if (!list || list->kind != NODE_LIST)
        return;
    size_t n;
    const struct sandbox_engine *engines = sandbox_engines(&scratch, &n);
    struct str *names = ARENA_ARRAY(&scratch, struct str, n + 1), all = STR_EMPTY;
    for (size_t i = 0; i < n; i++) {
        names[i] = str_z(engines[i].name);
        all = arena_printf(&scratch, "%.*s%s%s", STR_ARG(all), i ? ", " : "", engines[i].name);
    }
    for (uint32_t i = 0; n && i < list->count; i++) { /* without the sandbox no test is run */
        const struct node *item = list->items[i];
        if (test_needs_find(engines, n, item))
            continue;
        struct str text = node_text(item);
        struct diag *d = diag_error(diags, node_span(item), "nothing is known of \"%.*s\"", STR_ARG(text));
        diag_did_you_mean(diags, d, text, names, n);
        if (!d->label.n)
            diag_hint(diags, d, "a test may need: %.*s", STR_ARG(all));
    }
}
