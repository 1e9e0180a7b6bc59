/* Connects to a host and logs in: transport, libssh, host key, authentication. */
#include "provider/ssh/login.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/library.h"
#include "base/spawn.h"
#include "base/system.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- libssh, loaded when the first connection is opened: see login.h. It initialises itself. */

const struct ssh_api *ssh_api(struct err *err)
{
#define SSH_NAME(name)   "ssh_" #name "\0"
#define SSH_LINKED(name) ssh_##name,
    static struct ssh_api api = LIBRARY_LINKED(SSH_FUNCTIONS(SSH_LINKED));
    static struct library library = {
        .file = "libssh.so.4",
        .install = "libssh 0.10 or later (Debian and Ubuntu: apt install libssh-4)",
        .table = &api,
        .names = SSH_FUNCTIONS(SSH_NAME),
    };
    return library_table(&library, err);
}

enum { LOOK_MS = 100 };

/* Ciphers that are fast in hardware first; other algorithms are the library's defaults. */
#define CIPHERS                                                                                              \
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,"     \
    "aes128-ctr"

static void login_await(const struct login *login)
{
    int flags = login->api->get_poll_flags(login->session);
    struct pollfd polled = {.fd = login->api->get_fd(login->session),
        .events = (short)(POLLIN | (flags & SSH_WRITE_PENDING ? POLLOUT : 0))};
    poll(&polled, 1, LOOK_MS);
}

/* Repeats a non-blocking call until it returns another status than `again`; returns that status. */
static int login_until(
    struct login *login, int (*call)(struct login *login, void *ctx), void *ctx, int again, struct err *err)
{
    for (;;) {
        int rc = call(login, ctx);
        if (rc != again)
            return rc;
        if (cancel_is_set(login->cancel)) {
            err_set(err, ERR_INTERRUPTED, "given up");
            return again;
        }
        if (clock_mono_ms() >= login->deadline_ms) {
            err_set(err, ERR_TIMEOUT, "%s does not answer as an SSH server does", login->connection->host);
            err->retryable = true;
            return again;
        }
        login_await(login);
    }
}

static int shake_hands(struct login *login, void *ctx UNUSED)
{
    return login->api->connect(login->session);
}

static void set(struct login *login, enum ssh_options_e option, const void *v)
{
    if (v)
        login->api->options_set(login->session, option, v);
}

static void set_options(struct login *login, int fd)
{
    const struct connection *c = login->connection;
    static const bool no = false;
    set(login, SSH_OPTIONS_PROCESS_CONFIG, &no);
    set(login, SSH_OPTIONS_HOST, c->alias);
    set(login, SSH_OPTIONS_PORT, &c->port);
    set(login, SSH_OPTIONS_USER, c->user);
    set(login, SSH_OPTIONS_FD, &fd);
    set(login, SSH_OPTIONS_KNOWNHOSTS, c->host_keys->count ? "/dev/null" : c->known_hosts);
    set(login, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, c->host_keys->count ? "/dev/null" : c->global_known_hosts);
    set(login, SSH_OPTIONS_CIPHERS_C_S, CIPHERS);
    set(login, SSH_OPTIONS_CIPHERS_S_C, CIPHERS);
    set(login, SSH_OPTIONS_HOSTKEYS, login->key_types);
    if (c->agent_socket)
        set(login, SSH_OPTIONS_IDENTITY_AGENT, c->agent_socket);
    login->api->set_blocking(login->session, 0);
}

static int handshake(struct login *login, struct err *err)
{
    struct err why = ERR_INIT;
    int rc = login_until(login, shake_hands, NULL, SSH_AGAIN, &why);
    if (rc == SSH_OK)
        return 0;
    if (why.class != ERR_NONE)
        return err_raise(err, &why);
    err_set(err, ERR_NETWORK, "no SSH session with %s: %s", login->connection->host,
        login->api->get_error(login->session));
    err->retryable = true;
    return -1;
}

static int ask_nothing(struct login *login, void *ctx UNUSED)
{
    return login->api->userauth_none(login->session, NULL);
}

/* ---- Authentication: keys, certificates, the agent's keys, passwords, in OpenSSH's order. */

/* ---- one attempt ---- */

struct attempt {
    ssh_key key;
    const char *text;
};

