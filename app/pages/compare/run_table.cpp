// SPDX-License-Identifier: GPL-3.0-or-later
// Filtering, drawing and keys of the run table.
#include "app/pages/compare/run_table.h"

#include <QContextMenuEvent>
#include <QHeaderView>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QRegularExpression>

#include "app/models/runs_model.h"
#include "app/style/theme.h"

namespace serp::app {

RunFilter::RunFilter(QObject* parent) : QSortFilterProxyModel(parent) {
  setSortRole(RunsModel::SortRole);
  setSortCaseSensitivity(Qt::CaseInsensitive);
}

void RunFilter::setWords(const QString& text) {
  words_ = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
  invalidateFilter();
}

QVariant RunFilter::headerData(int section, Qt::Orientation orientation, int role) const {
  const QVariant plain = QSortFilterProxyModel::headerData(section, orientation, role);
  if (orientation != Qt::Horizontal || section != sortColumn()) return plain;
  if (role == Qt::ForegroundRole) return Theme::instance().color(Tone::Text);
  return role == Qt::DisplayRole && section != RunsModel::Eye ? QVariant(plain.toString() + (sortOrder() == Qt::AscendingOrder ? QStringLiteral(" ↑") : QStringLiteral(" ↓"))) : plain;
}

bool RunFilter::filterAcceptsRow(int row, const QModelIndex& parent) const {
  static const QRegularExpression compare(QStringLiteral("^(steps|tokens|active|total|best|last)([<>=])([0-9.eE+-]+)$"));
  const auto cell = [&](int column) { return sourceModel()->index(row, column, parent); };
  for (const QString& word : words_) {
    const auto match = compare.match(word);
    if (match.hasMatch()) {
      const QStringList names{QStringLiteral("steps"), QStringLiteral("tokens"), QStringLiteral("active"), QStringLiteral("total"), QStringLiteral("best"), QStringLiteral("last")};
      const int columns[] = {RunsModel::Steps, RunsModel::Tokens, RunsModel::Active, RunsModel::Total, RunsModel::Best, RunsModel::Last};
      const double value = cell(columns[names.indexOf(match.captured(1))]).data(RunsModel::SortRole).toDouble(), limit = match.captured(3).toDouble();
      const QString sign = match.captured(2);
      if (sign == QLatin1String("<") ? value < limit : sign == QLatin1String(">") ? value > limit : value == limit) continue;
      return false;
    }
    QString text;
    for (const int column : {RunsModel::Name, RunsModel::Pattern, RunsModel::Status}) text += cell(column).data().toString() + QLatin1Char(' ');
    if (!text.contains(word, Qt::CaseInsensitive)) return false;
  }
  return true;
}

void RunCells::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  const Theme& theme = Theme::instance();
  const bool selected = option.state & QStyle::State_Selected;
  const QRect cell = option.rect;
  painter->save();
  painter->fillRect(cell, selected ? theme.color(Tone::Raised) : theme.color(Tone::Surface));
  painter->fillRect(QRect(cell.left(), cell.bottom(), cell.width(), 1), theme.grid());
  if (index.column() == RunsModel::Eye) {
    if (selected) painter->fillRect(QRect(cell.left(), cell.top(), 3, cell.height()), theme.color(Tone::Accent));
    const bool on = index.data(Qt::CheckStateRole).toInt() == Qt::Checked;
    theme.icon(on ? QStringLiteral("eye") : QStringLiteral("eye_off")).paint(painter, QRect(cell.center() - QPoint(6, 8), QSize(16, 16)), Qt::AlignCenter, on ? QIcon::Normal : QIcon::Disabled);
    painter->restore();
    return;
  }
  QRect room = cell.adjusted(8, 0, -8, 0);
  if (index.column() == RunsModel::Name) {
    // A chip of the run's colour, then the name; the decoration of the base class would be a large square.
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(Qt::NoPen);
    painter->setBrush(index.data(RunsModel::ColourRole).value<QColor>());
    const QRectF chip(cell.left() + 4, cell.center().y() - 4, 9, 9);
    painter->drawRoundedRect(chip, 2, 2);
    if (index.data(RunsModel::SecondUseRole).toBool()) painter->fillRect(QRectF(chip.center().x() - 1, chip.top(), 2, 9), selected ? theme.color(Tone::Raised) : theme.color(Tone::Surface));
    room.setLeft(cell.left() + 22);
  }
  const QVariant font = index.data(Qt::FontRole), tone = index.data(Qt::ForegroundRole);
  QFont face = font.isValid() ? font.value<QFont>() : option.font;
  if (selected && index.column() == RunsModel::Name) face.setWeight(QFont::DemiBold);
  painter->setFont(face);
  painter->setPen(tone.isValid() ? tone.value<QColor>() : theme.color(Tone::Text));
  const int align = index.data(Qt::TextAlignmentRole).toInt();
  painter->drawText(room, align, QFontMetrics(face).elidedText(index.data().toString(), Qt::ElideRight, room.width()));
  if (option.state & QStyle::State_HasFocus) {
    painter->setRenderHint(QPainter::Antialiasing, false);
    painter->setPen(theme.color(Tone::Attention));
    painter->setBrush(Qt::NoBrush);
    painter->drawRect(cell.adjusted(0, 0, -1, -2));
  }
  painter->restore();
}

