/* `demands: [{if: {a: x}, must: {b: [y, z]}, says: …}]`: what values ask of each other. */
#include "provider/spec/load.h"

static struct value_test load_comparison(struct type_loader *t, struct str path, const struct node *node)
{
    static const struct {
        const char *key;
        enum test_kind kind;
    } kinds[] = {{"least", TEST_LEAST}, {"most", TEST_MOST}, {"times", TEST_TIMES}};
    struct loader *l = t->l;
    struct value_test test = {.path = path, .kind = TEST_IS, .values = value_list(l->arena, NULL, 0)};
    if (!load_keys(l, node, "a test", "not like least most times") || node->count != 1)
        return test;
    const struct node *operand = node->entries[0].value;
    const struct value *v = node_value(l->arena, operand);
    if (node_get(node, "not")) {
        test.kind = TEST_NOT;
        test.values = v->kind == VALUE_LIST ? v : value_list(l->arena, &v, 1);
    }
    if (node_get(node, "like")) {
        struct err err = ERR_INIT;
        struct attr *like = ARENA_NEW(l->arena, struct attr);
        *like = (struct attr){.name = path, .pattern = load_text(l, node, "like")};
        if (attr_compile_pattern(l->arena, like, &err))
            load_error(l, operand, "%s", err.message);
        test.kind = TEST_LIKE;
        test.like = like;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (node_get(node, kinds[i].key)) {
            test.kind = kinds[i].kind;
            test.number = load_int(l, node, kinds[i].key, 1);
            if (test.kind == TEST_TIMES && test.number < 1)
                load_error(l, operand, "nothing is a multiple of that");
        }
    return test;
}

static struct value_tests load_tests(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    if (!node || node->kind != NODE_MAP) {
        if (node)
            load_error(l, node, "expected {attribute: value}, not %s", node_kind_name(node));
        return (struct value_tests){0};
    }
    struct value_test *items = ARENA_ARRAY(l->arena, struct value_test, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        struct str rest, path = node->entries[i].key;
        const struct node *wanted = node->entries[i].value;
        load_attr_named(t, wanted, str_cut(path, '.', &rest));
        if (wanted->kind == NODE_MAP) {
            items[i] = load_comparison(t, path, wanted);
            continue;
        }
        const struct value *v = node_value(l->arena, wanted);
        items[i] = (struct value_test){
            .path = path, .values = v->kind == VALUE_LIST ? v : value_list(l->arena, &v, 1)};
    }
    return (struct value_tests){items, node->count};
}

void load_demands(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    if (!node)
        return;
    if (node->kind != NODE_LIST) {
        load_error(l, node, "demands are a list of {if, must, says}");
        return;
    }
    struct value_demand *demands = ARENA_ARRAY(l->arena, struct value_demand, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node *one = node->items[i];
        if (!load_keys(l, one, "a demand", "if must says"))
            continue;
        demands[i] = (struct value_demand){.when = load_tests(t, node_get(one, "if")),
            .must = load_tests(t, node_get(one, "must")),
            .says = load_text(l, one, "says")};
        if (!demands[i].must.count || !demands[i].says.n)
            load_error(l, one, "a demand says what must be, and says it in words");
    }
    t->type->schema.demands = demands;
    t->type->schema.demand_count = node->count;
}
