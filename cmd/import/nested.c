/* Templates of nested stacks: found, read, and their parameters. See template.h. */
#include "cmd/import/template.h"

#include "base/file.h"

/* ---- inputs of a module, and the module in its stack ---- */

/* Splits a string into a list again, since CloudFormation passes lists as joined strings. */
static struct tree *as_list(struct template *t, struct tree *s)
{
    struct str text = tree_literal_text(t->arena, s), joined = STR("join(\",\", ");
    struct tree *list = tree_new(t->arena, TREE_LIST, s->node);
    if (s->kind == TREE_LIST)
        return s;
    if (s->kind == TREE_CODE && str_starts(s->code, joined) && str_ends(s->code, STR(")")))
        return tree_code(t->arena, s->node, "%.*s", (int)(s->code.n - joined.n - 1), s->code.p + joined.n);
    if (s->kind != TREE_TEXT && !text.p)
        return tree_code(t->arena, s->node, "split(\",\", %s)", tree_as_code(t->arena, s).p);
    struct tree *item = tree_new(t->arena, TREE_TEXT, s->node);
    for (size_t i = 0; i < (text.p ? 1 : s->n); i++) {
        struct str piece = text.p ? text : tree_literal_text(t->arena, s->items[i]);
        if (!piece.p)
            tree_append(t->arena, item, s->items[i]);
        while (piece.p) {
            struct str one = str_cut(piece, ',', &piece);
            tree_append(t->arena, item, tree_string(t->arena, str_trim(one), s->node));
            if (!piece.p)
                break;
            tree_add(t->arena, list, tree_simple(t->arena, item));
            item = tree_new(t->arena, TREE_TEXT, s->node);
        }
    }
    tree_add(t->arena, list, tree_simple(t->arena, item));
    return list;
}

static struct tree *argument_of(struct template *t, const struct template_resource *declared,
    const struct parameter *p, struct str name, struct tree *s)
{
    struct str text = tree_literal_text(t->arena, s);
    int64_t number;
    if (text.n && (p->secret || draft_is_secret(name, text)))
        return draft_hide(t->draft, s,
            arena_printf(t->arena, "%.*s_%.*s", STR_ARG(declared->resource->name), STR_ARG(p->input)));
    if (p->is_list)
        return as_list(t, s);
    if (p->is_number && text.p && str_to_int(text, &number))
        return tree_value(t->arena, value_int(t->arena, number), s->node);
    return text.p && !p->is_number ? tree_string(t->arena, text, s->node) : s;
}

static void nested_give_parameters(
    struct template *t, const struct template_resource *declared, struct nested *nested)
{
    const struct tree *all = tree_get(declared->properties, "Parameters");
    if (all && all->kind != TREE_MAP && all->kind != TREE_NOTHING)
        diag_warning(t->diags, node_span(all->node ? all->node : declared->node),
            "`Parameters` of a stack within a stack that are computed have no equivalent: inputs ask for "
            "them");
    for (size_t i = 0; all && all->kind == TREE_MAP && i < all->n; i++) {
        const struct tree_entry *e = &all->entries[i];
        const struct parameter *p = map_get(&nested->inputs, e->key);
        if (p) {
            tree_set(t->arena, nested->given, p->input, argument_of(t, declared, p, e->key, e->value));
            continue;
        }
        struct str *names = ARENA_ARRAY(t->arena, struct str, nested->inputs.n + 1);
        for (size_t k = 0; k < nested->inputs.n; k++)
            names[k] = nested->inputs.items[k].key;
        struct diag *d = diag_error(t->diags,
            e->value->node ? node_span(e->value->node) : node_span(declared->node),
            "the template of %.*s has no parameter \"%.*s\"", STR_ARG(declared->logical), STR_ARG(e->key));
        diag_did_you_mean(t->diags, d, e->key, names, nested->inputs.n);
    }
}

