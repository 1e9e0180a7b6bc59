/* CloudWatch Logs' operations on streams and events. Log groups are records of the control plane. */
#include "sandbox/engine/logs.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/calls/services.h"
#include "sandbox/notation/log_match.h"

#include <stdlib.h>

enum {
    MAX_EVENTS = 10000,
    MAX_STREAMS_SHOWN = 50,
    MAX_BATCH = 1048576, /* bytes, with EVENT_OVERHEAD for each event */
    EVENT_OVERHEAD = 26,
    DAY_MS = 86400000,
    MAX_PAGE = 1048576, /* bytes of messages in a response, which the last message may exceed */
    MAX_SUBSCRIPTIONS = 2,
    MAX_POLICIES = 10,
};

/* ---- finding groups and streams ---- */

static int refuse_invalid(struct err *err, const char *why)
{
    return service_refuse(err, 400, "InvalidParameterException", "%s", why);
}

/* Finds the group by name or ARN. Events of a deleted group of this name are removed. */
static int find_group(const struct service_call *call, struct str *name, struct err *err)
{
    struct control_record group;
    *name = value_gets(call->input, "logGroupName");
    if (name->n && value_getz(call->input, "logGroupIdentifier"))
        return service_refuse(err, 400, "ValidationException",
            "LogGroup name and LogGroup ARN are mutually exclusive parameters.");
    if (!name->n)
        *name = value_gets(call->input, "logGroupIdentifier");
    if (!name->n)
        return refuse_invalid(err, "logGroupName is missing");
    if (!service_find(call, STR("aws.logs.log_group"), *name, &group))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "The specified log group does not exist.");
    *name = group.id;
    logs_forget(services_logs(call->services), call->region, *name, group.created_ms);
    return 0;
}

static int find_stream(const struct service_call *call, struct log_location *out, struct err *err)
{
    *out = (struct log_location){.region = call->region};
    if (find_group(call, &out->group, err))
        return -1;
    out->stream = value_gets(call->input, "logStreamName");
    return out->stream.n ? 0 : refuse_invalid(err, "logStreamName is missing");
}

static int answer_result(enum logs_result result, struct err *err)
{
    switch (result) {
    case LOGS_OK: return 0;
    case LOGS_EXISTS:
        return service_refuse(
            err, 400, "ResourceAlreadyExistsException", "The specified log stream already exists");
    case LOGS_ABSENT:
        return service_refuse(
            err, 400, "ResourceNotFoundException", "The specified log stream does not exist.");
    case LOGS_FULL:
        return service_refuse(
            err, 400, "LimitExceededException", "the sandbox keeps 64 MiB of events in a log stream");
    case LOGS_FAILED: break;
    }
    return service_refuse(err, 500, "ServiceUnavailableException", "the sandbox cannot write its log files");
}

/* ---- checks before the control plane ---- */

static struct str group_arn(const struct service_call *call, struct str group)
{
    return arena_printf(call->arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), STR_ARG(group));
}

/* Checks that the group exists; the control plane does the rest. */
static int in_group(struct service_call *call, struct err *err)
{
    struct str group;
    call->declined = !value_getz(call->input, "logGroupName") || !find_group(call, &group, err);
    return call->declined ? 0 : -1;
}

/* Checks the limits: two subscription filters of a group, ten resource policies. */
static int limited(struct service_call *call, struct err *err)
{
    bool filter = str_eqz(STR("PutSubscriptionFilter"), call->operation->name);
    const char *type = filter ? "aws.logs.subscription_filter" : "aws.logs.resource_policy";
    struct str name = value_gets(call->input, filter ? "filterName" : "policyName");
    size_t n, others = 0;
    if (filter && in_group(call, err))
        return -1;
    const struct control_record *all = service_list(call, str_z(type), &n);
    for (size_t i = 0; i < n; i++)
        others += !str_eq(value_gets(all[i].attrs, "name"), name) &&
                  (!filter ||
                      str_eq(value_gets(all[i].attrs, "log_group"), value_gets(call->input, "logGroupName")));
    call->declined = others < (filter ? MAX_SUBSCRIPTIONS : MAX_POLICIES);
    return call->declined ? 0
                          : service_refuse(err, 400, "LimitExceededException", "Resource limit exceeded.");
}

