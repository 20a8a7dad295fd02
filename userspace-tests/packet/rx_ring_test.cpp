// SPDX-License-Identifier: GPL-2.0-or-later
// XINET_RX_RING: lanes that many sockets read. What is in them is compared with a V3 ring of
// PF_PACKET; the rest is what the UAPI header promises.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <thread>

#include "support/capture_traffic.h"
#include "support/lanes.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"

namespace xt {
namespace {

constexpr size_t record_size = sizeof(xinet_rx_record);
constexpr unsigned page = 4096;

int error_of(const std::function<long()>& call) {
    return outcome_of(call).error;
}

class RxRing : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "PF_PACKET has nothing like it";
        if (lanes_are_refused)
            GTEST_SKIP() << "32-bit programs get no lanes";
    }
    static Fd open() { return open_socket(Side::xinet, Kind::packet, 0); }
    static Fd open_with(const xinet_rx_ring_req& request) {
        Fd socket = open();
        checked(set_lanes(socket.get(), request), "XINET_RX_RING");
        bind_to(socket, link_address(experimental_ethertype, link::index(here_device)));
        return socket;
    }
    static Fd attach_to(const Fd& from) {
        Fd socket = open();
        checked(attach_lanes(socket.get(), from.get()), "XINET_RX_RING_ATTACH");
        return socket;
    }
    // Returns when the last frame has passed every socket, see PacketStatistics.
    void send(size_t frames, size_t payload = 64) const {
        const Fd monitor = open_socket(Side::sibling, Kind::packet, experimental_ethertype + 1);
        for (size_t i = 0; i < frames; i++)
            wire_.send(ethernet(here_mac(), experimental_ethertype, repeated("payload ", payload)));
        wire_.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the end ", 64)));
        receive(monitor.get());
    }
    // How many such frames a lane holds.
    static size_t capacity(size_t payload) {
        const size_t record = record_size + ETH_HLEN + payload;
        return smallest_lane / ((record + 7) / 8 * 8);
    }
    static tpacket_stats statistics(const Fd& socket) {
        tpacket_stats result{};
        socklen_t length = sizeof(result);
        checked(sys::getsockopt(socket.get(), SOL_PACKET, PACKET_STATISTICS, &result, &length),
                "PACKET_STATISTICS");
        return result;
    }

    OnOneCpu one_cpu_;
    Injector wire_ = Injector::at_peer();
};

TEST_F(RxRing, request_is_judged_field_by_field) {
    const auto refused = [](auto change) {
        const Fd socket = open();
        auto request = lanes_request();
        change(request);
        return error_of([&] { return set_lanes(socket.get(), request); });
    };
    EXPECT_EQ(refused([](auto&) {}), 0);
    EXPECT_EQ(refused([](auto& r) { r.lane_size = 0; }), EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.lane_size = smallest_lane / 2; }), EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.lane_size = smallest_lane + page; }), EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.lane_size = XINET_RX_RING_LANE_MAX * 2; }), EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.flags = XINET_RX_RING_OVERWRITE << 1; }), EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.wake_packets = 0; }), EINVAL);
    EXPECT_EQ(refused([](auto& r) { r.reserved = 1; }), EINVAL);
    EXPECT_EQ(refused([](auto& r) {
                  r.wake_packets = 0;
                  r.wake_usec = 1;
              }),
              0);
}

TEST_F(RxRing, length_of_a_request_is_exact) {
    const Fd socket = open();
    const auto request = lanes_request();
    for (const long length : {0L, long(sizeof(request)) - 1, long(sizeof(request)) + 1})
        EXPECT_EQ(error_of([&] {
                      return sys::setsockopt(socket.get(), SOL_XINET, XINET_RX_RING, &request,
                                             length);
                  }),
                  EINVAL);
    EXPECT_EQ(error_of([&] {
                  return sys::setsockopt(socket.get(), SOL_XINET, XINET_RX_RING, nullptr,
                                         sizeof(request));
              }),
              EFAULT);
    xinet_rx_ring_info info{};
    socklen_t length = sizeof(info);
    EXPECT_EQ(error_of([&] {
                  return sys::getsockopt(socket.get(), SOL_XINET, XINET_RX_RING, &info, &length);
              }),
              ENOENT)
        << "nothing has changed";
}

