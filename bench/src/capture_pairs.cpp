// SPDX-License-Identifier: GPL-2.0-or-later
// A whole capture, from the interface into a file: `xinet capture` and tcpdump.
#include "injector.h"
#include "pair.h"
#include "profile.h"
#include "program.h"

#include "xinet/error.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <string>
#include <thread>
#include <vector>

namespace bench {
namespace {

constexpr const char* interface_name = "bench0";

/// What fits in the ring of tcpdump, two megabytes, comes at once.
constexpr std::uint64_t burst_of(std::size_t frame_bytes) {
    return frame_bytes > 500 ? 300 : 4000;
}
/// Go once round either ring, so that all its memory has been touched.
constexpr int bursts = 40;

/// Longer than either program waits for more packets before it writes them.
constexpr std::chrono::milliseconds end_of_traffic{1500};
/// To read one burst, even on one CPU.
constexpr std::chrono::milliseconds pause{30};

enum class Whose { program, everybody };

std::vector<std::string> command(xinet::Engine engine, const std::string& file) {
    if (engine != xinet::Engine::xinet) {
        return {"tcpdump", "-n", "-i", interface_name, "-w", file};
    }
    const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    return {here / "../../tools/build/xinet", "capture", "-i", interface_name, "-w", file};
}

/// What comes in, one burst after the other, until all of it is in the file.
void capture_bursts(PacketGenerator& generator, int count, std::uint64_t burst) {
    for (int i = 0; i < count; ++i) {
        generator.receive(burst);
        std::this_thread::sleep_for(pause);
    }
    std::this_thread::sleep_for(end_of_traffic);
}

/// CPU time per packet, all of which must get into the file: of the program, or
/// of the program and the kernel's thread that receives for it.
double capture_cost(xinet::Engine engine, std::size_t frame_bytes, Whose whose) {
    // each in the format of its own
    const std::string file =
        engine == xinet::Engine::xinet ? "/tmp/bench.pcapng" : "/tmp/bench.pcap";
    const std::uint64_t burst = packets_to_measure(burst_of(frame_bytes));
    const int count = profiling() ? 1 : bursts;
    const DummyInterface interface(interface_name);
    PacketGenerator generator({interface_name}, frame_bytes);

    Program program(command(engine, file));
    program.await("listening on");
    const pid_t thread = kernel_thread("kpktgend_0");
    const auto used = [&] {
        return cpu_time(program.process()) +
               (whose == Whose::everybody ? cpu_time(thread) : Nanoseconds(0));
    };
    capture_bursts(generator, count, burst);
    const Nanoseconds before = used();
    const std::uint64_t packets = burst * static_cast<std::uint64_t>(count);
    {
        const ProfiledStretch stretch(packets);
        capture_bursts(generator, count, burst);
    }
    const Nanoseconds after = used();

    const std::string report = program.stop();
    std::filesystem::remove(file);
    static const std::regex captured(R"((\d+) packets? captured)");
    std::smatch match;
    const std::uint64_t expected = 2 * packets;
    if (!std::regex_search(report, match, captured) || std::stoull(match[1]) != expected) {
        throw xinet::Error("capture", fmt::format("{} packets", expected), 0, report);
    }
    return (after - before).count() / static_cast<double>(packets);
}

/// CPU time per packet of a program that only writes as many bytes.
double write_cost(std::size_t frame_bytes) {
    constexpr std::size_t block_overhead = 32; // of pcapng
    constexpr std::size_t at_once = 1 << 16;
    const std::string name = "/tmp/bench.bytes";
    const std::uint64_t packets = burst_of(frame_bytes) * bursts;
    const std::vector<char> bytes(at_once, 'x');
    std::ofstream file(name, std::ios::binary);
    file.rdbuf()->pubsetbuf(nullptr, 0); // each write is a call

    const Nanoseconds before = cpu_time(::getpid());
    for (std::uint64_t left = packets * (block_overhead + frame_bytes); left != 0;) {
        const auto size = std::min<std::uint64_t>(left, at_once);
        file.write(bytes.data(), static_cast<std::streamsize>(size));
        left -= size;
    }
    const Nanoseconds after = cpu_time(::getpid());
    if (!file) {
        throw xinet::Error("write to", name, errno);
    }
    file.close();
    std::filesystem::remove(name);
    return (after - before).count() / static_cast<double>(packets);
}

} // namespace

std::vector<Pair> capture_pairs() {
    std::vector<Pair> pairs;
    for (const std::size_t bytes : {60U, 1500U}) {
        for (const Whose whose : {Whose::program, Whose::everybody}) {
            pairs.push_back(
                {.name = fmt::format("capture into a file, {} bytes, {}",
                                     bytes == 1500 ? "1,500" : "60",
                                     whose == Whose::program ? "the program" : "all of it"),
                 .group = "capture",
                 .unit = "of CPU time per packet",
                 .peer_name = "tcpdump",
                 .cost = [=](xinet::Engine engine) { return capture_cost(engine, bytes, whose); },
                 .floor = whose == Whose::program
                              ? std::function<double()>([=] { return write_cost(bytes); })
                              : nullptr,
                 .needs_cpu_time = true,
                 .quick = false});
        }
    }
    return pairs;
}

} // namespace bench
