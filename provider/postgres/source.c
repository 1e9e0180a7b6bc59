/* The sources of a load's rows: see postgres.h. */
#include "provider/postgres/postgres.h"

#include "base/digests.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/system.h"
#include "provider/aws/s3/s3.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Local files in order, and the ledger of executed files ---- */

/* ---- files ---- */

/* Returns 12 for 012_orders.sql and V12__orders.sql; 0: no number. */
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

/* Returns a sorted copy. */
static struct local_files files_sorted(struct arena *arena, const struct local_file *items, size_t n)
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

/* True if the name ends with `end`, not with `but`, and is not hidden. */
static bool files_is_meant(struct str name, struct str end, struct str but)
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

/* Loads into several tables share a ledger; migrations have their own. */
static struct str subject(struct op_ctx *ctx, const struct value *object)
{
    return schema_attr(ctx->schema, STR("table")) ? op_text(ctx, object, "table") : STR_EMPTY;
}

struct str ledger_name(struct op_ctx *ctx, struct session *session, const struct value *object)
{
    AUTO_BUF struct buf b = BUF_INIT;
    sql_add(&b, session, "%I.%I", op_text(ctx, object, "schema"), op_text(ctx, object, "ledger"));
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
        return 0; /* created by another session at the same time */
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
        if (strcmp(why.code, "42P01") == 0 ||
            strcmp(why.code, "3F000") == 0) /* undefined_table, invalid_schema_name: there is no ledger */
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

enum { BLOCK = 256 * 1024 };

#define SCHEME "s3://"

/* ---- S3 objects ---- */

bool source_is_bucket(const struct value *source)
{
    return source && source->kind == VALUE_STRING && str_starts(source->string, STR(SCHEME));
}

/* Returns the bucket of s3://lake/films/2026/; *key is the prefix, or the only key. */
static struct str bucket_of(struct str source, struct str *key)
{
    struct str bucket = str_cut(str_slice(source, strlen(SCHEME), source.n), '/', key);
    if (!key->p)
        *key = STR_EMPTY;
    return bucket;
}

static bool is_prefix(struct str key)
{
    return !key.n || str_ends(key, STR("/"));
}

struct looking {
    pthread_mutex_t lock;
    struct op_ctx *ctx;
    struct str bucket, key, ending;
    struct local_file *items;
    size_t n, cap;
};

static void note_object(struct looking *l, const struct s3_listed *object)
{
    struct arena *arena = l->ctx->arena;
    struct str key = arena_str(arena, object->key);
    MEM_GROW(l->items, l->cap, l->n + 1);
    l->items[l->n++] =
        (struct local_file){.name = is_prefix(l->key) ? str_slice(key, l->key.n, key.n) : path_base(key),
            .path = arena_printf(arena, SCHEME "%.*s/%.*s", STR_ARG(l->bucket), STR_ARG(key)),
            .digest = arena_printf(arena, "etag:%.*s", STR_ARG(object->etag)),
            .bucket = l->bucket,
            .key = key,
            .size = object->size};
}

static void take_object(void *ctx, const struct s3_listed *object)
{
    struct looking *l = ctx;
    bool meant = is_prefix(l->key) ? path_base(object->key).n &&
                                         files_is_meant(path_base(object->key), l->ending, STR_EMPTY)
                                   : str_eq(object->key, l->key);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&l->lock);
    if (meant)
        note_object(l, object);
}

static int find_objects(
    struct op_ctx *ctx, struct str source, struct str ending, struct local_files *files, struct err *err)
{
    struct looking l = {.lock = PTHREAD_MUTEX_INITIALIZER, .ctx = ctx, .ending = ending};
    bool cut;
    l.bucket = bucket_of(source, &l.key);
    struct s3_list list = {.bucket = l.bucket, .prefix = l.key};
    *files = (struct local_files){0};
    int status =
        server_open_aws(ctx, err) || s3_list_objects(ctx, &list, take_object, &l, &cut, err) ? -1 : 0;
    if (status)
        err_context(err, "looking at %.*s", STR_ARG(source));
    else if (!is_prefix(l.key) && !l.n)
        status =
            err_set(err, ERR_INVALID, "there is no object %.*s; a prefix ends with a slash", STR_ARG(source));
    else
        *files = files_sorted(ctx->arena, l.items, l.n);
    free(l.items);
    pthread_mutex_destroy(&l.lock);
    return status;
}

