/* An instance's attributes: evaluates, converts and marks expressions, computes attributes from files, copies
 * attributes of other resources. */
#include "plan/evaluate/attributes.h"

#include "base/mask.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/diff.h"
#include "plan/objects/objects.h"
#include "provider/http/redact.h"

/* ---- attributes that are copied from another resource ---- */

static const struct value *value_below(const struct value *v, struct str path)
{
    while (v && path.n)
        v = value_get(v, str_cut(path, '.', &path));
    return v;
}

static const struct value *with_below(
    struct arena *arena, const struct value *object, struct str path, const struct value *v)
{
    struct str rest, name = str_cut(path, '.', &rest);
    return value_with(arena, object, name, rest.n ? with_below(arena, value_get(object, name), rest, v) : v);
}

/* Returns the id of that resource, if the file does not configure the attribute; NULL: nothing to copy. */
static const struct value *asked_of(const struct schema_fill *fill, const struct value *object)
{
    const struct value *id = value_below(object, fill->by);
    return value_is_null(id) || !value_is_null(value_below(object, fill->path)) ? NULL : id;
}

/* ---- from resources of the stack ---- */

static const struct value *find_planned(struct planner *p, const struct schema_fill *fill, struct str id)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        const struct instances *list = &p->evaluated.instances[decl->index];
        if (!decl->schema || !str_eq(decl->schema->name, fill->type))
            continue;
        for (size_t k = 0; k < list->n; k++) {
            const struct value *planned = list->items[k].planned;
            if (str_eq(value_text(value_get(planned, decl->schema->id), STR_EMPTY), id))
                return planned;
        }
    }
    return NULL;
}

/* Returns the object with values from the plan; values that are not known yet are unknown. */
static const struct value *fills_known(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    const struct schema *schema = instance->decl->schema;
    bool later = p->offline || (schema->fill_count && provider_waits(p, instance->decl));
    for (size_t i = 0; i < schema->fill_count; i++) {
        const struct schema_fill *fill = &schema->fills[i];
        const struct value *id = asked_of(fill, object), *v = &value_unknown;
        if (!id)
            continue;
        if (value_is_known(id))
            v = value_get(find_planned(p, fill, value_text(id, STR_EMPTY)), fill->from);
        if (!value_is_null(v) || !value_is_known(id) || later)
            object = with_below(arena, object, fill->path, value_is_null(v) ? &value_unknown : v);
    }
    return object;
}

/* ---- from other resources ---- */

static int fill_from_service(const struct op_ctx *op, const struct schema *schema,
    const struct schema_fill *fill, const struct value *id, const struct value **out, struct err *err)
{
    struct op_ctx reading = *op;
    const struct value *live = NULL, *wanted = value_string_ref(op->arena, fill->from);
    reading.schema = schema;
    if (schema->ops->read(&reading, value_with(op->arena, NULL, schema->id, id),
            value_list(op->arena, &wanted, 1), &live, err))
        return -1;
    *out = value_get(live, fill->from);
    return live ? 0 : err_set(err, ERR_ABSENT, "it does not exist");
}

int fills_read(struct planner *p, const struct op_ctx *op, const struct value **object, struct err *err)
{
    for (size_t i = 0; i < op->schema->fill_count; i++) {
        const struct schema_fill *fill = &op->schema->fills[i];
        const struct value *id = asked_of(fill, *object), *v = NULL;
        if (!id || !value_is_known(id))
            continue;
        const struct schema *schema = catalog_find(p->workspace->catalog, fill->type, false, err);
        if (!schema || fill_from_service(op, schema, fill, id, &v, err)) {
            err_context(err, "%.*s, which %.*s %.*s sets", STR_ARG(fill->path), STR_ARG(fill->type),
                STR_ARG(value_text(id, STR_EMPTY)));
            return -1;
        }
        if (!value_is_null(v))
            *object = with_below(op->arena, *object, fill->path, v);
    }
    return 0;
}

/* ---- resources that existed before weir managed them ---- */

enum { ADOPTED_SHOWN = 8 };

