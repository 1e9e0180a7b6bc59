/*
 * TestState, which runs a single state, with or without a mocked result or error; and the evaluation of
 * JSONata.
 */
#include "base/clock.h"
#include "base/embed.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "provider/notation/asl_check.h"
#include "sandbox/engine/script.h"
#include "sandbox/services/shared/tables.h"
#include "sandbox/services/stepfunctions/executions.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- JSONata: a Python program (engine/python/weir_jsonata.py) that answers each line of JSON with another.
 * It is started for the first expression and runs until the sandbox ends. If it ends or does not answer in
 * time, it is started again. */

enum {
    PATIENCE_MS = 60000,
    MAX_ANSWER = 64 * 1024 * 1024,
    NO_PACKAGE = 3 /* exit status if the package is missing */
};

static const char no_package[] =
    "the sandbox evaluates JSONata where python3 has the package jsonata-python (pip "
    "install jsonata-python, or tools/setup jobs in a checkout of weir)";

struct jsonata {
    pthread_mutex_t lock; /* guards all members: one expression at a time */
    pid_t pid;            /* 0: not running */
    int fd;
};

struct jsonata *jsonata_new(void)
{
    struct jsonata *j = mem_zalloc(sizeof *j);
    pthread_mutex_init(&j->lock, NULL);
    j->fd = -1;
    return j;
}

