/*
 * Whether an answer has values where a specification has them: a text in the place of a structure would be
 * read as nothing there, and a structure in the place of a text as nothing set. Lists of one may be their
 * item, as XML has them, and any text may be empty.
 */
#include "provider/spec/act.h"

static bool is_plain(const struct value *v)
{
    return v->kind != VALUE_MAP && v->kind != VALUE_LIST &&
           !(v->kind == VALUE_STRING && !str_trim(v->string).n);
}

static const char *kind_word(const struct value *v)
{
    switch (v->kind) {
    case VALUE_MAP: return "structure";
    case VALUE_LIST: return "list";
    case VALUE_STRING: return "text";
    case VALUE_BOOL: return "truth value";
    default: return "number";
    }
}

static bool has_type(const struct wire_operation *op, const struct shape *shape, const struct value *v)
{
    bool json = op->protocol == WIRE_JSON10 || op->protocol == WIRE_JSON11 || op->protocol == WIRE_REST_JSON;
    switch (shape->kind) {
    case SHAPE_STRUCT:
    case SHAPE_MAP:
    case SHAPE_PAIRS: return !is_plain(v);
    case SHAPE_LIST: return !json || !is_plain(v);
    case SHAPE_STRING:
    case SHAPE_INT:
    case SHAPE_FLOAT:
    case SHAPE_BOOL:
    case SHAPE_TIMESTAMP:
    case SHAPE_BLOB: return shape->choices_out || v->kind != VALUE_MAP;
    default: return true;
    }
}

/* A value on the way to the path's end that leads no further; NULL: there is none. *at says where it lies. */
static const struct value *dead_end(
    struct arena *arena, const struct value *doc, struct str path, struct str *at)
{
    struct str rest = path;
    for (const struct value *v = doc; rest.n && v->kind == VALUE_MAP;) {
        struct wire_segment segment = wire_path_cut(&rest);
        *at = segment.name;
        v = wire_path(arena, v, segment.name);
        if (value_is_null(v))
            return NULL;
        struct str next = rest;
        if (rest.n && is_plain(v)) /* unless it is what the path says, too */
            return str_ends(wire_path_cut(&next).name, STR("|@")) ? NULL : v;
        if (segment.items)
            return NULL;
    }
    return NULL;
}

static int wrong_type(const struct spec_step *step, struct str at, const struct value *v, struct err *err)
{
    err_set(err, ERR_PROTOCOL, "the answer to %.*s is not as the service describes it: %.*s is a %s",
        STR_ARG(step->call.op->wire.name), STR_ARG(at), kind_word(v));
    err->lost = true;
    return err_hint(err, "something between here and the service changes answers, or it is not AWS");
}

int act_check_types(struct act *act, const struct spec_step *step, const struct value *doc, struct err *err)
{
    for (size_t i = 0; step->call.op && i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        struct str path, at = STR_EMPTY;
        if (!act_provides(act->type, step, attr, &path) || attr->owner == OWNER_ENTRIES)
            continue;
        if (is_plain(doc) && path.n && !str_eqz(path, "@") && !str_eqz(path, "."))
            return wrong_type(step, step->reply.at, doc, err);
        const struct value *v = dead_end(act->arena, doc, path, &at);
        if (v)
            return wrong_type(step, at, v, err);
        v = wire_path(act->arena, doc, path);
        if (!value_is_null(v) && attr->answer && !has_type(&step->call.op->wire, attr->answer, v))
            return wrong_type(step, path, v, err);
    }
    return 0;
}
