/* One of CloudFormation's types as weir's own for the same thing: what tells it apart there. */
#include "plan/objects/identities.h"
#include "provider/names/names.h"

/* What a property of CloudFormation's is here; NULL: nothing that lies at the top. */
static const struct attr *own_attr(const struct names_type *type, struct str property)
{
    const struct schema *schema = type->schema;
    const struct names_rule *rule = names_rule(type, property);
    return rule ? schema_attr(schema, rule->to)
                : names_attr(type, schema->attrs, schema->attr_count, true, property);
}

void identities_add_own(struct identities *identities, struct names *names, struct arena *arena,
    const struct schema *schema, const struct value *object)
{
    const struct names_type *type =
        str_find(schema->name, STR("::"), 0) >= 0 ? names_cloudformation(names, schema->name) : NULL;
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(arena);
    AUTO_BUF struct buf key = BUF_INIT, text = BUF_INIT;
    for (uint32_t i = 0; type && object && i < object->count; i++) {
        const struct attr *attr = own_attr(type, object->entries[i].key);
        if (attr)
            value_builder_set(&own, attr->name, object->entries[i].value);
    }
    if (!type || !object || !identities_unique(type->schema, value_builder_map(&own), NULL, &key, &text))
        return;
    identities->keys[identities->n++] = arena_str(arena, buf_str(&key));
    if (!identities->text.n)
        identities->text = arena_str(arena, buf_str(&text));
}
