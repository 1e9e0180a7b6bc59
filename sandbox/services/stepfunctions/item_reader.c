/*
 * ItemReader and ResultWriter of distributed Maps: items from an object (JSON, JSON Lines, CSV) or a listing
 * of objects; results with a manifest.
 */
#include "base/clock.h"
#include "base/json.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/stepfunctions/executions.h"

/* ---- ResultWriter: the result of each child execution, and a manifest of the files */

struct writer {
    struct execution *execution;
    struct arena *arena;
    struct str bucket, folder;
    bool lines;            /* JSON Lines */
    const char *transform; /* NONE, COMPACT, FLATTEN */
    struct err *err;
};

/* ---- one child execution ---- */

static const struct value *executions_results_described(
    const struct writer *w, const struct asl_map_result *result)
{
    static const char *const statuses[] = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"};
    struct arena *arena = w->arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    struct value_entry included = {STR("Included"), &value_true};
    value_builder_set(&b, STR("ExecutionArn"), value_string(arena, result->arn));
    value_builder_set(&b, STR("Name"), value_string(arena, result->name));
    value_builder_set(&b, STR("StateMachineArn"), value_string(arena, w->execution->machine));
    value_builder_set(&b, STR("Status"), value_stringz(arena, statuses[result->status]));
    value_builder_set(&b, STR("StartDate"), value_string(arena, time_rfc3339(arena, result->start_ms, true)));
    value_builder_set(&b, STR("StopDate"), value_string(arena, time_rfc3339(arena, result->stop_ms, true)));
    value_builder_set(&b, STR("Input"), json_as_text(arena, result->input));
    value_builder_set(&b, STR("InputDetails"), value_map(arena, &included, 1));
    if (result->output) {
        value_builder_set(&b, STR("Output"), json_as_text(arena, result->output));
        value_builder_set(&b, STR("OutputDetails"), value_map(arena, &included, 1));
    } else {
        value_builder_set(&b, STR("Error"), value_string(arena, result->error.name));
        value_builder_set(&b, STR("Cause"), value_string(arena, result->error.cause));
    }
    return value_builder_map(&b);
}

static void add_result(const struct writer *w, struct value_builder *b, const struct asl_map_result *result)
{
    const struct value *output = result->output;
    if (str_eqz(str_z(w->transform), "NONE") || !output)
        value_builder_add(b, executions_results_described(w, result));
    else if (str_eqz(str_z(w->transform), "FLATTEN") && output->kind == VALUE_LIST)
        for (uint32_t i = 0; i < output->count; i++)
            value_builder_add(b, output->items[i]);
    else
        value_builder_add(b, output);
}

/* ---- files ---- */

static int write_object(const struct writer *w, struct str key, struct str text)
{
    struct str etag;
    struct services *services = w->execution->all->services;
    const struct session role = services_role_session(w->execution->role, w->execution->name);
    return object_may(services, &role, w->arena, "s3:PutObject", w->bucket, key, w->err) ||
                   object_write(services, &role, w->arena, w->bucket, key, text, STR("application/json"),
                       &etag, w->err)
               ? -1
               : 0;
}

/* Writes the file of succeeded or failed executions. Returns its entry for the manifest: a list of one, or an
 * empty list; NULL: it could not be written. */
static const struct value *write_file(
    const struct writer *w, const char *name, const struct asl_map_result *results, size_t n, bool good)
{
    struct arena *arena = w->arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    AUTO_BUF struct buf text = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        if (results[i].status != ASL_ABORTED && good == (results[i].status == ASL_SUCCEEDED))
            add_result(w, &b, &results[i]);
    if (!b.n)
        return &value_empty_list;
    const struct value *list = value_builder_list(&b);
    for (uint32_t i = 0; w->lines && i < list->count; i++) {
        json_write(&text, list->items[i], JSON_PLAIN);
        buf_add_char(&text, '\n');
    }
    if (!w->lines)
        json_write(&text, list, JSON_PLAIN);
    struct str key =
        arena_printf(arena, "%.*s/%s_0.%s", STR_ARG(w->folder), name, w->lines ? "jsonl" : "json");
    if (write_object(w, key, buf_str(&text)))
        return NULL;
    const struct value *one = VALUE_MAP(
        arena, {STR("Key"), value_string(arena, key)}, {STR("Size"), value_int(arena, (int64_t)text.n)});
    return value_list(arena, &one, 1);
}

