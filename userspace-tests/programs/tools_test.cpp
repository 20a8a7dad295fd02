// SPDX-License-Identifier: GPL-2.0-or-later
// The program `xinet` over the family, on the wire between the two ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <thread>
#include <tuple>

#include "support/cgroup.h"
#include "support/family.h"
#include "support/inet.h"
#include "support/link.h"
#include "support/netns.h"
#include "support/program.h"
#include "support/told.h"
#include "support/traffic.h"
#include "support/tun.h"
#include "support/wire.h"

namespace xt {
namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class Tools : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "they need the family";
        meet_neighbours();
    }
    void TearDown() override {
        for (const auto& file : files_)
            std::filesystem::remove(file);
    }

    static std::vector<std::string> xinet(std::vector<std::string> words) {
        words.insert(words.begin(), in_tree("tools/build/xinet"));
        return words;
    }

    std::string file(const std::string& suffix) {
        files_.push_back("/tmp/xinet-tools-" + std::to_string(getpid()) + suffix);
        return files_.back();
    }

    // Starts a capture on eth0, and returns when nothing that comes is missed.
    static std::unique_ptr<Program> capture(std::vector<std::string> words) {
        words.insert(words.begin(), {"capture", "-i", here_device});
        auto program = std::make_unique<Program>(xinet(std::move(words)));
        EXPECT_TRUE(has(program->error_line(), "listening on eth0"));
        return program;
    }

    static void frames(const std::string& text, int count, uint16_t ethertype) {
        const Injector wire = Injector::at_peer();
        for (int i = 0; i < count; i++)
            wire.send(ethernet(here_mac(), ethertype, repeated(text, 64)));
    }

    static std::string read_by_tcpdump(const std::string& path) {
        Program tcpdump({"tcpdump", "-n", "-e", "-r", path});
        const auto text = tcpdump.output();
        EXPECT_EQ(tcpdump.wait(), 0);
        return text;
    }

private:
    std::vector<std::string> files_;
};

size_t lines_of(const std::string& text) {
    return size_t(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(Tools, ping_reports_replies_and_statistics) {
    Program ping(xinet({"ping", "-c", "3", "-i", "0.2", "-s", "100", peer_address}));
    const auto text = ping.output();
    EXPECT_EQ(ping.wait(), 0) << text;
    EXPECT_TRUE(has(text, "PING 10.77.0.2 (10.77.0.2) 100(128) bytes of data.")) << text;
    EXPECT_TRUE(has(text, "108 bytes from 10.77.0.2: icmp_seq=3 ttl=64 time=")) << text;
    EXPECT_TRUE(has(text, "3 packets transmitted, 3 received, 0% packet loss")) << text;
    EXPECT_TRUE(has(text, "rtt min/avg/max/mdev = ")) << text;
}

TEST_F(Tools, quiet_ping_prints_no_reply) {
    Program ping(xinet({"ping", "-q", "-c", "2", "-i", "0.2", peer_address}));
    const auto text = ping.output();
    EXPECT_EQ(ping.wait(), 0) << text;
    EXPECT_FALSE(has(text, "icmp_seq")) << text;
    EXPECT_TRUE(has(text, "2 packets transmitted, 2 received")) << text;
}

TEST_F(Tools, ping_without_reply_exits_with_1) {
    // 10.77.0.99 is on the wire and nobody has it
    Program ping(xinet({"ping", "-c", "1", "-W", "0.5", "10.77.0.99"}));
    const auto text = ping.output();
    EXPECT_EQ(ping.wait(), 1) << text;
    EXPECT_TRUE(has(text, "1 packets transmitted, 0 received, 100% packet loss")) << text;
}

TEST_F(Tools, wrong_usage_and_errors_exit_with_2) {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {},
             {"nonsense"},
             {"ping"},
             {"ping", "-c", "0", peer_address},
             {"ping", "-s", "70000", peer_address},
             {"ping", "-t", "256", peer_address},
             {"ping", "no.such.host.invalid"},
             {"capture", "-i", "nosuchdev"},
             {"capture", "-i", here_device, "no", "such", "expression"},
             {"capture", "-i", here_device, "-w", "/nosuchdir/file.pcap"}}) {
        Program program(xinet(words));
        const auto error = program.error_line();
        EXPECT_FALSE(error.empty() && program.output().empty());
        EXPECT_EQ(program.wait(), 2) << error;
    }
}

