/* What is done with groups besides making and deleting them, and their tags. */
#include "sandbox/engine/view.h"
#include "sandbox/services/autoscaling/groups.h"
#include "sandbox/services/shared/tables.h"

static const struct str group_type = STR_INIT("aws.autoscaling.group"),
                        instance_type = STR_INIT("aws.ec2.instance");

static int find_group(
    const struct service_call *call, struct str name, struct control_record *out, struct err *err)
{
    if (service_find(call, group_type, name, out))
        return 0;
    return service_refuse(err, 400, "ValidationError",
        "AutoScalingGroup name not found - AutoScalingGroup '%.*s' not found", STR_ARG(name));
}

/* What only a new one has to have; the rest is the control plane's. */
static int create_group(struct service_call *call, struct err *err)
{
    bool own = value_getz(call->input, "LaunchTemplate"),
         mixed = value_getz(call->input, "MixedInstancesPolicy");
    bool placed =
        value_getz(call->input, "VPCZoneIdentifier") || value_getz(call->input, "AvailabilityZones");
    if (own == mixed)
        return service_refuse(err, 400, "ValidationError",
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter.");
    call->declined = placed;
    return placed ? 0
                  : service_refuse(err, 400, "ValidationError",
                        "At least one Availability Zone or VPC Subnet is required.");
}

/* ---- size ---- */

static int set_desired_capacity(struct service_call *call, struct err *err)
{
    struct control_record group;
    struct str name;
    int64_t wanted = service_int(call->input, "DesiredCapacity", -1);
    (void)value_getz(call->input, "HonorCooldown"); /* nothing cools down here */
    if (service_required(call, "AutoScalingGroupName", &name, err) || find_group(call, name, &group, err))
        return -1;
    int64_t least = service_int(group.attrs, "min_size", 0), most = service_int(group.attrs, "max_size", 0);
    if (wanted < least || wanted > most)
        return service_refuse(err, 400, "ValidationError",
            "New SetDesiredCapacity value %lld is %s value %lld for the AutoScalingGroup.", (long long)wanted,
            wanted > most ? "above max" : "below min", (long long)(wanted > most ? most : least));
    control_set(services_control(call->services), group_type, &group, "desired_capacity",
        value_int(call->arena, wanted));
    autoscaling_look(call->services);
    return 0;
}

/* The group starts another one, unless it is to be smaller from now on. */
static int terminate_instance(struct service_call *call, struct err *err)
{
    struct control *control = services_control(call->services);
    struct control_record instance, group;
    const struct value *output;
    struct str id, fewer = value_gets(call->input, "ShouldDecrementDesiredCapacity");
    if (service_required(call, "InstanceId", &id, err))
        return -1;
    if (!control_find(control, call->arena, instance_type, call->region, id, &instance) ||
        !value_gets(instance.attrs, "auto_scaling_group").n)
        return service_refuse(err, 400, "ValidationError",
            "Instance Id not found - No managed instance found for instance ID: %.*s", STR_ARG(id));
    if (find_group(call, value_gets(instance.attrs, "auto_scaling_group"), &group, err))
        return -1;
    int64_t wanted = service_int(group.attrs, "desired_capacity", 1),
            least = service_int(group.attrs, "min_size", 0);
    bool decrements = str_eqz(fewer, "true");
    if (decrements && wanted <= least)
        return service_refuse(err, 400, "ValidationError",
            "Currently, desiredSize equals minSize (%lld). Terminating instance without replacement will "
            "violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or "
            "lower group's min size.",
            (long long)least);
    const struct value *named = value_string(call->arena, id);
    const struct service_request request = {.service = STR("ec2"),
        .operation = STR("TerminateInstances"),
        .region = call->region,
        .input = value_with(call->arena, NULL, STR("InstanceId"), value_list(call->arena, &named, 1))};
    if (services_call(call->services, call->arena, &request, &output, err))
        return -1;
    if (decrements)
        control_set(control, group_type, &group, "desired_capacity", value_int(call->arena, wanted - 1));
    autoscaling_look(call->services);
    return 0;
}

static const struct value *view_instance(const struct service_call *call, const struct control_record *one)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "InstanceId", one->id);
    view_members(&b, one->attrs,
        "InstanceType=instance_type AutoScalingGroupName=auto_scaling_group AvailabilityZone=zone");
    view_text(&b, "LifecycleState", STR("InService"));
    view_text(&b, "HealthStatus", STR("HEALTHY"));
    view_set(&b, "ProtectedFromScaleIn", &value_false);
    view_set(&b, "LaunchTemplate",
        VALUE_MAP(call->arena, {STR("LaunchTemplateId"), value_getz(one->attrs, "launch_template")},
            {STR("Version"), value_getz(one->attrs, "launch_version")}));
    return value_builder_map(&b);
}

