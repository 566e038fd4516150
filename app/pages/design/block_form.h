// SPDX-License-Identifier: GPL-3.0-or-later
// The form of whatever is selected: a block, a repeat, a slot, or the sections of the design when nothing is.
#pragma once

#include <QStringList>
#include <QWidget>
#include <vector>

#include "engine/api/plan.h"
#include "engine/api/spec.h"

class QLabel;
class QScrollArea;
class QVBoxLayout;

namespace serp::app {

class ParamRow;

/// Made from the declared schema; emits edits of the text, never changes anything itself.
class BlockForm final : public QWidget {
  Q_OBJECT
 public:
  explicit BlockForm(QWidget* parent = nullptr);
  /// `id` as on the canvas. Rebuilds only when another thing is selected, else refreshes the values.
  /// `others`: further blocks that an edit reaches as well; rows whose values differ say so.
  void show(const QString& id, const RunSpec& spec, const Plan& plan, const QStringList& others = {});
  void showNothing(const QString& why);            ///< there is no design to edit yet
  void focusFirst();
  ParamRow* row(const QString& name) const;
  QString shownId() const { return id_; }

 Q_SIGNALS:
  void edited(const QString& path, const QString& yaml);
  void refused(const QString& sentence);
  void resetWanted(const QString& path);           ///< a key goes back to its default
  /// What the form is about now: name, place in the text, family (may be empty).
  void headed(const QString& title, const QString& place, const QString& family);

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  void build(const QString& id, const RunSpec& spec);
  void explain(const QString& summary);
  void caption(const QString& text);
  void addRow(const Param& param, const QString& prefix);
  void addSection(const std::string& name);
  void refresh(const RunSpec& spec, const Plan& plan, const QStringList& others);
  void alignLabels();
  void showCosts(const Plan& plan, const std::string& path);

  struct Bound { ParamRow* row; QString prefix; };
  QString id_, kind_;
  QScrollArea* area_;
  QWidget* content_ = nullptr;
  QVBoxLayout* column_ = nullptr;
  QLabel* costs_ = nullptr;
  std::vector<Bound> rows_;
};

/// The innermost entry whose text holds the line (from 1); null if none.
const BlockSpec* blockOnLine(const std::vector<BlockSpec>& blocks, int line);
/// The entry of a design that stands at `path`, slots and containers included; null if none.
const BlockSpec* blockAt(const std::vector<BlockSpec>& blocks, const std::string& path);

}  // namespace serp::app
