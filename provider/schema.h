/*
 * Schemas: what a resource type or data source looks like from outside. This header is all that `stacks`
 * knows of providers. Schemas are built once (from specs, or in C for types written in C), never change
 * afterwards and may be read by every thread.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

enum type_kind {
    TYPE_ANY, /* any value, unchanged (weir.value) */
    TYPE_STRING,
    TYPE_INT,
    TYPE_FLOAT, /* integers are accepted */
    TYPE_BOOL,
    TYPE_TIMESTAMP, /* RFC 3339 string */
    TYPE_BLOB,      /* string; base64 in requests */
    TYPE_JSON,      /* a map or list, or a JSON string; compared as JSON */
    TYPE_POLICY,    /* an IAM policy document; like JSON, compared as IAM normalises it */
    TYPE_TAGS,      /* map(string) */
    TYPE_LIST,
    TYPE_SET, /* a list in the stack file; order and duplicates do not matter */
    TYPE_MAP,
    TYPE_OBJECT,
};

struct attr;

/* Attributes that are configured together. */
struct name_group {
    const struct str *names;
    size_t count;
};

enum rule_kind {
    RULE_SOME,    /* at least one of the groups is configured */
    RULE_ONE,     /* exactly one */
    RULE_WITH,    /* if the first group is configured, the second has to be as well */
    RULE_WITHOUT, /* if the first group is configured, nothing of the second may be */
};

/* A rule on which attributes may be configured together. */
struct attr_rule {
    enum rule_kind kind;
    const struct name_group *groups;
    size_t count;
};

/* A test of a value. Only TEST_IS can test that an attribute is not configured. For an attribute that is not
 * configured, the other tests are false in `when` and true in `must`. */
enum test_kind {
    TEST_IS,     /* one of `values`: null means not configured, "*" any value */
    TEST_NOT,    /* none of `values` */
    TEST_LIKE,   /* matches the pattern of `like` */
    TEST_LEAST,  /* at least `number`; of a list, at least so many items */
    TEST_MOST,   /* at most `number`; the numbers at the paths `others`, if any, are added to it */
    TEST_ABOVE,  /* more than `number` */
    TEST_BELOW,  /* less than `number` */
    TEST_TIMES,  /* a multiple of `number` */
    TEST_LENGTH, /* at most so many characters as JSON without white space; of policies, the characters that
                    IAM counts */
    TEST_AMONG,  /* one of the values at `others`; of a map there, one of its keys */
    TEST_UNIQUE, /* no two items have the same value in the field `field` */
};
struct value_test {
    struct str path; /* an attribute, or attribute.field; for items see value_constraint.each */
    enum test_kind kind;
    const struct value *values;
    bool any_case; /* `values` are compared without case */
    const struct attr *like;
    int64_t number;
    const struct str *others; /* paths; one that begins with a dot starts at the item. "now" is the time,
                                 "prior.name" a value before the update */
    size_t other_count;
    struct str field;
};
struct value_tests {
    const struct value_test *items;
    size_t count;
};
/* A constraint between values: if all of `when` are true, all of `must` have to be. */
struct value_constraint {
    struct value_tests when, must;
    struct str each; /* `where` and `must` apply to each item of this list or map, "@key" its key, "@" the
                        item itself; "": to the whole object */
    struct value_tests where;
    struct str message;    /* the error message, for people */
    struct str code;       /* the service's error code; "": the code for any invalid value */
    struct str answer;     /* the service's own message, a template of attributes; "": not known */
    bool served;           /* depends on the account or the date: checked only by the sandbox */
    bool only_at_creation; /* the service checks it only at creation */
    bool legacy;           /* resources made earlier may break it */
};

/* Another resource of the stack that an attribute refers to: constraints use it under this name. */
struct schema_refer {
    struct str name, attribute, type; /* queue, event_source, aws.sqs.queue */
};

/* The default of an attribute that is not configured comes from another resource of the stack: of this type,
 * with the id at the path `by`. */
struct schema_fill {
    struct str path, by;   /* network.availability_zone, network.subnet_id */
    struct str type, from; /* aws.ec2.subnet, availability_zone */
};

/* A program that the machine needs for a sandbox to do more than keep records of a type: `name` is a row of
 * sandbox/engines.c. */
enum engine_use {
    ENGINE_MAKES,  /* the resource cannot be created without the engine */
    ENGINE_RUNS,   /* the resource can be created without the engine, but not run */
    ENGINE_SERVES, /* without the engine the resource is only a record and serves no requests */
    ENGINE_USES
};
struct schema_engine {
    struct str name;
    enum engine_use use;
    struct value_tests when;
};

