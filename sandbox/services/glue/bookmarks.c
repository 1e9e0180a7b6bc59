/*
 * Job bookmarks: what a job has read, written by python/awsglue/bookmarks.py when the job commits:
 * DIR/jobs/bookmarks/DIGEST.json, {job, run_id, run, state}.
 */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/glue/glue.h"

#include <stdlib.h>
#include <unistd.h>

enum { MAX_FILE = 64 * 1024 * 1024 };

struct str glue_bookmark(struct services *services, struct arena *arena, struct str region, struct str job)
{
    struct str dir, whole = arena_printf(arena, "%.*s\n%.*s", STR_ARG(region), STR_ARG(job));
    if (services_dir(services, arena, "bookmarks", &dir, ERR_IGNORED))
        return STR_EMPTY;
    char *real = realpath(dir.p, NULL); /* the job has a folder of its own to start from */
    struct str path = arena_printf(arena, "%s/%.32s.json", real ? real : dir.p, sha256_hex(arena, whole).p);
    free(real);
    return path;
}

static int glue_bookmarks_find(
    const struct service_call *call, struct str *name, struct str *path, struct err *err)
{
    struct control_record job;
    if (service_required(call, "JobName", name, err))
        return -1;
    if (!service_find(call, STR("aws.glue.job"), *name, &job))
        return service_refuse(err, 400, "EntityNotFoundException", "Job %.*s not found.", STR_ARG(*name));
    *path = glue_bookmark(call->services, call->arena, call->region, job.id);
    return 0;
}

/* The entry; NULL: there is no bookmark. */
static const struct value *read_entry(const struct service_call *call, struct str name, struct str path)
{
    AUTO_BUF struct buf state = BUF_INIT;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    struct str text;
    const struct value *doc;
    if (file_read(call->arena, path.p, MAX_FILE, &text, ERR_IGNORED) ||
        json_parse(call->arena, text, &doc, ERR_IGNORED))
        return NULL;
    json_write(&state, value_getz(doc, "state") ? value_getz(doc, "state") : &value_empty_map, JSON_PLAIN);
    view_text(&b, "JobName", name);
    view_int(&b, "Version", service_int(doc, "run", 0));
    view_int(&b, "Run", service_int(doc, "run", 0));
    view_int(&b, "Attempt", 0);
    view_set(&b, "RunId", value_getz(doc, "run_id"));
    view_text(&b, "JobBookmark", buf_str(&state));
    return value_builder_map(&b);
}

int glue_show_bookmark(struct service_call *call, struct err *err)
{
    struct str name, path;
    if (glue_bookmarks_find(call, &name, &path, err))
        return -1;
    const struct value *entry = read_entry(call, name, path);
    if (!entry)
        return service_refuse(
            err, 400, "EntityNotFoundException", "Continuation for job %.*s not found", STR_ARG(name));
    if (service_is(call, "ResetJobBookmark"))
        unlink(path.p);
    service_answer(call, "JobBookmarkEntry", entry);
    return 0;
}
