/*
 * Protocol codecs: values <-> bytes, for AWS's five protocols, in both directions (a client encodes requests
 * and decodes responses, a server the reverse). They are independent of resources, signing and transport.
 *
 *   query      form body Action=…&Version=…; lists as .member.N (or with another name); XML responses
 *   ec2        like query, lists flattened (Tag.1.Key), XML responses without a Result wrapper
 *   json-1.0, json-1.1   POST / with X-Amz-Target; JSON both ways
 *   rest-json  members in method, path, query and headers, the rest in a JSON body
 *   rest-xml   the same with XML
 *
 * A `struct shape` describes a value's form in requests and responses. It converts between weir's names
 * (snake_case) and the service's, so that values on our side always have weir's names. Shapes are immutable
 * and shared by all threads.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "base/value.h"

enum wire_protocol {
    WIRE_QUERY,
    WIRE_EC2,
    WIRE_JSON10,
    WIRE_JSON11,
    WIRE_REST_JSON,
    WIRE_REST_XML,
    WIRE_PROTOCOL_COUNT
};

bool wire_protocol_find(struct str name, enum wire_protocol *out);

static inline bool wire_is_rest(enum wire_protocol protocol)
{
    return protocol == WIRE_REST_JSON || protocol == WIRE_REST_XML;
}

static inline bool wire_is_json(enum wire_protocol protocol)
{
    return protocol == WIRE_JSON10 || protocol == WIRE_JSON11 || protocol == WIRE_REST_JSON;
}

enum shape_kind {
    SHAPE_ANY, /* unchanged */
    SHAPE_STRING,
    SHAPE_INT,
    SHAPE_FLOAT,
    SHAPE_BOOL,
    SHAPE_TIMESTAMP, /* our side: RFC 3339 string */
    SHAPE_BLOB,      /* base64 in requests and responses */
    SHAPE_JSON_TEXT, /* our side: map, list or string; sent as a string with JSON in it; percent-decoded when
                        read if it begins so */
    SHAPE_LIST,
    SHAPE_MAP,
    SHAPE_PAIRS, /* our side: a map; sent as a list of {key_name: …, value_name: …}; if value_name is ".", the
                    value's members are beside the key */
    SHAPE_STRUCT,
    SHAPE_JOINED, /* our side: a list of strings; sent as one string, separated by `item` */
};

enum wire_location {
    WIRE_BODY,
    WIRE_PATH,
    WIRE_QUERY_STRING,
    WIRE_HEADER,
    WIRE_HEADER_MAP /* prefix */,
    WIRE_RAW_BODY,
    WIRE_STATUS
};

enum wire_time { WIRE_TIME_DEFAULT /* the protocol's own */, WIRE_TIME_ISO, WIRE_TIME_EPOCH, WIRE_TIME_HTTP };

struct shape;

struct shape_member {
    struct str name; /* our name; "" for a group */
    struct str wire; /* the service's name */
    const struct shape *shape;
    enum wire_location location; /* only for members of the request or response itself */
    /* A structure in the request that our side does not have, or a list of one (SHAPE_LIST): its members are
     * taken from the same map. One group for each wire name. */
    bool group;
    /* A structure on our side that the request does not have: its members are in the parent. */
    bool spread;
    /* Sent in the enclosing structure if another member is there, never alone. */
    bool along;
    bool xml_attribute;
};

struct shape {
    enum shape_kind kind;
    const struct shape *elem;           /* LIST, MAP, PAIRS */
    const struct shape_member *members; /* STRUCT */
    size_t member_count;
    struct str item; /* XML and query: element name of a list's items; "": the protocol's (member) */
    struct str entry, key_name, value_name; /* MAP in XML ("entry","key","value") and PAIRS ("Key","Value") */
    bool flat;  /* XML and query: items have the list's own name, without a wrapper */
    bool keyed; /* STRUCT; query: sent as a map whose keys are the members: Foo.entry.1.key=Member */
    enum wire_time time;
    struct str xmlns; /* STRUCT in XML: xmlns attribute of the element */
    /* Values with another spelling (true -> Enabled): map of ours (as strings) -> the service's, and the
     * reverse. NULL: none. */
    const struct value *choices_in, *choices_out;
    struct str
        within; /* STRING; in answers the value may be in a text: "Type(other=…, WITHIN=value)"; "": not */
};

extern const struct shape shape_text, shape_any; /* SHAPE_STRING and SHAPE_ANY, without more */

