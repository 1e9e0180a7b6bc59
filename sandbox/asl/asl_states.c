/* The state types, comparisons of a Choice, and Retry and Catch. */
#include "base/clock.h"
#include "base/json.h"
#include "base/match.h"
#include "sandbox/asl/asl_internal.h"

/* ---- comparisons of a Choice state ---- */

static bool is_time(const struct value *v, int64_t *ms)
{
    return v->kind == VALUE_STRING && time_parse_rfc3339(v->string, ms);
}

static bool test(const char *type, const struct value *v)
{
    int64_t ms;
    switch (type[2]) {
    case 'P': return v != NULL;
    case 'S': return v && v->kind == VALUE_STRING;
    case 'B': return v && v->kind == VALUE_BOOL;
    case 'T': return v && is_time(v, &ms);
    default: return v && (str_eqz(str_z(type), "IsNull") ? v->kind == VALUE_NULL : value_is_number(v));
    }
}

/* Returns false unless both values have the type. */
static bool order_of(const char *type, const struct value *a, const struct value *b, int *order)
{
    int64_t x, y;
    switch (type[0]) {
    case 'S':
        if (a->kind != VALUE_STRING || b->kind != VALUE_STRING)
            return false;
        break;
    case 'N':
        if (!value_is_number(a) || !value_is_number(b))
            return false;
        break;
    case 'B':
        if (a->kind != VALUE_BOOL || b->kind != VALUE_BOOL)
            return false;
        break;
    default:
        if (!is_time(a, &x) || !is_time(b, &y))
            return false;
        *order = (x > y) - (x < y);
        return true;
    }
    *order = value_compare(a, b);
    return true;
}

static bool compare_values(
    const char *type, enum asl_compare compare, const struct value *a, const struct value *b)
{
    int order;
    if (compare == ASL_MATCHES)
        return a->kind == VALUE_STRING && b->kind == VALUE_STRING &&
               wildcard_match(b->string, a->string, '*', 0, WILDCARD_ESCAPES);
    if (!order_of(type, a, b, &order))
        return false;
    switch (compare) {
    case ASL_EQUALS: return order == 0;
    case ASL_LESS: return order < 0;
    case ASL_LESS_EQUALS: return order <= 0;
    case ASL_GREATER: return order > 0;
    case ASL_GREATER_EQUALS: return order >= 0;
    case ASL_MATCHES:
    case ASL_IS: break;
    }
    return false;
}

static const struct value *asl_choice_resolve(
    struct asl_eval *eval, struct str path, const struct value *input)
{
    const char *why;
    const struct value *found = asl_resolve(eval, path, input, &why);
    if (!found)
        asl_fail(eval, "States.Runtime",
            "Invalid path '%.*s': The choice state's condition path references an invalid value.",
            STR_ARG(path));
    return found;
}

static bool holds_comparison(struct asl_eval *eval, const struct value *rule, const struct value *input)
{
    struct str variable = value_gets(rule, "Variable");
    const char *type = NULL, *why;
    enum asl_compare compare = ASL_IS;
    bool path = false;
    const struct value *wanted = NULL;
    for (uint32_t i = 0; i < rule->count && !wanted; i++)
        if (asl_operator(rule->entries[i].key, &type, &compare, &path))
            wanted = rule->entries[i].value;
    if (!wanted) {
        asl_fail(eval, "States.Runtime", "A choice rule has no comparison.");
        return false;
    }
    if (compare == ASL_IS) {
        const struct value *v = asl_resolve(eval, variable, input, &why);
        if (!v && !str_eqz(str_z(type), "IsPresent"))
            asl_choice_resolve(eval, variable, input);
        return wanted->kind == VALUE_BOOL && test(type, v) == wanted->boolean;
    }
    const struct value *v = asl_choice_resolve(eval, variable, input);
    if (v && path)
        wanted = asl_choice_resolve(eval, value_text(wanted, STR_EMPTY), input);
    return v && wanted && compare_values(type, compare, v, wanted);
}

/* True if a JSONPath choice rule matches. Returns false with eval->error if a path resolves to nothing. */
static bool asl_choice_holds(struct asl_eval *eval, const struct value *rule, const struct value *input)
{
    const struct value *all = value_getz(rule, "And"), *any = value_getz(rule, "Or"),
                       *not = value_getz(rule, "Not");
    const struct value *list = all ? all : any;
    if (not )
        return !asl_choice_holds(eval, not, input) && !eval->error.name.n;
    if (!list || list->kind != VALUE_LIST)
        return rule->kind == VALUE_MAP && holds_comparison(eval, rule, input);
    for (uint32_t i = 0; i < list->count; i++) {
        bool one = asl_choice_holds(eval, list->items[i], input);
        if (eval->error.name.n)
            return false;
        if (one == !all)
            return one;
    }
    return all != NULL;
}

