/* Parses module sources, and reads and writes weir.lock, which pins remote sources: see module_lock.h. */
#include "stacks/load/module_lock.h"

#include "base/file.h"
#include "provider/http/target.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- parsing of sources ---- */

enum { TEXT_MAX = 900 }; /* the source is a key in the lock, and YAML limits keys to 1,024 characters */

#define GIT_MARK   "git::"
#define HTTPS_MARK "https://"
#define HTTP_MARK  "http://"
#define S3_MARK    "s3://"

bool module_source_is_remote(struct str text)
{
    return str_starts(text, STR(GIT_MARK)) || str_starts(text, STR(HTTPS_MARK)) ||
           str_starts(text, STR(HTTP_MARK)) || str_starts(text, STR(S3_MARK));
}

bool module_is_commit(struct str text)
{
    return (text.n == 40 || text.n == 64) && str_is_made_of(text, CHARS_HEX);
}

/* ---- what follows the address: checksum, ref, folder ---- */

static int read_checksum(struct arena *arena, struct str value, struct module_source *out, struct err *err)
{
    static const struct str prefix = STR_INIT("sha256:");
    char *digits = arena_strz(arena, str_starts(value, prefix) ? str_slice(value, prefix.n, value.n) : value);
    for (char *c = digits; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'F' ? *c - 'A' + 'a' : *c);
    out->checksum = str_z(digits);
    if (str_starts(value, prefix) && out->checksum.n == 64 && str_is_made_of(out->checksum, CHARS_HEX))
        return 0;
    err_set(err, ERR_INVALID, "a checksum is `sha256:` and 64 hex digits");
    return err_hint(err, "`sha256sum FILE` prints them");
}

/* Checks a tag, branch or commit by git's rules for names, and excludes everything that git could take for an
 * option or a range. */
static int read_ref(struct str value, struct module_source *out, struct err *err)
{
    bool odd = !value.n || value.p[0] == '-' || value.p[0] == '/' || str_find(value, STR(".."), 0) >= 0 ||
               str_find(value, STR("@{"), 0) >= 0;
    for (size_t i = 0; i < value.n; i++)
        odd = odd || (unsigned char)value.p[i] <= ' ' || strchr("\x7f~^:?*[\\", value.p[i]);
    out->ref = value;
    return odd ? err_set(
                     err, ERR_INVALID, "\"%.*s\" is not a name of a tag, branch or commit", STR_ARG(value))
               : 0;
}

static int read_setting(
    struct arena *arena, struct str name, struct str value, struct module_source *out, struct err *err)
{
    static const struct str known[] = {STR_INIT("ref"), STR_INIT("checksum"), STR_INIT("region")};
    if (out->kind == MODULE_GIT && str_eqz(name, "ref"))
        return read_ref(value, out, err);
    if (out->kind != MODULE_GIT && str_eqz(name, "checksum"))
        return read_checksum(arena, value, out, err);
    if (out->kind == MODULE_S3 && str_eqz(name, "region")) {
        out->region = value;
        return 0;
    }
    struct str near = str_nearest(name, known, sizeof known / sizeof *known);
    err_set(err, ERR_INVALID, "%s has no setting \"%.*s\"",
        out->kind == MODULE_GIT ? "a source in git" : "a source that is an archive", STR_ARG(name));
    if (near.n && !str_eq(near, name))
        return err_hint(err, "did you mean \"%.*s\"?", STR_ARG(near));
    return err_hint(err, "%s",
        out->kind == MODULE_GIT  ? "?ref=TAG says which version"
        : out->kind == MODULE_S3 ? "?checksum=sha256:… says what it must be, &region=… where the bucket is"
                                 : "?checksum=sha256:… says what it must be");
}

