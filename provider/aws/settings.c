/* The map under `providers:` of the kind aws: see settings.h. */
#include "provider/aws/settings.h"

#include "base/mask.h"

#include <stdlib.h>

enum setting_kind { TEXT, FLAG, NUMBER, MAP, ROLE, ACCOUNT };

static const struct setting {
    const char *name;
    enum setting_kind kind;
} known[] = {
    {"region", TEXT}, {"profile", TEXT}, {"endpoint", TEXT}, {"endpoints", MAP}, {"access_key", TEXT},
    {"secret_key", TEXT}, {"session_token", TEXT}, {"insecure", FLAG}, {"path_style", FLAG},
    {"assume_role", ROLE}, {"default_tags", MAP}, {"account_id", ACCOUNT}, {"max_attempts", NUMBER},
    {"via", TEXT}, /* whoever opens the client sees to it */
};

static const char *const kind_names[] = {[TEXT] = "text",
    [FLAG] = "true or false",
    [NUMBER] = "a whole number",
    [MAP] = "a map",
    [ROLE] = "a map with `role`",
    [ACCOUNT] = "an account number"};

static bool settings_fits(enum setting_kind kind, const struct value *v)
{
    switch (kind) {
    case TEXT: return v->kind == VALUE_STRING;
    case FLAG: return v->kind == VALUE_BOOL;
    case NUMBER: return v->kind == VALUE_INT && v->integer > 0 && v->integer <= 1000;
    case MAP: return v->kind == VALUE_MAP;
    case ROLE: return v->kind == VALUE_MAP || v->kind == VALUE_STRING;
    case ACCOUNT: return v->kind == VALUE_STRING || (v->kind == VALUE_INT && v->integer >= 0);
    }
    return false;
}

/* Every key is known and has a value of its kind; the first that is not is reported. */
static int settings_check(
    struct str owner, const struct value *map, const struct setting *settings, size_t n, struct err *err)
{
    for (uint32_t i = 0; i < map->count; i++) {
        struct str key = map->entries[i].key;
        const struct value *v = map->entries[i].value;
        const struct setting *setting = settings;
        while (setting < settings + n && !str_eqz(key, setting->name))
            setting++;
        if (setting == settings + n) {
            struct str names[sizeof known / sizeof *known];
            for (size_t j = 0; j < n; j++)
                names[j] = str_z(settings[j].name);
            struct str nearest = str_nearest(key, names, n);
            err_set(err, ERR_INVALID, "%.*s has no setting \"%.*s\"", STR_ARG(owner), STR_ARG(key));
            return nearest.n ? err_hint(err, "did you mean \"%.*s\"?", STR_ARG(nearest)) : -1;
        }
        if (value_is_null(v))
            continue;
        if (!value_is_known(v))
            return err_set(err, ERR_INVALID,
                "%.*s: %.*s must be known beforehand; it follows from a resource that does not exist yet",
                STR_ARG(owner), STR_ARG(key));
        if (!settings_fits(setting->kind, v))
            return err_set(err, ERR_INVALID, "%.*s: %.*s must be %s, not %s", STR_ARG(owner), STR_ARG(key),
                kind_names[setting->kind], value_kind_name(v->kind));
    }
    return 0;
}

static int read_role(struct arena *arena, struct aws_settings *s, struct err *err)
{
    static const struct setting keys[] = {{"role", TEXT}, {"session_name", TEXT}, {"external_id", TEXT}};
    const struct value *role = value_getz(s->config, "assume_role");
    if (value_is_null(role))
        return 0;
    struct str owner = arena_printf(arena, "%.*s: assume_role", STR_ARG(s->name));
    if (role->kind == VALUE_STRING)
        s->role = role->string;
    else if (settings_check(owner, role, keys, sizeof keys / sizeof *keys, err))
        return -1;
    else
        s->role = value_gets(role, "role");
    s->role_session = value_gets(role, "session_name");
    s->role_external_id = value_gets(role, "external_id");
    if (!s->role.n)
        return err_set(err, ERR_INVALID, "%.*s has no `role`", STR_ARG(owner));
    return 0;
}

static int read_keys(struct aws_settings *s, struct err *err)
{
    s->access_key = value_gets(s->config, "access_key");
    s->secret_key = value_gets(s->config, "secret_key");
    s->session_token = value_gets(s->config, "session_token");
    mask_add(s->secret_key, MASK_LIKELY); /* local stores have plain words */
    mask_add(s->session_token, MASK_LIKELY);
    if (!s->access_key.n == !s->secret_key.n)
        return 0;
    return err_set(err, ERR_INVALID, "%.*s: access_key and secret_key go together", STR_ARG(s->name));
}

