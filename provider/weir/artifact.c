#include "provider/weir/artifact.h"

#include "base/clock.h"
#include "provider/aws/client.h"
#include "provider/aws/s3.h"
#include "provider/aws/s3_object_list.h"
#include "provider/aws/s3_unfinished.h"
#include "provider/aws/upload.h"
#include "provider/weir/artifact_store.h"

/* ---- what the stack language sees ---- */

enum { KEEP_DEFAULT = 5, KEEP_MAX = 100 };

static const struct type text_type = {.kind = TYPE_STRING}, int_type = {.kind = TYPE_INT},
                         bool_type = {.kind = TYPE_BOOL}, any_type = {.kind = TYPE_ANY};
static const struct type texts_type = {.kind = TYPE_LIST, .elem = &text_type};
static const struct value keep_default = {.kind = VALUE_INT, .integer = KEEP_DEFAULT};

static const struct attr python_fields[] = {
    {.name = STR_INIT("requirements"),
        .doc = STR_INIT("Requirements file of pip; pin versions in it."),
        .type = &text_type,
        .required = true,
        .settable = true},
    {.name = STR_INIT("version"),
        .doc = STR_INIT("Version of Python to choose packages for, such as 3.13."),
        .type = &text_type,
        .settable = true,
        .pattern = STR_INIT("[0-9]+(\\.[0-9]+)*")},
    {.name = STR_INIT("interpreter"),
        .doc = STR_INIT("Python whose pip is used; python3 unless given."),
        .type = &text_type,
        .settable = true,
        .has_min = true,
        .min = 1},
};
static const struct type python_type = {.kind = TYPE_OBJECT,
    .fields = python_fields,
    .field_count = sizeof python_fields / sizeof *python_fields};

static const struct attr version_fields[] = {
    {.name = STR_INIT("sha256"), .doc = STR_INIT("SHA-256 of the version."), .type = &text_type},
    {.name = STR_INIT("bucket"), .doc = STR_INIT("Bucket."), .type = &text_type},
    {.name = STR_INIT("key"), .doc = STR_INIT("Key."), .type = &text_type},
    {.name = STR_INIT("size"), .doc = STR_INIT("Bytes."), .type = &int_type},
    {.name = STR_INIT("stored"), .doc = STR_INIT("When it was stored."), .type = &text_type},
};
static const struct type version_type = {.kind = TYPE_OBJECT,
    .fields = version_fields,
    .field_count = sizeof version_fields / sizeof *version_fields};
static const struct type versions_type = {.kind = TYPE_LIST, .elem = &version_type};

/* Attributes that steer the packing: recorded, and compared with the record. */
#define GIVEN(name_, type_, doc_, ...)                                                                       \
    {                                                                                                        \
        .name = STR_INIT(name_), .doc = STR_INIT(doc_), .type = (type_), .settable = true, .local = true,    \
        __VA_ARGS__                                                                                          \
    }
#define TOLD(name_, type_, doc_, ...)                                                                        \
    {                                                                                                        \
        .name = STR_INIT(name_), .doc = STR_INIT(doc_), .type = (type_), .computed = true, __VA_ARGS__       \
    }
