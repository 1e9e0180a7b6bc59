/* Fetches the files of remote modules, all or none of them; also downloads archives over HTTPS or from S3:
 * see fetch.h. */
#include "stacks/fetch/fetch.h"

#include "base/archive.h"
#include "base/digests.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/tree_manifest.h"
#include "provider/aws/s3/s3.h"
#include "provider/http/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- the size limit of modules ---- */

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

/* Returns ERR_INVALID if the environment variable is not a valid size. */
static int fetch_limit_check(struct err *err)
{
    int64_t n;
    return limit_read(&n) ? 0
                          : err_set(err, ERR_INVALID,
                                "the variable WEIR_MODULE_MIB is not a number of MiB from 1 to %d", MOST_MIB);
}

/* Adds the hint how to raise the limit. */
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

/* Resolves the Location of a redirect. */
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
        return err_set(err, ERR_FAILED, "%.*s redirects to plain HTTP, which anybody on the way could read",
            STR_ARG(was.authority));
    if (is.link_local)
        return err_set(
            err, ERR_FAILED, "%.*s redirects to this machine's own metadata", STR_ARG(was.authority));
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
        .ca_file = getenv("SSL_CERT_FILE"), /* the same variable as other programs that use OpenSSL */
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
    return err_set(err, ERR_FAILED, "it redirects more than %d times", REDIRECTS_MAX);
}

int download_https(struct http_engine *http, struct str url, const char *path, struct err *err)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, ERR_IO, "cannot write %s", path);
    struct download d = {.fd = fd};
    struct str query,
        place = str_cut(url, '?', &query); /* the query may hold a signature, so messages omit it */
    return download_to(http, url, &d, err) ? err_context(err, "fetching %.*s", STR_ARG(place)) : 0;
}

/* ---- S3 ---- */

/* `aws` is an open provider. */
static int download_s3(
    struct provider *aws, const struct module_source *source, const char *path, struct err *err)
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

#define NEW_PREFIX ".new-"

struct fetch {
    struct fetch_options options;
    struct arena arena;
    struct str cache; /* .weir/modules */
    int lock;
    struct http_engine *http;
    struct map providers; /* AWS providers by region; "": the stack's own region */
    struct map refs;      /* URL of a repository -> struct str: its tags and branches */
    struct map brought;   /* URL and commit -> struct module_pin */
};

/* ---- opening and closing ---- */

/* Removes files of a killed process. The lock is held, so no other process uses them. */
static void remove_leftovers(const struct fetch *f)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_DIR DIR *dir = opendir(f->cache.p);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (str_starts(str_z(entry->d_name), STR(NEW_PREFIX)))
            tree_remove(path_join(&scratch, f->cache, str_z(entry->d_name)).p);
}

int fetch_open(const struct fetch_options *options, struct fetch **out, struct err *err)
{
    if (fetch_limit_check(err))
        return -1;
    struct fetch *f = mem_zalloc(sizeof *f);
    f->options = *options;
    f->lock = -1;
    f->cache = path_join(&f->arena, options->dir, STR(DIR_OF_WEIR "/modules"));
    if (!dir_make(f->cache.p, err)) {
        const char *path = path_join(&f->arena, f->cache, STR(".lock")).p;
        f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        int status = f->lock < 0 ? -1 : 0;
        while (!status && (status = flock(f->lock, LOCK_EX)) && errno == EINTR)
            status = 0;
        if (!status) {
            remove_leftovers(f);
            *out = f;
            return 0;
        }
        err_errno(err, ERR_IO, "cannot lock %s", path);
    }
    fetch_close(f);
    return -1;
}

void fetch_close(struct fetch *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->providers.n; i++)
        provider_free(f->providers.items[i].ptr);
    map_release(&f->providers);
    map_release(&f->refs);
    map_release(&f->brought);
    http_engine_free(f->http);
    fd_close_ptr(&f->lock);
    arena_release(&f->arena);
    free(f);
}

/* Returns the folder of the module's files, vendored or not. */
static struct str fetch_folder(const struct fetch *f, struct arena *arena, const struct module_source *source,
    const struct module_pin *pin)
{
    return module_pin_folder(arena, f->options.dir, source, pin);
}

/* ---- connections opened on first use ---- */

static int fetch_http(struct fetch *f, struct err *err)
{
    const struct fetch_options *o = &f->options;
    struct http_options http = {
        .shared = o->shared, .trace = o->trace, .trace_line = o->trace_line, .trace_ctx = o->trace_ctx};
    return f->http ? 0 : http_engine_new(&http, &f->http, err);
}

