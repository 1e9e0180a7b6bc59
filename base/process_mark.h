/*
 * Processes that are known by a mark in their environment, which all that they start inherits: also what has
 * left the group that it was started in. One file for each system.
 */
#pragma once

/* The name of the variable that has the mark: "family-0123456789abcdef…". */
#define PROCESS_MARK "WEIR_PROCESS"

/* Kills every process whose environment, as it was at its start, has the variable begin with this. */
void process_end_marked(const char *mark);
