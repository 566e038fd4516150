// SPDX-License-Identifier: GPL-3.0-or-later
// Text, form and canvas show one document; each edit goes through the text and comes back as a plan.
#include "app/pages/design_page.h"

#include <QAction>
#include <QComboBox>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSaveFile>
#include <QSplitter>
#include <QVBoxLayout>

#include "app/canvas/canvas_view.h"
#include "app/canvas/design_scene.h"
#include "app/models/presets_model.h"
#include "app/pages/design/block_form.h"
#include "app/pages/design/cost_bar.h"
#include "app/pages/design/fault_list.h"
#include "app/pages/design/palette.h"
#include "app/pages/design/yaml_editor.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/panel.h"

namespace serp::app {
namespace {

QFrame* separator() {
  auto* line = new QFrame;
  line->setProperty("role", "separator");
  line->setFixedSize(1, 24);
  return line;
}

}  // namespace

DesignPage::DesignPage(Workspace& workspace, QWidget* parent) : Page(QStringLiteral("design"), workspace, parent) {
  palette_ = new Palette;
  canvas_ = new CanvasView;
  form_ = new BlockForm;
  editor_ = new YamlEditor;
  faults_ = new FaultList;
  cost_ = new CostBar;
  presets_ = new PresetsModel(this);
  auto* formPanel = new Panel(tr("Selected"), tr("edits the text"));
  formPanel->setBody(form_);
  auto* textPanel = new Panel(tr("Text"), tr("edits the canvas, and back"));
  textPanel->setBody(editor_);
  textPanel->body()->addWidget(faults_);
  textPanel->setObjectName(QStringLiteral("textPanel"));

  auto* right = new QSplitter(Qt::Vertical);
  right->addWidget(formPanel);
  right->addWidget(textPanel);
  right->setHandleWidth(metric::kGrid);
  right->setChildrenCollapsible(false);
  right->setSizes({404, 368});
  auto* rightBox = new QWidget;
  auto* rightColumn = new QVBoxLayout(rightBox);
  rightColumn->setContentsMargins(0, 8, 8, 8);
  rightColumn->addWidget(right);
  rightBox->setMinimumWidth(320);

  auto* columns = new QSplitter(Qt::Horizontal);
  columns->addWidget(palette_);
  columns->addWidget(canvas_);
  columns->addWidget(rightBox);
  columns->setHandleWidth(metric::kGrid);
  columns->setStretchFactor(1, 1);
  columns->setSizes({184, 824, 384});
  columns->setChildrenCollapsible(false);
  auto* page = new QVBoxLayout(this);
  page->setContentsMargins(0, 0, 0, 0);
  page->setSpacing(0);
  page->addWidget(columns, 1);
  page->addWidget(cost_);
  buildTopBar();

  DesignDocument* design = workspace_.design;
  connect(design, &DesignDocument::changed, this, &DesignPage::showText);
  connect(design, &DesignDocument::planned, this, &DesignPage::showPlan);
  connect(editor_, &YamlEditor::edited, design, &DesignDocument::setText);
  connect(editor_, &YamlEditor::undoWanted, &design->undoStack(), &QUndoStack::undo);
  connect(editor_, &YamlEditor::redoWanted, &design->undoStack(), &QUndoStack::redo);
  connect(editor_, &YamlEditor::fixChosen, this, [design](const Diagnostic& d) {
    design->replaceAt(d.line, d.column, d.length, QString::fromStdString(d.fix));
  });
  connect(editor_, &YamlEditor::lineChanged, this, [this](int line) {
    const auto& spec = workspace_.design->spec();
    if (!spec) return;
    // The innermost block whose text holds the line: what stands last and begins at or before it.
    QString best;
    for (const CanvasCard& card : canvas_->designScene().canvasLayout().cards) {
      const BlockSpec* block = blockAt(spec->blocks, card.id.toStdString());
      if (block && block->place.line <= line && line <= std::max(block->place.line, block->endPlace.line)) best = card.id;
    }
    if (!best.isEmpty() && best != selected_) select(best);
  });
  connect(faults_, &FaultList::chosen, this, [this](int line, int column) {
    editor_->goTo(line, column);
    editor_->setFocus();
  });
  connect(form_, &BlockForm::edited, this, [this](const QString& path, const QString& yaml) {
    if (!workspace_.design->setValue(path, yaml) && workspace_.notices) workspace_.notices->error(workspace_.design->error());
  });
  connect(canvas_, &CanvasView::selectionMoved, this, &DesignPage::select);
  connect(canvas_, &CanvasView::activated, this, [this](const QString& id) {
    select(id);
    form_->focusFirst();
  });
  connect(palette_, &Palette::blockChosen, this, [this](const QString& kind) {
    editor_->insertPlainText(QStringLiteral("{kind: %1}").arg(kind));
    editor_->setFocus();
  });
}

void DesignPage::buildTopBar() {
  topBar_ = new QWidget;
  topBar_->setProperty("role", "topbar");
  topBar_->setFixedHeight(metric::kTopBar);
  auto* row = new QHBoxLayout(topBar_);
  row->setContentsMargins(8, 8, 8, 8);
  row->setSpacing(8);
  title_ = new QLabel;
  title_->setProperty("role", "title");
  title_->setMaximumWidth(220);
  row->addSpacing(4);
  row->addWidget(title_);
  gallery_ = new QComboBox;
  gallery_->setMinimumWidth(168);
  gallery_->setPlaceholderText(tr("Presets…"));
  gallery_->setAccessibleName(tr("Preset gallery"));
  gallery_->setToolTip(tr("Opens a shipped design; an unsaved one is kept in the undo history"));
  gallery_->setModel(presets_);
  gallery_->setCurrentIndex(-1);
  gallery_->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
  row->addWidget(gallery_);
  connect(gallery_, &QComboBox::activated, this, [this](int index) { openPreset(gallery_->itemData(index, PresetsModel::NameRole).toString()); });
  connect(presets_, &PresetsModel::loaded, this, [this] { gallery_->setCurrentIndex(presets_->rowOf(workspace_.design->preset())); });
  row->addWidget(separator());
  const auto button = [&](const QString& text, const QString& tip, auto act) {
    auto* b = new QPushButton(text);
    b->setProperty("role", "ghost");
    b->setToolTip(tip);
    connect(b, &QPushButton::clicked, this, act);
    row->addWidget(b);
    return b;
  };
  QUndoStack& undo = workspace_.design->undoStack();
  auto* back = button(tr("Undo"), tr("Ctrl+Z"), [&undo] { undo.undo(); });
  auto* forth = button(tr("Redo"), tr("Ctrl+Shift+Z"), [&undo] { undo.redo(); });
  back->setEnabled(undo.canUndo());
  forth->setEnabled(undo.canRedo());
  connect(&undo, &QUndoStack::canUndoChanged, back, &QWidget::setEnabled);
  connect(&undo, &QUndoStack::canRedoChanged, forth, &QWidget::setEnabled);
  button(tr("Save"), tr("Ctrl+S writes the text to its file; Ctrl+Shift+S asks for a name"), [this] { saveDesign(false); });
  row->addWidget(separator());
  auto* caption = new QLabel(tr("Pattern"));
  caption->setProperty("role", "muted");
  row->addWidget(caption);
  pattern_ = new QLineEdit;
  pattern_->setReadOnly(true);
  pattern_->setFixedWidth(112);
  pattern_->setFont(Theme::instance().code());
  pattern_->setToolTip(tr("M mamba, E expert layer, * attention, - dense feed-forward, (…)n repeat, (M|E) parallel"));
  pattern_->setAccessibleName(tr("Pattern of the design"));
  row->addWidget(pattern_);
  row->addStretch(1);
  train_ = new QPushButton(tr("Train   Space"));
  train_->setProperty("role", "primary");
  train_->setAccessibleName(tr("Train this design"));
  row->addWidget(train_);
  connect(train_, &QPushButton::clicked, this, [this] {
    workspace_.design->parseNow();  // what is trained is what stands in the text now
    if (train_->isEnabled() && workspace_.actions) workspace_.actions->trigger(QStringLiteral("train.design"));
  });
}

void DesignPage::openPreset(const QString& name) {
  if (!workspace_.design->open(name)) {
    if (workspace_.notices) workspace_.notices->error(workspace_.design->error());
    return;
  }
  select({});
}

void DesignPage::saveDesign(bool as) {
  DesignDocument* design = workspace_.design;
  if (!as && design->file().isEmpty()) as = true;
  bool done = false;
  if (as) {
    const QString path = QFileDialog::getSaveFileName(this, tr("Save design"), design->title() + QStringLiteral(".yaml"), tr("Designs (*.yaml)"));
    if (path.isEmpty()) return;
    done = design->saveAs(path);
  } else {
    done = design->save();
  }
  if (!workspace_.notices) return;
  if (done) workspace_.notices->success(tr("Saved to %1").arg(design->file()));
  else workspace_.notices->error(design->error());
}

void DesignPage::showText() {
  const DesignDocument& design = *workspace_.design;
  editor_->showText(design.text());
  title_->setText(design.title() + (design.isDirty() ? QStringLiteral("  ●") : QString()));
  title_->setToolTip(design.isDirty() ? tr("Changed since it was saved") : design.file());
  auto* panel = findChild<Panel*>(QStringLiteral("textPanel"));
  panel->setTitle(design.file().isEmpty() ? design.title() + QStringLiteral(".yaml") : design.file().section(QLatin1Char('/'), -1));
  if (presets_->rowCount() > 0) gallery_->setCurrentIndex(presets_->rowOf(design.preset()));
  Q_EMIT statusChanged();
}

void DesignPage::showPlan() {
  const DesignDocument& design = *workspace_.design;
  const int faults = design.faultCount();
  train_->setEnabled(faults == 0 && design.plan());
  train_->setToolTip(faults > 0 ? tr("Train waits for %1: %2").arg(faults == 1 ? tr("1 fault") : tr("%1 faults").arg(faults), QString::fromStdString(design.diagnostics().items.front().text()))
                                : tr("Trains this design in a new run (Space)"));
  if (QAction* action = workspace_.actions ? workspace_.actions->find(QStringLiteral("train.design")) : nullptr) action->setEnabled(train_->isEnabled());
  Q_EMIT statusChanged();
  stale_ = !isVisible();
  if (stale_) return;
  editor_->setDiagnostics(design.diagnostics());
  faults_->setDiagnostics(design.diagnostics());
  cost_->setPlan(design.plan() ? &*design.plan() : nullptr, faults > 0);
  title_->setText(design.title() + (design.isDirty() ? QStringLiteral("  ●") : QString()));
  if (design.plan()) {
    pattern_->setText(QString::fromStdString(design.plan()->pattern));
    if (faults == 0) canvas_->setDesign(*design.spec(), *design.plan());
    canvas_->setFaults(design.diagnostics());
    form_->show(selected_, *design.spec(), *design.plan());
  } else {
    canvas_->clearDesign(tr("This text is no design yet. Each fault is listed beside it; the canvas appears as soon as the last one is gone."));
  }
}

void DesignPage::select(const QString& id) {
  selected_ = id;
  canvas_->select(id);
  const DesignDocument& design = *workspace_.design;
  if (!design.spec()) return;
  form_->show(id, *design.spec(), *design.plan());
  const BlockSpec* block = blockAt(design.spec()->blocks, id.toStdString());
  if (!block || design.faultCount() > 0) return editor_->setMarkedLines(0, 0);
  const int last = block->endPlace.line > 0 ? block->endPlace.line - (block->endPlace.column <= 1 ? 1 : 0) : block->place.line;
  editor_->setMarkedLines(block->place.line, std::max(block->place.line, last));
  if (!editor_->hasFocus()) editor_->goTo(block->place.line, block->place.column);
}

QString DesignPage::statusText() const {
  const DesignDocument& design = *workspace_.design;
  if (const int faults = design.faultCount(); faults > 0)
    return tr("Train waits for %1").arg(faults == 1 ? tr("1 fault") : tr("%1 faults").arg(faults));
  return design.isDirty() ? tr("Changed since it was saved") : tr("%1, ready to train").arg(design.title());
}

void DesignPage::showEvent(QShowEvent* event) {
  Page::showEvent(event);
  if (presets_->rowCount() == 0) presets_->load();
  if (!stale_) return;
  showText();
  showPlan();
}

void DesignPage::resizeEvent(QResizeEvent* event) {
  Page::resizeEvent(event);
  arrange();
}

void DesignPage::arrange() { palette_->setMaximumWidth(width() < 1100 ? 168 : 220); }

void DesignPage::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Space && train_->isEnabled()) return train_->click();
  if (event->key() == Qt::Key_Slash) return palette_->focusFilter();
  if (event->matches(QKeySequence::Undo)) return workspace_.design->undoStack().undo();
  if (event->matches(QKeySequence::Redo)) return workspace_.design->undoStack().redo();
  if (event->matches(QKeySequence::Save)) return saveDesign(false);
  if (event->matches(QKeySequence::SaveAs)) return saveDesign(true);
  Page::keyPressEvent(event);
}

}  // namespace serp::app
