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
