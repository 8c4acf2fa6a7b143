/* SPDX-License-Identifier: Apache-2.0 */
/* Text as a time, an id, a label: what is taken has the value its own text gives again. */
#include <string.h>

#include "signaling/terms.h"
#include "unit/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);
    CHECK(text);
    memcpy(text, data, len);
    text[len] = '\0';

    uint64_t us, again_us, id;
    char time_text[TERMS_TIME_TEXT], id_text[TERMS_ID_TEXT];
    if (terms_time_parse(text, &us) == 0) {
        CHECK_EQ(terms_time_parse(terms_time_text(us, time_text), &again_us), 0);
        CHECK(us < 253402387200000000ull); /* year 9999 and a day */
        CHECK(us >= 253402300800000000ull || again_us == us / 1000 * 1000);
    }
    if (terms_id_parse(text, len, &id) == 0)
        CHECK(strcmp(terms_id_text(id, id_text), text) == 0);
    if (terms_is_label(text, 120)) {
        CHECK(terms_is_utf8(text, strlen(text)));
        CHECK(strlen(text) >= 1 && strlen(text) <= 120 && !strchr(text, '\n'));
    }
    free(text);
    return 0;
}
