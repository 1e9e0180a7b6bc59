/* Lines of the log with checksums and numbers, the text of its records, and files of it: see log.h. */
#include "plan/state/log.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "plan/state/encode.h"
#include "plan/state/state.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { CRC_DIGITS = 8 };

void log_frame(struct buf *out, uint64_t seq, uint64_t batch, struct str body)
{
    assert(body.n >= 2 && body.p[0] == '{');
    char head[80];
    int n = snprintf(head, sizeof head, "{\"seq\":%" PRIu64, seq);
    if (batch != seq)
        n += snprintf(head + n, sizeof head - (size_t)n, ",\"batch\":%" PRIu64, batch);
    if (body.n > 2)
        head[n++] = ',';
    uint32_t crc = hash_crc32c(0, head, (size_t)n);
    crc = hash_crc32c(crc, body.p + 1, body.n - 1);
    buf_addf(out, "%08" PRIx32 " ", crc);
    buf_add(out, head, (size_t)n);
    buf_add(out, body.p + 1, body.n - 1);
    buf_add_char(out, '\n');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int log_unframe(struct str line, struct str *json, struct err *err)
{
    if (line.n <= CRC_DIGITS + 1 || line.p[CRC_DIGITS] != ' ')
        return err_set(err, ERR_DAMAGED, "it does not begin with a checksum");
    uint32_t kept = 0;
    for (size_t i = 0; i < CRC_DIGITS; i++) {
        int digit = hex_digit(line.p[i]);
        if (digit < 0)
            return err_set(err, ERR_DAMAGED, "it does not begin with a checksum");
        kept = kept << 4 | (uint32_t)digit;
    }
    struct str text = str_slice(line, CRC_DIGITS + 1, line.n);
    uint32_t given = hash_crc32c(0, text.p, text.n);
    if (kept != given)
        return err_set(
            err, ERR_DAMAGED, "its checksum is %08" PRIx32 ", its content gives %08" PRIx32, kept, given);
    *json = text;
    return 0;
}

/* Parses `literal` and the digits after it. */
static bool take_number(struct str *rest, struct str literal, uint64_t *out)
{
    if (!str_starts(*rest, literal))
        return false;
    uint64_t number = 0;
    size_t i = literal.n;
    for (; i < rest->n && rest->p[i] >= '0' && rest->p[i] <= '9'; i++) {
        if (number > (UINT64_MAX - 9) / 10)
            return false;
        number = number * 10 + (uint64_t)(rest->p[i] - '0');
    }
    if (i == literal.n)
        return false;
    *rest = str_slice(*rest, i, rest->n);
    *out = number;
    return true;
}

bool log_numbers(struct str json, uint64_t *seq, uint64_t *batch)
{
    if (!take_number(&json, STR("{\"seq\":"), seq))
        return false;
    if (!take_number(&json, STR(",\"batch\":"), batch))
        *batch = *seq;
    return true;
}

int log_parse(struct arena *arena, struct str json, const struct value **record, struct err *err)
{
    const struct value *v;
    if (scan_json(arena, json, &v, err)) {
        const struct err why = err ? *err : (struct err)ERR_INIT;
        return err_set(err, ERR_DAMAGED, "it is %s", why.message);
    }
    if (v->kind != VALUE_MAP)
        return err_set(err, ERR_DAMAGED, "it is not a JSON object");
    *record = v;
    return 0;
}

bool log_piece_cut(struct str bytes, uint64_t from, uint64_t at, struct log_piece *out)
{
    ptrdiff_t before = at ? str_find_char(bytes, '\n', (size_t)(at - 1 - from)) : -1;
    size_t begin = (size_t)(before + 1), end = bytes.n;
    if (at && before < 0)
        return false;
    while (end > begin && bytes.p[end - 1] != '\n')
        end--;
    *out = (struct log_piece){.at = from + begin, .lines = str_slice(bytes, begin, end)};
    return end > begin;
}

int log_each(struct str text, uint64_t after, log_line *line, void *ctx, struct err *err)
{
    for (size_t number = 1; text.n; number++) {
        ptrdiff_t end = str_find_char(text, '\n', 0);
        struct str json;
        uint64_t seq, batch;
        if (end < 0)
            return err_set(err, ERR_DAMAGED, "line %zu is cut short", number);
        if (log_unframe(str_slice(text, 0, (size_t)end), &json, err))
            return err_context(err, "line %zu is damaged", number);
        if (!log_numbers(json, &seq, &batch))
            return err_set(err, ERR_DAMAGED, "line %zu is damaged: it has no number", number);
        if (seq > after && line(ctx, json, err))
            return -1;
        text = str_slice(text, (size_t)end + 1, text.n);
    }
    return 0;
}

/* ---- members of a record's JSON ---- */

void body_begin(struct buf *body, const char *run, const char *kind)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str at = time_rfc3339(&scratch, clock_wall_ms(), true);
    buf_addf(body, "{\"at\":\"%.*s\",\"run\":\"%s\",\"kind\":\"%s\"", STR_ARG(at), run, kind);
}

