// SPDX-License-Identifier: GPL-3.0-or-later
// Strict reading over yaml-cpp's event stream, which gives places and styles that its Node does not, and lets caps act early.
#include "engine/spec/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "engine/base/text.h"

namespace serp {
namespace {

constexpr std::size_t kMaxKeys = 1000;  // duplicates are found by comparing each with each

/// Ends the reading at once; the fault is already recorded.
struct GiveUp : std::runtime_error {
  GiveUp() : std::runtime_error("stopped") {}
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& text, std::size_t shift, const std::string& file, const LineIndex& lines)
      : text_(text), shift_(shift), file_(file), lines_(lines) {}

  YamlNode root;
  Diagnostics faults;

  void error(std::size_t at, const std::string& message, int length = 0) {
    const Place p = lines_.place(at);
    faults.items.push_back({Severity::Error, file_, p.line, p.column, {}, message, {}, length});
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = start(mark, "", anchor);
    // A missing value is marked at whatever comes next; written nulls stand where they are marked.
    const auto written = [&](const char* word) { return text_.compare(node.begin, std::string(word).size(), word) == 0; };
    std::size_t length = written("~") ? 1 : written("null") || written("Null") || written("NULL") ? 4 : 0;
    if (length == 0 && !stack_.empty() && stack_.back().isMap() && awaitsValue(stack_.back())) {
      node.begin = text_.find(':', stack_.back().keys.back().end);
      node.begin = node.begin == std::string::npos ? stack_.back().keys.back().end : node.begin + 1;
    }
    node.end = node.begin + length;
    finish(std::move(node));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    error(offset(mark), "aliases (*name) are not allowed; write the value out");
    YamlNode node;
    node.begin = node.end = offset(mark);
    node.refused = true;
    finish(std::move(node));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    YamlNode node = start(mark, tag, anchor);
    node.kind = YamlNode::Kind::Scalar;
    node.value = value;
    const char first = node.begin < text_.size() ? text_[node.begin] : ' ';
    node.quoted = tag == "!" || first == '"' || first == '\'' || first == '|' || first == '>';
    node.end = scalarEnd(node, first);
    if (node.end == std::string::npos) {
      error(node.begin, "this quote is never closed", 1);
      throw GiveUp();
    }
    finish(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::Sequence, '[');
  }
  void OnSequenceEnd() override { close(']'); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::Map, '{');
  }
  void OnMapEnd() override { close('}'); }

 private:
  static bool awaitsValue(const YamlNode& map) { return map.keys.size() > map.items.size(); }
  std::size_t offset(const YAML::Mark& mark) const {
    return std::min(text_.size(), static_cast<std::size_t>(std::max(0, mark.pos)) + shift_);
  }

  YamlNode start(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    YamlNode node;
    node.begin = node.end = offset(mark);
    if (anchor != 0) error(node.begin, "anchors (&name) are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!") error(node.begin, "tags (" + tag.substr(0, 60) + ") are not allowed");
    if (++nodes_ > kMaxDesignNodes) {
      error(node.begin, "more than " + std::to_string(kMaxDesignNodes) + " values; a design is smaller");
      throw GiveUp();
    }
    return node;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind, char bracket) {
    YamlNode node = start(mark, tag, anchor);
    if (stack_.size() >= static_cast<std::size_t>(kMaxDesignDepth)) {
      error(node.begin, "nested deeper than " + std::to_string(kMaxDesignDepth) + " levels");
      throw GiveUp();
    }
    node.kind = kind;
    node.flow = node.begin < text_.size() && text_[node.begin] == bracket;
    if (node.flow) ++node.end;
    stack_.push_back(std::move(node));
  }

  void close(char bracket) {
    YamlNode node = std::move(stack_.back());
    stack_.pop_back();
    for (const YamlNode& k : node.keys) node.end = std::max(node.end, k.end);
    for (const YamlNode& i : node.items) node.end = std::max(node.end, i.end);
    if (node.flow) {  // from the last child on only blanks, commas and comments stand before the bracket
      std::size_t at = node.end;
      while (at < text_.size() && text_[at] != bracket) {
        if (text_[at] == '#') at = std::min(text_.find('\n', at), text_.size());
        else ++at;
      }
      node.end = std::min(text_.size(), at + 1);
    }
    finish(std::move(node));
  }

  /// Hands a finished node to its parent, as key or as value.
  void finish(YamlNode node) {
    node.place = lines_.place(node.begin);
    node.endPlace = lines_.place(node.end);
    if (stack_.empty()) {
      root = std::move(node);
      return;
    }
    YamlNode& parent = stack_.back();
    if (parent.isMap() && !awaitsValue(parent)) {
      checkKey(parent, node);
      parent.keys.push_back(std::move(node));
    } else {
      parent.items.push_back(std::move(node));
    }
  }

  void checkKey(const YamlNode& map, YamlNode& key) {
    const int length = static_cast<int>(key.end - key.begin);
    const auto refuse = [&](const std::string& message) {
      error(key.begin, message, length);
      key.refused = true;
    };
    if (map.keys.size() >= kMaxKeys) {
      error(key.begin, "more than " + std::to_string(kMaxKeys) + " keys in one map");
      throw GiveUp();
    }
    if (key.refused) return;
    if (!key.isScalar()) return refuse("a key must be a word, found " + describe(key));
    if (key.value == "<<") return refuse("merge keys (<<) are not allowed; write the keys out");
    for (const YamlNode& other : map.keys)
      if (other.isScalar() && other.value == key.value)
        return refuse("duplicate key " + describe(key) + ", first at line " + std::to_string(other.place.line));
  }

