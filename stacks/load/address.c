/* Addresses of declarations and their instances: made, taken apart, found. */
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

/* Where a key that begins with [" at `at` ends: behind its bracket. The text's end where it is none. */
static size_t key_end(struct str address, size_t at)
{
    size_t i = at + 2;
    if (i > address.n || address.p[at + 1] != '"')
        return address.n;
    while (i < address.n && address.p[i] != '"')
        i += address.p[i] == '\\' ? 2 : 1;
    return i + 1 < address.n && address.p[i + 1] == ']' ? i + 2 : address.n;
}

ptrdiff_t address_key_at(struct str address)
{
    size_t from = 0;
    for (;;) {
        ptrdiff_t at = str_find_char(address, '[', from);
        if (at < 0)
            return -1;
        from = key_end(address, (size_t)at);
        if (from >= address.n || address.p[from] != '/')
            return at;
    }
}

/* Names separated by / and ., as in net/inputs.cidr; a module's name may have a key. */
static bool is_decl_address(struct str address)
{
    bool inside = false;
    for (size_t i = 0; i < address.n; i++) {
        char c = address.p[i];
        if (inside && c == '[' && key_end(address, i) < address.n && address.p[key_end(address, i)] == '/') {
            i = key_end(address, i) - 1;
            continue;
        }
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
    ptrdiff_t bracket = address_key_at(address);
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

/* Cuts the next name off a path: `net`, or `net["a/b"]` with its key. */
static struct str cut_name(struct str path, struct str *rest)
{
    ptrdiff_t bracket = str_find_char(path, '[', 0), slash = str_find_char(path, '/', 0);
    if (bracket < 0 || slash < bracket)
        return str_cut(path, '/', rest);
    size_t end = key_end(path, (size_t)bracket);
    *rest = end < path.n ? str_slice(path, end + 1, path.n) : (struct str){NULL, 0};
    return str_slice(path, 0, end);
}

/* The module that a call's name leads to: `net`, `net["a"]`. */
static const struct module *find_module(const struct module *module, struct str name)
{
    ptrdiff_t bracket = str_find_char(name, '[', 0);
    const struct decl *call =
        map_get(&module->names, bracket < 0 ? name : str_slice(name, 0, (size_t)bracket));
    if (!call || call->kind != DECL_MODULE || bracket < 0)
        return call && call->kind == DECL_MODULE ? call->target : NULL;
    struct str path = module->path.n ? module->path : STR_EMPTY;
    for (size_t i = 0; i < call->call_count; i++) {
        struct str address = call->calls[i]->address;
        if (str_eq(path.n ? str_slice(address, path.n + 1, address.n) : address, name))
            return call->calls[i]->target;
    }
    return NULL;
}

struct decl *stack_find(const struct stack *stack, struct str address)
{
    const struct module *module = stack->root;
    struct str rest = address;
    for (;;) {
        struct str name = cut_name(rest, &rest);
        if (rest.p) {
            module = find_module(module, name);
            if (!module)
                return NULL;
            continue;
        }
        if (cut_prefix(&name, STR("inputs.")))
            return map_get(&module->inputs, name);
        if (cut_prefix(&name, STR("locals.")))
            return map_get(&module->locals, name);
        if (cut_prefix(&name, STR("outputs.")))
            return map_get(&module->outputs, name);
        if (cut_prefix(&name, STR("connections.")))
            return map_get(&module->connections, name);
        if (cut_prefix(&name, STR("providers.")))
            return map_get(&module->providers, name);
        return map_get(&module->names, name);
    }
}
