/*
 * Compose files, read as stacks: what `docker compose` would bring up, as resources of docker.*, in the
 * order and words that somebody would write them in.
 *
 * What a stack cannot say is a warning at its place in the compose file. Variables become inputs. What sounds
 * like a secret is never written: it becomes an input that has to be given.
 */
#pragma once

#include "base/map.h"
#include "base/yaml.h"

/* ---- Shared by the files of this folder. */
/* What a variable, or a secret, has become. */
struct compose_input {
    struct str name;
    const struct value *fallback; /* NULL: it has to be given */
    const char *type;             /* "string" */
    bool sensitive;
};

struct compose {
    struct arena *arena;
    struct diags *diags;
    const struct node *root;
    struct str dir; /* the compose file's */
    struct str project;
    struct map inputs;   /* name -> struct compose_input */
    struct map defaults; /* of .env: variable -> its text, NUL-ended */
    struct map names;    /* of resources: "volume data" -> the name */
    struct map taken;
    struct buf resources;
    bool default_network; /* somebody is in it */
    bool touched_secret;  /* the text expanded last has a secret input in it */
};

/* ---- text.c ---- */

/* ${VAR:-x} and the like become inputs; what else looks like an expression of ours is escaped. */
struct str compose_expand(struct compose *c, const struct node *node, struct str text);
/* A scalar: texts expanded, numbers and booleans as they are. NULL: null. */
const struct value *compose_scalar(struct compose *c, const struct node *node);
struct str compose_text(struct compose *c, const struct node *node);
/* A secret that is in the file becomes an input of this name. */
struct str compose_hide(struct compose *c, const struct node *node, struct str name, struct str secret);
/* One that is not in the file. */
struct str compose_secret(struct compose *c, struct str name);
bool compose_is_secret(struct str key, struct str text);
/* `map` or a list of KEY=VALUE, as a map of nodes' values; each entry to `take`. */
void compose_pairs(struct compose *c, const struct node *node,
    void (*take)(struct compose *c, struct str key, const struct node *node, struct str text, void *ctx),
    void *ctx);
/* A list of texts, which may be one text; a map of texts, which may be a list of KEY=VALUE. */
const struct value *compose_list(struct compose *c, const struct node *node);
const struct value *compose_map(struct compose *c, const struct node *node);
/* A command line in words, as a shell would. */
const struct value *compose_words(struct compose *c, const struct node *node);
void compose_read_env(struct compose *c);
/* KEY=VALUE lines of a file; false: there is none. */
bool compose_env_file(struct compose *c, struct str path,
    void (*take)(struct compose *c, struct str key, struct str text, void *ctx), void *ctx);
/* A warning at the node. */
void compose_tell(struct compose *c, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- include.c ---- */

/* With all that the file includes. Errors are in the diagnostics. */
struct node *compose_include(struct compose *c, struct node *root);

/* The resource that a service, volume, … becomes: its own name as long as nobody else has it. */
struct str compose_name(struct compose *c, const char *what, struct str name);
struct str compose_reference(struct compose *c, const char *what, struct str name, const char *attr);

/* From then on no service extends another. */
void compose_extend(struct compose *c, struct node *services);

/* ---- compose.c ---- */

struct attr_list {
    struct arena *arena;
    struct {
        const char *key;
        const struct value *value;
    } items[64];
    size_t n;
};
/* Nothing where v is NULL or empty. */
void attr_add(struct attr_list *list, const char *key, const struct value *v);
void attr_add_text(struct attr_list *list, const char *key, struct str text);
void write_resource(struct buf *out, struct str name, const char *type, const struct attr_list *attrs);
void write_scalar(struct buf *out, const struct value *v, bool flow);

/* ---- service.c, service_limits.c ---- */

void compose_service(struct compose *c, const struct node_entry *entry);
/* How many containers of a service there are; 1 also where only a variable says. */
int64_t compose_replicas(const struct node *service);
const struct value *compose_ports(struct compose *c, const struct node *list);
const struct value *compose_mounts(struct compose *c, const struct node *list);
/* Cuts at the colons outside of ${…}; at most `max` parts. */
size_t compose_split(struct str text, struct str *parts, size_t max);

/* ---- compose.c ---- */

/* A network's or volume's real name: of a resource, or as it is where it is somebody else's. */
struct str compose_network(struct compose *c, struct str name);
struct str compose_volume(struct compose *c, struct str name);

struct compose_options {
    struct str file;  /* as the user typed it */
    struct str stack; /* name of the stack; "": the project's */
};

/*
 * Appends the stack file's text. -1 where the compose file cannot be read: diagnostics say why, or err does.
 * What diagnostics point into lives in the arena.
 */
int compose_read(struct arena *arena, const struct compose_options *options, struct diags *diags,
    struct buf *out, struct err *err);

/* ---- service.c: one service on its way to being a container: shared by service*.c. Each function adds
 * the attributes that it is called after. */
struct service {
    struct compose *c;
    struct str name;
    const struct node *node;
    struct value_builder environment, secret_environment, secrets, files;
};

/* ---- service_limits.c ---- */

void service_networks(struct service *s, struct attr_list *attrs);
void service_health(struct service *s, struct attr_list *attrs);
void service_deploy(struct service *s, struct attr_list *attrs);
const struct value *service_seconds(struct compose *c, const struct node *node);
const struct value *service_ulimits(struct compose *c, const struct node *node);
const struct value *service_hosts(struct compose *c, const struct node *node);
const struct value *service_tmpfs(struct compose *c, const struct node *node);
