/* A CloudFormation template from its first line to its last. */
#include "cmd/import/nodes.h"
#include "cmd/import/rewrite.h"

static void tell_macro(struct template *t, const struct node *node)
{
    struct str name = node->kind == NODE_MAP ? node_text(node_get(node, "Name")) : node_text(node);
    if (str_eqz(name, "AWS::LanguageExtensions") || str_eqz(name, "AWS::Serverless-2016-10-31"))
        return;
    const struct node *location = nodes_at(node, STR("Parameters.Location"));
    if (str_eqz(name, "AWS::Include") && location) {
        struct diag *include = diag_warning(
            t->diags, node_span(location), "what AWS::Include adds to the whole template is not known here");
        diag_hint(t->diags, include,
            "put that file's sections into this one; within a section `Fn::Transform` of a path is read");
        return;
    }
    struct diag *d = diag_warning(t->diags, node_span(node),
        "what the macro \"%.*s\" makes of the template is not known here", STR_ARG(name));
    diag_hint(t->diags, d,
        "`--stack NAME` without a template takes what the macro made of it, as CloudFormation has it");
}

static void tell_rest(struct template *t)
{
    const struct node *macros = node_get(t->root, "Transform");
    for (uint32_t i = 0; i < t->root->count; i++) {
        if (!str_is_any(t->root->entries[i].key, "AWSTemplateFormatVersion Description Metadata Parameters "
                                                 "Mappings Conditions Transform Resources Outputs"))
            diag_warning(t->diags, node_key_span(&t->root->entries[i]),
                "`%.*s` cannot be said in a stack, and is left out", STR_ARG(t->root->entries[i].key));
    }
    if (macros && macros->kind != NODE_LIST)
        tell_macro(t, macros);
    for (uint32_t i = 0; macros && macros->kind == NODE_LIST && i < macros->count; i++)
        tell_macro(t, macros->items[i]);
}

static void adopt_one(struct template *t, struct thing *thing, struct str address)
{
    struct said *id = thing->resource->schema ? template_import_id(t, thing) : NULL;
    if (id)
        draft_import(t->draft, address, id);
    else if (thing->resource->schema)
        diag_warning(t->diags, node_span(thing->node),
            "%.*s cannot be adopted by the id that it has: `weir state import %.*s ID` can",
            STR_ARG(thing->logical), STR_ARG(address));
}

/* Of several, each that the stack has. */
static void adopt_each(struct template *t, struct thing *thing)
{
    ptrdiff_t open = str_find(thing->pattern, STR("${"), 0), close = str_find_char(thing->pattern, '}', 0);
    if (thing->loops->outer)
        diag_warning(t->diags, node_span(thing->node),
            "%.*s is not adopted: which is which of loops within loops is not known; `weir state import` "
            "adopts each",
            STR_ARG(thing->logical));
    if (open < 0 || thing->loops->outer)
        return;
    struct str before = str_slice(thing->pattern, 0, (size_t)open),
               after = str_slice(thing->pattern, (size_t)close + 1, thing->pattern.n);
    for (uint32_t i = 0; i < t->live->physical->count; i++) {
        struct str logical = t->live->physical->entries[i].key;
        if (logical.n <= before.n + after.n || !str_starts(logical, before) || !str_ends(logical, after))
            continue;
        struct str key = str_slice(logical, before.n, logical.n - after.n);
        thing->physical = value_gets(t->live->physical->entries[i].value, "id");
        adopt_one(
            t, thing, arena_printf(t->arena, "%.*s[\"%.*s\"]", STR_ARG(thing->resource->name), STR_ARG(key)));
    }
}

static void template_adopt(struct template *t)
{
    for (size_t i = 0; t->live && i < t->things.n; i++) {
        struct thing *thing = t->things.items[i].ptr;
        if (thing->pattern.n)
            adopt_each(t, thing);
        else if (thing->physical.n && !thing->nested)
            adopt_one(t, thing, thing->resource->name);
    }
}

static void read_all(struct template *t, const struct node *resources)
{
    struct str words = node_text(node_get(t->root, "Description"));
    t->draft->description = words;
    if (t->root->count)
        t->draft->comment = template_comment(t->arena, &t->root->entries[0]);
    tell_rest(t);
    template_parameters(t, node_get(t->root, "Parameters"));
    template_mappings(t, node_get(t->root, "Mappings"));
    template_conditions(t, node_get(t->root, "Conditions"));
    template_resources(t, resources);
    template_outputs(t, node_get(t->root, "Outputs"));
    template_decide(t);
    template_adopt(t);
}

void template_without_tabs(struct arena *arena, struct str *text)
{
    size_t i = 0;
    while (i < text->n && strchr(" \t\r\n", text->p[i]))
        i++;
    if (i == text->n || text->p[i] != '{')
        return;
    char *copy = arena_strz(arena, *text);
    for (char *p = copy; (size_t)(p - copy) < text->n; p++)
        *p = *p == '\t' ? ' ' : *p;
    text->p = copy;
}

struct str template_stack_name(struct template *t)
{
    if (!t->parent)
        return STR("stack.name");
    return draft_ask(
        t->draft, STR(TEMPLATE_STACK_NAME), "string", STR("What made-up names begin with"), false);
}

/* The draft asks the template when it is written. */
static void read_source(struct template *t, const struct source *source)
{
    t->source = source;
    t->root = yaml_parse_tagged(t->arena, source, t->diags);
    if (t->root)
        t->root = template_include(t, t->root);
    const struct node *resources = t->root ? node_get(t->root, "Resources") : NULL;
    if (t->root && (!resources || resources->kind != NODE_MAP))
        diag_error(t->diags, (struct span){.source = source, .line = 1, .column = 1, .length = 1},
            "a template has `Resources:`");
    if (!resources || resources->kind != NODE_MAP)
        return;
    t->draft->resolve = template_resolve_reference;
    t->draft->resolve_ctx = t;
    t->serverless = serverless_is(t->root);
    t->root = template_rewrite(t, t->root);
    read_all(t, node_get(t->root, "Resources"));
}

static void release_maps(struct template *t)
{
    map_release(&t->parts);
    map_release(&t->things);
    map_release(&t->mappings);
    map_release(&t->conditions);
}

static struct template *template_new(
    struct draft *draft, struct names *names, const struct template_live *live)
{
    struct template *t = ARENA_NEW(draft->arena, struct template);
    *t = (struct template){
        .arena = draft->arena, .draft = draft, .names = names, .diags = draft->diags, .live = live};
    return t;
}

void template_read_within(struct template *t, struct draft *draft, const struct source *source,
    const struct template_live *live, struct map *inputs, struct map *outputs)
{
    struct template *within = template_new(draft, t->names, live);
    within->parent = t;
    read_source(within, source);
    *inputs = within->parameters; /* the caller's to release */
    *outputs = within->outputs;
    release_maps(within);
}

int template_read(
    struct draft *draft, struct names *names, const struct source *source, const struct template_live *live)
{
    struct template *t = template_new(draft, names, live);
    read_source(t, source);
    release_maps(t);
    map_release(&t->parameters);
    map_release(&t->outputs);
    return draft->diags->errors ? -1 : 0;
}
