/* `weir.value` holds a value and gives it back, for wiring stacks together and for measuring: see value.h. */
#include "provider/weir/value.h"
#include "provider/setting_attr.h"

#include "provider/provider.h"

/* There is nothing outside to read, predict or delete: what is wanted is what there is. */

static int value_create(struct op_ctx *ctx UNUSED, const struct attempt *attempt UNUSED,
    const struct value *desired, const struct value **live, struct err *err UNUSED)
{
    *live = desired;
    return 0;
}

static int value_update(struct op_ctx *ctx UNUSED, const struct value *prior UNUSED,
    const struct value *desired, const struct value *changed UNUSED, const struct value **live,
    struct err *err UNUSED)
{
    *live = desired;
    return 0;
}

static const struct resource_ops value_ops = {
    .create = value_create,
    .update = value_update,
    .find = value_create, /* an open intent is as good as done */
};

static const struct type any = {.kind = TYPE_ANY};
static const struct attr attrs[] = {
    SETTING_ATTR("value", any, "Any value. It can refer to other resources.", .required = true)};

const struct schema weir_value_schema = {
    .name = STR_INIT("weir.value"),
    .doc = STR_INIT("A value that other resources can refer to. It exists only in the state."),
    .example = STR_INIT("type: weir.value\nvalue: {team: data, size: 3}\n"),
    .attrs = attrs,
    .attr_count = 1,
    .id = STR_INIT(""),
    .ops = &value_ops,
};
