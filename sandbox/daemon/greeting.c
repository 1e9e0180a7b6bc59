/* The first bytes of a conversation in PostgreSQL's protocol: see greeting.h. */
#include "sandbox/daemon/greeting.h"

#include "base/file.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

enum {
    MAX_STARTUP = 10000, /* as PostgreSQL has it */
    SSL_REQUEST = 80877103,
    GSS_REQUEST = 80877104,
};

static bool read_exactly(int fd, char *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = recv(fd, to + at, n - at, 0);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static uint32_t greeting_number(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

bool greeting_read(int fd, struct buf *out)
{
    char head[8], body[MAX_STARTUP];
    for (;;) {
        if (!read_exactly(fd, head, sizeof head))
            return false;
        uint32_t size = greeting_number(head), what = greeting_number(head + 4);
        if (size < sizeof head || size > MAX_STARTUP)
            return false;
        if (what == SSL_REQUEST || what == GSS_REQUEST) {
            if (send(fd, "N", 1, MSG_NOSIGNAL) != 1)
                return false;
            continue;
        }
        if (!read_exactly(fd, body, size - sizeof head))
            return false;
        buf_add(out, head, sizeof head);
        buf_add(out, body, size - sizeof head);
        return true;
    }
}

bool greeting_is_user(const struct buf *startup, const char *user)
{
    enum { HEAD = 8 };
    struct str rest = str_slice(buf_str(startup), HEAD, startup->n);
    bool found = false;
    while (rest.n && rest.p[0]) {
        struct str name = str_cut(rest, '\0', &rest), value = str_cut(rest, '\0', &rest);
        found = found || (str_eqz(name, "user") && str_eqz(value, user));
    }
    return found;
}

void greeting_refuse(int fd, const char *state, const char *message)
{
    AUTO_BUF struct buf body = BUF_INIT;
    const char *const fields[] = {"S", "FATAL", "V", "FATAL", "C", state, "M", message};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i += 2) {
        buf_add(&body, fields[i], 1);
        buf_add(&body, fields[i + 1], strlen(fields[i + 1]) + 1);
    }
    buf_add_char(&body, '\0');
    uint32_t n = (uint32_t)body.n + 4;
    const char head[] = {'E', (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    if (send(fd, head, sizeof head, MSG_NOSIGNAL) == sizeof head)
        fd_write_all(fd, body.p, body.n, NULL, "client");
}
