/* Wildcards, policy variables, and the grammar of policy documents. */
#include "base/json.h"
#include "base/match.h"
#include "provider/iam/policy.h"

#include <ctype.h>

/* Bytes that no string in a document contains; wildcards are replaced by them, so that ${*} can be a literal
 * star. */
enum { STAR = '\1', ANY = '\2' };

/* ---- parsing ---- */

/* Returns the literal character of ${*}, ${?} and ${$}. */
static bool special(struct str name, char *out)
{
    if (name.n != 1 || !strchr("*?$", name.p[0]))
        return false;
    *out = name.p[0];
    return true;
}

/* Parses a "${": the name up to the brace; *next is the index after it. */
static bool read_variable(struct str text, size_t at, struct str *name, size_t *next)
{
    ptrdiff_t end = str_starts(str_slice(text, at, text.n), STR("${")) ? str_find_char(text, '}', at) : -1;
    if (end < 0)
        return false;
    *name = str_trim(str_slice(text, at + 2, (size_t)end));
    *next = (size_t)end + 1;
    return true;
}

struct iam_pattern pattern_make(struct arena *arena, struct str written, bool wild, bool variables)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct iam_pattern made = {.written = written};
    for (size_t i = 0; i < written.n; i++) {
        char c = written.p[i];
        size_t next;
        struct str name;
        if (variables && read_variable(written, i, &name, &next)) {
            if (special(name, &c)) {
                buf_add_char(&out, c);
            } else {
                buf_add_str(&out, str_slice(written, i, next));
                made.variables = true;
            }
            i = next - 1;
            continue;
        }
        buf_add_char(&out, (char)(wild && c == '*' ? STAR : wild && c == '?' ? ANY : c));
    }
    made.text = arena_str(arena, buf_str(&out));
    return made;
}

/* ---- variables ---- */

static struct str pattern_lowered(char *out, size_t size, struct str text)
{
    size_t n = text.n < size ? text.n : size;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)tolower((unsigned char)text.p[i]);
    return str_n(out, n);
}

/* Looks up aws:username, or aws:PrincipalTag/team, 'none' with a default for a missing key. */
static bool variable_value(struct str name, const struct value *context, struct str *out)
{
    char small[256];
    struct str fallback, key = str_trim(str_cut(name, ',', &fallback));
    const struct value *v = value_get(context, pattern_lowered(small, sizeof small, key));
    if (v && v->kind == VALUE_LIST) /* a list of several values has no single string */
        v = v->count == 1 ? v->items[0] : NULL;
    if (v && v->kind == VALUE_STRING) {
        *out = v->string;
        return true;
    }
    if (!fallback.p)
        return false;
    fallback = str_trim(fallback);
    bool quoted = fallback.n >= 2 && fallback.p[0] == '\'' && fallback.p[fallback.n - 1] == '\'';
    *out = quoted ? str_slice(fallback, 1, fallback.n - 1) : fallback;
    return true;
}

/* Replaces the variables; returns false if one of them has no value. Allocated in the arena. */
static bool pattern_text(
    struct arena *arena, const struct iam_pattern *pattern, const struct value *context, struct str *out)
{
    AUTO_BUF struct buf text = BUF_INIT;
    *out = pattern->text;
    for (size_t i = 0; pattern->variables && i < pattern->text.n; i++) {
        struct str name, v;
        size_t next;
        if (!read_variable(pattern->text, i, &name, &next)) {
            buf_add_char(&text, pattern->text.p[i]);
            continue;
        }
        if (!variable_value(name, context, &v))
            return false;
        buf_add_str(&text, v);
        i = next - 1;
    }
    if (pattern->variables)
        *out = arena_str(arena, buf_str(&text));
    return true;
}

/* ---- matching ---- */

static bool text_matches(struct str pattern, struct str text, bool any_case)
{
    return wildcard_match(pattern, text, STAR, ANY, any_case ? WILDCARD_ANY_CASE : 0);
}

