/* What records.c and records_lines.c share; not for others. */
#pragma once

#include "plan/state/records.h"

/* All intents are closed. */
void records_forget_intents(struct records *records);
/* What records_sorted() gave is not so any more. */
void records_unsort(struct records *records);
/* A value as the log has it, opened if it is sealed. */
int records_read_value(
    struct records *records, const struct value *v, const struct value **out, struct err *err);
/* The record that a line describes. */
int records_put_line(struct records *records, const struct value *line, uint64_t seq, struct err *err);
