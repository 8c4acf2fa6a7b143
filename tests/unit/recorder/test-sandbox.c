/* SPDX-License-Identifier: Apache-2.0 */
/* What the sandbox denies fails with EPERM, in threads begun before too, where it did not before;
 * what a decoder needs goes on. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "recorder/sandbox.h"
#include "unit/check.h"

/* Arguments that do no harm where the call is allowed. */
static long try_execve(void)
{
    return syscall(SYS_execve, "/nonexistent", NULL, NULL);
}
static long try_ptrace(void)
{
    return ptrace(PTRACE_PEEKDATA, -1, NULL, NULL);
}
static long try_ip4(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}
static long try_ip6(void)
{
    return socket(AF_INET6, SOCK_DGRAM, 0);
}
static long try_netlink(void)
{
    return socket(AF_NETLINK, SOCK_RAW, 0);
}
static long try_mount(void)
{
    return syscall(SYS_mount, NULL, NULL, NULL, 0, NULL);
}
static long try_bpf(void)
{
    return syscall(SYS_bpf, -1, NULL, 0);
}
static long try_keyctl(void)
{
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, -1, 0);
}
static long try_add_key(void)
{
    return syscall(SYS_add_key, NULL, NULL, NULL, 0, 0);
}
static long try_perf(void)
{
    return syscall(SYS_perf_event_open, NULL, -1, -1, -1, 0);
}
static long try_io_uring(void)
{
    return syscall(SYS_io_uring_setup, 0, NULL);
}
static long try_unshare(void)
{
    return unshare(0);
}
static long try_setns(void)
{
    return setns(-1, 0);
}
static long try_read_other(void)
{
    return syscall(SYS_process_vm_readv, -1, NULL, 0, NULL, 0, 0);
}
static long try_userfaultfd(void)
{
    return syscall(SYS_userfaultfd, -1);
}
static long try_open_tree(void)
{
    return syscall(SYS_open_tree, -1, NULL, -1);
}
static long try_chroot(void)
{
    return chroot("/nonexistent");
}
static long try_clone_user(void)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return pid;
}

static const struct {
    const char *name;
    long (*run)(void);
} denied[] = {
    {"execve", try_execve},
    {"ptrace", try_ptrace},
    {"socket IPv4", try_ip4},
    {"socket IPv6", try_ip6},
    {"socket netlink", try_netlink},
    {"mount", try_mount},
    {"bpf", try_bpf},
    {"keyctl", try_keyctl},
    {"add_key", try_add_key},
    {"perf_event_open", try_perf},
    {"io_uring_setup", try_io_uring},
    {"unshare", try_unshare},
    {"setns", try_setns},
    {"process_vm_readv", try_read_other},
    {"userfaultfd", try_userfaultfd},
    {"open_tree", try_open_tree},
    {"chroot", try_chroot},
    {"clone of a user namespace", try_clone_user},
};
#define DENIED (sizeof(denied) / sizeof(denied[0]))

/* Which calls fail with EPERM, told as the exit status of a child: 0 those expected. */
struct round {
    bool inside, in_thread;
    pthread_barrier_t entered;
    bool refused[DENIED];
};

static void *try_all(void *argument)
{
    struct round *r = argument;
    if (r->in_thread)
        (void)pthread_barrier_wait(&r->entered);
    for (size_t i = 0; i < DENIED; i++) {
        errno = 0;
        r->refused[i] = denied[i].run() < 0 && errno == EPERM;
    }
    return NULL;
}

static void *do_nothing(void *argument)
{
    return argument;
}

/* What a decoder needs: memory, files, threads, children of this program itself. */
static void check_allowed(void)
{
    void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK_EQ(munmap(memory, 1 << 20), 0);
    char path[] = "/tmp/assize-sandbox-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, "x", 1), 1);
    CHECK_EQ(fsync(fd), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(unlink(path), 0);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, do_nothing, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    CHECK_EQ(close(pair[0]), 0);
    CHECK_EQ(close(pair[1]), 0);
}

/* Tries all calls in a child of its own; fills `ret_refused`. */
static void run(bool inside, bool in_thread, bool ret_refused[DENIED])
{
    struct round *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    *shared = (struct round){.inside = inside, .in_thread = in_thread};
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        CHECK_EQ(pthread_barrier_init(&shared->entered, NULL, 2), 0);
        sandbox_leave_network();
        if (in_thread)
            CHECK_EQ(pthread_create(&thread, NULL, try_all, shared), 0);
        if (inside)
            CHECK_EQ(sandbox_enter(), 0);
        if (in_thread) {
            (void)pthread_barrier_wait(&shared->entered);
            CHECK_EQ(pthread_join(thread, NULL), 0);
        } else {
            (void)try_all(shared);
        }
        check_allowed();
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    memcpy(ret_refused, shared->refused, sizeof(shared->refused));
    CHECK_EQ(munmap(shared, sizeof(*shared)), 0);
}

int main(void)
{
    bool outside[DENIED], inside[DENIED], thread[DENIED];
    run(false, false, outside);
    run(true, false, inside);
    run(true, true, thread);
    size_t told = 0;
    for (size_t i = 0; i < DENIED; i++) {
        if (!inside[i] || !thread[i])
            fprintf(stderr, "%s is not denied\n", denied[i].name);
        CHECK(inside[i] && thread[i]);
        told += !outside[i];
    }
    /* A container may deny some by itself: those prove nothing. */
    printf("%zu calls denied, %zu of them by the sandbox alone\n", DENIED, told);
    CHECK(!outside[0] && !outside[2]); /* starting programs, the network */
    CHECK(told >= 8);
    return 0;
}
