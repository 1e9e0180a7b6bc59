/* Where an Engine is, and with which certificates it is spoken to. */
#include "provider/docker/engine_host.h"

#include "base/file.h"
#include "base/mem.h"
#include "provider/ssh/connections.h"

#include <stdlib.h>

#define LOCAL_SOCKET "unix:///var/run/docker.sock"

static struct str from_env(const char *name)
{
    return str_z(getenv(name));
}

static int misread(const struct provider_options *options, struct str host, struct err *err)
{
    err_set(err, ERR_INVALID, "%.*s: \"%.*s\" is not an address of a Docker Engine", STR_ARG(options->name),
        STR_ARG(host));
    return err_hint(err,
        "it is unix:///PATH, or tcp://HOST:PORT; an Engine on another machine is reached through "
        "a connection: `via: NAME`");
}

/* "host:port" of tcp://; the client's own ports where none is said. */
static int parse_tcp(
    const struct provider_options *options, struct engine *engine, struct arena *arena, struct err *err)
{
    struct str rest, address = str_cut(str_slice(engine->place, 6, engine->place.n), '/', &rest), port;
    int64_t number = engine->tls ? 2376 : 2375;
    ptrdiff_t bracket = str_find_char(address, ']', 0);
    struct str host =
        bracket >= 0 ? str_slice(address, 0, (size_t)bracket + 1) : str_cut(address, ':', &port);
    if (bracket >= 0)
        port = str_slice(address, (size_t)bracket + 1, address.n), port.p += port.n ? 1 : 0,
        port.n -= port.n ? 1 : 0;
    if (!host.n || (port.p && port.n && (!str_to_int(port, &number) || number < 1 || number > 65535)))
        return misread(options, engine->place, err);
    engine->authority = arena_printf(arena, "%.*s:%d", STR_ARG(host), (int)number);
    engine->target = arena_str(arena, host);
    engine->target_port = (int)number;
    return 0;
}

static int parse_host(
    const struct provider_options *options, struct engine *engine, struct arena *arena, struct err *err)
{
    if (str_starts(engine->place, STR("unix://"))) {
        struct str path = str_slice(engine->place, 7, engine->place.n);
        if (!path.n || path.p[0] != '/')
            return misread(options, engine->place, err);
        engine->authority = STR("docker");
        engine->target = arena_str(arena, path);
        engine->unix_socket = engine->via.n ? NULL : arena_strz(arena, path);
        engine->tls = false;
        return 0;
    }
    if (str_starts(engine->place, STR("tcp://")))
        return parse_tcp(options, engine, arena, err);
    return misread(options, engine->place, err);
}

/* ---- TLS ---- */

static int named_file(const struct provider_options *options, const struct value *tls, const char *key,
    struct arena *arena, const char **out, struct err *err)
{
    struct str name = value_gets(tls, key);
    if (!name.n)
        return 0;
    *out = path_join(arena, options->base_dir, name).p;
    if (path_exists(*out))
        return file_check(*out, err);
    return err_set(err, ERR_INVALID, "%.*s: tls: %s: there is no file %s", STR_ARG(options->name), key, *out);
}

/* As the docker client does: DOCKER_CERT_PATH, else ~/.docker. */
static void files_of_client(struct engine *engine, struct arena *arena)
{
    struct str folder = from_env("DOCKER_CERT_PATH");
    if (!folder.n)
        folder = path_join(arena, from_env("HOME"), STR(".docker"));
    engine->ca = path_join(arena, folder, STR("ca.pem")).p;
    engine->cert = path_join(arena, folder, STR("cert.pem")).p;
    engine->key = path_join(arena, folder, STR("key.pem")).p;
    engine->tls = true;
}

static int find_tls(
    const struct provider_options *options, struct engine *engine, struct arena *arena, struct err *err)
{
    const struct value *tls = value_getz(options->config, "tls");
    if (value_is_null(tls)) {
        if (!value_gets(options->config, "host").n && from_env("DOCKER_TLS_VERIFY").n)
            files_of_client(engine, arena);
        return 0;
    }
    engine->tls = true;
    return named_file(options, tls, "ca", arena, &engine->ca, err) ||
                   named_file(options, tls, "cert", arena, &engine->cert, err) ||
                   named_file(options, tls, "key", arena, &engine->key, err)
               ? -1
               : 0;
}

/* ---- */

int engine_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err)
{
    struct engine *engine = ARENA_NEW(arena, struct engine);
    *engine = (struct engine){.http = options->http,
        .reach = options->reach,
        .settings = options->config,
        .via = options->via,
        .cancel = options->cancel,
        .insecure = value_getb(options->config, "insecure"),
        .place = value_gets(options->config, "host")};
    if (!engine->place.n && !engine->via.n) /* what the environment says is about this machine's Engine */
        engine->place = arena_str(arena, from_env("DOCKER_HOST"));
    if (!engine->place.n)
        engine->place = STR(LOCAL_SOCKET);
    if (find_tls(options, engine, arena, err) || parse_host(options, engine, arena, err))
        return -1;
    pthread_mutex_init(&engine->lock, NULL);
    *self = engine;
    return 0;
}

void engine_close(void *self)
{
    struct engine *engine = self;
    pthread_mutex_destroy(&engine->lock);
}

int engine_reach(struct engine *engine, struct err *err)
{
    if (!engine->via.n || engine->local_port)
        return 0;
    if (!engine->reach)
        return err_set(err, ERR_INVALID, "there is no connection \"%.*s\"", STR_ARG(engine->via));
    return reach_forward(
        engine->reach, engine->via, engine->target, engine->target_port, &engine->local_port, err);
}

const struct value *engine_settings(const struct engine *engine)
{
    return engine->settings;
}
