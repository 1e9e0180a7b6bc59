/* The canonical format: whatever comes, what parses holds the same afterwards, and a second time nothing
 * changes.
 */
#include "stacks/format/format.h"

#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_BUF struct buf once = BUF_INIT, twice = BUF_INIT;
    struct err err = ERR_INIT;
    struct source source = {.path = STR_INIT("fuzz.yaml"), .text = str_n((const char *)data, n)};
    if (format_text(&source, &diags, &once, &err)) {
        if (err.class)
            fprintf(stderr, "came out as:\n%s\n", once.p);
        assert(!err.class && diags.errors);
        return 0;
    }
    source.text = buf_str(&once);
    if (format_text(&source, &diags, &twice, &err) || !str_eq(source.text, buf_str(&twice))) {
        fprintf(stderr, "once:\n%s\ntwice:\n%s\n", once.p, twice.p ? twice.p : "(nothing)");
        assert(false && "stable");
    }
    return 0;
}
