/* Checks of Host and Origin; open connections and their deadlines: see server.h. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/threads.h"
#include "provider/http/target.h"
#include "sandbox/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>

/* ---- Host and Origin ---- */

/* Parses "name:port" or "[v6]:port". */
static bool parse_host(struct arena *arena, struct str header, struct http_target *target)
{
    struct str url = arena_printf(arena, "http://%.*s/", STR_ARG(header));
    return !http_target_parse(url, target, ERR_IGNORED) && str_eqz(target->rest, "/") &&
           target->authority.n == header.n;
}

static bool is_address(struct arena *arena, struct str host)
{
    struct in6_addr address;
    const char *text = arena_strz(arena, host);
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* True if host is `name` or LABEL.name; *label is the part before, or "". */
static bool is_below(struct str host, struct str name, struct str *label)
{
    *label = STR_EMPTY;
    if (host.n < name.n || !str_ieq(str_slice(host, host.n - name.n, host.n), name))
        return false;
    if (host.n == name.n)
        return true;
    if (host.p[host.n - name.n - 1] != '.')
        return false;
    *label = str_slice(host, 0, host.n - name.n - 1);
    return true;
}

static bool guard_is_named(const struct guard *guard, struct str host, struct str *label)
{
    if (is_below(host, STR("localhost"), label))
        return true;
    for (size_t i = 0; i < guard->host_count; i++)
        if (is_below(host, guard->hosts[i], label))
            return true;
    return false;
}

struct str guard_label(const struct guard *guard, struct str header)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct http_target target;
    struct str label;
    if (!parse_host(&scratch, header, &target) || !guard_is_named(guard, target.host, &label))
        return STR_EMPTY;
    return str_slice(header, 0, label.n); /* points into the header, which outlives `scratch` */
}

static bool check_host(const struct guard *guard, struct str header)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct http_target target;
    struct str label;
    return parse_host(&scratch, header, &target) &&
           (target.loopback || guard_is_named(guard, target.host, &label) ||
               (guard->any_address && is_address(&scratch, target.host)));
}

/* True if the page was served by this sandbox. */
static bool is_own_origin(struct str origin, struct str host)
{
    static const struct str scheme = STR_INIT("http://");
    return str_starts(origin, scheme) && str_ieq(str_slice(origin, scheme.n, origin.n), host);
}

const struct fault *guard_framing(const struct wire_message *request)
{
    static const struct fault names = {400, "InvalidRequest",
                                  "The name of a header is a word, and its colon follows at once."},
                              ends = {400, "InvalidRequest",
                                  "A request says once how long it is: by one Content-Length, a number, or "
                                  "by Transfer-Encoding: chunked."};
    size_t lengths = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name, value = str_trim(request->headers[i].value);
        bool length = str_ieq(name, STR("Content-Length")), coded = str_ieq(name, STR("Transfer-Encoding"));
        if (!str_is_made_of(name, CHARS_ALNUM "!#$%&'*+-.^_`|~"))
            return &names;
        if ((length && !str_is_digits(value)) || (coded && !str_ieq(value, STR("chunked"))))
            return &ends;
        lengths += length || coded;
    }
    return lengths > 1 ? &ends : NULL;
}

const struct fault *guard_check(const struct guard *guard, const struct wire_message *request)
{
    static const struct fault
        hosts = {400, "InvalidRequest", "A request has one Host header."},
        stranger = {403, "AccessDenied",
            "The sandbox is not called by this host name: it answers to localhost, "
            "names below it and addresses of its own; `weir sandbox --host NAME` adds "
            "one."},
        page = {403, "AccessDenied",
            "The sandbox does not answer web pages of other origins. A link is opened by "
            "itself: from the address bar."};
    struct str host = STR_EMPTY;
    size_t host_count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        if (str_ieq(request->headers[i].name, STR("Host"))) {
            host = str_trim(request->headers[i].value);
            host_count++;
        }
    if (host_count != 1)
        return &hosts;
    if (!check_host(guard, host))
        return &stranger;
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = request->headers[i].name, value = str_trim(request->headers[i].value);
        bool site = str_ieq(name, STR("Sec-Fetch-Site"));
        if (site && !str_ieq(value, STR("same-origin")) && !str_ieq(value, STR("none")))
            return &page;
        if (str_ieq(name, STR("Origin")) && !is_own_origin(value, host))
            return &page;
    }
    return NULL;
}

