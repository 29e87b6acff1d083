/* Lists by pages: every page belongs to the moment of the first, whatever happened since, until the history forgets it. */
#include "world.h"

enum { OBJECTS = 10 };

static struct store_request list_of(uint64_t limit, const char *token)
{
    return (
        struct store_request){ .resource = STORE_LEASES, .namespace_ = "default", .verb = STORE_LIST, .limit = limit, .continue_ = token };
}

static void put(struct world *w, const char *namespace_, int number)
{
    char body[128];
    struct store_request r = { .resource = STORE_LEASES, .namespace_ = namespace_, .verb = STORE_CREATE };
    snprintf(body, sizeof body, "{\"metadata\":{\"name\":\"n%d\",\"labels\":{\"odd\":\"%d\"}}}", number, number % 2);
    assert_int_equal(send_request(w, r, body), 201);
}

static void drop(struct world *w, const char *name)
{
    struct store_request r = { .resource = STORE_LEASES, .namespace_ = "default", .name = name, .verb = STORE_DELETE };
    assert_int_equal(send_request(w, r, NULL), 200);
}

static void change(struct world *w, const char *name, const char *holder)
{
    char body[128];
    struct store_request r = { .resource = STORE_LEASES, .namespace_ = "default", .name = name, .verb = STORE_PATCH };
    snprintf(body, sizeof body, "{\"spec\":{\"holderIdentity\":\"%s\"}}", holder);
    assert_int_equal(send_request(w, r, body), 200);
}

static void fill(struct world *w)
{
    world_open(w, NULL);
    for (int i = 0; i < OBJECTS; i++)
        put(w, "default", i);
    put(w, "kube-system", 0);
}

/* Takes a page, checks its names (joined with ' '), and keeps the token. */
static void page(struct world *w, struct store_request r, const char *wanted, char token[256])
{
    char got[512] = "";
    assert_int_equal(send_request(w, r, NULL), 200);
    const json_t *items = at(w->answer.body, "items");
    for (size_t i = 0; i < json_array_size(items); i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s%s", i > 0 ? " " : "", text_at(json_array_get(items, i), "metadata.name"));
    }
    assert_string_equal(got, wanted);
    snprintf(token, 256, "%s", answer_text(w, "metadata.continue"));
}

static void pages_of_a_quiet_store(void **state)
{
    struct world w;
    char token[256];
    (void)state;
    fill(&w);
    page(&w, list_of(4, NULL), "n0 n1 n2 n3", token);
    assert_int_equal(json_integer_value(at(w.answer.body, "metadata.remainingItemCount")), 6);
    page(&w, list_of(4, token), "n4 n5 n6 n7", token);
    page(&w, list_of(4, token), "n8 n9", token);
    assert_string_equal(token, "");
    assert_null(at(w.answer.body, "metadata.remainingItemCount"));
    page(&w, list_of(OBJECTS, NULL), "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9", token); /* at the limit there is no empty page behind */
    assert_string_equal(token, "");

    struct store_request odd = list_of(2, NULL);
    odd.label_selector = "odd=1";
    page(&w, odd, "n1 n3", token);
    assert_null(at(w.answer.body, "metadata.remainingItemCount"));
    odd.continue_ = token;
    page(&w, odd, "n5 n7", token);
    page(&w, odd, "n9", token);
    assert_string_equal(token, "");

    struct store_request everywhere = list_of(OBJECTS, NULL);
    everywhere.namespace_ = NULL;
    page(&w, everywhere, "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9", token);
    everywhere.continue_ = token;
    page(&w, everywhere, "n0", token);
    world_close(&w);
}

/* What was changed, deleted and created after the first page is in the others as it was then. */
static void pages_belong_to_one_moment(void **state)
{
    struct world w;
    char token[256], version[64];
    (void)state;
    fill(&w);
    page(&w, list_of(3, NULL), "n0 n1 n2", token);
    snprintf(version, sizeof version, "%s", answer_text(&w, "metadata.resourceVersion"));
    drop(&w, "n4");
    change(&w, "n5", "a");
    change(&w, "n5", "b");
    put(&w, "default", 77);
    drop(&w, "n0");
    put(&w, "default", 0);
    drop(&w, "n6");
    put(&w, "default", 6);
    change(&w, "n6", "new");

    page(&w, list_of(20, token), "n3 n4 n5 n6 n7 n8 n9", token);
    assert_string_equal(answer_text(&w, "metadata.resourceVersion"), version);
    assert_string_equal(answer_text(&w, "items.2.spec.holderIdentity"), "");
    assert_string_equal(answer_text(&w, "items.3.spec.holderIdentity"), "");
    page(&w, list_of(0, NULL), "n0 n1 n2 n3 n5 n6 n7 n77 n8 n9", token);

    struct store_request exact = list_of(0, NULL);
    exact.resource_version = version;
    exact.resource_version_match = "Exact";
    page(&w, exact, "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9", token);
    exact.resource_version_match = "NotOlderThan";
    page(&w, exact, "n0 n1 n2 n3 n5 n6 n7 n77 n8 n9", token);
    exact.resource_version_match = NULL;
    exact.limit = 20;
    page(&w, exact, "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9", token);
    world_close(&w);
}

static void a_forgotten_moment_is_said_to_be(void **state)
{
    struct world w;
    char token[256];
    (void)state;
    fill(&w);
    page(&w, list_of(3, NULL), "n0 n1 n2", token);
    drop(&w, "n4");
    store_compact(w.store, 0);
    assert_int_equal(send_request(&w, list_of(3, token), NULL), 410);
    assert_string_equal(answer_text(&w, "reason"), "Expired");
    snprintf(token, sizeof token, "%s", answer_text(&w, "metadata.continue"));
    page(&w, list_of(3, token), "n3 n5 n6", token); /* goes on in the present */

    struct store_request exact = list_of(0, NULL);
    exact.resource_version = "1";
    exact.resource_version_match = "Exact";
    assert_int_equal(send_request(&w, exact, NULL), 410);
    world_close(&w);
}

static void strange_tokens_are_refused(void **state)
{
    static const char *const bad[] = { "x",
                                       "/",
                                       "//",
                                       "1/default",
                                       "1/default/",
                                       "/default/n1",
                                       "x/default/n1",
                                       "1/default/n1/more",
                                       "-1/default/n1",
                                       "1/other/n1",
                                       "99999999999999999999999/default/n1" };
    struct world w;
    char token[2048];
    (void)state;
    fill(&w);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(send_request(&w, list_of(1, bad[i]), NULL), 400);
    memset(token, 'a', sizeof token);
    memcpy(token, "1/default/", 10);
    token[sizeof token - 1] = '\0';
    assert_int_equal(send_request(&w, list_of(1, token), NULL), 400);
    assert_int_equal(send_request(&w, list_of(1, "18446744073709551615/default/n1"), NULL), 504); /* a version of the future */
    struct store_request both = list_of(1, "1/default/n1");
    both.resource_version = "1";
    assert_int_equal(send_request(&w, both, NULL), 400);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_of_a_quiet_store),
        cmocka_unit_test(pages_belong_to_one_moment),
        cmocka_unit_test(a_forgotten_moment_is_said_to_be),
        cmocka_unit_test(strange_tokens_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