static int fetch_aws(struct fetch *f, struct str region, struct provider **out, struct err *err)
{
    const struct value *settings = NULL;
    *out = map_get(&f->providers, region);
    if (*out)
        return 0;
    if (fetch_http(f, err) || f->options.settings(f->options.settings_ctx, &f->arena, &settings, err))
        return -1;
    if (region.n)
        settings = value_with(&f->arena, settings ? settings : &value_empty_map, STR("region"),
            value_string(&f->arena, region));
    struct provider_options options = {.kinds = f->options.kinds,
        .name = STR("aws"),
        .config = settings,
        .http = f->http,
        .stack = STR_EMPTY,
        .base_dir = f->options.dir};
    if (provider_new(&options, out, err))
        return -1;
    map_set(&f->providers, arena_str(&f->arena, region), *out);
    return 0;
}

/* ---- fetching ---- */

/* A source that is being fetched, in its own folder. */
struct arrival {
    struct fetch *fetch;
    const struct module_source *source;
    struct arena *arena;
    const char *work, *tree;
};

static int file_sha256(const char *path, struct arena *arena, struct str *out, struct err *err)
{
    struct file_id id;
    unsigned char digest[SHA256_SIZE];
    AUTO_FD int fd = file_open(path, O_RDONLY, err);
    if (fd < 0 || digests_of_file(NULL, fd, path, &id, digest, err))
        return -1;
    *out = hex_encode(arena, digest, sizeof digest);
    return 0;
}

static int check_archive(
    const struct arrival *a, const struct module_pin *wanted, struct str is, struct err *err)
{
    struct str checksum = a->source->checksum, url = a->source->url;
    if (checksum.n && !str_eq(checksum, is)) {
        err_set(err, ERR_DAMAGED, "%s is not what its checksum says: it is sha256:%.*s", url.p, STR_ARG(is));
        return err_hint(err, "somebody has put another file there, or the checksum is another one's");
    }
    if (!wanted || str_eq(wanted->archive, is))
        return 0;
    err_set(err, ERR_DAMAGED, "%s is not what the lock says any more: it was sha256:%.*s and is sha256:%.*s",
        url.p, STR_ARG(wanted->archive), STR_ARG(is));
    return err_hint(err, "`weir modules update` takes what is there now");
}

static int bring_archive(
    const struct arrival *a, const struct module_pin *wanted, struct module_pin *pin, struct err *err)
{
    struct provider *aws;
    const char *path = arena_printf(a->arena, "%s/archive-%.100s", a->work, path_base(a->source->url).p).p;
    if (a->source->kind == MODULE_S3) {
        if (fetch_aws(a->fetch, a->source->region, &aws, err) || download_s3(aws, a->source, path, err))
            return -1;
    } else if (fetch_http(a->fetch, err) || download_https(a->fetch->http, a->source->url, path, err)) {
        return -1;
    }
    if (file_sha256(path, a->arena, &pin->archive, err) || check_archive(a, wanted, pin->archive, err))
        return -1;
    return fetch_unpack(path, a->tree, err) ? err_context(err, "unpacking %s", a->source->url.p) : 0;
}

/* Moves the fetched files to their final folder, unless the same files are already there. Other content of
 * that folder is removed. */
static int take_place(const struct arrival *a, const struct module_pin *pin, struct err *err)
{
    struct module_pin fetched = *pin;
    fetched.vendored = STR_EMPTY;
    const char *folder = fetch_folder(a->fetch, a->arena, a->source, &fetched).p;
    if (path_is_dir(folder)) {
        if (!tree_manifest_check(folder, pin->tree, ERR_IGNORED))
            return 0;
        if (rename(folder, arena_printf(a->arena, "%s/damaged", a->work).p))
            return err_errno(err, ERR_IO, "cannot move %s", folder);
    }
    return rename(a->tree, folder) ? err_errno(err, ERR_IO, "cannot make %s", folder) : 0;
}

static int check_tree(
    const struct arrival *a, const struct module_pin *wanted, const struct module_pin *pin, struct err *err)
{
    if (!wanted || str_eq(wanted->tree, pin->tree))
        return 0;
    err_set(err, ERR_DAMAGED, "the files of %s are not what the lock says", a->source->url.p);
    return err_hint(err, "was the lock edited by hand? `weir modules update` writes it anew");
}

