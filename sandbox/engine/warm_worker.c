/* Warm workers: see warm_worker.h. */
#include "sandbox/engine/warm_worker.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/calls/services_state.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDLE = 2, GRACE_MS = 1000, MAX_OUTPUT = 4096 };

struct warm_worker {
    struct warm_workers *all;
    struct arena arena;
    struct environment env;
    const char *module;
    struct str environment;  /* text of its environment, for comparison */
    struct str folder, work; /* work: folder of the current request */
    struct process_switch stop;
    int requests; /* a named pipe; each byte is a request */
    /* guarded by the services' lock */
    struct warm_worker *next;
    int references; /* of its thread and of the requesting task */
    bool asked, ending, dead;
    struct buf output, complaint; /* since the request: the answer line, and standard error */
    struct process_end end;
    struct err refusal; /* why it did not start */
};

struct warm_workers {
    struct services *services;
    struct arena arena;
    struct str dir; /* "" until created */
    struct warm_worker *first;
    uint64_t made;
};

/* ---- thread of a worker ---- */

/* Called with the lock held. */
static void warm_worker_release(struct warm_worker *r)
{
    if (--r->references)
        return;
    process_switch_release(&r->stop);
    fd_close_ptr(&r->requests);
    environment_release(&r->env);
    buf_release(&r->output);
    buf_release(&r->complaint);
    arena_release(&r->arena);
    free(r);
}

