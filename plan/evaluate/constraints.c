/* Constraints across values and resources, text in languages of its own, and policies that IAM would refuse:
 * reported at the attribute, before any call. */
#include "base/json.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/evaluate.h"
#include "provider/iam/policy.h"
#include "provider/notation/notation.h"

/* ---- unknown IAM actions ---- */

struct reported_actions {
    struct planner *p;
    const struct attr_expr *given;
    const struct value *path[6]; /* of the action in the attribute */
    size_t depth;
};

static void tell_action(const struct reported_actions *t, struct arena *arena, struct str action)
{
    struct str nearest;
    if (iam_action_is_known(arena, action, &nearest))
        return;
    struct span span = expr_span_at(t->given->expr, value_list(arena, t->path, t->depth), false);
    struct diag *d = diag_warning(
        t->p->diags, span, "\"%.*s\" is not an action that IAM knows: it has no effect", STR_ARG(action));
    if (nearest.n)
        diag_label(t->p->diags, d, "did you mean \"%.*s\"?", STR_ARG(nearest));
    else
        diag_hint(t->p->diags, d,
            "look it up in the Service Authorization Reference; an action that is newer than this "
            "weir is right all the same");
}

static void tell_actions(struct reported_actions *t, struct arena *arena, const struct value *statement)
{
    static const char *const elements[] = {"Action", "NotAction"};
    for (size_t e = 0; e < 2; e++) {
        const struct value *actions = value_getz(statement, elements[e]);
        size_t depth = t->depth;
        t->path[t->depth++] = value_stringz(arena, elements[e]);
        if (actions && actions->kind == VALUE_STRING)
            tell_action(t, arena, actions->string);
        for (uint32_t i = 0; actions && actions->kind == VALUE_LIST && i < actions->count; i++) {
            t->path[t->depth++] = value_int(arena, i);
            if (actions->items[i]->kind == VALUE_STRING)
                tell_action(t, arena, actions->items[i]->string);
            t->depth--;
        }
        t->depth = depth;
    }
}

/* Warns of misspelt actions, which allow nothing and are otherwise noticed only when access is denied. */
static void check_actions(
    struct planner *p, const struct attr_expr *given, struct str key, const struct value *document)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct reported_actions t = {.p = p, .given = given};
    const struct value *statements = value_getz(document, "Statement");
    if (key.p)
        t.path[t.depth++] = value_string(&scratch, key);
    t.path[t.depth++] = value_stringz(&scratch, "Statement");
    if (statements && statements->kind == VALUE_MAP)
        tell_actions(&t, &scratch, statements);
    for (uint32_t i = 0; statements && statements->kind == VALUE_LIST && i < statements->count; i++) {
        t.path[t.depth++] = value_int(&scratch, i);
        tell_actions(&t, &scratch, statements->items[i]);
        t.depth--;
    }
}

/* Policy variables need Version 2012-10-17. */
static void check_variables(
    struct planner *p, const struct attr_expr *given, struct str key, const struct value *document)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *path[1], *whole = document;
    if (document->kind == VALUE_STRING && json_parse(&scratch, document->string, &whole, ERR_IGNORED))
        return;
    const struct value *version = value_getz(whole, "Version");
    if (str_eqz(value_text(version, STR_EMPTY), "2012-10-17") || (version && version->kind == VALUE_UNKNOWN))
        return;
    json_write(&text, whole, JSON_PLAIN);
    if (str_find(buf_str(&text), STR("${"), 0) < 0)
        return;
    if (key.p)
        path[0] = value_string(&scratch, key);
    struct span span = expr_span_at(given->expr, value_list(&scratch, path, key.p ? 1 : 0), false);
    struct diag *d = diag_warning(
        p->diags, span, "policy variables are plain text in a policy without Version \"2012-10-17\"");
    diag_hint(p->diags, d, "add Version: \"2012-10-17\" to the policy");
}

