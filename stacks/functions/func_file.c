/*
 * Files. Relative names belong to the module's folder. File contents count against the limits of the
 * evaluation, so a file that is too large is an ordinary error.
 */
#include "stacks/expressions/func.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/match.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEMPLATE_DEPTH = 10, FOLDER_DEPTH = 40 };

/* NUL-terminated. After an error p is NULL. */
static struct str file_path(struct call *call, size_t i)
{
    struct str name = arg_text(call, i);
    if (name.n && memchr(name.p, '\0', name.n) == NULL)
        return path_join(call->arena, call->ev->scope->dir, name);
    call_fail(call, i, "this is not a file name");
    return (struct str){NULL, 0};
}

static bool is_open(const struct call *call, struct str path, struct str *text)
{
    const struct open_files *open = call->ev->scope->open;
    return open && open->find(open->ctx, path, text);
}

static bool func_file_read_file(struct call *call, struct arena *arena, struct str path, struct str *out)
{
    struct err err = ERR_INIT;
    if (is_open(call, path, out))
        return eval_take_bytes(call->ev, call->expr, out->n);
    if (file_read(arena, path.p, call_bytes_left(call), out, &err)) {
        call_fail(call, 0, "%s", err.message);
        return false;
    }
    return eval_take_bytes(call->ev, call->expr, out->n);
}

const struct value *func_file(struct call *call)
{
    struct str path = file_path(call, 0), text;
    if (!path.p || !func_file_read_file(call, call->arena, path, &text))
        return NULL;
    if (str_is_utf8(text))
        return value_string_ref(call->arena, text);
    struct diag *d = call_error(call, 0, "%s is not a UTF-8 text", path.p);
    diag_hint(call->ev->scope->diags, d, "filebase64() reads any file");
    return NULL;
}

const struct value *func_filebase64(struct call *call)
{
    struct str path = file_path(call, 0), bytes;
    if (!path.p || !func_file_read_file(call, call->arena, path, &bytes))
        return NULL;
    return value_string_ref(call->arena, base64_encode(call->arena, bytes));
}

/* Reads in pieces, since a file to hash may be larger than the limit for reading. */
const struct value *func_filesha256(struct call *call)
{
    struct str path = file_path(call, 0);
    struct str text;
    if (!path.p)
        return NULL;
    if (is_open(call, path, &text))
        return value_string_ref(call->arena, sha256_hex(call->arena, text));
    struct err err = ERR_INIT;
    AUTO_FD int fd = file_open(path.p, O_RDONLY, &err);
    if (fd < 0)
        return call_fail(call, 0, "%s", err.message);
    char piece[32768];
    struct sha256 *hash = sha256_new();
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            sha256_update(hash, piece, (size_t)n);
    int why = errno;
    unsigned char digest[SHA256_SIZE];
    sha256_final(hash, digest);
    if (n < 0)
        return call_fail(call, 0, "cannot read %s: %s", path.p, strerror(why));
    return value_string_ref(call->arena, hex_encode(call->arena, digest, sizeof digest));
}

const struct value *func_fileexists(struct call *call)
{
    struct str path = file_path(call, 0);
    struct stat st;
    if (!path.p)
        return NULL;
    if (is_open(call, path, &(struct str){0}))
        return value_bool(true);
    struct err err = ERR_INIT;
    if (confined_path(path.p, &err))
        return call_fail(call, 0, "%s", err.message);
    return value_bool(!stat(path.p, &st) && S_ISREG(st.st_mode));
}

/* ---- names ---- */

const struct value *func_basename(struct call *call)
{
    return value_string(call->arena, path_base(arg_text(call, 0)));
}

const struct value *func_dirname(struct call *call)
{
    return value_string(call->arena, path_dir(arg_text(call, 0)));
}

/* Removes `.`, `..` and doubled slashes. The path need not exist. */
const struct value *func_abspath(struct call *call)
{
    struct str path = file_path(call, 0);
    if (!path.p)
        return NULL;
    char here[4096];
    if (path.p[0] != '/') {
        if (!getcwd(here, sizeof here))
            return call_fail(call, 0, "cannot tell the current folder: %s", strerror(errno));
        path = path_join(call->arena, str_z(here), path);
    }
    AUTO_BUF struct buf out = BUF_INIT;
    for (struct str rest = path; rest.p;) {
        struct str step = str_cut(rest, '/', &rest);
        if (str_eqz(step, "..")) {
            while (out.n && out.p[--out.n] != '/')
                continue;
        } else if (step.n && !str_eqz(step, ".")) {
            buf_add_char(&out, '/');
            buf_add_str(&out, step);
        }
    }
    return value_string(call->arena, out.n ? buf_str(&out) : STR("/"));
}