/* Called with the lock held. */
static void warm_worker_forget(struct warm_worker *r)
{
    struct warm_worker **at = &r->all->first;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

static void warm_worker_take_output(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    struct warm_worker *r = ctx;
    struct services *services = r->all->services;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    buf_add(stream == PROCESS_OUT ? &r->output : &r->complaint, bytes, n);
    pthread_cond_broadcast(&services->changed);
}

static void warm_worker_main(void *ctx)
{
    struct warm_worker *r = ctx;
    struct services *services = r->all->services;
    const char *argv[] = {"python3", "weir_resident.py", r->module, NULL};
    const struct process_options options = {.argv = argv,
        .env = r->env.items,
        .dir = r->folder.p,
        .family = services_family(services),
        .grace_ms = GRACE_MS,
        .folder = r->folder.p,
        .max_folder_bytes = sandbox_run_max_bytes(services->sandbox),
        .output = warm_worker_take_output,
        .ctx = r};
    struct process_end end = {.exit_code = -1};
    struct err err = ERR_INIT;
    int failed = process_run(&options, &r->stop, &end, &err);
    pthread_mutex_lock(&services->lock);
    r->dead = true;
    r->end = end;
    if (failed)
        r->refusal = err;
    warm_worker_forget(r); /* before its folder is removed */
    pthread_cond_broadcast(&services->changed);
    pthread_mutex_unlock(&services->lock);
    tree_remove(r->folder.p);
    pthread_mutex_lock(&services->lock);
    warm_worker_release(r);
    pthread_mutex_unlock(&services->lock);
}

/* ---- creation ---- */

static struct str environment_text(struct arena *arena, const struct environment *env)
{
    AUTO_BUF struct buf text = BUF_INIT;
    for (size_t i = 0; i + 1 < env->n; i++)
        buf_addf(&text, "%s\n", env->items[i]);
    return arena_str(arena, buf_str(&text));
}

static int make_pipe(struct warm_worker *r, struct err *err)
{
    struct str path = path_join(&r->arena, r->folder, STR("requests"));
    if (mkfifo(path.p, 0600))
        return err_errno(err, ERR_IO, "cannot make %s", path.p);
    r->requests = open(path.p, O_RDWR | O_CLOEXEC); /* read-write, so that open() does not block */
    return r->requests < 0 ? err_errno(err, ERR_IO, "cannot open %s", path.p) : 0;
}

/* Assigns a unique folder name. Called with the lock held. */
static int name_folder(struct warm_workers *all, struct warm_worker *r, struct err *err)
{
    if (!all->dir.n && services_dir(all->services, &all->arena, "residents", &all->dir, err))
        return -1;
    r->folder = arena_printf(&r->arena, "%s/%llu", all->dir.p, (unsigned long long)all->made++);
    r->work = path_join(&r->arena, r->folder, STR("work"));
    return 0;
}

static int warm_worker_equip(
    struct warm_worker *r, const struct environment *env, const struct str *environment, struct err *err)
{
    struct services *services = r->all->services;
    pthread_mutex_lock(&services->lock);
    int failed = name_folder(r->all, r, err);
    pthread_mutex_unlock(&services->lock);
    if (failed || dir_make(r->folder.p, err) || script_write_support(r->folder.p, err) || make_pipe(r, err) ||
        process_switch_init(&r->stop, err))
        return -1;
    r->environment = arena_str(&r->arena, *environment);
    r->env.arena = &r->arena;
    for (size_t i = 0; i + 1 < env->n; i++) {
        struct str value, name = str_cut(str_z(env->items[i]), '=', &value);
        environment_set(&r->env, arena_strz(&r->arena, name), value);
    }
    environment_set(&r->env, "HOME", r->folder);
    return 0;
}

/* Creates a worker, reserved for the caller, with its thread. NULL with err. */
static struct warm_worker *warm_worker_make(struct warm_workers *all, const char *module,
    const struct environment *env, const struct str *environment, struct err *err)
{
    struct services *services = all->services;
    struct warm_worker *r = mem_zalloc(sizeof *r);
    *r = (struct warm_worker){.all = all,
        .module = module,
        .stop.fd = -1,
        .requests = -1,
        .references = 2,
        .asked = true,
        .output.max = MAX_OUTPUT,
        .complaint.max = MAX_OUTPUT};
    int failed = warm_worker_equip(r, env, environment, err);
    pthread_mutex_lock(&services->lock);
    r->next = all->first;
    all->first = r;
    pthread_mutex_unlock(&services->lock);
    if (!failed && !services_thread(services, warm_worker_main, r))
        return r;
    if (!failed)
        err_set(err, ERR_FAILED, "the sandbox can start no more threads");
    if (r->folder.n)
        tree_remove(r->folder.p);
    pthread_mutex_lock(&services->lock);
    warm_worker_forget(r);
    warm_worker_release(r);
    warm_worker_release(r);
    pthread_mutex_unlock(&services->lock);
    return NULL;
}

/* ---- requests ---- */

/* Reserves an idle worker with the same module and environment, or returns NULL. */
static struct warm_worker *warm_worker_idle(
    struct warm_workers *all, const char *module, const struct str *environment)
{
    struct services *services = all->services;
    struct warm_worker *r;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    for (r = all->first; r; r = r->next)
        if (!r->asked && !r->ending && str_eqz(str_z(r->module), module) &&
            str_eq(r->environment, *environment))
            break;
    if (r) {
        r->asked = true;
        r->references++;
        buf_clear(&r->output);
        buf_clear(&r->complaint);
    }
    return r;
}

/* Called with the lock held. */
static bool has_answered(const struct warm_worker *r)
{
    return str_find_char(buf_str(&r->output), '\n', 0) >= 0;
}

/* Ends a worker whose request was cancelled or timed out. Called with the lock held. */
static void warm_worker_end(struct warm_worker *r, bool now)
{
    r->ending = true;
    if (!r->dead)
        process_stop(&r->stop, now);
}

/* Waits until the worker has answered or ended. Called with the lock held. */
static void warm_worker_await(
    struct warm_worker *r, struct process_switch *stop, int64_t timeout_ms, struct warm_worker_answer *answer)
{
    int64_t deadline = clock_mono_ms() + timeout_ms;
    while (!has_answered(r) && !r->dead) {
        int turned = atomic_load(&stop->stop_requested);
        answer->timed_out = answer->timed_out || clock_mono_ms() >= deadline;
        if (turned || answer->timed_out)
            warm_worker_end(r, turned > 1);
        services_wait(r->all->services, r->ending ? -1 : deadline);
    }
}

static void warm_worker_read(struct warm_worker *r, struct arena *arena, struct warm_worker_answer *answer)
{
    struct str text, line = buf_str(&r->output);
    int64_t status = 1;
    answer->whole = has_answered(r);
    answer->end = r->end;
    answer->text = arena_str(arena, script_last_line(buf_str(&r->complaint)));
    if (!answer->whole)
        return;
    str_to_int(str_cut(str_cut(line, '\n', &line), ' ', &text), &status);
    answer->status = (int)status;
    answer->text = arena_str(arena, str_trim(str_cut(text, '\n', &text)));
}

/* Makes the worker idle again, or ends it if enough are idle. */
static void warm_worker_give_back(struct warm_worker *r)
{
    struct services *services = r->all->services;
    size_t idle = 0;
    pthread_mutex_lock(&services->lock);
    bool kept = !r->ending && !r->dead;
    pthread_mutex_unlock(&services->lock);
    if (kept)
        tree_remove(r->work.p);
    pthread_mutex_lock(&services->lock);
    for (const struct warm_worker *one = r->all->first; one; one = one->next)
        idle += !one->asked;
    if (services->stopping || idle >= IDLE)
        warm_worker_end(r, true);
    r->asked = false;
    warm_worker_release(r);
    pthread_mutex_unlock(&services->lock);
}

static int warm_worker_send(
    struct warm_worker *r, struct arena *arena, const struct value *request, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, request, JSON_PLAIN);
    if (dir_make(r->work.p, err) ||
        file_write_atomic(path_join(arena, r->work, STR("request.json")).p, buf_str(&text), 0600, err))
        return -1;
    return write(r->requests, "\n", 1) == 1 ? 0 : err_errno(err, ERR_IO, "cannot ask %s", r->module);
}

