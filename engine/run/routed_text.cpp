// SPDX-License-Identifier: GPL-3.0-or-later
// Writing and strict reading of routed_text.json.
#include "engine/run/routed_text.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/base/atomic_file.h"

namespace serp {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20;

std::string latin1ToUtf8(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    if (b < 0x80) out += c;
    else (out += static_cast<char>(0xC0 | (b >> 6))) += static_cast<char>(0x80 | (b & 0x3F));
  }
  return out;
}

/// Characters above 255 were never written: the text is damaged.
bool utf8ToLatin1(const std::string& text, std::string& bytes) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto b = static_cast<unsigned char>(text[i]);
    if (b < 0x80) bytes += text[i];
    else if ((b == 0xC2 || b == 0xC3) && i + 1 < text.size()) bytes += static_cast<char>(((b & 0x03) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3F));
    else return false;
  }
  return true;
}

json rounded(const std::vector<std::vector<float>>& rows) {
  json out = json::array();
  for (const auto& row : rows) {
    json line = json::array();
    for (const float v : row) line.push_back(std::round(static_cast<double>(v) * 1000) / 1000);
    out.push_back(std::move(line));
  }
  return out;
}

template <class T>
bool readRows(const json& rows, std::size_t layers, std::size_t tokens, std::vector<std::vector<T>>& out) {
  if (!rows.is_array() || (layers > 0 && rows.size() != layers)) return false;
  for (const json& row : rows) {
    if (!row.is_array() || row.size() != tokens) return false;
    std::vector<T> line;
    for (const json& v : row) {
      if (!v.is_number() || !(std::abs(v.get<double>()) <= 32767)) return false;
      line.push_back(static_cast<T>(v.get<double>()));
    }
    out.push_back(std::move(line));
  }
  return true;
}

}  // namespace

std::string routedTextJson(const RoutedText& text, std::int64_t step) {
  json pieces = json::array();
  for (const std::string& piece : text.pieces) pieces.push_back(latin1ToUtf8(piece));
  return json{{"step", step},           {"pieces", pieces},
              {"labels", text.labels},  {"label_names", text.labelNames},
              {"expert", text.expert},  {"weight", rounded(text.weight)},
              {"entropy", rounded(text.entropy)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

StoredText parseRoutedText(const std::string& text) {
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object()) return {};
  auto read = std::make_shared<RoutedText>();
  StoredText stored;
  try {
    stored.step = root.value("step", std::int64_t{0});
    for (const json& piece : root.at("pieces")) {
      std::string bytes;
      if (!utf8ToLatin1(piece.get<std::string>(), bytes)) return {};
      read->pieces.push_back(std::move(bytes));
    }
    read->labelNames = root.at("label_names").get<std::vector<std::string>>();
    for (const json& label : root.at("labels")) {
      const auto index = label.get<std::int64_t>();
      if (index < 0 || index >= static_cast<std::int64_t>(read->labelNames.size())) return {};
      read->labels.push_back(static_cast<std::uint8_t>(index));
    }
    const std::size_t tokens = read->pieces.size();
    if (tokens == 0 || (!read->labels.empty() && read->labels.size() != tokens)) return {};
    if (!readRows(root.at("expert"), 0, tokens, read->expert) || read->expert.empty()) return {};
    if (!readRows(root.at("weight"), read->expert.size(), tokens, read->weight)) return {};
    if (!readRows(root.at("entropy"), read->expert.size(), tokens, read->entropy)) return {};
  } catch (const json::exception&) {
    return {};
  }
  stored.text = std::move(read);
  return stored;
}

StoredText readRoutedText(const std::filesystem::path& run) {
  const auto text = readFileCapped(run / kRoutedTextFile, kMostBytes, ExitCode::BadData);
  return text ? parseRoutedText(*text) : StoredText{};
}

}  // namespace serp
