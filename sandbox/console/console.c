/* The web console (see console.h): access, the page, resources, and calls of services. */
#include "sandbox/console/console.h"

#include "base/embed.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/task.h"
#include "sandbox/engine/view.h"
#include "sandbox/http/server.h"
#include "sandbox/s3/store.h"

#include <openssl/crypto.h>

/* ---- page: contains no data of the sandbox; its script loads the data ---- */

static struct str text_of(const char *path)
{
    const struct embedded_file *file = embedded_find(str_z(path));
    return file ? embedded_text(file) : STR_EMPTY;
}

static struct str sum_of(struct arena *arena, struct str text)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(text, digest);
    return base64_encode(arena, str_n((char *)digest, sizeof digest));
}

/* Returns the document; *policy becomes its Content-Security-Policy. */
static struct str console_page(struct arena *arena, bool write, struct str *policy)
{
    struct str style = text_of("sandbox/console/page/console.css");
    struct str script =
        arena_printf(arena, "%.*s\n%.*s\n%.*s", STR_ARG(text_of("sandbox/console/page/console.js")),
            STR_ARG(text_of("sandbox/console/page/machine.js")),
            STR_ARG(text_of("sandbox/console/page/views.js")));
    *policy = arena_printf(arena,
        "default-src 'none'; connect-src 'self'; style-src 'sha256-%.*s'; script-src 'sha256-%.*s'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        STR_ARG(sum_of(arena, style)), STR_ARG(sum_of(arena, script)));
    return EMBEDDED_FILLED(arena, "sandbox/console/page/console.html", {"style", style},
        {"write", write ? STR("yes") : STR("no")},
        {"mode", write ? STR("what is started here runs") : STR("read-only")}, {"script", script});
}

/* ---- operations that the page calls, executed as a client's. Operations that return secrets
 * (GetSecretValue, GetParameter, credentials) are not among them ---- */

/* The allowed operations by service. */
static const struct {
    const char *service, *reading, *writing;
} asked[] = {
    {"athena", "GetQueryExecution GetQueryResults", "StartQueryExecution"},
    {"glue", "GetPartitions", "BatchStopJobRun StartJobRun"},
    {"logs", "DescribeLogStreams GetLogEvents", ""},
    {"s3", "GetObject HeadObject ListObjectsV2", ""},
    {"states", "DescribeExecution DescribeStateMachine GetExecutionHistory ListExecutions",
        "StartExecution StopExecution"},
};

static int may_ask(struct str service, struct str operation, bool write, struct err *err)
{
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        bool reads = str_is_any(operation, asked[i].reading);
        if (!str_eqz(service, asked[i].service) || (!reads && !str_is_any(operation, asked[i].writing)))
            continue;
        if (reads || write)
            return 0;
        return service_refuse(err, 403, "ReadOnly",
            "The console only looks: `weir sandbox --console-write` lets it start and change things.");
    }
    return service_refuse(err, 403, "NotOffered", "The console does not ask %.*s for %.*s.", STR_ARG(service),
        STR_ARG(operation));
}

/* Executes {service, operation, region, input}; *output is the response of the service. */
static int console_call(struct sandbox *sandbox, struct arena *arena, const struct value *request, bool write,
    const struct value **output, struct err *err)
{
    const struct service_request wanted = {.service = value_gets(request, "service"),
        .operation = value_gets(request, "operation"),
        .region = value_gets(request, "region"),
        .input = value_getz(request, "input")};
    if (wanted.input && wanted.input->kind != VALUE_MAP)
        return service_refuse(err, 400, "InvalidInput", "input is a map");
    if (may_ask(wanted.service, wanted.operation, write, err))
        return -1;
    struct services *services = sandbox_services(sandbox);
    if (!services)
        return service_refuse(err, 503, "Unavailable", "The services cannot be loaded.");
    return services_call(services, arena, &wanted, output, err);
}

/* ---- content: records of the control plane, buckets, runs ---- */

enum { MAX_RUNS = 500 };

/* ---- secrets ---- */

static bool says_secret(struct arena *arena, struct str name)
{
    static const char *const words[] = {
        "password", "secret", "token", "credential", "private_key", "privatekey"};
    struct str lower = arena_lower(arena, name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_find(lower, str_z(words[i]), 0) >= 0)
            return true;
    return false;
}

/* Replaces strings under names that suggest a secret; ARNs are kept. */
static const struct value *shown(struct arena *arena, struct str name, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind == VALUE_STRING)
        return says_secret(arena, name) && !str_starts(v->string, STR("arn:"))
                   ? value_stringz(arena, "(secret)")
                   : v;
    if (v->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&b, shown(arena, name, v->items[i]));
        return value_builder_list(&b);
    }
    if (v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&b, v->entries[i].key, shown(arena, v->entries[i].key, v->entries[i].value));
    return value_builder_map(&b);
}

