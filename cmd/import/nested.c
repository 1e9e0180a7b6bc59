/* Finds and reads the template of a stack within another: see nested.h. */
#include "cmd/import/nested.h"

#include "base/file.h"
#include "cmd/import/nodes.h"

enum { NESTED_MAX = 8, TEMPLATE_MAX = 64 * 1024 * 1024 };

/* ---- which template ---- */

/* The text of a URL, also within Fn::Sub, up to where it names parameters it is still a path at its end. */
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
 * A path is one from the template's folder. Of a URL, what its path ends in may lie there, as
 * `aws s3 sync` has left it: templates/vpc.yaml, vpc.yaml. "": it is not here.
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

/* The name in arn:…:stack/NAME/ID. */
static struct str name_in_arn(struct str arn)
{
    struct str rest = arn, name = arn;
    for (int i = 0; i < 2 && rest.n; i++)
        name = str_cut(rest, '/', &rest);
    return name;
}

/* Is there a live one, what does it have? *live NULL: there is none. -1: told. */
static int look_at_stack(struct template *t, const struct thing *thing, struct template_live **live)
{
    struct err err = ERR_INIT;
    *live = NULL;
    if (!t->live || !thing->physical.n || !t->live->client)
        return 0;
    struct template_live *found = ARENA_NEW(t->arena, struct template_live);
    *found = (struct template_live){.body = STR_EMPTY};
    if (template_live_read(t->live->client, t->arena, thing->physical, found, &err)) {
        diag_error(t->diags, node_span(thing->node), "%.*s: %s", STR_ARG(thing->logical), err.message);
        return -1;
    }
    found->name = name_in_arn(thing->physical);
    found->look = t->live->look;
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

/* Reads it into `source`. False: there is nothing to read, or it has been told why not. */
static bool find_template(struct template *t, const struct thing *thing, const struct node *place,
    const struct template_live *live, struct source *source)
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
            STR_ARG(thing->logical));
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

/* ---- reading it ---- */

/* What a module's own keys are called no input can be. */
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

static bool read_nested(struct template *t, struct thing *thing, const struct source *source,
    const struct template_live *live, struct nested *nested)
{
    struct draft *d = &nested->draft;
    AUTO_BUF struct buf text = BUF_INIT;
    draft_init(d, t->arena, t->draft->catalog, t->diags);
    keep_names(d);
    d->is_module = true;
    d->stack = arena_printf(t->arena, "%.*s-%.*s", STR_ARG(t->draft->stack),
        STR_ARG(draft_stack_name(t->arena, thing->resource->name)));
    d->beside = folder_from(t, source);
    d->files = t->draft->files;
    d->folder = arena_printf(t->arena, "%.*s%.*s/", STR_ARG(t->draft->folder), STR_ARG(nested->folder));
    size_t errors = t->diags->errors;
    AUTO_MAP struct map outputs = MAP_INIT;
    d->next = t->draft->within;
    t->draft->within = d;
    template_read_within(t, d, source, live, &nested->inputs, &outputs);
    for (size_t i = 0; i < outputs.n; i++)
        said_set(t->arena, nested->outputs, outputs.items[i].key,
            said_string(t->arena, *(struct str *)outputs.items[i].ptr, NULL));
    if (t->diags->errors > errors || draft_write(d, &text, ERR_IGNORED))
        return false;
    if (!d->n && !d->outputs->n)
        diag_warning(t->diags, node_span(thing->node), "%.*s makes nothing", STR_ARG(thing->logical));
    if (str_eq(nested->folder, thing->resource->name))
        draft_file(t->draft, d->folder, arena_str(t->arena, buf_str(&text)));
    return true;
}

/* Stacks of the same template are one module; those that are there have names of their own in it. */
static struct str shared_folder(struct template *t, const struct thing *thing, struct str path)
{
    for (size_t i = 0; !t->live && i < t->things.n; i++) {
        const struct thing *other = t->things.items[i].ptr;
        if (other->nested && str_eq(other->nested->path, path))
            return other->nested->folder;
    }
    return thing->resource->name;
}

bool template_nest(struct template *t, struct thing *thing)
{
    const struct node *place = nodes_at(thing->node, STR("Properties.TemplateURL"));
    struct source *source = ARENA_NEW(t->arena, struct source);
    struct template_live *live;
    *source = (struct source){.text = STR_EMPTY};
    if (!str_eqz(thing->type, "AWS::CloudFormation::Stack") || !place || look_at_stack(t, thing, &live) ||
        !find_template(t, thing, place, live, source))
        return false;
    struct nested *nested = ARENA_NEW(t->arena, struct nested);
    *nested = (struct nested){
        .given = said_new(t->arena, SAID_MAP, NULL), .outputs = said_new(t->arena, SAID_MAP, NULL)};
    nested->folder = shared_folder(t, thing, source->path);
    nested->path = source->path;
    thing->nested = nested;
    if (read_nested(t, thing, source, live, nested)) {
        nested_give_parameters(t, thing, nested);
        nested_give_rest(t, thing, nested);
        nested_tell_unsaid(t, thing);
    }
    map_release(&nested->inputs);
    return true;
}
