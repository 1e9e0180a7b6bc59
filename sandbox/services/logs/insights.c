/*
 * CloudWatch Logs Insights: a task collects the log groups' events, and a warm worker
 * (python/weir_insights.py) runs the query on them. Its rows are stored as JSON beside the task's record.
 */
#include "sandbox/engine/logs.h"

#include "base/file.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/engine/warm_worker.h"

#include <inttypes.h>

enum {
    PAGE = 10000,
    MAX_GROUPS = 50,
    MAX_ROWS = 10000,
    MAX_SHOWN = 1000,
    MALFORMED = 2, /* exit status of the worker */
    TIMEOUT_MS = 3600000,
    LOOK_MS = 10 * 1000, /* time to wait for a syntax error, which StartQuery reports */
};
static const size_t MAX_EVENTS_SIZE = (size_t)1 << 30, MAX_RESULT = (size_t)256 << 20;

static const struct task_kind insights;

/* ---- running a query ---- */

static int gather_stream(struct task *task, const struct log_location *location, struct buf *out)
{
    const struct value *request = task_self(task)->request;
    struct logs_query query = {.from_ms = value_geti(request, "startTime", 0) * 1000,
        .to_ms = value_geti(request, "endTime", 0) * 1000 + 1000, /* includes the whole last second */
        .limit = PAGE};
    for (;;) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct logs_page page;
        if (logs_read(services_logs(task_jobs(task)), &arena, location, &query, &page) != LOGS_OK)
            return -1;
        for (size_t i = 0; i < page.n; i++) {
            buf_addf(out, "{\"t\":%" PRId64 ",\"i\":%" PRId64 ",\"o\":%" PRIu64, page.events[i].time_ms,
                page.events[i].ingested_ms, page.events[i].offset);
            json_write_member(out, "g",
                arena_printf(&arena, "%.*s:%.*s", STR_ARG(services_account(task_jobs(task))),
                    STR_ARG(location->group)));
            json_write_member(out, "s", location->stream);
            json_write_member(out, "m", page.events[i].message);
            buf_addz(out, "}\n");
        }
        if (!page.n || atomic_load(&task_switch(task)->stop_requested))
            return out->overflow ? -1 : 0;
        query.offset = page.after;
    }
}

static int insights_gather(struct task *task, struct str path, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf out = {.max = MAX_EVENTS_SIZE};
    const struct task_info *self = task_self(task);
    const struct value *groups = value_as_list(value_getz(self->request, "groups"));
    struct logs *logs = services_logs(task_jobs(task));
    for (uint32_t g = 0; g < groups->count; g++) {
        size_t n;
        struct str group = value_text(groups->items[g], STR_EMPTY);
        const struct log_stream *streams = logs_streams(logs, &arena, self->region, group, &n);
        for (size_t i = 0; i < n; i++) {
            const struct log_location location = {self->region, group, streams[i].name};
            if (gather_stream(task, &location, &out))
                return err_set(err, ERR_FAILED, "the stream %.*s cannot be read", STR_ARG(location.stream));
        }
    }
    return file_write_atomic(path.p, buf_str(&out), 0600, err);
}

static void insights_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct warm_worker_answer answer;
    struct err err = ERR_INIT;
    const struct task_info *self = task_self(task);
    struct str events = path_join(&arena, task_folder(task), STR("events"));
    const struct warm_worker_options options = {.module = "weir_insights",
        .environment = {.region = self->region},
        .request = VALUE_MAP(&arena, {STR("query"), value_getz(self->request, "queryString")},
            {STR("limit"), value_getz(self->request, "limit")}, {STR("events"), value_string(&arena, events)},
            {STR("result"), value_string(&arena, task_result(task_jobs(task), &arena, insights.name,
                                                     self->region, self->id))}),
        .timeout_ms = TIMEOUT_MS};
    task_running(task);
    if (insights_gather(task, events, &err) || warm_worker_ask(task, &options, &arena, &answer, &err))
        task_end(task, ACTIVITY_FAILED, -1, "%s", err.message);
    else if (answer.whole && answer.status == 0)
        task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "");
    else if (answer.timed_out)
        task_end(task, ACTIVITY_TIMEOUT, -1, "the query took longer than an hour");
    else if (!task_over_limit(task, &answer.end))
        task_end(task, ACTIVITY_FAILED, answer.whole ? answer.status : -1, "%.*s",
            STR_ARG(answer.text.n ? answer.text : STR("what ran the query has ended")));
}