/* Ends the program and returns why there was no response. */
static const char *jsonata_end(struct jsonata *j)
{
    int status = 0;
    bool ran = j->pid > 0;
    bool gone = ran && waitpid(j->pid, &status, WNOHANG) == j->pid;
    fd_close_ptr(&j->fd);
    if (ran && !gone) {
        kill(j->pid, SIGKILL);
        while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    j->pid = 0;
    return !ran || (WIFEXITED(status) && WEXITSTATUS(status) == NO_PACKAGE)
               ? no_package
               : "the program that evaluates JSONata ended without an answer";
}

void jsonata_free(struct jsonata *j)
{
    jsonata_end(j);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* The program's error messages go to the sandbox's stderr. */
static int jsonata_start(struct jsonata *j, struct arena *arena)
{
    int ends[2];
    const char *python = installed_program(arena, "python3", NULL), *home = getenv("HOME");
    const struct embedded_file *file = embedded_find(STR("sandbox/engine/python/weir_jsonata.py"));
    if (!python || system_pair(ends, 0))
        return -1;
    const char *args[] = {python, "-c", arena_strz(arena, embedded_text(file)), NULL};
    const char *env[] = {arena_printf(arena, "PATH=%s", installed_path()).p,
        arena_printf(arena, "HOME=%s", home ? home : "/").p, "PYTHONDONTWRITEBYTECODE=1", NULL};
    const struct spawn spawn = {.args = (char *const *)args,
        .env = (char *const *)env,
        .dir = "/",
        .in = ends[1],
        .out = ends[1],
        .error = STDERR_FILENO,
        .apart = SPAWN_GROUP};
    int failed = spawn_program(&spawn, &j->pid);
    close(ends[1]);
    j->fd = ends[0];
    if (failed)
        j->pid = 0;
    return failed ? -1 : 0;
}

static int jsonata_send(struct jsonata *j, const struct value *request)
{
    AUTO_BUF struct buf line = BUF_INIT;
    json_write(&line, request, JSON_PLAIN);
    buf_add_char(&line, '\n');
    for (size_t at = 0; at < line.n;) {
        ssize_t n = send(j->fd, line.p + at, line.n - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int jsonata_hear(struct jsonata *j, struct buf *out)
{
    char bytes[65536];
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    while (!out->n || out->p[out->n - 1] != '\n') {
        struct pollfd ready = {.fd = j->fd, .events = POLLIN};
        int64_t left = deadline - clock_mono_ms();
        ssize_t n = left > 0 && poll(&ready, 1, (int)left) > 0 ? recv(j->fd, bytes, sizeof bytes, 0) : 0;
        if (n <= 0 || out->overflow)
            return -1;
        buf_add(out, bytes, (size_t)n);
    }
    return 0;
}

const struct value *jsonata_evaluate(
    struct jsonata *j, struct arena *arena, const struct value *request, struct str *why)
{
    struct buf answer = {.max = MAX_ANSWER};
    struct err err = ERR_INIT;
    const struct value *found = NULL;
    pthread_mutex_lock(&j->lock);
    bool started = j->pid || !jsonata_start(j, arena);
    bool heard = started && !jsonata_send(j, request) && !jsonata_hear(j, &answer);
    *why = heard ? STR_EMPTY : str_z(jsonata_end(j));
    pthread_mutex_unlock(&j->lock);
    if (heard && json_parse(arena, buf_str(&answer), &found, &err))
        *why = arena_printf(arena, "%s", err.message);
    buf_release(&answer);
    return found;
}

#define ALONE "StateName"

struct test {
    struct service_call *call;
    const struct value *definition; /* of a machine with the state */
    const struct value *state, *input, *context;
    struct str name;
    struct asl_trial trial;
    struct asl_error mocked;
};

/* ---- the request ---- */

static int test_json(struct test *t, const char *member, const struct value **out, struct err *err)
{
    struct str text = value_gets(t->call->input, member);
    struct err why = ERR_INIT;
    if (!text.n || !json_parse(t->call->arena, text, out, &why))
        return 0;
    return service_refuse(err, 400,
        str_eqz(str_z(member), "input") ? "InvalidExecutionInput" : "ValidationException",
        "%s is not valid JSON: %s", member, why.message);
}

/* Finds a state in a machine, including branches and processors of its states; *in is the machine that has
 * it. */
static const struct value *find_state(const struct value *machine, struct str name, const struct value **in)
{
    const struct value *states = value_getz(machine, "States"), *found = value_get(states, name);
    *in = machine;
    for (uint32_t i = 0; !found && states && states->kind == VALUE_MAP && i < states->count; i++) {
        const struct value *state = states->entries[i].value, *branches = value_getz(state, "Branches");
        const struct value *processor = asl_processor(state);
        if (processor)
            found = find_state(processor, name, in);
        for (uint32_t k = 0; !found && branches && branches->kind == VALUE_LIST && k < branches->count; k++)
            found = find_state(branches->items[k], name, in);
    }
    return found;
}

/* Transitions are not checked: the states that they lead to are missing. */
static int test_definition_wrong(struct test *t, struct err *err)
{
    struct asl_diags diags = {.arena = t->call->arena, .interpreted = true};
    int status = 0;
    asl_validate(t->definition, &diags);
    for (size_t i = 0; i < diags.n && !status; i++)
        if (!str_eqz(diags.items[i].code, "MISSING_TRANSITION_TARGET") &&
            !str_eqz(diags.items[i].code, "MISSING_END_STATE"))
            status = service_refuse(err, 400, "InvalidDefinition",
                "Invalid State Machine Definition: '%.*s: %.*s at %.*s'", STR_ARG(diags.items[i].code),
                STR_ARG(diags.items[i].message), STR_ARG(diags.items[i].location));
    asl_diags_release(&diags);
    return status;
}

static int find_definition(struct test *t, struct err *err)
{
    struct arena *arena = t->call->arena;
    const struct value *given = NULL, *in = NULL;
    struct str text;
    t->name = value_gets(t->call->input, "stateName");
    if (service_required(t->call, "definition", &text, err) || test_json(t, "definition", &given, err))
        return -1;
    bool machine = value_getz(given, "States") != NULL;
    if (!t->name.n || !machine) {
        t->name = t->name.n ? t->name : STR(ALONE);
        struct value_entry state = {t->name, given};
        given = VALUE_MAP(arena, {STR("StartAt"), value_string(arena, t->name)},
            {STR("States"), value_map(arena, &state, 1)});
    }
    t->definition = given;
    t->state = find_state(given, t->name, &in);
    if (!t->state)
        return service_refuse(err, 400, "ValidationException", "State not found in definition");
    if (test_definition_wrong(t, err))
        return -1;
    const struct value *language = value_getz(given, "QueryLanguage");
    t->definition = language && in != given ? value_with(arena, in, STR("QueryLanguage"), language) : in;
    return 0;
}

/* ---- mocks ---- */

static int check_mocked_result(struct test *t, struct str type, struct err *err)
{
    const struct value *result = t->trial.result, *branches = value_getz(t->state, "Branches");
    bool parallel = str_eqz(type, "Parallel"), map = str_eqz(type, "Map");
    bool writes = value_getz(t->state, "ResultWriter") != NULL;
    if (map && writes && result->kind != VALUE_MAP)
        return service_refuse(err, 400, "ValidationException", "Mocked result must be a JSON object.");
    if ((parallel || (map && !writes)) && result->kind != VALUE_LIST)
        return service_refuse(err, 400, "ValidationException", "Mocked result must be an array.");
    if (parallel && result->count != branches->count)
        return service_refuse(err, 400, "ValidationException",
            "Mocked result must contain the same number of items as number of Parallel branches.");
    if (map && !writes && t->trial.failures > result->count)
        return service_refuse(err, 400, "ValidationException",
            "Map iteration failure count must be less than or equal to the number of Map iterations");
    return 0;
}

static int test_mock(struct test *t, struct err *err)
{
    struct service_call *call = t->call;
    struct str type = value_gets(t->state, "Type");
    const struct value *mock = value_getz(call->input, "mock"), *result = value_getz(mock, "result"),
                       *error = value_getz(mock, "errorOutput");
    bool many = str_eqz(type, "Map") || str_eqz(type, "Parallel");
    if (!mock && many)
        return service_refuse(err, 400, "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]");
    if (!mock && t->trial.failures)
        return service_refuse(err, 400, "ValidationException",
            "TestState does not support MapIterationFailureCount when a mock is not specified.");
    if (!mock)
        return 0;
    if (!many && !str_eqz(type, "Task"))
        return service_refuse(err, 400, "ValidationException",
            "State type '%.*s' is not supported when a mock is specified", STR_ARG(type));
    if (result && error)
        return service_refuse(err, 400, "ValidationException",
            "A test mock should have only one of the following fields: [result, errorOutput].");
    if (value_equal(value_getz(call->input, "revealSecrets"), &value_true))
        return service_refuse(err, 400, "ValidationException",
            "TestState does not support RevealSecrets when a mock is specified.");
    if (error) {
        t->mocked = (struct asl_error){value_gets(error, "error"), value_gets(error, "cause")};
        t->trial.error = &t->mocked;
    }
    if (result && json_parse(call->arena, value_text(result, STR_EMPTY), &t->trial.result, ERR_IGNORED))
        return service_refuse(err, 400, "ValidationException", "Mocked result must be valid JSON");
    return result ? check_mocked_result(t, type, err) : 0;
}

/* ---- the response ---- */

/* Data is returned as text, numbers as they are. */
static const struct value *inspection(struct test *t)
{
    struct arena *arena = t->call->arena;
    const struct asl_trial *trial = &t->trial;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena), error = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < trial->inspection->count; i++) {
        struct str name = trial->inspection->entries[i].key;
        const struct value *v = trial->inspection->entries[i].value;
        bool number = str_starts(name, STR("tolerated")) || str_eqz(name, "maxConcurrency");
        value_builder_set(&b, name, number ? v : json_as_text(arena, v));
    }
    if (trial->caught)
        value_builder_set(&error, STR("catchIndex"), value_int(arena, trial->rule));
    if (trial->retriable) {
        value_builder_set(&error, STR("retryIndex"), value_int(arena, trial->rule));
        value_builder_set(&error, STR("retryBackoffIntervalSeconds"), value_int(arena, trial->backoff_s));
    }
    if (error.n)
        value_builder_set(&b, STR("errorDetails"), value_builder_map(&error));
    return value_builder_map(&b);
}

static void answer_end(struct test *t, const struct asl_outcome *outcome)
{
    struct service_call *call = t->call;
    const struct asl_trial *trial = &t->trial;
    struct str level = value_text(value_getz(call->input, "inspectionLevel"), STR("INFO"));
    const char *status = trial->retriable                   ? "RETRIABLE"
                         : trial->caught                    ? "CAUGHT_ERROR"
                         : outcome->status == ASL_SUCCEEDED ? "SUCCEEDED"
                                                            : "FAILED";
    service_answer(call, "status", value_stringz(call->arena, status));
    if (outcome->output)
        service_answer(call, "output", json_as_text(call->arena, outcome->output));
    if (trial->failed.name.n && !outcome->unnamed)
        service_answer_text(call, "error", trial->failed.name);
    if (trial->failed.cause.n)
        service_answer_text(call, "cause", trial->failed.cause);
    if (trial->next.n && outcome->output)
        service_answer_text(call, "nextState", trial->next);
    if (!str_eqz(level, "INFO"))
        service_answer(call, "inspectionData", inspection(t));
}

/* ---- TestState ---- */

static int read_request(struct test *t, struct err *err)
{
    struct service_call *call = t->call;
    const struct value *settings = value_getz(call->input, "stateConfiguration");
    t->input = &value_empty_map;
    t->trial.retries = service_int(settings, "retrierRetryCount", 0);
    t->trial.failures = service_int(settings, "mapIterationFailureCount", 0);
    if (find_definition(t, err) || test_json(t, "input", &t->input, err) ||
        test_json(t, "context", &t->context, err) || test_json(t, "variables", &t->trial.variables, err) ||
        test_mock(t, err))
        return -1;
    bool mocked = t->trial.result || t->trial.error;
    if (str_eqz(value_gets(t->state, "Type"), "Task") && !mocked && !value_gets(call->input, "roleArn").n)
        return service_refuse(
            err, 400, "ValidationException", "RoleArn must be specified when testing a Task state");
    return 0;
}

int do_test_state(struct service_call *call, struct err *err)
{
    struct test t = {.call = call};
    struct asl_outcome outcome;
    if (read_request(&t, err))
        return -1;
    const struct execution_trial what = {.definition = t.definition,
        .state = t.name,
        .input = t.input,
        .context = t.context,
        .role = value_gets(call->input, "roleArn")};
    execution_try(services_executions(call->services), call, &what, &t.trial, &outcome);
    answer_end(&t, &outcome);
    return 0;
}