/* ---- Retry and Catch ---- */

/* True if ErrorEquals matches the error. States.Runtime is never caught. */
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

static double rule_number(const struct value *rule, const char *member, double fallback)
{
    const struct value *v = value_getz(rule, member);
    return value_is_number(v) ? value_number(v) : fallback;
}

/* Returns the delay before the retry `nth` (from 0). */
static int64_t backoff_ms(struct asl_visit *visit, const struct value *rule, int nth)
{
    double s = rule_number(rule, "IntervalSeconds", 1), rate = rule_number(rule, "BackoffRate", 2);
    double max = rule_number(rule, "MaxDelaySeconds", 31622400);
    for (int i = 0; i < nth && s < max; i++)
        s *= rate;
    int64_t ms = int_within((s < max ? s : max) * 1000);
    if (ms > 0 && str_eqz(value_gets(rule, "JitterStrategy"), "FULL"))
        ms = (int64_t)(visit->eval.host->random(visit->eval.host->ctx) % ((uint64_t)ms + 1));
    return ms;
}

bool asl_retry(struct asl_visit *visit, int counts[ASL_MAX_RETRIERS])
{
    const struct value *rules = value_getz(visit->state, "Retry");
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count && i < ASL_MAX_RETRIERS;
         i++) {
        if (!names_error(rules->items[i], visit->eval.error.name))
            continue;
        if (visit->line->trial)
            counts[i] = (int)visit->line->trial->retries;
        if (counts[i] >= rule_number(rules->items[i], "MaxAttempts", 3))
            return false;
        int64_t ms = backoff_ms(visit, rules->items[i], counts[i]++);
        if (visit->line->trial) {
            visit->line->trial->retriable = true;
            visit->line->trial->rule = (int)i;
            visit->line->trial->backoff_s = ms / 1000;
            return false;
        }
        visit->retries++;
        return asl_wait(visit, ms);
    }
    return false;
}

const struct value *asl_catch(struct asl_visit *visit, struct str *next)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *rules = value_getz(visit->state, "Catch");
    if (visit->line->trial)
        visit->line->trial->failed = eval->error;
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count; i++) {
        if (!names_error(rules->items[i], eval->error.name))
            continue;
        struct value_entry what[] = {{STR("Error"), value_string(eval->arena, eval->error.name)},
            {STR("Cause"), value_string(eval->arena, eval->error.cause)}};
        *next = value_gets(rules->items[i], "Next");
        if (visit->line->trial) {
            visit->line->trial->caught = true;
            visit->line->trial->rule = (int)i;
        }
        eval->error = (struct asl_error){.name = STR_EMPTY};
        eval->unnamed = false;
        visit->assigned = NULL;
        eval->result = NULL;
        eval->error_output = value_map(eval->arena, what, 2);
        return asl_assign_and_output(visit, rules->items[i], eval->error_output);
    }
    return NULL;
}

/* The service's messages for Seconds differ from those for other fields. */
static void number_wrong(
    struct asl_visit *visit, const char *member, const struct value *path, const struct value *v)
{
    struct asl_eval *eval = &visit->eval;
    bool negative = v->kind == VALUE_INT && v->integer < 0, seconds = !strcmp(member, "Seconds");
    struct str at = value_text(path, STR_EMPTY), text = asl_text(eval->arena, v);
    if (path && seconds)
        asl_fail(eval, "States.Runtime", "The SecondsPath parameter %s: %.*s == %.*s",
            negative ? "references a negative value" : "cannot be parsed as a long value", STR_ARG(at),
            STR_ARG(text));
    else if (negative)
        asl_fail(eval, "States.Runtime", "%s cannot be negative.", member);
    else if (path && v->kind != VALUE_INT)
        asl_fail(eval, "States.Runtime",
            "The %sPath field refers to value \"%.*s\" which is not a valid integer: %.*s", member,
            STR_ARG(text), STR_ARG(at));
    else
        asl_fail(eval, "States.Runtime", "%s is not a whole number from 0 to 99999999", member);
}

