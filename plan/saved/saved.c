/* Saved plans, of one or several stacks: a JSON file with live values and decisions. An apply plans again
 * with the same values and compares fingerprints. */
#include "plan/saved/saved.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "plan/apply/work.h"
#include "plan/objects/plan_scope.h"

#include <stdlib.h>

enum { FORMAT = 3, MAX_SIZE = 1 << 30 };

/* ---- writing ---- */

/* Ownership tags that were read: an update needs them. */
static const struct value *seen_tags(const struct planner *p, struct arena *arena)
{
    struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < p->recorded.count; i++)
        if (p->recorded.items[i].read && p->recorded.items[i].owner_tags)
            value_builder_set(
                &b, p->recorded.items[i].record->subject.address, p->recorded.items[i].owner_tags);
    return value_builder_map(&b);
}

static void inputs_values(
    const struct stack *stack, struct arena *arena, const struct value **plain, const struct value **secret)
{
    struct value_builder in_clear = VALUE_BUILDER(arena), hashed = VALUE_BUILDER(arena);
    for (uint32_t i = 0; stack->inputs && i < stack->inputs->count; i++) {
        const struct value_entry *entry = &stack->inputs->entries[i];
        if (value_is_sensitive(entry->value))
            value_builder_set(&hashed, entry->key, state_hash_secret(arena, entry->value));
        else
            value_builder_set(&in_clear, entry->key, entry->value);
    }
    *plain = value_builder_map(&in_clear);
    *secret = value_builder_map(&hashed);
}

void plan_write(const struct plan *plan, struct buf *out)
{
    const struct planner *p = plan->planner;
    struct state *state = plan->workspace->state;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *plain, *secret;
    inputs_values(p->stack, &arena, &plain, &secret);
    const struct value *facts = VALUE_MAP(&arena, {STR("format"), value_int(&arena, FORMAT)},
        {STR("weir"), value_stringz(&arena, WEIR_VERSION)},
        {STR("stack"), value_string(&arena, p->stack->name)},
        {STR("env"), value_string(&arena, p->stack->env)}, {STR("to"), value_string(&arena, p->options->to)},
        {STR("digest"), value_string(&arena, stack_digest(p->stack, &arena))},
        {STR("lineage"), value_string(&arena, state_lineage(state))},
        {STR("seq"), value_int(&arena, (int64_t)state_seq(state))},
        {STR("destroy"), value_bool(plan->destroy)}, {STR("refreshed"), value_bool(plan->refreshed)},
        {STR("delete_adopted"), value_bool(p->options->delete_adopted)},
        {STR("teardown"), value_int(&arena, p->options->teardown)},
        {STR("targets"), value_strings(&arena, p->options->targets, p->options->target_count)},
        {STR("replaces"), value_strings(&arena, p->options->replaces, p->options->replace_count)},
        {STR("inputs"), plain}, {STR("secrets"), secret}, {STR("live"), saved_live_values(p, &arena)},
        {STR("marks"), seen_tags(p, &arena)}, {STR("records"), concurrent_records(state, &arena)},
        {STR("fingerprint"), value_string(&arena, decisions_fingerprint(plan, &arena))},
        {STR("outcome"), value_string(&arena, outputs_fingerprint(plan, &arena))});
    json_write(out, value_merge(&arena, saved_changes(plan, &arena), facts), JSON_PLAIN);
    saved_sign(out, state);
}

int plan_save(const struct plan *plan, const char *path, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    plan_write(plan, &text);
    return file_write_named(path, buf_str(&text), 0600, err);
}

/* ---- reading ---- */

struct saved_plan {
    struct arena arena, file;
    const struct value *content;
    struct str signed_text, mac; /* "": the state had no key */
    struct plan shown;
    struct str *inputs; /* "k=v" */
    size_t input_count;
};

