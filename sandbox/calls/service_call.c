/* Helpers for handlers of operations: error responses, members of the input, pages, batches. */
#include "sandbox/calls/services.h"

#include "base/clock.h"
#include "base/embed.h"
#include "base/hash.h"

#include <ctype.h>
#include <math.h>

bool service_find(
    const struct service_call *call, struct str type, struct str reference, struct control_record *out)
{
    return control_find(services_control(call->services), call->arena, type, call->region, reference, out);
}

struct control_record *service_list(const struct service_call *call, struct str type, size_t *n)
{
    return control_list(services_control(call->services), call->arena, type, call->region, n);
}

int service_control(const struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err)
{
    const struct service_request request = {.service = str_z(call->operation->service),
        .operation = str_z(operation),
        .region = call->region,
        .input = input};
    return services_call_control(call->services, call->arena, &request, output, err);
}

int service_control_same(struct service_call *call, struct err *err)
{
    return service_control(call, call->operation->name, call->input, &call->output, err);
}

int service_control_shown(struct service_call *call, const char *members,
    const struct value *(*show)(struct service_call *call, const struct value *v), struct err *err)
{
    if (service_control_same(call, err))
        return -1;
    const struct value *answer = call->output;
    if (!*members)
        call->output = show(call, answer);
    for (uint32_t i = 0; i < answer->count; i++) {
        const struct value *v = answer->entries[i].value;
        AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
        if (!str_is_any(answer->entries[i].key, members))
            continue;
        for (uint32_t k = 0; v->kind == VALUE_LIST && k < v->count; k++)
            value_builder_add(&list, show(call, v->items[k]));
        call->output = value_with(call->arena, call->output, answer->entries[i].key,
            v->kind == VALUE_LIST ? value_builder_list(&list) : show(call, v));
    }
    return 0;
}