// What the descriptors of a running program are, once one is of this kind.
std::map<int, std::string> descriptors_with(const std::string& kind,
                                            const BackgroundProgram& program) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    std::map<int, std::string> all;
    while (std::chrono::steady_clock::now() < end) {
        std::error_code gone; // opened and closed meanwhile
        for (const auto& entry : std::filesystem::directory_iterator(
                 "/proc/" + std::to_string(program.pid()) + "/fd", gone))
            all[std::stoi(entry.path().filename())] = std::filesystem::read_symlink(entry, gone);
        if (std::ranges::any_of(all, [&](const auto& one) { return has(one.second, kind); }))
            return all;
    }
    return {};
}

// Else one of them would be a socket, and what is printed would be sent.
TEST_F(Tools, closed_standard_streams_are_no_sockets) {
    const std::string program = in_tree("tools/build/xinet") + " ";
    const std::string sample = in_tree("samples/build/");
    for (const auto& words :
         {program + "capture -i eth0", program + "trace", program + "ping -i 0.2 10.77.0.2",
          sample + "packet_capture eth0 100", sample + "whose_packet eth0 100"}) {
        BackgroundProgram closed({"sh", "-c", "exec " + words + " <&- >&- 2>&-"});
        auto descriptors = descriptors_with("socket", closed);
        for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
            EXPECT_EQ(descriptors[number], "/dev/null") << words << ", " << number;
    }
}

// The file that takes nothing.
TEST_F(Tools, output_that_is_not_written_is_an_error) {
    const std::string program = in_tree("tools/build/xinet") + " ";
    const std::string sample = in_tree("samples/build/");
    for (const auto& words :
         {program + "--help", program + "ss -a", program + "ping -c 1 10.77.0.2",
          "fed " + program + "trace -c 1 icmp", "fed " + program + "capture -c 1 icmp",
          "fed " + program + "capture --json -w /tmp/xt-full.pcap -c 1 icmp",
          "fed " + sample + "packet_capture eth0 1", sample + "raw_ping 10.77.0.2",
          sample + "packet_send eth0 text"}) {
        BackgroundProgram full(
            {"bash", "-c",
             "exec >/dev/full; fed() { ping -c 99 -i 0.3 10.77.0.2 2>/dev/null & "
             "exec \"$@\"; }; " +
                 words});
        const auto result = full.wait(std::chrono::seconds(20));
        EXPECT_NE(result.status, 0) << describe(result);
        EXPECT_TRUE(has(result.errors, "No space left on device")) << describe(result);
    }
    std::filesystem::remove("/tmp/xt-full.pcap");
}

TEST_F(Tools, alternative_names_are_names_of_interfaces) {
    for (const std::string name : {"xt-alt", "xt-alternative-longer-than-a-name"}) {
        ip("link property add dev eth0 altname " + name);
        Program program(xinet({"capture", "-i", name, "-c", "1", "icmp"}));
        EXPECT_TRUE(has(program.error_line(), "listening on eth0")) << name;
        Program ping(xinet({"ping", "-c", "1", "-I", name, peer_address}));
        ping.output();
        EXPECT_EQ(ping.wait(), 0) << name;
        EXPECT_EQ(program.wait(), 0) << name;
        Program ss(xinet({"ss", "-0", "dev", name}));
        EXPECT_TRUE(has(ss.output(), "Netid")) << name;
        EXPECT_EQ(ss.wait(), 0) << name;
        ip("link property del dev eth0 altname " + name);
    }
}

TEST_F(Tools, interrupted_ping_prints_its_statistics) {
    Program ping(xinet({"ping", "-i", "0.2", peer_address}));
    EXPECT_TRUE(has(ping.output_line(), "PING 10.77.0.2"));
    EXPECT_TRUE(has(ping.output_line(), "icmp_seq=1"));
    ping.signal(SIGINT);
    EXPECT_TRUE(has(ping.output(), "packets transmitted"));
    EXPECT_EQ(ping.wait(), 0);
}

