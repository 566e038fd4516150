// SPDX-License-Identifier: GPL-3.0-or-later
// The Design page: palette, canvas, form over YAML, and the cost bar.
#pragma once

#include <memory>

#include "app/pages/page.h"

class QComboBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSplitter;
class QTabWidget;

namespace serp::app {

class BlockForm;
class CanvasView;
class CostBar;
class FaultList;
class Palette;
class PresetsModel;
class YamlEditor;

/// Shows workspace.design. Train triggers the action "train.design", which is disabled while the text has faults.
class DesignPage final : public Page {
  Q_OBJECT
 public:
  explicit DesignPage(Workspace& workspace, QWidget* parent = nullptr);
  QWidget* topBar() override { return topBar_; }
  QString statusText() const override;
  void select(const QString& specPath);          ///< "model.blocks[0].blocks[1]", "model", "" = nothing

  CanvasView* canvas() const { return canvas_; }
  YamlEditor* editor() const { return editor_; }
  BlockForm* form() const { return form_; }
  QPushButton* trainButton() const { return train_; }

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void buildTopBar();
  void openPreset(const QString& name);
  void saveDesign(bool as);
  void showText();
  void showPlan();
  void arrange();

  QWidget* topBar_ = nullptr;
  QComboBox* gallery_ = nullptr;
  QLabel* title_ = nullptr;
  QLineEdit* pattern_ = nullptr;
  QPushButton* train_ = nullptr;
  PresetsModel* presets_ = nullptr;
  Palette* palette_ = nullptr;
  CanvasView* canvas_ = nullptr;
  BlockForm* form_ = nullptr;
  YamlEditor* editor_ = nullptr;
  FaultList* faults_ = nullptr;
  CostBar* cost_ = nullptr;
  QString selected_;
  bool stale_ = true;
};

}  // namespace serp::app
