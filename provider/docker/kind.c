/* The kind `docker`: see kind.h. */
#include "provider/docker/kind.h"

#include "provider/docker/types.h"
#include "provider/setting_attr.h"

static const struct native natives[] = {
    {.name = "network", .ops = &docker_network_ops},
    {.name = "volume", .ops = &docker_volume_ops},
    {.name = "image", .ops = &docker_image_ops},
    {.name = "container", .ops = &docker_container_ops},
    {0},
};

static const struct attr tls[] = {
    SETTING_ATTR("ca", setting_text, "File with the authority that the Engine's certificate comes from"),
    SETTING_ATTR("cert", setting_text, "File with the certificate that weir shows"),
    SETTING_ATTR("key", setting_text, "File with its key"),
};
static const struct type tls_type = {
    .kind = TYPE_OBJECT, .fields = tls, .field_count = sizeof tls / sizeof *tls};
static const struct attr login[] = {
    SETTING_ATTR("username", setting_text, "User name"),
    {.name = STR_INIT("password"),
        .type = &setting_text,
        .settable = true,
        .sensitive = true,
        .doc = STR_INIT("Password")},
    {.name = STR_INIT("token"),
        .type = &setting_text,
        .settable = true,
        .sensitive = true,
        .doc = STR_INIT("Instead of both: user:password in base64, as ECR gives it")},
};
static const struct type login_type = {
    .kind = TYPE_OBJECT, .fields = login, .field_count = sizeof login / sizeof *login};
static const struct type logins_type = {.kind = TYPE_MAP, .elem = &login_type};
static const struct attr settings[] = {
    SETTING_PLACE("host", setting_text,
        "The Engine: unix:///PATH or tcp://HOST:PORT; else DOCKER_HOST, else unix:///var/run/docker.sock"),
    SETTING_ATTR(
        "tls", tls_type, "TLS, and what each side shows; else DOCKER_TLS_VERIFY with DOCKER_CERT_PATH"),
    SETTING_ATTR("via", setting_text, "Connection through which the Engine is reached"),
    SETTING_ATTR("insecure", setting_flag, "tcp:// without TLS to other machines is allowed"),
    SETTING_ATTR(
        "registries", logins_type, "Who weir is to registries, by host; else what `docker login` has left"),
};
static const struct type settings_type = {
    .kind = TYPE_OBJECT, .fields = settings, .field_count = sizeof settings / sizeof *settings};
static const struct attr settings_attr = {
    .name = STR_INIT("docker"), .type = &settings_type, .settable = true};

const struct provider_kind docker_kind = {
    .name = "docker",
    .specs = "provider/docker/specs/",
    .natives = natives,
    .settings = &settings_attr,
    .http = true,
    .open = engine_open,
    .close = engine_close,
    .place = engine_place,
    .place_difference = engine_place_difference,
    .place_settings = engine_place_settings,
    .place_text = engine_place_text,
};
