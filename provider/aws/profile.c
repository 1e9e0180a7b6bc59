/* The shared files of the SDKs: see profile.h. */
#include "provider/aws/profile.h"

#include "base/file.h"
#include "base/mem.h"
#include "provider/aws/credentials.h"

#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 4 * 1024 * 1024 };

struct setting {
    struct str section; /* a profile's name; "services NAME" for other kinds */
    struct str key;     /* "" : the section's own heading */
    struct str value;
};

struct profiles {
    struct setting *settings;
    size_t count;
};

/* Where we are in a file. */
struct reader {
    struct arena *arena;
    const char *path;
    bool is_config; /* profiles are [profile NAME] there, [NAME] in the credentials file */
    struct setting *settings;
    size_t count, cap;
    struct str section, parent; /* parent: the key that nested settings belong to */
};

static void profile_add(struct reader *r, struct str key, struct str value)
{
    MEM_GROW(r->settings, r->cap, r->count + 1);
    r->settings[r->count++] = (struct setting){r->section, key, value};
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

static int read_heading(struct reader *r, struct str line, int number, struct err *err)
{
    ptrdiff_t close = str_find_char(line, ']', 0);
    if (close < 0)
        return err_set(err, ERR_INVALID, "%s:%d: the section's heading has no ]", r->path, number);
    struct str name = str_trim(str_slice(line, 1, (size_t)close));
    struct str rest, kind = str_cut(name, ' ', &rest);
    if (!rest.p)
        rest = STR_EMPTY;
    if (r->is_config && str_eqz(kind, "profile") && rest.n)
        name = str_trim(rest);
    else if (r->is_config && rest.n)
        name = arena_printf(r->arena, "%.*s %.*s", STR_ARG(kind), STR_ARG(str_trim(rest)));
    r->section = arena_str(r->arena, name);
    r->parent = STR_EMPTY;
    profile_add(r, STR_EMPTY, STR_EMPTY);
    return 0;
}

static int read_setting(struct reader *r, struct str line, bool indented, int number, struct err *err)
{
    struct str value, key = str_trim(str_cut(line, '=', &value));
    if (!value.p || !key.n) {
        if (indented) /* more of the value above: none of our settings has that */
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

/* The variable's path, or NAME in ~/.aws. NULL where there is no home. */
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
    profiles->settings = ARENA_ARRAY(arena, struct setting, r.count + 1);
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
    /* From the end: the credentials file was read last. */
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
