/*
 * Decides about instances, and about records without an instance; and which half of a replacement is first.
 * Nothing else writes a decision.
 */
#include "plan/decide/decision.h"

#include "base/mem.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/diff.h"
#include "plan/objects/plan_scope.h"
#include "plan/objects/recorded.h"

/* ---- drift ---- */

/* Returns what the instance is compared with. */
static struct comparison comparison_of(
    struct planner *p, const struct instance *instance, const struct value *live)
{
    return (struct comparison){.arena = p->arena,
        .schema = instance->decl->schema,
        .lifecycle = decl_lifecycle(instance->decl),
        .live = live,
        .record = instance->recorded ? instance->recorded->record : NULL};
}

static void note_drift(struct planner *p, struct instance *instance)
{
    const struct recorded_resource *recorded = instance->recorded;
    struct attr_change *drift = NULL;
    if (!recorded->read || (recorded->live && recorded->record->tainted))
        return; /* what a failed run left undone is not drift */
    struct comparison comparison = comparison_of(p, instance, recorded->live);
    size_t n = recorded->live ? diff_drift(&comparison, &drift) : 0;
    if (recorded->live && !n)
        return;
    struct change *change = instance_change(p, instance);
    change->deleted = !recorded->live;
    change->drift = drift;
    change->drift_count = n;
    p->plan->drifted = true;
}

/* ---- instances ---- */

/* Predicts the object that other expressions see. After an error it is unknown to them, so that they do not
 * report the same error. */
static bool predict_instance(struct planner *p, struct instance *instance, const struct value *prior)
{
    const struct schema *schema = instance->decl->schema;
    instance->planned = instance->desired;
    if (!schema->ops->predict)
        return true;
    if (p->offline || provider_waits(p, instance->decl)) { /* the provider is not known yet */
        instance->planned = object_unknown(p->arena, schema, instance->desired);
        return true;
    }
    struct err err = ERR_INIT;
    struct provider *provider;
    const struct value *planned;
    instance->planned = NULL;
    if (evaluate_provider(p, instance->decl, &provider, &err))
        return plan_provider_failed(p, instance->decl, &err);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (schema->ops->predict(&op, instance->desired, prior, &planned, &err)) {
        err_context(&err, "planning %.*s", STR_ARG(instance->address));
        return plan_failed(p, instance->decl->span, &err);
    }
    instance->planned = object_mark(p->arena, schema, planned, NULL);
    return true;
}

/* Predicts the object and marks it as pending. */
static bool decide_change(
    struct planner *p, struct instance *instance, enum action action, const struct value *prior)
{
    if (!predict_instance(p, instance, prior))
        return false;
    instance_change(p, instance)->decision.action = action;
    p->decided.replaces |= action == ACTION_REPLACE;
    p->evaluated.pending[instance->decl->index] = true;
    return true;
}

/* Without a key the state has only hashes of secrets that exist nowhere else. A reference to one is an error
 * before its creation, not in the next plan. */
static void plan_lost_secrets(struct planner *p, struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    if (!schema->ops->state_only || !p->workspace->state || state_has_key(p->workspace->state))
        return;
    const struct value *lost = state_lost_secret(p->arena);
    for (size_t i = 0; i < schema->attr_count; i++)
        if (schema->attrs[i].computed && schema->attrs[i].sensitive)
            instance->planned = value_with(p->arena, instance->planned, schema->attrs[i].name, lost);
}

static bool decide_create(struct planner *p, struct instance *instance)
{
    if (!constraints_check(p, instance, instance->desired, NULL) ||
        !decide_change(p, instance, ACTION_CREATE, NULL))
        return false;
    struct change *change = instance->change;
    struct comparison nothing = {.arena = p->arena, .schema = change->schema};
    change->attr_count = diff_made(&nothing, instance->planned, &change->attrs);
    plan_lost_secrets(p, instance);
    return true;
}

static bool forbid_destroying(
    struct planner *p, const struct decl *decl, struct str address, const char *what, const char *why)
{
    struct diag *d = diag_error(p->diags, decl ? decl->span : (struct span){0},
        "%.*s would be %s%s, but has lifecycle prevent_destroy", STR_ARG(address), what, why);
    if (decl)
        diag_hint(p->diags, d, "set prevent_destroy to false first, or leave it out with --target");
    else
        diag_hint(p->diags, d,
            "declare it again with prevent_destroy: false and destroy it with --target, or forget it with "
            "`removed: [{address: %.*s, destroy: false}]`",
            STR_ARG(address_quoted(p->arena, address)));
    return false;
}

