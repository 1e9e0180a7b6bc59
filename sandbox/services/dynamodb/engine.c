/* Dynoxide as a daemon, and calls to it: see items.h. */
#include "sandbox/services/dynamodb/items.h"

#include "base/json.h"
#include "base/mem.h"
#include "provider/http/http.h"
#include "sandbox/daemon/daemon.h"
#include "sandbox/engine/script.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIMEOUT_MS = 60000, MAX_ANSWER = 64 * 1024 * 1024, TRIES = 40, AGAIN_MS = 50 };

/* ---- the daemon ---- */

const char *item_engine_find(struct arena *arena)
{
    const char *named = getenv("WEIR_DYNAMODB"), *home = getenv("HOME");
    if (named && *named)
        return access(named, X_OK) ? NULL : arena_strz(arena, str_z(named));
    const char *installed = installed_at(arena, ".cache/dynoxide/bin/dynoxide");
    const char *const folders[] = {arena_printf(arena, "%s/.cargo/bin", home ? home : "").p, NULL};
    return installed ? installed : installed_program(arena, "dynoxide", folders);
}

static int item_engine_command(
    const struct daemon_self *self, struct daemon_command *out, struct err *err UNUSED)
{
    struct arena *arena = self->arena;
    const char *const words[] = {self->program, "serve", "--host", "127.0.0.1", "--port",
        arena_printf(arena, "%u", (unsigned)self->ports[0]).p, "--db-path",
        arena_printf(arena, "%s/items.db", self->seen_data).p, "--log", "quiet", NULL};
    const char **argv = ARENA_ARRAY(arena, const char *, sizeof words / sizeof *words);
    memcpy(argv, words, sizeof words);
    *out = (struct daemon_command){argv, NULL};
    return 0;
}

static bool item_engine_ready(const struct daemon_self *self)
{
    return daemon_port_answers(self->ports[0]);
}

static const struct daemon_kind dynoxide = {.title = "Dynoxide 3",
    .install = "cargo install dynoxide-rs, or its program where WEIR_DYNAMODB says",
    .ports = 1,
    .find = item_engine_find,
    .command = item_engine_command,
    .ready = item_engine_ready};

struct item_engine *item_engine_new(void)
{
    struct item_engine *engine = mem_zalloc(sizeof *engine);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_mutex_init(&engine->http_lock, NULL);
    return engine;
}

void item_engine_free(struct item_engine *engine)
{
    if (!engine)
        return;
    http_engine_free(engine->http);
    map_release(&engine->tables);
    arena_release(&engine->texts);
    pthread_mutex_destroy(&engine->http_lock);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

/* ---- a call ---- */

static int item_http(struct item_engine *engine, struct http_engine **out, struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&engine->http_lock);
    int status = engine->http ? 0 : http_engine_new(&(struct http_options){0}, &engine->http, err);
    *out = engine->http;
    return status;
}

static struct str engine_name(const struct item_scope *scope)
{
    return arena_printf(scope->arena, "dynamodb-%.*s", STR_ARG(scope->region));
}

static int send_once(const struct item_scope *scope, const char *operation, struct str body,
    struct http_response *response, struct err *err)
{
    struct services_parts *parts = services_parts(scope->services);
    struct daemon_self self;
    struct http_engine *http;
    if (daemon_want(parts->daemons, &dynoxide, engine_name(scope), NULL, scope->arena, &self, err) ||
        item_http(parts->items, &http, err))
        return -1;
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/x-amz-json-1.0")},
        {STR("X-Amz-Target"), arena_printf(scope->arena, "DynamoDB_20120810.%s", operation)},
        {STR("X-Amz-Date"), STR("20260101T000000Z")}, /* it looks whether there is a signature, not at it */
        {STR("Authorization"),
            STR("AWS4-HMAC-SHA256 Credential=sandbox/20260101/local/dynamodb/aws4_request, "
                "SignedHeaders=host, Signature=0")},
    };
    const struct http_request request = {.method = STR("POST"),
        .url = arena_printf(scope->arena, "http://127.0.0.1:%u/", (unsigned)self.ports[0]),
        .headers = headers,
        .header_count = sizeof headers / sizeof *headers,
        .body = body,
        .max_response = MAX_ANSWER,
        .timeout_ms = TIMEOUT_MS};
    return http_send(http, &request, scope->arena, response, err);
}

/* The engine's refusal in DynamoDB's words: {"__type": "com.amazonaws…#Code", "message": …}. */
static int engine_refused(struct arena *arena, int status, const struct value **output, struct err *err)
{
    struct str type = value_gets(*output, "__type"), code = str_last_part(type, "#");
    const struct value *lower = value_getz(*output, "message");
    struct str text = value_text(lower ? lower : value_getz(*output, "Message"), STR_EMPTY);
    if (value_getz(*output, "Item")) { /* spelt so where it comes with the item */
        *output = value_with(arena, *output, STR("Message"), lower);
        *output = value_with(arena, *output, STR("message"), NULL);
    }
    return service_refuse(err, status, arena_strz(arena, code), "%.*s", STR_ARG(text));
}

/* One that has just ended is started again, as soon as its end is seen; what may be done already is not asked
 * for twice. */
static int send_whole(const struct item_scope *scope, const char *operation, struct str body,
    struct http_response *response, struct err *err)
{
    struct err failed;
    for (int tries = 0; tries < TRIES; tries++) {
        failed = (struct err)ERR_INIT;
        if (!send_once(scope, operation, body, response, &failed))
            return 0;
        if (failed.class != ERR_NETWORK || failed.lost || !services_sleep(scope->services, AGAIN_MS))
            break;
    }
    if (failed.class != ERR_NETWORK)
        return *err = failed, -1;
    return service_refuse(err, 500, "InternalServerError", "the engine behind DynamoDB: %s", failed.message);
}

int item_engine_call(const struct item_scope *scope, const char *operation, const struct value *input,
    const struct value **output, struct err *err)
{
    struct http_response response;
    AUTO_BUF struct buf body = BUF_INIT;
    json_write(&body, input, JSON_PLAIN);
    if (send_whole(scope, operation, buf_str(&body), &response, err) ||
        json_parse(scope->arena, response.body, output, err))
        return -1;
    return response.status < 300 ? 0 : engine_refused(scope->arena, response.status, output, err);
}

void item_engine_remove(const struct item_scope *scope)
{
    daemon_remove(services_parts(scope->services)->daemons, engine_name(scope));
}
