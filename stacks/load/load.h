/*
 * Declarations that the files that load a stack share; no other file includes this header.
 *
 * load.c finds and reads the files and calls the loader of each section for each module (inputs.c,
 * resources.c, modules.c, moves.c). These create declarations and compile their expressions. When all names
 * are known, resolve.c resolves them and order.c sorts the declarations. check.c compares literal values with
 * the schemas.
 *
 * Loading continues after errors: a declaration with an error is kept as far as possible, so that references
 * to it do not give further errors.
 */
#pragma once

#include "base/embed.h"
#include "stacks/load/module_lock.h"
#include "stacks/stack.h"

struct resolving;
struct rule_set;

enum {
    MODULE_DEPTH_MAX = 16,
    MODULE_COUNT_MAX = 10000,
    NAME_MAX_BYTES = 100, /* of a declaration's name; addresses are written to resource tags */
};

/* A YAML file of a module: its own file or an include. */
struct part {
    const struct node *root;
    bool included;
};

/* A module during loading. */
struct unit {
    struct loader *loader;
    struct unit *parent;
    struct module *module;
    struct str file;  /* path of its own file as shown in diagnostics */
    struct str ident; /* real path, or builtin/NAME: identifies the file */
    struct part *parts;
    size_t part_count, part_cap;
    size_t decl_cap;
    const struct node
        *provider; /* the call's `provider`: the configuration that its resources use; may be NULL */
    const struct node
        *providers; /* the call's `providers`: a map of names inside to names outside; may be NULL */
    struct decl **conditions; /* the references of the call's `when`: dependencies of all its declarations */
    size_t condition_count;
    const struct embedded_file *builtin; /* its file if it is in the binary */
    struct str tree;                     /* the folder of a remote module's files; "": it is not remote */
};

/* Data about a declaration that is needed only during loading. */
struct decl_info {
    struct unit *unit;
    const struct node *depends_on; /* may be NULL */
    const struct node *provider;   /* may be NULL */
    const struct node *via;        /* the `via` of a provider or connection; may be NULL */
};

/* A rule and the module whose names it uses. */
struct loaded_rule {
    struct rule *rule;
    struct unit *unit;
};

struct loader {
    const struct stack_options *options;
    struct stack *stack;
    struct arena *arena; /* the stack's */
    struct diags *diags;
    struct decl *
        *decls; /* in order of creation; decl->index is the index in this array until all is resolved */
    struct decl_info *infos;
    size_t decl_count, decl_cap, info_cap;
    struct unit **units;
    size_t unit_count, unit_cap;
    struct loaded_rule *rules;
    size_t rule_count, rule_cap;
    struct map rule_sets; /* names of the sets that the stack itself uses */
    struct waiver *waivers;
    size_t waiver_count, waiver_cap;
    struct source const **sources;
    size_t source_count, source_cap;
    bool inputs_given;
    struct map files;                      /* ident -> root node */
    struct map resource_types, data_types; /* name -> schema */
    struct module_lock *lock;              /* the pins of remote sources; NULL: not read yet */
    bool lock_good;
    struct map trees; /* folders whose content was compared with the lock */
};

/* ---- load.c ---- */

/* Reads the files of a module and loads all its sections. Returns false, after an error, if there is no
 * usable file. */
bool unit_load(struct unit *unit);
struct unit *unit_new(struct loader *loader, struct unit *parent);
/* Reads the stack's name and the values of its inputs, once. Evaluation needs them. */
void give_inputs(struct unit *root);
/* The constants of a unit's expressions, after give_inputs(). */
const struct value *unit_constants(struct unit *unit);

/* The number of errors so far. */
struct tally {
    size_t met, errors;
};
struct tally load_tally(const struct loader *loader);
/* Returns whether there was an error after `since`. Such errors are in attributes, so they are counted as
 * forgiven. */
bool load_ignore_errors(struct loader *loader, struct tally since);

/* ---- files.c ---- */

/* Finds weir.yaml or weir.yml in a folder. */
bool find_stack_file(struct arena *arena, struct str dir, struct str *file);
/* Finds folder and file of the stack that -C names (NULL: the current folder). Returns false, after an error,
 * if there is none. */
