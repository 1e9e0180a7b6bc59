/*
 * Converts compose files to stacks: the containers that `docker compose` would start, as docker.* resources
 * in the order and style of a hand-written stack.
 *
 * Features that a stack does not have give a warning at their place in the compose file. Variables become
 * inputs. Values that look like secrets are never written; they become required inputs.
 */
#pragma once

#include "cmd/import/draft.h"

/* ---- shared by the files of this folder ---- */
/* The input for a variable or a secret. */
struct compose_input {
    struct str name;
    const struct value *fallback; /* the default; NULL: required */
    const char *type;             /* "string" */
    bool sensitive;
};

struct compose {
    struct arena *arena;
    struct diags *diags;
    const struct node *root;
    struct str dir; /* the compose file's folder */
    struct str project;
    struct map inputs;   /* name -> struct compose_input * */
    struct map defaults; /* variables of .env: name -> NUL-terminated text */
    struct map names;    /* of resources: "volume data" -> name */
    struct map taken;
    struct draft draft;
    bool default_network; /* a service uses it */
    bool touched_secret;  /* the last expanded text contains a secret input */
};

/* ---- text.c ---- */

/* Converts ${VAR:-x} and similar forms to inputs, and escapes other text that looks like an expression of
 * weir. */
struct str compose_expand(struct compose *c, const struct node *node, struct str text);
/* Converts a scalar: strings are expanded, numbers and booleans kept. Returns NULL for null. */
const struct value *compose_scalar(struct compose *c, const struct node *node);
struct str compose_text(struct compose *c, const struct node *node);
/* Replaces a secret in the file by an input with this name. */
struct str compose_hide(struct compose *c, const struct node *node, struct str name, struct str secret);
/* Creates an input for a secret that is not in the file. */
struct str compose_secret(struct compose *c, struct str name);
bool compose_is_secret(struct str key, struct str text);
/* Calls `take` for each entry of a map or a list of KEY=VALUE. */
void compose_pairs(struct compose *c, const struct node *node,
    void (*take)(struct compose *c, struct str key, const struct node *node, struct str text, void *ctx),
    void *ctx);
/* Convert a list of strings, which may be one string, and a map of strings, which may be a list of
 * KEY=VALUE. */
const struct value *compose_list(struct compose *c, const struct node *node);
const struct value *compose_map(struct compose *c, const struct node *node);
/* Splits a command line into words, as a shell would. */
const struct value *compose_words(struct compose *c, const struct node *node);
void compose_read_env(struct compose *c);
/* Reads KEY=VALUE lines of a file. Returns false if it does not exist. */
bool compose_env_file(struct compose *c, struct str path,
    void (*take)(struct compose *c, struct str key, struct str text, void *ctx), void *ctx);
/* Adds a warning at the node. */
void compose_warn(struct compose *c, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- include.c ---- */

/* Returns the file merged with its includes. Errors are added to the diagnostics. */
struct node *compose_include(struct compose *c, struct node *root);

/* Returns the resource name for a service, volume, …: its own name unless that is taken. */
struct str compose_name(struct compose *c, const char *kind, struct str name);
struct str compose_reference(struct compose *c, const char *kind, struct str name, const char *attr);

/* Resolves `extends` in all services. */
void compose_extend(struct compose *c, struct node *services);

/* ---- compose.c ---- */

/* Add an attribute, or nothing if its value is NULL or empty. Strings have the syntax of stack files. */
void attr_add(struct compose *c, struct tree *attrs, const char *key, const struct value *v);
void attr_add_text(struct compose *c, struct tree *attrs, const char *key, struct str text);
void compose_resource(struct compose *c, struct str name, const char *type, struct tree *attrs);

/* ---- service.c, service_limits.c ---- */

void compose_service(struct compose *c, const struct node_entry *entry);
/* Returns the number of containers of a service; 1 if only a variable tells. */
int64_t compose_replicas(const struct node *service);
const struct value *compose_ports(struct compose *c, const struct node *list);
const struct value *compose_mounts(struct compose *c, const struct node *list);
/* Splits at colons outside of ${…}, into at most `max` parts. */
size_t compose_split(struct str text, struct str *parts, size_t max);

/* ---- compose.c ---- */

/* Return the real name of a network or volume: a reference to its resource, or the literal name if it is
 * external. */
struct str compose_network(struct compose *c, struct str name);
struct str compose_volume(struct compose *c, struct str name);

struct compose_options {
    struct str file;  /* as given by the user */
    struct str stack; /* name of the stack; "": the project's name */
};

/*
 * Appends the text of the stack file. Returns -1 if the compose file cannot be read, with diagnostics or err.
 * The sources of diagnostics are allocated in the arena.
 */
int compose_read(struct arena *arena, const struct compose_options *options, struct diags *diags,
    struct buf *out, struct err *err);

/* ---- service.c, service_limits.c: a service that is being converted to a container. Each function adds the
 * attributes that it is named after. */
struct service {
    struct compose *c;
    struct str name;
    const struct node *node;
    struct value_builder environment, secret_environment, secrets, files;
};

/* ---- service_limits.c ---- */

void service_networks(struct service *s, struct tree *attrs);
void service_health(struct service *s, struct tree *attrs);
void service_deploy(struct service *s, struct tree *attrs);
const struct value *service_seconds(struct compose *c, const struct node *node);
const struct value *service_ulimits(struct compose *c, const struct node *node);
const struct value *service_hosts(struct compose *c, const struct node *node);
const struct value *service_tmpfs(struct compose *c, const struct node *node);
