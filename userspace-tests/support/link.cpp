// SPDX-License-Identifier: GPL-2.0-or-later
#include "link.h"

#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/net_tstamp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "fd.h"

namespace xt::link {
namespace {

// One rtnetlink request about a link, and its answer.
class LinkRequest {
public:
    LinkRequest(uint16_t type, uint16_t flags, int ifindex) {
        header_.nlmsg_type = type;
        header_.nlmsg_flags = uint16_t(NLM_F_REQUEST | flags);
        info_.ifi_family = AF_UNSPEC;
        info_.ifi_index = ifindex;
    }

    ifinfomsg& info() { return info_; }

    void add(uint16_t type, const void* data, size_t size) {
        const rtattr attribute{.rta_len = uint16_t(RTA_LENGTH(size)), .rta_type = type};
        append(&attribute, sizeof(attribute));
        append(data, size);
        attributes_.resize(RTA_ALIGN(attributes_.size()));
    }

    // Returns the answering message; an error answer is thrown.
    std::vector<uint8_t> talk(const char* what) {
        const Fd socket(
            checked(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "netlink"));
        header_.nlmsg_len = uint32_t(NLMSG_LENGTH(sizeof(info_)) + attributes_.size());
        iovec parts[] = {{&header_, sizeof(header_)},
                         {&info_, sizeof(info_)},
                         {attributes_.data(), attributes_.size()}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = std::size(parts);
        checked(::sendmsg(socket.get(), &message, 0), what);

        std::vector<uint8_t> answer(32768);
        answer.resize(size_t(checked(::recv(socket.get(), answer.data(), answer.size(), 0), what)));
        nlmsghdr header;
        std::memcpy(&header, answer.data(), sizeof(header));
        if (header.nlmsg_type == NLMSG_ERROR) {
            nlmsgerr error;
            std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof(error));
            errno = -error.error;
            checked(error.error, what);
        }
        return answer;
    }

private:
    void append(const void* data, size_t size) {
        const auto* bytes = static_cast<const uint8_t*>(data);
        attributes_.insert(attributes_.end(), bytes, bytes + size);
    }

