/* Shared by the files that read a CloudFormation template. */
#pragma once

#include "cmd/import/live.h"
#include "provider/names/names.h"

/* ---- nodes.c ---- */
/* Returns whether Ref, Fn::GetAtt or Fn::Sub within the node refers to the resource or parameter. */
bool nodes_refer_to(const struct node *node, struct str id);
/* Returns whether the node is a CloudFormation function, whose value only the stack knows. */
bool nodes_is_function(const struct node *node);
/* Returns the name in `Ref`; p NULL if the node is not a Ref. */
struct str nodes_referred(const struct node *node);
/* Returns a literal string, or joined literals; p NULL for anything else. */
struct str nodes_joined(struct arena *arena, const struct node *node);
bool nodes_is_type(const struct node *resource, const char *type);
/* Returns the text of Fn::Sub, and in *values its second argument or NULL. NULL: the node is another one. */
const struct node *nodes_sub(const struct node *node, const struct node **values);
/* Returns Metadata with the CDK's path of a part of the resource; NULL: the resource has no path. */
const struct node *nodes_part_metadata(struct arena *arena, const struct node *resource, struct str part);

/* ---- Reads CloudFormation templates as stacks: parameters become inputs, mappings and conditions locals,
 * resources weir's own types if they support all properties and CloudFormation's otherwise, functions
 * expressions.
 *
 * With a live stack its resources are imported under their live ids, and its parameters become the inputs'
 * defaults. */
struct aws_client;

/* The data of a live stack. */
struct template_live {
    struct str name, body;          /* body: the original template */
    const struct value *physical;   /* logical id -> {id, type, status} */
    const struct value *parameters; /* name -> text */
    const struct value *exports;    /* of the whole region: name -> text */
    struct aws_client *client;      /* for nested stacks */
    struct lookup lookup;
};

/* Reads the live stack from CloudFormation. */
int template_live_read(struct aws_client *client, struct arena *arena, struct str stack,
    struct template_live *out, struct err *err);

/* Returns -1 after diagnostics. `live` NULL: no live stack. */
int template_read(
    struct draft *draft, struct names *names, const struct source *source, const struct template_live *live);

/* ---- template.c ---- */

/* A Fn::ForEach of resources whose items are not all known. */
struct loop {
    struct str name;
    struct tree *list;
    const struct loop *outer; /* NULL: none */
};

/* A resource of the template, or several made by Fn::ForEach. */
struct template_resource {
    struct str logical, type;
    struct str pattern; /* with Fn::ForEach: pattern of the logical ids, "${Name}Bucket" */
    const struct node *node;
    struct draft_resource *resource;
    const struct names_type *names; /* the weir type that it becomes; NULL: CloudFormation's type */
    struct tree *properties;
    struct tree *collection;          /* for_each; NULL: a single resource */
    const struct loop *loops;         /* with for_each: the enclosing loops, innermost first */
    const struct binding *bindings;   /* variables of enclosing loops with known items */
    struct str physical;              /* id in the live stack; "": unknown */
    struct template_resource *folded; /* the resource that it has become a part of */
    struct nested *nested;            /* it is a nested stack that becomes a module */
    bool visiting, visited;           /* used for finding cycles */
    size_t reached;                   /* the last walk that visited it */
    struct draft_reference **needs;   /* references in it, after template_decide() */
    size_t need_count, need_cap;
};

struct parameter {
    struct str input;
    struct str data; /* data source for an SSM parameter, whose name is the parameter's value; "": none */
    bool is_list, is_number, secret;
    bool names_list; /* the SSM parameter's value is a list */
};

/* The value of a variable of Fn::ForEach, or of the map of Fn::Sub. */
struct binding {
    struct str name;
    struct tree *value;
    const struct binding *next;
};

struct template
{
    struct arena *arena;
    struct draft *draft;
    struct names *names;
    struct diags *diags;
    const struct node *root;
    const struct source *source;
    const struct template_live *live;
    const struct template *parent; /* the template that contains it as a nested stack; NULL: none */
    struct map parameters, declared, mappings,
        conditions;                    /* declared: by logical id; mappings and conditions: names of locals */
    size_t walks;                      /* number of walks so far */
    struct map outputs;                /* name -> struct str *, the output's name in weir */
    struct map parts;                  /* SAM's "Function.Alias" -> struct str *, the logical id */
    struct template_resource *current; /* the resource whose properties are being read; NULL: none */
    const struct binding *bindings;    /* innermost first */
    struct str around;                 /* condition of the current value, as code; "": none */
    bool serverless;                   /* its logical ids may end in hashes in the live stack */
    bool cdk;                          /* written by `cdk synth` */
    bool exports_read;
    struct map exports;        /* of other stacks of the app: struct cdk_export * */
    size_t cdk_shared;         /* number of common leading parts of construct paths */
    struct code_asset *assets; /* the files of cdk.out */
    size_t asset_count, asset_cap;
};

