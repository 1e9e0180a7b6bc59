/*
 * The settings of one connection: what stands under `connections:`, completed by what OpenSSH's own
 * configuration says about the host. What the stack says comes first.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"

struct connection {
    struct arena arena;
    struct str name;
    const struct value *config; /* as defined */
    struct str dir;             /* where relative paths start */

    const char *host, *user, *alias; /* alias: the name under which known hosts have it */
    int port;
    const char *via;                              /* another connection; NULL: none */
    const char *proxy_command;                    /* NULL: none */
    const struct value *host_keys;                /* list of fingerprints and key lines; empty: none given */
    const char *known_hosts, *global_known_hosts; /* files; NULL: the usual ones */
    bool strict; /* OpenSSH's configuration wants no host that it does not know */

    const char *key;                   /* the private key itself; NULL: not given */
    const char *const *key_files;      /* tried in this order, NULL at the end */
    bool keys_given;                   /* by the stack: what is wrong with one is an error */
    const char *certificate;           /* file or text; NULL: none, or beside the key */
    const char *passphrase, *password; /* NULL: none */
    bool agent;
    const char *agent_socket; /* NULL: SSH_AUTH_SOCK */

    int64_t timeout_ms; /* to log in */
    int64_t wait_ms;    /* for a host that does not answer yet */
    bool cloud_init;    /* wait until cloud-init has done its work */
    int keep_alive_ms;
};

void connection_init(
    struct connection *connection, struct str name, const struct value *config, struct str dir);
/* Fills in the rest; may run `ssh -G`. */
int connection_read(struct connection *connection, struct err *err);
void connection_release(struct connection *connection);

/* ssh_config.c: what OpenSSH (or, without its program, libssh) makes of the user's files. */
int ssh_config_complete(struct connection *connection, struct err *err);
