/*
 * What the files that load a stack share; nobody else includes it.
 *
 * load.c finds and reads the files and calls, module by module, the loader of each section (inputs.c,
 * resources.c, modules.c, moves.c). These create declarations and compile their expressions. When
 * all names are known, resolve.c connects them and puts them in order. check.c compares what is literally in
 * the file with the schemas.
 *
 * Nobody stops at the first mistake: a declaration with one is kept as far as it makes sense, so that
 * references to it do not fail as well.
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
    NAME_MAX_BYTES = 100, /* of a declaration; addresses go into tags of the services */
};

/* One YAML file of a module: its own, or one that it includes. */
struct part {
    const struct node *root;
    bool included;
};

/* A module while it is being loaded. */
struct unit {
    struct loader *loader;
    struct unit *parent;
    struct module *module;
    struct str file;  /* shown path of its own file */
    struct str ident; /* real path, or builtin/NAME: the same for the same file */
    struct part *parts;
    size_t part_count, part_cap;
    size_t decl_cap;
    const struct node *provider;  /* of the call: the configuration that its resources use; may be NULL */
    const struct node *providers; /* of the call: a map of names inside to names outside; may be NULL */
    struct decl **waits;          /* what all its resources wait for: the call's depends_on */
    size_t wait_count;
    struct decl **conditions; /* what the call's `when` refers to: all in it comes after that */
    size_t condition_count;
    const struct embedded_file *builtin; /* its file, where that is in the binary */
    struct str tree;                     /* the folder of all that came with a remote module; "" it is none */
};

/* What is needed of a declaration only while loading. */
struct decl_info {
    struct unit *unit;
    const struct node *depends_on; /* may be NULL */
    const struct node *provider;   /* may be NULL */
    const struct node *via;        /* of a provider or connection; may be NULL */
};

/* A rule, and the file whose names it means. */
struct loaded_rule {
    struct rule *rule;
    struct unit *unit;
};

struct loader {
    const struct stack_options *options;
    struct stack *stack;
    struct arena *arena; /* the stack's */
    struct diags *diags;
    struct decl **decls; /* in order of creation; decl->index is the place here until all is resolved */
    struct decl_info *infos;
    size_t decl_count, decl_cap, info_cap;
    struct unit **units;
    size_t unit_count, unit_cap;
    struct loaded_rule *rules;
    size_t rule_count, rule_cap;
    struct map rule_sets; /* names of those that the stack itself uses */
    struct waiver *waivers;
    size_t waiver_count, waiver_cap;
    struct source const **sources;
    size_t source_count, source_cap;
    bool inputs_given;
    struct map files;                      /* ident -> root node */
    struct map resource_types, data_types; /* name -> schema */
    size_t module_cap;
    struct module_lock *lock; /* what remote sources stand for; NULL: not read yet */
    bool lock_good;
    struct map trees; /* folders that are what it says */
};

/* ---- load.c ---- */

/* Reads the files of a module, then all its sections. False, after an error, where there is no file to use.
 */
bool unit_load(struct unit *unit);
struct unit *unit_new(struct loader *loader, struct unit *parent);
/* The stack's name and its inputs' values, once; before that nothing can be evaluated. */
void give_inputs(struct unit *root);

/* How many mistakes were met so far. */
struct tally {
    size_t met, errors;
};
struct tally load_tally(const struct loader *loader);
/* Is there one since? It is in an attribute: the rest is looked at all the same. */
bool load_forgive(struct loader *loader, struct tally since);

/* ---- files.c ---- */

/* weir.yaml or weir.yml in a folder. */
bool find_stack_file(struct arena *arena, struct str dir, struct str *file);
/* Folder and file of the stack that -C names (NULL: the current folder). False, after an error: there is
 * none. */
bool find_stack(
    struct arena *arena, const char *given, struct str *dir, struct str *file, struct diags *diags);
