/*
 * Growing byte buffers with an optional limit. An addition that would exceed `max` is left out, and
 * `overflow` stays set; callers that fill a buffer from the network check it once at the end. `p` always has
 * a NUL after its n bytes (p may be NULL while n is 0).
 */
#pragma once

#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *p;
    size_t n, cap;
    size_t max; /* 0: no limit */
    bool overflow;
};

#define BUF_INIT                                                                                             \
    {                                                                                                        \
        0                                                                                                    \
    }
#define AUTO_BUF __attribute__((cleanup(buf_release)))

void buf_release(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
void buf_add(struct buf *buf, const void *bytes, size_t n);
void buf_add_str(struct buf *buf, struct str s);
void buf_addz(struct buf *buf, const char *text);
void buf_add_char(struct buf *buf, char c);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_addvf(struct buf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
void buf_add_quoted(struct buf *buf, struct str word); /* one word, quoted for a shell: 'it'\''s' */
struct str buf_str(const struct buf *buf);             /* valid until the next addition */
