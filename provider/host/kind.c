/* The provider `host`: see kind.h. */
#include "provider/host/kind.h"

#include "provider/host/machine.h"
#include "provider/host/type.h"
#include "provider/ssh/connection_settings.h"

static const struct attr settings[] = {
    SETTING_ATTR(
        "via", setting_text, "Name of the connection to the host, from `connections:`", .required = true),
    SETTING_ATTR("become", setting_flag, "Run as root, or as become_user, with sudo"),
    SETTING_ATTR("become_user", setting_text, "User to become instead of root"),
    SETTING_ATTR(
        "become_password", setting_text, "Password for sudo, if sudo asks for one", .sensitive = true),
};
static const struct type settings_type = OBJECT_TYPE(settings);
static const struct attr settings_attr = {.name = STR_INIT("host"), .type = &settings_type, .settable = true};

static const struct native natives[] = {{.name = "host", .ops = &host_ops}, {0}};

static int host_open(
    const struct provider_options *options, struct arena *arena UNUSED, void **self, struct err *err)
{
    struct machine *machine;
    if (machine_new(options, &machine, err))
        return -1;
    *self = machine;
    return 0;
}

static void host_close(void *self)
{
    machine_free(self);
}

const struct provider_kind host_kind = {
    .name = "host",
    .specs = "provider/host/specs/",
    .natives = natives,
    .settings = &settings_attr,
    .open = host_open,
    .close = host_close,
};
