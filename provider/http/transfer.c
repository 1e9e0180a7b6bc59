/* One request: see transfer.h. */
#include "provider/http/transfer.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    HEAD_MAX = 1024 * 1024,
    RESPONSE_MAX_DEFAULT = 64 * 1024 * 1024,
    CONNECT_TIMEOUT_MS = 10 * 1000,
    IDLE_TIMEOUT_MS = 60 * 1000,
    EXPECT_FROM = 1024 * 1024, /* smaller bodies are not worth a round trip */
    KEEP_BODY = 256 * 1024,    /* larger buffers are freed after use */
    STREAM_BUFFER = 256 * 1024,
    PRECIOUS_IDLE_S = 5,
};

#define SET(transfer, option, value) (transfer)->curl->easy_setopt((transfer)->easy, (option), (value))

static void new_handle(struct transfer *t)
{
    t->easy = t->curl->easy_init();
    if (!t->easy)
        mem_exhausted(); /* the only possible reason */
}

struct transfer *transfer_new(const struct curl_api *curl)
{
    struct transfer *t = mem_zalloc(sizeof *t);
    t->curl = curl;
    new_handle(t);
    return t;
}

void transfer_free(struct transfer *t)
{
    t->curl->easy_cleanup(t->easy);
    buf_release(&t->head);
    buf_release(&t->body);
    free(t);
}

/* ---- callbacks, on the network thread ---- */

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    n *= size;
    if (n > 9 && !memcmp(line, "HTTP/", 5)) { /* a new header block, for example after 100 Continue */
        buf_clear(&t->head);
        struct str rest;
        str_cut(str_n(line, n), ' ', &rest);
        t->status = rest.n >= 3 ? (int)strtol(rest.p, NULL, 10) : 0;
        t->head_ended = false;
        return n;
    }
    t->head_ended = t->head_ended || line[0] == '\n' || (n > 1 && line[0] == '\r' && line[1] == '\n');
    buf_add(&t->head, line, n);
    return t->head.overflow ? 0 : n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    n *= size;
    if (t->request->sink && t->status >= 200 && t->status < 300) {
        t->sink_failed = t->request->sink(t->request->sink_ctx, bytes, n) != 0;
        return t->sink_failed ? 0 : n;
    }
    buf_add(&t->body, bytes, n);
    return t->body.overflow ? 0 : n;
}

/* Updates the number of bytes of the file range that were sent. */
static void note_sent(struct transfer *t, int64_t sent)
{
    if (t->request->moved)
        atomic_fetch_add_explicit(t->request->moved, sent - t->sent, memory_order_relaxed);
    t->sent = sent;
}

static size_t on_send(char *bytes, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    int64_t left = t->request->body_length - t->sent;
    n *= size;
    if ((int64_t)n > left)
        n = (size_t)left;
    if (!n)
        return 0;
    ssize_t got;
    do
        got = pread(t->request->body_fd, bytes, n, t->request->body_offset + t->sent);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        t->read_errno = got < 0 ? errno : -1;
        return CURL_READFUNC_ABORT;
    }
    note_sent(t, t->sent + got);
    return (size_t)got;
}

static size_t on_source(char *bytes, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    int64_t got = t->request->source(t->request->source_ctx, bytes, n * size);
    t->source_failed = got < 0;
    return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* libcurl rewinds the body before it sends it again. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct transfer *t = ctx;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    note_sent(t, offset);
    return CURL_SEEKFUNC_OK;
}

#if LIBCURL_VERSION_NUM >= 0x075000
/* Called by libcurl on a connection, before it sends. A request that is already begun may be sent again only
 * if nothing was sent on the broken connection, or after 417, which refuses the body before it is sent. */
static int on_request(void *ctx, char *to UNUSED, char *from UNUSED, int to_port UNUSED, int from_port UNUSED)
{
    struct transfer *t = ctx;
    long bytes = 0;
    t->curl->easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &bytes);
    if (!t->begun++ || !bytes || t->status == 417)
        return CURL_PREREQFUNC_OK;
    t->repeated = true;
    return CURL_PREREQFUNC_ABORT;
}
#endif

/* Child processes (builds, credential processes) must not inherit connections. */
static int on_socket(void *ctx UNUSED, curl_socket_t fd, curlsocktype purpose UNUSED)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return CURL_SOCKOPT_OK;
}

/* ---- preparing ---- */

static int check_target(const struct http_request *request, struct http_target *target, struct err *err)
{
    if (http_target_parse(request->url, target, err))
        return -1;
    if (request->unix_socket)
        target->authority = str_z(request->unix_socket); /* for messages */
    target->loopback = target->loopback || request->unix_socket || request->local_port;
    if (target->tls || target->loopback || request->insecure_ok)
        return 0;
    err_set(err, ERR_INVALID, "will not send requests to %.*s over plain HTTP", STR_ARG(target->authority));
    if (err)
        err->everywhere = true;
    return err_hint(err,
        "use https://, or say `insecure: true` in the provider's settings if that network is "
        "trusted");
}

