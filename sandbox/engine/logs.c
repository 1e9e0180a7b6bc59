/* CloudWatch Logs of the sandbox: see logs.h. */
#include "sandbox/engine/logs.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/threads.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- output of a program: one event per line ---- */

enum { MAX_LINE = 64 * 1024, TAIL = 16384, BATCH = 256 };

static void keep_tail(struct log_sink *sink, const char *bytes, size_t n)
{
    if (n > TAIL) {
        bytes += n - TAIL;
        n = TAIL;
    }
    if (sink->tail.n + n > TAIL) {
        size_t gone = sink->tail.n + n - TAIL;
        memmove(sink->tail.p, sink->tail.p + gone, sink->tail.n - gone);
        sink->tail.n -= gone;
    }
    buf_add(&sink->tail, bytes, n);
}

void log_sink_add(struct log_sink *sink, const char *bytes, size_t n)
{
    struct log_entry events[BATCH];
    size_t count = 0;
    int64_t now = clock_wall_ms();
    keep_tail(sink, bytes, n);
    buf_add(&sink->partial, bytes, n);
    struct str rest = buf_str(&sink->partial);
    for (;;) {
        ptrdiff_t end = str_find_char(rest, '\n', 0);
        if (end < 0 && rest.n < MAX_LINE)
            break;
        size_t length = end < 0 || end > MAX_LINE ? MAX_LINE : (size_t)end;
        events[count++] = (struct log_entry){.time_ms = now, .message = str_slice(rest, 0, length)};
        rest = str_slice(rest, length + ((size_t)end == length), rest.n);
        if (count == BATCH) {
            logs_append(sink->logs, &sink->location, events, count);
            count = 0;
        }
    }
    logs_append(sink->logs, &sink->location, events, count);
    if (rest.n)
        memmove(sink->partial.p, rest.p, rest.n);
    sink->partial.n = rest.n;
}

void log_sink_line(struct log_sink *sink, const char *format, ...)
{
    AUTO_BUF struct buf line = BUF_INIT;
    va_list args;
    log_sink_flush(sink);
    va_start(args, format);
    buf_addvf(&line, format, args);
    va_end(args);
    buf_add_char(&line, '\n');
    log_sink_add(sink, line.p, line.n);
}

void log_sink_flush(struct log_sink *sink)
{
    struct log_entry event = {.time_ms = clock_wall_ms(), .message = buf_str(&sink->partial)};
    if (event.message.n)
        logs_append(sink->logs, &sink->location, &event, 1);
    buf_clear(&sink->partial);
}

void log_sink_release(struct log_sink *sink)
{
    log_sink_flush(sink);
    buf_release(&sink->partial);
    buf_release(&sink->tail);
}

enum {
    MAX_STREAMS = 4096,
    MAX_STREAM = 64 * 1024 * 1024,
    MAX_PAGE = 1024 * 1024, /* bytes of messages in a page */
    WINDOW = 2 * 1024 * 1024,
    MAX_HEADER = 8192,
    LONGEST = 6 * MAX_PAGE + MAX_HEADER, /* bytes of a line: a message of 1 MiB with each byte escaped */
};

struct stream {
    struct arena arena;
    struct log_location location;
    struct str path;
    int64_t created_ms, first_ms, last_ms, ingested_ms;
    uint64_t start, end; /* offsets of the events in the file */
};

struct logs {
    struct arena arena;
    struct str dir;
    pthread_mutex_t lock;
    struct stream **streams;
    size_t count, cap;
    logs_watcher *watcher;
    void *watcher_ctx;
};

/* ---- the index ---- */

static bool is_at(const struct stream *s, const struct log_location *location)
{
    return str_eq(s->location.stream, location->stream) && str_eq(s->location.group, location->group) &&
           str_eq(s->location.region, location->region);
}

static struct stream *logs_find(struct logs *logs, const struct log_location *location)
{
    for (size_t i = 0; i < logs->count; i++)
        if (is_at(logs->streams[i], location))
            return logs->streams[i];
    return NULL;
}

static struct stream *logs_add(struct logs *logs, const struct log_location *location, struct str path)
{
    struct stream *s = mem_zalloc(sizeof *s);
    s->location = (struct log_location){arena_str(&s->arena, location->region),
        arena_str(&s->arena, location->group), arena_str(&s->arena, location->stream)};
    s->path = arena_str(&s->arena, path);
    MEM_GROW(logs->streams, logs->cap, logs->count + 1);
    logs->streams[logs->count++] = s;
    return s;
}

static void logs_drop(struct logs *logs, size_t i, bool file)
{
    struct stream *s = logs->streams[i];
    if (file)
        unlink(s->path.p);
    arena_release(&s->arena);
    free(s);
    logs->streams[i] = logs->streams[--logs->count];
}

