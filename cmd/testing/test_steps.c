/* `run:` of a test: starts jobs in the sandbox and compares their results. */
#include "cmd/run/jobs.h"
#include "cmd/testing/test_run.h"

#include "base/clock.h"
#include "base/match.h"
#include "base/mem.h"
#include "provider/aws/s3/s3.h"

#include <stdlib.h>

enum { PACE_MS = 20, TIMEOUT_S = 600, MAX_LOG = 4 * 1024 * 1024, MAX_ROWS = 10000, TAIL = 2000 };
static const size_t MAX_CONTENT = 64 * 1024 * 1024;

/* ---- jobs, found without terminal output, since several tests run at a time ---- */

static bool as_job(struct running_test *r, const struct record *record, struct job *out)
{
    const struct schema *schema =
        catalog_find(r->workspace.catalog, record->subject.type, false, ERR_IGNORED);
    if (!schema || !schema->job)
        return false;
    *out = (struct job){
        .record = record, .schema = schema, .object = record->attrs, .options = &value_empty_map};
    out->name = value_text(value_getz(record->attrs, "name"), record->subject.id);
    return true;
}

/* Finds a job by its address, or by its name at the service. */
static bool find_job(struct running_test *r, struct str text, struct job *out)
{
    size_t n, found = 0;
    const struct record *const *records = state_records(r->workspace.state, &n);
    struct job job;
    for (size_t i = 0; i < n; i++) {
        if (!as_job(r, records[i], &job))
            continue;
        if (str_eq(records[i]->subject.address, text)) {
            *out = job;
            return true;
        }
        if (str_eq(job.name, text)) {
            *out = job;
            found++;
        }
    }
    return found == 1 || test_fail(r, "run: the stack has %s \"%.*s\"",
                             found ? "more than one job" : "no job", STR_ARG(text));
}

/* For a missing required option uses the only resource of its type, like `weir run`. */
static void complete_options(struct running_test *r, struct job *job)
{
    const struct job_ops *ops = job->schema->job;
    size_t n;
    const struct record *const *records = state_records(r->workspace.state, &n);
    for (size_t i = 0; i < ops->option_count; i++) {
        const struct job_option *option = &ops->options[i];
        const struct value *given = value_get(job->options, option->name);
        for (size_t k = 0; option->resource.n && k < n; k++)
            if (str_eq(records[k]->subject.type, option->resource) &&
                (given ? str_eq(records[k]->subject.address, value_text(given, STR_EMPTY))
                       : option->required))
                job->options = value_with(
                    &r->arena, job->options, option->name, value_string(&r->arena, records[k]->subject.id));
    }
}

static void test_steps_add_line(void *ctx, const struct log_event *event)
{
    struct buf *log = ctx;
    buf_add_str(log, event->message);
    buf_add_char(log, '\n');
}

static void ignore_state(void *ctx UNUSED, const struct job_run *run UNUSED)
{
}

static void ignore_trouble(void *ctx UNUSED, const struct err *err UNUSED)
{
}

/* Starts the job and waits for its end. */
static bool run_job(struct running_test *r, struct job *job, struct op_ctx *ctx,
    const struct job_input *input, int64_t timeout_s, struct job_run *run, struct buf *log)
{
    const struct job_ops *ops = job->schema->job;
    struct err err = ERR_INIT;
    enum job_follow_end end = FOLLOW_ENDED;
    struct job_follow follow = {.ctx = ctx,
        .object = job->object,
        .options = job->options,
        .until_ms = clock_mono_ms() + timeout_s * 1000,
        .pace_ms = PACE_MS,
        .state = ignore_state,
        .line = test_steps_add_line,
        .log_failure = ignore_trouble,
        .callback_ctx = log};
    if (ops->start(ctx, job->object, input, run, &err) || job_follow(&follow, run, &end, &err))
        return test_fail_err(r, arena_strz(&r->arena, job->record->subject.address), &err);
    if (end == FOLLOW_ENDED)
        return true;
    if (ops->stops)
        ops->stop(ctx, job->object, job->options, run->id, &err);
    return test_fail(r, "%.*s was still running after %lld s", STR_ARG(job->record->subject.address),
        (long long)timeout_s);
}

static const struct value *rows_of(
    struct running_test *r, const struct job *job, struct op_ctx *ctx, const struct job_run *run)
{
    const struct value *columns, *rows;
    struct err err = ERR_INIT;
    bool more;
    if (job->schema->job->rows(ctx, job->object, run, MAX_ROWS, &columns, &rows, &more, &err)) {
        test_fail_err(r, "reading the rows", &err);
        return NULL;
    }
    return job_rows_as_maps(&r->arena, columns, rows);
}

