// SPDX-License-Identifier: GPL-3.0-or-later
// Both themes: the table of product.md, the palette made of it, curve and map colours, fonts and recoloured icons.
#include "app/style/theme.h"

#include <QApplication>
#include <QFile>
#include <QFontDatabase>
#include <QFontMetrics>
#include <QIconEngine>
#include <QPainter>
#include <QPalette>
#include <QStyleFactory>
#include <QSvgRenderer>
#include <algorithm>
#include <array>
#include <cmath>

#include "app/style/style_sheet.h"

/// The icons lie in this static library, where nothing else would make the linker take them. (The macro must stand outside namespaces.)
static void takeResources() { Q_INIT_RESOURCE(resources); }

namespace serp::app {
namespace {

constexpr std::array<std::array<QRgb, 2>, 11> kTones = {{
    {0xFF14171C, 0xFFF6F7F9},  // background
    {0xFF1B2027, 0xFFFFFFFF},  // surface
    {0xFF232A33, 0xFFEEF1F5},  // raised
    {0xFF313B47, 0xFFD5DBE3},  // border
    {0xFFE6EAF0, 0xFF1A2129},  // text
    {0xFF97A3B3, 0xFF5B6776},  // muted
    {0xFF4CC38A, 0xFF1F8F5F},  // accent
    {0xFFF2B84B, 0xFFA86A10},  // experts
    {0xFF5AA9E6, 0xFF2472B3},  // attention
    {0xFFA9B4C2, 0xFF5B6776},  // dense
    {0xFFF0736A, 0xFFC5403A},  // danger
}};

// Okabe and Ito's set without its black, sky blue first; a grey closes the eight. Light: the same hues at a contrast of 3:1 or more.
constexpr std::array<std::array<QRgb, 2>, 8> kCurves = {{
    {0xFF56B4E9, 0xFF2A8CC4},  // sky blue
    {0xFFE69F00, 0xFFB37A00},  // orange
    {0xFF1FB488, 0xFF00835F},  // bluish green
    {0xFFCC79A7, 0xFFB35C8E},  // reddish purple
    {0xFFE2702E, 0xFFC65600},  // vermilion
    {0xFFF0E442, 0xFF8F8600},  // yellow
    {0xFF4A93D9, 0xFF0064A0},  // blue
    {0xFFA9B4C2, 0xFF6B7785},  // grey in place of black
}};

// Stops of viridis (Smith and van der Walt, CC0), every eighth of the way.
constexpr std::array<QRgb, 9> kViridis = {0xFF440154, 0xFF472D7B, 0xFF3B528B, 0xFF2C728E, 0xFF21918C,
                                          0xFF28AE80, 0xFF5EC962, 0xFFADDC30, 0xFFFDE725};

/// Draws an SVG in the current text colour at paint time, so that icons follow a change of theme by themselves.
class ThemedIcon final : public QIconEngine {
 public:
  explicit ThemedIcon(QString name) : name_(name.section(QLatin1Char('@'), 0, 0)), onAccent_(name.endsWith(QLatin1String("@onAccent"))) {}

  void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
    QFile file(QStringLiteral(":/icons/%1.svg").arg(name_));
    if (!file.open(QIODevice::ReadOnly)) return;
    const Theme& theme = Theme::instance();
    QColor ink = onAccent_ ? theme.onAccent() : theme.color(Tone::Text);
    if (mode == QIcon::Disabled) ink = Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Muted), 0.6);
    QByteArray svg = file.readAll();
    svg.replace("currentColor", ink.name().toLatin1());
    // Wider than high: the rest is room between the sign and the words beside it.
    const int side = std::min(rect.width(), rect.height());
    QSvgRenderer(svg).render(painter, QRectF(rect.x(), rect.y() + (rect.height() - side) / 2.0, side, side));
  }
  QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
    QPixmap out(size);
    out.fill(Qt::transparent);
    QPainter painter(&out);
    paint(&painter, QRect(QPoint(), size), mode, state);
    return out;
  }
  QIconEngine* clone() const override { return new ThemedIcon(onAccent_ ? name_ + QStringLiteral("@onAccent") : name_); }

 private:
  QString name_;
  bool onAccent_;                                    ///< "play@onAccent" stands on the filled accent
};

QPalette paletteOf(const Theme& theme) {
  QPalette p;
  const QColor disabled = Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Muted), 0.6);
  p.setColor(QPalette::Window, theme.color(Tone::Background));
  p.setColor(QPalette::WindowText, theme.color(Tone::Text));
  p.setColor(QPalette::Base, theme.color(Tone::Surface));
  p.setColor(QPalette::AlternateBase, theme.color(Tone::Raised));
  p.setColor(QPalette::Text, theme.color(Tone::Text));
  p.setColor(QPalette::PlaceholderText, theme.color(Tone::Muted));
  p.setColor(QPalette::Button, theme.color(Tone::Raised));
  p.setColor(QPalette::ButtonText, theme.color(Tone::Text));
  p.setColor(QPalette::BrightText, theme.color(Tone::Danger));
  p.setColor(QPalette::ToolTipBase, theme.color(Tone::Raised));
  p.setColor(QPalette::ToolTipText, theme.color(Tone::Text));
  p.setColor(QPalette::Highlight, Theme::mix(theme.color(Tone::Surface), theme.color(Tone::Attention), 0.35));
  p.setColor(QPalette::HighlightedText, theme.color(Tone::Text));
  p.setColor(QPalette::Link, theme.color(Tone::Attention));
  p.setColor(QPalette::Mid, theme.color(Tone::Border));
  p.setColor(QPalette::Dark, theme.color(Tone::Border));
  p.setColor(QPalette::Light, theme.color(Tone::Raised));
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    p.setColor(QPalette::Disabled, role, disabled);
  return p;
}