static int64_t last_written(const struct stream *s)
{
    return s->ingested_ms ? s->ingested_ms : s->created_ms;
}

static void make_room(struct logs *logs)
{
    size_t oldest = 0;
    if (logs->count < MAX_STREAMS)
        return;
    for (size_t i = 1; i < logs->count; i++)
        if (last_written(logs->streams[i]) < last_written(logs->streams[oldest]))
            oldest = i;
    logs_drop(logs, oldest, true);
}

/* ---- lines ---- */

static bool parse_event(struct arena *arena, struct str line, struct log_entry *out)
{
    const struct value *v;
    if (json_parse(arena, line, &v, ERR_IGNORED))
        return false;
    const struct value *t = value_getz(v, "t"), *i = value_getz(v, "i"), *m = value_getz(v, "m");
    if (!t || t->kind != VALUE_INT || !i || i->kind != VALUE_INT || !m || m->kind != VALUE_STRING)
        return false;
    *out = (struct log_entry){.time_ms = t->integer, .ingested_ms = i->integer, .message = m->string};
    return true;
}

/* Replaces invalid UTF-8 by U+FFFD. */
static void logs_add_text(struct buf *out, struct str text)
{
    AUTO_BUF struct buf clean = BUF_INIT;
    while (text.n) {
        size_t good = str_utf8_prefix(text);
        buf_add(&clean, text.p, good);
        text = str_slice(text, good, text.n);
        if (text.n) {
            buf_addz(&clean, "\xef\xbf\xbd");
            text = str_slice(text, 1, text.n);
        }
    }
    json_write_string(out, buf_str(&clean));
}

static void add_event(struct buf *out, const struct log_entry *event, int64_t now_ms)
{
    buf_addf(out, "{\"i\":%lld,\"m\":", (long long)now_ms);
    logs_add_text(out, event->message);
    buf_addf(out, ",\"t\":%lld}\n", (long long)event->time_ms);
}

/* ---- files ---- */

static struct str read_part(struct arena *arena, const struct stream *s, uint64_t from, uint64_t to)
{
    AUTO_FD int fd = open(s->path.p, O_RDONLY | O_CLOEXEC);
    char *text = arena_alloc(arena, to - from + 1);
    size_t n = 0;
    while (fd >= 0 && n < to - from) {
        ssize_t got = pread(fd, text + n, to - from - n, (off_t)(from + n));
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    text[n] = '\0';
    return str_n(text, n);
}

/* Reads the times of the first and the last event; cuts off a torn last line. */
static void read_ends(struct arena *arena, struct stream *s)
{
    struct str rest,
        head = read_part(arena, s, s->start, s->end - s->start > LONGEST ? s->start + LONGEST : s->end);
    struct log_entry event;
    if (parse_event(arena, str_cut(head, '\n', &rest), &event))
        s->first_ms = event.time_ms;
    uint64_t from = s->end - s->start > LONGEST ? s->end - LONGEST : s->start;
    struct str tail = read_part(arena, s, from, s->end);
    while (tail.n && tail.p[tail.n - 1] != '\n')
        tail.n--;
    if (from + tail.n < s->end && truncate(s->path.p, (off_t)(from + tail.n)))
        return;
    s->end = from + tail.n;
    size_t begin = str_after_last(str_slice(tail, 0, tail.n ? tail.n - 1 : 0), "\n");
    if (tail.n && parse_event(arena, str_slice(tail, begin, tail.n - 1), &event)) {
        s->last_ms = event.time_ms;
        s->ingested_ms = event.ingested_ms;
    }
}

static void load_one(struct logs *logs, struct str path)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct stat info;
    const struct value *header;
    struct stream probe = {.path = path};
    if (stat(path.p, &info))
        return;
    struct str rest, line = str_cut(read_part(&arena, &probe, 0, MAX_HEADER), '\n', &rest);
    if (!rest.p || json_parse(&arena, line, &header, ERR_IGNORED))
        return; /* not a stream's file, or torn in the header */
    struct log_location location = {
        value_gets(header, "region"), value_gets(header, "group"), value_gets(header, "stream")};
    struct stream *s = logs_add(logs, &location, path);
    s->created_ms = value_geti(header, "created", 0);
    s->start = line.n + 1;
    s->end = (uint64_t)info.st_size;
    read_ends(&arena, s);
}

int logs_open(const char *dir, struct logs **out, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (dir_make(dir, err))
        return -1;
    AUTO_DIR DIR *files = opendir(dir);
    if (!files)
        return err_errno(err, ERR_IO, "cannot read %s", dir);
    struct logs *logs = mem_zalloc(sizeof *logs);
    logs->dir = arena_str(&logs->arena, str_z(dir));
    pthread_mutex_init(&logs->lock, NULL);
    for (struct dirent *entry; (entry = readdir(files));)
        if (str_ends(str_z(entry->d_name), STR(".jsonl")))
            load_one(logs, path_join(&arena, logs->dir, str_z(entry->d_name)));
    *out = logs;
    return 0;
}

