/* Which type each resource becomes: one of ours where that says all of it, else CloudFormation's own. */
#include "cmd/import/fit.h"
#include "cmd/import/template.h"
#include "provider/cfn/published.h"
#include "provider/spec/spec.h"

/* ---- what refers to it ---- */

/* Of types whose Ref is not what identifies them. */
static const char *const refs[][2] = {{"AWS::Events::Rule", "Name"}, {"AWS::ECS::Service", "ServiceArn"},
    {"AWS::ApiGateway::Resource", "ResourceId"}, {"AWS::ApiGateway::Deployment", "DeploymentId"},
    {"AWS::ApiGateway::Stage", "StageName"}, {"AWS::ApiGateway::Authorizer", "AuthorizerId"},
    {"AWS::ApiGateway::Model", "Name"}, {"AWS::ApiGatewayV2::Integration", "IntegrationId"},
    {"AWS::ApiGatewayV2::Route", "RouteId"}, {"AWS::ApiGatewayV2::Stage", "StageName"},
    {"AWS::Cognito::UserPoolClient", "ClientId"}, {"AWS::EC2::EIP", "PublicIp"}, {"AWS::Glue::Table", "Name"},
    {"AWS::Batch::JobDefinition", "JobDefinitionArn"}, {"AWS::Lambda::Permission", "Id"},
    {"AWS::StepFunctions::StateMachineAlias", "Arn"}, {"AWS::Glue::Connection", "Name"}};

struct str template_ref_property(struct template *t, const struct schema *schema)
{
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++)
        if (str_eqz(schema->name, refs[i][0]))
            return str_z(refs[i][1]);
    const struct value *published = cfn_published(t->arena, schema->name);
    const struct value *ids = value_getz(published, "primaryIdentifier");
    struct str path = ids && ids->count == 1 ? value_text(ids->items[0], STR_EMPTY) : STR_EMPTY;
    return path.n ? str_slice(path, strlen("/properties/"), path.n) : STR_EMPTY;
}

/* The attribute's path here; "": it has none. */
static struct str decide_attribute(struct template *t, const struct thing *thing, struct str theirs)
{
    const struct schema *schema = thing->resource->schema;
    struct str rest, first;
    if (thing->names)
        return names_output(thing->names, t->arena, theirs);
    if (str_eqz(theirs, "Ref"))
        theirs = template_ref_property(t, schema);
    if (!theirs.n)
        theirs = schema->id;
    first = str_cut(theirs, '.', &rest);
    if (!schema_attr(schema, first) || str_find_char(first, '/', 0) >= 0 ||
        str_find_char(theirs, '/', 0) >= 0)
        return STR_EMPTY;
    return theirs;
}

static void add_attribute(struct template *t, const struct thing *thing, struct str prefix, struct str theirs,
    bool named, struct tree *out)
{
    struct str ours = decide_attribute(t, thing, theirs);
    if (ours.n && (!named || str_eqz(ours, "name")))
        tree_set(
            t->arena, out, theirs, tree_code(t->arena, NULL, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(ours)));
}

/* {Arn: role.arn, RoleName: role.name}: what the service says, and what it is called. */
static struct str all_attributes(struct template *t, const struct thing *thing, struct str prefix)
{
    const struct value *published = cfn_published(t->arena, thing->type),
                       *given = value_getz(published, "properties"),
                       *read_only = value_getz(published, "readOnlyProperties");
    struct tree *out = tree_new(t->arena, TREE_MAP, NULL);
    for (uint32_t i = 0; given && i < given->count; i++)
        add_attribute(t, thing, prefix, given->entries[i].key, true, out);
    /* "/properties/Endpoint/Port" is Endpoint.Port */
    for (uint32_t i = 0; read_only && i < read_only->count; i++) {
        char *path = arena_strz(t->arena, value_text(read_only->items[i], STR_EMPTY)),
             *p = path + strlen("/properties/");
        for (char *slash = p; *slash; slash++)
            *slash = *slash == '/' ? '.' : *slash;
        add_attribute(t, thing, prefix, str_z(p), false, out);
    }
    return tree_as_code(t->arena, out);
}

static bool can_be_referred_to(struct template *t, const struct thing *thing, struct str *which)
{
    for (size_t i = 0; i < t->draft->reference_count; i++) {
        const struct draft_reference *r = t->draft->references[i];
        if (r->target != thing || str_eqz(r->attr, "DependsOn") || str_eqz(r->attr, TEMPLATE_ALL) ||
            names_output(thing->names, t->arena, r->attr).n)
            continue;
        *which = r->attr;
        return false;
    }
    return true;
}

