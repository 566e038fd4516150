// SPDX-License-Identifier: GPL-3.0-or-later
// Zoom, fit and keys of the canvas.
#include "app/canvas/canvas_view.h"

#include <QElapsedTimer>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QPushButton>
#include <QScrollBar>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "app/canvas/block_search.h"
#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/canvas/minimap.h"
#include "app/style/theme.h"

namespace serp::app {
namespace {

int countBlocks(const std::vector<BlockSpec>& blocks) {
  int count = 0;
  for (const BlockSpec& block : blocks) count += (block.kind != "repeat") + countBlocks(block.children);
  return count;
}

}  // namespace

CanvasView::CanvasView(QWidget* parent) : QGraphicsView(parent), scene_(new DesignScene(this)) {
  setScene(scene_);
  setFrameShape(QFrame::NoFrame);
  setAlignment(Qt::AlignHCenter | Qt::AlignTop);
  setRenderHint(QPainter::Antialiasing);
  setRenderHint(QPainter::TextAntialiasing);
  setDragMode(QGraphicsView::NoDrag);
  setStyleSheet(QStringLiteral("QAbstractScrollArea::corner { background: transparent; border: none; }"));
  setViewportUpdateMode(QGraphicsView::SmartViewportUpdate);
  setAccessibleName(tr("Architecture canvas"));
  setAccessibleDescription(tr("Up and down walk along the wire, right enters a block's slots, left leaves them, Enter edits, letters add a block. "
                              "The outline beside it shows the same blocks as a tree."));
  setMinimumWidth(320);
  setAcceptDrops(true);
  viewport()->setAcceptDrops(true);
  viewport()->setMouseTracking(true);

  controls_ = new QFrame(this);
  controls_->setProperty("role", "panel");
  auto* row = new QHBoxLayout(controls_);
  row->setContentsMargins(2, 2, 2, 2);
  row->setSpacing(0);
  const auto button = [&](const QString& text, const QString& name, auto act) {
    auto* b = new QPushButton(text);
    b->setProperty("role", "ghost");
    b->setProperty("small", true);
    b->setMinimumWidth(30);
    b->setFocusPolicy(Qt::NoFocus);               // the keys + - 0 F do the same
    b->setAccessibleName(name);
    b->setToolTip(name);
    connect(b, &QPushButton::clicked, this, act);
    row->addWidget(b);
    return b;
  };
  button(QStringLiteral("−"), tr("Zoom out (-)"), [this] { setZoom(zoom_ / 1.2); });
  percent_ = button(QStringLiteral("100 %"), tr("Back to the width of the window (0)"), [this] { resetZoom(); });
  percent_->setMinimumWidth(60);
  button(QStringLiteral("+"), tr("Zoom in (+)"), [this] { setZoom(zoom_ * 1.2); });
  button(tr("Fit"), tr("The whole design in the window (F)"), [this] { fit(); });

  hint_ = new QLabel(this);
  hint_->setProperty("role", "caption");
  hint_->setAttribute(Qt::WA_TransparentForMouseEvents);
  empty_ = new QLabel(this);
  empty_->setWordWrap(true);
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setProperty("role", "caption");
  empty_->hide();
  search_ = new BlockSearch(this);
  minimap_ = new Minimap(this);
  showHint({});
}

CanvasView::~CanvasView() = default;

void CanvasView::showHint(const QString& words) {
  hint_->setText(words.isEmpty() ? tr("Type a block’s name to add it  ·  drop on a wire to insert  ·  B bypasses, Enter edits") : words);
  const bool dropping = !words.isEmpty();
  if (dropping != hint_->property("drop").toBool() || hint_->styleSheet().isEmpty()) {
    const Theme& theme = Theme::instance();
    hint_->setProperty("drop", dropping);
    hint_->setStyleSheet(dropping ? QStringLiteral("background: %1; color: %2; border: 1px solid %3; border-radius: 6px; padding: 4px 8px;")
                                        .arg(theme.color(Tone::Raised).name(), theme.color(Tone::Experts).name(), theme.color(Tone::Experts).name())
                                  : QStringLiteral("background: transparent;"));
  }
  placeControls();
}

void CanvasView::setDesign(const RunSpec& spec, const Plan& plan) {
  spec_ = spec;
  plan_ = plan;
  blocks_ = countBlocks(spec.blocks);
  hasDesign_ = true;
  stale_ = true;
  empty_->hide();
  if (isVisible()) layOutNow();
}

void CanvasView::clearDesign(const QString& why) {
  hasDesign_ = false;
  stale_ = false;
  scene_->setLayout({});
  empty_->setText(why);
  empty_->show();
  placeControls();
}

void CanvasView::setFaults(const Diagnostics& diagnostics) { scene_->setFaults(diagnostics); }

void CanvasView::select(const QString& id) { setSelection(id.isEmpty() ? QStringList() : QStringList(id)); }

void CanvasView::setSelection(const QStringList& ids) {
  scene_->setSelection(ids);
  if (CardItem* item = scene_->card(scene_->selected())) ensureVisible(item->card().rect, 24, 60);  // clear of the zoom buttons
}

void CanvasView::setFolded(const QString& id, bool folded) {
  if (folded == folded_.contains(id)) return;
  if (folded) folded_.insert(id);
  else folded_.remove(id);
  layOutNow();
}

void CanvasView::foldAll(bool folded) {
  folded_.clear();
  if (folded)
    for (const CanvasCard& card : scene_->canvasLayout().cards)
      if (card.foldable && (card.kind == CanvasCard::Kind::Block || card.kind == CanvasCard::Kind::Parallel)) folded_.insert(card.id);
  layOutNow();
}

void CanvasView::layOutNow() {
  if (!hasDesign_) return;
  stale_ = false;
  if (ownZoom_ || laidOut_ <= 0) laidOut_ = room();
  const QPointF at(horizontalScrollBar()->value(), verticalScrollBar()->value());
  QElapsedTimer clock;
  clock.start();
  if (ownZoom_) scale(std::clamp(room() / kMinCanvasWidth, 0.75, 1.0));   // the map may have come or gone
  endDrag();                                        // the marks belong to the old layout
  scene_->setLayout(layOut(spec_, plan_, laidOut_, folded_));
  layoutMs_ = static_cast<double>(clock.nsecsElapsed()) * 1e-6;
  horizontalScrollBar()->setValue(static_cast<int>(at.x()));
  verticalScrollBar()->setValue(static_cast<int>(at.y()));
  placeControls();
}

void CanvasView::setZoom(double factor) {
  ownZoom_ = false;
  setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
  scale(factor);
}

bool CanvasView::showsMap() const { return hasDesign_ && blocks_ > kMinimapBlocks && width() >= 620; }

double CanvasView::room() const {
  const int map = showsMap() ? minimap_->sizeHint().width() + 16 : 0;
  return std::max(1, width() - verticalScrollBar()->sizeHint().width() - map);
}

void CanvasView::resetZoom() {
  ownZoom_ = true;
  // At its own zoom the layout is as wide as the window: rounding must not bring a scroll bar. Narrower than the smallest layout
  // it shrinks a little instead of making people scroll sideways.
  setHorizontalScrollBarPolicy(room() >= 0.75 * kMinCanvasWidth ? Qt::ScrollBarAlwaysOff : Qt::ScrollBarAsNeeded);
  scale(std::clamp(room() / kMinCanvasWidth, 0.75, 1.0));
  if (hasDesign_ && isVisible() && std::abs(room() - laidOut_) >= 1) layOutNow();
}

void CanvasView::scale(double factor) {
  zoom_ = std::clamp(factor, 0.25, 4.0);
  setTransform(QTransform::fromScale(zoom_, zoom_));
  percent_->setText(QStringLiteral("%1 %").arg(std::lround(zoom_ * 100)));
  placeControls();
}

void CanvasView::fit() {
  const QSizeF all = scene_->sceneRect().size();
  if (all.isEmpty()) return;
  setZoom(std::min(1.5, std::min(viewport()->width() / all.width(), viewport()->height() / all.height())));
}

void CanvasView::showEvent(QShowEvent* event) {
  QGraphicsView::showEvent(event);
  if (stale_) layOutNow();
  placeControls();
}

void CanvasView::resizeEvent(QResizeEvent* event) {
  QGraphicsView::resizeEvent(event);
  placeControls();
  if (ownZoom_ && event->size().width() != event->oldSize().width()) resetZoom();
}

void CanvasView::placeControls() {
  const bool map = showsMap();
  setAlignment(map ? Qt::AlignLeft | Qt::AlignTop : Qt::AlignHCenter | Qt::AlignTop);   // clear of the map
  if (map) minimap_->setLayout(scene_->canvasLayout());
  minimap_->setVisible(map);
  minimap_->move(viewport()->width() - minimap_->width() - 12, 12);
  controls_->setVisible(hasDesign_);
  controls_->adjustSize();
  controls_->move(viewport()->width() - controls_->width() - 16, viewport()->height() - controls_->height() - 12);
  // Only where it covers nothing; what a drop would do stands above everything.
  const bool dropping = hint_->property("drop").toBool();
  hint_->adjustSize();
  if (dropping) hint_->resize(std::min(hint_->width(), viewport()->width() - 48), hint_->height());
  hint_->move(24, viewport()->height() - hint_->height() - (dropping ? 54 : 18));
  if (dropping) hint_->raise();
  hint_->setVisible(dropping || (hasDesign_ && hint_->width() + controls_->width() + 72 < viewport()->width() &&
                    scene_->sceneRect().height() * zoom_ + 20 <= viewport()->height()));
  empty_->setGeometry(viewport()->rect().adjusted(48, 48, -48, -96));
}

void CanvasView::wheelEvent(QWheelEvent* event) {
  if (event->modifiers() & Qt::ControlModifier) {
    setTransformationAnchor(AnchorUnderMouse);
    setZoom(zoom_ * std::pow(1.0015, event->angleDelta().y()));
    event->accept();
    return;
  }
  QGraphicsView::wheelEvent(event);
}

void CanvasView::choose(const QString& id) { chooseAll(id.isEmpty() ? QStringList() : QStringList(id)); }

void CanvasView::chooseAll(const QStringList& ids) {
  setSelection(ids);
  Q_EMIT selectionMoved(scene_->selected());
  Q_EMIT selectionChanged(scene_->selection());
}

void CanvasView::keyPressEvent(QKeyEvent* event) {
  if (marks_ && event->key() == Qt::Key_Escape) {    // what is dragged goes back
    press_ = Press::None;
    return endDrag();
  }
  if (event->modifiers() == Qt::ControlModifier && (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right))
    return setFolded(scene_->selected(), event->key() == Qt::Key_Left);
  if (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier)) return event->ignore();
  using Step = DesignScene::Step;
  const auto go = [&](Step step) {
    const QString id = scene_->reach(step);
    if (id.isEmpty()) return;
    if (!(event->modifiers() & Qt::ShiftModifier)) return choose(id);
    QStringList ids = scene_->selection();          // Shift takes one more, or gives the last one back
    if (ids.contains(id)) ids.removeLast();
    else ids << id;
    chooseAll(ids);
  };
  switch (event->key()) {
    case Qt::Key_Down: return go(Step::Next);
    case Qt::Key_Up: return go(Step::Previous);
    case Qt::Key_Right: return go(Step::Into);
    case Qt::Key_Left: return go(Step::Out);
    case Qt::Key_Return:
    case Qt::Key_Enter:
      if (!scene_->selected().isEmpty()) Q_EMIT activated(scene_->selected());
      return;
    case Qt::Key_Escape: return choose({});
    case Qt::Key_Plus: return setZoom(zoom_ * 1.2);
    case Qt::Key_Minus: return setZoom(zoom_ / 1.2);
    case Qt::Key_0: return resetZoom();
    case Qt::Key_F: return fit();
    case Qt::Key_Home:
    case Qt::Key_End: {
      const auto& cards = scene_->canvasLayout().cards;
      if (!cards.empty()) choose(event->key() == Qt::Key_Home ? cards.front().id : cards.back().id);
      return;
    }
    case Qt::Key_PageUp:
    case Qt::Key_PageDown: return QAbstractScrollArea::keyPressEvent(event);
    default: break;
  }
  // A letter begins a search for a block; what is left are keys of the page.
  const QString typed = event->text();
  if (hasDesign_ && typed.size() == 1 && (typed[0].isLetter() || typed[0] == QLatin1Char('*')) && typed.compare(QLatin1String("b"), Qt::CaseInsensitive) != 0)
    return Q_EMIT searchWanted(typed);
  event->ignore();
}

}  // namespace serp::app