/* Returns 1 after a successful login, 0 if the method failed, -1 with err. */
static int attempt(
    struct login *login, int (*ask)(struct login *login, void *ctx), struct attempt *with, struct err *err)
{
    struct err why = ERR_INIT;
    int rc = login_until(login, ask, with, SSH_AUTH_AGAIN, &why);
    if (why.class != ERR_NONE)
        return err_raise(err, &why);
    if (rc == SSH_AUTH_SUCCESS)
        return 1;
    if (rc != SSH_AUTH_ERROR || login->api->is_connected(login->session))
        return 0;
    return err_set(err, ERR_AUTH, "%s closed the connection instead of letting \"%s\" in (tried: %s)",
        login->connection->host, login->connection->user, login->tried.p ? login->tried.p : "nothing");
}

static int ask_agent(struct login *login, void *ctx UNUSED)
{
    return login->api->userauth_agent(login->session, NULL);
}

static void auth_note(struct login *login, const char *what, const char *which)
{
    buf_addf(&login->tried, "%s%s%s", login->tried.n ? ", " : "", what, which);
}

static int ask_key(struct login *login, void *ctx)
{
    return login->api->userauth_publickey(login->session, NULL, ((struct attempt *)ctx)->key);
}

/* ---- keys ---- */

static int no_passphrase(const char *prompt UNUSED, char *out UNUSED, size_t size UNUSED, int echo UNUSED,
    int verify UNUSED, void *ctx)
{
    *(bool *)ctx = true; /* the key has a passphrase */
    return -1;
}

static int import(struct login *login, const char *file, ssh_key *key, bool *locked)
{
    const struct connection *c = login->connection;
    *locked = false;
    if (file && file_check(file, NULL))
        return SSH_ERROR;
    return file ? login->api->pki_import_privkey_file(file, c->passphrase, no_passphrase, locked, key)
                : login->api->pki_import_privkey_base64(c->key, c->passphrase, no_passphrase, locked, key);
}

static const char *key_name(const char *file)
{
    return file ? file : "the key in the stack";
}

static int refuse_key(const struct login *login, const char *file, bool locked, struct err *err)
{
    const struct connection *c = login->connection;
    if (file && access(file, R_OK))
        return err_errno(err, ERR_INVALID, "%s", file);
    if (file && file_check(file, err))
        return -1;
    if (!locked && !c->passphrase) {
        err_set(err, ERR_INVALID, "%s is not a private key that can be read", key_name(file));
        return err_hint(err, "a private key in OpenSSH's or PEM form; the .pub beside it is the public one");
    }
    if (c->passphrase)
        return err_set(err, ERR_AUTH, "the passphrase does not open %s", key_name(file));
    err_set(
        err, ERR_AUTH, "%s has a passphrase, and neither `passphrase` nor an agent gives it", key_name(file));
    return err_hint(err,
        "`passphrase: ${inputs.…}` with a sensitive input, or `ssh-add %s` with an agent running",
        file ? file : "FILE");
}

/* Loads the certificate of a key: the configured one, or FILE-cert.pub. */
static ssh_key certified(struct login *login, const char *file)
{
    const struct connection *c = login->connection;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const char *path = c->certificate ? c->certificate
                       : file         ? arena_printf(&scratch, "%s-cert.pub", file).p
                                      : NULL;
    ssh_key certificate = NULL;
    if (!path || access(path, R_OK) || file_check(path, NULL) ||
        login->api->pki_import_cert_file(path, &certificate))
        return NULL;
    /* A copy of the key gets the certificate, since the key alone is tried as well. */
    ssh_key both = NULL;
    bool locked;
    if (import(login, file, &both, &locked) || login->api->pki_copy_cert_to_privkey(certificate, both)) {
        login->api->key_free(both);
        both = NULL;
    }
    login->api->key_free(certificate);
    return both;
}

static int try_key(struct login *login, const char *file, struct err *err)
{
    ssh_key key = NULL;
    bool locked;
    if (import(login, file, &key, &locked)) {
        if (!login->connection->keys_given)
            return 0; /* default key files that cannot be read are skipped, as in OpenSSH */
        if (locked && getenv("SSH_AUTH_SOCK") && !login->connection->passphrase)
            return attempt(login, ask_agent, NULL, err);
        return refuse_key(login, file, locked, err);
    }
    int rc = 0;
    ssh_key both = certified(login, file);
    if (both) {
        auth_note(login, "certificate of ", key_name(file));
        rc = attempt(login, ask_key, &(struct attempt){.key = both}, err);
        login->api->key_free(both);
    }
    if (!rc) {
        auth_note(login, "", key_name(file));
        rc = attempt(login, ask_key, &(struct attempt){.key = key}, err);
    }
    login->api->key_free(key);
    return rc;
}

