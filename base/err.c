#include "base/err.h"

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

int err_vset(struct err *err, enum err_class class, const char *format, va_list args)
{
    if (!err)
        return -1;
    *err = (struct err){.class = class};
    vsnprintf(err->message, sizeof err->message, format, args);
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
        size_t n = strlen(err->message);
        char text[128];
        snprintf(err->message + n, sizeof err->message - n, ": %s", strerror_r(number, text, sizeof text));
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
    int n = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->message)
        snprintf(err->message + n, sizeof err->message - (size_t)n, ": %.*s",
            (int)(sizeof err->message - (size_t)n - 3 > 0 ? sizeof err->message - (size_t)n - 3 : 0), old);
    return -1;
}

int err_hint(struct err *err, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, format, args);
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
