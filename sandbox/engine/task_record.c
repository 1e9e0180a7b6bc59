/* What is kept of a task: see task.h. */
#include "sandbox/engine/task.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

#include <stdio.h>

enum { MAX_RECORD = 16 * 1024 * 1024 };

static const char *const state_names[] =
    ACTIVITY_NAMES("waiting", "starting", "running", "stopping", "succeeded", "failed", "timeout", "stopped");

struct str task_record_name(struct arena *arena, struct str kind, struct str region, struct str id)
{
    struct str whole = arena_printf(arena, "%.*s\n%.*s\n%.*s", STR_ARG(kind), STR_ARG(region), STR_ARG(id));
    return arena_printf(arena, "%.*s-%.24s", STR_ARG(kind), sha256_hex(arena, whole).p);
}

void task_record_write(const char *path, const struct task_info *info, enum activity_state state)
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

/* One that had not ended, or says nothing that is known, has failed. */
static enum activity_state end_named(struct str name)
{
    for (int i = ACTIVITY_SUCCEEDED; i <= ACTIVITY_STOPPED; i++)
        if (str_eqz(name, state_names[i]))
            return (enum activity_state)i;
    return ACTIVITY_FAILED;
}

bool task_record_read(struct arena *arena, const char *path, struct task_info *out)
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
