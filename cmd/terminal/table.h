/*
 * Tables for people (columns aligned) and for programs (CSV, quoted as RFC 4180 has it).
 */
#pragma once

#include "base/value.h"
#include "cmd/terminal/term.h"

/*
 * `columns` is a list of names, `rows` a list of lists of texts; null is an empty field in CSV and a dash in
 * a table. What could steer a terminal is escaped in tables.
 */
void table_add_text(const struct value *columns, const struct value *rows, bool color, struct buf *out);
void table_add_csv(const struct value *columns, const struct value *rows, bool raw, struct buf *out);