/* MaxConcurrency and MaxItems accept any integer: out of range means no limit. */
static bool is_number(const char *member, const struct value *v)
{
    bool counts = !strcmp(member, "MaxConcurrency") || !strcmp(member, "MaxItems");
    return v->kind == VALUE_INT && (counts || (v->integer >= 0 && v->integer <= 99999999));
}

bool asl_number(struct asl_visit *visit, const char *member, const struct value *input, int64_t *out)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *v = value_getz(visit->state, member);
    const struct value *path =
        v ? NULL : value_get(visit->state, arena_printf(eval->arena, "%sPath", member));
    if (v && eval->jsonata)
        v = asl_jsonata_as(eval, v, member, "number");
    else if (path)
        v = asl_find(eval, value_text(path, STR_EMPTY), input);
    if (!v)
        return false;
    if (is_number(member, v))
        *out = v->integer;
    else
        number_wrong(visit, member, path, v);
    return !eval->error.name.n;
}

/* ---- states ---- */

static const struct value *act_pass(struct asl_visit *visit, const struct value *input UNUSED)
{
    const struct value *result = value_getz(visit->state, "Result");
    return result ? result : input;
}

static void timestamp_wrong(struct asl_eval *eval, const struct value *path, const struct value *at)
{
    static const char what[] = "ISO-8601 extended offset date-time format string";
    struct str text = asl_text(eval->arena, at);
    eval->location = STR("Timestamp");
    if (path)
        asl_fail(eval, "States.Runtime",
            "The TimestampPath parameter does not reference a valid %s: %.*s == %.*s", what,
            STR_ARG(value_text(path, STR_EMPTY)), STR_ARG(text));
    else
        asl_fail(eval, eval->jsonata ? "States.QueryEvaluationError" : "States.Runtime",
            "The Timestamp field cannot be parsed as an %s: %.*s", what, STR_ARG(text));
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
        at = asl_find(eval, value_text(path, STR_EMPTY), input);
    else if (eval->jsonata)
        at = asl_jsonata_as(eval, at, "Timestamp", "string");
    if (!at)
        return false;
    if (at->kind != VALUE_STRING || !time_parse_rfc3339(at->string, &when)) {
        timestamp_wrong(eval, path, at);
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
        /* cppcheck-suppress returnDanglingLifetime; allocated in the arena */
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

/* Evaluates Error or ErrorPath, Cause or CausePath. */
static struct str asl_states_text_of(struct asl_visit *visit, const char *member)
{
    struct asl_eval *eval = &visit->eval;
    const struct value *v = value_getz(visit->state, member);
    const struct value *path = value_get(visit->state, arena_printf(eval->arena, "%sPath", member));
    if (eval->jsonata)
        v = asl_jsonata_as(eval, v, member, "string");
    if (path)
        v = asl_find_field(
            eval, arena_printf(eval->arena, "%sPath", member), value_text(path, STR_EMPTY), visit->raw);
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
    return input; /* asl_choose() selects the next state */
}

static const struct asl_state_type state_types[] = {
    {"Task", act_task, .parameters = true, .result = true, .recovers = true, .aborts = true},
    {"Parallel", asl_parallel, .parameters = true, .result = true, .recovers = true, .aborts = true,
        .fails = true},
    /* asl_item() applies Parameters to each item */
    {"Map", asl_map, .result = true, .recovers = true, .aborts = true, .fails = true},
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

static bool rule_holds(
    struct asl_visit *visit, uint32_t i, const struct value *rule, const struct value *input)
{
    struct asl_eval *eval = &visit->eval;
    if (!eval->jsonata)
        return asl_choice_holds(eval, rule, input);
    const char *field = arena_printf(eval->arena, "Choices[%u]/Condition", i).p;
    const struct value *holds = asl_jsonata_as(eval, value_getz(rule, "Condition"), field, "boolean");
    return holds && holds->boolean;
}

const struct value *asl_choose(struct asl_visit *visit, const struct value *input, struct str *next)
{
    const struct value *rules = value_getz(visit->state, "Choices");
    for (uint32_t i = 0; rules && rules->kind == VALUE_LIST && i < rules->count; i++) {
        bool holds = rule_holds(visit, i, rules->items[i], input);
        if (visit->eval.error.name.n)
            return NULL;
        *next = value_gets(rules->items[i], "Next");
        if (holds)
            return rules->items[i];
    }
    *next = value_gets(visit->state, "Default");
    if (next->n)
        return visit->state;
    asl_fail(&visit->eval, "States.NoChoiceMatched",
        "No choice rule holds in state '%.*s', and it has no Default", STR_ARG(visit->name));
    return NULL;
}
