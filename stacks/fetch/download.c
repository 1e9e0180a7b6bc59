/* Archives, over HTTPS or from S3, as a file: see fetch.h. */
#include "stacks/fetch/fetch.h"

#include "base/archive.h"
#include "base/file.h"
#include "base/str.h"
#include "provider/aws/s3/download.h"
#include "provider/http/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The size that modules may have ---- */

enum { USUAL_MIB = 512, MOST_MIB = 1024 * 1024 };
static const int64_t mib = 1024 * 1024;

static bool limit_read(int64_t *out)
{
    const char *text = getenv("WEIR_MODULE_MIB");
    *out = USUAL_MIB;
    return !text || !*text || (str_to_int(str_z(text), out) && *out > 0 && *out <= MOST_MIB);
}

int64_t fetch_limit(void)
{
    int64_t n;
    return (limit_read(&n) ? n : USUAL_MIB) * mib;
}

int fetch_limit_check(struct err *err)
{
    int64_t n;
    return limit_read(&n) ? 0
                          : err_set(err, ERR_INVALID,
                                "the variable WEIR_MODULE_MIB is not a number of MiB from 1 to %d", MOST_MIB);
}

/* That hint alone. */
static int fetch_limit_hint(struct err *err)
{
    return err_hint(err, "WEIR_MODULE_MIB=%d in the environment would allow %d MiB, and so on",
        (int)(fetch_limit() / mib * 4), (int)(fetch_limit() / mib * 4));
}

int fetch_too_large(struct err *err)
{
    err_set(err, ERR_FAILED, "it is larger than %d MiB", (int)(fetch_limit() / mib));
    return fetch_limit_hint(err);
}

int fetch_unpack(const char *archive, const char *dir, struct err *err)
{
    if (!unpack_archive(archive, dir, fetch_limit(), err))
        return 0;
    return strstr(err_root(err), UNPACK_TOO_LARGE) ? fetch_limit_hint(err) : -1;
}

enum { REDIRECTS_MAX = 5 };

/* ---- HTTPS ---- */

struct download {
    int fd;
    int64_t size;
    int failed; /* errno; EFBIG: too large */
};

static int take_bytes(void *ctx, const void *bytes, size_t n)
{
    struct download *d = ctx;
    d->size += (int64_t)n;
    if (d->size > fetch_limit())
        d->failed = EFBIG;
    else if (fd_write_all(d->fd, bytes, n, ERR_IGNORED, ""))
        d->failed = errno ? errno : EIO;
    return d->failed ? -1 : 0;
}

/* Where a redirection leads. */
static int follow_redirect(struct arena *arena, struct str from, const struct http_response *response,
    struct str *to, struct err *err)
{
    struct http_target was, is;
    struct str location = http_header_get(response, "Location");
    if (http_target_parse(from, &was, err))
        return -1;
    if (str_starts(location, STR("/")))
        location = arena_printf(
            arena, "%s%.*s%.*s", was.tls ? "https://" : "http://", STR_ARG(was.authority), STR_ARG(location));
    if (http_target_parse(location, &is, err))
        return err_context(err, "what %.*s leads to", STR_ARG(was.authority));
    if (!is.tls && (was.tls || !is.loopback))
        return err_set(err, ERR_FAILED, "%.*s leads on to plain HTTP, which anybody in between could see",
            STR_ARG(was.authority));
    if (is.link_local)
        return err_set(
            err, ERR_FAILED, "%.*s leads on to this machine's own metadata", STR_ARG(was.authority));
    *to = arena_str(arena, location);
    return 0;
}

static int request_archive(struct http_engine *http, struct arena *arena, struct str url, struct download *d,
    struct http_response *response, struct err *err)
{
    struct http_request request = {.method = STR("GET"),
        .url = url,
        .sink = take_bytes,
        .sink_ctx = d,
        .ca_file = getenv("SSL_CERT_FILE"), /* as other programs that OpenSSL speaks for */
        .repeatable = true,
        .label = STR("module")};
    d->size = 0;
    if (ftruncate(d->fd, 0) || lseek(d->fd, 0, SEEK_SET) < 0)
        return err_errno(err, ERR_IO, "cannot write the archive");
    int status = http_send(http, &request, arena, response, err);
    if (d->failed == EFBIG)
        return fetch_too_large(err);
    if (d->failed) {
        errno = d->failed;
        return err_errno(err, ERR_IO, "cannot write the archive");
    }
    return status;
}

static int download_to(struct http_engine *http, struct str url, struct download *d, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
        struct http_response response = {0};
        if (request_archive(http, &arena, url, d, &response, err))
            return -1;
        if (response.status == 200)
            return 0;
        if (response.status < 301 || response.status > 308 || response.status == 304)
            return err_set(err, response.status == 404 || response.status == 410 ? ERR_ABSENT : ERR_SERVICE,
                "the answer is HTTP status %d", response.status);
        if (follow_redirect(&arena, url, &response, &url, err))
            return -1;
    }
    return err_set(err, ERR_FAILED, "it leads on more than %d times", REDIRECTS_MAX);
}

int download_https(struct http_engine *http, struct str url, const char *path, struct err *err)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot write %s", path);
    struct download d = {.fd = fd};
    struct str query, place = str_cut(url, '?', &query); /* which may hold a signature */
    return download_to(http, url, &d, err) ? err_context(err, "fetching %.*s", STR_ARG(place)) : 0;
}

/* ---- S3 ---- */

int download_s3(struct provider *aws, const struct module_source *source, const char *path, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = {.arena = &arena, .provider = aws, .address = source->text};
    struct s3_download wanted = {
        .bucket = source->bucket, .key = source->key, .version_id = STR_EMPTY, .path = path};
    struct s3_downloaded done = {0};
    wanted.sha256 = wanted.sha256_etag = STR_EMPTY;
    wanted.max_bytes = fetch_limit();
    if (!s3_download(&ctx, &wanted, &done, err))
        return 0;
    if (done.size > wanted.max_bytes)
        fetch_limit_hint(err);
    return err_context(err, "fetching %.*s", STR_ARG(source->url));
}
