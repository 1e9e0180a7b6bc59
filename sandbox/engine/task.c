/* Tasks: see task.h. */
#include "sandbox/engine/task.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/calls/services_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- records ---- */

enum { MAX_RECORD = 16 * 1024 * 1024 };

static const char *const state_names[] =
    ACTIVITY_NAMES("waiting", "starting", "running", "stopping", "succeeded", "failed", "timeout", "stopped");

/* The file name has a digest, since ids may contain any character. */
static struct str task_record_name(struct arena *arena, struct str kind, struct str region, struct str id)
{
    struct str whole = arena_printf(arena, "%.*s\n%.*s\n%.*s", STR_ARG(kind), STR_ARG(region), STR_ARG(id));
    return arena_printf(arena, "%.*s-%.24s", STR_ARG(kind), sha256_hex(arena, whole).p);
}

/* Writes a record with this state instead of info's. An error is printed to standard error. */
static void task_record_write(const char *path, const struct task_info *info, enum activity_state state)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    const struct value_entry entries[] = {
        {STR("kind"), value_string(&arena, info->kind)},
        {STR("region"), value_string(&arena, info->region)},
        {STR("owner"), value_string(&arena, info->owner)},
        {STR("id"), value_string(&arena, info->id)},
        {STR("request"), info->request},
        {STR("created"), value_int(&arena, info->created_ms)},
        {STR("started"), value_int(&arena, info->started_ms)},
        {STR("ended"), value_int(&arena, info->ended_ms)},
        {STR("state"), value_stringz(&arena, state_names[state])},
        {STR("exit_code"), value_int(&arena, info->exit_code)},
        {STR("message"), value_string(&arena, info->message)},
    };
    json_write(&text, value_map(&arena, entries, sizeof entries / sizeof *entries), JSON_PLAIN);
    if (file_write_atomic(path, buf_str(&text), 0600, &err))
        fprintf(stderr, "sandbox: the record of a run: %s\n", err.message);
}

/* Parses a final state; any other text means failed. */
static enum activity_state end_named(struct str name)
{
    for (int i = ACTIVITY_SUCCEEDED; i <= ACTIVITY_STOPPED; i++)
        if (str_eqz(name, state_names[i]))
            return (enum activity_state)i;
    return ACTIVITY_FAILED;
}

/* Returns false if the record cannot be read. A task that had not ended counts as failed, without an end
 * time. */
static bool task_record_read(struct arena *arena, const char *path, struct task_info *out)
{
    struct str text;
    const struct value *record;
    if (file_read(arena, path, MAX_RECORD, &text, ERR_IGNORED) ||
        json_parse(arena, text, &record, ERR_IGNORED))
        return false;
    *out = (struct task_info){.kind = value_gets(record, "kind"),
        .region = value_gets(record, "region"),
        .owner = value_gets(record, "owner"),
        .id = value_gets(record, "id"),
        .request = value_getz(record, "request"),
        .created_ms = value_geti(record, "created", 0),
        .started_ms = value_geti(record, "started", 0),
        .ended_ms = value_geti(record, "ended", 0),
        .state = end_named(value_gets(record, "state")),
        .exit_code = value_geti(record, "exit_code", 0),
        .message = value_gets(record, "message")};
    return true;
}

enum { KEPT = 1000, WAITING = 1000 };

struct task {
    struct services *services;
    const struct task_kind *kind; /* NULL: started by an earlier sandbox */
    struct activity *activity;    /* owns the task */
    struct arena arena;
    struct task_info info; /* the services' lock guards times, exit code, message; state: see activity */
    const struct value *wait_for;
    struct process_switch stop;
    struct str path, folder;
    bool asked;   /* a stop was requested; guarded by the services' lock */
    bool at_work; /* guarded by the services' lock */
};

struct tasks {
    struct services *services;
    struct arena arena;
    struct str dir, work;
    /* guarded by the services' lock */
    struct task **items; /* oldest first; each holds a reference to its activity */
    size_t count, cap, running, at_once;
};

/* ---- one task ---- */

