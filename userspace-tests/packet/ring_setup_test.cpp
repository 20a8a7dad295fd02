// SPDX-License-Identifier: GPL-2.0-or-later
// Making, mapping and taking away receive rings: every request is accepted or refused as by
// PF_PACKET, and nothing that comes and goes under traffic does harm.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "support/family.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/tpacket_ring.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr unsigned page = 4096;
constexpr unsigned frame = 2048;

using Change = void (*)(tpacket_req3&);
struct WrongRequest {
    const char* name;
    Change change;
};

constexpr WrongRequest wrong_requests[] = {
    {"as it should be", [](tpacket_req3&) {}},
    {"nothing", [](tpacket_req3& r) { r = {}; }},
    {"no block size", [](tpacket_req3& r) { r.tp_block_size = 0; }},
    {"negative block size", [](tpacket_req3& r) { r.tp_block_size = 0x80000000; }},
    {"almost 4 GB of block", [](tpacket_req3& r) { r.tp_block_size = 0xfffff000; }},
    {"part of a page", [](tpacket_req3& r) { r.tp_block_size = page + 16; }},
    {"half a page", [](tpacket_req3& r) { r = ring_request(2, page / 2, frame); }},
    {"three pages", [](tpacket_req3& r) { r = ring_request(2, 3 * page, frame); }},
    {"no blocks, frames", [](tpacket_req3& r) { r.tp_block_nr = 0; }},
    {"no blocks, no frames", [](tpacket_req3& r) { r.tp_block_nr = r.tp_frame_nr = 0; }},
    {"half of all blocks there are", [](tpacket_req3& r) { r.tp_block_nr = 0x80000000; }},
    {"all blocks there are", [](tpacket_req3& r) { r.tp_block_nr = 0xffffffff; }},
    {"frames that wrap", [](tpacket_req3& r) { r.tp_block_nr = 0x80000001, r.tp_frame_nr = 2; }},
    {"no frame size", [](tpacket_req3& r) { r.tp_frame_size = 0; }},
    {"odd frame size", [](tpacket_req3& r) { r = ring_request(4, page, 2040); }},
    {"frame of a header", [](tpacket_req3& r) { r = ring_request(4, page, 48); }},
    {"frame of 64 bytes", [](tpacket_req3& r) { r = ring_request(4, page, 64); }},
    {"frame of 80 bytes", [](tpacket_req3& r) { r = ring_request(4, page, 80); }},
    {"frame of a block", [](tpacket_req3& r) { r = ring_request(4, page, page); }},
    {"frame of more", [](tpacket_req3& r) { r.tp_frame_size = page + 16; }},
    {"huge frame", [](tpacket_req3& r) { r.tp_frame_size = 0xfffffff0; }},
    {"no frames", [](tpacket_req3& r) { r.tp_frame_nr = 0; }},
    {"a frame too few", [](tpacket_req3& r) { r.tp_frame_nr--; }},
    {"a frame too many", [](tpacket_req3& r) { r.tp_frame_nr++; }},
    {"private area", [](tpacket_req3& r) { r.tp_sizeof_priv = 1000; }},
    {"private area of a block", [](tpacket_req3& r) { r.tp_sizeof_priv = page; }},
    {"private area, all but a header",
     [](tpacket_req3& r) { r.tp_sizeof_priv = page - 48 - TPACKET3_HDRLEN - 4; }},
    {"private area, a little more",
     [](tpacket_req3& r) { r.tp_sizeof_priv = page - 48 - TPACKET3_HDRLEN + 4; }},
    {"private area that wraps", [](tpacket_req3& r) { r.tp_sizeof_priv = 0xfffffff8; }},
    {"private area that wraps to nothing", [](tpacket_req3& r) { r.tp_sizeof_priv = 0xffffffff; }},
    {"timeout", [](tpacket_req3& r) { r.tp_retire_blk_tov = 100; }},
    {"longest timeout", [](tpacket_req3& r) { r.tp_retire_blk_tov = 0xffffffff; }},
    {"features", [](tpacket_req3& r) { r.tp_feature_req_word = TP_FT_REQ_FILL_RXHASH; }},
    {"all features", [](tpacket_req3& r) { r.tp_feature_req_word = 0xffffffff; }},
};

tpacket_req3 usual_request() {
    return ring_request(4, page, frame);
}

class PacketRingSetup : public testing::TestWithParam<int> {
protected:
    static int version() { return GetParam(); }
    static void prepare(const Fd& socket) {
        set_option(socket, SOL_PACKET, PACKET_VERSION, version());
    }
    static Row row(const std::string& name, const std::function<long(int)>& call) {
        return {version_name(version()) + ", " + name, call};
    }
};

