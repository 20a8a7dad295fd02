// SPDX-License-Identifier: GPL-2.0-or-later
// bpf(2): small programs and maps.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "fd.h"

namespace xt {

// The system call; -1 and errno as it says.
int bpf(int command, bpf_attr& attributes);
// A program that answers always the same. Throws std::system_error.
Fd load_answer(bpf_prog_type type, int32_t answer, bpf_attach_type attached = {});
// Attaches a program to a control group or a map. Throws std::system_error.
void attach_program(const Fd& target, const Fd& program, bpf_attach_type type);

} // namespace xt
