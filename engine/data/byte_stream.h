// SPDX-License-Identifier: GPL-3.0-or-later
// The bytes of a text file from front to back, unpacked on the way if it is gzip.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/data/text_files.h"

namespace serp {

/// Not thread-safe. Memory is constant whatever the file holds.
class ByteStream {
 public:
  /// Throws Error(BadData) if the file cannot be opened or is not the one that was listed.
  static std::unique_ptr<ByteStream> open(const TextFile& file);
  virtual ~ByteStream() = default;
  /// Up to `count` bytes; 0 only at the end. Throws Error(BadData) with the place for damaged or cut gzip data, and at the end if
  /// the file changed meanwhile.
  virtual std::size_t read(char* out, std::size_t count) = 0;
};

}  // namespace serp
