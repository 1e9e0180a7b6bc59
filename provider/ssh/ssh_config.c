/*
 * What OpenSSH's configuration says about a host, as `ssh -G` gives it: the only reader of those files that
 * knows all of their language. Where there is no such program, libssh's own reader.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/system.h"
#include "provider/ssh/connection.h"
#include "provider/ssh/ssh_api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct reading {
    struct connection *c;
    const char **files; /* of keys */
    size_t file_count, file_cap;
    bool only_these; /* IdentitiesOnly */
};

static const char *keep(struct reading *r, struct str text)
{
    return arena_strz(&r->c->arena, text);
}

static struct str unhomed(struct reading *r, struct str path)
{
    const char *home = getenv("HOME");
    return str_starts(path, STR("~/")) && home
               ? arena_printf(&r->c->arena, "%s/%.*s", home, STR_ARG(str_slice(path, 2, path.n)))
               : path;
}

static void take_file(struct reading *r, struct str path)
{
    const char *file = keep(r, unhomed(r, path));
    if (r->c->keys_given || access(file, R_OK))
        return;
    MEM_GROW(r->files, r->file_cap, r->file_count + 2);
    r->files[r->file_count++] = file;
}

static void take_hosts_files(struct reading *r, struct str list, const char **out)
{
    struct str rest, first = str_cut(list, ' ', &rest);
    if (!*out && first.n)
        *out = keep(r, unhomed(r, first));
}

/* OpenSSH goes by way of another host by running itself. */
static void take_jump(struct reading *r, struct str jump)
{
    if (r->c->via || r->c->proxy_command || str_eqz(jump, "none"))
        return;
    struct str rest, first = str_cut(jump, ',', &rest);
    ptrdiff_t last = (ptrdiff_t)jump.n;
    while (last > 0 && jump.p[last - 1] != ',')
        last--;
    struct str nearest = rest.p ? str_slice(jump, (size_t)last, jump.n) : first;
    struct str before = rest.p ? str_slice(jump, 0, (size_t)last - 1) : STR_EMPTY;
    ptrdiff_t colon = str_find_char(nearest, ':', 0);
    struct str port = colon > 0 ? str_slice(nearest, (size_t)colon + 1, nearest.n) : STR_EMPTY;
    if (colon > 0)
        nearest = str_slice(nearest, 0, (size_t)colon);
    r->c->proxy_command = arena_printf(&r->c->arena, "exec ssh%s%.*s%s%.*s -W '[%%h]:%%p' %.*s",
        before.n ? " -J " : "", STR_ARG(before), port.n ? " -p " : "", STR_ARG(port), STR_ARG(nearest))
                              .p;
}

static void ssh_config_take(struct reading *r, struct str name, struct str v)
{
    struct connection *c = r->c;
    int64_t number;
    if (str_eqz(name, "hostname"))
        c->host = keep(r, v);
    else if (str_eqz(name, "user") && !c->user)
        c->user = keep(r, v);
    else if (str_eqz(name, "port") && !c->port && str_to_int(v, &number))
        c->port = (int)number;
    else if (str_eqz(name, "identityfile"))
        take_file(r, v);
    else if (str_eqz(name, "certificatefile") && !c->certificate)
        c->certificate = keep(r, unhomed(r, v));
    else if (str_eqz(name, "userknownhostsfile"))
        take_hosts_files(r, v, &c->known_hosts);
    else if (str_eqz(name, "globalknownhostsfile"))
        take_hosts_files(r, v, &c->global_known_hosts);
    else if (str_eqz(name, "hostkeyalias"))
        c->alias = keep(r, v);
    else if (str_eqz(name, "proxycommand") && !c->proxy_command && !c->via && !str_eqz(v, "none"))
        c->proxy_command = keep(r, v);
    else if (str_eqz(name, "proxyjump"))
        take_jump(r, v);
    else if (str_eqz(name, "identityagent") && !str_eqz(v, "SSH_AUTH_SOCK"))
        c->agent_socket = keep(r, unhomed(r, v));
    else if (str_eqz(name, "identitiesonly"))
        r->only_these = str_eqz(v, "yes");
    else if (str_eqz(name, "stricthostkeychecking"))
        c->strict = str_eqz(v, "true") || str_eqz(v, "yes");
}

