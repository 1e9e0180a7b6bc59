/* Replaces the sandbox in a program built with SANDBOX=no: each function reports that it is absent. */
#include "sandbox/sandbox.h"

static int absent_refuse(struct err *err)
{
    err_set(err, ERR_USAGE, "this weir was built without the sandbox");
    return err_hint(err, "build it without SANDBOX=no, or use a cloud: leave --sandbox out");
}

int sandbox_start(const struct sandbox_options *options UNUSED, struct sandbox **out, struct err *err)
{
    *out = NULL;
    return absent_refuse(err);
}

int sandbox_folder_key(
    struct arena *arena UNUSED, const char **dir UNUSED, struct sandbox_key *key UNUSED, struct err *err)
{
    return absent_refuse(err);
}

struct str sandbox_served(struct arena *arena UNUSED, const char *dir UNUSED)
{
    return STR_EMPTY;
}

int sandbox_join(
    struct arena *arena UNUSED, const char *dir UNUSED, struct sandbox_joined *out, struct err *err)
{
    *out = (struct sandbox_joined){.fd = -1};
    return absent_refuse(err);
}

bool sandbox_unused(struct sandbox *sandbox UNUSED)
{
    return true;
}

struct sandbox_role_key sandbox_role_session(struct arena *arena UNUSED, const struct sandbox_key *key UNUSED,
    struct str role UNUSED, struct str name UNUSED)
{
    return (struct sandbox_role_key){0};
}

const struct sandbox_engine *sandbox_engines(struct arena *arena UNUSED, size_t *n)
{
    *n = 0;
    return NULL;
}

bool sandbox_reaches_out(const char *bind_to UNUSED)
{
    return false;
}

/* ---- functions of a running sandbox, which cannot exist here ---- */

void sandbox_use_specs(struct sandbox *sandbox UNUSED, const char *dir UNUSED)
{
}

uint16_t sandbox_port(const struct sandbox *sandbox UNUSED)
{
    return 0;
}

struct str sandbox_console_address(const struct sandbox *sandbox UNUSED, struct arena *arena UNUSED)
{
    return STR_EMPTY;
}

const char *sandbox_dir(const struct sandbox *sandbox UNUSED)
{
    return "";
}

struct str sandbox_endpoint(const struct sandbox *sandbox UNUSED, struct arena *arena UNUSED)
{
    return STR_EMPTY;
}

struct sandbox_key sandbox_first_key(const struct sandbox *sandbox UNUSED)
{
    return (struct sandbox_key){0};
}

void sandbox_stop(struct sandbox *sandbox UNUSED)
{
}
