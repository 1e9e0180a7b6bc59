/* Dynoxide as a daemon, calls to it, and tables that follow their records: see items.h. The table's id is a
 * tag in the engine, so that a table that was deleted and created again is recognised as another. */
#include "base/json.h"
#include "base/mem.h"
#include "provider/http/http.h"
#include "sandbox/daemon/daemon.h"
#include "sandbox/engine/script.h"
#include "sandbox/services/dynamodb/items.h"

#include <stdlib.h>
#include <unistd.h>

/* ---- Dynoxide as a daemon, and calls to it ---- */

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

static const struct daemon_kind dynoxide = {.title = "Dynoxide 3",
    .install = "cargo install dynoxide-rs, or its program where WEIR_DYNAMODB says",
    .ports = 1,
    .find = item_engine_find,
    .command = item_engine_command};

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
    if (daemon_require(parts->daemons, &dynoxide, engine_name(scope), NULL, scope->arena, &self, err) ||
        item_http(parts->items, &http, err))
        return -1;
    struct http_header headers[] = {
        {STR("Content-Type"), STR("application/x-amz-json-1.0")},
        {STR("X-Amz-Target"), arena_printf(scope->arena, "DynamoDB_20120810.%s", operation)},
        {STR("X-Amz-Date"), STR("20260101T000000Z")}, /* the signature is not verified */
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

/* Returns the engine's error as DynamoDB's: {"__type": "com.amazonaws…#Code", "message": …}. */
static int engine_refused(struct arena *arena, int status, const struct value **output, struct err *err)
{
    struct str type = value_gets(*output, "__type"), code = str_last_part(type, "#");
    const struct value *lower = value_getz(*output, "message");
    struct str text = value_text(lower ? lower : value_getz(*output, "Message"), STR_EMPTY);
    if (value_getz(*output, "Item")) { /* DynamoDB then has Message for message */
        *output = value_with(arena, *output, STR("Message"), lower);
        *output = value_with(arena, *output, STR("message"), NULL);
    }
    return service_refuse(err, status, arena_strz(arena, code), "%.*s", STR_ARG(text));
}

/* Retries while a daemon that ended is started again. A request that may have been executed is not
 * repeated. */
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

/* Stops the engine of a region without tables, and removes its folder. */
static void item_engine_remove(const struct item_scope *scope)
{
    daemon_remove(services_parts(scope->services)->daemons, engine_name(scope));
}

#define ID_TAG "weir:table-id"

struct item_sync {
    const struct item_scope *scope;
    const struct value *output;       /* of the engine's last response */
    const struct value *record, *ttl; /* record: Table of DescribeTable; ttl: the attribute's name, or NULL */
    struct str name;
};

struct str item_table_name(struct str name)
{
    ptrdiff_t at = str_find(name, STR(":table/"), 0);
    struct str rest, last = at < 0 ? name : str_slice(name, (size_t)at + strlen(":table/"), name.n);
    return str_cut(last, '/', &rest);
}

static int engine_call(
    struct item_sync *sync, const char *operation, const struct value *input, struct err *err)
{
    if (!value_getz(input, "ResourceArn"))
        input = value_with(
            sync->scope->arena, input, STR("TableName"), value_string(sync->scope->arena, sync->name));
    return item_engine_call(sync->scope, operation, input, &sync->output, err);
}

/* ---- the table that the engine should have ---- */

static const struct value *members_of(struct arena *arena, const struct value *from, const char *const *names)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (; *names; names++) {
        const struct value *v = value_getz(from, *names);
        if (v)
            value_builder_set(&b, str_z(*names), v);
    }
    return value_builder_map(&b);
}

static const struct value *indexes_of(struct arena *arena, const struct value *list)
{
    static const char *const names[] = {"IndexName", "KeySchema", "Projection", NULL};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list && i < list->count; i++)
        value_builder_add(&b, members_of(arena, list->items[i], names));
    return b.n ? value_builder_list(&b) : NULL;
}

/* The engine's stream always has both images; streams.c shows those of the view type. */
static const struct value *stream_of(struct arena *arena, const struct value *record)
{
    const struct value *stream = value_getz(record, "StreamSpecification");
    return stream
               ? value_with(arena, stream, STR("StreamViewType"), value_stringz(arena, "NEW_AND_OLD_IMAGES"))
               : NULL;
}

