/*
 * Policies that CloudFormation has as resources of their own, and weir as an attribute of what they are for:
 * a role's inline policies, a queue's, topic's or bucket's policy. They become that attribute, unless that
 * would be a circle.
 */
#include "cmd/import/template.h"

struct part {
    const char *type, *list; /* the property that names what it is for; "Roles" has a list of them */
    const char *of;          /* what that has to become */
    const char *attr, *key, *value;
    const char *arn; /* of that itself, for what it says of itself; NULL: it says nothing of itself */
};

static const struct part parts[] = {
    {"AWS::IAM::Policy", "Roles", "aws.iam.role", "policies", "PolicyName", "PolicyDocument", NULL},
    {"AWS::SQS::QueuePolicy", "Queues", "aws.sqs.queue", "policy", NULL, "PolicyDocument",
        "arn:${here.partition}:sqs:${here.region}:${here.account}:"},
    {"AWS::SNS::TopicPolicy", "Topics", "aws.sns.topic", "policy", NULL, "PolicyDocument",
        "arn:${here.partition}:sns:${here.region}:${here.account}:"},
    {"AWS::S3::BucketPolicy", "Bucket", "aws.s3.bucket", "policy", NULL, "PolicyDocument",
        "arn:${here.partition}:s3:::"},
};

static const struct part *part_of(const struct template_resource *declared)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (str_eqz(declared->type, parts[i].type))
            return &parts[i];
    return NULL;
}

/* The resource that a value is a reference to; NULL: it is none, or more than that. */
static struct template_resource *fold_meant(struct template *t, const struct tree *s)
{
    if (!s || s->kind != TREE_CODE || s->code.n < 3 || s->code.p[0] != '\001' ||
        s->code.p[s->code.n - 1] != '\002')
        return NULL;
    int64_t index;
    if (!str_to_int(str_slice(s->code, 1, s->code.n - 1), &index) ||
        (size_t)index >= t->draft->reference_count)
        return NULL;
    const struct draft_reference *r = t->draft->references[index];
    return r->key.n ? NULL : r->target;
}

/* Each is gone by once in a walk. */
static bool fold_reaches(
    struct template *t, struct template_resource *from, const struct template_resource *to)
{
    if (from->reached == t->walks)
        return false;
    from->reached = t->walks;
    for (size_t i = 0; i < from->need_count; i++)
        if (from->needs[i]->target == to || fold_reaches(t, from->needs[i]->target, to))
            return true;
    return false;
}

/* Does what the part says lead back to what it is for, other than by naming that itself? */
static bool is_circle(
    struct template *t, const struct template_resource *declared, const struct template_resource *target)
{
    t->walks++;
    for (size_t i = 0; i < declared->need_count; i++)
        if (declared->needs[i]->target != target && fold_reaches(t, declared->needs[i]->target, target))
            return true;
    return false;
}

/* "arn:${here.partition}:s3:::" and the name. */
static struct tree *own_arn(struct template *t, const struct part *part, struct tree *name)
{
    struct tree *text = tree_new(t->arena, TREE_TEXT, NULL);
    struct str rest = str_z(part->arn), before, code;
    draft_data(t->draft, STR("here"), "aws.sts.caller_identity", NULL);
    while (str_take_name(&rest, "${", &before, &code)) {
        tree_append(t->arena, text, tree_string(t->arena, before, NULL));
        tree_append(t->arena, text, tree_code(t->arena, NULL, "%.*s", STR_ARG(code)));
    }
    if (rest.n)
        tree_append(t->arena, text, tree_string(t->arena, rest, NULL));
    tree_append(t->arena, text, name);
    return text;
}

/*
 * What a policy says of the very resource that it becomes a part of: nothing can refer to itself, so its ARN
 * is put together. NULL: something else of it is meant.
 */
