/*
 * Protocol codecs: values <-> bytes, for AWS's five protocols, in both directions (a client encodes requests
 * and decodes responses, a server the reverse). They know nothing of resources, signing or transport.
 *
 *   query      form body Action=…&Version=…; lists as .member.N (or a name of their own); XML answers
 *   ec2        like query, lists flattened (Tag.1.Key), XML answers without a Result wrapper
 *   json-1.0, json-1.1   POST / with X-Amz-Target; JSON both ways
 *   rest-json  method, path, query and headers carry members, the rest is a JSON body
 *   rest-xml   the same with XML
 *
 * A `struct shape` says how a value is on the wire. It converts between weir's names (snake_case) and the
 * service's, so the documents on our side always have weir's names. Shapes are immutable and shared by all
 * threads.
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

enum shape_kind {
    SHAPE_ANY, /* as it is */
    SHAPE_STRING,
    SHAPE_INT,
    SHAPE_FLOAT,
    SHAPE_BOOL,
    SHAPE_TIMESTAMP, /* our side: RFC 3339 text */
    SHAPE_BLOB,      /* base64 on the wire */
    SHAPE_JSON_TEXT, /* our side: map, list or text; on the wire a string with JSON in it; percent-decoded
                        when read if it begins so */
    SHAPE_LIST,
    SHAPE_MAP,
    SHAPE_PAIRS, /* our side: a map; on the wire a list of {key_name: …, value_name: …}; where value_name is
                    "." the value's members are beside the key */
    SHAPE_STRUCT,
    SHAPE_JOINED, /* our side: a list of texts; on the wire one text, with `item` between them */
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
    struct str name; /* ours; "" for a group */
    struct str wire; /* theirs */
    const struct shape *shape;
    enum wire_location location; /* only at the top of a request or response */
    /* A structure on the wire that our side does not have, or a list of one (SHAPE_LIST): its members are
     * taken from the same map. One group for each wire name. */
    bool group;
    /* A structure on our side that the wire does not have: its members are in the parent. */
    bool spread;
    /* It goes into the structure around it where that is there for another member, never alone. */
    bool along;
    bool xml_attribute;
};

struct shape {
    enum shape_kind kind;
    const struct shape *elem;           /* LIST, MAP, PAIRS */
    const struct shape_member *members; /* STRUCT */
    size_t member_count;
    struct str item; /* XML and query: element name of a list's items; "" means the protocol's (member) */
    struct str entry, key_name, value_name; /* MAP in XML ("entry","key","value") and PAIRS ("Key","Value") */
    bool flat;                              /* XML and query: items are directly under the list's own name */
    bool keyed; /* STRUCT; query: a map on the wire, of which the members are keys: Foo.entry.1.key=Member */
    enum wire_time time;
    struct str xmlns; /* STRUCT in XML: attribute on the element */
    /* Values spelt differently (true -> Enabled): map ours (as text) -> theirs, and the reverse. NULL: none.
     */
    const struct value *choices_in, *choices_out;
};

/* One API operation as the wire sees it. */
struct wire_operation {
    struct str name; /* CreateRole */
    enum wire_protocol protocol;
    struct str version;       /* query, ec2: "2010-05-08" */
    struct str target_prefix; /* json: AWSGlue */
    struct str method;        /* REST; POST otherwise */
    struct str path;  /* REST: "/{Bucket}/{Key+}"; names in braces are wire names; "+" keeps slashes */
    struct str query; /* REST: constant part, e.g. "versioning" or "list-type=2" */
    struct str body;  /* rest-xml: root element; rest-json: the member that is the whole body; "" none */
    struct str body_xmlns;
    struct str raw;    /* REST: the whole body of the answer is this member's text (bucket policies) */
    struct str root;   /* rest-xml: the answer's root element, which a whole answer has; "" any, or no body */
    struct str result; /* query: result wrapper where it is not NAMEResult */
    struct str error_text; /* json: what has an error's text; "message" otherwise */
    int status;            /* REST: of its answer; 0: 200 */
    bool typed_errors;     /* rest-json: errors say whose they are, and their text under both spellings */
    bool md5;              /* Content-MD5 is required */
};

