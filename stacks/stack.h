/*
 * A loaded stack: the checked files as declarations that refer to each other.
 *
 * stack_load() reads weir.yaml with its includes and modules, checks everything that can be checked without
 * evaluating, compiles and resolves all expressions, finds cycles and sorts the declarations by their
 * dependencies. The stack that it returns is immutable. The planner evaluates for_each, when and attributes,
 * in the order of stack->decls.
 */
#pragma once

#include "base/map.h"
#include "provider/provider.h"
#include "stacks/expr.h"

/* ---- Rules: conditions for the resources of a plan, or for the plan as a whole.
 *
 *     rules:
 *       tags_everywhere:
 *         for: aws.*                             types and patterns of types, or `plan`
 *         where: ${action != "delete"}           filters the resources; default: all
 *         require: ${haskey(self.tags, "owner")}
 *         message: every resource says who owns it
 *         level: error                           or warning, approval
 *
 * `use: [weir.baseline]` adds a set that comes with the program (provider/<name>/rules/), or the rules of a
 * module. WEIR_RULES names an organisation's own rule files. `waive:` exempts a stack from a rule for some
 * time.
 *
 * Conditions of one resource are rules too: `lifecycle: {precondition: [{require:, message:}]}` is evaluated
 * with the rules, `postcondition:` after the resource was created or updated. `checks:` are evaluated after
 * an apply, with data sources of their own. A check that passes produces no output.
 *
 * The loader reads rules (stacks/load/rules.c) and reports every mistake that can be found without values.
 * The planner evaluates them (plan/rules/rules.h). In their expressions these names shadow all others:
 *
 *     self          the resource as planned; null if it is deleted
 *     before        the resource as it is; null if it is created
 *     action        create, update, replace, delete, adopt, forget or noop
 *     address, type of the resource
 *     dependencies  the resources that it refers to, and
 *     dependents    those that refer to it: lists of {address, type, action, self}
 *     plan          with `for: plan`: numbers of the plan, and plan.cost
 *
 * `budget:` is a rule of this kind (stacks/load/rules.c). */
struct decl;
struct module;
struct schema;

enum rule_level { RULE_ERROR, RULE_WARNING, RULE_APPROVAL, RULE_LEVELS };
const char *rule_level_name(enum rule_level level); /* "error" … as in stack files */

/* Classes of names in a rule's expressions. They determine when the rule can be evaluated. */
enum rule_names {
    RULE_NAMES_ACTION = 1,
    RULE_NAMES_BEFORE = 2,
    RULE_NAMES_LINKS = 4,  /* dependencies, dependents */
    RULE_NAMES_OTHERS = 8, /* declarations of the stack */
    RULE_NAMES_COST = 16,  /* plan.cost */
};

struct rule {
    struct str name; /* "tags_everywhere"; of a rule set "weir.baseline/s3_public_access" */
    struct str set;  /* "weir.baseline"; "" for the stack's own rules */
    struct str doc, control,
        link; /* the reason in a sentence, the number in a benchmark, its page; "" not given */
    struct span span;
    const struct module *module; /* the module whose resources it is for; NULL: all modules */
    const struct str *types;     /* type names and patterns */
    size_t type_count;
    bool of_plan;
    bool budget;              /* the rule that `budget:` stands for */
    const struct decl *decl;  /* the resource that declares this condition; NULL: it is a rule */
    bool after;               /* evaluated after the call: a postcondition or a check */
    bool check;               /* declared in `checks:`: evaluated after an apply */
    struct decl *const *data; /* the data sources of a check */
    size_t data_count;
    int64_t
        within_ms; /* of a check: evaluated again until it passes, for at most this time; 0: evaluated once */
    bool builtin;  /* from a rule set that comes with weir */
    bool waivable; /* a stack may waive it */
    bool idle; /* a built-in rule whose types the stack does not contain; its expressions are not resolved */
    struct expr *where; /* NULL: no filter */
    struct expr *require, *message;
    enum rule_level level;
    unsigned names;               /* enum rule_names */
    const struct str *attributes; /* attributes of `self` that its expressions name */
    size_t attribute_count;
};

/* Exempts some addresses from a rule. */
struct waiver {
    struct str rule;             /* the rule's name, with or without its set */
    const struct str *addresses; /* addresses and patterns; "plan" for rules of the plan */
    size_t address_count;
    struct str reason, until; /* the last day, 2027-01-31 */
    int64_t until_ms;         /* the end of that day */
    struct span span;
};

