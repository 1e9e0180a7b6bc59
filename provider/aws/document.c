/* Calls whose answer is a document. */
#include "provider/aws/client.h"

struct asking {
    const struct aws_call *call;
    struct arena *arena;
    const char *needs;
    const struct value *document;
};

static int take_document(void *ctx, const struct wire_message *answer, struct err *err)
{
    struct asking *a = ctx;
    const struct wire_operation *op = a->call->op;
    if (!str_trim(answer->body).n)
        return err_set(err, ERR_PROTOCOL, "the answer to %.*s is empty", STR_ARG(op->name));
    if (wire_decode_response(a->arena, op, answer, &a->document, err))
        return -1;
    if (a->needs[0] && !value_getz(a->document, a->needs))
        return err_set(
            err, ERR_PROTOCOL, "the answer to %.*s is not whole: it has no %s", STR_ARG(op->name), a->needs);
    return 0;
}

int aws_ask(struct aws_client *client, const struct aws_call *call, struct arena *arena, const char *needs,
    const struct value **document, struct err *err)
{
    struct asking asking = {.call = call, .arena = arena, .needs = needs};
    struct aws_call own = *call;
    struct wire_message answer;
    own.accept = take_document;
    own.accept_ctx = &asking;
    if (aws_send(client, &own, arena, &answer, err))
        return -1;
    *document = asking.document;
    return 0;
}

int aws_ask_json(struct aws_client *client, const struct aws_call *call, const struct value *input,
    struct arena *arena, const char *needs, const struct value **document, struct err *err)
{
    static const struct shape any = {.kind = SHAPE_ANY};
    struct shape_member *members = ARENA_ARRAY(arena, struct shape_member, input->count + 1);
    for (uint32_t i = 0; i < input->count; i++)
        members[i] = (struct shape_member){
            .name = input->entries[i].key, .wire = input->entries[i].key, .shape = &any};
    const struct shape shape = {.kind = SHAPE_STRUCT, .members = members, .member_count = input->count};
    struct aws_call own = *call;
    if (wire_encode_request(arena, own.op, &shape, input, &own.request, err))
        return -1;
    return aws_ask(client, &own, arena, needs, document, err);
}
