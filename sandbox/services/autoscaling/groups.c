/* Auto Scaling groups: starts as many instances from the launch template as desired, and terminates surplus
 * ones. Instances are created by RunInstances, with a host where the sandbox has hosts. */

#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/host/host.h"
#include "sandbox/services/ec2/ec2.h"
#include "sandbox/services/shared/tables.h"

#include <stdlib.h>

static const struct str group_type = STR_INIT("aws.autoscaling.group"),
                        instance_type = STR_INIT("aws.ec2.instance"),
                        template_type = STR_INIT("aws.ec2.launch_template");

/* Prevents two requests from starting the same missing instances. */
static pthread_mutex_t groups_lock = PTHREAD_MUTEX_INITIALIZER;

/* One pass over all groups. */
struct look {
    struct services *services;
    struct control *control;
    struct arena *arena;
    const struct control_record *instances;
    size_t instance_count;
    bool changed;
};

/* ---- members of a group ---- */

static bool is_member(const struct control_record *instance, const struct control_record *group)
{
    return str_eq(instance->region, group->region) &&
           str_eq(value_gets(instance->attrs, "auto_scaling_group"), group->id);
}

static int64_t count_members(const struct look *look, const struct control_record *group)
{
    int64_t n = 0;
    for (size_t i = 0; i < look->instance_count; i++)
        n += is_member(&look->instances[i], group);
    return n;
}

static bool is_suspended(const struct control_record *group, const char *process)
{
    return value_list_has(value_getz(group->attrs, "suspended_processes"), str_z(process));
}

/* Returns `{id, name, version}` of the launch template, from either place in the group. */
static const struct value *template_of(const struct value *group)
{
    const struct value *own = value_getz(group, "launch_template");
    return own ? own : value_getz(value_getz(group, "mixed_instances"), "launch_template");
}

static struct str template_named(const struct value *configured)
{
    struct str id = value_gets(configured, "id");
    return id.n ? id : value_gets(configured, "name");
}

/* Returns the subnet with the fewest members, or "" if the group has no subnets. */
static struct str subnet_for(const struct look *look, const struct control_record *group, int64_t started)
{
    const struct value *subnets = value_getz(group->attrs, "subnet_ids");
    struct str best = STR_EMPTY;
    int64_t fewest = INT64_MAX;
    for (uint32_t s = 0; subnets && s < subnets->count; s++) {
        struct str subnet = value_text(subnets->items[s], STR_EMPTY);
        int64_t n = started / subnets->count + (s < started % subnets->count); /* of this pass */
        for (size_t i = 0; i < look->instance_count; i++)
            n += is_member(&look->instances[i], group) &&
                 str_eq(value_gets(look->instances[i].attrs, "subnet_id"), subnet);
        if (n < fewest) {
            fewest = n;
            best = subnet;
        }
    }
    return best;
}

/* ---- starting ---- */

static const struct value *tag_of(struct arena *arena, struct str key, const struct value *v)
{
    return VALUE_MAP(arena, {STR("Key"), value_string(arena, key)}, {STR("Value"), v});
}

/* Returns the instance's tags: the template's, the group's that are propagated, and the service's own. */
static const struct value *tags_for(
    const struct look *look, const struct control_record *group, const struct value *template)
{
    const struct value *handed_on = value_getz(group->attrs, "propagated_tags"),
                       *own = value_getz(group->attrs, "tags"),
                       *specified = value_getz(template, "tag_specifications"), *all = NULL;
    for (uint32_t i = 0; specified && i < specified->count; i++)
        if (str_eqz(value_gets(specified->items[i], "resource_type"), "instance"))
            all = value_merge(look->arena, all, value_getz(specified->items[i], "tags"));
    for (uint32_t i = 0; handed_on && i < handed_on->count; i++) {
        struct str key = value_text(handed_on->items[i], STR_EMPTY);
        all = value_with(look->arena, all, key, value_get(own, key));
    }
    all =
        value_with(look->arena, all, STR("aws:autoscaling:groupName"), value_string(look->arena, group->id));
    AUTO_BUILDER struct value_builder tags = VALUE_BUILDER(look->arena);
    for (uint32_t i = 0; i < all->count; i++)
        value_builder_add(&tags, tag_of(look->arena, all->entries[i].key, all->entries[i].value));
    const struct value *one =
        VALUE_MAP(look->arena, {STR("ResourceType"), value_stringz(look->arena, "instance")},
            {STR("Tag"), value_builder_list(&tags)});
    return value_list(look->arena, &one, 1);
}

