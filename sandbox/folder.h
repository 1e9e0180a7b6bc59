/*
 * Access to the sandbox's folder: its lock, its access key, and the endpoint at which it is served. The other
 * content of the folder belongs to the S3 store and the services.
 *
 * The key is random, created on first use of the folder, and stored in DIR/key with mode 0600. Whoever has
 * the key controls the sandbox, which runs programs as its owner.
 */
#pragma once

#include "sandbox/sandbox.h"

/* Creates `path` with mode 0700, or uses an existing folder if no other user may write to it. *out is the
 * absolute path, allocated in `arena`. */
int folder_open(struct arena *arena, const char *path, const char **out, struct err *err);
/* Creates a new folder below TMPDIR (or /tmp). */
int folder_temporary(struct arena *arena, const char **out, struct err *err);

/* Takes the folder's lock without waiting. ERR_LOCKED: another process serves the folder. The caller keeps
 * *fd open until the end. */
int folder_lock(const char *dir, int *fd, struct err *err);
/* Writes the endpoint into the lock file, for other processes of this machine; "" clears it. `passes`: the
 * sandbox ends with one command. */
void folder_announce(int lock_fd, struct str endpoint, bool temporary);
/* True if the lock file says that the sandbox ends with one command. See sandbox_served(). */
bool folder_is_temporary(const char *dir);

/* Takes a lock on the use of the folder: shared for each user, exclusive (`alone`) for the process that wants
 * to end it. The exclusive lock does not wait: *fd is -1 while the folder is in use. */
int folder_use(const char *dir, bool alone, int *fd, struct err *err);

/* Reads the folder's key and creates it if it is missing; concurrent processes get the same key. `durable`:
 * the file is synced. ERR_IO if other users may read the file. */
int folder_key(struct arena *arena, const char *dir, bool durable, struct sandbox_key *out, struct err *err);
