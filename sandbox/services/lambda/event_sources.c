/* Queues as sources of functions, and which sources there are: see event_sources.h. */
#include "sandbox/services/lambda/event_sources.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/notation/event_match.h"
#include "sandbox/services/lambda/event_source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LOOK_MS = 250,
    WAIT_S = 1, /* a receive; then the mapping is looked at again */
    AT_ONCE = 5,
    A_RECEIVE = 10,  /* messages that one call gives at most */
    PAUSE_MS = 1000, /* after a function that could not be called */
};

struct sources {
    struct services *services;
    struct source **items;
    size_t n, cap;
};

static void source_release(struct source *source)
{
    if (atomic_fetch_sub(&source->references, 1) > 1)
        return;
    free(source->uuid);
    free(source->region);
    free(source);
}

/* ---- calls ---- */

/* Once: it is tried again and again. */
static void say_denied(struct source *source, const char *message)
{
    if (!atomic_exchange(&source->denied, true))
        fprintf(stderr, "sandbox: event source %s: %s\n", source->uuid, message);
}

int source_call(const struct turn *turn, const char *service, const char *operation,
    const struct value_entry *entries, size_t n, const struct value **output)
{
    struct err err = ERR_INIT;
    const struct session session = services_role_session(turn->role, turn->function);
    const struct gate_caller caller = {.session = &session};
    const struct service_request request = {.service = str_z(service),
        .operation = str_z(operation),
        .region = turn->region,
        .input = value_map(turn->arena, entries, n),
        .as = turn->role.n ? &caller : NULL};
    int status = services_call(turn->source->services, turn->arena, &request, output, &err);
    if (status && str_starts(str_z(err.code), STR("AccessDenied")))
        say_denied(turn->source, err.message);
    return status;
}

static const struct value *sources_receive(const struct turn *turn, int64_t most)
{
    const struct value *output, *all = value_stringz(turn->arena, "All");
    const struct value *names = value_list(turn->arena, &all, 1);
    struct value_entry input[] = {
        {STR("QueueUrl"), value_string(turn->arena, turn->source_arn)},
        {STR("MaxNumberOfMessages"), value_int(turn->arena, most < A_RECEIVE ? most : A_RECEIVE)},
        {STR("WaitTimeSeconds"), value_int(turn->arena, WAIT_S)},
        {STR("MessageSystemAttributeNames"), names},
        {STR("MessageAttributeNames"), names},
    };
    if (source_call(turn, "sqs", "ReceiveMessage", input, sizeof input / sizeof *input, &output)) {
        services_sleep(turn->source->services, PAUSE_MS); /* the queue is not there */
        return &value_empty_list;
    }
    const struct value *messages = value_getz(output, "Messages");
    return messages ? messages : &value_empty_list;
}

static void delete_message(const struct turn *turn, const struct value *message)
{
    const struct value *output;
    struct value_entry input[] = {{STR("QueueUrl"), value_string(turn->arena, turn->source_arn)},
        {STR("ReceiptHandle"), value_getz(message, "ReceiptHandle")}};
    source_call(turn, "sqs", "DeleteMessage", input, 2, &output);
}

/* ---- records ---- */

/* Members begin with a small letter in events: StringValue is stringValue. */
static const struct value *source_small(struct arena *arena, const struct value *attributes)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; attributes && i < attributes->count; i++) {
        const struct value *one = attributes->entries[i].value;
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
        value_builder_set(&b, STR("stringListValues"), &value_empty_list);
        value_builder_set(&b, STR("binaryListValues"), &value_empty_list);
        for (uint32_t k = 0; k < one->count; k++) {
            char *key = arena_strz(arena, one->entries[k].key);
            key[0] = (char)tolower((unsigned char)key[0]);
            value_builder_set(&b, str_z(key), one->entries[k].value);
        }
        value_builder_set(&all, attributes->entries[i].key, value_builder_map(&b));
    }
    return value_builder_map(&all);
}

static const struct value *record_of(const struct turn *turn, const struct value *message)
{
    struct arena *arena = turn->arena;
    return VALUE_MAP(arena, {STR("messageId"), value_getz(message, "MessageId")},
        {STR("receiptHandle"), value_getz(message, "ReceiptHandle")},
        {STR("body"), value_getz(message, "Body")}, {STR("attributes"), value_getz(message, "Attributes")},
        {STR("messageAttributes"), source_small(arena, value_getz(message, "MessageAttributes"))},
        {STR("md5OfBody"), value_getz(message, "MD5OfBody")},
        {STR("eventSource"), value_stringz(arena, "aws:sqs")},
        {STR("eventSourceARN"), value_string(arena, turn->source_arn)},
        {STR("awsRegion"), value_string(arena, turn->region)});
}