static void nested_give_rest(
    struct template *t, const struct template_resource *declared, struct nested *nested)
{
    const struct tree *inputs = nested->draft.inputs;
    for (size_t i = 0; i < inputs->n; i++) {
        struct str name = inputs->entries[i].key;
        const struct tree *input = inputs->entries[i].value;
        struct tree *words = tree_get(input, "description");
        if (tree_get(nested->given, arena_strz(t->arena, name)) || tree_get(input, "default"))
            continue;
        if (str_eqz(name, TEMPLATE_STACK_NAME)) {
            struct tree *own = tree_new(t->arena, TREE_TEXT, NULL);
            struct str dashed = draft_stack_name(t->arena, declared->resource->name);
            tree_append(t->arena, own, tree_code(t->arena, NULL, "%s", template_stack_name(t).p));
            tree_append(
                t->arena, own, tree_string(t->arena, arena_printf(t->arena, "-%.*s", STR_ARG(dashed)), NULL));
            tree_set(t->arena, nested->given, name, own);
            continue;
        }
        struct str code = draft_ask(t->draft, name,
            arena_strz(t->arena, tree_literal_text(t->arena, tree_get(input, "type"))),
            words ? tree_literal_text(t->arena, words) : STR_EMPTY, tree_get(input, "sensitive") != NULL);
        tree_set(t->arena, nested->given, name, tree_code(t->arena, NULL, "%s", code.p));
    }
}

/* Reports properties of a nested stack without an equivalent. */
static void nested_tell_unsupported(struct template *t, const struct template_resource *declared)
{
    static const char *const properties[] = {"NotificationARNs", "TimeoutInMinutes", "Tags"};
    for (size_t i = 0; i < 3; i++) {
        const struct tree *s = tree_get(declared->properties, properties[i]);
        if (s)
            diag_warning(t->diags, node_span(s->node ? s->node : declared->node),
                "`%s` of a stack within a stack has no equivalent, and is left out", properties[i]);
    }
}

/* ---- imports of a module's resources ---- */

/* Converts an import id within a module to one in the outer stack, where the module's inputs are
 * arguments. */
static struct tree *id_out_here(struct template *t, const struct nested *nested, struct tree *id)
{
    struct str code = id->code, input = STR("inputs."), here = STR("here.");
    struct tree *out = tree_new(t->arena, TREE_TEXT, id->node);
    if (id->kind == TREE_LITERAL)
        return id;
    if (id->kind == TREE_CODE && str_starts(code, input))
        return tree_get(nested->given, arena_strz(t->arena, str_slice(code, input.n, code.n)));
    if (id->kind == TREE_CODE && str_starts(code, here))
        return tree_code(t->arena, NULL, "%s.%.*s",
            draft_data(t->draft, STR("here"), "aws.sts.caller_identity", NULL).p, (int)(code.n - here.n),
            code.p + here.n);
    for (size_t i = 0; id->kind == TREE_TEXT && i < id->n; i++) {
        struct tree *piece = id_out_here(t, nested, id->items[i]);
        if (!piece)
            return NULL;
        tree_append(t->arena, out, piece);
    }
    return id->kind == TREE_TEXT ? tree_simple(t->arena, out) : NULL;
}

static void import_within(struct template *t, const struct template_resource *declared)
{
    const struct tree *all = declared->nested->draft.imports;
    for (size_t i = 0; i < all->n; i++) {
        struct tree *id = id_out_here(t, declared->nested, tree_get(all->items[i], "id"));
        struct str address = arena_printf(t->arena, "%.*s/%.*s", STR_ARG(declared->resource->name),
            STR_ARG(tree_literal_text(t->arena, tree_get(all->items[i], "address"))));
        if (id)
            draft_import(t->draft, address, id);
        else
            diag_warning(t->diags, node_span(declared->node),
                "%.*s cannot be imported by the id that it has: `weir state import %.*s ID` can",
                STR_ARG(address), STR_ARG(address));
    }
}

