// SPDX-License-Identifier: GPL-3.0-or-later
// The Design page: palette, canvas, form over YAML, and the cost bar.
#pragma once

#include <functional>

#include "app/pages/page.h"

class QAction;
class QLabel;
class QLineEdit;
class QPushButton;
class QSplitter;

namespace serp::app {

class BlockForm;
class CanvasView;
class CostBar;
class FaultList;
class Gallery;
class Palette;
class Panel;
class PresetsModel;
class YamlEditor;

/// Shows workspace.design. Train triggers the action "train.design", which is disabled while the text has faults.
/// Registers "design.gallery", "design.undo", "design.redo", "design.save", "design.saveAs", "design.find", "design.text",
/// "design.fix" and "design.fit"; their keys act while the page or its bar has the focus.
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
  Palette* blockPalette() const { return palette_; }
  Gallery* gallery() const { return gallery_; }
  CostBar* costs() const { return cost_; }
  QPushButton* trainButton() const { return train_; }
  QString selected() const { return selected_; }

 protected:
  void showEvent(QShowEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void buildTopBar();
  void registerActions();
  QAction* addAction(const QString& id, const QString& text, const QKeySequence& key, std::function<void()> run);
  void openPreset(const QString& name);
  void saveDesign(bool as);
  void addBlock(const QString& kind);
  void showText();
  void showPlan();
  void showTitle();
  void showFaults();
  void showForm();
  void markLines(bool scroll);
  QString faultCountText() const;

  QWidget* topBar_ = nullptr;
  QLabel *title_ = nullptr, *faultTag_ = nullptr;
  QLineEdit* pattern_ = nullptr;
  QPushButton *train_ = nullptr, *galleryButton_ = nullptr;
  PresetsModel* presets_ = nullptr;
  Gallery* gallery_ = nullptr;
  Palette* palette_ = nullptr;
  CanvasView* canvas_ = nullptr;
  BlockForm* form_ = nullptr;
  YamlEditor* editor_ = nullptr;
  FaultList* faults_ = nullptr;
  CostBar* cost_ = nullptr;
  Panel *formPanel_ = nullptr, *textPanel_ = nullptr;
  QSplitter *columns_ = nullptr, *right_ = nullptr;
  QString selected_;
  bool stale_ = true, arranged_ = false;
};

}  // namespace serp::app
