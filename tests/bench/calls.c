/* Preloaded (LD_PRELOAD) to count calls, see calls.h. Each function here does what its name says,
 * in the library after this one. SPDX-License-Identifier: Apache-2.0 */
#include "bench/calls.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct calls *calls; /* NULL: nothing is counted */

/* Of this thread, plus one; 0: not counted yet. In memory that is there without an allocation. */
static __thread unsigned number __attribute__((tls_model("initial-exec")));

static void count(enum call call)
{
    if (!calls)
        return;
    if (number == 0)
        number = atomic_fetch_add(&calls->threads, 1) + 1;
    if (number <= CALLS_THREADS_MAX)
        atomic_fetch_add_explicit(&calls->thread[number - 1].counts[call], 1, memory_order_relaxed);
}

__attribute__((constructor)) static void begin(void)
{
    const char *fd = getenv(CALLS_VARIABLE);
    if (!fd)
        return;
    void *memory = mmap(NULL, sizeof(*calls), PROT_READ | PROT_WRITE, MAP_SHARED,
                        (int)strtol(fd, NULL, 10), 0);
    if (memory != MAP_FAILED)
        calls = memory;
}

/* The function of that name after ours. */
#define NEXT(name)                                                                                 \
    static __typeof__(&name) next;                                                                 \
    if (!next)                                                                                     \
    *(void **)&next = dlsym(RTLD_NEXT, #name)

#define COUNTED(call, result, name, parameters, arguments)                                         \
    __attribute__((visibility("default"))) result name parameters                                  \
    {                                                                                              \
        NEXT(name);                                                                                \
        count(call);                                                                               \
        return next arguments;                                                                     \
    }

COUNTED(CALL_ALLOCATE, void *, malloc, (size_t size), (size))
COUNTED(CALL_ALLOCATE, void *, calloc, (size_t n, size_t size), (n, size))
COUNTED(CALL_ALLOCATE, void *, realloc, (void *old, size_t size), (old, size))
COUNTED(CALL_ALLOCATE, void *, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
COUNTED(CALL_ALLOCATE, void *, aligned_alloc, (size_t to, size_t size), (to, size))
COUNTED(CALL_ALLOCATE, void *, memalign, (size_t to, size_t size), (to, size))
COUNTED(CALL_ALLOCATE, int, posix_memalign, (void **ret, size_t to, size_t size), (ret, to, size))

__attribute__((visibility("default"))) void free(void *old)
{
    NEXT(free);
    if (old)
        count(CALL_FREE);
    next(old);
}

COUNTED(CALL_LOCK, int, pthread_mutex_lock, (pthread_mutex_t * lock), (lock))
COUNTED(CALL_LOCK, int, pthread_mutex_trylock, (pthread_mutex_t * lock), (lock))
COUNTED(CALL_LOCK, int, pthread_rwlock_rdlock, (pthread_rwlock_t * lock), (lock))
COUNTED(CALL_LOCK, int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * lock), (lock))
COUNTED(CALL_LOCK, int, pthread_rwlock_wrlock, (pthread_rwlock_t * lock), (lock))
COUNTED(CALL_LOCK, int, pthread_rwlock_trywrlock, (pthread_rwlock_t * lock), (lock))
COUNTED(CALL_LOCK, int, pthread_spin_lock, (pthread_spinlock_t * lock), (lock))
COUNTED(CALL_LOCK, int, pthread_cond_signal, (pthread_cond_t * on), (on))
COUNTED(CALL_LOCK, int, pthread_cond_broadcast, (pthread_cond_t * on), (on))
COUNTED(CALL_LOCK, int, pthread_cond_wait, (pthread_cond_t * on, pthread_mutex_t *lock), (on, lock))
COUNTED(CALL_LOCK, int, pthread_cond_timedwait,
        (pthread_cond_t * on, pthread_mutex_t *lock, const struct timespec *until),
        (on, lock, until))
COUNTED(CALL_LOCK, int, sem_wait, (sem_t * on), (on))
COUNTED(CALL_LOCK, int, sem_trywait, (sem_t * on), (on))
COUNTED(CALL_LOCK, int, sem_timedwait, (sem_t * on, const struct timespec *until), (on, until))

COUNTED(CALL_LOG, int, sem_post, (sem_t * on), (on))
COUNTED(CALL_LOG, ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
COUNTED(CALL_LOG, ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n))
COUNTED(CALL_LOG, size_t, fwrite, (const void *bytes, size_t len, size_t n, FILE *to),
        (bytes, len, n, to))
COUNTED(CALL_LOG, int, fputs, (const char *text, FILE *to), (text, to))
COUNTED(CALL_LOG, int, vfprintf, (FILE * to, const char *format, va_list list), (to, format, list))
COUNTED(CALL_LOG, int, vsnprintf, (char *to, size_t len, const char *format, va_list list),
        (to, len, format, list))

COUNTED(CALL_WAIT, int, epoll_wait, (int fd, struct epoll_event *events, int max, int ms),
        (fd, events, max, ms))
COUNTED(CALL_RECEIVE, int, recvmmsg,
        (int fd, struct mmsghdr *messages, unsigned n, int flags, struct timespec *until),
        (fd, messages, n, flags, until))
COUNTED(CALL_SEND, int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned n, int flags),
        (fd, messages, n, flags))

/* Those that take what is to be printed one by one. */
#define PRINTED(name, parameters, call_next)                                                       \
    __attribute__((visibility("default"))) int name parameters                                     \
    {                                                                                              \
        va_list list;                                                                              \
        va_start(list, format);                                                                    \
        int r = call_next;                                                                         \
        va_end(list);                                                                              \
        return r;                                                                                  \
    }

PRINTED(snprintf, (char *to, size_t len, const char *format, ...), vsnprintf(to, len, format, list))
PRINTED(fprintf, (FILE * to, const char *format, ...), vfprintf(to, format, list))
