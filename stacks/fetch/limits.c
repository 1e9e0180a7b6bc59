/* The size that modules may have: see limits.h. */
#include "stacks/fetch/limits.h"

#include "base/str.h"
#include "base/unpack_archive.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_MIB = 512, MOST_MIB = 1024 * 1024 };
static const int64_t mib = 1024 * 1024;

static bool limit_read(int64_t *out)
{
    const char *text = getenv("WEIR_MODULE_MIB");
    *out = USUAL_MIB;
    return !text || !*text || (str_to_int(str_z(text), out) && *out > 0 && *out <= MOST_MIB);
}

int64_t fetch_limit(void)
{
    int64_t n;
    return (limit_read(&n) ? n : USUAL_MIB) * mib;
}

int fetch_limit_check(struct err *err)
{
    int64_t n;
    return limit_read(&n) ? 0
                          : err_set(err, ERR_INVALID,
                                "the variable WEIR_MODULE_MIB is not a number of MiB from 1 to %d", MOST_MIB);
}

int fetch_limit_hint(struct err *err)
{
    return err_hint(err, "WEIR_MODULE_MIB=%d in the environment would allow %d MiB, and so on",
        (int)(fetch_limit() / mib * 4), (int)(fetch_limit() / mib * 4));
}

int fetch_too_large(struct err *err)
{
    err_set(err, ERR_FAILED, "it is larger than %d MiB", (int)(fetch_limit() / mib));
    return fetch_limit_hint(err);
}

int fetch_unpack(const char *archive, const char *dir, struct err *err)
{
    if (!unpack_archive(archive, dir, fetch_limit(), err))
        return 0;
    return strstr(err_root(err), UNPACK_TOO_LARGE) ? fetch_limit_hint(err) : -1;
}
