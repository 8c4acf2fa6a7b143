/* SPDX-License-Identifier: Apache-2.0 */
/* A whole life of the supervisor, with each of its fallible calls failing once in turn: it either
 * says why it cannot begin, or copes and comes to a clean end. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/notify.h"
#include "supervisor/supervisor.h"
#include "unit/check.h"
#include "unit/faults.h"

/* Says that it is ready, then tells the supervisor, its parent, to stop, and ends when told. */
static int run_child(void)
{
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
    CHECK_EQ(notify_send("READY=1", -1), 0);
    CHECK_EQ(kill(getppid(), SIGTERM), 0);
    return sigwait(&set, &number) == 0 ? 0 : 1;
}

static int run_supervisor(void)
{
    char *arguments[] = {(char[]){"self"}, (char[]){"child"}, NULL};
    const struct child_program program = {
        .name = "child", .path = "/proc/self/exe", .arguments = arguments, .stop_us = 10000000};
    return supervisor_run(&program, 1);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "child") == 0)
        return run_child();
    log_start("test", LOG_ERROR);
    int n = 0;
    int refused = 0;
    bool happened = true;
    for (; happened; n++) {
        faults_fail_at(n);
        int result = run_supervisor();
        happened = faults_happened();
        faults_fail_at(-1);
        CHECK(result <= 0);
        CHECK(happened || result == 0);
        refused += result < 0;
    }
    CHECK(refused >= 6); /* two allocations, four calls for the socket, one for signals */
    CHECK(n > 10);
    return 0;
}