static int read_settings(struct arena *arena, struct str query, struct module_source *out, struct err *err)
{
    while (query.p && query.n) {
        struct str value, one = str_cut(query, '&', &query), name = str_cut(one, '=', &value);
        if (read_setting(arena, name, value.p ? value : STR_EMPTY, out, err))
            return -1;
    }
    return 0;
}

/* Reads the folder after `//`, which must not lead upwards. */
static int read_dir(struct str dir, struct module_source *out, struct err *err)
{
    while (str_ends(dir, STR("/")))
        dir.n--;
    out->dir = dir;
    for (struct str step, rest = dir; rest.p && rest.n;) {
        step = str_cut(rest, '/', &rest);
        if (!step.n || str_eqz(step, ".") || str_eqz(step, ".."))
            return err_set(
                err, ERR_INVALID, "\"//%.*s\" is not a folder within the source", STR_ARG(out->dir));
    }
    return 0;
}

/* ---- the address ---- */

static int refuse_password(struct err *err)
{
    err_set(err, ERR_INVALID, "a source must not hold a password: it is kept in weir.lock, and shown");
    return err_hint(err, "git asks its credential helpers, ssh its agent");
}

/* Checks ssh://user@host/…, https://host/…, file:///…, and user@host:path in ssh's notation. */
static int check_git(struct arena *arena, struct module_source *out, struct err *err)
{
    ptrdiff_t scheme = str_find(out->url, STR("://"), 0), at = str_find_char(out->url, '@', 0);
    struct str authority = scheme < 0 ? STR_EMPTY : str_slice(out->url, (size_t)scheme + 3, out->url.n);
    struct str name = scheme < 0 ? STR_EMPTY : str_slice(out->url, 0, (size_t)scheme), rest;
    authority = str_cut(authority, '/', &rest);
    if (out->url.n && out->url.p[0] == '-')
        return err_set(err, ERR_INVALID, "\"%.*s\" is not an address of a repository", STR_ARG(out->url));
    if (str_eqz(name, "https") || str_eqz(name, "http")) {
        struct http_target target;
        if (str_find_char(authority, '@', 0) >= 0)
            return refuse_password(err);
        if (http_target_parse(out->url, &target, err))
            return -1;
        if (target.tls || target.loopback)
            return 0;
        err_set(err, ERR_INVALID, "over plain HTTP anybody on the way could change what is fetched");
        return err_hint(err, "git::https://%.*s", STR_ARG(str_slice(out->url, 7, out->url.n)));
    }
    if (str_eqz(name, "ssh")) {
        struct str host, user = str_cut(authority, '@', &host);
        if (host.p && str_find_char(user, ':', 0) >= 0)
            return refuse_password(err);
        host = host.p ? host : authority;
        if (host.n && host.p[0] != '-' && rest.p && rest.n)
            return 0;
    }
    if (str_eqz(name, "file") && rest.p && rest.n && !authority.n)
        return 0;
    ptrdiff_t colon = str_find_char(out->url, ':', at < 0 ? 0 : (size_t)at);
    if (scheme < 0 && at > 0 && colon > at + 1 && out->url.p[at + 1] != '-' &&
        (size_t)colon + 1 < out->url.n && str_find_char(str_slice(out->url, 0, (size_t)colon), '/', 0) < 0)
        return 0;
    err_set(
        err, ERR_INVALID, "\"%.*s\" is not an address that repositories are fetched from", STR_ARG(out->url));
    struct str hint = scheme < 0 ? arena_printf(arena, "git::https://%.*s", STR_ARG(out->url))
                                 : STR("git::https://…, git::ssh://…, git::USER@HOST:PATH, git::file:///…");
    return err_hint(err, "%.*s", STR_ARG(hint));
}