/* ---- views ---- */

static const char *const states[] = ACTIVITY_NAMES(
    "Scheduled", "Scheduled", "Running", "Running", "Complete", "Failed", "Timeout", "Cancelled");

/* SOURCE "group" START=…000 END=…999 | query */
static const struct value *insights_view(const struct task_info *info, struct arena *arena)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct value_builder b = VALUE_BUILDER(arena);
    const struct value *request = info->request;
    const struct value *groups = value_as_list(value_getz(request, "groups"));
    buf_addz(&text, "SOURCE ");
    for (uint32_t i = 0; i < groups->count; i++)
        buf_addf(&text, "%s\"%.*s\"", i ? ", " : "", STR_ARG(value_text(groups->items[i], STR_EMPTY)));
    buf_addf(&text, " START=%" PRId64 "000 END=%" PRId64 "999 | %.*s", value_geti(request, "startTime", 0),
        value_geti(request, "endTime", 0), STR_ARG(value_gets(request, "queryString")));
    view_text(&b, "queryLanguage", STR("CWLI"));
    view_text(&b, "queryId", info->id);
    view_text(&b, "queryString", arena_str(arena, buf_str(&text)));
    view_text(&b, "status", str_z(states[info->state]));
    view_int(&b, "createTime", info->created_ms);
    view_set(&b, "logGroupName", groups->count ? groups->items[0] : NULL);
    return value_builder_map(&b);
}

static const struct task_kind insights = {
    .name = "logs-insights", .work = insights_work, .view = insights_view};

/* ---- operations ---- */

static int refuse_invalid(struct err *err, const char *why)
{
    return service_refuse(err, 400, "InvalidParameterException", "%s", why);
}

static int add_group(
    const struct service_call *call, struct str name, struct value_builder *groups, struct err *err)
{
    struct control_record found;
    if (!service_find(call, STR("aws.logs.log_group"), name, &found))
        return service_refuse(err, 400, "ResourceNotFoundException",
            "Log group '%.*s' does not exist for account ID '%.*s'", STR_ARG(name),
            STR_ARG(services_account(call->services)));
    logs_forget(services_logs(call->services), call->region, found.id, found.created_ms);
    value_builder_add(groups, value_string(call->arena, found.id));
    return 0;
}

/* Reads the log groups of one of the three members: a name, names, or names and ARNs. */
static int find_groups(const struct service_call *call, struct value_builder *groups, struct err *err)
{
    static const char *const members[] = {"logGroupNames", "logGroupIdentifiers"};
    struct str one = value_gets(call->input, "logGroupName");
    int given = one.n > 0;
    if (one.n && add_group(call, one, groups, err))
        return -1;
    for (size_t m = 0; m < sizeof members / sizeof *members; m++) {
        const struct value *list = value_as_list(value_getz(call->input, members[m]));
        given += list->count > 0;
        for (uint32_t i = 0; i < list->count && i <= MAX_GROUPS; i++)
            if (add_group(call, value_text(list->items[i], STR_EMPTY), groups, err))
                return -1;
    }
    if (given != 1)
        return refuse_invalid(err, "a query has one of logGroupName, logGroupNames and logGroupIdentifiers");
    return groups->n <= MAX_GROUPS ? 0 : refuse_invalid(err, "a query is of at most 50 log groups");
}

static int refuse_malformed(struct err *err, struct str why)
{
    return service_refuse(err, 400, "MalformedQueryException", "%.*s", STR_ARG(why));
}

static int check_query(const struct service_call *call, struct err *err)
{
    struct str language = value_gets(call->input, "queryLanguage");
    int64_t from = service_int(call->input, "startTime", -1), to = service_int(call->input, "endTime", -1);
    if (language.n && !str_eqz(language, "CWLI"))
        return refuse_invalid(err, "the sandbox runs queries in CWLI only");
    if (from < 0 || to < 0 || from > INT64_MAX / 2000 || to > INT64_MAX / 2000)
        return refuse_invalid(err, "startTime and endTime are seconds since 1970");
    return from <= to ? 0 : refuse_malformed(err, STR("End time should not be before start time"));
}

