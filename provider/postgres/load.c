/*
 * postgres.load: copies files or S3 objects into a table, streamed by COPY, each in one transaction with its
 * entry in the ledger. An interrupted run continues with the file that was not committed.
 */
#include "provider/postgres/postgres.h"

enum { TELL_EVERY = 64 * 1024 * 1024 };

/* ---- planning ---- */

/* Local files are compared with the record. For a bucket, the read lists what has not been loaded
 * (load_read): the desired value is an empty map. */
static int load_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    struct local_files files;
    const struct value *source = value_getz(desired, "source");
    if (!value_is_known(source))
        return 0;
    if (source_is_bucket(source)) {
        *prepared = value_with(ctx->arena, desired, STR("pending"), &value_empty_map);
        return 0;
    }
    if (source_find(ctx, desired, &files, err))
        return -1;
    *prepared = value_with(ctx->arena, desired, STR("files"), files_map(ctx->arena, &files));
    return 0;
}

/* Checks files against the ledger: `files` are to be loaded, `done` were. */
static int load_check_past(struct op_ctx *ctx, const struct value *desired, const struct value *files,
    const struct value *done, struct err *err)
{
    for (uint32_t i = 0; files && i < files->count && !op_flag(ctx, desired, "replace"); i++) {
        const struct value *was = value_get(done, files->entries[i].key);
        if (!was || value_equal(was, files->entries[i].value))
            continue;
        err_set(err, ERR_INVALID, "%.*s was loaded already and has changed since",
            STR_ARG(files->entries[i].key));
        return err_hint(err, "with `replace: true` the table is emptied and loaded anew; rows of one file "
                             "cannot be distinguished from the others'");
    }
    return 0;
}

static int load_plan(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    static const char *const reported[] = {"rows", "row_count", "objects"};
    bool bucket = source_is_bucket(value_getz(desired, "source"));
    if (!prior)
        return 0;
    for (size_t i = 0; i < (bucket ? 3 : 2); i++)
        *planned = value_with(ctx->arena, *planned, str_z(reported[i]), &value_unknown);
    return load_check_past(ctx, desired, value_getz(bucket ? prior : desired, bucket ? "pending" : "files"),
        value_getz(prior, bucket ? "objects" : "files"), err);
}

/* ---- reading ---- */

/* In the record, local files are `files`, and S3 objects are `objects`. */
static const struct value *load_shown(
    struct op_ctx *ctx, const struct value *object, const struct value *files, const struct value *rows)
{
    int64_t total = 0;
    for (uint32_t i = 0; rows && i < rows->count; i++)
        total += rows->entries[i].value->integer;
    object = value_with(ctx->arena, object, STR("id"), catalog_id(ctx, &pg_load, object));
    bool bucket = source_is_bucket(value_getz(object, "source"));
    object = value_with(ctx->arena, object, STR("files"), bucket ? NULL : files);
    object = value_with(ctx->arena, object, STR("objects"), bucket ? files : NULL);
    object = value_with(ctx->arena, object, STR("rows"), rows);
    return value_with(ctx->arena, object, STR("row_count"), value_int(ctx->arena, total));
}

/* Returns the objects of a bucket that are not in the table, or have changed: {name: digest}. */
static const struct value *load_pending(
    struct arena *arena, const struct local_files *files, const struct value *done)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < files->n; i++) {
        const struct value *was = value_get(done, files->items[i].name);
        if (!was || !str_eq(was->string, files->items[i].digest))
            value_builder_set(&b, files->items[i].name, value_string_ref(arena, files->items[i].digest));
    }
    return value_builder_map(&b);
}

/* A bucket that does not exist has nothing to load. */
static int load_look(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    struct local_files files;
    struct err why = ERR_INIT;
    if (!*live || !source_is_bucket(value_getz(prior, "source")))
        return 0;
    if (source_find(ctx, prior, &files, &why)) {
        if (why.class == ERR_ABSENT || why.class == ERR_INVALID)
            return 0;
        return err_raise(err, &why);
    }
    *live = value_with(
        ctx->arena, *live, STR("pending"), load_pending(ctx->arena, &files, value_getz(*live, "objects")));
    return 0;
}

static int load_read(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    AUTO_SESSION struct session *session = NULL;
    const struct value *files, *rows;
    if (object_session(ctx, prior, &session, err) || ledger_read(ctx, session, prior, &files, &rows, err))
        return -1;
    session_give(&session);
    if (files && files->count)
        *live = load_shown(ctx, prior, files, rows);
    return load_look(ctx, prior, live, err);
}

