/* Fault injection: see server.h. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/threads.h"
#include "base/yaml.h"
#include "sandbox/http/server.h"

#include <fnmatch.h>
#include <microhttpd.h>
#include <stdlib.h>

struct rule {
    const char *service, *operation; /* glob patterns */
    double probability;
    int64_t times; /* limit of strikes; -1: none */
    bool after;    /* inactive until the rule above has reached its limit */
    int64_t struck;
    struct fault_strike strike;
    const struct value *given;
};

struct faults {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t changes;
    struct arena arena; /* holds the rules */
    struct rule *rules;
    size_t count;
    uint64_t dice;
    int64_t lost; /* number of lost responses */
};

struct faults *faults_new(void)
{
    struct faults *faults = mem_zalloc(sizeof *faults);
    pthread_mutex_init(&faults->lock, NULL);
    clock_cond_init(&faults->changed);
    return faults;
}

void faults_free(struct faults *faults)
{
    if (!faults)
        return;
    arena_release(&faults->arena);
    pthread_cond_destroy(&faults->changed);
    pthread_mutex_destroy(&faults->lock);
    free(faults);
}

/* ---- rules ---- */

static const char *const kind_names[] = {[FAULT_NONE] = "none",
    [FAULT_THROTTLE] = "throttle",
    [FAULT_ERROR] = "error",
    [FAULT_RESET] = "reset",
    [FAULT_LOST] = "lost",
    [FAULT_TRUNCATE] = "truncate"};

static bool find_kind(struct str name, enum fault_kind *out)
{
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++)
        if (str_eqz(name, kind_names[i])) {
            *out = (enum fault_kind)i;
            return true;
        }
    return false;
}

static int read_number(
    const struct value *v, double least, double most, double *out, struct str key, struct err *err)
{
    double number = value_is_number(v) ? value_number(v) : -1;
    if (!(number >= least && number <= most))
        return err_set(err, ERR_INVALID, "\"%.*s\" is a number from %g to %g", STR_ARG(key), least, most);
    *out = number;
    return 0;
}

static int read_key(struct arena *arena, struct rule *rule, struct value_entry entry, struct err *err)
{
    double number = 0;
    struct str text = value_text(entry.value, STR_EMPTY);
    if (str_eqz(entry.key, "service") && text.n) {
        rule->service = arena_strz(arena, text);
    } else if (str_eqz(entry.key, "operation") && text.n) {
        rule->operation = arena_strz(arena, text);
    } else if (str_eqz(entry.key, "code") && text.n && text.n < sizeof rule->strike.code) {
        memcpy(rule->strike.code, text.p, text.n);
    } else if (str_eqz(entry.key, "fault")) {
        if (!find_kind(text, &rule->strike.kind))
            return err_set(err, ERR_INVALID,
                "\"fault\" is one of none, throttle, error, reset, lost, truncate; not \"%.*s\"",
                STR_ARG(text));
    } else if (str_eqz(entry.key, "after") && entry.value->kind == VALUE_BOOL) {
        rule->after = entry.value->boolean;
    } else if (str_eqz(entry.key, "probability")) {
        return read_number(entry.value, 0, 1, &rule->probability, entry.key, err);
    } else if (str_eqz(entry.key, "times") || str_eqz(entry.key, "latency") || str_eqz(entry.key, "status")) {
        bool status = str_eqz(entry.key, "status");
        if (read_number(entry.value, status ? 400 : 0, status ? 599 : 3600 * 1000, &number, entry.key, err))
            return -1;
        if (status)
            rule->strike.status = (int)number;
        else if (str_eqz(entry.key, "times"))
            rule->times = (int64_t)number;
        else
            rule->strike.latency_ms = (int64_t)number;
    } else {
        return err_set(err, ERR_INVALID, "a rule has no \"%.*s\" of this kind", STR_ARG(entry.key));
    }
    return 0;
}

static int read_rule(struct arena *arena, const struct value *given, struct rule *rule, struct err *err)
{
    *rule = (struct rule){.service = "*", .operation = "*", .probability = 1, .times = -1, .given = given};
    if (given->kind != VALUE_MAP)
        return err_set(err, ERR_INVALID, "a rule is a map");
    for (uint32_t i = 0; i < given->count; i++)
        if (read_key(arena, rule, given->entries[i], err))
            return -1;
    return 0;
}

