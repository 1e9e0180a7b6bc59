/*
 * Fn::ForEach (resources become one with for_each, other uses are expanded) and dynamic references such as
 * {{resolve:ssm:/name}}.
 */
#include "cmd/import/template.h"

/* ---- Dynamic references: {{resolve:ssm:/name}} and {{resolve:secretsmanager:id:SecretString:key}}, also
 * composed by functions, become data sources. */

static const char OPENING[] = "{{resolve:", CLOSING[] = "}}";

/* Splits a text at the first `mark` in a literal. Returns false if there is none. */
static bool cut_at(
    struct template *t, const struct tree *text, const char *mark, struct tree *before, struct tree *after)
{
    bool found = false;
    for (size_t i = 0; i < text->n; i++) {
        struct str literal = tree_literal_text(t->arena, text->items[i]);
        ptrdiff_t at = literal.p && !found ? str_find(literal, str_z(mark), 0) : -1;
        struct tree *into = found ? after : before;
        if (at < 0) {
            tree_append(t->arena, into, text->items[i]);
            continue;
        }
        found = true;
        tree_append(t->arena, before, tree_string(t->arena, str_slice(literal, 0, (size_t)at), text->node));
        tree_append(t->arena, after,
            tree_string(t->arena, str_slice(literal, (size_t)at + strlen(mark), literal.n), text->node));
    }
    return found;
}

static struct tree *text_like(struct template *t, const struct tree *s)
{
    return tree_new(t->arena, TREE_TEXT, s->node);
}

/* Returns a name for the data source, from the end of the parameter's name or from the origin of the name. */
static struct str data_name(struct template *t, const struct tree *name, const char *fallback)
{
    struct str text = tree_literal_text(t->arena, name);
    ptrdiff_t secret = text.p ? str_find(text, STR(":secret:"), 0) : -1;
    if (secret >= 0)
        text = str_slice(text, (size_t)secret + strlen(":secret:"), text.n);
    for (size_t i = 0; !text.p && name->kind == TREE_TEXT && i < name->n; i++) {
        struct str piece = tree_literal_text(t->arena, name->items[i]);
        if (piece.n > 2)
            text = piece;
    }
    if (!text.p && name->kind == TREE_CODE && str_starts(name->code, STR("inputs.")))
        text = str_slice(name->code, strlen("inputs."), name->code.n);
    return draft_snake(t->arena, text.n ? text : str_z(fallback));
}

/* Removes a version such as ":3". */
static struct str without_version(struct template *t, const struct tree *name, struct str text)
{
    size_t n = text.n;
    while (n && text.p[n - 1] >= '0' && text.p[n - 1] <= '9')
        n--;
    if (!n || n == text.n || text.p[n - 1] != ':')
        return str_trim(text);
    diag_warning(
        t->diags, node_span(name->node), "a parameter's version has no equivalent: the newest is read");
    return str_trim(str_slice(text, 0, n - 1));
}

/* Adds a data source with the condition under which a resource uses it. */
static struct str dynamic_data(struct template *t, struct str name, const char *type, struct tree *attrs)
{
    size_t before = t->draft->data->n;
    struct str data = draft_data(t->draft, name, type, attrs), around = t->around;
    struct tree *made = tree_get(t->draft->data, data.p), *when = tree_get(made, "when");
    if (t->draft->data->n > before && around.n)
        tree_set(t->arena, made, STR("when"), tree_code(t->arena, NULL, "%.*s", STR_ARG(around)));
    else if (when && around.n && str_find(when->code, around, 0) < 0)
        when->code = arena_printf(t->arena, "%.*s || %.*s", STR_ARG(when->code), STR_ARG(around));
    else if (when && !around.n) /* `when` is its last entry */
        made->n--;
    return data;
}

