// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/capture_writer.h"

#include "tests/bytes.h"
#include "tests/temporary_directory.h"
#include "xinet/error.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <thread>

namespace {

using xinet::test::bytes;
using xinet::test::Bytes;
using xinet::test::operator+;
using Reader = std::unique_ptr<pcap_t, decltype(&::pcap_close)>;

constexpr xinet::Timestamp moment{std::chrono::nanoseconds(1'700'000'000'123'456'789)};

xinet::CaptureDescription description(xinet::LinkType type) {
    return {.link_type = type,
            .snapshot_length = 4096,
            .interface_name = "veth0",
            .filter = "icmp or arp",
            .application = "a test"};
}

xinet::CapturedPacket packet(const Bytes& data, std::uint32_t original_length) {
    return {.data = data,
            .original_length = original_length,
            .timestamp = moment,
            .interface_index = 7,
            .packet_type = PACKET_OUTGOING};
}

Reader open_reader(const std::string& path) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    Reader reader(::pcap_open_offline_with_tstamp_precision(
                      path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()),
                  &::pcap_close);
    EXPECT_NE(reader, nullptr) << error.data();
    return reader;
}

Bytes contents(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto raw = std::as_bytes(std::span(text));
    return {raw.begin(), raw.end()};
}

bool holds(const Bytes& haystack, const Bytes& needle) {
    return !std::ranges::search(haystack, needle).empty();
}

class WriterRoundTrip : public testing::TestWithParam<std::tuple<const char*, xinet::LinkType>> {
protected:
    std::string path() const { return directory_.file(std::get<0>(GetParam())); }
    static xinet::LinkType type() { return std::get<1>(GetParam()); }

    xinet::test::TemporaryDirectory directory_;
};

