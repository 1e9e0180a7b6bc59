/*
 * CloudWatch's metrics, stored as lines of JSON and aggregated when they are read. Each namespace has a file,
 * DIR/jobs/metrics/REGION-DIGEST.json; a large one is renamed to .old and replaces the previous .old. Alarms
 * do not evaluate metrics.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services.h"
#include "sandbox/engine/view.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    MAX_FILE = 8 * 1024 * 1024,
    MAX_DATA = 1000,      /* per PutMetricData */
    MAX_VALUES = 150,     /* per datum */
    MAX_POINTS = 1440,    /* per GetMetricStatistics */
    MAX_BUCKETS = 100800, /* per GetMetricData query */
    MAX_SHOWN = 500,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the files */

static int metrics_invalid(struct err *err, const char *what)
{
    return service_refuse(err, 400, "InvalidParameterValue", "%s", what);
}

/* ---- request members, from a form or JSON ---- */

static const struct value *metrics_list_of(struct arena *arena, const struct value *map, const char *member)
{
    return value_as_list(service_items(arena, map, member));
}

static bool metrics_number_of(const struct value *map, const char *member, double *out)
{
    const struct value *v = value_getz(map, member);
    if (value_is_number(v))
        *out = value_number(v);
    else if (!str_to_double(value_text(v, STR_EMPTY), out))
        return false;
    return isfinite(*out);
}

static int64_t time_of(const struct value *map, const char *member, int64_t fallback)
{
    double seconds;
    int64_t ms;
    if (time_parse_rfc3339(value_gets(map, member), &ms))
        return ms;
    return metrics_number_of(map, member, &seconds) && fabs(seconds) < 1e11 ? (int64_t)(seconds * 1000)
                                                                            : fallback;
}

/* Converts [{Name, Value}] to {name: value}. */
static const struct value *dimensions_of(struct arena *arena, const struct value *map)
{
    const struct value *list = metrics_list_of(arena, map, "Dimensions"), *out = &value_empty_map;
    for (uint32_t i = 0; i < list->count; i++)
        out = value_with(arena, out, value_gets(list->items[i], "Name"),
            value_string(arena, value_gets(list->items[i], "Value")));
    return out;
}

/* ---- the files ---- */

static int find_file(const struct service_call *call, struct str namespace, struct str *path, struct err *err)
{
    struct str dir;
    struct err why = ERR_INIT;
    if (services_dir(call->services, call->arena, "metrics", &dir, &why))
        return service_cannot_store(call, &why, err);
    *path = arena_printf(call->arena, "%s/%.*s-%.32s.json", dir.p, STR_ARG(call->region),
        sha256_hex(call->arena, namespace).p);
    return 0;
}

static int metrics_append(const struct service_call *call, struct str path, struct str lines, struct err *err)
{
    struct stat st;
    struct err why = ERR_INIT;
    pthread_mutex_lock(&lock);
    if (!stat(path.p, &st) && st.st_size > MAX_FILE - (off_t)lines.n)
        rename(path.p, arena_printf(call->arena, "%s.old", path.p).p);
    AUTO_FD int fd = open(path.p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int status = fd < 0 ? err_errno(&why, ERR_IO, "cannot write %s", path.p)
                        : fd_write_all(fd, lines.p, lines.n, &why, path.p);
    pthread_mutex_unlock(&lock);
    return status ? service_cannot_store(call, &why, err) : 0;
}

typedef void see_fn(void *ctx, const struct value *datum);

static void metrics_read_file(struct str path, see_fn *see, void *ctx)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text;
    pthread_mutex_lock(&lock);
    int failed = file_read(&arena, path.p, 0, &text, ERR_IGNORED);
    pthread_mutex_unlock(&lock);
    while (!failed && text.n) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        const struct value *datum;
        if (!json_parse(&scratch, str_cut(text, '\n', &text), &datum,
                ERR_IGNORED)) /* a crash may have truncated the last line */
            see(ctx, datum);
    }
}

static void read_both(const struct service_call *call, struct str path, see_fn *see, void *ctx)
{
    metrics_read_file(arena_printf(call->arena, "%s.old", path.p), see, ctx);
    metrics_read_file(path, see, ctx);
}

/* ---- storing ---- */

struct sums {
    double count, sum, low, high;
};

