// SPDX-License-Identifier: GPL-2.0-or-later
#include "bulk.h"

#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <tuple>
#include <utility>

#include "link.h"
#include "program.h"
#include "sys.h"
#include "traffic.h"
#include "wire.h"

namespace xt {
namespace {

// veth drops what is beyond 256 frames on the way to a device that merges. The window is less.
constexpr int receive_buffer = 1 << 17;

void put_back(Bytes& frame, const tpacket_auxdata& aux) {
    if ((aux.tp_status & TP_STATUS_VLAN_VALID) == 0)
        return;
    const uint8_t tag[] = {uint8_t(aux.tp_vlan_tpid >> 8), uint8_t(aux.tp_vlan_tpid),
                           uint8_t(aux.tp_vlan_tci >> 8), uint8_t(aux.tp_vlan_tci)};
    frame.insert(frame.begin() + 12, std::begin(tag), std::end(tag));
}

void read_all(const Fd& server, size_t size) {
    Bytes buffer(1 << 16);
    for (size_t got = 0; got < size;) {
        const ssize_t length = ::read(server.get(), buffer.data(), buffer.size());
        if (length <= 0)
            break;
        got += size_t(length);
    }
}

void send_all(const Fd& client, const Bytes& data) {
    for (size_t sent = 0; sent < data.size();) {
        const ssize_t length =
            ::send(client.get(), data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
        if (length <= 0)
            break;
        sent += size_t(length);
    }
}

} // namespace

BulkBridge::BulkBridge() {
    middle_.run([this] {
        ip("link add near0 type veth peer name far0", "link add near1 type veth peer name far1",
           "link add xtbr type bridge", "link set near0 master xtbr", "link set near1 master xtbr",
           "link set xtbr up");
        ethtool({"-K", "near1", "tx", "off", "sg", "off", "tso", "off", "gso", "off"});
        ethtool({"-K", "near1", "txvlan", "off"});
        link::set_up(link::index("near0"), true);
        link::set_up(link::index("near1"), true);
        link::move(link::index("far0"), a_.get());
        link::move(link::index("far1"), b_.get());
    });
    const auto start = [](const NetNs& where, const std::string& device,
                          const std::string& address) {
        where.run([&] {
            ip("link set lo up", "link set " + device + " up",
               "addr add " + address + "/24 dev " + device);
        });
    };
    start(a_, "far0", "10.67.0.1");
    start(b_, "far1", "10.67.0.2");
}

void BulkBridge::add_vlan(const std::string& protocol) const {
    for (const auto& [where, lower, last] :
         {std::tuple(&a_, "far0", "1"), std::tuple(&b_, "far1", "2")})
        where->run([&, lower = std::string(lower), last = std::string(last)] {
            std::string add = "link add link ";
            add.append(lower).append(" name tagged type vlan id 7 protocol ").append(protocol);
            ip(add, "link set tagged up", "addr add 10.68.0." + last + "/24 dev tagged");
        });
}

void BulkBridge::ethtool(std::vector<std::string> words) {
    words.insert(words.begin(), "ethtool");
    BackgroundProgram program(words);
    program.wait(std::chrono::seconds(10));
}

Connection BulkBridge::send_bulk(size_t size, const std::string& to) const {
    const Fd listener = b_.run([&] {
        Fd socket = open_socket(Side::sibling, Transport::stream);
        set_option(socket, SOL_SOCKET, SO_RCVBUF, receive_buffer);
        const auto address = ipv4_address(to.c_str(), bulk_port);
        checked(sys::bind(socket.get(), &address, sizeof(address)), "bind");
        checked(::listen(socket.get(), 1), "listen");
        return socket;
    });
    Fd client = a_.run([&] {
        Fd socket = open_socket(Side::sibling, Transport::stream);
        connect_to(socket, ipv4_address(to.c_str(), bulk_port));
        return socket;
    });
    Fd server = accept_from(listener);
    std::thread reader([&] { read_all(server, size); });
    send_all(client, repeated("xt-bulk", size));
    reader.join();
    return {std::move(client), std::move(server)};
}

bool is_of_bulk(const Bytes& frame, uint8_t source) {
    size_t at = 12;
    while (frame.size() > at + 4 && ((frame[at] == 0x81 && frame[at + 1] == 0) ||
                                     (frame[at] == 0x88 && frame[at + 1] == 0xa8)))
        at += 4;
    at += 2;
    return frame.size() >= at + 24 && frame[at] == 0x45 && frame[at + 15] == source &&
           (read_as<in_port_t>(Bytes(frame.begin() + long(at) + 22,
                                     frame.begin() + long(at) + 24)) == htons(bulk_port));
}

BulkReference::BulkReference(const std::string& device)
    : socket_(open_socket(Side::sibling, Kind::packet, 0)) {
    set_option(socket_, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24);
    set_option(socket_, SOL_PACKET, PACKET_AUXDATA, 1);
    bind_to(socket_, link_address(ETH_P_ALL, link::index(device)));
}

std::vector<Bytes> BulkReference::take() const {
    std::vector<Bytes> frames;
    while (const auto message = receive_now(socket_.get())) {
        Bytes frame = message->data;
        for (const auto& control : message->controls)
            if (control.level == SOL_PACKET && control.type == PACKET_AUXDATA)
                put_back(frame, control.value_as<tpacket_auxdata>());
        if (is_of_bulk(frame, 1))
            frames.push_back(frame);
    }
    return frames;
}

std::unique_ptr<ToldCapture> capture_bulk(const NetNs& where, const std::string& device,
                                          bool lanes) {
    return where.run([&] {
        auto capture = std::make_unique<ToldCapture>(ToldCapture::Options{
            .lanes = lanes, .original = true, .device = device, .lane_size = 1U << 23});
        if (!lanes)
            set_option(capture->socket(), SOL_SOCKET, SO_RCVBUFFORCE, 1 << 26);
        return capture;
    });
}

BulkFrames of_bulk(const std::vector<ToldPacket>& packets) {
    BulkFrames frames;
    uint64_t time = 0;
    for (const ToldPacket& packet : packets) {
        if (!is_of_bulk(packet.data, 1))
            continue;
        EXPECT_TRUE(packet.original);
        EXPECT_LT(packet.original->segment, packet.original->segments);
        if (packet.original->segment > 0) {
            EXPECT_EQ(packet.time, time) << "the frames of one packet";
        }
        time = packet.time;
        frames.data.push_back(packet.data);
        frames.done |= packet.original->done;
        frames.most_segments = std::max<unsigned>(frames.most_segments, packet.original->segments);
    }
    return frames;
}

void expect_same_frames(std::vector<Bytes> frames, std::vector<Bytes> wanted) {
    if (::get_nprocs() > 1) {
        std::ranges::sort(frames);
        std::ranges::sort(wanted);
    }
    EXPECT_TRUE(frames == wanted) << frames.size() << " frames instead of " << wanted.size();
}

} // namespace xt
