/* The jobs in a stack's state: see jobs.h. */
#include "cmd/run/jobs.h"

#include "base/clock.h"
#include "base/json.h"

int jobs_open(struct invocation *inv, struct workspace *workspace)
{
    return invocation_open(inv, &(struct workspace_options){.stack = {.lenient_inputs = true}}, workspace);
}

/* ---- finding ---- */

/* Removes attributes of which only the hash is recorded, since a service cannot use them. */
static const struct value *without_hashes(struct arena *arena, const struct value *attrs)
{
    const struct value *object = attrs;
    for (uint32_t i = 0; attrs && attrs->kind == VALUE_MAP && i < attrs->count; i++)
        if (state_is_hash(attrs->entries[i].value))
            object = value_with(arena, object, attrs->entries[i].key, NULL);
    return object ? object : &value_empty_map;
}

/* Returns false if the record is not a job, or its type is unknown. */
static bool as_job(
    struct invocation *inv, struct workspace *workspace, const struct record *record, struct job *out)
{
    const struct schema *schema = catalog_find(workspace->catalog, record->subject.type, false, ERR_IGNORED);
    if (!schema || !schema->job)
        return false;
    *out = (struct job){
        .record = record, .schema = schema, .object = without_hashes(&inv->arena, record->attrs)};
    out->name = value_text(value_getz(out->object, "name"), record->subject.id);
    return true;
}

void jobs_list(struct invocation *inv, struct workspace *workspace, struct job **jobs, size_t *n)
{
    size_t records;
    const struct record *const *list = state_records(workspace->state, &records);
    *jobs = ARENA_ARRAY(&inv->arena, struct job, records + 1);
    *n = 0;
    for (size_t i = 0; i < records; i++)
        if (as_job(inv, workspace, list[i], &(*jobs)[*n]))
            (*n)++;
}

static int not_a_job(struct invocation *inv, const struct record *record)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_INVALID, "\"%.*s\" is of type %.*s, which cannot be run",
        STR_ARG(record->subject.address), STR_ARG(record->subject.type));
    err_hint(&err, "\"weir jobs\" lists what can");
    return invocation_fail(inv, &err);
}

static int no_such_job(
    struct invocation *inv, struct workspace *workspace, struct str text, const struct job *jobs, size_t n)
{
    struct err err = ERR_INIT;
    struct str declared = STR_EMPTY, key;
    if (!address_split(&inv->arena, text, &declared, &key))
        declared = text;
    const struct decl *decl = stack_find(workspace->stack, declared);
    if (decl && decl->kind == DECL_RESOURCE && !state_get(workspace->state, text)) {
        err_set(&err, ERR_ABSENT, "\"%.*s\" has not been applied", STR_ARG(text));
        err_hint(&err, "\"weir apply\" registers the job; then it can be run");
        return invocation_fail(inv, &err);
    }
    struct str *names = ARENA_ARRAY(&inv->arena, struct str, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        names[2 * i] = jobs[i].record->subject.address;
        names[2 * i + 1] = jobs[i].name;
    }
    err_set(&err, ERR_ABSENT, "the state has no job \"%.*s\"", STR_ARG(text));
    struct str near = str_nearest(text, names, 2 * n);
    if (near.n)
        err_hint(&err, "did you mean \"%.*s\"?", STR_ARG(near));
    else if (n)
        err_hint(&err, "\"weir jobs\" lists what there is");
    else
        err_hint(&err, "jobs are there after \"weir apply\"");
    int status = invocation_fail(inv, &err);
    sandboxed_note_unused(inv, workspace);
    return status;
}

/* Compares addresses before names; a declaration stands for its only instance. */
static bool matches_job(struct invocation *inv, const struct job *job, struct str text, int way)
{
    struct str declared, key;
    if (way == 0)
        return str_eq(job->record->subject.address, text);
    if (way == 1)
        return address_split(&inv->arena, job->record->subject.address, &declared, &key) &&
               str_eq(declared, text);
    return str_eq(job->name, text);
}

