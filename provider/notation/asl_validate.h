/*
 * What is wrong with a definition in the Amazon States Language, said as Step Functions says it when it
 * refuses one (ValidateStateMachineDefinition): a code, a message and a place. Used before anything is
 * called, and by the sandbox.
 *
 *   asl_validate.c       machines: states, where they lead, whether they can be reached and end
 *   asl_states.c         what each type of state asks for
 *   asl_fields.c         the fields of states: which there are in each query language, and what they hold
 *   asl_validate_map.c   Map in mode DISTRIBUTED
 *   asl_jsonata.c        {% … %}
 *   asl_path*.c          JSONPath, for the interpreter too (sandbox/asl)
 *   asl_call.c           calls of intrinsic functions, likewise
 *   asl_operator.c       the comparisons of Choice, likewise
 *
 * Only what the service surely refuses is said. What is not known yet (VALUE_UNKNOWN) may be anything.
 */
#pragma once

#include "base/arena.h"
#include "base/value.h"

struct asl_diag {
    struct str code; /* SCHEMA_VALIDATION_FAILED … */
    struct str message;
    struct str location;      /* /States/Load/Next */
    const struct value *path; /* the same as keys and indices; a member that is missing is not in it */
    struct str word;          /* what may be a slip of one of the names; "" nothing */
    const struct str *names;
    size_t name_count;
};

struct asl_diags {
    struct arena *arena;
    /* Asked by the interpreter: what it does not know counts as wrong. */
    bool interpreted;
    bool express; /* the workflow's type */
    struct asl_diag *items;
    size_t n, cap;
};

void asl_validate(const struct value *definition, struct asl_diags *diags);
void asl_diags_release(struct asl_diags *diags);
