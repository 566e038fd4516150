// SPDX-License-Identifier: GPL-3.0-or-later
// GPT-2's way of writing bytes as visible characters in its vocabulary files.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace serp {

/// The 256 bytes in the order GPT-2 numbers them: those that stand for themselves first, then the others.
const std::array<std::uint8_t, 256>& gpt2ByteOrder();
/// Any bytes as the characters of the vocabulary files ("\xC4\xA0t" for " t").
std::string byteMapText(std::string_view bytes);
/// The bytes that such a text stands for; nothing if it holds a character outside the map or bad UTF-8.
std::optional<std::string> byteMapBytes(std::string_view text);

}  // namespace serp
