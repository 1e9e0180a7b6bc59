/* Parses policy documents; and AWS's list of actions, made by tools/iam-actions. */
#include "provider/iam/policy.h"

#include "base/embed.h"
#include "base/json.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

/* ---- AWS's list of actions, made by tools/iam-actions ---- */

static int compare_ignoring_case(struct str a, struct str b)
{
    int order = strncasecmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Returns the start of the section that contains `at`: the last line before it that is not indented. */
static size_t section_start(struct str all, size_t at)
{
    while (at && (all.p[at - 1] != '\n' || all.p[at] == ' '))
        at--;
    return at;
}

/* Finds the lines of a service prefix by binary search in the sorted list; returns false if the service is
 * not listed. */
static bool find_section(struct str all, struct str prefix, struct str *section)
{
    size_t low = 0, high = all.n;
    while (low < high) {
        size_t start = section_start(all, low + (high - low) / 2);
        struct str rest, line = str_cut(str_slice(all, start, all.n), '\n', &rest);
        size_t n = 0;
        while (n < rest.n && rest.p[n] == ' ')
            n = (size_t)str_find_char(rest, '\n', n) + 1;
        *section = str_slice(rest, 0, n);
        int order = compare_ignoring_case(line, prefix);
        if (!order)
            return true;
        if (order < 0)
            low = start + line.n + 1 + n;
        else
            high = start;
    }
    return false;
}

static struct str word_half(struct str word)
{
    return str_eqz(word, "-") ? STR_EMPTY : word;
}

/* Calls `visit` for each action of the section until it returns true. */
static bool any_action(
    struct str section, bool (*visit)(void *ctx, struct str verb, struct str noun), void *ctx)
{
    struct str line, verbs, nouns, left, noun;
    while (section.n) {
        line = str_trim(str_cut(section, '\n', &section));
        verbs = str_cut(line, ':', &nouns);
        for (nouns = str_trim(nouns); nouns.n;) {
            noun = word_half(str_cut(nouns, ' ', &nouns));
            for (left = verbs; left.n;) {
                struct str verb = word_half(str_cut(left, ' ', &left));
                if (visit(ctx, verb, noun))
                    return true;
            }
        }
    }
    return false;
}

/* True if the name, without wildcards, is one of the verbs followed by one of the nouns. */
static bool has_action(struct str section, struct str name)
{
    struct str line, verbs, nouns, left;
    while (section.n) {
        line = str_trim(str_cut(section, '\n', &section));
        verbs = str_cut(line, ':', &nouns);
        while (verbs.n) {
            struct str verb = word_half(str_cut(verbs, ' ', &verbs));
            if (verb.n > name.n || !str_ieq(verb, str_slice(name, 0, verb.n)))
                continue;
            for (left = str_trim(nouns); left.n;)
                if (str_ieq(word_half(str_cut(left, ' ', &left)), str_slice(name, verb.n, name.n)))
                    return true;
        }
    }
    return false;
}

struct wanted {
    struct arena *arena;
    const struct iam_pattern *pattern;
    struct str prefix;
    struct str *names; /* the names that were compared; NULL: not collected */
    size_t n, cap;
};

static bool action_fits(void *ctx, struct str verb, struct str noun)
{
    struct wanted *w = ctx;
    char name[256];
    size_t n = verb.n + noun.n;
    if (n > sizeof name)
        return false;
    for (size_t i = 0; i < n; i++)
        name[i] = (char)tolower((unsigned char)(i < verb.n ? verb.p[i] : noun.p[i - verb.n]));
    return pattern_is(w->pattern, str_n(name, n), NULL);
}

static bool keep_action(void *ctx, struct str verb, struct str noun)
{
    struct wanted *w = ctx;
    MEM_GROW(w->names, w->cap, w->n + 1);
    w->names[w->n++] =
        arena_printf(w->arena, "%.*s:%.*s%.*s", STR_ARG(w->prefix), STR_ARG(verb), STR_ARG(noun));
    return false;
}

static struct str nearest_service(struct arena *arena, struct str all, struct str prefix)
{
    size_t n = 0, cap = 0;
    struct str *names = NULL, rest, line;
    for (; all.n; all = rest) {
        line = str_cut(all, '\n', &rest);
        if (str_starts(line, STR(" ")))
            continue;
        MEM_GROW(names, cap, n + 1);
        names[n++] = line;
    }
    struct str found = arena_str(arena, str_nearest(arena_lower(arena, prefix), names, n));
    free(names);
    return found;
}

bool iam_action_is_known(struct arena *arena, struct str action, struct str *nearest)
{
    const struct embedded_file *file = embedded_find(STR("provider/iam/actions.txt"));
    struct str name, prefix = str_cut(action, ':', &name), all = file ? embedded_text(file) : STR_EMPTY,
                     section;
    bool wild = str_find_char(name, '*', 0) >= 0 || str_find_char(name, '?', 0) >= 0;
    *nearest = STR_EMPTY;
    if (!file || !name.n || str_find_char(prefix, '*', 0) >= 0 || str_find_char(prefix, '?', 0) >= 0)
        return true;
    if (!find_section(all, prefix, &section)) {
        struct str service = nearest_service(arena, all, prefix), closer,
                   meant = arena_printf(arena, "%.*s:%.*s", STR_ARG(service), STR_ARG(name));
        if (service.n)
            *nearest = iam_action_is_known(arena, meant, &closer) ? meant : closer;
        return false;
    }
    const struct iam_pattern pattern = pattern_make(arena, arena_lower(arena, name), true, false);
    struct wanted wanted = {.arena = arena, .pattern = &pattern, .prefix = prefix};
    if (wild ? any_action(section, action_fits, &wanted) : has_action(section, name))
        return true;
    if (!wild) {
        any_action(section, keep_action, &wanted);
        *nearest = str_nearest(action, wanted.names, wanted.n);
        free(wanted.names);
    }
    return false;
}

struct reading {
    struct arena *arena;
    bool variables; /* the policy's version has variables */
    size_t number;  /* of the statement */
    struct err *err;
};

static int policy_wrong(const struct reading *r, const char *what, struct str subject)
{
    return err_set(r->err, ERR_INVALID, "%s \"%.*s\"", what, STR_ARG(subject));
}

/* Reports an unknown word, with the nearest known one. */
static int policy_unknown(
    const struct reading *r, const char *what, struct str word, const char *const *known, size_t n)
{
    struct str *words = ARENA_ARRAY(r->arena, struct str, n);
    for (size_t i = 0; i < n; i++)
        words[i] = str_z(known[i]);
    struct str nearest = str_nearest(word, words, n);
    if (!nearest.n)
        return policy_wrong(r, what, word);
    return err_set(
        r->err, ERR_INVALID, "%s \"%.*s\"; did you mean \"%.*s\"?", what, STR_ARG(word), STR_ARG(nearest));
}

/* Returns the items of a list, or the single value as one item. */
static size_t items_of(const struct value *v, const struct value *const **items, const struct value **one)
{
    *one = v;
    *items = one;
    if (value_is_null(v))
        return 0;
    if (v->kind != VALUE_LIST)
        return 1;
    *items = v->items;
    return v->count;
}

/* Reads strings, and numbers and booleans as strings. */
static int read_patterns(struct reading *r, const struct value *v, const char *element, bool wild,
    bool variables, struct iam_patterns *out)
{
    const struct value *const *items, *one;
    size_t n = items_of(v, &items, &one);
    struct iam_pattern *made = ARENA_ARRAY(r->arena, struct iam_pattern, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct str text = value_scalar_text(r->arena, items[i]);
        if (!text.p)
            return policy_wrong(r, "what is not a text stands in", str_z(element));
        made[i] = pattern_make(r->arena, text, wild, variables);
    }
    *out = (struct iam_patterns){made, n};
    return 0;
}

/* Reads actions, SERVICE:NAME, which are compared without case. */
static int read_actions(struct reading *r, const struct value *v, struct iam_patterns *out)
{
    if (read_patterns(r, v, "Action", true, false, out))
        return -1;
    for (size_t i = 0; i < out->n; i++) {
        struct iam_pattern *one = (struct iam_pattern *)&out->items[i];
        if (!str_eqz(one->written, "*") && str_find_char(one->written, ':', 0) < 1)
            return policy_wrong(r, "an action is SERVICE:NAME, not", one->written);
        one->text = arena_lower(r->arena, one->text);
    }
    return out->n ? 0 : policy_wrong(r, "nothing stands in", STR("Action"));
}

/* ---- principals ---- */

/* In the order of enum iam_principal_kind, after IAM_ANYBODY. */
static const char *const principal_kinds[] = {"AWS", "Service", "Federated", "CanonicalUser"};
enum { PRINCIPAL_KINDS = sizeof principal_kinds / sizeof *principal_kinds };

static int read_principals(struct reading *r, const struct value *v, struct iam_statement *out)
{
    size_t n = 0, cap = 1;
    if (v->kind == VALUE_MAP)
        for (uint32_t i = 0; i < v->count; i++)
            cap += v->entries[i].value->kind == VALUE_LIST ? v->entries[i].value->count : 1;
    else if (!str_eqz(value_text(v, STR_EMPTY), "*"))
        return policy_wrong(r, "a principal is {AWS: …}, {Service: …} or *, not", value_text(v, STR_EMPTY));
    struct iam_named *made = ARENA_ARRAY(r->arena, struct iam_named, cap);
    if (v->kind != VALUE_MAP)
        made[n++] = (struct iam_named){IAM_ANYBODY, STR("*")};
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++) {
        const struct value *const *items, *one;
        size_t which = 0;
        while (which < PRINCIPAL_KINDS && !str_eqz(v->entries[i].key, principal_kinds[which]))
            which++;
        if (which == PRINCIPAL_KINDS)
            return policy_unknown(r, "there is no kind of principal called", v->entries[i].key,
                principal_kinds, PRINCIPAL_KINDS);
        const enum iam_principal_kind kind = IAM_AWS + (enum iam_principal_kind)which;
        for (size_t k = 0, count = items_of(v->entries[i].value, &items, &one); k < count; k++) {
            struct str name = value_scalar_text(r->arena, items[k]);
            bool any = kind == IAM_AWS && name.p && str_eqz(name, "*");
            made[n++] = (struct iam_named){any ? IAM_ANYBODY : kind, name.p ? name : STR_EMPTY};
        }
    }
    out->principals = made;
    out->principal_count = n;
    return n ? 0 : policy_wrong(r, "nobody stands in", STR("Principal"));
}