  /// Past the scalar's last byte; npos for a quote without its end, which yaml-cpp lets pass.
  std::size_t scalarEnd(const YamlNode& node, char first) const {
    std::size_t at = node.begin;
    if (first == '"' || first == '\'') {
      for (++at; at < text_.size(); ++at) {
        if (first == '"' && text_[at] == '\\') ++at;
        else if (text_[at] == first && first == '\'' && at + 1 < text_.size() && text_[at + 1] == '\'') ++at;
        else if (text_[at] == first) return at + 1;
      }
      return std::string::npos;
    }
    if (text_.compare(at, node.value.size(), node.value) == 0) return at + node.value.size();
    return std::min(text_.find('\n', at), text_.size());  // several lines; only its first is marked
  }

  const std::string& text_;
  std::size_t shift_;
  const std::string& file_;
  const LineIndex& lines_;
  std::vector<YamlNode> stack_;
  std::size_t nodes_ = 0;
};

/// Bytes that no design holds: control characters (yaml-cpp ends silently at 0x04) and malformed UTF-8.
bool checkBytes(const std::string& text, TreeBuilder& tree) {
  if (const auto bad = firstBadUtf8(text)) {
    tree.error(*bad, "malformed UTF-8");
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F) {
      tree.error(i, "control character " + std::to_string(static_cast<int>(c)) + "; a design is text");
      return false;
    }
  }
  return true;
}

/// The line begins with a tab: the commonest reason for yaml-cpp's less clear messages.
bool tabIndented(const std::string& text, std::size_t at) {
  const std::size_t line = text.rfind('\n', at == 0 ? 0 : at - 1);
  for (std::size_t i = line == std::string::npos ? 0 : line + 1; i < text.size() && (text[i] == ' ' || text[i] == '\t'); ++i)
    if (text[i] == '\t') return true;
  return false;
}

}  // namespace

const YamlNode* YamlNode::find(const std::string& key) const {
  for (std::size_t i = 0; i < keys.size() && i < items.size(); ++i)
    if (keys[i].value == key) return &items[i];
  return nullptr;
}

YamlNode* YamlNode::find(const std::string& key) { return const_cast<YamlNode*>(std::as_const(*this).find(key)); }

YamlNode& YamlNode::put(const std::string& key, YamlNode node) {
  if (YamlNode* old = find(key)) return *old = std::move(node);
  YamlNode name;
  name.kind = Kind::Scalar;
  name.value = key;
  keys.push_back(std::move(name));
  items.push_back(std::move(node));
  return items.back();
}

std::string describe(const YamlNode& node) {
  if (node.isMap()) return "a map";
  if (node.isSequence()) return "a list";
  if (!node.isScalar()) return "nothing";
  std::size_t cut = std::min<std::size_t>(node.value.size(), 60);
  while (cut < node.value.size() && cut > 0 && (static_cast<unsigned char>(node.value[cut]) & 0xC0) == 0x80) --cut;
  return "\"" + node.value.substr(0, cut) + (cut < node.value.size() ? "...\"" : "\"");
}

LineIndex::LineIndex(const std::string& text) : text_(text), starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts_.push_back(i + 1);
}

Place LineIndex::place(std::size_t at) const {
  at = std::min(at, text_.size());
  const auto line = std::upper_bound(starts_.begin(), starts_.end(), at) - starts_.begin();
  int column = 1;
  const std::size_t first = starts_[static_cast<std::size_t>(line) - 1];
  // Lines longer than this are noise, and counting their characters for every node would be quadratic.
  if (at - first > 100000) return {static_cast<int>(line), static_cast<int>(at - first) + 1};
  for (std::size_t i = first; i < at; ++i)
    if ((static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80) ++column;
  return {static_cast<int>(line), column};
}

YamlText readYaml(const std::string& text, const std::string& file) {
  YamlText out;
  if (text.size() > kMaxDesignBytes) {
    out.faults = fault(ExitCode::BadConfiguration, "the design has " + bytesText(static_cast<double>(text.size())) + ", at most " +
                                                       bytesText(static_cast<double>(kMaxDesignBytes)) + " are read", file);
    return out;
  }
  const LineIndex lines(text);
  const std::size_t shift = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  TreeBuilder tree(text, shift, file, lines);
  if (checkBytes(text, tree)) {
    try {
      std::istringstream stream(text.substr(shift));
      YAML::Parser parser(stream);
      if (!parser.HandleNextDocument(tree)) tree.error(0, "the design is empty");
      else if (TreeBuilder rest(text, shift, file, lines); parser.HandleNextDocument(rest))
        tree.error(rest.root.begin, "a second document begins here; a design is one document");
      else out.usable = true;
    } catch (const GiveUp&) {
    } catch (const YAML::Exception& e) {
      const std::size_t at = e.mark.is_null() ? 0 : static_cast<std::size_t>(std::max(0, e.mark.pos)) + shift;
      const bool tab = tabIndented(text, std::min(at, text.size()));
      tree.error(at, tab ? "a tab indents this line; YAML allows only spaces" : "not valid YAML: " + e.msg);
    }
  }
  out.root = std::move(tree.root);
  out.faults = std::move(tree.faults);
  return out;
}

}  // namespace serp
