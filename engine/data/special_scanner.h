// SPDX-License-Identifier: GPL-3.0-or-later
// Cutting a text at special tokens: the leftmost first, at one place the longest.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace serp {

/// `specials` must be sorted by falling length and, like the text, outlive the scanner.
class SpecialScanner {
 public:
  SpecialScanner(std::string_view text, const std::vector<std::string_view>& specials) : text_(text), specials_(specials) {
    for (const std::string_view special : specials_) next_.push_back(text_.find(special));
  }
  /// The ordinary text up to the next special and that special's index, or -1 with all the rest. False after that.
  bool next(std::string_view& ordinary, int& special) {
    if (done_) return false;
    const auto first = std::min_element(next_.begin(), next_.end());
    done_ = first == next_.end() || *first == std::string_view::npos;
    special = done_ ? -1 : static_cast<int>(first - next_.begin());
    ordinary = text_.substr(at_, done_ ? std::string_view::npos : *first - at_);
    if (done_) return true;
    at_ = *first + specials_[static_cast<std::size_t>(special)].size();
    // Only places that were passed are looked up again, so many of one kind cost no search for another.
    for (std::size_t i = 0; i < next_.size(); ++i)
      if (next_[i] < at_) next_[i] = text_.find(specials_[i], at_);
    return true;
  }

 private:
  std::string_view text_;
  const std::vector<std::string_view>& specials_;
  std::vector<std::size_t> next_;
  std::size_t at_ = 0;
  bool done_ = false;
};

}  // namespace serp
