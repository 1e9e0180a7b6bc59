/* Explains libcurl's errors as class, message and hint; loads libcurl; finds the system's CA certificates. */
#include "base/library.h"
#include "provider/http/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- libcurl, loaded when it is first needed ---- */

#define CURL_LINKED(name) curl_##name,

static struct curl_api api = LIBRARY_LINKED(CURL_FUNCTIONS(CURL_LINKED));

static const char *start_curl(void)
{
    CURLcode code = api.global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK ? NULL : api.easy_strerror(code);
}

const struct curl_api *curl_api(struct err *err)
{
#define CURL_NAME(name) "curl_" #name "\0"
    static struct library library = {
        .file = "libcurl.so.4",
        .install = "libcurl 7.68 or later (Debian and Ubuntu: apt install libcurl4)",
        .table = &api,
        .names = CURL_FUNCTIONS(CURL_NAME),
        .start = start_curl,
    };
    return library_table(&library, err);
}

/* ---- Files with the CA certificates of systems ---- */

static const char *const places[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Alpine, Arch */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* RHEL, Fedora, Amazon Linux */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* RHEL and Fedora, newer */
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

/* True in the statically linked program on a system without CA certificates. */
static bool roots_are_missing(void)
{
    const char *dir = getenv("SSL_CERT_DIR");
    return LIBRARIES_ARE_LINKED && !roots_file() && !(dir && *dir);
}

/* Marks the error retryable: nothing was sent, so a retry cannot execute anything twice. */
static int not_sent(struct err *err)
{
    err->retryable = true;
    return -1;
}

static const char *system_error(const struct transfer *t, char *text, size_t size)
{
    long number = 0;
    t->curl->easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
    if (!number)
        return t->error[0] ? t->error : t->curl->easy_strerror(t->code);
    snprintf(text, size, "%s", strerror((int)number));
    if (text[0] >= 'A' && text[0] <= 'Z') /* for the middle of a sentence */
        text[0] = (char)(text[0] - 'A' + 'a');
    return text;
}

/* libcurl's message names the host it connected to; if that is not the target, it is the proxy. */
static bool names_proxy(const struct transfer *t, char host[256], unsigned *port)
{
    return sscanf(t->error, "Failed to connect to %255s port %u", host, port) == 2 &&
           !str_ieq(t->target.host, str_z(host));
}

static int cannot_connect(const struct transfer *t, struct err *err)
{
    char text[128], proxy[256];
    unsigned port;
    const char *why = system_error(t, text, sizeof text);
    if (names_proxy(t, proxy, &port)) {
        err_set(err, ERR_NETWORK, "cannot connect to the proxy %s:%u (for %.*s): %s", proxy, port,
            STR_ARG(t->target.authority), why);
        err_hint(err, "check https_proxy and no_proxy");
        return not_sent(err);
    }
    err_set(err, ERR_NETWORK, "cannot connect to %.*s: %s", STR_ARG(t->target.authority), why);
    if (t->target.loopback)
        err_hint(err, "nothing listens there; start the server, or correct the endpoint");
    else
        err_hint(err, "check the network, the proxy settings and the endpoint");
    return not_sent(err);
}

static int cannot_resolve(const struct transfer *t, struct err *err)
{
    err_set(err, ERR_NETWORK, "cannot find the address of %.*s", STR_ARG(t->target.host));
    err_hint(err, "check the spelling of the region and the endpoint, and the network's name service");
    return not_sent(err);
}

static int timed_out(const struct transfer *t, struct err *err)
{
    curl_off_t connected = 0;
    t->curl->easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (!connected) {
        err_set(err, ERR_TIMEOUT, "cannot connect to %.*s: no answer in time", STR_ARG(t->target.authority));
        err_hint(err, "check the network, the proxy settings and the endpoint");
        return not_sent(err);
    }
    curl_off_t got = 0, took_us = 0;
    t->curl->easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &got);
    t->curl->easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    if (got)
        return err_set(err, ERR_TIMEOUT, "%.*s answers too slowly: %lld bytes in %lld seconds",
            STR_ARG(t->target.authority), (long long)got, (long long)took_us / 1000000);
    err_set(err, ERR_TIMEOUT, "%.*s did not answer in time", STR_ARG(t->target.authority));
    return err_hint(
        err, "it takes connections: look at the service there, or at the proxy or firewall before it");
}

static int tls_failed(const struct transfer *t, struct err *err)
{
    err_set(err, ERR_NETWORK, "TLS with %.*s failed: %s", STR_ARG(t->target.authority),
        t->error[0] ? t->error : t->curl->easy_strerror(t->code));
    if (t->code == CURLE_PEER_FAILED_VERIFICATION && roots_are_missing())
        return err_hint(err, "this system has no file of trusted certificates where systems keep it: install "
                             "ca-certificates, or name the file in SSL_CERT_FILE");
    if (t->code == CURLE_PEER_FAILED_VERIFICATION)
        return err_hint(err, "if its certificate comes from a private authority, name that in AWS_CA_BUNDLE");
    if (strstr(t->error, "wrong version number"))
        return err_hint(err, "the server seems to speak plain HTTP; write http:// in the endpoint if that is "
                             "meant");
    return not_sent(err);
}

