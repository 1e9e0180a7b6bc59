/* Reads the log from objects: several at a time, in the order of their numbers. */
#include "plan/state/backend_s3_internal.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/threads.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FETCH_THREADS = 16,
    FETCH_WINDOW = 64, /* objects held in memory at a time */
};

struct str s3_batch_key(struct arena *arena, const struct s3_backend *s, uint64_t seq)
{
    return arena_printf(arena, "%.*s%020" PRIu64 ".json", STR_ARG(s->prefix), seq);
}

struct str s3_hint_key(struct arena *arena, const struct s3_backend *s)
{
    return arena_printf(arena, "%.*snewest-snapshot.json", STR_ARG(s->prefix));
}

/* Reads the hint: where to start, and the minimum end of the log. The next read uses it. */
int s3_head(struct backend *b, struct backend_head *head, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct s3_object object;
    bool found;
    const struct value *v;
    *head = (struct backend_head){0};
    s->snapshot = s->head = 0;
    if (s3_get(s->store, &scratch, s3_hint_key(&scratch, s), &object, &found, err))
        return err_context(err, "reading the state %.*s", STR_ARG(b->description));
    s->hinted = true;
    if (!found || json_parse(&scratch, object.body, &v, NULL))
        return 0;
    s->snapshot = value_get_count(v, "seq");
    head->seq = s->head = value_get_count(v, "head");
    snprintf(head->lineage, sizeof head->lineage, "%.*s", STR_ARG(value_gets(v, "lineage")));
    return 0;
}

/* ---- in parts ---- */

/* A cached part of a snapshot: the first steps of several searches are the same. */
struct s3_cell {
    struct arena arena;
    uint64_t at; /* of its first byte */
    struct str bytes;
    struct s3_cell *next;
};

enum { CELL = 256 * 1024 };

void s3_forget_cells(struct s3_backend *s)
{
    while (s->cells) {
        struct s3_cell *next = s->cells->next;
        arena_release(&s->cells->arena);
        free(s->cells);
        s->cells = next;
    }
}

static int get_cell(struct s3_backend *s, uint64_t at, struct s3_cell **out, int64_t *size, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct s3_cell *cell = s->cells;
    while (cell && cell->at != at)
        cell = cell->next;
    if (!cell) {
        cell = mem_zalloc(sizeof *cell);
        *cell = (struct s3_cell){.at = at, .next = s->cells};
        s->cells = cell;
        if (s3_get_part(s->store, &cell->arena, s3_batch_key(&scratch, s, s->snapshot), (int64_t)at, CELL,
                &cell->bytes, size, err)) {
            s3_forget_cells(s);
            return -1;
        }
    }
    *out = cell;
    return 0;
}

int s3_find_snapshot(struct backend *b, uint64_t *size, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    struct backend_head head;
    struct s3_cell *cell;
    int64_t bytes = 0;
    *size = 0;
    s3_forget_cells(s);
    if (s3_head(b, &head, err) || (s->snapshot && get_cell(s, 0, &cell, &bytes, err)))
        return -1;
    if (bytes > CELL)
        *size = (uint64_t)bytes;
    return 0;
}

/* A record may be longer than a cell, and begin in an earlier one. */
int s3_read_lines(struct backend *b, struct arena *arena, uint64_t at, struct log_piece *out, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_BUF struct buf bytes = BUF_INIT;
    uint64_t from = (at ? at - 1 : 0) / CELL * CELL;
    for (uint64_t next = from;; next += CELL) {
        struct s3_cell *cell;
        int64_t size;
        if (get_cell(s, next, &cell, &size, err))
            return -1;
        buf_add_str(&bytes, cell->bytes);
        if (log_piece_cut(buf_str(&bytes), from, at, out) || cell->bytes.n < CELL)
            break;
    }
    out->lines = arena_str(arena, out->lines);
    return 0;
}

void s3_pass_snapshot(
    struct backend *b, uint64_t end UNUSED, uint64_t first_seq UNUSED, uint64_t last_seq UNUSED)
{
    s3_forget_cells(s3_backend_of(b));
}

/* ---- the whole log ---- */

struct fetch {
    struct s3_backend *s;
    struct str *keys;
    struct arena arenas[FETCH_WINDOW];
    struct str bodies[FETCH_WINDOW];
    struct err errs[FETCH_WINDOW];
};

static void fetch_one(void *ctx, size_t i)
{
    struct fetch *f = ctx;
    struct s3_object object;
    bool found;
    if (s3_get(f->s->store, &f->arenas[i], f->keys[i], &object, &found, &f->errs[i]))
        return;
    if (!found)
        err_set(&f->errs[i], ERR_DAMAGED, "it was listed, but does not exist");
    f->bodies[i] = object.body;
}