TEST_F(Tools, capture_prints_one_line_per_packet) {
    const auto program = capture({"-c", "2", "ether", "proto", "0x88b5"});
    frames("printed!", 2, experimental_ethertype);
    EXPECT_EQ(lines_of(program->output()), 2U);
    EXPECT_TRUE(has(program->error_line(), "2 packets captured"));
    EXPECT_EQ(program->wait(), 0);
}

TEST_F(Tools, capture_files_are_read_by_tcpdump) {
    for (const char* suffix : {".pcap", ".pcapng"}) {
        const auto path = file(suffix);
        const auto program = capture({"-w", path, "-c", "3", "ether", "proto", "0x88b5"});
        frames("written!", 3, experimental_ethertype);
        EXPECT_EQ(program->output(), "");
        EXPECT_EQ(program->wait(), 0);
        const auto text = read_by_tcpdump(path);
        EXPECT_TRUE(has(text, "0x88b5")) << text;
        EXPECT_TRUE(has(text, "written!written!")) << text;
        // each file in its own format
        uint32_t magic = 0;
        std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(&magic), sizeof(magic));
        EXPECT_EQ(magic == 0x0a0d0d0a, std::string(suffix) == ".pcapng") << std::hex << magic;
    }
}

std::string own_name() {
    std::ifstream file("/proc/self/comm");
    std::string name;
    std::getline(file, name);
    return name;
}

// The roots of other architectures do not have it; this machine's has.
#ifdef __x86_64__
constexpr bool has_tshark = true;
#else
constexpr bool has_tshark = false;
#endif

// What tshark says of each packet: the fields, with commas.
std::string fields(const std::string& path, const std::vector<std::string>& names) {
    std::vector<std::string> words{
        "tshark", "-X", "lua_script:" + in_tree("tools/wireshark/xinet.lua"),
        "-r",     path, "-T",
        "fields", "-E", "separator=,"};
    for (const auto& name : names)
        words.insert(words.end(), {"-e", name});
    Program shown(words);
    auto text = shown.output();
    EXPECT_EQ(shown.wait(), 0);
    return text;
}

