// SPDX-License-Identifier: GPL-3.0-or-later
// A cache file: magic, packed ids, a JSON footer (key, width, count, CRC-32, spans, notices), its length, magic again.
#include "engine/data/token_cache.h"

#include <fcntl.h>
#include <signal.h>
#include <zlib.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/base/atomic_file.h"
#include "engine/base/text.h"

namespace serp {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "SERPTOK1";
constexpr std::size_t kTail = 8 + kMagic.size();
constexpr std::uint64_t kMaxFooter = 64 << 20;
constexpr std::size_t kChunk = 4 << 20;

fs::path cachePath(const fs::path& folder, const std::string& key) { return folder / (key + ".tokens"); }

/// Leftovers of processes that were killed while they wrote: NAME.tmp-PID-N whose PID is gone.
void removeLeftovers(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    const std::size_t mark = name.find(".tokens.tmp-");
    if (mark == std::string::npos) continue;
    const std::string rest = name.substr(mark + 12);
    const auto pid = parseInteger(rest.substr(0, rest.find('-')));
    if (pid && *pid > 0 && ::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH) ::unlink(it->path().c_str());
  }
}

TokenizedText readCache(const fs::path& path, const std::string& key, std::int32_t vocabSize) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) throw Error(ExitCode::BadData, "no cache");
  auto file = std::make_unique<WatchedFile>(path, static_cast<std::uint64_t>(info.st_size), mtimeNs(info));
  const auto need = [](bool holds) {
    if (!holds) throw Error(ExitCode::BadData, "damaged cache");
  };
  need(file->size() >= kMagic.size() + kTail);
  std::string tail(kTail, '\0');
  file->read(file->size() - kTail, tail.data(), tail.size());
  std::int64_t low = 0, high = 0;
  unpackTokens(tail.data(), 4, {&low, 1});
  unpackTokens(tail.data() + 4, 4, {&high, 1});
  const std::uint64_t footerBytes = static_cast<std::uint64_t>(high) << 32 | static_cast<std::uint64_t>(low);
  need(tail.ends_with(kMagic) && footerBytes <= kMaxFooter && footerBytes <= file->size() - kTail - kMagic.size());
  std::string footer(footerBytes, '\0');
  const std::uint64_t payloadEnd = file->size() - kTail - footerBytes;
  file->read(payloadEnd, footer.data(), footer.size());
  const nlohmann::json root = nlohmann::json::parse(footer);

  const auto width = root.at("width").get<int>();
  const auto count = root.at("count").get<std::uint64_t>();
  need(root.at("key").get<std::string>() == key && width == tokenWidth(vocabSize));
  need(count == (payloadEnd - kMagic.size()) / static_cast<unsigned>(width) && (payloadEnd - kMagic.size()) % static_cast<unsigned>(width) == 0);
  unsigned long crc = ::crc32(0, nullptr, 0);
  std::string chunk(kChunk, '\0');
  for (std::uint64_t at = kMagic.size(); at < payloadEnd;) {
    const std::size_t n = std::min<std::uint64_t>(kChunk, payloadEnd - at);
    file->read(at, chunk.data(), n);
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(n));
    at += n;
  }
  need(crc == root.at("crc").get<unsigned long>());
  TokenizedText text;
  text.textBytes = root.at("text_bytes").get<std::uint64_t>();
  text.notices = root.at("notices").get<std::vector<std::string>>();
  std::uint64_t at = 0;
  for (const auto& end : root.at("files")) {
    text.files.push_back({at, end.get<std::uint64_t>()});
    need(text.files.back().end >= at && text.files.back().end <= count);
    at = text.files.back().end;
  }
  need(at == count);
  text.tokens = makeFileTokens(std::move(file), kMagic.size(), count, width);
  return text;
}

}  // namespace

fs::path tokenCacheFolder(const fs::path& folder) {
  if (!folder.empty()) return folder;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && cache[0] == '/') return fs::path(cache) / "serpentarium";
  const char* home = std::getenv("HOME");
  if (home && home[0] == '/') return fs::path(home) / ".cache" / "serpentarium";
  std::error_code error;
  return fs::temp_directory_path(error) / ("serpentarium-" + std::to_string(::getuid()));
}

std::optional<TokenizedText> openTokenCache(const fs::path& folder, const std::string& key, std::int32_t vocabSize) {
  try {
    return readCache(cachePath(folder, key), key, vocabSize);
  } catch (const Error&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

TokenSink::TokenSink(fs::path folder, std::string key, std::int32_t vocabSize, std::size_t memoryBytes)
    : folder_(std::move(folder)), key_(std::move(key)), width_(tokenWidth(vocabSize)), memoryBytes_(memoryBytes), crc_(::crc32(0, nullptr, 0)) {}

TokenSink::~TokenSink() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void TokenSink::fail(const char* call) {
  const int error = errno;
  throw Error(fault(ExitCode::CannotWrite,
                    std::string("cannot write the token cache: ") + call + " failed, " + std::strerror(error) +
                        "; set XDG_CACHE_HOME to a folder with room for it",
                    folder_.string()));
}

void TokenSink::add(std::span<const std::int32_t> ids) {
  packTokens(ids, width_, buffer_);
  count_ += ids.size();
  if (!files_.empty()) files_.back().end = count_;
  if (fd_.get() < 0 && buffer_.size() > memoryBytes_) openFile();
  if (fd_.get() >= 0 && buffer_.size() >= kChunk) flush();
}

void TokenSink::openFile() {
  static std::atomic<unsigned> counter{0};
  std::error_code error;
  fs::create_directories(folder_, error);
  removeLeftovers(folder_);
  fs::path path = cachePath(folder_, key_);
  path += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
  fd_ = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (fd_.get() < 0) fail("open");
  temporary_ = path;
  write(kMagic);
}

void TokenSink::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void TokenSink::flush() {
  crc_ = ::crc32_z(crc_, reinterpret_cast<const Bytef*>(buffer_.data()), buffer_.size());
  write(buffer_);
  buffer_.clear();
}

TokenizedText TokenSink::finish() {
  TokenizedText text;
  text.textBytes = textBytes_;
  text.files = files_;
  text.notices = notices_;
  if (fd_.get() < 0) {
    buffer_.shrink_to_fit();
    text.tokens = makeMemoryTokens(std::move(buffer_), width_);
    return text;
  }
  flush();
  nlohmann::ordered_json footer = {{"key", key_},     {"width", width_},           {"count", count_},
                                   {"crc", crc_},     {"text_bytes", textBytes_}, {"notices", notices_},
                                   {"files", nlohmann::ordered_json::array()}};
  for (const TokenSpan& span : files_) footer["files"].push_back(span.end);
  // A file name in a notice may be no UTF-8; it is only shown.
  std::string tail = footer.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  const std::uint64_t length = tail.size();
  for (int b = 0; b < 8; ++b) tail += static_cast<char>(length >> (8 * b));
  write(tail += kMagic);
  if (::fsync(fd_.get()) != 0) fail("fsync");
  if (::close(fd_.release()) != 0) fail("close");
  const fs::path path = cachePath(folder_, key_);
  if (::rename(temporary_.c_str(), path.c_str()) != 0) fail("rename");
  temporary_.clear();
  if (const auto synced = syncFolder(folder_); !synced) throw Error(synced.faults());
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) fail("stat");
  auto file = std::make_unique<WatchedFile>(path, static_cast<std::uint64_t>(info.st_size), mtimeNs(info));
  text.tokens = makeFileTokens(std::move(file), kMagic.size(), count_, width_);
  return text;
}

}  // namespace serp
