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

void assert_json(const struct value *v, const char *text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, v ? v : &value_null, JSON_MARK_UNKNOWN);
    assert_string_equal(out.p, text);
}
