// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of the gallery: name over title, pattern, total over active parameters; a heading above the first row of each folder.
#include "app/pages/design/gallery.h"

#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QScreen>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QVBoxLayout>
#include <algorithm>

#include "app/models/figures.h"
#include "app/models/presets_model.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kWidth = 760, kHeight = 592, kRow = 44, kHeading = 28, kFigures = 96, kPattern = 116;

bool beginsGroup(const QModelIndex& index) {
  return index.row() == 0 || index.siblingAtRow(index.row() - 1).data(PresetsModel::GroupRole) != index.data(PresetsModel::GroupRole);
}

class PresetRow final : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex& index) const override {
    return {kWidth - 40, kRow + (beginsGroup(index) ? kHeading : 0)};
  }
  void paint(QPainter* p, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const Theme& theme = Theme::instance();
    const QColor text = theme.color(Tone::Text), muted = theme.color(Tone::Muted);
    QRect r = option.rect;
    p->save();
    if (beginsGroup(index)) {
      p->setFont(theme.caption());
      p->setPen(muted);
      p->drawText(QRect(r.left() + 12, r.top(), r.width(), kHeading), Qt::AlignLeft | Qt::AlignVCenter, groupTitle(index.data(PresetsModel::GroupRole).toString()));
      r.setTop(r.top() + kHeading);
    }
    const bool selected = option.state & QStyle::State_Selected;
    if (selected || (option.state & QStyle::State_MouseOver)) {
      p->setPen(Qt::NoPen);
      p->setBrush(selected ? Theme::mix(theme.color(Tone::Raised), theme.color(Tone::Accent), 0.2) : Theme::mix(theme.color(Tone::Raised), text, 0.05));
      p->setRenderHint(QPainter::Antialiasing);
      p->drawRoundedRect(r.adjusted(2, 1, -2, -1), 4, 4);
    }
    const auto words = [&](const QRect& box, const QString& what, const QFont& font, const QColor& color, Qt::Alignment side) {
      p->setFont(font);
      p->setPen(color);
      p->drawText(box, side | Qt::AlignVCenter, QFontMetrics(font).elidedText(what, Qt::ElideRight, box.width()));
    };
    const QRect figures(r.right() - 12 - kFigures, r.top(), kFigures, r.height()), pattern(figures.left() - 12 - kPattern, r.top(), kPattern, r.height());
    const QRect name(r.left() + 12, r.top(), pattern.left() - 12 - r.left() - 12, r.height());
    const auto upper = [](const QRect& box) { return box.adjusted(0, 5, 0, -box.height() / 2); };
    const auto lower = [](const QRect& box) { return box.adjusted(0, box.height() / 2 - 1, 0, -5); };
    words(upper(name), index.data(PresetsModel::NameRole).toString().section(QLatin1Char('/'), -1), theme.title(), text, Qt::AlignLeft);
    words(lower(name), index.data(PresetsModel::TitleRole).toString(), theme.caption(), muted, Qt::AlignLeft);
    const QString shape = index.data(PresetsModel::PatternRole).toString();
    words(pattern, shape, theme.code(), theme.color(Tone::Attention), Qt::AlignLeft);
    if (!shape.isEmpty()) {
      words(upper(figures), QObject::tr("%1 total").arg(shortCount(index.data(PresetsModel::TotalRole).toDouble())), theme.caption(), text, Qt::AlignRight);
      words(lower(figures), QObject::tr("%1 active").arg(shortCount(index.data(PresetsModel::ActiveRole).toDouble())), theme.caption(), muted, Qt::AlignRight);
    }
    p->restore();
  }
};

/// Every typed word must occur in name, title or pattern.
class PresetFilter final : public QSortFilterProxyModel {
 public:
  using QSortFilterProxyModel::QSortFilterProxyModel;
  void setWords(const QString& text) {
    words_ = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    invalidateFilter();
  }

