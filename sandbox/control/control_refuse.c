/* Error responses of the services. */
#include "sandbox/control/control_internal.h"

#include <ctype.h>

int refuse(struct call *call, int status, struct str code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err_vset(call->err, ERR_SERVICE, format, args);
    va_end(args);
    const struct value *statuses = call->service ? call->service->spec->statuses : NULL;
    call->err->http_status = (int)value_geti(statuses, arena_strz(call->arena, code), status);
    snprintf(call->err->code, sizeof call->err->code, "%.*s", STR_ARG(code));
    return -1;
}

static bool is_json_rpc(const struct call *call)
{
    enum wire_protocol protocol = call->protocol;
    return protocol == WIRE_JSON10 || protocol == WIRE_JSON11;
}

/* Returns the type's own code for an error, or the service's first. */
static struct str code_of(
    const struct spec_type *type, const char *what, const struct spec_errors *all, struct str fallback)
{
    struct str own = value_gets(value_getz(type->sandbox, "errors"), what);
    return own.n ? own : all && all->count ? all->items[0].code : fallback;
}

/* Returns the message that clients expect if a code stands for several errors. */
static struct str words_of(const struct spec_errors *all, struct str code, const char *usual)
{
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->items[i].code, code) && all->items[i].message.n)
            return all->items[i].message;
    return str_z(usual);
}

int refuse_status(const struct call *call, int rest)
{
    return is_json_rpc(call) || call->protocol == WIRE_EC2 ? 400 : rest;
}

struct str refuse_words(struct call *call, const struct spec_type *type, const struct value *attrs,
    const struct value *message, struct str otherwise)
{
    bool several = message && message->kind == VALUE_LIST;
    for (uint32_t i = 0; message && i < (several ? message->count : 1); i++) {
        const struct value *text = fill_value(call, type, several ? message->items[i] : message, attrs);
        if (text && text->kind == VALUE_STRING)
            return text->string;
    }
    return otherwise;
}

static const struct value *message_of(const struct spec_type *type, const char *what)
{
    return value_getz(value_getz(type->sandbox, "messages"), what);
}

static int refuse_missing(struct call *call, const struct role *role, const struct value *message)
{
    const struct spec_errors *own = &role->step->call.absent;
    struct str code =
        own->count ? own->items[0].code
                   : code_of(role->type, "absent", &role->type->service->absent, STR("NotFoundException"));
    int status = refuse_status(call, 404);
    struct str ours = arena_printf(call->arena, "%.*s %.*s", STR_ARG(role->type->schema.name),
        STR_ARG(words_of(own->count ? own : &role->type->service->absent, code, "was not found")));
    return refuse(
        call, status, code, "%.*s", STR_ARG(refuse_words(call, role->type, call->input, message, ours)));
}

/* The message may depend on the call: {UpdateAlias: …, "*": …} */
int refuse_absent(struct call *call, const struct role *role)
{
    const struct value *message = message_of(role->type, "absent");
    const struct value *own = value_get(message, role->step->call.op->wire.name);
    return refuse_missing(call, role,
        own                                     ? own
        : message && message->kind == VALUE_MAP ? value_getz(message, "*")
                                                : message);
}

int refuse_absent_part(struct call *call, const struct role *role, const struct value *part)
{
    call->item = part;
    return refuse_missing(call, role, value_get(message_of(role->type, "parts"), role->attr->attr->name));
}

int refuse_reference(struct call *call, struct str code, struct str name, const struct spec_type *to,
    const struct value *given)
{
    const struct value_entry id = {to ? to->schema.id : name, given};
    const struct value *own = value_get(message_of(call->role->type, "reference"), name);
    struct str ours = arena_printf(call->arena, "%.*s \"%.*s\" does not exist", STR_ARG(name),
        STR_ARG(value_scalar_text(call->arena, given)));
    call->item = given;
    struct str words =
        own  ? refuse_words(call, call->role->type, call->input, own, ours)
        : to ? refuse_words(call, to, value_map(call->arena, &id, 1), message_of(to, "absent"), ours)
             : ours;
    return refuse(call, refuse_status(call, 404), code, "%.*s", STR_ARG(words));
}

int refuse_existing(struct call *call, const struct resource *existing)
{
    const struct spec_type *type = call->role->type;
    struct str code = code_of(type, "exists", &type->service->exists, STR("AlreadyExistsException"));
    if (existing->deleted_ms)
        code = code_of(type, "deleting", NULL, code);
    struct str ours = arena_printf(call->arena, "%.*s %.*s", STR_ARG(type->schema.name),
        STR_ARG(words_of(&type->service->exists, code, "exists already")));
    const struct value *message = existing->deleted_ms ? NULL : message_of(type, "exists");
    return refuse(call, refuse_status(call, 409), code, "%.*s",
        STR_ARG(refuse_words(call, type, existing->attrs, message, ours)));
}

struct str invalid_code(const struct call *call, struct str name)
{
    struct str usual = call->protocol == WIRE_QUERY ? STR("ValidationError")
                       : call->protocol == WIRE_EC2 ? STR("InvalidParameterValue")
                                                    : STR("ValidationException");
    const struct value *own = value_getz(value_getz(call->role->type->sandbox, "errors"), "invalid");
    return own && own->kind == VALUE_MAP ? value_text(value_get(own, name), usual)
                                         : code_of(call->role->type, "invalid", NULL, usual);
}