/* The wire form of an API operation. */
struct wire_operation {
    struct str name; /* CreateRole */
    enum wire_protocol protocol;
    struct str version;       /* query, ec2: "2010-05-08" */
    struct str target_prefix; /* json: AWSGlue */
    struct str method;        /* REST; POST otherwise */
    struct str path;          /* REST: "/{Bucket}/{Key+}"; wire names in braces; "+" keeps slashes */
    struct str query;         /* REST: constant part of the query, e.g. "versioning" or "list-type=2" */
    struct str body; /* rest-xml: root element; rest-json: the member that is the whole body; "": none */
    struct str body_xmlns;
    struct str raw;    /* REST: the member whose string is the whole response body (bucket policies) */
    struct str root;   /* rest-xml: the response's root element, without which a response is incomplete; "":
                          any, or no body */
    struct str result; /* query: result wrapper, if not NAMEResult */
    struct str error_text; /* json: member of an error's message, if not "message" */
    int status;            /* REST: of the response; 0: 200 */
    bool typed_errors;     /* rest-json: errors have a type, and their message under both spellings */
    bool md5;              /* Content-MD5 is required */
};

struct wire_header {
    struct str name, value;
};

/* A request or a response as bytes; allocated in one arena. */
struct wire_message {
    struct str method;
    struct str path;  /* percent-encoded, begins with '/' */
    struct str query; /* percent-encoded, without '?' */
    struct wire_header *headers;
    size_t header_count, header_cap;
    struct str body;
    int status; /* of responses */
};

void wire_header_add(struct arena *arena, struct wire_message *message, struct str name, struct str value);
/* Compares without case; returns "" if the header is absent. */
struct str wire_header_get(const struct wire_message *message, struct str name);
/* Returns Retry-After (seconds or a date) or x-amz-retry-after (milliseconds); 0 if the response has
 * neither. */
int64_t wire_retry_after_ms(const struct wire_message *response, int64_t wall_ms);
/* Parses Content-Range, "bytes FROM-TO/SIZE"; returns false if it is invalid. */
bool wire_content_range(struct str header, int64_t *from, int64_t *to, int64_t *size);

/* ---- client side ---- */

/* `input` is a map under our names; `shape` its STRUCT. Nulls and missing members are not sent. Unknown
 * values are a bug. */
int wire_encode_request(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct wire_message *out, struct err *err);

/*
 * Decodes the response to a generic document under *wire* names: XML elements become maps (repeated ones
 * lists, leaves strings). The root element and query's Response and Result wrappers are removed. Names of ec2
 * get a capital first letter, as in requests. A root with only text (GetBucketLocation) is {Root: text}.
 * Headers are not included. An empty body is an empty map, except in query and ec2, whose responses always
 * have a root named after the operation. Fails with ERR_PROTOCOL and err->lost if the response is invalid.
 */
int wire_decode_response(struct arena *arena, const struct wire_operation *op,
    const struct wire_message *response, const struct value **document, struct err *err);

/* REST: adds the members that the shape has in the status, the headers or the raw body. */
const struct value *wire_add_headers(struct arena *arena, const struct shape *shape,
    const struct wire_message *response, const struct value *document);

/* True for a status other than 2xx, and for S3's status 200 with an <Error> root. */
bool wire_is_error(const struct wire_message *response);

/*
 * Decodes an error response (status 300 or more, or 200 with an <Error> root): fills err's code, message,
 * http_status and request_id; class and retryable by status and by codes for throttling or bad credentials
 * that all services share. Never fails: an invalid body gives "HTTP 503" and its first bytes.
 */
void wire_decode_error(const struct wire_operation *op, const struct wire_message *response, struct err *err);

/* The meaning of an error in all services; codes of single services (absent, exists) are in their specs. */
enum wire_fault {
    WIRE_FAULT_NONE,
    WIRE_FAULT_THROTTLED, /* slow down, then retry */
    WIRE_FAULT_TRANSIENT, /* retry */
    WIRE_FAULT_SKEW,      /* our clock may be wrong: compare with the response's Date, sign again */
    WIRE_FAULT_EXPIRED,   /* fetch new credentials, sign again */
    WIRE_FAULT_DENIED,    /* credentials refused for good */
};
enum wire_fault wire_fault(struct str code, int http_status);

/* ---- both sides ---- */

/* Converts a generic document (or a part of one) to our names and types by the shape. Members without an
 * entry in the shape are dropped. */
const struct value *wire_coerce(struct arena *arena, const struct shape *shape, const struct value *document);