/* Returns the instance type: the group's first override, or the template's. */
static const struct value *type_for(const struct control_record *group, const struct value *template)
{
    const struct value *overrides = value_getz(value_getz(group->attrs, "mixed_instances"), "overrides");
    const struct value *own =
        overrides && overrides->count ? value_getz(overrides->items[0], "instance_type") : NULL;
    return own ? own : value_getz(template, "instance_type");
}

static const struct value *launch_request(const struct look *look, const struct control_record *group,
    const struct value *template, struct str subnet)
{
    struct value_builder b = VALUE_BUILDER(look->arena);
    struct str profile = value_gets(template, "instance_profile"),
               named = value_gets(template, "instance_profile_name"),
               data = value_gets(template, "user_data");
    view_members(&b, template,
        "ImageId=image_id KeyName=key_name SecurityGroupId=security_group_ids EbsOptimized=ebs_optimized");
    view_set(&b, "InstanceType", type_for(group, template));
    view_int(&b, "MinCount", 1);
    view_int(&b, "MaxCount", 1);
    if (subnet.n)
        view_text(&b, "SubnetId", subnet);
    if (data.n)
        view_text(&b, "UserData", base64_encode(look->arena, data));
    if (profile.n || named.n)
        view_set(&b, "IamInstanceProfile",
            value_with(look->arena, NULL, profile.n ? STR("Arn") : STR("Name"),
                value_string(look->arena, profile.n ? profile : named)));
    view_set(&b, "TagSpecification", tags_for(look, group, template));
    return value_builder_map(&b);
}

/* Records which group and template the instance comes from, and template settings that RunInstances does not
 * take. */
static bool note_origin(const struct look *look, const struct control_record *group,
    const struct control_record *template, struct str instance)
{
    struct control_record made;
    const struct value *version = value_getz(template_of(group->attrs), "version");
    const struct {
        const char *attribute;
        const struct value *v;
    } notes[] = {{"auto_scaling_group", value_string(look->arena, group->id)},
        {"launch_template", value_string(look->arena, template->id)},
        {"launch_version", version ? version : value_stringz(look->arena, "$Default")},
        {"monitoring", value_getz(template->attrs, "monitoring")},
        {"metadata_options", value_getz(template->attrs, "metadata_options")},
        {"block_device_mappings", value_getz(template->attrs, "block_device_mappings")}};
    if (!control_find(look->control, look->arena, instance_type, group->region, instance, &made))
        return false;
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (notes[i].v && !control_set(look->control, instance_type, &made, notes[i].attribute, notes[i].v))
            return false;
    return true;
}

/* Starts one instance. False: it cannot be started, so the pass starts no more. */
static bool launch_one(struct look *look, const struct control_record *group, int64_t started)
{
    struct control_record template;
    const struct value *output;
    const struct value *configured = template_of(group->attrs);
    if (!control_find(look->control, look->arena, template_type, group->region, template_named(configured),
            &template) ||
        !ec2_template_version(
            look->services, look->arena, &template, value_gets(configured, "version"), &template))
        return false;
    const struct service_request request = {.service = STR("ec2"),
        .operation = STR("RunInstances"),
        .region = group->region,
        .input = launch_request(look, group, template.attrs, subnet_for(look, group, started))};
    if (services_call(look->services, look->arena, &request, &output, ERR_IGNORED))
        return false;
    const struct value *made = wire_path(look->arena, output, STR("InstancesSet[].InstanceId"));
    look->changed = true;
    return made && made->kind == VALUE_LIST && made->count &&
           note_origin(look, group, &template, value_text(made->items[0], STR_EMPTY));
}

