/* Runs a user's command for the files that it creates: see command.h. */
#include "provider/weir/command.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mask.h"
#include "base/spawn.h"
#include "base/system.h"
#include "provider/http/redact.h"
#include "provider/package/package.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- The environment of a user's command ---- */

/* A name with a final '*' is a prefix; variables with the prefix are passed on unless their name suggests a
 * secret. */
static const char passed[] =
    /* the user and the system */
    "PATH HOME USER LOGNAME SHELL TERM LANG LANGUAGE LC_* TZ TMPDIR TMP TEMP XDG_* CI NO_COLOR "
    "FORCE_COLOR COLUMNS SOURCE_DATE_EPOCH LD_LIBRARY_PATH DYLD_* NIX_* "
    /* network access; the URL of a proxy may contain its password */
    "http_proxy https_proxy ftp_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY "
    "ALL_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR CURL_CA_BUNDLE REQUESTS_CA_BUNDLE "
    "NODE_EXTRA_CA_CERTS SSH_AUTH_SOCK GIT_SSH GIT_SSH_COMMAND "
    /* compilers and make */
    "CC CXX CPP LD AR CFLAGS CXXFLAGS CPPFLAGS LDFLAGS MAKEFLAGS PKG_CONFIG* CMAKE_* CCACHE_* "
    "SCCACHE_* ASAN_OPTIONS LSAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS "
    /* languages and their packages */
    "PIP_* PYTHON* VIRTUAL_ENV CONDA_* PYENV_* UV_* POETRY_* NPM_CONFIG_* npm_config_* NODE_* "
    "NVM_* YARN_* PNPM_* GOPATH GOROOT GOPROXY GOPRIVATE GONOSUMDB GONOSUMCHECK GONOPROXY "
    "GOSUMDB GOFLAGS GOCACHE GOMODCACHE GOBIN GOOS GOARCH GOTOOLCHAIN GOENV CGO_* CARGO_* RUST* "
    "JAVA_* JDK_* MAVEN_* M2_HOME GRADLE_* SBT_* COURSIER_* DOTNET_* NUGET_* RUBY* GEM_* "
    "BUNDLE_PATH DOCKER_HOST DOCKER_CONFIG SPARK_HOME HADOOP_HOME";

/* True if the variable is passed on by default. */
static bool command_env_has(struct str name)
{
    for (struct str rest = str_z(passed); rest.p;) {
        struct str known = str_cut(rest, ' ', &rest);
        bool group = str_ends(known, STR("*"));
        if (group && str_starts(name, str_slice(known, 0, known.n - 1)))
            return !redact_is_secret_variable(name);
        if (str_eq(name, known))
            return true;
    }
    return false;
}

char **command_env(struct arena *arena, const struct value *named)
{
    size_t count = 0, n = 0;
    while (environ && environ[count])
        count++;
    char **env = ARENA_ARRAY(arena, char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct str value, name = str_cut(str_z(environ[i]), '=', &value);
        if (command_env_has(name) || value_list_has(named, name))
            env[n++] = environ[i];
    }
    return env;
}

/* ---- Redacted output of a command ---- */

enum {
    LINE_MAX_BYTES = 16 * 1024, /* bytes of a line that are read, so that no secret is cut in two … */
    LINE_SHOWN = 4 * 1024,      /* … at the end of the part that is shown */
    TAIL_BYTES = 32 * 1024,
    SHOWN_MAX = 1024 * 1024,
};

void command_output_init(struct command_output *o)
{
    *o = (struct command_output){0};
}

void command_output_release(struct command_output *o)
{
    buf_release(&o->line);
    buf_release(&o->tail);
}

/* ---- redacting ---- */

static void hide_line(struct str line, struct buf *out)
{
    AUTO_BUF struct buf known = BUF_INIT;
    mask_text(&known, line);
    redact_line(out, buf_str(&known));
}

struct str command_output_hide(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (bool first = true; text.p; first = false) {
        if (!first)
            buf_add_char(&out, '\n');
        hide_line(str_cut(text, '\n', &text), &out);
    }
    return package_name(arena, buf_str(&out));
}

/* ---- lines ---- */

static void command_output_show(struct command_output *o)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text = command_output_hide(&arena, buf_str(&o->line));
    text = str_slice(text, 0, text.n < LINE_SHOWN ? text.n : LINE_SHOWN);
    text.n = str_utf8_prefix(text);
    o->shown += text.n + 1;
    o->show(o->show_ctx, o->shown < SHOWN_MAX ? arena_strz(&arena, text) : "… (no more of it is shown)");
}