struct str input_argument(struct arena *arena, struct str name, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    if (v->kind == VALUE_STRING)
        buf_add_str(&text, v->string);
    else
        json_write(&text, v, JSON_PLAIN);
    return arena_printf(arena, "%.*s=%.*s", STR_ARG(name), STR_ARG(buf_str(&text)));
}

static void list_inputs(struct saved_plan *saved)
{
    const struct value *inputs = value_as_map(value_getz(saved->content, "inputs"));
    saved->inputs = ARENA_ARRAY(&saved->arena, struct str, inputs->count + 1);
    for (uint32_t i = 0; i < inputs->count; i++)
        if (!value_is_null(inputs->entries[i].value)) /* not given: has no text form */
            saved->inputs[saved->input_count++] =
                input_argument(&saved->arena, inputs->entries[i].key, inputs->entries[i].value);
}

static int check_format(const struct saved_plan *saved, const char *name, struct err *err)
{
    const struct value *format = value_getz(saved->content, "format");
    if (!format || format->kind != VALUE_INT) {
        err_set(err, ERR_INVALID, "%s is not a saved plan", name);
        return err_hint(err, "`weir plan -o FILE` writes one");
    }
    if (format->integer == FORMAT)
        return 0;
    err_set(err, ERR_INVALID, "%s was saved by another version of weir (%.*s)", name,
        STR_ARG(value_text(value_getz(saved->content, "weir"), STR("unknown"))));
    return err_hint(err, "apply it with that version, or plan again with this one, %s", WEIR_VERSION);
}

int saved_plan_parse(struct str text, const char *name, struct saved_plan **out, struct err *err)
{
    struct saved_plan *saved = mem_zalloc(sizeof *saved);
    bool whole = saved_digest_matches(text, &saved->signed_text, &saved->mac);
    if (scan_json(&saved->arena, text, &saved->content, ERR_IGNORED))
        saved->content = NULL;
    if (check_format(saved, name, err))
        goto fail;
    if (!whole) {
        err_set(err, ERR_DAMAGED, "%s is not as it was saved", name);
        err_hint(err, "it was changed or truncated since: `weir plan -o FILE` makes another");
        goto fail;
    }
    list_inputs(saved);
    *out = saved;
    return 0;
fail:
    saved_plan_free(saved);
    return -1;
}

int saved_plan_read(const char *path, struct saved_plan **out, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct str text;
    if (file_read(&arena, path, MAX_SIZE, &text, err) || saved_plan_parse(text, path, out, err)) {
        arena_release(&arena);
        return -1;
    }
    (*out)->file = arena;
    return 0;
}

void saved_plan_free(struct saved_plan *saved)
{
    if (!saved)
        return;
    arena_release(&saved->arena);
    arena_release(&saved->file);
    free(saved);
}

static struct str saved_text(const struct saved_plan *saved, const char *key)
{
    return value_gets(saved->content, key);
}

const struct plan *saved_plan_shown(struct saved_plan *saved, struct catalog *catalog)
{
    saved_changes_read(saved->content, catalog, &saved->arena, &saved->shown);
    return &saved->shown;
}

const struct planned_object *saved_plan_objects(struct saved_plan *saved, struct catalog *catalog, size_t *n)
{
    return saved_objects_read(saved->content, catalog, &saved->arena, n);
}

struct str saved_plan_stack(const struct saved_plan *saved)
{
    return saved_text(saved, "stack");
}

struct str saved_plan_env(const struct saved_plan *saved)
{
    return saved_text(saved, "env");
}

struct str saved_plan_to(const struct saved_plan *saved)
{
    return saved_text(saved, "to");
}

const struct str *saved_plan_inputs(const struct saved_plan *saved, size_t *n)
{
    *n = saved->input_count;
    return saved->inputs;
}

/* ---- checking, and planning again ---- */

static int refuse_stale(struct err *err, const char *why)
{
    err_set(err, ERR_STALE, "%s since this plan was made", why);
    return err_hint(err, "run `weir plan` again");
}

