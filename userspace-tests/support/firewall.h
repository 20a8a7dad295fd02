// SPDX-License-Identifier: GPL-2.0-or-later
// Rules of nft(8) in the namespace of the thread, for as long as they are wanted.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "program.h"

namespace xt {

class Firewall {
public:
    // A table of its own with a chain at `hook`, such as "type filter hook input priority 0".
    Firewall(const std::string& hook, const std::vector<std::string>& rules) {
        std::string table = "table ip xtfw { chain hooked { " + hook + ";";
        for (const auto& rule : rules)
            table += " " + rule + ";";
        installed_ = nft(table + " }; }");
        if (!installed_ && !nft("add table ip xtfw"))
            throw std::runtime_error("nft add table failed");
    }
    ~Firewall() { nft("delete table ip xtfw"); }
    Firewall(const Firewall&) = delete;
    Firewall& operator=(const Firewall&) = delete;

    // False where the kernel does not know such a chain or rule.
    [[nodiscard]] bool installed() const { return installed_; }

private:
    static bool nft(const std::string& words) { return Program({"nft", words}).wait() == 0; }

    bool installed_ = false;
};

} // namespace xt
