/*
 * The sandbox's folder as far as it is about who may use it: its lock, its key pair, and the address at which
 * it is served. What is in it otherwise is the store's and the services' business.
 *
 * The key is random, made when the folder is first used, and is in DIR/key for the owner alone: whoever has
 * it may do everything with the sandbox, which runs programs as its owner.
 */
#pragma once

#include "sandbox/sandbox.h"

/* Makes `path` for the owner alone, or takes the one that is there if nobody else may write in it; the whole
 * path is in *out, which is good from every working directory. */
int folder_open(struct arena *arena, const char *path, const char **out, struct err *err);
/* A new folder below TMPDIR. */
int folder_temporary(struct arena *arena, const char **out, struct err *err);

/* ERR_LOCKED: another process serves it. *fd is to be kept open until the end. */
int folder_lock(const char *dir, int *fd, struct err *err);
/* Tells others on this machine where whoever has the lock serves; "" takes it back. `passes`: for one
 * command.
 */
void folder_announce(int lock_fd, struct str endpoint, bool passes);
/* See also sandbox_served(). */
bool folder_passes(const char *dir);

/* A lock on the folder's use: shared by all that use it, `alone` by whoever wants to end it. That one does
 * not wait: *fd is -1 where somebody uses it. */
int folder_use(const char *dir, bool alone, int *fd, struct err *err);

/* The folder's key, which is made if there is none; processes that ask at once get the same. `durable`: it is
 * to outlive a loss of power. ERR_IO where others may read it. */
int folder_key(struct arena *arena, const char *dir, bool durable, struct sandbox_key *out, struct err *err);
