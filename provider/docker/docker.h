/*
 * The provider docker: images, containers, networks and volumes of an engine; the operations of all types
 * have the same form.
 */
#pragma once

#include "base/digests.h"
#include "base/match.h"
#include "base/threads.h"
#include "provider/http/http.h"
#include "provider/kind.h"
#include "provider/package/package.h"
#include "provider/provider.h"
#include "provider/weir/command.h"

/* ---- engine.c: A Docker Engine: its address, its connection, and calls of its API. It is found as by the
 * docker client: the provider's settings, else DOCKER_HOST with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, else
 * the current context, else the local socket. `via` reaches it through a connection of the stack.
 *
 * engine_open() makes no calls; the first call asks the Engine for its API versions. Calls may be made from
 * every thread. Errors have the Engine's message and a class by HTTP status: 404 is ERR_ABSENT, 409
 * ERR_EXISTS, 304 (not modified) is no error. */

struct engine;

int engine_open(const struct provider_options *options, struct arena *arena, void **self, struct err *err);
void engine_close(void *self);
/* Returns the settings that the provider was opened with. */
const struct value *engine_settings(const struct engine *engine);
struct engine *engine_of(const struct op_ctx *ctx);

/* Identify the Engine by its own id; see provider_kind. */
int engine_location(void *self, const struct schema *schema, bool ask, struct arena *arena,
    const struct value **location, struct err *err);
const char *engine_location_difference(
    const struct schema *schema, const struct value *then, const struct value *now);
const struct value *engine_location_settings(
    const struct value *location, const struct value *config, struct arena *arena);
struct str engine_location_text(const struct value *location, struct arena *arena);

struct engine_call {
    const char *method;
    struct str path;          /* "/containers/json?all=true": without the version */
    const struct value *body; /* JSON body; NULL: none */
    struct str bytes;         /* or a body of the type `type` */
    const char *type;
    int64_t (*source)(void *ctx, void *bytes, size_t n); /* or a body from this callback (http.h) */
    void *source_ctx;
    struct str registry_auth; /* X-Registry-Auth, in base64; "": none */
    int (*sink)(
        void *ctx, const void *bytes, size_t n); /* receives the response in pieces; NULL: a JSON response */
    void *sink_ctx;
    void (*tick)(
        void *ctx); /* called by the calling thread several times a second while it waits; may be NULL */
    void *tick_ctx;
    struct buf *raw;     /* receives the raw response; NULL: a JSON response */
    int64_t timeout_ms;  /* time without data; 0: one minute */
    int64_t deadline_ms; /* for the whole call, then ERR_TIMEOUT; 0: none */
    bool sensitive;      /* bodies contain secrets */
    bool repeatable;     /* only reads */
    const char *label;   /* for -v: "containers.create" */
};

/* *answer is NULL if the response is empty; `answer` may be NULL. */
int engine_call(
    struct op_ctx *ctx, const struct engine_call *call, const struct value **answer, struct err *err);
/* Reads; *answer is NULL if the object does not exist, which is not an error. */
int engine_get(struct op_ctx *ctx, struct str path, const struct value **answer, struct err *err);
/* Sends a POST whose response is ignored. */
int engine_post(struct op_ctx *ctx, struct str path, const struct value *body, struct err *err);

/* Returns "/containers/NAME/json" for "/containers/%s/json"; the name is percent-encoded. */
struct str engine_path(struct arena *arena, const char *format, struct str name);
/* Appends ?KEY=VALUE, or &KEY=VALUE after the first. */
void engine_query(struct buf *path, const char *key, struct str value);

/* ---- engine.c: A configured Engine. */
struct engine {
    struct http_engine *http;
    struct ssh_pool *ssh_pool;
    const struct value *settings;
    struct str host;      /* as configured: "tcp://build.example:2376" */
    struct str authority; /* of the URL */
    struct str target;    /* behind a connection: the target host, or socket path */
    int target_port;
    struct str via;          /* the connection's name; "": none */
    const char *unix_socket; /* local socket path; NULL: none */
    int local_port;          /* forwarded loopback port; 0: none */
    bool tls, insecure;
    const char *ca, *cert, *key;
    const atomic_bool *cancel; /* set: the Engine is not asked for its id */
    pthread_mutex_t lock;      /* guards the members below */
    char version[16];          /* "/v1.41"; "": not known yet */
    char id[128];              /* the Engine's id; "": not known yet */
};

/* ---- image_build.c: The Engine's messages during a build, pull or push: a line of JSON for each step. The
 * network thread receives them, the waiting worker thread shows them, and the last ones become part of the
 * error. */
struct stream {
    struct op_ctx *ctx;
    pthread_mutex_t lock; /* guards `arrived` */
    struct buf arrived;
    struct command_output output;
    struct str step;   /* "Step 3/7 : RUN make" */
    struct str failed; /* the Engine's error message; "": none */
    struct str image;  /* id of the built image */
    struct str digest; /* of the pushed image */
    struct str status; /* last progress message */
};

