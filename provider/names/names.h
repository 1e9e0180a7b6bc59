/*
 * What other tools call weir's types and their attributes: provider/aws/names/<service>.yaml, a small file
 * beside a service's spec, for what is not just the same words; provider/weir/names for what is no service's.
 *
 *     cloudformation:
 *       bucket:                                  # aws.s3.bucket; the spec says `cfn:`
 *         VersioningConfiguration.Status: {as: versioning, values: {Enabled: true, Suspended: false}}
 *         Rules[].Prefix: rules[].filter.prefix  # within a list; [0]: the list has that one item
 *         Policies: {as: policies, pairs: [PolicyName, PolicyDocument]}   # a list of those as a map
 *         MethodSettings: {as: method_settings, pairs: [ResourcePath/HttpMethod, .]}  # by two members
 *         Tags: {as: tags, pairs: [Key, Value], flag: [PropagateAtLaunch, propagated_tags]} # and which
 *         Domain: {only: [vpc]}                  # says nothing as long as it is one of these
 *         vpc_id: {as: resource_id, beside: {resource_type: VPC}}
 *         container_definitions: {as: containers, document: true}   # a text that is JSON
 *         ingress[].cidr_blocks: {as: "ingress[].cidr", each: true} # a rule for each of them
 *         recovery: {as: recovery, instead: {"0": {force_destroy: true}}}
 *         ingress[].from_port: {as: "ingress[].from_port", unless: {protocol: "-1"}}
 *         max_capacity: {as: max_capacity, unless: {worker_type: null}}     # null: whatever that is
 *         filename: {as: code.s3_key, ask: {code.s3_bucket: code_bucket}} # a file that has to be in a bucket
 *         cidr_blocks[0]: cidr                   # the only one of a list
 *         self: {as: source_group, same: security_group_id} # true: what that one says
 *         user_data: {as: user_data, digest: true} # a state has only its digest
 *         inline_policy: {as: policies, import_only: true} # exports (cmd/export) have it in another way
 *         Ref: url                               # what a reference to the resource itself is
 *     terraform:
 *       aws_s3_bucket: {type: bucket, names: {bucket: name, hosted_zone_id: ""}}
 *       aws_s3_bucket_versioning: {into: bucket, by: bucket, names: {…}}
 *       random_pet: {type: weir.random, set: {kind: name}, id: [id]}
 *       random_password: {asked: true}           # what is secret of it is asked for
 *       aws_security_group_rule: {type: security_group_rule, split: [cidr_blocks]} # one for each value of it
 *       aws_instance: {type: instance, unconfigured: {private_ip: null, "ebs_block_device[].iops": 0}, zeros:
 * ["ports[].from"]}
 *
 *       aws_kinesis_stream: {type: stream, besides: {kms_key: {encryption_type: KMS}}} # said as well, where
 * that is aws_iam_role_policy: {into: role, import_id: "{role}:{name}"} # for exports: what it takes to
 * import it aws_s3_object: {type: object, unsupported: [sha256]} # of ours: Terraform has nothing like it
 *
 * What a dynamic block made is not in the configuration that a plan has: of `blocks` everything that is there
 * has been said, unless a resource of its own said it.
 *
 *       aws_security_group: {type: security_group, blocks: {ingress: security_group_id}}
 *
 * `unconfigured` counts for a state without its configuration: what the service fills in where nobody says
 * it; null is any value. Zeros within blocks are nothing said there, but for those (in our words) of `zeros`.
 *
 * What is not in them is looked for by its own name: ShardCount, shard_count and the wire name of an
 * attribute are the same word.
 */
#pragma once

#include "base/map.h"
#include "provider/provider.h"

struct names_rule {
    struct str from, to;         /* to "": dropped */
    const struct value *values;  /* theirs (as text) -> ours; NULL: as they are */
    const struct value *pairs;   /* two texts: a list of maps with these is a map; ".": the rest of each */
    const struct value *flag;    /* two texts, of pairs: a member of each, and the set that has the keys for
                                    it is true; NULL: none */
    const struct value *item;    /* a list gets one more map, in which "@" is the value; "a.b", where a is
                                    a map: b is an entry of it, with these besides what it says */
    const struct value *only;    /* dropped while it is one of these; NULL: always */
    const struct value *beside;  /* what is so as well where this is said; NULL: nothing */
    const struct value *unless;  /* dropped where what is beside it has this value; or NULL */
    const struct value *instead; /* its values (as text) that are said otherwise: attributes; or NULL */
    const struct value *ask; /* what has to be given with it: attributes and the names of inputs; or NULL */
    bool document;           /* a text that is JSON: what it says */
    bool each;               /* of a list of maps: one of them for each value */
    struct str same;         /* where it is true, what is there under this name; "" none */
    bool digest;             /* what is known of it may be no more than its digest */
    bool import_only;        /* nothing is exported so */
};

