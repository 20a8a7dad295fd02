// SPDX-License-Identifier: GPL-2.0-or-later
#include "wire.h"

#include <fcntl.h>
#include <linux/if_ether.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "netns.h"

namespace xt {

namespace {

// Runs a program that reads `input`, in the namespace of the thread and without a shell: in an
// emulated guest the start of a program takes longer than what it does here.
bool succeeds(std::vector<std::string> words, const std::string& input, bool quiet) {
    const Fd file(checked(memfd_create("input", MFD_CLOEXEC), "memfd_create"));
    checked(pwrite(file.get(), input.data(), input.size(), 0), "pwrite");
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, file.get(), STDIN_FILENO);
    if (quiet)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t child = -1;
    const int error =
        posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    int status = -1;
    return error == 0 && waitpid(child, &status, 0) == child && status == 0;
}

} // namespace

void ip_batch(const std::vector<std::string>& commands) {
    std::string input;
    for (const auto& words : commands)
        input += words + "\n";
    if (!succeeds({"ip", "-batch", "-"}, input, false))
        throw std::runtime_error("ip " + input);
}

bool try_ip(const std::string& words) {
    return succeeds({"ip", "-batch", "-"}, words + "\n", true);
}

void nft(const std::string& rules) {
    if (!succeeds({"nft", rules}, "", false))
        throw std::runtime_error("nft " + rules);
}

bool try_nft(const std::string& rules) {
    return succeeds({"nft", rules}, "", true);
}

bool has_nat() {
    static const bool answer = NetNs::create().run([] {
        return try_nft("table ip xtfw { chain xc { type nat hook output priority 0; "
                       "ip daddr 10.96.0.1 dnat to 10.3.0.2; }; }");
    });
    return answer;
}

void set_sysctl(const std::string& name, const std::string& value) {
    std::ofstream file("/proc/sys/net/ipv4/" + name);
    if (!(file << value << std::flush))
        throw std::runtime_error("cannot set " + name);
}

void await_carrier(const std::string& name) {
    constexpr std::chrono::milliseconds moment{1};
    const int ifindex = link::index(name);
    for (auto left = deadline; !link::transmits(ifindex); left -= moment) {
        if (left.count() <= 0)
            throw std::runtime_error(name + " has no carrier");
        std::this_thread::sleep_for(moment);
    }
}

Wire::Wire(const std::vector<std::string>& before_up) {
    std::vector<std::string> commands{"link add xtin type veth peer name xtout"};
    commands.insert(commands.end(), before_up.begin(), before_up.end());
    commands.insert(commands.end(), {"link set xtin up", "link set xtout up"});
    ip_batch(commands);
    for (const char* end : {"xtin", "xtout"})
        await_carrier(end);
    sender_ = open_socket(Side::sibling, Kind::packet, 0);
    monitor_ = open_socket(Side::sibling, Kind::packet, 0);
    bind_to(monitor_, link_address(experimental_ethertype, link::index("xtin")));
}

void Wire::in(const Bytes& frame) const {
    checked(send_to(sender_.get(), frame, link_address(0, link::index("xtout"))), "send");
}

void Wire::fence() const {
    in(ethernet(link::mac("xtin"), experimental_ethertype, repeated("xt-fence", 64)));
    receive_marked(monitor_.get(), "xt-fence");
}

} // namespace xt