/*
 * Returns the union of two shapes: structures, also in the items of lists, have the members of both. If the
 * kinds differ, the first shape counts, unless it is SHAPE_ANY.
 */
const struct shape *wire_shape_union(
    struct arena *arena, const struct shape *known, const struct shape *other);

/*
 * Evaluates a path in a generic document: "Role", "Policy.Arn", "Reservations[].Instances[]", "@" (the
 * document itself). [] flattens: every item of a list. "Versions[IsDefault=true]" is the first item with that
 * value. "UserPool.Domain|CustomDomain[]" lists those of the two members that exist.
 * "items[].resourceMethods{}" is every value of a map; a value that is a map gets the enclosing one as the
 * member ^. XML's list forms are handled: the wrappers `member` and `item` are skipped (other item names are
 * in the path: "Buckets.Bucket[]"), a single item counts as a list of one, an empty element as none. A name
 * also finds a key in an XML map (<entry><key/><value/></entry>). Returns NULL if there is nothing.
 */
const struct value *wire_path(struct arena *arena, const struct value *document, struct str path);

/* One segment of a path, for code that writes along a path or compares paths. */
enum wire_items {
    WIRE_MEMBER,
    WIRE_EVERY_ITEM,    /* Name[] */
    WIRE_ITEM_THAT_HAS, /* Name[key=value] */
    WIRE_EVERY_VALUE,   /* Name{} */
};
struct wire_segment {
    struct str name; /* "": the current value */
    enum wire_items items;
    struct str key, value;
};
/* Removes the first segment from the path, which must not be empty. */
struct wire_segment wire_path_cut(struct str *path);

/* Returns the entries of a map in the form of forms, {entry: [{key, value}]}; NULL for other values. */
const struct value *wire_entries(const struct value *doc);
/* Parses XML to a generic document: the root's content, with the root's name in *root. Bounded; namespace
 * prefixes are dropped. */
int wire_xml_read(
    struct arena *arena, struct str text, struct str *root, const struct value **document, struct err *err);
/* True if XML 1.0 can represent the text: it cannot contain most control characters, U+FFFE and U+FFFF. */
bool wire_xml_can_say(struct str text);
/* Escapes text as element content, or as an attribute's value. */
void wire_xml_escape(struct buf *out, struct str text, bool attribute);

/* ---- server side ---- */

/*
 * Returns -1 if the request is not for the operation. Otherwise the number of constant query parameters that
 * match; of several operations (GET /{Bucket} and GET /{Bucket}?versioning) the one with the highest number
 * is meant.
 */
int wire_match(const struct wire_operation *op, const struct wire_message *request);
/* Returns the operation's name in requests of the query, ec2 and json protocols (Action, X-Amz-Target); "" if
 * there is none. */
struct str wire_request_name(
    struct arena *arena, enum wire_protocol protocol, const struct wire_message *request);

/*
 * Decodes a request's members to one generic document under wire names (path, query, headers by the shape;
 * form and body otherwise; the body's member loses if there are two of a name), for wire_coerce(). Fails with
 * ERR_INVALID if the request is invalid.
 */
int wire_decode_request(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct wire_message *request, const struct value **document, struct err *err);
/* The status is 200 unless the shape has a status member. `body` and `body_xmlns` of the operation are the
 * response's here. */
int wire_encode_response(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct value *output, struct str request_id, struct wire_message *out, struct err *err);
/* Encodes an error in the protocol's form. */
void wire_encode_error(struct arena *arena, const struct wire_operation *op, int status, struct str code,
    struct str text, struct str request_id, struct wire_message *out);

/* ---- path.c: The pagination of a listing: detects a repeated token, which would cause an endless loop.
 *
 *     AUTO_PAGES struct pages pages = PAGES_INIT;
 *     do … while (there is a token, and pages_next() returns 0); */
struct pages {
    struct map seen; /* tokens so far */
    struct arena arena;
};

#define PAGES_INIT                                                                                           \
    {                                                                                                        \
        .arena = ARENA_INIT                                                                                  \
    }
#define AUTO_PAGES __attribute__((cleanup(pages_release)))
void pages_release(struct pages *pages);
/* Returns -1 with ERR_PROTOCOL if the token was used before. */
int pages_next(struct pages *pages, struct str operation, struct str token, struct err *err);
/* Like pages_next(), for a listing continued by several markers, or by a token that is not a string. */
int pages_next_value(struct pages *pages, struct str operation, const struct value *token, struct err *err);
