// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ss_report.h"

#include "libxinet/printable.h"
#include "program/told.h"

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

using FlagName = std::pair<std::uint32_t, const char*>;

constexpr std::array<FlagName, 12> packet_flags{{
    {XINET_DIAG_PACKET_RUNNING, "running"},
    {XINET_DIAG_PACKET_COOKED, "cooked"},
    {XINET_DIAG_PACKET_AUXDATA, "auxdata"},
    {XINET_DIAG_PACKET_ORIGDEV, "origdev"},
    {XINET_DIAG_PACKET_IGNORE_OUTGOING, "ignore_outgoing"},
    {XINET_DIAG_PACKET_QDISC_BYPASS, "qdisc_bypass"},
    {XINET_DIAG_PACKET_LOSS, "loss"},
    {XINET_DIAG_PACKET_TX_HAS_OFF, "tx_has_off"},
    {XINET_DIAG_PACKET_ALL_NETNS, "all_netns"},
    {XINET_DIAG_PACKET_ORIGINAL, "original"},
    {XINET_DIAG_PACKET_POINT, "point"},
    {XINET_DIAG_PACKET_QUEUE, "queue"},
}};

/// By PACKET_FANOUT_*.
constexpr std::array<std::string_view, 8> fanout_modes{"hash", "lb", "cpu",  "rollover",
                                                       "rnd",  "qm", "cbpf", "ebpf"};

