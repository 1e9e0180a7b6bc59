/*
 * The map under `providers: aws:`, checked and taken apart.
 */
#pragma once

#include "base/value.h"
#include "provider/aws/endpoint.h"

struct aws_settings {
    struct str name;            /* "aws.tokyo" */
    const struct value *config; /* never NULL */
    const struct profiles *profiles;
    struct endpoint_settings endpoints; /* with the region */
    struct str profile;                 /* as configured; "" */
    struct str access_key, secret_key, session_token;
    struct str role, role_session, role_external_id;
    struct str account_id;
    struct str ca_file; /* "" : the system's */
    bool insecure;
    int max_attempts; /* 0: the default */
};

/* Everything lives in the arena. ERR_INVALID names the provider and the setting. */
int aws_settings_read(struct arena *arena, struct str name, const struct value *config,
    struct aws_settings *out, struct err *err);
