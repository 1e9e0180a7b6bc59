/* Stack tests (see test_run.h), and their prerequisites. */
#include "cmd/testing/test_run.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "cmd/cost/estimate.h"
#include "cmd/invocation/kinds.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- prerequisites of a test: without them it is skipped, not failed ---- */

/* Returns an engine of the sandbox by name, or NULL. */
static const struct sandbox_engine *test_needs_find(
    const struct sandbox_engine *engines, size_t n, const struct node *node)
{
    for (size_t i = 0; node->kind == NODE_STRING && i < n; i++)
        if (str_eqz(node->string, engines[i].name))
            return &engines[i];
    return NULL;
}

/* Returns the first missing engine, or NULL. */
static const char *test_missing(const struct node *root, struct arena *arena)
{
    const struct node *list = node_get(root, "needs");
    size_t n = 0;
    const struct sandbox_engine *engines = list && list->count ? sandbox_engines(arena, &n) : NULL;
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct sandbox_engine *engine = test_needs_find(engines, n, list->items[i]);
        if (engine && !engine->is_here)
            return engine->name;
    }
    return NULL;
}

static void test_check_needs(const struct node *root, struct diags *diags)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct node *list = node_get(root, "needs");
    if (list && list->kind != NODE_LIST)
        diag_error(diags, node_span(list), "\"needs\" is a list of names, not %s", node_kind_name(list));
    if (!list || list->kind != NODE_LIST)
        return;
    size_t n;
    const struct sandbox_engine *engines = sandbox_engines(&scratch, &n);
    struct str *names = ARENA_ARRAY(&scratch, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        names[i] = str_z(engines[i].name);
    for (uint32_t i = 0; n && i < list->count; i++) { /* n is 0 without the sandbox */
        const struct node *item = list->items[i];
        if (test_needs_find(engines, n, item))
            continue;
        struct str text = node_text(item);
        struct diag *d = diag_error(diags, node_span(item), "\"%.*s\" is unknown", STR_ARG(text));
        diag_suggest(diags, d, text, names, n);
    }
}

/* ---- keys of a test ---- */

static const struct str keys[] = {STR_INIT("name"), STR_INIT("env"), STR_INIT("needs"), STR_INIT("inputs"),
    STR_INIT("plan"), STR_INIT("error"), STR_INIT("apply"), STR_INIT("outputs"), STR_INIT("live"),
    STR_INIT("checks"), STR_INIT("run")};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

void test_check(const struct node *root, struct diags *diags)
{
    if (root->kind != NODE_MAP) {
        diag_error(diags, node_span(root), "a test is a map, not %s", node_kind_name(root));
        return;
    }
    for (uint32_t i = 0; i < root->count; i++) {
        bool known = false;
        for (size_t k = 0; k < KEY_COUNT; k++)
            known = known || str_eq(root->entries[i].key, keys[k]);
        if (known)
            continue;
        struct diag *d = diag_error(diags, node_key_span(&root->entries[i]), "a test has no key \"%.*s\"",
            STR_ARG(root->entries[i].key));
        diag_suggest(diags, d, root->entries[i].key, keys, KEY_COUNT);
    }
    test_check_steps(root, diags);
    test_check_needs(root, diags);
}

/* ---- failures ---- */

bool test_fail(struct running_test *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_addvf(&r->result->failure, format, args);
    va_end(args);
    buf_add_char(&r->result->failure, '\n');
    return false;
}

bool test_fail_err(struct running_test *r, const char *what, const struct err *err)
{
    if (r->diags.n) {
        buf_addf(&r->result->failure, "%s:\n", what);
        diags_render(&r->diags, false, &r->result->failure);
        return false;
    }
    return test_fail(r, "%s: %s%s%s", what, err->message, err->hint[0] ? "; " : "", err->hint);
}

/* ---- comparing ---- */

static void add_json(struct buf *out, const struct value *v)
{
    json_write(out, v, JSON_REDACT | JSON_MARK_UNKNOWN);
}

/* Returns whether `have` contains what is wanted. In maps only the given keys are compared. */
static bool test_run_holds(const struct value *want, const struct value *have)
{
    if (want->kind == VALUE_MAP && have && have->kind == VALUE_MAP) {
        for (uint32_t i = 0; i < want->count; i++)
            if (!test_run_holds(want->entries[i].value, value_get(have, want->entries[i].key)))
                return false;
        return true;
    }
    if (want->kind == VALUE_LIST && have && have->kind == VALUE_LIST) {
        if (want->count != have->count)
            return false;
        for (uint32_t i = 0; i < want->count; i++)
            if (!test_run_holds(want->items[i], have->items[i]))
                return false;
        return true;
    }
    return value_is_null(want) ? value_is_null(have) : value_equal(want, have);
}

