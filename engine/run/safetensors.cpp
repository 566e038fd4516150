// SPDX-License-Identifier: GPL-3.0-or-later
// Opening a safetensors file: size and magic before anything is allocated, then the header, then reads on demand.
#include "engine/run/safetensors.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace serp {
namespace {

/// What a refused file probably is, by its first bytes; empty if we cannot tell.
std::string foreignFormat(std::string_view head) {
  if (head.starts_with("PK\x03\x04"))
    return "this is a zip archive (a PyTorch .pt or TorchScript file); such files can run code when loaded and are never opened";
  if (head.size() >= 2 && head[0] == '\x80' && head[1] >= 1 && head[1] <= 5)
    return "this is a Python pickle; such files can run code when loaded and are never opened";
  if (head.starts_with("GGUF")) return "this is a GGUF file";
  if (head.starts_with("\x93NUMPY")) return "this is a NumPy array file";
  if (head.starts_with("\x89HDF")) return "this is an HDF5 file";
  if (head.starts_with("version https://git-lfs")) return "this is a Git LFS pointer, the weights themselves were not fetched";
  return {};
}

std::uint64_t littleEndian(const std::array<unsigned char, 8>& bytes) {
  std::uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | bytes[static_cast<std::size_t>(i)];
  return value;
}

}  // namespace

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  auto opened = openForReading(path, ExitCode::BadData);
  if (!opened) return opened.faults();
  SafetensorsFile file;
  file.path_ = path;
  file.fd_ = std::move(opened).value();

  const std::uint64_t size = fileSize(file.fd_.get());
  std::array<char, 32> head{};
  const std::uint64_t headBytes = std::min<std::uint64_t>(size, head.size());
  if (headBytes > 0 && !readAt(file.fd_.get(), head.data(), headBytes, 0))
    return fault(ExitCode::BadData, "cannot read: " + std::string(errno ? std::strerror(errno) : "the file shrank"), path.string());
  const std::string_view start(head.data(), headBytes);
  const auto refuse = [&](const std::string& why) {
    const std::string foreign = foreignFormat(start);
    return fault(ExitCode::BadData, foreign.empty() ? "not a safetensors file: " + why
                                                    : foreign + "; save the weights as .safetensors and give that file",
                 path.string());
  };
  if (size < 8) return refuse("only " + std::to_string(size) + " bytes");
  std::array<unsigned char, 8> prefix;
  std::memcpy(prefix.data(), head.data(), prefix.size());
  const std::uint64_t headerBytes = littleEndian(prefix);
  // A header of 640 bytes begins like a pickle, so the magic only decides once the file has failed as what it should be.
  if (headerBytes == 0) return refuse("the header is empty");
  if (headerBytes > kMaxHeaderBytes)
    return refuse("the header claims " + std::to_string(headerBytes) + " bytes, at most " + std::to_string(kMaxHeaderBytes) + " are read");
  if (headerBytes > size - 8)
    return refuse("the header claims " + std::to_string(headerBytes) + " bytes, the file has " + std::to_string(size - 8) + " after its length");
  if (head[8] != '{') return refuse("the header does not begin with '{'");

  std::string text(headerBytes, '\0');
  if (!readAt(file.fd_.get(), text.data(), headerBytes, 8))
    return fault(ExitCode::BadData, "cannot read: " + std::string(errno ? std::strerror(errno) : "the file shrank"), path.string());
  auto parsed = parseSafetensorsHeader(text, size - 8 - headerBytes, path.string());
  if (!parsed) return parsed.faults();
  file.tensors_ = std::move(parsed->tensors);
  file.metadata_ = std::move(parsed->metadata);
  for (std::size_t i = 0; i < file.tensors_.size(); ++i) {
    file.tensors_[i].offset += 8 + headerBytes;
    file.index_.emplace(file.tensors_[i].name, i);
  }
  return Result<SafetensorsFile>(std::move(file));
}

const TensorEntry* SafetensorsFile::tensor(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

Result<Done> SafetensorsFile::read(const std::string& name, void* destination) const {
  const TensorEntry* entry = tensor(name);
  if (!entry) return fault(ExitCode::BadData, "there is no tensor \"" + name + "\"", path_.string());
  if (!readAt(fd_.get(), destination, entry->bytes, entry->offset)) {
    const std::string why = errno ? std::strerror(errno) : "the file became shorter while it was read";
    return fault(ExitCode::BadData, "cannot read tensor \"" + name + "\": " + why, path_.string());
  }
  return Done{};
}

}  // namespace serp
