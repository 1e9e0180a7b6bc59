/* Access to the sandbox's folder: see folder.h. */
#include "sandbox/folder.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/system.h"
#include "provider/http/target.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_BYTES = 6, SECRET_BYTES = 20, ID_LENGTH = 20, SECRET_LENGTH = 40, MAX_FILE = 4096 };

/* the second line of the lock file */
#define PASSES "for one command\n"

/* Access key ids of AWS begin with AKIA; the random rest identifies one sandbox, so that another sandbox's
 * key is recognised as unknown. */
#define KEY_PREFIX "AKIAWEIR"

/* ---- folder ---- */

/* Refuses a folder that other users may write to: they could replace the key. */
static int refuse_others(const char *path, const struct stat *st, struct err *err)
{
    bool own = st->st_uid == geteuid() || st->st_uid == 0;
    if (own && !(st->st_mode & (S_IWGRP | S_IWOTH)))
        return 0;
    err_set(err, ERR_IO, "others may write in %s, where the sandbox would keep its key", path);
    return own ? err_hint(err, "`chmod 700 %s`, or another folder with --dir", path)
               : err_hint(err, "choose a folder of your own with --dir");
}

/* Sets mode 0700 on a folder that an earlier version left open. A lock file of this user shows that it is a
 * sandbox's folder. */
static int close_to_others(struct arena *arena, const char *path, struct err *err)
{
    struct stat st, lock;
    if (stat(path, &st))
        return err_errno(err, ERR_IO, "cannot use %s", path);
    bool ours = !lstat(path_join(arena, str_z(path), STR("lock")).p, &lock) && S_ISREG(lock.st_mode) &&
                lock.st_uid == geteuid();
    bool open = st.st_mode & (S_IRWXG | S_IRWXO);
    if (ours && open && st.st_uid == geteuid() && !(st.st_mode & S_ISVTX) && !chmod(path, 0700))
        return 0;
    return refuse_others(path, &st, err);
}

int folder_open(struct arena *arena, const char *path, const char **out, struct err *err)
{
    if (!path_is_dir(path)) {
        if (dir_make(arena_strz(arena, path_dir(str_z(path))), err) || dir_make_private(path, err))
            return -1;
    } else if (close_to_others(arena, path, err)) {
        return -1;
    }
    char *whole = realpath(path, NULL);
    if (!whole)
        return err_errno(err, ERR_IO, "cannot find %s", path);
    *out = arena_strz(arena, str_z(whole));
    free(whole);
    return 0;
}

int folder_temporary(struct arena *arena, const char **out, struct err *err)
{
    const char *tmp = getenv("TMPDIR");
    char *dir = arena_strz(arena, arena_printf(arena, "%s/weir-sandbox-XXXXXX", tmp && *tmp ? tmp : "/tmp"));
    if (!mkdtemp(dir))
        return err_errno(err, ERR_IO, "cannot make %s", dir);
    *out = dir;
    return 0;
}

/* ---- lock and endpoint ---- */

static int open_own(const char *dir, const char *name, int *fd, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str path = path_join(&scratch, str_z(dir), str_z(name));
    *fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *fd < 0 ? err_errno(err, ERR_IO, "cannot open %s", path.p) : 0;
}

int folder_lock(const char *dir, int *fd, struct err *err)
{
    if (open_own(dir, "lock", fd, err))
        return -1;
    if (!flock(*fd, LOCK_EX | LOCK_NB)) /* clears the endpoint of a killed process */
        return ftruncate(*fd, 0) ? err_errno(err, ERR_IO, "cannot write %s/lock", dir) : 0;
    fd_close_ptr(fd); /* the content is the other process's */
    *fd = -1;
    err_set(err, ERR_LOCKED, "the sandbox in %s is served by another process", dir);
    return err_hint(err, "use that one, or another directory");
}

void folder_announce(int lock_fd, struct str endpoint, bool temporary)
{
    if (lock_fd < 0)
        return;
    if (!endpoint.n && ftruncate(lock_fd, 0))
        return; /* the next process that locks it clears it */
    if (endpoint.n)
        dprintf(lock_fd, "%.*s\n%s", STR_ARG(endpoint), temporary ? PASSES : "");
}

