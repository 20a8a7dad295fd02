// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/told.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

std::string text(const xinet::CapturedPacket& packet, const xinet::OwnerDetails& details = {}) {
    return xinet::told_text(packet, details);
}

std::string json(const xinet::CapturedPacket& packet, const xinet::OwnerDetails& details = {}) {
    xinet::Json object = xinet::Json::object();
    xinet::add_told(object, packet, "blue", details);
    return xinet::json_text(object);
}

xinet_owner owner_with(std::uint32_t flags) {
    xinet_owner owner{};
    owner.flags = flags;
    return owner;
}

xinet_owner known_owner() {
    xinet_owner owner = owner_with(XINET_OWNER_SOCKET | XINET_OWNER_CREDENTIALS);
    owner.cookie = 0x1f;
    owner.netns_cookie = 3;
    owner.cgroup = 12;
    owner.netns = 4026;
    owner.uid = 5;
    return owner;
}

xinet_dropped dropped_for(std::uint32_t reason, std::string_view name, std::string_view place) {
    xinet_dropped dropped{};
    dropped.reason = reason;
    std::ranges::copy(name, dropped.name);
    std::ranges::copy(place, dropped.place);
    return dropped;
}

TEST(Told, nothing_is_said_of_what_was_not_asked_for) {
    EXPECT_EQ(text({}), "");
    EXPECT_EQ(json({}), "{}");
}

TEST(Told, owner_is_shown_with_its_process) {
    const xinet_owner owner = known_owner();
    const xinet::SocketProcess process{.process = 77, .name = "a \"b\"\x1b"};
    EXPECT_EQ(text({.owner = &owner}), "[sk:1f netns:4026 uid:5 cgroup:12]");
    EXPECT_EQ(text({.owner = &owner}, {.process = &process}),
              R"([sk:1f netns:4026 uid:5 cgroup:12 pid:77 comm:"a ?b??"])");
    EXPECT_EQ(
        json({.owner = &owner}),
        R"({"owner":{"cookie":31,"netns":4026,"netns_cookie":3,"cgroup":12,"uid":5,)"
        R"("cgroup_path":null,"container":null,"pid":null,"comm":null,"kernel":false,"several":false}})");
    EXPECT_NE(
        json({.owner = &owner}, {.process = &process}).find(R"("pid":77,"comm":"a \"b\"\u001b")"),
        std::string::npos)
        << json({.owner = &owner}, {.process = &process});
}

TEST(Told, owner_is_shown_with_its_control_group) {
    const xinet_owner owner = known_owner();
    const xinet::Cgroup service{.path = "/system.slice/ssh.service", .container = {}};
    const xinet::SocketProcess process{.process = 77, .name = "sshd"};
    EXPECT_EQ(text({.owner = &owner}, {.process = &process, .cgroup = &service}),
              R"([sk:1f netns:4026 uid:5 cgroup:/system.slice/ssh.service pid:77 comm:"sshd"])");
    const std::string object = json({.owner = &owner}, {.cgroup = &service});
    EXPECT_NE(object.find(R"("cgroup":12,"uid":5,"cgroup_path":"/system.slice/ssh.service",)"
                          R"("container":null,)"),
              std::string::npos)
        << object;
}

TEST(Told, container_is_shown_short_and_is_whole_for_programs) {
    const xinet_owner owner = known_owner();
    const std::string id(64, 'a');
    const xinet::Cgroup cgroup{.path = "/docker/x",
                               .container = xinet::Container{.runtime = "docker", .name = id}};
    EXPECT_EQ(text({.owner = &owner}, {.cgroup = &cgroup}),
              "[sk:1f netns:4026 uid:5 cgroup:/docker/x container:docker/aaaaaaaaaaaa]");
    const std::string object = json({.owner = &owner}, {.cgroup = &cgroup});
    EXPECT_NE(object.find(R"("container":{"runtime":"docker","name":")" + id + R"("},)"),
              std::string::npos)
        << object;
}

TEST(Told, name_of_a_control_group_cannot_be_taken_for_more) {
    const xinet_owner owner = known_owner();
    const xinet::Cgroup cgroup{.path = "/a pid:1 comm:\"b\"] (dropped: c) [\x1b\n\xff",
                               .container =
                                   xinet::Container{.runtime = "lxc", .name = "d pid:2\"]()\n"}};
    EXPECT_EQ(text({.owner = &owner}, {.cgroup = &cgroup}),
              "[sk:1f netns:4026 uid:5 cgroup:/a?pid:1?comm:?b????dropped:?c?????? "
              "container:lxc/d?pid:2?????]");
    const std::string object = json({.owner = &owner}, {.cgroup = &cgroup});
    EXPECT_NE(object.find(R"("cgroup_path":"/a pid:1 comm:\"b\"] (dropped: c) [\u001b\n�")"),
              std::string::npos)
        << object;
}