static int faults_parse(struct arena *arena, struct str text, const struct value **out, struct err *err)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    struct source *source = ARENA_NEW(arena, struct source);
    *source = (struct source){.path = STR("faults"), .text = arena_str(arena, text)};
    const struct node *node = yaml_parse(arena, source, &diags);
    if (!node || diags.errors) {
        AUTO_BUF struct buf shown = BUF_INIT;
        diags_render(&diags, false, &shown);
        return err_set(err, ERR_INVALID, "%.*s", STR_ARG(str_trim(buf_str(&shown))));
    }
    *out = node_value(arena, node);
    return 0;
}

static int read_rules(
    struct arena *arena, struct str text, struct rule **rules, size_t *n, uint64_t *seed, struct err *err)
{
    const struct value *document = NULL;
    if (faults_parse(arena, text, &document, err))
        return -1;
    const struct value *list = value_getz(document, "rules"), *given_seed = value_getz(document, "seed");
    if (!list || list->kind != VALUE_LIST)
        return err_set(err, ERR_INVALID, "faults are {seed: N, rules: [...]}");
    *seed = given_seed && given_seed->kind == VALUE_INT ? (uint64_t)given_seed->integer : 1;
    *n = list->count;
    *rules = ARENA_ARRAY(arena, struct rule, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        if (read_rule(arena, list->items[i], &(*rules)[i], err))
            return err_context(err, "rule %u", i + 1);
    return 0;
}

/* Called with the lock held. */
static void faults_replace(struct faults *faults, struct arena arena, struct rule *rules, size_t n)
{
    arena_release(&faults->arena);
    faults->arena = arena;
    faults->rules = rules;
    faults->count = n;
    faults->lost = 0;
    faults->changes++;
    pthread_cond_broadcast(&faults->changed);
}

int faults_set(struct faults *faults, struct str text, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct rule *rules = NULL;
    size_t n = 0;
    uint64_t seed = 1;
    if (read_rules(&arena, text, &rules, &n, &seed, err)) {
        arena_release(&arena);
        return -1;
    }
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&faults->lock);
    faults_replace(faults, arena, rules, n);
    faults->dice = seed;
    return 0;
}

void faults_clear(struct faults *faults)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&faults->lock);
    faults_replace(faults, (struct arena)ARENA_INIT, NULL, 0);
}

struct str faults_text(struct faults *faults, struct arena *arena)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct value_builder list = VALUE_BUILDER(arena);
    pthread_mutex_lock(&faults->lock);
    for (size_t i = 0; i < faults->count; i++)
        value_builder_add(&list, value_with(arena, value_copy(arena, faults->rules[i].given), STR("struck"),
                                     value_int(arena, faults->rules[i].struck)));
    struct value_entry entries[] = {
        {STR("rules"), value_builder_list(&list)}, {STR("lost"), value_int(arena, faults->lost)}};
    pthread_mutex_unlock(&faults->lock);
    json_write(&out, value_map(arena, entries, 2), JSON_PLAIN);
    return arena_str(arena, buf_str(&out));
}

/* ---- selection ---- */

/* splitmix64. */
static double throw_dice(struct faults *faults)
{
    uint64_t z = (faults->dice += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
}

static bool is_over(const struct rule *rule)
{
    return rule->times >= 0 && rule->struck >= rule->times;
}

struct fault_strike faults_strike(struct faults *faults, struct str service, struct str operation)
{
    struct fault_strike strike = {0};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&faults->lock);
    if (faults->count) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        const char *name = arena_strz(&arena, service), *call = arena_strz(&arena, operation);
        for (size_t i = 0; i < faults->count; i++) {
            struct rule *rule = &faults->rules[i];
            bool waits = rule->after && i && !is_over(rule - 1);
            if (waits || is_over(rule) || fnmatch(rule->service, name, 0) ||
                fnmatch(rule->operation, call, 0) || throw_dice(faults) >= rule->probability)
                continue;
            rule->struck++;
            strike = rule->strike;
            strike.changes = faults->changes;
            break;
        }
    }
    return strike;
}

void faults_wait(struct faults *faults, const struct fault_strike *strike)
{
    int64_t deadline = clock_mono_ms() + strike->latency_ms;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&faults->lock);
    while (faults->changes == strike->changes && clock_cond_wait(&faults->changed, &faults->lock, deadline))
        ;
}

/* Counts a response lost by FAULT_LOST. */
static void faults_lost(struct faults *faults)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&faults->lock);
    faults->lost++;
}

/* ---- names of operations ---- */