/* A secret's hash in the file has lost the mark that identifies it. */
static const struct value *mark_hash(struct arena *arena, const struct value *v)
{
    const struct value *marked = value_mark(arena, v, VALUE_SENSITIVE);
    return state_is_hash(marked) ? marked : v;
}

static int check_secrets(const struct workspace *workspace, const struct saved_plan *saved, struct err *err)
{
    const struct value *secrets = value_as_map(value_getz(saved->content, "secrets"));
    for (uint32_t i = 0; i < secrets->count; i++) {
        const struct value_entry *entry = &secrets->entries[i];
        const struct value *kept = mark_hash(&workspace->stack->arena, entry->value);
        if (state_hash_matches(kept, value_get(workspace->stack->inputs, entry->key)))
            continue;
        err_set(err, ERR_STALE, "the sensitive input \"%.*s\" is not the one this plan was made with",
            STR_ARG(entry->key));
        return err_hint(err, "saved plans hold no secrets: give it again, the same way as to \"weir plan\"");
    }
    return 0;
}

/* Checks that only someone with the state's key can have written the file. */
static int check_mac(const struct state *state, const struct saved_plan *saved, struct err *err)
{
    if (!saved->mac.n && !state_has_key(state))
        return 0;
    if (saved->mac.n && state_mac_is_ours(state, saved->signed_text, saved->mac))
        return 0;
    err_set(err, ERR_DAMAGED, "%s",
        !saved->mac.n          ? "this plan was made without the state's key"
        : state_has_key(state) ? "this plan was not made with the state's key, or was changed since"
                               : "this plan was made with the state's key, which is not available");
    return err_hint(err, "plan again with the key that applies it");
}

static int check_same(const struct workspace *workspace, const struct saved_plan *saved, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct stack *stack = workspace->stack;
    if (!str_eq(saved_text(saved, "stack"), stack->name))
        return err_set(err, ERR_INVALID, "this plan is of the stack \"%.*s\", not \"%.*s\"",
            STR_ARG(saved_text(saved, "stack")), STR_ARG(stack->name));
    if (!str_eq(saved_text(saved, "digest"), stack_digest(stack, &scratch)))
        return refuse_stale(err, "the stack's files changed");
    struct str lineage = saved_text(saved, "lineage"); /* "": there was no state yet */
    if (lineage.n && !str_eq(lineage, state_lineage(workspace->state)))
        return refuse_stale(err, "the state was replaced by another");
    if (value_get_count(saved->content, "seq") > state_seq(workspace->state))
        return refuse_stale(err, "the state was put back to an earlier one");
    return check_mac(workspace->state, saved, err) ? -1 : check_secrets(workspace, saved, err);
}

static const struct str *saved_list(
    const struct saved_plan *saved, const char *key, struct arena *arena, size_t *n)
{
    const struct value *list = value_as_list(value_getz(saved->content, key));
    *n = list->count;
    struct str *items = ARENA_ARRAY(arena, struct str, *n + 1);
    for (size_t i = 0; i < *n; i++)
        items[i] = value_text(list->items[i], STR_EMPTY);
    return items;
}

/* Checks that the plan equals the saved one. Outputs that refer to changes of other runs are not compared. */
static int check_shown(
    const struct plan *plan, struct saved_plan *saved, struct catalog *catalog, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    bool alone = !plan->planner->options->concurrent;
    if (str_eq(decisions_fingerprint(plan, &scratch), saved_text(saved, "fingerprint")) &&
        (!alone || str_eq(outputs_fingerprint(plan, &scratch), saved_text(saved, "outcome"))))
        return saved_changes_compare(plan, saved->content, alone, err);
    return decisions_differ(plan, decisions_of(saved_plan_shown(saved, catalog), &scratch), err);
}

static const struct value *changes_by_address(struct arena *arena, const struct saved_plan *saved)
{
    const struct value *changes = value_as_list(value_getz(saved->content, "changes"));
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < changes->count; i++)
        value_builder_set(&b, value_gets(changes->items[i], "address"), changes->items[i]);
    return value_builder_map(&b);
}

