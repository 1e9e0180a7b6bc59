/*
 * A snapshot of the state: the lines of the log that say by themselves what all lines before them said.
 */
#pragma once

#include "plan/state/records.h"

/* 1 + records + open intents lines with the numbers from seq on. `run` is the number of the run that writes.
 */
void snapshot_write(
    struct records *r, struct secrets *secrets, const char *run, struct buf *out, uint64_t seq);
