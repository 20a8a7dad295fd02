// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ss_report.h"

#include "program/json.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

namespace xinet {

namespace {

constexpr std::array<std::pair<std::uint32_t, std::string_view>, 12> packet_flags{{
    {XINET_DIAG_PACKET_RUNNING, "running"},
    {XINET_DIAG_PACKET_COOKED, "cooked"},
    {XINET_DIAG_PACKET_AUXDATA, "auxdata"},
    {XINET_DIAG_PACKET_ORIGDEV, "origdev"},
    {XINET_DIAG_PACKET_IGNORE_OUTGOING, "ignore-outgoing"},
    {XINET_DIAG_PACKET_QDISC_BYPASS, "qdisc-bypass"},
    {XINET_DIAG_PACKET_LOSS, "loss"},
    {XINET_DIAG_PACKET_TX_HAS_OFF, "tx-has-off"},
    {XINET_DIAG_PACKET_ALL_NETNS, "all-netns"},
    {XINET_DIAG_PACKET_ORIGINAL, "original"},
    {XINET_DIAG_PACKET_POINT, "point"},
    {XINET_DIAG_PACKET_QUEUE, "queue"},
}};

/// By PACKET_FANOUT_*.
constexpr std::array<std::string_view, 8> fanout_modes{"hash", "lb", "cpu",  "rollover",
                                                       "rnd",  "qm", "cbpf", "ebpf"};

/// The flags of a fanout group as they stand in what PACKET_FANOUT answers.
constexpr std::array<std::pair<std::uint32_t, std::string_view>, 4> fanout_flags{{
    {PACKET_FANOUT_FLAG_ROLLOVER << 16, "rollover"},
    {PACKET_FANOUT_FLAG_UNIQUEID << 16, "unique-id"},
    {0x4000U << 16, "ignore-outgoing"}, // in the header since Linux 6.10
    {std::uint32_t{PACKET_FANOUT_FLAG_DEFRAG} << 16, "defrag"},
}};

/// By SK_MEMINFO_*: what ss(8) writes before the number, and the key in JSON.
constexpr std::array<std::pair<std::string_view, std::string_view>, SK_MEMINFO_VARS> memory_names{{
    {"r", "rmem_alloc"},
    {"rb", "rcvbuf"},
    {"t", "wmem_alloc"},
    {"tb", "sndbuf"},
    {"f", "fwd_alloc"},
    {"w", "wmem_queued"},
    {"o", "optmem"},
    {"bl", "backlog"},
    {"d", "drops"},
}};

std::string_view membership_name(unsigned type) {
    switch (type) {
    case PACKET_MR_MULTICAST:
        return "multicast";
    case PACKET_MR_PROMISC:
        return "promiscuous";
    case PACKET_MR_ALLMULTI:
        return "all-multicast";
    case PACKET_MR_UNICAST:
        return "unicast";
    default:
        return "unknown";
    }
}

std::string ipv4_text(std::uint32_t address) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address, text.data(), text.size());
    return text.data();
}

std::string link_address_text(const xinet_diag_membership& membership) {
    const auto length = std::min<std::size_t>(membership.alen, std::size(membership.addr));
    return fmt::format("{:02x}", fmt::join(std::span(membership.addr).first(length), ":"));
}

bool has_ports(const SocketRecord& socket) {
    return socket.base.kind != XINET_DIAG_RAW && socket.base.kind != XINET_DIAG_PACKET;
}

std::vector<std::string>
names_of(std::uint32_t flags,
         std::span<const std::pair<std::uint32_t, std::string_view>> known_flags) {
    std::vector<std::string> result;
    for (const auto& [flag, name] : known_flags) {
        if ((flags & flag) != 0) {
            result.emplace_back(name);
        }
    }
    return result;
}

std::uint32_t fanout_id(std::uint32_t fanout) {
    return fanout & 0xffffU;
}

std::string fanout_mode(std::uint32_t fanout) {
    const std::uint32_t mode = fanout >> 16 & 0xffU;
    return mode < fanout_modes.size() ? std::string(fanout_modes.at(mode)) : std::to_string(mode);
}

