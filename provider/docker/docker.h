/*
 * The provider docker: images, containers, networks and volumes of an engine, each a type with
 * operations of one shape.
 */
#pragma once

#include "base/digests.h"
#include "base/match.h"
#include "base/threads.h"
#include "provider/http/http.h"
#include "provider/kind.h"
#include "provider/provider.h"
#include "provider/weir/command.h"

/* ---- engine.c: A Docker Engine: where it is, how to get there, and calls of its API. It is found as the
 * docker client finds it: the provider's settings, else DOCKER_HOST with DOCKER_TLS_VERIFY and
 * DOCKER_CERT_PATH, else its current context, else the local socket. `via` leads there through a connection
 * of the stack.
 *
 * engine_open() calls nothing; the first call asks the Engine which versions of the API it speaks. Calls may
 * be made from every thread. Errors have the Engine's own words, with the class that the HTTP status means:
 * 404 is ERR_ABSENT, 409 ERR_EXISTS, 304 (it is so already) none. */

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

/* ---- network.c: The kind `docker`: containers, and what they need, by the Engine's API. */
extern const struct provider_kind docker_kind;

/* ---- object.c: Marks: labels by which what weir made, or was making, is known again, the same words as
 * AWS's tags have. They are given with the creation, taken out of what users see, and compared before
 * anything is changed or deleted. */
/* The labels that something is made with: the file's (may be NULL) and this intent's ownership labels. */
const struct value *labels_with_ownership(const struct op_ctx *ctx, const struct value *labels);
/* The user's own among them. */
const struct value *labels_without_ownership(struct arena *arena, const struct value *labels);
/* Tells who wants to know. */
void labels_report(struct op_ctx *ctx, struct str id, const struct value *labels);
/* Was it made by the very request that ctx is about? */
bool labels_are_of_intent(const struct op_ctx *ctx, const struct value *labels);
bool labels_are_of_stack(const struct op_ctx *ctx, const struct value *labels);
/* -1 where the labels say that it is another stack's, or not what was made with ours; `done`: "deleted". */
int labels_check(const struct op_ctx *ctx, const struct value *labels, const char *done, struct err *err);
/* filters= of a listing: what has the stack's labels. */
struct str labels_filter(struct arena *arena, struct str stack);

/* ---- object.c: What networks, volumes and containers have in common: each is known by its name, has
 * labels, and is one document of the Engine's. A table says where those are, and one set of functions,
 * which finds the table by the type that it is called for, looks for, lists, tags and deletes all of
 * them. */
struct resource {
    const char *what;    /* "network" */
    const char *path;    /* "/networks/%s" */
    const char *remove;  /* likewise, for DELETE */
    const char *listing; /* "/networks" */
    const char *items;   /* where the listing has them; NULL: it is a list */
    const char *labels;  /* "Labels", or below another: "Config.Labels" */
    bool inherits;       /* some of its labels are its image's */
    /* What the document says, as attributes; `prior` (may be NULL) has the spellings that people chose. */
    const struct value *(*decode)(
        struct op_ctx *ctx, const struct value *document, const struct value *prior);
};
extern const struct resource docker_network, docker_volume, docker_image, docker_container;

/*
 * Of a map that has defaults in it (an image's variables and labels) what the file gives, which is `prior`'s;
 * all of it where nothing is known of the file, as when something is imported.
 */
const struct value *resource_given(
    struct op_ctx *ctx, const struct value *map, const struct value *prior, const char *attr);
/* Text, or what else, at a path of a document: "Config.Labels". */
const struct value *resource_at(const struct value *document, const char *path);

/* The document by name, or NULL. */
int resource_look(
    struct op_ctx *ctx, const struct value *object, const struct value **document, struct err *err);
/* As resource_ops have them. */
int resource_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err);
/* Nothing of it can be changed in place but how weir deals with it. */
int resource_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err);
int resource_find(struct op_ctx *ctx, const struct attempt *attempt, const struct value *desired,
    const struct value **live, struct err *err);
int resource_ownership_tags(
    struct op_ctx *ctx, const struct value *object, const struct value **owner_tags, struct err *err);
int resource_list_owned(
    struct op_ctx *ctx, bool unreported, resource_found *found, void *found_ctx, struct err *err);
int resource_delete(struct op_ctx *ctx, unsigned teardown, const struct value *prior, struct err *err);
/* For documents that say in a listing all they say. */
int resource_list_all(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err);
/* The listing's documents. */
int resource_list(struct op_ctx *ctx, struct str filter, const struct value **items, struct err *err);

/*
 * POST that makes it. Where the name is taken it may be by an earlier request of this very intent, whose
 * answer was lost: that one is gone on with.
 */
int resource_create(
    struct op_ctx *ctx, struct str path, const struct value *body, struct str name, struct err *err);

/* For messages: what is a container to the Engine. */
struct str resource_name(const struct value *object);

/* ---- The operations of each type of specs/docker.yaml that says `native`, and the kind that they belong
 * to. */
extern const struct resource_ops docker_network_ops, docker_volume_ops, docker_image_ops,
    docker_container_ops;

/* ---- image.c: Shared by image*.c. */
/* ---- image_build.c ---- */

/* Is it built from a folder, rather than pulled? */
bool image_is_built(const struct value *object);
/* As resource_ops.prepare: `content`, the hash of all that it is built from. */
int image_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err);
/* Sends the folder and builds; the image has the name then. */
int image_build(struct op_ctx *ctx, const struct value *desired, struct err *err);