static void add_to(struct sums *sums, const struct sums *more)
{
    bool first = sums->count == 0;
    sums->count += more->count;
    sums->sum += more->sum;
    sums->low = first || more->low < sums->low ? more->low : sums->low;
    sums->high = first || more->high > sums->high ? more->high : sums->high;
}

/* Reads Value, StatisticValues, or Values with Counts. */
static bool read_sums(struct arena *arena, const struct value *datum, struct sums *out)
{
    const struct value *statistics = value_getz(datum, "StatisticValues");
    const struct value *values = metrics_list_of(arena, datum, "Values"),
                       *counts = metrics_list_of(arena, datum, "Counts");
    double value;
    *out = (struct sums){0};
    if (statistics)
        return metrics_number_of(statistics, "SampleCount", &out->count) &&
               metrics_number_of(statistics, "Sum", &out->sum) &&
               metrics_number_of(statistics, "Minimum", &out->low) &&
               metrics_number_of(statistics, "Maximum", &out->high) && out->count > 0;
    if (metrics_number_of(datum, "Value", &value)) {
        *out = (struct sums){1, value, value, value};
        return true;
    }
    for (uint32_t i = 0; i < values->count; i++) {
        const struct value *both = VALUE_MAP(arena, {STR("v"), values->items[i]},
            {STR("n"), i < counts->count ? counts->items[i] : &value_true});
        double times = 1;
        if (!metrics_number_of(both, "v", &value) ||
            (counts->count && !metrics_number_of(both, "n", &times)) || times <= 0)
            return false;
        add_to(out, &(struct sums){times, value * times, value, value});
    }
    return values->count && values->count <= MAX_VALUES;
}

/* Refuses datum `n` if it has values in two forms, or another number of counts than of values. */
static int check_forms(struct arena *arena, const struct value *datum, uint32_t n, struct err *err)
{
    static const char *const others[] = {"Values", "StatisticValues"};
    const struct value *counts = metrics_list_of(arena, datum, "Counts");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (value_getz(datum, "Value") && value_getz(datum, others[i]))
            return service_refuse(err, 400, "InvalidParameterCombination",
                "The parameters MetricData.member.%u.Value and MetricData.member.%u.%s are mutually "
                "exclusive "
                "and you have specified both.",
                n, n, others[i]);
    if (counts->count && counts->count != metrics_list_of(arena, datum, "Values")->count)
        return service_refuse(err, 400, "InvalidParameterValue",
            "The parameters MetricData.member.%u.Values and MetricData.member.%u.Counts must be of the same "
            "size.",
            n, n);
    return 0;
}

static int write_datum(const struct service_call *call, struct str namespace, const struct value *datum,
    struct buf *lines, struct err *err)
{
    struct sums sums;
    struct arena *arena = call->arena;
    struct str name = value_gets(datum, "MetricName");
    if (!name.n)
        return service_refuse(err, 400, "MissingParameter", "each of MetricData has a MetricName");
    if (!read_sums(arena, datum, &sums))
        return metrics_invalid(
            err, "each of MetricData has a Value, StatisticValues, or Values (150 at most)");
    const struct value *kept = VALUE_MAP(arena, {STR("namespace"), value_string(arena, namespace)},
        {STR("name"), value_string(arena, name)}, {STR("dimensions"), dimensions_of(arena, datum)},
        {STR("at"), value_int(arena, time_of(datum, "Timestamp", clock_wall_ms()))},
        {STR("unit"), value_string(arena, value_text(value_getz(datum, "Unit"), STR("None")))},
        {STR("count"), value_float(arena, sums.count)}, {STR("sum"), value_float(arena, sums.sum)},
        {STR("low"), value_float(arena, sums.low)}, {STR("high"), value_float(arena, sums.high)});
    json_write(lines, kept, JSON_PLAIN);
    buf_add_char(lines, '\n');
    return 0;
}

static int put_metric_data(struct service_call *call, struct err *err)
{
    AUTO_BUF struct buf lines = BUF_INIT;
    struct str namespace = value_gets(call->input, "Namespace"), path;
    const struct value *data = metrics_list_of(call->arena, call->input, "MetricData");
    if (find_file(call, namespace, &path, err))
        return -1;
    if (!data->count || data->count > MAX_DATA)
        return metrics_invalid(err, "MetricData has 1 to 1000 items");
    for (uint32_t i = 0; i < data->count; i++)
        if (check_forms(call->arena, data->items[i], i + 1, err) ||
            write_datum(call, namespace, data->items[i], &lines, err))
            return -1;
    return metrics_append(call, path, buf_str(&lines), err);
}

