/*
 * Constraints on members of requests, from the specs' `requests`; all violations are reported together, as
 * AWS does: "2 validation errors detected: Value '0' at 'limit' failed to satisfy …; …". Also constraints on
 * patch operations.
 */
#include "sandbox/control/control_internal.h"

#include "base/hash.h"

#include <ctype.h>

struct request_faults {
    struct arena *arena;
    struct str body; /* prefix of body members: createRestApiInput; "": none */
    struct buf text;
    int n;
    struct str message, code; /* from the first rule with `message`, `code` */
};

/* Returns the length of a value, or the number itself. */
static double size_of_value(struct arena *arena, const struct value *rule, const struct value *v)
{
    struct str bytes;
    if (value_getb(rule, "blob") && base64_decode(arena, value_text(v, STR_EMPTY), &bytes))
        return (double)bytes.n;
    return value_is_number(v)        ? value_number(v)
           : v->kind == VALUE_STRING ? (double)str_code_points(v->string)
                                     : (double)v->count;
}

/* Writes a value as Java does in AWS's messages: [a, b], {a=1}. */
static void add_java_text(struct arena *arena, struct buf *text, const struct value *v)
{
    bool list = v->kind == VALUE_LIST,
         whole = v->kind == VALUE_FLOAT && v->number == (double)int_within(v->number);
    if (!list && v->kind != VALUE_MAP) {
        buf_add_str(text, whole ? arena_printf(arena, "%.1f", v->number) : value_scalar_text(arena, v));
        return;
    }
    buf_add_char(text, list ? '[' : '{');
    for (uint32_t i = 0; i < v->count; i++) {
        buf_addz(text, i ? ", " : "");
        if (!list)
            buf_addf(text, "%.*s=", STR_ARG(v->entries[i].key));
        add_java_text(arena, text, list ? v->items[i] : v->entries[i].value);
    }
    buf_add_char(text, list ? ']' : '}');
}

static struct str java_text(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    add_java_text(arena, &text, v);
    return arena_str(arena, buf_str(&text));
}

/* With `items_are: Class`, writes items as objects of that class: [Class(a=1), Class(a=2)]. */
static struct str text_of_given(struct arena *arena, const struct value *rule, const struct value *v)
{
    struct str class = value_gets(rule, "items_are");
    AUTO_BUF struct buf text = BUF_INIT;
    for (uint32_t i = 0; class.n && v->kind == VALUE_LIST && i < v->count; i++) {
        struct str item = java_text(arena, v->items[i]);
        if (v->items[i]->kind == VALUE_MAP) /* without the braces */
            item = str_slice(item, 1, item.n - 1);
        buf_addf(&text, "%s%.*s(%.*s)", i ? ", " : "", STR_ARG(class), STR_ARG(item));
    }
    return text.n ? arena_printf(arena, "[%.*s]", STR_ARG(buf_str(&text))) : java_text(arena, v);
}

/* True if the value is among the choices; of a list, all items. */
static bool is_choice(const struct value *choices, const struct value *besides, const struct value *v)
{
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        if (!is_choice(choices, besides, v->items[i]))
            return false;
    return v->kind == VALUE_LIST || value_list_has(choices, value_text(v, STR_EMPTY)) ||
           value_list_has(besides, value_text(v, STR_EMPTY));
}

struct str constraint_broken(struct arena *arena, const struct value *rule, const struct value *v)
{
    const struct value *choices = value_getz(rule, "enum"), *range = value_getz(rule, "range");
    struct str pattern = value_gets(rule, "pattern");
    const char *what = value_is_number(v) ? "value" : "length";
    double size = size_of_value(arena, rule, v);
    if (!value_is_null(choices) && !is_choice(choices, value_getz(rule, "besides"), v))
        return arena_printf(arena, "satisfy enum value set: %.*s", STR_ARG(java_text(arena, choices)));
    if (range && !value_is_null(range->items[0]) && size < value_number(range->items[0]))
        return arena_printf(
            arena, "have %s greater than or equal to %.*s", what, STR_ARG(java_text(arena, range->items[0])));
    if (range && !value_is_null(range->items[1]) && size > value_number(range->items[1]))
        return arena_printf(
            arena, "have %s less than or equal to %.*s", what, STR_ARG(java_text(arena, range->items[1])));
    if (pattern.n &&
        !attr_matches_pattern(arena, &(struct attr){.pattern = pattern}, value_text(v, STR_EMPTY)))
        return arena_printf(arena, "satisfy regular expression pattern: %.*s", STR_ARG(pattern));
    return STR_EMPTY;
}

