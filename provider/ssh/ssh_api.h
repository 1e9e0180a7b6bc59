/*
 * libssh, loaded when the first connection is opened: most stacks have none, and linking it would be felt at
 * every start (base/library.h). A session belongs to one thread at a time: first to the worker that logs in,
 * then to the network thread (session.h).
 */
#pragma once

#include "base/err.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>

/* clang-format off */
#define SSH_FUNCTIONS(X)                                                                                 \
    X(new) X(free) X(options_set) X(options_get) X(options_get_port) X(options_parse_config)             \
    X(set_blocking) X(connect) X(disconnect) X(is_connected) X(get_error) X(get_error_code) X(get_fd)    \
    X(get_status) X(get_poll_flags) X(channel_cancel_forward) X(get_server_publickey)                    \
    X(get_publickey_hash) X(get_fingerprint_hash) X(clean_pubkey_hash) X(session_is_known_server)        \
    X(known_hosts_parse_line) X(knownhosts_entry_free) X(key_new) X(key_free) X(key_type)                \
    X(key_type_to_char) X(key_type_from_name) X(key_cmp) X(pki_import_privkey_file)                      \
    X(pki_import_privkey_base64) X(pki_import_pubkey_base64) X(pki_import_cert_file)                     \
    X(pki_import_cert_base64) X(pki_copy_cert_to_privkey) X(pki_export_pubkey_base64)                    \
    X(string_free_char) X(userauth_none) X(userauth_list) X(userauth_publickey) X(userauth_agent)        \
    X(userauth_password) X(userauth_kbdint) X(userauth_kbdint_getnprompts) X(userauth_kbdint_getprompt)  \
    X(userauth_kbdint_setanswer) X(event_new) X(event_free) X(event_add_session) X(event_remove_session) \
    X(event_dopoll) X(channel_new) X(channel_free) X(channel_close) X(channel_open_session)              \
    X(channel_open_forward) X(channel_open_forward_unix) X(channel_request_pty_size)                     \
    X(channel_change_pty_size) X(channel_request_exec) X(channel_request_shell)                          \
    X(channel_request_send_signal) X(channel_send_eof) X(channel_is_eof) X(channel_is_open)              \
    X(channel_is_closed) X(channel_read_nonblocking) X(channel_write) X(channel_window_size)             \
    X(remove_channel_callbacks) X(set_channel_callbacks)
/* clang-format on */
struct ssh_api {
#define SSH_POINTER(name) __typeof__(ssh_##name) *(name);
    SSH_FUNCTIONS(SSH_POINTER)
#undef SSH_POINTER
};

/* NULL with ERR_FAILED where the library is not installed or too old. */
const struct ssh_api *ssh_api(struct err *err);