TEST_P(PacketRingSetup, each_request_is_accepted_or_refused_as_by_pf_packet) {
    std::vector<Row> rows;
    for (const auto& wrong : wrong_requests) {
        auto request = usual_request();
        wrong.change(request);
        rows.push_back(row(wrong.name, [=](int fd) { return set_ring(fd, version(), request); }));
    }
    for (const long size : {0L, 1L, 15L, 16L, 17L, 27L, 28L, 29L, 64L, -1L})
        rows.push_back(row(std::to_string(size) + " bytes", [=](int fd) {
            uint8_t value[64] = {};
            const auto request = usual_request();
            std::copy_n(reinterpret_cast<const uint8_t*>(&request), sizeof(request), value);
            return sys::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, value, size);
        }));
    rows.push_back(row("nowhere", [](int fd) {
        return sys::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, nullptr, sizeof(tpacket_req3));
    }));
    rows.push_back(row("nobody reads it", [](int fd) {
        uint8_t value[64];
        socklen_t size = sizeof(value);
        return sys::getsockopt(fd, SOL_PACKET, PACKET_RX_RING, value, &size);
    }));
    for (const Kind kind : packet_kinds)
        expect_equal_outcomes(kind, 0, rows, prepare);
}

TEST_P(PacketRingSetup, reserve_counts_as_header) {
    std::vector<Row> rows;
    for (const int reserve : {0, 1, 1900, 1979, 1980, 1981, 1996, 1997, 65535, 0x7fffffff})
        rows.push_back(row("reserve " + std::to_string(reserve), [=](int fd) {
            const long result =
                sys::setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve));
            return result < 0 ? result : set_ring(fd, version(), usual_request());
        }));
    expect_equal_outcomes(Kind::packet, 0, rows, prepare);
}

TEST_P(PacketRingSetup, what_a_ring_took_over_stays_while_it_is_there) {
    std::vector<Row> rows;
    for (const int option : {PACKET_VERSION, PACKET_RESERVE, PACKET_LOSS, PACKET_VNET_HDR,
                             PACKET_COPY_THRESH, PACKET_TIMESTAMP, PACKET_AUXDATA})
        rows.push_back(row("option " + std::to_string(option), [=](int fd) {
            const int one = 1;
            checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
            return sys::setsockopt(fd, SOL_PACKET, option, &one, sizeof(one));
        }));
    rows.push_back(row("another ring", [](int fd) {
        checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
        return set_ring(fd, version(), usual_request());
    }));
    rows.push_back(row("taken away, and another", [](int fd) {
        checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
        checked(set_ring(fd, version(), {}), "no PACKET_RX_RING");
        return set_ring(fd, version(), usual_request());
    }));
    rows.push_back(row("taken away twice", [](int fd) {
        checked(set_ring(fd, version(), {}), "no PACKET_RX_RING");
        return set_ring(fd, version(), {});
    }));
    expect_equal_outcomes(Kind::packet, 0, rows, prepare);
}

TEST_P(PacketRingSetup, ring_larger_than_the_machine_is_refused) {
    if (self_check())
        GTEST_SKIP() << "only a guest is small enough";
    const auto request = ring_request(1, 0x7ffff000, 0x7ffff000);
    expect_equal_outcomes(Kind::packet, 0,
                          {row("2 GB", [=](int fd) { return set_ring(fd, version(), request); })},
                          prepare);
}

// Returns 0, or -1 and errno, like other calls.
long map(int fd, size_t size, long offset = 0, int flags = MAP_SHARED) {
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, offset);
    if (at == MAP_FAILED)
        return -1;
    const int error = errno;
    ::munmap(at, size);
    errno = error;
    return 0;
}

TEST_P(PacketRingSetup, each_mapping_is_accepted_or_refused_as_by_pf_packet) {
    constexpr size_t all = size_t(4) * page;
    std::vector<Row> rows;
    rows.push_back(row("without a ring", [](int fd) { return map(fd, all); }));
    const auto mapped = [&](const std::string& name, size_t size, long offset, int flags) {
        rows.push_back(row(name, [=](int fd) {
            checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
            return map(fd, size, offset, flags);
        }));
    };
    mapped("all", all, 0, MAP_SHARED);
    mapped("private", all, 0, MAP_PRIVATE);
    mapped("a part", all - page, 0, MAP_SHARED);
    mapped("more", all + page, 0, MAP_SHARED);
    mapped("from the second page", all - page, page, MAP_SHARED);
    mapped("one page", page, 0, MAP_SHARED);
    rows.push_back(row("twice", [](int fd) {
        checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
        const Mapping first(fd, all);
        return map(fd, all);
    }));
    rows.push_back(row("taken away while mapped", [](int fd) {
        checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
        const Mapping mapping(fd, all);
        return set_ring(fd, version(), {});
    }));
    rows.push_back(row("taken away while a part is mapped", [](int fd) {
        checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
        const Mapping mapping(fd, all);
        checked(::munmap(mapping.at(page), page), "munmap");
        return set_ring(fd, version(), {});
    }));
    rows.push_back(row("taken away after mapping", [](int fd) {
        checked(set_ring(fd, version(), usual_request()), "PACKET_RX_RING");
        { const Mapping mapping(fd, all); }
        return set_ring(fd, version(), {});
    }));
    expect_equal_outcomes(Kind::packet, 0, rows, prepare);
}