bool source_passes(const struct turn *turn, const struct value *record, const char *member)
{
    const struct value *filters = value_getz(turn->attrs, "filters"), *body;
    struct err err = ERR_INIT;
    if (!filters || filters->kind != VALUE_LIST || !filters->count)
        return true;
    if (!json_parse(turn->arena, value_gets(record, member), &body, &err) && body->kind == VALUE_MAP)
        record = value_with(turn->arena, record, str_z(member), body);
    for (uint32_t i = 0; i < filters->count; i++) {
        const struct value *pattern = value_getz(filters->items[i], "pattern"), *parsed;
        if (pattern && pattern->kind == VALUE_STRING)
            pattern = json_parse(turn->arena, pattern->string, &parsed, &err) ? NULL : parsed;
        if (event_matches(pattern, record))
            return true;
    }
    return false;
}

/* ---- one batch ---- */

struct batch {
    struct value_builder messages, records;
};

static void batch_add(const struct turn *turn, struct batch *batch, const struct value *messages)
{
    for (uint32_t i = 0; i < messages->count; i++) {
        const struct value *record = record_of(turn, messages->items[i]);
        if (!source_passes(turn, record, "body")) {
            delete_message(turn, messages->items[i]);
            continue;
        }
        value_builder_add(&batch->messages, messages->items[i]);
        value_builder_add(&batch->records, record);
    }
}

/* As many as make a batch, or as come while it is gathered. */
static void sources_gather(const struct turn *turn, struct batch *batch)
{
    int64_t size = service_int(turn->attrs, "batch_size", 10);
    int64_t window_s = service_int(turn->attrs, "maximum_batching_window_in_seconds", 0);
    batch_add(turn, batch, sources_receive(turn, size));
    int64_t until = clock_mono_ms() + window_s * 1000;
    while (batch->records.n && (int64_t)batch->records.n < size && clock_mono_ms() < until &&
           !services_stopping(turn->source->services))
        batch_add(turn, batch, sources_receive(turn, size - (int64_t)batch->records.n));
}

bool source_invoke(const struct turn *turn, const struct value *records, const struct value **answer)
{
    struct arena *arena = turn->arena;
    struct services *services = turn->source->services;
    struct value_entry event = {STR("Records"), records};
    struct value_entry input[] = {{STR("FunctionName"), value_string(arena, turn->function)},
        {STR("Payload"), json_as_text(arena, value_map(arena, &event, 1))}};
    const struct service_request request = {.service = STR("lambda"),
        .operation = STR("Invoke"),
        .region = turn->region,
        .input = value_map(arena, input, 2)};
    const struct value *output;
    struct activity *activity;
    struct activity_result result;
    struct err err = ERR_INIT;
    if (services_start(services, arena, &request, &output, &activity, &err)) {
        fprintf(stderr, "sandbox: event source %s: %s\n", turn->source->uuid, err.message);
        services_sleep(services, PAUSE_MS);
        return false;
    }
    bool ended = activity_wait(activity, -1);
    activity_result(activity, arena, &result);
    activity_release(activity);
    struct str payload = value_gets(result.output, "Payload");
    *answer = &value_null;
    if (payload.n && json_parse(arena, payload, answer, &err))
        *answer = &value_null;
    return ended && result.state == ACTIVITY_SUCCEEDED;
}

const struct value *source_failures(const struct turn *turn, const struct value *answer)
{
    bool looked_at =
        value_list_has(value_getz(turn->attrs, "function_response_types"), STR("ReportBatchItemFailures"));
    return looked_at ? value_as_list(value_getz(answer, "batchItemFailures")) : NULL;
}

/* An entry that names no message of the batch means all of them. */
static bool all_failed(const struct value *failures, const struct value *messages)
{
    for (uint32_t i = 0; failures && i < failures->count; i++)
        if (!value_list_find(messages, "MessageId", value_gets(failures->items[i], "itemIdentifier")))
            return true;
    return false;
}

/* Of a FIFO queue nothing after the first that failed is done: it would overtake it. */
static void delete_done(const struct turn *turn, const struct value *messages, const struct value *answer)
{
    const struct value *failures = source_failures(turn, answer);
    bool fifo = str_ends(turn->source_arn, STR(".fifo"));
    for (uint32_t i = 0; i < messages->count && !all_failed(failures, messages); i++) {
        if (!value_list_find(failures, "itemIdentifier", value_gets(messages->items[i], "MessageId")))
            delete_message(turn, messages->items[i]);
        else if (fifo)
            return;
    }
}

static void take_turn(const struct turn *turn)
{
    struct batch batch = {VALUE_BUILDER(turn->arena), VALUE_BUILDER(turn->arena)};
    const struct value *answer;
    sources_gather(turn, &batch);
    const struct value *messages = value_builder_list(&batch.messages),
                       *records = value_builder_list(&batch.records);
    if (records->count && source_invoke(turn, records, &answer))
        delete_done(turn, messages, answer);
}

/* ---- threads ---- */