/* The text that an editor has of it. */
bool unsaved_text(const struct loader *loader, struct str file, struct str *text);
/* Its real path, by which it is known; false, after an error at a node (or NULL), where there is none. */
bool file_identify(struct loader *loader, struct str file, const struct node *at, struct str *ident);
/* The tree of a file; each file is read once, however often it is used. NULL after an error. */
const struct node *file_tree(
    const struct unit *unit, struct str ident, struct str file, const struct node *at);
/* The same of a file that belongs to the stack. */
const struct node *unit_read_file(const struct unit *unit, struct str file, const struct node *at);
/* Finds out whether its file is one that is being loaded already. */
bool unit_identify(struct unit *unit, const struct node *at);
/* Is there such a file, or was there one in what is looked back at? */
bool unit_has_file(const struct unit *unit, struct str file);
/* Where the file `name` of this module is. */
struct str unit_path(const struct unit *unit, struct str name);

/* ---- decls.c: what all sections use ---- */

/* Creates the call of a module for one key of its for_each. */
struct decl *declare_call(struct unit *unit, struct decl *keyed, const struct value *key);
/* Creates a declaration and gives it its address; a name that is taken or no name at all is reported. */
struct decl *declare(struct unit *unit, enum decl_kind kind, const struct node_entry *entry);
struct decl_info *info_of(struct loader *loader, const struct decl *decl);
/* False, after an error, where node is no map. `what` is "an input" … */
bool expect_map(struct loader *loader, const struct node *node, const char *what);
bool expect_list(struct loader *loader, const struct node *node, const char *what);
bool expect_bool(struct loader *loader, const struct node *node, const char *what, bool *out);
/* For `yes` and `off`, which only YAML 1.1 takes for booleans. */
void label_boolean(struct loader *loader, struct diag *d, const struct node *node);
/* A text without expressions. */
bool expect_text(struct loader *loader, const struct node *node, const char *what, struct str *out);
/*
 * For a key that nobody knows: in `{description: a, b}` YAML takes `b` for a key without a value. Says so and
 * is true where the source reads like that.
 */
bool hint_split_text(struct loader *loader, struct diag *d, const struct node_entry *entry);
/* Reports the keys of a map that are not in the list. */
void check_keys(
    struct loader *loader, const struct node *map, const char *what, const struct str *known, size_t n);
bool has_expression(const struct node *node); /* in any scalar inside */
/* The value of a tree without expressions; NULL, after an error that says what it is, where there are some.
 */
const struct value *constant_value(struct loader *loader, const struct node *node, const char *what);

/* ---- address.c ---- */

/* Warns of a text that looks like a reference in `module`; `of` is what it is in. */
void warn_of_unwritten(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e);

/* ---- the sections ---- */

void load_inputs(struct unit *unit, const struct node *section);
void load_locals(struct unit *unit, const struct node *section);
void load_providers(struct unit *unit, const struct node *section);
void load_connections(struct unit *unit, const struct node *section);
void load_resources(struct unit *unit, const struct node *section);
void load_data(struct unit *unit, const struct node *section);
void load_modules(struct unit *unit, const struct node *section);
/* The `when` of a resource or a module. */
struct expr *compile_when(struct loader *loader, const struct node *node);
void load_outputs(struct unit *unit, const struct node *section);
void load_moved(struct unit *unit, const struct node *section);
void load_removed(struct unit *unit, const struct node *section);
void load_imports(struct unit *unit, const struct node *section);

/* ---- ../modules/modules.c ---- */

/* Finds the files that `source:` of a module means, whose parent calls it. False after an error. */
bool module_find_source(struct unit *unit, const struct node *node);

/* ---- ../modules/module_folder.c ---- */

/* Finds the files of a module at ./FOLDER, ../FOLDER or /FOLDER. False after an error. */
bool module_find_folder(struct unit *unit, const struct node *node, struct str source);

