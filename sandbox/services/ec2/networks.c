/*
 * The default network, and network checks: CIDR ranges of subnets, zones, routes and security groups. A
 * security group permission with several ranges becomes several rules.
 */
#include "sandbox/engine/view.h"
#include "sandbox/services/ec2/ec2.h"
#include "sandbox/services/shared/tables.h"

#include <arpa/inet.h>

/* ---- EC2's default VPC, as CreateDefaultVpc makes it: a subnet in each zone and an internet gateway.
 * Instances without a subnet are started in it. */

enum { ZONES = 3, SUBNETS = 16 };

/* Finds the resource of a type with this attribute, in this VPC unless vpc is "". */
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

static int ask2(struct service_call *call, const char *operation, const char *a, struct str x, const char *b,
    struct str y, struct str *answer, struct err *err)
{
    const struct value *members = value_with(call->arena, NULL, str_z(a), value_string(call->arena, x));
    return ec2_ask(call, operation, value_with(call->arena, members, str_z(b), value_string(call->arena, y)),
        answer, err);
}

/* Creates a subnet in the first free one of the network's sixteen /20 ranges. */
static int add_subnet(
    struct service_call *call, struct str vpc, struct str zone, struct str *id, struct err *err)
{
    struct str answer;
    struct control_record subnet;
    for (int i = 0; i < SUBNETS; i++) {
        struct value_builder b = VALUE_BUILDER(call->arena);
        struct str cidr = arena_printf(call->arena, "172.31.%d.0/20", 16 * i);
        if (find_with(call, "aws.ec2.subnet", "cidr_block", value_string(call->arena, cidr), vpc, &subnet))
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

/* Creates an internet gateway, and a route to it in the VPC's main route table. */
static int add_internet_access(struct service_call *call, struct str vpc, struct err *err)
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
        value_with(call->arena, NULL, STR("CidrBlock"), value_string(call->arena, STR("172.31.0.0/16")));
    members = value_with(call->arena, members, STR("DryRun"), value_getz(call->input, "DryRun"));
    if (find_with(call, "aws.ec2.vpc", "is_default", &value_true, STR_EMPTY, &vpc))
        return service_refuse(err, 400, "DefaultVpcAlreadyExists",
            "A Default VPC already exists for this account in this region.");
    if (ec2_ask(call, "CreateVpc", members, &answer, err))
        return -1;
    id = ec2_reported(call->arena, answer, "vpcId");
    if (ask2(
            call, "ModifyVpcAttribute", "VpcId", id, "EnableDnsHostnames.Value", STR("true"), &answer, err) ||
        add_internet_access(call, id, err))
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
    struct str zone = value_gets(call->input, "AvailabilityZone"), id;
    struct value_builder b = VALUE_BUILDER(call->arena);
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
    {"ec2", "CreateDefaultVpc", create_default_vpc},
    {"ec2", "CreateDefaultSubnet", create_default_subnet},
    {0},
};

/* ---- checks of zones, internet access and dead-letter queues against existing records */

static const struct value *subnet_of(const struct control *control, const struct value *id)
{
    return control_seen(control, STR("aws.ec2.subnet"), value_text(id, STR_EMPTY));
}

/* True if two of the subnets are in the same zone. Unknown subnets are ignored. */
static bool share_a_zone(const struct control *control, const struct value *subnets)
{
    for (uint32_t i = 0; subnets && subnets->kind == VALUE_LIST && i < subnets->count; i++)
        for (uint32_t k = i + 1; k < subnets->count; k++) {
            struct str one = value_gets(subnet_of(control, subnets->items[i]), "availability_zone");
            if (one.n && str_eq(one, value_gets(subnet_of(control, subnets->items[k]), "availability_zone")))
                return true;
        }
    return false;
}

static int check_balancer(const struct control *control, const struct value *attrs, struct err *err)
{
    return !share_a_zone(control, value_getz(attrs, "subnets"))
               ? 0
               : service_refuse(err, 400, "InvalidConfigurationRequest",
                     "A load balancer cannot be attached to multiple subnets in the same Availability Zone");
}

/* ---- publicly accessible databases ---- */

static bool has_internet_gateway(const struct control *control, struct str vpc)
{
    const struct value *gateway;
    for (size_t at = 0; (gateway = control_next(control, STR("aws.ec2.internet_gateway"), &at));)
        if (str_eq(value_gets(gateway, "vpc_id"), vpc))
            return true;
    return false;
}

static int check_database(const struct control *control, const struct value *attrs, struct err *err)
{
    const struct value *group =
        control_seen(control, STR("aws.rds.subnet_group"), value_gets(attrs, "db_subnet_group_name"));
    const struct value *subnets = value_getz(group, "subnet_ids");
    const struct value *subnet = subnets && subnets->count ? subnet_of(control, subnets->items[0]) : NULL;
    struct str id = value_gets(subnet, "vpc_id");
    const struct value *vpc = control_seen(control, STR("aws.ec2.vpc"), id);
    if (!vpc || !value_getb(attrs, "publicly_accessible"))
        return 0;
    if (!has_internet_gateway(control, id))
        return service_refuse(err, 400, "InvalidVPCNetworkStateFault",
            "Cannot create a publicly accessible DBInstance. The specified VPC has no internet gateway "
            "attached. Update the VPC and then try again");
    bool resolves = !value_getz(vpc, "enable_dns_support") || value_getb(vpc, "enable_dns_support");
    if (resolves && value_getb(vpc, "enable_dns_hostnames"))
        return 0;
    return service_refuse(err, 400, "InvalidVPCNetworkStateFault",
        "Cannot create a publicly accessible DBInstance. The specified VPC does not support DNS resolution, "
        "DNS hostnames, or both. Update the VPC and then try again");
}

/* ---- dead-letter queues ---- */

/* True if the queue exists. A queue of another account is assumed to exist. */
static bool dead_letter_queue_exists(const struct control *control, struct str arn)
{
    struct str account = str_part(arn, ':', 4);
    const struct value *queue;
    bool any = false;
    for (size_t at = 0; (queue = control_next(control, STR("aws.sqs.queue"), &at));) {
        struct str other = value_gets(queue, "arn");
        if (str_eq(other, arn))
            return true;
        any |= str_find(other, account, 0) >= 0;
    }
    return account.n && !any;
}

static int check_letters(const struct control *control, const struct value *attrs, struct err *err)
{
    struct str arn = value_gets(value_getz(attrs, "redrive_policy"), "deadLetterTargetArn");
    return !arn.n || dead_letter_queue_exists(control, arn)
               ? 0
               : service_refuse(err, 400, "InvalidParameterValue",
                     "Value {\"deadLetterTargetArn\":\"%.*s\"} for parameter "
                     "RedrivePolicy is invalid. Reason: Dead letter "
                     "target does not exist.",
                     STR_ARG(arn));
}

const struct control_type network_check_types[] = {{"aws.sqs.queue", .check = check_letters},
    {"aws.elbv2.load_balancer", .check = check_balancer}, {"aws.rds.instance", .check = check_database}, {0}};

/* ---- subnets ---- */

struct range {
    unsigned char bytes[4];
    int64_t bits;
};

static bool range_read(struct str cidr, struct range *out)
{
    char text[INET_ADDRSTRLEN];
    struct str length, address = str_cut(cidr, '/', &length);
    if (!address.n || address.n >= sizeof text)
        return false;
    memcpy(text, address.p, address.n);
    text[address.n] = '\0';
    return str_to_int(length, &out->bits) && out->bits >= 0 && out->bits <= 32 &&
           inet_pton(AF_INET, text, out->bytes) == 1;
}

/* True if `narrow` is within `wide`. */
static bool range_holds(const struct range *wide, const struct range *narrow)
{
    for (int64_t i = 0; i < wide->bits; i++)
        if ((wide->bytes[i / 8] ^ narrow->bytes[i / 8]) & (0x80 >> (i % 8)))
            return false;
    return wide->bits <= narrow->bits;
}

static int check_subnet(const struct control *control, const struct value *attrs, struct err *err)
{
    struct range own, other;
    struct str cidr = value_gets(attrs, "cidr_block"), vpc_id = value_gets(attrs, "vpc_id");
    const struct value *vpc = control_seen(control, STR("aws.ec2.vpc"), vpc_id), *subnet;
    if (!range_read(cidr, &own))
        return 0;
    if (vpc && range_read(value_gets(vpc, "cidr_block"), &other) && !range_holds(&other, &own))
        return service_refuse(err, 400, "InvalidSubnet.Range", "The CIDR '%.*s' is invalid.", STR_ARG(cidr));
    for (size_t at = 0; (subnet = control_next(control, STR("aws.ec2.subnet"), &at));)
        if (str_eq(value_gets(subnet, "vpc_id"), vpc_id) &&
            range_read(value_gets(subnet, "cidr_block"), &other) &&
            (range_holds(&other, &own) || range_holds(&own, &other)))
            return service_refuse(err, 400, "InvalidSubnet.Conflict",
                "The CIDR '%.*s' conflicts with another subnet", STR_ARG(cidr));
    return 0;
}

/* ---- VPC endpoints ---- */

/* Only one endpoint per VPC and service may have private DNS. */
static int check_alone(const struct control *control, const struct value *attrs, struct err *err)
{
    const struct value *other;
    struct str vpc = value_gets(attrs, "vpc_id"), service = value_gets(attrs, "service_name");
    if (!value_getb(attrs, "private_dns_enabled") ||
        !str_ieq(value_gets(attrs, "vpc_endpoint_type"), STR("Interface")))
        return 0;
    for (size_t at = 0; (other = control_next(control, STR("aws.ec2.vpc_endpoint"), &at));)
        if (str_eq(value_gets(other, "vpc_id"), vpc) && str_eq(value_gets(other, "service_name"), service) &&
            value_getb(other, "private_dns_enabled"))
            return service_refuse(err, 400, "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                "%.*s in the VPC %.*s",
                STR_ARG(str_last_part(service, ".")), STR_ARG(vpc));
    return 0;
}

static int check_endpoint(const struct control *control, const struct value *attrs, struct err *err)
{
    struct str id = value_gets(attrs, "vpc_id");
    if (check_alone(control, attrs, err))
        return -1;
    const struct value *vpc = control_seen(control, STR("aws.ec2.vpc"), id);
    bool resolves = !value_getz(vpc, "enable_dns_support") || value_getb(vpc, "enable_dns_support");
    if (!vpc || (resolves && value_getb(vpc, "enable_dns_hostnames")) ||
        !value_getb(attrs, "private_dns_enabled"))
        return 0;
    return service_refuse(err, 400, "InvalidParameter",
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to "
        "true for %.*s",
        STR_ARG(id));
}

/* ---- routes ---- */

static bool has_missing_target(const struct control *control, const struct value *route)
{
    static const char *const fields[] = {"gateway_id", "nat_gateway_id", "instance_id"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct str id = value_gets(route, fields[i]);
        if (id.n && !control_seen(control, STR_EMPTY, id))
            return true;
    }
    return false;
}

/* An internet gateway must be attached to the route table's VPC. */
static int check_routes(const struct control *control, const struct value *attrs, struct err *err)
{
    const struct value *routes = value_getz(attrs, "routes");
    for (uint32_t i = 0; routes && routes->kind == VALUE_MAP && i < routes->count; i++) {
        struct str id = value_gets(routes->entries[i].value, "gateway_id");
        const struct value *gateway = control_seen(control, STR("aws.ec2.internet_gateway"), id);
        if (gateway && !str_eq(value_gets(gateway, "vpc_id"), value_gets(attrs, "vpc_id")))
            return service_refuse(err, 400, "InvalidParameterValue",
                "route table %.*s and network gateway %.*s belong to different networks",
                STR_ARG(value_gets(attrs, "route_table_id")), STR_ARG(id));
    }
    return 0;
}

/* ---- security group rules ---- */

static const char *const sources[] = {"IpRanges", "Ipv6Ranges", "Groups", "PrefixListIds"};
enum { SOURCES = sizeof sources / sizeof *sources };

static const struct value *with_permission(
    struct arena *arena, const struct value *raw, const struct value *permission)
{
    return value_with(arena, raw, STR("IpPermissions"), value_list(arena, &permission, 1));
}

/* Adds one request for each source of the permission, or the request as it is if it has no source. */
static void add_rules(
    struct arena *arena, const struct value *raw, const struct value *permission, struct value_builder *out)
{
    bool any = false;
    if (str_eqz(value_gets(permission, "IpProtocol"), "-1")) { /* no ports, even if some are given */
        permission = value_with(arena, permission, STR("FromPort"), NULL);
        permission = value_with(arena, permission, STR("ToPort"), NULL);
    }
    const struct value *bare = permission;
    for (size_t i = 0; i < SOURCES; i++)
        bare = value_with(arena, bare, str_z(sources[i]), NULL);
    for (size_t i = 0; i < SOURCES; i++) {
        const struct value *list = value_getz(permission, sources[i]);
        for (uint32_t k = 0; list && list->kind == VALUE_LIST && k < list->count; k++) {
            const struct value *one = value_list(arena, &list->items[k], 1);
            value_builder_add(
                out, with_permission(arena, raw, value_with(arena, bare, str_z(sources[i]), one)));
            any = true;
        }
    }
    if (!any)
        value_builder_add(out, with_permission(arena, raw, permission));
}

static bool is_about_rules(struct str operation)
{
    return (str_starts(operation, STR("Authorize")) || str_starts(operation, STR("Revoke"))) &&
           str_find(operation, STR("SecurityGroup"), 0) >= 0;
}

static const struct value *rules_of(struct arena *arena, struct str operation, const struct value *raw)
{
    const struct value *permissions = value_getz(raw, "IpPermissions");
    if (!is_about_rules(operation) || !permissions || permissions->kind != VALUE_LIST)
        return NULL;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < permissions->count; i++)
        if (permissions->items[i]->kind == VALUE_MAP)
            add_rules(arena, raw, permissions->items[i], &b);
    return value_builder_list(&b);
}

const struct control_type ec2_types[] = {
    {"aws.ec2.subnet", .check = check_subnet},
    {"aws.ec2.vpc_endpoint", .check = check_endpoint},
    {"aws.ec2.route_table", .check = check_routes, .broken = has_missing_target},
    {"aws.ec2.security_group_rule", .parts = rules_of},
    {0},
};
