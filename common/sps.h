/* How large the pictures of an H.264 stream are, by its sequence parameter set (ITU-T H.264 section
 * 7.3.2.1.1). Pure; reads a NAL unit from outside, and no more of it than there is.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_SPS_H
#define COMMON_SPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger than this, pixels each way, is no picture of ours. */
#define SPS_SIZE_MAX 8192

/* Width and height in pixels, cropping applied. `nal` begins with the unit's header byte. False for
 * one that is cut short or says more than SPS_SIZE_MAX. */
bool sps_size(const uint8_t *nal, size_t len, uint16_t *ret_width, uint16_t *ret_height);

#endif