static int read_account(struct arena *arena, struct aws_settings *s, struct err *err)
{
    const struct value *account = value_getz(s->config, "account_id");
    if (value_is_null(account))
        return 0;
    /* Unquoted it is a number, which has lost its leading zeros. */
    s->account_id = account->kind == VALUE_INT ? arena_printf(arena, "%012lld", (long long)account->integer)
                                               : account->string;
    if (s->account_id.n != 12 || !str_is_digits(s->account_id))
        return err_set(err, ERR_INVALID, "%.*s: account_id must have twelve digits", STR_ARG(s->name));
    mask_allow(s->account_id);
    return 0;
}

static int read_profile(struct arena *arena, struct aws_settings *s, struct err *err)
{
    if (profiles_load(arena, &s->profiles, err))
        return -1;
    s->profile = value_gets(s->config, "profile");
    s->endpoints.profile = profile_name(s->profile);
    if (!s->profile.n || profiles_has(s->profiles, s->profile))
        return 0;
    err_set(err, ERR_INVALID, "%.*s: there is no profile \"%.*s\" in ~/.aws/config or ~/.aws/credentials",
        STR_ARG(s->name), STR_ARG(s->profile));
    struct str nearest = profiles_nearest(arena, s->profiles, s->profile);
    return nearest.n ? err_hint(err, "did you mean \"%.*s\"?", STR_ARG(nearest)) : -1;
}

static struct str first_of(struct arena *arena, struct str a, const char *variable, const char *other,
    const struct aws_settings *s, const char *key)
{
    if (!a.n)
        a = arena_str(arena, str_z(getenv(variable)));
    if (!a.n && other)
        a = arena_str(arena, str_z(getenv(other)));
    return a.n ? a : profiles_get(s->profiles, s->endpoints.profile, key);
}

static int read_region(struct arena *arena, struct aws_settings *s, struct err *err)
{
    bool custom = endpoint_is_custom_for_all(&s->endpoints);
    struct str region =
        first_of(arena, value_gets(s->config, "region"), "AWS_REGION", "AWS_DEFAULT_REGION", s, "region");
    if (!region.n && custom)
        region = STR("us-east-1");
    if (!region.n) {
        err_set(err, ERR_INVALID, "%.*s has no region", STR_ARG(s->name));
        return err_hint(err, "set `region` in the provider's settings, or AWS_REGION; --sandbox needs none");
    }
    if (!custom && region_check(region, err))
        return err_context(err, "%.*s: region", STR_ARG(s->name));
    s->endpoints.region = region;
    mask_allow(region); /* ARNs and hosts are made of it */
    return 0;
}

static int read_attempts(struct arena *arena, struct aws_settings *s, struct err *err)
{
    const struct value *v = value_getz(s->config, "max_attempts");
    struct str given = first_of(arena, STR_EMPTY, "AWS_MAX_ATTEMPTS", NULL, s, "max_attempts");
    int64_t number = 0;
    if (!value_is_null(v))
        number = v->integer;
    else if (given.n && (!str_to_int(given, &number) || number < 1 || number > 1000))
        return err_set(
            err, ERR_INVALID, "AWS_MAX_ATTEMPTS \"%.*s\" is not a number from 1 to 1000", STR_ARG(given));
    s->max_attempts = (int)number;
    return 0;
}

static int check_endpoints(struct aws_settings *s, struct err *err)
{
    const struct value *each = value_getz(s->config, "endpoints");
    for (uint32_t i = 0; each && i < each->count; i++)
        if (!value_text(each->entries[i].value, STR_EMPTY).n)
            return err_set(err, ERR_INVALID, "%.*s: endpoints: %.*s must be a URL", STR_ARG(s->name),
                STR_ARG(each->entries[i].key));
    return 0;
}

int aws_settings_read(struct arena *arena, struct str name, const struct value *config,
    struct aws_settings *out, struct err *err)
{
    struct aws_settings *s = out;
    *s = (struct aws_settings){.name = arena_str(arena, name.n ? name : STR("aws"))};
    if (!value_is_null(config) && config->kind != VALUE_MAP)
        return err_set(err, ERR_INVALID, "the settings of %.*s must be a map", STR_ARG(s->name));
    s->config = value_is_null(config) ? &value_empty_map : value_copy(arena, config);
    if (settings_check(s->name, s->config, known, sizeof known / sizeof *known, err) ||
        check_endpoints(s, err) || read_keys(s, err) || read_role(arena, s, err) ||
        read_account(arena, s, err) || read_profile(arena, s, err))
        return -1;
    s->insecure = value_getb(s->config, "insecure");
    s->endpoints.config = s->config;
    s->endpoints.profiles = s->profiles;
    if (!value_is_null(value_getz(s->config, "path_style")))
        s->endpoints.path_style = value_getb(s->config, "path_style") ? PATH_STYLE_ALWAYS : PATH_STYLE_NEVER;
    s->ca_file = first_of(arena, STR_EMPTY, "AWS_CA_BUNDLE", NULL, s, "ca_bundle");
    return read_region(arena, s, err) || read_attempts(arena, s, err) ? -1 : 0;
}
