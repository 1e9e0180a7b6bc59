/* Runs a container's command on this machine (see container.h) and finds definitions by revision. */
#include "sandbox/services/shared/container.h"

#include "base/clock.h"
#include "sandbox/engine/script.h"

#include <inttypes.h>

/* ---- finding a definition among its revisions ---- */

bool service_definition(
    const struct service_call *call, struct str type, struct str name, struct control_record *out)
{
    size_t n;
    bool found = false;
    const struct control_record *all = service_list(call, type, &n);
    for (size_t i = 0; i < n; i++) {
        struct str own = value_gets(all[i].attrs, "name");
        int64_t revision = service_int(all[i].attrs, "revision", 0);
        struct str exact = arena_printf(call->arena, "%.*s:%lld", STR_ARG(own), (long long)revision);
        struct str any = str_slice(all[i].id, 0, str_after_last(all[i].id, ":")); /* without revision */
        if (!str_eq(all[i].id, name) && !str_eq(exact, name) && !str_eq(own, name) &&
            !str_eq(any, arena_printf(call->arena, "%.*s:", STR_ARG(name))))
            continue;
        if (!found || revision > service_int(out->attrs, "revision", 0))
            *out = all[i];
        found = true;
    }
    return found;
}

enum { MAX_OUTPUT = 16 * 1024 * 1024, GRACE_MS = 3000 };
static const int64_t MIB = 1024 * 1024, MAX_FILE = 4LL * 1024 * 1024 * 1024;

const struct value *container_environment(
    struct arena *arena, const struct value *map, const struct value *pairs)
{
    map = map ? map : &value_empty_map;
    for (uint32_t i = 0; pairs && pairs->kind == VALUE_LIST && i < pairs->count; i++)
        map =
            value_with(arena, map, value_gets(pairs->items[i], "name"), value_getz(pairs->items[i], "value"));
    return map;
}

struct running {
    struct arena arena;
    struct environment env;
    struct log_sink sink;
};

static void container_output(void *ctx, enum process_stream stream UNUSED, const char *bytes, size_t n)
{
    struct running *r = ctx;
    if (r->sink.logs)
        log_sink_add(&r->sink, bytes, n);
}

static const char **container_argv(struct arena *arena, const struct value *command)
{
    const char **argv = ARENA_ARRAY(arena, const char *, command->count + 1);
    for (uint32_t i = 0; i < command->count; i++)
        argv[i] = arena_strz(arena, value_text(command->items[i], STR_EMPTY));
    return argv;
}

static void set_environment(
    struct task *task, const struct container *container, struct running *r, int64_t attempt)
{
    const struct task_info *self = task_self(task);
    const struct value *own = value_as_map(value_getz(self->request, "environment"));
    const struct environment_options environment = {.region = self->region,
        .home = task_folder(task),
        .role = value_gets(self->request, "role"),
        .session = self->id};
    environment_release(&r->env);
    r->env = (struct environment){.arena = &r->arena};
    environment_start(&r->env, task_jobs(task), &r->arena, &environment);
    if (container->attempt_variable)
        environment_set(&r->env, container->attempt_variable, arena_printf(&r->arena, "%" PRId64, attempt));
    for (const struct container_variable *v = container->variables; v && v->name; v++)
        environment_set(&r->env, v->name, v->value);
    for (uint32_t i = 0; i < own->count; i++)
        environment_set(&r->env, arena_strz(&r->arena, own->entries[i].key),
            value_text(own->entries[i].value, STR_EMPTY));
}

static int run_here(struct task *task, const struct container *container, struct running *r, struct err *err)
{
    const struct value *request = task_self(task)->request;
    struct services *services = task_jobs(task);
    struct process_end end;
    int64_t memory = service_int_within(request, "memory", 0, 0, INT32_MAX);
    struct str group = value_gets(request, "group");
    if (group.n && service_sink_open(services, task_self(task)->region, group, value_gets(request, "stream"),
                       &r->arena, &r->sink, err))
        return -1;
    struct process_options options = {.argv = container_argv(&r->arena, value_getz(request, "command")),
        .dir = task_folder(task).p,
        .family = services_family(services),
        .timeout_ms = service_int(request, "timeout", 0) * 1000,
        .grace_ms = GRACE_MS,
        .memory = memory ? (memory + 512) * MIB : 0,
        .file_size = MAX_FILE,
        .max_output = MAX_OUTPUT,
        .output = container_output,
        .ctx = r};
    task_set_limits(task, &options);
    task_running(task);
    struct container_attempt attempt = {0};
    bool again;
    do {
        attempt.number++;
        attempt.started_ms = clock_wall_ms();
        set_environment(task, container, r, attempt.number);
        options.env = r->env.items;
        if (process_run(&options, task_switch(task), &end, err))
            return -1;
        if (r->sink.logs)
            log_sink_flush(&r->sink);
        attempt.code = end.exit_code < 0 ? 128 + end.signal : end.exit_code;
        attempt.reason =
            end.timed_out ? "Job attempt duration exceeded timeout" : "Essential container in task exited";
        again = container->attempt_ended && container->attempt_ended(task, &attempt);
        if (task_over_limit(task, &end))
            return 0;
    } while (again && end.exit_code && !end.timed_out && !end.stopped);
    task_end(task,
        end.timed_out   ? ACTIVITY_TIMEOUT
        : end.exit_code ? ACTIVITY_FAILED
                        : ACTIVITY_SUCCEEDED,
        end.timed_out ? end.exit_code : attempt.code, "%s", attempt.reason);
    return 0;
}

void container_work(struct task *task, const struct container *container)
{
    struct running r = {.arena = ARENA_INIT};
    struct err err = ERR_INIT;
    const struct value *request = task_self(task)->request;
    struct str image = value_gets(request, "image");
    r.env.arena = &r.arena;
    if (!str_eqz(image, "local") && !str_starts(image, STR("local/")))
        task_end(task, ACTIVITY_FAILED, -1,
            "%sthe sandbox runs no containers: a %s whose image is local, or begins with local/, runs its "
            "command on this machine",
            container->refusal, container->noun);
    else if (!value_getz(request, "command")->count)
        task_end(task, ACTIVITY_FAILED, -1, "the %s has no command", container->noun);
    else if (run_here(task, container, &r, &err))
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    if (r.sink.logs)
        log_sink_release(&r.sink);
    environment_release(&r.env);
    arena_release(&r.arena);
}