QWidget* RunCells::createEditor(QWidget* parent, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  QWidget* editor = QStyledItemDelegate::createEditor(parent, option, index);
  if (editor) {
    editor->setProperty("small", true);
    editor->setAccessibleName(tr("New name of the run"));
  }
  return editor;
}

void RunCells::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex&) const {
  editor->setGeometry(option.rect.adjusted(14, 1, 0, -1));
}

bool RunCells::editorEvent(QEvent* event, QAbstractItemModel* model, const QStyleOptionViewItem&, const QModelIndex& index) {
  if (index.column() != RunsModel::Eye) return false;
  const bool click = event->type() == QEvent::MouseButtonRelease && static_cast<QMouseEvent*>(event)->button() == Qt::LeftButton;
  const bool key = event->type() == QEvent::KeyPress && static_cast<QKeyEvent*>(event)->key() == Qt::Key_Space;
  if (!click && !key) return false;
  return model->setData(index, index.data(Qt::CheckStateRole).toInt() == Qt::Checked ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole);
}

RunTable::RunTable(QWidget* parent) : QTableView(parent) {
  setItemDelegate(new RunCells(this));
  setSelectionBehavior(QAbstractItemView::SelectRows);
  setSelectionMode(QAbstractItemView::ExtendedSelection);
  setEditTriggers(QAbstractItemView::EditKeyPressed);
  setShowGrid(false);
  setSortingEnabled(true);
  setWordWrap(false);
  setTabKeyNavigation(false);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  verticalHeader()->hide();
  verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
  verticalHeader()->setDefaultSectionSize(28);
  horizontalHeader()->setHighlightSections(false);
  // The style draws its arrow over right-aligned titles; the filter writes one behind them instead.
  horizontalHeader()->setStyleSheet(QStringLiteral("QHeaderView::up-arrow, QHeaderView::down-arrow { image: none; width: 0; height: 0; }"));
  horizontalHeader()->setMinimumSectionSize(28);
  horizontalHeader()->setFixedHeight(26);
  horizontalHeader()->setContextMenuPolicy(Qt::CustomContextMenu);
  horizontalHeader()->setToolTip(tr("A click sorts, a right click chooses columns"));
  connect(horizontalHeader(), &QHeaderView::customContextMenuRequested, this, [this](QPoint at) { chooseColumns(horizontalHeader()->mapToGlobal(at)); });
  connect(this, &QTableView::doubleClicked, this, [this](const QModelIndex& index) {
    if (index.column() != RunsModel::Eye) Q_EMIT openWanted(index.data(RunsModel::IdRole).toString());
  });
  setAccessibleName(tr("Runs"));
}

void RunTable::resizeEvent(QResizeEvent* event) {
  QTableView::resizeEvent(event);
  fitColumns();
}

void RunTable::setColumnWanted(int column, bool wanted) {
  wanted_[column] = wanted;
  fitColumns();
}