TEST_F(RxRing, socket_has_one_ring_of_any_kind) {
    const auto request = ring_request(1, page, 2048);
    Fd socket = open();
    ASSERT_EQ(set_ring(socket.get(), TPACKET_V2, request), 0);
    EXPECT_EQ(error_of([&] { return set_lanes(socket.get(), lanes_request()); }), EBUSY);

    socket = open();
    ASSERT_EQ(set_lanes(socket.get(), lanes_request()), 0);
    EXPECT_EQ(error_of([&] { return set_lanes(socket.get(), lanes_request()); }), EBUSY);
    EXPECT_EQ(error_of([&] { return attach_lanes(socket.get(), socket.get()); }), EBUSY);
    for (const int option : {PACKET_RX_RING, PACKET_TX_RING})
        EXPECT_EQ(error_of([&] {
                      return sys::setsockopt(socket.get(), SOL_PACKET, option, &request,
                                             sizeof(tpacket_req));
                  }),
                  EBUSY);
    for (const int option : {PACKET_VERSION, PACKET_VNET_HDR}) {
        const int value = 1;
        EXPECT_EQ(error_of([&] {
                      return sys::setsockopt(socket.get(), SOL_PACKET, option, &value,
                                             sizeof(value));
                  }),
                  EBUSY);
    }
    EXPECT_EQ(error_of([&] { return command_lanes(socket.get(), XINET_PACKET_COOKED, 1); }), EBUSY);
}

TEST_F(RxRing, attaching_asks_for_a_socket_with_a_ring) {
    const Fd socket = open();
    const Fd without = open();
    const Fd sibling = open_socket(Side::sibling, Kind::packet, 0);
    const auto attach = [&](int from) {
        return error_of([&] { return attach_lanes(socket.get(), from); });
    };
    EXPECT_EQ(attach(-1), EBADF);
    EXPECT_EQ(attach(STDERR_FILENO), ENOTSOCK);
    EXPECT_EQ(attach(sibling.get()), EINVAL);
    EXPECT_EQ(attach(without.get()), EINVAL);
    for (const int option : {XINET_RX_RING_FLUSH, XINET_RX_RING_FREEZE})
        EXPECT_EQ(error_of([&] { return command_lanes(socket.get(), option, 1); }), ENOENT);
}

TEST_F(RxRing, commands_take_their_values_only) {
    const Fd socket = open_with(lanes_request());
    const auto command = [&](int option, int value) {
        return error_of([&] { return command_lanes(socket.get(), option, value); });
    };
    EXPECT_EQ(command(XINET_RX_RING_FLUSH, 0), EINVAL);
    EXPECT_EQ(command(XINET_RX_RING_FLUSH, 1), 0);
    EXPECT_EQ(command(XINET_RX_RING_FREEZE, 2), EINVAL);
    EXPECT_EQ(command(XINET_RX_RING_FREEZE, -1), EINVAL);
    EXPECT_EQ(command(XINET_RX_RING_FREEZE, 1), 0);
    EXPECT_EQ(command(XINET_RX_RING_FREEZE, 0), 0);
}

TEST_F(RxRing, ring_is_frozen_by_who_made_it) {
    const Fd socket = open_with(lanes_request());
    const Fd second = attach_to(socket);
    for (const int value : {1, 0})
        EXPECT_EQ(
            error_of([&] { return command_lanes(second.get(), XINET_RX_RING_FREEZE, value); }),
            EPERM);
    LaneReader reader(second.get());
    send(1);
    EXPECT_EQ(reader.take().size(), 1U);
}

// What one call of epoll_wait() says of a socket, with patience when that is not `nothing`.
uint32_t events_of(const Fd& epoll, bool wait = true) {
    epoll_event event{};
    const int patience = wait ? int(deadline.count()) : 0;
    return checked(::epoll_wait(epoll.get(), &event, 1, patience), "epoll_wait") ? event.events : 0;
}