 protected:
  bool filterAcceptsRow(int row, const QModelIndex& parent) const override {
    const QString text = sourceModel()->index(row, 0, parent).data(PresetsModel::SearchRole).toString();
    return std::all_of(words_.begin(), words_.end(), [&](const QString& word) { return text.contains(word, Qt::CaseInsensitive); });
  }

 private:
  QStringList words_;
};

}  // namespace

Gallery::Gallery(PresetsModel* presets, QWidget* parent) : QFrame(parent, Qt::Popup), filter_(new QLineEdit), list_(new QListView) {
  setProperty("role", "popup");
  setAccessibleName(tr("Preset gallery"));
  auto* order = new PresetFilter(this);
  order->setSourceModel(presets);
  order_ = order;
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 8, 8, 8);
  column->setSpacing(8);
  filter_->setPlaceholderText(tr("Find a preset by name, title or pattern"));
  filter_->setAccessibleName(tr("Find a preset"));
  filter_->installEventFilter(this);
  column->addWidget(filter_);
  list_->setModel(order_);
  list_->setItemDelegate(new PresetRow(list_));
  list_->setFrameShape(QFrame::NoFrame);
  list_->setMouseTracking(true);
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  list_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  list_->setAccessibleName(tr("Presets"));
  list_->setFocusPolicy(Qt::NoFocus);             // the field keeps the keys and hands the arrows on
  list_->viewport()->setAutoFillBackground(false);
  column->addWidget(list_, 1);
  auto* hint = new QLabel(tr("Enter opens it; unsaved changes stay in their tab. Parameters are counted without embedding and head."));
  hint->setProperty("role", "caption");
  column->addWidget(hint);
  connect(filter_, &QLineEdit::textChanged, this, [this, order](const QString& text) {
    order->setWords(text);
    list_->doItemsLayout();                       // headings move with the first row of their group
    list_->setCurrentIndex(order_->index(0, 0));
  });
  connect(filter_, &QLineEdit::returnPressed, this, [this] { choose(list_->currentIndex()); });
  connect(list_, &QListView::clicked, this, &Gallery::choose);
  connect(presets, &PresetsModel::loaded, this, [this] { mark(current_); });
}

void Gallery::open(const QWidget* anchor, const QString& current) {
  current_ = current;
  filter_->clear();
  const QPoint at = anchor->mapToGlobal(QPoint(0, anchor->height() + 4));
  const QWidget* window = anchor->window();
  resize(kWidth, std::clamp(window->height() - 96, 240, kHeight));
  move(std::max(window->x(), std::min(at.x(), window->x() + window->width() - kWidth - 8)), at.y());
  show();
  filter_->setFocus(Qt::PopupFocusReason);
  mark(current);
}

void Gallery::mark(const QString& name) {
  QModelIndex found = order_->index(0, 0);
  for (int row = 0; row < order_->rowCount(); ++row)
    if (order_->index(row, 0).data(PresetsModel::NameRole).toString() == name) found = order_->index(row, 0);
  list_->setCurrentIndex(found);
  list_->scrollTo(found, QAbstractItemView::PositionAtCenter);
}

void Gallery::choose(const QModelIndex& index) {
  if (!index.isValid()) return;
  const QString name = index.data(PresetsModel::NameRole).toString();
  hide();
  Q_EMIT chosen(name);
}

bool Gallery::eventFilter(QObject* object, QEvent* event) {
  if (object == filter_ && event->type() == QEvent::KeyPress) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    const int by = key == Qt::Key_Down ? 1 : key == Qt::Key_Up ? -1 : key == Qt::Key_PageDown ? 8 : key == Qt::Key_PageUp ? -8 : 0;
    if (by != 0 && order_->rowCount() > 0) {
      list_->setCurrentIndex(order_->index(std::clamp(list_->currentIndex().row() + by, 0, order_->rowCount() - 1), 0));
      return true;
    }
  }
  return QFrame::eventFilter(object, event);
}

}  // namespace serp::app
