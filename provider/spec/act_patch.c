/* Calls that take a list of changes: what leads from what was seen last to what is wanted. */
#include "base/json.h"
#include "provider/spec/act.h"

int act_patch_document(struct arena *arena, const struct spec_request *request, const struct value *object,
    const struct value **document, struct err *err)
{
    static const struct wire_operation body = {
        .protocol = WIRE_REST_JSON, .method = STR_INIT("POST"), .path = STR_INIT("/")};
    struct wire_message message = {0};
    AUTO_BUILDER struct value_builder known = VALUE_BUILDER(arena);
    for (uint32_t i = 0; object && i < object->count; i++)
        if (value_is_known(object->entries[i].value))
            value_builder_set(&known, object->entries[i].key, object->entries[i].value);
    *document = &value_empty_map;
    if (wire_encode_request(arena, &body, &request->patched, value_builder_map(&known), &message, err))
        return -1;
    return message.body.n ? json_parse(arena, message.body, document, err) : 0;
}

/* Is it to be other than it was seen? What the file does not say, and did not say before, is nobody's
 * business. */
static bool is_to_change(
    const struct act *act, const struct attr *attr, const struct value *have, const struct value *want)
{
    if (value_is_null(want))
        return act->changed && act_wants(act->changed, attr->name) && !value_is_null(have);
    return value_is_known(want) && (value_is_null(have) || !attr_equal(attr, want, have));
}

/* Within a structure, too, what never was said stays as it is. */
static const struct value *with_others_kept(
    struct act *act, const struct attr *attr, const struct value *have, const struct value *want)
{
    const struct value *taking = act->changed && act_wants(act->changed, attr->name) && want
                                     ? value_get(act->taking, attr->name)
                                     : NULL;
    return taking && have ? attr_over(act->arena, attr->type, taking, have) : want;
}

static bool names_one(const struct spec_names *names, struct str name)
{
    bool any = false;
    for (size_t i = 0; i < names->count && !any; i++)
        any = str_eq(names->items[i], name);
    return any;
}

int act_patch(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value **list, struct err *err)
{
    const struct spec_request *request = &step->call.request;
    AUTO_BUILDER struct value_builder from = VALUE_BUILDER(act->arena), to = VALUE_BUILDER(act->arena);
    bool sensitive = false;
    for (size_t i = 0; i < request->attr_count; i++) {
        const struct spec_attr *attr = spec_attr_find(act->type, request->attrs[i]);
        const struct value *want = value_get(object, request->attrs[i]),
                           *have = value_get(act->seen, request->attrs[i]);
        bool taken = names_one(&step->call.without, request->attrs[i]);
        if (taken) {
            have = want;
            want = NULL;
        }
        bool takes =
            attr && !taken && attr_takes_away(attr->attr->type, value_get(act->taking, attr->attr->name));
        if (!attr || !(taken ? !value_is_null(have) : takes || is_to_change(act, attr->attr, have, want)))
            continue;
        if (!taken)
            want = with_others_kept(act, attr->attr, have, want);
        sensitive = sensitive || attr->attr->sensitive || value_is_sensitive(want);
        value_builder_set(&from, attr->attr->name, have);
        value_builder_set(&to, attr->attr->name, want);
    }
    const struct value *before, *after;
    *list = NULL;
    if (act_patch_document(act->arena, request, value_builder_map(&from), &before, err) ||
        act_patch_document(act->arena, request, value_builder_map(&to), &after, err))
        return -1;
    const struct value *changes =
        patch_between(act->arena, step->call.op->patch, &request->patched, before, after);
    if (changes->count)
        *list = sensitive ? value_mark(act->arena, changes, VALUE_SENSITIVE) : changes;
    return 0;
}