/* True if the worker ended, idle or killed, without taking this request. Called with the lock held. */
static bool warm_worker_had_ended(const struct warm_worker *r, bool sent)
{
    int unread = 0;
    bool left = r->dead && !r->ending && !has_answered(r) && !r->refusal.class;
    return left && (!sent || r->end.exit_code == 0 || (!ioctl(r->requests, FIONREAD, &unread) && unread > 0));
}

/* Sends a request and reads the answer. Returns 1 if the worker had ended before: another can be used. */
static int warm_worker_do(struct warm_worker *r, struct task *task, const struct warm_worker_options *options,
    struct arena *arena, struct warm_worker_answer *answer, struct err *err)
{
    struct services *services = r->all->services;
    struct err failure = ERR_INIT;
    *answer = (struct warm_worker_answer){.end.exit_code = -1};
    int status = warm_worker_send(r, arena, options->request, &failure);
    bool sent = !status;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    if (sent)
        warm_worker_await(r, task_switch(task), options->timeout_ms, answer);
    warm_worker_read(r, arena, answer);
    if (!answer->whole && r->refusal.class) {
        failure = r->refusal;
        status = -1;
    }
    if (warm_worker_had_ended(r, sent))
        status = 1;
    if (status < 0) {
        warm_worker_end(r, true);
        *err = failure;
    }
    return status;
}

int warm_worker_ask(struct task *task, const struct warm_worker_options *options, struct arena *arena,
    struct warm_worker_answer *answer, struct err *err)
{
    struct warm_workers *all = services_parts(task_jobs(task))->warm_workers;
    struct environment env;
    environment_start(&env, task_jobs(task), arena, &options->environment);
    struct str environment = environment_text(arena, &env);
    int status;
    bool again;
    do {
        struct warm_worker *r = warm_worker_idle(all, options->module, &environment);
        again = r != NULL;
        if (!r)
            r = warm_worker_make(all, options->module, &env, &environment, err);
        status = r ? warm_worker_do(r, task, options, arena, answer, err) : -1;
        if (r)
            warm_worker_give_back(r);
    } while (status > 0 && again);
    environment_release(&env);
    return status < 0 ? -1 : 0;
}

/* ---- all workers ---- */

struct warm_workers *warm_workers_new(struct services *services)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct warm_workers *warm_workers = mem_zalloc(sizeof *warm_workers);
    warm_workers->services = services;
    tree_remove(arena_printf(&arena, "%s/jobs/residents", sandbox_dir(services->sandbox)).p);
    return warm_workers;
}

void warm_workers_stop(struct warm_workers *warm_workers)
{
    if (!warm_workers)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&warm_workers->services->lock);
    for (struct warm_worker *r = warm_workers->first; r; r = r->next)
        warm_worker_end(r, true);
}

void warm_workers_free(struct warm_workers *warm_workers)
{
    if (!warm_workers)
        return;
    arena_release(&warm_workers->arena);
    free(warm_workers);
}
