/*
 * The metadata service of an instance at 169.254.169.254 (identity, user data, credentials of its role), with
 * version 2 tokens unless http_tokens is optional; user data in cloud-init's formats.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/yaml.h"
#include "sandbox/host/host_internal.h"
#include "sandbox/http/server.h"

#include <stdlib.h>

/* ---- user data: a script is kept, the commands and files of a #cloud-config become a script; unsupported
 * keys are reported on the console ---- */

struct converting {
    struct arena *arena;
    struct buf *out, *note;
};

static struct str text_of(const struct converting *c, const struct value *v)
{
    return v ? value_scalar_text(c->arena, v) : STR_EMPTY;
}

/* A command is a shell line or a list of words. */
static void add_commands(const struct converting *c, const struct value *list)
{
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *command = list->items[i];
        for (uint32_t k = 0; command->kind == VALUE_LIST && k < command->count; k++) {
            buf_add_quoted(c->out, text_of(c, command->items[k]));
            buf_add_char(c->out, ' ');
        }
        if (command->kind != VALUE_LIST)
            buf_add_str(c->out, text_of(c, command));
        buf_add_char(c->out, '\n');
    }
}

static void add_file(const struct converting *c, const struct value *file)
{
    struct str path = value_gets(file, "path"), mode = text_of(c, value_getz(file, "permissions")),
               owner = value_gets(file, "owner"), encoding = value_gets(file, "encoding");
    bool coded = str_eqz(encoding, "b64") || str_eqz(encoding, "base64");
    if (encoding.n && !coded && !str_eqz(encoding, "text/plain")) {
        buf_addf(c->note, "cloud-config: %.*s is not written: its encoding %.*s is not understood here\n",
            STR_ARG(path), STR_ARG(encoding));
        return;
    }
    buf_addz(c->out, "mkdir -p \"$(dirname ");
    buf_add_quoted(c->out, path);
    buf_addz(c->out, ")\" && printf '%s' ");
    buf_add_quoted(c->out, value_gets(file, "content"));
    buf_addz(c->out, coded ? " | base64 -d" : "");
    buf_addz(c->out, value_getb(file, "append") ? " >> " : " > ");
    buf_add_quoted(c->out, path);
    buf_addz(c->out, " && chmod ");
    buf_add_quoted(c->out, mode.n ? mode : STR("0644"));
    buf_add_char(c->out, ' ');
    buf_add_quoted(c->out, path);
    if (owner.n) {
        buf_addz(c->out, " && chown ");
        buf_add_quoted(c->out, owner);
        buf_add_char(c->out, ' ');
        buf_add_quoted(c->out, path);
    }
    buf_add_char(c->out, '\n');
}

static void add_files(const struct converting *c, const struct value *list)
{
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++)
        add_file(c, list->items[i]);
}

/* Packages cannot be downloaded; a host has those of the machine. */
static void add_packages(const struct converting *c, const struct value *list)
{
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *item = list->items[i];
        struct str name = text_of(c, item->kind == VALUE_LIST && item->count ? item->items[0] : item);
        buf_addz(c->out, "p=");
        buf_add_quoted(c->out, name);
        buf_addz(c->out,
            "; dpkg-query -W \"$p\" > /dev/null 2>&1 || rpm -q \"$p\" > /dev/null 2>&1 || command -v \"$p\" "
            "> /dev/null || echo \"cloud-config: the package $p is not on this machine, and hosts cannot "
            "fetch any\"\n");
    }
}

/* The supported keys, in cloud-init's order. */
static const struct {
    const char *key;
    void (*add)(const struct converting *c, const struct value *v);
} sections[] = {{"bootcmd", add_commands}, {"write_files", add_files}, {"packages", add_packages},
    {"runcmd", add_commands}};

static bool is_known(struct str key)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (str_eqz(key, sections[i].key))
            return true;
    return str_is_any(key, "package_update package_upgrade output final_message");
}

static struct str user_data_convert(struct arena *arena, struct str data, struct buf *note)
{
    AUTO_BUF struct buf out = BUF_INIT;
    const struct converting c = {arena, &out, note};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    const struct source source = {.path = STR("user data"), .text = data};
    const struct node *root = yaml_parse(arena, &source, &diags);
    const struct value *config = root ? node_value(arena, root) : NULL;
    if (!config || config->kind != VALUE_MAP) {
        buf_addz(note, "cloud-config: this is not a map in YAML: nothing of it is done\n");
        return STR_EMPTY;
    }
    buf_addz(&out, "#!/bin/sh\n");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (value_getz(config, sections[i].key))
            sections[i].add(&c, value_getz(config, sections[i].key));
    for (uint32_t i = 0; i < config->count; i++)
        if (!is_known(config->entries[i].key))
            buf_addf(note, "cloud-config: %.*s is not carried out here\n", STR_ARG(config->entries[i].key));
    return arena_str(arena, buf_str(&out));
}

