/* Where systems keep the certificates that they trust: see roots.h. */
#include "provider/http/roots.h"

#include "base/library.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const places[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* RHEL, Fedora, Amazon Linux */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* the same, newer */
    "/etc/ssl/ca-bundle.pem",                            /* SUSE */
    "/etc/ssl/cert.pem",                                 /* Alpine, macOS */
};

const char *roots_file(void)
{
    const char *file = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
    if (!LIBRARIES_ARE_LINKED || (dir && *dir && !(file && *file)))
        return NULL;
    if (file && *file)
        return file;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!access(places[i], R_OK))
            return places[i];
    return NULL;
}

bool roots_are_missing(void)
{
    const char *dir = getenv("SSL_CERT_DIR");
    return LIBRARIES_ARE_LINKED && !roots_file() && !(dir && *dir);
}
