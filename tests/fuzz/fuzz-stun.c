/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sfu/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Whatever the bytes: a view's user name lies inside them, and nobody without the password gets an
 * answer. The seeds are signed with this password, and a mutation of them that still is counts as
 * authentic; then the answer is at most a header and its attributes long. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct control_ice server = {"serverufrag1", "serverpassword234serverpassword2"};
    struct ice_view view;
    if (ice_view(data, len, &view) < 0)
        return 0;
    const uint8_t *name = (const uint8_t *)view.local_ufrag;
    if (name < data + 20 || view.local_ufrag_len > len - (size_t)(name - data))
        abort();

    struct address from;
    if (address_from_text("2001:db8::1", 9, &from) < 0)
        abort();
    uint8_t answer[ICE_STUN_MAX];
    struct ice_answer result = {0};
    int r = ice_answer(&server, data, len, &from, answer, sizeof(answer), &result);
    if (r == -EACCES ? result.len != 0 : result.len > len + 64)
        abort();
    return 0;
}
