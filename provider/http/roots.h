/*
 * The certificates that this system trusts, for the static program: a distribution's libcurl knows where its
 * distribution keeps them, the one in the static program cannot.
 */
#pragma once

#include <stdbool.h>

/* The file, or NULL: libcurl's own way is right. SSL_CERT_FILE and SSL_CERT_DIR have precedence, as in
 * OpenSSL. */
const char *roots_file(void);
/* Is this the static program, on a system that has none? */
bool roots_are_missing(void);
