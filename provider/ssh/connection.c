/* Reads the settings of one connection (see login.h), completed from OpenSSH's configuration. */
#include "base/clock.h"
#include "base/file.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "base/system.h"
#include "provider/ssh/connection_settings.h"
#include "provider/ssh/login.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- OpenSSH's configuration of a host, as `ssh -G` prints it: only ssh itself parses its whole syntax.
 * Without the ssh program, libssh's parser. */

struct reading {
    struct connection *c;
    const char **files; /* private key files */
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

/* OpenSSH implements ProxyJump by running ssh itself. `ssh -G` prints an address in brackets, which `ssh`
 * does not accept as a destination. */
static void take_jump(struct reading *r, struct str jump)
{
    if (r->c->via || r->c->proxy_command || str_eqz(jump, "none"))
        return;
    size_t at = jump.n;
    while (at && jump.p[at - 1] != ',')
        at--;
    struct str before = str_slice(jump, 0, at ? at - 1 : 0), nearest = str_slice(jump, at, jump.n),
               port = STR_EMPTY;
    ptrdiff_t open = str_find_char(nearest, '[', 0), end = str_find_char(nearest, ']', 0);
    ptrdiff_t colon = str_find_char(nearest, ':', end < 0 ? 0 : (size_t)end);
    struct str user = STR_EMPTY, host = nearest;
    if (colon > 0) {
        port = str_slice(nearest, (size_t)colon + 1, nearest.n);
        host = str_slice(nearest, 0, (size_t)colon);
    }
    if (open >= 0 && end > open) {
        user = str_slice(nearest, 0, (size_t)open);
        host = str_slice(nearest, (size_t)open + 1, (size_t)end);
    }
    r->c->proxy_command =
        arena_printf(&r->c->arena, "exec ssh%s%.*s%s%.*s -W '[%%h]:%%p' %.*s%.*s", before.n ? " -J " : "",
            STR_ARG(before), port.n ? " -p " : "", STR_ARG(port), STR_ARG(user), STR_ARG(host))
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

/* Returns 1 if there is no ssh program. */
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

/* Reads the few settings that libssh reports. */
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

/* Completes the connection from the user's files, by ssh or, without it, by libssh. */
static int ssh_config_complete(struct connection *c, struct err *err)
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

/* ---- Attributes of a connection under `connections:`, for checks and editors. */

static const struct value *const kinds[] = {
    &(const struct value){.kind = VALUE_STRING, .string = STR_INIT("ssh")}};

static const struct value kind_choices = {
    .kind = VALUE_LIST, .depth = 1, .count = 1, .items = (const struct value **)kinds};

/* Values may become part of a ProxyCommand line, so shell metacharacters are refused, as in OpenSSH. */
#define WORD "[^\\s'\"`$;&<>|(){}]"

static const struct type port_type = {.kind = TYPE_INT};

static const struct attr settings[] = {
    SETTING_ATTR("type", setting_text, "Type of the connection: ssh", .choices = &kind_choices),
    SETTING_ATTR("host", setting_text, "Host name or address, or a Host alias of ~/.ssh/config",
        .required = true, .pattern = STR_INIT("(?!-)" WORD "+")),
    SETTING_ATTR("port", port_type, "Port of the SSH server; without it 22", .has_min = true, .min = 1,
        .has_max = true, .max = 65535),
    SETTING_ATTR("user", setting_text, "User to log in as", .pattern = STR_INIT("(?!-)" WORD "+")),
    SETTING_ATTR("via", setting_text, "Name of another connection through which this one goes (jump host)"),
    SETTING_ATTR("proxy_command", setting_text,
        "Local command whose standard input and output carry the connection; %h, %p and %r as in ssh_config"),
    SETTING_ATTR("key", setting_any, "Private key: path of a file, or the key itself; or a list of these"),
    SETTING_ATTR("passphrase", setting_text, "Passphrase of the key", .sensitive = true),
    SETTING_ATTR("certificate", setting_text, "Path of the key's certificate; without it KEY-cert.pub"),
    SETTING_ATTR("password", setting_text, "Password, if the host accepts one", .sensitive = true),
    SETTING_ATTR(
        "agent", setting_flag, "Use the keys of ssh-agent; without it true, unless a key or password is set"),
    SETTING_ATTR("host_key", setting_any, "Host key or its fingerprint (SHA256:…); or a list of these"),
    SETTING_ATTR(
        "known_hosts", setting_text, "Path of the known_hosts file, instead of OpenSSH's default files"),
    SETTING_ATTR("ssh_config", setting_text,
        "Path of the OpenSSH configuration file, instead of the default files; or none"),
    SETTING_ATTR("timeout", setting_any, "Time limit for the login, such as 20s"),
    SETTING_ATTR(
        "wait", setting_any, "Time for which an apply waits for a host that does not answer yet, such as 5m"),
    SETTING_ATTR("cloud_init", setting_flag, "Wait until cloud-init has finished"),
    SETTING_ATTR("keep_alive", setting_any,
        "Interval of keep-alive messages, such as 15s. After three without an answer the connection is lost"),
};

static const struct type settings_type = OBJECT_TYPE(settings);

const struct attr connection_settings = {
    .name = STR_INIT("connection"), .type = &settings_type, .settable = true};

static const char *text_of(struct connection *c, const char *name)
{
    struct str text = value_gets(c->config, name);
    return text.n ? arena_strz(&c->arena, text) : NULL;
}

/* Resolves ~/x, x relative to the stack's folder, and /x. */
static const char *path_of(struct connection *c, struct str path)
{
    const char *home = getenv("HOME");
    if (str_starts(path, STR("~/")) && home)
        return arena_printf(&c->arena, "%s/%.*s", home, STR_ARG(str_slice(path, 2, path.n))).p;
    return path_join(&c->arena, c->dir, path).p;
}

static const char *file_of(struct connection *c, const char *name)
{
    const char *text = text_of(c, name);
    return text ? path_of(c, str_z(text)) : NULL;
}

/* Parses "90s", "5m", "1h", "0s", or seconds. */
static int duration(struct connection *c, const char *name, int64_t otherwise, int64_t *ms, struct err *err)
{
    const struct value *v = value_getz(c->config, name);
    *ms = otherwise;
    if (value_is_null(v))
        return 0;
    struct str text = value_scalar_text(&c->arena, v);
    int64_t seconds = 0;
    if (str_eqz(text, "0s") || (str_to_int(text, &seconds) && seconds >= 0 && seconds <= 24 * 3600))
        *ms = seconds * 1000;
    else if (!duration_read(text, ms))
        return err_set(err, ERR_INVALID, "connection \"%.*s\": \"%s\" is a duration such as 90s or 5m",
            STR_ARG(c->name), name);
    return 0;
}

/* Returns a string, or a list of strings, as a list. */
static const struct value *list_of(struct connection *c, const char *name)
{
    const struct value *v = value_getz(c->config, name);
    if (value_is_null(v))
        return &value_empty_list;
    return v->kind == VALUE_LIST ? v : value_list(&c->arena, &v, 1);
}

static void read_keys(struct connection *c)
{
    const struct value *keys = list_of(c, "key");
    const char **files = ARENA_ARRAY(&c->arena, const char *, keys->count + 1);
    size_t n = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        struct str text = value_text(keys->items[i], STR_EMPTY);
        if (str_starts(str_trim(text), STR("-----BEGIN "))) {
            mask_add(text, MASK_GIVEN);
            c->key = arena_printf(&c->arena, "%.*s\n", STR_ARG(str_trim(text))).p;
        } else if (text.n) {
            files[n++] = path_of(c, text);
        }
    }
    c->key_files = files;
    c->keys_given = n || c->key;
}

/* Checks values known only during the apply, such as a machine's address, which were not checked before. */
static int check_word(struct connection *c, const char *name, const char *text, struct err *err)
{
    const struct attr *attr = type_field(connection_settings.type, str_z(name));
    if (!text || attr_matches_pattern(&c->arena, attr, str_z(text)))
        return 0;
    err_set(err, ERR_INVALID, "connection \"%.*s\": \"%s\" does not match %.*s", STR_ARG(c->name), name,
        STR_ARG(attr->pattern));
    return err_hint(err, "it is a word without blanks and without what a shell reads otherwise");
}

static const char *secret_of(struct connection *c, const char *name)
{
    const char *text = text_of(c, name);
    if (text)
        mask_add(str_z(text), MASK_GIVEN);
    return text;
}

static const char *own_name(struct connection *c)
{
    struct passwd entry, *found = NULL;
    char *text = arena_alloc(&c->arena, 4096);
    getpwuid_r(getuid(), &entry, text, 4096, &found);
    return found ? found->pw_name : "root";
}

static int read_times(struct connection *c, struct err *err)
{
    int64_t keep_alive;
    if (duration(c, "timeout", 20 * 1000, &c->timeout_ms, err) ||
        duration(c, "wait", 5 * 60 * 1000, &c->wait_ms, err) ||
        duration(c, "keep_alive", 15 * 1000, &keep_alive, err))
        return -1;
    c->keep_alive_ms = (int)keep_alive;
    return 0;
}

/* Checks files that libssh opens itself. */
static int check_files(const struct connection *c, struct err *err)
{
    const char *const files[] = {c->known_hosts, c->global_known_hosts};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i] && file_check(files[i], err))
            return err_context(err, "connection \"%.*s\"", STR_ARG(c->name));
    return 0;
}

