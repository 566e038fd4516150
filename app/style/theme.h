// SPDX-License-Identifier: GPL-3.0-or-later
// Every colour, size and duration of the program: the one place a look is decided.
#pragma once

#include <QColor>
#include <QFont>
#include <QIcon>
#include <QObject>
#include <QString>

class QApplication;

namespace serp::app {

/// Colour tokens of product.md §4.
enum class Tone { Background, Surface, Raised, Border, Text, Muted, Accent, Experts, Attention, Dense, Danger };
enum class ThemeKind { Dark, Light };

/// Sizes in device-independent pixels.
namespace metric {
inline constexpr int kGrid = 8, kRadius = 6, kRail = 64, kTopBar = 48, kStatusBar = 24, kPanelHeader = 32, kButton = 32,
                     kSmallButton = 24, kField = 28, kBody = 13, kCaption = 11, kFigure = 16, kCode = 12;
inline constexpr int kMotionMs = 120;
}  // namespace metric

/// The current theme. GUI thread only. Widgets that paint themselves repaint on changed().
class Theme final : public QObject {
  Q_OBJECT
 public:
  static Theme& instance();
  ThemeKind kind() const { return kind_; }
  void setKind(ThemeKind kind);                      ///< re-applies palette and style sheet to the application
  void apply(QApplication& application);             ///< Fusion + palette + style sheet; once at start
  QColor color(Tone tone) const;
  QColor family(const QString& familyName) const;    ///< "mixer", "experts", "attention", "dense", "container"
  QColor curve(int index) const;                     ///< Okabe–Ito, fixed per run index; darkened twins in the light theme
  QColor expert(int index) const;                    ///< eight hues for up to eight experts
  QColor load(double u) const;                       ///< diverging map centred on 1 (blue - neutral - amber), u = load over fair share
  QColor viridis(double t) const;                    ///< 0..1
  QColor accentFill() const;                         ///< ground of the primary button
  QColor onAccent() const;                           ///< text on a filled accent
  QColor grid() const;                               ///< border mixed 50 % into surface
  static QColor mix(const QColor& base, const QColor& hue, double t);  ///< flat tint, no alpha
  QFont body() const, title() const, caption() const, figure() const, code() const;  ///< tabular figures where numbers stand
  QIcon icon(const QString& name) const;             ///< recoloured SVG from resources/icons

 Q_SIGNALS:
  void changed();

 private:
  Theme() = default;
  ThemeKind kind_ = ThemeKind::Dark;
};

}  // namespace serp::app