void logs_close(struct logs *logs)
{
    if (!logs)
        return;
    while (logs->count)
        logs_drop(logs, 0, false);
    free(logs->streams);
    pthread_mutex_destroy(&logs->lock);
    arena_release(&logs->arena);
    free(logs);
}

/* ---- streams ---- */

static int write_header(struct stream *s)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    struct value_entry entries[] = {{STR("region"), value_string(&arena, s->location.region)},
        {STR("group"), value_string(&arena, s->location.group)},
        {STR("stream"), value_string(&arena, s->location.stream)},
        {STR("created"), value_int(&arena, s->created_ms)}};
    json_write(&text, value_map(&arena, entries, sizeof entries / sizeof *entries), JSON_PLAIN);
    buf_add_char(&text, '\n');
    AUTO_FD int fd = open(s->path.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    s->start = s->end = text.n;
    return fd < 0 ? -1 : fd_write_all(fd, text.p, text.n, ERR_IGNORED, s->path.p);
}

enum logs_result logs_create(struct logs *logs, const struct log_location *location)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    enum logs_result result = LOGS_EXISTS;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&logs->lock);
    if (!logs_find(logs, location)) {
        make_room(logs);
        struct str whole = arena_printf(&arena, "%.*s\n%.*s\n%.*s", STR_ARG(location->region),
            STR_ARG(location->group), STR_ARG(location->stream));
        struct str path = arena_printf(&arena, "%s/%.32s.jsonl", logs->dir.p, sha256_hex(&arena, whole).p);
        struct stream *s = logs_add(logs, location, path);
        s->created_ms = clock_wall_ms();
        result = write_header(s) ? LOGS_FAILED : LOGS_OK;
        if (result == LOGS_FAILED)
            logs_drop(logs, logs->count - 1, true);
    }
    return result;
}

enum logs_result logs_delete(struct logs *logs, const struct log_location *location)
{
    enum logs_result result = LOGS_ABSENT;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&logs->lock);
    for (size_t i = logs->count; i-- > 0;)
        if (is_at(logs->streams[i], location)) {
            logs_drop(logs, i, true);
            result = LOGS_OK;
        }
    return result;
}

void logs_forget(struct logs *logs, struct str region, struct str group, int64_t before_ms)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&logs->lock);
    for (size_t i = logs->count; i-- > 0;) {
        const struct stream *s = logs->streams[i];
        if (s->created_ms < before_ms && str_eq(s->location.group, group) &&
            str_eq(s->location.region, region))
            logs_drop(logs, i, true);
    }
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct log_stream *)a)->name, ((const struct log_stream *)b)->name);
}

struct log_stream *logs_streams(
    struct logs *logs, struct arena *arena, struct str region, struct str group, size_t *n)
{
    pthread_mutex_lock(&logs->lock);
    struct log_stream *streams = ARENA_ARRAY(arena, struct log_stream, logs->count + 1);
    *n = 0;
    for (size_t i = 0; i < logs->count; i++) {
        const struct stream *s = logs->streams[i];
        if (str_eq(s->location.group, group) && str_eq(s->location.region, region))
            streams[(*n)++] = (struct log_stream){arena_str(arena, s->location.stream), s->created_ms,
                s->first_ms, s->last_ms, s->ingested_ms, s->end - s->start};
    }
    pthread_mutex_unlock(&logs->lock);
    qsort(streams, *n, sizeof *streams, by_name);
    return streams;
}

/* ---- events ---- */

