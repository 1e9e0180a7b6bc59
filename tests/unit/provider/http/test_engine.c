/* The engine against a scripted server: what goes over the wire, what comes back, what each failure becomes.
 */
#include "base/mem.h"
#include "provider/http/http.h"
#include "tests/unit/support/manual_clock.h"
#include "tests/unit/support/script_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct http_engine *engine;
    struct script_server *server;
    struct arena arena;
    struct buf trace;
};

static void keep_line(void *ctx, const char *line)
{
    struct buf *trace = ctx;
    buf_addf(trace, "%s\n", line);
}

static void start(struct fixture *f, const struct script_step *steps, size_t n, int trace)
{
    *f = (struct fixture){0};
    f->server = script_server_start(steps, n);
    struct http_options options = {.trace = trace, .trace_line = keep_line, .trace_ctx = &f->trace};
    struct err err = ERR_INIT;
    assert_int_equal(http_engine_new(&options, &f->engine, &err), 0);
}

static void stop(struct fixture *f)
{
    http_engine_free(f->engine);
    script_server_stop(f->server);
    arena_release(&f->arena);
    buf_release(&f->trace);
}

#define START(f, trace, ...)                                                                                 \
    struct fixture f;                                                                                        \
    const struct script_step steps_[] = {__VA_ARGS__};                                                       \
    start(&f, steps_, sizeof steps_ / sizeof *steps_, trace)

static struct http_request request_to(struct fixture *f, const char *method, const char *target)
{
    return (struct http_request){.method = str_z(method),
        .url = arena_printf(&f->arena, "%s%s", script_server_url(f->server), target)};
}

static void assert_str(struct str have, const char *want)
{
    if (!str_eqz(have, want))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(have), want);
}

static void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" does not contain \"%s\"", text ? text : "", part);
}

static void assert_lacks(const char *text, const char *part)
{
    if (text && strstr(text, part))
        fail_msg("\"%s\" contains \"%s\"", text, part);
}

static struct http_response must_send(struct fixture *f, const struct http_request *request)
{
    struct http_response response;
    struct err err = ERR_INIT;
    if (http_send(f->engine, request, &f->arena, &response, &err))
        fail_msg("%s", err.message);
    return response;
}

static struct err must_fail(struct fixture *f, const struct http_request *request)
{
    struct http_response response;
    struct err err = ERR_INIT;
    assert_int_equal(http_send(f->engine, request, &f->arena, &response, &err), -1);
    return err;
}

static void gets_status_headers_and_body(void **state)
{
    (void)state;
    START(f, 0, {.status = 404, .headers = "X-Amzn-RequestId:  r-1 \r\nEmpty:\r\n", .body = "no such thing"});
    struct http_request request = request_to(&f, "GET", "/a%20b/../c//d?versioning");
    struct http_response response = must_send(&f, &request);
    assert_int_equal(response.status, 404);
    assert_str(response.body, "no such thing");
    assert_str(http_header_get(&response, "x-amzn-requestid"), "r-1");
    assert_str(http_header_get(&response, "Empty"), "");
    assert_str(http_header_get(&response, "Absent"), "");
    assert_string_equal(script_server_request(f.server, 0)->target, "/a%20b/../c//d?versioning");
    assert_int_equal(http_engine_requests(f.engine), 1);
    stop(&f);
}

static void sends_headers_as_given_and_none_of_its_own(void **state)
{
    (void)state;
    START(f, 0, {0});
    const struct http_header headers[] = {{STR("Host"), STR("bucket.example.com")},
        {STR("X-Empty"), STR_EMPTY}, {STR("X-Two"), STR("a, b;  c")}};
    struct http_request request = request_to(&f, "POST", "/");
    request.headers = headers;
    request.header_count = 3;
    request.body = STR("Action=X&Version=1");
    must_send(&f, &request);
    const struct script_request *seen = script_server_request(f.server, 0);
    assert_string_equal(script_request_header(seen, "Host"), "bucket.example.com");
    assert_string_equal(script_request_header(seen, "X-Two"), "a, b;  c");
    assert_contains(seen->head, "X-Empty:\r\n");
    assert_contains(seen->head, "User-Agent: weir/");
    assert_contains(seen->head, "Content-Length: 18\r\n");
    assert_lacks(seen->head, "Content-Type");
    assert_lacks(seen->head, "Accept");
    assert_lacks(seen->head, "Expect");
    assert_string_equal(seen->body, "Action=X&Version=1");
    stop(&f);
}

