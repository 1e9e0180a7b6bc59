/*
 * Listings: keys in byte order, grouped by a delimiter, in pages. A token encodes the last key or group of
 * the previous page.
 */
#include "base/hash.h"
#include "sandbox/s3/s3srv.h"

struct listing {
    struct s3 *s;
    struct buf keys, groups; /* XML of keys and groups; keys precede groups */
    struct str prefix, delimiter;
    struct str last; /* last key or group */
    bool url;        /* encoding-type=url */
    bool owner;      /* include the owner of each object */
    int64_t max, count;
    bool truncated;
    struct str version_marker; /* version or upload of the key marker after which the page begins */
    struct str last_version;   /* last version or upload */
};

static struct str list_encoded(const struct listing *l, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!l->url)
        return text;
    url_encode(&out, text, true);
    return arena_str(l->s->arena, buf_str(&out));
}

/* Returns the common prefix of a key up to the delimiter, or "" for the key itself. */
static struct str s3srv_list_group_of(const struct listing *l, struct str key)
{
    ptrdiff_t at = l->delimiter.n ? str_find(key, l->delimiter, l->prefix.n) : -1;
    return at < 0 ? STR_EMPTY : str_slice(key, 0, (size_t)at + l->delimiter.n);
}

/* Counts an item; false: the page is full. */
static bool s3srv_list_count(struct listing *l)
{
    if (l->count == l->max) {
        l->truncated = true;
        return false;
    }
    l->count++;
    return true;
}

static bool add_group(struct listing *l, struct walk *walk, struct str group)
{
    if (!s3srv_list_count(l))
        return false;
    l->last = walk->skip = arena_str(l->s->arena, group);
    l->last_version = STR_EMPTY;
    xml_open(&l->groups, "CommonPrefixes");
    xml_leaf(&l->groups, "Prefix", list_encoded(l, group));
    xml_close(&l->groups, "CommonPrefixes");
    return true;
}

static void add_object(struct listing *l, struct str key, const struct object *object)
{
    struct buf *out = &l->keys;
    xml_open(out, "Contents");
    xml_leaf(out, "Key", list_encoded(l, key));
    xml_time(out, "LastModified", object->modified_ms);
    xml_etag(out, object->etag);
    xml_checksum_kind(out, object->doc);
    xml_int(out, "Size", object->size);
    xml_leaf(out, "StorageClass", value_text(value_getz(object->doc, "storage"), STR("STANDARD")));
    if (l->owner)
        xml_owner(out);
    xml_close(out, "Contents");
}

static bool found_object(void *ctx, struct walk *walk, struct str key)
{
    struct listing *l = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct object object;
    enum store_result result =
        store_object_read(&scratch, l->s->store, l->s->bucket, key, STR_EMPTY, false, &object);
    walk->failed = store_cannot_read(result);
    if (result != STORE_OK || object.deleted)
        return true;
    struct str group = s3srv_list_group_of(l, key);
    if (group.n)
        return add_group(l, walk, group);
    if (!s3srv_list_count(l))
        return false;
    l->last = arena_str(l->s->arena, key);
    add_object(l, key, &object);
    return true;
}

static bool encoding_fits(struct s3 *s, bool *url)
{
    struct str encoding;
    *url = s3srv_parameter(s, "encoding-type", &encoding);
    if (!*url || str_eqz(encoding, "url"))
        return true;
    s3srv_argument(s, "encoding-type", encoding, "Invalid Encoding Method specified in Request");
    return false;
}

/* Reads the parameters common to all listings; `most` names that of a page's size. False: responded. */
static bool s3srv_list_begin(struct s3 *s, struct listing *l, const char *most)
{
    *l = (struct listing){.s = s, .last = STR_EMPTY, .last_version = STR_EMPTY, .version_marker = STR_EMPTY};
    l->prefix = s3srv_parameter_text(s, "prefix");
    l->delimiter = s3srv_parameter_text(s, "delimiter");
    return encoding_fits(s, &l->url) && s3srv_bucket_or_error(s) &&
           s3srv_number(s, most, 1000, 1000, &l->max);
}

static void s3srv_list_release(struct listing *l)
{
    buf_release(&l->keys);
    buf_release(&l->groups);
}

