/* The provider type host, and host.file: a file with its content, owner and mode. */
#include "base/file.h"
#include "base/digests.h"
#include "provider/host/host.h"
#include "provider/ssh/connection_settings.h"

#include <fcntl.h>
#include <unistd.h>

static const struct value *hash_value(struct op_ctx *ctx, struct str hex, const struct value *of)
{
    const struct value *v = value_string_ref(ctx->arena, hex);
    return value_is_sensitive(of) ? value_mark(ctx->arena, v, VALUE_SENSITIVE)
                                  : v; /* the content could be guessed from its hash */
}

/* ---- files ---- */

static struct str source_path(struct op_ctx *ctx, const struct value *object)
{
    return path_join(ctx->arena, ctx->dir, value_gets(object, "source"));
}

static int hash_source(
    struct op_ctx *ctx, const struct value *object, const struct value **hash, struct err *err)
{
    const char *path = arena_strz(ctx->arena, source_path(ctx, object));
    AUTO_FD int fd = file_open(path, O_RDONLY, err);
    unsigned char sha256[SHA256_SIZE];
    struct file_id id;
    if (fd < 0) {
        err->class = ERR_INVALID;
        return -1;
    }
    if (digests_of_file(ctx->digests, fd, path, &id, sha256, err))
        return -1;
    *hash = hash_value(ctx, hex_encode(ctx->arena, sha256, sizeof sha256), NULL);
    return 0;
}

static int file_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    const struct value *content = value_getz(desired, "content"), *source = value_getz(desired, "source"),
                       *hash = &value_unknown;
    if (value_is_null(content) && value_is_null(source)) {
        err_set(err, ERR_INVALID, "the file has neither content nor source");
        return err_hint(err, "`content: \"\"` for an empty one");
    }
    if (content && content->kind == VALUE_STRING)
        hash = hash_value(ctx, sha256_hex(ctx->arena, content->string), content);
    else if (source && source->kind == VALUE_STRING && hash_source(ctx, desired, &hash, err))
        return -1;
    *prepared = value_with(ctx->arena, desired, STR("sha256"), hash);
    return 0;
}

/* Reads the file for sending; a change since it was hashed is detected by the hash that the host returns. It
 * is not mapped: a file truncated while it is sent would end the process with SIGBUS. */
static int read_source(struct host_work *work, struct err *err)
{
    struct arena *arena = work->ctx->arena;
    const char *path = arena_strz(arena, source_path(work->ctx, work->desired));
    if (file_read(arena, path, 0, &work->payload, err))
        return -1;
    work->payload = work->payload.n ? work->payload : str_n("", 0);
    return 0;
}

static bool is_there(const struct host_work *work, const char *hash)
{
    return work->prior && value_equal(value_getz(work->prior, hash), value_getz(work->desired, hash));
}

static int file_send(struct host_work *work, struct err *err)
{
    const struct value *content = value_getz(work->desired, "content");
    if (is_there(work, "sha256"))
        return 0;
    if (!content || content->kind != VALUE_STRING)
        return read_source(work, err);
    work->payload = content->string;
    return 0;
}

const struct host_type host_file = {.name = "file",
    .read_by = "path",
    .unreported = "",
    .unsent = "content source sha256",
    .prepare = file_prepare,
    .send = file_send,
    .quick = true,
    .read_first = true};

/* ---- units ---- */

static int service_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err UNUSED)
{
    const struct value *unit = value_getz(desired, "unit");
    if (value_is_null(unit))
        return 0;
    *prepared = value_with(ctx->arena, desired, STR("unit_sha256"),
        unit->kind == VALUE_STRING ? hash_value(ctx, sha256_hex(ctx->arena, unit->string), unit)
                                   : &value_unknown);
    return 0;
}

static int service_send(struct host_work *work, struct err *err UNUSED)
{
    const struct value *unit = value_getz(work->desired, "unit");
    if (unit && unit->kind == VALUE_STRING && !is_there(work, "unit_sha256"))
        work->payload = unit->string;
    return 0;
}

const struct host_type host_service = {.name = "service",
    .read_by = "name",
    .unreported = "",
    .unsent = "unit restart_on",
    .prepare = service_prepare,
    .send = service_send};

/* ---- cron jobs ---- */

/* Returns the file's content; p is NULL if an attribute is unknown. */
static struct str cron_text(struct op_ctx *ctx, const struct value *object)
{
    const struct value *environment = value_getz(object, "environment");
    const char *const names[] = {"schedule", "user", "command"};
    struct str parts[3];
    for (size_t i = 0; i < 3; i++) {
        const struct value *v = value_getz(object, names[i]);
        if (v && !value_is_known(v))
            return (struct str){NULL, 0};
        parts[i] = value_text(v, i == 1 ? STR("root") : STR_EMPTY);
    }
    if (environment && !value_is_known(environment))
        return (struct str){NULL, 0};
    AUTO_BUF struct buf text = BUF_INIT;
    for (uint32_t i = 0; environment && i < environment->count; i++)
        buf_addf(&text, "%.*s=%.*s\n", STR_ARG(environment->entries[i].key),
            STR_ARG(value_scalar_text(ctx->arena, environment->entries[i].value)));
    buf_addf(&text, "%.*s %.*s %.*s\n", STR_ARG(parts[0]), STR_ARG(parts[1]), STR_ARG(parts[2]));
    return arena_str(ctx->arena, buf_str(&text));
}

static int cron_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED, const struct value *desired,
    const struct value **prepared, struct err *err UNUSED)
{
    struct str text = cron_text(ctx, desired);
    *prepared = value_with(ctx->arena, desired, STR("sha256"),
        text.p ? hash_value(ctx, sha256_hex(ctx->arena, text), desired) : &value_unknown);
    return 0;
}

static int cron_send(struct host_work *work, struct err *err UNUSED)
{
    work->payload = cron_text(work->ctx, work->desired);
    return 0;
}

const struct host_type host_cron = {.name = "cron",
    .read_by = "name folder",
    .unreported = "",
    .unsent = "command schedule environment sha256",
    .prepare = cron_prepare,
    .quick = true,
    .send = cron_send};

/* ---- commands ---- */

const struct host_type host_command = {.name = "command",
    .read_by = "creates unless directory id",
    .unreported = "output id",
    .unsent = "output",
    .once = true};

/* ---- The provider type `host` ---- */

static const struct attr settings[] = {
    SETTING_ATTR(
        "via", setting_text, "Name of the connection to the host, from `connections:`", .required = true),
    SETTING_ATTR("become", setting_flag, "Run as root, or as become_user, with sudo"),
    SETTING_ATTR("become_user", setting_text, "User to become instead of root"),
    SETTING_ATTR(
        "become_password", setting_text, "Password for sudo, if sudo asks for one", .sensitive = true),
};

static const struct type settings_type = OBJECT_TYPE(settings);
static const struct attr settings_attr = {.name = STR_INIT("host"), .type = &settings_type, .settable = true};
static const struct native natives[] = {{.name = "host", .ops = &host_ops}, {0}};

const struct provider_kind host_kind = {
    .name = "host",
    .specs = "provider/host/specs/",
    .natives = natives,
    .settings = &settings_attr,
    .open = machine_new,
    .close = machine_free,
};