/* ---- conditions ---- */

static bool cut_prefix(struct str *text, const char *prefix)
{
    struct str before = str_z(prefix);
    if (text->n < before.n || !str_ieq(str_slice(*text, 0, before.n), before))
        return false;
    *text = str_slice(*text, before.n, text->n);
    return true;
}

static int read_condition(struct reading *r, struct str written, struct iam_condition *out)
{
    struct str name = written, ending = STR("IfExists");
    *out = (struct iam_condition){.written = written};
    if (cut_prefix(&name, "ForAllValues:"))
        out->over = IAM_FOR_ALL;
    else if (cut_prefix(&name, "ForAnyValue:"))
        out->over = IAM_FOR_ANY;
    if (name.n > ending.n && str_ieq(str_slice(name, name.n - ending.n, name.n), ending)) {
        out->if_exists = true;
        name = str_slice(name, 0, name.n - ending.n);
    }
    out->operator= operator_find(name);
    return out->operator? 0 : policy_wrong(r, "there is no condition operator", written);
}

static int read_conditions(struct reading *r, const struct value *v, struct iam_statement *out)
{
    size_t cap = 1, n = 0;
    if (v->kind != VALUE_MAP)
        return policy_wrong(r, "operators and keys stand in", STR("Condition"));
    for (uint32_t i = 0; i < v->count; i++)
        cap += v->entries[i].value->kind == VALUE_MAP ? v->entries[i].value->count : 0;
    struct iam_condition *made = ARENA_ARRAY(r->arena, struct iam_condition, cap);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *keys = v->entries[i].value;
        struct iam_condition one;
        if (read_condition(r, v->entries[i].key, &one))
            return -1;
        if (keys->kind != VALUE_MAP)
            return policy_wrong(r, "no keys are given to the operator", v->entries[i].key);
        for (uint32_t k = 0; k < keys->count; k++) {
            one.key = arena_lower(r->arena, keys->entries[k].key);
            if (read_patterns(r, keys->entries[k].value, "Condition", operator_is_wild(one.operator),
                    r->variables, &one.values))
                return -1;
            made[n++] = one;
        }
    }
    out->conditions = made;
    out->condition_count = n;
    return 0;
}

