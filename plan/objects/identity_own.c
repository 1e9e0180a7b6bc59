/* One of CloudFormation's types as weir's own for the same thing: what tells it apart there. */
#include "base/json.h"
#include "plan/objects/objects.h"
#include "provider/names/names.h"

/* What a property of CloudFormation's is here; NULL: nothing that lies at the top. */
static const struct attr *own_attr(const struct names_type *type, struct str property)
{
    const struct schema *schema = type->schema;
    const struct names_rule *rule = names_rule(type, property);
    return rule ? schema_attr(schema, rule->to)
                : names_attr(type, schema->attrs, schema->attr_count, true, property);
}

static void define_attr(struct buf *out, const struct schema *schema, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    buf_addf(out, " %.*s", STR_ARG(name));
    if (!attr)
        return;
    buf_addf(out, ",%d,%d,%d,", (int)attr->compare, attr->computed, attr->settable);
    if (attr->default_value)
        json_write(out, attr->default_value, JSON_PLAIN);
}

static void define_one(struct buf *out, const struct schema *schema)
{
    buf_addf(out, "%.*s %d %d %d:", STR_ARG(schema->name), schema->ops->read != NULL,
        schema->ops->holds != NULL, schema->alike);
    define_attr(out, schema, schema->id);
    for (size_t i = 0; i < schema->unique_count; i++)
        define_attr(out, schema, schema->unique[i]);
    buf_add_char(out, '\n');
}

void identities_define(struct buf *out, struct names *names, const struct schema *schema)
{
    const struct names_type *type =
        str_find(schema->name, STR("::"), 0) >= 0 ? names_cloudformation(names, schema->name) : NULL;
    define_one(out, schema);
    for (size_t i = 0; type && i < schema->attr_count; i++) {
        const struct attr *attr = own_attr(type, schema->attrs[i].name);
        if (attr)
            buf_addf(out, "%.*s=%.*s ", STR_ARG(schema->attrs[i].name), STR_ARG(attr->name));
    }
    if (type)
        define_one(out, type->schema);
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
    if (!type || !object)
        return;
    const struct value *theirs = value_builder_map(&own);
    identities->secret |= identities_have_secret(type->schema, theirs);
    if (!identities_unique(type->schema, theirs, NULL, &key, &text))
        return;
    identities->keys[identities->n++] = arena_str(arena, buf_str(&key));
    if (!identities->text.n)
        identities->text = arena_str(arena, buf_str(&text));
}
