/* Settings of AWS: the map under `providers: aws:`, and the profiles of ~/.aws/config and
 * ~/.aws/credentials. */
#include "base/file.h"
#include "base/mask.h"
#include "base/mem.h"
#include "provider/aws/client_state.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- The shared files of the SDKs ---- */

enum { FILE_MAX = 4 * 1024 * 1024 };

struct profile_setting {
    struct str section; /* a profile's name; "services NAME" for other sections */
    struct str key;     /* "": the section's own heading */
    struct str value;
};

struct profiles {
    struct profile_setting *settings;
    size_t count;
};

/* State of the parser in a file. */
struct reader {
    struct arena *arena;
    const char *path;
    bool is_config; /* profiles are [profile NAME] in the config file, [NAME] in the credentials file */
    struct profile_setting *settings;
    size_t count, cap;
    struct str section, parent; /* parent: the key above nested settings */
};

static void profile_add(struct reader *r, struct str key, struct str value)
{
    MEM_GROW(r->settings, r->cap, r->count + 1);
    r->settings[r->count++] = (struct profile_setting){r->section, key, value};
}

static bool profile_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* " # …" after a value is a comment; a '#' inside a word is not. */
static struct str without_comment(struct str value)
{
    for (size_t i = 1; i < value.n; i++)
        if ((value.p[i] == '#' || value.p[i] == ';') && profile_is_blank(value.p[i - 1]))
            return str_trim(str_slice(value, 0, i));
    return value;
}

/* AWS CLI quotes names with blanks: [profile "films dev"] */
static struct str without_quotes(struct str name)
{
    bool quoted = name.n > 1 && (name.p[0] == '"' || name.p[0] == '\'') && name.p[name.n - 1] == name.p[0];
    return quoted ? str_slice(name, 1, name.n - 1) : name;
}

static int read_heading(struct reader *r, struct str line, int number, struct err *err)
{
    ptrdiff_t close = str_find_char(line, ']', 0);
    if (close < 0)
        return err_set(err, ERR_INVALID, "%s:%d: the section's heading has no ]", r->path, number);
    struct str name = str_trim(str_slice(line, 1, (size_t)close));
    size_t blank = 0;
    while (r->is_config && blank < name.n && !profile_is_blank(name.p[blank]))
        blank++;
    struct str kind = str_slice(name, 0, blank), rest = str_trim(str_slice(name, blank, name.n));
    if (str_eqz(kind, "profile") && rest.n)
        name = without_quotes(rest);
    else if (r->is_config && rest.n)
        name = arena_printf(r->arena, "%.*s %.*s", STR_ARG(kind), STR_ARG(without_quotes(rest)));
    r->section = arena_str(r->arena, name);
    r->parent = STR_EMPTY;
    profile_add(r, STR_EMPTY, STR_EMPTY);
    return 0;
}

static int read_setting(struct reader *r, struct str line, bool indented, int number, struct err *err)
{
    struct str value, key = str_trim(str_cut(line, '=', &value));
    if (!value.p || !key.n) {
        if (indented) /* continues the value above; no setting used here has such a value */
            return 0;
        err_set(
            err, ERR_INVALID, "%s:%d: neither a [section], nor a setting, nor a comment", r->path, number);
        return err_hint(err, "settings are written `name = value`");
    }
    value = arena_str(r->arena, without_comment(str_trim(value)));
    if (indented && r->parent.n) {
        key = arena_printf(r->arena, "%.*s.%.*s", STR_ARG(r->parent), STR_ARG(key));
    } else {
        key = arena_str(r->arena, key);
        r->parent = value.n ? STR_EMPTY : key;
    }
    if (r->section.n)
        profile_add(r, key, value);
    return 0;
}

static int read_lines(struct reader *r, struct str text, struct err *err)
{
    for (int number = 1; text.p && text.n; number++) {
        struct str line = str_cut(text, '\n', &text), bare = str_trim(line);
        if (!bare.n || bare.p[0] == '#' || bare.p[0] == ';')
            continue;
        bool indented = profile_is_blank(line.p[0]);
        if (bare.p[0] == '[' ? read_heading(r, bare, number, err)
                             : read_setting(r, bare, indented, number, err))
            return -1;
    }
    return 0;
}

/* Returns the path in the variable, or NAME in ~/.aws; NULL if HOME is not set. */
static const char *file_path(struct arena *arena, const char *variable, const char *name)
{
    const char *given = getenv(variable), *home = getenv("HOME");
    if (given && given[0] == '~' && given[1] == '/' && home)
        return arena_printf(arena, "%s%s", home, given + 1).p;
    if (given && *given)
        return given;
    return home && *home ? arena_printf(arena, "%s/.aws/%s", home, name).p : NULL;
}

