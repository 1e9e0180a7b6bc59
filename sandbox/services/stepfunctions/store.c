/* Files of executions: HASH.json with the execution and its result, HASH.events with its history, one JSON
 * event per line. Also events in a log group. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/engine/logs.h"
#include "sandbox/services/stepfunctions/executions.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- logging configuration: events of executions in a log group, with a stream for each ---- */

/* Returns the group's name of arn:aws:logs:eu-west-1:000000000000:log-group:/films/machine:* */
static struct str executions_log_group_of(const struct value *logging)
{
    const struct value *groups = value_getz(logging, "log_groups");
    const struct value *first =
        groups && groups->kind == VALUE_LIST && groups->count ? groups->items[0] : NULL;
    struct str arn = value_gets(first, "arn");
    ptrdiff_t at = str_find(arn, STR(":log-group:"), 0);
    struct str name = at < 0 ? STR_EMPTY : str_slice(arn, (size_t)at + 11, arn.n);
    return str_ends(name, STR(":*")) ? str_slice(name, 0, name.n - 2) : name;
}

static enum execution_log level_of(const struct value *logging)
{
    static const char *const names[] = {"OFF", "FATAL", "ERROR", "ALL"};
    struct str level = value_gets(logging, "level");
    for (int i = LOG_FATAL; i <= LOG_ALL; i++)
        if (str_eqz(level, names[i]))
            return (enum execution_log)i;
    return LOG_OFF;
}

static struct str stream_of(struct execution *execution)
{
    time_t seconds = (time_t)(execution->start_ms / 1000);
    char minute[32];
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(minute, sizeof minute, "%Y-%m-%d-%H-%M", &utc);
    return arena_printf(&execution->arena, "states/%.*s/%s/%.*s", STR_ARG(execution->machine_name), minute,
        STR_ARG(uuid_random(&execution->arena)));
}

void execution_log_prepare(struct execution *execution, const struct value *logging)
{
    execution->log_wanted = level_of(logging);
    execution->log_group = arena_str(&execution->arena, executions_log_group_of(logging));
    execution->log_stream = stream_of(execution);
    execution->log_data = value_equal(value_getz(logging, "include_execution_data"), &value_true);
}

void execution_log_open(struct execution *execution)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control_record group;
    struct services *services = execution->all->services;
    struct str name = execution->log_group;
    if (execution->log_wanted == LOG_OFF || !control_find(services_control(services), &arena,
                                                STR("aws.logs.log_group"), execution->region, name, &group))
        return;
    const struct log_location location = {execution->region, execution->log_group, execution->log_stream};
    logs_forget(services_logs(services), execution->region, name, group.created_ms);
    if (logs_create(services_logs(services), &location) == LOGS_OK)
        execution->log = execution->log_wanted;
}

static bool executions_log_is_wanted(enum execution_log level, struct str type)
{
    bool ends_badly =
        str_ends(type, STR("Failed")) || str_ends(type, STR("TimedOut")) || str_ends(type, STR("Aborted"));
    if (level == LOG_FATAL)
        return ends_badly && str_starts(type, STR("Execution"));
    return level == LOG_ALL || ends_badly || str_eqz(type, "FailStateEntered");
}

static const struct value *number_text(struct arena *arena, int64_t n)
{
    return value_string(arena, arena_printf(arena, "%lld", (long long)n));
}

void execution_log_event(
    struct execution *execution, int64_t id, int64_t previous, const char *type, const struct value *details)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (execution->log == LOG_OFF || !executions_log_is_wanted(execution->log, str_z(type)))
        return;
    int64_t now = clock_wall_ms();
    if (details && !execution->log_data)
        details = execution_without_data(&arena, details);
    const struct value *line = json_as_text(&arena,
        VALUE_MAP(&arena, {STR("id"), number_text(&arena, id)}, {STR("type"), value_stringz(&arena, type)},
            {STR("details"), details ? details : &value_empty_map},
            {STR("previous_event_id"), number_text(&arena, previous)},
            {STR("event_timestamp"), number_text(&arena, now)},
            {STR("redrive_count"), number_text(&arena, execution->redrives)},
            {STR("execution_arn"), value_string(&arena, execution->arn)}));
    const struct log_entry event = {.time_ms = now, .message = line->string};
    const struct log_location location = {execution->region, execution->log_group, execution->log_stream};
    logs_append(services_logs(execution->all->services), &location, &event, 1);
}

