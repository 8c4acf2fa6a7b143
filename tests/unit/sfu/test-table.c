/* SPDX-License-Identifier: Apache-2.0 */
#include "sfu/table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "unit/check.h"
#ifdef TEST_FAULTS
#include "unit/faults.h"
#endif

enum { LIMIT = 300 };

static int fill_to_the_limit(void)
{
    static int values[LIMIT + 1];
    CLEANUP(table_destroy) struct table *t = NULL;
    int r = table_create(LIMIT, 42, &t);
    if (r < 0)
        return r;
    for (uint64_t i = 0; i < LIMIT; i++) {
        struct table_key key = table_key_of_id(i * 64 + 1);
        r = table_put(t, &key, &values[i]);
        if (r < 0)
            return r;
    }
    struct table_key more = table_key_of_id(7);
    CHECK_EQ(table_put(t, &more, &values[LIMIT]), -ENOSPC);
    struct table_key taken = table_key_of_id(1);
    CHECK_EQ(table_put(t, &taken, &values[LIMIT]), -EEXIST);
    CHECK_EQ(table_count(t), LIMIT);
    for (uint64_t i = 0; i < LIMIT; i++) {
        struct table_key key = table_key_of_id(i * 64 + 1);
        CHECK(table_get(t, &key) == &values[i]);
    }
    size_t cursor = 0, seen = 0;
    while (table_next(t, &cursor))
        seen++;
    CHECK_EQ(seen, LIMIT);
    return 0;
}

#ifndef TEST_FAULTS
/* Random puts and removals leave the table agreeing with a plain array. */
static void agrees_with_an_array(void)
{
    enum { KEYS = 200, STEPS = 50000 };
    static int values[KEYS];
    bool present[KEYS] = {false};
    CLEANUP(table_destroy) struct table *t = NULL;
    CHECK_EQ(table_create(KEYS, 1, &t), 0);
    uint32_t random = 12345;
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525u + 1013904223u;
        uint32_t i = (random >> 8) % KEYS;
        struct table_key key = table_key_of_id(i);
        CHECK(table_get(t, &key) == (present[i] ? &values[i] : NULL));
        if (random >> 31) {
            CHECK_EQ(table_put(t, &key, &values[i]), present[i] ? -EEXIST : 0);
            present[i] = true;
        } else {
            CHECK(table_remove(t, &key) == (present[i] ? &values[i] : NULL));
            present[i] = false;
        }
    }
}

static struct table_key v4_key(const char *address, uint16_t port, unsigned socket_index)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    CHECK_EQ(inet_pton(AF_INET, address, &in.sin_addr), 1);
    return table_key_of_address((struct sockaddr *)&in, socket_index);
}

/* Address, port and socket each make another key. */
static void every_part_of_a_tuple_counts(void)
{
    static int here;
    CLEANUP(table_destroy) struct table *t = NULL;
    CHECK_EQ(table_create(8, 1, &t), 0);
    struct table_key key = v4_key("192.0.2.1", 4000, 0);
    CHECK_EQ(table_put(t, &key, &here), 0);
    struct table_key others[] = {v4_key("192.0.2.2", 4000, 0), v4_key("192.0.2.1", 4001, 0),
                                 v4_key("192.0.2.1", 4000, 1)};
    for (size_t i = 0; i < 3; i++)
        CHECK(!table_get(t, &others[i]));

    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(4000)};
    CHECK_EQ(inet_pton(AF_INET6, "2001:db8::1", &in6.sin6_addr), 1);
    struct table_key six = table_key_of_address((struct sockaddr *)&in6, 0);
    CHECK(!table_get(t, &six));
    CHECK_EQ(table_put(t, &six, &here), 0);
    CHECK(table_get(t, &six) == &here);
    struct table_key text = table_key_of_text("abcdef");
    CHECK(!table_get(t, &text));
}
#endif

int main(void)
{
#ifdef TEST_FAULTS
    for (int n = 0;; n++) {
        faults_fail_at(n);
        int r = fill_to_the_limit();
        if (!faults_happened()) {
            CHECK_EQ(r, 0);
            CHECK(n > 2);
            return 0;
        }
        CHECK_EQ(r, -ENOMEM);
    }
#else
    CHECK_EQ(fill_to_the_limit(), 0);
    agrees_with_an_array();
    every_part_of_a_tuple_counts();
    return 0;
#endif
}
