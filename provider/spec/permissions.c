/* The IAM actions that a type's calls need. */
#include "base/mem.h"
#include "provider/spec/spec.h"

struct collecting {
    const struct spec_service *service;
    struct arena *arena;
    struct value_builder *out;
};

static void add_action(struct collecting *c, struct str prefix, struct str action)
{
    struct str whole = arena_printf(c->arena, "%.*s:%.*s", STR_ARG(prefix), STR_ARG(action));
    value_builder_set(c->out, whole, value_string_ref(c->arena, whole));
}

/* An operation's action has its name, unless the head of the spec says otherwise. */
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
    if (step->op)
        add_operation(c, step->op->wire.name);
    else
        add_operation(c, step->native_name); /* its calls are listed under its name */
    add_step(c, step->each);
    add_step(c, step->users);
    add_step(c, step->meanwhile);
}

static void add_steps(struct collecting *c, const struct spec_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        add_step(c, &steps->items[i]);
}

static void add_reads(struct collecting *c, const struct spec_type *type)
{
    add_steps(c, &type->read);
    add_steps(c, &type->list);
    add_step(c, type->find);
    for (size_t i = 0; i < type->facet_count; i++)
        add_step(c, type->facets[i].get);
    for (size_t i = 0; i < type->member_count; i++)
        add_step(c, type->members[i].list);
    for (size_t i = 0; i < type->entries_count; i++) {
        add_step(c, type->entries[i].list);
        add_step(c, type->entries[i].get);
    }
    if (type->tags)
        add_step(c, type->tags->list);
    if (type->tags && type->tags->bulk.n)
        add_action(c, STR("tag"), STR("GetResources"));
}

static void add_writes(struct collecting *c, const struct spec_type *type)
{
    add_steps(c, &type->create);
    add_steps(c, &type->update);
    for (size_t i = 0; i < type->facet_count; i++) {
        const struct spec_facet *facet = &type->facets[i];
        add_step(c, facet->put);
        add_step(c, facet->remove);
        add_step(c, facet->reset);
    }
    for (size_t i = 0; i < type->member_count; i++) {
        const struct spec_members *members = &type->members[i];
        add_step(c, members->add);
        add_step(c, members->remove);
        add_step(c, members->modify);
    }
    for (size_t i = 0; i < type->entries_count; i++) {
        add_step(c, type->entries[i].put);
        add_step(c, type->entries[i].remove);
    }
    const struct spec_tags *tags = type->tags;
    if (!tags)
        return;
    add_step(c, tags->add);
    add_step(c, tags->remove);
    add_step(c, tags->put);
    add_step(c, tags->clear);
}

/* Its logs are CloudWatch's, whatever the service. */
static void add_job(struct collecting *c, const struct spec_job *job)
{
    add_steps(c, &job->start);
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

/* A protection is lifted by whatever updates the attribute. */
static void add_lifting(struct collecting *c, const struct spec_type *type, const struct spec_teardown *rule)
{
    for (size_t s = 0; s < type->update.count; s++) {
        const struct spec_request *request = &type->update.items[s].request;
        for (size_t i = 0; i < request->attr_count; i++)
            if (value_get(rule->set, request->attrs[i]) &&
                !spec_attr_find(type, request->attrs[i])->attr->local)
                add_step(c, &type->update.items[s]);
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
    if (phase == PERMISSION_RUN) {
        if (type->job)
            add_job(&c, type->job);
        return;
    }
    add_reads(&c, type);
    if (phase == PERMISSION_APPLY)
        add_writes(&c, type);
    if (phase != PERMISSION_PLAN) /* applying replaces, too */
        add_steps(&c, &type->delete);
    if (phase == PERMISSION_DESTROY)
        add_teardown(&c, type);
}
