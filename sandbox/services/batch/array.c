/* Array jobs of Batch: see array.h. */
#include "sandbox/services/batch/array.h"

#include "sandbox/engine/view.h"

#include <inttypes.h>

enum { SIZE_MIN = 2, SIZE_MAX_HERE = 1000, LOOK_MS = 100 };

int array_read_size(const struct service_call *call, int64_t *size, struct err *err)
{
    const struct value *properties = value_getz(call->input, "arrayProperties");
    *size = service_int(properties, "size", 0);
    if (!properties || (*size >= SIZE_MIN && *size <= SIZE_MAX_HERE))
        return 0;
    return service_refuse(err, 400, "ClientException",
        "the size of an array job must be from %d to %d in the sandbox", SIZE_MIN, SIZE_MAX_HERE);
}

struct str array_parent(struct str id)
{
    ptrdiff_t colon = str_find_char(id, ':', 0);
    return colon < 0 ? STR_EMPTY : str_slice(id, 0, (size_t)colon);
}

/* ---- the work ---- */

static struct str child_id(struct arena *arena, const struct task_info *parent, int64_t index)
{
    return arena_printf(arena, "%.*s:%" PRId64, STR_ARG(parent->id), index);
}

static int start_child(struct services *services, struct arena *arena, const struct task_info *parent,
    int64_t index, struct err *err)
{
    const struct value *request = value_with(arena, parent->request, STR("arraySize"), NULL);
    const char *const numbered[] = {"arn", "stream"};
    const char marks[] = {':', '-'};
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
        request = value_with(arena, request, str_z(numbered[i]),
            value_string(arena, arena_printf(arena, "%.*s%c%" PRId64,
                                    STR_ARG(value_gets(request, numbered[i])), marks[i], index)));
    const struct task_options options = {.kind = &batch_kind,
        .region = parent->region,
        .owner = parent->owner,
        .id = child_id(arena, parent, index),
        .request = value_with(arena, request, STR("arrayIndex"), value_int(arena, index))};
    return task_start(services, &options, NULL, err);
}

struct children {
    int64_t going, failed;
};

static struct children look_at_children(
    struct services *services, const struct task_info *parent, int64_t size, bool stop)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct children seen = {0};
    for (int64_t i = 0; i < size; i++) {
        struct task_info child = {.state = ACTIVITY_FAILED};
        struct str id = child_id(&scratch, parent, i);
        task_find(services, &scratch, batch_kind.name, parent->region, STR_EMPTY, id, &child);
        seen.going += child.state < ACTIVITY_SUCCEEDED;
        seen.failed += child.state > ACTIVITY_SUCCEEDED;
        if (stop && child.state < ACTIVITY_SUCCEEDED)
            task_stop(services, batch_kind.name, parent->region, id, STR("Dependent Job was terminated"));
    }
    return seen;
}

void array_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct services *services = task_jobs(task);
    const struct task_info *self = task_self(task);
    int64_t size = service_int(self->request, "arraySize", 0), started = 0;
    struct err err = ERR_INIT;
    struct children seen;
    task_running(task);
    while (started < size && !start_child(services, &arena, self, started, &err))
        started++;
    do
        seen = look_at_children(services, self, started, atomic_load(&task_switch(task)->turned) > 0);
    while (seen.going && services_sleep(services, LOOK_MS));
    if (started < size)
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    else if (seen.failed || seen.going)
        task_end(task, ACTIVITY_FAILED, -1, "Array Child Job failed");
    else
        task_end(task, ACTIVITY_SUCCEEDED, -1, "%s", "");
}

/* ---- what is shown ---- */

static const struct value *summary_of(
    struct services *services, struct arena *arena, const struct task_info *parent, const char *const *states)
{
    size_t n;
    const struct task_info *all =
        task_list(services, arena, batch_kind.name, parent->region, parent->owner, &n);
    const struct value *summary = &value_empty_map;
    for (size_t i = 0; i < n; i++)
        if (str_eq(array_parent(all[i].id), parent->id))
            summary = value_with(arena, summary, str_z(states[all[i].state]),
                value_int(arena, service_int(summary, states[all[i].state], 0) + 1));
    return summary;
}

const struct value *array_view(
    struct services *services, struct arena *arena, const struct task_info *info, const char *const *states)
{
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *index = value_getz(info->request, "arrayIndex"),
                       *size = value_getz(info->request, "arraySize");
    if (index)
        view_set(&b, "index", index);
    else if (size)
        view_set(&b, "size", size);
    if (size)
        view_set(&b, "statusSummary", summary_of(services, arena, info, states));
    return index || size ? value_builder_map(&b) : NULL;
}
