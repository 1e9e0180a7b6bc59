/*
 * Evaluation: values for declarations, instances for resources. Knows nothing of the state or of services,
 * except that a resource's value comes from its instances' planned objects.
 */
#include "plan/planner.h"

#include "base/mask.h"
#include "base/mem.h"
#include "provider/http/redact.h"

#include <stdlib.h>

const struct value *planner_value(void *ctx, const struct decl *decl)
{
    struct planner *p = ctx;
    const struct value *v = p->values[decl->index];
    return v ? v : &value_unknown;
}

struct scope planner_scope(struct planner *p, const struct decl *decl, const struct instance *instance)
{
    return (struct scope){
        .value_of = planner_value,
        .ctx = p,
        .each_key = instance ? instance->key : NULL,
        .each_value = instance ? instance->each_value : NULL,
        .constants = p->stack->constants,
        .dir = decl->module->dir,
        .diags = p->diags,
    };
}

/* Reports what schema_convert found, at the place within the expression. */
static void report_issue(struct planner *p, const struct expr *expr, struct span key_span, const char *what,
    struct str name, const struct schema_issue *issue)
{
    struct span span = expr ? expr_span_at(expr, issue->path, issue->at_key) : key_span;
    struct diag *d =
        diag_error(p->diags, span, "%s \"%.*s\": %.*s", what, STR_ARG(name), STR_ARG(issue->message));
    if (issue->label.n)
        diag_label(p->diags, d, "%.*s", STR_ARG(issue->label));
    if (expr)
        expr_hint_issue(expr, issue, p->diags, d);
}

/* ---- modules that are left out ---- */

enum entry {
    ENTRY_UNASKED,
    ENTRY_IN,
    ENTRY_OUT,
    ENTRY_OPEN,   /* offline: depends on what a plan would read */
    ENTRY_FAILED, /* reported */
};

static void report_when(struct planner *p, const struct decl *decl, const struct value *v)
{
    struct diag *d = diag_error(p->diags, expr_span(decl->when), "when of %.*s must be true or false, not %s",
        STR_ARG(decl->address),
        value_is_unknown(v) ? "a value known only after apply" : value_kind_name(v->kind));
    if (value_is_unknown(v))
        diag_hint(p->diags, d, "decide by an input or a local, or apply what it depends on first (--target)");
}

static void note_data(void *ctx, const struct decl *dep)
{
    bool *data = ctx;
    *data = *data || dep->kind == DECL_DATA;
}

static bool asks_data(struct planner *p, const struct decl *call)
{
    bool data = false;
    for (size_t i = 0; i < call->when_dep_count; i++) {
        note_data(&data, call->deps[i]);
        each_resource_dep(p, call->deps[i], note_data, &data);
    }
    return data;
}

static enum entry ask(struct planner *p, const struct decl *call)
{
    struct scope scope = planner_scope(p, call, NULL);
    scope.each_key = call->target->each_key;
    scope.each_value = call->target->each_value;
    const struct value *v = expr_eval(call->when, &scope, p->arena);
    if (!v)
        return ENTRY_FAILED;
    if (v->kind == VALUE_BOOL)
        return v->boolean ? ENTRY_IN : ENTRY_OUT;
    if (value_is_unknown(v) && p->options.offline && asks_data(p, call))
        return ENTRY_OPEN;
    report_when(p, call, v);
    return ENTRY_FAILED;
}

/* Does the module take part? So do all around it, asked from the outside. */
static enum entry enter(struct planner *p, const struct module *module)
{
    if (!module->call)
        return ENTRY_IN;
    enum entry around = enter(p, module->parent);
    if (around != ENTRY_IN || !module->call->when)
        return around;
    uint8_t *entry = &p->entered[module->call->index];
    if (*entry == ENTRY_UNASKED)
        *entry = (uint8_t)ask(p, module->call);
    return (enum entry) * entry;
}

/* ---- declarations ---- */

