// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 (FIPS 180-4), for manifests, tokenizer fingerprints and cache names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace serp {

/// Streaming SHA-256. Not thread-safe; one object per stream.
class Sha256 {
 public:
  Sha256();
  void update(const void* data, std::size_t bytes);
  /// 64 lower-case hex digits. The object must not be used afterwards.
  std::string finish();

 private:
  void block(const std::uint8_t* p);
  std::array<std::uint32_t, 8> h_;
  std::array<std::uint8_t, 64> buffer_{};
  std::uint64_t bytes_ = 0;
};

std::string sha256(std::string_view bytes);

}  // namespace serp
