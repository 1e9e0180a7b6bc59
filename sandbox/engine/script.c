/* Scripts of Glue and EMR Serverless: see script.h. */
#include "sandbox/engine/script.h"

#include "base/archive.h"
#include "base/file.h"
#include "sandbox/engine/logs.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- files of a run ---- */

enum { BLOCK = 32 * 1024 }; /* small, since connection threads have small stacks */

/* ---- objects ---- */

bool unpack_parse_uri(struct str uri, struct object_location *out)
{
    static const char *const schemes[] = {"s3://", "s3a://", "s3n://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct str scheme = str_z(schemes[i]);
        if (!str_starts(uri, scheme))
            continue;
        *out = (struct object_location){.version = STR_EMPTY};
        out->bucket = str_cut(str_slice(uri, scheme.n, uri.n), '/', &out->key);
        return out->bucket.n && out->key.n;
    }
    return false;
}

struct str unpack_name(struct arena *arena, struct str key)
{
    struct str name = path_base(key);
    bool fine = name.n && name.n < 200 && name.p[0] != '.' && memchr(name.p, '\0', name.n) == NULL;
    return fine ? arena_str(arena, name) : STR("file");
}

typedef int take_fn(void *ctx, const char *bytes, size_t n, struct err *err);

static int read_content(struct content *content, take_fn *take, void *ctx, struct err *err)
{
    char block[BLOCK];
    uint64_t at = 0;
    for (;;) {
        ssize_t n = content_read(content, at, block, sizeof block);
        if (n <= 0)
            return n ? err_errno(err, ERR_IO, "cannot read an object's content") : 0;
        if (take(ctx, block, (size_t)n, err))
            return -1;
        at += (uint64_t)n;
    }
}

static int read_object(
    struct s3_store *store, const struct object_location *source, take_fn *take, void *ctx, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct object object;
    enum store_result found =
        store_object_read(&arena, store, source->bucket, source->key, source->version, true, &object);
    if (found == STORE_OK && object.deleted) {
        fd_close_ptr(&object.fd);
        found = STORE_NO_KEY;
    }
    if (found == STORE_NO_BUCKET)
        return err_set(err, ERR_ABSENT, "there is no bucket %.*s", STR_ARG(source->bucket));
    if (found != STORE_OK)
        return err_set(err, ERR_ABSENT, "there is no object s3://%.*s/%.*s", STR_ARG(source->bucket),
            STR_ARG(source->key));
    struct content *content = content_open(store, source->bucket, &object, object.fd);
    int status = read_content(content, take, ctx, err);
    content_close(content);
    return status;
}

struct output {
    int fd;
    const char *path;
};

static int write_some(void *ctx, const char *bytes, size_t n, struct err *err)
{
    struct output *out = ctx;
    if (out->fd < 0) /* created only after the object was found */
        out->fd = open(out->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return out->fd < 0 ? err_errno(err, ERR_IO, "cannot write %s", out->path)
                       : fd_write_all(out->fd, bytes, n, err, out->path);
}

int unpack_fetch(
    struct s3_store *store, const struct object_location *source, const char *path, struct err *err)
{
    struct output out = {-1, path};
    int status = read_object(store, source, write_some, &out, err);
    if (!status && out.fd < 0) /* an empty object becomes an empty file */
        status = write_some(&out, "", 0, err);
    fd_close_ptr(&out.fd);
    return status;
}

static int hash_some(void *ctx, const char *bytes, size_t n, struct err *err UNUSED)
{
    sha256_update(ctx, bytes, n);
    return 0;
}

int unpack_sha256(struct s3_store *store, const struct object_location *source,
    unsigned char out[SHA256_SIZE], struct err *err)
{
    struct sha256 *hash = sha256_new();
    int status = read_object(store, source, hash_some, hash, err);
    sha256_final(hash, out);
    return status;
}

enum { MAX_OUTPUT = 16 * 1024 * 1024, MAX_UNPACKED = 1024 * 1024 * 1024, GRACE_MS = 3000 };
static const int64_t MAX_FILE = 4LL * 1024 * 1024 * 1024;

struct script {
    struct task *task;
    const struct script_options *options;
    struct arena arena;
    struct log_sink out, error;
    struct str run, lib, conf, tmp, path; /* path: of the script */
    struct buf python_path, jars;         /* separated by ':' and ',' */
    struct environment env;
    const char *program; /* python3 or spark-submit */
};

/* ---- preparation ---- */

static int make_folders(struct script *s, struct err *err)
{
    struct {
        struct str *out;
        const char *name;
    } folders[] = {{&s->run, "run"}, {&s->lib, "lib"}, {&s->conf, "conf"}, {&s->tmp, "tmp"}};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        *folders[i].out = path_join(&s->arena, task_folder(s->task), str_z(folders[i].name));
        if (dir_make(folders[i].out->p, err))
            return -1;
    }
    return 0;
}

