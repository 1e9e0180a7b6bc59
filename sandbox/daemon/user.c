/* Programs that refuse to run as root run as somebody else, who cannot even see the sandbox's folder. */
#include "sandbox/daemon/daemon.h"

#include <ftw.h>
#include <pwd.h>
#include <unistd.h>

const char *daemon_user(const struct daemon_kind *kind)
{
    if (!kind->user || geteuid() != 0)
        return NULL;
    return getpwnam(kind->user) ? kind->user : "nobody";
}

static _Thread_local const struct passwd *owner; /* nftw() passes nothing on */

static int give_entry(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *ftw UNUSED)
{
    return lchown(path, owner->pw_uid, owner->pw_gid);
}

int daemon_give(const char *folder, const char *user, struct err *err)
{
    owner = user ? getpwnam(user) : NULL;
    if (!user)
        return 0;
    if (!owner)
        return err_set(err, ERR_FAILED, "there is no user %s on this machine", user);
    if (nftw(folder, give_entry, 16, FTW_PHYS))
        return err_errno(err, ERR_IO, "cannot give %s to %s", folder, user);
    return 0;
}

/* Both rights and the order to die with the parent are set by one program, last: the one undoes the other. */
static const char as_user[] =
    "exec 9<\"$1\" || exit 1; user=$2; shift 2; cd / && exec setpriv --reuid \"$user\" --regid "
    "\"$(id -g \"$user\")\" --clear-groups --pdeathsig KILL -- \"$@\"";

const char *const *daemon_as(const struct daemon_self *self, const char *const *argv)
{
    size_t n = 0, at = 0;
    if (!self->user)
        return argv;
    while (argv[n])
        n++;
    const char **all = ARENA_ARRAY(self->arena, const char *, n + 8);
    all[at++] = "/bin/sh";
    all[at++] = "-c";
    all[at++] = as_user;
    all[at++] = "daemon";
    all[at++] = self->data;
    all[at++] = self->user;
    memcpy(all + at, argv, n * sizeof *argv);
    return all;
}
