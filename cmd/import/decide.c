/* Decides the type of each resource: weir's own if it supports all properties, otherwise CloudFormation's. */
#include "cmd/import/mapping.h"
#include "cmd/import/template.h"
#include "provider/cfn/cfn.h"
#include "provider/spec/spec.h"

/* ---- references to a resource ---- */

/* The property that Ref returns, for types where it is not the primary identifier. */
static const char *const refs[][2] = {{"AWS::Events::Rule", "Name"}, {"AWS::ECS::Service", "ServiceArn"},
    {"AWS::ApiGateway::Resource", "ResourceId"}, {"AWS::ApiGateway::Deployment", "DeploymentId"},
    {"AWS::ApiGateway::Stage", "StageName"}, {"AWS::ApiGateway::Authorizer", "AuthorizerId"},
    {"AWS::ApiGateway::Model", "Name"}, {"AWS::ApiGatewayV2::Integration", "IntegrationId"},
    {"AWS::ApiGatewayV2::Route", "RouteId"}, {"AWS::ApiGatewayV2::Stage", "StageName"},
    {"AWS::Cognito::UserPoolClient", "ClientId"}, {"AWS::EC2::EIP", "PublicIp"}, {"AWS::Glue::Table", "Name"},
    {"AWS::Batch::JobDefinition", "JobDefinitionArn"}, {"AWS::Lambda::Permission", "Id"},
    {"AWS::StepFunctions::StateMachineAlias", "Arn"}, {"AWS::Glue::Connection", "Name"},
    {"AWS::Logs::LogStream", "LogStreamName"}};

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

/* Returns the attribute's path in weir, or "". */
static struct str decide_attribute(
    struct template *t, const struct template_resource *declared, struct str theirs)
{
    const struct schema *schema = declared->resource->schema;
    struct str rest, first;
    if (declared->names)
        return names_output(declared->names, t->arena, theirs);
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

static void add_attribute(struct template *t, const struct template_resource *declared, struct str prefix,
    struct str theirs, bool named, struct tree *out)
{
    struct str ours = decide_attribute(t, declared, theirs);
    if (ours.n && (!named || str_eqz(ours, "name")))
        tree_set(
            t->arena, out, theirs, tree_code(t->arena, NULL, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(ours)));
}

/* Returns a map of all attributes, {Arn: role.arn, RoleName: role.name}: the readable ones, and the names. */
static struct str all_attributes(
    struct template *t, const struct template_resource *declared, struct str prefix)
{
    const struct value *published = cfn_published(t->arena, declared->type),
                       *given = value_getz(published, "properties"),
                       *read_only = value_getz(published, "readOnlyProperties");
    struct tree *out = tree_new(t->arena, TREE_MAP, NULL);
    for (uint32_t i = 0; given && i < given->count; i++)
        add_attribute(t, declared, prefix, given->entries[i].key, true, out);
    /* "/properties/Endpoint/Port" is Endpoint.Port. */
    for (uint32_t i = 0; read_only && i < read_only->count; i++) {
        char *path = arena_strz(t->arena, value_text(read_only->items[i], STR_EMPTY)),
             *p = path + strlen("/properties/");
        for (char *slash = p; *slash; slash++)
            *slash = *slash == '/' ? '.' : *slash;
        add_attribute(t, declared, prefix, str_z(p), false, out);
    }
    return tree_as_code(t->arena, out);
}

static bool can_be_referred_to(
    struct template *t, const struct template_resource *declared, struct str *which)
{
    for (size_t i = 0; i < t->draft->reference_count; i++) {
        const struct draft_reference *r = t->draft->references[i];
        if (r->target != declared || str_eqz(r->attr, "DependsOn") || str_eqz(r->attr, TEMPLATE_ALL) ||
            names_output(declared->names, t->arena, r->attr).n)
            continue;
        *which = r->attr;
        return false;
    }
    return true;
}

/* Returns an input for the value of a resource that is left out. */
static struct str asked(
    struct template *t, const struct template_resource *declared, const struct draft_reference *r)
{
    struct str name = str_eqz(r->attr, "Ref")
                          ? declared->logical
                          : arena_printf(t->arena, "%.*s_%.*s", STR_ARG(declared->logical), STR_ARG(r->attr));
    return draft_ask(t->draft, name, "string",
        arena_printf(t->arena, "%.*s of %.*s (%.*s), which is not in this stack", STR_ARG(r->attr),
            STR_ARG(declared->logical), STR_ARG(declared->type)),
        false);
}

struct str template_resolve_reference(void *ctx, struct draft_reference *r)
{
    struct template *t = ctx;
    const struct template_resource *declared = r->target;
    struct str key = r->key.n ? arena_printf(t->arena, "[%.*s]", STR_ARG(r->key)) : STR_EMPTY;
    struct str output = declared->nested ? template_module_output(t, declared, r->attr) : STR_EMPTY;
    if (output.n)
        return arena_printf(
            t->arena, "%.*s%.*s.%.*s", STR_ARG(declared->resource->name), STR_ARG(key), STR_ARG(output));
    if (declared->nested && !str_eqz(r->attr, "Ref"))
        diag_error(t->diags, node_span(r->node ? r->node : declared->node),
            "the template of %.*s has no output \"%.*s\"", STR_ARG(declared->logical),
            STR_ARG(str_starts(r->attr, STR("Outputs.")) ? str_slice(r->attr, 8, r->attr.n) : r->attr));
    struct str folded = declared->folded ? template_folded_attribute(t, declared, r->attr) : STR_EMPTY;
    if (folded.n)
        return folded;
    if (!declared->resource->schema)
        return asked(t, declared, r);
    if (str_eqz(r->attr, TEMPLATE_ALL))
        return all_attributes(
            t, declared, arena_printf(t->arena, "%.*s%.*s", STR_ARG(declared->resource->name), STR_ARG(key)));
    struct str attr = decide_attribute(t, declared, r->attr);
    if (!attr.n) {
        diag_warning(t->diags, r->node ? node_span(r->node) : (struct span){0},
            "%.*s has no attribute \"%.*s\"", STR_ARG(declared->resource->type), STR_ARG(r->attr));
        return asked(t, declared, r);
    }
    return arena_printf(
        t->arena, "%.*s%.*s.%.*s", STR_ARG(declared->resource->name), STR_ARG(key), STR_ARG(attr));
}

/* ---- one resource ---- */

static void take_attrs(struct template *t, struct template_resource *declared, struct tree *attrs)
{
    struct tree *before = declared->resource->attrs, *after = tree_get(before, "\001after");
    struct tree *all = tree_new(t->arena, TREE_MAP, declared->node);
    const struct tree *parts[] = {before, attrs, after};
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < parts[k]->n; i++) {
            const struct tree_entry *e = &parts[k]->entries[i];
            if (e->key.p[0] == '\001')
                continue;
            tree_set(t->arena, all, e->key,
                mapping_hide(t->draft, parts[k], e, declared->resource->schema, declared->resource->name));
            all->entries[all->n - 1].comment = e->comment;
        }
    declared->resource->attrs = all;
}

