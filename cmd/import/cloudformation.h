/*
 * CloudFormation's templates, read as stacks: parameters become inputs, mappings and conditions locals,
 * resources weir's own types where these say the same and CloudFormation's otherwise, functions expressions.
 *
 * With a live stack, what it made is adopted: each resource under the id that it has there, the inputs with
 * the stack's parameters as defaults.
 */
#pragma once

#include "cmd/import/draft.h"
#include "cmd/import/look.h"
#include "provider/names/names.h"

struct aws_client;

/* What a live stack is known to have. */
struct template_live {
    struct str name, body;          /* body: its template as it was given */
    const struct value *physical;   /* logical id -> {id, type, status} */
    const struct value *parameters; /* name -> text */
    const struct value *exports;    /* of the whole region: name -> text */
    struct aws_client *client;      /* for the stacks within it */
    struct look look;
};

/* Asks CloudFormation for it. */
int template_live_read(struct aws_client *client, struct arena *arena, struct str stack,
    struct template_live *out, struct err *err);

/* -1: diagnostics say why. `live` NULL: there is none. */
int template_read(
    struct draft *draft, struct names *names, const struct source *source, const struct template_live *live);