/* Finds the files of a remote module, as weir.lock has it. False after an error. */
bool find_remote(struct unit *unit, const struct node *node, struct str text);
/* False, after an error, where a remote module refers to something outside of what it came with. */
bool remote_stays_inside(struct unit *unit, const struct node *node, struct str path);

/* ---- inputs_given.c ---- */

/* Gives the root's inputs their values: environment, input files, variables, -i; or what a fleet says. */
void inputs_give(struct unit *root);
bool is_environment_name(struct str name);

/* ---- inputs.c ---- */

/* Warns of variables like WEIR_INPUT_OWNR, which are nearly an input's and do nothing. */
void note_unused_variables(struct diags *diags, const struct map *inputs);

/* ---- rules.c ---- */

/* What the stack may cost, and what it uses. */
void budget_load(struct unit *root);

void load_rules(struct unit *unit, const struct node *section);
/* The same of a set. */
void read_rules(struct unit *unit, const struct rule_set *set, const struct node *section);
/* "aws.*" */
bool rule_type_is_pattern(struct str type);

void read_conditions(struct loader *loader, struct decl *decl, const struct node *lifecycle);
void load_checks(struct unit *unit, const struct node *section);

/* ---- fleet.c ---- */

/* The section; NULL: the stack is no fleet. */
const struct node_entry *fleet_section(const struct unit *root);
/*
 * Its members, once inputs that do not depend on them have their values: a map of names to what `each.value`
 * is. NULL after an error.
 */
const struct value *fleet_members(struct unit *root, const struct node *fleet);
/* What the fleet gives one input of a member; NULL after an error. */
const struct value *fleet_input(
    struct unit *root, const struct node *node, const struct value *key, const struct value *value);

/* What is being made of a list, and where its items are reported. */
struct enlisting {
    struct loader *loader;
    const struct node *each;
    struct value_builder members;
    struct map seen;
    bool failed;
};

/* Declares `shared`, where the fleet has a stack that all members refer to. */
void fleet_share(struct unit *root, const struct node *fleet);

void load_lease(struct unit *root);

/* ---- moves.c ---- */

/* moved, removed, imports: do they name what they should? */
void check_addresses(struct loader *loader);

/* ---- check.c ---- */

/* The place of an issue in the tree that it was found in. */
struct span literal_span(const struct node *node, const struct schema_issue *issue);
/* Compares the literal parts of a tree with an attribute, and reports every difference. `what`: "input" … */
void check_literal(struct loader *loader, const char *what, const struct attr *attr, const struct node *node);
/* A secret that is there literally is in no excerpt from then on. */
void check_hide(struct loader *loader, const struct attr *attr, const struct node *node);
/* Marks the attributes that are wrong. */
void check_resource(struct loader *loader, struct decl *decl, const struct node *body);
/* The attribute of that name; whatever is wrong with giving it is reported. */
const struct attr *check_attr_name(
    struct loader *loader, const struct decl *decl, const struct node_entry *entry);
/* A name under ignore_changes. */
void check_ignored(struct loader *loader, const struct decl *decl, const struct node *node, struct str name);
/* The schema that `type:` names; NULL after an error. */
const struct schema *find_schema(struct loader *loader, const struct node *type, bool is_data);

/* False: no other tool has such a word for one of its attributes. */
bool hint_attr_of_others(struct loader *loader, struct diag *d, const struct schema *schema, struct str word);

/* ---- resolve.c ---- */

void resolve_all(struct loader *loader);

/* Evaluates what has to be known while the stack is loaded: of inputs (in the stack itself), stack, path and,
 * where wanted, locals made of these.
 * NULL after an error. */
const struct value *resolve_early(
    struct unit *unit, const struct node *node, bool with_locals, const char *hint);
/* The same for one item of a list, which `each` is. */
const struct value *resolve_early_each(struct unit *unit, const struct node *node, const struct value *key,
    const struct value *value, const char *hint);