const std::vector<SocketUser>& users_of(const SocketRecord& socket, const SocketUsers& users) {
    static const std::vector<SocketUser> nobody;
    const auto found = users.find(socket.base.ino);
    return found == users.end() ? nobody : found->second;
}

// --- the table ---

std::string local_text(const SocketRecord& socket, SocketNames& names) {
    const auto& base = socket.base;
    if (base.family == AF_PACKET) {
        return fmt::format("{}:{}", names.ethertype(base.protocol), names.interface(base.ifindex));
    }
    std::string result = ipv4_text(base.src);
    if (base.ifindex != 0) {
        result += "%" + names.interface(base.ifindex);
    }
    return result + ":" +
           (has_ports(socket)
                ? names.port(ntohs(base.sport), base.kind == XINET_DIAG_TCP ? "tcp" : "udp")
                : names.protocol(base.protocol));
}

std::string peer_text(const SocketRecord& socket, SocketNames& names) {
    const auto& base = socket.base;
    if (base.family == AF_PACKET) {
        return "*";
    }
    return fmt::format("{}:{}", ipv4_text(base.dst),
                       has_ports(socket) ? names.port(ntohs(base.dport),
                                                      base.kind == XINET_DIAG_TCP ? "tcp" : "udp")
                                         : "*");
}

std::string users_text(const std::vector<SocketUser>& users) {
    std::vector<std::string> parts;
    for (const SocketUser& user : users) {
        parts.push_back(
            fmt::format("(\"{}\",pid={},fd={})", user.name, user.process, user.descriptor));
    }
    return parts.empty() ? "" : fmt::format("users:({})", fmt::join(parts, ","));
}

std::string packet_text(const xinet_diag_packet& packet) {
    std::string result = fmt::format(" flags:{} packets:{} lost:{} ver:{}",
                                     fmt::join(names_of(packet.flags, packet_flags), ","),
                                     packet.packets, packet.drops, packet.version + 1);
    if (packet.reserve != 0) {
        result += fmt::format(" reserve:{}", packet.reserve);
    }
    if (packet.vnet_hdr_sz != 0) {
        result += fmt::format(" vnet-header:{}", packet.vnet_hdr_sz);
    }
    if (packet.freezes != 0) {
        result += fmt::format(" freezes:{}", packet.freezes);
    }
    if (packet.copy_thresh != 0) {
        result += fmt::format(" copy-thresh:{}", packet.copy_thresh);
    }
    if (packet.timestamp != 0) {
        result += fmt::format(" timestamp:{:#x}", packet.timestamp);
    }
    return result;
}

std::string extended_text(const SocketRecord& socket) {
    std::string result =
        fmt::format("uid:{} ino:{} sk:{:x}", socket.base.uid, socket.base.ino, socket.cookie());
    if (socket.mark.value_or(0) != 0) {
        result += fmt::format(" fwmark:{:#x}", *socket.mark);
    }
    if (socket.drops != 0) {
        result += fmt::format(" drops:{}", socket.drops);
    }
    if (socket.icmp_filter.value_or(0) != 0) {
        result += fmt::format(" icmp-filter:{:#x}", *socket.icmp_filter);
    }
    if (socket.packet) {
        result += packet_text(*socket.packet);
    }
    return result;
}

std::string drop_reasons_text(const SocketRecord& socket) {
    std::vector<std::string> parts;
    for (std::size_t reason = 0; reason < socket.drop_reasons.size(); ++reason) {
        if (socket.drop_reasons.at(reason) != 0) {
            parts.push_back(
                fmt::format("{}:{}", drop_reason_name(reason), socket.drop_reasons.at(reason)));
        }
    }
    return parts.empty() ? "" : fmt::format("drops:({})", fmt::join(parts, ","));
}

std::string fanout_text(std::uint32_t fanout) {
    std::string result =
        fmt::format("fanout:(id:{},mode:{}", fanout_id(fanout), fanout_mode(fanout));
    for (const std::string& flag : names_of(fanout, fanout_flags)) {
        result += "," + flag;
    }
    return result + ")";
}

