// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens of a text, kept in memory while they are few and in a cache file once they are many.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/data/token_store.h"

namespace serp {

struct TokenSpan {
  std::uint64_t begin = 0, end = 0;
};

/// A tokenised text: one span of tokens per file of it.
struct TokenizedText {
  std::unique_ptr<TokenStore> tokens;
  std::vector<TokenSpan> files;
  std::uint64_t textBytes = 0;
  std::vector<std::string> notices;
};

/// Where caches lie: `folder`, or $XDG_CACHE_HOME/serpentarium, ~/.cache/serpentarium.
std::filesystem::path tokenCacheFolder(const std::filesystem::path& folder);

/// Cache `key` (64 hex digits) if it is there, whole and undamaged (CRC over all of it); nothing otherwise, for it can be made again.
/// Ids are below `vocabSize`. Reads the file once.
std::optional<TokenizedText> openTokenCache(const std::filesystem::path& folder, const std::string& key, std::int32_t vocabSize);

/// Collects tokens; past `memoryBytes` of them they go to a temporary file in `folder`, which finish() makes the cache `key`,
/// durably and in one step. Throws Error(CannotWrite). Destroyed before finish() it leaves nothing.
class TokenSink {
 public:
  TokenSink(std::filesystem::path folder, std::string key, std::int32_t vocabSize, std::size_t memoryBytes);
  ~TokenSink();
  TokenSink(const TokenSink&) = delete;
  TokenSink& operator=(const TokenSink&) = delete;
  void add(std::span<const std::int32_t> ids);
  void beginFile() { files_.push_back({count_, count_}); }
  void addTextBytes(std::uint64_t bytes) { textBytes_ += bytes; }
  void addNotice(std::string text) { notices_.push_back(std::move(text)); }
  TokenizedText finish();

 private:
  void openFile();
  void flush();
  void write(std::string_view bytes);
  [[noreturn]] void fail(const char* call);

  std::filesystem::path folder_, temporary_;
  std::string key_;
  int width_;
  std::size_t memoryBytes_;
  Fd fd_;
  std::string buffer_;
  std::uint64_t count_ = 0, textBytes_ = 0;
  unsigned long crc_ = 0;
  std::vector<TokenSpan> files_;
  std::vector<std::string> notices_;
};

}  // namespace serp