int source_find(struct op_ctx *ctx, const struct value *object, struct local_files *files, struct err *err)
{
    struct str ending = op_text(ctx, object, "ending"), source = op_text(ctx, object, "source");
    if (source_is_bucket(value_getz(object, "source")))
        return find_objects(ctx, source, ending, files, err);
    return files_find(ctx, source, ending, STR_EMPTY, files, err);
}

/* ---- reading ---- */

struct copy_source {
    struct op_ctx *ctx;
    const struct local_file *file;
    struct s3_reader *reader; /* an S3 object; otherwise a file: */
    int fd;
    char *block;
    struct sha256 *sha256;
};

int source_open(struct op_ctx *ctx, const struct local_file *file, struct copy_source **out, struct err *err)
{
    struct copy_source *s = ARENA_NEW(ctx->arena, struct copy_source);
    *s = (struct copy_source){.ctx = ctx, .file = file, .fd = -1};
    if (file->bucket.n) {
        struct s3_readable object = {
            file->bucket, file->key, str_slice(file->digest, strlen("etag:"), file->digest.n), file->size};
        s->reader = s3_reader_new(ctx, &object);
    } else {
        s->fd = file_open(file->path.p, O_RDONLY, err);
        if (s->fd < 0)
            return -1;
        system_read_through(s->fd);
        s->block = mem_alloc(BLOCK);
        s->sha256 = sha256_new();
    }
    *out = s;
    return 0;
}

void source_close(struct copy_source **source)
{
    struct copy_source *s = *source;
    unsigned char unused[SHA256_SIZE];
    if (!s)
        return;
    s3_reader_free(s->reader);
    if (s->fd >= 0)
        close(s->fd);
    if (s->sha256)
        sha256_final(s->sha256, unused);
    free(s->block);
    *source = NULL;
}

static int compare_digest(struct copy_source *s, struct err *err)
{
    unsigned char sum[SHA256_SIZE];
    sha256_final(s->sha256, sum);
    s->sha256 = NULL;
    if (str_eq(hex_encode(s->ctx->arena, sum, sizeof sum), s->file->digest))
        return 0;
    return err_set(err, ERR_STALE, "%.*s has changed since this was planned; nothing of it is loaded",
        STR_ARG(s->file->path));
}

int source_next(struct copy_source *s, const char **bytes, size_t *n, struct err *err)
{
    if (s->reader)
        return s3_reader_next(s->reader, bytes, n, err);
    ssize_t got = read(s->fd, s->block, BLOCK);
    if (got < 0)
        return err_errno(err, ERR_IO, "cannot read %.*s", STR_ARG(s->file->path));
    *bytes = s->block;
    *n = (size_t)got;
    if (!got)
        return compare_digest(s, err);
    sha256_update(s->sha256, s->block, *n);
    return 0;
}

/* ---- permissions ---- */

void source_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    static const struct str actions[] = {STR_INIT("s3:ListBucket"), STR_INIT("s3:GetObject")};
    bool loads = str_eqz(schema->name, "postgres.load");
    for (size_t i = 0; loads && i < (phase == PERMISSION_APPLY ? 2 : 1); i++)
        value_builder_set(out, actions[i], value_string_ref(arena, actions[i]));
}

const struct value *source_scope(
    const struct schema *schema UNUSED, const struct value *object, struct str action, struct arena *arena)
{
    const struct value *source = value_getz(object, "source");
    struct str key = STR_EMPTY, bucket = STR_EMPTY;
    if (value_is_known(source) && !source_is_bucket(source))
        return &value_empty_list;
    if (value_is_known(source))
        bucket = bucket_of(source->string, &key);
    return aws_s3_content_scope(
        arena, action, bucket, is_prefix(key) ? arena_printf(arena, "%.*s*", STR_ARG(key)) : key);
}