static bool pattern_matches(
    const struct iam_pattern *pattern, struct str text, const struct value *context, bool any_case)
{
    if (!pattern->variables)
        return text_matches(pattern->text, text, any_case);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str filled;
    return pattern_text(&arena, pattern, context, &filled) && text_matches(filled, text, any_case);
}

bool pattern_is(const struct iam_pattern *pattern, struct str text, const struct value *context)
{
    return pattern_matches(pattern, text, context, false);
}

bool pattern_is_like_case(const struct iam_pattern *pattern, struct str text, const struct value *context)
{
    return pattern_matches(pattern, text, context, true);
}

/* Dynamic programming over the pattern: entry k is true if the pattern so far and the first k characters of
 * `open` can match the same string. Stars in `open` match one part of an ARN. */
static bool meets(struct str pattern, struct str open, bool *now, bool *next)
{
    now[0] = true;
    for (size_t k = 0; k < open.n; k++)
        now[k + 1] = now[k] && open.p[k] == '*';
    for (size_t p = 0; p < pattern.n; p++) {
        bool star = pattern.p[p] == STAR;
        next[0] = now[0] && star;
        for (size_t k = 0; k < open.n; k++) {
            char c = open.p[k];
            bool one = c != '*' && now[k] && (pattern.p[p] == ANY || pattern.p[p] == c);
            next[k + 1] = star ? now[k + 1] || next[k]
                               : one || (c == '*' && ((now[k + 1] && pattern.p[p] != ':') || next[k]));
        }
        bool *swap = now;
        now = next;
        next = swap;
    }
    return now[open.n];
}

bool pattern_meets(const struct iam_pattern *pattern, struct str open, const struct value *context)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str filled;
    if (!pattern_text(&arena, pattern, context, &filled))
        return false;
    return meets(filled, open, ARENA_ARRAY(&arena, bool, open.n + 1), ARENA_ARRAY(&arena, bool, open.n + 1));
}

bool pattern_is_arn(const struct iam_pattern *pattern, struct str text, const struct value *context)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str filled, wanted, given;
    if (!pattern_text(&arena, pattern, context, &filled))
        return false;
    wanted = filled;
    given = text;
    if (wanted.n == 1 && wanted.p[0] == STAR)
        return true;
    for (int i = 0; i < 5; i++) {
        struct str rest_wanted, rest_given;
        if (!text_matches(str_cut(wanted, ':', &rest_wanted), str_cut(given, ':', &rest_given), false))
            return false;
        if (!rest_wanted.p || !rest_given.p)
            return !rest_wanted.p && !rest_given.p;
        wanted = rest_wanted;
        given = rest_given;
    }
    return text_matches(wanted, given, false);
}

/* ---- checks of policy documents before IAM is called: replacing unknown values ---- */

static const struct value *known_of(struct arena *arena, struct str element, const struct value *v);

static const struct value *known_list(struct arena *arena, struct str element, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    bool statements = str_eqz(element, "Statement");
    for (uint32_t i = 0; i < v->count; i++)
        if (!statements || v->items[i]->kind != VALUE_UNKNOWN)
            value_builder_add(&b, known_of(arena, element, v->items[i]));
    return value_builder_list(&b);
}

static const struct value *known_map(struct arena *arena, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&b, v->entries[i].key, known_of(arena, v->entries[i].key, v->entries[i].value));
    return value_builder_map(&b);
}

/* Returns the document with a valid value in place of each unknown one. */
static const struct value *known_of(struct arena *arena, struct str element, const struct value *v)
{
    if (v->kind == VALUE_LIST)
        return known_list(arena, element, v);
    if (v->kind == VALUE_MAP)
        return known_map(arena, v);
    if (v->kind != VALUE_UNKNOWN)
        return v;
    if (str_eqz(element, "Condition"))
        return &value_empty_map;
    if (str_eqz(element, "Statement"))
        return value_list(arena, NULL, 0);
    return value_stringz(arena, str_eqz(element, "Effect") ? "Allow" : str_eqz(element, "Sid") ? "" : "*");
}

