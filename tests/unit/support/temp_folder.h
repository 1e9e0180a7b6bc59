/*
 * A folder for a test or a group of them: cmocka_run_group_tests(tests, temp_folder_make,
 * temp_folder_remove).
 */
#pragma once

#include "base/arena.h"

/* Where it is: below $TMPDIR, or /tmp where that is not set or long. */
extern char temp_folder[64];

int temp_folder_make(void **state);
/* With all that is in it; something left is an error. */
int temp_folder_remove(void **state);

const char *temp_path(struct arena *arena, const char *name);
