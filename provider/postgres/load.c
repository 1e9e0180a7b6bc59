/*
 * postgres.load: local files into a table by COPY, streamed, each file in one transaction together with its
 * line in the ledger. So a run that was cut off goes on with the file that it was at.
 *
 * The digest is worked out once more while a file is sent: one that changed since it was planned is not
 * loaded.
 */
#include "provider/postgres/files.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <fcntl.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024, TELL_EVERY = 64 * 1024 * 1024 };

/* ---- planning ---- */

static int load_find_files(
    struct op_ctx *ctx, const struct value *object, struct local_files *files, struct err *err)
{
    return files_find(
        ctx, text_of(ctx, object, "source"), text_of(ctx, object, "ending"), STR_EMPTY, files, err);
}

static int load_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    (void)how;
    struct local_files files;
    if (!value_is_known(value_getz(desired, "source")))
        return 0;
    if (load_find_files(ctx, desired, &files, err))
        return -1;
    *prepared = value_with(ctx->arena, desired, STR("files"), files_map(ctx->arena, &files));
    return 0;
}

static int load_check_past(
    struct op_ctx *ctx, const struct value *desired, const struct value *done, struct err *err)
{
    const struct value *files = value_getz(desired, "files");
    for (uint32_t i = 0; files && i < files->count && !flag_of(ctx, desired, "replace"); i++) {
        const struct value *was = value_get(done, files->entries[i].key);
        if (!was || value_equal(was, files->entries[i].value))
            continue;
        err_set(
            err, ERR_INVALID, "%.*s was loaded already and is another now", STR_ARG(files->entries[i].key));
        return err_hint(err, "with `replace: true` the table is emptied and loaded anew; rows of one file "
                             "cannot be told apart from the others'");
    }
    return 0;
}

static int load_plan(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    if (!prior)
        return 0;
    *planned = value_with(ctx->arena, *planned, STR("rows"), &value_unknown);
    *planned = value_with(ctx->arena, *planned, STR("row_count"), &value_unknown);
    return load_check_past(ctx, desired, value_getz(prior, "files"), err);
}

/* ---- what is there ---- */

static const struct value *load_shown(
    struct op_ctx *ctx, const struct value *object, const struct value *files, const struct value *rows)
{
    int64_t total = 0;
    for (uint32_t i = 0; rows && i < rows->count; i++)
        total += rows->entries[i].value->integer;
    object = value_with(ctx->arena, object, STR("id"), catalog_id(ctx, &pg_load, object));
    object = value_with(ctx->arena, object, STR("files"), files);
    object = value_with(ctx->arena, object, STR("rows"), rows);
    return value_with(ctx->arena, object, STR("row_count"), value_int(ctx->arena, total));
}

static int load_read(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    AUTO_SESSION struct session *session = NULL;
    const struct value *files, *rows;
    if (object_session(ctx, prior, &session, err) || ledger_read(ctx, session, prior, &files, &rows, err))
        return -1;
    if (files && files->count)
        *live = load_shown(ctx, prior, files, rows);
    return 0;
}

/* ---- sending ---- */

struct sending {
    struct op_ctx *ctx;
    const struct local_file *file;
    struct sha256 *sha256;
    int fd;
    int64_t sent, told;
    char *block;
};

static int finish_file(struct sending *s, struct err *err)
{
    unsigned char sum[SHA256_SIZE];
    sha256_final(s->sha256, sum);
    s->sha256 = NULL;
    if (str_eq(hex_encode(s->ctx->arena, sum, sizeof sum), s->file->sha256))
        return 0;
    return err_set(err, ERR_STALE, "%.*s has changed since this was planned; nothing of it is loaded",
        STR_ARG(s->file->path));
}

static int next_block(void *ctx, const char **bytes, size_t *n, struct err *err)
{
    struct sending *s = ctx;
    ssize_t got = read(s->fd, s->block, BLOCK);
    if (got < 0)
        return err_errno(err, ERR_IO, "cannot read %.*s", STR_ARG(s->file->path));
    *bytes = s->block;
    *n = (size_t)got;
    if (!got)
        return finish_file(s, err);
    sha256_update(s->sha256, s->block, *n);
    s->sent += got;
    if (s->sent - s->told >= TELL_EVERY && op_tells_progress(s->ctx)) {
        s->told = s->sent;
        op_progress(s->ctx, arena_printf(s->ctx->arena, "loading %.*s: %lld MB", STR_ARG(s->file->name),
                                (long long)(s->sent / 1000000))
                                .p);
    }
    return 0;
}

static void write_copy(struct pg_work *work, struct buf *sql)
{
    static const char *const options[][2] = {{"delimiter", ", delimiter %L"}, {"quote", ", quote %L"},
        {"escape", ", escape %L"}, {"null", ", null %L"}, {"encoding", ", encoding %L"}};
    const struct value *columns = value_getz(work->desired, "columns");
    sql_add(sql, work->session, "copy %s", pg_work_name(work, "schema", "table"));
    if (columns) {
        buf_addz(sql, " (");
        sql_add_idents(sql, work->session, columns);
        buf_add_char(sql, ')');
    }
    sql_add(sql, work->session, " from stdin with (format %s, header %s",
        text_of(work->ctx, work->desired, "format"),
        flag_of(work->ctx, work->desired, "header") ? STR("true") : STR("false"));
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (value_getz(work->desired, options[i][0]))
            sql_add(sql, work->session, options[i][1], text_of(work->ctx, work->desired, options[i][0]));
    buf_add_char(sql, ')');
}

