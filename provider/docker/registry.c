/* Names of images, and who one is to a registry: see registry.h. */
#include "provider/docker/registry.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mask.h"

#include <stdlib.h>

#define HUB "docker.io"
enum { CONFIG_MAX = 1 << 20 };

/* ---- names ---- */

static bool is_host(struct str part)
{
    return str_find_char(part, '.', 0) >= 0 || str_find_char(part, ':', 0) >= 0 || str_eqz(part, "localhost");
}

static struct str registry_without(struct str s, struct str prefix)
{
    return str_starts(s, prefix) ? str_slice(s, prefix.n, s.n) : s;
}

/* docker.io/library/postgres is listed as postgres. */
static struct str listed(struct str repository)
{
    repository = registry_without(repository, STR("index.docker.io/"));
    return registry_without(registry_without(repository, STR(HUB "/")), STR("library/"));
}

struct image_name image_name_parse(struct arena *arena, struct str text)
{
    struct image_name name = {.registry = STR(HUB), .repository = text, .tag = STR("latest")};
    ptrdiff_t at = str_find_char(text, '@', 0), colon = -1;
    for (ptrdiff_t i = 0; (i = str_find_char(text, ':', (size_t)i)) >= 0; i++)
        colon = i;
    if (at >= 0) {
        name.by_digest = true;
        name.repository = str_slice(text, 0, (size_t)at);
        name.tag = str_slice(text, (size_t)at + 1, text.n);
    } else if (colon >= 0 && str_find_char(text, '/', (size_t)colon) < 0) {
        name.repository = str_slice(text, 0, (size_t)colon);
        name.tag = str_slice(text, (size_t)colon + 1, text.n);
    }
    struct str rest, first = str_cut(name.repository, '/', &rest);
    if (rest.p && is_host(first))
        name.registry = str_eqz(first, "index.docker.io") ? STR(HUB) : first;
    name.whole = arena_printf(
        arena, "%.*s%s%.*s", STR_ARG(listed(name.repository)), name.by_digest ? "@" : ":", STR_ARG(name.tag));
    return name;
}

/* ---- who one is ---- */

static struct str encoded(struct op_ctx *ctx, const struct value *who)
{
    AUTO_BUF struct buf json = BUF_INIT;
    json_write(&json, who, JSON_PLAIN);
    char *text = arena_strz(ctx->arena, base64_encode(ctx->arena, buf_str(&json)));
    for (char *p = text; *p; p++) /* URL-safe, as the Engine wants it */
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    return str_z(text);
}

static const struct value *login(
    struct op_ctx *ctx, const struct image_name *name, struct str user, struct str password)
{
    mask_add(password, MASK_GIVEN);
    return VALUE_MAP(ctx->arena, {STR("username"), value_string(ctx->arena, user)},
        {STR("password"), value_string(ctx->arena, password)},
        {STR("serveraddress"), value_string(ctx->arena, name->registry)});
}

/* "user:password" in base64, as `docker login` keeps it, and as ECR's token is. */
static const struct value *from_token(struct op_ctx *ctx, const struct image_name *name, struct str token)
{
    struct str plain, password;
    mask_add(token, MASK_GIVEN);
    if (!base64_decode(ctx->arena, token, &plain))
        return NULL;
    struct str user = str_cut(plain, ':', &password);
    return password.p ? login(ctx, name, user, password) : NULL;
}

/* The client knows Docker's own registry by an address of former times. */
static const struct value *entry_of(const struct value *map, const struct image_name *name)
{
    const struct value *entry = value_get(map, name->registry);
    return entry || !str_eqz(name->registry, HUB) ? entry : value_getz(map, "https://index.docker.io/v1/");
}

static const struct value *from_client(struct op_ctx *ctx, const struct image_name *name)
{
    const char *folder = getenv("DOCKER_CONFIG");
    struct str text, path = folder && *folder ? str_z(folder)
                                              : path_join(ctx->arena, str_z(getenv("HOME")), STR(".docker"));
    const struct value *config;
    path = path_join(ctx->arena, path, STR("config.json"));
    if (file_read_own(ctx->arena, path.p, CONFIG_MAX, &text, NULL) ||
        json_parse(ctx->arena, text, &config, NULL))
        return NULL;
    struct str token = value_gets(entry_of(value_getz(config, "auths"), name), "auth");
    return token.n ? from_token(ctx, name, token) : NULL;
}

int registry_auth(struct op_ctx *ctx, const struct image_name *name, struct str *out, struct err *err)
{
    const struct value *said = entry_of(value_getz(engine_settings(engine_of(ctx)), "registries"), name),
                       *who;
    if (value_gets(said, "token").n) {
        who = from_token(ctx, name, value_gets(said, "token"));
        if (!who)
            return err_set(err, ERR_INVALID, "the token for %.*s is not user:password in base64",
                STR_ARG(name->registry));
    } else if (said) {
        who = login(ctx, name, value_gets(said, "username"), value_gets(said, "password"));
    } else {
        who = from_client(ctx, name);
    }
    *out = encoded(ctx, who ? who : &value_empty_map);
    return 0;
}