/* Uses `message`, AWS's response instead of the list of violations. */
static bool has_own_words(struct request_faults *f, const struct value *rule, const struct value *v)
{
    struct str message = value_gets(rule, "message"), code = value_gets(rule, "code");
    ptrdiff_t at = str_find(message, STR("${value}"), 0);
    if (message.n && !f->message.n) {
        f->message = at < 0 ? message
                            : arena_printf(f->arena, "%.*s%.*s%.*s", (int)at, message.p,
                                  STR_ARG(value_scalar_text(f->arena, v)),
                                  STR_ARG(str_slice(message, (size_t)at + 8, message.n)));
        f->code = code.n ? code : STR("BadRequestException");
    }
    return message.n;
}

/* `texts: true`: values of the map must be strings. */
static void check_texts(struct request_faults *f, const struct value *rule, const struct value *v)
{
    for (uint32_t i = 0; value_getb(rule, "texts") && v && v->kind == VALUE_MAP && i < v->count; i++) {
        enum value_kind kind = v->entries[i].value->kind;
        if (kind == VALUE_NULL || kind == VALUE_STRING || f->message.n)
            continue;
        f->message = arena_printf(f->arena, "class %s can not be converted to an String",
            kind == VALUE_BOOL ? "java.lang.Boolean"
                               : "com.amazon.coral.value.json.numbers.TruncatingBigNumber");
        f->code = STR("SerializationException");
    }
}

/* Returns all constraints on items, keys or values. */
static struct str rule_of_parts(const struct request_faults *f, const struct value *rule, bool number)
{
    static const char *const bounds[] = {"greater", "less"};
    const struct value *range = value_getz(rule, "range"), *choices = value_getz(rule, "enum");
    AUTO_BUF struct buf text = BUF_INIT;
    for (int i = 1; range && i >= 0; i--)
        if (!value_is_null(range->items[i]))
            buf_addf(&text, "%sMember must have %s %s than or equal to %.*s", text.n ? ", " : "",
                number ? "value" : "length", bounds[i], STR_ARG(java_text(f->arena, range->items[i])));
    if (choices)
        buf_addf(&text, "%sMember must satisfy enum value set: %.*s", text.n ? ", " : "",
            STR_ARG(java_text(f->arena, choices)));
    if (value_gets(rule, "pattern").n)
        buf_addf(&text, "%sMember must satisfy regular expression pattern: %.*s", text.n ? ", " : "",
            STR_ARG(value_gets(rule, "pattern")));
    if (value_getb(rule, "required"))
        buf_addz(&text, ", Member must not be null");
    return arena_str(f->arena, buf_str(&text));
}

/* Checks `items` of lists, `keys` and `values` of maps; the message is about the whole member. */
static struct str broken_parts(
    const struct request_faults *f, const struct value *rule, const struct value *v)
{
    static const struct {
        const char *rule, *words;
    } parts[] = {{"items", "Member must"}, {"keys", "Map keys must"}, {"values", "Map value must"}};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
        const struct value *own = value_getz(rule, parts[p].rule);
        for (uint32_t i = 0; own && (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++) {
            const struct value key = {
                .kind = VALUE_STRING, .string = v->kind == VALUE_MAP ? v->entries[i].key : STR_EMPTY};
            const struct value *part = v->kind == VALUE_LIST ? v->items[i]
                                       : p == 1              ? &key
                                                             : v->entries[i].value;
            if (constraint_broken(f->arena, own, part).n)
                return arena_printf(f->arena, "%s satisfy constraint: [%.*s]", parts[p].words,
                    STR_ARG(rule_of_parts(f, own, value_is_number(part))));
        }
    }
    return STR_EMPTY;
}

