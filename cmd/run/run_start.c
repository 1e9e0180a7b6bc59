/* A job's arguments from the command line, its start with the log before the response, and the run's result:
 * see jobs.h. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/mem.h"
#include "cmd/run/jobs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- arguments after the job, in the form that the job takes ---- */

enum { PAYLOAD_MAX = 16 * 1024 * 1024 };

static int read_payload_stdin(struct arena *arena, struct str *out, struct err *err)
{
    AUTO_BUF struct buf text = {.max = PAYLOAD_MAX};
    if (fd_read_all(STDIN_FILENO, &text, err, "standard input"))
        return -1;
    if (text.overflow)
        return err_set(err, ERR_USAGE, "the payload is larger than 16 MiB");
    *out = arena_str(arena, buf_str(&text));
    return 0;
}

/* Reads a file, standard input for "-", or the document itself. */
static int read_payload(const char *given, struct arena *arena, const struct value **out, struct err *err)
{
    struct str text = str_z(given);
    bool itself = given[0] == '{' || given[0] == '[';
    if (!itself && (str_eqz(text, "-") ? read_payload_stdin(arena, &text, err)
                                       : file_read(arena, given, PAYLOAD_MAX, &text, err)))
        return -1;
    if (json_parse(arena, text, out, err) == 0)
        return 0;
    err_context(err, "%s", itself ? "--payload" : given);
    return err_hint(err, "--payload is a file with JSON, - for standard input, or the JSON itself");
}

/* Parses "k=text" or "k:=json". */
static int read_pair(
    struct arena *arena, struct str word, struct str *key, const struct value **v, struct err *err)
{
    struct str text;
    *key = str_cut(word, '=', &text);
    if (!text.p || !key->n) {
        err_set(err, ERR_USAGE, "\"%.*s\" is not an argument", STR_ARG(word));
        return err_hint(err, "arguments are NAME=TEXT or NAME:=JSON");
    }
    if (!str_ends(*key, STR(":"))) {
        *v = value_string(arena, text);
        return 0;
    }
    key->n--;
    if (json_parse(arena, text, v, err) == 0)
        return 0;
    err->class = ERR_USAGE;
    return err_context(err, "%.*s", STR_ARG(*key));
}

static const struct value *as_text(struct arena *arena, const struct value *v)
{
    struct str text = value_scalar_text(arena, v);
    return text.p ? value_string(arena, text) : json_as_text(arena, v);
}

/* Adds the pairs to the payload, which they override. */
static int read_map(
    struct arena *arena, const struct str *words, size_t n, const struct value **out, struct err *err)
{
    if (*out && (*out)->kind != VALUE_MAP)
        return err_set(
            err, ERR_USAGE, "--payload is %s, which arguments cannot be added to", value_with_article(*out));
    const struct value *map = *out ? *out : n ? &value_empty_map : NULL;
    for (size_t i = 0; i < n; i++) {
        struct str key;
        const struct value *v;
        if (read_pair(arena, words[i], &key, &v, err))
            return -1;
        map = value_with(arena, map, arena_str(arena, key), v);
    }
    *out = map;
    return 0;
}

static const struct value *texts_of(struct arena *arena, const struct value *map)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++)
        value_builder_set(&b, map->entries[i].key, as_text(arena, map->entries[i].value));
    return value_builder_map(&b);
}

/* Converts k=v to --k v, which command line parsers understand. */
static void add_flag(struct arena *arena, struct str word, struct value_builder *list)
{
    struct str text, key = str_cut(word, '=', &text);
    if (!text.p || !key.n || key.p[0] == '-') {
        value_builder_add(list, value_string(arena, word));
        return;
    }
    value_builder_add(list, value_string(arena, arena_printf(arena, "--%.*s", STR_ARG(key))));
    value_builder_add(list, value_string(arena, text));
}

static int read_list(struct arena *arena, const struct str *words, size_t n, bool flags,
    const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    if (*out && (*out)->kind != VALUE_LIST)
        return err_set(err, ERR_USAGE, "the job takes a list, and --payload is %s", value_with_article(*out));
    for (uint32_t i = 0; *out && i < (*out)->count; i++)
        value_builder_add(&list, as_text(arena, (*out)->items[i]));
    for (size_t i = 0; i < n; i++) {
        if (flags)
            add_flag(arena, words[i], &list);
        else
            value_builder_add(&list, value_string(arena, words[i]));
    }
    *out = list.n ? value_builder_list(&list) : NULL;
    return 0;
}

int job_arguments_of(const struct job *job, const struct value *given, const struct str *words, size_t n,
    struct arena *arena, const struct value **out, struct err *err)
{
    enum job_takes takes = job->schema->job->takes;
    *out = given;
    if (takes == JOB_TAKES_NOTHING && (n || given))
        return err_set(err, ERR_USAGE, "a run of %.*s takes no arguments", STR_ARG(job->schema->name));
    if (takes == JOB_TAKES_FLAGS || takes == JOB_TAKES_LIST)
        return read_list(arena, words, n, takes == JOB_TAKES_FLAGS, out, err);
    /* without further arguments a document may have any type */
    if ((n || takes == JOB_TAKES_MAP) && read_map(arena, words, n, out, err))
        return -1;
    if (*out)
        *out = takes == JOB_TAKES_MAP ? texts_of(arena, *out) : json_as_text(arena, *out);
    return 0;
}

