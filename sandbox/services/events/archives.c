/* Archives of event buses: see archives.h. */
#include "sandbox/services/events/archives.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/threads.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/events/events.h"
#include "sandbox/services/shared/tables.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* ---- files ---- */

static pthread_mutex_t archives_lock = PTHREAD_MUTEX_INITIALIZER;

static int archive_path(struct services *services, struct arena *arena, const struct control_record *archive,
    struct str *out, struct err *err)
{
    struct str dir, whole = arena_printf(arena, "%.*s\n%.*s\n%lld", STR_ARG(archive->region),
                        STR_ARG(archive->id), (long long)archive->created_ms);
    if (services_dir(services, arena, "archives", &dir, err))
        return -1;
    *out = arena_printf(arena, "%.*s/%.32s.jsonl", STR_ARG(dir), sha256_hex(arena, whole).p);
    return 0;
}

static int archive_append(struct services *services, struct arena *arena,
    const struct control_record *archive, const struct value *event, struct err *err)
{
    AUTO_BUF struct buf line = BUF_INIT;
    struct str path;
    if (archive_path(services, arena, archive, &path, err))
        return -1;
    json_write(&line, event, JSON_PLAIN);
    buf_addz(&line, "\n");
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&archives_lock);
    AUTO_FD int fd = open(path.p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd < 0 ? err_errno(err, ERR_IO, "cannot write %s", path.p)
                  : fd_write_all(fd, line.p, line.n, err, path.p);
}

/* Its events as lines; "": there are none. */
struct str archive_lines(struct services *services, struct arena *arena, const struct control_record *archive)
{
    struct str path, text = STR_EMPTY;
    if (archive_path(services, arena, archive, &path, ERR_IGNORED) || !path_exists(path.p) ||
        file_read(arena, path.p, 0, &text, ERR_IGNORED))
        return STR_EMPTY;
    return text;
}

bool archives_same_bus(struct str left, struct str right)
{
    return str_eq(events_bus_name(left), events_bus_name(right));
}

void archives_meet(struct services *services, struct arena *arena, struct str region, struct str bus,
    const struct value *event)
{
    size_t n;
    struct control_record *all =
        control_list(services_control(services), arena, STR("aws.events.archive"), region, &n);
    for (size_t i = 0; i < n && !value_getz(event, "replay-name"); i++) {
        const struct value *pattern = value_getz(all[i].attrs, "event_pattern");
        struct err err = ERR_INIT;
        if (archives_same_bus(value_gets(all[i].attrs, "source"), bus) &&
            (value_is_null(pattern) || event_matches(pattern, event)) &&
            archive_append(services, arena, &all[i], event, &err))
            fprintf(stderr, "sandbox: archive %.*s: %s\n", STR_ARG(all[i].id), err.message);
    }
}

/* ---- archives ---- */

bool archive_find(const struct service_call *call, struct str name, struct control_record *out)
{
    return service_find(call, STR("aws.events.archive"), name, out);
}

static const struct value *with_size(struct service_call *call, const struct value *shown)
{
    struct control_record archive;
    struct str text = archive_find(call, value_gets(shown, "ArchiveName"), &archive)
                          ? archive_lines(call->services, call->arena, &archive)
                          : STR_EMPTY;
    int64_t events = 0;
    for (size_t i = 0; i < text.n; i++)
        events += text.p[i] == '\n';
    shown = value_with(call->arena, shown, STR("EventCount"), value_int(call->arena, events));
    return value_with(call->arena, shown, STR("SizeBytes"), value_int(call->arena, (int64_t)text.n - events));
}

static int describe_archive(struct service_call *call, struct err *err)
{
    if (service_control_same(call, err))
        return -1;
    call->output = with_size(call, call->output);
    return 0;
}

bool archives_bus_known(const struct service_call *call, struct str arn)
{
    struct control_record bus;
    return str_eqz(events_bus_name(arn), "default") ||
           service_find(call, STR("aws.events.event_bus"), events_bus_name(arn), &bus);
}

int archives_refuse_bus(struct str arn, struct err *err)
{
    return service_refuse(err, 400, "ResourceNotFoundException", "Event bus %.*s does not exist.",
        STR_ARG(events_bus_name(arn)));
}

static int list_archives(struct service_call *call, struct err *err)
{
    struct str source = value_gets(call->input, "EventSourceArn");
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (source.n && !archives_bus_known(call, source))
        return archives_refuse_bus(source, err);
    if (service_control_same(call, err))
        return -1;
    const struct value *all = value_as_list(value_getz(call->output, "Archives"));
    for (uint32_t i = 0; i < all->count; i++)
        value_builder_add(&list, with_size(call, all->items[i]));
    service_answer(call, "Archives", value_builder_list(&list));
    return 0;
}

/* A bus of another account is none here. */
static int create_archive(struct service_call *call, struct err *err)
{
    struct str source = value_gets(call->input, "EventSourceArn");
    call->declined = archives_bus_known(call, source);
    return call->declined ? 0 : archives_refuse_bus(source, err);
}

static int update_archive(struct service_call *call, struct err *err)
{
    if (!value_getz(call->input, "EventPattern") && !value_getz(call->input, "RetentionDays") &&
        !value_getz(call->input, "Description"))
        return service_refuse(err, 400, "ValidationException",
            "At least one of EventPattern, RetentionDays or Description must be provided.");
    call->declined = true;
    return 0;
}

static int delete_archive(struct service_call *call, struct err *err)
{
    struct control_record archive;
    struct str path;
    if (archive_find(call, value_gets(call->input, "ArchiveName"), &archive) &&
        !archive_path(call->services, call->arena, &archive, &path, err))
        unlink(path.p);
    call->declined = true;
    return 0;
}

const struct service_operation archives_operations[] = {
    {"events", "CreateArchive", create_archive, NULL, NULL},
    {"events", "DescribeArchive", describe_archive, NULL, NULL},
    {"events", "ListArchives", list_archives, NULL, NULL},
    {"events", "UpdateArchive", update_archive, NULL, NULL},
    {"events", "DeleteArchive", delete_archive, NULL, NULL},
    {0},
};
