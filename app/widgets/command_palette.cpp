// SPDX-License-Identifier: GPL-3.0-or-later
// Type a few letters, Enter runs what fits best.
#include "app/widgets/command_palette.h"

#include <QApplication>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QVBoxLayout>
#include <algorithm>

#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kCategory = Qt::UserRole + 1, kHint = Qt::UserRole + 2, kRow = 28;

/// category | text | hint at the right, in one painted row.
class EntryDelegate final : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override { return {100, kRow}; }
  void paint(QPainter* p, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const Theme& theme = Theme::instance();
    const QRect r = option.rect;
    p->save();
    if (option.state & QStyle::State_Selected) {
      p->setPen(Qt::NoPen);
      p->setBrush(Theme::mix(theme.color(Tone::Raised), theme.color(Tone::Attention), 0.3));
      p->setRenderHint(QPainter::Antialiasing);
      p->drawRoundedRect(r, 4, 4);
    }
    const bool enabled = option.state & QStyle::State_Enabled;
    const auto piece = [&](const QRect& box, const QString& text, const QFont& font, Tone tone, Qt::Alignment align) {
      p->setFont(font);
      p->setPen(enabled ? theme.color(tone) : Theme::mix(theme.color(Tone::Raised), theme.color(Tone::Muted), 0.6));
      p->drawText(box, align | Qt::AlignVCenter, QFontMetrics(font).elidedText(text, Qt::ElideRight, box.width()));
    };
    const QString hint = index.data(kHint).toString(), text = index.data(Qt::DisplayRole).toString();
    const int textLeft = r.left() + 84, textWidth = QFontMetrics(theme.body()).horizontalAdvance(text) + 4;
    piece({r.left() + 8, r.top(), 72, r.height()}, index.data(kCategory).toString(), theme.caption(), Tone::Muted, Qt::AlignLeft);
    piece({textLeft, r.top(), std::min(textWidth, r.right() - textLeft - 8), r.height()}, text, theme.body(), Tone::Text, Qt::AlignLeft);
    const int hintLeft = textLeft + textWidth + 16;
    if (hintLeft < r.right() - 40) piece({hintLeft, r.top(), r.right() - hintLeft - 8, r.height()}, hint, theme.caption(), Tone::Muted, Qt::AlignRight);
    p->restore();
  }
};

}  // namespace

int fuzzyScore(const QString& pattern, const QString& text) {
  int score = 0, at = 0, run = 0;
  for (const QChar c : pattern) {
    if (c.isSpace()) {
      run = 0;
      continue;
    }
    int found = -1;
    // A letter at the start of a word is worth a jump; else the next occurrence.
    for (int i = at; i < text.size(); ++i) {
      if (text[i].toLower() != c.toLower()) continue;
      const bool wordStart = i == 0 || !text[i - 1].isLetterOrNumber();
      if (i == at && run > 0) { found = i; break; }
      if (wordStart) { found = i; break; }
      if (found < 0) found = i;
    }
    if (found < 0) return -1;
    const bool wordStart = found == 0 || !text[found - 1].isLetterOrNumber();
    run = found == at && at > 0 ? run + 1 : 1;
    score += 1 + (wordStart ? 8 : 0) + (run > 1 ? 4 : 0);
    at = found + 1;
  }
  return score * 100 / std::max(1, static_cast<int>(text.size()) + 20);
}

CommandPalette::CommandPalette(ActionRegistry& actions, QWidget* window)
    : QFrame(window), actions_(actions), field_(new QLineEdit), list_(new QListWidget) {
  setProperty("role", "popup");
  setAccessibleName(tr("Command palette"));
  field_->setPlaceholderText(tr("Actions, presets, runs"));
  field_->setAccessibleName(tr("Filter"));
  list_->setAccessibleName(tr("Commands"));
  list_->setUniformItemSizes(true);
  list_->setItemDelegate(new EntryDelegate(list_));
  list_->setFocusPolicy(Qt::NoFocus);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 8, 8, 8);
  column->addWidget(field_);
  column->addWidget(list_);
  field_->installEventFilter(this);
  connect(field_, &QLineEdit::textChanged, this, &CommandPalette::filter);
  connect(list_, &QListWidget::itemClicked, this, &CommandPalette::runCurrent);
  hide();
}

void CommandPalette::open() {
  entries_ = actions_.entries();
  const QSize room = parentWidget()->size();
  const int width = std::min(560, room.width() - 40);
  setGeometry((room.width() - width) / 2, 56, width, std::min(400, room.height() - 100));
  field_->clear();
  filter();
  show();
  raise();
  field_->setFocus(Qt::PopupFocusReason);
}

void CommandPalette::filter() {
  const QString pattern = field_->text().trimmed();
  struct Hit { int score; std::size_t index; };
  std::vector<Hit> hits;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].text.isEmpty()) continue;
    const int score = pattern.isEmpty() ? 0 : std::max(fuzzyScore(pattern, entries_[i].text),
                                                       fuzzyScore(pattern, entries_[i].category + QLatin1Char(' ') + entries_[i].text));
    if (score >= 0) hits.push_back({score, i});
  }
  std::stable_sort(hits.begin(), hits.end(), [](const Hit& a, const Hit& b) { return a.score > b.score; });
  if (hits.size() > 200) hits.resize(200);
  list_->clear();
  for (const Hit& hit : hits) {
    const PaletteEntry& entry = entries_[hit.index];
    auto* item = new QListWidgetItem(entry.text);
    item->setData(Qt::UserRole, static_cast<qulonglong>(hit.index));
    item->setData(kCategory, entry.category);
    item->setData(kHint, entry.hint);
    item->setData(Qt::AccessibleTextRole, QStringLiteral("%1: %2 %3").arg(entry.category, entry.text, entry.hint));
    if (!entry.enabled) item->setFlags(item->flags() & ~Qt::ItemIsEnabled);
    list_->addItem(item);
  }
  list_->setCurrentRow(0);
}

void CommandPalette::runCurrent() {
  QListWidgetItem* item = list_->currentItem();
  if (!item || !(item->flags() & Qt::ItemIsEnabled)) return;
  const auto run = entries_[static_cast<std::size_t>(item->data(Qt::UserRole).toULongLong())].run;
  hide();
  parentWidget()->setFocus();
  if (run) run();
}

bool CommandPalette::eventFilter(QObject* object, QEvent* event) {
  if (event->type() == QEvent::FocusOut && !isAncestorOf(QApplication::focusWidget())) hide();
  if (event->type() != QEvent::KeyPress) return QFrame::eventFilter(object, event);
  switch (static_cast<QKeyEvent*>(event)->key()) {
    case Qt::Key_Escape: hide(); parentWidget()->setFocus(); return true;
    case Qt::Key_Return: case Qt::Key_Enter: runCurrent(); return true;
    case Qt::Key_Down: list_->setCurrentRow(std::min(list_->currentRow() + 1, list_->count() - 1)); return true;
    case Qt::Key_Up: list_->setCurrentRow(std::max(list_->currentRow() - 1, 0)); return true;
    default: return QFrame::eventFilter(object, event);
  }
}

}  // namespace serp::app
