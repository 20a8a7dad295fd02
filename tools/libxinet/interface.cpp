// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/interface.h"

#include "libxinet/netlink_socket.h"
#include "xinet/error.h"
#include "xinet/file_descriptor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace xinet {

namespace {

using NameIndex = std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)>;

/// One question about an interface; false when it has gone meanwhile.
bool ask(const FileDescriptor& socket, unsigned long question, ifreq& request) {
    return ::ioctl(socket.get(), question, &request) == 0;
}

std::string join_names(std::span<const Interface> interfaces) {
    std::vector<std::string_view> names;
    std::ranges::transform(interfaces, std::back_inserter(names), &Interface::name);
    return fmt::format("{}", fmt::join(names, ", "));
}

int take_index(const nlmsghdr* message, void* index) {
    const auto* link = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    *static_cast<unsigned*>(index) = static_cast<unsigned>(link->ifi_index);
    return MNL_CB_STOP;
}

/// The index of the interface that has this alternative name, which is too long for the ioctls; 0:
/// there is none.
unsigned index_of_alternative(const std::string& name) {
    std::array<char, 16384> buffer{};
    nlmsghdr* const request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = RTM_GETLINK;
    request->nlmsg_flags = NLM_F_REQUEST;
    mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg));
    const NetlinkSocket socket = open_netlink_socket(NETLINK_ROUTE);
    if (!socket ||
        !mnl_attr_put_strz_check(request, buffer.size(), IFLA_ALT_IFNAME, name.c_str()) ||
        mnl_socket_sendto(socket.get(), request, request->nlmsg_len) < 0) {
        return 0;
    }
    unsigned index = 0;
    const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (size > 0) {
        mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), 0,
                   mnl_socket_get_portid(socket.get()), take_index, &index);
    }
    return index;
}

} // namespace

// Not getifaddrs(), which gives no hardware type for interfaces that have no
// hardware address, such as tunnels.
std::vector<Interface> list_interfaces() {
    const NameIndex names(::if_nameindex(), &::if_freenameindex);
    const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!names || !socket) {
        throw Error("list the network interfaces", {}, errno);
    }
    std::vector<Interface> interfaces;
    for (const struct if_nameindex* entry = names.get(); entry->if_index != 0; ++entry) {
        ifreq flags{};
        ::strncpy(flags.ifr_name, entry->if_name, IFNAMSIZ - 1);
        ifreq hardware = flags;
        if (!ask(socket, SIOCGIFFLAGS, flags) || !ask(socket, SIOCGIFHWADDR, hardware)) {
            continue;
        }
        interfaces.push_back({.name = entry->if_name,
                              .index = entry->if_index,
                              .hardware_type = hardware.ifr_hwaddr.sa_family,
                              .up = (flags.ifr_flags & IFF_UP) != 0,
                              .loopback = (flags.ifr_flags & IFF_LOOPBACK) != 0});
    }
    std::ranges::sort(interfaces, {}, &Interface::index);
    return interfaces;
}

std::string interface_name(unsigned index) {
    if (index == 0) {
        return "any";
    }
    std::array<char, IF_NAMESIZE> name{};
    if (::if_indextoname(index, name.data()) == nullptr) {
        return fmt::format("#{}", index);
    }
    return name.data();
}

Interface find_interface(std::string_view name) {
    const auto interfaces = list_interfaces();
    auto found = std::ranges::find(interfaces, name, &Interface::name);
    if (found == interfaces.end()) {
        const unsigned index = index_of_alternative(std::string(name));
        found = std::ranges::find(interfaces, index, &Interface::index);
    }
    if (found == interfaces.end()) {
        throw Error("find interface", std::string(name), ENODEV,
                    fmt::format("those that exist here: {}", join_names(interfaces)));
    }
    return *found;
}

Interface default_interface(std::span<const Interface> interfaces) {
    const auto usable = [](const Interface& item) { return item.up && !item.loopback; };
    const auto found = std::ranges::find_if(interfaces, usable);
    if (found == interfaces.end()) {
        throw Error("choose an interface", {}, ENODEV,
                    fmt::format("none but loopback is up; name one with -i: {}, any",
                                join_names(interfaces)));
    }
    return *found;
}

} // namespace xinet
