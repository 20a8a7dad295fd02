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

#include <array>
#include <filesystem>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace xinet {

namespace {

/// A connection has no inode before it is accepted.
constexpr int most_tries = 3;
/// Of a closed connection, that no process has.
constexpr std::uint32_t all_but_time_wait = ~(1U << TCP_TIME_WAIT);
/// After looking, for how many times as long it is not done again.
constexpr int pause = 9;

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

int take_inet(const nlmsghdr* header, void* data) {
    if (mnl_nlmsg_get_payload_len(header) >= sizeof(inet_diag_msg)) {
        const auto& socket = *static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(header));
        add(*static_cast<Inodes*>(data), cookie_of(socket.id.idiag_cookie), socket.idiag_inode);
    }
    return MNL_CB_OK;
}

int take_packet(const nlmsghdr* header, void* data) {
    if (mnl_nlmsg_get_payload_len(header) >= sizeof(packet_diag_msg)) {
        const auto& socket = *static_cast<const packet_diag_msg*>(mnl_nlmsg_get_payload(header));
        add(*static_cast<Inodes*>(data), cookie_of(socket.pdiag_cookie), socket.pdiag_ino);
    }
    return MNL_CB_OK;
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

/// Moves the thread there; false without CAP_SYS_ADMIN, or if nobody is there.
bool enter(std::uint32_t netns) {
    const std::string path = path_of(netns);
    const FileDescriptor file(path.empty() ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    // the process may have ended, and its number be in use again
    return file && ::fstat(file.get(), &status) == 0 && status.st_ino == netns &&
           ::setns(file.get(), CLONE_NEWNET) == 0;
}

/// All sockets of a namespace, for the next packet may be of another one. In a thread of its own,
/// which may stay in that namespace.
ProcessesByCookie look(std::uint32_t netns, bool own) {
    ProcessesByCookie found;
    if (!own && !enter(netns)) {
        return found;
    }
    std::unordered_map<std::uint32_t, std::uint64_t> cookies; // by inode number
    for (const auto& [cookie, inode] : list_sockets()) {
        cookies.emplace(inode, cookie);
    }
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

std::uint32_t own_netns() {
    struct stat status {};
    return ::stat("/proc/thread-self/ns/net", &status) == 0
               ? static_cast<std::uint32_t>(status.st_ino)
               : 0;
}

} // namespace

SocketProcesses::SocketProcesses(std::size_t most) : most_(most), own_netns_(own_netns()) {}

const SocketProcess* SocketProcesses::find(const xinet_owner& owner) {
    constexpr std::uint32_t no_process = XINET_OWNER_KERNEL | XINET_OWNER_SEVERAL;
    constexpr std::chrono::milliseconds patience(100);
    if ((owner.flags & XINET_OWNER_SOCKET) == 0 || (owner.flags & no_process) != 0) {
        return nullptr;
    }
    if (looking_.valid() &&
        looking_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) {
        take_what_was_found();
    }
    auto known = known_.find(owner.cookie);
    const bool final =
        known != known_.end() && (known->second.process || known->second.tries >= most_tries);
    if (!final && !looking_.valid() && std::chrono::steady_clock::now() >= next_look_) {
        begin_to_look(owner);
        if (looking_.valid() && looking_.wait_for(patience) == std::future_status::ready) {
            take_what_was_found();
        }
        known = known_.find(owner.cookie);
    }
    return known == known_.end() || !known->second.process ? nullptr : &*known->second.process;
}

void SocketProcesses::begin_to_look(const xinet_owner& owner) {
    const auto before = known_.find(owner.cookie);
    const int tries = before == known_.end() ? 0 : before->second.tries;
    if (known_.size() >= most_) {
        known_.clear();
    }
    known_[owner.cookie].tries = tries + 1;
    wanted_ = owner.cookie;
    began_ = std::chrono::steady_clock::now();
    std::packaged_task<ProcessesByCookie()> task(
        [netns = owner.netns, own = owner.netns == own_netns_] { return look(netns, own); });
    looking_ = task.get_future();
    try {
        // Detached: on a host with very many sockets, the end of the capture does not wait.
        std::thread(std::move(task)).detach();
    } catch (const std::system_error&) {
        looking_ = {};
        next_look_ = began_ + std::chrono::seconds(1);
    }
}

void SocketProcesses::take_what_was_found() {
    ProcessesByCookie found = looking_.get();
    if (const auto wanted = found.find(wanted_); wanted != found.end()) {
        known_[wanted_].process = std::move(wanted->second);
        found.erase(wanted);
    }
    for (auto& [cookie, process] : found) {
        if (known_.size() >= most_) {
            break;
        }
        known_[cookie].process = std::move(process);
    }
    const auto end = std::chrono::steady_clock::now();
    next_look_ = end + pause * (end - began_);
}

} // namespace xinet
