/* `aws.s3.directory`: see s3.h. */
#include "provider/aws/s3/s3.h"

#include "base/file.h"
#include "provider/package/package.h"

/* Settings of every file: if one changes, all files are sent again. */
static const char *const of_each[] = {"content_types", "cache_control", "content_encoding", "storage_class",
    "server_side_encryption", "kms_key", "metadata"};

static struct str prefix_of(struct arena *arena, const struct value *object)
{
    struct str prefix = value_gets(object, "prefix");
    while (str_starts(prefix, STR("/")))
        prefix = str_slice(prefix, 1, prefix.n);
    return prefix.n && !str_ends(prefix, STR("/")) ? arena_printf(arena, "%.*s/", STR_ARG(prefix)) : prefix;
}

static struct directory directory_of(struct op_ctx *ctx, const struct value *object)
{
    return (struct directory){.ctx = ctx,
        .bucket = value_gets(object, "bucket"),
        .prefix = prefix_of(ctx->arena, object),
        .folder = path_join(ctx->arena, ctx->dir, value_gets(object, "source")),
        .object = object};
}

static struct manifest manifest_of(struct op_ctx *ctx, const struct value *object)
{
    struct manifest manifest;
    manifest_read(ctx->arena, value_getz(object, "files"), value_getz(object, "seen"), &manifest);
    return manifest;
}

/* ---- the folder ---- */

static const struct value *files_of(struct arena *arena, const struct package *package)
{
    AUTO_BUILDER struct value_builder files = VALUE_BUILDER(arena);
    for (size_t i = 0; i < package->n; i++) {
        struct str hash = hex_encode(arena, package->files[i].sha256, SHA256_SIZE);
        value_builder_set(&files, package->files[i].path, value_string_ref(arena, hash));
    }
    return value_builder_map(&files);
}

static int s3_directory_scan(struct op_ctx *ctx, bool offline, const struct value *desired,
    const struct value **files, struct err *err)
{
    struct package package;
    struct package_filter filter = {
        .include = value_getz(desired, "include"), .exclude = value_getz(desired, "exclude")};
    struct str folder = path_join(ctx->arena, ctx->dir, value_gets(desired, "source"));
    package_init(&package, ctx->arena);
    int status = package_scan(&package, arena_strz(ctx->arena, folder), &filter, err) ||
                         package_finish(&package, STR_EMPTY, err) ||
                         (!offline && package_hash(&package, ctx->digests, err))
                     ? -1
                     : 0;
    *files = status || offline ? &value_unknown : files_of(ctx->arena, &package);
    package_release(&package);
    return status;
}

/* Keys have at most 1,024 bytes. */
static int check_names(
    struct op_ctx *ctx, const struct value *desired, const struct value *files, struct err *err)
{
    enum { KEY_MAX = 1024 };
    size_t prefix = value_is_known(value_getz(desired, "prefix")) ? prefix_of(ctx->arena, desired).n : 0;
    for (uint32_t i = 0; value_is_known(files) && i < files->count; i++)
        if (prefix + files->entries[i].key.n > KEY_MAX)
            return err_set(err, ERR_INVALID, "a key would be longer than 1,024 bytes: that of \"%.*s\"",
                STR_ARG(files->entries[i].key));
    return 0;
}

static bool known(const struct value *object, const char *name)
{
    return value_is_known(value_getz(object, name));
}

static int directory_prepare(struct op_ctx *ctx, const struct preparation *how, const struct value *desired,
    const struct value **prepared, struct err *err)
{
    const struct value *files = value_getz(desired, "files");
    *prepared = desired = s3_unfinished_ended(ctx, how->recorded, desired);
    if (files && value_is_known(files))
        return 0; /* scanned just before */
    files = &value_unknown;
    if (known(desired, "source") && known(desired, "include") && known(desired, "exclude") &&
        (s3_directory_scan(ctx, how->offline, desired, &files, err) || check_names(ctx, desired, files, err)))
        return -1;
    const struct value *prefix = value_getz(desired, "prefix");
    if (prefix && known(desired, "prefix"))
        prefix = value_string(ctx->arena, prefix_of(ctx->arena, desired));
    struct value_entry entries[] = {{STR("files"), files}, {STR("prefix"), prefix}};
    *prepared = value_merge(ctx->arena, desired, value_map(ctx->arena, entries, prefix ? 2 : 1));
    return 0;
}

