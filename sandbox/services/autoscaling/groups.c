/*
 * Groups of instances: as many are started from the launch template as are wanted, and taken away again. What
 * runs are instances as RunInstances makes them, with a host where the sandbox has hosts.
 */
#include "sandbox/services/autoscaling/groups.h"

#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/host/host.h"
#include "sandbox/services/ec2/ec2.h"

#include <pthread.h>
#include <stdlib.h>

static const struct str group_type = STR_INIT("aws.autoscaling.group"),
                        instance_type = STR_INIT("aws.ec2.instance"),
                        template_type = STR_INIT("aws.ec2.launch_template");

/* Two requests at once would each start what is missing. */
static pthread_mutex_t groups_lock = PTHREAD_MUTEX_INITIALIZER;

/* One look at all groups. */
struct look {
    struct services *services;
    struct control *control;
    struct arena *arena;
    const struct control_record *instances;
    size_t instance_count;
    bool changed;
};

/* ---- what a group consists of ---- */

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

/* `{id, name, version}` of the template, wherever the group says it. */
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

/* The subnet that has the fewest of them; "" where none is given. */
static struct str subnet_for(const struct look *look, const struct control_record *group, int64_t started)
{
    const struct value *subnets = value_getz(group->attrs, "subnet_ids");
    struct str best = STR_EMPTY;
    int64_t fewest = INT64_MAX;
    for (uint32_t s = 0; subnets && s < subnets->count; s++) {
        struct str subnet = value_text(subnets->items[s], STR_EMPTY);
        int64_t n = started / subnets->count + (s < started % subnets->count); /* of this look's own */
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

/* The template's own for instances, the group's that are handed on, and the service's. */
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

/* The type of the instance: the first that the group names, or the template's. */
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

/* What the control plane keeps of where an instance comes from, and of its template beyond the request. */
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

/* False: it cannot be started, and neither can another one. */
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

/* ---- taking away ---- */

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

/* The oldest go first. */
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

/* Those whose group has been deleted. */
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

/* ---- all of it ---- */

static int64_t wanted_size(const struct look *look, const struct control_record *group)
{
    int64_t configured = service_int(group->attrs, "desired_capacity", 0);
    int64_t least = service_int(group->attrs, "min_size", 0), most = service_int(group->attrs, "max_size", 0);
    int64_t wanted = configured < least ? least : configured > most ? most : configured;
    if (wanted != configured)
        control_set(look->control, group_type, group, "desired_capacity", value_int(look->arena, wanted));
    return wanted;
}

/* The zones of its subnets are the group's. */
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

void autoscaling_look(struct services *services)
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
        hosts_look(services_parts(services)->hosts);
}