static bool decide_replace(struct planner *p, struct instance *instance, const char *reason,
    const struct attr_change *list, size_t n)
{
    const struct decl *decl = instance->decl;
    const struct recorded_resource *recorded = instance->recorded;
    if (decl_lifecycle(decl)->prevent_destroy)
        return forbid_destroying(p, decl, instance->address, "replaced", "");
    if (adopted_refuse(p, recorded->record, decl->span, "replaced") ||
        !constraints_check(p, instance, instance->desired, NULL) ||
        !decide_change(p, instance, ACTION_REPLACE, NULL))
        return false;
    struct change *change = instance->change;
    change->adopted = recorded->record->adopted;
    change->decision.create_first = decl_lifecycle(decl)->create_before_destroy || decl->schema->create_first;
    change->reason = str_z(reason);
    struct comparison comparison = comparison_of(p, instance, recorded->live);
    change->attr_count = diff_made(&comparison, instance->planned, &change->attrs);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < change->attr_count; k++)
            if (change->attrs[k].attr == list[i].attr)
                change->attrs[k].replaces = list[i].replaces;
    plan_lost_secrets(p, instance);
    return true;
}

/* Why it cannot be updated in place; NULL: it can; "": the changed attributes tell. */
static const char *why_replaced(
    struct planner *p, const struct instance *instance, const struct attr_change *list, size_t n)
{
    const struct decl *decl = instance->decl;
    struct str moves;
    if (instance->recorded->record->tainted)
        return "half-made by an earlier run";
    if (location_differs(p, instance, &moves))
        return moves.p;
    if (address_matches(instance->address, p->options->replaces, p->options->replace_count))
        return "asked for with --replace";
    if (decl_lifecycle(decl)->trigger_count && triggered(p, instance))
        return "replace_triggered_by";
    for (size_t i = 0; i < n; i++)
        if (list[i].replaces)
            return "";
    return NULL;
}

/*
 * Names of attributes that are recorded in clear text and sensitive now. Not of what comes from resources,
 * which may be sensitive only because its record is; nor of what identifies a resource, which stays readable.
 */
static struct str newly_secret(struct planner *p, const struct instance *instance)
{
    const struct decl *decl = instance->decl;
    AUTO_BUF struct buf names = BUF_INIT;
    for (uint32_t i = 0; i < decl->attr_count; i++) {
        struct str name = decl->attrs[i].name;
        const struct attr *attr = schema_attr(decl->schema, name);
        const struct value *recorded = value_get(instance->recorded->record->attrs, name);
        bool open = attr && recorded && !attr->identifies && !str_eq(name, decl->schema->id);
        if (open && attr_secret_beyond(attr, value_get(instance->desired, name)) &&
            !attr_secret_beyond(attr, recorded) && evaluate_is_fixed(p, decl, decl->attrs[i].expr))
            buf_addf(&names, "%s%.*s", names.n ? ", " : "now sensitive: ", STR_ARG(name));
    }
    return arena_str(p->arena, buf_str(&names));
}

/* The service needs no change; the record may. */
static void decide_unchanged(struct planner *p, struct instance *instance, const struct value *live)
{
    const struct decl *decl = instance->decl;
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    struct str secret =
        record && value_is_sensitive(instance->desired) ? newly_secret(p, instance) : STR_EMPTY;
    instance->planned = object_whole(p->arena, decl->schema, instance->desired, live, NULL);
    if (!record) {
        instance_change(p, instance)->decision.action = ACTION_ADOPT;
    } else if (record->prevent_destroy != decl_lifecycle(decl)->prevent_destroy) {
        /* Recorded, since only the record has it once the resource is removed from the file. */
        instance_change(p, instance)->decision.action = ACTION_UPDATE;
        instance->change->reason = record->prevent_destroy ? STR("no longer protected by prevent_destroy")
                                                           : STR("now protected by prevent_destroy");
    } else if (secret.n) {
        instance_change(p, instance)->decision.action = ACTION_UPDATE;
        instance->change->reason = secret;
    } else if (instance->recorded->address.p != record->subject.address.p) {
        instance_change(p, instance); /* only moved */
    }
}

