/* SPDX-License-Identifier: Apache-2.0 */
/* make-tape DIR SCENARIO [SECONDS]: writes the tape of a made-up hearing, for looking at records.
 */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "unit/check.h"
#include "unit/recorder/scenarios.h"

int main(int argc, char **argv)
{
    struct simulate s;
    if (argc < 3 || argc > 4 || !scenarios_find(argv[2], &s)) {
        fprintf(stderr,
                "make-tape DIR SCENARIO [SECONDS]; scenarios: plain, hard, codecs, bench\n");
        return 2;
    }
    if (argc == 4) {
        s.seconds = strtod(argv[3], NULL);
        for (int i = 0; i < s.speaker_count; i++)
            s.speakers[i].to_s = s.speakers[i].to_s < 20 ? s.speakers[i].to_s : s.seconds;
    }
    char work_dir[] = "/tmp/assize-make-tape-XXXXXX";
    CHECK(mkdtemp(work_dir));
    simulate_tape(&s, 0x7a9e, argv[1], work_dir);
    CHECK_EQ(rmdir(work_dir), 0);
    return 0;
}
