/* SNS's checks of names and attributes, which come before lookups, and attributes as maps by name. */
#include "sandbox/services/sns/sns.h"

#include "base/json.h"
#include "sandbox/notation/languages.h"

#include <ctype.h>
#include <stdio.h>

/* ---- names and subscription attributes ---- */

enum { MAX_KEYS = 5, MAX_COMBINATIONS = 150, TOO_MANY = 1000000 };

int sns_refuse(struct err *err, const char *format, ...)
{
    va_list args;
    char text[1024];
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return service_refuse(err, 400, "InvalidParameter", "Invalid parameter: %s", text);
}

int sns_refuse_null(const char *member, struct err *err)
{
    return service_refuse(err, 400, "ValidationError",
        "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be "
        "null",
        member);
}

int sns_check_arn(const struct service_call *call, struct str arn, const char *member, struct err *err)
{
    size_t parts = 1;
    for (size_t i = 0; i < arn.n; i++)
        parts += arn.p[i] == ':';
    if (parts < 6)
        return sns_refuse(err, "%s Reason: An ARN must have at least 6 elements, not %zu", member, parts);
    return str_eq(str_part(arn, ':', 3), call->region) ? 0 : sns_refuse(err, "%s", member);
}

bool sns_is_phone_number(struct str text)
{
    bool digit = false;
    for (size_t i = str_starts(text, STR("+")); i < text.n; i++) {
        bool now = isdigit((unsigned char)text.p[i]);
        if (!now && (!digit || !strchr("-. /", text.p[i])))
            return false;
        digit = now;
    }
    return digit;
}

/* ---- attributes of subscriptions ---- */

