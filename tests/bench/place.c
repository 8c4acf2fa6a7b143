/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 12

/* Runs `ip` with the words of `line`; false when it does not succeed. */
static bool ip(const char *line)
{
    char words[128];
    (void)snprintf(words, sizeof(words), "ip %s", line);
    char *args[ARGUMENTS_MAX] = {0}, *rest = words;
    size_t count = 0;
    for (char *word = strtok_r(words, " ", &rest); word && count + 1 < ARGUMENTS_MAX;
         word = strtok_r(NULL, " ", &rest))
        args[count++] = word;
    pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (nowhere >= 0)
            (void)dup2(nowhere, STDERR_FILENO); /* place_open() says what becomes of it */
        execvp("ip", args);
        _exit(127);
    }
    int status = 0;
    return waitpid(child, &status, 0) == child && status == 0;
}

static bool enter(int ns)
{
    return ns >= 0 && setns(ns, CLONE_NEWNET) == 0;
}

/* A fresh namespace, which the calling thread is in then. */
static int make_namespace(void)
{
    return unshare(CLONE_NEWNET) < 0 ? -1 : open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Ends with the calling thread in the load's. */
static bool make_both(struct place *p)
{
    p->load_ns = make_namespace();
    if (p->load_ns < 0)
        return false;
    char give[64];
    (void)snprintf(give, sizeof(give), "link set load0 netns /proc/%d/fd/%d", (int)getpid(),
                   p->load_ns);
    p->server_ns = make_namespace();
    return p->server_ns >= 0 && ip("link add name sfu0 type veth peer name load0") && ip(give) &&
           ip("addr add 10.77.0.1/24 dev sfu0") && ip("link set sfu0 up") && ip("link set lo up") &&
           enter(p->load_ns) && ip("addr add 10.77.0.2/24 dev load0") && ip("link set load0 up") &&
           ip("link set lo up");
}

void place_open(bool loopback, struct place *ret_place)
{
    struct place p = {.server_ns = -1, .load_ns = -1, .server_core = -1, .load_core = -1};
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        p.server_core = 0;
        p.load_core = 1;
    }
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    p.apart = !loopback && make_both(&p);
    if (!p.apart && !loopback && home >= 0)
        (void)enter(home); /* where we are if nothing was made */
    if (home >= 0)
        close(home);
    p.server = p.apart ? "10.77.0.1" : "127.0.0.1";
    p.load = p.apart ? "10.77.0.2" : "127.0.0.1";
    if (p.apart)
        printf("network: server and load in namespaces of their own, joined by veth\n");
    else
        printf("network: loopback%s\n",
               loopback ? "" : " (no right to network namespaces, or no `ip`: run as root)");
    if (p.server_core >= 0)
        printf("cores: server on %d, load on %d\n", p.server_core, p.load_core);
    else
        printf("cores: there is but one; server and load share it, so the figures are noisy\n");
    *ret_place = p;
}

static void must_enter(const struct place *p, int ns)
{
    if (p->apart && !enter(ns)) {
        perror("forward: setns");
        exit(1);
    }
}

void place_enter_server(const struct place *p)
{
    must_enter(p, p->server_ns);
}

void place_enter_load(const struct place *p)
{
    must_enter(p, p->load_ns);
}

void place_pin(pid_t thread, int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core < 0 ? 0 : core, &set);
    if (core >= 0 && sched_setaffinity(thread, sizeof(set), &set) < 0 && errno != ESRCH)
        perror("forward: cannot pin"); /* the figures are noisier then */
}

void place_pin_process(pid_t process, int core)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)process);
    DIR *tasks = opendir(path);
    if (!tasks)
        return;
    for (const struct dirent *it = readdir(tasks); it; it = readdir(tasks))
        if (it->d_name[0] != '.')
            place_pin((pid_t)strtol(it->d_name, NULL, 10), core);
    closedir(tasks);
}
