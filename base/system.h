/*
 * Functions that differ between operating systems, in system_linux.c or system_macos.c, of which the Makefile
 * takes one. They return what system calls return, with errno.
 *
 * Descriptors made here are not inherited by started programs (base/spawn.h). `flags` is 0 or O_NONBLOCK.
 * Sending to a socket whose other end is closed is an error and raises no signal.
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
int system_pair(int ends[2], int flags);  /* a pair of connected sockets */
int system_socket(int family, int flags); /* a stream socket */
int system_accept(int listening, int flags);
void system_set_dead_ms(int fd, int ms); /* a peer that acknowledges nothing for so long counts as gone */
int system_memory_file(void);     /* unnamed, in memory; not written to disk if the system can avoid it */
int system_put(int fd, int at);   /* makes `at` a duplicate of fd */
int system_sync(int fd);          /* makes content and metadata durable */
int system_sync_data(int fd);     /* makes the content durable, and the metadata needed to read it */
void system_read_through(int fd); /* announces reading from start to end */
/* Returns the path of the open file, "" for a memory file. -1: unknown. */
int system_path_of(int fd, char path[PATH_MAX]);

/* ---- processes ---- */

/* posix_spawnp(): the child inherits only the first three descriptors, and gets SIGXFSZ when it writes a file
 * larger than `max_file_bytes` (0: no limit). */
struct spawn;
int system_spawn(
    const struct spawn *spawn, posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, pid_t *child);
/* Returns a descriptor for poll() that becomes readable when the child has ended. */
int system_watch_child(pid_t child);
/* Makes this process receive SIGINT when its parent ends. */
void system_end_with_parent(void);
/* Forbids exec for this process and its children, from now on. */
int system_forbid_programs(void);
int64_t system_memory_of(pid_t process);                /* resident bytes; 0: not known */
int64_t system_most_memory(const struct rusage *usage); /* KiB */
/* Returns the path of this program's file. */
const char *system_program(void);
/* Calls `take` for the files of the program: the executable first, then each loaded library. A result other
 * than 0 stops and is returned. */
int system_program_files(int (*take)(void *ctx, const char *path), void *ctx);
/* True if the process at the other end of a loopback connection belongs to this user. `peer` is its address,
 * `port` the port that it connected to. Always true on systems that do not tell. */
bool system_peer_is_own(const struct sockaddr_in *peer, uint16_t port);

/* ---- waiting ---- */

/* Waits by the clock of clock_mono_ms(), which is never set. */
void system_cond_init(pthread_cond_t *cond);
int system_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until);

/* A descriptor that another thread makes readable, until it is cleared. */
int system_wake_new(void);
void system_wake(int fd);
void system_wake_clear(int fd);

/* A descriptor (-1: errno) that waits for many descriptors. Events are those of poll(2): POLLIN, POLLOUT; 0
 * removes a descriptor. Closing a descriptor removes it, too. */
enum { SYSTEM_EVENTS = 64 }; /* maximum number reported by one call */
struct system_event {
    int fd;
    short events; /* POLLIN, POLLOUT, POLLERR */
};
int system_poller_new(void);
int system_poller_set(int poller, int fd, short events);
int system_poller_wait(int poller, struct system_event *events, int room, int limit_ms); /* -1: no limit */

/* ---- processes with a mark in their environment, which all of their children inherit, even those that left
 * the process group. One file for each system. */
/* The variable with the mark: "family-0123456789abcdef…". */
#define PROCESS_MARK "WEIR_PROCESS"

/* Kills every process whose environment, at its start, had the variable with a value that begins with
 * this. */
void process_end_marked(const char *mark);
