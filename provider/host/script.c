/* Converts a resource's attributes to shell variables, and a script's results to attributes. */
#include "provider/host/host.h"

static const struct host_type package = {
    .name = "package", .read_by = "names", .unreported = "installed id", .unsent = ""};
static const struct host_type user = {
    .name = "user", .read_by = "name", .unreported = "", .unsent = "", .quick = true};

/* An unmounted file system shows as drift even if `mounted` is not configured. */
static int mount_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err UNUSED)
{
    if (!value_getz(desired, "mounted"))
        *prepared = value_with(ctx->arena, desired, STR("mounted"), &value_true);
    return 0;
}

static const struct host_type mount = {
    .name = "mount", .read_by = "path table", .unreported = "", .unsent = "", .prepare = mount_prepare};
static const struct host_type *const types[] = {
    &host_file, &host_directory, &package, &user, &host_service, &host_command, &mount, &host_cron};

const struct host_type *host_type_of(const struct op_ctx *ctx)
{
    struct str name = ctx->schema->name;
    name = str_slice(name, sizeof "host." - 1, name.n);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eqz(name, types[i]->name))
            return types[i];
    return NULL; /* a test checks every type of the spec */
}

struct machine *host_machine(struct op_ctx *ctx)
{
    return provider_self(ctx->provider);
}

/* ---- variables ---- */

void host_assign(struct buf *out, const char *prefix, struct str name, struct str text)
{
    buf_addf(out, "%s%.*s=", prefix, STR_ARG(name));
    buf_add_quoted(out, text);
    buf_add_char(out, '\n');
}

/* A false flag is an empty string, for [ -n "$flag" ]. */
struct str script_text(struct arena *arena, const struct value *v)
{
    if (value_is_null(v) || !value_is_known(v) || v->kind == VALUE_MAP ||
        (v->kind == VALUE_BOOL && !v->boolean))
        return STR_EMPTY;
    if (v->kind != VALUE_LIST)
        return value_scalar_text(arena, v);
    AUTO_BUF struct buf lines = BUF_INIT;
    for (uint32_t i = 0; i < v->count; i++) {
        struct str item = value_scalar_text(arena, v->items[i]);
        buf_addf(&lines, "%s%.*s", i ? "\n" : "", STR_ARG(item));
    }
    return arena_str(arena, buf_str(&lines));
}

static const struct value *or_default(const struct attr *attr, const struct value *v)
{
    return value_is_null(v) ? attr->default_value : v;
}

void script_assign_all(struct op_ctx *ctx, const struct value *object, const char *only, struct buf *out)
{
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        if (only ? !str_is_any(attr->name, only) : str_is_any(attr->name, host_type_of(ctx)->unsent))
            continue;
        host_assign(
            out, "", attr->name, script_text(ctx->arena, or_default(attr, value_get(object, attr->name))));
    }
}

/* A state without a key has hashes in place of sensitive values; their key "$hash" is not a variable name. */
static bool is_variable(struct str name)
{
    return str_is_word(name, CHARS_LETTERS "_", CHARS_ALNUM "_");
}

void script_export(struct op_ctx *ctx, const struct value *object, struct buf *out)
{
    const struct value *environment = value_getz(object, "environment");
    if (host_type_of(ctx) != &host_command || value_is_null(environment) || environment->kind != VALUE_MAP)
        return;
    for (uint32_t i = 0; i < environment->count; i++)
        if (is_variable(environment->entries[i].key))
            host_assign(out, "export ", environment->entries[i].key,
                value_scalar_text(ctx->arena, environment->entries[i].value));
}

void script_assign_words(const struct value *names, const char *name, struct buf *out)
{
    AUTO_BUF struct buf words = BUF_INIT;
    for (uint32_t i = 0; names && i < names->count; i++)
        buf_addf(&words, " %.*s", STR_ARG(names->items[i]->string));
    buf_addz(&words, " ");
    host_assign(out, "", str_z(name), names && names->count ? buf_str(&words) : STR_EMPTY);
}

int script_check(struct op_ctx *ctx, const struct value *object, struct err *err)
{
    struct constraint_break broken = {0};
    struct schema_issue issue = {0};
    const struct value *converted;
    for (uint32_t i = 0; i < object->count; i++) {
        const struct attr *attr = schema_attr(ctx->schema, object->entries[i].key);
        if (attr && attr->settable &&
            schema_convert(ctx->arena, attr, object->entries[i].value, &converted, &issue))
            return err_set(err, ERR_INVALID, "\"%.*s\": %.*s", STR_ARG(attr->name), STR_ARG(issue.message));
    }
    if (schema_constraint_broken(ctx->arena, ctx->schema, object, CHECKED_BY_WEIR, &broken))
        return err_set(err, ERR_INVALID, "\"%.*s\": %.*s", STR_ARG(broken.attribute),
            STR_ARG(broken.constraint->message));
    return 0;
}

/* ---- reading ---- */

static const struct value *typed(struct op_ctx *ctx, const struct attr *attr, const struct value *lines)
{
    struct str first = lines->count ? value_text(lines->items[0], STR_EMPTY) : STR_EMPTY;
    int64_t number;
    switch (attr->type->kind) {
    case TYPE_BOOL: return value_bool(str_eqz(first, "true"));
    case TYPE_INT: return str_to_int(first, &number) ? value_int(ctx->arena, number) : NULL;
    case TYPE_SET: {
        const struct value *set = lines;
        struct schema_issue issue;
        return schema_convert(ctx->arena, attr, lines, &set, &issue) ? lines : set;
    }
    case TYPE_LIST: return lines;
    default: break;
    }
    AUTO_BUF struct buf text = BUF_INIT;
    for (uint32_t i = 0; i < lines->count; i++)
        buf_addf(&text, "%s%.*s", i ? "\n" : "", STR_ARG(lines->items[i]->string));
    return value_string(ctx->arena, text.n ? buf_str(&text) : STR_EMPTY);
}

/* Returns NULL if nothing was reported: the resource does not exist. */
const struct value *script_live(struct op_ctx *ctx, const struct value *object, struct str reported)
{
    const struct host_type *type = host_type_of(ctx);
    const struct value *all = machine_reported(ctx->arena, reported);
    if (!all->count)
        return NULL;
    AUTO_BUILDER struct value_builder live = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *lines = value_get(all, attr->name), *v = NULL;
        if (attr->type->kind != TYPE_MAP && lines)
            v = typed(ctx, attr, lines);
        else if (str_is_any(attr->name, type->unreported))
            v = value_get(object, attr->name);
        if (v && value_is_known(v))
            value_builder_set(&live, attr->name, v);
    }
    const struct value *whole = value_builder_map(&live);
    return type->shape ? type->shape(ctx, object, all, whole) : whole;
}

void script_read(struct op_ctx *ctx, const struct value *object, struct host_request *request)
{
    const struct host_type *type = host_type_of(ctx);
    request->type = type->name;
    script_export(ctx, object, &request->body);
    script_assign_all(ctx, object, type->read_by, &request->body);
    buf_addf(&request->body, "%s_read", type->name);
}

int host_read_live(struct op_ctx *ctx, const struct value *object, const struct value **live, struct err *err)
{
    struct host_request request = {0};
    script_read(ctx, object, &request);
    *live = NULL;
    if (machine_send(host_machine(ctx), ctx, &request, 1, err))
        return -1;
    if (request.err.class != ERR_NONE) {
        *err = request.err;
        return -1;
    }
    *live = script_live(ctx, object, request.reported);
    return 0;
}