// However often a ring is mapped, by whomever, it stays until the last mapping has gone, and no
// longer.
TEST_P(PacketRingSetup, mappings_are_counted_over_many_calls_and_processes) {
    constexpr size_t mappings = 300;
    constexpr int children = 8;
    const Fd socket = open_socket(Side::xinet, Kind::packet, 0);
    checked(set_ring(socket.get(), version(), usual_request()), "PACKET_RX_RING");
    const auto is_busy = [&] {
        return set_ring(socket.get(), version(), {}) < 0 && errno == EBUSY;
    };

    int go[2];
    checked(::pipe(go), "pipe");
    {
        std::vector<Mapping> all;
        for (size_t i = 0; i < mappings; i++)
            all.emplace_back(socket.get(), size_t(4) * page);
        for (int i = 0; i < children; i++) {
            const pid_t child = checked(::fork(), "fork");
            if (child == 0) {
                char byte;
                ::close(go[1]);
                // halves of mappings count as well
                for (size_t each = i; each < mappings; each += children)
                    ::munmap(all[each].at(page), page);
                ::_exit(::read(go[0], &byte, 1) < 0);
            }
        }
        EXPECT_TRUE(is_busy());
    }
    EXPECT_TRUE(is_busy()) << "the children have it mapped";
    ::close(go[0]);
    ::close(go[1]);
    for (int i = 0; i < children; i++) {
        int status = -1;
        checked(::wait(&status), "wait");
        EXPECT_EQ(status, 0);
    }
    EXPECT_EQ(set_ring(socket.get(), version(), {}), 0) << "nobody has it mapped any more";
}

// The mapping is the whole machine for a while: nothing here may hang, leak or be freed twice.
TEST_P(PacketRingSetup, rings_come_and_go_under_traffic) {
    constexpr int rounds = 60;
    const Fd socket = open_socket(Side::xinet, Kind::packet, experimental_ethertype);
    std::atomic<bool> stop = false;
    std::jthread traffic([&] {
        const Injector wire = Injector::at_peer();
        while (!stop)
            wire.send(ethernet(here_mac(), experimental_ethertype, repeated("traffic ", 200)));
    });
    size_t frames = 0;
    for (int i = 0; i < rounds; i++) {
        TpacketRing ring(socket, version(), ring_request(4, page, frame, 1));
        if (i % 2) {
            EXPECT_TRUE(wait_readable(socket.get()));
            frames += ring.take().size();
        }
        // the ring goes when its mapping has gone
        { const TpacketRing gone = std::move(ring); }
        EXPECT_EQ(set_ring(socket.get(), version(), {}), 0);
    }
    stop = true;
    EXPECT_GT(frames, 0U);
}

INSTANTIATE_TEST_SUITE_P(Versions, PacketRingSetup, testing::ValuesIn(ring_versions),
                         [](const auto& info) { return version_name(info.param); });

