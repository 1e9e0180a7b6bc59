/* The operations of all host.* types (provider.h). What differs is in the scripts and in host.h. */
#include "base/file.h"
#include "base/hash.h"
#include "provider/host/host.h"

/* ---- reading ---- */

/* A configured command is run even by reads (`unless`). */
static int may_command(struct op_ctx *ctx, struct err *err)
{
    return host_type_of(ctx)->once ? confined_program("the command on the host", err) : 0;
}

static int host_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    return may_command(ctx, err) || host_read_live(ctx, prior, live, err) ? -1 : 0;
}

static int host_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    struct host_request *requests = ARENA_ARRAY(ctx->arena, struct host_request, filter->count + 1);
    if (may_command(ctx, err))
        return -1;
    *covered = op_all_readable(ctx);
    for (size_t i = 0; i < filter->count; i++)
        script_read(ctx, filter->priors[i], &requests[i]);
    if (machine_send(host_machine(ctx), ctx, requests, filter->count, err))
        return -1;
    for (size_t i = 0; i < filter->count; i++) {
        if (requests[i].err.class != ERR_NONE) {
            *err = requests[i].err;
            return -1;
        }
        const struct value *live = script_live(ctx, filter->priors[i], requests[i].reported);
        if (live)
            found(found_ctx, live);
    }
    return 0;
}

/* ---- planning ---- */

/* A mode of three digits is written with four. */
static const struct value *with_mode(struct op_ctx *ctx, const struct value *object)
{
    struct str mode = value_gets(object, "mode");
    if (mode.n != 3)
        return object;
    return value_with(ctx->arena, object, STR("mode"),
        value_string_ref(ctx->arena, arena_printf(ctx->arena, "0%.*s", STR_ARG(mode))));
}

static int host_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    const struct host_type *type = host_type_of(ctx);
    if (may_command(ctx, err))
        return -1;
    *prepared = desired = with_mode(ctx, desired);
    return type->prepare ? type->prepare(ctx, how, desired, prepared, err) : 0;
}

static int host_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err UNUSED)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        if (attr->computed && !attr->prepared)
            value_builder_set(&b, attr->name, &value_unknown);
    }
    if (schema_attr(ctx->schema, STR("id"))) {
        const struct value *id = value_getz(prior, "id");
        value_builder_set(&b, STR("id"), id ? id : value_string(ctx->arena, ctx->address));
    }
    *planned = value_merge(ctx->arena, value_builder_map(&b), desired);
    return 0;
}

/* ---- create, update, delete ---- */

static const struct value *names_of(struct op_ctx *ctx, const struct value *object)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; i < object->count; i++)
        if (!value_is_null(object->entries[i].value))
            value_builder_add(&b, value_string_ref(ctx->arena, object->entries[i].key));
    return value_builder_list(&b);
}

