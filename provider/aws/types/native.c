#include "provider/aws/types/native.h"

const struct native aws_natives[] = {
    {.name = "empty_bucket", .step = aws_native_empty_bucket},
    {.name = "count_bucket", .step = aws_native_count_bucket},
    {0},
};
