/* PostObject: uploads by HTML forms and presigned posts, whose policy is signed instead of the request. The
 * whole form is received into a file before it is read. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/s3/s3srv.h"

#include <errno.h>
#include <sys/mman.h>

enum { MAX_FIELDS = 20 * 1024 };

struct form {
    struct wire_message fields; /* as headers */
    struct str key, file, filename;
};

/* ---- parsing ---- */

/* Returns a parameter of a header: key of `form-data; name="key"`. p NULL: it is absent. */
static struct str header_parameter(struct str header, const char *name)
{
    struct str rest = header, value;
    while (rest.n) {
        struct str key = str_cut(rest, '=', &value);
        key = str_trim(str_last_part(key, ";"));
        bool quoted = str_starts(str_trim(value), STR("\""));
        value = quoted ? str_cut(str_slice(str_trim(value), 1, value.n), '"', &rest)
                       : str_trim(str_cut(value, ';', &rest));
        if (str_ieq(key, str_z(name)))
            return value;
    }
    return (struct str){NULL, 0};
}

static bool is_form(const struct exchange *x)
{
    struct str rest;
    return str_ieq(str_trim(str_cut(wire_header_get(&x->request, STR("Content-Type")), ';', &rest)),
        STR("multipart/form-data"));
}

/* Returns the Content-Disposition in the head of a part. */
static struct str disposition_of(struct str head)
{
    while (head.n) {
        struct str value, line = str_trim(str_cut(head, '\n', &head));
        if (str_ieq(str_cut(line, ':', &value), STR("Content-Disposition")) && value.p)
            return str_trim(value);
    }
    return STR_EMPTY;
}

static bool malformed_form(struct s3 *s)
{
    s3srv_error(s, 400, "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.");
    return false;
}

/* Reads the fields up to the file; S3 ignores what follows it. False: responded. */
static bool form_read(struct s3 *s, struct str body, struct form *out)
{
    struct str boundary = header_parameter(s3srv_header(s, "Content-Type"), "boundary");
    struct str between = arena_printf(s->arena, "\r\n--%.*s", STR_ARG(boundary));
    ptrdiff_t at = str_find(body, str_slice(between, 2, between.n), 0);
    if (!boundary.n || at < 0)
        return malformed_form(s);
    size_t from = (size_t)at + between.n - 2;
    while (!out->file.p) {
        ptrdiff_t content = str_find(body, STR("\r\n\r\n"), from);
        ptrdiff_t end = content < 0 ? -1 : str_find(body, between, (size_t)content + 2);
        if (end < 0)
            return malformed_form(s);
        struct str disposition = disposition_of(str_slice(body, from, (size_t)content));
        struct str name = header_parameter(disposition, "name");
        struct str value =
            (size_t)end < (size_t)content + 4 ? STR_EMPTY : str_slice(body, (size_t)content + 4, (size_t)end);
        bool file = str_ieq(name, STR("file"));
        if ((size_t)(file ? content : end) > MAX_FIELDS) {
            s3srv_error(s, 400, "MaxPostPreDataLengthExceeded",
                "Your POST request fields preceding the upload file were too large.");
            return false;
        }
        if (file) {
            out->file = value;
            out->filename = header_parameter(disposition, "filename");
        } else if (name.n) {
            wire_header_add(s->arena, &out->fields, arena_str(s->arena, name), arena_str(s->arena, value));
        }
        from = (size_t)end + between.n;
    }
    return true;
}

/* Replaces ${filename}, unless the file came as a field without a name. */
static struct str form_key(struct s3 *s, const struct form *form)
{
    struct str key = wire_header_get(&form->fields, STR("key")), mark = STR("${filename}");
    struct str name = str_last_part(form->filename, "/\\");
    ptrdiff_t at = str_find(key, mark, 0);
    return at < 0 || !form->filename.p ? key
                                       : arena_printf(s->arena, "%.*s%.*s%.*s", (int)at, key.p, STR_ARG(name),
                                             STR_ARG(str_slice(key, (size_t)at + mark.n, key.n)));
}

