// SPDX-License-Identifier: GPL-2.0-or-later
// The header of a TPACKET_V1 frame. It begins with a word of the kernel, which is longer than those
// of a 32-bit program on a kernel of 64 bits: what follows is elsewhere than in struct tpacket_hdr.
#pragma once

#include <sys/utsname.h>

#include <cstdint>
#include <string_view>

namespace xt {

template<typename Word>
struct V1Header {
    Word tp_status;
    uint32_t tp_len, tp_snaplen;
    uint16_t tp_mac, tp_net;
    uint32_t tp_sec, tp_usec;
};

inline bool kernel_words_are_longer() {
    static const bool longer = [] {
        utsname names{};
        ::uname(&names);
        return sizeof(long) < 8 && std::string_view(names.machine) == "x86_64";
    }();
    return longer;
}

// use(header) for the header at `frame`. Of a longer word a program of x86 has the lower half with
// *reinterpret_cast<unsigned long*>(frame).
template<typename Use>
auto with_v1_header(const uint8_t* frame, Use&& use) {
    void* const at = const_cast<void*>(static_cast<const void*>(frame));
    if (kernel_words_are_longer())
        return use(static_cast<V1Header<uint64_t>*>(at));
    return use(static_cast<V1Header<unsigned long>*>(at));
}

} // namespace xt