static int by_id(const void *a, const void *b)
{
    return str_cmp(((const struct control_record *)a)->id, ((const struct control_record *)b)->id);
}

/* Lists groups whose name contains logGroupNamePattern, ordered by name. */
static int list_groups(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    struct str part = value_gets(call->input, "logGroupNamePattern"),
               class = value_gets(call->input, "logGroupClass");
    size_t n;
    struct control_record *all = service_list(call, STR("aws.logs.log_group"), &n);
    qsort(all, n, sizeof *all, by_id);
    for (size_t i = 0; i < n; i++)
        if (str_find(all[i].id, part, 0) >= 0 &&
            (!class.n || str_eq(class, value_gets(all[i].attrs, "class"))))
            value_builder_add(
                &list, VALUE_MAP(call->arena, {STR("logGroupName"), value_string(call->arena, all[i].id)},
                           {STR("logGroupArn"), value_string(call->arena, group_arn(call, all[i].id))},
                           {STR("logGroupClass"), value_getz(all[i].attrs, "class")}));
    return service_answer_page(call, "logGroups", value_builder_list(&list), 50, err);
}

/* ---- streams ---- */

static int create_stream(struct service_call *call, struct err *err)
{
    struct log_location location;
    if (find_stream(call, &location, err))
        return -1;
    if (location.stream.n > 512 || str_find_char(location.stream, ':', 0) >= 0 ||
        str_find_char(location.stream, '*', 0) >= 0)
        return refuse_invalid(err, "logStreamName has up to 512 characters, no \":\" and no \"*\"");
    return answer_result(logs_create(services_logs(call->services), &location), err);
}

static int delete_stream(struct service_call *call, struct err *err)
{
    struct log_location location;
    return find_stream(call, &location, err) ||
                   answer_result(logs_delete(services_logs(call->services), &location), err)
               ? -1
               : 0;
}

static int by_last_event(const void *a, const void *b)
{
    int64_t x = ((const struct log_stream *)a)->last_ms, y = ((const struct log_stream *)b)->last_ms;
    return (x > y) - (x < y);
}

static void set_ms(struct arena *arena, struct value_builder *b, const char *name, int64_t ms)
{
    if (ms)
        value_builder_set(b, str_z(name), value_int(arena, ms));
}

static const struct value *stream_value(
    const struct service_call *call, struct str group, const struct log_stream *s)
{
    struct arena *arena = call->arena;
    struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("logStreamName"), value_string(arena, s->name));
    set_ms(arena, &b, "creationTime", s->created_ms);
    set_ms(arena, &b, "firstEventTimestamp", s->first_ms);
    set_ms(arena, &b, "lastEventTimestamp", s->last_ms);
    set_ms(arena, &b, "lastIngestionTime", s->ingested_ms);
    value_builder_set(&b, STR("storedBytes"), value_int(arena, 0)); /* the service reports 0 since 2019 */
    value_builder_set(&b, STR("arn"),
        value_string(arena, arena_printf(arena, "arn:aws:logs:%.*s:%.*s:log-group:%.*s:log-stream:%.*s",
                                STR_ARG(call->region), STR_ARG(services_account(call->services)),
                                STR_ARG(group), STR_ARG(s->name))));
    return value_builder_map(&b);
}

static int describe_streams(struct service_call *call, struct err *err)
{
    struct str group, prefix = value_gets(call->input, "logStreamNamePrefix");
    bool by_time = str_eqz(value_gets(call->input, "orderBy"), "LastEventTime");
    if (find_group(call, &group, err))
        return -1;
    if (by_time && prefix.n)
        return refuse_invalid(err, "Cannot order by LastEventTime with a logStreamNamePrefix.");
    size_t n, kept = 0;
    struct value_builder list = VALUE_BUILDER(call->arena);
    struct log_stream *streams =
        logs_streams(services_logs(call->services), call->arena, call->region, group, &n);
    for (size_t i = 0; i < n; i++)
        if (str_starts(streams[i].name, prefix))
            streams[kept++] = streams[i];
    if (by_time)
        qsort(streams, kept, sizeof *streams, by_last_event);
    for (size_t i = 0; i < kept; i++)
        value_builder_add(&list,
            stream_value(call, group, &streams[value_getb(call->input, "descending") ? kept - 1 - i : i]));
    return service_answer_page(call, "logStreams", value_builder_list(&list), MAX_STREAMS_SHOWN, err);
}