static int fetch_arrive(
    const struct arrival *a, const struct module_pin *wanted, struct module_pin *pin, struct err *err)
{
    int failed = a->source->kind == MODULE_GIT
                     ? git_files(a->arena, a->source, pin->commit, a->work, a->tree, err)
                     : bring_archive(a, wanted, pin, err);
    if (failed)
        return -1;
    if (tree_manifest_write(a->arena, a->tree, &pin->tree, err))
        return err_context(err, "%s", a->source->url.p);
    return check_tree(a, wanted, pin, err) ? -1 : take_place(a, pin, err);
}

/* Creates a folder for files in progress. Returns NULL after an error. */
static char *make_work(const struct fetch *f, struct arena *arena, struct err *err)
{
    char *work = arena_strz(arena, arena_printf(arena, "%s/" NEW_PREFIX "XXXXXX", f->cache.p));
    if (mkdtemp(work))
        return work;
    err_errno(err, ERR_IO, "cannot make a folder in %s", f->cache.p);
    return NULL;
}

/* Fetches a source; `commit` of a repository, "" of an archive. */
static int fetch_source(struct fetch *f, const struct module_source *source, struct str commit,
    struct arena *arena, const struct module_pin *wanted, struct module_pin *pin, struct err *err)
{
    struct arrival a = {.fetch = f, .source = source, .arena = arena, .work = make_work(f, arena, err)};
    *pin = (struct module_pin){.source = source->text,
        .commit = commit,
        .archive = STR_EMPTY,
        .tree = STR_EMPTY,
        .vendored = STR_EMPTY};
    if (!a.work)
        return -1;
    if (f->options.trace_line) /* this is the only step that may take long */
        f->options.trace_line(f->options.trace_ctx, arena_printf(arena, "fetching %s", source->url.p).p);
    a.tree = arena_printf(arena, "%s/tree", a.work).p;
    int status = dir_make(a.tree, err) ? -1 : fetch_arrive(&a, wanted, pin, err);
    tree_remove(a.work);
    return status;
}

int fetch_pinned(
    struct fetch *f, const struct module_source *source, const struct module_pin *pin, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct module_pin fetched = *pin, brought;
    fetched.vendored = STR_EMPTY;
    const char *folder = fetch_folder(f, &arena, source, &fetched).p;
    if (path_is_dir(folder) && !tree_manifest_check(folder, pin->tree, ERR_IGNORED))
        return 0;
    return fetch_source(f, source, pin->commit, &arena, pin, &brought, err);
}

int fetch_resolve(struct fetch *f, const struct module_source *source, struct arena *arena,
    struct str *commit, bool *tag, struct err *err)
{
    struct str *refs = map_get(&f->refs, source->url);
    *commit = source->kind == MODULE_GIT ? source->ref : STR_EMPTY;
    *tag = false;
    if (source->kind != MODULE_GIT || module_is_commit(source->ref))
        return 0;
    if (!refs) {
        const char *work = make_work(f, arena, err);
        struct str *text = ARENA_NEW(&f->arena, struct str);
        int failed = !work || git_refs(&f->arena, source, work, text, err);
        if (work)
            tree_remove(work);
        if (failed)
            return -1;
        map_set(&f->refs, arena_str(&f->arena, source->url), text);
        refs = text;
    }
    return git_find(arena, source, *refs, commit, tag, err);
}

int fetch_latest(struct fetch *f, const struct module_source *source, const struct module_pin *was,
    struct arena *arena, struct module_pin *pin, bool *tag, struct err *err)
{
    struct str commit;
    if (fetch_resolve(f, source, arena, &commit, tag, err))
        return -1;
    struct str content = commit.n ? commit : source->checksum;
    struct str name = arena_printf(&f->arena, "%s %.*s", source->url.p, STR_ARG(content));
    const struct module_pin *known = content.n ? map_get(&f->brought, name) : NULL;
    if (!known && was && content.n && str_eq(content, commit.n ? was->commit : was->archive))
        known = was;
    if (known) {
        *pin = *known;
        pin->source = source->text;
        return fetch_pinned(f, source, pin, err);
    }
    if (fetch_source(f, source, commit, arena, NULL, pin, err))
        return -1;
    struct module_pin *kept = ARENA_NEW(&f->arena, struct module_pin);
    *kept = *pin;
    map_set(&f->brought, name, kept);
    return 0;
}