enum {
    PATIENCE_MS = 30 * 1000,
    REST_MS = 120 * 1000,  /* limit of an idle connection between requests */
    RATE = 1024,           /* minimum rate of a body in bytes per second */
    CREEP_AFTER_MS = 2000, /* a body's rate is ignored at first */
    LOOK_MS = 500,
};

enum phase { PHASE_NEW, PHASE_HEAD, PHASE_BODY, PHASE_ANSWER, PHASE_REST };

struct http_connection {
    struct http_connection *next, *before;
    int fd;
    unsigned char address[16];
    bool here; /* from this machine, whose users share the address */
    enum phase phase;
    int64_t since_ms;
    uint64_t bytes; /* of the current body */
    bool ended;
};

struct http_connections {
    struct http_connections_options options;
    pthread_mutex_t lock; /* guards the members below */
    pthread_cond_t wake;
    struct http_connection *first;
    size_t n;
    bool stopping;
    pthread_t thread;
};

/* ---- deadlines ---- */

static int64_t due_ms(const struct http_connections *all, const struct http_connection *connection)
{
    int64_t patience = all->options.patience_ms;
    switch (connection->phase) {
    case PHASE_NEW:
    case PHASE_HEAD: return connection->since_ms + patience;
    case PHASE_BODY: return connection->since_ms + patience + (int64_t)(connection->bytes * 1000 / RATE);
    case PHASE_REST: return connection->since_ms + REST_MS;
    case PHASE_ANSWER: break;
    }
    return INT64_MAX;
}

static void connection_end(struct http_connection *connection)
{
    connection->ended = true;
    shutdown(connection->fd, SHUT_RDWR);
}

static void *keep_time(void *ctx)
{
    struct http_connections *all = ctx;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    while (!all->stopping) {
        int64_t now = clock_mono_ms();
        for (struct http_connection *connection = all->first; connection; connection = connection->next)
            if (!connection->ended && now >= due_ms(all, connection))
                connection_end(connection);
        clock_cond_wait(&all->wake, &all->lock, now + LOOK_MS);
    }
    return NULL;
}

int http_connections_new(
    const struct http_connections_options *options, struct http_connections **out, struct err *err)
{
    struct http_connections *all = mem_zalloc(sizeof *all);
    sigset_t every, before;
    all->options = *options;
    if (!all->options.patience_ms)
        all->options.patience_ms = PATIENCE_MS;
    pthread_mutex_init(&all->lock, NULL);
    clock_cond_init(&all->wake);
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, &before);
    int failed = pthread_create(&all->thread, NULL, keep_time, all);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(all);
        return err_set(err, ERR_FAILED, "cannot start a thread of the HTTP server");
    }
    *out = all;
    return 0;
}

