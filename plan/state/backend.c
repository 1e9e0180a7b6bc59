/* The backend that a stack's `state:` selects, common code of backends, and encryption of whole records. */
#include "plan/state/backend.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "plan/state/secret.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * ---- Encrypting each record as a whole (`state: {encrypt: records}`): readers of the store learn only the
 * number of records and their times.
 *
 *     <checksum> {"seq":17,"sealed":"<key id>:<base64>"}
 *
 * The number is inside the encrypted text, too, so that records cannot be exchanged. Older records that are
 * not encrypted are read as they are.
 */

/* Replaces the backend's operations that transfer records; taking a turn uses them, too. */
struct record_encryption {
    struct backend_ops ops;
    const struct backend_ops *plain;
    struct secrets *secrets;
};

/* ---- reading ---- */

struct opening {
    struct record_encryption *encryption;
    log_line *line;
    void *ctx;
};

/* Returns the decrypted record; `json` itself if it is not encrypted. */
static int open_record(
    struct record_encryption *seal, struct arena *arena, struct str json, struct str *out, struct err *err)
{
    uint64_t seq, batch, inside;
    const struct value *outer;
    struct str head = str_slice(json, 0, json.n < 80 ? json.n : 80);
    *out = json;
    if (str_find(head, STR("\"sealed\":\""), 0) < 0)
        return 0;
    if (!log_numbers(json, &seq, &batch))
        return err_set(err, ERR_DAMAGED, "it has no number");
    if (scan_json(arena, json, &outer, err) ||
        secrets_decrypt(seal->secrets, arena, value_gets(outer, "sealed"), out, err))
        return -1;
    if (!log_numbers(*out, &inside, &batch) || inside != seq)
        return err_set(err, ERR_DAMAGED, "the encrypted record in it is not record %" PRIu64, seq);
    return 0;
}

static int open_line(void *ctx, struct str json, struct err *err)
{
    const struct opening *o = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str plain;
    return open_record(o->encryption, &scratch, json, &plain, err) ? -1 : o->line(o->ctx, plain, err);
}

static int sealed_read(
    struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct opening o = {b->encryption, line, ctx};
    return b->encryption->plain->read(b, after, open_line, &o, torn, err);
}

static int sealed_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    struct opening o = {b->encryption, line, ctx};
    return b->encryption->plain->read_all(b, open_line, &o, err);
}

/* ---- writing ---- */

struct encrypting {
    struct record_encryption *encryption;
    struct buf *out;
};

static int seal_line(void *ctx, struct str json, struct err *err)
{
    const struct encrypting *sealing = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    uint64_t seq, batch;
    if (!log_numbers(json, &seq, &batch))
        return err_set(err, ERR_DAMAGED, "it has no number");
    struct str sealed = secrets_encrypt(sealing->encryption->secrets, &scratch, json);
    log_frame(sealing->out, seq, batch, arena_printf(&scratch, "{\"sealed\":\"%.*s\"}", STR_ARG(sealed)));
    return 0;
}

static int seal_all(struct record_encryption *seal, struct str lines, struct buf *out, struct err *err)
{
    struct encrypting sealing = {seal, out};
    return log_each(lines, 0, seal_line, &sealing, err);
}

static int sealed_append(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_BUF struct buf sealed = BUF_INIT;
    return seal_all(b->encryption, lines, &sealed, err)
               ? -1
               : b->encryption->plain->append(b, buf_str(&sealed), first_seq, err);
}

static int sealed_snapshot(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_BUF struct buf sealed = BUF_INIT;
    return seal_all(b->encryption, lines, &sealed, err)
               ? -1
               : b->encryption->plain->snapshot(b, buf_str(&sealed), first_seq, err);
}

static void sealed_free(struct backend *b)
{
    struct record_encryption *seal = b->encryption;
    seal->plain->free(b);
    secrets_free(seal->secrets);
    free(seal);
}

