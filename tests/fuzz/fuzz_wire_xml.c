/* XML answers: read, walked, coerced, taken as an error. */
#include "provider/wire/internal.h"
#include "tests/fuzz/fuzz_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (int protocol = 0; protocol < WIRE_PROTOCOL_COUNT; protocol++) {
        struct wire_operation op = {.name = STR_INIT("ListRoles"), .protocol = (enum wire_protocol)protocol};
        if (!wire_is_json(op.protocol))
            fuzz_answer(&arena, &op, str_n((const char *)data, n));
    }
    return 0;
}
