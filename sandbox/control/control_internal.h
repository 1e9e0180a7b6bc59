/* Shared by the files of the control plane; see control.h. */
#pragma once

#include "provider/spec/spec.h"
#include "sandbox/control/control.h"

/* What an operation is to a type. In the order in which they are preferred when several fit. */
enum part {
    PART_CREATE,
    PART_UPDATE,
    PART_DELETE,
    PART_READ,
    PART_LIST,
    PART_OWNED, /* a call of one attribute: role->call says which */
    PART_SIDE,  /* a step before or after: it finds nothing and changes nothing */
};

struct role {
    enum part part;
    const struct spec_type *type;
    const struct spec_step *step;
    const struct spec_attr *attr; /* of PART_OWNED */
    const struct spec_owned *owned;
    enum owned_call call; /* a call that resets removes, one that replaces puts */
    bool also;            /* weir itself does not make this call */
};

/* One operation of one service. */
struct served {
    const struct spec_operation *op;
    struct role *roles;
    size_t role_count, role_cap;
};

struct served_service {
    const struct spec_service *spec;
    const struct value *requests; /* what members of its operations have to be, or NULL */
    struct served *ops;
    size_t op_count, op_cap;
    const struct spec_type **types;
    size_t type_count, type_cap;
    atomic_uint_fast64_t changes; /* of its resources, so far: noted at the first of those that sign so */
    struct served_service *next;  /* that signs by the same name */
};

/* One resource that exists. Its values live in its own arena, which every change replaces. */
struct resource {
    struct arena arena;
    const struct spec_type *type;
    struct str region, id; /* of global services: region "" */
    const struct value *attrs;
    int64_t created_ms, changed_ms, deleted_ms; /* 0: not yet */
    int64_t revision;
    int64_t gone_ms;    /* when nothing is left of what is being deleted */
    int64_t serial;     /* in the order of creation, as they are in control->resources */
    struct str file;    /* "" : not kept */
    struct word *words; /* its texts, see control_words.c */
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
    struct resource **deleting; /* of these, what is being deleted */
    size_t deleting_count, deleting_cap;
    struct words words;
    int64_t serials;       /* given so far */
    struct arena *retired; /* values that were replaced in this call: its answer may still hold some */
    size_t retired_count, retired_cap;
    control_watcher *watcher; /* NULL: nobody */
    void *watcher_ctx;
    bool unsynced;      /* a record was written, and its folder is not on the disk yet */
    struct map numbers; /* TYPE/REGION/NAME -> the highest number given, see control_words.c */
    struct map stood; /* SERVICE/REGION -> bool: all is there that is from the beginning, see store_stand() */
    pthread_mutex_t lock;
};

/* One request being answered. */
struct call;

/* ---- control_words.c: resources of one name that the service numbers (`sandbox: {numbered: attribute}`)
 * ----
 */

/* 0: it has none. */
int64_t number_of(const struct resource *resource);
int64_t number_next(const struct control *control, const struct spec_type *type, struct str region,
    const struct value *attrs);
/* Notes the number of a new one: none is given twice, even if it is deleted before the next. */
int number_given(struct control *control, const struct resource *resource, struct err *err);
int number_load(struct control *control, struct err *err);

/* ---- a request being answered ---- */

struct decoded {
    const struct value *raw, *input; /* NULL: not read yet */
};

struct call {
    struct control *control;
    struct arena *arena;
    struct str region;
    const struct served_service *service;
    enum wire_protocol protocol; /* of this client: mostly the service's */
    const struct served *served;
    const struct wire_message *request;
    const struct role *role;   /* chosen */
    const struct value *input; /* by the role's shape: attributes, and what `with` and items are called */
    const struct value *raw;   /* the request's members under wire names */
    bool dry_run;              /* nothing is to be done */
    struct err *err;           /* code, message, http_status of a refusal */
    /* A request may name several resources (VpcId.1, VpcId.2): it is executed for each in turn. */
    uint32_t turn, batch;
    struct decoded *decoded; /* by role: what all turns have in common */
    int64_t page_end;        /* serial of the last resource on this page; 0: there is no other page */
    /* What templates know while an answer is made. */
    const struct resource *subject;
    const struct value *item;
};

/* ---- control.c ---- */

/* The operation in the client's protocol. */
struct wire_operation call_operation(const struct call *call, const struct spec_operation *op);

/* ---- control_store.c ---- */

/* What is so for this type alone; one without functions where nothing is. */
const struct control_type *type_own(const struct control *control, const struct spec_type *type);