static int send_file(struct pg_work *work, const struct local_file *file, int64_t *rows, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    AUTO_FD int fd = open(file->path.p, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot read %.*s", STR_ARG(file->path));
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    AUTO_FREE char *block = mem_alloc(BLOCK);
    struct sending s = {.ctx = work->ctx, .file = file, .sha256 = sha256_new(), .fd = fd, .block = block};
    write_copy(work, &sql);
    int status = session_copy(work->session, buf_str(&sql), next_block, &s, rows, err);
    unsigned char unused[SHA256_SIZE];
    if (s.sha256)
        sha256_final(s.sha256, unused);
    return status ? err_context(err, "loading %.*s", STR_ARG(file->path)) : 0;
}

static int load_file(struct pg_work *work, const struct local_file *file, struct err *err)
{
    int64_t rows = 0;
    AUTO_BUF struct buf sql = BUF_INIT;
    if (send_file(work, file, &rows, err))
        return -1;
    ledger_note(&sql, work->ctx, work->session, work->desired, file, rows);
    return session_run(work->session, buf_str(&sql), NULL, NULL, err);
}

static int load_statement(struct pg_work *work, const char *text, struct err *err)
{
    return session_run(work->session, str_z(text), NULL, NULL, err);
}

static int load_new(
    struct pg_work *work, const struct local_files *files, const struct value *done, struct err *err)
{
    for (size_t i = 0; i < files->n; i++) {
        if (value_get(done, files->items[i].name))
            continue;
        if (load_statement(work, "begin", err) || load_file(work, &files->items[i], err) ||
            load_statement(work, "commit", err))
            return -1;
    }
    return 0;
}

/* The table empty and full again between two moments: nobody sees it in between. */
static int load_anew(struct pg_work *work, const struct local_files *files, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    struct str ledger = ledger_name(work->ctx, work->session, work->desired);
    sql_add(&sql, work->session, "begin; truncate %s; delete from %s where subject = %L",
        pg_work_name(work, "schema", "table"), ledger, text_of(work->ctx, work->desired, "table"));
    if (session_run(work->session, buf_str(&sql), NULL, NULL, err))
        return -1;
    for (size_t i = 0; i < files->n; i++)
        if (load_file(work, &files->items[i], err))
            return -1;
    return load_statement(work, "commit", err);
}

static bool load_is_another(const struct local_files *files, const struct value *done)
{
    bool another = false;
    for (size_t i = 0; i < files->n; i++) {
        const struct value *was = value_get(done, files->items[i].name);
        another |= was && !str_eq(was->string, files->items[i].sha256);
    }
    return another;
}

/* Of what was loaded once, only what the file still names: the rest is nobody's business any more. */
static const struct value *named_only(
    struct arena *arena, const struct value *map, const struct local_files *files)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < files->n; i++)
        if (value_get(map, files->items[i].name))
            value_builder_set(&b, files->items[i].name, value_get(map, files->items[i].name));
    return value_builder_map(&b);
}

static int load_go_on(struct pg_work *work, struct err *err)
{
    struct local_files files;
    const struct value *done, *rows;
    if (load_find_files(work->ctx, work->desired, &files, err) ||
        ledger_make(work->ctx, work->session, work->desired, err) ||
        ledger_read(work->ctx, work->session, work->desired, &done, &rows, err) ||
        load_check_past(work->ctx, work->desired, done, err))
        return -1;
    int status =
        load_is_another(&files, done) ? load_anew(work, &files, err) : load_new(work, &files, done, err);
    struct err ignored = ERR_INIT;
    if (status && session_in_transaction(work->session))
        load_statement(work, "rollback", &ignored);
    if (!ledger_read(work->ctx, work->session, work->desired, &done, &rows, status ? &ignored : err) && done)
        work->live = load_shown(work->ctx, work->desired, named_only(work->ctx->arena, done, &files),
            named_only(work->ctx->arena, rows, &files));
    return status;
}

/* The rows stay, unless the file says that the table is emptied, or it is gone already. */
static int load_remove(struct pg_work *work, struct err *err)
{
    AUTO_ROWS struct rows rows = {0};
    struct str table = pg_work_name(work, "schema", "table");
    sql_add(&work->sql, work->session, "select to_regclass(%L) is not null", table);
    if (session_run(work->session, buf_str(&work->sql), NULL, &rows, err))
        return -1;
    buf_clear(&work->sql);
    if (str_eqz(text_of(work->ctx, work->prior, "on_destroy"), "truncate") &&
        str_eqz(rows_text(&rows, 0, 0), "t"))
        sql_add(&work->sql, work->session, "truncate %s;\n", table);
    ledger_forget(&work->sql, work->ctx, work->session, work->prior);
    return 0;
}

static int load_is_made(
    struct op_ctx *ctx, const struct value *desired, const struct value *live, bool *made, struct err *err)
{
    (void)ctx, (void)desired, (void)live, (void)err;
    *made = true; /* whatever the ledger says is true, and gone on with */
    return 0;
}

const struct pg_type pg_load = {.name = "load",
    .keys = "schema table",
    .create = load_go_on,
    .update = load_go_on,
    .remove = load_remove,
    .read = load_read,
    .prepare = load_prepare,
    .plan = load_plan,
    .is_made = load_is_made};
