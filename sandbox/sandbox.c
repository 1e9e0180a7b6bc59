/* The sandbox: see sandbox.h. */
#include "sandbox/sandbox.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/console/console.h"
#include "sandbox/folder.h"
#include "sandbox/http/server.h"
#include "sandbox/s3/s3srv.h"
#include "sandbox/services/lambda/lambda.h"
#include "sandbox/services/s3/objects.h"
#include "sandbox/services/shared/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MAX_FAULTS = 1024 * 1024 };
static const int64_t DEFAULT_ROOM = 16LL * 1024 * 1024 * 1024;

struct sandbox {
    struct arena arena; /* used by the starting thread, and once serving only with control_lock held */
    const char *dir;
    bool own_dir; /* the directory is removed at the end */
    int lock_fd, use_fd;
    uint16_t port;
    struct sandbox_key *keys;
    size_t key_count;
    struct str account;
    bool ephemeral;
    const struct provider_kinds *kinds;
    const char *specs_dir;
    double speed, state_speed;
    int64_t minute_ms, run_max_bytes;
    const char *bind; /* NULL: 127.0.0.1 */
    struct guard guard;
    struct sandbox_console console;
    struct s3_store *store;
    pthread_mutex_t control_lock;
    struct catalog *catalog;
    struct control *control;
    struct gate *gate;
    enum sandbox_iam iam;
    struct services *services;
    bool control_failed, stopping, schedules, waking;
    pthread_t wake; /* loads the services, so that stored schedules fire before the first request */
    struct faults *faults;
    struct server *server;
};

static int choose_dir(struct sandbox *s, const struct sandbox_options *options, struct err *err)
{
    if (options->dir && options->ephemeral) {
        AUTO_DIR DIR *dir = opendir(options->dir);
        if (dir && dir_next(dir))
            return err_set(err, ERR_USAGE,
                "%s is not empty, and an ephemeral sandbox removes its folder at the end", options->dir);
    }
    s->own_dir = options->ephemeral;
    if (options->dir)
        return folder_open(&s->arena, options->dir, &s->dir, err);
    if (!options->ephemeral)
        return err_set(err, ERR_USAGE, "the sandbox needs a directory");
    return folder_temporary(&s->arena, &s->dir, err);
}

/* Called before the server accepts requests. */
static int choose_keys(struct sandbox *s, const struct sandbox_options *options, struct err *err)
{
    s->key_count = options->key_count ? options->key_count : 1;
    s->keys = ARENA_ARRAY(&s->arena, struct sandbox_key, s->key_count);
    if (!options->key_count)
        return folder_key(&s->arena, s->dir, !s->ephemeral, s->keys, err);
    for (size_t i = 0; i < s->key_count; i++)
        s->keys[i] = (struct sandbox_key){arena_str(&s->arena, options->keys[i].access_key),
            arena_str(&s->arena, options->keys[i].secret_key)};
    return 0;
}

static void copy_hosts(struct sandbox *s, const struct sandbox_options *options)
{
    struct str *hosts = ARENA_ARRAY(&s->arena, struct str, options->host_count + 1);
    for (size_t i = 0; i < options->host_count; i++)
        hosts[i] = arena_str(&s->arena, options->hosts[i]);
    s->guard = (struct guard){hosts, options->host_count, sandbox_reaches_out(options->bind)};
}

/* The token is new at each start, so an earlier address is not valid. */
static void open_console(struct sandbox *s, const struct sandbox_options *options)
{
    unsigned char token[16];
    if (!options->console)
        return;
    hash_random(token, sizeof token);
    s->console = (struct sandbox_console){hex_encode(&s->arena, token, sizeof token), options->console_write};
}

static int read_faults(struct sandbox *s, const struct sandbox_options *options, struct err *err)
{
    struct str text;
    if (!options->faults_file)
        return 0;
    return file_read(&s->arena, options->faults_file, MAX_FAULTS, &text, err) ||
                   faults_set(s->faults, text, err)
               ? err_context(err, "%s", options->faults_file)
               : 0;
}