static int script_fetch(struct script *s, struct str uri, struct str dir, struct str *path, struct err *err)
{
    struct object_location source;
    if (!unpack_parse_uri(uri, &source))
        return err_set(err, ERR_INVALID, "\"%.*s\" is not a place in S3", STR_ARG(uri));
    *path = path_join(&s->arena, dir, unpack_name(&s->arena, source.key));
    unlink(path->p); /* of several objects with one file name the last is kept */
    return unpack_fetch(sandbox_store(services_sandbox(task_jobs(s->task))), &source, path->p, err);
}

typedef int use_fn(struct script *s, struct str path, struct err *err);

static int fetch_all(struct script *s, struct str uris, struct str dir, use_fn *use, struct err *err)
{
    while (uris.n) {
        struct str path, uri = str_trim(str_cut(uris, ',', &uris));
        if (uri.n && (script_fetch(s, uri, dir, &path, err) || (use && use(s, path, err))))
            return -1;
    }
    return 0;
}

static void add_python_path(struct script *s, struct str path)
{
    buf_addf(&s->python_path, "%s%.*s", s->python_path.n ? ":" : "", STR_ARG(path));
}

/* A zip or egg is imported directly; a wheel is unpacked, since it may contain shared libraries. */
static int use_module(struct script *s, struct str path, struct err *err)
{
    if (str_ends(path, STR(".zip")) || str_ends(path, STR(".egg"))) {
        add_python_path(s, path);
        return 0;
    }
    if (!str_ends(path, STR(".whl")))
        return 0;
    struct str dir = arena_printf(&s->arena, "%.*s.d", STR_ARG(path));
    if (dir_make(dir.p, err) || unpack_archive(path.p, dir.p, MAX_UNPACKED, err))
        return -1;
    add_python_path(s, dir);
    return 0;
}

static int use_jar(struct script *s, struct str path, struct err *err UNUSED)
{
    buf_addf(&s->jars, "%s%.*s", s->jars.n ? "," : "", STR_ARG(path));
    return 0;
}

static int script_prepare(struct script *s, struct err *err)
{
    const struct script_options *o = s->options;
    if (make_folders(s, err) || script_write_support(s->lib.p, err))
        return -1;
    add_python_path(s, s->lib);
    if (script_fetch(s, o->location, s->run, &s->path, err))
        return err_context(err, "the script");
    if (fetch_all(s, o->py_files, s->lib, use_module, err) || fetch_all(s, o->files, s->run, NULL, err) ||
        fetch_all(s, o->jars, s->lib, use_jar, err))
        return -1;
    const struct environment_options environment = {
        .region = task_self(s->task)->region, .home = s->run, .role = o->role, .session = o->session};
    environment_start(&s->env, task_jobs(s->task), &s->arena, &environment);
    environment_set(&s->env, "TMPDIR", s->tmp);
    environment_set(&s->env, "PYTHONPATH", buf_str(&s->python_path));
    if (o->bookmark.n) {
        environment_set(&s->env, "WEIR_BOOKMARK", o->bookmark);
        environment_set(&s->env, "WEIR_BOOKMARK_PAUSED", o->bookmark_paused ? STR("1") : STR("0"));
    }
    return 0;
}

/* ---- run ---- */

static void script_take_output(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    struct script *s = ctx;
    log_sink_add(stream == PROCESS_OUT ? &s->out : &s->error, bytes, n);
}

static const char **command(struct script *s)
{
    const struct script_options *o = s->options;
    const char **argv = ARENA_ARRAY(&s->arena, const char *, o->submit_count + o->argument_count + 8);
    size_t n = 0;
    argv[n++] = s->program;
    if (o->spark && s->jars.n) {
        argv[n++] = "--jars";
        argv[n++] = arena_strz(&s->arena, buf_str(&s->jars));
    }
    for (size_t i = 0; i < o->submit_count; i++)
        argv[n++] = arena_strz(&s->arena, o->submit[i]);
    argv[n++] = s->path.p;
    for (size_t i = 0; i < o->argument_count; i++)
        argv[n++] = arena_strz(&s->arena, o->arguments[i]);
    return argv;
}

/* Returns the message of a failed run. spark-submit merges both outputs of a script into its standard
 * output. */