/* Checks whether IAM would accept the policy. Reported at the statement, if it is in the file. */
static bool check_policy(struct planner *p, const struct attr_expr *given, struct str key,
    const struct type *type, const struct value *document)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *path[3], *statements = value_getz(document, "Statement");
    struct err err = ERR_INIT;
    size_t statement, depth = 0;
    if (!iam_policy_check(&scratch, document, type->place, &statement, &err)) {
        check_actions(p, given, key, document);
        check_variables(p, given, key, document);
        return true;
    }
    if (key.p)
        path[depth++] = value_string(&scratch, key);
    if (statement) {
        path[depth++] = value_stringz(&scratch, "Statement");
        if (statements && statements->kind == VALUE_LIST)
            path[depth++] = value_int(&scratch, (int64_t)statement - 1);
    }
    struct str message =
        statement ? arena_printf(&scratch, "statement %zu: %s", statement, err.message) : str_z(err.message);
    const struct schema_issue issue = {
        .message = message, .label = STR_EMPTY, .key = STR_EMPTY, .path = value_list(&scratch, path, depth)};
    evaluate_issue(p, given->expr, node_key_span(given->entry), "attribute", given->name, &issue);
    return false;
}

bool policies_check(struct planner *p, const struct attr_expr *given, const struct value *v)
{
    const struct type *type = given->attr->type;
    bool ok = true;
    if (type->kind == TYPE_POLICY && !value_is_null(v) && v->kind != VALUE_UNKNOWN)
        return check_policy(p, given, (struct str){0}, type, v);
    if (type->kind != TYPE_MAP || type->elem->kind != TYPE_POLICY || v->kind != VALUE_MAP)
        return true;
    for (uint32_t i = 0; i < v->count; i++)
        if (!value_is_null(v->entries[i].value) && v->entries[i].value->kind != VALUE_UNKNOWN)
            ok &= check_policy(p, given, v->entries[i].key, type->elem, v->entries[i].value);
    return ok;
}

enum { TRUSTS_DEPTH = 8, TRUSTS_MOST = 100 };

struct trusts {
    struct planner *p;
    const struct instance *instance;
    const struct attr_expr *given;
    struct arena *arena;
    const struct value *steps[TRUSTS_DEPTH];
    uint32_t depth;
    bool met;
};

/* ---- trust policies ---- */

/* logs.eu-west-1.amazonaws.com counts as logs.amazonaws.com. */
static bool is_service(struct str principal, struct str service)
{
    struct str rest, first = str_cut(principal, '.', &rest), wanted = str_cut(service, '.', &rest);
    return str_eq(first, wanted) && str_find(principal, STR(".amazonaws.com"), 0) >= 0;
}

/* Conditions are ignored: they depend on the caller. */
static bool statement_lets_in(const struct iam_statement *statement, struct str service)
{
    const struct iam_condition *failed;
    struct iam_request request = {.action = STR("sts:AssumeRole"), .resource = STR("*")};
    request.who.service = service;
    for (size_t i = 0; i < statement->principal_count; i++)
        if (statement->principals[i].kind == IAM_SERVICE &&
            is_service(statement->principals[i].name, service))
            request.who.service = statement->principals[i].name;
    enum iam_fit fit = iam_statement_fits(&request, statement, IAM_RESOURCE, &failed);
    return !statement->deny && (fit == IAM_FITS || fit == IAM_CONDITION_FAILS);
}

/* True for an unknown document and for invalid policies, which are reported elsewhere. */
static bool lets_in(struct arena *arena, const struct value *document, const struct value *services)
{
    const struct iam_policy *policy;
    if (value_is_null(document) || !value_is_known(document) ||
        iam_policy_read(arena, document, STR("trust"), &policy, ERR_IGNORED))
        return true;
    for (size_t i = 0; i < policy->n; i++)
        for (uint32_t k = 0; k < services->count; k++)
            if (statement_lets_in(&policy->statements[i], value_text(services->items[k], STR_EMPTY)))
                return true;
    return false;
}

/* ---- the role ---- */

static void trusts_tell(
    struct trusts *t, const struct expr *expr, const struct decl *role, const struct attr *attr)
{
    struct diags *diags = t->p->diags;
    const struct decl *decl = t->instance->decl;
    bool warns = t->p->offline &&
                 (decl_lifecycle(decl)->adopt == ADOPT_EXISTING || import_of(t->p, t->instance->address));
    struct str service = value_text(attr->assumed_by->items[0], STR_EMPTY),
               trust = iam_trust_attribute(role->schema->name);
    const struct attr_expr *there = attributes_given(role, trust);
    struct diag *d = (warns ? diag_warning : diag_error)(diags, expr_span(expr),
        "%.*s: %.*s cannot assume the role %.*s: its trust policy does not allow it",
        STR_ARG(t->instance->address), STR_ARG(service), STR_ARG(role->address));
    diag_related(diags, d, there ? expr_span(there->expr) : role->span, "who may assume it");
    diag_hint(
        diags, d, "%.*s: ${trust(\"%.*s\")}; with others, a list of them", STR_ARG(trust), STR_ARG(service));
    t->met &= warns;
}

