/*
 * Schemas: what a resource type or data source looks like from outside. This header is all that `stacks`
 * knows of providers. Schemas are built once (from specs, or by hand for types written in C), never change
 * afterwards and may be read by every thread.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

enum type_kind {
    TYPE_ANY, /* taken as it is (weir.value) */
    TYPE_STRING,
    TYPE_INT,
    TYPE_FLOAT, /* integers are accepted */
    TYPE_BOOL,
    TYPE_TIMESTAMP, /* RFC 3339 text */
    TYPE_BLOB,      /* text; base64 on the wire */
    TYPE_JSON,      /* a map or list, or JSON text; compared as JSON */
    TYPE_POLICY,    /* an IAM policy document; like JSON, compared as IAM normalises it */
    TYPE_TAGS,      /* map(string) */
    TYPE_LIST,
    TYPE_SET, /* a list in the file; order and duplicates do not matter */
    TYPE_MAP,
    TYPE_OBJECT,
};

struct attr;

/* Names that are given together. */
struct name_group {
    const struct str *names;
    size_t count;
};

enum rule_kind {
    RULE_SOME,    /* at least one of the groups is given */
    RULE_ONE,     /* exactly one */
    RULE_WITH,    /* whoever gives the first group gives the second as well */
    RULE_WITHOUT, /* … gives nothing of the second */
};

/* Which attributes belong together. */
struct attr_rule {
    enum rule_kind kind;
    const struct name_group *groups;
    size_t count;
};

/* How a value has to be. TEST_IS may ask for what is not given; of that the others hold never in `when`, and
 * always in `must`. */
enum test_kind {
    TEST_IS,     /* one of `values`: null is not given, "*" is anything */
    TEST_NOT,    /* none of them */
    TEST_LIKE,   /* the pattern of `like` */
    TEST_LEAST,  /* `number` or more; of a list, so many items */
    TEST_MOST,   /* beside `number` there may be `others`, whose numbers count, all of them */
    TEST_ABOVE,  /* more than that */
    TEST_TIMES,  /* a multiple of `number` */
    TEST_LENGTH, /* at most so many characters as JSON without blanks; of policies, those that IAM counts */
    TEST_AMONG,  /* one of what is at `others`; of a map there, of its keys */
    TEST_UNIQUE, /* no two items have the same in the field `field` */
};
struct value_test {
    struct str path; /* an attribute, or attribute.field; of items see value_constraint.each */
    enum test_kind kind;
    const struct value *values;
    bool any_case; /* of these */
    const struct attr *like;
    int64_t number;
    const struct str *others; /* paths; one that begins with a dot is the item's */
    size_t other_count;
    struct str field;
};
struct value_tests {
    const struct value_test *items;
    size_t count;
};
/* What values ask of each other: where `when` is so, `must` has to be. */
struct value_constraint {
    struct value_tests when, must;
    struct str each; /* `where` and `must` are about each item of this list or map, "@key" its key, "@" the
                        item itself; "" about the whole */
    struct value_tests where;
    struct str message; /* in words, for people */
    struct str code;    /* the service's; "" as for any invalid value */
    struct str answer;  /* the service's own words, a template of attributes; "" none known */
    bool served;        /* depends on the account or the day: only the sandbox says it */
    bool of_new;        /* the service asks it of new resources alone */
    bool legacy;        /* what was made before may be otherwise */
};

/* Another resource of the stack that an attribute leads to: constraints know it by this name. */
struct schema_refer {
    struct str name, attribute, type; /* queue, event_source, aws.sqs.queue */
};

/* What the file does not give is as another resource has it: of this type, and with the id that is at `by`.
 */
struct schema_fill {
    struct str path, by;   /* network.availability_zone, network.subnet_id */
    struct str type, from; /* aws.ec2.subnet, availability_zone */
};

/* What has to be on the machine for a sandbox to do more than keep records of a type: `name` is a row of
 * sandbox/engines.c. */
