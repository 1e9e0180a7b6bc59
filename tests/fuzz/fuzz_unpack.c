/* Archives: whatever is in one, nothing is made outside of the folder, no link leads out of it, and it is not
 * larger than allowed. */
#include "base/archive.h"

#include "base/file.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALLOWED = 100000 };

static char top[64], inside[80];
static int64_t bytes;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int look(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    char target[PATH_MAX];
    (void)kind;
    if (!strncmp(path, inside, strlen(inside)) && ftw->level >= 2) {
        assert(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) || S_ISLNK(st->st_mode));
        if (S_ISLNK(st->st_mode) && realpath(path, target))
            assert(!strncmp(target, inside, strlen(inside)));
        bytes += S_ISREG(st->st_mode) ? st->st_size : 0;
    } else {
        assert(!strcmp(path, top) || !strcmp(path, inside) || ftw->level == 1);
    }
    return 0;
}

static void clean_up(void)
{
    tree_remove(top);
}

static void prepare(void)
{
    if (top[0])
        return;
    snprintf(top, sizeof top, "%s/weir-fuzz-unpack-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert(mkdtemp(top));
    snprintf(inside, sizeof inside, "%s/inside", top);
    atexit(clean_up);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err err = ERR_INIT;
    char archive[80];
    prepare();
    snprintf(archive, sizeof archive, "%s/archive", top);
    int fd = open(archive, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0 && !mkdir(inside, 0700));
    assert(write(fd, data, n) == (ssize_t)n);
    close(fd);
    if (unpack_archive(archive, inside, ALLOWED, &err))
        assert(err.class == ERR_INVALID || err.class == ERR_IO);
    bytes = 0;
    nftw(top, look, 16, FTW_PHYS);
    assert(bytes <= ALLOWED);
    tree_remove(inside);
    return 0;
}
