/* Shared by the files that read what Terraform has. */
#pragma once

#include "cmd/import/fit.h"
#include "cmd/import/terraform.h"

struct group;

struct instance {
    struct group *group;
    struct str address, key; /* key "" with has_key false: the only one */
    bool has_key;
    const struct value *values, *sensitive;
    struct said *attrs;      /* under our names; NULL: not yet */
    struct str id;           /* to import by; "" it cannot be said */
    struct instance *target; /* of a part: what it has become a part of */
};

/* aws_s3_bucket.lake of a module: one, or one for each key. */
struct group {
    struct str module, type, name; /* module "module.net", "" the root */
    bool data, folded;
    const struct value *config; /* of the configuration; NULL: it is not known */
    struct instance **instances;
    size_t n, cap;
    const struct names_type *names; /* one of ours; NULL: one of CloudFormation's, or left out */
    const struct schema *schema;    /* NULL: a part of others, or left out */
    struct draft_resource *resource;
    struct str why;
    struct str provider; /* the configuration that it has; "" the one that most have */
    struct str asked;    /* the input that what is secret of it has become; "" none */
    struct map needs;    /* groups that it refers to, by address */
};

struct terraform {
    struct arena *arena;
    struct draft *draft;
    struct names *names;
    const struct value *document, *configuration, *variables;
    struct map groups;  /* "module.net.aws_vpc.main" -> struct group, in their order */
    struct map by_text; /* an ARN, an id -> struct owned */
    struct map by_name; /* without a configuration: a name -> struct owned, and others of that name */
    struct map inputs;  /* variable -> name of the input (struct str) */
    bool adopt;         /* it is there */
};

/* A text that is an attribute of something. */
struct owned {
    struct instance *instance;
    struct str attr; /* Terraform's */
    const struct owned *next;
};

struct str group_address(struct arena *arena, const struct group *group);
/* What the configuration says of a module: "module.net" of the root. NULL: not known. */
const struct value *terraform_module(const struct terraform *t, struct str module);

/* ---- terraform_fit.c ---- */
void terraform_fit(struct terraform *t);
/* ---- terraform_said.c ---- */
/* Under Terraform's names; `whole`: with what the provider filled into blocks. */
struct said *terraform_said(struct terraform *t, const struct instance *one, bool whole);
/* Of what the state has only a digest. */
void terraform_tell_digests(struct terraform *t, struct group *group);
/* A file beside the configuration has to be in a bucket before a plan can be applied: the same. */
void terraform_tell_files(struct terraform *t, struct group *group);
/* Instances that are several here, as so many. */
void terraform_split(struct terraform *t, struct group *group);

/* ---- terraform_ids.c ---- */
/* "" where it cannot be said. */
struct str terraform_id(struct terraform *t, const struct instance *one);
/* A value and a command are in no service: there is nothing to take over. */
bool terraform_is_adopted(const struct group *group);

/* ---- terraform_unsaid.c: without a configuration ---- */
/* Of what the state has, under Terraform's names. */
void terraform_drop_unsaid(struct arena *arena, const struct names_type *type, struct said *properties);
/* Of what has come of it, under ours. */
void terraform_drop_zeros(struct arena *arena, const struct names_type *type, struct said *attrs);

/* ---- terraform_refer.c ---- */
void terraform_refer(struct terraform *t);
/* That a group waits for another, or for what that is a part of; false: it does so already, or cannot. */
bool terraform_waits(struct terraform *t, struct group *group, struct group **other);
/* NULL: that would be a circle. */
struct said *terraform_reference(
    struct terraform *t, struct instance *owner, struct instance *target, struct str attr);
/* A value of the root module, such as an output's, with what it refers to. */
struct said *terraform_related(
    struct terraform *t, const struct value *value, const struct value *expression);
struct str terraform_resolve_reference(void *ctx, struct draft_reference *reference);

/* ---- terraform_named.c: without a configuration ---- */
void terraform_index_names(struct terraform *t);
/* What an attribute says, in which names of others are references. */
struct said *terraform_named(struct terraform *t, struct instance *owner, struct str attr, struct said *s);

/* ---- terraform_provider.c ---- */
void terraform_providers(struct terraform *t);

/* ---- terraform_each.c ---- */
void terraform_each(struct terraform *t, struct group *group);
