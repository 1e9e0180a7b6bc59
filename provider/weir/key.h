/* `weir.key`: a pair of keys that is kept in the state. Attributes: specs/weir.yaml. */
#pragma once

#include "provider/provider.h"

#include <openssl/evp.h>

extern const struct resource_ops weir_key_ops;

/*
 * key_openssh.c: OpenSSH's files (PROTOCOL.key of OpenSSH; RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4). `blob` is
 * the public key as all of them hold it; `private_key` has no passphrase.
 */
struct openssh_key {
    struct str blob, public_line, fingerprint, private_key;
};
int key_openssh(
    const EVP_PKEY *key, struct str comment, struct arena *arena, struct openssh_key *out, struct err *err);

/* key_certificate.c: an X.509 certificate of the key by itself, as `certificate` of the type says. */
int key_certificate(EVP_PKEY *key, const struct value *wanted, struct arena *arena, struct str *pem,
    struct str *expires, struct err *err);
/* What OpenSSL says last went wrong, as err. */
int key_failed(struct err *err, const char *what);