static const struct value *write_all(
    const struct writer *w, const struct asl_map_run *run, const struct asl_map_result *results, size_t n)
{
    struct arena *arena = w->arena;
    const struct value *good = write_file(w, "SUCCEEDED", results, n, true),
                       *bad = good ? write_file(w, "FAILED", results, n, false) : NULL;
    if (!bad)
        return NULL;
    struct value_entry files[] = {
        {STR("FAILED"), bad}, {STR("PENDING"), &value_empty_list}, {STR("SUCCEEDED"), good}};
    struct value_entry manifest[] = {{STR("DestinationBucket"), value_string(arena, w->bucket)},
        {STR("MapRunArn"), value_string(arena, run->arn)}, {STR("ResultFiles"), value_map(arena, files, 3)}};
    struct str key = arena_printf(arena, "%.*s/manifest.json", STR_ARG(w->folder));
    const struct value *text = json_as_text(arena, value_map(arena, manifest, 3));
    if (write_object(w, key, text->string))
        return NULL;
    return VALUE_MAP(
        arena, {STR("Bucket"), value_string(arena, w->bucket)}, {STR("Key"), value_string(arena, key)});
}

const struct value *execution_write_results(void *execution, struct arena *arena,
    const struct asl_map_run *run, const struct value *writer, const struct asl_map_result *results, size_t n,
    struct asl_error *error)
{
    const struct value *to = value_getz(writer, "Parameters"), *config = value_getz(writer, "WriterConfig");
    struct err err = ERR_INIT;
    struct str prefix = value_gets(to, "Prefix"), name = run->arn,
               shape = value_gets(config, "Transformation");
    for (ptrdiff_t at; (at = str_find_char(name, ':', 0)) >= 0;)
        name = str_slice(name, (size_t)at + 1, name.n);
    while (str_ends(prefix, STR("/")))
        prefix = str_slice(prefix, 0, prefix.n - 1);
    const struct writer w = {.execution = execution,
        .arena = arena,
        .bucket = value_gets(to, "Bucket"),
        .folder = arena_printf(arena, "%.*s%s%.*s", STR_ARG(prefix), prefix.n ? "/" : "", STR_ARG(name)),
        .lines = str_eqz(value_gets(config, "OutputType"), "JSONL"),
        .transform = shape.n ? arena_strz(arena, shape) : "NONE",
        .err = &err};
    const struct value *details = write_all(&w, run, results, n);
    if (!details)
        *error = (struct asl_error){STR("States.ResultWriterFailed"), arena_str(arena, str_z(err.message))};
    return details;
}

enum { MAX_OBJECT = 256 * 1024 * 1024, MAX_ITEMS = 100000000, MAX_FIELDS = 4096 };

struct items {
    struct arena *arena;
    struct value_builder list;
    int64_t most;
};

