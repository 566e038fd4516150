// SPDX-License-Identifier: GPL-3.0-or-later
// From cards to tree items; the words a screen reader speaks name kind, settings, repeats and faults.
#include "app/pages/design/outline.h"

#include <QHeaderView>
#include <QScrollBar>

#include "app/models/figures.h"
#include "app/style/theme.h"

namespace serp::app {

Outline::Outline(QWidget* parent) : QTreeWidget(parent) {
  setHeaderHidden(true);
  setFrameShape(QFrame::NoFrame);
  setSelectionMode(QAbstractItemView::ExtendedSelection);
  setUniformRowHeights(true);
  setIndentation(14);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setAccessibleName(tr("Outline of the design"));
  setAccessibleDescription(tr("The blocks of the canvas as a tree, in the order of execution."));
  connect(this, &QTreeWidget::itemSelectionChanged, this, [this] {
    if (quiet_) return;
    QStringList ids;
    for (const QTreeWidgetItem* item : selectedItems()) ids << item->data(0, Qt::UserRole).toString();
    if (currentItem() && currentItem()->isSelected()) {  // what keys act from comes last
      const QString id = currentItem()->data(0, Qt::UserRole).toString();
      ids.removeAll(id);
      ids << id;
    }
    Q_EMIT selectionMade(ids);
  });
}

void Outline::setLayout(const CanvasLayout& layout) {
  quiet_ = true;
  const int scrolled = verticalScrollBar()->value();
  QStringList open, chosen;
  for (auto it = items_.cbegin(); it != items_.cend(); ++it) {
    if (it.value()->isExpanded()) open << it.key();
    if (it.value()->isSelected()) chosen << it.key();
  }
  const bool first = items_.isEmpty();
  clear();
  items_.clear();
  std::vector<QTreeWidgetItem*> made;
  for (const CanvasCard& card : layout.cards) {
    auto* item = card.parent >= 0 ? new QTreeWidgetItem(made[static_cast<std::size_t>(card.parent)]) : new QTreeWidgetItem(this);
    made.push_back(item);
    items_.insert(card.id, item);
    QString text = card.caption.isEmpty() ? card.title : card.caption + QStringLiteral(": ") + card.title;
    if (card.kind == CanvasCard::Kind::Repeat) text += QStringLiteral(" × %1").arg(card.count);
    if (card.bypassed) text += tr(", bypassed");
    item->setText(0, text);
    item->setData(0, Qt::UserRole, card.id);
    item->setToolTip(0, card.detail);
    QString spoken = text + (card.detail.isEmpty() ? QString() : QStringLiteral(", ") + card.detail);
    if (card.hasShares) spoken += tr(", %1 of the active parameters").arg(percentText(card.active));
    item->setData(0, Qt::AccessibleTextRole, spoken);
    if (!card.family.isEmpty()) item->setForeground(0, Theme::instance().color(card.kind == CanvasCard::Kind::Slot && !card.filled ? Tone::Muted : Tone::Text));
  }
  for (auto it = items_.cbegin(); it != items_.cend(); ++it) {
    const bool frame = it.value()->childCount() > 0 && it.value()->text(0).startsWith(tr("Repeat"));
    it.value()->setExpanded(first ? frame : open.contains(it.key()) || frame);
    if (chosen.contains(it.key())) it.value()->setSelected(true);
  }
  verticalScrollBar()->setValue(scrolled);
  quiet_ = false;
}

void Outline::setFaults(const QHash<QString, int>& faults) {
  for (auto it = items_.cbegin(); it != items_.cend(); ++it) {
    const int count = faults.value(it.key());
    if (count > 0) it.value()->setForeground(0, Theme::instance().color(Tone::Danger));
    if (count > 0) it.value()->setData(0, Qt::AccessibleTextRole, it.value()->data(0, Qt::AccessibleTextRole).toString() + tr(", %n fault(s)", nullptr, count));
  }
}

void Outline::setSelection(const QStringList& ids) {
  quiet_ = true;
  clearSelection();
  for (const QString& id : ids)
    if (QTreeWidgetItem* item = items_.value(id)) {
      item->setSelected(true);
      setCurrentItem(item, 0, QItemSelectionModel::NoUpdate);
      if (isVisible()) scrollToItem(item);
    }
  quiet_ = false;
}

}  // namespace serp::app
