/*
 * What other tools call weir's types and their attributes: provider/aws/names/<service>.yaml, a small file
 * beside a service's spec, lists the names that differ; provider/weir/names is for types of no service.
 *
 *     cloudformation:
 *       bucket:                                  # aws.s3.bucket; the spec has `cfn:`
 *         VersioningConfiguration.Status: {as: versioning, values: {Enabled: true, Suspended: false}}
 *         Rules[].Prefix: rules[].filter.prefix  # within a list; [0]: the list has that one item
 *         Policies: {as: policies, pairs: [PolicyName, PolicyDocument]}   # a list of pairs is a map
 *         MethodSettings: {as: method_settings, pairs: [ResourcePath/HttpMethod, .]}  # key of two members
 *         Tags: {as: tags, pairs: [Key, Value], flag: [PropagateAtLaunch, propagated_tags]} # and a set of
 * keys Domain: {only: [vpc]}                  # dropped if it has one of these values vpc_id: {as:
 * resource_id, beside: {resource_type: VPC}} container_definitions: {as: containers, document: true}   # a
 * JSON string ingress[].cidr_blocks: {as: "ingress[].cidr", each: true} # one rule for each value recovery:
 * {as: recovery, instead: {"0": {force_destroy: true}}} ingress[].from_port: {as: "ingress[].from_port",
 * unless: {protocol: "-1"}} max_capacity: {as: max_capacity, unless: {worker_type: null}}     # null: any
 * value filename: {as: code.s3_key, ask: {code.s3_bucket: code_bucket}} # a file that has to be in a bucket
 *         cidr_blocks[0]: cidr                   # the only item of a list
 *         self: {as: source_group, same: security_group_id} # if true: the value of that attribute
 *         user_data: {as: user_data, digest: true} # a state has only its digest
 *         inline_policy: {as: policies, import_only: true} # not used by exports (cmd/export)
 *         Ref: url                               # the attribute that a reference to the resource returns
 *     terraform:
 *       aws_s3_bucket: {type: bucket, names: {bucket: name, hosted_zone_id: ""}}
 *       aws_s3_bucket_versioning: {into: bucket, by: bucket, names: {…}}
 *       random_pet: {type: weir.random, set: {kind: name}, id: [id]}
 *       random_password: {asked: true}           # its secret becomes an input
 *       time_static: {written: NOTE}             # only its values are imported
 *       aws_security_group_rule: {type: security_group_rule, split: [cidr_blocks]} # one for each value
 *       aws_instance: {type: instance, zeros: ["ports[].from"],
 *                      unconfigured: {private_ip: null, "ebs_block_device[].iops": 0}}
 *       aws_kinesis_stream: {type: stream, besides: {kms_key: {encryption_type: KMS}}} # for exports: added
 *       aws_iam_role_policy: {into: role, import_id: "{role}:{name}"} # for exports: its `terraform import`
 * id aws_s3_object: {type: object, unsupported: [sha256]} # attributes that Terraform does not have
 *       aws_security_group: {type: security_group, blocks: {ingress: security_group_id}}
 *
 * The blocks that a dynamic block makes are not in a plan's configuration: all live blocks named in `blocks`
 * count as configured, unless a separate resource configures them.
 *
 * `unconfigured` applies to a state without its configuration: the values that the service sets for
 * attributes that are not configured; null is any value. Zeros within blocks count as not configured, except
 * at the paths (weir's) in `zeros`.
 *
 * Names that are not listed are matched by their words: ShardCount, shard_count and the wire name of an
 * attribute are the same.
 */
#pragma once

#include "base/map.h"
#include "provider/provider.h"

struct names_rule {
    struct str from, to;        /* to "": dropped */
    const struct value *values; /* the other tool's values (as strings) -> ours; NULL: the same */
    const struct value
        *pairs; /* two strings: a list of maps with these members is a map; ".": the other members */
    const struct value *flag;   /* two strings, with pairs: a member of each map, and the attribute that lists
                                   the keys for which it is true; NULL: none */
    const struct value *item;   /* the value is added to a list as a map, in which "@" is the value; or, for
                                   "a.b" with a map a, as its entry b, together with these attributes */
    const struct value *only;   /* dropped if it has one of these values; NULL: with any value */
    const struct value *beside; /* attributes added if this one is configured; NULL: none */
    const struct value *unless; /* dropped if an attribute beside it has this value; NULL: never */
    const struct value *instead; /* values (as strings) that are replaced by attributes; NULL: none */
    const struct value *ask;     /* attributes to add, whose values are inputs with these names; NULL: none */
    bool document;               /* a JSON string, which is parsed */
    bool each;                   /* in a list of maps: one map for each value */
    struct str same;  /* if it is true, the value of the attribute with this name is used; "": none */
    bool digest;      /* a state may contain only its digest */
    bool import_only; /* not used by exports */
};