enum { MAX_FILE = 256 * 1024 * 1024 };

static int executions_store_file_of(const struct executions *all, struct arena *arena, struct str arn,
    const char *suffix, struct str *out, struct err *err)
{
    struct str dir;
    if (services_dir(all->services, arena, "executions", &dir, err))
        return -1;
    *out = arena_printf(arena, "%s/%.24s.%s", dir.p, sha256_hex(arena, arn).p, suffix);
    return 0;
}

/* Returns a member of a record; p NULL if it is missing, as opposed to empty. */
static struct str stored_text(const struct value *record, const char *key)
{
    return value_text(value_getz(record, key), (struct str){NULL, 0});
}

static const struct value *executions_store_text(struct arena *arena, struct str s)
{
    return s.p ? value_string(arena, s) : &value_null;
}

/* The lock must be held. */
static const struct value *record_of(struct execution *e, struct arena *arena, bool ended)
{
    return VALUE_MAP(arena, {STR("arn"), executions_store_text(arena, e->arn)},
        {STR("name"), executions_store_text(arena, e->name)},
        {STR("machine"), executions_store_text(arena, e->machine)},
        {STR("machine_name"), executions_store_text(arena, e->machine_name)},
        {STR("region"), executions_store_text(arena, e->region)},
        {STR("version"), executions_store_text(arena, e->version)},
        {STR("alias"), executions_store_text(arena, e->alias)},
        {STR("role"), executions_store_text(arena, e->role)},
        {STR("input"), executions_store_text(arena, e->input)},
        {STR("start_ms"), value_int(arena, e->start_ms)},
        {STR("stop_ms"), value_int(arena, ended ? e->stop_ms : 0)},
        {STR("status"), ended ? value_int(arena, e->status) : &value_null},
        {STR("output"), executions_store_text(arena, ended ? e->output : (struct str){NULL, 0})},
        {STR("error"), executions_store_text(arena, ended ? e->error : (struct str){NULL, 0})},
        {STR("cause"), executions_store_text(arena, ended ? e->cause : (struct str){NULL, 0})},
        {STR("events"), value_int(arena, (int64_t)e->event_count)},
        {STR("at"), asl_point_value(arena, &e->at)}, {STR("redrives"), value_int(arena, e->redrives)},
        {STR("redriven_ms"), value_int(arena, e->redriven_ms)},
        {STR("redrive_token"), executions_store_text(arena, e->redrive_token)},
        {STR("definition"), e->definition ? e->definition : &value_null});
}

/* ---- writing ---- */

static int write_file(
    struct execution *e, struct arena *arena, const char *suffix, const struct buf *text, struct err *err)
{
    struct str path;
    return executions_store_file_of(e->all, arena, e->arn, suffix, &path, err)
               ? -1
               : file_write_atomic(path.p, buf_str(text), 0600, err);
}

static int write_record(
    struct execution *e, struct arena *arena, const struct value *record, uint64_t *size, struct err *err)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, record, JSON_PLAIN);
    *size += out.n;
    return write_file(e, arena, "json", &out, err);
}

static int write_events(struct execution *e, struct arena *arena, uint64_t *size, struct err *err)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < e->event_count; i++) {
        json_write(&out, e->events[i], JSON_PLAIN);
        buf_add_char(&out, '\n');
    }
    *size += out.n;
    return write_file(e, arena, "events", &out, err);
}

static struct execution *stored_from(struct executions *all, const struct value *record, uint64_t size);

/* Called before the execution runs or after it has ended, when no other thread changes it. */
struct execution *execution_save(struct execution *e)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    bool ended = e->stop_ms > 0;
    uint64_t size = 0;
    pthread_mutex_lock(&e->all->lock);
    const struct value *record = record_of(e, &arena, ended);
    pthread_mutex_unlock(&e->all->lock);
    if ((ended && write_events(e, &arena, &size, &err)) || write_record(e, &arena, record, &size, &err)) {
        fprintf(stderr, "sandbox: %s\n", err.message);
        return NULL;
    }
    struct execution *stored = ended ? stored_from(e->all, record, size) : NULL;
    if (stored)
        execution_copy_map_runs(stored, e);
    return stored;
}

