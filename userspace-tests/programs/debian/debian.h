// SPDX-License-Identifier: GPL-2.0-or-later
// Programs of Debian, as they are, over PF_XINET by `xinet run`.
//
//     peer                    root                    far
//     10.77.0.2 ---- wire ---- 10.77.0.1
//                              10.78.0.1 ---- veth ---- 10.78.0.2
//
// Servers run in root, clients in peer. Three kinds of evidence show that PF_XINET was used:
// `xinet run` reports the family of each socket() call (over_xinet_only); raw and packet sockets
// are listed in /proc/net/xinet with the inode that the process has open (has_socket_in); and each
// socket of the family holds a reference to the module (ModuleReferences).
//
// The programs of a suite run once, before the first of its tests that is selected.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "support/program.h"
#include "support/sysctl.h"

namespace xt {

using Words = std::vector<std::string>;

// Only ever reached when a test is about to fail. An emulated machine with other work to do is
// slow.
inline constexpr std::chrono::seconds run_patience{120};
inline constexpr std::chrono::seconds state_patience{60};

Words operator+(Words first, const Words& second);
Words over_xinet(const Words& program);
// In the namespace peer.
Words at_peer(const Words& program);
// To its end.
ProgramResult run_program(const Words& words);
ProgramResult end_by(BackgroundProgram& program, int signal);
bool eventually(const std::function<bool()>& condition);
// How many lines match.
size_t lines_matching(const std::string& text, const std::string& regex);
// Waits until the program has printed so many matching lines.
bool prints(const BackgroundProgram& program, size_t lines, const std::string& regex);
std::string last_line(const std::string& text);

// --- evidence ---

// `xinet run --verbose` has redirected each socket of the program, and there was one.
bool over_xinet_only(const ProgramResult& result);
// One of the sockets that the process has open is listed in a file of /proc/net.
bool has_socket_in(const std::string& table, pid_t process);

// The references to the module, compared with those at the time of construction.
class ModuleReferences {
public:
    ModuleReferences();
    [[nodiscard]] bool more() const;
    // Waits until there are no more than before.
    [[nodiscard]] bool released() const;

private:
    unsigned before_;
};

// --- servers ---

bool listens_on_tcp(uint16_t port);
bool receives_on_udp(uint16_t port);

// --- surroundings ---

// How much traffic there is: XINET_PROGRAMS=small is for an emulated machine.
struct Amount {
    unsigned requests;
    unsigned megabytes;
    const char* stream;    // bytes, in the words of iperf3
    const char* datagrams; // the same
    unsigned operations;
};
const Amount& amount();

// A directory in /tmp that is removed with this.
class ScratchDirectory {
public:
    ScratchDirectory();
    ~ScratchDirectory();
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;
    [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// A file of random bytes.
void write_random(const std::string& path, size_t size);

// --- runs ---

// What a run of programs has shown.
struct Run {
    bool listens = false;         // the server does
    bool held = false;            // sockets of PF_XINET held the module meanwhile
    bool released = false;        // and none does any more
    bool in_xinet_raw = false;    // a socket was listed in /proc/net/xinet/raw
    bool in_xinet_packet = false; // in /proc/net/xinet/packet
    bool in_inet_raw = false;     // in /proc/net/raw
    bool unchanged = false;       // the file that was received
    unsigned long packets = 0;    // that raw sockets of PF_XINET have sent
    std::map<std::string, ProgramResult> programs;
};
std::string describe(const Run& run);

// The tests of one run. `act` makes it, unless `name` has been made before.
class AfterRun {
protected:
    AfterRun(const std::string& name, const std::function<Run()>& act)
        : run_(once(name, act)), trace_(__FILE__, __LINE__, describe(run_)) {}
    [[nodiscard]] const Run& run() const { return run_; }
    [[nodiscard]] const ProgramResult& program(const std::string& name) const {
        return run_.programs.at(name);
    }

private:
    static const Run& once(const std::string& name, const std::function<Run()>& act);

    const Run& run_;
    testing::ScopedTrace trace_; // the message of a failure has what the programs printed
};

} // namespace xt
