/* "Nothing is left": of what, by what was looked for. */
#include "cmd/output/leftovers.h"
#include "cmd/terminal/term.h"

void leftovers_add_claim(struct buf *out, const char *of, size_t asked, bool marks)
{
    if (asked && marks)
        buf_addf(
            out, "\nNothing is left%s: neither by its id or name, nor by the stack's ownership tags.\n", of);
    else if (asked)
        buf_addf(out, "\nNothing is left%s by its id or name.\n", of);
    else if (marks)
        buf_addf(out, "\nNothing is left%s with the stack's ownership tags.\n", of);
    else
        buf_addf(out,
            "\nNothing was looked for%s: neither the state nor the stack names anything that a service could "
            "still have.\n",
            of);
}

void leftovers_add_limits(struct buf *out, size_t asked, bool marks)
{
    if (marks)
        buf_addz(out,
            "Not looked for: what has none of weir's ownership tags, such as what somebody made there "
            "by hand.\n");
    else if (asked)
        buf_addz(
            out, "Not looked for: what has another id or name, such as what somebody made there by hand.\n");
}

void leftovers_add_unasked(struct buf *out, size_t n)
{
    buf_addf(out,
        "%zu resource%s could not be looked up, because the stack's own service in which %s lay did not "
        "answer; %s went with it: ",
        n, n == 1 ? "" : "s", n == 1 ? "it" : "they", n == 1 ? "it" : "they");
}

void leftovers_add_unseen(struct buf *out, size_t n)
{
    buf_addf(out,
        "%zu resource%s could not be looked up after being deleted, because what %s service stood on went "
        "too: ",
        n, n == 1 ? "" : "s", n == 1 ? "its" : "their");
}

void leftovers_add_addresses(struct buf *out, const struct str *addresses, size_t n)
{
    enum { SHOWN = 8 };
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        buf_addz(out, i ? ", " : "");
        text_add_safe(out, addresses[i], false);
    }
    buf_addz(out, n > SHOWN ? ", …\n" : ".\n");
}