/* Fails with the end of the log. */
static bool fail_with_log(struct running_test *r, const struct buf *log, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool fail_with_log(struct running_test *r, const struct buf *log, const char *format, ...)
{
    struct str text = str_trim(buf_str(log));
    va_list args;
    va_start(args, format);
    buf_addvf(&r->result->failure, format, args);
    va_end(args);
    buf_add_char(&r->result->failure, '\n');
    if (text.n > TAIL) { /* only whole lines */
        struct str rest = str_slice(text, text.n - TAIL, text.n);
        str_cut(rest, '\n', &text);
    }
    if (text.n)
        buf_addf(&r->result->failure, "its log ends with:\n%.*s\n", STR_ARG(text));
    return false;
}

static bool compare_run(struct running_test *r, const struct value *step, const struct job *job,
    const struct job_run *run, const struct buf *log, const struct value *rows)
{
    struct str address = job->record->subject.address, error = value_gets(step, "error");
    struct str state = value_text(value_getz(step, "state"), error.n ? STR("failed") : STR("succeeded"));
    const struct value *result = rows ? rows : run->result ? run->result : &value_null;
    if (!str_eqz(state, job_state_name(run->state)))
        return fail_with_log(r, log, "%.*s: expected %.*s, found %s%s%.*s", STR_ARG(address), STR_ARG(state),
            job_state_name(run->state), run->error.n ? ": " : "", STR_ARG(run->error));
    if (str_find(run->error, error, 0) < 0)
        return fail_with_log(r, log, "%.*s: expected an error with \"%.*s\", found \"%.*s\"",
            STR_ARG(address), STR_ARG(error), STR_ARG(run->error));
    if (str_find(buf_str(log), value_gets(step, "log"), 0) < 0)
        return fail_with_log(
            r, log, "%.*s: its log has no \"%.*s\"", STR_ARG(address), STR_ARG(value_gets(step, "log")));
    if (value_getz(step, "result") &&
        !test_expect(r, NULL, address, STR("result"), value_getz(step, "result"), result))
        return false;
    if (value_getz(step, "rows") &&
        !test_expect(r, NULL, address, STR("rows"), value_getz(step, "rows"), result))
        return false;
    struct value_builder b = VALUE_BUILDER(&r->arena), names = VALUE_BUILDER(&r->arena);
    value_builder_set(&b, STR("state"), value_stringz(&r->arena, job_state_name(run->state)));
    value_builder_set(&b, STR("error"), value_string(&r->arena, run->error));
    value_builder_set(&b, STR("result"), result);
    value_builder_set(&b, STR("log"), value_string(&r->arena, buf_str(log)));
    value_builder_set(&names, STR("run"), value_builder_map(&b));
    value_builder_set(&names, STR("rows"), result);
    return test_expressions(r, value_getz(step, "checks"), value_builder_map(&names));
}

static bool run_and_compare(
    struct running_test *r, const struct value *step, struct job *job, const struct job_input *input)
{
    AUTO_BUF struct buf log = {.max = MAX_LOG};
    struct op_ctx ctx = job_context(job, &r->arena, &r->workspace);
    struct job_run run = {0};
    char token[33];
    const struct value *rows = NULL, *timeout = value_getz(step, "timeout");
    int64_t timeout_s = timeout && timeout->kind == VALUE_INT ? timeout->integer : TIMEOUT_S;
    state_token(token);
    ctx.owner.token = arena_str(&r->arena, str_n(token, 32));
    if (!run_job(r, job, &ctx, input, timeout_s, &run, &log))
        return false;
    bool table = job->schema->job->tabular && run.state == JOB_SUCCEEDED;
    if (table && !(rows = rows_of(r, job, &ctx, &run)))
        return false;
    return compare_run(r, step, job, &run, &log, rows);
}

static bool step_job(struct running_test *r, const struct value *step)
{
    struct job job;
    struct err err = ERR_INIT;
    struct job_input input = {0};
    const struct value *set = value_getz(step, "set");
    if (!find_job(r, value_gets(step, "job"), &job))
        return false;
    if (plan_provider(&r->workspace, job.record, &r->diags, &job.provider, &err))
        return test_fail_err(r, "run", &err);
    job.options = set ? set : job.options;
    complete_options(r, &job);
    input.options = job.options;
    if (job_arguments_of(&job, value_getz(step, "arguments"), NULL, 0, &r->arena, &input.arguments, &err))
        return test_fail_err(r, arena_strz(&r->arena, job.record->subject.address), &err);
    return run_and_compare(r, step, &job, &input);
}

/* ---- queries ---- */

static const struct str results_bucket = STR_INIT("weir-test-results");

/* Creating a bucket that the caller already owns succeeds, so this may be called repeatedly. */
static int make_results_bucket(struct running_test *r, struct provider *provider, struct err *err)
{
    static const struct wire_operation create_bucket = S3_BUCKET_OPERATION("CreateBucket", "PUT", "", "");
    struct op_ctx ctx = {.arena = &r->arena, .provider = provider};
    const struct value_entry name = {STR("bucket"), value_string(&r->arena, results_bucket)};
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    return aws_s3_call(&ctx, &create_bucket, value_map(&r->arena, &name, 1), &call, &response, err);
}

/* Runs a named query that is not in the stack; its result is in a bucket that only this sandbox has. */
static bool step_query(struct running_test *r, const struct value *step)
{
    struct err err = ERR_INIT;
    struct record record = {.subject.address = STR("query"), .subject.type = STR("aws.athena.named_query")};
    struct job job = {.record = &record};
    struct value_builder b = VALUE_BUILDER(&r->arena);
    const struct value *place =
        value_string(&r->arena, arena_printf(&r->arena, "s3://%.*s/", STR_ARG(results_bucket)));
    job.schema = catalog_find(r->workspace.catalog, record.subject.type, false, &err);
    if (!job.schema || workspace_provider(&r->workspace, STR("aws"), NULL, &job.provider, &err) ||
        make_results_bucket(r, job.provider, &err))
        return test_fail_err(r, "query", &err);
    value_builder_set(&b, STR("query"), value_getz(step, "query"));
    value_builder_set(&b, STR("workgroup"), value_stringz(&r->arena, "primary"));
    if (value_getz(step, "database"))
        value_builder_set(&b, STR("database"), value_getz(step, "database"));
    job.object = record.attrs = value_builder_map(&b);
    job.options = value_with(&r->arena, NULL, STR("output_location"), place);
    const struct job_input input = {.options = job.options};
    return run_and_compare(r, step, &job, &input);
}

/* ---- objects ---- */

struct matching {
    struct running_test *r;
    struct str pattern;
    pthread_mutex_t lock; /* pages arrive from several threads */
    struct str *keys;
    size_t n, cap;
    struct arena arena;
};

static void take_key(void *ctx, const struct s3_listed *object)
{
    struct matching *m = ctx;
    if (!glob_match(m->pattern, object->key, 0) && !str_eq(m->pattern, object->key))
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->lock);
    MEM_GROW(m->keys, m->cap, m->n + 1);
    m->keys[m->n++] = arena_str(&m->arena, object->key);
}

