/* What codes of the Cloud Control API mean: those of handlers, and the exceptions that are called like them.
 */
#include "provider/cfn/call.h"

struct meaning {
    const char *code;
    enum err_class class;
    const char *hint;
};

static const struct meaning meanings[] = {
    {"NotFound", ERR_ABSENT,
        "it, or something that it needs, is not there: in this region and account, under that name"},
    {"ResourceNotFound", ERR_ABSENT, "it is not there: in this region and account, under that name"},
    {"AlreadyExists", ERR_EXISTS, "`weir state import` imports what is there; or give it another name"},
    {"NotUpdatable", ERR_SERVICE, ""},
    {"InvalidRequest", ERR_SERVICE, "the service refuses these properties; its message says which"},
    {"AccessDenied", ERR_AUTH,
        "the Cloud Control API calls the service with your credentials: `weir policy` lists what they need"},
    {"UnauthorizedTaggingOperation", ERR_AUTH,
        "weir tags what it makes: the credentials need the type's tagging permissions, which `weir policy` "
        "lists"},
    {"InvalidCredentials", ERR_AUTH, "the credentials ended while the request was carried out: get new ones"},
    {"ResourceConflict", ERR_SERVICE, "something else is at work on it; try again when that is over"},
    {"ConcurrentOperation", ERR_SERVICE,
        "another request for it is in progress; try again when it has finished"},
    {"ConcurrentModification", ERR_SERVICE, "it was changed meanwhile; plan again"},
    {"Throttling", ERR_THROTTLED, "run again later, or with fewer requests at a time (--parallelism)"},
    {"ServiceLimitExceeded", ERR_SERVICE,
        "the account's quota is used up: ask for a higher one (Service Quotas), or delete what is not "
        "needed"},
    {"NotStabilized", ERR_SERVICE,
        "the service took the request and did not get it ready; look at the resource's own status"},
    {"GeneralService", ERR_SERVICE,
        "the service itself refused it: its message says why, and CloudTrail has the call under the "
        "service's name"},
    {"ServiceInternalError", ERR_SERVICE, "the service failed; try again"},
    {"ServiceTimeout", ERR_SERVICE, "the service did not answer the handler in time; try again"},
    {"NetworkFailure", ERR_SERVICE, "the handler could not reach the service; try again"},
    {"InternalFailure", ERR_SERVICE,
        "the handler of the type failed, which is the service's fault; try again"},
    {"HandlerInternalFailure", ERR_SERVICE,
        "the handler of the type failed, which is the service's fault; try again"},
    {"HandlerFailure", ERR_SERVICE, "the handler of the type failed, which is the service's fault"},
    {"InvalidTypeConfiguration", ERR_SERVICE,
        "the type wants a configuration: `aws cloudformation "
        "set-type-configuration` sets it"},
    {"TypeNotFound", ERR_SERVICE, "the type is not known in this region, or not activated in this account"},
    {"UnsupportedAction", ERR_SERVICE, "the type does not let the Cloud Control API do this in this region"},
    {"PrivateType", ERR_SERVICE, "the type is private to another account"},
    {"ClientTokenConflict", ERR_SERVICE, "an earlier request with the same token asked for something else"},
    {"RequestTokenNotFound", ERR_ABSENT, ""},
};

static struct str without_exception(struct str code)
{
    struct str end = STR("Exception");
    return str_ends(code, end) ? str_slice(code, 0, code.n - end.n) : code;
}

void cfn_explain(const struct op_ctx *ctx, struct err *err)
{
    struct str code = without_exception(str_z(err->code));
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (!str_eqz(code, meanings[i].code))
            continue;
        err->class = meanings[i].class;
        if (str_eqz(code, "NotUpdatable"))
            err_hint(err, "the service does not change this in place: --replace %.*s makes it anew",
                STR_ARG(ctx->address));
        else if (meanings[i].hint[0] && !err->hint[0])
            err_hint(err, "%s", meanings[i].hint);
        return;
    }
}
