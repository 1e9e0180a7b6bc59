#include "provider/aws/native.h"

static const struct {
    const char *name;
    spec_native *run;
} natives[] = {
    {"empty_bucket", aws_native_empty_bucket},
    {"count_bucket", aws_native_count_bucket},
};

spec_native *aws_native_find(struct str name)
{
    for (size_t i = 0; i < sizeof natives / sizeof *natives; i++)
        if (str_eqz(name, natives[i].name))
            return natives[i].run;
    return NULL;
}