/* A resource that is left out: whoever refers to it is asked for its value. */
static struct str asked(struct template *t, const struct thing *thing, const struct draft_reference *r)
{
    struct str name = str_eqz(r->attr, "Ref")
                          ? thing->logical
                          : arena_printf(t->arena, "%.*s_%.*s", STR_ARG(thing->logical), STR_ARG(r->attr));
    return draft_ask(t->draft, name, "string",
        arena_printf(t->arena, "%.*s of %.*s (%.*s), which is not in this stack", STR_ARG(r->attr),
            STR_ARG(thing->logical), STR_ARG(thing->type)),
        false);
}

struct str template_resolve_reference(void *ctx, struct draft_reference *r)
{
    struct template *t = ctx;
    const struct thing *thing = r->target;
    struct str key = r->key.n ? arena_printf(t->arena, "[%.*s]", STR_ARG(r->key)) : STR_EMPTY;
    struct str output = thing->nested ? template_module_output(t, thing, r->attr) : STR_EMPTY;
    if (output.n)
        return arena_printf(
            t->arena, "%.*s%.*s.%.*s", STR_ARG(thing->resource->name), STR_ARG(key), STR_ARG(output));
    if (thing->nested && !str_eqz(r->attr, "Ref"))
        diag_error(t->diags, node_span(r->node ? r->node : thing->node),
            "the template of %.*s has no output \"%.*s\"", STR_ARG(thing->logical),
            STR_ARG(str_starts(r->attr, STR("Outputs.")) ? str_slice(r->attr, 8, r->attr.n) : r->attr));
    struct str folded = thing->folded ? template_folded_attribute(t, thing, r->attr) : STR_EMPTY;
    if (folded.n)
        return folded;
    if (!thing->resource->schema)
        return asked(t, thing, r);
    if (str_eqz(r->attr, TEMPLATE_ALL))
        return all_attributes(
            t, thing, arena_printf(t->arena, "%.*s%.*s", STR_ARG(thing->resource->name), STR_ARG(key)));
    struct str attr = decide_attribute(t, thing, r->attr);
    if (!attr.n) {
        diag_warning(t->diags, r->node ? node_span(r->node) : (struct span){0},
            "%.*s has no attribute \"%.*s\"", STR_ARG(thing->resource->type), STR_ARG(r->attr));
        return asked(t, thing, r);
    }
    return arena_printf(
        t->arena, "%.*s%.*s.%.*s", STR_ARG(thing->resource->name), STR_ARG(key), STR_ARG(attr));
}

/* ---- one resource ---- */

static void take_attrs(struct template *t, struct thing *thing, struct tree *attrs)
{
    struct tree *before = thing->resource->attrs, *after = tree_get(before, "\001after");
    struct tree *all = tree_new(t->arena, TREE_MAP, thing->node);
    const struct tree *parts[] = {before, attrs, after};
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < parts[k]->n; i++) {
            const struct tree_entry *e = &parts[k]->entries[i];
            if (e->key.p[0] == '\001')
                continue;
            const struct attr *attr = schema_attr(thing->resource->schema, e->key);
            tree_set(
                t->arena, all, e->key, fit_hide(t->draft, e->value, thing->resource->name, e->key, attr));
            all->entries[all->n - 1].comment = e->comment;
        }
    thing->resource->attrs = all;
}

static bool becomes_ours(struct template *t, struct thing *thing, struct str *why)
{
    struct fit fit = {.draft = t->draft, .type = names_cloudformation(t->names, thing->type)};
    struct str which;
    *why = STR_EMPTY;
    if (!fit.type)
        return false;
    thing->names = fit.type;
    bool fits = fit_properties(&fit, thing->properties);
    if (fits) {
        template_give_name(t, thing, &fit);
        fits = fit_check(&fit);
    }
    if (fits && !can_be_referred_to(t, thing, &which)) {
        fit.why = arena_printf(t->arena, "`%.*s` is referred to", STR_ARG(which));
        fits = false;
    }
    if (!fits) {
        *why = arena_printf(t->arena, "%.*s: %.*s", STR_ARG(fit.type->schema->name), STR_ARG(fit.why));
        thing->names = NULL;
        return false;
    }
    thing->resource->schema = fit.type->schema;
    thing->resource->type = fit.type->schema->name;
    take_attrs(t, thing, fit.attrs);
    return true;
}

