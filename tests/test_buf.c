/* The byte buffer: growth, its ceiling, and that a failure is remembered. */
#include "base/buf.h"
#include "support/test.h"
#include "support/torture.h"

#include <string.h>

static void test_append(void **state)
{
    (void)state;
    struct torture t;
    struct buf buf;
    torture_init(&t, 0);
    buf_init(&buf, &t.alc, 1000);
    assert_int_equal(t.calls, 0);
    buf_bytes(&buf, NULL, 0);
    assert_int_equal(t.calls, 0);
    buf_byte(&buf, 'a');
    buf_str(&buf, STR("b\0c"));
    buf_text(&buf, "de");
    buf_format(&buf, "%d-%s", 42, "x");
    char *room = buf_room(&buf, 10);
    memcpy(room, "yz", 2);
    buf.n += 2;
    assert_true(str_equal(buf_view(&buf), STR("ab\0cde42-xyz")));
    assert_int_equal(buf.failed, AMPQL_OK);
    buf_done(&buf);
    assert_int_equal(t.live, 0);
    buf_text(&buf, "again"); /* may be used again, with the same ceiling */
    assert_int_equal(buf.max_bytes, 1000);
    buf_done(&buf);
    assert_int_equal(t.live, 0);
}

static void test_ceiling(void **state)
{
    (void)state;
    struct torture t;
    struct buf buf;
    torture_init(&t, 0);
    buf_init(&buf, &t.alc, 100);
    char text[101];
    memset(text, 'x', sizeof text);
    buf_bytes(&buf, text, 99);
    buf_byte(&buf, 'y');
    assert_int_equal(buf.failed, AMPQL_OK); /* exactly full */
    assert_int_equal(buf.n, 100);
    assert_true(t.peak_bytes <= 164);
    buf_byte(&buf, 'z');
    assert_int_equal(buf.failed, AMPQL_LIMIT);
    assert_int_equal(buf.n, 100);
    buf_bytes(&buf, text, 0);
    assert_null(buf_room(&buf, 0)); /* nothing more, whatever its size */
    assert_int_equal(buf.failed, AMPQL_LIMIT);
    buf_done(&buf);

    buf_init(&buf, &t.alc, SIZE_MAX);
    buf_byte(&buf, 'a');
    assert_null(buf_room(&buf, SIZE_MAX)); /* wraps */
    assert_int_equal(buf.failed, AMPQL_LIMIT);
    buf_done(&buf);

    buf_init(&buf, &t.alc, 0);
    buf_byte(&buf, 'a');
    assert_int_equal(buf.failed, AMPQL_LIMIT);
    buf_done(&buf);
    assert_int_equal(t.live, 0);
}

static void test_long_format(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, &alloc_default, 10000);
    buf_format(&buf, "%0511d", 0);
    assert_int_equal(buf.failed, AMPQL_OK);
    assert_int_equal(buf.n, 511);
    buf_format(&buf, "%0512d", 0); /* a mistake of ours, not cut silently */
    assert_int_equal(buf.failed, AMPQL_LIMIT);
    assert_int_equal(buf.n, 511);
    buf_done(&buf);
}

static bool fill(const struct ampql_allocator *alc)
{
    struct buf buf;
    buf_init(&buf, alc, 1 << 20);
    for (int i = 0; i < 5000; i++)
        buf_format(&buf, "%d,", i);
    bool ok = buf.failed == AMPQL_OK;
    if (!ok)
        assert_int_equal(buf.failed, AMPQL_NOMEM);
    for (size_t i = 0; i < buf.n && i < 10; i++)
        assert_int_equal(buf.p[i], "0,1,2,3,4,"[i]);
    buf_done(&buf);
    return ok;
}

static void test_torture(void **state)
{
    (void)state;
    assert_true(torture_all(fill) > 5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_append),
    cmocka_unit_test(test_ceiling),
    cmocka_unit_test(test_long_format),
    cmocka_unit_test(test_torture),
};
TEST_MAIN(tests)