int job_arguments(const struct job *job, const struct str *words, size_t n, const char *payload,
    struct arena *arena, const struct value **out, struct err *err)
{
    const struct value *given = NULL;
    if (payload && job->schema->job->takes != JOB_TAKES_NOTHING && read_payload(payload, arena, &given, err))
        return -1;
    if (payload && !given)
        given = &value_null;
    return job_arguments_of(job, given, words, n, arena, out, err);
}

/* ---- the result of a run, on standard output or in a file ---- */

enum { ROWS_MAX = 10000 };

static int rows_of(const struct run_result *r, const struct value **columns, const struct value **rows)
{
    struct err err = ERR_INIT;
    bool more;
    if (r->job->schema->job->rows(r->ctx, r->job->object, r->run, ROWS_MAX, columns, rows, &more, &err)) {
        err_context(&err, "the result of %.*s", STR_ARG(r->job->record->subject.address));
        return invocation_fail(r->inv, &err);
    }
    if (more)
        invocation_note(r->inv, "these are the first %d rows", ROWS_MAX);
    return EXIT_DONE;
}

/* Escapes control characters such as DEL that are valid in JSON, and masks secrets. */
static void add_json(const struct value *v, unsigned flags, struct buf *out)
{
    AUTO_BUF struct buf plain = BUF_INIT, safe = BUF_INIT;
    json_write(&plain, v, flags);
    text_add_json_safe(&safe, buf_str(&plain));
    mask_json(out, buf_str(&safe));
    buf_add_char(out, '\n');
}

static int print_rows(const struct run_result *r)
{
    const struct value *columns, *rows;
    int status = rows_of(r, &columns, &rows);
    if (status != EXIT_DONE)
        return status;
    AUTO_BUF struct buf out = BUF_INIT;
    struct str format = str_z(r->format ? r->format : r->inv->out.tty ? "table" : "csv");
    if (!columns->count) /* a statement without rows */
        return EXIT_DONE;
    if (str_eqz(format, "table"))
        table_add_text(columns, rows, &r->inv->out, &out);
    else if (str_eqz(format, "csv"))
        table_add_csv(columns, rows, r->raw, &out);
    else
        add_json(job_rows_as_maps(r->ctx->arena, columns, rows), JSON_PRETTY, &out);
    return invocation_write(r->inv, buf_str(&out));
}

static int print_result(const struct run_result *r)
{
    if (r->job->schema->job->tabular)
        return r->run->state == JOB_SUCCEEDED ? print_rows(r) : EXIT_DONE;
    if (value_is_null(r->run->result))
        return EXIT_DONE;
    AUTO_BUF struct buf out = BUF_INIT;
    add_json(r->run->result, r->inv->out.tty ? JSON_PRETTY : JSON_PLAIN, &out);
    return invocation_write(r->inv, buf_str(&out));
}

/* `file`: the result was saved there; "": it is printed. */
static int result_json(const struct run_result *r, struct str file, int64_t bytes)
{
    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *columns, *rows, *result = r->run->result;
    if (r->job->schema->job->tabular && r->run->state == JOB_SUCCEEDED && !file.n) {
        int status = rows_of(r, &columns, &rows);
        if (status != EXIT_DONE)
            return status;
        result = job_rows_as_maps(r->ctx->arena, columns, rows);
    }
    buf_addz(&out, "{\"event\":\"job_result\"");
    job_run_fields(&out, r->job, r->run);
    if (file.n) {
        buf_addz(&out, ",\"file\":");
        json_write_string(&out, file);
        buf_addf(&out, ",\"bytes\":%" PRId64, bytes);
    } else if (!value_is_null(result)) {
        buf_addz(&out, ",\"result\":");
        json_write(&out, result, JSON_PLAIN);
    }
    buf_addz(&out, "}\n");
    return invocation_write(r->inv, buf_str(&out));
}

static int save_result(const struct run_result *r)
{
    struct s3_download download = {.path = r->out};
    struct object_save save = {.inv = r->inv, .ctx = r->ctx, .download = &download, .signals = r->signals};
    struct err err = ERR_INIT;
    int64_t bytes;
    int status = 0;
    if (!object_url(r->run->file, &download))
        status = err_set(&err, ERR_ABSENT, "the run has left no file");
    else
        status = object_save(&save, &bytes, &err);
    if (!status)
        return r->inv->settings->json ? result_json(r, str_z(r->out), bytes) : EXIT_DONE;
    if (err.class == ERR_ABSENT)
        err_hint(&err, "not every statement leaves a file; without --out the result is printed");
    else if (!err.hint[0]) {
        AUTO_BUF struct buf out = BUF_INIT;
        text_add_word(&out, str_z(r->out));
        err_hint(&err, "weir run --follow %.*s --out %s %.*s goes on with it", STR_ARG(r->run->id), out.p,
            STR_ARG(job_quoted(r->ctx->arena, r->job)));
    }
    return invocation_fail(r->inv, &err);
}

