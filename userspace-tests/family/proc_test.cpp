// SPDX-License-Identifier: GPL-2.0-or-later
// /proc/net/xinet/: the same columns, formats and values as the files of the siblings, and what
// only this family has.
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <thread>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        lines.push_back(line);
    return lines;
}

// That of the calling thread's namespace; /proc/net would be that of the process.
std::string proc_net(const std::string& file) {
    return "/proc/thread-self/net/" + file;
}

ino_t inode_of(const Fd& socket) {
    struct stat status {};
    checked(fstat(socket.get(), &status), "fstat");
    return status.st_ino;
}

// The line that has a socket's inode as one of its words.
std::string line_of(const std::string& path, const Fd& socket) {
    const std::regex word("\\b" + std::to_string(inode_of(socket)) + "\\b");
    for (const std::string& line : lines_of(path))
        if (std::regex_search(line, word))
            return line;
    return "none";
}

// What belongs to the one socket only becomes a word of the same width, or of one.
std::string without(std::string line, const std::string& expression, bool same_width = true) {
    std::smatch found;
    if (std::regex_search(line, found, std::regex(expression)))
        line.replace(found.position(1), found.length(1),
                     std::string(same_width ? size_t(found.length(1)) : 1, '#'));
    return line;
}

std::string comparable_raw(const Fd& socket, Side side) {
    std::string line = line_of(proc_net(side == Side::xinet ? "xinet/raw" : "raw"), socket);
    line = without(line, "^( *[0-9]+):");                              // place in the table
    line = without(line, " ([0-9]+) [0-9]+ [0-9a-f]+ [0-9]+$", false); // inode
    return without(line, " ([0-9a-f]{16}|[0-9a-f]{8}) [0-9]+$");       // address of the socket
}

std::string comparable_packet(const Fd& socket, Side side) {
    std::string line = line_of(proc_net(side == Side::xinet ? "xinet/packet" : "packet"), socket);
    line = without(line, "^([0-9a-f]+) ");         // address of the socket
    line = without(line, "^[#0-9a-f]+ ([0-9]+) "); // references: of each family's own making
    return without(line, " ([0-9]+) *$");          // inode
}

class Proc : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }
};

TEST_F(Proc, headings_are_those_of_the_siblings) {
    EXPECT_EQ(lines_of(proc_net("xinet/raw")).at(0), lines_of(proc_net("raw")).at(0));
    EXPECT_EQ(lines_of(proc_net("xinet/packet")).at(0), lines_of(proc_net("packet")).at(0));
}

TEST_F(Proc, raw_lines_are_those_of_the_sibling) {
    std::vector<Fd> sockets[2];
    for (const Side side : both_sides) {
        auto& mine = sockets[side == Side::xinet];
        for (const int protocol : {1, 2, 47, 253, 255})
            mine.push_back(open_raw(side, protocol));
        mine.push_back(open_raw(side, 254));
        bind_to(mine.back(), ipv4_address(here_address));
        mine.push_back(open_raw(side, 254));
        const sockaddr_in peer = ipv4_address(peer_address);
        ASSERT_EQ(sys::connect(mine.back().get(), &peer, sizeof(peer)), 0);
        mine.push_back(open_raw(side, 254));
        bind_to(mine.back(), ipv4_address("127.0.0.1"));
    }
    for (size_t i = 0; i < sockets[0].size(); i++) {
        SCOPED_TRACE(i);
        const std::string line = comparable_raw(sockets[1][i], Side::xinet);
        EXPECT_NE(line, "none");
        EXPECT_EQ(line, comparable_raw(sockets[0][i], Side::sibling));
    }
}

TEST_F(Proc, raw_line_tells_of_memory_and_drops) {
    const Fd raw = open_raw(Side::xinet, experimental_protocol);
    const Fd sibling = open_raw(Side::sibling, experimental_protocol);
    Ipv4 header;
    for (const Fd* socket : {&raw, &sibling})
        set_option(*socket, SOL_SOCKET, SO_RCVBUF, 1);
    const Injector peer = Injector::at_peer();
    for (int i = 0; i < 20; i++)
        peer.send(ethernet(here_mac(), ETH_P_IP, header.packet(repeated("storm ", 1000))));
    ASSERT_TRUE(wait_readable(raw.get()));
    ASSERT_TRUE(wait_readable(sibling.get()));
    const auto end = std::chrono::steady_clock::now() + deadline;
    const auto drops = [](const std::string& line) { return line.substr(line.rfind(' ')); };
    while (drops(comparable_raw(raw, Side::xinet)) == " 0" &&
           std::chrono::steady_clock::now() < end)
        std::this_thread::yield();
    EXPECT_NE(drops(comparable_raw(raw, Side::xinet)), " 0");
    EXPECT_EQ(comparable_raw(raw, Side::xinet).find("00000000:00000000 00:"), std::string::npos);
}

