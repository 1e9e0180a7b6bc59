/*
 * Run-time failures: a function returns 0 or -1 and, on -1, has filled its last parameter `struct err *`.
 * On success the err is untouched. Context is added on the way up with err_context(), so a message reads
 * outside-in: "creating aws.glue.job bronze: EntityNotFoundException: …".
 *
 * Messages start lowercase, quote the subject and end without a full stop. `hint` says what to do next.
 * Neither ever holds a secret: what is known as one (base/mask.h) is taken out as soon as they are made.
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
    ERR_LOCKED,      /* somebody else holds the state */
    ERR_INTERRUPTED, /* a signal stopped the run */
    ERR_LEFTOVER,    /* destroy --verify found something */
    ERR_IO,          /* a local file or disk */
    ERR_DAMAGED,     /* the state log is not what was written */
    ERR_STALE,       /* the state moved on since the plan was made */
    ERR_NETWORK,     /* no answer, or one cut short */
    ERR_PROTOCOL,    /* an answer that cannot be understood */
    ERR_AUTH,        /* credentials missing, expired or refused */
    ERR_SERVICE,     /* the service refused, finally */
    ERR_ABSENT,      /* the service says: no such thing */
    ERR_EXISTS,      /* the service says: there is one already */
    ERR_THROTTLED,   /* too many requests, beyond the retries */
    ERR_TIMEOUT,     /* waited as long as was allowed */
    ERR_CLASS_COUNT
};

struct err {
    enum err_class class;
    bool retryable;      /* the same request may succeed later */
    bool lost;           /* the request may have been executed, but no whole answer to it came */
    bool unsure;         /* an earlier attempt was lost so, whatever became of this one */
    bool everywhere;     /* not one request's fault: every other would fail like this */
    unsigned short root; /* length of the message without the contexts in front of it */
    int http_status;     /* 0 where there was no answer */
    char code[96];       /* the service's error code, or "" */
    char request_id[96]; /* the service's request id, or "" */
    char message[2048];  /* AWS lists what there may be */
    char hint[512];
};

#define ERR_INIT                                                                                             \
    {                                                                                                        \
        0                                                                                                    \
    }
/* For a call whose failure nobody looks at. */
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
/* For a failure that was looked at first: *err (which may be NULL) is that one. Returns -1. */
int err_raise(struct err *err, const struct err *failure);

/* Takes secrets out of what was filled in otherwise, such as the code and the id that a service gives. */
void err_mask(struct err *err);
/* The message without contexts: what is the same of two failures with one cause. */
const char *err_root(const struct err *err);

/* Name in --json events ("locked"), and the exit status of a command that ends with this class. */
const char *err_class_name(enum err_class class);
int err_exit_status(enum err_class class);

#endif