// Of what goes out, comes in, and is dropped then.
TEST_F(Tools, wireshark_shows_owner_process_and_drop) {
    if (!has_tshark || drops_are_refused())
        GTEST_SKIP() << "there is no tshark, or the kernel cannot copy what it drops";
    const auto path = file(".pcapng");
    const auto program = capture(
        {"--owner", "--drops", "--comments", "-w", path, "udp", "and", "dst", "port", "4477"});
    const Fd socket = open_socket(Side::sibling, Transport::datagram);
    // the process is looked up while packets come
    for (int i = 0; i < 60; i++) {
        send_to(socket.get(), repeated("xt-shown", 64), ipv4_address(peer_address, 4477));
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    const Ipv4 header{.protocol = IPPROTO_UDP};
    Injector::at_peer().send(
        ethernet(here_mac(), ETH_P_IP, header.packet(udp(9, 4477, repeated("xt-shown", 64)))));
    std::this_thread::sleep_for(std::chrono::milliseconds(100)); // drops come some ticks later
    program->signal(SIGINT);
    EXPECT_EQ(program->wait(), 0);
    const auto text = fields(path, {"xinet.owner.uid", "xinet.owner.pid", "xinet.owner.comm",
                                    "xinet.drop.reason", "xinet.drop.symbol"});
    EXPECT_TRUE(has(text, "0," + std::to_string(getpid()) + "," + own_name() + ",,\n")) << text;
    EXPECT_TRUE(has(text, "\n,,,,\n")) << text;
    EXPECT_TRUE(has(text, "\n,,,NO_SOCKET,")) << text;
    EXPECT_TRUE(has(text, "rcv+0x")) << text;
    Program columns({"tshark", "-X", "lua_script:" + in_tree("tools/wireshark/xinet.lua"), "-r",
                     path, "-o", R"(gui.column.format:"Info","%i","Why","%Cus:xinet.drop.reason")",
                     "-Y", R"(xinet.drop.reason == "NO_SOCKET")"});
    const auto column = columns.output();
    EXPECT_EQ(columns.wait(), 0);
    EXPECT_EQ(std::ranges::count(column, '\n'), 1) << column;
    EXPECT_TRUE(has(column, "[dropped: NO_SOCKET]")) << column;
}

// Whoever makes a control group chooses its name, which has no effect on the other fields.
TEST_F(Tools, wireshark_shows_control_group_and_container) {
    if (!has_tshark)
        GTEST_SKIP() << "there is no tshark";
    const auto group = ControlGroup::named("lxc.payload.a] pid:1 kernel");
    if (!group)
        GTEST_SKIP() << "there are no control groups";
    group->enter();
    const Fd socket = open_socket(Side::sibling, Transport::datagram);
    ControlGroup::leave();
    const auto path = file(".pcapng");
    const auto program = capture(
        {"--owner", "--comments", "-c", "1", "-w", path, "udp", "and", "dst", "port", "4483"});
    send_to(socket.get(), repeated("xt-shown", 64), ipv4_address(peer_address, 4483));
    EXPECT_EQ(program->wait(), 0);
    const auto text = fields(path, {"xinet.owner.uid", "xinet.owner.cgroup",
                                    "xinet.owner.container", "xinet.owner.kernel"});
    EXPECT_EQ(text, "0,/lxc.payload.a??pid:1?kernel,lxc/a??pid:1?kernel,\n");
}

// By its flags and comments, without a dissector of ours.
TEST_F(Tools, file_of_every_device_names_each_and_has_comments_for_anybody) {
    if (!has_tshark)
        GTEST_SKIP() << "there is no tshark";
    const auto path = file(".pcapng");
    Program program(xinet({"capture", "-i", "any", "-Q", "in", "--comments", "--original", "-c",
                           "2", "-w", path, "ether proto 0x88b5 or udp dst port 4479"}));
    EXPECT_TRUE(has(program.error_line(), "listening on any"));
    frames("anybody!", 1, experimental_ethertype);
    const Fd socket = udp_at("127.0.0.1", 4479);
    send_to(socket.get(), repeated("xt-any  ", 64), ipv4_address("127.0.0.1", 4479));
    EXPECT_EQ(program.wait(), 0);
    const auto text = fields(path, {"frame.interface_name", "frame.packet_flags_direction",
                                    "frame.packet_flags_reception_type", "frame.comment"});
    EXPECT_TRUE(has(text, std::string(here_device) + ",0x00000001,")) << text;
    EXPECT_TRUE(has(text, "lo,0x00000001,")) << text;
    EXPECT_TRUE(has(text, ",(frame: checksum filled in)\n")) << text;
}

// An interface for each point, and a number that the records of one packet have.
TEST_F(Tools, wireshark_shows_the_points) {
    if (!has_tshark)
        GTEST_SKIP() << "there is no tshark";
    const auto path = file(".pcapng");
    const auto program = capture({"--points", "tap,local-out,post-routing", "--comments", "-c", "3",
                                  "-w", path, "udp", "and", "dst", "port", "4481"});
    const Fd socket = open_socket(Side::sibling, Transport::datagram);
    send_to(socket.get(), repeated("xt-point", 64), ipv4_address(peer_address, 4481));
    EXPECT_EQ(program->wait(), 0);
    const auto text = fields(path, {"frame.interface_name", "frame.packet_id", "xinet.point.name",
                                    "xinet.point.packet"});
    const std::string device = here_device;
    const auto number = text.substr(text.rfind(',') + 1, text.size() - text.rfind(',') - 2);
    EXPECT_EQ(text, device + " (local-out)," + number + ",local-out," + number + "\n" + device +
                        " (post-routing)," + number + ",post-routing," + number + "\n" + device +
                        " (tap)," + number + ",tap," + number + "\n");
}

TEST_F(Tools, queue_of_the_device_is_in_files_and_lines_for_programs) {
    constexpr const char* name = "xttool";
    constexpr int flags = IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE;
    const Fd first = open_tun(name, flags);
    if (!first)
        GTEST_SKIP() << "this kernel has no tun";
    const Fd second = open_tun(name, flags);
    link::set_up(link::index(name), true);
    const auto output_of = [&](const std::vector<std::string>& words) {
        std::vector<std::string> all{"capture", "-i", name, "-Q", "in", "-c", "1"};
        all.insert(all.end(), words.begin(), words.end());
        Program program(xinet(all));
        EXPECT_TRUE(has(program.error_line(), "listening on"));
        const Bytes frame =
            ethernet(link::mac(name), experimental_ethertype, repeated("xt-queue", 64));
        checked(::write(second.get(), frame.data(), frame.size()), "write");
        auto text = program.output();
        EXPECT_EQ(program.wait(), 0);
        return text;
    };
    EXPECT_TRUE(has(output_of({"--json", "--original"}), R"("queue":1)"));
    // these have a fast path in the kernel
    EXPECT_FALSE(has(output_of({"--json", "--owner"}), "queue"));
    EXPECT_FALSE(has(output_of({"--json"}), "queue"));
    if (!has_tshark)
        return;
    const auto path = file(".pcapng");
    output_of({"--original", "-w", path});
    EXPECT_EQ(fields(path, {"frame.interface_queue"}), "1\n");
}

TEST_F(Tools, capture_takes_what_the_expression_says) {
    const auto program = capture({"-c", "1", "ether", "proto", "0x88b6"});
    frames("unwanted", 5, experimental_ethertype);
    frames("wanted! ", 1, experimental_ethertype + 1);
    EXPECT_TRUE(has(program->output(), "0x88b6"));
    EXPECT_EQ(program->error_line(),
              "1 packets captured, 1 received by filter, 0 dropped by kernel");
    EXPECT_EQ(program->wait(), 0);
}

// Echoes, and frames of ours, some of them and of ICMP in VLANs.
void send_mixture() {
    const Fd monitor = open_socket(Side::sibling, Kind::packet, ETH_P_ALL);
    Program({"ping", "-c", "2", "-i", "0.2", peer_address}).output();
    const Injector wire = Injector::at_peer();
    const auto echo = Ipv4{.protocol = IPPROTO_ICMP}.packet(Bytes(64));
    for (int i = 0; i < 3; i++)
        wire.send(ethernet(here_mac(), experimental_ethertype, repeated("no tag! ", 64)));
    for (int i = 0; i < 4; i++)
        wire.send(vlan_ethernet(here_mac(), 7, experimental_ethertype, repeated("a tag!! ", 64)));
    for (int i = 0; i < 5; i++)
        wire.send(vlan_ethernet(here_mac(), 8, ETH_P_IP, echo));
    wire.send(ethernet(here_mac(), experimental_ethertype + 1, repeated("the last", 64)));
    receive_marked(monitor.get(), "the last");
}

// What the filter of a program passes of the mixture, as the program says at its end.
std::string passed_by(std::vector<std::string> words, const std::string& device,
                      const std::string& expression) {
    words.insert(words.end(), {"-i", device, expression});
    Program program(std::move(words));
    while (!has(program.error_line(), "listening on"))
        ;
    send_mixture();
    program.signal(SIGINT);
    std::string text;
    for (auto line = program.error_line(); !line.empty(); line = program.error_line())
        text += line + " ";
    EXPECT_EQ(program.wait(), 0) << text;
    std::smatch found;
    std::regex_search(text, found, std::regex("([0-9]+) (packets )?received by filter"));
    return found[1];
}

TEST_F(Tools, filters_pass_what_those_of_tcpdump_do) {
    const auto path = file(".pcap");
    for (const auto& [device, expression, count] :
         std::vector<std::tuple<const char*, const char*, const char*>>{
             {here_device, "icmp and inbound and not vlan", "2"},
             {here_device, "outbound and icmp", "2"},
             {here_device, "vlan", "9"},
             {here_device, "vlan 7", "4"},
             {here_device, "vlan 8 and icmp", "5"},
             {here_device, "ether proto 0x88b5 and not vlan", "3"},
             {here_device, "icmp or (vlan 7)", "13"},
             {"any", "icmp and inbound", "7"},
             {"any", "icmp and ifindex 1", "0"},
             {"any", "icmp and link[10] = 4", "2"}}) {
        EXPECT_EQ(passed_by({"tcpdump", "-w", path}, device, expression), count) << expression;
        EXPECT_EQ(passed_by(xinet({"capture", "-w", path}), device, expression), count)
            << expression;
    }
}

// Here it sees tags where a file has them: in front.
TEST_F(Tools, filter_of_the_cooked_header_runs_in_the_kernel_if_it_can) {
    for (const auto& [expression, attached, count] :
         {std::tuple("icmp", true, "7"), std::tuple("icmp and link[2:2] = 0", false, "2")}) {
        Program program(xinet({"capture", "-i", "any", "-Q", "in", expression}));
        EXPECT_TRUE(has(program.error_line(), "listening on any"));
        Program ss(xinet({"ss", "-0", "-b"}));
        EXPECT_EQ(has(ss.output(), "bpf filter (9)"), attached) << expression;
        send_mixture();
        program.signal(SIGINT);
        EXPECT_TRUE(has(program.error_line(), std::string(count) + " received by filter"));
        int replies = 0;
        for (auto line = program.output_line(); !line.empty(); line = program.output_line())
            replies += has(line, "IP 10.77.0.2 > 10.77.0.1: ICMP echo reply");
        EXPECT_EQ(std::to_string(replies), count) << expression;
        EXPECT_EQ(program.wait(), 0);
    }
    // a loop, which no kernel takes
    Program loop(xinet({"capture", "-i", "any", "-Q", "in", "-c", "1", "ip", "protochain", "1"}));
    EXPECT_TRUE(has(loop.error_line(), "listening on any"));
    send_mixture();
    EXPECT_EQ(loop.wait(), 0);
}

TEST_F(Tools, snapshot_length_cuts_packets) {
    const auto path = file(".pcap");
    const auto program = capture({"-w", path, "-s", "20", "-c", "1", "ether", "proto", "0x88b5"});
    frames("much too", 1, experimental_ethertype);
    EXPECT_EQ(program->wait(), 0);
    const auto text = read_by_tcpdump(path);
    EXPECT_TRUE(has(text, "length 78")) << text;
    EXPECT_FALSE(has(text, "toomuch")) << text;
}

TEST_F(Tools, stopped_capture_keeps_what_it_has) {
    for (const int number : {SIGINT, SIGTERM}) {
        const auto path = file(".pcapng");
        const auto program = capture({"-w", path, "ether", "proto", "0x88b5"});
        // what the monitor has got, the capture, which was there before it, has got
        const Fd monitor = open_socket(Side::xinet, Kind::packet, ETH_P_ALL);
        frames("one of 7", 7, experimental_ethertype);
        for (int i = 0; i < 7; i++)
            receive_marked(monitor.get(), "one of 7");
        program->signal(number);
        EXPECT_EQ(program->error_line(),
                  "7 packets captured, 7 received by filter, 0 dropped by kernel");
        EXPECT_EQ(program->wait(), 0);
        EXPECT_EQ(lines_of(read_by_tcpdump(path)) > 7, true);
    }
}

// Of a program that waits for a reader, for ever.
TEST_F(Tools, blocked_output_does_not_keep_a_program) {
    const auto path = file(".fifo");
    checked(mkfifo(path.c_str(), 0600), "mkfifo");
    const Fd reader(checked(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC), "open"));
    const std::vector<char> page(4096);
    while (write(reader.get(), page.data(), page.size()) > 0)
        ;
    for (const auto& [words, number] :
         {std::pair(R"(exec "$0" capture -i eth0 -w "$1")", SIGINT),
          std::pair(R"(exec "$0" capture -i eth0 --json -Q out >"$1")", SIGTERM),
          std::pair(R"(exec "$0" trace >"$1")", SIGHUP),
          std::pair(R"(exec "$0" ping 10.77.0.2 >"$1")", SIGTERM)}) {
        BackgroundProgram blocked({"sh", "-c", words, in_tree("tools/build/xinet"), path});
        EXPECT_FALSE(descriptors_with("signalfd", blocked).empty());
        Program({"ping", "-c", "1", peer_address}).output();
        blocked.signal(number);
        const auto result = blocked.wait(std::chrono::seconds(10));
        EXPECT_EQ(result.status, 2) << describe(result);
        EXPECT_TRUE(has(result.errors, "nobody reads it")) << describe(result);
    }
}