static const struct value *attrs_shown(
    struct arena *arena, const struct schema *schema, const struct value *attrs)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct value_entry *entry = &attrs->entries[i];
        const struct attr *attr = schema_attr(schema, entry->key);
        if (!attr) /* used by the control plane itself */
            continue;
        bool secret = attr->sensitive || attr->write_only;
        value_builder_set(&b, entry->key,
            secret || value_is_sensitive(entry->value) ? value_stringz(arena, "(secret)")
                                                       : shown(arena, entry->key, entry->value));
    }
    return value_builder_map(&b);
}

/* ---- resources ---- */

static const struct value *resource_shown(
    struct arena *arena, const struct schema *schema, const struct control_record *record)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "id", record->id);
    view_text(&b, "region", record->region);
    view_time(&b, "made", record->created_ms);
    view_set(&b, "attrs", attrs_shown(arena, schema, record->attrs));
    return value_builder_map(&b);
}

static void add_type(
    struct control *control, const struct schema *schema, struct arena *arena, struct value_builder *types)
{
    size_t n;
    const struct control_record *records = control_list(control, arena, schema->name, STR_EMPTY, &n);
    AUTO_BUILDER struct value_builder resources = VALUE_BUILDER(arena), b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_add(&resources, resource_shown(arena, schema, &records[i]));
    if (!n)
        return;
    view_text(&b, "type", schema->name);
    view_set(&b, "things", value_builder_list(&resources));
    value_builder_add(types, value_builder_map(&b));
}

/* {types: [{type, things: [{id, region, made, attrs}]}]}, only types that have resources. */
static const struct value *console_resources(struct sandbox *sandbox, struct arena *arena)
{
    struct control *control = sandbox_control(sandbox);
    struct catalog *catalog = sandbox_catalog(sandbox);
    size_t n = 0;
    const struct str *names = control ? catalog_names(catalog, false, &n) : NULL;
    AUTO_BUILDER struct value_builder types = VALUE_BUILDER(arena), b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++) {
        const struct schema *schema = catalog_find(catalog, names[i], false, ERR_IGNORED);
        if (schema)
            add_type(control, schema, arena, &types);
    }
    view_set(&b, "types", value_builder_list(&types));
    return value_builder_map(&b);
}

/* [{name, region}] */
static const struct value *console_buckets(struct sandbox *sandbox, struct arena *arena)
{
    struct s3_store *store = sandbox_store(sandbox);
    const struct value *names = value_as_list(store_bucket_names(arena, store));
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < names->count; i++) {
        const struct value *doc = store_bucket_doc(arena, store, names->items[i]->string);
        AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
        view_set(&b, "name", names->items[i]);
        view_text(&b, "region", value_gets(doc, "region"));
        value_builder_add(&all, value_builder_map(&b));
    }
    return value_builder_list(&all);
}

/* ---- runs ---- */

static const struct value *run_shown(struct arena *arena, const struct task_info *info)
{
    static const char *const states[] = ACTIVITY_NAMES(
        "WAITING", "STARTING", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "TIMED OUT", "STOPPED");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "kind", info->kind);
    view_text(&b, "owner", info->owner);
    view_text(&b, "id", info->id);
    view_text(&b, "region", info->region);
    view_text(&b, "state", str_z(states[info->state]));
    view_text(&b, "message", info->message);
    view_time(&b, "made", info->created_ms);
    view_time(&b, "started", info->started_ms);
    view_time(&b, "ended", info->ended_ms);
    return value_builder_map(&b);
}

/* Runs of jobs, queries, crawlers …: [{kind, owner, id, region, state, message, made, started, ended}]; the
 * latest first, at most MAX_RUNS. */
static const struct value *console_runs(struct sandbox *sandbox, struct arena *arena)
{
    struct services *services = sandbox_services(sandbox);
    size_t n = 0;
    const struct task_info *runs =
        services ? task_list(services, arena, NULL, STR_EMPTY, STR_EMPTY, &n) : NULL;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n && i < MAX_RUNS; i++)
        value_builder_add(&all, run_shown(arena, &runs[i]));
    return value_builder_list(&all);
}

static const struct str base = STR_INIT("/_weir/console/");

/* ---- access ---- */

static bool is_token(const struct sandbox_console *console, struct str given)
{
    return given.n == console->token.n && !CRYPTO_memcmp(given.p, console->token.p, given.n);
}

static bool is_page(const struct exchange *x)
{
    return str_eqz(x->request.path, "/_weir/");
}