/* ---- writing ---- */

static int read_events(const struct value *list, struct log_entry *out, struct err *err)
{
    int64_t before = 0, size = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str message = value_gets(list->items[i], "message");
        int64_t time_ms = service_int(list->items[i], "timestamp", -1);
        if (!message.n || time_ms < 0)
            return refuse_invalid(err, "every log event has a timestamp and a message that is not empty");
        if (time_ms < before)
            return refuse_invalid(
                err, "Log events in a single PutLogEvents request must be in chronological order.");
        before = time_ms;
        size += (int64_t)message.n + EVENT_OVERHEAD;
        out[i] = (struct log_entry){.time_ms = time_ms, .message = message};
    }
    if (size > MAX_BATCH)
        return service_refuse(err, 400, "InvalidParameterException",
            "Upload too large: %lld bytes exceeds limit of %d", (long long)size, MAX_BATCH);
    return before - out[0].time_ms > DAY_MS
               ? refuse_invalid(err, "The batch of log events in a single PutLogEvents request cannot span "
                                     "more than 24 hours.")
               : 0;
}

/* Narrows the range, which is ordered by time, to events within 14 days before and two hours after now.
 * Returns rejectedLogEventsInfo, or NULL if no event is rejected. */
static const struct value *rejected_events(
    struct service_call *call, const struct log_entry *events, size_t *first, size_t *end)
{
    const int64_t now = clock_wall_ms(), oldest = now - INT64_C(14) * 86400000, newest = now + 2 * 3600000;
    const struct value *out = NULL;
    size_t count = *end;
    while (*first < count && events[*first].time_ms < oldest)
        ++*first;
    while (*end > *first && events[*end - 1].time_ms > newest)
        --*end;
    if (*first)
        out = value_with(
            call->arena, out, STR("tooOldLogEventEndIndex"), value_int(call->arena, (int64_t)*first));
    if (*end < count)
        out = value_with(
            call->arena, out, STR("tooNewLogEventStartIndex"), value_int(call->arena, (int64_t)*end));
    return out;
}

static int put_events(struct service_call *call, struct err *err)
{
    struct log_location location;
    const struct value *list = value_getz(call->input, "logEvents");
    if (find_stream(call, &location, err))
        return -1;
    if (!list || list->kind != VALUE_LIST || !list->count || list->count > MAX_EVENTS)
        return refuse_invalid(err, "logEvents has between 1 and 10000 events");
    struct log_entry *events = ARENA_ARRAY(call->arena, struct log_entry, list->count);
    size_t first = 0, end = list->count;
    if (read_events(list, events, err))
        return -1;
    const struct value *rejected = rejected_events(call, events, &first, &end);
    if (answer_result(
            logs_append(services_logs(call->services), &location, events + first, end - first), err))
        return -1;
    struct value_entry token = {STR("nextSequenceToken"),
        value_stringz(call->arena, "49000000000000000000000000000000000000000000000000000000")};
    call->output = value_map(call->arena, &token, 1);
    service_answer(call, "rejectedLogEventsInfo", rejected);
    return 0;
}

/* ---- reading ---- */

/* Parses a token: "f/" or "b/" and an offset in the stream's file. */
static bool parse_token(struct str token, struct logs_query *query)
{
    int64_t offset;
    if (!str_starts(token, STR("f/")) && !str_starts(token, STR("b/")))
        return false;
    if (!str_to_int(str_slice(token, 2, token.n), &offset) || offset < 0)
        return false;
    query->backward = token.p[0] == 'b';
    query->offset = (uint64_t)offset;
    return true;
}

static const struct value *token_value(struct arena *arena, char kind, uint64_t offset)
{
    return value_string(arena, arena_printf(arena, "%c/%020llu", kind, (unsigned long long)offset));
}

static const struct value *event_value(
    struct arena *arena, const struct log_entry *event, struct value_builder *b)
{
    value_builder_set(b, STR("timestamp"), value_int(arena, event->time_ms));
    value_builder_set(b, STR("message"), value_string(arena, event->message));
    value_builder_set(b, STR("ingestionTime"), value_int(arena, event->ingested_ms));
    return value_builder_map(b);
}