/* ERR_INVALID if options->config has no key. */
static int backend_seal(struct backend *b, const struct backend_options *options, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct record_encryption *seal = mem_zalloc(sizeof *seal);
    *seal = (struct record_encryption){.ops = *b->ops, .plain = b->ops};
    seal->ops.read = sealed_read;
    seal->ops.read_all = sealed_read_all;
    seal->ops.append = sealed_append;
    seal->ops.snapshot = sealed_snapshot;
    seal->ops.free = sealed_free;
    b->ops = &seal->ops;
    b->encryption = seal;
    if (secrets_new(options->config, options->dir, &seal->secrets, err))
        return -1;
    if (!secrets_have_key(seal->secrets)) {
        err_set(err, ERR_INVALID, "the stack's state is to be encrypted, and there is no key");
        return err_hint(err, "set WEIR_STATE_KEY, or `key` beside `encrypt` in the stack's state");
    }
    /* Elsewhere the lineage is the salt for passphrases. It is encrypted here, so the name is used. */
    secrets_set_lineage(seal->secrets,
        arena_printf(&scratch, "records of %.*s.%.*s", STR_ARG(options->stack), STR_ARG(options->env)));
    return 0;
}

static int file_new(const struct backend_options *options, struct backend **out, struct err *err)
{
    return backend_file_new(options, NULL, out, err);
}

static const struct {
    const char *name;
    int (*make)(const struct backend_options *options, struct backend **out, struct err *err);
    const char *settings; /* NULL: checked by the client that most of them are for */
} kinds[] = {
    {"file", file_new, " backend encrypt key previous_keys path region profile endpoint "},
    {"s3", backend_s3_new, NULL},
    {"postgres", backend_postgres_new,
        " backend encrypt key previous_keys table url region profile endpoint "},
};

static int check_settings(const struct value *config, const char *known, struct err *err)
{
    for (uint32_t i = 0; known && config && config->kind == VALUE_MAP && i < config->count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct str key = config->entries[i].key;
        if (strstr(known, arena_printf(&scratch, " %.*s ", STR_ARG(key)).p))
            continue;
        err_set(err, ERR_INVALID, "state has no setting \"%.*s\"", STR_ARG(key));
        return err_hint(err, "with this backend there are:%s", known);
    }
    return 0;
}

static int open_backend(const struct backend_options *options, struct backend **out, struct err *err)
{
    struct str kind = value_text(value_getz(options->config, "backend"), STR("file"));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eqz(kind, kinds[i].name))
            return check_settings(options->config, kinds[i].settings, err) ? -1
                                                                           : kinds[i].make(options, out, err);
    err_set(err, ERR_INVALID, "there is no state backend \"%.*s\"", STR_ARG(kind));
    return err_hint(err, "backends are file, s3 and postgres");
}

int backend_new(const struct backend_options *options, struct backend **out, struct err *err)
{
    struct str encrypt = value_text(value_getz(options->config, "encrypt"), STR("values"));
    bool records = str_eqz(encrypt, "records");
    if (!records && !str_eqz(encrypt, "values")) {
        err_set(err, ERR_INVALID, "the state's \"encrypt\" cannot be \"%.*s\"", STR_ARG(encrypt));
        return err_hint(err,
            "values encrypts each sensitive value (the default), records encrypts every record as a whole");
    }
    struct backend *plain;
    if (open_backend(options, &plain, err))
        return -1;
    if (records && backend_seal(plain, options, err)) {
        backend_free(plain);
        return -1;
    }
    *out = plain;
    return 0;
}

bool backend_name_split(struct str name, struct str *stack, struct str *env)
{
    ptrdiff_t dot = str_find_char(name, '.', 0);
    *stack = dot < 0 ? name : str_slice(name, 0, (size_t)dot);
    *env = dot < 0 ? STR_EMPTY : str_slice(name, (size_t)dot + 1, name.n);
    return str_is_word(*stack, CHARS_LOWER, CHARS_LOWER CHARS_DIGITS "-") && (dot < 0 || env->n) &&
           str_find_char(*env, '.', 0) < 0;
}