Fd epoll_of(const Fd& socket) {
    Fd epoll(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
    checked(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket.get(), &event), "EPOLL_CTL_ADD");
    return epoll;
}

// epoll asks the socket once where it is to wait.
TEST_F(RxRing, who_polls_before_there_is_a_ring_is_woken) {
    Fd owner = open();
    const Fd reader = open();
    const Fd before = epoll_of(owner);
    const Fd before_attaching = epoll_of(reader);
    EXPECT_EQ(events_of(before, false) & EPOLLIN, 0U);
    checked(set_lanes(owner.get(), lanes_request()), "XINET_RX_RING");
    bind_to(owner, link_address(experimental_ethertype, link::index(here_device)));
    send(1);
    EXPECT_TRUE(events_of(before) & EPOLLIN);
    EXPECT_EQ(events_of(before_attaching, false) & EPOLLIN, 0U);
    checked(attach_lanes(reader.get(), owner.get()), "XINET_RX_RING_ATTACH");
    EXPECT_TRUE(events_of(before_attaching) & EPOLLIN) << "there is a packet already";
    send(1);
    EXPECT_TRUE(events_of(before) & EPOLLIN);
    EXPECT_TRUE(events_of(before_attaching) & EPOLLIN);
    owner = Fd();
    EXPECT_TRUE(events_of(before_attaching) & EPOLLHUP);
}

// A pipe holds the pages of positions longer than the reader whose they were.
TEST_F(RxRing, positions_of_a_reader_are_never_those_of_another) {
    const Fd owner = open_with(lanes_request());
    const uint64_t size = lanes_info(owner.get()).positions_length;
    int ends[2];
    checked(::pipe2(ends, O_CLOEXEC), "pipe2");
    const Fd out(ends[0]);
    const Fd in(ends[1]);
    const auto map = [&](const Fd& socket) {
        return LaneMapping(socket.get(), XINET_RX_RING_POSITIONS, size, PROT_READ | PROT_WRITE);
    };
    constexpr uint8_t mark = 0x5a;
    {
        const Fd reader = attach_to(owner);
        ASSERT_EQ(lanes_info(reader.get()).reader, 1U);
        const LaneMapping positions = map(reader);
        std::fill_n(positions.at(0), page, uint8_t(1));
        const iovec part{positions.at(0), page};
        ASSERT_EQ(::vmsplice(in.get(), &part, 1, 0), long(page));
    }
    const Fd reader = attach_to(owner);
    ASSERT_EQ(lanes_info(reader.get()).reader, 1U) << "the number is the same";
    const LaneMapping positions = map(reader);
    EXPECT_EQ(std::count(positions.at(0), positions.at(0) + page, 0), long(page));
    std::fill_n(positions.at(0), page, mark);
    Bytes held(page);
    ASSERT_EQ(::read(out.get(), held.data(), page), long(page));
    EXPECT_EQ(std::count(held.begin(), held.end(), mark), 0);
}

// A child has the mapping of its parent and keeps the reader in its place.
TEST_F(RxRing, reader_stays_while_a_child_has_its_mapping) {
    const Fd owner = open_with(lanes_request());
    const uint64_t size = lanes_info(owner.get()).positions_length;
    int ends[2];
    checked(::pipe2(ends, 0), "pipe2");
    const Fd out(ends[0]);
    Fd in(ends[1]);
    pid_t child = -1;
    {
        const Fd reader = attach_to(owner);
        const LaneMapping positions(reader.get(), XINET_RX_RING_POSITIONS, size,
                                    PROT_READ | PROT_WRITE);
        child = ::fork();
        if (child == 0) {
            ::close(reader.get());
            ::close(in.get());
            char byte = 0;
            ::_exit(::read(out.get(), &byte, 1) == 0 ? 0 : 1);
        }
    }
    ASSERT_GT(child, 0);
    EXPECT_EQ(lanes_info(attach_to(owner).get()).reader, 2U);
    in.close();
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(lanes_info(attach_to(owner).get()).reader, 1U);
}

