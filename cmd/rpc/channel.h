/*
 * JSON texts over two descriptors, each with its end. The language server protocol puts a header with their
 * length and an empty line before them; the Model Context Protocol has one a line. What comes is kept only as
 * far as it has come, so that a length that somebody makes up costs nothing.
 */
#pragma once

#include "base/buf.h"

#include <stdbool.h>

struct channel {
    int in, out;
    bool lines;        /* a message is a line; otherwise it has a header */
    size_t max;        /* bytes of one message */
    struct buf read;   /* what has come */
    size_t at;         /* of it, where the next message begins */
    bool failed;       /* what was written did not arrive */
    const char *wrong; /* why channel_next() found CHANNEL_BROKEN */
};

enum channel_found { CHANNEL_MESSAGE, CHANNEL_END, CHANNEL_BROKEN };

/* Waits for the next message. Its text is valid until the next call. */
enum channel_found channel_next(struct channel *channel, struct str *text);
/* Has something come that was not handed out yet? */
bool channel_waiting(const struct channel *channel);
void channel_send(struct channel *channel, struct str text);
void channel_release(struct channel *channel);
