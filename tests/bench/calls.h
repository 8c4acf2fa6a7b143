/* How often each thread of a process calls what a media worker must not for each packet: counted by
 * calls.c, preloaded, in memory that a test reads meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_CALLS_H
#define TESTS_BENCH_CALLS_H

#include <stdatomic.h>
#include <stdint.h>

enum call {
    CALL_ALLOCATE, /* malloc, calloc, realloc, aligned_alloc and their like */
    CALL_FREE,
    CALL_LOCK, /* mutexes, read-write locks, condition variables, semaphores but sem_post */
    CALL_LOG,  /* printing, writing, and sem_post: how a line is handed to the log's thread */
    CALL_WAIT, /* epoll_wait */
    CALL_RECEIVE,
    CALL_SEND,
    CALL_COUNT
};

/* Threads counted; more are not. */
#define CALLS_THREADS_MAX 16

struct calls {
    atomic_uint threads;
    struct {
        atomic_uint_fast64_t counts[CALL_COUNT];
    } thread[CALLS_THREADS_MAX];
};

/* Names the descriptor of the memory, which the process has inherited. */
#define CALLS_VARIABLE "ASSIZE_TEST_CALLS"

#endif