/* The page has the token in its address, all other requests in a header, which a link cannot set. */
static bool has_token(const struct exchange *x, const struct sandbox_console *console)
{
    static const struct str name = STR_INIT("token=");
    struct str query = x->request.query;
    if (!is_page(x))
        return is_token(console, wire_header_get(&x->request, STR("X-Weir-Token")));
    return str_starts(query, name) && is_token(console, str_slice(query, name.n, query.n));
}

/* ---- responses ---- */

static void add_common_headers(struct exchange *x)
{
    reply_header(x, "Cache-Control", STR("no-store"));
    reply_header(x, "Referrer-Policy", STR("no-referrer"));
    reply_header(x, "X-Content-Type-Options", STR("nosniff"));
    reply_header(x, "X-Frame-Options", STR("DENY"));
    reply_header(x, "Cross-Origin-Resource-Policy", STR("same-origin"));
}

static void console_refuse(struct exchange *x, int status, const char *code, const char *message)
{
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "{\"error\":{\"code\":");
    json_write_string(&out, str_z(code));
    buf_addz(&out, ",\"message\":");
    json_write_string(&out, str_z(message));
    buf_addz(&out, "}}\n");
    add_common_headers(x);
    reply_text(x, status, "application/json", buf_str(&out));
}

static void console_reply(struct exchange *x, const struct value *v)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v, JSON_REDACT);
    add_common_headers(x);
    reply_text(x, 200, "application/json", buf_str(&out));
}

static void reply_page(struct exchange *x, bool write)
{
    struct str policy, page = console_page(&x->arena, write, &policy);
    add_common_headers(x);
    reply_header(x, "Content-Security-Policy", policy);
    reply_text(x, 200, "text/html; charset=utf-8", page);
}

/* ---- requests ---- */

static void answer_call(struct exchange *x, bool write)
{
    const struct value *request, *output = NULL;
    struct err err = ERR_INIT;
    if (json_parse(&x->arena, x->request.body, &request, &err) ||
        console_call(x->sandbox, &x->arena, request, write, &output, &err)) {
        int status = err.http_status ? err.http_status : 400;
        console_refuse(x, status, err.code[0] ? err.code : "Refused", err.message);
        return;
    }
    console_reply(x, output ? output : &value_empty_map);
}

static void answer_faults(struct exchange *x, bool write)
{
    struct faults *faults = sandbox_faults(x->sandbox);
    struct err err = ERR_INIT;
    bool get = str_eqz(x->request.method, "GET");
    if (!get && !write)
        console_refuse(x, 403, "ReadOnly",
            "The console only looks: `weir sandbox --console-write` lets it switch faults on.");
    else if (str_eqz(x->request.method, "POST") && faults_set(faults, x->request.body, &err))
        console_refuse(x, 400, "InvalidFaults", err.message);
    else {
        if (str_eqz(x->request.method, "DELETE"))
            faults_clear(faults);
        add_common_headers(x);
        reply_text(x, 200, "application/json", faults_text(faults, &x->arena));
    }
}

static void answer_get(struct exchange *x, struct str what)
{
    if (str_eqz(what, "things"))
        console_reply(x, console_resources(x->sandbox, &x->arena));
    else if (str_eqz(what, "buckets"))
        console_reply(x, console_buckets(x->sandbox, &x->arena));
    else if (str_eqz(what, "runs"))
        console_reply(x, console_runs(x->sandbox, &x->arena));
    else
        console_refuse(x, 404, "NotFound", "The console has no such page.");
}

/* Accepts only host names of this machine, whatever other names the sandbox has. */
static void console_begin(struct exchange *x)
{
    static const struct guard own = {0};
    const struct sandbox_console *console = sandbox_console(x->sandbox);
    const struct fault *fault = guard_check(&own, &x->request);
    if (!console->token.n)
        console_refuse(x, 404, "NoConsole", "There is no console: `weir sandbox --console` has one.");
    else if (fault)
        console_refuse(x, 403, fault->code, fault->message);
    else if (!has_token(x, console))
        console_refuse(
            x, 403, "NoToken", "The console is opened by the address that `weir sandbox --console` printed.");
}

static void console_end(struct exchange *x)
{
    const struct sandbox_console *console = sandbox_console(x->sandbox);
    struct str path = x->request.path,
               what = str_starts(path, base) ? str_slice(path, base.n, path.n) : STR_EMPTY;
    bool get = str_eqz(x->request.method, "GET");
    if (is_page(x) && get)
        reply_page(x, console->write);
    else if (str_eqz(what, "call") && str_eqz(x->request.method, "POST"))
        answer_call(x, console->write);
    else if (str_eqz(what, "faults"))
        answer_faults(x, console->write);
    else if (get)
        answer_get(x, what);
    else
        console_refuse(x, 405, "MethodNotAllowed", "The console does not take that.");
}

const struct responder console_responder = {
    SPEAKS_PLAIN, console_begin, NULL, console_end, console_refuse, NULL};