/* Starts after a marker. A page that ended with a group continues after the group; a marker may also be a key
 * in a group. */
static struct walk walk_after(struct listing *l, struct str after, bool whole_group)
{
    struct walk walk = {
        .prefix = l->prefix, .after = after, .skip = STR_EMPTY, .ctx = l, .found = found_object};
    struct str group = s3srv_list_group_of(l, after);
    if (group.n && str_starts(after, l->prefix) && (whole_group || str_eq(group, after)))
        walk.skip = group;
    return walk;
}

/* Lists the keys; false: responded with a read error. */
static bool walk_pages(struct listing *l, struct walk *walk)
{
    if (!l->max || store_walk(l->s->store, l->s->bucket, walk) == STORE_OK)
        return true;
    s3srv_store_error(l->s, STORE_FAILED, NULL);
    s3srv_list_release(l);
    return false;
}

static void write_page(struct listing *l, struct buf *out, const char *root)
{
    if (l->delimiter.n)
        xml_leaf(out, "Delimiter", list_encoded(l, l->delimiter));
    if (l->url)
        xml_leaf(out, "EncodingType", STR("url"));
    xml_bool(out, "IsTruncated", l->truncated);
    buf_add_str(out, buf_str(&l->keys));
    buf_add_str(out, buf_str(&l->groups));
    reply_header(l->s->x, "x-amz-bucket-region", s3srv_region_of(l->s, l->s->bucket));
    xml_end(l->s, out, root);
}

void s3srv_list_v1(struct s3 *s)
{
    struct listing l;
    AUTO_BUF struct buf out = BUF_INIT;
    if (!s3srv_list_begin(s, &l, "max-keys"))
        return;
    struct str marker = s3srv_parameter_text(s, "marker");
    l.owner = true;
    struct walk walk = walk_after(&l, marker, true);
    if (!walk_pages(&l, &walk))
        return;
    xml_begin(&out, "ListBucketResult");
    xml_leaf(&out, "Name", s->bucket);
    xml_leaf(&out, "Prefix", list_encoded(&l, l.prefix));
    xml_leaf(&out, "Marker", list_encoded(&l, marker));
    if (l.truncated && l.delimiter.n)
        xml_leaf(&out, "NextMarker", list_encoded(&l, l.last));
    xml_int(&out, "MaxKeys", l.max);
    write_page(&l, &out, "ListBucketResult");
    s3srv_list_release(&l);
}

void s3srv_list_v2(struct s3 *s)
{
    struct listing l;
    struct str token, text, after = s3srv_parameter_text(s, "start-after"), start = after;
    AUTO_BUF struct buf out = BUF_INIT;
    if (!s3srv_list_begin(s, &l, "max-keys"))
        return;
    bool go_on = s3srv_parameter(s, "continuation-token", &token);
    if (go_on && (!token.n || !base64_decode(s->arena, token, &text))) {
        s3srv_detail(s, "ArgumentName", STR("continuation-token"));
        s3srv_error(s, 400, "InvalidArgument", "The continuation token provided is incorrect");
        return;
    }
    if (go_on)
        start = text;
    l.owner = str_eqz(s3srv_parameter_text(s, "fetch-owner"), "true");
    struct walk walk = walk_after(&l, start, false);
    if (!walk_pages(&l, &walk))
        return;
    xml_begin(&out, "ListBucketResult");
    xml_leaf(&out, "Name", s->bucket);
    xml_leaf(&out, "Prefix", list_encoded(&l, l.prefix));
    xml_int(&out, "KeyCount", l.count);
    if (after.n && !go_on)
        xml_leaf(&out, "StartAfter", list_encoded(&l, after));
    if (go_on)
        xml_leaf(&out, "ContinuationToken", token);
    if (l.truncated)
        xml_leaf(&out, "NextContinuationToken", base64_encode(s->arena, l.last));
    xml_int(&out, "MaxKeys", l.max);
    write_page(&l, &out, "ListBucketResult");
    s3srv_list_release(&l);
}

/* ---- versions ---- */

struct one_key {
    struct listing *l;
    struct str key;
    bool latest, waiting; /* waiting: skips versions up to the version marker */
    bool full;
};