/* True if an earlier run stored records whose file names begin with one of `begins` (ends with NULL). */
static bool has_kept(const struct sandbox *s, const char *const *begins)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    bool any = false;
    AUTO_DIR DIR *dir = opendir(path_join(&arena, str_z(s->dir), STR("control")).p);
    for (struct dirent *entry; dir && !any && (entry = readdir(dir));)
        for (size_t i = 0; begins[i] && !any; i++)
            any = str_starts(str_z(entry->d_name), str_z(begins[i]));
    return any;
}

static void *wake_up(void *ctx)
{
    sandbox_services(ctx);
    return NULL;
}

/* Loads the services at the start if stored resources act without a request: servers listen at once,
 * schedules fire. */
static void load_kept_services(struct sandbox *s)
{
    static const char *const servers[] = {"aws.ec2.instance-", "aws.kafka.cluster-", "aws.mwaa.environment-",
        "aws.rds.instance-", "aws.redshift.cluster-", "aws.redshiftserverless.workgroup-", NULL};
    static const char *const firing[] = {"aws.events.rule-", "aws.scheduler.schedule-", NULL};
    if (has_kept(s, servers))
        sandbox_services(s);
    else if (s->schedules && has_kept(s, firing))
        s->waking = !pthread_create(&s->wake, NULL, wake_up, s);
}

static int sandbox_serve(struct sandbox *s, const struct sandbox_options *options, struct err *err)
{
    const struct server_options server = {.sandbox = s,
        .bind = options->bind,
        .port = options->port,
        .s3 = &s3srv_responder,
        .console = &console_responder,
        .services = &services_responder,
        .patience_ms = options->patience_ms};
    return server_start(&server, &s->server, &s->port, err);
}

int sandbox_start(const struct sandbox_options *options, struct sandbox **out, struct err *err)
{
    struct sandbox *s = mem_zalloc(sizeof *s);
    s->lock_fd = s->use_fd = -1;
    s->account = arena_str(&s->arena, options->account.n ? options->account : STR(SANDBOX_ACCOUNT));
    s->ephemeral = options->ephemeral;
    s->schedules = options->schedules;
    s->kinds = options->kinds;
    s->specs_dir = options->specs_dir ? arena_strz(&s->arena, str_z(options->specs_dir)) : NULL;
    s->iam = options->iam;
    s->speed = options->speed;
    s->state_speed = options->state_speed > 0 ? options->state_speed : options->speed;
    s->minute_ms = options->minute_ms > 0 ? options->minute_ms : 60000;
    s->run_max_bytes = options->run_max_bytes > 0 ? options->run_max_bytes : DEFAULT_ROOM;
    s->bind = options->bind ? arena_strz(&s->arena, str_z(options->bind)) : NULL;
    pthread_mutex_init(&s->control_lock, NULL);
    copy_hosts(s, options);
    open_console(s, options);
    s->faults = faults_new();
    if (read_faults(s, options, err) || choose_dir(s, options, err) ||
        folder_lock(s->dir, &s->lock_fd, err) || choose_keys(s, options, err) ||
        store_open(s->dir, !options->ephemeral, &s->store, err) || sandbox_serve(s, options, err)) {
        sandbox_stop(s);
        return -1;
    }
    if (options->announced) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        folder_announce(s->lock_fd, sandbox_endpoint(s, &scratch), options->temporary);
    }
    load_kept_services(s);
    *out = s;
    return 0;
}