bool find_stack(
    struct arena *arena, const char *given, struct str *dir, struct str *file, struct diags *diags);
/* Returns an editor's unsaved content of the file. */
bool unsaved_text(const struct loader *loader, struct str file, struct str *text);
/* Returns the real path of the file as its identity. Returns false, after an error at `at` (may be NULL), if
 * the file does not exist. */
bool file_identify(struct loader *loader, struct str file, const struct node *at, struct str *ident);
/* Returns the parsed file. Each file is read once. NULL after an error. */
const struct node *file_tree(
    const struct unit *unit, struct str ident, struct str file, const struct node *at);
/* The same for a file of the stack itself. */
const struct node *unit_read_file(const struct unit *unit, struct str file, const struct node *at);
/* Sets the unit's ident, by which a file that is already being loaded is recognised. */
bool unit_identify(struct unit *unit, const struct node *at);
/* Returns whether the file exists, or existed in the earlier version that is loaded. */
bool unit_has_file(const struct unit *unit, struct str file);
/* Returns the path of the file `name` of this module. */
struct str unit_path(const struct unit *unit, struct str name);

/* ---- decls.c: functions for all sections ---- */

/* Creates the module call for one key of its for_each. */
struct decl *declare_call(struct unit *unit, struct decl *keyed, const struct value *key);
/* Makes room for n more declarations at once. */
void declare_reserve(struct unit *unit, size_t n);
/* Creates a declaration and its address. A duplicate or invalid name is reported. */
struct decl *declare(struct unit *unit, enum decl_kind kind, const struct node_entry *entry);
struct decl_info *info_of(struct loader *loader, const struct decl *decl);
/* Return false, after an error, if the node has another type. `what` is "an input" … */
bool expect_map(struct loader *loader, const struct node *node, const char *what);
bool expect_list(struct loader *loader, const struct node *node, const char *what);
bool expect_bool(struct loader *loader, const struct node *node, const char *what, bool *out);
/* Adds a label for `yes` and `off`, which only YAML 1.1 takes for booleans. */
void label_boolean(struct loader *loader, struct diag *d, const struct node *node);
/* Accepts a string without expressions. */
bool expect_text(struct loader *loader, const struct node *node, const char *what, struct str *out);
/*
 * For an unknown key: in `{description: a, b}` YAML parses `b` as a key without value. Adds a hint and
 * returns true if the source has that form.
 */
bool hint_split_text(struct loader *loader, struct diag *d, const struct node_entry *entry);
/* Reports the keys of a map that are not among `known`. */
void check_keys(
    struct loader *loader, const struct node *map, const char *what, const struct str *known, size_t n);
bool has_expression(const struct node *node); /* true if any scalar inside has one */
/* Returns the value of a tree without expressions. Returns NULL, after an error about `what`, if it has
 * expressions. */
const struct value *constant_value(struct loader *loader, const struct node *node, const char *what);

/* ---- address.c ---- */

/* Warns of a string that looks like a reference in `module`; `of` is the declaration that contains it. */
void warn_of_plain_text(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e);

/* ---- the sections ---- */

void load_inputs(struct unit *unit, const struct node *section);
void load_locals(struct unit *unit, const struct node *section);
void load_providers(struct unit *unit, const struct node *section);
void load_connections(struct unit *unit, const struct node *section);
void load_resources(struct unit *unit, const struct node *section);
void load_data(struct unit *unit, const struct node *section);
void load_modules(struct unit *unit, const struct node *section);
/* Compiles the `when` of a resource or module. */
struct expr *compile_when(struct loader *loader, const struct node *node);
void load_outputs(struct unit *unit, const struct node *section);
void load_moved(struct unit *unit, const struct node *section);
void load_removed(struct unit *unit, const struct node *section);
void load_imports(struct unit *unit, const struct node *section);

/* ---- ../modules/modules.c ---- */

/* Finds the files of the module that `source:` names; its parent is the caller. Returns false after an
 * error. */
bool module_find_source(struct unit *unit, const struct node *node);

/* ---- ../modules/module_folder.c ---- */

