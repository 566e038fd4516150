// SPDX-License-Identifier: GPL-3.0-or-later
// A design as a drawing: the residual stream as a spine, one card a block, repeats as frames with their count, slots inside their block.
#include <cstdio>
#include <sstream>

#include "engine/api/plan.h"
#include "engine/graph/plan_rows.h"

namespace serp {
namespace {

constexpr int kWidth = 680, kEdge = 24, kSpine = 60, kCardX = 116, kCardRight = 632, kCard = 46, kPart = 26, kGap = 18, kBar = 40;
constexpr const char *kInk = "#1A2129", *kMuted = "#5B6776", *kLine = "#D5DBE3", *kSurface = "#FFFFFF", *kPage = "#F6F7F9";

std::string escaped(const std::string& s) {
  std::string out;
  for (const char c : s) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '\'' ? "&#39;" : std::string(1, c);
  return out;
}

const char* hue(Family family) {
  switch (family) {
    case Family::Mixer: return "#1F8F5F";
    case Family::Experts: return "#A86A10";
    case Family::Attention: return "#2472B3";
    default: return kMuted;
  }
}

std::string amount(std::int64_t n) {
  char text[32];
  if (n >= 1'000'000) std::snprintf(text, sizeof text, "%.3f M", static_cast<double>(n) / 1e6);
  else if (n >= 10'000) std::snprintf(text, sizeof text, "%.1f k", static_cast<double>(n) / 1e3);
  else std::snprintf(text, sizeof text, "%lld", static_cast<long long>(n));
  return text;
}

/// Attributes instead of a style sheet: the smallest viewers understand them.
class Drawing {
 public:
  explicit Drawing(double allActive) : allActive_(allActive) {}

  void bar(const std::string& name, const std::string& detail, std::int64_t parameters) {
    box(kEdge, kWidth - kEdge, kBar, kMuted, "");
    text(kEdge + 16, y_ + 25, 13, true, kInk, "start", name);
    text(kCardX + 16, y_ + 25, 11, false, kMuted, "start", detail);
    text(kCardRight - 12, y_ + 25, 11, false, kMuted, "end", parameters > 0 ? amount(parameters) : "");
    y_ += kBar + kGap;
  }

  void run(const Plan& plan, const PlanRun& r) {
    if (r.times > 1) {
      int height = 26;
      for (std::size_t k = 0; k < r.length; ++k) height += cardHeight(plan.blocks[r.first + k]) + (k > 0 ? kGap : 0);
      rect(kEdge + 6, y_ + 6, kWidth - 2 * kEdge, height + 22, 10, "none", kLine, "");
      rect(kEdge, y_, kWidth - 2 * kEdge, height + 22, 10, kPage, kLine, "");
      spine(y_ - kGap, y_ + height + 22 + kGap);
      text(kCardX, y_ + 21, 12, true, kInk, "start", std::to_string(r.times) + " ×");
      y_ += 34;
    }
    for (std::size_t k = 0; k < r.length; ++k) block(plan.blocks[r.first + k], static_cast<double>(r.times));
    if (r.times > 1) y_ += 20;
  }

  std::string finish(const std::string& title, const std::string& subtitle) {
    std::ostringstream all;
    const int height = y_ - kGap + kEdge;
    all << "<svg xmlns='http://www.w3.org/2000/svg' width='" << kWidth << "' height='" << height << "' viewBox='0 0 " << kWidth << ' ' << height
        << "' font-family='Inter, Helvetica, Arial, sans-serif'>\n<title>" << escaped(title) << "</title>\n<rect width='" << kWidth << "' height='"
        << height << "' fill='" << kPage << "'/>\n";
    out_.swap(all);
    text(kEdge, 32, 16, true, kInk, "start", title);
    text(kEdge, 52, 12, false, kMuted, "start", subtitle);
    spine(kTop, y_ - kGap - kBar);
    out_ << all.str() << "</svg>\n";
    return out_.str();
  }

 private:
  static int partsHeight(const PlanNode& n) {
    int height = 0;
    for (const PlanNode& part : n.children) height += kPart + 6 + partsHeight(part);
    return height;
  }
  static int cardHeight(const PlanNode& n) { return kCard + partsHeight(n) + (n.children.empty() ? 0 : 6); }

  void block(const PlanNode& n, double times) {
    const int in = y_ + 14, sum = y_ + 34, height = cardHeight(n);
    line(kSpine, in, kCardX, in);
    if (!n.bypassed) {  // nothing comes back from a block that is left out
      line(kSpine, sum, kCardX, sum);
      out_ << "<circle cx='" << kSpine << "' cy='" << sum << "' r='8' fill='" << kSurface << "' stroke='" << kMuted << "'/>";
      line(kSpine - 4, sum, kSpine + 4, sum);
      line(kSpine, sum - 4, kSpine, sum + 4);
    }
    out_ << "<circle cx='" << kSpine << "' cy='" << in << "' r='2.5' fill='" << kMuted << "'/>";
    if (!n.norm.empty() && n.norm != "none") {
      rect(kSpine + 14, in - 9, 28, 18, 9, kSurface, kLine, "");
      text(kSpine + 28, in + 4, 10, false, kMuted, "middle", n.norm == "layer_norm" ? "LN" : "RMS");
    }
    box(kCardX, kCardRight, height, n.bypassed ? kLine : hue(n.family), n.bypassed ? " stroke-dasharray='4 3'" : "");
    text(kCardX + 16, y_ + 19, 13, true, kInk, "start", n.kind);
    text(kCardX + 16, y_ + 36, 11, false, kMuted, "start", blockWords(n));
    text(kCardRight - 12, y_ + 19, 11, false, kInk, "end", amount(n.cost.paramsTotal));
    const bool sparse = n.cost.paramsActive != n.cost.paramsTotal;
    text(kCardRight - 72, y_ + 36, 11, false, kMuted, "end", sparse ? amount(n.cost.paramsActive) + " active" : "");
    const double share = allActive_ > 0 ? times * static_cast<double>(n.cost.paramsActive) / allActive_ : 0;
    rect(kCardRight - 64, y_ + 30, 52, 4, 2, kLine, "none", "");
    rect(kCardRight - 64, y_ + 30, static_cast<int>(52 * share + 0.5), 4, 2, hue(n.family), "none", "");
    int at = y_ + kCard;
    parts(n, kCardX + 16, at);
    y_ += height + kGap;
  }

  /// Slots and branches, each on a line of its own inside the card.
  void parts(const PlanNode& n, int x, int& at) {
    for (const PlanNode& part : n.children) {
      rect(x, at, kCardRight - 12 - x, kPart, 4, kSurface, hue(part.family), part.slot.empty() ? "" : " stroke-dasharray='4 3'");
      text(x + 10, at + 17, 11, true, kInk, "start", (part.slot.empty() ? "" : part.slot + ": ") + part.kind);
      text(x + 190, at + 17, 11, false, kMuted, "start", blockWords(part));
      text(kCardRight - 22, at + 17, 11, false, kMuted, "end", amount(part.cost.paramsTotal));
      at += kPart + 6;
      parts(part, x + 16, at);
    }
  }

  void box(int x, int right, int height, const char* stripe, const char* more) {
    rect(x, y_, right - x, height, 6, kSurface, kLine, more);
    rect(x, y_, 3, height, 1, stripe, "none", "");
  }
  void rect(int x, int y, int width, int height, int radius, const char* fill, const char* stroke, const char* more) {
    out_ << "<rect x='" << x << "' y='" << y << "' width='" << width << "' height='" << height << "' rx='" << radius << "' fill='" << fill
         << "' stroke='" << stroke << "'" << more << "/>\n";
  }
  void line(int x1, int y1, int x2, int y2) {
    out_ << "<path d='M" << x1 << ' ' << y1 << " L" << x2 << ' ' << y2 << "' stroke='" << kMuted << "' fill='none'/>\n";
  }
  void spine(int from, int to) { line(kSpine, from, kSpine, to); }
  void text(int x, int y, int size, bool strong, const char* colour, const char* anchor, const std::string& words) {
    if (words.empty()) return;
    out_ << "<text x='" << x << "' y='" << y << "' font-size='" << size << "' font-weight='" << (strong ? 600 : 400) << "' fill='" << colour
         << "' text-anchor='" << anchor << "'>" << escaped(words) << "</text>\n";
  }

  static constexpr int kTop = 72;
  double allActive_;
  std::ostringstream out_;
  int y_ = kTop;
};

}  // namespace

std::string planSvg(const Plan& p) {
  Drawing d(static_cast<double>(p.total.paramsActive));
  d.bar("embedding", std::to_string(p.vocab) + " → " + std::to_string(p.dModel), p.embedding.paramsTotal);
  for (const PlanRun& run : foldPlan(p)) d.run(p, run);
  if (p.finalNorm.paramsTotal > 0) d.bar("final norm", "", p.finalNorm.paramsTotal);
  d.bar("head", std::to_string(p.dModel) + " → " + std::to_string(p.vocab) + (p.head.paramsTotal == 0 ? ", tied" : ""), p.head.paramsTotal);
  return d.finish(p.name + "   " + p.pattern, amount(p.nonEmbeddingTotal) + " parameters, " + amount(p.nonEmbeddingActive) +
                                                  " active for a token, without embedding and head; bars: share of what is active");
}

}  // namespace serp