/* ---- image.c: Names of images. */
struct image_name {
    struct str registry;   /* "docker.io", "localhost:5000" */
    struct str repository; /* as given, without tag and digest */
    struct str tag;        /* "latest" if none is given; "sha256:…" of a digest */
    bool by_digest;
    struct str whole; /* repository:tag, as in the Engine's listing */
};

struct image_name image_name_parse(struct arena *arena, struct str name);

/* ---- client.c: The docker client's configuration, in DOCKER_CONFIG or ~/.docker. ---- */

struct client_context {
    struct str host; /* as the setting `host`; "": the default */
    struct str tls;  /* folder of its certificates; "": none */
};

/* Returns the context named in DOCKER_CONTEXT, or the current one. Fails with ERR_INVALID if it does not
 * exist. */
int client_context(struct arena *arena, struct client_context *out, struct err *err);
/* Returns X-Registry-Auth for a registry: from `registries` under `providers: docker:`, else from the
 * docker client's credential helpers or `docker login`. Never empty, because the Engine always requires
 * the header. */
int registry_auth(struct op_ctx *ctx, const struct image_name *name, struct str *out, struct err *err);

/* ---- network.c: The provider type `docker`: containers and what they need, by the Engine's API. */
extern const struct provider_kind docker_kind;

/* ---- object.c: Ownership labels: the same names and values as the ownership tags of AWS resources. They are
 * set at creation, removed from what users see, and checked before any change or deletion. */
/* Returns the configured labels (may be NULL) with this intent's ownership labels. */
const struct value *labels_with_ownership(const struct op_ctx *ctx, const struct value *labels);
/* Returns the labels without ownership labels. */
const struct value *labels_without_ownership(struct arena *arena, const struct value *labels);
/* Reports ownership labels to the observer. */
void labels_report(struct op_ctx *ctx, struct str id, const struct value *labels);
/* True if the labels are of this intent. */
bool labels_are_of_intent(const struct op_ctx *ctx, const struct value *labels);
bool labels_are_of_stack(const struct op_ctx *ctx, const struct value *labels);
/* Returns -1 if the resource belongs to another stack, or lost its ownership labels; `done`: "deleted". */
int labels_check(const struct op_ctx *ctx, const struct value *labels, const char *done, struct err *err);
/* Returns `filters=` for a listing of what has the stack's labels. */
struct str labels_filter(struct arena *arena, struct str stack);

/* ---- object.c: Shared by networks, volumes and containers: each is identified by its name, has labels, and
 * is one document of the Engine. A table has the paths; the same functions read, list and delete all of them,
 * with the table of the type that they are called for. */
struct resource {
    const char *what;    /* "network" */
    const char *path;    /* "/networks/%s" */
    const char *remove;  /* path for DELETE */
    const char *listing; /* "/networks" */
    const char *items;   /* member with the items of the listing; NULL: the listing is a list */
    const char *labels;  /* "Labels", or below another: "Config.Labels" */
    bool inherits;       /* some labels are the image's */
    /* Converts the document to attributes; `prior` (may be NULL) has the configured formats. */
    const struct value *(*decode)(
        struct op_ctx *ctx, const struct value *document, const struct value *prior);
};
extern const struct resource docker_network, docker_volume, docker_image, docker_container;

/*
 * Returns the entries of a map that are configured, as in `prior`; the map may also contain an image's
 * defaults (variables and labels). Returns all entries if nothing is configured, as at an import.
 */
const struct value *resource_given(
    struct op_ctx *ctx, const struct value *map, const struct value *prior, const char *attr);
/* Returns the value at a path of a document: "Config.Labels". */
const struct value *resource_at(const struct value *document, const char *path);

/* Reads the document by name; NULL if it does not exist. */
int resource_look(
    struct op_ctx *ctx, const struct value *object, const struct value **document, struct err *err);
/* Operations of resource_ops. */
int resource_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
/* Only attributes that weir itself uses can be changed in place. */
int resource_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err);
int resource_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int resource_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err);
int resource_list_owned(
    struct op_ctx *ctx, bool unreported, resource_found *found, void *found_ctx, struct err *err);
int resource_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
/* For documents that a listing contains completely. */
int resource_list_all(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err);
/* Returns the documents of the listing. */
int resource_list(struct op_ctx *ctx, struct str filter, const struct value **items, struct err *err);

/*
 * Creates a resource with POST. If the name is taken by an earlier request of this intent, whose response was
 * lost, continues with that resource.
 */
int resource_create(
    struct op_ctx *ctx, struct str path, const struct value *body, struct str name, struct err *err);

/* Returns the resource's name, for messages. */
struct str resource_name(const struct value *object);

/* ---- The operations of the types in specs/docker.yaml with `native`, and their provider type. */
extern const struct resource_ops docker_network_ops, docker_volume_ops, docker_image_ops,
    docker_container_ops;