static const struct attr attrs[] = {
    GIVEN("source", &text_type, "File or folder, from the folder of the stack file.", .has_min = true,
        .min = 1),
    GIVEN("store", &text_type, "Where it is kept: a bucket, and a prefix of keys after a slash.",
        .required = true),
    GIVEN("name", &text_type, "Begins the key; the source's own name without its ending unless given.",
        .pattern = STR_INIT("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")),
    GIVEN("package", &text_type,
        "How it is packed: file (as it is), zip, tar.gz or wheel; file for a file and zip for a folder "
        "unless "
        "given.",
        .pattern = STR_INIT("file|zip|tar\\.gz|wheel")),
    GIVEN("include", &texts_type, "Patterns of what goes in, as in .gitignore; everything unless given.",
        .has_min = true, .min = 1),
    GIVEN("exclude", &texts_type, "Patterns of what stays out."),
    GIVEN(
        "gitignore", &bool_type, "What .gitignore files name stays out, too.", .default_value = &value_false),
    GIVEN("prefix", &text_type, "Folder within the package that everything lies in, such as python.",
        .pattern = STR_INIT("[^/].*[^/]|[^/]")),
    GIVEN("python", &python_type, "Pure Python packages that pip installs beside the source."),
    GIVEN("build", &any_type,
        "Command that makes the source: a text, run for each plan, or {command, inputs}, run when a file "
        "that the patterns in inputs match has changed. It has 15 minutes, or what `timeouts` say."),
    GIVEN("compress", &bool_type, "Compressed; without, the bytes do not depend on the compressor either.",
        .default_value = &value_true),
    GIVEN("version", &text_type, "Version of a wheel; 0 unless given.",
        .pattern = STR_INIT("[0-9][A-Za-z0-9.+!]*")),
    GIVEN("limit", &text_type,
        "Sizes that are refused: none, lambda (50 MiB packed, 250 MiB unpacked) or lambda-s3 (250 MiB "
        "unpacked).",
        .pattern = STR_INIT("none|lambda|lambda-s3")),
    GIVEN("keep", &int_type, "Earlier versions that stay in the store, to go back to.",
        .default_value = &keep_default, .has_min = true, .min = 1, .has_max = true, .max = KEEP_MAX),
    TOLD("bucket", &text_type, "Bucket that it lies in."),
    TOLD("key", &text_type, "Its key, with its SHA-256 in it."),
    TOLD("url", &text_type, "s3://bucket/key"),
    TOLD("arn", &text_type, "ARN of the object."),
    TOLD("sha256", &text_type, "SHA-256 of the package, in hex.", .prepared = true),
    TOLD("sha256_base64", &text_type, "The same in base64, as Lambda tells it."),
    TOLD("size", &int_type, "Bytes of the package."),
    TOLD("rolled_back_from", &text_type,
        "SHA-256 of what the sources give, while an earlier version is in use instead.", .prepared = true,
        .local = true),
    TOLD("versions", &versions_type, "What the store keeps, the one in use first."),
    TOLD("etag", &text_type, "Entity tag of the object."),
    TOLD("version_id", &text_type, "Version of the object, in a versioned bucket."),
};

static struct str text_of(const struct value *object, const char *name)
{
    return value_text(value_getz(object, name), STR_EMPTY);
}

/* ---- prediction ---- */

static const struct value *with_places(
    struct op_ctx *ctx, const struct value *object, struct str bucket, struct str key)
{
    struct arena *arena = ctx->arena;
    struct str partition = aws_partition(provider_aws(ctx->provider));
    struct value_entry entries[] = {{STR("bucket"), value_string(arena, bucket)},
        {STR("key"), value_string(arena, key)},
        {STR("url"),
            value_string_ref(arena, arena_printf(arena, "s3://%.*s/%.*s", STR_ARG(bucket), STR_ARG(key)))},
        {STR("arn"), value_string_ref(arena, arena_printf(arena, "arn:%.*s:s3:::%.*s/%.*s",
                                                 STR_ARG(partition), STR_ARG(bucket), STR_ARG(key)))}};
    return value_merge(arena, object, value_map(arena, entries, sizeof entries / sizeof *entries));
}

/* Where the desired version lies: an earlier one where it was stored, a new one where the store is now. */
static int locate(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **located, struct err *err)
{
    struct artifact artifact;
    const struct value *earlier =
        value_getz(desired, "rolled_back_from")
            ? artifact_version(value_getz(prior, "versions"), text_of(desired, "sha256"))
            : NULL;
    if (earlier && text_of(desired, "rolled_back_from").n) {
        *located = with_places(ctx, desired, text_of(earlier, "bucket"), text_of(earlier, "key"));
        return 0;
    }
    if (artifact_parse(ctx, desired, &artifact, err))
        return -1;
    struct str key =
        artifact_key(ctx->arena, &artifact, text_of(desired, "source"), text_of(desired, "sha256"));
    *located = with_places(ctx, desired, artifact.bucket, key);
    return 0;
}

/* What is rolled back to must still be there, as it was. */
static int check_earlier(
    struct op_ctx *ctx, const struct value *planned, const struct value *prior, struct err *err)
{
    struct str bucket = text_of(planned, "bucket"), key = text_of(planned, "key");
    const struct value *version = artifact_version(value_getz(prior, "versions"), text_of(planned, "sha256"));
    struct stored stored;
    if (!text_of(planned, "rolled_back_from").n || str_eq(text_of(prior, "key"), key))
        return 0;
    if (artifact_look(ctx, bucket, key, &stored, err))
        return -1;
    if (stored.there && str_eq(stored.etag, text_of(version, "etag")))
        return 0;
    err_set(err, ERR_INVALID, "version %.12s is %s: s3://%.*s/%.*s", text_of(planned, "sha256").p,
        stored.there ? "no longer what weir stored" : "no longer in the store", STR_ARG(bucket),
        STR_ARG(key));
    return err_hint(err, "`weir rollback --list` shows the others");
}