static struct tree *parameter_value(struct template *t, struct tree *given)
{
    struct tree *attrs = tree_new(t->arena, TREE_MAP, given->node), *name = text_like(t, given);
    tree_append(t->arena, name, given);
    struct tree **last = &name->items[name->n - 1];
    struct str text = tree_literal_text(t->arena, *last);
    if (text.p)
        *last = tree_string(t->arena, without_version(t, given, text), given->node);
    name = tree_simple(t->arena, name);
    tree_set(t->arena, attrs, STR("name"), name);
    struct str data = dynamic_data(t, data_name(t, name, "parameter"), "aws.ssm.parameter", attrs);
    return tree_code(t->arena, name->node, "%s.value", data.p);
}

static struct tree *secret_value(struct template *t, const struct tree *inside)
{
    struct tree *name = text_like(t, inside), *rest = text_like(t, inside);
    struct tree *attrs = tree_new(t->arena, TREE_MAP, inside->node);
    bool with_key = cut_at(t, inside, ":SecretString", name, rest);
    struct str parts[4] = {0},
               path = with_key ? tree_literal_text(t->arena, tree_simple(t->arena, rest)) : STR_EMPTY;
    for (size_t i = 0; i < 4 && path.p; i++)
        parts[i] = str_cut(path, ':', &path);
    if ((parts[2].n && !str_eqz(parts[2], "AWSCURRENT")) || parts[3].n)
        diag_warning(
            t->diags, node_span(inside->node), "a secret's version has no equivalent: the newest is read");
    name = tree_simple(t->arena, name);
    struct tree *own = secrets_member(t, name, parts[1]);
    if (own)
        return own;
    tree_set(t->arena, attrs, STR("name"), name);
    struct str data = dynamic_data(t, data_name(t, name, "secret"), "aws.secretsmanager.secret", attrs);
    if (parts[1].n)
        return tree_code(t->arena, inside->node, "jsondecode(%s.secret_string)[%s]", data.p,
            tree_as_code(t->arena, tree_string(t->arena, parts[1], NULL)).p);
    return tree_code(t->arena, inside->node, "%s.secret_string", data.p);
}

/* Converts the text between the braces. */
static struct tree *reference_value(struct template *t, struct tree *inside)
{
    struct tree *service = text_like(t, inside), *rest = text_like(t, inside);
    bool whole = cut_at(t, inside, ":", service, rest) && rest->n;
    struct str is = tree_literal_text(t->arena, tree_simple(t->arena, service));
    if (whole && (str_eqz(is, "ssm") || str_eqz(is, "ssm-secure")))
        return parameter_value(t, tree_simple(t->arena, rest));
    if (whole && str_eqz(is, "secretsmanager"))
        return secret_value(t, rest);
    return template_unsupported(
        t, inside->node, "`{{resolve:%.*s:…}}` has no equivalent", STR_ARG(is.p ? is : STR_EMPTY));
}