static bool decide_with_live(struct planner *p, struct instance *instance, const struct value *live)
{
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    struct attr_change *list;
    struct comparison comparison = comparison_of(p, instance, live);
    size_t n = diff_objects(&comparison, instance->desired, &list);
    const char *why = record ? why_replaced(p, instance, list, n) : NULL;
    if (why)
        return decide_replace(p, instance, why, list, n);
    if (!n) {
        decide_unchanged(p, instance, live);
        return true;
    }
    if (!constraints_check(p, instance, instance->desired, diff_names(p->arena, list, n)) ||
        !decide_change(p, instance, record ? ACTION_UPDATE : ACTION_ADOPT, live))
        return false;
    instance->change->attrs = list;
    instance->change->attr_count = n;
    return true;
}

static bool decide_import(struct planner *p, struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct value *set = object_set(p->arena, schema, instance->desired);
    instance->import_live = object_managed(p->arena, schema, instance->import_live, instance->desired, set);
    if (!decide_with_live(p, instance, instance->import_live))
        return false;
    instance->change->subject.id = value_text(value_get(instance->import_live, schema->id), STR_EMPTY);
    return true;
}

bool decide_instance(struct planner *p, struct instance *instance)
{
    struct recorded_resource *recorded = instance->recorded;
    if (instance->import_live)
        return decide_import(p, instance);
    if (!recorded)
        return decide_create(p, instance);
    note_drift(p, instance);
    if (!recorded->live)
        return decide_create(p, instance);
    if (!str_eq(recorded->record->subject.type, instance->decl->schema->name)) {
        struct diag *d = diag_error(p->diags, instance->decl->span,
            "\"%.*s\" is recorded as %.*s and is now %.*s", STR_ARG(instance->address),
            STR_ARG(recorded->record->subject.type), STR_ARG(instance->decl->schema->name));
        diag_hint(p->diags, d, "give the new resource another name");
        return false;
    }
    return decide_with_live(p, instance, recorded->live);
}

/* ---- records without an instance ---- */

/* The entry of `removed` for an address; NULL: none. */
static const struct removed *removed_of(struct planner *p, struct str address)
{
    for (size_t i = 0; i < p->stack->removed_count; i++)
        if (address_matches(address, &p->stack->removed[i].address, 1))
            return &p->stack->removed[i];
    return NULL;
}

bool removed_is_forgotten(struct planner *p, const struct recorded_resource *recorded)
{
    const struct removed *removed = recorded->claimed ? NULL : removed_of(p, recorded->address);
    return removed && !removed->destroy && !p->options->destroy;
}

static void list_attributes(struct planner *p, struct change *change, const struct record *record)
{
    const struct value *set = record->set;
    change->attrs = ARENA_ARRAY(p->arena, struct attr_change, set && set->count ? set->count : 1);
    for (uint32_t i = 0; set && i < set->count; i++) {
        const struct attr *attr = schema_attr(change->schema, set->items[i]->string);
        if (attr)
            change->attrs[change->attr_count++] = (struct attr_change){
                .name = attr->name, .attr = attr, .before = value_get(record->attrs, attr->name)};
    }
}

static bool decide_orphan(struct planner *p, struct recorded_resource *recorded)
{
    const struct record *record = recorded->record;
    bool forget = removed_is_forgotten(p, recorded);
    struct str declared, key;
    const struct decl *decl =
        address_split(p->arena, recorded->address, &declared, &key) ? stack_find(p->stack, declared) : NULL;
    if (!forget && (decl ? decl_lifecycle(decl)->prevent_destroy : record->prevent_destroy))
        return forbid_destroying(p, decl, recorded->address, "destroyed",
            decl ? "" : ", since it was removed from the configuration");
    if (!forget && p->options->destroy && adopted_needs_consent(p, record))
        return true; /* reported together */
    if (!forget && adopted_refuse(p, record, decl ? decl->span : (struct span){0}, "destroyed"))
        return false;
    struct err err = ERR_INIT;
    const struct schema *schema = catalog_find(p->workspace->catalog, record->subject.type, false, &err);
    if (!schema && !forget) {
        struct diag *d = diag_error(p->diags, (struct span){0}, "%.*s in the state: %s",
            STR_ARG(record->subject.address), err.message);
        diag_hint(p->diags, d, "%s%s`weir state rm %.*s` forgets it", err.hint, err.hint[0] ? "; " : "",
            STR_ARG(address_quoted(p->arena, record->subject.address)));
        return false;
    }
    struct change *change = change_new(p, record->subject, schema, recorded);
    change->decision.action = forget ? ACTION_FORGET : ACTION_DELETE;
    change->reason = p->options->destroy ? STR_EMPTY
                     : forget            ? STR("removed from the configuration, and not deleted")
                                         : STR("removed from the configuration");
    change->deleted = recorded->read && !recorded->live;
    change->adopted = record->adopted;
    if (schema)
        list_attributes(p, change, record);
    MEM_GROW(p->decided.changes, p->decided.cap, p->decided.count + 1);
    p->decided.changes[p->decided.count++] = change;
    return true;
}