static void take_lines(struct reading *r, struct str text)
{
    while (text.n) {
        struct str line = str_cut(text, '\n', &text), v;
        struct str name = str_cut(line, ' ', &v);
        if (v.n)
            ssh_config_take(r, name, v);
    }
    if (r->file_count) {
        const char **files = ARENA_ARRAY(&r->c->arena, const char *, r->file_count + 1);
        memcpy(files, r->files, r->file_count * sizeof *files);
        r->c->key_files = files;
    }
    free(r->files);
}

/* 1: there is no such program. */
static int run_ssh(struct connection *c, const char *file, struct buf *out, struct err *err)
{
    char *args[] = {"ssh", "-G", "-F", (char *)file, "-l", (char *)c->user, "--", (char *)c->host, NULL};
    size_t n = 2;
    if (file)
        n = 4;
    if (c->user) {
        args[n++] = "-l";
        args[n++] = (char *)c->user;
    }
    args[n++] = "--";
    args[n++] = (char *)c->host;
    args[n] = NULL;
    int ends[2], null, status = 0;
    pid_t child;
    if (system_pipe(ends))
        return err_errno(err, ERR_IO, "no pipe for ssh -G");
    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct spawn spawn = {.args = args, .env = environ, .out = ends[1], .error = null};
    int failed = spawn_program(&spawn, &child);
    close(ends[1]);
    close(null);
    if (!failed && fd_read_all(ends[0], out, NULL, "ssh -G"))
        buf_clear(out);
    close(ends[0]);
    if (failed)
        return 1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (!status)
        return 0;
    err_set(err, ERR_INVALID, "ssh -G does not understand %s", file ? file : "its configuration");
    return err_hint(err, "`ssh -G%s%s %s` says where", file ? " -F " : "", file ? file : "", c->host);
}

/* The few settings that libssh gives back. */
static int ask_libssh(struct reading *r, const char *file, struct err *err)
{
    static const struct {
        enum ssh_options_e option;
        const char *name;
    } asked[] = {{SSH_OPTIONS_HOST, "hostname"}, {SSH_OPTIONS_USER, "user"},
        {SSH_OPTIONS_PROXYCOMMAND, "proxycommand"}, {SSH_OPTIONS_KNOWNHOSTS, "userknownhostsfile"}};
    const struct ssh_api *api = ssh_api(err);
    ssh_session session = api ? api->new () : NULL;
    if (!session)
        return -1;
    AUTO_BUF struct buf lines = BUF_INIT;
    unsigned port = 0;
    api->options_set(session, SSH_OPTIONS_HOST, r->c->host);
    int rc = api->options_parse_config(session, file);
    for (size_t i = 0; !rc && i < sizeof asked / sizeof *asked; i++) {
        char *text = NULL;
        if (api->options_get(session, asked[i].option, &text) == SSH_OK && text)
            buf_addf(&lines, "%s %s\n", asked[i].name, text);
        if (text)
            api->string_free_char(text);
    }
    if (!rc && api->options_get_port(session, &port) == SSH_OK && port)
        buf_addf(&lines, "port %u\n", port);
    static const char *const usual[] = {"id_ed25519", "id_ecdsa", "id_rsa"};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        buf_addf(&lines, "identityfile ~/.ssh/%s\n", usual[i]);
    api->free(session);
    take_lines(r, buf_str(&lines));
    return 0;
}

int ssh_config_complete(struct connection *c, struct err *err)
{
    struct str given = value_gets(c->config, "ssh_config");
    if (str_eqz(given, "none"))
        return 0;
    const char *file = given.n ? path_join(&c->arena, c->dir, given).p : NULL;
    if (file && access(file, R_OK))
        return err_errno(err, ERR_INVALID, "connection \"%.*s\": %s", STR_ARG(c->name), file);
    if (file && file_check(file, err))
        return err_context(err, "connection \"%.*s\"", STR_ARG(c->name));
    struct reading r = {.c = c};
    AUTO_BUF struct buf out = BUF_INIT;
    int rc = run_ssh(c, file, &out, err);
    if (rc < 0)
        return err_context(err, "connection \"%.*s\"", STR_ARG(c->name));
    if (rc > 0)
        return ask_libssh(&r, file, err);
    take_lines(&r, buf_str(&out));
    if (r.only_these && c->key_files && c->key_files[0])
        c->agent = false;
    return 0;
}
