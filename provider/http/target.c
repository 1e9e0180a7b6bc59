/* Parses URLs: see target.h. */
#include "provider/http/target.h"

#include "provider/http/redact.h"

#include <arpa/inet.h>

#define HOST_CHARS CHARS_ALNUM "-._"

static bool take_port(struct str s, int64_t *port)
{
    return s.n && s.n <= 5 && s.p[0] >= '0' && s.p[0] <= '9' && str_to_int(s, port) && *port > 0 &&
           *port < 65536;
}

/* "host", "host:port", "[v6]", "[v6]:port" */
static bool split_authority(struct str authority, struct str *host, int64_t *port)
{
    struct str after;
    if (authority.n && authority.p[0] == '[') {
        ptrdiff_t close = str_find_char(authority, ']', 0);
        if (close < 0)
            return false;
        *host = str_slice(authority, 1, (size_t)close);
        after = str_slice(authority, (size_t)close + 1, authority.n);
        return str_is_made_of(*host, HOST_CHARS ":") &&
               (!after.n || (after.p[0] == ':' && take_port(str_slice(after, 1, after.n), port)));
    }
    *host = str_cut(authority, ':', &after);
    return str_is_made_of(*host, HOST_CHARS) && (!after.p || take_port(after, port));
}

static void target_classify(struct http_target *target)
{
    char text[64];
    if (str_ieq(target->host, STR("localhost"))) {
        target->loopback = true;
        return;
    }
    if (target->host.n >= sizeof text)
        return;
    memcpy(text, target->host.p, target->host.n);
    text[target->host.n] = '\0';
    struct in_addr v4;
    struct in6_addr v6;
    if (inet_pton(AF_INET, text, &v4) == 1) {
        uint32_t address = ntohl(v4.s_addr);
        target->loopback = address >> 24 == 127;
        target->link_local = address >> 16 == 0xa9fe;
    } else if (inet_pton(AF_INET6, text, &v6) == 1) {
        static const unsigned char metadata[4] = {0xfd, 0x00, 0x0e, 0xc2};
        target->loopback = IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
        target->link_local = IN6_IS_ADDR_LINKLOCAL(&v6) || !memcmp(v6.s6_addr, metadata, sizeof metadata);
    }
}

/* Reports an invalid URL without a password before the host or a key in the query. */
static int target_refuse(struct str url, const char *why, struct err *err)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    redact_line(&shown, url);
    struct str query, before = str_cut(buf_str(&shown), '?', &query);
    return err_set(
        err, ERR_INVALID, "\"%.*s%s\" is not a URL%s", STR_ARG(before), query.p ? "?(redacted)" : "", why);
}

int http_target_parse(struct str url, struct http_target *target, struct err *err)
{
    *target = (struct http_target){0};
    struct str after;
    if (str_starts(url, STR("https://"))) {
        target->tls = true;
        after = str_slice(url, 8, url.n);
    } else if (str_starts(url, STR("http://"))) {
        after = str_slice(url, 7, url.n);
    } else {
        return target_refuse(url, " that begins with https:// or http://", err);
    }
    size_t end = 0;
    while (end < after.n && after.p[end] != '/' && after.p[end] != '?' && after.p[end] != '#')
        end++;
    target->authority = str_slice(after, 0, end);
    target->rest = str_slice(after, end, after.n);
    target->port = target->tls ? 443 : 80;
    if (!split_authority(target->authority, &target->host, &target->port))
        return target_refuse(url, " with a valid host and port", err);
    for (size_t i = 0; i < target->rest.n; i++)
        if ((unsigned char)target->rest.p[i] <= ' ' || target->rest.p[i] == 0x7f)
            return target_refuse(url, ": it has a blank or control character", err);
    target_classify(target);
    return 0;
}
