/* What `aws.s3.directory` remembers of the files that it has put into a bucket: see s3_manifest.h. */
#include "provider/aws/s3/s3_manifest.h"

#include "base/hash.h"

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