/* Finds the files of a module at ./FOLDER, ../FOLDER or /FOLDER. Returns false after an error. */
bool module_find_folder(struct unit *unit, const struct node *node, struct str source);

/* Finds the files of a remote module as weir.lock pins it. Returns false after an error. */
bool find_remote(struct unit *unit, const struct node *node, struct str text);
/* Returns false, after an error, if a remote module refers to a file outside of its own files. */
bool remote_stays_inside(struct unit *unit, const struct node *node, struct str path);

/* ---- inputs_given.c ---- */

/* Gives the root's inputs their values: environment, input files, variables, -i, and those that a fleet
 * configures. */
void inputs_give(struct unit *root);
bool is_environment_name(struct str name);

/* ---- inputs.c ---- */

/* Warns of variables such as WEIR_INPUT_OWNR that nearly name an input and have no effect. */
void note_unused_variables(struct diags *diags, const struct map *inputs);

/* ---- rules.c ---- */

/* Loads the sections `budget` and `usage`. */
void budget_load(struct unit *root);

void load_rules(struct unit *unit, const struct node *section);
/* The same for a rule set. */
void read_rules(struct unit *unit, const struct rule_set *set, const struct node *section);
/* Returns whether the type is a pattern such as "aws.*". */
bool rule_type_is_pattern(struct str type);

void read_conditions(struct loader *loader, struct decl *decl, const struct node *lifecycle);
void load_checks(struct unit *unit, const struct node *section);

/* ---- fleet.c ---- */

/* Returns the section, or NULL if the stack is not a fleet. */
const struct node_entry *fleet_section(const struct unit *root);
/*
 * Returns the members as a map of their names to `each.value`, after the inputs that do not depend on them
 * have their values. NULL after an error.
 */
const struct value *fleet_members(struct unit *root, const struct node *fleet);
/* Evaluates an input that the fleet configures for a member. NULL after an error. */
const struct value *fleet_input(
    struct unit *root, const struct node *node, const struct value *key, const struct value *value);

/* The members of a list and the node at which errors are reported. */
struct enlisting {
    struct loader *loader;
    const struct node *each;
    struct value_builder members;
    struct map seen;
    bool failed;
};

/* Declares `shared` if the fleet has a shared stack. */
void fleet_share(struct unit *root, const struct node *fleet);

void load_lease(struct unit *root);

/* ---- moves.c ---- */

/* Checks that moved, removed and imports name existing or removed declarations as required. */
void check_addresses(struct loader *loader);
void moves_add(struct stack *stack, const struct moved *moved, size_t n);

/* ---- check.c ---- */

/* Returns the source location of an issue in the tree. */
struct span literal_span(const struct node *node, const struct schema_issue *issue);
/* Checks the literal parts of a tree against an attribute and reports every issue. `what`: "input" … */
void check_literal(struct loader *loader, const char *what, const struct attr *attr, const struct node *node);
/* Hides a literal secret in all later excerpts. */
void check_hide(struct loader *loader, const struct attr *attr, const struct node *node);
/* Checks a resource and marks its wrong attributes. */
void check_resource(struct loader *loader, struct decl *decl, const struct node *body);
/* Returns the attribute with that name. Reports an error if it does not exist or cannot be configured. */
const struct attr *check_attr_name(
    struct loader *loader, const struct decl *decl, const struct node_entry *entry);
/* Checks a name under ignore_changes. */
void check_ignored(struct loader *loader, const struct decl *decl, const struct node *node, struct str name);
/* Returns the schema that `type:` names, or NULL after an error. */
const struct schema *find_schema(struct loader *loader, const struct node *type, bool is_data);

/* Hints at the attribute if `word` is another tool's name for it. Returns false if it is not. */
bool hint_attr_of_others(struct loader *loader, struct diag *d, const struct schema *schema, struct str word);

/* ---- resolve.c ---- */

void resolve_all(struct loader *loader);

/* Evaluates a value that is needed during loading. It may use inputs (in the stack itself), stack, path and,
 * with `with_locals`, locals made of these. Returns NULL after an error. */
const struct value *resolve_early(
    struct unit *unit, const struct node *node, bool with_locals, const char *hint);