/* ---- prediction ---- */

/* Adds the attributes that follow from the names and the files. */
static const struct value *with_places(struct op_ctx *ctx, const struct value *object)
{
    const struct value *files = value_getz(object, "files"), *url = &value_unknown, *count = &value_unknown;
    struct str bucket = value_gets(object, "bucket");
    if (known(object, "bucket") && known(object, "prefix"))
        url = value_string_ref(ctx->arena, arena_printf(ctx->arena, "s3://%.*s/%.*s", STR_ARG(bucket),
                                               STR_ARG(prefix_of(ctx->arena, object))));
    if (value_is_known(files))
        count = value_int(ctx->arena, files ? files->count : 0);
    return value_merge(ctx->arena, object, VALUE_MAP(ctx->arena, {STR("url"), url}, {STR("count"), count}));
}

static int directory_predict(struct op_ctx *ctx, const struct value *desired,
    const struct value *prior UNUSED, const struct value **planned, struct err *err)
{
    if (directory_prepare(ctx, &(struct preparation){.offline = true}, desired, planned, err))
        return -1;
    *planned = value_with(ctx->arena, with_places(ctx, *planned), STR("seen"), &value_unknown);
    return 0;
}

/* ---- reading ---- */

/* Builds the live object from the manifest. */
static const struct value *object_of(
    struct op_ctx *ctx, const struct value *base, const struct manifest *manifest)
{
    const struct value *files, *seen;
    manifest_write(ctx->arena, manifest, &files, &seen);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof of_each / sizeof *of_each; i++) {
        const struct value *v = value_getz(base, of_each[i]);
        value_builder_set(&b, str_z(of_each[i]), v ? v : &value_null);
    }
    const struct value *prefix = value_string(ctx->arena, prefix_of(ctx->arena, base));
    value_builder_set(&b, STR("bucket"), value_getz(base, "bucket"));
    value_builder_set(&b, STR("prefix"), prefix);
    value_builder_set(&b, STR("files"), files);
    value_builder_set(&b, STR("seen"), seen);
    return with_places(ctx, value_builder_map(&b));
}

/* Derives bucket and prefix of a directory known only by its URL (an import). */
static const struct value *with_names(struct op_ctx *ctx, const struct value *object)
{
    struct str url = value_gets(object, "url"), prefix;
    if (value_getz(object, "bucket") || !str_starts(url, STR("s3://")))
        return object;
    struct str bucket = str_cut(str_slice(url, 5, url.n), '/', &prefix);
    struct value_entry entries[] = {{STR("bucket"), value_string(ctx->arena, bucket)},
        {STR("prefix"), prefix.n ? value_string(ctx->arena, prefix) : NULL}};
    return value_merge(ctx->arena, object, value_map(ctx->arena, entries, 2));
}

/* After an interrupted update, its files may exist, too: they are added without a mark, since their entity
 * tags are not known. */
static struct manifest with_attempted(
    struct op_ctx *ctx, const struct value *prior, const struct value *attempted)
{
    struct manifest from = manifest_of(ctx, prior), to = manifest_of(ctx, attempted);
    struct manifest_change change;
    manifest_compare(ctx->arena, &to, &from, false, &change);
    if (!attempted)
        return from;
    for (size_t i = 0; i < change.drop_count; i++)
        memset(manifest_find(&to, change.drop[i])->mark, 0, MANIFEST_MARK);
    struct manifest all = manifest_joined(ctx->arena, &from, &to, &change);
    for (size_t i = 0; i < change.send_count; i++) {
        const struct manifest_file *sent = manifest_find(&to, change.send[i]);
        if (sent)
            *manifest_find(&all, sent->name) = (struct manifest_file){sent->name, sent->sha256, {0}};
    }
    return all;
}

