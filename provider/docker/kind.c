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
    SETTING_ATTR("ca", setting_text, "Path of the CA certificate of the Engine"),
    SETTING_ATTR("cert", setting_text, "Path of the client certificate"),
    SETTING_ATTR("key", setting_text, "Path of the client certificate's key"),
};
static const struct type tls_type = OBJECT_TYPE(tls);
static const struct attr login[] = {
    SETTING_ATTR("username", setting_text, "User name"),
    SETTING_ATTR("password", setting_text, "Password", .sensitive = true),
    SETTING_ATTR("token", setting_text,
        "Token instead of both: user:password in base64, as Amazon ECR returns it", .sensitive = true),
};
static const struct type login_type = OBJECT_TYPE(login);
static const struct type logins_type = {.kind = TYPE_MAP, .elem = &login_type};
static const struct attr settings[] = {
    SETTING_PLACE("host", setting_text,
        "Address of the Engine: unix:///PATH or tcp://HOST:PORT; without it DOCKER_HOST, or "
        "unix:///var/run/docker.sock"),
    SETTING_ATTR("tls", tls_type,
        "TLS certificates of server and client; without it DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"),
    SETTING_ATTR("via", setting_text, "Name of the connection to the Engine"),
    SETTING_ATTR("insecure", setting_flag, "Allow tcp:// without TLS to other machines"),
    SETTING_ATTR(
        "registries", logins_type, "Registry logins by host name; without it those of `docker login`"),
};
static const struct type settings_type = OBJECT_TYPE(settings);
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