static void becomes_theirs(struct template *t, struct thing *thing, const struct schema *schema)
{
    struct names_type *same = ARENA_NEW(t->arena, struct names_type);
    *same = (struct names_type){.other = schema->name, .schema = schema, .into_by = STR_EMPTY};
    struct fit fit = {.draft = t->draft, .type = same};
    thing->resource->schema = schema;
    thing->resource->type = schema->name;
    if (!fit_properties(&fit, thing->properties)) {
        fit.lenient = true;
        fit.left_out = tree_new(t->arena, TREE_LIST, NULL);
        fit_properties(&fit, thing->properties);
        for (size_t i = 0; i < fit.left_out->n; i++) {
            const struct node *node = fit.left_out->items[i]->node;
            diag_warning(t->diags, node_span(node ? node : thing->node), "%.*s: %.*s, and is left out",
                STR_ARG(schema->name), STR_ARG(fit.left_out->items[i]->value->string));
        }
    }
    fit.lenient = false;
    if (!fit_check(&fit))
        diag_warning(t->diags, node_span(fit.where ? fit.where : thing->node), "%.*s: %.*s",
            STR_ARG(schema->name), STR_ARG(fit.why));
    take_attrs(t, thing, fit.attrs);
}

static void leave_out(struct template *t, struct thing *thing, const struct err *err)
{
    const struct node *type = node_get(thing->node, "Type");
    struct diag *d = diag_warning(t->diags, node_span(type ? type : thing->node), "%s", err->message);
    bool custom = str_starts(thing->type, STR("Custom::")) ||
                  str_eqz(thing->type, "AWS::CloudFormation::CustomResource");
    bool serverless = str_starts(thing->type, STR("AWS::Serverless::"));
    diag_hint(t->diags, d,
        serverless ? "%.*s is left out; once it is deployed, `--stack NAME` without a template takes what it "
                     "stands for"
        : custom
            ? "%.*s is left out: weir.command runs what a custom resource's function does; what refers to "
              "it becomes an input"
            : "%.*s is left out, and what refers to it becomes an input; `weir schema --fetch` knows "
              "types that are newer or private",
        STR_ARG(thing->logical));
    thing->resource->note = STR("left out: no such type can be driven");
}

static void import_decide(struct template *t, struct thing *thing)
{
    struct err err = ERR_INIT;
    struct str why;
    if (thing->nested) {
        template_add_module(t, thing);
        return;
    }
    if (becomes_ours(t, thing, &why)) {
        t->draft->ours++;
    } else {
        const struct schema *schema = catalog_find(t->draft->catalog, thing->type, false, &err);
        if (schema) {
            becomes_theirs(t, thing, schema);
            thing->resource->note = why.n ? why : thing->resource->note;
            bool theirs = str_find(thing->type, STR("::"), 0) >= 0; /* SAM's may be weir's own already */
            t->draft->theirs += theirs;
            t->draft->ours += !theirs;
        } else {
            leave_out(t, thing, &err);
            thing->resource->note =
                why.n ? arena_printf(t->arena, "left out: %.*s", STR_ARG(why)) : thing->resource->note;
            t->draft->left_out++;
        }
    }
    struct str here = thing->resource->schema
                          ? arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(thing->resource->name),
                                STR_ARG(thing->resource->type))
                          : STR("-");
    draft_row(t->draft, arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(thing->logical), STR_ARG(thing->type)),
        here, thing->resource->note);
}

/* ---- circles ---- */

static void tell_circle(struct template *t, const struct thing *thing, const struct draft_reference *r,
    const struct thing *const *way, size_t n)
{
    AUTO_BUF struct buf loop = BUF_INIT;
    size_t from = 0;
    while (from < n && way[from] != thing)
        from++;
    for (size_t i = from; i < n; i++)
        buf_addf(&loop, "%.*s -> ", STR_ARG(way[i]->logical));
    diag_error(t->diags, r->node ? node_span(r->node) : (struct span){0}, "a circle: %s%.*s", loop.p,
        STR_ARG(thing->logical));
}

struct walk {
    const struct thing **way;
    size_t n;
};

static void decide_visit(struct template *t, struct walk *walk, struct thing *thing)
{
    if (thing->visited)
        return;
    thing->visiting = true;
    walk->way[walk->n++] = thing;
    for (size_t i = 0; i < thing->need_count; i++) {
        const struct draft_reference *r = thing->needs[i];
        struct thing *target = r->target;
        if (target->visited)
            continue;
        if (target->visiting)
            tell_circle(t, target, r, walk->way, walk->n);
        else
            decide_visit(t, walk, target);
    }
    walk->n--;
    thing->visiting = false;
    thing->visited = true;
}