/* With the lock. The resource of a type (whatever type: "") that a reference calls; NULL: there is none. */
const struct resource *record_resource(
    const struct control *control, struct str type, struct str region, struct str reference);

/* ---- control_index.c ---- */

struct served_index *index_new(void);
void index_free(struct served_index *index);
/* The first of the services that sign by that name; their specs are read when one is asked for, which takes
 * longer than a start. NULL: there is none. Safe from every thread. */
const struct served_service *index_services(const struct control *control, struct str signing_name);
/* Whoever keeps something that follows from resources of the service looks again. */
void index_note_change(const struct control *control, const struct spec_service *spec);

/* ---- control_choose.c ---- */

struct choice {
    const struct role *role;
    const struct value *input;
    struct resource *resource; /* NULL: it names none, or none that is there */
    int rank;
};

/* What the request gives this role. NULL where it cannot be read. */
const struct value *choose_input(struct call *call, const struct role *role);
/* The role that fits best; false: none, or the request cannot be read (call->err). */
bool choose_role(struct call *call, struct choice *best);
/* Of several resources that a list names, the one whose turn it is. */
const struct value *turn_name(struct call *call, const struct value *template, const struct value *sent);

/* ---- control_store.c ---- */

int store_load(struct control *control, struct err *err);
/* What these do is kept when they return. -1 or NULL on a full disk: then nothing was done, and the caller
 * refuses the request. */
struct resource *store_add(struct control *control, const struct spec_type *type, struct str region,
    const struct value *attrs, struct err *err);
/* `beside`: what changes is not the resource itself, such as its tags. */
int store_change(struct control *control, struct resource *resource, const struct value *attrs, bool beside,
    struct err *err);
/* It begins to go at that time. */
int store_delete(struct control *control, struct resource *resource, int64_t deleted_ms, struct err *err);
void store_remove(struct control *control, struct resource *resource);
/* By serial, of two struct resource *: for qsort() and bsearch(). */
int resource_order(const void *a, const void *b);
/* Values that calls have replaced go: when the answer is written. */
void store_free_retired(struct control *control);
/* Lets go of the lock, and sees to it that what was written is on the disk: not before, so that all who wait
 * for that do so together. */
int store_leave(struct control *control, struct err *err);
void store_release(struct control *control);
/* What every account has of the service from the beginning: `standing: [{name: primary}]`. */
void store_stand(struct call *call, const struct served_service *service);

/* ---- control_words.c: which resources have a text among their attributes ----
 *
 * Whatever its case, and in the order of creation. Whoever asks looks at what he gets: some may only seem to
 * have it. Texts in lists and maps count, their keys do not; "" nobody has.
 */

void words_take(struct words *words, struct resource *resource);
void words_drop(struct words *words, struct resource *resource);
/* Those that have any of the texts. */
struct resources words_find(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count);
struct resources words_all(const struct control *control);
/* The one of the texts that the fewest have; NULL: all are "". */
const struct str *words_rarest(const struct words *words, const struct str *texts, size_t count);
/* Those that have that one; without any text all resources. */
struct resources words_find_rarest(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count);
/* Those that have the resource's id or ARN: it, and what may refer to it. */
struct resources words_naming(
    const struct control *control, struct arena *arena, const struct resource *resource);

/* ---- control_find.c ---- */

/* The resource of the role's type that the input names. `named`: it names any at all. */
struct resource *find_named(
    const struct call *call, const struct role *role, const struct value *input, bool *named);
/* Attributes, and those that the call means by its name alone. */
const struct value *find_implied(const struct call *call, const struct role *role, const struct value *attrs);
/* What makes a repeated request known: kept with the resource that it made. NULL: it has none. */
#define TOKEN_KEY "=token"
/* Changes that were left for later (`defers`), by attribute. */
#define PENDING_KEY "=pending"
/* What requests gave that is only kept and shown (`keeps`): by path in the answer. */
#define KEPT_KEY "=kept"
const struct value *find_token(const struct call *call, const struct role *role, const struct value *input);
/* Is a member called so in services that know a repeated request by it? */
bool find_is_token(struct str member);
/* Many calls take an ARN where they say name: …:function:ingest is ingest. */
bool find_refers(const struct attr *attr, const struct value *given, const struct value *have);
/* Has a resource that is called so the text among its own? Not where its number or default is meant. */
bool find_has_text(const struct attr *attr, const struct value *given);
/* Does the id begin with it as with a folder? ${event_bus|folder} */
bool find_is_part_of_id(const struct call *call, const struct spec_type *type, struct str name);
/* The region that resources of the type are in; "" of global services. */
struct str find_region(const struct call *call, const struct spec_type *type);
/* Is there a resource of this type, in any region, with this id, name or ARN, that nobody has deleted? */
bool find_any(const struct call *call, struct str type, const struct value *reference);

