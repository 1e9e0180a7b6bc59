#include "tests/unit/support/temp_folder.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

char temp_folder[256];

int temp_folder_make(void **state)
{
    (void)state;
    const char *top = getenv("TMPDIR");
    int n = snprintf(temp_folder, sizeof temp_folder, "%s/weir-test-XXXXXX", top && *top ? top : "/tmp");
    return n < (int)sizeof temp_folder && mkdtemp(temp_folder) ? 0 : -1;
}

int temp_folder_remove(void **state)
{
    (void)state;
    tree_remove(temp_folder);
    return path_exists(temp_folder);
}

const char *temp_path(struct arena *arena, const char *name)
{
    return path_join(arena, str_z(temp_folder), str_z(name)).p;
}
