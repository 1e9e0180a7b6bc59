/* What a program writes, as events: one a line. */
#include "sandbox/engine/logs.h"

#include "base/clock.h"
#include "base/mem.h"

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