/* ---- sending ---- */

struct sending {
    struct op_ctx *ctx;
    const struct local_file *file;
    struct copy_source *source;
    int64_t sent, reported;
};

static int next_block(void *ctx, const char **bytes, size_t *n, struct err *err)
{
    struct sending *s = ctx;
    if (source_next(s->source, bytes, n, err))
        return -1;
    s->sent += (int64_t)*n;
    if (s->sent - s->reported >= TELL_EVERY && op_has_progress(s->ctx)) {
        s->reported = s->sent;
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
    sql_add(sql, work->session, " from stdin with (format %s, header %s", pg_work_text(work, "format"),
        pg_work_flag(work, "header") ? STR("true") : STR("false"));
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (value_getz(work->desired, options[i][0]))
            sql_add(sql, work->session, options[i][1], pg_work_text(work, options[i][0]));
    buf_add_char(sql, ')');
}

static int send_file(struct pg_work *work, const struct local_file *file, int64_t *rows, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    AUTO_SOURCE struct copy_source *source = NULL;
    if (source_open(work->ctx, file, &source, err))
        return -1;
    struct sending s = {.ctx = work->ctx, .file = file, .source = source};
    write_copy(work, &sql);
    int status = session_copy(work->session, buf_str(&sql), next_block, &s, rows, err);
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

/* Empties and fills the table in one transaction, so that the change is atomic for readers. */
static int load_anew(struct pg_work *work, const struct local_files *files, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    struct str ledger = ledger_name(work->ctx, work->session, work->desired);
    sql_add(&sql, work->session, "begin; truncate %s; delete from %s where subject = %L",
        pg_work_name(work, "schema", "table"), ledger, pg_work_text(work, "table"));
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
        another |= was && !str_eq(was->string, files->items[i].digest);
    }
    return another;
}

/* Keeps only entries of files that are still configured; others are not managed any more. */
static const struct value *named_only(
    struct arena *arena, const struct value *map, const struct local_files *files)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < files->n; i++)
        if (value_get(map, files->items[i].name))
            value_builder_set(&b, files->items[i].name, value_get(map, files->items[i].name));
    return value_builder_map(&b);
}

static const struct value *load_after(struct op_ctx *ctx, const struct value *desired,
    const struct local_files *files, const struct value *done, const struct value *rows)
{
    if (!source_is_bucket(value_getz(desired, "source")))
        return load_shown(
            ctx, desired, named_only(ctx->arena, done, files), named_only(ctx->arena, rows, files));
    return value_with(ctx->arena, load_shown(ctx, desired, done, rows), STR("pending"),
        load_pending(ctx->arena, files, done));
}

static int load_go_on(struct pg_work *work, struct err *err)
{
    struct local_files files;
    const struct value *done, *rows;
    if (source_find(work->ctx, work->desired, &files, err) ||
        ledger_make(work->ctx, work->session, work->desired, err) ||
        ledger_read(work->ctx, work->session, work->desired, &done, &rows, err) ||
        load_check_past(work->ctx, work->desired, files_map(work->ctx->arena, &files), done, err))
        return -1;
    int status =
        load_is_another(&files, done) ? load_anew(work, &files, err) : load_new(work, &files, done, err);
    struct err ignored = ERR_INIT;
    if (status && session_in_transaction(work->session))
        load_statement(work, "rollback", &ignored);
    if (!ledger_read(work->ctx, work->session, work->desired, &done, &rows, status ? &ignored : err) && done)
        work->live = load_after(work->ctx, work->desired, &files, done, rows);
    return status;
}

/* The rows are kept, unless `on_destroy` is truncate and the table exists. */
static int load_remove(struct pg_work *work, struct err *err)
{
    AUTO_ROWS struct rows rows = {0};
    struct str table = pg_work_name(work, "schema", "table");
    pg_write(work, "select to_regclass(%L) is not null", table);
    if (session_run(work->session, buf_str(&work->sql), NULL, &rows, err))
        return -1;
    buf_clear(&work->sql);
    if (str_eqz(op_text(work->ctx, work->prior, "on_destroy"), "truncate") &&
        str_eqz(rows_text(&rows, 0, 0), "t"))
        pg_write(work, "truncate %s;\n", table);
    ledger_forget(&work->sql, work->ctx, work->session, work->prior);
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
    .always_made = true /* continues from the ledger */};