TEST_F(RxRing, readers_have_numbers_that_are_given_out_again) {
    const Fd owner = open_with(lanes_request());
    std::vector<Fd> readers;
    for (unsigned i = 1; i < XINET_RX_RING_READERS; i++) {
        readers.push_back(attach_to(owner));
        EXPECT_EQ(lanes_info(readers.back().get()).reader, i);
    }
    const Fd late = open();
    EXPECT_EQ(error_of([&] { return attach_lanes(late.get(), owner.get()); }), ENOSPC);
    readers.erase(readers.begin() + 4);
    EXPECT_EQ(attach_lanes(late.get(), readers[0].get()), 0) << "by way of another reader";
    EXPECT_EQ(lanes_info(late.get()).reader, 5U);
}

TEST_F(RxRing, ring_is_mapped_for_reading_only_and_as_a_whole) {
    const Fd socket = open_with(lanes_request());
    const auto info = lanes_info(socket.get());
    const auto map = [&](size_t length, int protection, uint64_t offset) {
        void* at = mmap(nullptr, length, protection, MAP_SHARED, socket.get(), off_t(offset));
        if (at == MAP_FAILED)
            return errno;
        munmap(at, length);
        return 0;
    };
    EXPECT_EQ(map(info.length, PROT_READ, 0), 0);
    EXPECT_EQ(map(info.length, PROT_READ | PROT_WRITE, 0), EPERM);
    EXPECT_EQ(map(info.length - page, PROT_READ, 0), EINVAL);
    EXPECT_EQ(map(info.length + page, PROT_READ, 0), EINVAL);
    EXPECT_EQ(map(info.length - page, PROT_READ, page), EINVAL);
    EXPECT_EQ(map(info.positions_length, PROT_READ | PROT_WRITE, XINET_RX_RING_POSITIONS), 0);
    EXPECT_EQ(map(info.positions_length + page, PROT_READ, XINET_RX_RING_POSITIONS), EINVAL);

    const LaneMapping ring(socket.get(), 0, info.length, PROT_READ);
    EXPECT_EQ(error_of([&] { return mprotect(ring.at(0), info.length, PROT_READ | PROT_WRITE); }),
              EACCES);
}

TEST_F(RxRing, reader_is_woken_for_a_number_of_packets) {
    auto request = lanes_request();
    request.wake_packets = 3;
    const Fd socket = open_with(request);
    LaneReader reader(socket.get());
    send(2);
    EXPECT_EQ(reader.packets(), 2U);
    EXPECT_EQ(poll_now(socket.get(), POLLIN), 0);
    send(1);
    EXPECT_EQ(poll_now(socket.get(), POLLIN), POLLIN);
    EXPECT_EQ(reader.take().size(), 3U);
    EXPECT_EQ(poll_now(socket.get(), POLLIN), 0);
}

TEST_F(RxRing, reader_is_woken_when_time_has_passed) {
    auto request = lanes_request();
    request.wake_packets = 0;
    request.wake_usec = 1000;
    const Fd socket = open_with(request);
    LaneReader reader(socket.get());
    for (int i = 0; i < 2; i++) {
        send(1);
        ASSERT_TRUE(wait_readable(socket.get()));
        EXPECT_EQ(reader.take().size(), 1U);
    }
}

TEST_F(RxRing, reader_is_woken_by_a_flush) {
    auto request = lanes_request();
    request.wake_packets = 100;
    const Fd socket = open_with(request);
    const Fd second = attach_to(socket);
    LaneReader reader(socket.get());
    send(1);
    EXPECT_EQ(poll_now(socket.get(), POLLIN), 0);
    std::thread waiting([&] { EXPECT_TRUE(wait_readable(second.get())); });
    ASSERT_EQ(command_lanes(socket.get(), XINET_RX_RING_FLUSH, 1), 0);
    waiting.join();
    EXPECT_EQ(reader.take().size(), 1U);
}

