/*
 * What the rooms of a sandbox find in it: who it is, how it was started, and its parts, which none of them
 * makes. sandbox.c, which makes all of them, has these functions; nobody below includes its header.
 */
#ifndef WEIR_SANDBOX_HOUSE_PARTS_H
#define WEIR_SANDBOX_HOUSE_PARTS_H

#include "base/arena.h"
#include "base/err.h"
#include "sandbox/house/address.h"

struct control;
struct faults;
struct guard;
struct object;
struct s3_store;
struct services;

struct s3_store *sandbox_store(struct sandbox *sandbox);
/* Made when first asked for; NULL: it could not be. */
struct control *sandbox_control(struct sandbox *sandbox);
struct services *sandbox_services(struct sandbox *sandbox);
const struct guard *sandbox_guard(const struct sandbox *sandbox);
struct faults *sandbox_faults(struct sandbox *sandbox);

struct str sandbox_secret(const struct sandbox *sandbox, struct str access_key); /* "" : unknown */
struct str sandbox_account(const struct sandbox *sandbox);
int64_t sandbox_minute_ms(const struct sandbox *sandbox);
int64_t sandbox_room(const struct sandbox *sandbox);   /* bytes that a run may have in its folder */
bool sandbox_schedules(const struct sandbox *sandbox); /* do they fire? */
double sandbox_speed(const struct sandbox *sandbox);   /* above 0; 1: as time passes */

/* ---- what S3 wants of the rest ---- */

/* Tells whom the bucket's notification configuration names: "ObjectCreated:Put". */
void sandbox_tell_object(struct sandbox *sandbox, struct arena *arena, const char *name, struct str bucket,
    struct str key, const struct object *object, struct str request_id);
/* Is there a thing of that type ("sqs.queue") with that ARN? */
bool sandbox_has_thing(
    struct sandbox *sandbox, struct arena *arena, struct str type, struct str region, struct str arn);

#endif
