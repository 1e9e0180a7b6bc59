#include "base/err.h"

#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int exit_status;
} classes[ERR_CLASS_COUNT] = {
    [ERR_NONE] = {"none", 0},
    [ERR_FAILED] = {"failed", 1},
    [ERR_INVALID] = {"invalid", 3},
    [ERR_USAGE] = {"usage", 3},
    [ERR_LOCKED] = {"locked", 4},
    [ERR_INTERRUPTED] = {"interrupted", 130},
    [ERR_LEFTOVER] = {"leftover", 5},
    [ERR_IO] = {"io", 1},
    [ERR_DAMAGED] = {"damaged", 1},
    [ERR_STALE] = {"stale", 1},
    [ERR_NETWORK] = {"network", 1},
    [ERR_PROTOCOL] = {"protocol", 1},
    [ERR_AUTH] = {"auth", 1},
    [ERR_SERVICE] = {"service", 1},
    [ERR_ABSENT] = {"absent", 1},
    [ERR_EXISTS] = {"exists", 1},
    [ERR_THROTTLED] = {"throttled", 1},
    [ERR_TIMEOUT] = {"timeout", 1},
};

/* What did not fit is cut where a character ends. n: how long it would have been. */
static void cut(char *text, size_t size, int n)
{
    if (n < 0 || (size_t)n < size)
        return;
    size_t first = size - 2; /* of the last character */
    while (first > size - 5 && ((unsigned char)text[first] & 0xc0) == 0x80)
        first--;
    if (!str_is_utf8(str_z(text + first)))
        text[first] = '\0';
}

static void append(char *text, size_t size, const char *more)
{
    size_t n = strlen(text);
    cut(text, size, (int)n + snprintf(text + n, size - n, ": %s", more));
}

int err_vset(struct err *err, enum err_class class, const char *format, va_list args)
{
    if (!err)
        return -1;
    *err = (struct err){.class = class};
    cut(err->message, sizeof err->message, vsnprintf(err->message, sizeof err->message, format, args));
    return -1;
}

int err_set(struct err *err, enum err_class class, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_vset(err, class, format, args);
    va_end(args);
    return -1;
}

int err_errno(struct err *err, enum err_class class, const char *format, ...)
{
    int number = errno;
    va_list args;
    va_start(args, format);
    err_vset(err, class, format, args);
    va_end(args);
    if (err) {
        char text[128];
        append(err->message, sizeof err->message, strerror_r(number, text, sizeof text));
    }
    return -1;
}

int err_context(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    char old[sizeof err->message];
    memcpy(old, err->message, sizeof old);
    va_list args;
    va_start(args, format);
    cut(err->message, sizeof err->message, vsnprintf(err->message, sizeof err->message, format, args));
    va_end(args);
    append(err->message, sizeof err->message, old);
    return -1;
}

int err_hint(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    cut(err->hint, sizeof err->hint, vsnprintf(err->hint, sizeof err->hint, format, args));
    va_end(args);
    return -1;
}

const char *err_class_name(enum err_class class)
{
    return classes[class].name;
}

int err_exit_status(enum err_class class)
{
    return classes[class].exit_status;
}