/* True if the endpoint accepts connections. A killed process leaves its endpoint in the lock file. */
static bool answers(struct arena *arena, struct str endpoint)
{
    struct http_target target;
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *at;
    if (http_target_parse(endpoint, &target, ERR_IGNORED))
        return false;
    ptrdiff_t colon = target.authority.n ? (ptrdiff_t)target.authority.n - 1 : -1;
    while (colon >= 0 && target.authority.p[colon] != ':')
        colon--;
    struct str port = str_slice(target.authority, (size_t)(colon + 1), target.authority.n);
    if (getaddrinfo(arena_strz(arena, target.host), arena_strz(arena, port), &hints, &at))
        return false;
    AUTO_FD int fd = system_socket(at->ai_family, 0);
    bool yes = fd >= 0 && !connect(fd, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(at);
    return yes;
}

struct str sandbox_served(struct arena *arena, const char *dir)
{
    struct str text, rest;
    if (file_read(arena, path_join(arena, str_z(dir), STR("lock")).p, MAX_FILE, &text, ERR_IGNORED))
        return STR_EMPTY;
    text = str_trim(str_cut(text, '\n', &rest));
    return text.n && answers(arena, text) ? text : STR_EMPTY;
}

bool folder_is_temporary(const char *dir)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text;
    return !file_read(
               &scratch, path_join(&scratch, str_z(dir), STR("lock")).p, MAX_FILE, &text, ERR_IGNORED) &&
           str_ends(text, STR(PASSES));
}

int folder_use(const char *dir, bool alone, int *fd, struct err *err)
{
    if (open_own(dir, "users", fd, err))
        return -1;
    while (flock(*fd, alone ? LOCK_EX | LOCK_NB : LOCK_SH)) {
        int why = errno;
        if (why == EINTR && !alone)
            continue;
        fd_close_ptr(fd);
        *fd = -1;
        errno = why;
        return why == EWOULDBLOCK ? 0 : err_errno(err, ERR_IO, "cannot lock %s/users", dir);
    }
    return 0;
}

/* ---- access key ---- */

static struct sandbox_key random_key(struct arena *arena)
{
    unsigned char bytes[ID_BYTES + SECRET_BYTES];
    hash_random(bytes, sizeof bytes);
    struct str id = hex_encode(arena, bytes, ID_BYTES);
    char *upper = arena_strz(arena, arena_printf(arena, KEY_PREFIX "%.*s", STR_ARG(id)));
    for (char *c = upper; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return (struct sandbox_key){str_z(upper), hex_encode(arena, bytes + ID_BYTES, SECRET_BYTES)};
}

/* The file appears with its content or is another process's already (link(2)). On a file system without hard
 * links the last writer wins. */
static int write_key(struct arena *arena, struct str path, bool durable, struct err *err)
{
    struct sandbox_key key = random_key(arena);
    struct str text = arena_printf(arena, "%.*s\n%.*s\n", STR_ARG(key.access_key), STR_ARG(key.secret_key));
    char *temporary = arena_strz(arena, arena_printf(arena, "%s.tmpXXXXXX", path.p));
    AUTO_FD int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot write %s", path.p);
    bool failed = fd_write_all(fd, text.p, text.n, NULL, path.p) || (durable && system_sync(fd));
    if (!failed && link(temporary, path.p) && errno != EEXIST)
        failed = rename(temporary, path.p) != 0;
    if (failed)
        err_errno(err, ERR_IO, "cannot write %s", path.p);
    unlink(temporary);
    return failed ? -1 : 0;
}

/* Returns 1 if the file does not exist. */
static int read_key(struct arena *arena, struct str path, struct sandbox_key *out, struct err *err)
{
    char text[MAX_FILE];
    struct stat st;
    AUTO_FD int fd = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 1 : err_errno(err, ERR_IO, "cannot read %s", path.p);
    if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        (st.st_mode & (S_IRWXG | S_IRWXO))) {
        err_set(err, ERR_IO, "%s has the sandbox's secret, and is not yours alone", path.p);
        return err_hint(err, "remove it: then a new key is made; the folder has to be on a file system that "
                             "keeps owners and modes");
    }
    ssize_t n = read(fd, text, sizeof text);
    struct str secret, access = str_cut(str_n(text, n > 0 ? (size_t)n : 0), '\n', &secret);
    secret = secret.p ? str_trim(secret) : STR_EMPTY;
    if (access.n != ID_LENGTH || secret.n != SECRET_LENGTH) {
        err_set(err, ERR_IO, "%s is not a key", path.p);
        return err_hint(err, "remove it: then a new one is made");
    }
    *out = (struct sandbox_key){arena_str(arena, access), arena_str(arena, secret)};
    return 0;
}

int folder_key(struct arena *arena, const char *dir, bool durable, struct sandbox_key *out, struct err *err)
{
    struct str path = path_join(arena, str_z(dir), STR("key"));
    int found = read_key(arena, path, out, err);
    if (found <= 0)
        return found;
    if (write_key(arena, path, durable, err))
        return -1;
    return read_key(arena, path, out, err) ? -1 : 0;
}

int sandbox_folder_key(struct arena *arena, const char **dir, struct sandbox_key *key, struct err *err)
{
    return folder_open(arena, *dir, dir, err) || folder_key(arena, *dir, true, key, err) ? -1 : 0;
}
