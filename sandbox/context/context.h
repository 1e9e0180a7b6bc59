/*
 * The context of a sandbox: its identity, its options and its parts, for the folders below sandbox/.
 * sandbox.c creates the parts and implements these functions; the folders below do not include sandbox.h.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/* ---- identity: also for code outside the sandbox ---- */
struct sandbox;

/* What happens to a call that the policies of its caller do not allow. */
enum sandbox_iam {
    SANDBOX_IAM_ON,   /* the call is denied */
    SANDBOX_IAM_WARN, /* the call is executed and reported */
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
/* Created on first use; NULL if loading failed. */
struct control *sandbox_control(struct sandbox *sandbox);
struct services *sandbox_services(struct sandbox *sandbox);
/* The resource types of the sandbox; loaded with the control plane. */
struct catalog *sandbox_catalog(struct sandbox *sandbox);
/* The IAM checks; created with the control plane. */
struct gate *sandbox_gate(struct sandbox *sandbox);
const struct guard *sandbox_guard(const struct sandbox *sandbox);
struct faults *sandbox_faults(struct sandbox *sandbox);

struct str sandbox_secret(
    const struct sandbox *sandbox, struct str access_key); /* "" for an unknown access key */
struct str sandbox_account(const struct sandbox *sandbox);
bool sandbox_ephemeral(const struct sandbox *sandbox); /* nothing is synced to disk */
int64_t sandbox_minute_ms(const struct sandbox *sandbox);
int64_t sandbox_run_max_bytes(const struct sandbox *sandbox); /* in bytes: the limit of a run's folder */
/* The web console (console/). */
struct sandbox_console {
    struct str token; /* "": the console is off */
    bool write;       /* the console may change resources */
};
const struct sandbox_console *sandbox_console(const struct sandbox *sandbox);
bool sandbox_schedules(const struct sandbox *sandbox); /* whether rules and schedules fire */
double sandbox_speed(const struct sandbox *sandbox);   /* above 0; 1 is real time */

/* Looks up the secret key and the user of an IAM access key. False if no active key has this id. */
bool sandbox_user_key(struct sandbox *sandbox, struct arena *arena, struct str access_key, struct str *secret,
    struct str *user);

/* ---- services that S3 calls ---- */

/* Sends an event ("ObjectCreated:Put") to the targets of the bucket's notification configuration. */
void sandbox_notify_object(struct sandbox *sandbox, struct arena *arena, const char *name, struct str bucket,
    struct str key, const struct object *object, struct str request_id, struct str trace);
/* Checks whether `caller` may have S3 use a KMS key ("kms:Decrypt") for `about` (the ARN of an object or a
 * bucket). *arn is the ARN of the key. */
int sandbox_check_key(struct sandbox *sandbox, struct arena *arena, const struct session *caller,
    const char *action, struct str key, struct str region, struct str about, struct str *arn,
    struct err *err);
/* Checks whether `caller` may do `action` ("s3:GetObject") on `resource` ("bucket/key"). Returns 0, or -1
 * with the error response. */
int sandbox_check_s3(struct sandbox *sandbox, struct arena *arena, const struct session *caller,
    const char *action, struct str resource, struct str region, const struct value *context, struct err *err);
/* True if a resource of this type ("aws.sqs.queue") with this ARN exists. */
bool sandbox_has_resource(
    struct sandbox *sandbox, struct arena *arena, struct str type, struct str region, struct str arn);
/* True if the target's resource policy or permission lets S3 send it the bucket's events. */
bool sandbox_may_notify(
    struct sandbox *sandbox, struct arena *arena, struct str bucket, struct str region, struct str arn);
