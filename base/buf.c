/* Growing byte buffers with a limit: see buf.h. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void buf_release(struct buf *buf)
{
    free(buf->p);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->n = 0;
    buf->overflow = false;
    if (buf->p)
        buf->p[0] = '\0';
}

/* Makes room for n more bytes and the NUL. False: the limit forbids it. */
static bool reserve(struct buf *buf, size_t n)
{
    if (buf->overflow || (buf->max && n > buf->max - buf->n)) {
        buf->overflow = true;
        return false;
    }
    size_t need = buf->n + n + 1;
    if (need > buf->cap) {
        size_t cap = buf->cap ? buf->cap * 2 : 64;
        while (cap < need)
            cap *= 2;
        buf->p = mem_realloc(buf->p, cap);
        buf->cap = cap;
    }
    return true;
}

void buf_add(struct buf *buf, const void *bytes, size_t n)
{
    if (!reserve(buf, n))
        return;
    if (n)
        memcpy(buf->p + buf->n, bytes, n);
    buf->n += n;
    buf->p[buf->n] = '\0';
}

void buf_add_str(struct buf *buf, struct str s)
{
    buf_add(buf, s.p, s.n);
}

void buf_addz(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

/* Formats into the free part, which is mostly large enough, so that a second pass is rare. */
void buf_addvf(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    size_t room = buf->cap - buf->n;
    va_copy(again, args);
    int n = vsnprintf(buf->p ? buf->p + buf->n : NULL, room, format, args);
    bool fits = n >= 0 && reserve(buf, (size_t)n);
    if (fits && (size_t)n >= room)
        vsnprintf(buf->p + buf->n, (size_t)n + 1, format, again);
    va_end(again);
    if (fits)
        buf->n += (size_t)n;
    else if (buf->p)
        buf->p[buf->n] = '\0';
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_addvf(buf, format, args);
    va_end(args);
}

void buf_add_quoted(struct buf *buf, struct str word)
{
    buf_add_char(buf, '\'');
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] == '\'')
            buf_addz(buf, "'\\''");
        else
            buf_add_char(buf, word.p[i]);
    buf_add_char(buf, '\'');
}

struct str buf_str(const struct buf *buf)
{
    return buf->p ? str_n(buf->p, buf->n) : STR_EMPTY;
}