/* ---- the policy ---- */

static bool refuse_policy(struct s3 *s, const char *why, struct str what)
{
    s3srv_error(s, 403, "AccessDenied",
        arena_printf(s->arena, "Invalid according to Policy: %s%.*s", why, STR_ARG(what)).p);
    return false;
}

static bool invalid_policy(struct s3 *s, const char *why)
{
    s3srv_error(s, 400, "InvalidPolicyDocument", arena_printf(s->arena, "Invalid Policy: %s", why).p);
    return false;
}

static struct str form_field(const struct s3 *s, const struct form *form, struct str name)
{
    return str_ieq(name, STR("bucket")) ? s->bucket
           : str_ieq(name, STR("key"))  ? form->key
                                        : wire_header_get(&form->fields, name);
}

static bool condition_fails(struct s3 *s, const char *test, struct str name, struct str value)
{
    return refuse_policy(s, "Policy Condition failed: ",
        arena_printf(s->arena, "[\"%s\", \"%.*s\", \"%.*s\"]", test, STR_ARG(name), STR_ARG(value)));
}

static bool length_fits(struct s3 *s, const struct form *form, const struct value *condition)
{
    int64_t range[2];
    for (int i = 0; i < 2; i++)
        if (!str_to_int(value_scalar_text(s->arena, condition->items[i + 1]), &range[i]))
            return condition_fails(s, "content-length-range",
                value_scalar_text(s->arena, condition->items[1]),
                value_scalar_text(s->arena, condition->items[2]));
    bool small = (int64_t)form->file.n < range[0];
    if (!small && (int64_t)form->file.n <= range[1])
        return true;
    s3srv_detail(s, "ProposedSize", arena_printf(s->arena, "%zu", form->file.n));
    s3srv_detail(s, small ? "MinSizeAllowed" : "MaxSizeAllowed",
        arena_printf(s->arena, "%lld", (long long)range[!small]));
    s3srv_error(s, 400, small ? "EntityTooSmall" : "EntityTooLarge",
        small ? "Your proposed upload is smaller than the minimum allowed size"
              : "Your proposed upload exceeds the maximum allowed size");
    return false;
}

/* Checks {"acl": "private"}, ["eq", "$acl", "private"], ["starts-with", …] or ["content-length-range", …],
 * and adds the field's name to `named`. False: responded. */
static bool form_condition_holds(
    struct s3 *s, const struct form *form, const struct value *condition, struct wire_message *named)
{
    struct str test = STR("eq"), name, wanted;
    if (condition->kind == VALUE_MAP) {
        if (condition->count != 1)
            return invalid_policy(s, "Invalid Simple-Condition: Simple-Conditions must have exactly one "
                                     "property specified.");
        name = arena_printf(s->arena, "$%.*s", STR_ARG(condition->entries[0].key));
        wanted = value_text(condition->entries[0].value, STR_EMPTY);
    } else if (condition->kind == VALUE_LIST && condition->count == 3) {
        test = arena_lower(s->arena, value_text(condition->items[0], STR_EMPTY));
        if (str_eqz(test, "content-length-range"))
            return length_fits(s, form, condition);
        name = value_text(condition->items[1], STR_EMPTY);
        wanted = value_text(condition->items[2], STR_EMPTY);
    } else {
        return invalid_policy(s, "Invalid Condition: wrong number of arguments.");
    }
    bool starts = str_eqz(test, "starts-with"), field = str_starts(name, STR("$"));
    if (!starts && !str_eqz(test, "eq"))
        return invalid_policy(s, "Invalid Condition: unknown operation.");
    struct str have = field ? form_field(s, form, str_slice(name, 1, name.n)) : STR_EMPTY;
    if (!field || !(starts ? str_starts(have, wanted) : str_eq(have, wanted)))
        return condition_fails(s, starts ? "starts-with" : "eq", name, wanted);
    wire_header_add(s->arena, named, str_slice(name, 1, name.n), STR("1"));
    return true;
}