bool adopted_needs_consent(const struct planner *p, const struct record *record)
{
    return record->adopted && !p->options->delete_adopted;
}

bool adopted_refuse(struct planner *p, const struct record *record, struct span span, const char *what)
{
    if (!adopted_needs_consent(p, record))
        return false;
    struct diag *d =
        diag_error(p->diags, span, "%.*s would be %s, but it existed before this stack imported it",
            STR_ARG(record->subject.address), what);
    diag_hint(p->diags, d,
        "--delete-adopted agrees to that; `removed: [{address: %.*s, destroy: false}]` forgets it instead",
        STR_ARG(address_quoted(p->arena, record->subject.address)));
    return true;
}

void adopted_report(struct planner *p, const struct str *addresses, size_t n)
{
    AUTO_BUF struct buf names = BUF_INIT;
    if (n > 1)
        buf_addf(&names, "%zu resources (", n);
    for (size_t i = 0; i < n && i < ADOPTED_SHOWN; i++)
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(addresses[i]));
    if (n > ADOPTED_SHOWN)
        buf_addf(&names, " and %zu more", n - ADOPTED_SHOWN);
    if (n > 1)
        buf_addz(&names, ")");
    struct diag *d = diag_error(p->diags, (struct span){0},
        n == 1 ? "%.*s would be destroyed, but it existed before this stack imported it"
               : "%.*s would be destroyed, but they existed before this stack imported them",
        STR_ARG(buf_str(&names)));
    diag_hint(p->diags, d,
        "--delete-adopted agrees to that; `weir state rm ADDRESS...` forgets what is to stay, and deletes "
        "nothing");
}

static bool was_there(const struct record *record, const struct decl *decl)
{
    return record->adopted ||
           (decl && decl->kind == DECL_RESOURCE && decl_lifecycle(decl)->adopt == ADOPT_EXISTING);
}

void adopted_owner(struct owner *owner, const struct record *record, const struct decl *decl)
{
    owner->untagged = was_there(record, decl);
    owner->recorded = record->attrs;
    owner->recorded_at = record->recent_since;
}

/* ---- attributes computed from local files ---- */

/* The resource that a line of output is about. */
struct printing {
    struct planner *p;
    struct str address;
};

static void warn_user(void *ctx, const char *text)
{
    const struct printing *printing = ctx;
    observe(&printing->p->observer, &(struct event){.kind = EVENT_WARNING, .text = text});
}

static void tell_printed(void *ctx, const char *line)
{
    const struct printing *printing = ctx;
    observe(&printing->p->observer,
        &(struct event){.kind = EVENT_PRINTED, .address = printing->address, .text = line});
}

int evaluate_prepare(struct planner *p, const struct instance *instance, struct op_ctx op,
    const struct value **object, struct err *err)
{
    const struct decl *decl = instance->decl;
    bool as_recorded = p->options->versions || p->options->as_recorded;
    struct str otherwise = p->options->latest ? STR("latest") : as_recorded ? STR("recorded") : STR_EMPTY;
    if (!decl->schema->ops->prepare)
        return 0;
    struct preparation how = {
        .version = value_text(value_get(p->options->versions, instance->address), otherwise),
        .demanded = decl->costly_references > 0};
    how.recorded = instance->import_live ? instance->import_live
                   : instance->recorded  ? instance->recorded->record->attrs
                                         : NULL;
    how.offline = p->offline || (p->options->as_recorded && !how.recorded);
    op.timeout_ms =
        how.recorded ? decl_lifecycle(decl)->timeout_update_ms : decl_lifecycle(decl)->timeout_create_ms;
    if (!decl->schema->ops->prepare(&op, &how, *object, object, err))
        return 0;
    if (err->class == ERR_IO) /* the stack names the file */
        err->class = ERR_INVALID;
    return -1;
}

