/* Runs scripts on a host: see host.h. */
#include "provider/host/host.h"

#include "base/clock.h"
#include "base/crash.h"
#include "base/embed.h"
#include "base/hash.h"
#include "base/mask.h"
#include "base/mem.h"
#include "provider/ssh/connections.h"

#include <stdlib.h>

enum { GATHER_MS = 4, BATCH = 400, OUTPUT_MAX = 64 << 20 };

struct machine {
    struct arena arena;
    struct ssh_pool *ssh_pool;
    struct str name, via, become_user, password;
    bool become;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct host_request *waiting; /* newest first */
    bool sending;                 /* a thread is sending the collected requests */
};

int machine_new(
    const struct provider_options *options, struct arena *arena UNUSED, void **self, struct err *err)
{
    if (!options->via.n || !options->ssh_pool) {
        err_set(err, ERR_INVALID, "the provider \"%.*s\" has no connection", STR_ARG(options->name));
        return err_hint(err, "`connections: {web: {host: …}}` and `providers: {host: {via: web}}`");
    }
    struct machine *m = mem_zalloc(sizeof *m);
    m->ssh_pool = options->ssh_pool;
    m->name = arena_str(&m->arena, options->name);
    m->via = arena_str(&m->arena, options->via);
    m->become_user = arena_str(&m->arena, value_gets(options->config, "become_user"));
    m->password = arena_str(&m->arena, value_gets(options->config, "become_password"));
    const struct value *become = value_getz(options->config, "become");
    m->become = (become && become->kind == VALUE_BOOL && become->boolean) || m->become_user.n;
    if (m->password.n)
        mask_add(m->password, MASK_GIVEN);
    pthread_mutex_init(&m->lock, NULL);
    clock_cond_init(&m->changed);
    *self = m;
    return 0;
}

void machine_free(void *self)
{
    struct machine *m = self;
    if (!m)
        return;
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    struct arena arena = m->arena;
    free(m);
    arena_wipe(&arena);
}

/* ---- starting a shell on the host ---- */

#define FROM_LINE "sh -c 'IFS= read -r s || exit 1; eval \"$(printf %s \"$s\" | base64 -d)\"'"

/* Adds the command of a shell that reads its script from standard input, or only the first line of it,
 * leaving the rest as the script's input. */
static void command_line(const struct machine *m, bool from_line, struct buf *out)
{
    AUTO_BUF struct buf text = BUF_INIT, user = BUF_INIT;
    const char *shell = from_line ? FROM_LINE : "sh -s";
    if (m->become_user.n) {
        buf_addz(&user, "-u ");
        buf_add_quoted(&user, m->become_user);
    }
    const char *who = user.p ? user.p : "";
    if (!m->become) {
        buf_addf(&text, "exec %s", shell);
    } else {
        if (m->password.n)
            buf_addz(&text, "IFS= read -r p; ");
        if (!m->become_user.n)
            buf_addf(&text, "[ \"$(id -u)\" = 0 ] && exec %s; ", shell);
        buf_addz(&text, "command -v sudo > /dev/null || { echo 'there is no sudo' >&2; exit 1; }; ");
        if (m->password.n)
            buf_addf(&text,
                "sudo -n %s true 2> /dev/null && exec sudo -n %s %s; { printf '%%s\\n' \"$p\"; exec cat; } | "
                "sudo -S "
                "-p '' %s %s",
                who, who, shell, who, shell);
        else
            buf_addf(&text, "exec sudo -n %s %s", who, shell);
    }
    buf_addz(out, "sh -c ");
    buf_add_quoted(out, buf_str(&text));
}

static int say_why(const struct machine *m, const struct ssh_pool_result *result, struct err *err)
{
    struct str message = str_trim(buf_str(&result->error));
    bool asks = str_find(message, STR("sudo: a password is required"), 0) >= 0 ||
                str_find(message, STR("a terminal is required"), 0) >= 0,
         wrong = str_find(message, STR("incorrect password"), 0) >= 0 ||
                 str_find(message, STR("Sorry, try again"), 0) >= 0;
    if (asks || wrong) {
        err_set(err, ERR_AUTH,
            wrong ? "sudo on \"%.*s\" refuses the password" : "sudo on \"%.*s\" asks for a password",
            STR_ARG(m->via));
        return err_hint(err,
            "give it (`become_password: ${inputs.…}`), or allow it without one: USER ALL=(ALL) "
            "NOPASSWD: ALL");
    }
    if (str_find(message, STR("sudo"), 0) >= 0)
        return err_set(err, ERR_AUTH, "\"%.*s\": %.*s", STR_ARG(m->via), STR_ARG(message));
    return err_set(err, ERR_PROTOCOL, "the shell on \"%.*s\" ended early (status %d): %.*s", STR_ARG(m->via),
        result->status, STR_ARG(message));
}