/* NULL: the state has not changed since. */
static const struct concurrent *since_saved(
    const struct state *state, const struct saved_plan *saved, struct arena *arena)
{
    if (value_get_count(saved->content, "seq") == state_seq(state))
        return NULL;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct concurrent *concurrent = ARENA_NEW(arena, struct concurrent);
    concurrent->records = value_copy(arena, value_as_map(value_getz(saved->content, "records")));
    concurrent->changes = value_copy(arena, changes_by_address(&scratch, saved));
    return concurrent;
}

int plan_load(struct workspace *workspace, struct saved_plan *saved, const struct plan_options *options,
    struct diags *diags, struct plan **out, struct err *err)
{
    if (check_same(workspace, saved, err))
        return -1;
    struct arena *arena = &workspace->stack->arena;
    struct plan_options same = *options;
    same.destroy = value_getb(saved->content, "destroy");
    same.no_refresh = !value_getb(saved->content, "refreshed");
    same.teardown = (unsigned)value_geti(saved->content, "teardown", 0);
    same.delete_adopted = value_getb(saved->content, "delete_adopted");
    same.targets = saved_list(saved, "targets", arena, &same.target_count);
    same.replaces = saved_list(saved, "replaces", arena, &same.replace_count);
    same.saved_ownership = value_copy(arena, value_as_map(value_getz(saved->content, "marks")));
    if (saved_live_read(workspace->state, value_getz(saved->content, "live"), arena, &same.saved_live, err))
        return -1;
    same.concurrent = since_saved(workspace->state, saved, arena);
    struct plan *plan;
    if (plan_make(workspace, &same, diags, &plan, err))
        return -1;
    if (check_shown(plan, saved, workspace->catalog, err)) {
        plan_free(plan);
        return -1;
    }
    saved_unread(saved->content, &plan->arena, plan);
    *out = plan;
    return 0;
}

/* ---- the end of a saved plan, which protects the rest against modification ---- */

static const char before_mac[] = ",\"mac\":\"", before_digest[] = ",\"sha256\":\"", end[] = "\"}\n";

void saved_sign(struct buf *text, const struct state *state)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    text->n--;
    struct str mac = state ? state_mac(state, &scratch, buf_str(text)) : STR_EMPTY;
    if (mac.n)
        buf_addf(text, "%s%.*s\"", before_mac, STR_ARG(mac));
    struct str digest = sha256_hex(&scratch, buf_str(text));
    buf_addf(text, "%s%.*s%s", before_digest, STR_ARG(digest), end);
}

/* This cannot occur within a JSON string, where quotation marks are escaped. */
static bool cut_mac(struct str text, struct str *signed_text, struct str *mac)
{
    enum { MAC = 8 + 1 + 2 * SHA256_SIZE };
    size_t size = MAC + sizeof before_mac;
    struct str tail = text.n < size ? STR_EMPTY : str_slice(text, text.n - size, text.n);
    if (!str_starts(tail, str_z(before_mac)) || !str_ends(tail, STR("\"")))
        return false;
    *mac = str_slice(tail, sizeof before_mac - 1, tail.n - 1);
    *signed_text = str_slice(text, 0, text.n - size);
    return true;
}

bool saved_digest_matches(struct str file, struct str *signed_text, struct str *mac)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf expected = BUF_INIT;
    size_t size = sizeof before_digest - 1 + 2 * SHA256_SIZE + sizeof end - 1;
    if (file.n < size)
        return false;
    struct str text = str_slice(file, 0, file.n - size);
    struct str digest = sha256_hex(&scratch, text);
    buf_addf(&expected, "%s%.*s%s", before_digest, STR_ARG(digest), end);
    *signed_text = text;
    *mac = STR_EMPTY;
    cut_mac(text, signed_text, mac);
    return str_eq(str_slice(file, text.n, file.n), buf_str(&expected));
}