/* An error without an attribute to change in this stack. */
static void tell_given_out(
    struct trusts *t, const struct expr *expr, const struct decl *source, const struct attr *attr)
{
    struct str service = value_text(attr->assumed_by->items[0], STR_EMPTY);
    struct diag *d = diag_error(t->p->diags, expr_span(expr),
        "%.*s: %.*s cannot assume this role of %.*s: its trust policy does not allow it",
        STR_ARG(t->instance->address), STR_ARG(service), STR_ARG(source->address));
    diag_related(t->p->diags, d, source->span, "the stack that made the role");
    diag_hint(t->p->diags, d, "add ${trust(\"%.*s\")} to the role there, and apply that stack first",
        STR_ARG(service));
    t->met = false;
}

/* Checks a role from another stack's outputs, with the trust policy in its state. */
static void check_given_out(struct trusts *t, const struct expr *expr, const struct expr *origin,
    struct scope *scope, const struct attr *attr)
{
    const struct decl *source = expr_root(origin);
    if (!source || source->kind != DECL_DATA || !str_eqz(source->schema->name, "weir.stack"))
        return;
    const struct value *policies = value_getz(planner_value(t->p, source), "trust_policies");
    const struct value *role = policies ? expr_eval(origin, scope, t->arena) : NULL;
    const struct value *policy = role ? value_get(policies, value_text(role, STR_EMPTY)) : NULL;
    if (policy && !lets_in(t->arena, policy, attr->assumed_by))
        tell_given_out(t, expr, source, attr);
}

/* Checks a role that is a resource of the stack, also through locals and modules, with its planned trust
 * policy. */
static void check_role(struct trusts *t, const struct expr *expr, const struct attr *attr)
{
    AUTO_DIAGS struct diags unseen = DIAGS_INIT;
    const struct decl *role = NULL;
    struct scope scope = planner_scope(t->p, t->instance->decl, t->instance);
    const struct expr *origin = evaluate_origin(t->p, expr, &scope),
                      *owner = origin ? expr_owner(origin, &role) : NULL;
    struct str trust = owner && role->schema ? iam_trust_attribute(role->schema->name) : STR_EMPTY;
    scope.diags = &unseen;
    if (!owner && origin)
        check_given_out(t, expr, origin, &scope, attr);
    if (!trust.n)
        return;
    const struct value *object = expr_eval(owner, &scope, t->arena);
    if (object && object->kind == VALUE_MAP && !lets_in(t->arena, value_get(object, trust), attr->assumed_by))
        trusts_tell(t, expr, role, attr);
}

/* ---- references to roles ---- */

static void trusts_walk(
    struct trusts *t, const struct attr *attr, const struct type *type, const struct value *v);

/* False: the expression has nothing there. */
static bool walk_into(struct trusts *t, const struct attr *attr, const struct type *type,
    const struct value *step, const struct value *v)
{
    if (t->depth == TRUSTS_DEPTH)
        return false;
    t->steps[t->depth++] = step;
    bool there = expr_at(t->given->expr, value_list(t->arena, t->steps, t->depth), false) != NULL;
    if (there)
        trusts_walk(t, attr, type, v);
    t->depth--;
    return there;
}

static void trusts_walk(
    struct trusts *t, const struct attr *attr, const struct type *type, const struct value *v)
{
    if (!type->elem && attr->assumed_by) {
        const struct value *path = value_list(t->arena, t->steps, t->depth);
        check_role(t, expr_at(t->given->expr, path, false), attr);
        return;
    }
    bool listed = type->kind == TYPE_LIST || type->kind == TYPE_SET;
    for (uint32_t i = 0; listed && i < TRUSTS_MOST; i++) /* in the order of the file: a set may be sorted */
        if (!walk_into(t, attr, type->elem, value_int(t->arena, i), NULL))
            break;
    for (uint32_t i = 0; v && type->kind == TYPE_MAP && v->kind == VALUE_MAP && i < v->count; i++)
        walk_into(t, attr, type->elem, value_string(t->arena, v->entries[i].key), v->entries[i].value);
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].has_assumed_by)
            walk_into(t, &type->fields[i], type->fields[i].type, value_string(t->arena, type->fields[i].name),
                value_get(v, type->fields[i].name));
}

