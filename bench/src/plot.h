// SPDX-License-Identifier: GPL-2.0-or-later
// Pictures of results, drawn by gnuplot.
#pragma once

#include "result.h"

#include <filesystem>
#include <vector>

namespace bench {

/// SVGs in @p directory: for each lane the ratios of all pairs, and a curve for each group
/// of pairs with an axis.
void draw_plots(const std::vector<Result>& results, const std::filesystem::path& directory);

} // namespace bench
