/* Writing objects: put and copy. */
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "sandbox/s3/s3srv.h"

#include <ctype.h>

#define MAX_PUT  (INT64_C(5) << 30)
#define REDIRECT "x-amz-website-redirect-location"
enum { MAX_KEY = 1024, MAX_META = 2048, COPY_BLOCK = 256 * 1024, MAX_OBJECT_TAGS = 10, MAX_BUCKET_TAGS = 50 };

/* ---- tags ---- */

/*
 * Allows letters, digits, spaces and `+ - = . _ : / @`, as the user guide says; all characters beyond ASCII
 * are accepted.
 */
static bool is_tag_text(struct str text, size_t max)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x80 && !isalnum(c) && (!c || !strchr(" +-=._:/@", c)))
            return false;
    }
    return str_code_points(text) <= max;
}

static bool tags_have(const struct value_builder *tags, struct str key)
{
    for (size_t i = 0; i < tags->n; i++)
        if (str_eq(tags->entries[i].key, key))
            return true;
    return false;
}

static const char *tag_fault(struct s3 *s, const struct value_builder *tags, struct str key, struct str value)
{
    if (tags_have(tags, key))
        return "Cannot provide multiple Tags with the same key";
    if (str_starts(key, STR("aws:")))
        return s->key.n ? "Your TagKey cannot be prefixed with aws:"
                        : "System tags cannot be added/updated by requester";
    if (!key.n || !is_tag_text(key, 128))
        return "The TagKey you have provided is invalid";
    return is_tag_text(value, 256) ? NULL : "The TagValue you have provided is invalid";
}

static bool add_tag(struct s3 *s, struct value_builder *tags, struct str key, struct str value)
{
    const char *fault = tag_fault(s, tags, key, value);
    if (!fault) {
        value_builder_set(tags, key, value_string(s->arena, value));
        return true;
    }
    if (str_starts(key, STR("aws:")) && s->op->run == s3srv_create_bucket) {
        s3srv_error(s, 400, "InvalidTag",
            "User-defined tag keys can't start with \"aws:\". This prefix is reserved for system tags. "
            "Remove "
            "\"aws:\" from your tag keys and try again.");
        return false;
    }
    s3srv_detail(s, "TagKey", key);
    if (!is_tag_text(value, 256))
        s3srv_detail(s, "TagValue", value);
    s3srv_error(s, 400, "InvalidTag", fault);
    return false;
}

static bool tags_fit(struct s3 *s, size_t n)
{
    size_t most = s->key.n ? MAX_OBJECT_TAGS : MAX_BUCKET_TAGS;
    const char *what = s->key.n ? "Object tags" : "Bucket tag count";
    if (n > most)
        s3srv_error(
            s, 400, "BadRequest", arena_printf(s->arena, "%s cannot be greater than %zu", what, most).p);
    return n <= most;
}

const struct value *s3srv_parse_tags(struct s3 *s, const struct value *set)
{
    AUTO_BUILDER struct value_builder tags = VALUE_BUILDER(s->arena);
    const struct value *const *items, *one;
    size_t n = s3srv_items(value_getz(set, "Tag"), &items, &one);
    if (!tags_fit(s, n))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (!value_getz(items[i], "Key") || !value_getz(items[i], "Value")) {
            s3srv_malformed(s);
            return NULL;
        } else if (!add_tag(s, &tags, value_gets(items[i], "Key"), value_gets(items[i], "Value")))
            return NULL;
    return value_builder_map(&tags);
}

/* Parses the x-amz-tagging header: a=b&c=d */
static const struct value *s3srv_parse_tag_header(struct s3 *s, struct str text)
{
    AUTO_BUILDER struct value_builder tags = VALUE_BUILDER(s->arena);
    while (text.n) {
        struct str value, key, pair = str_cut(text, '&', &text), name = str_cut(pair, '=', &value);
        if (!pair.n)
            continue;
        if (!value.p)
            value = STR_EMPTY;
        if (str_find_char(value, '=', 0) >= 0 || !url_decode(s->arena, name, true, &key) ||
            !url_decode(s->arena, value, true, &value) || tags_have(&tags, key)) {
            s3srv_argument(s, "x-amz-tagging", s3srv_header(s, "x-amz-tagging"),
                "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
                "without tag name duplicates.");
            return NULL;
        }
        if (!add_tag(s, &tags, key, value))
            return NULL;
    }
    return tags_fit(s, tags.n) ? value_builder_map(&tags) : NULL;
}

/* ---- metadata of a new object ---- */