int run_result_give(const struct run_result *r)
{
    if (r->out && r->run->state == JOB_SUCCEEDED)
        return save_result(r);
    return r->inv->settings->json ? result_json(r, STR_EMPTY, 0) : print_result(r);
}

enum {
    TICK_MS = 20,
    GRACE_MS = 2000,     /* time to wait for the response with the run's id */
    EARLY_MS = 1500,     /* interval of log lookups; CloudWatch needs about this time */
    EARLY_HERE_MS = 200, /* for a service without delay, such as the sandbox */
};

struct starting {
    struct running *r;
    struct job_input input;
    struct err err;
    int rc;
    atomic_bool done;
};

static void *start_thread(void *arg)
{
    struct starting *s = arg;
    s->rc = running_ops(s->r)->start(&s->r->ctx, s->r->job.object, &s->input, &s->r->run, &s->err);
    atomic_store(&s->done, true);
    return NULL;
}

static bool time_is_up(const struct running *r)
{
    return r->until_ms && clock_mono_ms() >= r->until_ms;
}

/* ---- the log before the response ---- */

static void early_begins(void *ctx, struct str id)
{
    struct running *r = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->watching);
    free((char *)r->begun.p);
    r->begun = str_n(mem_memdup0(id.p, id.n), id.n);
    run_watch_begin(&r->watch, id);
}

static void early_line(void *ctx, const struct log_event *event)
{
    struct running *r = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->watching);
    run_watch_line(&r->watch, event);
}

static void *early_thread(void *arg)
{
    struct running *r = arg;
    int64_t pause = log_late_ms(r->job.provider) ? EARLY_MS : EARLY_HERE_MS;
    int64_t next = clock_mono_ms() + pause;
    while (!atomic_load(&r->answered)) {
        clock_sleep_ms(TICK_MS);
        if (clock_mono_ms() < next)
            continue;
        job_early_poll(r->early);
        next = clock_mono_ms() + pause;
    }
    return NULL;
}

static void begin_early(struct running *r)
{
    const struct job_early_options options = {.ctx = &r->ctx,
        .object = r->job.object,
        .cancel = &r->answered,
        .begins = early_begins,
        .line = early_line,
        .callback_ctx = r};
    r->early = r->own->detach ? NULL : job_early_new(&options);
    r->looking = r->early && !pthread_create(&r->looker, NULL, early_thread, r);
}

static void stop_looking(struct running *r)
{
    atomic_store(&r->answered, true);
    if (r->looking)
        pthread_join(r->looker, NULL);
    r->looking = false;
}

static void tick(struct running *r)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->watching);
    run_watch_tick(&r->watch);
}

struct job_shown run_start_shown(struct running *r)
{
    bool others;
    struct job_shown shown = job_early_shown(r->early, r->run.id, &others);
    run_watch_clear(&r->watch);
    if (others && !r->inv->settings->json)
        invocation_note(r->inv,
            "The lines above are from another call, which ran at the same time. The lines of this call:");
    if (!str_eq(r->begun, r->run.id))
        run_watch_begin(&r->watch, r->run.id);
    return shown;
}

/* ---- the start ---- */

static enum job_follow_end wait_for_start(struct running *r, struct starting *s)
{
    pthread_t thread;
    enum job_follow_end end = FOLLOW_ENDED;
    int64_t give_up_ms = 0;
    if (pthread_create(&thread, NULL, start_thread, s)) {
        start_thread(s);
        return end;
    }
    while (!atomic_load(&s->done)) {
        tick(r);
        if (end == FOLLOW_ENDED && (atomic_load(r->signals) > 0 || time_is_up(r))) {
            end = atomic_load(r->signals) > 0 ? FOLLOW_INTERRUPTED : FOLLOW_TIMEOUT;
            give_up_ms = clock_mono_ms() + (running_ops(r)->reads ? GRACE_MS : 0);
        }
        if (end != FOLLOW_ENDED && clock_mono_ms() >= give_up_ms)
            atomic_store(&r->cancel, true);
        clock_sleep_ms(TICK_MS);
    }
    pthread_join(thread, NULL);
    return s->rc == 0 ? FOLLOW_ENDED : end;
}

enum run_started run_start(struct running *r, struct err *err)
{
    struct starting s = {
        .r = r, .input = {.arguments = r->arguments, .options = r->job.options, .detach = r->own->detach}};
    begin_early(r);
    enum job_follow_end end = wait_for_start(r, &s);
    stop_looking(r);
    if (end != FOLLOW_ENDED)
        return end == FOLLOW_INTERRUPTED ? RUN_START_INTERRUPTED : RUN_START_TIMED_OUT;
    run_watch_clear(&r->watch);
    if (s.rc < 0)
        *err = s.err;
    return s.rc < 0 ? RUN_START_FAILED : RUN_STARTED;
}