void http_connections_free(struct http_connections *all)
{
    pthread_mutex_lock(&all->lock);
    all->stopping = true;
    pthread_cond_signal(&all->wake);
    pthread_mutex_unlock(&all->lock);
    pthread_join(all->thread, NULL);
    pthread_cond_destroy(&all->wake);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

/* ---- opening and closing ---- */

static void take_address(struct http_connection *connection, const struct sockaddr *from)
{
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
    if (from->sa_family == AF_INET) {
        const struct in_addr *v4 = &((const struct sockaddr_in *)(const void *)from)->sin_addr;
        memcpy(connection->address + 12, v4, sizeof *v4);
        memset(connection->address + 10, 0xff, 2);
    } else if (from->sa_family == AF_INET6) {
        memcpy(connection->address, v6, sizeof *v6);
    }
    struct in6_addr address;
    memcpy(&address, connection->address, sizeof address);
    connection->here =
        IN6_IS_ADDR_LOOPBACK(&address) || (IN6_IS_ADDR_V4MAPPED(&address) && connection->address[12] == 127);
}

static bool same_peer(const struct http_connection *a, const struct http_connection *b)
{
    return !memcmp(a->address, b->address, sizeof a->address);
}

/* Returns the priority for being closed; 0: must not be closed. */
static int connection_rank(const struct http_connection *connection, int64_t now)
{
    int64_t age = now - connection->since_ms;
    switch (connection->phase) {
    case PHASE_NEW:
    case PHASE_HEAD: return 3;
    case PHASE_BODY: return age > CREEP_AFTER_MS && (int64_t)connection->bytes * 1000 < age * RATE ? 2 : 0;
    case PHASE_REST: return 1;
    case PHASE_ANSWER: break;
    }
    return 0;
}

/* Chooses the connection to close for a new one, among its peer's or all; the new one itself if none can be
 * closed. */
static struct http_connection *choose(
    struct http_connections *all, struct http_connection *newcomer, bool of_peer)
{
    struct http_connection *chosen = newcomer;
    int64_t now = clock_mono_ms();
    int best = 0;
    for (struct http_connection *connection = all->first; connection; connection = connection->next) {
        if (connection == newcomer || connection->ended || (of_peer && !same_peer(connection, newcomer)))
            continue;
        int r = connection_rank(connection, now);
        if (r > best ||
            (r && r == best && connection->since_ms <= chosen->since_ms)) { /* the list is newest first */
            chosen = connection;
            best = r;
        }
    }
    return chosen;
}

static void make_room(struct http_connections *all, struct http_connection *newcomer)
{
    size_t own = 0, open = 0;
    for (const struct http_connection *connection = all->first; connection; connection = connection->next) {
        open += !connection->ended;
        own += !connection->ended && same_peer(connection, newcomer);
    }
    bool too_many = !newcomer->here && own > all->options.max / 2;
    if (too_many || open > all->options.max)
        connection_end(choose(all, newcomer, too_many));
}

struct http_connection *http_connection_opened(
    struct http_connections *all, int fd, const struct sockaddr *from)
{
    struct http_connection *connection = mem_zalloc(sizeof *connection);
    connection->fd = fd;
    connection->since_ms = clock_mono_ms();
    take_address(connection, from);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    connection->next = all->first;
    if (connection->next)
        connection->next->before = connection;
    all->first = connection;
    if (++all->n > all->options.max / 2)
        make_room(all, connection);
    return connection;
}

void http_connection_closed(struct http_connections *all, struct http_connection *connection)
{
    pthread_mutex_lock(&all->lock);
    *(connection->before ? &connection->before->next : &all->first) = connection->next;
    if (connection->next)
        connection->next->before = connection->before;
    all->n--;
    pthread_mutex_unlock(&all->lock);
    free(connection);
}

/* ---- phases ---- */

static void connection_enter(
    struct http_connections *all, struct http_connection *connection, enum phase phase)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    connection->phase = phase;
    connection->since_ms = clock_mono_ms();
    connection->bytes = 0;
}

void http_connection_request(struct http_connections *all, struct http_connection *connection)
{
    if (connection->phase != PHASE_NEW) /* the first request's time counts from the connection's start */
        connection_enter(all, connection, PHASE_HEAD);
}

void http_connection_received(struct http_connections *all, struct http_connection *connection, size_t n)
{
    if (connection->phase != PHASE_BODY)
        connection_enter(all, connection, PHASE_BODY);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&all->lock);
    connection->bytes += n;
}

void http_connection_responding(struct http_connections *all, struct http_connection *connection)
{
    connection_enter(all, connection, PHASE_ANSWER);
}

void http_connection_idle(struct http_connections *all, struct http_connection *connection)
{
    connection_enter(all, connection, PHASE_REST);
}
