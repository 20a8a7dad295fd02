// SPDX-License-Identifier: GPL-2.0-or-later
// bpf(2): small programs and maps.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <vector>

#include "fd.h"

namespace xt {

// The system call; -1 and errno as it says.
int bpf(int command, bpf_attr& attributes);
// Throws std::system_error. `hook` is the number of the kernel's function that a BPF_PROG_TYPE_LSM
// is asked by.
Fd load_program(bpf_prog_type type, std::span<const bpf_insn> program,
                bpf_attach_type attached = {}, uint32_t hook = 0);
// The same for one that answers always the same.
Fd load_answer(bpf_prog_type type, int32_t answer, bpf_attach_type attached = {},
               uint32_t hook = 0);
// Attaches a program to a control group or a map. Throws std::system_error.
void attach_program(const Fd& target, const Fd& program, bpf_attach_type type);
// Has the function ask that a program was loaded for, while the link exists. Throws the same.
Fd attach_to_hook(const Fd& program);

} // namespace xt