enum engine_use {
    ENGINE_MAKES,  /* one cannot be made without it */
    ENGINE_RUNS,   /* it is made, and cannot be run */
    ENGINE_SERVES, /* it is a record, behind which nothing answers */
    ENGINE_USES
};
struct schema_engine {
    struct str name;
    enum engine_use use;
    struct value_tests when;
};

/* A type may be within itself: whoever walks down one bounds its way. */
struct type {
    enum type_kind kind;
    const struct type *elem;   /* LIST, SET, MAP */
    const struct attr *fields; /* OBJECT; in spec order */
    size_t field_count;
    const struct attr_rule *rules; /* of the fields */
    size_t rule_count;
    struct str key, value; /* TAGS: the service has a list of pairs with these names, which files may give as
                              well; "" a map */
    bool parsed;           /* JSON: a text is turned into what it says */
    struct str place;      /* POLICY: where it is, see iam_policy_check(); "" anywhere */
};

enum attr_compare {
    COMPARE_EXACT,  /* by the type's own rule: sets as sets, JSON as JSON, numbers as numbers */
    COMPARE_CHOICE, /* of an enumeration: services report its values in other case, too */
    COMPARE_NOCASE,
    COMPARE_PREFIX,     /* a given "8.0" matches the live "8.0.36" (engine versions) */
    COMPARE_CIDR,       /* 10.0.0.1/16 is 10.0.0.0/16: services take off the host's bits. Keys of maps are
                           converted to that */
    COMPARE_CONFIGURED, /* of a document only what is given, at every depth: services add to it */
    COMPARE_PROTOCOL,   /* "6" is "tcp", as is "TCP": EC2 has names for four numbers, "all" is "-1" */
    COMPARE_ARN, /* "my-key" is a live "arn:…:my-key" or "arn:…/my-key", an account's id "arn:…:id:root" */
};

struct attr {
    struct str name, doc;
    struct str member; /* its name in the service's API, a path; "" the same word */
    const struct type *type;
    bool required;
    bool computed; /* the service says; may not be given in the file unless also optional (see settable) */
    bool settable; /* may be given in the file */
    bool prepared; /* follows from local files: never given, and yet compared like what is */
    bool costly;   /* likewise, but of a new object only found out beforehand where something refers to it */
    bool replace;  /* a change means delete and create */
    bool replace_whole; /* likewise where it is added or removed, not where something in it changes */
    bool attached;      /* has a call of its own: where an answer leaves it out, it is not there */
    bool stepwise; /* a change takes several calls: cut off, it is not done by what the service shows of it */
    bool sensitive;
    const struct value *plain_if; /* likewise, but no secret in a file that is imported where these attributes
                                     have one of these values; NULL: always one */
    bool write_only;   /* cannot be read back: the state keeps a salted hash, the diff compares hashes */
    bool send_default; /* the service wants it even where the file is silent */
    bool local; /* used by weir itself (force_destroy, source): recorded, compared with the record, never read
                   live */
    bool weir_only;  /* of local ones: says how things are done, not what the resource is */
    bool identifies; /* requests name the resource by it, so it is kept readable */
    bool shared;     /* a map that others write to as well: keys that the file never named are not ours */
    enum attr_compare compare;
    const struct value *default_value; /* what the service has when nothing is given; NULL: none known */
    const struct value *unset; /* what an update says instead where it is taken out; NULL: the default */
    struct str pattern;        /* PCRE that the whole text must match; "" none */
    const struct regex_code *pattern_code; /* by attr_compile_pattern(); NULL: compiled at each use */
    const struct value *choices;           /* list of allowed values; NULL: any */
    bool has_min, has_max;                 /* of a number, a text's code points or a list's items */
    int64_t min, max;
    struct str language; /* of a text, a document, or each of a list: the one it is in (provider/notation); ""
                            none */
    bool speaks;         /* it has a language, or something in it has */
    const struct value *assumed_by; /* of an IAM role's ARN or name: services, of which its trust policy has
                                       to let in one; NULL: nobody assumes it */
    bool assumed;                   /* it names such a role, or something in it does */
    struct str conflicts;           /* another attribute that may not be given together; "" none */
    bool deprecated;                /* the service would rather not have it given */
    struct value_tests others; /* of what is there: where they hold it is changed by others alone, and given
                                  only to make one; none: never */
};