/* Called with the lock held. */
static void fill_info(struct task *task, struct arena *arena, struct task_info *out)
{
    const struct task_info *in = &task->info;
    *out = *in;
    out->kind = arena_str(arena, in->kind);
    out->region = arena_str(arena, in->region);
    out->owner = arena_str(arena, in->owner);
    out->id = arena_str(arena, in->id);
    out->request = value_copy(arena, in->request);
    out->message = arena_str(arena, in->message);
    out->state = activity_state_locked(task->activity);
    out->at_work = task->at_work;
    if (out->state < ACTIVITY_SUCCEEDED) { /* the end is being recorded */
        out->ended_ms = 0;
        out->exit_code = -1;
    }
}

static void task_keep(struct task *task, enum activity_state state)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct task_info info;
    pthread_mutex_lock(&task->services->lock);
    fill_info(task, &arena, &info);
    info.ended_ms = task->info.ended_ms;
    info.exit_code = task->info.exit_code;
    pthread_mutex_unlock(&task->services->lock);
    task_record_write(task->path.p, &info, state);
}

static void free_task(void *ctx)
{
    struct task *task = ctx;
    process_switch_release(&task->stop);
    arena_release(&task->arena);
    free(task);
}

static const struct value *output_of(void *ctx, struct arena *arena)
{
    struct task *task = ctx;
    struct task_info *info = ARENA_NEW(arena, struct task_info);
    pthread_mutex_lock(&task->services->lock);
    fill_info(task, arena, info);
    pthread_mutex_unlock(&task->services->lock);
    return task->kind->view(info, arena);
}

/* Called with the lock held. */
static void ask_to_stop(struct task *task, bool now)
{
    task->asked = true;
    process_stop(&task->stop, now);
    pthread_cond_broadcast(&task->services->changed);
}

static void stop_run(void *ctx)
{
    struct task *task = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&task->services->lock);
    ask_to_stop(task, false);
}

static const struct activity_ops run_ops = {stop_run, output_of, free_task};

struct str task_result(
    struct services *services, struct arena *arena, const char *kind, struct str region, struct str id)
{
    struct str name = task_record_name(arena, str_z(kind), region, id);
    return arena_printf(arena, "%s/%s.result", services->parts.tasks->dir.p, name.p);
}

static struct task *new_task(struct tasks *tasks, const struct task_info *info)
{
    struct task *task = mem_zalloc(sizeof *task);
    task->services = tasks->services;
    task->stop.fd = -1;
    task->info = (struct task_info){.kind = arena_str(&task->arena, info->kind),
        .region = arena_str(&task->arena, info->region),
        .owner = arena_str(&task->arena, info->owner),
        .id = arena_str(&task->arena, info->id),
        .request = value_copy(&task->arena, info->request ? info->request : &value_empty_map),
        .message = arena_str(&task->arena, info->message),
        .created_ms = info->created_ms,
        .started_ms = info->started_ms,
        .ended_ms = info->ended_ms,
        .exit_code = info->exit_code};
    struct str name = task_record_name(&task->arena, info->kind, info->region, info->id);
    task->path = arena_printf(&task->arena, "%s/%s.json", tasks->dir.p, name.p);
    task->folder = arena_printf(&task->arena, "%s/%s", tasks->work.p, name.p);
    task->activity = activity_new(tasks->services, &run_ops, task);
    return task;
}

/* Adds a task; above the limit the oldest ended task is removed. Called with the lock held. */
static void task_add(struct tasks *tasks, struct task *task)
{
    size_t oldest = 0;
    MEM_GROW(tasks->items, tasks->cap, tasks->count + 1);
    tasks->items[tasks->count++] = task;
    if (tasks->count <= KEPT)
        return;
    while (
        oldest < tasks->count && activity_state_locked(tasks->items[oldest]->activity) < ACTIVITY_SUCCEEDED)
        oldest++;
    if (oldest == tasks->count)
        return;
    struct task *gone = tasks->items[oldest];
    memmove(
        tasks->items + oldest, tasks->items + oldest + 1, (--tasks->count - oldest) * sizeof *tasks->items);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct task_info *info = &gone->info;
    unlink(gone->path.p);
    unlink(task_result(tasks->services, &arena, info->kind.p, info->region, info->id).p);
    activity_release(gone->activity);
}

/* ---- opening ---- */

