/* The logs of runs in CloudWatch Logs (provider/job.h): see client.h. */

#include "base/clock.h"
#include "base/mem.h"
#include "provider/aws/client_state.h"

#include <stdlib.h>

enum {
    /* Events can arrive late, after newer ones were read: each poll reads again this far back. */
    OVERLAP_MS = 10 * 1000,
    LATE_MS = 5 * 1000,
    PAGE_EVENTS = 5000,
    PAGES_MAX = 100000,
};

/* One source. A stream is continued by its token, a group by time, leaving out events that were already
 * read. */
struct feed {
    struct log_source source;
    struct str stream; /* the stream to read; "": all streams of a group or prefix */
    struct arena page; /* allocates the events of the current page */
    struct log_event *events;
    size_t n, at;
    char *token;           /* of the next page; NULL: the first page */
    struct pages pages;    /* pages of this poll */
    bool at_end;           /* this poll has read everything */
    bool within, complete; /* between `first` and `last`; `last` was read */
    int64_t from_ms, newest_ms;
    struct map before, now; /* ids of events read in the last poll and in this one */
    struct arena before_ids, now_ids;
};

struct cloudwatch {
    struct log_reader base;
    struct arena arena;
    struct aws_client *client;
    struct log_options options;
    struct feed *feeds;
    size_t count;
    bool polled, failed; /* at least one poll was done; the last poll failed */
    /* The first poll with `tail`: the latest lines, in a ring buffer. */
    struct log_event *ring;
    size_t ring_n, ring_at;
};

/* ---- calls ---- */

static const struct aws_service service = {
    .id = STR_INIT("logs"), .endpoint_prefix = STR_INIT("logs"), .signing_name = STR_INIT("logs")};
static const struct wire_operation get_log_events = AWS_JSON_OPERATION("Logs_20140328", "GetLogEvents");
static const struct wire_operation filter_log_events = AWS_JSON_OPERATION("Logs_20140328", "FilterLogEvents");

/* *document is empty if the log does not exist. */
static int logs_call(const struct cloudwatch *reader, struct arena *arena, const struct wire_operation *op,
    struct value_builder *input, const struct value **document, struct err *err)
{
    struct aws_call request = {
        .service = &service, .op = op, .idempotent = true, .body_fd = -1, .cancel = reader->options.cancel};
    struct err failure = ERR_INIT;
    *document = &value_empty_map;
    if (!aws_send_json(
            reader->client, &request, value_builder_map(input), arena, "events", document, &failure) ||
        str_eqz(STR("ResourceNotFoundException"), failure.code))
        return 0;
    *err = failure;
    return err_context(err, "reading the log");
}

static void set_int(struct value_builder *input, const char *name, int64_t number)
{
    if (number)
        value_builder_set(input, str_z(name), value_int(input->arena, number));
}

/* ---- pages ---- */

static void take_token(struct feed *feed, struct str token)
{
    free(feed->token);
    feed->token = token.n ? mem_memdup0(token.p, token.n) : NULL;
}

static bool seen_before(struct feed *feed, struct str id)
{
    if (!id.n)
        return false;
    bool seen = map_get(&feed->before, id) || map_get(&feed->now, id);
    if (!map_get(&feed->now, id))
        map_set(&feed->now, arena_str(&feed->now_ids, id), feed);
    return seen;
}

static void take_events(struct feed *feed, const struct value *document, bool filtered)
{
    const struct value *list = value_getz(document, "events");
    size_t n = list && list->kind == VALUE_LIST ? list->count : 0;
    feed->events = ARENA_ARRAY(&feed->page, struct log_event, n + 1);
    feed->n = feed->at = 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *item = list->items[i], *at = value_getz(item, "timestamp");
        struct log_event event = {.at_ms = at && at->kind == VALUE_INT ? at->integer : 0,
            .stream = filtered ? value_gets(item, "logStreamName") : feed->stream,
            .message = value_gets(item, "message"),
            .errors = feed->source.errors};
        while (str_ends(event.message, STR("\n")) || str_ends(event.message, STR("\r")))
            event.message.n--;
        if (!str_starts(event.stream, feed->source.prefix)) /* some emulators return all streams */
            continue;
        if (filtered && seen_before(feed, value_gets(item, "eventId")))
            continue;
        feed->events[feed->n++] = event;
    }
}

