/* Folds resources that CloudFormation has and weir has as attributes of another resource: policies of roles,
 * queues, topics and buckets, gateway attachments, a table's routes. A reference that would be a cycle is
 * spelled out. */
#include "cmd/import/template.h"

#include "provider/spec/spec.h"

struct part {
    const char *type, *list;        /* the property that names the target; "Roles" has a list of targets */
    const char *of;                 /* the type that the target must have */
    const char *attr, *key, *value; /* value NULL: all other properties */
};

static const struct part parts[] = {
    {"AWS::IAM::Policy", "Roles", "aws.iam.role", "policies", "PolicyName", "PolicyDocument"},
    {"AWS::IAM::Policy", "Users", "aws.iam.user", "policies", "PolicyName", "PolicyDocument"},
    {"AWS::IAM::Policy", "Groups", "aws.iam.group", "policies", "PolicyName", "PolicyDocument"},
    {"AWS::IAM::UserPolicy", "UserName", "aws.iam.user", "policies", "PolicyName", "PolicyDocument"},
    {"AWS::IAM::RolePolicy", "RoleName", "aws.iam.role", "policies", "PolicyName", "PolicyDocument"},
    {"AWS::SQS::QueuePolicy", "Queues", "aws.sqs.queue", "policy", NULL, "PolicyDocument"},
    {"AWS::SNS::TopicPolicy", "Topics", "aws.sns.topic", "policy", NULL, "PolicyDocument"},
    {"AWS::S3::BucketPolicy", "Bucket", "aws.s3.bucket", "policy", NULL, "PolicyDocument"},
    {"AWS::EC2::VPCGatewayAttachment", "InternetGatewayId", "aws.ec2.internet_gateway", "vpc_id", NULL,
        "VpcId"},
    {"AWS::EC2::Route", "RouteTableId", "aws.ec2.route_table", "routes", "DestinationCidrBlock", NULL},
};

static const struct part *part_of(const struct template_resource *declared)
{
    const struct part *of_type = NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (!str_eqz(declared->type, parts[i].type))
            continue;
        of_type = of_type ? of_type : &parts[i];
        if (declared->properties && tree_get(declared->properties, parts[i].list))
            return &parts[i];
    }
    return of_type;
}

/* Returns the resource if the value is exactly a reference to it, otherwise NULL. */
static struct template_resource *fold_meant(struct template *t, const struct tree *s)
{
    const struct draft_reference *r = draft_reference_of(t->draft, s);
    return r && !r->key.n ? r->target : NULL;
}

/* Each resource is visited once in a walk. */
static bool fold_reaches(
    struct template *t, struct template_resource *from, const struct template_resource *to)
{
    if (from->reached == t->walks)
        return false;
    from->reached = t->walks;
    for (size_t i = 0; i < from->need_count; i++) {
        struct template_resource *target = from->needs[i]->target;
        target = target->folded ? target->folded : target;
        if (target == to || fold_reaches(t, target, to))
            return true;
    }
    return false;
}

/* Returns whether the resource is the target, or depends on it. */
static bool leads_back(
    struct template *t, struct template_resource *from, const struct template_resource *target)
{
    t->walks++;
    return from == target || fold_reaches(t, from, target);
}

static bool has_reference(const struct tree *s)
{
    bool found = str_find_char(s->code, '\001', 0) >= 0;
    for (size_t i = 0; i < s->n && !found; i++)
        found = has_reference(s->kind == TREE_MAP ? s->entries[i].value : s->items[i]);
    return found;
}

/* Returns the value for ${name} in the ARN of a resource: of the account, or one of its attributes. NULL:
 * unknown. */
static struct tree *arn_part(struct template *t, const struct template_resource *of, struct str name)
{
    struct str filter, attr = str_cut(name, '|', &filter);
    const struct attr *known = schema_attr(of->resource->schema, attr);
    struct tree *given = tree_get(of->resource->attrs, arena_strz(t->arena, attr));
    if (str_is_any(attr, "partition region account"))
        return tree_code(t->arena, NULL, "%s.%.*s",
            draft_data(t->draft, STR("here"), "aws.sts.caller_identity", NULL).p, STR_ARG(attr));
    if (given)
        return filter.p || has_reference(given) ? NULL : given;
    if (filter.p) /* ${event_bus|folder} is "" if the attribute is not configured */
        return tree_string(t->arena, STR_EMPTY, NULL);
    return known && known->default_value ? tree_value(t->arena, known->default_value, NULL) : NULL;
}

/* Returns the ARN by the spec's template: "arn:${here.partition}:s3:::" and the name. NULL: it needs other
 * values. */