static int artifact_predict(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **planned, struct err *err)
{
    if (artifact_prepare(ctx, desired, planned, err))
        return -1;
    if (value_is_known(*planned) &&
        (locate(ctx, *planned, prior, planned, err) || check_earlier(ctx, *planned, prior, err)))
        return -1;
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
        if (attrs[i].computed && !attrs[i].local && !value_getz(*planned, attrs[i].name.p))
            *planned = value_with(ctx->arena, *planned, attrs[i].name, &value_unknown);
    return 0;
}

/* ---- versions ---- */

static const struct value *version_entry(struct op_ctx *ctx, const struct value *object)
{
    static const char *const names[] = {"bucket", "content", "etag", "key", "sha256", "size", "version_id"};
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (value_getz(object, names[i]))
            value_builder_set(&b, str_z(names[i]), value_getz(object, names[i]));
    value_builder_set(
        &b, STR("stored"), value_string_ref(ctx->arena, time_rfc3339(ctx->arena, clock_wall_ms(), true)));
    return value_builder_map(&b);
}

static bool same_place(const struct value *a, const struct value *b)
{
    return value_equal(value_getz(a, "bucket"), value_getz(b, "bucket")) &&
           value_equal(value_getz(a, "key"), value_getz(b, "key"));
}

/* The one in use first, then the others, latest stored first. */
static const struct value *versions_with(
    struct op_ctx *ctx, const struct value *versions, const struct value *now)
{
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    value_builder_add(&b, now);
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        if (!same_place(versions->items[i], now))
            value_builder_add(&b, versions->items[i]);
    return value_builder_list(&b);
}

static int64_t keep_of(const struct value *desired)
{
    const struct value *keep = value_getz(desired, "keep");
    return keep && keep->kind == VALUE_INT ? keep->integer : KEEP_DEFAULT;
}

static int remove_version(struct op_ctx *ctx, const struct value *version, struct err *err)
{
    struct stored stored;
    struct str bucket = text_of(version, "bucket"), key = text_of(version, "key");
    if (artifact_look(ctx, bucket, key, &stored, err))
        return -1;
    if (!text_of(version, "etag").n) {
        s3_upload_forget(ctx, bucket, key);
        if (s3_unfinished_abort_all(ctx, bucket, key, err))
            return -1;
    }
    if (stored.there && stored.stack.n && !artifact_is_own(ctx, &stored))
        return 0; /* another stack has stored it anew: it is that one's now */
    return artifact_remove(ctx, bucket, key, text_of(version, "version_id"), err);
}

/* The one to go first: of those not in use, the one stored longest ago. */
static uint32_t oldest(const struct value *versions)
{
    uint32_t found = versions->count - 1;
    for (uint32_t i = 1; i < versions->count; i++)
        if (str_cmp(text_of(versions->items[i], "stored"), text_of(versions->items[found], "stored")) < 0)
            found = i;
    return found;
}

/* Removes what is beyond `keep`. What cannot be removed now stays listed, and is tried again next time. */
static const struct value *trim(struct op_ctx *ctx, const struct value *versions, int64_t keep)
{
    while ((int64_t)versions->count > keep + 1) {
        uint32_t last = oldest(versions);
        struct err err = ERR_INIT;
        if (remove_version(ctx, versions->items[last], &err)) {
            if (ctx->progress)
                ctx->progress(ctx->progress_ctx, err.message);
            break;
        }
        struct value_builder b = VALUE_BUILDER(ctx->arena);
        for (uint32_t i = 0; i < versions->count; i++)
            if (i != last)
                value_builder_add(&b, versions->items[i]);
        versions = value_builder_list(&b);
    }
    return versions;
}

/* Takes away what an interrupted run left and nobody wants any more: of the version in use, parts at most. */
static int drop_unfinished(
    struct op_ctx *ctx, const struct value *wanted, const struct value **versions, struct err *err)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (uint32_t i = 0; *versions && i < (*versions)->count; i++) {
        const struct value *version = (*versions)->items[i];
        if (value_getz(version, "etag"))
            value_builder_add(&b, version);
        else if (same_place(version, wanted)
                     ? s3_unfinished_abort_all(ctx, text_of(version, "bucket"), text_of(version, "key"), err)
                     : remove_version(ctx, version, err))
            return -1;
    }
    *versions = value_builder_list(&b);
    return 0;
}

