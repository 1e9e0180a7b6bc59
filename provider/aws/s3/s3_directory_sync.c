/* Sends and deletes the files of `aws.s3.directory` that differ: see s3.h. */
#include "provider/aws/s3/s3.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/match.h"
#include "provider/aws/s3/upload.h"

/* ---- The manifest: the files that `aws.s3.directory` put into a bucket ---- */

void manifest_mark(unsigned char out[MANIFEST_MARK], struct str etag, int64_t size)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    unsigned char digest[SHA256_SIZE];
    hash_sha256(arena_printf(&scratch, "%lld %.*s", (long long)size, STR_ARG(etag)), digest);
    memcpy(out, digest, MANIFEST_MARK);
}

bool manifest_is_marked(const struct manifest_file *file)
{
    static const unsigned char none[MANIFEST_MARK];
    return memcmp(file->mark, none, MANIFEST_MARK) != 0;
}

void manifest_read(
    struct arena *arena, const struct value *files, const struct value *seen, struct manifest *out)
{
    struct str marks = STR_EMPTY;
    size_t n = files && files->kind == VALUE_MAP ? files->count : 0;
    bool known = base64_decode(arena, value_text(seen, STR_EMPTY), &marks) && marks.n == n * MANIFEST_MARK;
    *out = (struct manifest){.files = ARENA_ARRAY(arena, struct manifest_file, n + 1), .n = n};
    for (size_t i = 0; i < n; i++) {
        out->files[i].name = files->entries[i].key;
        out->files[i].sha256 = value_text(files->entries[i].value, STR_EMPTY);
        if (known)
            memcpy(out->files[i].mark, marks.p + i * MANIFEST_MARK, MANIFEST_MARK);
    }
}

void manifest_write(struct arena *arena, const struct manifest *manifest, const struct value **files,
    const struct value **seen)
{
    AUTO_BUF struct buf marks = BUF_INIT;
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < manifest->n; i++) {
        const struct manifest_file *file = &manifest->files[i];
        if (!file->sha256.n)
            continue;
        value_builder_set(&names, file->name, value_string(arena, file->sha256));
        buf_add(&marks, file->mark, MANIFEST_MARK);
    }
    *files = value_builder_map(&names);
    *seen = value_string_ref(arena, base64_encode(arena, buf_str(&marks)));
}

