/* Shared by the files that check definitions; see asl_validate.h. */
#pragma once

#include "base/map.h"
#include "provider/notation/asl_text.h"
#include "provider/notation/asl_validate.h"

/* The way to a place, from its end. */
struct asl_step {
    const struct asl_step *up;
    const struct value *step; /* key or index */
};

/* A state machine, a branch or a Map's processor, while it is looked at. */
struct asl_scan {
    struct asl_diags *diags;
    struct str at;              /* location */
    const struct asl_step *way; /* the same */
    const struct value *states; /* of this machine */
    struct map *names;          /* of all machines: a name is used once */
    bool whole_jsonata;         /* the outermost machine's query language */
    bool jsonata;               /* the query language of what is looked at; of machines, of their states */
};

/* What has fields: the types of states, and what stands in Retry and Catch. */
enum {
    TASK = 1,
    PARALLEL = 2,
    MAP = 4,
    PASS = 8,
    WAIT = 16,
    CHOICE = 32,
    SUCCEED = 64,
    FAIL = 128,
    WORK = TASK | PARALLEL | MAP,
    GOES = WORK | PASS | WAIT,
    DATA = GOES | CHOICE | SUCCEED,
    EVERY = DATA | FAIL,
    RETRIER = 256,
    CATCHER = 512,
};

static inline bool asl_is_unknown(const struct value *v)
{
    return v && v->kind == VALUE_UNKNOWN;
}

/* ---- asl_fields.c ---- */

struct asl_diag *asl_diag_add(
    const struct asl_scan *scan, const char *code, const char *member, struct str message);
/* A mistake of the schema, at a member ("": the document itself). */
void asl_wrong(const struct asl_scan *scan, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void asl_unsupported(const struct asl_scan *scan, struct str member, const struct str *names, size_t n);
void asl_required(const struct asl_scan *scan, const char *member);
/* Where a member is; an item of a list there. */
struct asl_scan asl_below(const struct asl_scan *scan, const char *member);
struct asl_scan asl_below_item(const struct asl_scan *scan, const char *member, uint32_t i);

void asl_check_path(const struct asl_scan *scan, const char *member, const struct value *v, bool reference);
/* An Assign of a state, a choice rule or a catcher. */
void asl_check_assigned(const struct asl_scan *scan, const struct value *v);
/* JSONPath: members that end in ".$" hold paths or intrinsics. JSONata: texts may be expressions. */
void asl_check_template(const struct asl_scan *scan, const struct value *v);
bool asl_is_whole(const struct value *v, int64_t from);
/* All that `v` has are fields of the holder, and hold what they should. */
void asl_check_fields(const struct asl_scan *scan, const struct value *v, unsigned holder);
/* Exactly one of several fields, or at most one. */
void asl_check_one_of(
    const struct asl_scan *scan, const struct value *v, const char *const *names, size_t n, bool needed);

/* ---- asl_jsonata.c ---- */

/* NULL: nothing is surely wrong with it. */
const char *asl_jsonata_wrong(struct str text);

/* ---- asl_states.c ---- */

/* A state whose type is known. */
void asl_check_state(const struct asl_scan *scan, const struct value *state, unsigned type);
void asl_check_target(const struct asl_scan *scan, const struct value *v, const char *member);

/* ---- asl_validate.c ---- */

/* All that is within a machine, a branch or a processor. */
void asl_check_machine(const struct asl_scan *outer, const struct value *machine);

/* ---- asl_validate_map.c ---- */

/* What only Maps in mode DISTRIBUTED have, and that they have it right. */
void asl_check_distributed(const struct asl_scan *scan, const struct value *state);
