// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/run.h"

#include "tests/temporary_directory.h"
#include "xinet/error.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

namespace {

using xinet::test::TemporaryDirectory;

std::string make_file(const TemporaryDirectory& directory, const std::string& name,
                      const std::string& content, mode_t mode) {
    const std::string path = directory.file(name);
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), mode);
    return path;
}

/// The header of this very program, but for no program headers: static.
std::string static_elf() {
    ElfW(Ehdr) header{};
    std::ifstream("/proc/self/exe", std::ios::binary)
        .read(reinterpret_cast<char*>(&header), sizeof(header));
    header.e_phnum = 0;
    return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

TEST(FindProgram, looks_along_the_path) {
    const TemporaryDirectory directory;
    const std::string program = make_file(directory, "prog", "#!/bin/sh\n", 0755);
    make_file(directory, "data", "", 0644);
    const std::string path = "/nonexistent:" + directory.file("");
    EXPECT_TRUE(xinet::find_program("prog", path));
    EXPECT_FALSE(xinet::find_program("data", path));
    EXPECT_FALSE(xinet::find_program("absent", path));
    EXPECT_EQ(xinet::find_program(program, ""), program);
    EXPECT_FALSE(xinet::find_program("/nonexistent/prog", path));
}

TEST(NotRedirectable, dynamic_programs_and_scripts_are_fine) {
    const TemporaryDirectory directory;
    EXPECT_EQ(xinet::reason_not_redirectable("/proc/self/exe", ::geteuid(), ::getegid()), "");
    const std::string script = make_file(directory, "script", "#!/bin/sh\n", 0755);
    EXPECT_EQ(xinet::reason_not_redirectable(script, ::geteuid(), ::getegid()), "");
}

TEST(NotRedirectable, static_setuid_and_foreign_programs_are_named) {
    const TemporaryDirectory directory;
    const std::string fixed = make_file(directory, "static", static_elf(), 0755);
    EXPECT_NE(xinet::reason_not_redirectable(fixed, ::geteuid(), ::getegid()).find("static"),
              std::string::npos);

    const std::string setuid = make_file(directory, "setuid", "#!/bin/sh\n", 04755);
    EXPECT_EQ(xinet::reason_not_redirectable(setuid, ::geteuid() + 1, ::getegid()), "it is setuid");
    EXPECT_EQ(xinet::reason_not_redirectable(setuid, ::geteuid(), ::getegid()), "");

    std::string foreign = static_elf();
    foreign[offsetof(ElfW(Ehdr), e_machine)] ^= 1;
    const std::string other = make_file(directory, "foreign", foreign, 0755);
    EXPECT_NE(xinet::reason_not_redirectable(other, ::geteuid(), ::getegid()).find("architecture"),
              std::string::npos);
}

TEST(PreloadValue, refuses_paths_that_would_be_split_or_expanded) {
    for (const char* library : {"/my files/a.so", "/a:b/a.so", "/$LIB/a.so"}) {
        EXPECT_THROW(xinet::preload_value(library, nullptr), xinet::Error) << library;
    }
}

TEST(PreloadValue, goes_before_what_was_there) {
    EXPECT_EQ(xinet::preload_value("/a.so", nullptr), "/a.so");
    EXPECT_EQ(xinet::preload_value("/a.so", ""), "/a.so");
    EXPECT_EQ(xinet::preload_value("/a.so", "/b.so"), "/a.so:/b.so");
}

} // namespace