static int note_place(const struct s3_backend *s, struct str key, struct err *err)
{
    return err_context(err, "the state in s3://%.*s/%.*s", STR_ARG(s3_store_bucket(s->store)), STR_ARG(key));
}

/* `torn`: for the window with the newest batch: whether that was truncated, and is left out. */
static int read_window(
    struct fetch *f, size_t n, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    int result = 0;
    pool_run(FETCH_THREADS, n, fetch_one, f);
    for (size_t i = 0; i < n; i++) {
        struct err why = f->errs[i];
        if (torn && i + 1 == n && why.class == ERR_NONE)
            *torn = !str_ends(f->bodies[i], STR("\n"));
        bool left_out = torn && *torn;
        if (why.class == ERR_NONE && !left_out && !f->bodies[i].n)
            err_set(&why, ERR_DAMAGED, "it has no bytes, and others follow it");
        if (!result && why.class == ERR_NONE && !left_out)
            log_each(f->bodies[i], after, line, ctx, &why);
        if (!result && why.class != ERR_NONE) {
            *err = why;
            result = note_place(f->s, f->keys[i], err);
        }
        arena_release(&f->arenas[i]);
    }
    return result;
}

/* The last key is the newest batch. */
static int read_keys(struct s3_backend *s, struct str *keys, size_t n, uint64_t after, log_line *line,
    void *ctx, bool *torn, struct err *err)
{
    struct fetch *f = mem_zalloc(sizeof *f);
    int result = 0;
    *torn = false;
    for (size_t at = 0; at < n && !result; at += FETCH_WINDOW) {
        bool last = n - at <= FETCH_WINDOW;
        *f = (struct fetch){.s = s, .keys = keys + at};
        result = read_window(f, last ? n - at : FETCH_WINDOW, after, line, ctx, last ? torn : NULL, err);
    }
    free(f);
    return result;
}

/* Keeps only batches: the listing also has the lock's folder and the hint. */
static size_t keep_batches(const struct s3_backend *s, struct str *keys, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct str name = str_slice(keys[i], s->prefix.n, keys[i].n);
        int64_t number;
        if (name.n == 25 && str_ends(name, STR(".json")) && str_to_int(str_slice(name, 0, 20), &number))
            keys[kept++] = keys[i];
    }
    return kept;
}

static int list_batches(
    struct s3_backend *s, struct arena *arena, uint64_t after, struct str **keys, size_t *n, struct err *err)
{
    /* `after` is the last record of a batch, and no batch has that name: later names follow it. */
    if (s3_list(s->store, arena, s->prefix, s3_batch_key(arena, s, after), keys, n, err))
        return err_context(err, "reading the state %.*s", STR_ARG(s->base.description));
    *n = keep_batches(s, *keys, *n);
    return 0;
}

/*
 * A batch that a store with a full disk truncated was never acknowledged. It is deleted, so that its number
 * is free; if its writer is alive after all, the second put with that number is refused. A batch up to the
 * head was durable: it is lost, and stays.
 */
static int cut_off(struct s3_backend *s, struct str key, struct err *err)
{
    int64_t number = 0;
    str_to_int(str_slice(key, s->prefix.n, s->prefix.n + 20), &number);
    if ((uint64_t)number <= s->head)
        return 0;
    return s3_delete(s->store, key, err) ? note_place(s, key, err) : 0;
}

int s3_read(struct backend *b, uint64_t after, log_line *line, void *ctx, bool *torn, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *keys;
    size_t n;
    struct backend_head head;
    *torn = false;
    bool known = s->shared && after; /* no snapshot is written during a shared lock */
    if (!s->hinted && !known && s3_head(b, &head, err))
        return -1;
    s->hinted = false; /* the next read gets it again */
    if (s->snapshot > after) {
        after = s->snapshot - 1;
        s->objects = 0;
    }
    if (list_batches(s, &scratch, after, &keys, &n, err))
        return -1;
    s->objects += n;
    if (read_keys(s, keys, n, after, line, ctx, torn, err))
        return -1;
    return *torn && s->locked && !s->shared ? cut_off(s, keys[n - 1], err) : 0;
}

int s3_read_all(struct backend *b, log_line *line, void *ctx, struct err *err)
{
    struct s3_backend *s = s3_backend_of(b);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *keys;
    size_t n;
    bool torn;
    return list_batches(s, &scratch, 0, &keys, &n, err) || read_keys(s, keys, n, 0, line, ctx, &torn, err)
               ? -1
               : 0;
}
