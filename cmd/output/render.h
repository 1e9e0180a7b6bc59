/*
 * Plans and values as text for people. Pure functions: what they write depends on nothing but their
 * arguments.
 *
 *       + create  lake  aws.s3.bucket
 *           + name: "hist-retail"
 *       ~ update  etl_role  aws.iam.role
 *           ~ assume_role_policy: {
 *               ~ Statement: [
 *
 * In a block that is new or gone as a whole only its first line carries the sign. Lists are compared item by
 * item, sets by membership, texts of several lines by line, JSON in text as what it says.
 */
#pragma once

#include "plan/plan.h"

struct render_options {
    bool color;
    bool everything; /* nothing is cut short: unchanged parts and long texts too */
    bool compact;    /* of what is created only what the file says, each attribute on a line */
    bool marked;     /* RENDER_MARK is before each sign, so that it can be told from what a value begins with
                      */
    /* Takes what there is of a large plan at the end of a section, and clears it; NULL: all is kept. */
    void (*flush)(void *ctx, struct buf *out);
    void *flush_ctx;
};

enum { RENDER_MARK = '\x01' };

/* Drift, changes, outputs and the line in numbers. */
void render_plan(const struct plan *plan, const struct render_options *options, struct buf *out);
/* Only what changed outside weir. */
void render_drift(const struct plan *plan, const struct render_options *options, struct buf *out);
/* For pull requests: numbers, a table, and the text folded away, cut to end within so many bytes. */
enum { MARKDOWN_MAX = 65536 }; /* of a comment */
void render_markdown(const struct plan *plan, struct str stack, struct str env, size_t room, struct buf *out);
/* What goes besides the resources: a line for each, or items of a Markdown list; nothing where nothing does.
 */
void render_data_loss(const struct plan *plan, const struct render_options *options, struct buf *out);
/* Is data lost by something of it, rather than in its way? */
bool render_loses_data(const struct plan *plan);
void render_erases_markdown(const struct plan *plan, struct buf *out);
/* What could not be looked at, and why; nothing where everything was. */
void render_unread(const struct plan *plan, struct buf *out);
void render_unread_markdown(const struct plan *plan, struct buf *out);
/* What rules say; nothing where they say nothing. `broken`: also what rules_report() reports as a mistake. */
void render_rules(
    const struct plan *plan, const struct render_options *options, bool broken, struct buf *out);
/* "asked during apply", "waived" …; of a broken one its level. */
const char *render_outcome(const struct rule_finding *finding);
/* "  warning  lake: it has no owner (owned, weir.yaml:12)", without a line's end. */
void render_finding(struct buf *out, const struct rule_finding *finding);
/* The same of checks, also of those that are kept. */
void render_checks(const struct plan *plan, const struct render_options *options, struct buf *out);
void render_rules_markdown(const struct plan *plan, struct buf *out);
/* Text in a table's cell of Markdown. */
void render_cell(struct buf *out, struct str text);
/* As code in Markdown, also in a table's cell. */
void render_code(struct buf *out, struct str text);
/* Names and values of outputs (a map), one a line. */
void render_outputs(const struct value *outputs, const struct render_options *options, struct buf *out);
/* A value, on one line where it fits; ends with a newline. `indent` is the column its block starts in. */
void render_value(const struct value *v, int indent, const struct render_options *options, struct buf *out);
/* One attribute's line or block; `suffix` is a remark at the end of its first line, or NULL. */
struct render_change {
    struct str name;
    int name_width;          /* values are aligned behind names of that width */
    int indent;              /* column of the sign */
    const struct type *type; /* NULL: not known */
    const struct value *before, *after;
    bool hidden;
    bool brief; /* what is new takes one line, however long it is */
    const char *suffix;
};
void render_change(const struct render_change *change, const struct render_options *options, struct buf *out);

/* A map whose names are open (attr_change_names_open()) with each value hidden, and the names of those that
 * differ. */
const struct value *render_names(struct arena *arena, const struct value *map);
const struct value *render_names_changed(struct arena *arena, const struct attr_change *change);

/* "create", "created", "creating" for an action. */
const char *action_verb(enum action action);
const char *action_past(enum action action);
const char *action_present(enum action action);

/* ---- what render_plan.c (a plan), render_section.c (one resource of it) and
 * render_plan.c (which comes after which) share; nobody else includes it. */
enum { TYPES_WORTH_IT = 8 }; /* from so many changes on they are counted by type, too */

struct section {
    const struct change *change;
    const struct decl *decl; /* NULL: removed from the configuration */
    struct str declared;     /* its address without its key */
    struct str module;       /* the module it is in; "": the stack itself */
    uint32_t rank;  /* what others depend on has a smaller one; UINT32_MAX: removed from the configuration */
    uint32_t group; /* the largest rank in its module: when all that is in it is there */
};

/* The changes that are shown, by module and by what depends on what. */
size_t sections_list(const struct plan *plan, struct arena *arena, struct section **out);
bool sections_in_modules(const struct section *sections, size_t n);
/* "aws.s3.object  24 to create", a line for each type. */
void sections_types(const struct section *sections, size_t n, struct buf *out);

/* The signs that a line about a change begins with. */
struct sign {
    const char *text;
    int style; /* enum style */
    const char *verb;
};
struct sign action_sign(const struct change *change);