/* Loads a record; an unreadable one is skipped. */
static void load_one(struct tasks *tasks, const char *path)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct task_info info;
    if (!task_record_read(&arena, path, &info))
        return;
    if (!info.ended_ms) {
        info.message = STR("the sandbox ended while this ran");
        info.ended_ms = clock_wall_ms();
    }
    struct task *task = new_task(tasks, &info);
    activity_end(task->activity, info.state, STR_EMPTY, info.message);
    task_add(tasks, task);
}

static int by_age(const void *a, const void *b)
{
    const struct task *x = *(struct task *const *)a, *y = *(struct task *const *)b;
    return (x->info.created_ms > y->info.created_ms) - (x->info.created_ms < y->info.created_ms);
}

int tasks_open(struct services *services, struct tasks **out, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct tasks *tasks = mem_zalloc(sizeof *tasks);
    tasks->services = services;
    *out = tasks;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    tasks->at_once = cpus > 2 ? (size_t)cpus * 2 : 4;
    tree_remove(arena_printf(&arena, "%s/jobs/work", sandbox_dir(services->sandbox)).p);
    if (services_dir(services, &tasks->arena, "tasks", &tasks->dir, err) ||
        services_dir(services, &tasks->arena, "work", &tasks->work, err))
        return -1;
    AUTO_DIR DIR *files = opendir(tasks->dir.p);
    if (!files)
        return err_errno(err, ERR_IO, "cannot read %s", tasks->dir.p);
    for (struct dirent *entry; (entry = readdir(files));)
        if (str_ends(str_z(entry->d_name), STR(".json")))
            load_one(tasks, path_join(&arena, tasks->dir, str_z(entry->d_name)).p);
    if (tasks->count)
        qsort(tasks->items, tasks->count, sizeof *tasks->items, by_age);
    return 0;
}

void tasks_stop(struct tasks *tasks)
{
    if (!tasks)
        return;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&tasks->services->lock);
    for (size_t i = 0; i < tasks->count; i++)
        process_stop(&tasks->items[i]->stop, true);
    pthread_cond_broadcast(&tasks->services->changed);
}

void tasks_close(struct tasks *tasks)
{
    if (!tasks)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        activity_release(tasks->items[i]->activity);
    free(tasks->items);
    arena_release(&tasks->arena);
    free(tasks);
}

/* ---- thread of a task ---- */

static struct task *find_locked(
    struct tasks *tasks, struct str kind, struct str region, struct str owner, struct str id)
{
    for (size_t i = tasks->count; i-- > 0;) {
        struct task *task = tasks->items[i];
        if (str_eq(task->info.id, id) && str_eq(task->info.kind, kind) && str_eq(task->info.region, region) &&
            (!owner.n || str_eq(task->info.owner, owner)))
            return task;
    }
    return NULL;
}

/* Called with the lock held. Returns 1 if all dependencies succeeded, 0 if some are running, -1 if one
 * failed. */
static int check_dependencies(struct tasks *tasks, const struct task *task)
{
    for (uint32_t i = 0; task->wait_for && i < task->wait_for->count; i++) {
        struct str id = value_text(task->wait_for->items[i], STR_EMPTY);
        const struct task *other = find_locked(tasks, task->info.kind, task->info.region, STR_EMPTY, id);
        enum activity_state state = other ? activity_state_locked(other->activity) : ACTIVITY_FAILED;
        if (state != ACTIVITY_SUCCEEDED)
            return state > ACTIVITY_SUCCEEDED ? -1 : 0;
    }
    return 1;
}

/* Waits for the dependencies and a free slot, and takes the slot. False: the task must not begin. */
static bool wait_for_turn(struct tasks *tasks, struct task *task)
{
    struct services *services = tasks->services;
    int others;
    pthread_mutex_lock(&services->lock);
    while (!(others = check_dependencies(tasks, task)) ||
           (!task->kind->waits && tasks->running >= tasks->at_once)) {
        if (services->stopping || task->asked || others < 0)
            break;
        services_wait(services, -1);
    }
    bool begins = task->at_work = others > 0 && !services->stopping && !task->asked;
    tasks->running += begins && !task->kind->waits;
    pthread_mutex_unlock(&services->lock);
    if (begins)
        activity_set_state(task->activity, ACTIVITY_STARTING);
    if (others < 0)
        task_end(task, ACTIVITY_FAILED, -1, "a job that this one depends on did not succeed");
    return begins;
}

