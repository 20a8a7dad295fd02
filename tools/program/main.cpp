// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/capture.h"
#include "program/command_line.h"
#include "program/ping.h"
#include "program/print_error.h"
#include "program/run.h"
#include "program/ss.h"
#include "program/trace.h"
#include "xinet/capture_writer.h"
#include "xinet/error.h"
#include "xinet/file_descriptor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

namespace {

struct Dispatch {
    int operator()(const xinet::Answer& answer) const {
        xinet::OutputFile output("-");
        output.append(answer.output);
        output.close();
        xinet::print_error("{}", answer.error);
        return answer.exit_status;
    }
    int operator()(const xinet::PingOptions& options) const { return xinet::run_ping(options); }
    int operator()(const xinet::CaptureOptions& options) const {
        return xinet::run_capture(options);
    }
    int operator()(const xinet::TraceOptions& options) const { return xinet::run_trace(options); }
    int operator()(const xinet::SsOptions& options) const { return xinet::run_ss(options); }
    int operator()(const xinet::RunOptions& options) const { return xinet::run_program(options); }
};

} // namespace

int main(int argc, char* argv[]) {
    try {
        xinet::open_standard_descriptors();
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        return std::visit(Dispatch{}, xinet::parse_command_line(arguments, ::geteuid() == 0));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "xinet: %s\n", error.what());
        return xinet::ExitStatus::error;
    }
}
