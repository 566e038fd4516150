// SPDX-License-Identifier: GPL-3.0-or-later
// The Design page: palette, canvas, form over YAML, and the cost bar.
#pragma once

#include <QStringList>
#include <functional>

#include "app/pages/page.h"

class QAction;
class QLabel;
class QLineEdit;
class QFrame;
class QPushButton;
class QSplitter;
class QStackedWidget;
class QTabBar;

namespace serp::app {

class BlockForm;
class CanvasEditor;
class CanvasView;
class CostBar;
class FaultList;
class Gallery;
class Outline;
class Palette;
class Panel;
class Pinned;
class PresetsModel;
class YamlEditor;

/// Shows workspace.design. Train triggers the action "train.design", which is disabled while the text has faults.
/// Registers "design.gallery", "design.undo", "design.redo", "design.save", "design.saveAs", "design.find", "design.text",
/// "design.fix", "design.fit" and more; their keys act while the page or its bar has the focus, those that edit blocks while the canvas or
/// the outline has it.
class DesignPage final : public Page {
  Q_OBJECT
 public:
  explicit DesignPage(Workspace& workspace, QWidget* parent = nullptr);
  QWidget* topBar() override { return topBar_; }
  QString statusText() const override;
  void select(const QString& specPath);          ///< "model.blocks[0].blocks[1]", "embedding", "" = nothing
  void setSelection(const QStringList& ids);     ///< several; the form is about the last

  CanvasView* canvas() const { return canvas_; }
  YamlEditor* editor() const { return editor_; }
  BlockForm* form() const { return form_; }
  Palette* blockPalette() const { return palette_; }
  Gallery* gallery() const { return gallery_; }
  CostBar* costs() const { return cost_; }
  CanvasEditor* canvasEditor() const { return canvasEditor_; }
  Outline* outline() const { return outline_; }
  Pinned* pinned() const { return pinned_; }
  QLineEdit* patternField() const { return pattern_; }
  void openEmpty();                              ///< a design without blocks, to begin from
  QPushButton* trainButton() const { return train_; }
  QString selected() const { return selected_; }
  const QStringList& selection() const { return selection_; }

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
  void showCosts();
  void equalise();
  void exportDiagram();
  void showHistory();
  void showDifferences();
  void renameDesign();
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
  CanvasEditor* canvasEditor_ = nullptr;
  Outline* outline_ = nullptr;
  Pinned* pinned_ = nullptr;
  QTabBar* leftTabs_ = nullptr;
  QStackedWidget* leftStack_ = nullptr;
  QFrame* history_ = nullptr;
  QString selected_;
  QStringList selection_;
  bool stale_ = true, arranged_ = false;
};

}  // namespace serp::app
