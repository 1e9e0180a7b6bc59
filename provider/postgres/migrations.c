/*
 * postgres.migrations: numbered files, each executed once, in order, in one transaction with its entry in the
 * ledger, so that the ledger is correct wherever a run ends. Changed, missing or belated files are plan
 * errors.
 */
#include "provider/postgres/postgres.h"

#include "base/file.h"

/*
 * A file that begins with `-- weir: no transaction` has one statement that the server does not allow in a
 * transaction (create index concurrently); its ledger entry follows.
 */

static const struct str ending = STR_INIT(".sql"), down_ending = STR_INIT(".down.sql");
static const struct str bare_mark = STR_INIT("-- weir: no transaction");

/* ---- the folder ---- */

static int check_numbers(const struct local_files *files, struct err *err)
{
    for (size_t i = 0; i < files->n; i++) {
        struct str name = files->items[i].name;
        if (!files->items[i].number) {
            err_set(err, ERR_INVALID, "%.*s has no number", STR_ARG(files->items[i].path));
            return err_hint(err, "files are executed in the order of their numbers: 001_%.*s", STR_ARG(name));
        }
        if (i && files->items[i].number == files->items[i - 1].number)
            return err_set(err, ERR_INVALID, "%.*s and %.*s have the same number",
                STR_ARG(files->items[i - 1].path), STR_ARG(name));
    }
    return 0;
}

static int read_folder(
    struct op_ctx *ctx, const struct value *object, struct local_files *files, struct err *err)
{
    return files_find(ctx, op_text(ctx, object, "folder"), ending, down_ending, files, err) ||
                   check_numbers(files, err)
               ? -1
               : 0;
}

static int migrations_prepare(struct op_ctx *ctx, const struct preparation *how UNUSED,
    const struct value *desired, const struct value **prepared, struct err *err)
{
    struct local_files files;
    if (!value_is_known(value_getz(desired, "folder")))
        return 0;
    if (read_folder(ctx, desired, &files, err))
        return -1;
    *prepared = value_with(ctx->arena, desired, STR("files"), files_map(ctx->arena, &files));
    return 0;
}

/* ---- checking executed files ---- */

static uint64_t last_number(const struct local_files *files, const struct value *done)
{
    uint64_t last = 0;
    for (size_t i = 0; i < files->n; i++)
        if (value_get(done, files->items[i].name))
            last = files->items[i].number;
    return last;
}

static int migrations_check_past(struct op_ctx *ctx, const struct value *desired,
    const struct local_files *files, const struct value *done, struct err *err)
{
    const struct value *now = files_map(ctx->arena, files);
    uint64_t last = last_number(files, done);
    struct str folder = op_text(ctx, desired, "folder");
    for (uint32_t i = 0; done && i < done->count; i++) {
        struct str name = done->entries[i].key;
        const struct value *is = value_get(now, name);
        if (is && value_equal(is, done->entries[i].value))
            continue;
        err_set(err, ERR_INVALID, "%.*s/%.*s was executed already and %s", STR_ARG(folder), STR_ARG(name),
            is ? "has changed since" : "is missing now");
        return err_hint(err, "put it back as it was; what is to change goes into a new file");
    }
    for (size_t i = 0; i < files->n && !op_flag(ctx, desired, "out_of_order"); i++) {
        if (files->items[i].number >= last || value_get(done, files->items[i].name))
            continue;
        err_set(err, ERR_INVALID, "%.*s comes before files that were executed already",
            STR_ARG(files->items[i].path));
        return err_hint(err, "give it a number after the last one, or say `out_of_order: true`");
    }
    return 0;
}

static int migrations_plan(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned UNUSED, struct err *err)
{
    struct local_files files;
    return prior && (read_folder(ctx, desired, &files, err) ||
                        migrations_check_past(ctx, desired, &files, value_getz(prior, "files"), err))
               ? -1
               : 0;
}

/* ---- the server ---- */

static int migrations_read(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    AUTO_SESSION struct session *session = NULL;
    const struct value *files, *rows;
    if (object_session(ctx, prior, &session, err) || ledger_read(ctx, session, prior, &files, &rows, err))
        return -1;
    if (!files)
        return 0;
    *live = value_with(ctx->arena, prior, STR("id"), catalog_id(ctx, &pg_migrations, prior));
    *live = value_with(ctx->arena, *live, STR("files"), files);
    return 0;
}

static void roll_back(struct pg_work *work)
{
    if (session_in_transaction(work->session))
        session_run(work->session, STR("rollback"), NULL, NULL, ERR_IGNORED);
}

