/*
 * A loaded stack: the files checked and turned into declarations that refer to each other.
 *
 * stack_load() reads weir.yaml (and includes, modules), checks everything that can be checked without
 * evaluating, compiles and resolves all expressions, finds cycles and puts the declarations in dependency
 * order. What it returns is immutable. Evaluating (for_each, when, attributes) is the planner's job, in the
 * order given here.
 */
#pragma once

#include "base/map.h"
#include "provider/provider.h"
#include "stacks/expr.h"

/* ---- Rules: what has to hold of the resources that a plan makes, or of the plan as a whole.
 *
 *     rules:
 *       tags_everywhere:
 *         for: aws.*                             types and patterns of types, or `plan`
 *         where: ${action != "delete"}           which of them; all
 *         require: ${haskey(self.tags, "owner")}
 *         message: every resource says who owns it
 *         level: error                           or warning, approval
 *
 * `use: [weir.baseline]` adds a set that comes with the program (provider/<name>/rules/), or the rules of a
 * module. An organisation has files of its own (WEIR_RULES). With `waive:` a stack need not keep one for a
 * while.
 *
 * Conditions of one resource are rules as well: `lifecycle: {precondition: [{require:, message:}]}` is asked
 * as these are, `postcondition:` after the resource was created or updated. So are `checks:`, which are asked
 * after an apply, with data sources of their own, and are kept where they say nothing.
 *
 * The loader reads them (stacks/load/rules.c) and reports every mistake that can be found without values. The
 * planner asks them (plan/rules/rules.h). In their expressions these names come before all others:
 *
 *     self          the resource as planned; null where it is deleted
 *     before        the resource as it is; null where it is created
 *     action        create, update, replace, delete, adopt, forget or noop
 *     address, type of the resource
 *     dependencies  what it refers to, and
 *     dependents    what refers to it: lists of {address, type, action, self}
 *     plan          with `for: plan`: numbers of the plan, and plan.cost
 *
 * `budget:` is a rule of that kind (stacks/load/rules.c). */
struct decl;
struct module;
struct schema;

enum rule_level { RULE_ERROR, RULE_WARNING, RULE_APPROVAL, RULE_LEVELS };
const char *rule_level_name(enum rule_level level); /* "error" … as in the file */

/* What a rule's expressions name; it tells when the rule can be asked. */
enum rule_names {
    RULE_NAMES_ACTION = 1,
    RULE_NAMES_BEFORE = 2,
    RULE_NAMES_LINKS = 4,  /* dependencies, dependents */
    RULE_NAMES_OTHERS = 8, /* declarations of the stack */
    RULE_NAMES_COST = 16,  /* plan.cost */
};

struct rule {
    struct str name;               /* "tags_everywhere", of a set "weir.baseline/s3_public_access" */
    struct str set;                /* "weir.baseline"; "" the stack's own */
    struct str doc, control, link; /* why: a sentence, the number in a benchmark, its page; "" not given */
    struct span span;
    const struct module *module; /* of the resources in it; NULL: of all */
    const struct str *types;     /* names and patterns */
    size_t type_count;
    bool of_plan;
    bool budget;              /* what `budget:` stands for */
    const struct decl *decl;  /* a condition of that resource; NULL: it is none */
    bool after;               /* asked after the call: a postcondition, or a check */
    bool check;               /* of `checks:`: of what is there after an apply */
    struct decl *const *data; /* of a check: its own data sources */
    size_t data_count;
    int64_t within_ms; /* of a check: for so long it is asked again until it is kept; 0: once */
    bool builtin;      /* of a set that comes with weir */
    bool waivable;     /* a stack may waive it */
    bool idle; /* of such a set, and the stack has no resource that it is for: it is not ready to be asked */
    struct expr *where; /* NULL: of all */
    struct expr *require, *message;
    enum rule_level level;
    unsigned names;               /* enum rule_names */
    const struct str *attributes; /* of `self` that it names */
    size_t attribute_count;
};

/* A stack need not keep a rule for some addresses. */
struct waiver {
    struct str rule;             /* its name, also without its set */
    const struct str *addresses; /* and patterns of them; "plan" of the plan */
    size_t address_count;
    struct str reason, until; /* the last day, 2027-01-31 */
    int64_t until_ms;         /* when that is over */
    struct span span;
};