/* ---- terminating ---- */

static void end_one(struct look *look, const struct control_record *instance)
{
    const struct value *output, *id = value_string(look->arena, instance->id);
    const struct service_request request = {.service = STR("ec2"),
        .operation = STR("TerminateInstances"),
        .region = instance->region,
        .input = value_with(look->arena, NULL, STR("InstanceId"), value_list(look->arena, &id, 1))};
    look->changed = true;
    services_call(look->services, look->arena, &request, &output, ERR_IGNORED); /* it may be protected */
}

static int by_age(const void *a, const void *b)
{
    const struct control_record *one = *(const struct control_record *const *)a,
                                *other = *(const struct control_record *const *)b;
    return one->created_ms != other->created_ms ? one->created_ms < other->created_ms ? -1 : 1
                                                : str_cmp(one->id, other->id);
}

/* Terminates n members, the oldest first. */
static void end_some(struct look *look, const struct control_record *group, int64_t n)
{
    size_t members = 0;
    const struct control_record **all =
        ARENA_ARRAY(look->arena, const struct control_record *, look->instance_count + 1);
    for (size_t i = 0; i < look->instance_count; i++)
        if (is_member(&look->instances[i], group))
            all[members++] = &look->instances[i];
    qsort(all, members, sizeof *all, by_age);
    for (size_t i = 0; i < members && (int64_t)i < n; i++)
        end_one(look, all[i]);
}

/* Terminates instances whose group was deleted. */
static void end_orphans(struct look *look, const struct control_record *groups, size_t n)
{
    for (size_t i = 0; i < look->instance_count; i++) {
        bool has_group = !value_gets(look->instances[i].attrs, "auto_scaling_group").n;
        for (size_t g = 0; g < n && !has_group; g++)
            has_group = is_member(&look->instances[i], &groups[g]);
        if (!has_group)
            end_one(look, &look->instances[i]);
    }
}

/* ---- one pass ---- */

static int64_t wanted_size(const struct look *look, const struct control_record *group)
{
    int64_t configured = service_int(group->attrs, "desired_capacity", 0);
    int64_t least = service_int(group->attrs, "min_size", 0), most = service_int(group->attrs, "max_size", 0);
    int64_t wanted = configured < least ? least : configured > most ? most : configured;
    if (wanted != configured)
        control_set(look->control, group_type, group, "desired_capacity", value_int(look->arena, wanted));
    return wanted;
}

/* Sets the group's availability zones to those of its subnets. */
static void set_zones(const struct look *look, const struct control_record *group)
{
    const struct value *subnets = value_getz(group->attrs, "subnet_ids");
    struct control_record subnet;
    AUTO_BUILDER struct value_builder zones = VALUE_BUILDER(look->arena);
    for (uint32_t i = 0; subnets && i < subnets->count; i++) {
        bool there = control_find(look->control, look->arena, STR("aws.ec2.subnet"), group->region,
            value_text(subnets->items[i], STR_EMPTY), &subnet);
        const struct value *zone = there ? value_getz(subnet.attrs, "availability_zone") : NULL;
        if (zone)
            value_builder_add(&zones, zone);
    }
    const struct value *found = value_builder_list(&zones);
    if (found->count && !value_equal(found, value_getz(group->attrs, "availability_zones")))
        control_set(look->control, group_type, group, "availability_zones", found);
}

