/* -v and -vv: see trace.h. */
#include "provider/http/trace.h"

#include "base/mask.h"
#include "provider/http/redact.h"

#include <stdio.h>

enum { BODY_SHOWN_MAX = 64 * 1024 };

static void put_line(const struct trace *trace, struct buf *line)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, buf_str(line));
    if (trace->line)
        trace->line(trace->ctx, shown.p ? shown.p : "");
    else
        fprintf(stderr, "%s\n", shown.p ? shown.p : "");
    buf_clear(line);
}

static void put_headers(
    const struct trace *trace, char mark, const struct http_header *headers, size_t n, struct buf *line)
{
    for (size_t i = 0; i < n; i++) {
        struct str value = redact_is_secret_header(headers[i].name) ? STR("(redacted)") : headers[i].value;
        buf_addf(line, "%c %.*s: %.*s", mark, STR_ARG(headers[i].name), STR_ARG(value));
        put_line(trace, line);
    }
}

static void put_body(const struct trace *trace, char mark, struct str body, bool sensitive, struct buf *line)
{
    if (!body.n)
        return;
    if (sensitive || !str_is_utf8(body) || memchr(body.p, 0, body.n)) {
        const char *why = sensitive ? "not shown, they may hold secrets" : "not text";
        buf_addf(line, "%c (%zu bytes, %s)", mark, body.n, why);
        put_line(trace, line);
        return;
    }
    AUTO_BUF struct buf known = BUF_INIT, shown = BUF_INIT;
    mask_text(&known, body); /* by value, before lines are made of it and before it is cut */
    redact_body(&shown, buf_str(&known));
    struct str rest = str_slice(buf_str(&shown), 0, shown.n < BODY_SHOWN_MAX ? shown.n : BODY_SHOWN_MAX);
    while (rest.p && rest.n) {
        struct str text = str_cut(rest, '\n', &rest);
        buf_addf(line, "%c ", mark);
        buf_add_str(line, text);
        put_line(trace, line);
    }
    if (shown.n > BODY_SHOWN_MAX) {
        buf_addf(line, "%c (%zu bytes more)", mark, shown.n - BODY_SHOWN_MAX);
        put_line(trace, line);
    }
}

void trace_request(const struct trace *trace, const struct http_request *request,
    const struct http_response *response, const struct err *failure, int64_t elapsed_ms)
{
    if (!trace->level)
        return;
    AUTO_BUF struct buf line = BUF_INIT;
    buf_addf(&line, "%.*s ", STR_ARG(request->method));
    redact_url(&line, request->url);
    if (request->label.n)
        buf_addf(&line, " %.*s", STR_ARG(request->label));
    if (failure)
        buf_addf(&line, " failed (%s)", failure->message);
    else
        buf_addf(&line, " %d", response->status);
    buf_addf(&line, " %lld ms", (long long)elapsed_ms);
    if (request->attempt > 1)
        buf_addf(&line, " attempt %d", request->attempt);
    put_line(trace, &line);
    if (trace->level < 2)
        return;
    put_headers(trace, '>', request->headers, request->header_count, &line);
    put_body(trace, '>', request->body, request->sensitive, &line);
    if (request->body_length > 0) {
        buf_addf(&line, "> (%lld bytes of a file)", (long long)request->body_length);
        put_line(trace, &line);
    }
    if (failure)
        return;
    put_headers(trace, '<', response->headers, response->header_count, &line);
    put_body(trace, '<', response->body, request->sensitive, &line);
}