/* Removes aws-chunked, which is only the transfer format. */
static struct str content_encoding(struct s3 *s, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    while (text.n) {
        struct str one = str_trim(str_cut(text, ',', &text));
        if (one.n && !str_ieq(one, STR("aws-chunked")))
            buf_addf(&out, "%s%.*s", out.n ? "," : "", STR_ARG(one));
    }
    return arena_str(s->arena, buf_str(&out));
}

/* NULL: responded. */
static const struct value *stored_headers(struct s3 *s)
{
    static const char *const names[] = {"Cache-Control", "Content-Disposition", "Content-Encoding",
        "Content-Language", "Content-Type", "Expires", REDIRECT};
    AUTO_BUILDER struct value_builder headers = VALUE_BUILDER(s->arena);
    if (!s3srv_new_encryption(s, &headers))
        return NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct str text = s3srv_header(s, names[i]), name = str_z(names[i]);
        if (i == 2)
            text = content_encoding(s, text);
        if (i == 4 && !text.n)
            text = STR("binary/octet-stream");
        if (text.n)
            value_builder_set(&headers, name, value_string(s->arena, text));
    }
    return value_builder_map(&headers);
}

/* NULL: responded. */
static const struct value *stored_meta(struct s3 *s)
{
    static const struct str prefix = STR_INIT("x-amz-meta-");
    AUTO_BUILDER struct value_builder meta = VALUE_BUILDER(s->arena);
    size_t total = 0;
    for (size_t i = 0; i < s->x->request.header_count; i++) {
        struct wire_header header = s->x->request.headers[i];
        if (header.name.n <= prefix.n || !str_ieq(str_slice(header.name, 0, prefix.n), prefix))
            continue;
        struct str key = arena_lower(s->arena, str_slice(header.name, prefix.n, header.name.n));
        total += key.n + header.value.n;
        value_builder_set(&meta, key, value_string(s->arena, header.value));
    }
    if (total <= MAX_META)
        return value_builder_map(&meta);
    s3srv_error(s, 400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size");
    return NULL;
}

static bool is_storage_class(struct str name)
{
    return str_is_any(name, "STANDARD STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING GLACIER DEEP_ARCHIVE "
                            "GLACIER_IR REDUCED_REDUNDANCY");
}

const struct value *s3srv_new_doc(struct s3 *s)
{
    const struct value *tags = s3srv_parse_tag_header(s, s3srv_header(s, "x-amz-tagging"));
    const struct value *meta = tags ? stored_meta(s) : NULL;
    if (!meta || !s3srv_check_canned_acl(s))
        return NULL;
    AUTO_BUILDER struct value_builder doc = VALUE_BUILDER(s->arena);
    struct str storage = s3srv_header(s, "x-amz-storage-class");
    if (storage.n && !is_storage_class(storage)) {
        s3srv_detail(s, "StorageClassRequested", storage);
        s3srv_error(s, 400, "InvalidStorageClass", "The storage class you specified is not valid");
        return NULL;
    }
    const struct value *headers = stored_headers(s);
    if (!headers)
        return NULL;
    value_builder_set(&doc, STR("headers"), headers);
    value_builder_set(&doc, STR("meta"), meta);
    if (tags->count)
        value_builder_set(&doc, STR("tags"), tags);
    if (storage.n && !str_eqz(storage, "STANDARD"))
        value_builder_set(&doc, STR("storage"), value_string(s->arena, storage));
    return value_builder_map(&doc);
}

const struct value *s3srv_sums(struct s3 *s, enum checksum_kind kind, struct str base64)
{
    struct value_entry entry = {str_z(checksum_name(kind)), value_string(s->arena, base64)};
    return kind == CHECKSUM_NONE || !base64.n ? &value_empty_map : value_map(s->arena, &entry, 1);
}

/* ---- put ---- */

void s3srv_before_put(struct s3 *s)
{
    if (s->key.n > MAX_KEY)
        s3srv_store_error(s, STORE_TOO_LONG, NULL);
    else if (s->x->content_length > MAX_PUT + (MAX_PUT >> 6)) /* includes the aws-chunked framing */
        s3srv_error(s, 400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
    else if (s3srv_bucket_or_error(s))
        s3srv_conditions_fit(s);
}

bool s3srv_put(
    struct s3 *s, struct pending *file, const struct value *doc, int64_t begun_ms, struct object *out)
{
    struct s3srv_condition condition;
    s3srv_write_condition(s, &condition);
    condition.begun_ms = begun_ms;
    struct store_change change = {.bucket = s->bucket,
        .key = s->key,
        .versioning = s3srv_versioning(s, s->bucket),
        .check = s3srv_check_write,
        .check_ctx = &condition};
    enum store_result result = store_object_put(s->arena, s->store, &change, file, doc, out);
    if (result != STORE_OK)
        s3srv_store_error(s, result, &condition);
    return result == STORE_OK;
}

static const struct value *with_content(struct s3 *s, const struct value *doc, int64_t size, struct str etag)
{
    doc = value_with(s->arena, doc, STR("size"), value_int(s->arena, size));
    doc = value_with(s->arena, doc, STR("etag"), value_string(s->arena, etag));
    const struct value *sums = s3srv_sums(s, s->in.sum.kind, s->in.sum_value);
    return sums->count ? value_with(s->arena, doc, STR("sums"), sums) : doc;
}

bool s3srv_put_content(
    struct s3 *s, const struct value *doc, int64_t size, const char *event, struct object *out)
{
    if (!s3srv_put(s, &s->in.file, with_content(s, doc, size, s->in.etag), 0, out))
        return false;
    s3srv_new_version_header(s, out);
    s3srv_encryption_headers(s, out->doc);
    s3srv_notify(s, event, s->key, out);
    return true;
}

static void copy_object(struct s3 *s);

void s3srv_put_object(struct s3 *s)
{
    struct object object;
    if (s3srv_header(s, "x-amz-copy-source").n) {
        copy_object(s);
        return;
    }
    const struct value *doc = s3srv_new_doc(s);
    if (!doc || !s3srv_put_content(s, doc, s->in.size, "ObjectCreated:Put", &object))
        return;
    s3srv_object_header_etag(s, object.etag);
    s3srv_checksum_headers(s, object.doc);
    reply_status(s->x, 200);
}

/* ---- copy ---- */

bool s3srv_parse_source(struct s3 *s, struct s3srv_source *out)
{
    struct str query, path = str_cut(s3srv_header(s, "x-amz-copy-source"), '?', &query), key;
    out->version = STR_EMPTY;
    if (query.p && str_starts(query, STR("versionId=")))
        out->version = str_slice(query, 10, query.n);
    if (!url_decode(s->arena, path, false, &path))
        return false;
    if (str_starts(path, STR("/")))
        path = str_slice(path, 1, path.n);
    out->bucket = str_cut(path, '/', &key);
    out->key = key;
    return key.p && key.n;
}

bool s3srv_copy_source(struct s3 *s, struct s3srv_source *out)
{
    const char *failed;
    if (!s3srv_parse_source(s, out)) {
        s3srv_argument(s, "x-amz-copy-source", STR("x-amz-copy-source"), "Invalid copy source object key");
        return false;
    }
    enum store_result result =
        store_object_read(s->arena, s->store, out->bucket, out->key, out->version, true, &out->object);
    if (result != STORE_OK) {
        s3srv_store_error(s, result, NULL);
        return false;
    }
    if (out->object.deleted)
        s3srv_store_error(s, STORE_NO_KEY, NULL);
    else if (!s3srv_may_decrypt(s, out->bucket, out->key, value_getz(out->object.doc, "headers")))
        ;
    else if (s3srv_check_read(s, "x-amz-copy-source-", &out->object, &failed))
        s3srv_precondition_failed(s, arena_printf(s->arena, "x-amz-copy-source-%s", failed));
    else
        return true;
    fd_close_ptr(&out->object.fd);
    return false;
}

bool s3srv_copy_content(struct s3 *s, const struct s3srv_source *source, int64_t first, int64_t n)
{
    struct object object = source->object;
    struct content *content = content_open(s->store, source->bucket, &object, object.fd);
    AUTO_FREE char *block = mem_alloc(COPY_BLOCK);
    struct checksum md5;
    checksum_init(&md5, CHECKSUM_MD5);
    checksum_release(&s->in.sum);
    checksum_init(&s->in.sum, s->in.sum.kind);
    bool ok = true;
    for (int64_t done = 0; ok && done < n;) {
        size_t wanted = n - done < COPY_BLOCK ? (size_t)(n - done) : COPY_BLOCK;
        ssize_t got = content_read(content, (uint64_t)(first + done), block, wanted);
        ok = got > 0 && !fd_write_all(s->in.file.fd, block, (size_t)got, NULL, s->in.file.path);
        if (ok) {
            checksum_update(&md5, block, (size_t)got);
            checksum_update(&s->in.sum, block, (size_t)got);
            done += got;
        }
    }
    content_close(content);
    struct str raw = checksum_final(s->arena, &md5);
    s->in.etag = hex_encode(s->arena, raw.p, raw.n);
    s->in.size = n;
    if (s->in.sum.kind != CHECKSUM_NONE)
        s->in.sum_value = base64_encode(s->arena, checksum_final(s->arena, &s->in.sum));
    if (!ok)
        s3srv_store_error(s, STORE_FAILED, NULL);
    return ok;
}

/* Replaces encryption and redirection, which are never copied, by those of `own`. */
static const struct value *with_own(struct s3 *s, const struct value *headers, const struct value *own)
{
    static const char *const names[] = {S3SRV_SSE, S3SRV_SSE_KEY, S3SRV_SSE_BUCKET_KEY, REDIRECT};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        headers = value_with(
            s->arena, headers ? headers : &value_empty_map, str_z(names[i]), value_getz(own, names[i]));
    return headers;
}

/* True if a copy onto itself would change nothing. Encryption counts as changed if the request or the bucket
 * configures it, or the source has a KMS key. */
static bool changes_nothing(struct s3 *s, const struct s3srv_source *source)
{
    static const char *const changing[] = {"x-amz-storage-class", REDIRECT, S3SRV_SSE};
    struct str text;
    for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
        if (s3srv_header(s, changing[i]).n)
            return false;
    return str_eq(s->bucket, source->bucket) && str_eq(s->key, source->key) && !source->version.n &&
           !store_setting(s->arena, s->store, s->bucket, STR("encryption"), &text) &&
           !value_getz(value_getz(source->object.doc, "headers"), S3SRV_SSE);
}

/* Returns headers, metadata and tags of the copy: the source's, or the request's with REPLACE. NULL:
 * responded. */
static const struct value *copied_doc(struct s3 *s, const struct s3srv_source *source)
{
    static const char *const kept[] = {
        "headers", "meta"}; /* the storage class is the request's, or STANDARD */
    bool replace = str_eqz(s3srv_header(s, "x-amz-metadata-directive"), "REPLACE");
    bool replace_tags = str_eqz(s3srv_header(s, "x-amz-tagging-directive"), "REPLACE");
    if (!replace && !replace_tags && changes_nothing(s, source)) {
        s3srv_error(s, 400, "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing "
            "the "
            "object's metadata, storage class, website redirect location or encryption attributes.");
        return NULL;
    }
    const struct value *doc = s3srv_new_doc(s);
    if (!doc)
        return NULL;
    const struct value *own = value_getz(doc, "headers");
    for (size_t i = 0; !replace && i < sizeof kept / sizeof kept[0]; i++)
        doc = value_with(s->arena, doc, str_z(kept[i]), value_getz(source->object.doc, kept[i]));
    if (!replace)
        doc = value_with(s->arena, doc, STR("headers"), with_own(s, value_getz(doc, "headers"), own));
    if (!replace_tags)
        doc = value_with(s->arena, doc, STR("tags"),
            store_tags(s->arena, s->store, source->bucket, source->key, &source->object));
    return doc;
}

/* Uses the source's checksum algorithm unless the request has another. */
static void choose_sum(struct s3 *s, const struct s3srv_source *source)
{
    const struct value *sums = value_getz(source->object.doc, "sums");
    enum checksum_kind kind = checksum_find(s3srv_header(s, "x-amz-checksum-algorithm"));
    if (kind == CHECKSUM_NONE && sums && sums->count)
        kind = checksum_find(sums->entries[0].key);
    checksum_release(&s->in.sum);
    checksum_init(&s->in.sum, kind);
}

static void copy_object(struct s3 *s)
{
    struct s3srv_source source;
    struct object object;
    if (!s3srv_copy_source(s, &source))
        return;
    const struct value *doc = copied_doc(s, &source);
    if (!doc) {
        fd_close_ptr(&source.object.fd);
        return;
    }
    choose_sum(s, &source);
    if (!s3srv_copy_content(s, &source, 0, source.object.size) ||
        !s3srv_put_content(s, doc, source.object.size, "ObjectCreated:Copy", &object))
        return;
    if (str_eqz(object.version, "null"))
        s3srv_version_header(s, &object); /* PutObject does not show this id */
    if (source.object.version.n && !str_eqz(source.object.version, "null"))
        reply_header(s->x, "x-amz-copy-source-version-id", source.object.version);
    AUTO_BUF struct buf out = BUF_INIT;
    xml_begin(&out, "CopyObjectResult");
    xml_time(&out, "LastModified", object.modified_ms);
    xml_etag(&out, object.etag);
    xml_checksum(s, &out, object.doc);
    xml_end(s, &out, "CopyObjectResult");
}
