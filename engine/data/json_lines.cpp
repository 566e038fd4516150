// SPDX-License-Identifier: GPL-3.0-or-later
// Lines are cut here, values found by a SAX reader that builds nothing.
#include "engine/data/json_lines.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "engine/base/error.h"

namespace serp {
namespace {

constexpr std::size_t kMaxLine = 64 << 20;
constexpr int kMaxDepth = 64;
constexpr double kMaxBadShare = 0.01;
constexpr std::int64_t kHopeless = 1000;  // so many bad lines, more than half of all: no need to read on

/// Keeps the text under one key of the outermost object; returning false from a member stops the parser.
class FieldReader final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit FieldReader(const std::string& field) : field_(field) {}
  std::string value, reason;

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool string(string_t& text) override {
    if (!wanted_) return other();
    wanted_ = false;
    if (found_) return stop("has \"" + field_ + "\" twice");
    found_ = true;
    value = std::move(text);
    return true;
  }
  bool start_object(std::size_t) override { return open(true); }
  bool start_array(std::size_t) override { return open(false); }
  bool end_object() override { return --depth_, true; }
  bool end_array() override { return --depth_, true; }
  bool key(string_t& name) override {
    wanted_ = depth_ == 1 && name == field_;
    if (depth_ == 1 && keys_.size() < 100) keys_ += (keys_.empty() ? "" : ", ") + name.substr(0, 40);
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return stop("is not valid JSON");
  }
  void finish() {
    if (reason.empty() && !found_) reason = "has no \"" + field_ + "\"" + (keys_.empty() ? "" : " (it has " + keys_ + ")");
  }

 private:
  bool stop(std::string why) {
    if (reason.empty()) reason = std::move(why);
    return false;
  }
  bool other() {
    if (depth_ == 0) return stop("is no JSON object");
    if (wanted_) return stop("has something under \"" + field_ + "\" that is no text");
    return true;
  }
  bool open(bool object) {
    if (depth_ == 0 && !object) return stop("is no JSON object");
    if (wanted_) return other();
    if (++depth_ > kMaxDepth) return stop("is nested deeper than " + std::to_string(kMaxDepth));
    return true;
  }
  const std::string& field_;
  std::string keys_;
  int depth_ = 0;
  bool wanted_ = false, found_ = false;
};

class LineAccount {
 public:
  LineAccount(std::string name, const std::string& field) : name_(std::move(name)), field_(field) {}
  void bad(std::int64_t number, const std::string& reason) {
    if (++bad_ <= 4) examples_ += (examples_.empty() ? "line " : "; line ") + std::to_string(number) + " " + reason;
    if (bad_ > kHopeless && 2 * bad_ > lines_) refuse();
  }
  void line() { ++lines_; }
  std::string finish() const {
    if (static_cast<double>(bad_) > kMaxBadShare * static_cast<double>(lines_)) refuse();
    return bad_ == 0 ? std::string() : summary(" skipped");
  }

 private:
  std::string summary(const char* verb) const {
    return std::to_string(bad_) + " of " + std::to_string(lines_) + " lines of " + name_ + verb + ": " + examples_ + (bad_ > 4 ? "; …" : "");
  }
  [[noreturn]] void refuse() const {
    throw Error(fault(ExitCode::BadData,
                      summary(" cannot be used") + " (at most 1 % may be bad; the key is data.field, now \"" + field_ + "\")", name_));
  }
  std::string name_;
  const std::string& field_;
  std::string examples_;
  std::int64_t lines_ = 0, bad_ = 0;
};

}  // namespace

std::string readJsonLines(ByteStream& stream, const std::string& name, const std::string& field,
                          const std::function<void(std::string_view)>& document) {
  LineAccount account(name, field);
  std::int64_t number = 0;
  const auto finishLine = [&](std::string_view line, bool overlong) {
    ++number;
    if (!overlong && line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    account.line();
    if (overlong) return account.bad(number, "is longer than 64 MiB");
    FieldReader reader(field);
    nlohmann::json::sax_parse(line.begin(), line.end(), &reader);
    reader.finish();
    if (reader.reason.empty()) document(reader.value);
    else account.bad(number, reader.reason);
  };
  std::string line;
  std::vector<char> chunk(256 << 10);
  bool overlong = false;
  while (const std::size_t n = stream.read(chunk.data(), chunk.size())) {
    std::string_view rest(chunk.data(), n);
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      const std::string_view part = rest.substr(0, end);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      overlong = overlong || line.size() + part.size() > kMaxLine;
      if (overlong) std::string().swap(line);
      else line += part;
      if (end == std::string_view::npos) continue;
      finishLine(line, overlong);
      line.clear();
      overlong = false;
    }
  }
  if (!line.empty() || overlong) finishLine(line, overlong);
  return account.finish();
}

}  // namespace serp