static void look_at_group(struct look *look, const struct control_record *group)
{
    set_zones(look, group);
    int64_t wanted = wanted_size(look, group), have = count_members(look, group), started = 0;
    if (have > wanted && !is_suspended(group, "Terminate"))
        end_some(look, group, have - wanted);
    while (have + started < wanted && !is_suspended(group, "Launch") && launch_one(look, group, started))
        started++;
}

void autoscaling_reconcile(struct services *services)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct look look = {.services = services, .control = services_control(services), .arena = &arena};
    size_t n;
    pthread_mutex_lock(&groups_lock);
    const struct control_record *groups = control_list(look.control, &arena, group_type, STR_EMPTY, &n);
    look.instances = control_list(look.control, &arena, instance_type, STR_EMPTY, &look.instance_count);
    end_orphans(&look, groups, n);
    for (size_t i = 0; i < n; i++)
        look_at_group(&look, &groups[i]);
    pthread_mutex_unlock(&groups_lock);
    if (look.changed)
        hosts_reconcile(services_parts(services)->hosts);
}

/* ---- operations on groups and their tags ---- */

static int find_group(
    const struct service_call *call, struct str name, struct control_record *out, struct err *err)
{
    if (service_find(call, group_type, name, out))
        return 0;
    return service_refuse(err, 400, "ValidationError",
        "AutoScalingGroup name not found - AutoScalingGroup '%.*s' not found", STR_ARG(name));
}

/* Checks what only CreateAutoScalingGroup requires; the control plane does the rest. */
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
    struct str name = value_gets(call->input, "AutoScalingGroupName");
    int64_t wanted = service_int(call->input, "DesiredCapacity", -1);
    (void)value_getz(call->input, "HonorCooldown"); /* the sandbox has no cooldown */
    if (find_group(call, name, &group, err))
        return -1;
    int64_t least = service_int(group.attrs, "min_size", 0), most = service_int(group.attrs, "max_size", 0);
    if (wanted < least || wanted > most)
        return service_refuse(err, 400, "ValidationError",
            "New SetDesiredCapacity value %lld is %s value %lld for the AutoScalingGroup.", (long long)wanted,
            wanted > most ? "above max" : "below min", (long long)(wanted > most ? most : least));
    control_set(services_control(call->services), group_type, &group, "desired_capacity",
        value_int(call->arena, wanted));
    autoscaling_reconcile(call->services);
    return 0;
}

/* The group starts a replacement unless ShouldDecrementDesiredCapacity is true. */
static int terminate_instance(struct service_call *call, struct err *err)
{
    struct control *control = services_control(call->services);
    struct control_record instance, group;
    const struct value *output;
    struct str id = value_gets(call->input, "InstanceId"),
               fewer = value_gets(call->input, "ShouldDecrementDesiredCapacity");
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
    autoscaling_reconcile(call->services);
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
    (void)value_getz(call->input, "MaxRecords"); /* all instances are on one page */
    for (size_t i = 0; i < n; i++)
        if (value_gets(all[i].attrs, "auto_scaling_group").n && (!named || value_list_has(named, all[i].id)))
            value_builder_add(&found, view_instance(call, &all[i]));
    service_answer(call, "AutoScalingInstances", value_builder_list(&found));
    return 0;
}

/* ---- tags; each names its group ---- */

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

/* Applies the filters auto-scaling-group, key, value and propagate-at-launch: each needs one matching
 * value. */
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
    (void)value_getz(call->input, "MaxRecords"); /* all tags are on one page */
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
    {"autoscaling", "CreateAutoScalingGroup", create_group},
    {"autoscaling", "CreateOrUpdateTags", change_tags},
    {"autoscaling", "DeleteTags", change_tags},
    {"autoscaling", "DescribeAutoScalingInstances", describe_instances},
    {"autoscaling", "DescribeTags", describe_tags},
    {"autoscaling", "SetDesiredCapacity", set_desired_capacity},
    {"autoscaling", "TerminateInstanceInAutoScalingGroup", terminate_instance},
    {0},
};

/* ---- constraints of a group ---- */

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
