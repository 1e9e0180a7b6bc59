/* JSON Patch (RFC 6902): add, remove, replace, test. */
#include "base/json.h"
#include "sandbox/services/cloudcontrol/model.h"

struct operation {
    struct arena *arena;
    struct str name, path;
    const struct value *value;
};

static int cloud_patch_refuse(const struct operation *o, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "[%.*s Operation] %s %.*s", STR_ARG(o->name), why, STR_ARG(o->path));
}

/* What stands at the end of the path, `is` before. */
static int at_end(
    const struct operation *o, const struct value *is, const struct value **out, struct err *err)
{
    bool add = str_eqz(o->name, "add"), remove = str_eqz(o->name, "remove"), test = str_eqz(o->name, "test");
    if (!add && !is)
        return cloud_patch_refuse(o, "no such path in target JSON document:", err);
    if (!remove && !o->value)
        return cloud_patch_refuse(o, "has no value:", err);
    if (test && !value_equal(is, o->value))
        return cloud_patch_refuse(o, "the value differs:", err);
    *out = remove ? NULL : test ? is : o->value;
    return 0;
}

static int apply(const struct operation *o, const struct value *v, struct str rest, const struct value **out,
    struct err *err);

static int apply_in_list(const struct operation *o, const struct value *list, struct str step,
    struct str rest, const struct value **out, struct err *err)
{
    int64_t index = list->count;
    bool last = !rest.p, add = str_eqz(o->name, "add");
    if (!str_eqz(step, "-") && (!str_to_int(step, &index) || index < 0 || index > list->count))
        return cloud_patch_refuse(o, "no such index:", err);
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(o->arena);
    for (uint32_t i = 0; i <= list->count; i++) {
        const struct value *is = i < list->count ? list->items[i] : NULL, *now = is;
        if ((int64_t)i == index) {
            bool inserts = last && add;
            if (last  ? at_end(o, inserts ? NULL : is, &now, err)
                : !is ? cloud_patch_refuse(o, "no such index:", err)
                      : apply(o, is, rest, &now, err))
                return -1;
            if (now)
                value_builder_add(&items, now);
            if (inserts && is)
                value_builder_add(&items, is);
        } else if (is) {
            value_builder_add(&items, is);
        }
    }
    *out = value_builder_list(&items);
    return 0;
}

static int apply(const struct operation *o, const struct value *v, struct str rest, const struct value **out,
    struct err *err)
{
    struct str step = json_pointer_unescaped(o->arena, str_cut(rest, '/', &rest));
    const struct value *now;
    if (v->kind == VALUE_LIST)
        return apply_in_list(o, v, step, rest, out, err);
    const struct value *is = value_get(v, step);
    if (v->kind != VALUE_MAP || (rest.p && !is))
        return cloud_patch_refuse(o, "parent does not exist:", err);
    if (rest.p ? apply(o, is, rest, &now, err) : at_end(o, is, &now, err))
        return -1;
    *out = value_with(o->arena, v, step, now);
    return 0;
}

int cloud_model_patch(struct arena *arena, const struct value *properties, const struct value *patch,
    const struct value **out, struct err *err)
{
    *out = properties;
    for (uint32_t i = 0; i < patch->count; i++) {
        const struct value *doc = patch->items[i];
        struct operation o = {
            arena, value_gets(doc, "op"), value_gets(doc, "path"), value_getz(doc, "value")};
        if (!str_is_any(o.name, "add remove replace test") || !str_starts(o.path, STR("/")))
            return cloud_patch_refuse(&o, "is not understood:", err);
        if (apply(&o, *out, str_slice(o.path, 1, o.path.n), out, err))
            return -1;
    }
    return 0;
}
