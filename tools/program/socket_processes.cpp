// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/socket_processes.h"

#include "program/ss_processes.h"
#include "xinet/diag.h"
#include "xinet/error.h"
#include "xinet/file_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace xinet {

namespace {

/// Of a closed connection, that no process has.
constexpr std::uint32_t all_but_time_wait = ~(1U << TCP_TIME_WAIT);
/// After looking and after waiting, for how many times as long it is not done again.
constexpr int pause_after_looking = 9;
constexpr int pause_after_waiting = 99;
constexpr std::chrono::milliseconds longest_wait(100);
/// When a socket is looked for again: a connection has no inode before it is accepted.
constexpr std::array retries{std::chrono::milliseconds(100), std::chrono::milliseconds(1000),
                             std::chrono::milliseconds(10000)};

/// Inode number by cookie, of those that a process has open.
using Inodes = std::unordered_map<std::uint64_t, std::uint32_t>;

std::uint64_t cookie_of(const std::uint32_t (&words)[2]) { // NOLINT(modernize-avoid-c-arrays)
    return std::uint64_t{words[1]} << 32 | words[0];
}

void add(Inodes& inodes, std::uint64_t cookie, std::uint32_t inode) {
    if (inode != 0) {
        inodes.insert_or_assign(cookie, inode);
    }
}

struct SocketCloser {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

template<class Request>
struct Message {
    nlmsghdr header{.nlmsg_len = sizeof(Message),
                    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                    .nlmsg_seq = 1,
                    .nlmsg_pid = 0};
    Request request{};
};

/// Called by C code, which no exception may pass through.
template<class Socket>
int take(const nlmsghdr* header, void* data, std::uint64_t (*cookie)(const Socket&),
         std::uint32_t (*inode)(const Socket&)) noexcept {
    if (mnl_nlmsg_get_payload_len(header) < sizeof(Socket)) {
        return MNL_CB_OK;
    }
    const auto& socket = *static_cast<const Socket*>(mnl_nlmsg_get_payload(header));
    try {
        add(*static_cast<Inodes*>(data), cookie(socket), inode(socket));
    } catch (const std::bad_alloc&) {
        return MNL_CB_ERROR;
    }
    return MNL_CB_OK;
}

int take_inet(const nlmsghdr* header, void* data) {
    return take<inet_diag_msg>(
        header, data, [](const inet_diag_msg& socket) { return cookie_of(socket.id.idiag_cookie); },
        [](const inet_diag_msg& socket) { return std::uint32_t{socket.idiag_inode}; });
}

int take_packet(const nlmsghdr* header, void* data) {
    return take<packet_diag_msg>(
        header, data, [](const packet_diag_msg& socket) { return cookie_of(socket.pdiag_cookie); },
        [](const packet_diag_msg& socket) { return std::uint32_t{socket.pdiag_ino}; });
}

/// A kernel without this kind of sockets, or without diag for them, lists none.
template<class Request>
void list(const Request& request, mnl_cb_t take, Inodes& inodes) {
    const std::unique_ptr<mnl_socket, SocketCloser> socket(
        mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC));
    const Message<Request> message{.request = request};
    if (!socket || mnl_socket_sendto(socket.get(), &message, sizeof(message)) < 0) {
        return;
    }
    std::vector<std::byte> buffer(XINET_DIAG_MSG_MAX);
    int status = MNL_CB_OK;
    while (status > MNL_CB_STOP) {
        const auto size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
        status = size < 0 ? MNL_CB_ERROR
                          : mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), 1, 0, take,
                                       &inodes);
    }
}

/// The sockets of the calling thread's network namespace.
Inodes list_sockets() {
    Inodes inodes;
    for (const int family : {AF_INET, AF_INET6}) {
        for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP}) {
            inet_diag_req_v2 request{};
            request.sdiag_family = static_cast<std::uint8_t>(family);
            request.sdiag_protocol = static_cast<std::uint8_t>(protocol);
            request.idiag_states = all_but_time_wait;
            list(request, take_inet, inodes);
        }
        inet_diag_req_raw request{};
        request.sdiag_family = static_cast<std::uint8_t>(family);
        request.sdiag_protocol = IPPROTO_RAW;
        request.sdiag_raw_protocol = IPPROTO_RAW; // all of them
        request.idiag_states = all_but_time_wait;
        list(request, take_inet, inodes);
    }
    packet_diag_req request{};
    request.sdiag_family = AF_PACKET;
    list(request, take_packet, inodes);
    try {
        SocketLister().list({}, [&inodes](const SocketRecord& socket) {
            add(inodes, socket.cookie(), socket.base.ino);
        });
    } catch (const Error&) {
        // the module has been unloaded: it has no sockets
    }
    return inodes;
}

/// "/proc/77/ns/net" of a process in the namespace; empty if there is none that we may look at.
std::string path_of(std::uint32_t netns) {
    std::error_code error;
    const std::string wanted = fmt::format("net:[{}]", netns);
    for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end;
         entry.increment(error)) {
        const auto path = entry->path() / "ns" / "net";
        std::error_code none;
        if (std::filesystem::read_symlink(path, none) == wanted) {
            return path.string();
        }
    }
    return {};
}

std::uint32_t own_netns() {
    struct stat status {};
    return ::stat("/proc/self/ns/net", &status) == 0 ? static_cast<std::uint32_t>(status.st_ino)
                                                     : 0;
}

