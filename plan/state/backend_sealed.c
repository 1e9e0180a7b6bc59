/* Each record sealed on its way to another backend, and opened on its way back. */
#include "plan/state/backend_sealed.h"

#include "base/mem.h"
#include "plan/state/scan.h"
#include "plan/state/secret.h"

#include <inttypes.h>
#include <stdlib.h>

struct sealed_backend {
    struct backend base;
    struct backend_ops ops; /* without what the inner one does not have */
    struct backend *inner;
    struct secrets *secrets;
};

static struct sealed_backend *sealed_backend_of(struct backend *b)
{
    return (struct sealed_backend *)b;
}

/* For writing: whose log it is, it cannot read by itself. */
static struct backend *inner_of(struct backend *b)
{
    struct backend *inner = sealed_backend_of(b)->inner;
    memcpy(inner->lineage, b->lineage, sizeof inner->lineage);
    return inner;
}

/* ---- reading ---- */

struct opening {
    struct sealed_backend *s;
    log_line *line;
    void *ctx;
};

/* The record inside; `json` itself where it is not sealed. */
static int open_record(
    struct sealed_backend *s, struct arena *arena, struct str json, struct str *out, struct err *err)
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
        secrets_open(s->secrets, arena, value_gets(outer, "sealed"), out, err))
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
    return open_record(o->s, &scratch, json, &plain, err) ? -1 : o->line(o->ctx, plain, err);
}

static int sealed_read(
    struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct opening o = {sealed_backend_of(b), line, ctx};
    struct backend *inner = sealed_backend_of(b)->inner;
    return inner->ops->read(inner, after, open_line, &o, torn, err);
}

static int sealed_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    struct opening o = {sealed_backend_of(b), line, ctx};
    struct backend *inner = sealed_backend_of(b)->inner;
    return inner->ops->read_all(inner, open_line, &o, err);
}

/* ---- writing ---- */

struct sealing {
    struct sealed_backend *s;
    struct buf *out;
};

static int seal_line(void *ctx, struct str json, struct err *err)
{
    const struct sealing *sealing = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    uint64_t seq, batch;
    if (!log_numbers(json, &seq, &batch))
        return err_set(err, ERR_DAMAGED, "it has no number");
    struct str sealed = secrets_seal(sealing->s->secrets, &scratch, json);
    log_frame(sealing->out, seq, batch, arena_printf(&scratch, "{\"sealed\":\"%.*s\"}", STR_ARG(sealed)));
    return 0;
}

static int seal_all(struct sealed_backend *s, struct str lines, struct buf *out, struct err *err)
{
    struct sealing sealing = {s, out};
    return log_each(lines, 0, seal_line, &sealing, err);
}

static int sealed_append(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_BUF struct buf sealed = BUF_INIT;
    struct backend *inner = inner_of(b);
    return seal_all(sealed_backend_of(b), lines, &sealed, err)
               ? -1
               : inner->ops->append(inner, buf_str(&sealed), first_seq, err);
}

static int sealed_snapshot(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_BUF struct buf sealed = BUF_INIT;
    struct backend *inner = inner_of(b);
    return seal_all(sealed_backend_of(b), lines, &sealed, err)
               ? -1
               : inner->ops->snapshot(inner, buf_str(&sealed), first_seq, err);
}

/* ---- what is the inner one's ---- */

static int sealed_lock(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->lock(sealed_backend_of(b)->inner, who, timeout_ms, err);
}

static void sealed_unlock(struct backend *b)
{
    sealed_backend_of(b)->inner->ops->unlock(sealed_backend_of(b)->inner);
    b->life[0] = '\0';
}

static int sealed_share(struct backend *b, const struct lock_info *who, int64_t timeout_ms, struct err *err)
{
    struct backend *inner = sealed_backend_of(b)->inner;
    int status = inner->ops->share(inner, who, timeout_ms, err);
    memcpy(b->life, inner->life, sizeof b->life);
    return status;
}

static int sealed_take_turn(struct backend *b, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct opening o = {sealed_backend_of(b), line, ctx};
    struct backend *inner = sealed_backend_of(b)->inner;
    return inner->ops->take_turn(inner, open_line, &o, torn, err);
}

static void sealed_end_turn(struct backend *b)
{
    sealed_backend_of(b)->inner->ops->end_turn(sealed_backend_of(b)->inner);
}