static void add_rows(struct template *t, const struct template_resource *declared)
{
    struct draft *d = t->draft;
    const struct draft *within = &declared->nested->draft;
    draft_row(d, arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(declared->logical), STR_ARG(declared->type)),
        arena_printf(t->arena, "%.*s (module)", STR_ARG(declared->resource->name)), declared->resource->note);
    for (size_t i = 0; i < within->rows->n; i++) {
        struct str cells[3];
        for (size_t k = 0; k < 3; k++)
            cells[k] = tree_literal_text(t->arena, within->rows->items[i]->items[k]);
        draft_row(d, arena_printf(t->arena, "%.*s/%.*s", STR_ARG(declared->logical), STR_ARG(cells[0])),
            str_eqz(cells[1], "-")
                ? cells[1]
                : arena_printf(t->arena, "%.*s/%.*s", STR_ARG(declared->resource->name), STR_ARG(cells[1])),
            cells[2]);
    }
    d->ours += within->ours;
    d->theirs += within->theirs;
    d->left_out += within->left_out;
}

void template_add_module(struct template *t, struct template_resource *declared)
{
    struct nested *nested = declared->nested;
    struct tree *module = tree_new(t->arena, TREE_MAP, declared->node);
    const struct tree *before = declared->resource->attrs, *after = tree_get(before, "\001after");
    tree_set(t->arena, module, STR("source"),
        tree_string(t->arena, arena_printf(t->arena, "./%.*s", STR_ARG(nested->folder)), NULL));
    for (size_t i = 0; i < before->n; i++)
        if (before->entries[i].key.p[0] != '\001')
            tree_set(t->arena, module, before->entries[i].key, before->entries[i].value);
    for (size_t i = 0; i < nested->given->n; i++)
        tree_set(t->arena, module, nested->given->entries[i].key, nested->given->entries[i].value);
    if (tree_get(after, "depends_on"))
        tree_set(t->arena, module, STR("depends_on"), tree_get(after, "depends_on"));
    tree_set(t->arena, t->draft->modules, declared->resource->name, module);
    t->draft->modules->entries[t->draft->modules->n - 1].comment = declared->resource->comment;
    import_within(t, declared);
    add_rows(t, declared);
}

struct str template_module_output(
    struct template *t, const struct template_resource *declared, struct str attr)
{
    struct str outputs = STR("Outputs.");
    if (!str_starts(attr, outputs))
        return STR_EMPTY;
    const struct tree *name =
        tree_get(declared->nested->outputs, arena_strz(t->arena, str_slice(attr, outputs.n, attr.n)));
    return name ? name->value->string : STR_EMPTY;
}

enum { NESTED_MAX = 8, TEMPLATE_MAX = 64 * 1024 * 1024 };

/* ---- the template ---- */

/* Returns the text of a URL, also within Fn::Sub; the end of its path is usable even if it has parameters. */
static struct str url_of(struct template *t, const struct node *place)
{
    const struct node *sub = node_get(place, "!Sub");
    sub = sub ? sub : node_get(place, "Fn::Sub");
    if (sub && sub->kind == NODE_LIST && sub->count)
        sub = sub->items[0];
    struct str text = nodes_joined(t->arena, sub ? sub : place);
    return text.p ? text : STR_EMPTY;
}

static struct str beside_template(struct template *t, struct str path)
{
    return path_join(t->arena, path_dir(t->source->path), path);
}

/*
 * Returns the file of a template. A path is relative to the outer template's folder. For a URL, a file with
 * the end of its path is used, as left by `aws s3 sync`: templates/vpc.yaml, vpc.yaml. "": not found.
 */