static int no_answer(const struct transfer *t, struct err *err)
{
    return err_set(
        err, ERR_NETWORK, "%.*s closed the connection without an answer", STR_ARG(t->target.authority));
}

static int lost(const struct transfer *t, struct err *err)
{
    char text[128];
    return err_set(err, ERR_NETWORK, "the connection to %.*s was lost: %s", STR_ARG(t->target.authority),
        system_error(t, text, sizeof text));
}

static int cut_short(const struct transfer *t, struct err *err)
{
    curl_off_t announced = -1, got = 0;
    t->curl->easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    t->curl->easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &got);
    if (announced > 0)
        return err_set(err, ERR_NETWORK, "the answer of %.*s was cut short after %lld of %lld bytes",
            STR_ARG(t->target.authority), (long long)got, (long long)announced);
    return err_set(err, ERR_NETWORK, "the answer of %.*s was cut short", STR_ARG(t->target.authority));
}

static int not_accepted(const struct transfer *t, struct err *err)
{
    if (t->sink_failed)
        return err_set(err, ERR_IO, "cannot store the response of %.*s", STR_ARG(t->target.authority));
    if (t->head.overflow)
        return err_set(err, ERR_PROTOCOL, "the headers of %.*s are larger than %zu bytes",
            STR_ARG(t->target.authority), t->head.max);
    return err_set(err, ERR_PROTOCOL, "the answer of %.*s is larger than %zu bytes",
        STR_ARG(t->target.authority), t->body.max);
}

static int file_unreadable(const struct transfer *t, struct err *err)
{
    if (t->read_errno == -1)
        return err_set(err, ERR_IO, "the file became shorter while it was sent");
    return err_set(err, ERR_IO, "cannot read the file to send: %s", strerror(t->read_errno));
}

/* True if a part of the request was sent; the service may then have executed it. Newer libcurl versions
 * report a start time even for a transfer without a connection, so errors before the connection are
 * excluded. */
static bool was_sent(const struct transfer *t)
{
    if (t->code == CURLE_COULDNT_RESOLVE_HOST || t->code == CURLE_COULDNT_CONNECT)
        return false;
    curl_off_t began_us = 0;
    t->curl->easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &began_us);
    return began_us > 0;
}

static int failure_explain(const struct transfer *t, struct err *err)
{
    if (t->cancelled)
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    if (t->read_errno)
        return file_unreadable(t, err);
    if (t->source_failed)
        return err_set(err, ERR_IO, "the request to %.*s could not be built", STR_ARG(t->target.authority));
    if (t->head.overflow || t->body.overflow || t->sink_failed)
        return not_accepted(t, err);
    if (t->repeated)
        return no_answer(t, err);
    switch (t->code) {
    case CURLE_COULDNT_RESOLVE_HOST: return cannot_resolve(t, err);
    case CURLE_COULDNT_RESOLVE_PROXY:
        err_set(err, ERR_NETWORK, "cannot find the address of the proxy (for %.*s)",
            STR_ARG(t->target.authority));
        err_hint(err, "check https_proxy and no_proxy");
        return not_sent(err);
    case CURLE_COULDNT_CONNECT: return cannot_connect(t, err);
    case CURLE_OPERATION_TIMEDOUT: return timed_out(t, err);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION: return tls_failed(t, err);
    case CURLE_SSL_CACERT_BADFILE:
        err_set(err, ERR_INVALID, "cannot use the file of certificate authorities: %s",
            t->error[0] ? t->error : "it is not readable");
        return err_hint(err, "check AWS_CA_BUNDLE");
    case CURLE_GOT_NOTHING: return no_answer(t, err);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR: return lost(t, err);
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return cut_short(t, err);
    case CURLE_OUT_OF_MEMORY: /* libcurl before 8.6 returns this for a header line beyond its limit */
        return err_set(
            err, ERR_PROTOCOL, "%.*s sends a header line that is too long", STR_ARG(t->target.authority));
    case CURLE_UNSUPPORTED_PROTOCOL: /* libcurl returns this for an invalid status line */
    case CURLE_WEIRD_SERVER_REPLY:
        return err_set(err, ERR_PROTOCOL, "%.*s does not answer in HTTP", STR_ARG(t->target.authority));
    default:
        return err_set(err, ERR_NETWORK, "request to %.*s failed: %s", STR_ARG(t->target.authority),
            t->error[0] ? t->error : t->curl->easy_strerror(t->code));
    }
}

int transfer_failure(const struct transfer *t, struct err *err)
{
    struct err unused;
    if (!err)
        err = &unused;
    failure_explain(t, err);
    err->lost = was_sent(t);
    err->retryable = err->retryable && !err->lost;
    return -1;
}
