/* Local files in order, and the ledger of those that went into the database. */
#include "provider/postgres/files.h"

#include "base/digests.h"
#include "base/file.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* ---- files ---- */

/* 12 of 012_orders.sql and of V12__orders.sql; 0: the name has none. */
static uint64_t number_of(struct str name)
{
    size_t i = 0;
    uint64_t number = 0;
    while (i < name.n && isalpha((unsigned char)name.p[i]))
        i++;
    for (; i < name.n && isdigit((unsigned char)name.p[i]) && number < UINT64_MAX / 16; i++)
        number = number * 10 + (uint64_t)(name.p[i] - '0');
    return number;
}

static int by_number(const void *a, const void *b)
{
    const struct local_file *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return str_cmp(x->name, y->name);
}

struct local_files files_sorted(struct arena *arena, const struct local_file *items, size_t n)
{
    struct local_files files = {ARENA_ARRAY(arena, struct local_file, n + 1), n};
    for (size_t i = 0; i < n; i++) {
        files.items[i] = items[i];
        files.items[i].number = number_of(items[i].name);
    }
    qsort(files.items, n, sizeof *files.items, by_number);
    return files;
}

static int add_file(
    struct op_ctx *ctx, struct str path, struct str name, struct local_file *out, struct err *err)
{
    unsigned char sha256[SHA256_SIZE];
    struct file_id id;
    AUTO_FD int fd = file_open(path.p, O_RDONLY, err);
    if (fd < 0 || digests_of_file(ctx->digests, fd, path.p, &id, sha256, err))
        return -1;
    *out = (struct local_file){.name = arena_str(ctx->arena, name),
        .path = path,
        .digest = hex_encode(ctx->arena, sha256, sizeof sha256)};
    return 0;
}

bool files_is_meant(struct str name, struct str end, struct str but)
{
    return name.p[0] != '.' && str_ends(name, end) && !(but.n && str_ends(name, but));
}

static int list_folder(struct op_ctx *ctx, struct str path, struct str end, struct str but,
    struct local_files *out, struct err *err)
{
    size_t cap = 0;
    struct local_file *items = NULL;
    AUTO_DIR DIR *dir = opendir(path.p);
    int status = dir ? 0 : err_errno(err, ERR_IO, "cannot read the folder %s", path.p);
    for (const struct dirent *entry; !status && (entry = dir_next(dir));) {
        struct str name = str_z(entry->d_name), file = path_join(ctx->arena, path, name);
        if (!files_is_meant(name, end, but) || path_is_dir(file.p))
            continue;
        MEM_GROW(items, cap, out->n + 1);
        status = add_file(ctx, file, name, &items[out->n], err);
        out->n += !status;
    }
    if (!status && errno)
        status = err_errno(err, ERR_IO, "cannot read the folder %s", path.p);
    *out = files_sorted(ctx->arena, items, out->n);
    free(items);
    return status;
}

int files_find(struct op_ctx *ctx, struct str path, struct str end, struct str but, struct local_files *out,
    struct err *err)
{
    struct str full = path_join(ctx->arena, ctx->dir, path);
    *out = (struct local_files){0};
    if (path_is_dir(full.p))
        return list_folder(ctx, full, end, but, out, err);
    struct local_file one;
    if (add_file(ctx, full, path_base(full), &one, err))
        return -1;
    *out = files_sorted(ctx->arena, &one, 1);
    return 0;
}

const struct value *files_map(struct arena *arena, const struct local_files *files)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < files->n; i++)
        value_builder_set(&b, files->items[i].name, value_string_ref(arena, files->items[i].digest));
    return value_builder_map(&b);
}

/* ---- the ledger ---- */

/* Loads into several tables share one; migrations have theirs for themselves. */
static struct str subject(struct op_ctx *ctx, const struct value *object)
{
    return schema_attr(ctx->schema, STR("table")) ? text_of(ctx, object, "table") : STR_EMPTY;
}

struct str ledger_name(struct op_ctx *ctx, struct session *session, const struct value *object)
{
    AUTO_BUF struct buf b = BUF_INIT;
    sql_add(&b, session, "%I.%I", text_of(ctx, object, "schema"), text_of(ctx, object, "ledger"));
    return arena_str(ctx->arena, buf_str(&b));
}

int ledger_make(struct op_ctx *ctx, struct session *session, const struct value *object, struct err *err)
{
    AUTO_BUF struct buf sql = BUF_INIT;
    sql_add(&sql, session,
        "create table if not exists %s (subject text not null, name text not null, sha256 text not null, "
        "row_count bigint not null, "
        "at timestamptz not null default now(), by text not null default current_user, primary key (subject, "
        "name))",
        ledger_name(ctx, session, object));
    struct err why = ERR_INIT;
    if (!session_run(session, buf_str(&sql), NULL, NULL, &why) || why.class == ERR_EXISTS ||
        strcmp(why.code, "23505") == 0)
        return 0; /* another makes it at this moment */
    *err = why;
    return err_context(err, "making the ledger");
}

int ledger_read(struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct value **files, const struct value **rows, struct err *err)
{
    AUTO_ROWS struct rows found = {0};
    AUTO_BUF struct buf sql = BUF_INIT;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(ctx->arena), counts = VALUE_BUILDER(ctx->arena);
    struct err why = ERR_INIT;
    *files = *rows = NULL;
    sql_add(&sql, session, "select name, sha256, row_count from %s where subject = %L",
        ledger_name(ctx, session, object), subject(ctx, object));
    if (session_run(session, buf_str(&sql), NULL, &found, &why)) {
        if (strcmp(why.code, "42P01") == 0 || strcmp(why.code, "3F000") == 0) /* there is none */
            return 0;
        return err_raise(err, &why);
    }
    for (int i = 0; i < rows_count(&found); i++) {
        int64_t n = 0;
        struct str name = arena_str(ctx->arena, rows_text(&found, i, 0));
        str_to_int(rows_text(&found, i, 2), &n);
        value_builder_set(&names, name, value_string(ctx->arena, rows_text(&found, i, 1)));
        value_builder_set(&counts, name, value_int(ctx->arena, n));
    }
    *files = value_builder_map(&names);
    *rows = value_builder_map(&counts);
    return 0;
}

void ledger_note(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object,
    const struct local_file *file, int64_t rows)
{
    sql_add(sql, session, "insert into %s (subject, name, sha256, row_count) values (%L, %L, %L, %s)",
        ledger_name(ctx, session, object), subject(ctx, object), file->name, file->digest,
        arena_printf(ctx->arena, "%lld", (long long)rows));
}

void ledger_forget(struct buf *sql, struct op_ctx *ctx, struct session *session, const struct value *object)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct str ledger = ledger_name(ctx, session, object);
    sql_add(&body, session,
        "begin if to_regclass(%L) is null then return; end if; delete from %s where subject = %L; "
        "if not exists (select from %s) then drop table %s; end if; end",
        ledger, ledger, subject(ctx, object), ledger, ledger);
    sql_add(sql, session, "do %L", buf_str(&body));
}
