/*
 * Crawlers: python/weir_crawl.py reads the sandbox's S3 and writes its catalog. The crawler's configuration
 * is a record of the control plane, its crawls are tasks.
 */
#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/logs.h"
#include "sandbox/engine/script.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/glue/glue.h"

#include <stdlib.h>

enum {
    MAX_SHOWN = 100,
    MAX_OUTPUT = 4 * 1024 * 1024,
    MAX_RESULT = 65536,
    TIMEOUT_MS = 3600000,
    GRACE_MS = 1000
};

static const char kind_name[] = "crawler";
static const struct str log_group = STR_INIT("/aws-glue/crawlers");

/* ---- running a crawl ---- */

struct crawl {
    struct log_sink sink;
    struct buf errors; /* standard error; its last line is the error message */
};

static void glue_crawlers_take_output(void *ctx, enum process_stream stream, const char *bytes, size_t n)
{
    struct crawl *crawl = ctx;
    log_sink_add(&crawl->sink, bytes, n);
    if (stream == PROCESS_ERR)
        buf_add(&crawl->errors, bytes, n);
}

static void report_crawl_end(struct task *task, const struct crawl *crawl, const struct process_end *end)
{
    if (task_over_limit(task, end))
        return;
    if (end->exit_code == 0)
        task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "");
    else
        task_end(task, ACTIVITY_FAILED, end->exit_code, "%.*s",
            STR_ARG(end->timed_out ? STR("the crawl took longer than an hour")
                                   : script_last_line(buf_str(&crawl->errors))));
}

static int glue_crawlers_run(
    struct task *task, struct arena *arena, struct environment *env, struct crawl *crawl, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct services *services = task_jobs(task);
    const struct task_info *self = task_self(task);
    struct str folder = task_folder(task), request = path_join(arena, folder, STR("request.json"));
    struct process_end end;
    json_write(&text, self->request, JSON_PLAIN);
    if (service_sink_open(services, self->region, log_group, self->owner, arena, &crawl->sink, err) ||
        script_write_support(folder.p, err) || file_write_atomic(request.p, buf_str(&text), 0600, err))
        return -1;
    const struct environment_options environment = {.region = self->region,
        .home = folder,
        .role = value_gets(self->request, "role"),
        .session = STR("AWS-Crawler")};
    environment_start(env, services, arena, &environment);
    struct str result = task_result(services, arena, kind_name, self->region, self->id);
    const char *argv[] = {"python3", "weir_crawl.py", request.p, result.p, NULL};
    struct process_options options = {.argv = argv,
        .env = env->items,
        .dir = folder.p,
        .family = services_family(services),
        .timeout_ms = TIMEOUT_MS,
        .grace_ms = GRACE_MS,
        .max_output = MAX_OUTPUT,
        .output = glue_crawlers_take_output,
        .ctx = crawl};
    task_set_limits(task, &options);
    task_running(task);
    if (process_run(&options, task_switch(task), &end, err))
        return -1;
    report_crawl_end(task, crawl, &end);
    return 0;
}

static void glue_crawlers_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct environment env = {.arena = &arena};
    struct crawl crawl = {.errors.max = MAX_RESULT};
    struct err err = ERR_INIT;
    if (glue_crawlers_run(task, &arena, &env, &crawl, &err))
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    if (crawl.sink.logs)
        log_sink_release(&crawl.sink);
    buf_release(&crawl.errors);
    environment_release(&env);
    glue_run_ended(task_jobs(task), kind_name, task_self(task));
}

/* ---- views ---- */

static const char *const states[] =
    ACTIVITY_NAMES("RUNNING", "RUNNING", "RUNNING", "RUNNING", "COMPLETED", "FAILED", "FAILED", "STOPPED");

static const struct value *glue_crawlers_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "CrawlId", info->id);
    view_text(&b, "State", str_z(states[info->state]));
    view_time(&b, "StartTime", info->created_ms);
    view_time(&b, "EndTime", info->ended_ms);
    view_text(&b, "ErrorMessage", info->message);
    view_text(&b, "LogGroup", log_group);
    view_text(&b, "LogStream", info->owner);
    view_text(&b, "MessagePrefix", info->id);
    return value_builder_map(&b);
}