static const struct value *evaluate_input(struct planner *p, const struct decl *decl)
{
    if (!decl->argument)
        return decl->given ? decl->given : &value_null;
    /* The argument is written in the parent's file and means the parent's names. */
    struct scope scope = planner_scope(p, decl, NULL);
    scope.dir = decl->module->parent->dir;
    scope.each_key = decl->module->each_key;
    scope.each_value = decl->module->each_value;
    const struct value *v = expr_eval(decl->argument, &scope, p->arena);
    if (!v)
        return NULL;
    struct schema_issue issue = {0};
    const struct value *converted;
    if (schema_convert(p->arena, decl->input, v, &converted, &issue)) {
        report_issue(p, decl->argument, decl->span, "input", decl->name, &issue);
        return NULL;
    }
    if (!decl->input->sensitive)
        return converted;
    mask_add_value(converted, MASK_GIVEN);
    return value_mark(p->arena, converted, VALUE_SENSITIVE);
}

static const struct value *evaluate_module(struct planner *p, const struct decl *decl)
{
    struct value_builder outputs = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < decl->call_count; i++) {
        const struct decl *call = decl->calls[i];
        value_builder_set(&outputs, call->target->each_key->string, planner_value(p, call));
    }
    if (decl->keyed)
        return value_builder_map(&outputs);
    for (size_t i = 0; i < decl->target->decl_count; i++) {
        const struct decl *inner = decl->target->decls[i];
        if (inner->kind == DECL_OUTPUT)
            value_builder_set(&outputs, inner->name, planner_value(p, inner));
    }
    return value_builder_map(&outputs);
}

static bool is_value(const struct decl *decl)
{
    return decl->kind != DECL_RESOURCE && decl->kind != DECL_DATA;
}

bool evaluate_decl(struct planner *p, const struct decl *decl)
{
    const struct value *v = NULL;
    enum entry entry = enter(p, decl->kind == DECL_MODULE && !decl->keyed ? decl->target : decl->module);
    if (entry != ENTRY_IN && is_value(decl)) { /* of resources and data there are no instances */
        p->values[decl->index] = entry == ENTRY_OUT ? &value_null : &value_unknown;
        return entry != ENTRY_FAILED;
    }
    struct scope scope = planner_scope(p, decl, NULL);
    switch (decl->kind) {
    case DECL_INPUT: v = evaluate_input(p, decl); break;
    case DECL_LOCAL: v = expr_eval(decl->expr, &scope, p->arena); break;
    case DECL_OUTPUT:
        v = expr_eval(decl->expr, &scope, p->arena);
        if (v && decl->sensitive)
            v = value_mark(p->arena, v, VALUE_SENSITIVE);
        else if (v && !decl->module->parent && !value_is_sensitive(v))
            mask_allow_value(v); /* given out in clear: no secret, even if it looks like one */
        break;
    case DECL_PROVIDER:
        v = decl->config ? expr_eval(decl->config, &scope, p->arena) : &value_empty_map;
        break;
    case DECL_MODULE: v = evaluate_module(p, decl); break;
    case DECL_RESOURCE:
    case DECL_DATA: v = evaluate_resource_value(p, decl); break;
    }
    p->values[decl->index] = v ? v : &value_unknown;
    return v != NULL;
}

/* ---- instances ---- */

/* Unknown only because nothing is asked offline: what a plan would read. Then it is left open which instances
 * there are. */
static bool left_open(struct planner *p, const struct decl *decl, const struct value *v)
{
    bool data = false;
    if (p->options.offline && value_is_unknown(v))
        each_resource_dep(p, decl, note_data, &data);
    p->instances[decl->index].unread = data;
    return data;
}

static bool evaluate_when(struct planner *p, const struct decl *decl, bool *included)
{
    enum entry entry = enter(p, decl->module);
    *included = entry == ENTRY_IN;
    p->instances[decl->index].unread = entry == ENTRY_OPEN;
    if (!*included || !decl->when)
        return entry != ENTRY_FAILED;
    struct scope scope = planner_scope(p, decl, NULL);
    const struct value *v = expr_eval(decl->when, &scope, p->arena);
    if (!v)
        return false;
    if (v->kind == VALUE_BOOL) {
        *included = v->boolean;
        return true;
    }
    *included = false;
    if (left_open(p, decl, v))
        return true;
    report_when(p, decl, v);
    return false;
}