void execution_forget(const struct execution *execution)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str path;
    if (!executions_store_file_of(execution->all, &arena, execution->arn, "json", &path, &err))
        unlink(path.p);
    if (!executions_store_file_of(execution->all, &arena, execution->arn, "events", &path, &err))
        unlink(path.p);
}

/* ---- reading ---- */

/* Returns an execution with the members that the list needs. */
static struct execution *from_record(struct executions *all, const struct value *record)
{
    struct execution *e = mem_zalloc(sizeof *e);
    e->all = all;
    e->activity = activity_new(all->services, &execution_run_ops, e);
    e->arn = arena_str(&e->arena, stored_text(record, "arn"));
    e->name = arena_str(&e->arena, stored_text(record, "name"));
    e->machine = arena_str(&e->arena, stored_text(record, "machine"));
    e->machine_name = arena_str(&e->arena, stored_text(record, "machine_name"));
    e->region = arena_str(&e->arena, stored_text(record, "region"));
    e->version = arena_str(&e->arena, stored_text(record, "version"));
    e->alias = arena_str(&e->arena, stored_text(record, "alias"));
    e->start_ms = service_int(record, "start_ms", 0);
    e->redrives = service_int(record, "redrives", 0);
    e->redriven_ms = service_int(record, "redriven_ms", 0);
    e->redrive_token = arena_str(&e->arena, stored_text(record, "redrive_token"));
    return e;
}

static struct execution *stored_from(struct executions *all, const struct value *record, uint64_t size)
{
    static const enum activity_state states[] = {
        ACTIVITY_SUCCEEDED, ACTIVITY_FAILED, ACTIVITY_TIMEOUT, ACTIVITY_STOPPED};
    struct execution *e = from_record(all, record);
    int64_t status = service_int(record, "status", -1);
    e->stop_ms = service_int(record, "stop_ms", 0);
    e->event_count = (size_t)service_int(record, "events", 0);
    e->stored = size;
    e->ended = true;
    e->status = status >= 0 && status <= ASL_ABORTED ? (enum asl_status)status : ASL_ABORTED;
    activity_end(e->activity, states[e->status], STR_EMPTY, STR_EMPTY);
    return e;
}

static int read_record(
    struct executions *all, struct arena *arena, struct str arn, const struct value **out, struct err *err)
{
    struct str path, json;
    return executions_store_file_of(all, arena, arn, "json", &path, err) ||
                   file_read(arena, path.p, MAX_FILE, &json, err) || json_parse(arena, json, out, err)
               ? -1
               : 0;
}

const struct value *execution_record(struct execution *e, struct arena *arena)
{
    struct err err = ERR_INIT;
    const struct value *record = NULL;
    if (e->stored && !read_record(e->all, arena, e->arn, &record, &err))
        return record;
    if (e->stored)
        fprintf(stderr, "sandbox: %s\n", err.message);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&e->all->lock);
    record = record_of(e, arena, e->ended);
    return record;
}

/* ---- history ---- */

size_t execution_event_count(struct execution *e)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&e->all->lock);
    return e->event_count - (e->ending && !e->ended);
}

/* Returns the first n lines of the events file; missing lines are empty. */
static struct str *read_lines(struct execution *e, struct arena *arena, size_t n)
{
    struct err err = ERR_INIT;
    struct str path, rest;
    struct str *lines = ARENA_ARRAY(arena, struct str, n + 1);
    if (executions_store_file_of(e->all, arena, e->arn, "events", &path, &err) ||
        file_read(arena, path.p, MAX_FILE, &rest, &err))
        return lines;
    for (size_t i = 0; i < n && rest.p; i++)
        lines[i] = str_cut(rest, '\n', &rest);
    return lines;
}

