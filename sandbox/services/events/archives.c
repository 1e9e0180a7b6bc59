/* Archives of event buses, and their replays: see events.h. */

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/events/events.h"
#include "sandbox/services/shared/tables.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Returns the archive's events, one per line; "": none. */
static struct str archive_lines(
    struct services *services, struct arena *arena, const struct control_record *archive)
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

static bool archive_find(const struct service_call *call, struct str name, struct control_record *out)
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

static bool archives_bus_known(const struct service_call *call, struct str arn)
{
    struct control_record bus;
    return str_eqz(events_bus_name(arn), "default") ||
           service_find(call, STR("aws.events.event_bus"), events_bus_name(arn), &bus);
}

static int archives_refuse_bus(struct str arn, struct err *err)
{
    return service_refuse(err, 400, "ResourceNotFoundException", "Event bus %.*s does not exist.",
        STR_ARG(events_bus_name(arn)));
}

static int describe_archive(struct service_call *call, struct err *err)
{
    return service_control_shown(call, "", with_size, err);
}

static int list_archives(struct service_call *call, struct err *err)
{
    struct str source = value_gets(call->input, "EventSourceArn");
    if (source.n && !archives_bus_known(call, source))
        return archives_refuse_bus(source, err);
    return service_control_shown(call, "Archives", with_size, err);
}

/* A bus of another account does not exist here. */
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

/* ---- replays: an archive's events are sent to the rules of the bus again ---- */

enum { MOST_REPLAYS = 10, REPLAY_S = 20 };

struct replay {
    struct services *services;
    struct str region, name;
    struct arena arena;
};

static bool find_replay(const struct replay *replay, struct arena *arena, struct control_record *out)
{
    return control_find(services_control(replay->services), arena, STR("aws.events.replay"), replay->region,
        replay->name, out);
}

static bool set_state(const struct replay *replay, const struct control_record *record, struct arena *arena,
    const char *from, const char *state)
{
    return str_eqz(value_gets(record->attrs, "state"), from) &&
           control_set(services_control(replay->services), STR("aws.events.replay"), record, "state",
               value_stringz(arena, state));
}

/* Sends the event to the rules that the destination names, or to all matching rules of the bus. */
static void replay_event(const struct replay *replay, struct arena *arena,
    const struct control_record *record, const struct value *event)
{
    const struct value *destination = value_getz(record->attrs, "destination"),
                       *only = value_as_list(value_getz(destination, "filter_arns"));
    size_t n;
    struct control_record *rules =
        control_list(services_control(replay->services), arena, STR("aws.events.rule"), replay->region, &n);
    event = value_with(arena, event, STR("replay-name"), value_string(arena, replay->name));
    for (size_t i = 0; i < n; i++)
        if (archives_same_bus(value_gets(rules[i].attrs, "event_bus"), value_gets(destination, "arn")) &&
            !str_eqz(value_gets(rules[i].attrs, "state"), "DISABLED") &&
            (!only->count || value_list_has(only, value_gets(rules[i].attrs, "arn"))) &&
            event_matches(value_getz(rules[i].attrs, "event_pattern"), event))
            rule_fire(replay->services, arena, &rules[i], event, STR_EMPTY, false);
}

static int64_t replay_time(const struct value *attrs, const char *name)
{
    int64_t ms = 0;
    time_parse_rfc3339(value_gets(attrs, name), &ms);
    return ms;
}

/* Replays the events and returns the time of the last one; 0: none was in the range. */
static int64_t replay_events(
    const struct replay *replay, struct arena *arena, const struct control_record *record)
{
    struct control_record archive;
    int64_t starts = replay_time(record->attrs, "starts"), ends = replay_time(record->attrs, "ends"),
            last = 0;
    struct str line, rest = STR_EMPTY;
    if (control_find(services_control(replay->services), arena, STR("aws.events.archive"), replay->region,
            value_gets(record->attrs, "source"), &archive))
        rest = archive_lines(replay->services, arena, &archive);
    while ((line = str_cut(rest, '\n', &rest)).n) {
        const struct value *event;
        int64_t time = json_parse(arena, line, &event, ERR_IGNORED) ? 0 : replay_time(event, "time");
        if (time < starts || time >= ends)
            continue;
        replay_event(replay, arena, record, event);
        last = time;
    }
    return last;
}

static void replay_end(const struct replay *replay, struct arena *arena, int64_t last_ms)
{
    struct control *control = services_control(replay->services);
    struct control_record record;
    if (last_ms && find_replay(replay, arena, &record))
        control_set(control, STR("aws.events.replay"), &record, "last",
            value_string(arena, time_rfc3339(arena, last_ms, false)));
    if (find_replay(replay, arena, &record))
        control_set(control, STR("aws.events.replay"), &record, "ended",
            value_string(arena, time_rfc3339(arena, clock_wall_ms(), false)));
    if (find_replay(replay, arena, &record))
        set_state(replay, &record, arena, "RUNNING", "COMPLETED");
}