static struct str role_of(struct source *source, struct arena *arena, struct str region, struct str function)
{
    struct control_record found;
    struct str name = function, mark = STR(":function:");
    ptrdiff_t at = str_find(function, mark, 0);
    if (at >= 0)
        name = str_slice(function, (size_t)at + mark.n, function.n);
    name = str_cut(name, ':', &mark);
    bool known = control_find(
        services_control(source->services), arena, STR("aws.lambda.function"), region, name, &found);
    return known ? value_gets(found.attrs, "role") : STR_EMPTY;
}

bool source_turn(struct source *source, struct arena *arena, struct turn *turn)
{
    struct control_record mapping;
    if (atomic_load(&source->over) || services_stopping(source->services) ||
        !control_find(services_control(source->services), arena, STR("aws.lambda.event_source_mapping"),
            str_z(source->region), str_z(source->uuid), &mapping))
        return false;
    struct str function = value_gets(mapping.attrs, "function");
    *turn = (struct turn){.source = source,
        .arena = arena,
        .source_arn = value_gets(mapping.attrs, "event_source"),
        .function = function,
        .role = role_of(source, arena, mapping.region, function),
        .region = mapping.region,
        .attrs = mapping.attrs};
    return true;
}

static bool is_queue(const struct control_record *mapping)
{
    return str_find(value_gets(mapping->attrs, "event_source"), STR(":sqs:"), 0) > 0;
}

/* False: there is no more. */
static bool queue_turn(struct source *source)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct turn turn;
    if (!source_turn(source, &arena, &turn))
        return false;
    take_turn(&turn);
    return true;
}

static void sources_work(void *ctx)
{
    struct source *source = ctx;
    if (source->streams)
        source_read_stream(source);
    else
        while (queue_turn(source))
            ;
    atomic_store(&source->over, true);
    source_release(source);
}

static bool is_read(const struct control_record *mapping)
{
    struct str arn = value_gets(mapping->attrs, "event_source");
    return is_queue(mapping) || str_find(arn, STR(":kinesis:"), 0) > 0 ||
           str_find(arn, STR(":dynamodb:"), 0) > 0;
}

static int threads_of(const struct control_record *mapping)
{
    int64_t most = service_int(mapping->attrs, "maximum_concurrency", AT_ONCE);
    if (!is_queue(mapping) || str_ends(value_gets(mapping->attrs, "event_source"), STR(".fifo")))
        return 1;
    return most < AT_ONCE ? (int)most : AT_ONCE;
}

static void sources_begin(struct sources *sources, const struct control_record *mapping)
{
    struct source *source = mem_zalloc(sizeof *source);
    source->services = sources->services;
    source->uuid = mem_strdup(mapping->id.p);
    source->region = mem_strdup(mapping->region.p);
    source->streams = !is_queue(mapping);
    atomic_init(&source->references, 1); /* the list's */
    MEM_GROW(sources->items, sources->cap, sources->n + 1);
    sources->items[sources->n++] = source;
    for (int i = 0; i < threads_of(mapping); i++) {
        atomic_fetch_add(&source->references, 1);
        if (services_thread(sources->services, sources_work, source))
            source_release(source);
    }
}

static bool is_known(const struct sources *sources, const struct control_record *mapping)
{
    for (size_t i = 0; i < sources->n; i++)
        if (str_eqz(mapping->id, sources->items[i]->uuid) &&
            str_eqz(mapping->region, sources->items[i]->region))
            return true;
    return false;
}

static void forget_gone(struct sources *sources)
{
    for (size_t i = sources->n; i-- > 0;)
        if (atomic_load(&sources->items[i]->over)) {
            source_release(sources->items[i]);
            sources->items[i] = sources->items[--sources->n];
        }
}

static void sources_look(void *ctx)
{
    struct sources *sources = ctx;
    do {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        size_t n;
        struct control_record *mappings = control_list(services_control(sources->services), &arena,
            STR("aws.lambda.event_source_mapping"), STR_EMPTY, &n);
        forget_gone(sources);
        for (size_t i = 0; i < n; i++)
            if (is_read(&mappings[i]) && str_eqz(value_gets(mappings[i].attrs, "state"), "Enabled") &&
                !is_known(sources, &mappings[i]))
                sources_begin(sources, &mappings[i]);
    } while (services_sleep(sources->services, LOOK_MS));
    for (size_t i = 0; i < sources->n; i++) {
        atomic_store(&sources->items[i]->over, true);
        source_release(sources->items[i]);
    }
    free(sources->items);
    free(sources);
}

void sources_start(struct services *services)
{
    struct sources *sources = mem_zalloc(sizeof *sources);
    sources->services = services;
    if (services_thread(services, sources_look, sources)) {
        fprintf(stderr, "sandbox: queues and streams call no functions: there is no thread for it\n");
        free(sources);
    }
}