static bool report_for_each(struct planner *p, const struct decl *decl, const char *problem, const char *hint)
{
    struct diag *d = diag_error(
        p->diags, expr_span(decl->for_each), "for_each of %.*s %s", STR_ARG(decl->address), problem);
    if (hint)
        diag_hint(p->diags, d, "%s", hint);
    return false;
}

static bool check_for_each(struct planner *p, const struct decl *decl, const struct value *v)
{
    if (value_is_unknown(v))
        return report_for_each(p, decl, "depends on values known only after apply",
            "the keys must be known at plan time: use a map whose keys are fixed, or apply what it depends "
            "on first (--target)");
    bool secret = v->marks & VALUE_SENSITIVE; /* in a map it is the keys alone that show */
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        secret = secret || value_is_sensitive(v->items[i]);
    if (secret)
        return report_for_each(
            p, decl, "is sensitive: its keys would show in addresses", "use nonsensitive() on the keys");
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return report_for_each(p, decl, "must be a list of texts or a map", NULL);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++) {
        if (value_is_unknown(v->items[i]))
            return report_for_each(p, decl, "has a key known only after apply", "use a map with fixed keys");
        if (v->items[i]->kind != VALUE_STRING)
            return report_for_each(
                p, decl, "must be a list of texts or a map", "turn numbers into text with tostring()");
    }
    return true;
}

/* One instance per key, keys in order, duplicates in a list are an error. */
static bool make_keyed(struct planner *p, const struct decl *decl, const struct value *v)
{
    if (v->kind == VALUE_LIST) {
        struct value_builder keys = VALUE_BUILDER(p->arena);
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_set(&keys, v->items[i]->string, v->items[i]);
        uint32_t given = v->count;
        v = value_builder_map(&keys);
        if (v->count != given)
            return report_for_each(p, decl, "has the same key twice", "use distinct()");
    }
    struct instances *list = &p->instances[decl->index];
    list->items = ARENA_ARRAY(p->arena, struct instance, v->count ? v->count : 1);
    list->n = v->count;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *key = value_string_ref(p->arena, v->entries[i].key);
        list->items[i] = (struct instance){
            .decl = decl,
            .key = key,
            .each_value = v->entries[i].value,
            .address = address_instance(p->arena, decl->address, key),
        };
    }
    return true;
}

bool evaluate_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->instances[decl->index];
    list->keyed = decl->for_each != NULL;
    bool included;
    if (!evaluate_when(p, decl, &included))
        return false;
    if (!included) {
        list->n = 0;
        return true;
    }
    if (!decl->for_each) {
        list->items = ARENA_NEW(p->arena, struct instance);
        list->n = 1;
        list->items[0] = (struct instance){.decl = decl, .address = decl->address};
        return true;
    }
    struct scope scope = planner_scope(p, decl, NULL);
    const struct value *v = expr_eval(decl->for_each, &scope, p->arena);
    return v && (left_open(p, decl, v) || (check_for_each(p, decl, v) && make_keyed(p, decl, v)));
}

void evaluate_each(struct planner *p, struct instance *instance)
{
    const struct decl *decl = instance->decl;
    if (!decl->for_each || value_is_known(instance->each_value))
        return;
    struct scope scope = planner_scope(p, decl, NULL);
    const struct value *v = expr_eval(decl->for_each, &scope, p->arena);
    const struct value *now = v && v->kind == VALUE_MAP ? value_get(v, instance->key->string) : NULL;
    if (now)
        instance->each_value = now;
}

const struct value *evaluate_resource_value(struct planner *p, const struct decl *decl)
{
    const struct instances *list = &p->instances[decl->index];
    if (list->unread)
        return &value_unknown;
    if (!list->keyed)
        return !list->n ? &value_null : list->items[0].planned ? list->items[0].planned : &value_unknown;
    struct value_builder b = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < list->n; i++) {
        const struct instance *instance = &list->items[i];
        value_builder_set(&b, instance->key->string, instance->planned ? instance->planned : &value_unknown);
    }
    return value_builder_map(&b);
}

/* ---- attributes ---- */

