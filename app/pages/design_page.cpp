// SPDX-License-Identifier: GPL-3.0-or-later
// Text, form and canvas show one document; each edit goes through the text and comes back as a plan.
#include "app/pages/design_page.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QTabBar>
#include <QTreeView>
#include <QVBoxLayout>
#include <algorithm>

#include "app/canvas/canvas_editor.h"
#include "app/canvas/canvas_view.h"
#include "app/canvas/card_item.h"
#include "app/canvas/design_scene.h"
#include "app/models/presets_model.h"
#include "app/pages/design/block_form.h"
#include "app/pages/design/cost_bar.h"
#include "app/pages/design/fault_list.h"
#include "app/pages/design/gallery.h"
#include "app/pages/design/outline.h"
#include "app/pages/design/palette.h"
#include "app/pages/design/pinned.h"
#include "app/pages/design/yaml_editor.h"
#include "app/session/action_registry.h"
#include "app/session/design_document.h"
#include "app/session/notices.h"
#include "app/session/workspace.h"
#include "app/style/theme.h"
#include "app/widgets/panel.h"

namespace serp::app {
DesignPage::DesignPage(Workspace& workspace, QWidget* parent) : Page(tr("Design"), workspace, parent) {
  setProperty("role", "page");
  palette_ = new Palette;
  outline_ = new Outline;
  canvas_ = new CanvasView;
  canvasEditor_ = new CanvasEditor(workspace_, canvas_, this);
  form_ = new BlockForm;
  editor_ = new YamlEditor;
  faults_ = new FaultList;
  cost_ = new CostBar;
  pinned_ = new Pinned(*workspace_.design, this);
  cost_->setPinned(pinned_);
  presets_ = new PresetsModel(this);
  gallery_ = new Gallery(presets_, this);
  formPanel_ = new Panel(tr("Design"), {});
  formPanel_->setBody(form_);
  textPanel_ = new Panel(tr("Text"), tr("edits the diagram, and back"));
  textPanel_->setBody(editor_);
  textPanel_->body()->setSpacing(0);
  textPanel_->body()->addWidget(faults_);
  faultTag_ = new QLabel;
  faultTag_->setProperty("role", "tag-fault");
  faultTag_->hide();
  textPanel_->addHeaderWidget(faultTag_);

  auto* right = right_ = new QSplitter(Qt::Vertical);
  right->addWidget(formPanel_);
  right->addWidget(textPanel_);
  right->setHandleWidth(metric::kGrid);
  right->setChildrenCollapsible(false);
  auto* rightBox = new QWidget;
  auto* rightColumn = new QVBoxLayout(rightBox);
  rightColumn->setContentsMargins(0, 8, 8, 8);
  rightColumn->addWidget(right);
  rightBox->setMinimumWidth(320);
  auto* columns = columns_ = new QSplitter(Qt::Horizontal);
  auto* left = new QWidget;
  left->setProperty("role", "topbar");              // the ground of the palette
  left->setAttribute(Qt::WA_StyledBackground);
  auto* leftColumn = new QVBoxLayout(left);
  leftColumn->setContentsMargins(0, 0, 0, 0);
  leftColumn->setSpacing(0);
  leftTabs_ = new QTabBar;
  leftTabs_->addTab(tr("Blocks"));
  leftTabs_->addTab(tr("Outline"));
  leftTabs_->setExpanding(true);
  leftTabs_->setDrawBase(false);
  leftTabs_->setAccessibleName(tr("Blocks or outline"));
  leftStack_ = new QStackedWidget;
  leftStack_->addWidget(palette_);
  leftStack_->addWidget(outline_);
  connect(leftTabs_, &QTabBar::currentChanged, leftStack_, &QStackedWidget::setCurrentIndex);
  leftColumn->addWidget(leftTabs_);
  leftColumn->addWidget(leftStack_, 1);
  columns->addWidget(left);
  columns->addWidget(canvas_);
  columns->addWidget(rightBox);
  columns->setHandleWidth(metric::kGrid);
  for (int i = 0; i < 3; ++i) columns->setStretchFactor(i, i == 1 ? 1 : 0);
  columns->setChildrenCollapsible(false);
  for (QSplitter* splitter : {right_, columns_})
    connect(splitter, &QSplitter::splitterMoved, this, [this] { arranged_ = true; });
  auto* page = new QVBoxLayout(this);
  page->setContentsMargins(0, 0, 0, 0);
  page->setSpacing(0);
  page->addWidget(columns, 1);
  page->addWidget(cost_);
  topBar_ = new QWidget;
  registerActions();
  buildTopBar();

  DesignDocument* design = workspace_.design;
  connect(design, &DesignDocument::changed, this, &DesignPage::showText);
  connect(design, &DesignDocument::planned, this, &DesignPage::showPlan);
  connect(editor_, &YamlEditor::edited, design, &DesignDocument::setText);
  connect(editor_, &YamlEditor::undoWanted, &design->undoStack(), &QUndoStack::undo);
  connect(editor_, &YamlEditor::redoWanted, &design->undoStack(), &QUndoStack::redo);
  editor_->offerRemediesBy([design](const Diagnostic& d) {
    const auto mending = mendFault(design->text().toStdString(), d);
    return mending ? QString::fromStdString(mending->label) : QString();
  });
  connect(editor_, &YamlEditor::fixChosen, this, [this, design](const Diagnostic& d) {
    if (d.fix.empty()) {
      if (auto mending = mendFault(design->text().toStdString(), d)) design->edit(Result<DesignEdit>(std::move(mending->edit)), selection_);
      return;
    }
    design->replaceAt(d.line, d.column, d.length, QString::fromStdString(d.fix));
  });
  connect(editor_, &YamlEditor::lineChanged, this, [this](int line) {
    const DesignDocument& d = *workspace_.design;
    const BlockSpec* block = d.spec() && d.faultCount() == 0 ? blockOnLine(d.spec()->blocks, line) : nullptr;
    if (block && QString::fromStdString(block->path) != selected_) select(QString::fromStdString(block->path));
  });
  connect(faults_, &FaultList::chosen, this, [this](int line, int column) {
    editor_->goTo(line, column);
    editor_->setFocus();
  });
  connect(form_, &BlockForm::edited, this, [this](const QString& path, const QString& yaml) {
    const qsizetype dot = path.lastIndexOf(QLatin1Char('.'));
    if (path.startsWith(QLatin1String("model.blocks["))) return canvasEditor_->setKey(path.left(dot), path.mid(dot + 1), yaml);
    if (workspace_.design->setValue(path, yaml)) return;
    workspace_.notices->error(workspace_.design->error());
    showForm();                                    // back to what the text says
  });
  connect(form_, &BlockForm::refused, this, [this](const QString& sentence) { workspace_.notices->warning(sentence); });
  connect(form_, &BlockForm::headed, this, [this](const QString& title, const QString& place, const QString& family) {
    const QColor hue = Theme::instance().family(family);
    const QString words = selection_.size() > 1 ? tr("%1 · %2 selected").arg(title).arg(selection_.size()) : title;
    formPanel_->setTitle(family.isEmpty() ? words : QStringLiteral("<span style='color:%1'>■</span>&nbsp; %2").arg(hue.name(), words.toHtmlEscaped()));
    formPanel_->setAccessibleName(title);
    formPanel_->setSubtitle(place);
  });
  connect(canvas_, &CanvasView::selectionChanged, this, &DesignPage::setSelection);
  connect(outline_, &Outline::selectionMade, this, &DesignPage::setSelection);
  connect(outline_, &QTreeWidget::itemActivated, this, [this] { form_->focusFirst(); });
  connect(design, &DesignDocument::selectionWanted, this, &DesignPage::setSelection);
  connect(form_, &BlockForm::resetWanted, canvasEditor_, &CanvasEditor::unsetKey);
  connect(pinned_, &Pinned::changed, this, &DesignPage::showCosts);
  connect(cost_, &CostBar::equaliseWanted, this, &DesignPage::equalise);
  connect(canvas_, &CanvasView::activated, this, [this](const QString& id) {
    select(id);
    form_->focusFirst();
  });
  connect(palette_, &Palette::blockChosen, canvasEditor_, &CanvasEditor::add);
  connect(gallery_, &Gallery::chosen, this, &DesignPage::openPreset);
  connect(&Theme::instance(), &Theme::changed, this, [this] {
    pattern_->setFont(Theme::instance().code());
    if (isVisible()) showPlan();
    else stale_ = true;
  });
  setTabOrder(palette_->tree(), canvas_);
}

void DesignPage::showText() {
  const DesignDocument& design = *workspace_.design;
  editor_->showText(design.text());
  showTitle();
  if (!design.spec() || design.text().count(QLatin1Char('\n')) != QString::fromStdString(design.spec()->text).count(QLatin1Char('\n'))) editor_->setMarkedLines(0, 0);
  Q_EMIT statusChanged();
}

void DesignPage::showTitle() {
  const DesignDocument& design = *workspace_.design;
  title_->setText(design.title() + (design.isDirty() ? QStringLiteral(" <span style='color:%1'>●</span>").arg(Theme::instance().color(Tone::Experts).name()) : QString()));
  title_->setToolTip(design.isDirty() ? tr("Changed since it was saved") : design.file());
  textPanel_->setTitle(design.file().isEmpty() ? design.title() + QStringLiteral(".yaml") : design.file().section(QLatin1Char('/'), -1));
}

QString DesignPage::faultCountText() const {
  const int faults = workspace_.design->faultCount();
  return faults == 1 ? tr("1 fault") : tr("%1 faults").arg(faults);
}

void DesignPage::showPlan() {
  const DesignDocument& design = *workspace_.design;
  const int faults = design.faultCount();
  if (QAction* action = workspace_.actions->find(QStringLiteral("train.design")))
    action->setToolTip(faults > 0 ? tr("Train waits for %1: %2").arg(faultCountText(), QString::fromStdString(design.diagnostics().items.front().text()))
                                  : tr("Trains this design in a new run (Space on this page, Ctrl+Return anywhere)"));
  Q_EMIT statusChanged();
  stale_ = !isVisible();
  if (stale_) return;
  showTitle();
  showFaults();
  showCosts();
  if (design.plan()) {
    if (!pattern_->hasFocus()) pattern_->setText(QString::fromStdString(design.plan()->pattern));
    pattern_->setCursorPosition(0);
    if (design.isReadable()) {
      canvas_->setDesign(*design.spec(), *design.plan());
      outline_->setLayout(canvas_->designScene().canvasLayout());
    }
    canvas_->setFaults(design.diagnostics());
    outline_->setFaults(canvas_->designScene().faultCounts());
    if (design.isSelectionComing()) return;
    if (canvas_->designScene().selection() != selection_) return setSelection(canvas_->designScene().selection());
  } else {
    pattern_->clear();
    canvas_->clearDesign(tr("This text is no design yet. Each fault is listed beside it; the diagram appears as soon as the last one is gone."));
  }
  showForm();
  markLines(false);
}

void DesignPage::showCosts() {
  const DesignDocument& design = *workspace_.design;
  cost_->setPlan(design.plan() ? &*design.plan() : nullptr,
                 design.spec() ? QString::fromStdString(design.spec()->top.text("precision")) : QString(), design.faultCount() > 0);
}

void DesignPage::equalise() {
  const auto offer = pinned_->offer();
  if (!offer) return;
  DesignEdit edit{offer->text, {}, "equalise with " + pinned_->title().toStdString()};
  for (const QString& id : selection_) edit.selection.push_back(id.toStdString());
  QStringList words;
  for (const EqualisedChange& c : offer->changes) words << QStringLiteral("%1.%2 %3 → %4").arg(QString::fromStdString(c.path), QString::fromStdString(c.key), QString::fromStdString(c.before), QString::fromStdString(c.after));
  const QString shown = words.mid(0, 4).join(QStringLiteral(", ")) + (words.size() > 4 ? tr(" and %1 more").arg(words.size() - 4) : QString());
  if (workspace_.design->edit(Result<DesignEdit>(std::move(edit)), selection_)) workspace_.notices->success(tr("Equalised with %1: %2").arg(pinned_->title(), shown));
}

void DesignPage::showFaults() {
  const DesignDocument& design = *workspace_.design;
  editor_->setDiagnostics(design.diagnostics());
  faults_->setDiagnostics(design.diagnostics());
  faultTag_->setVisible(design.faultCount() > 0);
  faultTag_->setText(faultCountText());
}

void DesignPage::showForm() {
  const DesignDocument& design = *workspace_.design;
  if (design.plan()) form_->show(selected_, *design.spec(), *design.plan(), selection_.mid(0, 64));
  else form_->showNothing(tr("The fields appear as soon as the text is a design."));
}

void DesignPage::select(const QString& id) { setSelection(id.isEmpty() ? QStringList() : QStringList(id)); }

void DesignPage::setSelection(const QStringList& ids) {
  canvas_->setSelection(ids);
  const QStringList& shown = canvas_->designScene().selection();
  // A page that is not shown has no cards yet: what was asked for counts.
  selection_ = shown.isEmpty() && !isVisible() ? ids : shown;
  selected_ = selection_.isEmpty() ? QString() : selection_.back();
  outline_->setSelection(selection_);
  showForm();
  markLines(true);
}

void DesignPage::markLines(bool scroll) {
  const DesignDocument& design = *workspace_.design;
  // While the text has faults the places are those of the last good one: they hold as long as no line came or went.
  const bool placed = design.spec() && design.text().count(QLatin1Char('\n')) == QString::fromStdString(design.spec()->text).count(QLatin1Char('\n'));
  const BlockSpec* block = placed ? blockAt(design.spec()->blocks, selected_.toStdString()) : nullptr;
  if (!block) return editor_->setMarkedLines(0, 0);
  const int last = block->endPlace.line - (block->endPlace.column <= 1 ? 1 : 0);
  editor_->setMarkedLines(block->place.line, std::max(block->place.line, last));
  if (scroll && !editor_->hasFocus()) editor_->goTo(block->place.line, block->place.column);
}

QString DesignPage::statusText() const {
  const DesignDocument& design = *workspace_.design;
  if (design.faultCount() > 0) return tr("Train waits for %1").arg(faultCountText());
  return design.isDirty() ? tr("%1, changed since it was saved").arg(design.title()) : tr("%1, ready to train").arg(design.title());
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
  palette_->setMaximumWidth(width() < 1300 ? 168 : 220);
  if (arranged_) return;                          // a person has moved a border: it stays where it was put
  const int narrow = width() < 1300 ? 160 : 176, side = std::clamp(width() * 318 / 1000, 344, 480), text = std::clamp(height() * 44 / 100, 240, 420);
  columns_->setSizes({narrow, width() - narrow - side, side});
  right_->setSizes({std::max(1, height() - text), text});
}

void DesignPage::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Space && event->modifiers() == Qt::NoModifier) return workspace_.actions->trigger(QStringLiteral("train.design"));
  if (event->key() == Qt::Key_Escape && !canvas_->hasFocus()) return canvas_->setFocus(Qt::OtherFocusReason);  // from form and text back to the diagram
  Page::keyPressEvent(event);
}

}  // namespace serp::app