static enum logs_result logs_append_locked(
    struct stream *s, struct str text, const struct log_entry *events, size_t n, int64_t now)
{
    if (s->end + text.n > MAX_STREAM)
        return LOGS_FULL;
    AUTO_FD int fd = open(s->path.p, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return LOGS_FAILED;
    if (fd_write_all(fd, text.p, text.n, ERR_IGNORED, s->path.p)) {
        bool whole = !ftruncate(fd, (off_t)s->end);
        return whole ? LOGS_FAILED : LOGS_FULL; /* the disk is full */
    }
    s->end += text.n;
    s->first_ms = s->first_ms ? s->first_ms : events[0].time_ms;
    s->last_ms = events[n - 1].time_ms;
    s->ingested_ms = now;
    return LOGS_OK;
}

enum logs_result logs_append(
    struct logs *logs, const struct log_location *location, const struct log_entry *events, size_t n)
{
    AUTO_BUF struct buf text = BUF_INIT;
    int64_t now = clock_wall_ms();
    for (size_t i = 0; i < n; i++)
        add_event(&text, &events[i], now);
    pthread_mutex_lock(&logs->lock);
    struct stream *s = logs_find(logs, location);
    enum logs_result result = s && n ? logs_append_locked(s, buf_str(&text), events, n, now)
                              : s    ? LOGS_OK
                                     : LOGS_ABSENT;
    pthread_mutex_unlock(&logs->lock);
    if (result == LOGS_OK && n && logs->watcher)
        logs->watcher(logs->watcher_ctx, location, events, n);
    return result;
}

void logs_watch(struct logs *logs, logs_watcher *watcher, void *ctx)
{
    logs->watcher = watcher;
    logs->watcher_ctx = ctx;
}

/* Copies the stream's state; files only grow, so they are read without the lock. */
static bool snapshot(
    struct logs *logs, struct arena *arena, const struct log_location *location, struct stream *out)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&logs->lock);
    const struct stream *s = logs_find(logs, location);
    if (s) {
        *out = *s;
        out->path = arena_str(arena, s->path);
    }
    return s != NULL;
}

static bool logs_passes(const struct logs_query *query, const struct log_entry *event)
{
    return (!query->from_ms || event->time_ms >= query->from_ms) &&
           (!query->to_ms || event->time_ms < query->to_ms);
}

/* Adds the matching events among the complete lines of a window; page->after is the end of the last line
 * read. */
static void read_window(struct arena *arena, struct str window, uint64_t at, const struct logs_query *query,
    struct logs_page *page, size_t most)
{
    size_t bytes = 0, cap = 0;
    struct log_entry *events = NULL;
    while (window.n && page->n < most && bytes < MAX_PAGE) {
        struct str rest, line = str_cut(window, '\n', &rest);
        struct log_entry event;
        if (!rest.p)
            break;
        if (parse_event(arena, line, &event) && logs_passes(query, &event)) {
            event.offset = at;
            MEM_GROW(events, cap, page->n + 1);
            events[page->n++] = event;
            bytes += event.message.n + 26;
        }
        at += line.n + 1;
        window = rest;
    }
    page->after = at;
    page->events = ARENA_ARRAY(arena, struct log_entry, page->n + 1);
    if (page->n)
        memcpy(page->events, events, page->n * sizeof *events);
    free(events);
}

static void read_forward(
    struct arena *arena, const struct stream *s, const struct logs_query *query, struct logs_page *page)
{
    uint64_t from = query->offset > s->start ? query->offset : s->start;
    *page = (struct logs_page){.before = from, .after = from};
    uint64_t size = WINDOW;
    while (!page->n && page->after < s->end) { /* skips windows without a match */
        uint64_t at = page->after;
        struct str window = read_part(arena, s, at, s->end - at > size ? at + size : s->end);
        read_window(arena, window, at, query, page, query->limit);
        if (page->after == at && size == LONGEST)
            break;
        size = page->after == at ? LONGEST : WINDOW; /* a line longer than the window */
    }
}

/* Returns the complete lines within `size` bytes before `to`; *at is where they begin. */
static struct str lines_before(
    struct arena *arena, const struct stream *s, uint64_t to, uint64_t size, uint64_t *at)
{
    *at = s->start;
    if (to - s->start <= size)
        return read_part(arena, s, s->start, to);
    uint64_t from = to - size;
    struct str rest, torn = str_cut(read_part(arena, s, from - 1, to), '\n', &rest);
    *at = from + torn.n;
    return rest;
}

static void read_backward(
    struct arena *arena, const struct stream *s, const struct logs_query *query, struct logs_page *page)
{
    uint64_t end = query->offset && query->offset < s->end ? query->offset : s->end;
    *page = (struct logs_page){.before = end};
    while (!page->n && page->before > s->start) {
        uint64_t at, to = page->before;
        struct str lines = lines_before(arena, s, to, MAX_PAGE, &at);
        if (!lines.n) /* a line longer than MAX_PAGE */
            lines = lines_before(arena, s, to, LONGEST, &at);
        if (!lines.n)
            break;
        read_window(arena, lines, at, query, page, SIZE_MAX);
        page->before = at;
    }
    page->after = end;
    if (page->n > query->limit) {
        page->events += page->n - query->limit;
        page->n = query->limit;
        page->before = page->events[0].offset;
    }
}

enum logs_result logs_read(struct logs *logs, struct arena *arena, const struct log_location *location,
    const struct logs_query *query, struct logs_page *out)
{
    struct stream s;
    if (!snapshot(logs, arena, location, &s))
        return LOGS_ABSENT;
    if (query->backward)
        read_backward(arena, &s, query, out);
    else
        read_forward(arena, &s, query, out);
    return LOGS_OK;
}
