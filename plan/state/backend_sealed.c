/* Each record sealed on its way into the backend, and opened on its way back. */
#include "plan/state/backend_sealed.h"

#include "base/json.h"
#include "base/mem.h"
#include "plan/state/secret.h"

#include <inttypes.h>
#include <stdlib.h>

/* The backend's own operations stay, but for those that carry records; taking a turn reads by these. */
struct seal {
    struct backend_ops ops;
    const struct backend_ops *plain;
    struct secrets *secrets;
};

/* ---- reading ---- */

struct opening {
    struct seal *seal;
    log_line *line;
    void *ctx;
};

/* The record inside; `json` itself where it is not sealed. */
static int open_record(
    struct seal *seal, struct arena *arena, struct str json, struct str *out, struct err *err)
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
        secrets_open(seal->secrets, arena, value_gets(outer, "sealed"), out, err))
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
    return open_record(o->seal, &scratch, json, &plain, err) ? -1 : o->line(o->ctx, plain, err);
}

static int sealed_read(
    struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct opening o = {b->seal, line, ctx};
    return b->seal->plain->read(b, after, open_line, &o, torn, err);
}

static int sealed_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    struct opening o = {b->seal, line, ctx};
    return b->seal->plain->read_all(b, open_line, &o, err);
}

/* ---- writing ---- */

struct sealing {
    struct seal *seal;
    struct buf *out;
};

static int seal_line(void *ctx, struct str json, struct err *err)
{
    const struct sealing *sealing = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    uint64_t seq, batch;
    if (!log_numbers(json, &seq, &batch))
        return err_set(err, ERR_DAMAGED, "it has no number");
    struct str sealed = secrets_seal(sealing->seal->secrets, &scratch, json);
    log_frame(sealing->out, seq, batch, arena_printf(&scratch, "{\"sealed\":\"%.*s\"}", STR_ARG(sealed)));
    return 0;
}

static int seal_all(struct seal *seal, struct str lines, struct buf *out, struct err *err)
{
    struct sealing sealing = {seal, out};
    return log_each(lines, 0, seal_line, &sealing, err);
}

static int sealed_append(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_BUF struct buf sealed = BUF_INIT;
    return seal_all(b->seal, lines, &sealed, err)
               ? -1
               : b->seal->plain->append(b, buf_str(&sealed), first_seq, err);
}

static int sealed_snapshot(struct backend *b, struct str lines, uint64_t first_seq, struct err *err)
{
    AUTO_BUF struct buf sealed = BUF_INIT;
    return seal_all(b->seal, lines, &sealed, err)
               ? -1
               : b->seal->plain->snapshot(b, buf_str(&sealed), first_seq, err);
}

static void sealed_free(struct backend *b)
{
    struct seal *seal = b->seal;
    seal->plain->free(b);
    secrets_free(seal->secrets);
    free(seal);
}

int backend_seal(struct backend *b, const struct backend_options *options, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct seal *seal = mem_zalloc(sizeof *seal);
    *seal = (struct seal){.ops = *b->ops, .plain = b->ops};
    seal->ops.read = sealed_read;
    seal->ops.read_all = sealed_read_all;
    seal->ops.append = sealed_append;
    seal->ops.snapshot = sealed_snapshot;
    seal->ops.free = sealed_free;
    b->ops = &seal->ops;
    b->seal = seal;
    if (secrets_new(options->config, options->dir, &seal->secrets, err))
        return -1;
    if (!secrets_have_key(seal->secrets)) {
        err_set(err, ERR_INVALID, "the stack's state is to be encrypted, and there is no key");
        return err_hint(err, "set WEIR_STATE_KEY, or `key` beside `encrypt` in the stack's state");
    }
    /* The lineage that salts passphrases elsewhere stands inside the seal; the name has to do. */
    secrets_set_lineage(seal->secrets,
        arena_printf(&scratch, "records of %.*s.%.*s", STR_ARG(options->stack), STR_ARG(options->env)));
    return 0;
}