void backend_free(struct backend *b)
{
    if (b)
        b->ops->free(b);
}

/* ---- reading to the end ---- */

void backend_set_lineage(struct backend *b, struct str lineage)
{
    snprintf(b->lineage, sizeof b->lineage, "%.*s", STR_ARG(lineage));
}

/* Run and snapshot records have the lineage before any value of the user. */
void backend_learn_lineage(struct backend *b, struct str json)
{
    static const struct str mark = STR_INIT("\"lineage\":\"");
    struct str rest, begin = str_slice(json, 0, json.n < 256 ? json.n : 256);
    bool names = str_find(begin, STR("\"kind\":\"run\""), 0) >= 0 ||
                 str_find(begin, STR("\"kind\":\"snapshot\""), 0) >= 0;
    ptrdiff_t at = names ? str_find(begin, mark, 0) : -1;
    if (at >= 0)
        backend_set_lineage(b, str_cut(str_slice(begin, (size_t)at + mark.n, begin.n), '"', &rest));
}

struct reading {
    struct backend *backend;
    log_line *line;
    void *ctx;
    uint64_t first, last;
};

static int note_number(void *ctx, struct str json, struct err *err)
{
    struct reading *r = ctx;
    uint64_t batch;
    log_numbers(json, &r->last, &batch);
    if (!r->first) {
        r->first = r->last;
        backend_learn_lineage(r->backend, json);
    }
    return r->line(r->ctx, json, err);
}

static int refuse_foreign(const struct backend *b, const struct backend_head *head, struct err *err)
{
    err_set(err, ERR_DAMAGED,
        "the state %.*s is not the one that was written there: its lineage is %.8s…, and that of the %" PRIu64
        " records that were relied on is %.8s…",
        STR_ARG(b->description), b->lineage, head->seq, head->lineage);
    return err_hint(err,
        "restore its own file or objects; `weir state doctor --accept-loss` continues with what is there");
}

/* The same lineage but different records: both logs continued after a copy. */
static int refuse_forked(const struct backend *b, const struct backend_head *head, struct err *err)
{
    err_set(err, ERR_DAMAGED,
        "the state %.*s is not the one that was written there: its record %" PRIu64
        " is another than the one that was relied on, so the state is a copy that was written to since",
        STR_ARG(b->description), head->seq);
    return err_hint(err, "restore its own file, since the resources in it are recorded nowhere else; `weir "
                         "state doctor --accept-loss` continues with what is there");
}

int backend_read(
    struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, uint64_t *last, struct err *err)
{
    struct reading r = {.backend = b, .line = line, .ctx = ctx, .last = after};
    struct backend_head known;
    if (b->ops->head(b, &known, err) || b->ops->read(b, after, note_number, &r, torn, err))
        return -1;
    *last = r.last;
    if (r.first && known.seq && known.lineage[0] && b->lineage[0] && strcmp(known.lineage, b->lineage) != 0)
        return refuse_foreign(b, &known, err);
    if (known.forked)
        return refuse_forked(b, &known, err);
    if (r.last >= known.seq)
        return 0;
    if (!r.last)
        err_set(err, ERR_DAMAGED, "the state %.*s is missing: it had %" PRIu64 " records",
            STR_ARG(b->description), known.seq);
    else
        err_set(err, ERR_DAMAGED,
            "the state %.*s ends at record %" PRIu64 ", but it had been written up to record %" PRIu64
            ": %" PRIu64 " that were relied on are missing",
            STR_ARG(b->description), r.last, known.seq, known.seq - r.last);
    return err_hint(err, "restore it from a backup, or an earlier version of its objects; `weir state doctor "
                         "--accept-loss` continues with what is there");
}

size_t backend_count_lines(struct str lines)
{
    size_t n = 0;
    for (ptrdiff_t at = 0; (at = str_find_char(lines, '\n', (size_t)at)) >= 0; at++)
        n++;
    return n;
}