void RunTable::fitColumns() {
  if (!model() || model()->columnCount() < RunsModel::kColumns) return;
  const int widths[] = {40, 0, 96, 104, 76, 76, 72, 80, 84, 72, 72, 136, 108};
  static_assert(std::size(widths) == RunsModel::kColumns);
  const int drop[] = {RunsModel::Steps, RunsModel::Total, RunsModel::Best, RunsModel::Pattern, RunsModel::Speed, RunsModel::Status};
  int needed = 190;
  for (int c = 0; c < RunsModel::kColumns; ++c)
    if (wanted_.value(c, true)) needed += widths[c];
  QHash<int, bool> hidden;
  for (const int c : drop) {
    if (wanted_.contains(c)) continue;             // chosen by hand: stays
    hidden[c] = needed > viewport()->width();
    if (hidden[c]) needed -= widths[c];
  }
  QHeaderView* header = horizontalHeader();
  for (int c = 0; c < RunsModel::kColumns; ++c) {
    setColumnHidden(c, wanted_.contains(c) ? !wanted_[c] : hidden.value(c, false));
    header->setSectionResizeMode(c, c == RunsModel::Name ? QHeaderView::Stretch : QHeaderView::Interactive);
    if (c != RunsModel::Name) header->resizeSection(c, widths[c]);
  }
}

void RunTable::chooseColumns(QPoint at) {
  QMenu menu(this);
  for (int c = RunsModel::Pattern; c < RunsModel::kColumns; ++c) {
    QAction* action = menu.addAction(model()->headerData(c, Qt::Horizontal).toString());
    action->setCheckable(true);
    action->setChecked(!isColumnHidden(c));
    action->setData(c);
  }
  if (const QAction* action = menu.exec(at)) setColumnWanted(action->data().toInt(), action->isChecked());
}

void RunTable::keyPressEvent(QKeyEvent* event) {
  if (state() == QAbstractItemView::EditingState) return QTableView::keyPressEvent(event);
  if (event->key() == Qt::Key_Delete) return Q_EMIT trashWanted();
  if (event->key() == Qt::Key_F2 && currentIndex().isValid()) {  // the name, whatever cell is current
    setCurrentIndex(currentIndex().siblingAtColumn(RunsModel::Name));
    return edit(currentIndex());
  }
  if ((event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) && currentIndex().isValid()) return Q_EMIT openWanted(currentIndex().data(RunsModel::IdRole).toString());
  if (event->key() == Qt::Key_Space && currentIndex().isValid()) {  // the eye, whatever cell is current
    const QModelIndex eye = currentIndex().siblingAtColumn(RunsModel::Eye);
    model()->setData(eye, eye.data(Qt::CheckStateRole).toInt() == Qt::Checked ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole);
    return;
  }
  QTableView::keyPressEvent(event);
}

void RunTable::contextMenuEvent(QContextMenuEvent* event) {
  const QModelIndex index = indexAt(event->pos());
  QMenu menu(this);
  QAction *eye = nullptr, *base = nullptr, *open = nullptr, *name = nullptr;
  if (index.isValid()) {
    open = menu.addAction(tr("Open on the Train page\tEnter"));
    eye = menu.addAction(index.siblingAtColumn(RunsModel::Eye).data(Qt::CheckStateRole).toInt() == Qt::Checked ? tr("Hide in the plots\tSpace") : tr("Show in the plots\tSpace"));
    base = menu.addAction(tr("Use as baseline"));
    name = menu.addAction(tr("Rename\tF2"));
    menu.addSeparator();
  }
  auto* bin = menu.addAction(tr("Move to trash\tDel"));
  bin->setEnabled(selectionModel() && selectionModel()->hasSelection());
  const QAction* chosen = menu.exec(event->globalPos());
  if (!chosen) return;
  const QString id = index.data(RunsModel::IdRole).toString();
  if (chosen == bin) Q_EMIT trashWanted();
  else if (chosen == open) Q_EMIT openWanted(id);
  else if (chosen == base) Q_EMIT baselineWanted(id);
  else if (chosen == name) edit(index.siblingAtColumn(RunsModel::Name));
  else if (chosen == eye) {
    const QModelIndex cell = index.siblingAtColumn(RunsModel::Eye);
    model()->setData(cell, cell.data(Qt::CheckStateRole).toInt() == Qt::Checked ? Qt::Unchecked : Qt::Checked, Qt::CheckStateRole);
  }
}

}  // namespace serp::app
