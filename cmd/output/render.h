/*
 * Renders plans and values as text. Pure functions: the output depends only on the arguments.
 *
 *     + create  lake  aws.s3.bucket
 *         + name: "hist-retail"
 *     ~ update  etl_role  aws.iam.role
 *         ~ assume_role_policy: {
 *             ~ Statement: [
 *
 * In a block that is completely added or removed, only the first line has a sign. Lists are compared item by
 * item, sets by membership, strings of several lines by line, and JSON in strings by its content.
 */
#pragma once

#include "plan/plan.h"

struct render_options {
    bool color;
    bool everything; /* nothing is shortened: unchanged parts and long strings are shown too */
    bool compact;    /* of created resources only configured attributes are shown, each on one line */
    bool marked;     /* RENDER_MARK precedes each sign, to distinguish it from the start of a value */
    /* Called after a section of a large plan: takes the text written so far and clears the buffer. NULL: all
     * stays in the buffer. */
    void (*flush)(void *ctx, struct buf *out);
    void *flush_ctx;
};

enum { RENDER_MARK = '\x01' };

/* Renders drift, changes, outputs and the summary line. */
void render_plan(const struct plan *plan, const struct render_options *options, struct buf *out);
/* Renders only changes made outside weir. */
void render_drift(const struct plan *plan, const struct render_options *options, struct buf *out);
/* Renders Markdown for pull requests: the summary, a table, and the full plan in a folded section, shortened
 * to at most `room` bytes. */
enum { MARKDOWN_MAX = 65536 }; /* the limit of a comment */
void render_markdown(const struct plan *plan, struct str stack, struct str env, size_t room, struct buf *out);
/* Renders the data that is lost with deleted resources: a line each, or items of a Markdown list; nothing if
 * no data is lost. */
void render_data_loss(const struct plan *plan, const struct render_options *options, struct buf *out);
/* Returns whether the plan loses data, as opposed to being blocked by data. */
bool render_loses_data(const struct plan *plan);
void render_erases_markdown(const struct plan *plan, struct buf *out);
/* Renders the resources that could not be read, with the reason; nothing if all were read. */
void render_unread(const struct plan *plan, struct buf *out);
void render_unread_markdown(const struct plan *plan, struct buf *out);
/* Renders the findings of rules; nothing without findings. `broken`: also those that rules_report() reports
 * as errors. */
void render_rules(
    const struct plan *plan, const struct render_options *options, bool broken, struct buf *out);
/* Returns "asked during apply", "waived" …; for a broken rule its level. */
const char *render_outcome(const struct rule_finding *finding);
/* Renders " warning lake: it has no owner (owned, weir.yaml:12)", without a line end. */
void render_finding(struct buf *out, const struct rule_finding *finding);
/* Renders all checks, including those that passed. */
void render_checks(const struct plan *plan, const struct render_options *options, struct buf *out);
void render_rules_markdown(const struct plan *plan, struct buf *out);
/* Appends text for a table cell in Markdown. */
void render_cell(struct buf *out, struct str text);
/* Appends code for Markdown, also for a table cell. */
void render_code(struct buf *out, struct str text);
/* Renders names and values of outputs (a map), one per line. */
void render_outputs(const struct value *outputs, const struct render_options *options, struct buf *out);
/* Renders a value, on one line if it fits, with a newline at the end. `indent` is the column of its block. */
void render_value(const struct value *v, int indent, const struct render_options *options, struct buf *out);
/* Renders the line or block of one attribute; `suffix` is a remark at the end of its first line, or NULL. */
struct render_change {
    struct str name;
    int name_width;          /* values are aligned after names of this width */
    int indent;              /* column of the sign */
    const struct type *type; /* NULL: unknown */
    const struct value *before, *after;
    bool hidden;
    bool brief; /* a new value takes one line, however long it is */
    const char *suffix;
};
void render_change(const struct render_change *change, const struct render_options *options, struct buf *out);

/* Return a map whose names are not secret (attr_change_names_open()) with each value hidden; the second one
 * has only the names that differ. */
const struct value *render_names(struct arena *arena, const struct value *map);
const struct value *render_names_changed(struct arena *arena, const struct attr_change *change);

/* Return "create", "created", "creating" for an action. */
const char *action_verb(enum action action);
const char *action_past(enum action action);
const char *action_present(enum action action);

/* ---- Shared by render_plan.c (a plan, the order of its resources) and render_section.c (one resource)
 * only. */
enum { TYPES_WORTH_IT = 8 }; /* from this number of changes on, they are also counted by type */

struct section {
    const struct change *change;
    const struct decl *decl; /* NULL: removed from the configuration */
    struct str declared;     /* its address without the instance key */
    struct str module;       /* its module; "": the stack itself */
    uint32_t rank;  /* smaller than the ranks of its dependents; UINT32_MAX: removed from the configuration */
    uint32_t group; /* the largest rank in its module, that is after all of its resources */
};

/* Lists the changes to show, sorted by module and dependency. */
size_t sections_list(const struct plan *plan, struct arena *arena, struct section **out);
bool sections_in_modules(const struct section *sections, size_t n);
/* Renders a line for each type, as "aws.s3.object 24 to create". */
void sections_types(const struct section *sections, size_t n, struct buf *out);

/* The sign at the start of a change's line. */
struct sign {
    const char *text;
    int style; /* enum style */
    const char *verb;
};
struct sign action_sign(const struct change *change);

