// SPDX-License-Identifier: GPL-3.0-or-later
// A long row of token ids that is read in stretches, wherever it lies.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/data/text_files.h"
#include "engine/data/watched_file.h"

namespace serp {

/// Thread-safe. Ids are not checked against a vocabulary here.
class TokenStore {
 public:
  virtual ~TokenStore() = default;
  virtual std::uint64_t size() const = 0;
  /// Tokens [at, at + out.size()); must lie inside. Throws Error(BadData) if a file under it changed.
  virtual void read(std::uint64_t at, std::span<std::int64_t> out) const = 0;
};

/// Bytes per id that hold a vocabulary of this size: 1, 2 or 4, little-endian.
int tokenWidth(std::int32_t vocabSize);
void packTokens(std::span<const std::int32_t> ids, int width, std::string& out);
void unpackTokens(const char* bytes, int width, std::span<std::int64_t> out);

/// Tokens in memory, packed.
std::unique_ptr<TokenStore> makeMemoryTokens(std::string packed, int width);
/// `count` tokens from byte `offset` of a file on.
std::unique_ptr<TokenStore> makeFileTokens(std::unique_ptr<WatchedFile> file, std::uint64_t offset, std::uint64_t count, int width);
/// The bytes of plain files one after another, read where they lie.
std::unique_ptr<TokenStore> makeByteTokens(const std::vector<TextFile>& files);

}  // namespace serp
