/*
 * What a command prints, as it may be shown: each line on its own while it runs, the end of it in a message
 * when it has failed. Hidden are the secrets that are known by value (base/mask.h), private keys, and what
 * redact_line() finds.
 *
 * Bounded, however much is printed: of a long line only the beginning counts, after a megabyte nothing more
 * is shown while it runs.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct command_output {
    void (*show)(void *ctx, const char *line); /* may be NULL */
    void *show_ctx;
    struct buf line, tail;
    size_t shown;
    bool in_key; /* between the lines that begin and end a private key */
};

void command_output_init(struct command_output *output);
void command_output_release(struct command_output *output);

void command_output_add(struct command_output *output, const char *bytes, size_t n);
/* The last lines that have ended, at most `max` bytes of valid UTF-8. */
struct str command_output_end(const struct command_output *output, struct arena *arena, size_t max);
/* A text of the stack's own, such as the command itself, without secrets. */
struct str command_output_hide(struct arena *arena, struct str text);