const struct value *evaluate_files(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    if (!object || !instance->decl->schema->ops->prepare)
        return object;
    struct op_ctx op = instance_context(p, arena, NULL, instance);
    struct printing printing = {p, instance->address};
    struct op_observer observer = {.ctx = &printing, .warn = warn_user, .printed = tell_printed};
    op.observer = &observer;
    struct err err = ERR_INIT;
    if (!evaluate_prepare(p, instance, op, &object, &err))
        return object;
    err_context(&err, "%.*s", STR_ARG(instance->address));
    plan_failed(p, instance->decl->span, &err);
    return NULL;
}

/* ---- configured attributes ---- */

/* Default tags of the provider, even if others of its settings are still unknown. */
static const struct value *default_tags(struct planner *p, const struct decl *decl)
{
    struct provider *provider = NULL;
    if (p->offline)
        return NULL;
    if (provider_waits(p, decl))
        return value_getz(p->evaluated.values[decl->provider->index], "default_tags");
    /* one that cannot be opened is reported where it is used */
    return evaluate_provider(p, decl, &provider, ERR_IGNORED) ? NULL : provider_default_tags(provider);
}

/* Reports a configured tag that the provider's `ignore_tags` leaves to others. */
static bool check_ignored_tags(struct planner *p, const struct instance *instance, const struct value *tags)
{
    struct provider *provider = NULL;
    if (p->offline || !tags || tags->kind != VALUE_MAP || provider_waits(p, instance->decl) ||
        evaluate_provider(p, instance->decl, &provider, ERR_IGNORED))
        return true;
    for (uint32_t i = 0; i < tags->count; i++) {
        struct str key = tags->entries[i].key;
        if (!provider_leaves_tag(provider, key) || str_starts(key, STR("aws:")) ||
            str_starts(key, STR("weir:")))
            continue;
        diag_error(p->diags, instance->decl->span, "the tag \"%.*s\" is one of the provider's `ignore_tags`",
            STR_ARG(key));
        return false;
    }
    return true;
}

static const struct value *merge_default_tags(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    const struct schema *schema = instance->decl->schema;
    const struct attr *tags = schema_attr(schema, schema->tags.n ? schema->tags : STR("tags"));
    if (!tags || tags->type->kind != TYPE_TAGS || !tags->settable)
        return object;
    const struct value *defaults = default_tags(p, instance->decl), *given = value_get(object, tags->name);
    if (!check_ignored_tags(p, instance, given) || !check_ignored_tags(p, instance, defaults))
        return NULL;
    if (value_is_null(defaults) || value_is_unknown(given))
        return object;
    if (value_is_unknown(defaults))
        return value_with(arena, object, tags->name, &value_unknown);
    return defaults->count ? value_with(arena, object, tags->name, value_merge(arena, defaults, given))
                           : object;
}

/*
 * Registers secrets for masking. A value that is secret because of its attribute is registered only if it
 * looks secret itself: a bucket's name in a function's environment is not.
 */
static void learn_secret(const struct attr_expr *given, const struct value *v)
{
    mask_add_marked(v, MASK_GIVEN);
    if (value_is_sensitive(v))
        return;
    if (given->attr->write_only && given->attr->sensitive)
        mask_add_value(v, MASK_GIVEN);
    else if (v->kind == VALUE_MAP)
        redact_learn_map(v);
    else if (expr_writes_secret(given->expr, true))
        mask_add_value(v, MASK_LIKELY);
}

const struct attr_expr *attributes_given(const struct decl *decl, struct str name)
{
    for (size_t i = 0; i < decl->attr_count; i++)
        if (str_eq(decl->attrs[i].name, name))
            return &decl->attrs[i];
    return NULL;
}

/* Null counts as not configured, here as in literals (stacks/load/check.c). False after an error. */
static bool check_conflicts(struct planner *p, const struct instance *instance, const struct value *object)
{
    const struct decl *decl = instance->decl;
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr_expr *given = &decl->attrs[i];
        const struct attr_expr *other =
            given->attr->conflicts.n ? attributes_given(decl, given->attr->conflicts) : NULL;
        const struct value *mine = value_get(object, given->name),
                           *its = other ? value_get(object, other->name) : NULL;
        if (!mine || !its || mine->kind == VALUE_UNKNOWN || its->kind == VALUE_UNKNOWN)
            continue;
        struct diag *d = diag_error(p->diags, node_key_span(given->entry),
            "%.*s: \"%.*s\" and \"%.*s\" exclude each other", STR_ARG(instance->address),
            STR_ARG(given->name), STR_ARG(other->name));
        diag_related(p->diags, d, node_key_span(other->entry), "given here");
        return false;
    }
    return true;
}