static void do_work(struct tasks *tasks, struct task *task)
{
    struct err err = ERR_INIT;
    tree_remove(task->folder.p);
    if (dir_make(task->folder.p, &err))
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    else
        task->kind->work(task);
    tree_remove(task->folder.p);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&tasks->services->lock);
    task->at_work = false;
    tasks->running -= !task->kind->waits;
    pthread_cond_broadcast(&tasks->services->changed);
}

static void task_main(void *ctx)
{
    struct task *task = ctx;
    struct tasks *tasks = task->services->parts.tasks;
    if (wait_for_turn(tasks, task))
        do_work(tasks, task);
    task_end(task, ACTIVITY_FAILED, -1, "the sandbox ended while this ran");
    pthread_mutex_lock(&task->services->lock);
    process_switch_release(&task->stop);
    task->stop.fd = -1;
    pthread_mutex_unlock(&task->services->lock);
    activity_release(task->activity);
}

/* Checks the limits. Called with the lock held. */
static int check_room(struct tasks *tasks, const struct task_options *options, struct err *err)
{
    size_t own = 0, all = 0;
    for (size_t i = 0; i < tasks->count; i++) {
        const struct task_info *info = &tasks->items[i]->info;
        if (activity_state_locked(tasks->items[i]->activity) >= ACTIVITY_SUCCEEDED)
            continue;
        all++;
        own += str_eq(info->owner, options->owner) && str_eqz(info->kind, options->kind->name) &&
               str_eq(info->region, options->region);
    }
    if (options->at_once && own >= options->at_once)
        return err_set(err, ERR_EXISTS, "%zu of %.*s run already", own, STR_ARG(options->owner));
    return all >= WAITING ? err_set(err, ERR_THROTTLED, "%zu jobs run or wait already", all) : 0;
}

int task_start(struct services *services, const struct task_options *options, struct activity **activity,
    struct err *err)
{
    struct tasks *tasks = services->parts.tasks;
    const struct task_info info = {.kind = str_z(options->kind->name),
        .region = options->region,
        .owner = options->owner,
        .id = options->id,
        .request = options->request,
        .created_ms = clock_wall_ms(),
        .exit_code = -1};
    struct task *task = new_task(tasks, &info);
    task->kind = options->kind;
    task->wait_for = options->wait_for ? value_copy(&task->arena, options->wait_for) : NULL;
    pthread_mutex_lock(&services->lock);
    int refused = check_room(tasks, options, err) || process_switch_init(&task->stop, err);
    if (!refused)
        task_add(tasks, task);
    pthread_mutex_unlock(&services->lock);
    if (refused) {
        activity_release(task->activity);
        return -1;
    }
    bool waits = task->wait_for && task->wait_for->count;
    activity_set_state(task->activity, waits ? ACTIVITY_WAITING : ACTIVITY_STARTING);
    task_keep(task, ACTIVITY_STARTING);
    if (activity)
        *activity = activity_keep(task->activity);
    activity_keep(task->activity); /* the thread's reference */
    if (services_thread(services, task_main, task)) {
        task_end(task, ACTIVITY_FAILED, -1, "the sandbox can start no more threads");
        activity_release(task->activity);
    }
    return 0;
}

const char *task_token_digits(const struct service_call *call, struct str token)
{
    unsigned char bytes[16];
    if (token.n)
        return sha256_hex(call->arena, arena_printf(call->arena, "%s %.*s %.*s", call->operation->service,
                                           STR_ARG(call->region), STR_ARG(token)))
            .p;
    hash_random(bytes, sizeof bytes);
    return hex_encode(call->arena, bytes, sizeof bytes).p;
}

/* ---- lookup ---- */

bool task_find(struct services *services, struct arena *arena, const char *kind, struct str region,
    struct str owner, struct str id, struct task_info *out)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    struct task *task = find_locked(services->parts.tasks, str_z(kind), region, owner, id);
    if (task)
        fill_info(task, arena, out);
    return task != NULL;
}

