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
