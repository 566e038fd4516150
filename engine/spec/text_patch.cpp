// SPDX-License-Identifier: GPL-3.0-or-later
// Plain work on bytes; nothing here knows YAML but for the comment sign.
#include "engine/spec/text_patch.h"

#include <algorithm>

namespace serp {

std::string TextPatch::apply() const {
  std::vector<Piece> pieces = pieces_;
  std::stable_sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::string out;
  out.reserve(text_.size() + 64);
  std::size_t at = 0;
  for (const Piece& piece : pieces) {
    if (piece.begin > at) out.append(text_, at, piece.begin - at);
    out += piece.with;
    at = std::max(at, piece.end);
  }
  return out.append(text_, at, std::string::npos);
}

std::size_t lineBegin(const std::string& text, std::size_t at) {
  if (at == 0) return 0;
  const std::size_t found = text.rfind('\n', at - 1);
  return found == std::string::npos ? 0 : found + 1;
}

std::size_t lineEnd(const std::string& text, std::size_t at) {
  const std::size_t found = text.find('\n', at);
  return found == std::string::npos ? text.size() : found + 1;
}

std::size_t lineIndent(const std::string& text, std::size_t begin) {
  std::size_t at = begin;
  while (at < text.size() && text[at] == ' ') ++at;
  return at - begin;
}

bool isBlankLine(const std::string& text, std::size_t begin) {
  std::size_t at = begin;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r')) ++at;
  return at == text.size() || text[at] == '\n';
}

bool isCommentLine(const std::string& text, std::size_t begin) {
  const std::size_t at = begin + lineIndent(text, begin);
  return at < text.size() && text[at] == '#';
}

std::string lineBreak(const std::string& text) { return text.find("\r\n") == std::string::npos ? "\n" : "\r\n"; }

std::string shifted(const std::string& lines, int by) {
  std::string out;
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lineEnd(lines, at);
    std::string line = lines.substr(at, end - at);
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    if (isBlankLine(line, 0)) line.clear();
    else if (by > 0) line.insert(0, static_cast<std::size_t>(by), ' ');
    else line.erase(0, std::min(lineIndent(line, 0), static_cast<std::size_t>(-by)));
    out += line + "\n";
    at = end;
  }
  return out;
}

std::string withBreaks(const std::string& lines, const std::string& eol) {
  if (eol == "\n") return lines;
  std::string out;
  for (const char c : lines) c == '\n' ? out += eol : out += c;
  return out;
}

}  // namespace serp
