/* Fills forms in: see serverless.h. */
#include "cmd/import/serverless.h"

void form_release(struct form *form)
{
    map_release(&form->texts);
    map_release(&form->used);
}

void form_text(struct form *form, const char *name, struct str text)
{
    struct str *kept = ARENA_NEW(form->arena, struct str);
    *kept = arena_str(form->arena, text);
    map_set(&form->texts, str_z(name), kept);
}

static const struct node_entry *entry_of(struct form *form, struct str path)
{
    struct str rest, name = str_cut(path, '.', &rest);
    const struct node_entry *entry = form->in ? node_find(form->in, name) : NULL;
    map_set(&form->used, name, form);
    while (entry && rest.p && rest.n)
        entry = node_find(entry->value, str_cut(rest, '.', &rest));
    return entry;
}

const struct node *form_in(struct form *form, struct str path)
{
    const struct node_entry *entry = entry_of(form, path);
    return entry ? entry->value : NULL;
}

/* "<id>Role" with the texts that the caller gave. */
static struct str with_texts(struct form *form, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < text.n; i++) {
        ptrdiff_t close = text.p[i] == '<' ? str_find_char(text, '>', i) : -1;
        const struct str *known =
            close < 0 ? NULL : map_get(&form->texts, str_slice(text, i + 1, (size_t)close));
        if (!known) {
            buf_add_char(&out, text.p[i]);
            continue;
        }
        buf_add_str(&out, *known);
        i = (size_t)close;
    }
    return arena_str(form->arena, buf_str(&out));
}

/* ---- what stands in gaps ---- */

static const struct node *given_at(struct form *form, const struct node *argument)
{
    return form_in(form, with_texts(form, argument->string));
}

static const struct node *item_of(struct form *form, const struct node *list, uint32_t i)
{
    return i < list->count ? form_fill(form, list->items[i]) : NULL;
}

static const struct node *first_there(struct form *form, const struct node *argument)
{
    const struct node *found = NULL;
    for (uint32_t i = 0; !found && i < argument->count; i++)
        found = form_fill(form, argument->items[i]);
    return found;
}

static const struct node *where_there(struct form *form, const struct node *argument)
{
    const struct node *there = given_at(form, argument->items[0]);
    bool no = !there || (there->kind == NODE_BOOL && !there->boolean) || there->kind == NODE_NULL;
    return item_of(form, argument, no ? 2 : 1);
}

static bool is_so(struct form *form, const struct node *there, struct str text)
{
    const struct value *v = there ? node_value(form->arena, there) : NULL;
    return v && v->kind != VALUE_MAP && v->kind != VALUE_LIST &&
           str_ieq(value_scalar_text(form->arena, v), text);
}

static const struct node *where_so(struct form *form, const struct node *argument)
{
    bool is = is_so(form, given_at(form, argument->items[0]), argument->items[1]->string);
    return item_of(form, argument, is ? 2 : 3);
}

/* Fn::Sub, and a map with those of its names that are properties. */
static const struct node *substitution(struct form *form, const struct node *argument)
{
    struct str text = with_texts(form, argument->string);
    struct node *known = nodes_new(form->arena, NODE_MAP, form->at);
    struct node *call = nodes_new(form->arena, NODE_MAP, form->at);
    for (ptrdiff_t open = str_find(text, STR("${"), 0); open >= 0;
         open = str_find(text, STR("${"), (size_t)open + 2)) {
        ptrdiff_t close = str_find_char(text, '}', (size_t)open);
        struct str name = str_slice(text, (size_t)open + 2, (size_t)close);
        const struct node *value = form->in && node_find(form->in, name) ? form_in(form, name) : NULL;
        if (value)
            nodes_set(form->arena, known, name, value);
    }
    const struct node *plain = nodes_text(form->arena, text, form->at);
    if (!known->count) {
        nodes_set(form->arena, call, STR("Fn::Sub"), plain);
        return call;
    }
    struct node *both = nodes_new(form->arena, NODE_LIST, form->at);
    nodes_add(form->arena, both, plain);
    nodes_add(form->arena, both, known);
    nodes_set(form->arena, call, STR("Fn::Sub"), both);
    return call;
}

static const struct node *fill_gap(struct form *form, struct str which, const struct node *argument, bool *is)
{
    *is = true;
    if (str_eqz(which, "!in"))
        return given_at(form, argument);
    if (str_eqz(which, "!first"))
        return first_there(form, argument);
    if (str_eqz(which, "!if"))
        return where_there(form, argument);
    if (str_eqz(which, "!is"))
        return where_so(form, argument);
    if (str_eqz(which, "!sub"))
        return substitution(form, argument);
    if (str_eqz(which, "!made"))
        return form->make(form, argument->string);
    *is = false;
    return NULL;
}

/* ---- the whole ---- */

static void take_all(struct form *form, struct node *map, const struct node *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        const struct node_entry *entry = entry_of(form, names->items[i]->string);
        if (entry)
            nodes_set_entry(form->arena, map, entry);
    }
}

/* Comments stay with what is only called otherwise. */
static void set_filled(
    struct form *form, struct node *map, struct str key, const struct node *data, const struct node *value)
{
    const struct node *path = node_get(data, "!in");
    const struct node_entry *entry = path ? entry_of(form, path->string) : NULL;
    if (!entry) {
        nodes_set(form->arena, map, key, value);
        return;
    }
    struct node_entry renamed = *entry;
    renamed.key = key;
    nodes_set_entry(form->arena, map, &renamed);
}

static const struct node *fill_map(struct form *form, const struct node *data)
{
    struct node *map = nodes_new(form->arena, NODE_MAP, form->at);
    for (uint32_t i = 0; i < data->count; i++) {
        if (str_eqz(data->entries[i].key, "<take>")) {
            take_all(form, map, data->entries[i].value);
            continue;
        }
        const struct node *value = form_fill(form, data->entries[i].value);
        if (value)
            set_filled(form, map, with_texts(form, data->entries[i].key), data->entries[i].value, value);
    }
    return map;
}

const struct node *form_fill(struct form *form, const struct node *data)
{
    bool is = false;
    const struct node *filled = data->kind == NODE_MAP && data->count == 1
                                    ? fill_gap(form, data->entries[0].key, data->entries[0].value, &is)
                                    : NULL;
    if (is)
        return filled;
    if (data->kind == NODE_MAP)
        return fill_map(form, data);
    if (data->kind == NODE_STRING)
        return nodes_text(form->arena, with_texts(form, data->string), form->at);
    struct node *copy = nodes_new(form->arena, (enum node_kind)data->kind, form->at);
    if (data->kind == NODE_BOOL)
        copy->boolean = data->boolean;
    else if (data->kind == NODE_INT)
        copy->integer = data->integer;
    else if (data->kind == NODE_FLOAT)
        copy->number = data->number;
    for (uint32_t i = 0; data->kind == NODE_LIST && i < data->count; i++) {
        const struct node *item = form_fill(form, data->items[i]);
        if (item)
            nodes_add(form->arena, copy, item);
    }
    return copy;
}
