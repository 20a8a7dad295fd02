// SPDX-License-Identifier: GPL-2.0-or-later
#include "bpf.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "sys.h"

namespace xt {

int bpf(int command, bpf_attr& attributes) {
    return int(syscall(SYS_bpf, command, &attributes, sizeof(attributes)));
}

Fd load_program(bpf_prog_type type, std::span<const bpf_insn> program, bpf_attach_type attached,
                uint32_t hook) {
    bpf_attr attributes{};
    attributes.prog_type = type;
    attributes.expected_attach_type = attached;
    attributes.attach_btf_id = hook;
    attributes.insns = uint64_t(reinterpret_cast<uintptr_t>(program.data()));
    attributes.insn_cnt = uint32_t(program.size());
    attributes.license = uint64_t(reinterpret_cast<uintptr_t>("GPL"));
    return Fd(checked(bpf(BPF_PROG_LOAD, attributes), "BPF_PROG_LOAD"));
}

Fd load_answer(bpf_prog_type type, int32_t answer, bpf_attach_type attached, uint32_t hook) {
    const bpf_insn program[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K,
         .dst_reg = BPF_REG_0,
         .src_reg = 0,
         .off = 0,
         .imm = answer},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    return load_program(type, program, attached, hook);
}

void attach_program(const Fd& target, const Fd& program, bpf_attach_type type) {
    bpf_attr attributes{};
    attributes.target_fd = uint32_t(target.get());
    attributes.attach_bpf_fd = uint32_t(program.get());
    attributes.attach_type = type;
    checked(bpf(BPF_PROG_ATTACH, attributes), "BPF_PROG_ATTACH");
}

Fd attach_to_hook(const Fd& program) {
    bpf_attr attributes{};
    attributes.raw_tracepoint.prog_fd = uint32_t(program.get());
    return Fd(checked(bpf(BPF_RAW_TRACEPOINT_OPEN, attributes), "BPF_RAW_TRACEPOINT_OPEN"));
}

} // namespace xt
