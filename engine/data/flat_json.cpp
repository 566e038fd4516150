// SPDX-License-Identifier: GPL-3.0-or-later
// A parser for one flat object; nothing recursive, nothing converted silently.
#include "engine/data/flat_json.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

#include "engine/base/text.h"
#include "engine/data/utf8.h"

namespace serp {
namespace {

struct Fault {
  std::string message;
};

class FlatReader {
 public:
  FlatReader(std::string_view text, std::int64_t maxValue) : text_(text), maxValue_(maxValue) {}

  std::vector<FlatEntry> read() {
    std::vector<FlatEntry> entries;
    expect('{');
    skipSpace();
    while (peek() != '}') {
      FlatEntry entry;
      std::tie(entry.line, entry.column) = place(at_);
      entry.key = readText();
      if (!seen_.insert(entry.key).second) throw Fault{"the text " + quoted(entry.key) + " occurs twice"};
      expect(':');
      skipSpace();
      entry.value = readValue(entry.key);
      entries.push_back(std::move(entry));
      skipSpace();
      if (peek() == '}') break;
      expect(',');
      skipSpace();
      if (peek() == '}') throw Fault{"found '}' after a comma, expected a text in quotes"};
    }
    ++at_;
    skipSpace();
    if (at_ < text_.size()) throw Fault{"text after the end of the object"};
    return entries;
  }
  /// Line and column (in bytes) of where reading stopped.
  std::pair<int, int> place() { return place(std::min(at_, text_.size())); }

 private:
  static std::string quoted(const std::string& key) { return "\"" + key.substr(0, 60) + "\""; }
  std::pair<int, int> place(std::size_t at) {
    for (; counted_ < at; ++counted_)
      if (text_[counted_] == '\n') {
        ++line_;
        lineStart_ = counted_ + 1;
      }
    return {line_, static_cast<int>(at - lineStart_) + 1};
  }
  char peek() const {
    if (at_ >= text_.size()) throw Fault{"the file ends here, in the middle of the object: it is cut"};
    return text_[at_];
  }
  void skipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) ++at_;
  }
  void expect(char c) {
    skipSpace();
    if (peek() != c) throw Fault{std::string("found '") + text_[at_] + "', expected '" + c + "' (an object of texts to integers)"};
    ++at_;
  }
  std::uint32_t readHex() {
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (digit < 0) throw Fault{"bad \\u escape, four hexadecimal digits are needed"};
      value = value * 16 + static_cast<std::uint32_t>(digit);
    }
    return value;
  }
  void readEscape(std::string& out) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++at_;
    if (const auto i = kFrom.find(c); i != std::string_view::npos) {
      out += kTo[i];
      return;
    }
    if (c != 'u') throw Fault{"unknown escape in a text"};
    std::uint32_t point = readHex();
    if (point >= 0xD800 && point <= 0xDBFF && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const std::uint32_t low = readHex();
      if (low < 0xDC00 || low > 0xDFFF) throw Fault{"lone surrogate in a text"};
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    if (point >= 0xD800 && point <= 0xDFFF) throw Fault{"lone surrogate in a text"};
    out += utf8Text(point);
  }
  std::string readText() {
    if (peek() != '"') throw Fault{std::string("found '") + text_[at_] + "', expected a text in quotes"};
    ++at_;
    std::string out;
    while (peek() != '"') {
      const char c = text_[at_++];
      if (static_cast<unsigned char>(c) < 0x20) throw Fault{"control character in a text"};
      if (c == '\\') readEscape(out);
      else out += c;
    }
    ++at_;
    return out;
  }
  std::int64_t readValue(const std::string& key) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && std::string_view(",} \n\r\t").find(text_[at_]) == std::string_view::npos) ++at_;
    if (at_ >= text_.size()) peek();
    const std::string_view token = text_.substr(begin, at_ - begin);
    const auto value = parseInteger(token);
    if (value && *value >= 0 && *value <= maxValue_ && token[0] != '-') return *value;
    at_ = begin;
    throw Fault{"the id of " + quoted(key) + " is " + std::string(token.substr(0, 40)) + ", allowed are whole numbers from 0 to " +
                std::to_string(maxValue_)};
  }

  std::string_view text_;
  std::int64_t maxValue_;
  std::size_t at_ = 0, counted_ = 0, lineStart_ = 0;
  int line_ = 1;
  std::unordered_set<std::string> seen_;
};

}  // namespace

Result<std::vector<FlatEntry>> readFlatJson(std::string_view text, const std::string& file, std::int64_t maxValue) {
  if (const auto bad = firstBadUtf8(text))
    return fault(ExitCode::BadData, "not UTF-8 from byte " + std::to_string(*bad) + " on", file);
  FlatReader reader(text, maxValue);
  try {
    return reader.read();
  } catch (const Fault& problem) {
    Diagnostics d = fault(ExitCode::BadData, problem.message, file);
    std::tie(d.items[0].line, d.items[0].column) = reader.place();
    return d;
  }
}

}  // namespace serp