void sandbox_stop(struct sandbox *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->control_lock);
    s->stopping = true;
    pthread_mutex_unlock(&s->control_lock);
    if (s->waking)
        pthread_join(s->wake, NULL);
    folder_announce(s->lock_fd, STR_EMPTY, false);
    faults_clear(s->faults);    /* ends the delays of running requests */
    services_stop(s->services); /* before server_stop(): requests may wait for a run */
    server_stop(s->server);
    services_close(s->services);
    faults_free(s->faults);
    store_close(s->store);
    gate_free(s->gate);
    control_free(s->control);
    catalog_free(s->catalog);
    pthread_mutex_destroy(&s->control_lock);
    if (s->own_dir)
        tree_remove(s->dir);
    fd_close_ptr(&s->lock_fd);
    fd_close_ptr(&s->use_fd); /* processes that wait to join can lock it */
    arena_release(&s->arena);
    free(s);
}

int sandbox_join(struct arena *arena, const char *dir, struct sandbox_joined *out, struct err *err)
{
    *out = (struct sandbox_joined){.fd = -1};
    if (!path_is_dir(dir))
        return 0;
    if (folder_use(dir, false, &out->fd, err))
        return -1;
    out->endpoint = sandbox_served(arena, dir);
    out->temporary = folder_is_temporary(dir);
    if (!out->endpoint.n) {
        fd_close_ptr(&out->fd);
        out->fd = -1;
    }
    return 0;
}

bool sandbox_unused(struct sandbox *s)
{
    return s->use_fd >= 0 || folder_use(s->dir, true, &s->use_fd, ERR_IGNORED) || s->use_fd >= 0;
}

uint16_t sandbox_port(const struct sandbox *s)
{
    return s->port;
}

struct str sandbox_console_address(const struct sandbox *s, struct arena *arena)
{
    struct str endpoint = sandbox_endpoint(s, arena);
    return s->console.token.n
               ? arena_printf(arena, "%.*s/_weir/?token=%.*s", STR_ARG(endpoint), STR_ARG(s->console.token))
               : STR_EMPTY;
}

const struct sandbox_console *sandbox_console(const struct sandbox *s)
{
    return &s->console;
}

struct catalog *sandbox_catalog(struct sandbox *s)
{
    return s->catalog;
}

const char *sandbox_dir(const struct sandbox *s)
{
    return s->dir;
}

struct s3_store *sandbox_store(struct sandbox *s)
{
    return s->store;
}

struct sandbox_key sandbox_first_key(const struct sandbox *s)
{
    return s->keys[0];
}

/* A wildcard address is replaced by loopback. */
struct str sandbox_endpoint(const struct sandbox *s, struct arena *arena)
{
    struct str host = str_z(s->bind && strcmp(s->bind, "0.0.0.0") != 0 ? s->bind : "127.0.0.1");
    bool v6 = str_find_char(host, ':', 0) >= 0;
    if (str_eqz(host, "::"))
        host = STR("::1");
    return arena_printf(arena, v6 ? "http://[%.*s]:%u" : "http://%.*s:%u", STR_ARG(host), (unsigned)s->port);
}

const struct guard *sandbox_guard(const struct sandbox *s)
{
    return &s->guard;
}

int64_t sandbox_minute_ms(const struct sandbox *s)
{
    return s->minute_ms;
}

int64_t sandbox_run_max_bytes(const struct sandbox *s)
{
    return s->run_max_bytes;
}

struct faults *sandbox_faults(struct sandbox *s)
{
    return s->faults;
}

struct str sandbox_account(const struct sandbox *s)
{
    return s->account;
}

bool sandbox_ephemeral(const struct sandbox *s)
{
    return s->ephemeral;
}

bool sandbox_schedules(const struct sandbox *s)
{
    return s->schedules;
}

double sandbox_speed(const struct sandbox *s)
{
    return s->speed > 0 ? s->speed : 1;
}

struct str sandbox_secret(const struct sandbox *s, struct str access_key)
{
    for (size_t i = 0; i < s->key_count; i++)
        if (str_eq(s->keys[i].access_key, access_key))
            return s->keys[i].secret_key;
    return STR_EMPTY;
}