static struct str file_of(struct template *t, struct str url)
{
    struct str rest = url;
    ptrdiff_t scheme = str_find(url, STR("://"), 0);
    if (scheme < 0 && url.n && url.p[0] != '$')
        return beside_template(t, url);
    while (rest.n) {
        str_cut(rest, '/', &rest);
        struct str path = rest.n ? beside_template(t, rest) : STR_EMPTY;
        bool plain = rest.n && rest.p[0] != '/' && str_find(rest, STR("${"), 0) < 0 &&
                     str_find(rest, STR(".."), 0) < 0;
        if (plain && path_exists(path.p) && !path_is_dir(path.p))
            return path;
        rest = rest.p ? rest : STR_EMPTY;
    }
    return STR_EMPTY;
}

/* Returns NAME of arn:…:stack/NAME/ID. */
static struct str name_in_arn(struct str arn)
{
    struct str rest = arn, name = arn;
    for (int i = 0; i < 2 && rest.n; i++)
        name = str_cut(rest, '/', &rest);
    return name;
}

/* Reads the live nested stack. *live NULL: it does not exist. Returns -1 after a reported error. */
static int look_at_stack(
    struct template *t, const struct template_resource *declared, struct template_live **live)
{
    struct err err = ERR_INIT;
    *live = NULL;
    if (!t->live || !declared->physical.n || !t->live->client)
        return 0;
    struct template_live *found = ARENA_MAKE(t->arena, struct template_live, .body = STR_EMPTY);
    if (template_live_read(t->live->client, t->arena, declared->physical, found, &err)) {
        diag_error(t->diags, node_span(declared->node), "%.*s: %s", STR_ARG(declared->logical), err.message);
        return -1;
    }
    found->name = name_in_arn(declared->physical);
    found->lookup = t->live->lookup;
    *live = found;
    return 0;
}

static bool is_circle(struct template *t, struct str path, const struct node *place)
{
    AUTO_BUF struct buf way = BUF_INIT;
    size_t depth = 0;
    bool again = false;
    for (const struct template *outer = t; outer; outer = outer->parent, depth++)
        again = again || str_eq(outer->source->path, path);
    if (!again && depth < NESTED_MAX)
        return false;
    for (const struct template *outer = t; outer; outer = outer->parent)
        buf_addf(&way, " <- %.*s", STR_ARG(outer->source->path));
    diag_error(t->diags, node_span(place),
        again ? "a circle of stacks: %.*s%s" : "stacks within stacks too deep: %.*s%s", STR_ARG(path), way.p);
    return true;
}

/* Reads the template into `source`. Returns false if there is none, or after a reported error. */
static bool find_template(struct template *t, const struct template_resource *declared,
    const struct node *place, const struct template_live *live, struct source *source)
{
    struct err err = ERR_INIT;
    struct str url = url_of(t, place), path = file_of(t, url);
    if (!path.n && live) {
        source->path = arena_printf(t->arena, "template of %.*s", STR_ARG(live->name));
        source->text = live->body;
        return !is_circle(t, source->path, place);
    }
    if (!path.n) {
        struct diag *d = diag_warning(t->diags, node_span(place),
            "the template of %.*s is not here: what it makes stays CloudFormation's",
            STR_ARG(declared->logical));
        diag_hint(t->diags, d,
            "a file that the URL ends in is read where it is stored beside this template; with --stack "
            "the one that CloudFormation keeps is");
        return false;
    }
    source->path = path_join(t->arena, STR_EMPTY, path);
    if (is_circle(t, source->path, place))
        return false;
    if (file_read(t->arena, source->path.p, TEMPLATE_MAX, &source->text, &err)) {
        diag_error(t->diags, node_span(place), "%s", err.message);
        return false;
    }
    template_without_tabs(t->arena, &source->text);
    return true;
}

/* ---- reading the template ---- */

