/* Where server and load run: network namespaces of their own, joined by veth, and cores of their
 * own; or, without the right to that, all on loopback. SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_PLACE_H
#define TESTS_BENCH_PLACE_H

#include <stdbool.h>
#include <sys/types.h>

struct place {
    bool apart;         /* two namespaces; else loopback */
    const char *server; /* addresses */
    const char *load;
    int server_core, load_core; /* -1: not pinned, there is but one */
    int server_ns, load_ns;     /* descriptors, with `apart` */
};

/* Makes the namespaces (they go with this process) unless `loopback`, says on stdout what it came
 * to, and leaves the calling thread with the load. */
void place_open(bool loopback, struct place *ret_place);

/* Sockets opened and processes started by the calling thread from now on are the server's, or the
 * load's again. */
void place_enter_server(const struct place *place);
void place_enter_load(const struct place *place);

/* Keeps a thread (0: the calling one), or all threads of a process, on a core; -1: any. */
void place_pin(pid_t thread, int core);
void place_pin_process(pid_t process, int core);

#endif
