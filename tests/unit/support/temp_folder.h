/*
 * A folder for a test or a group of them: cmocka_run_group_tests(tests, temp_folder_make,
 * temp_folder_remove).
 */
#ifndef WEIR_TESTS_TEMP_FOLDER_H
#define WEIR_TESTS_TEMP_FOLDER_H

#include "base/arena.h"

/* Where it is; below $TMPDIR, or /tmp. */
extern char temp_folder[256];

int temp_folder_make(void **state);
/* With all that is in it; something left is an error. */
int temp_folder_remove(void **state);

const char *temp_path(struct arena *arena, const char *name);

#endif
