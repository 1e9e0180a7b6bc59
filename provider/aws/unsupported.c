/* What a store of one's own does not have (tags on buckets, say), as it was found out by trying: see
 * unsupported.h. */
#include "provider/aws/unsupported.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/lock.h"

#include <string.h>

enum { KEPT_MAX = 64 * 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the file */

bool unsupported_says(const struct err *err)
{
    static const char *const codes[] = {"NotImplemented", "MethodNotAllowed", "UnsupportedOperation"};
    return STR_IS_ONE_OF(str_z(err->code), codes) || err->http_status == 501 || err->http_status == 405;
}

static struct str kept_in(struct arena *arena, struct str work_dir)
{
    return path_join(arena, work_dir, STR("stores-lack"));
}

/* One line for each: what, a blank, the address. */
static struct str read_kept(struct arena *arena, struct str work_dir)
{
    struct str text = STR_EMPTY;
    if (!work_dir.n || file_read(arena, kept_in(arena, work_dir).p, KEPT_MAX, &text, ERR_IGNORED))
        return STR_EMPTY;
    return text;
}

static bool unsupported_has(struct str text, struct str line)
{
    for (struct str rest = text; rest.p;)
        if (str_eq(str_cut(rest, '\n', &rest), line))
            return true;
    return false;
}

bool unsupported_is_known(struct str work_dir, struct str endpoint, const char *what)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    return unsupported_has(
        read_kept(&scratch, work_dir), arena_printf(&scratch, "%s %.*s", what, STR_ARG(endpoint)));
}

bool unsupported_note(struct str work_dir, struct str endpoint, const char *what)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct err ignored = ERR_INIT; /* then it is tried again */
    struct str line = arena_printf(&scratch, "%s %.*s", what, STR_ARG(endpoint));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lock);
    struct str before = read_kept(&scratch, work_dir);
    bool first = !unsupported_has(before, line);
    if (first && work_dir.n) {
        struct str text = arena_printf(&scratch, "%.*s%.*s\n", STR_ARG(before), STR_ARG(line));
        file_write_atomic(kept_in(&scratch, work_dir).p, text, 0600, &ignored);
    }
    return first;
}