static int describe_instances(struct service_call *call, struct err *err UNUSED)
{
    size_t n;
    const struct value *named = service_items(call->arena, call->input, "InstanceIds");
    const struct control_record *all = service_list(call, instance_type, &n);
    struct value_builder found = VALUE_BUILDER(call->arena);
    (void)value_getz(call->input, "MaxRecords"); /* all are on one page */
    for (size_t i = 0; i < n; i++)
        if (value_gets(all[i].attrs, "auto_scaling_group").n && (!named || value_list_has(named, all[i].id)))
            value_builder_add(&found, view_instance(call, &all[i]));
    service_answer(call, "AutoScalingInstances", value_builder_list(&found));
    return 0;
}

/* ---- tags, which name the group that they are of ---- */

static int change_tag(struct service_call *call, const struct value *tag, bool add, struct err *err)
{
    struct control *control = services_control(call->services);
    struct control_record group;
    struct str key = value_gets(tag, "Key");
    const struct value *v = value_getz(tag, "Value");
    bool handed_on =
        add && str_ieq(value_scalar_text(call->arena, value_getz(tag, "PropagateAtLaunch")), STR("true"));
    if (!str_eqz(value_gets(tag, "ResourceType"), "auto-scaling-group") || !key.n)
        return service_refuse(
            err, 400, "ValidationError", "a tag has a key and the resource type auto-scaling-group");
    if (find_group(call, value_gets(tag, "ResourceId"), &group, err))
        return -1;
    const struct value *tags = value_with(call->arena, value_getz(group.attrs, "tags"), key,
        !add ? NULL
        : v  ? v
             : value_string(call->arena, STR_EMPTY));
    const struct value *keys =
        value_list_without(call->arena, value_getz(group.attrs, "propagated_tags"), key);
    if (handed_on)
        keys = value_list_with(call->arena, keys, value_string(call->arena, key));
    control_set(control, group_type, &group, "tags", tags);
    control_set(control, group_type, &group, "propagated_tags", keys);
    return 0;
}

static int change_tags(struct service_call *call, struct err *err)
{
    const struct value *tags = service_items(call->arena, call->input, "Tags");
    for (uint32_t i = 0; tags && i < tags->count; i++)
        if (change_tag(call, tags->items[i], !service_is(call, "DeleteTags"), err))
            return -1;
    return 0;
}

/* Filters: auto-scaling-group, key, value, propagate-at-launch; each with the values that are meant. */
static bool passes(const struct service_call *call, const struct value *tag)
{
    static const char *const names[][2] = {{"auto-scaling-group", "ResourceId"}, {"key", "Key"},
        {"value", "Value"}, {"propagate-at-launch", "PropagateAtLaunch"}};
    const struct value *filters = service_items(call->arena, call->input, "Filters");
    bool all = true;
    for (uint32_t i = 0; filters && i < filters->count; i++) {
        const struct value *values = service_items(call->arena, filters->items[i], "Values");
        bool any = false;
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (str_eqz(value_gets(filters->items[i], "Name"), names[k][0]))
                any = any ||
                      value_list_has(values, value_scalar_text(call->arena, value_getz(tag, names[k][1])));
        all = all && any;
    }
    return all;
}

