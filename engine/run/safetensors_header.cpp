// SPDX-License-Identifier: GPL-3.0-or-later
// The safetensors header, read event by event: nothing is kept that has not been checked, and nesting cannot grow.
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/text.h"
#include "engine/run/safetensors.h"

namespace serp {
namespace {

struct TypeRow {
  StoredType type;
  const char* name;
  std::size_t bytes;
};
constexpr std::array<TypeRow, 8> kTypes = {{{StoredType::F64, "F64", 8},
                                            {StoredType::F32, "F32", 4},
                                            {StoredType::F16, "F16", 2},
                                            {StoredType::BF16, "BF16", 2},
                                            {StoredType::I64, "I64", 8},
                                            {StoredType::I32, "I32", 4},
                                            {StoredType::U8, "U8", 1},
                                            {StoredType::Bool, "BOOL", 1}}};
constexpr std::size_t kMaxDimensions = 32;

/// A name of a stranger in a message: control characters out, length bounded.
std::string shown(std::string_view name) {
  std::string out = "\"";
  for (const char c : name.substr(0, 80)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (name.size() > 80 ? "…\"" : "\"");
}

/// Receives the parser's events. The format has exactly this shape, so the place in it is one of a handful of states:
/// { name: { "dtype": text, "shape": [ints], "data_offsets": [begin, end] }, "__metadata__": { text: text } }
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;
  std::string problem;

  bool null() override { return refuse("null has no place in a header"); }
  bool boolean(bool) override { return refuse("true and false have no place in a header"); }
  bool number_float(double, const std::string&) override { return refuse("numbers must be whole"); }
  bool binary(nlohmann::json::binary_t&) override { return refuse("binary values have no place in a header"); }
  bool number_integer(std::int64_t) override { return refuse("negative numbers have no place in a header"); }

  bool number_unsigned(std::uint64_t value) override {
    if (state_ == State::Shape) {
      if (entry_.shape.size() == kMaxDimensions) return refuse("more than 32 dimensions");
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return refuse("dimension " + std::to_string(value) + " is too large");
      entry_.shape.push_back(static_cast<std::int64_t>(value));
      return true;
    }
    if (state_ == State::Offsets) {
      if (offsets_.size() == 2) return refuse("data_offsets has more than two numbers");
      offsets_.push_back(value);
      return true;
    }
    return refuse("a number where none belongs");
  }

  bool string(std::string& value) override {
    if (state_ == State::Metadata) {
      header.metadata[key_] = value;
      return true;
    }
    if (state_ != State::Tensor || key_ != "dtype") return refuse("a text where none belongs");
    const auto type = parseStoredType(value);
    if (!type) return refuse("dtype " + shown(value) + " is not supported (F64 F32 F16 BF16 I64 I32 U8 BOOL)");
    entry_.type = *type;
    return true;
  }

  bool start_object(std::size_t) override {
    switch (state_) {
      case State::Outside: state_ = State::Names; return true;
      case State::Names:
        keys_.clear();
        if (name_ == "__metadata__") {
          state_ = State::Metadata;
        } else {
          state_ = State::Tensor;
          entry_ = TensorEntry{};
          offsets_.clear();
        }
        return true;
      default: return refuse("nested deeper than the format allows");
    }
  }

  bool key(std::string& value) override {
    if (state_ == State::Names) {
      name_ = value;
      if (!names_.insert(value).second) return refuse("the name appears twice");
      return true;
    }
    key_ = value;
    if (!keys_.insert(value).second) return refuse("key " + shown(value) + " appears twice");
    if (state_ == State::Tensor && value != "dtype" && value != "shape" && value != "data_offsets")
      return refuse("unknown key " + shown(value) + " (dtype, shape and data_offsets are allowed)");
    return true;
  }

  bool end_object() override {
    if (state_ == State::Metadata) {
      state_ = State::Names;
      return true;
    }
    if (state_ == State::Names) {
      state_ = State::Outside;
      return true;
    }
    state_ = State::Names;
    return finishTensor();
  }

  bool start_array(std::size_t) override {
    if (state_ != State::Tensor) return refuse("a list where none belongs");
    if (key_ == "dtype") return refuse("dtype is a list, a text is needed");
    state_ = key_ == "shape" ? State::Shape : State::Offsets;
    return true;
  }

  bool end_array() override {
    state_ = State::Tensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    if (problem.empty()) problem = "malformed JSON at byte " + std::to_string(position) + " of the header";
    return false;
  }

 private:
  enum class State { Outside, Names, Tensor, Shape, Offsets, Metadata };

  bool refuse(const std::string& why) {
    problem = name_.empty() ? why : "tensor " + shown(name_) + ": " + why;
    return false;
  }

  bool finishTensor() {
    for (const char* needed : {"dtype", "shape", "data_offsets"})
      if (!keys_.contains(needed)) return refuse(std::string(needed) + " is missing");
    if (offsets_.size() != 2) return refuse("data_offsets needs two numbers");
    if (offsets_[1] < offsets_[0]) return refuse("data_offsets run backwards");
    const auto bytes = shapeBytes(entry_.type, entry_.shape);
    if (!bytes) return refuse("shape " + shapeText(entry_.shape) + " overflows");
    if (*bytes != offsets_[1] - offsets_[0])
      return refuse("shape " + shapeText(entry_.shape) + " of " + storedTypeName(entry_.type) + " needs " + std::to_string(*bytes) +
                    " bytes, data_offsets give " + std::to_string(offsets_[1] - offsets_[0]));
    entry_.name = name_;
    entry_.offset = offsets_[0];
    entry_.bytes = *bytes;
    header.tensors.push_back(entry_);
    return true;
  }

  State state_ = State::Outside;
  std::string name_, key_;
  std::set<std::string> names_, keys_;
  TensorEntry entry_;
  std::vector<std::uint64_t> offsets_;
};

}  // namespace

const char* storedTypeName(StoredType type) { return kTypes[static_cast<std::size_t>(type)].name; }
std::size_t storedTypeSize(StoredType type) { return kTypes[static_cast<std::size_t>(type)].bytes; }

std::optional<StoredType> parseStoredType(std::string_view name) {
  for (const TypeRow& row : kTypes)
    if (name == row.name) return row.type;
  return std::nullopt;
}

std::optional<std::uint64_t> shapeBytes(StoredType type, const std::vector<std::int64_t>& shape) {
  auto bytes = static_cast<std::int64_t>(storedTypeSize(type));
  for (const std::int64_t dimension : shape)
    if (dimension < 0 || __builtin_mul_overflow(bytes, dimension, &bytes)) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::string shapeText(const std::vector<std::int64_t>& shape) {
  std::string out = "[";
  for (const std::int64_t dimension : shape) out += (out.size() > 1 ? ", " : "") + std::to_string(dimension);
  return out + "]";
}

Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view text, std::uint64_t dataBytes, const std::string& file) {
  const auto refuse = [&](const std::string& why) { return fault(ExitCode::BadData, "damaged safetensors file: " + why, file); };
  if (text.empty() || text.front() != '{') return refuse("the header does not begin with '{'");
  if (const auto bad = firstBadUtf8(text)) return refuse("malformed UTF-8 at byte " + std::to_string(*bad) + " of the header");
  HeaderReader reader;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) return refuse(reader.problem);

  std::vector<TensorEntry>& tensors = reader.header.tensors;
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  std::uint64_t end = 0;  // data must be covered exactly: overlaps and holes are where other formats hide
  for (const TensorEntry& t : tensors) {
    if (t.offset < end) return refuse("tensor " + shown(t.name) + " overlaps the one before it");
    if (t.offset > end) return refuse("a hole of " + std::to_string(t.offset - end) + " bytes before tensor " + shown(t.name));
    end = t.offset + t.bytes;  // cannot wrap: both come from one checked pair of offsets
  }
  if (end != dataBytes)
    return refuse("the header describes " + std::to_string(end) + " bytes of data, the file holds " + std::to_string(dataBytes));
  return std::move(reader.header);
}

}  // namespace serp
