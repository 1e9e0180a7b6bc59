/* Multipart uploads. Completing an upload copies nothing: the object refers to the parts. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "sandbox/s3/s3srv.h"

enum { MIN_PART = 5 * 1024 * 1024 };

static void detail_upload(struct s3 *s)
{
    s3srv_detail(s, "UploadId", s3srv_parameter_text(s, "uploadId"));
}

static void no_such_upload(struct s3 *s)
{
    detail_upload(s);
    s3srv_error(s, 404, "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or "
        "completed.");
}

const struct value *s3srv_find_upload(struct s3 *s, struct str *id)
{
    *id = s3srv_parameter_text(s, "uploadId");
    if (!s3srv_bucket_or_error(s))
        return NULL;
    const struct value *doc = store_upload_doc(s->arena, s->store, s->bucket, *id);
    if (doc && str_eq(value_gets(doc, "key"), s->key))
        return doc;
    no_such_upload(s);
    return NULL;
}

/* ---- create, abort ---- */

void s3srv_create_upload(struct s3 *s)
{
    AUTO_BUF struct buf out = BUF_INIT;
    unsigned char random[16];
    struct str algorithm = s3srv_header(s, "x-amz-checksum-algorithm"),
               type = s3srv_header(s, "x-amz-checksum-type");
    enum checksum_kind kind = checksum_find(algorithm);
    s3srv_before_put(s);
    const struct value *doc = s->x->answered ? NULL : s3srv_new_doc(s);
    if (!doc)
        return;
    if (algorithm.n && kind == CHECKSUM_NONE) {
        s3srv_error(s, 400, "InvalidRequest", "Checksum algorithm provided is unsupported.");
        return;
    }
    if (!type.n)
        type = kind == CHECKSUM_CRC64NVME ? STR("FULL_OBJECT") : STR("COMPOSITE");
    if (kind != CHECKSUM_NONE && str_eqz(type, "FULL_OBJECT") != (kind == CHECKSUM_CRC64NVME) &&
        (!checksum_is_linear(kind) || kind == CHECKSUM_CRC64NVME)) {
        s3srv_error(
            s, 400, "InvalidRequest", "The checksum type cannot be used with this checksum algorithm.");
        return;
    }
    hash_random(random, sizeof random);
    struct str id = hex_encode(s->arena, random, sizeof random);
    doc = value_with(s->arena, doc, STR("key"), value_string(s->arena, s->key));
    doc = value_with(s->arena, doc, STR("initiated"), value_int(s->arena, clock_wall_ms()));
    if (kind != CHECKSUM_NONE) {
        doc = value_with(s->arena, doc, STR("algorithm"), value_stringz(s->arena, checksum_name(kind)));
        doc = value_with(s->arena, doc, STR("sums_type"), value_string(s->arena, type));
        reply_header(s->x, "x-amz-checksum-algorithm", str_z(checksum_name(kind)));
        reply_header(s->x, "x-amz-checksum-type", type);
    }
    enum store_result result = store_upload_create(s->store, s->bucket, id, doc);
    if (result != STORE_OK) {
        s3srv_store_error(s, result, NULL);
        return;
    }
    s3srv_encryption_headers(s, doc);
    xml_begin(&out, "InitiateMultipartUploadResult");
    xml_leaf(&out, "Bucket", s->bucket);
    xml_leaf(&out, "Key", s->key);
    xml_leaf(&out, "UploadId", id);
    xml_end(s, &out, "InitiateMultipartUploadResult");
}

/* True if the upload became an object before a process was killed: it is still listed, but its parts belong
 * to the object. */
static bool is_object_already(struct s3 *s, struct str id)
{
    struct object object;
    return store_object_read(s->arena, s->store, s->bucket, s->key, STR_EMPTY, false, &object) == STORE_OK &&
           str_eq(value_gets(object.doc, "upload"), id);
}