std::string memory_text(const SocketRecord& socket) {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < memory_names.size(); ++i) {
        parts.push_back(fmt::format("{}{}", memory_names.at(i).first, socket.memory->at(i)));
    }
    return fmt::format("skmem:({})", fmt::join(parts, ","));
}

std::string filter_text(const SocketRecord& socket) {
    if (socket.filter_program_id) {
        return fmt::format("bpf program {}", *socket.filter_program_id);
    }
    std::vector<std::string> parts;
    for (const sock_filter& step : socket.filter) {
        parts.push_back(fmt::format("{:#04x} {} {} {}", step.code, step.jt, step.jf, step.k));
    }
    return fmt::format("bpf filter ({}): {}", parts.size(), fmt::join(parts, ","));
}

std::string ring_text(std::string_view name, const xinet_diag_ring& ring) {
    std::string result = fmt::format("{}:(blocks:{}x{},frames:{}x{}", name, ring.block_nr,
                                     ring.block_size, ring.frame_nr, ring.frame_size);
    if (ring.retire_tmo != 0) {
        result += fmt::format(",timeout:{}ms", ring.retire_tmo);
    }
    if (ring.sizeof_priv != 0) {
        result += fmt::format(",private:{}", ring.sizeof_priv);
    }
    if (ring.features != 0) {
        result += fmt::format(",features:{:#x}", ring.features);
    }
    return result + ")";
}

std::string lanes_text(const xinet_diag_lanes& lanes) {
    std::string result = fmt::format("rx-lanes:({}x{},reader:{} of {}", lanes.lanes,
                                     lanes.lane_size, lanes.reader, lanes.readers);
    if ((lanes.flags & XINET_RX_RING_OVERWRITE) != 0) {
        result += ",overwrite";
    }
    if (lanes.snaplen != 0) {
        result += fmt::format(",snaplen:{}", lanes.snaplen);
    }
    if (lanes.wake_packets != 0) {
        result += fmt::format(",wake:{}", lanes.wake_packets);
    }
    if (lanes.wake_usec != 0) {
        result += fmt::format(",wake:{}us", lanes.wake_usec);
    }
    return result + ")";
}

std::string membership_text(const xinet_diag_membership& membership, SocketNames& names) {
    std::string result = fmt::format("membership:{} {}", membership_name(membership.type),
                                     names.interface(membership.ifindex));
    if (membership.alen != 0) {
        result += " " + link_address_text(membership);
    }
    if (membership.count > 1) {
        result += fmt::format(" x{}", membership.count);
    }
    return result;
}

/// Lines below that of the socket.
std::vector<std::string> detail_lines(const SocketRecord& socket, const SsOptions& options,
                                      SocketNames& names) {
    std::vector<std::string> lines;
    if (options.info && !drop_reasons_text(socket).empty()) {
        lines.push_back(drop_reasons_text(socket));
    }
    if (options.memory && socket.memory) {
        lines.push_back(memory_text(socket));
    }
    if (options.filters && (!socket.filter.empty() || socket.filter_program_id)) {
        lines.push_back(filter_text(socket));
    }
    if (!options.extended) {
        return lines;
    }
    if (socket.receive_ring) {
        lines.push_back(ring_text("rx-ring", *socket.receive_ring));
    }
    if (socket.send_ring) {
        lines.push_back(ring_text("tx-ring", *socket.send_ring));
    }
    if (socket.receive_lanes) {
        lines.push_back(lanes_text(*socket.receive_lanes));
    }
    if (socket.fanout) {
        lines.push_back(fanout_text(*socket.fanout));
    }
    for (const auto& membership : socket.memberships) {
        lines.push_back(membership_text(membership, names));
    }
    if (socket.membership_count > socket.memberships.size()) {
        lines.push_back(fmt::format("and {} memberships more",
                                    socket.membership_count - socket.memberships.size()));
    }
    return lines;
}

constexpr std::size_t columns = 6;

struct Row {
    std::array<std::string, columns> cells;
    std::string rest;
    std::vector<std::string> details;
};