struct task_info *task_list(struct services *services, struct arena *arena, const char *kind,
    struct str region, struct str owner, size_t *n)
{
    const struct tasks *tasks = services->parts.tasks;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&services->lock);
    struct task_info *list = ARENA_ARRAY(arena, struct task_info, tasks->count + 1);
    *n = 0;
    for (size_t i = tasks->count; i-- > 0;) {
        struct task *task = tasks->items[i];
        if ((!kind || str_eqz(task->info.kind, kind)) && (!region.n || str_eq(task->info.region, region)) &&
            (!owner.n || str_eq(task->info.owner, owner)))
            fill_info(task, arena, &list[(*n)++]);
    }
    return list;
}

bool task_stop(struct services *services, const char *kind, struct str region, struct str id, struct str why)
{
    pthread_mutex_lock(&services->lock);
    struct task *task = find_locked(services->parts.tasks, str_z(kind), region, STR_EMPTY, id);
    bool runs = task && activity_state_locked(task->activity) < ACTIVITY_SUCCEEDED;
    if (runs && !task->asked) {
        task->info.message = arena_str(&task->arena, why);
        ask_to_stop(task, false);
    }
    struct activity *activity = runs ? activity_keep(task->activity) : NULL; /* may be removed */
    pthread_mutex_unlock(&services->lock);
    if (runs)
        activity_set_state(activity, ACTIVITY_STOPPING);
    activity_release(activity);
    return runs;
}

/* ---- functions for the work ---- */

struct services *task_jobs(struct task *task)
{
    return task->services;
}

const struct task_info *task_self(const struct task *task)
{
    return &task->info;
}

struct process_switch *task_switch(struct task *task)
{
    return &task->stop;
}

struct str task_folder(const struct task *task)
{
    return task->folder;
}

void task_set_limits(const struct task *task, struct process_options *options)
{
    options->folder = task->folder.p;
    options->max_folder_bytes = sandbox_run_max_bytes(task->services->sandbox);
}

bool task_over_limit(struct task *task, const struct process_end *end)
{
    if (end->overfull)
        task_end(task, ACTIVITY_FAILED, -1, "the run took more than %lld MiB of the disk in its folder",
            (long long)(sandbox_run_max_bytes(task->services->sandbox) / 1024 / 1024));
    else if (end->out_of_memory)
        task_end(task, ACTIVITY_FAILED, 137, "the run took more memory than it has");
    return end->overfull || end->out_of_memory;
}

void task_running(struct task *task)
{
    pthread_mutex_lock(&task->services->lock);
    task->info.started_ms = clock_wall_ms();
    bool asked = task->asked;
    pthread_mutex_unlock(&task->services->lock);
    if (!asked)
        activity_set_state(task->activity, ACTIVITY_RUNNING);
}

void task_end(struct task *task, enum activity_state state, int64_t exit_code, const char *format, ...)
{
    AUTO_BUF struct buf text = BUF_INIT;
    va_list args;
    va_start(args, format);
    buf_addvf(&text, format, args);
    va_end(args);
    pthread_mutex_lock(&task->services->lock);
    bool first = !task->info.ended_ms;
    if (first) {
        task->info.ended_ms = clock_wall_ms();
        task->info.exit_code = exit_code;
        if (task->asked)
            state = ACTIVITY_STOPPED;
        if (!task->info.message.n && text.n && !task->asked)
            task->info.message = arena_str(&task->arena, buf_str(&text));
    }
    pthread_mutex_unlock(&task->services->lock);
    if (!first)
        return;
    task_keep(task, state); /* recorded before waiting threads see it */
    activity_end(task->activity, state, STR_EMPTY, task->info.message);
}

/* ---- for handlers of operations ---- */

int task_call_start(struct service_call *call, const struct task_options *options, struct err *err)
{
    return task_start(call->services, options, call->wants_activity ? &call->activity : NULL, err);
}

bool task_call_find(
    const struct service_call *call, const char *kind, struct str owner, struct str id, struct task_info *out)
{
    return task_find(call->services, call->arena, kind, call->region, owner, id, out);
}

struct task_info *task_call_list(
    const struct service_call *call, const char *kind, struct str owner, size_t *n)
{
    return task_list(call->services, call->arena, kind, call->region, owner, n);
}

bool task_call_stop(const struct service_call *call, const char *kind, struct str id, struct str why)
{
    return task_stop(call->services, kind, call->region, id, why);
}