bool test_expect(struct running_test *r, const struct attr *attr, struct str where, struct str name,
    const struct value *want, const struct value *have)
{
    if (test_run_holds(want, have) ||
        (attr && !value_is_null(have) && value_is_known(have) && attr_equal(attr, want, have)))
        return true;
    buf_addf(&r->result->failure, "%.*s%s%.*s: expected ", STR_ARG(where), where.n ? "." : "", STR_ARG(name));
    add_json(&r->result->failure, want);
    buf_addz(&r->result->failure, ", found ");
    add_json(&r->result->failure, have);
    buf_add_char(&r->result->failure, '\n');
    return false;
}

static const struct value *section(struct running_test *r, const char *key)
{
    const struct node *node = node_get(r->test->root, key);
    return node ? node_value(&r->arena, node) : NULL;
}

/* ---- the steps ---- */

static void set_inputs(struct running_test *r)
{
    const struct value *inputs = section(r, "inputs");
    size_t own = inputs && inputs->kind == VALUE_MAP ? inputs->count : 0, n = 0;
    struct str *all = ARENA_ARRAY(&r->arena, struct str, own + r->test->input_count + 1);
    for (size_t i = 0; i < r->test->input_count; i++)
        all[n++] = r->test->inputs[i];
    for (size_t i = 0; i < own; i++) {
        const struct value *v = inputs->entries[i].value;
        v = v->kind == VALUE_STRING ? v : json_as_text(&r->arena, v);
        all[n++] = arena_printf(&r->arena, "%.*s=%.*s", STR_ARG(inputs->entries[i].key), STR_ARG(v->string));
    }
    r->options.stack.inputs = all;
    r->options.stack.input_count = n;
}

/* Returns the folder's name as the name of a module, which has no `stack:`. */
static struct str module_name(struct arena *arena, const char *dir)
{
    enum { NAME_BYTES = 40 };
    char real[PATH_MAX], name[NAME_BYTES + 1];
    size_t n = 0;
    struct str base = realpath(dir ? dir : ".", real) ? path_base(str_z(real)) : STR_EMPTY;
    for (size_t i = 0; i < base.n && n < NAME_BYTES; i++) {
        char c = (char)tolower((unsigned char)base.p[i]);
        if ((c >= 'a' && c <= 'z') || (n && ((c >= '0' && c <= '9') || c == '-')))
            name[n++] = c;
    }
    return n ? arena_str(arena, str_n(name, n)) : STR("module");
}

static bool test_run_start(struct running_test *r)
{
    struct err err = ERR_INIT;
    struct sandbox_options sandbox = {
        .ephemeral = true, .kinds = &cmd_kinds, .specs_dir = r->test->specs_dir, .speed = 1000};
    if (sandbox_start(&sandbox, &r->sandbox, &err))
        return test_fail(r, "the sandbox does not start: %s", err.message);
    r->options.stack.dir = r->test->stack_dir;
    r->options.stack.default_name = module_name(&r->arena, r->test->stack_dir);
    r->options.stack.env = value_text(section(r, "env"), STR_EMPTY);
    r->options.kinds = &cmd_kinds;
    r->options.specs_dir = r->test->specs_dir;
    struct sandbox_key key = sandbox_first_key(r->sandbox);
    r->options.overlay = sandboxed_overlay(&r->arena, sandbox_endpoint(r->sandbox, &r->arena), &key);
    r->options.state_dir = arena_printf(&r->arena, "%s/state", sandbox_dir(r->sandbox)).p;
    set_inputs(r);
    return dir_make(r->options.state_dir, &err) == 0 || test_fail(r, "%s", err.message);
}

static int test_run_make(struct running_test *r, bool destroy, struct plan **plan, struct err *err)
{
    /* jobs may have left objects in buckets */
    bool ran = node_get(r->test->root, "run") != NULL;
    struct plan_options options = {.destroy = destroy,
        .cost = cost_of_plan,
        .no_budget = true,
        .delete_adopted = true,
        .teardown = destroy && ran ? TEARDOWN_EMPTY : 0};
    return plan_make(&r->workspace, &options, &r->diags, plan, err);
}

/* `error:`: planning has to fail with a message that contains this text. */
static bool check_error(struct running_test *r, struct str want, const struct err *err)
{
    for (size_t i = 0; i < r->diags.n; i++)
        if (str_find(r->diags.items[i].message, want, 0) >= 0 ||
            str_find(r->diags.items[i].label, want, 0) >= 0)
            return true;
    if (str_find(str_z(err->message), want, 0) >= 0)
        return true;
    test_fail(r, "expected an error with \"%.*s\"", STR_ARG(want));
    return test_fail_err(r, "found", err);
}

