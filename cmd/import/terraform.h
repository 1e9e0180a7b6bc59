/*
 * What Terraform (or OpenTofu) has, by what `terraform show -json` says of a state or a plan: resources under
 * the ids that they have, modules flattened, instances that differ by their key folded back into for_each.
 * Values are the state's; that they are references is known from the configuration that a plan carries, and
 * of ARNs and ids by the values themselves.
 *
 *   terraform.c        reading, groups of instances, the whole
 *   terraform_mapping.c    each instance as one of weir's types, or as a part of another
 *   terraform_configured.c  what is configured of each instance, and without a configuration what is not
 *   terraform_candidates.c  under which id it is taken over
 *   terraform_lines.c  without a configuration: names of others; what only the files say
 *   terraform_refer.c  values that are other resources' become references, instances one with for_each
 *   terraform_provider.c  regions and accounts
 */
#pragma once

#include "cmd/import/mapping.h"

/* -1: err says why. */
int terraform_read(struct draft *draft, struct names *names, const struct value *document, struct err *err);

/* Tells of what the *.tf files of a folder say and the document does not. */
void terraform_read_lines(struct draft *draft, struct str folder);

/* ---- Shared by the files that read what Terraform has. */
struct group;

struct tf_instance {
    struct group *group;
    struct str address, key; /* key "" with has_key false: the only one */
    bool has_key;
    const struct value *values, *sensitive;
    struct tree *attrs;         /* under our names; NULL: not yet */
    struct str id;              /* to import by; "" it is not known */
    struct tf_instance *target; /* of a part: what it has become a part of */
};

/* aws_s3_bucket.lake of a module: one, or one for each key. */
struct group {
    struct str module, type, name; /* module "module.net", "" the root */
    bool data, folded;
    const struct value *config; /* of the configuration; NULL: it is not known */
    struct tf_instance **instances;
    size_t n, cap;
    const struct names_type *names; /* one of ours; NULL: one of CloudFormation's, or left out */
    const struct schema *schema;    /* NULL: a part of others, or left out */
    struct draft_resource *resource;
    struct str why;
    struct str provider; /* the configuration that it has; "" the one that most have */
    struct str asked;    /* the input that what is secret of it has become; "" none */
    struct map needs;    /* groups that it refers to, by address */
    unsigned walk;       /* that came here last */
};

struct terraform {
    struct arena *arena;
    struct draft *draft;
    struct names *names;
    const struct value *document, *configuration, *variables;
    struct map groups;  /* "module.net.aws_vpc.main" -> struct group, in their order */
    struct map by_text; /* an ARN, an id -> struct owned */
    size_t longest;     /* of these texts */
    struct map by_name; /* without a configuration: a name -> struct owned, and others of that name */
    struct map inputs;  /* variable -> name of the input (struct str) */
    bool imports;       /* it is there */
    unsigned walks;     /* along `needs` */
};

/* A text that is an attribute of something. */
struct owned {
    struct tf_instance *instance;
    struct str attr; /* Terraform's */
    const struct owned *next;
};

static inline bool terraform_is_word(char c)
{
    return char_is_among(c, CHARS_ALNUM "_");
}

struct str group_address(struct arena *arena, const struct group *group);
/* Takes the next step of an address: `lake["a.b"]` is lake, and "a.b" its key, in quotes as it is there;
 * "" none. */
struct str terraform_step(struct str *address, struct str *key);
/* What the configuration says of a module: "module.net" of the root. NULL: not known. */
const struct value *terraform_module(const struct terraform *t, struct str module);

/* ---- terraform_mapping.c ---- */
void terraform_mapping(struct terraform *t);

/* ---- terraform_configured.c ---- */
/* Under Terraform's names; `whole`: with what the provider filled into blocks. */
struct tree *terraform_configured(struct terraform *t, const struct tf_instance *one, bool whole);
/* Of what the state has only a digest. */
void terraform_tell_digests(struct terraform *t, struct group *group);
/* A file beside the configuration has to be in a bucket before a plan can be applied: the same. */
void terraform_tell_files(struct terraform *t, struct group *group);
/* Instances that are several here, as so many. */
void terraform_split(struct terraform *t, struct group *group);

/* ---- terraform_candidates.c ---- */
/* "" where it is not known. */
struct str terraform_id(struct terraform *t, const struct tf_instance *one);
/* A value and a command are in no service: there is nothing to take over. */
bool terraform_is_imported(const struct group *group);

/* ---- terraform_configured.c: without a configuration ---- */
/* Of what has come of it, under ours. */
void terraform_drop_zeros(struct arena *arena, const struct names_type *type, struct tree *attrs);

/* ---- terraform_refer.c ---- */

void terraform_refer(struct terraform *t);
/* That a group waits for another, or for what that is a part of; false: it does so already, or cannot. */
bool terraform_waits(struct terraform *t, struct group *group, struct group **other);
/* NULL: that would be a circle. */
struct tree *terraform_reference(
    struct terraform *t, struct tf_instance *owner, struct tf_instance *target, struct str attr);
/* A value of the root module, such as an output's, with what it refers to. */
struct tree *terraform_related(
    struct terraform *t, const struct value *value, const struct value *expression);
struct str terraform_resolve_reference(void *ctx, struct draft_reference *reference);

void terraform_each(struct terraform *t, struct group *group);

/* ---- terraform_lines.c: without a configuration ---- */
void terraform_index_names(struct terraform *t);
/* What an attribute says, in which names of others are references. */
struct tree *terraform_named(struct terraform *t, struct tf_instance *owner, struct str attr, struct tree *s);

/* ---- terraform_provider.c ---- */
void terraform_providers(struct terraform *t);

/* ---- terraform_candidates.c: Texts that may be in a resource's values, each with the code that says
 * it: what the configuration's expressions refer to (terraform_candidates.c), and ARNs and ids of what is
 * imported (terraform_lines.c). terraform_refer.c collects them for one resource at a time and looks for
 * them in its values. */
/* A text that may be in values, and the code that says it. */
struct candidate {
    struct str text;
    struct tree *code;
    struct group *needs; /* NULL: no resource */
};

struct candidates {
    struct candidate *items;
    size_t n, cap;
    bool of_others; /* of two that are the same text the one that is a resource's is meant */
};

/* Nothing where the text is too short, or too common, to tell anything. */
void candidates_add(
    struct terraform *t, struct candidates *list, struct str text, struct tree *code, struct group *needs);
/* What expressions of a module refer to; `owner` has them, NULL: nobody. */
void candidates_add_expressions(struct terraform *t, struct candidates *list, struct tf_instance *owner,
    struct str module, const struct value *expressions);
/* The code by which `owner` (or NULL) says an attribute of another. */
struct tree *terraform_code(
    struct terraform *t, struct tf_instance *owner, struct tf_instance *target, struct str attr);
/* Has what the target becomes such an attribute? */
bool terraform_has_attribute(struct terraform *t, const struct tf_instance *target, struct str attr);

/* ---- terraform_lines.c ---- */

/* Which ARNs and ids are whose: before candidates_add_telling(). */
void terraform_index_texts(struct terraform *t);
/* Those that are in a value. */
void candidates_add_telling(
    struct terraform *t, struct candidates *list, struct tf_instance *owner, const struct tree *s);
