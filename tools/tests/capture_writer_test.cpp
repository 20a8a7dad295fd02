// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/capture_writer.h"

#include "tests/bytes.h"
#include "tests/temporary_directory.h"
#include "xinet/error.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>

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
    const auto writer = xinet::make_writer(path(), description(type()));
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
    xinet::make_writer(path(), description(type()))->finish({});
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
    xinet::make_writer(directory.file("a.pcap"), description(xinet::LinkType::ethernet))
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
    const auto writer = xinet::make_writer(path, description(xinet::LinkType::ethernet));
    writer->write(packet(bytes({1, 2, 3, 4, 5}), 5));
    writer->finish({.received = 2, .dropped = 258});
    EXPECT_EQ(block_types(contents(path)), (std::vector<std::uint32_t>{0x0a0d0d0a, 1, 6, 5}));
}

// The bytes below are little-endian, as is every machine these tests run on.
TEST(PcapngWriter, options_say_interface_resolution_filter_direction_and_drops) {
    const xinet::test::TemporaryDirectory directory;
    const std::string path = directory.file("a.pcapng");
    const auto writer = xinet::make_writer(path, description(xinet::LinkType::ethernet));
    writer->write(packet(bytes({1, 2, 3, 4}), 4));
    writer->finish({.received = 2, .dropped = 258});
    const Bytes file = contents(path);
    EXPECT_TRUE(holds(file, bytes({2, 0, 5, 0, 'v', 'e', 't', 'h', '0', 0, 0, 0})));
    EXPECT_TRUE(holds(file, bytes({9, 0, 1, 0, 9, 0, 0, 0})));
    EXPECT_TRUE(holds(file, bytes({11, 0, 12, 0, 0, 'i', 'c', 'm', 'p'})));
    EXPECT_TRUE(holds(file, bytes({2, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0})));
    EXPECT_TRUE(holds(file, bytes({4, 0, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0})));
    EXPECT_TRUE(holds(file, bytes({7, 0, 8, 0, 2, 1, 0, 0, 0, 0, 0, 0})));
}

TEST(PcapngWriter, block_of_a_packet_that_came_in_has_no_options) {
    const xinet::test::TemporaryDirectory directory;
    const std::string path = directory.file("a.pcapng");
    const auto writer = xinet::make_writer(path, description(xinet::LinkType::ethernet));
    const Bytes data(61);
    for (const std::uint8_t type :
         {PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, PACKET_OUTGOING}) {
        xinet::CapturedPacket captured = packet(data, 61);
        captured.packet_type = type;
        writer->write(captured);
    }
    writer->finish({});
    const std::vector<Block> found = blocks(contents(path));
    ASSERT_EQ(found.size(), 8U);
    constexpr std::uint32_t without = 28 + 64 + 4;
    EXPECT_EQ(std::vector(found.begin() + 2, found.end() - 1),
              (std::vector<Block>{
                  {6, without}, {6, without}, {6, without}, {6, without}, {6, without + 12}}));
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

TEST(OutputFile, reports_a_full_disk) {
    xinet::OutputFile file("/dev/full");
    file.append(bytes({1}));
    EXPECT_THROW(file.flush(), xinet::Error);
}

} // namespace