/* Checks that the service can assume each referenced role of the stack. */
static bool trusts_check(struct planner *p, const struct instance *instance, const struct value *object,
    const struct value *changed)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct trusts t = {.p = p, .instance = instance, .arena = &scratch, .met = true};
    for (size_t i = 0; i < instance->decl->attr_count; i++) {
        t.given = &instance->decl->attrs[i];
        bool asked = !changed || value_list_has(changed, t.given->name);
        if (asked && t.given->attr && t.given->attr->has_assumed_by)
            trusts_walk(&t, t.given->attr, t.given->attr->type, value_get(object, t.given->name));
    }
    return t.met;
}

/* ---- Attributes with text in a language of its own: reports what a service would refuse, at its place.
 * ---- */

/* Each issue needs a search in the file; a text with more is wrong as a whole. */
enum { MAX_DEPTH = 30, REPORTED_MAX = 25 };

struct speaking {
    struct planner *p;
    struct str address;
    const struct attr_expr *given;
    const struct scope *scope;
    struct arena *arena;
    const struct value *steps[MAX_DEPTH]; /* from the attribute to the checked value */
    size_t depth;
    struct str language;
    const struct value *document;
    size_t reported; /* in this document */
    bool ok;
};

/* ---- reporting ---- */

static const struct value *value_along(const struct value *v, const struct value *path)
{
    for (uint32_t i = 0; v && i < path->count; i++) {
        const struct value *step = path->items[i];
        bool item = step->kind == VALUE_INT && v->kind == VALUE_LIST && step->integer < v->count;
        v = item ? v->items[step->integer] : value_get(v, value_text(step, STR_EMPTY));
    }
    return v;
}

/* True if the key is marked: for a whole map or list, and for an unknown member. */
static bool is_about_key(const struct speaking *s, const struct notation_issue *issue)
{
    const struct value *v = value_along(s->document, issue->path);
    const struct value *last = issue->path->count ? issue->path->items[issue->path->count - 1] : NULL;
    bool holds = v && (v->kind == VALUE_MAP || v->kind == VALUE_LIST);
    return holds || (last && issue->word.n && str_eq(value_text(last, STR_EMPTY), issue->word));
}

static void tell_issue(void *ctx, const struct notation_issue *issue)
{
    struct speaking *s = ctx;
    struct diags *diags = s->p->diags;
    s->ok = s->ok && issue->doubt;
    if (s->reported++ >= REPORTED_MAX)
        return;
    AUTO_BUILDER struct value_builder path = VALUE_BUILDER(s->arena);
    for (size_t i = 0; i < s->depth; i++)
        value_builder_add(&path, s->steps[i]);
    for (uint32_t i = 0; i < issue->path->count; i++)
        value_builder_add(&path, issue->path->items[i]);
    struct span span =
        expr_span_within(s->given->expr, s->scope, value_builder_list(&path), is_about_key(s, issue));
    struct diag *d = issue->doubt ? diag_warning(diags, span, "%.*s: \"%.*s\": %.*s", STR_ARG(s->address),
                                        STR_ARG(s->given->name), STR_ARG(issue->message))
                                  : diag_error(diags, span, "%.*s: \"%.*s\": %.*s", STR_ARG(s->address),
                                        STR_ARG(s->given->name), STR_ARG(issue->message));
    if (issue->word.n)
        diag_did_you_mean(diags, d, issue->word, issue->names, issue->name_count);
    if (issue->hint.n && !d->label.n)
        diag_hint(diags, d, "%.*s", STR_ARG(issue->hint));
}

/* Secret text: the message shows no part and no position of it. */
static void tell_nothing(void *ctx, const struct notation_issue *issue)
{
    struct speaking *s = ctx;
    if (s->ok && !issue->doubt)
        diag_error(s->p->diags, expr_span(s->given->expr), "%.*s: \"%.*s\" is not a valid %s",
            STR_ARG(s->address), STR_ARG(s->given->name), notation_subject(s->language));
    s->ok = s->ok && issue->doubt;
}

/* ---- checking ---- */