/* ---- statements ---- */

static int check_elements(struct reading *r, const struct value *v)
{
    static const char *const known[] = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource",
        "Principal", "NotPrincipal", "Condition"};
    if (v->kind != VALUE_MAP)
        return policy_wrong(r, "a statement is a map, not", value_text(v, STR_EMPTY));
    for (uint32_t i = 0; i < v->count; i++) {
        if (!STR_IS_ONE_OF(v->entries[i].key, known))
            return policy_unknown(
                r, "there is no element", v->entries[i].key, known, sizeof known / sizeof *known);
    }
    return 0;
}

/* Returns the element or its negated form, only one of which is allowed. */
static int either(struct reading *r, const struct value *v, const char *name, const char *negated,
    const struct value **out, bool *is_negated)
{
    const struct value *plain = value_getz(v, name), *other = value_getz(v, negated);
    *is_negated = other != NULL;
    *out = other ? other : plain;
    return plain && other ? policy_wrong(r, "both forms stand there of", str_z(name)) : 0;
}

static int read_statement(struct reading *r, const struct value *v, struct iam_statement *out)
{
    const struct value *actions, *resources, *principals, *conditions;
    *out = (struct iam_statement){.number = r->number};
    if (check_elements(r, v) || either(r, v, "Action", "NotAction", &actions, &out->not_action) ||
        either(r, v, "Resource", "NotResource", &resources, &out->not_resource) ||
        either(r, v, "Principal", "NotPrincipal", &principals, &out->not_principal))
        return -1;
    struct str effect = value_gets(v, "Effect");
    if (!str_eqz(effect, "Allow") && !str_eqz(effect, "Deny"))
        return policy_wrong(r, "Effect is Allow or Deny, not", effect);
    out->deny = str_eqz(effect, "Deny");
    const struct value *sid = value_getz(v, "Sid");
    if (!value_is_null(sid) && sid->kind != VALUE_STRING)
        return policy_wrong(r, "a Sid is a string, not", value_scalar_text(r->arena, sid));
    out->sid = value_text(sid, STR_EMPTY);
    if (!actions)
        return policy_wrong(r, "there is neither Action nor", STR("NotAction"));
    if (read_actions(r, actions, &out->actions) ||
        read_patterns(r, resources, "Resource", true, r->variables, &out->resources))
        return -1;
    if (principals && read_principals(r, principals, out))
        return -1;
    conditions = value_getz(v, "Condition");
    return conditions ? read_conditions(r, conditions, out) : 0;
}

