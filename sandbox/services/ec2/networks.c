/* Networks: subnets lie in their network and apart from each other, routes lead to what is there, and a
 * permission with three ranges is three rules. */
#include "sandbox/calls/services.h"
#include "sandbox/services/shared/tables.h"

#include <arpa/inet.h>
#include <string.h>

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

/* Do the first bits agree? */
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

/* ---- endpoints ---- */

/* A name leads to one place. */
static int check_alone(const struct control *control, const struct value *attrs, struct err *err)
{
    const struct value *other;
    struct str vpc = value_gets(attrs, "vpc_id"), service = value_gets(attrs, "service_name"), rest = service,
               part;
    if (!value_getb(attrs, "private_dns_enabled") ||
        !str_ieq(value_gets(attrs, "vpc_endpoint_type"), STR("Interface")))
        return 0;
    for (size_t at = 0; (other = control_next(control, STR("aws.ec2.vpc_endpoint"), &at));)
        if (str_eq(value_gets(other, "vpc_id"), vpc) && str_eq(value_gets(other, "service_name"), service) &&
            value_getb(other, "private_dns_enabled")) {
            while (rest.n)
                part = str_cut(rest, '.', &rest);
            return service_refuse(err, 400, "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                "%.*s in the "
                "VPC %.*s",
                STR_ARG(part), STR_ARG(vpc));
        }
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
        "true "
        "for %.*s",
        STR_ARG(id));
}

/* ---- routes ---- */

static bool leads_nowhere(const struct control *control, const struct value *route)
{
    static const char *const fields[] = {"gateway_id", "nat_gateway_id", "instance_id"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct str id = value_gets(route, fields[i]);
        if (id.n && !control_seen(control, STR_EMPTY, id))
            return true;
    }
    return false;
}

/* An internet gateway is for the network that it is attached to. */
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

/* ---- rules ---- */

static const char *const sources[] = {"IpRanges", "Ipv6Ranges", "Groups", "PrefixListIds"};

enum { SOURCES = sizeof sources / sizeof *sources };

static const struct value *with_permission(
    struct arena *arena, const struct value *raw, const struct value *permission)
{
    return value_with(arena, raw, STR("IpPermissions"), value_list(arena, &permission, 1));
}

/* A request for each source of the permission; as it is where it has none. */
static void add_rules(
    struct arena *arena, const struct value *raw, const struct value *permission, struct value_builder *out)
{
    bool any = false;
    if (str_eqz(value_gets(permission, "IpProtocol"), "-1")) { /* which has no ports, whatever is said */
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
    {"aws.ec2.route_table", .check = check_routes, .broken = leads_nowhere},
    {"aws.ec2.security_group_rule", .parts = rules_of},
    {0},
};
