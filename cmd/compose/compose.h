/*
 * Compose files, read as stacks: what `docker compose` would bring up, said as resources of docker.*, in the
 * order and words that somebody would write them in.
 *
 * What a stack cannot say is a warning at its place in the compose file. Variables become inputs. What sounds
 * like a secret is never written: it becomes an input that has to be given.
 */
#pragma once

#include "base/diag.h"
#include "base/err.h"

struct compose_options {
    struct str file;  /* as the user typed it */
    struct str stack; /* name of the stack; "": the project's */
};

/*
 * Appends the stack file's text. -1 where the compose file cannot be read: diagnostics say why, or err does.
 * What diagnostics point into lives in the arena.
 */
int compose_read(struct arena *arena, const struct compose_options *options, struct diags *diags,
    struct buf *out, struct err *err);