static int try_keys(struct login *login, struct err *err)
{
    const struct connection *c = login->connection;
    int rc = 0;
    if (c->key)
        rc = try_key(login, NULL, err);
    for (size_t i = 0; !rc && c->key_files && c->key_files[i]; i++)
        rc = try_key(login, c->key_files[i], err);
    if (!rc && c->agent && (c->agent_socket || getenv("SSH_AUTH_SOCK"))) {
        auth_note(login, "the agent's keys", "");
        rc = attempt(login, ask_agent, NULL, err);
    }
    return rc;
}

static int ask_password(struct login *login, void *ctx)
{
    return login->api->userauth_password(login->session, NULL, ((struct attempt *)ctx)->text);
}

/* Many servers request the password in this form only: answers every question without echo. */
static int ask_questions(struct login *login, void *ctx)
{
    const struct ssh_api *api = login->api;
    int rc;
    while ((rc = api->userauth_kbdint(login->session, NULL, NULL)) == SSH_AUTH_INFO) {
        int n = api->userauth_kbdint_getnprompts(login->session);
        for (int i = 0; i < n; i++) {
            char echo = 0;
            api->userauth_kbdint_getprompt(login->session, (unsigned)i, &echo);
            api->userauth_kbdint_setanswer(
                login->session, (unsigned)i, echo ? "" : ((struct attempt *)ctx)->text);
        }
    }
    return rc;
}

static int try_password(struct login *login, unsigned methods, struct err *err)
{
    struct attempt with = {.text = login->connection->password};
    int rc = 0;
    if (!with.text)
        return 0;
    auth_note(login, "the password", "");
    if (methods & SSH_AUTH_METHOD_PASSWORD)
        rc = attempt(login, ask_password, &with, err);
    if (!rc && (methods & SSH_AUTH_METHOD_INTERACTIVE))
        rc = attempt(login, ask_questions, &with, err);
    return rc;
}

/* ---- all methods ---- */