static void every_method_has_the_right_frame(void **state)
{
    (void)state;
    START(f, 0, {.body = "abc"});
    static const struct {
        const char *method, *body, *length; /* length "": no such header */
    } cases[] = {{"GET", "", ""}, {"DELETE", "", ""}, {"PUT", "", "0"}, {"POST", "", "0"},
        {"PATCH", "x", "1"}, {"DELETE", "yy", "2"}, {"GET", "zzz", "3"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request request = request_to(&f, cases[i].method, "/x");
        request.body = str_z(cases[i].body);
        assert_str(must_send(&f, &request).body, "abc");
        const struct script_request *seen = script_server_request(f.server, i);
        assert_string_equal(seen->method, cases[i].method);
        assert_string_equal(seen->body, cases[i].body);
        assert_string_equal(script_request_header(seen, "Content-Length"), cases[i].length);
    }
    struct http_request head = request_to(&f, "HEAD", "/x");
    head.discard_body = true;
    struct http_response response = must_send(&f, &head);
    assert_str(response.body, "");
    assert_str(http_header_get(&response, "Content-Length"), "3");
    assert_int_equal(script_server_connections(f.server), 1); /* all on one connection */
    stop(&f);
}

static int temporary_file(const char *text, size_t n)
{
    char path[] = "/tmp/weir-engine-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, text, n), n);
    return fd;
}

static void uploads_a_range_of_a_file(void **state)
{
    (void)state;
    START(f, 0, {.action = SCRIPT_ECHO});
    size_t n = 3 * 1024 * 1024;
    char *text = mem_alloc(n);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)('a' + i % 23);
    int fd = temporary_file(text, n);
    struct http_request request = request_to(&f, "PUT", "/bucket/key");
    request.body_fd = fd;
    request.body_offset = 5;
    request.body_length = (int64_t)n - 12;
    struct http_response response = must_send(&f, &request);
    assert_int_equal(response.body.n, n - 12);
    assert_memory_equal(response.body.p, text + 5, n - 12);
    assert_string_equal(script_request_header(script_server_request(f.server, 0), "Expect"), "100-continue");
    request.body_length = 100;
    assert_int_equal(must_send(&f, &request).body.n, 100);
    assert_string_equal(script_request_header(script_server_request(f.server, 1), "Expect"), "");
    request.body_length = (int64_t)n; /* more than there is */
    struct err err = must_fail(&f, &request);
    assert_int_equal(err.class, ERR_IO);
    assert_contains(err.message, "became shorter");
    close(fd);
    free(text);
    stop(&f);
}

static int to_buf(void *ctx, const void *bytes, size_t n)
{
    buf_add(ctx, bytes, n);
    return 0;
}

static int refuse(void *ctx, const void *bytes, size_t n)
{
    (void)ctx;
    (void)bytes;
    (void)n;
    return -1;
}

static void a_sink_takes_good_bodies_only(void **state)
{
    (void)state;
    START(f, 0, {.match = "GET /good", .body = "stored"}, {.status = 403, .body = "<Error/>"});
    AUTO_BUF struct buf taken = BUF_INIT;
    struct http_request request = request_to(&f, "GET", "/good");
    request.sink = to_buf;
    request.sink_ctx = &taken;
    assert_str(must_send(&f, &request).body, "");
    assert_str(buf_str(&taken), "stored");
    struct http_request bad = request_to(&f, "GET", "/bad");
    bad.sink = to_buf;
    bad.sink_ctx = &taken;
    assert_str(must_send(&f, &bad).body, "<Error/>");
    assert_str(buf_str(&taken), "stored");
    request.sink = refuse;
    assert_int_equal(must_fail(&f, &request).class, ERR_IO);
    stop(&f);
}

static int note_signals(void *ctx, const void *bytes, size_t n)
{
    (void)bytes;
    (void)n;
    pthread_sigmask(SIG_BLOCK, NULL, ctx);
    return 0;
}

/* Ctrl-C is for the main thread; a TLS connection that the peer closed must not end the program. */
static void the_network_thread_takes_no_signals(void **state)
{
    (void)state;
    START(f, 0, {.body = "x"});
    sigset_t there, here;
    struct http_request request = request_to(&f, "GET", "/");
    request.sink = note_signals;
    request.sink_ctx = &there;
    must_send(&f, &request);
    assert_true(sigismember(&there, SIGINT) && sigismember(&there, SIGPIPE) && sigismember(&there, SIGTERM));
    pthread_sigmask(SIG_BLOCK, NULL, &here);
    assert_false(sigismember(&here, SIGINT));
    stop(&f);
}

