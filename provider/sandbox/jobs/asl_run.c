/* From state to state. */
#include "provider/sandbox/jobs/asl_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"

enum { MAX_RETRIERS = 64 };

bool asl_stopped(const struct asl_scope *scope)
{
    for (; scope; scope = scope->parent)
        if (atomic_load(&scope->stopped))
            return true;
    return false;
}

static const struct asl_host *host_of(const struct asl_line *line)
{
    return line->execution->host;
}

/* This line's own time: waiting that was shortened has passed here. */
static int64_t now(const struct asl_line *line)
{
    const struct asl_host *host = host_of(line);
    return host->wall_ms(host->ctx) + line->skipped_ms;
}

/* False: stopped, or the execution's time is over (visit->timed_out). */
static bool wait_for(struct asl_visit *visit, int64_t ms)
{
    struct asl_line *line = visit->line;
    const struct asl_host *host = host_of(line);
    int64_t left = line->deadline_ms ? line->deadline_ms - now(line) : INT64_MAX;
    bool late = ms >= left;
    ms = late ? left : ms;
    int64_t real = ms <= 0 ? 0 : (int64_t)((double)ms / host->speed);
    if (!host->sleep(host->ctx, line->scope, real))
        return false;
    line->skipped_ms += ms > real ? ms - real : 0;
    visit->timed_out = late;
    return !late;
}

/* ---- history ---- */

int64_t asl_event(struct asl_line *line, const char *type, const char *name, const struct value *details)
{
    const struct asl_host *host = host_of(line);
    line->event = host->event(host->ctx, line->event, type, name, details);
    return line->event;
}

static void event_entered(struct asl_visit *visit, struct str type)
{
    struct arena *arena = visit->eval.arena;
    struct value_entry details[] = {
        {STR("name"), value_string(arena, visit->name)}, {STR("input"), json_as_text(arena, visit->raw)}};
    asl_event(visit->line, arena_printf(arena, "%.*sStateEntered", STR_ARG(type)).p,
        "stateEnteredEventDetails", value_map(arena, details, 2));
}

static void event_exited(struct asl_visit *visit, struct str type, const struct value *output)
{
    struct arena *arena = visit->eval.arena;
    struct value_entry details[] = {
        {STR("name"), value_string(arena, visit->name)}, {STR("output"), json_as_text(arena, output)}};
    asl_event(visit->line, arena_printf(arena, "%.*sStateExited", STR_ARG(type)).p, "stateExitedEventDetails",
        value_map(arena, details, 2));
}

/* ---- what a state is told ---- */

static void set_context(struct asl_visit *visit)
{
    struct arena *arena = visit->eval.arena;
    struct value_entry state[] = {
        {STR("EnteredTime"), value_string(arena, time_rfc3339(arena, visit->entered_ms, true))},
        {STR("Name"), value_string(arena, visit->name)},
        {STR("RetryCount"), value_int(arena, visit->retries)},
    };
    struct value_entry task = {STR("Token"), value_string(arena, visit->token)};
    struct value_entry parts[] = {
        {STR("State"), value_map(arena, state, sizeof state / sizeof *state)},
        {STR("Map"), visit->line->map},
        {STR("Task"), visit->token.n ? value_map(arena, &task, 1) : NULL},
    };
    visit->eval.context = visit->line->execution->context;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].value)
            visit->eval.context = value_with(arena, visit->eval.context, parts[i].key, parts[i].value);
}

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

static const struct value *act_pass(struct asl_visit *visit, const struct value *input)
{
    (void)input;
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
    *ms = when - now(visit->line);
    return true;
}

static const struct value *act_wait(struct asl_visit *visit, const struct value *input)
{
    int64_t ms;
    if (!time_of_wait(visit, input, &ms))
        return NULL;
    return wait_for(visit, ms) ? input : NULL;
}

