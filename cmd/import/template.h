/* Shared by the files that read a CloudFormation template. */
#pragma once

#include "cmd/import/live.h"
#include "provider/names/names.h"

/* ---- nodes.c: Nodes that are in a template as if somebody had written them. Each has the place of what
 * it was made of, so that whatever is wrong with it is told there; what is copied from the template keeps
 * its own. */
struct node *nodes_new(struct arena *arena, enum node_kind kind, const struct node *at);
struct node *nodes_text(struct arena *arena, struct str text, const struct node *at);
struct node *nodes_bool(struct arena *arena, bool yes, const struct node *at);
/* Grow what nodes_new() or nodes_copy() gave. A key that is there already gets the new value. */
void nodes_set(struct arena *arena, struct node *map, struct str key, const struct node *value);
void nodes_set_entry(struct arena *arena, struct node *map, const struct node_entry *entry);
void nodes_add(struct arena *arena, struct node *list, const struct node *item);
/* One that may be grown; what is in it is shared. */
struct node *nodes_copy(struct arena *arena, const struct node *node);
struct node *nodes_without(struct arena *arena, const struct node *map, const char *key);
/* {function: argument}, as `!Ref x` is. */
struct node *nodes_call(
    struct arena *arena, const char *function, struct str argument, const struct node *at);

/* Keys with dots between them; NULL: it is not there. */
const struct node *nodes_at(const struct node *map, struct str path);
/* A literal text; p NULL: it is none. */
struct str nodes_literal(const struct node *node);
bool nodes_same(const struct node *a, const struct node *b);
/* Is it a function of CloudFormation's, of which only the stack knows what it gives? */
bool nodes_is_function(const struct node *node);
/* What `Ref` names; p NULL: it is none. */
struct str nodes_referred(const struct node *node);
/* Texts that are literals, or literals joined; p NULL: it is more than that. */
struct str nodes_joined(struct arena *arena, const struct node *node);

/* ---- CloudFormation's templates, read as stacks: parameters become inputs, mappings and conditions locals,
 * resources weir's own types where these say the same and CloudFormation's otherwise, functions expressions.
 *
 * With a live stack, what it made is imported: each resource under the id that it has there, the inputs with
 * the stack's parameters as defaults. */
struct aws_client;

/* What a live stack is known to have. */
struct template_live {
    struct str name, body;          /* body: its template as it was given */
    const struct value *physical;   /* logical id -> {id, type, status} */
    const struct value *parameters; /* name -> text */
    const struct value *exports;    /* of the whole region: name -> text */
    struct aws_client *client;      /* for the stacks within it */
    struct look look;
};

/* Asks CloudFormation for it. */
int template_live_read(struct aws_client *client, struct arena *arena, struct str stack,
    struct template_live *out, struct err *err);

/* -1: diagnostics say why. `live` NULL: there is none. */
int template_read(
    struct draft *draft, struct names *names, const struct source *source, const struct template_live *live);

/* ---- template.c ---- */

/* Fn::ForEach of resources, of which not all that it goes through is known. */
struct loop {
    struct str name;
    struct tree *list;
    const struct loop *outer; /* NULL: none */
};

/* A resource of the template, or several that Fn::ForEach makes. */
struct template_resource {
    struct str logical, type;
    struct str pattern; /* of several: their logical ids, "${Name}Bucket" */
    const struct node *node;
    struct draft_resource *resource;
    const struct names_type *names; /* it becomes this type of ours; NULL: CloudFormation's */
    struct tree *properties;
    struct tree *collection;          /* for_each; NULL: it is one */
    const struct loop *loops;         /* likewise: Fn::ForEach around it, innermost first */
    const struct binding *bindings;   /* what is known of loops around those */
    struct str physical;              /* in the live stack; "" unknown */
    struct template_resource *folded; /* it has become a part of that one */
    struct nested *nested;            /* it is a stack that has become a module */
    bool visiting, visited;           /* looking for circles */
    size_t reached;                   /* the last walk that came by */
    struct draft_reference **needs;   /* what is in it, from template_decide() on */
    size_t need_count, need_cap;
};

struct parameter {
    struct str input;
    struct str data; /* SSM's, of which the parameter is the name; "" none */
    bool is_list, is_number, secret;
    bool names_list; /* what SSM has there is a list */
};

