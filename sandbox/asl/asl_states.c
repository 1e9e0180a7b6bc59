/* What each type of state does. Parallel and Map: asl_branches.c. */
#include "base/clock.h"
#include "sandbox/asl/asl_internal.h"

bool asl_number(struct asl_visit *visit, const char *member, const struct value *input, int64_t *out)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *v = value_getz(visit->state, member);
    if (!v) {
        struct str path = arena_printf(eval->arena, "%sPath", member);
        v = value_get(visit->state, path);
        if (v)
            v = asl_find(eval, value_text(v, STR_EMPTY), input, "States.Runtime");
    }
    if (!v)
        return false;
    if (v->kind == VALUE_INT && v->integer >= 0 && v->integer <= 99999999) {
        *out = v->integer;
        return true;
    }
    asl_fail(eval, "States.Runtime", "%s is not a whole number from 0 to 99999999", member);
    return false;
}

/* ---- states ---- */

static const struct value *act_pass(struct asl_visit *visit, const struct value *input UNUSED)
{
    const struct value *result = value_getz(visit->state, "Result");
    return result ? result : input;
}

static bool time_of_wait(struct asl_visit *visit, const struct value *input, int64_t *ms)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *at = value_getz(visit->state, "Timestamp");
    const struct value *path = value_getz(visit->state, "TimestampPath");
    int64_t seconds, when;
    if (!at && !path) {
        bool given = asl_number(visit, "Seconds", input, &seconds);
        *ms = given ? seconds * 1000 : 0;
        return given;
    }
    if (path)
        at = asl_find(eval, value_text(path, STR_EMPTY), input, "States.Runtime");
    if (!at)
        return false;
    if (at->kind != VALUE_STRING || !time_parse_rfc3339(at->string, &when)) {
        asl_fail(
            eval, "States.Runtime", "The timestamp is not one of RFC 3339, such as 2026-11-21T09:30:00Z");
        return false;
    }
    *ms = when - asl_now(visit->line);
    return true;
}

static const struct value *act_wait(struct asl_visit *visit, const struct value *input)
{
    int64_t ms;
    if (!time_of_wait(visit, input, &ms))
        return NULL;
    return asl_wait(visit, ms) ? input : NULL;
}

static const struct value *act_task(struct asl_visit *visit, const struct value *input)
{
    struct asl_line *line = visit->line;
    const struct asl_host *host = line->execution->host;
    struct asl_task task = {.state = visit->name,
        .resource = value_gets(visit->state, "Resource"),
        .input = input,
        .token = visit->token,
        .scope = line->scope,
        .quiet = line->execution->quiet,
        .event = line->event};
    int64_t seconds;
    if (asl_number(visit, "TimeoutSeconds", input, &seconds))
        task.timeout_ms = seconds * 1000;
    if (asl_number(visit, "HeartbeatSeconds", input, &seconds))
        task.heartbeat_ms = seconds * 1000;
    if (visit->eval.error.name.n)
        return NULL;
    int64_t left = line->deadline_ms ? line->deadline_ms - asl_now(line) : INT64_MAX;
    bool last = left < (task.timeout_ms ? task.timeout_ms : INT64_MAX);
    if (line->deadline_ms)
        task.left_ms = left > 1 ? left : 1;
    if (last)
        task.timeout_ms = task.left_ms;
    struct asl_error error = {.name = STR_EMPTY};
    const struct value *result = host->task(host->ctx, visit->eval.arena, &task, &error);
    line->event = task.event;
    if (result)
        /* cppcheck-suppress returnDanglingLifetime; it lives in the arena */
        return result;
    visit->timed_out = last && str_eqz(error.name, "States.Timeout");
    if (!visit->eval.error.name.n)
        visit->eval.error = error;
    return NULL;
}

static const struct value *act_succeed(struct asl_visit *visit UNUSED, const struct value *input)
{
    return input;
}

/* Error or ErrorPath, Cause or CausePath. */
static struct str asl_states_text_of(struct asl_visit *visit, const char *member)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *v = value_getz(visit->state, member);
    const struct value *path = value_get(visit->state, arena_printf(eval->arena, "%sPath", member));
    if (path)
        v = asl_find(eval, value_text(path, STR_EMPTY), visit->raw, "States.Runtime");
    if (v && v->kind != VALUE_STRING)
        asl_fail(eval, "States.Runtime", "%sPath leads to something that is not a text", member);
    return value_text(v, STR_EMPTY);
}

static const struct value *act_fail(struct asl_visit *visit, const struct value *input UNUSED)
{
    struct str name = asl_states_text_of(visit, "Error"), cause = asl_states_text_of(visit, "Cause");
    if (visit->eval.error.name.n)
        return NULL;
    visit->eval.error = (struct asl_error){name.n ? name : STR("States.TaskFailed"), cause};
    visit->eval.unnamed = !name.n;
    return NULL;
}

static const struct value *act_choice(struct asl_visit *visit UNUSED, const struct value *input)
{
    return input; /* which way to go is seen from what OutputPath leaves of nothing: see asl_choose() */
}

static const struct asl_state_type state_types[] = {
    {"Task", act_task, .parameters = true, .result = true, .recovers = true, .aborts = true},
    {"Parallel", asl_parallel, .parameters = true, .result = true, .recovers = true, .aborts = true},
    {"Map", asl_map, .result = true, .recovers = true, .aborts = true}, /* Parameters are for its items */
    {"Pass", act_pass, .parameters = true, .result = true},
    {"Wait", act_wait, .aborts = true},
    {"Choice", act_choice, .chooses = true},
    {"Succeed", act_succeed, .ends = true},
    {.name = "Fail", .act = act_fail},
};

const struct asl_state_type *asl_state_type(const struct value *state)
{
    struct str name = value_gets(state, "Type");
    for (size_t i = 0; i < sizeof state_types / sizeof *state_types; i++)
        if (str_eqz(name, state_types[i].name))
            return &state_types[i];
    return NULL;
}

/* The rule that holds says where to go, else Default. */
struct str asl_choose(struct asl_visit *visit, const struct value *input)
{
    const struct value *rules = value_getz(visit->state, "Choices");
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count; i++) {
        if (asl_choice_holds(&visit->eval, rules->items[i], input)) {
            if (asl_assign(visit, rules->items[i], input))
                return STR_EMPTY;
            return value_gets(rules->items[i], "Next");
        }
        if (visit->eval.error.name.n)
            return STR_EMPTY;
    }
    struct str otherwise = value_gets(visit->state, "Default");
    if (!otherwise.n)
        asl_fail(&visit->eval, "States.NoChoiceMatched",
            "No choice rule holds in state '%.*s', and it has no Default", STR_ARG(visit->name));
    else if (asl_assign(visit, visit->state, input))
        return STR_EMPTY;
    return otherwise;
}
