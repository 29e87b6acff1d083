/* RFC 4648's examples, white space, and everything that is not base64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/internal.h"
#include "leasehold/errors.h"

static void good_text_is_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes;
    } cases[] = {
        { "", "" },
        { "Zg==", "f" },
        { "Zm8=", "fo" },
        { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" },
        { "Zm9vYmE=", "fooba" },
        { "Zm9vYmFy", "foobar" },
        { " Z\nm9\r\nvY\tmFy\n", "foobar" },
        { "Zg==\n", "f" },
        { "+/+/", "\xfb\xff\xbf" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kube_bytes bytes = { NULL, 99 };
        assert_int_equal(kube_base64_decode(cases[i].text, strlen(cases[i].text), &bytes), 0);
        assert_int_equal(bytes.size, strlen(cases[i].bytes));
        assert_memory_equal(bytes.data, cases[i].bytes, bytes.size + 1);
        kube_bytes_free(&bytes);
        assert_null(bytes.data);
    }
}

static void bad_text_is_refused_and_leaves_the_output_alone(void **state)
{
    (void)state;
    static const char *const cases[] = { "Z",        "Zg",   "Zg=",  "Zm9",   "=",      "==",   "====", "Z===",    "Zg===",
                                         "Zg==Zg==", "Zm-v", "Zm_v", "Zm9v=", "Zm9v==", "\xff", "Zg=a", "Zg=\x01=" };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct kube_bytes bytes = { (unsigned char *)(uintptr_t)1, 7 };
        assert_int_equal(kube_base64_decode(cases[i], strlen(cases[i]), &bytes), LEASEHOLD_ERR_ARGUMENT);
        assert_int_equal(bytes.size, 7);
    }
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
    (void)state;
    unsigned char data[256];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 167);
    for (size_t size = 0; size <= sizeof(data); size++) {
        struct kube_bytes bytes;
        char *text = kube_base64_encode(data, size);
        assert_int_equal(kube_base64_decode(text, strlen(text), &bytes), 0);
        assert_int_equal(bytes.size, size);
        assert_memory_equal(bytes.data, data, size);
        kube_bytes_free(&bytes);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_is_decoded),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(bad_text_is_refused_and_leaves_the_output_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
