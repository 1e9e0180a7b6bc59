/* From a socket to a session that has logged in. */
#include "provider/ssh/login.h"

#include "base/clock.h"

#include <poll.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

/* What is fast in hardware first; the rest as the library has it. */
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

int login_until(
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
