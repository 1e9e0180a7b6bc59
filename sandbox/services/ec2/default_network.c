/* EC2's default network, as CreateDefaultVpc makes it: a subnet in each zone, a way to the internet. Who runs
 * an instance without a word about a network has it there. */
#include "sandbox/engine/view.h"
#include "sandbox/services/ec2/inner_calls.h"

enum { ZONES = 3, SUBNETS = 16 };

/* The resource of the type that has this attribute; false: there is none. */
static bool find_with(const struct service_call *call, const char *type, const char *name,
    const struct value *value, struct str vpc, struct control_record *out)
{
    size_t n;
    const struct control_record *all = service_list(call, str_z(type), &n);
    for (size_t i = 0; i < n; i++)
        if (value_equal(value_getz(all[i].attrs, name), value) &&
            (!vpc.n || str_eq(value_gets(all[i].attrs, "vpc_id"), vpc))) {
            *out = all[i];
            return true;
        }
    return false;
}

static const struct value *default_text(const struct service_call *call, struct str s)
{
    return value_string(call->arena, s);
}

static int ask2(struct service_call *call, const char *operation, const char *a, struct str x, const char *b,
    struct str y, struct str *answer, struct err *err)
{
    const struct value *members = value_with(call->arena, NULL, str_z(a), default_text(call, x));
    return ec2_ask(
        call, operation, value_with(call->arena, members, str_z(b), default_text(call, y)), answer, err);
}

/* The first of the sixteen parts of the network that no subnet has. */
static int add_subnet(
    struct service_call *call, struct str vpc, struct str zone, struct str *id, struct err *err)
{
    struct str answer;
    struct control_record subnet;
    for (int i = 0; i < SUBNETS; i++) {
        struct value_builder b = VALUE_BUILDER(call->arena);
        struct str cidr = arena_printf(call->arena, "172.31.%d.0/20", 16 * i);
        if (find_with(call, "aws.ec2.subnet", "cidr_block", default_text(call, cidr), vpc, &subnet))
            continue;
        view_text(&b, "VpcId", vpc);
        view_text(&b, "CidrBlock", cidr);
        view_text(&b, "AvailabilityZone", zone);
        if (ec2_ask(call, "CreateSubnet", value_builder_map(&b), &answer, err))
            return -1;
        *id = ec2_reported(call->arena, answer, "subnetId");
        if (ask2(call, "ModifySubnetAttribute", "SubnetId", *id, "MapPublicIpOnLaunch.Value", STR("true"),
                &answer, err) ||
            !service_find(call, STR("aws.ec2.subnet"), *id, &subnet))
            return -1;
        control_set(
            services_control(call->services), STR("aws.ec2.subnet"), &subnet, "default_for_az", &value_true);
        return 0;
    }
    return service_refuse(err, 400, "InvalidSubnet.Conflict", "the default network has no room for a subnet");
}

/* A gateway, and the route to it in the network's own table. */
static int open_way(struct service_call *call, struct str vpc, struct err *err)
{
    struct str answer, gateway;
    struct control_record table;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (ec2_ask(call, "CreateInternetGateway", &value_empty_map, &answer, err))
        return -1;
    gateway = ec2_reported(call->arena, answer, "internetGatewayId");
    if (ask2(call, "AttachInternetGateway", "InternetGatewayId", gateway, "VpcId", vpc, &answer, err) ||
        !find_with(call, "aws.ec2.route_table", "main", &value_true, vpc, &table))
        return -1;
    view_text(&b, "RouteTableId", table.id);
    view_text(&b, "DestinationCidrBlock", STR("0.0.0.0/0"));
    view_text(&b, "GatewayId", gateway);
    return ec2_ask(call, "CreateRoute", value_builder_map(&b), &answer, err);
}

static const struct value *default_shown(struct service_call *call, const struct value *attrs)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "vpcId", value_gets(attrs, "vpc_id"));
    view_text(&b, "state", STR("pending"));
    view_text(&b, "cidrBlock", value_gets(attrs, "cidr_block"));
    view_text(&b, "dhcpOptionsId", STR("default"));
    view_text(&b, "instanceTenancy", STR("default"));
    view_text(&b, "isDefault", STR("true"));
    view_text(&b, "ownerId", services_account(call->services));
    return value_builder_map(&b);
}

