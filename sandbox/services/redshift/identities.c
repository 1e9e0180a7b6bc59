/*
 * IAM's roles and users as users of a warehouse: IAMR:ROLE and IAM:USER, who may there what they are granted.
 * The Data API runs statements as them, and GetCredentials gives them a password for a while, of which
 * nothing is kept: it says until when it holds and is signed (weir_redshift.py looks).
 */
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/http/session.h"
#include "sandbox/services/redshift/redshift.h"

enum { SHORTEST_S = 900, LONGEST_S = 3600 };

struct str warehouse_identity(struct arena *arena, const struct session *caller)
{
    if (!session_is_limited(caller))
        return STR_EMPTY;
    return caller->role.n ? arena_printf(arena, "IAMR:%.*s", STR_ARG(caller->role))
                          : arena_printf(arena, "IAM:%.*s", STR_ARG(caller->user));
}

static struct str password_until(const struct service_call *call, struct str user, int64_t until_s)
{
    unsigned char digest[SHA256_SIZE];
    struct str said = arena_printf(call->arena, "%.*s\n%lld", STR_ARG(user), (long long)until_s);
    hash_hmac_sha256(warehouse_pass(call->services, call->arena), said, digest);
    return arena_printf(
        call->arena, "%lld.%s", (long long)until_s, hex_encode(call->arena, digest, sizeof digest).p);
}

/* What the members of the answer are called. */
struct credential_names {
    const char *duration, *user, *password, *expires, *next;
};

static int give_credentials(struct service_call *call, const struct credential_names *names,
    const struct warehouse *warehouse, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    int64_t seconds = service_int(call->input, names->duration, SHORTEST_S);
    if (seconds < SHORTEST_S || seconds > LONGEST_S)
        return service_refuse(err, 400, "ValidationException", "%s has to be between %d and %d.",
            names->duration, SHORTEST_S, LONGEST_S);
    int64_t until_s = clock_wall_ms() / 1000 + seconds;
    struct str identity = warehouse_identity(call->arena, call->caller);
    struct str user = identity.n ? identity : warehouse->wish.user;
    view_text(&b, names->user, user);
    view_text(&b, names->password, password_until(call, user, until_s));
    view_set(&b, names->expires, service_time(call, until_s * 1000));
    view_set(&b, names->next, service_time(call, (until_s - seconds / 2) * 1000));
    call->output = value_builder_map(&b);
    return 0;
}

static int workgroup_credentials(struct service_call *call, struct err *err)
{
    static const struct credential_names names = {
        "durationSeconds", "dbUser", "dbPassword", "expiration", "nextRefreshTime"};
    struct warehouse warehouse;
    struct str workgroup;
    if (service_required(call, "workgroupName", &workgroup, err))
        return -1;
    if (!warehouse_find(call->services, call->arena, call->region, STR_EMPTY, workgroup, &warehouse))
        return service_refuse(
            err, 400, "ResourceNotFoundException", "The workgroup %.*s doesn't exist.", STR_ARG(workgroup));
    return give_credentials(call, &names, &warehouse, err);
}

static int cluster_credentials(struct service_call *call, struct err *err)
{
    static const struct credential_names names = {
        "DurationSeconds", "DbUser", "DbPassword", "Expiration", "NextRefreshTime"};
    struct warehouse warehouse;
    struct str cluster;
    if (service_required(call, "ClusterIdentifier", &cluster, err))
        return -1;
    if (!warehouse_find(call->services, call->arena, call->region, cluster, STR_EMPTY, &warehouse))
        return service_refuse(err, 404, "ClusterNotFound", "Cluster %.*s not found.", STR_ARG(cluster));
    return give_credentials(call, &names, &warehouse, err);
}

const struct service_operation redshift_operations[] = {
    {"redshift-serverless", "GetCredentials", workgroup_credentials, NULL, NULL},
    {"redshift", "GetClusterCredentialsWithIAM", cluster_credentials, NULL, NULL},
    {0},
};
