/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/directory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

#ifndef TEST_FAULTS
enum { MANY = 20000 };

static struct path path_of(struct send_queue *via, const char *text, uint16_t port)
{
    struct path p = {.via = via};
    CHECK_EQ(address_from_text(text, port, &p.remote), 0);
    return p;
}

/* Sockets are only told apart here, so any pointers will do. */
static int a_socket, other_socket;
#define VIA   ((struct send_queue *)(void *)&a_socket)
#define OTHER ((struct send_queue *)(void *)&other_socket)

static void finds_by_each_part_of_the_path(void)
{
    CLEANUP(directory_destroy) struct directory *d = NULL;
    CHECK_EQ(directory_create(&d), 0);
    int owners[5];
    struct directory_entry e[5] = {
        {.owner = &owners[0], .path = path_of(VIA, "192.0.2.1", 1)},
        {.owner = &owners[1], .path = path_of(VIA, "192.0.2.1", 2)},
        {.owner = &owners[2], .path = path_of(VIA, "192.0.2.2", 1)},
        {.owner = &owners[3], .path = path_of(OTHER, "192.0.2.1", 1)},
        {.owner = &owners[4], .path = path_of(VIA, "2001:db8::1", 1)},
    };
    for (int i = 0; i < 5; i++)
        directory_add(d, &e[i]);
    for (int i = 0; i < 5; i++) {
        struct path p = e[i].path;
        CHECK(directory_find_path(d, &p) == &owners[i]);
    }
    struct path none = path_of(OTHER, "2001:db8::1", 1);
    CHECK(!directory_find_path(d, &none));
    directory_remove(d, &e[0]);
    directory_remove(d, &e[0]);
    CHECK(!directory_find_path(d, &e[0].path));
    CHECK(directory_find_path(d, &e[1].path) == &owners[1]);
}

static void finds_by_whole_user_name(void)
{
    CLEANUP(directory_destroy) struct directory *d = NULL;
    CHECK_EQ(directory_create(&d), 0);
    int owners[2];
    struct directory_entry a = {.owner = &owners[0], .ufrag = "abcd"},
                           b = {.owner = &owners[1], .ufrag = "abcde"};
    directory_add(d, &a);
    directory_add(d, &b);
    CHECK(directory_find_ufrag(d, "abcde:page", 4) == &owners[0]);
    CHECK(directory_find_ufrag(d, "abcde:page", 5) == &owners[1]);
    CHECK(!directory_find_ufrag(d, "abcde:page", 6));
    CHECK(!directory_find_ufrag(d, "", 0));
}

static void newest_proof_wins(void)
{
    CLEANUP(directory_destroy) struct directory *d = NULL;
    CHECK_EQ(directory_create(&d), 0);
    int owners[2];
    struct directory_entry a = {.owner = &owners[0], .path = path_of(VIA, "192.0.2.1", 1)}, b = a;
    b.owner = &owners[1];
    directory_add(d, &a);
    directory_add(d, &b);
    CHECK(directory_find_path(d, &a.path) == &owners[1]);
    directory_remove(d, &a); /* it is out already */
    CHECK(directory_find_path(d, &a.path) == &owners[1]);
}

static void holds_many(void)
{
    CLEANUP(directory_destroy) struct directory *d = NULL;
    CHECK_EQ(directory_create(&d), 0);
    struct directory_entry *e = calloc(MANY, sizeof(*e));
    CHECK(e);
    for (unsigned i = 0; i < MANY; i++) {
        e[i].owner = &e[i];
        e[i].path = path_of(VIA, "10.0.0.0", 5000);
        e[i].path.remote.v4.sin_addr.s_addr = htonl(i);
        directory_add(d, &e[i]);
    }
    for (unsigned i = 0; i < MANY; i += 2)
        directory_remove(d, &e[i]);
    for (unsigned i = 0; i < MANY; i++)
        CHECK(directory_find_path(d, &e[i].path) == (i % 2 ? &e[i] : NULL));
    free(e);
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        CLEANUP(directory_destroy) struct directory *d = NULL;
        int r = directory_create(&d);
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            printf("failed each of %d calls in turn\n", n);
            return 0;
        }
        CHECK(r == -ENOMEM || r == -EIO);
    }
#else
    finds_by_each_part_of_the_path();
    finds_by_whole_user_name();
    newest_proof_wins();
    holds_many();
    return 0;
#endif
}
