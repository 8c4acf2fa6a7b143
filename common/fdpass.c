/* SPDX-License-Identifier: Apache-2.0 */
#include "common/fdpass.h"

#include <string.h>

void fdpass_attach(struct msghdr *message, union fdpass_space *space, int fd)
{
    if (fd < 0)
        return;
    message->msg_control = space->bytes;
    message->msg_controllen = sizeof(space->bytes);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}