/* Runs fn with the upload's lock held for writing, so that no part is put concurrently. */
static void with_upload_lock(struct s3 *s, s3srv_fn *fn)
{
    pthread_rwlock_t *lock = store_upload_lock(s->store, s3srv_parameter_text(s, "uploadId"));
    pthread_rwlock_wrlock(lock);
    fn(s);
    pthread_rwlock_unlock(lock);
}

static void abort_upload(struct s3 *s)
{
    struct str id;
    if (!s3srv_find_upload(s, &id))
        return;
    if (is_object_already(s, id)) {
        no_such_upload(s);
        return;
    }
    store_upload_remove(s->store, s->bucket, id);
    reply_status(s->x, 204);
}

void s3srv_abort_upload(struct s3 *s)
{
    with_upload_lock(s, abort_upload);
}

/* ---- parts ---- */

static bool part_number(struct s3 *s, int *out)
{
    int64_t number;
    bool ok = str_to_int(s3srv_parameter_text(s, "partNumber"), &number) && number >= 1 &&
              number <= S3SRV_PARTS_MAX;
    if (!ok)
        s3srv_argument(s, "partNumber", s3srv_parameter_text(s, "partNumber"),
            "Part number must be an integer between 1 and 10000, inclusive");
    *out = ok ? (int)number : 0;
    return ok;
}

void s3srv_before_part(struct s3 *s)
{
    struct str id;
    int number;
    if (part_number(s, &number))
        s3srv_find_upload(s, &id);
}

/* Parses x-amz-copy-source-range; false: responded. */
static bool copy_range(struct s3 *s, int64_t size, int64_t *first, int64_t *n)
{
    struct str text = s3srv_header(s, "x-amz-copy-source-range"), last;
    int64_t to;
    *first = 0;
    *n = size;
    if (!text.n)
        return true;
    bool ok = str_starts(text, STR("bytes="));
    if (ok) {
        struct str from = str_cut(str_slice(text, 6, text.n), '-', &last);
        ok = last.p && str_to_int(from, first) && str_to_int(last, &to) && *first >= 0 && to >= *first;
    }
    if (!ok)
        s3srv_argument(s, "x-amz-copy-source-range", text,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are "
            "the zero-based offsets of the first and last bytes to copy");
    else if (*first >= size)
        s3srv_error(
            s, 400, "InvalidRequest", "The specified copy range is invalid for the source object size");
    else if (to >= size)
        s3srv_argument(s, "x-amz-copy-source-range", text,
            arena_printf(
                s->arena, "Range specified is not valid for source object of size: %lld", (long long)size)
                .p);
    if (!ok || to >= size)
        return false;
    *n = to - *first + 1;
    return true;
}

static bool copy_part(struct s3 *s)
{
    struct s3srv_source source;
    int64_t first, n;
    if (!s3srv_copy_source(s, &source))
        return false;
    if (!copy_range(s, source.object.size, &first, &n)) {
        fd_close_ptr(&source.object.fd);
        return false;
    }
    return s3srv_copy_content(s, &source, first, n);
}

static void answer_part(struct s3 *s, bool copied, const struct value *upload, const struct value *doc)
{
    AUTO_BUF struct buf out = BUF_INIT;
    s3srv_encryption_headers(s, upload);
    if (!copied) {
        s3srv_object_header_etag(s, s->in.etag);
        s3srv_sum_headers(s, doc);
        reply_status(s->x, 200);
        return;
    }
    xml_begin(&out, "CopyPartResult");
    xml_time(&out, "LastModified", clock_wall_ms());
    xml_etag(&out, s->in.etag);
    xml_end(s, &out, "CopyPartResult");
}

