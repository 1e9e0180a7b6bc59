/*
 * Run-time failures: a function returns 0 or -1 and, on -1, has filled its last parameter `struct err *`. On
 * success the err is untouched. Callers put context in front of the message with err_context(): "creating
 * aws.glue.job bronze: EntityNotFoundException: …".
 *
 * Messages start lowercase, quote the subject and end without a full stop. `hint` says what to do next.
 * Neither ever contains a secret: known secrets (base/mask.h) are masked when the texts are set.
 *
 * Mistakes in the user's files are diagnostics (base/diag.h), not errs. Bugs are assertions.
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_class {
    ERR_NONE,
    ERR_FAILED,      /* anything without a class of its own */
    ERR_INVALID,     /* the stack, an input or a specification is wrong */
    ERR_USAGE,       /* the command line is wrong */
    ERR_LOCKED,      /* another run holds the lock of the state */
    ERR_INTERRUPTED, /* a signal stopped the run */
    ERR_LEFTOVER,    /* destroy --verify found remaining resources */
    ERR_IO,          /* a local file or disk */
    ERR_DAMAGED,     /* the state log is damaged */
    ERR_STALE,       /* the state has changed since the plan was made */
    ERR_NETWORK,     /* no response, or an incomplete one */
    ERR_PROTOCOL,    /* a response that cannot be parsed */
    ERR_AUTH,        /* credentials missing, expired or rejected */
    ERR_SERVICE,     /* the service rejected the request, finally */
    ERR_ABSENT,      /* the service: the object does not exist */
    ERR_EXISTS,      /* the service: the object already exists */
    ERR_THROTTLED,   /* too many requests, after all retries */
    ERR_TIMEOUT,     /* the time limit has passed */
    ERR_CLASS_COUNT
};

struct err {
    enum err_class class;
    bool retryable;      /* the same request may succeed later */
    bool lost;           /* the request may have been executed, but no complete response was received */
    bool unsure;         /* an earlier attempt was `lost`, whatever the result of the last one */
    bool everywhere;     /* not specific to the request: every other request would fail, too */
    unsigned short root; /* length of the message without its contexts */
    int http_status;     /* 0: no response */
    char code[96];       /* the service's error code, or "" */
    char request_id[96]; /* the service's request id, or "" */
    char message[2048];  /* long, since AWS's messages list all allowed values */
    char hint[512];
};

#define ERR_INIT                                                                                             \
    {                                                                                                        \
        0                                                                                                    \
    }
/* For a call whose failure is ignored. */
#define ERR_IGNORED (&(struct err)ERR_INIT)

/* Fills err (which may be NULL) and returns -1. */
int err_set(struct err *err, enum err_class class, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int err_vset(struct err *err, enum err_class class, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));
/* err_set with ": " and the text of errno. */
int err_errno(struct err *err, enum err_class class, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Both return -1, so that a failing call can end with them. */
int err_context(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
int err_hint(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Copies a failure that the caller has examined first to *err (which may be NULL). Returns -1. */
int err_raise(struct err *err, const struct err *failure);

/* Masks secrets in fields that were set directly, such as the service's code and request id. */
void err_mask(struct err *err);
/* Returns the message without its contexts, which is equal for failures with the same cause. */
const char *err_root(const struct err *err);

/* The name in --json events ("locked"), and the exit status of a command that ends with this class. */
const char *err_class_name(enum err_class class);
int err_exit_status(enum err_class class);

#endif