struct tree *template_dynamic(struct template *t, struct tree *s)
{
    struct tree *text = text_like(t, s), *out = text_like(t, s);
    bool literal = s->kind == TREE_LITERAL && s->value->kind == VALUE_STRING, any = false;
    if (!s->node || (!literal && s->kind != TREE_TEXT))
        return s;
    tree_append(t->arena, text, s);
    for (;;) {
        struct tree *before = text_like(t, s), *rest = text_like(t, s), *inside = text_like(t, s),
                    *after = text_like(t, s);
        if (!cut_at(t, text, OPENING, before, rest) || !cut_at(t, rest, CLOSING, inside, after))
            break;
        any = true;
        tree_append(t->arena, out, before);
        tree_append(t->arena, out, reference_value(t, inside));
        text = after;
    }
    if (!any)
        return s;
    tree_append(t->arena, out, text);
    return tree_simple(t->arena, out);
}

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
        struct tree *list = template_tree(t, entry->value->items[1]);
        if (list->kind != TREE_LIST || list->n > ITEMS_MAX || depth == DEPTH_MAX) {
            struct diag *d = diag_error(
                t->diags, node_key_span(entry), "the list of this loop has to be known to the import");
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

/* ---- Fn::ForEach of resources ---- */

static bool is_known(const struct tree *list)
{
    for (size_t i = 0; list->kind == TREE_LIST && i < list->n; i++)
        if (list->items[i]->kind != TREE_LITERAL)
            return false;
    return list->kind == TREE_LIST;
}

static void loops(struct template *t, const struct node_entry *entry, template_take_each *take,
    const struct loop *outer, int depth);

/* Expands a nested loop. */
static void loop_within(struct template *t, const struct node_entry *entry, template_take_each *take,
    const struct loop *around, int depth)
{
    if (!is_known(around->list)) {
        loops(t, entry, take, around, depth);
        return;
    }
    const struct binding *before = t->bindings;
    for (size_t k = 0; k < around->list->n; k++) {
        struct binding *b = ARENA_NEW(t->arena, struct binding); /* the block is read later */
        *b = (struct binding){around->name, around->list->items[k], before};
        t->bindings = b;
        loops(t, entry, take, around->outer, depth);
    }
    t->bindings = before;
}

static void loops(struct template *t, const struct node_entry *entry, template_take_each *take,
    const struct loop *outer, int depth)
{
    if (!is_loop(entry) || depth == DEPTH_MAX || t->declared.n > ITEMS_MAX) {
        struct diag *d = diag_error(t->diags, node_key_span(entry),
            is_loop(entry) ? "this loop makes too many entries"
                           : "Fn::ForEach takes a name, a list and a map");
        if (is_loop(entry))
            diag_hint(t->diags, d, "loops may be %d deep, and make %d resources", DEPTH_MAX, ITEMS_MAX);
        return;
    }
    struct loop *loop = ARENA_NEW(t->arena, struct loop);
    const struct node *body = entry->value->items[2];
    *loop = (struct loop){entry->value->items[0]->string, template_tree(t, entry->value->items[1]), outer};
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

/* Returns [for a in X : [for b in Y : {A: a, B: b}]]; the list of loops begins with the innermost. */
static struct str nested_lists(struct template *t, const struct loop *innermost)
{
    AUTO_BUF struct buf pair = BUF_INIT;
    for (const struct loop *l = innermost; l; l = l->outer)
        buf_addf(&pair, "%s%.*s: %s", pair.n ? ", " : "", STR_ARG(l->name), draft_snake(t->arena, l->name).p);
    struct str code = arena_printf(t->arena, "{%.*s}", (int)pair.n, pair.p);
    for (const struct loop *l = innermost; l; l = l->outer)
        code = arena_printf(t->arena, "[for %s in %s : %s]", draft_snake(t->arena, l->name).p,
            tree_as_code(t->arena, l->list).p, code.p);
    return code;
}

struct tree *template_loop_items(struct template *t, const struct loop *loops)
{
    AUTO_BUF struct buf key = BUF_INIT;
    if (!loops->outer)
        return loops->list;
    for (const struct loop *l = loops; l; l = l->outer) {
        struct str rest = arena_str(t->arena, buf_str(&key));
        key.n = 0;
        buf_addf(&key, "${one.%.*s}%s%.*s", STR_ARG(l->name), rest.n ? "-" : "", STR_ARG(rest));
    }
    return tree_code(t->arena, NULL, "{for one in flatten(%s) : \"%.*s\" => one}", nested_lists(t, loops).p,
        (int)key.n, key.p);
}

void template_bind_loops(struct template *t, const struct loop *loops)
{
    for (const struct loop *l = loops; l; l = l->outer) {
        struct binding *b = ARENA_NEW(t->arena, struct binding);
        struct tree *code = loops->outer ? tree_code(t->arena, NULL, "each.value.%.*s", STR_ARG(l->name))
                                         : tree_code(t->arena, NULL, "each.key");
        *b = (struct binding){l->name, code, t->bindings};
        t->bindings = b;
    }
}
