/*
 * How Amazon MSK is told who one is: OAUTHBEARER, with a token that is a presigned request for
 * kafka-cluster:Connect, in base64url, as AWS's own signers (aws-msk-iam-sasl-signer-python and others) make
 * it.
 */
#include "base/hash.h"
#include "provider/aws/presign.h"
#include "provider/kafka/cluster.h"

enum { TOKEN_S = 900 };

/* RFC 4648, 5: other letters, and no padding. */
static struct str base64url(struct arena *arena, struct str data)
{
    struct str text = base64_encode(arena, data);
    char *copy = arena_strz(arena, text);
    while (text.n && copy[text.n - 1] == '=')
        copy[--text.n] = 0;
    for (size_t i = 0; i < text.n; i++)
        copy[i] = (char)(copy[i] == '+' ? '-' : copy[i] == '/' ? '_' : copy[i]);
    return str_n(copy, text.n);
}

static int token_make(
    struct cluster *cluster, struct arena *arena, struct str *token, int64_t *ends_ms, struct err *err)
{
    struct str url, region = aws_region(cluster->aws);
    bool china = str_eqz(aws_partition(cluster->aws), "aws-cn");
    struct presign what = {.service = STR("kafka-cluster"),
        .host = arena_printf(arena, "kafka.%.*s.amazonaws.com%s", STR_ARG(region), china ? ".cn" : ""),
        .query = STR("Action=kafka-cluster%3AConnect"),
        .seconds = TOKEN_S};
    if (aws_presign(cluster->aws, &what, arena, &url, ends_ms, err))
        return -1;
    *token = base64url(arena, arena_printf(arena, "%.*s&User-Agent=weir", STR_ARG(url)));
    return 0;
}

void cluster_token(struct rd_kafka_s *client, const char *config UNUSED, void *arg)
{
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    struct cluster *cluster = arg;
    struct str token;
    int64_t ends_ms;
    struct err err = ERR_INIT;
    char why[512];
    if (token_make(cluster, &scratch, &token, &ends_ms, &err))
        cluster->api->oauthbearer_set_token_failure(client, err.message);
    else if (cluster->api->oauthbearer_set_token(
                 client, token.p, ends_ms, "weir", NULL, 0, why, sizeof why) != KAFKA_OK)
        cluster->api->oauthbearer_set_token_failure(client, why);
}