static bool add_version(void *ctx, const struct object *object)
{
    struct one_key *one = ctx;
    struct listing *l = one->l;
    bool latest = one->latest;
    one->latest = false;
    if (one->waiting) {
        one->waiting = !str_eq(object->version, l->version_marker);
        return true;
    }
    if (!s3srv_list_count(l)) {
        one->full = true;
        return false;
    }
    l->last = arena_str(l->s->arena, one->key);
    l->last_version = arena_str(l->s->arena, object->version);
    const char *element = object->deleted ? "DeleteMarker" : "Version";
    struct buf *out = &l->keys;
    xml_open(out, element);
    xml_leaf(out, "Key", list_encoded(l, one->key));
    xml_leaf(out, "VersionId", object->version);
    xml_bool(out, "IsLatest", latest);
    xml_time(out, "LastModified", object->modified_ms);
    if (!object->deleted) {
        xml_etag(out, object->etag);
        xml_checksum_kind(out, object->doc);
        xml_int(out, "Size", object->size);
        xml_leaf(out, "StorageClass", value_text(value_getz(object->doc, "storage"), STR("STANDARD")));
    }
    xml_owner(out);
    xml_close(out, element);
    return true;
}

/* Adds the versions of a key until the page is full. False: read error. */
static bool add_versions(struct one_key *one, struct arena *scratch)
{
    struct s3 *s = one->l->s;
    struct object current;
    enum store_result result =
        store_object_read(scratch, s->store, s->bucket, one->key, STR_EMPTY, false, &current);
    if (result == STORE_OK && add_version(one, &current))
        result = store_versions(scratch, s->store, s->bucket, one->key, current.sort, add_version, one);
    return !store_cannot_read(result);
}

static bool found_versions(void *ctx, struct walk *walk, struct str key)
{
    struct listing *l = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str group = s3srv_list_group_of(l, key);
    if (group.n)
        return add_group(l, walk, group);
    struct one_key one = {.l = l, .key = key, .latest = true};
    walk->failed = !add_versions(&one, &scratch);
    return !one.full;
}

/* Lists the remaining versions of the key marker, then the following keys. */
static bool walk_versions(struct listing *l, struct walk *walk, struct str key)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct one_key one = {.l = l, .key = key, .latest = true, .waiting = true};
    if (l->max && l->version_marker.n && !add_versions(&one, &scratch)) {
        s3srv_store_error(l->s, STORE_FAILED, NULL);
        s3srv_list_release(l);
        return false;
    }
    return one.full || walk_pages(l, walk);
}

void s3srv_list_versions(struct s3 *s)
{
    struct listing l;
    AUTO_BUF struct buf out = BUF_INIT;
    if (!s3srv_list_begin(s, &l, "max-keys"))
        return;
    struct str marker = s3srv_parameter_text(s, "key-marker");
    l.version_marker = s3srv_parameter_text(s, "version-id-marker");
    if (l.version_marker.n && !marker.n) {
        s3srv_argument(s, "version-id-marker", l.version_marker,
            "A version-id marker cannot be specified without a key marker.");
        return;
    }
    struct walk walk = walk_after(&l, marker, true);
    walk.found = found_versions;
    if (!walk_versions(&l, &walk, marker))
        return;
    xml_begin(&out, "ListVersionsResult");
    xml_leaf(&out, "Name", s->bucket);
    xml_leaf(&out, "Prefix", list_encoded(&l, l.prefix));
    xml_leaf(&out, "KeyMarker", list_encoded(&l, marker));
    xml_leaf(&out, "VersionIdMarker", l.version_marker);
    if (l.truncated) {
        xml_leaf(&out, "NextKeyMarker", list_encoded(&l, l.last));
        if (l.last_version.n)
            xml_leaf(&out, "NextVersionIdMarker", l.last_version);
    }
    xml_int(&out, "MaxKeys", l.max);
    write_page(&l, &out, "ListVersionsResult");
    s3srv_list_release(&l);
}

/* ---- uploads ---- */