static struct tree *arn_of(struct template *t, const struct template_resource *of)
{
    const struct spec_attr *arn =
        of->names && of->resource->schema ? spec_attr_find(of->resource->schema->impl, STR("arn")) : NULL;
    struct tree *text = tree_new(t->arena, TREE_TEXT, NULL);
    struct str rest = arn ? arn->template : STR_EMPTY, before, name;
    while (str_take_name(&rest, "${", &before, &name)) {
        struct tree *part = arn_part(t, of, name);
        if (!part)
            return NULL;
        tree_append(t->arena, text, tree_string(t->arena, before, NULL));
        tree_append(t->arena, text, part);
    }
    if (rest.n)
        tree_append(t->arena, text, tree_string(t->arena, rest, NULL));
    return text->n ? text : NULL;
}

/* Returns the value of a reference that would be a cycle, composed of other values. NULL: another attribute
 * is referenced. */
static struct tree *spelled_out(struct template *t, const struct draft_reference *r)
{
    const struct template_resource *of = r->target;
    bool ref = str_eqz(r->attr, "Ref");
    if (ref && str_eqz(of->resource->type, "aws.s3.bucket"))
        return tree_get(of->resource->attrs, "name");
    return str_eqz(r->attr, "Arn") || (ref && str_eqz(of->resource->type, "aws.sns.topic")) ? arn_of(t, of)
                                                                                            : NULL;
}

/*
 * Replaces references to the resource that the policy becomes a part of, or to a dependent of it such as a
 * rule that sends to the queue. A resource cannot refer to itself, so its ARN is composed. NULL: not
 * possible.
 */
static struct tree *without_circles(
    struct template *t, struct tree *s, const struct template_resource *target)
{
    for (ptrdiff_t at = 0; (at = str_find_char(s->code, '\001', (size_t)at)) >= 0; at++) {
        ptrdiff_t end = str_find_char(s->code, '\002', (size_t)at);
        int64_t index;
        if (end < 0 || !str_to_int(str_slice(s->code, (size_t)at + 1, (size_t)end), &index))
            break;
        struct draft_reference *r = t->draft->references[index];
        struct str mark = str_slice(s->code, (size_t)at, (size_t)end + 1);
        if (leads_back(t, r->target, target))
            return str_eq(s->code, mark) && !r->key.n ? spelled_out(t, r) : NULL;
    }
    struct tree *text = s->kind == TREE_TEXT ? tree_new(t->arena, TREE_TEXT, s->node) : NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct tree **child = s->kind == TREE_MAP ? &s->entries[i].value : &s->items[i];
        struct tree *now = without_circles(t, *child, target);
        if (!now)
            return NULL;
        if (text)
            tree_append(t->arena, text, now);
        else
            *child = now;
    }
    return text ? text : s;
}

static void put_in(struct template *t, const struct part *part, struct template_resource *target,
    struct str key, struct tree *document)
{
    struct tree *attrs = target->resource->attrs, *into = tree_get(attrs, part->attr);
    if (!part->key) {
        tree_set(t->arena, attrs, str_z(part->attr), document);
        return;
    }
    if (!into) {
        into = tree_new(t->arena, TREE_MAP, NULL);
        tree_set(t->arena, attrs, str_z(part->attr), into);
    }
    tree_set(t->arena, into, key, document);
}

/* Returns whether the resource has no condition, or the same one as the other. */
static bool is_there_with(const struct template_resource *declared, const struct template_resource *other)
{
    const struct node *only = node_get(declared->node, "Condition"),
                      *its = node_get(other->node, "Condition");
    return !only || (its && str_eq(only->string, its->string));
}

static bool is_version(const struct template_resource *declared)
{
    return str_eqz(declared->type, "AWS::Lambda::Version");
}

/*
 * Converts a function's version to `publish`, which creates one with each change. Not for a live stack, whose
 * version already exists, nor for a version with other properties.
 */
static bool fold_version(struct template *t, struct template_resource *declared)
{
    struct template_resource *target = fold_meant(t, tree_get(declared->properties, "FunctionName"));
    /* Serverless Framework writes the digest of the code, and the function's own description. */
    struct str text = tree_literal_text(t->arena, tree_get(declared->properties, "Description"));
    bool same = text.p && target && target->resource && target->resource->attrs &&
                tree_is_text(tree_get(target->resource->attrs, "description"), arena_strz(t->arena, text));
    size_t known = 1 + (tree_get(declared->properties, "CodeSha256") != NULL) + same;
    if (!target || !target->names || declared->collection || declared->properties->n != known || t->live ||
        !is_there_with(declared, target) || !str_eqz(target->resource->type, "aws.lambda.function"))
        return false;
    tree_set(t->arena, target->resource->attrs, STR("publish"), tree_value(t->arena, &value_true, NULL));
    declared->folded = target;
    for (size_t i = 0; i < declared->need_count; i++)
        declared->needs[i]->owner = NULL;
    declared->need_count = 0;
    return true;
}

