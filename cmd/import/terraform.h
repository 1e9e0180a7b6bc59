/*
 * Converts a state or plan of Terraform (or OpenTofu), as shown by `terraform show -json`: resources with
 * their ids, modules flattened, instances that differ by their key folded into for_each. Values are those of
 * the state. References come from the configuration in a plan, and for ARNs and ids from the values
 * themselves.
 *
 *   terraform.c             reading, groups of instances, the whole stack
 *   terraform_mapping.c     converts instances to weir's types, or to a part of another resource
 *   terraform_configured.c  the configured attributes of an instance, with and without a configuration
 *   terraform_candidates.c  ids for the import
 *   terraform_lines.c       without a configuration: names of other resources; settings only in the files
 *   terraform_refer.c       values of other resources become references, instances for_each
 *   terraform_provider.c    regions and accounts
 */
#pragma once

#include "cmd/import/mapping.h"

/* Returns -1 with err. */
int terraform_read(struct draft *draft, struct names *names, const struct value *document, struct err *err);

/* Reports settings in the *.tf files of a folder that the document does not contain. */
void terraform_read_lines(struct draft *draft, struct str folder);

/* ---- shared by the files that convert from Terraform ---- */
struct group;

struct tf_instance {
    struct group *group;
    struct str address, key; /* key "" with has_key false: a single instance */
    bool has_key;
    const struct value *values, *sensitive;
    struct tree *attrs;         /* with weir's names; NULL: not converted yet */
    struct str id;              /* for the import; "": unknown */
    struct tf_instance *target; /* of a part: the resource that it has become a part of */
};

/* A resource block such as aws_s3_bucket.lake of a module, with one instance or one for each key. */
struct group {
    struct str module, type, name; /* module "module.net", "": the root */
    bool data, folded;
    const struct value *config; /* its configuration; NULL: unknown */
    struct tf_instance **instances;
    size_t n, cap;
    const struct names_type *names; /* one of weir's types; NULL: CloudFormation's, or left out */
    const struct schema *schema;    /* NULL: a part of another resource, or left out */
    struct draft_resource *resource;
    struct str why;
    struct str provider; /* its provider configuration; "": the most frequent one */
    struct str asked;    /* the input for its secret; "": none */
    struct draft_needs needs;
};

struct terraform {
    struct arena *arena;
    struct draft *draft;
    struct names *names;
    const struct value *document, *configuration, *variables;
    struct map groups;          /* "module.net.aws_vpc.main" -> struct group *, in their order */
    struct map by_text;         /* an ARN or id -> struct owned * */
    size_t longest;             /* length of the longest of these texts */
    struct map by_name;         /* without a configuration: name -> struct owned *, and its namesakes */
    struct map inputs;          /* variable -> input name (struct str *) */
    struct str account, region; /* of most resources; "": unknown */
    bool imports;               /* the resources exist and are imported */
    unsigned walks;             /* number of walks along `needs` */
};

/* A text that is an attribute of an instance. */
struct owned {
    struct tf_instance *instance;
    struct str attr; /* Terraform's name */
    const struct owned *next;
};

static inline bool terraform_is_word(char c)
{
    return char_is_among(c, CHARS_ALNUM "_");
}

struct str group_address(struct arena *arena, const struct group *group);
/* Takes the next step of an address: `lake["a.b"]` is lake with the quoted key "a.b"; key "": none. */
struct str terraform_step(struct str *address, struct str *key);
/* Returns the configuration of a module: "module.net" of the root. NULL: unknown. */
const struct value *terraform_module(const struct terraform *t, struct str module);

/* ---- terraform_mapping.c ---- */
void terraform_mapping(struct terraform *t);
/* Returns the names of the group's type; those of null_resource for a terraform_data that has no input and
 * runs commands. */
const struct names_type *terraform_names(struct terraform *t, const struct group *group);

/* ---- terraform_configured.c ---- */
/* Returns the attributes with Terraform's names; `whole`: including values that the provider filled into
 * blocks. */
