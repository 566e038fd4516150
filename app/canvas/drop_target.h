// SPDX-License-Identifier: GPL-3.0-or-later
// Where something that is dragged over the canvas would land: a place in a list, or a slot.
#pragma once

#include <QString>
#include <QStringList>

namespace serp::app {

struct DropTarget {
  QString list;                ///< path of a list of blocks; empty: a slot, or nothing
  int index = 0;
  bool branch = false;         ///< between branches: no containers
  QString owner, slot;         ///< the slot "out_proj" of the block at `owner`
  bool isSlot() const { return !slot.isEmpty(); }
  bool isValid() const { return isSlot() || !list.isEmpty(); }
  bool operator==(const DropTarget& o) const { return list == o.list && index == o.index && owner == o.owner && slot == o.slot; }
};

/// What is dragged: a kind from the palette, or blocks of this design.
struct Dragged {
  QString kind;
  QStringList paths;
  bool container = false;      ///< holds other blocks: fits neither slots nor branches
};

}  // namespace serp::app