static bool becomes_ours(struct template *t, struct template_resource *declared, struct str *why)
{
    struct mapping mapping = {.draft = t->draft, .type = names_cloudformation(t->names, declared->type)};
    struct str which;
    *why = STR_EMPTY;
    if (!mapping.type)
        return false;
    declared->names = mapping.type;
    bool fits = mapping_properties(&mapping, declared->properties);
    if (fits && str_eqz(node_text(node_get(declared->node, "DeletionPolicy")), "Delete") &&
        schema_attr(mapping.type->schema, STR("skip_final_snapshot")))
        tree_set(
            t->arena, mapping.attrs, STR("skip_final_snapshot"), tree_value(t->arena, &value_true, NULL));
    if (fits) {
        template_give_name(t, declared, &mapping);
        fits = mapping_check(&mapping);
    }
    if (fits && !can_be_referred_to(t, declared, &which)) {
        mapping.why = arena_printf(t->arena, "`%.*s` is referred to", STR_ARG(which));
        fits = false;
    }
    if (!fits) {
        *why =
            arena_printf(t->arena, "%.*s: %.*s", STR_ARG(mapping.type->schema->name), STR_ARG(mapping.why));
        declared->names = NULL;
        return false;
    }
    declared->resource->schema = mapping.type->schema;
    declared->resource->type = mapping.type->schema->name;
    take_attrs(t, declared, mapping.attrs);
    return true;
}