static bool check_resource(
    struct running_test *r, const struct plan *plan, struct str address, const struct value *want)
{
    const struct change *change = plan_change_at(plan, address);
    if (value_is_null(want))
        return change ? test_fail(r, "%.*s: expected not to exist", STR_ARG(address)) : true;
    if (!change)
        return test_fail(r, "%.*s: the plan has no such resource", STR_ARG(address));
    bool ok = true;
    for (uint32_t i = 0; want->kind == VALUE_MAP && i < want->count; i++) {
        struct str name = want->entries[i].key;
        if (str_eqz(name, "type")) {
            ok &= test_expect(r, NULL, address, name, want->entries[i].value,
                value_string(&r->arena, change->subject.type));
            continue;
        }
        const struct value *have = NULL;
        for (size_t k = 0; k < change->attr_count; k++)
            if (str_eq(change->attrs[k].name, name))
                have = change->attrs[k].after;
        const struct attr *attr = change->schema ? schema_attr(change->schema, name) : NULL;
        ok &= attr ? test_expect(r, attr, address, name, want->entries[i].value, have)
                   : test_fail(r, "%.*s: %.*s has no attribute \"%.*s\"", STR_ARG(address),
                         STR_ARG(change->subject.type), STR_ARG(name));
    }
    return ok;
}

static bool check_plan(struct running_test *r, const struct plan *plan)
{
    const struct value *want = section(r, "plan"), *resources = value_getz(want, "resources");
    bool ok = true;
    for (uint32_t i = 0; want && want->kind == VALUE_MAP && i < want->count; i++) {
        struct str key = want->entries[i].key;
        int action = 0;
        while (action < ACTION_COUNT && !str_eqz(key, action_name((enum action)action)))
            action++;
        if (action < ACTION_COUNT)
            ok &= test_expect(r, NULL, STR("plan"), key, want->entries[i].value,
                value_int(&r->arena, (int64_t)plan_count(plan, (enum action)action)));
        else if (!str_eqz(key, "resources"))
            ok = test_fail(r, "plan: \"%.*s\" is neither an action nor \"resources\"", STR_ARG(key));
    }
    for (uint32_t i = 0; resources && resources->kind == VALUE_MAP && i < resources->count; i++)
        ok &= check_resource(r, plan, resources->entries[i].key, resources->entries[i].value);
    return ok;
}

static bool check_outputs(struct running_test *r)
{
    const struct value *want = section(r, "outputs"), *have = state_outputs(r->workspace.state);
    bool ok = true;
    for (uint32_t i = 0; want && want->kind == VALUE_MAP && i < want->count; i++)
        ok &= test_expect(r, NULL, STR("outputs"), want->entries[i].key, want->entries[i].value,
            value_get(have, want->entries[i].key));
    return ok;
}

bool test_expressions(struct running_test *r, const struct value *checks, const struct value *names)
{
    bool ok = true;
    for (uint32_t i = 0; checks && checks->kind == VALUE_LIST && i < checks->count; i++) {
        struct str text = value_text(checks->items[i], STR_EMPTY);
        if (str_starts(text, STR("${")) && str_ends(text, STR("}")))
            text = str_slice(text, 2, text.n - 1);
        const struct value *v = plan_evaluate(&r->workspace, text, names, &r->arena, &r->diags);
        if (!v) {
            struct err none = ERR_INIT;
            return test_fail_err(r, "checks", &none);
        }
        if (v->kind == VALUE_BOOL && v->boolean)
            continue;
        buf_addf(&r->result->failure, "check %.*s: expected true, found ", STR_ARG(text));
        add_json(&r->result->failure, v);
        buf_add_char(&r->result->failure, '\n');
        ok = false;
    }
    return ok;
}

/* `live:`: compares the sandbox's own data, independent of the state. */
static bool check_live_resource(struct running_test *r, const struct value *want)
{
    struct err err = ERR_INIT;
    struct str type = value_gets(want, "type");
    const struct schema *schema = catalog_find(r->workspace.catalog, type, false, &err);
    struct provider *provider;
    if (!schema || !schema->ops->read)
        return test_fail(r, "live: the type \"%.*s\" cannot be read", STR_ARG(type));
    struct str rest, service = str_cut(type, '.', &rest);
    if (workspace_provider(&r->workspace, service, NULL, &provider, &err))
        return test_fail_err(r, "live", &err);
    struct op_ctx ctx = {
        .arena = &r->arena, .provider = provider, .schema = schema, .owner.stack = r->workspace.stack->name};
    const struct value *prior = value_with(&r->arena, want, STR("type"), NULL), *live = NULL;
    if (schema->ops->read(&ctx, prior, NULL, &live, &err))
        return test_fail_err(r, "live", &err);
    if (!live) {
        buf_addf(&r->result->failure, "live: there is no %.*s ", STR_ARG(type));
        add_json(&r->result->failure, value_get(prior, schema->id));
        buf_add_char(&r->result->failure, '\n');
        return false;
    }
    bool ok = true;
    for (uint32_t i = 0; i < prior->count; i++) {
        const struct attr *attr = schema_attr(schema, prior->entries[i].key);
        ok &= test_expect(r, attr, type, prior->entries[i].key, prior->entries[i].value,
            value_get(live, prior->entries[i].key));
    }
    return ok;
}