TEST_P(WriterRoundTrip, libpcap_reads_back_what_was_written) {
    const std::vector<Bytes> packets{bytes({1, 2, 3}), bytes({4, 5, 6, 7}), Bytes(2000)};
    const auto writer = xinet::make_writer(xinet::OutputFile(path()), description(type()));
    for (const Bytes& data : packets) {
        writer->write(packet(data, static_cast<std::uint32_t>(data.size() + 100)));
    }
    writer->finish({.received = 3, .dropped = 1});

    const Reader reader = open_reader(path());
    ASSERT_NE(reader, nullptr);
    EXPECT_EQ(::pcap_snapshot(reader.get()), 4096);
    for (const Bytes& data : packets) {
        pcap_pkthdr* header = nullptr;
        const u_char* body = nullptr;
        ASSERT_EQ(::pcap_next_ex(reader.get(), &header, &body), 1) << ::pcap_geterr(reader.get());
        EXPECT_EQ(header->caplen, data.size());
        EXPECT_EQ(header->len, data.size() + 100);
        EXPECT_EQ(header->ts.tv_sec, 1'700'000'000);
        EXPECT_EQ(header->ts.tv_usec, 123'456'789);
        EXPECT_EQ(std::memcmp(body, data.data(), data.size()), 0);
    }
    pcap_pkthdr* header = nullptr;
    const u_char* body = nullptr;
    EXPECT_EQ(::pcap_next_ex(reader.get(), &header, &body), PCAP_ERROR_BREAK);
}

TEST_P(WriterRoundTrip, libpcap_knows_the_link_type) {
    xinet::make_writer(xinet::OutputFile(path()), description(type()))->finish({});
    const Reader reader = open_reader(path());
    ASSERT_NE(reader, nullptr);
    EXPECT_EQ(::pcap_datalink(reader.get()), xinet::filter_link_type(type()));
}

INSTANTIATE_TEST_SUITE_P(Formats, WriterRoundTrip,
                         testing::Combine(testing::Values("a.pcap", "a.pcapng"),
                                          testing::Values(xinet::LinkType::ethernet,
                                                          xinet::LinkType::raw_ip,
                                                          xinet::LinkType::linux_sll2)));

TEST(PcapWriter, starts_with_the_nanosecond_magic) {
    const xinet::test::TemporaryDirectory directory;
    xinet::make_writer(xinet::OutputFile(directory.file("a.pcap")),
                       description(xinet::LinkType::ethernet))
        ->finish({});
    const std::uint32_t magic = 0xa1b23c4d;
    Bytes expected(sizeof(magic));
    std::memcpy(expected.data(), &magic, sizeof(magic));
    const Bytes file = contents(directory.file("a.pcap"));
    ASSERT_EQ(file.size(), 24U);
    EXPECT_TRUE(std::ranges::equal(std::span(file).first(4), expected));
}

struct Block {
    std::uint32_t type = 0;
    std::uint32_t length = 0;
    bool operator==(const Block&) const = default;
};

/// Walks the blocks: type, length, ..., length.
std::vector<Block> blocks(const Bytes& file) {
    std::vector<Block> result;
    std::size_t at = 0;
    while (at + 12 <= file.size()) {
        std::array<std::uint32_t, 2> start{};
        std::memcpy(start.data(), &file[at], sizeof(start));
        std::uint32_t end = 0;
        if (start[1] < 12 || start[1] % 4 != 0 || at + start[1] > file.size()) {
            ADD_FAILURE() << "block length " << start[1] << " at " << at;
            return result;
        }
        std::memcpy(&end, &file[at + start[1] - 4], sizeof(end));
        EXPECT_EQ(end, start[1]);
        result.push_back({start[0], start[1]});
        at += start[1];
    }
    EXPECT_EQ(at, file.size());
    return result;
}

std::vector<std::uint32_t> block_types(const Bytes& file) {
    std::vector<std::uint32_t> types;
    std::ranges::transform(blocks(file), std::back_inserter(types), &Block::type);
    return types;
}

TEST(PcapngWriter, blocks_come_in_order_with_matching_lengths) {
    const xinet::test::TemporaryDirectory directory;
    const std::string path = directory.file("a.pcapng");
    const auto writer =
        xinet::make_writer(xinet::OutputFile(path), description(xinet::LinkType::ethernet));
    writer->write(packet(bytes({1, 2, 3, 4, 5}), 5));
    writer->finish({.received = 2, .dropped = 258});
    EXPECT_EQ(block_types(contents(path)), (std::vector<std::uint32_t>{0x0a0d0d0a, 1, 6, 5}));
}

// The bytes below are little-endian, as is every machine these tests run on.
TEST(PcapngWriter, options_say_interface_resolution_filter_direction_and_drops) {
    const xinet::test::TemporaryDirectory directory;
    const std::string path = directory.file("a.pcapng");
    const auto writer =
        xinet::make_writer(xinet::OutputFile(path), description(xinet::LinkType::ethernet));
    writer->write(packet(bytes({1, 2, 3, 4}), 4));
    writer->finish({.received = 2, .dropped = 258});
    const Bytes file = contents(path);
    EXPECT_TRUE(holds(file, bytes({2, 0, 5, 0, 'v', 'e', 't', 'h', '0', 0, 0, 0})));
    EXPECT_TRUE(holds(file, bytes({9, 0, 1, 0, 9, 0, 0, 0})));
    EXPECT_TRUE(holds(file, bytes({11, 0, 12, 0, 0, 'i', 'c', 'm', 'p'})));
    EXPECT_TRUE(holds(file, bytes({2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0}))); // outbound
    EXPECT_TRUE(holds(file, bytes({6, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0}))); // accepted
    EXPECT_TRUE(holds(file, bytes({7, 0, 8, 0, 2, 1, 0, 0, 0, 0, 0, 0})));
}

struct Option {
    std::uint16_t code = 0;
    Bytes value;
    bool operator==(const Option&) const = default;
};

/// Of the blocks of that type, whose options begin @p skip bytes after their start.
std::vector<std::vector<Option>> options_of(const Bytes& file, std::uint32_t type,
                                            std::size_t skip) {
    std::vector<std::vector<Option>> result;
    std::size_t at = 0;
    for (const Block& block : blocks(file)) {
        if (block.type == type) {
            auto& options = result.emplace_back();
            std::size_t option = at + skip;
            while (option + 4 <= at + block.length - 4) {
                std::array<std::uint16_t, 2> head{};
                std::memcpy(head.data(), &file[option], sizeof(head));
                if (head[0] == 0) {
                    break;
                }
                const auto value = file.begin() + static_cast<std::ptrdiff_t>(option) + 4;
                options.push_back({head[0], {value, value + head[1]}});
                option += 4 + (head[1] + 3U) / 4 * 4;
            }
        }
        at += block.length;
    }
    return result;
}

template<class Value>
Bytes raw(const Value& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    return {bytes.begin(), bytes.end()};
}

Bytes text(std::string_view value) {
    const auto bytes = std::as_bytes(std::span(value));
    return {bytes.begin(), bytes.end()};
}

/// Writes them and returns what their blocks say.
std::vector<std::vector<Option>> written(const std::vector<xinet::CapturedPacket>& packets) {
    const xinet::test::TemporaryDirectory directory;
    const std::string path = directory.file("a.pcapng");
    const auto writer =
        xinet::make_writer(xinet::OutputFile(path), description(xinet::LinkType::ethernet));
    std::ranges::for_each(packets, [&](const auto& captured) { writer->write(captured); });
    writer->finish({});
    constexpr std::size_t header_and_data = 28 + 4;
    return options_of(contents(path), 6, header_and_data);
}

// https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcapng/, Enhanced Packet Block Flags Word
TEST(PcapngWriter, flags_say_direction_reception_checksum_and_segmentation) {
    const Bytes data = bytes({1, 2, 3, 4});
    struct Case {
        std::uint8_t type;
        std::uint32_t status;
        std::uint32_t flags;
    };
    for (const Case& each : {Case{PACKET_HOST, 0, 0x005}, Case{PACKET_MULTICAST, 0, 0x009},
                             Case{PACKET_BROADCAST, 0, 0x00d}, Case{PACKET_OTHERHOST, 0, 0x011},
                             Case{PACKET_OUTGOING, TP_STATUS_CSUMNOTREADY, 0x202},
                             Case{PACKET_HOST, TP_STATUS_CSUM_VALID, 0x405},
                             Case{PACKET_OUTGOING, TP_STATUS_CSUMNOTREADY | 0x100, 0xa02}}) {
        xinet::CapturedPacket captured = packet(data, 4);
        captured.packet_type = each.type;
        captured.status = each.status;
        EXPECT_EQ(written({captured}), (std::vector<std::vector<Option>>{{{2, raw(each.flags)}}}));
    }
}

TEST(PcapngWriter, what_the_kernel_told_is_in_custom_options) {
    const Bytes data = bytes({1, 2, 3, 4});
    xinet_owner owner{};
    owner.cookie = 7;
    owner.flags = XINET_OWNER_SOCKET;
    xinet_dropped dropped{};
    dropped.reason = 5;
    std::ranges::copy(std::string_view("NO_SOCKET"), dropped.name);
    xinet_netns netns{};
    netns.netns = 33;
    const xinet_original original{.done = XINET_ORIGINAL_SEGMENTED, .segment = 1, .segments = 3};
    xinet::CapturedPacket captured = packet(data, 4);
    captured.owner = &owner;
    captured.dropped = &dropped;
    captured.netns = &netns;
    const xinet_point point{
        .packet = 12, .point = XINET_POINT_FORWARD, .flags = 0, .in = 2, .out = 3};
    captured.original = &original;
    captured.point = &point;
    const xinet_queue queue{.queue = 3, .reserved = 0};
    captured.queue = &queue;
    captured.comment = "five";
    captured.process = 77;

    const Bytes magic = raw(std::uint32_t{32473}) + text(std::string_view("xinet\0", 6));
    const auto custom = [&](std::uint8_t kind, const Bytes& value) {
        return Option{2989, magic + bytes({kind, 1}) + value};
    };
    EXPECT_EQ(written({captured}), (std::vector<std::vector<Option>>{
                                       {{2, raw(std::uint32_t{0})}, // dropped: no direction
                                        {5, raw(std::uint64_t{12})},
                                        {6, raw(std::uint32_t{3})},
                                        {8, bytes({77, 0, 0, 0, 0, 0, 0, 0})},
                                        {1, text("five")},
                                        custom(XINET_OWNER, raw(owner)),
                                        custom(XINET_DROPPED, raw(dropped)),
                                        custom(XINET_NETNS, raw(netns)),
                                        custom(XINET_ORIGINAL, raw(original)),
                                        custom(XINET_POINT, raw(point))}}));
}

TEST(PcapngWriter, queue_alone_is_an_option) {
    const Bytes data = bytes({1, 2, 3, 4});
    xinet::CapturedPacket captured = packet(data, 4);
    captured.packet_type = PACKET_HOST;
    const xinet_queue queue{.queue = 0, .reserved = 0};
    captured.queue = &queue;
    EXPECT_EQ(written({captured}), (std::vector<std::vector<Option>>{
                                       {{2, raw(std::uint32_t{5})}, {6, raw(std::uint32_t{0})}}}));
}

TEST(PcapngWriter, each_interface_is_described_once) {
    const xinet::test::TemporaryDirectory directory;
    const std::string path = directory.file("a.pcapng");
    const auto writer =
        xinet::make_writer(xinet::OutputFile(path), description(xinet::LinkType::ethernet));
    const Bytes data = bytes({1, 2, 3, 4});
    xinet::CapturedPacket captured = packet(data, 4);
    for (const char* name : {"eth0", "eth1", "eth0", ""}) {
        captured.interface_name = name;
        captured.interface_index = name == std::string_view("eth1") ? 2 : 1;
        writer->write(captured);
    }
    writer->finish({});
    const Bytes file = contents(path);
    EXPECT_EQ(block_types(file), (std::vector<std::uint32_t>{0x0a0d0d0a, 1, 1, 6, 1, 6, 6, 6, 5}));
    std::vector<std::uint32_t> interfaces;
    std::size_t at = 0;
    for (const Block& block : blocks(file)) {
        if (block.type == 6) {
            std::memcpy(&interfaces.emplace_back(), &file[at + 8], sizeof(std::uint32_t));
        }
        at += block.length;
    }
    EXPECT_EQ(interfaces, (std::vector<std::uint32_t>{1, 2, 1, 0}));
}

TEST(PcapngWriter, comment_longer_than_an_option_can_be_is_cut) {
    const Bytes data = bytes({1, 2, 3, 4});
    const std::string longest(70000, 'x');
    xinet::CapturedPacket captured = packet(data, 4);
    captured.comment = longest;
    const auto found = written({captured});
    ASSERT_EQ(found.size(), 1U);
    ASSERT_EQ(found.front().size(), 2U);
    EXPECT_EQ(found.front().back().value.size(), 65535U);
}

TEST(PcapngWriter, statistics_say_why_packets_were_lost) {
    const xinet::test::TemporaryDirectory directory;
    const std::string path = directory.file("a.pcapng");
    const auto writer =
        xinet::make_writer(xinet::OutputFile(path), description(xinet::LinkType::ethernet));
    writer->finish({.received = 2, .dropped = 1, .reasons = {0, 1}});
    const auto found = options_of(contents(path), 5, 20);
    ASSERT_EQ(found.size(), 1U);
    const Bytes magic = raw(std::uint32_t{32473}) + text(std::string_view("xinet\0", 6));
    EXPECT_EQ(found.front().back(), (Option{2989, magic + bytes({255, 1}) + raw(std::uint64_t{0}) +
                                                      raw(std::uint64_t{1})}));
}

TEST(OutputFile, names_the_file_it_cannot_open) {
    try {
        const xinet::OutputFile file("/nonexistent/x.pcap");
        FAIL() << "opened";
    } catch (const xinet::Error& error) {
        EXPECT_EQ(error.object(), "/nonexistent/x.pcap");
        EXPECT_EQ(error.code(), ENOENT);
    }
}

TEST(OutputFile, is_for_its_owner_alone) {
    const xinet::test::TemporaryDirectory directory;
    const xinet::OutputFile file(directory.file("a.pcap"));
    struct stat status {};
    ASSERT_EQ(::stat(directory.file("a.pcap").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST(OutputFile, format_follows_the_suffix_in_whatever_case) {
    EXPECT_TRUE(xinet::names_pcapng("a.pcapng"));
    EXPECT_TRUE(xinet::names_pcapng("A.PCAPNG"));
    EXPECT_FALSE(xinet::names_pcapng("a.pcapng.pcap"));
    EXPECT_FALSE(xinet::names_pcapng("pcapng"));
}

TEST(OutputFile, gives_up_when_it_is_told_to) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const xinet::FileDescriptor reader(ends[0]);
    xinet::OutputFile file(xinet::FileDescriptor(ends[1]), "a pipe");
    file.wait_by([](int descriptor) {
        pollfd room{.fd = descriptor, .events = POLLOUT, .revents = 0};
        return ::poll(&room, 1, 0) == 1;
    });
    file.append(Bytes(1 << 20));
    EXPECT_THROW(file.flush(), xinet::Error);
}

// Who else has the pipe may have made it so.
TEST(OutputFile, waits_for_a_reader_of_what_does_not_block) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    const xinet::FileDescriptor reader(ends[0]);
    constexpr std::size_t size = 1 << 20;
    std::size_t got = 0;
    std::thread thread([&] {
        Bytes room(size);
        pollfd packets{.fd = reader.get(), .events = POLLIN, .revents = 0};
        while (got < size && ::poll(&packets, 1, 5000) == 1) {
            got += static_cast<std::size_t>(::read(reader.get(), room.data(), room.size()));
        }
    });
    xinet::OutputFile file(xinet::FileDescriptor(ends[1]), "a pipe");
    file.append(Bytes(size));
    EXPECT_NO_THROW(file.close());
    thread.join();
    EXPECT_EQ(got, size);
}

TEST(OutputFile, reports_a_full_disk) {
    xinet::OutputFile file("/dev/full");
    file.append(bytes({1}));
    EXPECT_THROW(file.flush(), xinet::Error);
}

} // namespace
