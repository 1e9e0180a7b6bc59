/*
 * postgres.table. What the server makes of a definition (integer for int, now() in its own words) is not what
 * the file says, and yet no difference. So the record keeps the server's form beside the file's
 * (`as_stored`): as long as the catalog still shows that, what is there is what the file said.
 *
 * And before anything is changed, the wanted table is made as a temporary one that is rolled back, its twin:
 * its form in the catalog, compared with the real table's, says what has to be done, by the server's own
 * rules.
 */
#pragma once

#include "provider/postgres/type.h"

/* ---- table_shape.c ---- */

const struct value *table_shape(
    struct arena *arena, const struct value *prior, const struct value *live, bool fresh);

/* ---- table_sql.c ---- */

/* The statements that make it; `twin`: as a temporary one, without what such a one cannot have. */
void table_write(struct pg_work *work, bool twin);
void table_write_column(struct pg_work *work, const struct value *column);
/* "foreign key (a) references s.t (b) on delete cascade" */
void table_write_foreign_key(struct pg_work *work, const struct value *key);
void table_write_index(struct pg_work *work, struct str name, struct str definition, struct str table);
void table_write_partition(
    struct pg_work *work, struct str name, struct str bounds, struct str schema, struct str table);
/* "schema"."name" of it. */
struct str table_name(struct pg_work *work);

/* ---- type_widens.c ---- */

/* Does every value of one type fit into the other, as it is? Both in the server's own words (format_type). */
bool type_widens(struct str from, struct str to);

/* ---- table_alter.c ---- */

/* What the catalog would show of the wanted one. */
int table_twin(struct pg_work *work, const struct value **twin, struct err *err);
/* What it shows of the real one; NULL: it is not there. */
int table_now(struct pg_work *work, const struct value **now, struct err *err);
/*
 * The statements that bring one to the other, in work->sql; columns that may hold no nulls any more in
 * *checked. ERR_INVALID where that would lose or rewrite data and nobody has agreed.
 */
int table_alter(struct pg_work *work, const struct value *now, const struct value *twin,
    const struct value **checked, struct err *err);
