/* Export tasks, which write a log group's events to a bucket, and delivery sources and destinations, which
 * are only recorded. */
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/engine/task.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/shared/tables.h"

/* ---- Export tasks: a gzipped object for each stream, PREFIX/TASK/STREAM/000000.gz. An account runs one at a
 * time ---- */

enum { PAGE = 10000, MAX_SHOWN = 50 };

static const struct task_kind export_kind;

/* ---- running an export ---- */

/* Appends the stream's events as lines: 2026-11-21T08:00:00.000Z MESSAGE */
static int add_events(
    struct task *task, const struct log_location *location, struct logs_query query, struct buf *text)
{
    for (;;) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        struct logs_page page;
        query.limit = PAGE;
        if (logs_read(services_logs(task_jobs(task)), &arena, location, &query, &page) != LOGS_OK)
            return -1;
        for (size_t i = 0; i < page.n; i++)
            buf_addf(text, "%.*s %.*s\n", STR_ARG(time_rfc3339(&arena, page.events[i].time_ms, true)),
                STR_ARG(page.events[i].message));
        if (!page.n)
            return text->overflow ? -1 : 0;
        query.offset = page.after;
    }
}

/* Returns the object's key; slashes in the stream's name become dashes. */
static struct str export_key(struct arena *arena, struct str prefix, struct str id, struct str stream)
{
    char *name = arena_strz(arena, stream);
    for (char *c = name; *c; c++)
        *c = *c == '/' ? '-' : *c;
    return arena_printf(arena, "%.*s/%.*s/%s/000000.gz", STR_ARG(prefix), STR_ARG(id), name);
}

static int export_stream(struct task *task, struct str stream, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    const struct task_info *self = task_self(task);
    const struct value *request = self->request;
    const struct log_location location = {self->region, value_gets(request, "logGroupName"), stream};
    const struct logs_query query = {
        .from_ms = value_geti(request, "from", 0), .to_ms = value_geti(request, "to", 0)};
    struct str zipped, etag;
    if (add_events(task, &location, query, &text))
        return err_set(err, ERR_FAILED, "the stream %.*s cannot be read", STR_ARG(stream));
    if (!text.n)
        return 0;
    struct str key = export_key(&arena, value_gets(request, "destinationPrefix"), self->id, stream);
    if (!object_gzip(&arena, buf_str(&text), &zipped))
        return err_set(err, ERR_FAILED, "the stream %.*s cannot be compressed", STR_ARG(stream));
    return object_write(task_jobs(task), NULL, &arena, value_gets(request, "destination"), key, zipped,
        STR("application/x-gzip"), &etag, err);
}

static void export_work(struct task *task)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct task_info *self = task_self(task);
    struct err err = ERR_INIT;
    size_t n;
    task_running(task);
    const struct log_stream *streams = logs_streams(
        services_logs(task_jobs(task)), &arena, self->region, value_gets(self->request, "logGroupName"), &n);
    for (size_t i = 0; i < n && err.class == ERR_NONE && !atomic_load(&task_switch(task)->stop_requested);
         i++)
        if (str_starts(streams[i].name, value_gets(self->request, "logStreamNamePrefix")))
            export_stream(task, streams[i].name, &err);
    if (err.class != ERR_NONE)
        task_end(task, ACTIVITY_FAILED, 1, "%s", err.message);
    else
        task_end(task, ACTIVITY_SUCCEEDED, 0, "%s", "Completed successfully");
}

/* ---- views ---- */

static const char *const states[] = ACTIVITY_NAMES(
    "PENDING", "PENDING", "RUNNING", "PENDING_CANCEL", "COMPLETED", "FAILED", "FAILED", "CANCELLED");

static const struct value *export_view(const struct task_info *info, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena), status = VALUE_BUILDER(arena),
                         times = VALUE_BUILDER(arena);
    view_text(&b, "taskId", info->id);
    view_members(&b, info->request, "taskName logGroupName from to destination destinationPrefix");
    view_text(&status, "code", str_z(states[info->state]));
    view_text(&status, "message", info->message);
    view_set(&b, "status", value_builder_map(&status));
    view_int(&times, "creationTime", info->created_ms);
    if (info->ended_ms)
        view_int(&times, "completionTime", info->ended_ms);
    view_set(&b, "executionInfo", value_builder_map(&times));
    return value_builder_map(&b);
}

static const struct task_kind export_kind = {.name = "logs-export", .work = export_work, .view = export_view};

/* ---- operations ---- */

