/* Processes that are known by their environment, by sysctl(3): see process_mark.h. */
#include "base/process_mark.h"

#include "base/buf.h"
#include "base/mem.h"

#include <libproc.h>
#include <signal.h>
#include <sys/sysctl.h>
#include <unistd.h>

enum { PASSES = 100 }; /* over all processes: one that forks while it is looked for is found in the next */

/* What execve() was given: the arguments, then the environment. False: somebody else's, or gone. */
static bool read_environment(pid_t process, struct buf *out)
{
    int name[] = {CTL_KERN, KERN_PROCARGS2, process}, of_all[] = {CTL_KERN, KERN_ARGMAX}, most = 0;
    size_t n = sizeof most;
    if (sysctl(of_all, 2, &most, &n, NULL, 0) || most <= 0)
        return false;
    char *bytes = mem_alloc(n = (size_t)most);
    bool known = !sysctl(name, 3, bytes, &n, NULL, 0);
    buf_clear(out);
    if (known)
        buf_add(out, bytes, n);
    free(bytes);
    return known;
}

/* How many were killed. Between the look and the signal its number can only become another's when its parent
 * has waited for it. */
static int end_all(struct str mark, struct buf *environment)
{
    int ended = 0, room = proc_listpids(PROC_UID_ONLY, geteuid(), NULL, 0) * 2;
    pid_t *all = mem_alloc((size_t)room);
    int n = proc_listpids(PROC_UID_ONLY, geteuid(), all, room) / (int)sizeof *all;
    for (int i = 0; i < n; i++)
        if (all[i] > 1 && all[i] != getpid() && read_environment(all[i], environment) &&
            memmem(environment->p, environment->n, mark.p, mark.n))
            ended += !kill(all[i], SIGKILL);
    free(all);
    return ended;
}

void process_end_marked(const char *mark)
{
    AUTO_BUF struct buf wanted = BUF_INIT;
    AUTO_BUF struct buf environment = BUF_INIT;
    buf_add_char(&wanted, '\0');
    buf_addf(&wanted, PROCESS_MARK "=%s", mark);
    for (int i = 0; i < PASSES && end_all(buf_str(&wanted), &environment); i++)
        usleep(1000);
}
