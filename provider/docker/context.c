/* Build contexts: see docker.h. */
#include "provider/docker/docker.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- .dockerignore: each pattern is a path relative to the context (not a name at any depth, as for git),
 * `**` matches any number of folders, and a pattern that matches a folder includes its content, unless a
 * later pattern with `!` re-includes some of it. */

enum { RULES_MAX = 1 << 20 };

/* Go's filepath.Clean for patterns: removes "./", "//" and slashes at the ends. */
static struct str clean(struct arena *arena, struct str pattern)
{
    AUTO_BUF struct buf out = BUF_INIT;
    for (struct str rest = pattern, step; rest.p;) {
        step = str_cut(rest, '/', &rest);
        if (!step.n || str_eqz(step, "."))
            continue;
        if (str_eqz(step, "..")) { /* a/../b */
            while (out.n && out.p[out.n - 1] != '/')
                out.n--;
            out.n -= out.n != 0;
            continue;
        }
        if (out.n)
            buf_add_char(&out, '/');
        buf_add_str(&out, step);
    }
    return arena_str(arena, buf_str(&out));
}

void dockerignore_add(struct dockerignore *rules, struct arena *arena, struct str line)
{
    bool comment = str_starts(line, STR("#"));
    line = str_trim(line);
    bool negated = str_starts(line, STR("!"));
    struct str pattern = clean(arena, negated ? str_trim(str_slice(line, 1, line.n)) : line);
    if (comment || !pattern.n)
        return;
    MEM_GROW(rules->items, rules->cap, rules->n + 1);
    rules->items[rules->n++] =
        (struct glob_rule){.pattern = pattern, .base = STR_EMPTY, .negated = negated, .anchored = true};
    rules->takes_back = rules->takes_back || negated;
}

static int dockerignore_read(struct dockerignore *rules, struct arena *arena, struct str folder,
    struct str dockerfile, struct err *err)
{
    struct str text,
        own = path_join(arena, folder, arena_printf(arena, "%.*s.dockerignore", STR_ARG(dockerfile)));
    *rules = (struct dockerignore){0};
    if (!path_exists(own.p))
        own = path_join(arena, folder, STR(".dockerignore"));
    if (!path_exists(own.p))
        return 0;
    if (file_read(arena, own.p, RULES_MAX, &text, err)) {
        err->class = ERR_INVALID; /* it may exclude a secret */
        return -1;
    }
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_slice(text, 3, text.n);
    while (text.p && text.n)
        dockerignore_add(rules, arena, str_cut(text, '\n', &text));
    return 0;
}

/* True if the rule matches the path or a folder above it. */
static bool dockerignore_fits(const struct glob_rule *rule, struct str path)
{
    for (size_t end = path.n; end > 0; end--)
        if ((end == path.n || path.p[end] == '/') && glob_rule_fits(rule, str_slice(path, 0, end), true))
            return true;
    return false;
}

bool dockerignore_says(const struct dockerignore *rules, struct str path)
{
    bool out = false;
    for (size_t i = 0; i < rules->n; i++)
        if (rules->items[i].negated == out && dockerignore_fits(&rules->items[i], path))
            out = !out;
    return out;
}

void dockerignore_release(struct dockerignore *rules)
{
    free(rules->items);
    *rules = (struct dockerignore){0};
}

enum { DEPTH_MAX = 64, ENTRIES_MAX = 1000000, HASH_THREADS = 4, DIGEST_VERSION = 1 };

struct walk {
    struct context *context;
    struct str root, dockerfile;
    struct dockerignore rules;
};

void context_init(struct context *context, struct arena *arena)
{
    *context = (struct context){.arena = arena};
}

void context_release(struct context *context)
{
    free(context->entries);
    *context = (struct context){0};
}

static struct context_entry *new_entry(struct context *context, struct str path, enum context_kind kind)
{
    MEM_GROW(context->entries, context->cap, context->n + 1);
    struct context_entry *entry = &context->entries[context->n++];
    *entry = (struct context_entry){.path = path, .kind = kind, .source = STR_EMPTY, .text = STR_EMPTY};
    return entry;
}

