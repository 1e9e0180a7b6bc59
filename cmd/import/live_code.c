/* What answers have of an attribute that none has as such, such as a function's code: see live_internal.h. */
#include "cmd/import/live_internal.h"

#include "base/file.h"
#include "base/hash.h"
#include "provider/spec/spec.h"
#include "provider/wire/wire.h"
#include "stacks/fetch/download.h"

#include <stdio.h>
#include <unistd.h>

/* The text at this path of the first answer that has one; "" none. */
static struct str reported_at(struct live *l, const struct value *documents, struct str path)
{
    for (uint32_t i = 0; path.n && documents && i < documents->count; i++) {
        struct str text = value_text(wire_path(l->arena, documents->items[i], path), STR_EMPTY);
        if (text.n)
            return text;
    }
    return STR_EMPTY;
}

/* Is it the file that the service says it is? */
static int check_sha256(const char *path, struct str expected, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    unsigned char digest[SHA256_SIZE];
    struct str bytes;
    if (file_read(&arena, path, 0, &bytes, err))
        return -1;
    hash_sha256(bytes, digest);
    if (str_eq(base64_encode(&arena, (struct str){(const char *)digest, sizeof digest}), expected))
        return 0;
    return err_set(err, ERR_PROTOCOL, "what came is not what the service reports: its SHA-256 is another");
}

/* Into the folder of the draft; never over a file that is there already, unless --force says so. */
static int fetch_file(struct live *l, struct str url, struct str sha256, struct str file, struct err *err)
{
    struct str path = path_join(l->arena, str_z(l->wanted->folder), file);
    struct str part = arena_printf(l->arena, "%.*s.part", STR_ARG(path));
    if (path_exists(path.p) && !l->wanted->force)
        return err_set(err, ERR_USAGE, "%s exists already", path.p);
    if (dir_make(l->wanted->folder, err))
        return -1;
    int status = download_https(l->wanted->http, url, part.p, err);
    if (!status && sha256.n)
        status = check_sha256(part.p, sha256, err);
    if (!status && rename(part.p, path.p))
        status = err_errno(err, ERR_IO, "cannot write %s", path.p);
    if (status)
        unlink(part.p);
    return status;
}

/* The file as an artifact, kept in a bucket that whoever applies the draft gives. */
static struct said *as_artifact(struct live *l, struct str name, struct str file)
{
    struct draft_resource *made = draft_resource(l->draft);
    made->name = draft_name(l->draft, name, STR("code"));
    made->type = STR("weir.artifact");
    made->schema = catalog_find(l->draft->catalog, made->type, false, ERR_IGNORED);
    made->attrs = said_new(l->arena, SAID_MAP, NULL);
    said_set(l->arena, made->attrs, STR("source"), said_string(l->arena, file, NULL));
    said_set(l->arena, made->attrs, STR("store"),
        said_code(l->arena, NULL, "%s",
            draft_ask(l->draft, STR("code_store"), "string",
                STR("Bucket that code is kept in, and a prefix of keys after a slash"), false)
                .p));
    struct said *out = said_new(l->arena, SAID_MAP, NULL);
    said_set(l->arena, out, STR("s3_bucket"), said_code(l->arena, NULL, "%.*s.bucket", STR_ARG(made->name)));
    said_set(l->arena, out, STR("s3_key"), said_code(l->arena, NULL, "%.*s.key", STR_ARG(made->name)));
    return out;
}

static struct said *fetched_file(struct live *l, const struct there *one, const struct attr *attr,
    struct str url, struct str sha256, struct buf *comment)
{
    struct str name = draft_snake(l->arena,
        arena_printf(l->arena, "%.*s_%.*s", STR_ARG(str_last_part(one->id, ":/")), STR_ARG(attr->name)));
    struct str file = arena_printf(l->arena, "%.*s.zip", STR_ARG(name));
    struct err err = ERR_INIT;
    if (fetch_file(l, url, sha256, file, &err)) {
        buf_addf(comment, "# `%.*s` could not be fetched: %s\n", STR_ARG(attr->name), err.message);
        return NULL;
    }
    buf_addf(comment, "# `%.*s` was fetched into %.*s\n", STR_ARG(attr->name), STR_ARG(file));
    return as_artifact(l, name, file);
}

struct said *live_elsewhere(struct live *l, const struct there *one, const struct attr *attr,
    const struct value *documents, struct buf *comment)
{
    const struct spec_attr *known = spec_attr_find(one->schema->impl, attr->name);
    const struct value *imported = known ? known->imported : NULL;
    struct said *out = said_new(l->arena, SAID_MAP, NULL);
    for (uint32_t i = 0; imported && i < imported->count; i++) {
        struct str field = imported->entries[i].key;
        struct str text = reported_at(l, documents, value_text(imported->entries[i].value, STR_EMPTY));
        if (text.n && !str_eqz(field, "fetch") && !str_eqz(field, "sha256"))
            said_set(l->arena, out, field, said_string(l->arena, text, NULL));
    }
    struct str url = reported_at(l, documents, value_gets(imported, "fetch"));
    if (out->n)
        return out;
    if (!url.n || !l->wanted->folder)
        return NULL;
    return fetched_file(
        l, one, attr, url, reported_at(l, documents, value_gets(imported, "sha256")), comment);
}
