/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/taken.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_BYTES 64

size_t taken_memory(pid_t pid)
{
    static const char field[] = "Anonymous:";
    char path[PATH_BYTES], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    size_t kib = 0;
    while (fgets(line, sizeof(line), f))
        if (strncmp(line, field, sizeof(field) - 1) == 0)
            kib = strtoul(line + sizeof(field) - 1, NULL, 10);
    (void)fclose(f); /* it was only read */
    return kib * 1024;
}

size_t taken_descriptors(pid_t pid)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    if (!d)
        return 0;
    size_t count = 0;
    while (readdir(d))
        count++;
    closedir(d);
    return count - 2; /* . and .. */
}