struct str template_folded_attribute(
    struct template *t, const struct template_resource *declared, struct str attr)
{
    struct str name = declared->folded->resource->name;
    if (!is_version(declared))
        return STR_EMPTY;
    if (str_eqz(attr, "Version"))
        return arena_printf(t->arena, "%.*s.published_version", STR_ARG(name));
    return arena_printf(
        t->arena, "join(\":\", [%.*s.arn, %.*s.published_version])", STR_ARG(name), STR_ARG(name));
}

bool template_is_part(const struct template_resource *declared)
{
    return part_of(declared) || is_version(declared);
}

/* Returns the other properties of a part under the names of the attribute's items; NULL: a property has no
 * equivalent. */
static struct tree *rest_of(struct template *t, const struct template_resource *declared,
    const struct part *part, const struct template_resource *target)
{
    const struct attr *attr = schema_attr(target->resource->schema, str_z(part->attr));
    const struct type *type = attr ? attr->type->elem : NULL;
    struct tree *out = tree_new(t->arena, TREE_MAP, declared->node);
    for (size_t i = 0; type && i < declared->properties->n; i++) {
        const struct tree_entry *e = &declared->properties->entries[i];
        struct str name = draft_snake(t->arena, e->key);
        bool known = false;
        if (str_eqz(e->key, part->list) || str_eqz(e->key, part->key))
            continue;
        for (size_t k = 0; k < type->field_count; k++)
            known = known || str_eq(type->fields[k].name, name);
        if (!known)
            return NULL;
        tree_set(t->arena, out, name, e->value);
    }
    return out->n ? out : NULL;
}

/* Returns whether all routes of a table can be folded. The attribute must have all of them, since it deletes
 * the others. */
static bool all_become_parts(
    struct template *t, const struct part *part, const struct template_resource *target)
{
    for (size_t i = 0; i < t->declared.n; i++) {
        const struct template_resource *other = t->declared.items[i].ptr;
        if (other->folded || !str_eqz(other->type, part->type) ||
            fold_meant(t, tree_get(other->properties, part->list)) != target)
            continue;
        if (other->collection || !is_there_with(other, target) || !tree_get(other->properties, part->key) ||
            !rest_of(t, other, part, target))
            return false;
        for (size_t k = 0; k < other->need_count; k++)
            if (other->needs[k]->target != target && leads_back(t, other->needs[k]->target, target))
                return false;
    }
    return true;
}

/* Returns false if the resource is not folded. */
bool template_fold(struct template *t, struct template_resource *declared)
{
    if (is_version(declared))
        return fold_version(t, declared);
    const struct part *part = part_of(declared);
    struct tree *list = part ? tree_get(declared->properties, part->list) : NULL;
    struct tree *document = part && part->value ? tree_get(declared->properties, part->value) : NULL;
    struct str key =
        part && part->key ? tree_key(t->arena, tree_get(declared->properties, part->key)) : STR_EMPTY;
    const struct tree *one = list && list->kind == TREE_LIST && list->n == 1 ? list->items[0] : list;
    struct template_resource *target = one ? fold_meant(t, one) : NULL;
    size_t known = 2 + (part && part->key);
    if (!target || !key.p || declared->collection || !is_there_with(declared, target) || !target->names ||
        !str_eqz(target->resource->type, part->of))
        return false;
    if (!part->value && all_become_parts(t, part, target))
        document = rest_of(t, declared, part, target);
    if (!document || (part->value && declared->properties->n != known))
        return false;
    struct tree *existing = tree_get(target->resource->attrs, part->attr);
    if (existing &&
        (!part->key || existing->kind != TREE_MAP || tree_get(existing, arena_strz(t->arena, key))))
        return false;
    document = without_circles(t, document, target);
    if (!document)
        return false;
    put_in(t, part, target, key, tree_document(t->arena, document));
    declared->folded = target;
    for (size_t i = 0; i < declared->need_count; i++) { /* dependents of the part depend on the target */
        struct draft_reference *r = declared->needs[i];
        bool spelled = r->target != target && leads_back(t, r->target, target);
        r->owner = spelled ? NULL : target;
        if (!spelled)
            template_need(t, target, r);
    }
    declared->need_count = 0;
    return true;
}
