/* CRC32C: the check value of its definition, and the processor's instruction against the table. */
#include "base/crc32c.h"
#include "support/test.h"

#include <string.h>

static void test_known(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t crc;
    } rows[] = {
        {"", 0},
        {"a", 0xC1D04330},
        {"123456789", 0xE3069283},
        {"The quick brown fox jumps over the lazy dog", 0x22620404},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(crc32c(0, rows[i].text, strlen(rows[i].text)), rows[i].crc);
        assert_int_equal(crc32c_by_table(0, rows[i].text, strlen(rows[i].text)), rows[i].crc);
    }
    uint8_t zeros[32] = {0}; /* RFC 3720, B.4 */
    assert_int_equal(crc32c(0, zeros, sizeof zeros), 0x8A9136AA);
}

static void test_both(void **state)
{
    (void)state;
    uint8_t bytes[300];
    uint64_t x = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
        bytes[i] = (uint8_t)(x >> 56);
    }
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n + from < sizeof bytes; n++) {
            uint32_t whole = crc32c(0, bytes + from, n);
            assert_int_equal(whole, crc32c_by_table(0, bytes + from, n));
            assert_int_equal(
                whole, crc32c(crc32c(0, bytes + from, n / 3), bytes + from + n / 3, n - n / 3));
        }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_known),
    cmocka_unit_test(test_both),
};

TEST_MAIN(tests)
