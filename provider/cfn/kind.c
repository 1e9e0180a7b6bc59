/* CloudFormation's resource types (AWS::Kinesis::Stream), as far as the Cloud Control API drives them: see
 * kind.h. */
#include "provider/cfn/kind.h"

#include "provider/cfn/call.h"
#include "provider/cfn/describe.h"
#include "provider/cfn/ops.h"
#include "provider/cfn/published.h"

static int cfn_kind_find(const struct catalog_options *options, struct arena *arena, struct str type,
    bool is_data, const struct schema **out, struct err *err)
{
    const struct value *document = NULL;
    struct cfn_type *found;
    *out = NULL;
    if (!is_data && cfn_described(arena, type, options->schemas_dir, &document, err))
        return -1;
    if (!is_data && !document)
        document = cfn_published(arena, type);
    if (!document)
        return 0;
    if (cfn_compile(arena, document, &found, err))
        return -1;
    found->schema.provider = STR("aws");
    found->schema.service = &cfn_service;
    found->schema.ops = found->has_read ? &cfn_ops : &cfn_ops_unread;
    found->schema.lost = STR("found by its identifier and in the API's list of requests");
    *out = &found->schema;
    return 0;
}

static const struct str *cfn_kind_names(bool is_data, size_t *n)
{
    *n = 0;
    return is_data ? NULL : cfn_published_names(n);
}

const struct provider_kind cfn_kind = {.name = "cfn", .find = cfn_kind_find, .names = cfn_kind_names};
