// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/cgroup_names.h"

#include "temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using xinet::CgroupNames;

/// Directories instead of control groups: a number is an inode's in both.
class CgroupTree : public testing::Test {
protected:
    /// Returns the number of a new one.
    std::uint64_t add(const std::string& path) const {
        std::filesystem::create_directories(directory_.file(path));
        return number(path);
    }

    std::uint64_t number(const std::string& path) const {
        struct stat status {};
        EXPECT_EQ(::stat(directory_.file(path).c_str(), &status), 0);
        return status.st_ino;
    }

    std::string root() const { return directory_.file(""); }

    static std::string path_of(CgroupNames& names, std::uint64_t id) {
        const xinet::Cgroup* cgroup = names.find(id);
        return cgroup == nullptr ? "none" : cgroup->path;
    }

    /// As path_of(), until the pauses are over.
    static std::string path_in_time(CgroupNames& names, std::uint64_t id) {
        const auto end = std::chrono::steady_clock::now() + 20s;
        std::string path = path_of(names, id);
        while (path == "none" && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(10ms);
            path = path_of(names, id);
        }
        return path;
    }

    xinet::test::TemporaryDirectory directory_;
};

TEST_F(CgroupTree, group_is_found_by_its_number) {
    const auto service = add("system.slice/ssh.service");
    const auto lxc = add("lxc.payload.web/init.scope");
    CgroupNames names(root());
    EXPECT_EQ(path_of(names, service), "/system.slice/ssh.service");
    EXPECT_EQ(path_of(names, lxc), "/lxc.payload.web/init.scope");
    EXPECT_EQ(path_of(names, number("system.slice")), "/system.slice");
    EXPECT_EQ(path_of(names, number("")), "/");
}

TEST_F(CgroupTree, group_has_its_container) {
    const auto service = add("ssh.service");
    const auto lxc = add("lxc.payload.web/init.scope");
    CgroupNames names(root());
    ASSERT_NE(names.find(service), nullptr);
    EXPECT_FALSE(names.find(service)->container);
    ASSERT_NE(names.find(lxc), nullptr);
    ASSERT_TRUE(names.find(lxc)->container);
    EXPECT_EQ(names.find(lxc)->container->text(), "lxc/web");
}

TEST_F(CgroupTree, removed_group_keeps_the_path_that_was_found) {
    const auto early = add("early");
    CgroupNames names(root());
    EXPECT_EQ(path_of(names, early), "/early");
    const auto late = add("late");
    std::filesystem::remove(directory_.file("early"));
    std::filesystem::remove(directory_.file("late"));
    EXPECT_EQ(path_of(names, early), "/early");
    EXPECT_EQ(path_of(names, late), "none");
}

TEST_F(CgroupTree, group_that_was_not_found_is_looked_for_again) {
    CgroupNames names(root());
    const auto first = add("first");
    EXPECT_EQ(path_of(names, first), "/first");
    const auto second = add("second");
    EXPECT_EQ(path_in_time(names, second), "/second");
}

TEST_F(CgroupTree, number_of_what_is_not_there_has_no_path) {
    add("a");
    std::filesystem::create_directory_symlink("/", directory_.file("link"));
    CgroupNames names(root());
    EXPECT_EQ(path_of(names, 0), "none");
    EXPECT_EQ(path_of(names, ~std::uint64_t{0}), "none");
    struct stat status {};
    ASSERT_EQ(::stat("/", &status), 0);
    EXPECT_EQ(path_of(names, status.st_ino), "none");
    for (const char* nowhere : {"", "/nosuchdirectory", "/dev/null"}) {
        CgroupNames nothing(nowhere);
        EXPECT_EQ(path_of(nothing, number("a")), "none") << nowhere;
    }
}

// Whoever may make groups below a's cannot keep others from being found.
TEST_F(CgroupTree, walk_ends_and_takes_what_is_at_the_top_first) {
    std::string deep = "a";
    for (int level = 0; level < 30; ++level) {
        deep += "/d";
        add(deep);
    }
    const auto top = add("z");
    CgroupNames names(root(), 16);
    EXPECT_EQ(path_of(names, number(deep)), "none");
    EXPECT_EQ(path_of(names, top), "/z");
}

TEST_F(CgroupTree, unknown_ones_do_not_push_out_what_was_found) {
    const auto there = add("there");
    CgroupNames names(root(), 8);
    EXPECT_EQ(path_of(names, there), "/there");
    std::filesystem::remove(directory_.file("there"));
    for (std::uint64_t id = 1; id < 1000; ++id) {
        EXPECT_EQ(path_of(names, ~id), "none");
    }
    EXPECT_EQ(path_of(names, there), "/there");
}

TEST(CgroupMounts, are_found_in_mountinfo) {
    std::istringstream hybrid(
        "22 1 0:21 / /proc rw - proc proc rw\n"
        "30 22 0:26 / /sys/fs/cgroup/cpu rw shared:9 master:2 - cgroup cgroup rw,cpu\n"
        "31 22 0:27 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw\n");
    EXPECT_EQ(xinet::cgroup2_mounts(hybrid), (std::vector<std::string>{"/sys/fs/cgroup/unified"}));
    std::istringstream parts("31 22 0:27 /docker/a /in\\040part rw - cgroup2 none rw\n"
                             "32 22 0:27 / /whole\\134040 rw - cgroup2 none rw\n"
                             "33 22 0:27 / /again\\04 rw - cgroup2 none rw\n");
    EXPECT_EQ(xinet::cgroup2_mounts(parts),
              (std::vector<std::string>{"/whole\\040", "/again\\04", "/in part"}));
    std::istringstream odd("\n31\n31 22 0:27 /\n31 22 0:27 / /x rw\n31 22 0:27 / /x rw -\n");
    EXPECT_TRUE(xinet::cgroup2_mounts(odd).empty());
}

} // namespace