struct str user_data_script(struct arena *arena, struct str data, struct str *note)
{
    AUTO_BUF struct buf words = BUF_INIT;
    struct str script = STR_EMPTY;
    if (str_starts(data, STR("#!")))
        script = data;
    else if (str_starts(data, STR("#cloud-config")))
        script = user_data_convert(arena, data, &words);
    else if (data.n)
        buf_addz(&words,
            "user data: it begins neither with #! nor with #cloud-config, and is not carried out here\n");
    *note = arena_str(arena, buf_str(&words));
    return script;
}

enum { TOKEN_SIZE = 40, CREDENTIALS_MS = 6 * 3600 * 1000, IDLE_S = 30, MAX_BODY = 4096 };

#define TOKEN_HEADER "X-aws-ec2-metadata-token"
#define TTL_HEADER   "X-aws-ec2-metadata-token-ttl-seconds"

struct metadata {
    struct services *services;
    struct arena arena;
    struct str region, id;
    char token[TOKEN_SIZE + 1]; /* shared by all clients inside the host */
    struct small_server *server;
};

/* A request. */
struct question {
    struct metadata *metadata;
    struct arena *arena;
    struct control_record record;
};

static struct str metadata_attribute(const struct question *q, const char *name)
{
    return value_gets(q->record.attrs, name);
}

/* ---- documents ---- */

static struct str role_of(struct question *q)
{
    struct control_record profile;
    struct str arn = metadata_attribute(q, "instance_profile");
    if (!arn.n || !control_find(services_control(q->metadata->services), q->arena,
                      STR("aws.iam.instance_profile"), STR_EMPTY, arn, &profile))
        return STR_EMPTY;
    const struct value *roles = value_getz(profile.attrs, "roles");
    return roles && roles->kind == VALUE_LIST && roles->count ? value_text(roles->items[0], STR_EMPTY)
                                                              : STR_EMPTY;
}

static struct str as_json(struct question *q, const char *const *pairs)
{
    AUTO_BUF struct buf out = BUF_INIT;
    const struct value *map = NULL;
    for (size_t i = 0; pairs[i]; i += 2)
        map = value_with(q->arena, map, str_z(pairs[i]), value_stringz(q->arena, pairs[i + 1]));
    json_write(&out, map, JSON_PRETTY);
    return arena_str(q->arena, buf_str(&out));
}

static struct str metadata_credentials(struct question *q)
{
    struct sandbox_key own = sandbox_first_key(services_sandbox(q->metadata->services));
    int64_t now = clock_wall_ms();
    const struct session session = {
        .role = role_of(q), .name = q->metadata->id, .expires_ms = now + CREDENTIALS_MS};
    struct session_key key = session_new(q->arena, own.secret_key, &session);
    const char *const pairs[] = {"Code", "Success", "Type", "AWS-HMAC", "LastUpdated",
        time_rfc3339(q->arena, now, false).p, "AccessKeyId", arena_strz(q->arena, key.access_key),
        "SecretAccessKey", arena_strz(q->arena, key.secret_key), "Token", arena_strz(q->arena, key.token),
        "Expiration", time_rfc3339(q->arena, session.expires_ms, false).p, NULL};
    return as_json(q, pairs);
}

static struct str profile(struct question *q)
{
    const char *const pairs[] = {"Code", "Success", "LastUpdated",
        time_rfc3339(q->arena, q->record.created_ms, false).p, "InstanceProfileArn",
        metadata_attribute(q, "instance_profile").p, NULL};
    return as_json(q, pairs);
}

static struct str zone_of(struct question *q)
{
    struct control_record subnet;
    return control_find(services_control(q->metadata->services), q->arena, STR("aws.ec2.subnet"),
               q->metadata->region, metadata_attribute(q, "subnet_id"), &subnet)
               ? value_gets(subnet.attrs, "availability_zone")
               : arena_printf(q->arena, "%sa", q->metadata->region.p);
}

static struct str identity(struct question *q)
{
    struct str account = services_account(q->metadata->services);
    const char *const pairs[] = {"accountId", arena_strz(q->arena, account), "architecture", "x86_64",
        "availabilityZone", zone_of(q).p, "imageId", metadata_attribute(q, "image_id").p, "instanceId",
        q->metadata->id.p, "instanceType", metadata_attribute(q, "instance_type").p, "pendingTime",
        time_rfc3339(q->arena, q->record.created_ms, false).p, "privateIp",
        metadata_attribute(q, "private_ip").p, "region", q->metadata->region.p, "version", "2017-09-30",
        NULL};
    return as_json(q, pairs);
}

static struct str public_key(struct question *q)
{
    struct control_record key = {0};
    control_find(services_control(q->metadata->services), q->arena, STR("aws.ec2.key_pair"),
        q->metadata->region, metadata_attribute(q, "key_name"), &key);
    return value_gets(key.attrs, "public_key");
}