struct wire_header {
    struct str name, value;
};

/* A request or a response as bytes; everything lives in the arena it was made in. */
struct wire_message {
    struct str method;
    struct str path;  /* percent-encoded, begins with '/' */
    struct str query; /* percent-encoded, without '?' */
    struct wire_header *headers;
    size_t header_count, header_cap;
    struct str body;
    int status; /* responses */
};

void wire_header_add(struct arena *arena, struct wire_message *message, struct str name, struct str value);
/* Case-insensitive; empty where it is not there. */
struct str wire_header_get(const struct wire_message *message, struct str name);
/* What a Content-Range, "bytes FROM-TO/SIZE", says; false: it makes no sense. */
bool wire_content_range(struct str header, int64_t *from, int64_t *to, int64_t *size);

/* ---- client side ---- */

/* `input` is a map under our names; `shape` its STRUCT. Nulls, and members that are not there, are left out.
 * Unknown values are a bug. */
int wire_encode_request(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct value *input, struct wire_message *out, struct err *err);

/*
 * The answer as a generic document under *wire* names: XML elements become maps (repeated ones lists, leaves
 * text); the root element and query's Response and Result wrappers are taken off; ec2's names begin with a
 * capital here, as they do in requests; a root with nothing but text (GetBucketLocation) is {Root: text}.
 * Headers are not included. An empty body is an empty map, but for query and ec2, whose answers always have a
 * root that is named after the operation. ERR_PROTOCOL, and lost, where it cannot be read.
 */
int wire_decode_response(struct arena *arena, const struct wire_operation *op,
    const struct wire_message *response, const struct value **document, struct err *err);

/* REST: adds those members that the shape finds in the status, the headers or the raw body. */
const struct value *wire_add_headers(struct arena *arena, const struct shape *shape,
    const struct wire_message *response, const struct value *document);

/* A status other than 2xx, or S3's way of answering 200 with an <Error> root. */
bool wire_is_error(const struct wire_message *response);

/*
 * What the service says went wrong, from an HTTP status of 300 or more (or a 200 with an <Error> root):
 * fills err's code, message, http_status, request_id; class by status and by the codes that mean throttling
 * or bad credentials in every service; retryable likewise. Never fails: an unreadable body gives "HTTP 503"
 * and its first bytes.
 */
void wire_decode_error(const struct wire_operation *op, const struct wire_message *response, struct err *err);

/* What an error means in every service alike; the services' own codes (absent, exists) are in their specs. */
enum wire_fault {
    WIRE_FAULT_NONE,
    WIRE_FAULT_THROTTLED, /* slow down, then repeat */
    WIRE_FAULT_TRANSIENT, /* repeat */
    WIRE_FAULT_SKEW,      /* our clock may be wrong: compare with the answer's Date, sign again */
    WIRE_FAULT_EXPIRED,   /* fetch new credentials, sign again */
    WIRE_FAULT_DENIED,    /* credentials refused, finally */
};
enum wire_fault wire_fault(struct str code, int http_status);

/* ---- either side ---- */

/* A generic document (or part of one) into our names and types, by the shape. Members the shape does not know
 * are dropped. */
const struct value *wire_coerce(struct arena *arena, const struct shape *shape, const struct value *document);

/*
 * What both have: structures, also in the items of lists, have the members of both. Where they are of two
 * kinds the first one is, unless that may be anything.
 */
const struct shape *wire_shape_union(
    struct arena *arena, const struct shape *known, const struct shape *other);

