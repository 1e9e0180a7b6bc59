/* Data sources: read while the plan is made, or when it is applied. */
#include "plan/evaluate/evaluate.h"

#include "base/json.h"
#include "base/mask.h"
#include "base/mem.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/shared_listings.h"
#include "plan/objects/recorded.h"

#include <stdlib.h>

/* ---- data sources that several modules or workspaces read with the same arguments: read once ---- */

struct read_data {
    pthread_mutex_t lock; /* held while it is read, and by callers that wait for it */
    struct arena arena;
    const struct value *live; /* NULL: not read yet, or failed */
};

struct shared_data {
    pthread_mutex_t lock; /* guards the map */
    struct arena arena;
    struct map reads; /* type, settings and arguments -> struct read_data * */
};

struct shared_data *shared_data_new(void)
{
    struct shared_data *data = mem_zalloc(sizeof *data);
    pthread_mutex_init(&data->lock, NULL);
    return data;
}

void shared_data_free(struct shared_data *data)
{
    if (!data)
        return;
    for (size_t i = 0; i < data->reads.n; i++) {
        struct read_data *read = data->reads.items[i].ptr;
        arena_release(&read->arena);
        pthread_mutex_destroy(&read->lock);
        free(read);
    }
    map_release(&data->reads);
    arena_release(&data->arena);
    pthread_mutex_destroy(&data->lock);
    free(data);
}

/* Appends the cache key, without default tags, which do not matter for reading. False: not shared, because it
 * contains secrets or uses a connection. */
static bool add_name(struct planner *p, const struct instance *instance, struct buf *name)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct decl *decl = instance->decl;
    const struct value *settings = decl->provider ? planner_value(p, decl->provider) : &value_empty_map;
    if (!str_eqz(decl->provider_name, "aws") || settings->kind != VALUE_MAP || value_is_sensitive(settings) ||
        value_is_sensitive(instance->desired))
        return false;
    buf_addf(name, "%.*s ", STR_ARG(decl->schema->name));
    json_write(name, value_with(&scratch, settings, STR("default_tags"), NULL), JSON_PLAIN);
    json_write(name, instance->desired, JSON_PLAIN);
    return true;
}

static struct read_data *read_of(struct shared_data *data, struct str name)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&data->lock);
    struct read_data *read = map_get(&data->reads, name);
    if (!read) {
        read = mem_zalloc(sizeof *read);
        pthread_mutex_init(&read->lock, NULL);
        map_set(&data->reads, arena_str(&data->arena, name), read);
    }
    return read;
}

/* resource_ops.read for a data source while planning. */
static int shared_data_read(struct planner *p, const struct instance *instance, struct op_ctx *op,
    const struct value **live, struct err *err)
{
    AUTO_BUF struct buf name = BUF_INIT;
    struct shared *shared = p->workspace->options->shared;
    const struct schema *schema = instance->decl->schema;
    struct shared_data *data = shared ? shared_data(shared) : p->data;
    if (!data || !add_name(p, instance, &name))
        return schema->ops->read(op, instance->desired, NULL, live, err);
    struct read_data *read = read_of(data, buf_str(&name));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&read->lock);
    int status = 0;
    *live = read->live ? value_copy(op->arena, read->live) : NULL;
    if (!*live)
        status = schema->ops->read(op, instance->desired, NULL, live, err);
    if (!status && *live && !read->live)
        read->live = value_copy(&read->arena, *live);
    return status;
}

struct search {
    struct planner *p;
    bool found;
};

static void any_pending(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    search->found |= search->p->evaluated.pending[dep->index];
}

/* True if the data source must wait for the apply, because a dependency has pending changes. As in Terraform,
 * unchanged resources pass these on only within the `depends_on` of a module, or if that names a module. */
static bool must_wait(struct planner *p, const struct instance *instance)
{
    const struct decl *decl = instance->decl;
    struct search search = {p, false};
    if (decl->check) /* reads the present state of the service */
        return false;
    each_resource_dep(p, decl, any_pending, &search);
    for (size_t i = 0; i < decl->dep_count; i++)
        if (decl->deps[i]->kind == DECL_MODULE)
            search.found |= p->evaluated.after_pending[decl->deps[i]->index];
    for (const struct module *module = decl->module; module; module = module->parent)
        for (size_t i = 0; i < module->wait_count; i++)
            search.found |= p->evaluated.after_pending[module->waits[i]->index];
    return search.found || !value_is_known(instance->desired);
}

/* Uses the shared cache, except for checks, which need the present state. */
static int ask_service(struct planner *p, struct instance *instance, struct op_ctx *op,
    const struct value **live, struct err *err)
{
    int status = instance->decl->check
                     ? instance->decl->schema->ops->read(op, instance->desired, NULL, live, err)
                     : shared_data_read(p, instance, op, live, err);
    if (!status && !*live)
        err_set(err, ERR_ABSENT, "it does not exist");
    return *live ? 0 : -1;
}

static void read_later(struct planner *p, struct instance *instance)
{
    instance_change(p, instance)->decision.action = ACTION_READ;
    p->evaluated.pending[instance->decl->index] = true;
}

static bool read_data(struct planner *p, struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    if (p->offline || must_wait(p, instance)) {
        instance->planned = object_unknown(p->arena, schema, instance->desired);
        read_later(p, instance);
        return true;
    }
    struct provider *provider;
    struct err err = ERR_INIT;
    const struct value *live = NULL;
    if (!value_is_known(instance->desired)) {
        err_set(&err, ERR_INVALID, "%.*s depends on what is not known", STR_ARG(instance->address));
        return plan_failed(p, instance->decl->span, &err);
    }
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (ask_service(p, instance, &op, &live, &err)) {
        err_context(&err, "reading data %.*s", STR_ARG(instance->address));
        return plan_failed(p, instance->decl->span, &err);
    }
    live = value_merge(p->arena, instance->desired, live);
    instance->planned = object_mark(p->arena, schema, live, instance->desired);
    if (!value_is_known(live)) /* of a stack that is planned in the same run */
        read_later(p, instance);
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].sensitive)
            mask_add_value(value_get(live, schema->attrs[i].name), MASK_LIKELY);
    return true;
}

static bool evaluate_data(struct planner *p, const struct decl *decl, bool read)
{
    if (!evaluate_instances(p, decl) || !targets_check(p, decl))
        return false;
    struct instances *list = &p->evaluated.instances[decl->index];
    bool ok = true;
    for (size_t i = 0; i < list->n; i++) {
        struct instance *instance = &list->items[i];
        instance->desired = evaluate_attributes(p, instance, p->arena);
        ok &= instance->desired && constraints_check(p, instance, instance->desired, NULL);
        if (ok && read)
            ok = read_data(p, instance);
        else if (ok)
            instance->planned = object_unknown(p->arena, decl->schema, instance->desired);
    }
    return ok;
}

bool data_plan(struct planner *p, const struct decl *decl)
{
    return evaluate_data(p, decl, p->offline || !decl->check);
}

bool data_read(struct planner *p, const struct decl *decl)
{
    return evaluate_data(p, decl, true);
}
