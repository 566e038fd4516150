// SPDX-License-Identifier: GPL-3.0-or-later
// yaml-cpp's event parser behind our own builder: events carry marks, anchors and tags, and let us stop at a depth of our choice.
#include "engine/spec/yaml_reader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "engine/base/text.h"

namespace serp {
namespace {

constexpr std::size_t kMaxDepth = 100;
constexpr std::size_t kMaxNodes = 2'000'000;

struct TooMuch {};  // leaves the parser early

/// Builds YamlNodes. The stack holds open containers; a map alternates between key and value.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string file, Diagnostics& faults) : file_(std::move(file)), faults_(faults) {}

  YamlNode root;

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse(mark, anchor, "");
    YamlNode node;
    node.place = place(mark);
    add(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    error(place(mark), "aliases (*name) are not allowed: a design is readable alone, write the value out");
    YamlNode node;
    node.place = place(mark);
    add(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    refuse(mark, anchor, tag == "!" || tag == "?" ? "" : tag);
    YamlNode node;
    node.kind = YamlNode::Kind::Scalar;
    node.scalar = value;
    node.quoted = tag == "!";
    node.place = place(mark);
    add(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::List, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::Map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::set<std::string> seen;
    bool expectsKey = true;
    bool dropValue = false;
  };

  static Place place(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

  void error(Place at, std::string message) {
    if (faults_.items.size() >= 200) throw TooMuch{};
    Diagnostic d;
    d.file = file_;
    d.line = at.line;
    d.column = at.column;
    d.message = std::move(message);
    faults_.items.push_back(std::move(d));
  }

  void refuse(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& tag) {
    if (anchor != 0) error(place(mark), "anchors (&name) are not allowed: a design is readable alone");
    if (!tag.empty() && tag != "!" && tag != "?") error(place(mark), "tags (" + tag.substr(0, 40) + ") are not allowed");
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    refuse(mark, anchor, tag);
    if (stack_.size() >= kMaxDepth) {
      error(place(mark), "nested deeper than " + std::to_string(kMaxDepth) + " levels");
      throw TooMuch{};
    }
    Open o;
    o.node.kind = kind;
    o.node.place = place(mark);
    stack_.push_back(std::move(o));
  }

  void close() {
    YamlNode node = std::move(stack_.back().node);
    stack_.pop_back();
    add(std::move(node));
  }

  void add(YamlNode node) {
    if (++count_ > kMaxNodes) {
      error(node.place, "more than " + std::to_string(kMaxNodes) + " values");
      throw TooMuch{};
    }
    if (stack_.empty()) {
      root = std::move(node);
      return;
    }
    Open& top = stack_.back();
    if (top.node.kind == YamlNode::Kind::List) {
      top.node.items.push_back(std::move(node));
      return;
    }
    if (top.expectsKey) {
      if (node.kind != YamlNode::Kind::Scalar) error(node.place, "a key must be a plain word");
      if (node.scalar == "<<") error(node.place, "merge keys (<<) are not allowed: write the values out");
      top.dropValue = !top.seen.insert(node.scalar).second;
      if (top.dropValue) error(node.place, "duplicate key \"" + node.scalar.substr(0, 60) + "\": it stands here twice");
      top.node.keys.emplace_back(node.scalar, node.place);
    } else if (top.dropValue) {
      top.node.keys.pop_back();
    } else {
      top.node.items.push_back(std::move(node));
    }
    top.expectsKey = !top.expectsKey;
  }

  std::string file_;
  Diagnostics& faults_;
  std::vector<Open> stack_;
  std::size_t count_ = 0;
};

Place placeOfOffset(const std::string& text, std::size_t offset) {
  const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n');
  const auto start = text.rfind('\n', offset == 0 ? 0 : offset - 1);
  return {static_cast<int>(line) + 1, static_cast<int>(offset - (start == std::string::npos ? 0 : start + 1)) + 1};
}

Diagnostics one(const std::string& file, Place place, std::string message) {
  Diagnostics d;
  Diagnostic item;
  item.file = file;
  item.line = place.line;
  item.column = place.column;
  item.message = std::move(message);
  d.items.push_back(std::move(item));
  return d;
}

}  // namespace

Result<YamlNode> readYaml(const std::string& text, const std::string& file) {
  if (text.size() > kMaxYamlBytes)
    return fault(ExitCode::BadConfiguration, "too large: " + bytesText(static_cast<double>(text.size())) + ", a design has at most 8 MiB", file);
  if (const auto bad = firstBadUtf8(text)) return one(file, placeOfOffset(text, *bad), "not valid UTF-8 at byte " + std::to_string(*bad));
  if (const auto zero = text.find('\0'); zero != std::string::npos)
    return one(file, placeOfOffset(text, zero), "holds a NUL byte: this is not a text file");
  Diagnostics faults;
  Builder builder(file, faults);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return one(file, {1, 1}, "is empty: a design needs at least model: with blocks:");
    YamlNode root = builder.root;
    Diagnostics more;
    Builder second(file, more);
    if (parser.HandleNextDocument(second)) {
      auto extra = one(file, second.root.place, "a second document begins here: a file holds one design");
      faults.append(extra);
    }
    if (faults.hasErrors()) return faults;
    if (root.kind != YamlNode::Kind::Map) return one(file, {1, 1}, "a design is a map of keys: name, model, train, data");
    return root;
  } catch (const TooMuch&) {
    return faults;
  } catch (const YAML::Exception& e) {
    faults.append(one(file, {e.mark.line + 1, e.mark.column + 1}, "not readable as YAML: " + e.msg));
    return faults;
  }
}

}  // namespace serp