static int add_content(
    struct op_ctx *ctx, struct str bucket, struct str key, struct buf *out, struct err *err)
{
    struct aws_call call = {.body_fd = -1};
    struct wire_message response;
    if (aws_s3_call(ctx, &s3_get_object, aws_s3_name(ctx->arena, bucket, key), &call, &response, err))
        return -1;
    buf_add_str(out, response.body);
    return 0;
}

static bool compare_objects(struct running_test *r, const struct value *step, struct op_ctx *ctx,
    struct str bucket, struct matching *m)
{
    AUTO_BUF struct buf text = {.max = MAX_CONTENT};
    struct err err = ERR_INIT;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(&r->arena), keys = VALUE_BUILDER(&r->arena);
    struct str place = value_gets(step, "object");
    const struct value *count = value_getz(step, "count");
    for (size_t i = 0; i < m->n; i++) {
        value_builder_add(&keys, value_string(&r->arena, m->keys[i]));
        if (value_getz(step, "checks") && add_content(ctx, bucket, m->keys[i], &text, &err))
            return test_fail_err(r, arena_strz(&r->arena, place), &err);
    }
    value_builder_set(&b, STR("keys"), value_builder_list(&keys));
    value_builder_set(&b, STR("text"), value_string(&r->arena, buf_str(&text)));
    const struct value_entry name = {STR("object"), value_builder_map(&b)};
    if (!count && !m->n)
        return test_fail(r, "%.*s: there is no such object", STR_ARG(place));
    if (count && !test_expect(r, NULL, place, STR("count"), count, value_int(&r->arena, (int64_t)m->n)))
        return false;
    if (text.overflow)
        return test_fail(r, "%.*s: too much to compare", STR_ARG(place));
    return test_expressions(r, value_getz(step, "checks"), value_map(&r->arena, &name, 1));
}