/* Evaluates the settings of one of the stack's providers; NULL: there are none, or an error was reported. */
const struct value *resolve_settings(struct unit *root, struct str provider);
/* Evaluates the state section. */
void resolve_state(struct unit *root, const struct node_entry *entry);

/* Of the names that the unit has. */
struct resolver resolve_resolver(struct resolving *r);
void resolve_add_dep(struct resolving *r, struct decl *dep);
/* The names of a type's attributes, for hints. How many there are. */
size_t resolve_attr_names(struct loader *loader, const struct schema *schema, const struct str **names);
/* The keys of a map; `names` has room for them. How many there are. */
size_t resolve_list_map(const struct map *map, struct str *names);

/* ---- order.c ---- */

/* Dependencies first, otherwise in file order; cycles are reported. */
void order_decls(struct loader *loader);

/* What a module's call waits for, all resources in it wait for: once for each unit, before the declarations.
 */
void resolve_find_waits(struct loader *loader, struct unit *unit);
void resolve_add_waits(struct resolving *r);
void resolve_depends_on(struct resolving *r, const struct node *node);
/* Whether a module is left out is known before anything in it is looked at. */
void resolve_conditions(struct resolving *r, const struct unit *unit);
/* The configuration that a resource is reached with; NULL where its type takes none, or after an error. */
struct decl *resolve_provider(struct resolving *r);
/* `provider: aws.tokyo`, `providers: {aws: aws.tokyo}` on a module: are they declared? */
void resolve_call_provider(struct resolving *r, const struct unit *inner);
/* Of a configuration: is there such a provider? */
void resolve_provider_name(struct resolving *r);
void resolve_via(struct resolving *r, struct decl *decl);
/* The unit that a module was read as. */
struct unit *resolve_unit(const struct loader *loader, const struct module *module);

/* ---- rules.c: Loading rules: rules.c reads a section, rules.c those of one resource's lifecycle and of
 * `checks:`, rule_sets.c finds those that others have written (weir's, modules', the organisation's),
 * rule_sets.c reads what a stack need not keep, rule_sets.c gives the names in expressions a meaning.
 *
 * Order of calls: load_organisation_rules(), load_rules() for each section of that name, resolve_rules() when
 * all declarations are resolved. Then the stack has them. */
/* Where rules come from. */
struct rule_set {
    struct str name; /* "weir.baseline"; "" the stack's own */
    bool builtin;    /* it comes with weir */
    bool waivable;   /* a stack may waive its rules, where they do not say otherwise */
};

/* ---- rule_sets.c ---- */

/* WEIR_RULES, and weir-rules.yaml in the nearest folder above. */
void load_organisation_rules(struct unit *root);
/* `use:`, in a section of `by`. */
void use_rule_sets(struct unit *unit, const struct rule_set *by, const struct node *list);

/* `waive:` of a stack. */
void read_waivers(struct loader *loader, const struct node *list);
/* Do they name rules that can be waived? */
void check_waivers(struct loader *loader);

void resolve_rules(struct loader *loader);

/* Of a resource's own conditions. */
void resolve_conditions_of(struct resolving *shared, const struct decl *decl);

/* ---- Shared by resolve*.c; nobody else includes it. resolve.c gives the names in expressions their
 * meaning, order.c says what a declaration waits for besides, resolve.c is for what has to
 * be known first. */
/* One declaration whose expressions are being resolved, in the names of `unit`. */
struct resolving {
    struct loader *loader;
    const struct unit *unit;
    const struct decl *decl;
    const struct rule *check;      /* sees its own data; NULL: it is none */
    bool inputs_only, with_locals; /* early: no resources, data and modules; locals too? */
    struct decl **deps;            /* reused for all declarations */
    size_t dep_count, dep_cap;
    uint32_t *seen; /* by index: the last declaration that has it among its deps, + 1 */
};