static int check_https(struct module_source *out, struct err *err)
{
    struct http_target target;
    struct str authority = str_slice(out->url, (size_t)str_find(out->url, STR("://"), 0) + 3, out->url.n),
               rest;
    if (str_find_char(str_cut(authority, '/', &rest), '@', 0) >= 0)
        return refuse_password(err);
    if (http_target_parse(out->url, &target, err))
        return -1;
    if (!target.tls && !target.loopback) {
        err_set(err, ERR_INVALID, "over plain HTTP anybody on the way could read what is fetched");
        return err_hint(err, "https://%.*s", STR_ARG(str_slice(out->url, 7, out->url.n)));
    }
    if (out->checksum.n)
        return 0;
    err_set(err, ERR_INVALID, "a remote archive needs its checksum");
    return err_hint(err, "add ?checksum=sha256:…; `sha256sum FILE` prints it");
}

static int check_s3(struct module_source *out, struct err *err)
{
    struct str path = str_slice(out->url, strlen(S3_MARK), out->url.n);
    out->bucket = str_cut(path, '/', &out->key);
    if (out->bucket.n && out->key.p && out->key.n)
        return 0;
    return err_set(err, ERR_INVALID, "an archive on S3 is s3://BUCKET/KEY");
}

/* Returns the short name, "lake" of …/lake.git, "lake-1.2" of …/lake-1.2.tar.gz, without characters that are
 * unsuitable for a folder's name. */
static struct str short_name(struct arena *arena, struct str url)
{
    static const struct str ends[] = {
        STR_INIT(".git"), STR_INIT(".tar.gz"), STR_INIT(".tgz"), STR_INIT(".tar"), STR_INIT(".zip")};
    while (str_ends(url, STR("/")))
        url.n--;
    struct str base = path_base(url), rest;
    base = str_find_char(base, ':', 0) >= 0 ? (str_cut(base, ':', &rest), rest) : base;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (base.n > ends[i].n && str_ends(base, ends[i]))
            base.n -= ends[i].n;
    char *name = arena_strz(arena, base.n > 60 ? str_slice(base, 0, 60) : base);
    for (char *c = name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     *c == '_' || *c == '-' || (*c == '.' && c > name);
        *c = plain ? *c : '-';
    }
    return *name ? str_z(name) : STR("module");
}

int module_source_parse(struct arena *arena, struct str text, struct module_source *out, struct err *err)
{
    bool git = str_starts(text, STR(GIT_MARK));
    struct str query, address = str_cut(git ? str_slice(text, strlen(GIT_MARK), text.n) : text, '?', &query);
    *out = (struct module_source){.kind = git                              ? MODULE_GIT
                                          : str_starts(text, STR(S3_MARK)) ? MODULE_S3
                                                                           : MODULE_HTTPS,
        .text = text,
        .dir = STR_EMPTY,
        .ref = STR_EMPTY,
        .checksum = STR_EMPTY,
        .region = STR_EMPTY};
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
            return err_set(err, ERR_INVALID, "the source of a module has no blanks in it");
    if (text.n > TEXT_MAX)
        return err_set(err, ERR_INVALID, "the source of a module has at most %d characters", TEXT_MAX);
    ptrdiff_t scheme = str_find(address, STR("://"), 0);
    ptrdiff_t within = str_find(address, STR("//"), scheme < 0 ? 0 : (size_t)scheme + 3);
    if (within >= 0 && read_dir(str_slice(address, (size_t)within + 2, address.n), out, err))
        return -1;
    out->url = arena_str(arena, within < 0 ? address : str_slice(address, 0, (size_t)within));
    out->name = short_name(arena, out->url);
    if (read_settings(arena, query, out, err))
        return -1;
    return out->kind == MODULE_GIT  ? check_git(arena, out, err)
           : out->kind == MODULE_S3 ? check_s3(out, err)
                                    : check_https(out, err);
}