void execution_events(
    struct execution *e, size_t n, size_t first, size_t end, bool backward, struct value_builder *out)
{
    AUTO_ARENA struct arena text = ARENA_INIT;
    const struct str *lines = e->stored ? read_lines(e, &text, n) : NULL;
    const struct value *event;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&e->all->lock);
    for (size_t i = first; i < end; i++) {
        size_t at = backward ? n - 1 - i : i;
        if (!lines)
            value_builder_add(out, value_copy(out->arena, e->events[at]));
        else if (!json_parse(out->arena, lines[at], &event, ERR_IGNORED))
            value_builder_add(out, event);
    }
}

/* ---- redriving ---- */

static int take_events(struct execution *e, struct execution *stored, struct err *err)
{
    AUTO_ARENA struct arena text = ARENA_INIT;
    size_t n = stored->event_count;
    const struct str *lines = read_lines(stored, &text, n);
    MEM_GROW(e->events, e->event_cap, n);
    for (size_t i = 0; i < n; i++) {
        if (json_parse(&e->arena, lines[i], &e->events[i], err))
            return -1;
        e->history += value_size(e->events[i]);
        e->event_count++;
    }
    return 0;
}

struct execution *execution_restore(struct execution *stored, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *record, *at;
    if (read_record(stored->all, &arena, stored->arn, &record, err))
        return NULL;
    struct execution *e = from_record(stored->all, record);
    e->role = arena_str(&e->arena, stored_text(record, "role"));
    e->input = arena_str(&e->arena, stored_text(record, "input"));
    e->definition = value_copy(&e->arena, value_getz(record, "definition"));
    at = value_copy(&e->arena, value_getz(record, "at"));
    e->at = asl_point_of(at);
    execution_copy_map_runs(e, stored);
    if (!take_events(e, stored, err))
        return e;
    activity_release(e->activity);
    return NULL;
}

/* ---- loading after a restart ---- */

static uint64_t size_of_file(struct executions *all, struct arena *arena, struct str arn, const char *suffix)
{
    struct str path;
    struct stat info;
    return executions_store_file_of(all, arena, arn, suffix, &path, ERR_IGNORED) || stat(path.p, &info)
               ? 0
               : (uint64_t)info.st_size;
}

/* Marks an execution as ABORTED that was running when the sandbox ended. */
static const struct value *interrupted(struct arena *arena, const struct value *record)
{
    record = value_with(arena, record, STR("status"), value_int(arena, ASL_ABORTED));
    record = value_with(arena, record, STR("stop_ms"), value_getz(record, "start_ms"));
    return value_with(arena, record, STR("cause"), value_stringz(arena, "The sandbox ended while it ran"));
}

static struct execution *read_one(struct executions *all, const char *path)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str json;
    const struct value *record = NULL;
    uint64_t size = 0;
    if (file_read(&arena, path, MAX_FILE, &json, &err) || json_parse(&arena, json, &record, &err) ||
        !stored_text(record, "arn").n || !stored_text(record, "machine").n) {
        fprintf(stderr, "sandbox: %s: %s\n", path, err.message);
        return NULL;
    }
    bool cut_off = value_is_null(value_getz(record, "status"));
    if (cut_off)
        record = interrupted(&arena, record);
    struct str arn = stored_text(record, "arn");
    size = size_of_file(all, &arena, arn, "json") + size_of_file(all, &arena, arn, "events");
    struct execution *e = stored_from(all, record, size);
    if (cut_off && write_record(e, &arena, record, &size, &err))
        fprintf(stderr, "sandbox: %s\n", err.message);
    return e;
}

static int by_start(const void *a, const void *b)
{
    const struct execution *x = *(struct execution *const *)a, *y = *(struct execution *const *)b;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

void executions_load(struct executions *all)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str dir;
    if (all->loaded)
        return;
    all->loaded = true;
    AUTO_DIR DIR *open =
        services_dir(all->services, &arena, "executions", &dir, ERR_IGNORED) ? NULL : opendir(dir.p);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        if (!str_ends(str_z(entry->d_name), STR(".json")))
            continue;
        struct execution *e = read_one(all, path_join(&arena, dir, str_z(entry->d_name)).p);
        if (!e)
            continue;
        MEM_GROW(all->items, all->cap, all->n + 1);
        all->items[all->n++] = e;
        all->stored += e->stored;
    }
    if (all->n)
        qsort(all->items, all->n, sizeof *all->items, by_start);
}
