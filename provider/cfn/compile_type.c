/* Compiles properties of a JSON schema to attributes: their types and limits. */
#include "provider/cfn/cfn.h"

#include <math.h>

enum {
    REFERENCES_MAX = 16, /* length of a chain of references */
    DEPTH_MAX = 32,      /* nesting; no sensible type is deeper */
};

static const struct type types_of_one_word[] = {
    {.kind = TYPE_ANY},
    {.kind = TYPE_STRING},
    {.kind = TYPE_INT},
    {.kind = TYPE_FLOAT},
    {.kind = TYPE_BOOL},
    {.kind = TYPE_TIMESTAMP},
    {.kind = TYPE_JSON},
    {.kind = TYPE_JSON, .parsed = true},
};
enum { ANY, TEXT, INTEGER, NUMBER, BOOLEAN, TIME, DOCUMENT, MAP_DOCUMENT };

/* ---- marks ---- */

/* Returns the marks below a property's name, or "*"; *here gets the marks of the property itself. */
static struct marks marks_within(
    struct arena *arena, const struct marks *marks, struct str step, unsigned *here)
{
    struct marked_path *within = marks->count ? ARENA_ARRAY(arena, struct marked_path, marks->count) : NULL;
    size_t n = 0;
    for (size_t i = 0; i < marks->count; i++) {
        struct str rest, first = str_cut(marks->items[i].path, '/', &rest);
        if (!str_eq(first, step)) {
            if (str_eqz(step, "*")) /* paths may omit the star */
                within[n++] = marks->items[i];
            continue;
        }
        if (rest.p)
            within[n++] = (struct marked_path){rest, marks->items[i].mark};
        else
            *here |= marks->items[i].mark;
    }
    return (struct marks){within, n};
}

/* ---- schemas ---- */

static const struct value *definition(const struct compile *c, struct str reference)
{
    const struct value *at = c->document;
    struct str rest = str_starts(reference, STR("#/")) ? str_slice(reference, 2, reference.n) : STR_EMPTY;
    while (rest.n && at)
        at = value_get(at, str_cut(rest, '/', &rest));
    return at;
}

/* Follows references; keywords beside a reference precede those of its target. *name: the first
 * definition. */
static const struct value *compile_resolved(struct compile *c, const struct value *schema, struct str *name)
{
    *name = STR_EMPTY;
    for (int i = 0; i < REFERENCES_MAX; i++) {
        struct str reference = value_gets(schema, "$ref");
        const struct value *target = reference.n ? definition(c, reference) : NULL;
        if (!target)
            return schema;
        if (!name->n && i == 0)
            *name = reference;
        const struct value *beside = value_with(c->arena, schema, STR("$ref"), NULL);
        schema = beside->count ? value_merge(c->arena, target, beside) : target;
        if (beside->count && value_getz(target, "$ref") == NULL && value_getz(beside, "$ref") == NULL)
            return schema;
    }
    return &value_empty_map;
}

/*
 * Returns the type of alternatives if they agree, or an array if the other alternatives are only other forms
 * of it (JSON); NULL if no type is given or they differ.
 */
static const struct value *agreed_type(struct compile *c, const struct value *list, bool *differ)
{
    const struct value *agreed = NULL, *array = NULL;
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        struct str ignored;
        const struct value *one = compile_resolved(c, list->items[i], &ignored),
                           *type = value_getz(one, "type");
        if (!type || (type->kind == VALUE_LIST && str_eqz(value_gets(one, "format"), "json")))
            continue;
        array = value_equal(type, value_stringz(c->arena, "array")) ? type : array;
        *differ |= agreed && !value_equal(agreed, type);
        agreed = type;
    }
    *differ &= !array;
    return array ? array : *differ ? NULL : agreed;
}

/* Merges alternatives that are objects to one object with the properties of all; the schemas of allOf apply
 * together. */