Row row_of(const SocketRecord& socket, const SocketUsers& users, const SsOptions& options,
           SocketNames& names) {
    const auto& base = socket.base;
    Row row;
    row.cells = {std::string(kind_name(base.kind)), std::string(state_name(base.state)),
                 std::to_string(base.rqueue),       std::to_string(base.wqueue),
                 local_text(socket, names),         peer_text(socket, names)};
    row.rest = users_text(users_of(socket, users));
    if (options.extended) {
        row.rest += (row.rest.empty() ? "" : " ") + extended_text(socket);
    }
    row.details = detail_lines(socket, options, names);
    return row;
}

std::string line_of(const Row& row, const std::array<std::size_t, columns>& widths) {
    std::string line;
    for (std::size_t i = 0; i < columns; ++i) {
        const bool number = i == 2 || i == 3;
        line += number ? fmt::format("{:>{}} ", row.cells.at(i), widths.at(i))
                       : fmt::format("{:<{}} ", row.cells.at(i), widths.at(i));
    }
    line += row.rest;
    line.erase(line.find_last_not_of(' ') + 1);
    line += '\n';
    for (const std::string& detail : row.details) {
        line += fmt::format("\t {}\n", detail);
    }
    return line;
}

// --- JSON ---

std::string memory_json(const SocketRecord& socket) {
    JsonObject object;
    for (std::size_t i = 0; i < memory_names.size(); ++i) {
        object.add(memory_names.at(i).second, socket.memory->at(i));
    }
    return object.text();
}

std::string filter_json(const std::vector<sock_filter>& filter) {
    std::vector<std::string> steps;
    for (const sock_filter& step : filter) {
        steps.push_back(JsonObject()
                            .add("code", step.code)
                            .add("jt", unsigned{step.jt})
                            .add("jf", unsigned{step.jf})
                            .add("k", step.k)
                            .text());
    }
    return json_array(steps);
}

std::string drop_reasons_json(const SocketRecord& socket) {
    JsonObject object;
    for (std::size_t reason = 0; reason < socket.drop_reasons.size(); ++reason) {
        if (socket.drop_reasons.at(reason) != 0) {
            object.add(drop_reason_name(reason), socket.drop_reasons.at(reason));
        }
    }
    return object.text();
}

std::string packet_json(const xinet_diag_packet& packet) {
    JsonObject object;
    for (const auto& [flag, name] : packet_flags) {
        std::string key(name);
        std::ranges::replace(key, '-', '_');
        object.add(key, (packet.flags & flag) != 0);
    }
    object.add("packets", packet.packets).add("drops", packet.drops);
    object.add("version", packet.version + 1).add("reserve", packet.reserve);
    object.add("vnet_header", packet.vnet_hdr_sz).add("freezes", packet.freezes);
    object.add("copy_thresh", packet.copy_thresh);
    return object.add("timestamp", packet.timestamp).text();
}

std::string fanout_json(std::uint32_t fanout) {
    JsonObject object;
    object.add("id", fanout_id(fanout)).add("mode", fanout_mode(fanout));
    for (const auto& [flag, name] : fanout_flags) {
        std::string key(name);
        std::ranges::replace(key, '-', '_');
        object.add(key, (fanout & flag) != 0);
    }
    return object.text();
}

std::string ring_json(const xinet_diag_ring& ring) {
    return JsonObject()
        .add("block_size", ring.block_size)
        .add("blocks", ring.block_nr)
        .add("frame_size", ring.frame_size)
        .add("frames", ring.frame_nr)
        .add("timeout_ms", ring.retire_tmo)
        .add("private_bytes", ring.sizeof_priv)
        .add("features", ring.features)
        .text();
}

std::string lanes_json(const xinet_diag_lanes& lanes) {
    return JsonObject()
        .add("lanes", lanes.lanes)
        .add("lane_size", lanes.lane_size)
        .add("reader", lanes.reader)
        .add("readers", lanes.readers)
        .add("overwrite", (lanes.flags & XINET_RX_RING_OVERWRITE) != 0)
        .add("snaplen", lanes.snaplen)
        .add("wake_packets", lanes.wake_packets)
        .add("wake_usec", lanes.wake_usec)
        .text();
}

