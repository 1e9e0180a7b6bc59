/* EC2's control plane, called from inside; see inner_calls.h. */
#include "sandbox/services/ec2/inner_calls.h"

#include "base/hash.h"

/* TagSpecification.1.Tag.1.Key and so on, as they came. */
static void ask_members(struct arena *arena, struct buf *out, struct str name, const struct value *v)
{
    if (v && v->kind == VALUE_STRING)
        url_add_parameter(out, name, v->string);
    bool list = v && v->kind == VALUE_LIST;
    for (uint32_t i = 0; v && (list || v->kind == VALUE_MAP) && i < v->count; i++)
        ask_members(arena, out,
            list ? arena_printf(arena, "%.*s.%u", STR_ARG(name), i + 1)
                 : arena_printf(arena, "%.*s.%.*s", STR_ARG(name), STR_ARG(v->entries[i].key)),
            list ? v->items[i] : v->entries[i].value);
}

static struct str text_between(struct str text, struct str open, struct str close)
{
    ptrdiff_t from = str_find(text, open, 0), to = from < 0 ? -1 : str_find(text, close, (size_t)from);
    return to < 0 ? STR_EMPTY : str_slice(text, (size_t)from + open.n, (size_t)to);
}

struct str ec2_reported(struct arena *arena, struct str answer, const char *element)
{
    return text_between(answer, arena_printf(arena, "<%s>", element), arena_printf(arena, "</%s>", element));
}

int ec2_ask(struct service_call *call, const char *operation, const struct value *members, struct str *answer,
    struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct wire_message said = {0};
    buf_addf(&body, "Action=%s&Version=2016-11-15", operation);
    for (uint32_t i = 0; members && i < members->count; i++)
        ask_members(call->arena, &body, members->entries[i].key, members->entries[i].value);
    const struct wire_message request = {.method = STR("POST"), .path = STR("/"), .body = buf_str(&body)};
    control_handle(services_control(call->services), call->arena, STR("ec2"), call->region, &request,
        call->request_id, &said);
    *answer = said.body;
    if (said.status < 300)
        return 0;
    struct str code = ec2_reported(call->arena, said.body, "Code"),
               message = ec2_reported(call->arena, said.body, "Message");
    return service_refuse(err, said.status, arena_strz(call->arena, code), "%.*s", STR_ARG(message));
}
