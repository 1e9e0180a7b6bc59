/* How far the log of a file goes, and which one it is: see docs/state.md. */
#include "plan/state/backend_file_internal.h"

#include "base/crash.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Its number, in a file of its own. It is written when the records are durable and before anybody is told so;
 * synced only when the lock is given back, for the records do not depend on it: a kill loses nothing of it, a
 * power cut at most leaves an earlier number.
 */
enum { HEAD_DIGITS = 20, HEAD_SIZE = HEAD_DIGITS + 1, SUM_SIZE = 8, SEARCHED = 65536 };

/* A line with the number, one with the lineage, one with the checksum of that record, where it is known. */
static void write_head(struct file_backend *f, uint64_t seq, struct str sum)
{
    char text[HEAD_SIZE + LINEAGE_SIZE + SUM_SIZE + 3];
    int n = snprintf(text, sizeof text, "%0*" PRIu64 "\n%s%s%.*s%s", HEAD_DIGITS, seq, f->base.lineage,
        f->base.lineage[0] ? "\n" : "", STR_ARG(sum), sum.n ? "\n" : "");
    if (f->head_fd < 0)
        f->head_fd = file_open(f->head_path, O_RDWR | O_CREAT, NULL);
    if (f->head_fd < 0 || pwrite(f->head_fd, text, (size_t)n, 0) != n)
        errno = 0; /* then it is behind: the log itself has it */
}

/* After these lines were written, of which each begins with its checksum. */
void file_note_head(struct file_backend *f, struct str lines)
{
    size_t last = str_after_last(str_slice(lines, 0, lines.n ? lines.n - 1 : 0), "\n");
    bool sums = f->base.lineage[0] && lines.n - last > SUM_SIZE;
    crash_point("head.write");
    write_head(f, f->last_seq, sums ? str_slice(lines, last, last + SUM_SIZE) : STR_EMPTY);
}

/* The checksum of the record with this number among the lines; "" where it is not there. */
static struct str sum_of(struct str lines, uint64_t seq)
{
    char number[48];
    snprintf(number, sizeof number, " {\"seq\":%" PRIu64 ",", seq);
    for (ptrdiff_t at = 0; (at = str_find(lines, str_z(number), (size_t)at)) >= 0; at++)
        if (at == SUM_SIZE || (at > SUM_SIZE && lines.p[at - SUM_SIZE - 1] == '\n'))
            return str_slice(lines, (size_t)at - SUM_SIZE, (size_t)at);
    return STR_EMPTY;
}

/* Has the log another record with that number than was written there? It is looked for at its end first. */
static bool went_another_way(struct file_backend *f, uint64_t seq, struct str sum)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct stat st;
    AUTO_FD int fd = file_open(f->path, O_RDONLY, ERR_IGNORED);
    if (fd < 0 || fstat(fd, &st) || !st.st_size)
        return false;
    size_t n = st.st_size < SEARCHED ? (size_t)st.st_size : SEARCHED;
    char *end = arena_alloc(&scratch, n);
    struct str lines = {end, n}, found = STR_EMPTY;
    if (pread(fd, end, n, st.st_size - (off_t)n) == (ssize_t)n)
        found = sum_of(lines, seq);
    if (!found.n && n == SEARCHED && !file_read(&scratch, f->path, SIZE_MAX, &lines, ERR_IGNORED))
        found = sum_of(lines, seq);
    return found.n && !str_eq(found, sum);
}

int file_head(struct backend *b, struct backend_head *head, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    char text[HEAD_SIZE + LINEAGE_SIZE + SUM_SIZE + 2];
    int64_t number = 0;
    *head = (struct backend_head){0};
    struct err why = ERR_INIT;
    AUTO_FD int fd = file_open(f->head_path, O_RDONLY, &why);
    if (fd < 0) {
        if (errno == ENOENT)
            return 0;
        return err_raise(err, &why);
    }
    ssize_t n = pread(fd, text, sizeof text, 0);
    bool whole = n >= HEAD_SIZE && text[HEAD_DIGITS] == '\n';
    if (whole && str_to_int(str_n(text, HEAD_DIGITS), &number) && number > 0)
        head->seq = (uint64_t)number;
    struct str rest = STR_EMPTY, line = whole ? str_n(text + HEAD_SIZE, (size_t)n - HEAD_SIZE) : STR_EMPTY;
    line = str_cut(line, '\n', &rest);
    if (rest.p && line.n < LINEAGE_SIZE) /* earlier versions wrote none */
        snprintf(head->lineage, sizeof head->lineage, "%.*s", STR_ARG(line));
    struct str sum = rest.p ? str_cut(rest, '\n', &rest) : STR_EMPTY;
    head->forked = sum.n == SUM_SIZE && went_another_way(f, head->seq, sum);
    return 0;
}

int file_set_head(struct backend *b, uint64_t seq, struct err *err)
{
    struct file_backend *f = file_backend_of(b);
    assert(f->lock_fd >= 0);
    write_head(f, seq, STR_EMPTY);
    off_t size = HEAD_SIZE + (off_t)strlen(b->lineage) + (b->lineage[0] ? 1 : 0);
    if (f->head_fd >= 0 && ftruncate(f->head_fd, size))
        return err_errno(err, ERR_IO, "cannot write %s", f->head_path);
    return 0;
}