static void answers_are_bounded(void **state)
{
    (void)state;
    START(f, 0, {.body = "0123456789"});
    struct http_request request = request_to(&f, "GET", "/");
    request.max_response = 10;
    assert_int_equal(must_send(&f, &request).body.n, 10);
    request.max_response = 9;
    struct err err = must_fail(&f, &request);
    assert_int_equal(err.class, ERR_PROTOCOL);
    assert_contains(err.message, "larger than 9 bytes");
    assert_false(err.retryable);
    stop(&f);
}

static void redirects_are_not_followed(void **state)
{
    (void)state;
    START(f, 0, {.status = 301, .headers = "Location: /elsewhere\r\n"});
    struct http_request request = request_to(&f, "GET", "/");
    assert_int_equal(must_send(&f, &request).status, 301);
    assert_int_equal(script_server_count(f.server), 1);
    stop(&f);
}

/* The timeout comes while the clock that weir itself goes by stands still. */
static void failures_have_class_and_words(void **state)
{
    (void)state;
    manual_clock_install(0);
    START(f, 0, {.match = "GET /reset", .action = SCRIPT_RESET},
        {.match = "GET /close", .action = SCRIPT_CLOSE},
        {.match = "GET /cut", .action = SCRIPT_TRUNCATE, .body = "0123456789"},
        {.match = "GET /head", .action = SCRIPT_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Type: text/xml"},
        {.match = "GET /line", .action = SCRIPT_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n"},
        {.match = "GET /chunk",
            .action = SCRIPT_RAW,
            .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"},
        {.match = "GET /smtp", .action = SCRIPT_RAW, .body = "220 mail ready\r\n"},
        {.match = "GET /hang", .action = SCRIPT_HANG});
    static const struct {
        const char *target;
        enum err_class class;
        const char *message;
    } cases[] = {{"/reset", ERR_NETWORK, "was lost: connection reset by peer"},
        {"/close", ERR_NETWORK, "closed the connection without an answer"},
        {"/cut", ERR_NETWORK, "cut short after 5 of 10 bytes"}, {"/head", ERR_NETWORK, "was cut short"},
        {"/line", ERR_NETWORK, "was cut short"}, {"/chunk", ERR_NETWORK, "was cut short"},
        {"/smtp", ERR_PROTOCOL, "does not answer in HTTP"}, {"/hang", ERR_TIMEOUT, "did not answer in time"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_request request = request_to(&f, "GET", cases[i].target);
        struct err err;
        size_t asked = script_server_count(f.server);
        for (int64_t ms = 50; script_server_count(f.server) == asked; ms *= 2) {
            request.deadline_ms = cases[i].class == ERR_TIMEOUT ? ms : 0; /* enough to be asked in */
            err = must_fail(&f, &request);
        }
        assert_int_equal(err.class, cases[i].class);
        assert_contains(err.message, cases[i].message);
        assert_contains(err.message, "127.0.0.1:");
        if (err.class == ERR_TIMEOUT)
            assert_contains(err.hint, "it takes connections");
        assert_false(err.retryable); /* it may have been carried out */
        assert_true(err.lost);
    }
    stop(&f);
    manual_clock_remove();
}

/* Something always comes, but never enough of it: in all, or a second. */
static void an_answer_that_trickles_comes_to_an_end(void **state)
{
    (void)state;
    START(f, 0, {.action = SCRIPT_TRICKLE, .body = "<a/>"});
    struct http_request request = request_to(&f, "GET", "/");
    request.deadline_ms = 300;
    struct err err = must_fail(&f, &request);
    assert_int_equal(err.class, ERR_TIMEOUT);
    assert_contains(err.message, "answers too slowly: ");
    assert_true(err.lost);
    request.deadline_ms = 0;
    request.min_rate = 100;
    request.timeout_ms = 1000;
    assert_contains(must_fail(&f, &request).message, "answers too slowly: ");
    stop(&f);
}

static void a_refused_connection_says_so(void **state)
{
    (void)state;
    START(f, 0, {0});
    int deaf = socket(AF_INET, SOCK_STREAM, 0); /* nobody else gets its port */
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(deaf, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(deaf, (struct sockaddr *)&address, &size), 0);
    int port = ntohs(address.sin_port);
    struct http_request request = {
        .method = STR("GET"), .url = arena_printf(&f.arena, "http://127.0.0.1:%d/", port)};
    struct err err = must_fail(&f, &request);
    assert_int_equal(err.class, ERR_NETWORK);
    assert_str(str_z(err.message),
        arena_printf(&f.arena, "cannot connect to 127.0.0.1:%d: connection refused", port).p);
    assert_contains(err.hint, "nothing listens there");
    assert_true(err.retryable && !err.lost);
    close(deaf);
    stop(&f);
}

static void plain_http_stays_on_this_machine(void **state)
{
    (void)state;
    START(f, 0, {0});
    static const char *const far[] = {
        "http://192.0.2.1/", "http://localhost.example.com/", "http://127.1/", "http://[2001:db8::1]:80/"};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        struct http_request request = {.method = STR("GET"), .url = str_z(far[i])};
        struct err err = must_fail(&f, &request);
        assert_int_equal(err.class, ERR_INVALID);
        assert_contains(err.message, "plain HTTP");
        assert_contains(err.hint, "insecure: true");
    }
    static const char *const bad[] = {"ftp://127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1\\@h/",
        "http://127.0.0.1:99999/", "http:///x", "http://127.0.0.1/a b", "http://127.0.0.1/a\r\nX: y"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_request request = {.method = STR("GET"), .url = str_z(bad[i])};
        assert_int_equal(must_fail(&f, &request).class, ERR_INVALID);
    }
    const struct http_header split[] = {{STR("X-A"), STR("b\r\nX-C: d")}, {STR("X-A: b\r\nX-C"), STR("d")},
        {STR("X-A:b"), STR("c")}, {STR(""), STR("b")}};
    for (size_t i = 0; i < sizeof split / sizeof *split; i++) {
        struct http_request request = request_to(&f, "GET", "/");
        request.headers = &split[i];
        request.header_count = 1;
        assert_int_equal(must_fail(&f, &request).class, ERR_INVALID);
    }
    assert_int_equal(script_server_count(f.server), 0);
    stop(&f);
}

/* A proxy in the environment is for the outside. */
static void loopback_needs_no_proxy(void **state)
{
    (void)state;
    setenv("http_proxy", "http://192.0.2.1:1", 1);
    START(f, 0, {.body = "direct"});
    struct http_request request = request_to(&f, "GET", "/");
    assert_str(must_send(&f, &request).body, "direct");
    unsetenv("http_proxy");
    stop(&f);
}

static void a_proxy_is_used_for_the_outside(void **state)
{
    (void)state;
    START(f, 0, {.match = "GET http://far.example/x", .body = "by proxy"});
    setenv("http_proxy", script_server_url(f.server), 1);
    struct http_request request = {
        .method = STR("GET"), .url = STR("http://far.example/x"), .insecure_ok = true};
    assert_str(must_send(&f, &request).body, "by proxy");
    unsetenv("http_proxy");
    stop(&f);
}

struct cancel_later {
    struct script_server *server;
    atomic_bool *flag;
};

static void *set_flag(void *arg)
{
    struct cancel_later *c = arg;
    while (!script_server_count(c->server))
        usleep(1000);
    atomic_store(c->flag, true);
    return NULL;
}

static void a_set_flag_ends_the_wait(void **state)
{
    (void)state;
    START(f, 0, {.action = SCRIPT_HANG});
    atomic_bool flag = false;
    struct cancel_later later = {f.server, &flag};
    pthread_t thread;
    pthread_create(&thread, NULL, set_flag, &later);
    struct http_request request = request_to(&f, "GET", "/");
    request.cancel = &flag;
    assert_int_equal(must_fail(&f, &request).class, ERR_INTERRUPTED);
    pthread_join(thread, NULL);
    assert_int_equal(must_fail(&f, &request).class, ERR_INTERRUPTED); /* not even begun */
    assert_int_equal(script_server_count(f.server), 1);
    stop(&f);
}

/* The server closes idle connections; libcurl finds out only when it writes. */
static void a_dead_connection_is_replaced(void **state)
{
    (void)state;
    START(f, 0, {.match = "GET /1", .body = "one"}, {.match = "GET /2", .uses = 1, .action = SCRIPT_CLOSE},
        {.match = "GET /2", .body = "two"});
    struct http_request first = request_to(&f, "GET", "/1"), second = request_to(&f, "GET", "/2");
    second.repeatable = true;
    assert_str(must_send(&f, &first).body, "one");
    assert_str(must_send(&f, &second).body, "two");
    assert_int_equal(script_server_connections(f.server), 2);
    stop(&f);
}

/* Whatever the method, with a body or without. */
static void what_must_not_be_sent_twice_is_not(void **state)
{
    (void)state;
    START(f, 0, {.match = "GET / ", .body = "one"}, {.match = "GET /read", .uses = 1, .action = SCRIPT_CLOSE},
        {.match = "POST /close", .action = SCRIPT_CLOSE}, {.match = "PUT /close", .action = SCRIPT_CLOSE},
        {.match = "DELETE /close", .action = SCRIPT_CLOSE}, {.match = "GET /close", .action = SCRIPT_CLOSE},
        {.match = "POST /reset", .action = SCRIPT_RESET}, {.match = "DELETE /reset", .action = SCRIPT_RESET},
        {.action = SCRIPT_ECHO});
    static const struct {
        const char *method, *target, *body;
    } cases[] = {{"POST", "/close", "Action=CreateVpc"}, {"POST", "/close", ""}, {"PUT", "/close", "x"},
        {"PUT", "/close", ""}, {"DELETE", "/close", ""}, {"GET", "/close", ""}, {"POST", "/reset", "x"},
        {"POST", "/reset", ""}, {"DELETE", "/reset", ""}};
    struct http_request first = request_to(&f, "GET", "/ ");
    first.url.n--;
    size_t asked = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_send(&f, &first); /* there is a connection to reuse */
        struct http_request once = request_to(&f, cases[i].method, cases[i].target);
        once.body = str_z(cases[i].body);
        struct err err = must_fail(&f, &once);
        assert_int_equal(err.class, ERR_NETWORK);
        assert_true(err.lost && !err.retryable);
        assert_int_equal(script_server_count(f.server), asked += 2);
    }
    must_send(&f, &first);
    struct http_request fine = request_to(&f, "POST", "/");
    fine.body = STR("Action=CreateSubnet");
    assert_str(must_send(&f, &fine).body, "Action=CreateSubnet");
    struct http_request read = request_to(&f, "GET", "/read");
    read.repeatable = true;
    must_send(&f, &read);
    assert_int_equal(script_server_count(f.server), asked + 4);
    stop(&f);
}

/* A server that ends every connection must not cost a retry or a wait. */
static void connection_close_is_no_trouble(void **state)
{
    (void)state;
    START(f, 0, {.body = "x", .close = true});
    for (int i = 0; i < 200; i++) {
        struct http_request request = request_to(&f, "PUT", "/");
        assert_str(must_send(&f, &request).body, "x");
    }
    assert_int_equal(script_server_count(f.server), 200);
    stop(&f);
}

enum { THREADS = 24, EACH = 100 };

static void *send_many(void *arg)
{
    struct fixture *f = arg;
    for (int i = 0; i < EACH; i++) {
        struct arena arena = ARENA_INIT;
        struct str body = arena_printf(&arena, "%p %d", (void *)&arena, i);
        struct http_request request = {
            .method = STR("POST"), .url = str_z(script_server_url(f->server)), .body = body};
        struct http_response response;
        struct err err = ERR_INIT;
        bool same = !http_send(f->engine, &request, &arena, &response, &err) && str_eq(response.body, body);
        arena_release(&arena);
        if (!same)
            return "failed";
    }
    return NULL;
}

static void many_threads_share_an_engine(void **state)
{
    (void)state;
    START(f, 1, {.action = SCRIPT_ECHO});
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, send_many, &f);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(http_engine_requests(f.engine), THREADS * EACH);
    assert_int_equal(script_server_count(f.server), THREADS * EACH);
    assert_true(script_server_connections(f.server) <= THREADS);
    stop(&f);
}

static void one_thread_keeps_many_on_their_way(void **state)
{
    (void)state;
    START(f, 1, {.match = "GET /hang", .action = SCRIPT_HANG}, {.match = "GET /gone", .action = SCRIPT_CLOSE},
        {.action = SCRIPT_ECHO});
    enum { MANY = 100 /* more than there may be connections */ };
    struct http_request requests[MANY + 3];
    struct http_exchange exchanges[MANY + 3];
    struct http_queue queue;
    atomic_bool cancel = false;
    size_t echoed = 0, failed[ERR_CLASS_COUNT] = {0};
    http_queue_init(&queue, f.engine);
    assert_null(http_queue_next(&queue, -1)); /* nothing to wait for */
    for (size_t i = 0; i < MANY + 3; i++) {
        requests[i] = request_to(&f, "POST", "/x");
        requests[i].body = arena_printf(&f.arena, "body %zu", i);
    }
    requests[MANY] = request_to(&f, "GET", "/hang");
    requests[MANY].cancel = &cancel;
    requests[MANY + 1] = request_to(&f, "GET", "/gone");
    requests[MANY + 2].url = STR("http://192.0.2.1/"); /* refused before it is sent */
    for (size_t i = 0; i < MANY + 3; i++) {
        exchanges[i] =
            (struct http_exchange){.request = &requests[i], .arena = &f.arena, .owner = &requests[i]};
        http_queue_add(&queue, &exchanges[i]);
    }
    for (size_t i = 0; i < MANY + 2; i++) {
        struct http_exchange *over = http_queue_next(&queue, -1);
        assert_non_null(over);
        assert_ptr_equal(over->owner, over->request);
        echoed += !over->result && str_eq(over->response.body, over->request->body);
        failed[over->err.class]++;
    }
    assert_int_equal(echoed, MANY);
    assert_int_equal(failed[ERR_NETWORK], 1);
    assert_int_equal(failed[ERR_INVALID], 1);
    assert_null(http_queue_next(&queue, 1));
    cancel = true;
    assert_int_equal(http_queue_next(&queue, -1)->err.class, ERR_INTERRUPTED);
    http_queue_release(&queue);
    stop(&f);
}

static void traces_hide_secrets(void **state)
{
    (void)state;
    START(f, 2, {.headers = "X-Id: 7\r\n", .body = "{\"SecretString\": \"hunter2\", \"Name\": \"db\"}"});
    const struct http_header headers[] = {{STR("Authorization"), STR("AWS4-HMAC-SHA256 Signature=hunter3")},
        {STR("X-Amz-Security-Token"), STR("hunter4")}, {STR("X-Amz-Date"), STR("20261121T000000Z")}};
    struct http_request request = request_to(&f, "POST", "/?X-Amz-Signature=hunter5&X-Amz-Expires=60");
    request.headers = headers;
    request.header_count = 3;
    request.body = STR("Action=CreateDBInstance&MasterUserPassword=hunter6&Engine=postgres");
    request.attempt = 2;
    request.label = STR("rds.CreateDBInstance");
    must_send(&f, &request);
    const char *trace = f.trace.p;
    assert_lacks(trace, "hunter");
    assert_contains(trace, "POST http://127.0.0.1:");
    assert_contains(trace, "/?X-Amz-Signature=(redacted)&X-Amz-Expires=60 rds.CreateDBInstance 200 ");
    assert_contains(trace, " ms attempt 2\n");
    assert_contains(trace, "> Authorization: (redacted)\n");
    assert_contains(trace, "> X-Amz-Date: 20261121T000000Z\n");
    assert_contains(trace, "> Action=CreateDBInstance&MasterUserPassword=(redacted)&Engine=postgres\n");
    assert_contains(trace, "< X-Id: 7\n");
    assert_contains(trace, "< {\"SecretString\": \"(redacted)\", \"Name\": \"db\"}\n");
    buf_clear(&f.trace);
    request.sensitive = true;
    must_send(&f, &request);
    assert_lacks(f.trace.p, "Engine");
    assert_contains(f.trace.p, "bytes, not shown");
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_status_headers_and_body),
        cmocka_unit_test(sends_headers_as_given_and_none_of_its_own),
        cmocka_unit_test(every_method_has_the_right_frame),
        cmocka_unit_test(uploads_a_range_of_a_file),
        cmocka_unit_test(a_sink_takes_good_bodies_only),
        cmocka_unit_test(the_network_thread_takes_no_signals),
        cmocka_unit_test(answers_are_bounded),
        cmocka_unit_test(redirects_are_not_followed),
        cmocka_unit_test(failures_have_class_and_words),
        cmocka_unit_test(an_answer_that_trickles_comes_to_an_end),
        cmocka_unit_test(a_refused_connection_says_so),
        cmocka_unit_test(plain_http_stays_on_this_machine),
        cmocka_unit_test(loopback_needs_no_proxy),
        cmocka_unit_test(a_proxy_is_used_for_the_outside),
        cmocka_unit_test(a_set_flag_ends_the_wait),
        cmocka_unit_test(a_dead_connection_is_replaced),
        cmocka_unit_test(what_must_not_be_sent_twice_is_not),
        cmocka_unit_test(connection_close_is_no_trouble),
        cmocka_unit_test(many_threads_share_an_engine),
        cmocka_unit_test(one_thread_keeps_many_on_their_way),
        cmocka_unit_test(traces_hide_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