/* Checks files that libcurl opens itself. */
static int check_files(const struct http_request *request, const char *default_ca, struct err *err)
{
    const char *const files[] = {
        request->ca_file ? request->ca_file : default_ca, request->cert_file, request->key_file};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i] && file_check(files[i], err))
            return -1;
    return 0;
}

static bool has_header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (str_ieq(request->headers[i].name, str_z(name)))
            return true;
    return false;
}

static void transfer_add_line(struct arena *arena, struct curl_slist **list, struct str line)
{
    struct curl_slist *item = ARENA_NEW(arena, struct curl_slist);
    memcpy(&item->data, &line.p, sizeof item->data); /* libcurl declares it non-const but only reads it */
    item->next = *list;
    *list = item;
}

/* True if the text contains a line break or a NUL byte. */
static bool is_broken(struct str text)
{
    return str_find_char(text, '\n', 0) >= 0 || str_find_char(text, '\r', 0) >= 0 ||
           memchr(text.p, 0, text.n);
}

/* The list is built in the arena: libcurl's own list would copy every line. */
static int make_headers(
    const struct http_request *request, struct arena *arena, struct curl_slist **list, struct err *err)
{
    *list = NULL;
    /* headers that libcurl would add at the cost of bytes or a round trip */
    static const char *const unwanted[] = {"Accept", "Content-Type"};
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        if (!has_header(request, unwanted[i]))
            transfer_add_line(arena, list, arena_printf(arena, "%s:", unwanted[i]));
    if (request->eager || (request->body_length <= EXPECT_FROM && (int64_t)request->body.n <= EXPECT_FROM))
        transfer_add_line(arena, list, STR("Expect:"));
    if (!has_header(request, "User-Agent"))
        transfer_add_line(arena, list, STR("User-Agent: weir/" WEIR_VERSION));
    for (size_t i = request->header_count; i-- > 0;) {
        struct str name = request->headers[i].name, value = request->headers[i].value;
        if (is_broken(value))
            return err_set(err, ERR_INVALID, "the header %.*s has a line break in its value", STR_ARG(name));
        if (!name.n || is_broken(name) || str_find_char(name, ':', 0) >= 0)
            return err_set(err, ERR_INVALID, "\"%.*s\" is not the name of a header", STR_ARG(name));
        /* libcurl's syntax for an empty header is "Name;" */
        struct str line[] = {name, value.n ? STR(": ") : STR(";"), value};
        transfer_add_line(arena, list, arena_concat(arena, line, sizeof line / sizeof *line));
    }
    return 0;
}

/*
 * A server may close a kept connection just when a request is sent on it; libcurl then repeats the request
 * itself. For requests that must not be sent twice unnoticed, the repetition is aborted in on_request().
 * Versions before 7.80 do not have that callback; with a new connection they have no reason to repeat.
 */
static void set_once(struct transfer *t)
{
    if (t->request->fresh_connection)
        SET(t, CURLOPT_MAXAGE_CONN, (long)PRECIOUS_IDLE_S);
    if (t->request->repeatable)
        return;
#if LIBCURL_VERSION_NUM >= 0x075000
    SET(t, CURLOPT_PREREQDATA, t);
    if (SET(t, CURLOPT_PREREQFUNCTION, on_request) == CURLE_OK)
        return;
#endif
    SET(t, CURLOPT_FRESH_CONNECT, 1L);
}

