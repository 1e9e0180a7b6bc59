/*
 * The provider type kafka and the operations of its types (provider.h): reading until brokers show a change,
 * and recovery. struct kafka_type has what differs between types.
 */
#include "base/clock.h"
#include "provider/kafka/kafka.h"

enum { SHOWN_MS = 30000, PAUSE_MS = 20, PAUSE_MAX_MS = 500 };

static const struct kafka_type *kafka_type_of(const struct op_ctx *ctx)
{
    static const struct kafka_type *const types[] = {&kafka_topic, &kafka_acl, &kafka_user};
    struct str name;
    str_cut(ctx->schema->name, '.', &name);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eqz(name, types[i]->name))
            return types[i];
    return NULL; /* a test checks every type of the spec */
}

const char *kafka_textz(const struct op_ctx *ctx, const struct value *object, const char *name)
{
    return arena_strz(ctx->arena, op_text(ctx, object, name));
}

int kafka_number(const struct op_ctx *ctx, const struct value *object, const char *name, int fallback)
{
    const struct value *v = op_attr(ctx, object, name);
    return v && v->kind == VALUE_INT ? (int)v->integer : fallback;
}

bool kafka_changes(const struct kafka_work *work, const char *name)
{
    return !work->changed || value_list_has(work->changed, str_z(name));
}

/* ---- reading ---- */

static const struct value *kafka_id(
    struct op_ctx *ctx, const struct kafka_type *type, const struct value *object)
{
    struct str id = STR_EMPTY;
    for (struct str rest = str_z(type->keys); rest.p;) {
        struct str key = str_cut(rest, ' ', &rest);
        const struct value *v = op_attr(ctx, object, arena_strz(ctx->arena, key));
        if (!value_is_known(v))
            return &value_unknown;
        id = arena_printf(
            ctx->arena, "%.*s%s%.*s", STR_ARG(id), id.n ? "/" : "", STR_ARG(value_text(v, STR_EMPTY)));
    }
    return value_string(ctx->arena, id);
}

struct looking {
    struct op_ctx *ctx;
    const struct kafka_type *type;
    const struct value *const *priors;
    resource_found *found;
    void *found_ctx;
};

static void add_found(void *arg, size_t index, const struct value *live)
{
    struct looking *l = arg;
    const struct value *id = kafka_id(l->ctx, l->type, l->priors[index]);
    l->found(l->found_ctx, value_with(l->ctx->arena, live, STR("id"), id));
}

static int kafka_look(struct op_ctx *ctx, const struct value *const *priors, size_t n, resource_found *found,
    void *found_ctx, struct err *err)
{
    struct looking l = {ctx, kafka_type_of(ctx), priors, found, found_ctx};
    return n ? l.type->lookup(ctx, priors, n, add_found, &l, err) : 0;
}

static int op_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    *live = NULL;
    return kafka_look(ctx, &prior, 1, op_keep_found, live, err);
}

static int op_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    *covered = op_all_readable(ctx);
    return kafka_look(ctx, filter->priors, filter->count, found, found_ctx, err);
}

/* ---- planning ---- */

static int op_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    const struct kafka_type *type = kafka_type_of(ctx);
    *planned = op_predicted(ctx, desired, prior, kafka_id(ctx, type, desired));
    return type->plan && value_is_known(desired) ? type->plan(ctx, desired, prior, err) : 0;
}

/* ---- create, update, delete ---- */

/* Compares a shared map: configured keys have their values, and removed keys of ours are deleted. */
static bool map_is_as_given(
    const struct attr *attr, const struct value *given, const struct value *live, const struct value *prior)
{
    const struct value *had = value_get(prior, attr->name), *has = value_get(live, attr->name);
    for (uint32_t i = 0; given && i < given->count; i++)
        if (!value_equal(given->entries[i].value, value_get(has, given->entries[i].key)))
            return false;
    for (uint32_t i = 0; had && had->kind == VALUE_MAP && i < had->count; i++)
        if (!value_get(given, had->entries[i].key) && value_get(has, had->entries[i].key))
            return false;
    return true;
}

static bool is_as_given(
    struct op_ctx *ctx, const struct value *desired, const struct value *live, const struct value *prior)
{
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *given = value_get(desired, attr->name);
        if (attr->local || attr->write_only || !attr->settable || (value_is_null(given) && !attr->shared))
            continue;
        if (attr->shared ? !map_is_as_given(attr, given, live, prior)
                         : !attr_equal(attr, given, value_get(live, attr->name)))
            return false;
    }
    return true;
}

/* Removes keys set by others. */
static const struct value *only_ours(const struct kafka_work *work, const struct value *live)
{
    const struct schema *schema = work->ctx->schema;
    for (size_t i = 0; live && i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct value *has = attr->shared ? value_get(live, attr->name) : NULL,
                           *given = value_get(work->desired, attr->name);
        for (uint32_t k = 0; has && k < has->count; k++)
            if (!value_get(given, has->entries[k].key))
                live = value_with(work->ctx->arena, live, attr->name,
                    value_with(work->ctx->arena, value_get(live, attr->name), has->entries[k].key, NULL));
    }
    return live;
}

/* Reads until the change is visible: a change reaches other brokers with a delay, and any broker may
 * answer. */
