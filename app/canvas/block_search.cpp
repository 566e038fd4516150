// SPDX-License-Identifier: GPL-3.0-or-later
// The catalogue by name, letter and summary; containers only where they fit.
#include "app/canvas/block_search.h"

#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "app/style/theme.h"
#include "app/widgets/command_palette.h"
#include "engine/api/catalog.h"

namespace serp::app {

BlockSearch::BlockSearch(QWidget* canvas) : QFrame(canvas), field_(new QLineEdit), list_(new QListWidget), where_(new QLabel) {
  setProperty("role", "panel");
  setFixedSize(320, 268);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 8, 8, 8);
  column->setSpacing(6);
  field_->setPlaceholderText(tr("Name of a block"));
  field_->setAccessibleName(tr("Name of a block to add"));
  list_->setAccessibleName(tr("Blocks that fit here"));
  list_->setFrameShape(QFrame::NoFrame);
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  where_->setProperty("role", "caption");
  column->addWidget(field_);
  column->addWidget(list_, 1);
  column->addWidget(where_);
  field_->installEventFilter(this);
  connect(field_, &QLineEdit::textChanged, this, &BlockSearch::filter);
  connect(list_, &QListWidget::itemClicked, this, &BlockSearch::take);
  hide();
}

void BlockSearch::open(const DropTarget& target, const QString& words, const QString& where) {
  target_ = target;
  where_->setText(where);
  field_->setText(words);
  filter();
  move(std::max(8, (parentWidget()->width() - width()) / 2), std::max(8, parentWidget()->height() / 6));
  show();
  raise();
  field_->setFocus(Qt::ShortcutFocusReason);
  field_->setCursorPosition(static_cast<int>(words.size()));
}

void BlockSearch::filter() {
  list_->clear();
  std::vector<std::pair<int, const BlockInfo*>> found;
  for (const BlockInfo& info : blockCatalog()) {
    if (info.family == Family::Container && (target_.isSlot() || target_.branch)) continue;
    const QString kind = QString::fromStdString(info.kind), typed = field_->text().trimmed();
    int score = typed.isEmpty() ? 1 : fuzzyScore(typed, kind) * 4;
    if (score < 0) score = fuzzyScore(typed, QString::fromStdString(info.summary)) >= 0 && typed.size() > 2 ? 1 : -1;
    if (kind.startsWith(typed, Qt::CaseInsensitive)) score += 1000;
    if (info.letter != 0 && typed == QLatin1String(&info.letter, 1)) score += 2000;
    if (score >= 0) found.emplace_back(score, &info);
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [score, info] : found) {
    QPixmap swatch(8, 8);
    swatch.fill(Theme::instance().family(QString::fromLatin1(familyName(info->family))));
    auto* item = new QListWidgetItem(QIcon(swatch), QString::fromStdString(info->kind), list_);
    item->setToolTip(QString::fromStdString(info->summary));
    item->setSizeHint({0, 26});
  }
  if (list_->count() > 0) list_->setCurrentRow(0);
  else new QListWidgetItem(tr("No block is called “%1”").arg(field_->text()), list_);
}

void BlockSearch::take() {
  const QListWidgetItem* item = list_->currentItem();
  if (!item || !findBlock(item->text().toStdString())) return;
  const QString kind = item->text();
  hide();
  parentWidget()->setFocus(Qt::OtherFocusReason);
  Q_EMIT chosen(kind);
}

bool BlockSearch::eventFilter(QObject* object, QEvent* event) {
  if (object == field_ && event->type() == QEvent::KeyPress) {
    auto* key = static_cast<QKeyEvent*>(event);
    switch (key->key()) {
      case Qt::Key_Down: list_->setCurrentRow(std::min(list_->count() - 1, list_->currentRow() + 1)); return true;
      case Qt::Key_Up: list_->setCurrentRow(std::max(0, list_->currentRow() - 1)); return true;
      case Qt::Key_Return:
      case Qt::Key_Enter: take(); return true;
      case Qt::Key_Escape:
        hide();
        parentWidget()->setFocus(Qt::OtherFocusReason);
        return true;
      default: break;
    }
  }
  if (object == field_ && event->type() == QEvent::FocusOut && !list_->hasFocus() && static_cast<QFocusEvent*>(event)->reason() != Qt::PopupFocusReason &&
      static_cast<QFocusEvent*>(event)->reason() != Qt::ActiveWindowFocusReason && !underMouse())
    hide();
  return QFrame::eventFilter(object, event);
}

}  // namespace serp::app
