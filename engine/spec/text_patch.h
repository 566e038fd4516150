// SPDX-License-Identifier: GPL-3.0-or-later
// Changing a text at several places at once, and the lines it is made of.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace serp {

/// Replacements at byte offsets of the original; they must not overlap. At one offset insertions come before what is erased.
class TextPatch {
 public:
  explicit TextPatch(const std::string& text) : text_(text) {}
  void erase(std::size_t begin, std::size_t end) { pieces_.push_back({begin, end, {}}); }
  void insert(std::size_t at, std::string with) { pieces_.push_back({at, at, std::move(with)}); }
  void replace(std::size_t begin, std::size_t end, std::string with) { pieces_.push_back({begin, end, std::move(with)}); }
  std::string apply() const;

 private:
  struct Piece { std::size_t begin, end; std::string with; };
  const std::string& text_;
  std::vector<Piece> pieces_;
};

/// First byte of the line that holds `at`; first byte of the line behind it (or the text's end).
std::size_t lineBegin(const std::string& text, std::size_t at);
std::size_t lineEnd(const std::string& text, std::size_t at);
/// Spaces the line at `begin` starts with.
std::size_t lineIndent(const std::string& text, std::size_t begin);
/// Nothing but blanks; a comment and nothing else.
bool isBlankLine(const std::string& text, std::size_t begin);
bool isCommentLine(const std::string& text, std::size_t begin);
/// "\r\n" where the text has such ends, else "\n".
std::string lineBreak(const std::string& text);
/// Every line that is not blank moved by `by` columns; to the left at most as far as it is indented. Line ends become "\n".
std::string shifted(const std::string& lines, int by);
/// "\n" becomes `eol`.
std::string withBreaks(const std::string& lines, const std::string& eol);

}  // namespace serp