/* ---- fileset ---- */

struct fileset {
    struct call *call;
    struct str pattern;
    struct value_builder found;
};

static bool walk_folder(struct fileset *set, int parent, const char *name, struct str prefix, int depth);

/* Returns false after an error. */
static bool func_file_visit(struct fileset *set, int folder, const char *name, struct str path, int depth)
{
    struct stat st;
    if (!call_take_items(set->call, 1))
        return false;
    if (fstatat(folder, name, &st, 0))
        return true; /* a dangling link, or a file that was just removed */
    if (S_ISREG(st.st_mode)) {
        if (glob_match(set->pattern, path, GLOB_PERIOD))
            value_builder_add(&set->found, value_string(set->call->arena, path));
        return true;
    }
    struct stat link;
    if (!S_ISDIR(st.st_mode) || fstatat(folder, name, &link, AT_SYMLINK_NOFOLLOW) || S_ISLNK(link.st_mode))
        return true; /* links to folders could form cycles */
    return walk_folder(set, folder, name, path, depth + 1);
}

static bool walk_folder(struct fileset *set, int parent, const char *name, struct str prefix, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_DIR DIR *folder = fd < 0 || depth > FOLDER_DEPTH ? NULL : fdopendir(fd);
    if (!folder) {
        call_fail(set->call, 0, "cannot read the folder %s: %s", prefix.n ? prefix.p : name,
            fd < 0 ? strerror(errno) : "too many levels of folders");
        fd_close_ptr(&fd);
        return false;
    }
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = dir_next(folder));) {
        struct str path = path_join(set->call->arena, prefix, str_z(entry->d_name));
        ok = func_file_visit(set, dirfd(folder), entry->d_name, path, depth);
    }
    if (ok && errno) { /* a partial listing would give a partial for_each */
        call_fail(set->call, 0, "cannot read the folder %s: %s", prefix.n ? prefix.p : name, strerror(errno));
        ok = false;
    }
    return ok;
}

static int by_text(const void *a, const void *b)
{
    return value_compare(((const struct value_entry *)a)->value, ((const struct value_entry *)b)->value);
}

const struct value *func_fileset(struct call *call)
{
    struct str path = file_path(call, 0);
    if (!path.p)
        return NULL;
    struct err err = ERR_INIT;
    if (confined_path(path.p, &err))
        return call_fail(call, 0, "%s", err.message);
    is_open(call, path,
        &(struct str){0}); /* reports the folder to `open`, which records the files that functions read */
    struct fileset set = {.call = call, .pattern = arg_text(call, 1), .found = VALUE_BUILDER(call->arena)};
    const struct value *list = NULL;
    if (walk_folder(&set, AT_FDCWD, path.p, STR_EMPTY, 0)) {
        if (set.found.n)
            qsort(set.found.entries, set.found.n, sizeof *set.found.entries, by_text);
        list = value_builder_list(&set.found);
    }
    value_builder_release(&set.found);
    return list;
}

/* ---- templatefile ---- */

/* Diagnostics refer to the template's text, which therefore lives as long as they do. */
static const struct value *render(
    struct call *call, struct arena *arena, struct diags *diags, struct str path)
{
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = arena_str(arena, path);
    if (!func_file_read_file(call, arena, path, &source->text))
        return NULL;
    if (!str_is_utf8(source->text))
        return call_fail(call, 0, "%s is not a UTF-8 text", path.p);
    size_t errors = diags->errors;
    struct expr *e = template_compile(arena, source_node(arena, source), diags);
    template_resolve(e, call->args[1], diags);
    if (diags->errors > errors)
        return NULL;
    struct scope scope = *call->ev->scope;
    scope.constants = call->args[1];
    scope.each_key = scope.each_value = NULL;
    struct eval ev = *call->ev;
    ev.scope = &scope;
    ev.binding = NULL;
    ev.template_depth++;
    const struct value *v = eval(&ev, e);
    return v ? eval_as_text(&ev, e, v) : NULL;
}

const struct value *func_templatefile(struct call *call)
{
    struct str path = file_path(call, 0);
    if (!path.p)
        return NULL;
    if (call->ev->template_depth >= TEMPLATE_DEPTH)
        return call_fail(call, 0, "template files include each other more than %d deep", TEMPLATE_DEPTH);
    struct diags *diags = call->ev->scope->diags;
    if (!call->ev->quiet)
        return render(call, &diags->arena, diags, path);
    AUTO_DIAGS struct diags unseen = DIAGS_INIT;
    return render(call, call->arena, &unseen, path);
}