/* Keeps as much as command_output_end() may need, and drops whole lines. */
static void command_output_keep(struct command_output *o)
{
    if (o->tail.n > 2 * TAIL_BYTES) {
        ptrdiff_t cut = str_find_char(buf_str(&o->tail), '\n', o->tail.n - TAIL_BYTES);
        size_t from = cut < 0 ? o->tail.n : (size_t)cut + 1, left = o->tail.n - from;
        memmove(o->tail.p, o->tail.p + from, left);
        o->tail.n = left;
    }
    buf_add_str(&o->tail, buf_str(&o->line));
    buf_add_char(&o->tail, '\n');
}

static void replace_line(struct command_output *o, struct str text)
{
    buf_clear(&o->line);
    buf_add_str(&o->line, text);
}

/* True if the line is part of a private key. */
static bool is_key(struct command_output *o)
{
    struct str line = buf_str(&o->line);
    bool begins = str_find(line, STR("-----BEGIN "), 0) >= 0 && str_find(line, STR("PRIVATE KEY"), 0) >= 0;
    bool within = o->in_key || begins;
    o->in_key = within && str_find(line, STR("-----END "), 0) < 0;
    return within;
}

/* Removes terminal control sequences: colours, bells, NUL bytes. */
static void clean_line(struct command_output *o)
{
    size_t kept = 0;
    char *p = o->line.p;
    for (size_t i = 0; i < o->line.n; i++) {
        if (p[i] == '\033' && i + 1 < o->line.n && p[i + 1] == '[') {
            for (i += 2; i < o->line.n && ((unsigned char)p[i] < 0x40 || (unsigned char)p[i] > 0x7e);)
                i++;
        } else if ((unsigned char)p[i] >= ' ' && p[i] != 0x7f) {
            p[kept++] = p[i];
        } else if (p[i] == '\t') {
            p[kept++] = ' ';
        }
    }
    o->line.n = kept;
}

static void end_line(struct command_output *o)
{
    AUTO_BUF struct buf hidden = BUF_INIT;
    size_t printed = o->line.n;
    if (mask_finds(
            buf_str(&o->line))) { /* before control characters are removed, since a secret may contain some */
        mask_text(&hidden, buf_str(&o->line));
        replace_line(o, buf_str(&hidden));
        buf_clear(&hidden);
    }
    clean_line(o);
    if (is_key(o)) {
        replace_line(o, STR(MASKED));
    } else if (printed >= LINE_MAX_BYTES) {
        hide_line(buf_str(&o->line), &hidden);
        replace_line(o, str_slice(buf_str(&hidden), 0, LINE_SHOWN));
    }
    if (o->line.n) {
        command_output_keep(o);
        if (o->show && o->shown < SHOWN_MAX)
            command_output_show(o);
    }
    buf_clear(&o->line);
}

void command_output_add(struct command_output *o, const char *bytes, size_t n)
{
    for (struct str rest = str_n(bytes, n); rest.n;) {
        size_t end = 0;
        while (end < rest.n && rest.p[end] != '\n' && rest.p[end] != '\r')
            end++;
        size_t room = LINE_MAX_BYTES - o->line.n;
        buf_add(&o->line, rest.p, end < room ? end : room);
        if (end < rest.n &&
            o->line.n) /* empty lines are skipped; a progress bar ends its line with a carriage return */
            end_line(o);
        rest = str_slice(rest, end + (end < rest.n), rest.n);
    }
}

struct str command_output_end(const struct command_output *o, struct arena *arena, size_t max)
{
    struct str text = str_trim(command_output_hide(arena, buf_str(&o->tail)));
    if (text.n <= max)
        return text;
    struct str end = str_slice(text, text.n - max, text.n), whole;
    str_cut(end, '\n', &whole);
    if (whole.p && whole.n)
        return whole;
    while (end.n && ((unsigned char)end.p[0] & 0xc0) == 0x80)
        end = str_slice(end, 1, end.n);
    return end;
}

enum {
    READ_BLOCK = 64 * 1024,
    TICK_MS = 50,       /* delay until a cancellation or the end is noticed */
    GRACE_MS = 3000,    /* between SIGTERM and SIGKILL */
    DRAIN_MS = 200,     /* for the last output through a daemon that keeps the pipe open */
    OUTPUT_BYTES = 700, /* maximum in a message */
};

/* ---- while the command runs ---- */

struct watching {
    const struct local_command *command;
    struct command_output *output;
    pid_t child;
    int pipe;
    int64_t deadline, kill_at; /* monotonic; 0: none */
    enum err_class ended;      /* why it was ended: ERR_TIMEOUT, ERR_INTERRUPTED; ERR_NONE: it ended itself */
    int status;                /* of waitpid() */
};