static int export_create(struct service_call *call, struct err *err)
{
    struct str group = value_gets(call->input, "logGroupName"), id = uuid_random(call->arena);
    struct control_record found;
    int64_t from = value_geti(call->input, "from", -1), to = value_geti(call->input, "to", -1);
    if (from < 0 || to <= from)
        return service_refuse(err, 400, "InvalidParameterException", "'to' has to be later than 'from'.");
    if (!service_find(call, STR("aws.logs.log_group"), group, &found))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "The specified log group does not exist.");
    logs_forget(services_logs(call->services), call->region, group, found.created_ms);
    const struct value *request = call->input;
    if (!value_gets(request, "destinationPrefix").n)
        request = value_with(
            call->arena, request, STR("destinationPrefix"), value_string(call->arena, STR("exportedlogs")));
    const struct task_options options = {.kind = &export_kind,
        .region = call->region,
        .owner = STR("exports"),
        .id = id,
        .request = request,
        .at_once = 1};
    if (task_start(call->services, &options, NULL, ERR_IGNORED))
        return service_refuse(err, 400, "LimitExceededException", "Resource limit exceeded.");
    service_answer_text(call, "taskId", id);
    return 0;
}

static int export_describe(struct service_call *call, struct err *err)
{
    struct str id = value_gets(call->input, "taskId"), status = value_gets(call->input, "statusCode");
    struct value_builder list = VALUE_BUILDER(call->arena);
    size_t n;
    const struct task_info *all = task_call_list(call, export_kind.name, STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++)
        if ((!id.n || str_eq(all[i].id, id)) && (!status.n || str_eqz(status, states[all[i].state])))
            value_builder_add(&list, export_view(&all[i], call->arena));
    return service_answer_page(call, "exportTasks", value_builder_list(&list), MAX_SHOWN, err);
}

static int export_cancel(struct service_call *call, struct err *err)
{
    struct str id = value_gets(call->input, "taskId");
    struct task_info info;
    if (!task_call_find(call, export_kind.name, STR_EMPTY, id, &info))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "The specified export task does not exist.");
    if (!task_call_stop(call, export_kind.name, id, STR("Cancelled by user")))
        return service_refuse(
            err, 400, "InvalidOperationException", "The specified task is already in a terminal state.");
    return 0;
}

static const struct value *with_type(struct service_call *call, const struct value *destination)
{
    const struct value *location = value_getz(destination, "deliveryDestinationConfiguration");
    struct str service = str_part(value_gets(location, "destinationResourceArn"), ':', 2);
    const char *type = str_eqz(service, "s3") ? "S3" : str_eqz(service, "firehose") ? "FH" : "CWL";
    return location ? value_with(call->arena, destination, STR("deliveryDestinationType"),
                          value_stringz(call->arena, type))
                    : destination;
}

static const struct value *with_service(struct service_call *call, const struct value *source)
{
    struct arena *arena = call->arena;
    const struct value *given = value_getz(source, "resourceArns");
    const struct value *arn = given && given->kind == VALUE_LIST && given->count ? given->items[0] : given;
    if (!arn)
        return source;
    source = value_with(arena, source, STR("resourceArns"), value_list(arena, &arn, 1));
    return value_with(
        arena, source, STR("service"), value_string(arena, str_part(value_text(arn, STR_EMPTY), ':', 2)));
}

static int show_destinations(struct service_call *call, struct err *err)
{
    return service_control_shown(call, "deliveryDestination deliveryDestinations", with_type, err);
}

static int show_sources(struct service_call *call, struct err *err)
{
    return service_control_shown(call, "deliverySource deliverySources", with_service, err);
}

/* Refuses services that are not sources of vended logs. */
static int put_source(struct service_call *call, struct err *err)
{
    struct str service = str_part(value_gets(call->input, "resourceArn"), ':', 2);
    if (str_is_any(service, "s3 logs firehose kinesis iam dynamodb"))
        return service_refuse(err, 400, "ResourceNotFoundException", "Cannot access provided service.");
    return show_sources(call, err);
}

const struct service_operation deliveries_operations[] = {
    {"logs", "CreateExportTask", export_create},
    {"logs", "DescribeExportTasks", export_describe},
    {"logs", "CancelExportTask", export_cancel},
    {"logs", "PutDeliveryDestination", show_destinations},
    {"logs", "GetDeliveryDestination", show_destinations},
    {"logs", "DescribeDeliveryDestinations", show_destinations},
    {"logs", "PutDeliverySource", put_source},
    {"logs", "GetDeliverySource", show_sources},
    {"logs", "DescribeDeliverySources", show_sources},
    {0},
};