/* A type may contain itself: code that walks down a type has to bound the depth. */
struct type {
    enum type_kind kind;
    const struct type *elem;   /* LIST, SET, MAP */
    const struct attr *fields; /* OBJECT; in the order of the spec */
    size_t field_count;
    const struct attr_rule *rules; /* of the fields */
    size_t rule_count;
    struct str key, value; /* TAGS: the service has a list of pairs with these names, which stack files may
                              use as well; "": a map */
    bool parsed;           /* JSON: a string is parsed */
    struct str place;      /* POLICY: where the policy is attached, see iam_policy_check(); "": anywhere */
};

enum attr_compare {
    COMPARE_EXACT,  /* by the type's own rule: sets as sets, JSON as JSON, numbers as numbers */
    COMPARE_CHOICE, /* of an enumeration: services may report its values in different case */
    COMPARE_NOCASE,
    COMPARE_PREFIX, /* a configured "8.0" matches the live "8.0.36" (engine versions) */
    COMPARE_CIDR, /* 10.0.0.1/16 equals 10.0.0.0/16: services clear the host bits. Keys of maps are converted
                     to that */
    COMPARE_CONFIGURED, /* only the configured parts of a document, at every depth: services add to it */
    COMPARE_PROTOCOL,   /* "6" equals "tcp" and "TCP": EC2 has names for four numbers, "all" is "-1" */
    COMPARE_ARN, /* "my-key" equals "arn:…:my-key" or "arn:…/my-key", whichever is live; an account id equals
                    "arn:…:id:root" */
};

struct attr {
    struct str name, doc;
    struct str member; /* member name in the service's API, a path; "": same as `name` */
    const struct type *type;
    bool required;
    bool computed; /* reported by the service; may not be configured unless also optional (see settable) */
    bool settable; /* may be configured */
    bool prepared; /* derived from local files: never configured, but compared like a configured value */
    bool costly;   /* prepared, but for a new object only computed beforehand if an expression refers to it */
    bool replace;  /* a change forces replacement */
    bool replace_whole; /* adding or removing it forces replacement, a change within it does not */
    bool attached;      /* a sub-resource with its own call: if a response lacks it, it does not exist */
    bool several_calls; /* a change takes several calls: after an interruption the live value does not tell
                      that the change is complete */
    bool sensitive;
    const struct value *plain_if; /* sensitive, but not a secret in an imported file if these attributes have
                                     one of these values; NULL: always a secret */
    bool write_only;   /* cannot be read back: the state keeps a salted hash, the diff compares hashes */
    bool send_default; /* sent with its default even if it is not configured */
    bool local; /* used by weir itself (force_destroy, source): recorded and compared with the record, never
                   read live */
    bool weir_only;  /* of local attributes: controls how operations are done, not what the resource is */
    bool identifies; /* requests identify the resource by it, so the state stores it unencrypted */
    bool shared;     /* a map that others write to as well: keys that were never configured are not managed */
    enum attr_compare compare;
    const struct value *default_value; /* what the service has if it is not configured; NULL: not known */
    const struct value
        *unset; /* what an update sends when it is removed from the configuration; NULL: the default */
    struct str pattern;                    /* PCRE that the whole string must match; "": none */
    const struct regex_code *pattern_code; /* from attr_compile_pattern(); NULL: compiled at each use */
    const struct value *choices;           /* list of allowed values; NULL: any */
    bool has_min, has_max;                 /* of a number, of a string's code points or of a list's items */
    int64_t min, max;
    struct str
        language; /* language of a string, a document, or each item of a list (provider/notation); "": none */
    bool has_language;              /* the attribute or a part of it has a language */
    const struct value *assumed_by; /* of an IAM role's ARN or name: services, one of which the role's trust
                                       policy has to allow; NULL: none */
    bool has_assumed_by;            /* the attribute or a part of it has `assumed_by` */
    struct str conflicts;      /* another attribute that may not be configured together with it; "": none */
    bool deprecated;           /* deprecated by the service */
    struct value_tests others; /* tests of the live object: if they are true, only others change the
                                  attribute, and it is sent only at creation; none: always managed */
};

struct resource_ops;
struct job_ops;

struct aws_service;

