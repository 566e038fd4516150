// SPDX-License-Identifier: GPL-3.0-or-later
// The table of `serp plan`: one line a block, copies that a repeat makes folded into one, numbers of one copy, shares of all copies.
#include "engine/tools/serp/plan_table.h"

#include <algorithm>
#include <cstdio>

#include "engine/base/text.h"
#include "engine/graph/plan_rows.h"
#include "engine/tools/serp/terminal.h"

namespace serp::cli {
namespace {

constexpr std::size_t kMostRows = 60;

std::size_t width(const std::string& text) {  // characters of UTF-8; all of ours are one column wide
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}
std::string blanks(std::size_t columns, const std::string& text) { return std::string(columns > width(text) ? columns - width(text) : 0, ' '); }
std::string left(const std::string& text, std::size_t columns) { return text + blanks(columns, text); }
std::string right(const std::string& text, std::size_t columns) { return blanks(columns, text) + text; }

std::string formatted(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// "260 k", "1.91 M", "26.3 G": three digits.
std::string threeDigits(double value) {
  static constexpr const char* kUnits[] = {"", " k", " M", " G", " T", " P", " E"};
  int unit = 0;
  for (; value >= 999.5 && unit < 6; ++unit) value /= 1000;
  return formatted(unit == 0 || value >= 99.95 ? "%.0f" : value >= 9.995 ? "%.1f" : "%.2f", value) + kUnits[unit];
}

std::string share(double part, double whole) { return part > 0 && whole > 0 ? formatted("%.1f %%", 100 * part / whole) : "-"; }

/// A share as a bar of at most eight columns, in eighths.
std::string bar(double part, double whole) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = whole > 0 ? static_cast<int>(64 * std::min(1.0, part / whole) + 0.5) : 0;
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  return out + kEighths[eighths % 8];
}

class Table {
 public:
  Table(const Plan& plan, std::size_t columns) : plan_(plan), wide_(columns >= 2 + kName + kWords + 2 * kCount + kFlops + 3 * kShare + 10) {}

  std::string text() {
    head();
    row("", "embedding", std::to_string(plan_.vocab) + " → " + std::to_string(plan_.dModel), plan_.embedding, 1);
    std::size_t shown = 0, rows = 0;
    for (const PlanRun& run : foldPlan(plan_)) {
      if (rows + run.length > kMostRows) break;
      rows += run.length;
      shown += run.length * run.times;
      blocks(run);
    }
    if (shown < plan_.blocks.size()) out_ += "  and " + std::to_string(plan_.blocks.size() - shown) + " more blocks\n";
    if (plan_.finalNorm.paramsTotal > 0) row("", "final norm", "", plan_.finalNorm, 1);
    row("", "head", std::to_string(plan_.dModel) + " → " + std::to_string(plan_.vocab) + (plan_.head.paramsTotal == 0 ? ", tied" : ""), plan_.head, 1);
    row("", "all", "", plan_.total, 1);
    totals();
    return out_;
  }

 private:
  void head() {
    out_ += plan_.name + "   " + plan_.pattern + "\n";
    out_ += "d_model " + std::to_string(plan_.dModel) + " · vocabulary " + std::to_string(plan_.vocab) + " · batch " + std::to_string(plan_.batch) +
            " × context " + std::to_string(plan_.context) + "\n\n";
    out_ += "  " + left("block", kName) + words("") + right("parameters", kCount) + right("active", kCount) + right("FLOPs/token", kFlops) +
            right("total", kShare) + right("active", kShare) + right("FLOPs", kShare) + "\n";
  }

  void blocks(const PlanRun& run) {
    if (run.times > 1) out_ += "  " + std::to_string(run.times) + " ×\n";
    for (std::size_t k = 0; k < run.length; ++k) {
      const PlanNode& node = plan_.blocks[run.first + k];
      const std::string rule = run.times == 1 ? "" : k + 1 < run.length ? "├ " : "└ ", below = run.times == 1 ? "" : k + 1 < run.length ? "│ " : "  ";
      row(rule, node.kind, blockWords(node), node.cost, static_cast<double>(run.times));
      for (const PlanNode& part : node.children) parts(below + "  ", part);
    }
  }

  /// Slots and branches: their cost is part of the line above, so they have no shares.
  void parts(const std::string& indent, const PlanNode& node) {
    const std::string about = blockWords(node);
    out_ += "  " + left(indent + (node.slot.empty() ? "+ " + node.kind : node.slot), kName) +
            words(node.slot.empty() ? about : node.kind + (about.empty() ? "" : " · " + about)) + numbers(node.cost) + "\n";
    for (const PlanNode& part : node.children) parts(indent + "  ", part);
  }

  std::string words(const std::string& about) const { return wide_ ? left(about, kWords) : std::string(); }

  static std::string numbers(const Cost& c) {
    return right(grouped(c.paramsTotal), kCount) + right(grouped(c.paramsActive), kCount) +
           right(c.flopsPerToken > 0 ? threeDigits(c.flopsPerToken) : "-", kFlops);
  }

  void row(const std::string& rule, const std::string& name, const std::string& about, const Cost& c, double times) {
    const double active = times * static_cast<double>(c.paramsActive), allActive = static_cast<double>(plan_.total.paramsActive);
    out_ += "  " + left(rule + name, kName) + words(about) + numbers(c) +
            right(share(times * static_cast<double>(c.paramsTotal), static_cast<double>(plan_.total.paramsTotal)), kShare) +
            right(share(active, allActive), kShare) + right(share(times * c.flopsPerToken, plan_.flopsForward), kShare) +
            (name == "all" || !wide_ ? "" : "  " + bar(active, allActive)) + "\n";
  }

  void totals() {
    const Plan& p = plan_;
    out_ += "\n  " + left(millions(p.nonEmbeddingTotal), kFigure) + "parameters, of which " + millions(p.nonEmbeddingActive) +
            " are active for a token; embedding and head, " + millions(p.embeddingParams) +
            ", are not counted\n";
    out_ += "  " + left(threeDigits(p.flopsForward), kFigure) + "FLOPs per token forward, " + threeDigits(p.flopsTraining) + " in training\n";
    out_ += "  " + left(bytesText(p.peakBytes), kFigure) + "to train: weights and gradients " + bytesText(2 * p.weightBytes) + ", optimizer " +
            bytesText(p.optimizerBytes) + ", activations " + bytesText(p.activationBytes) + "\n";
    out_ += "  " + left(bytesText(static_cast<double>(p.stateBytesPerSequence)), kFigure) + "of state per sequence while decoding\n";
  }

  static constexpr std::size_t kName = 18, kWords = 38, kCount = 15, kFlops = 13, kShare = 9, kFigure = 12;
  const Plan& plan_;
  bool wide_;
  std::string out_;
};

}  // namespace

std::string planTable(const Plan& plan, std::size_t columns) { return Table(plan, columns).text(); }

}  // namespace serp::cli
