#include "tests/unit/support/script_server.h"

#include "base/buf.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, REQUESTS_MAX = 65536 };

struct script_server {
    int listener, stop_pipe[2];
    char url[64];
    pthread_t acceptor;
    struct script_step *steps;
    int *used;
    size_t step_count;

    pthread_mutex_t lock;
    struct script_request *requests[REQUESTS_MAX];
    size_t request_count;
    pthread_t connections[CONNECTIONS_MAX];
    size_t connection_count;
};

struct connection {
    struct script_server *server;
    int fd;
};

/* false: the server stops or the peer went away */
static bool wait_readable(struct script_server *server, int fd)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = server->stop_pipe[0], .events = POLLIN}};
    while (poll(fds, 2, -1) < 0)
        ;
    return !(fds[1].revents);
}

static bool is_idle_for(struct script_server *server, int fd, int ms)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = server->stop_pipe[0], .events = POLLIN}};
    return poll(fds, 2, ms) == 0;
}

static bool read_more(struct script_server *server, int fd, struct buf *in)
{
    char bytes[65536];
    if (!wait_readable(server, fd))
        return false;
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n <= 0)
        return false;
    buf_add(in, bytes, (size_t)n);
    return true;
}

static void send_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

const char *script_request_header(const struct script_request *request, const char *name)
{
    static _Thread_local char value[4096];
    size_t n = strlen(name);
    for (const char *line = strstr(request->head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, n) || line[n] != ':')
            continue;
        line += n + 1;
        line += strspn(line, " ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r"), line);
        return value;
    }
    return "";
}

static struct script_request *parse_head(const char *head, size_t n)
{
    struct script_request *r = mem_zalloc(sizeof *r);
    r->head = mem_memdup0(head, n);
    size_t method = strcspn(r->head, " ");
    const char *target = r->head + method + 1;
    r->method = mem_memdup0(r->head, method);
    r->target = mem_memdup0(target, strcspn(target, " "));
    return r;
}

/* The next request on this connection, NULL at its end. */
static struct script_request *read_request(struct script_server *server, int fd, struct buf *in)
{
    char *end;
    while (!in->p || !(end = strstr(in->p, "\r\n\r\n")))
        if (!read_more(server, fd, in))
            return NULL;
    size_t head_n = (size_t)(end - in->p) + 4;
    struct script_request *r = parse_head(in->p, head_n);
    if (!strcasecmp(script_request_header(r, "Expect"), "100-continue"))
        send_all(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    size_t body_n = strtoul(script_request_header(r, "Content-Length"), NULL, 10);
    while (in->n < head_n + body_n)
        if (!read_more(server, fd, in))
            break;
    r->body_n = in->n - head_n < body_n ? in->n - head_n : body_n;
    r->body = mem_memdup0(in->p + head_n, r->body_n);
    AUTO_BUF struct buf rest = BUF_INIT;
    buf_add(&rest, in->p + head_n + r->body_n, in->n - head_n - r->body_n);
    buf_clear(in);
    buf_add_str(in, buf_str(&rest));
    return r;
}

static const struct script_step *choose(struct script_server *server, const struct script_request *r)
{
    static const struct script_step none = {.status = 599, .body = "no step of the script is for this"};
    char line[4096];
    snprintf(line, sizeof line, "%s %s", r->method, r->target);
    for (size_t i = 0; i < server->step_count; i++) {
        const struct script_step *step = &server->steps[i];
        if ((step->uses && server->used[i] >= step->uses) ||
            (step->match && strncmp(line, step->match, strlen(step->match))))
            continue;
        server->used[i]++;
        return step;
    }
    return &none;
}

static void trickle(struct connection *c, const char *body)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    send_all(c->fd, head, sizeof head - 1);
    for (size_t i = 0, n = strlen(body); is_idle_for(c->server, c->fd, 20); i++)
        send_all(c->fd, body + i % n, 1);
}

