/* JSON answers: read, walked, coerced, taken as an error. */
#include "provider/wire/internal.h"
#include "tests/fuzz/fuzz_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct wire_operation op = {.name = STR_INIT("GetJobs"), .protocol = WIRE_JSON11};
    fuzz_answer(&arena, &op, str_n((const char *)data, n));
    return 0;
}