static const struct str *keys_of(
    struct op_ctx *ctx, const struct directory *d, const struct manifest *manifest)
{
    struct str *keys = ARENA_ARRAY(ctx->arena, struct str, manifest->n + 1);
    for (size_t i = 0; i < manifest->n; i++)
        keys[i] = directory_key(ctx->arena, d, manifest->files[i].name);
    return keys;
}

/* Finds unfinished uploads of the files that the interrupted run was sending, and of recorded ones. */
static int find_unfinished(struct op_ctx *ctx, const struct directory *d, const struct manifest *manifest,
    const struct value *recorded, const struct value **uploads, struct err *err)
{
    AUTO_BUILDER struct value_builder found = VALUE_BUILDER(ctx->arena);
    size_t n = manifest->n, more = recorded && recorded->kind == VALUE_MAP ? recorded->count : 0;
    struct str *keys = ARENA_ARRAY(ctx->arena, struct str, n + more + 1);
    memcpy(keys, keys_of(ctx, d, manifest), n * sizeof *keys);
    for (size_t i = 0; i < more; i++)
        keys[n++] = value_text(recorded->entries[i].value, STR_EMPTY);
    if (s3_unfinished_find(ctx, d->bucket, d->prefix, keys, n, &found, err))
        return -1;
    *uploads = value_builder_map(&found);
    return 0;
}

/* `stopped`: an earlier run was interrupted and may have left unfinished uploads. */
static int s3_directory_look(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
    bool stopped, const struct value **live, struct err *err)
{
    const struct value *object = with_names(ctx, prior), *uploads = &value_empty_map;
    struct manifest manifest = with_attempted(ctx, object, attempted);
    struct directory d = directory_of(ctx, object);
    struct err failure = ERR_INIT;
    *live = NULL;
    if (stopped && find_unfinished(ctx, &d, &manifest, value_getz(object, "unfinished"), &uploads, err))
        return -1;
    if (directory_look(&d, &manifest, &failure)) {
        if (failure.class == ERR_ABSENT)
            return 0;
        return err_raise(err, &failure);
    }
    const struct value *seen = object_of(ctx, object, &manifest);
    if (uploads->count)
        seen = value_with(ctx->arena, seen, STR("unfinished"), uploads);
    if (!manifest.n || value_getz(seen, "files")->count || uploads->count)
        *live = seen;
    return 0;
}

static int directory_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted UNUSED,
    const struct value **live, struct err *err)
{
    return s3_directory_look(ctx, prior, NULL, s3_unfinished_any(prior), live, err);
}

static int directory_reread(struct op_ctx *ctx, const struct value *prior, const struct value *attempted,
    const struct value *wanted UNUSED, const struct value **live, struct err *err)
{
    return s3_directory_look(ctx, prior, attempted, attempted || s3_unfinished_any(prior), live, err);
}

/* Finds what an interrupted run has already sent. */
static int directory_find(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    if (s3_directory_look(ctx, desired, NULL, true, live, err))
        return -1;
    const struct value *files = value_getz(desired, "files");
    if (!files || !files->count)
        *live = NULL; /* an empty directory cannot be recognised */
    return 0;
}

/* ---- writing ---- */

/* Corrects the manifest after a failure: files that were not sent are as before, or do not exist. */
static void s3_directory_settle(struct manifest *to, const struct manifest *wanted,
    const struct manifest *from, const struct manifest_change *change)
{
    for (size_t i = 0; i < change->send_count; i++) {
        struct manifest_file *file = manifest_find(to, change->send[i]);
        const struct manifest_file *old = manifest_find(from, change->send[i]);
        if (!manifest_is_marked(file) && str_eq(file->sha256, manifest_find(wanted, change->send[i])->sha256))
            *file = old ? *old : (struct manifest_file){.name = file->name};
    }
}