static int machine_run(struct machine *m, struct op_ctx *ctx, struct str script, const struct str *payload,
    bool repeatable, struct ssh_pool_result *result, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf line = BUF_INIT;
    struct str input[5];
    size_t n = 0;
    if (m->become && m->password.n) {
        input[n++] = m->password;
        input[n++] = STR("\n");
    }
    input[n++] = payload ? base64_encode(&scratch, script) : script;
    if (payload) {
        input[n++] = STR("\n");
        input[n++] = *payload;
    }
    command_line(m, payload != NULL, &line);
    struct ssh_pool_command command = {.command = buf_str(&line),
        .input = input,
        .input_count = n,
        .output_max = OUTPUT_MAX,
        .timeout_ms = ctx->timeout_ms,
        .repeatable = repeatable,
        .cancel = ctx->cancel};
    return ssh_pool_exec(m->ssh_pool, m->via, &command, result, err);
}

/* ---- scripts ---- */

static void add_file(struct buf *out, const char *name)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text = STR_EMPTY;
    struct str path = arena_printf(&scratch, "provider/host/scripts/%s.sh", name);
    const struct embedded_file *file = embedded_find(path);
    if (file)
        text = embedded_text(file);
    buf_add_str(out, text);
}

static bool is_first_of_type(const struct host_request *first, const struct host_request *request)
{
    for (; first != request; first = first->next)
        if (!strcmp(first->type, request->type))
            return false;
    return true;
}

/* The script is in braces, so that a truncated one does nothing. Each request runs in its own subshell; its
 * standard error is reported with it. */
static void write_script(const struct host_request *first, bool payload, struct buf *out)
{
    size_t i = 0;
    buf_addz(out, "{\nexec 3>&1\nLC_ALL=C PATH=$PATH:/usr/sbin:/sbin:/usr/local/sbin\nexport LC_ALL PATH\n");
    add_file(out, "common");
    for (const struct host_request *at = first; at; at = at->next)
        if (is_first_of_type(first, at))
            add_file(out, at->type);
    for (const struct host_request *at = first; at; at = at->next, i++) {
        buf_addf(out, "printf '@begin %zu\\n'\nm=$( (\n", i);
        buf_add_str(out, buf_str(&at->body));
        buf_addf(out, "\n) 2>&1 >&3 3>&-%s)\ns=$?\n", payload ? "" : " < /dev/null");
        buf_addf(out,
            "[ $s -eq 0 ] || tell error \"$(printf '%%s\\n' \"$m\" | tail -n 15)\"\nprintf '@end %zu %%s\\n' "
            "$s\n",
            i);
    }
    buf_addz(out, "exit 0\n}\n");
}

static struct str next_line(struct str *rest)
{
    struct str line = str_cut(*rest, '\n', rest);
    if (!rest->p)
        *rest = STR_EMPTY;
    return line;
}

/* Finds the lines of a frame; returns false if the frame is missing. */
static bool find_frame(struct str output, size_t i, struct str *reported, int *status)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str begin = arena_printf(&scratch, "@begin %zu\n", i),
               end = arena_printf(&scratch, "\n@end %zu ", i);
    ptrdiff_t from = str_find(output, begin, 0);
    if (from < 0)
        return false;
    size_t at = (size_t)from + begin.n;
    ptrdiff_t to = str_find(output, end, at - 1);
    if (to < 0)
        return false;
    *reported = str_slice(output, at, (size_t)to < at ? at : (size_t)to + 1);
    struct str rest = str_slice(output, (size_t)to + end.n, output.n);
    int64_t number = 1;
    str_to_int(next_line(&rest), &number);
    *status = (int)number;
    return true;
}

static void take_answer(struct host_request *request, struct str output, size_t i)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str reported = STR_EMPTY;
    int status = 0;
    if (!find_frame(output, i, &reported, &status)) {
        err_set(&request->err, ERR_PROTOCOL, "the host's answer was cut short");
        return;
    }
    if (status == 0) {
        char *copy = mem_memdup0(reported.p, reported.n);
        request->reported = str_n(copy, reported.n);
        return;
    }
    const struct value *lines = value_getz(machine_reported(&scratch, reported), "error");
    AUTO_BUF struct buf text = BUF_INIT;
    for (uint32_t k = 0; lines && k < lines->count; k++)
        buf_addf(&text, "%s%.*s", text.n ? "\n" : "", STR_ARG(lines->items[k]->string));
    err_set(&request->err, ERR_SERVICE, "%.*s", STR_ARG(str_trim(buf_str(&text))));
}

