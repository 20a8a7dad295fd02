// SPDX-License-Identifier: GPL-2.0-or-later
// Every class of defects, by the file that has it.
#pragma once

#include "race.h"

namespace xt::stress {

// ring_classes.cpp
void sizes_that_overflow(Race& race);
void version_against_ring(Race& race);
void offsets_that_wrap(Race& race);
void teardown_against_transmit(Race& race);
void rings_made_and_freed(Race& race);
void words_that_userspace_writes(Race& race);

// send_classes.cpp
void header_length_against_send(Race& race);
void virtio_headers_against_send(Race& race);

// device_classes.cpp
void fanout_against_bind(Race& race);
void fanout_against_unregister(Race& race);
void fanout_against_device_moves(Race& race);
void memberships_against_unregister(Race& race);
void rings_against_devices(Race& race);

// raw_classes.cpp
void raw_header_against_send(Race& race);
void raw_binds_against_delivery(Race& race);
void raw_memberships_against_delivery(Race& race);
void raw_corks_against_options(Race& race);
void raw_errors_against_close(Race& race);

// queue_classes.cpp
void receive_buffers_against_delivery(Race& race);

// lane_classes.cpp
void readers_that_mislead(Race& race);

} // namespace xt::stress