static void assign_prior(struct op_ctx *ctx, const struct value *prior, struct buf *out)
{
    static const char *const wanted[] = {"names", "installed"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        host_assign(out, "p_", str_z(wanted[i]), script_text(ctx->arena, value_getz(prior, wanted[i])));
}

enum { INLINE_MAX = 64 * 1024 };

static bool is_inline(const struct host_work *work)
{
    return host_type_of(work->ctx)->quick && work->payload.n <= INLINE_MAX;
}

/* A payload that shares a script with other requests is embedded in base64. */
static void begin_make(struct host_work *work, struct buf *out)
{
    enum { LINE = 76 };
    if (!is_inline(work) || !work->payload.p) {
        buf_addz(out, "(\n");
        return;
    }
    struct str text = base64_encode(work->ctx->arena, work->payload);
    buf_addz(out, "base64 -d <<'WEIR_PAYLOAD' | (\n");
    for (size_t i = 0; i < text.n; i += LINE)
        buf_addf(out, "%.*s\n", STR_ARG(str_slice(text, i, i + LINE < text.n ? i + LINE : text.n)));
    buf_addz(out, "WEIR_PAYLOAD\n");
}

static void write_make(struct host_work *work, struct host_request *request)
{
    struct op_ctx *ctx = work->ctx;
    const struct host_type *type = host_type_of(ctx);
    struct buf *out = &request->body;
    request->type = type->name;
    begin_make(work, out);
    script_export(ctx, work->desired, out);
    script_assign_all(ctx, work->desired, NULL, out);
    assign_prior(ctx, work->prior, out);
    script_assign_words(work->changed, "changed", out);
    script_assign_words(names_of(ctx, work->desired), "given", out);
    buf_addz(out, "payload=");
    if (work->payload.p)
        buf_addf(out, "%zu", work->payload.n);
    buf_addz(out, "\n");
    if (work->more.n)
        buf_add_str(out, buf_str(&work->more));
    buf_addf(out, "%s_make\n) || exit 1\n(\n", type->name);
    script_export(ctx, work->desired, out);
    script_assign_all(ctx, work->desired, type->read_by, out);
    buf_addf(out, "%s_read\n) < /dev/null", type->name);
}

/* Sends a change with other requests, or by itself if it is slow or has a large payload. */
static int send_change(struct host_work *work, struct host_request *request, struct err *err)
{
    struct machine *machine = host_machine(work->ctx);
    if (!is_inline(work))
        return machine_change(machine, work->ctx, request, work->payload.p ? &work->payload : NULL,
            !host_type_of(work->ctx)->once, err);
    if (machine_send(machine, work->ctx, request, 1, err))
        return -1;
    if (request->err.class == ERR_NONE)
        return 0;
    *err = request->err;
    return -1;
}

static const struct value *with_id(struct op_ctx *ctx, const struct value *desired, const struct value *prior)
{
    if (!schema_attr(ctx->schema, STR("id")))
        return desired;
    const struct value *id = value_getz(prior, "id");
    return value_with(ctx->arena, desired, STR("id"), id ? id : value_string(ctx->arena, ctx->address));
}

/* What the change reports about itself takes precedence over the recorded values. */
static int take_live(struct host_work *work, struct str reported, const struct value **live, struct err *err)
{
    const struct value *object = work->desired;
    if (work->prior) {
        const struct host_type *type = host_type_of(work->ctx);
        for (size_t i = 0; i < work->ctx->schema->attr_count; i++) {
            const struct attr *attr = &work->ctx->schema->attrs[i];
            const struct value *before = value_get(work->prior, attr->name);
            if (before && str_is_any(attr->name, type->unreported))
                object = value_with(work->ctx->arena, object, attr->name, before);
        }
    }
    *live = script_live(work->ctx, object, reported);
    return *live ? 0 : err_set(err, ERR_PROTOCOL, "it was created, but the host does not report it");
}

static int change(struct host_work *work, const struct value **live, struct err *err)
{
    const struct host_type *type = host_type_of(work->ctx);
    struct host_request request = {0};
    work->desired = with_id(work->ctx, work->desired, work->prior);
    int rc = script_check(work->ctx, work->desired, err);
    if (!rc && type->send)
        rc = type->send(work, err);
    if (!rc) {
        write_make(work, &request);
        rc = send_change(work, &request, err);
    }
    buf_release(&work->more);
    return rc ? -1 : take_live(work, request.reported, live, err);
}

static int host_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    struct host_work work = {.ctx = ctx, .desired = desired};
    const struct value *there = NULL;
    if (host_type_of(ctx)->read_first && host_read_live(ctx, desired, &there, err))
        return -1;
    work.prior = there;
    return change(&work, live, err);
}

static int host_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct host_work work = {.ctx = ctx, .prior = prior, .desired = desired, .changed = changed};
    return change(&work, live, err);
}

/* A delete command with a secret is not recorded without a key and cannot be run. */
static void warn_of_secret(struct op_ctx *ctx, const struct value *prior)
{
    const struct value *command = value_getz(prior, "delete");
    if (host_type_of(ctx) == &host_command && command && command->kind == VALUE_MAP)
        op_warn(ctx, "its delete command has a secret in it, which the state keeps only with a key: it is "
                     "not run");
}

static int host_delete(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    const struct host_type *type = host_type_of(ctx);
    struct host_work work = {.ctx = ctx, .prior = prior};
    struct host_request request = {.type = type->name};
    warn_of_secret(ctx, prior);
    script_export(ctx, prior, &request.body);
    script_assign_all(ctx, prior, NULL, &request.body);
    if (type->clear)
        type->clear(&work);
    if (work.more.n)
        buf_add_str(&request.body, buf_str(&work.more));
    buf_release(&work.more);
    buf_addf(&request.body, "%s_unmake", type->name);
    return send_change(&work, &request, err);
}

/* ---- recovery ---- */

/* A resource that is not as desired is made again: each step may be repeated. */
static int host_find_made(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    const struct host_type *type = host_type_of(ctx);
    bool tells = !type->once || value_gets(desired, "creates").n || value_gets(desired, "unless").n;
    *live = NULL;
    if (!tells)
        return 0;
    desired = with_id(ctx, desired, NULL);
    if (host_read_live(ctx, desired, live, err))
        return -1;
    if (*live && !op_as_given(ctx, desired, *live))
        *live = NULL;
    return 0;
}

/* Packages that were installed before, and services whose unit file belongs to the host, are kept. */
static bool host_stays(const struct value *object)
{
    if (!value_is_null(value_getz(object, "running")) && !value_gets(object, "unit_sha256").n)
        return true;
    const struct value *names = value_getz(object, "names"), *installed = value_getz(object, "installed");
    for (uint32_t i = 0; names && names->kind == VALUE_LIST && i < names->count; i++) {
        struct str version, name = str_cut(value_text(names->items[i], STR_EMPTY), '=', &version);
        if (!value_list_has(installed, name))
            return true;
    }
    return false;
}

const struct resource_ops host_ops = {
    .prepare = host_prepare,
    .predict = host_predict,
    .read = host_read,
    .list = host_list,
    .create = host_create,
    .update = host_update,
    .delete = host_delete,
    .find = host_find_made,
    .survives_deletion = host_stays,
};
