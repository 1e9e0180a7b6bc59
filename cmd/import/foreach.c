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