/* Returns the service's error code for a missing or invalid member. */
static const char *invalid_code(const struct service_call *call)
{
    static const struct {
        const char *service, *code;
    } codes[] = {{"glue", "InvalidInputException"}, {"logs", "InvalidParameterException"},
        {"batch", "ClientException"}, {"ecs", "InvalidParameterException"}, {"ec2", "InvalidParameterValue"},
        {"athena", "InvalidRequestException"}, {"sts", "ValidationError"}, {"monitoring", "MissingParameter"},
        {"ecr", "InvalidParameterException"}, {"sns", "InvalidParameter"},
        {"lambda", "InvalidParameterValueException"}, {"secretsmanager", "InvalidParameterException"}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (!strcmp(call->operation->service, codes[i].service))
            return codes[i].code;
    return "ValidationException";
}

/* Returns the service's error code for an invalid page token. */
static const char *token_code(const struct service_call *call)
{
    struct str service = str_z(call->operation->service);
    return str_eqz(service, "secretsmanager")                       ? "InvalidNextTokenException"
           : !str_is_any(service, "ssm monitoring cloudcontrolapi") ? invalid_code(call)
           : str_eqz(service, "cloudcontrolapi")                    ? "InvalidRequestException"
                                                                    : "InvalidNextToken";
}

int service_required(const struct service_call *call, const char *member, struct str *out, struct err *err)
{
    *out = value_gets(call->input, member);
    return out->n
               ? 0
               : service_refuse(err, 400, invalid_code(call), "%s needs %s", call->operation->name, member);
}

int service_list_within(const struct service_call *call, const char *member, uint32_t least, uint32_t most,
    const struct value **out, struct err *err)
{
    *out = value_getz(call->input, member);
    return *out && (*out)->kind == VALUE_LIST && (*out)->count >= least && (*out)->count <= most
               ? 0
               : service_refuse(err, 400, invalid_code(call), "%s has %u to %u items", member, least, most);
}

bool service_is(const struct service_call *call, const char *operation)
{
    return !strcmp(call->operation->name, operation);
}

const struct value *service_items(struct arena *arena, const struct value *map, const char *member)
{
    const struct value *v = value_getz(map, member), *inner = value_getz(v, "member");
    v = inner ? inner : v;
    return !v || v->kind == VALUE_LIST ? v : value_list(arena, &v, 1);
}

int service_dry_run(const struct service_call *call, struct err *err)
{
    return service_flag(call->input, "DryRun") ? service_refuse(err, 412, "DryRunOperation",
                                                     "Request would have succeeded, but DryRun flag is set.")
                                               : 0;
}

void service_answer(struct service_call *call, const char *member, const struct value *v)
{
    if (!value_is_null(v))
        call->output = value_with(call->arena, call->output, str_z(member), v);
}

void service_answer_text(struct service_call *call, const char *member, struct str text)
{
    service_answer(call, member, text.n ? value_string(call->arena, text) : NULL);
}

/* ---- unsupported and missing members ---- */

static bool asks(const struct value *v)
{
    bool collection = v && (v->kind == VALUE_LIST || v->kind == VALUE_MAP);
    return !value_is_null(v) && !value_equal(v, &value_false) && (!collection || v->count);
}

/* Returns the line of the operation in a file of sandbox/names. */
static struct str names_of(const struct service_call *call, const char *file)
{
    return embedded_line(
        file, arena_printf(call->arena, "%s %s", call->operation->service, call->operation->name));
}

int service_check_members(const struct service_call *call, struct err *err)
{
    struct str name, value, unknown = STR_EMPTY, names = names_of(call, "sandbox/names/unserved.txt"),
                            required = names_of(call, "sandbox/names/required.txt");
    while ((name = str_cut(names, ' ', &names)).n)
        if (asks(value_get(call->input, name)))
            unknown = arena_printf(
                call->arena, "%.*s%s%.*s", STR_ARG(unknown), unknown.n ? ", " : "", STR_ARG(name));
    if (unknown.n)
        return service_refuse(err, 400, invalid_code(call), "%s: the sandbox does not know %.*s",
            call->operation->name, STR_ARG(unknown));
    if (control_constraints(services_control(call->services), call->arena, str_z(call->operation->service),
            str_z(call->operation->name), call->input, err))
        return -1;
    while ((name = str_cut(required, ' ', &required)).n)
        if (service_required(call, arena_strz(call->arena, name), &value, err))
            return -1;
    return 0;
}

int64_t service_int_within(
    const struct value *map, const char *member, int64_t fallback, int64_t least, int64_t most)
{
    const struct value *v = value_getz(map, member);
    int64_t n = fallback;
    if (v && v->kind == VALUE_INT)
        n = v->integer;
    else if (v && v->kind == VALUE_FLOAT && fabs(v->number) < 9.2e18) /* others are out of range */
        n = (int64_t)v->number;
    else if (v && v->kind == VALUE_STRING && !str_to_int(v->string, &n))
        n = fallback;
    return n < least ? least : n > most ? most : n;
}

int64_t service_int(const struct value *map, const char *member, int64_t fallback)
{
    return service_int_within(map, member, fallback, -SERVICE_INT_MOST, SERVICE_INT_MOST);
}

bool service_flag(const struct value *map, const char *member)
{
    return value_getb(map, member) || str_eqz(value_gets(map, member), "true");
}

const struct value *service_time(const struct service_call *call, int64_t wall_ms)
{
    bool text = call->protocol == WIRE_QUERY || call->protocol == WIRE_EC2 || call->protocol == WIRE_REST_XML;
    if (!wall_ms)
        return NULL;
    return text ? value_string(call->arena, time_rfc3339(call->arena, wall_ms, true))
                : value_float(call->arena, (double)wall_ms / 1000);
}

#define PLACE "position "

/* Encodes a position as a token that cannot be mistaken for a number. */
static const struct value *token_of(struct arena *arena, size_t location)
{
    return value_string(arena, base64_encode(arena, arena_printf(arena, PLACE "%zu", location)));
}

static bool read_token(struct arena *arena, struct str token, int64_t *location)
{
    struct str text;
    return base64_decode(arena, token, &text) && str_starts(text, STR(PLACE)) &&
           str_to_int(str_slice(text, sizeof PLACE - 1, text.n), location) && *location >= 0;
}

int service_page(const struct service_call *call, const char *token, const char *size, size_t most, size_t n,
    size_t *first, size_t *end, const struct value **next, struct err *err)
{
    int64_t wanted = service_int(call->input, size, (int64_t)most), start = 0;
    struct str from = value_gets(call->input, token);
    if (from.n && !read_token(call->arena, from, &start))
        return service_refuse(
            err, 400, token_code(call), "%s is not one that the sandbox has returned", token);
    size_t count = wanted < 1 || (uint64_t)wanted > most ? most : (size_t)wanted;
    *first = (size_t)start < n ? (size_t)start : n;
    *end = n - *first > count ? *first + count : n;
    *next = *end < n ? token_of(call->arena, *end) : NULL;
    return 0;
}

int service_answer_page(
    struct service_call *call, const char *member, const struct value *all, size_t most, struct err *err)
{
    static const char *const sizes[] = {
        "MaxResults", "maxResults", "MaxRecords", "MaxItems", "limit", "Limit"};
    static const struct {
        const char *service, *in, *out;
    } tokens[] = {{"apigateway", "position", "position"}, {"ec2", "NextToken", "nextToken"},
        {"elasticmapreduce", "Marker", "Marker"}, {"lambda", "Marker", "NextMarker"},
        {"sqs", "NextToken", "NextToken"}};
    const char *in = isupper((unsigned char)*member) ? "NextToken" : "nextToken", *out = in, *size = "";
    const struct value *next;
    size_t first, end;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        if (!strcmp(call->operation->service, tokens[i].service)) {
            in = tokens[i].in;
            out = tokens[i].out;
        }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (value_getz(call->input, sizes[i]))
            size = sizes[i];
    if (service_page(call, in, size, most, all->count, &first, &end, &next, err))
        return -1;
    service_answer(call, member, value_list(call->arena, all->items + first, end - first));
    service_answer(call, out, next);
    return 0;
}

/* ---- batches ---- */

enum { MAX_BATCH = 10, MAX_ID = 80 };

static bool is_id(struct str id)
{
    return id.n <= MAX_ID && str_is_made_of(id, CHARS_ALNUM "-_");
}

/* Returns the error code and message for an invalid batch, or NULL if it is valid. */
static const char *batch_wrong(struct arena *arena, const struct value *entries, const char **text)
{
    AUTO_MAP struct map seen = MAP_INIT;
    *text = "There is no entry in the request.";
    if (!entries || entries->kind != VALUE_LIST || !entries->count)
        return "EmptyBatchRequest";
    *text = arena_printf(
        arena, "Maximum number of entries per request are 10. You have sent %u.", (unsigned)entries->count)
                .p;
    if (entries->count > MAX_BATCH)
        return "TooManyEntriesInBatchRequest";
    *text =
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
        "most 80 letters long.";
    for (uint32_t i = 0; i < entries->count; i++)
        if (!is_id(value_gets(entries->items[i], "Id")))
            return "InvalidBatchEntryId";
    *text = "Two or more batch entries in the request have the same Id.";
    for (uint32_t i = 0; i < entries->count; i++)
        if (map_set(&seen, value_gets(entries->items[i], "Id"), &seen))
            return "BatchEntryIdsNotDistinct";
    return NULL;
}

static const struct value *failed_entry(struct arena *arena, const struct value *id, const struct err *err)
{
    return VALUE_MAP(arena, {STR("Id"), id}, {STR("SenderFault"), &value_true},
        {STR("Code"), value_stringz(arena, err->code)}, {STR("Message"), value_stringz(arena, err->message)});
}

int service_batch(struct service_call *call, const struct value *entries, const char *prefix,
    service_entry *one, const void *ctx, struct err *err)
{
    const char *text, *code = batch_wrong(call->arena, entries, &text);
    if (code)
        return service_refuse(err, 400, arena_printf(call->arena, "%s%s", prefix, code).p, "%s", text);
    AUTO_BUILDER struct value_builder done = VALUE_BUILDER(call->arena), failed = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < entries->count; i++) {
        struct err why = ERR_INIT;
        const struct value *id = value_getz(entries->items[i], "Id");
        const struct value *answered = one(call, ctx, entries->items[i], &why);
        if (answered)
            value_builder_add(&done, value_with(call->arena, answered, STR("Id"), id));
        else
            value_builder_add(&failed, failed_entry(call->arena, id, &why));
    }
    struct value_entry output[] = {
        {STR("Successful"), value_builder_list(&done)}, {STR("Failed"), value_builder_list(&failed)}};
    call->output = value_map(call->arena, output, 2);
    return 0;
}