static size_t limit_of(const struct service_call *call)
{
    int64_t limit = service_int(call->input, "limit", MAX_EVENTS);
    return limit < 1 || limit > MAX_EVENTS ? MAX_EVENTS : (size_t)limit;
}

static int get_events(struct service_call *call, struct err *err)
{
    struct arena *arena = call->arena;
    struct log_location location;
    struct logs_page page;
    struct str token = value_gets(call->input, "nextToken");
    struct logs_query query = {.from_ms = service_int(call->input, "startTime", 0),
        .to_ms = service_int(call->input, "endTime", 0),
        .limit = limit_of(call),
        .backward = !(value_getb(call->input, "startFromHead"))};
    if (find_stream(call, &location, err))
        return -1;
    if (token.n && !parse_token(token, &query))
        return refuse_invalid(err, "The specified nextToken is invalid.");
    if (answer_result(logs_read(services_logs(call->services), arena, &location, &query, &page), err))
        return -1;
    struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < page.n; i++) {
        struct value_builder event = VALUE_BUILDER(arena);
        value_builder_add(&list, event_value(arena, &page.events[i], &event));
    }
    service_answer(call, "events", value_builder_list(&list));
    service_answer(call, "nextForwardToken", token_value(arena, 'f', page.after));
    service_answer(call, "nextBackwardToken", token_value(arena, 'b', page.before));
    return 0;
}

/* ---- filtering ---- */

static int read_filter(const struct service_call *call, struct log_filter *out, struct err *err)
{
    const char *why = log_filter_read(call->arena, value_gets(call->input, "filterPattern"), out);
    return why ? service_refuse(err, 400, "InvalidParameterException", "Invalid filter pattern: %s", why) : 0;
}

/* Matching events after those of the previous page: those of this page, and one more if there are more. */
struct found {
    const struct log_filter *filter;
    struct log_entry before; /* last event of the previous page; stream "": this is the first page */
    struct arena arena;      /* has the messages */
    struct log_entry *events;
    size_t n, cap, limit;
    size_t bytes; /* bytes of messages */
    size_t last;  /* events later than the one with this index are not needed; 0: no limit yet */
};

static int by_time(const void *a, const void *b)
{
    const struct log_entry *x = a, *y = b;
    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    int order = str_cmp(x->stream, y->stream);
    return order ? order : x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Returns how many of the sorted events are on the page. */
static size_t page_end(const struct found *found)
{
    size_t n = 0;
    for (size_t bytes = 0; n < found->n && n < found->limit && bytes < MAX_PAGE; n++)
        bytes += found->events[n].message.n + EVENT_OVERHEAD;
    return n;
}

/* Sorts the events and drops those that are not needed. */
static void keep_first(struct found *found)
{
    struct arena kept = ARENA_INIT;
    if (found->n)
        qsort(found->events, found->n, sizeof *found->events, by_time);
    size_t end = page_end(found);
    if (found->n > end)
        found->last = end;
    found->n = found->n > end ? end + 1 : end;
    found->bytes = 0;
    for (size_t i = 0; i < found->n; i++) {
        found->events[i].message = arena_str(&kept, found->events[i].message);
        found->bytes += found->events[i].message.n;
    }
    arena_release(&found->arena);
    found->arena = kept;
}

static void take_event(struct found *found, struct arena *scratch, const struct log_entry *event)
{
    if ((found->before.stream.n && by_time(event, &found->before) <= 0) ||
        (found->last && by_time(event, &found->events[found->last]) > 0))
        return;
    const struct log_event read = log_event_read(scratch, found->filter, event->message);
    if (!log_matches(found->filter, &read))
        return;
    MEM_GROW(found->events, found->cap, found->n + 1);
    found->events[found->n] = *event;
    found->events[found->n++].message = arena_str(&found->arena, event->message);
    found->bytes += event->message.n;
    if (found->n > 2 * found->limit + 1 || found->bytes > 4 * MAX_PAGE)
        keep_first(found);
}

static void gather_events(const struct service_call *call, const struct log_location *location,
    struct logs_query query, struct found *found)
{
    for (;;) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct logs_page page;
        if (logs_read(services_logs(call->services), &scratch, location, &query, &page) != LOGS_OK || !page.n)
            return;
        for (size_t i = 0; i < page.n; i++) {
            page.events[i].stream = location->stream;
            take_event(found, &scratch, &page.events[i]);
        }
        query.offset = page.after;
    }
}

