// SPDX-License-Identifier: GPL-3.0-or-later
// A design as a drawing: the residual stream as a spine, one card per block, runs of equal blocks folded with a count.
#include <cstdio>
#include <sstream>

#include "engine/api/plan.h"
#include "engine/graph/plan_rows.h"

namespace serp {
namespace {

constexpr int kWidth = 560, kSpine = 56, kCardX = 112, kCardWidth = 416, kCard = 44, kGap = 20, kBar = 40;

std::string escaped(const std::string& s) {
  std::string out;
  for (const char c : s) out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

const char* hue(Family family) {
  switch (family) {
    case Family::Mixer: return "#1F8F5F";
    case Family::Experts: return "#A86A10";
    case Family::Attention: return "#2472B3";
    default: return "#5B6776";
  }
}

std::string millions(std::int64_t n) {
  char text[32];
  if (n >= 1'000'000) std::snprintf(text, sizeof text, "%.3f M", static_cast<double>(n) / 1e6);
  else std::snprintf(text, sizeof text, "%lld", static_cast<long long>(n));
  return text;
}

std::string caption(const PlanNode& n) {
  std::string out = blockWords(n);
  for (const PlanNode& child : n.children) out += (out.empty() ? "" : " · ") + child.label;
  return out;
}

class Drawing {
 public:
  void bar(const std::string& name, const std::string& detail) {
    box(24, kWidth - 48, kBar, "#5B6776", name, detail, "");
    y_ += kBar + kGap;
  }
  void block(const PlanNode& n, std::size_t times) {
    const int middle = y_ + kCard / 2;
    out_ << "<path d='M" << kSpine << ' ' << middle - 10 << " H" << kCardX << "' class='wire'/>"
         << "<path d='M" << kCardX << ' ' << middle + 12 << " H" << kSpine + 8 << "' class='wire'/>"
         << "<circle cx='" << kSpine << "' cy='" << middle + 12 << "' r='8' class='sum'/><path d='M" << kSpine - 5 << ' ' << middle + 12 << " h10 M"
         << kSpine << ' ' << middle + 7 << " v10' class='wire'/>";
    if (!n.norm.empty() && n.norm != "none")
      out_ << "<rect x='" << kSpine + 14 << "' y='" << middle - 19 << "' width='30' height='18' rx='4' class='card'/><text x='" << kSpine + 29
           << "' y='" << middle - 6 << "' class='small mid'>" << (n.norm == "layer_norm" ? "LN" : "RMS") << "</text>";
    box(kCardX, kCardWidth, kCard, hue(n.family), n.kind + (times > 1 ? "  ×" + std::to_string(times) : ""), caption(n),
        millions(n.cost.paramsTotal) + " · active " + millions(n.cost.paramsActive));
    y_ += kCard + kGap;
  }
  std::string finish(const std::string& title) {
    std::ostringstream all;
    all << "<svg xmlns='http://www.w3.org/2000/svg' width='" << kWidth << "' height='" << y_ + 8 << "' viewBox='0 0 " << kWidth << ' ' << y_ + 8
        << "' font-family='sans-serif'><title>" << escaped(title)
        << "</title><style>.wire{stroke:#5B6776;fill:none}.card{fill:#FFFFFF;stroke:#D5DBE3}.sum{fill:#F6F7F9;stroke:#5B6776}"
           ".name{font-size:13px;font-weight:600;fill:#1A2129}.small{font-size:11px;fill:#5B6776}.mid{text-anchor:middle}.end{text-anchor:end}"
           "</style><rect width='100%' height='100%' fill='#F6F7F9'/><text x='24' y='24' class='name'>"
        << escaped(title) << "</text><path d='M" << kSpine << " 40 V" << y_ - kGap << "' class='wire'/>" << out_.str() << "</svg>\n";
    return all.str();
  }

 private:
  void box(int x, int width, int height, const char* stripe, const std::string& name, const std::string& detail, const std::string& right) {
    out_ << "<rect x='" << x << "' y='" << y_ << "' width='" << width << "' height='" << height << "' rx='6' class='card'/><rect x='" << x
         << "' y='" << y_ << "' width='3' height='" << height << "' fill='" << stripe << "'/><text x='" << x + 16 << "' y='" << y_ + 18
         << "' class='name'>" << escaped(name) << "</text><text x='" << x + 16 << "' y='" << y_ + 34 << "' class='small'>" << escaped(detail)
         << "</text><text x='" << x + width - 12 << "' y='" << y_ + 18 << "' class='small end'>" << escaped(right) << "</text>";
  }
  std::ostringstream out_;
  int y_ = 44;
};

}  // namespace

std::string planSvg(const Plan& p) {
  Drawing d;
  d.bar("embedding", std::to_string(p.vocab) + " → " + std::to_string(p.dModel));
  for (const PlanRun& run : foldPlan(p))
    for (std::size_t k = 0; k < run.length; ++k) d.block(p.blocks[run.first + k], run.times);
  d.bar("head", std::to_string(p.dModel) + " → " + std::to_string(p.vocab));
  return d.finish(p.name + "  " + p.pattern + "  " + millions(p.nonEmbeddingTotal) + " parameters, " + millions(p.nonEmbeddingActive) +
                  " active, without embedding");
}

}  // namespace serp