/* ---- documents ---- */

static bool is_of_identity(struct str place)
{
    return str_eqz(place, "identity") || str_eqz(place, "managed");
}

static int check_document(const struct value *document, struct str place, struct err *err)
{
    for (uint32_t i = 0; i < document->count; i++) {
        struct str key = document->entries[i].key;
        if (!str_is_any(key, "Version Id Statement"))
            return err_set(
                err, ERR_INVALID, "a policy has Version, Id and Statement, and no \"%.*s\"", STR_ARG(key));
    }
    struct str version = value_gets(document, "Version");
    if (version.n && !str_is_any(version, "2012-10-17 2008-10-17"))
        return err_set(err, ERR_INVALID, "the language of policies has the version 2012-10-17, not \"%.*s\"",
            STR_ARG(version));
    const struct value *statements = value_getz(document, "Statement"),
                       *given = value_getz(document, "Version");
    bool open = given && given->kind == VALUE_UNKNOWN;
    if (str_eqz(place, "managed") && !open && !str_eqz(version, "2012-10-17"))
        return err_set(err, ERR_INVALID, "a managed policy has the Version \"2012-10-17\"");
    if (is_of_identity(place) && statements && statements->kind == VALUE_LIST && !statements->count)
        return err_set(err, ERR_INVALID, "Statement is empty");
    return 0;
}

/* ---- statements ---- */

static bool is_action(struct str action)
{
    struct str name, service = str_cut(action, ':', &name);
    return str_eqz(action, "*") ||
           (str_is_made_of(service, CHARS_ALNUM "-") && str_is_made_of(name, CHARS_ALNUM "*?"));
}

/* True if the string has a service; an ARN with an empty part (arn:aws:s3:::a) needs all six parts. */
static bool is_arn(struct str resource)
{
    size_t colons = 0;
    for (size_t i = 0; i < resource.n; i++)
        colons += resource.p[i] == ':';
    return str_starts(resource, STR("arn:")) && str_part(resource, ':', 2).n &&
           (colons >= 5 || str_find(resource, STR("::"), 0) < 0);
}

/* `begins`: prefix of another form allowed at that location, such as a queue's URL; "*": any form; "":
 * none. */
static bool is_resource(struct str resource, struct str begins)
{
    return str_eqz(resource, "*") || is_arn(resource) || str_eqz(begins, "*") ||
           (begins.n && str_starts(resource, begins)) || str_find(resource, STR("${"), 0) >= 0;
}

static int check_patterns(const struct iam_statement *s, struct str begins, struct err *err)
{
    for (size_t i = 0; i < s->actions.n; i++)
        if (!is_action(s->actions.items[i].written))
            return err_set(err, ERR_INVALID, "an action is SERVICE:NAME, not \"%.*s\"",
                STR_ARG(s->actions.items[i].written));
    for (size_t i = 0; i < s->resources.n; i++)
        if (!is_resource(s->resources.items[i].written, begins))
            return err_set(err, ERR_INVALID, "a resource is an ARN or \"*\", not \"%.*s\"",
                STR_ARG(s->resources.items[i].written));
    return 0;
}

/* Checks that dates have only the characters of a date, so that incomplete dates pass. */
static int check_dates(const struct iam_condition *condition, struct err *err)
{
    for (size_t i = 0; operator_is_of_dates(condition->operator) && i < condition->values.n; i++) {
        struct str date = condition->values.items[i].written;
        int64_t seconds;
        if (!str_eqz(date, "*") && (!str_is_made_of(date, CHARS_DIGITS "-+:.TtZz") ||
                                       (str_is_digits(date) && !str_to_int(date, &seconds))))
            return err_set(err, ERR_INVALID,
                "a date is written as 2026-11-26T10:00:00Z, or as seconds since 1970, not as \"%.*s\"",
                STR_ARG(date));
    }
    return 0;
}

