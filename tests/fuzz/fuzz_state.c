/*
 * The state reader on arbitrary bytes: the JSON of records (held to jansson's verdict, but for NULs in keys),
 * framed lines, whole logs.
 */
#include "base/json.h"
#include "plan/state/log.h"
#include "plan/state/records.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void scan(struct str text)
{
    AUTO_ARENA struct arena mine = ARENA_INIT, theirs = ARENA_INIT;
    const struct value *a, *b;
    struct err err = ERR_INIT;
    int x = scan_json(&mine, text, &a, NULL), y = json_parse(&theirs, text, &b, &err);
    if (!x && y && strstr(err.message, "NUL byte in object key")) /* which jansson cannot hold */
        return;
    if (!x != !y || (!x && (a->kind != b->kind || !value_equal(a, b))))
        abort();
}

static int apply(void *ctx, struct str json, struct err *err)
{
    return records_apply(ctx, json, err);
}

/* Every line of the input becomes the body of a record with the right frame and number. */
static void replay(struct str text)
{
    AUTO_BUF struct buf log = BUF_INIT;
    struct records records;
    struct err err = ERR_INIT;
    uint64_t seq = 0;
    size_t n;
    for (struct str rest = text; rest.p;) {
        struct str line = str_cut(rest, '\n', &rest);
        if (line.n < 2 || line.p[0] != '{')
            continue;
        seq++;
        log_frame(&log, seq, seq, line);
    }
    records_init(&records);
    if (!log_each(buf_str(&log), 0, apply, &records, &err) && !records_complete(&records, &err)) {
        records_sorted(&records);
        records_open_intents(&records, &n);
    }
    records_release(&records);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_n((const char *)data, size), json;
    struct err err = ERR_INIT;
    uint64_t seq, batch;
    scan(text);
    if (!log_unframe(text, &json, &err))
        log_numbers(json, &seq, &batch);
    replay(text);
    return 0;
}
