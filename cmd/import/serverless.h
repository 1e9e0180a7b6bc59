/*
 * SAM (Transform: AWS::Serverless-2016-10-31): expands each resource as AWS's transform does, with the same
 * logical ids except for hashes at the end. The expansions are data: forms in cmd/import/serverless/. The
 * code handles globals, order, and what forms cannot express.
 */
#pragma once

#include "cmd/import/template.h"

/* ---- Forms: the expansion of a short form as YAML with tags that its properties fill
 * (cmd/import/serverless/). Parts without a value are left out.
 *
 *   Timeout: !in Timeout                     # the property, with its comment
 *   State: !is [Enabled, "false", DISABLED]  # if the property has that value; a fourth item: otherwise
 *   TracingConfig: !if [Tracing, {…}]        # if the property exists; a third item: otherwise
 *   Role: !first [!in Role, {…}]             # the first one that exists
 *   Tags: !made tags                         # made by the caller
 *   Arn: !sub "arn:…:${TableName}"           # Fn::Sub, in which names of properties are replaced
 *   <take>: [Runtime, Handler]               # these properties under their own names
 *   <id>Role: …                              # a text of the caller */
struct form {
    struct arena *arena;
    const struct node *in;  /* the properties; NULL: none */
    const struct node *at;  /* the node for source locations */
    struct map texts, used; /* texts: name -> struct str *; used: properties that were used */
    const struct node *(*make)(struct form *form, struct str word); /* returns NULL for nothing */
    void *ctx;
};

void form_release(struct form *form);
void form_text(struct form *form, const char *name, struct str text);
const struct node *form_in(struct form *form, struct str path);
/* Returns NULL if nothing fills the form. */
const struct node *form_fill(struct form *form, const struct node *data);

/* ---- serverless.c ---- */

/* An API event: a path that a function handles. */
struct serverless_route {
    struct str api;  /* logical id */
    struct str path; /* "/orders/{id}" */
    struct str method;
    const struct node *operation;
    const struct node *condition; /* of the resource that answers; NULL: none */
};

/* A bucket notification that calls a function. */
struct serverless_notice {
    struct str bucket, permission;
    const struct node *configuration; /* an item of LambdaConfigurations */
};

struct serverless {
    struct template *t;
    struct arena *arena;
    struct diags *diags;
    const struct node *root, *globals;
    const struct node *types, *events, *policies; /* the forms */
    struct node *resources;                       /* the resulting resources */
    struct node *parameters;
    struct serverless_route *routes;
    size_t route_count, route_cap;
    struct serverless_notice *notices;
    size_t notice_count, notice_cap;
    struct map packages; /* path -> logical id of the artifact, struct str * */
    bool asks_for_bucket;
};

/* A SAM resource that is being expanded. */
struct macro {
    struct serverless *sam;
    struct str id, type, alias;           /* alias: its logical id; "": none */
    const struct node *node;              /* the resource */
    const struct node *properties;        /* with the globals */
    const struct node *event;             /* the event that is being expanded; NULL: none */
    struct str stage;                     /* of an API: the end of its routes' permissions */
    struct node *managed, *role_policies; /* policies that events add to its role */
};

/* Initialises a form with the properties `in` and source locations of `at`; release it with
 * form_release(). */
void serverless_form(struct macro *macro, const struct node *in, const struct node *at, struct form *form);
/* serverless_mark_used() marks properties that code handles; serverless_warn_unused() reports those that were
 * not used. */
void serverless_mark_used(struct form *form, const char *const *names);
void serverless_warn_unused(struct macro *macro, struct form *form, const struct node *properties);
/* Adds all resources of the form, with the attributes that apply to all. */
void serverless_put_all(struct macro *macro, struct form *form, const struct node *resources);

/* ---- serverless_rest.c ---- */

void serverless_event(struct macro *macro, const struct node_entry *event);
/* Adds the role's policies by `managed` and `policies` of the form. */
void serverless_add_needs(struct macro *macro, struct form *form, const struct node *from);

/* ---- serverless_make.c: the values of `!made` ---- */

const struct node *serverless_make(struct form *form, struct str word);

/* ---- serverless_make.c, serverless_api.c ---- */

const struct node *serverless_body(struct form *form);
/* Returns POST /orders/{id} in the form of ARNs. */
struct str serverless_route_arn(struct arena *arena, struct str method, struct str path);
void serverless_route(struct form *form, const struct node *operation);
/* Returns the logical id of the event's API; "": it is not in this template. */
struct str serverless_api_of(struct macro *macro, const struct node *event, bool http);
const struct node *serverless_parameters(struct form *form);
const struct node *serverless_security(struct form *form);
const struct node *serverless_caller(struct form *form);
/* Returns the map with keys in lower camel case, as in an HTTP API's document; empty without a map. */
struct node *serverless_small_keys(struct form *form, const struct node *given);
/* Returns the map below that key for changes; creates it if necessary. */
struct node *serverless_body_part(struct form *form, struct node *map, struct str key);

/* ---- serverless_rest.c: authorization of HTTP APIs ---- */

void serverless_http_auth(struct form *form, struct node *body);

/* ---- serverless_rest.c: authorization and CORS of REST APIs ---- */

/* Returns {name: scopes}; scopes NULL: []. */
struct node *serverless_requirement(struct form *form, struct str name, const struct node *scopes);
/* Returns the security of an event: [{api_key: []}, {Authorizer: [scopes]}]; `auth` is the API's. */
const struct node *serverless_rest_security(struct form *form, const struct node *auth);
/* Returns the credentials with which a function is called for IAM authorization, by default the caller's.
 * NULL: those of API Gateway. */
const struct node *serverless_rest_caller(struct form *form, const struct node *auth);
/* Add the security schemes that the routes use, and CORS preflight, to an API's document. */
void serverless_rest_auth(struct form *form, struct node *body);
void serverless_rest_cors(struct form *form, struct node *body);
