/* What a run needs on the disk: see unpack.h. */
#include "sandbox/engine/unpack.h"

#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

enum { BLOCK = 32 * 1024 }; /* on the stacks of connections, which are small */

/* ---- objects ---- */

bool unpack_parse_uri(struct str uri, struct unpack_place *out)
{
    static const char *const schemes[] = {"s3://", "s3a://", "s3n://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct str scheme = str_z(schemes[i]);
        if (!str_starts(uri, scheme))
            continue;
        *out = (struct unpack_place){.version = STR_EMPTY};
        out->bucket = str_cut(str_slice(uri, scheme.n, uri.n), '/', &out->key);
        return out->bucket.n && out->key.n;
    }
    return false;
}

struct str unpack_name(struct arena *arena, struct str key)
{
    struct str name = path_base(key);
    bool fine = name.n && name.n < 200 && name.p[0] != '.' && memchr(name.p, '\0', name.n) == NULL;
    return fine ? arena_str(arena, name) : STR("file");
}

typedef int take_fn(void *ctx, const char *bytes, size_t n, struct err *err);

static int read_content(struct content *content, take_fn *take, void *ctx, struct err *err)
{
    char block[BLOCK];
    uint64_t at = 0;
    for (;;) {
        ssize_t n = content_read(content, at, block, sizeof block);
        if (n <= 0)
            return n ? err_errno(err, ERR_IO, "cannot read an object's content") : 0;
        if (take(ctx, block, (size_t)n, err))
            return -1;
        at += (uint64_t)n;
    }
}

static int read_object(
    struct s3_store *store, const struct unpack_place *place, take_fn *take, void *ctx, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct object object;
    enum store_result found =
        store_object_read(&arena, store, place->bucket, place->key, place->version, true, &object);
    if (found == STORE_OK && object.deleted) {
        fd_close_ptr(&object.fd);
        found = STORE_NO_KEY;
    }
    if (found == STORE_NO_BUCKET)
        return err_set(err, ERR_ABSENT, "there is no bucket %.*s", STR_ARG(place->bucket));
    if (found != STORE_OK)
        return err_set(err, ERR_ABSENT, "there is no object s3://%.*s/%.*s", STR_ARG(place->bucket),
            STR_ARG(place->key));
    struct content *content = content_open(store, place->bucket, &object, object.fd);
    int status = read_content(content, take, ctx, err);
    content_close(content);
    return status;
}

struct output {
    int fd;
    const char *path;
};

static int write_some(void *ctx, const char *bytes, size_t n, struct err *err)
{
    struct output *out = ctx;
    if (out->fd < 0) /* not before it is known that there is such an object */
        out->fd = open(out->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return out->fd < 0 ? err_errno(err, ERR_IO, "cannot write %s", out->path)
                       : fd_write_all(out->fd, bytes, n, err, out->path);
}

int unpack_fetch(struct s3_store *store, const struct unpack_place *place, const char *path, struct err *err)
{
    struct output out = {-1, path};
    int status = read_object(store, place, write_some, &out, err);
    if (!status && out.fd < 0) /* an empty one is a file all the same */
        status = write_some(&out, "", 0, err);
    fd_close_ptr(&out.fd);
    return status;
}

static int hash_some(void *ctx, const char *bytes, size_t n, struct err *err UNUSED)
{
    sha256_update(ctx, bytes, n);
    return 0;
}

int unpack_sha256(
    struct s3_store *store, const struct unpack_place *place, unsigned char out[SHA256_SIZE], struct err *err)
{
    struct sha256 *hash = sha256_new();
    int status = read_object(store, place, hash_some, hash, err);
    sha256_final(hash, out);
    return status;
}