static void check_text(struct speaking *s, const struct value *v)
{
    struct err err = ERR_INIT;
    bool secret = value_is_sensitive(v);
    s->document = v;
    s->reported = 0;
    if (notation_is_json(s->language) && v->kind == VALUE_STRING &&
        json_parse(s->arena, v->string, &s->document, &err)) {
        const struct notation_issue issue = {
            .message = str_z(err.message), .path = &value_empty_list, .word = STR_EMPTY};
        (secret ? tell_nothing : tell_issue)(s, &issue);
        return;
    }
    notation_check(s->arena, s->language, s->document, secret ? tell_nothing : tell_issue, s);
    if (s->reported > REPORTED_MAX)
        diag_warning(s->p->diags, expr_span(s->given->expr),
            "%.*s: \"%.*s\": %zu more of this %s are not shown", STR_ARG(s->address), STR_ARG(s->given->name),
            s->reported - REPORTED_MAX, notation_subject(s->language));
}

static void check_value(
    struct speaking *s, const struct attr *attr, const struct type *type, const struct value *v);

static void check_inner(struct speaking *s, const struct attr *attr, const struct type *type,
    const struct value *step, const struct value *v)
{
    if (s->depth == MAX_DEPTH)
        return;
    s->steps[s->depth++] = step;
    check_value(s, attr, type, v);
    s->depth--;
}

static void check_value(
    struct speaking *s, const struct attr *attr, const struct type *type, const struct value *v)
{
    if (value_is_null(v) || v->kind == VALUE_UNKNOWN)
        return;
    if (!type->elem && attr->language.n) {
        s->language = attr->language;
        check_text(s, v);
    }
    for (uint32_t i = 0; type->elem && v->kind == VALUE_LIST && i < v->count; i++)
        check_inner(s, attr, type->elem, value_int(s->arena, i), v->items[i]);
    for (uint32_t i = 0; type->elem && v->kind == VALUE_MAP && i < v->count; i++)
        check_inner(s, attr, type->elem, value_string(s->arena, v->entries[i].key), v->entries[i].value);
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].has_language)
            check_inner(s, &type->fields[i], type->fields[i].type,
                value_string(s->arena, type->fields[i].name), value_get(v, type->fields[i].name));
}

bool notations_check(struct planner *p, struct str address, const struct attr_expr *given,
    const struct scope *scope, const struct value *v)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct speaking s = {
        .p = p, .address = address, .given = given, .scope = scope, .arena = &arena, .ok = true};
    if (v->kind == VALUE_UNKNOWN && given->attr->language.n && notation_is_json(given->attr->language))
        v = expr_eval_document(given->expr, scope, &arena);
    if (v)
        check_value(&s, given->attr, given->attr->type, v);
    return s.ok;
}

/* Returns the planned object of the resource that an attribute refers to, if it is a resource of this type in
 * the stack; otherwise NULL. */
static const struct value *referred(struct planner *p, const struct instance *instance,
    const struct schema_refer *refer, struct arena *arena, const struct decl **decl)
{
    AUTO_DIAGS struct diags unseen = DIAGS_INIT;
    const struct attr_expr *given = attributes_given(instance->decl, refer->attribute);
    struct scope scope = planner_scope(p, instance->decl, instance);
    const struct expr *origin = given ? evaluate_origin(p, given->expr, &scope) : NULL,
                      *owner = origin ? expr_owner(origin, decl) : NULL;
    if (!owner || !(*decl)->schema || !str_eq((*decl)->schema->name, refer->type))
        return NULL;
    scope.diags = &unseen;
    const struct value *v = expr_eval(owner, &scope, arena);
    if (!v || v->kind != VALUE_MAP)
        return NULL;
    for (size_t i = 0; i < (*decl)->schema->attr_count; i++) {
        const struct attr *attr = &(*decl)->schema->attrs[i];
        if (attr->default_value && value_is_null(value_get(v, attr->name)))
            v = value_with(arena, v, attr->name, attr->default_value);
    }
    return v;
}

/* Adds the referenced objects under their names in constraints. */
static const struct value *with_referred(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    const struct schema *schema = instance->decl->schema;
    const struct decl *decl;
    for (size_t i = 0; i < schema->refer_count; i++) {
        const struct value *v = referred(p, instance, &schema->refers[i], arena, &decl);
        object = v ? value_with(arena, object, schema->refers[i].name, v) : object;
    }
    return object;
}