TEST(Told, process_that_has_ended_has_no_name) {
    const xinet_owner owner = known_owner();
    const xinet::SocketProcess process{.process = 77, .name = ""};
    EXPECT_EQ(text({.owner = &owner}, {.process = &process}),
              "[sk:1f netns:4026 uid:5 cgroup:12 pid:77]");
    EXPECT_NE(json({.owner = &owner}, {.process = &process}).find(R"("pid":77,"comm":null)"),
              std::string::npos);
}

TEST(Told, nobody_s_packet_has_no_owner) {
    const xinet_owner nobody{};
    EXPECT_EQ(text({.owner = &nobody}), "");
    EXPECT_EQ(json({.owner = &nobody}), R"({"owner":null})");
}

TEST(Told, all_that_is_known_is_in_one_line) {
    const xinet_owner owner = owner_with(XINET_OWNER_SEVERAL);
    const xinet_dropped dropped = dropped_for(5, "NO_SOCKET", "udp_rcv+0x1/0x2");
    const xinet_original original{
        .done = XINET_ORIGINAL_SEGMENTED | XINET_ORIGINAL_CHECKSUM, .segment = 0, .segments = 3};
    EXPECT_EQ(text({.owner = &owner, .dropped = &dropped, .original = &original}),
              "[several] (dropped: NO_SOCKET at udp_rcv+0x1/0x2) "
              "(frame: 1 of 3, checksum filled in)");
}

TEST(Told, point_and_number_are_told) {
    const xinet_point point{
        .packet = 12, .point = XINET_POINT_POST_ROUTING, .flags = 0, .in = 2, .out = 3};
    const xinet_point unknown{.packet = 0, .point = 0x4000, .flags = 0, .in = 0, .out = 0};
    EXPECT_EQ(text({.point = &point}), "(point: post-routing, packet 12)");
    EXPECT_EQ(text({.point = &unknown}), "(point: unknown)");
    const xinet_point dropped{.packet = 12, .point = 0, .flags = 0, .in = 0, .out = 0};
    const xinet_point nothing{};
    EXPECT_EQ(text({.point = &dropped}), "(packet 12)");
    EXPECT_EQ(text({.point = &nothing}), "");
    EXPECT_EQ(json({.point = &dropped}),
              R"({"point":null,"packet":12,"in_index":0,"out_index":0})");
    EXPECT_EQ(json({.point = &point}),
              R"({"point":"post-routing","packet":12,"in_index":2,"out_index":3})");
    EXPECT_EQ(json({.point = &unknown}),
              R"({"point":"unknown","packet":null,"in_index":0,"out_index":0})");
}

TEST(Told, queue_is_for_programs) {
    const xinet_queue queue{.queue = 3, .reserved = 0};
    EXPECT_EQ(text({.queue = &queue}), "");
    EXPECT_EQ(json({.queue = &queue}), R"({"queue":3})");
}

TEST(Told, points_have_names) {
    EXPECT_EQ(xinet::point_named("tap"), std::uint32_t{XINET_POINT_TAP});
    EXPECT_EQ(xinet::point_named("local-out"), std::uint32_t{XINET_POINT_LOCAL_OUT});
    EXPECT_EQ(xinet::point_named("all"), 0x1ffU);
    EXPECT_EQ(xinet::point_named("input"), 0U);
    EXPECT_EQ(xinet::point_names(), "tap, pre-routing, local-in, forward, local-out, post-routing, "
                                    "qdisc, start-xmit, delivered");
}

TEST(Told, reason_without_a_name_is_its_number) {
    const xinet_dropped dropped = dropped_for(0x10002, "", "");
    EXPECT_EQ(text({.dropped = &dropped}), "(dropped: 0x10002)");
    const std::string object = json({.dropped = &dropped});
    EXPECT_NE(object.find(R"("reason":"0x10002","number":65538,"symbol":null)"), std::string::npos)
        << object;
}

TEST(Told, namespace_is_told_by_inode_cookie_and_name) {
    xinet_netns netns{};
    netns.cookie = 9;
    netns.netns = 33;
    EXPECT_EQ(json({.netns = &netns}), R"({"netns":33,"netns_cookie":9,"netns_name":"blue"})");
}

} // namespace
