/* Tokens and their files: rotated, half-written, gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kube/internal.h"
#include "kube/token.h"
#include "leasehold/errors.h"

static char path[64];

static void write_token(const char *text, size_t size)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(text, 1, size, file);
    fclose(file);
}

static int make_path(void **state)
{
    (void)state;
    snprintf(path, sizeof(path), "/tmp/leasehold-token-%d", (int)getpid());
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static void a_file_is_read_each_minute_and_on_refusal(void **state)
{
    (void)state;
    struct kube_config config = { .token_file = path };
    struct kube_token *token;
    write_token(" \none\r\n", 7);
    assert_int_equal(kube_token_new(&config, &token), 0);
    int64_t t = INT64_C(1000000000000);
    assert_string_equal(kube_token_now(token, t), "one");
    write_token("two", 3);
    assert_string_equal(kube_token_now(token, t + KUBE_TOKEN_AGE_NS - 1), "one");
    assert_string_equal(kube_token_now(token, t + KUBE_TOKEN_AGE_NS), "two");
    write_token("three", 5);
    assert_true(kube_token_refused(token, t + KUBE_TOKEN_AGE_NS + 1));
    assert_string_equal(kube_token_now(token, t + KUBE_TOKEN_AGE_NS + 2), "three");
    assert_string_equal(kube_token_sentence(token), "");
    unlink(path);
    assert_false(kube_token_refused(token, t + KUBE_TOKEN_AGE_NS + 3));
    assert_string_equal(kube_token_now(token, t + 9 * KUBE_TOKEN_AGE_NS), "three");
    assert_non_null(strstr(kube_token_sentence(token), "No such file"));
    assert_null(kube_token_free(token));
    assert_null(kube_token_free(NULL));
}

static void a_token_without_a_file_stays(void **state)
{
    (void)state;
    struct kube_config config = { .token = (char *)(uintptr_t) "fixed" };
    struct kube_token *token;
    assert_int_equal(kube_token_new(&config, &token), 0);
    assert_string_equal(kube_token_now(token, 1), "fixed");
    assert_false(kube_token_refused(token, 2));
    kube_token_free(token);
    struct kube_config none = { 0 };
    assert_int_equal(kube_token_new(&none, &token), 0);
    assert_null(kube_token_now(token, 1));
    kube_token_free(token);
}

static void what_is_no_token_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
    } cases[] = { { "", 0 }, { " \n\t", 3 }, { "a b", 3 }, { "a\nb", 3 }, { "a\0b", 3 }, { "a\0", 2 }, { "\x80", 1 }, { "a\x7f", 2 } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char reason[KUBE_REASON_MAX] = "", *text = NULL;
        write_token(cases[i].text, cases[i].size);
        assert_int_equal(kube_token_read(path, &text, reason), LEASEHOLD_ERR_CONFIG);
        assert_null(text);
        assert_true(reason[0] != '\0');
    }
}

static void a_token_has_a_limit(void **state)
{
    (void)state;
    char *large = malloc(KUBE_TOKEN_MAX + 2), *text = NULL, reason[KUBE_REASON_MAX];
    memset(large, 't', KUBE_TOKEN_MAX + 1);
    write_token(large, KUBE_TOKEN_MAX);
    assert_int_equal(kube_token_read(path, &text, reason), 0);
    assert_int_equal(strlen(text), KUBE_TOKEN_MAX);
    kube_text_free(text);
    write_token(large, KUBE_TOKEN_MAX + 1);
    assert_int_equal(kube_token_read(path, &text, reason), LEASEHOLD_ERR_CONFIG);
    assert_string_equal(reason, "it is larger than 65536 bytes");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_each_minute_and_on_refusal),
        cmocka_unit_test(a_token_without_a_file_stays),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_token_has_a_limit),
    };
    return cmocka_run_group_tests(tests, make_path, remove_path);
}
