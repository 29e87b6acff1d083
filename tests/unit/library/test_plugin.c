/* Kubeconfigs whose credential a program prints: nothing is run that the embedding program did not allow, and a host that reaps
 * children which are not its own is put up with. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world.h"

enum { PATIENCE_MS = 30000 };

struct plugin_world {
    struct world *world;
    char program[128], ran[128];
};

/* The kubeconfig of the world, with a user whose token a program prints. */
static struct plugin_world plugin_open(void)
{
    struct plugin_world p = { .world = world_open() };
    snprintf(p.program, sizeof p.program, "%s/plugin", p.world->folder);
    snprintf(p.ran, sizeof p.ran, "%s/ran", p.world->folder);
    FILE *file = fopen(p.program, "w");
    assert_non_null(file);
    fprintf(file,
            "#!/bin/sh\necho ran >>%s\n"
            "echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"t\"}}'\n",
            p.ran);
    fclose(file);
    assert_int_equal(chmod(p.program, 0700), 0);
    file = fopen(p.world->kubeconfig, "w");
    assert_non_null(file);
    fprintf(file,
            "current-context: c\nclusters: [{name: c, cluster: {server: \"http://%s\"}}]\n"
            "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never}}}]\n"
            "contexts: [{name: c, context: {cluster: c, user: u}}]\n",
            p.world->address);
    fclose(file);
    return p;
}

static void plugin_close(struct plugin_world *p)
{
    unlink(p->program);
    unlink(p->ran);
    world_close(p->world);
}

static void nothing_is_run_that_was_not_allowed(void **state)
{
    (void)state;
    struct plugin_world p = plugin_open();
    leasehold_options *o = world_options(p.world, "a");
    leasehold_service *s = NULL;
    assert_int_equal(setenv("LEASEHOLD_EXEC_PLUGINS", "yes", 1), 0); /* not for whoever sets the environment to say */
    assert_int_equal(leasehold_options_load_environment(o), 0);
    unsetenv("LEASEHOLD_EXEC_PLUGINS");
    assert_string_equal(leasehold_options_get(o, "exec-plugins"), "no");
    assert_int_equal(leasehold_service_open(&s, o), LEASEHOLD_ERR_CONFIG);
    assert_null(s);
    const char *sentence = leasehold_options_error(o);
    if (!strstr(sentence, "user \"u\"") || !strstr(sentence, "./plugin") || !strstr(sentence, "exec-plugins"))
        fail_msg("%s", sentence);
    assert_int_equal(leasehold_options_set(o, "exec-plugins", "maybe"), LEASEHOLD_ERR_OPTION);
    if (!strstr(leasehold_options_error(o), "maybe"))
        fail_msg("%s", leasehold_options_error(o));
    assert_int_equal(access(p.ran, F_OK), -1);
    leasehold_options_unref(o);
    plugin_close(&p);
}

static void leads(void)
{
    struct plugin_world p = plugin_open();
    leasehold_options *o = world_options(p.world, "a");
    leasehold_service *s;
    leasehold_group *g;
    assert_int_equal(leasehold_options_set(o, "exec-plugins", "yes"), 0);
    assert_int_equal(leasehold_service_open(&s, o), 0);
    assert_int_equal(leasehold_group_open(&g, s, "demo", LEASEHOLD_CANDIDATE, NULL), 0);
    world_await(s, g, LEASEHOLD_EVENT_STARTED_LEADING, PATIENCE_MS, NULL);
    assert_int_equal(access(p.ran, F_OK), 0);
    leasehold_group_unref(g);
    leasehold_service_unref(s);
    leasehold_options_unref(o);
    plugin_close(&p);
}

static void a_host_may_ignore_its_children(void **state)
{
    (void)state;
    struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
    sigaction(SIGCHLD, &ignore, &before);
    leads();
    sigaction(SIGCHLD, &before, NULL);
}

static void *reap_all(void *data)
{
    _Atomic bool *stop = data;
    while (!atomic_load(stop))
        if (waitpid(-1, NULL, WNOHANG) <= 0)
            usleep(1000);
    return NULL;
}

static void a_host_may_reap_our_children(void **state)
{
    (void)state;
    _Atomic bool stop = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, reap_all, &stop), 0);
    leads();
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
}

static void no_child_is_left_behind(void **state)
{
    (void)state;
    leads();
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_run_that_was_not_allowed),
        cmocka_unit_test(a_host_may_ignore_its_children),
        cmocka_unit_test(a_host_may_reap_our_children),
        cmocka_unit_test(no_child_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