/* Fields that no condition names are refused. */
static bool all_named(struct s3 *s, const struct form *form, const struct wire_message *named)
{
    for (size_t i = 0; i < form->fields.header_count; i++) {
        struct str name = arena_lower(s->arena, form->fields.headers[i].name);
        if (!str_is_any(name, "policy signature awsaccesskeyid x-amz-signature") &&
            !str_starts(name, STR("x-ignore-")) && !wire_header_get(named, name).n)
            return refuse_policy(s, "Extra input fields: ", name);
    }
    return true;
}

/* False: responded. */
static bool policy_allows(struct s3 *s, const struct form *form)
{
    struct str text;
    const struct value *policy;
    int64_t expires_ms;
    struct wire_message named = {0};
    if (!base64_decode(s->arena, wire_header_get(&form->fields, STR("policy")), &text) ||
        json_parse(s->arena, text, &policy, ERR_IGNORED) || policy->kind != VALUE_MAP)
        return invalid_policy(s, "Invalid JSON.");
    const struct value *conditions = value_getz(policy, "conditions");
    if (!time_parse_rfc3339(value_gets(policy, "expiration"), &expires_ms))
        return invalid_policy(s, "Invalid 'expiration' value.");
    if (!conditions || conditions->kind != VALUE_LIST)
        return invalid_policy(s, "Policy missing conditions.");
    if (expires_ms < clock_wall_ms())
        return refuse_policy(s, "Policy expired.", STR_EMPTY);
    for (uint32_t i = 0; i < conditions->count; i++)
        if (!form_condition_holds(s, form, conditions->items[i], &named))
            return false;
    return all_named(s, form, &named);
}

/* ---- the object ---- */

/* Makes the fields headers of the request, as PutObject has them. */
static void take_fields(struct s3 *s, const struct form *form)
{
    struct wire_message *request = &s->x->request, old = *request;
    request->headers = NULL;
    request->header_count = request->header_cap = 0;
    for (size_t i = 0; i < old.header_count; i++)
        if (!str_starts(arena_lower(s->arena, old.headers[i].name), STR("content-")))
            wire_header_add(s->arena, request, old.headers[i].name, old.headers[i].value);
    for (size_t i = 0; i < form->fields.header_count; i++) {
        struct str name = arena_lower(s->arena, form->fields.headers[i].name);
        bool acl = str_eqz(name, "acl");
        if (acl || str_starts(name, STR("x-amz-")) || str_starts(name, STR("content-")) ||
            str_is_any(name, "cache-control expires"))
            wire_header_add(s->arena, request, acl ? STR("x-amz-acl") : name, form->fields.headers[i].value);
    }
}

/* Returns what is stored of the fields, with the tags of <Tagging>. NULL: responded. */
static const struct value *form_doc(struct s3 *s, const struct form *form)
{
    struct str root, text = wire_header_get(&form->fields, STR("tagging"));
    const struct value *doc = s3srv_new_doc(s), *tagging = NULL, *tags;
    if (!doc || !text.n)
        return doc;
    if (wire_xml_read(s->arena, text, &root, &tagging, ERR_IGNORED)) {
        s3srv_malformed(s);
        return NULL;
    }
    tags = s3srv_parse_tags(s, value_getz(tagging, "TagSet"));
    return tags && tags->count ? value_with(s->arena, doc, STR("tags"), tags) : tags ? doc : NULL;
}

