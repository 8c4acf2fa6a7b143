/* Scope-bound release of locals, so that every early return is leak-free.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

/* Defines the handler that CLEANUP(fn) runs when a `type *` local leaves scope. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
    static inline void fn##_on_exit(type **p)                                                      \
    {                                                                                              \
        fn(*p);                                                                                    \
    }
#define CLEANUP(fn) __attribute__((cleanup(fn##_on_exit)))

/* Hands a CLEANUP local to its next owner: yields the pointer, leaves NULL behind. */
#define STEAL(p)                                                                                   \
    __extension__({                                                                                \
        __typeof__(p) stolen_ = (p);                                                               \
        (p) = NULL;                                                                                \
        stolen_;                                                                                   \
    })

#endif