static const struct value *merged(struct compile *c, const struct value *schema)
{
    static const char *const ways[] = {"allOf", "oneOf", "anyOf"};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        const struct value *list = value_getz(schema, ways[w]), *type = NULL;
        bool open = !value_getz(schema, "type") && !value_getz(schema, "properties"), differ = false;
        if (w && open && (type = agreed_type(c, list, &differ)))
            schema = value_with(c->arena, schema, STR("type"), type);
        if (differ) /* a string or an object: any value */
            continue;
        for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
            struct str ignored;
            const struct value *one = merged(c, compile_resolved(c, list->items[i], &ignored));
            const struct value *inner = value_getz(one, "properties");
            if (w == 0)
                schema = value_merge(c->arena, one, schema);
            if (inner)
                schema = value_with(c->arena, schema, STR("properties"),
                    value_merge(c->arena, inner, value_getz(schema, "properties")));
            if (w && !value_getz(schema, "items") && value_getz(one, "items"))
                schema = value_with(c->arena, schema, STR("items"), value_getz(one, "items"));
        }
    }
    return schema;
}

/* Returns "string", "object" …; "" if there are several types or none. */
static struct str type_word(const struct value *schema)
{
    const struct value *type = value_getz(schema, "type");
    if (type && type->kind == VALUE_STRING)
        return type->string;
    if (type && type->kind == VALUE_LIST && type->count == 1)
        return value_text(type->items[0], STR_EMPTY);
    if (type)
        return STR_EMPTY;
    if (value_getz(schema, "properties"))
        return STR("object");
    if (value_getz(schema, "items"))
        return STR("array");
    return value_getz(schema, "enum") || value_getz(schema, "pattern") ? STR("string") : STR_EMPTY;
}

static bool type_has(const struct value *schema, const char *word)
{
    return value_list_has(value_getz(schema, "type"), str_z(word));
}

/* ---- types ---- */

static const struct type *compile_type(
    struct compile *c, const struct value *schema, struct str name, const struct marks *marks);

static void compile_fields(
    struct compile *c, struct type *type, const struct value *schema, const struct marks *marks)
{
    const struct value *properties = value_getz(schema, "properties");
    type->kind = TYPE_OBJECT;
    struct attr *fields = ARENA_ARRAY(c->arena, struct attr, properties->count ? properties->count : 1);
    type->fields = fields;
    type->field_count = properties->count;
    for (uint32_t i = 0; i < properties->count; i++)
        compile_attr(c, &fields[i], properties->entries[i].key, properties->entries[i].value,
            value_list_has(value_getz(schema, "required"), properties->entries[i].key), marks);
    compile_rules(c, schema, &type->rules, &type->rule_count);
}

static const struct type *compile_inner(
    struct compile *c, const struct value *schema, const struct marks *marks)
{
    unsigned ignored = 0;
    struct marks within = marks_within(c->arena, marks, STR("*"), &ignored);
    struct str name;
    const struct value *inner = merged(c, compile_resolved(c, schema, &name));
    return compile_type(c, inner, name, &within);
}

/* True for {Key, Value} in any case. */
static bool is_pair(const struct type *type, struct str *key, struct str *value)
{
    if (type->kind != TYPE_OBJECT || type->field_count != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const struct attr *field = &type->fields[i];
        if (field->type->kind != TYPE_STRING)
            return false;
        *(str_ieq(field->name, STR("key")) ? key : value) = field->name;
    }
    return str_ieq(*key, STR("key")) && str_ieq(*value, STR("value"));
}

static void compile_list(
    struct compile *c, struct type *type, const struct value *schema, const struct marks *marks)
{
    static const struct type any = {.kind = TYPE_ANY};
    const struct value *items = value_getz(schema, "items"), *order = value_getz(schema, "insertionOrder"),
                       *unique = value_getz(schema, "uniqueItems");
    bool unordered = order == &value_false || (order && order->kind == VALUE_BOOL && !order->boolean);
    bool distinct = unique && unique->kind == VALUE_BOOL && unique->boolean && !order;
    type->kind = unordered || distinct ? TYPE_SET : TYPE_LIST;
    type->elem = &any;
    if (items && items->kind == VALUE_MAP)
        type->elem = compile_inner(c, items, marks);
}