static int create_default_vpc(struct service_call *call, struct err *err)
{
    struct control *control = services_control(call->services);
    struct control_record vpc;
    struct str answer, id, subnet;
    const struct value *members =
        value_with(call->arena, NULL, STR("CidrBlock"), default_text(call, STR("172.31.0.0/16")));
    members = value_with(call->arena, members, STR("DryRun"), value_getz(call->input, "DryRun"));
    if (find_with(call, "aws.ec2.vpc", "is_default", &value_true, STR_EMPTY, &vpc))
        return service_refuse(err, 400, "DefaultVpcAlreadyExists",
            "A Default VPC already exists for this account in this region.");
    if (ec2_ask(call, "CreateVpc", members, &answer, err))
        return -1;
    id = ec2_reported(call->arena, answer, "vpcId");
    if (ask2(
            call, "ModifyVpcAttribute", "VpcId", id, "EnableDnsHostnames.Value", STR("true"), &answer, err) ||
        open_way(call, id, err))
        return -1;
    for (int i = 0; i < ZONES; i++)
        if (add_subnet(
                call, id, arena_printf(call->arena, "%.*s%c", STR_ARG(call->region), 'a' + i), &subnet, err))
            return -1;
    if (!control_find(control, call->arena, STR("aws.ec2.vpc"), call->region, id, &vpc))
        return -1;
    control_set(control, STR("aws.ec2.vpc"), &vpc, "is_default", &value_true);
    service_answer(call, "vpc", default_shown(call, vpc.attrs));
    return 0;
}

static int create_default_subnet(struct service_call *call, struct err *err)
{
    struct control_record vpc, subnet;
    struct str zone, id;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (service_required(call, "AvailabilityZone", &zone, err))
        return -1;
    if (!find_with(call, "aws.ec2.vpc", "is_default", &value_true, STR_EMPTY, &vpc))
        return service_refuse(
            err, 400, "DefaultVpcDoesNotExist", "There is no default VPC for this account in this region.");
    if (!str_starts(zone, call->region) || zone.n != call->region.n + 1 || zone.p[zone.n - 1] > 'c')
        return service_refuse(err, 400, "InvalidParameterValue",
            "Value (%.*s) for parameter availabilityZone is invalid.", STR_ARG(zone));
    size_t n;
    const struct control_record *all = service_list(call, STR("aws.ec2.subnet"), &n);
    for (size_t i = 0; i < n; i++)
        if (value_equal(value_getz(all[i].attrs, "default_for_az"), &value_true) &&
            str_eq(value_gets(all[i].attrs, "availability_zone"), zone))
            return service_refuse(err, 400, "DefaultSubnetAlreadyExistsInAvailabilityZone",
                "'%.*s' is already the default subnet in %.*s.", STR_ARG(all[i].id), STR_ARG(zone));
    if (add_subnet(call, vpc.id, zone, &id, err) || !service_find(call, STR("aws.ec2.subnet"), id, &subnet))
        return -1;
    view_text(&b, "subnetId", id);
    view_text(&b, "vpcId", vpc.id);
    view_text(&b, "cidrBlock", value_gets(subnet.attrs, "cidr_block"));
    view_text(&b, "availabilityZone", zone);
    view_text(&b, "state", STR("available"));
    view_text(&b, "defaultForAz", STR("true"));
    view_text(&b, "mapPublicIpOnLaunch", STR("true"));
    view_text(&b, "ownerId", services_account(call->services));
    service_answer(call, "subnet", value_builder_map(&b));
    return 0;
}

const struct service_operation ec2_default_operations[] = {
    {"ec2", "CreateDefaultVpc", create_default_vpc, NULL, NULL},
    {"ec2", "CreateDefaultSubnet", create_default_subnet, NULL, NULL},
    {0},
};