static bool is_wanted_stream(const struct service_call *call, struct str stream)
{
    const struct value *names = value_getz(call->input, "logStreamNames");
    bool wanted = !names || names->kind != VALUE_LIST || value_list_has(names, stream);
    return wanted && str_starts(stream, value_gets(call->input, "logStreamNamePrefix"));
}

/* Parses a token, which is the last event of the previous page: TIME/OFFSET/STREAM. */
static int read_position(const struct service_call *call, struct log_entry *before, struct err *err)
{
    struct str token = value_gets(call->input, "nextToken"), text = STR_EMPTY, rest;
    int64_t offset = 0;
    *before = (struct log_entry){.stream = STR_EMPTY};
    if (!token.n)
        return 0;
    if (!base64_decode(call->arena, token, &text) ||
        !str_to_int(str_cut(text, '/', &rest), &before->time_ms) ||
        !str_to_int(str_cut(rest, '/', &before->stream), &offset) || offset < 0 || !before->stream.n)
        return refuse_invalid(err, "The specified nextToken is invalid.");
    before->offset = (uint64_t)offset;
    return 0;
}

static const struct value *position_of(struct arena *arena, const struct log_entry *event)
{
    return value_string(
        arena, base64_encode(arena, arena_printf(arena, "%lld/%llu/%.*s", (long long)event->time_ms,
                                        (unsigned long long)event->offset, STR_ARG(event->stream))));
}

static void answer_found(struct service_call *call, const struct found *found)
{
    struct arena *arena = call->arena;
    struct value_builder list = VALUE_BUILDER(arena);
    size_t end = page_end(found);
    for (size_t i = 0; i < end; i++) {
        const struct log_entry *event = &found->events[i];
        struct value_builder one = VALUE_BUILDER(arena);
        value_builder_set(&one, STR("logStreamName"), value_string(arena, event->stream));
        value_builder_set(&one, STR("eventId"),
            value_string(
                arena, arena_printf(arena, "%020llu%016llx%020llu", (unsigned long long)event->time_ms,
                           (unsigned long long)str_hash(event->stream), (unsigned long long)event->offset)));
        value_builder_add(&list, event_value(arena, event, &one));
    }
    service_answer(call, "events", value_builder_list(&list));
    service_answer(call, "searchedLogStreams", &value_empty_list);
    if (found->n > end)
        service_answer(call, "nextToken", position_of(arena, &found->events[end - 1]));
}

static int filter_events(struct service_call *call, struct err *err)
{
    struct log_filter filter;
    struct found found = {.filter = &filter, .limit = limit_of(call)};
    struct log_location location = {.region = call->region};
    if (find_group(call, &location.group, err) || read_filter(call, &filter, err) ||
        read_position(call, &found.before, err))
        return -1;
    size_t n;
    const struct log_stream *streams =
        logs_streams(services_logs(call->services), call->arena, call->region, location.group, &n);
    /* endTime is exclusive in GetLogEvents, and inclusive here. */
    int64_t to_ms = service_int(call->input, "endTime", -1);
    struct logs_query query = {
        .from_ms = service_int(call->input, "startTime", 0), .to_ms = to_ms + 1, .limit = MAX_EVENTS};
    if (found.before.time_ms > query.from_ms)
        query.from_ms = found.before.time_ms;
    for (size_t i = 0; i < n; i++) {
        location.stream = streams[i].name;
        if (is_wanted_stream(call, location.stream))
            gather_events(call, &location, query, &found);
    }
    keep_first(&found);
    answer_found(call, &found);
    arena_release(&found.arena);
    free(found.events);
    return 0;
}

