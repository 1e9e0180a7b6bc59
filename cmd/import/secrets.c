/* Generated secrets of a template, see template.h. */
#include "cmd/import/template.h"

/* What an attachment adds to the secret's value: a property of the target, its attribute ("": Ref), or a
 * text. */
static const struct {
    const char *type, *member, *property, *attribute, *text;
} connection[] = {
    {"AWS::RDS::DBInstance", "engine", "Engine", NULL, NULL},
    {"AWS::RDS::DBInstance", "host", NULL, "Endpoint.Address", NULL},
    {"AWS::RDS::DBInstance", "port", NULL, "Endpoint.Port", NULL},
    {"AWS::RDS::DBInstance", "dbname", "DBName", NULL, NULL},
    {"AWS::RDS::DBInstance", "dbInstanceIdentifier", NULL, "", NULL},
    {"AWS::RDS::DBCluster", "engine", "Engine", NULL, NULL},
    {"AWS::RDS::DBCluster", "host", NULL, "Endpoint.Address", NULL},
    {"AWS::RDS::DBCluster", "port", NULL, "Endpoint.Port", NULL},
    {"AWS::RDS::DBCluster", "dbname", "DatabaseName", NULL, NULL},
    {"AWS::RDS::DBCluster", "dbClusterIdentifier", NULL, "", NULL},
    {"AWS::Redshift::Cluster", "engine", NULL, NULL, "redshift"},
    {"AWS::Redshift::Cluster", "host", NULL, "Endpoint.Address", NULL},
    {"AWS::Redshift::Cluster", "port", NULL, "Endpoint.Port", NULL},
    {"AWS::Redshift::Cluster", "dbname", "DBName", NULL, NULL},
    {"AWS::Redshift::Cluster", "dbClusterIdentifier", NULL, "", NULL},
};

/* The engine in the value, by the beginning of the target's. */
static const char *const engines[][2] = {
    {"aurora-postgresql", "postgres"}, {"aurora", "mysql"}, {"oracle", "oracle"}, {"sqlserver", "sqlserver"}};