static void look_for_circles(struct template *t)
{
    struct walk walk = {.way = ARENA_ARRAY(t->arena, const struct thing *, t->things.n + 1)};
    for (size_t i = 0; i < t->things.n; i++)
        decide_visit(t, &walk, t->things.items[i].ptr);
}

/* What it says itself that it waits for; NULL: nothing. */
static struct tree *waits_for(struct template *t, const struct thing *thing)
{
    if (thing->nested)
        return tree_get(
            tree_get(t->draft->modules, arena_strz(t->arena, thing->resource->name)), "depends_on");
    return thing->resource->schema ? tree_get(thing->resource->attrs, "depends_on") : NULL;
}

/* What was left out is not waited for. */
static void without_absent(struct template *t, const struct thing *thing)
{
    struct tree *list = waits_for(t, thing);
    for (size_t i = 0; list && i < t->draft->reference_count; i++) {
        const struct draft_reference *r = t->draft->references[i];
        const struct thing *other = r->target;
        if (r->owner != thing || other->resource->schema || other->folded || other->nested)
            continue;
        for (size_t k = 0; k < list->n; k++)
            if (tree_is_text(list->items[k], other->resource->name.p)) {
                memmove(&list->items[k], &list->items[k + 1], (list->n - k - 1) * sizeof *list->items);
                list->n--;
            }
    }
    struct tree *attrs = thing->nested
                             ? tree_get(t->draft->modules, arena_strz(t->arena, thing->resource->name))
                             : thing->resource->attrs;
    for (size_t i = 0; list && !list->n && i < attrs->n; i++)
        if (attrs->entries[i].value == list) {
            memmove(&attrs->entries[i], &attrs->entries[i + 1], (attrs->n - i - 1) * sizeof *attrs->entries);
            attrs->n--;
        }
}

/* What others depend on by another name now. */
static void follow_folded(struct template *t, struct thing *thing)
{
    struct tree *list = waits_for(t, thing);
    for (size_t i = 0; list && i < t->things.n; i++) {
        const struct thing *other = t->things.items[i].ptr;
        for (size_t k = 0; other->folded && k < list->n; k++)
            if (tree_is_text(list->items[k], other->resource->name.p))
                list->items[k] = tree_string(t->arena, other->folded->resource->name, NULL);
    }
}

/* The same name twice, or one that a reference waits for anyway. */
static void without_repeated(struct template *t, const struct thing *thing)
{
    struct tree *list = waits_for(t, thing);
    for (size_t i = 0; list && i < list->n; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again = again || tree_is_text(list->items[k], list->items[i]->value->string.p);
        for (size_t k = 0; k < t->draft->reference_count; k++) {
            const struct draft_reference *r = t->draft->references[k];
            const struct thing *target = r->target;
            again = again || (r->owner == thing && !str_eqz(r->attr, "DependsOn") &&
                                 tree_is_text(list->items[i], target->resource->name.p));
        }
        if (again) {
            memmove(&list->items[i], &list->items[i + 1], (list->n - i - 1) * sizeof *list->items);
            list->n--;
            i--;
        }
    }
}

void template_need(struct template *t, struct thing *thing, struct draft_reference *reference)
{
    ARENA_GROW(t->arena, thing->needs, thing->need_count, thing->need_cap);
    thing->needs[thing->need_count++] = reference;
}

void template_decide(struct template *t)
{
    for (size_t i = 0; i < t->draft->reference_count; i++)
        if (t->draft->references[i]->owner)
            template_need(t, t->draft->references[i]->owner, t->draft->references[i]);
    look_for_circles(t);
    for (size_t i = 0; i < t->things.n; i++) {
        struct thing *thing = t->things.items[i].ptr;
        if (!template_is_part(thing))
            import_decide(t, thing);
    }
    for (size_t i = 0; i < t->things.n; i++) {
        struct thing *thing = t->things.items[i].ptr;
        if (template_is_part(thing) && !(t->live && !thing->physical.n) && template_fold(t, thing))
            draft_row(t->draft,
                arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(thing->logical), STR_ARG(thing->type)),
                arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(thing->folded->resource->name),
                    STR_ARG(thing->folded->resource->type)),
                STR("a part of it"));
        else if (template_is_part(thing))
            import_decide(t, thing);
    }
    for (size_t i = 0; i < t->things.n; i++) {
        follow_folded(t, t->things.items[i].ptr);
        without_repeated(t, t->things.items[i].ptr);
        without_absent(t, t->things.items[i].ptr);
    }
}