static const struct value *act_task(struct asl_visit *visit, const struct value *input)
{
    struct asl_line *line = visit->line;
    const struct asl_host *host = host_of(line);
    struct asl_task task = {.state = visit->name,
        .resource = value_text(value_getz(visit->state, "Resource"), STR_EMPTY),
        .input = input,
        .token = visit->token,
        .scope = line->scope,
        .event = line->event};
    int64_t seconds;
    if (asl_number(visit, "TimeoutSeconds", input, &seconds))
        task.timeout_ms = seconds * 1000;
    if (asl_number(visit, "HeartbeatSeconds", input, &seconds))
        task.heartbeat_ms = seconds * 1000;
    if (visit->eval.error.name.n)
        return NULL;
    int64_t left = line->deadline_ms ? line->deadline_ms - now(line) : INT64_MAX;
    bool last = left < (task.timeout_ms ? task.timeout_ms : INT64_MAX);
    if (last)
        task.timeout_ms = left > 1 ? left : 1;
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

static const struct value *act_succeed(struct asl_visit *visit, const struct value *input)
{
    (void)visit;
    return input;
}

/* Error or ErrorPath, Cause or CausePath. */
static struct str text_of(struct asl_visit *visit, const char *member)
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

static const struct value *act_fail(struct asl_visit *visit, const struct value *input)
{
    (void)input;
    struct str name = text_of(visit, "Error"), cause = text_of(visit, "Cause");
    if (!visit->eval.error.name.n)
        visit->eval.error = (struct asl_error){name.n ? name : STR("States.TaskFailed"), cause};
    return NULL;
}

static const struct value *act_choice(struct asl_visit *visit, const struct value *input)
{
    (void)visit;
    return input; /* which way to go is seen from what OutputPath leaves of nothing: see choose() */
}

struct state_type {
    const char *name;
    const struct value *(*act)(struct asl_visit *visit, const struct value *input);
    bool parameters, result; /* it has Parameters and ResultPath; ResultSelector, Retry and Catch */
    bool recovers;
};

static const struct state_type state_types[] = {
    {"Task", act_task, true, true, true},
    {"Parallel", asl_parallel, true, true, true},
    {"Map", asl_map, false, true, true}, /* its Parameters are for its items */
    {"Pass", act_pass, true, true, false},
    {"Wait", act_wait, false, false, false},
    {"Choice", act_choice, false, false, false},
    {"Succeed", act_succeed, false, false, false},
    {"Fail", act_fail, false, false, false},
};

static const struct state_type *type_of(const struct value *state)
{
    struct str name = value_text(value_getz(state, "Type"), STR_EMPTY);
    for (size_t i = 0; i < sizeof state_types / sizeof *state_types; i++)
        if (str_eqz(name, state_types[i].name))
            return &state_types[i];
    return NULL;
}

/* The rule that holds says where to go, else Default. */
static struct str choose(struct asl_visit *visit, const struct value *input)
{
    const struct value *rules = value_getz(visit->state, "Choices");
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count; i++) {
        if (asl_choice_holds(&visit->eval, rules->items[i], input))
            return value_text(value_getz(rules->items[i], "Next"), STR_EMPTY);
        if (visit->eval.error.name.n)
            return STR_EMPTY;
    }
    struct str otherwise = value_text(value_getz(visit->state, "Default"), STR_EMPTY);
    if (!otherwise.n)
        asl_fail(&visit->eval, "States.NoChoiceMatched",
            "No choice rule holds in state '%.*s', and it has no Default", STR_ARG(visit->name));
    return otherwise;
}

/* Data can be read back from JSON wherever it is kept. */
static const struct value *within_limit(struct asl_visit *visit, const struct value *v)
{
    bool deep = v && v->depth > ASL_MAX_DEPTH;
    if (!v || (!deep && (value_size(v) <= ASL_MAX_DATA ||
                            (value_size(v) <= 16 * ASL_MAX_DATA &&
                                json_as_text(visit->eval.arena, v)->string.n <= ASL_MAX_DATA))))
        return v;
    asl_fail(&visit->eval, "States.DataLimitExceeded",
        deep ? "The state '%.*s' returned a result that is nested too deep."
             : "The state '%.*s' returned a result with a size exceeding the maximum number of bytes service "
               "limit.",
        STR_ARG(visit->name));
    return NULL;
}

/* One attempt: input, work, result, output. NULL: eval.error, timed_out or stopped. */
static const struct value *attempt(struct asl_visit *visit, const struct state_type *type, struct str *next)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *input = asl_filter(eval, visit->state, "InputPath", visit->raw);
    const struct value *parameters = type->parameters ? value_getz(visit->state, "Parameters") : NULL;
    if (input && parameters)
        input = asl_template(eval, parameters, input);
    const struct value *result = input ? type->act(visit, input) : NULL;
    const struct value *selector = type->recovers ? value_getz(visit->state, "ResultSelector") : NULL;
    if (result && type->act == act_choice)
        *next = choose(visit, input);
    if (result && selector)
        result = asl_template(eval, selector, result);
    if (result && type->result)
        result = asl_place_result(eval, visit->state, visit->raw, result);
    if (result && !eval->error.name.n)
        result = asl_filter(eval, visit->state, "OutputPath", result);
    result = within_limit(visit, result);
    return eval->error.name.n ? NULL : result;
}