struct manifest_file *manifest_find(const struct manifest *manifest, struct str name)
{
    size_t low = 0, high = manifest->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(manifest->files[middle].name, name);
        if (!order)
            return &manifest->files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void manifest_compare(struct arena *arena, const struct manifest *from, const struct manifest *to, bool all,
    struct manifest_change *out)
{
    *out = (struct manifest_change){.send = ARENA_ARRAY(arena, struct str, to->n + 1),
        .drop = ARENA_ARRAY(arena, struct str, from->n + 1)};
    for (size_t i = 0, j = 0; i < from->n || j < to->n;) {
        int order = i == from->n ? 1 : j == to->n ? -1 : str_cmp(from->files[i].name, to->files[j].name);
        const struct manifest_file *old = order <= 0 ? &from->files[i++] : NULL,
                                   *new = order >= 0 ? &to->files[j++] : NULL;
        if (!new)
            out->drop[out->drop_count++] = old->name;
        else if (!old || all || !str_eq(old->sha256, new->sha256))
            out->send[out->send_count++] = new->name;
    }
}

struct manifest manifest_joined(struct arena *arena, const struct manifest *to, const struct manifest *from,
    const struct manifest_change *change)
{
    struct manifest all = {.files = ARENA_ARRAY(arena, struct manifest_file, to->n + change->drop_count + 1)};
    for (size_t i = 0, j = 0; i < to->n || j < change->drop_count;) {
        bool old = i == to->n || (j < change->drop_count && str_cmp(change->drop[j], to->files[i].name) < 0);
        all.files[all.n++] = old ? *manifest_find(from, change->drop[j++]) : to->files[i++];
    }
    return all;
}

enum {
    THREADS = 32,
    TICK_MS = 200,
};

struct str directory_key(struct arena *arena, const struct directory *d, struct str name)
{
    return arena_printf(arena, "%.*s%.*s", STR_ARG(d->prefix), STR_ARG(name));
}

/* ---- sending ---- */

struct sending {
    const struct directory *d;
    const struct str *names;
    size_t n, done;
    struct manifest *manifest;
    int64_t reported_ms;
};

static void s3_directory_sync_tell(struct sending *s)
{
    char line[96];
    const struct op_ctx *ctx = s->d->ctx;
    int64_t now_ms = clock_mono_ms();
    s->done++;
    if (op_has_progress(ctx) && now_ms - s->reported_ms >= TICK_MS) {
        s->reported_ms = now_ms;
        snprintf(line, sizeof line, "uploading: %zu of %zu files", s->done, s->n);
        op_progress(ctx, line);
    }
}

/* Returns the content type of the last matching pattern, or NULL: by the key's extension. */
static const struct value *content_type(const struct value *types, struct str name)
{
    const struct value *found = NULL;
    for (uint32_t i = 0; types && types->kind == VALUE_MAP && i < types->count; i++) {
        struct glob_rule rule;
        if (glob_rule_parse(types->entries[i].key, STR_EMPTY, false, &rule) &&
            glob_rule_fits(&rule, name, false))
            found = types->entries[i].value;
    }
    return found;
}

static void what(void *ctx, struct arena *arena, size_t i, struct s3_upload *out)
{
    const struct sending *s = ctx;
    const struct directory *d = s->d;
    struct str name = s->names[i];
    const struct value *types = value_getz(d->object, "content_types"), *settings = d->object;
    if (types)
        settings = value_with(arena, settings, STR("content_type"), content_type(types, name));
    *out = (struct s3_upload){.bucket = d->bucket,
        .key = directory_key(arena, d, name),
        .path = path_join(arena, d->folder, name).p,
        .sha256 = manifest_find(s->manifest, name)->sha256,
        .settings = settings};
}

static void over(void *ctx, size_t i, const struct s3_uploaded *done, struct err *failure)
{
    struct sending *s = ctx;
    struct manifest_file *file = manifest_find(s->manifest, s->names[i]);
    if (done) {
        manifest_mark(file->mark, done->etag, done->size);
        s3_directory_sync_tell(s);
    } else {
        err_context(failure, "%.*s", STR_ARG(file->name));
        file->sha256 = STR("unsure"); /* the object may exist nevertheless */
    }
}

int directory_send(
    const struct directory *d, const struct str *names, size_t n, struct manifest *to, struct err *err)
{
    struct sending s = {.d = d, .names = names, .n = n, .manifest = to, .reported_ms = clock_mono_ms()};
    return s3_upload_many(d->ctx, &(struct s3_uploads){.n = n, .ctx = &s, .what = what, .over = over}, err);
}

int directory_drop(const struct directory *d, const struct str *names, size_t n, struct err *err)
{
    struct arena *arena = d->ctx->arena;
    struct str *keys = ARENA_ARRAY(arena, struct str, n + 1);
    for (size_t i = 0; i < n; i++) {
        keys[i] = directory_key(arena, d, names[i]);
        s3_upload_forget(d->ctx, d->bucket, keys[i]);
    }
    return s3_delete_objects(d->ctx, d->bucket, keys, n, err);
}

/* ---- reading ---- */

struct looking {
    const struct directory *d;
    struct manifest *manifest;
    bool *there;
    pthread_mutex_t lock; /* guards the context's arena */
};

static void s3_directory_sync_found(void *arg, const struct s3_listed *object)
{
    struct looking *l = arg;
    unsigned char mark[MANIFEST_MARK];
    if (!str_starts(object->key, l->d->prefix))
        return;
    struct str name = str_slice(object->key, l->d->prefix.n, object->key.n);
    struct manifest_file *file = manifest_find(l->manifest, name);
    if (!file)
        return; /* not in the manifest: not managed */
    l->there[file - l->manifest->files] = true;
    if (!manifest_is_marked(file))
        return;
    manifest_mark(mark, object->etag, object->size);
    if (!memcmp(mark, file->mark, sizeof mark))
        return;
    pthread_mutex_lock(&l->lock);
    file->sha256 = arena_printf(l->d->ctx->arena, "etag:%.*s", STR_ARG(object->etag));
    pthread_mutex_unlock(&l->lock);
    memcpy(file->mark, mark, sizeof mark);
}

/* Shared by the threads that read single files. */
struct step {
    const struct directory *d;
    const struct str *names;
    struct manifest *manifest;
    pthread_mutex_t lock; /* guards the context's arena */
};

/* Reads a file that an interrupted run may have sent: its metadata has the SHA-256. */
static int lookup_read(void *arg, size_t i, struct err *err)
{
    struct step *s = arg;
    const struct directory *d = s->d;
    struct manifest_file *file = manifest_find(s->manifest, s->names[i]);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx ctx = *d->ctx;
    struct aws_call call = {.body_fd = -1};
    struct wire_message answer;
    struct err failure = ERR_INIT;
    ctx.arena = &arena;
    const struct value *input = aws_s3_name(&arena, d->bucket, directory_key(&arena, d, file->name));
    int64_t size = 0;
    if (aws_s3_call(&ctx, &s3_head_object, input, &call, &answer, &failure)) {
        if (failure.class != ERR_ABSENT)
            return err_raise(err, &failure);
        file->sha256 = STR_EMPTY;
        return 0;
    }
    str_to_int(wire_header_get(&answer, STR("Content-Length")), &size);
    struct str etag = aws_s3_unquoted(wire_header_get(&answer, STR("ETag")));
    manifest_mark(file->mark, etag, size);
    if (str_eq(wire_header_get(&answer, STR("x-amz-meta-" S3_HASH_HEADER)), file->sha256))
        return 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->lock);
    file->sha256 = arena_printf(d->ctx->arena, "etag:%.*s", STR_ARG(etag));
    return 0;
}

int directory_look(const struct directory *d, struct manifest *manifest, struct err *err)
{
    struct arena *arena = d->ctx->arena;
    struct looking looking = {.d = d,
        .manifest = manifest,
        .there = ARENA_ARRAY(arena, bool, manifest->n + 1),
        .lock = PTHREAD_MUTEX_INITIALIZER};
    struct str *names = ARENA_ARRAY(arena, struct str, manifest->n + 1);
    struct s3_list list = {
        .bucket = d->bucket, .prefix = d->prefix, .expected = names, .expected_count = manifest->n};
    for (size_t i = 0; i < manifest->n; i++)
        names[i] = directory_key(arena, d, manifest->files[i].name);
    bool cut;
    if (s3_list_objects(d->ctx, &list, s3_directory_sync_found, &looking, &cut, err))
        return -1;
    size_t unmarked = 0;
    for (size_t i = 0; i < manifest->n; i++) {
        struct manifest_file *file = &manifest->files[i];
        if (!looking.there[i])
            file->sha256 = STR_EMPTY;
        else if (!manifest_is_marked(file))
            names[unmarked++] = file->name;
    }
    struct step step = {.d = d, .names = names, .manifest = manifest, .lock = PTHREAD_MUTEX_INITIALIZER};
    return pool_try(THREADS, unmarked, lookup_read, &step, err);
}