/* "weir.baseline/s3_versioning", or "s3_versioning". */
bool rule_is_called(const struct rule *rule, struct str name);
/* Is it a rule for resources of the type? Of patterns only types that have what it names. */
bool rule_is_for(const struct rule *rule, const struct schema *schema);

/* ---- stack ---- */

enum decl_kind {
    DECL_INPUT,
    DECL_LOCAL,
    DECL_PROVIDER,   /* a provider configuration: `aws`, `aws.tokyo` */
    DECL_CONNECTION, /* a way to where no cloud API leads: `bastion` */
    DECL_RESOURCE,
    DECL_DATA,
    DECL_MODULE, /* its value is the map of its outputs */
    DECL_OUTPUT,
    DECL_SHARED, /* the stack that all members of a fleet refer to; its value is the map of its outputs */
};

struct module;

struct attr_expr {
    struct str name;
    const struct attr *attr; /* schema's */
    struct expr *expr;
    const struct node_entry *entry; /* in the file */
    bool wrong;                     /* while loading: reported already */
};

/* What is wrong in a declaration and was reported; the rest of it is looked at all the same. */
struct mistaken {
    bool any, all;           /* all: there is a key that the type does not know, and may be any attribute */
    uint32_t count;          /* of names */
    const struct str *names; /* of attributes that are given, and not among the declaration's */
};

/* adopt: what to do when something with that identity exists already (recovery and import; see docs). */
enum adopt_mode { ADOPT_OWNED, ADOPT_NEVER, ADOPT_EXISTING };

/* What `lifecycle:`, `timeouts:` and `adopt:` say. */
struct lifecycle {
    bool prevent_destroy, create_before_destroy;
    const struct str *ignore_changes; /* attribute names; "*" alone: all */
    size_t ignore_count;
    struct expr **replace_triggered_by; /* values; a change of any of them replaces */
    size_t trigger_count;
    size_t first_rule, rule_count; /* its conditions, in stack->rules */
    enum adopt_mode adopt;
    int64_t timeout_create_ms, timeout_update_ms, timeout_delete_ms; /* 0: the type's */
};

/* There may be a hundred thousand of them, so they are small. */
struct decl {
    enum decl_kind kind;
    uint32_t index; /* position in stack->decls; every dependency has a smaller one */
    struct str name;
    struct module *module; /* where it is declared */
    struct str
        address;      /* "lake", "module/lake", "inputs.owner", "locals.x"; of a for_each: without ["key"] */
    struct span span; /* of its key in the file */
    struct decl **deps;
    uint32_t dep_count;
    struct mistaken mistaken;
    union {
        struct { /* INPUT */
            const struct attr
                *input; /* name, type, sensitive, pattern … as an attribute; `required` without default */
            const struct value *given; /* root module: the value given or defaulted, converted and marked;
                                          NULL in other modules */
            struct expr *argument;     /* child modules: what the parent passes (evaluated in the parent's
                                          scope); NULL: `given` is the default */
        };
        struct { /* LOCAL, OUTPUT */
            struct expr *expr;
            struct str description;
            bool sensitive; /* OUTPUT */
        };
        struct {                 /* PROVIDER, CONNECTION */
            struct expr *config; /* the map; NULL: nothing said */
            struct str
                full_name;    /* as records have it: "aws.tokyo", within a module "net/aws", net["a"]/aws */
            struct decl *via; /* the connection that it goes by; NULL: none */
        };
        struct { /* MODULE: depends on what `when` refers to (these come first) and on all that is in it; an
                    output of it is referred to by the output's own declaration */
            struct module *target;
            struct decl **calls; /* with for_each: no target, but a call for each key. These are not among
                                    the names. */
            uint32_t call_count, when_dep_count;
            bool keyed; /* has a for_each */
        };
    };

    /* RESOURCE, DATA */
    uint32_t attr_count;
    uint32_t costly_references; /* references to it that may want a costly attribute, and not plainly another
                                   one */
    struct attr_expr *attrs;    /* in file order; those that are wrong are not among them */
    const struct schema *schema;
    const struct rule *check;     /* DATA: that has it for itself; it is read after an apply. NULL: none */
    struct expr *for_each, *when; /* NULL: not given; `when` of modules too */
    struct decl
        *provider; /* NULL: the default configuration of the type's provider, where none is declared */
    struct str provider_name;    /* "aws"; of PROVIDER, too */
    struct lifecycle *lifecycle; /* NULL: nothing said; see decl_lifecycle() */
};