static void name_methods(unsigned methods, struct buf *out)
{
    static const struct {
        unsigned method;
        const char *name;
    } all[] = {{SSH_AUTH_METHOD_PUBLICKEY, "keys"}, {SSH_AUTH_METHOD_PASSWORD, "passwords"},
        {SSH_AUTH_METHOD_INTERACTIVE, "questions (keyboard-interactive)"},
        {SSH_AUTH_METHOD_GSSAPI_MIC, "Kerberos"}, {SSH_AUTH_METHOD_HOSTBASED, "the client's host"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (methods & all[i].method)
            buf_addf(out, "%s%s", out->n ? ", " : "", all[i].name);
}

static int refuse_user(struct login *login, unsigned methods, struct err *err)
{
    const struct connection *c = login->connection;
    AUTO_BUF struct buf takes = BUF_INIT;
    name_methods(methods, &takes);
    err_set(err, ERR_AUTH, "%s does not let \"%s\" in: tried %s; it takes %s", c->host, c->user,
        login->tried.n ? login->tried.p : "nothing, as there is neither key nor password",
        takes.n ? takes.p : "nothing that is known here");
    return err_hint(err,
        "is the public key in ~/.ssh/authorized_keys of \"%s\" there, and is that the right user?", c->user);
}

static int go_through(struct login *login, struct err *err)
{
    int rc = attempt(login, ask_nothing, NULL, err);
    unsigned methods = (unsigned)login->api->userauth_list(login->session, NULL);
    if (!rc && (methods & SSH_AUTH_METHOD_PUBLICKEY))
        rc = try_keys(login, err);
    if (!rc) /* a key may be the first of two required factors */
        rc = try_password(login, (unsigned)login->api->userauth_list(login->session, NULL) | methods, err);
    if (rc)
        return rc > 0 ? 0 : -1;
    return refuse_user(login, methods, err);
}

static int auth_user(struct login *login, struct err *err)
{
    int rc = go_through(login, err);
    buf_release(&login->tried);
    return rc;
}

int login_over(struct login *login, int fd, struct err *err)
{
    login->session = login->api->new ();
    if (!login->session) {
        close(fd);
        return err_set(err, ERR_FAILED, "no new SSH session");
    }
    set_options(login, fd);
    if (!handshake(login, err) && !host_key_check(login, err) && !auth_user(login, err))
        return 0;
    login->api->disconnect(login->session);
    login->api->free(login->session);
    login->session = NULL;
    return -1;
}

/* ---- Transport: TCP, or a program's standard input and output ---- */

enum { DEAD_MS = 45 * 1000 };

/* Sets a limit for unacknowledged data, which detects a peer that vanished. */
static void dial_prepare(int fd)
{
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    system_set_dead_ms(fd, DEAD_MS);
}

/* Waits until the socket is connected; returns 0 or an error number. */
static int dial_await(int fd, int64_t deadline_ms, const atomic_bool *cancel)
{
    for (;;) {
        struct pollfd polled = {.fd = fd, .events = POLLOUT};
        int rc = poll(&polled, 1, LOOK_MS), error = 0;
        socklen_t n = sizeof error;
        if (rc > 0)
            return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) ? errno : error;
        if (cancel_is_set(cancel))
            return ECANCELED;
        if (clock_mono_ms() >= deadline_ms)
            return ETIMEDOUT;
    }
}

static int try_address(
    const struct addrinfo *address, int64_t deadline_ms, const atomic_bool *cancel, int *out)
{
    int fd = system_socket(address->ai_family, O_NONBLOCK), error = 0;
    if (fd < 0)
        return errno;
    dial_prepare(fd);
    if (connect(fd, address->ai_addr, address->ai_addrlen))
        error = errno == EINPROGRESS ? dial_await(fd, deadline_ms, cancel) : errno;
    if (error)
        close(fd);
    else
        *out = fd;
    return error;
}

static int say_unreachable(const struct connection *c, int error, struct err *err)
{
    if (error == ECANCELED)
        return err_set(err, ERR_INTERRUPTED, "given up");
    errno = error;
    err_errno(
        err, error == ETIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK, "cannot reach %s port %d", c->host, c->port);
    err->retryable = true;
    if (error == ECONNREFUSED)
        return err_hint(err, "nothing listens there (yet): is the host up, and is %d sshd's port?", c->port);
    return err_hint(err,
        "is the host up, does a security group or firewall let port %d in from here, and is "
        "there a route? A host in a private network is reached `via` another connection",
        c->port);
}

int dial_host(
    const struct connection *c, int64_t deadline_ms, const atomic_bool *cancel, int *fd, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *list = NULL;
    char port[16];
    snprintf(port, sizeof port, "%d", c->port);
    int failed = getaddrinfo(c->host, port, &hints, &list);
    if (failed) {
        err_set(err, ERR_NETWORK, "the name \"%s\" is not known: %s", c->host, gai_strerror(failed));
        err->retryable = true;
        return err_hint(err, "is it spelt so, and can it be looked up from here?");
    }
    int error = EADDRNOTAVAIL;
    for (const struct addrinfo *at = list; at && error && error != ECANCELED; at = at->ai_next)
        error = try_address(at, deadline_ms, cancel, fd);
    freeaddrinfo(list);
    return error ? say_unreachable(c, error, err) : 0;
}

/* Replaces %h, %p, %r, %n and %% as in ssh_config. */
static void expand(const struct connection *c, struct buf *out)
{
    const char *text = c->proxy_command;
    buf_addz(out, "exec 3<&0; { "); /* the shell redirects a background command's input from /dev/null */
    for (; *text; text++) {
        if (*text != '%' || !text[1]) {
            buf_add_char(out, *text);
            continue;
        }
        switch (*++text) {
        case 'h': buf_addz(out, c->host); break;
        case 'n': buf_addz(out, c->alias); break;
        case 'p': buf_addf(out, "%d", c->port); break;
        case 'r': buf_addz(out, c->user); break;
        default: buf_add_char(out, *text);
        }
    }
    buf_addz(out, "; } <&3 3<&- &");
}

/* Starts the program in the background: its shell does not wait for it, so it is not a child of weir; it ends
 * when its input ends. */
static int start(char *line, int fd)
{
    char *args[] = {"/bin/sh", "-c", line, NULL};
    struct spawn spawn = {
        .args = args, .env = environ, .in = fd, .out = fd, .error = STDERR_FILENO, .apart = SPAWN_SESSION};
    pid_t shell;
    int failed = spawn_program(&spawn, &shell);
    while (!failed && waitpid(shell, NULL, 0) < 0 && errno == EINTR)
        ;
    return failed;
}

int dial_command(const struct connection *c, int *fd, struct err *err)
{
    int ends[2];
    AUTO_BUF struct buf line = BUF_INIT;
    if (confined_program("the proxy command", err))
        return -1;
    expand(c, &line);
    if (system_pair(ends, 0))
        return err_errno(err, ERR_IO, "no socket for the proxy command");
    int error = start(line.p, ends[1]);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        errno = error;
        return err_errno(err, ERR_IO, "cannot run the proxy command");
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *fd = ends[0];
    return 0;
}
