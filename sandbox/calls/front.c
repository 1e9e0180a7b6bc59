/*
 * Every service except S3: verifies the signature, then calls an operation (services.h) or the control plane
 * (control.h). Also the query protocol of services that now use JSON.
 */

#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services.h"

#include <zlib.h>

enum { MAX_UNPACKED = 16 * 1024 * 1024 };

/* ---- services with botocore's awsQueryCompatible, such as SQS: older SDKs send forms and read XML, newer
 * SDKs read the query protocol's error code in a header ---- */

/* Names of JSON lists and maps in forms ("Attribute.1.Name") and in XML, where each item has an element. */
static const struct form_member {
    const char *json, *form;
    const char *key;       /* key member of a map's entries, whose other member is Value; NULL: a list */
    const char *operation; /* only in this operation; NULL: in all */
} members[] = {
    {"Attributes", "Attribute", "Name", NULL},
    {"MessageAttributes", "MessageAttribute", "Name", NULL},
    {"MessageSystemAttributes", "MessageSystemAttribute", "Name", NULL},
    {"tags", "Tag", "Key", "CreateQueue"},
    {"Tags", "Tag", "Key", NULL},
    {"TagKeys", "TagKey", NULL, NULL},
    {"AttributeNames", "AttributeName", NULL, NULL},
    {"MessageAttributeNames", "MessageAttributeName", NULL, NULL},
    {"MessageSystemAttributeNames", "MessageSystemAttributeName", NULL, NULL},
    {"AWSAccountIds", "AWSAccountId", NULL, NULL},
    {"Actions", "ActionName", NULL, NULL},
    {"Entries", "SendMessageBatchRequestEntry", NULL, NULL},
    {"Entries", "DeleteMessageBatchRequestEntry", NULL, NULL},
    {"Entries", "ChangeMessageVisibilityBatchRequestEntry", NULL, NULL},
    {"QueueUrls", "QueueUrl", NULL, "ListQueues"},
    {"queueUrls", "QueueUrl", NULL, "ListDeadLetterSourceQueues"},
    {"Messages", "Message", NULL, NULL},
    {"Successful", "SendMessageBatchResultEntry", NULL, "SendMessageBatch"},
    {"Successful", "DeleteMessageBatchResultEntry", NULL, "DeleteMessageBatch"},
    {"Successful", "ChangeMessageVisibilityBatchResultEntry", NULL, "ChangeMessageVisibilityBatch"},
    {"Failed", "BatchResultErrorEntry", NULL, NULL},
    {"Results", "ListMessageMoveTasksResultEntry", NULL, NULL},
};

/* Error codes that differ in JSON; from all others the part up to the last dot is removed. */
static const struct {
    const char *query, *json;
} codes[] = {
    {"AWS.SimpleQueueService.NonExistentQueue", "com.amazonaws.sqs#QueueDoesNotExist"},
    {"QueueAlreadyExists", "com.amazonaws.sqs#QueueNameExists"},
    {"InvalidParameterValue", "com.amazon.coral.service#InvalidParameterValueException"},
    {"MissingParameter", "com.amazon.coral.service#MissingRequiredParameterException"},
};

static bool is_query_compatible(const struct exchange *x)
{
    return str_eqz(x->auth.service, "sqs");
}

static bool member_fits(const struct form_member *member, struct str operation)
{
    return !member->operation || str_eqz(operation, member->operation);
}

/* ---- requests ---- */

static const struct value *of_form(struct arena *arena, struct str operation, const struct value *v);

static const struct value *map_of_form(
    struct arena *arena, struct str operation, const struct value *list, const char *key)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *v = value_getz(list->items[i], "Value");
        value_builder_set(
            &b, value_gets(list->items[i], key), v ? of_form(arena, operation, v) : value_stringz(arena, ""));
    }
    return value_builder_map(&b);
}

static const struct value *list_of_form(struct arena *arena, struct str operation, const struct value *list)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++)
        value_builder_add(&b, of_form(arena, operation, list->items[i]));
    return value_builder_list(&b);
}

