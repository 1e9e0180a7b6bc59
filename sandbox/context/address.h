/* Where a sandbox is and with which key it is used, for those inside and outside. */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct sandbox;

/* What becomes of a call that its caller's policies do not allow. */
enum sandbox_iam {
    SANDBOX_IAM_ON,   /* it is denied */
    SANDBOX_IAM_WARN, /* it is done, and said */
    SANDBOX_IAM_OFF,
};

struct sandbox_key {
    struct str access_key, secret_key;
};

const char *sandbox_dir(const struct sandbox *sandbox);
struct str sandbox_endpoint(const struct sandbox *sandbox, struct arena *arena); /* http://127.0.0.1:4566 */
struct sandbox_key sandbox_first_key(const struct sandbox *sandbox);
