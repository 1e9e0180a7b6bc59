/* Runs a state machine from state to state; tests one state. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/asl/asl_internal.h"

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

int64_t asl_now(const struct asl_line *line)
{
    const struct asl_host *host = host_of(line);
    return host->wall_ms(host->ctx) + line->skipped_ms;
}

bool asl_wait(struct asl_visit *visit, int64_t ms)
{
    struct asl_line *line = visit->line;
    const struct asl_host *host = host_of(line);
    int64_t left = line->deadline_ms ? line->deadline_ms - asl_now(line) : INT64_MAX;
    bool late = ms >= left;
    ms = late ? left : ms;
    double slow = (double)ms / host->speed; /* may exceed the range of int64_t */
    int64_t real = ms <= 0 ? 0 : slow < 1e15 ? (int64_t)slow : INT64_C(1000000000000000);
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
    if (line->execution->quiet)
        return ++line->event;
    line->event = host->event(host->ctx, line->event, type, name, details);
    return line->event;
}

void asl_event_aside(struct asl_line *line, const char *type, const char *name, const struct value *details)
{
    int64_t before = line->event;
    asl_event(line, type, name, details);
    line->event = before;
}

static void event_entered(struct asl_visit *visit, struct str type)
{
    struct arena *arena = visit->eval.arena;
    const struct asl_execution *execution = visit->line->execution;
    bool given = visit->raw == execution->input && execution->input_text.n;
    struct value_entry details[] = {{STR("name"), value_string(arena, visit->name)},
        {STR("input"), given ? value_string(arena, execution->input_text) : json_as_text(arena, visit->raw)}};
    asl_event(visit->line, arena_printf(arena, "%.*sStateEntered", STR_ARG(type)).p,
        "stateEnteredEventDetails", value_map(arena, details, 2));
}

/* Serialises each variable as JSON text. */
static const struct value *as_texts(struct arena *arena, const struct value *variables)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < variables->count; i++)
        value_builder_set(&b, variables->entries[i].key, json_as_text(arena, variables->entries[i].value));
    return value_builder_map(&b);
}

static void event_exited(struct asl_visit *visit, struct str type, const struct value *output)
{
    struct arena *arena = visit->eval.arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("name"), value_string(arena, visit->name));
    value_builder_set(&b, STR("output"), json_as_text(arena, output));
    if (visit->assigned)
        value_builder_set(&b, STR("assignedVariables"), as_texts(arena, visit->assigned));
    asl_event(visit->line, arena_printf(arena, "%.*sStateExited", STR_ARG(type)).p, "stateExitedEventDetails",
        value_builder_map(&b));
}

/* A failed expression has an event of its own. Its previous event is the one before the state; only for a
 * Wait it is the state's entry. */
static void event_evaluation_failed(struct asl_visit *visit)
{
    struct asl_eval *eval = &visit->eval;
    struct value_entry details[] = {{STR("state"), value_string(eval->arena, visit->name)},
        {STR("error"), value_string(eval->arena, eval->error.name)},
        {STR("cause"), value_string(eval->arena, eval->error.cause)},
        {STR("location"), value_string(eval->arena, eval->location)}};
    bool wait = str_eqz(value_gets(visit->state, "Type"), "Wait");
    visit->line->event = wait ? visit->entered_event : visit->before_event;
    asl_event(visit->line, "EvaluationFailed", "evaluationFailedEventDetails",
        value_map(eval->arena, details, eval->location.n ? 4 : 3));
}

/* Records that the state was stopped, because another branch failed or by StopExecution, for which a Wait
 * records nothing. */
static void event_aborted(struct asl_visit *visit, const struct asl_state_type *type)
{
    bool quiet = str_eqz(str_z(type->name), "Wait") && asl_stopped(visit->line->execution->scope);
    if (type->aborts && asl_stopped(visit->line->scope) && !quiet)
        asl_event(visit->line, arena_printf(visit->eval.arena, "%sStateAborted", type->name).p, NULL, NULL);
}

/* ---- context object and data flow ---- */