static const struct value *of_form(struct arena *arena, struct str operation, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return v;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value_entry *entry = &v->entries[i];
        const struct form_member *member = members, *end = members + sizeof members / sizeof *members;
        while (member < end && !(str_eqz(entry->key, member->form) && entry->value->kind == VALUE_LIST &&
                                   member_fits(member, operation)))
            member++;
        if (member == end)
            value_builder_set(&b, entry->key, of_form(arena, operation, entry->value));
        else
            value_builder_set(&b, str_z(member->json),
                member->key ? map_of_form(arena, operation, entry->value, member->key)
                            : list_of_form(arena, operation, entry->value));
    }
    return value_builder_map(&b);
}

/* Removes the members of the client and the signature. */
static const struct value *without_common(struct arena *arena, const struct value *input)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; input->kind == VALUE_MAP && i < input->count; i++)
        if (!str_eqz(input->entries[i].key, "Action") && !str_eqz(input->entries[i].key, "Version") &&
            !str_starts(input->entries[i].key, STR("X-Amz-")))
            value_builder_set(&b, input->entries[i].key, input->entries[i].value);
    return value_builder_map(&b);
}

/* The queue may be given by the URL that the request is sent to. */
static const struct value *with_path(const struct exchange *x, struct arena *arena, const struct value *input)
{
    struct str host = wire_header_get(&x->request, STR("Host")), path = x->request.path;
    if (path.n < 2 || value_getz(input, "QueueUrl") || str_eqz(x->query_operation, "GetQueueUrl"))
        return input;
    return value_with(arena, input, STR("QueueUrl"),
        value_string(arena, arena_printf(arena, "http://%.*s%.*s", STR_ARG(host), STR_ARG(path))));
}

/* Writes an error response of the query protocol. */
static void refuse_in_xml(struct exchange *x, const struct wire_operation *op, int status, struct str code,
    struct str text, struct wire_message *out)
{
    struct arena *arena = &x->arena;
    if (str_eqz(code, "UnknownOperationException")) {
        code = STR("InvalidAction");
        text = arena_printf(
            arena, "The action %.*s is not valid for this endpoint.", STR_ARG(x->query_operation));
    }
    if (str_eqz(text, "The specified queue does not exist."))
        text = STR("The specified queue does not exist for this wsdl version.");
    wire_encode_error(arena, op, status, code, text, str_z(x->request_id), out);
    ptrdiff_t end = str_find(out->body, STR("</Error>"), 0);
    if (end >= 0)
        out->body = arena_printf(arena, "%.*s<Detail/>%s", (int)end, out->body.p, out->body.p + end);
}

/* Converts a form to the JSON request of the same operation, after the signature was verified. False: it was
 * refused. */
static bool query_compatible_request(struct exchange *x)
{
    if (!is_query_compatible(x) || wire_header_get(&x->request, STR("X-Amz-Target")).n)
        return true;
    struct arena *arena = &x->arena;
    const struct wire_operation form = {.protocol = WIRE_QUERY};
    const struct value *input = &value_empty_map;
    static const struct shape any = {.kind = SHAPE_STRUCT};
    AUTO_BUF struct buf body = BUF_INIT;
    x->query_operation = wire_request_name(arena, WIRE_QUERY, &x->request);
    bool of_account = str_eqz(x->query_operation, "CreateQueue") || str_eqz(x->query_operation, "ListQueues");
    if (of_account && x->request.path.n > 1) { /* these actions are invalid at a queue's URL */
        struct wire_message answer;
        refuse_in_xml(x, &form, 400, STR("UnknownOperationException"), STR_EMPTY, &answer);
        x->reply = answer;
        x->answered = true;
        return false;
    }
    if (!x->query_operation.n) {
        reply_text(x, 404, "text/xml", STR("<UnknownOperationException/>\n"));
        return false;
    }
    if (!x->request.body.n)
        x->request.body = x->request.query;
    if (wire_decode_request(arena, &form, &any, &x->request, &input, ERR_IGNORED))
        input = &value_empty_map;
    input = of_form(arena, x->query_operation, without_common(arena, input));
    input = with_path(x, arena, input);
    json_write(&body, input, JSON_PLAIN);
    x->request.method = STR("POST");
    x->request.path = STR("/");
    x->request.query = STR_EMPTY;
    x->request.body = arena_str(arena, buf_str(&body));
    wire_header_add(arena, &x->request, STR("X-Amz-Target"),
        arena_printf(arena, "AmazonSQS.%.*s", STR_ARG(x->query_operation)));
    return true;
}

