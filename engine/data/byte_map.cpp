// SPDX-License-Identifier: GPL-3.0-or-later
// The map of openai/gpt-2 (src/encoder.py, bytes_to_unicode): printable Latin-1 as itself, the other 68 from U+0100 on.
#include "engine/data/byte_map.h"

#include "engine/data/utf8.h"

namespace serp {
namespace {

struct Tables {
  std::array<std::uint8_t, 256> order{};
  std::array<std::uint32_t, 256> codePoint{};  // of each byte
  std::array<std::int16_t, 324> byte{};        // of each code point, -1 = outside

  Tables() {
    byte.fill(-1);
    std::size_t n = 0;
    const auto visible = [](int b) { return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE; };
    for (int b = 0; b < 256; ++b)
      if (visible(b)) add(n, b, static_cast<std::uint32_t>(b));
    std::uint32_t next = 256;
    for (int b = 0; b < 256; ++b)
      if (!visible(b)) add(n, b, next++);
  }
  void add(std::size_t& n, int b, std::uint32_t c) {
    order[n++] = static_cast<std::uint8_t>(b);
    codePoint[static_cast<std::size_t>(b)] = c;
    byte[c] = static_cast<std::int16_t>(b);
  }
};

const Tables& tables() {
  static const Tables instance;
  return instance;
}

}  // namespace

const std::array<std::uint8_t, 256>& gpt2ByteOrder() { return tables().order; }

std::string byteMapText(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += utf8Text(tables().codePoint[static_cast<unsigned char>(c)]);
  return text;
}

std::optional<std::string> byteMapBytes(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Char c = utf8At(text, i);
    if (c.length == 0 || c.codePoint >= tables().byte.size() || tables().byte[c.codePoint] < 0) return std::nullopt;
    bytes += static_cast<char>(tables().byte[c.codePoint]);
    i += c.length;
  }
  return bytes;
}

}  // namespace serp