    nlmsghdr header_{};
    ifinfomsg info_{};
    std::vector<uint8_t> attributes_;
};

std::vector<uint8_t> nested(uint16_t type, const void* value, size_t size) {
    std::vector<uint8_t> result(RTA_SPACE(size));
    const rtattr attribute{.rta_len = uint16_t(RTA_LENGTH(size)), .rta_type = type};
    std::memcpy(result.data(), &attribute, sizeof(attribute));
    if (size)
        std::memcpy(result.data() + RTA_LENGTH(0), value, size);
    return result;
}

std::vector<uint8_t> nested(uint16_t type, const std::string& value) {
    return nested(type, value.data(), value.size());
}

void change(int ifindex, uint16_t type, const void* value, size_t size, const char* what) {
    LinkRequest request(RTM_NEWLINK, NLM_F_ACK, ifindex);
    request.add(type, value, size);
    request.talk(what);
}

ifreq device_request(const std::string& name, unsigned long request) {
    const Fd socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    ifreq result{};
    name.copy(result.ifr_name, IFNAMSIZ - 1);
    checked(::ioctl(socket.get(), request, &result), name.c_str());
    return result;
}

void ethtool(const std::string& name, void* command) {
    const Fd socket(checked(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket"));
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = static_cast<char*>(command);
    checked(::ioctl(socket.get(), SIOCETHTOOL, &request), "SIOCETHTOOL");
}

// An attribute of a device, of 8 to 32 bits.
uint32_t number_of(int ifindex, uint16_t type) {
    const auto answer = LinkRequest(RTM_GETLINK, 0, ifindex).talk("RTM_GETLINK");
    size_t offset = NLMSG_LENGTH(sizeof(ifinfomsg));
    while (offset + sizeof(rtattr) <= answer.size()) {
        rtattr attribute;
        std::memcpy(&attribute, answer.data() + offset, sizeof(attribute));
        if (attribute.rta_len < sizeof(attribute))
            break;
        if (attribute.rta_type == type) {
            uint32_t value = 0; // little-endian
            std::memcpy(&value, answer.data() + offset + RTA_LENGTH(0),
                        std::min<size_t>(RTA_PAYLOAD(&attribute), sizeof(value)));
            return value;
        }
        offset += RTA_ALIGN(attribute.rta_len);
    }
    throw std::runtime_error("RTM_GETLINK: attribute missing");
}

} // namespace

int index(const std::string& name) {
    return device_request(name, SIOCGIFINDEX).ifr_ifindex;
}

Mac mac(const std::string& name) {
    const ifreq request = device_request(name, SIOCGIFHWADDR);
    Mac result;
    std::memcpy(result.data(), request.ifr_hwaddr.sa_data, result.size());
    return result;
}

unsigned promiscuity(int ifindex) {
    return number_of(ifindex, IFLA_PROMISCUITY);
}

bool transmits(int ifindex) {
    constexpr uint32_t if_oper_up = 6; // of linux/if.h, which cannot be beside net/if.h
    return number_of(ifindex, IFLA_OPERSTATE) == if_oper_up;
}

unsigned all_multicast(int ifindex) {
    return number_of(ifindex, IFLA_ALLMULTI);
}

bool listens_to(const std::string& name, const Mac& address) {
    char text[13];
    std::snprintf(text, sizeof(text), "%02x%02x%02x%02x%02x%02x", address[0], address[1],
                  address[2], address[3], address[4], address[5]);
    std::ifstream file("/proc/thread-self/net/dev_mcast");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string number, device, users, global, listed;
        words >> number >> device >> users >> global >> listed;
        if (device == name && listed == text)
            return true;
    }
    return false;
}

void set_mtu(int ifindex, unsigned mtu) {
    LinkRequest request(RTM_NEWLINK, NLM_F_ACK, ifindex);
    request.add(IFLA_MTU, &mtu, sizeof(mtu));
    request.talk("set mtu");
}

unsigned max_mtu(int ifindex) {
    return number_of(ifindex, IFLA_MAX_MTU);
}

void set_offload(const std::string& name, uint32_t command, bool on) {
    ethtool_value value{.cmd = command, .data = on};
    ethtool(name, &value);
}

bool offload(const std::string& name, uint32_t command) {
    ethtool_value value{.cmd = command, .data = 0};
    ethtool(name, &value);
    return value.data;
}

bool stamps_what_it_sends(const std::string& name) {
    ethtool_ts_info info{};
    info.cmd = ETHTOOL_GET_TS_INFO;
    ethtool(name, &info);
    return info.so_timestamping & SOF_TIMESTAMPING_TX_SOFTWARE;
}

void add_dummy(const std::string& name, const Mac& address, int ifindex) {
    LinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, ifindex);
    const auto kind = nested(IFLA_INFO_KIND, "dummy");
    request.add(IFLA_IFNAME, name.c_str(), name.size() + 1);
    request.add(IFLA_ADDRESS, address.data(), address.size());
    request.add(IFLA_LINKINFO, kind.data(), kind.size());
    request.talk("add dummy");
}

void add(const std::string& kind, const std::string& name, int ifindex, int lower,
         const std::vector<uint8_t>& data) {
    LinkRequest request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, ifindex);
    auto info = nested(IFLA_INFO_KIND, kind);
    if (!data.empty()) {
        const auto inner = nested(IFLA_INFO_DATA, data.data(), data.size());
        info.insert(info.end(), inner.begin(), inner.end());
    }
    request.add(IFLA_IFNAME, name.c_str(), name.size() + 1);
    if (lower)
        request.add(IFLA_LINK, &lower, sizeof(lower));
    request.add(IFLA_LINKINFO, info.data(), info.size());
    request.talk(kind.c_str());
}

void add_veth(const std::string& name, int ifindex, const std::string& peer, int peer_ifindex) {
    constexpr uint16_t peer_info = 1; // VETH_INFO_PEER
    ifinfomsg header{};
    header.ifi_index = peer_ifindex;
    const auto* begin = reinterpret_cast<const uint8_t*>(&header);
    std::vector<uint8_t> inner(begin, begin + sizeof(header));
    const auto peer_name = nested(IFLA_IFNAME, peer.c_str(), peer.size() + 1);
    inner.insert(inner.end(), peer_name.begin(), peer_name.end());
    add("veth", name, ifindex, 0, nested(peer_info, inner.data(), inner.size()));
}

void set_master(int ifindex, int master) {
    change(ifindex, IFLA_MASTER, &master, sizeof(master), "set master");
}

void set_mac(int ifindex, const Mac& address) {
    change(ifindex, IFLA_ADDRESS, address.data(), address.size(), "set address");
}

void move(int ifindex, int netns) {
    change(ifindex, IFLA_NET_NS_FD, &netns, sizeof(netns), "move");
}

void remove(int ifindex) {
    LinkRequest(RTM_DELLINK, NLM_F_ACK, ifindex).talk("RTM_DELLINK");
}

void set_up(int ifindex, bool up) {
    LinkRequest request(RTM_NEWLINK, NLM_F_ACK, ifindex);
    request.info().ifi_flags = up ? IFF_UP : 0;
    request.info().ifi_change = IFF_UP;
    request.talk("set up");
}

} // namespace xt::link
