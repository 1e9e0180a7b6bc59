/* What no spec of AWS can express, by the name that a step's `native:` gives: see native.h. */
#include "provider/aws/types/native.h"

#include "provider/aws/s3/s3_empty.h"

const struct native aws_natives[] = {
    {.name = "empty_bucket", .step = s3_empty_bucket},
    {.name = "count_bucket", .step = s3_count_bucket},
    {.name = "generate_password", .step = generate_password},
    {0},
};