/* Waits for a syntax error, which is found before the query runs. */
static int await_mistake(
    const struct service_call *call, struct activity *activity, struct str id, struct err *err)
{
    struct task_info info;
    bool ended = activity_wait(activity, LOOK_MS);
    activity_release(activity);
    if (!ended || !task_call_find(call, insights.name, STR_EMPTY, id, &info) || info.state != ACTIVITY_FAILED)
        return 0;
    return info.exit_code == MALFORMED
               ? refuse_malformed(err, info.message)
               : service_refuse(err, 500, "ServiceUnavailableException", "%.*s", STR_ARG(info.message));
}

static int start_query(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder groups = VALUE_BUILDER(call->arena);
    struct str id = uuid_random(call->arena);
    struct activity *activity;
    if (check_query(call, err) || find_groups(call, &groups, err))
        return -1;
    const struct value *request =
        value_with(call->arena, call->input, STR("groups"), value_builder_list(&groups));
    request = value_with(call->arena, request, STR("limit"),
        value_int(call->arena, service_int_within(call->input, "limit", MAX_ROWS, 1, MAX_ROWS)));
    const struct task_options options = {
        .kind = &insights, .region = call->region, .owner = STR("queries"), .id = id, .request = request};
    if (task_start(call->services, &options, &activity, ERR_IGNORED))
        return service_refuse(err, 400, "LimitExceededException", "Too many queries are running.");
    if (await_mistake(call, activity, id, err))
        return -1;
    service_answer_text(call, "queryId", id);
    return 0;
}

static int find_query(const struct service_call *call, struct task_info *out, struct err *err)
{
    struct str id;
    if (service_required(call, "queryId", &id, err))
        return -1;
    if (task_call_find(call, insights.name, STR_EMPTY, id, out))
        return 0;
    return service_refuse(
        err, 400, "ResourceNotFoundException", "Query Id %.*s does not exist.", STR_ARG(id));
}

static int get_results(struct service_call *call, struct err *err)
{
    struct task_info info;
    struct str text;
    const struct value *result = NULL;
    struct err why = ERR_INIT;
    if (find_query(call, &info, err))
        return -1;
    struct str path = task_result(call->services, call->arena, insights.name, call->region, info.id);
    if (info.state == ACTIVITY_SUCCEEDED && (file_read(call->arena, path.p, MAX_RESULT, &text, &why) ||
                                                json_parse(call->arena, text, &result, &why)))
        return service_refuse(err, 500, "ServiceUnavailableException", "%s", why.message);
    const struct value *rows = value_getz(result, "results"), *counted = value_getz(result, "statistics");
    service_answer_text(call, "queryLanguage", STR("CWLI"));
    service_answer(call, "results", rows ? rows : &value_empty_list);
    service_answer(call, "statistics", counted ? counted : &value_empty_map);
    service_answer(call, "status", value_stringz(call->arena, states[info.state]));
    return 0;
}

static int stop_query(struct service_call *call, struct err *err)
{
    struct task_info info;
    if (find_query(call, &info, err))
        return -1;
    if (!task_call_stop(call, insights.name, info.id, STR_EMPTY))
        return refuse_invalid(err, "The query has already ended.");
    service_answer(call, "success", &value_true);
    return 0;
}

static int describe_queries(struct service_call *call, struct err *err)
{
    struct str group = value_gets(call->input, "logGroupName"), status = value_gets(call->input, "status"),
               language = value_gets(call->input, "queryLanguage");
    struct value_builder list = VALUE_BUILDER(call->arena);
    size_t n;
    const struct task_info *all = task_call_list(call, insights.name, STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++)
        if ((!group.n || value_list_has(value_getz(all[i].request, "groups"), group)) &&
            (!status.n || str_eqz(status, states[all[i].state])) &&
            (!language.n || str_eqz(language, "CWLI")))
            value_builder_add(&list, insights_view(&all[i], call->arena));
    return service_answer_page(call, "queries", value_builder_list(&list), MAX_SHOWN, err);
}

const struct service_operation logs_insights_operations[] = {
    {"logs", "StartQuery", start_query},
    {"logs", "GetQueryResults", get_results},
    {"logs", "StopQuery", stop_query},
    {"logs", "DescribeQueries", describe_queries},
    {0},
};
