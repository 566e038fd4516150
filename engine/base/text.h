// SPDX-License-Identifier: GPL-3.0-or-later
// Small text questions that several rooms ask: nearest key, valid UTF-8, numbers independent of the locale.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace serp {

/// The candidate closest to `word` by edit distance, or empty if none is close enough to be meant.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);
/// Byte offset of the first malformed UTF-8 sequence (overlong, surrogate, truncated), or nothing.
std::optional<std::size_t> firstBadUtf8(std::string_view text);
/// Shortest decimal text that reads back as the same double; locale-independent.
std::string numberText(double value);
/// A number that fills the whole text, locale-independent; accepts "2/3" as a fraction. Nothing if malformed or not finite.
std::optional<double> parseReal(std::string_view text);
/// A whole decimal integer: no sign but '-', no leading zeros, no exponent.
std::optional<long long> parseInteger(std::string_view text);
/// "1.2 GiB", "512 KiB", "17 B".
std::string bytesText(double bytes);

}  // namespace serp