/* Returns whether the rule has this name: "weir.baseline/s3_versioning", or "s3_versioning". */
bool rule_is_called(const struct rule *rule, struct str name);
/* Returns whether the rule applies to resources of the type. A pattern applies only to types with the
 * attributes that the rule names. */
bool rule_is_for(const struct rule *rule, const struct schema *schema);

/* ---- stack ---- */

enum decl_kind {
    DECL_INPUT,
    DECL_LOCAL,
    DECL_PROVIDER,   /* a provider configuration: `aws`, `aws.tokyo` */
    DECL_CONNECTION, /* the connection to services inside a network: `bastion` */
    DECL_RESOURCE,
    DECL_DATA,
    DECL_MODULE, /* its value is the map of the module's outputs */
    DECL_OUTPUT,
    DECL_SHARED, /* the stack that all members of a fleet refer to; its value is the map of its outputs */
};

struct module;

struct attr_expr {
    struct str name;
    const struct attr *attr; /* the schema's attribute */
    struct expr *expr;
    const struct node_entry *entry; /* the entry in the file */
    bool reported;                  /* set while loading if an error about it was already reported */
};

/* Attributes of a declaration about which an error was reported. The rest of the declaration is checked
 * nevertheless. */
struct mistaken {
    bool any, all;  /* all: the declaration has an unknown key, which may stand for any attribute */
    uint32_t count; /* length of names */
    const struct str
        *names; /* attributes that the file configures but that are not in the declaration's attrs */
};

/* adopt: what to do if a resource with that identity already exists (recovery and import; see docs) */
enum adopt_mode { ADOPT_OWNED, ADOPT_NEVER, ADOPT_EXISTING };

/* The contents of `lifecycle:`, `timeouts:` and `adopt:`. */
struct lifecycle {
    bool prevent_destroy, create_before_destroy;
    const struct str *ignore_changes; /* attribute names; "*" alone: all */
    size_t ignore_count;
    struct expr **replace_triggered_by; /* a change of any of these values replaces the resource */
    size_t trigger_count;
    size_t first_rule, rule_count; /* its conditions in stack->rules */
    enum adopt_mode adopt;
    int64_t timeout_create_ms, timeout_update_ms, timeout_delete_ms; /* 0: the type's timeout */
};

/* A stack may have a hundred thousand declarations, so the structure is small. */
struct decl {
    enum decl_kind kind;
    uint32_t index; /* position in stack->decls; every dependency has a smaller one */
    struct str name;
    struct module *module; /* the module that declares it */
    struct str address; /* "lake", "module/lake", "inputs.owner", "locals.x"; with for_each without ["key"] */
    struct span span;   /* the span of its key */
    struct decl **deps;
    uint32_t dep_count;
    struct mistaken mistaken;
    union {
        struct { /* INPUT */
            const struct attr
                *input; /* name, type, sensitive, pattern … as an attribute; `required` without default */
            const struct value *given; /* root module: the given or default value, converted and marked; NULL
                                          in other modules */
            struct expr *argument;     /* child modules: the value that the parent passes, evaluated in the
                                          parent's scope; NULL: `given` is the default */
        };
        struct { /* LOCAL, OUTPUT */
            struct expr *expr;
            struct str description;
            bool sensitive; /* OUTPUT */
        };
        struct {                 /* PROVIDER, CONNECTION */
            struct expr *config; /* the configuration map; NULL: not configured */
            struct str
                full_name;    /* the name in records: "aws.tokyo", within a module "net/aws", net["a"]/aws */
            struct decl *via; /* the connection that it uses; NULL: none */
        };
        struct { /* MODULE: depends on the references of `when` (these come first) and on all declarations of
                    the module; a reference to an output refers to the declaration of that output */
            struct module *target;
            struct decl **calls; /* with for_each: `target` is NULL and there is a call for each key. The
                                    calls are not in the module's names. */
            uint32_t call_count, when_dep_count;
            bool keyed; /* has a for_each */
        };
    };

