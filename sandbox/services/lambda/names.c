/* Finds the function that a request names, by name or partial or full ARN with or without qualifier, checked
 * in Lambda's order before any lookup. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "sandbox/services/lambda/lambda.h"

#include <pcre2.h>

/* ---- finding functions and versions ---- */

struct str lambda_split_name(struct str name, struct str *qualifier)
{
    static const struct str mark = STR_INIT("function:");
    struct str rest;
    ptrdiff_t at = str_find(name, mark, 0);
    if (at >= 0)
        name = str_slice(name, (size_t)at + mark.n, name.n);
    name = str_cut(name, ':', &rest);
    if (rest.p)
        *qualifier = rest;
    return name;
}

int lambda_no_such(const struct service_call *call, struct str name, struct str qualifier, struct err *err)
{
    return service_refuse(err, 404, "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:%.*s:%.*s:function:%.*s%s%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), STR_ARG(name), qualifier.n ? ":" : "", STR_ARG(qualifier));
}

/* Returns the alias's version, chosen by its routing weights. */
static struct str routed(const struct control_record *alias)
{
    const struct value *routing = value_getz(alias->attrs, "routing");
    uint32_t dice;
    hash_random(&dice, sizeof dice);
    double left = dice / 4294967296.0;
    for (uint32_t i = 0; routing && routing->kind == VALUE_MAP && i < routing->count; i++) {
        const struct value *weight = routing->entries[i].value;
        left -= value_is_number(weight) ? value_number(weight) : 0;
        if (left < 0)
            return routing->entries[i].key;
    }
    return value_text(value_getz(alias->attrs, "function_version"), STR("$LATEST"));
}

int lambda_find_version(const struct service_call *call, const struct control_record *record,
    struct str qualifier, struct str *version, struct control_record *out, struct err *err)
{
    struct control_record alias;
    int64_t number;
    *out = *record;
    *version = qualifier.n ? qualifier : STR("$LATEST");
    if (!str_eqz(*version, "$LATEST") && !str_to_int(qualifier, &number)) {
        struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(record->id), STR_ARG(qualifier));
        if (!service_find(call, STR("aws.lambda.alias"), id, &alias))
            return lambda_no_such(call, record->id, qualifier, err);
        *version = routed(&alias);
    }
    if (str_eqz(*version, "$LATEST") || lambda_version_find(call, record, *version, out))
        return 0;
    return lambda_no_such(call, record->id, *version, err);
}

static int find_layers(
    const struct service_call *call, const struct value *arns, const struct value **out, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; arns && arns->kind == VALUE_LIST && i < arns->count; i++) {
        struct control_record layer;
        struct str arn = value_text(arns->items[i], STR_EMPTY);
        if (!service_find(call, STR("aws.lambda.layer_version"), arn, &layer)) {
            value_builder_release(&b);
            return service_refuse(
                err, 502, "InvalidZipFileException", "the layer %.*s is not there", STR_ARG(arn));
        }
        const struct value *content = value_getz(layer.attrs, "content");
        value_builder_add(&b, content ? content : &value_empty_map);
    }
    *out = value_builder_list(&b);
    return 0;
}

/* Returns a key that changes with code or configuration; that of a published version never changes. */
static struct str key_of(struct arena *arena, const struct control_record *record, struct str version)
{
    if (!str_eqz(version, "$LATEST"))
        return arena_printf(arena, "%.*s %.*s %.*s %lld", STR_ARG(record->region), STR_ARG(record->id),
            STR_ARG(version), (long long)record->created_ms);
    return arena_printf(arena, "%.*s %.*s %lld %lld", STR_ARG(record->region), STR_ARG(record->id),
        (long long)record->changed_ms, (long long)record->revision);
}

static int check_runnable(const struct control_record *record, struct str runtime, struct err *err)
{
    if (str_eqz(value_gets(record->attrs, "package_type"), "Image"))
        return service_refuse(err, 502, "InvalidRuntimeException", "the sandbox runs no container images");
    if (!str_starts(runtime, STR("python")) && !str_starts(runtime, STR("provided")))
        return service_refuse(err, 502, "InvalidRuntimeException",
            "the sandbox runs functions for python3.x and provided.*, not for %.*s", STR_ARG(runtime));
    return 0;
}

