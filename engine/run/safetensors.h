// SPDX-License-Identifier: GPL-3.0-or-later
// The safetensors format: a strict reader for files of strangers and a streaming, durable writer. Bytes only, no tensor library.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/diagnostic.h"
#include "engine/base/hash.h"
#include "engine/run/descriptor.h"

namespace serp {

/// Element types we read and write; others of the format are refused by name.
enum class StoredType : std::uint8_t { F64, F32, F16, BF16, I64, I32, U8, Bool };
const char* storedTypeName(StoredType type);  ///< "F32" as it stands in a header; Bool is "BOOL"
std::size_t storedTypeSize(StoredType type);  ///< bytes per element
std::optional<StoredType> parseStoredType(std::string_view name);

struct TensorDeclaration {
  std::string name;
  StoredType type = StoredType::F32;
  std::vector<std::int64_t> shape;
};

/// Bytes of a shape, or nothing where the product leaves 63 bits or a dimension is negative.
std::optional<std::uint64_t> shapeBytes(StoredType type, const std::vector<std::int64_t>& shape);
/// "[3, 64]".
std::string shapeText(const std::vector<std::int64_t>& shape);

struct TensorEntry : TensorDeclaration {
  std::uint64_t offset = 0;  ///< from the start of the file
  std::uint64_t bytes = 0;
};

using TensorMetadata = std::map<std::string, std::string>;  ///< the header's "__metadata__"

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  ///< in file order, offsets from the start of the data until the file adds its own
  TensorMetadata metadata;
};

/// Checks a header text against the number of data bytes behind it: depth, duplicates, types, shapes, overlap, holes, size.
/// Faults have ExitCode::BadData and name the tensor.
Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view text, std::uint64_t dataBytes, const std::string& file);

/// An open file whose header has passed every check. Reads go through pread, not a mapping: a file that is cut short while
/// we read it is then a fault and not a SIGBUS. Any number of threads may read at once.
class SafetensorsFile {
 public:
  static constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

  /// Refuses pickle, zip and TorchScript files by their magic bytes; no code of a file is ever run. Blocks for the header.
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::vector<TensorEntry>& tensors() const { return tensors_; }
  const TensorMetadata& metadata() const { return metadata_; }
  const TensorEntry* tensor(const std::string& name) const;  ///< null if there is none
  /// Copies a tensor's bytes, little-endian and row-major, to `destination` (entry->bytes long). Blocks.
  Result<Done> read(const std::string& name, void* destination) const;

 private:
  std::filesystem::path path_;
  Descriptor fd_;
  std::vector<TensorEntry> tensors_;
  TensorMetadata metadata_;
  std::map<std::string, std::size_t> index_;
};

struct WrittenFile {
  std::uint64_t bytes = 0;
  std::string sha256;
};

/// Writes a file in one pass: declare everything, then append the data in that order. The file appears under its name only in
/// finish(), after fsync; without finish() nothing is left behind. One thread.
class SafetensorsWriter {
 public:
  static Result<SafetensorsWriter> create(const std::filesystem::path& path, const std::vector<TensorDeclaration>& tensors,
                                          const TensorMetadata& metadata = {});
  SafetensorsWriter(SafetensorsWriter&&) = default;
  SafetensorsWriter& operator=(SafetensorsWriter&&) = delete;
  ~SafetensorsWriter();

  /// Next bytes in declaration order; a tensor may come in pieces. Blocks.
  Result<Done> append(const void* data, std::size_t bytes);
  /// fsync, rename, fsync of the folder. Faults if fewer bytes came than were declared.
  Result<WrittenFile> finish();

 private:
  SafetensorsWriter() = default;
  Result<Done> put(std::string_view bytes);

  std::filesystem::path path_, temporary_;
  Descriptor fd_;
  Sha256 hash_;
  std::uint64_t written_ = 0, expected_ = 0;
};

}  // namespace serp