static void set_method(struct transfer *t, struct arena *arena)
{
    const struct http_request *request = t->request;
    const char *method = arena_strz(arena, request->method);
    bool head = request->discard_body || str_eqz(request->method, "HEAD");
    if (request->source) {
        SET(t, CURLOPT_UPLOAD, 1L);
        SET(t, CURLOPT_READFUNCTION, on_source);
        SET(t, CURLOPT_READDATA, t);
        SET(t, CURLOPT_UPLOAD_BUFFERSIZE, (long)STREAM_BUFFER);
    } else if (request->body_length > 0) {
        SET(t, CURLOPT_UPLOAD, 1L);
        SET(t, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_length);
        SET(t, CURLOPT_READFUNCTION, on_send);
        SET(t, CURLOPT_READDATA, t);
        SET(t, CURLOPT_SEEKFUNCTION, on_seek);
        SET(t, CURLOPT_SEEKDATA, t);
        if (request->body_length >= STREAM_BUFFER)
            SET(t, CURLOPT_UPLOAD_BUFFERSIZE, (long)STREAM_BUFFER);
    } else if (head) {
        SET(t, CURLOPT_NOBODY, 1L);
    } else if (request->body.n || str_eqz(request->method, "POST") || str_eqz(request->method, "PUT") ||
               str_eqz(request->method, "PATCH")) {
        SET(t, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
        SET(t, CURLOPT_POSTFIELDS, request->body.n ? request->body.p : "");
    }
    if (!head || !str_eqz(request->method, "HEAD"))
        SET(t, CURLOPT_CUSTOMREQUEST, method);
}

static void set_limits(struct transfer *t)
{
    const struct http_request *request = t->request;
    long connect_ms = request->connect_timeout_ms ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    long idle_ms = request->timeout_ms ? request->timeout_ms : IDLE_TIMEOUT_MS;
    SET(t, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    SET(t, CURLOPT_LOW_SPEED_LIMIT, request->min_rate ? (long)request->min_rate : 1L);
    SET(t, CURLOPT_LOW_SPEED_TIME, (idle_ms + 999) / 1000);
    if (request->deadline_ms)
        SET(t, CURLOPT_TIMEOUT_MS, (long)request->deadline_ms);
    t->head.max = HEAD_MAX;
    t->body.max = request->max_response ? request->max_response : RESPONSE_MAX_DEFAULT;
}

static void set_target(struct transfer *t, const char *default_ca, struct arena *arena)
{
    const struct http_request *request = t->request;
    SET(t, CURLOPT_URL, arena_strz(arena, request->url));
    SET(t, CURLOPT_PATH_AS_IS, 1L); /* keys such as "a/../b" are signed unchanged */
    SET(t, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(t, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    const char *ca = request->ca_file ? request->ca_file : default_ca ? default_ca : roots_file();
    if (ca)
        SET(t, CURLOPT_CAINFO, ca);
    if (request->cert_file)
        SET(t, CURLOPT_SSLCERT, request->cert_file);
    if (request->key_file)
        SET(t, CURLOPT_SSLKEY, request->key_file);
    if (request->unix_socket)
        SET(t, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
    if (request->local_port) {
        struct curl_slist *to = NULL;
        transfer_add_line(arena, &to, arena_printf(arena, "::127.0.0.1:%d", request->local_port));
        SET(t, CURLOPT_CONNECT_TO, to);
    }
    /* A proxy cannot reach this machine's own addresses and must not see requests to them. */
    if (t->target.loopback || t->target.link_local)
        SET(t, CURLOPT_PROXY, "");
    SET(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

int transfer_prepare(struct transfer *t, const struct http_request *request, const char *default_ca,
    struct arena *arena, struct err *err)
{
    struct curl_slist *headers;
    if (check_target(request, &t->target, err) || check_files(request, default_ca, err) ||
        make_headers(request, arena, &headers, err))
        return -1;
    t->request = request;
    t->status = 0;
    t->sent = 0;
    t->read_errno = 0;
    t->sink_failed = t->source_failed = t->cancelled = t->repeated = t->head_ended = false;
    t->begun = 0;
    t->error[0] = '\0';
    buf_clear(&t->head);
    if (t->body.cap > KEEP_BODY)
        buf_release(&t->body);
    buf_clear(&t->body);

    if (t->code == CURLE_OK) {
        t->curl->easy_reset(t->easy); /* keeps connections and TLS tickets */
    } else { /* A reset does not undo everything after a failure: from 8.7 on, a body that could not be
                rewound makes every later request fail */
        t->curl->easy_cleanup(t->easy);
        new_handle(t);
        t->code = CURLE_OK;
    }
    SET(t, CURLOPT_PRIVATE, t);
    SET(t, CURLOPT_ERRORBUFFER, t->error);
    SET(t, CURLOPT_NOSIGNAL, 1L);
    SET(t, CURLOPT_TCP_KEEPALIVE, 1L);
    SET(t, CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(t, CURLOPT_HTTPHEADER, headers);
    SET(t, CURLOPT_HEADERFUNCTION, on_header);
    SET(t, CURLOPT_HEADERDATA, t);
    SET(t, CURLOPT_WRITEFUNCTION, on_body);
    SET(t, CURLOPT_WRITEDATA, t);
    if (request->sink)
        SET(t, CURLOPT_BUFFERSIZE, (long)STREAM_BUFFER);
    set_target(t, default_ca, arena);
    set_method(t, arena);
    set_once(t);
    set_limits(t);
    return 0;
}

/* ---- results ---- */

void transfer_check_head(struct transfer *t)
{
    if (t->code == CURLE_OK && !t->head_ended)
        t->code = CURLE_PARTIAL_FILE;
}

void transfer_take_back(struct transfer *t)
{
    note_sent(t, 0);
}

void transfer_collect(const struct transfer *t, struct arena *arena, struct http_response *response)
{
    struct str head = arena_str(arena, buf_str(&t->head));
    size_t lines = 0;
    for (size_t i = 0; i < head.n; i++)
        lines += head.p[i] == '\n';
    *response = (struct http_response){.status = t->status};
    response->headers = ARENA_ARRAY(arena, struct http_header, lines ? lines : 1);
    while (head.p && head.n) {
        struct str value, line = str_cut(head, '\n', &head);
        struct str name = str_cut(line, ':', &value);
        if (value.p && response->header_count < lines)
            response->headers[response->header_count++] =
                (struct http_header){str_trim(name), str_trim(value)};
    }
    response->body = arena_str(arena, buf_str(&t->body));
}