QFont sized(int pixels, QFont::Weight weight) {
  QFont font = QApplication::font();
  font.setPixelSize(pixels);
  font.setWeight(weight);
  return font;
}

/// The font itself if its digits share one width, else the fixed font: numbers that change must not dance.
QFont tabular(const QFont& font) {
  const QFontMetrics metrics(font);
  for (char c = '1'; c <= '9'; ++c)
    if (metrics.horizontalAdvance(QLatin1Char(c)) != metrics.horizontalAdvance(QLatin1Char('0'))) {
      QFont fixed = QFontDatabase::systemFont(QFontDatabase::FixedFont);
      fixed.setPixelSize(font.pixelSize());
      fixed.setWeight(font.weight());
      return fixed;
    }
  return font;
}

}  // namespace

Theme& Theme::instance() {
  static Theme theme;
  return theme;
}

void Theme::setKind(ThemeKind kind) {
  if (kind_ == kind) return;
  kind_ = kind;
  if (auto* application = qobject_cast<QApplication*>(QCoreApplication::instance())) apply(*application);
  Q_EMIT changed();
}

void Theme::apply(QApplication& application) {
  takeResources();
  application.setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  QFont font = application.font();
  font.setPixelSize(metric::kBody);
  application.setFont(font);
  application.setPalette(paletteOf(*this));
  application.setStyleSheet(styleSheetText(*this));
}

QColor Theme::color(Tone tone) const { return kTones[static_cast<std::size_t>(tone)][kind_ == ThemeKind::Dark ? 0 : 1]; }

QColor Theme::family(const QString& name) const {
  if (name == QLatin1String("mixer")) return color(Tone::Accent);
  if (name == QLatin1String("experts")) return color(Tone::Experts);
  if (name == QLatin1String("attention")) return color(Tone::Attention);
  if (name == QLatin1String("container")) return color(Tone::Muted);
  return color(Tone::Dense);
}

QColor Theme::curve(int index) const {
  const auto n = static_cast<int>(kCurves.size());
  return kCurves[static_cast<std::size_t>(((index % n) + n) % n)][kind_ == ThemeKind::Dark ? 0 : 1];
}

QColor Theme::expert(int index) const { return curve(index); }

QColor Theme::load(double u) const {
  if (!std::isfinite(u)) return color(Tone::Background);
  const double t = std::clamp(u - 1.0, -1.0, 0.8) / (u > 1 ? 0.8 : 1.0);
  return t < 0 ? mix(color(Tone::Raised), color(Tone::Attention), -t) : mix(color(Tone::Raised), color(Tone::Experts), t);
}

QColor Theme::viridis(double t) const {
  if (!std::isfinite(t)) return color(Tone::Background);
  const double at = std::clamp(t, 0.0, 1.0) * (kViridis.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(at), kViridis.size() - 2);
  return mix(QColor(kViridis[i]), QColor(kViridis[i + 1]), at - static_cast<double>(i));
}

QColor Theme::accentFill() const {
  // White on the light theme's accent is 4.1:1; a little darker makes it readable.
  return kind_ == ThemeKind::Dark ? color(Tone::Accent) : mix(color(Tone::Accent), color(Tone::Text), 0.12);
}

QColor Theme::onAccent() const { return kind_ == ThemeKind::Dark ? color(Tone::Background) : color(Tone::Surface); }

QColor Theme::grid() const { return mix(color(Tone::Surface), color(Tone::Border), 0.5); }

QColor Theme::mix(const QColor& base, const QColor& hue, double t) {
  const auto blend = [t](int a, int b) { return static_cast<int>(std::lround(a + (b - a) * t)); };
  return QColor(blend(base.red(), hue.red()), blend(base.green(), hue.green()), blend(base.blue(), hue.blue()));
}

QFont Theme::body() const { return tabular(sized(metric::kBody, QFont::Normal)); }
QFont Theme::title() const { return sized(metric::kBody, QFont::DemiBold); }
QFont Theme::caption() const { return tabular(sized(metric::kCaption, QFont::Normal)); }
QFont Theme::figure() const { return tabular(sized(metric::kFigure, QFont::DemiBold)); }
QFont Theme::code() const {
  QFont font = QFontDatabase::systemFont(QFontDatabase::FixedFont);
  font.setPixelSize(metric::kCode);
  return font;
}

QIcon Theme::icon(const QString& name) const { return QIcon(new ThemedIcon(name)); }

}  // namespace serp::app
