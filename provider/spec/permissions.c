/* Collects the IAM actions that a type's calls need. */
#include "provider/spec/spec.h"

struct collecting {
    const struct spec_service *service;
    struct arena *arena;
    struct value_builder *out;
};

/* An action of another service has its own prefix. */
static void add_action(struct collecting *c, struct str prefix, struct str action)
{
    bool other = str_find_char(action, ':', 0) >= 0;
    struct str whole = other ? action : arena_printf(c->arena, "%.*s:%.*s", STR_ARG(prefix), STR_ARG(action));
    value_builder_set(c->out, whole, value_string_ref(c->arena, whole));
}

/* An operation's action has the same name, unless the spec's head says otherwise. */
static void add_operation(struct collecting *c, struct str operation)
{
    struct str prefix = value_text(value_getz(c->service->iam, "prefix"), c->service->aws.signing_name);
    const struct value *other = value_get(value_getz(c->service->iam, "actions"), operation);
    if (!other) {
        add_action(c, prefix, operation);
    } else if (other->kind == VALUE_STRING) {
        add_action(c, prefix, other->string);
    } else if (other->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < other->count; i++)
            add_action(c, prefix, value_text(other->items[i], STR_EMPTY));
    }
}

static void add_step(struct collecting *c, const struct spec_step *step)
{
    if (!step)
        return;
    if (step->call.op)
        add_operation(c, step->call.op->wire.name);
    else
        add_operation(c, step->call.native_name); /* its calls are listed under its name */
    add_step(c, step->list.each);
    for (size_t i = 0; i < step->again.user_count; i++)
        add_step(c, step->again.users[i].step);
    add_step(c, step->again.before_retry);
    add_step(c, step->again.retry_unless);
}

static void add_steps(struct collecting *c, const struct spec_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        add_step(c, &steps->items[i]);
}

/* Adds the calls of attributes, in a range of enum owned_call. */
static void add_owned(struct collecting *c, const struct spec_type *type, int first, int last)
{
    for (size_t i = 0; i < type->owned_count; i++)
        for (int k = first; k <= last; k++)
            add_step(c, type->owned[i].calls[k]);
}

static void add_reads(struct collecting *c, const struct spec_type *type)
{
    add_steps(c, &type->read);
    add_steps(c, &type->list);
    add_step(c, type->find);
    add_steps(c, &type->console);
    add_owned(c, type, OWNED_LIST, OWNED_GET);
    bool by_name = type->tags && type->tags->list && !type->tags->unreported && !type->service->aws.global;
    if (by_name || (type->tags && type->tags->bulk.n))
        add_action(c, STR("tag"), STR("GetResources"));
}

/* Types unknown to the tagging API are listed, and their tags are read one at a time (spec_list_owned). */
static void add_marks(struct collecting *c, const struct spec_type *type)
{
    if (!type->tags || !type->tags->unreported || !type->tags->ownership || !type->list.count)
        return;
    add_step(c, &type->list.items[0]);
    add_steps(c, &type->read);
    add_step(c, type->tags->list);
}

static void add_writes(struct collecting *c, const struct spec_type *type)
{
    add_steps(c, &type->create);
    add_steps(c, &type->update);
    add_owned(c, type, OWNED_PUT, OWNED_CLEAR);
}

/* Some services get a role with each run; others when the job is created. */
static void add_start(struct collecting *c, const struct spec_step *start)
{
    const struct value *passes = value_getz(c->service->iam, "passes");
    if (start->call.op && value_list_has(passes, start->call.op->wire.name))
        add_action(c, STR("iam"), STR("PassRole"));
}

/* Logs are in CloudWatch for all services. */
static void add_job(struct collecting *c, const struct spec_job *job)
{
    add_steps(c, &job->start);
    for (size_t i = 0; i < job->start.count; i++)
        add_start(c, &job->start.items[i]);
    add_steps(c, &job->detach);
    add_steps(c, &job->read);
    add_step(c, job->list);
    add_step(c, job->stop);
    add_step(c, job->rows);
    for (size_t i = 0; i < job->log_count; i++) {
        add_action(c, STR("logs"), STR("FilterLogEvents"));
        add_action(c, STR("logs"), STR("GetLogEvents"));
    }
}

