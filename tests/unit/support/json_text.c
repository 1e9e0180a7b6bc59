#include "tests/unit/support/json_text.h"

#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const struct value *json_text(struct arena *arena, const char *text)
{
    const struct value *v = NULL;
    struct err err = ERR_INIT;
    if (text && json_parse(arena, str_z(text), &v, &err))
        fail_msg("%s: %s", text, err.message);
    return v;
}