/* ---- responses ---- */

static const struct shape *to_xml(
    struct arena *arena, struct str operation, const struct value *v, const struct value **out);

static const struct value *entries_of_map(struct arena *arena, const struct value *map, const char *key)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value_entry entry[] = {
            {str_z(key), value_string(arena, map->entries[i].key)}, {STR("Value"), map->entries[i].value}};
        value_builder_add(&b, value_map(arena, entry, 2));
    }
    return value_builder_list(&b);
}

static const struct shape *list_to_xml(
    struct arena *arena, struct str operation, const struct value *list, const struct value **out)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    struct shape *shape = ARENA_NEW(arena, struct shape);
    *shape = (struct shape){.kind = SHAPE_LIST, .flat = true, .elem = &shape_text};
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *v;
        const struct shape *elem = to_xml(arena, operation, list->items[i], &v);
        shape->elem = i ? wire_shape_union(arena, shape->elem, elem) : elem;
        value_builder_add(&b, v);
    }
    *out = value_builder_list(&b);
    return shape;
}

static void member_to_xml(struct arena *arena, struct str operation, const struct value_entry *entry,
    struct shape_member *out, struct value_builder *b)
{
    const struct value *v = entry->value;
    struct str name = entry->key;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (str_eqz(entry->key, members[i].json) && member_fits(&members[i], operation)) {
            name = str_z(members[i].form);
            if (members[i].key && v->kind == VALUE_MAP)
                v = entries_of_map(arena, v, members[i].key);
            break;
        }
    const struct shape *shape =
        v->kind == VALUE_LIST ? list_to_xml(arena, operation, v, &v) : to_xml(arena, operation, v, &v);
    *out = (struct shape_member){.name = name, .wire = name, .shape = shape};
    value_builder_set(b, name, v);
}

static const struct shape *to_xml(
    struct arena *arena, struct str operation, const struct value *v, const struct value **out)
{
    *out = v;
    if (v->kind != VALUE_MAP)
        return &shape_any;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    struct shape *shape = ARENA_NEW(arena, struct shape);
    struct shape_member *list = ARENA_ARRAY(arena, struct shape_member, v->count + 1);
    for (uint32_t i = 0; i < v->count; i++)
        member_to_xml(arena, operation, &v->entries[i], &list[i], &b);
    *shape = (struct shape){.kind = SHAPE_STRUCT, .members = list, .member_count = v->count};
    *out = value_builder_map(&b);
    return shape;
}

static struct str code_in_json(struct arena *arena, struct str code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (str_eqz(code, codes[i].query))
            return str_z(codes[i].json);
    struct str rest = code;
    for (str_cut(rest, '.', &rest); rest.p; str_cut(rest, '.', &rest))
        code = rest;
    return arena_printf(arena, "com.amazonaws.sqs#%.*s", STR_ARG(code));
}

