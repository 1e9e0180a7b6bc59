/*
 * A Docker Engine: where it is, how to get there, and calls of its API. It is found as the docker client
 * finds it: the provider's settings, else DOCKER_HOST with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, else its
 * current context, else the local socket. `via` leads there through a connection of the stack.
 *
 * engine_open() calls nothing; the first call asks the Engine which versions of the API it speaks. Calls may
 * be made from every thread. Errors bear the Engine's own words, with the class that the HTTP status means:
 * 404 is ERR_ABSENT, 409 ERR_EXISTS, 304 (it is so already) none.
 */
#pragma once

#include "provider/http/http.h"
#include "provider/provider.h"
#include "provider/weir/command.h"

struct engine;

int engine_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void engine_close(void *self);
/* The settings that the provider was opened with. */
const struct value *engine_settings(const struct engine *engine);
struct engine *engine_of(const struct op_ctx *ctx);

/* Which Engine it is, by its own id; as provider_kind has them. */
int engine_location(void *self, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **location, struct err *err);
const char *engine_location_difference(
    const struct schema *schema, const struct value *then, const struct value *now);
const struct value *engine_location_settings(
    const struct value *location, const struct value *config, struct arena *arena);
struct str engine_location_text(const struct value *location, struct arena *arena);

struct engine_call {
    const char *method;
    struct str path;          /* "/containers/json?all=true": begins after the version */
    const struct value *body; /* as JSON; NULL: none */
    struct str bytes;         /* or this, of that type */
    const char *type;
    int64_t (*source)(void *ctx, void *bytes, size_t n); /* or what this gives (http.h) */
    void *source_ctx;
    struct str registry_auth; /* X-Registry-Auth, in base64; "" none */
    int (*sink)(
        void *ctx, const void *bytes, size_t n); /* takes the answer as it comes; NULL: JSON is expected */
    void *sink_ctx;
    void (*tick)(void *ctx); /* called by the asking thread some times a second, meanwhile; NULL: never */
    void *tick_ctx;
    struct buf *raw;     /* takes the answer as it is; NULL: likewise */
    int64_t timeout_ms;  /* without a byte of an answer; 0: a minute */
    int64_t deadline_ms; /* in all; 0: none. Then ERR_TIMEOUT */
    bool sensitive;      /* bodies hold secrets */
    bool repeatable;     /* a plain read */
    const char *label;   /* for -v: "containers.create" */
};

/* *answer is NULL where there is nothing in it; it may be NULL itself. */
int engine_ask(
    struct op_ctx *ctx, const struct engine_call *call, const struct value **answer, struct err *err);
/* A read; absent is no error: *answer is NULL then. */
int engine_get(struct op_ctx *ctx, struct str path, const struct value **answer, struct err *err);
/* POST without an answer that matters. */
int engine_post(struct op_ctx *ctx, struct str path, const struct value *body, struct err *err);

/* "/containers/NAME/json" of "/containers/%s/json": what stands for %s is encoded. */
struct str engine_path(struct arena *arena, const char *format, struct str name);
/* The same with ?KEY=VALUE, or & after the first. */
void engine_query(struct buf *path, const char *key, struct str value);

/* ---- engine.c: Where an Engine is: shared by engine.c and engine.c. */
struct engine {
    struct http_engine *http;
    struct reach *reach;
    const struct value *settings;
    struct str host;      /* as configured: "tcp://build.example:2376" */
    struct str authority; /* for the URL */
    struct str target;    /* behind a connection: what is to be reached, a host or a socket there */
    int target_port;
    struct str via;          /* that connection; "" none */
    const char *unix_socket; /* of this machine; NULL: none */
    int local_port;          /* of this machine, which leads there; 0: none */
    bool tls, insecure;
    const char *ca, *cert, *key;
    const atomic_bool *cancel; /* which Engine it is, is not asked any more */
    pthread_mutex_t lock;      /* guards what follows */
    char version[16];          /* "/v1.41"; "" not known yet */
    char id[128];              /* its own; "" not known yet */
};

/* ---- image_build.c: What the Engine says while it builds, pulls or pushes: a line of JSON for each step.
 * The network thread takes the bytes in, the worker that waits shows them, and what the end of it reported is
 * part of the error. */
struct stream {
    struct op_ctx *ctx;
    pthread_mutex_t lock; /* guards `arrived` */
    struct buf arrived;
    struct command_output output;
    struct str step;   /* "Step 3/7 : RUN make" */
    struct str failed; /* what the Engine says went wrong; "" nothing */
    struct str image;  /* id of what was built */
    struct str digest; /* of what was pushed */
    struct str status; /* last shown */
};

/* ---- image.c: Names of images. */
struct image_name {
    struct str registry;   /* "docker.io", "localhost:5000" */
    struct str repository; /* as given, without tag and digest */
    struct str tag;        /* "latest" where none is given; "sha256:…" of a digest */
    bool by_digest;
    struct str whole; /* repository:tag, as the Engine lists it */
};

struct image_name image_name_parse(struct arena *arena, struct str name);

/* ---- client.c: What the docker client is configured to do, in DOCKER_CONFIG or ~/.docker. ---- */

struct client_context {
    struct str host; /* as in `host`; "": the default */
    struct str tls;  /* folder of its certificates; "" none */
};

/* The context of DOCKER_CONTEXT, or the current one. ERR_INVALID where it is not there. */
int client_context(struct arena *arena, struct client_context *out, struct err *err);
/* Who one is to the registry: what `registries` under `providers: docker:` says, else what the
 * docker client knows, by a credential helper or from `docker login`. X-Registry-Auth; never empty, because
 * the Engine wants the header in any case. */
int registry_auth(struct op_ctx *ctx, const struct image_name *name, struct str *out, struct err *err);
