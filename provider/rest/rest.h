/*
 * Services with their own REST API, called as their spec's `provider:` says (docs/rest.md): base path, login,
 * and which of several APIs the server supports.
 *
 * One client for each configured provider. It logs in at the first call; a 401 response later logs in again,
 * once for all threads that received one. Retries are those of provider/aws, simplified: a call that was not
 * processed always, an idempotent call if there was no response or the server is busy. Safe to use from every
 * thread.
 */
#pragma once

#include "provider/http/http.h"
#include "provider/kind.h"
#include "provider/wire/wire.h"

/* ---- resource.c: http.resource: an object of a REST API described in the stack file. Its provider is of any
 * type in this folder. */
extern const struct native rest_natives[];
/* http.response (response.c) */
extern const struct resource_ops rest_response_ops;

/* ---- rest.c ---- */

struct rest_client;

/* The functions of the provider types (provider/kind.h). */
int rest_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void rest_close(void *self);
int rest_send(void *self, const struct kind_call *call, struct arena *arena, struct wire_message *response,
    struct err *err);
/* Tells "api": the API of the head's `apis` that the server supports, which may require a call. */
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

/* Decodes an error response in any of the common formats; the error code is the HTTP status as a string. */
void rest_decode_error(struct arena *arena, const struct wire_message *response, struct err *err);

/* ---- Provider types for services with a REST API, described in specs: provider/<kind>/specs. */
extern const struct provider_kind airflow_kind, grafana_kind, metabase_kind, http_kind;

/* ---- Shared by the files of this folder only. */
/* State of a client for one spec file's `provider:`, merged with the selected one of its `apis`. */
struct rest_session {
    const struct value *head; /* identified by its address */
    const struct value *api;  /* the merged settings; NULL: not known yet */
    struct str name;          /* name of the API; "": there is only one */
    struct str token;         /* "": not logged in */
    uint64_t logins;          /* number of logins: a call refused with an older token does not log in again */
    struct rest_session *next;
};

struct rest_client {
    struct arena arena; /* allocates settings and sessions; guarded by the lock once the client is open */
    struct str name;
    const struct value *config;
    struct http_engine *http;
    struct str url; /* without a final slash */
    int local_port; /* of a tunnel to the service; 0: none */
    bool insecure;
    const char *ca_file;
    pthread_mutex_t lock; /* held during a login: other threads wait for the token */
    struct rest_session *sessions;
};

/* Returns the session of a head, with its API selected and logged in if needed. `refused`: the number of the
 * login whose token was refused; 0: none. */
int rest_session(struct rest_client *client, const struct value *head, uint64_t refused,
    const atomic_bool *cancel, struct rest_session *out, struct err *err);
