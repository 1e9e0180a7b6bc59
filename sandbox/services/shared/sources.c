/* Starts the threads of all sources, and reads queues: see source.h. */
#include "sandbox/services/shared/source.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/notation/languages.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    LOOK_MS = 250,
    WAIT_S = 1, /* long poll of one receive; after it the record is read again */
    AT_ONCE = 5,
    A_RECEIVE = 10,  /* most messages that one call returns */
    PAUSE_MS = 1000, /* after a queue could not be read */
};

struct sources {
    struct services *services;
    const struct source_kind *const *kinds;
    struct source **items;
    size_t n, cap;
};

static void source_release(struct source *source)
{
    if (atomic_fetch_sub(&source->references, 1) > 1)
        return;
    free(source->id);
    free(source->region);
    free(source);
}

/* ---- calls ---- */

void source_print(struct source *source, const struct err *why)
{
    unsigned digest = hash_crc32c(0, why->message, strlen(why->message)) | 1;
    if (atomic_exchange(&source->reported, digest) != digest)
        fprintf(stderr, "sandbox: %s %s: %s\n", source->kind->what, source->id, why->message);
}

int source_try(const struct turn *turn, const char *service, const char *operation, const struct value *input,
    const struct value **output, struct err *err)
{
    const struct session session = services_role_session(turn->role, turn->session);
    const struct gate_caller caller = {.session = &session};
    const struct service_request request = {.service = str_z(service),
        .operation = str_z(operation),
        .region = turn->region,
        .input = input,
        .as = turn->role.n ? &caller : NULL};
    return services_call(turn->source->services, turn->arena, &request, output, err);
}

int source_call(const struct turn *turn, const char *service, const char *operation,
    const struct value *input, const struct value **output)
{
    struct err err = ERR_INIT;
    int status = source_try(turn, service, operation, input, output, &err);
    if (status && str_starts(str_z(err.code), STR("AccessDenied")))
        source_print(turn->source, &err);
    return status;
}

/* Receives messages. The record is read again after the long poll; if it is disabled by then, the messages
 * are not processed. */
static const struct value *sources_receive(struct turn *turn, int64_t most)
{
    const struct value *output, *all = value_stringz(turn->arena, "All");
    const struct value *names = value_list(turn->arena, &all, 1);
    const struct value *input =
        VALUE_MAP(turn->arena, {STR("QueueUrl"), value_string(turn->arena, turn->source_arn)},
            {STR("MaxNumberOfMessages"), value_int(turn->arena, most < A_RECEIVE ? most : A_RECEIVE)},
            {STR("WaitTimeSeconds"), value_int(turn->arena, WAIT_S)},
            {STR("MessageSystemAttributeNames"), names}, {STR("MessageAttributeNames"), names});
    if (source_call(turn, "sqs", "ReceiveMessage", input, &output)) {
        services_sleep(turn->source->services, PAUSE_MS); /* the queue does not exist */
        return &value_empty_list;
    }
    const struct value *messages = value_as_list(value_getz(output, "Messages"));
    bool reads = messages->count && source_turn(turn->source, turn->arena, turn) && !turn->paused;
    return reads ? messages : &value_empty_list;
}

static void delete_message(const struct turn *turn, const struct value *message)
{
    const struct value *output;
    source_call(turn, "sqs", "DeleteMessage",
        VALUE_MAP(turn->arena, {STR("QueueUrl"), value_string(turn->arena, turn->source_arn)},
            {STR("ReceiptHandle"), value_getz(message, "ReceiptHandle")}),
        &output);
}

/* ---- records ---- */

/* Lower-cases the first letter of each member, as in events: StringValue becomes stringValue. */
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
    const struct value *digest = value_getz(message, "MD5OfMessageAttributes");
    const struct value *record = VALUE_MAP(arena, {STR("messageId"), value_getz(message, "MessageId")},
        {STR("receiptHandle"), value_getz(message, "ReceiptHandle")},
        {STR("body"), value_getz(message, "Body")}, {STR("attributes"), value_getz(message, "Attributes")},
        {STR("messageAttributes"), source_small(arena, value_getz(message, "MessageAttributes"))},
        {STR("md5OfBody"), value_getz(message, "MD5OfBody")},
        {STR("eventSource"), value_stringz(arena, "aws:sqs")},
        {STR("eventSourceARN"), value_string(arena, turn->source_arn)},
        {STR("awsRegion"), value_string(arena, turn->region)});
    return turn->source->kind->flat
               ? record /* pipes have no md5OfMessageAttributes */
               : value_with(arena, record, STR("md5OfMessageAttributes"), digest ? digest : &value_null);
}

