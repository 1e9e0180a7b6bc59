/* Core files: see core_limit.h. */
#include "base/core_limit.h"

#include "base/lock.h"

#include <stdbool.h>
#include <sys/resource.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rlimit former;
static bool lowered;
static unsigned starting; /* by how many threads */

void core_limit_none(void)
{
    if (getrlimit(RLIMIT_CORE, &former) || !former.rlim_cur)
        return;
    struct rlimit none = {0, former.rlim_max};
    lowered = setrlimit(RLIMIT_CORE, &none) == 0;
}

void core_limit_lift(void)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    if (!starting++ && lowered)
        setrlimit(RLIMIT_CORE, &former);
}

void core_limit_lower(void)
{
    struct rlimit none = {0, former.rlim_max};
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    if (!--starting && lowered)
        setrlimit(RLIMIT_CORE, &none);
}