/* Returns false at the end of the output. */
static bool read_some(struct watching *w)
{
    char block[READ_BLOCK];
    ssize_t n = read(w->pipe, block, sizeof block);
    if (n > 0)
        command_output_add(w->output, block, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void end_group(const struct watching *w, int signal_number)
{
    kill(w->command->cancel ? -w->child : w->child, signal_number);
}

static void ask_to_end(struct watching *w, enum err_class why, int64_t now)
{
    w->ended = why;
    w->deadline = 0;
    w->kill_at = now + GRACE_MS;
    end_group(w, SIGTERM);
}

static void pass_time(struct watching *w)
{
    int64_t now = clock_mono_ms();
    const atomic_bool *cancel = w->command->cancel;
    if (!w->ended && cancel_is_set(cancel))
        ask_to_end(w, ERR_INTERRUPTED, now);
    else if (w->deadline && now >= w->deadline)
        ask_to_end(w, ERR_TIMEOUT, now);
    else if (w->kill_at && now >= w->kill_at)
        end_group(w, SIGKILL);
}

/* The process stays a zombie (WNOWAIT), so that the number of its group is not reused. */
static bool has_ended(const struct watching *w)
{
    siginfo_t info = {0};
    int status = waitid(P_PID, (id_t)w->child, &info, WEXITED | WNOHANG | WNOWAIT);
    return status ? errno != EINTR : info.si_pid != 0;
}

static void command_watch(struct watching *w)
{
    bool open = true;
    for (int tick_ms = 1; !has_ended(w); tick_ms = tick_ms < TICK_MS ? 2 * tick_ms : TICK_MS) {
        struct pollfd fd = {open ? w->pipe : -1, POLLIN, 0};
        pass_time(w);
        if (poll(&fd, 1, tick_ms) > 0) {
            open = read_some(w);
            tick_ms = 1; /* at the end of its output the command usually ends as well */
        }
    }
    end_group(w, SIGKILL);
    w->status = -1;
    while (waitpid(w->child, &w->status, 0) < 0 && errno == EINTR)
        continue;
    for (int64_t until = clock_mono_ms() + DRAIN_MS; open && clock_mono_ms() < until;) {
        struct pollfd fd = {w->pipe, POLLIN, 0};
        if (poll(&fd, 1, DRAIN_MS) <= 0)
            break;
        open = read_some(w);
    }
    command_output_add(w->output, "\n", 1); /* ends an unfinished last line */
}

/* ---- result ---- */

static struct str command_duration(struct arena *arena, int64_t ms)
{
    if (ms % 60000 == 0)
        return arena_printf(arena, "%lld minutes", (long long)(ms / 60000));
    return arena_printf(arena, "%lld seconds", (long long)(ms / 1000));
}

static int command_report(const struct watching *w, struct err *err)
{
    const struct local_command *command = w->command;
    struct str output = command_output_end(w->output, command->arena, OUTPUT_BYTES), why;
    enum err_class class = w->ended ? w->ended : ERR_FAILED;
    if (w->ended == ERR_INTERRUPTED)
        return err_set(err, class, "%s was interrupted", command->what);
    if (w->ended == ERR_TIMEOUT)
        why = arena_printf(command->arena, "took longer than %s and was ended",
            command_duration(command->arena, command->timeout_ms).p);
    else if (WIFSIGNALED(w->status))
        why = arena_printf(command->arena, "was ended by signal %d", WTERMSIG(w->status));
    else
        why = arena_printf(command->arena, "failed with status %d", WEXITSTATUS(w->status));
    err_set(err, class, "%s %s%s%.*s", command->what, why.p, output.n ? ":\n" : "", STR_ARG(output));
    return w->ended == ERR_TIMEOUT ? err_hint(err, "`timeouts: {create: 1h, update: 1h}` gives it more") : -1;
}

int command_run(const struct local_command *command, struct command_output *output, struct err *err)
{
    struct watching w = {.command = command, .output = output};
    int ends[2];
    if (confined_program(command->what, err))
        return -1;
    if (cancel_is_set(command->cancel))
        return err_set(err, ERR_INTERRUPTED, "%s was not started: interrupted", command->what);
    if (system_pipe(ends))
        return err_errno(err, ERR_FAILED, "%s: cannot make a pipe", command->what);
    w.pipe = ends[0];
    struct spawn spawn = {.args = command->args,
        .env = command->env,
        .dir = command->dir.n ? arena_strz(command->arena, command->dir) : NULL,
        .out = command->out ? command->out : ends[1],
        .error = ends[1],
        .apart = command->cancel ? SPAWN_SESSION : SPAWN_TOGETHER,
        .max_file_bytes = command->max_file_bytes};
    int failed = spawn_program(&spawn, &w.child), status;
    close(ends[1]);
    if (failed) {
        errno = failed;
        status = err_errno(err, ERR_FAILED, "%s: cannot start \"%s\"", command->what, command->args[0]);
    } else {
        w.deadline = command->timeout_ms > 0 ? clock_mono_ms() + command->timeout_ms : 0;
        command_watch(&w);
        bool fine = !w.ended && WIFEXITED(w.status) && WEXITSTATUS(w.status) == 0;
        status = fine ? 0 : command_report(&w, err);
    }
    close(w.pipe);
    return status;
}