static const struct task_kind kind = {
    .name = kind_name, .work = glue_crawlers_work, .view = glue_crawlers_view};

static const struct value *with_summary(
    const struct service_call *call, const struct task_info *info, const struct value *shown)
{
    struct str text, path = task_result(call->services, call->arena, kind_name, call->region, info->id);
    if (info->state != ACTIVITY_SUCCEEDED || file_read(call->arena, path.p, MAX_RESULT, &text, ERR_IGNORED))
        return shown;
    return value_with(call->arena, shown, STR("Summary"), value_string(call->arena, text));
}

/* Returns the crawler with its state and last crawl. */
static const struct value *with_state(struct service_call *call, const struct value *crawler)
{
    static const char *const statuses[] = {[ACTIVITY_SUCCEEDED] = "SUCCEEDED",
        [ACTIVITY_FAILED] = "FAILED",
        [ACTIVITY_TIMEOUT] = "FAILED",
        [ACTIVITY_STOPPED] = "CANCELLED"};
    struct arena *arena = call->arena;
    size_t n;
    struct str name = value_gets(crawler, "Name");
    const struct task_info *all = task_call_list(call, kind_name, name, &n);
    if (!n)
        return crawler;
    bool runs = all[0].state < ACTIVITY_SUCCEEDED;
    const char *state = !runs ? "READY" : all[0].state == ACTIVITY_STOPPING ? "STOPPING" : "RUNNING";
    crawler = value_with(arena, crawler, STR("State"), value_stringz(arena, state));
    const struct task_info *last = !runs ? &all[0] : n > 1 ? &all[1] : NULL;
    if (!last)
        return crawler;
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "Status", str_z(statuses[last->state]));
    view_text(&b, "ErrorMessage", last->message);
    view_text(&b, "LogGroup", log_group);
    view_text(&b, "LogStream", name);
    view_text(&b, "MessagePrefix", last->id);
    view_time(&b, "StartTime", last->created_ms);
    return value_with(arena, crawler, STR("LastCrawl"), value_builder_map(&b));
}

/* ---- operations ---- */

static int find_crawler(
    const struct service_call *call, const char *member, struct control_record *out, struct err *err)
{
    struct str name;
    if (service_required(call, member, &name, err))
        return -1;
    if (service_find(call, STR("aws.glue.crawler"), name, out))
        return 0;
    return service_refuse(
        err, 400, "EntityNotFoundException", "Crawler with name %.*s does not exist", STR_ARG(name));
}

static const struct value *make_request(const struct service_call *call, const struct control_record *crawler)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    const struct value *targets = value_getz(crawler->attrs, "s3_targets");
    view_text(&b, "name", crawler->id);
    view_members(&b, crawler->attrs, "role database prefix=table_prefix policy=schema_change_policy");
    value_builder_set(&b, STR("targets"), targets ? targets : &value_empty_list);
    view_set(&b, GLUE_WORKFLOW_RUN, value_getz(call->input, GLUE_WORKFLOW_RUN));
    return value_builder_map(&b);
}

int glue_start_crawler(struct service_call *call, struct err *err)
{
    struct control_record crawler;
    struct err why = ERR_INIT;
    if (find_crawler(call, "Name", &crawler, err))
        return -1;
    const struct value *jdbc = value_getz(crawler.attrs, "jdbc_targets");
    if (jdbc && jdbc->count)
        return service_refuse(
            err, 400, "InvalidInputException", "the sandbox's crawlers look at S3, at no databases");
    if (!value_gets(crawler.attrs, "database").n)
        return service_refuse(err, 400, "InvalidInputException", "the crawler has no database to write to");
    const struct task_options options = {.kind = &kind,
        .region = call->region,
        .owner = crawler.id,
        .id = uuid_random(call->arena),
        .request = make_request(call, &crawler),
        .at_once = 1};
    if (!task_call_start(call, &options, &why))
        return 0;
    return why.class == ERR_EXISTS ? service_refuse(err, 400, "CrawlerRunningException",
                                         "Crawler with name %.*s has already started", STR_ARG(crawler.id))
                                   : service_refuse(err, 400, "OperationTimeoutException", "%s", why.message);
}

