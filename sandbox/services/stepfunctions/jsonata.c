/*
 * JSONata for state machines: a Python program (engine/python/weir_jsonata.py) that answers a line of JSON
 * with another one. It is started at the first expression and stays until the sandbox ends; one that dies, or
 * gives no answer in time, is started again for the next expression.
 */
#include "base/clock.h"
#include "base/embed.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/system.h"
#include "sandbox/engine/installed.h"
#include "sandbox/services/stepfunctions/executions.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, MAX_ANSWER = 64 * 1024 * 1024, LACKING = 3 /* its status without the package */ };

static const char lacking[] =
    "the sandbox evaluates JSONata where python3 has the package jsonata-python (pip "
    "install jsonata-python, or tools/setup jobs in a checkout of weir)";

struct jsonata {
    pthread_mutex_t lock; /* of all of it: one expression at a time */
    pid_t pid;            /* 0: it does not run */
    int fd;
};

struct jsonata *jsonata_new(void)
{
    struct jsonata *j = mem_zalloc(sizeof *j);
    pthread_mutex_init(&j->lock, NULL);
    j->fd = -1;
    return j;
}

/* Why there was no answer. */
static const char *jsonata_end(struct jsonata *j)
{
    int status = 0;
    bool ran = j->pid > 0;
    bool gone = ran && waitpid(j->pid, &status, WNOHANG) == j->pid;
    fd_close_ptr(&j->fd);
    if (ran && !gone) {
        kill(j->pid, SIGKILL);
        while (waitpid(j->pid, &status, 0) < 0 && errno == EINTR)
            ;
    }
    j->pid = 0;
    return !ran || (WIFEXITED(status) && WEXITSTATUS(status) == LACKING)
               ? lacking
               : "the program that evaluates JSONata ended without an answer";
}

void jsonata_free(struct jsonata *j)
{
    jsonata_end(j);
    pthread_mutex_destroy(&j->lock);
    free(j);
}

/* What it says of a mistake of its own goes to the sandbox's standard error. */
static int jsonata_start(struct jsonata *j, struct arena *arena)
{
    int ends[2];
    const char *python = installed_program(arena, "python3", NULL), *home = getenv("HOME");
    const struct embedded_file *file = embedded_find(STR("sandbox/engine/python/weir_jsonata.py"));
    if (!python || system_pair(ends, 0))
        return -1;
    const char *args[] = {python, "-c", arena_strz(arena, embedded_text(file)), NULL};
    const char *env[] = {arena_printf(arena, "PATH=%s", installed_path()).p,
        arena_printf(arena, "HOME=%s", home ? home : "/").p, "PYTHONDONTWRITEBYTECODE=1", NULL};
    const struct spawn spawn = {.args = (char *const *)args,
        .env = (char *const *)env,
        .dir = "/",
        .in = ends[1],
        .out = ends[1],
        .error = STDERR_FILENO,
        .apart = SPAWN_GROUP};
    int failed = spawn_program(&spawn, &j->pid);
    close(ends[1]);
    j->fd = ends[0];
    if (failed)
        j->pid = 0;
    return failed ? -1 : 0;
}

static int jsonata_tell(struct jsonata *j, const struct value *request)
{
    AUTO_BUF struct buf line = BUF_INIT;
    json_write(&line, request, JSON_PLAIN);
    buf_add_char(&line, '\n');
    for (size_t at = 0; at < line.n;) {
        ssize_t n = send(j->fd, line.p + at, line.n - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return -1;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int jsonata_hear(struct jsonata *j, struct buf *out)
{
    char bytes[65536];
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    while (!out->n || out->p[out->n - 1] != '\n') {
        struct pollfd ready = {.fd = j->fd, .events = POLLIN};
        int64_t left = deadline - clock_mono_ms();
        ssize_t n = left > 0 && poll(&ready, 1, (int)left) > 0 ? recv(j->fd, bytes, sizeof bytes, 0) : 0;
        if (n <= 0 || out->overflow)
            return -1;
        buf_add(out, bytes, (size_t)n);
    }
    return 0;
}

const struct value *jsonata_evaluate(
    struct jsonata *j, struct arena *arena, const struct value *request, struct str *why)
{
    struct buf answer = {.max = MAX_ANSWER};
    struct err err = ERR_INIT;
    const struct value *found = NULL;
    pthread_mutex_lock(&j->lock);
    bool started = j->pid || !jsonata_start(j, arena);
    bool heard = started && !jsonata_tell(j, request) && !jsonata_hear(j, &answer);
    *why = heard ? STR_EMPTY : str_z(jsonata_end(j));
    pthread_mutex_unlock(&j->lock);
    if (heard && json_parse(arena, buf_str(&answer), &found, &err))
        *why = arena_printf(arena, "%s", err.message);
    buf_release(&answer);
    return found;
}