struct resource_ops;
struct job_ops;

struct aws_service;

struct schema {
    struct str name; /* aws.s3.bucket */
    struct str doc;
    struct str cfn;                  /* CloudFormation's type for the same thing; "" none */
    struct str operation, reference; /* the service's operation that makes it, and the address of its page in
                                        the API's reference; "" none */
    /* Of types in C: an embedded file with their text, attributes and example; NULL: they are here. */
    const char *described, *costly; /* costly: an attribute that is (struct attr) */
    struct str example;             /* YAML of one resource, for the reference page; may be empty */
    bool is_data;
    bool partial; /* what a failed change leaves is whole as far as it goes: it is recorded, and gone on with
                   */
    bool
        create_first; /* a replacement is made before the old one is deleted, unless that would be a circle */
    bool delete_late; /* in a replacement the old one stays until all that the new one needs is there */
    bool bulk;        /* has a list call: refreshed by pages */
    bool scattered;   /* these are of what it is in (a bucket, a database): a call for each of those */
    const struct attr *attrs; /* in spec order */
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
    struct str tags; /* the attribute that holds tags; "" `tags`, where there is one */
    struct str id;   /* the attribute that identifies it to the service, e.g. name, arn, vpc_id */
    bool history; /* something that was done, or that only the state has: after a destroy nothing looks for it
                   */
    bool over;    /* of these: once it is done no read tells anything new */
    bool console; /* a machine that others log in to: its service tells what it printed when it started */
    const struct str *unique; /* attributes that no two have alike at one location; none: the id */
    size_t unique_count;
    bool alike;        /* several may have one id: it tells nothing apart */
    struct str serves; /* a service that others of the stack call may be in it: always, where that is the id,
                          else where this attribute is given; "" none */
    struct str provider;               /* whose configuration it uses; "": the one its name begins with */
    const struct aws_service *service; /* that its calls go to; NULL: none, nothing of it is outside */
    struct str
        pending; /* computed list: attributes whose change the service has taken but not made yet; "" none */
    struct str pending_until; /* "the maintenance window" */
    int64_t settles_ms;       /* so long after a change a read may show what was before; 0: at once */
    struct str lost;  /* what is done where no answer says whether it was made, for people; "" not given */
    int64_t shows_ms; /* so long after a request what it made may not be found yet */
    bool named;       /* its name says so at once: a second one of the same is refused */
    bool unknowable;  /* that cannot be found out: it is not made again until somebody has looked */
    const struct resource_ops *ops; /* provider/provider.h */
    const struct job_ops *job;      /* provider/job.h; NULL: nothing that could be run */
    void *impl;                     /* the provider's own description of the type */
};

/* By name; NULL: none. */
const struct attr *attr_find(const struct attr *attrs, size_t n, struct str name);
const struct attr *schema_attr(const struct schema *schema, struct str name);
/* What an object of it says of an attribute, or the attribute's default; NULL: neither does. */
const struct value *schema_value(const struct schema *schema, const struct value *object, struct str name);
const struct attr *type_field(const struct type *type, struct str name);
/* A field, or what all entries of a map are, in *elem; NULL: nothing is known of it. */
const struct attr *type_entry(const struct type *type, struct str key, struct attr *elem);
/* Are there objects in it, or in its items or entries? */
bool type_has_fields(const struct type *type);
/* "string", "list(string)", "object" … */
struct str type_name(struct arena *arena, const struct type *type);

/*
 * Compiles attr->pattern once, into the arena that the schema lives in, for those who build schemas. -1
 * (ERR_INVALID) where it is no regular expression.
 */
int attr_compile_pattern(struct arena *arena, struct attr *attr, struct err *err);
bool attr_matches_pattern(struct arena *arena, const struct attr *attr, struct str text);

/* How sure is it that something is given? What an expression gives may turn out to be null. */
enum given_how { GIVEN_NOT, GIVEN_MAYBE, GIVEN_SURELY };
typedef enum given_how given_asked(const void *ctx, struct str name);
/* What is wrong under the rule: "\"A\" and \"B\" exclude each other"; "" nothing. */
struct str attr_rule_broken(
    struct arena *arena, const struct attr_rule *rule, given_asked *given, const void *ctx);

