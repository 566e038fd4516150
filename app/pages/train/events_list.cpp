// SPDX-License-Identifier: GPL-3.0-or-later
// The event log of a run.
#include "app/pages/train/events_list.h"

#include <QListView>
#include <QPainter>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <algorithm>

#include "app/models/figures.h"
#include "app/session/session_controller.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

constexpr int kRow = 24, kStepWidth = 52, kTimeWidth = 44;

Tone toneOf(EventKind kind) {
  switch (kind) {
    case EventKind::LiveEdit: return Tone::Experts;
    case EventKind::Warning: case EventKind::Skipped: case EventKind::Failed: return Tone::Danger;
    case EventKind::Milestone: case EventKind::Finished: return Tone::Accent;
    default: return Tone::Muted;
  }
}

/// step | time | mark | text, in one painted row.
class EventDelegate final : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  QSize sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const override { return {100, kRow}; }
  void paint(QPainter* p, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const Theme& theme = Theme::instance();
    const QRect r = option.rect;
    p->save();
    if (option.state & (QStyle::State_Selected | QStyle::State_MouseOver)) p->fillRect(r, theme.color(Tone::Raised));
    const auto tone = static_cast<Tone>(index.data(EventsModel::ToneRole).toInt());
    p->setFont(theme.caption());
    p->setPen(theme.color(Tone::Text));
    p->drawText(QRect(r.left(), r.top(), kStepWidth, r.height()), Qt::AlignRight | Qt::AlignVCenter, index.data(EventsModel::StepRole).toString());
    p->setPen(theme.color(Tone::Muted));
    p->drawText(QRect(r.left() + kStepWidth, r.top(), kTimeWidth, r.height()), Qt::AlignRight | Qt::AlignVCenter,
                index.data(EventsModel::TimeRole).toString());
    const int x = r.left() + kStepWidth + kTimeWidth + 8;
    const int number = index.data(EventsModel::NumberRole).toInt();
    p->setRenderHint(QPainter::Antialiasing);
    if (number > 0) {
      p->setPen(QPen(theme.color(tone), 1));
      p->setBrush(Qt::NoBrush);
      const QRectF box(x + 0.5, r.center().y() - 6.5, 15, 14);
      p->drawRoundedRect(box, 3, 3);
      p->drawText(box, Qt::AlignCenter, QString::number(number));
    } else {
      p->setPen(Qt::NoPen);
      p->setBrush(theme.color(tone));
      p->drawEllipse(QPointF(x + 8, r.center().y() + 0.5), 3, 3);
    }
    p->setPen(theme.color(tone == Tone::Danger ? Tone::Danger : Tone::Text));
    p->setFont(option.font);
    const QRect text(x + 24, r.top(), r.right() - x - 28, r.height());
    p->drawText(text, Qt::AlignLeft | Qt::AlignVCenter,
                QFontMetrics(option.font).elidedText(index.data(Qt::DisplayRole).toString(), Qt::ElideRight, text.width()));
    p->restore();
  }
};

}  // namespace

EventsModel::EventsModel(Workspace& workspace, QObject* parent) : QAbstractListModel(parent), workspace_(workspace) {}

void EventsModel::rebuild() {
  beginResetModel();
  rows_.clear();
  read_ = 0;
  edits_ = 0;
  endResetModel();
}

void EventsModel::setEditsOnly(bool on) {
  editsOnly_ = on;
  rebuild();
  refresh();
}

void EventsModel::refresh() {
  const SeriesStore& series = workspace_.session->series();
  if (generation_ != series.generation() && read_ > 0) rebuild();
  generation_ = series.generation();
  std::vector<Row> fresh;
  for (; read_ < series.events().size(); ++read_) {
    const EventKind kind = series.events()[read_].kind;
    const bool edit = kind == EventKind::LiveEdit;
    if (edit) ++edits_;
    // Samples and evaluations are shown elsewhere and would bury the rest.
    if (kind == EventKind::Sampled || kind == EventKind::Evaluated || (editsOnly_ && !edit)) continue;
    fresh.push_back({read_, edit ? edits_ : 0});
  }
  if (fresh.empty()) return;
  beginInsertRows({}, 0, static_cast<int>(fresh.size()) - 1);
  rows_.insert(rows_.end(), fresh.begin(), fresh.end());
  endInsertRows();
}

int EventsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(rows_.size()); }

QVariant EventsModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const Row& row = rows_[rows_.size() - 1 - static_cast<std::size_t>(index.row())];
  const auto& events = workspace_.session->series().events();
  if (row.event >= events.size()) return {};
  const RunEvent& event = events[row.event];
  const auto seconds = static_cast<int>(event.seconds);
  switch (role) {
    case Qt::DisplayRole: return QString::fromStdString(event.text.empty() ? std::string(eventName(event.kind)) : event.text);
    case Qt::ToolTipRole: return QString::fromStdString(event.text + (event.path.empty() ? "" : "\n" + event.path));
    case Qt::AccessibleTextRole:
      return tr("step %1: %2").arg(event.step).arg(QString::fromStdString(event.text));
    case StepRole: return groupedCount(event.step);
    case TimeRole: return QStringLiteral("%1:%2").arg(seconds / 60).arg(seconds % 60, 2, 10, QLatin1Char('0'));
    case NumberRole: return row.number;
    case ToneRole: return static_cast<int>(toneOf(event.kind));
    case Qt::UserRole + 10: return static_cast<qlonglong>(event.step);
    default: return {};
  }
}

EventsList::EventsList(Workspace& workspace, QWidget* parent)
    : Panel(tr("Events"), tr("newest first"), parent), model_(new EventsModel(workspace, this)), view_(new QListView) {
  auto* only = new QPushButton(tr("Edits only"));
  only->setCheckable(true);
  only->setProperty("role", "ghost");
  only->setProperty("small", true);
  addHeaderWidget(only);
  connect(only, &QPushButton::toggled, model_, &EventsModel::setEditsOnly);
  view_->setModel(model_);
  view_->setItemDelegate(new EventDelegate(view_));
  view_->setUniformItemSizes(true);
  view_->setMouseTracking(true);
  view_->setAccessibleName(tr("Events"));
  setBody(view_);
  const auto choose = [this](const QModelIndex& index) { Q_EMIT stepChosen(index.data(Qt::UserRole + 10).toLongLong()); };
  connect(view_, &QListView::clicked, this, choose);
  connect(view_, &QListView::activated, this, choose);
}

void EventsList::refresh() {
  if (isVisible()) model_->refresh();
}

}  // namespace serp::app