/* ---- failures ---- */

/* Does an ErrorEquals list name the error? What is wrong with the machine itself is never caught. */
static bool names_error(const struct value *rule, struct str error)
{
    const struct value *names = value_getz(rule, "ErrorEquals");
    bool final = str_eqz(error, "States.Runtime");
    for (uint32_t i = 0; !final && names && names->kind == VALUE_LIST && i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY);
        if (str_eq(name, error) ||
            (str_eqz(name, "States.ALL") && !str_eqz(error, "States.DataLimitExceeded")) ||
            (str_eqz(name, "States.TaskFailed") && !str_eqz(error, "States.Timeout") &&
                !str_eqz(error, "States.HeartbeatTimeout")) ||
            (str_eqz(name, "States.Timeout") && str_eqz(error, "States.HeartbeatTimeout")))
            return true;
    }
    return false;
}

static double number_of(const struct value *rule, const char *member, double fallback)
{
    const struct value *v = value_getz(rule, member);
    return !v                       ? fallback
           : v->kind == VALUE_INT   ? (double)v->integer
           : v->kind == VALUE_FLOAT ? v->number
                                    : fallback;
}

/* How long to wait before the nth time (from 0). */
static int64_t backoff_ms(struct asl_visit *visit, const struct value *rule, int nth)
{
    double s = number_of(rule, "IntervalSeconds", 1), rate = number_of(rule, "BackoffRate", 2);
    double max = number_of(rule, "MaxDelaySeconds", 31622400);
    for (int i = 0; i < nth && s < max; i++)
        s *= rate;
    int64_t ms = (int64_t)((s < max ? s : max) * 1000);
    if (ms > 0 && str_eqz(value_text(value_getz(rule, "JitterStrategy"), STR_EMPTY), "FULL"))
        ms = (int64_t)(visit->eval.random(visit->eval.random_ctx) % (uint64_t)(ms + 1));
    return ms;
}

/* Is it to be tried again? Then that time has been waited. */
static bool retry(struct asl_visit *visit, int counts[MAX_RETRIERS])
{
    const struct value *rules = value_getz(visit->state, "Retry");
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count && i < MAX_RETRIERS; i++) {
        if (!names_error(rules->items[i], visit->eval.error.name))
            continue;
        if (counts[i] >= number_of(rules->items[i], "MaxAttempts", 3))
            return false;
        int64_t ms = backoff_ms(visit, rules->items[i], counts[i]++);
        visit->retries++;
        return wait_for(visit, ms);
    }
    return false;
}

static const struct value *catch_error(struct asl_visit *visit, struct str *next)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *rules = value_getz(visit->state, "Catch");
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count; i++) {
        if (!names_error(rules->items[i], eval->error.name))
            continue;
        struct value_entry what[] = {{STR("Error"), value_string(eval->arena, eval->error.name)},
            {STR("Cause"), value_string(eval->arena, eval->error.cause)}};
        *next = value_text(value_getz(rules->items[i], "Next"), STR_EMPTY);
        eval->error = (struct asl_error){.name = STR_EMPTY};
        return asl_place_result(eval, rules->items[i], visit->raw, value_map(eval->arena, what, 2));
    }
    return NULL;
}

/* ---- one state, and all of them ---- */

static void new_token(struct asl_visit *visit)
{
    struct str resource = value_text(value_getz(visit->state, "Resource"), STR_EMPTY);
    uint64_t random[4];
    if (!str_ends(resource, STR(".waitForTaskToken")))
        return;
    for (size_t i = 0; i < 4; i++)
        random[i] = visit->eval.random(visit->eval.random_ctx);
    visit->token = hex_encode(visit->eval.arena, random, sizeof random);
}

/* What went wrong with the machine itself says where. */
static void say_where(struct asl_visit *visit)
{
    struct asl_eval *eval = &visit->eval;
    if (!eval->own)
        return;
    eval->own = false;
    eval->error.cause = arena_printf(eval->arena,
        "An error occurred while executing the state '%.*s' (entered at the event id #%lld). %.*s",
        STR_ARG(visit->name), (long long)visit->entered_event, STR_ARG(eval->error.cause));
}

static const struct value *carry_out(struct asl_visit *visit, const struct state_type *type, struct str *next)
{
    int counts[MAX_RETRIERS] = {0};
    for (;;) {
        visit->eval.error = (struct asl_error){.name = STR_EMPTY};
        new_token(visit);
        set_context(visit);
        const struct value *output = attempt(visit, type, next);
        say_where(visit);
        bool over = visit->timed_out || asl_stopped(visit->line->scope);
        if (output || over || !type->recovers)
            return over ? NULL : output;
        if (retry(visit, counts))
            continue;
        if (visit->timed_out || asl_stopped(visit->line->scope))
            return NULL;
        return catch_error(visit, next);
    }
}

