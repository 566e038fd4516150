// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of the palette: swatch of the family, name, letter in pattern strings.
#include "app/pages/design/palette.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>
#include <QStyledItemDelegate>
#include <QTreeView>
#include <QVBoxLayout>

#include "app/models/catalog_model.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

class BlockRow final : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override { return {160, 28}; }
  void paint(QPainter* p, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const Theme& theme = Theme::instance();
    const QRect r = option.rect;
    p->save();
    if (!index.parent().isValid()) {
      p->setFont(theme.caption());
      p->setPen(theme.color(Tone::Muted));
      p->drawText(r.adjusted(8, 4, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, index.data().toString());
      p->restore();
      return;
    }
    const QColor hue = index.data(Qt::DecorationRole).value<QColor>();
    if (option.state & (QStyle::State_Selected | QStyle::State_MouseOver)) {
      p->setPen(Qt::NoPen);
      p->setBrush(option.state & QStyle::State_Selected ? Theme::mix(theme.color(Tone::Surface), hue, 0.18) : theme.color(Tone::Raised));
      p->drawRoundedRect(r.adjusted(2, 1, -2, -1), 4, 4);
    }
    p->setPen(Qt::NoPen);
    p->setBrush(hue);
    p->drawRoundedRect(QRect(r.left() + 8, r.center().y() - 4, 8, 8), 2, 2);
    p->setFont(theme.body());
    p->setPen(theme.color(Tone::Text));
    const QString letter = index.data(CatalogModel::LetterRole).toString();
    const QString name = QFontMetrics(theme.body()).elidedText(index.data().toString(), Qt::ElideRight, r.width() - 24 - 24);
    p->drawText(r.adjusted(24, 0, -24, 0), Qt::AlignLeft | Qt::AlignVCenter, name);
    p->setFont(theme.code());
    p->setPen(theme.color(Tone::Muted));
    p->drawText(r.adjusted(0, 0, -8, 0), Qt::AlignRight | Qt::AlignVCenter, letter);
    p->restore();
  }
};

}  // namespace

Palette::Palette(QWidget* parent)
    : QWidget(parent), filter_(new QLineEdit), tree_(new QTreeView), help_(new QLabel), catalog_(new CatalogModel(this)), order_(new CatalogFilter(this)) {
  setMinimumWidth(160);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 8, 8, 8);
  column->setSpacing(8);
  filter_->setPlaceholderText(tr("Find a block"));
  filter_->setClearButtonEnabled(true);
  filter_->setAccessibleName(tr("Find a block"));
  filter_->installEventFilter(this);
  auto* inner = new QHBoxLayout(filter_);
  inner->setContentsMargins(0, 0, 8, 0);
  auto* key = new QLabel(QStringLiteral("/"));
  key->setProperty("role", "key");
  key->setFixedHeight(18);
  key->setAttribute(Qt::WA_TransparentForMouseEvents);
  inner->addStretch(1);
  inner->addWidget(key);
  connect(filter_, &QLineEdit::textChanged, key, [key](const QString& text) { key->setVisible(text.isEmpty()); });
  column->addWidget(filter_);

  order_->setSourceModel(catalog_);
  tree_->setModel(order_);
  tree_->setItemDelegate(new BlockRow(tree_));
  tree_->setHeaderHidden(true);
  tree_->setRootIsDecorated(false);
  tree_->setIndentation(0);
  tree_->setItemsExpandable(false);
  tree_->setMouseTracking(true);
  tree_->setDragEnabled(true);
  tree_->setDragDropMode(QAbstractItemView::DragOnly);
  tree_->setFrameShape(QFrame::NoFrame);
  tree_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  tree_->setAccessibleName(tr("Blocks"));
  tree_->expandAll();
  column->addWidget(tree_, 1);

  help_->setWordWrap(true);
  help_->setProperty("role", "caption");
  help_->setText(tr("Drag a block onto a wire or into a slot. Enter adds it below the selected one."));
  help_->setMinimumHeight(76);
  help_->setAlignment(Qt::AlignLeft | Qt::AlignTop);
  column->addWidget(help_);

  connect(filter_, &QLineEdit::textChanged, this, [this](const QString& text) {
    order_->setWords(text);
    tree_->expandAll();
    if (!text.isEmpty() && order_->rowCount() > 0) tree_->setCurrentIndex(bestMatch(text));
    if (order_->rowCount() == 0) help_->setText(tr("No block is called “%1”. Clear the field to see all.").arg(text));
  });
  connect(tree_->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& index) {
    if (!index.parent().isValid()) return;
    const QString kind = index.data(CatalogModel::KindRole).toString();
    help_->setText(index.data(Qt::ToolTipRole).toString() + QLatin1Char('\n') +
                   (kind == QLatin1String("repeat")     ? tr("Ctrl+G puts the selected blocks into one.")
                    : kind == QLatin1String("parallel") ? tr("Ctrl+Shift+G puts the selected blocks into one.")
                                                        : tr("Drag it onto a wire or into a slot; Enter adds it below the selected block.")));
  });
  const auto choose = [this](const QModelIndex& index) {
    const QString kind = index.data(CatalogModel::KindRole).toString();
    if (index.parent().isValid()) Q_EMIT blockChosen(kind);
  };
  connect(tree_, &QTreeView::activated, this, choose);
  connect(filter_, &QLineEdit::returnPressed, this, [this, choose] { choose(tree_->currentIndex()); });
}

/// A block whose name begins with the text before one that has it inside, before one whose description does.
QModelIndex Palette::bestMatch(const QString& text) const {
  QModelIndex best;
  int rank = -1;
  for (int family = 0; family < order_->rowCount(); ++family) {
    const QModelIndex parent = order_->index(family, 0);
    for (int row = 0; row < order_->rowCount(parent); ++row) {
      const QModelIndex index = order_->index(row, 0, parent);
      const QString kind = index.data(CatalogModel::KindRole).toString();
      const int here = kind.startsWith(text, Qt::CaseInsensitive) ? 2 : kind.contains(text, Qt::CaseInsensitive) ? 1 : 0;
      if (here > rank) rank = here, best = index;
    }
  }
  return best;
}

void Palette::focusFilter() {
  filter_->setFocus(Qt::ShortcutFocusReason);
  filter_->selectAll();
}

bool Palette::eventFilter(QObject* object, QEvent* event) {
  if (object == filter_ && event->type() == QEvent::KeyPress) {
    auto* key = static_cast<QKeyEvent*>(event);
    if (key->key() == Qt::Key_Down || key->key() == Qt::Key_Up) {
      tree_->setFocus(Qt::OtherFocusReason);
      if (!tree_->currentIndex().parent().isValid()) tree_->setCurrentIndex(order_->index(0, 0, order_->index(0, 0)));
      return true;
    }
    if (key->key() == Qt::Key_Escape && !filter_->text().isEmpty()) {
      filter_->clear();
      return true;
    }
  }
  return QWidget::eventFilter(object, event);
}

void Palette::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::instance();
  QPainter p(this);
  p.fillRect(rect(), theme.color(Tone::Surface));
  p.fillRect(QRect(width() - 1, 0, 1, height()), theme.color(Tone::Border));
}

}  // namespace serp::app