/* Protection is removed by the step that updates or puts the attribute. */
static void add_lifting(struct collecting *c, const struct spec_type *type, const struct spec_teardown *rule)
{
    for (size_t s = 0; s < type->update.count; s++) {
        const struct spec_request *request = &type->update.items[s].call.request;
        for (size_t i = 0; i < request->attrs.count; i++)
            if (value_get(rule->set, request->attrs.items[i]) &&
                !spec_attr_find(type, request->attrs.items[i])->attr->local)
                add_step(c, &type->update.items[s]);
    }
    for (size_t i = 0; i < type->owned_count; i++)
        if (type->owned[i].attr->owner == OWNER_SUB_RESOURCE &&
            value_get(rule->set, type->owned[i].attr->attr->name)) {
            add_step(c, type->owned[i].get);
            add_step(c, type->owned[i].put);
        }
}

static void add_teardown(struct collecting *c, const struct spec_type *type)
{
    for (size_t i = 0; i < type->teardown_count; i++) {
        add_step(c, type->teardown[i].count);
        add_lifting(c, type, &type->teardown[i]);
    }
}

void spec_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    const struct spec_type *type = schema->impl;
    struct collecting c = {.service = type->service, .arena = arena, .out = out};
    if (type->service->kind->send) /* not an IAM service */
        return;
    bool runs = phase == PERMISSION_RUN || type->schema.is_data;
    if (runs && type->job)
        add_job(&c, type->job);
    if (phase == PERMISSION_RUN)
        return;
    if (phase == PERMISSION_OWNED) {
        add_marks(&c, type);
        return;
    }
    add_reads(&c, type);
    if (phase == PERMISSION_APPLY)
        add_writes(&c, type);
    if (phase != PERMISSION_PLAN) /* an apply also replaces */
        add_steps(&c, &type->delete);
    if (phase == PERMISSION_DESTROY)
        add_teardown(&c, type);
}

/* ---- resources of actions ---- */

/* Returns an attribute's value, or a star if only the service or the account determines it. */
static struct str known_text(
    const struct spec_type *type, struct str name, const struct value *object, struct arena *arena)
{
    const struct spec_attr *attr = spec_attr_find(type, name);
    const struct value *v = attr ? value_get(object, name) : NULL;
    if (value_is_null(v) && attr)
        v = attr->attr->default_value;
    struct str text =
        value_is_null(v) || !value_is_known(v) ? (struct str){NULL, 0} : value_scalar_text(arena, v);
    return text.p ? text : STR("*");
}

static struct str arn_pattern(
    const struct spec_type *type, struct str template, const struct value *object, struct arena *arena)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str before, inner, filter;
    while (str_take_name(&template, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        const struct spec_attr *attr = spec_attr_find(type, name);
        buf_add_str(&out, before);
        buf_add_str(&out, attr && attr->template.n ? arn_pattern(type, attr->template, object, arena)
                                                   : known_text(type, name, object, arena));
    }
    buf_add_str(&out, template);
    return arena_str(arena, buf_str(&out));
}

const struct value *spec_scope(
    const struct schema *schema, const struct value *object, struct str action, struct arena *arena)
{
    const struct spec_type *type = schema->impl;
    const struct value *on = value_getz(type->iam, "on");
    struct str operation, prefix = str_cut(action, ':', &operation);
    struct str own = value_text(value_getz(type->service->iam, "prefix"), type->service->aws.signing_name);
    if (!on || !str_eq(prefix, own) || value_list_has(value_getz(type->iam, "anywhere"), operation))
        return NULL;
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < on->count; i++)
        value_builder_add(&list,
            value_string(arena, arn_pattern(type, value_text(on->items[i], STR_EMPTY), object, arena)));
    return value_builder_list(&list);
}

const struct str *schema_leaves(struct arena *arena, const struct schema *schema, size_t *n)
{
    const struct spec_type *type = schema->ops == &spec_ops ? schema->impl : NULL;
    struct str *types = ARENA_ARRAY(arena, struct str, type ? type->leaf_count + 1 : 1);
    *n = 0;
    for (size_t i = 0; type && i < type->leaf_count; i++)
        if (type->leaves[i].type.n)
            types[(*n)++] = type->leaves[i].type;
    return types;
}
