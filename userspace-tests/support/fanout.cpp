// SPDX-License-Identifier: GPL-2.0-or-later
#include "fanout.h"

#include <linux/bpf.h>

#include <cstddef>

#include "sys.h"

namespace xt {

long join_fanout(int fd, uint16_t id, uint16_t mode_and_flags, uint32_t most_members) {
    if (most_members == 0) {
        const int value = fanout_value(id, mode_and_flags);
        return sys::setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &value, sizeof(value));
    }
    fanout_args args{};
    args.id = id;
    args.type_flags = mode_and_flags;
    args.max_num_members = most_members;
    return sys::setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &args, sizeof(args));
}

std::vector<Fd> open_fanout(Side side, const std::vector<Kind>& kinds, const sockaddr_ll& place,
                            uint16_t id, uint16_t mode_and_flags) {
    std::vector<Fd> members;
    for (const Kind kind : kinds) {
        members.push_back(open_socket(side, kind, 0));
        bind_to(members.back(), place);
        checked(join_fanout(members.back().get(), id, mode_and_flags), "PACKET_FANOUT");
    }
    return members;
}

Fd load_length_program() {
    const bpf_insn instructions[] = {
        {.code = BPF_LDX | BPF_W | BPF_MEM,
         .dst_reg = BPF_REG_0,
         .src_reg = BPF_REG_1,
         .off = offsetof(__sk_buff, len),
         .imm = 0},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = reinterpret_cast<uintptr_t>(instructions);
    attributes.insn_cnt = 2;
    attributes.license = reinterpret_cast<uintptr_t>("GPL");
    return Fd(int(checked(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)),
                          "BPF_PROG_LOAD")));
}

} // namespace xt
