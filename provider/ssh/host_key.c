/* Checks the host key. */
#include "base/file.h"
#include "provider/ssh/login.h"

#include <stdio.h>
#include <stdlib.h>

struct shown {
    ssh_key key;
    char print[80];  /* fingerprint, "SHA256:…" */
    char line[1600]; /* key line, "ssh-ed25519 AAAA…" */
};

static void fingerprint(const struct ssh_api *api, ssh_key key, char *out, size_t size)
{
    unsigned char *hash = NULL;
    size_t n = 0;
    out[0] = '\0';
    if (api->get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &n))
        return;
    char *text = api->get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, n);
    snprintf(out, size, "%s", text ? text : "");
    if (text)
        api->string_free_char(text);
    api->clean_pubkey_hash(&hash);
}

static void write_line(const struct ssh_api *api, struct shown *shown)
{
    char *base64 = NULL;
    shown->line[0] = '\0';
    if (api->pki_export_pubkey_base64(shown->key, &base64) || !base64)
        return;
    snprintf(
        shown->line, sizeof shown->line, "%s %s", api->key_type_to_char(api->key_type(shown->key)), base64);
    api->string_free_char(base64);
}

/* Parses a key line; returns NULL if it is invalid. */
static ssh_key key_of_line(const struct ssh_api *api, struct str line)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str rest, type = str_cut(str_trim(line), ' ', &rest), base64 = str_cut(rest, ' ', &rest);
    enum ssh_keytypes_e kind = api->key_type_from_name(arena_strz(&scratch, type));
    ssh_key key = NULL;
    if (kind == SSH_KEYTYPE_UNKNOWN || !base64.n ||
        api->pki_import_pubkey_base64(arena_strz(&scratch, base64), kind, &key))
        return NULL;
    return key;
}

static int refuse_changed(
    const struct login *login, const char *known, const struct shown *shown, struct err *err)
{
    err_set(err, ERR_AUTH, "the host key of %s is not the one that is known: %s is known, %s was shown",
        login->connection->alias, known, shown->print);
    return -1;
}

static int hint_changed(struct err *err, const char *where)
{
    err_hint(err,
        "somebody may be intercepting the connection. If the host was recreated, or its key was changed, "
        "remove the old key from %s",
        where);
    return -1;
}

/* Compares the shown key with a configured fingerprint or key line. Returns 1 if equal, 0 if different, -1 if
 * the string is neither. */
static int compare_given(
    const struct login *login, struct str given, const struct shown *shown, char print[80])
{
    const struct ssh_api *api = login->api;
    given = str_trim(given);
    snprintf(print, 80, "%.*s", STR_ARG(given));
    if (str_starts(given, STR("SHA256:"))) {
        while (given.n && given.p[given.n - 1] == '=')
            given.n--;
        return str_eqz(given, shown->print);
    }
    ssh_key key = key_of_line(api, given);
    if (!key)
        return -1;
    fingerprint(api, key, print, 80);
    int same = !api->key_cmp(key, shown->key, SSH_KEY_CMP_PUBLIC);
    api->key_free(key);
    return same;
}

static int check_given(struct login *login, const struct shown *shown, struct err *err)
{
    const struct value *keys = login->connection->host_keys;
    AUTO_BUF struct buf known = BUF_INIT;
    for (uint32_t i = 0; i < keys->count; i++) {
        char print[80];
        struct str given = value_text(keys->items[i], STR_EMPTY);
        int rc = compare_given(login, given, shown, print);
        if (rc > 0)
            return 0;
        if (rc < 0) {
            err_set(err, ERR_INVALID, "\"%.*s\" is not a host key", STR_ARG(given));
            return err_hint(err,
                "a fingerprint (SHA256:…) or a key (ssh-ed25519 AAAA…), as `ssh-keyscan HOST` "
                "and `ssh-keygen -lf` print them");
        }
        buf_addf(&known, "%s%s", i ? ", " : "", print);
    }
    login->other_key = true;
    refuse_changed(login, known.p ? known.p : "nothing", shown, err);
    return hint_changed(err, "`host_key`");
}