int refuse_invalid(struct call *call, struct str name, struct str why)
{
    return refuse(call, 400, invalid_code(call, name), "%.*s: %.*s", STR_ARG(name), STR_ARG(why));
}

/* ---- constraint violations, in AWS's format ---- */

/* Converts a member name for messages: logging_config, LoggingConfig.LogFormat -> loggingConfig.logFormat. */
static void add_member(struct buf *out, struct str name)
{
    bool capital = false, first = true;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (c == '_') {
            capital = true;
            continue;
        }
        buf_addf(out, "%c", capital ? toupper((unsigned char)c) : first ? tolower((unsigned char)c) : c);
        capital = false;
        first = c == '.';
    }
}

/* Writes the path of an issue in messages, and returns the value at the path. */
static const struct value *render_of(
    const struct spec_attr *spec, const struct schema_issue *issue, const struct value *v, struct buf *path)
{
    const struct attr *attr = spec->attr;
    add_member(path, spec->wire.n ? spec->wire : attr->name);
    for (uint32_t i = 0; issue->path && i < issue->path->count; i++) {
        const struct value *step = issue->path->items[i];
        if (step->kind == VALUE_INT) {
            buf_addf(path, ".%lld.member", (long long)step->integer + 1);
            v = v && v->kind == VALUE_LIST && step->integer < v->count ? v->items[step->integer] : NULL;
            continue;
        }
        const struct attr *field = NULL;
        for (size_t k = 0; attr && attr->type && k < attr->type->field_count; k++)
            if (str_eq(attr->type->fields[k].name, step->string))
                field = &attr->type->fields[k];
        buf_addz(path, ".");
        add_member(path, field && field->member.n ? field->member : step->string);
        v = value_get(v, step->string);
        attr = field;
    }
    return v;
}

/* Returns the violated constraint, or "" if none of enum, range and pattern. */
static struct str broken_constraint(struct call *call, const struct attr *attr, const struct value *v)
{
    const struct value *range[] = {attr->has_min ? value_int(call->arena, attr->min) : &value_null,
        attr->has_max ? value_int(call->arena, attr->max) : &value_null};
    if (!value_is_number(v) && v->kind != VALUE_STRING)
        return STR_EMPTY;
    return constraint_broken(call->arena,
        VALUE_MAP(call->arena, {STR("enum"), attr->choices},
            {STR("range"), value_list(call->arena, range, 2)},
            {STR("pattern"), value_string(call->arena, attr->pattern)}),
        v);
}

int refuse_lacking(struct call *call, const struct spec_attr *spec)
{
    AUTO_BUF struct buf path = BUF_INIT;
    if (!is_json_rpc(call) && call->protocol != WIRE_REST_JSON)
        return refuse_invalid(call, spec->attr->name, STR("a required member is missing"));
    add_member(&path, spec->wire.n ? spec->wire : spec->attr->name);
    return refuse(call, 400, STR("ValidationException"),
        "1 validation error detected: Value null at '%.*s' failed to satisfy constraint: Member must not be "
        "null",
        STR_ARG(buf_str(&path)));
}

/* Returns the code for constraint violations: ValidationException, or the type's own. */
static struct str constraint_code(const struct call *call, struct str name)
{
    const struct value *own = value_getz(value_getz(call->role->type->sandbox, "errors"), "invalid");
    const struct value *of_attribute = own && own->kind == VALUE_MAP ? value_get(own, name) : NULL;
    return of_attribute ? of_attribute->string
                        : code_of(call->role->type, "constraint", NULL, STR("ValidationException"));
}

int refuse_value(
    struct call *call, const struct spec_attr *spec, const struct value *v, const struct schema_issue *issue)
{
    AUTO_BUF struct buf path = BUF_INIT;
    const struct attr *attr = issue->attr ? issue->attr : spec->attr;
    bool json = is_json_rpc(call) || call->protocol == WIRE_REST_JSON;
    const struct value *given = v ? render_of(spec, issue, v, &path) : NULL;
    struct str constraint = json && given ? broken_constraint(call, attr, given) : STR_EMPTY;
    if (!constraint.n)
        return refuse_invalid(call, spec->attr->name, issue->message);
    struct str text = attr->sensitive ? STR_EMPTY
                                      : arena_printf(call->arena, " '%.*s'",
                                            STR_ARG(value_scalar_text(call->arena, given)));
    return refuse(call, 400, constraint_code(call, spec->attr->name),
        "1 validation error detected: Value%.*s at '%.*s' failed to satisfy constraint: Member must %.*s",
        STR_ARG(text), STR_ARG(buf_str(&path)), STR_ARG(constraint));
}

int refuse_members(struct call *call, struct str names)
{
    if (call->protocol == WIRE_EC2)
        return refuse(call, 400, STR("UnknownParameter"), "the sandbox does not know %.*s of %.*s",
            STR_ARG(names), STR_ARG(call->served->op->wire.name));
    call->role = &call->served->roles[0];
    return refuse_invalid(call, call->served->op->wire.name,
        arena_printf(call->arena, "the sandbox does not know %.*s", STR_ARG(names)));
}

int refuse_dry_run(struct call *call)
{
    return refuse(call, 412, STR("DryRunOperation"), "Request would have succeeded, but DryRun flag is set.");
}

int refuse_unkept(struct call *call, const struct err *why)
{
    return why->class == ERR_INVALID ? refuse(call, 400, STR("ValidationException"), "%s", why->message)
                                     : refuse(call, 500, STR("InternalFailure"), "%s", why->message);
}
