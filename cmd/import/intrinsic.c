/* Converts a template's values: literals, references, strings with references. */
#include "cmd/import/template.h"

struct str template_function(struct template *t, const struct node *node, const struct node **argument)
{
    if (node->kind != NODE_MAP || node->count != 1)
        return STR_EMPTY;
    struct str key = node->entries[0].key;
    *argument = node->entries[0].value;
    if (key.n > 1 && key.p[0] == '!') {
        key = str_slice(key, 1, key.n);
        if (str_eqz(key, "Ref") || str_eqz(key, "Condition"))
            return key;
        return arena_printf(t->arena, "Fn::%.*s", STR_ARG(key));
    }
    if (str_eqz(key, "Ref") || str_starts(key, STR("Fn::")))
        return key;
    return str_eqz(key, "Condition") && (*argument)->kind == NODE_STRING ? key : STR_EMPTY;
}

/* Reports an unsupported value and returns an input for it. */
struct tree *template_unsupported(struct template *t, const struct node *node, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(t->arena, format, args);
    va_end(args);
    struct str name =
        t->current ? arena_printf(t->arena, "%.*s_value", STR_ARG(t->current->logical)) : STR("value");
    name = draft_asks(t->draft, name, arena_printf(t->arena, "%p", (const void *)node));
    struct diag *d = diag_warning(t->diags, node_span(node), "%.*s", STR_ARG(text));
    diag_hint(t->diags, d, "the input `%.*s` asks for it", STR_ARG(name));
    return tree_code(t->arena, node, "%s", draft_ask(t->draft, name, "any", text, false).p);
}

/* ---- names ---- */