static struct str failure(struct script *s, const struct process_end *end)
{
    const struct str tails[] = {buf_str(&s->error.tail), buf_str(&s->out.tail)};
    for (size_t i = 0; i < 1 + (size_t)s->options->spark; i++) {
        const char *hint = s->options->spark ? spark_hint(tails[i]) : NULL;
        struct str message = hint ? str_z(hint) : script_exception(tails[i]);
        if (message.n)
            return message;
    }
    return end->exit_code < 0 ? arena_printf(&s->arena, "Command was killed by signal %d", end->signal)
                              : arena_printf(&s->arena, "Command failed with exit code %d", end->exit_code);
}

static void report_end(struct script *s, const struct process_end *end)
{
    log_sink_flush(&s->out);
    log_sink_flush(&s->error);
    if (end->dropped)
        log_sink_line(&s->error, "sandbox: a run's logs end after %d MiB; %lld bytes more were left out",
            MAX_OUTPUT / 1024 / 1024, (long long)end->dropped);
    if (task_over_limit(s->task, end))
        return;
    if (end->timed_out)
        task_end(s->task, ACTIVITY_TIMEOUT, end->exit_code, "the run took longer than its timeout allows");
    else if (end->exit_code == 0)
        task_end(s->task, ACTIVITY_SUCCEEDED, 0, "%s", "");
    else if (!end->stopped)
        task_end(s->task, ACTIVITY_FAILED, end->exit_code, "%.*s", STR_ARG(failure(s, end)));
    else
        task_end(s->task, ACTIVITY_FAILED, end->exit_code, "the sandbox ended while this ran");
}

static int script_run_process(struct script *s, struct err *err)
{
    const struct script_options *o = s->options;
    const char **argv = command(s);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct process_end end;
    struct process_options options = {.argv = argv,
        .env = s->env.items,
        .dir = s->run.p,
        .family = services_family(task_jobs(s->task)),
        .timeout_ms = o->timeout_ms,
        .grace_ms = GRACE_MS,
        .memory = o->memory,
        .cpu_s = o->timeout_ms > 0 ? (o->timeout_ms / 1000 + 1) * (cpus > 0 ? cpus : 1) : 0,
        .file_size = MAX_FILE,
        .max_output = MAX_OUTPUT,
        .output = script_take_output,
        .ctx = s};
    task_set_limits(s->task, &options);
    task_running(s->task);
    if (process_run(&options, task_switch(s->task), &end, err))
        return -1;
    report_end(s, &end);
    return 0;
}

static int open_logs(struct script *s, struct err *err)
{
    const struct script_options *o = s->options;
    struct services *services = task_jobs(s->task);
    struct str region = task_self(s->task)->region;
    return service_sink_open(services, region, o->out_group, o->out_stream, &s->arena, &s->out, err) ||
                   service_sink_open(services, region, o->err_group, o->err_stream, &s->arena, &s->error, err)
               ? -1
               : 0;
}

static int run_all(struct script *s, struct err *err)
{
    if (open_logs(s, err))
        return -1;
    if (s->options->notes.n)
        log_sink_line(&s->error, "%.*s", STR_ARG(s->options->notes));
    if (script_prepare(s, err))
        return -1;
    const struct spark_options spark = {.conf = s->conf,
        .tmp = s->tmp,
        .settings = s->options->spark_conf,
        .iceberg = s->options->iceberg,
        .emrfs = s->options->emrfs,
        .family = services_family(task_jobs(s->task)),
        .stop = task_switch(s->task)};
    s->program = "python3";
    if (s->options->spark && spark_prepare(&s->env, &spark, &s->program, err))
        return -1;
    return script_run_process(s, err);
}

bool script_version_before(struct str version, int64_t major, int64_t minor)
{
    int64_t first = 0, second = 0;
    struct str rest;
    if (str_starts(version, STR("emr-")))
        version = str_slice(version, 4, version.n);
    str_to_int(str_cut(version, '.', &rest), &first);
    str_to_int(str_cut(rest, '.', &rest), &second);
    return first < major || (first == major && second < minor);
}

void script_run(struct task *task, const struct script_options *options)
{
    struct script s = {.task = task, .options = options};
    struct err err = ERR_INIT;
    if (run_all(&s, &err)) {
        const char *hint = err.hint[0] ? err.hint : "";
        if (s.error.logs)
            log_sink_line(&s.error, "sandbox: %s%s%s", err.message, *hint ? ": " : "", hint);
        task_end(task, ACTIVITY_FAILED, -1, "%s%s%s", err.message, *hint ? ": " : "", hint);
    }
    if (s.out.logs)
        log_sink_release(&s.out);
    if (s.error.logs)
        log_sink_release(&s.error);
    environment_release(&s.env);
    buf_release(&s.python_path);
    buf_release(&s.jars);
    arena_release(&s.arena);
}
