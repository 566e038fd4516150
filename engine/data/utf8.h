// SPDX-License-Identifier: GPL-3.0-or-later
// Single characters of UTF-8, strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace serp {

struct Utf8Char {
  std::uint32_t codePoint = 0;
  std::size_t length = 0;  ///< bytes; 0 = malformed or cut at this place
};

/// Bytes of the sequence that a lead byte announces; 0 if it cannot begin one.
inline std::size_t utf8Announced(unsigned char lead) {
  return lead < 0x80 ? 1 : lead >= 0xC2 && lead <= 0xDF ? 2 : lead >= 0xE0 && lead <= 0xEF ? 3 : lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

inline Utf8Char utf8At(std::string_view text, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[i + k]); };
  const std::size_t length = utf8Announced(byte(0));
  if (length == 0 || i + length > text.size()) return {};
  if (length == 1) return {byte(0), 1};
  std::uint32_t codePoint = byte(0) & (0x7Fu >> length);
  for (std::size_t k = 1; k < length; ++k) {
    if ((byte(k) & 0xC0) != 0x80) return {};
    codePoint = codePoint << 6 | (byte(k) & 0x3Fu);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (codePoint < kLeast[length] || codePoint > 0x10FFFF || (codePoint >= 0xD800 && codePoint <= 0xDFFF)) return {};
  return {codePoint, length};
}

/// Bytes at the end of `text` that may be the beginning of a character whose rest is still to come (0..3).
inline std::size_t utf8Unfinished(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    return utf8Announced(byte) > back ? back : 0;
  }
  return 0;
}

inline std::string utf8Text(std::uint32_t c) {
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | c >> 18), tail(12), tail(6), tail(0)};
}

}  // namespace serp
