/*
 * What each system does in its own way, so that nothing else asks which one it is: system_linux.c or
 * system_macos.c, of which the Makefile takes one. Functions give what system calls give, with errno.
 *
 * Descriptors made here are not inherited by programs that are started (base/spawn.h). `flags` is 0 or
 * O_NONBLOCK. Where a socket's other end has gone, sending is an error and no signal.
 */
#pragma once

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

/* ---- descriptors ---- */

int system_pipe(int ends[2]);
int system_pair(int ends[2], int flags);  /* of sockets that are connected */
int system_socket(int family, int flags); /* for a stream */
int system_accept(int listening, int flags);
void system_set_dead_ms(int fd, int ms); /* a peer that acknowledges nothing for so long is gone */
int system_memory_file(void);   /* without a name; what is written into it touches no disk that can help it */
int system_put(int fd, int at); /* `at` becomes what `fd` is */
int system_sync(int fd);        /* on the disk, with all that is known of the file */
int system_sync_data(int fd);   /* on the disk, with what reading it takes */
void system_read_through(int fd); /* it will be read from its begin to its end */
/* Where the open file is, "" for a memory file. -1: nobody knows. */
int system_path_of(int fd, char path[PATH_MAX]);

/* ---- processes ---- */

/* posix_spawnp(): what is started inherits no descriptor but the first three, and is ended by SIGXFSZ where
 * it writes a file larger than `max_file_bytes` (0: none is too large). */
struct spawn;
int system_spawn(
    const struct spawn *spawn, posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, pid_t *child);
/* A descriptor that can be read from once the child has ended, for poll(). */
int system_watch_child(pid_t child);
/* This process is interrupted when the one that forked it ends. */
void system_end_with_parent(void);
/* From now on neither this process nor its children can become another program. */
int system_forbid_programs(void);
int64_t system_memory_of(pid_t process);                /* bytes that it has in memory; 0: not known */
int64_t system_most_memory(const struct rusage *usage); /* KiB */
/* Where this program is, to be read or started again. */
const char *system_program(void);
/* The files of the program: it first, then each library that it has loaded. Not 0, which `take` gave, ends
 * it. */
int system_program_files(int (*take)(void *ctx, const char *path), void *ctx);
/* Is the process at the other end of a connection over loopback this user's? `peer` is its address, `port`
 * the one that it has connected to. Where the system does not tell, everybody's is. */
bool system_peer_is_own(const struct sockaddr_in *peer, uint16_t port);

/* ---- waiting ---- */

/* Waits by the clock that clock_mono_ms() reads, and that nobody sets. */
void system_cond_init(pthread_cond_t *cond);
int system_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);

/* A descriptor that another thread makes readable, until it is cleared. */
int system_wake_new(void);
void system_wake(int fd);
void system_wake_clear(int fd);

/* One descriptor (-1: errno) that waits for many. What is reported of each is as poll(2) has it: POLLIN,
 * POLLOUT; 0 takes it out. Closing a descriptor does so, too. */
enum { SYSTEM_EVENTS = 64 }; /* that are reported at once, at most */
struct system_event {
    int fd;
    short events; /* POLLIN, POLLOUT, POLLERR */
};
int system_poller_new(void);
int system_poller_set(int poller, int fd, short events);
int system_poller_wait(int poller, struct system_event *events, int room, int limit_ms); /* -1: no limit */

/* ---- Processes that are known by a mark in their environment, which all that they start inherits: also
 * what has left the group that it was started in. One file for each system. */
/* The name of the variable that has the mark: "family-0123456789abcdef…". */
#define PROCESS_MARK "WEIR_PROCESS"

/* Kills every process whose environment, as it was at its start, has the variable begin with this. */
void process_end_marked(const char *mark);
