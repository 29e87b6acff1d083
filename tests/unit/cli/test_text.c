#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cli/text.h"

static void shows(const char *text, const char *expected)
{
    char *got = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&got, &size);
    assert_non_null(to);
    text_put(to, text);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(got, expected);
    free(got);
}

static void what_can_be_read_stays(void **state)
{
    (void)state;
    shows("", "");
    shows("pod-7.example_a1b2", "pod-7.example_a1b2");
    shows("é 日本 😀", "é 日本 😀");
    shows("\xc2\xa0", "\xc2\xa0"); /* the first behind the second set of control characters */
}

static void what_steers_a_terminal_is_spelled_out(void **state)
{
    (void)state;
    shows("\x1b[31mred\x07", "\\x1b[31mred\\x07");
    shows("two\nlines\r\t", "two\\x0alines\\x0d\\x09");
    shows("\x7f", "\\x7f");
    shows("\xc2\x9b"
          "0m",
          "\\xc2\\x9b0m"); /* CSI as one character */
    shows("\xe2\x80\xae"
          "abc",
          "\\xe2\\x80\\xae"
          "abc"); /* right to left from here */
    shows("\xe2\x80\xa8", "\\xe2\\x80\\xa8");
}

static void bytes_that_are_no_characters_are_spelled_out(void **state)
{
    (void)state;
    shows("a\xff", "a\\xff");
    shows("\x80", "\\x80");
    shows("\xc3", "\\xc3");          /* cut */
    shows("\xe6\x97", "\\xe6\\x97"); /* cut */
    shows("\xc0\xaf", "\\xc0\\xaf"); /* overlong */
    shows("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
    shows("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* half of a pair */
    shows("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* beyond the last */
    shows("\xf8\x88\x80\x80", "\\xf8\\x88\\x80\\x80");
}

static void width_is_what_is_shown(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("abc"), 3);
    assert_int_equal(text_width("é"), 1);
    assert_int_equal(text_width("\x1b"), 4);
    assert_int_equal(text_width("\xff\xff"), 8);
}

static void table_is(const char *const *cells, size_t columns, const char *expected)
{
    char *got = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&got, &size);
    assert_non_null(to);
    struct table t = { .columns = columns };
    for (size_t i = 0; cells[i]; i++)
        table_add(&t, cells[i]);
    assert_int_equal(table_print(&t, to), 0);
    assert_int_equal(fclose(to), 0);
    assert_string_equal(got, expected);
    assert_int_equal(t.count, 0);
    free(got);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    table_is((const char *const[]){ "A", "B", "C", "long", "é", "x", "", "\n", "y", NULL }, 3,
             "A     B     C\n"
             "long  é     x\n"
             "      \\x0a  y\n");
    table_is((const char *const[]){ NULL }, 2, "");
    table_is((const char *const[]){ "only", NULL }, 1, "only\n");
}

static void long_tables_grow(void **state)
{
    (void)state;
    struct table t = { .columns = 2 };
    char *got = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&got, &size);
    assert_non_null(to);
    for (int i = 0; i < 10000; i++)
        table_add(&t, "ab");
    assert_int_equal(table_print(&t, to), 0);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(size, 5000 * strlen("ab  ab\n"));
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_read_stays),
        cmocka_unit_test(what_steers_a_terminal_is_spelled_out),
        cmocka_unit_test(bytes_that_are_no_characters_are_spelled_out),
        cmocka_unit_test(width_is_what_is_shown),
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(long_tables_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