static int64_t number_of(const struct value *v, int64_t otherwise)
{
    return v && v->kind == VALUE_INT ? v->integer : otherwise;
}

static bool is_true(const struct value *v, bool otherwise)
{
    return v && v->kind == VALUE_BOOL ? v->boolean : otherwise;
}

void connection_init(struct connection *c, struct str name, const struct value *config, struct str dir)
{
    *c = (struct connection){0};
    c->name = arena_str(&c->arena, name);
    c->dir = arena_str(&c->arena, dir);
    c->config = config ? value_copy(&c->arena, config) : &value_empty_map;
}

int connection_read(struct connection *c, struct err *err)
{
    c->host = text_of(c, "host");
    if (!c->host)
        return err_set(err, ERR_INVALID, "connection \"%.*s\" has no host", STR_ARG(c->name));
    c->user = text_of(c, "user");
    if (check_word(c, "host", c->host, err) || check_word(c, "user", c->user, err))
        return -1;
    c->port = (int)number_of(value_getz(c->config, "port"), 0);
    c->via = text_of(c, "via");
    c->proxy_command = text_of(c, "proxy_command");
    c->host_keys = list_of(c, "host_key");
    c->known_hosts = file_of(c, "known_hosts");
    read_keys(c);
    c->certificate = file_of(c, "certificate");
    c->passphrase = secret_of(c, "passphrase");
    c->password = secret_of(c, "password");
    c->agent = is_true(value_getz(c->config, "agent"), !c->keys_given && !c->password);
    c->cloud_init = is_true(value_getz(c->config, "cloud_init"), false);
    if (read_times(c, err) || ssh_config_complete(c, err) || check_files(c, err))
        return -1;
    c->user = c->user ? c->user : own_name(c);
    c->port = c->port ? c->port : 22;
    c->alias = c->alias ? c->alias : c->host;
    return 0;
}

void connection_release(struct connection *c)
{
    arena_wipe(&c->arena);
}
