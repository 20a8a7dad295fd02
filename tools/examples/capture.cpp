// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the packets of a network interface, one per line, by libxinet.
//
//   c++ -std=c++20 -o capture capture.cpp $(pkg-config --cflags --libs libxinet)
//   ./capture eth0 10 'udp port 53'     # ten packets; without the 10: until it is stopped
//   ./capture --version
#include <xinet/file_descriptor.h>
#include <xinet/interface.h>
#include <xinet/module_info.h>
#include <xinet/socket_source.h>
#include <xinet/version.h>

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <string>

namespace {

int print_version() {
    std::cout << "libxinet " << xinet::library_version() << ", module ";
    if (const auto module = xinet::query_module_info()) {
        std::cout << module->version << ", PF_XINET is family " << module->family << '\n';
    } else {
        std::cout << "not loaded\n";
    }
    std::cout.flush();
    return EXIT_SUCCESS;
}

void print(const xinet::CapturedPacket& packet) {
    const auto since_epoch = packet.timestamp.time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    std::cout << seconds.count() << '.' << std::setfill('0') << std::setw(9)
              << (since_epoch - seconds).count() << ' '
              << xinet::interface_name(packet.interface_index) << ' ' << packet.original_length
              << " bytes\n";
}

/// @param count how many packets; 0 for no limit
void capture(const std::string& interface, std::uint64_t count, const std::string& filter) {
    xinet::SocketSourceOptions options;
    if (interface != "any") {
        options.interface = xinet::find_interface(interface);
    }
    options.expression = filter;
    xinet::SocketSource source(options);
    std::cerr << "capturing on " << interface << '\n';

    std::uint64_t captured = 0;
    while (count == 0 || captured < count) {
        pollfd ready{.fd = source.descriptor(), .events = POLLIN, .revents = 0};
        ::poll(&ready, 1, -1);
        source.hand_over([&](const xinet::CapturedPacket& packet) {
            print(packet);
            return ++captured != count;
        });
        std::cout.flush();
    }
    const xinet::CaptureStatistics statistics = source.statistics();
    std::cerr << captured << " packets captured, " << statistics.dropped << " dropped\n";
}

} // namespace

int main(int argc, char* argv[]) {
    try {
        xinet::open_standard_descriptors();
        std::cout.exceptions(std::ios::badbit | std::ios::failbit); // else a full disk is no error
        if (argc < 2 || argc > 4) {
            std::cerr << "usage: capture INTERFACE|any [COUNT [FILTER]]\n";
            return EXIT_FAILURE;
        }
        const std::string interface = argv[1];
        if (interface == "--version") {
            return print_version();
        }
        capture(interface, argc > 2 ? std::stoull(argv[2]) : 0, argc > 3 ? argv[3] : "");
    } catch (const std::exception& error) {
        std::cerr << "capture: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