static bool check_live(struct running_test *r)
{
    const struct value *resources = section(r, "live");
    bool ok = true;
    for (uint32_t i = 0; resources && resources->kind == VALUE_LIST && i < resources->count; i++)
        ok &= check_live_resource(r, resources->items[i]);
    return ok;
}

static bool test_run_apply(struct running_test *r, struct plan *plan, const char *what)
{
    struct apply_options options = {0};
    struct apply_result result;
    struct err err = ERR_INIT;
    return plan_apply(plan, &options, &result, &err) == 0 || test_fail_err(r, what, &err);
}

/* Evaluates the stack's own checks. */
static bool stack_checks_hold(struct running_test *r, struct plan *plan)
{
    struct err err = ERR_INIT;
    plan_evaluate_checks(plan, NULL);
    return plan_check_checks(plan, &err) == 0 || test_fail_err(r, "the stack's checks", &err);
}

static bool check_nothing_to_do(struct running_test *r)
{
    struct plan *plan = NULL;
    struct err err = ERR_INIT;
    if (test_run_make(r, false, &plan, &err))
        return test_fail_err(r, "planning again", &err);
    bool ok = true;
    for (size_t i = 0; i < plan->change_count; i++)
        if (plan->changes[i]->decision.action != ACTION_NOOP)
            ok = test_fail(r, "a second plan would still %s %.*s%s%.*s",
                action_name(plan->changes[i]->decision.action), STR_ARG(plan->changes[i]->subject.address),
                plan->changes[i]->attr_count ? ": " : "",
                STR_ARG(plan->changes[i]->attr_count ? plan->changes[i]->attrs[0].name : STR_EMPTY));
    plan_free(plan);
    return ok;
}

static bool test_run_destroy(struct running_test *r)
{
    struct plan *plan = NULL;
    struct err err = ERR_INIT;
    if (test_run_make(r, true, &plan, &err))
        return test_fail_err(r, "planning to destroy", &err);
    bool ok = test_run_apply(r, plan, "destroying");
    plan_free(plan);
    if (ok && state_count(r->workspace.state))
        ok = test_fail(r, "%zu resources are left after destroying", state_count(r->workspace.state));
    return ok;
}

static bool apply_and_check(struct running_test *r, struct plan *plan)
{
    if (!test_run_apply(r, plan, "applying") || !stack_checks_hold(r, plan))
        return false;
    bool ok = check_outputs(r);
    ok &= test_expressions(r, section(r, "checks"), NULL); /* each expression reports its failure */
    ok &= check_live(r);
    ok &= check_nothing_to_do(r);
    if (ok && node_get(r->test->root, "run")) /* after the run the plan must still be empty */
        ok = test_steps(r, section(r, "run")) && check_nothing_to_do(r);
    ok &= test_run_destroy(r);
    return ok;
}

static bool test_run_whole(struct running_test *r)
{
    struct err err = ERR_INIT;
    struct plan *plan = NULL;
    const struct value *want_error = section(r, "error"), *wants_apply = section(r, "apply");
    if (!test_run_start(r))
        return false;
    bool opened = workspace_open(&r->options, &r->diags, &r->workspace, &err) == 0;
    if (opened)
        sandbox_use_specs(r->sandbox, catalog_specs_dir(r->workspace.catalog));
    bool planned = opened && test_run_make(r, false, &plan, &err) == 0;
    bool ok;
    if (want_error)
        ok = planned ? test_fail(r, "expected an error with \"%.*s\", but it can be planned",
                           STR_ARG(value_text(want_error, STR_EMPTY)))
                     : check_error(r, value_text(want_error, STR_EMPTY), &err);
    else if (!planned)
        ok = test_fail_err(r, "planning", &err);
    else
        ok = check_plan(r, plan) && (value_equal(wants_apply, &value_false) || apply_and_check(r, plan));
    plan_free(plan);
    return ok;
}

void test_run(const struct test_case *test, struct test_result *result)
{
    struct running_test r = {.test = test, .result = result};
    int64_t began = clock_mono_ms();
    *result = (struct test_result){.skipped = test_missing(test->root, &r.arena)};
    result->passed = result->skipped || test_run_whole(&r);
    workspace_close(&r.workspace);
    sandbox_stop(r.sandbox);
    diags_release(&r.diags);
    arena_release(&r.arena);
    result->ms = clock_mono_ms() - began;
}

void test_result_release(struct test_result *result)
{
    buf_release(&result->failure);
}