/* ---- reading ---- */

/* An artifact named by its URL alone (an import). */
static const struct value *with_names(struct op_ctx *ctx, const struct value *object)
{
    struct str url = text_of(object, "url"), key;
    if (text_of(object, "key").n || !str_starts(url, STR("s3://")))
        return object;
    struct str bucket = str_cut(str_slice(url, 5, url.n), '/', &key);
    return with_places(ctx, object, bucket, key.p ? key : STR_EMPTY);
}

/* Parts of an upload that an interrupted run has begun? */
static int any_parts(struct op_ctx *ctx, struct str bucket, struct str key, bool *found, struct err *err)
{
    AUTO_BUILDER struct value_builder uploads = VALUE_BUILDER(ctx->arena);
    if (s3_unfinished_find(ctx, bucket, key, &key, 1, &uploads, err))
        return -1;
    *found = uploads.n > 0;
    return 0;
}

/* Is anything left of it, where the version in use is gone? */
static int any_left(struct op_ctx *ctx, const struct value *versions, bool *left, struct err *err)
{
    *left = false;
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count && !*left; i++) {
        struct stored stored;
        const struct value *version = versions->items[i];
        struct str bucket = text_of(version, "bucket"), key = text_of(version, "key");
        if (artifact_look(ctx, bucket, key, &stored, err))
            return -1;
        *left = stored.there && (!stored.stack.n || artifact_is_own(ctx, &stored));
        if (!stored.there && !text_of(version, "etag").n && any_parts(ctx, bucket, key, left, err))
            return -1;
    }
    return 0;
}

/* The same hash under another entity tag: somebody wrote other content and kept the metadata. */
static const struct value *live_of(struct op_ctx *ctx, const struct value *prior, const struct stored *stored)
{
    struct arena *arena = ctx->arena;
    struct str etag = text_of(prior, "etag");
    bool ours = stored->there && stored->sha256.n && (!etag.n || str_eq(etag, stored->etag));
    struct value_entry entries[] = {
        {STR("sha256"), ours ? value_string(arena, stored->sha256) : &value_null},
        {STR("sha256_base64"),
            ours ? value_string(arena, artifact_base64(arena, stored->sha256)) : &value_null},
        {STR("etag"), value_string(arena, stored->etag)},
        {STR("size"), value_int(arena, stored->size)},
    };
    const struct value *live = value_map(arena, entries, sizeof entries / sizeof *entries);
    if (stored->version_id.n)
        live = value_with(arena, live, STR("version_id"), value_string(arena, stored->version_id));
    return with_places(ctx, live, text_of(prior, "bucket"), text_of(prior, "key"));
}

/*
 * What an interrupted update has stored belongs to this artifact, whatever becomes of the update. Listed
 * without an entity tag: perhaps it is there, perhaps only parts of it, perhaps nothing.
 */
static int with_attempted(
    struct op_ctx *ctx, const struct value *prior, const struct value **live, struct err *err)
{
    const struct value *located, *versions = value_getz(prior, "versions");
    if (!ctx->attempted || !text_of(ctx->attempted, "sha256").n)
        return 0;
    if (locate(ctx, ctx->attempted, prior, &located, err))
        return -1;
    struct value_builder b = VALUE_BUILDER(ctx->arena);
    bool listed = same_place(located, prior);
    for (uint32_t i = 0; versions && i < versions->count; i++) {
        value_builder_add(&b, versions->items[i]);
        listed |= same_place(versions->items[i], located);
    }
    if (!listed)
        value_builder_add(&b, version_entry(ctx, value_with(ctx->arena, located, STR("etag"), NULL)));
    *live = value_with(ctx->arena, *live, STR("versions"), value_builder_list(&b));
    return 0;
}

static int artifact_read(struct op_ctx *ctx, const struct value *prior, const struct value *wanted,
    const struct value **live, struct err *err)
{
    (void)wanted;
    const struct value *object = with_names(ctx, prior);
    struct stored stored;
    *live = NULL;
    if (!text_of(object, "key").n)
        return 0;
    if (artifact_look(ctx, text_of(object, "bucket"), text_of(object, "key"), &stored, err))
        return -1;
    bool left = stored.there;
    if (!left && any_left(ctx, value_getz(object, "versions"), &left, err))
        return -1;
    if (!left && !ctx->attempted)
        return 0;
    const struct value *found = live_of(ctx, object, &stored), *versions = value_getz(object, "versions");
    if (versions) /* only the record knows them, or who found it */
        found = value_with(ctx->arena, found, STR("versions"), versions);
    if (with_attempted(ctx, object, &found, err))
        return -1;
    *live = found;
    return 0;
}