/* A constraint that is not met, and where. */
struct constraint_break {
    const struct value_constraint *constraint;
    struct str attribute;
    const struct value *path;    /* from there: keys and indices, as far as something is given */
    bool at_key;                 /* the key there is wrong, not its value */
    size_t next, next_item;      /* where a search for the next one goes on; 0 at first */
    const struct value *changed; /* given with a search: attributes of something that exists. Only those in
                                    which one of them takes part are asked; NULL: all */
};
/*
 * The first constraint from `out` on that the object does not meet; false: there is none. What is not known
 * yet meets them; what is not given counts as its default.
 */
enum constraint_asker {
    ASKED_BY_WEIR,    /* of the whole that is wanted; what it refers to may be in it under its name */
    ASKED_OF_NEW,     /* by a service, which knows more, of what is made */
    ASKED_OF_CHANGED, /* of what is there already */
};
bool schema_constraint_broken(struct arena *arena, const struct schema *schema, const struct value *object,
    enum constraint_asker asker, struct constraint_break *out);
/* Is what is there so that others alone change this attribute of it? */
bool schema_is_others(
    struct arena *arena, const struct schema *schema, const struct attr *attr, const struct value *live);

/* Is this object one that the engine is for? What is not known yet is not. */
bool schema_engine_is_for(struct arena *arena, const struct schema *schema,
    const struct schema_engine *engine, const struct value *object);

/* Goes along a path of attributes and fields, into every item of lists and maps on the way. */
struct schema_walk {
    struct arena *arena;
    bool (*visit)(void *ctx, const struct schema_walk *reach, const struct type *type, const struct value *v);
    void *ctx;
    const struct value *steps[16]; /* keys and indices to where it is */
    size_t depth;
    bool many; /* items were gone through */
};
/* Calls `visit` for what is at the path from v, null never; false: one of these calls gave false. `type` may
 * be NULL where nothing is known of it. */
bool schema_reach(struct schema_walk *reach, const struct type *type, const struct value *v, struct str path);
/* Calls it for each item of a list or map. */
bool schema_reach_items(struct schema_walk *reach, const struct type *type, const struct value *v);

/* What is wrong with a value, and where inside it. */
struct schema_issue {
    struct str message;       /* "expected an integer, got a string" */
    struct str label;         /* short, beside the carets: `did you mean "Enabled"?`; may be empty */
    struct str key;           /* the unknown or missing key, for "did you mean"; may be empty */
    const struct value *path; /* list of map keys (strings) and indices (ints) down to the place */
    bool at_key;              /* the key itself is wrong, not its value */
    const struct attr *attr;  /* the innermost attribute that was being looked at */
};

/*
 * Converts a value to the attribute's type: numbers in text where a string is wanted become text (and the
 * reverse where it is exact), JSON text stays text, sets are sorted and deduplicated, object fields are
 * checked. Unknown values pass. Checks pattern, choices and range of known values (pattern and choices of a
 * list, set or map hold for its items). Values of sensitive attributes come out marked. -1 with *issue filled
 * in the arena; no text in it comes from a sensitive value. Nulls in objects and maps and a null attribute
 * mean "not given". The values of an enumeration (COMPARE_CHOICE) may be given in any case, and come out as
 * the service spells them.
 */
int schema_convert(struct arena *arena, const struct attr *attr, const struct value *v,
    const struct value **out, struct schema_issue *issue);
/* The same for requests: services take the values of an enumeration as they spell them only. */
int schema_convert_exact(struct arena *arena, const struct attr *attr, const struct value *v,
    const struct value **out, struct schema_issue *issue);

/* What somebody means who writes yes, on or 1 where a boolean belongs: "true", "false"; NULL: neither. */
const char *schema_boolean_meant(struct str text);

