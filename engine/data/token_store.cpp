// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens in memory, in a cache file, or the bytes of the text itself.
#include "engine/data/token_store.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

namespace serp {
namespace {

class MemoryTokens final : public TokenStore {
 public:
  MemoryTokens(std::string packed, int width) : packed_(std::move(packed)), width_(width) {}
  std::uint64_t size() const override { return packed_.size() / static_cast<std::size_t>(width_); }
  void read(std::uint64_t at, std::span<std::int64_t> out) const override {
    SERP_CHECK(at + out.size() <= size(), "stretch of tokens");
    unpackTokens(packed_.data() + at * static_cast<std::size_t>(width_), width_, out);
  }

 private:
  std::string packed_;
  int width_;
};

class FileTokens final : public TokenStore {
 public:
  FileTokens(std::unique_ptr<WatchedFile> file, std::uint64_t offset, std::uint64_t count, int width)
      : file_(std::move(file)), offset_(offset), count_(count), width_(width) {}
  std::uint64_t size() const override { return count_; }
  void read(std::uint64_t at, std::span<std::int64_t> out) const override {
    SERP_CHECK(at + out.size() <= count_, "stretch of tokens");
    const auto width = static_cast<std::size_t>(width_);
    std::string bytes(out.size() * width, '\0');
    file_->read(offset_ + at * width, bytes.data(), bytes.size());
    unpackTokens(bytes.data(), width_, out);
  }

 private:
  std::unique_ptr<WatchedFile> file_;
  std::uint64_t offset_, count_;
  int width_;
};

class ByteTokens final : public TokenStore {
 public:
  explicit ByteTokens(const std::vector<TextFile>& files) {
    for (const TextFile& file : files) {
      begins_.push_back(size_);
      files_.push_back(std::make_unique<WatchedFile>(file.path, file.size, file.mtimeNs));
      size_ += file.size;
    }
  }
  std::uint64_t size() const override { return size_; }
  void read(std::uint64_t at, std::span<std::int64_t> out) const override {
    SERP_CHECK(at + out.size() <= size_, "stretch of tokens");
    std::string bytes(out.size(), '\0');
    auto f = static_cast<std::size_t>(std::upper_bound(begins_.begin(), begins_.end(), at) - begins_.begin()) - 1;
    for (std::size_t have = 0; have < bytes.size(); ++f) {
      const std::uint64_t inside = at + have - begins_[f];
      const std::size_t n = std::min<std::uint64_t>(bytes.size() - have, files_[f]->size() - inside);
      files_[f]->read(inside, bytes.data() + have, n);
      have += n;
    }
    unpackTokens(bytes.data(), 1, out);
  }

 private:
  std::vector<std::unique_ptr<WatchedFile>> files_;
  std::vector<std::uint64_t> begins_;
  std::uint64_t size_ = 0;
};

}  // namespace

WatchedFile::WatchedFile(const std::filesystem::path& path, std::uint64_t size, std::int64_t mtime)
    : path_(path), size_(size), mtime_(mtime), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (fd_.get() < 0) throw Error(fault(ExitCode::BadData, std::string("cannot read: ") + std::strerror(errno), path.string()));
  checkUnchanged();
}

void WatchedFile::checkUnchanged() const {
  struct stat info{};
  if (::fstat(fd_.get(), &info) != 0)
    throw Error(fault(ExitCode::BadData, std::string("cannot read: ") + std::strerror(errno), path_.string()));
  if (static_cast<std::uint64_t>(info.st_size) != size_ || mtimeNs(info) != mtime_)
    throw Error(fault(ExitCode::BadData,
                      "the file changed while it was in use (" + std::to_string(size_) + " bytes before, " +
                          std::to_string(info.st_size) + " now); start again with the file as it should be",
                      path_.string()));
}

void WatchedFile::read(std::uint64_t at, char* out, std::size_t count) const {
  checkUnchanged();
  while (count > 0) {
    const ssize_t n = ::pread(fd_.get(), out, count, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(fault(ExitCode::BadData, std::string("cannot read: ") + std::strerror(errno), path_.string()));
    if (n == 0) {
      checkUnchanged();
      throw Error(fault(ExitCode::BadData, "the file ends at byte " + std::to_string(at) + ", it changed while it was in use", path_.string()));
    }
    at += static_cast<std::uint64_t>(n);
    out += n;
    count -= static_cast<std::size_t>(n);
  }
}

int tokenWidth(std::int32_t vocabSize) { return vocabSize <= 256 ? 1 : vocabSize <= 65536 ? 2 : 4; }

void packTokens(std::span<const std::int32_t> ids, int width, std::string& out) {
  for (const std::int32_t id : ids)
    for (int b = 0; b < width; ++b) out += static_cast<char>(static_cast<std::uint32_t>(id) >> (8 * b));
}

void unpackTokens(const char* bytes, int width, std::span<std::int64_t> out) {
  const auto* p = reinterpret_cast<const unsigned char*>(bytes);
  for (std::int64_t& id : out) {
    std::uint32_t value = 0;
    for (int b = 0; b < width; ++b) value |= std::uint32_t{*p++} << (8 * b);
    id = value;
  }
}

std::unique_ptr<TokenStore> makeMemoryTokens(std::string packed, int width) {
  return std::make_unique<MemoryTokens>(std::move(packed), width);
}

std::unique_ptr<TokenStore> makeFileTokens(std::unique_ptr<WatchedFile> file, std::uint64_t offset, std::uint64_t count, int width) {
  return std::make_unique<FileTokens>(std::move(file), offset, count, width);
}

std::unique_ptr<TokenStore> makeByteTokens(const std::vector<TextFile>& files) { return std::make_unique<ByteTokens>(files); }

}  // namespace serp
