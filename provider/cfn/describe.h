/*
 * Schemas that are not in the binary, of types that are newer or private: CloudFormation is asked once
 * (DescribeType), and the answer stays in the stack's .weir/schemas, where it goes before what is in the
 * binary: {version, schema}.
 */
#pragma once

#include "provider/aws/client.h"

/* Asks for the type and keeps it in the folder, which is made. *path: where it is; *version: which it is. */
int cfn_describe(struct aws_client *client, struct arena *arena, struct str type, struct str folder,
    struct str *path, struct str *version, struct err *err);
/* NULL in *schema: the folder has none of that type. -1: it has, and that cannot be read. */
int cfn_described(
    struct arena *arena, struct str type, const char *folder, const struct value **schema, struct err *err);