/* The value with all marked of which the schema says that it is secret, at any depth. */
const struct value *attr_mark_secrets(struct arena *arena, const struct attr *attr, const struct value *v);
/*
 * Is there something secret in the value, other than in fields that the schema itself says are secret or
 * cannot be read back? Where there is, all of it is treated as a secret. No attribute: whatever is marked.
 */
bool attr_secret_beyond(const struct attr *attr, const struct value *v);

/*
 * Is `live` what `desired` asks for, under the attribute's rule? Not symmetric: of an object only the fields
 * that `desired` has are compared, because weir manages what the file says and no more: desired {a: 1} is
 * satisfied by live {a: 1, b: "default"}. Maps are compared whole. A field that is missing from `live` counts
 * as its default, else as false; an empty text, list or map is the same as none. Neither may be unknown. NULL
 * is null.
 */
bool attr_equal(const struct attr *attr, const struct value *desired, const struct value *live);
/* Is something different within an object, or a list of them, that cannot change in place? Of what
 * `attr_equal` finds different. */
bool attr_replaces_within(const struct attr *attr, const struct value *desired, const struct value *live);
/*
 * Fields that are taken out of a file are nulls in what an update wants (plan/objects/diff.h), and
 * nowhere else: schema_convert() leaves nulls out. Is there one in the value?
 */
bool attr_takes_away(const struct type *type, const struct value *v);
/* The value without them, or, with `defaults`, with what the service is known to have when nothing is given.
 */
const struct value *attr_left(
    struct arena *arena, const struct type *type, const struct value *v, bool defaults);
/* Does the service choose it where nothing is given? Not of an object that only has fields of the service's.
 */
bool attr_is_chosen(const struct attr *attr);
/* Of each item of a set, which one of another set it is, as attr_equal() has it: the same one before one that
 * has more, none twice; -1: none. */
const int64_t *attr_items_paired(
    struct arena *arena, const struct attr *elem, const struct value *items, const struct value *among);
/* Of a whole object. */
const struct value *schema_left(
    struct arena *arena, const struct schema *schema, const struct value *object, bool defaults);
/* What there is when they are gone, and what else there is of objects has stayed. Lists of another length,
 * sets, documents are as wanted. */
const struct value *attr_over(
    struct arena *arena, const struct type *type, const struct value *wanted, const struct value *live);
/* The live value without fields that what is wanted does not speak of; `items`: of objects in lists, too. */
const struct value *attr_mentioned(struct arena *arena, const struct type *type, const struct value *wanted,
    const struct value *live, bool items);
/*
 * What is sent where a service takes all of an attribute: what is wanted (nulls in it stay), and beside it
 * what else of objects is there that could have been given. Of lists only items that are there already have
 * more than is wanted of them. Keys for which there is no attribute (attr_unnamed) stay too.
 */
const struct value *attr_completed(
    struct arena *arena, const struct attr *attr, const struct value *wanted, const struct value *live);
/* "@KMSKeyID": what is read for an update only, to be sent back. */
bool attr_unnamed(struct str key);
/* 10.0.0.0/16 for 10.0.0.1/16; false: it is no range of addresses, and *out stays as it was. */
bool schema_canonical_cidr(struct arena *arena, struct str cidr, struct str *out);
/* The name that EC2 has for a protocol's number; the text itself where it has none. */
struct str schema_canonical_protocol(struct str protocol);
/*
 * IAM policy documents, parsed or as text, as IAM compares them: statements, actions, resources, principals
 * and condition values are sets, a text is a list of one, an account id is that account's root, and the case
 * of actions and condition keys does not matter.
 */
bool policy_equal(const struct value *a, const struct value *b);

/* ---- Settings as attributes: what can be expressed under `providers:` and `state:` is reported in
 * tables, so that a mistake there is shown with its place by every command, and editors know them. Types
 * in C have theirs so, too. */
extern const struct type setting_text, setting_flag, setting_number, setting_any;
extern const struct type setting_texts; /* a map */

/* Where the service is: requests go there. */
#define SETTING_PLACE(name_, type_, doc_)                                                                    \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .settable = true, .identifies = true,                     \
        .doc = STR_INIT(doc_)                                                                                \
    }
/* What follows the text are more members of struct attr. */
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
