/* One file an execution: what it was when it started, all of it once it has ended. */
#include "provider/sandbox/jobs/executions.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "provider/sandbox/jobs/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_FILE = 256 * 1024 * 1024 };

static int file_of(
    struct executions *all, struct arena *arena, struct str arn, struct str *out, struct err *err)
{
    struct str dir;
    if (jobs_dir(all->jobs, arena, "executions", &dir, err))
        return -1;
    *out = arena_printf(arena, "%s/%.24s.json", dir.p, sha256_hex(arena, arn).p);
    return 0;
}

static const struct value *text(struct arena *arena, struct str s)
{
    return s.p ? value_string(arena, s) : &value_null;
}

static const struct value *record_of(struct execution *e, struct arena *arena)
{
    struct value_entry entries[] = {
        {STR("arn"), text(arena, e->arn)},
        {STR("name"), text(arena, e->name)},
        {STR("machine"), text(arena, e->machine)},
        {STR("machine_name"), text(arena, e->machine_name)},
        {STR("region"), text(arena, e->region)},
        {STR("role"), text(arena, e->role)},
        {STR("express"), value_bool(e->express)},
        {STR("input"), text(arena, e->input)},
        {STR("start_ms"), value_int(arena, e->start_ms)},
        {STR("stop_ms"), value_int(arena, e->stop_ms)},
        {STR("status"), e->stop_ms ? value_int(arena, e->status) : &value_null},
        {STR("output"), text(arena, e->output)},
        {STR("error"), text(arena, e->error)},
        {STR("cause"), text(arena, e->cause)},
        {STR("events"), value_list(arena, e->events, e->express ? 0 : e->event_count)},
        {STR("definition"), e->definition},
    };
    return value_map(arena, entries, sizeof entries / sizeof *entries);
}

/* Written before it starts to run and after it has ended: nothing changes it meanwhile. */
void execution_save(struct execution *execution)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    struct str path;
    pthread_mutex_lock(&execution->all->lock);
    json_write(&out, record_of(execution, &arena), JSON_PLAIN);
    pthread_mutex_unlock(&execution->all->lock);
    if (file_of(execution->all, &arena, execution->arn, &path, &err) ||
        file_write_atomic(path.p, buf_str(&out), 0600, &err))
        fprintf(stderr, "sandbox: %s\n", err.message);
}

void execution_forget(struct execution *execution)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str path;
    if (!file_of(execution->all, &arena, execution->arn, &path, &err))
        unlink(path.p);
}

/* ---- reading ---- */

static struct str text_of(const struct value *record, const char *key)
{
    return value_text(value_getz(record, key), (struct str){NULL, 0});
}

static void take_events(struct execution *e, const struct value *events)
{
    for (uint32_t i = 0; events && events->kind == VALUE_LIST && i < events->count; i++) {
        MEM_GROW(e->events, e->event_cap, e->event_count + 1);
        e->events[e->event_count++] = events->items[i];
    }
}

static struct execution *from_record(struct executions *all, struct execution *e, const struct value *record)
{
    static const enum job_state states[] = {JOB_SUCCEEDED, JOB_FAILED, JOB_TIMEOUT, JOB_STOPPED};
    e->all = all;
    e->run = job_run_new(all->jobs, &execution_run_ops, e);
    e->arn = text_of(record, "arn");
    e->name = text_of(record, "name");
    e->machine = text_of(record, "machine");
    e->machine_name = text_of(record, "machine_name");
    e->region = text_of(record, "region");
    e->role = text_of(record, "role");
    e->express = value_equal(value_getz(record, "express"), &value_true);
    e->input = text_of(record, "input");
    e->start_ms = job_int(record, "start_ms", 0);
    e->stop_ms = job_int(record, "stop_ms", 0);
    e->output = text_of(record, "output");
    e->error = text_of(record, "error");
    e->cause = text_of(record, "cause");
    e->definition = value_getz(record, "definition");
    take_events(e, value_getz(record, "events"));
    int64_t status = job_int(record, "status", -1);
    e->ended = true;
    e->status = status >= 0 && status <= ASL_ABORTED ? (enum asl_status)status : ASL_ABORTED;
    if (status < 0) {
        e->stop_ms = e->start_ms;
        e->cause = STR("The sandbox ended while it ran");
    }
    job_run_end(e->run, states[e->status], e->error, e->cause);
    return e;
}

static struct execution *read_one(struct executions *all, const char *path)
{
    struct execution *e = mem_zalloc(sizeof *e);
    struct err err = ERR_INIT;
    struct str json;
    const struct value *record = NULL;
    if (!file_read(&e->arena, path, MAX_FILE, &json, &err) && !json_parse(&e->arena, json, &record, &err) &&
        text_of(record, "arn").n && text_of(record, "machine").n)
        return from_record(all, e, record);
    fprintf(stderr, "sandbox: %s: %s\n", path, err.message);
    arena_release(&e->arena);
    free(e);
    return NULL;
}

static int by_start(const void *a, const void *b)
{
    const struct execution *x = *(struct execution *const *)a, *y = *(struct execution *const *)b;
    return (x->start_ms > y->start_ms) - (x->start_ms < y->start_ms);
}

void executions_load(struct executions *all)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct str dir;
    if (all->loaded)
        return;
    all->loaded = true;
    DIR *open = jobs_dir(all->jobs, &arena, "executions", &dir, &err) ? NULL : opendir(dir.p);
    for (struct dirent *entry; open && (entry = readdir(open));) {
        if (!str_ends(str_z(entry->d_name), STR(".json")))
            continue;
        struct execution *e = read_one(all, path_join(&arena, dir, str_z(entry->d_name)).p);
        if (!e)
            continue;
        MEM_GROW(all->items, all->cap, all->n + 1);
        all->items[all->n++] = e;
    }
    if (open)
        closedir(open);
    if (all->n)
        qsort(all->items, all->n, sizeof *all->items, by_start);
}