struct tree *terraform_configured(struct terraform *t, const struct tf_instance *one, bool whole);
/* Reports values of which the state has only a digest. */
void terraform_note_digests(struct terraform *t, struct group *group);
/* Reports files beside the configuration, which have to be in a bucket before the apply. */
void terraform_note_files(struct terraform *t, struct group *group);
/* Splits instances that are several resources in weir. */
void terraform_split(struct terraform *t, struct group *group);

/* ---- terraform_candidates.c ---- */
/* Returns the id for the import, or "". */
struct str terraform_id(struct terraform *t, const struct tf_instance *one);
/* Returns false for types such as values and commands that exist in no service. */
bool terraform_is_imported(const struct group *group);

/* ---- terraform_configured.c: without a configuration ---- */
/* Removes zeros from the converted attributes. */
void terraform_drop_zeros(struct arena *arena, const struct names_type *type, struct tree *attrs);

/* ---- terraform_refer.c ---- */

void terraform_refer(struct terraform *t);
/* Adds a dependency on another group, or on the resource that it is a part of. Returns false if it exists
 * already or would be a cycle. */
bool terraform_waits(struct terraform *t, struct group *group, struct group **other);
/* Returns NULL if the reference would be a cycle. */
struct tree *terraform_reference(
    struct terraform *t, struct tf_instance *owner, struct tf_instance *target, struct str attr);
/* Converts a value of the root module, such as an output's, with its references. */
struct tree *terraform_related(
    struct terraform *t, const struct value *value, const struct value *expression);
struct str terraform_resolve_reference(void *ctx, struct draft_reference *reference);

void terraform_each(struct terraform *t, struct group *group);

/* ---- terraform_lines.c: without a configuration ---- */
void terraform_index_names(struct terraform *t);
/* Converts an attribute's value in which names of other resources become references. */
struct tree *terraform_named(struct terraform *t, struct tf_instance *owner, struct str attr, struct tree *s);

/* ---- terraform_provider.c ---- */
void terraform_providers(struct terraform *t);
/* Return the region and the account of most resources; "": no ARN has one. */
struct str terraform_region(const struct terraform *t);
struct str terraform_account(const struct terraform *t);

/* ---- terraform_candidates.c: Texts that may occur in a resource's values, each with the code for it: those
 * that the configuration's expressions refer to (terraform_candidates.c), and ARNs and ids of imported
 * resources (terraform_lines.c). terraform_refer.c collects them for each resource and searches them in its
 * values. */
/* A text that may occur in values, and the code for it. */
struct candidate {
    struct str text;
    struct tree *code;
    struct group *needs; /* NULL: no resource */
};

struct candidates {
    struct candidate *items;
    size_t n, cap;
    bool of_others; /* if two candidates have the same text, the one of a resource is used */
};

/* Ignores texts that are too short or too common. */
void candidates_add(
    struct terraform *t, struct candidates *list, struct str text, struct tree *code, struct group *needs);
/* Adds the references in expressions of a module; `owner` contains them (NULL: none). */
void candidates_add_expressions(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, const struct value *expressions);
/* Adds inputs for the secrets of resources that weir does not have, where the value contains them. */
void candidates_add_secrets(struct terraform *t, struct candidates *list, const struct tree *s);
/* Returns the code for an attribute of another resource within `owner` (may be NULL). */
struct tree *terraform_code(
    struct terraform *t, struct tf_instance *owner, struct tf_instance *target, struct str attr);
/* Returns whether the target's type has such an attribute. */
bool terraform_has_attribute(struct terraform *t, const struct tf_instance *target, struct str attr);

/* ---- terraform_lines.c ---- */

/* Indexes ARNs and ids; called before candidates_add_in_value(). */
void terraform_index_texts(struct terraform *t);
/* Adds the candidates that occur in a value. */
void candidates_add_in_value(
    struct terraform *t, struct candidates *list, struct tf_instance *owner, const struct tree *s);