/* What the compact form omits, and the change it compares with. */
struct brief {
    const struct decl *decl;   /* the declaration with the configured attributes; NULL: not known */
    const struct value *tags;  /* tags that all resources have, shown once for all; NULL: none */
    const struct change *like; /* the first instance of the same declaration; NULL: this is the first */
    size_t nth;                /* the index of the instance, from 0 */
};

void section_header(
    const struct change *change, struct sign sign, const struct render_options *options, struct buf *out);
void section_attrs(
    const struct attr_change *attrs, size_t n, const struct render_options *options, struct buf *out);
void section_change(const struct change *change, const struct brief *brief,
    const struct render_options *options, struct buf *out);
/* Returns whether the section has several lines. Such sections are separated by empty lines. */
bool section_has_block(
    const struct change *change, const struct brief *brief, const struct render_options *options);

/* ---- Shared by render_value.c (values), render_change.c (two values and their differences) and
 * render_items.c (two lists or sets) only. */
enum {
    INLINE_MAX = 72,  /* maximum width of a list or map on one line */
    ENTRIES_MAX = 20, /* maximum number of entries shown of a map or of its changes */
    ITEM_MAX = 8,     /* maximum number of fields up to which a changed list item is shown completely */
};

/* `suffix` is written at the end of the first line. */
struct pen {
    struct buf *out;
    bool color, everything, marked;
    const char *suffix;
    struct arena *arena; /* for parsed JSON strings */
};

void pen_newline(struct pen *pen);
void pen_blanks(struct pen *pen, int n);
/* Writes the indentation and the sign + - or ~ of a line. */
void pen_sign(struct pen *pen, int indent, char c);
/* Writes "name: ", padded so that values are aligned after names of this width. */
void pen_name(struct pen *pen, struct str name, int width);
/* Returns the width of a map's longest key, to which values are aligned. */
int pen_widest_key(const struct value *map);
void pen_note(struct pen *pen, const char *text);
/* Returns the map or list that a string holds as JSON, or NULL. */
const struct value *pen_json(struct pen *pen, const struct value *v);

/* How a value is displayed, by its type. */
struct value_display {
    const struct type *type;
    bool policy; /* within an IAM policy: lists are sets, and a list of one item equals the item */
    bool hidden;
};

struct value_display display_item(struct value_display display);
struct value_display display_entry(struct value_display display, struct str key);
bool display_hides(struct value_display display, const struct value *v);
bool display_is_block(const struct value *v);
bool display_has_lines(struct str text);
size_t display_inline_width(const struct value *v); /* values above INLINE_MAX are lower bounds */
void pen_inline(struct pen *pen, struct value_display display, const struct value *v);
/* Writes a value on its line if it fits, otherwise as a block whose entries begin at the column; with a
 * newline. */
void pen_block(struct pen *pen, struct value_display display, const struct value *v, int column);
/* Writes a value on one line, shortened and with its size; policies as what they allow. With a newline. */
void pen_brief(struct pen *pen, struct value_display display, const struct value *v);
/* ---- differences ---- */

struct pen_entry {
    const struct str *name; /* NULL: a list item */
    int width, indent;
    struct value_display display;
    const struct value *before, *after; /* NULL: added, or removed */
};

void pen_change(struct pen *pen, const struct pen_entry *e);
/* Writes an unchanged entry that is shown nevertheless. */
void pen_kept(struct pen *pen, const struct str *name, int width, struct value_display display,
    const struct value *v, int indent);
/* Writes "# 3 unchanged", or nothing if n is 0. */
void pen_unchanged(struct pen *pen, size_t n, int indent);
bool display_same(struct value_display display, const struct value *a, const struct value *b);
void pen_change_list(
    struct pen *pen, struct value_display display, const struct value *a, const struct value *b, int column);
void pen_change_set(
    struct pen *pen, struct value_display display, const struct value *a, const struct value *b, int column);
/* Returns a pen with the options' colours; `suffix` may be NULL. */
struct pen pen_new(
    const struct render_options *options, const char *suffix, struct arena *arena, struct buf *out);

/* ---- render_items.c: the longest common subsequence of two sequences, to show additions and removals. */
enum edit { EDIT_KEEP, EDIT_REMOVE, EDIT_ADD };

/*
 * Writes the edit script to `script` (room for n + m) and returns its length. `equal` compares item i of the
 * old sequence with item j of the new one. If the differing middle is too large for the table (about a
 * million cells), it counts as replaced.
 */
size_t lcs_edits(
    size_t n, size_t m, bool (*equal)(void *ctx, size_t i, size_t j), void *ctx, enum edit *script);

/* ---- render_items.c: a unified diff of two texts, for display. */
/* Writes nothing if the texts are equal. Control characters are shown as escapes. */
void unified_diff(struct str name, struct str before, struct str after, bool color, struct buf *out);

/* ---- render_data_loss.c: the report that nothing is left, limited to the resources that were looked up. */
/* asked: number of resources that were looked up by id or name; tags_searched: resources with the stack's
 * ownership tags were searched in AWS; of: " of 3 members", " but what was forgotten", or "". Ends the
 * line. */
void leftovers_add_claim(struct buf *out, const char *of, size_t asked, bool tags_searched);
/* Begins the line about n resources that were deleted with their service, which was unreachable; their names
 * follow. */
void leftovers_add_unverified(struct buf *out, size_t n);
/* The same for resources that could not be looked up afterwards. */
void leftovers_add_not_looked_up(struct buf *out, size_t n);
/* Appends the names of such resources, shortened if there are many; ends the line. */
void leftovers_add_addresses(struct buf *out, const struct str *addresses, size_t n);
/* Appends what the lookups do not cover. */
void leftovers_add_limits(struct buf *out, size_t asked, bool tags_searched);
