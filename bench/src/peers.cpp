// SPDX-License-Identifier: GPL-2.0-or-later
#include "peers.h"

#include "system.h"

#include "xinet/error.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <libmnl/libmnl.h>
#include <linux/bpf.h>
#include <linux/genetlink.h>
#include <linux/net_dropmon.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cerrno>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

namespace bench {
namespace {

// --- instructions of eBPF ---

constexpr bpf_insn instruction(int code, int dst, int src, int offset, int immediate) {
    bpf_insn made{};
    made.code = static_cast<std::uint8_t>(code);
    made.dst_reg = static_cast<std::uint8_t>(dst & 0xf);
    made.src_reg = static_cast<std::uint8_t>(src & 0xf);
    made.off = static_cast<std::int16_t>(offset);
    made.imm = immediate;
    return made;
}

constexpr bpf_insn move(int dst, int src) {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

constexpr bpf_insn set(int dst, int value) {
    return instruction(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value);
}

constexpr bpf_insn add(int dst, int value) {
    return instruction(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value);
}

constexpr bpf_insn call(int helper) {
    return instruction(BPF_JMP | BPF_CALL, 0, 0, 0, helper);
}

constexpr bpf_insn skip_if_zero(int dst, int instructions) {
    return instruction(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, instructions, 0);
}

constexpr bpf_insn store(int dst, int offset, int src) {
    return instruction(BPF_STX | BPF_MEM | BPF_DW, dst, src, offset, 0);
}

constexpr int captured_bytes = 60;
constexpr int record_bytes = 80; ///< time, cookie of the namespace, the bytes

/// The tuple at r10 - 16 from an Ethernet frame of UDP over IPv4 without options; the socket that
/// is found is given back.
std::vector<bpf_insn> look_up_udp() {
    constexpr int addresses = 26;
    constexpr int ports = 34;
    return {
        move(1, 6),
        set(2, addresses),
        move(3, 10),
        add(3, -16),
        set(4, 8),
        call(BPF_FUNC_skb_load_bytes),
        move(1, 6),
        set(2, ports),
        move(3, 10),
        add(3, -8),
        set(4, 4),
        call(BPF_FUNC_skb_load_bytes),
        move(1, 6),
        move(2, 10),
        add(2, -16),
        set(3, 12),
        set(4, -1),
        set(5, 0),
        call(BPF_FUNC_sk_lookup_udp),
        skip_if_zero(0, 2),
        move(1, 0),
        call(BPF_FUNC_sk_release),
    };
}

std::vector<bpf_insn> capture_program(int ring, bool look_up) {
    std::vector<bpf_insn> code{move(6, 1)};
    if (look_up) {
        // the helper must have initialised memory
        code.insert(code.end(), {set(0, 0), store(10, -16, 0), store(10, -8, 0)});
        const std::vector<bpf_insn> found = look_up_udp();
        code.insert(code.end(), found.begin(), found.end());
    }
    const std::vector<bpf_insn> rest{
        instruction(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, ring),
        instruction(0, 0, 0, 0, 0),
        set(2, record_bytes),
        set(3, 0),
        call(BPF_FUNC_ringbuf_reserve),
        skip_if_zero(0, 13),
        move(7, 0),
        call(BPF_FUNC_ktime_get_ns),
        store(7, 0, 0),
        move(1, 6),
        set(2, 0),
        move(3, 7),
        add(3, 16),
        set(4, captured_bytes),
        call(BPF_FUNC_skb_load_bytes),
        move(1, 7),
        set(2, BPF_RB_NO_WAKEUP),
        call(BPF_FUNC_ringbuf_submit),
        set(0, 0),
        set(0, 0), // TC_ACT_OK
        instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
    };
    code.insert(code.end(), rest.begin(), rest.end());
    return code;
}

int checked(int result, const char* action, const char* object) {
    if (result < 0) {
        throw xinet::Error(action, object, errno);
    }
    return result;
}

bpf_tc_hook ingress(unsigned interface_index) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = static_cast<int>(interface_index);
    hook.attach_point = BPF_TC_INGRESS;
    return hook;
}

int count_record(void* count, void* /*record*/, std::size_t /*size*/) {
    ++*static_cast<std::uint64_t*>(count);
    return 0;
}

} // namespace

TcCapture::TcCapture(unsigned interface_index, std::uint64_t packets, bool look_up)
    : interface_index_(interface_index), reader_(nullptr, ring_buffer__free) {
    constexpr std::uint64_t with_header = record_bytes + BPF_RINGBUF_HDR_SZ;
    ring_.reset(checked(
        bpf_map_create(BPF_MAP_TYPE_RINGBUF, "capture", 0, 0,
                       static_cast<std::uint32_t>(std::bit_ceil(packets * with_header)), nullptr),
        "make", "a BPF ring buffer"));
    const std::vector<bpf_insn> code = capture_program(ring_.get(), look_up);
    program_.reset(checked(
        bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "capture", "GPL", code.data(), code.size(), nullptr),
        "load", "an eBPF program"));
    reader_.reset(ring_buffer__new(ring_.get(), count_record, &count_, nullptr));
    if (!reader_) {
        throw xinet::Error("read", "a BPF ring buffer", errno);
    }
    bpf_tc_hook hook = ingress(interface_index);
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.prog_fd = program_.get();
    checked(bpf_tc_hook_create(&hook), "make", "a hook of tc");
    checked(bpf_tc_attach(&hook, &options), "attach", "an eBPF program");
}

TcCapture::~TcCapture() {
    bpf_tc_hook hook = ingress(interface_index_);
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    bpf_tc_hook_destroy(&hook);
}