/* Reserves the keys of a module call, which cannot be inputs. */
static void keep_names(struct draft *d)
{
    static const char *const own[] = {"source", "for_each", "when", "depends_on", "provider", "providers"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        map_set(&d->taken_inputs, str_z(own[i]), d);
}

static struct str folder_from(struct template *t, const struct source *source)
{
    struct str from = path_dir(t->source->path), dir = path_dir(source->path);
    if (str_starts(dir, from) && dir.n > from.n && dir.p[from.n] == '/')
        dir = str_slice(dir, from.n + 1, dir.n);
    else if (str_eq(dir, from))
        dir = STR_EMPTY;
    struct str below = path_join(t->arena, t->draft->beside, dir);
    return below.n ? arena_printf(t->arena, "../%.*s", STR_ARG(below)) : STR("..");
}

static bool read_nested(struct template *t, struct template_resource *declared, const struct source *source,
    const struct template_live *live, struct nested *nested)
{
    struct draft *d = &nested->draft;
    AUTO_BUF struct buf text = BUF_INIT;
    draft_init(d, t->arena, t->draft->catalog, t->diags);
    keep_names(d);
    d->is_module = true;
    d->stack = arena_printf(t->arena, "%.*s-%.*s", STR_ARG(t->draft->stack),
        STR_ARG(draft_stack_name(t->arena, declared->resource->name)));
    d->beside = folder_from(t, source);
    d->files = t->draft->files;
    d->copies = t->draft->copies;
    d->folder = arena_printf(t->arena, "%.*s%.*s/", STR_ARG(t->draft->folder), STR_ARG(nested->folder));
    size_t errors = t->diags->errors;
    AUTO_MAP struct map outputs = MAP_INIT;
    d->next = t->draft->within;
    t->draft->within = d;
    template_read_within(t, d, source, live, &nested->inputs, &outputs);
    for (size_t i = 0; i < outputs.n; i++)
        tree_set(t->arena, nested->outputs, outputs.items[i].key,
            tree_string(t->arena, *(struct str *)outputs.items[i].ptr, NULL));
    if (t->diags->errors > errors || draft_write(d, &text, ERR_IGNORED))
        return false;
    if (!d->n && !d->outputs->n)
        diag_warning(t->diags, node_span(declared->node), "%.*s makes nothing", STR_ARG(declared->logical));
    if (str_eq(nested->folder, declared->resource->name))
        draft_file(t->draft, arena_printf(t->arena, "%.*sweir.yaml", STR_ARG(d->folder)),
            arena_str(t->arena, buf_str(&text)));
    return true;
}

/* Stacks with the same template share a module, except live ones, whose resources have their own names. */
static struct str shared_folder(struct template *t, const struct template_resource *declared, struct str path)
{
    for (size_t i = 0; !t->live && i < t->declared.n; i++) {
        const struct template_resource *other = t->declared.items[i].ptr;
        if (other->nested && str_eq(other->nested->path, path))
            return other->nested->folder;
    }
    return declared->resource->name;
}

bool template_nest(struct template *t, struct template_resource *declared)
{
    const struct node *place = nodes_at(declared->node, STR("Properties.TemplateURL"));
    struct source *source = ARENA_NEW(t->arena, struct source);
    struct template_live *live;
    *source = (struct source){.text = STR_EMPTY};
    if (!str_eqz(declared->type, "AWS::CloudFormation::Stack") || !place ||
        look_at_stack(t, declared, &live) || !find_template(t, declared, place, live, source))
        return false;
    struct nested *nested = ARENA_MAKE(t->arena, struct nested, .given = tree_new(t->arena, TREE_MAP, NULL),
        .outputs = tree_new(t->arena, TREE_MAP, NULL));
    nested->folder = shared_folder(t, declared, source->path);
    nested->path = source->path;
    declared->nested = nested;
    if (read_nested(t, declared, source, live, nested)) {
        nested_give_parameters(t, declared, nested);
        nested_give_rest(t, declared, nested);
        nested_tell_unsupported(t, declared);
    }
    map_release(&nested->inputs);
    return true;
}