/* A key of rewritten resources: the list of attributes for `ignore_changes`. */
#define TEMPLATE_IGNORED "weir:ignored"
/* Removes tabs, which may indent JSON but not YAML; strings in JSON cannot contain them. */
void template_without_tabs(struct arena *arena, struct str *text);
/* The input of a module for the stack's name, with which generated names begin. */
#define TEMPLATE_STACK_NAME "stack_name"
struct str template_stack_name(struct template *t);
/* Reads a nested template; returns what its parameters and outputs have become. Errors are diagnostics. */
void template_read_within(struct template *t, struct draft *draft, const struct source *source,
    const struct template_live *live, struct map *inputs, struct map *outputs);

/* ---- intrinsic.c, functions.c ---- */

/* Converts a node of the template. */
struct tree *template_tree(struct template *t, const struct node *node);
/* Returns the function that a node calls: "Ref", "Fn::Sub", "Condition"; "": none. *argument is its
 * argument. */
struct str template_function(struct template *t, const struct node *node, const struct node **argument);
/* Returns a condition as code. */
struct str template_condition(struct template *t, const struct node *node);
/* Converts "…${Name}…" with bindings and references. */
struct tree *template_sub(struct template *t, const struct node *node, struct str text);
struct tree *template_reference(
    struct template *t, const struct node *node, struct str name, struct str attr);
/* The attribute name for a map of all values of Fn::GetAtt. */
#define TEMPLATE_ALL "*"
/* Substitutes known variables of Fn::ForEach in a name. Returns false if some are unknown. */
bool template_plain_name(struct template *t, struct str name, struct str *out);
/* Returns the resource with that logical id and its instance key as code ("": a single resource), or NULL. */
struct template_resource *template_find(struct template *t, struct str name, struct str *key);
struct tree *template_call(
    struct template *t, struct str function, const struct node *node, const struct node *argument);