/* A `number` may be sent as a string. */
static void check_rule(
    struct request_faults *f, const struct value *rule, struct str path, const struct value *v)
{
    int64_t number;
    for (uint32_t i = 0; rule->kind == VALUE_LIST && i < rule->count; i++)
        check_rule(f, rule->items[i], path, v);
    if (value_getb(rule, "number") && v && v->kind == VALUE_STRING)
        v = value_int(f->arena, str_to_int(v->string, &number) ? number : -1);
    check_texts(f, rule, v);
    bool blob = value_getb(rule, "blob");
    struct str broken = !value_is_null(v)              ? constraint_broken(f->arena, rule, v)
                        : value_getb(rule, "required") ? STR("not be null")
                                                       : STR_EMPTY;
    broken = broken.n            ? arena_printf(f->arena, "Member must %.*s", STR_ARG(broken))
             : !value_is_null(v) ? broken_parts(f, rule, v)
                                 : STR_EMPTY;
    if (!broken.n || has_own_words(f, rule, v))
        return;
    struct str shown = value_is_null(v) ? STR(" null")
                       : blob           ? STR_EMPTY
                              : arena_printf(f->arena, " '%.*s'", STR_ARG(text_of_given(f->arena, rule, v)));
    buf_addf(&f->text, "%sValue%.*s at '%.*s' failed to satisfy constraint: %.*s", f->n++ ? "; " : "",
        STR_ARG(shown), STR_ARG(path), STR_ARG(broken));
}

/* Returns a member's path in messages: path member status_code is statusCode; a body member may have a
 * prefix. */
static struct str member_path(const struct request_faults *f, struct str path, struct str name)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str rest, first = str_cut(name, '_', &rest);
    bool placed = rest.p != NULL;
    if (path.n || (f->body.n && !placed))
        buf_addf(&out, "%.*s.", STR_ARG(path.n ? path : f->body));
    buf_addf(&out, "%c%.*s", tolower((unsigned char)first.p[0]), STR_ARG(str_slice(first, 1, first.n)));
    while (rest.n) {
        struct str word = str_cut(rest, '_', &rest);
        buf_addf(&out, "%c%.*s", toupper((unsigned char)word.p[0]), STR_ARG(str_slice(word, 1, word.n)));
    }
    return arena_str(f->arena, buf_str(&out));
}

/* Checks Tags[].Key of each item, as tags.1.member.key. */
static void check_member(struct request_faults *f, const struct value *rule, struct str path, struct str rest,
    const struct value *within)
{
    struct str name = str_cut(rest, '.', &rest);
    bool items = str_ends(name, STR("[]"));
    name = items ? str_slice(name, 0, name.n - 2) : name;
    const struct value *v = value_get(within, name);
    path = member_path(f, path, name);
    if (!items && !rest.n)
        check_rule(f, rule, path, v);
    else if (!items && v && v->kind == VALUE_MAP)
        check_member(f, rule, path, rest, v);
    for (uint32_t i = 0; items && v && v->kind == VALUE_LIST && i < v->count; i++) {
        struct str one = arena_printf(f->arena, "%.*s.%u.member", STR_ARG(path), i + 1);
        if (rest.n)
            check_member(f, rule, one, rest, v->items[i]);
        else
            check_rule(f, rule, one, v->items[i]);
    }
}

/* Returns the service's `requests` for an operation, or for all ("*"). */
static const struct value *request_rules(
    const struct control *control, struct str service, struct str operation)
{
    for (const struct served_service *s = index_services(control, service); s; s = s->next) {
        const struct value *own = value_get(s->requests, operation);
        if (own)
            return own;
    }
    return NULL;
}

static int refuse_request(struct err *err, struct str code, struct str text)
{
    err_set(err, ERR_SERVICE, "%.*s", STR_ARG(text));
    err->http_status = 400;
    snprintf(err->code, sizeof err->code, "%.*s", STR_ARG(code));
    return -1;
}

int control_constraints(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *input, struct err *err)
{
    struct request_faults faults = {.arena = arena};
    const struct value *all[] = {
        request_rules(control, service, STR("*")), request_rules(control, service, operation)};
    struct str within = value_gets(all[0], "within");
    if (within.n)
        faults.body = arena_printf(arena, "%c%.*s%.*s", tolower((unsigned char)operation.p[0]),
            STR_ARG(str_slice(operation, 1, operation.n)), STR_ARG(within));
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (uint32_t i = 0; all[k] && i < all[k]->count; i++)
            if (all[k]->entries[i].value->kind != VALUE_STRING)
                check_member(&faults, all[k]->entries[i].value, STR_EMPTY, all[k]->entries[i].key, input);
    if (faults.n) {
        struct str code = value_gets(all[0], "code");
        faults.code = code.n ? code : STR("ValidationException");
        faults.message = arena_printf(arena, "%d validation error%s detected: %.*s", faults.n,
            faults.n > 1 ? "s" : "", STR_ARG(buf_str(&faults.text)));
    }
    buf_release(&faults.text);
    return faults.message.n ? refuse_request(err, faults.code, faults.message) : 0;
}