bool source_passes(const struct turn *turn, const struct value *record, const char *member)
{
    const struct value *filters = turn->filters, *body;
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

/* Receives until the batch is full or the batching window has passed. */
static void sources_gather(struct turn *turn, struct batch *batch)
{
    int64_t size = service_int(turn->settings, "batch_size", 10);
    int64_t window_s = service_int(turn->settings, "maximum_batching_window_in_seconds", 0);
    batch_add(turn, batch, sources_receive(turn, size));
    int64_t until = clock_mono_ms() + window_s * 1000;
    while (batch->records.n && (int64_t)batch->records.n < size && clock_mono_ms() < until &&
           !services_stopping(turn->source->services))
        batch_add(turn, batch, sources_receive(turn, size - (int64_t)batch->records.n));
}

/* True if a failure names no message of the batch: Lambda then treats the whole batch as failed. */
static bool all_failed(const struct value *failures, const struct value *messages)
{
    for (uint32_t i = 0; failures && i < failures->count; i++)
        if (!value_list_find(messages, "MessageId", value_gets(failures->items[i], "itemIdentifier")))
            return true;
    return false;
}

/* Deletes the processed messages. In a FIFO queue it stops at the first failure, to keep the order. */
static void delete_done(const struct turn *turn, const struct value *messages, const struct value *failures)
{
    bool fifo = str_ends(turn->source_arn, STR(".fifo"));
    for (uint32_t i = 0; i < messages->count && !all_failed(failures, messages); i++) {
        if (!value_list_find(failures, "itemIdentifier", value_gets(messages->items[i], "MessageId")))
            delete_message(turn, messages->items[i]);
        else if (fifo)
            return;
    }
}

static void take_turn(struct turn *turn)
{
    struct batch batch = {VALUE_BUILDER(turn->arena), VALUE_BUILDER(turn->arena)};
    const struct value *failures = NULL;
    sources_gather(turn, &batch);
    const struct value *messages = value_builder_list(&batch.messages),
                       *records = value_builder_list(&batch.records);
    if (!records->count)
        return;
    bool done = turn->source->kind->process(turn, records, &failures);
    if (done)
        delete_done(turn, messages, failures);
    if (done && !value_as_list(failures)->count)
        atomic_store(&turn->source->reported, 0);
    else /* the queue may return the messages again at once */
        services_sleep(turn->source->services, LOOK_MS);
}

/* ---- threads ---- */

bool source_turn(struct source *source, struct arena *arena, struct turn *turn)
{
    const struct source_kind *kind = source->kind;
    struct control_record record;
    if (atomic_load(&source->over) || services_stopping(source->services) ||
        !control_find(services_control(source->services), arena, str_z(kind->type), str_z(source->region),
            str_z(source->id), &record) ||
        record.created_ms != source->created_ms)
        return false;
    *turn = (struct turn){.source = source,
        .arena = arena,
        .source_arn = value_gets(record.attrs, kind->from),
        .region = record.region,
        .attrs = record.attrs,
        .paused = !str_eqz(value_gets(record.attrs, kind->state), kind->running)};
    kind->describe(source->services, &record, turn);
    if (turn->paused)
        services_sleep(source->services, LOOK_MS);
    return true;
}

/* Reads one batch. False: the record was deleted, or the sandbox stops. */
static bool queue_turn(struct source *source)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct turn turn;
    if (!source_turn(source, &arena, &turn))
        return false;
    if (!turn.paused)
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

static bool is_read(struct str arn)
{
    return arn_is_of(arn, "sqs") || arn_is_of(arn, "kinesis") || arn_is_of(arn, "dynamodb");
}

static int threads_of(const struct control_record *record, struct str arn)
{
    int64_t most = service_int(record->attrs, "maximum_concurrency", AT_ONCE);
    if (!arn_is_of(arn, "sqs") || str_ends(arn, STR(".fifo")))
        return 1;
    return most < AT_ONCE ? (int)most : AT_ONCE;
}

static void sources_begin(
    struct sources *sources, const struct source_kind *kind, const struct control_record *record)
{
    struct str arn = value_gets(record->attrs, kind->from);
    struct source *source = mem_zalloc(sizeof *source);
    source->kind = kind;
    source->services = sources->services;
    source->id = mem_strdup(record->id.p);
    source->region = mem_strdup(record->region.p);
    source->created_ms = record->created_ms;
    source->streams = !arn_is_of(arn, "sqs");
    atomic_init(&source->references, 1); /* held by the list */
    MEM_GROW(sources->items, sources->cap, sources->n + 1);
    sources->items[sources->n++] = source;
    for (int i = 0; i < threads_of(record, arn); i++) {
        atomic_fetch_add(&source->references, 1);
        if (services_thread(sources->services, sources_work, source))
            source_release(source);
    }
}

static bool is_known(
    const struct sources *sources, const struct source_kind *kind, const struct control_record *record)
{
    for (size_t i = 0; i < sources->n; i++)
        if (sources->items[i]->kind == kind && str_eqz(record->id, sources->items[i]->id) &&
            str_eqz(record->region, sources->items[i]->region))
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

static void lookup_read(struct sources *sources, const struct source_kind *kind)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    size_t n;
    struct control_record *records =
        control_list(services_control(sources->services), &arena, str_z(kind->type), STR_EMPTY, &n);
    for (size_t i = 0; i < n; i++)
        if (is_read(value_gets(records[i].attrs, kind->from)) &&
            str_eqz(value_gets(records[i].attrs, kind->state), kind->running) &&
            !is_known(sources, kind, &records[i]))
            sources_begin(sources, kind, &records[i]);
}

static void sources_look(void *ctx)
{
    struct sources *sources = ctx;
    do {
        forget_gone(sources);
        for (size_t i = 0; sources->kinds[i]; i++)
            lookup_read(sources, sources->kinds[i]);
    } while (services_sleep(sources->services, LOOK_MS));
    for (size_t i = 0; i < sources->n; i++) {
        atomic_store(&sources->items[i]->over, true);
        source_release(sources->items[i]);
    }
    free(sources->items);
    free(sources);
}

void sources_start(struct services *services, const struct source_kind *const *kinds)
{
    struct sources *sources = mem_zalloc(sizeof *sources);
    *sources = (struct sources){.services = services, .kinds = kinds};
    if (services_thread(services, sources_look, sources)) {
        fprintf(stderr, "sandbox: queues and streams are not read: a thread could not be started\n");
        free(sources);
    }
}
