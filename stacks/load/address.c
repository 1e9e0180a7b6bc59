/*
 * Addresses of declarations and instances: composed, split and looked up. Also warnings about strings that
 * look like references.
 */
#include "base/json.h"
#include "stacks/expressions/expr_internal.h"
#include "stacks/load/load.h"

/* ---- Strings that look like references: `bucket: lake.name` instead of ${lake.name}, or within an
 * expression 'arn:aws:s3:::${inputs.owner}', where single quotes keep ${…} literal. They are valid, so the
 * diagnostic is only a warning, and only if the reference would resolve. */

/* Removes the notation of other tools around a reference: $lake.name, {lake.name}, {{ lake.name }}. */
static struct str bare(struct str text)
{
    if (str_starts(text, STR("$")))
        text = str_slice(text, 1, text.n);
    while (str_starts(text, STR("{")) && str_ends(text, STR("}")))
        text = str_trim(str_slice(text, 1, text.n - 1));
    return text;
}

/* Cuts `name` or `name[…]` with the following dot off *rest. Returns "" if there is none. */
static struct str take_name(struct str *rest)
{
    struct str first = str_cut(*rest, '.', rest), index;
    struct str name = str_cut(first, '[', &index);
    return !index.p || str_ends(index, STR("]")) ? name : STR_EMPTY;
}

static bool has_member(const struct decl *decl, struct str name)
{
    if (decl->kind == DECL_MODULE)
        return decl->target && map_get(&decl->target->outputs, name);
    return decl->schema && schema_attr(decl->schema, name);
}

/* Returns whether the text would be a reference. `main.handler` in the resource `main` is not a reference to
 * itself. */
static bool is_reference(const struct module *module, const struct decl *of, struct str text)
{
    struct str rest = text, name = take_name(&rest), member = rest.p ? take_name(&rest) : STR_EMPTY;
    if (!stack_is_name(name) || !stack_is_name(member))
        return false;
    if (str_eqz(name, "inputs") || str_eqz(name, "locals"))
        return map_get(name.p[0] == 'i' ? &module->inputs : &module->locals, member);
    const struct decl *decl = map_get(&module->names, name);
    return decl && decl != of && has_member(decl, member);
}

/* ---- '${inputs.owner}' ---- */

/* Returns whether the constant is a single-quoted string within an expression, without escapes. */
static bool is_single_quoted(const struct expr *e)
{
    if (e->op != EXPR_CONST || e->constant.kind != VALUE_STRING || e->flags & EXPR_WHOLE_NODE || !e->node)
        return false;
    struct str raw = str_slice(e->node->string, e->offset, (size_t)e->offset + e->length);
    return raw.n >= 2 && raw.p[0] == '\'' && str_eq(str_slice(raw, 1, raw.n - 1), e->constant.string);
}

static void look_into_text(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e)
{
    struct str text = e->constant.string;
    ptrdiff_t open = -1, close;
    while ((open = str_find(text, STR("${"), (size_t)(open + 1))) >= 0) {
        if ((close = str_find_char(text, '}', (size_t)open)) < 0)
            return;
        struct str name = str_trim(str_slice(text, (size_t)open + 2, (size_t)close));
        bool escaped = open > 0 && text.p[open - 1] == '$';
        if (escaped || !is_reference(module, of, name))
            continue;
        struct diag *d = diag_warning(loader->diags, expr_span(e),
            "between single quotes ${%.*s} stays as it is written", STR_ARG(name));
        diag_label(loader->diags, d, "between double quotes it is replaced");
        return;
    }
}

static void look_into(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e)
{
    if (is_single_quoted(e))
        look_into_text(loader, module, of, e);
    for (uint32_t i = 0, n = expr_child_count(e); i < n; i++) {
        const struct expr *child = expr_child(e, i);
        if (child)
            look_into(loader, module, of, child);
    }
}

void warn_of_plain_text(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e)
{
    if (e)
        look_into(loader, module, of, e);
    if (!e || e->op != EXPR_CONST || e->constant.kind != VALUE_STRING)
        return;
    struct str text = e->constant.string, reference = bare(text);
    if (!is_reference(module, of, reference))
        return;
    struct diag *d = diag_warning(
        loader->diags, expr_span(e), "this is the text \"%.*s\", not a reference", STR_ARG(text));
    diag_label(loader->diags, d, "did you mean ${%.*s}?", STR_ARG(reference));
}

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

/* Returns the end, after the bracket, of a key that begins with [" at `at`. Returns the text's end if there
 * is no key. */
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

/* Returns whether the text is names separated by / and ., as in net/inputs.cidr. A module's name may have a
 * key. */
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
    /* The key is parsed as a JSON list of one string. */
    const struct value *list = NULL;
    if (json_parse(arena, str_slice(address, (size_t)bracket, address.n), &list, NULL) ||
        list->kind != VALUE_LIST || list->count != 1 || list->items[0]->kind != VALUE_STRING)
        return false;
    *key = list->items[0]->string;
    return true;
}

/* Cuts `prefix` off *name. Returns false if it does not begin with it. */
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

/* Returns the module of a call: `net`, `net["a"]`. */
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