/* A stream always has a next token; at the end the token stays the same. */
static int stream_page(const struct cloudwatch *reader, struct feed *feed, struct err *err)
{
    AUTO_BUILDER struct value_builder input = VALUE_BUILDER(&feed->page);
    const struct value *document;
    bool latest = reader->options.tail && !feed->token && !feed->source.first.n;
    value_builder_text(&input, "logGroupName", feed->source.group);
    value_builder_text(&input, "logStreamName", feed->stream);
    value_builder_text(&input, "nextToken", str_z(feed->token));
    set_int(&input, "startTime", feed->from_ms);
    value_builder_set(&input, STR("startFromHead"), value_bool(!latest));
    if (latest)
        set_int(&input, "limit", (int64_t)reader->options.tail);
    if (logs_call(reader, &feed->page, &get_log_events, &input, &document, err))
        return -1;
    struct str next = value_gets(document, "nextForwardToken");
    take_events(feed, document, false);
    feed->at_end = !next.n || latest || (feed->token && str_eqz(next, feed->token));
    if (next.n)
        take_token(feed, next);
    return feed->at_end ? 0 : pages_next(&feed->pages, get_log_events.name, next, err);
}

static int filter(const struct cloudwatch *reader, struct feed *feed, struct str pattern,
    const struct value **document, struct err *err)
{
    AUTO_BUILDER struct value_builder input = VALUE_BUILDER(&feed->page);
    value_builder_text(&input, "logGroupName", feed->source.group);
    value_builder_text(&input, "logStreamNamePrefix", feed->source.prefix);
    value_builder_text(&input, "filterPattern", pattern);
    value_builder_text(&input, "nextToken", str_z(feed->token));
    set_int(&input, "startTime", feed->from_ms);
    set_int(&input, "limit", PAGE_EVENTS);
    return logs_call(reader, &feed->page, &filter_log_events, &input, document, err);
}

static int group_page(const struct cloudwatch *reader, struct feed *feed, struct err *err)
{
    const struct value *document;
    if (filter(reader, feed, STR_EMPTY, &document, err))
        return -1;
    take_events(feed, document, true);
    take_token(feed, value_gets(document, "nextToken"));
    feed->at_end = !feed->token;
    return feed->at_end ? 0 : pages_next(&feed->pages, filter_log_events.name, str_z(feed->token), err);
}

/* Finds the stream of a run that is a part of a stream, by the run's first line. */
static int find_stream(struct cloudwatch *reader, struct feed *feed, struct err *err)
{
    struct str pattern = arena_printf(&feed->page, "\"%.*s\"", STR_ARG(feed->source.first));
    const struct value *document;
    if (filter(reader, feed, pattern, &document, err))
        return -1;
    const struct value *list = value_getz(document, "events");
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *item = list->items[i];
        if (!str_starts(value_gets(item, "message"), feed->source.first))
            continue;
        feed->stream = arena_str(&reader->arena, value_gets(item, "logStreamName"));
        feed->from_ms = value_geti(item, "timestamp", feed->from_ms);
        take_token(feed, STR_EMPTY);
        return 0;
    }
    take_token(feed, value_gets(document, "nextToken"));
    feed->at_end = !feed->token;
    return feed->at_end ? 0 : pages_next(&feed->pages, filter_log_events.name, str_z(feed->token), err);
}

static int next_page(struct cloudwatch *reader, struct feed *feed, struct err *err)
{
    arena_release(&feed->page);
    feed->page = (struct arena)ARENA_INIT;
    feed->events = NULL;
    feed->n = feed->at = 0;
    if (feed->complete) {
        feed->at_end = true;
        return 0;
    }
    if (feed->source.first.n && !feed->stream.n)
        return find_stream(reader, feed, err);
    return feed->stream.n ? stream_page(reader, feed, err) : group_page(reader, feed, err);
}

/* ---- lines ---- */

/* True if the line is between the run's first and last line in a shared stream. */
static bool belongs(struct feed *feed, const struct log_event *event)
{
    if (!feed->source.first.n)
        return true;
    if (feed->complete)
        return false;
    feed->within = feed->within || str_starts(event->message, feed->source.first);
    feed->complete = feed->within && str_starts(event->message, feed->source.last);
    return feed->within;
}

/* Copies the line into the ring buffer, freeing the oldest. */
static void logs_keep(struct cloudwatch *reader, const struct log_event *event)
{
    size_t tail = reader->options.tail;
    struct log_event *place = &reader->ring[reader->ring_at];
    if (reader->ring_n == tail) {
        free((char *)place->message.p);
        free((char *)place->stream.p);
    } else {
        reader->ring_n++;
    }
    *place = (struct log_event){.at_ms = event->at_ms,
        .errors = event->errors,
        .message = {mem_memdup0(event->message.p, event->message.n), event->message.n},
        .stream = {mem_memdup0(event->stream.p, event->stream.n), event->stream.n}};
    reader->ring_at = (reader->ring_at + 1) % tail;
}

static void logs_flush(struct cloudwatch *reader, log_taker *line, void *ctx)
{
    size_t tail = reader->options.tail;
    for (size_t i = 0; i < reader->ring_n; i++) {
        struct log_event *event = &reader->ring[(reader->ring_at + tail - reader->ring_n + i) % tail];
        if (line)
            line(ctx, event);
        free((char *)event->message.p);
        free((char *)event->stream.p);
    }
    reader->ring_n = 0;
    free(reader->ring);
    reader->ring = NULL;
}