static void becomes_theirs(
    struct template *t, struct template_resource *declared, const struct schema *schema)
{
    struct names_type *same = ARENA_MAKE(
        t->arena, struct names_type, .other = schema->name, .schema = schema, .into_by = STR_EMPTY);
    struct mapping mapping = {.draft = t->draft, .type = same};
    declared->resource->schema = schema;
    declared->resource->type = schema->name;
    if (!mapping_properties(&mapping, declared->properties)) {
        mapping.lenient = true;
        mapping.left_out = tree_new(t->arena, TREE_LIST, NULL);
        mapping_properties(&mapping, declared->properties);
        for (size_t i = 0; i < mapping.left_out->n; i++) {
            const struct node *node = mapping.left_out->items[i]->node;
            diag_warning(t->diags, node_span(node ? node : declared->node), "%.*s: %.*s, and is left out",
                STR_ARG(schema->name), STR_ARG(mapping.left_out->items[i]->value->string));
        }
    }
    mapping.lenient = false;
    if (!mapping_check(&mapping))
        diag_warning(t->diags, node_span(mapping.where ? mapping.where : declared->node), "%.*s: %.*s",
            STR_ARG(schema->name), STR_ARG(mapping.why));
    take_attrs(t, declared, mapping.attrs);
}

static void leave_out(struct template *t, struct template_resource *declared, const struct err *err)
{
    const struct node *type = node_get(declared->node, "Type");
    struct diag *d = diag_warning(t->diags, node_span(type ? type : declared->node), "%s", err->message);
    bool custom = str_starts(declared->type, STR("Custom::")) ||
                  str_eqz(declared->type, "AWS::CloudFormation::CustomResource");
    bool serverless = str_starts(declared->type, STR("AWS::Serverless::"));
    diag_hint(t->diags, d,
        serverless && !t->serverless
            ? "%.*s is left out: SAM's types need `Transform: AWS::Serverless-2016-10-31` in the template"
        : serverless ? "%.*s is left out; once it is deployed, `--stack NAME` without a template imports its "
                       "resources"
        : custom
            ? "%.*s is left out: weir.command runs what a custom resource's function does; what refers to "
              "it becomes an input"
            : "%.*s is left out, and what refers to it becomes an input; `weir schema --fetch` knows "
              "types that are newer or private",
        STR_ARG(declared->logical));
    declared->resource->note = STR("left out: no such type can be driven");
}

static void import_decide(struct template *t, struct template_resource *declared)
{
    struct err err = ERR_INIT;
    struct str why;
    if (declared->nested) {
        template_add_module(t, declared);
        return;
    }
    if (becomes_ours(t, declared, &why)) {
        t->draft->ours++;
    } else {
        const struct schema *schema = catalog_find(t->draft->catalog, declared->type, false, &err);
        if (schema) {
            becomes_theirs(t, declared, schema);
            declared->resource->note = why.n ? why : declared->resource->note;
            bool theirs = str_find(declared->type, STR("::"), 0) >= 0; /* SAM: may be a weir type already */
            t->draft->theirs += theirs;
            t->draft->ours += !theirs;
        } else {
            leave_out(t, declared, &err);
            declared->resource->note =
                why.n ? arena_printf(t->arena, "left out: %.*s", STR_ARG(why)) : declared->resource->note;
            t->draft->left_out++;
        }
    }
    struct str here = declared->resource->schema
                          ? arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(declared->resource->name),
                                STR_ARG(declared->resource->type))
                          : STR("-");
    draft_row(t->draft,
        arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(declared->logical), STR_ARG(declared->type)), here,
        declared->resource->note);
}

/* ---- cycles ---- */

static void report_circle(struct template *t, const struct template_resource *declared,
    const struct draft_reference *r, const struct template_resource *const *path, size_t n)
{
    AUTO_BUF struct buf loop = BUF_INIT;
    size_t from = 0;
    while (from < n && path[from] != declared)
        from++;
    for (size_t i = from; i < n; i++)
        buf_addf(&loop, "%.*s -> ", STR_ARG(path[i]->logical));
    diag_error(t->diags, r->node ? node_span(r->node) : (struct span){0}, "a circle: %s%.*s", loop.p,
        STR_ARG(declared->logical));
}

struct walk {
    const struct template_resource **path;
    size_t n;
};

static void decide_visit(struct template *t, struct walk *walk, struct template_resource *declared)
{
    if (declared->visited)
        return;
    declared->visiting = true;
    walk->path[walk->n++] = declared;
    for (size_t i = 0; i < declared->need_count; i++) {
        const struct draft_reference *r = declared->needs[i];
        struct template_resource *target = r->target;
        if (target->visited)
            continue;
        if (target->visiting)
            report_circle(t, target, r, walk->path, walk->n);
        else
            decide_visit(t, walk, target);
    }
    walk->n--;
    declared->visiting = false;
    declared->visited = true;
}

