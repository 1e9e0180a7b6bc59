#include "tests/unit/support/temp_folder.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char temp_folder[64];

int temp_folder_make(void **state)
{
    (void)state;
    static const char name[] = "/weir-test-XXXXXX";
    const char *top = getenv("TMPDIR");
    bool fits = top && *top && strlen(top) + sizeof name <= sizeof temp_folder;
    snprintf(temp_folder, sizeof temp_folder, "%s%s", fits ? top : "/tmp", name);
    return mkdtemp(temp_folder) ? 0 : -1;
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
