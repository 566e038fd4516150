// SPDX-License-Identifier: GPL-3.0-or-later
// GPT-2's cutting of text into words, numbers, signs and white space, before any merging.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace serp {

/// Walks over the pieces of one text; they follow each other without gaps. Malformed UTF-8 comes as pieces of its own. Not
/// thread-safe; any number of cursors may work at once. The text must outlive the cursor.
class PieceCursor {
 public:
  explicit PieceCursor(std::string_view text);
  ~PieceCursor();
  PieceCursor(const PieceCursor&) = delete;
  PieceCursor& operator=(const PieceCursor&) = delete;
  /// False at the end of the text.
  bool next(std::string_view& piece);

 private:
  struct Match;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t validEnd_ = 0;  // text_[at_, validEnd_) is well-formed
  std::unique_ptr<Match> match_;
};

/// Largest position before which no piece can change whatever follows `text`: before a white-space byte that comes after something
/// else. 0 if there is none.
std::size_t pieceCut(std::string_view text);

}  // namespace serp