/* Paths: an attribute of the record, the result of a function, or a list of entries. */
static const struct entry {
    const char *path, *attribute;
    struct str (*say)(struct question *q);
    const char *lists;
} entries[] = {
    {"/latest/meta-data", NULL, NULL,
        "ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nplacement/"
        "\npublic-ipv4\npublic-keys/"},
    {"/latest/meta-data/ami-id", "image_id", NULL, NULL},
    {"/latest/meta-data/hostname", "private_dns_name", NULL, NULL},
    {"/latest/meta-data/iam", NULL, NULL, "info\nsecurity-credentials/"},
    {"/latest/meta-data/iam/info", NULL, profile, NULL},
    {"/latest/meta-data/iam/security-credentials", NULL, role_of, NULL},
    {"/latest/meta-data/instance-id", "instance_id", NULL, NULL},
    {"/latest/meta-data/instance-type", "instance_type", NULL, NULL},
    {"/latest/meta-data/local-hostname", "private_dns_name", NULL, NULL},
    {"/latest/meta-data/local-ipv4", "private_ip", NULL, NULL},
    {"/latest/meta-data/placement", NULL, NULL, "availability-zone\nregion"},
    {"/latest/meta-data/placement/availability-zone", NULL, zone_of, NULL},
    {"/latest/meta-data/public-ipv4", "public_ip", NULL, NULL},
    {"/latest/meta-data/public-keys/0/openssh-key", NULL, public_key, NULL},
    {"/latest/user-data", "user_data", NULL, NULL},
    {"/latest/dynamic/instance-identity/document", NULL, identity, NULL},
};

/* Returns "" for an unknown path. */
static struct str metadata_get(struct question *q, struct str path)
{
    static const struct str role_path = STR_INIT("/latest/meta-data/iam/security-credentials/");
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    if (str_eqz(path, "/latest/meta-data/placement/region"))
        return q->metadata->region;
    if (str_starts(path, role_path) && role_of(q).n &&
        str_eq(str_slice(path, role_path.n, path.n), role_of(q)))
        return metadata_credentials(q);
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        const struct entry *entry = &entries[i];
        if (str_eqz(path, entry->path))
            return entry->attribute ? metadata_attribute(q, entry->attribute)
                   : entry->say     ? entry->say(q)
                                    : str_z(entry->lists);
    }
    return STR_EMPTY;
}

/* ---- requests ---- */

static bool is_let_in(const struct question *q, const struct wire_message *request)
{
    const struct value *options = value_getz(q->record.attrs, "metadata_options");
    struct str token = wire_header_get(request, STR(TOKEN_HEADER));
    return str_eqz(token, q->metadata->token) ||
           (!token.n && str_eqz(value_gets(options, "http_tokens"), "optional"));
}

static int answer_of(struct question *q, const struct wire_message *request, struct str *body)
{
    struct metadata *m = q->metadata;
    if (!control_find(services_control(m->services), q->arena, STR(HOST_TYPE), m->region, m->id, &q->record))
        return 404;
    const struct value *options = value_getz(q->record.attrs, "metadata_options");
    if (str_eqz(value_gets(options, "http_endpoint"), "disabled"))
        return 403;
    if (str_eqz(request->method, "PUT")) {
        *body = str_z(m->token);
        return !str_eqz(request->path, "/latest/api/token")  ? 404
               : wire_header_get(request, STR(TTL_HEADER)).n ? 200
                                                             : 400;
    }
    if (!is_let_in(q, request))
        return 401;
    *body = metadata_get(q, request->path);
    return body->n ? 200 : 404;
}

static void metadata_handle(void *ctx, struct small_request *request, struct wire_message *out)
{
    struct question q = {.metadata = ctx, .arena = &request->arena};
    struct str body = STR_EMPTY;
    out->status = answer_of(&q, &request->head, &body);
    wire_header_add(q.arena, out, STR("Content-Type"), STR("text/plain"));
    if (out->status == 200 && str_eqz(request->head.method, "PUT"))
        wire_header_add(q.arena, out, STR(TTL_HEADER), wire_header_get(&request->head, STR(TTL_HEADER)));
    if (out->status == 200)
        out->body = body;
}

int metadata_start(struct services *services, int netns, struct str region, struct str id,
    struct metadata **out, struct err *err)
{
    unsigned char bytes[TOKEN_SIZE / 2];
    struct small_options options = {
        .what = "instance metadata", .idle_s = IDLE_S, .max_body = MAX_BODY, .answer = metadata_handle};
    if (netns_listen(netns, "169.254.169.254", 80, &options.fd, err))
        return -1;
    struct metadata *m = mem_zalloc(sizeof *m);
    options.ctx = m;
    m->services = services;
    m->region = arena_str(&m->arena, region);
    m->id = arena_str(&m->arena, id);
    hash_random(bytes, sizeof bytes);
    memcpy(m->token, hex_encode(&m->arena, bytes, sizeof bytes).p, TOKEN_SIZE);
    if (small_server_start(&options, &m->server, err)) {
        metadata_stop(m);
        return -1;
    }
    *out = m;
    return 0;
}

void metadata_stop(struct metadata *m)
{
    if (!m)
        return;
    small_server_stop(m->server);
    arena_release(&m->arena);
    free(m);
}
