/* What codes of the Cloud Control API mean: those of handlers, and the exceptions that are called like them
 * (explained.txt: a code, its class, and a hint in each line). */
#include "provider/cfn/call.h"

#include "base/embed.h"

static struct str without_exception(struct str code)
{
    struct str end = STR("Exception");
    return str_ends(code, end) ? str_slice(code, 0, code.n - end.n) : code;
}

static enum err_class cfn_class_of(struct str word)
{
    return str_eqz(word, "absent")      ? ERR_ABSENT
           : str_eqz(word, "exists")    ? ERR_EXISTS
           : str_eqz(word, "auth")      ? ERR_AUTH
           : str_eqz(word, "throttled") ? ERR_THROTTLED
                                        : ERR_SERVICE;
}

void cfn_explain(const struct op_ctx *ctx, struct err *err)
{
    struct str code = without_exception(str_z(err->code)), hint,
               class = str_cut(embedded_line("provider/cfn/explained.txt", code), ' ', &hint);
    if (!class.n)
        return;
    err->class = cfn_class_of(class);
    if (str_eqz(code, "NotUpdatable"))
        err_hint(err, "the service does not change this in place: --replace %.*s makes it anew",
            STR_ARG(ctx->address));
    else if (hint.n && !err->hint[0])
        err_hint(err, "%.*s", STR_ARG(hint));
}
