/*
 * Firehose: each PutRecord or PutRecordBatch, and each batch from a Kinesis stream, becomes an object in the
 * bucket; AWS buffers by size and time. Transformations other than a delimiter and gzip are refused by name.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/notation/languages.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/shared/tables.h"

#include <stdio.h>
#include <time.h>

enum { MAX_RECORD = 1000 * 1024, MAX_BATCH = 500 };

/* ---- object keys ---- */

/* Appends a time by Java's patterns yyyy, MM, dd, HH, mm and ss. */
static void add_time(struct buf *out, struct str pattern, const struct tm *tm)
{
    const struct {
        struct str java;
        int n;
    } parts[] = {{STR("yyyy"), tm->tm_year + 1900}, {STR("MM"), tm->tm_mon + 1}, {STR("dd"), tm->tm_mday},
        {STR("HH"), tm->tm_hour}, {STR("mm"), tm->tm_min}, {STR("ss"), tm->tm_sec}};
    for (size_t i = 0; i < pattern.n;) {
        struct str rest = str_slice(pattern, i, pattern.n);
        size_t k = 0;
        while (k < sizeof parts / sizeof *parts && !str_starts(rest, parts[k].java))
            k++;
        if (k < sizeof parts / sizeof *parts) {
            buf_addf(out, "%02d", parts[k].n);
            i += parts[k].java.n;
        } else if (pattern.p[i] == '\'') /* quotes around literal text */
            i++;
        else
            buf_add_char(out, pattern.p[i++]);
    }
}

/* Appends the prefix. -1: it has an unsupported expression, such as partition keys. */
static int add_prefix(
    struct arena *arena, struct buf *out, struct str prefix, const struct tm *tm, struct err *err)
{
    if (str_find(prefix, STR("!{"), 0) < 0) {
        buf_add_str(out, prefix);
        add_time(out, STR("yyyy/MM/dd/HH/"), tm);
        return 0;
    }
    for (ptrdiff_t at; (at = str_find(prefix, STR("!{"), 0)) >= 0;) {
        ptrdiff_t close = str_find_char(prefix, '}', (size_t)at);
        struct str inner = close < 0 ? STR_EMPTY : str_slice(prefix, (size_t)at + 2, (size_t)close);
        buf_add(out, prefix.p, (size_t)at);
        if (str_starts(inner, STR("timestamp:")))
            add_time(out, str_slice(inner, 10, inner.n), tm);
        else if (str_eqz(inner, "firehose:random-string"))
            buf_addf(out, "%.11s", uuid_random(arena).p + 24);
        else
            return service_refuse(err, 400, "InvalidArgumentException",
                "the sandbox does not know !{%.*s} in a prefix", STR_ARG(inner));
        prefix = str_slice(prefix, (size_t)close + 1, prefix.n);
    }
    buf_add_str(out, prefix);
    return 0;
}

static struct str delivery_key(
    struct service_call *call, const struct control_record *stream, const struct value *s3, struct err *err)
{
    AUTO_BUF struct buf key = BUF_INIT;
    const struct zone *zone = zone_find(call->arena, value_gets(s3, "time_zone"));
    time_t now = (time_t)(clock_wall_ms() / 1000), local = now + (zone ? zone_offset(zone, now) : 0);
    struct tm tm;
    char text[32];
    gmtime_r(&local, &tm);
    if (add_prefix(call->arena, &key, value_gets(s3, "prefix"), &tm, err))
        return STR_EMPTY;
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S", &tm);
    struct str version = value_text(value_getz(stream->attrs, "version"), STR("1")),
               end = value_gets(s3, "file_extension"), id = uuid_random(call->arena);
    if (!end.n && str_eqz(value_gets(s3, "compression"), "GZIP"))
        end = STR(".gz");
    buf_addf(&key, "%.*s-%.*s-%s-%.*s%.*s", STR_ARG(stream->id), STR_ARG(version), text, STR_ARG(id),
        STR_ARG(end));
    return arena_str(call->arena, buf_str(&key));
}

/* ---- content ---- */

/* Finds the delimiter of AppendDelimiterToRecord, appended to each record. -1: another processor is
 * configured. */
static int find_delimiter(const struct value *s3, struct str *out, struct err *err)
{
    const struct value *processing = value_getz(s3, "processing"),
                       *list = value_getz(processing, "processors");
    *out = STR_EMPTY;
    if (value_equal(value_getz(processing, "enabled"), &value_false))
        return 0;
    for (uint32_t i = 0; list && i < list->count; i++) {
        struct str type = value_gets(list->items[i], "type");
        if (!str_eqz(type, "AppendDelimiterToRecord"))
            return service_refuse(err, 400, "InvalidArgumentException",
                "the sandbox does not know the processor %.*s", STR_ARG(type));
        *out = value_text(value_getz(value_getz(list->items[i], "parameters"), "Delimiter"), STR("\\n"));
        if (str_eqz(*out, "\\n"))
            *out = STR("\n");
    }
    return 0;
}

static int check_content(const struct value *s3, struct err *err)
{
    const struct value *conversion = value_getz(s3, "conversion");
    struct str compression = value_gets(s3, "compression");
    if (!s3)
        return service_refuse(
            err, 400, "InvalidArgumentException", "the sandbox delivers to no other destination than S3");
    if (conversion && !value_equal(value_getz(conversion, "enabled"), &value_false))
        return service_refuse(
            err, 400, "InvalidArgumentException", "the sandbox does not convert records to Parquet or ORC");
    if (compression.n && !str_eqz(compression, "UNCOMPRESSED") && !str_eqz(compression, "GZIP"))
        return service_refuse(err, 400, "InvalidArgumentException",
            "the sandbox does not know the compression %.*s", STR_ARG(compression));
    return 0;
}