/* ---- the owner's knowledge ---- */

static void learn(struct login *login, const struct shown *shown, bool vouched, const char *why)
{
    const struct ssh_pool_trust *trust = login->trust;
    const struct ssh_pool_learned learned = {.connection = login->connection->name,
        .where = str_z(login->connection->alias),
        .key = str_z(shown->line),
        .shown = shown->print,
        .vouched = vouched,
        .why = why};
    trust->learned(trust->ctx, &learned);
}

/* Finds the keys that cloud-init prints at a machine's start. Returns false if they are missing or
 * incomplete. */
static bool printed_keys(struct str console, struct str *keys)
{
    const struct str begin = STR("-----BEGIN SSH HOST KEY KEYS-----"),
                     end = STR("-----END SSH HOST KEY KEYS-----");
    ptrdiff_t from = str_find(console, begin, 0), to = -1;
    for (ptrdiff_t at = from; at >= 0 && (at = str_find(console, end, (size_t)at)) >= 0; at++)
        to = at;
    if (to < 0)
        return false;
    *keys = str_slice(console, (size_t)from, (size_t)to);
    return true;
}

static bool has_key(const struct login *login, struct str keys, const struct shown *shown)
{
    struct str line;
    bool has = false;
    while (keys.n && !has) {
        line = str_cut(keys, '\n', &keys);
        ssh_key key = key_of_line(login->api, line);
        has = key && !login->api->key_cmp(key, shown->key, SSH_KEY_CMP_PUBLIC);
        if (key)
            login->api->key_free(key);
    }
    return has;
}

/* True if cloud-init has reported its end, with or without keys. */
static bool has_started(struct str console)
{
    ptrdiff_t at = str_find(console, STR("Cloud-init v. "), 0);
    return at >= 0 && str_find(console, STR(" finished at "), (size_t)at) >= 0;
}

/*
 * Returns 1 if the machine's console shows the key; 0 if the console cannot be used, with the reason in *why
 * (NULL: there is no console); -1 if it shows other keys, or may show keys later.
 */
static int check_console(
    struct login *login, const struct shown *shown, struct arena *scratch, const char **why, struct err *err)
{
    const struct connection *c = login->connection;
    const struct ssh_pool_trust *trust = login->trust;
    struct err failure = ERR_INIT;
    struct str console = STR_EMPTY, keys;
    *why = NULL;
    if (!trust->console || !trust->console(trust->ctx, scratch, c->name, login->cancel, &console, &failure))
        return 0;
    if (printed_keys(console, &keys)) {
        if (has_key(login, keys, shown))
            return 1;
        err_set(err, ERR_AUTH,
            "the host key of %s is not one of those on the console of its machine: %s was shown", c->alias,
            shown->print);
        return err_hint(err, "somebody may be intercepting the connection, or `host` is another machine");
    }
    *why = failure.class == ERR_NONE ? "the console of its machine shows none"
                                     : arena_strz(scratch, str_z(failure.message));
    if (!login->may_wait || has_started(console) || (failure.class != ERR_NONE && !failure.retryable))
        return 0;
    login->awaits_key = true;
    err_set(err, ERR_TIMEOUT, "the console of %s does not show its host key yet", c->alias);
    err->retryable = true;
    return -1;
}

/* Handles a key that neither known keys nor the console confirm. */
static int check_first_use(struct login *login, const struct shown *shown, const char *why, struct err *err)
{
    const struct connection *c = login->connection;
    if (!login->trust->learned || c->strict) {
        err_set(err, ERR_AUTH, "the host key of %s is not known: %s was shown", c->alias, shown->print);
        return err_hint(
            err, "configure it in the stack (`host_key: %s`), if it is the right one", shown->print);
    }
    learn(login, shown, false, why);
    return 0;
}