/* What the compact form leaves out, and what it compares with. */
struct brief {
    const struct decl *decl;   /* which gives its attributes; NULL: not known */
    const struct value *tags;  /* reported once for all of them; NULL: none */
    const struct change *like; /* the first instance of the same declaration; NULL: this is it */
    size_t nth;                /* which of them it is, from 0 */
};

void section_header(
    const struct change *change, struct sign sign, const struct render_options *options, struct buf *out);
void section_attrs(
    const struct attr_change *attrs, size_t n, const struct render_options *options, struct buf *out);
void section_change(const struct change *change, const struct brief *brief,
    const struct render_options *options, struct buf *out);
/* Sections of several lines are set apart by empty lines, others are together. */
bool section_has_block(
    const struct change *change, const struct brief *brief, const struct render_options *options);

/* ---- What render_value.c (a value as text), render_change.c (two values, and what differs) and
 * render_items.c (two lists or sets) share; nobody else includes it. */
enum {
    INLINE_MAX = 72,  /* a list or map up to this width stays on its line */
    ENTRIES_MAX = 20, /* entries shown of a map, or of its changes */
    ITEM_MAX = 8,     /* fields of a list's changed item up to which it is shown whole */
};

/* `suffix` waits for the end of the first line. */
struct pen {
    struct buf *out;
    bool color, everything, marked;
    const char *suffix;
    struct arena *arena; /* for JSON texts taken apart */
};

void pen_newline(struct pen *pen);
void pen_blanks(struct pen *pen, int n);
/* A line's blanks and its + - ~ */
void pen_sign(struct pen *pen, int indent, char c);
/* "name: ", and as many blanks as align values behind names of that width. */
void pen_name(struct pen *pen, struct str name, int width);
/* The width of a map's longest key that others align to. */
int pen_widest_key(const struct value *map);
void pen_note(struct pen *pen, const char *text);
/* The map or list that a text holds as JSON; NULL: it holds none. */
const struct value *pen_json(struct pen *pen, const struct value *v);

/* How a value is to be looked at: what its type says about it. */
struct look {
    const struct type *type;
    bool policy; /* inside an IAM policy: lists are sets, a list of one is its item */
    bool hidden;
};

struct look look_item(struct look look);
struct look look_entry(struct look look, struct str key);
bool look_hides(struct look look, const struct value *v);
bool look_is_block(const struct value *v);
bool look_has_lines(struct str text);
size_t look_inline_width(const struct value *v); /* more than INLINE_MAX: it is that or more */
void pen_inline(struct pen *pen, struct look look, const struct value *v);
/* On its line where it fits, else as a block whose entries begin at the column; with the newline. */
void pen_block(struct pen *pen, struct look look, const struct value *v, int column);
/* On its line however long it is: cut, with its size; of policies what they allow. With the newline. */
void pen_brief(struct pen *pen, struct look look, const struct value *v);
/* ---- what differs ---- */

struct pen_entry {
    const struct str *name; /* NULL: an item of a list */
    int width, indent;
    struct look look;
    const struct value *before, *after; /* NULL: it comes, it goes */
};

void pen_change(struct pen *pen, const struct pen_entry *e);
/* It stays, and is shown all the same. */
void pen_kept(
    struct pen *pen, const struct str *name, int width, struct look look, const struct value *v, int indent);
/* "# 3 unchanged"; nothing of none. */
void pen_unchanged(struct pen *pen, size_t n, int indent);
bool look_same(struct look look, const struct value *a, const struct value *b);
void pen_change_list(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column);
void pen_change_set(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column);
/* A pen with the options' colours; `suffix` may be NULL. */
struct pen pen_new(
    const struct render_options *options, const char *suffix, struct arena *arena, struct buf *out);

/* ---- render_items.c: the longest common subsequence of two sequences, for showing what was added and
 * removed. */
enum edit { EDIT_KEEP, EDIT_REMOVE, EDIT_ADD };

/*
 * Writes the edit script into `script` (room for n + m) and returns its length. `equal` compares item i of
 * the old with item j of the new sequence. Sequences whose differing middles are too large for the table
 * (about a million cells) are taken as replaced there.
 */
size_t lcs_edits(
    size_t n, size_t m, bool (*equal)(void *ctx, size_t i, size_t j), void *ctx, enum edit *script);

/* ---- render_items.c: Two texts as a unified diff, for reading. */
/* Nothing where they are equal. Control characters are shown as escapes. */
void unified_diff(struct str name, struct str before, struct str after, bool color, struct buf *out);

/* ---- render_data_loss.c: how it is reported that nothing is left: only what was looked for is claimed not
 * to be there. */
/* asked: so many resources were looked for by id or name; tags_searched: AWS was asked for the stack's
 * ownership tags; of: " of 3 members", " but what was forgotten", or "". Ends the line. */
void leftovers_add_claim(struct buf *out, const char *of, size_t asked, bool tags_searched);
/* Begins the line with so many that went with their service, which did not answer when they were to be
 * deleted; their names follow. */
void leftovers_add_unasked(struct buf *out, size_t n);
/* The same of those that could not be looked up afterwards. */
void leftovers_add_unseen(struct buf *out, size_t n);
/* Such names, as many as are worth it; ends the line. */
void leftovers_add_addresses(struct buf *out, const struct str *addresses, size_t n);
/* What that says nothing of; behind where it was looked. */
void leftovers_add_limits(struct buf *out, size_t asked, bool tags_searched);
