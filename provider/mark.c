/* Marks: how an address is spelt in one, and the refusal to touch what bears those of others. */
#include "provider/mark.h"

#include "base/buf.h"

#include <ctype.h>
#include <string.h>

struct str mark_text(struct arena *arena, struct str s, size_t max)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (size_t i = 0; i < s.n && out.n < max; i++) {
        char c = s.p[i];
        if (c == '[')
            buf_add_char(&out, '/');
        else if (c != '"' && c != ']')
            buf_add_char(&out, isalnum((unsigned char)c) || strchr(" +-=._:/@", c) ? c : '_');
    }
    return arena_str(arena, buf_str(&out));
}

int mark_refuse(struct str stack, const char *done, struct err *err)
{
    if (stack.n)
        err_set(
            err, ERR_FAILED, "it bears the marks of the stack \"%.*s\", and is not %s", STR_ARG(stack), done);
    else
        err_set(
            err, ERR_FAILED, "it bears none of the marks that this stack made it with, and is not %s", done);
    return err_hint(err,
        "`weir state rm` lets go of it as it is; should it be this stack's all the same, import "
        "it after that");
}
