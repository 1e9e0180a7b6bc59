/* weir rollback: lists earlier versions of an artifact, and points a job back to one. */
#include "cmd/planning/planning.h"
#include "cmd/run/jobs.h"

#include "base/json.h"
#include "plan/workspace/deploy.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STEPS_DIGITS = 3, SHA_LEAST = 4, SHA_SHOWN = 12 };

struct rollback_settings {
    struct settings shared;
    const char *to, *out;
    bool list;
};

/* The kept versions of an artifact, the latest first. */
struct versions {
    const struct record *record;
    const struct value **items; /* allocated in the invocation's arena */
    size_t n, used;             /* items[used] is in use; n: none is */
};

/* ---- selecting the artifact ---- */

static int ambiguous(struct str text, const struct record **list, size_t n, struct err *err)
{
    AUTO_BUF struct buf names = BUF_INIT, word = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(list[i]->subject.address));
    err_set(err, ERR_INVALID, "\"%.*s\" names several artifacts: %.*s", STR_ARG(text), (int)names.n, names.p);
    text_add_word(&word, list[0]->subject.address);
    return err_hint(err, "name one of them: weir rollback %s", word.p);
}

/* Adds a record once, since instances of a job may share an artifact. */
static void add_once(const struct record **list, size_t *n, const struct record *record)
{
    for (size_t i = 0; i < *n; i++)
        if (list[i] == record)
            return;
    list[(*n)++] = record;
}

/* Finds an artifact by its address, or the only artifact of a job. */
static int find_artifact(
    struct invocation *inv, struct workspace *workspace, const struct record **out, struct err *err)
{
    struct str given = inv->args.items[0], text = jobs_address(inv, workspace, given), declared, key;
    size_t n, count = 0, uses = 0;
    const struct record *const *records = state_records(workspace->state, &n);
    const struct record **list = ARENA_ARRAY(&inv->arena, const struct record *, n + 1), **used = NULL;
    for (size_t i = 0; i < n; i++) {
        bool meant = str_eq(records[i]->subject.address, text) ||
                     (address_split(&inv->arena, records[i]->subject.address, &declared, &key) &&
                         str_eq(declared, text));
        if (!meant)
            continue;
        uses = 1;
        if (str_eqz(records[i]->subject.type, "weir.artifact")) {
            add_once(list, &count, records[i]);
            continue;
        }
        size_t some;
        used = deploy_artifacts_of(workspace, &inv->arena, records[i], &some);
        for (size_t k = 0; k < some; k++)
            add_once(list, &count, used[k]);
    }
    if (count > 1)
        return ambiguous(given, list, count, err);
    *out = list[0];
    if (count == 1)
        return 0;
    if (!uses) {
        err_set(err, ERR_ABSENT, "the state has no job or artifact \"%.*s\"", STR_ARG(given));
        return err_hint(err, "\"weir jobs\" and \"weir state list\" say what there is");
    }
    err_set(err, ERR_INVALID, "\"%.*s\" does not refer to a weir.artifact directly", STR_ARG(given));
    return err_hint(err, "name the artifact: weir rollback ARTIFACT");
}

/* ---- selecting the version ---- */

static int latest_first(const void *a, const void *b)
{
    return str_cmp(value_gets(*(const struct value *const *)b, "stored"),
        value_gets(*(const struct value *const *)a, "stored"));
}

/* Removes versions with the same content, as in an earlier store. */
static void drop_repeated(struct versions *v)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->n; i++) {
        size_t k = 0;
        while (k < kept && !str_eq(value_gets(v->items[k], "sha256"), value_gets(v->items[i], "sha256")))
            k++;
        if (k == kept)
            v->items[kept++] = v->items[i];
    }
    v->n = kept;
}

static struct versions versions_of(struct arena *arena, const struct record *record)
{
    const struct value *list = value_getz(record->attrs, "versions");
    struct versions v = {.record = record};
    uint32_t count = list && list->kind == VALUE_LIST ? list->count : 0;
    v.items = ARENA_ARRAY(arena, const struct value *, count + 1);
    for (uint32_t i = 0; i < count; i++)
        if (value_gets(list->items[i], "etag").n) /* versions without ETag are from interrupted uploads */
            v.items[v.n++] = list->items[i];
    if (v.n)
        qsort(v.items, v.n, sizeof *v.items, latest_first);
    drop_repeated(&v);
    while (
        v.used < v.n && !str_eq(value_gets(v.items[v.used], "sha256"), value_gets(record->attrs, "sha256")))
        v.used++;
    return v;
}