/*
 * Follows a path in a generic document: "Role", "Policy.Arn", "Reservations[].Instances[]", "@" (itself).
 * [] flattens: every item of a list; "Versions[IsDefault=true]" is the one item that is so, as a value of its
 * own. "UserPool.Domain|CustomDomain[]" is what there is of two members. "items[].resourceMethods{}" is every
 * value of a map; a value that is a map itself has a member ^ more, which is what it is in. What XML makes
 * of lists is evened out: the wrappers `member` and `item` are looked through (items of another name are in
 * the path: "Buckets.Bucket[]"), one item counts as a list of one, an empty element as none. A name also
 * finds a key in an XML map (<entry><key/><value/></entry>). NULL where nothing is there.
 */
const struct value *wire_path(struct arena *arena, const struct value *document, struct str path);

/* One step of a path, for those who write along one or compare two. */
enum wire_items {
    WIRE_MEMBER,
    WIRE_EVERY_ITEM,    /* Name[] */
    WIRE_ITEM_THAT_HAS, /* Name[key=value] */
    WIRE_EVERY_VALUE,   /* Name{} */
};
struct wire_segment {
    struct str name; /* "": of the place itself */
    enum wire_items items;
    struct str key, value;
};
/* Takes the first one off the path, which is not empty. */
struct wire_segment wire_path_cut(struct str *path);

/* The entries of a map as forms have it, {entry: [{key, value}]}; NULL: it is none. */
const struct value *wire_entries(const struct value *doc);
/* XML as a generic document: {root's content}, its name in *root. Bounded; namespace prefixes are dropped. */
int wire_xml_read(
    struct arena *arena, struct str text, struct str *root, const struct value **document, struct err *err);
/* XML 1.0 has no way to say most control characters, and neither U+FFFE nor U+FFFF. */
bool wire_xml_can_say(struct str text);
/* Text as element content, or as an attribute's value. */
void wire_xml_escape(struct buf *out, struct str text, bool attribute);

/* ---- server side ---- */

/*
 * Is this a request for the operation? -1: no. Otherwise how many constant query parameters it names, so that
 * of several (GET /{Bucket} and GET /{Bucket}?versioning) the greatest is the one meant.
 */
int wire_match(const struct wire_operation *op, const struct wire_message *request);
/* The operation's name as the query, ec2 and json protocols say it (Action, X-Amz-Target); "" where nothing
 * says so. */
struct str wire_request_name(
    struct arena *arena, enum wire_protocol protocol, const struct wire_message *request);

/*
 * The request's members as one generic document under wire names (path, query, headers by the shape; form and
 * body otherwise; of two with one name the body's loses); wire_coerce() takes it from there. ERR_INVALID
 * where it cannot be read.
 */
int wire_decode_request(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct wire_message *request, const struct value **document, struct err *err);
/* Status 200 unless the shape has a status member. `body` and `body_xmlns` of the operation are the answer's
 * here. */
int wire_encode_response(struct arena *arena, const struct wire_operation *op, const struct shape *shape,
    const struct value *output, struct str request_id, struct wire_message *out, struct err *err);
/* An error as this protocol's clients expect it. */
void wire_encode_error(struct arena *arena, const struct wire_operation *op, int status, struct str code,
    struct str text, struct str request_id, struct wire_message *out);

/* ---- path.c: The pages of one listing: a service that gives a token twice would be asked for the same pages
 * for ever.
 *
 *     AUTO_PAGES struct pages pages = PAGES_INIT;
 *     do … while (there is a token, and pages_next() says 0); */
struct pages {
    struct map seen; /* tokens */
    struct arena arena;
};

#define PAGES_INIT                                                                                           \
    {                                                                                                        \
        .arena = ARENA_INIT                                                                                  \
    }
#define AUTO_PAGES __attribute__((cleanup(pages_release)))
void pages_release(struct pages *pages);
/* -1 with ERR_PROTOCOL: this token has led on before. */
int pages_next(struct pages *pages, struct str operation, struct str token, struct err *err);
/* The same for a listing that goes on by several markers, or by a token that is no text. */
int pages_next_value(struct pages *pages, struct str operation, const struct value *token, struct err *err);