static const struct value *table_wanted(struct arena *arena, const struct value *record)
{
    static const char *const names[] = {"KeySchema", "AttributeDefinitions", NULL};
    static const char *const kinds[] = {"GlobalSecondaryIndexes", "LocalSecondaryIndexes"};
    const struct value *made = members_of(arena, record, names);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        made = value_with(arena, made, str_z(kinds[i]), indexes_of(arena, value_getz(record, kinds[i])));
    made = value_with(arena, made, STR("StreamSpecification"), stream_of(arena, record));
    return value_with(arena, made, STR("BillingMode"), value_stringz(arena, "PAY_PER_REQUEST"));
}

static const struct value *id_tag(struct arena *arena, struct str id)
{
    const struct value *tag =
        VALUE_MAP(arena, {STR("Key"), value_stringz(arena, ID_TAG)}, {STR("Value"), value_string(arena, id)});
    return value_list(arena, &tag, 1);
}

/* ---- changing the engine's table ---- */

static int create_table(struct item_sync *sync, struct err *err)
{
    struct arena *arena = sync->scope->arena;
    return engine_call(sync, "CreateTable",
        value_with(arena, table_wanted(arena, sync->record), STR("Tags"),
            id_tag(arena, value_gets(sync->record, "TableId"))),
        err);
}

/* UpdateTable creates or deletes one index per call. */
static int change_index(
    struct item_sync *sync, const char *change, const struct value *index, struct err *err)
{
    struct arena *arena = sync->scope->arena;
    const struct value *one = value_with(arena, NULL, str_z(change), index);
    const struct value *input =
        value_with(arena, NULL, STR("GlobalSecondaryIndexUpdates"), value_list(arena, &one, 1));
    return engine_call(sync, "UpdateTable",
        value_with(
            arena, input, STR("AttributeDefinitions"), value_getz(sync->record, "AttributeDefinitions")),
        err);
}

/* True if the list has this index with the same keys and projection. */
static bool has_index(const struct value *list, const struct value *index)
{
    const struct value *other = value_list_find(list, "IndexName", value_gets(index, "IndexName"));
    return other && value_equal(value_getz(other, "KeySchema"), value_getz(index, "KeySchema")) &&
           value_equal(value_getz(other, "Projection"), value_getz(index, "Projection"));
}

static int change_indexes(
    struct item_sync *sync, const struct value *have, const struct value *want, struct err *err)
{
    struct arena *arena = sync->scope->arena;
    for (uint32_t i = 0; have && i < have->count; i++) {
        struct str name = value_gets(have->items[i], "IndexName");
        if (!has_index(want, have->items[i]) &&
            change_index(
                sync, "Delete", value_with(arena, NULL, STR("IndexName"), value_string(arena, name)), err))
            return -1;
    }
    for (uint32_t i = 0; want && i < want->count; i++)
        if (!has_index(have, want->items[i]) && change_index(sync, "Create", want->items[i], err))
            return -1;
    return 0;
}

static int change_stream(struct item_sync *sync, const struct value *have, struct err *err)
{
    struct arena *arena = sync->scope->arena;
    const struct value *want = stream_of(arena, sync->record);
    if (str_eq(value_gets(have, "StreamViewType"), value_gets(want, "StreamViewType")))
        return 0;
    if (!want)
        want = value_with(arena, NULL, STR("StreamEnabled"), &value_false);
    return engine_call(sync, "UpdateTable", value_with(arena, NULL, STR("StreamSpecification"), want), err);
}

static int change_ttl(struct item_sync *sync, struct err *err)
{
    struct arena *arena = sync->scope->arena;
    if (engine_call(sync, "DescribeTimeToLive", NULL, err))
        return -1;
    const struct value *have = value_getz(value_getz(sync->output, "TimeToLiveDescription"), "AttributeName");
    if (value_equal(have ? have : &value_null, sync->ttl ? sync->ttl : &value_null))
        return 0;
    const struct value *specification = VALUE_MAP(
        arena, {STR("AttributeName"), sync->ttl ? sync->ttl : have}, {STR("Enabled"), value_bool(sync->ttl)});
    return engine_call(sync, "UpdateTimeToLive",
        value_with(arena, NULL, STR("TimeToLiveSpecification"), specification), err);
}

/* Checks by the tag that the engine's table belongs to the record, not to a deleted table of the same
 * name. */
static int is_of_record(struct item_sync *sync, const struct value *have, bool *out, struct err *err)
{
    struct arena *arena = sync->scope->arena;
    if (engine_call(sync, "ListTagsOfResource",
            value_with(arena, NULL, STR("ResourceArn"), value_getz(have, "TableArn")), err))
        return -1;
    const struct value *tag = value_list_find(value_getz(sync->output, "Tags"), "Key", STR(ID_TAG));
    *out = str_eq(value_gets(tag, "Value"), value_gets(sync->record, "TableId"));
    return 0;
}

