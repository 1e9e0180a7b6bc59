#include "stacks/stack.h"

#include "base/json.h"

struct str address_instance(struct arena *arena, struct str decl_address, const struct value *key)
{
    if (!key)
        return decl_address;
    AUTO_BUF struct buf out = BUF_INIT;
    buf_add_str(&out, decl_address);
    buf_add_char(&out, '[');
    json_write_string(&out, value_text(key, STR_EMPTY));
    buf_add_char(&out, ']');
    return arena_str(arena, buf_str(&out));
}

/* Names separated by / and ., as in net/inputs.cidr. */
static bool is_decl_address(struct str address)
{
    bool inside = false;
    for (size_t i = 0; i < address.n; i++) {
        char c = address.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(inside && ((c >= '0' && c <= '9') || c == '/' || c == '.' || c == '-')))
            return false;
        inside = c != '/' && c != '.';
    }
    return inside;
}

bool address_split(struct arena *arena, struct str address, struct str *decl_address, struct str *key)
{
    *key = (struct str){NULL, 0};
    ptrdiff_t bracket = str_find_char(address, '[', 0);
    *decl_address = bracket < 0 ? address : str_slice(address, 0, (size_t)bracket);
    if (!is_decl_address(*decl_address))
        return false;
    if (bracket < 0)
        return true;
    /* A JSON list of one text is exactly what follows. */
    const struct value *list = NULL;
    if (json_parse(arena, str_slice(address, (size_t)bracket, address.n), &list, NULL) ||
        list->kind != VALUE_LIST || list->count != 1 || list->items[0]->kind != VALUE_STRING)
        return false;
    *key = list->items[0]->string;
    return true;
}

/* Cuts `prefix` off the front of *name. */
static bool cut_prefix(struct str *name, struct str prefix)
{
    if (!str_starts(*name, prefix))
        return false;
    *name = str_slice(*name, prefix.n, name->n);
    return true;
}

struct decl *stack_find(const struct stack *stack, struct str address)
{
    const struct module *module = stack->root;
    struct str rest = address;
    for (;;) {
        struct str name = str_cut(rest, '/', &rest);
        if (rest.p) {
            const struct decl *call = map_get(&module->names, name);
            if (!call || call->kind != DECL_MODULE || !call->target)
                return NULL;
            module = call->target;
            continue;
        }
        if (cut_prefix(&name, STR("inputs.")))
            return map_get(&module->inputs, name);
        if (cut_prefix(&name, STR("locals.")))
            return map_get(&module->locals, name);
        if (cut_prefix(&name, STR("outputs.")))
            return map_get(&module->outputs, name);
        if (cut_prefix(&name, STR("providers.")))
            return map_get(&module->providers, name);
        return map_get(&module->names, name);
    }
}