int glue_stop_crawler(struct service_call *call, struct err *err)
{
    struct control_record crawler;
    size_t n;
    if (find_crawler(call, "Name", &crawler, err))
        return -1;
    const struct task_info *all = task_call_list(call, kind_name, crawler.id, &n);
    if (n && task_call_stop(call, kind_name, all[0].id, STR_EMPTY))
        return 0;
    return service_refuse(
        err, 400, "CrawlerNotRunningException", "Crawler with name %.*s is not running", STR_ARG(crawler.id));
}

int glue_get_crawlers(struct service_call *call, struct err *err)
{
    return service_control_shown(call, "Crawler Crawlers", with_state, err);
}

int glue_list_crawls(struct service_call *call, struct err *err)
{
    struct control_record crawler;
    size_t n;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (find_crawler(call, "CrawlerName", &crawler, err))
        return -1;
    const struct task_info *all = task_call_list(call, kind_name, crawler.id, &n);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&list, with_summary(call, &all[i], glue_crawlers_view(&all[i], call->arena)));
    return service_answer_page(call, "Crawls", value_builder_list(&list), MAX_SHOWN, err);
}

/* Returns the number of tables that crawls have added, updated or deleted, from their summaries. */
static int64_t tables_changed(
    const struct service_call *call, const struct task_info *crawls, size_t n, const char *change)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *summary = with_summary(call, &crawls[i], &value_empty_map), *counts;
        if (!json_parse(call->arena, value_gets(summary, "Summary"), &counts, ERR_IGNORED))
            sum += value_geti(value_getz(counts, "TABLE"), change, 0);
    }
    return sum;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static const struct value *metrics_of(const struct service_call *call, struct str name)
{
    static const char *const changes[][2] = {
        {"TablesCreated", "ADD"}, {"TablesUpdated", "UPDATE"}, {"TablesDeleted", "DELETE"}};
    size_t n, ended = 0;
    const struct task_info *all = task_call_list(call, kind_name, name, &n);
    struct value_builder b = VALUE_BUILDER(call->arena);
    double *seconds = ARENA_ARRAY(call->arena, double, n + 1), last;
    seconds[0] = 0;
    for (size_t i = 0; i < n; i++)
        if (all[i].ended_ms)
            seconds[ended++] = (double)(all[i].ended_ms - all[i].created_ms) / 1000;
    last = seconds[0];
    qsort(seconds, ended, sizeof *seconds, by_size);
    view_text(&b, "CrawlerName", name);
    view_int(&b, "TimeLeftSeconds", 0);
    view_set(&b, "StillEstimating", value_bool(n && all[0].state < ACTIVITY_SUCCEEDED));
    view_set(&b, "LastRuntimeSeconds", value_float(call->arena, last));
    view_set(&b, "MedianRuntimeSeconds", value_float(call->arena, seconds[ended / 2]));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        view_int(&b, changes[i][0], tables_changed(call, all, n, changes[i][1]));
    return value_builder_map(&b);
}

/* Without names it shows the metrics of all crawlers. */
int glue_crawler_metrics(struct service_call *call, struct err *err)
{
    size_t n;
    const struct value *names = value_getz(call->input, "CrawlerNameList");
    struct value_builder list = VALUE_BUILDER(call->arena);
    const struct control_record *all = service_list(call, STR("aws.glue.crawler"), &n);
    for (size_t i = 0; i < n; i++)
        if (!names || value_list_has(names, all[i].id))
            value_builder_add(&list, metrics_of(call, all[i].id));
    return service_answer_page(call, "CrawlerMetricsList", value_builder_list(&list), MAX_SHOWN, err);
}