/* ---- image_build.c: to and from registries ---- */

int image_pull(struct op_ctx *ctx, const struct value *desired, struct err *err);
/* Under its name and each of `tags`. */
int image_push(struct op_ctx *ctx, const struct value *desired, struct err *err);
int image_tag(struct op_ctx *ctx, struct str image, struct str name, struct err *err);
/* Takes a name away; with the last one the image goes. Gone already is success. */
int image_untag(struct op_ctx *ctx, struct str name, struct err *err);

/* ---- container.c: Shared by container*.c. A container is made of attributes that are one to one in the
 * Engine's documents; a table says where (container_fields.c), and what the spelling of each is. What
 * people wrote ("512m", "1m30s", a port without its address) is kept as long as it means what the Engine
 * has. */
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
/* {"80/tcp": {}}: what goes along with the former. */
const struct value *part_exposed(struct op_ctx *ctx, const struct value *ports);
const struct value *part_mounts_out(struct op_ctx *ctx, const struct value *v);
const struct value *part_mounts_in(struct op_ctx *ctx, const struct value *v, const struct value *prior);
/* One network of a container, as its endpoint. */
const struct value *part_endpoint(struct op_ctx *ctx, const struct value *network);
const struct value *part_networks_in(
    struct op_ctx *ctx, const struct value *document, const struct value *prior);

/* ---- container_fields.c ---- */

/* The body that makes it. */
const struct value *container_body(struct op_ctx *ctx, const struct value *desired);
const struct value *container_decode(
    struct op_ctx *ctx, const struct value *document, const struct value *prior);
/* Of `changed` what POST /update takes, as its body; empty where there is nothing. */
const struct value *container_changes(
    struct op_ctx *ctx, const struct value *desired, const struct value *changed, struct err *err);
/* Is it as it is to be: running, or ended well where that is what is waited for? */
bool container_is_up(struct str status, int64_t exit_code, const struct value *object);

/* ---- container_parts.c ---- */

int container_connect(struct op_ctx *ctx, struct str id, const struct value *network, struct err *err);
/* Brings its networks from those to these. */
int container_rewire(struct op_ctx *ctx, struct str id, const struct value *prior,
    const struct value *desired, struct err *err);

/* ---- context.c: Build contexts: the files of a folder as the Engine gets them, without what .dockerignore
 * keeps out, and the same, byte for byte, wherever they are sent from: sorted by name, owners and times
 * fixed, modes 0755 or 0644. Links stay links, empty folders are there.
 *
 * Order of calls: context_scan(), context_hash(), then context_digest() says what it is made of; tar_open()
 * gives its bytes. A file that changes meanwhile makes the call fail with `changed` set; who
 * calls begins anew. */

enum context_kind { CONTEXT_FILE, CONTEXT_FOLDER, CONTEXT_LINK };

struct context_entry {
    struct str path;   /* in the context */
    struct str source; /* on disk, with a NUL after its end; "" where `text` is all there is */
    struct str text;   /* content, or where a link leads */
    enum context_kind kind;
    bool executable;
    int mode;     /* 0: as executable says */
    int uid, gid; /* owners */
    int64_t size;
    struct file_id id;
    unsigned char sha256[SHA256_SIZE];
};

struct context {
    struct arena *arena;
    struct context_entry *entries; /* heap */
    size_t n, cap;
    int64_t bytes;
    atomic_bool changed;
    const atomic_bool *cancel; /* may be NULL */
};

void context_init(struct context *context, struct arena *arena);
void context_release(struct context *context);
/* `dockerfile` within the folder. ERR_INVALID where it is not there, or for what cannot be sent. */
int context_scan(struct context *context, struct str folder, struct str dockerfile, struct err *err);
int context_hash(struct context *context, struct digests *digests, struct err *err);
/* SHA-256 over all of it and `more`, in hex. */
struct str context_digest(const struct context *context, struct str more);
/* One file made of a text. */
struct context_entry *context_add_text(struct context *context, struct str path, struct str text, int mode);
/* Opens a file, if it is still the one that was scanned. */
int context_open_file(struct context *context, const struct context_entry *entry, int *fd, struct err *err);
int context_check_file(struct context *context, const struct context_entry *entry, int fd, struct err *err);

/* ---- context.c ---- */

/* The rules of .dockerignore; Docker reads them otherwise than git reads its own. */
struct dockerignore {
    struct glob_rule *items; /* heap */
    size_t n, cap;
    bool takes_back; /* has a rule with `!`: what is below an ignored folder may be wanted */
};

/* DOCKERFILE.dockerignore goes before .dockerignore. */
void dockerignore_add(struct dockerignore *rules, struct arena *arena, struct str line);
/* Is the path kept out? */
bool dockerignore_says(const struct dockerignore *rules, struct str path);
void dockerignore_release(struct dockerignore *rules);

/* ---- image_build.c: The bytes of a context as a tar archive, made while they are sent: neither in memory
 * nor on disk as a whole.
 *
 * Order of calls: tar_open(); tar_read() until it gives 0, by one thread, which may be another one than the
 * opener; tar_close(). What went wrong is in `err` when tar_read() has given -1. */
struct tar;

int tar_open(struct context *context, struct tar **out, struct err *err);
/* As http_request.source. */
int64_t tar_read(void *tar, void *bytes, size_t n);
const struct err *tar_failure(const struct tar *tar); /* NULL: none */
int64_t tar_sent(const struct tar *tar);
void tar_close(struct tar *tar);
