/* Takes from a process what a media decoder never needs: starting programs, the network, other
 * processes, mounts, the kernel's less walked corners. For the renderer, which parses what
 * strangers sent. The only file with libseccomp. SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORDER_SANDBOX_H
#define RECORDER_SANDBOX_H

/* Leaves the network and gains no rights any more, nor do programs started later. While the process
 * has one thread. What the system refuses to us is left as it is. */
void sandbox_leave_network(void);

/* From now on, in all threads and for good: the calls above fail with EPERM. Needs
 * sandbox_leave_network() before. Returns 0, or a negative errno where the system cannot. */
int sandbox_enter(void);

#endif