int lambda_find_record(
    const struct service_call *call, struct str *qualifier, struct control_record *out, struct err *err)
{
    struct str name;
    *qualifier = value_gets(call->input, "Qualifier");
    if (service_required(call, "FunctionName", &name, err))
        return -1;
    name = lambda_split_name(name, qualifier);
    if (service_find(call, STR("aws.lambda.function"), name, out))
        return 0;
    const char *operation = call->operation ? call->operation->name : "";
    if ((!strcmp(operation, "Invoke") || !strcmp(operation, "PutFunctionConcurrency")) && !qualifier->n)
        *qualifier = STR("$LATEST");
    return lambda_no_such(call, name, strcmp(operation, "DeleteFunction") != 0 ? *qualifier : STR_EMPTY, err);
}

int lambda_find(const struct service_call *call, struct lambda_function *out, struct err *err)
{
    struct control_record record, of;
    struct str qualifier, version, arn;
    if (lambda_find_record(call, &qualifier, &record, err) ||
        lambda_find_version(call, &record, qualifier, &version, &of, err))
        return -1;
    arn = arena_printf(call->arena, "arn:aws:lambda:%.*s:%.*s:function:%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), STR_ARG(record.id));
    *out = (struct lambda_function){.name = record.id,
        .arn = arn,
        .invoked_arn = qualifier.n ? arena_printf(call->arena, "%s:%.*s", arn.p, STR_ARG(qualifier)) : arn,
        .region = call->region,
        .runtime = value_gets(of.attrs, "runtime"),
        .handler = value_gets(of.attrs, "handler"),
        .version = version,
        .role = value_gets(of.attrs, "role"),
        .dead_letter_queue = value_gets(of.attrs, "dead_letter_queue"),
        .key = key_of(call->arena, &of, version),
        .code = value_getz(of.attrs, "code"),
        .environment = value_getz(of.attrs, "environment"),
        .timeout_s = service_int(of.attrs, "timeout", 3),
        .memory_mib = service_int_within(of.attrs, "memory_size", 128, 0, INT32_MAX),
        .at_once = service_int(record.attrs, "reserved_concurrency", -1),
        .may_loop = str_eqz(value_gets(record.attrs, "recursive_loop"), "Allow")};
    return check_runnable(&of, out->runtime, err) ||
                   find_layers(call, value_getz(of.attrs, "layers"), &out->layers, err)
               ? -1
               : 0;
}

struct lambda_function lambda_copy(struct arena *arena, const struct lambda_function *function)
{
    struct lambda_function copy = *function;
    struct str *texts[] = {&copy.name, &copy.arn, &copy.region, &copy.runtime, &copy.handler, &copy.version,
        &copy.role, &copy.dead_letter_queue, &copy.invoked_arn, &copy.key};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = arena_str(arena, *texts[i]);
    copy.code = function->code ? value_copy(arena, function->code) : NULL;
    copy.environment = function->environment ? value_copy(arena, function->environment) : NULL;
    copy.layers = value_copy(arena, function->layers);
    return copy;
}

#define BEFORE                                                                                               \
    "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?"   \
    "(function:)?"

enum name_kind { ANY_NAME, NEW_NAME, ANY_QUALIFIER, TAGGED };
static const char *const patterns[] = {
    [ANY_NAME] = BEFORE "([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
    [NEW_NAME] = BEFORE "([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?",
    [ANY_QUALIFIER] = "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
    [TAGGED] = "arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:"
               "(function:[a-zA-Z0-9-_]+(:(\\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|"
               "code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-"
               "[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"};
static pcre2_code *compiled[sizeof patterns / sizeof *patterns];

enum {
    REGION = 3,
    FUNCTION_ACCOUNT = 9,
    NAME = 11,
    QUALIFIER = 13,
    TAGGED_QUALIFIER = 8,
    GROUPS = 20,
    MAX_NEW = 140,
    MAX_NAME = 64,
    MAX_QUALIFIER = 128
};

static void compile_patterns(void)
{
    int code;
    size_t at;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        compiled[i] = pcre2_compile((PCRE2_SPTR)patterns[i], PCRE2_ZERO_TERMINATED,
            PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
}

/* Matches the whole text against a pattern and returns its groups. */
static bool name_meets(enum name_kind kind, struct str text, struct str groups[GROUPS])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, compile_patterns);
    pcre2_match_data *match = compiled[kind] ? pcre2_match_data_create(GROUPS, NULL) : NULL;
    int n = match ? pcre2_match(compiled[kind], (PCRE2_SPTR)text.p, text.n, 0, 0, match, NULL) : -1;
    const size_t *offsets = match ? pcre2_get_ovector_pointer(match) : NULL;
    for (int i = 0; i < GROUPS; i++)
        groups[i] = i < n && offsets[2 * i] != PCRE2_UNSET
                        ? str_slice(text, offsets[2 * i], offsets[2 * i + 1])
                        : STR_EMPTY;
    pcre2_match_data_free(match);
    return n > 0;
}

