/* IAM: AWS's own policies, which nobody has made. All else is the control plane's. */
#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/registry.h"

/* The policy that the request names, if it is one of AWS's; NULL: the control plane answers. */
static const struct value *aws_policy(struct service_call *call, struct str *arn)
{
    *arn = value_gets(call->input, "PolicyArn");
    const struct value *document = gate_aws_policy(call->arena, *arn);
    call->declined = !document;
    return document;
}

static int get_policy(struct service_call *call, struct err *err)
{
    struct str arn;
    (void)err;
    if (!aws_policy(call, &arn))
        return 0;
    size_t name = arn.n, path = 0;
    while (arn.p[name - 1] != '/')
        name--;
    path = (size_t)str_find_char(arn, '/', 0);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "PolicyName", str_slice(arn, name, arn.n));
    view_text(&b, "Arn", arn);
    view_text(&b, "Path", str_slice(arn, path, name));
    view_text(&b, "DefaultVersionId", STR("v1"));
    view_text(&b, "PolicyId", arena_printf(call->arena, "ANPA%.17s", sha256_hex(call->arena, arn).p));
    view_text(&b, "IsAttachable", STR("true"));
    const struct value_entry entry = {STR("Policy"), value_builder_map(&b)};
    call->output = value_map(call->arena, &entry, 1);
    return 0;
}

/* Documents go through the query protocol encoded as in addresses. */
static int get_policy_version(struct service_call *call, struct err *err)
{
    struct str arn;
    const struct value *document = aws_policy(call, &arn);
    AUTO_BUF struct buf text = BUF_INIT;
    (void)err;
    if (!document)
        return 0;
    url_encode(&text, json_as_text(call->arena, document)->string, false);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "Document", arena_str(call->arena, buf_str(&text)));
    view_text(&b, "VersionId", STR("v1"));
    view_text(&b, "IsDefaultVersion", STR("true"));
    const struct value_entry entry = {STR("PolicyVersion"), value_builder_map(&b)};
    call->output = value_map(call->arena, &entry, 1);
    return 0;
}

const struct service_operation iam_operations[] = {
    {"iam", "GetPolicy", get_policy, NULL, NULL},
    {"iam", "GetPolicyVersion", get_policy_version, NULL, NULL},
    {0},
};
