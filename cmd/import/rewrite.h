/*
 * What a template says in a short way, or in another place than weir does, written out before it is read:
 * SAM's types and globals as what they stand for (serverless.c), a bucket's notifications as a resource of
 * their own, a state machine's substitutions where they are used.
 */
#pragma once

#include "cmd/import/template.h"

/* The template's root, another where anything was to be written out. */
const struct node *template_rewrite(struct template *t, const struct node *root);

/* ---- include.c ---- */

/* With what AWS::Include names in the places where it does; before anything else is read. */
const struct node *template_include(struct template *t, const struct node *root);

/* ---- serverless.c ---- */

bool serverless_is(const struct node *root);
const struct node *serverless_expand(struct template *t, const struct node *root);
