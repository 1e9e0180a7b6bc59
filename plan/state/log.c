/* Lines with their checksums and numbers, without what the records in them mean. */
#include "plan/state/log.h"

#include "base/hash.h"
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

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

/* Reads `literal` and the digits after it. */
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