/* Refuses with the message of AWS's JSON parser about the first token. */
static int refuse_json(struct err *err, const char *context, const char *name, struct str text)
{
    static const char where[] = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` "
                                "disabled); line: 1, column: ";
    size_t n = 0;
    while (n < text.n && isalnum((unsigned char)text.p[n]))
        n++;
    if (n)
        return sns_refuse(err,
            "%s%s: failed to parse JSON. Unrecognized token '%.*s': was expecting (JSON String, Number, "
            "Array, "
            "Object or token 'null', 'true' or 'false')%s%zu]",
            context, name, (int)n, text.p, where, n + 1);
    struct str next = text.n > 1 ? str_slice(text, 1, 1 + str_char_size(text, 1)) : STR(" ");
    return sns_refuse(err,
        "%s%s: failed to parse JSON. Unexpected character ('%.*s' (code %d)): was expecting double-quote to "
        "start "
        "field name%s2]",
        context, name, STR_ARG(next), (unsigned char)next.p[0], where);
}

static int check_redrive(
    struct arena *arena, struct str text, struct str endpoint, const char *context, struct err *err)
{
    const struct value *policy;
    if (!text.n)
        return 0;
    if (json_parse(arena, text, &policy, ERR_IGNORED))
        return refuse_json(err, context, "RedrivePolicy", text);
    struct str letters = value_gets(policy, "deadLetterTargetArn");
    if (!str_starts(letters, STR("arn:")) || str_find(letters, STR(":sqs:"), 0) < 0)
        return sns_refuse(err, "%sRedrivePolicy: deadLetterTargetArn is an invalid arn", context);
    if (str_ends(endpoint, STR(".fifo")) && !str_ends(letters, STR(".fifo")))
        return sns_refuse(err,
            "%sRedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
            context);
    return 0;
}

int sns_check_attribute(struct arena *arena, struct str name, struct str value, struct str endpoint,
    const char *context, struct err *err)
{
    if (!str_is_any(name, "DeliveryPolicy FilterPolicy FilterPolicyScope RawMessageDelivery RedrivePolicy "
                          "ReplayPolicy SubscriptionRoleArn"))
        return sns_refuse(err, "AttributeName");
    if (str_eqz(name, "RawMessageDelivery") && !str_ieq(value, STR("true")) && !str_ieq(value, STR("false")))
        return sns_refuse(err, "%sRawMessageDelivery: Invalid value [%.*s]. Must be true or false.", context,
            STR_ARG(value));
    if (str_eqz(name, "FilterPolicyScope") && !str_eqz(value, "MessageBody") &&
        !str_eqz(value, "MessageAttributes"))
        return sns_refuse(err,
            "%sFilterPolicyScope: Invalid value [%.*s]. Please use either MessageBody or MessageAttributes",
            context, STR_ARG(value));
    return str_eqz(name, "RedrivePolicy") ? check_redrive(arena, value, endpoint, context, err) : 0;
}

/* ---- filter policies ---- */

/* Size of a filter policy: its keys, and whether they are nested. */
struct extent {
    size_t keys;
    bool nested;
};

/* Returns the number of value combinations; values count once per nesting level, alternatives add up. */
static size_t measure(const struct value *policy, size_t depth, struct extent *out)
{
    size_t combinations = 1;
    for (uint32_t i = 0; policy->kind == VALUE_MAP && i < policy->count; i++) {
        const struct value *v = policy->entries[i].value;
        size_t factor = 0;
        bool alternatives = str_eqz(policy->entries[i].key, "$or") && v->kind == VALUE_LIST;
        for (uint32_t k = 0; alternatives && k < v->count; k++)
            factor += measure(v->items[k], depth, out);
        out->nested = out->nested || v->kind == VALUE_MAP;
        out->keys += !alternatives && v->kind == VALUE_LIST;
        if (!alternatives && v->kind == VALUE_MAP)
            factor = measure(v, depth + 1, out);
        else if (!alternatives)
            factor = v->kind == VALUE_LIST ? v->count * depth : 1;
        combinations *= factor;
        if (combinations > TOO_MANY)
            combinations = TOO_MANY;
    }
    return combinations;
}

/* Removes whitespace between tokens. */
static struct str compact(struct arena *arena, struct str text)
{
    AUTO_BUF struct buf out = BUF_INIT;
    bool quoted = false;
    for (size_t i = 0; i < text.n; i++) {
        bool escaped = quoted && text.p[i] == '\\' && i + 1 < text.n;
        quoted = quoted != (text.p[i] == '"');
        if (quoted || !isspace((unsigned char)text.p[i]))
            buf_add_char(&out, text.p[i]);
        if (escaped)
            buf_add_char(&out, text.p[++i]);
    }
    return arena_str(arena, buf_str(&out));
}

int sns_check_filter(
    struct arena *arena, struct str policy, struct str scope, const char *context, struct err *err)
{
    struct extent extent = {0};
    const struct value *parsed;
    if (!policy.n)
        return 0;
    if (json_parse(arena, policy, &parsed, ERR_IGNORED))
        return refuse_json(err, context, "FilterPolicy", policy);
    if (parsed->kind == VALUE_MAP && !parsed->count) /* removes the policy */
        return 0;
    struct str wrong = event_fault_message(arena, parsed, compact(arena, policy));
    if (wrong.n)
        return sns_refuse(err, "%sFilterPolicy: %.*s", context, STR_ARG(wrong));
    size_t combinations = measure(parsed, 1, &extent);
    if (extent.nested && !str_eqz(scope, "MessageBody"))
        return sns_refuse(
            err, "%sFilter policy scope MessageAttributes does not support nested filter policy", context);
    if (extent.keys > MAX_KEYS)
        return sns_refuse(err, "%sFilterPolicy: Filter policy can not have more than 5 keys", context);
    if (combinations > MAX_COMBINATIONS)
        return sns_refuse(err, "%sFilterPolicy: Filter policy is too complex", context);
    return 0;
}

const struct value *sns_by_name(struct arena *arena, const struct value *given)
{
    const struct value *list = value_as_list(message_entries(arena, given));
    AUTO_BUILDER struct value_builder out = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < list->count; i++) {
        struct str name = value_gets(list->items[i], "key");
        const struct value *v = value_getz(list->items[i], "value");
        value_builder_set(&out, name.n ? name : value_gets(list->items[i], "Name"),
            v                                     ? v
            : value_getz(list->items[i], "Value") ? value_getz(list->items[i], "Value")
                                                  : value_string(arena, STR_EMPTY));
    }
    return value_builder_map(&out);
}

static const struct value *as_entries(struct arena *arena, const struct value *map)
{
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++) {
        struct value_entry entry[] = {
            {STR("key"), value_string(arena, map->entries[i].key)}, {STR("value"), map->entries[i].value}};
        value_builder_add(&list, value_map(arena, entry, 2));
    }
    return value_with(arena, NULL, STR("entry"), value_builder_list(&list));
}

int sns_control(struct service_call *call, const char *operation, const struct value *input,
    const struct value **output, struct err *err)
{
    int status = service_control(call, operation, input, output, err);
    if (status &&
        str_eqz(str_z(err->code), "NotFound")) /* the internal JSON response always has status 400 */
        err->http_status = 404;
    return status;
}

int sns_attributes(struct service_call *call, const char *operation, const char *member, struct str arn,
    const struct value **out, struct err *err)
{
    const struct value_entry entry = {arena_str(call->arena, str_z(member)), value_string(call->arena, arn)};
    const struct value *output;
    if (sns_control(call, operation, value_map(call->arena, &entry, 1), &output, err))
        return -1;
    *out = sns_by_name(call->arena, value_getz(output, "Attributes"));
    return 0;
}

void sns_answer_attributes(struct service_call *call, const struct value *attributes)
{
    call->output = &value_empty_map;
    service_answer(call, "Attributes", as_entries(call->arena, attributes));
}
