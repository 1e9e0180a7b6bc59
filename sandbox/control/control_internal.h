/* Shared by the files of the control plane; see control.h. */
#pragma once

#include "provider/spec/spec.h"
#include "sandbox/control/control.h"

/* The role of an operation for a type, in order of preference if several fit. */
enum part {
    PART_CREATE,
    PART_UPDATE,
    PART_DELETE,
    PART_READ,
    PART_LIST,
    PART_OWNED, /* a call for one attribute: see role->call */
    PART_SIDE,  /* an auxiliary step: selects and changes no resource */
};

struct role {
    enum part part;
    const struct spec_type *type;
    const struct spec_step *step;
    const struct spec_attr *attr; /* for PART_OWNED */
    const struct spec_owned *owned;
    enum owned_call call; /* a resetting call counts as remove, a replacing call as put */
    bool also;            /* from the spec's `also`: weir itself does not make this call */
};

/* An operation of a service. */
struct served {
    const struct spec_operation *op;
    struct role *roles;
    size_t role_count, role_cap;
};

struct served_service {
    const struct spec_service *spec;
    const struct value *requests; /* constraints on members of its operations; may be NULL */
    struct served *ops;
    size_t op_count, op_cap;
    const struct spec_type **types;
    size_t type_count, type_cap;
    atomic_uint_fast64_t changes; /* of its resources; in the first service of this signing name */
    struct served_service *next;  /* next service with the same signing name */
};

/* A resource. Its values are in its own arena, which each change replaces. */
struct resource {
    struct arena arena;
    const struct spec_type *type;
    struct str region, id; /* region: "" for global services */
    const struct value *attrs;
    int64_t created_ms, changed_ms, deleted_ms; /* 0: not deleted */
    int64_t revision;
    int64_t gone_ms;    /* end of a deletion, when the record is removed */
    int64_t serial;     /* ascending by creation; the order of control->resources */
    struct str file;    /* "": not stored */
    struct word *words; /* its strings in the index, see control_words.c */
    size_t word_count;
};

struct resources {
    struct resource **items;
    size_t n;
};

struct words {
    struct word **slots;
    size_t slot_count, n;
};

struct control {
    struct control_options options;
    struct arena arena;
    struct served_index *index;
    struct resource **resources;
    size_t resource_count, resource_cap;
    struct resource **deleting; /* the resources that are being deleted */
    size_t deleting_count, deleting_cap;
    struct words words;
    int64_t serials;       /* last serial */
    struct arena *retired; /* values replaced during this call, which its response may still use */
    size_t retired_count, retired_cap;
    control_watcher *watcher; /* may be NULL */
    void *watcher_ctx;
    bool unsynced;      /* a record was written but its folder is not synced */
    struct map numbers; /* TYPE/REGION/NAME -> highest number so far, see control_words.c */
    struct map
        with_defaults; /* SERVICE/REGION -> bool: the default resources exist, see store_make_defaults() */
    pthread_mutex_t lock;
};

/* A request being answered. */
struct call;

/* ---- control_words.c: resources of one name that the service numbers (`sandbox: {numbered: attribute}`)
 * ---- */

/* Returns a resource's number, or 0 if it has none. */
int64_t number_of(const struct resource *resource);
int64_t number_next(const struct control *control, const struct spec_type *type, struct str region,
    const struct value *attrs);
/* Records the number of a new resource, so that it is not reused after a deletion. */
int number_given(struct control *control, const struct resource *resource, struct err *err);
int number_load(struct control *control, struct err *err);

/* ---- request being answered ---- */

struct decoded {
    const struct value *raw, *input; /* NULL: not decoded yet */
};

struct call {
    struct control *control;
    struct arena *arena;
    struct str region;
    const struct served_service *service;
    enum wire_protocol protocol; /* of the client, usually the service's */
    const struct served *served;
    const struct wire_message *request;
    const struct role *role;   /* the selected role */
    const struct value *input; /* by the role's shape: attributes, names in `with` and items */
    const struct value *raw;   /* members under wire names */
    bool dry_run;              /* only checks */
    struct err *err;           /* error response: code, message, http_status */
    /* A request may name several resources (VpcId.1, VpcId.2): it is executed for each in turn. */
    uint32_t turn, batch;
    struct decoded *decoded; /* per role: shared by all turns */
    int64_t page_end;        /* serial of the last resource on this page; 0: last page */
    /* Values for templates while the response is built. */
    const struct resource *subject;
    const struct value *item;
};

/* ---- control.c ---- */

/* Returns the operation in the client's protocol. */
struct wire_operation call_operation(const struct call *call, const struct spec_operation *op);