/* Checks a trust policy: assuming a role is an action of sts. */
static int check_trust(const struct iam_statement *s, struct err *err)
{
    for (size_t i = 0; !s->not_action && i < s->actions.n; i++) {
        struct str action = s->actions.items[i].written;
        if (!str_eqz(action, "*") && !str_starts(s->actions.items[i].text, STR("sts:")))
            return err_set(err, ERR_INVALID,
                "a trust policy has actions of sts, such as sts:AssumeRole, not \"%.*s\"", STR_ARG(action));
    }
    return 0;
}

/* Checks service principals: lambda.amazonaws.com, not "lambda". */
static int check_principals(const struct iam_statement *s, struct err *err)
{
    for (size_t i = 0; i < s->principal_count; i++) {
        struct str name = s->principals[i].name;
        if (s->principals[i].kind == IAM_SERVICE && !str_eqz(name, "*") && str_find(name, STR("."), 0) < 0)
            return err_set(err, ERR_INVALID, "a service is called %.*s.amazonaws.com, not \"%.*s\"",
                STR_ARG(name), STR_ARG(name));
    }
    return 0;
}

static int check_statement(const struct iam_statement *s, struct str where, struct err *err)
{
    struct str begins, place = str_cut(where, ' ', &begins);
    bool identity = is_of_identity(place), trust = str_eqz(place, "trust"),
         others = trust || str_eqz(place, "resource");
    if (identity && s->principal_count)
        return err_set(
            err, ERR_INVALID, "Principal does not belong here: the policy is about who it is attached to");
    if (others && !s->principal_count)
        return err_set(err, ERR_INVALID, "Principal is missing: nobody is let in");
    if (identity && s->sid.n && !str_is_made_of(s->sid, CHARS_ALNUM))
        return err_set(
            err, ERR_INVALID, "a Sid has letters and digits only here, not \"%.*s\"", STR_ARG(s->sid));
    if (identity && !s->resources.n)
        return err_set(err, ERR_INVALID, "Resource is missing: an ARN, or \"*\"");
    if (trust && s->resources.n)
        return err_set(err, ERR_INVALID, "Resource does not belong here: the policy is about its own role");
    if (check_patterns(s, begins, err) || check_principals(s, err))
        return -1;
    for (size_t i = 0; i < s->condition_count; i++)
        if (check_dates(&s->conditions[i], err))
            return -1;
    return trust ? check_trust(s, err) : 0;
}

/* Checks that no earlier statement has the same Sid. */
static int check_sid(const struct iam_policy *policy, size_t at, struct err *err)
{
    struct str sid = policy->statements[at].sid;
    for (size_t i = 0; sid.n && i < at; i++)
        if (str_eq(policy->statements[i].sid, sid))
            return err_set(err, ERR_INVALID, "statement %zu has the same Sid \"%.*s\"", i + 1, STR_ARG(sid));
    return 0;
}

int iam_policy_check(
    struct arena *arena, const struct value *document, struct str place, size_t *statement, struct err *err)
{
    const struct iam_policy *policy;
    *statement = 0;
    if (document->kind == VALUE_STRING && json_parse(arena, document->string, &document, err))
        return -1;
    if (document->kind != VALUE_MAP)
        return 0;
    const struct value *known = known_map(arena, document);
    if (check_document(document, place, err) || policy_read(arena, known, STR_EMPTY, &policy, statement, err))
        return -1;
    for (size_t i = 0; i < policy->n; i++) {
        *statement = i + 1;
        if (check_statement(&policy->statements[i], place, err) ||
            ((is_of_identity(place) || str_eqz(place, "trust")) && check_sid(policy, i, err)))
            return -1;
    }
    return 0;
}