int policy_read(struct arena *arena, const struct value *document, struct str name,
    const struct iam_policy **out, size_t *statement, struct err *err)
{
    struct reading r = {.arena = arena, .err = err};
    const struct value *const *items, *one;
    if (document && document->kind == VALUE_STRING && json_parse(arena, document->string, &document, err))
        return -1;
    if (!document || document->kind != VALUE_MAP)
        return err_set(err, ERR_INVALID, "a policy is a map with Version and Statement");
    r.variables =
        str_eqz(value_gets(document, "Version"), "2012-10-17"); /* older versions have no variables */
    size_t n = items_of(value_getz(document, "Statement"), &items, &one);
    struct iam_statement *statements = ARENA_ARRAY(arena, struct iam_statement, n + 1);
    for (size_t i = 0; i < n; i++) {
        *statement = r.number = i + 1;
        if (read_statement(&r, items[i], &statements[i]))
            return -1;
    }
    struct iam_policy *policy = ARENA_NEW(arena, struct iam_policy);
    *policy = (struct iam_policy){.name = arena_str(arena, name), .statements = statements, .n = n};
    *out = policy;
    return 0;
}

int iam_policy_read(struct arena *arena, const struct value *document, struct str name,
    const struct iam_policy **out, struct err *err)
{
    size_t statement = 0;
    if (!policy_read(arena, document, name, out, &statement, err))
        return 0;
    if (statement)
        err_context(err, "statement %zu", statement);
    return -1;
}

struct str iam_trust_attribute(struct str type)
{
    return str_eqz(type, "aws.iam.role")     ? STR("assume_role_policy")
           : str_eqz(type, "AWS::IAM::Role") ? STR("AssumeRolePolicyDocument")
                                             : STR_EMPTY;
}
