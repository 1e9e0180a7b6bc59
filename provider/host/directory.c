/* host.directory: keeps a folder on the host equal to a local folder. */
#include "base/archive.h"
#include "base/file.h"
#include "provider/host/host.h"
#include "provider/package/package.h"

#include <errno.h>
#include <unistd.h>

/* ---- local folder ---- */

/* File names are reported one per line. */
static int check_names(const struct package *package, struct err *err)
{
    for (size_t i = 0; i < package->n; i++) {
        if (str_find_char(package->files[i].path, '\n', 0) < 0)
            continue;
        err_set(err, ERR_INVALID, "\"%.*s\" has a line break in its name", STR_ARG(package->files[i].source));
        return err_hint(err, "leave it out with `exclude`");
    }
    return 0;
}

static int directory_scan(
    struct op_ctx *ctx, const struct value *object, struct package *package, struct err *err)
{
    struct package_filter filter = {
        .include = value_getz(object, "include"), .exclude = value_getz(object, "exclude")};
    struct str folder = path_join(ctx->arena, ctx->dir, value_gets(object, "source"));
    package_init(package, ctx->arena);
    return package_scan(package, arena_strz(ctx->arena, folder), &filter, err) || check_names(package, err) ||
                   package_finish(package, STR_EMPTY, err) || package_hash(package, ctx->digests, err)
               ? -1
               : 0;
}

static struct str mark_of(struct arena *arena, const struct package_file *file)
{
    return arena_printf(
        arena, "%.*s%s", STR_ARG(hex_encode(arena, file->sha256, SHA256_SIZE)), file->executable ? " x" : "");
}

static int directory_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    const struct value *source = value_getz(desired, "source");
    struct package package;
    AUTO_BUILDER struct value_builder files = VALUE_BUILDER(ctx->arena);
    if (value_is_null(source))
        return 0;
    bool known = value_is_known(source) && value_is_known(value_getz(desired, "include")) &&
                 value_is_known(value_getz(desired, "exclude"));
    *prepared = value_with(ctx->arena, desired, STR("files"), &value_unknown);
    if (!known || how->offline)
        return 0;
    int rc = directory_scan(ctx, desired, &package, err);
    for (size_t i = 0; !rc && i < package.n; i++)
        value_builder_set(&files, package.files[i].path,
            value_string_ref(ctx->arena, mark_of(ctx->arena, &package.files[i])));
    package_release(&package);
    if (rc)
        return -1;
    *prepared = value_with(ctx->arena, desired, STR("files"), value_builder_map(&files));
    return 0;
}

/* ---- sending ---- */

struct packing {
    const struct archive_api *api;
    struct archive *archive;
    struct archive_entry *entry;
    struct buf out;
};

static la_ssize_t take_bytes(struct archive *archive UNUSED, void *ctx, const void *bytes, size_t n)
{
    buf_add(ctx, bytes, n);
    return (la_ssize_t)n;
}

static int packing_failed(struct packing *p, struct err *err)
{
    const char *why = p->api->error_string(p->archive);
    return err_set(err, ERR_FAILED, "packing: %s", why ? why : "libarchive gives no reason");
}

static int pack_file(
    struct packing *p, struct package *package, const struct package_file *file, struct err *err)
{
    enum { PIECE = 64 * 1024 };
    char *piece = arena_alloc(package->arena, PIECE);
    AUTO_FD int fd = -1;
    if (package_open(package, file, &fd, err))
        return -1;
    p->api->entry_clear(p->entry);
    p->api->entry_copy_pathname(p->entry, arena_strz(package->arena, file->path));
    p->api->entry_set_filetype(p->entry, AE_IFREG);
    p->api->entry_set_perm(p->entry, file->executable ? 0755 : 0644);
    p->api->entry_set_size(p->entry, file->size);
    if (p->api->write_header(p->archive, p->entry) != ARCHIVE_OK)
        return packing_failed(p, err);
    for (ssize_t n; (n = read(fd, piece, PIECE)) != 0;) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, ERR_FAILED, "\"%.*s\" cannot be read", STR_ARG(file->source));
        if (p->api->write_data(p->archive, piece, (size_t)n) < 0)
            return packing_failed(p, err);
    }
    return package_check(package, file, fd, err);
}

static int pack(struct host_work *work, struct package *package, struct packing *p, struct err *err)
{
    const struct value *there = value_getz(work->prior, "files");
    int rc = 0;
    size_t n = 0;
    if (p->api->write_set_format_pax_restricted(p->archive) != ARCHIVE_OK ||
        p->api->write_open(p->archive, &p->out, NULL, take_bytes, NULL) != ARCHIVE_OK)
        return packing_failed(p, err);
    for (size_t i = 0; i < package->n && !rc; i++) {
        const struct package_file *file = &package->files[i];
        struct str before = value_text(value_get(there, file->path), STR_EMPTY);
        if (str_eq(before, mark_of(package->arena, file)))
            continue; /* unchanged files are not sent again */
        rc = pack_file(p, package, file, err);
        n++;
    }
    if (!rc && p->api->write_close(p->archive) != ARCHIVE_OK)
        rc = packing_failed(p, err);
    if (!rc && n)
        work->payload = arena_str(work->ctx->arena, buf_str(&p->out));
    return rc;
}