static struct diag *constraints_say(struct planner *p, const struct instance *instance, struct span span,
    const struct constraint_break *broken, bool warns)
{
    struct str address = instance->address, words = broken->constraint->message;
    if (!warns)
        return diag_error(p->diags, span, "%.*s: %.*s", STR_ARG(address), STR_ARG(words));
    struct diag *d = diag_warning(p->diags, span, "%.*s: %.*s", STR_ARG(address), STR_ARG(words));
    diag_hint(p->diags, d, "what exists may stay so; a new one would be refused when it is planned");
    return d;
}

/* Reported at the referring attribute, with the place of the referenced value. */
static void report_referred(struct planner *p, const struct instance *instance,
    const struct schema_refer *refer, const struct constraint_break *broken, bool warns)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct decl *decl = NULL;
    const struct attr_expr *given = attributes_given(instance->decl, refer->attribute);
    const struct value *v = referred(p, instance, refer, &scratch, &decl);
    struct str name = broken->path->count ? value_text(broken->path->items[0], STR_EMPTY) : STR_EMPTY;
    struct str text = value_scalar_text(&scratch, value_get(v, name));
    struct diag *d = constraints_say(p, instance, expr_span(given->expr), broken, warns);
    const struct attr_expr *there = attributes_given(decl, name);
    diag_related(p->diags, d, there ? expr_span(there->expr) : decl->span, "%.*s is %.*s here", STR_ARG(name),
        STR_ARG(text));
}

static void report_broken(
    struct planner *p, const struct instance *instance, const struct constraint_break *broken, bool warns)
{
    const struct decl *decl = instance->decl;
    for (size_t i = 0; i < decl->schema->refer_count; i++)
        if (str_eq(decl->schema->refers[i].name, broken->attribute)) {
            report_referred(p, instance, &decl->schema->refers[i], broken, warns);
            return;
        }
    const struct attr_expr *given = attributes_given(decl, broken->attribute);
    struct span span = !given                ? decl->span
                       : broken->path->count ? expr_span_at(given->expr, broken->path, broken->at_key)
                                             : node_key_span(given->entry);
    constraints_say(p, instance, span, broken, warns);
}

/* Returns the value, with an unknown one at the path. */
static const struct value *unknown_at(
    struct arena *arena, const struct value *v, const struct value *path, size_t step)
{
    if (step == path->count || value_is_null(v))
        return &value_unknown;
    const struct value *at = path->items[step];
    if (at->kind != VALUE_INT) {
        struct str key = value_text(at, STR_EMPTY);
        return v->kind == VALUE_MAP
                   ? value_with(arena, v, key, unknown_at(arena, value_get(v, key), path, step + 1))
                   : &value_unknown;
    }
    if (v->kind != VALUE_LIST || (uint64_t)at->integer >= v->count)
        return &value_unknown;
    const struct value **items = ARENA_ARRAY(arena, const struct value *, v->count);
    memcpy(items, v->items, v->count * sizeof *items);
    items[at->integer] = unknown_at(arena, items[at->integer], path, step + 1);
    return value_list(arena, items, v->count);
}

/* Offline an existing resource may keep what is refused for new ones, so it is only a warning. */
static bool only_warns(
    const struct planner *p, const struct instance *instance, const struct value_constraint *constraint)
{
    const struct decl *decl = instance->decl;
    bool may_exist = constraint->legacy || decl_lifecycle(decl)->adopt == ADOPT_EXISTING ||
                     import_of(p, instance->address);
    return p->offline && decl->kind == DECL_RESOURCE && may_exist;
}

/* A value that broke a constraint counts as unknown for the others. */
bool constraints_check(struct planner *p, const struct instance *instance, const struct value *object,
    const struct value *changed)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct constraint_break broken = {.changed = changed};
    const struct value *whole = with_referred(p, instance, &scratch, object);
    bool met = true;
    while (schema_constraint_broken(&scratch, instance->decl->schema, whole, CHECKED_BY_WEIR, &broken)) {
        bool warns = only_warns(p, instance, broken.constraint);
        report_broken(p, instance, &broken, warns);
        const struct value *at = value_get(whole, broken.attribute);
        whole = value_with(&scratch, whole, broken.attribute, unknown_at(&scratch, at, broken.path, 0));
        met &= warns;
    }
    return trusts_check(p, instance, object, changed) && met;
}