struct str module_source_suggest(struct arena *arena, struct str text)
{
    static const struct str hosts[] = {STR_INIT("github.com/"), STR_INIT("gitlab.com/"),
        STR_INIT("bitbucket.org/"), STR_INIT("codeberg.org/")};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (str_starts(text, hosts[i]))
            return arena_printf(arena, "git::https://%.*s", STR_ARG(text));
    if (str_starts(text, STR("s3::")) || str_starts(text, STR("hg::")) || str_starts(text, STR("gcs::")))
        return STR("s3://BUCKET/KEY");
    if (str_starts(text, STR("ssh://")) || str_starts(text, STR("git@")) || str_starts(text, STR("file://")))
        return arena_printf(arena, "git::%.*s", STR_ARG(text));
    return STR_EMPTY;
}

enum { VERSION = 1, FOLDER_DIGITS = 16 };

static const char HEAD[] =
    "# What the sources of modules stand for. Written by `weir modules update`; belongs "
    "into version control.\n";

struct str module_lock_path(struct arena *arena, struct str stack)
{
    static const struct str ends[] = {STR_INIT(".yaml"), STR_INIT(".yml")};
    if (path_is_dir(arena_strz(arena, stack)))
        return path_join(arena, stack, STR("weir.lock"));
    for (size_t i = 0; i < 2; i++)
        if (str_ends(stack, ends[i]))
            stack.n -= ends[i].n;
    return arena_printf(arena, "%.*s.lock", STR_ARG(stack));
}

/* ---- reading ---- */

struct lock_reading {
    struct arena *arena;
    struct diags *diags;
};

static bool lock_wrong(const struct lock_reading *r, struct span span, const char *what)
{
    struct diag *d = diag_error(r->diags, span, "%s", what);
    diag_hint(r->diags, d, "`weir modules update` writes it anew; take the file out of the way before");
    return false;
}

/* "sha256:…" */
static bool read_digest(const struct lock_reading *r, const struct node *node, struct str *out)
{
    static const struct str prefix = STR_INIT("sha256:");
    if (node->kind == NODE_STRING && str_starts(node->string, prefix)) {
        *out = str_slice(node->string, prefix.n, node->string.n);
        if (out->n == 64 && module_is_commit(*out))
            return true;
    }
    return lock_wrong(r, node_span(node), "this is `sha256:` and 64 hex digits");
}

static bool read_commit(const struct lock_reading *r, const struct node *node, struct str *out)
{
    *out = node_text(node);
    return module_is_commit(*out) || lock_wrong(r, node_span(node), "this is not a name of a commit");
}

static bool read_vendored(const struct lock_reading *r, const struct node *node, struct str *out)
{
    struct str step, rest = *out = node_text(node);
    bool inside = rest.n && rest.p[0] != '/';
    while (rest.p && rest.n && inside) {
        step = str_cut(rest, '/', &rest);
        inside = step.n && !str_eqz(step, "..");
    }
    return inside || lock_wrong(r, node_span(node), "this is not a folder below the stack's");
}

static bool read_field(const struct lock_reading *r, const struct node_entry *entry, struct module_pin *pin)
{
    if (str_eqz(entry->key, "commit"))
        return read_commit(r, entry->value, &pin->commit);
    if (str_eqz(entry->key, "archive"))
        return read_digest(r, entry->value, &pin->archive);
    if (str_eqz(entry->key, "tree"))
        return read_digest(r, entry->value, &pin->tree);
    if (str_eqz(entry->key, "vendored"))
        return read_vendored(r, entry->value, &pin->vendored);
    return lock_wrong(r, node_key_span(entry), "a newer weir may know what this is");
}

static bool read_pin(const struct lock_reading *r, const struct node_entry *entry, struct module_pin *pin)
{
    *pin = (struct module_pin){.source = entry->key,
        .commit = STR_EMPTY,
        .archive = STR_EMPTY,
        .tree = STR_EMPTY,
        .vendored = STR_EMPTY,
        .span = node_key_span(entry)};
    if (entry->value->kind != NODE_MAP)
        return lock_wrong(r, pin->span, "nothing resolves this source");
    for (uint32_t i = 0; i < entry->value->count; i++)
        if (!read_field(r, &entry->value->entries[i], pin))
            return false;
    if (pin->tree.n && !pin->commit.n == !!pin->archive.n)
        return true;
    return lock_wrong(r, pin->span, "a source has `tree` and one of `commit` and `archive`");
}

