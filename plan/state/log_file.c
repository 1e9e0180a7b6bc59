/* A log's lines from a file, up to the last whole batch. */
#include "plan/state/log_file.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

enum { READ_CHUNK = 128 * 1024 };

/* Reads lines from a descriptor, keeping what follows the last newline until more comes. */
struct line_reader {
    int fd;
    off_t offset; /* of the line that is given next */
    struct buf buf;
    size_t used; /* bytes at the start of buf that have been given */
    bool at_end;
};

/* 1: a line (without newline); 0: end, *line is what stands there without one; -1: err. */
static int reader_next(struct line_reader *r, struct str *line, const char *path, struct err *err)
{
    size_t searched = 0;
    for (;;) {
        struct str rest = str_slice(buf_str(&r->buf), r->used, r->buf.n);
        ptrdiff_t end = str_find_char(rest, '\n', searched);
        if (end >= 0) {
            *line = str_slice(rest, 0, (size_t)end);
            r->used += (size_t)end + 1;
            r->offset += (off_t)end + 1;
            return 1;
        }
        searched = rest.n;
        if (r->at_end) {
            *line = rest;
            return 0;
        }
        if (r->used) { /* move what is left to the front */
            memmove(r->buf.p, r->buf.p + r->used, rest.n);
            r->buf.n = rest.n;
            r->used = 0;
        }
        char chunk[READ_CHUNK];
        ssize_t n;
        do
            n = read(r->fd, chunk, sizeof chunk);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return err_errno(err, ERR_IO, "cannot read the state %s", path);
        r->at_end = n == 0;
        buf_add(&r->buf, chunk, (size_t)n);
    }
}

/* Is this what a record begins with, apart from holes? Then it was written here; otherwise the file is
 * another. */
static bool begins_like_a_record(struct str line)
{
    for (size_t i = 0; i < 9 && i < line.n; i++) {
        char c = line.p[i];
        if (c != '\0' && (i == 8 ? c != ' ' : !isxdigit((unsigned char)c)))
            return false;
    }
    return true;
}

/*
 * A line is not whole. It is the torn end of a batch that was never acknowledged when the file ends in the
 * middle of it or has a hole (zeros) in it, and no later batch follows, because a batch is begun only when
 * the one before is durable.
 */
static int tail_is_torn(
    struct line_reader *r, struct str line, uint64_t expected, const char *path, bool *torn, struct err *err)
{
    bool hole = false;
    int got = 1;
    if (!begins_like_a_record(line))
        return 0;
    for (;;) {
        struct str json;
        uint64_t seq, batch;
        hole = hole || str_find_char(line, '\0', 0) >= 0;
        if (got == 1 && !log_unframe(line, &json, NULL) && log_numbers(json, &seq, &batch) &&
            batch > expected)
            return 0;
        if (got == 0)
            break;
        got = reader_next(r, &line, path, err);
        if (got < 0)
            return -1;
    }
    *torn = hole || line.n > 0;
    return 0;
}

static int damage_context(const char *path, size_t number, struct err *err)
{
    err_context(err, "the state is damaged at record %zu (%s:%zu)", number, path, number);
    return err_hint(err,
        "restore %s from a backup; `head -n %zu` of it are the records before the damage, which are whole",
        path, number - 1);
}

/* Hands over the next record, if it is that. */
static int take_record(
    struct log_file *at, struct str json, uint64_t after, log_line *line, void *ctx, struct err *err)
{
    uint64_t seq = 0, batch;
    struct err why = ERR_INIT;
    if (!log_numbers(json, &seq, &batch))
        err_set(&why, ERR_DAMAGED, "it has no number");
    else if (at->last_seq && seq != at->last_seq + 1)
        err_set(&why, ERR_DAMAGED, "its number is %" PRIu64 ", it should be %" PRIu64, seq, at->last_seq + 1);
    else if (seq > after)
        line(ctx, json, &why);
    if (why.class != ERR_NONE) {
        *err = why;
        return why.class == ERR_DAMAGED ? damage_context(at->path, at->lines + 1, err) : -1;
    }
    if (!at->first_seq)
        at->first_seq = seq;
    at->last_seq = seq;
    at->lines++;
    return 0;
}

/* What is no record is either what a crash left of the last one, or damage. */
static int judge_rest(
    struct line_reader *reader, struct log_file *at, struct str text, const struct err *why, struct err *err)
{
    if (tail_is_torn(reader, text, at->last_seq + 1, at->path, &at->torn, err))
        return -1;
    if (at->torn)
        return 0;
    *err = *why;
    return damage_context(at->path, at->lines + 1, err);
}

/* 1: a record, 0: there are no more. */
static int read_next(struct line_reader *reader, struct log_file *at, struct str *json, struct err *err)
{
    struct str text;
    struct err why = ERR_INIT;
    int got = reader_next(reader, &text, at->path, err);
    if (got < 0 || (got == 0 && !text.n))
        return got;
    if (got == 0)
        err_set(&why, ERR_DAMAGED, "it is cut short");
    return got && !log_unframe(text, json, &why) ? 1 : judge_rest(reader, at, text, &why, err);
}

int log_file_read(int fd, struct log_file *at, uint64_t after, log_line *line, void *ctx, struct err *err)
{
    struct line_reader reader = {.fd = fd, .offset = at->offset};
    struct str json;
    int got;
    if (lseek(fd, at->offset, SEEK_SET) < 0)
        return err_errno(err, ERR_IO, "cannot read the state %s", at->path);
    while ((got = read_next(&reader, at, &json, err)) > 0) {
        if (take_record(at, json, after, line, ctx, err)) {
            got = -1;
            break;
        }
        at->offset = reader.offset;
    }
    buf_release(&reader.buf);
    return got;
}

int log_file_first(int fd, const char *path, uint64_t *seq, struct err *err)
{
    struct line_reader reader = {.fd = fd};
    struct str line, json;
    uint64_t batch;
    *seq = 0;
    int got = reader_next(&reader, &line, path, err);
    if (got == 1 && (log_unframe(line, &json, NULL) || !log_numbers(json, seq, &batch)))
        *seq = 0;
    buf_release(&reader.buf);
    return got < 0 ? -1 : 0;
}