static int several(struct invocation *inv, struct str text, const struct job *a, const struct job *b)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_INVALID, "\"%.*s\" is more than one job: %.*s, %.*s", STR_ARG(text),
        STR_ARG(a->record->subject.address), STR_ARG(b->record->subject.address));
    err_hint(&err, "say which by its address; \"weir jobs\" lists them");
    return invocation_fail(inv, &err);
}

int jobs_find(struct invocation *inv, struct workspace *workspace, struct str text, struct job *out)
{
    struct job *jobs;
    size_t n;
    jobs_list(inv, workspace, &jobs, &n);
    const struct record *record = state_get(workspace->state, text);
    if (record && !as_job(inv, workspace, record, out))
        return not_a_job(inv, record);
    for (int way = 0; way < 3; way++) {
        const struct job *found = NULL;
        for (size_t i = 0; i < n; i++) {
            if (!matches_job(inv, &jobs[i], text, way))
                continue;
            if (found)
                return several(inv, text, found, &jobs[i]);
            found = &jobs[i];
        }
        if (!found)
            continue;
        *out = *found;
        return EXIT_DONE;
    }
    return no_such_job(inv, workspace, text, jobs, n);
}

struct str jobs_address(struct invocation *inv, struct workspace *workspace, struct str text)
{
    struct job *jobs;
    size_t n;
    struct str declared, key;
    if (!address_split(&inv->arena, text, &declared, &key) || stack_find(workspace->stack, declared))
        return text;
    jobs_list(inv, workspace, &jobs, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(jobs[i].name, text))
            return jobs[i].record->subject.address;
    return text;
}

/* ---- options ---- */

static const struct job_option *option_of(const struct job_ops *ops, struct str name)
{
    for (size_t i = 0; i < ops->option_count; i++)
        if (str_eq(ops->options[i].name, name))
            return &ops->options[i];
    return NULL;
}

static int unknown_option(struct invocation *inv, const struct job *job, struct str name)
{
    const struct job_ops *ops = job->schema->job;
    struct str *names = ARENA_ARRAY(&inv->arena, struct str, ops->option_count + 1);
    for (size_t i = 0; i < ops->option_count; i++)
        names[i] = ops->options[i].name;
    struct str near = str_nearest(name, names, ops->option_count);
    struct err err = ERR_INIT;
    err_set(
        &err, ERR_USAGE, "a run of %.*s has no option \"%.*s\"", STR_ARG(job->schema->name), STR_ARG(name));
    if (near.n)
        err_hint(&err, "did you mean \"%.*s\"?", STR_ARG(near));
    else if (ops->option_count)
        err_hint(&err, "\"weir docs %.*s\" lists them", STR_ARG(job->schema->name));
    return invocation_fail(inv, &err);
}

/* Returns the id of a resource if the text is the address of one of the option's type. */
static struct str resource_or_text(
    struct workspace *workspace, const struct job_option *option, struct str text)
{
    const struct record *record = option->resource.n ? state_get(workspace->state, text) : NULL;
    return record && str_eq(record->subject.type, option->resource) ? record->subject.id : text;
}

/* Returns the number of recorded resources of the option's type. */
static size_t count_resources(struct workspace *workspace, const struct job_option *option, struct str *last)
{
    size_t n, found = 0;
    const struct record *const *records = state_records(workspace->state, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(records[i]->subject.type, option->resource)) {
            *last = records[i]->subject.id;
            found++;
        }
    return found;
}

static int which_resource(struct invocation *inv, const struct job_option *option, size_t found)
{
    struct err err = ERR_INIT;
    err_set(&err, ERR_USAGE, "the run needs a %.*s, and the state has %s", STR_ARG(option->name),
        found ? "several" : "none");
    err_hint(
        &err, "--set %.*s=… names one, by its address or as the service calls it", STR_ARG(option->name));
    return invocation_fail(inv, &err);
}

/* For a missing required option uses the only resource of its type. */
static int complete_options(
    struct invocation *inv, struct workspace *workspace, bool lenient, struct job *job)
{
    const struct job_ops *ops = job->schema->job;
    for (size_t i = 0; i < ops->option_count; i++) {
        const struct job_option *option = &ops->options[i];
        struct str id;
        if (!option->required || value_get(job->options, option->name))
            continue;
        size_t found = count_resources(workspace, option, &id);
        if (found == 1)
            job->options = value_with(&inv->arena, job->options, option->name, value_string(&inv->arena, id));
        else if (!lenient)
            return which_resource(inv, option, found);
    }
    return EXIT_DONE;
}

