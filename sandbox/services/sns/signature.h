/*
 * Signatures of what topics deliver. The key is made when it is first needed, and kept in the sandbox's
 * folder with its certificate, which anybody may read under its name.
 */
#pragma once

#include "sandbox/calls/services.h"

#define SIGNATURE_PATH "/SimpleNotificationService-"

/* The base64 of it over a text, by SHA-1 (version "1") or SHA-256 ("2"). "": the key cannot be had. */
struct str signature_of(struct services *services, struct arena *arena, struct str text, struct str version);
/* Where the certificate is. */
struct str signature_url(struct services *services, struct arena *arena);
/* The certificate as PEM, for services_publish(). */
services_public_fn signature_certificate;