static int artifact_marks(
    struct op_ctx *ctx, const struct value *object, const struct value **marks, struct err *err)
{
    struct stored stored;
    const struct value *named = with_names(ctx, object);
    if (artifact_look(ctx, text_of(named, "bucket"), text_of(named, "key"), &stored, err))
        return -1;
    /* Another environment of the same stack is as strange as another stack. */
    struct str stack = str_eq(stored.stack, artifact_owner(ctx)) ? ctx->stack : stored.stack;
    struct value_entry entries[] = {{STR("stack"), value_string(ctx->arena, stack)},
        {STR("address"), value_string(ctx->arena, stored.address)}};
    *marks = value_map(ctx->arena, entries, stored.stack.n ? 2 : 0);
    return 0;
}

/* ---- writing ---- */

/* Is it stored already, by this stack and as it should be? */
static bool is_ours(
    struct op_ctx *ctx, const struct stored *stored, const struct value *wanted, const struct value *prior)
{
    const struct value *version = artifact_version(value_getz(prior, "versions"), text_of(wanted, "sha256"));
    struct str etag = version && same_place(version, wanted) ? text_of(version, "etag") : STR_EMPTY;
    return str_eq(stored->sha256, text_of(wanted, "sha256")) && artifact_is_own(ctx, stored) &&
           (!etag.n || str_eq(etag, stored->etag));
}

/* Something else lies there, and this artifact has never stored anything there. */
static int taken(struct op_ctx *ctx, const struct value *wanted, const struct stored *stored, struct err *err)
{
    struct str bucket = text_of(wanted, "bucket"), key = text_of(wanted, "key");
    if (!stored->stack.n || str_eq(stored->stack, artifact_owner(ctx)))
        return err_set(err, ERR_EXISTS, "s3://%.*s/%.*s is there already", STR_ARG(bucket), STR_ARG(key));
    return err_set(err, ERR_EXISTS,
        "s3://%.*s/%.*s is there already: the stack \"%.*s\" has stored it (a prefix of its own in `store` "
        "keeps stacks apart)",
        STR_ARG(bucket), STR_ARG(key), STR_ARG(stored->stack));
}

static int upload(struct op_ctx *ctx, const struct value *wanted, struct stored *stored, struct err *err)
{
    struct str sha256 = text_of(wanted, "sha256");
    const char *path;
    if (artifact_content(ctx, wanted, sha256, &path, err))
        return -1;
    return artifact_put(ctx, text_of(wanted, "bucket"), text_of(wanted, "key"), path, sha256, stored, err);
}

/* What the artifact should be recorded as after an upload that stopped half-way; NULL: as before. */
static const struct value *left_of(struct op_ctx *ctx, const struct value *prior, const struct value *wanted)
{
    struct arena *arena = ctx->arena;
    const struct value *before = value_getz(prior, "versions"),
                       *none = value_with(arena, wanted, STR("etag"), NULL);
    AUTO_BUILDER struct value_builder kept = VALUE_BUILDER(arena), versions = VALUE_BUILDER(arena);
    s3_unfinished_kept(ctx, text_of(wanted, "bucket"), text_of(wanted, "key"), &kept);
    if (!kept.n)
        return NULL;
    for (uint32_t i = 0; before && i < before->count; i++)
        if (!same_place(before->items[i], wanted))
            value_builder_add(&versions, before->items[i]);
    value_builder_add(&versions, version_entry(ctx, none));
    const struct value *left = prior ? prior : live_of(ctx, none, &(struct stored){0});
    return value_with(arena, left, STR("versions"), value_builder_list(&versions));
}