/* Validation errors, listed as Lambda does. */
struct faults {
    struct buf text;
    int n;
};

static void add_fault(struct faults *faults, const char *member, struct str value, const char *constraint)
{
    buf_addf(&faults->text, "%sValue '%.*s' at '%s' failed to satisfy constraint: Member must %s",
        faults->n++ ? "; " : "", STR_ARG(value), member, constraint);
}

static void add_pattern(struct faults *faults, const char *member, struct str value, enum name_kind kind)
{
    AUTO_BUF struct buf constraint = BUF_INIT;
    buf_addf(&constraint, "satisfy regular expression pattern: %s", patterns[kind]);
    buf_add(&constraint, "", 1);
    add_fault(faults, member, value, constraint.p);
}

static int refuse_faults(struct faults *faults, const char *code, struct err *err)
{
    int status = !faults->n ? 0
                            : service_refuse(err, 400, code, "%d validation error%s detected: %.*s",
                                  faults->n, faults->n > 1 ? "s" : "", STR_ARG(buf_str(&faults->text)));
    buf_release(&faults->text);
    return status;
}

/* Returns whether an optional ARN part, which includes its colon, differs from `own`. */
static bool is_other(struct str part, struct str own)
{
    return part.n && !str_eq(str_slice(part, 0, part.n - 1), own);
}

static int refuse_region(struct str part, struct str own, struct err *err)
{
    return service_refuse(err, 404, "ResourceNotFoundException",
        "Functions from '%.*s' are not reachable in this region ('%.*s')", (int)part.n - 1, part.p,
        STR_ARG(own));
}

int lambda_new_name(struct service_call *call, struct err *err)
{
    struct str groups[GROUPS], name = value_gets(call->input, "FunctionName");
    struct faults faults = {0};
    if (!name.n)
        return 0;
    bool fits = name_meets(NEW_NAME, name, groups);
    if (!fits)
        add_pattern(&faults, "functionName", name, NEW_NAME);
    if (name.n > MAX_NEW)
        add_fault(&faults, "functionName", name, "have length less than or equal to 140");
    const char *code = faults.n ? "ValidationException" : "InvalidParameterValueException";
    if (!faults.n && groups[NAME].n > MAX_NAME)
        add_fault(&faults, "functionName", name, "have length less than or equal to 64");
    if (refuse_faults(&faults, code, err))
        return -1;
    if (is_other(groups[REGION], call->region))
        return refuse_region(groups[REGION], call->region, err);
    if (is_other(groups[FUNCTION_ACCOUNT], services_account(call->services))) {
        call->refusal = VALUE_MAP(call->arena, {STR("Message"), &value_null});
        return service_refuse(err, 403, "AccessDeniedException", "the function would be another account's");
    }
    call->input =
        value_with(call->arena, call->input, STR("FunctionName"), value_string(call->arena, groups[NAME]));
    return 0;
}

/* ---- names in paths ---- */

/* Splits /2015-03-31/functions/NAME/… at the name. False: no name in the path. */
static bool find_name(struct str path, struct str *before, struct str *name, struct str *after)
{
    static const struct str mark = STR_INIT("/functions/");
    ptrdiff_t at = str_find(path, mark, 0);
    if (at < 0)
        return false;
    *before = str_slice(path, 0, (size_t)at + mark.n);
    struct str rest = str_slice(path, before->n, path.n);
    ptrdiff_t end = str_find_char(rest, '/', 0);
    *name = end < 0 ? rest : str_slice(rest, 0, (size_t)end);
    *after = str_slice(rest, name->n, rest.n);
    return name->n > 0;
}

static struct str qualifier_in(struct arena *arena, struct str query)
{
    while (query.n) {
        struct str value, pair = str_cut(query, '&', &query);
        if (str_eqz(str_cut(pair, '=', &value), "Qualifier") && value.p)
            return url_decode(arena, value, true, &value) ? value : STR_EMPTY;
    }
    return STR_EMPTY;
}