/* Replaces the received form by the content of its file. False: responded. */
static bool form_take_file(struct s3 *s, struct str file)
{
    struct ingest content;
    const struct fault *fault = ingest_begin(&content, s->x, s->store, true);
    if (!fault) {
        ingest_data(&content, file.p, file.n);
        fault = ingest_end(&content);
    }
    ingest_release(&s->in);
    s->in = content;
    if (fault)
        s3srv_fault(s, fault);
    return !fault;
}

static void answer_form(struct s3 *s, const struct form *form, const struct object *object)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str url = s3srv_object_url(s),
               status = wire_header_get(&form->fields, STR("success_action_status")),
               next = wire_header_get(&form->fields, STR("success_action_redirect"));
    s3srv_object_header_etag(s, object->etag);
    s3srv_checksum_headers(s, object->doc);
    if (str_starts(next, STR("http://")) || str_starts(next, STR("https://"))) {
        struct str etag = arena_printf(s->arena, "\"%.*s\"", STR_ARG(object->etag));
        url_add_parameter(&out, STR("bucket"), s->bucket);
        url_add_parameter(&out, STR("key"), s->key);
        url_add_parameter(&out, STR("etag"), etag);
        reply_header(s->x, "Location",
            arena_printf(s->arena, "%.*s%c%.*s", STR_ARG(next), str_find_char(next, '?', 0) < 0 ? '?' : '&',
                STR_ARG(buf_str(&out))));
        reply_status(s->x, 303);
        return;
    }
    reply_header(s->x, "Location", url);
    if (!str_eqz(status, "201")) {
        reply_status(s->x, str_eqz(status, "200") ? 200 : 204);
        return;
    }
    buf_addz(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>");
    xml_leaf(&out, "Location", url);
    xml_leaf(&out, "Bucket", s->bucket);
    xml_leaf(&out, "Key", s->key);
    xml_etag(&out, object->etag);
    buf_addz(&out, "</PostResponse>");
    reply_text(s->x, 201, "application/xml", buf_str(&out));
}

static void form_put(struct s3 *s, struct str body)
{
    struct form form = {.filename = {NULL, 0}};
    struct object object;
    if (!form_read(s, body, &form))
        return;
    form.key = s->key = arena_str(s->arena, form_key(s, &form));
    if (!s->key.n) {
        s3srv_argument(s, "key", STR_EMPTY,
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of "
            "the fields.");
        return;
    }
    const struct fault *fault = auth_verify_form(s->x, &form.fields);
    if (fault) {
        s3srv_fault(s, fault);
        return;
    }
    if (!s3srv_is_key(s->key)) {
        malformed_form(s);
        return;
    }
    if (!policy_allows(s, &form))
        return;
    take_fields(s, &form);
    if (!s3srv_accepts(s) || !s3srv_may(s))
        return;
    s3srv_before_put(s);
    if (s->x->answered || !form_take_file(s, form.file))
        return;
    const struct value *doc = form_doc(s, &form);
    if (doc && s3srv_put_content(s, doc, s->in.size, "ObjectCreated:Post", &object))
        answer_form(s, &form, &object);
}

static void s3srv_post_object(struct s3 *s)
{
    size_t size = (size_t)s->in.size;
    void *map = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, s->in.file.fd, 0) : MAP_FAILED;
    if (map == MAP_FAILED) {
        if (size)
            s3srv_store_error(s, STORE_FAILED, NULL);
        else
            malformed_form(s);
        return;
    }
    form_put(s, str_n(map, size));
    munmap(map, size);
}

static const struct s3srv_operation post_object = {
    S3_BUCKET, "POST", "", s3srv_post_object, NULL, true, "s3:PutObject"};

const struct fault *s3srv_begin_form(struct s3 *s)
{
    s->op = &post_object;
    if (!is_form(s->x)) {
        s3srv_precondition_failed(s, STR("Bucket POST must be of the enclosure-type multipart/form-data"));
        return NULL;
    }
    s->x->auth.payload_hash = STR("UNSIGNED-PAYLOAD");
    return ingest_begin(&s->in, s->x, s->store, false);
}