static int synchronise_table(struct item_sync *sync, struct err *err)
{
    bool own = false;
    if (engine_call(sync, "DescribeTable", NULL, err)) {
        if (strcmp(err->code, "ResourceNotFoundException") != 0)
            return -1;
        return create_table(sync, err) || change_ttl(sync, err) ? -1 : 0;
    }
    const struct value *have = value_getz(sync->output, "Table");
    if (is_of_record(sync, have, &own, err))
        return -1;
    if (!own && (engine_call(sync, "DeleteTable", NULL, err) || create_table(sync, err)))
        return -1;
    const struct value *want = table_wanted(sync->scope->arena, sync->record);
    if (own && (change_indexes(sync, value_getz(have, "GlobalSecondaryIndexes"),
                    value_getz(want, "GlobalSecondaryIndexes"), err) ||
                   change_stream(sync, value_getz(have, "StreamSpecification"), err)))
        return -1;
    return change_ttl(sync, err);
}

/* ---- the record ---- */

static int describe_record(
    struct item_sync *sync, const char *operation, const struct value **out, struct err *err)
{
    const struct service_request request = {.service = STR("dynamodb"),
        .operation = str_z(operation),
        .region = sync->scope->region,
        .input = value_with(
            sync->scope->arena, NULL, STR("TableName"), value_string(sync->scope->arena, sync->name))};
    return services_call_control(sync->scope->services, sync->scope->arena, &request, out, err);
}

static int look_up(struct item_sync *sync, struct err *err)
{
    const struct value *table, *ttl;
    if (describe_record(sync, "DescribeTable", &table, err) ||
        describe_record(sync, "DescribeTimeToLive", &ttl, err))
        return service_refuse(err, 400, "ResourceNotFoundException", "Requested resource not found");
    sync->record = value_getz(table, "Table");
    sync->ttl = value_getz(value_getz(ttl, "TimeToLiveDescription"), "AttributeName");
    struct str status = value_gets(sync->record, "TableStatus");
    if (str_eqz(status, "CREATING") || str_eqz(status, "DELETING"))
        return service_refuse(err, 400, "ResourceNotFoundException", "Requested resource not found");
    return 0;
}

int item_table(
    const struct item_scope *scope, struct str name, const struct value **description, struct err *err)
{
    struct item_engine *engine = services_parts(scope->services)->items;
    struct arena *arena = scope->arena;
    struct item_sync sync = {.scope = scope, .name = item_table_name(name)};
    if (look_up(&sync, err))
        return -1;
    *description = sync.record;
    struct str key = arena_printf(arena, "%.*s %.*s", STR_ARG(scope->region), STR_ARG(sync.name));
    const struct value *as = value_with(arena, table_wanted(arena, sync.record), STR("TTL"), sync.ttl);
    struct str text =
        json_or_text(arena, value_with(arena, as, STR("TableId"), value_getz(sync.record, "TableId")));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&engine->lock);
    const char *known = map_get(&engine->tables, key);
    bool same = known && str_eqz(text, known);
    int status = same ? 0 : synchronise_table(&sync, err);
    if (!status && !same)
        map_set(&engine->tables, arena_str(&engine->texts, key), arena_strz(&engine->texts, text));
    return status;
}

/* True if the region has a table that is not being deleted. */
static bool has_tables(const struct item_scope *scope)
{
    static const struct str type = STR_INIT("aws.dynamodb.table");
    struct control *control = services_control(scope->services);
    struct control_record found;
    size_t n;
    const struct control_record *tables = control_list(control, scope->arena, type, scope->region, &n);
    for (size_t i = 0; i < n; i++)
        if (control_find(control, scope->arena, type, scope->region, tables[i].id, &found))
            return true;
    return false;
}

void item_tables_clean(struct services *services)
{
    struct item_engine *engine = services_parts(services)->items;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct control_record found;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&engine->lock);
    for (size_t i = 0; i < engine->tables.n; i++) {
        struct map_item *item = &engine->tables.items[i];
        struct str name, region = str_cut(item->key, ' ', &name);
        const struct item_scope scope = {services, &arena, region};
        struct item_sync sync = {.scope = &scope, .name = name};
        if (!item->ptr ||
            control_find(services_control(services), &arena, STR("aws.dynamodb.table"), region, name, &found))
            continue;
        if (has_tables(&scope))
            engine_call(&sync, "DeleteTable", NULL, ERR_IGNORED);
        else
            item_engine_remove(&scope);
        item->ptr = NULL;
    }
}
