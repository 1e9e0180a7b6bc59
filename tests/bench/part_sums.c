/*
 * part_sums FILE PART: the CRC-64/NVME of each so many bytes of the file as S3's headers have it, one a line.
 */
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    size_t room = file ? strtoul(argv[2], NULL, 10) : 0, n;
    char *part = malloc(room);
    if (!file || !part) {
        fprintf(stderr, "usage: part_sums FILE PART\n");
        return 2;
    }
    while ((n = fread(part, 1, room, file))) {
        AUTO_ARENA struct arena arena = ARENA_INIT;
        uint64_t sum = __builtin_bswap64(crc64_update(0, part, n));
        puts(base64_encode(&arena, str_n((const char *)&sum, sizeof sum)).p);
    }
    return 0;
}
