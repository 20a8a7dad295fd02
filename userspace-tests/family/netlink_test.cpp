// SPDX-License-Identifier: GPL-2.0-or-later
// Generic netlink: the module tells the number of its family, and its version.
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/xinet.h>

#include <cstring>
#include <fstream>
#include <map>

#include "support/netns.h"
#include "support/outcome.h"
#include "support/traffic.h"

namespace xt {
namespace {

constexpr uint16_t rejected_attribute = XINET_INFO_FAMILY;

Bytes attribute(uint16_t type, const void* value, size_t size) {
    const nlattr header{static_cast<uint16_t>(sizeof(nlattr) + size), type};
    Bytes bytes(NLA_ALIGN(header.nla_len));
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::memcpy(bytes.data() + sizeof(header), value, size);
    return bytes;
}

struct Reply {
    int error = 0;
    std::map<int, Bytes> attributes;
};

// One request, and the first message that answers it.
Reply ask(uint16_t type, uint8_t command, const Bytes& attributes) {
    const Fd socket(checked(::socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), "AF_NETLINK"));
    nlmsghdr header{};
    header.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(GENL_HDRLEN) + attributes.size());
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST;
    genlmsghdr generic{};
    generic.cmd = command;
    generic.version = 1;
    Bytes request(NLMSG_LENGTH(GENL_HDRLEN));
    std::memcpy(request.data(), &header, sizeof(header));
    std::memcpy(request.data() + NLMSG_HDRLEN, &generic, sizeof(generic));
    request = request + attributes;
    checked(::send(socket.get(), request.data(), request.size(), 0), "send");

    const Bytes answer = receive(socket.get()).data;
    Reply reply;
    std::memcpy(&header, answer.data(), sizeof(header));
    if (header.nlmsg_type == NLMSG_ERROR) {
        std::memcpy(&reply.error, answer.data() + NLMSG_HDRLEN, sizeof(reply.error));
        reply.error = -reply.error;
        return reply;
    }
    for (size_t at = NLMSG_LENGTH(GENL_HDRLEN); at + sizeof(nlattr) <= header.nlmsg_len;) {
        nlattr one{};
        std::memcpy(&one, answer.data() + at, sizeof(one));
        reply.attributes[one.nla_type] =
            Bytes(answer.begin() + static_cast<long>(at + sizeof(one)),
                  answer.begin() + static_cast<long>(at + one.nla_len));
        at += NLA_ALIGN(one.nla_len);
    }
    return reply;
}

uint16_t genl_family() {
    const Reply reply =
        ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY,
            attribute(CTRL_ATTR_FAMILY_NAME, XINET_GENL_NAME, sizeof(XINET_GENL_NAME)));
    uint16_t id = 0;
    std::memcpy(&id, reply.attributes.at(CTRL_ATTR_FAMILY_ID).data(), sizeof(id));
    return id;
}

class Netlink : public testing::Test {
protected:
    void SetUp() override {
        if (self_check())
            GTEST_SKIP() << "it needs the family";
    }
};

TEST_F(Netlink, tells_the_number_and_the_version) {
    const Reply reply = ask(genl_family(), XINET_CMD_GET_INFO, {});
    ASSERT_EQ(reply.error, 0);
    uint32_t family = 0;
    std::memcpy(&family, reply.attributes.at(XINET_INFO_FAMILY).data(), sizeof(family));
    EXPECT_EQ(static_cast<int>(family), xinet_family());

    std::string version;
    std::ifstream("/sys/module/xinet/version") >> version;
    const Bytes told = reply.attributes.at(XINET_INFO_VERSION);
    EXPECT_EQ(std::string(told.begin(), told.end() - 1), version);
    EXPECT_FALSE(version.empty());
}

TEST_F(Netlink, answers_in_every_namespace_without_privilege) {
    const Outcome outcome = without_capabilities(
        [] { return outcome_of([] { return ask(genl_family(), XINET_CMD_GET_INFO, {}).error; }); });
    EXPECT_EQ(outcome.result, 0);
    EXPECT_EQ(in_peer([] { return ask(genl_family(), XINET_CMD_GET_INFO, {}).error; }), 0);
}

TEST_F(Netlink, refuses_what_it_does_not_know) {
    const uint32_t value = 1;
    EXPECT_EQ(
        ask(genl_family(), XINET_CMD_GET_INFO, attribute(rejected_attribute, &value, sizeof(value)))
            .error,
        EINVAL);
    EXPECT_EQ(ask(genl_family(), XINET_CMD_MAX + 1, {}).error, EOPNOTSUPP);
}

} // namespace
} // namespace xt
