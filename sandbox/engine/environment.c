/* The environment of programs that the sandbox starts, and engines installed by tools/setup. */
#include "base/embed.h"
#include "base/file.h"
#include "base/mem.h"
#include "sandbox/engine/script.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- installed engines ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct arena kept; /* never freed */
static const char *root = "", *search_path;

/* True for a folder that is not world-writable. */
static bool is_trusted(const char *folder)
{
    struct stat info;
    return !stat(folder, &info) && S_ISDIR(info.st_mode) && !(info.st_mode & S_IWOTH);
}

static bool same_owner(const char *folder, const char *program)
{
    struct stat a, b;
    return !stat(folder, &a) && !stat(program, &b) &&
           (a.st_uid == b.st_uid || a.st_uid == geteuid() || a.st_uid == 0);
}

static const char *installed_whole(const char *folder)
{
    char *real = realpath(folder, NULL);
    const char *copy = real ? arena_strz(&kept, str_z(real)) : "";
    free(real);
    return copy;
}

/* Returns CHECKOUT if the program is CHECKOUT/BUILD/weir, or "". */
static const char *own_checkout(void)
{
    const char *program = installed_whole(system_program());
    const char *folder = *program ? arena_strz(&kept, path_dir(path_dir(str_z(program)))) : "";
    bool is_one = *folder == '/' && path_exists(arena_printf(&kept, "%s/tools/setup", folder).p) &&
                  same_owner(folder, program);
    return is_one ? folder : "";
}

static void installed_look(void)
{
    const char *named = getenv("WEIR_ENGINES"), *before = getenv("PATH");
    root = !named ? own_checkout() : *named ? installed_whole(named) : "";
    if (!is_trusted(root))
        root = "";
    search_path = before ? before : "/usr/local/bin:/usr/bin:/bin";
    const char *python = arena_printf(&kept, "%s/.venv-jobs/bin", root).p;
    if (*root && path_exists(arena_printf(&kept, "%s/python3", python).p))
        search_path = arena_printf(&kept, "%s:%s", python, search_path).p;
}

const char *installed_root(void)
{
    pthread_once(&once, installed_look);
    return root;
}

const char *installed_at(struct arena *arena, const char *below)
{
    const char *whole_path = arena_printf(arena, "%s/%s", installed_root(), below).p;
    return *root && path_exists(whole_path) ? whole_path : NULL;
}

const char *installed_path(void)
{
    pthread_once(&once, installed_look);
    return search_path;
}

bool is_program(const char *file)
{
    return access(file, X_OK) == 0 && !path_is_dir(file);
}

const char *installed_program(struct arena *arena, const char *name, const char *const *folders)
{
    struct str rest = str_z(installed_path());
    while (rest.n) {
        struct str dir = str_cut(rest, ':', &rest);
        const char *program = path_join(arena, dir, str_z(name)).p;
        if (dir.n && is_program(program))
            return program;
    }
    for (; folders && *folders; folders++) {
        const char *program = path_join(arena, str_z(*folders), str_z(name)).p;
        if (is_program(program))
            return program;
    }
    return NULL;
}

void environment_set(struct environment *env, const char *name, struct str value)
{
    struct str prefix = arena_printf(env->arena, "%s=", name);
    struct str item = arena_printf(env->arena, "%s%.*s", prefix.p, STR_ARG(value));
    for (size_t i = 0; i + 1 < env->n; i++)
        if (str_starts(str_z(env->items[i]), prefix)) {
            env->items[i] = item.p;
            return;
        }
    MEM_GROW(env->items, env->cap, env->n + 2);
    env->n += env->n == 0; /* the terminating NULL is counted */
    env->items[env->n - 1] = item.p;
    env->items[env->n++] = NULL;
}

const char *environment_get(const struct environment *env, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i + 1 < env->n; i++)
        if (!strncmp(env->items[i], name, n) && env->items[i][n] == '=')
            return env->items[i] + n + 1;
    return "";
}

static void pass_on(struct environment *env, const char *name, const char *fallback)
{
    const char *value = getenv(name);
    if (value || fallback)
        environment_set(env, name, str_z(value ? value : fallback));
}

