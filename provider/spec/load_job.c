/* `run:` of a type: how its instances are started, read and stopped. */
#include "provider/spec/load.h"

#define RUN_KEYS                                                                                             \
    "attributes arguments options start detach read list stop rows succeeded failed stopped blocked error "  \
    "logs file"

/* Attributes of a run that the interpreter uses, if the type has them. */
static const struct {
    const char *name;
    bool time; /* a timestamp, or milliseconds */
} known[] = {{"run_id", false}, {"run_status", false}, {"run_started", true}, {"run_ended", true}};

static void check_known(struct loader *l, const struct node *node, const struct spec_attr *attr)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!str_eqz(attr->attr->name, known[i].name))
            continue;
        enum type_kind kind = attr->attr->type->kind;
        if (known[i].time ? kind != TYPE_TIMESTAMP && kind != TYPE_INT : kind != TYPE_STRING)
            load_error(l, node, "%s has to be %s", known[i].name,
                known[i].time ? "a timestamp, or an integer (milliseconds)" : "a string");
    }
}

/* Loads the resource's attributes, which no response about a run has, and the run's own. */
static void load_run_attributes(
    struct type_loader *t, const struct spec_type *resource, const struct node *map, const struct node *where)
{
    struct loader *l = t->l;
    size_t n = resource->attr_count;
    if (!map || map->kind != NODE_MAP) {
        load_error(l, map ? map : where, "run needs \"attributes\", a map");
        map = NULL;
    }
    t->attrs = ARENA_ARRAY(l->arena, struct spec_attr, n + (map ? map->count : 0));
    t->type->attrs = t->attrs;
    for (size_t i = 0; i < n; i++) {
        t->attrs[i] = resource->attrs[i];
        t->attrs[i].readable = false;
        t->attrs[i].owner = OWNER_BASE;
    }
    t->type->attr_count = n;
    for (size_t i = 0; map && i < map->count; i++) {
        struct str name = map->entries[i].key;
        if (spec_attr_find(resource, name))
            load_error(l, map->entries[i].value, "the type itself has an attribute \"%.*s\"", STR_ARG(name));
        load_attr(l, name, map->entries[i].value, &t->attrs[n + i]);
        check_known(l, map->entries[i].value, &t->attrs[n + i]);
        t->type->attr_count++;
    }
    if (map && !spec_attr_find(t->type, STR("run_id")))
        load_error(l, map, "a run needs the attribute \"run_id\"");
}

static void load_run_calls(struct type_loader *t, const struct node *node, struct spec_job *job)
{
    struct step_rules start = {.what = "start", .change = true, .nothing = true},
                      plain = {.what = "a call of a run", .nothing = true},
                      list = {.what = "list", .nothing = true, .pages = true},
                      rows = {.what = "rows", .extra = "cells cell columns", .nothing = true, .pages = true};
    job->start = load_steps(t, node_get(node, "start"), &start);
    job->detach = load_steps(t, node_get(node, "detach"), &start);
    job->read = load_steps(t, node_get(node, "read"), &plain);
    job->list = load_step_at(t, node, "list", &list);
    job->stop = load_step_at(t, node, "stop", &plain);
    job->rows = load_step_at(t, node, "rows", &rows);
    if (!job->start.count)
        load_error(t->l, node, "run needs \"start\"");
    const struct node *table = node_get(node, "rows");
    if (!table || table->kind != NODE_MAP)
        return;
    job->cells = load_text(t->l, table, "cells");
    job->cell = load_text(t->l, table, "cell");
    job->columns = load_text(t->l, table, "columns");
    if (!job->cells.n || !job->cell.n || !job->columns.n)
        load_error(t->l, table, "rows needs \"cells\", \"cell\" and \"columns\"");
}

/* ---- arguments and options ---- */

static void load_arguments(struct type_loader *t, const struct node *node, struct spec_job *job)
{
    static const struct {
        const char *name;
        enum job_takes takes;
        enum type_kind kind;
    } ways[] = {{"map", JOB_TAKES_MAP, TYPE_MAP}, {"json", JOB_TAKES_JSON, TYPE_JSON},
        {"flags", JOB_TAKES_FLAGS, TYPE_LIST}, {"list", JOB_TAKES_LIST, TYPE_LIST}};
    struct loader *l = t->l;
    if (!node || !load_keys(l, node, "arguments", "as to prefix after"))
        return;
    struct str as = load_text(l, node, "as");
    job->arguments = load_text(l, node, "to");
    job->prefix = load_text(l, node, "prefix");
    job->after = load_text(l, node, "after");
    const struct spec_attr *to =
        job->arguments.n ? load_attr_named(t, node_get(node, "to"), job->arguments) : NULL;
    const struct spec_attr *after =
        job->after.n ? load_attr_named(t, node_get(node, "after"), job->after) : NULL;
    if (!job->arguments.n)
        load_error(l, node, "arguments needs \"to\", an attribute");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (!str_eqz(as, ways[i].name))
            continue;
        job->ops.takes = ways[i].takes;
        bool document = ways[i].takes == JOB_TAKES_JSON && to && to->attr->type->kind == TYPE_ANY;
        if (to && to->attr->type->kind != ways[i].kind && !document)
            load_error(l, node_get(node, "to"), "arguments as %s go to an attribute that is %s", ways[i].name,
                ways[i].kind == TYPE_MAP    ? "a map"
                : ways[i].kind == TYPE_LIST ? "a list"
                                            : "json");
        if (after && ways[i].kind != TYPE_LIST)
            load_error(l, node_get(node, "after"), "only lists have something before them");
    }
    if (job->ops.takes == JOB_TAKES_NOTHING)
        load_error(l, node, "arguments have \"as\": map, json, flags or list");
}