static int describe_tags(struct service_call *call, struct err *err UNUSED)
{
    size_t n;
    const struct control_record *groups = service_list(call, group_type, &n);
    struct value_builder found = VALUE_BUILDER(call->arena);
    (void)value_getz(call->input, "MaxRecords"); /* all are on one page */
    for (size_t i = 0; i < n; i++) {
        const struct value *tags = value_getz(groups[i].attrs, "tags"),
                           *keys = value_getz(groups[i].attrs, "propagated_tags");
        for (uint32_t k = 0; tags && k < tags->count; k++) {
            struct value_builder b = VALUE_BUILDER(call->arena);
            view_text(&b, "ResourceId", groups[i].id);
            view_text(&b, "ResourceType", STR("auto-scaling-group"));
            view_text(&b, "Key", tags->entries[k].key);
            view_set(&b, "Value", tags->entries[k].value);
            view_set(&b, "PropagateAtLaunch", value_bool(value_list_has(keys, tags->entries[k].key)));
            const struct value *tag = value_builder_map(&b);
            if (passes(call, tag))
                value_builder_add(&found, tag);
        }
    }
    service_answer(call, "Tags", value_builder_list(&found));
    return 0;
}

const struct service_operation autoscaling_operations[] = {
    {"autoscaling", "CreateAutoScalingGroup", create_group, NULL, NULL},
    {"autoscaling", "CreateOrUpdateTags", change_tags, NULL, NULL},
    {"autoscaling", "DeleteTags", change_tags, NULL, NULL},
    {"autoscaling", "DescribeAutoScalingInstances", describe_instances, NULL, NULL},
    {"autoscaling", "DescribeTags", describe_tags, NULL, NULL},
    {"autoscaling", "SetDesiredCapacity", set_desired_capacity, NULL, NULL},
    {"autoscaling", "TerminateInstanceInAutoScalingGroup", terminate_instance, NULL, NULL},
    {0},
};

/* ---- what a group has to say ---- */

static int check_template(const struct control *control, const struct value *given, struct err *err)
{
    struct str id = value_gets(given, "id"), name = value_gets(given, "name");
    const struct value *template = control_seen(control, STR("aws.ec2.launch_template"), id);
    size_t at = 0;
    while (!id.n && name.n && (template = control_next(control, STR("aws.ec2.launch_template"), &at)))
        if (str_eq(value_gets(template, "name"), name))
            break;
    if (!template)
        return service_refuse(err, 400, "ValidationError",
            "You must use a valid fully-formed launch template. The specified launch template, with template "
            "%s %.*s, does not exist.",
            id.n ? "ID" : "name", STR_ARG(id.n ? id : name));
    if (!value_gets(template, "image_id").n)
        return service_refuse(err, 400, "ValidationError",
            "You must use a valid fully-formed launch template. The request must contain the parameter "
            "ImageId");
    return 0;
}

static int check_group(const struct control *control, const struct value *attrs, struct err *err)
{
    const struct value *own = value_getz(attrs, "launch_template"),
                       *mixed = value_getz(attrs, "mixed_instances"),
                       *subnets = value_getz(attrs, "subnet_ids");
    int64_t least = service_int(attrs, "min_size", 0),
            most = service_int(attrs, "max_size", SERVICE_INT_MOST);
    if (most < least)
        return service_refuse(err, 400, "ValidationError",
            "Max bound, %lld, must be greater than or equal to min bound, %lld", (long long)most,
            (long long)least);
    for (uint32_t i = 0; subnets && i < subnets->count; i++) {
        struct str id = value_text(subnets->items[i], STR_EMPTY);
        if (!control_seen(control, STR("aws.ec2.subnet"), id))
            return service_refuse(
                err, 400, "ValidationError", "The subnet ID '%.*s' does not exist", STR_ARG(id));
    }
    const struct value *given = own ? own : value_getz(mixed, "launch_template");
    return given ? check_template(control, given, err) : 0;
}

const struct control_type autoscaling_types[] = {{"aws.autoscaling.group", .check = check_group}, {0}};
