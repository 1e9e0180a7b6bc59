/*
 * A stack within a template becomes a module: a folder with a stack file of its own, which the other's
 * `modules:` names; parameters are its inputs, outputs its outputs. nested.c finds and reads its template,
 * nested_given.c says what it is given, and what it is in the stack that has it.
 */
#pragma once

#include "cmd/import/template.h"

struct nested {
    struct draft draft;
    struct str folder;    /* beside the stack file that names it */
    struct str path;      /* of its template */
    struct map inputs;    /* parameter -> struct parameter */
    struct said *outputs; /* name -> what it is called here */
    struct said *given;   /* input -> what it is given */
};

void nested_give_parameters(struct template *t, const struct thing *thing, struct nested *nested);
/* Whatever else it asks for is asked for out here. */
void nested_give_rest(struct template *t, const struct thing *thing, struct nested *nested);
void nested_tell_unsaid(struct template *t, const struct thing *thing);
