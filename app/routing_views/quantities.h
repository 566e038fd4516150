// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic of routing, in one place: shares, load ratios, balance, idleness. Definitions as on the Routing page.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <QString>
#include <QStringList>

#include "engine/api/telemetry.h"

namespace serp::app {

/// T tokens of a window, k choices each, E experts. share f_e = assigned_e / (T k), where T k = sum of assigned.
/// Load ratio u_e = E f_e: 1 = fair, 0 = dead. NaN for every expert when the window routed nothing.
std::vector<double> loadRatios(const RoutingLayer& layer);

/// What one number per layer says. NaN = not defined here (no capacity limit, no tokens).
struct Balance {
  double variation = 0;      ///< CV: standard deviation of assigned over its mean (population)
  double maxViolation = 0;   ///< max u - 1
  double entropy = 0;        ///< of the router's distribution, nats, mean over tokens (from the frame)
  double dead = 0;           ///< share of experts with no token in this window, 0..1
  double drop = 0;           ///< sum(assigned - kept) / sum(assigned), 0..1
  double fill = 0;           ///< kept over capacity: sum(kept) / (T k capacity_factor), 0..1
};
Balance balanceOf(const RoutingLayer& layer);

/// Steps without a token of `expert`, counted back from `frames[at]` to the last window in which it had one; 0 if it has one now.
/// An expert that never had a token is idle since the first frame.
std::int64_t idleSteps(const std::vector<std::shared_ptr<const RoutingFrame>>& frames, std::size_t at, std::size_t layer, std::size_t expert);

/// The load ratio above which tokens of `expert` are dropped: the capacity factor; NaN without a limit.
double capacityRatio(const RoutingLayer& layer);

/// Tongue by expert: rows of u = E n(t, e) / n(t), first choices of one layer; rows without a token are NaN.
std::vector<std::vector<double>> labelRatios(const RoutedText& text, std::size_t layer, int experts);

/// Normalised mutual information of two labellings, I / sqrt(H(a) H(b)); 0 when either is constant.
double mutualInformation(const std::vector<int>& a, const std::vector<int>& b);

/// "0", "", "", "", "4", …: numbers of experts for an axis, at most about sixteen of them evenly spaced, and always the chosen one.
QStringList expertLabels(int experts, int chosen);

/// Cells of exported numbers: every digit of a double, nothing for NaN, text quoted where it must be.
QString csvNumber(double value);
QString csvText(const std::string& text);
QString csvRow(const QStringList& cells);       ///< with the end of line

}  // namespace serp::app
