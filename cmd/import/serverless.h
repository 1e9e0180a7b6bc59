/*
 * SAM (Transform: AWS::Serverless-2016-10-31): each of its resources becomes what it stands for, under the
 * logical ids that AWS's own transform gives, without the hashes at their ends. What that is, is data: forms
 * in cmd/import/serverless/. Here are the globals, the order, and what no form can say.
 */
#pragma once

#include "cmd/import/template.h"

/* ---- Forms: what a short way of saying something stands for, as YAML with gaps that the short way's
 * properties fill (cmd/import/serverless/). Whatever has nothing to be filled with is not there.
 *
 *     Timeout: !in Timeout                     # the property, with its comment
 *     State: !is [Enabled, "false", DISABLED]  # where that property is that; a fourth item: where it is not
 *     TracingConfig: !if [Tracing, {…}]        # where there is such a property; a third item: where not
 *     Role: !first [!in Role, {…}]             # the first that there is
 *     Tags: !made tags                         # what the caller makes
 *     Arn: !sub "arn:…:${TableName}"           # Fn::Sub, in which the names of properties are these
 *     <take>: [Runtime, Handler]               # these properties under their own names
 *     <id>Role: …                              # a text that the caller gave */
struct form {
    struct arena *arena;
    const struct node *in;  /* the properties; NULL: none */
    const struct node *at;  /* where all this is configured */
    struct map texts, used; /* texts: name -> struct str; used: properties that were asked for */
    const struct node *(*make)(struct form *form, struct str what); /* NULL: there is nothing */
    void *ctx;
};

void form_release(struct form *form);
void form_text(struct form *form, const char *name, struct str text);
const struct node *form_in(struct form *form, struct str path);
/* NULL: nothing is there to fill it with. */
const struct node *form_fill(struct form *form, const struct node *data);

/* ---- serverless.c ---- */

/* An event of an API: a path that a function answers. */
struct serverless_route {
    struct str api;  /* logical id */
    struct str path; /* "/orders/{id}" */
    struct str method;
    const struct node *operation;
};

/* A bucket that calls a function. */
struct serverless_notice {
    struct str bucket, permission;
    const struct node *configuration; /* LambdaConfigurations' */
};

struct serverless {
    struct template *t;
    struct arena *arena;
    struct diags *diags;
    const struct node *root, *globals;
    const struct node *types, *events, *policies; /* the forms */
    struct node *resources;                       /* what comes of it all */
    struct node *parameters;
    struct serverless_route *routes;
    size_t route_count, route_cap;
    struct serverless_notice *notices;
    size_t notice_count, notice_cap;
    struct map packages; /* path -> logical id of the artifact: struct str */
    bool asks_for_bucket;
};

/* One of SAM's resources, while it is written out. */
struct macro {
    struct serverless *sam;
    struct str id, type, alias;           /* alias: logical id; "" none */
    const struct node *node;              /* the resource */
    const struct node *properties;        /* with the globals */
    const struct node *event;             /* the one that is being written out; NULL: none */
    struct str stage;                     /* of an API: what its routes' permissions end in */
    struct node *managed, *role_policies; /* what its role needs because of events */
};

/* A form that `in` fills, told of at `at`; released with form_release(). */
void serverless_form(struct macro *macro, const struct node *in, const struct node *at, struct form *form);
/* These are asked for in another way than by a form; whatever else was not is told. */
void serverless_mark_used(struct form *form, const char *const *names);
void serverless_tell_unused(struct macro *macro, struct form *form, const struct node *properties);
/* Everything that the forms make, with the attributes that go for all of it. */
void serverless_put_all(struct macro *macro, struct form *form, const struct node *resources);

/* ---- serverless_rest.c ---- */

void serverless_event(struct macro *macro, const struct node_entry *event);
/* What the role needs by `managed` and `policies` of that. */
void serverless_add_needs(struct macro *macro, struct form *form, const struct node *from);

/* ---- serverless_make.c: what `!made` stands for ---- */

const struct node *serverless_make(struct form *form, struct str what);

/* ---- serverless_make.c, serverless_api.c ---- */

const struct node *serverless_body(struct form *form);
/* POST /orders/{id} as ARNs have it. */
struct str serverless_route_arn(struct arena *arena, struct str method, struct str path);
void serverless_route(struct form *form, const struct node *operation);
/* The API that an event is one of: its logical id; "": it is not in this template. */
struct str serverless_api_of(struct macro *macro, const struct node *event, bool http);
const struct node *serverless_parameters(struct form *form);
const struct node *serverless_security(struct form *form);
const struct node *serverless_caller(struct form *form);
/* The map's values under keys that begin small, as an HTTP API's document has them; empty without one. */
struct node *serverless_small_keys(struct form *form, const struct node *given);
/* The map below that key, to be changed; one more where there is none. */
struct node *serverless_body_part(struct form *form, struct node *map, struct str key);

/* ---- serverless_rest.c: who may call HTTP APIs ---- */

void serverless_http_auth(struct form *form, struct node *body);

/* ---- serverless_rest.c: who may call REST APIs, and from where ---- */

/* Of an event: [{api_key: []}, {Authorizer: [scopes]}]; `auth` is the API's. */
const struct node *serverless_rest_security(struct form *form, const struct node *auth);
/* As whom a function is called for who signs: by default as that one. NULL: as API Gateway. */
const struct node *serverless_rest_caller(struct form *form, const struct node *auth);
/* Adds to an API's document what its routes name, and what browsers ask first. */
void serverless_rest_auth(struct form *form, struct node *body);
void serverless_rest_cors(struct form *form, struct node *body);
