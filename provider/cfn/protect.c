/*
 * Deleting what has a protection against that, among its properties, or what is lost with it: the schemas say
 * neither, so it is known by the names that CloudFormation has for them.
 */
#include "provider/cfn/ops.h"

static const char *const offs[] = {"DISABLED", "INACTIVE", "none"};

/* Of which CloudFormation itself takes snapshots (DeletionPolicy), and the Cloud Control API none. */
static const char *const snapshots[] = {"AWS::DocDB::DBCluster", "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster", "AWS::ElastiCache::ReplicationGroup", "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::Redshift::Cluster"};

/* As what it protects nothing; NULL: nobody knows. */
static const struct value *off_of(struct arena *arena, const struct attr *attr)
{
    if (attr->type->kind == TYPE_BOOL)
        return &value_false;
    for (size_t i = 0; attr->type->kind == TYPE_STRING && attr->choices && i < sizeof offs / sizeof *offs;
         i++)
        if (value_list_has(attr->choices, str_z(offs[i])))
            return value_stringz(arena, offs[i]);
    return NULL;
}

const struct value *cfn_unprotected(const struct op_ctx *ctx, const struct value *live)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < ctx->schema->attr_count; i++) {
        const struct attr *attr = &ctx->schema->attrs[i];
        const struct value *v = value_get(live, attr->name), *off = off_of(ctx->arena, attr);
        if (off && !value_is_null(v) && !value_equal(v, off) && attr->settable &&
            str_is_any(attr->name, "DeletionProtection DeletionProtectionEnabled TerminationProtection "
                                   "TerminationProtectionEnabled DisableApiTermination"))
            value_builder_set(&b, attr->name, off);
    }
    return value_builder_map(&b);
}

static const struct value *protect_reported(struct arena *arena, const struct value_entry *off, bool agreed)
{
    struct value_entry flag = {STR("flag"), value_stringz(arena, "delete_protected")};
    struct value_entry says = {STR("says"), value_stringz(arena, "its deletion protection is lifted")};
    if (agreed)
        return VALUE_MAP(arena, flag, says);
    struct str set =
        arena_printf(arena, "%.*s: %.*s", STR_ARG(off->key), STR_ARG(value_scalar_text(arena, off->value)));
    return VALUE_MAP(arena, {STR("stops"), &value_true},
        {STR("says"), value_stringz(arena, "it is protected")}, {STR("lifts"), flag.value},
        {STR("set"), value_string_ref(arena, set)}, {STR("live"), &value_true});
}

int cfn_erases(struct op_ctx *ctx, unsigned teardown, const struct value *object, const struct value **list,
    struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(ctx->arena);
    const struct value *live = NULL;
    *list = &value_empty_list;
    if (ctx->schema->ops->read(ctx, object, &value_empty_list, &live, err))
        return err->class == ERR_ABSENT ? 0 : -1;
    const struct value *off = live ? cfn_unprotected(ctx, live) : &value_empty_map;
    for (uint32_t i = 0; i < off->count; i++)
        value_builder_add(
            &all, protect_reported(ctx->arena, &off->entries[i], teardown & TEARDOWN_PROTECTED));
    struct value_entry lost = {STR("says"),
        value_stringz(ctx->arena, "no final snapshot is taken: the Cloud Control API takes none")};
    if (live && STR_IS_ONE_OF(ctx->schema->name, snapshots))
        value_builder_add(&all, value_map(ctx->arena, &lost, 1));
    *list = value_builder_list(&all);
    return 0;
}