/* Writes the records as one object. `data`: base64 strings. */
static int deliver(
    struct service_call *call, const struct control_record *stream, const struct value *data, struct err *err)
{
    const struct value *s3 = value_getz(stream->attrs, "s3");
    struct str delimiter, etag, bucket = value_gets(s3, "bucket"), text;
    AUTO_BUF struct buf all = BUF_INIT;
    if (check_content(s3, err) || find_delimiter(s3, &delimiter, err))
        return -1;
    for (uint32_t i = 0; i < data->count; i++) {
        if (!base64_decode(call->arena, value_text(data->items[i], STR_EMPTY), &text) || text.n > MAX_RECORD)
            return service_refuse(
                err, 400, "InvalidArgumentException", "a record has up to 1000 KiB, in base64");
        buf_add_str(&all, text);
        buf_add_str(&all, delimiter);
    }
    text = buf_str(&all);
    struct str key = delivery_key(call, stream, s3, err);
    bool zips = str_eqz(value_gets(s3, "compression"), "GZIP");
    if (!key.n || (zips && !object_gzip(call->arena, text, &text)))
        return -1;
    if (str_starts(bucket, STR("arn:aws:s3:::")))
        bucket = str_slice(bucket, strlen("arn:aws:s3:::"), bucket.n);
    struct err why = ERR_INIT;
    struct session role = services_role_session(value_gets(s3, "role"), STR("firehose"));
    if (object_write(call->services, &role, call->arena, bucket, key, text, STR("application/octet-stream"),
            &etag, &why))
        fprintf(stderr, "sandbox: firehose %.*s: %s\n", STR_ARG(stream->id), why.message);
    return 0;
}

static int find_delivery(struct service_call *call, struct control_record *out, struct err *err)
{
    struct str name, account = services_account(call->services);
    if (service_required(call, "DeliveryStreamName", &name, err))
        return -1;
    if (!service_find(call, STR("aws.firehose.delivery_stream"), name, out))
        return service_refuse(err, 400, "ResourceNotFoundException",
            "Firehose %.*s under account %.*s not found.", STR_ARG(name), STR_ARG(account));
    if (!value_is_null(value_getz(out->attrs, "source")))
        return service_refuse(err, 400, "InvalidArgumentException",
            "This operation is not permitted on KinesisStreamAsSource delivery stream type.");
    return 0;
}

static struct str record_id(struct arena *arena)
{
    unsigned char chance[96];
    hash_random(chance, sizeof chance);
    return base64_encode(arena, str_n((const char *)chance, sizeof chance));
}

static int put_record(struct service_call *call, struct err *err)
{
    struct control_record stream;
    const struct value *data = value_getz(value_getz(call->input, "Record"), "Data");
    if (find_delivery(call, &stream, err))
        return -1;
    if (!data)
        return service_refuse(err, 400, "ValidationException", "Record has Data");
    if (deliver(call, &stream, value_list(call->arena, &data, 1), err))
        return -1;
    service_answer_text(call, "RecordId", record_id(call->arena));
    service_answer(call, "Encrypted", value_bool(value_getz(stream.attrs, "encryption")));
    return 0;
}

static int put_batch(struct service_call *call, struct err *err)
{
    struct control_record stream;
    const struct value *records;
    AUTO_BUILDER struct value_builder data = VALUE_BUILDER(call->arena), answers = VALUE_BUILDER(call->arena);
    if (find_delivery(call, &stream, err) ||
        service_list_within(call, "Records", 1, MAX_BATCH, &records, err))
        return -1;
    for (uint32_t i = 0; i < records->count; i++) {
        value_builder_add(&data, value_getz(records->items[i], "Data") ? value_getz(records->items[i], "Data")
                                                                       : &value_empty_string);
        value_builder_add(&answers, value_with(call->arena, NULL, STR("RecordId"),
                                        value_string(call->arena, record_id(call->arena))));
    }
    if (deliver(call, &stream, value_builder_list(&data), err))
        return -1;
    service_answer(call, "FailedPutCount", value_int(call->arena, 0));
    service_answer(call, "Encrypted", value_bool(value_getz(stream.attrs, "encryption")));
    service_answer(call, "RequestResponses", value_builder_list(&answers));
    return 0;
}

void deliveries_from_stream(struct services *services, struct arena *arena, struct str region, struct str arn,
    const struct value *data)
{
    size_t n;
    struct service_call call = {.services = services, .arena = arena, .region = region};
    const struct control_record *all = service_list(&call, STR("aws.firehose.delivery_stream"), &n);
    for (size_t i = 0; i < n; i++) {
        struct err why = ERR_INIT;
        if (str_eq(value_gets(value_getz(all[i].attrs, "source"), "stream"), arn) &&
            deliver(&call, &all[i], data, &why))
            fprintf(stderr, "sandbox: firehose %.*s: %s\n", STR_ARG(all[i].id), why.message);
    }
}

/* The older S3DestinationConfiguration is a subset of the extended one. */
static int create_stream(struct service_call *call, struct err *err UNUSED)
{
    const struct value *older = value_getz(call->input, "S3DestinationConfiguration");
    call->declined = !older;
    if (older)
        call->forward = value_with(call->arena,
            value_with(call->arena, call->input, STR("S3DestinationConfiguration"), NULL),
            STR("ExtendedS3DestinationConfiguration"), older);
    return 0;
}

const struct service_operation firehose_operations[] = {
    {"firehose", "CreateDeliveryStream", create_stream},
    {"firehose", "PutRecord", put_record},
    {"firehose", "PutRecordBatch", put_batch},
    {0},
};