static int no_such_version(const struct versions *v, const char *to, struct err *err)
{
    err_set(err, ERR_ABSENT, "%.*s has no kept version \"%s\"", STR_ARG(v->record->subject.address), to);
    AUTO_BUF struct buf word = BUF_INIT;
    text_add_word(&word, v->record->subject.address);
    return err_hint(err, "\"weir rollback %s --list\" shows them", word.p);
}

/* Selects the version that is this many steps before the one in use. 0 can only be looked at. */
static int by_steps(
    const struct versions *v, int64_t steps, bool look, const struct value **out, struct err *err)
{
    if (v->used + (uint64_t)steps < v->n && v->used < v->n && (steps > 0 || look)) {
        *out = v->items[v->used + (size_t)steps];
        return 0;
    }
    if (!steps && v->used < v->n) {
        err_set(err, ERR_ABSENT, "version 0 of %.*s is the one in use", STR_ARG(v->record->subject.address));
        return err_hint(err, "--to 1 is the one before; --out FILE saves any of them");
    }
    size_t earlier = v->used < v->n ? v->n - v->used - 1 : 0;
    err_set(err, ERR_ABSENT, earlier ? "%.*s has only %zu earlier version%s" : "%.*s has no earlier version",
        STR_ARG(v->record->subject.address), earlier, earlier == 1 ? "" : "s");
    return err_hint(err, "`keep` of the artifact says how many stay in the store");
}

static int choose_version(
    const struct versions *v, const char *to, bool look, const struct value **out, struct err *err)
{
    struct str wanted = str_z(to ? to : "1");
    int64_t steps;
    if (wanted.n <= STEPS_DIGITS && str_to_int(wanted, &steps) && steps >= 0)
        return by_steps(v, steps, look, out, err);
    *out = NULL;
    for (size_t i = 0; i < v->n && wanted.n >= SHA_LEAST; i++) {
        if (!str_starts(value_gets(v->items[i], "sha256"), wanted))
            continue;
        if (*out) {
            err_set(err, ERR_INVALID, "\"%s\" fits more than one version", to);
            return err_hint(err, "give more of its SHA-256");
        }
        *out = v->items[i];
    }
    return *out ? 0 : no_such_version(v, to, err);
}

/* ---- --list ---- */

static const struct value *row_of(struct arena *arena, const struct versions *v, size_t i)
{
    const struct value *size = value_getz(v->items[i], "size");
    struct str steps = i > v->used && v->used < v->n ? arena_printf(arena, "%zu", i - v->used) : STR_EMPTY;
    struct value_builder row = VALUE_BUILDER(arena);
    value_builder_add(&row, steps.n ? value_string_ref(arena, steps) : &value_null);
    value_builder_add(&row, value_string(arena, str_slice(value_gets(v->items[i], "sha256"), 0, SHA_SHOWN)));
    value_builder_add(&row, value_string(arena, value_gets(v->items[i], "stored")));
    value_builder_add(&row, size ? value_string_ref(arena, value_scalar_text(arena, size)) : &value_null);
    value_builder_add(
        &row, i == v->used ? value_stringz(arena, "in use")
              : str_eq(value_gets(v->items[i], "sha256"), value_gets(v->record->attrs, "rolled_back_from"))
                  ? value_stringz(arena, "rolled back from")
                  : value_stringz(arena, ""));
    return value_builder_list(&row);
}

static void list_json(const struct versions *v, struct buf *out)
{
    static const char *const texts[] = {"sha256", "bucket", "key", "stored"};
    for (size_t i = 0; i < v->n; i++) {
        const struct value *size = value_getz(v->items[i], "size");
        buf_addz(out, "{\"event\":\"version\"");
        json_write_member(out, "address", v->record->subject.address);
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            json_write_member(out, texts[k], value_gets(v->items[i], texts[k]));
        buf_addf(out, ",\"size\":%" PRId64 ",\"in_use\":%s,\"rolled_back_from\":%s}\n",
            size && size->kind == VALUE_INT ? size->integer : 0, i == v->used ? "true" : "false",
            str_eq(value_gets(v->items[i], "sha256"), value_gets(v->record->attrs, "rolled_back_from"))
                ? "true"
                : "false");
    }
}

static int list_versions(struct invocation *inv, const struct versions *v)
{
    static const char *const names[] = {"--to", "SHA-256", "STORED", "BYTES", ""};
    struct arena *arena = &inv->arena;
    struct value_builder rows = VALUE_BUILDER(arena);
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        list_json(v, &out);
        return invocation_write(inv, buf_str(&out));
    }
    for (size_t i = 0; i < v->n; i++)
        value_builder_add(&rows, row_of(arena, v, i));
    table_add_text(table_columns(arena, names, sizeof names / sizeof *names), value_builder_list(&rows),
        &inv->out, &out);
    return invocation_write(inv, buf_str(&out));
}