static int read_options(
    struct invocation *inv, struct workspace *workspace, const struct texts *given, struct job *job)
{
    const struct job_ops *ops = job->schema->job;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(&inv->arena);
    for (size_t i = 0; given && i < given->n; i++) {
        struct str text, name = str_cut(given->items[i], '=', &text);
        const struct job_option *option = option_of(ops, name);
        int64_t number;
        if (!text.p)
            return invocation_usage(
                inv, NULL, "--set takes NAME=VALUE, not \"%.*s\"", STR_ARG(given->items[i]));
        if (!option)
            return unknown_option(inv, job, name);
        text = resource_or_text(workspace, option, text);
        value_builder_set(&b, option->name,
            str_to_int(text, &number) ? value_int(&inv->arena, number) : value_string(&inv->arena, text));
    }
    job->options = value_builder_map(&b);
    return EXIT_DONE;
}

static int open_job(struct invocation *inv, struct workspace *workspace, const struct texts *given,
    bool lenient, struct job *job)
{
    struct err err = ERR_INIT;
    int status = read_options(inv, workspace, given, job);
    if (status == EXIT_DONE)
        status = complete_options(inv, workspace, lenient, job);
    if (status != EXIT_DONE)
        return status;
    int rc = plan_provider(workspace, job->record, &inv->diags, &job->provider, &err);
    status = invocation_diags(inv);
    if (rc == 0)
        return EXIT_DONE;
    return err.class != ERR_NONE ? invocation_fail(inv, &err) : status;
}

int job_open(struct invocation *inv, struct workspace *workspace, const struct texts *given, struct job *job)
{
    return open_job(inv, workspace, given, false, job);
}

int job_open_lenient(struct invocation *inv, struct workspace *workspace, struct job *job)
{
    return open_job(inv, workspace, NULL, true, job);
}

struct op_ctx job_context(const struct job *job, struct arena *arena, struct workspace *workspace)
{
    return (struct op_ctx){.arena = arena,
        .provider = job->provider,
        .schema = job->schema,
        .address = job->record->subject.address,
        .dir = workspace->stack->dir,
        .owner.stack = workspace->stack->name,
        .sensitive = value_is_sensitive(job->record->attrs)};
}

struct str job_quoted(struct arena *arena, const struct job *job)
{
    AUTO_BUF struct buf word = BUF_INIT;
    text_add_word(&word, job->record->subject.address);
    return arena_str(arena, buf_str(&word));
}

/* ---- texts about runs ---- */

struct str job_run_status(const struct job_run *run)
{
    return run->status.n ? run->status : str_z(job_state_name(run->state));
}

enum style job_state_style(enum job_state state)
{
    static const enum style styles[] = {STYLE_CYAN, STYLE_GREEN, STYLE_RED, STYLE_YELLOW};
    return styles[state];
}

void job_run_fields(struct buf *out, const struct job *job, const struct job_run *run)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    json_write_member_if_any(out, "job", job->record->subject.address);
    json_write_member_if_any(out, "type", job->schema->name);
    json_write_member_if_any(out, "name", job->name);
    if (!run)
        return;
    json_write_member_if_any(out, "id", run->id);
    json_write_member_if_any(out, "state", str_z(job_state_name(run->state)));
    json_write_member_if_any(out, "status", run->status);
    json_write_member_if_any(out, "step", run->step);
    if (run->started_ms)
        json_write_member_if_any(out, "started", time_rfc3339(&arena, run->started_ms, true));
    if (run->ended_ms)
        json_write_member_if_any(out, "ended", time_rfc3339(&arena, run->ended_ms, true));
    if (run->started_ms && run->ended_ms)
        buf_addf(out, ",\"ms\":%lld", (long long)(run->ended_ms - run->started_ms));
    json_write_member_if_any(out, "error", run->error);
}