int profiles_parse(struct arena *arena, struct str config, const char *config_name, struct str credentials,
    const char *credentials_name, const struct profiles **out, struct err *err)
{
    struct reader r = {.arena = arena, .path = config_name, .is_config = true};
    int result = read_lines(&r, config, err);
    if (!result) {
        r.path = credentials_name;
        r.is_config = false;
        r.section = r.parent = STR_EMPTY;
        result = read_lines(&r, credentials, err);
    }
    struct profiles *profiles = ARENA_NEW(arena, struct profiles);
    profiles->settings = ARENA_ARRAY(arena, struct profile_setting, r.count + 1);
    profiles->count = r.count;
    if (r.count)
        memcpy(profiles->settings, r.settings, r.count * sizeof *r.settings);
    free(r.settings);
    *out = profiles;
    return result;
}

static int profile_read_file(struct arena *arena, const char *path, struct str *text, struct err *err)
{
    *text = STR_EMPTY;
    return path && path_exists(path) ? file_read_own(arena, path, FILE_MAX, text, err) : 0;
}

int profiles_load(struct arena *arena, const struct profiles **out, struct err *err)
{
    const char *config_path = file_path(arena, "AWS_CONFIG_FILE", "config");
    const char *credentials_path = file_path(arena, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    struct str config, credentials;
    if (profile_read_file(arena, config_path, &config, err) ||
        profile_read_file(arena, credentials_path, &credentials, err))
        return -1;
    return profiles_parse(arena, config, config_path, credentials, credentials_path, out, err);
}

struct str profile_name(struct str wanted)
{
    if (wanted.n)
        return wanted;
    static const char *const variables[] = {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"};
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *name = getenv(variables[i]);
        if (name && *name)
            return str_z(name);
    }
    return STR("default");
}

bool profiles_has(const struct profiles *profiles, struct str profile)
{
    for (size_t i = 0; i < profiles->count; i++)
        if (str_eq(profiles->settings[i].section, profile))
            return true;
    return false;
}

struct str profiles_get(const struct profiles *profiles, struct str profile, const char *key)
{
    /* The last entry counts: the credentials file was read last. */
    for (size_t i = profiles->count; i-- > 0;)
        if (str_eq(profiles->settings[i].section, profile) && str_eqz(profiles->settings[i].key, key))
            return profiles->settings[i].value;
    return STR_EMPTY;
}

struct str profiles_section_get(
    const struct profiles *profiles, const char *kind, struct str name, const char *key)
{
    char section[256];
    int n = snprintf(section, sizeof section, "%s %.*s", kind, STR_ARG(name));
    return n > 0 && (size_t)n < sizeof section ? profiles_get(profiles, str_n(section, (size_t)n), key)
                                               : STR_EMPTY;
}

struct str profiles_nearest(struct arena *arena, const struct profiles *profiles, struct str profile)
{
    struct str *names = ARENA_ARRAY(arena, struct str, profiles->count + 1);
    for (size_t i = 0; i < profiles->count; i++)
        names[i] = profiles->settings[i].section;
    return str_nearest(profile, names, profiles->count);
}

enum setting_kind { TEXT, FLAG, NUMBER, MAP, LIST, ROLE, ACCOUNT };

static const struct setting {
    const char *name;
    enum setting_kind kind;
} known[] = {
    {"region", TEXT}, {"profile", TEXT}, {"endpoint", TEXT}, {"endpoints", MAP}, {"access_key", TEXT},
    {"secret_key", TEXT}, {"session_token", TEXT}, {"insecure", FLAG}, {"path_style", FLAG},
    {"assume_role", ROLE}, {"default_tags", MAP}, {"ignore_tags", LIST}, {"account_id", ACCOUNT},
    {"max_attempts", NUMBER}, {"via", TEXT}, /* handled by the code that opens the client */
};

static const char *const kind_names[] = {[TEXT] = "text",
    [FLAG] = "true or false",
    [NUMBER] = "a whole number",
    [MAP] = "a map",
    [LIST] = "a list of texts",
    [ROLE] = "a map with `role`",
    [ACCOUNT] = "an account number"};

static bool is_list_of_texts(const struct value *v)
{
    bool texts = v->kind == VALUE_LIST;
    for (uint32_t i = 0; texts && i < v->count; i++)
        texts = v->items[i]->kind == VALUE_STRING && v->items[i]->string.n;
    return texts;
}

static bool settings_fits(enum setting_kind kind, const struct value *v)
{
    switch (kind) {
    case TEXT: return v->kind == VALUE_STRING;
    case FLAG: return v->kind == VALUE_BOOL;
    case NUMBER: return v->kind == VALUE_INT && v->integer > 0 && v->integer <= 1000;
    case MAP: return v->kind == VALUE_MAP;
    case LIST: return is_list_of_texts(v);
    case ROLE: return v->kind == VALUE_MAP || v->kind == VALUE_STRING;
    case ACCOUNT: return v->kind == VALUE_STRING || (v->kind == VALUE_INT && v->integer >= 0);
    }
    return false;
}

/* Checks that every key is known and its value has the right type; reports the first mistake. */
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
    mask_add(s->secret_key, MASK_LIKELY); /* local stores use plain words as keys */
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
    /* Unquoted it is a number without the leading zeros. */
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
    mask_allow(region); /* ARNs and hosts contain it */
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
