/* Run-time failures: see err.h. */
#include "base/err.h"

#include "base/mask.h"

#include <errno.h>

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

/* Copies the text, truncated at the end of a character if it does not fit. */
static void err_put(char *text, size_t size, struct str whole)
{
    struct str fits = str_slice(whole, 0, whole.n < size ? whole.n : size - 1);
    if (fits.n < whole.n) {
        size_t first = fits.n - 1; /* first byte of the last character */
        while (first > fits.n - 4 && ((unsigned char)fits.p[first] & 0xc0) == 0x80)
            first--;
        if (!str_is_utf8(str_slice(fits, first, fits.n)))
            fits.n = first;
    }
    memcpy(text, fits.p, fits.n);
    text[fits.n] = '\0';
}

/* Masks secrets before the text is truncated: half a secret would not be recognised. */
__attribute__((format(printf, 4, 0))) static void err_format(
    char *text, size_t size, const char *more, const char *form, va_list args)
{
    AUTO_BUF struct buf whole = BUF_INIT, shown = BUF_INIT;
    buf_addvf(&whole, form, args);
    if (more)
        buf_addf(&whole, ": %s", more);
    mask_text(&shown, buf_str(&whole));
    err_put(text, size, str_n(shown.p ? shown.p : "", shown.n));
}

int err_vset(struct err *err, enum err_class class, const char *form, va_list args)
{
    if (!err)
        return -1;
    char message[sizeof err->message];
    err_format(message, sizeof message, NULL, form, args);
    *err = (struct err){.class = class};
    memcpy(err->message, message, sizeof message);
    err->root = (unsigned short)strlen(err->message);
    return -1;
}

int err_set(struct err *err, enum err_class class, const char *form, ...)
{
    va_list args;
    va_start(args, form);
    err_vset(err, class, form, args);
    va_end(args);
    return -1;
}

int err_errno(struct err *err, enum err_class class, const char *form, ...)
{
    int number = errno;
    char message[sizeof err->message];
    va_list args;
    if (!err)
        return -1;
    va_start(args, form);
    err_format(message, sizeof message, strerror(number), form, args);
    va_end(args);
    *err = (struct err){.class = class};
    memcpy(err->message, message, sizeof message);
    err->root = (unsigned short)strlen(err->message);
    return -1;
}

int err_context(struct err *err, const char *form, ...)
{
    if (!err)
        return -1;
    char message[sizeof err->message];
    va_list args;
    va_start(args, form);
    err_format(message, sizeof message, err->message, form, args);
    va_end(args);
    memcpy(err->message, message, sizeof message);
    return -1;
}

int err_hint(struct err *err, const char *form, ...)
{
    if (!err)
        return -1;
    char hint[sizeof err->hint];
    va_list args;
    va_start(args, form);
    err_format(hint, sizeof hint, NULL, form, args);
    va_end(args);
    memcpy(err->hint, hint, sizeof hint);
    return -1;
}

int err_raise(struct err *err, const struct err *failure)
{
    if (err)
        *err = *failure;
    return -1;
}

void err_mask(struct err *err)
{
    struct {
        char *text;
        size_t size;
    } all[] = {{err->message, sizeof err->message}, {err->hint, sizeof err->hint},
        {err->code, sizeof err->code}, {err->request_id, sizeof err->request_id}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        AUTO_BUF struct buf shown = BUF_INIT;
        if (!mask_finds(str_z(all[i].text)))
            continue;
        mask_text(&shown, str_z(all[i].text));
        err_put(all[i].text, all[i].size, buf_str(&shown));
    }
}

const char *err_root(const struct err *err)
{
    size_t n = strlen(err->message);
    return err->message + (err->root && err->root < n ? n - err->root : 0);
}

const char *err_class_name(enum err_class class)
{
    return classes[class].name;
}

int err_exit_status(enum err_class class)
{
    return classes[class].exit_status;
}