/* Converts a response of such a service to the protocol of its client. */
static void query_compatible_answer(struct exchange *x, struct wire_message *answer)
{
    struct arena *arena = &x->arena;
    const struct value *body = &value_empty_map, *output;
    struct err ignored = ERR_INIT;
    if (!is_query_compatible(x) || (answer->body.n && json_parse(arena, answer->body, &body, &ignored)))
        return;
    bool error = answer->status >= 300;
    struct wire_operation op = {.protocol = x->query_operation.n ? WIRE_QUERY : WIRE_JSON10,
        .name = x->query_operation,
        .body_xmlns = STR("http://queue.amazonaws.com/doc/2012-11-05/")};
    struct str code = value_gets(body, "__type"), text = value_gets(body, "message");
    if (error && x->query_operation.n)
        refuse_in_xml(x, &op, answer->status, code, text, answer);
    else if (error) {
        wire_encode_error(
            arena, &op, answer->status, code_in_json(arena, code), text, str_z(x->request_id), answer);
        wire_header_add(arena, answer, STR("x-amzn-query-error"),
            arena_printf(arena, "%.*s;%s", STR_ARG(code), answer->status >= 500 ? "Receiver" : "Sender"));
    }
    if (error || !x->query_operation.n)
        return;
    const struct shape *shape = to_xml(arena, x->query_operation, body, &output);
    if (wire_encode_response(arena, &op, shape, output, str_z(x->request_id), answer, &ignored))
        wire_encode_error(
            arena, &op, 500, STR("InternalFailure"), str_z(ignored.message), str_z(x->request_id), answer);
}

/* Guesses the client's protocol before the service is known, so that the client can read an error
 * response. */
static enum wire_protocol protocol_of(const struct exchange *x)
{
    struct str type = wire_header_get(&x->request, STR("Content-Type"));
    if (wire_header_get(&x->request, STR("X-Amz-Target")).n)
        return str_find(type, STR("json-1.0"), 0) >= 0 ? WIRE_JSON10 : WIRE_JSON11;
    if (str_starts(type, STR("application/x-www-form-urlencoded")) ||
        str_find(x->request.query, STR("Action="), 0) >= 0)
        return str_eqz(x->auth.service, "ec2") ? WIRE_EC2 : WIRE_QUERY;
    return WIRE_REST_JSON;
}

static void send_answer(struct exchange *x, const struct wire_message *answer)
{
    x->reply = *answer;
    x->answered = true;
    query_compatible_answer(x, &x->reply);
}

static void front_refuse(struct exchange *x, int status, const char *code, const char *message)
{
    const struct wire_operation op = {.protocol = protocol_of(x)};
    struct wire_message answer;
    wire_encode_error(&x->arena, &op, status, str_z(code), str_z(message), str_z(x->request_id), &answer);
    send_answer(x, &answer);
}

