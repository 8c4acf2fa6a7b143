/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration is taken with every value in its bounds, or refused with one line of reason. */
#include <stdlib.h>
#include <string.h>

#include "common/config.h"
#include "common/config_text.h"
#include "unit/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct config c;
    char error[CONFIG_ERROR_MAX] = "";
    if (config_parse(data, len, &c, error) < 0) {
        CHECK(error[0] != '\0');
        return 0;
    }
    CHECK(c.signaling.port > 0 && c.sfu.udp_port > 0);
    CHECK(c.data_dir[0] != '\0' && c.recorder.records_dir[0] != '\0');
    CHECK(c.signaling.listen.count >= 1 && c.signaling.listen.count <= LIMIT_ADDRESSES);
    for (size_t i = 0; i < c.signaling.listen.count; i++)
        CHECK(config_text_is_address(c.signaling.listen.items[i]));
    CHECK(c.recorder.video_width % 2 == 0 && c.recorder.video_width <= 3840);
    CHECK(c.sfu.udp_port + c.sfu.workers <= 65536);
    return 0;
}