/* Callback of the control plane: the hash and the size of a function's code. */
static bool object_facts(void *ctx, struct arena *arena, struct str bucket, struct str key,
    struct str version, struct str *sha256, int64_t *size)
{
    struct sandbox *s = ctx;
    const struct object_location location = {.bucket = bucket, .key = key, .version = version};
    unsigned char digest[SHA256_SIZE];
    if (!lambda_code_sha256(bucket, key, digest) && unpack_sha256(s->store, &location, digest, ERR_IGNORED))
        return false;
    *sha256 = base64_encode(arena, str_n((const char *)digest, sizeof digest));
    struct stat file;
    struct str path;
    *size = s->services && lambda_code_file(s->services, arena, &location, &path) && !stat(path.p, &file)
                ? file.st_size
                : 0;
    return true;
}

/* Callback of the control plane for the Resource Groups Tagging API. */
static const struct value *bucket_tags(void *ctx, struct arena *arena, struct str region)
{
    const struct sandbox *s = ctx;
    static const struct shape pairs = {.kind = SHAPE_PAIRS};
    const struct value *names = value_as_list(store_bucket_names(arena, s->store));
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < names->count; i++) {
        struct str name = value_text(names->items[i], STR_EMPTY), text, root;
        const struct value *doc = NULL, *bucket = store_bucket_doc(arena, s->store, name);
        if (!str_eq(value_gets(bucket, "region"), region) ||
            !store_setting(arena, s->store, name, STR("tagging"), &text) ||
            wire_xml_read(arena, text, &root, &doc, ERR_IGNORED))
            continue;
        const struct value *tags = wire_coerce(arena, &pairs, wire_path(arena, doc, STR("TagSet.Tag[]")));
        if (tags && tags->count)
            value_builder_set(&all, name, tags);
    }
    return value_builder_map(&all);
}

static bool tag_bucket(
    void *ctx, struct arena *arena, struct str region, struct str name, const struct value *tags)
{
    const struct sandbox *s = ctx;
    AUTO_BUF struct buf text = BUF_INIT;
    if (!value_list_has(store_bucket_names(arena, s->store), name) ||
        !str_eq(value_gets(store_bucket_doc(arena, s->store, name), "region"), region))
        return false;
    buf_addz(&text, "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>");
    for (uint32_t i = 0; i < tags->count; i++) {
        buf_addz(&text, "<Tag><Key>");
        wire_xml_escape(&text, tags->entries[i].key, false);
        buf_addz(&text, "</Key><Value>");
        wire_xml_escape(&text, value_text(tags->entries[i].value, STR_EMPTY), false);
        buf_addz(&text, "</Value></Tag>");
    }
    buf_addz(&text, "</TagSet></Tagging>");
    enum store_result done = tags->count ? store_setting_put(s->store, name, STR("tagging"), buf_str(&text))
                                         : store_setting_delete(s->store, name, STR("tagging"));
    return done == STORE_OK || (!tags->count && done == STORE_NO_KEY);
}

void sandbox_use_specs(struct sandbox *s, const char *dir)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->control_lock);
    if (!s->control && !s->specs_dir && dir)
        s->specs_dir = arena_strz(&s->arena, str_z(dir));
}

/* Loads the specs on first use: this takes longer than the start, and S3 does not need them. */
struct control *sandbox_control(struct sandbox *s)
{
    struct err err = ERR_INIT;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->control_lock);
    if (!s->control && !s->control_failed) {
        const struct catalog_options catalog = {
            .kinds = s->kinds, .specs_dir = s->specs_dir, .more_specs = "sandbox/specs/"};
        struct control_options options = {.account = s->account,
            .speed = s->state_speed,
            .object_facts = object_facts,
            .bucket_tags = bucket_tags,
            .tag_bucket = tag_bucket,
            .object_ctx = s,
            .types = services_types,
            .seed = str_z(s->dir)};
        if (!s->ephemeral)
            options.dir = path_join(&s->arena, str_z(s->dir), STR("control")).p;
        s->control_failed = catalog_new(&catalog, &s->catalog, &err) != 0;
        options.catalog = s->catalog;
        if (!s->control_failed)
            s->control_failed = control_new(&options, &s->control, &err) != 0;
        if (s->control_failed)
            fprintf(stderr, "sandbox: %s\n", err.message);
        else
            s->gate = gate_new(s, s->control, s->iam);
    }
    return s->control;
}

