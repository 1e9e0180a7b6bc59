/*
 * statements(): a policy document read, whichever of its ways it is written in, under the words that
 * statement() takes.
 */
#include "stacks/expressions/func.h"

#include "base/json.h"

static const struct {
    const char *name, *key;
    bool list;
} members[] = {
    {"actions", "Action", true},
    {"conditions", "Condition", false},
    {"effect", "Effect", false},
    {"not_actions", "NotAction", true},
    {"not_principals", "NotPrincipal", true},
    {"not_resources", "NotResource", true},
    {"principals", "Principal", true},
    {"resources", "Resource", true},
    {"sid", "Sid", false},
};
enum { MEMBERS = sizeof members / sizeof *members };

/* Texts of a member as one list: of {AWS: …, Service: […]} too, whoever it is. */
static void gather_texts(struct value_builder *list, const struct value *v)
{
    if (value_is_null(v))
        return;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        gather_texts(list, v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        gather_texts(list, v->entries[i].value);
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        value_builder_add(list, v);
}

static const struct value *read_member(struct call *call, size_t i, const struct value *v)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    if (!members[i].list)
        return !value_is_null(v)                      ? v
               : !strcmp(members[i].key, "Condition") ? &value_empty_map
                                                      : &value_empty_string;
    if (value_is_unknown(v))
        return v;
    gather_texts(&list, v);
    return value_builder_list(&list);
}

static const struct value *read_statement(struct call *call, const struct value *statement)
{
    if (statement->kind != VALUE_MAP)
        return value_is_unknown(statement) ? statement
                                           : call_fail(call, 0, "a statement of a policy is a map, not %s",
                                                 value_with_article(statement));
    struct value_entry entries[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++)
        entries[i] = (struct value_entry){
            str_z(members[i].name), read_member(call, i, value_getz(statement, members[i].key))};
    return value_map(call->arena, entries, MEMBERS);
}

const struct value *func_statements(struct call *call)
{
    const struct value *policy = call->args[0], *list;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    if (policy->kind == VALUE_STRING && json_parse(call->arena, policy->string, &policy, ERR_IGNORED))
        return call_fail(call, 0, "the text is not valid JSON");
    if (value_is_null(policy))
        return &value_empty_list;
    if (policy->kind != VALUE_MAP || !(list = value_getz(policy, "Statement")))
        return call_fail(call, 0, "a policy document is a map with Statement, or JSON text of one");
    if (value_is_unknown(list))
        return list;
    uint32_t n = list->kind == VALUE_LIST ? list->count : 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct value *one = read_statement(call, list->kind == VALUE_LIST ? list->items[i] : list);
        if (!one)
            return NULL;
        value_builder_add(&all, one);
    }
    return value_builder_list(&all);
}