/* ---- aggregating ---- */

struct wanted {
    struct str namespace, name, unit, statistic;
    const struct value *dimensions;
    int64_t start_ms, end_ms, period_ms;
    /* results */
    struct sums *buckets;
    size_t count;
    struct str found_unit;
    struct arena *arena;
};

static void add_up(void *ctx, const struct value *datum)
{
    struct wanted *w = ctx;
    int64_t at = service_int(datum, "at", 0);
    if (!str_eq(value_gets(datum, "name"), w->name) || at < w->start_ms || at >= w->end_ms ||
        !value_equal(value_getz(datum, "dimensions"), w->dimensions) ||
        (w->unit.n && !str_eq(value_gets(datum, "unit"), w->unit)))
        return;
    struct sums sums = {0};
    metrics_number_of(datum, "count", &sums.count);
    metrics_number_of(datum, "sum", &sums.sum);
    metrics_number_of(datum, "low", &sums.low);
    metrics_number_of(datum, "high", &sums.high);
    if (sums.count <= 0)
        return;
    w->found_unit = arena_str(w->arena, value_gets(datum, "unit"));
    add_to(&w->buckets[(at - w->start_ms) / w->period_ms], &sums);
}

/* Aggregates into periods, which are aligned to multiples of the period. */
static int metrics_collect(const struct service_call *call, struct wanted *w, int64_t most, struct err *err)
{
    struct str path;
    if (w->end_ms <= w->start_ms)
        return metrics_invalid(err, "The parameter StartTime must be less than the parameter EndTime.");
    if (w->period_ms < 1000)
        return metrics_invalid(err, "Period is a second at least");
    w->start_ms -= ((w->start_ms % w->period_ms) + w->period_ms) % w->period_ms;
    int64_t points = (w->end_ms - w->start_ms) / w->period_ms;
    if (points > most)
        return service_refuse(err, 400, "InvalidParameterCombination",
            "You have requested up to %lld datapoints, which exceeds the limit of %lld. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range.",
            (long long)points, (long long)most);
    w->count = (size_t)((w->end_ms - w->start_ms) / w->period_ms) + 1;
    w->buckets = ARENA_ARRAY(call->arena, struct sums, w->count);
    memset(w->buckets, 0, w->count * sizeof *w->buckets);
    w->arena = call->arena;
    if (find_file(call, w->namespace, &path, err))
        return -1;
    read_both(call, path, add_up, w);
    return 0;
}

static const char *const statistics[] = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"};

/* Returns a statistic's value in *out. False: not supported. */
static bool statistic(const struct sums *sums, struct str name, double *out)
{
    const double values[] = {
        sums->count, sums->count > 0 ? sums->sum / sums->count : 0, sums->sum, sums->low, sums->high};
    for (size_t i = 0; i < sizeof statistics / sizeof *statistics; i++)
        if (str_eqz(name, statistics[i])) {
            *out = values[i];
            return true;
        }
    return false;
}

static int no_statistic(struct err *err)
{
    return metrics_invalid(
        err, "the sandbox's metrics have SampleCount, Average, Sum, Minimum and Maximum, no percentiles");
}

static int get_metric_statistics(struct service_call *call, struct err *err)
{
    struct wanted w = {.unit = value_gets(call->input, "Unit"),
        .dimensions = dimensions_of(call->arena, call->input),
        .start_ms = time_of(call->input, "StartTime", 0),
        .end_ms = time_of(call->input, "EndTime", 0),
        .period_ms = service_int(call->input, "Period", 0) * 1000};
    const struct value *names = metrics_list_of(call->arena, call->input, "Statistics");
    double ignored;
    if (service_required(call, "Namespace", &w.namespace, err) ||
        service_required(call, "MetricName", &w.name, err))
        return -1;
    for (uint32_t i = 0; i < names->count; i++)
        if (!statistic(&(struct sums){0}, value_text(names->items[i], STR_EMPTY), &ignored))
            return no_statistic(err);
    if (!names->count)
        return no_statistic(err);
    if (metrics_collect(call, &w, MAX_POINTS, err))
        return -1;
    struct value_builder points = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < w.count; i++) {
        struct value_builder one = VALUE_BUILDER(call->arena);
        if (w.buckets[i].count == 0)
            continue;
        view_set(&one, "Timestamp", service_time(call, w.start_ms + (int64_t)i * w.period_ms));
        for (uint32_t k = 0; k < names->count; k++) {
            double value = 0;
            statistic(&w.buckets[i], value_text(names->items[k], STR_EMPTY), &value);
            value_builder_set(&one, value_text(names->items[k], STR_EMPTY), value_float(call->arena, value));
        }
        view_text(&one, "Unit", w.found_unit);
        value_builder_add(&points, value_builder_map(&one));
    }
    service_answer_text(call, "Label", w.name);
    service_answer(call, "Datapoints", value_builder_list(&points));
    return 0;
}

