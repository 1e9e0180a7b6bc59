/* Data sources that several modules or workspaces ask for alike: read once. */
#include "plan/evaluate/shared_data.h"

#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/shared_listings.h"

#include <stdlib.h>

struct read_data {
    pthread_mutex_t lock; /* held while it is read, and by who asks for it */
    struct arena arena;
    const struct value *live; /* NULL: not read yet, or that failed */
};

struct shared_data {
    pthread_mutex_t lock; /* guards the map */
    struct arena arena;
    struct map reads; /* what is asked, and of whom -> struct read_data * */
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

/* Tags are for what is made. Nothing is shared that has a secret in it, nor what connections lead to. */
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

int shared_data_read(struct planner *p, const struct instance *instance, struct op_ctx *op,
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
