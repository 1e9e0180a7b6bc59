/* Endpoints of services: see credentials.h. */
#include "provider/aws/credentials.h"

#include "provider/http/target.h"

#include <ctype.h>
#include <stdlib.h>

/* ---- regions ---- */

static const struct partition {
    const char *prefix;                      /* prefix of the region's name; the first match counts */
    const char *name, *suffix, *dual_suffix; /* dual_suffix: of hosts with IPv4 and IPv6 */
    const char *global_region;               /* location and signing region of global services */
} partitions[] = {
    {"cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-north-1"},
    {"us-gov-", "aws-us-gov", "amazonaws.com", "api.aws", "us-gov-west-1"},
    {"us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1"},
    {"us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1"},
    {"us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1"},
    {"eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1"},
    {"eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1"},
    {"", "aws", "amazonaws.com", "api.aws", "us-east-1"},
};

static const struct partition *partition_of(struct str region)
{
    for (const struct partition *p = partitions;; p++)
        if (str_starts(region, str_z(p->prefix)))
            return p;
}

struct str region_partition(struct str region)
{
    return str_z(partition_of(region)->name);
}

struct str region_dns_suffix(struct str region)
{
    return str_z(partition_of(region)->suffix);
}

/* For "did you mean". A region that is not listed is accepted if it has a region's form. */
static const struct str known_regions[] = {STR_INIT("us-east-1"), STR_INIT("us-east-2"),
    STR_INIT("us-west-1"), STR_INIT("us-west-2"), STR_INIT("af-south-1"), STR_INIT("ap-east-1"),
    STR_INIT("ap-east-2"), STR_INIT("ap-northeast-1"), STR_INIT("ap-northeast-2"), STR_INIT("ap-northeast-3"),
    STR_INIT("ap-south-1"), STR_INIT("ap-south-2"), STR_INIT("ap-southeast-1"), STR_INIT("ap-southeast-2"),
    STR_INIT("ap-southeast-3"), STR_INIT("ap-southeast-4"), STR_INIT("ap-southeast-5"),
    STR_INIT("ap-southeast-6"), STR_INIT("ap-southeast-7"), STR_INIT("ca-central-1"), STR_INIT("ca-west-1"),
    STR_INIT("cn-north-1"), STR_INIT("cn-northwest-1"), STR_INIT("eu-central-1"), STR_INIT("eu-central-2"),
    STR_INIT("eu-north-1"), STR_INIT("eu-south-1"), STR_INIT("eu-south-2"), STR_INIT("eu-west-1"),
    STR_INIT("eu-west-2"), STR_INIT("eu-west-3"), STR_INIT("eusc-de-east-1"), STR_INIT("il-central-1"),
    STR_INIT("me-central-1"), STR_INIT("me-south-1"), STR_INIT("mx-central-1"), STR_INIT("sa-east-1"),
    STR_INIT("us-gov-east-1"), STR_INIT("us-gov-west-1")};

static bool is_direction(struct str word)
{
    return str_is_any(word, "north south east west central northeast northwest southeast southwest");
}

/* letters, optionally more letters, a direction, a number: us-gov-west-1 */
static bool is_spelt_like_a_region(struct str region)
{
    struct str words[5];
    size_t n = 0;
    for (struct str rest = region; rest.p; n++) {
        if (n == sizeof words / sizeof *words)
            return false;
        words[n] = str_cut(rest, '-', &rest);
    }
    if (n < 3 || !str_is_digits(words[n - 1]) || words[n - 1].n > 2 || !is_direction(words[n - 2]))
        return false;
    for (size_t i = 0; i < n - 2; i++)
        if (!str_is_made_of(words[i], CHARS_LOWER) || words[i].n > 4)
            return false;
    return true;
}

int region_check(struct str region, struct err *err)
{
    if (is_spelt_like_a_region(region))
        return 0;
    err_set(err, ERR_INVALID, "\"%.*s\" is not an AWS region", STR_ARG(region));
    struct str nearest = str_nearest(region, known_regions, sizeof known_regions / sizeof *known_regions);
    if (nearest.n)
        return err_hint(err, "did you mean \"%.*s\"?", STR_ARG(nearest));
    return err_hint(
        err, "regions are spelt like eu-west-1; other stores need their `endpoint` in the settings");
}