/* One type of the other tool, mapped to a type of weir. */
struct names_type {
    struct str other;
    const struct schema *schema;
    const struct names_rule *rules;
    size_t n;
    struct str into_by; /* Terraform: the resource is a part of another one, whose id this attribute has
                           (several names are separated by slashes); "": it is not */
    struct str of;      /* into_by: the attribute of the whole that the value is compared with; "": its id */
    struct str at;      /* into_by: the map among the whole's attributes of which this is an entry ... */
    struct str key;     /* ... and the attribute that has the entry's key */
    const struct value *ids; /* Terraform: attributes that the id consists of */
    const struct value *set; /* Terraform: attributes added unless configured otherwise; NULL: none */
    const struct value *unconfigured; /* Terraform: paths that count as not configured in a state without
                                         configuration; NULL: none */
    const struct value
        *split; /* Terraform: lists that are split into one resource for each value; NULL: none */
    const struct value *blocks; /* Terraform: blocks that dynamic blocks make -> the attribute by which
                                   separate resources configure the same, "": none; NULL: none */
    const struct value *zeros;  /* Terraform: our paths at which a zero counts as configured; NULL: none */
    const struct value
        *unsupported;            /* exports: attributes of ours that Terraform does not have; NULL: none */
    const struct value *besides; /* exports: an attribute of ours -> Terraform attributes to add with it, by
                                    path; NULL: none */
    struct str import_id; /* exports: the id for `terraform import`, "{role}:{name}"; "": the attributes `ids`
                             separated by slashes, or the id. {a|b}: the first of these attributes that is
                             set, Terraform's or ours; {account}: from the ARN; {a|'x'}: or else x; none:
                             cannot be imported */
    struct str written;   /* Terraform: there is no such type in weir, its values are written where they are
                             used: a note for the user */
    bool asked;           /* Terraform: there is no such type in weir, its secret becomes an input */
    bool import_only;     /* Terraform: not used by exports */
};

struct names {
    struct arena *arena;
    struct catalog *catalog;
    struct map files;                     /* path -> struct node, as far as read */
    struct map cloudformation, terraform; /* the other tool's type -> struct names_type, as far as used */
    struct map plain;                     /* "awskinesisstream" -> AWS::Kinesis::Stream */
};

/* Reads nothing yet: a type's names and spec are read at their first use. */
void names_open(struct names *names, struct arena *arena, struct catalog *catalog);
/* Reads all names in the file of a type's own service. */
int names_load_beside(struct names *names, struct arena *arena, struct catalog *catalog,
    const struct schema *schema, struct err *err);
void names_release(struct names *names);
/* Return NULL if weir has no type for it. */
const struct names_type *names_cloudformation(struct names *names, struct str type);
const struct names_type *names_terraform(struct names *names, struct str type);
/* Returns the Terraform types for one of weir's, in the file's order: the resource and its parts. Allocated
 * in the arena of the names. */
const struct names_type *const *names_terraform_of(
    struct names *names, const struct schema *schema, size_t *n);
/* Returns the type's name with underscores: aws.glue.job is usually aws_glue_job. */
struct str names_underscored(struct arena *arena, struct str type);
/* Returns the CloudFormation type with the same words as a Terraform type (aws_kinesis_stream); "" if there
 * is none. */
struct str names_by_words(struct names *names, struct str type);

const struct names_rule *names_rule(const struct names_type *type, struct str from);
/* True if there is a rule below that path. */
bool names_has_below(const struct names_type *type, struct str path);
/* Compares letters and digits without case: ShardCount, shard_count. */
bool names_same(struct str a, struct str b);
/* Returns the property without its suffix, or "" if it has none: RoleArn, KmsKeyId, DatabaseName. weir's
 * attributes mostly lack it. */
struct str names_without_suffix(struct str property);
/* Returns the attribute that a property names by its words, or NULL; `top`: attributes of the type itself. */
const struct attr *names_attr(
    const struct names_type *type, const struct attr *attrs, size_t n, bool top, struct str property);
/* Returns the attribute path for a CloudFormation return value ("Arn", "Ref"), or "". */
struct str names_output(const struct names_type *type, struct arena *arena, struct str property);

/* ---- words.c: the word of another tool (Terraform, CloudFormation) in a stack file, for the hint of a
 * diagnostic. The words are those of the import rules (provider/names/names.h). */
struct word {
    struct str tool; /* "Terraform", "CloudFormation"; "": another form of our own word */
    struct str ours; /* our word; "a, b" if the other tool's one is several attributes here */
    bool several;
    bool file; /* theirs is a local file, ours says in which bucket it is */
};

/*
 * Finds an attribute. `within` is the path of the enclosing attribute without indices ("ingress", "" for the
 * type itself), `attrs` the attributes allowed there. Reads only the names of the type's own service. Returns
 * false if the word is not known. Strings are allocated in the arena.
 */
bool word_attr(struct arena *arena, struct catalog *catalog, const struct schema *schema, struct str within,
    const struct attr *attrs, size_t n, struct str word, struct word *out);

/* Finds a resource type; `several`: it is only a part of `ours` here. */
bool word_type(struct arena *arena, struct catalog *catalog, struct str word, struct word *out);
/* Sets the word as the hint of catalog_find()'s error, if there is one. Returns -1. */
int word_hint(struct catalog *catalog, struct str type, struct err *err);

/* ---- renamed.c: renamed resource types: older states and sandboxes have the old names, stack files get a
 * hint. */
/* Returns the type's current name, in the arena, or `type` itself. */
struct str type_renamed(struct arena *arena, struct str type);