std::uint64_t TcCapture::packets() {
    count_ = 0;
    checked(ring_buffer__consume(reader_.get()), "read", "a BPF ring buffer");
    return count_;
}

namespace {

constexpr const char* drop_monitor = "NET_DM";

/// A message of generic netlink, filled in by @p fill; its header.
nlmsghdr* message(std::vector<char>& buffer, std::uint16_t type, std::uint8_t command,
                  const std::function<void(nlmsghdr*)>& fill) {
    buffer.resize(static_cast<std::size_t>(MNL_SOCKET_BUFFER_SIZE));
    nlmsghdr* header = mnl_nlmsg_put_header(buffer.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    header->nlmsg_seq = static_cast<std::uint32_t>(::time(nullptr));
    auto* generic =
        static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header, sizeof(genlmsghdr)));
    generic->cmd = command;
    generic->version = 2;
    fill(header);
    return header;
}

using Attributes = std::function<void(const nlattr*)>;

/// mnl_attr_cb_t
int hand_on(const nlattr* attribute, void* each) {
    (*static_cast<const Attributes*>(each))(attribute);
    return MNL_CB_OK;
}

void for_each_in(const nlattr* nest, Attributes each) {
    mnl_attr_parse_nested(nest, hand_on, &each);
}

/// Asks and waits for the acknowledgement; @p answer gets every attribute of the answer.
void ask(
    mnl_socket* socket, std::uint16_t type, std::uint8_t command,
    const std::function<void(nlmsghdr*)>& fill,
    Attributes answer = [](const nlattr* /*attribute*/) {}) {
    std::vector<char> buffer;
    const nlmsghdr* header = message(buffer, type, command, fill);
    checked(static_cast<int>(mnl_socket_sendto(socket, header, header->nlmsg_len)), "ask",
            drop_monitor);
    const auto take = [](const nlmsghdr* got, void* each) {
        return mnl_attr_parse(got, sizeof(genlmsghdr), hand_on, each);
    };
    int more = MNL_CB_OK;
    const std::uint32_t sequence = header->nlmsg_seq;
    while (more > MNL_CB_STOP) {
        std::vector<char> got(static_cast<std::size_t>(MNL_SOCKET_BUFFER_SIZE));
        const auto bytes = mnl_socket_recvfrom(socket, got.data(), got.size());
        checked(static_cast<int>(bytes), "hear from", drop_monitor);
        more = mnl_cb_run(got.data(), static_cast<std::size_t>(bytes), sequence,
                          mnl_socket_get_portid(socket), take, &answer);
    }
    checked(more, "ask", drop_monitor);
}

std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> open_netlink() {
    std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(mnl_socket_open(NETLINK_GENERIC),
                                                             mnl_socket_close);
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        throw xinet::Error("open", "a socket of netlink", errno);
    }
    return socket;
}

} // namespace

DropMonitor::DropMonitor(std::uint64_t packets)
    : control_(nullptr, mnl_socket_close), events_(nullptr, mnl_socket_close) {
    run({"modprobe", "drop_monitor"});
    control_ = open_netlink();
    events_ = open_netlink();
    std::uint32_t group = 0;
    ask(
        control_.get(), GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
        [](nlmsghdr* header) { mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, drop_monitor); },
        [&](const nlattr* attribute) {
            if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID) {
                family_ = mnl_attr_get_u16(attribute);
            } else if (mnl_attr_get_type(attribute) == CTRL_ATTR_MCAST_GROUPS) {
                for_each_in(attribute, [&](const nlattr* one) {
                    for_each_in(one, [&](const nlattr* part) {
                        if (mnl_attr_get_type(part) == CTRL_ATTR_MCAST_GRP_ID) {
                            group = mnl_attr_get_u32(part);
                        }
                    });
                });
            }
        });
    checked(mnl_socket_setsockopt(events_.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)),
            "join", drop_monitor);
    constexpr int room = 1 << 29;
    checked(::setsockopt(mnl_socket_get_fd(events_.get()), SOL_SOCKET, SO_RCVBUFFORCE, &room,
                         sizeof(room)),
            "set", "SO_RCVBUFFORCE");
    ask(control_.get(), family_, NET_DM_CMD_CONFIG, [&](nlmsghdr* header) {
        mnl_attr_put_u8(header, NET_DM_ATTR_ALERT_MODE, NET_DM_ALERT_MODE_PACKET);
        mnl_attr_put_u32(header, NET_DM_ATTR_TRUNC_LEN, captured_bytes);
        mnl_attr_put_u32(header, NET_DM_ATTR_QUEUE_LEN, static_cast<std::uint32_t>(packets));
    });
    ask(control_.get(), family_, NET_DM_CMD_START,
        [](nlmsghdr* header) { mnl_attr_put(header, NET_DM_ATTR_SW_DROPS, 0, nullptr); });
}

DropMonitor::~DropMonitor() {
    try {
        ask(control_.get(), family_, NET_DM_CMD_STOP,
            [](nlmsghdr* header) { mnl_attr_put(header, NET_DM_ATTR_SW_DROPS, 0, nullptr); });
    } catch (const xinet::Error&) {
        // it ends with the guest
    }
}

std::uint64_t DropMonitor::packets() {
    std::uint64_t count = 0;
    std::array<char, 4096> buffer{};
    while (::recv(mnl_socket_get_fd(events_.get()), buffer.data(), buffer.size(), MSG_DONTWAIT) >
           0) {
        ++count;
    }
    return count;
}

} // namespace bench