static void logs_give(
    struct cloudwatch *reader, struct feed *feed, const struct log_event *event, log_taker *line, void *ctx)
{
    feed->newest_ms = event->at_ms > feed->newest_ms ? event->at_ms : feed->newest_ms;
    if (!belongs(feed, event))
        return;
    if (reader->ring)
        logs_keep(reader, event);
    else
        line(ctx, event);
}

static void begin_poll(struct cloudwatch *reader)
{
    for (size_t i = 0; i < reader->count; i++) {
        struct feed *feed = &reader->feeds[i];
        feed->at_end = false;
        pages_release(&feed->pages);
        feed->pages = (struct pages)PAGES_INIT;
        if (reader->failed) /* continues where the failed poll stopped */
            continue;
        if (!feed->stream.n && feed->newest_ms - OVERLAP_MS > feed->from_ms)
            feed->from_ms = feed->newest_ms - OVERLAP_MS;
        map_release(&feed->before);
        arena_release(&feed->before_ids);
        feed->before = feed->now;
        feed->before_ids = feed->now_ids;
        feed->now = (struct map)MAP_INIT;
        feed->now_ids = (struct arena)ARENA_INIT;
    }
}

/* Finds the feed with the oldest next line; NULL if there are no more lines. */
static int logs_oldest(struct cloudwatch *reader, struct feed **out, struct err *err)
{
    *out = NULL;
    for (size_t i = 0; i < reader->count; i++) {
        struct feed *feed = &reader->feeds[i];
        for (int page = 0; feed->at == feed->n && !feed->at_end && page < PAGES_MAX; page++)
            if (next_page(reader, feed, err))
                return -1;
        if (feed->at < feed->n && (!*out || feed->events[feed->at].at_ms < (*out)->events[(*out)->at].at_ms))
            *out = feed;
    }
    return 0;
}

static int poll_logs(struct log_reader *base, log_taker *line, void *ctx, struct err *err)
{
    struct cloudwatch *reader = (struct cloudwatch *)base;
    struct feed *feed;
    int rc;
    if (!reader->polled && reader->options.tail)
        reader->ring = mem_zalloc(reader->options.tail * sizeof *reader->ring);
    begin_poll(reader);
    while ((rc = logs_oldest(reader, &feed, err)) == 0 && feed)
        logs_give(reader, feed, &feed->events[feed->at++], line, ctx);
    if (reader->ring)
        logs_flush(reader, line, ctx);
    reader->polled = true;
    reader->failed = rc != 0;
    return rc;
}

/* Lines take seconds in CloudWatch, no time at a custom endpoint. */
static int64_t late_ms(const struct provider *provider)
{
    struct aws_client *client = provider_aws(provider);
    const struct service_state *state = client_service(client, &service, ERR_IGNORED);
    return state && !state->endpoint.custom ? LATE_MS : 0;
}

static bool is_complete(const struct log_reader *base)
{
    const struct cloudwatch *reader = (const struct cloudwatch *)base;
    for (size_t i = 0; i < reader->count; i++)
        if (!reader->feeds[i].complete)
            return false;
    return reader->count > 0;
}

static struct log_reader *open_logs(const struct provider *provider, const struct log_source *sources,
    size_t n, const struct log_options *options)
{
    struct cloudwatch *reader = mem_zalloc(sizeof *reader);
    reader->base.ops = &aws_log_ops;
    reader->client = provider_aws(provider);
    reader->options = *options;
    reader->feeds = ARENA_ARRAY(&reader->arena, struct feed, n + 1);
    reader->count = n;
    for (size_t i = 0; i < n; i++) {
        struct feed *feed = &reader->feeds[i];
        feed->source = (struct log_source){arena_str(&reader->arena, sources[i].group),
            arena_str(&reader->arena, sources[i].stream), arena_str(&reader->arena, sources[i].prefix),
            arena_str(&reader->arena, sources[i].first), arena_str(&reader->arena, sources[i].last),
            sources[i].errors};
        feed->stream = feed->source.stream;
        feed->from_ms =
            options->from_now ? clock_wall_ms() + atomic_load(&reader->client->skew_ms) : options->since_ms;
    }
    return &reader->base;
}

static void close_logs(struct log_reader *base)
{
    struct cloudwatch *reader = (struct cloudwatch *)base;
    for (size_t i = 0; i < reader->count; i++) {
        struct feed *feed = &reader->feeds[i];
        arena_release(&feed->page);
        free(feed->token);
        map_release(&feed->before);
        map_release(&feed->now);
        pages_release(&feed->pages);
        arena_release(&feed->before_ids);
        arena_release(&feed->now_ids);
    }
    arena_release(&reader->arena);
    free(reader);
}

const struct log_ops aws_log_ops = {
    .open = open_logs, .close = close_logs, .poll = poll_logs, .complete = is_complete, .late_ms = late_ms};