struct tree *template_unsupported(struct template *t, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- foreach.c ---- */

/* Converts {{resolve:ssm:/name}} in a string; other values are unchanged. */
struct tree *template_dynamic(struct template *t, struct tree *s);

/* Calls `take` for the entries of a section with Fn::ForEach expanded. */
typedef void template_take(struct template *t, const struct node_entry *entry, struct str name);
void template_each(struct template *t, const struct node *section, template_take *take);
/*
 * For Fn::ForEach of resources: calls `take` for each innermost entry with the loops for its for_each. Loops
 * with known items are expanded; t->bindings has their variables.
 */
typedef void template_take_each(struct template *t, const struct node_entry *entry, const struct loop *loops);
void template_loops(struct template *t, const struct node_entry *entry, template_take_each *take);
/* The list of for_each, and the variables of its loops. */
struct tree *template_loop_items(struct template *t, const struct loop *loops);
void template_bind_loops(struct template *t, const struct loop *loops);

/* ---- parameters.c ---- */

void template_parameters(struct template *t, const struct node *section);
void template_mappings(struct template *t, const struct node *section);
void template_conditions(struct template *t, const struct node *section);
void template_outputs(struct template *t, const struct node *section);
/* Returns a unique name for an output. */
struct str template_output_name(struct template *t, const struct tree *outputs, struct str name);
/* Returns the lines with # directly above an entry. */
struct str template_comment(struct arena *arena, const struct node_entry *entry);

/* ---- nested.c ---- */

/* Reads the template of a nested stack. Returns false if it is not one, or stays a CloudFormation
 * resource. */
bool template_nest(struct template *t, struct template_resource *declared);

void template_add_module(struct template *t, struct template_resource *declared);
/* Returns the module's output for "Outputs.VpcId", or "". */
struct str template_module_output(
    struct template *t, const struct template_resource *declared, struct str attr);

/* ---- physical_ids.c ---- */

struct mapping;
/* Sets the name that CloudFormation would generate if none is given, or not in all cases. */
void template_give_name(
    struct template *t, const struct template_resource *declared, struct mapping *mapping);

/* ---- parameters.c, decide.c, attached_policies.c, physical_ids.c ---- */

void template_resources(struct template *t, const struct node *section);
void template_decide(struct template *t);
/* Adds the reference to the needs of a resource. */
void template_need(struct template *t, struct template_resource *declared, struct draft_reference *reference);
/* template_is_part() returns whether the type may be folded into its target; template_fold() folds it, and
 * returns false if that is not possible. */
bool template_is_part(const struct template_resource *declared);
bool template_fold(struct template *t, struct template_resource *declared);
/* Returns the attribute of a folded resource as code; "": none. */
struct str template_folded_attribute(
    struct template *t, const struct template_resource *declared, struct str attr);
/* Returns the physical id in the form of `imports:`; NULL: unknown. */
struct tree *template_import_id(struct template *t, const struct template_resource *declared);
/* Returns the CloudFormation property that `Ref` returns. */
struct str template_ref_property(struct template *t, const struct schema *schema);
struct str template_resolve_reference(void *ctx, struct draft_reference *reference);

/* ---- template.c: rewrites features that weir has in another form before the template is read: SAM's types
 * and globals (serverless.c), a bucket's notifications as a separate resource, a state machine's
 * substitutions. */

/* Converts a bucket's notifications, in CloudFormation's or S3's form, to properties of
 * aws.s3.bucket_notification; NULL: some are unsupported. */
const struct node *template_notices(struct arena *arena, const struct node *bucket, const struct node *all);
/* Returns the map that a JSON text has, also of one that Fn::Join composes; NULL: it is not known, or has a
 * key twice. */
const struct node *template_json(struct template *t, const struct node *text);

/* ---- secrets.c: generated secrets and their attachments to databases. The password of a JSON value is a
 * secret by itself, from which the value and the database get it. */
const struct node *secrets_expand(struct template *t, const struct node *root);
/* Returns the member ("": all) of a secret of this template, if its value is composed here; else NULL. */
struct tree *secrets_member(struct template *t, const struct tree *name, struct str member);

/* ---- nodes.c ---- */

/* Inserts the files of AWS::Include; called before anything else is read. */
const struct node *template_include(struct template *t, const struct node *root);

/* ---- serverless.c ---- */

bool serverless_is(const struct node *root);
const struct node *serverless_expand(struct template *t, const struct node *root);

/* ---- cdk.c ---- */

bool cdk_is(const struct node *root);
const struct node *cdk_expand(struct template *t, const struct node *root);
/* Returns "Ingest_ServiceRole" for "Orders/Ingest/ServiceRole/Resource". */
struct str cdk_name(struct template *t, const struct node *resource, struct str logical);
/* Returns the name of a parameter or output without hashes. */
struct str cdk_plain(struct template *t, struct str name);
/* An export of another stack of the same app. */
struct cdk_export {
    struct str stack, output;
    struct tree *attrs; /* attributes of the data source that reads it */
};
/* Converts Fn::ImportValue; NULL: no template beside this one exports the name. */
struct tree *cdk_imported(struct template *t, const struct node *node, struct str name);

/* ---- code.c: copies files of cdk.out and inline code of functions beside the stack, as artifacts in a
 * bucket of the stack. */

/* A file or folder of cdk.out, and the location to which the CDK publishes it. */
struct code_asset {
    struct str bucket, key;      /* of an image the repository and the tag */
    const struct node *image;    /* how the image is built; NULL: a file or folder */
    struct str path;             /* local path */
    struct str artifact, copied; /* logical id; path beside the stack file. "": not yet */
};

/* Reads the manifest beside the template, or beside the parent template. */
void code_read_assets(struct template *t);
bool code_is_folder(struct template *t, struct str key);
/* Adds a copy beside the stack file; returns its path relative to it. */
struct str code_copy(struct template *t, struct str key, struct str name);
/* Returns the local template for a URL in the CDK's bucket; p NULL: none. */
struct str code_template(struct template *t, const struct node *url);
const struct node *code_expand(struct template *t, const struct node *root);

/* ---- nested.c: a nested stack becomes a module: a folder with its own stack file, which `modules:` names;
 * parameters become its inputs, outputs its outputs. nested.c finds and reads its template and converts its
 * parameters and outputs. */
struct nested {
    struct draft draft;
    struct str folder;    /* relative to the stack file that names it */
    struct str path;      /* of its template */
    struct map inputs;    /* parameter -> struct parameter * */
    struct tree *outputs; /* name -> name in weir */
    struct tree *given;   /* input -> its value */
};