/* ---- control_store.c ---- */

/* Returns the functions of a type; without any, an empty struct. */
const struct control_type *type_own(const struct control *control, const struct spec_type *type);

/* Called with the lock held. Returns the resource of a type ("": any) with this id, name or ARN, or NULL. */
const struct resource *record_resource(
    const struct control *control, struct str type, struct str region, struct str reference);

/* ---- control_index.c ---- */

struct served_index *index_new(void);
void index_free(struct served_index *index);
/* Returns the first service with this signing name, or NULL. Specs are indexed at the first call for a
 * service, which takes longer than a start. Safe from every thread. */
const struct served_service *index_services(const struct control *control, struct str signing_name);
/* Counts a change of the service's resources, see control_changes(). */
void index_note_change(const struct control *control, const struct spec_service *spec);

/* ---- control_choose.c ---- */

struct choice {
    const struct role *role;
    const struct value *input;
    struct resource *resource; /* NULL: none is named, or it does not exist */
    int rank;
};

/* Returns the request's input for a role, or NULL if it cannot be decoded. */
const struct value *choose_input(struct call *call, const struct role *role);
/* Selects the best role. False: none, or the request cannot be decoded (call->err). */
bool choose_role(struct call *call, struct choice *best);
/* True if the request has the value that this role sets. */
bool choose_sends_setting(const struct role *role, const struct value *input);
/* Returns the resource of this turn from a list of names. */
const struct value *turn_name(struct call *call, const struct value *template, const struct value *sent);

/* ---- control_store.c ---- */

int store_load(struct control *control, struct err *err);
/* The following functions return after the change is stored. -1 or NULL (disk full): nothing was changed, and
 * the caller refuses the request. */
struct resource *store_add(struct control *control, const struct spec_type *type, struct str region,
    const struct value *attrs, struct err *err);
/* `beside`: the change is not of the resource itself but, for example, of its tags. */
int store_change(struct control *control, struct resource *resource, const struct value *attrs, bool beside,
    struct err *err);
/* Starts the deletion of a resource at a time. */
int store_delete(struct control *control, struct resource *resource, int64_t deleted_ms, struct err *err);
void store_remove(struct control *control, struct resource *resource);
/* Compares two struct resource * by serial, for qsort() and bsearch(). */
int resource_order(const void *a, const void *b);
/* Frees values replaced during the call, after the response was written. */
void store_free_retired(struct control *control);
/* Releases the lock, then syncs written records, so that concurrent calls share a sync. */
int store_leave(struct control *control, struct err *err);
void store_release(struct control *control);
/* Creates the resources that every account has by default: `standing: [{name: primary}]`. */
void store_make_defaults(struct call *call, const struct served_service *service);

/* ---- control_words.c: index of resources by the strings in their attributes ----
 *
 * Ignores case; results are in order of creation and may include resources without the string, so the caller
 * checks them. Strings in lists and maps are indexed, keys and "" are not. */

void words_take(struct words *words, struct resource *resource);
void words_drop(struct words *words, struct resource *resource);
/* Returns the resources with any of the strings. */
struct resources words_find(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count);
struct resources words_all(const struct control *control);
/* Returns the string that the fewest resources have, or NULL if all are "". */
const struct str *words_rarest(const struct words *words, const struct str *texts, size_t count);
/* Returns the resources with that string; without any string all resources. */
struct resources words_find_rarest(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count);
/* Returns the resources with this resource's id or ARN: itself and possible references. */
struct resources words_naming(
    const struct control *control, struct arena *arena, const struct resource *resource);

/* ---- control_find.c ---- */

/* Returns the resource of the role's type that the input names. `named`: whether it names any. */
struct resource *find_named(
    const struct call *call, const struct role *role, const struct value *input, bool *named);
/* Returns attrs with the values that the call implies by its name. */
const struct value *find_implied(const struct call *call, const struct role *role, const struct value *attrs);
/* Client token of the request that created the resource. find_token() returns a request's token, or NULL. */
#define TOKEN_KEY "=token"
/* Deferred changes (`defers`), by attribute. */
#define PENDING_KEY "=pending"
/* Members that are only stored and returned (`keeps`), by path in the response. */
#define KEPT_KEY "=kept"
const struct value *find_token(const struct call *call, const struct role *role, const struct value *input);
/* True for a member that is a client token. */
bool find_is_token(struct str member);
/* True if `given` is the value, or an ARN that ends with it: …:function:ingest is ingest. */
bool find_refers(const struct attr *attr, const struct value *given, const struct value *have);
/* True if a resource named by `given` has this string itself; false if a number or a default may be meant. */
bool find_has_text(const struct attr *attr, const struct value *given);
/* True if the id begins with the name as a folder: ${event_bus|folder} */
bool find_is_part_of_id(const struct call *call, const struct spec_type *type, struct str name);
/* Returns the region of the type's resources: "" for global services. */
struct str find_region(const struct call *call, const struct spec_type *type);
/* True if a resource of the type with this id, name or ARN exists in any region and is not being deleted. */
bool find_any(const struct call *call, struct str type, const struct value *reference);

