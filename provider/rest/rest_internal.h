/*
 * Shared by the files of this folder; not for others.
 */
#pragma once

#include "base/lock.h"
#include "provider/http/http.h"
#include "provider/rest/rest.h"

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

/* The login that goes with the settings; NULL: none is needed. */
const struct value *rest_login(const struct rest_client *client, const struct rest_session *session);

/* Texts with {setting} filled in, at every depth; NULL and an err where one is not set. */
const struct value *rest_fill(struct arena *arena, const struct rest_client *client, struct str token,
    const struct value *template, struct err *err);

/* One request, as it is: `call` is "POST /path". */
int rest_exchange(struct rest_client *client, struct arena *arena, const struct http_request *request,
    struct http_response *response, struct err *err);
