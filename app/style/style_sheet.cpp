// SPDX-License-Identifier: GPL-3.0-or-later
// The style sheet of the program, with the theme's colours filled in.
#include "app/style/style_sheet.h"

#include <QHash>

#include "app/style/theme.h"

namespace serp::app {
namespace {

// @name@ stands for a colour; sizes are those of theme.h.
constexpr const char* kSheet = R"(
QWidget { color: @text@; }
QMainWindow, QDialog, *[role="page"] { background: @background@; }
QFrame[role="panel"] { background: @surface@; border: 1px solid @border@; border-radius: 6px; }
QWidget[role="panel-header"] { background: transparent; border: none; border-bottom: 1px solid @border@; }
QWidget[role="topbar"] { background: @surface@; border-bottom: 1px solid @border@; }
QWidget[role="rail"] { background: @surface@; border-right: 1px solid @border@; }
QLabel { background: transparent; }
QLabel[role="title"] { font-weight: 600; }
QLabel[role="caption"] { font-size: 11px; color: @muted@; }
QLabel[role="muted"] { color: @muted@; }
QLabel[role="code-muted"] { color: @muted@; }
QFrame[tone="accent"] { border-color: @accent@; }
QPushButton[big="true"] { font-size: 20px; }
QPushButton[big="true"] > QLabel[role="key"] { font-size: 13px; padding: 0 8px; }
QLabel[role="danger"] { color: @danger@; }
QLabel[role="figure"] { font-size: 16px; font-weight: 600; }
QLabel[role="headline"] { font-size: 20px; font-weight: 600; }
QPushButton[role="primary"] > QLabel[role="key"] { color: @onAccent@; border-color: @onAccent@; }
QLabel[role="key"] { font-size: 11px; color: @muted@; border: 1px solid @border@; border-radius: 4px; padding: 0 4px; }
QLabel[role^="tag-"] { font-size: 11px; border-radius: 4px; padding: 0 4px; max-height: 16px; min-height: 16px; }
QLabel[role="tag-live"] { color: @accent@; border: 1px solid @accent@; }
QLabel[role="tag-next"] { color: @attention@; border: 1px solid @attention@; }
QLabel[role="tag-recorded"] { color: @experts@; border: 1px solid @experts@; }
QLabel[role="tag-fault"] { color: @danger@; border: 1px solid @danger@; }

QPushButton { background: @raised@; border: 1px solid @border@; border-radius: 6px; padding: 0 12px; min-height: 30px; }
QPushButton:hover { border-color: @muted@; }
QPushButton:pressed { background: @border@; }
QPushButton:checked { background: @raised@; border-color: @accent@; }
QPushButton:disabled { color: @disabled@; }
QPushButton:focus { border-color: @attention@; }
QPushButton[small="true"] { min-height: 22px; padding: 0 8px; font-size: 12px; }
QPushButton[role="primary"] { background: @accentFill@; border-color: @accentFill@; color: @onAccent@; font-weight: 600; }
QPushButton[role="primary"]:hover { background: @accentHover@; }
QPushButton[role="primary"]:focus { border-color: @text@; }
QPushButton[role="primary"]:disabled { background: @raised@; border-color: @border@; color: @disabled@; }
QPushButton[role="ghost"] { background: transparent; border-color: transparent; color: @muted@; }
QPushButton[role="ghost"]:hover { border-color: @border@; color: @text@; }
QPushButton[role="ghost"]:focus { border-color: @attention@; }
QPushButton[role="ghost"]:disabled { color: @disabled@; }
QPushButton[role="segment"] { background: @surface@; border: 1px solid @border@; border-radius: 0; padding: 0 8px; min-height: 22px;
  font-size: 12px; color: @muted@; }
QPushButton[role="segment"]:checked { background: @raised@; color: @text@; font-weight: 600; }
QPushButton[role="segment"]:focus { border-color: @attention@; }
QPushButton[role="segment"][first="true"] { border-top-left-radius: 6px; border-bottom-left-radius: 6px; }
QPushButton[role="segment"][last="true"] { border-top-right-radius: 6px; border-bottom-right-radius: 6px; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 6px; padding: 2px; }
QToolButton:hover { border-color: @border@; }
QToolButton:checked { background: @raised@; border-color: @border@; }
QToolButton:focus { border-color: @attention@; }
QToolButton[role="rail-item"] { font-size: 11px; color: @muted@; border: none; border-radius: 0; border-left: 3px solid transparent;
  padding: 6px 3px 4px 0; }
QToolButton[role="rail-item"]:hover { background: @background@; color: @text@; }
QToolButton[role="rail-item"]:checked { background: @raised@; color: @text@; border-left: 3px solid @accent@; }
QToolButton[role="rail-item"]:focus { color: @text@; background: @raised@; }

QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit, QTextEdit { background: @background@; border: 1px solid @border@;
  border-radius: 6px; padding: 0 8px; min-height: 26px; selection-background-color: @selection@; selection-color: @text@; }
QPlainTextEdit, QTextEdit { padding: 4px; }
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus, QTextEdit:focus {
  border-color: @attention@; }
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled { color: @disabled@; }
QLineEdit[small="true"], QSpinBox[small="true"], QDoubleSpinBox[small="true"], QComboBox[small="true"] { min-height: 22px; }
QComboBox::drop-down { border: none; width: 18px; }
QComboBox::down-arrow { image: url(:/icons/chevron.svg); width: 12px; height: 12px; margin-right: 8px; }
QComboBox QAbstractItemView { background: @raised@; border: 1px solid @border@; selection-background-color: @selection@; }
QMenu { background: @raised@; border: 1px solid @border@; padding: 4px; }
QMenu::item { padding: 4px 24px 4px 12px; border-radius: 4px; }
QMenu::item:selected { background: @selection@; }
QMenu::item:disabled { color: @disabled@; }
QMenu::separator { height: 1px; background: @border@; margin: 4px 8px; }
QToolTip { background: @raised@; color: @text@; border: 1px solid @border@; padding: 4px 6px; }
QStatusBar { background: @surface@; border-top: 1px solid @border@; font-size: 11px; color: @muted@; }
QStatusBar QLabel { font-size: 11px; color: @muted@; padding: 0 8px; }
QStatusBar::item { border: none; }
QAbstractItemView { background: @surface@; border: none; alternate-background-color: @surface@; outline: none;
  selection-background-color: @selection@; selection-color: @text@; }
QHeaderView { background: @surface@; }
QHeaderView::section { background: @surface@; color: @muted@; border: none; border-bottom: 1px solid @border@; padding: 0 8px;
  font-size: 11px; }
QTabBar::tab { background: transparent; color: @muted@; padding: 5px 12px; border: none; border-bottom: 2px solid transparent; }
QTabBar::tab:selected { color: @text@; border-bottom: 2px solid @accent@; }
QTabBar::tab:hover { color: @text@; }
QTabBar[role="open-tabs"] { background: @background@; border-bottom: 1px solid @border@; }
QTabBar[role="open-tabs"]::tab { height: 31px; min-width: 90px; max-width: 260px; padding: 0 8px; border-right: 1px solid @border@;
  border-bottom: none; border-top: 2px solid transparent; }
QTabBar[role="open-tabs"]::tab:selected { background: @surface@; border-bottom: none; border-top: 2px solid @accent@; }
QTabWidget::pane { border: none; }
QSplitter::handle { background: transparent; }
QScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @border@; border-radius: 3px; margin: 2px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: @muted@; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar { background: @border@; border: none; border-radius: 2px; max-height: 4px; text-align: center; }
QProgressBar::chunk { background: @accent@; border-radius: 2px; }
QSlider::groove:horizontal { background: @border@; height: 4px; border-radius: 2px; }
QSlider::sub-page:horizontal { background: @accent@; height: 4px; border-radius: 2px; }
QSlider::handle:horizontal { background: @text@; width: 11px; height: 11px; margin: -4px 0; border-radius: 5px; }
QSlider::handle:horizontal:focus { background: @attention@; }
QSlider::sub-page:horizontal:disabled { background: @border@; }
QSlider::handle:horizontal:disabled { background: @muted@; }
QCheckBox { spacing: 8px; background: transparent; }
QFrame[role="toast"] { background: @raised@; border: 1px solid @border@; border-radius: 6px; }
QFrame[role="separator"] { background: @border@; border: none; }
QFrame[role="popup"] { background: @raised@; border: 1px solid @muted@; border-radius: 6px; }
)";

}  // namespace

QString styleSheetText(const Theme& theme) {
  const QColor surface = theme.color(Tone::Surface), accent = theme.color(Tone::Accent);
  const QHash<QString, QColor> names = {
      {"background", theme.color(Tone::Background)}, {"surface", surface},
      {"raised", theme.color(Tone::Raised)},         {"border", theme.color(Tone::Border)},
      {"text", theme.color(Tone::Text)},             {"muted", theme.color(Tone::Muted)},
      {"accent", accent},                            {"experts", theme.color(Tone::Experts)},
      {"attention", theme.color(Tone::Attention)},   {"danger", theme.color(Tone::Danger)},
      {"disabled", Theme::mix(surface, theme.color(Tone::Muted), 0.6)},
      {"accentHover", Theme::mix(accent, theme.color(Tone::Text), 0.15)},
      {"selection", Theme::mix(surface, theme.color(Tone::Attention), 0.3)},
      {"onAccent", theme.onAccent()},
      {"accentFill", theme.accentFill()},
  };
  QString sheet = QString::fromLatin1(kSheet);
  for (auto it = names.begin(); it != names.end(); ++it) sheet.replace('@' + it.key() + '@', it.value().name());
  return sheet;
}

}  // namespace serp::app