/* True for operations that take a Qualifier parameter. For others only $LATEST is removed from the name. */
static bool takes_qualifier(struct str after)
{
    static const char *const ends[] = {"", "/configuration", "/invocations", "/url", "/event-invoke-config",
        "/provisioned-concurrency", "/runtime-management-config"};
    return STR_IS_ONE_OF(after, ends) || str_starts(after, STR("/policy"));
}

static void write_plain(
    struct exchange *x, struct str before, const struct str groups[GROUPS], struct str after, bool asked)
{
    AUTO_BUF struct buf path = BUF_INIT;
    bool beside = takes_qualifier(after), latest = str_eqz(groups[QUALIFIER], "$LATEST");
    if (groups[QUALIFIER].n && !beside &&
        (!latest || (str_eqz(after, "/concurrency") && str_eqz(x->request.method, "PUT"))))
        return; /* the name with its alias is left, as in ARNs of permissions */
    buf_add_str(&path, before);
    url_encode(&path, groups[NAME], false);
    buf_add_str(&path, after);
    x->request.path = arena_str(&x->arena, buf_str(&path));
    if (!groups[QUALIFIER].n || !beside || asked)
        return;
    AUTO_BUF struct buf query = BUF_INIT;
    buf_addf(&query, "%.*s%sQualifier=", STR_ARG(x->request.query), x->request.query.n ? "&" : "");
    url_encode(&query, groups[QUALIFIER], false);
    x->request.query = arena_str(&x->arena, buf_str(&query));
}

static int check_names(
    struct exchange *x, struct str before, struct str name, struct str after, struct err *err)
{
    struct str groups[GROUPS], unused[GROUPS], qualifier = qualifier_in(&x->arena, x->request.query);
    struct faults faults = {0};
    if (!name_meets(ANY_NAME, name, groups))
        add_pattern(&faults, "functionName", name, ANY_NAME);
    if (qualifier.n && !name_meets(ANY_QUALIFIER, qualifier, unused))
        add_pattern(&faults, "qualifier", qualifier, ANY_QUALIFIER);
    if (qualifier.n > MAX_QUALIFIER)
        add_fault(&faults, "qualifier", qualifier, "have length less than or equal to 128");
    if (refuse_faults(&faults, "ValidationException", err))
        return -1;
    if (is_other(groups[REGION], x->auth.region))
        return refuse_region(groups[REGION], x->auth.region, err);
    if (groups[QUALIFIER].n && qualifier.n && !str_eq(groups[QUALIFIER], qualifier))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.");
    write_plain(x, before, groups, after, qualifier.n > 0);
    return 0;
}

/* ---- tagged resources ---- */

static int not_there(const char *what, struct str arn, struct err *err)
{
    return service_refuse(err, 404, "ResourceNotFoundException", "%s not found: %.*s", what, STR_ARG(arn));
}

static int check_tagged(struct services *services, struct exchange *x, struct str arn, struct err *err)
{
    static const struct str mapping = STR_INIT(":event-source-mapping:");
    struct str groups[GROUPS];
    struct faults faults = {0};
    struct control_record found;
    if (!name_meets(TAGGED, arn, groups))
        add_pattern(&faults, "resource", arn, TAGGED);
    if (refuse_faults(&faults, "ValidationException", err))
        return -1;
    if (groups[TAGGED_QUALIFIER].n)
        return service_refuse(err, 400, "InvalidParameterValueException",
            "Tags on function aliases and versions are not supported. Please specify a function ARN.");
    if (str_find(arn, STR(":capacity-provider:"), 0) >= 0)
        return not_there("Capacity provider", arn, err);
    ptrdiff_t at = str_find(arn, mapping, 0);
    return at < 0 ||
                   control_find(services_control(services), &x->arena, STR("aws.lambda.event_source_mapping"),
                       x->auth.region, str_slice(arn, (size_t)at + mapping.n, arn.n), &found)
               ? 0
               : not_there("Event source mapping", arn, err);
}

int lambda_read_names(struct services *services, struct exchange *x, struct err *err)
{
    static const struct str tags = STR_INIT("/2017-03-31/tags/");
    struct str before, name, after;
    if (str_starts(x->request.path, tags) &&
        url_decode(&x->arena, str_slice(x->request.path, tags.n, x->request.path.n), false, &name))
        return check_tagged(services, x, name, err);
    if (!find_name(x->request.path, &before, &name, &after) || !url_decode(&x->arena, name, false, &name))
        return 0;
    return check_names(x, before, name, after, err);
}