    /* RESOURCE, DATA */
    uint32_t attr_count;
    uint32_t costly_references; /* references to it that may use a costly attribute and do not clearly name
                                   another attribute */
    struct attr_expr *attrs;    /* in file order, without attributes for which an error was reported */
    const struct schema *schema;
    const struct rule
        *check; /* DATA: the check that declares it, so that it is read after an apply; NULL: none */
    struct expr *for_each, *when; /* NULL: not given; modules have `when` too */
    struct decl *provider; /* NULL: the default configuration of the type's provider, if no configuration is
                              declared */
    struct str provider_name;    /* "aws"; also set for PROVIDER */
    struct lifecycle *lifecycle; /* NULL: not configured; see decl_lifecycle() */
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
    struct decl *call;                         /* the DECL_MODULE that calls this module; NULL for the root */
    const struct value *each_key, *each_value; /* the key and value of the call; NULL without for_each */
    struct str source;                         /* as written: "./dir" or "builtin/name" */
    struct decl **waits;                       /* dependencies of all its resources: the call's depends_on */
    size_t wait_count;
    struct str dir;                /* the folder to which its relative file names belong */
    const struct value *constants; /* for struct scope; `path.root` is seen from `dir` */
    struct decl **decls;           /* grouped by section, each in file order */
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

/* The lease of a stack: how long it may exist after it was created (stacks/load/fleet.c). */
struct lease_terms {
    bool given;
    bool unknown;            /* an input in the lease has no value */
    int64_t for_ms, warn_ms; /* 0: not configured */
    bool extend;             /* the lease may be extended */
};

/* The stack that all members of a fleet refer to (stacks/load/fleet.c). */
struct shared_stack {
    struct str file; /* the file, as -C takes it; "": no shared stack */
    struct str name; /* the name of that stack; "": it could not be read */
    struct span span;
    const struct str *inputs; /* the inputs that the fleet passes, "k=v" each */
    size_t input_count;
    const struct str *outputs; /* the names of its outputs */
    size_t output_count;
};

struct stack {
    struct arena arena;
    struct str name, description, env; /* env "": none */
    struct str dir;                    /* as given with -C, "." by default */
    struct str file;                   /* the stack file's path as shown in diagnostics */
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
    const struct rule *rules; /* the rules of all modules */
    size_t rule_count;
    const struct waiver *waivers;
    size_t waiver_count;
    const struct value *state; /* the `state:` map, evaluated (inputs and constants only); NULL: default */
    struct span state_span;    /* the span of its key, for diagnostics of the backend */
    struct lease_terms lease;
    struct str budget;         /* "20 USD/day"; "": none */
    double budget_hourly;      /* the budget in USD an hour */
    const struct value *usage; /* address -> monthly usage by name; NULL: not configured */
    const struct value
        *settings; /* with stack_options.settings_of: the configuration of that provider; NULL: none */
    const struct value *inputs;        /* root inputs as given (map), with marks */
    bool fleet;                        /* it has members, each with its own state */
    const struct value *members;       /* of a fleet: a map from the members' names to `each.value` */
    const struct value *member_inputs; /* of the selected member: the inputs that the fleet passes; NULL: no
                                          member is selected */
    struct shared_stack shared;        /* of a fleet: the shared stack */
    const struct value *constants;     /* of the root: {stack: {name, description, env}, path: {root}} */
    size_t ignored_errors; /* errors in attributes after which the other declarations can still be checked */
    const struct source **sources; /* every file that was read, the stack file first */
    size_t source_count;
};

struct stack_options {
    const char *dir;          /* folder with weir.yaml, or the path of a stack file itself; NULL: "." */
    struct str env;           /* -e; "": none */
    const struct str *inputs; /* "-i" arguments, "k=v" each; later ones win */
    size_t input_count;
    const struct str *input_files; /* --input-file, YAML or JSON */
    size_t input_file_count;
    struct catalog *catalog;
    /* The attributes that `state:` may have, an object for each `backend`; none: `state:` is not checked
     * here. */
    const struct attr *states;
    size_t state_count;
    const struct value
        *files; /* contents of files at an earlier time, by their path below dir; NULL: the files on disk */
    /* Returns in `text` the unsaved content of the file that the loader would open at `path`, such as an
     * editor's buffer. The content lives as long as the stack. Returns false if the file on disk applies.
     * NULL: all files are read from disk. */
    bool (*unsaved)(void *ctx, struct str path, struct str *text);
    void *unsaved_ctx;
    const struct moved *moved; /* with files: entries of `moved:` for what was moved since; not checked */
    size_t moved_count;
    const struct open_files
        *open;       /* the same for files that functions read, which need not be YAML; may be NULL */
    bool module;     /* the file is a module that is loaded by itself: it has no name, and its inputs have no
                        values */
    struct str root; /* with files: the stack file among them, if it need not be in dir; "": found as usual */
    const struct value
        *state; /* with files: the current state section, regardless of the section in those files */
    const struct value
        *member; /* the recorded inputs of a fleet member that the fleet's list no longer names */
    const struct value *members; /* of a fleet: the members that another load of the same stack read, which
                                    must outlive this one; NULL: they are read */
    bool any_member;             /* the fleet is loaded as a whole: the inputs of its members are unknown */
    struct str
        default_name; /* the name for a file without `stack:`, such as a module that is tested by itself */
    struct str settings_of; /* only the `providers:` entry of this provider is loaded and evaluated; the rest
                               of the stack is not checked */
    bool lenient_inputs;    /* an input without a value is unknown, not an error: for commands that need no
                               inputs */
    bool some_inputs; /* the given inputs are for several stacks: an input that this stack does not declare is
                         ignored */
    bool no_shared;   /* the shared stack is not loaded */
};

/*
 * Loads a stack. Returns NULL if the files cannot be used; `diags` then has errors. A stack may be returned
 * although `diags` has errors: callers stop on diags->errors, or continue only to find more errors if all of
 * them are counted in `forgiven`. Precedence of inputs: -i, WEIR_INPUT_<NAME>, --input-file, the
 * environment's values, the default. An input that a fleet configures for its members overrides the variable
 * and the file; -i for such an input is an error.
 */
struct stack *stack_load(const struct stack_options *options, struct diags *diags);
void stack_free(struct stack *stack);
/* Returns whether a stack file exists. `dir` as in stack_options. */
bool stack_exists(struct arena *arena, const char *dir);
/*
 * Returns the declaration at an address without instance key, or NULL: "lake", "net/subnet", "inputs.owner",
 * "net/outputs.vpc_id", "providers.aws.tokyo", "connections.bastion".
 */
struct decl *stack_find(const struct stack *stack, struct str address);
/* Calls visit for each dependency of a declaration, and for the dependencies of those for which it returned
 * true, depth first. visit keeps the marks of what it has seen: for a declaration that it has seen before it
 * must return false. Chains of dependencies may have any length. */
void decl_walk_deps(const struct decl *decl, bool (*visit)(void *ctx, const struct decl *dep), void *ctx);
/* Returns the path of one of stack->sources below the stack's folder, as in stack_options.files; "" for
 * built-in files and files outside the folder. */
struct str stack_source_name(const struct stack *stack, const struct source *source);
/* Returns the SHA-256 of all sources in hexadecimal. It tells whether the files changed after a plan. */
struct str stack_digest(const struct stack *stack, struct arena *arena);
/* Resolves a bare expression (console) against the root module's names. The names of the map `names` (NULL:
 * none) have precedence, and scope->constants must contain their values. Errors are added to `diags`. */
void stack_resolve(struct stack *stack, struct expr *expr, const struct value *names, struct diags *diags);

/* Returns whether `name` is a valid name: letters, digits, _ and -, beginning with a letter, short enough for
 * tags. */
bool stack_is_name(struct str name);
/* Returns whether `name` is a keyword that can begin an expression. A declaration that is referred to by its
 * bare name cannot have such a name. */
bool stack_is_reserved(struct str name);

/* Returns the address of one instance: `lake`, `lake["a"]`, `net/subnet["a"]`. With a NULL key it is the
 * declaration's address. Integers are not keys. */
struct str address_instance(struct arena *arena, struct str decl_address, const struct value *key);
/* Fills in the addresses of all records after the entries of `moved:`, in whatever order they are listed;
 * each counts once. Two records have one address if the entries lead there and to nothing else. */
void stack_move_records(
    const struct stack *stack, struct arena *arena, const struct str *recorded, size_t n, struct str *now);
/* Returns the offset of the instance key, in net["a"]/lake["b"] that of ["b"], or -1 without a key. Keys of
 * modules belong to the path. */
ptrdiff_t address_key_at(struct str address);
/* Splits an instance address. *key is unescaped; its p is NULL without a key. Returns false if the address is
 * malformed. */
bool address_split(struct arena *arena, struct str address, struct str *decl_address, struct str *key);

/* ---- Parsing of stack files into trees of nodes. Errors are reported with their source line, except in
 * files that give values to inputs, some of which are secret. Only the tree tells which, and a file that is
 * not valid YAML has no tree. */
/* Like yaml_parse() and yaml_load(). Secret lines of the source stay hidden as long as the diagnostics
 * live. */
struct node *stack_yaml_parse(struct arena *arena, const struct source *source, struct diags *diags);
struct node *stack_yaml_load(
    struct arena *arena, const char *path, struct str shown_path, struct diags *diags);