static int sealed_live(struct backend *b, uint64_t run, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->live(sealed_backend_of(b)->inner, run, err);
}

static int sealed_is_alive(struct backend *b, uint64_t run, struct str life, bool *alive, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->is_alive(sealed_backend_of(b)->inner, run, life, alive, err);
}

static bool sealed_lock_alone(struct backend *b)
{
    return sealed_backend_of(b)->inner->ops->lock_alone(sealed_backend_of(b)->inner);
}

static int sealed_holder(
    struct backend *b, struct arena *arena, struct lock_info *who, bool *held, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->holder(sealed_backend_of(b)->inner, arena, who, held, err);
}

static int sealed_head(struct backend *b, struct backend_head *head, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->head(sealed_backend_of(b)->inner, head, err);
}

static int sealed_set_head(struct backend *b, uint64_t seq, struct err *err)
{
    struct backend *inner = inner_of(b);
    return inner->ops->set_head(inner, seq, err);
}

static int sealed_force_unlock(struct backend *b, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->force_unlock(sealed_backend_of(b)->inner, err);
}

static int sealed_check_lock(struct backend *b, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->check_lock(sealed_backend_of(b)->inner, err);
}

static bool sealed_crowded(struct backend *b)
{
    return sealed_backend_of(b)->inner->ops->crowded(sealed_backend_of(b)->inner);
}

static int sealed_probe(struct backend *b, const struct probe_report *report, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->probe(sealed_backend_of(b)->inner, report, err);
}

static void sealed_free(struct backend *b)
{
    struct sealed_backend *s = sealed_backend_of(b);
    backend_free(s->inner);
    secrets_free(s->secrets);
    free(s);
}

static int sealed_place(struct backend *b, struct arena *arena, struct backend_place *out, struct err *err)
{
    return sealed_backend_of(b)->inner->ops->place(sealed_backend_of(b)->inner, arena, out, err);
}

static const struct backend_ops all_ops = {
    .place = sealed_place,
    .lock = sealed_lock,
    .unlock = sealed_unlock,
    .share = sealed_share,
    .take_turn = sealed_take_turn,
    .end_turn = sealed_end_turn,
    .live = sealed_live,
    .is_alive = sealed_is_alive,
    .lock_alone = sealed_lock_alone,
    .holder = sealed_holder,
    .force_unlock = sealed_force_unlock,
    .read = sealed_read,
    .read_all = sealed_read_all,
    .append = sealed_append,
    .snapshot = sealed_snapshot,
    .head = sealed_head,
    .set_head = sealed_set_head,
    .crowded = sealed_crowded,
    .check_lock = sealed_check_lock,
    .probe = sealed_probe,
    .free = sealed_free,
};

int backend_sealed_new(
    const struct backend_options *options, struct backend *inner, struct backend **out, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct sealed_backend *s = mem_zalloc(sizeof *s);
    s->ops = all_ops;
    if (!inner->ops->share)
        s->ops.share = NULL;
    if (!inner->ops->take_turn) {
        s->ops.take_turn = NULL;
        s->ops.end_turn = NULL;
    }
    if (!inner->ops->live)
        s->ops.live = NULL;
    if (!inner->ops->crowded)
        s->ops.crowded = NULL;
    if (!inner->ops->check_lock)
        s->ops.check_lock = NULL;
    if (!inner->ops->probe)
        s->ops.probe = NULL;
    s->base = (struct backend){.ops = &s->ops, .description = inner->description};
    s->inner = inner;
    if (secrets_new(options->config, options->dir, &s->secrets, err)) {
        sealed_free(&s->base);
        return -1;
    }
    if (!secrets_have_key(s->secrets)) {
        sealed_free(&s->base);
        err_set(err, ERR_INVALID, "the stack's state is to be encrypted, and there is no key");
        return err_hint(err, "set WEIR_STATE_KEY, or `key` beside `encrypt` in the stack's state");
    }
    /* The lineage that salts passphrases elsewhere stands inside the seal; the name has to do. */
    secrets_set_lineage(s->secrets,
        arena_printf(&scratch, "records of %.*s.%.*s", STR_ARG(options->stack), STR_ARG(options->env)));
    *out = &s->base;
    return 0;
}