void probe_report_line(const struct probe_report *report, bool ok, const char *name, const char *text)
{
    report->line(report->ctx, ok ? PROBE_OK : PROBE_FAILS, name, text);
}

/* ---- this process ---- */

static struct str env_text(struct arena *arena, const char *name)
{
    return arena_str(arena, str_z(getenv(name)));
}

/* URL of the CI job, for those who wait for the lock. */
static struct str ci_url(struct arena *arena)
{
    static const char *const names[] = {"CI_JOB_URL", "BUILD_URL", "CODEBUILD_BUILD_URL", "CIRCLE_BUILD_URL"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (env_text(arena, names[i]).n)
            return env_text(arena, names[i]);
    struct str run = env_text(arena, "GITHUB_RUN_ID");
    if (!run.n)
        return STR_EMPTY;
    return arena_printf(arena, "%s/%s/actions/runs/%.*s", env_text(arena, "GITHUB_SERVER_URL").p,
        env_text(arena, "GITHUB_REPOSITORY").p, STR_ARG(run));
}

void lock_info_self(struct arena *arena, const char *command, struct lock_info *out)
{
    char host[256] = "localhost", scratch[4096];
    gethostname(host, sizeof host - 1);
    struct str user = env_text(arena, "USER");
    struct passwd entry, *found = NULL;
    if (!user.n && !getpwuid_r(getuid(), &entry, scratch, sizeof scratch, &found) && found)
        user = arena_str(arena, str_z(found->pw_name));
    if (!user.n)
        user = arena_printf(arena, "uid-%u", (unsigned)getuid());
    *out = (struct lock_info){
        .owner = arena_printf(arena, "%.*s@%s", STR_ARG(user), host),
        .command = arena_str(arena, str_z(command)),
        .since_ms = clock_wall_ms(),
        .pid = getpid(),
        .ci_url = ci_url(arena),
    };
}

const struct value *lock_info_value(struct arena *arena, const struct lock_info *info)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("owner"), value_string(arena, info->owner));
    value_builder_set(&b, STR("command"), value_string(arena, info->command));
    value_builder_set(&b, STR("since"), value_string_ref(arena, time_rfc3339(arena, info->since_ms, true)));
    value_builder_set(&b, STR("pid"), value_int(arena, info->pid));
    if (info->ci_url.n)
        value_builder_set(&b, STR("ci_url"), value_string(arena, info->ci_url));
    return value_builder_map(&b);
}

void lock_info_from(struct arena *arena, const struct value *v, struct lock_info *out)
{
    const struct value *pid = value_getz(v, "pid");
    *out = (struct lock_info){
        .owner = arena_str(arena, value_gets(v, "owner")),
        .command = arena_str(arena, value_gets(v, "command")),
        .pid = pid && pid->kind == VALUE_INT ? pid->integer : 0,
        .ci_url = arena_str(arena, value_gets(v, "ci_url")),
    };
    time_parse_rfc3339(value_gets(v, "since"), &out->since_ms);
}

struct str lock_info_text(struct arena *arena, const struct lock_info *info)
{
    return arena_printf(arena, "%.*s (weir %.*s, process %" PRId64 "%s%.*s) since %.*s", STR_ARG(info->owner),
        STR_ARG(info->command), info->pid, info->ci_url.n ? ", " : "", STR_ARG(info->ci_url),
        STR_ARG(time_rfc3339(arena, info->since_ms, false)));
}

int lock_info_refuse(const struct lock_info *holder, struct str description, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!holder->owner.n)
        err_set(err, ERR_LOCKED, "the state %.*s is locked by another run", STR_ARG(description));
    else
        err_set(err, ERR_LOCKED, "the state %.*s is locked by %.*s", STR_ARG(description),
            STR_ARG(lock_info_text(&scratch, holder)));
    return err_hint(err, "wait for it with --lock-timeout, e.g. --lock-timeout 10m");
}