// As tcpdump takes them.
TEST_F(Tools, capture_tells_its_counts_and_ends_when_its_terminal_has_gone) {
    const auto program = capture({"-w", file(".pcap"), "ether", "proto", "0x88b5"});
    program->signal(SIGUSR1);
    EXPECT_TRUE(has(program->error_line(), " packets captured, "));
    program->signal(SIGUSR2);
    frames("goes on!", 3, experimental_ethertype);
    program->signal(SIGHUP);
    EXPECT_TRUE(has(program->error_line(), "3 packets captured, 3 received by filter"));
    EXPECT_EQ(program->wait(), 0);
}

TEST_F(Tools, capture_under_nohup_outlives_its_terminal) {
    Program program({"sh", "-c",
                     "trap '' HUP; exec " + in_tree("tools/build/xinet") +
                         " capture -i eth0 -c 1 ether proto 0x88b5"});
    EXPECT_TRUE(has(program.error_line(), "listening"));
    program.signal(SIGHUP);
    frames("goes on!", 1, experimental_ethertype);
    EXPECT_TRUE(has(program.output(), "0x88b5"));
    EXPECT_EQ(program.wait(), 0);
}

// The resolver is asked for the name of a router, and its server never answers.
TEST_F(Tools, ping_ends_while_a_name_is_looked_up) {
    const Fd server = in_peer([] { return udp_at("0.0.0.0", 53); });
    in_peer([] { set_sysctl("ip_forward", "1"); });
    ip("route add 192.0.2.0/24 via " + std::string(peer_address));
    const auto hosts = file(".hosts"), resolver = file(".resolver"), order = file(".order");
    std::ofstream(hosts) << "192.0.2.1 far.test\n";
    std::ofstream(resolver) << "nameserver " << peer_address << "\noptions timeout:30\n";
    std::ofstream(order) << "hosts: files dns\n";
    BackgroundProgram ping({"unshare", "-m", "sh", "-c",
                            "mount --bind " + hosts + " /etc/hosts; mount --bind " + resolver +
                                " /etc/resolv.conf; mount --bind " + order +
                                " /etc/nsswitch.conf; exec " + in_tree("tools/build/xinet") +
                                " ping -i 0.2 far.test"});
    EXPECT_TRUE(contains(receive(server.get()).data, "in-addr"));
    ping.signal(SIGINT);
    const auto result = ping.wait(std::chrono::seconds(5));
    EXPECT_EQ(result.status, 1) << describe(result);
    EXPECT_TRUE(has(result.output, "packets transmitted")) << describe(result);
    ip("route del 192.0.2.0/24");
    in_peer([] { set_sysctl("ip_forward", "0"); });
}