static const struct value *merge_default_tags(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    const struct attr *tags = schema_attr(instance->decl->schema, STR("tags"));
    if (!tags || tags->type->kind != TYPE_TAGS || !tags->settable)
        return object;
    struct provider *provider = NULL;
    struct err ignored;
    if (p->options.offline || evaluate_provider(p, instance->decl, &provider, &ignored))
        return object; /* a provider that cannot be opened is reported where it is used */
    const struct value *defaults = provider_default_tags(provider), *given = value_get(object, tags->name);
    if (!defaults || !defaults->count || value_is_unknown(given))
        return object;
    return value_with(arena, object, tags->name, value_merge(arena, defaults, given));
}

static void warn(void *ctx, const char *text)
{
    struct planner *p = ctx;
    observe(&p->options.observer, &(struct event){.kind = EVENT_WARNING, .text = text});
}

/* To whom a line of output belongs. */
struct printing {
    struct planner *p;
    struct str address;
};

static void printed(void *ctx, const char *line)
{
    const struct printing *printing = ctx;
    observe(&printing->p->options.observer,
        &(struct event){.kind = EVENT_PRINTED, .address = printing->address, .text = line});
}

int evaluate_prepare(struct planner *p, const struct instance *instance, struct op_ctx op,
    const struct value **object, struct err *err)
{
    const struct decl *decl = instance->decl;
    bool as_recorded = p->options.versions || p->options.as_recorded;
    struct str otherwise = p->options.latest ? STR("latest") : as_recorded ? STR("recorded") : STR_EMPTY;
    if (!decl->schema->ops->prepare)
        return 0;
    op.recorded = instance->import_live ? instance->import_live
                  : instance->seen      ? instance->seen->record->attrs
                                        : NULL;
    op.offline |= p->options.as_recorded && !op.recorded;
    op.version = value_text(value_get(p->options.versions, instance->address), otherwise);
    op.demanded = decl->demands > 0;
    op.timeout_ms = op.recorded ? decl->timeout_update_ms : decl->timeout_create_ms;
    if (!decl->schema->ops->prepare(&op, *object, object, err))
        return 0;
    if (err->class == ERR_IO) /* a file that the stack names */
        err->class = ERR_INVALID;
    return -1;
}

const struct value *evaluate_files(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    struct op_ctx op = instance_context(p, arena, NULL, instance);
    op.warn = warn;
    op.warn_ctx = p;
    op.printed = printed;
    op.printed_ctx = &(struct printing){p, instance->address};
    struct err err = ERR_INIT;
    if (!object || !evaluate_prepare(p, instance, op, &object, &err))
        return object;
    err_context(&err, "%.*s", STR_ARG(instance->address));
    plan_failed(p, instance->decl->span, &err);
    return NULL;
}

/*
 * What is secret because of where it is given is known by value from then on, if it is secret by itself: what
 * comes from elsewhere in clear (the name of a bucket, in a function's environment) is not.
 */
static void learn_secret(const struct attr_expr *given, const struct value *v)
{
    mask_add_marked(v, MASK_GIVEN);
    if (value_is_sensitive(v))
        return;
    if (given->attr->write_only)
        mask_add_value(v, MASK_GIVEN);
    else if (v->kind == VALUE_MAP)
        redact_learn_map(v);
    else if (expr_writes_secret(given->expr, true))
        mask_add_value(v, MASK_LIKELY);
}

static const struct attr_expr *given_attr(const struct decl *decl, struct str name)
{
    for (size_t i = 0; i < decl->attr_count; i++)
        if (str_eq(decl->attrs[i].name, name))
            return &decl->attrs[i];
    return NULL;
}

/* What is null counts as not given, here as in literals (stacks/check.c). False after an error. */
static bool check_conflicts(struct planner *p, const struct instance *instance, const struct value *object)
{
    const struct decl *decl = instance->decl;
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr_expr *given = &decl->attrs[i];
        const struct attr_expr *other =
            given->attr->conflicts.n ? given_attr(decl, given->attr->conflicts) : NULL;
        const struct value *mine = value_get(object, given->name),
                           *its = other ? value_get(object, other->name) : NULL;
        if (!mine || !its || mine->kind == VALUE_UNKNOWN || its->kind == VALUE_UNKNOWN)
            continue;
        struct diag *d =
            diag_error(p->diags, given->key_span, "%.*s: \"%.*s\" and \"%.*s\" exclude each other",
                STR_ARG(instance->address), STR_ARG(given->name), STR_ARG(other->name));
        diag_related(p->diags, d, other->key_span, "given here");
        return false;
    }
    return true;
}