struct gate *sandbox_gate(struct sandbox *s)
{
    sandbox_control(s);
    return s->gate;
}

struct services *sandbox_services(struct sandbox *s)
{
    struct err err = ERR_INIT;
    struct control *control = sandbox_control(s);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->control_lock);
    if (control && !s->services && !s->stopping && services_open(s, control, &s->services, &err))
        fprintf(stderr, "sandbox: %s\n", err.message);
    return s->services;
}

bool sandbox_user_key(
    struct sandbox *s, struct arena *arena, struct str access_key, struct str *secret, struct str *user)
{
    struct control *control = sandbox_control(s);
    struct control_record key;
    if (!control || !control_find(control, arena, STR("aws.iam.access_key"), STR_EMPTY, access_key, &key) ||
        !str_eqz(value_gets(key.attrs, "status"), "Active"))
        return false;
    *secret = value_gets(key.attrs, "secret_access_key");
    *user = value_gets(key.attrs, "user");
    return secret->n > 0;
}

int sandbox_check_s3(struct sandbox *s, struct arena *arena, const struct session *caller, const char *action,
    struct str resource, struct str region, const struct value *context, struct err *err)
{
    if (!session_is_limited(caller))
        return 0;
    const struct gate_action asked = {.who = {.session = caller},
        .service = STR("s3"),
        .action = str_z(action),
        .resource = resource.n ? arena_printf(arena, "arn:aws:s3:::%.*s", STR_ARG(resource)) : STR("*"),
        .region = region,
        .context = context};
    return gate_check_action(sandbox_gate(s), arena, &asked, err);
}

int sandbox_check_key(struct sandbox *s, struct arena *arena, const struct session *caller,
    const char *action, struct str key, struct str region, struct str about, struct str *arn, struct err *err)
{
    const struct gate_key_use use = {.who = {.session = caller},
        .action = action,
        .via = "s3",
        .key = key,
        .region = region,
        .context_key = "aws:s3:arn",
        .context_value = about};
    return gate_check_key(sandbox_gate(s), arena, &use, arn, err);
}

enum { ROLE_SESSION_MS = 12 * 3600 * 1000 };

struct sandbox_role_key sandbox_role_session(
    struct arena *arena, const struct sandbox_key *key, struct str role, struct str name)
{
    const struct session session = {
        .role = role, .name = name, .expires_ms = clock_wall_ms() + ROLE_SESSION_MS};
    struct session_key made = session_new(arena, key->secret_key, &session);
    return (struct sandbox_role_key){made.access_key, made.secret_key, made.token};
}

void sandbox_notify_object(struct sandbox *s, struct arena *arena, const char *name, struct str bucket,
    struct str key, const struct object *object, struct str request_id, struct str trace)
{
    object_notify(s, arena, name, bucket, key, object, request_id, trace);
}

bool sandbox_has_resource(
    struct sandbox *s, struct arena *arena, struct str type, struct str region, struct str arn)
{
    struct control_record found;
    struct control *control = sandbox_control(s);
    return control && control_find(control, arena, type, region, arn, &found);
}

bool sandbox_may_notify(
    struct sandbox *s, struct arena *arena, struct str bucket, struct str region, struct str arn)
{
    const struct gate_notice notice = {.service = "s3.amazonaws.com",
        .source = arena_printf(arena, "arn:aws:s3:::%.*s", STR_ARG(bucket)),
        .to = arn,
        .region = region};
    return gate_lets_notify(sandbox_gate(s), arena, &notice);
}

bool sandbox_reaches_out(const char *bind_to)
{
    return server_reaches_out(bind_to);
}