/* Options are attributes of the run, named without run_. */
static void load_options(struct type_loader *t, const struct node *map, struct spec_job *job)
{
    struct loader *l = t->l;
    uint32_t n = load_size(l, map, NODE_MAP, "options has to be a map by attribute");
    struct job_option *options = ARENA_ARRAY(l->arena, struct job_option, n);
    for (uint32_t i = 0; i < n; i++) {
        struct str name = map->entries[i].key;
        const struct node *node = map->entries[i].value;
        const struct spec_attr *attr = load_attr_named(t, node, name);
        if (!str_starts(name, STR("run_")))
            load_error(l, node, "options are attributes of the run, which begin with run_");
        if (!attr || !load_keys(l, node, "an option", "resource required"))
            continue;
        options[i] = (struct job_option){.name = str_slice(name, 4, name.n),
            .doc = attr->attr->doc,
            .resource = load_text(l, node, "resource"),
            .required = load_flag(l, node, "required")};
    }
    job->ops.options = options;
    job->ops.option_count = n;
}

/* ---- logs ---- */

/* Checks that every attribute in a template exists. */
static struct str load_template(struct type_loader *t, const struct node *map, const char *key)
{
    struct str text = load_text(t->l, map, key), rest = text, before, inner, filter;
    while (str_take_name(&rest, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        if (!str_is_any(name, "region partition account stack address"))
            load_attr_named(t, node_get(map, key), name);
    }
    return text;
}

static void load_logs(struct type_loader *t, const struct node *list, struct spec_job *job)
{
    struct loader *l = t->l;
    uint32_t n = load_size(l, list, NODE_LIST, "logs is a list of {group: …, stream: …}");
    struct spec_log *logs = ARENA_ARRAY(l->arena, struct spec_log, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *node = list->items[i];
        if (!load_keys(l, node, "a log", "group stream prefix first last errors if"))
            continue;
        logs[i] = (struct spec_log){.only = load_conditions(t, node_get(node, "if")),
            .group = load_template(t, node, "group"),
            .stream = load_template(t, node, "stream"),
            .prefix = load_template(t, node, "prefix"),
            .first = load_template(t, node, "first"),
            .last = load_template(t, node, "last"),
            .errors = load_flag(l, node, "errors")};
        if (!logs[i].group.n)
            load_error(l, node, "a log needs \"group\"");
        if (logs[i].stream.n && logs[i].prefix.n)
            load_error(l, node, "a log has \"stream\" or \"prefix\", not both");
    }
    job->logs = logs;
    job->log_count = n;
}

/* Reads one of them, or a list. */
static void load_blocked(struct type_loader *t, const struct node *node, struct spec_job *job)
{
    struct loader *l = t->l;
    size_t n;
    const struct node *const *items = load_all(&node, &n);
    struct spec_blocked *all = n ? ARENA_ARRAY(l->arena, struct spec_blocked, n) : NULL;
    for (size_t i = 0; i < n; i++) {
        const struct node *one = items[i];
        if (!load_keys(l, one, "blocked", "if message hint"))
            continue;
        all[i] = (struct spec_blocked){load_conditions(t, node_get(one, "if")),
            load_template(t, one, "message"), load_template(t, one, "hint")};
        if (!all[i].when.count || !all[i].message.n)
            load_error(l, one, "blocked needs \"if\" and \"message\"");
    }
    job->blocked = all;
    job->blocked_count = n;
}

/* ---- the section `run` ---- */

const struct spec_job *load_job(struct type_loader *resource, const struct node *node)
{
    struct loader *l = resource->l;
    if (!node || !load_keys(l, node, "run", RUN_KEYS))
        return NULL;
    struct spec_job *job = ARENA_NEW(l->arena, struct spec_job);
    job->ops = spec_job_ops;
    job->type.service = l->service;
    job->type.schema = resource->type->schema;
    job->type.schema.id = STR("run_id");
    struct type_loader t = {.l = l, .type = &job->type, .node = node};
    load_run_attributes(&t, resource->type, node_get(node, "attributes"), node);
    load_run_calls(&t, node, job);
    job->succeeded = load_conditions(&t, node_get(node, "succeeded"));
    job->failed = load_conditions(&t, node_get(node, "failed"));
    job->stopped = load_conditions(&t, node_get(node, "stopped"));
    if (!job->succeeded.count)
        load_error(l, node, "run needs \"succeeded\", the state of a run that ended well");
    load_blocked(&t, node_get(node, "blocked"), job);
    job->error = load_names(l, node_get(node, "error"));
    job->file = load_text(l, node, "file");
    if (job->file.n)
        load_attr_named(&t, node_get(node, "file"), job->file);
    load_arguments(&t, node_get(node, "arguments"), job);
    load_options(&t, node_get(node, "options"), job);
    load_logs(&t, node_get(node, "logs"), job);
    job->ops.lists = job->list != NULL;
    job->ops.reads = job->read.count > 0;
    job->ops.stops = job->stop != NULL;
    job->ops.tabular = job->rows != NULL;
    job->ops.leaves_file = job->file.n > 0;
    job->ops.has_result = job->rows || spec_attr_find(&job->type, STR("run_result"));
    return job;
}
