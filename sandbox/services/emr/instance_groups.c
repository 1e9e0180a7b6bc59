/* EMR's instance groups, instance fleets and bootstrap actions, as the cluster was configured. */
#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/emr/emr.h"

#include <ctype.h>

enum { ID_LENGTH = 13 };

/* Returns an id that depends only on the cluster and the group's name. */
static struct str id_of(struct arena *arena, const char *prefix, struct str cluster, struct str name)
{
    struct str whole = arena_printf(arena, "%.*s/%.*s", STR_ARG(cluster), STR_ARG(name));
    struct str id = arena_printf(arena, "%s-%.*s", prefix, ID_LENGTH, sha256_hex(arena, whole).p);
    for (char *c = (char *)id.p + strlen(prefix); *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return id;
}

static const struct value *running(struct arena *arena)
{
    return value_with(arena, NULL, STR("State"), value_stringz(arena, "RUNNING"));
}

/* ---- views ---- */

static const struct value *disks_of(struct arena *arena, const struct value *disks)
{
    struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; disks && disks->kind == VALUE_LIST && i < disks->count; i++) {
        const struct value *disk = disks->items[i];
        struct value_builder kind = VALUE_BUILDER(arena), one = VALUE_BUILDER(arena);
        view_members(&kind, disk, "VolumeType=volume_type SizeInGB=size Iops=iops Throughput=throughput");
        view_set(&one, "VolumeSpecification", value_builder_map(&kind));
        view_text(&one, "Device", arena_printf(arena, "/dev/sd%c", (char)('b' + i % 24)));
        value_builder_add(&all, value_builder_map(&one));
    }
    return value_builder_list(&all);
}

static const struct value *group_of(
    struct arena *arena, struct str cluster, struct str name, const struct value *group)
{
    struct value_builder b = VALUE_BUILDER(arena);
    view_text(&b, "Id", id_of(arena, "ig", cluster, name));
    view_text(&b, "Name", name);
    view_text(&b, "Market", value_text(value_getz(group, "market"), STR("ON_DEMAND")));
    view_members(&b, group,
        "BidPrice=bid_price InstanceGroupType=instance_role InstanceType=instance_type "
        "RequestedInstanceCount=instance_count RunningInstanceCount=instance_count "
        "EbsOptimized=ebs_optimized CustomAmiId=custom_ami");
    view_set(&b, "EbsBlockDevices", disks_of(arena, value_getz(group, "ebs")));
    view_set(&b, "Status", running(arena));
    return value_builder_map(&b);
}

static const struct value *sizes_of(struct arena *arena, const struct value *sizes)
{
    struct value_builder all = VALUE_BUILDER(arena);
    for (uint32_t i = 0; sizes && sizes->kind == VALUE_LIST && i < sizes->count; i++) {
        const struct value *size = sizes->items[i];
        struct value_builder one = VALUE_BUILDER(arena);
        view_set(&one, "InstanceType", value_getz(size, "instance_type"));
        view_int(&one, "WeightedCapacity", service_int(size, "weighted_capacity", 1));
        view_members(&one, size, "BidPrice=bid_price Priority=priority");
        view_set(&one, "EbsBlockDevices", disks_of(arena, value_getz(size, "ebs")));
        value_builder_add(&all, value_builder_map(&one));
    }
    return value_builder_list(&all);
}

static const struct value *fleet_of(
    struct arena *arena, struct str cluster, struct str name, const struct value *fleet)
{
    struct value_builder b = VALUE_BUILDER(arena);
    int64_t stay = service_int(fleet, "target_on_demand_capacity", 0),
            go = service_int(fleet, "target_spot_capacity", 0);
    view_text(&b, "Id", id_of(arena, "if", cluster, name));
    view_text(&b, "Name", name);
    view_set(&b, "InstanceFleetType", value_getz(fleet, "instance_fleet_type"));
    view_int(&b, "TargetOnDemandCapacity", stay);
    view_int(&b, "ProvisionedOnDemandCapacity", stay);
    view_int(&b, "TargetSpotCapacity", go);
    view_int(&b, "ProvisionedSpotCapacity", go);
    view_set(&b, "InstanceTypeSpecifications", sizes_of(arena, value_getz(fleet, "instance_type_configs")));
    view_set(&b, "Status", running(arena));
    return value_builder_map(&b);
}

typedef const struct value *show_fn(
    struct arena *arena, struct str cluster, struct str name, const struct value *one);