/* ---- patch operations ---- */

static int refuse_patch(struct err *err, struct str text)
{
    return refuse_request(err, STR("BadRequestException"), text);
}

static int refuse_path(struct arena *arena, struct str path, const struct value *sent, struct err *err)
{
    return refuse_patch(err,
        arena_printf(arena, "Invalid patch path %.*s", STR_ARG(value_is_null(sent) ? STR("null") : path)));
}

/* An asterisk in the pattern matches one segment. */
static bool meets_path(struct str pattern, struct str path)
{
    while (pattern.n && path.n) {
        struct str want = str_cut(pattern, '/', &pattern), have = str_cut(path, '/', &path);
        if (!str_eqz(want, "*") ? !str_eq(want, have) : !have.n)
            return false;
    }
    return !pattern.n && !path.n;
}

/* `ops: {path: [add, …]}`: allowed operations by path. */
static int check_ops(struct arena *arena, const struct value *rule, struct str op, struct str path,
    const struct value *sent, struct err *err)
{
    const struct value *ops = NULL;
    for (uint32_t i = 0; !ops && i < rule->count; i++)
        if (meets_path(rule->entries[i].key, path))
            ops = rule->entries[i].value;
    if (!ops)
        return refuse_path(arena, path, sent, err);
    if (value_list_has(ops, op))
        return 0;
    return refuse_patch(
        err, ops->count > 2 ? STR("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
                            : arena_printf(arena, "Invalid patch operation specified. Must be one of: %.*s",
                                  STR_ARG(java_text(arena, ops))));
}

/* `paths: {replace: [path]}`: allowed paths by operation; `plain`: the message does not list them. */
static int check_paths(struct arena *arena, const struct value *rule, struct str op, struct str path,
    const struct value *sent, struct err *err)
{
    const struct value *paths = value_get(value_getz(rule, "paths"), op);
    for (uint32_t i = 0; paths && i < paths->count; i++)
        if (meets_path(value_text(paths->items[i], STR_EMPTY), path))
            return 0;
    if (value_getb(rule, "plain"))
        return refuse_path(arena, path, sent, err);
    struct str known = paths ? arena_printf(arena, "Must be one of: %.*s", STR_ARG(java_text(arena, paths)))
                             : STR("Please choose supported operations");
    return refuse_patch(err, arena_printf(arena, "Invalid patch path  '%.*s' specified for op '%.*s'. %.*s",
                                 STR_ARG(path), STR_ARG(op), STR_ARG(known)));
}

/* `values: {path: rule}`: constraints on values. */
static int check_value(
    struct arena *arena, const struct value *rules, const struct value *change, struct err *err)
{
    struct request_faults faults = {.arena = arena};
    struct str path = value_gets(change, "path");
    const struct value *v = value_getz(change, "value");
    for (uint32_t i = 0; rules && !str_eqz(value_gets(change, "op"), "remove") && i < rules->count; i++) {
        const struct value *rule = rules->entries[i].value;
        bool nothing = value_getb(rule, "number") ? value_is_empty(v)
                                                  : value_is_null(v) && !value_getb(rule, "required");
        if (nothing || !meets_path(rules->entries[i].key, path))
            continue;
        check_rule(&faults, rule, path, v);
    }
    buf_release(&faults.text);
    return faults.message.n ? refuse_request(err, faults.code, faults.message) : 0;
}

int control_patch_check(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *list, struct err *err)
{
    const struct value *rule = value_getz(request_rules(control, service, operation), "patchOperations");
    const struct value *ops = value_getz(rule, "ops");
    list = value_as_list(list);
    for (uint32_t i = 0; i < list->count; i++) {
        struct str op = value_gets(list->items[i], "op"), path = value_gets(list->items[i], "path");
        const struct value *sent = value_getz(list->items[i], "path");
        if ((ops && check_ops(arena, ops, op, path, sent, err)) ||
            (value_getz(rule, "paths") && check_paths(arena, rule, op, path, sent, err)) ||
            check_value(arena, value_getz(rule, "values"), list->items[i], err))
            return -1;
    }
    return 0;
}
