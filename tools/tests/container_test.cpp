// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/container.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace {

using xinet::container_of;

const std::string id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string other = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/// As "runtime name"; "none" if it is none.
std::string found(const std::string& path) {
    const auto container = container_of(path);
    return container ? std::string(container->runtime) + " " + container->name : "none";
}

struct Case {
    std::string path;
    std::string wanted;
};

void expect(const std::vector<Case>& cases) {
    for (const Case& each : cases) {
        EXPECT_EQ(found(each.path), each.wanted) << each.path;
    }
}

TEST(Container, groups_of_the_runtimes_are_known) {
    expect({
        {"/system.slice/docker-" + id + ".scope", "docker " + id},
        {"/docker/" + id, "docker " + id},
        {"/machine.slice/libpod-" + id + ".scope", "podman " + id},
        {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id +
             ".scope/container",
         "podman " + id},
        {"/libpod_parent/libpod-" + id, "podman " + id},
        {"/lxc.payload.web-1", "lxc web-1"},
        {"/lxc.payload.web-1/system.slice/ssh.service", "lxc web-1"},
        {"/lxc/101/ns", "lxc 101"},
    });
}

TEST(Container, groups_of_kubernetes_are_known) {
    const std::string pods =
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice";
    expect({
        {pods + "/cri-containerd-" + id + ".scope", "containerd " + id},
        {pods + "/crio-" + id + ".scope", "cri-o " + id},
        {pods + "/docker-" + id + ".scope", "docker " + id},
        {"/kubepods/burstable/pod7d3c-11/" + id, "kubernetes " + id},
        {"/kubepods/pod7d3c-11/" + id, "kubernetes " + id},
        {"/kubepods/besteffort/pod7d3c-11/crio-" + id, "cri-o " + id},
        {"/kubepods/burstable/pod7d3c-11", "none"},
        {"/pod7d3c-11/" + id, "none"},
        {"/kubepods/burstable/" + id, "none"},
    });
}

TEST(Container, machines_have_the_names_that_machinectl_shows) {
    expect({
        {R"(/machine.slice/machine-qemu\x2d1\x2dname.scope/libvirt/emulator)",
         "machine qemu-1-name"},
        {"/machine.slice/machine-debian.scope", "machine debian"},
        {R"(/machine.slice/systemd-nspawn@my\x2dbox.service/payload)", "machine my-box"},
        {"/machine.slice/machine-a-b.scope", "machine a/b"},
        {R"(/machine.slice/machine-a\x1b\x00.scope)", "machine a\x1b" + std::string(1, '\0')},
        {R"(/machine.slice/machine-a\x2.scope)", "none"},
        {R"(/machine.slice/machine-a\x.scope)", "none"},
        {R"(/machine.slice/machine-a\.scope)", "none"},
        {R"(/machine.slice/machine-a\y2d.scope)", "none"},
        {R"(/machine.slice/machine-a\x2D.scope)", "none"},
        {"/machine.slice/machine-.scope", "none"},
        {"/machine.slice/machine-debian.service", "none"},
        {"/machine.slice", "none"},
    });
}

TEST(Container, what_is_named_otherwise_is_none) {
    std::string big = id;
    big[10] = 'A';
    expect({
        {"", "none"},
        {"/", "none"},
        {"///", "none"},
        {"/system.slice/ssh.service", "none"},
        {"/system.slice/docker.service", "none"},
        {"/system.slice/docker-" + id.substr(1) + ".scope", "none"},
        {"/system.slice/docker-" + id + "0.scope", "none"},
        {"/system.slice/docker-" + big + ".scope", "none"},
        {"/system.slice/docker-" + id + ".service", "none"},
        {"/system.slice/xdocker-" + id + ".scope", "none"},
        {"/machine.slice/libpod-conmon-" + id + ".scope", "none"},
        {"/machine.slice/libpod-payload-" + id, "none"},
        {"/docker", "none"},
        {"/docker/buildkit", "none"},
        {"/" + id, "none"},
        {"/lxc", "none"},
        {"/lxc.payload.", "none"},
        {"/lxc.monitor.web-1", "none"},
        {"/system.slice/lxc/101", "none"},
    });
}

// What is in the container has made the others.
TEST(Container, outermost_one_is_told) {
    expect({
        {"/system.slice/docker-" + id + ".scope/docker/" + other, "docker " + id},
        {"/lxc.payload.web/system.slice/docker-" + id + ".scope", "lxc web"},
        {"//docker//" + id + "//libpod-" + other + ".scope", "docker " + id},
    });
}

TEST(Container, text_has_the_begin_of_an_id_and_the_whole_of_a_name) {
    EXPECT_EQ(container_of("/docker/" + id)->text(), "docker/0123456789ab");
    EXPECT_EQ(container_of("/lxc/0123456789abcdef")->text(), "lxc/0123456789abcdef");
}

} // namespace