/* Refuses a request with the error code of the service's protocol; `fault` has S3's code. */
static void refuse_signature(struct exchange *x, const struct fault *fault)
{
    static const struct {
        const char *s3, *query, *json;
    } words[] = {
        {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"},
        {"InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"},
        {"ExpiredToken", "ExpiredToken", "ExpiredTokenException"},
        {"SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"},
        {"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException"},
        {"AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
        {"AccessDenied", "MissingAuthenticationToken", "MissingAuthenticationTokenException"},
    };
    enum wire_protocol protocol = protocol_of(x);
    if (protocol == WIRE_EC2 && !str_eqz(str_z(fault->code), "RequestTimeTooSkewed") &&
        !str_eqz(str_z(fault->code), "ExpiredToken")) {
        front_refuse(x, 401, "AuthFailure", "AWS was not able to validate the provided access credentials");
        return;
    }
    bool query = protocol == WIRE_QUERY || protocol == WIRE_EC2;
    const char *code = fault->code, *message = fault->message;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eqz(str_z(fault->code), words[i].s3))
            code = query ? words[i].query : words[i].json;
    if (str_eqz(str_z(fault->code), "RequestTimeTooSkewed"))
        message = "Signature expired or not yet current: the request's time is too far from the server's.";
    front_refuse(x, query || protocol == WIRE_REST_JSON ? 403 : 400, code, message);
}

/* Answers requests for public documents, which have no signature. All others wait for the body, which the
 * signature covers. */
static void front_begin(struct exchange *x)
{
    struct services *services = x->auth.form == AUTH_NONE ? sandbox_services(x->sandbox) : NULL;
    struct str text;
    if (services && str_eqz(x->request.method, "GET") &&
        services_public(services, &x->arena, x->request.path, &text))
        reply_text(x, 200, "application/x-pem-file", text);
}

/* Checks the IAM policies for a request that no handler answers; false if it was refused. */
static bool may_reach_control(struct exchange *x, struct control *control)
{
    struct gate_request request = {.who = {.session = &x->auth.session},
        .service = x->auth.service,
        .region = x->auth.region,
        .input = &value_empty_map};
    struct err err = ERR_INIT;
    if (!control_reads(control, &x->arena, x->auth.service, &x->request, &request.operation, &request.input))
        request.operation = wire_request_name(&x->arena, protocol_of(x), &x->request);
    if (!request.operation.n || !gate_check(sandbox_gate(x->sandbox), &x->arena, &request, &err))
        return true;
    front_refuse(x, err.http_status, arena_strz(&x->arena, str_z(err.code)),
        arena_strz(&x->arena, str_z(err.message)));
    return false;
}

/* Decompresses the body: SDKs compress large bodies of some operations, such as PutMetricData. */
static bool unpack_body(struct exchange *x)
{
    if (!str_ieq(wire_header_get(&x->request, STR("Content-Encoding")), STR("gzip")))
        return true;
    AUTO_BUF struct buf plain = BUF_INIT;
    unsigned char chunk[16 * 1024];
    z_stream z = {.next_in = (unsigned char *)x->request.body.p, .avail_in = (unsigned)x->request.body.n};
    int status = inflateInit2(&z, 16 + MAX_WBITS);
    while (status == Z_OK && plain.n <= MAX_UNPACKED) {
        z.next_out = chunk;
        z.avail_out = sizeof chunk;
        status = inflate(&z, Z_NO_FLUSH);
        buf_add(&plain, chunk, sizeof chunk - z.avail_out);
    }
    inflateEnd(&z);
    x->request.body = arena_str(&x->arena, buf_str(&plain));
    if (status != Z_STREAM_END)
        front_refuse(x, 400, "SerializationException", "The body is not gzip, or more than 16 MiB of it.");
    return status == Z_STREAM_END;
}

static void front_end(struct exchange *x)
{
    struct str hash = sha256_hex(&x->arena, x->request.body), claimed = x->auth.payload_hash;
    bool tampered = claimed.n == 64 && !str_ieq(claimed, hash);
    static const struct fault mismatch = {403, "SignatureDoesNotMatch",
        "The body does not match the x-amz-content-sha256 header that was signed."};
    const struct fault *fault = auth_verify(x, hash);
    if (fault || tampered) {
        refuse_signature(x, fault ? fault : &mismatch);
        return;
    }
    if (!unpack_body(x) || !query_compatible_request(x))
        return;
    struct wire_message answer;
    struct control *control = sandbox_control(x->sandbox);
    struct services *services = sandbox_services(x->sandbox);
    if (!control)
        front_refuse(x, 500, "InternalFailure", "The specs cannot be loaded.");
    else if (services && (!services_read(services, x, &answer) || services_handle(services, x, &answer)))
        send_answer(x, &answer);
    else if (!may_reach_control(x, control))
        return;
    else if (control_handle(control, &x->arena, x->auth.service, x->auth.region, &x->request,
                 str_z(x->request_id), &answer)) {
        if (services && !wire_is_error(&answer))
            services_followed(
                services, x->auth.service, wire_request_name(&x->arena, protocol_of(x), &x->request));
        send_answer(x, &answer);
    } else
        front_refuse(x, 501, "NotImplemented",
            arena_printf(&x->arena, "The sandbox has no service %.*s.", STR_ARG(x->auth.service)).p);
}

const struct responder services_responder = {
    SPEAKS_SERVICE, front_begin, NULL, front_end, front_refuse, NULL};