static void look_for_circles(struct template *t)
{
    struct walk walk = {.path = ARENA_ARRAY(t->arena, const struct template_resource *, t->declared.n + 1)};
    for (size_t i = 0; i < t->declared.n; i++)
        decide_visit(t, &walk, t->declared.items[i].ptr);
}

/* Returns the resource's own depends_on, or NULL. */
static struct tree *waits_for(struct template *t, const struct template_resource *declared)
{
    if (declared->nested)
        return tree_get(
            tree_get(t->draft->modules, arena_strz(t->arena, declared->resource->name)), "depends_on");
    return declared->resource->schema ? tree_get(declared->resource->attrs, "depends_on") : NULL;
}

/* Removes dependencies on resources that are left out. */
static void without_absent(struct template *t, const struct template_resource *declared)
{
    struct tree *list = waits_for(t, declared);
    for (size_t i = 0; list && i < t->draft->reference_count; i++) {
        const struct draft_reference *r = t->draft->references[i];
        const struct template_resource *other = r->target;
        if (r->owner != declared || other->resource->schema || other->folded || other->nested)
            continue;
        for (size_t k = 0; k < list->n; k++)
            if (tree_is_text(list->items[k], other->resource->name.p))
                tree_drop(list, k);
    }
    struct tree *attrs = declared->nested
                             ? tree_get(t->draft->modules, arena_strz(t->arena, declared->resource->name))
                             : declared->resource->attrs;
    for (size_t i = 0; list && !list->n && i < attrs->n; i++)
        if (attrs->entries[i].value == list)
            tree_drop(attrs, i);
}

/* Replaces dependencies on folded resources by their targets. */
static void follow_folded(struct template *t, struct template_resource *declared)
{
    struct tree *list = waits_for(t, declared);
    for (size_t i = 0; list && i < t->declared.n; i++) {
        const struct template_resource *other = t->declared.items[i].ptr;
        for (size_t k = 0; other->folded && k < list->n; k++)
            if (tree_is_text(list->items[k], other->resource->name.p))
                list->items[k] = tree_string(t->arena, other->folded->resource->name, NULL);
    }
}

/* Removes repeated dependencies, and those that a reference implies. */
static void without_repeated(struct template *t, const struct template_resource *declared)
{
    struct tree *list = waits_for(t, declared);
    for (size_t i = 0; list && i < list->n; i++) {
        bool again = false;
        for (size_t k = 0; k < i; k++)
            again = again || tree_is_text(list->items[k], list->items[i]->value->string.p);
        for (size_t k = 0; k < t->draft->reference_count; k++) {
            const struct draft_reference *r = t->draft->references[k];
            const struct template_resource *target = r->target;
            again = again || (r->owner == declared && !str_eqz(r->attr, "DependsOn") &&
                                 tree_is_text(list->items[i], target->resource->name.p));
        }
        if (again)
            tree_drop(list, i--);
    }
}

void template_need(struct template *t, struct template_resource *declared, struct draft_reference *reference)
{
    ARENA_GROW(t->arena, declared->needs, declared->need_count, declared->need_cap);
    declared->needs[declared->need_count++] = reference;
}

void template_decide(struct template *t)
{
    for (size_t i = 0; i < t->draft->reference_count; i++)
        if (t->draft->references[i]->owner)
            template_need(t, t->draft->references[i]->owner, t->draft->references[i]);
    look_for_circles(t);
    for (size_t i = 0; i < t->declared.n; i++) {
        struct template_resource *declared = t->declared.items[i].ptr;
        if (!template_is_part(declared))
            import_decide(t, declared);
    }
    for (size_t i = 0; i < t->declared.n; i++) {
        struct template_resource *declared = t->declared.items[i].ptr;
        if (template_is_part(declared) && !(t->live && !declared->physical.n) && template_fold(t, declared))
            draft_row(t->draft,
                arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(declared->logical), STR_ARG(declared->type)),
                arena_printf(t->arena, "%.*s (%.*s)", STR_ARG(declared->folded->resource->name),
                    STR_ARG(declared->folded->resource->type)),
                STR("a part of it"));
        else if (template_is_part(declared))
            import_decide(t, declared);
    }
    for (size_t i = 0; i < t->declared.n; i++) {
        follow_folded(t, t->declared.items[i].ptr);
        without_repeated(t, t->declared.items[i].ptr);
        without_absent(t, t->declared.items[i].ptr);
    }
}