/* Escapes a name for printf's %b. */
static void add_escaped(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '\n')
            buf_addz(out, "\\n");
        else if (name.p[i] == '\\')
            buf_addz(out, "\\\\");
        else
            buf_add_char(out, name.p[i]);
    }
}

static void add_names_to_delete(const struct value *there, const struct value *wanted, struct buf *out)
{
    AUTO_BUF struct buf lines = BUF_INIT;
    for (uint32_t i = 0; there && there->kind == VALUE_MAP && i < there->count; i++) {
        if (value_get(wanted, there->entries[i].key))
            continue;
        buf_addz(&lines, lines.n ? "\n" : "");
        add_escaped(&lines, there->entries[i].key);
    }
    host_assign(out, "", STR("doomed"), lines.n ? buf_str(&lines) : STR_EMPTY);
}

static bool purges(const struct value *object)
{
    const struct value *purge = value_getz(object, "purge");
    return purge && purge->kind == VALUE_BOOL && purge->boolean;
}

/* Reads the whole directory when `purge` is switched on: until then only our own files were read. */
static int see_all(struct host_work *work, struct err *err)
{
    const struct value *there = NULL;
    if (!work->changed || !purges(work->desired) || purges(work->prior))
        return 0;
    if (host_read_live(work->ctx, work->desired, &there, err))
        return -1;
    work->prior = there;
    return 0;
}

static int directory_send(struct host_work *work, struct err *err)
{
    struct packing p = {.api = archive_api(err)};
    struct package package;
    if (see_all(work, err))
        return -1;
    add_names_to_delete(value_getz(work->prior, "files"), value_getz(work->desired, "files"), &work->more);
    if (value_is_null(value_getz(work->desired, "source")))
        return 0;
    if (!p.api)
        return -1;
    p.archive = p.api->write_new();
    p.entry = p.api->entry_new();
    int rc = directory_scan(work->ctx, work->desired, &package, err);
    if (!rc)
        rc = pack(work, &package, &p, err);
    package_release(&package);
    p.api->entry_free(p.entry);
    p.api->write_free(p.archive);
    buf_release(&p.out);
    return rc;
}

static void directory_clear(struct host_work *work)
{
    add_names_to_delete(value_getz(work->prior, "files"), NULL, &work->more);
}

/* ---- reading ---- */

static const struct value *lines_as_set(struct arena *arena, const struct value *lines)
{
    AUTO_BUILDER struct value_builder set = VALUE_BUILDER(arena);
    for (uint32_t i = 0; lines && i < lines->count; i++)
        value_builder_set(&set, lines->items[i]->string, lines->items[i]);
    return value_builder_map(&set);
}

/* Reverses the escaping of coreutils for names with line breaks. */
static struct str unescape_name(struct arena *arena, struct str name)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c == '\\' && i + 1 < name.n) {
            c = name.p[++i];
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c;
        }
        buf_add_char(&out, c);
    }
    return arena_str(arena, buf_str(&out));
}

/* Parses "hash  ./path", or "\hash  ./path" of an escaped name. If the host does not escape names, a line of
 * another form is half of a name with a line break. */
static bool directory_line(struct arena *arena, struct str line, struct str *hash, struct str *path)
{
    *hash = str_cut(line, ' ', path);
    *path = path->n > 1 ? str_slice(*path, 1, path->n) : STR_EMPTY;
    if (str_starts(*hash, STR("\\"))) {
        *hash = str_slice(*hash, 1, hash->n);
        *path = unescape_name(arena, *path);
    }
    return hash->n == 2 * SHA256_SIZE && str_starts(*path, STR("./"));
}

/* Returns the files with their hashes; `executables` lists "./path" of executable ones. Without purge only
 * our own files count. */
static const struct value *directory_shape(
    struct op_ctx *ctx, const struct value *object, const struct value *reported, const struct value *live)
{
    const struct value *lines = value_getz(reported, "files"), *ours = value_getz(object, "files");
    const struct value *executables = lines_as_set(ctx->arena, value_getz(reported, "executables"));
    bool all = purges(object);
    AUTO_BUILDER struct value_builder files = VALUE_BUILDER(ctx->arena);
    if (!lines)
        return live;
    for (uint32_t i = 0; i < lines->count; i++) {
        struct str hash, path;
        if (!directory_line(ctx->arena, lines->items[i]->string, &hash, &path))
            continue;
        struct str name = str_slice(path, 2, path.n);
        if (!all && !value_get(ours, name))
            continue;
        value_builder_set(&files, name,
            value_string_ref(ctx->arena,
                arena_printf(ctx->arena, "%.*s%s", STR_ARG(hash), value_get(executables, path) ? " x" : "")));
    }
    return value_with(ctx->arena, live, STR("files"), value_builder_map(&files));
}

const struct host_type host_directory = {.name = "directory",
    .read_by = "path source",
    .unreported = "",
    .unsent = "include exclude files",
    .prepare = directory_prepare,
    .send = directory_send,
    .clear = directory_clear,
    .shape = directory_shape,
    .quick = true,
    .read_first = true};