/* Returns the pattern of a map's keys with the schema of its values; NULL unless there is exactly one. */
static const struct value_entry *only_pattern(const struct value *schema)
{
    const struct value *patterns = value_getz(schema, "patternProperties");
    return patterns && patterns->kind == VALUE_MAP && patterns->count == 1 ? patterns->entries : NULL;
}

static void compile_map(
    struct compile *c, struct type *type, const struct value *schema, const struct marks *marks)
{
    const struct value *others = value_getz(schema, "additionalProperties");
    const struct value_entry *pattern = only_pattern(schema);
    const struct value *inner = pattern ? pattern->value : NULL;
    if (!value_getz(schema, "patternProperties") && others && others->kind == VALUE_MAP && others->count)
        inner = others;
    if (inner && inner->kind == VALUE_MAP) {
        type->kind = TYPE_MAP;
        type->elem = compile_inner(c, inner, marks);
    } else {
        *type = types_of_one_word[MAP_DOCUMENT];
    }
}

/* Returns the type for a value with several allowed types: numbers and booleans can be written as strings. */
static const struct type *type_of_several(const struct value *schema)
{
    bool structured = type_has(schema, "object") || type_has(schema, "array");
    if (!value_getz(schema, "type") || (type_has(schema, "array") && type_has(schema, "string")))
        return &types_of_one_word[ANY];
    if (structured)
        return &types_of_one_word[type_has(schema, "boolean") || type_has(schema, "number") ? ANY : DOCUMENT];
    return &types_of_one_word[type_has(schema, "string") ? TEXT : ANY];
}

static const struct type *scalar_type(const struct value *schema, struct str word)
{
    struct str format = value_gets(schema, "format");
    if (str_eqz(word, "string") && (str_eqz(format, "date-time") || str_eqz(format, "timestamp")) &&
        !value_getz(schema, "pattern"))
        return &types_of_one_word[TIME];
    if (str_eqz(word, "string") && str_eqz(format, "json"))
        return &types_of_one_word[DOCUMENT];
    static const struct {
        const char *word;
        int type;
    } words[] = {{"string", TEXT}, {"integer", INTEGER}, {"number", NUMBER}, {"boolean", BOOLEAN}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eqz(word, words[i].word))
            return &types_of_one_word[words[i].type];
    return type_of_several(schema);
}

/* Returns the enclosing type with the same schema and the same number of marked paths. */
static const struct type *type_around(
    const struct compile *c, const struct value *schema, const struct marks *marks)
{
    const struct compile_around *around = c->around;
    while (around && !(around->marks == marks->count && value_equal(around->schema, schema)))
        around = around->up;
    return around ? around->type : NULL;
}

/* `name` is the definition that the schema comes from. A recursive type refers to itself, directly or through
 * alternatives to an enclosing type. */
static const struct type *compile_type(
    struct compile *c, const struct value *schema, struct str name, const struct marks *marks)
{
    struct str word = type_word(schema);
    bool object = str_eqz(word, "object"), array = str_eqz(word, "array");
    if (!object && !array)
        return scalar_type(schema, word);
    bool shared = name.n && !marks->count;
    const struct type *known = shared ? map_get(&c->types, name) : NULL;
    known = known ? known : type_around(c, schema, marks);
    int depth = c->around ? c->around->depth + 1 : 0;
    if (known || depth > DEPTH_MAX)
        return known ? known : &types_of_one_word[ANY];
    struct type *type = ARENA_NEW(c->arena, struct type);
    const struct compile_around here = {c->around, schema, marks->count, type, depth};
    c->around = &here;
    if (shared)
        map_set(&c->types, name, type);
    const struct value *properties = value_getz(schema, "properties");
    if (array)
        compile_list(c, type, schema, marks);
    else if (properties && properties->kind == VALUE_MAP && properties->count)
        compile_fields(c, type, schema, marks);
    else
        compile_map(c, type, schema, marks);
    c->around = here.up;
    return type;
}

