/*
 * Attributes that are in a language of their own (`language:` in a spec, see docs/specs.md): what a service
 * would refuse of their values. Used before anything is called, and by the sandbox. Only what is surely
 * refused is said; what is not known yet (VALUE_UNKNOWN) may be anything. Pure.
 */
#pragma once

#include "base/arena.h"
#include "base/value.h"

struct notation_issue {
    struct str message;       /* "state \"Load\": …" */
    const struct value *path; /* keys and indices to where it is */
    struct str word;          /* may be a slip of one of the names; "" nothing */
    const struct str *names;
    size_t name_count;
    struct str hint; /* what to do; may be empty */
    bool doubt;      /* it is taken, and yet hardly meant */
};

/* Is there a language of that name? */
bool notation_exists(struct str language);
/* What the language's values are called, for people: "state machine". */
const char *notation_subject(struct str language);
/* Is a text of it a JSON document? */
bool notation_is_json(struct str language);
/* Calls `tell` for each mistake; the issue lives as long as the call. */
void notation_check(struct arena *arena, struct str language, const struct value *v,
    void (*tell)(void *ctx, const struct notation_issue *issue), void *ctx);
