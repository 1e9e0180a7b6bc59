/*
 * One request to a service, and what handlers of operations need for it.
 *
 * An operation is a row {service, name, handler} in one of the tables that services/registry.c names.
 * Decoding, encoding and error answers follow from the protocol that the service's spec says; REST operations
 * add method, path and the members that do not lie in the body. Input and output are maps under the service's
 * own member names (botocore's), as they lie in JSON; query and path members come as text. Rows go before
 * what specs say.
 *
 * Handlers run on the caller's thread without any lock (but see service_enter()), and may wait as
 * long as services_stopping() is false.
 */
#pragma once

#include "sandbox/control/control.h"

#include <sys/types.h>

struct services;
struct activity;
struct session;
struct service_operation;

/* An answer that is read while it is sent (http/exchange.h), of messages of AWS's event stream. */
struct service_stream {
    ssize_t (*read)(void *ctx, uint64_t position, char *out, size_t n); /* NULL: it is none */
    void *ctx;
    void (*free)(void *ctx);
};

struct service_call {
    struct services *services;
    struct arena *arena;
    struct str region;
    const struct service_operation *operation;
    enum wire_protocol protocol;
    const struct value *input;   /* a map */
    const struct value *output;  /* the handler's answer: a map; NULL: an empty one */
    const struct value *refusal; /* JSON: the whole body of its error; NULL: code and text are all */
    /* REST-JSON: the control plane answers, to a request with these members instead of those that came. */
    const struct value *forward;
    struct service_stream stream;
    bool declined; /* the control plane answers, to the request as it came */
    int status;    /* REST: of the answer; 0: as the spec says, or 200 */
    /* Somebody wants to wait for what this call starts: the handler gives it a reference (activity_keep), and
     * does not wait itself. */
    bool wants_activity;
    struct activity *activity;
    struct str host;              /* where this client found the sandbox; "": the call comes from inside */
    struct str trace;             /* X-Amzn-Trace-Id; "": none */
    struct str request_id;        /* as clients are told it; a handler may have one of its own */
    const struct session *caller; /* a role's session or a user; NULL: the sandbox's own user, or itself */
};

/* 0, or -1 with err->code, http_status and message as the service says it: service_refuse(). */
typedef int service_handler(struct service_call *call, struct err *err);

/* A member of a REST operation that does not lie in the body. */
struct service_place {
    const char *member;
    enum wire_location location;
    const char *name; /* of the parameter or header */
};

struct service_operation {
    const char *service; /* as in credential scopes: "glue", "states" */
    const char *name;    /* "StartJobRun" */
    service_handler *handler;
    const char *http; /* REST only: "POST /2015-03-31/functions/{FunctionName}/invocations" */
    const struct service_place *places; /* ends with {0} */
};

/* control_find() and control_list() in the call's region. */
bool service_find(
    const struct service_call *call, struct str type, struct str reference, struct control_record *out);
struct control_record *service_list(const struct service_call *call, struct str type, size_t *n);
/* The control plane's answer to an operation of the call's service; service_control_same(): to this one as it
 * came, for the handler to work on. */
int service_control(const struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err);
int service_control_same(struct service_call *call, struct err *err);

/* A refusal in the service's words; returns -1. */
int service_refuse(struct err *err, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* "1 validation error detected": a member that does not meet its constraint, "have length at least 1", say.
 * `value`: p NULL says null, "" nothing. */
int service_refuse_member(struct err *err, const char *code, struct str value, const char *member,
    const char *constraint, ...) __attribute__((format(printf, 5, 6)));
/* ValidationException and its kin for a member that must be there: empty text where it is not, with err set.
 */
int service_required(const struct service_call *call, const char *member, struct str *out, struct err *err);
/* A member more of the answer; nothing where the value is null. */
void service_answer(struct service_call *call, const char *member, const struct value *v);
/* Refuses members that are not what the spec's `requests` say, in AWS's words, and by name those that no
 * handler looks at. */
int service_check_members(const struct service_call *call, struct err *err);
/* A number or its text; the fallback where there is none. */
int64_t service_int(const struct value *map, const char *member, int64_t fallback);
/* Is it true, or the text of that, as forms have it? */
bool service_flag(const struct value *map, const char *member);
/* The nearest number from `least` to `most`. */
int64_t service_int_within(
    const struct value *map, const char *member, int64_t fallback, int64_t least, int64_t most);
/* service_int()'s own bound: requests have what they like, and it is calculated with. Milliseconds until the
 * year 5138, and still an int64_t as minutes that become milliseconds. */
#define SERVICE_INT_MOST INT64_C(100000000000000)
/* A time as the protocol writes it: seconds since 1970 in JSON, RFC 3339 otherwise; NULL where ms is 0. */
const struct value *service_time(const struct service_call *call, int64_t wall_ms);
/* One page of a list: tokens are positions as text. *first and *end; the token of the next page or NULL. */
int service_page(const struct service_call *call, const char *token, const char *size, size_t most, size_t n,
    size_t *first, size_t *end, const struct value **next, struct err *err);
/* A list, of which the answer has one page: `member`, and its token as the service writes it (NextToken where
 * `member` has a capital, else nextToken). */
int service_answer_page(
    struct service_call *call, const char *member, const struct value *all, size_t most, struct err *err);
/*
 * The output of a batch, as SQS and SNS answer it: one(call, ctx, entry) for each entry by itself, whose
 * answer goes to Successful; NULL with err: it failed. -1 where the entries are none, too many, or not told
 * apart by their Id: codes of such refusals begin with `prefix`.
 */
typedef const struct value *service_entry(
    struct service_call *call, const void *ctx, const struct value *entry, struct err *err);
int service_batch(struct service_call *call, const struct value *entries, const char *prefix,
    service_entry *one, const void *ctx, struct err *err);

/*
 * A note: what is kept beside a record of the control plane, a map in DIR/jobs/KIND. Another record of that
 * name has none of it: the members `id` and `made` say whose it is. Empty where there is none, or none that
 * can be read: that is not written over. Who changes a note after reading it holds a lock of his own.
 */
const struct value *service_note_read(
    const struct service_call *call, const char *kind, const struct control_record *record);
/* The service's own code for what the sandbox cannot keep. */
int service_unkept(const struct service_call *call, const struct err *why, struct err *err);
int service_note_write(const struct service_call *call, const char *kind, const struct control_record *record,
    const struct value *note, struct err *err);