/* ---- attributes ---- */

static bool whole_number(const struct value *v, int64_t *out)
{
    if (v && v->kind == VALUE_FLOAT && fabs(v->number) < 9e15 && !(floor(v->number) < v->number))
        *out = (int64_t)v->number;
    else if (v && v->kind == VALUE_INT)
        *out = v->integer;
    else
        return false;
    return true;
}

static void set_range(struct attr *attr, const struct value *schema)
{
    const char *min = "minimum", *max = "maximum";
    switch (attr->type->kind) {
    case TYPE_STRING: min = "minLength", max = "maxLength"; break;
    case TYPE_LIST:
    case TYPE_SET: min = "minItems", max = "maxItems"; break;
    case TYPE_MAP: min = "minProperties", max = "maxProperties"; break;
    case TYPE_INT:
    case TYPE_FLOAT: break;
    default: return;
    }
    attr->has_min = whole_number(value_getz(schema, min), &attr->min);
    attr->has_max = whole_number(value_getz(schema, max), &attr->max);
    bool length = attr->type->kind != TYPE_INT && attr->type->kind != TYPE_FLOAT;
    attr->has_min &= !length || attr->min > 0;
}

/* Sets pattern and choices, of the value itself or of its items. */
static void set_limits(struct compile *c, struct attr *attr, const struct value *schema, int depth)
{
    const struct value *choices = value_getz(schema, "enum"),
                       *any_case = value_getz(schema, "enumCaseInsensitive");
    struct str pattern = value_gets(schema, "pattern"), ignored;
    if (value_getz(schema, "anyOf") || value_getz(schema, "oneOf"))
        return; /* another alternative may allow more */
    if (any_case)
        attr->compare = COMPARE_NOCASE;
    attr->choices = any_case ? any_case : choices;
    if (attr->choices && (attr->choices->kind != VALUE_LIST || !attr->choices->count))
        attr->choices = NULL;
    if (attr->choices && attr->compare == COMPARE_EXACT)
        attr->compare = COMPARE_CHOICE;
    if (pattern.n)
        attr->pattern = cfn_pattern(c->arena, pattern);
    const struct value *items = value_getz(schema, "items");
    if (items && items->kind == VALUE_MAP && depth < 2 && !attr->choices && !attr->pattern.n)
        set_limits(c, attr, compile_resolved(c, items, &ignored), depth + 1);
}

static void set_compare(struct attr *attr, const struct value *schema, unsigned here)
{
    struct str format = value_gets(schema, "format");
    if (str_eqz(format, "ipv4-network") || str_eqz(format, "ipv6-network"))
        attr->compare = COMPARE_CIDR;
    if (here & MARK_NOCASE)
        attr->compare = COMPARE_NOCASE;
    if (here & MARK_ARN)
        attr->compare = COMPARE_ARN;
}

/* Derives properties of an object from its fields: whether any can be configured, read back, or is
 * computed. */
static void look_inside(struct attr *attr)
{
    const struct type *type = attr->type;
    bool settable = false, read = false, reported = false;
    if (type->kind != TYPE_OBJECT || !type->field_count)
        return;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *field = &type->fields[i];
        settable |= field->settable;
        read |= !field->write_only;
        reported |= field->computed;
    }
    attr->settable &= settable;
    attr->required &= settable;
    attr->computed |= reported;
    attr->write_only |= !read;
}

static const struct value *scalar_default(const struct attr *attr, const struct value *schema)
{
    const struct value *v = value_getz(schema, "default");
    enum type_kind kind = attr->type->kind;
    bool fits =
        v && ((v->kind == VALUE_BOOL && kind == TYPE_BOOL) || (v->kind == VALUE_INT && kind == TYPE_INT) ||
                 (v->kind == VALUE_STRING && kind == TYPE_STRING));
    return fits ? v : NULL;
}