/// None without CAP_SYS_ADMIN, or if nobody is there.
Inodes list_sockets_of(std::uint32_t netns) {
    if (netns == own_netns()) {
        return list_sockets();
    }
    const std::string path = path_of(netns);
    const FileDescriptor file(path.empty() ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    // the process may have ended, and its number be in use again
    if (!file || ::fstat(file.get(), &status) != 0 || status.st_ino != netns) {
        return {};
    }
    // A thread of its own, which leaves the namespace by its end.
    return std::async(std::launch::async,
                      [&file] {
                          return ::setns(file.get(), CLONE_NEWNET) == 0 ? list_sockets() : Inodes{};
                      })
        .get();
}

/// As in /proc/PID/comm; empty if it has ended.
std::string name_of_process(std::uint32_t process) {
    std::ifstream file(fmt::format("/proc/{}/comm", process));
    std::string name;
    std::getline(file, name);
    return name;
}

} // namespace

ProcessesByCookie list_socket_processes(std::uint32_t netns) {
    std::unordered_map<std::uint32_t, std::uint64_t> cookies; // by inode number
    for (const auto& [cookie, inode] : list_sockets_of(netns)) {
        cookies.emplace(inode, cookie);
    }
    ProcessesByCookie found;
    try {
        visit_socket_users("/proc", [&](std::uint32_t inode, const SocketUser& user) {
            const auto socket = cookies.find(inode);
            if (socket != cookies.end()) {
                found.try_emplace(socket->second,
                                  SocketProcess{.process = static_cast<std::uint32_t>(user.process),
                                                .name = user.name});
            }
        });
    } catch (const Error&) {
        // a sandbox without /proc
    }
    return found;
}

SocketProcesses::SocketProcesses(std::size_t most, List list)
    : most_(most), list_(std::move(list)) {}

const SocketProcess* SocketProcesses::find(const xinet_owner& owner) {
    if ((owner.flags & XINET_OWNER_PROCESS) != 0) {
        return told_by_kernel(owner);
    }
    constexpr std::uint32_t no_process = XINET_OWNER_KERNEL | XINET_OWNER_SEVERAL;
    if ((owner.flags & XINET_OWNER_SOCKET) == 0 || (owner.flags & no_process) != 0) {
        return nullptr;
    }
    take_what_was_found();
    if (may_look(owner.cookie)) {
        begin_to_look(owner);
        wait_for_it();
        take_what_was_found();
    }
    const auto known = known_.find(owner.cookie);
    return known == known_.end() || !known->second.process ? nullptr : &*known->second.process;
}

const SocketProcess* SocketProcesses::told_by_kernel(const xinet_owner& owner) {
    if (told_.size() >= most_) {
        told_.clear();
    }
    const auto [told, fresh] = told_.try_emplace({owner.cookie, owner.pid});
    if (fresh) {
        told->second = {.process = owner.pid, .name = name_of_process(owner.pid)};
    }
    return &told->second;
}

bool SocketProcesses::may_look(std::uint64_t cookie) const {
    const auto known = known_.find(cookie);
    const auto now = Clock::now();
    if (looking_.valid() || now < next_look_) {
        return false;
    }
    return known == known_.end() ||
           (!known->second.process && known->second.tries <= static_cast<int>(retries.size()) &&
            now >= known->second.next_try);
}

void SocketProcesses::begin_to_look(const xinet_owner& owner) {
    const auto before = known_.find(owner.cookie);
    const int tries = before == known_.end() ? 0 : before->second.tries;
    if (known_.size() >= most_) {
        std::erase_if(known_, [](const auto& each) { return each.second.tries == 0; });
    }
    if (known_.size() >= most_) {
        known_.clear();
    }
    began_ = Clock::now();
    std::packaged_task<Found()> task(
        [list = list_, netns = owner.netns, wanted = owner.cookie, most = most_ / 2] {
            return look(list, netns, wanted, most);
        });
    auto result = task.get_future();
    try {
        // Detached: on a host with very many sockets, the end of the capture does not wait.
        std::thread(std::move(task)).detach();
    } catch (const std::system_error&) {
        next_look_ = began_ + std::chrono::seconds(1);
        return;
    }
    looking_ = std::move(result);
    Known& known = known_[owner.cookie];
    known.tries = tries + 1;
    known.next_try = began_ + retries.at(std::min<std::size_t>(static_cast<std::size_t>(tries),
                                                               retries.size() - 1));
}

/// In a thread of its own. Whatever cannot be had, the capture goes on.
SocketProcesses::Found SocketProcesses::look(const List& list, std::uint32_t netns,
                                             std::uint64_t wanted, std::size_t most) noexcept {
    Found found;
    try {
        found.processes = list(netns);
        // The reader of packets is not to be kept busy by other people's sockets.
        std::size_t spare = found.processes.size() - std::min(found.processes.size(), most);
        std::erase_if(found.processes, [&](const auto& each) {
            return each.first != wanted && spare != 0 && spare-- != 0;
        });
    } catch (...) {
        found.processes.clear();
    }
    found.ended = Clock::now();
    return found;
}

void SocketProcesses::wait_for_it() {
    const auto begin = Clock::now();
    if (!looking_.valid() || begin < next_wait_) {
        return;
    }
    looking_.wait_for(longest_wait);
    const auto end = Clock::now();
    next_wait_ = end + pause_after_waiting * (end - begin);
}

void SocketProcesses::take_what_was_found() {
    if (!looking_.valid() ||
        looking_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        return;
    }
    Found found = looking_.get();
    next_look_ = found.ended + pause_after_looking * (found.ended - began_);
    for (auto& [cookie, process] : found.processes) {
        // one that was asked for has a place
        if (known_.size() < most_ / 2 || known_.contains(cookie)) {
            known_[cookie].process = std::move(process);
        }
    }
}

} // namespace xinet
