/* CRC32C. */
#include "base/crc32c.h"

#include <string.h>

uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t n)
{
    /* the remainders of four bits: small, and only for processors without the instruction */
    static const uint32_t of[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *at = p;
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= at[i];
        crc = of[crc & 15] ^ crc >> 4;
        crc = of[crc & 15] ^ crc >> 4;
    }
    return ~crc;
}

#if defined __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
                                                                 size_t n)
{
    uint64_t sum = ~crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t eight;
        memcpy(&eight, p, sizeof eight);
        sum = __builtin_ia32_crc32di(sum, eight);
    }
    for (; n > 0; p++, n--)
        sum = __builtin_ia32_crc32qi((uint32_t)sum, *p);
    return ~(uint32_t)sum;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return by_instruction(crc, p, n);
#endif
    return crc32c_by_table(crc, p, n);
}