static int machine_exchange(struct machine *m, struct op_ctx *ctx, struct host_request *first,
    const struct str *payload, bool repeatable, struct err *err)
{
    AUTO_SSH_POOL_RESULT struct ssh_pool_result result = SSH_POOL_RESULT_INIT;
    AUTO_BUF struct buf script = BUF_INIT;
    size_t i = 0;
    write_script(first, payload != NULL, &script);
    crash_point("host before");
    int failed = machine_run(m, ctx, buf_str(&script), payload, repeatable, &result, err);
    crash_point("host after");
    if (failed)
        return -1;
    if (result.status && str_find(buf_str(&result.output), STR("@begin 0\n"), 0) < 0)
        return say_why(m, &result, err);
    for (struct host_request *at = first; at; at = at->next)
        take_answer(at, buf_str(&result.output), i++);
    return 0;
}

const struct value *machine_reported(struct arena *arena, struct str reported)
{
    const struct value *map = &value_empty_map;
    while (reported.n) {
        struct str line = next_line(&reported), name, value;
        if (!line.n || line.p[0] != '=')
            continue;
        name = str_cut(str_slice(line, 1, line.n), '|', &value);
        AUTO_BUILDER struct value_builder lines = VALUE_BUILDER(arena);
        const struct value *before = value_get(map, name);
        for (uint32_t i = 0; before && i < before->count; i++)
            value_builder_add(&lines, before->items[i]);
        if (value.p)
            value_builder_add(&lines, value_string(arena, value));
        while (reported.n && reported.p[0] == '|') {
            struct str more = next_line(&reported);
            value_builder_add(&lines, value_string(arena, str_slice(more, 1, more.n)));
        }
        map = value_with(arena, map, arena_str(arena, name), value_builder_list(&lines));
    }
    return map;
}

/* ---- batching ---- */

/* Takes the collected requests, oldest first, up to the size of one script. Called with the lock held. */
static struct host_request *take_waiting(struct machine *m)
{
    struct host_request *taken = NULL, **last = &m->waiting;
    size_t n = 0, skip = 0;
    for (struct host_request *at = m->waiting; at; at = at->next)
        n++;
    for (skip = n > BATCH ? n - BATCH : 0; skip; skip--)
        last = &(*last)->next;
    struct host_request *rest = *last;
    *last = NULL;
    while (rest) {
        struct host_request *next = rest->next;
        rest->next = taken;
        taken = rest;
        rest = next;
    }
    return taken;
}

static void answer_all(struct machine *m, struct op_ctx *ctx, struct host_request *first)
{
    struct err err = ERR_INIT;
    int failed = machine_exchange(m, ctx, first, NULL, true, &err);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&m->lock);
    for (struct host_request *at = first, *next; at; at = next) {
        next = at->next;
        if (failed)
            at->err = err;
        at->done = true;
    }
    pthread_cond_broadcast(&m->changed);
}

static bool all_done(const struct host_request *requests, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!requests[i].done)
            return false;
    return true;
}

/* Called with the lock held, which is released while sending. */
static void send_batches(struct machine *m, struct op_ctx *ctx)
{
    m->sending = true;
    int64_t until = clock_mono_ms() + GATHER_MS; /* collects requests that start at the same moment */
    while (clock_cond_wait(&m->changed, &m->lock, until))
        ;
    while (m->waiting) {
        struct host_request *first = take_waiting(m);
        pthread_mutex_unlock(&m->lock);
        answer_all(m, ctx, first);
        pthread_mutex_lock(&m->lock);
    }
    m->sending = false;
    pthread_cond_broadcast(&m->changed);
}

/* Copies results from the heap to the callers' arenas. */
static void keep_reported(struct op_ctx *ctx, struct host_request *requests, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char *heap = (char *)requests[i].reported.p;
        requests[i].reported = heap ? arena_str(ctx->arena, requests[i].reported) : STR_EMPTY;
        free(heap);
        buf_release(&requests[i].body);
    }
}

int machine_send(
    struct machine *m, struct op_ctx *ctx, struct host_request *requests, size_t n, struct err *err)
{
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < n; i++) {
        requests[i].next = m->waiting;
        m->waiting = &requests[i];
    }
    while (!all_done(requests, n)) {
        if (!m->sending)
            send_batches(m, ctx);
        else
            pthread_cond_wait(&m->changed, &m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    keep_reported(ctx, requests, n);
    for (size_t i = 0; i < n && !rc; i++)
        if (requests[i].err.class != ERR_NONE && requests[i].err.class != ERR_SERVICE) {
            *err = requests[i].err;
            rc = -1;
        }
    return rc;
}

int machine_change(struct machine *m, struct op_ctx *ctx, struct host_request *request,
    const struct str *payload, bool repeatable, struct err *err)
{
    int rc = machine_exchange(m, ctx, request, payload, repeatable, err);
    keep_reported(ctx, request, 1);
    if (!rc && request->err.class != ERR_NONE) {
        *err = request->err;
        rc = -1;
    }
    return rc;
}
