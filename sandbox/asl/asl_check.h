/* Shared by the two files that check definitions; see asl.h. */
#ifndef WEIR_SANDBOX_ASL_ASL_CHECK_H
#define WEIR_SANDBOX_ASL_ASL_CHECK_H

#include "base/map.h"
#include "sandbox/asl/asl_internal.h"

/* A state machine, a branch or a Map's processor, while it is looked at. */
struct asl_scan {
    struct asl_diags *diags;
    struct str at;              /* location */
    const struct value *states; /* of this machine */
    struct map *names;          /* of all machines: a name is used once */
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

/* ---- asl_fields.c ---- */

void asl_diag_add(struct asl_diags *diags, const char *code, struct str at, struct str message);
/* A mistake of the schema, at a member ("": the thing itself). */
void asl_wrong(const struct asl_scan *scan, const char *member, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct str asl_place(const struct asl_scan *scan, const char *member);
struct asl_scan asl_below(const struct asl_scan *scan, const char *member);
void asl_check_path(const struct asl_scan *scan, const char *member, const struct value *v, bool reference);
/* An Assign of a state, a choice rule or a catcher. */
void asl_check_assigned(const struct asl_scan *scan, const struct value *v);
/* Members that end in ".$" hold paths or intrinsics. */
void asl_check_template(const struct asl_scan *scan, const struct value *v);
bool asl_is_whole(const struct value *v, int64_t from);
/* All that `v` has are fields of the holder, and hold what they should. */
void asl_check_fields(const struct asl_scan *scan, const struct value *v, unsigned holder);
/* Exactly one of several fields, or at most one. */
void asl_check_one_of(
    const struct asl_scan *scan, const struct value *v, const char *const *names, size_t n, bool needed);

/* ---- asl_validate_map.c ---- */

/* What only Maps in mode DISTRIBUTED have, and that they have it right. */
void asl_check_distributed(const struct asl_scan *scan, const struct value *state);

#endif