bool decide_orphans(struct planner *p, const bool *only)
{
    bool ok = true;
    struct str *kept = ARENA_ARRAY(p->arena, struct str, p->recorded.count + 1);
    size_t n = 0;
    for (size_t i = 0; i < p->recorded.count; i++) {
        struct recorded_resource *recorded = &p->recorded.items[i];
        if (recorded->claimed || (only && !only[i]) || concurrent_leaves(p, recorded->address))
            continue;
        ok &= decide_orphan(p, recorded);
        if (p->options->destroy && adopted_needs_consent(p, recorded->record))
            kept[n++] = recorded->address;
    }
    if (n)
        adopted_report(p, kept, n);
    return ok && !n;
}

/* ---- order of a replacement's halves ---- */

struct search {
    struct planner *p;
    bool found;
};

static bool is_replaced(const struct instance *instance, bool create_first)
{
    return instance_action(instance) == ACTION_REPLACE &&
           instance->change->decision.create_first == create_first;
}

static void find_destroyed_first(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    const struct instances *list = &search->p->evaluated.instances[dep->index];
    for (size_t i = 0; i < list->n; i++)
        search->found |= is_replaced(&list->items[i], false);
}

static void set_create_first(struct instances *list, bool create_first)
{
    for (size_t i = 0; i < list->n; i++)
        if (is_replaced(&list->items[i], !create_first))
            list->items[i].change->decision.create_first = create_first;
}

/* Resources that their type creates first are deleted first if a dependency is deleted first. */
static void withdraw_create_first(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        struct search search = {p, false};
        if (!decl->schema || !decl->schema->create_first || decl_lifecycle(decl)->create_before_destroy)
            continue;
        each_resource_dep(p, decl, find_destroyed_first, &search);
        if (search.found)
            set_create_first(&p->evaluated.instances[i], false);
    }
}

static void create_first_too(void *ctx, const struct decl *dep)
{
    struct planner *p = ctx;
    set_create_first(&p->evaluated.instances[dep->index], true);
}

/* Dependencies of a resource that is created first must be created first, too, or the order would have a
 * cycle. */
static void spread_create_first(struct planner *p)
{
    for (size_t i = p->stack->decl_count; i-- > 0;) {
        bool first = false;
        for (size_t k = 0; k < p->evaluated.instances[i].n; k++)
            first |= is_replaced(&p->evaluated.instances[i].items[k], true);
        if (first)
            each_resource_dep(p, p->stack->decls[i], create_first_too, p);
    }
}

/* If both have the same name, the new one is the old one, and would be deleted. */
static bool refuse_same_name(struct planner *p, const struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    const struct value *id = schema->ops->read ? value_get(instance->planned, schema->id) : NULL;
    struct str moves;
    if (!record || !record->subject.id.n || !id || !value_is_known(id) ||
        !str_eq(value_text(id, STR_EMPTY), record->subject.id) || location_differs(p, instance, &moves))
        return true;
    struct diag *d = diag_error(p->diags, instance->decl->span,
        "%.*s would be created before the old one is deleted, and both would be \"%.*s\"",
        STR_ARG(instance->address), STR_ARG(record->subject.id));
    diag_hint(p->diags, d,
        "give it another name, or remove `create_before_destroy` here and from the resources that refer to "
        "it");
    return false;
}

bool decide_order(struct planner *p)
{
    bool ok = true;
    if (!p->decided.replaces)
        return true;
    withdraw_create_first(p);
    spread_create_first(p);
    for (size_t i = 0; i < p->stack->decl_count; i++)
        for (size_t k = 0; k < p->evaluated.instances[i].n; k++)
            if (is_replaced(&p->evaluated.instances[i].items[k], true))
                ok &= refuse_same_name(p, &p->evaluated.instances[i].items[k]);
    return ok;
}