/* Keys may be patterns; the part before the first wildcard is the prefix of the listing. */
static bool step_object(struct running_test *r, const struct value *step)
{
    struct str key, place = value_gets(step, "object");
    struct err err = ERR_INIT;
    struct op_ctx ctx = {.arena = &r->arena};
    bool cut = false;
    if (!str_starts(place, STR("s3://")))
        return test_fail(r, "\"%.*s\" is not a place in S3", STR_ARG(place));
    struct str bucket = str_cut(str_slice(place, 5, place.n), '/', &key);
    size_t fixed = 0;
    while (fixed < key.n && !strchr("*?[", key.p[fixed]))
        fixed++;
    if (workspace_provider(&r->workspace, STR("aws"), NULL, &ctx.provider, &err))
        return test_fail_err(r, "run", &err);
    struct matching m = {.r = r, .pattern = key.p ? key : STR_EMPTY, .lock = PTHREAD_MUTEX_INITIALIZER};
    const struct s3_list list = {.bucket = bucket, .prefix = str_slice(m.pattern, 0, fixed)};
    bool ok;
    if (s3_list_objects(&ctx, &list, take_key, &m, &cut, &err)) {
        ok = test_fail_err(r, arena_strz(&r->arena, place), &err);
    } else {
        if (m.n)
            qsort(m.keys, m.n, sizeof *m.keys, str_order);
        ok = compare_objects(r, step, &ctx, bucket, &m);
    }
    free(m.keys);
    arena_release(&m.arena);
    pthread_mutex_destroy(&m.lock);
    return ok;
}

/* ---- all steps ---- */

/* The kinds of steps, each recognised by a key of its own. */
static const struct step_kind {
    const char *name;
    bool (*run)(struct running_test *r, const struct value *step);
    struct str keys[10];
} kinds[] = {
    {"job", step_job,
        {STR_INIT("job"), STR_INIT("arguments"), STR_INIT("set"), STR_INIT("state"), STR_INIT("error"),
            STR_INIT("result"), STR_INIT("rows"), STR_INIT("log"), STR_INIT("timeout"), STR_INIT("checks")}},
    {"query", step_query,
        {STR_INIT("query"), STR_INIT("database"), STR_INIT("state"), STR_INIT("error"), STR_INIT("rows"),
            STR_INIT("timeout"), STR_INIT("checks")}},
    {"object", step_object, {STR_INIT("object"), STR_INIT("count"), STR_INIT("checks")}},
};
enum { KINDS = sizeof kinds / sizeof *kinds, KEYS = sizeof kinds->keys / sizeof *kinds->keys };

bool test_steps(struct running_test *r, const struct value *steps)
{
    for (uint32_t i = 0; i < steps->count; i++)
        for (size_t k = 0; k < KINDS; k++)
            if (value_getz(steps->items[i], kinds[k].name) && !kinds[k].run(r, steps->items[i]))
                return false;
    return true;
}

static void check_step(const struct node *step, struct diags *diags)
{
    const struct step_kind *kind = NULL;
    size_t count = 0;
    for (size_t k = 0; step->kind == NODE_MAP && k < KINDS; k++)
        if (node_get(step, kinds[k].name))
            kind = &kinds[k];
    if (!kind) {
        diag_error(
            diags, node_span(step), "a step of \"run\" is a map with \"job\", \"query\" or \"object\"");
        return;
    }
    while (count < KEYS && kind->keys[count].n)
        count++;
    for (uint32_t i = 0; i < step->count; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++)
            known = known || str_eq(step->entries[i].key, kind->keys[k]);
        if (known)
            continue;
        struct diag *d = diag_error(diags, node_key_span(&step->entries[i]),
            "a step with \"%s\" has no key \"%.*s\"", kind->name, STR_ARG(step->entries[i].key));
        diag_did_you_mean(diags, d, step->entries[i].key, kind->keys, count);
    }
}

void test_check_steps(const struct node *root, struct diags *diags)
{
    const struct node *steps = node_get(root, "run");
    if (steps && steps->kind != NODE_LIST)
        diag_error(diags, node_span(steps), "\"run\" is a list of steps, not %s", node_kind_name(steps));
    for (uint32_t i = 0; steps && steps->kind == NODE_LIST && i < steps->count; i++)
        check_step(steps->items[i], diags);
}