struct context_entry *context_add_text(struct context *context, struct str path, struct str text, int mode)
{
    struct context_entry *entry = new_entry(context, path, CONTEXT_FILE);
    entry->text = text;
    entry->size = (int64_t)text.n;
    entry->mode = mode;
    return entry;
}

/* ---- walking ---- */

static int refuse(const struct walk *w, struct str path, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "\"%.*s/%.*s\" %s", STR_ARG(w->root), STR_ARG(path), why);
}

static int add_link(struct walk *w, struct str path, struct err *err)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path_join(w->context->arena, w->root, path).p, target, sizeof target);
    if (n < 0 || (size_t)n == sizeof target)
        return refuse(w, path, strerror(n < 0 ? errno : ENAMETOOLONG), err);
    new_entry(w->context, path, CONTEXT_LINK)->text = arena_str(w->context->arena, str_n(target, (size_t)n));
    return 0;
}

static int walk_folder(struct walk *w, struct str path, int depth, struct err *err);

/* The Dockerfile and the rules are always included, since the Engine reads them. */
static bool left_out(const struct walk *w, struct str path)
{
    return dockerignore_says(&w->rules, path) && !str_eq(path, w->dockerfile) &&
           !str_eqz(path, ".dockerignore");
}

static bool leads_to(struct str folder, struct str path)
{
    return str_starts(path, folder) && path.n > folder.n && path.p[folder.n] == '/';
}

static int visit_folder(struct walk *w, struct str path, int depth, struct err *err)
{
    bool out = left_out(w, path);
    if (out && !w->rules.takes_back && !leads_to(path, w->dockerfile))
        return 0;
    if (!out)
        new_entry(w->context, path, CONTEXT_FOLDER);
    return walk_folder(w, path, depth + 1, err);
}

static int context_visit(struct walk *w, struct str path, int depth, struct err *err)
{
    struct stat st;
    struct str source = path_join(w->context->arena, w->root, path);
    if (str_eqz(path_base(path), ".weir")) /* states and caches of stacks */
        return 0;
    if (lstat(source.p, &st))
        return errno == ENOENT ? 0 : refuse(w, path, strerror(errno), err); /* deleted meanwhile */
    if (S_ISDIR(st.st_mode))
        return visit_folder(w, path, depth, err);
    if (left_out(w, path) || S_ISSOCK(st.st_mode)) /* a socket has no content */
        return 0;
    if (!str_is_utf8(path))
        return refuse(w, path, "has a name that is not UTF-8", err);
    if (w->context->n >= ENTRIES_MAX)
        return refuse(
            w, path, "is one of more than a million files: say in .dockerignore what stays out", err);
    if (S_ISLNK(st.st_mode))
        return add_link(w, path, err);
    if (!S_ISREG(st.st_mode))
        return refuse(
            w, path, "is neither a file nor a folder nor a link: .dockerignore can leave it out", err);
    struct context_entry *entry = new_entry(w->context, path, CONTEXT_FILE);
    entry->source = source;
    entry->size = (int64_t)st.st_size;
    entry->id = file_id_of(&st);
    entry->executable = st.st_mode & S_IXUSR;
    return 0;
}

static int walk_folder(struct walk *w, struct str path, int depth, struct err *err)
{
    struct arena *arena = w->context->arena;
    if (depth > DEPTH_MAX)
        return refuse(w, path, "is nested too deep", err);
    AUTO_DIR DIR *folder = opendir(path.n ? path_join(arena, w->root, path).p : w->root.p);
    if (!folder)
        return errno == ENOENT && path.n ? 0 : refuse(w, path, strerror(errno), err);
    int status = 0;
    while (!status) {
        const struct dirent *entry = dir_next(folder);
        if (!entry && errno)
            status = refuse(w, path, strerror(errno), err);
        if (!entry || status)
            break;
        struct str name = str_z(entry->d_name);
        status = context_visit(w, path.n ? path_join(arena, path, name) : arena_str(arena, name), depth, err);
    }
    return status;
}

static int by_path(const void *a, const void *b)
{
    return str_cmp(((const struct context_entry *)a)->path, ((const struct context_entry *)b)->path);
}