TEST_F(RxRing, each_reader_gets_every_packet) {
    const Fd socket = open_with(lanes_request());
    const Fd second = attach_to(socket);
    LaneReader readers[] = {LaneReader(socket.get()), LaneReader(second.get())};
    send(5);
    for (LaneReader& reader : readers) {
        const auto packets = reader.take();
        ASSERT_EQ(packets.size(), 5U);
        for (size_t i = 0; i < packets.size(); i++)
            EXPECT_EQ(packets[i].record.seq, i);
    }
}

TEST_F(RxRing, packets_for_which_there_is_no_room_are_counted) {
    const Fd socket = open_with(lanes_request());
    LaneReader reader(socket.get());
    const size_t room = capacity(1000);
    send(room + 10, 1000);
    EXPECT_EQ(reader.packets(), room);
    EXPECT_EQ(reader.drops(), 10U);
    const auto counts = statistics(socket);
    EXPECT_EQ(counts.tp_packets, room + 10);
    EXPECT_EQ(counts.tp_drops, 10U);
    EXPECT_EQ(statistics(socket).tp_packets, 0U) << "read once";
    EXPECT_EQ(reader.take().size(), room);
    EXPECT_EQ(reader.lost(), 0U);
    send(1);
    EXPECT_EQ(reader.take().size(), 1U) << "there is room again";
}

TEST_F(RxRing, slow_reader_loses_alone_and_knows_how_many) {
    const Fd socket = open_with(lanes_request());
    const Fd second = attach_to(socket);
    LaneReader fast(socket.get());
    LaneReader slow(second.get());
    const size_t burst = capacity(1000) / 2;
    constexpr size_t bursts = 10;
    for (size_t i = 0; i < bursts; i++) {
        send(burst, 1000);
        EXPECT_EQ(fast.take().size(), burst);
    }
    EXPECT_EQ(fast.drops(), 0U);
    EXPECT_EQ(fast.lost(), 0U);
    const size_t left = slow.take().size();
    EXPECT_GE(left, burst);
    EXPECT_EQ(left + slow.lost(), bursts * burst);
}

TEST_F(RxRing, flight_recorder_keeps_the_newest_and_stands_still_when_frozen) {
    const Fd socket = open_with(lanes_request(smallest_lane, XINET_RX_RING_OVERWRITE));
    LaneReader reader(socket.get());
    const size_t room = capacity(1000);
    send(3 * room, 1000);
    ASSERT_EQ(command_lanes(socket.get(), XINET_RX_RING_FREEZE, 1), 0);
    send(5, 1000);
    EXPECT_EQ(reader.packets(), 3 * room);
    EXPECT_EQ(reader.drops(), 0U);
    EXPECT_EQ(reader.frozen(), 5U);
    const auto counts = statistics(socket);
    EXPECT_EQ(counts.tp_packets, 3 * room + 5);
    EXPECT_EQ(counts.tp_drops, 5U) << "those that came meanwhile";
    const auto packets = reader.take();
    EXPECT_GE(packets.size(), room - 1);
    EXPECT_EQ(packets.back().record.seq, 3 * room - 1);
    EXPECT_EQ(packets.size() + reader.lost(), 3 * room);
    ASSERT_EQ(command_lanes(socket.get(), XINET_RX_RING_FREEZE, 0), 0);
    send(1);
    EXPECT_EQ(reader.take().size(), 1U);
}

TEST_F(RxRing, position_that_cannot_be_frees_nothing) {
    const Fd socket = open_with(lanes_request());
    LaneReader reader(socket.get());
    send(capacity(1000), 1000);
    const uint64_t head = reader.used_lane().head;
    for (const uint64_t position : {UINT64_MAX, UINT64_MAX / 2, head + 8, uint64_t(0)}) {
        reader.set_positions(position);
        const uint64_t drops = reader.drops();
        send(1, 1000);
        EXPECT_EQ(reader.drops(), drops + 1) << position;
    }
    // In the middle of a record: that one is taken for read.
    reader.set_positions(reader.used_lane().tail + 1);
    send(1, 1000);
    EXPECT_EQ(reader.packets(), capacity(1000) + 1);
}