struct schema {
    struct str name; /* aws.s3.bucket */
    struct str doc;
    struct str cfn; /* the corresponding CloudFormation type; "": none */
    struct str operation,
        reference; /* the service's create operation and the URL of its page in the API reference; "": none */
    /* For types in C: an embedded file with their texts, attributes and example; NULL: these are in the
     * schema itself. */
    const char *described, *costly; /* costly: name of a costly attribute (struct attr) */
    struct str example;             /* YAML of one resource, for the reference page; may be empty */
    bool is_data;
    bool partial;      /* a failed creation or update leaves a valid part: it is recorded, and the next apply
                          continues */
    bool create_first; /* a replacement is created before the old resource is deleted, unless that would be a
                          cycle */
    bool delete_late; /* in a replacement the old resource is kept until all dependencies of the new one exist
                       */
    bool bulk;        /* has a list call: refreshed by listing */
    bool listed_per_parent;   /* the list call lists the resources of one parent (a bucket, a database): one
                         call for   each parent */
    const struct attr *attrs; /* in the order of the spec */
    size_t attr_count;
    const struct attr_rule *rules; /* of the attributes */
    size_t rule_count;
    const struct schema_refer *refers;
    size_t refer_count;
    const struct schema_fill *fills;
    size_t fill_count;
    const struct schema_engine *engines;
    size_t engine_count;
    const struct value_constraint *constraints;
    size_t constraint_count;
    struct str tags; /* the attribute that holds tags; "": `tags`, if the type has it */
    struct str id;   /* the attribute that identifies the resource to the service, e.g. name, arn, vpc_id */
    bool history;    /* a finished action, or only in the state: not searched for after a destroy */
    bool finished_is_final;   /* of `history` types: a finished one is not read any more */
    bool console;             /* a machine that others log in to: the service returns its console output */
    const struct str *unique; /* attributes whose values are unique at a location; none: the id */
    size_t unique_count;
    bool alike;          /* several resources may have the same id, so it does not identify one */
    struct str serves;   /* a resource of this type may contain a service that other resources call: always if
                            this is the id, else if this attribute is configured; "": never */
    struct str provider; /* the provider whose configuration it uses; "": the one that its name begins with */
    const struct aws_service
        *service;       /* the service that its calls go to; NULL: none, the resource is local */
    struct str pending; /* computed list of attributes whose change the service has accepted but not applied
                           yet; "": none */
    struct str pending_until; /* "the maintenance window" */
    int64_t
        settles_ms; /* so long after a change a read may return the state before the change; 0: no delay */
    struct str recovery; /* what is done when no response tells whether the resource was created, for people;
                        "": not known */
    int64_t visible_within_ms; /* so long after a create request the resource may not be found yet */
    bool name_is_unique;       /* the create call refuses a second resource of the same name */
    bool never_recovered;      /* cannot be determined: the resource is not created again until a person has
                                  checked */
    const struct resource_ops *ops; /* provider/provider.h */
    const struct job_ops *job;      /* provider/job.h; NULL: cannot be run */
    void *impl;                     /* the provider's own description of the type */
};

/* Finds by name; NULL if there is none. */
const struct attr *attr_find(const struct attr *attrs, size_t n, struct str name);
const struct attr *schema_attr(const struct schema *schema, struct str name);
/* Returns an object's value of an attribute, or the attribute's default; NULL if neither exists. */
const struct value *schema_value(const struct schema *schema, const struct value *object, struct str name);
const struct attr *type_field(const struct type *type, struct str name);
/* Returns a field of an object type, or in *elem the type of all entries of a map; NULL if nothing is known
 * of the key. */
const struct attr *type_entry(const struct type *type, struct str key, struct attr *elem);
/* True if the type is an object, or its items or entries contain objects. */
bool type_has_fields(const struct type *type);
/* "string", "list(string)", "object" … */
struct str type_name(struct arena *arena, const struct type *type);

/*
 * Compiles attr->pattern once, into the arena that holds the schema; for code that builds schemas. Returns -1
 * (ERR_INVALID) if it is not a regular expression.
 */
int attr_compile_pattern(struct arena *arena, struct attr *attr, struct err *err);
bool attr_matches_pattern(struct arena *arena, const struct attr *attr, struct str text);

/* Whether an attribute is configured. The value of an expression may turn out to be null (GIVEN_MAYBE). */
enum given_how { GIVEN_NOT, GIVEN_MAYBE, GIVEN_SURELY };
typedef enum given_how given_asked(const void *ctx, struct str name);
/* Returns what breaks the rule: "\"A\" and \"B\" exclude each other"; "" if nothing does. */
struct str attr_rule_broken(
    struct arena *arena, const struct attr_rule *rule, given_asked *given, const void *ctx);