const struct value *evaluate_given(struct planner *p, const struct instance *instance, struct arena *arena)
{
    const struct decl *decl = instance->decl;
    struct scope scope = planner_scope(p, decl, instance);
    AUTO_BUILDER struct value_builder object = VALUE_BUILDER(arena);
    bool ok = true;
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr_expr *given = &decl->attrs[i];
        const struct value *v = expr_eval(given->expr, &scope, arena), *converted;
        struct schema_issue issue = {0};
        if (!v) {
            ok = false;
        } else if (schema_convert(arena, given->attr, v, &converted, &issue)) {
            report_issue(p, given->expr, given->key_span, "attribute", given->name, &issue);
            ok = false;
        } else if (!value_is_null(converted)) {
            bool secret = given->attr->sensitive || given->attr->write_only;
            if (secret)
                learn_secret(given, v);
            value_builder_set(
                &object, given->name, secret ? value_mark(arena, converted, VALUE_SENSITIVE) : converted);
        } else if (given->attr->required) {
            diag_error(p->diags, expr_span(given->expr), "%.*s: \"%.*s\" is required, but this gives null",
                STR_ARG(instance->address), STR_ARG(given->name));
            ok = false;
        }
    }
    const struct value *whole = value_builder_map(&object);
    if (!ok || !check_conflicts(p, instance, whole))
        return NULL;
    const struct value *wanted = alone_attributes(p, instance, arena, whole);
    return merge_default_tags(p, instance, arena, wanted);
}

const struct value *evaluate_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena)
{
    return evaluate_files(p, instance, arena, evaluate_given(p, instance, arena));
}

const struct value *evaluate_steering(struct planner *p, const struct instance *instance, struct arena *arena)
{
    const struct decl *decl = instance->decl;
    struct scope scope = planner_scope(p, decl, instance);
    AUTO_BUILDER struct value_builder object = VALUE_BUILDER(arena);
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr_expr *given = &decl->attrs[i];
        if (!given->attr->steers)
            continue;
        const struct value *v = expr_eval(given->expr, &scope, arena), *converted;
        struct schema_issue issue = {0};
        if (!v || schema_convert(arena, given->attr, v, &converted, &issue))
            converted = &value_unknown;
        if (!value_is_null(converted))
            value_builder_set(&object, given->name, converted);
    }
    return value_builder_map(&object);
}

/* ---- providers ---- */

int evaluate_provider(struct planner *p, const struct decl *decl, struct provider **out, struct err *err)
{
    const struct decl *config = decl->provider;
    if (!config)
        return workspace_provider(p->workspace, decl->provider_name, NULL, out, err);
    const struct value *v = p->values[config->index];
    if (v && !value_is_known(v))
        return err_set(err, ERR_INVALID, "provider \"%.*s\" is configured with values known only after apply",
            STR_ARG(config->full_name));
    return workspace_provider(p->workspace, config->full_name, v, out, err);
}

/* ---- dependencies ---- */

static void walk_deps(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx)
{
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        if (p->stamps[dep->index] == p->stamp)
            continue;
        p->stamps[dep->index] = p->stamp;
        if (dep->kind == DECL_RESOURCE || dep->kind == DECL_DATA)
            visit(ctx, dep);
        if (dep->kind != DECL_RESOURCE) /* a data source stands for what it reads */
            walk_deps(p, dep, visit, ctx);
    }
}

void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx)
{
    p->stamp++;
    walk_deps(p, decl, visit, ctx);
}

static void add_dep(void *ctx, const struct decl *dep)
{
    struct value_builder *b = ctx;
    if (dep->kind == DECL_RESOURCE)
        value_builder_add(b, value_string_ref(b->arena, dep->address));
}

const struct value *evaluate_deps(struct planner *p, const struct decl *decl)
{
    struct value_builder b = VALUE_BUILDER(p->arena);
    each_resource_dep(p, decl, add_dep, &b);
    return value_builder_list(&b);
}
