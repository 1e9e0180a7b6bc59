/*
 * What the folders of a sandbox find in it: who it is, how it was started, and its parts, which none of them
 * makes. sandbox.c, which makes all of them, has these functions; nobody below includes its header.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/* ---- Where a sandbox is and with which key it is used, for those inside and outside. */
struct sandbox;

/* What becomes of a call that its caller's policies do not allow. */
enum sandbox_iam {
    SANDBOX_IAM_ON,   /* it is denied */
    SANDBOX_IAM_WARN, /* it is done, and reported */
    SANDBOX_IAM_OFF,
};

struct sandbox_key {
    struct str access_key, secret_key;
};

const char *sandbox_dir(const struct sandbox *sandbox);
struct str sandbox_endpoint(const struct sandbox *sandbox, struct arena *arena); /* http://127.0.0.1:4566 */
struct sandbox_key sandbox_first_key(const struct sandbox *sandbox);

/* ---- context ---- */

struct catalog;
struct control;
struct faults;
struct gate;
struct guard;
struct object;
struct s3_store;
struct services;

struct session;
struct value;

struct s3_store *sandbox_store(struct sandbox *sandbox);
/* Made when first asked for; NULL: it could not be. */
struct control *sandbox_control(struct sandbox *sandbox);
struct services *sandbox_services(struct sandbox *sandbox);
/* The types that it serves; with the control plane. */
struct catalog *sandbox_catalog(struct sandbox *sandbox);
/* Who may do what; made with the control plane. */
struct gate *sandbox_gate(struct sandbox *sandbox);
const struct guard *sandbox_guard(const struct sandbox *sandbox);
struct faults *sandbox_faults(struct sandbox *sandbox);

struct str sandbox_secret(const struct sandbox *sandbox, struct str access_key); /* "" : unknown */
struct str sandbox_account(const struct sandbox *sandbox);
bool sandbox_ephemeral(const struct sandbox *sandbox); /* nothing of it outlives it */
int64_t sandbox_minute_ms(const struct sandbox *sandbox);
int64_t sandbox_room(const struct sandbox *sandbox); /* bytes that a run may have in its folder */
/* The page that shows what is in it (console/). */
struct sandbox_console {
    struct str token; /* "": there is none */
    bool write;       /* it may change resources, too */
};
const struct sandbox_console *sandbox_console(const struct sandbox *sandbox);
bool sandbox_schedules(const struct sandbox *sandbox); /* do they fire? */
double sandbox_speed(const struct sandbox *sandbox);   /* above 0; 1: as time passes */

/* The secret half of a user's key (of IAM), and whose it is; false: there is none that can be used. */
bool sandbox_user_key(struct sandbox *sandbox, struct arena *arena, struct str access_key, struct str *secret,
    struct str *user);

/* ---- what S3 wants of the rest ---- */

/* Tells whom the bucket's notification configuration names: "ObjectCreated:Put". */
void sandbox_notify_object(struct sandbox *sandbox, struct arena *arena, const char *name, struct str bucket,
    struct str key, const struct object *object, struct str request_id, struct str trace);
/* May he have S3 do this ("kms:Decrypt") with a key, for `about` (an object's or a bucket's ARN)? *arn: the
 * key's. */
int sandbox_check_key(struct sandbox *sandbox, struct arena *arena, const struct session *caller,
    const char *action, struct str key, struct str region, struct str about, struct str *arn,
    struct err *err);
/* May he do this ("s3:GetObject") to "bucket/key"? 0, or -1 with the refusal. */
int sandbox_check_s3(struct sandbox *sandbox, struct arena *arena, const struct session *caller,
    const char *action, struct str resource, struct str region, const struct value *context, struct err *err);
/* Is there a resource of that type ("sqs.queue") with that ARN? */
bool sandbox_has_resource(
    struct sandbox *sandbox, struct arena *arena, struct str type, struct str region, struct str arn);
/* Does its policy, or permission, let S3 tell it what happens in the bucket? */
bool sandbox_may_notify(
    struct sandbox *sandbox, struct arena *arena, struct str bucket, struct str region, struct str arn);