static int by_source(const void *a, const void *b)
{
    return str_cmp(((const struct module_pin *)a)->source, ((const struct module_pin *)b)->source);
}

bool module_lock_of(
    struct arena *arena, const struct node *root, struct diags *diags, struct module_lock *out)
{
    struct lock_reading r = {.arena = arena, .diags = diags};
    *out = (struct module_lock){0};
    const struct node *version = node_get(root, "version"), *modules = node_get(root, "modules");
    if (!version || version->kind != NODE_INT || version->integer != VERSION) {
        struct span span = version ? node_span(version) : (struct span){.source = root->source};
        diag_error(
            diags, span, "this lock is not one that this weir knows: it is not of version %d", VERSION);
        return false;
    }
    if (!modules || modules->kind == NODE_NULL)
        return true;
    if (modules->kind != NODE_MAP)
        return lock_wrong(&r, node_span(modules), "this is a map of sources");
    out->pins = ARENA_ARRAY(arena, struct module_pin, modules->count + 1);
    for (uint32_t i = 0; i < modules->count; i++)
        if (!read_pin(&r, &modules->entries[i], &out->pins[out->n++]))
            return false;
    if (out->n)
        qsort(out->pins, out->n, sizeof *out->pins, by_source);
    return true;
}

bool module_lock_read(struct arena *arena, struct str path, struct diags *diags, struct module_lock *out)
{
    *out = (struct module_lock){0};
    if (!path_exists(path.p))
        return true;
    const struct node *root = yaml_load(arena, path.p, path, diags);
    return root && module_lock_of(arena, root, diags, out);
}

const struct module_pin *module_lock_find(const struct module_lock *lock, struct str source)
{
    struct module_pin wanted = {.source = source};
    return lock->n ? bsearch(&wanted, lock->pins, lock->n, sizeof *lock->pins, by_source) : NULL;
}

/* ---- writing ---- */

int module_lock_write(const char *path, const struct module_lock *lock, struct err *err)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!lock->n)
        return unlink(path) && errno != ENOENT ? err_errno(err, ERR_IO, "cannot remove %s", path) : 0;
    qsort(lock->pins, lock->n, sizeof *lock->pins, by_source);
    buf_addf(&out, "%sversion: %d\nmodules:\n", HEAD, VERSION);
    for (size_t i = 0; i < lock->n; i++) {
        const struct module_pin *pin = &lock->pins[i];
        buf_addz(&out, "  ");
        yaml_write_text(&out, pin->source, false);
        buf_addz(&out, ":\n");
        if (pin->commit.n)
            buf_addf(&out, "    commit: \"%.*s\"\n", STR_ARG(pin->commit));
        if (pin->archive.n)
            buf_addf(&out, "    archive: sha256:%.*s\n", STR_ARG(pin->archive));
        buf_addf(&out, "    tree: sha256:%.*s\n", STR_ARG(pin->tree));
        if (pin->vendored.n) {
            buf_addz(&out, "    vendored: ");
            yaml_write_text(&out, pin->vendored, false);
            buf_addz(&out, "\n");
        }
    }
    return file_write_atomic(path, buf_str(&out), 0644, err);
}

struct str module_pin_folder(
    struct arena *arena, struct str dir, const struct module_source *source, const struct module_pin *pin)
{
    if (pin->vendored.n)
        return path_join(arena, dir, pin->vendored);
    return path_join(arena, dir,
        arena_printf(
            arena, "%s/modules/%.*s-%.*s", DIR_OF_WEIR, STR_ARG(source->name), FOLDER_DIGITS, pin->tree.p));
}
