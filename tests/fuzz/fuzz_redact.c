/* Bodies for a trace: whatever they hold, a second pass finds nothing more, and a value whose place is known
 * is never shown. */
#include "base/arena.h"
#include "provider/http/redact.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The secret stands after noise that cannot end what it is in. */
static void check_hidden(struct arena *arena, struct str before, struct str noise, struct str after)
{
    struct str parts[] = {before, noise, STR("hunter2"), after};
    AUTO_BUF struct buf out = BUF_INIT;
    redact_body(&out, arena_concat(arena, parts, 4));
    assert(str_find(buf_str(&out), STR("hunter2"), 0) < 0);
}

/* The bytes without those that mean something to a syntax. */
static struct str plain(struct arena *arena, struct str noise)
{
    char *text = arena_strz(arena, noise);
    for (size_t i = 0; i < noise.n; i++)
        if (memchr("\"\\<>&", text[i], 5))
            text[i] = '.';
    return str_n(text, noise.n);
}

/* A password in front of any noise is not shown; nor is one behind noise that has no quotes. */
static void check_printed(struct arena *arena, struct str noise, struct str filler)
{
    struct str before[] = {STR("DB_PASSWORD=hunter2 "), noise};
    struct str after[] = {filler, STR(" DB_PASSWORD=hunter2")};
    AUTO_BUF struct buf out = BUF_INIT;
    redact_line(&out, arena_concat(arena, before, 2));
    redact_line(&out, arena_concat(arena, after, 2));
    assert(str_find(buf_str(&out), STR("hunter2"), 0) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str noise = str_n((const char *)data, n);
    AUTO_BUF struct buf once = BUF_INIT, twice = BUF_INIT;
    redact_body(&once, noise);
    redact_body(&twice, buf_str(&once));
    assert(str_eq(buf_str(&once), buf_str(&twice)));
    struct str filler = plain(&arena, noise);
    if (str_find(noise, STR("hunter2"), 0) < 0)
        check_printed(&arena, noise, filler);
    check_hidden(&arena, STR("{\"a\":1,\"SecretString\" : \""), filler, STR("\"}"));
    check_hidden(&arena, STR("a=1&Password="), filler, STR("&b=1"));
    check_hidden(&arena, STR("<A><SecretAccessKey>"), filler, STR("</SecretAccessKey></A>"));
    return 0;
}