/* ---- names of services ---- */

/* Services whose name in AWS_ENDPOINT_URL_<NAME> is not just the id in capitals. */
static const struct {
    const char *id, *sdk;
} sdk_names[] = {
    {"apigateway", "API_GATEWAY"},
    {"application-autoscaling", "APPLICATION_AUTO_SCALING"},
    {"autoscaling", "AUTO_SCALING"},
    {"ce", "COST_EXPLORER"},
    {"cognito-idp", "COGNITO_IDENTITY_PROVIDER"},
    {"cognitoidp", "COGNITO_IDENTITY_PROVIDER"},
    {"config", "CONFIG_SERVICE"},
    {"dms", "DATABASE_MIGRATION_SERVICE"},
    {"ds", "DIRECTORY_SERVICE"},
    {"elb", "ELASTIC_LOAD_BALANCING"},
    {"elbv2", "ELASTIC_LOAD_BALANCING_V2"},
    {"emrserverless", "EMR_SERVERLESS"},
    {"es", "ELASTICSEARCH_SERVICE"},
    {"events", "EVENTBRIDGE"},
    {"kinesisanalyticsv2", "KINESIS_ANALYTICS_V2"},
    {"logs", "CLOUDWATCH_LOGS"},
    {"monitoring", "CLOUDWATCH"},
    {"redshiftdata", "REDSHIFT_DATA"},
    {"redshiftserverless", "REDSHIFT_SERVERLESS"},
    {"resourcegroupstaggingapi", "RESOURCE_GROUPS_TAGGING_API"},
    {"route53", "ROUTE_53"},
    {"s3control", "S3_CONTROL"},
    {"secretsmanager", "SECRETS_MANAGER"},
    {"servicecatalog", "SERVICE_CATALOG"},
    {"stepfunctions", "SFN"},
    {"tagging", "RESOURCE_GROUPS_TAGGING_API"},
};