static bool ends(const struct value *state, const struct state_type *type)
{
    return type->act == act_succeed || value_equal(value_getz(state, "End"), &value_true);
}

static const struct value *visit_state(struct asl_visit *visit, struct str *next, bool *end)
{
    const struct state_type *type = type_of(visit->state);
    if (!type) {
        asl_fail(&visit->eval, "States.Runtime", "there is no state '%.*s'", STR_ARG(visit->name));
        return NULL;
    }
    struct str type_name = str_z(type->name);
    *next = STR_EMPTY;
    event_entered(visit, type_name);
    visit->entered_event = visit->line->event;
    const struct value *output = carry_out(visit, type, next);
    if (!output)
        return NULL;
    *end = !next->n && ends(visit->state, type);
    if (!next->n && !*end)
        *next = value_text(value_getz(visit->state, "Next"), STR_EMPTY);
    event_exited(visit, type_name, output);
    return output;
}

/* Why there is no output. */
static void tell_failure(struct arena *arena, const struct asl_visit *visit, struct asl_outcome *out)
{
    const struct asl_error *error = &visit->eval.error;
    out->status = asl_stopped(visit->line->scope) ? ASL_ABORTED
                  : visit->timed_out              ? ASL_TIMED_OUT
                                                  : ASL_FAILED;
    out->error = (struct asl_error){arena_str(arena, error->name), arena_str(arena, error->cause)};
}

static bool start_visit(struct asl_visit *visit, struct asl_line *line, struct str name)
{
    const struct asl_host *host = host_of(line);
    visit->eval.random = host->random;
    visit->eval.random_ctx = host->ctx;
    visit->line = line;
    visit->name = arena_str(visit->eval.arena, name);
    visit->state = value_get(value_getz(line->machine, "States"), name);
    visit->entered_ms = now(line);
    visit->timed_out = line->deadline_ms && visit->entered_ms >= line->deadline_ms;
    if (host->events && line->event >= host->events)
        asl_fail(&visit->eval, "States.Runtime",
            "The execution reached the maximum number of history events (%lld).", (long long)host->events);
    return !visit->timed_out && !asl_stopped(line->scope) && !visit->eval.error.name.n;
}

const struct value *asl_line_run(
    struct arena *arena, struct asl_line *line, const struct value *input, struct asl_outcome *out)
{
    /* A state's memory is given back once the next one has been through: a machine may go round for days. */
    struct arena held = ARENA_INIT;
    struct str next = value_text(value_getz(line->machine, "StartAt"), STR_EMPTY);
    const struct value *data = input;
    bool end = false;
    while (data && !end) {
        struct arena fresh = ARENA_INIT;
        struct asl_visit visit = {.eval.arena = &fresh, .raw = data};
        struct str name = next;
        data = start_visit(&visit, line, name) ? visit_state(&visit, &next, &end) : NULL;
        if (!data)
            tell_failure(arena, &visit, out);
        data = value_copy(&fresh, data);
        next = data ? arena_str(&fresh, next) : STR_EMPTY;
        arena_release(&held);
        held = fresh;
    }
    out->event = line->event;
    out->output = data ? value_copy(arena, data) : NULL;
    if (data)
        out->status = ASL_SUCCEEDED;
    arena_release(&held);
    return out->output;
}

static int64_t deadline(const struct asl_execution *execution)
{
    const struct value *own = value_getz(execution->definition, "TimeoutSeconds");
    int64_t ms = own && own->kind == VALUE_INT && own->integer > 0 && own->integer < 100000000
                     ? own->integer * 1000
                     : 0;
    if (execution->timeout_ms && (!ms || execution->timeout_ms < ms))
        ms = execution->timeout_ms;
    return ms ? execution->host->wall_ms(execution->host->ctx) + ms : 0;
}

void asl_run(struct arena *arena, const struct asl_execution *execution, struct asl_outcome *out)
{
    atomic_int threads = execution->host->threads;
    struct asl_line line = {.execution = execution,
        .scope = execution->scope,
        .machine = execution->definition,
        .threads = &threads,
        .deadline_ms = deadline(execution),
        .event = execution->event};
    *out = (struct asl_outcome){.status = ASL_FAILED};
    asl_line_run(arena, &line, execution->input, out);
}