/* false: this connection is over */
static bool answer(struct connection *c, const struct script_step *step, const struct script_request *r)
{
    const char *body = step->action == SCRIPT_ECHO ? r->body : step->body ? step->body : "";
    size_t n = step->action == SCRIPT_ECHO ? r->body_n : step->body_n ? step->body_n : strlen(body);
    if (step->action == SCRIPT_RESET) {
        struct linger reset = {1, 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        return false;
    }
    if (step->action == SCRIPT_CLOSE)
        return false;
    if (step->action == SCRIPT_HANG) {
        AUTO_BUF struct buf ignored = BUF_INIT;
        while (read_more(c->server, c->fd, &ignored))
            ;
        return false;
    }
    if (step->action == SCRIPT_TRICKLE) {
        trickle(c, body);
        return false;
    }
    if (step->action == SCRIPT_RAW) {
        send_all(c->fd, body, n);
        return false;
    }
    AUTO_BUF struct buf out = BUF_INIT;
    const char *headers = step->headers ? step->headers : "";
    buf_addf(&out, "HTTP/1.1 %d Scripted\r\n%s%s", step->status ? step->status : 200, headers,
        step->close ? "Connection: close\r\n" : "");
    if (!strstr(headers, "Content-Length:")) /* as of a HEAD: newer libcurls take no two that differ */
        buf_addf(&out, "Content-Length: %zu\r\n", n);
    buf_addf(&out, "\r\n");
    if (strcmp(r->method, "HEAD"))
        buf_add(&out, body, step->action == SCRIPT_TRUNCATE ? n / 2 : n);
    send_all(c->fd, out.p, out.n);
    return !step->close && step->action != SCRIPT_TRUNCATE;
}

static void *serve_connection(void *arg)
{
    struct connection *c = arg;
    AUTO_BUF struct buf in = BUF_INIT;
    for (struct script_request *r; (r = read_request(c->server, c->fd, &in));) {
        pthread_mutex_lock(&c->server->lock);
        assert(c->server->request_count < REQUESTS_MAX);
        c->server->requests[c->server->request_count++] = r;
        const struct script_step *step = choose(c->server, r);
        pthread_mutex_unlock(&c->server->lock);
        if (!answer(c, step, r))
            break;
    }
    close(c->fd);
    free(c);
    return NULL;
}

static void *accept_connections(void *arg)
{
    struct script_server *server = arg;
    while (wait_readable(server, server->listener)) {
        struct connection *c = mem_alloc(sizeof *c);
        *c = (struct connection){server, accept(server->listener, NULL, NULL)};
        pthread_mutex_lock(&server->lock);
        assert(server->connection_count < CONNECTIONS_MAX);
        pthread_create(&server->connections[server->connection_count++], NULL, serve_connection, c);
        pthread_mutex_unlock(&server->lock);
    }
    return NULL;
}

struct script_server *script_server_start(const struct script_step *steps, size_t n)
{
    struct script_server *server = mem_zalloc(sizeof *server);
    server->steps = mem_alloc(n * sizeof *steps);
    if (n)
        memcpy(server->steps, steps, n * sizeof *steps);
    server->used = mem_zalloc(n * sizeof *server->used);
    server->step_count = n;
    pthread_mutex_init(&server->lock, NULL);
    int ok = pipe(server->stop_pipe);
    assert(ok == 0);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    ok = bind(server->listener, (struct sockaddr *)&address, size) || listen(server->listener, 1024) ||
         getsockname(server->listener, (struct sockaddr *)&address, &size);
    assert(ok == 0);
    (void)ok;
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    pthread_create(&server->acceptor, NULL, accept_connections, server);
    return server;
}

void script_server_stop(struct script_server *server)
{
    ssize_t n = write(server->stop_pipe[1], "x", 1);
    assert(n == 1);
    (void)n;
    pthread_join(server->acceptor, NULL);
    for (size_t i = 0; i < server->connection_count; i++)
        pthread_join(server->connections[i], NULL);
    for (size_t i = 0; i < server->request_count; i++) {
        struct script_request *r = server->requests[i];
        free(r->method);
        free(r->target);
        free(r->head);
        free(r->body);
        free(r);
    }
    close(server->listener);
    close(server->stop_pipe[0]);
    close(server->stop_pipe[1]);
    pthread_mutex_destroy(&server->lock);
    free(server->steps);
    free(server->used);
    free(server);
}

const char *script_server_url(const struct script_server *server)
{
    return server->url;
}

size_t script_server_count(struct script_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t n = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return n;
}

size_t script_server_connections(struct script_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t n = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return n;
}

const struct script_request *script_server_request(struct script_server *server, size_t index)
{
    pthread_mutex_lock(&server->lock);
    assert(index < server->request_count);
    const struct script_request *r = server->requests[index];
    pthread_mutex_unlock(&server->lock);
    return r;
}