// Everything that AF_PACKET once got wrong when it happened at once: version and reserve against
// the making of a ring, a mapping and a rebind against its end, packets and timers against both.
TEST(PacketRingRaces, options_rings_mappings_and_traffic_at_once) {
    if (self_check())
        GTEST_SKIP() << "each ring costs the sibling grace periods";
    constexpr int rounds = 400;
    const Fd socket = open_socket(Side::xinet, Kind::packet, experimental_ethertype);
    const int fd = socket.get();
    std::atomic<bool> stop = false;
    std::atomic<unsigned> rings = 0;
    const auto forever = [&](auto&& body) {
        return std::jthread([&stop, body] {
            for (int i = 0; !stop; i++)
                body(i);
        });
    };
    {
        const auto versions = forever([fd](int i) {
            const int version = i % 3;
            sys::setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version));
        });
        const auto reserves = forever([fd](int i) {
            const int reserve = i % 2 ? 1000 : 70'000;
            sys::setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve));
        });
        const auto mappings = forever([fd](int i) {
            map(fd, size_t(i % 4 + 1) * page);
            poll_now(fd, POLLIN);
        });
        const auto binds = forever([fd](int i) {
            const auto address =
                link_address(experimental_ethertype, i % 2 ? link::index(here_device) : 0);
            sys::bind(fd, &address, sizeof(address));
            tpacket_stats_v3 statistics{};
            socklen_t size = sizeof(statistics);
            sys::getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size);
        });
        const Injector wire = Injector::at_peer();
        const auto traffic = forever([&](int) {
            wire.send(ethernet(here_mac(), experimental_ethertype, repeated("traffic ", 200)));
        });
        // on a slow machine the others may be in the way of all the first ones
        for (int i = 0; i < rounds || (rings == 0 && i < 100 * rounds); i++) {
            const auto request = ring_request(unsigned(i % 4 + 1), page, frame, 1);
            rings +=
                sys::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) == 0;
            const tpacket_req3 none{};
            sys::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none));
        }
        stop = true;
    }
    EXPECT_GT(rings, 0U);
    const tpacket_req3 none{};
    EXPECT_EQ(sys::setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &none, sizeof(none)), 0);
    // and it is a socket like any other
    receive_now(fd);
    Injector::at_peer().send(
        ethernet(here_mac(), experimental_ethertype, repeated("at last!", 64)));
    receive_marked(fd, "at last!");
}

struct RingOption {
    const char* name;
    int number;
};

constexpr RingOption ring_options[] = {
    {"PACKET_VERSION", PACKET_VERSION},       {"PACKET_HDRLEN", PACKET_HDRLEN},
    {"PACKET_RESERVE", PACKET_RESERVE},       {"PACKET_LOSS", PACKET_LOSS},
    {"PACKET_TIMESTAMP", PACKET_TIMESTAMP},   {"PACKET_COPY_THRESH", PACKET_COPY_THRESH},
    {"PACKET_STATISTICS", PACKET_STATISTICS},
};

// Older kernels' PF_PACKET cannot tell PACKET_COPY_THRESH; PF_XINET always can.
bool sibling_tells(int option) {
    const Fd socket = open_socket(Side::sibling, Kind::packet, 0);
    int value = 0;
    socklen_t size = sizeof(value);
    return sys::getsockopt(socket.get(), SOL_PACKET, option, &value, &size) == 0;
}

// What getsockopt() says of every option of rings.
std::string ring_state(int fd) {
    static const bool copy_thresh_is_told = sibling_tells(PACKET_COPY_THRESH);
    std::string text;
    for (const auto& option : ring_options) {
        if (option.number == PACKET_COPY_THRESH && !copy_thresh_is_told)
            continue;
        uint8_t value[16] = {};
        socklen_t size = sizeof(value);
        const long result = sys::getsockopt(fd, SOL_PACKET, option.number, value, &size);
        text += std::string(option.name) + "=" +
                (result < 0 ? strerrorname_np(errno) : hex(value, size)) + " ";
    }
    return text;
}

TEST(PacketRingOptions, each_value_is_accepted_or_refused_as_by_pf_packet) {
    std::vector<std::string> told[2];
    for (const Side side : both_sides)
        for (const auto& option : ring_options)
            for (const int value : {0, 1, 2, 3, 4, -1, 65535, 0x7fffffff, int(0x80000000)})
                for (const long size : {4L, 0L, 3L, 5L, 8L}) {
                    const Fd socket = open_socket(side, Kind::packet, 0);
                    const int values[2] = {value, 0};
                    const auto outcome = outcome_of([&] {
                        return sys::setsockopt(socket.get(), SOL_PACKET, option.number, values,
                                               size);
                    });
                    told[side == Side::xinet].push_back(
                        std::string(option.name) + " = " + std::to_string(value) + ", " +
                        std::to_string(size) + " bytes: " + std::to_string(outcome.result) + " " +
                        std::to_string(outcome.error) + ", then " + ring_state(socket.get()));
                }
    for (size_t i = 0; i < told[0].size(); i++)
        EXPECT_EQ(told[0][i], told[1][i]);
}

TEST(PacketRingOptions, header_lengths_are_told_as_by_pf_packet) {
    std::vector<Row> rows;
    for (const int version : {-1, 0, 1, 2, 3})
        for (const int size : {0, 1, 3, 4, 5, 8, -1})
            rows.push_back(
                {"version " + std::to_string(version) + ", " + std::to_string(size) + " bytes",
                 [=](int fd) {
                     int value[2] = {version, 0};
                     int length = size;
                     const long result =
                         sys::getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, value, &length);
                     return result < 0 ? result : value[0] * 100L + length;
                 }});
    expect_equal_outcomes(Kind::packet, 0, rows);
}

} // namespace
} // namespace xt
