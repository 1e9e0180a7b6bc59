/* How much of the disk a process has taken in its folder. */
#include "sandbox/engine/process.h"

#include <fts.h>
#include <sys/stat.h>

/* A file of several names is divided among them. */
int64_t process_room(const char *dir, int64_t most)
{
    char *const paths[] = {(char *)(uintptr_t)dir, NULL};
    int64_t taken = 0;
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *entry; tree && taken <= most && (entry = fts_read(tree));) {
        const struct stat *st = entry->fts_statp;
        if (entry->fts_info != FTS_DP && entry->fts_info != FTS_NS)
            taken += (int64_t)st->st_blocks * 512 / (S_ISDIR(st->st_mode) ? 1 : (int64_t)st->st_nlink);
    }
    if (tree)
        fts_close(tree);
    return taken;
}