/* ---- several plans ---- */

enum { MANY_FORMAT = 1, MANY_MAX_SIZE = 1 << 30 };
static const char begins[] = "{\"repository\":";

struct saved_plans {
    struct arena arena;
    struct saved_one *items;
    size_t n;
    bool destroy;
};

int saved_plans_write(const char *path, const struct str *names, const struct plan *const *plans, size_t n,
    bool destroy, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT;
    buf_addf(&text, "%s%d,\"weir\":", begins, MANY_FORMAT);
    json_write_string(&text, str_z(WEIR_VERSION));
    buf_addf(&text, ",\"destroy\":%s,\"plans\":{", destroy ? "true" : "false");
    for (size_t i = 0; i < n; i++) {
        AUTO_BUF struct buf one = BUF_INIT;
        plan_write(plans[i], &one);
        buf_addz(&text, i ? "," : "");
        json_write_string(&text, names[i]);
        buf_add_char(&text, ':');
        json_write_string(&text, buf_str(&one));
    }
    buf_addz(&text, "}}");
    saved_sign(&text, NULL);
    return file_write_named(path, buf_str(&text), 0600, err);
}

static int check_whole(struct str text, const struct value *content, const char *path, struct err *err)
{
    struct str signed_text, mac;
    const struct value *format = value_getz(content, "repository");
    if (format && (format->kind != VALUE_INT || format->integer != MANY_FORMAT)) {
        err_set(err, ERR_INVALID, "%s was saved by another version of weir (%.*s)", path,
            STR_ARG(value_text(value_getz(content, "weir"), STR("unknown"))));
        return err_hint(err, "apply it with that version, or plan again with this one, %s", WEIR_VERSION);
    }
    if (format && saved_digest_matches(text, &signed_text, &mac))
        return 0;
    err_set(err, ERR_DAMAGED, "%s is not as it was saved", path);
    return err_hint(err, "it was changed or truncated since: `weir plan --all -o FILE` makes another");
}

static int read_each(struct saved_plans *many, const struct value *plans, const char *path, struct err *err)
{
    many->items = ARENA_ARRAY(&many->arena, struct saved_one, plans->count + 1);
    for (uint32_t i = 0; i < plans->count; i++) {
        const struct value_entry *entry = &plans->entries[i];
        struct saved_plan *saved;
        if (saved_plan_parse(value_text(entry->value, STR_EMPTY), path, &saved, err))
            return err_context(err, "%.*s", STR_ARG(entry->key));
        many->items[many->n++] = (struct saved_one){arena_str(&many->arena, entry->key), saved};
    }
    return 0;
}

int saved_plans_read(const char *path, struct saved_plans **out, struct err *err)
{
    struct saved_plans *many = mem_zalloc(sizeof *many);
    const struct value *content = NULL;
    struct str text;
    *out = NULL;
    if (file_read(&many->arena, path, MANY_MAX_SIZE, &text, err))
        goto fail;
    if (!str_starts(text, str_z(begins))) { /* a plan of one stack */
        saved_plans_free(many);
        return 0;
    }
    if (scan_json(&many->arena, text, &content, ERR_IGNORED))
        content = NULL;
    if (check_whole(text, content, path, err) ||
        read_each(many, value_as_map(value_getz(content, "plans")), path, err))
        goto fail;
    many->destroy = value_getb(content, "destroy");
    *out = many;
    return 0;
fail:
    saved_plans_free(many);
    return -1;
}

const struct saved_one *saved_plans_items(const struct saved_plans *many, size_t *n, bool *destroy)
{
    *n = many->n;
    *destroy = many->destroy;
    return many->items;
}

void saved_plans_free(struct saved_plans *many)
{
    if (!many)
        return;
    for (size_t i = 0; i < many->n; i++)
        saved_plan_free(many->items[i].plan);
    arena_release(&many->arena);
    free(many);
}
