// SPDX-License-Identifier: GPL-3.0-or-later
// The pattern of openai/gpt-2 (src/encoder.py) in PCRE2 with its compiler, run only over well-formed stretches.
#include "engine/data/pretokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/data/utf8.h"

namespace serp {
namespace {

// PCRE2's \s also takes U+180E, which Python's `regex` does not: the class is written out (25 code points in both).
#define SERP_SPACE "\\x{09}-\\x{0d}\\x{85}\\p{Z}"
constexpr const char* kPattern =
    "'s|'t|'re|'ve|'m|'ll|'d"
    "| ?\\p{L}++| ?\\p{N}++| ?[^" SERP_SPACE "\\p{L}\\p{N}]++"
    "|[" SERP_SPACE "]+(?![^" SERP_SPACE "])|[" SERP_SPACE "]+";
#undef SERP_SPACE

struct Compiled {
  pcre2_code* code = nullptr;
  bool jit = false;
  Compiled() {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(kPattern), PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, &error, &offset, nullptr);
    SERP_CHECK(code, "pattern of the pre-tokenizer, PCRE2 error " + std::to_string(error));
    jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  }
  ~Compiled() { pcre2_code_free(code); }
  Compiled(const Compiled&) = delete;
  Compiled& operator=(const Compiled&) = delete;
};

const Compiled& compiled() {
  static const Compiled instance;
  return instance;
}

bool isSpaceByte(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool isWideSpace(std::uint32_t c) {
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

/// Whether the character that ends right before `end` is white space.
bool spaceBefore(std::string_view text, std::size_t end) {
  if (isSpaceByte(text[end - 1])) return true;
  for (std::size_t back = 2; back <= 3 && back <= end; ++back) {
    const Utf8Char c = utf8At(text.substr(0, end), end - back);
    if (c.length == back) return isWideSpace(c.codePoint);
  }
  return false;
}

}  // namespace

struct PieceCursor::Match {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  Match() { SERP_CHECK(data, "memory for a match"); }
  ~Match() { pcre2_match_data_free(data); }
  Match(const Match&) = delete;
  Match& operator=(const Match&) = delete;
};

PieceCursor::PieceCursor(std::string_view text) : text_(text), match_(std::make_unique<Match>()) {}
PieceCursor::~PieceCursor() = default;

bool PieceCursor::next(std::string_view& piece) {
  if (at_ >= text_.size()) return false;
  if (at_ == validEnd_) {
    const auto bad = firstBadUtf8(text_.substr(at_));
    validEnd_ = bad ? at_ + *bad : text_.size();
    if (validEnd_ == at_) {
      std::size_t end = at_ + 1;
      while (end < text_.size() && utf8At(text_, end).length == 0) ++end;
      piece = text_.substr(at_, end - at_);
      at_ = validEnd_ = end;
      return true;
    }
  }
  const Compiled& pattern = compiled();
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text_.data() + at_);
  const std::size_t length = validEnd_ - at_;
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  if (pattern.jit) found = pcre2_jit_match(pattern.code, subject, length, 0, 0, match_->data, nullptr);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT)
    found = pcre2_match(pattern.code, subject, length, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, match_->data, nullptr);
  const std::size_t size = found > 0 ? pcre2_get_ovector_pointer(match_->data)[1] : 0;
  SERP_CHECK(size > 0, "every character belongs to a piece, PCRE2 says " + std::to_string(found));
  piece = text_.substr(at_, size);
  at_ += size;
  return true;
}

std::size_t pieceCut(std::string_view text) {
  for (std::size_t i = text.size(); i > 1; --i)
    if (isSpaceByte(text[i - 1]) && !spaceBefore(text, i - 1)) return i - 1;
  return 0;
}

}  // namespace serp
