/* What a machine's logging configuration asks for: the events of its executions in a log group, a stream
 * each. */
#include "sandbox/services/stepfunctions/executions.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/logs.h"

#include <time.h>

/* arn:aws:logs:eu-west-1:000000000000:log-group:/films/machine:* */
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