std::string memberships_json(const SocketRecord& socket, SocketNames& names) {
    std::vector<std::string> elements;
    for (const auto& membership : socket.memberships) {
        elements.push_back(JsonObject()
                               .add("type", membership_name(membership.type))
                               .add("interface", names.interface(membership.ifindex))
                               .add("address", link_address_text(membership))
                               .add("count", membership.count)
                               .text());
    }
    return json_array(elements);
}

std::string users_json(const std::vector<SocketUser>& users) {
    std::vector<std::string> elements;
    for (const SocketUser& user : users) {
        elements.push_back(JsonObject()
                               .add("name", user.name)
                               .add("pid", user.process)
                               .add("fd", user.descriptor)
                               .text());
    }
    return json_array(elements);
}

void add_addresses(const SocketRecord& socket, SocketNames& names, JsonObject& object) {
    const auto& base = socket.base;
    if (base.family == AF_INET) {
        object.add("local", ipv4_text(base.src));
        if (has_ports(socket)) {
            object.add("local_port", ntohs(base.sport));
        }
        object.add("peer", ipv4_text(base.dst));
        if (has_ports(socket)) {
            object.add("peer_port", ntohs(base.dport));
        }
    }
    object.add("protocol", base.protocol);
    object.add("interface", names.interface(base.ifindex));
    object.add("ifindex", base.ifindex);
}

} // namespace

std::string sockets_text(const std::vector<SocketRecord>& sockets, const SocketUsers& users,
                         const SsOptions& options, SocketNames& names) {
    std::vector<Row> rows;
    rows.reserve(sockets.size() + 1);
    if (options.header) {
        Row header;
        header.cells = {
            "Netid", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port"};
        header.rest = options.processes ? "Process" : "";
        rows.push_back(std::move(header));
    }
    for (const SocketRecord& socket : sockets) {
        rows.push_back(row_of(socket, users, options, names));
    }

    std::array<std::size_t, columns> widths{};
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < columns; ++i) {
            widths.at(i) = std::max(widths.at(i), row.cells.at(i).size());
        }
    }
    std::string text;
    for (const Row& row : rows) {
        text += line_of(row, widths);
    }
    return text;
}

std::string socket_json(const SocketRecord& socket, const SocketUsers& users,
                        const SsOptions& options, SocketNames& names) {
    const auto& base = socket.base;
    JsonObject object;
    object.add("kind", kind_name(base.kind)).add("state", state_name(base.state));
    add_addresses(socket, names, object);
    object.add("recv_q", base.rqueue).add("send_q", base.wqueue);
    object.add("uid", base.uid).add("inode", base.ino).add("cookie", socket.cookie());
    object.add("drops", socket.drops);
    if (!socket.drop_reasons.empty()) {
        object.nest("drop_reasons", drop_reasons_json(socket));
    }
    object.add("shutdown_read", (socket.shutdown & 1) != 0);
    object.add("shutdown_write", (socket.shutdown & 2) != 0);
    if (socket.mark) {
        object.add("mark", *socket.mark);
    }
    if (socket.memory) {
        object.nest("memory", memory_json(socket));
    }
    if (!socket.filter.empty()) {
        object.nest("filter", filter_json(socket.filter));
    }
    if (socket.filter_program_id) {
        object.add("filter_program_id", *socket.filter_program_id);
    }
    if (socket.icmp_filter) {
        object.add("icmp_filter", *socket.icmp_filter);
    }
    if (socket.packet) {
        object.nest("packet", packet_json(*socket.packet));
        if (socket.receive_ring) {
            object.nest("rx_ring", ring_json(*socket.receive_ring));
        }
        if (socket.send_ring) {
            object.nest("tx_ring", ring_json(*socket.send_ring));
        }
        if (socket.receive_lanes) {
            object.nest("rx_lanes", lanes_json(*socket.receive_lanes));
        }
        if (socket.fanout) {
            object.nest("fanout", fanout_json(*socket.fanout));
        }
        object.add("membership_count", socket.membership_count);
        object.nest("memberships", memberships_json(socket, names));
    }
    if (options.processes) {
        object.nest("processes", users_json(users_of(socket, users)));
    }
    return object.text();
}

} // namespace xinet
