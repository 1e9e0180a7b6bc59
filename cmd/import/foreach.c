/* Fn::ForEach: resources become one with for_each, everything else is written out. */
#include "cmd/import/template.h"

enum { DEPTH_MAX = 5, ITEMS_MAX = 1000 };

static bool is_loop(const struct node_entry *entry)
{
    return str_starts(entry->key, STR("Fn::ForEach::")) && entry->value->kind == NODE_LIST &&
           entry->value->count == 3 && entry->value->items[0]->kind == NODE_STRING &&
           entry->value->items[2]->kind == NODE_MAP;
}

static void each(struct template *t, const struct node *section, template_take *take, int depth)
{
    for (uint32_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        struct str name;
        if (!is_loop(entry)) {
            if (!template_plain_name(t, entry->key, &name))
                name = entry->key;
            take(t, entry, name);
            continue;
        }
        struct said *list = template_said(t, entry->value->items[1]);
        if (list->kind != SAID_LIST || list->n > ITEMS_MAX || depth == DEPTH_MAX) {
            struct diag *d =
                diag_error(t->diags, node_key_span(entry), "what this goes through has to be known here");
            diag_hint(t->diags, d, "a list of texts can be written out, at most %d deep", DEPTH_MAX);
            continue;
        }
        for (size_t k = 0; k < list->n; k++) {
            struct binding binding = {entry->value->items[0]->string, list->items[k], t->bindings};
            t->bindings = &binding;
            each(t, entry->value->items[2], take, depth + 1);
            t->bindings = binding.next;
        }
    }
}

void template_each(struct template *t, const struct node *section, template_take *take)
{
    if (section && section->kind == NODE_MAP)
        each(t, section, take, 0);
}

/* ---- of resources ---- */

static bool is_known(const struct said *list)
{
    for (size_t i = 0; list->kind == SAID_LIST && i < list->n; i++)
        if (list->items[i]->kind != SAID_LITERAL)
            return false;
    return list->kind == SAID_LIST;
}

static void loops(struct template *t, const struct node_entry *entry, template_take_each *take,
    const struct loop *outer, int depth);

/* A loop within another. */
static void loop_within(struct template *t, const struct node_entry *entry, template_take_each *take,
    const struct loop *around, int depth)
{
    if (!is_known(around->list)) {
        loops(t, entry, take, around, depth);
        return;
    }
    const struct binding *before = t->bindings;
    for (size_t k = 0; k < around->list->n; k++) {
        struct binding *b = ARENA_NEW(t->arena, struct binding); /* who reads the block later needs it */
        *b = (struct binding){around->name, around->list->items[k], before};
        t->bindings = b;
        loops(t, entry, take, around->outer, depth);
    }
    t->bindings = before;
}

static void loops(struct template *t, const struct node_entry *entry, template_take_each *take,
    const struct loop *outer, int depth)
{
    if (!is_loop(entry) || depth == DEPTH_MAX || t->things.n > ITEMS_MAX) {
        struct diag *d = diag_error(t->diags, node_key_span(entry),
            is_loop(entry) ? "this makes too much" : "Fn::ForEach takes a name, a list and a map");
        if (is_loop(entry))
            diag_hint(t->diags, d, "loops may be %d deep, and make %d resources", DEPTH_MAX, ITEMS_MAX);
        return;
    }
    struct loop *loop = ARENA_NEW(t->arena, struct loop);
    const struct node *body = entry->value->items[2];
    *loop = (struct loop){entry->value->items[0]->string, template_said(t, entry->value->items[1]), outer};
    for (uint32_t i = 0; i < body->count; i++)
        if (str_starts(body->entries[i].key, STR("Fn::ForEach::")))
            loop_within(t, &body->entries[i], take, loop, depth + 1);
        else
            take(t, &body->entries[i], loop);
}

void template_loops(struct template *t, const struct node_entry *entry, template_take_each *take)
{
    loops(t, entry, take, NULL, 0);
}

/* [for a in X : [for b in Y : {A: a, B: b}]]: the innermost loop is the first. */
static struct str nested_lists(struct template *t, const struct loop *innermost)
{
    AUTO_BUF struct buf pair = BUF_INIT;
    for (const struct loop *l = innermost; l; l = l->outer)
        buf_addf(&pair, "%s%.*s: %s", pair.n ? ", " : "", STR_ARG(l->name), draft_snake(t->arena, l->name).p);
    struct str code = arena_printf(t->arena, "{%.*s}", (int)pair.n, pair.p);
    for (const struct loop *l = innermost; l; l = l->outer)
        code = arena_printf(t->arena, "[for %s in %s : %s]", draft_snake(t->arena, l->name).p,
            said_as_code(t->arena, l->list).p, code.p);
    return code;
}

struct said *template_loop_items(struct template *t, const struct loop *loops)
{
    AUTO_BUF struct buf key = BUF_INIT;
    if (!loops->outer)
        return loops->list;
    for (const struct loop *l = loops; l; l = l->outer) {
        struct str rest = arena_str(t->arena, buf_str(&key));
        key.n = 0;
        buf_addf(&key, "${one.%.*s}%s%.*s", STR_ARG(l->name), rest.n ? "-" : "", STR_ARG(rest));
    }
    return said_code(t->arena, NULL, "{for one in flatten(%s) : \"%.*s\" => one}", nested_lists(t, loops).p,
        (int)key.n, key.p);
}

void template_bind_loops(struct template *t, const struct loop *loops)
{
    for (const struct loop *l = loops; l; l = l->outer) {
        struct binding *b = ARENA_NEW(t->arena, struct binding);
        struct said *code = loops->outer ? said_code(t->arena, NULL, "each.value.%.*s", STR_ARG(l->name))
                                         : said_code(t->arena, NULL, "each.key");
        *b = (struct binding){l->name, code, t->bindings};
        t->bindings = b;
    }
}