/* One of their types as one of ours. */
struct names_type {
    struct str other;
    const struct schema *schema;
    const struct names_rule *rules;
    size_t n;
    struct str into_by;      /* Terraform: it is a part of another resource, which this attribute leads to, or
                                several      with slashes between, by that one's id; "" not */
    struct str of;           /* likewise: which attribute of the whole that is; "" its id */
    struct str at;           /* likewise: the map in that one's attributes of which it is an entry ... */
    struct str key;          /* ... under what this attribute has */
    const struct value *ids; /* Terraform: attributes that the id is made of */
    const struct value *set; /* likewise: attributes that it has unless it says others; NULL: none */
    const struct value
        *unconfigured;          /* likewise: paths that are not configured in a state by itself; or NULL */
    const struct value *split;  /* likewise: lists for each value of which it is one here; or NULL */
    const struct value *blocks; /* likewise: blocks that only a configuration makes -> the attribute by which
                                   resources of their own do the same, "" none; or NULL */
    const struct value *zeros;  /* likewise: our paths of zeros that mean something; or NULL */
    const struct value
        *unsupported; /* likewise: attributes of ours that it does not have, for exports; or NULL */
    const struct value *besides; /* likewise, for exports: an attribute of ours -> what Terraform wants to be
                                    told with it, by its paths; or NULL */
    struct str import_id; /* likewise: what `terraform import` takes, "{role}:{name}"; "" its attributes `ids`
                             with slashes between, or its id. {a|b}: the first of them that there is, theirs
                             or ours; {account}: of its ARN; {a|'x'}: x itself; none: it cannot be imported */
    bool asked;           /* likewise: there is no such type, what is secret of it becomes an input */
    bool import_only;     /* likewise: nothing is exported as one */
};

struct names {
    struct arena *arena;
    struct catalog *catalog;
    struct map files;                     /* path -> struct node, as far as read */
    struct map cloudformation, terraform; /* their type -> struct names_type, as far as asked for */
    struct map plain;                     /* "awskinesisstream" -> AWS::Kinesis::Stream */
};

/* Reads nothing yet: what is said of a type, and its spec, when it is asked for. */
void names_open(struct names *names, struct arena *arena, struct catalog *catalog);
/* All that the file of a type's own service says. */
int names_load_beside(struct names *names, struct arena *arena, struct catalog *catalog,
    const struct schema *schema, struct err *err);
void names_release(struct names *names);
/* NULL: weir has no type of its own for that. */
const struct names_type *names_cloudformation(struct names *names, struct str type);
const struct names_type *names_terraform(struct names *names, struct str type);
/* The types that Terraform has for one of ours, in the file's order: itself, and those that are parts of it.
 * In the arena of the names. */
const struct names_type *const *names_terraform_of(
    struct names *names, const struct schema *schema, size_t *n);
/* aws.glue.job is aws_glue_job, mostly. */
struct str names_underscored(struct arena *arena, struct str type);
/* CloudFormation's type that Terraform's is by its words: aws_kinesis_stream. "" none. */
struct str names_by_words(struct names *names, struct str type);

const struct names_rule *names_rule(const struct names_type *type, struct str from);
/* Is there a rule below that path? */
bool names_has_below(const struct names_type *type, struct str path);
/* ShardCount, shard_count: the same letters and digits. */
bool names_same(struct str a, struct str b);
/* RoleArn, KmsKeyId, DatabaseName: weir's attributes are mostly called after what they are given. "" without.
 */
struct str names_without_suffix(struct str property);
/* The attribute among those that a property is by its words; `top`: those of the type itself. NULL: none. */
const struct attr *names_attr(
    const struct names_type *type, const struct attr *attrs, size_t n, bool top, struct str property);
/* The attribute path that CloudFormation's attribute of a resource is ("Arn", "Ref"); "" none. */
struct str names_output(const struct names_type *type, struct arena *arena, struct str property);

/* ---- words.c: What somebody means who comes from Terraform or CloudFormation and writes that tool's
 * word: for the hint of a diagnostic. The words are those by which resources are imported
 * (provider/names/names.h). */
struct word {
    struct str tool; /* "Terraform", "CloudFormation"; "" where it is only another form of our own word */
    struct str ours; /* what it is here; several where what is one there is several here: "a, b" */
    bool several;
};

/*
 * An attribute. `within` is the path of what holds it without its indices ("ingress", "" for the type
 * itself), `attrs` what can be there. Reads no more than what is said of the type's own service. False:
 * nobody calls anything so. The texts are in the arena.
 */
bool word_attr(struct arena *arena, struct catalog *catalog, const struct schema *schema, struct str within,
    const struct attr *attrs, size_t n, struct str word, struct word *out);

/* A resource type; `several` says that it is no more than a part of `ours` here. */
bool word_type(struct arena *arena, struct catalog *catalog, struct str word, struct word *out);
/* The same as the hint of catalog_find()'s error; without one it stays as it is. Returns -1. */
int word_hint(struct catalog *catalog, struct str type, struct err *err);

/* ---- renamed.c: resource types that were renamed: states and sandboxes of before have the old names, stack
 * files get a hint. */
/* The type's name today: in the arena, or `type` itself. */
struct str type_renamed(struct arena *arena, struct str type);