/* What a name of Fn::ForEach, or of Fn::Sub's map, stands for. */
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
    const struct template *parent; /* which has it as a stack within it; NULL: none */
    struct map parameters, declared, mappings,
        conditions;                    /* resources: by logical id; mappings and conditions: local names */
    size_t walks;                      /* so many have been begun */
    struct map outputs;                /* name -> struct str, what it is called here */
    struct map parts;                  /* SAM's "Function.Alias": struct str, the logical id that is meant */
    struct template_resource *current; /* whose properties are being read; NULL: none */
    const struct binding *bindings;    /* innermost first */
    struct str around;                 /* the condition under which what is being read is there; "" always */
    bool serverless;                   /* its ids may end in hashes in the live stack */
    bool cdk;                          /* `cdk synth` has written it */
    bool exports_read;
    struct map exports;        /* of other stacks of the app: struct cdk_export */
    size_t cdk_shared;         /* so many parts of paths in the app say nothing */
    struct code_asset *assets; /* what is in cdk.out */
    size_t asset_count, asset_cap;
};

/* JSON may be indented by tabs, YAML may not; within JSON's texts there are none. */
void template_without_tabs(struct arena *arena, struct str *text);
/* The name that made-up names begin with, as code; a module asks for it. */
#define TEMPLATE_STACK_NAME "stack_name"
struct str template_stack_name(struct template *t);
/* Another's within this one; what its parameters and outputs have become. Diagnostics tell what went wrong.
 */
void template_read_within(struct template *t, struct draft *draft, const struct source *source,
    const struct template_live *live, struct map *inputs, struct map *outputs);

/* ---- intrinsic.c, functions.c ---- */

/* A node of the template as what it says here. */
struct tree *template_tree(struct template *t, const struct node *node);
/* The function that a node calls: "Ref", "Fn::Sub", "Condition"; "" none. *argument is what it is given. */
struct str template_function(struct template *t, const struct node *node, const struct node **argument);
/* A condition as code. */
struct str template_condition(struct template *t, const struct node *node);
/* "…${Name}…" with bindings and references. */
struct tree *template_sub(struct template *t, const struct node *node, struct str text);
struct tree *template_reference(
    struct template *t, const struct node *node, struct str name, struct str attr);
/* The attribute that is a map of all that Fn::GetAtt gives, by the names that it takes. */
#define TEMPLATE_ALL "*"
/* A name with what Fn::ForEach puts into it, as far as that is known; false: not all of it is. */
bool template_plain_name(struct template *t, struct str name, struct str *out);
/* What has that logical id, and which of several, as code ("" it is one); NULL: nothing. */
struct template_resource *template_find(struct template *t, struct str name, struct str *key);
struct tree *template_call(
    struct template *t, struct str function, const struct node *node, const struct node *argument);
