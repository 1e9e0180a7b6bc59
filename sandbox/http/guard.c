/* Who is at the door: see server.h. */
#include "sandbox/http/server.h"

#include "provider/http/target.h"
#include "sandbox/http/exchange.h"

#include <arpa/inet.h>

/* "name:port", "[v6]:port" */
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

/* host is name, or LABEL.name; *label is what stands before. */
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
    return str_slice(header, 0, label.n); /* which outlives the copy */
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

/* A page that was itself served from here may call back. */
static bool is_own_origin(struct str origin, struct str host)
{
    static const struct str scheme = STR_INIT("http://");
    return str_starts(origin, scheme) && str_ieq(str_slice(origin, scheme.n, origin.n), host);
}

static bool is_word(struct str name)
{
    return str_is_made_of(name, CHARS_ALNUM "!#$%&'*+-.^_`|~");
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
        if (!is_word(name))
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