/* ---- control_list.c ---- */

/* Returns the resources of the listing call->role. */
void list_resources(struct call *call, struct resource ***found, size_t *n);

/* Returns parts of other resources in a response, such as a security group's rules: {Path: [items]}. */
const struct value *collect(struct call *call, const struct resource *resource);

/* ---- control_find.c ---- */

struct filter {
    struct str name;
    const struct value *wanted; /* patterns */
};

struct filters {
    struct filter *items;
    size_t n;
};

/* Reads the request's filters for call->role. */
void filters_read(const struct call *call, struct filters *out);
bool filters_pass(const struct call *call, const struct filters *filters, const struct resource *resource);
/* Returns the strings of which a matching resource has one; none for patterns, numbers or states. */
const struct str *filters_texts(const struct call *call, const struct filter *filter, size_t *n);
/* Returns a filter's name, or "" if it has none. */
struct str filter_name(const struct value *filter);
bool filter_is_known(const struct call *call, const struct spec_type *type, struct str filter);

/* ---- control_do.c ---- */

/* Executes call->role; *found and *n are the resources of the response. -1 with call->err. */
int do_call(struct call *call, struct resource *resource, struct resource ***found, size_t *n);
/* Stores new attributes of a resource. */
int do_change(struct call *call, struct resource *resource, const struct value *attrs);
/* Returns the attributes that the request configures. */
const struct value *do_given(struct call *call);
/* Stores a new resource. NULL with call->err. */
struct resource *do_add(
    struct call *call, const struct spec_type *type, struct str region, const struct value *attrs);

/* ---- control_update.c ---- */

/* Updates a resource from the request. */
int update_resource(struct call *call, struct resource *resource);
/* Returns attrs with the new values of `when` (`on_update`, `on_change`, `on_tags`). */
const struct value *update_new(struct call *call, const struct resource *resource, const char *when,
    const struct value *given, const struct value *attrs);
/* Updates an implied resource with attributes of its creator. */
int update_implied(struct call *call, struct resource *made, const struct value *given);

/* ---- control_store.c: soft deletion ---- */

/* Returns a value of the type's `soft_delete`, or NULL. */
const struct value *soft_rule(const struct resource *resource, const char *key);
/* Returns the attribute with the deletion date, or "" if the type has no soft deletion. */
struct str soft_mark(const struct resource *resource);
bool soft_is_waiting(const struct resource *resource);
int soft_refuse(struct call *call, const struct resource *resource);
/* Restores a soft-deleted resource, or refuses any other change until then. */
int soft_restore(struct call *call, struct resource *resource, const struct value **attrs);

/* ---- control_update.c: sub-resources, members, entries, tags ---- */

/* True if the role is this call for such an attribute. */
bool owned_is(const struct role *role, enum spec_owner owner, enum owned_call call);
bool owned_changes(const struct role *role);
int owned_change(struct call *call, struct resource *resource);
/* Refuses to read a sub-resource that is not set or an entry that does not exist, if the spec has an error
 * for it. */
int owned_check(struct call *call, const struct resource *resource);

/* ---- control_constraints.c ---- */

/* Returns AWS's message for a violated {enum, range, pattern}, or "" if the value is valid. */
struct str constraint_broken(struct arena *arena, const struct value *rule, const struct value *v);

/* ---- control_refuse.c ---- */