/* ---- control_list.c ---- */

/* What the listing that is call->role shows. */
void list_resources(struct call *call, struct resource ***found, size_t *n);

/* What an answer has of other resources: a security group's rules. By path: {Path: [items]}. */
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

/* Those that the request has for call->role. */
void filters_read(const struct call *call, struct filters *out);
bool filters_pass(const struct call *call, const struct filters *filters, const struct resource *resource);
/* The texts one of which a resource has that passes; none where patterns, numbers or states are wanted. */
const struct str *filters_texts(const struct call *call, const struct filter *filter, size_t *n);
/* What a filter in a request is called; "": it is none. */
struct str filter_name(const struct value *filter);
bool filter_is_known(const struct call *call, const struct spec_type *type, struct str filter);

/* ---- control_do.c ---- */

/* Carries out call->role; *found and *n are what the answer is about. -1 with call->err. */
int do_call(struct call *call, struct resource *resource, struct resource ***found, size_t *n);
/* Gives it new attributes and keeps them. */
int do_change(struct call *call, struct resource *resource, const struct value *attrs);
/* The attributes that the request gives. */
const struct value *do_given(struct call *call);
/* A new resource, kept. NULL with call->err. */
struct resource *do_add(
    struct call *call, const struct spec_type *type, struct str region, const struct value *attrs);

/* ---- control_update.c ---- */

/* Gives a resource what the request says. */
int update_resource(struct call *call, struct resource *resource);
/* attrs, where `when` (`on_update`, `on_change`, `on_tags`) gives some a new value. */
const struct value *update_new(struct call *call, const struct resource *resource, const char *when,
    const struct value *given, const struct value *attrs);
/* What another has made gets these attributes of it. */
int update_implied(struct call *call, struct resource *made, const struct value *given);

/* ---- control_store.c: resources that can be taken back for a while ---- */

/* What the type's `soft_delete` says under this key; NULL: nothing. */
const struct value *soft_rule(const struct resource *resource, const char *key);
/* The attribute that says since when it is only waiting to be gone; "": it cannot be taken back. */
struct str soft_mark(const struct resource *resource);
bool soft_is_waiting(const struct resource *resource);
int soft_refuse(struct call *call, const struct resource *resource);
/* A change ends the waiting, or is refused until that has happened. */
int soft_restore(struct call *call, struct resource *resource, const struct value **attrs);

/* ---- control_update.c: sub-resources, members, entries, tags ---- */

/* Is the role this call of such an attribute? */
bool owned_is(const struct role *role, enum spec_owner owner, enum owned_call call);
bool owned_changes(const struct role *role);
int owned_change(struct call *call, struct resource *resource);
/* A sub-resource that is not set, or an entry that is not there, has an error of its own where the spec knows
 * one.
 */
int owned_check(struct call *call, const struct resource *resource);

/* ---- control_constraints.c ---- */

/* What the value has to be by {enum, range, pattern} and is not, in AWS's words; "": it is right. */
struct str constraint_broken(struct arena *arena, const struct value *rule, const struct value *v);

/* ---- control_refuse.c ---- */

