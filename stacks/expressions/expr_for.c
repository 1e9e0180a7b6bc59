/* Comprehensions: [for v in list : …] and {for k, v in map : … => …}. */
#include "stacks/expressions/expr_internal.h"

#include "base/map.h"

struct loop {
    struct eval *ev;
    const struct expr *e;
    const struct comprehension *c;
    struct value_builder results;
    struct map seen; /* keys of the result */
    unsigned marks;  /* of what decides which items there are */
    bool unknown;    /* which items there are cannot be said */
};

/* One round with the variables bound; false after an error. */
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
                eval_error(ev, c->key, "a sensitive key comes twice");
            else
                eval_error(ev, c->key, "the key \"%.*s\" comes twice", STR_ARG(key));
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
    ev->binding = &binding;
    for (uint32_t i = 0; ok && i < over->count; i++) {
        bool list = over->kind == VALUE_LIST;
        binding.value = list ? over->items[i] : over->entries[i].value;
        if (loop->c->key_name.n)
            binding.key = list ? value_int(ev->arena, i) : value_string_ref(ev->arena, over->entries[i].key);
        ok = loop_round(loop);
    }
    ev->binding = binding.up;
    return ok;
}

const struct value *eval_for(struct eval *ev, const struct expr *e)
{
    const struct comprehension *c = e->comprehension;
    const struct value *over = eval(ev, c->over);
    if (!over)
        return NULL;
    if (over->kind == VALUE_UNKNOWN)
        return over;
    if (over->kind != VALUE_LIST && over->kind != VALUE_MAP) {
        eval_error(ev, c->over, "\"for\" goes through a list or a map, not %s", value_with_article(over));
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
