// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers as people read them: 6.83 M, 336 MiB, 54.5 %, 1,574,912.
#pragma once

#include <QString>
#include <cstdint>

namespace serp::app {

/// Three significant digits and a thousand's letter: "935", "870 k", "6.83 M", "2.41 G". NaN gives "–".
QString shortCount(double value);
/// Digits grouped in threes: "1,574,912".
QString groupedCount(std::int64_t value);
/// "336 MiB".
QString bytesText(double bytes);
/// "54.5 %" of a share 0..1.
QString percentText(double share);
/// Fixed decimals; NaN gives "–".
QString fixedText(double value, int decimals);
/// "+0.023" or "−0.082".
QString signedText(double value, int decimals);

}  // namespace serp::app
