// SPDX-License-Identifier: GPL-3.0-or-later
// Gestures become calls of engine/api/edit.h on the document's text.
#include "app/canvas/canvas_editor.h"

#include <QClipboard>
#include <QGuiApplication>
#include <algorithm>

#include "app/canvas/block_search.h"
#include "app/canvas/canvas_view.h"
#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/models/figures.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"

namespace serp::app {
namespace {

/// "model.blocks[0].blocks" and 2 of "model.blocks[0].blocks[2]"; an empty list for slots and bars.
struct ListEntry { QString list; int index = 0; };
ListEntry entryOf(const QString& path) {
  const qsizetype open = path.lastIndexOf(QLatin1Char('['));
  if (open < 0 || !path.endsWith(QLatin1Char(']'))) return {};
  return {path.left(open), path.mid(open + 1).chopped(1).toInt()};
}

/// The entry of a list that holds a path: the path itself, or the owner of a slot.
QString holder(QString path) {
  while (!path.isEmpty() && !path.endsWith(QLatin1Char(']'))) path.truncate(std::max<qsizetype>(0, path.lastIndexOf(QLatin1Char('.'))));
  return path;
}

std::string blocksOf(const QString& kind) {
  if (kind == QLatin1String("repeat")) return "- repeat: 2\n  blocks: []\n";
  if (kind == QLatin1String("parallel")) return "- parallel: []\n";
  return "- {kind: " + kind.toStdString() + "}\n";
}

}  // namespace

CanvasEditor::CanvasEditor(Workspace& workspace, CanvasView* view, QObject* parent) : QObject(parent), workspace_(workspace), view_(view) {
  connect(view, &CanvasView::dropped, this, &CanvasEditor::drop);
  connect(view, &CanvasView::searchWanted, this, &CanvasEditor::search);
  connect(view, &CanvasView::countWanted, this, &CanvasEditor::changeCount);
  connect(view->search(), &BlockSearch::chosen, this, [this](const QString& kind) { insert(kind, view_->search()->target()); });
  view->describeDropsBy([this](const Dragged& dragged, const DropTarget& target) { return describe(dragged, target); });
}

std::string CanvasEditor::text() const { return workspace_.design->text().toStdString(); }

QStringList CanvasEditor::blocks() const {
  QStringList out;
  for (const QString& id : view_->designScene().selection())
    if (const CardItem* item = view_->designScene().card(id); item && item->card().kind != CanvasCard::Kind::Bar) out << id;
  return out;
}

std::vector<std::string> CanvasEditor::paths() const {
  std::vector<std::string> out;
  for (const QString& id : blocks()) out.push_back(id.toStdString());
  return out;
}

bool CanvasEditor::apply(Result<DesignEdit> edit) {
  if (workspace_.design->edit(std::move(edit), view_->designScene().selection())) return true;
  workspace_.notices->warning(workspace_.design->error());
  return false;
}

int CanvasEditor::lengthOf(const QString& list) const {
  int length = 0;
  for (const CanvasGap& gap : view_->designScene().canvasLayout().gaps)
    if (gap.list == list) length = std::max(length, gap.index);
  return length;
}

DropTarget CanvasEditor::placeForNew() const {
  DropTarget target;
  const QString at = view_->designScene().selected();
  const CardItem* item = view_->designScene().card(at);
  if (item && item->card().kind == CanvasCard::Kind::Slot) {
    target.owner = at.left(at.lastIndexOf(QLatin1Char('.')));
    target.slot = at.mid(target.owner.size() + 1);
    return target;
  }
  const auto inside = [&](const QString& list) {
    for (const CanvasGap& gap : view_->designScene().canvasLayout().gaps)
      if (gap.list == list) return target.list = list, target.branch = gap.branch, true;
    return false;
  };
  for (const char* list : {".blocks", ".parallel"})   // an empty container is there to be filled
    if (item && lengthOf(at + QLatin1String(list)) == 0 && inside(at + QLatin1String(list))) return target;
  const ListEntry entry = entryOf(holder(at));
  if (entry.list.isEmpty()) {
    target.list = QStringLiteral("model.blocks");
    target.index = at == QLatin1String("embedding") ? 0 : lengthOf(target.list);
    return target;
  }
  target.list = entry.list;
  target.index = entry.index + 1;
  target.branch = entry.list.endsWith(QLatin1String(".parallel"));
  return target;
}

void CanvasEditor::search(const QString& typed) {
  const DropTarget target = placeForNew();
  const QString where = target.isSlot() ? tr("fills %1 of %2").arg(target.slot, target.owner)
                        : target.branch ? tr("a branch of %1").arg(target.list.left(target.list.lastIndexOf(QLatin1Char('.'))))
                                        : tr("becomes %1[%2]").arg(target.list).arg(target.index);
  view_->search()->open(target, typed, where);
}

void CanvasEditor::insert(const QString& kind, const DropTarget& target) {
  Dragged dragged;
  dragged.kind = kind;
  drop(dragged, target, false);
}

Result<DesignEdit> CanvasEditor::edited(const Dragged& dragged, const DropTarget& target, bool copy) const {
  const std::string own = text(), list = target.list.toStdString(), owner = target.owner.toStdString(), slot = target.slot.toStdString();
  const auto index = static_cast<std::size_t>(target.index);
  if (!dragged.kind.isEmpty())
    return target.isSlot() ? fillSlot(own, owner, slot, blocksOf(dragged.kind)) : insertBlocks(own, list, index, blocksOf(dragged.kind));
  std::vector<std::string> from;
  for (const QString& path : dragged.paths) from.push_back(path.toStdString());
  if (copy) {
    const auto blocks = copyBlocks(own, from);
    if (!blocks) return blocks.faults();
    return target.isSlot() ? fillSlot(own, owner, slot, *blocks) : insertBlocks(own, list, index, *blocks);
  }
  return target.isSlot() ? moveToSlot(own, from.front(), owner, slot) : moveBlocks(own, from, list, index);
}

void CanvasEditor::drop(const Dragged& dragged, const DropTarget& target, bool copy) {
  if (apply(edited(dragged, target, copy))) view_->setFocus(Qt::OtherFocusReason);
}

QString CanvasEditor::describe(const Dragged& dragged, const DropTarget& target) const {
  const DesignDocument& design = *workspace_.design;
  if (!design.plan()) return {};
  const auto edit = edited(dragged, target, false);
  if (!edit) return QString::fromStdString(edit.faults().items.front().message);
  QString out;
  if (target.isSlot()) {
    const CardItem* slot = view_->designScene().card(target.owner + QLatin1Char('.') + target.slot);
    out = tr("Fills %1: replaces %2 %3").arg(target.slot, slot ? slot->card().title : QString(), slot ? slot->card().detail : QString()).trimmed();
  } else {
    out = tr("%1 to %2[%3]").arg(dragged.kind.isEmpty() ? tr("Moves") : tr("Adds %1").arg(dragged.kind), target.list).arg(target.index);
  }
  if (design.text().size() > 20000) return out;      // a large design is not planned at every move of the mouse
  const auto spec = parseRunSpec(edit->text);
  const auto plan = spec ? planRun(*spec) : Result<Plan>(Diagnostics{});
  if (!plan) return out;
  const auto change = [](std::int64_t after, std::int64_t before) {
    const double by = static_cast<double>(after - before);
    return (by < 0 ? QStringLiteral("−") : QStringLiteral("+")) + shortCount(std::abs(by));
  };
  return out + tr("  ·  total %1, active %2").arg(change(plan->nonEmbeddingTotal, design.plan()->nonEmbeddingTotal), change(plan->nonEmbeddingActive, design.plan()->nonEmbeddingActive));
}

bool CanvasEditor::copy() {
  const auto blocks = copyBlocks(text(), paths());
  if (!blocks) {
    workspace_.notices->warning(tr("Select a block of the design first; a slot at its default has nothing to copy."));
    return false;
  }
  QGuiApplication::clipboard()->setText(QString::fromStdString(*blocks));
  return true;
}

void CanvasEditor::cut() {
  if (copy()) remove();
}

void CanvasEditor::paste() {
  const std::string blocks = QGuiApplication::clipboard()->text().toStdString();
  if (const Diagnostics faults = checkBlocks(blocks); faults.hasErrors())
    return workspace_.notices->warning(tr("The clipboard holds no blocks: %1. Nothing was changed.").arg(QString::fromStdString(faults.items.front().message).left(160)));
  const DropTarget target = placeForNew();
  auto edit = target.isSlot() ? fillSlot(text(), target.owner.toStdString(), target.slot.toStdString(), blocks)
                              : insertBlocks(text(), target.list.toStdString(), static_cast<std::size_t>(target.index), blocks);
  if (edit) edit->label = "paste";
  apply(std::move(edit));
}

void CanvasEditor::duplicate() {
  if (!blocks().isEmpty()) apply(duplicateBlocks(text(), paths()));
}

void CanvasEditor::remove() {
  if (!blocks().isEmpty()) apply(removeBlocks(text(), paths()));
}

void CanvasEditor::move(int by) {
  QStringList own = blocks();
  std::sort(own.begin(), own.end(), [](const QString& a, const QString& b) { return entryOf(a).index < entryOf(b).index; });
  if (own.isEmpty()) return;
  const ListEntry first = entryOf(own.front()), last = entryOf(own.back());
  if (first.list.isEmpty() || first.list != last.list) return workspace_.notices->info(tr("Only neighbours of one list move together."));
  const int next = by < 0 ? first.index - 1 : last.index + 1;
  QString list = first.list;
  int index = 0;
  if (next >= 0 && next < lengthOf(list)) {
    const QString beside = QStringLiteral("%1[%2]").arg(list).arg(next), inner = beside + QStringLiteral(".blocks");
    const CardItem* item = view_->designScene().card(beside);
    if (item && item->card().kind == CanvasCard::Kind::Repeat && !item->card().folded) {   // along the wire: into the repeat
      list = inner;
      index = by < 0 ? lengthOf(inner) : 0;
    } else {
      index = by < 0 ? next : next + 1;
    }
  } else {                                          // past the end: out of the container
    const ListEntry owner = entryOf(list.left(list.lastIndexOf(QLatin1Char('.'))));
    if (owner.list.isEmpty()) return;
    list = owner.list;
    index = owner.index + (by < 0 ? 0 : 1);
  }
  std::vector<std::string> moved;
  for (const QString& path : own) moved.push_back(path.toStdString());
  apply(moveBlocks(text(), moved, list.toStdString(), static_cast<std::size_t>(index)));
}

void CanvasEditor::wrap(const char* container) {
  if (blocks().isEmpty()) return workspace_.notices->info(tr("Select the blocks to wrap first."));
  apply(wrapBlocks(text(), paths(), container, 2));
}

void CanvasEditor::unwrap() {
  const QStringList own = blocks();
  if (own.size() == 1) apply(unwrapBlock(text(), own.front().toStdString()));
}

void CanvasEditor::bypass() {
  QStringList targets;
  bool all = true;
  for (const QString& id : blocks()) {
    const CardItem* item = view_->designScene().card(id);
    const bool frame = item && item->card().kind == CanvasCard::Kind::Repeat;   // a repeat stands for the blocks in it
    for (const CanvasCard& card : view_->designScene().canvasLayout().cards) {
      const bool meant = frame ? card.id.startsWith(id + QLatin1Char('.')) && entryOf(card.id).list.endsWith(QLatin1String(".blocks")) : card.id == id;
      if (!meant || card.kind == CanvasCard::Kind::Slot || card.kind == CanvasCard::Kind::Repeat || targets.contains(card.id)) continue;
      targets << card.id;
      all = all && card.bypassed;
    }
  }
  if (targets.isEmpty()) {
    if (!blocks().isEmpty()) workspace_.notices->info(tr("A slot cannot be bypassed: its widths differ. Delete empties it."));
    return;
  }
  std::vector<std::string> paths;
  for (const QString& id : targets) paths.push_back(id.toStdString());
  auto edit = bypassBlocks(text(), paths, !all);
  if (edit) {
    edit->selection.clear();
    for (const QString& id : view_->designScene().selection()) edit->selection.push_back(id.toStdString());
  }
  apply(std::move(edit));
}

void CanvasEditor::changeCount(const QString& path, int by) {
  const CardItem* item = view_->designScene().card(path);
  if (!item || item->card().kind != CanvasCard::Kind::Repeat) return;
  const int count = std::clamp(item->card().count + by, 1, 10000);
  workspace_.design->setValue(path + QStringLiteral(".repeat"), QString::number(count));
  workspace_.design->parseNow();
}

void CanvasEditor::selectAll() {
  const QString at = view_->designScene().selected();
  const ListEntry entry = entryOf(holder(at));
  const QString list = entry.list.isEmpty() ? QStringLiteral("model.blocks") : entry.list;
  QStringList ids;
  for (const CanvasCard& card : view_->designScene().canvasLayout().cards)
    if (entryOf(card.id).list == list && card.kind != CanvasCard::Kind::Slot) ids << card.id;
  view_->setSelection(ids);
  Q_EMIT view_->selectionMoved(view_->designScene().selected());
  Q_EMIT view_->selectionChanged(ids);
}

void CanvasEditor::setPattern(const QString& pattern) {
  const DesignDocument& design = *workspace_.design;
  if (design.plan() && pattern == QString::fromStdString(design.plan()->pattern)) return;
  apply(serp::setPattern(text(), pattern.toStdString()));
}

void CanvasEditor::setKey(const QString& path, const QString& key, const QString& value) {
  std::vector<std::string> all;
  const CardItem* item = view_->designScene().card(path);
  for (const QString& id : blocks())
    if (const CardItem* other = view_->designScene().card(id); item && other && other->card().title == item->card().title) all.push_back(id.toStdString());
  if (all.size() < 2 || std::find(all.begin(), all.end(), path.toStdString()) == all.end()) {
    if (!workspace_.design->setValue(path + QLatin1Char('.') + key, value)) workspace_.notices->warning(workspace_.design->error());
    return;
  }
  auto edit = setKeys(text(), all, key.toStdString(), value.toStdString());
  if (edit) {
    edit->label += " of " + std::to_string(all.size()) + " blocks";
    edit->selection.clear();
    for (const QString& id : view_->designScene().selection()) edit->selection.push_back(id.toStdString());
  }
  apply(std::move(edit));
}

void CanvasEditor::unsetKey(const QString& path) {
  auto edit = serp::unsetKey(text(), path.toStdString());
  if (edit) edit->selection = paths();
  apply(std::move(edit));
}

}  // namespace serp::app