/* Returns the interrupted uploads, to be continued. */
static const struct value *kept_uploads(struct op_ctx *ctx, const struct directory *d,
    const struct manifest_change *change, const struct value *prior)
{
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < change->send_count; i++)
        s3_unfinished_kept(ctx, d->bucket, directory_key(ctx->arena, d, change->send[i]), &kept);
    return value_merge(ctx->arena, value_getz(prior, "unfinished"), value_builder_map(&kept));
}

static int sync_files(struct op_ctx *ctx, const struct value *prior, const struct value *desired, bool all,
    const struct value **live, struct err *err)
{
    struct directory d = directory_of(ctx, desired);
    struct manifest from = manifest_of(ctx, prior), to = manifest_of(ctx, desired),
                    wanted = manifest_of(ctx, desired);
    struct manifest_change change;
    manifest_compare(ctx->arena, &from, &to, all, &change);
    for (size_t i = 0; i < to.n; i++) {
        const struct manifest_file *old = manifest_find(&from, to.files[i].name);
        if (old)
            memcpy(to.files[i].mark, old->mark, MANIFEST_MARK);
    }
    for (size_t i = 0; i < change.send_count; i++)
        memset(manifest_find(&to, change.send[i])->mark, 0, MANIFEST_MARK);
    int status = directory_send(&d, change.send, change.send_count, &to, err);
    if (status)
        s3_directory_settle(&to, &wanted, &from, &change);
    bool keep = value_equal(value_getz(desired, "delete"), &value_false);
    if (!status && !keep)
        status = directory_drop(&d, change.drop, change.drop_count, err);
    const struct value *uploads = &value_null;
    if (!status)
        status = s3_unfinished_abort(ctx, d.bucket, value_getz(prior, "unfinished"), err);
    if (status) {
        uploads = kept_uploads(ctx, &d, &change, prior);
        to = manifest_joined(ctx->arena, &to, &from, &change);
    }
    *live = value_merge(ctx->arena, desired, object_of(ctx, desired, &to));
    *live = value_with(ctx->arena, *live, STR("unfinished"), uploads);
    return status;
}

static int directory_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err)
{
    return sync_files(ctx, NULL, desired, true, live, err);
}

static int directory_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    bool all = false;
    for (uint32_t i = 0; changed && i < changed->count; i++)
        all = all || STR_IS_ONE_OF(value_text(changed->items[i], STR_EMPTY), of_each);
    return sync_files(ctx, prior, desired, all, live, err);
}

static int directory_delete(
    struct op_ctx *ctx, unsigned teardown UNUSED, const struct value *prior, struct err *err)
{
    struct manifest manifest = manifest_of(ctx, prior);
    struct directory d = directory_of(ctx, prior);
    struct str *names = ARENA_ARRAY(ctx->arena, struct str, manifest.n + 1);
    struct err failure = ERR_INIT;
    for (size_t i = 0; i < manifest.n; i++)
        names[i] = manifest.files[i].name;
    if (s3_unfinished_abort(ctx, d.bucket, value_getz(prior, "unfinished"), err))
        return -1;
    if (directory_drop(&d, names, manifest.n, &failure) && failure.class != ERR_ABSENT)
        return err_raise(err, &failure);
    return 0;
}

static const struct value *directory_scope(
    const struct schema *schema UNUSED, const struct value *object, struct str action, struct arena *arena)
{
    struct str prefix = value_gets(object, "prefix");
    return aws_s3_content_scope(
        arena, action, value_gets(object, "bucket"), arena_printf(arena, "%.*s*", STR_ARG(prefix)));
}

static const struct resource_ops ops = {
    .permissions = aws_s3_content_permissions,
    .scope = directory_scope,
    .prepare = directory_prepare,
    .predict = directory_predict,
    .read = directory_read,
    .reread = directory_reread,
    .create = directory_create,
    .update = directory_update,
    .delete = directory_delete,
    .find = directory_find,
};

const struct schema aws_s3_directory_schema = {
    .name = STR_INIT("aws.s3.directory"),
    .described = "provider/aws/s3/directory.yaml",
    .id = STR_INIT("url"),
    .service = &aws_s3_service,
    .alike = true, /* several directories may have the same URL, each with its own files */
    .partial = true,
    .ops = &ops,
};
