/*
 * Which of a resource's attributes are secret: the last look before they are written. For state.c.
 */
#pragma once

#include "base/value.h"
#include "provider/schema.h"

struct secret_marks {
    struct str id;
    const struct schema *schema; /* says which attributes identify the resource; NULL: not known */
    bool sealed;                 /* there is a key: what is kept as secret can be read again */
    const struct value *given;   /* what the file gives, with its marks; NULL: `intended` says */
    const struct value
        *intended; /* what the open intent was to make, as it stands in the log; NULL: nothing */
    const struct value *recorded; /* the attributes before; NULL: none */
};

/* The attributes, as a map of the outputs too, with all of them marked that are secret. */
const struct value *state_mark_secrets(
    struct arena *arena, const struct value *attrs, const struct secret_marks *marks);
