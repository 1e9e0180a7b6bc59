/*
 * Services with a REST API of their own, reached as their spec's `provider:` says (docs/rest.md): where the
 * paths begin, how one logs in, which of several APIs the server has.
 *
 * One client for each configured provider. It logs in when the first call needs it; an answer of 401 in the
 * midst of a run logs in again, once for all who met it. Calls are repeated as provider/aws does it, more
 * simply: what was not processed always, what may be repeated where there was no answer or the server says
 * that it is busy. Safe from every thread.
 */
#pragma once

#include "provider/http/http.h"
#include "provider/kind.h"
#include "provider/wire/wire.h"

/* ---- resource.c: http.resource: an object of a REST API that is described in the stack itself. Its
 * provider is any kind of this folder's. */
extern const struct native rest_natives[];
/* http.response (response.c) */
extern const struct resource_ops rest_response_ops;

/* ---- rest.c ---- */

struct rest_client;

/* Its functions, as a kind has them (provider/kind.h). */
int rest_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void rest_close(void *self);
int rest_send(void *self, const struct kind_call *call, struct arena *arena, struct wire_message *response,
    struct err *err);
/* "api": which one of the head's `apis` the server has, which may have to be asked. */
int rest_tell(void *self, const struct value *head, struct str name, const atomic_bool *cancel,
    struct arena *arena, struct str *out, struct err *err);

extern const struct type rest_settings_type;

#define REST_KIND(symbol, name_, folder)                                                                     \
    static const struct attr symbol##_settings = {                                                           \
        .name = STR_INIT(name_), .type = &rest_settings_type, .settable = true};                             \
    const struct provider_kind symbol = {                                                                    \
        .name = name_,                                                                                       \
        .specs = "provider/" folder "/specs/",                                                               \
        .natives = rest_natives,                                                                             \
        .settings = &symbol##_settings,                                                                      \
        .http = true,                                                                                        \
        .open = rest_open,                                                                                   \
        .close = rest_close,                                                                                 \
        .send = rest_send,                                                                                   \
        .tell = rest_tell,                                                                                   \
    }

/* ---- response.c ---- */

/* What a refusal says, in whichever of the usual ways: its code is the status as text. */
void rest_decode_error(struct arena *arena, const struct wire_message *response, struct err *err);

/* ---- Kinds whose types are services with a REST API, described in specs: provider/<kind>/specs. */
extern const struct provider_kind airflow_kind, grafana_kind, metabase_kind, http_kind;

/* ---- Shared by the files of this folder; not for others. */
/* What one spec file's head says, on this client: its `provider:`, with one of its `apis` over it. */
struct rest_session {
    const struct value *head; /* as given: known by its address */
    const struct value *api;  /* what holds of it; NULL: not known yet */
    struct str name;          /* of that api; "" there is but one */
    struct str token;         /* "" not logged in */
    uint64_t logins;          /* how often: who was refused with an older token logs in no more */
    struct rest_session *next;
};

struct rest_client {
    struct arena arena; /* settings and sessions; guarded by the lock once it is open */
    struct str name;
    const struct value *config;
    struct http_engine *http;
    struct str url; /* without a slash at its end */
    int local_port; /* of a tunnel that leads there; 0: none */
    bool insecure;
    const char *ca_file;
    pthread_mutex_t lock; /* held while somebody logs in: the others wait for the token */
    struct rest_session *sessions;
};

/* The session of a head, with its api known and a token where it needs one. `refused`: the number of the
 * login whose token was refused; 0: none. */
int rest_session(struct rest_client *client, const struct value *head, uint64_t refused,
    const atomic_bool *cancel, struct rest_session *out, struct err *err);
