/*
 * Forms: what a short way of saying something stands for, as YAML with gaps that the short way's properties
 * fill (cmd/import/serverless/). Whatever has nothing to be filled with is not there.
 *
 *     Timeout: !in Timeout                     # the property, with its comment
 *     State: !is [Enabled, "false", DISABLED]  # where that property is that; a fourth item: where it is not
 *     TracingConfig: !if [Tracing, {…}]        # where there is such a property; a third item: where not
 *     Role: !first [!in Role, {…}]             # the first that there is
 *     Tags: !made tags                         # what the caller makes
 *     Arn: !sub "arn:…:${TableName}"           # Fn::Sub, in which the names of properties are these
 *     <take>: [Runtime, Handler]               # these properties under their own names
 *     <id>Role: …                              # a text that the caller gave
 */
#pragma once

#include "base/map.h"
#include "cmd/import/nodes.h"

struct form {
    struct arena *arena;
    const struct node *in;  /* the properties; NULL: none */
    const struct node *at;  /* where all this is said */
    struct map texts, used; /* texts: name -> struct str; used: properties that were asked for */
    const struct node *(*make)(struct form *form, struct str what); /* NULL: there is nothing */
    void *ctx;
};

void form_release(struct form *form);
void form_text(struct form *form, const char *name, struct str text);
const struct node *form_in(struct form *form, struct str path);
/* NULL: nothing is there to fill it with. */
const struct node *form_fill(struct form *form, const struct node *data);