static int run_file(
    struct pg_work *work, const struct local_file *file, struct str text, bool bare, struct err *err)
{
    struct source_text source = {file->path, text};
    AUTO_BUF struct buf sql = BUF_INIT;
    if (bare)
        return session_run(work->session, text, &source, NULL, err);
    sql_add(&sql, work->session, "begin; set local search_path = %I, public", pg_work_text(work, "schema"));
    if (session_run(work->session, buf_str(&sql), NULL, NULL, err) ||
        session_run(work->session, text, &source, NULL, err))
        return -1;
    if (session_in_transaction(work->session))
        return 0;
    err_set(err, ERR_INVALID, "%.*s ends the transaction that it is executed in, so it is not in the ledger",
        STR_ARG(file->path));
    return err_hint(
        err, "take COMMIT and ROLLBACK out of it; see what it has changed before it is executed again");
}

/* Runs the file and updates the ledger, in one transaction. */
static int migrations_carry_out(struct pg_work *work, const struct local_file *file, const char *verb,
    const struct buf *ledger, struct err *err)
{
    struct str text;
    AUTO_BUF struct buf sql = BUF_INIT;
    if (file_read(work->ctx->arena, file->path.p, 0, &text, err))
        return -1;
    bool bare = str_starts(text, bare_mark);
    op_progress(work->ctx, arena_printf(work->ctx->arena, "%s %.*s", verb, STR_ARG(file->name)).p);
    buf_add_str(&sql, buf_str(ledger));
    buf_addz(&sql, bare ? "" : ";\ncommit");
    if (!run_file(work, file, text, bare, err) && !session_run(work->session, buf_str(&sql), NULL, NULL, err))
        return 0;
    roll_back(work);
    return -1;
}

static int carry_out_new(
    struct pg_work *work, const struct local_files *files, const struct value *done, struct err *err)
{
    for (size_t i = 0; i < files->n; i++) {
        AUTO_BUF struct buf ledger = BUF_INIT;
        if (value_get(done, files->items[i].name))
            continue;
        ledger_note(&ledger, work->ctx, work->session, work->desired, &files->items[i], 0);
        if (migrations_carry_out(work, &files->items[i], "carrying out", &ledger, err))
            return -1;
    }
    return 0;
}

/* Continues from the ledger, whichever run wrote it. */
static int migrations_go_on(struct pg_work *work, struct err *err)
{
    struct local_files files;
    const struct value *done, *rows;
    if (read_folder(work->ctx, work->desired, &files, err) ||
        ledger_make(work->ctx, work->session, work->desired, err) ||
        ledger_read(work->ctx, work->session, work->desired, &done, &rows, err) ||
        migrations_check_past(work->ctx, work->desired, &files, done, err))
        return -1;
    int status = carry_out_new(work, &files, done, err);
    struct err ignored = ERR_INIT;
    if (!ledger_read(work->ctx, work->session, work->desired, &done, &rows, status ? &ignored : err) &&
        done) {
        work->live = value_with(work->ctx->arena, work->desired, STR("files"), done);
        work->live = value_with(
            work->ctx->arena, work->live, STR("id"), catalog_id(work->ctx, &pg_migrations, work->desired));
    }
    return status;
}

/* ---- down migrations ---- */

static int take_back(
    struct pg_work *work, const struct local_file *up, const struct local_files *downs, struct err *err)
{
    struct str stem = str_slice(up->name, 0, up->name.n - ending.n);
    for (size_t i = 0; i < downs->n; i++) {
        struct str name = downs->items[i].name;
        bool same =
            str_eq(str_slice(name, 0, name.n - down_ending.n), stem) || downs->items[i].number == up->number;
        if (!same)
            continue;
        AUTO_BUF struct buf ledger = BUF_INIT;
        sql_add(&ledger, work->session, "delete from %s where name = %L",
            ledger_name(work->ctx, work->session, work->prior), up->name);
        return migrations_carry_out(work, &downs->items[i], "taking back with", &ledger, err);
    }
    err_set(err, ERR_INVALID, "nothing takes back what %.*s did", STR_ARG(up->path));
    return err_hint(err, "write %.*s.down.sql, or leave out `down: true`", STR_ARG(stem));
}

/* Without `down`, what the files created is kept, and so is the ledger: a later apply continues from it. */
static int migrations_remove(struct pg_work *work, struct err *err)
{
    struct local_files ups, downs;
    const struct value *done, *rows;
    if (!op_flag(work->ctx, work->prior, "down"))
        return 0;
    if (files_find(
            work->ctx, op_text(work->ctx, work->prior, "folder"), down_ending, STR_EMPTY, &downs, err) ||
        read_folder(work->ctx, work->prior, &ups, err) ||
        ledger_read(work->ctx, work->session, work->prior, &done, &rows, err))
        return -1;
    for (size_t i = ups.n; i-- > 0;)
        if (value_get(done, ups.items[i].name) && take_back(work, &ups.items[i], &downs, err))
            return -1;
    ledger_forget(&work->sql, work->ctx, work->session, work->prior);
    return 0;
}

const struct pg_type pg_migrations = {.name = "migrations",
    .keys = "schema ledger",
    .create = migrations_go_on,
    .update = migrations_go_on,
    .remove = migrations_remove,
    .read = migrations_read,
    .prepare = migrations_prepare,
    .plan = migrations_plan,
    .always_made = true /* continues from the ledger */};