/// The flags of a fanout group as they stand in what PACKET_FANOUT answers.
constexpr std::array<FlagName, 4> fanout_flags{{
    {PACKET_FANOUT_FLAG_ROLLOVER << 16, "rollover"},
    {PACKET_FANOUT_FLAG_UNIQUEID << 16, "unique_id"},
    {0x4000U << 16, "ignore_outgoing"}, // in the header since Linux 6.10
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

void add_flags(Json& object, std::uint32_t flags, std::span<const FlagName> names) {
    for (const auto& [flag, name] : names) {
        object[name] = (flags & flag) != 0;
    }
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

// --- parts of a socket, for the table and for JSON ---

Json packet_part(const xinet_diag_packet& packet) {
    Json object = Json::object();
    add_flags(object, packet.flags, packet_flags);
    object.update({{"packets", packet.packets},
                   {"drops", packet.drops},
                   {"version", packet.version + 1},
                   {"reserve", packet.reserve},
                   {"vnet_header", packet.vnet_hdr_sz},
                   {"freezes", packet.freezes},
                   {"copy_thresh", packet.copy_thresh},
                   {"timestamp", packet.timestamp}});
    return object;
}

Json fanout_part(std::uint32_t fanout) {
    Json object{{"id", fanout & 0xffffU}, {"mode", fanout_mode(fanout)}};
    add_flags(object, fanout, fanout_flags);
    return object;
}

Json ring_part(const xinet_diag_ring& ring) {
    return {{"block_size", ring.block_size}, {"blocks", ring.block_nr},
            {"frame_size", ring.frame_size}, {"frames", ring.frame_nr},
            {"timeout_ms", ring.retire_tmo}, {"private_bytes", ring.sizeof_priv},
            {"features", ring.features}};
}

Json lanes_part(const xinet_diag_lanes& lanes) {
    return {{"lanes", lanes.lanes},
            {"lane_size", lanes.lane_size},
            {"reader", lanes.reader},
            {"readers", lanes.readers},
            {"overwrite", (lanes.flags & XINET_RX_RING_OVERWRITE) != 0},
            {"snaplen", lanes.snaplen},
            {"wake_packets", lanes.wake_packets},
            {"wake_usec", lanes.wake_usec}};
}

Json membership_part(const xinet_diag_membership& membership, SocketNames& names) {
    return {{"type", membership_name(membership.type)},
            {"interface", names.interface(membership.ifindex)},
            {"address", link_address_text(membership)},
            {"count", membership.count}};
}

// --- the table ---

/// "blocks:2", or "running"; empty for what is 0, false or empty.
std::string member_text(std::string key, const Json& value) {
    std::ranges::replace(key, '_', '-');
    if (value.is_boolean()) {
        return value.get<bool>() ? key : "";
    }
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    return text.empty() || text == "0" ? "" : key + ":" + text;
}

/// "rx-ring:(block-size:4096,blocks:2)"
std::string part_text(std::string_view name, const Json& part) {
    std::vector<std::string> words;
    for (const auto& [key, value] : part.items()) {
        if (std::string word = member_text(key, value); !word.empty()) {
            words.push_back(std::move(word));
        }
    }
    return fmt::format("{}:({})", name, fmt::join(words, ","));
}

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
    parts.reserve(users.size());
    for (const SocketUser& user : users) {
        parts.push_back(fmt::format("(\"{}\",pid={},fd={})", printable(user.name), user.process,
                                    user.descriptor));
    }
    return parts.empty() ? "" : fmt::format("users:({})", fmt::join(parts, ","));
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
        result += " " + part_text("packet", packet_part(*socket.packet));
    }
    return result;
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

/// Lines below that of the socket.
std::vector<std::string> detail_lines(const SocketRecord& socket, const SsOptions& options,
                                      SocketNames& names) {
    std::vector<std::string> lines;
    if (const Json reasons = drop_reasons_json(socket.drop_reasons);
        options.info && !reasons.empty()) {
        lines.push_back(part_text("drops", reasons));
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
        lines.push_back(part_text("rx-ring", ring_part(*socket.receive_ring)));
    }
    if (socket.send_ring) {
        lines.push_back(part_text("tx-ring", ring_part(*socket.send_ring)));
    }
    if (socket.receive_lanes) {
        lines.push_back(part_text("rx-lanes", lanes_part(*socket.receive_lanes)));
    }
    if (socket.fanout) {
        lines.push_back(part_text("fanout", fanout_part(*socket.fanout)));
    }
    for (const auto& membership : socket.memberships) {
        lines.push_back(part_text("membership", membership_part(membership, names)));
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

Json memory_json(const SocketRecord& socket) {
    Json object = Json::object();
    for (std::size_t i = 0; i < memory_names.size(); ++i) {
        object[memory_names.at(i).second] = socket.memory->at(i);
    }
    return object;
}

Json filter_json(const std::vector<sock_filter>& filter) {
    Json steps = Json::array();
    for (const sock_filter& step : filter) {
        steps.push_back({{"code", step.code}, {"jt", step.jt}, {"jf", step.jf}, {"k", step.k}});
    }
    return steps;
}

Json memberships_json(const SocketRecord& socket, SocketNames& names) {
    Json elements = Json::array();
    for (const auto& membership : socket.memberships) {
        elements.push_back(membership_part(membership, names));
    }
    return elements;
}

Json users_json(const std::vector<SocketUser>& users) {
    Json elements = Json::array();
    for (const SocketUser& user : users) {
        elements.push_back({{"name", user.name}, {"pid", user.process}, {"fd", user.descriptor}});
    }
    return elements;
}

void add_addresses(const SocketRecord& socket, SocketNames& names, Json& object) {
    const auto& base = socket.base;
    if (base.family == AF_INET) {
        object["local"] = ipv4_text(base.src);
        if (has_ports(socket)) {
            object["local_port"] = ntohs(base.sport);
        }
        object["peer"] = ipv4_text(base.dst);
        if (has_ports(socket)) {
            object["peer_port"] = ntohs(base.dport);
        }
    }
    object["protocol"] = base.protocol;
    object["interface"] = names.interface(base.ifindex);
    object["ifindex"] = base.ifindex;
}

void add_packet(const SocketRecord& socket, SocketNames& names, Json& object) {
    object["packet"] = packet_part(*socket.packet);
    if (socket.receive_ring) {
        object["rx_ring"] = ring_part(*socket.receive_ring);
    }
    if (socket.send_ring) {
        object["tx_ring"] = ring_part(*socket.send_ring);
    }
    if (socket.receive_lanes) {
        object["rx_lanes"] = lanes_part(*socket.receive_lanes);
    }
    if (socket.fanout) {
        object["fanout"] = fanout_part(*socket.fanout);
    }
    object["membership_count"] = socket.membership_count;
    object["memberships"] = memberships_json(socket, names);
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

Json socket_json(const SocketRecord& socket, const SocketUsers& users, const SsOptions& options,
                 SocketNames& names) {
    const auto& base = socket.base;
    Json object{{"kind", kind_name(base.kind)}, {"state", state_name(base.state)}};
    add_addresses(socket, names, object);
    object.update({{"recv_q", base.rqueue},
                   {"send_q", base.wqueue},
                   {"uid", base.uid},
                   {"inode", base.ino},
                   {"cookie", socket.cookie()},
                   {"drops", socket.drops}});
    if (!socket.drop_reasons.empty()) {
        object["drop_reasons"] = drop_reasons_json(socket.drop_reasons);
    }
    object["shutdown_read"] = (socket.shutdown & 1) != 0;
    object["shutdown_write"] = (socket.shutdown & 2) != 0;
    if (socket.mark) {
        object["mark"] = *socket.mark;
    }
    if (socket.memory) {
        object["memory"] = memory_json(socket);
    }
    if (!socket.filter.empty()) {
        object["filter"] = filter_json(socket.filter);
    }
    if (socket.filter_program_id) {
        object["filter_program_id"] = *socket.filter_program_id;
    }
    if (socket.icmp_filter) {
        object["icmp_filter"] = *socket.icmp_filter;
    }
    if (socket.packet) {
        add_packet(socket, names, object);
    }
    if (options.processes) {
        object["processes"] = users_json(users_of(socket, users));
    }
    return object;
}

} // namespace xinet