void s3srv_upload_part(struct s3 *s)
{
    struct str id;
    int number;
    bool copied = s3srv_header(s, "x-amz-copy-source").n > 0;
    const struct value *upload = part_number(s, &number) ? s3srv_find_upload(s, &id) : NULL;
    if (!upload)
        return;
    if (copied) {
        checksum_release(&s->in.sum);
        checksum_init(&s->in.sum, checksum_find(value_gets(upload, "algorithm")));
        if (!copy_part(s))
            return;
    }
    const struct value *doc = VALUE_MAP(s->arena, {STR("size"), value_int(s->arena, s->in.size)},
        {STR("etag"), value_string(s->arena, s->in.etag)},
        {STR("sums"), s3srv_sums(s, s->in.sum.kind, s->in.sum_value)});
    pthread_rwlock_t *lock = store_upload_lock(s->store, id);
    pthread_rwlock_rdlock(lock);
    bool open = store_upload_doc(s->arena, s->store, s->bucket, id) != NULL;
    enum store_result result =
        open ? store_part_put(s->arena, s->store, s->bucket, id, number, &s->in.file, doc) : STORE_NO_KEY;
    pthread_rwlock_unlock(lock);
    if (result == STORE_NO_KEY)
        no_such_upload(s);
    else if (result != STORE_OK)
        s3srv_store_error(s, result, NULL);
    else
        answer_part(s, copied, upload, doc);
}

/* ---- complete ---- */

struct assembly {
    struct s3 *s;
    const struct value *upload;
    struct value_builder parts, numbers;
    struct checksum md5, composite;
    enum checksum_kind kind; /* CHECKSUM_NONE: no checksum was requested */
    bool full;               /* a CRC of the whole object instead of a hash of the parts' checksums */
    struct str combined;     /* raw CRC so far, if full */
    int64_t size;
};

static bool s3srv_multipart_refuse(struct s3 *s, const char *code, const char *message)
{
    s3srv_error(s, 400, code, message);
    return false;
}

static bool add_sum(struct assembly *a, const struct value *asked, const struct value *doc)
{
    struct s3 *s = a->s;
    const char *name = checksum_name(a->kind);
    struct str have = value_gets(value_getz(doc, "sums"), name), raw;
    struct str claimed = value_gets(asked, arena_printf(s->arena, "Checksum%s", name).p);
    if (a->kind == CHECKSUM_NONE)
        return true;
    if (claimed.n && !str_eq(claimed, have))
        return s3srv_multipart_refuse(
            s, "InvalidPart", "One or more of the specified parts could not be found.");
    if (!have.n || !base64_decode(s->arena, have, &raw))
        return s3srv_multipart_refuse(s, "InvalidRequest",
            "The upload was created using a checksum. The complete request must include "
            "the checksum for each part.");
    if (!a->full)
        checksum_update(&a->composite, raw.p, raw.n);
    else if (!a->combined.n)
        a->combined = raw;
    else
        a->combined =
            checksum_combine(s->arena, a->kind, a->combined, raw, (uint64_t)value_geti(doc, "size", 0));
    return true;
}

/* Appends a part to the object. */
static bool take_part(
    struct assembly *a, const struct value *asked, const struct value *doc, int64_t number, int64_t size)
{
    struct s3 *s = a->s;
    struct str raw;
    if (!add_sum(a, asked, doc) || !hex_decode(s->arena, value_gets(doc, "etag"), &raw))
        return false;
    checksum_update(&a->md5, raw.p, raw.n);
    a->size += size;
    struct value_entry entries[] = {{STR("number"), value_int(s->arena, number)},
        {STR("size"), value_getz(doc, "size")}, {STR("etag"), value_getz(doc, "etag")},
        {STR("sums"), value_getz(doc, "sums")}};
    value_builder_add(&a->parts, value_map(s->arena, entries, a->kind == CHECKSUM_NONE ? 3 : 4));
    value_builder_add(&a->numbers, value_int(s->arena, number));
    return true;
}