TEST_F(Proc, packet_lines_are_those_of_the_sibling) {
    std::vector<Fd> sockets[2];
    for (const Side side : both_sides) {
        auto& mine = sockets[side == Side::xinet];
        for (const int ethertype : {0, int{experimental_ethertype}, ETH_P_ARP})
            mine.push_back(open_socket(side, Kind::packet, ethertype));
        mine.push_back(open_socket(side, Kind::cooked, experimental_ethertype));
        mine.push_back(open_socket(side, Kind::packet, 0));
        bind_to(mine.back(), link_address(experimental_ethertype, link::index(here_device)));
    }
    for (size_t i = 0; i < sockets[0].size(); i++) {
        SCOPED_TRACE(i);
        const std::string line = comparable_packet(sockets[1][i], Side::xinet);
        EXPECT_NE(line, "none");
        EXPECT_EQ(line, comparable_packet(sockets[0][i], Side::sibling));
    }
}

TEST_F(Proc, every_one_of_many_sockets_is_listed_once) {
    constexpr size_t many = 400; // several buffers of seq_file
    std::vector<Fd> sockets;
    for (size_t i = 0; i < many; i++)
        sockets.push_back(open_socket(Side::xinet, i % 2 ? Kind::raw : Kind::packet,
                                      i % 2 ? 200 + static_cast<int>(i) % 50 : 0));
    std::map<std::string, int> listed;
    const auto count = [&listed](const std::string& path, size_t word) {
        for (const std::string& line : lines_of(path)) {
            std::istringstream stream(line);
            std::vector<std::string> words;
            for (std::string text; stream >> text;)
                words.push_back(text);
            if (words.size() > word)
                listed[words[word]]++;
        }
    };
    count(proc_net("xinet/raw"), 9);
    count(proc_net("xinet/packet"), 8);
    for (const Fd& socket : sockets)
        EXPECT_EQ(listed[std::to_string(inode_of(socket))], 1);
}

TEST_F(Proc, protosw_lists_the_kinds) {
    const auto lines = lines_of(proc_net("xinet/protosw"));
    const auto has = [&lines](const char* expression) {
        for (const std::string& line : lines)
            if (std::regex_search(line, std::regex(expression)))
                return true;
        return false;
    };
    EXPECT_TRUE(has("^raw +any +XINET-RAW +xinet "));
    EXPECT_TRUE(has("^packet +any +XINET-PACKET +xinet "));
    EXPECT_TRUE(has("^stream +6 +TCP +xinet +permanent"));
    EXPECT_TRUE(has("^dgram +17 +UDP +xinet +permanent"));
}

// The value of one item, e.g. "Raw", "OutRequests".
unsigned long long counter(const std::string& group, const std::string& name) {
    std::map<std::string, unsigned long long> values;
    const auto lines = lines_of(proc_net("xinet/snmp"));
    for (size_t i = 0; i + 1 < lines.size(); i += 2) {
        std::istringstream names(lines[i]);
        std::istringstream numbers(lines[i + 1]);
        std::string key;
        std::string first;
        names >> key;
        numbers >> first;
        EXPECT_EQ(key, first);
        unsigned long long value;
        for (std::string word; names >> word && numbers >> value;)
            values[key + word] = value;
    }
    return values.at(group + ":" + name);
}

TEST_F(Proc, sockets_are_counted_by_namespace) {
    const auto count = [] {
        for (const std::string& line : lines_of(proc_net("xinet/sockets")))
            if (line.starts_with("XINET-RAW: inuse "))
                return std::stoi(line.substr(17));
        return -1;
    };
    const int before = count();
    const Fd one = open_raw(Side::xinet, 253);
    const Fd two = open_raw(Side::xinet, 255);
    EXPECT_EQ(count(), before + 2);
    EXPECT_EQ(in_peer(count), 0);
}

TEST_F(Proc, snmp_counts_what_is_sent_and_what_is_delivered) {
    const auto sent = counter("Raw", "OutRequests");
    const auto delivered = counter("Raw", "InDelivers");
    const auto fragments_before = counter("Reassembly", "ReasmOKs");
    const Fd raw = open_raw(Side::xinet, experimental_protocol);
    ASSERT_GT(send_to(raw.get(), Bytes(8), ipv4_address("127.0.0.1")), 0);
    receive(raw.get());
    EXPECT_EQ(counter("Raw", "OutRequests"), sent + 1);
    EXPECT_EQ(counter("Raw", "InDelivers"), delivered + 1);

    Ipv4 header;
    for (const Bytes& part : fragments(header, repeated("fragment", 2000), 1024))
        Injector::at_peer().send(ethernet(here_mac(), ETH_P_IP, part));
    receive(raw.get());
    EXPECT_EQ(counter("Reassembly", "ReasmOKs"), fragments_before + 1);
    EXPECT_EQ(in_peer([] { return counter("Raw", "InDelivers"); }), 0U);
}

TEST_F(Proc, namespace_can_go_while_its_files_are_read) {
    for (int round = 0; round < 20; round++) {
        std::ifstream file;
        {
            const NetNs gone = NetNs::create();
            gone.run([&file] {
                const Fd raw = open_raw(Side::xinet, 253);
                file.open(proc_net("xinet/raw"));
            });
        }
        std::string line;
        while (std::getline(file, line))
            EXPECT_FALSE(line.empty());
    }
}

} // namespace
} // namespace xt