struct tree *template_unsupported(struct template *t, const struct node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- foreach.c ---- */

/* {{resolve:ssm:/name}} in what a text says; anything else is as it is. */
struct tree *template_dynamic(struct template *t, struct tree *s);

/* The entries of a section with what Fn::ForEach makes of it written out; `take` is called for each. */
typedef void template_take(struct template *t, const struct node_entry *entry, struct str name);
void template_each(struct template *t, const struct node *section, template_take *take);
/*
 * Fn::ForEach of resources: `take` is called for each entry that no further loop is around, with the loops
 * that for_each has to go through. Within a loop over what is known each further loop is once for every
 * item (t->bindings has which).
 */
typedef void template_take_each(struct template *t, const struct node_entry *entry, const struct loop *loops);
void template_loops(struct template *t, const struct node_entry *entry, template_take_each *take);
/* What for_each goes through, and what a loop's name stands for in the block. */
struct tree *template_loop_items(struct template *t, const struct loop *loops);
void template_bind_loops(struct template *t, const struct loop *loops);

/* ---- parameters.c ---- */

void template_parameters(struct template *t, const struct node *section);
void template_mappings(struct template *t, const struct node *section);
void template_conditions(struct template *t, const struct node *section);
void template_outputs(struct template *t, const struct node *section);
/* What an output is called here, beside those that there are. */
struct str template_output_name(struct template *t, const struct tree *outputs, struct str name);
/* Whole lines that begin with # right above an entry. */
struct str template_comment(struct arena *arena, const struct node_entry *entry);

/* ---- nested.c ---- */

/* Reads the template of a stack within this one. False: it is none, or stays CloudFormation's. */
bool template_nest(struct template *t, struct template_resource *declared);

void template_add_module(struct template *t, struct template_resource *declared);
/* "Outputs.VpcId" as what the module calls it; "": it has no such output. */
struct str template_module_output(
    struct template *t, const struct template_resource *declared, struct str attr);

/* ---- physical_ids.c ---- */

struct mapping;
/* The name that CloudFormation would make up, where none is given, or not always. */
void template_give_name(
    struct template *t, const struct template_resource *declared, struct mapping *mapping);

/* ---- parameters.c, decide.c, attached_policies.c, physical_ids.c ---- */

void template_resources(struct template *t, const struct node *section);
void template_decide(struct template *t);
/* What is in a resource, as one more of its needs. */
void template_need(struct template *t, struct template_resource *declared, struct draft_reference *reference);
/* Is it of a type that may become a part of what it is for? And makes it one; false: it cannot be. */
bool template_is_part(const struct template_resource *declared);
bool template_fold(struct template *t, struct template_resource *declared);
/* What an attribute of one that was folded is now, as code; "": nothing. */
struct str template_folded_attribute(
    struct template *t, const struct template_resource *declared, struct str attr);
/* The physical id as what `imports:` takes; NULL: it is not known. */
struct tree *template_import_id(struct template *t, const struct template_resource *declared);
/* CloudFormation's attribute that `Ref` gives. */
struct str template_ref_property(struct template *t, const struct schema *schema);
struct str template_resolve_reference(void *ctx, struct draft_reference *reference);

/* ---- template.c: what a template says in a short way, or in another place than weir does, written out
 * before it is read: SAM's types and globals as what they stand for (serverless.c), a bucket's
 * notifications as a resource of their own, a state machine's substitutions where they are used. */

/* A bucket's notifications, as CloudFormation or S3 has them, as properties of aws.s3.bucket_notification;
 * NULL: there is something among them that is unsupported. */
const struct node *template_notices(struct arena *arena, const struct node *bucket, const struct node *all);

/* ---- nodes.c ---- */

/* With what AWS::Include names in the places where it does; before anything else is read. */
const struct node *template_include(struct template *t, const struct node *root);

/* ---- serverless.c ---- */

bool serverless_is(const struct node *root);
const struct node *serverless_expand(struct template *t, const struct node *root);

/* ---- cdk.c ---- */

bool cdk_is(const struct node *root);
const struct node *cdk_expand(struct template *t, const struct node *root);
/* "Orders/Ingest/ServiceRole/Resource" as "Ingest_ServiceRole". */
struct str cdk_name(struct template *t, const struct node *resource, struct str logical);
/* The name of a parameter or output without hashes. */
struct str cdk_plain(struct template *t, struct str name);
/* What another stack of the same app exports. */
struct cdk_export {
    struct str stack, output;
    struct tree *attrs; /* of the data source that reads it */
};
/* Fn::ImportValue of it; NULL: no template beside this one exports that. */
struct tree *cdk_imported(struct template *t, const struct node *node, struct str name);

/* ---- code.c: files of cdk.out, and code that is written into functions: copied beside the stack, and kept
 * as artifacts in a bucket of the stack. */

/* A file or folder of cdk.out, and where the CDK puts it. */
struct code_asset {
    struct str bucket, key;
    struct str path;             /* here */
    struct str artifact, copied; /* logical id; beside the stack file. "": not yet */
};

/* What is beside the template, or the one that has it. */
void code_read_assets(struct template *t);
bool code_is_folder(struct template *t, struct str key);
/* A copy beside the stack file: its path from there. */
struct str code_copy(struct template *t, struct str key, struct str name);
/* The template that a URL in the CDK's bucket leads to; p NULL: it is not here. */
struct str code_template(struct template *t, const struct node *url);
const struct node *code_expand(struct template *t, const struct node *root);

/* ---- nested.c: a stack within a template becomes a module: a folder with a stack file of its own, which
 * the other's `modules:` names; parameters are its inputs, outputs its outputs. nested.c finds and reads
 * its template, nested.c says what it is given, and what it is in the stack that has it. */
struct nested {
    struct draft draft;
    struct str folder;    /* beside the stack file that names it */
    struct str path;      /* of its template */
    struct map inputs;    /* parameter -> struct parameter */
    struct tree *outputs; /* name -> what it is called here */
    struct tree *given;   /* input -> what it is given */
};
