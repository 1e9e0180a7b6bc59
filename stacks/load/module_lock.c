/* weir.lock: see module_lock.h. */
#include "stacks/load/module_lock.h"

#include "base/file.h"
#include "base/yaml_write.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

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
        return lock_wrong(r, pin->span, "nothing says what this source stands for");
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