static struct str operation_of(struct exchange *x)
{
    struct str name = STR_EMPTY;
    if (wire_header_get(&x->request, STR("X-Amz-Target")).n)
        name = wire_request_name(&x->arena, WIRE_JSON11, &x->request);
    else if (x->responder->speaks == SPEAKS_SERVICE)
        name = wire_request_name(&x->arena, WIRE_QUERY, &x->request);
    if (name.n)
        return name;
    bool query = x->request.query.n > 0;
    return arena_printf(&x->arena, "%.*s %.*s%s%.*s", STR_ARG(x->request.method), STR_ARG(x->request.path),
        query ? "?" : "", STR_ARG(x->request.query));
}

/* ---- error responses ---- */

/* Refuses a request with the throttling error of the service's protocol. */
static void throttle(struct exchange *x, const struct fault_strike *strike)
{
    int status = 400;
    const char *code = "Throttling";
    if (x->responder->speaks == SPEAKS_S3) {
        status = 503;
        code = "SlowDown";
    } else if (str_eqz(x->auth.service, "ec2")) {
        status = 503;
        code = "RequestLimitExceeded";
    } else if (wire_header_get(&x->request, STR("X-Amz-Target")).n) {
        code = "ThrottlingException";
    } else if (str_find(x->request.body, STR("Action="), 0) < 0) {
        status = 429;
        code = "TooManyRequestsException";
    }
    x->responder->refuse(x, strike->status ? strike->status : status, strike->code[0] ? strike->code : code,
        "Rate exceeded (a fault of the sandbox).");
}

bool faults_before(struct faults *faults, struct exchange *x, struct fault_strike *strike)
{
    struct str service = x->auth.service.n ? x->auth.service : STR("s3");
    *strike = faults_strike(faults, service, operation_of(x));
    if (strike->latency_ms)
        faults_wait(faults, strike);
    if (strike->kind == FAULT_THROTTLE)
        throttle(x, strike);
    else if (strike->kind == FAULT_ERROR)
        x->responder->refuse(x, strike->status ? strike->status : 500,
            strike->code[0]                     ? strike->code
            : x->responder->speaks == SPEAKS_S3 ? "InternalError"
                                                : "InternalFailure",
            "We encountered an internal error (a fault of the sandbox).");
    return strike->kind != FAULT_RESET;
}

/* The first half of a body whose full length is announced. */
struct half {
    struct str body;
};

static ssize_t read_half(void *ctx, uint64_t position, char *out, size_t n)
{
    const struct half *half = ctx;
    size_t end = half->body.n / 2;
    if (position >= end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = n < end - position ? n : end - (size_t)position;
    memcpy(out, half->body.p + position, n);
    return (ssize_t)n;
}

bool faults_after(struct exchange *x, const struct fault_strike *strike)
{
    if (strike->kind == FAULT_LOST) {
        faults_lost(sandbox_faults(x->sandbox));
        return false;
    }
    if (strike->kind != FAULT_TRUNCATE)
        return true;
    if (x->reader || x->reply_fd >= 0 || !x->reply.body.n)
        return false; /* a stream or an empty body cannot be truncated: the connection is closed */
    struct half *half = ARENA_NEW(&x->arena, struct half);
    half->body = x->reply.body;
    x->reader = read_half;
    x->reader_ctx = half;
    x->reply_length = (int64_t)half->body.n;
    return true;
}

/* ---- /_weir/faults: the signature may be for any service ---- */

static void service_faults_begin(struct exchange *x UNUSED)
{
}

static void service_faults_refuse(struct exchange *x, int status, const char *code, const char *message)
{
    reply_text(x, status, "text/plain", arena_printf(&x->arena, "%s: %s\n", code, message));
}

static void service_faults_end(struct exchange *x)
{
    struct faults *faults = sandbox_faults(x->sandbox);
    struct err err = ERR_INIT;
    const struct fault *fault = auth_verify(x, sha256_hex(&x->arena, x->request.body));
    if (fault) {
        service_faults_refuse(x, fault->status, fault->code, fault->message);
        return;
    }
    if (str_eqz(x->request.method, "POST") || str_eqz(x->request.method, "PUT")) {
        if (faults_set(faults, x->request.body, &err)) {
            service_faults_refuse(x, 400, "InvalidFaults", err.message);
            return;
        }
    } else if (str_eqz(x->request.method, "DELETE")) {
        faults_clear(faults);
    } else if (!str_eqz(x->request.method, "GET")) {
        service_faults_refuse(x, 405, "MethodNotAllowed", "GET, POST or DELETE");
        return;
    }
    reply_text(x, 200, "application/json", faults_text(faults, &x->arena));
}

const struct responder faults_responder = {
    SPEAKS_PLAIN, service_faults_begin, NULL, service_faults_end, service_faults_refuse, NULL};