/* Sees to it that the wanted version is in the store, and says what is kept there from now on. */
static int store(struct op_ctx *ctx, const struct value *desired, const struct value *prior,
    const struct value **live, struct err *err)
{
    const struct value *prepared, *wanted, *versions = value_getz(prior, "versions");
    struct stored stored;
    if (artifact_prepare(ctx, desired, &prepared, err) || locate(ctx, prepared, prior, &wanted, err) ||
        artifact_look(ctx, text_of(wanted, "bucket"), text_of(wanted, "key"), &stored, err))
        return -1;
    if (!stored.there || !is_ours(ctx, &stored, wanted, prior)) {
        const struct value *version = artifact_version(versions, text_of(wanted, "sha256"));
        bool known = (version && same_place(version, wanted)) || (prior && same_place(prior, wanted));
        if (stored.there && !known)
            return taken(ctx, wanted, &stored, err);
        if (upload(ctx, wanted, &stored, err)) {
            const struct value *left = left_of(ctx, prior, wanted);
            *live = left ? left : *live;
            if (text_of(wanted, "rolled_back_from").n)
                err_hint(err, "it was rolled back, and is no longer in the store; `weir deploy` stores what "
                              "the sources give");
            return -1;
        }
    }
    wanted = value_merge(
        ctx->arena, wanted, live_of(ctx, value_with(ctx->arena, wanted, STR("etag"), NULL), &stored));
    if (drop_unfinished(ctx, wanted, &versions, err))
        return -1;
    const struct value *earlier = artifact_version(versions, text_of(wanted, "sha256"));
    const struct value *entry = version_entry(ctx, wanted);
    if (earlier && same_place(earlier, wanted) && value_getz(earlier, "stored"))
        entry = value_with(ctx->arena, entry, STR("stored"), value_getz(earlier, "stored"));
    versions = trim(ctx, versions_with(ctx, versions, entry), keep_of(desired));
    *live = value_with(ctx->arena, wanted, STR("versions"), versions);
    return 0;
}

static int artifact_create(
    struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    *live = NULL;
    return store(ctx, desired, NULL, live, err);
}

static int artifact_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    (void)changed;
    return store(ctx, desired, prior, live, err);
}

static int artifact_delete(struct op_ctx *ctx, const struct value *prior, struct err *err)
{
    const struct value *object = with_names(ctx, prior), *versions = value_getz(object, "versions");
    for (uint32_t i = 0; versions && versions->kind == VALUE_LIST && i < versions->count; i++)
        if (remove_version(ctx, versions->items[i], err))
            return -1;
    return text_of(object, "key").n ? remove_version(ctx, object, err) : 0;
}

static int artifact_find(
    struct op_ctx *ctx, const struct value *desired, const struct value **live, struct err *err)
{
    const struct value *located;
    *live = NULL;
    if (!text_of(desired, "sha256").n)
        return 0;
    if (locate(ctx, desired, NULL, &located, err) || artifact_read(ctx, located, NULL, live, err))
        return -1;
    bool parts = false;
    if (!*live && any_parts(ctx, text_of(located, "bucket"), text_of(located, "key"), &parts, err))
        return -1;
    if (parts)
        *live = live_of(ctx, located, &(struct stored){0});
    if (*live) {
        const struct value *whole = value_merge(ctx->arena, desired, *live);
        const struct value *entry =
            version_entry(ctx, parts ? value_with(ctx->arena, whole, STR("etag"), NULL) : whole);
        *live = value_with(ctx->arena, *live, STR("versions"), value_list(ctx->arena, &entry, 1));
    }
    return 0;
}

static void artifact_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    static const struct str deletes_version = STR_INIT("s3:DeleteObjectVersion");
    aws_s3_content_permissions(schema, phase, arena, out);
    if (phase == PERMISSION_APPLY || phase == PERMISSION_DESTROY)
        value_builder_set(out, deletes_version, value_string_ref(arena, deletes_version));
}

static const struct resource_ops ops = {
    .permissions = artifact_permissions,
    .prepare = artifact_prepare,
    .predict = artifact_predict,
    .read = artifact_read,
    .list = s3_object_list, /* recorded and told in the same words */
    .create = artifact_create,
    .update = artifact_update,
    .delete = artifact_delete,
    .find = artifact_find,
    .marks = artifact_marks,
};

const struct schema weir_artifact_schema = {
    .name = STR_INIT("weir.artifact"),
    .doc = STR_INIT(
        "A file or folder, packaged the same way everywhere, kept in a bucket under a key with its SHA-256."),
    .example =
        STR_INIT("type: weir.artifact\nsource: lambda/ingest\npackage: zip\nstore: my-lake/artifacts\n"),
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .id = STR_INIT("url"),
    .partial = true,
    .bulk = true,
    .sole = true,
    .provider = STR_INIT("aws"),
    .ops = &ops,
};
