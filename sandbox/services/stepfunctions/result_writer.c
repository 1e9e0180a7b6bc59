/* ResultWriter of distributed Maps: what became of each execution, and a manifest of the files. */
#include "base/clock.h"
#include "base/json.h"
#include "sandbox/http/session.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/stepfunctions/executions.h"

struct writer {
    struct execution *execution;
    struct arena *arena;
    struct str bucket, folder;
    bool lines;            /* JSONL */
    const char *transform; /* NONE, COMPACT, FLATTEN */
    struct err *err;
};

/* ---- one execution ---- */

static const struct value *executions_results_described(
    const struct writer *w, const struct asl_map_result *result)
{
    static const char *const statuses[] = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};
    struct arena *arena = w->arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    struct value_entry included = {STR("Included"), &value_true};
    value_builder_set(&b, STR("ExecutionArn"), value_string(arena, result->arn));
    value_builder_set(&b, STR("Name"), value_string(arena, result->name));
    value_builder_set(&b, STR("StateMachineArn"), value_string(arena, w->execution->machine));
    value_builder_set(&b, STR("Status"), value_stringz(arena, statuses[result->status]));
    value_builder_set(&b, STR("StartDate"), value_string(arena, time_rfc3339(arena, result->start_ms, true)));
    value_builder_set(&b, STR("StopDate"), value_string(arena, time_rfc3339(arena, result->stop_ms, true)));
    value_builder_set(&b, STR("Input"), json_as_text(arena, result->input));
    value_builder_set(&b, STR("InputDetails"), value_map(arena, &included, 1));
    if (result->output) {
        value_builder_set(&b, STR("Output"), json_as_text(arena, result->output));
        value_builder_set(&b, STR("OutputDetails"), value_map(arena, &included, 1));
    } else {
        value_builder_set(&b, STR("Error"), value_string(arena, result->error.name));
        value_builder_set(&b, STR("Cause"), value_string(arena, result->error.cause));
    }
    return value_builder_map(&b);
}

static void add_result(const struct writer *w, struct value_builder *b, const struct asl_map_result *result)
{
    const struct value *output = result->output;
    if (str_eqz(str_z(w->transform), "NONE") || !output)
        value_builder_add(b, executions_results_described(w, result));
    else if (str_eqz(str_z(w->transform), "FLATTEN") && output->kind == VALUE_LIST)
        for (uint32_t i = 0; i < output->count; i++)
            value_builder_add(b, output->items[i]);
    else
        value_builder_add(b, output);
}

/* ---- files ---- */

static int write_object(const struct writer *w, struct str key, struct str text)
{
    struct str etag;
    struct services *services = w->execution->all->services;
    const struct session role = services_role_session(w->execution->role, w->execution->name);
    return object_may(services, &role, w->arena, "s3:PutObject", w->bucket, key, w->err) ||
                   object_write(services, &role, w->arena, w->bucket, key, text, STR("application/json"),
                       &etag, w->err)
               ? -1
               : 0;
}

/* A file of those that ended one way, as the manifest has it: a list of one, or none. */
static const struct value *write_file(
    const struct writer *w, const char *name, const struct asl_map_result *results, size_t n, bool good)
{
    struct arena *arena = w->arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    AUTO_BUF struct buf text = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        if (results[i].status != ASL_ABORTED && good == (results[i].status == ASL_SUCCEEDED))
            add_result(w, &b, &results[i]);
    if (!b.n)
        return &value_empty_list;
    const struct value *list = value_builder_list(&b);
    for (uint32_t i = 0; w->lines && i < list->count; i++) {
        json_write(&text, list->items[i], JSON_PLAIN);
        buf_add_char(&text, '\n');
    }
    if (!w->lines)
        json_write(&text, list, JSON_PLAIN);
    struct str key =
        arena_printf(arena, "%.*s/%s_0.%s", STR_ARG(w->folder), name, w->lines ? "jsonl" : "json");
    if (write_object(w, key, buf_str(&text)))
        return NULL;
    const struct value *one = VALUE_MAP(
        arena, {STR("Key"), value_string(arena, key)}, {STR("Size"), value_int(arena, (int64_t)text.n)});
    return value_list(arena, &one, 1);
}

static const struct value *write_all(
    const struct writer *w, const struct asl_map_run *run, const struct asl_map_result *results, size_t n)
{
    struct arena *arena = w->arena;
    const struct value *good = write_file(w, "SUCCEEDED", results, n, true),
                       *bad = good ? write_file(w, "FAILED", results, n, false) : NULL;
    if (!bad)
        return NULL;
    struct value_entry files[] = {
        {STR("FAILED"), bad}, {STR("PENDING"), &value_empty_list}, {STR("SUCCEEDED"), good}};
    struct value_entry manifest[] = {{STR("DestinationBucket"), value_string(arena, w->bucket)},
        {STR("MapRunArn"), value_string(arena, run->arn)}, {STR("ResultFiles"), value_map(arena, files, 3)}};
    struct str key = arena_printf(arena, "%.*s/manifest.json", STR_ARG(w->folder));
    const struct value *text = json_as_text(arena, value_map(arena, manifest, 3));
    if (write_object(w, key, text->string))
        return NULL;
    struct value_entry details[] = {
        {STR("Bucket"), value_string(arena, w->bucket)}, {STR("Key"), value_string(arena, key)}};
    return value_map(arena, details, 2);
}

const struct value *execution_write_results(struct execution *execution, struct arena *arena,
    const struct asl_map_run *run, const struct value *writer, const struct asl_map_result *results, size_t n,
    struct asl_error *error)
{
    const struct value *to = value_getz(writer, "Parameters"), *config = value_getz(writer, "WriterConfig");
    struct err err = ERR_INIT;
    struct str prefix = value_gets(to, "Prefix"), name = run->arn,
               shape = value_gets(config, "Transformation");
    for (ptrdiff_t at; (at = str_find_char(name, ':', 0)) >= 0;)
        name = str_slice(name, (size_t)at + 1, name.n);
    while (str_ends(prefix, STR("/")))
        prefix = str_slice(prefix, 0, prefix.n - 1);
    const struct writer w = {.execution = execution,
        .arena = arena,
        .bucket = value_gets(to, "Bucket"),
        .folder = arena_printf(arena, "%.*s%s%.*s", STR_ARG(prefix), prefix.n ? "/" : "", STR_ARG(name)),
        .lines = str_eqz(value_gets(config, "OutputType"), "JSONL"),
        .transform = shape.n ? arena_strz(arena, shape) : "NONE",
        .err = &err};
    const struct value *details = write_all(&w, run, results, n);
    if (!details)
        *error = (struct asl_error){STR("States.ResultWriterFailed"), arena_str(arena, str_z(err.message))};
    return details;
}