TEST_F(RxRing, length_kept_is_what_was_asked_for) {
    auto request = lanes_request();
    request.snaplen = 40;
    const Fd socket = open_with(request);
    LaneReader reader(socket.get());
    send(1, 1000);
    const auto packets = reader.take();
    ASSERT_EQ(packets.size(), 1U);
    EXPECT_EQ(packets[0].record.snaplen, 40U);
    EXPECT_EQ(packets[0].record.pkt_len, ETH_HLEN + 1000U);
    EXPECT_EQ(packets[0].data.size(), 40U);
}

TEST_F(RxRing, readers_outlive_the_socket_that_receives) {
    Fd socket = open_with(lanes_request());
    const Fd second = attach_to(socket);
    send(3);
    socket = Fd();
    EXPECT_EQ(poll_now(second.get(), POLLIN), POLLIN | POLLHUP);
    LaneReader reader(second.get());
    EXPECT_EQ(reader.take().size(), 3U);
    EXPECT_EQ(poll_now(second.get(), POLLIN), POLLHUP);
    const Fd third = attach_to(second);
    EXPECT_NE(lanes_info(third.get()).reader, 0U) << "that was the receiving socket's";
    EXPECT_EQ(statistics(third).tp_packets, 0U);
}

TEST_F(RxRing, mapping_outlives_every_socket) {
    Fd socket = open_with(lanes_request());
    const LaneReader reader(socket.get());
    send(3);
    socket = Fd();
    EXPECT_EQ(reader.packets(), 3U);
}

TEST_F(RxRing, member_of_a_fanout_group_has_one_as_well) {
    const Fd socket = open_with(lanes_request());
    const Fd other = open_with(lanes_request());
    for (const Fd* member : {&socket, &other})
        set_option(*member, SOL_PACKET, PACKET_FANOUT,
                   77 | (PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_ROLLOVER) << 16);
    LaneReader readers[] = {LaneReader(socket.get()), LaneReader(other.get())};
    send(10);
    for (LaneReader& reader : readers)
        EXPECT_EQ(reader.take().size(), 5U);
}

// Everything at once: traffic, readers that come, go and lie, wakeups, freezing.
TEST_F(RxRing, nothing_that_readers_do_breaks_the_kernel) {
    auto request = lanes_request(smallest_lane);
    request.wake_packets = 7;
    request.wake_usec = 50;
    const Fd socket = open_with(request);
    std::atomic<bool> stop = false;
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
        LaneReader honest(socket.get());
        while (!stop)
            honest.take();
    });
    threads.emplace_back([&] {
        for (uint64_t i = 0; !stop; i++) {
            const Fd second = attach_to(socket);
            LaneReader liar(second.get());
            liar.take();
            liar.set_positions(i * 0x9e3779b97f4a7c15U);
            command_lanes(second.get(), XINET_RX_RING_FLUSH, 1);
            command_lanes(socket.get(), XINET_RX_RING_FREEZE, int(i % 8 == 0));
            poll_now(second.get(), POLLIN);
        }
    });
    threads.emplace_back([&] {
        const int ifindex = link::index(here_device);
        while (!stop) {
            const Fd passing = open_with(lanes_request(smallest_lane, XINET_RX_RING_OVERWRITE));
            const LaneReader reader(passing.get());
            bind_to(passing, link_address(ETH_P_ALL, ifindex));
        }
    });
    for (int i = 0; i < 20; i++)
        send(30, size_t(60 + i * 70));
    stop = true;
    for (std::thread& thread : threads)
        thread.join();
    command_lanes(socket.get(), XINET_RX_RING_FREEZE, 0);
    LaneReader reader(socket.get());
    reader.take();
    send(1);
    EXPECT_EQ(reader.take().size(), 1U);
}