/* Schemas do not distinguish passwords from other write-only strings; their names do. */
static bool is_secret(const struct attr *attr)
{
    static const struct str endings[] = {STR_INIT("password"), STR_INIT("passwords"), STR_INIT("passphrase"),
        STR_INIT("secret"), STR_INIT("token"), STR_INIT("tokenvalue"), STR_INIT("secretstring"),
        STR_INIT("secretkey"), STR_INIT("accesskey"), STR_INIT("privatekey"), STR_INIT("sharedkey"),
        STR_INIT("authkey"), STR_INIT("apikey"), STR_INIT("apikeyvalue"), STR_INIT("keytab"),
        STR_INIT("wallet"), STR_INIT("hostkeybody"), STR_INIT("authenticationmaterial")};
    const struct type *type =
        attr->type->kind == TYPE_LIST || attr->type->kind == TYPE_SET ? attr->type->elem : attr->type;
    struct str name = attr->name;
    if (type->kind != TYPE_STRING || attr->choices || str_ieq(name, STR("clienttoken")))
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (name.n >= endings[i].n && str_ieq(str_slice(name, name.n - endings[i].n, name.n), endings[i]))
            return true;
    return false;
}

/* Some services do not allow a colon in a tag key. */
static bool takes_ownership_tags(struct compile *c, const struct attr *key)
{
    struct schema_issue issue;
    const struct value *out;
    return !schema_convert(c->arena, key, value_stringz(c->arena, "weir:address"), &out, &issue);
}

static bool map_takes_ownership_tags(struct compile *c, const struct value *schema)
{
    const struct value_entry *pattern = only_pattern(schema);
    struct attr key = {.type = &types_of_one_word[TEXT]};
    if (pattern)
        key.pattern = cfn_pattern(c->arena, pattern->key);
    return takes_ownership_tags(c, &key);
}

static void make_tags(struct compile *c, struct attr *attr, const struct value *schema)
{
    const struct type *type = attr->type;
    struct type tags = {.kind = TYPE_TAGS};
    bool pairs =
        (type->kind == TYPE_SET || type->kind == TYPE_LIST) && is_pair(type->elem, &tags.key, &tags.value);
    bool map = type->kind == TYPE_MAP && type->elem && type->elem->kind == TYPE_STRING;
    if (!pairs && !map)
        return;
    struct type *own = ARENA_NEW(c->arena, struct type);
    *own = tags;
    if (str_eq(attr->name, c->tags))
        c->no_ownership_tags = pairs ? !takes_ownership_tags(c, type_field(type->elem, tags.key))
                                     : !map_takes_ownership_tags(c, schema);
    attr->type = own;
    attr->pattern = STR_EMPTY;
    attr->choices = NULL;
    attr->has_min = attr->has_max = false; /* weir's own tags count, too */
}

void compile_attr(struct compile *c, struct attr *attr, struct str name, const struct value *schema,
    bool required, const struct marks *marks)
{
    unsigned here = 0;
    struct marks within = marks_within(c->arena, marks, name, &here);
    struct str definition_name;
    schema = schema->kind == VALUE_MAP ? schema : &value_empty_map;
    schema = merged(c, compile_resolved(c, schema, &definition_name));
    *attr = (struct attr){.name = arena_str(c->arena, name),
        .type = compile_type(c, schema, definition_name, &within),
        .settable = !(here & MARK_READ_ONLY),
        .computed = here & (MARK_READ_ONLY | MARK_ID),
        .replace = here & MARK_CREATE_ONLY,
        .write_only = (here & MARK_WRITE_ONLY) && !(here & MARK_READ_ONLY),
        .deprecated = here & MARK_DEPRECATED};
    attr->required = required && attr->settable;
    if (attr->required)
        attr->computed = false;
    set_range(attr, schema);
    set_limits(c, attr, schema, 0);
    set_compare(attr, schema, here);
    attr->default_value = scalar_default(attr, schema);
    attr->sensitive = is_secret(attr);
    if (str_eqz(name, "Tags") || (c->tags.n && str_eq(name, c->tags)))
        make_tags(c, attr, schema);
    if (attr->settable)
        look_inside(attr);
}