static int test_filter(struct service_call *call, struct err *err)
{
    struct arena *arena = call->arena;
    struct log_filter filter;
    AUTO_BUILDER struct value_builder matches = VALUE_BUILDER(arena);
    const struct value *messages = value_as_list(value_getz(call->input, "logEventMessages"));
    if (read_filter(call, &filter, err))
        return -1;
    for (uint32_t i = 0; i < messages->count; i++) {
        const struct log_event event =
            log_event_read(arena, &filter, value_text(messages->items[i], STR_EMPTY));
        if (log_matches(&filter, &event))
            value_builder_add(&matches, VALUE_MAP(arena, {STR("eventNumber"), value_int(arena, i + 1)},
                                            {STR("eventMessage"), messages->items[i]},
                                            {STR("extractedValues"), log_extracted(&filter, &event)}));
    }
    service_answer(call, "matches", value_builder_list(&matches));
    return 0;
}

/* ---- tags of groups by name: older operations ---- */

static int tags_of_group(
    struct service_call *call, const char *operation, const char *member, const char *given, struct err *err)
{
    struct str group;
    if (find_group(call, &group, err))
        return -1;
    struct value_entry input[] = {{STR("resourceArn"), value_string(call->arena, group_arn(call, group))},
        {arena_str(call->arena, str_z(member)), value_getz(call->input, given)}};
    return service_control(call, operation, value_map(call->arena, input, 2), &call->output, err);
}

static int describe_groups(struct service_call *call, struct err *err)
{
    call->declined =
        !value_getz(call->input, "logGroupNamePrefix") || !value_getz(call->input, "logGroupNamePattern");
    return call->declined ? 0
                          : refuse_invalid(err, "LogGroup name prefix and LogGroup name pattern are mutually "
                                                "exclusive parameters.");
}

static int tag_group(struct service_call *call, struct err *err)
{
    return tags_of_group(call, "TagResource", "tags", "tags", err);
}

static int untag_group(struct service_call *call, struct err *err)
{
    return tags_of_group(call, "UntagResource", "tagKeys", "tags", err);
}

const struct service_operation logs_operations[] = {
    {"logs", "DescribeLogGroups", describe_groups},
    {"logs", "ListLogGroups", list_groups},
    {"logs", "DescribeMetricFilters", in_group},
    {"logs", "DeleteMetricFilter", in_group},
    {"logs", "DescribeSubscriptionFilters", in_group},
    {"logs", "DeleteSubscriptionFilter", in_group},
    {"logs", "PutSubscriptionFilter", limited},
    {"logs", "PutResourcePolicy", limited},
    {"logs", "TagLogGroup", tag_group},
    {"logs", "UntagLogGroup", untag_group},
    {"logs", "CreateLogStream", create_stream},
    {"logs", "DeleteLogStream", delete_stream},
    {"logs", "DescribeLogStreams", describe_streams},
    {"logs", "PutLogEvents", put_events},
    {"logs", "GetLogEvents", get_events},
    {"logs", "FilterLogEvents", filter_events},
    {"logs", "TestMetricFilter", test_filter},
    {0},
};

/* ---- for tasks ---- */

int service_sink_open(struct services *services, struct str region, struct str group, struct str stream,
    struct arena *arena, struct log_sink *out, struct err *err)
{
    struct control *control = services_control(services);
    struct control_record found = {0};
    *out = (struct log_sink){.logs = services_logs(services), .location = {region, group, stream}};
    if (!control_find(control, arena, STR("aws.logs.log_group"), region, group, &found)) {
        const struct service_request request = {.service = STR("logs"),
            .operation = STR("CreateLogGroup"),
            .region = region,
            .input = value_with(arena, NULL, STR("logGroupName"), value_string(arena, group))};
        const struct value *ignored;
        struct err refused = ERR_INIT; /* two runs may create the group at once */
        if (services_call(services, arena, &request, &ignored, &refused) &&
            !str_eqz(str_z(refused.code), "ResourceAlreadyExistsException")) {
            *err = refused;
            return err_context(err, "creating the log group %.*s", STR_ARG(group));
        }
        control_find(control, arena, STR("aws.logs.log_group"), region, group, &found);
    }
    logs_forget(out->logs, region, group, found.created_ms); /* not those of the other run */
    enum logs_result result = logs_create(out->logs, &out->location);
    return result == LOGS_EXISTS ? 0 : answer_result(result, err);
}