/* Returns whether the queries of a request have different values of a member of MetricStat. */
static bool queries_differ(struct arena *arena, const struct value *queries, const char *member)
{
    struct str first = STR_EMPTY;
    for (uint32_t i = 0; i < queries->count; i++) {
        const struct value *stat = value_getz(queries->items[i], "MetricStat");
        struct str text = value_scalar_text(arena, value_getz(stat, member));
        if (first.n && text.n && !str_eq(text, first))
            return true;
        first = first.n ? first : text;
    }
    return false;
}

/* Returns a result's label: the metric's name, with the statistic and the period where those of the queries
 * differ. */
static struct str label_of(struct service_call *call, const struct value *query, const struct wanted *w)
{
    AUTO_BUF struct buf label = BUF_INIT;
    const struct value *queries = metrics_list_of(call->arena, call->input, "MetricDataQueries"),
                       *own = value_getz(query, "Label");
    buf_addf(&label, "%.*s", STR_ARG(w->name));
    if (queries_differ(call->arena, queries, "Stat"))
        buf_addf(&label, " %.*s", STR_ARG(w->statistic));
    if (queries_differ(call->arena, queries, "Period"))
        buf_addf(&label, " %lld", (long long)(w->period_ms / 1000));
    return value_text(own, arena_str(call->arena, buf_str(&label)));
}

static const struct value *result_of(
    struct service_call *call, const struct value *query, const struct wanted *w)
{
    struct value_builder b = VALUE_BUILDER(call->arena), times = VALUE_BUILDER(call->arena),
                         values = VALUE_BUILDER(call->arena);
    bool upwards = str_eqz(value_gets(call->input, "ScanBy"), "TimestampAscending");
    for (size_t k = 0; k < w->count; k++) {
        size_t i = upwards ? k : w->count - 1 - k;
        double value = 0;
        if (w->buckets[i].count == 0)
            continue;
        statistic(&w->buckets[i], w->statistic, &value);
        value_builder_add(&times, service_time(call, w->start_ms + (int64_t)i * w->period_ms));
        value_builder_add(&values, value_float(call->arena, value));
    }
    view_text(&b, "Id", value_gets(query, "Id"));
    view_text(&b, "Label", label_of(call, query, w));
    view_text(&b, "StatusCode", STR("Complete"));
    value_builder_set(&b, STR("Timestamps"), value_builder_list(&times));
    value_builder_set(&b, STR("Values"), value_builder_list(&values));
    return value_builder_map(&b);
}

static int answer_query(
    struct service_call *call, const struct value *query, const struct value **out, struct err *err)
{
    const struct value *stat = value_getz(query, "MetricStat"), *metric = value_getz(stat, "Metric");
    double ignored;
    struct wanted w = {.namespace = value_gets(metric, "Namespace"),
        .name = value_gets(metric, "MetricName"),
        .unit = value_gets(stat, "Unit"),
        .statistic = value_gets(stat, "Stat"),
        .dimensions = dimensions_of(call->arena, metric),
        .start_ms = time_of(call->input, "StartTime", 0),
        .end_ms = time_of(call->input, "EndTime", 0),
        .period_ms = service_int(stat, "Period", 0) * 1000};
    if (!stat)
        return metrics_invalid(
            err, "the sandbox calculates no expressions: each of MetricDataQueries has a MetricStat");
    if (!statistic(&(struct sums){0}, w.statistic, &ignored))
        return no_statistic(err);
    if (metrics_collect(call, &w, MAX_BUCKETS, err))
        return -1;
    *out = result_of(call, query, &w);
    return 0;
}