/* Sets the AWS credentials. Those of a role do not expire, since an environment cannot be refreshed. */
static void set_key(
    struct environment *env, const struct sandbox *sandbox, const struct environment_options *o)
{
    struct sandbox_key own = sandbox_first_key(sandbox);
    struct session_key key = {.access_key = own.access_key, .secret_key = own.secret_key};
    struct session session = {.role = path_base(o->role), .name = o->session};
    if (o->as) {
        session = *o->as;
        session.expires_ms = 0;
    }
    if (session_is_limited(&session))
        key = o->as ? session_again(env->arena, own.secret_key, &session)
                    : session_new(env->arena, own.secret_key, &session);
    environment_set(env, "AWS_ACCESS_KEY_ID", key.access_key);
    environment_set(env, "AWS_SECRET_ACCESS_KEY", key.secret_key);
    if (key.token.n)
        environment_set(env, "AWS_SESSION_TOKEN", key.token);
}

void environment_start(struct environment *env, struct services *services, struct arena *arena,
    const struct environment_options *options)
{
    struct sandbox *sandbox = services_sandbox(services);
    *env = (struct environment){.arena = arena};
    environment_set(env, "PATH", str_z(installed_path()));
    pass_on(env, "LANG", "C.UTF-8");
    pass_on(env, "TZ", NULL);
    pass_on(env, "LD_LIBRARY_PATH", NULL);
    /* HOME is a separate folder, so that the user's ~/.aws is not used. Modules installed with --user are. */
    const char *user = getenv("HOME");
    environment_set(env, "HOME", options->home);
    if (user)
        environment_set(env, "PYTHONUSERBASE", arena_printf(arena, "%s/.local", user));
    environment_set(env, "PYTHONUNBUFFERED", STR("1"));
    environment_set(env, "PYTHONDONTWRITEBYTECODE", STR("1"));
    environment_set(env, "AWS_ENDPOINT_URL", sandbox_endpoint(sandbox, arena));
    set_key(env, sandbox, options);
    environment_set(env, "AWS_REGION", options->region);
    environment_set(env, "AWS_DEFAULT_REGION", options->region);
    environment_set(env, "AWS_EC2_METADATA_DISABLED", STR("true"));
}

void environment_release(struct environment *env)
{
    free(env->items);
    env->items = NULL;
}

int script_write_support(const char *dir, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    static const struct str prefix = STR_INIT("sandbox/engine/python/");
    size_t n;
    const struct embedded_file *files = embedded_under(prefix, &n);
    for (size_t i = 0; i < n; i++) {
        struct str name = str_slice(files[i].path, prefix.n, files[i].path.n);
        struct str path = path_join(&arena, str_z(dir), name);
        if (dir_make(arena_strz(&arena, path_dir(path)), err) ||
            file_write_atomic(path.p, embedded_text(&files[i]), 0644, err))
            return -1;
    }
    return 0;
}

struct str script_exception(struct str tail)
{
    static const struct str start = STR_INIT("Traceback (most recent call last):");
    ptrdiff_t at = -1, next = -1;
    while ((next = str_find(tail, start, (size_t)(next + 1))) >= 0)
        at = next;
    if (at < 0)
        return STR_EMPTY;
    struct str line, rest = str_slice(tail, (size_t)at, tail.n);
    str_cut(rest, '\n', &rest);
    while (rest.n) { /* frames are indented, the exception is not */
        line = str_cut(rest, '\n', &rest);
        if (!line.n || line.p[0] == ' ' || line.p[0] == '\t')
            continue;
        /* "…Py4JJavaError: An error occurred while calling o45.parquet." is followed by ": " and the cause */
        bool of_java = str_find(line, STR("Py4JJavaError"), 0) >= 0 && str_starts(rest, STR(": "));
        return str_trim(of_java ? str_slice(str_cut(rest, '\n', &rest), 2, SIZE_MAX) : line);
    }
    return STR_EMPTY;
}

struct str script_last_line(struct str text)
{
    struct str line = STR_EMPTY;
    while (text.n) {
        struct str one = str_trim(str_cut(text, '\n', &text));
        line = one.n ? one : line;
    }
    return line;
}