static inline bool decl_is_keyed_module(const struct decl *decl)
{
    return decl->kind == DECL_MODULE && decl->keyed;
}
static inline const struct lifecycle *decl_lifecycle(const struct decl *decl)
{
    static const struct lifecycle none;
    return decl->lifecycle ? decl->lifecycle : &none;
}

struct module {
    struct str path; /* "" for the root, "net", "net/inner" */
    struct module *parent;
    struct decl *call;                         /* the DECL_MODULE that it belongs to; NULL for the root */
    const struct value *each_key, *each_value; /* of the call; NULL without for_each */
    struct str source;                         /* as written: "./dir" or "builtin/name" */
    struct str dir;                            /* where its relative file names start */
    struct decl **decls;                       /* section by section, each in file order */
    size_t decl_count;
    /* name -> struct decl *; `names` holds resources, data and modules */
    struct map inputs, locals, providers, connections, names, outputs;
};

struct moved {
    struct str from, to; /* addresses, of whole declarations or single instances */
    struct span span;
};
struct removed {
    struct str address;
    bool destroy;
    struct span span;
};
struct import {
    struct str address;
    struct expr *id;
    struct span span;
};

/* How long a stack may be there once it is made (stacks/load/fleet.c). */
struct lease_terms {
    bool given;
    bool unknown;            /* an input that it takes has no value */
    int64_t for_ms, warn_ms; /* 0: not said */
    bool extend;             /* may it be extended */
};

/* The stack that all members of a fleet refer to (stacks/load/fleet.c). */
struct shared_stack {
    struct str file; /* as -C takes it; "" none */
    struct str name; /* its stack's; "" could not be read */
    struct span span;
    const struct str *inputs; /* what the fleet gives it, "k=v" each */
    size_t input_count;
    const struct str *outputs; /* their names */
    size_t output_count;
};

struct stack {
    struct arena arena;
    struct str name, description, env; /* env "" : none */
    struct str dir;                    /* as given with -C, "." by default */
    struct str file;                   /* the stack file's shown path */
    struct module *root;
    struct module **modules; /* all of them, the root first */
    size_t module_count;
    struct decl **decls; /* all modules' declarations, dependencies first */
    size_t decl_count;
    struct moved *moved;
    size_t moved_count;
    struct removed *removed;
    size_t removed_count;
    struct import *imports;
    size_t import_count;
    const struct rule *rules; /* of all modules */
    size_t rule_count;
    const struct waiver *waivers;
    size_t waiver_count;
    const struct value *state; /* the `state:` map, evaluated (inputs and constants only); NULL: default */
    struct span state_span;    /* of its key, for what a backend finds wrong with it */
    struct lease_terms lease;
    struct str budget;                 /* "20 USD/day"; "" none */
    double budget_hourly;              /* the same in USD an hour */
    const struct value *usage;         /* address -> what is used a month, by name; NULL: nothing said */
    const struct value *settings;      /* with stack_options.settings_of: of that provider; NULL: none */
    const struct value *inputs;        /* root inputs as given (map), marked */
    bool fleet;                        /* has members, each with a state of its own */
    const struct value *members;       /* of a fleet: a map of their names to what `each.value` is */
    const struct value *member_inputs; /* of the chosen one: what the fleet gives it; NULL: there is none */
    struct shared_stack shared;        /* of a fleet */
    const struct value *constants;     /* for struct scope: {stack: {name, description, env}, path: {root}} */
    size_t forgiven; /* errors in attributes, without which the rest can be looked at all the same */
    const struct source **sources; /* every file read, stack file first */
    size_t source_count;
};

