#include "provider/weir/requirements.h"

#include "base/buf.h"
#include "base/file.h"

#include <limits.h>
#include <stdlib.h>

enum { FILE_BYTES_MAX = 1 << 20, FILES_MAX = 200 };

/* ---- what stands in one ---- */

/* A line and those that it goes on in, after a backslash at its end. */
static struct str next_line(struct arena *arena, struct str *rest)
{
    struct str line = str_cut(*rest, '\n', rest);
    if (!str_ends(line, STR("\\")))
        return line;
    AUTO_BUF struct buf whole = BUF_INIT;
    while (str_ends(line, STR("\\"))) {
        buf_add(&whole, line.p, line.n - 1);
        line = rest->p ? str_cut(*rest, '\n', rest) : STR_EMPTY;
    }
    buf_add_str(&whole, line);
    return arena_str(arena, buf_str(&whole));
}

/* A comment begins at the line's beginning or after a blank. */
static struct str without_comment(struct str line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] == '#' && (!i || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
            return str_trim(str_slice(line, 0, i));
    return str_trim(line);
}

/* "-r base.txt", "-rbase.txt", "--requirement=base.txt" and the same for constraints. */
static bool named_file(struct str line, struct str *file)
{
    static const struct str options[] = {
        STR_INIT("--requirement"), STR_INIT("--constraint"), STR_INIT("-r"), STR_INIT("-c")};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (!str_starts(line, options[i]))
            continue;
        struct str value = str_slice(line, options[i].n, line.n);
        bool apart = value.n && strchr("= \t", value.p[0]) && value.p[0];
        if (!apart && options[i].n > 2)
            continue;
        *file = str_trim(str_slice(value, apart, value.n));
        return file->n && str_find(*file, STR("://"), 0) < 0;
    }
    return false;
}

bool requirements_next(struct arena *arena, struct str *rest, struct str *file)
{
    while (rest->p)
        if (named_file(without_comment(next_line(arena, rest)), file))
            return true;
    return false;
}

/* ---- all of them ---- */

struct reading {
    struct arena *arena;
    struct str files[FILES_MAX]; /* without links, and in the order they are met */
    size_t n;
};

static void add_file(struct reading *r, struct str folder, struct str name)
{
    char real[PATH_MAX];
    if (memchr(name.p, '\0', name.n) || !realpath(path_join(r->arena, folder, name).p, real))
        return;
    for (size_t i = 0; i < r->n; i++)
        if (str_eqz(r->files[i], real))
            return;
    if (r->n < FILES_MAX)
        r->files[r->n++] = arena_str(r->arena, str_z(real));
}

int requirements_read(struct arena *arena, struct str path, struct str *text, struct err *err)
{
    struct reading *r = ARENA_NEW(arena, struct reading);
    struct str own, file;
    AUTO_BUF struct buf all = BUF_INIT;
    r->arena = arena;
    if (file_read(arena, path.p, FILE_BYTES_MAX, &own, err))
        return -1;
    buf_add_str(&all, own);
    add_file(r, STR_EMPTY, path);
    for (size_t i = 0; i < r->n; i++) {
        if (i && file_read(arena, r->files[i].p, FILE_BYTES_MAX, &own, NULL))
            continue;
        if (i)
            buf_addf(&all, "\n%zu:%.*s", own.n, STR_ARG(own));
        for (struct str rest = own; requirements_next(arena, &rest, &file);)
            add_file(r, path_dir(r->files[i]), file);
    }
    *text = arena_str(arena, buf_str(&all));
    return 0;
}