void body_text(struct buf *body, const char *name, struct str text)
{
    json_write_member_if_any(body, name, text);
}

void body_value(struct buf *body, struct secrets *secrets, const char *name, const struct value *v)
{
    if (!v)
        return;
    buf_addf(body, ",\"%s\":", name);
    encode_value(body, secrets, v);
}

void body_flag(struct buf *body, const char *name, bool flag)
{
    if (flag)
        buf_addf(body, ",\"%s\":true", name);
}

void body_type(struct buf *body, struct str type, struct str provider)
{
    struct str rest;
    body_text(body, "type", type);
    if (!str_eq(provider, str_cut(type, '.', &rest)))
        body_text(body, "provider", provider);
}

void body_record(struct buf *body, struct secrets *secrets, const struct record *record)
{
    body_type(body, record->subject.type, record->subject.provider);
    body_text(body, "id", record->subject.id);
    body_value(body, secrets, "attrs", record->attrs);
    if (record->set && record->set->count)
        body_value(body, secrets, "set", record->set);
    if (record->deps && record->deps->count)
        body_value(body, secrets, "deps", record->deps);
    body_value(body, secrets, "place", record->location);
    if (record->interrupted && record->interrupted->count)
        body_value(body, secrets, "halfway", record->interrupted);
    if (record->reported && record->reported->count)
        body_value(body, secrets, "told", record->reported);
    if (record->configured) { /* names only, one of which may look like a marker: "$default" */
        buf_addz(body, ",\"said\":");
        json_write(body, record->configured, JSON_PLAIN);
    }
    body_flag(body, "tainted", record->tainted);
    body_flag(body, "adopted", record->adopted);
    body_flag(body, "prevent_destroy", record->prevent_destroy);
}

void body_lease(struct buf *body, const struct lease *lease)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (lease->until_ms)
        body_text(body, "until", time_rfc3339(&scratch, lease->until_ms, true));
    if (lease->warn_ms)
        buf_addf(body, ",\"warn_ms\":%" PRId64, lease->warn_ms);
    body_flag(body, "fixed", lease->fixed);
}

void body_error(struct buf *body, const struct err *why)
{
    if (!why || why->class == ERR_NONE)
        return;
    struct err plain = *why; /* masks secrets that became known after the error */
    err_mask(&plain);
    buf_addf(body, ",\"error\":{\"class\":\"%s\"", err_class_name(why->class));
    body_text(body, "code", str_z(plain.code));
    body_text(body, "message", str_z(plain.message));
    body_end(body);
}

void body_end(struct buf *body)
{
    buf_add_char(body, '}');
}

/* ---- lines of a file, up to the last whole batch ---- */

enum { READ_CHUNK = 128 * 1024 };

/* Reads lines from a descriptor; buffers text after the last newline. */
struct line_reader {
    int fd;
    off_t offset; /* of the next line */
    struct buf buf;
    size_t used; /* consumed bytes at the start of buf */
    bool at_end;
};

/* Returns 1: a line (without newline); 0: end, *line is the rest without newline; -1: err. */
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
        if (r->used) { /* move the rest to the front */
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

/* True if the line begins like a record, apart from holes. Otherwise weir did not write this file. */
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
 * Called for a line that is not whole. It is the torn end of a batch that was never acknowledged if the file
 * ends within it or it has a hole (zeros), and no later batch follows, since a batch is written only after
 * the previous one is durable.
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

/* Passes the next record on, if its number is right. */
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

/* Text that is not a record is either the torn end after a crash, or damage. */
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

/* Returns 1: a record; 0: no more. */
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