/* Starts after a delay, as AWS does: until then the replay can be cancelled. */
static void replay_run(void *ctx)
{
    struct replay *replay = ctx;
    struct control_record record;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    bool goes_on = services_sleep(
        replay->services, sandbox_minute_ms(services_sandbox(replay->services)) * REPLAY_S / 60);
    if (goes_on && find_replay(replay, &arena, &record) &&
        set_state(replay, &record, &arena, "STARTING", "RUNNING"))
        replay_end(replay, &arena, replay_events(replay, &arena, &record));
    else if (goes_on && find_replay(replay, &arena, &record))
        set_state(replay, &record, &arena, "CANCELLING", "CANCELLED");
    arena_release(&replay->arena);
    free(replay);
}

void replays_recover(struct services *services)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const struct str type = STR_INIT("aws.events.replay");
    size_t n;
    const struct control_record *all = control_list(services_control(services), &arena, type, STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++)
        if (str_is_any(value_gets(all[i].attrs, "state"), "STARTING RUNNING CANCELLING"))
            control_set(services_control(services), type, &all[i], "state", value_stringz(&arena, "FAILED"));
}

/* Returns the number of replays that have not ended. */
static size_t count_active(const struct service_call *call)
{
    size_t n, active = 0;
    struct control_record *all = service_list(call, STR("aws.events.replay"), &n);
    for (size_t i = 0; i < n; i++)
        active += str_is_any(value_gets(all[i].attrs, "state"), "STARTING RUNNING");
    return active;
}

static int check_replay(struct service_call *call, struct err *err)
{
    struct control_record archive;
    struct str source = value_gets(call->input, "EventSourceArn"),
               bus = value_gets(value_getz(call->input, "Destination"), "Arn");
    struct str name = str_last_part(source, "/");
    if (!archives_bus_known(call, bus))
        return archives_refuse_bus(bus, err);
    if (service_int(call->input, "EventStartTime", 0) >= service_int(call->input, "EventEndTime", 0))
        return service_refuse(err, 400, "ValidationException",
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.");
    if (!archive_find(call, name, &archive))
        return service_refuse(err, 400, "ValidationException",
            "Parameter EventSourceArn is not valid. Reason: Archive %.*s does not exist.", STR_ARG(name));
    if (!archives_same_bus(value_gets(archive.attrs, "source"), bus))
        return service_refuse(err, 400, "ValidationException",
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.");
    return 0;
}

static int start_replay(struct service_call *call, struct err *err)
{
    if (check_replay(call, err))
        return -1;
    if (count_active(call) >= MOST_REPLAYS)
        return service_refuse(
            err, 400, "LimitExceededException", "The requested resource exceeds the maximum number allowed.");
    if (service_control_same(call, err))
        return -1;
    struct replay *replay = mem_zalloc(sizeof *replay);
    replay->services = call->services;
    replay->region = arena_str(&replay->arena, call->region);
    replay->name = arena_str(&replay->arena, value_gets(call->input, "ReplayName"));
    if (!services_thread(call->services, replay_run, replay))
        return 0;
    arena_release(&replay->arena);
    free(replay);
    return service_refuse(err, 500, "InternalException", "the sandbox can start no more threads");
}

static int cancel_replay(struct service_call *call, struct err *err)
{
    const struct replay replay = {
        .services = call->services, .region = call->region, .name = value_gets(call->input, "ReplayName")};
    struct control_record record;
    if (!find_replay(&replay, call->arena, &record))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "Replay %.*s does not exist.", STR_ARG(replay.name));
    if (!set_state(&replay, &record, call->arena, "STARTING", "CANCELLING") &&
        !set_state(&replay, &record, call->arena, "RUNNING", "CANCELLING"))
        return service_refuse(err, 400, "IllegalStatusException",
            "Replay %.*s is not in a valid state for this operation.", STR_ARG(replay.name));
    call->output = &value_empty_map;
    service_answer(call, "ReplayArn", value_getz(record.attrs, "arn"));
    service_answer(call, "State", value_stringz(call->arena, "CANCELLING"));
    return 0;
}

const struct service_operation archives_operations[] = {
    {"events", "CreateArchive", create_archive},
    {"events", "DescribeArchive", describe_archive},
    {"events", "ListArchives", list_archives},
    {"events", "UpdateArchive", update_archive},
    {"events", "DeleteArchive", delete_archive},
    {"events", "StartReplay", start_replay},
    {"events", "CancelReplay", cancel_replay},
    {0},
};