int context_scan(struct context *context, struct str folder, struct str dockerfile, struct err *err)
{
    struct walk w = {.context = context, .root = folder, .dockerfile = dockerfile};
    context->n = 0;
    context->bytes = 0;
    context->changed = false;
    if (!path_is_dir(folder.p))
        return err_set(err, ERR_INVALID, "there is no folder \"%.*s\" to build from", STR_ARG(folder));
    if (!path_exists(path_join(context->arena, folder, dockerfile).p)) {
        err_set(err, ERR_INVALID, "there is no \"%.*s\" in \"%.*s\"", STR_ARG(dockerfile), STR_ARG(folder));
        return err_hint(err, "`dockerfile` is its name; it is in the folder of the build context");
    }
    int status = dockerignore_read(&w.rules, context->arena, folder, dockerfile, err);
    if (!status)
        status = walk_folder(&w, STR_EMPTY, 0, err);
    dockerignore_release(&w.rules);
    if (context->n)
        qsort(context->entries, context->n, sizeof *context->entries, by_path);
    for (size_t i = 0; i < context->n; i++)
        context->bytes += context->entries[i].size;
    return status;
}

/* ---- reading ---- */

static int changed(struct context *context, const struct context_entry *entry, struct err *err)
{
    context->changed = true;
    return err_set(err, ERR_FAILED, "\"%.*s\" changed while it was read", STR_ARG(entry->source));
}

int context_check_file(struct context *context, const struct context_entry *entry, int fd, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st))
        return err_errno(err, ERR_FAILED, "\"%.*s\"", STR_ARG(entry->source));
    struct file_id now = file_id_of(&st);
    return file_id_equal(&now, &entry->id) ? 0 : changed(context, entry, err);
}

int context_open_file(struct context *context, const struct context_entry *entry, int *fd, struct err *err)
{
    *fd = open(entry->source.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd < 0 && (errno == ENOENT || errno == ELOOP))
        return changed(context, entry, err);
    if (*fd < 0)
        return err_set(
            err, ERR_INVALID, "\"%.*s\" cannot be read: %s", STR_ARG(entry->source), strerror(errno));
    return confined_file(*fd, entry->source.p, err) || context_check_file(context, entry, *fd, err) ? -1 : 0;
}

struct hashing {
    struct context *context;
    struct digests *digests;
};

static int hash_entry(void *ctx, size_t i, struct err *err)
{
    struct hashing *h = ctx;
    struct context_entry *entry = &h->context->entries[i];
    AUTO_FD int fd = -1;
    struct file_id id;
    if (entry->kind != CONTEXT_FILE || !entry->source.n) {
        hash_sha256(entry->text, entry->sha256);
        return 0;
    }
    if (cancel_is_set(h->context->cancel))
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    if (digests_find(h->digests, &entry->id, entry->sha256))
        return 0;
    if (context_open_file(h->context, entry, &fd, err) ||
        digests_of_file(h->digests, fd, entry->source.p, &id, entry->sha256, err))
        return -1;
    return file_id_equal(&id, &entry->id) ? 0 : changed(h->context, entry, err);
}

int context_hash(struct context *context, struct digests *digests, struct err *err)
{
    struct hashing h = {.context = context, .digests = digests};
    return pool_try(HASH_THREADS, context->n, hash_entry, &h, err);
}

struct str context_digest(const struct context *context, struct str more)
{
    AUTO_BUF struct buf head = BUF_INIT;
    unsigned char digest[SHA256_SIZE];
    struct sha256 *sha = sha256_new();
    buf_addf(&head, "weir context %d %zu:%.*s\n", DIGEST_VERSION, more.n, STR_ARG(more));
    sha256_update(sha, head.p, head.n);
    for (size_t i = 0; i < context->n; i++) {
        const struct context_entry *entry = &context->entries[i];
        buf_clear(&head);
        buf_addf(&head, "%zu:%.*s %d %d %" PRId64 " ", entry->path.n, STR_ARG(entry->path), (int)entry->kind,
            entry->executable, entry->size);
        sha256_update(sha, head.p, head.n);
        sha256_update(sha, entry->sha256, SHA256_SIZE);
    }
    sha256_final(sha, digest);
    return hex_encode(context->arena, digest, sizeof digest);
}
