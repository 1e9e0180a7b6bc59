/*
 * Quotas: how many of a type an account may have in a region. The Service Quotas API says it; where that may
 * not be asked, the number that new accounts begin with stands in for it.
 */
#ifndef WEIR_PROVIDER_AWS_QUOTA_H
#define WEIR_PROVIDER_AWS_QUOTA_H

#include "provider/aws/client.h"

struct aws_quota {
    struct str type;       /* "aws.ec2.vpc" */
    const char *resources; /* "VPCs" */
    const char *service, *code;
    int usual; /* what new accounts begin with */
    int zones; /* it counts for each availability zone, of which a region has at most so many; else 1 */
};

extern const struct aws_quota aws_quotas[]; /* the last one has no type */

/*
 * *limit: 0 where nobody says: at an address of one's own that does not know quotas. *told: the service said
 * it.
 */
void aws_quota_ask(struct aws_client *client, const struct aws_quota *quota, struct arena *arena,
    int64_t *limit, bool *reported);

#endif
