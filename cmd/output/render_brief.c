/*
 * Values that take one line, however long they are: cut, with their size; of policies what they allow.
 */
#include "cmd/output/render.h"

#include "base/str.h"
#include "cmd/terminal/term.h"

enum {
    BRIEF_MAX = 72, /* columns of a value */
    ITEMS_SHOWN = 3 /* of the actions, resources or principals of a policy's statement */
};

/* ---- policies ---- */

/* One or several, of which the first few are named. */
static void add_some(struct buf *out, const struct value *v)
{
    uint32_t n = v->kind == VALUE_LIST ? v->count : 1;
    for (uint32_t i = 0; i < n && i < ITEMS_SHOWN; i++) {
        struct str text = value_text(v->kind == VALUE_LIST ? v->items[i] : v, STR("(known after apply)"));
        buf_addz(out, i ? ", " : " ");
        text_add_safe(out, text, false);
    }
    if (n > ITEMS_SHOWN)
        buf_addf(out, " and %u more", n - ITEMS_SHOWN);
}

/* Of each type, such as Service. */
static void add_principals(struct buf *out, const struct value *principal)
{
    for (uint32_t i = 0; principal && principal->kind == VALUE_MAP && i < principal->count; i++) {
        buf_addz(out, i ? "," : " for");
        add_some(out, principal->entries[i].value);
    }
}

static void add_statement(struct buf *out, const struct value *statement)
{
    const struct value *actions = value_getz(statement, "Action"),
                       *others = value_getz(statement, "NotAction");
    text_add_safe(out, value_text(value_getz(statement, "Effect"), STR("Allow")), false);
    if (!actions && others)
        buf_addz(out, " all but");
    if (actions || others)
        add_some(out, actions ? actions : others);
    const struct value *resource = value_getz(statement, "Resource"),
                       *principal = value_getz(statement, "Principal"),
                       *condition = value_getz(statement, "Condition");
    if (resource) {
        buf_addz(out, " on");
        add_some(out, resource);
    }
    if (str_eqz(value_text(principal, STR_EMPTY), "*") || str_eqz(value_gets(principal, "AWS"), "*"))
        buf_addz(out, " for anybody");
    else
        add_principals(out, principal);
    if (condition && condition->kind == VALUE_MAP && condition->count)
        buf_addz(out, " under conditions");
}

/* "Allow s3:GetObject, s3:PutObject; Deny s3:*"; false: that is no policy. */
static bool add_policy(struct buf *out, const struct value *policy)
{
    const struct value *statements = policy->kind == VALUE_MAP ? value_getz(policy, "Statement") : NULL;
    if (!statements || !look_is_block(statements))
        return false;
    uint32_t n = statements->kind == VALUE_LIST ? statements->count : 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct value *one = statements->kind == VALUE_LIST ? statements->items[i] : statements;
        if (one->kind != VALUE_MAP)
            return false;
        buf_addz(out, i ? "; " : "");
        add_statement(out, one);
    }
    return n > 0;
}

/* Policies by name, as a role has them. */
static bool add_policies(struct pen *pen, struct buf *out, const struct value *map)
{
    buf_add_char(out, '{');
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *v = map->entries[i].value, *json = pen_json(pen, v);
        buf_addz(out, i ? ", " : "");
        text_add_safe(out, map->entries[i].key, false);
        buf_addz(out, ": ");
        if ((v->marks & VALUE_SENSITIVE) || !add_policy(out, json ? json : v))
            return false;
    }
    buf_add_char(out, '}');
    return true;
}

/* ---- sizes ---- */

static void add_size(struct buf *out, const struct value *v)
{
    size_t lines = 0;
    switch ((enum value_kind)v->kind) {
    case VALUE_LIST: buf_addf(out, " (%u item%s)", v->count, v->count == 1 ? "" : "s"); return;
    case VALUE_MAP: buf_addf(out, " (%u entr%s)", v->count, v->count == 1 ? "y" : "ies"); return;
    case VALUE_STRING:
        for (size_t i = 0; i < v->string.n; i++)
            lines += v->string.p[i] == '\n' || i + 1 == v->string.n;
        buf_addz(out, " (");
        if (lines > 1)
            buf_addf(out, "%zu lines, ", lines);
        text_add_bytes(out, (int64_t)v->string.n);
        buf_add_char(out, ')');
        return;
    default: return;
    }
}

static void add_cut(struct pen *pen, const struct value *v, struct str text)
{
    size_t n = cells_prefix(text, BRIEF_MAX);
    buf_add(pen->out, text.p, n);
    if (n == text.n)
        return;
    buf_addz(pen->out, text.p[0] == '"' ? "...\"" : "...");
    style_on(pen->out, pen->color, STYLE_DIM);
    add_size(pen->out, v);
    style_off(pen->out, pen->color, STYLE_DIM);
}

/* A text of several lines is shown by the first that is not empty. */
static void add_first_line(struct pen *pen, const struct value *v)
{
    struct str rest = v->string, line = STR_EMPTY;
    while (rest.n && !str_trim(line).n)
        line = str_cut(rest, '\n', &rest);
    AUTO_BUF struct buf text = BUF_INIT;
    text_add_quoted(&text, line);
    struct str quoted = buf_str(&text);
    if (quoted.n)
        quoted.n--; /* it goes on */
    size_t n = cells_prefix(quoted, BRIEF_MAX);
    buf_add(pen->out, quoted.p, n);
    buf_addz(pen->out, "...\"");
    style_on(pen->out, pen->color, STYLE_DIM);
    add_size(pen->out, v);
    style_off(pen->out, pen->color, STYLE_DIM);
}

void pen_brief(struct pen *pen, struct look look, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    bool hidden = look_hides(look, v);
    const struct value *json = hidden ? NULL : pen_json(pen, v), *policy = json ? json : v;
    bool is_policy = look.type && look.type->kind == TYPE_POLICY;
    bool are_policies =
        look.type && look.type->kind == TYPE_MAP && look.type->elem && look.type->elem->kind == TYPE_POLICY;
    AUTO_BUF struct buf several = BUF_INIT;
    if (!hidden && is_policy && v && look_is_block(policy) && add_policy(&text, policy)) {
        add_cut(pen, policy, buf_str(&text));
    } else if (!hidden && are_policies && v && v->kind == VALUE_MAP && add_policies(pen, &several, v)) {
        add_cut(pen, v, buf_str(&several));
    } else if (!hidden && v && v->kind == VALUE_STRING && look_has_lines(v->string)) {
        add_first_line(pen, v);
    } else {
        struct pen plain = *pen; /* what is cut must not be cut within a colour */
        plain.color = false;
        plain.suffix = NULL;
        plain.out = &text;
        pen_inline(&plain, look, v);
        if (v && v->kind != VALUE_UNKNOWN && !hidden)
            add_cut(pen, v, buf_str(&text));
        else
            pen_inline(pen, look, v);
    }
    pen_newline(pen);
}
