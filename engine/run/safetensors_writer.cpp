// SPDX-License-Identifier: GPL-3.0-or-later
// Streaming safetensors writer: the header is known before the data, so one pass writes, hashes and makes durable.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/atomic_file.h"
#include "engine/base/error.h"
#include "engine/run/safetensors.h"

namespace serp {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are written as they lie in memory");
constexpr const char* kKept = "the previous file is unchanged";

std::string jsonText(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<SafetensorsWriter> SafetensorsWriter::create(const std::filesystem::path& path,
                                                    const std::vector<TensorDeclaration>& tensors,
                                                    const TensorMetadata& metadata) {
  std::string text = "{";
  if (!metadata.empty()) text += "\"__metadata__\":" + jsonText(metadata);
  std::uint64_t end = 0;
  std::set<std::string> names;
  for (const TensorDeclaration& t : tensors) {
    const auto bytes = shapeBytes(t.type, t.shape);
    SERP_CHECK(bytes, "shape of " + t.name);
    SERP_CHECK(t.name != "__metadata__" && names.insert(t.name).second, "tensor name " + t.name + " is not unique");
    text += (text.size() > 1 ? "," : "") + jsonText(t.name) + ":{\"dtype\":\"" + storedTypeName(t.type) + "\",\"shape\":" +
            jsonText(t.shape) + ",\"data_offsets\":[" + std::to_string(end) + "," + std::to_string(end + *bytes) + "]}";
    end += *bytes;
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');  // data begins at a multiple of 8, so that it can be mapped by other readers
  if (text.size() > SafetensorsFile::kMaxHeaderBytes)
    return fault(ExitCode::CannotWrite, "too many tensors for one safetensors file", path.string());

  static std::atomic<unsigned> counter{0};
  SafetensorsWriter writer;
  writer.path_ = path;
  writer.temporary_ = path;
  writer.temporary_ += ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
  writer.fd_ = Descriptor(::open(writer.temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!writer.fd_.isOpen()) {
    writer.temporary_.clear();
    return writeFault(path, "open", kKept);
  }
  writer.expected_ = 8 + text.size() + end;
  std::string prefix;
  for (int i = 0; i < 8; ++i) prefix += static_cast<char>(text.size() >> (8 * i) & 0xff);
  for (const std::string_view part : {std::string_view(prefix), std::string_view(text)})
    if (auto done = writer.put(part); !done) return done.faults();
  return Result<SafetensorsWriter>(std::move(writer));
}

SafetensorsWriter::~SafetensorsWriter() {
  if (fd_.isOpen()) ::unlink(temporary_.c_str());  // moved-from and finished writers hold no descriptor
}

Result<Done> SafetensorsWriter::put(std::string_view bytes) {
  hash_.update(bytes.data(), bytes.size());
  written_ += bytes.size();
  if (!writeAll(fd_.get(), bytes)) return writeFault(path_, "write", kKept);
  return Done{};
}

Result<Done> SafetensorsWriter::append(const void* data, std::size_t bytes) {
  SERP_CHECK(written_ + bytes <= expected_, "more data than declared for " + path_.string());
  // In pieces, so that each is hashed and written while it lies in the cache.
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const std::size_t n = std::min(bytes, kPiece);
    if (auto done = put({from, n}); !done) return done;
    from += n;
    bytes -= n;
  }
  return Done{};
}

Result<WrittenFile> SafetensorsWriter::finish() {
  SERP_CHECK(written_ == expected_, "less data than declared for " + path_.string());
  if (::fsync(fd_.get()) != 0) return writeFault(path_, "fsync", kKept);
  if (!fd_.close()) {
    Diagnostics d = writeFault(path_, "close", kKept);
    ::unlink(temporary_.c_str());
    return d;
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    Diagnostics d = writeFault(path_, "rename", kKept);
    ::unlink(temporary_.c_str());
    return d;
  }
  if (auto done = syncFolder(path_.parent_path()); !done) return done.faults();
  return WrittenFile{written_, hash_.finish()};
}

}  // namespace serp
