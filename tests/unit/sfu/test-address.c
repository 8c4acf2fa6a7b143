/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as text, as the kernel gives them, compared and hashed. */
#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "sfu/address.h"
#include "unit/check.h"

static void there_and_back(const char *text, bool wildcard)
{
    struct address a, b;
    char again[ADDRESS_TEXT_MAX];
    CHECK_EQ(address_from_text(text, 40000, &a), 0);
    address_to_text(&a, again);
    CHECK(strcmp(again, text) == 0);
    CHECK_EQ(address_port(&a), 40000);
    CHECK_EQ(address_is_wildcard(&a), wildcard);
    CHECK_EQ(address_from_sockaddr(&a.any, a.len, &b), 0);
    CHECK(address_equal(&a, &b));
    CHECK_EQ(address_hash(&a, 7), address_hash(&b, 7));
    CHECK(address_hash(&a, 7) != address_hash(&a, 8));
    address_set_port(&b, 40001);
    CHECK_EQ(address_port(&b), 40001);
    CHECK(!address_equal(&a, &b));
}

int main(void)
{
    there_and_back("127.0.0.1", false);
    there_and_back("0.0.0.0", true);
    there_and_back("::1", false);
    there_and_back("::", true);
    there_and_back("2001:db8::7", false);
    static const char *const bad[] = {"", "localhost", "1.2.3", "1.2.3.4.5", "1.2.3.4:5", "[::1]"};
    struct address a = {.len = 0}, b;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_EQ(address_from_text(bad[i], 1, &a), -EINVAL);

    struct sockaddr_un other = {.sun_family = AF_UNIX};
    CHECK_EQ(address_from_sockaddr(&other, sizeof(other), &a), -EAFNOSUPPORT);
    CHECK_EQ(address_from_text("10.0.0.1", 5, &a), 0);
    CHECK_EQ(address_from_text("::ffff:10.0.0.1", 5, &b), 0);
    CHECK(!address_equal(&a, &b)); /* another family is another address */
    return 0;
}