static int get_metric_data(struct service_call *call, struct err *err)
{
    const struct value *queries = metrics_list_of(call->arena, call->input, "MetricDataQueries"),
                       *result = NULL;
    AUTO_BUILDER struct value_builder results = VALUE_BUILDER(call->arena);
    if (!queries->count)
        return service_refuse(err, 400, "MissingParameter", "GetMetricData needs MetricDataQueries");
    for (uint32_t i = 0; i < queries->count; i++) {
        if (answer_query(call, queries->items[i], &result, err))
            return -1;
        if (!str_eqz(value_scalar_text(call->arena, value_getz(queries->items[i], "ReturnData")), "false"))
            value_builder_add(&results, result);
    }
    service_answer(call, "Messages", &value_empty_list);
    service_answer(call, "MetricDataResults", value_builder_list(&results));
    return 0;
}

/* ---- listing ---- */

struct listing {
    struct arena *arena;
    struct str namespace, name;
    const struct value *filters; /* dimensions a metric must have, with or without a value */
    struct value_builder found;  /* metrics by namespace, name and dimensions */
    struct map seen;             /* keys in `found` */
};

static bool metrics_fits(const struct listing *l, const struct value *dimensions)
{
    for (uint32_t i = 0; i < l->filters->count; i++) {
        const struct value *own = value_get(dimensions, value_gets(l->filters->items[i], "Name"));
        struct str value = value_gets(l->filters->items[i], "Value");
        if (!own || (value.n && !str_eq(value_text(own, STR_EMPTY), value)))
            return false;
    }
    return true;
}

static void list_one(void *ctx, const struct value *datum)
{
    struct listing *l = ctx;
    AUTO_BUF struct buf key = BUF_INIT;
    const struct value *dimensions = value_getz(datum, "dimensions");
    struct str namespace = value_gets(datum, "namespace"), name = value_gets(datum, "name");
    if ((l->namespace.n && !str_eq(namespace, l->namespace)) || (l->name.n && !str_eq(name, l->name)) ||
        !dimensions || !metrics_fits(l, dimensions))
        return;
    buf_addf(&key, "%.*s\n%.*s\n", STR_ARG(namespace), STR_ARG(name));
    json_write(&key, dimensions, JSON_PLAIN);
    if (map_get(&l->seen, buf_str(&key)))
        return;
    struct str own = arena_str(l->arena, buf_str(&key));
    map_set(&l->seen, own, l);
    struct value_builder b = VALUE_BUILDER(l->arena), list = VALUE_BUILDER(l->arena);
    for (uint32_t i = 0; i < dimensions->count; i++)
        value_builder_add(
            &list, VALUE_MAP(l->arena, {STR("Name"), value_string(l->arena, dimensions->entries[i].key)},
                       {STR("Value"), value_copy(l->arena, dimensions->entries[i].value)}));
    view_text(&b, "Namespace", namespace);
    view_text(&b, "MetricName", name);
    value_builder_set(&b, STR("Dimensions"), value_builder_list(&list));
    value_builder_set(&l->found, own, value_builder_map(&b));
}

static int list_metrics(struct service_call *call, struct err *err)
{
    struct arena *arena = call->arena;
    struct listing l = {.arena = arena,
        .namespace = value_gets(call->input, "Namespace"),
        .name = value_gets(call->input, "MetricName"),
        .filters = metrics_list_of(arena, call->input, "Dimensions"),
        .found = VALUE_BUILDER(arena)};
    struct str path, prefix = arena_printf(arena, "%.*s-", STR_ARG(call->region));
    if (find_file(call, STR_EMPTY, &path, err))
        return -1;
    AUTO_DIR DIR *dir = opendir(arena_strz(arena, path_dir(path)));
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (str_starts(str_z(entry->d_name), prefix))
            metrics_read_file(path_join(arena, path_dir(path), str_z(entry->d_name)), list_one, &l);
    map_release(&l.seen);
    const struct value *all = value_builder_map(&l.found);
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < all->count; i++)
        value_builder_add(&list, all->entries[i].value);
    return service_answer_page(call, "Metrics", value_builder_list(&list), MAX_SHOWN, err);
}

const struct service_operation metrics_operations[] = {
    {"monitoring", "PutMetricData", put_metric_data},
    {"monitoring", "GetMetricStatistics", get_metric_statistics},
    {"monitoring", "GetMetricData", get_metric_data},
    {"monitoring", "ListMetrics", list_metrics},
    {0},
};