TEST(RxRing32, program_is_refused) {
    if (self_check() || !lanes_are_refused)
        GTEST_SKIP() << "for 32-bit programs";
    const Fd maker = open_socket(Side::xinet, Kind::packet, 0);
    const Fd reader = open_socket(Side::xinet, Kind::packet, 0);
    EXPECT_EQ(error_of([&] { return set_lanes(maker.get(), lanes_request()); }), EOPNOTSUPP);
    EXPECT_EQ(error_of([&] { return attach_lanes(reader.get(), maker.get()); }), EOPNOTSUPP);
}

class RxRingCapture : public CaptureTraffic {
protected:
    struct RxPair {
        Fd sibling, xinet;
    };
    RxPair make(Kind kind) const {
        constexpr unsigned never_ms = 3'600'000;
        RxPair pair{open_socket(Side::sibling, kind, 0), open_socket(Side::xinet, kind, 0)};
        checked(set_lanes(pair.xinet.get(), lanes_request(1 << 20)), "XINET_RX_RING");
        set_option(pair.sibling, SOL_PACKET, PACKET_VERSION, TPACKET_V3);
        request_ = ring_request(16, 1 << 16, 2048, never_ms);
        return pair;
    }
    // What the tests have sent, in the order of time, up to the last fence.
    static std::vector<RingFrame> until_the_last(const std::vector<RingFrame>& frames) {
        std::vector<RingFrame> result;
        std::copy_if(frames.begin(), frames.end(), std::back_inserter(result),
                     [](const RingFrame& frame) { return contains(frame.data, "xt-"); });
        // The lanes come one after the other; both rings tell the same times.
        std::stable_sort(result.begin(), result.end(), [](const auto& one, const auto& other) {
            return one.nanoseconds < other.nanoseconds;
        });
        result.erase(
            std::find_if(result.begin(), result.end(),
                         [](const RingFrame& frame) { return contains(frame.data, "xt-last-"); }),
            result.end());
        set_ways_apart(result, [](const RingFrame& frame) {
            return frame.address().sll_pkttype == PACKET_OUTGOING;
        });
        return result;
    }
    mutable tpacket_req3 request_{};
};

TEST_F(RxRingCapture, all_traffic_is_that_of_a_ring_of_pf_packet) {
    if (self_check())
        GTEST_SKIP() << "PF_PACKET has nothing like it";
    if (lanes_are_refused)
        GTEST_SKIP() << "32-bit programs get no lanes";
    set_option(monitor_, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    for (const Kind kind : packet_kinds) {
        SCOPED_TRACE(to_string(kind));
        const RxPair pair = make(kind);
        TpacketRing theirs(pair.sibling, TPACKET_V3, request_);
        LaneReader ours(pair.xinet.get());
        for (const Fd* socket : {&pair.sibling, &pair.xinet})
            bind_to(*socket, link_address(ETH_P_ALL, 0));
        run(all_steps());
        for (size_t i = 0; i < 60; i++) {
            if (i % longest_burst == 0)
                fence();
            in(ethernet(here_mac_, experimental_ethertype, repeated("filler--", 1400)));
        }
        fence_all();

        const auto expected = until_the_last(theirs.take_through("xt-last-"));
        std::vector<RingFrame> all;
        for (const LanePacket& packet : ours.take())
            all.push_back(packet.as_frame());
        auto got = until_the_last(all);
        ASSERT_GT(expected.size(), 10U);
        ASSERT_EQ(expected.size(), got.size());
        for (size_t i = 0; i < got.size(); i++) {
            const RingFrame& theirs_i = expected[i];
            EXPECT_EQ(theirs_i.net - theirs_i.mac, got[i].net - got[i].mac);
            EXPECT_EQ(theirs_i.time_source, got[i].time_source);
            if (got[i].time_source) {
                EXPECT_EQ(theirs_i.nanoseconds, got[i].nanoseconds);
            }
            got[i].mac = theirs_i.mac;
            got[i].net = theirs_i.net;
            got[i].padding = theirs_i.padding;
            EXPECT_EQ(theirs_i, got[i]) << "frame " << i << ": the sibling, then PF_XINET";
        }
    }
}

} // namespace
} // namespace xt