/* The same for an item of a list, with `each` bound. */
const struct value *resolve_early_each(struct unit *unit, const struct node *node, const struct value *key,
    const struct value *value, const char *hint);
/* Evaluates the configuration of one of the stack's providers. NULL: none, or an error was reported. */
const struct value *resolve_settings(struct unit *root, struct str provider);
/* Evaluates the state section. */
void resolve_state(struct unit *root, const struct node_entry *entry);

/* Returns a resolver for the unit's names. */
struct resolver resolve_resolver(struct resolving *r);
void resolve_add_dep(struct resolving *r, struct decl *dep);
/* Returns the names of a type's attributes, for hints, and their number. */
size_t resolve_attr_names(struct loader *loader, const struct schema *schema, const struct str **names);
/* Writes the keys of a map to `names`, which has room for them. Returns their number. */
size_t resolve_list_map(const struct map *map, struct str *names);

/* ---- order.c ---- */

/* Sorts declarations by dependencies, otherwise in file order. Cycles are reported. */
void order_decls(struct loader *loader);

/* Resolves the depends_on of a module's call, which applies to all its resources: once for each unit, before
 * its declarations. */
void resolve_find_waits(struct loader *loader, struct unit *unit);
void resolve_add_waits(struct resolving *r);
void resolve_depends_on(struct resolving *r, const struct node *node);
/* Adds dependencies on the references of `when` of all enclosing module calls, which are evaluated first. */
void resolve_conditions(struct resolving *r, const struct unit *unit);
/* Returns the provider configuration of a resource. NULL if its type takes none, or after an error. */
struct decl *resolve_provider(struct resolving *r);
/* Checks that the configurations in a module call are declared: `provider: aws.tokyo`, `providers: {aws:
 * aws.tokyo}`. */
void resolve_call_provider(struct resolving *r, const struct unit *inner);
/* Checks that the provider of a configuration exists. */
void resolve_provider_name(struct resolving *r);
void resolve_via(struct resolving *r, struct decl *decl);
/* Returns the unit of a module. */
struct unit *resolve_unit(const struct loader *loader, const struct module *module);

/* ---- rules.c, rule_sets.c: loading of rules. rules.c reads sections of rules, the conditions of a
 * resource's lifecycle, and `checks:`. rule_sets.c finds the rule sets of weir, modules and the organisation,
 * reads waivers, and resolves the names in rules.
 *
 * Order of calls: load_organisation_rules(), load_rules() for each section, resolve_rules() after all
 * declarations are resolved. resolve_rules() stores the rules in the stack. */
/* The origin of rules. */
struct rule_set {
    struct str name; /* "weir.baseline"; "" for the stack's own rules */
    bool builtin;    /* it comes with weir */
    bool waivable;   /* a stack may waive its rules, unless a rule specifies otherwise */
};

/* ---- rule_sets.c ---- */

/* Loads WEIR_RULES and weir-rules.yaml in the nearest folder above. */
void load_organisation_rules(struct unit *root);
/* Loads the sets that `use:` in a section of `by` names. */
void use_rule_sets(struct unit *unit, const struct rule_set *by, const struct node *list);

/* Reads `waive:` of a stack. */
void read_waivers(struct loader *loader, const struct node *list);
/* Checks that waivers name rules that may be waived. */
void check_waivers(struct loader *loader);

void resolve_rules(struct loader *loader);

/* Resolves a resource's own conditions. */
void resolve_conditions_of(struct resolving *shared, const struct decl *decl);

/* ---- Shared by resolve.c and order.c only. resolve.c resolves the names in expressions and evaluates what
 * is needed during loading; order.c adds the dependencies that are not in expressions. */
/* A declaration whose expressions are being resolved with the names of `unit`. */
struct resolving {
    struct loader *loader;
    const struct unit *unit;
    const struct decl *decl;
    const struct rule *check;      /* the check whose data sources are visible; NULL: none */
    bool inputs_only, with_locals; /* early evaluation: without resources, data and modules; with_locals:
                                      locals are visible */
    struct decl **deps;            /* the array is reused for all declarations */
    size_t dep_count, dep_cap;
    uint32_t *seen; /* by index: 1 + the last declaration that has it among its deps */
};