/* Reports a reference to a secret of another resource that was created in an earlier run: without a key the
 * state has only its hash. */
static bool report_lost_secret(
    struct planner *p, const struct instance *instance, const struct attr_expr *given, const struct value *v)
{
    if (!object_holds_hash(v))
        return false;
    struct diag *d = diag_error(p->diags, expr_span(given->expr),
        "%.*s: \"%.*s\" refers to a secret of which the state keeps only a hash", STR_ARG(instance->address),
        STR_ARG(given->name));
    diag_hint(p->diags, d, "%s", lost_secret_hint);
    return true;
}

/* If the file gives a map that is not secret as a whole, marks each of its values: its keys may be shown
 * (cmd/output/render.h). */
static const struct value *mark_given(
    struct arena *arena, const struct value *given, const struct value *converted)
{
    if (converted->kind == VALUE_MAP && !(given->marks & VALUE_SENSITIVE)) {
        struct value_entry *entries = ARENA_ARRAY(arena, struct value_entry, converted->count + 1);
        for (uint32_t i = 0; i < converted->count; i++)
            entries[i] = (struct value_entry){
                converted->entries[i].key, value_mark(arena, converted->entries[i].value, VALUE_SENSITIVE)};
        converted = value_map(arena, entries, converted->count);
    }
    return value_mark(arena, converted, VALUE_SENSITIVE);
}

/* True if the value is recorded: the service has accepted it, so that weir's checks are skipped. */
static bool is_recorded(const struct instance *instance, const struct attr_expr *given, const struct value *v)
{
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    const struct value *was = record ? value_get(record->attrs, given->name) : NULL;
    return was && attr_equal(given->attr, v, was);
}

/* Evaluates, converts and marks one attribute; NULL in *out: not configured. False after an error: then *out
 * is unknown. */
static bool evaluate_attribute(struct planner *p, const struct instance *instance,
    const struct attr_expr *given, const struct scope *scope, struct arena *arena, const struct value **out)
{
    const struct value *v = expr_eval(given->expr, scope, arena), *converted;
    struct schema_issue issue = {0};
    bool secret = given->attr->sensitive;
    *out = &value_unknown;
    if (!v || report_lost_secret(p, instance, given, v))
        return false;
    if (schema_convert(arena, given->attr, v, &converted, &issue)) {
        evaluate_issue(p, given->expr, node_key_span(given->entry), "attribute", given->name, &issue);
        return false;
    }
    if (value_is_null(converted) && given->attr->required) {
        diag_error(p->diags, expr_span(given->expr), "%.*s: \"%.*s\" is required, but this gives null",
            STR_ARG(instance->address), STR_ARG(given->name));
        return false;
    }
    *out = NULL;
    if (value_is_null(converted))
        return true;
    *out = &value_unknown;
    bool asked = !is_recorded(instance, given, converted);
    if (asked && !policies_check(p, given, converted))
        return false;
    if (asked && given->attr->has_language && !notations_check(p, instance->address, given, scope, converted))
        return false;
    if (secret)
        learn_secret(given, v);
    else
        mask_add_marked(converted, MASK_GIVEN); /* fields that the schema calls secret */
    *out = secret ? mark_given(arena, v, converted) : converted;
    return true;
}

/* Sets attributes with errors from loading to unknown; with an unknown key, all missing required ones,
 * too. */
static const struct value *with_mistaken(
    const struct decl *decl, struct arena *arena, const struct value *object)
{
    for (size_t i = 0; i < decl->schema->attr_count; i++) {
        const struct attr *attr = &decl->schema->attrs[i];
        bool mistaken = decl->mistaken.all || attr->required;
        for (size_t k = 0; !mistaken && k < decl->mistaken.count; k++)
            mistaken = str_eq(decl->mistaken.names[k], attr->name);
        if (mistaken && attr->settable && !value_get(object, attr->name))
            object = value_with(arena, object, attr->name, &value_unknown);
    }
    return object;
}

