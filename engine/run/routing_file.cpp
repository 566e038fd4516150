// SPDX-License-Identifier: GPL-3.0-or-later
// Packing and unpacking routing tallies, and the JSON that describes them to other programs.
#include "engine/run/routing_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"

namespace serp {
namespace {

using Json = nlohmann::ordered_json;
static_assert(std::endian::native == std::endian::little, "routing.bin is written as it lies in memory");

constexpr std::uint64_t kHeadBytes = 16, kExpertBytes = 12, kTailBytes = 12;
constexpr int kMaxExperts = 1 << 20;
constexpr std::size_t kMaxLayers = 1 << 16;

std::uint64_t recordBytes(int experts) { return kHeadBytes + kExpertBytes * static_cast<std::uint64_t>(experts) + kTailBytes; }

template <class T>
void add(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T take(const char*& from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  from += sizeof value;
  return value;
}

std::uint32_t count(double tokens) {
  return std::isfinite(tokens) ? static_cast<std::uint32_t>(std::clamp(std::round(tokens), 0.0, 4294967295.0)) : 0;
}

template <class List>
double at(const List& list, int i) {
  return static_cast<std::size_t>(i) < list.size() ? static_cast<double>(list[static_cast<std::size_t>(i)]) : 0.0;
}

}  // namespace

RoutingLayout RoutingLayout::of(const std::vector<RoutingLayer>& shape) {
  RoutingLayout layout;
  for (const RoutingLayer& layer : shape) {
    RoutingLayer kept;
    kept.path = layer.path;
    kept.label = layer.label;
    kept.experts = layer.experts;
    kept.topK = layer.topK;
    kept.capacityFactor = layer.capacityFactor;
    layout.layers.push_back(std::move(kept));
    layout.offsets.push_back(layout.frameBytes);
    layout.frameBytes += recordBytes(layer.experts);
  }
  return layout;
}

bool RoutingLayout::sameShape(const RoutingLayout& other) const {
  return std::equal(layers.begin(), layers.end(), other.layers.begin(), other.layers.end(),
                    [](const RoutingLayer& a, const RoutingLayer& b) { return a.path == b.path && a.experts == b.experts; });
}

std::string routingLayoutText(const RoutingLayout& layout) {
  Json root;
  root["version"] = RoutingLayout::kFormatVersion;
  root["file"] = "routing.bin";
  root["byte_order"] = "little";
  root["stride"] = layout.frameBytes;
  root["note"] = "one frame of `stride` bytes per logged step; each layer's record starts `offset` bytes into it";
  root["layers"] = Json::array();
  for (std::size_t i = 0; i < layout.layers.size(); ++i) {
    const RoutingLayer& layer = layout.layers[i];
    Json row;
    row["path"] = layer.path;
    row["label"] = layer.label;
    row["experts"] = layer.experts;
    row["top_k"] = layer.topK;
    row["capacity_factor"] = layer.capacityFactor;
    row["offset"] = layout.offsets[i];
    row["bytes"] = recordBytes(layer.experts);
    const Json expert = Json::array({Json::array({"assigned", "<u4"}), Json::array({"kept", "<u4"}), Json::array({"mean_gate", "<f4"})});
    row["dtype"] = Json::array({Json::array({"step", "<i8"}), Json::array({"steps", "<i4"}), Json::array({"layer", "<i4"}),
                                Json::array({"experts", expert, Json::array({layer.experts})}), Json::array({"entropy", "<f4"}),
                                Json::array({"balance", "<f4"}), Json::array({"z_loss", "<f4"})});
    root["layers"].push_back(std::move(row));
  }
  return root.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<RoutingLayout> parseRoutingLayout(const std::string& text, const std::string& file) {
  const auto refuse = [&](const std::string& why) { return fault(ExitCode::BadData, why, file); };
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < 10; };
  const Json root = Json::parse(text, shallow, false);
  if (!root.is_object() || !root.contains("version") || !root.contains("layers")) return refuse("damaged routing layout");
  if (root["version"] != RoutingLayout::kFormatVersion)
    return refuse("routing format version " + root["version"].dump() + ", this program reads version " +
                  std::to_string(RoutingLayout::kFormatVersion));
  if (!root["layers"].is_array() || root["layers"].size() > kMaxLayers) return refuse("damaged routing layout");
  std::vector<RoutingLayer> layers;
  for (const Json& row : root["layers"]) {
    const auto has = [&](const char* key, auto check) { return row.contains(key) && check(row[key]); };
    const auto isText = [](const Json& j) { return j.is_string(); };
    const auto isCount = [](const Json& j) { return j.is_number_unsigned() && j.get<std::uint64_t>() >= 1 && j.get<std::uint64_t>() <= kMaxExperts; };
    const auto isReal = [](const Json& j) { return j.is_number(); };
    if (!row.is_object() || !has("path", isText) || !has("label", isText) || !has("experts", isCount) || !has("top_k", isCount) ||
        !has("capacity_factor", isReal))
      return refuse("damaged routing layout");
    RoutingLayer layer;
    layer.path = row["path"].get<std::string>();
    layer.label = row["label"].get<std::string>();
    layer.experts = row["experts"].get<int>();
    layer.topK = row["top_k"].get<int>();
    layer.capacityFactor = row["capacity_factor"].get<double>();
    layers.push_back(std::move(layer));
  }
  RoutingLayout layout = RoutingLayout::of(layers);
  if (!root.contains("stride") || root["stride"] != layout.frameBytes) return refuse("damaged routing layout: the stride is wrong");
  return layout;
}

std::string packRouting(const RoutingLayout& layout, const RoutingFrame& frame) {
  SERP_CHECK(frame.layers.size() == layout.layers.size(), "layers of a routing frame");
  std::string out;
  out.reserve(layout.frameBytes);
  for (std::size_t i = 0; i < layout.layers.size(); ++i) {
    const RoutingLayer& layer = frame.layers[i];
    add<std::int64_t>(out, frame.step);
    add<std::int32_t>(out, frame.steps);
    add<std::int32_t>(out, static_cast<std::int32_t>(i));
    for (int e = 0; e < layout.layers[i].experts; ++e) {
      add<std::uint32_t>(out, count(at(layer.assigned, e)));
      add<std::uint32_t>(out, count(at(layer.kept, e)));
      add<float>(out, static_cast<float>(at(layer.meanGate, e)));
    }
    add<float>(out, static_cast<float>(layer.entropy));
    add<float>(out, static_cast<float>(layer.balanceLoss));
    add<float>(out, static_cast<float>(layer.zLoss));
  }
  return out;
}

std::optional<RoutingFrame> unpackRouting(const RoutingLayout& layout, std::string_view bytes) {
  if (bytes.size() != layout.frameBytes || layout.layers.empty()) return std::nullopt;
  RoutingFrame frame;
  frame.layers = layout.layers;
  const char* from = bytes.data();
  for (std::size_t i = 0; i < layout.layers.size(); ++i) {
    RoutingLayer& layer = frame.layers[i];
    const auto step = take<std::int64_t>(from);
    const auto steps = take<std::int32_t>(from);
    if (take<std::int32_t>(from) != static_cast<std::int32_t>(i) || steps < 1 || step < 0) return std::nullopt;
    if (i > 0 && (step != frame.step || steps != frame.steps)) return std::nullopt;
    frame.step = step;
    frame.steps = steps;
    for (int e = 0; e < layer.experts; ++e) {
      layer.assigned.push_back(take<std::uint32_t>(from));
      layer.kept.push_back(take<std::uint32_t>(from));
      layer.meanGate.push_back(take<float>(from));
    }
    layer.entropy = take<float>(from);
    layer.balanceLoss = take<float>(from);
    layer.zLoss = take<float>(from);
  }
  return frame;
}

}  // namespace serp