// Where a ping receives shows by what a firewall keeps from it.
TEST_F(Tools, firewall_keeps_replies_from_the_host_alone) {
    nft("table ip xtfw { chain xin { type filter hook input priority 0; icmp type echo-reply drop; "
        "}; "
        "}");
    const auto status = [](std::vector<std::string> words) {
        words.insert(words.end(), {"-c", "1", "-W", "0.5", peer_address});
        Program ping(xinet(std::move(words)));
        ping.output();
        return ping.wait();
    };
    EXPECT_EQ(status({"ping"}), 0);
    EXPECT_EQ(status({"ping", "--point", "wire"}), 0);
    EXPECT_EQ(status({"ping", "--point", "host"}), 1);
    EXPECT_EQ(status({"ping", "--family", "inet"}), 1);
    EXPECT_EQ(status({"run", "ping"}), 1);
    nft("delete table ip xtfw");
    EXPECT_EQ(status({"ping", "--point", "host"}), 0);
    EXPECT_EQ(status({"run", "ping"}), 0);
}

TEST_F(Tools, unmodified_ping_runs_over_the_family) {
    setenv("XINET_RUN_VERBOSE", "1", 1);
    Program ping(xinet({"run", "ping", "-c", "2", "-i", "0.2", peer_address}));
    const auto text = ping.output();
    std::string redirections;
    for (auto line = ping.error_line(); !line.empty(); line = ping.error_line())
        redirections += line + "\n";
    unsetenv("XINET_RUN_VERBOSE");
    EXPECT_EQ(ping.wait(), 0) << text << redirections;
    EXPECT_TRUE(has(text, "2 received, 0% packet loss")) << text;
    EXPECT_TRUE(has(redirections, "SOCK_RAW")) << redirections;
}

} // namespace
} // namespace xt