/* A constraint that is broken, and the path of the value that breaks it. */
struct constraint_break {
    const struct value_constraint *constraint;
    struct str attribute;
    const struct value *path;    /* path within `attribute`: keys and indices, as far as values exist */
    bool at_key;                 /* the key at the path is wrong, not its value */
    size_t next, next_item;      /* where the search for the next one starts; 0 at first */
    const struct value *changed; /* input: names of changed attributes of an existing object. Only constraints
                                    that involve one of them are checked; NULL: all */
};
/*
 * Finds the first broken constraint from `out` on; returns false if there is none. Unknown values meet every
 * constraint. An attribute that is not configured counts as its default.
 */
enum constraint_checker {
    CHECKED_BY_WEIR,     /* the whole desired object; the resources that it refers to may be in it under their
                          * names
                          */
    CHECKED_AT_CREATION, /* by a service, which also knows the account, at creation */
    CHECKED_AT_UPDATE,   /* by a service at an update */
};
bool schema_constraint_broken(struct arena *arena, const struct schema *schema, const struct value *object,
    enum constraint_checker checker, struct constraint_break *out);
/* True if the live object is one of which only others change this attribute (attr.others). */
bool schema_is_others(
    struct arena *arena, const struct schema *schema, const struct attr *attr, const struct value *live);

/* True if all tests hold for the object. Unknown values count as false. `prior`: the object before the
 * update, or NULL. */
bool schema_tests_hold(struct arena *arena, const struct schema *schema, const struct value_tests *tests,
    const struct value *object, const struct value *prior);

/* Walks along a path of attributes and fields, into every item of lists and maps on the path. */
struct schema_walk {
    struct arena *arena;
    bool (*visit)(void *ctx, const struct schema_walk *walk, const struct type *type, const struct value *v);
    void *ctx;
    const struct value *steps[16]; /* keys and indices down to the visited value */
    size_t depth;
    bool many; /* the path went through items of a list or map */
};
/* Calls `visit` for the values at the path in v, except null. Returns false if a call did. `type` may be NULL
 * if it is not known. */
bool schema_walk_path(
    struct schema_walk *walk, const struct type *type, const struct value *v, struct str path);
/* Calls `visit` for each item of a list or map. */
bool schema_walk_items(struct schema_walk *walk, const struct type *type, const struct value *v);

/* What is wrong with a value, and where in the value. */
struct schema_issue {
    struct str message;       /* "expected an integer, got a string" */
    struct str label;         /* short text beside the carets: `did you mean "Enabled"?`; may be empty */
    struct str key;           /* the unknown or missing key, for "did you mean"; may be empty */
    const struct value *path; /* list of map keys (strings) and indices (ints) down to the wrong value */
    bool at_key;              /* the key itself is wrong, not its value */
    const struct attr *attr;  /* the innermost attribute that was checked */
};

/*
 * Converts a value to the attribute's type: numbers become strings where a string is expected (and the
 * reverse if it is exact), JSON strings stay strings, sets are sorted and deduplicated, object fields are
 * checked. Unknown values pass. Checks pattern, choices and range of known values (pattern and choices of a
 * list, set or map apply to its items). Values of sensitive attributes are marked. Returns -1 with *issue
 * filled in the arena; no string in it comes from a sensitive value. Nulls in objects and maps and a null
 * attribute mean "not configured". The values of an enumeration (COMPARE_CHOICE) may be given in any case,
 * and are converted to the service's spelling.
 */
int schema_convert(struct arena *arena, const struct attr *attr, const struct value *v,
    const struct value **out, struct schema_issue *issue);
/* Like schema_convert(), for requests: enumeration values have to be in the service's spelling. */
int schema_convert_exact(struct arena *arena, const struct attr *attr, const struct value *v,
    const struct value **out, struct schema_issue *issue);

/* Returns the boolean that a YAML 1.1 word such as yes, on or 1 means: "true" or "false"; NULL: neither. */
const char *schema_boolean_meant(struct str text);

/* Marks all parts of the value that the schema declares as sensitive, at any depth. */
const struct value *attr_mark_secrets(struct arena *arena, const struct attr *attr, const struct value *v);
/*
 * True if the value has a sensitive part outside the fields that the schema declares as sensitive or
 * write-only. Then the whole value is treated as sensitive. `attr` NULL: any sensitive part.
 */
bool attr_secret_beyond(const struct attr *attr, const struct value *v);