/* A refusal in the service's words. */
int refuse(struct call *call, int status, struct str code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The service's own text: the first of these templates (or the one) of which all is known; where there is
 * none, `otherwise`. */
struct str refuse_words(struct call *call, const struct spec_type *type, const struct value *attrs,
    const struct value *says, struct str otherwise);
/* What the attribute names, of another type (NULL: unknown), is not there. */
int refuse_reference(struct call *call, struct str code, struct str name, const struct spec_type *to,
    const struct value *given);
int refuse_absent(struct call *call, const struct role *role);
/* The resource is there, and has no such part: an entry, a member. */
int refuse_absent_part(struct call *call, const struct role *role, const struct value *part);
/* Something of that name is there, or is being deleted. */
int refuse_existing(struct call *call, const struct resource *existing);
/* With which code the type refuses a value of this attribute. */
struct str invalid_code(const struct call *call, struct str name);
int refuse_invalid(struct call *call, struct str name, struct str why);
/* A required member is not there, likewise. */
int refuse_lacking(struct call *call, const struct spec_attr *spec);
/* What a member cannot have, as AWS's services say it where they have words for it. */
int refuse_value(
    struct call *call, const struct spec_attr *spec, const struct value *v, const struct schema_issue *issue);
/* These members the sandbox does not know. */
int refuse_members(struct call *call, struct str names);
/* What was to happen could not be kept. */
int refuse_unkept(struct call *call, const struct err *why);
/* EC2's DryRun: all was looked at, nothing is done. */
int refuse_dry_run(struct call *call);
/* The service's status for a refusal that HTTP has a number for; JSON-RPC and EC2 only know 400. */
int refuse_status(const struct call *call, int rest);

/* ---- control_implied.c: what comes, goes and stays with a resource ---- */

/* What the service makes along with it (`creates`), and along with that. -1: what was made so far is there.
 */
int implied_make(struct call *call, const struct resource *resource);
/* What it has made gets the attributes of it that follow its own: `follows`. */
int implied_follow(struct call *call, const struct resource *maker);
/* Takes it and what was made along with it out again. */
void implied_undo(struct call *call, struct resource *resource);
/* What goes with it: `owns`, and implied resources that are held. */
int implied_delete(struct call *call, const struct resource *resource);
/* What stays when it is gone: `leaves_behind`. */
int implied_leave(struct call *call, const struct resource *resource);
/* Refuses to delete one that is held. */
int implied_check_held(struct call *call, const struct resource *resource);
/* The type of that name, of this service or another; NULL: there is none. */
const struct spec_type *type_called(const struct call *call, const struct value *name);
/* What a new one gets of others: `fetches`. */
const struct value *implied_fetch(struct call *call, const struct spec_type *type, const struct value *attrs);

/* ---- control_unknown.c ---- */

/* Refuses a request with members that nothing here would look at. */
int unknown_check(struct call *call);

/* ---- control_words.c ---- */

/* The value as the service writes it. */
const struct value *normalise_attribute(
    const struct call *call, const struct spec_type *type, struct str name, const struct value *v);

/* An address of the network that no resource has as its private_ip; "": there is none left. */
struct str address_within(const struct call *call, struct str cidr);

/* ---- control_check.c ---- */

int check_attributes(struct call *call, const struct value *attrs);
int check_together(struct call *call, const struct value *attrs);
/* `before`: what it was like, NULL if it is new. */
int check_constraints(struct call *call, const struct value *before, const struct value *attrs);
/* Of a change: what it gives is what the attribute may be. */
int check_values(struct call *call, const struct value *given);
/* What takes an attribute away need not be one of its values: "" for a document. */
bool check_takes_away(const struct spec_attr *attr, const struct value *v);
int check_references(struct call *call, const struct value *attrs);
int check_reference(struct call *call, struct str name, const struct value *given);
int check_delete(struct call *call, const struct resource *resource);

int check_forms(struct call *call, const struct value *attrs);

/* ---- control_implied.c ---- */

/* Refuses to delete what `used_by` says that somebody uses. */
int check_unused(struct call *call, const struct resource *resource);
/* Deleted, and only shown for a while yet: a NAT gateway, an instance. */
bool check_is_only_shown(struct call *call, const struct resource *user);
/* Does `user` refer to the resource in the way that a rule of `used_by` says? */
bool check_uses(struct call *call, const struct value *rule, const struct resource *user,
    const struct resource *resource);
/* All of them, by one of these rules; by all of them, how many. */
struct resources check_users(struct call *call, const struct value *rule, const struct resource *resource);
int64_t check_count_users(struct call *call, const struct resource *resource);

/* By the type's own function; what was so `before` is not the request's mistake. */
int check_own(struct call *call, const struct value *before, const struct value *attrs);
/* Of a change of entries: the service's own are still there (`fixed`). */
int check_fixed(struct call *call, const struct value *have, const struct value *after);
/* Is it an entry that the service itself has made? */
bool check_is_fixed(const struct spec_type *type, struct str attr, struct str key, const struct value *entry);

/* ---- control_fill.c ---- */

/* What the request has of what is only kept. */
const struct value *fill_kept(struct call *call, const struct spec_type *type, const struct value *attrs);
/* Adds defaults and computed values to what a request gave. */
const struct value *fill_new(struct call *call, const struct spec_type *type, const struct value *attrs);
/* The object as it is at this moment: states that time has changed. */
const struct value *fill_now(struct call *call, const struct resource *resource);
/* Is the attribute one that may be another now than what is kept? */
bool fill_changes(const struct spec_type *type, struct str name);
/* When a deletion will have taken its time. */
int64_t fill_gone_ms(const struct control *control, const struct resource *resource);
/* Is nothing left of it but the use that it makes of others? `lingers: {attribute: seconds}` */
bool fill_lingers(const struct control *control, const struct resource *resource);
/* A template at any depth: texts in lists and maps too. NULL: something in it has no value. */
const struct value *fill_value(
    struct call *call, const struct spec_type *type, const struct value *template, const struct value *attrs);
const struct value *fill_text(struct call *call, const struct spec_type *type, const struct value *template,
    const struct value *attrs, int64_t revision);

/* {cases: [[value, {attribute: value}], [value]]}: the first whose conditions hold, or NULL; what has no
 * cases is itself. */
const struct value *fill_fitting(const struct value *template, const struct value *attrs);
/* Does it look like this? {enabled: false, deleted: "*"}: the value, one of a list, null for nothing, "*" for
 * anything, {like: PATTERN} for a text that matches as a whole. */
bool fill_looks(const struct value *attrs, const struct value *conditions);

/* ---- control_tags.c ---- */

/* The tagging API, which spans all services: GetResources, GetTagKeys, GetTagValues, TagResources,
 * UntagResources. */
void tagging_answer(struct call *call, struct str request_id, struct wire_message *out);
/* DescribeTags of EC2 and Redshift. False: the request is another one. */
bool tags_describe(struct call *call, struct str request_id, struct wire_message *out);

/* ---- control_answer.c ---- */

/* An answer under construction; it may be put together from what several types have to say. */
struct answer {
    struct part_node *root;
    struct part_node
        *parsed; /* of an answer whose content is JSON text at the path `parse`; NULL: it is none */
    struct str parse;
    bool xml;
};

void answer_start(struct call *call, struct answer *answer);
/* What call->role says about these resources. */
void answer_add(struct call *call, struct answer *answer, struct resource *const *resources, size_t n);
int answer_encode(
    struct call *call, const struct answer *answer, struct str request_id, struct wire_message *out);

/* ---- control_render.c: Putting resources into the document of an answer, and which of them: what
 * control_answer.c is made of. Paths are those at which the client side looks. */

/* ---- A document under construction, for the answers of the control plane: a tree
 * whose parts are found and made by the paths at which the client side looks. document_put() as often as
 * there is something to say, then document_finish(). All of it is in the call's arena. */
/* A structure with named parts, a list, or a value with its shape. */
struct part_node {
    struct str name;
    struct part_node *first, *last, *next;
    bool is_list, flat;
    bool is_map; /* of texts, whatever its parts are */
    struct str item;
    const struct shape *shape; /* of a value */
    const struct value *value;
};

struct making {
    struct call *call;
    struct arena *arena;
    bool xml;
};

extern const struct shape document_text, document_flag;

/* The part of this name; a new one if there is none, or where a fresh one is asked for. */
struct part_node *document_child(struct making *m, struct part_node *parent, struct str name, bool fresh);
/* Puts a value where the path leads from this node; each item of a list gets an element of its own. */
void document_put(struct making *m, struct part_node *node, struct str path, const struct shape *shape,
    const struct value *v);
/* Turns the tree into a shape and a value for the codec; the structure's own names are the wire's. */
void document_finish(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value);

/* ---- control_render.c ---- */

/* Where objects are in the answer: the node that `at` leads to, and whether it is a list. */
struct part_node *render_node(struct making *m, struct part_node *root, struct str at, bool *list);
/* An object with these attributes, as the role's call answers with it. */
void render_object(
    struct making *m, struct part_node *node, const struct role *role, const struct value *attrs);
/* What the service's answers have beyond the attributes: the spec's `shows`, path by path. */
void render_shown(struct making *m, struct part_node *node, const struct spec_type *type,
    const struct value *shown, const struct value *attrs);
void render_entries(struct making *m, struct part_node *node, struct str path, const struct spec_owned *e,
    bool names_only, const struct value *entries);
/* `item_shows`: what the items of a member set have in lists besides the member itself. */
void render_item_extras(struct making *m, struct part_node *node, struct str path,
    const struct spec_type *type, const struct spec_attr *attr, const struct value *members);
/* The shape of a value that no spec describes. Of lists it is that of any value; XML wants to know how deep
 * they go. */
const struct shape *render_shape(struct making *m, const struct value *v);

/* ---- control_list.c ---- */

/* The resources of this page, from *first up to what is returned; *sorted is put in the order of pages. */
size_t page_cut(
    struct making *m, struct part_node *root, struct resource *const **sorted, size_t n, size_t *first);
