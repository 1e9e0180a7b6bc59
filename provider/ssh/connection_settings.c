/* What can be said of a connection under `connections:`, for whoever checks files and helps to write them:
 * see connection_settings.h. */
#include "provider/ssh/connection_settings.h"

static const struct value *const kinds[] = {
    &(const struct value){.kind = VALUE_STRING, .string = STR_INIT("ssh")}};
static const struct value kind_choices = {
    .kind = VALUE_LIST, .depth = 1, .count = 1, .items = (const struct value **)kinds};
/* They may stand in the command line of a ProxyCommand: like OpenSSH, nothing that a shell reads otherwise.
 */
#define WORD "[^\\s'\"`$;&<>|(){}]"
static const struct type port_type = {.kind = TYPE_INT};

static const struct attr settings[] = {
    {.name = STR_INIT("type"),
        .type = &setting_text,
        .settable = true,
        .choices = &kind_choices,
        .doc = STR_INIT("ssh")},
    {.name = STR_INIT("host"),
        .type = &setting_text,
        .settable = true,
        .required = true,
        .pattern = STR_INIT("(?!-)" WORD "+"),
        .doc = STR_INIT("Name or address, or a Host of ~/.ssh/config")},
    {.name = STR_INIT("port"),
        .type = &port_type,
        .settable = true,
        .has_min = true,
        .min = 1,
        .has_max = true,
        .max = 65535,
        .doc = STR_INIT("Port of its SSH server; 22 where nothing is said")},
    {.name = STR_INIT("user"),
        .type = &setting_text,
        .settable = true,
        .pattern = STR_INIT("(?!-)" WORD "+"),
        .doc = STR_INIT("Who to log in as")},
    SETTING_ATTR("via", setting_text, "Another connection that this one goes through"),
    SETTING_ATTR("proxy_command", setting_text,
        "A local command whose input and output are the way there; %h, %p and %r as in ssh_config"),
    SETTING_ATTR("key", setting_any, "Private key: a file, or the key itself; or several"),
    {.name = STR_INIT("passphrase"),
        .type = &setting_text,
        .settable = true,
        .sensitive = true,
        .doc = STR_INIT("Passphrase of the key")},
    SETTING_ATTR(
        "certificate", setting_text, "File of the key's certificate; KEY-cert.pub where nothing is said"),
    {.name = STR_INIT("password"),
        .type = &setting_text,
        .settable = true,
        .sensitive = true,
        .doc = STR_INIT("Password, where the host takes one")},
    SETTING_ATTR("agent", setting_flag, "Use the keys of ssh-agent; true unless a key or password is given"),
    SETTING_ATTR("host_key", setting_any, "The host's key or its fingerprint (SHA256:…); or several"),
    SETTING_ATTR("known_hosts", setting_text, "File of known hosts, in place of the usual ones"),
    SETTING_ATTR(
        "ssh_config", setting_text, "OpenSSH's configuration file, in place of the usual ones; none"),
    SETTING_ATTR("timeout", setting_any, "How long logging in may take: 20s"),
    SETTING_ATTR(
        "wait", setting_any, "How long a host is waited for that does not answer yet, in an apply: 5m"),
    SETTING_ATTR("cloud_init", setting_flag, "Wait until cloud-init has done its work"),
    SETTING_ATTR("keep_alive", setting_any, "Time between signs of life: 15s"),
};

static const struct type settings_type = {
    .kind = TYPE_OBJECT, .fields = settings, .field_count = sizeof settings / sizeof *settings};

const struct attr connection_settings = {
    .name = STR_INIT("connection"), .type = &settings_type, .settable = true};