struct stack_options {
    const char *dir;          /* folder with weir.yaml, or the path of a stack file itself; NULL: "." */
    struct str env;           /* -e; "" none */
    const struct str *inputs; /* "-i" arguments, "k=v" each; later ones win */
    size_t input_count;
    const struct str *input_files; /* --input-file, YAML or JSON */
    size_t input_file_count;
    struct catalog *catalog;
    /* What can be said under `state:`, an object for each `backend`; none: it is not checked here. */
    const struct attr *states;
    size_t state_count;
    const struct value
        *files; /* texts of files as they were once, by their path below dir; NULL: as they are */
    /* Texts that go before what is on disk, as an editor has them: by the path that the loader would open.
     * They live as long as the stack. False: as it is on disk. NULL: everything is. */
    bool (*unsaved)(void *ctx, struct str path, struct str *text);
    void *unsaved_ctx;
    const struct open_files *open; /* the same for what functions read, which need be no YAML; NULL */
    bool module; /* what is loaded is a module, looked at by itself: it has no name, its inputs no values */
    struct str root; /* with files: which of them is the stack's own, if none need are in dir; "" as it is */
    const struct value *state;   /* with files: the state section as it is now, wherever it was kept then */
    const struct value *member;  /* inputs of a fleet's member that its list does not name any more */
    const struct value *members; /* of a fleet, as another load of the same stack read them; it outlives this
                                  * one; NULL: they are read */
    bool any_member;             /* a fleet is looked at as a whole: what its members get is unknown */
    struct str default_name;     /* of a file that names no stack: a module that is tested by itself */
    struct str settings_of; /* only what `providers:` says of that one is of interest, and is evaluated; the
                             * rest of the stack is not looked at */
    bool lenient_inputs;    /* one without a value is unknown, not an error: for commands that need none */
    bool some_inputs; /* those given from outside are for several stacks: one that it has not is another's */
    bool no_shared;   /* what it shares with others is not looked at */
    bool ask_inputs;  /* not yet used: prompts are cmd's business; missing inputs are errors here */
};

/*
 * NULL when the files cannot be used (diags has errors). With errors in diags a stack may still be returned;
 * callers stop on diags->errors, or, where all of them are forgiven, go on only to find more. Inputs: -i
 * beats WEIR_INPUT_<NAME> beats --input-file beats the environment's values beats the default. What a fleet
 * configures for its members beats the variable and the file, and -i for it is a mistake.
 */
struct stack *stack_load(const struct stack_options *options, struct diags *diags);
void stack_free(struct stack *stack);
/* Is there a stack file at all? dir as in stack_options. */
bool stack_exists(struct arena *arena, const char *dir);
/*
 * The declaration at an address without instance key, or NULL: "lake", "net/subnet", "inputs.owner",
 * "net/outputs.vpc_id", "providers.aws.tokyo", "connections.bastion".
 */
struct decl *stack_find(const struct stack *stack, struct str address);
/* Path of one of stack->sources below the stack's folder, as in stack_options.files; "" for what is
 * elsewhere or is built in. */
struct str stack_source_name(const struct stack *stack, const struct source *source);
/* Hex SHA-256 over all sources: did the files change since a plan? */
struct str stack_digest(const struct stack *stack, struct arena *arena);
/* Binds a bare expression (console) to the root module's names, and before them to those of a map (NULL:
 * none), whose values scope->constants has to have; what is wrong with it goes into diags. */
void stack_resolve(struct stack *stack, struct expr *expr, const struct value *names, struct diags *diags);

/* A name of the language: letters, digits, _ and -, beginning with a letter, of a length that tags take. */
bool stack_is_name(struct str name);
/* A word that expressions begin with: nothing that they refer to by its bare name can be called that. */
bool stack_is_reserved(struct str name);

/* "90s", "1h30m", "2d": numbers with d, h, m or s, each at most once and in this order; more than nothing. */
bool duration_read(struct str text, int64_t *ms);

/* `lake`, `lake["a"]`, `net/subnet["a"]`: address of one instance. key NULL: the declaration's own. Integers
 * are not keys. */
struct str address_instance(struct arena *arena, struct str decl_address, const struct value *key);
/* Where the instance key begins, in net["a"]/lake["b"] that of the lake; -1: there is none. Keys of modules
 * belong to the path. */
ptrdiff_t address_key_at(struct str address);
/* Splits an instance address; *key (unescaped) has p NULL when there is none. false: malformed. */
bool address_split(struct arena *arena, struct str address, struct str *decl_address, struct str *key);

/* ---- Stack files as trees. What is wrong in one is reported with its line, but where the file
 * gives values to inputs, of which some are secret: only a tree tells which, and of a file that is no YAML
 * there is none. */
/* Like yaml_parse() and yaml_load(). What is hidden of the source is so for as long as the diagnostics live.
 */
struct node *stack_yaml_parse(struct arena *arena, const struct source *source, struct diags *diags);
struct node *stack_yaml_load(
    struct arena *arena, const char *path, struct str shown_path, struct diags *diags);