/* ---- --out ---- */

static int save_version(struct invocation *inv, struct workspace *workspace, const struct versions *v)
{
    const struct rollback_settings *own = inv->own;
    const struct value *version;
    struct provider *provider;
    struct err err = ERR_INIT;
    int64_t bytes;
    if (choose_version(v, own->to, true, &version, &err))
        return invocation_fail(inv, &err);
    int opened = plan_provider(workspace, v->record, &inv->diags, &provider, &err);
    int status = invocation_diags(inv);
    if (opened)
        return err.class != ERR_NONE ? invocation_fail(inv, &err) : status;
    struct op_ctx ctx = {.arena = &inv->arena, .provider = provider, .address = v->record->subject.address};
    struct s3_download download = {.bucket = value_gets(version, "bucket"),
        .key = value_gets(version, "key"),
        .path = own->out,
        .sha256 = value_gets(version, "sha256"),
        .sha256_etag = value_gets(version, "etag")};
    struct object_save save = {.inv = inv, .ctx = &ctx, .download = &download, .signals = signals_catch()};
    return object_save(&save, &bytes, &err) ? invocation_fail(inv, &err) : EXIT_DONE;
}

/* ---- the command ---- */

struct rolling {
    struct invocation *inv;
    struct workspace *workspace;
};

/* Plans against the current live state, including changes made outside weir. */
static int make_plan_back(void *ctx, struct plan **plan)
{
    const struct rolling *r = ctx;
    const struct rollback_settings *own = r->inv->own;
    struct arena *arena = &r->inv->arena;
    const struct record *record;
    const struct value *version = NULL;
    struct plan_options options = {0};
    struct err err = ERR_INIT;
    if (find_artifact(r->inv, r->workspace, &record, &err))
        return invocation_fail(r->inv, &err);
    struct versions v = versions_of(arena, record);
    if (choose_version(&v, own->to, false, &version, &err) ||
        deploy_targets(r->workspace, arena, &v.record->subject.address, 1, &options.targets,
            &options.target_count, &err))
        return invocation_fail(r->inv, &err);
    options.versions = VALUE_MAP(arena, {v.record->subject.address, value_getz(version, "sha256")});
    return planning_make_alone(r->inv, r->workspace, &options, plan);
}

static int roll_back(struct invocation *inv, struct workspace *workspace)
{
    struct plan *plan = NULL;
    struct rolling r = {inv, workspace};
    int status = planning_share(inv, workspace);
    if (status == EXIT_DONE)
        status = planning_change(inv,
            &(struct planning_round){make_plan_back, &r, "Do you want to roll back to this?", false}, &plan);
    plan_free(plan);
    return status;
}

/* Lists the versions, or saves one, without a rollback. */
static int look_back(struct invocation *inv, struct workspace *workspace)
{
    const struct rollback_settings *own = inv->own;
    const struct record *record = NULL;
    struct err err = ERR_INIT;
    if (find_artifact(inv, workspace, &record, &err))
        return invocation_fail(inv, &err);
    struct versions v = versions_of(&inv->arena, record);
    return own->list ? list_versions(inv, &v) : save_version(inv, workspace, &v);
}

static int cmd_rollback_run(struct invocation *inv)
{
    const struct rollback_settings *own = inv->own;
    AUTO_WORKSPACE struct workspace workspace = {0};
    bool look = own->list || own->out;
    if (own->list && own->out)
        return invocation_usage(inv, NULL, "--list and --out do not go together");
    int status = look ? jobs_open(inv, &workspace) : invocation_open(inv, NULL, &workspace);
    if (status != EXIT_DONE)
        return status;
    return look ? look_back(inv, &workspace) : roll_back(inv, &workspace);
}

static const struct option options[] = {
    {0, "to", .value = "SHA|N", .kind = OPTION_TEXT, .offset = offsetof(struct rollback_settings, to)},
    {0, "list", .offset = offsetof(struct rollback_settings, list)},
    {'o', "out", .value = "FILE", .kind = OPTION_TEXT, .offset = offsetof(struct rollback_settings, out),
        .completes = COMPLETES_FILE},
};

const struct command cmd_rollback = {
    .name = "rollback",
    .args = "JOB",
    .sets = {OWN_OPTIONS(options), &options_approve, &options_change, &options_json, &options_stack},
    .settings_size = sizeof(struct rollback_settings),
    .min_args = 1,
    .max_args = 1,
    .completes = COMPLETES_JOB,
    .run = cmd_rollback_run,
};