static void set_context(struct asl_visit *visit)
{
    struct arena *arena = visit->eval.arena;
    struct value_entry state[] = {
        {STR("EnteredTime"), value_string(arena, time_rfc3339(arena, visit->entered_ms, true))},
        {STR("Name"), value_string(arena, visit->name)},
        {STR("RetryCount"), value_int(arena, visit->retries)},
    };
    const struct asl_state_type *type = asl_state_type(visit->state);
    size_t known = sizeof state / sizeof *state - !(type && type->recovers);
    struct value_entry task = {STR("Token"), value_string(arena, visit->token)};
    struct value_entry parts[] = {
        {STR("State"), value_map(arena, state, known)},
        {STR("Map"), visit->line->map},
        {STR("Task"), visit->token.n ? value_map(arena, &task, 1) : NULL},
    };
    visit->eval.jsonata =
        asl_speaks_jsonata(visit->state, asl_speaks_jsonata(visit->line->machine, visit->line->jsonata));
    visit->eval.input = visit->raw;
    visit->eval.variables = asl_variables(visit->line, arena);
    visit->eval.context = visit->line->execution->context;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].value)
            visit->eval.context = value_with(arena, visit->eval.context, parts[i].key, parts[i].value);
}

/* Limits size and depth, so that the data can be parsed wherever it is stored. */
static const struct value *within_limit(struct asl_visit *visit, const struct value *v)
{
    bool deep = v && v->depth > ASL_MAX_DEPTH;
    /* An escaped character takes up to six bytes in JSON. */
    if (!v || (!deep && (value_size(v) <= ASL_MAX_DATA / 6 ||
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

const struct value *asl_assign_and_output(
    struct asl_visit *visit, const struct value *holder, const struct value *result)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *output = value_getz(holder, "Output");
    if (asl_assign(visit, holder, result))
        return NULL;
    return !eval->jsonata ? asl_put_result(eval, holder, visit->raw, result)
           : output       ? asl_jsonata(eval, output, "Output")
                          : result;
}

/* Records inspection data while a state is tested. */
static void asl_record(struct asl_visit *visit, const char *name, const struct value *v)
{
    struct asl_trial *trial = visit->line->trial;
    if (trial && v)
        trial->inspection = value_with(visit->eval.arena, trial->inspection, str_z(name), v);
}

/* Returns the effective input of the state, after InputPath and Parameters or Arguments. */
static const struct value *effective_input(struct asl_visit *visit, const struct asl_state_type *type)
{
    struct asl_eval *eval = &visit->eval;
    const char *member = eval->jsonata ? "Arguments" : "Parameters";
    const struct value *input =
        eval->jsonata ? visit->raw : asl_filter(eval, visit->state, "InputPath", visit->raw);
    const struct value *template = type->parameters ? value_getz(visit->state, member) : NULL;
    if (!eval->jsonata)
        asl_record(visit, "afterInputPath", input);
    if (input && template)
        input = asl_fill(eval, template, member, input);
    if (template || (type->parameters && !eval->jsonata))
        asl_record(visit, eval->jsonata ? "afterArguments" : "afterParameters", input);
    return input;
}

/* Computes the state's output from its result. */
static const struct value *output_of(struct asl_visit *visit, const struct asl_state_type *type,
    const struct value *holder, const struct value *result)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *selector =
        type->recovers && !eval->jsonata ? value_getz(visit->state, "ResultSelector") : NULL;
    eval->result = type->recovers ? result : NULL;
    if (eval->jsonata)
        return asl_assign_and_output(visit, holder, result);
    if (asl_assign(visit, holder, result))
        return NULL;
    if (selector)
        result = asl_template(eval, selector, result);
    if (type->result)
        asl_record(visit, "afterResultSelector", result);
    if (result && type->result)
        result = asl_put_result(eval, visit->state, visit->raw, result);
    if (type->result)
        asl_record(visit, "afterResultPath", result);
    return result ? asl_filter(eval, visit->state, "OutputPath", result) : NULL;
}

static const struct value *asl_trial_work(
    struct asl_visit *visit, const struct asl_state_type *type, const struct value *input);

/* Makes one attempt: input, work, result, output. Returns NULL with eval.error, timed_out or a stopped
 * scope. */
static const struct value *asl_run_attempt(
    struct asl_visit *visit, const struct asl_state_type *type, struct str *next)
{
    const struct value *holder = visit->state, *input = effective_input(visit, type);
    visit->assigned = NULL;
    const struct value *result = !input               ? NULL
                                 : visit->line->trial ? asl_trial_work(visit, type, input)
                                                      : type->act(visit, input);
    if (result && type->chooses)
        holder = asl_choose(visit, input, next);
    result = result && holder ? within_limit(visit, output_of(visit, type, holder, result)) : NULL;
    return visit->eval.error.name.n ? NULL : result;
}

/* ---- execution of states ---- */

static void new_token(struct asl_visit *visit)
{
    struct str resource = value_gets(visit->state, "Resource");
    uint64_t random[4];
    if (!str_ends(resource, STR(".waitForTaskToken")))
        return;
    for (size_t i = 0; i < 4; i++)
        random[i] = visit->eval.host->random(visit->eval.host->ctx);
    visit->token = hex_encode(visit->eval.arena, random, sizeof random);
}

/* Adds the state to the cause of an error in the machine itself. */
static void add_location(struct asl_visit *visit)
{
    struct asl_eval *eval = &visit->eval;
    if (!eval->own || visit->line->trial)
        return;
    eval->own = false;
    eval->error.cause = arena_printf(eval->arena,
        "An error occurred while executing the state '%.*s' (entered at the event id #%lld). %.*s",
        STR_ARG(visit->name), (long long)visit->entered_event, STR_ARG(eval->error.cause));
    if (str_eqz(eval->error.name, "States.QueryEvaluationError"))
        event_evaluation_failed(visit);
}

/* States.Runtime ends the execution without an event of the state. */
static void event_failed(struct asl_visit *visit, const struct asl_state_type *type)
{
    if (type->fails && !str_eqz(visit->eval.error.name, "States.Runtime"))
        asl_event(visit->line, arena_printf(visit->eval.arena, "%sStateFailed", type->name).p, NULL, NULL);
}

static const struct value *run_attempts(
    struct asl_visit *visit, const struct asl_state_type *type, struct str *next)
{
    int counts[ASL_MAX_RETRIERS] = {0};
    for (;;) {
        visit->eval.error = (struct asl_error){.name = STR_EMPTY};
        visit->eval.unnamed = false;
        visit->eval.location = STR_EMPTY;
        visit->eval.result = NULL;
        visit->left = NULL;
        new_token(visit);
        set_context(visit);
        const struct value *output = asl_run_attempt(visit, type, next);
        add_location(visit);
        bool over = visit->timed_out || asl_stopped(visit->line->scope);
        if (output || over || !type->recovers)
            return over ? NULL : output;
        visit->left_before = NULL; /* a retry starts all branches again */
        if (asl_retry(visit, counts))
            continue;
        bool again = visit->line->trial && visit->line->trial->retriable;
        if (visit->timed_out || again || asl_stopped(visit->line->scope))
            return NULL;
        event_failed(visit, type);
        output = asl_catch(visit, next);
        add_location(visit);
        return output;
    }
}

static bool ends(const struct value *state, const struct asl_state_type *type)
{
    return type->ends || value_equal(value_getz(state, "End"), &value_true);
}

/* Executes one state. Returns its output and the next state, or NULL with eval.error, timed_out or a stopped
 * scope. */
static const struct value *asl_visit_state(struct asl_visit *visit, struct str *next, bool *end)
{
    const struct asl_state_type *type = asl_state_type(visit->state);
    if (!type) {
        asl_fail(&visit->eval, "States.Runtime", "there is no state '%.*s'", STR_ARG(visit->name));
        return NULL;
    }
    struct str type_name = str_z(type->name);
    *next = STR_EMPTY;
    visit->before_event = visit->line->event;
    if (!visit->again)
        event_entered(visit, type_name);
    visit->entered_event = visit->line->event;
    const struct value *output = run_attempts(visit, type, next);
    if (!output)
        event_aborted(visit, type);
    if (!output || asl_keep_assigned(visit))
        return NULL;
    *end = !next->n && ends(visit->state, type);
    if (!next->n && !*end)
        *next = value_gets(visit->state, "Next");
    event_exited(visit, type_name, output);
    return output;
}

static void asl_report_failure(struct arena *arena, const struct asl_visit *visit, struct asl_outcome *out)
{
    const struct asl_error *error = &visit->eval.error;
    out->status = asl_stopped(visit->line->scope) ? ASL_ABORTED
                  : visit->timed_out              ? ASL_TIMED_OUT
                                                  : ASL_FAILED;
    out->error = (struct asl_error){arena_str(arena, error->name), arena_str(arena, error->cause)};
    out->unnamed = visit->eval.unnamed;
}

/* Returns false if the state cannot begin. */
static bool asl_start_visit(struct asl_visit *visit, struct asl_line *line, struct str name)
{
    const struct asl_host *host = host_of(line);
    visit->eval.host = host;
    visit->line = line;
    visit->name = arena_str(visit->eval.arena, name);
    visit->state = value_get(value_getz(line->machine, "States"), name);
    visit->entered_ms = asl_now(line);
    visit->timed_out = line->deadline_ms && visit->entered_ms >= line->deadline_ms;
    if (host->events && line->event >= host->events)
        asl_fail(&visit->eval, "States.Runtime",
            "The execution reached the maximum number of history events (%lld).", (long long)host->events);
    return !visit->timed_out && !asl_stopped(line->scope) && !visit->eval.error.name.n;
}

/* Runs from a position; `again`: an earlier attempt had entered that state. */
static const struct value *run_from(struct arena *arena, struct asl_line *line, const struct asl_point *from,
    bool again, struct asl_outcome *out, struct asl_point *at)
{
    /* A state's memory is released after the next state, since a machine may loop for days. */
    struct arena held = ARENA_INIT;
    struct str next = from->state;
    const struct value *data = from->input;
    bool end = false;
    line->own = value_copy(&line->own_arena, from->variables);
    for (; data && !end; again = false) {
        struct arena fresh = ARENA_INIT;
        struct asl_visit visit = {
            .eval.arena = &fresh, .raw = data, .again = again, .left_before = again ? from->branches : NULL};
        struct str name = next;
        data = asl_start_visit(&visit, line, name) ? asl_visit_state(&visit, &next, &end) : NULL;
        if (!data)
            asl_report_failure(arena, &visit, out);
        if (!data && line->keeps_point)
            *at = (struct asl_point){arena_str(arena, name), value_copy(arena, visit.raw),
                value_copy(arena, line->own), value_copy(arena, visit.left)};
        data = value_copy(&fresh, data);
        next = data ? arena_str(&fresh, next) : STR_EMPTY;
        arena_release(&visit.replaced);
        arena_release(&held);
        held = fresh;
    }
    arena_release(&line->own_arena);
    line->own = NULL;
    out->event = line->event;
    out->output = data ? value_copy(arena, data) : NULL;
    if (data)
        out->status = ASL_SUCCEEDED;
    arena_release(&held);
    return out->output;
}

static struct asl_point asl_beginning(const struct asl_line *line, const struct value *input)
{
    return (struct asl_point){.state = value_gets(line->machine, "StartAt"), .input = input};
}

const struct value *asl_line_run(
    struct arena *arena, struct asl_line *line, const struct value *input, struct asl_outcome *out)
{
    const struct asl_point from = asl_beginning(line, input);
    struct asl_point at;
    return run_from(arena, line, &from, false, out, &at);
}

const struct value *asl_line_resume(struct arena *arena, struct asl_line *line, const struct asl_point *from,
    struct asl_outcome *out, struct asl_point *at)
{
    const struct asl_point start = asl_beginning(line, from->input);
    bool again = from->state.n > 0;
    return run_from(arena, line, again ? from : &start, again, out, at);
}

const struct value *asl_point_value(struct arena *arena, const struct asl_point *point)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (!point->state.n)
        return NULL;
    value_builder_set(&b, STR("state"), value_string(arena, point->state));
    value_builder_set(&b, STR("input"), point->input);
    if (point->variables)
        value_builder_set(&b, STR("variables"), point->variables);
    if (point->branches)
        value_builder_set(&b, STR("branches"), point->branches);
    return value_builder_map(&b);
}

struct asl_point asl_point_of(const struct value *value)
{
    return (struct asl_point){value_gets(value, "state"), value_getz(value, "input"),
        value_getz(value, "variables"), value_getz(value, "branches")};
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

/* Returns the line of a machine at its start. */
static struct asl_line asl_first_line(const struct asl_execution *execution, atomic_int *threads)
{
    return (struct asl_line){.execution = execution,
        .scope = execution->scope,
        .machine = execution->definition,
        .threads = threads,
        .deadline_ms = deadline(execution),
        .event = execution->event,
        .keeps_point = true};
}

void asl_run(struct arena *arena, const struct asl_execution *execution, struct asl_outcome *out)
{
    atomic_int threads = execution->host->threads;
    struct asl_line line = asl_first_line(execution, &threads);
    struct asl_point from = execution->from;
    if (!from.state.n)
        from.input = execution->input;
    *out = (struct asl_outcome){.status = ASL_FAILED};
    asl_line_resume(arena, &line, &from, out, &out->at);
}

/* ---- test of one state ---- */

/* Records the items and limits of a Map. Returns false with eval->error. */
static bool inspect_map(struct asl_visit *visit, const struct value *input)
{
    static const char *const limits[] = {"ToleratedFailureCount", "ToleratedFailurePercentage"};
    struct asl_eval *eval = &visit->eval;
    struct asl_trial *trial = visit->line->trial;
    int64_t at_a_time = 0, tolerated = 0;
    const struct value *items = value_getz(visit->state, "ItemReader") ? NULL : asl_items(visit, input);
    if (eval->error.name.n)
        return false;
    if (value_getz(visit->state, "ItemsPath"))
        asl_record(visit, "afterItemsPath", items);
    asl_number(visit, "MaxConcurrency", input, &at_a_time);
    asl_record(visit, "maxConcurrency", value_int(eval->arena, at_a_time));
    for (size_t i = 0; i < 2; i++)
        if (asl_number(visit, limits[i], input, &tolerated))
            asl_record(visit, i ? "toleratedFailurePercentage" : "toleratedFailureCount",
                value_int(eval->arena, tolerated));
    tolerated = 0;
    asl_number(visit, limits[0], input, &tolerated);
    if (trial->failures > tolerated && !trial->error && !eval->error.name.n)
        eval->error = (struct asl_error){STR("States.ExceedToleratedFailureThreshold"),
            STR("The specified tolerated failure threshold was exceeded")};
    return !eval->error.name.n;
}

/* Returns the mocked result or error, or executes the state if there is none. Returns NULL with
 * eval->error. */
static const struct value *asl_trial_work(
    struct asl_visit *visit, const struct asl_state_type *type, const struct value *input)
{
    struct asl_trial *trial = visit->line->trial;
    if (type->fails && str_eqz(str_z(type->name), "Map") && (trial->result || trial->error) &&
        !inspect_map(visit, input))
        return NULL;
    if (trial->error) {
        visit->eval.error = *trial->error;
        return NULL;
    }
    const struct value *result = trial->result ? trial->result : type->act(visit, input);
    if (type->result)
        asl_record(visit, "result", result);
    return result;
}

/* Removes inspection data that the service does not return for the state's type. */
static void trial_hide(struct asl_visit *visit)
{
    static const struct {
        const char *type, *names[3];
    } hidden[] = {
        {"Parallel", {"afterInputPath", "afterParameters", "result"}},
        {"Map", {"afterParameters", "result"}},
    };
    struct asl_trial *trial = visit->line->trial;
    struct str type = value_gets(visit->state, "Type");
    bool pass = str_eqz(type, "Pass"), given = value_getz(visit->state, "Result") != NULL;
    const char *const of_pass[] = {
        given ? "afterInputPath" : "result", given ? "afterParameters" : "result", NULL};
    for (size_t i = 0; i < 3 && trial->inspection; i++) {
        const char *name = pass ? of_pass[i] : NULL;
        for (size_t k = 0; k < sizeof hidden / sizeof *hidden; k++)
            if (str_eqz(type, hidden[k].type))
                name = hidden[k].names[i];
        if (name && value_getz(trial->inspection, name))
            trial->inspection = value_with(visit->eval.arena, trial->inspection, str_z(name), NULL);
    }
}

void asl_try(struct arena *arena, const struct asl_execution *execution, struct asl_trial *trial,
    struct asl_outcome *out)
{
    atomic_int threads = execution->host->threads;
    struct asl_line line = asl_first_line(execution, &threads);
    struct asl_visit visit = {.eval.arena = arena, .raw = execution->from.input};
    bool end;
    line.trial = trial;
    line.outer = trial->variables;
    visit.retries = (int)trial->retries;
    *out = (struct asl_outcome){.status = ASL_FAILED};
    trial->inspection = &value_empty_map;
    asl_record(&(struct asl_visit){.line = &line, .eval.arena = arena}, "input", execution->from.input);
    const struct value *output = asl_start_visit(&visit, &line, execution->from.state)
                                     ? asl_visit_state(&visit, &trial->next, &end)
                                     : NULL;
    if (visit.assigned)
        asl_record(&visit, "variables", visit.assigned);
    trial_hide(&visit);
    if (output)
        out->status = ASL_SUCCEEDED;
    else
        asl_report_failure(arena, &visit, out);
    if (!trial->caught)
        trial->failed = out->error;
    out->output = value_copy(arena, output);
    arena_release(&visit.replaced);
    arena_release(&line.own_arena);
}
