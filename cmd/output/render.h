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

#include "base/buf.h"
#include "plan/plan.h"

struct render_options {
    bool color;
    bool everything; /* nothing is cut short: unchanged parts and long texts too */
    bool compact;    /* of what is created only what the file says, each attribute on a line */
    bool marked; /* RENDER_MARK stands before each sign, so that it can be told from what a value begins with
                  */
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
void render_erases(const struct plan *plan, const struct render_options *options, struct buf *out);
/* Does something of it erase, rather than stand in the way? */
bool render_erases_any(const struct plan *plan);
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