static struct tree *without_itself(
    struct template *t, struct tree *s, const struct template_resource *target, const struct part *part)
{
    struct tree *name = tree_get(target->resource->attrs, "name");
    for (ptrdiff_t at = 0; (at = str_find_char(s->code, '\001', (size_t)at)) >= 0; at++) {
        ptrdiff_t end = str_find_char(s->code, '\002', (size_t)at);
        int64_t index;
        if (end < 0 || !str_to_int(str_slice(s->code, (size_t)at + 1, (size_t)end), &index))
            break;
        const struct draft_reference *r = t->draft->references[index];
        struct str mark = str_slice(s->code, (size_t)at, (size_t)end + 1);
        if (r->target != target)
            continue;
        bool arn =
            str_eqz(r->attr, "Arn") || (str_eqz(r->attr, "Ref") && str_eqz(str_z(part->of), "aws.sns.topic"));
        return arn && part->arn && name && str_eq(s->code, mark) ? own_arn(t, part, name) : NULL;
    }
    struct tree *text = s->kind == TREE_TEXT ? tree_new(t->arena, TREE_TEXT, s->node) : NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct tree **child = s->kind == TREE_MAP ? &s->entries[i].value : &s->items[i];
        struct tree *now = without_itself(t, *child, target, part);
        if (!now)
            return NULL;
        if (text)
            tree_append(t->arena, text, now);
        else
            *child = now;
    }
    return text ? text : s;
}

static bool mentions(const struct template_resource *declared, const struct template_resource *target)
{
    size_t n = 0;
    for (size_t i = 0; i < declared->need_count; i++)
        n += declared->needs[i]->target == target;
    return n > 1; /* once it says what it is for */
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

static bool is_version(const struct template_resource *declared)
{
    return str_eqz(declared->type, "AWS::Lambda::Version");
}

/*
 * A function's version is one that each change makes (`publish`). Not of a live stack, whose version is there
 * already, nor of one that says more than whose it is.
 */
static bool fold_version(struct template *t, struct template_resource *declared)
{
    struct template_resource *target = fold_meant(t, tree_get(declared->properties, "FunctionName"));
    const struct node *only = node_get(declared->node, "Condition");
    const struct node *its = target ? node_get(target->node, "Condition") : NULL;
    bool same = only == its || (only && its && str_eq(only->string, its->string));
    if (!target || !target->names || declared->collection || declared->properties->n != 1 || t->live ||
        !same || !str_eqz(target->resource->type, "aws.lambda.function"))
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

/* False: it stays what it is. */
bool template_fold(struct template *t, struct template_resource *declared)
{
    if (is_version(declared))
        return fold_version(t, declared);
    const struct part *part = part_of(declared);
    struct tree *list = part ? tree_get(declared->properties, part->list) : NULL;
    struct tree *document = part ? tree_get(declared->properties, part->value) : NULL;
    struct str key = part && part->key
                         ? tree_literal_text(t->arena, tree_get(declared->properties, part->key))
                         : STR_EMPTY;
    const struct tree *one = list && list->kind == TREE_LIST && list->n == 1 ? list->items[0] : list;
    struct template_resource *target = one ? fold_meant(t, one) : NULL;
    size_t known = 2 + (part && part->key);
    if (!target || !document || !key.p || declared->collection || declared->properties->n != known ||
        node_get(declared->node, "Condition"))
        return false;
    if (!target->names || !str_eqz(target->resource->type, part->of) || is_circle(t, declared, target))
        return false;
    struct tree *there = tree_get(target->resource->attrs, part->attr);
    if (there && (!part->key || there->kind != TREE_MAP || tree_get(there, arena_strz(t->arena, key))))
        return false;
    document = mentions(declared, target) ? without_itself(t, document, target, part) : document;
    if (!document)
        return false;
    put_in(t, part, target, key, tree_document(t->arena, document));
    declared->folded = target;
    for (size_t i = 0; i < declared->need_count; i++) { /* whoever waits for it waits for that */
        declared->needs[i]->owner = target;
        template_need(t, target, declared->needs[i]);
    }
    declared->need_count = 0;
    return true;
}