static int read_until_shown(struct kafka_work *work, const struct value **live, struct err *err)
{
    int64_t until = clock_mono_ms() + SHOWN_MS;
    for (int64_t pause = PAUSE_MS;; pause = pause < PAUSE_MAX_MS ? 2 * pause : pause) {
        if (op_read(work->ctx, work->desired, NULL, live, err))
            return -1;
        bool reported = *live && is_as_given(work->ctx, work->desired, *live, work->prior);
        *live = only_ours(work, *live);
        if (reported)
            return 0;
        if (clock_mono_ms() > until)
            break;
        if (cancel_sleep_ms(work->ctx->cancel, pause, err))
            return -1;
    }
    return *live ? 0 : err_set(err, ERR_PROTOCOL, "it was created, but the brokers do not report it");
}

static int op_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);

static int refuse_another(struct op_ctx *ctx, const struct value *desired, struct err *err)
{
    const struct value *live = NULL;
    if (op_read(ctx, desired, NULL, &live, err))
        return -1;
    return live ? err_set(err, ERR_EXISTS, "it exists already") : 0;
}

static int op_create(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err)
{
    const struct kafka_type *type = kafka_type_of(ctx);
    struct kafka_work work = {.ctx = ctx, .desired = desired};
    struct err why = ERR_INIT, ignored = ERR_INIT;
    if (type->overwrites && !attempt->is_repeated && refuse_another(ctx, desired, err))
        return -1;
    if (!type->create(&work, &why))
        return read_until_shown(&work, live, err);
    /* It did not exist before, so an equal one now was created by this request or an earlier one. */
    bool ours = why.lost || (why.class == ERR_EXISTS && attempt->is_repeated);
    if (ours && why.class != ERR_INTERRUPTED && !op_find(ctx, attempt, desired, live, &ignored) && *live) {
        if (is_as_given(ctx, desired, *live, NULL))
            return 0;
        if (!type->create(&work, &why)) /* a part was created; creating it again does not duplicate */
            return read_until_shown(&work, live, err);
    }
    return err_raise(err, &why);
}

static int op_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct kafka_work work = {.ctx = ctx, .prior = prior, .desired = desired, .changed = changed};
    return kafka_type_of(ctx)->update(&work, err) ? -1 : read_until_shown(&work, live, err);
}

static int wait_for_end(struct kafka_work *work, struct err *err)
{
    const struct value *live;
    int64_t until = clock_mono_ms() + SHOWN_MS;
    for (int64_t pause = PAUSE_MS;; pause = pause < PAUSE_MAX_MS ? 2 * pause : pause) {
        if (op_read(work->ctx, work->prior, NULL, &live, err))
            return -1;
        if (!live || !is_as_given(work->ctx, work->prior, live, work->prior))
            return 0;
        if (clock_mono_ms() > until)
            return err_set(err, ERR_TIMEOUT, "the brokers accepted the deletion, but still report it");
        if (cancel_sleep_ms(work->ctx->cancel, pause, err))
            return -1;
    }
}

static int op_delete(struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    struct kafka_work work = {.ctx = ctx, .prior = prior};
    struct err why = ERR_INIT;
    if (!kafka_type_of(ctx)->remove(&work, &why))
        return wait_for_end(&work, err);
    if (why.class == ERR_ABSENT)
        return 0;
    return err_raise(err, &why);
}

/* An object that cannot be read loses nothing. */
static int op_data_loss(struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *object,
    const struct value **list, struct err *err UNUSED)
{
    const struct kafka_type *type = kafka_type_of(ctx);
    const struct value *what = type->data_loss ? type->data_loss(ctx, object) : NULL;
    *list = what ? value_list(ctx->arena, &what, 1) : &value_empty_list;
    return 0;
}

/* ---- recovery ---- */

/* Of a list whose items are created one at a time, a subset of the desired items counts as the whole list. */
static const struct value *as_if_whole(
    struct op_ctx *ctx, const struct kafka_type *type, const struct value *desired, const struct value *live)
{
    const struct value *has = type->parts ? value_getz(live, type->parts) : NULL,
                       *wanted = type->parts ? op_attr(ctx, desired, type->parts) : NULL;
    for (uint32_t i = 0; has && i < has->count; i++)
        if (!value_list_has(wanted, value_text(has->items[i], STR_EMPTY)))
            return live;
    return has ? value_with(ctx->arena, live, str_z(type->parts), wanted) : live;
}

/* An existing resource that differs belongs to others. */
static int op_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    if (op_read(ctx, desired, NULL, live, err))
        return -1;
    if (*live && !is_as_given(ctx, desired, as_if_whole(ctx, kafka_type_of(ctx), desired, *live), NULL))
        *live = NULL;
    return 0;
}

const struct resource_ops kafka_ops = {
    .predict = op_predict,
    .read = op_read,
    .list = op_list,
    .create = op_create,
    .update = op_update,
    .delete = op_delete,
    .find = op_find,
    .data_loss = op_data_loss,
};

/* ---- The provider type for types in a Kafka cluster ---- */

static const struct native natives[] = {{.name = "kafka", .ops = &kafka_ops}, {0}};

const struct provider_kind kafka_kind = {
    .name = "kafka",
    .specs = "provider/kafka/specs/",
    .natives = natives,
    .settings = &kafka_settings_attr,
    .http = true,
    .open = cluster_new,
    .close = cluster_free,
};