/* Sets an error response of the service; returns -1. */
int refuse(struct call *call, int status, struct str code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Returns the first of the templates in `says` (one or a list) whose values are all known, or `otherwise`. */
struct str refuse_words(struct call *call, const struct spec_type *type, const struct value *attrs,
    const struct value *says, struct str otherwise);
/* Refuses a reference to a resource of another type (NULL: unknown) that does not exist. */
int refuse_reference(struct call *call, struct str code, struct str name, const struct spec_type *to,
    const struct value *given);
int refuse_absent(struct call *call, const struct role *role);
/* Refuses an entry or a member that the resource does not have. */
int refuse_absent_part(struct call *call, const struct role *role, const struct value *part);
/* Refuses a name that exists, or is being deleted. */
int refuse_existing(struct call *call, const struct resource *existing);
/* Returns the type's error code for an invalid value of an attribute. */
struct str invalid_code(const struct call *call, struct str name);
int refuse_invalid(struct call *call, struct str name, struct str why);
/* Refuses a missing required member. */
int refuse_lacking(struct call *call, const struct spec_attr *spec);
/* Refuses an invalid value, with AWS's message for constraints. */
int refuse_value(
    struct call *call, const struct spec_attr *spec, const struct value *v, const struct schema_issue *issue);
/* Refuses unsupported members. */
int refuse_members(struct call *call, struct str names);
/* Reports that a change could not be stored. */
int refuse_unkept(struct call *call, const struct err *why);
/* Ends an EC2 DryRun after all checks. */
int refuse_dry_run(struct call *call);
/* Returns the HTTP status of an error: `rest`, but 400 for JSON and EC2. */
int refuse_status(const struct call *call, int rest);

/* ---- control_implied.c: implied resources ---- */

/* Creates implied resources (`creates`), recursively. -1: those created so far exist. */
int implied_make(struct call *call, const struct resource *resource);
/* Updates implied resources with the attributes that they follow (`follows`). */
int implied_follow(struct call *call, const struct resource *maker);
/* Removes a resource and its implied resources. */
void implied_undo(struct call *call, struct resource *resource);
/* Deletes what a resource owns: `owns`, and held implied resources. */
int implied_delete(struct call *call, const struct resource *resource);
/* Creates what remains after a deletion: `leaves_behind`. */
int implied_leave(struct call *call, const struct resource *resource);
/* Refuses to delete a held implied resource. */
int implied_check_held(struct call *call, const struct resource *resource);
/* Returns a type by name, of any service, or NULL. */
const struct spec_type *type_called(const struct call *call, const struct value *name);
/* Adds attributes taken from other resources: `fetches`. */
const struct value *implied_fetch(struct call *call, const struct spec_type *type, const struct value *attrs);

/* ---- control_unknown.c ---- */

/* Refuses a request with members that are not supported. */
int unknown_check(struct call *call);

/* ---- control_words.c ---- */

/* Returns the value as the service stores it. */
const struct value *normalise_attribute(
    const struct call *call, const struct spec_type *type, struct str name, const struct value *v);

/* Returns a free private IP address in the range, or "". */
struct str address_within(const struct call *call, struct str cidr);

/* ---- control_check.c ---- */

int check_attributes(struct call *call, const struct value *attrs);
int check_together(struct call *call, const struct value *attrs);
/* `before`: attributes before the change; NULL: a new resource */
int check_constraints(struct call *call, const struct value *before, const struct value *attrs);
/* Checks the values that a change configures. */
int check_values(struct call *call, const struct value *given);
/* True for a value that removes the attribute and need not be valid otherwise: "" for a document. */
bool check_takes_away(const struct spec_attr *attr, const struct value *v);
int check_references(struct call *call, const struct value *attrs);
int check_reference(struct call *call, struct str name, const struct value *given);
int check_delete(struct call *call, const struct resource *resource);

int check_forms(struct call *call, const struct value *attrs);

/* ---- control_implied.c ---- */

/* Refuses to delete a resource that is in use (`used_by`). */
int check_unused(struct call *call, const struct resource *resource);
/* True for a deleted resource that is only listed for a while: a NAT gateway, an instance. */
bool check_is_only_shown(struct call *call, const struct resource *user);
/* True if `user` refers to the resource as the rule of `used_by` says. */
bool check_uses(struct call *call, const struct value *rule, const struct resource *user,
    const struct resource *resource);
/* Returns the users by one rule, and the number of users by all rules. */
struct resources check_users(struct call *call, const struct value *rule, const struct resource *resource);
int64_t check_count_users(struct call *call, const struct resource *resource);

/* Calls the type's own check; a violation that existed `before` is ignored. */
int check_own(struct call *call, const struct value *before, const struct value *attrs);
/* Refuses a change of entries that are the service's own (`fixed`). */
int check_fixed(struct call *call, const struct value *have, const struct value *after);
/* True for an entry created by the service itself. */
bool check_is_fixed(const struct spec_type *type, struct str attr, struct str key, const struct value *entry);

/* ---- control_fill.c ---- */

/* Adds members that are only stored (`keeps`). */
const struct value *fill_kept(struct call *call, const struct spec_type *type, const struct value *attrs);
/* Adds defaults and computed values to configured attributes. */
const struct value *fill_new(struct call *call, const struct spec_type *type, const struct value *attrs);
/* Returns the attributes with their current states. */
const struct value *fill_now(struct call *call, const struct resource *resource);
/* True if the attribute's current value may differ from the stored one. */
bool fill_changes(const struct spec_type *type, struct str name);
/* Returns the end of the resource's deletion. */
int64_t fill_gone_ms(const struct control *control, const struct resource *resource);
/* True if the resource is deleted but still uses others: `lingers: {attribute: seconds}` */
bool fill_still_uses(const struct control *control, const struct resource *resource);
/* Evaluates a template, including strings in lists and maps. NULL: a value is unknown. */
const struct value *fill_value(
    struct call *call, const struct spec_type *type, const struct value *template, const struct value *attrs);
const struct value *fill_text(struct call *call, const struct spec_type *type, const struct value *template,
    const struct value *attrs, int64_t revision);

/* Returns the value of the first matching case of {cases: [[value, {attribute: value}], [value]]}, or NULL; a
 * template without cases is returned itself. */
const struct value *fill_fitting(const struct value *template, const struct value *attrs);
/* True if attributes match conditions such as {enabled: false, deleted: "*"}: a value, one of a list, null
 * for absent, "*" for present, {like: PATTERN} for a regular expression. */
bool fill_looks(const struct value *attrs, const struct value *conditions);

/* ---- control_tags.c ---- */

/* Answers the Resource Groups Tagging API, which spans all services: GetResources, GetTagKeys, GetTagValues,
 * TagResources, UntagResources. */
void tagging_answer(struct call *call, struct str request_id, struct wire_message *out);
/* Answers DescribeTags of EC2 and Redshift. False: another operation. */
bool tags_describe(struct call *call, struct str request_id, struct wire_message *out);

/* ---- control_answer.c ---- */

/* A response under construction, possibly from several types. */
struct answer {
    struct part_node *root;
    struct part_node *parsed; /* content that is encoded as JSON text at the path `parse`; NULL: none */
    struct str parse;
    bool xml;
};

void answer_start(struct call *call, struct answer *answer);
/* Adds resources to the response for call->role. */
void answer_add(struct call *call, struct answer *answer, struct resource *const *resources, size_t n);
int answer_encode(
    struct call *call, const struct answer *answer, struct str request_id, struct wire_message *out);

/* ---- control_render.c: documents of responses. Paths are those at which the client side reads ---- */

/* ---- a document under construction: a tree whose nodes are found or created by path. document_put() for
 * each value, then document_finish(). Allocated in the call's arena ---- */
/* A structure with named members, a list, or a value with its shape. */
struct part_node {
    struct str name;
    struct part_node *first, *last, *next;
    bool is_list, flat;
    bool is_map; /* a map of strings */
    struct str item;
    const struct shape *shape; /* of `value` */
    const struct value *value;
};

struct making {
    struct call *call;
    struct arena *arena;
    bool xml;
};

extern const struct shape document_text, document_flag;

/* Returns the child with this name; a new one if it is missing or `fresh`. */
struct part_node *document_child(struct making *m, struct part_node *parent, struct str name, bool fresh);
/* Puts a value at a path below a node; each item of a list gets an element of its own. */
void document_put(struct making *m, struct part_node *node, struct str path, const struct shape *shape,
    const struct value *v);
/* Converts the tree to a shape and a value for the codec; names are wire names. */
void document_finish(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value);

/* ---- control_render.c: objects ---- */

/* Returns the node for objects at the path `at`, and whether it is a list. */
struct part_node *render_node(struct making *m, struct part_node *root, struct str at, bool *list);
/* Adds an object with the attributes that the role's call returns. */
void render_object(
    struct making *m, struct part_node *node, const struct role *role, const struct value *attrs);
/* Adds members of responses that are not attributes: the spec's `shows`, by path. */
void render_shown(struct making *m, struct part_node *node, const struct spec_type *type,
    const struct value *shown, const struct value *attrs);
void render_entries(struct making *m, struct part_node *node, struct str path, const struct spec_owned *e,
    bool names_only, const struct value *entries);
/* Adds `item_shows`: further members of the items of a member set. */
void render_item_extras(struct making *m, struct part_node *node, struct str path,
    const struct spec_type *type, const struct spec_attr *attr, const struct value *members);
/* Derives the shape of a value without a spec. JSON writes any list; XML needs the nesting. */
const struct shape *render_shape(struct making *m, const struct value *v);

/* ---- control_list.c ---- */

/* Returns the end of the page that begins at *first; sorts *sorted into page order. */
size_t page_cut(
    struct making *m, struct part_node *root, struct resource *const **sorted, size_t n, size_t *first);