/*
 * True if `live` fulfils `desired` under the attribute's comparison rule. Not symmetric: of an object only
 * the fields in `desired` are compared, because only configured fields are managed: desired {a: 1} is
 * fulfilled by live {a: 1, b: "default"}. Maps are compared whole. A field missing from `live` counts as its
 * default, else as false; an empty string, list or map equals null. Neither value may contain unknowns. NULL
 * counts as null.
 */
bool attr_equal(const struct attr *attr, const struct value *desired, const struct value *live);
/* True if a difference (as attr_equal() finds it) within an object or a list of objects is in a field that
 * forces replacement. */
bool attr_replaces_within(const struct attr *attr, const struct value *desired, const struct value *live);
/*
 * Fields removed from the configuration are nulls in the desired object of an update (plan/objects/diff.h),
 * and nowhere else: schema_convert() drops nulls. Returns true if the value contains one.
 */
bool attr_removes_fields(const struct type *type, const struct value *v);
/* Returns the value without these nulls; with `defaults`, the known defaults take their place. */
const struct value *attr_without_nulls(
    struct arena *arena, const struct type *type, const struct value *v, bool defaults);
/* True if the service chooses the value if it is not configured. False for an object whose fields are all
 * computed. */
bool attr_is_chosen(const struct attr *attr);
/* Pairs each item of a set with an equal item (attr_equal()) of another set: an identical item is preferred
 * to one with more fields, and no item is used twice. Returns the index for each item, or -1 without a
 * partner. */
const int64_t *attr_items_paired(
    struct arena *arena, const struct attr *elem, const struct value *items, const struct value *among);
/* Like attr_without_nulls(), for all attributes of an object. */
const struct value *schema_without_nulls(
    struct arena *arena, const struct schema *schema, const struct value *object, bool defaults);
/* Returns the value after an update that removes those fields and keeps the other live fields of objects.
 * Lists of a different length, sets and documents are as desired. */
const struct value *attr_after_update(
    struct arena *arena, const struct type *type, const struct value *wanted, const struct value *live);
/* Returns the live value without the fields that the desired value lacks. In objects in lists, only those
 * that have their default are left out, unless `items`. */
const struct value *attr_restricted(struct arena *arena, const struct type *type, const struct value *wanted,
    const struct value *live, bool items);
/*
 * Returns what is sent where a service takes the whole attribute: the desired value (nulls stay) completed
 * with the other live fields of objects that can be configured. In lists, only items that already exist are
 * completed. Keys without an attribute (attr_is_unnamed()) are kept.
 */
const struct value *attr_completed(
    struct arena *arena, const struct attr *attr, const struct value *wanted, const struct value *live);
/* True for keys such as "@KMSKeyID": members read only to be sent back in an update. */
bool attr_is_unnamed(struct str key);
/* Clears the host bits: 10.0.0.0/16 for 10.0.0.1/16. Returns false and leaves *out unchanged if the string is
 * not an address range. */
bool schema_canonical_cidr(struct arena *arena, struct str cidr, struct str *out);
/* Returns EC2's name for a protocol number; the string itself if there is none. */
struct str schema_canonical_protocol(struct str protocol);
/*
 * Compares IAM policy documents, parsed or as strings, as IAM does: statements, actions, resources,
 * principals and condition values are sets, a string is a list of one, an account id is that account's root,
 * and the case of actions and condition keys does not matter.
 */
bool policy_equal(const struct value *a, const struct value *b);

/* ---- Settings as attributes: the settings under `providers:` and `state:` are declared in tables, so that
 * every command reports mistakes with their position, and editors know the settings. Types in C declare their
 * attributes in the same way. */
extern const struct type setting_text, setting_flag, setting_number, setting_any;
extern const struct type setting_texts; /* a map */

/* A setting that is part of the location: requests go there. */
#define SETTING_LOCATION(name_, type_, doc_)                                                                 \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .settable = true, .identifies = true,                     \
        .doc = STR_INIT(doc_)                                                                                \
    }
/* The further arguments are more members of struct attr. */
#define SETTING_ATTR(name_, type_, doc_, ...)                                                                \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .settable = true, .doc = STR_INIT(doc_), __VA_ARGS__      \
    }
#define COMPUTED_ATTR(name_, type_, doc_, ...)                                                               \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .computed = true, .doc = STR_INIT(doc_), __VA_ARGS__      \
    }
/* The type of an object with these attributes. */
#define OBJECT_TYPE(attrs_)                                                                                  \
    {                                                                                                        \
        .kind = TYPE_OBJECT, .fields = (attrs_), .field_count = sizeof(attrs_) / sizeof *(attrs_)            \
    }