/* Returns the uploads sorted by key and start time. NULL: read error. */
static const struct value *sorted_uploads(struct s3 *s)
{
    AUTO_BUILDER struct value_builder uploads = VALUE_BUILDER(s->arena);
    const struct value *ids = store_upload_ids(s->arena, s->store, s->bucket);
    if (!ids)
        return NULL;
    for (uint32_t i = 0; i < ids->count; i++) {
        const struct value *doc = store_upload_doc(s->arena, s->store, s->bucket, ids->items[i]->string);
        if (!doc)
            continue;
        struct str order = arena_printf(s->arena, "%.*s%c%020lld%.*s", STR_ARG(value_gets(doc, "key")), '\0',
            (long long)value_geti(doc, "initiated", 0), STR_ARG(ids->items[i]->string));
        value_builder_set(&uploads, order, value_with(s->arena, doc, STR("id"), ids->items[i]));
    }
    return value_builder_map(&uploads);
}

/* Adds an upload or its group. False: the page is full. */
static bool add_upload(struct listing *l, struct walk *walk, const struct value *doc)
{
    struct buf *out = &l->keys;
    struct str key = value_gets(doc, "key"), group = s3srv_list_group_of(l, key);
    if (group.n)
        return add_group(l, walk, group);
    if (!s3srv_list_count(l))
        return false;
    l->last = key;
    l->last_version = value_gets(doc, "id");
    xml_open(out, "Upload");
    xml_leaf(out, "Key", list_encoded(l, key));
    xml_leaf(out, "UploadId", l->last_version);
    xml_upload_owners(l->s, out, doc);
    xml_time(out, "Initiated", value_geti(doc, "initiated", 0));
    xml_close(out, "Upload");
    return true;
}

/* Adds the uploads after the markers until the page is full. */
static void add_uploads(struct listing *l, struct walk walk, const struct value *uploads)
{
    bool waiting = l->version_marker.n > 0; /* for the upload of the id marker */
    for (uint32_t i = 0; i < uploads->count; i++) {
        const struct value *doc = uploads->entries[i].value;
        struct str key = value_gets(doc, "key");
        int order = walk.after.n ? str_cmp(key, walk.after) : 1;
        if (order == 0 && waiting)
            waiting = !str_eq(value_gets(doc, "id"), l->version_marker);
        else if (order >= (l->version_marker.n ? 0 : 1) && str_starts(key, walk.prefix) &&
                 !(walk.skip.n && str_starts(key, walk.skip)) && !add_upload(l, &walk, doc))
            return;
    }
}

/* Checks that the id marker belongs to the key marker; without a key marker it is ignored. */
static bool id_marker_fits(struct listing *l, struct str marker)
{
    struct s3 *s = l->s;
    if (!marker.n)
        l->version_marker = STR_EMPTY;
    const struct value *doc =
        l->version_marker.n ? store_upload_doc(s->arena, s->store, s->bucket, l->version_marker) : NULL;
    if (!doc || str_eq(value_gets(doc, "key"), marker))
        return true;
    s3srv_argument(s, "upload-id-marker", l->version_marker, "Invalid uploadId marker");
    return false;
}

void s3srv_list_uploads(struct s3 *s)
{
    struct listing l;
    AUTO_BUF struct buf out = BUF_INIT;
    if (!s3srv_list_begin(s, &l, "max-uploads"))
        return;
    struct str marker = s3srv_parameter_text(s, "key-marker");
    l.version_marker = s3srv_parameter_text(s, "upload-id-marker");
    const struct value *uploads = sorted_uploads(s);
    if (!uploads) {
        s3srv_store_error(s, STORE_FAILED, NULL);
        return;
    }
    if (!id_marker_fits(&l, marker))
        return;
    add_uploads(&l, walk_after(&l, marker, true), uploads);
    xml_begin(&out, "ListMultipartUploadsResult");
    xml_leaf(&out, "Bucket", s->bucket);
    xml_leaf(&out, "KeyMarker", list_encoded(&l, marker));
    xml_leaf(&out, "UploadIdMarker", l.version_marker);
    xml_leaf(&out, "NextKeyMarker", list_encoded(&l, l.last));
    xml_leaf(&out, "NextUploadIdMarker", l.last_version);
    if (l.prefix.n)
        xml_leaf(&out, "Prefix", list_encoded(&l, l.prefix));
    xml_int(&out, "MaxUploads", l.max);
    write_page(&l, &out, "ListMultipartUploadsResult");
    s3srv_list_release(&l);
}