static bool add_part(struct assembly *a, struct str id, const struct value *asked, bool last)
{
    struct s3 *s = a->s;
    int64_t number;
    const struct value *doc;
    if (!str_to_int(str_trim(value_gets(asked, "PartNumber")), &number) || number < 1 ||
        number > S3SRV_PARTS_MAX)
        return s3srv_multipart_refuse(s, "MalformedXML", "The XML you provided was not well-formed");
    struct str etag = s3srv_unquoted(value_gets(asked, "ETag"));
    bool found = store_part_read(s->arena, s->store, s->bucket, id, (int)number, &doc, NULL) == STORE_OK &&
                 str_eq(etag, value_gets(doc, "etag"));
    int64_t size = found ? value_geti(doc, "size", 0) : MIN_PART;
    if (found && (last || size >= MIN_PART))
        return take_part(a, asked, doc, number, size);
    s3srv_detail(s, "PartNumber", arena_printf(s->arena, "%lld", (long long)number));
    s3srv_detail(s, "ETag", etag);
    if (!found) {
        detail_upload(s);
        return s3srv_multipart_refuse(s, "InvalidPart",
            "One or more of the specified parts could not be found.  The part may not have been uploaded, or "
            "the specified entity tag may not match the part's entity tag.");
    }
    s3srv_detail(s, "MinSizeAllowed", arena_printf(s->arena, "%d", MIN_PART));
    s3srv_detail(s, "ProposedSize", arena_printf(s->arena, "%lld", (long long)size));
    return s3srv_multipart_refuse(
        s, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
}

/* Returns the object's checksum, after comparing it with the request's. NULL: responded. */
static const struct value *finish_sum(struct assembly *a)
{
    struct s3 *s = a->s;
    size_t n = a->parts.n;
    if (a->kind == CHECKSUM_NONE)
        return &value_empty_map;
    struct str raw = a->full ? a->combined : checksum_final(s->arena, &a->composite);
    struct str text = base64_encode(s->arena, raw), claimed;
    if (!a->full)
        text = arena_printf(s->arena, "%.*s-%zu", STR_ARG(text), n);
    claimed = wire_header_get(&s->x->request, checksum_header(s->arena, a->kind));
    if (claimed.n && !str_eq(claimed, text)) {
        s3srv_multipart_refuse(s, "BadDigest", "The checksum you specified did not match what we received.");
        return NULL;
    }
    return s3srv_sums(s, a->kind, text);
}

static const struct value *object_doc(struct assembly *a, struct str id)
{
    struct s3 *s = a->s;
    static const char *const kept[] = {"headers", "meta", "tags", "storage"};
    size_t n = a->parts.n;
    const struct value *sums = finish_sum(a);
    if (!sums)
        return NULL;
    struct str raw = checksum_final(s->arena, &a->md5);
    struct str etag = arena_printf(s->arena, "%.*s-%zu", STR_ARG(hex_encode(s->arena, raw.p, raw.n)), n);
    AUTO_BUILDER struct value_builder doc = VALUE_BUILDER(s->arena);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++)
        if (value_getz(a->upload, kept[i]))
            value_builder_set(&doc, str_z(kept[i]), value_getz(a->upload, kept[i]));
    value_builder_set(&doc, STR("size"), value_int(s->arena, a->size));
    value_builder_set(&doc, STR("etag"), value_string_ref(s->arena, etag));
    value_builder_set(&doc, STR("upload"), value_string(s->arena, id));
    value_builder_set(&doc, STR("parts"), value_builder_list(&a->parts));
    if (sums->count) {
        value_builder_set(&doc, STR("sums"), sums);
        value_builder_set(&doc, STR("sums_type"), value_getz(a->upload, "sums_type"));
    }
    return value_builder_map(&doc);
}