const struct value *evaluate_given(struct planner *p, const struct instance *instance, struct arena *arena)
{
    const struct decl *decl = instance->decl;
    struct scope scope = planner_scope(p, decl, instance);
    AUTO_BUILDER struct value_builder object = VALUE_BUILDER(arena);
    const struct value *v;
    bool ok = !decl->mistaken.any;
    for (size_t i = 0; i < decl->attr_count; i++) {
        ok &= evaluate_attribute(p, instance, &decl->attrs[i], &scope, arena, &v);
        if (v)
            value_builder_set(&object, decl->attrs[i].name, v);
    }
    const struct value *whole = value_builder_map(&object);
    if (decl->mistaken.any)
        whole = with_mistaken(decl, arena, whole);
    ok &= check_conflicts(p, instance, whole);
    if (!ok && !instance->recorded)
        constraints_check(p, instance, whole, NULL); /* report all errors */
    if (!ok)
        return NULL;
    whole = fills_known(p, instance, arena, whole);
    const struct value *wanted = targets_only_attributes(p, instance, arena, whole);
    return merge_default_tags(p, instance, arena, wanted);
}

const struct value *evaluate_unknown(struct planner *p, struct instance *instance, struct arena *arena)
{
    const struct decl *decl = instance->decl;
    const struct value *then = instance->desired, *v;
    AUTO_BUILDER struct value_builder object = VALUE_BUILDER(arena);
    evaluate_each(p, instance);
    struct scope scope = planner_scope(p, decl, instance);
    for (uint32_t i = 0; i < then->count; i++)
        if (value_is_known(then->entries[i].value))
            value_builder_set(&object, then->entries[i].key, then->entries[i].value);
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct value *was = value_get(then, decl->attrs[i].name);
        if (!was || value_is_known(was))
            continue;
        if (!evaluate_attribute(p, instance, &decl->attrs[i], &scope, arena, &v))
            return NULL;
        if (v)
            value_builder_set(&object, decl->attrs[i].name, v);
    }
    const struct value *whole = value_builder_map(&object);
    enum action action = instance->change->decision.action;
    bool exists = action == ACTION_UPDATE || action == ACTION_ADOPT;
    const struct value *changed =
        exists ? diff_names(arena, instance->change->attrs, instance->change->attr_count) : NULL;
    return check_conflicts(p, instance, whole) && constraints_check(p, instance, whole, changed)
               ? merge_default_tags(p, instance, arena, fills_known(p, instance, arena, whole))
               : NULL;
}

/* Reads attributes that are copied from resources outside the stack. False after an error. */
static bool evaluate_fills(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value **object)
{
    if (!instance->decl->schema->fill_count || p->offline || provider_waits(p, instance->decl))
        return true;
    struct provider *provider;
    struct err err = ERR_INIT;
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    const struct op_ctx op = instance_context(p, arena, provider, instance);
    if (!fills_read(p, &op, object, &err))
        return true;
    err_context(&err, "%.*s", STR_ARG(instance->address));
    return plan_failed(p, instance->decl->span, &err);
}

const struct value *evaluate_attributes(
    struct planner *p, const struct instance *instance, struct arena *arena)
{
    const struct value *object = evaluate_given(p, instance, arena);
    return object && evaluate_fills(p, instance, arena, &object) ? evaluate_files(p, instance, arena, object)
                                                                 : NULL;
}

const struct value *evaluate_weir_only(
    struct planner *p, const struct instance *instance, struct arena *arena)
{
    const struct decl *decl = instance->decl;
    struct scope scope = planner_scope(p, decl, instance);
    AUTO_BUILDER struct value_builder object = VALUE_BUILDER(arena);
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr_expr *given = &decl->attrs[i];
        if (!given->attr->weir_only)
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