/* ---- image.c: Shared by image*.c. */
/* ---- image_build.c ---- */

/* True if the image is built from a folder, not pulled. */
bool image_is_built(const struct value *object);
/* resource_ops.prepare: adds `content`, the hash of everything that the image is built from. */
int image_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err);
/* Sends the folder and builds the image with its name. */
int image_build(struct op_ctx *ctx, const struct value *desired, struct err *err);

/* ---- image_build.c: registries ---- */

int image_pull(struct op_ctx *ctx, const struct value *desired, struct err *err);
/* Pushes its name and each of `tags`. */
int image_push(struct op_ctx *ctx, const struct value *desired, struct err *err);
int image_tag(struct op_ctx *ctx, struct str image, struct str name, struct err *err);
/* Removes a name; with the last one the image is deleted. Succeeds if it does not exist. */
int image_untag(struct op_ctx *ctx, struct str name, struct err *err);

/* ---- container.c: Shared by container*.c. A container's attributes correspond one to one to members of the
 * Engine's documents; a table (container_fields.c) has the paths and formats. A configured format ("512m",
 * "1m30s", a port without its address) is kept as long as it is equivalent to the Engine's value. */
/* ---- container_fields.c: single values ---- */

const struct value *spell_size_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_size_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_time_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_time_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_cpus_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_restart_out(struct op_ctx *ctx, const struct value *v);
const struct value *spell_restart_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *spell_caps_out(struct op_ctx *ctx, const struct value *v);

/* ---- container_parts.c: structures ---- */

const struct value *part_health_out(struct op_ctx *ctx, const struct value *v);
const struct value *part_health_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
const struct value *part_ports_out(struct op_ctx *ctx, const struct value *v);
const struct value *part_ports_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
/* Returns {"80/tcp": {}}, required besides the ports. */
const struct value *part_exposed(struct op_ctx *ctx, const struct value *ports);
const struct value *part_mounts_out(struct op_ctx *ctx, const struct value *v);
const struct value *part_mounts_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
/* Returns the endpoint of one network. */
const struct value *part_endpoint(struct op_ctx *ctx, const struct value *network);
const struct value *part_networks_in(
    struct op_ctx *ctx, const struct value *document, const struct value *prior);

/* ---- container_fields.c ---- */

/* Returns the body of the create request. */
const struct value *container_body(struct op_ctx *ctx, const struct value *desired);
const struct value *container_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior);
/* Returns the body of POST /update for those of `changed` that it supports; empty if there are none. */
const struct value *container_changes(
    struct op_ctx *ctx, const struct value *desired, const struct value *changed, struct err *err);
/* True if the container is as desired: running, or ended successfully if that is waited for. */
bool container_is_up(struct str status, int64_t exit_code, const struct value *object);

/* ---- container_parts.c ---- */

int container_connect(struct op_ctx *ctx, struct str id, const struct value *network, struct err *err);
/* Changes its networks from those of `prior` to those of `desired`. */
int container_rewire(struct op_ctx *ctx, struct str id, const struct value *prior,
    const struct value *desired, struct err *err);

/* ---- context.c: Build contexts: packages (provider/package) of a folder's files without those that
 * .dockerignore excludes, reproducibly: sorted by name, with fixed owners and times, modes 0755 or 0644.
 * Links are kept as links, empty folders are included.
 *
 * Order of calls: context_scan(), package_hash(), then package_digest_context() identifies the content;
 * tar_open() returns its data. If a file changes meanwhile, the call fails with `changed` set; the caller
 * starts again. */

/* Adds the files to an empty package. `dockerfile` is relative to the folder. Fails with ERR_INVALID if it
 * does not exist, or on what cannot be sent. */
int context_scan(struct package *package, struct str folder, struct str dockerfile, struct err *err);

/* ---- context.c ---- */

/* The rules of .dockerignore, whose syntax differs from .gitignore. */
struct dockerignore {
    struct glob_rules rules;
    bool takes_back; /* has a rule with `!`: files below an ignored folder may be included */
};

/* Adds a line. DOCKERFILE.dockerignore takes precedence over .dockerignore. */
void dockerignore_add(struct dockerignore *rules, struct arena *arena, struct str line);
/* True if the path is excluded. */
bool dockerignore_says(const struct dockerignore *rules, struct str path);
void dockerignore_release(struct dockerignore *rules);

/* ---- image_build.c: A context as a tar archive, generated while it is sent: neither in memory nor on disk
 * as a whole.
 *
 * Order of calls: tar_open(); tar_read() until it returns 0, on one thread, which may differ from the
 * opener's; tar_close(). After tar_read() has returned -1, tar_failure() has the error. */
struct tar;

int tar_open(struct package *package, struct tar **out, struct err *err);
/* See http_request.source. */
int64_t tar_read(void *tar, void *bytes, size_t n);
const struct err *tar_failure(const struct tar *tar); /* NULL: none */
int64_t tar_sent(const struct tar *tar);
void tar_close(struct tar *tar);
