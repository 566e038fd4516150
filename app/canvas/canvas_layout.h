// SPDX-License-Identifier: GPL-3.0-or-later
// Where everything of a design stands on the canvas: plain rectangles, lines and words, computed from spec and plan.
#pragma once

#include <QObject>
#include <QPointF>
#include <QRectF>
#include <QSet>
#include <QString>
#include <QStringList>
#include <vector>

#include "engine/api/plan.h"
#include "engine/api/spec.h"

namespace serp::app {

/// A small box inside a card: a primitive operation, or one expert.
struct CanvasChip {
  QRectF rect;
  QString text;
  bool tinted = false;                   ///< in the colour of the card's family
  bool quiet = false;                    ///< one of many alike: muted words
};

/// Anything that can be selected. `rect` is in scene coordinates, as are its chips.
struct CanvasCard {
  enum class Kind { Bar, Block, Slot, Repeat, Parallel };
  Kind kind = Kind::Block;
  QString id;                            ///< unique: the place in the text, or "embedding", "final_norm", "head"
  QString path;                          ///< what the form edits: "model.blocks[0].blocks[1]", "model"
  QString title, detail, caption;        ///< caption: the slot's name, above the card
  QString family;                        ///< "mixer", "experts", …; empty: container frame
  QString help;                          ///< tool tip
  QRectF rect;
  double titleHeight = 30;
  int parent = -1;                       ///< index of the card it stands in
  int times = 1;                         ///< how often the design executes it
  int count = 1;                         ///< Repeat: what its own count says
  bool filled = false;                   ///< Slot: holds a block of the design's own
  bool bypassed = false;                 ///< stands in the text, is not built
  bool foldable = false, folded = false;
  bool hasShares = false;
  double total = 0, active = 0, flops = 0;  ///< shares 0..1 of the whole design, repeats included
  std::vector<CanvasChip> chips;
};

struct CanvasWire {
  std::vector<QPointF> points;           ///< axis-parallel; corners are rounded when drawn
  bool arrow = true;
};

struct CanvasWord {
  enum class Look { Caption, Code, Body };
  QPointF at;                            ///< left end of the base line
  QString text;
  Look look = Look::Caption;
  double room = 0;                       ///< elided to this width; 0 = never
  bool rightAligned = false;             ///< `at` is the right end
};

struct CanvasNode {
  enum class Kind { Dot, Plus, Times };
  Kind kind = Kind::Dot;
  QPointF centre;
};

/// A place where a block can be put in: before entry `index` of a list, shown as a line across the wire.
struct CanvasGap {
  QString list;                          ///< "model.blocks[0].blocks", or "….parallel"
  int index = 0;
  double y = 0, left = 0, right = 0;
  bool branch = false;                   ///< between branches of a parallel: no containers
};

struct CanvasLayout {
  std::vector<CanvasCard> cards;         ///< parents before children
  std::vector<CanvasWire> wires;
  std::vector<CanvasNode> nodes;
  std::vector<CanvasChip> pills;         ///< norms between spine and block
  std::vector<CanvasWord> words;
  std::vector<CanvasGap> gaps;           ///< from top to bottom
  std::vector<CanvasChip> holes;         ///< empty lists: dashed boxes that say what to do
  double shareX[3] = {0, 0, 0};          ///< left ends of the columns total, active, FLOPs
  QSizeF size;

  int indexOf(const QString& id) const;
  /// The card whose place in the text contains `path` most closely; -1 if none.
  int holderOf(const QString& path) const;
  /// The gap nearest to a point; null if there is none (no design).
  const CanvasGap* gapAt(QPointF at) const;
};

inline constexpr double kSpineX = 56, kMinCanvasWidth = 640, kMaxCanvasWidth = 1120;

/// Pure function, microseconds per block. `width` is clamped to [kMinCanvasWidth, kMaxCanvasWidth]; cards in `folded` show their
/// title only.
CanvasLayout layOut(const RunSpec& spec, const Plan& plan, double width, const QSet<QString>& folded = {});

}  // namespace serp::app
