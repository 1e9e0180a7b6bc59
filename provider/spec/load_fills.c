/* What a type takes from elsewhere: `fills`, from other resources; `engines`, from the machine that a sandbox
 * is on. */
#include "provider/spec/load.h"

/* ---- fills ---- */

/* A type of the same or another service, and an attribute of it. */
static bool split_from(struct str text, struct schema_fill *fill)
{
    size_t dot = str_after_last(text, ".");
    fill->type = str_slice(text, 0, dot ? dot - 1 : 0);
    fill->from = str_slice(text, dot, text.n);
    return fill->type.n && fill->from.n;
}

void load_fills(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    if (!node || node->kind != NODE_MAP) {
        if (node)
            load_error(l, node, "fills are {path: {path: type.attribute}}");
        return;
    }
    struct schema_fill *fills = ARENA_ARRAY(l->arena, struct schema_fill, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node *by = node->entries[i].value;
        bool good = by->kind == NODE_MAP && by->count == 1 && by->entries[0].value->kind == NODE_STRING &&
                    split_from(by->entries[0].value->string, &fills[i]);
        if (!good) {
            load_error(l, by, "expected {path: type.attribute}");
            return;
        }
        fills[i].path = node->entries[i].key;
        fills[i].by = by->entries[0].key;
        load_path(t, by, fills[i].path);
        load_path(t, by, fills[i].by);
    }
    t->type->schema.fills = fills;
    t->type->schema.fill_count = node->count;
}

/* ---- engines ---- */

void load_engines(struct type_loader *t, const struct node *node)
{
    static const char *const uses[] = {
        [ENGINE_MAKES] = "makes", [ENGINE_RUNS] = "runs", [ENGINE_SERVES] = "serves"};
    struct loader *l = t->l;
    if (!node || node->kind != NODE_LIST)
        return; /* that it is no list is said by load_sandbox() */
    struct schema_engine *engines = ARENA_ARRAY(l->arena, struct schema_engine, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        struct schema_engine *engine = &engines[i];
        size_t n = 0;
        for (int use = 0; use < ENGINE_USES; use++)
            if (node_get(node->items[i], uses[use])) {
                engine->use = (enum engine_use)use;
                engine->name = load_text(l, node->items[i], uses[use]);
                n++;
            }
        if (n != 1)
            load_error(l, node->items[i], "an engine makes, runs or serves the type: one of these");
        engine->when = load_value_tests(t, node_get(node->items[i], "if"));
    }
    t->type->schema.engines = engines;
    t->type->schema.engine_count = node->count;
}
