// SPDX-License-Identifier: GPL-3.0-or-later
// A design that others are measured against, and what Equalise would change to cost as much.
#pragma once

#include <QObject>
#include <QString>
#include <optional>

#include "engine/api/equalise.h"

class QMenu;

namespace serp::app {

class DesignDocument;

/// GUI thread only. The figures are those of the moment it was pinned.
class Pinned final : public QObject {
  Q_OBJECT
 public:
  explicit Pinned(DesignDocument& design, QObject* parent = nullptr);
  bool isPinned() const { return plan_.has_value(); }
  const QString& title() const { return title_; }
  const std::optional<Plan>& plan() const { return plan_; }
  void pinDesign();                               ///< the open one, as it is now
  bool pinPreset(const QString& name);
  void release();
  /// The solution for the chosen key and budget; nothing while there is no pin, no plan, or nothing to change.
  const std::optional<Equalised>& offer();
  QString fault() const { return fault_; }        ///< why there is no offer, or empty
  const QString& key() const { return key_; }
  void choose(const QString& key, Budget budget);
  /// Fills a menu with budgets, keys and designs to pin.
  void fill(QMenu* menu);

 Q_SIGNALS:
  void changed();

 private:
  DesignDocument& design_;
  QString title_, key_, fault_, solvedText_;
  Budget budget_ = Budget::Active;
  std::optional<Plan> plan_;
  std::optional<Equalised> offer_;
};

}  // namespace serp::app
