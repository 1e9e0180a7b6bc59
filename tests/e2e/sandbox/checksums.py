"""S3's checksums, written down a second time."""

import functools
import hashlib
import zlib


def crc_table(polynomial):
    table = []
    for i in range(256):
        for _ in range(8):
            i = (i >> 1) ^ polynomial if i & 1 else i >> 1
        table.append(i)
    return table


@functools.cache
def crc(data, polynomial, bits):
    table, value = crc_table(polynomial), (1 << bits) - 1
    for byte in data:
        value = (value >> 8) ^ table[(value ^ byte) & 0xFF]
    return (value ^ ((1 << bits) - 1)).to_bytes(bits // 8, "big")


ALGORITHMS = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"), "CRC32C": lambda data: crc(data, 0x82F63B78, 32),
    "CRC64NVME": lambda data: crc(data, 0x9A6C9329AC4BC9B5, 64), "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}
