/* Messages over two descriptors: see channel.h. */
#include "cmd/rpc/channel.h"

#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { HEADER_MAX = 4096 };

static struct str unread(const struct channel *channel)
{
    return str_slice(buf_str(&channel->read), channel->at, channel->read.n);
}

/* False: there is no more. */
static bool read_more(struct channel *channel)
{
    char piece[65536];
    ssize_t n;
    while ((n = read(channel->in, piece, sizeof piece)) < 0 && errno == EINTR)
        continue;
    if (n > 0)
        buf_add(&channel->read, piece, (size_t)n);
    return n > 0;
}

/* Forgets what was handed out; where that is most of it, so that not every message moves the next ones. */
static void drop_read(struct channel *channel)
{
    struct buf *buf = &channel->read;
    if (!channel->at || channel->at < buf->n / 2)
        return;
    memmove(buf->p, buf->p + channel->at, buf->n - channel->at);
    buf->n -= channel->at;
    channel->at = 0;
}

static bool read_length(struct str header, size_t max, size_t *length)
{
    bool found = false;
    while (header.n) {
        struct str value, name = str_cut(str_trim(str_cut(header, '\n', &header)), ':', &value);
        int64_t n;
        if (!str_ieq(str_trim(name), STR("Content-Length")))
            continue;
        if (found || !str_to_int(str_trim(value), &n) || n < 0 || (uint64_t)n > max)
            return false;
        *length = (size_t)n;
        found = true;
    }
    return found;
}

/* Where the header ends: after the empty line; 0: it has not come yet. */
static size_t header_end(struct str text)
{
    ptrdiff_t at = str_find(text, STR("\r\n\r\n"), 0);
    return at < 0 ? 0 : (size_t)at + 4;
}

/* Blank lines between messages mean nothing. */
static enum channel_found next_line(struct channel *channel, struct str *text)
{
    size_t seen = 0;
    for (;;) {
        struct str all = unread(channel);
        ptrdiff_t end = str_find_char(all, '\n', seen);
        channel->wrong = "a message is too long";
        if ((end < 0 ? all.n : (size_t)end) > channel->max)
            return CHANNEL_BROKEN;
        if (end >= 0) {
            *text = str_trim(str_slice(all, 0, (size_t)end));
            channel->at += (size_t)end + 1;
            seen = 0;
            if (text->n)
                return CHANNEL_MESSAGE;
            continue;
        }
        seen = all.n;
        channel->wrong = "a message has no end";
        if (!read_more(channel))
            return all.n ? CHANNEL_BROKEN : CHANNEL_END;
    }
}

static enum channel_found next_with_header(struct channel *channel, struct str *text)
{
    size_t header, length = 0;
    while (!(header = header_end(unread(channel)))) {
        channel->wrong = "a header has no end";
        if (unread(channel).n > HEADER_MAX)
            return CHANNEL_BROKEN;
        bool whole = !unread(channel).n;
        if (!read_more(channel))
            return whole ? CHANNEL_END : CHANNEL_BROKEN;
    }
    channel->wrong = "a header has no Content-Length that could be read";
    if (!read_length(str_slice(unread(channel), 0, header), channel->max, &length))
        return CHANNEL_BROKEN;
    channel->wrong = "a message ends too early";
    while (unread(channel).n < header + length)
        if (!read_more(channel))
            return CHANNEL_BROKEN;
    *text = str_slice(unread(channel), header, header + length);
    channel->at += header + length;
    return CHANNEL_MESSAGE;
}

enum channel_found channel_next(struct channel *channel, struct str *text)
{
    drop_read(channel);
    return channel->lines ? next_line(channel, text) : next_with_header(channel, text);
}

bool channel_waiting(const struct channel *channel)
{
    struct pollfd in = {.fd = channel->in, .events = POLLIN};
    return unread(channel).n || (poll(&in, 1, 0) > 0 && (in.revents & POLLIN));
}

void channel_send(struct channel *channel, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!channel->lines)
        buf_addf(&out, "Content-Length: %zu\r\n\r\n", text.n);
    buf_add_str(&out, text);
    if (channel->lines)
        buf_add_char(&out, '\n');
    if (fd_write_all(channel->out, out.p, out.n, ERR_IGNORED, "the client"))
        channel->failed = true;
}

void channel_release(struct channel *channel)
{
    buf_release(&channel->read);
}
