/* The SDKs' shared files: any text is settings or an error with its line. */
#include "provider/aws/credentials.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str credentials, config = str_cut(str_n((const char *)data, n), '\0', &credentials);
    if (!credentials.p)
        credentials = STR_EMPTY;
    const struct profiles *profiles;
    struct err err = ERR_INIT;
    if (profiles_parse(&arena, config, "config", credentials, "credentials", &profiles, &err)) {
        assert(err.class == ERR_INVALID && str_starts(str_z(err.message), STR("c")));
        return 0;
    }
    struct str region = profiles_get(profiles, STR("default"), "region");
    assert(str_find_char(region, '\n', 0) < 0);
    assert(!region.n || profiles_has(profiles, STR("default")));
    profiles_section_get(profiles, "services", STR("local"), "s3.endpoint_url");
    profiles_nearest(&arena, profiles, STR("defualt"));
    return 0;
}
