/*
 * The lock of a state in an object store: a lease that its holder renews.
 *
 * Every time the lock changes hands it gets the next number, as an object of its own: <base>lock/<20-digit
 * number>.json, put only where nothing is there yet. The highest number is the holder; he renews his lease by
 * writing his object again. A lease counts as expired when the store's own clock says that the object has not
 * been written for that long, so nobody's local clock matters. The holder stops by himself before that: a
 * renewal counts only if it was answered within the old lease.
 *
 * Those who share the lock have objects of their own there: <base>lock/shared-<life>.json, with leases of the
 * same kind. An earlier weir refuses to take the lock while there is one.
 */
#pragma once

#include "plan/state/backend.h"
#include "plan/state/s3_client.h"

struct s3_lock;

struct s3_lock *s3_lock_new(
    struct s3_store *store, struct str base, struct str description, int64_t lease_ms);
void s3_lock_free(struct s3_lock *lock);
/* As in backend.h. *first: nobody ever had this lock. */
int s3_lock_take(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *first, struct err *err);
/* *never: nobody ever had the lock, and this one does not: take it alone first. */
int s3_lock_share(
    struct s3_lock *lock, const struct lock_info *who, int64_t timeout_ms, bool *never, struct err *err);
/* Names the one who shares it; "": nobody. */
const char *s3_lock_life(const struct s3_lock *lock);
int s3_lock_is_alive(struct s3_lock *lock, struct str life, bool *alive, struct err *err);
/* Of one who shares it; *alone false: then it runs out. */
int s3_lock_take_alone(struct s3_lock *lock, bool *alone, struct err *err);
void s3_lock_release(struct s3_lock *lock);
int s3_lock_check(struct s3_lock *lock, struct err *err);
int s3_lock_holder(
    struct s3_lock *lock, struct arena *arena, struct lock_info *who, bool *held, struct err *err);
int s3_lock_force(struct s3_lock *lock, struct err *err);
