// SPDX-License-Identifier: GPL-2.0-or-later
// Sending the same through both families, and comparing what each call returned and what came out
// at the peer.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "family.h"
#include "outcome.h"
#include "traffic.h"

namespace xt {

inline constexpr const char* sent_mark = "payload "; // to be carried by all that a row sends

// The peer's device and address, as a destination.
sockaddr_ll to_peer(uint16_t ethertype = experimental_ethertype);
// An Ethernet frame to the peer whose payload is sent_mark over and over.
Bytes frame_to_peer(size_t payload, uint16_t ethertype = experimental_ethertype);

class SendComparison : public testing::Test {
protected:
    struct Sent {
        Outcome outcome;
        std::vector<Message> frames;
        bool operator==(const Sent&) const = default;
        friend void PrintTo(const Sent& sent, std::ostream* out) {
            PrintTo(sent.outcome, out);
            for (const auto& frame : sent.frames)
                *out << "\n    " << describe(frame);
        }
    };

    void SetUp() override;
    void TearDown() override { close_together(used_); }

    // Makes the call on a fresh socket, and collects what the peer receives of it.
    Sent send(Side side, Kind kind, const Row& row, const Prepare& prepare);
    // Does so on both sides and requires the same; returns how many frames came out.
    size_t expect_equal(Kind kind, const std::vector<Row>& rows, const Prepare& prepare = {});

    static Row frame(const std::string& name, const Bytes& bytes, const sockaddr_ll& to);
    static void bind_here(const Fd& socket);

    Fd monitor_; // of PF_PACKET, at the peer

private:
    Injector fence_ = Injector::here();
    std::vector<Fd> used_; // closed together: each PF_PACKET one waits for a grace period
};

} // namespace xt