static void answer_complete(struct s3 *s, const struct object *object)
{
    AUTO_BUF struct buf out = BUF_INIT;
    s3srv_new_version_header(s, object);
    s3srv_encryption_headers(s, object->doc);
    xml_begin(&out, "CompleteMultipartUploadResult");
    xml_leaf(&out, "Location", s3srv_object_url(s));
    xml_leaf(&out, "Bucket", s->bucket);
    xml_leaf(&out, "Key", s->key);
    xml_etag(&out, object->etag);
    xml_checksum(s, &out, object->doc);
    xml_end(s, &out, "CompleteMultipartUploadResult");
}

static void s3srv_multipart_commit(struct assembly *a, struct str id)
{
    struct s3 *s = a->s;
    struct pending pending = {.fd = -1};
    struct object object;
    const struct value *numbers = value_builder_list(&a->numbers), *doc = object_doc(a, id);
    if (!doc)
        return;
    if (store_write_begin(s->store, &pending)) {
        s3srv_store_error(s, STORE_FAILED, NULL);
        return;
    }
    if (!s3srv_put(s, &pending, doc, value_geti(a->upload, "initiated", 0), &object))
        return;
    store_upload_finish(s->store, s->bucket, id, numbers);
    s3srv_notify(s, "ObjectCreated:CompleteMultipartUpload", s->key, &object);
    answer_complete(s, &object);
}

/* Repeats the response to a client that did not receive it. */
static bool answer_again(struct s3 *s)
{
    struct object object;
    struct str id = s3srv_parameter_text(s, "uploadId");
    if (!is_object_already(s, id) ||
        store_object_read(s->arena, s->store, s->bucket, s->key, STR_EMPTY, false, &object) != STORE_OK)
        return false;
    answer_complete(s, &object);
    return true;
}

/* Checks the order of the parts before they are read. */
static bool check_order(struct s3 *s, const struct value *const *items, size_t n)
{
    int64_t last = 0, number = 0;
    for (size_t i = 0; i < n; i++, last = number)
        if (str_to_int(str_trim(value_gets(items[i], "PartNumber")), &number) && number <= last) {
            detail_upload(s);
            return s3srv_multipart_refuse(s, "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.");
        }
    return true;
}

static void complete_upload(struct s3 *s)
{
    struct str id;
    const struct value *const *items, *one;
    if (answer_again(s) || !s3srv_conditions_fit(s))
        return;
    const struct value *upload = s3srv_find_upload(s, &id), *body;
    if (!upload || !s3srv_may_decrypt(s, s->bucket, s->key, value_getz(upload, "headers")))
        return; /* completing reads the parts, so it needs the key */
    if (!str_trim(s->x->request.body).n) {
        s3srv_multipart_refuse(s, "InvalidRequest", "You must specify at least one part");
        return;
    }
    if (!(body = s3srv_body(s, "CompleteMultipartUpload")))
        return;
    size_t n = s3srv_items(value_getz(body, "Part"), &items, &one);
    if (!n) {
        s3srv_multipart_refuse(s, "MalformedXML", "You must specify at least one part");
        return;
    }
    struct assembly a = {.s = s,
        .upload = upload,
        .parts = VALUE_BUILDER(s->arena),
        .numbers = VALUE_BUILDER(s->arena),
        .kind = checksum_find(value_gets(upload, "algorithm")),
        .full = str_eqz(value_gets(upload, "sums_type"), "FULL_OBJECT"),
        .combined = STR_EMPTY};
    checksum_init(&a.md5, CHECKSUM_MD5);
    checksum_init(&a.composite, a.full ? CHECKSUM_NONE : a.kind);
    bool ok = check_order(s, items, n);
    for (size_t i = 0; ok && i < n; i++)
        ok = add_part(&a, id, items[i], i + 1 == n);
    if (ok)
        s3srv_multipart_commit(&a, id);
    checksum_release(&a.md5);
    checksum_release(&a.composite);
    value_builder_release(&a.parts);
    value_builder_release(&a.numbers);
}

void s3srv_complete_upload(struct s3 *s)
{
    with_upload_lock(s, complete_upload);
}