static struct str sdk_name(struct arena *arena, struct str id)
{
    for (size_t i = 0; i < sizeof sdk_names / sizeof *sdk_names; i++)
        if (str_eqz(id, sdk_names[i].id))
            return str_z(sdk_names[i].sdk);
    char *name = arena_strz(arena, id);
    for (char *p = name; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    return str_z(name);
}

/* Compares letters and digits without case: "SECRETS_MANAGER", "secretsmanager" and "secrets-manager" are the
 * same. */
static bool same_service(struct str a, struct str b)
{
    size_t i = 0, j = 0;
    for (;;) {
        while (i < a.n && !isalnum((unsigned char)a.p[i]))
            i++;
        while (j < b.n && !isalnum((unsigned char)b.p[j]))
            j++;
        if (i == a.n || j == b.n)
            return i == a.n && j == b.n;
        if (tolower((unsigned char)a.p[i++]) != tolower((unsigned char)b.p[j++]))
            return false;
    }
}

/* ---- custom endpoints ---- */

static struct str from_config(const struct endpoint_settings *settings, struct str id, struct str sdk)
{
    const struct value *each = value_getz(settings->config, "endpoints");
    for (uint32_t i = 0; each && each->kind == VALUE_MAP && i < each->count; i++)
        if (same_service(each->entries[i].key, id) || same_service(each->entries[i].key, sdk))
            return value_text(each->entries[i].value, STR_EMPTY);
    return value_gets(settings->config, "endpoint");
}

static struct str endpoint_variable_text(const char *name)
{
    return str_z(getenv(name));
}

struct str endpoint_variable(struct arena *arena, struct str service_id)
{
    return arena_printf(arena, "AWS_ENDPOINT_URL_%.*s", STR_ARG(sdk_name(arena, service_id)));
}

/* AWS_ENDPOINT_URL_SECRETS_MANAGER as in the SDKs, and AWS_ENDPOINT_URL_SECRETSMANAGER. */
static struct str from_service_variable(struct arena *arena, struct str id)
{
    struct str url = endpoint_variable_text(endpoint_variable(arena, id).p);
    if (url.n)
        return url;
    char *name = arena_strz(arena, arena_printf(arena, "AWS_ENDPOINT_URL_%.*s", STR_ARG(id)));
    for (char *p = name; *p; p++)
        *p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
    return endpoint_variable_text(name);
}

static struct str from_services_section(
    struct arena *arena, const struct endpoint_settings *settings, struct str sdk)
{
    struct str services = profiles_get(settings->profiles, settings->profile, "services");
    if (!services.n)
        return STR_EMPTY;
    struct str key = arena_lower(arena, arena_printf(arena, "%.*s.endpoint_url", STR_ARG(sdk)));
    return profiles_section_get(settings->profiles, "services", services, key.p);
}

static bool ignores_outer_settings(const struct endpoint_settings *settings)
{
    return str_ieq(endpoint_variable_text("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), STR("true")) ||
           (settings->profiles &&
               str_ieq(profiles_get(settings->profiles, settings->profile, "ignore_configured_endpoint_urls"),
                   STR("true")));
}

static struct str custom_url(
    struct arena *arena, const struct endpoint_settings *settings, const struct aws_service *service)
{
    struct str sdk = sdk_name(arena, service->id);
    struct str url = from_config(settings, service->id, sdk);
    if (url.n || ignores_outer_settings(settings))
        return url;
    url = from_service_variable(arena, service->id);
    if (!url.n)
        url = endpoint_variable_text("AWS_ENDPOINT_URL");
    if (!url.n && settings->profiles)
        url = from_services_section(arena, settings, sdk);
    if (!url.n && settings->profiles)
        url = profiles_get(settings->profiles, settings->profile, "endpoint_url");
    return url;
}

bool endpoint_is_custom_for_all(const struct endpoint_settings *settings)
{
    if (value_gets(settings->config, "endpoint").n)
        return true;
    if (ignores_outer_settings(settings))
        return false;
    return endpoint_variable_text("AWS_ENDPOINT_URL").n ||
           (settings->profiles && profiles_get(settings->profiles, settings->profile, "endpoint_url").n);
}

static int use_custom(struct arena *arena, struct str url, struct endpoint *out, struct err *err)
{
    struct http_target target;
    if (http_target_parse(url, &target, err)) {
        err_context(err, "endpoint");
        if (err) {
            err->everywhere = true;
            err->root = (unsigned short)strlen(err->message);
        }
        return err_hint(err, "endpoints are written like http://localhost:4566 or https://s3.example.com");
    }
    if (str_find_char(target.rest, '?', 0) >= 0 || str_find_char(target.rest, '#', 0) >= 0)
        return err_set(err, ERR_INVALID, "endpoint \"%.*s\" must not have a query", STR_ARG(url));
    while (target.rest.n && target.rest.p[target.rest.n - 1] == '/')
        target.rest.n--;
    out->custom = true;
    out->tls = target.tls;
    out->host = arena_str(arena, target.authority);
    out->base_path = arena_str(arena, target.rest);
    return 0;
}

/* ---- AWS's own hosts ---- */

/* Which of a service's hosts is used, as in the SDKs: AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT,
 * or the same keys of the profile. */
struct host_choice {
    const struct partition *partition;
    bool fips, dual;
};

static bool is_chosen(const struct endpoint_settings *settings, const char *variable, const char *key)
{
    struct str given = endpoint_variable_text(variable);
    if (!given.n && settings->profiles)
        given = profiles_get(settings->profiles, settings->profile, key);
    return str_ieq(given, STR("true"));
}

static struct host_choice choose_host(
    const struct endpoint_settings *settings, const struct aws_service *service)
{
    struct str of_s3 = service->s3 && settings->profiles
                           ? profiles_get(settings->profiles, settings->profile, "s3.use_dualstack_endpoint")
                           : STR_EMPTY;
    return (struct host_choice){.partition = partition_of(settings->region),
        .fips = is_chosen(settings, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint"),
        .dual = of_s3.n ? str_ieq(of_s3, STR("true"))
                        : is_chosen(settings, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")};
}

/* Exceptions of services from PREFIX[-fips].REGION.SUFFIX; botocore's endpoint rules have them, too. */
enum {
    GOV_FIPS = 1,      /* in GovCloud the usual host is a FIPS one */
    GOV_DUAL_FIPS = 2, /* so is the one with IPv6 */
    DUAL_IS_FIPS = 4,  /* in GovCloud the host with IPv6 has a FIPS name only */
    DUAL_IN_AWS = 8,   /* in AWS's main partition IPv6 is at the usual suffix */
    DUAL_EVERYWHERE = 16,
};

static const struct host_exception {
    const char *prefix, *dual; /* dual: the prefix of hosts with IPv6; NULL: the same */
    unsigned flags;
} host_exceptions[] = {
    {"api.ecr", "ecr", 0},
    {"application-autoscaling", NULL, GOV_FIPS},
    {"autoscaling", NULL, GOV_FIPS},
    {"batch", NULL, GOV_FIPS},
    {"cloudtrail", NULL, GOV_FIPS},
    {"cognito-idp", NULL, DUAL_IN_AWS},
    {"dms", NULL, GOV_FIPS},
    {"dynamodb", NULL, GOV_FIPS},
    {"ec2", NULL, GOV_FIPS},
    {"elasticfilesystem", "efs", 0},
    {"elasticloadbalancing", NULL, GOV_FIPS},
    {"elasticmapreduce", NULL, GOV_FIPS},
    {"events", NULL, GOV_FIPS | GOV_DUAL_FIPS},
    {"kafka", "kafka-api", GOV_FIPS | GOV_DUAL_FIPS},
    {"kinesis", NULL, GOV_FIPS},
    {"logs", NULL, GOV_FIPS},
    {"monitoring", NULL, GOV_FIPS | GOV_DUAL_FIPS},
    {"rds", NULL, GOV_FIPS},
    {"redshift", NULL, GOV_FIPS},
    {"secretsmanager", NULL, DUAL_EVERYWHERE},
    {"sns", NULL, GOV_FIPS},
    {"sqs", NULL, GOV_FIPS},
    {"ssm", NULL, GOV_FIPS},
    {"states", NULL, GOV_FIPS | DUAL_IS_FIPS},
    {"sts", NULL, GOV_FIPS},
    {0},
};

static struct str regional_host(struct arena *arena, const struct endpoint_settings *settings,
    const struct aws_service *service, struct host_choice choice)
{
    const struct host_exception *e = host_exceptions;
    struct str prefix = service->endpoint_prefix, name = str_z(choice.partition->name);
    while (e->prefix && !str_eqz(prefix, e->prefix))
        e++;
    bool gov = str_eqz(name, "aws-us-gov"), main = str_eqz(name, "aws"), fips = choice.fips;
    if (gov && (e->flags & (choice.dual ? GOV_DUAL_FIPS : GOV_FIPS)))
        fips = false;
    else if (gov && choice.dual && (e->flags & DUAL_IS_FIPS))
        fips = true;
    if (service->s3)
        return arena_printf(arena, "%.*s%s%s.%.*s.%s", STR_ARG(prefix), fips ? "-fips" : "",
            choice.dual ? ".dualstack" : "", STR_ARG(settings->region), choice.partition->suffix);
    if (main && fips && !choice.dual && str_eqz(prefix, "batch"))
        return arena_printf(arena, "fips.batch.%.*s.%s", STR_ARG(settings->region), choice.partition->suffix);
    bool usual_suffix = !choice.dual || (e->flags & DUAL_EVERYWHERE) || (main && (e->flags & DUAL_IN_AWS));
    if (choice.dual && e->dual)
        prefix = str_z(e->dual);
    return arena_printf(arena, "%.*s%s.%.*s.%s", STR_ARG(prefix), fips ? "-fips" : "",
        STR_ARG(settings->region), usual_suffix ? choice.partition->suffix : choice.partition->dual_suffix);
}

/* Route 53 in China has a host without a region, unlike IAM. */
static bool is_without_region(const struct aws_service *service, struct host_choice choice)
{
    return choice.fips || choice.dual || str_eqz(service->endpoint_prefix, "route53") ||
           str_eqz(str_z(choice.partition->name), "aws");
}

static struct str global_host(
    struct arena *arena, const struct aws_service *service, struct host_choice choice)
{
    struct str prefix = service->endpoint_prefix, name = str_z(choice.partition->name);
    const char *suffix = choice.dual ? choice.partition->dual_suffix : choice.partition->suffix;
    if (str_eqz(name, "aws-us-gov"))
        return arena_printf(arena, "%.*s.us-gov.%s", STR_ARG(prefix), suffix);
    if (!is_without_region(service, choice))
        return arena_printf(arena, "%.*s.%s.%s", STR_ARG(prefix), choice.partition->global_region, suffix);
    bool global = choice.dual && (str_eqz(name, "aws") || (str_eqz(name, "aws-cn") && !choice.fips));
    return arena_printf(
        arena, "%.*s%s%s.%s", STR_ARG(prefix), choice.fips ? "-fips" : "", global ? ".global" : "", suffix);
}

static struct str global_region(const struct aws_service *service, const struct partition *partition)
{
    bool west = str_eqz(service->endpoint_prefix, "route53") && str_eqz(str_z(partition->name), "aws-cn");
    return west ? STR("cn-northwest-1") : str_z(partition->global_region);
}

int endpoint_resolve(struct arena *arena, const struct endpoint_settings *settings,
    const struct aws_service *service, struct endpoint *out, struct err *err)
{
    struct host_choice choice = choose_host(settings, service);
    *out = (struct endpoint){.tls = true, .base_path = STR_EMPTY, .signing_region = settings->region};
    if (service->global)
        out->signing_region = global_region(service, choice.partition);
    struct str url = custom_url(arena, settings, service);
    if (url.n)
        return use_custom(arena, url, out, err);
    if (region_check(settings->region, err))
        return -1;
    if (service->s3 && choice.fips && str_eqz(str_z(choice.partition->name), "aws-cn"))
        return err_set(err, ERR_INVALID, "S3 has no FIPS endpoint in %.*s (AWS_USE_FIPS_ENDPOINT)",
            STR_ARG(settings->region));
    out->host = service->global ? global_host(arena, service, choice)
                                : regional_host(arena, settings, service, choice);
    return 0;
}

/* ---- S3 addressing ---- */

struct str endpoint_bucket(struct str path)
{
    struct str ignored;
    return path.n > 1 && path.p[0] == '/' ? str_cut(str_slice(path, 1, path.n), '/', &ignored) : STR_EMPTY;
}

/* True if the bucket can be a label in front of the host: without dots, because the certificate covers one
 * label. */
static bool is_host_label(struct str bucket)
{
    return bucket.n >= 3 && bucket.n <= 63 && bucket.p[0] != '-' && bucket.p[bucket.n - 1] != '-' &&
           str_is_made_of(bucket, CHARS_LOWER CHARS_DIGITS "-");
}

/* True for an IP address, which cannot have a label in front. */
static bool is_address(struct str host)
{
    struct str port, name = str_cut(host, ':', &port);
    return str_is_made_of(name, CHARS_DIGITS ".[");
}

static bool in_host(const struct endpoint *endpoint, enum path_style style, struct str bucket)
{
    if (style == PATH_STYLE_ALWAYS || (style == PATH_STYLE_AUTO && endpoint->custom))
        return false;
    return is_host_label(bucket) && !is_address(endpoint->host);
}

struct endpoint_target endpoint_address(struct arena *arena, const struct endpoint *endpoint,
    const struct endpoint_settings *settings, const struct aws_service *service, struct str host_prefix,
    struct str path)
{
    struct endpoint_target target = {.host = endpoint->host, .path = path};
    struct str bucket = service->s3 ? endpoint_bucket(path) : STR_EMPTY;
    if (bucket.n && in_host(endpoint, settings->path_style, bucket)) {
        target.host = arena_printf(arena, "%.*s.%.*s", STR_ARG(bucket), STR_ARG(endpoint->host));
        target.path = str_slice(path, 1 + bucket.n, path.n);
        if (!target.path.n)
            target.path = STR("/");
    } else if (host_prefix.n && !endpoint->custom) {
        target.host = arena_printf(arena, "%.*s%.*s", STR_ARG(host_prefix), STR_ARG(endpoint->host));
    }
    if (endpoint->base_path.n)
        target.path = arena_printf(arena, "%.*s%.*s", STR_ARG(endpoint->base_path), STR_ARG(target.path));
    return target;
}
