/* The settings of one connection: see connection.h. */
#include "provider/ssh/connection.h"

#include "base/file.h"
#include "base/mask.h"
#include "provider/ssh/connection_settings.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static const char *text_of(struct connection *c, const char *name)
{
    struct str text = value_gets(c->config, name);
    return text.n ? arena_strz(&c->arena, text) : NULL;
}

/* ~/x, x below the stack's folder, /x. */
static const char *path_of(struct connection *c, struct str path)
{
    const char *home = getenv("HOME");
    if (str_starts(path, STR("~/")) && home)
        return arena_printf(&c->arena, "%s/%.*s", home, STR_ARG(str_slice(path, 2, path.n))).p;
    return path_join(&c->arena, c->dir, path).p;
}

static const char *file_of(struct connection *c, const char *name)
{
    const char *text = text_of(c, name);
    return text ? path_of(c, str_z(text)) : NULL;
}

/* "90s", "5m", "1h", or seconds. */
static int duration(struct connection *c, const char *name, int64_t otherwise, int64_t *ms, struct err *err)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}};
    const struct value *v = value_getz(c->config, name);
    *ms = otherwise;
    if (value_is_null(v))
        return 0;
    struct str text = value_scalar_text(&c->arena, v);
    int64_t unit = 1000, n;
    for (size_t i = 0; text.n && i < sizeof units / sizeof *units; i++)
        if (text.p[text.n - 1] == units[i].unit) {
            unit = units[i].ms;
            text.n--;
            break;
        }
    if (!str_to_int(text, &n) || n < 0 || n > 24 * 3600)
        return err_set(err, ERR_INVALID, "connection \"%.*s\": \"%s\" is a duration such as 90s or 5m",
            STR_ARG(c->name), name);
    *ms = n * unit;
    return 0;
}

/* A text, or a list of texts, as a list. */
static const struct value *list_of(struct connection *c, const char *name)
{
    const struct value *v = value_getz(c->config, name);
    if (value_is_null(v))
        return &value_empty_list;
    return v->kind == VALUE_LIST ? v : value_list(&c->arena, &v, 1);
}

static bool is_key_text(struct str text)
{
    return str_starts(str_trim(text), STR("-----BEGIN "));
}

static void read_keys(struct connection *c)
{
    const struct value *keys = list_of(c, "key");
    const char **files = ARENA_ARRAY(&c->arena, const char *, keys->count + 1);
    size_t n = 0;
    for (uint32_t i = 0; i < keys->count; i++) {
        struct str text = value_text(keys->items[i], STR_EMPTY);
        if (is_key_text(text)) {
            mask_add(text, MASK_GIVEN);
            c->key = arena_printf(&c->arena, "%.*s\n", STR_ARG(str_trim(text))).p;
        } else if (text.n) {
            files[n++] = path_of(c, text);
        }
    }
    c->key_files = files;
    c->keys_given = n || c->key;
}

/* What is known only now, such as a machine's address, has not been looked at before. */
static int check_word(struct connection *c, const char *name, const char *text, struct err *err)
{
    const struct attr *attr = type_field(connection_settings.type, str_z(name));
    if (!text || attr_matches_pattern(&c->arena, attr, str_z(text)))
        return 0;
    err_set(err, ERR_INVALID, "connection \"%.*s\": \"%s\" does not match %.*s", STR_ARG(c->name), name,
        STR_ARG(attr->pattern));
    return err_hint(err, "it is a word without blanks and without what a shell reads otherwise");
}

static const char *secret_of(struct connection *c, const char *name)
{
    const char *text = text_of(c, name);
    if (text)
        mask_add(str_z(text), MASK_GIVEN);
    return text;
}

static const char *own_name(struct connection *c)
{
    struct passwd entry, *found = NULL;
    char *text = arena_alloc(&c->arena, 4096);
    getpwuid_r(getuid(), &entry, text, 4096, &found);
    return found ? found->pw_name : "root";
}

static int read_times(struct connection *c, struct err *err)
{
    int64_t keep_alive;
    if (duration(c, "timeout", 20 * 1000, &c->timeout_ms, err) ||
        duration(c, "wait", 5 * 60 * 1000, &c->wait_ms, err) ||
        duration(c, "keep_alive", 15 * 1000, &keep_alive, err))
        return -1;
    c->keep_alive_ms = (int)keep_alive;
    return 0;
}

/* libssh opens these itself. */
static int check_files(const struct connection *c, struct err *err)
{
    const char *const files[] = {c->known_hosts, c->global_known_hosts};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (files[i] && file_check(files[i], err))
            return err_context(err, "connection \"%.*s\"", STR_ARG(c->name));
    return 0;
}

static int64_t number_of(const struct value *v, int64_t otherwise)
{
    return v && v->kind == VALUE_INT ? v->integer : otherwise;
}

static bool is_true(const struct value *v, bool otherwise)
{
    return v && v->kind == VALUE_BOOL ? v->boolean : otherwise;
}

void connection_init(struct connection *c, struct str name, const struct value *config, struct str dir)
{
    *c = (struct connection){0};
    c->name = arena_str(&c->arena, name);
    c->dir = arena_str(&c->arena, dir);
    c->config = config ? value_copy(&c->arena, config) : &value_empty_map;
}

int connection_read(struct connection *c, struct err *err)
{
    c->host = text_of(c, "host");
    if (!c->host)
        return err_set(err, ERR_INVALID, "connection \"%.*s\" has no host", STR_ARG(c->name));
    c->user = text_of(c, "user");
    if (check_word(c, "host", c->host, err) || check_word(c, "user", c->user, err))
        return -1;
    c->port = (int)number_of(value_getz(c->config, "port"), 0);
    c->via = text_of(c, "via");
    c->proxy_command = text_of(c, "proxy_command");
    c->host_keys = list_of(c, "host_key");
    c->known_hosts = file_of(c, "known_hosts");
    read_keys(c);
    c->certificate = file_of(c, "certificate");
    c->passphrase = secret_of(c, "passphrase");
    c->password = secret_of(c, "password");
    c->agent = is_true(value_getz(c->config, "agent"), !c->keys_given && !c->password);
    c->cloud_init = is_true(value_getz(c->config, "cloud_init"), false);
    if (read_times(c, err) || ssh_config_complete(c, err) || check_files(c, err))
        return -1;
    c->user = c->user ? c->user : own_name(c);
    c->port = c->port ? c->port : 22;
    c->alias = c->alias ? c->alias : c->host;
    return 0;
}

void connection_release(struct connection *c)
{
    arena_wipe(&c->arena);
}