static const struct value *executions_items_fail(struct arena *arena, struct asl_error *error,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

static const struct value *executions_items_fail(
    struct arena *arena, struct asl_error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->cause = arena_vprintf(arena, format, args);
    va_end(args);
    error->name = STR("States.ItemReaderFailed");
    return NULL;
}

static bool is_full(const struct items *items)
{
    return (int64_t)items->list.n >= items->most;
}

/* ---- listing of objects ---- */

static bool add_object(void *ctx, struct str key, struct str etag, int64_t size, int64_t modified_ms)
{
    struct items *items = ctx;
    struct arena *arena = items->arena;
    value_builder_add(&items->list,
        VALUE_MAP(arena, {STR("Etag"), value_string(arena, arena_printf(arena, "\"%.*s\"", STR_ARG(etag)))},
            {STR("Key"), value_string(arena, key)},
            {STR("LastModified"), value_int(arena, modified_ms / 1000)},
            {STR("Size"), value_int(arena, size)}, {STR("StorageClass"), value_stringz(arena, "STANDARD")}));
    return !is_full(items);
}

/* ---- CSV: RFC 4180, with a configurable delimiter ---- */

struct csv {
    struct str text;
    size_t at;
    char delimiter;
};

static bool csv_ends(const struct csv *csv)
{
    return csv->at >= csv->text.n || csv->text.p[csv->at] == '\n' ||
           (csv->text.p[csv->at] == '\r' && csv->at + 1 < csv->text.n && csv->text.p[csv->at + 1] == '\n');
}

/* Reads a field. False: a quote is not closed. */
static bool csv_field(struct csv *csv, struct buf *out)
{
    bool quoted = csv->at < csv->text.n && csv->text.p[csv->at] == '"';
    csv->at += quoted;
    for (; csv->at < csv->text.n; csv->at++) {
        char c = csv->text.p[csv->at];
        if (quoted && c == '"') {
            bool twice = csv->at + 1 < csv->text.n && csv->text.p[csv->at + 1] == '"';
            if (!twice) {
                csv->at++;
                quoted = false;
                break;
            }
            csv->at++;
        } else if (!quoted && (c == csv->delimiter || csv_ends(csv))) {
            break;
        }
        buf_add_char(out, c);
    }
    return !quoted;
}

/* Reads a record and returns its number of fields; -1: invalid. Fields beyond `max` are ignored. */
static int64_t csv_record(struct csv *csv, struct arena *arena, struct str *fields, size_t max)
{
    size_t n = 0;
    for (;;) {
        AUTO_BUF struct buf field = BUF_INIT;
        if (!csv_field(csv, &field))
            return -1;
        if (n < max)
            fields[n++] = arena_str(arena, buf_str(&field));
        if (csv->at >= csv->text.n || csv->text.p[csv->at] != csv->delimiter)
            break;
        csv->at++;
    }
    if (!csv_ends(csv))
        return -1; /* text after a closing quote */
    csv->at += csv->at < csv->text.n && csv->text.p[csv->at] == '\r';
    csv->at += csv->at < csv->text.n;
    return (int64_t)n;
}

static char delimiter_of(const struct value *config)
{
    static const struct {
        const char *name;
        char c;
    } names[] = {{"PIPE", '|'}, {"SEMICOLON", ';'}, {"SPACE", ' '}, {"TAB", '\t'}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_eqz(value_gets(config, "CSVDelimiter"), names[i].name))
            return names[i].c;
    return ',';
}

/* Reads the column names from the first row or the configuration. -1 with *why. */
static int csv_names(struct csv *csv, struct arena *arena, const struct value *config, struct str *names,
    int64_t *n, const char **why)
{
    const struct value *given = value_getz(config, "CSVHeaders");
    *n = 0;
    if (!str_eqz(value_gets(config, "CSVHeaderLocation"), "GIVEN"))
        *n = csv_record(csv, arena, names, MAX_FIELDS);
    else
        for (uint32_t i = 0; given && given->kind == VALUE_LIST && i < given->count && *n < MAX_FIELDS; i++)
            names[(*n)++] = value_text(given->items[i], STR_EMPTY);
    *why = *n < 0 ? "its first row is not a CSV" : NULL;
    for (int64_t i = 0; i < *n; i++)
        for (int64_t k = 0; k < i; k++)
            if (str_eq(names[i], names[k]))
                *why = "CSV headers cannot contain duplicates.";
    return *why ? -1 : 0;
}

static const char *read_csv(struct items *items, const struct value *config, struct str text)
{
    struct arena *arena = items->arena;
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_slice(text, 3, text.n);
    struct csv csv = {.text = text, .delimiter = delimiter_of(config)};
    struct str *names = ARENA_ARRAY(arena, struct str, MAX_FIELDS), *fields;
    int64_t count, n;
    const char *why;
    if (csv_names(&csv, arena, config, names, &count, &why))
        return why;
    fields = ARENA_ARRAY(arena, struct str, count + 1);
    while (csv.at < text.n && !is_full(items)) {
        AUTO_BUILDER struct value_builder row = VALUE_BUILDER(arena);
        if ((n = csv_record(&csv, arena, fields, (size_t)count)) < 0)
            return "it is not a CSV: a quote is not closed, or stands within a field";
        for (int64_t i = 0; i < count; i++)
            value_builder_set(&row, names[i], value_string(arena, i < n ? fields[i] : STR_EMPTY));
        value_builder_add(&items->list, value_builder_map(&row));
    }
    return NULL;
}

/* ---- JSON ---- */

static const char *read_json(struct items *items, struct str text)
{
    const struct value *v;
    struct err err = ERR_INIT;
    if (json_parse(items->arena, text, &v, &err))
        return arena_printf(items->arena, "the object is not JSON: %s", err.message).p;
    if (v->kind != VALUE_LIST)
        return "Attempting to map over non-iterable node.";
    for (uint32_t i = 0; i < v->count && !is_full(items); i++)
        value_builder_add(&items->list, v->items[i]);
    return NULL;
}

static const char *read_lines(struct items *items, struct str text)
{
    while (text.n && !is_full(items)) {
        const struct value *v;
        struct err err = ERR_INIT;
        struct str line = str_trim(str_cut(text, '\n', &text));
        if (!line.n)
            continue;
        if (json_parse(items->arena, line, &v, &err))
            return arena_printf(items->arena, "a line is not JSON: %s", err.message).p;
        value_builder_add(&items->list, v);
    }
    return NULL;
}

/* ---- readers ---- */

static const struct value *read_object(
    struct execution *execution, struct items *items, const struct value *reader, struct asl_error *error)
{
    const struct value *config = value_getz(reader, "ReaderConfig"), *from = value_getz(reader, "Parameters");
    struct str type = value_gets(config, "InputType"), bucket = value_gets(from, "Bucket"),
               key = value_gets(from, "Key");
    struct object_text object;
    struct err err = ERR_INIT;
    struct services *services = execution->all->services;
    const struct session role = services_role_session(execution->role, execution->name);
    if (object_may(services, &role, items->arena, "s3:GetObject", bucket, key, &err) ||
        object_read(services, &role, items->arena, bucket, key, MAX_OBJECT, &object, &err))
        return executions_items_fail(items->arena, error, "%s", err.message);
    if (!str_is_utf8(object.text))
        return executions_items_fail(
            items->arena, error, "s3://%.*s/%.*s is not UTF-8", STR_ARG(bucket), STR_ARG(key));
    const char *why = str_eqz(type, "CSV")     ? read_csv(items, config, object.text)
                      : str_eqz(type, "JSONL") ? read_lines(items, object.text)
                                               : read_json(items, object.text);
    if (why)
        return executions_items_fail(items->arena, error, "%s", why);
    return value_builder_list(&items->list);
}

const struct value *execution_read_items(
    void *ctx, struct arena *arena, const struct value *reader, struct asl_error *error)
{
    const struct value *from = value_getz(reader, "Parameters");
    int64_t most = service_int(value_getz(reader, "ReaderConfig"), "MaxItems", MAX_ITEMS);
    if (most < 0)
        return executions_items_fail(arena, error, "field MaxItems must be positive");
    struct items items = {.arena = arena, .list = VALUE_BUILDER(arena), .most = most ? most : MAX_ITEMS};
    const struct value *found;
    struct err err = ERR_INIT;
    struct execution *execution = ctx;
    struct services *services = execution->all->services;
    const struct session role = services_role_session(execution->role, execution->name);
    struct str bucket = value_gets(from, "Bucket");
    if (!str_ends(value_gets(reader, "Resource"), STR("listObjectsV2")))
        found = read_object(execution, &items, reader, error);
    else if (object_may(services, &role, arena, "s3:ListBucket", bucket, STR_EMPTY, &err) ||
             object_list(services, bucket, value_gets(from, "Prefix"), value_gets(from, "StartAfter"),
                 add_object, &items, &err))
        found = executions_items_fail(arena, error, "%s", err.message);
    else
        found = value_builder_list(&items.list);
    value_builder_release(&items.list);
    return found;
}