static int refuse_trusted(
    const struct login *login, const char *known, const struct shown *shown, struct err *err)
{
    refuse_changed(login, known, shown, err);
    return err_hint(err,
        "somebody may be intercepting the connection. If the host was recreated: `weir state rm "
        "connections.%s`, or configure its key in the stack (`host_key`)",
        login->connection->name.p);
}

/* `files`: the error of the known_hosts check (class ERR_NONE: none). */
static int check_trust(
    struct login *login, const struct shown *shown, const struct err *files, struct err *err)
{
    const struct ssh_pool_trust *trust = login->trust;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char known[80] = "";
    const char *why;
    bool made = false;
    struct str trusted =
        trust->known ? trust->known(trust->ctx, &scratch, login->connection->name, &made) : STR_EMPTY;
    bool same = trusted.n && compare_given(login, trusted, shown, known) > 0;
    if (same && (made || files->class == ERR_NONE))
        return 0;
    int rc = check_console(login, shown, &scratch, &why, err);
    if (rc > 0)
        learn(login, shown, true, NULL);
    if (rc)
        return rc > 0 ? 0 : -1;
    if (files->class != ERR_NONE) {
        *err = *files;
        return -1;
    }
    return trusted.n ? refuse_trusted(login, known, shown, err) : check_first_use(login, shown, why, err);
}

/* ---- files ---- */

/* Finds the host's key in a known_hosts file; returns false if there is none. */
static bool find_known(struct login *login, const char *path, char print[80])
{
    const struct connection *c = login->connection;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text, line;
    const char *home = getenv("HOME");
    struct str usual = arena_printf(&scratch, "%s/.ssh/known_hosts", home ? home : "");
    struct str host = c->port == 22 ? str_z(c->alias) : arena_printf(&scratch, "[%s]:%d", c->alias, c->port);
    if (file_read_own(&scratch, path ? path : usual.p, 0, &text, ERR_IGNORED))
        return false;
    while (text.n) {
        struct ssh_knownhosts_entry *entry = NULL;
        line = str_cut(text, '\n', &text);
        if (login->api->known_hosts_parse_line(
                arena_strz(&scratch, host), arena_strz(&scratch, line), &entry) != SSH_OK ||
            !entry)
            continue;
        fingerprint(login->api, entry->publickey, print, 80);
        login->api->knownhosts_entry_free(entry);
        return true;
    }
    return false;
}

static int check_files(struct login *login, const struct shown *shown, bool *known, struct err *err)
{
    const struct ssh_api *api = login->api;
    char print[80] = "another kind of key";
    *known = true;
    switch (api->session_is_known_server(login->session)) {
    case SSH_KNOWN_HOSTS_OK: return 0;
    case SSH_KNOWN_HOSTS_CHANGED:
    case SSH_KNOWN_HOSTS_OTHER: break;
    default: *known = false; return 0;
    }
    if (!find_known(login, login->connection->known_hosts, print))
        find_known(login, login->connection->global_known_hosts, print);
    refuse_changed(login, print, shown, err);
    return hint_changed(err, login->connection->known_hosts ? login->connection->known_hosts : "known_hosts");
}

static int host_key_judge(struct login *login, const struct shown *shown, struct err *err)
{
    bool known = false;
    struct err files = ERR_INIT;
    if (login->connection->host_keys->count)
        return check_given(login, shown, err);
    if (check_files(login, shown, &known, &files) == 0 && known)
        return 0;
    return check_trust(login, shown, &files, err);
}

int host_key_check(struct login *login, struct err *err)
{
    struct shown shown = {0};
    if (login->api->get_server_publickey(login->session, &shown.key))
        return err_set(err, ERR_PROTOCOL, "%s shows no host key", login->connection->alias);
    fingerprint(login->api, shown.key, shown.print, sizeof shown.print);
    write_line(login->api, &shown);
    int rc = host_key_judge(login, &shown, err);
    login->api->key_free(shown.key);
    return rc;
}
