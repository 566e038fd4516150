// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the numeric oracles of the shared folder: named tensors from safetensors files, and config.json. Tests only; a
// broken file throws std::runtime_error.
//
//   const auto oracle = Oracle::open("selective_scan");      // nullopt where the shared folder is missing: QSKIP
//   const Tensor& u = oracle->at("l1_d24_n16.u");            // weights and inputs and outputs under one roof
//   QVERIFY2(agrees(got, u, 2e-5), ...);                     // the comparison of the oracles' README
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace serp::test {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

/// One tensor, row-major. Floating-point tensors are held as doubles (which loses nothing), integers apart.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<double> values;        // F32 and F64
  std::vector<std::int64_t> counts;  // I64

  std::int64_t size() const {
    std::int64_t n = 1;
    for (const std::int64_t d : shape) n *= d;
    return n;
  }
  std::int64_t dim(std::size_t i) const { return shape.at(i); }
  std::vector<float> floats() const { return {values.begin(), values.end()}; }
  /// A batch of matrices turned over: [B, R, C] becomes [B, C, R], [R, C] becomes [C, R]. Oracles are channel-first,
  /// kernels are not.
  Tensor turned() const {
    if (shape.size() < 2) throw std::runtime_error("only matrices can be turned");
    Tensor t = *this;
    const std::size_t rank = shape.size();
    const std::int64_t R = shape[rank - 2], C = shape[rank - 1];
    std::swap(t.shape[rank - 2], t.shape[rank - 1]);
    for (std::int64_t i = 0; i < size(); ++i) {
      const std::int64_t batch = i / (R * C), r = i / C % R, c = i % C;
      t.values[static_cast<std::size_t>(batch * R * C + c * R + r)] = values[static_cast<std::size_t>(i)];
    }
    return t;
  }
};

/// Adds the tensors of one file to `tensors`; a name that is there already is replaced.
inline void readSafetensors(const std::filesystem::path& path, std::map<std::string, Tensor>& tensors) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::uint64_t headerSize = 0;
  if (bytes.size() < sizeof headerSize) throw std::runtime_error(path.string() + ": too short");
  std::memcpy(&headerSize, bytes.data(), sizeof headerSize);
  if (headerSize > bytes.size() - sizeof headerSize)
    throw std::runtime_error(path.string() + ": the header is longer than the file");
  const char* data = bytes.data() + sizeof headerSize + headerSize;
  const std::uint64_t dataSize = bytes.size() - sizeof headerSize - headerSize;
  const auto header = nlohmann::json::parse(bytes.data() + sizeof headerSize, data);
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    Tensor t;
    t.shape = entry.at("shape").get<std::vector<std::int64_t>>();
    const auto type = entry.at("dtype").get<std::string>();
    const auto begin = entry.at("data_offsets").at(0).get<std::uint64_t>(),
               end = entry.at("data_offsets").at(1).get<std::uint64_t>();
    const std::uint64_t each = type == "F32" ? 4 : 8;
    if (begin > end || end > dataSize || end - begin != each * static_cast<std::uint64_t>(t.size()))
      throw std::runtime_error(path.string() + ": " + name + " lies outside the file");
    const auto count = static_cast<std::size_t>(t.size());
    if (type == "F32") {
      std::vector<float> v(count);
      std::memcpy(v.data(), data + begin, end - begin);
      t.values.assign(v.begin(), v.end());
    } else if (type == "F64") {
      t.values.resize(count);
      std::memcpy(t.values.data(), data + begin, end - begin);
    } else if (type == "I64") {
      t.counts.resize(count);
      std::memcpy(t.counts.data(), data + begin, end - begin);
    } else {
      throw std::runtime_error(path.string() + ": " + name + " has the type " + type);
    }
    tensors.insert_or_assign(name, std::move(t));
  }
}

/// One folder of oracles/seed1.
class Oracle {
 public:
  /// nullopt where the folder does not exist. Where io_f64 exists its unrounded numbers replace those of io.
  static std::optional<Oracle> open(const std::string& name) {
    Oracle o;
    o.folder_ = std::filesystem::path(SERP_SHARED_DIR) / "oracles" / "seed1" / name;
    if (!std::filesystem::exists(o.folder_ / "config.json")) return std::nullopt;
    o.config_ = nlohmann::json::parse(std::ifstream(o.folder_ / "config.json"));
    for (const char* file : {"weights.safetensors", "model.safetensors", "io.safetensors", "io_f64.safetensors"})
      if (std::filesystem::exists(o.folder_ / file)) readSafetensors(o.folder_ / file, o.tensors_);
    return o;
  }
  const std::filesystem::path& folder() const { return folder_; }
  const nlohmann::json& config() const { return config_; }
  bool has(const std::string& name) const { return tensors_.contains(name); }
  const Tensor& at(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) throw std::runtime_error(folder_.string() + " has no tensor " + name);
    return found->second;
  }
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }

 private:
  std::filesystem::path folder_;
  nlohmann::json config_;
  std::map<std::string, Tensor> tensors_;
};

/// The sentence of a skipped test.
inline const char* oraclesMissing() {
  return "the shared folder with the oracles is not on this machine (SERP_SHARED_DIR)";
}

/// The smallest tol with |got - want| <= tol (|want| + max |want|) everywhere; infinite if sizes differ or a NaN is on
/// one side only.
template <class T>
double disagreement(std::span<const T> got, std::span<const double> want) {
  if (got.size() != want.size()) return HUGE_VAL;
  double top = 0, worst = 0;
  for (const double w : want) top = std::max(top, std::fabs(w));
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double g = static_cast<double>(got[i]);
    if (std::isnan(g) || std::isnan(want[i])) {
      if (std::isnan(g) != std::isnan(want[i])) return HUGE_VAL;
    } else if (g != want[i]) {
      worst = std::max(worst, std::fabs(g - want[i]) / (std::fabs(want[i]) + top));
    }
  }
  return worst;
}
inline double disagreement(const std::vector<float>& got, const Tensor& want) {
  return disagreement<float>(got, std::span<const double>(want.values));
}
inline double disagreement(const std::vector<float>& got, const std::vector<float>& want) {
  const std::vector<double> wide(want.begin(), want.end());
  return disagreement<float>(got, wide);
}
template <class Want>
bool agrees(const std::vector<float>& got, const Want& want, double tol) {
  return disagreement(got, want) <= tol;
}

}  // namespace serp::test
