/* Reads the docker client's configuration: the Engine to use, and logins of registries. */
#include "provider/docker/docker.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/spawn.h"

#include <stdlib.h>

enum { CONFIG_MAX = 1 << 20 };

#define HUB "docker.io"
/* The docker client's historical address of Docker Hub. */
#define HUB_ADDRESS STR("https://index.docker.io/v1/")

static struct str client_path(struct arena *arena, struct str name)
{
    const char *folder = getenv("DOCKER_CONFIG");
    if (folder && *folder)
        return path_join(arena, str_z(folder), name);
    return path_join(arena, path_join(arena, str_z(getenv("HOME")), STR(".docker")), name);
}

/* Returns NULL if the file does not exist or cannot be parsed. */
static const struct value *client_file(struct arena *arena, struct str name)
{
    struct str text;
    const struct value *parsed;
    bool read = !file_read_own(arena, client_path(arena, name).p, CONFIG_MAX, &text, NULL) &&
                !json_parse(arena, text, &parsed, NULL);
    return read ? parsed : NULL;
}

/* ---- contexts ---- */

int client_context(struct arena *arena, struct client_context *out, struct err *err)
{
    *out = (struct client_context){.host = STR_EMPTY};
    struct str name = str_z(getenv("DOCKER_CONTEXT"));
    if (!name.n)
        name = value_gets(client_file(arena, STR("config.json")), "currentContext");
    if (!name.n || str_eqz(name, "default"))
        return 0;
    struct str id = sha256_hex(arena, name);
    const struct value *meta =
        client_file(arena, arena_printf(arena, "contexts/meta/%.*s/meta.json", STR_ARG(id)));
    out->host = value_gets(resource_at(meta, "Endpoints.docker"), "Host");
    if (!out->host.n) {
        err_set(err, ERR_INVALID, "there is no docker context \"%.*s\" with an Engine", STR_ARG(name));
        return err_hint(err, "`docker context ls` shows those that there are; `host` under `providers: "
                             "docker:`, or DOCKER_HOST, goes before it");
    }
    struct str tls = client_path(arena, arena_printf(arena, "contexts/tls/%.*s/docker", STR_ARG(id)));
    if (path_is_dir(tls.p))
        out->tls = tls;
    return 0;
}

/* ---- logins ---- */

static struct str encoded(struct op_ctx *ctx, const struct value *who)
{
    AUTO_BUF struct buf json = BUF_INIT;
    json_write(&json, who, JSON_PLAIN);
    char *text = arena_strz(ctx->arena, base64_encode(ctx->arena, buf_str(&json)));
    for (char *p = text; *p; p++) /* URL-safe alphabet, as the Engine requires */
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

/* Decodes "user:password" in base64, as `docker login` stores it and as in ECR's token. */
static const struct value *from_token(struct op_ctx *ctx, const struct image_name *name, struct str token)
{
    struct str plain, password;
    mask_add(token, MASK_GIVEN);
    if (!base64_decode(ctx->arena, token, &plain))
        return NULL;
    struct str user = str_cut(plain, ':', &password);
    return password.p ? login(ctx, name, user, password) : NULL;
}

static struct str address_of(const struct image_name *name)
{
    return str_eqz(name->registry, HUB) ? HUB_ADDRESS : name->registry;
}

static const struct value *entry_of(const struct value *map, const struct image_name *name)
{
    const struct value *entry = value_get(map, name->registry);
    return entry ? entry : value_get(map, address_of(name));
}

/* Returns the output of a credential helper; NULL if it has no credentials, or fails, which is a warning. */
static const struct value *ask_helper(struct op_ctx *ctx, struct str helper, struct str server)
{
    struct str output = STR_EMPTY;
    struct err why = ERR_INIT;
    const struct value *answer = NULL;
    if (!str_is_made_of(helper, CHARS_ALNUM "._-") || !str_is_made_of(server, CHARS_ALNUM "._-:/[]"))
        return NULL;
    struct str what =
                   arena_printf(ctx->arena, "the credential helper docker-credential-%.*s", STR_ARG(helper)),
               command = arena_printf(ctx->arena, "printf %%s '%.*s' | docker-credential-%.*s get",
                   STR_ARG(server), STR_ARG(helper));
    int status = spawn_credential_command(ctx->arena, what.p, command, &output, &why);
    if (!status)
        status = json_parse(ctx->arena, output, &answer, &why);
    if (status && !str_starts(output, STR("credentials not found")))
        op_warn(ctx,
            arena_printf(ctx->arena, "%s; %.*s is asked without a login", why.message, STR_ARG(server)).p);
    return answer;
}

/* The user name "<token>" means that the secret is an identity token. */
static const struct value *from_helper(struct op_ctx *ctx, const struct image_name *name, struct str helper)
{
    const struct value *answer = helper.n ? ask_helper(ctx, helper, address_of(name)) : NULL;
    struct str user = value_gets(answer, "Username"), secret = value_gets(answer, "Secret");
    if (!secret.n)
        return NULL;
    if (!str_eqz(user, "<token>"))
        return login(ctx, name, user, secret);
    mask_add(secret, MASK_GIVEN);
    return VALUE_MAP(ctx->arena, {STR("identitytoken"), value_string(ctx->arena, secret)},
        {STR("serveraddress"), value_string(ctx->arena, name->registry)});
}

static const struct value *from_client(struct op_ctx *ctx, const struct image_name *name)
{
    const struct value *config = client_file(ctx->arena, STR("config.json"));
    struct str helper =
        value_text(entry_of(value_getz(config, "credHelpers"), name), value_gets(config, "credsStore"));
    const struct value *who = from_helper(ctx, name, helper);
    struct str token = value_gets(entry_of(value_getz(config, "auths"), name), "auth");
    return who || !token.n ? who : from_token(ctx, name, token);
}

int registry_auth(struct op_ctx *ctx, const struct image_name *name, struct str *out, struct err *err)
{
    const struct value *configured =
                           entry_of(value_getz(engine_settings(engine_of(ctx)), "registries"), name),
                       *who;
    if (value_gets(configured, "token").n) {
        who = from_token(ctx, name, value_gets(configured, "token"));
        if (!who)
            return err_set(err, ERR_INVALID, "the token for %.*s is not user:password in base64",
                STR_ARG(name->registry));
    } else if (configured) {
        who = login(ctx, name, value_gets(configured, "username"), value_gets(configured, "password"));
    } else {
        who = from_client(ctx, name);
    }
    *out = encoded(ctx, who ? who : &value_empty_map);
    return 0;
}
