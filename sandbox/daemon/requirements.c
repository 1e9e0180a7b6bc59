/* What kinds of daemons need of the machine: programs, ports, a run of a program before the start. */
#include "base/system.h"
#include "sandbox/daemon/daemon_state.h"

#include "base/file.h"
#include "sandbox/engine/installed.h"
#include "sandbox/engine/process.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RUN_MS = 120000, MAX_PORTS = 256, MAX_OUTPUT = 64 * 1024 };

int daemon_missing(const struct daemon_kind *kind, struct err *err)
{
    return err_set(err, ERR_FAILED, "%s is not installed on this machine (%s)", kind->title, kind->install);
}

/* ---- ports ---- */

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

bool daemon_port_answers(uint16_t port)
{
    const struct sockaddr_in to = loopback(port);
    AUTO_FD int fd = system_socket(AF_INET, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof to) == 0;
}

/* A port that is free; 0: any. */
static uint16_t free_port(uint16_t wanted)
{
    struct sockaddr_in at = loopback(wanted);
    socklen_t n = sizeof at;
    const int yes = 1;
    AUTO_FD int fd = system_socket(AF_INET, 0);
    if (fd < 0)
        return 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (const struct sockaddr *)&at, sizeof at) || getsockname(fd, (struct sockaddr *)&at, &n))
        return wanted ? free_port(0) : 0;
    return ntohs(at.sin_port);
}

int daemon_ports(struct daemon_self *self, size_t count, struct err *err)
{
    struct str text = STR_EMPTY;
    char line[64] = "";
    int n = 0;
    if (!count)
        return 0;
    const char *file = arena_printf(self->arena, "%s/ports", self->dir).p;
    file_read(self->arena, file, MAX_PORTS, &text, ERR_IGNORED);
    for (size_t i = 0; i < count && i < DAEMON_PORTS; i++) {
        int64_t before = 0;
        str_to_int(str_trim(str_cut(text, ' ', &text)), &before);
        self->ports[i] = free_port(before > 0 && before < 65536 ? (uint16_t)before : 0);
        if (!self->ports[i])
            return err_set(err, ERR_IO, "no port is free on 127.0.0.1");
        n += snprintf(line + n, sizeof line - (size_t)n, "%u ", (unsigned)self->ports[i]);
    }
    return file_write_atomic(file, str_n(line, (size_t)n), 0600, err);
}

/* ---- before the start ---- */

static void take_output(void *ctx, enum process_stream stream UNUSED, const char *bytes, size_t n)
{
    buf_add(ctx, bytes, n);
}

int daemon_run(const struct daemon_self *self, const char *const *argv, struct err *err)
{
    AUTO_BUF struct buf output = BUF_INIT;
    const char *const env[] = {arena_printf(self->arena, "PATH=%s", installed_path()).p, "LANG=C.UTF-8",
        "TZ=UTC", arena_printf(self->arena, "HOME=%s", self->seen_data).p, NULL};
    const struct process_options options = {.argv = daemon_as(self, argv),
        .env = env,
        .dir = self->data,
        .family = services_family(self->services),
        .timeout_ms = RUN_MS,
        .max_output = MAX_OUTPUT,
        .output = take_output,
        .ctx = &output};
    struct process_switch stop;
    struct process_end end;
    if (process_switch_init(&stop, err))
        return -1;
    int status = process_run(&options, &stop, &end, err);
    process_switch_release(&stop);
    if (!status && end.exit_code != 0)
        status = err_set(err, ERR_FAILED, "%s failed: %.*s", argv[0], STR_ARG(str_trim(buf_str(&output))));
    return status;
}