static int list_all(
    struct service_call *call, const char *attribute, const char *member, show_fn *show, struct err *err)
{
    struct control_record cluster;
    if (emr_cluster(call, "ClusterId", &cluster, err))
        return -1;
    const struct value *all = value_getz(cluster.attrs, attribute);
    struct value_builder list = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; all && all->kind == VALUE_MAP && i < all->count; i++)
        value_builder_add(&list, show(call->arena, cluster.id, all->entries[i].key, all->entries[i].value));
    (void)value_getz(call->input, "Marker"); /* all are on one page */
    call->output = value_with(call->arena, NULL, str_z(member), value_builder_list(&list));
    return 0;
}

int emr_list_groups(struct service_call *call, struct err *err)
{
    return list_all(call, "instance_groups", "InstanceGroups", group_of, err);
}

int emr_list_fleets(struct service_call *call, struct err *err)
{
    return list_all(call, "instance_fleets", "InstanceFleets", fleet_of, err);
}

int emr_list_actions(struct service_call *call, struct err *err)
{
    struct control_record cluster;
    if (emr_cluster(call, "ClusterId", &cluster, err))
        return -1;
    const struct value *all = value_getz(cluster.attrs, "bootstrap_actions");
    struct value_builder list = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; all && all->kind == VALUE_LIST && i < all->count; i++) {
        struct value_builder one = VALUE_BUILDER(call->arena);
        view_members(&one, all->items[i], "Name=name ScriptPath=path Args=args");
        value_builder_add(&list, value_builder_map(&one));
    }
    (void)value_getz(call->input, "Marker"); /* all are on one page */
    service_answer(call, "BootstrapActions", value_builder_list(&list));
    return 0;
}

/* ---- changes ---- */

/* Returns the groups or fleets with the request's sizes set in the one with this id; NULL: no such id. */
static const struct value *emr_changed(struct arena *arena, const struct control_record *cluster,
    const char *attribute, const char *prefix, struct str id, const struct value *given)
{
    static const struct {
        const char *member, *field;
    } fields[] = {{"InstanceCount", "instance_count"},
        {"TargetOnDemandCapacity", "target_on_demand_capacity"},
        {"TargetSpotCapacity", "target_spot_capacity"}};
    const struct value *all = value_getz(cluster->attrs, attribute);
    for (uint32_t i = 0; all && all->kind == VALUE_MAP && i < all->count; i++) {
        struct str name = all->entries[i].key;
        const struct value *one = all->entries[i].value;
        if (!str_eq(id_of(arena, prefix, cluster->id, name), id))
            continue;
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
            if (value_getz(given, fields[k].member))
                one = value_with(arena, one, str_z(fields[k].field), value_getz(given, fields[k].member));
        return value_with(arena, all, name, one);
    }
    return NULL;
}

static int emr_change(struct service_call *call, const char *attribute, const char *prefix,
    const char *member, const struct value *given, struct err *err)
{
    struct control_record cluster;
    struct str id = value_gets(given, member);
    if (emr_cluster(call, "ClusterId", &cluster, err))
        return -1;
    const struct value *all = emr_changed(call->arena, &cluster, attribute, prefix, id, given);
    if (!all)
        return service_refuse(
            err, 400, "InvalidRequestException", "%s '%.*s' is not valid.", member, STR_ARG(id));
    control_set(services_control(call->services), STR("aws.emr.cluster"), &cluster, attribute, all);
    return 0;
}

static const char *const unserved[] = {"Configurations", "ShrinkPolicy", "EC2InstanceIdsToTerminate",
    "ReconfigurationType", "ResizeSpecifications", "InstanceTypeConfigs", "Context"};

static int check_served(const struct service_call *call, const struct value *given, struct err *err)
{
    for (size_t i = 0; i < sizeof unserved / sizeof *unserved; i++)
        if (!value_is_null(value_getz(given, unserved[i])))
            return service_refuse(err, 400, "ValidationException", "%s: the sandbox does not know %s",
                call->operation->name, unserved[i]);
    return 0;
}

int emr_modify_groups(struct service_call *call, struct err *err)
{
    const struct value *all = value_getz(call->input, "InstanceGroups");
    for (uint32_t i = 0; all && all->kind == VALUE_LIST && i < all->count; i++)
        if (check_served(call, all->items[i], err) ||
            emr_change(call, "instance_groups", "ig", "InstanceGroupId", all->items[i], err))
            return -1;
    return 0;
}

int emr_modify_fleet(struct service_call *call, struct err *err)
{
    const struct value *fleet = value_getz(call->input, "InstanceFleet");
    return check_served(call, fleet, err) ||
                   emr_change(call, "instance_fleets", "if", "InstanceFleetId", fleet, err)
               ? -1
               : 0;
}
