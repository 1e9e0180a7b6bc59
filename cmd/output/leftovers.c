/* "Nothing is left": of what, by what was looked for. */
#include "cmd/output/leftovers.h"

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