static struct tree *pseudo(struct template *t, const struct node *node, struct str name)
{
    static const char *const asked[][2] = {
        {"AWS::Region", "region"}, {"AWS::AccountId", "account"}, {"AWS::Partition", "partition"}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (str_eqz(name, asked[i][0]))
            return tree_code(t->arena, node, "%s.%s",
                draft_data(t->draft, STR("here"), "aws.sts.caller_identity", NULL).p, asked[i][1]);
    if (str_eqz(name, "AWS::StackName"))
        return t->live ? tree_string(t->arena, t->live->name, node)
                       : tree_code(t->arena, node, "%s", template_stack_name(t).p);
    if (str_eqz(name, "AWS::NoValue"))
        return tree_new(t->arena, TREE_NOTHING, node);
    if (str_eqz(name, "AWS::URLSuffix"))
        return tree_string(t->arena, STR("amazonaws.com"), node);
    if (str_eqz(name, "AWS::StackId"))
        return tree_code(t->arena, node, "%s",
            draft_ask(t->draft, STR("stack_id"), "string",
                STR("the template makes something of its CloudFormation stack's ARN"), false)
                .p);
    if (str_eqz(name, "AWS::NotificationARNs"))
        return tree_code(t->arena, node, "%s",
            draft_ask(t->draft, STR("notification_arns"), "list(string)",
                STR("topics of the CloudFormation stack"), false)
                .p);
    return NULL;
}

static const struct binding *bound(const struct template *t, struct str name)
{
    for (const struct binding *b = t->bindings; b; b = b->next)
        if (str_eq(b->name, name))
            return b;
    return NULL;
}

/* Returns the key, as code, if the logical id is an instance of the loop's pattern; p NULL if not. */
static struct str instance_key(struct template *t, const struct template_resource *declared, struct str name)
{
    ptrdiff_t open = str_find(declared->pattern, STR("${"), 0);
    if (open < 0)
        return (struct str){NULL, 0};
    const struct binding *b = declared->loops->outer ? NULL : bound(t, declared->loops->name);
    if (str_eq(name, declared->pattern) && b) /* from the same loop, or a nested one */
        return tree_as_code(t->arena, b->value);
    ptrdiff_t close = str_find_char(declared->pattern, '}', (size_t)open);
    struct str before = str_slice(declared->pattern, 0, (size_t)open);
    struct str after = str_slice(declared->pattern, (size_t)close + 1, declared->pattern.n);
    if (str_eq(name, declared->pattern))
        return STR("each.key");
    if (name.n <= before.n + after.n || !str_starts(name, before) || !str_ends(name, after))
        return (struct str){NULL, 0};
    struct str key = str_slice(name, before.n, name.n - after.n);
    return tree_as_code(t->arena, tree_string(t->arena, key, NULL));
}

struct template_resource *template_find(struct template *t, struct str name, struct str *key)
{
    struct template_resource *declared = map_get(&t->declared, name);
    *key = STR_EMPTY;
    for (size_t i = 0; (!declared || declared->pattern.n) && i < t->declared.n; i++) {
        struct template_resource *other = t->declared.items[i].ptr;
        struct str code = other->pattern.n ? instance_key(t, other, name) : (struct str){NULL, 0};
        if (code.p) {
            *key = code;
            return other;
        }
    }
    return declared;
}

static void no_such(struct template *t, const struct node *node, struct str name)
{
    struct str *names = ARENA_ARRAY(t->arena, struct str, t->declared.n + t->parameters.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < t->declared.n; i++)
        names[n++] = t->declared.items[i].key;
    for (size_t i = 0; i < t->parameters.n; i++)
        names[n++] = t->parameters.items[i].key;
    struct diag *d =
        diag_error(t->diags, node_span(node), "the template has nothing called \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(t->diags, d, name, names, n);
}

/* `attr` "": the value of Ref. */
struct tree *template_reference(struct template *t, const struct node *node, struct str name, struct str attr)
{
    const struct binding *b = attr.n ? NULL : bound(t, name);
    const struct str *part =
        map_get(&t->parts, attr.n ? arena_printf(t->arena, "%.*s.%.*s", STR_ARG(name), STR_ARG(attr)) : name);
    if (b)
        return b->value;
    if (part)
        return template_reference(t, node, *part, STR_EMPTY);
    const struct parameter *p = attr.n ? NULL : map_get(&t->parameters, name);
    if (p && p->data.n)
        return tree_code(t->arena, node, p->names_list ? "split(\",\", %s.value)" : "%s.value", p->data.p);
    if (p)
        return tree_code(t->arena, node, "inputs.%s", p->input.p);
    struct tree *known = attr.n ? NULL : pseudo(t, node, name);
    if (known)
        return known;
    struct str key, plain;
    template_plain_name(t, name, &plain);
    struct template_resource *declared = template_find(t, plain, &key);
    if (!declared) {
        no_such(t, node, plain);
        return tree_new(t->arena, TREE_NOTHING, node);
    }
    struct str mark = draft_reference(
        t->draft, t->current, declared, attr.n ? arena_str(t->arena, attr) : STR("Ref"), key, node);
    struct tree *code = tree_code(t->arena, node, "%s", mark.p);
    if (!str_eqz(declared->type, "AWS::Logs::LogGroup") || !str_eqz(attr, "Arn"))
        return code;
    struct tree *text = tree_new(t->arena, TREE_TEXT, node); /* a log group's ARN ends in :* there */
    tree_append(t->arena, text, code);
    tree_append(t->arena, text, tree_string(t->arena, STR(":*"), node));
    return text;
}

/* ---- strings ---- */

bool template_plain_name(struct template *t, struct str name, struct str *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    bool whole = true;
    for (size_t i = 0; i < name.n; i++) {
        bool opens = (name.p[i] == '$' || name.p[i] == '&') && i + 1 < name.n && name.p[i + 1] == '{';
        ptrdiff_t close = opens ? str_find_char(name, '}', i) : -1;
        if (close < 0) {
            buf_add_char(&text, name.p[i]);
            continue;
        }
        const struct binding *b = bound(t, str_slice(name, i + 2, (size_t)close));
        struct str literal = b ? tree_literal_text(t->arena, b->value) : (struct str){NULL, 0};
        whole = whole && literal.p;
        if (literal.p)
            buf_add_str(&text, literal);
        else
            buf_addf(&text, "$%.*s", (int)((size_t)close - i), name.p + i + 1);
        i = (size_t)close;
    }
    *out = arena_str(t->arena, buf_str(&text));
    return whole;
}

/* `loops`: substitutes only names of Fn::ForEach, which apply to all strings below it. */
static struct tree *substituted(struct template *t, const struct node *node, struct str text, bool loops)
{
    struct tree *out = tree_new(t->arena, TREE_TEXT, node);
    size_t from = 0;
    for (size_t i = 0; i + 1 < text.n; i++) {
        ptrdiff_t close =
            text.p[i + 1] == '{' && (text.p[i] == '$' || text.p[i] == '&') ? str_find_char(text, '}', i) : -1;
        if (close < 0)
            continue;
        struct str attr, name = str_trim(str_slice(text, i + 2, (size_t)close));
        const struct binding *b = bound(t, name);
        if (!b && (loops || text.p[i] == '&'))
            continue;
        tree_append(t->arena, out, tree_string(t->arena, str_slice(text, from, i), node));
        struct str resource = str_cut(name, '.', &attr);
        struct tree *piece =
            b ? b->value
            : name.n && name.p[0] == '!'
                ? tree_string(t->arena, arena_printf(t->arena, "${%.*s}", (int)name.n - 1, name.p + 1), node)
                : template_reference(t, node, resource, attr.p ? attr : STR_EMPTY);
        if (piece->kind != TREE_NOTHING)
            tree_append(t->arena, out, piece);
        from = (size_t)close + 1;
        i = (size_t)close;
    }
    tree_append(t->arena, out, tree_string(t->arena, str_slice(text, from, text.n), node));
    return tree_simple(t->arena, out);
}

struct tree *template_sub(struct template *t, const struct node *node, struct str text)
{
    return substituted(t, node, text, false);
}

/* ---- maps and lists ---- */

static struct tree *map_of(struct template *t, const struct node *node)
{
    struct tree *out = tree_new(t->arena, TREE_MAP, node);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node_entry *entry = &node->entries[i];
        struct str key = entry->key, plain;
        if (str_starts(key, STR("Fn::"))) {
            struct str macro = node_text(node_get(entry->value, "Name"));
            struct diag *d = diag_warning(t->diags, node_key_span(entry),
                macro.n ? "what the macro \"%.*s\" makes of this is not known here"
                        : "`%.*s` has no equivalent here",
                STR_ARG(macro.n ? macro : key));
            if (macro.n)
                diag_hint(t->diags, d, "`--stack NAME` without a template takes what the macro made of it");
            continue;
        }
        if (t->bindings && !template_plain_name(t, key, &plain))
            diag_warning(t->diags, node_key_span(entry), "`%.*s` has no equivalent here", STR_ARG(key));
        else if (t->bindings)
            key = plain;
        struct tree *value = template_tree(t, entry->value);
        if (value->kind == TREE_NOTHING && entry->value->kind != NODE_NULL)
            continue;
        tree_set(t->arena, out, key, value);
        out->entries[out->n - 1].comment = template_comment(t->arena, entry);
    }
    return out;
}

struct tree *template_tree(struct template *t, const struct node *node)
{
    const struct node *argument;
    struct str function = template_function(t, node, &argument);
    if (function.n)
        return template_dynamic(t, template_call(t, function, node, argument));
    if (node->kind == NODE_MAP)
        return map_of(t, node);
    if (node->kind == NODE_LIST) {
        struct tree *out = tree_new(t->arena, TREE_LIST, node);
        for (uint32_t i = 0; i < node->count; i++) {
            struct tree *item = template_tree(t, node->items[i]);
            if (item->kind != TREE_NOTHING)
                tree_add(t->arena, out, item);
        }
        return out;
    }
    if (node->kind != NODE_STRING)
        return tree_value(t->arena, node_value(t->arena, node), node);
    return template_dynamic(t,
        t->bindings ? substituted(t, node, node->string, true) : tree_string(t->arena, node->string, node));
}
