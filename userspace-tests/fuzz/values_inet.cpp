// SPDX-License-Identifier: GPL-2.0-or-later
// Values for the sockets over IP: raw, stream, datagram and ping.
#include <arpa/inet.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/net_tstamp.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <linux/udp.h>
#include <linux/xinet.h>
#include <sys/socket.h>

#include <cstring>

#include "support/family.h"
#include "values.h"

namespace xt::fuzz {
namespace {

constexpr int raw_point = 17; // XINET_RAW_POINT, of kernels that have it
constexpr uint16_t first_port = 5000;

template<typename T>
Bytes bytes_of(const T& value) {
    const auto* begin = reinterpret_cast<const uint8_t*>(&value);
    return {begin, begin + sizeof(value)};
}

Bytes text(const char* value) {
    return {value, value + std::strlen(value)};
}

const char* const local_addresses[] = {"127.0.0.1", "127.0.0.1", "127.0.0.1",
                                       "127.0.0.2", "10.9.0.1",  "10.9.0.2"};
const char* const other_addresses[] = {"0.0.0.0", "239.1.2.3", "255.255.255.255", "192.0.2.1",
                                       "10.9.0.77"};

} // namespace

sockaddr_in Values::inet_address() {
    const char* address =
        random_.once_in(6) ? random_.any(other_addresses) : random_.any(local_addresses);
    sockaddr_in result = ipv4_address(address, uint16_t(first_port + random_.below(4)));
    if (random_.once_in(16))
        result.sin_port = htons(uint16_t(random_.one_of({0, 0, 80, number()})));
    if (random_.once_in(12))
        result.sin_family = sa_family_t(random_.one_of({AF_UNSPEC, AF_XINET, AF_PACKET, 255}));
    return result;
}

Values::Option Values::ip_option() {
    const int name = int(random_.between(1, 55));
    const in_addr group = ipv4_address("239.1.2.3").sin_addr;
    const in_addr own = inet_address().sin_addr;
    switch (name) {
    case IP_OPTIONS: {
        Bytes options = random_.once_in(2) ? Bytes{7, 7, 4, 0, 0, 0, 0, 0} : memory(40);
        options.resize(random_.one_of<size_t>({0, 8, 40}));
        return {SOL_IP, name, options};
    }
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP:
    case IP_MULTICAST_IF:
        return {SOL_IP, name, bytes_of(ip_mreqn{group, own, random_.once_in(2) ? device() : 0})};
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
        return {SOL_IP, name,
                bytes_of(ip_mreq_source{group.s_addr, own.s_addr, inet_address().sin_addr.s_addr})};
    case IP_MSFILTER:
    case MCAST_MSFILTER:
        return {SOL_IP, name, memory(random_.below(400))};
    case IP_UNICAST_IF:
        return {SOL_IP, name, bytes_of(htonl(uint32_t(device())))};
    case IP_XFRM_POLICY:
    case IP_IPSEC_POLICY:
    case MCAST_JOIN_GROUP:
    case MCAST_LEAVE_GROUP:
    case MCAST_JOIN_SOURCE_GROUP:
        return {SOL_IP, name, memory(random_.one_of<size_t>({136, 264, 168}))};
    default:
        return {SOL_IP, name, bytes_of(random_.once_in(3) ? number() : random_.between(0, 3))};
    }
}

Values::Option Values::tls_option() {
    tls12_crypto_info_aes_gcm_128 keys{};
    keys.info.version = TLS_1_2_VERSION;
    keys.info.cipher_type = TLS_CIPHER_AES_GCM_128;
    return {SOL_TLS, random_.one_of({TLS_TX, TLS_RX, TLS_RX, 3, 4}), bytes_of(keys)};
}

Values::Option Values::tcp_option() {
    if (random_.once_in(6))
        return tls_option();
    switch (const int name = random_.once_in(4) ? TCP_ULP : int(random_.between(1, 45))) {
    case TCP_ULP:
        return {IPPROTO_TCP, name,
                text(random_.one_of({"tls", "tls", "tls", "smc", "mptcp", "x", ""}))};
    case TCP_CONGESTION:
        return {IPPROTO_TCP, name, text(random_.one_of({"reno", "cubic", "dctcp", "x", ""}))};
    case TCP_MD5SIG:
        return {IPPROTO_TCP, name, memory(sizeof(tcp_md5sig))};
    case TCP_ZEROCOPY_RECEIVE:
        return {IPPROTO_TCP, name, memory(sizeof(tcp_zerocopy_receive))};
    case TCP_USER_TIMEOUT:
    case TCP_LINGER2:
        return {IPPROTO_TCP, name, bytes_of(random_.between(-1, 2))};
    default:
        return {IPPROTO_TCP, name, bytes_of(random_.once_in(3) ? number() : random_.between(0, 3))};
    }
}

// Nothing that lets a close wait, or a queue eat the guest's memory.
Values::Option Values::common_option() {
    switch (const int name = int(random_.between(1, 85))) {
    case SO_LINGER:
        return {SOL_SOCKET, name, bytes_of(linger{1, 0})};
    case SO_RCVTIMEO_OLD:
    case SO_SNDTIMEO_OLD:
    case SO_RCVTIMEO_NEW:
    case SO_SNDTIMEO_NEW:
    case SO_SNDBUFFORCE:
    case SO_RCVBUFFORCE:
    case SO_RESERVE_MEM:
    case SO_LOCK_FILTER:
        return {SOL_SOCKET, SO_REUSEPORT, bytes_of(1)};
    case SO_RCVBUF:
    case SO_SNDBUF:
        return {SOL_SOCKET, name, bytes_of(int(random_.below(1 << 18)))};
    case SO_PEEK_OFF: // TCP warns of its own sum of a large one
        return {SOL_SOCKET, name, bytes_of(int(random_.below(1 << 16)) - 1)};
    case SO_ATTACH_FILTER:
    case SO_ATTACH_REUSEPORT_CBPF:
        return {SOL_SOCKET, name, filter()};
    case SO_ATTACH_BPF:
    case SO_ATTACH_REUSEPORT_EBPF:
        return {SOL_SOCKET, name, bytes_of(program_.get())};
    case SO_TIMESTAMPING_OLD:
    case SO_TIMESTAMPING_NEW:
        return {SOL_SOCKET, name, bytes_of(int(random_.below(1 << 19)))};
    default:
        return {SOL_SOCKET, name, bytes_of(random_.once_in(4) ? number() : random_.between(0, 2))};
    }
}

Values::Option Values::inet_option() {
    switch (random_.below(8)) {
    case 0:
    case 1:
        return ip_option();
    case 2:
    case 3:
        return tcp_option();
    case 4: {
        const int name =
            random_.one_of({UDP_CORK, UDP_CORK, UDP_ENCAP, 101, 102, UDP_SEGMENT, UDP_GRO});
        return {IPPROTO_UDP, name, bytes_of(random_.once_in(3) ? number() : random_.between(0, 7))};
    }
    case 5:
        return {SOL_RAW, int(random_.between(0, 2)), bytes_of(number())};
    case 6:
        return {SOL_XINET, random_.one_of({XINET_RAW_ICMP_ID, raw_point, raw_point}),
                bytes_of(random_.once_in(8) ? number() : random_.between(0, 3))};
    default:
        return common_option();
    }
}

Values::Option Values::any_option() {
    Option result;
    switch (random_.below(8)) {
    case 0:
        result = {random_.one_of({SOL_IP, SOL_PACKET, SOL_XINET, SOL_SOCKET, int(IPPROTO_TCP),
                                  int(IPPROTO_UDP)}),
                  random_.between(0, 64), memory(random_.below(64))};
        if (result.level == SOL_SOCKET)
            result = common_option();
        break;
    case 1:
        result = option();
        break;
    default:
        result = inet_option();
    }
    if (random_.once_in(16))
        result.value.resize(random_.below(64));
    return result;
}

Bytes Values::control() {
    Bytes result;
    for (uint64_t count = random_.below(3); count; count--) {
        struct {
            int level;
            int type;
            size_t size;
        } const kinds[] = {{SOL_SOCKET, SO_MARK, 4},
                           {SOL_SOCKET, SO_TIMESTAMPING, 4},
                           {SOL_SOCKET, SCM_TXTIME, 8},
                           {SOL_SOCKET, SO_PRIORITY, 4},
                           {SOL_IP, IP_TTL, 4},
                           {SOL_IP, IP_TOS, 4},
                           {SOL_IP, IP_TOS, 1},
                           {SOL_IP, IP_PKTINFO, 12},
                           {SOL_IP, IP_RETOPTS, 8},
                           {SOL_IP, IP_PROTOCOL, 4},
                           {IPPROTO_UDP, UDP_SEGMENT, 2},
                           {SOL_TLS, TLS_SET_RECORD_TYPE, 1},
                           {SOL_PACKET, 1, 4},
                           {SOL_SOCKET, SCM_RIGHTS, 4},
                           {number(), number(), 16}};
        const auto& kind = random_.any(kinds);
        cmsghdr header{};
        header.cmsg_level = kind.level;
        header.cmsg_type = kind.type;
        header.cmsg_len = CMSG_LEN(kind.size);
        if (random_.once_in(16))
            header.cmsg_len = size_t(random_.one_of({0, 1, 15, 17, 4096, -1}));
        const Bytes value = random_.once_in(2) ? bytes_of(uint64_t(random_.below(1500))) : Bytes(8);
        Bytes message(CMSG_SPACE(kind.size));
        std::memcpy(message.data(), &header, sizeof(header));
        std::memcpy(message.data() + CMSG_LEN(0), value.data(), std::min(value.size(), kind.size));
        result = result + message;
    }
    return result;
}

Bytes Values::ip_packet() {
    Ipv4 header{.from = random_.any(local_addresses), .to = random_.any(local_addresses)};
    header.protocol = random_.one_of<uint8_t>(
        {IPPROTO_ICMP, IPPROTO_ICMP, 253, 253, IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ESP, 0, 255});
    const Bytes body = random_.once_in(2) ? Bytes(random_.below(1400)) : memory(random_.below(200));
    if (random_.once_in(3)) { // a piece of one of few datagrams
        header.id = uint16_t(random_.below(4));
        header.fragment = uint16_t(random_.below(4) * 24 | (random_.once_in(2) ? 0x2000 : 0));
        return header.packet(Bytes(192, 0x66));
    }
    if (header.protocol != IPPROTO_ICMP)
        return header.packet(body);
    const auto id = uint16_t(random_.below(4));
    const Bytes echo = icmp(random_.one_of<uint8_t>({ICMP_ECHO, ICMP_ECHOREPLY}), 0, id, 1,
                            Bytes(random_.below(600)));
    if (random_.once_in(2))
        return header.packet(echo);
    // an error about what a socket may have sent
    const Ipv4 quoted{.from = random_.any(local_addresses),
                      .to = random_.any(local_addresses),
                      .protocol = random_.one_of<uint8_t>({IPPROTO_ICMP, 253, IPPROTO_UDP})};
    return header.packet(icmp(random_.one_of<uint8_t>({ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED,
                                                       ICMP_PARAMETERPROB, ICMP_REDIRECT}),
                              uint8_t(random_.below(6)), 0, uint16_t(number()),
                              quoted.packet(echo)));
}

} // namespace xt::fuzz