/* Properties that exclude a class of characters. Blanks are never used, and each class that may be is. */
static const char *const classes[][2] = {{"ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"},
    {"ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}, {"ExcludeNumbers", "0123456789"},
    {"ExcludePunctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"}, {"IncludeSpace", ""},
    {"RequireEachIncludedType", ""}};

struct secrets {
    struct template *t;
    struct arena *arena;
    const struct node *given; /* the template's resources */
    struct node *resources;   /* the resulting ones */
};

static const struct node *property_of(const struct node *resource, const char *name)
{
    return node_get(node_get(resource, "Properties"), name);
}

static struct node *joined_node(struct arena *arena, const struct node *a, const struct node *b)
{
    struct node *parts = NODES_LIST(arena, a, a, b);
    return NODES_MAP(arena, a, {"Fn::Join", NODES_LIST(arena, a, nodes_text(arena, STR_EMPTY, a), parts)});
}

/* ---- how a password is generated ---- */

/* Converts GenerateSecretString to its length and the characters to exclude. */
static const struct node *generation_of(const struct secrets *s, const struct node *all)
{
    struct node *made = nodes_new(s->arena, NODE_MAP, all);
    AUTO_BUF struct buf excluded = BUF_INIT;
    const struct node *chars = node_get(all, "ExcludeCharacters");
    for (uint32_t i = 0; i < all->count; i++) {
        const struct node *value = all->entries[i].value;
        size_t k = 0;
        while (k < sizeof classes / sizeof *classes && !str_eqz(all->entries[i].key, classes[k][0]))
            k++;
        if (k == sizeof classes / sizeof *classes)
            nodes_set_entry(s->arena, made, &all->entries[i]);
        else if ((value->kind == NODE_BOOL && value->boolean) || str_ieq(node_text(value), STR("true")))
            buf_addz(&excluded, classes[k][1]);
    }
    if (excluded.n) {
        const struct node *text = nodes_text(s->arena, buf_str(&excluded), all);
        nodes_set(
            s->arena, made, STR("ExcludeCharacters"), chars ? joined_node(s->arena, chars, text) : text);
    }
    return nodes_without(
        s->arena, nodes_without(s->arena, made, "GenerateStringKey"), "SecretStringTemplate");
}

/* ---- a secret's JSON value ---- */

/* Returns the map with its strings as arguments of Fn::Sub; `values`: its second argument, or NULL. */
static const struct node *with_subs(
    const struct secrets *s, const struct node *map, const struct node *values)
{
    struct node *made = nodes_copy(s->arena, map);
    for (uint32_t i = 0; i < made->count; i++) {
        const struct node *text = made->entries[i].value;
        if (str_find(nodes_literal(text), STR("${"), 0) < 0)
            continue;
        const struct node *both = values ? NODES_LIST(s->arena, text, text, values) : text;
        made->entries[i].value = NODES_MAP(s->arena, text, {"Fn::Sub", both});
    }
    return made;
}

/* Returns SecretStringTemplate as a map; NULL: it is not known. */
static const struct node *template_of(const struct secrets *s, const struct node *text)
{
    const struct node *values, *sub = nodes_sub(text, &values);
    const struct node *map = text ? template_json(s->t, sub ? sub : text) : NULL;
    return map && sub ? with_subs(s, map, values) : map;
}

/* Returns the only attachment of the secret whose target's connection is known here; NULL: there is none. */
static const struct node_entry *attachment_of(const struct secrets *s, struct str id)
{
    const struct node_entry *found = NULL;
    for (uint32_t i = 0; i < s->given->count; i++) {
        const struct node *one = s->given->entries[i].value, *secret = property_of(one, "SecretId");
        if (!nodes_is_type(one, "AWS::SecretsManager::SecretTargetAttachment") || !secret ||
            !str_eq(nodes_referred(secret), id))
            continue;
        if (found)
            return NULL;
        found = &s->given->entries[i];
    }
    return found;
}

static struct str engine_of(struct str engine)
{
    for (size_t i = 0; engine.p && i < sizeof engines / sizeof *engines; i++)
        if (str_starts(engine, str_z(engines[i][0])))
            return str_z(engines[i][1]);
    return engine;
}

/* Adds what the attachment adds. Returns false if the target is of another type. */
static bool add_connection(const struct secrets *s, const struct node *attachment, struct node *value)
{
    const struct node *target_id = property_of(attachment, "TargetId");
    struct str id = target_id ? nodes_referred(target_id) : STR_EMPTY;
    const struct node_entry *target = id.n ? node_find(s->given, id) : NULL;
    bool any = false;
    for (size_t i = 0; target && i < sizeof connection / sizeof *connection; i++) {
        const char *name = connection[i].property, *attribute = connection[i].attribute,
                   *text = connection[i].text;
        const struct node *own = name ? property_of(target->value, name) : target_id;
        struct str engine = engine_of(own && name ? nodes_literal(own) : STR_EMPTY);
        if (!nodes_is_type(target->value, connection[i].type))
            continue;
        any = true;
        if (attribute && *attribute)
            own = nodes_call(
                s->arena, "!GetAtt", arena_printf(s->arena, "%.*s.%s", STR_ARG(id), attribute), target_id);
        if (text || (engine.n && str_eqz(str_z(connection[i].member), "engine")))
            own = nodes_text(s->arena, text ? str_z(text) : engine, target_id);
        if (own)
            nodes_set(s->arena, value, str_z(connection[i].member), own);
    }
    return any;
}

/* ---- resources ---- */

static void put_secret(const struct secrets *s, const struct node_entry *entry, struct str id,
    const struct node *name, const char *what, const struct node *value)
{
    static const char *const own[] = {"Name", "Description", "GenerateSecretString", "ReplicaRegions"};
    const struct node *before = node_get(entry->value, "Properties");
    struct node *changed = nodes_copy(s->arena, entry->value), *properties = nodes_copy(s->arena, before);
    bool is_other = !str_eq(id, entry->key);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (is_other || str_eqz(str_z(own[i]), "GenerateSecretString"))
            properties = nodes_without(s->arena, properties, own[i]);
    if (is_other && name)
        nodes_set(s->arena, properties, STR("Name"),
            joined_node(s->arena, name, nodes_text(s->arena, STR("-password"), name)));
    if (what)
        nodes_set(s->arena, properties, str_z(what), value);
    if (!str_starts(node_text(node_get(entry->value, "DeletionPolicy")), STR("Retain")))
        nodes_set(s->arena, properties, STR("force_destroy"), nodes_bool(s->arena, true, before));
    nodes_set(s->arena, changed, STR("Properties"), properties);
    const struct node *metadata =
        is_other ? nodes_part_metadata(s->arena, entry->value, STR("Password")) : NULL;
    if (metadata)
        nodes_set(s->arena, changed, STR("Metadata"), metadata);
    nodes_set(s->arena, s->resources, id, changed);
}

/* References to the attachment are to the secret. */
static void leave_out_attachment(
    const struct secrets *s, const struct node_entry *attachment, struct str secret)
{
    struct str *to = arena_boxed(s->arena, secret);
    map_set(&s->t->parts, attachment->key, to);
    map_set(&s->t->parts, arena_printf(s->arena, "%.*s.Id", STR_ARG(attachment->key)), to);
    draft_row(s->t->draft,
        arena_printf(s->arena, "%.*s (%.*s)", STR_ARG(attachment->key),
            STR_ARG(node_text(node_get(attachment->value, "Type")))),
        STR("secret_string"), STR("a part of the secret's value"));
}

/* Writes a generated secret. CloudFormation deletes it without a recovery window. */
static bool write_secret(const struct secrets *s, const struct node_entry *entry)
{
    const struct node *all = property_of(entry->value, "GenerateSecretString"),
                      *key = all ? node_get(all, "GenerateStringKey") : NULL,
                      *name = property_of(entry->value, "Name");
    if (!all || all->kind != NODE_MAP || nodes_is_function(all) || str_find(entry->key, STR("${"), 0) >= 0)
        return false;
    const struct node_entry *attachment = attachment_of(s, entry->key);
    if (s->t->live) { /* it has its value already */
        put_secret(s, entry, entry->key, name, NULL, NULL);
        if (attachment)
            leave_out_attachment(s, attachment, entry->key);
        return true;
    }
    const struct node *form = key ? template_of(s, node_get(all, "SecretStringTemplate")) : NULL;
    if (key && (!form || !nodes_literal(key).n))
        return false;
    if (!key) {
        put_secret(s, entry, entry->key, name, "GenerateSecretString", generation_of(s, all));
        return true;
    }
    struct str id = arena_printf(s->arena, "%.*sPassword", STR_ARG(entry->key));
    for (int i = 2; node_find(s->given, id) || node_find(s->resources, id); i++)
        id = arena_printf(s->arena, "%.*sPassword%d", STR_ARG(entry->key), i);
    struct node *value = nodes_copy(s->arena, form);
    nodes_set(s->arena, value, node_text(key),
        nodes_call(s->arena, "!GetAtt", arena_printf(s->arena, "%.*s.Password", STR_ARG(id)), all));
    if (attachment && add_connection(s, attachment->value, value))
        leave_out_attachment(s, attachment, entry->key);
    const struct node *call = NODES_MAP(s->arena, all, {"Fn::ToJsonString", value});
    put_secret(s, entry, id, name, "GenerateSecretString", generation_of(s, all));
    put_secret(s, entry, entry->key, name, "SecretString", call);
    return true;
}

const struct node *secrets_expand(struct template *t, const struct node *root)
{
    const struct node *given = node_get(root, "Resources");
    struct secrets s = {t, t->arena, given, nodes_new(t->arena, NODE_MAP, given)};
    struct node *whole = nodes_copy(t->arena, root), *left = nodes_new(t->arena, NODE_MAP, given);
    for (uint32_t i = 0; i < given->count; i++)
        if (!nodes_is_type(given->entries[i].value, "AWS::SecretsManager::Secret") ||
            !write_secret(&s, &given->entries[i]))
            nodes_set_entry(t->arena, s.resources, &given->entries[i]);
    for (uint32_t i = 0; i < s.resources->count; i++)
        if (!map_get(&t->parts, s.resources->entries[i].key))
            nodes_set_entry(t->arena, left, &s.resources->entries[i]);
    nodes_set(t->arena, whole, STR("Resources"), left);
    return whole;
}

/* ---- {{resolve:secretsmanager:…}} ---- */

/* Returns the secret of this template that a reference or its own name means, or NULL. */
static struct template_resource *secret_named(
    struct template *t, const struct tree *name, struct draft_reference **reference)
{
    struct str text = tree_literal_text(t->arena, name);
    *reference = draft_reference_of(t->draft, name);
    if (*reference)
        return (*reference)->target;
    for (size_t i = 0; text.n && i < t->declared.n; i++) {
        struct template_resource *one = t->declared.items[i].ptr;
        const struct node *own = property_of(one->node, "Name");
        if (nodes_is_type(one->node, "AWS::SecretsManager::Secret") && own &&
            str_eq(nodes_literal(own), text))
            return one;
    }
    return NULL;
}

struct tree *secrets_member(struct template *t, const struct tree *name, struct str member)
{
    struct draft_reference *reference;
    const struct template_resource *secret = t->live ? NULL : secret_named(t, name, &reference);
    const struct node *node = secret ? secret->node : NULL,
                      *value = node ? property_of(node, "SecretString") : NULL;
    if (!node || !nodes_is_type(node, "AWS::SecretsManager::Secret"))
        return NULL;
    const struct node_entry *found =
        value && member.n ? node_find(node_get(value, "Fn::ToJsonString"), member) : NULL;
    bool generated = !value && !member.n && property_of(node, "GenerateSecretString");
    if (!found && !generated)
        return NULL;
    if (reference)
        reference->owner = NULL; /* what refers to the member does not need the secret itself */
    return found ? template_tree(t, found->value)
                 : template_reference(t, name->node, secret->logical, STR("Password"));
}
